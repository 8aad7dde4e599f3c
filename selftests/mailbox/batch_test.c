// SPDX-License-Identifier: GPL-2.0
/*
 * Batches: up to 64 messages in one trip, each with a result of its own.
 *
 * features.rst rows with their test here:
 *   sharing the trip: batches		batch.full, batch.results_are_each_ones_own
 */
#include "kselftest_harness.h"
#include "common.h"

FIXTURE(batch)
{
	int fd;
	struct mailbox_send out[MAILBOX_BATCH_MAX];
	struct mailbox_receive in[MAILBOX_BATCH_MAX];
	char text[MAILBOX_BATCH_MAX][8];
	struct mailbox_batch batch;
};

/* Numbers to send, and room to receive them in. */
FIXTURE_SETUP(batch)
{
	static const char *const numbers = "00010203040506070809101112131415161718192021222324252627282930"
					   "31323334353637383940414243444546474849505152535455565758596061"
					   "6263";
	int i;

	self->fd = mbx_new(MAILBOX_POLICY_SHARED, MAILBOX_BATCH_MAX);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < MAILBOX_BATCH_MAX; i++) {
		self->out[i].buffer = MBX_PTR(numbers + 2 * i);
		self->out[i].length = 2;
		self->out[i].tag = i;
		self->out[i].error.code = 77;
		self->in[i].buffer = MBX_PTR(self->text[i]);
		self->in[i].length = 7;
		self->in[i].error.code = 77;
	}
}

FIXTURE_TEARDOWN(batch)
{
	close(self->fd);
}

static void capacity(int fd, __u64 capacity)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = capacity };

	mbx_set(fd, &set);
}

TEST_F(batch, full)
{
	int i;

	ASSERT_EQ(0, mbx_send_batch(self->fd, self->out, MAILBOX_BATCH_MAX, &self->batch));
	EXPECT_EQ(MAILBOX_BATCH_MAX, self->batch.done);
	EXPECT_EQ(MAILBOX_BATCH_MAX, mbx_depth(self->fd));
	self->batch.done = 77;
	ASSERT_EQ(0, mbx_receive_batch(self->fd, self->in, MAILBOX_BATCH_MAX, &self->batch));
	EXPECT_EQ(MAILBOX_BATCH_MAX, self->batch.done);
	for (i = 0; i < MAILBOX_BATCH_MAX; i++) {
		EXPECT_EQ(0, self->out[i].error.code);
		EXPECT_EQ(i + 1, self->out[i].sequence);
		EXPECT_EQ(0, self->in[i].error.code);
		EXPECT_EQ(i + 1, self->in[i].header.sequence);
		EXPECT_EQ(i, self->in[i].header.tag);
		EXPECT_EQ(getpid(), self->in[i].header.pid);
		EXPECT_EQ(i, atoi(self->text[i]));
	}
	EXPECT_EQ(0, mbx_depth(self->fd));
}

TEST_F(batch, of_one)
{
	ASSERT_EQ(0, mbx_send_batch(self->fd, self->out + 7, 1, &self->batch));
	EXPECT_EQ(1, self->batch.done);
	ASSERT_EQ(0, mbx_receive_batch(self->fd, self->in, 1, &self->batch));
	EXPECT_EQ(1, self->batch.done);
	EXPECT_STREQ("07", self->text[0]);
}

/* An item is what a call of its own would be. */
TEST_F(batch, items_have_their_own_ways)
{
	struct mailbox_vector pieces[] = { { MBX_PTR("v"), 1 }, { MBX_PTR("ec"), 2 } };

	self->out[1].priority = 9;
	self->out[2].flags = MAILBOX_VECTOR;
	self->out[2].buffer = MBX_PTR(pieces);
	self->out[2].length = 2;
	ASSERT_EQ(0, mbx_send_batch(self->fd, self->out, 5, &self->batch));
	self->in[0].select = MAILBOX_SELECT_TAG;
	self->in[0].tag = 3;
	self->in[1].flags = MAILBOX_RECEIVE_PEEK;
	self->in[1].index = 2;
	self->in[2].flags = MAILBOX_RECEIVE_TRUNCATE;
	self->in[2].length = 1;
	ASSERT_EQ(0, mbx_receive_batch(self->fd, self->in, 5, &self->batch));
	EXPECT_EQ(5, self->batch.done);
	EXPECT_STREQ("03", self->text[0]);
	EXPECT_STREQ("vec", self->text[1]);
	EXPECT_STREQ("0", self->text[2]);
	EXPECT_EQ(MAILBOX_MESSAGE_TRUNCATED, self->in[2].header.flags);
	EXPECT_EQ(9, self->in[2].header.priority);
	EXPECT_STREQ("00", self->text[3]);
	EXPECT_STREQ("vec", self->text[4]);
	EXPECT_STREQ("04", mbx_next(self->fd));
}

