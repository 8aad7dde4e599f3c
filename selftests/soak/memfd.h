/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A soak's ground: memfds, as in host/ring_memfd.h; it takes no module.
 *
 * But who sleeps there sleeps on a count of wake-ups, at which the futex looks
 * once more.  Here it is a bell that wakes and nothing else, as it is the
 * module's WAKE: a wake-up that is lost stays lost.
 */
#ifndef SOAK_MEMFD_H
#define SOAK_MEMFD_H

#include "../host/ring_memfd.h"
#include "soak.h"

#include <poll.h>
#include <sys/eventfd.h>

/* Of each side: for data, for room. */
static int soak_bell[2][2] = { { -1, -1 }, { -1, -1 } };

SOAK_HELPER int soak_memfd_wait(struct mailbox_ring *ring, uint32_t events, int64_t deadline)
{
	const int *mine = ring->context;
	struct pollfd bells[] = {
		{ .fd = mine[0], .events = events & MAILBOX_RING_DATA ? POLLIN : 0 },
		{ .fd = mine[1], .events = events & MAILBOX_RING_ROOM ? POLLIN : 0 },
	};
	struct timespec left = { .tv_sec = 0 };
	eventfd_t count;
	int i, result;

	if (deadline != MAILBOX_FOREVER) {
		deadline -= mailbox_deadline_ms(0);
		if (deadline > 0)
			left = (struct timespec){ deadline / 1000000000, deadline % 1000000000 };
	}
	result = ppoll(bells, 2, deadline == MAILBOX_FOREVER ? NULL : &left, NULL);
	for (i = 0; i < 2; i++)
		if (bells[i].revents & bells[i].events)
			eventfd_read(mine[i], &count);
	return result < 0 ? -errno : result ? 0 : -ETIMEDOUT;
}

SOAK_HELPER int soak_memfd_wake(struct mailbox_ring *ring, uint32_t events)
{
	const int *theirs = ring->context == soak_bell[0] ? soak_bell[1] : soak_bell[0];

	if (events & MAILBOX_RING_DATA)
		eventfd_write(theirs[0], 1);
	if (events & MAILBOX_RING_ROOM)
		eventfd_write(theirs[1], 1);
	return 0;
}

static const struct mailbox_ring_transport soak_memfd_transport = {
	.wait = soak_memfd_wait,
	.wake = soak_memfd_wake,
	.close = ring_memfd_close,
};

SOAK_HELPER int soak_memfd_make(int fd[2], uint32_t size, uint32_t start)
{
	int i, j;

	for (i = 0; i < 2; i++) {
		struct mailbox_ring_page *page;

		for (j = 0; j < 2; j++) {
			close(soak_bell[i][j]);
			soak_bell[i][j] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
			if (soak_bell[i][j] < 0)
				return -1;
		}
		fd[i] = ring_memfd(size);
		if (fd[i] < 0)
			return -1;
		page = ring_memfd_map(fd[i], size, PROT_READ | PROT_WRITE);
		if (!page)
			return -1;
		page->head = start;
		page->tail = start;
		ring_memfd_unmap(page, size);
	}
	return 0;
}

SOAK_HELPER struct mailbox_ring *soak_memfd_side(int fd[2], int side, uint32_t size,
						 unsigned int flags)
{
	void *mine = ring_memfd_map(fd[side], size, PROT_READ | PROT_WRITE);
	void *theirs = ring_memfd_map(fd[!side], size, PROT_READ);
	struct mailbox_ring *ring;

	if (!mine || !theirs ||
	    mailbox_ring_attach(mine, size, theirs, size, flags, &soak_memfd_transport,
				soak_bell[side], &ring))
		return NULL;
	return ring;
}

static const struct soak_ground soak_memfd = {
	.make = soak_memfd_make,
	.side = soak_memfd_side,
};

#endif /* SOAK_MEMFD_H */
