// SPDX-License-Identifier: GPL-2.0
/*
 * The calls for rings, done.  A mapping lasts as long as the call, so that it
 * keeps no descriptor open.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "execute.h"

#define PAGE	4096

/* The page of a side, and its data twice; NULL: errno says why not. */
static struct mailbox_ring_page *map_side(int fd, bool theirs, int protection, size_t *length)
{
	struct mailbox_peer peer = { .flags = 0 };
	void *place;

	if (ioctl(fd, MAILBOX_IOC_PEER, &peer))
		return NULL;
	*length = PAGE + 2 * (theirs ? peer.theirs_size : peer.mine_size);
	place = mmap(NULL, *length, protection, MAP_SHARED, fd, theirs ? peer.theirs : peer.mine);
	return place == MAP_FAILED ? NULL : place;
}

static int store(const struct call *call, int fd)
{
	size_t length;
	struct mailbox_ring_page *page = map_side(fd, false, PROT_READ | PROT_WRITE, &length);
	uint32_t *words[3];

	if (!page)
		return -1;
	words[0] = &page->head;
	words[1] = &page->tail;
	words[2] = (uint32_t *)((char *)page + PAGE);
	__atomic_store_n(words[call->arg[WHICH] % ARRAY_SIZE(words)], (uint32_t)call->arg[WORD],
			 __ATOMIC_RELEASE);
	return munmap(page, length);
}

static int look(const struct call *call, int fd, struct ring_words *words)
{
	size_t length;
	struct mailbox_ring_page *page = map_side(fd, call->arg[WHICH] & 1, PROT_READ, &length);
	size_t size;

	if (!page)
		return -1;
	size = (length - PAGE) / 2;
	*words = (struct ring_words) {
		.head = page->head, .tail = page->tail, .data_poll = !!page->data_poll,
		.room_poll = !!page->room_poll, .closed = !!page->closed,
		.data = { *(uint32_t *)((char *)page + PAGE),
			  *(uint32_t *)((char *)page + PAGE + size) },
	};
	return munmap(page, length);
}

static int map(const struct call *call, int fd)
{
	struct mailbox_peer peer = { .flags = 0 };
	uint64_t how = call->arg[FLAGS], offset;
	size_t length = call->arg[COUNT] % RING_PAGES * PAGE;
	int result = 0, why;
	void *place;

	if (ioctl(fd, MAILBOX_IOC_PEER, &peer))
		return -1;
	switch (call->arg[WHICH] % 3) {
	case RING_MINE:
		offset = peer.mine;
		break;
	case RING_THEIRS:
		offset = peer.theirs;
		break;
	default:
		offset = 2 * peer.theirs;
	}
	place = mmap(NULL, length, PROT_READ | (how & MAP_WRITE ? PROT_WRITE : 0) |
		     (how & MAP_RUN ? PROT_EXEC : 0), how & MAP_ALONE ? MAP_PRIVATE : MAP_SHARED,
		     fd, offset + call->arg[INDEX] % RING_PAGES * PAGE);
	if (place == MAP_FAILED)
		return -1;
	if (how & MAP_WRITE_LATER)
		result = mprotect(place, length, PROT_READ | PROT_WRITE);
	why = errno;
	munmap(place, length);
	errno = why;
	return result;
}

static void do_wait(const struct call *call, int fd, struct outcome *outcome)
{
	struct mailbox_ring_wait wait = {
		.flags = call->arg[FLAGS], .events = call->arg[EVENTS], .deadline = deadline(call),
	};

	outcome->deadline = wait.deadline;
	command(fd, MAILBOX_IOC_RING_WAIT, &wait, call, outcome);
}

static void do_wake(const struct call *call, int fd, struct outcome *outcome)
{
	struct mailbox_ring_wake wake = {
		.flags = call->arg[FLAGS], .events = call->arg[EVENTS],
	};

	command(fd, MAILBOX_IOC_RING_WAKE, &wake, call, outcome);
}

void execute_ring(const struct call *call, int fd, struct outcome *outcome)
{
	int result = 0;

	switch (call->op) {
	case OP_RING_WAIT:
		do_wait(call, fd, outcome);
		return;
	case OP_RING_WAKE:
		do_wake(call, fd, outcome);
		return;
	case OP_RING_MAP:
		result = map(call, fd);
		break;
	case OP_RING_STORE:
		result = store(call, fd);
		break;
	case OP_RING_LOOK:
		result = look(call, fd, &outcome->ring);
		break;
	default:
		break;
	}
	outcome->error = result < 0 ? errno : 0;
}
