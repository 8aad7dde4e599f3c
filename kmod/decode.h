/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What user space passes, checked: the parts that commands have in common.
 *
 * Each function returns 0 or a negative errno with @err told which member is
 * at fault; a @field is the member's offset in the command's struct.
 */
#ifndef MBIPC_DECODE_H
#define MBIPC_DECODE_H

#include <linux/mailbox.h>
#include <linux/types.h>
#include <linux/uio.h>

struct file;
struct mbipc_patience;

int mbipc_check_flags(u64 flags, u64 known, u16 field,
		      struct mailbox_error *err);
int mbipc_check_zero(u64 value, u16 field, struct mailbox_error *err);
int mbipc_check_range(u64 value, u64 low, u64 high, u16 field,
		      struct mailbox_error *err);
int mbipc_check_rights(u32 rights, u16 field, struct mailbox_error *err);

int mbipc_get_patience(const struct file *file, u32 flags, u16 flags_field,
		       s64 deadline, u16 deadline_field,
		       struct mbipc_patience *patience,
		       struct mailbox_error *err);
int mbipc_get_name(u64 address, u16 field, char **name,
		   struct mailbox_error *err);

/**
 * struct mbipc_payload - where a payload is, or goes
 * @iter: over all of it
 * @allocated: freed by mbipc_payload_end()
 * @few: the pieces, if they are few
 */
struct mbipc_payload {
	struct iov_iter iter;
	struct iovec *allocated;
	struct iovec few[4];
};

int mbipc_get_payload(unsigned int direction, bool vector, u64 buffer,
		      u16 buffer_field, u64 length, u16 length_field,
		      struct mbipc_payload *payload, struct mailbox_error *err);
void mbipc_payload_end(struct mbipc_payload *payload);

#endif
