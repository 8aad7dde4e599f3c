// SPDX-License-Identifier: GPL-2.0
/*
 * Mailbox IPC: /dev/mailbox.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "file.h"
#include "handle.h"
#include "ioctl.h"
#include "life.h"
#include "message.h"
#include "namespace.h"

static long device_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg)
{
	return mbipc_device_ioctl(file, cmd, arg, &mbipc_handle_fops);
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* For everyone: what a user may do is decided by each mailbox, and quotas. */
static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mailbox",
	.fops = &device_fops,
	.mode = 0666,
};

static int __init mailbox_init(void)
{
	int code;

	code = mbipc_message_init();
	if (code)
		return code;
	code = mbipc_life_init();
	if (code)
		goto message_exit;
	code = mbipc_handle_init();
	if (code)
		goto life_exit;
	code = mbipc_namespace_init();
	if (code)
		goto handle_exit;
	code = misc_register(&device);
	if (code)
		goto namespace_exit;
	return 0;

namespace_exit:
	mbipc_namespace_exit();
handle_exit:
	mbipc_handle_exit();
life_exit:
	mbipc_life_exit();
message_exit:
	mbipc_message_exit();
	return code;
}

static void __exit mailbox_exit(void)
{
	misc_deregister(&device);
	mbipc_namespace_exit();
	mbipc_handle_exit();
	mbipc_life_exit();
	mbipc_message_exit();
}

module_init(mailbox_init);
module_exit(mailbox_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mailbox IPC");
MODULE_AUTHOR("The Mailbox IPC maintainers");
