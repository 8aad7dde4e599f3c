// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting: not at all, until a deadline, without end; signals meanwhile; whose
 * turn it is; and that every message arrives exactly once.
 *
 * features.rst rows with their test here:
 *   synchronisation: blocking, non-blocking	nonblock.*, forever_*
 *   full mailbox, four choices (three of them)	forever_send, nonblock.send,
 *						deadline.*.send
 *   buffering: bounded, unbounded		nonblock.send, unlimited_never_waits
 *   producer-consumer				traffic.*.exactly_once
 *   POSIX mq: timed calls			deadline.*
 */
#include "kselftest_harness.h"
#include "hostile.h"

#include <sched.h>
#include <sys/mman.h>

/* --- not at all ------------------------------------------------------ */

FIXTURE(nonblock)
{
	int fd;
};

FIXTURE_VARIANT(nonblock)
{
	bool by_file;
};

FIXTURE_VARIANT_ADD(nonblock, flag) { .by_file = false };
FIXTURE_VARIANT_ADD(nonblock, file) { .by_file = true };

FIXTURE_SETUP(nonblock)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 2);
	ASSERT_LE(0, self->fd);
	if (variant->by_file)
		ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
}

FIXTURE_TEARDOWN(nonblock)
{
	close(self->fd);
}

TEST_F(nonblock, receive)
{
	struct mailbox_receive receive = { .flags = variant->by_file ? 0 : MAILBOX_NONBLOCK };

	ASSERT_EQ(-EAGAIN, mbx_receive(self->fd, &receive));
	EXPECT_EQ(-EAGAIN, receive.error.code);
	EXPECT_EQ(MAILBOX_REASON_EMPTY, receive.error.reason);
	EXPECT_EQ(0, receive.error.value);
	ASSERT_EQ(0, mbx_put(self->fd, "", 0));
	EXPECT_EQ(0, mbx_receive(self->fd, &receive));
}

TEST_F(nonblock, send)
{
	struct mailbox_send send = { .flags = variant->by_file ? 0 : MAILBOX_NONBLOCK };

	ASSERT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(-EAGAIN, mbx_send(self->fd, &send));
	EXPECT_EQ(-EAGAIN, send.error.code);
	EXPECT_EQ(MAILBOX_REASON_FULL, send.error.reason);
	EXPECT_EQ(2, send.error.value);
	EXPECT_EQ(2, mbx_depth(self->fd));
	EXPECT_STREQ("", mbx_next(self->fd));
	EXPECT_EQ(0, mbx_send(self->fd, &send));
	/* a refused message does not take a number */
	EXPECT_EQ(3, send.sequence);
}

/* With O_NONBLOCK on the file a deadline is ignored. */
TEST(nonblock_file_goes_before_a_deadline)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_receive receive = {
		.flags = MAILBOX_DEADLINE,
		.deadline = mbx_in_ms(3600 * 1000),
	};

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, mbx_receive(fd, &receive));
	close(fd);
}

struct changes {
	int fd;
	pid_t caller;
	int stop;
};

/* What the kernel asks of a file and of a task, changed by another thread. */
static long change_always(void *argument)
{
	static const struct sched_param none;
	struct changes *changes = argument;
	char path[64];
	int slack;

	snprintf(path, sizeof(path), "/proc/%d/timerslack_ns", changes->caller);
	slack = open(path, O_WRONLY | O_CLOEXEC);
	for (int i = 0; !__atomic_load_n(&changes->stop, __ATOMIC_ACQUIRE); i++) {
		fcntl(changes->fd, F_SETFL, i & 1 ? O_NONBLOCK : 0);
		sched_setscheduler(changes->caller, i & 2 ? SCHED_BATCH : SCHED_OTHER, &none);
		if (write(slack, i & 1 ? "1" : "50000", i & 1 ? 1 : 5) < 0)
			break;
	}
	close(slack);
	return 0;
}

