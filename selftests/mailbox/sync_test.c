// SPDX-License-Identifier: GPL-2.0
/*
 * Synchronous sends: the rendezvous (capacity 0) and MAILBOX_SEND_SYNC, their
 * receipt, and their withdrawal.
 *
 * features.rst rows with their test here:
 *   synchronisation: rendezvous	rendezvous.meets_a_receiver_that_comes_later,
 *					rendezvous.meets_a_waiting_receiver
 *   buffering: zero			rendezvous.*
 *   sharing rules: the sender is told	both.*.receipt_names_the_receiver
 *   withdrawn or delivered, never both	both.*.withdrawn_*, both.*.never_both
 */
#include "kselftest_harness.h"
#include "common.h"

#include <sys/mman.h>

/* What holds of both kinds of synchronous sends. */
FIXTURE(both)
{
	int fd;
};

FIXTURE_VARIANT(both)
{
	__u64 capacity;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(both, rendezvous) { .capacity = 0, .flags = 0 };
FIXTURE_VARIANT_ADD(both, rendezvous_and_sync) { .capacity = 0, .flags = MAILBOX_SEND_SYNC };
FIXTURE_VARIANT_ADD(both, bounded) { .capacity = 4, .flags = MAILBOX_SEND_SYNC };
FIXTURE_VARIANT_ADD(both, unlimited) { .capacity = MAILBOX_UNLIMITED, .flags = MAILBOX_SEND_SYNC };

FIXTURE_SETUP(both)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, variant->capacity);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(both)
{
	close(self->fd);
}

TEST_F(both, ends_when_taken)
{
	struct mailbox_header header;
	struct mbx_call call;
	char text[8];
	__u64 before;

	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "hello", variant->flags));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	EXPECT_FALSE(mbx_call_done(&call));
	before = mbx_now();
	ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), MAILBOX_NONBLOCK, &header));
	EXPECT_STREQ("hello", text);
	EXPECT_EQ(MAILBOX_MESSAGE_SYNC, header.flags);
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(header.sequence, call.send.sequence);
	EXPECT_EQ(1, call.send.receipt.receivers);
	EXPECT_EQ(getpid(), call.send.receipt.pid);
	EXPECT_EQ(geteuid(), call.send.receipt.uid);
	EXPECT_EQ(getegid(), call.send.receipt.gid);
	EXPECT_LE(before, call.send.receipt.time);
	EXPECT_LE(call.send.receipt.time, (__u64)mbx_now());
	EXPECT_EQ(0, mbx_depth(self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 0));
}

