// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "limits.h"

unsigned int mbipc_message_max = SZ_16M;
unsigned long mbipc_user_bytes = SZ_64M;
unsigned long mbipc_user_messages = 65536;
unsigned long mbipc_user_mailboxes = 1024;

static int set_message_max(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, MBIPC_MESSAGE_MAX_MAX);
}

static const struct kernel_param_ops message_max_ops = {
	.set = set_message_max,
	.get = param_get_uint,
};

module_param_cb(message_max, &message_max_ops, &mbipc_message_max, 0644);
__MODULE_PARM_TYPE(message_max, "uint");
MODULE_PARM_DESC(message_max, "bytes in a message at most (default 16 MiB, up to 1 GiB)");

module_param_named(user_bytes, mbipc_user_bytes, ulong, 0644);
MODULE_PARM_DESC(user_bytes, "bytes a user may have queued (default 64 MiB)");

module_param_named(user_messages, mbipc_user_messages, ulong, 0644);
MODULE_PARM_DESC(user_messages, "messages a user may have queued (default 65536)");

module_param_named(user_mailboxes, mbipc_user_mailboxes, ulong, 0644);
MODULE_PARM_DESC(user_mailboxes, "mailboxes a user may have (default 1024)");
