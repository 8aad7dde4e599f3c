/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A segment: memory in a file of its own, which is mapped in place of a handle.
 * Knows no mailbox.
 */
#ifndef MBIPC_SEGMENT_H
#define MBIPC_SEGMENT_H

#include <linux/types.h>

struct file;
struct mailbox_error;
struct mbipc_account;
struct vm_area_struct;

/**
 * struct mbipc_segment - the memory
 * @file: in tmpfs; each mapping has a reference, too
 * @bytes: charged to @account
 * @account: who pays; holds a reference
 */
struct mbipc_segment {
	struct file *file;
	size_t bytes;
	struct mbipc_account *account;
};

struct mbipc_segment *mbipc_segment_new(size_t bytes,
					struct mbipc_account *account,
					struct mailbox_error *err);
void mbipc_segment_free(struct mbipc_segment *segment);
int mbipc_segment_map(struct file *memory, struct vm_area_struct *vma);
int mbipc_segment_empty(struct file *memory);

#endif