/* O_NONBLOCK comes and goes, with how the caller is scheduled: one or the other. */
TEST(nonblock_changes_meanwhile)
{
	struct changes changes = {
		.fd = mbx_new(MAILBOX_POLICY_SHARED, 1),
		.caller = getpid(),
	};
	__s64 until = mbx_now() + MBX_PATIENCE;
	int again = 0, late = 0, odd = 0;
	struct mbx_task task;

	ASSERT_LE(0, changes.fd);
	ASSERT_EQ(0, mbx_task_start(&task, change_always, &changes));
	while ((again < 200 || late < 200) && mbx_now() < until) {
		struct mailbox_receive receive = {
			.flags = MAILBOX_DEADLINE,
			.deadline = mbx_now() + MBX_MS / 10,
		};
		int result = mbx_receive(changes.fd, &receive);

		again += result == -EAGAIN;
		late += result == -ETIMEDOUT;
		odd += result != -EAGAIN && result != -ETIMEDOUT;
	}
	__atomic_store_n(&changes.stop, 1, __ATOMIC_RELEASE);
	mbx_task_join(&task);
	EXPECT_LE(200, again);
	EXPECT_LE(200, late);
	EXPECT_EQ(0, odd);
	close(changes.fd);
}

TEST(unlimited_never_waits)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, MAILBOX_UNLIMITED), i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 2000; i++)
		ASSERT_EQ(0, mbx_put(fd, "x", MAILBOX_NONBLOCK));
	EXPECT_EQ(2000, mbx_depth(fd));
	close(fd);
}

/* --- without end ----------------------------------------------------- */

TEST(forever_receive)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 2);
	struct mbx_call call;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_call_receive(&call, fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 0, 1));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	ASSERT_EQ(0, mbx_put(fd, "text", 0));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("text", call.buffer);
	ASSERT_TRUE(mbx_wait_waiters(fd, 0, 0));
	close(fd);
}

/* A task of a real-time policy sleeps at once, and is woken like any other. */
TEST(forever_receive_realtime)
{
	int policies[] = { SCHED_FIFO, SCHED_RR, SCHED_BATCH };
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);

	ASSERT_LE(0, fd);
	for (int i = 0; i < 3; i++) {
		struct sched_param how = { .sched_priority = policies[i] == SCHED_BATCH ? 0 : 10 };
		struct sched_param usual = { 0 };
		struct mbx_call call;

		/* threads inherit it */
		ASSERT_EQ(0, sched_setscheduler(0, policies[i], &how));
		ASSERT_EQ(0, mbx_call_receive(&call, fd, 0));
		ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &usual));
		ASSERT_TRUE(mbx_wait_waiters(fd, 0, 1));
		ASSERT_TRUE(mbx_call_wait_asleep(&call));
		ASSERT_EQ(0, mbx_put(fd, "x", 0));
		EXPECT_EQ(0, mbx_call_join(&call));
	}
	close(fd);
}

TEST(forever_send)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mbx_call call;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put(fd, "1", 0));
	ASSERT_EQ(0, mbx_call_send(&call, fd, "2", 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 1, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	EXPECT_STREQ("1", mbx_next(fd));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("2", mbx_next(fd));
	EXPECT_EQ(2, call.send.sequence);
	EXPECT_EQ(1, call.send.receipt.receivers);
	EXPECT_EQ(0, call.send.receipt.time);
	EXPECT_EQ(0, call.send.receipt.pid);
	close(fd);
}

/* --- until a deadline ------------------------------------------------ */

FIXTURE(deadline)
{
	int fd;
};

FIXTURE_VARIANT(deadline)
{
	__u32 flags;
	clockid_t clock;
};

FIXTURE_VARIANT_ADD(deadline, monotonic)
{
	.flags = MAILBOX_DEADLINE,
	.clock = CLOCK_MONOTONIC,
};

FIXTURE_VARIANT_ADD(deadline, realtime)
{
	.flags = MAILBOX_DEADLINE | MAILBOX_REALTIME,
	.clock = CLOCK_REALTIME,
};

FIXTURE_SETUP(deadline)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(deadline)
{
	close(self->fd);
}

TEST_F(deadline, receive)
{
	struct mailbox_receive receive = {
		.flags = variant->flags,
		.deadline = mbx_clock(variant->clock) + 30 * MBX_MS,
	};

	ASSERT_EQ(-ETIMEDOUT, mbx_receive(self->fd, &receive));
	EXPECT_LE(receive.deadline, mbx_clock(variant->clock));
	EXPECT_EQ(-ETIMEDOUT, receive.error.code);
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, receive.error.reason);
	EXPECT_EQ(receive.deadline, receive.error.value);
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 0));
}

