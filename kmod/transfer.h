/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a message gets in and out.
 *
 * No user memory is touched here: a sender comes with a whole message, and a
 * receiver is lent one, which it copies and then keeps or gives back:
 *
 *	mbipc_take() -> copy -> mbipc_finish()
 */
#ifndef MBIPC_TRANSFER_H
#define MBIPC_TRANSFER_H

#include <linux/types.h>

#include "mailbox.h"

/**
 * struct mbipc_sending - one send
 * @message: owned by the caller until mbipc_send() succeeds
 * @patience: how long to wait
 * @sync: end when a receiver has taken it
 * @plain: by write(2): see mbipc_post()
 * @request: goes with it: mbipc_post()'s from its call on; or NULL
 * @sequence: out: its number
 * @taker: out: who took it, with a reference on the pid, and how many; comes
 *	with 1 receiver, else zero
 */
struct mbipc_sending {
	struct mbipc_message *message;
	const struct mbipc_patience *patience;
	bool sync;
	bool plain;
	struct mbipc_request *request;
	u64 sequence;
	struct mbipc_party taker;
};

int mbipc_send(struct mbipc_handle *handle, struct mbipc_sending *sending,
	       struct mailbox_error *err);

/**
 * struct mbipc_taking - one receive
 * @select: what is wanted
 * @patience: how long to wait
 * @room: bytes that the caller has
 * @truncate: it takes longer messages too
 * @first: it has waited, and was the first in line; false to begin with
 * @answers: it can answer requests
 * @plain: by read(2): see mbipc_post()
 * @inbox: out: where the item belongs
 * @item: out: lent to the caller
 * @message: out: the item's
 * @length: out: bytes in the message
 * @lost: out: what the header shall tell
 * @sync: out: what the header shall tell
 */
struct mbipc_taking {
	struct mbipc_select select;
	const struct mbipc_patience *patience;
	size_t room;
	bool truncate;
	bool first;
	bool answers;
	bool plain;
	struct mbipc_inbox *inbox;
	struct mbipc_item *item;
	struct mbipc_message *message;
	size_t length;
	u64 lost;
	bool sync;
};

/* mbipc_finish(): the message was withdrawn meanwhile, take another. */
#define MBIPC_AGAIN	1

int mbipc_take(struct mbipc_handle *handle, struct mbipc_taking *taking,
	       struct mailbox_error *err);
int mbipc_finish(struct mbipc_handle *handle, struct mbipc_taking *taking,
		 int copied, struct mailbox_error *err);
int mbipc_peek(struct mbipc_handle *handle, struct mbipc_taking *taking,
	       u64 index, struct mailbox_error *err);

__poll_t mbipc_poll_mask(struct mbipc_handle *handle, __poll_t wanted);

#endif
