/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What user space passes, checked: the parts that commands have in common.
 *
 * Each function returns 0 or a negative errno with @err told which member is
 * at fault; a @field is the member's offset in the command's struct.
 */
#ifndef MBIPC_DECODE_H
#define MBIPC_DECODE_H

#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/mailbox.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "error.h"
#include "limits.h"
#include "wait.h"

/*
 * The sizes and places that programs are compiled with.  A struct that grows
 * does so at its end: its old size stays here, as the smallest that is taken.
 */
#define ABI_SIZE(type, size)	static_assert(sizeof(struct type) == (size))
#define ABI_PLACE(type, member, place) \
	static_assert(offsetof(struct type, member) == (place))

/* A member's place, for decode.h and error.h. */
#define AT(type, member)	offsetof(struct type, member)

/* Bits that are not known. */
static inline int mbipc_check_flags(u64 flags, u64 known, u16 field,
				    struct mailbox_error *err)
{
	if (likely(!(flags & ~known)))
		return 0;
	return mbipc_fail(err, -EINVAL, MAILBOX_REASON_FLAGS, field,
			  flags & ~known);
}

/* A member that is reserved, or that the call does not use. */
static inline int mbipc_check_zero(u64 value, u16 field,
				   struct mailbox_error *err)
{
	if (likely(!value))
		return 0;
	return mbipc_fail(err, -EINVAL, MAILBOX_REASON_RESERVED, field, value);
}

static inline int mbipc_check_range(u64 value, u64 low, u64 high, u16 field,
				    struct mailbox_error *err)
{
	if (likely(value >= low && value <= high))
		return 0;
	return mbipc_fail(err, -EINVAL, MAILBOX_REASON_RANGE, field,
			  value < low ? low : high);
}

int mbipc_check_capacity(u64 capacity, u32 policy, u16 field,
			 struct mailbox_error *err);
int mbipc_check_message_max(u64 *message_max, u16 field,
			    struct mailbox_error *err);
int mbipc_check_rights(u32 rights, u16 field, struct mailbox_error *err);

int mbipc_get_deadline(u32 flags, u16 flags_field, s64 deadline,
		       u16 deadline_field, struct mbipc_patience *patience,
		       struct mailbox_error *err);

/**
 * mbipc_get_patience - how long a call waits
 * @file: whose O_NONBLOCK counts too
 * @flags: of the call; other bits than those of waiting are ignored
 * @flags_field: where they stand
 * @deadline: of the call
 * @deadline_field: where it stands
 * @patience: filled
 * @err: told why not
 */
static inline int mbipc_get_patience(const struct file *file, u32 flags,
				     u16 flags_field, s64 deadline,
				     u16 deadline_field,
				     struct mbipc_patience *patience,
				     struct mailbox_error *err)
{
	patience->nonblock = (flags & MAILBOX_NONBLOCK) || mbipc_nonblock(file);
	patience->timed = false;
	patience->deadline = 0;
	if (likely(!(flags & (MAILBOX_DEADLINE | MAILBOX_REALTIME)) && !deadline))
		return 0;
	return mbipc_get_deadline(flags, flags_field, deadline, deadline_field,
				  patience, err);
}

int mbipc_get_name(u64 address, u16 field, char **name,
		   struct mailbox_error *err);

/**
 * struct mbipc_payload - where a payload is, or goes
 * @iter: over all of it
 * @pieces: of a vector; freed by mbipc_payload_end()
 */
struct mbipc_payload {
	struct iov_iter iter;
	struct iovec *pieces;
};

int mbipc_get_vector(unsigned int direction, u64 buffer, u16 buffer_field,
		     u64 pieces, u16 length_field,
		     struct mbipc_payload *payload, struct mailbox_error *err);

/* The address as a pointer; it must be one, also where pointers are short. */
static inline bool mbipc_user_pointer(u64 address, u64 length,
				      void __user **pointer)
{
	*pointer = u64_to_user_ptr(address);
	return (u64)(uintptr_t)*pointer == address && access_ok(*pointer, length);
}

/*
 * Messages are never longer than MBIPC_MESSAGE_MAX_MAX, so that more room than
 * that is as good as that, and a longer payload stays too long when cut to one
 * byte more.
 */
#define MBIPC_LENGTH_MAX	(MBIPC_MESSAGE_MAX_MAX + 1UL)

/**
 * mbipc_get_payload - where a payload is, or goes
 * @direction: ITER_SOURCE or ITER_DEST
 * @vector: MAILBOX_VECTOR was given
 * @buffer: of the call
 * @buffer_field: where it stands
 * @length: of the call
 * @length_field: where it stands
 * @payload: filled; mbipc_payload_end() must follow, also after an error
 * @err: told why not
 *
 * Return: 0, -EFAULT, -EINVAL, -ENOMEM.
 */
static __always_inline int
mbipc_get_payload(unsigned int direction, bool vector, u64 buffer,
		  u16 buffer_field, u64 length, u16 length_field,
		  struct mbipc_payload *payload, struct mailbox_error *err)
{
	void __user *pointer;

	payload->pieces = NULL;
	if (vector)
		return mbipc_get_vector(direction, buffer, buffer_field, length,
					length_field, payload, err);
	length = min_t(u64, length, MBIPC_LENGTH_MAX);
	if (!mbipc_user_pointer(buffer, length, &pointer))
		return mbipc_fail(err, -EFAULT, MAILBOX_REASON_POINTER,
				  buffer_field, buffer);
	iov_iter_ubuf(&payload->iter, direction, pointer, length);
	return 0;
}

static inline void mbipc_payload_end(struct mbipc_payload *payload)
{
	kfree(payload->pieces);
}

/*
 * Fetch a command's struct, as large as this kernel knows it, from one that is
 * as large as its caller does; mostly that is the same.
 */
static __always_inline int mbipc_get_struct(void *args, size_t known,
					    const void __user *user, size_t size,
					    struct mailbox_error *err)
{
	int code;

	if (likely(size == known))
		return copy_from_user(args, user, known) ? -EFAULT : 0;
	if (size < known)
		return mbipc_fail_state(err, -EINVAL, MAILBOX_REASON_SIZE, known);
	code = copy_struct_from_user(args, known, user, size);
	if (code == -E2BIG)
		return mbipc_fail_state(err, code, MAILBOX_REASON_SIZE, known);
	return code;
}

#endif