TEST_F(both, receipt_names_the_receiver)
{
	char text[8];
	struct mailbox_send send = { .flags = variant->flags };
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_become(1234))
			_exit(2);
		_exit(mbx_get(self->fd, text, sizeof(text), 0, NULL) ? 1 : 0);
	}
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	EXPECT_EQ(child, send.receipt.pid);
	EXPECT_EQ(1234, send.receipt.uid);
	EXPECT_EQ(1234, send.receipt.gid);
	EXPECT_EQ(1, send.receipt.receivers);
	EXPECT_NE(0, send.receipt.time);
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(both, nonblock_hands_to_a_waiting_receiver)
{
	struct mailbox_send send = {
		.flags = variant->flags | MAILBOX_NONBLOCK,
		.buffer = MBX_PTR("now"),
		.length = 3,
	};
	struct mbx_call call;

	ASSERT_EQ(0, mbx_call_receive(&call, self->fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	EXPECT_EQ(getpid(), send.receipt.pid);
	EXPECT_EQ(1, send.receipt.receivers);
	EXPECT_NE(0, send.receipt.time);
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("now", call.buffer);
}

TEST_F(both, nonblock_without_a_receiver)
{
	struct mailbox_send send = { .flags = variant->flags | MAILBOX_NONBLOCK };
	struct mailbox_stat stat;

	ASSERT_EQ(-EAGAIN, mbx_send(self->fd, &send));
	EXPECT_EQ(MAILBOX_REASON_NO_TAKER, send.error.reason);
	EXPECT_EQ(0, mbx_depth(self->fd));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.received);
	EXPECT_EQ(0, stat.depth);
}

TEST_F(both, nonblock_with_a_receiver_who_wants_another)
{
	struct mailbox_send send = { .flags = variant->flags | MAILBOX_NONBLOCK, .tag = 2 };
	struct mbx_call call = {
		.fd = self->fd,
		.receive = { .select = MAILBOX_SELECT_TAG, .tag = 1 },
	};

	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	ASSERT_EQ(-EAGAIN, mbx_send(self->fd, &send));
	EXPECT_EQ(MAILBOX_REASON_NO_TAKER, send.error.reason);
	EXPECT_FALSE(mbx_call_done(&call));
	send.tag = 1;
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(1, call.receive.header.tag);
}

/* One who would get EMSGSIZE does not take it, so there is no receipt for it. */
TEST_F(both, nonblock_with_a_receiver_whose_buffer_is_too_small)
{
	struct mailbox_send send = {
		.flags = variant->flags | MAILBOX_NONBLOCK,
		.buffer = MBX_PTR("long"),
		.length = 4,
	};
	char text[4] = "";
	struct mbx_call call = {
		.fd = self->fd,
		.receive = { .buffer = MBX_PTR(text), .length = 3 },
	};

	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	EXPECT_EQ(-EAGAIN, mbx_send(self->fd, &send));
	EXPECT_EQ(MAILBOX_REASON_NO_TAKER, send.error.reason);
	EXPECT_EQ(0, mbx_depth(self->fd));
	EXPECT_FALSE(mbx_call_done(&call));
	send.length = 3;
	EXPECT_EQ(0, mbx_send(self->fd, &send));
	EXPECT_EQ(getpid(), send.receipt.pid);
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("lon", text);
}

/* It goes by him to the next one, if that one has the room. */
TEST_F(both, nonblock_with_room_behind_too_small_a_buffer)
{
	struct mailbox_send send = {
		.flags = variant->flags | MAILBOX_NONBLOCK,
		.buffer = MBX_PTR("long"),
		.length = 4,
	};
	struct mbx_call small = {
		.fd = self->fd,
		.receive = { .buffer = MBX_PTR(small.buffer), .length = 3 },
	}, cutting = {
		.fd = self->fd,
		.receive = {
			.flags = MAILBOX_RECEIVE_TRUNCATE,
			.buffer = MBX_PTR(cutting.buffer),
			.length = 2,
		},
	};

	ASSERT_EQ(0, mbx_call_start(&small));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_call_start(&cutting));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 2));
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_call_join(&cutting));
	EXPECT_STREQ("lo", cutting.buffer);
	EXPECT_FALSE(mbx_call_done(&small));
	send.length = 1;
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_call_join(&small));
	EXPECT_STREQ("l", small.buffer);
}

/* The same of a sender who can wait: it waits on until somebody has room. */
TEST_F(both, goes_by_too_small_a_buffer)
{
	struct mbx_call sender, small = {
		.fd = self->fd,
		.receive = { .buffer = MBX_PTR(small.buffer), .length = 3 },
	};

	ASSERT_EQ(0, mbx_call_start(&small));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_call_send(&sender, self->fd, "long", variant->flags));
	ASSERT_EQ(-EMSGSIZE, mbx_call_join(&small));
	EXPECT_EQ(4, small.receive.error.value);
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&sender));
	EXPECT_FALSE(mbx_call_done(&sender));
	EXPECT_STREQ("long", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&sender));
	EXPECT_EQ(getpid(), sender.send.receipt.pid);
}

TEST_F(both, withdrawn_by_timeout)
{
	struct mailbox_send send = {
		.flags = variant->flags | MAILBOX_DEADLINE,
		.deadline = mbx_in_ms(30),
	};
	struct mailbox_stat stat;

	ASSERT_EQ(-ETIMEDOUT, mbx_send(self->fd, &send));
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, send.error.reason);
	EXPECT_EQ(send.deadline, send.error.value);
	EXPECT_LE(send.deadline, mbx_now());
	EXPECT_STREQ("<11>", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.bytes);
	EXPECT_EQ(0, stat.received);
	EXPECT_EQ(1, stat.withdrawn);
	EXPECT_EQ(0, stat.waiting_senders);
}

TEST_F(both, withdrawn_by_signal)
{
	struct mailbox_stat stat;
	struct mbx_call call;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "x", variant->flags));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	ASSERT_EQ(0, mbx_call_signal(&call, SIGUSR1));
	ASSERT_EQ(-EINTR, mbx_call_join(&call));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.received);
	EXPECT_EQ(1, stat.withdrawn);
}

