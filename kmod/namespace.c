// SPDX-License-Identifier: GPL-2.0
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "life.h"
#include "namespace.h"
#include "registry.h"

static unsigned int names_id;

static struct mbipc_names **names_slot(struct net *net)
{
	return net_generic(net, names_id);
}

/**
 * mbipc_names_of - the names of a network namespace
 * @net: the caller lives in it, so that it is not about to go
 */
struct mbipc_names *mbipc_names_of(struct net *net)
{
	return *names_slot(net);
}

static int __net_init names_net_init(struct net *net)
{
	struct mbipc_names *names = mbipc_names_new();

	if (!names)
		return -ENOMEM;
	*names_slot(net) = names;
	return 0;
}

static void __net_exit names_net_exit(struct net *net)
{
	struct mbipc_names *names = *names_slot(net);

	mbipc_destroy_all(names);
	mbipc_names_put(names);
}

static struct pernet_operations names_net_ops = {
	.init = names_net_init,
	.exit = names_net_exit,
	.id = &names_id,
	.size = sizeof(struct mbipc_names *),
};

int mbipc_namespace_init(void)
{
	return register_pernet_subsys(&names_net_ops);
}

void mbipc_namespace_exit(void)
{
	unregister_pernet_subsys(&names_net_ops);
}
