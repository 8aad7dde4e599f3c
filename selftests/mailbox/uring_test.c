// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring's poll of a ring: it looks when it is told to, and not before it sleeps
 * again, so that who tells has to make it look.
 */
#include "kselftest_harness.h"
#include "common.h"

#include <linux/io_uring.h>
#include <mailbox_ring.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define ROUNDS	5

FIXTURE(uring) {
	int end[2];
	struct mailbox_ring *ring[2];
	int fd;
	struct io_uring_params params;
	char *queues;
	struct io_uring_sqe *entries;
};

static unsigned int *word(char *queues, __u32 offset)
{
	return (unsigned int *)(void *)(queues + offset);
}

FIXTURE_SETUP(uring)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 1, .ring = MAILBOX_RING_MIN, .ring_back = MAILBOX_RING_MIN,
	};
	int i;

	memset(&self->params, 0, sizeof(self->params));
	self->fd = syscall(SYS_io_uring_setup, 4, &self->params);
	if (self->fd < 0 && (errno == ENOSYS || errno == EPERM))
		SKIP(return, "this kernel has no io_uring, or lets nobody use it");
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(self->params.features & IORING_FEAT_SINGLE_MMAP);
	self->queues = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
			    IORING_OFF_SQ_RING);
	ASSERT_NE(MAP_FAILED, (void *)self->queues);
	self->entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
			     IORING_OFF_SQES);
	ASSERT_NE(MAP_FAILED, (void *)self->entries);
	ASSERT_EQ(0, mailbox_channel(self->end, &attr, NULL));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, mailbox_ring_open(self->end[i], 0, &self->ring[i], NULL));
}

FIXTURE_TEARDOWN(uring)
{
	int i;

	for (i = 0; i < 2; i++) {
		mailbox_ring_close(self->ring[i]);
		close(self->end[i]);
	}
	close(self->fd);
}

/* Until there is an answer; the harness ends who waits for ever. */
static int answer(FIXTURE_DATA(uring) *self)
{
	const struct io_cqring_offsets *at = &self->params.cq_off;
	unsigned int *head = word(self->queues, at->head);
	const struct io_uring_cqe *cqes = (void *)(self->queues + at->cqes);
	const struct io_uring_cqe *cqe;

	if (syscall(SYS_io_uring_enter, self->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	cqe = &cqes[*head & *word(self->queues, at->ring_mask)];
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return cqe->res;
}

TEST_F(uring, a_multishot_poll_is_told_each_time)
{
	const struct io_sqring_offsets *at = &self->params.sq_off;
	char record[8];
	int i;

	self->entries[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = self->end[1],
		.poll32_events = POLLRDBAND, .len = IORING_POLL_ADD_MULTI,
	};
	word(self->queues, at->array)[0] = 0;
	__atomic_store_n(word(self->queues, at->tail), 1, __ATOMIC_RELEASE);
	ASSERT_EQ(1, syscall(SYS_io_uring_enter, self->fd, 1, 0, 0, NULL, 0));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, mailbox_ring_send(self->ring[0], "record", 7, 0));
		ASSERT_EQ(POLLRDBAND, answer(self));
		ASSERT_EQ(7, mailbox_ring_receive(self->ring[1], record, sizeof(record), 0));
	}
}

TEST_HARNESS_MAIN
