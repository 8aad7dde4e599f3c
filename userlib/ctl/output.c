// SPDX-License-Identifier: LGPL-2.1-or-later
/* Message bodies to stdout: past stdio, so that what was taken is out. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "ctl.h"

bool write_all(const void *data, size_t length)
{
	const char *at = data;

	while (length) {
		ssize_t written = write(STDOUT_FILENO, at, length);

		if (written < 0 && errno == EAGAIN) {
			/* Somebody made a terminal or a pipe O_NONBLOCK. */
			struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

			poll(&out, 1, -1);
			continue;
		}
		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			at += written;
			length -= (size_t)written;
		}
	}
	return true;
}
