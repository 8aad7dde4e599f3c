/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages between user memory and a mailbox; for the commands, and for
 * read(2) and write(2).
 */
#ifndef MBIPC_POST_H
#define MBIPC_POST_H

#include "transfer.h"

struct iov_iter;

int mbipc_post(struct mbipc_handle *handle, struct iov_iter *from,
	       struct mbipc_sending *sending, u32 priority, u64 tag,
	       struct mailbox_error *err);
int mbipc_fetch(struct mbipc_handle *handle, const struct iov_iter *to,
		struct mbipc_taking *taking,
		struct mailbox_header __user *user, struct mailbox_error *err);
int mbipc_look(struct mbipc_handle *handle, const struct iov_iter *to,
	       struct mbipc_taking *taking, u64 index,
	       struct mailbox_header __user *user, struct mailbox_error *err);

#endif
