// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>
#include <linux/string.h>

#include "mailbox.h"
#include "registry.h"

#define node_mailbox(n)	rb_entry(n, struct mbipc_mailbox, name_node)

struct mbipc_names *mbipc_names_new(void)
{
	struct mbipc_names *names = kzalloc(sizeof(*names), GFP_KERNEL_ACCOUNT);

	if (names) {
		refcount_set(&names->refs, 1);
		mutex_init(&names->lock);
		names->root = RB_ROOT;
	}
	return names;
}

struct mbipc_names *mbipc_names_hold(struct mbipc_names *names)
{
	refcount_inc(&names->refs);
	return names;
}

void mbipc_names_put(struct mbipc_names *names)
{
	if (refcount_dec_and_test(&names->refs)) {
		WARN_ON_ONCE(!RB_EMPTY_ROOT(&names->root));
		kfree(names);
	}
}

/**
 * mbipc_names_find - who has a name?
 * @names: the table; its lock is held
 * @name: the name
 *
 * Return: the mailbox, alive at least until the lock is released, or NULL.
 */
struct mbipc_mailbox *mbipc_names_find(struct mbipc_names *names,
				       const char *name)
{
	struct rb_node *node = names->root.rb_node;

	lockdep_assert_held(&names->lock);
	while (node) {
		int order = strcmp(name, node_mailbox(node)->name);

		if (!order)
			return node_mailbox(node);
		node = order < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/**
 * mbipc_names_after - the next name in order
 * @names: the table; its lock is held
 * @name: a name, there or not; "" begins
 *
 * Return: as mbipc_names_find().
 */
struct mbipc_mailbox *mbipc_names_after(struct mbipc_names *names,
					const char *name)
{
	struct rb_node *node = names->root.rb_node;
	struct mbipc_mailbox *next = NULL;

	lockdep_assert_held(&names->lock);
	while (node) {
		if (strcmp(name, node_mailbox(node)->name) < 0) {
			next = node_mailbox(node);
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return next;
}

/**
 * mbipc_names_add - give a mailbox its name
 * @names: the table; its lock is held, and the name is free
 * @mailbox: with its name set; the caller keeps its reference, the table takes
 *	one of its own
 */
void mbipc_names_add(struct mbipc_names *names, struct mbipc_mailbox *mailbox)
{
	struct rb_node **link = &names->root.rb_node;
	struct rb_node *parent = NULL;

	lockdep_assert_held(&names->lock);
	while (*link) {
		parent = *link;
		if (strcmp(mailbox->name, node_mailbox(parent)->name) < 0)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	refcount_inc(&mailbox->refs);
	rb_link_node(&mailbox->name_node, parent, link);
	rb_insert_color(&mailbox->name_node, &names->root);
}

/**
 * mbipc_names_remove - take the name away
 * @names: the table; its lock is held
 * @mailbox: in it; the table's reference becomes the caller's
 */
void mbipc_names_remove(struct mbipc_names *names,
			struct mbipc_mailbox *mailbox)
{
	lockdep_assert_held(&names->lock);
	rb_erase(&mailbox->name_node, &names->root);
	RB_CLEAR_NODE(&mailbox->name_node);
}