TEST_F(deadline, send)
{
	struct mailbox_send send = { .flags = variant->flags };

	ASSERT_EQ(0, mbx_put(self->fd, "full", 0));
	send.deadline = mbx_clock(variant->clock) + 30 * MBX_MS;
	ASSERT_EQ(-ETIMEDOUT, mbx_send(self->fd, &send));
	EXPECT_LE(send.deadline, mbx_clock(variant->clock));
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, send.error.reason);
	EXPECT_EQ(send.deadline, send.error.value);
	EXPECT_STREQ("full", mbx_next(self->fd));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 0));
}

TEST_F(deadline, receive_in_time)
{
	struct mbx_call call = {
		.fd = self->fd,
		.receive = {
			.flags = variant->flags,
			.deadline = mbx_clock(variant->clock) + 3600 * MBX_SECOND,
		},
	};

	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_put(self->fd, "in time", 0));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("in time", call.buffer);
}

TEST_F(deadline, send_in_time)
{
	struct mbx_call call = {
		.fd = self->fd,
		.sending = true,
		.send = {
			.flags = variant->flags,
			.deadline = mbx_clock(variant->clock) + 3600 * MBX_SECOND,
		},
	};

	ASSERT_EQ(0, mbx_put(self->fd, "full", 0));
	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	EXPECT_STREQ("full", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("", mbx_next(self->fd));
}

/* One in the past does not wait, but does what can be done at once. */
TEST_F(deadline, past)
{
	__s64 past[] = { 0, 1, mbx_clock(variant->clock) - 1 };
	int i;

	for (i = 0; i < ARRAY_SIZE(past); i++) {
		struct mailbox_send send = { .flags = variant->flags, .deadline = past[i] };
		struct mailbox_receive receive = { .flags = variant->flags, .deadline = past[i] };

		ASSERT_EQ(-ETIMEDOUT, mbx_receive(self->fd, &receive));
		EXPECT_EQ(past[i], receive.error.value);
		ASSERT_EQ(0, mbx_send(self->fd, &send));
		ASSERT_EQ(-ETIMEDOUT, mbx_send(self->fd, &send));
		EXPECT_EQ(past[i], send.error.value);
		ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	}
}

TEST_F(deadline, the_farthest)
{
	struct mbx_call call = {
		.fd = self->fd,
		.receive = { .flags = variant->flags, .deadline = INT64_MAX },
	};

	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_put(self->fd, "x", 0));
	EXPECT_EQ(0, mbx_call_join(&call));
}

