/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An errno with its reason, on its way to the caller.
 */
#ifndef MBIPC_ERROR_H
#define MBIPC_ERROR_H

#include <linux/types.h>
#include <linux/mailbox.h>

/**
 * mbipc_fail - note why a call fails
 * @err: where, owned by the caller
 * @code: negative errno
 * @reason: enum mailbox_reason
 * @field: offset of the member at fault, or MAILBOX_NO_FIELD
 * @value: what the reason tells besides
 *
 * Return: @code, so that a refusal is one statement.
 */
static inline int mbipc_fail(struct mailbox_error *err, int code, u16 reason,
			     u16 field, u64 value)
{
	err->code = code;
	err->reason = reason;
	err->field = field;
	err->value = value;
	return code;
}

/* For reasons that no member is to blame for. */
static inline int mbipc_fail_state(struct mailbox_error *err, int code,
				   u16 reason, u64 value)
{
	return mbipc_fail(err, code, reason, MAILBOX_NO_FIELD, value);
}

#endif
