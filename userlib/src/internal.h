/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's files share.  Two underscores keep these names out of
 * the way of programs that link libmailbox.a.
 */
#ifndef _MAILBOX_INTERNAL_H
#define _MAILBOX_INTERNAL_H

#include <mailbox.h>

/* Nothing to say yet, nobody to blame. */
#define NO_ERROR \
	((struct mailbox_error){ .field = MAILBOX_NO_FIELD })

/*
 * Opens the device, does one command on it, closes it.  Both fill
 * argument->error, which each command's struct begins with.
 */
int mailbox__on_device(unsigned long command, void *argument);

/* Hands a failure on to a caller who may not care; returns @result. */
static inline int mailbox__report(int result, const struct mailbox_error *from,
				  struct mailbox_error *to)
{
	if (result < 0 && to)
		*to = *from;
	return result;
}

/* A refusal of the library's own, in the kernel's words. */
static inline int mailbox__refuse(int code, enum mailbox_reason reason,
				  size_t field, uint64_t value,
				  struct mailbox_error *error)
{
	if (error)
		*error = (struct mailbox_error){
			.code = code,
			.reason = (uint16_t)reason,
			.field = (uint16_t)field,
			.value = value,
		};
	return code;
}

/*
 * mmap() of a handle has failed, and errno says how; where that is for want of
 * some of these rights, the error names them.
 */
int mailbox__cannot_map(int fd, uint32_t rights, struct mailbox_error *error);

/* Pointers travel as __u64. */
static inline uint64_t mailbox__address(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* A deadline as the commands want it: a flag, and 0 without it. */
static inline uint32_t mailbox__wait_until(int64_t deadline)
{
	return deadline == MAILBOX_FOREVER ? 0 : MAILBOX_DEADLINE;
}

static inline int64_t mailbox__unless_forever(int64_t deadline)
{
	return deadline == MAILBOX_FOREVER ? 0 : deadline;
}

#endif /* _MAILBOX_INTERNAL_H */