/* With SA_RESTART the call goes on, but not beyond the same deadline. */
TEST_F(deadline, restarted_ends_at_the_same_time)
{
	__s64 deadline = mbx_clock(variant->clock) + 400 * MBX_MS, ended;
	struct mbx_call call = {
		.fd = self->fd,
		.receive = { .flags = variant->flags, .deadline = deadline },
	};

	ASSERT_EQ(0, mbx_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	while (!mbx_call_done(&call) && mbx_clock(variant->clock) < deadline + MBX_PATIENCE) {
		mbx_call_signal(&call, SIGUSR1);
		mbx_pause(0);
	}
	ended = mbx_clock(variant->clock);
	EXPECT_EQ(-ETIMEDOUT, mbx_call_join(&call));
	EXPECT_LE(deadline, ended);
	/* each restart with the whole span again would have gone on for ever */
	EXPECT_LT(ended, deadline + MBX_PATIENCE);
}

/* CLOCK_REALTIME may be set: a deadline of it is a time of day, not a span. */
TEST(deadline_realtime_follows_the_clock)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mbx_call real = {
		.fd = fd,
		.receive = {
			.flags = MAILBOX_DEADLINE | MAILBOX_REALTIME,
			.deadline = mbx_clock(CLOCK_REALTIME) + 3600 * MBX_SECOND,
		},
	}, monotonic = {
		.fd = fd,
		.receive = {
			.flags = MAILBOX_DEADLINE,
			.deadline = mbx_in_ms(3600 * 1000),
		},
	};
	struct timespec now;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_call_start(&monotonic));
	ASSERT_EQ(0, mbx_call_start(&real));
	ASSERT_TRUE(mbx_wait_waiters(fd, 0, 2));
	ASSERT_EQ(0, clock_gettime(CLOCK_REALTIME, &now));
	now.tv_sec += 7200;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
	EXPECT_TRUE(MBX_UNTIL(mbx_call_done(&real)));
	ASSERT_EQ(0, clock_gettime(CLOCK_REALTIME, &now));
	now.tv_sec -= 7200;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
	ASSERT_TRUE(mbx_call_done(&real));
	EXPECT_EQ(-ETIMEDOUT, mbx_call_join(&real));
	EXPECT_FALSE(mbx_call_done(&monotonic));
	ASSERT_EQ(0, mbx_put(fd, "x", 0));
	EXPECT_EQ(0, mbx_call_join(&monotonic));
	close(fd);
}

/* For the children to come: a clock that differs from the machine's. */
static int enter_time_namespace(const char *offset)
{
	int file, result;

	if (unshare(CLONE_NEWTIME))
		return -errno;
	file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	result = write(file, offset, strlen(offset)) < 0 ? -errno : 0;
	close(file);
	return result;
}

/* A time namespace whose clock is behind: the farthest deadline is still far. */
TEST(deadline_the_farthest_in_a_time_namespace)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	pid_t child, inner;

	ASSERT_LE(0, fd);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (enter_time_namespace("monotonic -1 0"))
			_exit(3);
		inner = mbx_fork();
		if (!inner) {
			struct mbx_call call = {
				.fd = fd,
				.receive = { .flags = MAILBOX_DEADLINE, .deadline = INT64_MAX },
			};

			if (mbx_call_start(&call) || !mbx_wait_waiters(fd, 0, 1) ||
			    !mbx_call_wait_asleep(&call) || mbx_call_done(&call))
				_exit(4);
			if (mbx_put(fd, "x", 0))
				_exit(5);
			_exit(-mbx_call_join(&call));
		}
		_exit(mbx_join(inner));
	}
	EXPECT_EQ(0, mbx_join(child));
	close(fd);
}

/* In a time namespace all times are by the clock that the caller sees. */
TEST(deadline_in_a_time_namespace)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	pid_t child, inner;

	ASSERT_LE(0, fd);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		__s64 outside = mbx_now();

		if (enter_time_namespace("monotonic 100000 0"))
			_exit(3);
		/* the children are in it */
		inner = mbx_fork();
		if (!inner) {
			struct mailbox_receive late = { .flags = MAILBOX_DEADLINE };
			struct mailbox_header header;
			__u64 before = mbx_now();
			char text[8];

			if (before < outside + 100000 * MBX_SECOND)
				_exit(4);
			late.deadline = mbx_in_ms(30);
			if (mbx_receive(fd, &late) != -ETIMEDOUT ||
			    late.error.value != late.deadline || mbx_now() < late.deadline)
				_exit(5);
			if (mbx_put(fd, "x", 0) || mbx_get(fd, text, sizeof(text), 0, &header))
				_exit(6);
			_exit(before <= header.time && header.time <= mbx_now() ? 0 : 7);
		}
		_exit(mbx_join(inner));
	}
	EXPECT_EQ(0, mbx_join(child));
	close(fd);
}

