/* SPDX-License-Identifier: GPL-2.0 */
/*
 * New descriptors: all that can fail before a command has any effect, and the
 * descriptor given to the caller when nothing can fail any more.
 */
#ifndef MBIPC_DESCRIPTOR_H
#define MBIPC_DESCRIPTOR_H

#include <linux/fs.h>

struct mailbox_error;
struct mbipc_handle;

/**
 * struct mbipc_descriptor - one that user space does not have yet
 * @handle: on nothing, until the command has found its mailbox
 * @file: owns the handle
 * @fd: reserved
 */
struct mbipc_descriptor {
	struct mbipc_handle *handle;
	struct file *file;
	int fd;
};

struct file *mbipc_handle_file(struct mbipc_handle *handle, bool nonblock,
			       const struct file_operations *fops);
int mbipc_descriptor_new(struct mbipc_descriptor *new, u32 rights,
			 bool nonblock, const struct file_operations *fops,
			 struct mailbox_error *err);
int mbipc_descriptor_end(struct mbipc_descriptor *new, int code);

#endif