TEST_F(batch, results_are_each_ones_own)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_MESSAGE_MAX, .message_max = 2 };
	int i;

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	self->out[3].length = 3;
	ASSERT_EQ(0, mbx_send_batch(self->fd, self->out, 6, &self->batch));
	EXPECT_EQ(3, self->batch.done);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, self->out[i].error.code);
		EXPECT_EQ(i + 1, self->out[i].sequence);
	}
	EXPECT_EQ(-EMSGSIZE, self->out[3].error.code);
	EXPECT_EQ(MAILBOX_REASON_MAILBOX_SIZE, self->out[3].error.reason);
	EXPECT_EQ(MBX_FIELD(mailbox_send, length), self->out[3].error.field);
	EXPECT_EQ(2, self->out[3].error.value);
	for (i = 4; i < 6; i++) {
		EXPECT_EQ(-ECANCELED, self->out[i].error.code);
		EXPECT_EQ(MAILBOX_REASON_BATCH, self->out[i].error.reason);
		EXPECT_EQ(3, self->out[i].error.value);
	}
	EXPECT_EQ(3, mbx_depth(self->fd));
	EXPECT_STREQ("00", mbx_next(self->fd));
	EXPECT_STREQ("01", mbx_next(self->fd));
	EXPECT_STREQ("02", mbx_next(self->fd));
}

TEST_F(batch, first_one_fails)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_MESSAGE_MAX, .message_max = 2 };

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	self->out[0].length = 3;
	self->batch.done = 77;
	ASSERT_EQ(-EMSGSIZE, mbx_send_batch(self->fd, self->out, 3, &self->batch));
	EXPECT_EQ(0, self->batch.done);
	EXPECT_EQ(-EMSGSIZE, self->out[0].error.code);
	EXPECT_EQ(MAILBOX_REASON_MAILBOX_SIZE, self->out[0].error.reason);
	EXPECT_EQ(-ECANCELED, self->out[1].error.code);
	EXPECT_EQ(0, self->out[1].error.value);
	EXPECT_EQ(-ECANCELED, self->out[2].error.code);
	EXPECT_EQ(0, mbx_depth(self->fd));
}

/* A message that does not fit its item stays, and so do those behind. */
TEST_F(batch, receive_too_small_a_buffer)
{
	ASSERT_EQ(0, mbx_send_batch(self->fd, self->out, 4, &self->batch));
	self->in[1].length = 1;
	ASSERT_EQ(0, mbx_receive_batch(self->fd, self->in, 4, &self->batch));
	EXPECT_EQ(1, self->batch.done);
	EXPECT_EQ(0, self->in[0].error.code);
	EXPECT_EQ(-EMSGSIZE, self->in[1].error.code);
	EXPECT_EQ(2, self->in[1].error.value);
	EXPECT_EQ(-ECANCELED, self->in[2].error.code);
	EXPECT_EQ(1, self->in[2].error.value);
	EXPECT_EQ(-ECANCELED, self->in[3].error.code);
	EXPECT_STREQ("01", mbx_next(self->fd));
	EXPECT_STREQ("02", mbx_next(self->fd));
	EXPECT_STREQ("03", mbx_next(self->fd));
}

