/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings without a module: over memfds and futexes, so that the library's code
 * runs on the machine that builds, at its speed.
 *
 * A side's page and data are one memfd, which the other side maps read-only; a
 * futex sleeps on the other side's words there, and needs no more than that.  A
 * wake is a count in the page of who wakes, so that one that comes before the
 * sleep ends it, too: the library wakes once for each time that a side says that
 * it will sleep, and may do so for what that side has seen already.
 * The memory has a page in front of it and behind it that nobody may touch.
 */
#ifndef RING_MEMFD_H
#define RING_MEMFD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mailbox_ring.h>

#define RING_PAGE	4096

/* A side's memory: 0, or -errno. */
static inline int ring_memfd(uint32_t size)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, RING_PAGE + (off_t)size)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The page, and behind it the data twice. */
static inline void *ring_memfd_map(int fd, uint32_t size, int protection)
{
	size_t all = RING_PAGE + 2 * (size_t)size;
	char *place = mmap(NULL, all + 2 * RING_PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (place == MAP_FAILED)
		return NULL;
	place += RING_PAGE;
	if (mmap(place, RING_PAGE + size, protection, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED ||
	    mmap(place + RING_PAGE + size, size, protection, MAP_SHARED | MAP_FIXED, fd,
		 RING_PAGE) == MAP_FAILED)
		return NULL;
	return place;
}

static inline void ring_memfd_unmap(const void *place, uint32_t size)
{
	munmap((char *)place - RING_PAGE, 3 * RING_PAGE + 2 * (size_t)size);
}

/*
 * In words that the library leaves alone: how often this side has woken the other
 * one for records and for room, and which of the other's wakes it has seen.
 */
enum { RING_MEMFD_DATA, RING_MEMFD_ROOM, RING_MEMFD_KINDS };

static const uint32_t ring_memfd_event[] = {
	[RING_MEMFD_DATA] = MAILBOX_RING_DATA,
	[RING_MEMFD_ROOM] = MAILBOX_RING_ROOM,
};

static inline const uint32_t *ring_memfd_wakes(const struct mailbox_ring_page *page, int kind)
{
	return &page->reserved2[kind];
}

static inline uint32_t *ring_memfd_seen(struct mailbox_ring_page *page, int kind)
{
	return &page->reserved2[RING_MEMFD_KINDS + kind];
}

static inline void ring_memfd_watch(struct futex_waitv *words, unsigned int *count,
				    const uint32_t *word, uint32_t seen)
{
	words[(*count)++] = (struct futex_waitv){
		.val = seen,
		.uaddr = (uintptr_t)word,
		.flags = FUTEX_32,
	};
}

static inline int ring_memfd_wait(struct mailbox_ring *ring, uint32_t events,
				  int64_t deadline)
{
	struct futex_waitv words[2 + RING_MEMFD_KINDS] = {};
	unsigned int count = 0;
	struct timespec until = { deadline / 1000000000, deadline % 1000000000 };
	int kind;

	ring_memfd_watch(words, &count, &ring->theirs->closed, 0);
	/* another thread of this side has seen that the other one lies */
	ring_memfd_watch(words, &count, &ring->mine->closed, 0);
	for (kind = 0; kind < RING_MEMFD_KINDS; kind++) {
		const uint32_t *wakes = ring_memfd_wakes(ring->theirs, kind);
		uint32_t *seen = ring_memfd_seen(ring->mine, kind);
		uint32_t now = __atomic_load_n(wakes, __ATOMIC_ACQUIRE);

		if (!(events & ring_memfd_event[kind]))
			continue;
		if (now != *seen) {
			*seen = now;
			return 0;
		}
		ring_memfd_watch(words, &count, wakes, now);
	}
	if (syscall(SYS_futex_waitv, words, count, 0,
		    deadline == MAILBOX_FOREVER ? NULL : &until, CLOCK_MONOTONIC) < 0)
		return errno == EAGAIN ? 0 : -errno;
	return 0;
}

static inline void ring_memfd_rouse(const uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static inline int ring_memfd_wake(struct mailbox_ring *ring, uint32_t events)
{
	int kind;

	for (kind = 0; kind < RING_MEMFD_KINDS; kind++) {
		uint32_t *wakes = (uint32_t *)ring_memfd_wakes(ring->mine, kind);

		if (!(events & ring_memfd_event[kind]))
			continue;
		__atomic_add_fetch(wakes, 1, __ATOMIC_RELEASE);
		ring_memfd_rouse(wakes);
	}
	if (__atomic_load_n(&ring->mine->closed, __ATOMIC_RELAXED))
		ring_memfd_rouse(&ring->mine->closed);
	return 0;
}

/* The kernel is not there to do it. */
static inline void ring_memfd_close(struct mailbox_ring *ring)
{
	__atomic_store_n(&ring->mine->closed, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->mine->data_poll, 1, __ATOMIC_RELAXED);
	ring->transport->wake(ring, MAILBOX_RING_DATA | MAILBOX_RING_ROOM);
	ring_memfd_unmap(ring->mine, ring->size);
	ring_memfd_unmap(ring->theirs, ring->their_size);
}

static const struct mailbox_ring_transport ring_memfd_transport = {
	.wait = ring_memfd_wait,
	.wake = ring_memfd_wake,
	.close = ring_memfd_close,
};

/* One side, of two that are made of fd[0] and fd[1], of one size. */
static inline struct mailbox_ring *ring_memfd_side(const int fd[2], int side,
						   uint32_t size, unsigned int flags)
{
	void *mine = ring_memfd_map(fd[side], size, PROT_READ | PROT_WRITE);
	void *theirs = ring_memfd_map(fd[!side], size, PROT_READ);
	struct mailbox_ring *ring;

	if (!mine || !theirs ||
	    mailbox_ring_attach(mine, size, theirs, size, flags, &ring_memfd_transport,
				NULL, &ring))
		return NULL;
	return ring;
}

#endif /* RING_MEMFD_H */