TEST_F(both, restarted_after_a_signal_it_arrives_once)
{
	struct mbx_call call;
	char text[8] = "";

	ASSERT_EQ(0, mbx_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "once", variant->flags));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	ASSERT_EQ(0, mbx_call_signal(&call, SIGUSR1));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	EXPECT_FALSE(mbx_call_done(&call));
	/* it may be about to put it in again, so this receive waits */
	ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, NULL));
	EXPECT_STREQ("once", text);
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
}

/* A call that was restarted and goes well says nothing of an error. */
TEST_F(both, restarted_after_a_signal_without_an_error)
{
	struct mbx_call call = {
		.fd = self->fd,
		.sending = true,
		.send = {
			.error = { .code = 1, .reason = 2, .field = 3, .value = 4 },
			.flags = variant->flags,
			.buffer = MBX_PTR("once"),
			.length = 4,
		},
	};
	char text[8] = "";

	ASSERT_EQ(0, mbx_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	ASSERT_EQ(0, mbx_call_signal(&call, SIGUSR1));
	ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, NULL));
	EXPECT_STREQ("once", text);
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(1, call.send.error.code);
	EXPECT_EQ(2, call.send.error.reason);
	EXPECT_EQ(3, call.send.error.field);
	EXPECT_EQ(4, call.send.error.value);
}

/* Stopped and continued, without any handler, it goes on as if nothing was. */
TEST_F(both, stopped_and_continued_it_arrives_once)
{
	char text[8];
	pid_t child = mbx_fork();
	int status;

	ASSERT_LE(0, child);
	if (!child)
		_exit(-mbx_put(self->fd, "once", variant->flags));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_wait_asleep(child, SYS_ioctl));
	ASSERT_EQ(0, kill(child, SIGSTOP));
	ASSERT_EQ(child, waitpid(child, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(child, SIGCONT));
	ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, NULL));
	EXPECT_STREQ("once", text);
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
}

TEST_F(both, withdrawn_when_killed)
{
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child)
		_exit(-mbx_put(self->fd, "x", variant->flags));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_wait_asleep(child, SYS_ioctl));
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, mbx_join(child));
	EXPECT_EQ(0, mbx_depth(self->fd));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 0));
}

/* A receiver who cannot take it is no taker: the sender goes on waiting. */
TEST_F(both, too_small_a_buffer_does_not_take)
{
	struct mailbox_receive receive = { .flags = MAILBOX_NONBLOCK };
	struct mbx_call call;

	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "six...", variant->flags));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_EQ(-EMSGSIZE, mbx_receive(self->fd, &receive));
	EXPECT_EQ(6, receive.error.value);
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	EXPECT_FALSE(mbx_call_done(&call));
	EXPECT_STREQ("six...", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&call));
}

/*
 * Senders with deadlines of about the time that a hand-off takes, against a
 * receiver: what a sender believes and what the receiver got must agree.
 */
TEST_F(both, never_both)
{
	enum { ROUNDS = 150 };
	struct shared {
		int stop;
		unsigned char got[ROUNDS];
	} *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned char sent[ROUNDS] = { 0 };
	struct mailbox_stat stat;
	int i, delivered = 0, withdrawn = 0;
	pid_t child;

	ASSERT_NE(MAP_FAILED, (void *)shared);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct mailbox_receive receive = { .flags = MAILBOX_NONBLOCK };
		int result, turns = 0;

		do {
			/* the last look comes after the word to stop */
			bool last = __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);

			/* in turns asleep when it comes, and looking for it */
			receive.flags = turns++ % 2 ? MAILBOX_NONBLOCK : MAILBOX_DEADLINE;
			receive.deadline = turns % 2 ? mbx_now() + 100000 : 0;
			result = mbx_receive(self->fd, &receive);
			if (!result)
				shared->got[receive.header.tag]++;
			else if (result != -EAGAIN && result != -ETIMEDOUT)
				_exit(2);
			else if (last)
				_exit(0);
		} while (true);
	}
	for (i = 0; i < ROUNDS; i++) {
		struct mailbox_send send = {
			.flags = variant->flags | MAILBOX_DEADLINE,
			.tag = i,
			.deadline = mbx_now() + 1000 + i % 50 * 4000,
		};
		int result = mbx_send(self->fd, &send);

		if (!result) {
			sent[i] = 1;
			delivered++;
			EXPECT_EQ(child, send.receipt.pid);
		} else {
			ASSERT_EQ(-ETIMEDOUT, result);
			withdrawn++;
		}
	}
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0, mbx_join(child));
	for (i = 0; i < ROUNDS; i++)
		ASSERT_EQ(sent[i], shared->got[i]);
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(delivered, stat.received);
	EXPECT_EQ(withdrawn, stat.withdrawn);
	munmap(shared, sizeof(*shared));
}

