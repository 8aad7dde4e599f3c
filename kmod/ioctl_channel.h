/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MBIPC_IOCTL_CHANNEL_H
#define MBIPC_IOCTL_CHANNEL_H

#include <linux/fs.h>
#include <linux/mailbox.h>

int mbipc_do_channel(struct mailbox_channel *args,
		     struct mailbox_channel __user *user,
		     const struct file_operations *fops,
		     struct mailbox_error *err);
int mbipc_do_connect(struct file *file, struct mailbox_connect *args,
		     struct mailbox_connect __user *user,
		     struct mailbox_error *err);
int mbipc_do_accept(struct file *file, struct mailbox_accept *args,
		    struct mailbox_accept __user *user,
		    struct mailbox_error *err);
int mbipc_do_refuse(struct file *file, struct mailbox_refuse *args,
		    struct mailbox_error *err);
int mbipc_do_peer(struct file *file, struct mailbox_peer *args,
		  struct mailbox_peer __user *user, struct mailbox_error *err);
int mbipc_do_ring_wait(struct file *file, struct mailbox_ring_wait *args,
		       struct mailbox_error *err);
int mbipc_do_ring_wake(struct file *file, struct mailbox_ring_wake *args,
		       struct mailbox_error *err);

#endif
