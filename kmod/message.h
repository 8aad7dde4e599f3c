/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A message: its payload, and what the kernel attests of it.
 */
#ifndef MBIPC_MESSAGE_H
#define MBIPC_MESSAGE_H

#include <linux/cred.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>

#include "queue.h"

struct mailbox_error;
struct mbipc_account;
struct mbipc_wait;
struct page;

/**
 * struct mbipc_cargo - what goes with a message, besides its payload
 * @drop: let go of it, where nobody has taken it; may sleep
 */
struct mbipc_cargo {
	void (*drop)(struct mbipc_cargo *cargo);
};

/**
 * struct mbipc_message - a message, from the copy in to the last copy out
 * @item: its place; for a broadcast each receiver has a struct mbipc_copy
 * @withdrawn: the sender took it back while a receiver was copying it, who
 *	must throw away what it has.  Mailbox's lock
 * @request: it asks for a channel; constant
 * @refs: places, and those that look at the message without one
 * @length: bytes of payload; constant
 * @copies: places; the mailbox's lock
 * @uid: the sender's effective user id; constant
 * @gid: the sender's effective group id; constant
 * @time: when it was accepted, CLOCK_MONOTONIC, ns; constant once it was
 * @account: who pays; holds a reference
 * @waiter: the sender's wait, while it wants to know who takes the message.
 *	Mailbox's lock
 * @cargo: what goes with it, until its receiver has it; owned, or NULL.  Its
 *	receiver's, or who frees the message
 * @pages: the payload, if it is not in @data; a chain through page_private()
 * @data: the payload, if it is small
 *
 * Ownership goes from the sender to the queue, to the receiver.
 */
struct mbipc_message {
	struct mbipc_item item;
	bool withdrawn;
	bool request;
	refcount_t refs;
	u32 length;
	u32 copies;
	kuid_t uid;
	kgid_t gid;
	u64 time;
	struct mbipc_account *account;
	struct mbipc_wait *waiter;
	struct mbipc_cargo *cargo;
	struct page *pages;
	u8 data[];
};

/**
 * struct mbipc_copy - one receiver's place for a broadcast message
 * @item: the place
 * @message: holds a reference
 */
struct mbipc_copy {
	struct mbipc_item item;
	struct mbipc_message *message;
};

static inline struct mbipc_message *mbipc_item_message(struct mbipc_item *item)
{
	if (item->copy)
		return container_of(item, struct mbipc_copy, item)->message;
	return container_of(item, struct mbipc_message, item);
}

int mbipc_message_init(void);
void mbipc_message_exit(void);

struct mbipc_message *mbipc_message_new(struct mbipc_account *account,
					struct iov_iter *from,
					u16 priority, u64 tag, bool request,
					struct mailbox_error *err);
int mbipc_message_read(const struct mbipc_message *message,
		       struct iov_iter *to);
void mbipc_message_put(struct mbipc_message *message);

/*
 * An id as the caller's user namespace sees it.  In the initial one every id
 * is itself, which the map would find out at length.
 */
static inline u32 mbipc_uid_shown(kuid_t uid)
{
	struct user_namespace *ns = current_user_ns();

	return ns == &init_user_ns ? __kuid_val(uid) : from_kuid_munged(ns, uid);
}

static inline u32 mbipc_gid_shown(kgid_t gid)
{
	struct user_namespace *ns = current_user_ns();

	return ns == &init_user_ns ? __kgid_val(gid) : from_kgid_munged(ns, gid);
}

struct mbipc_copy *mbipc_copy_new(struct mbipc_message *message,
				  struct mailbox_error *err);
void mbipc_item_free(struct mbipc_item *item);

#endif