/* The same with a signal instead of the time that ends the wait. */
TEST_F(both, never_both_with_signals)
{
	enum { ROUNDS = 40 };
	int i, delivered = 0, withdrawn = 0, taken = 0;
	struct mailbox_stat stat;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	for (i = 0; i < ROUNDS; i++) {
		struct mailbox_receive receive = { .flags = MAILBOX_NONBLOCK };
		struct mbx_call call;
		int result;

		ASSERT_EQ(0, mbx_call_send(&call, self->fd, "x", variant->flags));
		ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
		receive.length = 1;
		receive.buffer = MBX_PTR(&receive.header);
		ASSERT_EQ(0, mbx_call_signal(&call, SIGUSR1));
		result = mbx_receive(self->fd, &receive);
		if (!result)
			taken++;
		else
			ASSERT_EQ(-EAGAIN, result);
		if (!mbx_call_join(&call)) {
			delivered++;
		} else {
			ASSERT_EQ(-EINTR, call.result);
			withdrawn++;
		}
		ASSERT_EQ(taken, delivered);
	}
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(taken, stat.received);
	EXPECT_EQ(withdrawn, stat.withdrawn);
}

TEST_F(both, higher_priority_first)
{
	struct mbx_call low = { .fd = self->fd, .sending = true }, high = low;

	low.send.flags = variant->flags;
	high.send = low.send;
	low.send.tag = 1;
	high.send.tag = 2;
	high.send.priority = 5;
	ASSERT_EQ(0, mbx_call_start(&low));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_EQ(0, mbx_call_start(&high));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 2, 0));
	EXPECT_STREQ("", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&high));
	EXPECT_FALSE(mbx_call_done(&low));
	EXPECT_STREQ("", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&low));
}

TEST_F(both, destroyed_under_the_sender)
{
	struct mbx_call call;

	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "x", variant->flags));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_EQ(0, mbx_destroy(self->fd, NULL));
	EXPECT_EQ(-EIDRM, mbx_call_join(&call));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, call.send.error.reason);
}

TEST_F(both, last_receiver_leaves_under_the_sender)
{
	int sender = mbx_dup(self->fd, MAILBOX_RIGHT_SEND);
	struct mbx_call call;

	ASSERT_LE(0, sender);
	ASSERT_EQ(0, mbx_call_send(&call, sender, "x", variant->flags));
	ASSERT_TRUE(mbx_wait_waiters(sender, 1, 0));
	close(self->fd);
	EXPECT_EQ(-EPIPE, mbx_call_join(&call));
	EXPECT_EQ(MAILBOX_REASON_NO_RECEIVERS, call.send.error.reason);
	self->fd = sender;
}

/* --- the rendezvous alone -------------------------------------------- */

FIXTURE(rendezvous)
{
	int fd;
};

FIXTURE_SETUP(rendezvous)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(rendezvous)
{
	close(self->fd);
}

TEST_F(rendezvous, meets_a_receiver_that_comes_later)
{
	char text[8];
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child)
		_exit(mbx_put(self->fd, "hello", 0) ? 1 : 0);
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_wait_asleep(child, SYS_ioctl));
	ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, NULL));
	EXPECT_STREQ("hello", text);
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(rendezvous, meets_a_waiting_receiver)
{
	char text[8];
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_get(self->fd, text, sizeof(text), 0, NULL))
			_exit(1);
		_exit(strcmp(text, "hello") ? 2 : 0);
	}
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_TRUE(mbx_wait_asleep(child, SYS_ioctl));
	ASSERT_EQ(0, mbx_put(self->fd, "hello", 0));
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(rendezvous, many_in_a_row)
{
	enum { COUNT = 300 };
	struct mailbox_header header;
	char text[8];
	int i;
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		for (i = 0; i < COUNT; i++) {
			snprintf(text, sizeof(text), "%d", i);
			if (mbx_put(self->fd, text, 0))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < COUNT; i++) {
		ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, &header));
		ASSERT_EQ(i, atoi(text));
	}
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
}

