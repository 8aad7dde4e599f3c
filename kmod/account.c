// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "account.h"
#include "error.h"
#include "limits.h"

/* Leaf lock: nothing is taken under it. */
static DEFINE_SPINLOCK(accounts_lock);
static DEFINE_HASHTABLE(accounts, 6);

static struct mbipc_account *account_find(kuid_t uid)
{
	struct mbipc_account *account;

	hash_for_each_possible(accounts, account, node, __kuid_val(uid))
		if (uid_eq(account->uid, uid)) {
			refcount_inc(&account->refs);
			return account;
		}
	return NULL;
}

/**
 * mbipc_account_get - the account of a user, made if there is none
 * @uid: the user
 *
 * Context: may sleep.
 * Return: the account with a reference for the caller, or NULL: no memory.
 */
struct mbipc_account *mbipc_account_get(kuid_t uid)
{
	struct mbipc_account *account, *fresh;

	spin_lock(&accounts_lock);
	account = account_find(uid);
	spin_unlock(&accounts_lock);
	if (account)
		return account;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return NULL;
	refcount_set(&fresh->refs, 1);
	fresh->uid = uid;

	spin_lock(&accounts_lock);
	account = account_find(uid);
	if (!account) {
		hash_add(accounts, &fresh->node, __kuid_val(uid));
		account = fresh;
	}
	spin_unlock(&accounts_lock);
	if (account != fresh)
		kfree(fresh);
	return account;
}

struct mbipc_account *mbipc_account_hold(struct mbipc_account *account)
{
	refcount_inc(&account->refs);
	return account;
}

/* The rest of mbipc_account_put(): this may be the last reference. */
void mbipc_account_put_last(struct mbipc_account *account)
{
	if (!refcount_dec_and_lock(&account->refs, &accounts_lock))
		return;
	__acquire(&accounts_lock);	/* sparse does not see the and_lock */
	hash_del(&account->node);
	spin_unlock(&accounts_lock);
	kfree(account);
}

/*
 * Never above the quota, not even for a moment in which somebody else would be
 * refused.  The quota may be lowered at any time; who is above it can go down.
 */
static bool charge(atomic_long_t *counter, long amount, unsigned long quota)
{
	long old = atomic_long_read(counter);

	do {
		unsigned long sum = (unsigned long)old + amount;

		/* Nobody's is so large that it begins anew. */
		if (sum > LONG_MAX ||
		    (sum > quota && !capable(CAP_SYS_RESOURCE)))
			return false;
	} while (!atomic_long_try_cmpxchg(counter, &old, old + amount));
	return true;
}

/**
 * mbipc_account_bytes - charge memory before it is allocated
 * @account: who pays
 * @bytes: how much
 * @err: told the quota that refused
 *
 * Return: 0 or -EDQUOT, with nothing charged.
 */
int mbipc_account_bytes(struct mbipc_account *account, size_t bytes,
			struct mailbox_error *err)
{
	unsigned long quota = READ_ONCE(mbipc_user_bytes);

	if (charge(&account->bytes, bytes, quota))
		return 0;
	return mbipc_fail_state(err, -EDQUOT, MAILBOX_REASON_USER_BYTES, quota);
}

/**
 * mbipc_account_message - charge a message before it is allocated
 * @account: who pays
 * @bytes: what it costs to keep
 * @err: told which quota refused
 *
 * Return: 0 or -EDQUOT, with nothing charged.
 */
int mbipc_account_message(struct mbipc_account *account, size_t bytes,
			  struct mailbox_error *err)
{
	unsigned long quota = READ_ONCE(mbipc_user_messages);
	int code;

	if (!charge(&account->messages, 1, quota))
		return mbipc_fail_state(err, -EDQUOT,
					MAILBOX_REASON_USER_MESSAGES, quota);
	code = mbipc_account_bytes(account, bytes, err);
	if (code)
		atomic_long_dec(&account->messages);
	return code;
}

/**
 * mbipc_account_mailbox - charge a mailbox before it is allocated
 * @account: who pays
 * @err: told the quota that refused
 *
 * Return: 0 or -EDQUOT, with nothing charged.
 */
int mbipc_account_mailbox(struct mbipc_account *account,
			  struct mailbox_error *err)
{
	unsigned long quota = READ_ONCE(mbipc_user_mailboxes);

	if (charge(&account->mailboxes, 1, quota))
		return 0;
	return mbipc_fail_state(err, -EDQUOT, MAILBOX_REASON_USER_MAILBOXES,
				quota);
}

void mbipc_account_mailbox_end(struct mbipc_account *account)
{
	atomic_long_dec(&account->mailboxes);
}
