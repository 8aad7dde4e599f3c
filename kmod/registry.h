/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names: which mailbox has which, one table for each network namespace.
 */
#ifndef MBIPC_REGISTRY_H
#define MBIPC_REGISTRY_H

#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>

struct mbipc_mailbox;

/**
 * struct mbipc_names - the names of one network namespace
 * @refs: the namespace, and each mailbox that was ever registered here
 * @lock: guards the rest, and the life of the mailboxes in @root
 * @root: mailboxes in the order of their names; they have at least one handle
 *	or PERSIST, and are not DEAD
 * @closed: the namespace is gone, no more names
 *
 * The table outlives its namespace while a handle knows it, for its lock.
 */
struct mbipc_names {
	refcount_t refs;
	/* the one at the top of the lock tree, see mailbox.h */
	struct mutex lock;
	struct rb_root root;
	bool closed;
};

struct mbipc_names *mbipc_names_new(void);
struct mbipc_names *mbipc_names_hold(struct mbipc_names *names);
void mbipc_names_put(struct mbipc_names *names);

struct mbipc_mailbox *mbipc_names_find(struct mbipc_names *names,
				       const char *name);
struct mbipc_mailbox *mbipc_names_after(struct mbipc_names *names,
					const char *name);
void mbipc_names_add(struct mbipc_names *names, struct mbipc_mailbox *mailbox);
void mbipc_names_remove(struct mbipc_names *names,
			struct mbipc_mailbox *mailbox);

#endif
