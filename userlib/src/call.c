// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The way to the kernel and back: the only calls of open(), ioctl() and
 * close() that this library makes, mailbox_remove()'s close() aside.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

int mailbox_device(struct mailbox_error *error)
{
	int fd = open(MAILBOX_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return mailbox__refuse(-errno, MAILBOX_REASON_NONE, MAILBOX_NO_FIELD, 0,
			       error);
}

int mailbox_ioctl(int fd, unsigned long command, void *argument)
{
	struct mailbox_error *error = argument;
	int result;

	/*
	 * Not every failure reaches the module (EBADF), and not every one can
	 * be written: what the kernel leaves alone must not look like a reason.
	 */
	*error = NO_ERROR;
	result = ioctl(fd, command, argument);
	if (result >= 0)
		return result;

	error->code = -errno;
	return error->code;
}

int mailbox__on_device(unsigned long command, void *argument)
{
	int fd, result, state;

	/*
	 * open() and close() are cancellation points.  A thread that ended in
	 * one of them would leave a descriptor that nobody knows.
	 */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	fd = mailbox_device(argument);
	if (fd < 0) {
		result = fd;
	} else {
		result = mailbox_ioctl(fd, command, argument);
		close(fd);
	}
	pthread_setcancelstate(state, NULL);
	return result;
}
