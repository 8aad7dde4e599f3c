// SPDX-License-Identifier: GPL-2.0
/*
 * Who gets the room of a mailbox, where there is little of it, where SET makes
 * much of it, and where there is no time to wait for it.
 */
#include "hostile.h"

#include "kselftest_harness.h"

/* more than go on under one hold of the lock, and no multiple of it */
#define LINE	90
/* of them have room, also more than that */
#define ROOM	70

FIXTURE(line)
{
	int fd;
	struct mbx_call *calls;
};

/* A mailbox that is full, and a long line of senders before it. */
FIXTURE_SETUP(line)
{
	char text[8];

	self->calls = calloc(LINE, sizeof(*self->calls));
	ASSERT_NE(NULL, self->calls);
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_put(self->fd, "first", 0));
	for (int i = 0; i < LINE; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ASSERT_EQ(0, mbx_call_send(&self->calls[i], self->fd, text, 0));
		ASSERT_TRUE(mbx_wait_waiters(self->fd, i + 1, 0));
	}
}

FIXTURE_TEARDOWN(line)
{
	close(self->fd);
	free(self->calls);
}

/* What was in line comes out in order, and then nothing. */
#define EXPECT_LINE(self) do {						\
		char __text[8];						\
		EXPECT_STREQ("first", mbx_next((self)->fd));		\
		for (int __i = 0; __i < LINE; __i++) {			\
			snprintf(__text, sizeof(__text), "%d", __i);	\
			ASSERT_STREQ(__text, mbx_next((self)->fd));	\
			ASSERT_EQ(0, mbx_call_join(&(self)->calls[__i])); \
		}							\
		EXPECT_STREQ("<11>", mbx_next((self)->fd));		\
	} while (0)

TEST_F(line, goes_in_when_there_is_room_for_all)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = MAILBOX_UNLIMITED };

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 0));
	EXPECT_EQ(LINE + 1, mbx_depth(self->fd));
	EXPECT_LINE(self);
}

TEST_F(line, goes_in_as_far_as_there_is_room)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 1 + ROOM };

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, LINE - ROOM, 0));
	EXPECT_EQ(1 + ROOM, mbx_depth(self->fd));
	EXPECT_EQ(-EAGAIN, mbx_put(self->fd, "late", MAILBOX_NONBLOCK));
	EXPECT_LINE(self);
}

TEST_F(line, waits_for_takers_when_there_is_no_queue_any_more)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 0 };

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, LINE, 0));
	EXPECT_EQ(LINE + 1, mbx_depth(self->fd));
	EXPECT_LINE(self);
}

TEST_F(line, is_told_of_the_end)
{
	ASSERT_EQ(0, mbx_destroy(self->fd, NULL));
	for (int i = 0; i < LINE; i++)
		ASSERT_EQ(-EIDRM, mbx_call_join(&self->calls[i]));
}

/* --- a receiver who has too little room for what he wants ------------- */

FIXTURE(small)
{
	int fd;
	struct mbx_call call;
};

/* A mailbox that is full, and one who waits for tag 7, with room for 2 bytes. */
FIXTURE_SETUP(small)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_put(self->fd, "first", 0));
	self->call = (struct mbx_call) {
		.fd = self->fd,
		.receive = {
			.select = MAILBOX_SELECT_TAG,
			.tag = 7,
			.buffer = MBX_PTR(self->call.buffer),
			.length = 2,
		},
	};
	ASSERT_EQ(0, mbx_call_start(&self->call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
}

FIXTURE_TEARDOWN(small)
{
	close(self->fd);
}

static struct mailbox_send tagged(const char *text, __u32 flags)
{
	return (struct mailbox_send) {
		.flags = flags,
		.tag = 7,
		.buffer = MBX_PTR(text),
		.length = strlen(text),
	};
}

TEST_F(small, does_not_make_room_for_it)
{
	struct mailbox_send send = tagged("long", MAILBOX_NONBLOCK);

	EXPECT_EQ(-EAGAIN, mbx_send(self->fd, &send));
	EXPECT_EQ(MAILBOX_REASON_FULL, send.error.reason);
	EXPECT_EQ(1, mbx_depth(self->fd));
	/* and goes on waiting for one that fits */
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	send = tagged("ok", MAILBOX_NONBLOCK);
	EXPECT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(0, memcmp("ok", self->call.buffer, 2));
	EXPECT_STREQ("first", mbx_next(self->fd));
}

TEST_F(small, is_told_of_a_sender_that_waits)
{
	struct mbx_call sender = {
		.fd = self->fd,
		.sending = true,
		.send = tagged("long", 0),
	};

	ASSERT_EQ(0, mbx_call_start(&sender));
	ASSERT_EQ(-EMSGSIZE, mbx_call_join(&self->call));
	EXPECT_EQ(MAILBOX_REASON_BUFFER_SIZE, self->call.receive.error.reason);
	EXPECT_EQ(4, self->call.receive.error.value);
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	EXPECT_EQ(1, mbx_depth(self->fd));
	EXPECT_STREQ("first", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&sender));
	EXPECT_STREQ("long", mbx_next(self->fd));
}

