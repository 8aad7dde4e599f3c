/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands behind the library in these tests: the linker's --wrap sends its
 * open(), ioctl() and close() here.  They record what they were given and
 * answer as the test has said.  Each thread has a kernel of its own.
 */
#ifndef _FAKE_H
#define _FAKE_H

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include <mailbox.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FAKE_DEVICE	1000	/* what open() gives */
#define FAKE_CALLS	4

struct fake_ioctl {
	int fd;
	unsigned long command;
	/* the struct as it came in */
	unsigned char argument[1024];
	/* with MAILBOX_VECTOR, what .buffer pointed to */
	struct mailbox_vector pieces[2];
};

struct fake {
	/* what the test says */
	int open_errno;			/* 0: open() succeeds */
	int ioctl_errno;		/* 0: ioctl() succeeds */
	int ioctl_fails_at;		/* which one fails, from 0 */
	int silent;			/* fails without writing .error */
	struct mailbox_error error;	/* what a failing ioctl() writes */
	void (*answer)(unsigned long command, void *argument);

	/* what the library did */
	int opens, closes, ioctls;
	const char *path;
	int oflag;
	int closed[FAKE_CALLS];
	struct fake_ioctl calls[FAKE_CALLS];
};

static __thread struct fake fake;

int __wrap_open(const char *path, int oflag, ...);
int __wrap_ioctl(int fd, unsigned long command, ...);
int __wrap_close(int fd);

int __wrap_open(const char *path, int oflag, ...)
{
	fake.opens++;
	fake.path = path;
	fake.oflag = oflag;
	if (fake.open_errno) {
		errno = fake.open_errno;
		return -1;
	}
	return FAKE_DEVICE;
}

int __wrap_close(int fd)
{
	if (fake.closes < FAKE_CALLS)
		fake.closed[fake.closes] = fd;
	fake.closes++;
	/* What close() does to errno must not show. */
	errno = EIO;
	return -1;
}

/* A vectored payload's pieces are as much the argument as the struct is. */
static inline void fake_pieces(struct mailbox_vector *pieces, __u32 flags,
			       __u64 buffer, __u64 length)
{
	if (flags & MAILBOX_VECTOR && length)
		memcpy(pieces, (void *)(uintptr_t)buffer,
		       (length < 2 ? 1 : 2) * sizeof(*pieces));
}

int __wrap_ioctl(int fd, unsigned long command, ...)
{
	struct fake_ioctl *call = &fake.calls[fake.ioctls % FAKE_CALLS];
	void *argument;
	va_list list;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);

	call->fd = fd;
	call->command = command;
	memcpy(call->argument, argument, _IOC_SIZE(command));
	if (command == MAILBOX_IOC_SEND) {
		struct mailbox_send *send = (struct mailbox_send *)argument;

		fake_pieces(call->pieces, send->flags, send->buffer,
			    send->length);
	} else if (command == MAILBOX_IOC_RECEIVE) {
		struct mailbox_receive *receive =
			(struct mailbox_receive *)argument;

		fake_pieces(call->pieces, receive->flags, receive->buffer,
			    receive->length);
	}
	if (fake.ioctl_errno && fake.ioctls == fake.ioctl_fails_at) {
		fake.ioctls++;
		if (!fake.silent)
			memcpy(argument, &fake.error, sizeof(fake.error));
		errno = fake.ioctl_errno;
		return -1;
	}
	fake.ioctls++;
	if (fake.answer)
		fake.answer(command, argument);
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif /* _FAKE_H */