TEST_F(batch, nonblocking_receive)
{
	int i;

	for (i = 0; i < 4; i++)
		self->in[i].flags = MAILBOX_NONBLOCK;
	ASSERT_EQ(-EAGAIN, mbx_receive_batch(self->fd, self->in, 4, &self->batch));
	EXPECT_EQ(0, self->batch.done);
	ASSERT_EQ(0, mbx_send_batch(self->fd, self->out, 2, &self->batch));
	ASSERT_EQ(0, mbx_receive_batch(self->fd, self->in, 4, &self->batch));
	EXPECT_EQ(2, self->batch.done);
	EXPECT_EQ(-EAGAIN, self->in[2].error.code);
	EXPECT_EQ(MAILBOX_REASON_EMPTY, self->in[2].error.reason);
	EXPECT_EQ(-ECANCELED, self->in[3].error.code);
	EXPECT_EQ(2, self->in[3].error.value);
}

TEST_F(batch, nonblocking_send)
{
	int i;

	capacity(self->fd, 2);
	for (i = 0; i < 4; i++)
		self->out[i].flags = MAILBOX_NONBLOCK;
	ASSERT_EQ(0, mbx_send_batch(self->fd, self->out, 4, &self->batch));
	EXPECT_EQ(2, self->batch.done);
	EXPECT_EQ(-EAGAIN, self->out[2].error.code);
	EXPECT_EQ(MAILBOX_REASON_FULL, self->out[2].error.reason);
	EXPECT_EQ(2, self->out[2].error.value);
	EXPECT_EQ(-ECANCELED, self->out[3].error.code);
	ASSERT_EQ(-EAGAIN, mbx_send_batch(self->fd, self->out, 4, &self->batch));
	EXPECT_EQ(0, self->batch.done);
}

struct batch_call {
	pthread_t thread;
	int fd, count, result;
	bool sending;
	void *items;
	struct mailbox_batch batch;
};

static void *batch_thread(void *argument)
{
	struct batch_call *call = argument;

	call->result = call->sending ?
		mbx_send_batch(call->fd, call->items, call->count, &call->batch) :
		mbx_receive_batch(call->fd, call->items, call->count, &call->batch);
	return NULL;
}

/* A receiver waits for its first message only. */
TEST_F(batch, receive_waits_for_the_first)
{
	struct batch_call call = { .fd = self->fd, .count = 4, .items = self->in };

	ASSERT_EQ(0, pthread_create(&call.thread, NULL, batch_thread, &call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_put(self->fd, "first", 0));
	pthread_join(call.thread, NULL);
	ASSERT_EQ(0, call.result);
	EXPECT_EQ(1, call.batch.done);
	EXPECT_STREQ("first", self->text[0]);
	EXPECT_EQ(0, self->in[0].error.code);
	EXPECT_EQ(-EAGAIN, self->in[1].error.code);
	EXPECT_EQ(-ECANCELED, self->in[2].error.code);
}

/* A sender waits for each. */
TEST_F(batch, send_waits_for_each)
{
	struct batch_call call = { .fd = self->fd, .count = 8, .items = self->out, .sending = true };
	char text[8];
	int i;

	capacity(self->fd, 2);
	ASSERT_EQ(0, pthread_create(&call.thread, NULL, batch_thread, &call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	EXPECT_EQ(2, mbx_depth(self->fd));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, NULL));
		EXPECT_EQ(i, atoi(text));
	}
	pthread_join(call.thread, NULL);
	ASSERT_EQ(0, call.result);
	EXPECT_EQ(8, call.batch.done);
}

TEST_F(batch, synchronous_items_have_receipts)
{
	struct batch_call call = { .fd = self->fd, .count = 3, .items = self->out, .sending = true };
	char text[8];
	int i;

	for (i = 0; i < 3; i++)
		self->out[i].flags = MAILBOX_SEND_SYNC;
	ASSERT_EQ(0, pthread_create(&call.thread, NULL, batch_thread, &call));
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
		ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, NULL));
		EXPECT_EQ(i, atoi(text));
	}
	pthread_join(call.thread, NULL);
	ASSERT_EQ(0, call.result);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(getpid(), self->out[i].receipt.pid);
		EXPECT_EQ(1, self->out[i].receipt.receivers);
	}
}

TEST_F(batch, deadline_of_a_later_one)
{
	capacity(self->fd, 2);
	self->out[2].flags = MAILBOX_DEADLINE;
	self->out[2].deadline = mbx_in_ms(20);
	ASSERT_EQ(0, mbx_send_batch(self->fd, self->out, 4, &self->batch));
	EXPECT_EQ(2, self->batch.done);
	EXPECT_EQ(-ETIMEDOUT, self->out[2].error.code);
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, self->out[2].error.reason);
	EXPECT_EQ(-ECANCELED, self->out[3].error.code);
}

