/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who pays: what each user (by real user id) has queued and created, and the
 * quotas on it.  Memory itself is charged to the memcg of whoever allocates.
 */
#ifndef MBIPC_ACCOUNT_H
#define MBIPC_ACCOUNT_H

#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>

struct mailbox_error;

/**
 * struct mbipc_account - one user's use
 * @node: in the table of accounts; guarded by the table's lock
 * @refs: handles, messages and mailboxes that point here
 * @uid: whose; constant
 * @bytes: queued, with what it costs to keep them
 * @messages: queued
 * @mailboxes: created and not released
 *
 * The counters are read and changed without a lock; each stands for itself.
 */
struct mbipc_account {
	struct hlist_node node;
	refcount_t refs;
	kuid_t uid;
	atomic_long_t bytes;
	atomic_long_t messages;
	atomic_long_t mailboxes;
};

struct mbipc_account *mbipc_account_get(kuid_t uid);
struct mbipc_account *mbipc_account_hold(struct mbipc_account *account);
void mbipc_account_put_last(struct mbipc_account *account);

static inline void mbipc_account_put(struct mbipc_account *account)
{
	if (!refcount_dec_not_one(&account->refs))
		mbipc_account_put_last(account);
}

int mbipc_account_message(struct mbipc_account *account, size_t bytes,
			  struct mailbox_error *err);
int mbipc_account_bytes(struct mbipc_account *account, size_t bytes,
			struct mailbox_error *err);

static inline void mbipc_account_bytes_end(struct mbipc_account *account,
					   size_t bytes)
{
	atomic_long_sub(bytes, &account->bytes);
}

static inline void mbipc_account_message_end(struct mbipc_account *account,
					     size_t bytes)
{
	mbipc_account_bytes_end(account, bytes);
	atomic_long_dec(&account->messages);
}

int mbipc_account_mailbox(struct mbipc_account *account,
			  struct mailbox_error *err);
void mbipc_account_mailbox_end(struct mbipc_account *account);

#endif