/* --- signals --------------------------------------------------------- */

FIXTURE(signals)
{
	int fd;
};

FIXTURE_VARIANT(signals)
{
	bool sending;
	bool deadline;
};

FIXTURE_VARIANT_ADD(signals, receive) { .sending = false };
FIXTURE_VARIANT_ADD(signals, send) { .sending = true };
FIXTURE_VARIANT_ADD(signals, receive_deadline) { .sending = false, .deadline = true };
FIXTURE_VARIANT_ADD(signals, send_deadline) { .sending = true, .deadline = true };

FIXTURE_SETUP(signals)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	ASSERT_LE(0, self->fd);
	if (variant->sending)
		ASSERT_EQ(0, mbx_put(self->fd, "full", 0));
}

FIXTURE_TEARDOWN(signals)
{
	close(self->fd);
}

static int signals_start(struct mbx_call *call, int fd, bool sending, bool deadline)
{
	__u32 flags = deadline ? MAILBOX_DEADLINE : 0;
	__s64 when = deadline ? mbx_in_ms(3600 * 1000) : 0;

	memset(call, 0, sizeof(*call));
	call->fd = fd;
	call->sending = sending;
	call->send.flags = flags;
	call->send.deadline = when;
	call->receive.flags = flags;
	call->receive.deadline = when;
	if (mbx_call_start(call) ||
	    !mbx_wait_waiters(fd, sending, !sending) ||
	    !mbx_call_wait_asleep(call))
		return -1;
	return 0;
}

TEST_F(signals, interrupt)
{
	struct mbx_call call;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	ASSERT_EQ(0, signals_start(&call, self->fd, variant->sending, variant->deadline));
	ASSERT_EQ(0, mbx_call_signal(&call, SIGUSR1));
	EXPECT_EQ(-EINTR, mbx_call_join(&call));
	/* and nothing came of it */
	EXPECT_EQ(variant->sending, mbx_depth(self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 0));
	if (variant->sending)
		EXPECT_STREQ("full", mbx_next(self->fd));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
}

static volatile sig_atomic_t handled;

static void count_signal(int number)
{
	handled++;
}

TEST_F(signals, restart)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };
	struct mbx_call call;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, signals_start(&call, self->fd, variant->sending, variant->deadline));
	ASSERT_EQ(0, mbx_call_signal(&call, SIGUSR1));
	ASSERT_TRUE(MBX_UNTIL(handled == 1));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, variant->sending, !variant->sending));
	EXPECT_FALSE(mbx_call_done(&call));
	if (variant->sending) {
		EXPECT_STREQ("full", mbx_next(self->fd));
		ASSERT_EQ(0, mbx_call_join(&call));
		EXPECT_STREQ("", mbx_next(self->fd));
	} else {
		ASSERT_EQ(0, mbx_put(self->fd, "text", 0));
		ASSERT_EQ(0, mbx_call_join(&call));
		EXPECT_STREQ("text", call.buffer);
	}
	EXPECT_STREQ("<11>", mbx_next(self->fd));
}

TEST_F(signals, kill)
{
	pid_t child = mbx_fork();
	char text[8];

	ASSERT_LE(0, child);
	if (!child)
		_exit(variant->sending ? -mbx_put(self->fd, "x", 0) :
		      -mbx_get(self->fd, text, sizeof(text), 0, NULL));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, variant->sending, !variant->sending));
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, mbx_join(child));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 0));
	EXPECT_EQ(variant->sending, mbx_depth(self->fd));
}

