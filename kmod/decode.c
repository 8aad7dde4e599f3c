// SPDX-License-Identifier: GPL-2.0

#include "decode.h"

int mbipc_check_rights(u32 rights, u16 field, struct mailbox_error *err)
{
	int code = mbipc_check_flags(rights, MAILBOX_RIGHT_ALL, field, err);

	return code ?: mbipc_check_range(rights, 1, MAILBOX_RIGHT_ALL, field, err);
}

int mbipc_check_capacity(u64 capacity, u32 policy, u16 field,
			 struct mailbox_error *err)
{
	if (policy == MAILBOX_POLICY_BROADCAST && !capacity)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_POLICY, field, 0);
	if (capacity == MAILBOX_UNLIMITED)
		return 0;
	return mbipc_check_range(capacity, 0, MAILBOX_CAPACITY_MAX, field, err);
}

/* As asked, or what 0 stands for. */
int mbipc_check_message_max(u64 *message_max, u16 field,
			    struct mailbox_error *err)
{
	unsigned int limit = READ_ONCE(mbipc_message_max);

	if (*message_max > limit)
		return mbipc_fail(err, -EMSGSIZE, MAILBOX_REASON_MODULE_SIZE,
				  field, limit);
	if (!*message_max)
		*message_max = limit;
	return 0;
}

static int bad_pointer(u64 address, u16 field, struct mailbox_error *err)
{
	return mbipc_fail(err, -EFAULT, MAILBOX_REASON_POINTER, field, address);
}

/* The rest of mbipc_get_patience(), which see. */
int mbipc_get_deadline(u32 flags, u16 flags_field, s64 deadline,
		       u16 deadline_field, struct mbipc_patience *patience,
		       struct mailbox_error *err)
{
	if (!(flags & MAILBOX_DEADLINE)) {
		if (flags & MAILBOX_REALTIME)
			return mbipc_fail(err, -EINVAL, MAILBOX_REASON_FLAGS,
					  flags_field, MAILBOX_REALTIME);
		return mbipc_check_zero(deadline, deadline_field, err);
	}
	if (flags & MAILBOX_NONBLOCK)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_FLAGS,
				  flags_field,
				  MAILBOX_NONBLOCK | MAILBOX_DEADLINE);
	if (deadline < 0)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_RANGE,
				  deadline_field, 0);
	mbipc_patience_set(patience, flags & MAILBOX_REALTIME, deadline);
	return 0;
}

/**
 * mbipc_get_name - fetch a name
 * @address: of a string
 * @field: where it stands
 * @name: set to a copy, the caller's to kfree()
 * @err: told why not
 *
 * Return: 0, -EFAULT, -ENAMETOOLONG, -EINVAL, -ENOMEM.
 */
int mbipc_get_name(u64 address, u16 field, char **name,
		   struct mailbox_error *err)
{
	void __user *pointer;
	char *copy;
	long length, i;
	int code;

	if (!mbipc_user_pointer(address, 1, &pointer))
		return bad_pointer(address, field, err);
	copy = kmalloc(MAILBOX_NAME_MAX + 1, GFP_KERNEL_ACCOUNT);
	if (!copy)
		return mbipc_fail_state(err, -ENOMEM, MAILBOX_REASON_NONE, 0);
	length = strncpy_from_user(copy, pointer, MAILBOX_NAME_MAX + 1);
	if (length < 0) {
		code = bad_pointer(address, field, err);
		goto refuse;
	}
	if (length > MAILBOX_NAME_MAX) {
		code = mbipc_fail(err, -ENAMETOOLONG, MAILBOX_REASON_NAME_LONG,
				  field, MAILBOX_NAME_MAX);
		goto refuse;
	}
	if (!length) {
		code = mbipc_fail(err, -EINVAL, MAILBOX_REASON_NAME_EMPTY,
				  field, 0);
		goto refuse;
	}
	for (i = 0; i < length; i++) {
		unsigned char c = copy[i];

		if (c == '/' || c < 0x20 || c == 0x7f) {
			code = mbipc_fail(err, -EINVAL,
					  MAILBOX_REASON_NAME_BYTE, field, i);
			goto refuse;
		}
	}
	*name = copy;
	return 0;

refuse:
	kfree(copy);
	return code;
}

/* The part of mbipc_get_payload() for MAILBOX_VECTOR, which see. */
int mbipc_get_vector(unsigned int direction, u64 buffer, u16 buffer_field,
		     u64 pieces, u16 length_field,
		     struct mbipc_payload *payload, struct mailbox_error *err)
{
	struct iovec *iov;
	const struct mailbox_vector __user *from;
	void __user *pointer;
	size_t total = 0;
	int code;
	u64 i;

	code = mbipc_check_range(pieces, 0, MAILBOX_VECTOR_MAX, length_field,
				 err);
	if (code)
		return code;
	if (!mbipc_user_pointer(buffer, pieces * sizeof(*from), &pointer))
		return bad_pointer(buffer, buffer_field, err);
	from = pointer;
	iov = kcalloc(pieces, sizeof(*iov), GFP_KERNEL_ACCOUNT);
	if (!iov)
		return mbipc_fail_state(err, -ENOMEM, MAILBOX_REASON_NONE, 0);
	payload->pieces = iov;
	for (i = 0; i < pieces; i++) {
		struct mailbox_vector piece;

		if (copy_from_user(&piece, &from[i], sizeof(piece)))
			return bad_pointer(buffer, buffer_field, err);
		piece.length = min_t(u64, piece.length, MBIPC_LENGTH_MAX - total);
		if (!mbipc_user_pointer(piece.base, piece.length, &pointer))
			return bad_pointer(piece.base, buffer_field, err);
		iov[i].iov_base = pointer;
		iov[i].iov_len = piece.length;
		total += piece.length;
	}
	iov_iter_init(&payload->iter, direction, iov, pieces, total);
	return 0;
}