/* The first of two that wait gets the message, the other goes on waiting. */
TEST_F(rendezvous, one_receiver_only)
{
	struct mbx_call one, two;

	ASSERT_EQ(0, mbx_call_receive(&one, self->fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_call_receive(&two, self->fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 2));
	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	ASSERT_EQ(0, mbx_call_join(&one));
	EXPECT_STREQ("1", one.buffer);
	EXPECT_FALSE(mbx_call_done(&two));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	ASSERT_EQ(0, mbx_call_join(&two));
	EXPECT_STREQ("2", two.buffer);
}

/* A rendezvous that becomes a queue: who waits goes on waiting for his taker. */
TEST_F(rendezvous, becomes_a_queue)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 2 };
	struct mbx_call call;

	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "1", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_EQ(0, mbx_put(self->fd, "2", MAILBOX_NONBLOCK));
	EXPECT_STREQ("1", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(getpid(), call.send.receipt.pid);
	EXPECT_STREQ("2", mbx_next(self->fd));
}

/* And a queue that becomes a rendezvous gives out what it still has. */
TEST_F(rendezvous, was_a_queue)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 2 };
	struct mbx_call call;

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_EQ(0, mbx_put(self->fd, "1", MAILBOX_NONBLOCK));
	set.capacity = 0;
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	EXPECT_EQ(-EAGAIN, mbx_put(self->fd, "2", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "3", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	EXPECT_STREQ("1", mbx_next(self->fd));
	EXPECT_FALSE(mbx_call_done(&call));
	EXPECT_STREQ("3", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&call));
}

/* Senders wait in the queue when it becomes a rendezvous: each is taken. */
TEST_F(rendezvous, was_a_full_queue)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 1 };
	struct mbx_call call;

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_EQ(0, mbx_put(self->fd, "1", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "2", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	set.capacity = 0;
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	EXPECT_STREQ("1", mbx_next(self->fd));
	EXPECT_STREQ("2", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(0, mbx_depth(self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 0));
}

/* --- SEND_SYNC in a queue -------------------------------------------- */

TEST(sync_waits_its_turn_behind_others)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	struct mbx_call call;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put(fd, "before", 0));
	ASSERT_EQ(0, mbx_call_send(&call, fd, "sync", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(mbx_wait_waiters(fd, 1, 0));
	ASSERT_EQ(0, mbx_put(fd, "after", 0));
	EXPECT_STREQ("before", mbx_next(fd));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	EXPECT_FALSE(mbx_call_done(&call));
	EXPECT_STREQ("sync", mbx_next(fd));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("after", mbx_next(fd));
	close(fd);
}

TEST(sync_waits_for_room_and_then_for_its_taker)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mbx_call call;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put(fd, "before", 0));
	ASSERT_EQ(0, mbx_call_send(&call, fd, "sync", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(mbx_wait_waiters(fd, 1, 0));
	EXPECT_EQ(1, mbx_depth(fd));
	EXPECT_STREQ("before", mbx_next(fd));
	ASSERT_TRUE(MBX_UNTIL(mbx_depth(fd) == 1));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	EXPECT_FALSE(mbx_call_done(&call));
	EXPECT_STREQ("sync", mbx_next(fd));
	ASSERT_EQ(0, mbx_call_join(&call));
	close(fd);
}

/* Withdrawing one in a full mailbox leaves its room to the next sender. */
TEST(withdrawal_makes_room)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mbx_call sync, plain;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	ASSERT_EQ(0, mbx_call_send(&sync, fd, "sync", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(MBX_UNTIL(mbx_depth(fd) == 1));
	ASSERT_TRUE(mbx_call_wait_asleep(&sync));
	ASSERT_EQ(0, mbx_call_send(&plain, fd, "plain", 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 2, 0));
	ASSERT_EQ(0, mbx_call_signal(&sync, SIGUSR1));
	ASSERT_EQ(-EINTR, mbx_call_join(&sync));
	ASSERT_EQ(0, mbx_call_join(&plain));
	EXPECT_STREQ("plain", mbx_next(fd));
	EXPECT_STREQ("<11>", mbx_next(fd));
	close(fd);
}

TEST_HARNESS_MAIN