/* SIGSTOP and SIGCONT have no handler, so there is nothing to report. */
TEST_F(signals, stopped_and_continued)
{
	char text[8] = "";
	pid_t child = mbx_fork();
	int status;

	ASSERT_LE(0, child);
	if (!child) {
		__u32 flags = variant->deadline ? MAILBOX_DEADLINE : 0;
		__s64 when = variant->deadline ? mbx_in_ms(3600 * 1000) : 0;
		struct mailbox_send send = {
			.flags = flags,
			.deadline = when,
			.buffer = MBX_PTR("text"),
			.length = 4,
		};
		struct mailbox_receive receive = {
			.flags = flags,
			.deadline = when,
			.buffer = MBX_PTR(text),
			.length = 4,
		};

		_exit(-(variant->sending ? mbx_send(self->fd, &send) :
			mbx_receive(self->fd, &receive)));
	}
	ASSERT_TRUE(mbx_wait_waiters(self->fd, variant->sending, !variant->sending));
	ASSERT_TRUE(mbx_wait_asleep(child, SYS_ioctl));
	ASSERT_EQ(0, kill(child, SIGSTOP));
	ASSERT_EQ(child, waitpid(child, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(child, SIGCONT));
	if (variant->sending) {
		EXPECT_STREQ("full", mbx_next(self->fd));
		ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, NULL));
		EXPECT_STREQ("text", text);
	} else {
		ASSERT_EQ(0, mbx_put(self->fd, "text", 0));
	}
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_STREQ("<11>", mbx_next(self->fd));
}

/* A receiver killed as the message comes has it, or the mailbox still does. */
TEST(killed_receiver_loses_nothing)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1), i;
	struct mailbox_stat stat;
	char text[8];

	ASSERT_LE(0, fd);
	for (i = 0; i < 30; i++) {
		pid_t child = mbx_fork();

		ASSERT_LE(0, child);
		if (!child)
			_exit(-mbx_get(fd, text, sizeof(text), 0, NULL));
		ASSERT_TRUE(mbx_wait_waiters(fd, 0, 1));
		if (i % 2) {
			ASSERT_EQ(0, kill(child, SIGKILL));
			ASSERT_EQ(0, mbx_put(fd, "x", MAILBOX_NONBLOCK));
		} else {
			ASSERT_EQ(0, mbx_put(fd, "x", MAILBOX_NONBLOCK));
			ASSERT_EQ(0, kill(child, SIGKILL));
		}
		mbx_join(child);
		ASSERT_EQ(0, mbx_stat(fd, &stat));
		ASSERT_EQ(stat.sent, stat.received + stat.depth);
		ASSERT_EQ(0, stat.waiting_receivers);
		if (stat.depth)
			ASSERT_STREQ("x", mbx_next(fd));
	}
	close(fd);
}

/* One who gives up leaves what comes next to the one behind. */
TEST(interrupted_receiver_takes_nothing)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1), i, got = 0;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	for (i = 0; i < 40; i++) {
		struct mbx_call call;
		int result;

		ASSERT_EQ(0, mbx_call_receive(&call, fd, 0));
		ASSERT_TRUE(mbx_wait_waiters(fd, 0, 1));
		/* the signal and the message race for it */
		ASSERT_EQ(0, mbx_call_signal(&call, SIGUSR1));
		ASSERT_EQ(0, mbx_put(fd, "x", MAILBOX_NONBLOCK));
		result = mbx_call_join(&call);
		if (!result)
			got++;
		else
			ASSERT_EQ(-EINTR, result);
		ASSERT_EQ(!result, mbx_depth(fd) == 0);
		if (result)
			ASSERT_STREQ("x", mbx_next(fd));
	}
	/* for the reader of the log: how the race went */
	TH_LOG("%d of 40 received in spite of the signal", got);
	close(fd);
}

/* --- whose turn it is ------------------------------------------------ */

#define LINE	6

