/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Channels: a mailbox between two ends, each with handles of its own.
 *
 * CONNECT makes a whole channel and keeps one end.  The other end goes with the
 * request, as a handle without a file: in the queue, then with the handle that
 * received the request, until ACCEPT gives it a file.  Wherever the request is
 * lost, that handle is closed like any other, and who asked is told.  Where who
 * asked gives up, the request goes from the handle that received it, so that
 * nobody keeps what nobody pays for.
 *
 * On a channel nobody can ask for another one; so an end in a request holds no
 * requests, and to drop one goes no deeper.
 */
#ifndef MBIPC_CHANNEL_H
#define MBIPC_CHANNEL_H

#include "mailbox.h"

/**
 * struct mbipc_channel_how - what a new channel is like
 * @capacity: messages that may wait, each way
 * @message_max: bytes
 * @ring: bytes in each end's ring; both 0 for none
 * @answer: MAILBOX_PEER_OPEN, or _PENDING where the second end is offered
 */
struct mbipc_channel_how {
	u64 capacity;
	u64 message_max;
	u32 ring[2];
	u32 answer;
};

int mbipc_channel_make(struct mbipc_handle *first, struct mbipc_handle *second,
		       const struct mbipc_channel_how *how,
		       struct mailbox_error *err);

struct mbipc_request *mbipc_request_new(struct mbipc_handle *far,
					struct mbipc_mailbox *asked,
					struct mailbox_error *err);
struct mbipc_request *mbipc_request_take(struct mbipc_handle *handle,
					 u64 sequence,
					 struct mailbox_error *err);
void mbipc_request_put_back(struct mbipc_handle *handle,
			    struct mbipc_request *request);
int mbipc_request_accept(struct mbipc_request *request, struct file *file,
			 struct mbipc_account *account,
			 struct mailbox_error *err);
int mbipc_request_refuse(struct mbipc_request *request, u32 answer,
			 struct mailbox_error *err);

int mbipc_channel_await(struct mbipc_handle *near, struct mbipc_handle *handle,
			const struct mbipc_patience *patience,
			struct mailbox_error *err);
void mbipc_channel_peer(struct mbipc_handle *handle, struct mailbox_peer *peer);

int mbipc_channel_wait(struct mbipc_handle *handle, u32 events,
		       const struct mbipc_patience *patience,
		       struct mailbox_error *err);
void mbipc_channel_wake(struct mbipc_handle *handle, u32 events, bool both);

#endif
