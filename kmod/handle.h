/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handles: who may have one, with which rights, and how it goes.
 */
#ifndef MBIPC_HANDLE_H
#define MBIPC_HANDLE_H

#include "mailbox.h"

struct net;

static inline int mbipc_check_right(const struct mbipc_handle *handle, u32 right,
				    int code, struct mailbox_error *err)
{
	if (likely(handle->may & right))
		return 0;
	return mbipc_fail_state(err, code, MAILBOX_REASON_RIGHT, right);
}

int mbipc_handle_init(void);
void mbipc_handle_exit(void);

struct mbipc_handle *mbipc_handle_new(u32 rights, struct mailbox_error *err);
int mbipc_handle_create(struct mbipc_handle *handle,
			const struct mailbox_create *how, char *name,
			struct net *net, bool *created,
			struct mailbox_error *err);
int mbipc_handle_open(struct mbipc_handle *handle, const char *name,
		      struct net *net, struct mailbox_error *err);
int mbipc_handle_dup(struct mbipc_handle *handle, struct mbipc_handle *from,
		     struct mailbox_error *err);
void mbipc_handle_close(struct mbipc_handle *handle);

#endif