TEST(senders_in_the_order_of_their_calls)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1), i;
	struct mbx_call calls[LINE];
	char text[8];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put(fd, "first", 0));
	for (i = 0; i < LINE; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ASSERT_EQ(0, mbx_call_send(&calls[i], fd, text, 0));
		ASSERT_TRUE(mbx_wait_waiters(fd, i + 1, 0));
	}
	EXPECT_STREQ("first", mbx_next(fd));
	for (i = 0; i < LINE; i++) {
		ASSERT_EQ(0, mbx_get(fd, text, sizeof(text), 0, NULL));
		EXPECT_EQ(i, atoi(text));
		ASSERT_EQ(0, mbx_call_join(&calls[i]));
		EXPECT_EQ(i + 2, calls[i].send.sequence);
	}
	close(fd);
}

TEST(receivers_in_the_order_of_their_calls)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1), i;
	struct mbx_call calls[LINE];
	char text[8];

	ASSERT_LE(0, fd);
	for (i = 0; i < LINE; i++) {
		ASSERT_EQ(0, mbx_call_receive(&calls[i], fd, 0));
		ASSERT_TRUE(mbx_wait_waiters(fd, 0, i + 1));
	}
	for (i = 0; i < LINE; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ASSERT_EQ(0, mbx_put(fd, text, 0));
		ASSERT_EQ(0, mbx_call_join(&calls[i]));
		EXPECT_STREQ(text, calls[i].buffer);
		ASSERT_TRUE(mbx_wait_waiters(fd, 0, LINE - 1 - i));
	}
	close(fd);
}

/* One who gives up in the middle of the line does not hold the others up. */
TEST(one_of_the_line_gives_up)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1), i;
	struct mbx_call calls[3];
	char text[8];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	ASSERT_EQ(0, mbx_put(fd, "first", 0));
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ASSERT_EQ(0, mbx_call_send(&calls[i], fd, text, 0));
		ASSERT_TRUE(mbx_wait_waiters(fd, i + 1, 0));
	}
	ASSERT_TRUE(mbx_call_wait_asleep(&calls[0]));
	ASSERT_EQ(0, mbx_call_signal(&calls[0], SIGUSR1));
	ASSERT_EQ(-EINTR, mbx_call_join(&calls[0]));
	EXPECT_STREQ("first", mbx_next(fd));
	ASSERT_EQ(0, mbx_call_join(&calls[1]));
	EXPECT_STREQ("1", mbx_next(fd));
	ASSERT_EQ(0, mbx_call_join(&calls[2]));
	EXPECT_STREQ("2", mbx_next(fd));
	EXPECT_STREQ("<11>", mbx_next(fd));
	close(fd);
}

/* A message of each priority waits, and it is its place in line that counts. */
TEST(a_higher_priority_does_not_jump_the_line)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mbx_call low, high = { .fd = fd, .sending = true };

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put(fd, "first", 0));
	ASSERT_EQ(0, mbx_call_send(&low, fd, "low", 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 1, 0));
	high.send.priority = 9;
	ASSERT_EQ(0, mbx_call_start(&high));
	ASSERT_TRUE(mbx_wait_waiters(fd, 2, 0));
	EXPECT_STREQ("first", mbx_next(fd));
	ASSERT_EQ(0, mbx_call_join(&low));
	EXPECT_STREQ("low", mbx_next(fd));
	ASSERT_EQ(0, mbx_call_join(&high));
	EXPECT_STREQ("", mbx_next(fd));
	close(fd);
}

/* --- traffic --------------------------------------------------------- */

#define MESSAGES	120	/* of each producer */

FIXTURE(traffic)
{
	int fd;
	unsigned char *count;
};

