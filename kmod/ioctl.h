/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands: from the struct that user space passes to the call that does
 * it, and the answer back.
 */
#ifndef MBIPC_IOCTL_H
#define MBIPC_IOCTL_H

#include <linux/fs.h>

long mbipc_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg,
			const struct file_operations *handle_fops);
long mbipc_handle_ioctl(struct file *file, unsigned int cmd,
			unsigned long arg);

#endif
