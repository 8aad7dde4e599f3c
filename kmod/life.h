/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a mailbox begins, is held, and ends.
 */
#ifndef MBIPC_LIFE_H
#define MBIPC_LIFE_H

#include "mailbox.h"

int mbipc_life_init(void);
void mbipc_life_exit(void);

struct mbipc_mailbox *mbipc_mailbox_new(const struct mailbox_create *how,
					struct mbipc_account *account,
					struct mailbox_error *err);
int mbipc_mailbox_register(struct mbipc_mailbox *mailbox, char *name,
			   struct mbipc_names *names);
void mbipc_mailbox_put(struct mbipc_mailbox *mailbox);
struct file *mbipc_mailbox_memory(struct mbipc_mailbox *mailbox,
				  struct mailbox_error *err);

int mbipc_attach(struct mbipc_mailbox *mailbox, struct mbipc_handle *handle,
		 struct mailbox_error *err);
void mbipc_detach(struct mbipc_handle *handle);
bool mbipc_closing(struct mbipc_handle *handle, const void *files);
void mbipc_closed(struct mbipc_handle *handle, const void *files);

int mbipc_destroy(struct mbipc_mailbox *mailbox, u64 *dropped,
		  struct mailbox_error *err);
void mbipc_destroy_all(struct mbipc_names *names);

#endif