FIXTURE_VARIANT(traffic)
{
	__u64 capacity;
	int producers;
	int consumers;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(traffic, rendezvous) { 0, 4, 4, 0 };
FIXTURE_VARIANT_ADD(traffic, one_slot) { 1, 4, 4, 0 };
FIXTURE_VARIANT_ADD(traffic, bounded) { 8, 6, 3, 0 };
FIXTURE_VARIANT_ADD(traffic, unbounded) { MAILBOX_UNLIMITED, 3, 6, 0 };
FIXTURE_VARIANT_ADD(traffic, synchronous) { 4, 4, 4, MAILBOX_SEND_SYNC };
FIXTURE_VARIANT_ADD(traffic, one_to_one) { 2, 1, 1, 0 };

FIXTURE_SETUP(traffic)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, variant->capacity);
	ASSERT_LE(0, self->fd);
	self->count = mmap(NULL, variant->producers * MESSAGES, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->count);
}

FIXTURE_TEARDOWN(traffic)
{
	munmap(self->count, variant->producers * MESSAGES);
	if (self->fd >= 0)
		close(self->fd);
}

static int produce(int fd, int producer, __u32 flags)
{
	int i;

	for (i = 0; i < MESSAGES; i++) {
		__u32 payload[2] = { producer, i };
		struct mailbox_send send = {
			.flags = flags,
			.tag = producer,
			.buffer = MBX_PTR(payload),
			.length = sizeof(payload),
		};

		if (mbx_send(fd, &send))
			return 1;
	}
	return 0;
}

/* Until the last producer has gone; all of one producer's must come in turn. */
static int consume(int fd, int producers, unsigned char *count)
{
	int last[8], i;

	for (i = 0; i < 8; i++)
		last[i] = -1;
	for (;;) {
		__u32 payload[2];
		struct mailbox_receive receive = {
			.buffer = MBX_PTR(payload),
			.length = sizeof(payload),
		};
		int result = mbx_receive(fd, &receive);

		if (result == -EPIPE)
			return receive.error.reason == MAILBOX_REASON_NO_SENDERS ? 0 : 2;
		if (result || receive.header.length != sizeof(payload))
			return 3;
		if (payload[0] >= producers || payload[1] >= MESSAGES ||
		    payload[0] != receive.header.tag)
			return 4;
		if ((int)payload[1] <= last[payload[0]])
			return 5;
		last[payload[0]] = payload[1];
		__atomic_add_fetch(&count[payload[0] * MESSAGES + payload[1]], 1,
				   __ATOMIC_RELAXED);
	}
}

TEST_F(traffic, exactly_once)
{
	int sender = mbx_dup(self->fd, MAILBOX_RIGHT_SEND);
	int receiver = mbx_dup(self->fd, MAILBOX_RIGHT_RECEIVE), i;
	int observer = mbx_dup(self->fd, MAILBOX_RIGHT_ADMIN);
	int total = variant->producers * MESSAGES;
	pid_t children[16];
	struct mailbox_stat stat;

	ASSERT_LE(0, sender);
	ASSERT_LE(0, receiver);
	ASSERT_LE(0, observer);
	for (i = 0; i < variant->producers + variant->consumers; i++) {
		children[i] = mbx_fork();
		ASSERT_LE(0, children[i]);
		if (children[i])
			continue;
		close(self->fd);
		if (i < variant->producers) {
			close(receiver);
			_exit(produce(sender, i, variant->flags));
		} else {
			close(sender);
			_exit(consume(receiver, variant->producers, self->count));
		}
	}
	close(self->fd);
	self->fd = -1;
	close(sender);
	close(receiver);
	for (i = 0; i < variant->producers + variant->consumers; i++)
		EXPECT_EQ(0, mbx_join(children[i]));
	for (i = 0; i < total; i++)
		ASSERT_EQ(1, self->count[i]);
	ASSERT_EQ(0, mbx_stat(observer, &stat));
	EXPECT_EQ(total, stat.sent);
	EXPECT_EQ(total, stat.received);
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.dropped);
	EXPECT_EQ(0, stat.senders);
	EXPECT_EQ(0, stat.receivers);
	EXPECT_EQ(1, stat.handles);
	close(observer);
}

TEST_HARNESS_MAIN
