/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each network namespace has names of its own, as abstract AF_UNIX names are
 * its own.  (An IPC namespace would be the place, but a module cannot learn of
 * its end.)
 */
#ifndef MBIPC_NAMESPACE_H
#define MBIPC_NAMESPACE_H

struct mbipc_names;
struct net;

int mbipc_namespace_init(void);
void mbipc_namespace_exit(void);
struct mbipc_names *mbipc_names_of(struct net *net);

#endif
