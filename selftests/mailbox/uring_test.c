// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring's poll: what it is told with a wake-up it takes for the answer, where all
 * others look; and it looks before it sleeps again only when it is made to.
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

/* One request: 1. */
static int submit(FIXTURE_DATA(uring) *self, struct io_uring_sqe request)
{
	const struct io_sqring_offsets *at = &self->params.sq_off;

	self->entries[0] = request;
	word(self->queues, at->array)[0] = 0;
	__atomic_add_fetch(word(self->queues, at->tail), 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, self->fd, 1, 0, 0, NULL, 0);
}

/* For these events, and for the hang-ups that everybody is told of: 1. */
static int ask(FIXTURE_DATA(uring) *self, int fd, short events, unsigned int how)
{
	return submit(self, (struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = fd, .poll32_events = events, .len = how,
	});
}

/* 0: there is none so far. */
static int answer_if_any(FIXTURE_DATA(uring) *self, unsigned int least)
{
	const struct io_cqring_offsets *at = &self->params.cq_off;
	unsigned int *head = word(self->queues, at->head);
	const struct io_uring_cqe *cqes = (void *)(self->queues + at->cqes);
	const struct io_uring_cqe *cqe;

	if (syscall(SYS_io_uring_enter, self->fd, 0, least, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	if (*head == __atomic_load_n(word(self->queues, at->tail), __ATOMIC_ACQUIRE))
		return 0;
	cqe = &cqes[*head & *word(self->queues, at->ring_mask)];
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return cqe->res;
}

/* Until there is an answer; the harness ends who waits for ever. */
static int answer(FIXTURE_DATA(uring) *self)
{
	return answer_if_any(self, 1);
}

TEST_F(uring, a_multishot_poll_is_told_each_time)
{
	char record[8];
	int i;

	ASSERT_EQ(1, ask(self, self->end[1], POLLRDBAND, IORING_POLL_ADD_MULTI));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, mailbox_ring_send(self->ring[0], "record", 7, 0));
		ASSERT_EQ(POLLRDBAND, answer(self));
		ASSERT_EQ(7, mailbox_ring_receive(self->ring[1], record, sizeof(record), 0));
	}
}

/* One handle of an end goes, and another one stays. */
TEST_F(uring, an_end_is_there_while_it_has_a_handle)
{
	int more = mbx_dup(self->end[0], MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE);

	ASSERT_LE(0, more);
	ASSERT_EQ(1, ask(self, self->end[1], POLLRDBAND, 0));
	close(more);
	ASSERT_EQ(0, answer_if_any(self, 0));
	mailbox_ring_close(self->ring[0]);
	self->ring[0] = NULL;
	close(self->end[0]);
	ASSERT_TRUE(answer(self) & POLLHUP);
}

TEST_F(uring, what_one_sends_is_nothing_to_receive)
{
	ASSERT_EQ(1, ask(self, self->end[0], POLLIN, 0));
	ASSERT_EQ(0, mbx_put(self->end[0], "mine", 0));
	ASSERT_EQ(0, answer_if_any(self, 0));
	ASSERT_EQ(0, mbx_put(self->end[1], "yours", 0));
	ASSERT_EQ(POLLIN, answer(self));
}

TEST_F(uring, room_for_the_other_side_is_none)
{
	ASSERT_EQ(0, mbx_put(self->end[0], "full", 0));
	ASSERT_EQ(0, mbx_put(self->end[1], "full", 0));
	ASSERT_EQ(1, ask(self, self->end[0], POLLOUT, 0));
	ASSERT_STREQ("full", mbx_next(self->end[0]));
	ASSERT_EQ(0, answer_if_any(self, 0));
	ASSERT_STREQ("full", mbx_next(self->end[1]));
	ASSERT_EQ(POLLOUT, answer(self));
}