TEST_F(small, lets_one_go_first_who_has_room)
{
	struct mailbox_send send = tagged("long", MAILBOX_NONBLOCK);
	struct mbx_call large = {
		.fd = self->fd,
		.receive = { .select = MAILBOX_SELECT_TAG, .tag = 7 },
	};

	ASSERT_EQ(0, mbx_call_start(&large));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 2));
	EXPECT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_call_join(&large));
	EXPECT_STREQ("long", large.buffer);
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	send = tagged("ok", MAILBOX_NONBLOCK);
	EXPECT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_call_join(&self->call));
}

/* --- no time to wait ---------------------------------------------------- */

/* Who comes too late, but finds a receiver waiting, need not wait for it. */
TEST(a_deadline_in_the_past_and_a_taker)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 0);
	struct mailbox_stat stat;

	ASSERT_LE(0, fd);
	for (int i = 1; i <= 50; i++) {
		struct mailbox_send send = {
			.flags = MAILBOX_DEADLINE,
			.deadline = 1,
			.buffer = MBX_PTR("late"),
			.length = 4,
		};
		struct mbx_call call;

		ASSERT_EQ(0, mbx_call_receive(&call, fd, 0));
		ASSERT_TRUE(mbx_wait_waiters(fd, 0, 1));
		ASSERT_EQ(0, mbx_send(fd, &send));
		EXPECT_EQ(getpid(), send.receipt.pid);
		EXPECT_EQ(i, send.sequence);
		ASSERT_EQ(0, mbx_call_join(&call));
		EXPECT_STREQ("late", call.buffer);
	}
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(0, stat.withdrawn);
	close(fd);
}

/* A message that was taken back costs nobody his place in line. */
TEST(first_in_line_again)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	struct mbx_call first, second, sender;
	struct mbx_snag snag;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_snag(&snag, 2));
	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	first = (struct mbx_call) {
		.fd = fd,
		.receive = { .buffer = MBX_PTR(snag.last - 4), .length = 8 },
	};
	ASSERT_EQ(0, mbx_call_start(&first));
	ASSERT_TRUE(mbx_wait_waiters(fd, 0, 1));
	ASSERT_EQ(0, mbx_call_receive(&second, fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 0, 2));

	ASSERT_EQ(0, mbx_call_send(&sender, fd, "taken...", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(mbx_snag_caught(&snag));
	ASSERT_TRUE(mbx_call_wait_asleep(&sender));
	ASSERT_EQ(0, mbx_call_signal(&sender, SIGUSR1));
	ASSERT_EQ(-EINTR, mbx_call_join(&sender));
	ASSERT_EQ(0, mbx_snag_release(&snag));
	ASSERT_TRUE(mbx_wait_waiters(fd, 0, 2));

	ASSERT_EQ(0, mbx_put(fd, "1", 0));
	ASSERT_EQ(0, mbx_call_join(&first));
	EXPECT_EQ(1, first.receive.header.length);
	EXPECT_FALSE(mbx_call_done(&second));
	ASSERT_EQ(0, mbx_put(fd, "2", 0));
	ASSERT_EQ(0, mbx_call_join(&second));
	EXPECT_STREQ("2", second.buffer);
	close(snag.uffd);
	close(fd);
}

/* Keeps all of lower priority from the CPU. */
struct hog {
	pthread_t thread;
	bool runs;
	bool stop;
};

static void *hog_thread(void *argument)
{
	struct sched_param low = { .sched_priority = 1 };
	struct hog *hog = argument;

	sched_setscheduler(0, SCHED_FIFO, &low);
	__atomic_store_n(&hog->runs, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&hog->stop, __ATOMIC_ACQUIRE))
		;
	return NULL;
}

/*
 * A message is handed to a receiver that does not get to run, and taken back: when it
 * runs and waits on, nothing of that message is left, and who polls is told of the room.
 */
TEST(what_was_taken_back_leaves_room_at_once)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct sched_param high = { .sched_priority = 2 }, none = {};
	struct mailbox_send send = {
		.flags = MAILBOX_SEND_SYNC | MAILBOX_DEADLINE,
		.buffer = MBX_PTR("late"),
		.length = 4,
	};
	struct mailbox_info before, after;
	struct mbx_call receiver;
	struct hog hog = {};
	cpu_set_t one;

	ASSERT_LE(0, fd);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_EQ(0, mbx_info(fd, &before));
	ASSERT_EQ(0, mbx_call_receive(&receiver, fd, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&receiver));
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &high));
	ASSERT_EQ(0, pthread_create(&hog.thread, NULL, hog_thread, &hog));
	ASSERT_TRUE(MBX_UNTIL(__atomic_load_n(&hog.runs, __ATOMIC_ACQUIRE)));
	send.deadline = mbx_in_ms(20);
	EXPECT_EQ(-ETIMEDOUT, mbx_send(fd, &send));
	__atomic_store_n(&hog.stop, true, __ATOMIC_RELEASE);
	pthread_join(hog.thread, NULL);
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &none));

	EXPECT_TRUE(MBX_UNTIL(!mbx_info(fd, &after) &&
			      after.user_messages == before.user_messages));
	EXPECT_FALSE(mbx_call_done(&receiver));
	ASSERT_EQ(0, mbx_put(fd, "now", 0));
	ASSERT_EQ(0, mbx_call_join(&receiver));
	EXPECT_STREQ("now", receiver.buffer);
	close(fd);
}

TEST_HARNESS_MAIN
