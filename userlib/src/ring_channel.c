// SPDX-License-Identifier: LGPL-2.1-or-later
/* The rings of a channel's end: where they are mapped, and how they sleep. */
#include <errno.h>
#include <mailbox_ring.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

static int channel_wait(struct mailbox_ring *ring, uint32_t events, int64_t deadline)
{
	struct mailbox_ring_wait wait = {
		.flags = mailbox__wait_until(deadline),
		.events = events,
		.deadline = mailbox__unless_forever(deadline),
	};

	return mailbox_ioctl(ring->fd, MAILBOX_IOC_RING_WAIT, &wait);
}

static int channel_wake(struct mailbox_ring *ring, uint32_t events)
{
	struct mailbox_ring_wake wake = {
		/* This side's other thread need not wait for what does not come. */
		.flags = __atomic_load_n(&ring->broken, __ATOMIC_RELAXED) ?
			 MAILBOX_WAKE_BOTH : 0,
		.events = events,
	};

	return mailbox_ioctl(ring->fd, MAILBOX_IOC_RING_WAKE, &wake);
}

/* A side's page, and its data twice. */
static size_t span(uint32_t size)
{
	return (size_t)sysconf(_SC_PAGESIZE) + 2 * (size_t)size;
}

static void channel_close(struct mailbox_ring *ring)
{
	munmap(ring->mine, span(ring->size));
	munmap((void *)ring->theirs, span(ring->their_size));
}

static const struct mailbox_ring_transport channel_transport = {
	.wait = channel_wait,
	.wake = channel_wake,
	.close = channel_close,
};

int mailbox_ring_open(int fd, unsigned int flags, struct mailbox_ring **ring,
		      struct mailbox_error *error)
{
	struct mailbox_peer peer;
	void *mine, *theirs;
	int result;

	result = mailbox_peer(fd, &peer);
	if (result < 0)
		return mailbox__report(result, &peer.error, error);
	if (!peer.mine_size)
		return mailbox__refuse(-ENOTTY, MAILBOX_REASON_NONE,
				       MAILBOX_NO_FIELD, 0, error);

	mine = mmap(NULL, span(peer.mine_size), PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, (off_t)peer.mine);
	if (mine == MAP_FAILED)
		return mailbox__cannot_map(fd, MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE,
					   error);
	theirs = mmap(NULL, span(peer.theirs_size), PROT_READ, MAP_SHARED, fd,
		      (off_t)peer.theirs);
	if (theirs == MAP_FAILED) {
		result = mailbox__cannot_map(fd, MAILBOX_RIGHT_RECEIVE, error);
		goto unmap_mine;
	}
	result = mailbox_ring_attach(mine, peer.mine_size, theirs, peer.theirs_size,
				     flags, &channel_transport, NULL, ring);
	if (result < 0) {
		mailbox__refuse(result, MAILBOX_REASON_NONE, MAILBOX_NO_FIELD, 0,
				error);
		goto unmap_theirs;
	}
	(*ring)->fd = fd;
	return 0;

unmap_theirs:
	munmap(theirs, span(peer.theirs_size));
unmap_mine:
	munmap(mine, span(peer.mine_size));
	return result;
}