/* Who may not send has not lost all that could, nor the mailbox. */
TEST_F(uring, the_end_of_a_right_is_not_the_end)
{
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1), admin = mbx_dup(box, MAILBOX_RIGHT_ADMIN);
	int receiver = mbx_dup(box, MAILBOX_RIGHT_RECEIVE);

	ASSERT_LE(0, admin);
	ASSERT_LE(0, receiver);
	ASSERT_EQ(1, ask(self, admin, POLLPRI, 0));
	close(box);
	ASSERT_EQ(0, answer_if_any(self, 0));
	ASSERT_EQ(1, ask(self, receiver, POLLIN, 0));
	ASSERT_EQ(POLLHUP, answer(self));
	ASSERT_EQ(0, mbx_destroy(admin, NULL));
	ASSERT_EQ(POLLHUP | POLLERR, answer(self));
	close(receiver);
	close(admin);
}

/* An end that may only send has nothing to receive. */
TEST_F(uring, a_part_of_an_end)
{
	int sender = mbx_dup(self->end[0], MAILBOX_RIGHT_SEND);

	ASSERT_LE(0, sender);
	ASSERT_EQ(0, mbx_put(self->end[0], "full", 0));
	ASSERT_EQ(1, ask(self, sender, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, mbx_put(self->end[1], "to who may", 0));
	ASSERT_EQ(0, answer_if_any(self, 0));
	ASSERT_STREQ("full", mbx_next(self->end[1]));
	ASSERT_EQ(POLLOUT, answer(self));
	close(sender);
}

/* What comes back to one receiver's queue is not in another's. */
TEST_F(uring, a_message_of_another)
{
	int box = mbx_new(MAILBOX_POLICY_BROADCAST, 1), other = mbx_dup(box, MAILBOX_RIGHT_RECEIVE);
	struct mailbox_receive nowhere = { .buffer = 8, .length = 8 };

	ASSERT_LE(0, other);
	ASSERT_EQ(0, mbx_put(box, "both", 0));
	ASSERT_STREQ("both", mbx_next(other));
	ASSERT_EQ(1, ask(self, other, POLLIN, 0));
	ASSERT_EQ(-EFAULT, mbx_receive(box, &nowhere));
	ASSERT_EQ(0, answer_if_any(self, 0));
	ASSERT_STREQ("both", mbx_next(box));
	ASSERT_EQ(0, mbx_put(box, "both", 0));
	ASSERT_EQ(POLLIN, answer(self));
	close(other);
	close(box);
}

/* A broadcast has room when all queues have. */
TEST_F(uring, room_for_some_is_none)
{
	int box = mbx_new(MAILBOX_POLICY_BROADCAST, 1), slow = mbx_dup(box, MAILBOX_RIGHT_RECEIVE);

	ASSERT_LE(0, slow);
	ASSERT_EQ(0, mbx_put(box, "full", 0));
	ASSERT_EQ(1, ask(self, box, POLLOUT, 0));
	ASSERT_STREQ("full", mbx_next(box));
	ASSERT_EQ(0, answer_if_any(self, 0));
	ASSERT_STREQ("full", mbx_next(slow));
	ASSERT_EQ(POLLOUT, answer(self));
	close(slow);
	close(box);
}

/* Less room, and nobody's; a sender that waits is somebody's to receive from. */
TEST_F(uring, a_sender_is_not_told_of_less)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 1 };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 2), sender = mbx_dup(box, MAILBOX_RIGHT_SEND);
	struct mbx_call waits;

	ASSERT_LE(0, sender);
	ASSERT_EQ(0, mbx_put(box, "1", 0));
	ASSERT_EQ(0, mbx_put(box, "2", 0));
	ASSERT_EQ(1, ask(self, sender, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, mbx_set(box, &set));
	ASSERT_EQ(0, mbx_call_send(&waits, box, "3", 0));
	ASSERT_TRUE(mbx_wait_waiters(box, 1, 0));
	ASSERT_EQ(0, answer_if_any(self, 0));
	set.capacity = 4;
	ASSERT_EQ(0, mbx_set(box, &set));
	ASSERT_EQ(0, mbx_call_join(&waits));
	ASSERT_EQ(POLLOUT, answer(self));
	close(sender);
	close(box);
}