/* A signal in the middle: what went stays gone, once, and the caller knows. */
TEST_F(batch, interrupted_in_the_middle)
{
	struct batch_call call = { .fd = self->fd, .count = 4, .items = self->out, .sending = true };

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	capacity(self->fd, 2);
	ASSERT_EQ(0, pthread_create(&call.thread, NULL, batch_thread, &call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	pthread_kill(call.thread, SIGUSR1);
	pthread_join(call.thread, NULL);
	ASSERT_EQ(0, call.result);
	EXPECT_EQ(2, call.batch.done);
	EXPECT_EQ(0, self->out[1].error.code);
	EXPECT_EQ(-EINTR, self->out[2].error.code);
	EXPECT_EQ(-ECANCELED, self->out[3].error.code);
	EXPECT_STREQ("00", mbx_next(self->fd));
	EXPECT_STREQ("01", mbx_next(self->fd));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
}

/* With SA_RESTART no message may go twice. */
TEST_F(batch, a_restart_repeats_nothing)
{
	struct batch_call call = { .fd = self->fd, .count = 4, .items = self->out, .sending = true };
	int i, next = 0;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, SA_RESTART));
	capacity(self->fd, 2);
	ASSERT_EQ(0, pthread_create(&call.thread, NULL, batch_thread, &call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	pthread_kill(call.thread, SIGUSR1);
	capacity(self->fd, 16);
	pthread_join(call.thread, NULL);
	ASSERT_EQ(0, call.result);
	/* it may end early, but what it says it did is what is there */
	ASSERT_LE(2, call.batch.done);
	EXPECT_EQ(call.batch.done, mbx_depth(self->fd));
	for (i = 0; i < call.batch.done; i++)
		EXPECT_EQ(next++, atoi(mbx_next(self->fd)));
}

/* Batches on both sides, with more messages than room. */
TEST_F(batch, a_stream_of_them)
{
	enum { ROUNDS = 20 };
	int got = 0, i;
	pid_t child;

	capacity(self->fd, 10);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		for (i = 0; i < ROUNDS; i++)
			if (mbx_send_batch(self->fd, self->out, MAILBOX_BATCH_MAX, &self->batch) ||
			    self->batch.done != MAILBOX_BATCH_MAX)
				_exit(1);
		_exit(0);
	}
	while (got < ROUNDS * MAILBOX_BATCH_MAX) {
		ASSERT_EQ(0, mbx_receive_batch(self->fd, self->in, MAILBOX_BATCH_MAX, &self->batch));
		ASSERT_LE(1, self->batch.done);
		for (i = 0; i < self->batch.done; i++, got++) {
			ASSERT_EQ(got % MAILBOX_BATCH_MAX, atoi(self->text[i]));
			ASSERT_EQ(got + 1, self->in[i].header.sequence);
		}
	}
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_EQ(0, mbx_depth(self->fd));
}

/* Items may have grown; what this kernel does not know must be zero. */
TEST_F(batch, larger_items)
{
	struct {
		struct mailbox_send send;
		__u64 tail;
	} items[2] = { { .send = self->out[0] }, { .send = self->out[1] } };
	struct mailbox_batch batch = {
		.items = MBX_PTR(items),
		.item_size = sizeof(*items),
		.count = 2,
	};

	ASSERT_EQ(0, mbx_ioctl(self->fd, MAILBOX_IOC_SEND_BATCH, &batch));
	EXPECT_EQ(2, batch.done);
	EXPECT_EQ(2, items[1].send.sequence);
	EXPECT_STREQ("00", mbx_next(self->fd));
	EXPECT_STREQ("01", mbx_next(self->fd));
	items[1].tail = 1;
	ASSERT_EQ(0, mbx_ioctl(self->fd, MAILBOX_IOC_SEND_BATCH, &batch));
	EXPECT_EQ(1, batch.done);
	EXPECT_EQ(-E2BIG, items[1].send.error.code);
	EXPECT_STREQ("00", mbx_next(self->fd));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
}

TEST_HARNESS_MAIN