/* A receiver of a broadcast that is cut off is its own affair. */
TEST_F(uring, one_receiver_is_cut_off)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL, .policy = MAILBOX_POLICY_BROADCAST,
		.capacity = 1, .slow = MAILBOX_SLOW_CUT,
	};
	struct pollfd p = { .events = POLLIN };
	int sender;

	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CREATE, &attr));
	sender = mbx_dup(attr.fd, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, sender);
	p.fd = attr.fd;
	ASSERT_EQ(1, ask(self, sender, POLLPRI, 0));
	ASSERT_EQ(0, mbx_put(sender, "first", 0));
	ASSERT_EQ(0, mbx_put(sender, "too much", 0));
	ASSERT_EQ(1, poll(&p, 1, 0));
	ASSERT_TRUE(p.revents & POLLHUP);
	ASSERT_EQ(0, answer_if_any(self, 0));
	ASSERT_EQ(0, mbx_destroy(attr.fd, NULL));
	ASSERT_TRUE(answer(self) & POLLERR);
	close(sender);
	close(attr.fd);
}

/*
 * A file that is registered needs no descriptor.  Its requests wait in threads of
 * io_uring's where poll said that they need not: to be taken, in a rendezvous.
 */
TEST_F(uring, a_registered_file_has_no_descriptor_to_lose)
{
	int box = mbx_new(MAILBOX_POLICY_SHARED, 0), receiver = mbx_dup(box, MAILBOX_RIGHT_RECEIVE);
	struct mbx_call other, taker;
	int i;

	ASSERT_LE(0, receiver);
	ASSERT_EQ(0, syscall(SYS_io_uring_register, self->fd, IORING_REGISTER_FILES, &box, 1));
	/* a second thread: who is alone with his descriptors closes nothing under a call */
	ASSERT_EQ(0, mbx_call_receive(&other, self->end[0], 0));
	close(box);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, mbx_call_receive(&taker, receiver, 0));
		ASSERT_TRUE(mbx_wait_waiters(receiver, 0, 1));
		ASSERT_EQ(1, submit(self, (struct io_uring_sqe){
			.opcode = IORING_OP_WRITE, .flags = IOSQE_ASYNC | IOSQE_FIXED_FILE,
			.addr = MBX_PTR("text"), .len = 4,
		}));
		ASSERT_EQ(4, answer(self));
		ASSERT_EQ(0, mbx_call_join(&taker));
	}
	ASSERT_EQ(0, mbx_put(self->end[1], "over", 0));
	ASSERT_EQ(0, mbx_call_join(&other));
	close(receiver);
}

/* Each request by one is a visit in a PAIR, whose partner hears each time that it ends. */
TEST_F(uring, a_registered_file_has_no_seat)
{
	int box = mbx_new(MAILBOX_POLICY_PAIR, 4), closed[2];
	struct io_uring_sqe request = {
		.opcode = IORING_OP_WRITE, .flags = IOSQE_ASYNC | IOSQE_FIXED_FILE,
		.addr = MBX_PTR("text"), .len = 4,
	};
	char text[8] = "", byte;
	pid_t child;

	ASSERT_LE(0, box);
	ASSERT_EQ(0, pipe(closed));
	child = mbx_fork();
	if (!child)
		_exit(mbx_put(box, "first", 0) || mbx_partner_of_visitor(box, closed[1]) ||
		      write(closed[1], "", 1) != 1 || !MBX_UNTIL(mbx_depth(box) == 0) ||
		      mbx_get(box, text, sizeof(text), 0, NULL) != -EPIPE);
	ASSERT_TRUE(MBX_UNTIL(mbx_depth(box) == 2));
	EXPECT_STREQ("first", mbx_next(box));
	ASSERT_EQ(0, syscall(SYS_io_uring_register, self->fd, IORING_REGISTER_FILES, &box, 1));
	close(box);
	ASSERT_EQ(1, read(closed[0], &byte, 1));
	ASSERT_EQ(1, submit(self, request));
	ASSERT_EQ(4, answer(self));
	ASSERT_EQ(1, read(closed[0], &byte, 1));
	request.opcode = IORING_OP_READ;
	request.addr = MBX_PTR(text);
	request.len = sizeof(text) - 1;
	ASSERT_EQ(1, submit(self, request));
	ASSERT_EQ(5, answer(self));
	EXPECT_STREQ("hello", text);
	EXPECT_EQ(0, mbx_join(child));
}

TEST_HARNESS_MAIN
