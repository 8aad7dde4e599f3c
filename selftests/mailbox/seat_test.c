// SPDX-License-Identifier: GPL-2.0
/*
 * Who sits in a PAIR, and who only looks.
 */
#include "hostile.h"

#include "kselftest_harness.h"

#include <linux/sched.h>
#include <sys/syscall.h>

static int peek(int fd)
{
	char room[8];
	struct mailbox_receive message = {
		.flags = MAILBOX_RECEIVE_PEEK,
		.buffer = MBX_PTR(room),
		.length = sizeof(room),
	};

	return mbx_receive(fd, &message);
}

/* The seat that is free stays so for who comes to talk. */
TEST(peek_takes_no_seat)
{
	int box = mbx_new(MAILBOX_POLICY_PAIR, 4), looked[2];
	pid_t looker, talker;
	int result;

	ASSERT_LE(0, box);
	ASSERT_EQ(0, pipe(looked));
	ASSERT_EQ(0, mbx_put(box, "mail", MAILBOX_NONBLOCK));
	looker = mbx_fork();
	if (!looker) {
		result = peek(box);
		if (write(looked[1], &result, sizeof(result)) == sizeof(result))
			pause();
		_exit(1);
	}
	ASSERT_EQ(sizeof(result), read(looked[0], &result, sizeof(result)));
	EXPECT_EQ(0, result);

	talker = mbx_fork();
	if (!talker)
		_exit(-mbx_put(box, "hello", MAILBOX_NONBLOCK));
	EXPECT_EQ(0, mbx_join(talker));
	EXPECT_STREQ("hello", mbx_next(box));
	ASSERT_EQ(0, kill(looker, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, mbx_join(looker));
}

/* A thread that takes a copy of the descriptors, and closes one of it. */
static void *close_apart(void *box)
{
	if (unshare(CLONE_FILES) || close(*(int *)box))
		return "it cannot";
	return NULL;
}

FIXTURE(leaver)
{
	int box;
};

FIXTURE_VARIANT(leaver)
{
	const char *name;
};

FIXTURE_VARIANT_ADD(leaver, unnamed) { .name = NULL };
FIXTURE_VARIANT_ADD(leaver, named) { .name = "seat" };

FIXTURE_SETUP(leaver)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create attr = {
		.name = variant->name ? MBX_PTR(mbx_name(name, variant->name)) : 0,
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_PAIR,
		.mode = variant->name ? 0600 : 0,
		.capacity = 4,
	};

	self->box = mbx_create(&attr);
	ASSERT_LE(0, self->box);
}

FIXTURE_TEARDOWN(leaver)
{
}

/* Who leaves by one table of descriptors does not wait on through another one. */
TEST_F(leaver, waits_no_more)
{
	struct mbx_call call;
	pthread_t thread;
	void *failed;

	ASSERT_EQ(0, mbx_call_receive(&call, self->box, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->box, 0, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, close_apart, &self->box));
	ASSERT_EQ(0, pthread_join(thread, &failed));
	ASSERT_EQ(NULL, failed);
	EXPECT_EQ(-EBADF, mbx_call_join(&call));
	EXPECT_EQ(MAILBOX_REASON_CLOSED, call.receive.error.reason);
}

/* --- processes with one table of descriptors ---------------------------- */

/* fork(2), but what one closes is closed for the other, too. */
static pid_t fork_sharing(void)
{
	return syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
}

static void expect_left(struct __test_metadata *_metadata, int box)
{
	struct mailbox_receive message = { .flags = 0 };

	ASSERT_TRUE(MBX_UNTIL(mbx_depth(box) == 1));
	EXPECT_STREQ("hello", mbx_next(box));
	EXPECT_EQ(-EPIPE, mbx_receive(box, &message));
	EXPECT_EQ(MAILBOX_REASON_NO_SENDERS, message.error.reason);
}

/* Have another process close what both have, and live on with nothing to send by. */
static void *have_it_closed(void *box)
{
	pid_t self = getpid(), other;
	bool is_first = gettid() == self;

	other = fork_sharing();
	if (!other) {
		/* where there is another first thread, that has gone */
		if (!is_first && !MBX_UNTIL(mbx_state(self) == 'Z'))
			_exit(1);
		_exit(close(*(int *)box));
	}
	if (mbx_join(other) == 0)
		pause();
	_exit(1);
}

static void partner_by_threads(int inherited, bool by_second)
{
	static int box;		/* longer than the first thread */
	pthread_t thread;

	box = inherited;
	if (mbx_put(box, "hello", 0))
		_exit(1);
	if (!by_second)
		have_it_closed(&box);
	if (pthread_create(&thread, NULL, have_it_closed, &box))
		_exit(1);
	pthread_exit(NULL);
}

static void another_closes(struct __test_metadata *_metadata, bool by_second)
{
	int box = mbx_new(MAILBOX_POLICY_PAIR, 4);
	pid_t partner;

	ASSERT_LE(0, box);
	partner = mbx_fork();
	if (!partner)
		partner_by_threads(box, by_second);
	expect_left(_metadata, box);
	ASSERT_EQ(0, kill(partner, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, mbx_join(partner));
}

TEST(another_closes_what_both_have)
{
	another_closes(_metadata, false);
}

TEST(another_closes_what_both_have_and_the_first_thread_has_gone)
{
	another_closes(_metadata, true);
}

/* The one with the seat is long dead when the table goes. */
TEST(another_exits_last)
{
	int box = mbx_new(MAILBOX_POLICY_PAIR, 4);
	pid_t partner;

	ASSERT_LE(0, box);
	partner = mbx_fork();
	if (!partner) {
		pid_t self = getpid(), other;

		if (mbx_put(box, "hello", 0))
			_exit(1);
		other = fork_sharing();
		if (other)
			_exit(other < 0);
		_exit(!MBX_UNTIL(getppid() != self));
	}
	ASSERT_EQ(0, mbx_join(partner));
	expect_left(_metadata, box);
}

/* --- who closes, and has not left --------------------------------------- */

/* What there was of the child is undone by its parent, its table of descriptors too. */
TEST(a_fork_that_fails_closes_nothing)
{
	int box = mbx_new(MAILBOX_POLICY_PAIR, 4);
	pid_t self = getpid(), partner;
	struct clone_args taken = {
		.set_tid = MBX_PTR(&self), .set_tid_size = 1, .exit_signal = SIGCHLD,
	};

	ASSERT_LE(0, box);
	partner = mbx_fork();
	if (!partner) {
		struct mailbox_receive message = { .flags = 0 };

		_exit(mbx_put(box, "hello", 0) || mbx_receive(box, &message));
	}
	ASSERT_TRUE(mbx_wait_waiters(box, 0, 1));
	EXPECT_STREQ("hello", mbx_next(box));
	ASSERT_EQ(-1, syscall(SYS_clone3, &taken, sizeof(taken)));
	ASSERT_EQ(EEXIST, errno);
	/* nothing, which is what it has room for */
	EXPECT_EQ(0, mbx_put(box, "", 0));
	EXPECT_EQ(0, mbx_join(partner));
}

/* --- who sits down though there is no descriptor any more ---------------- */

/* A call that was on its way when the last was closed: it is done, and has left again. */
TEST(a_call_that_outlives_its_descriptor)
{
	int box = mbx_new(MAILBOX_POLICY_PAIR, 4), closed[2];
	struct mbx_call call = { .fd = box, .sending = true };
	struct mbx_snag snag;
	pid_t partner;
	char byte;

	ASSERT_LE(0, box);
	ASSERT_EQ(0, pipe(closed));
	partner = mbx_fork();
	if (!partner)
		_exit(mbx_partner_of_visitor(box, closed[1]));
	ASSERT_TRUE(MBX_UNTIL(mbx_depth(box) == 1));
	EXPECT_STREQ("hello", mbx_next(box));

	ASSERT_EQ(0, mbx_snag(&snag, 2));
	memcpy(snag.last - 4, "text", 4);
	call.send.buffer = MBX_PTR(snag.last - 4);
	call.send.length = 5;
	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_snag_caught(&snag));
	close(box);
	ASSERT_EQ(1, read(closed[0], &byte, 1));
	ASSERT_EQ(0, mbx_snag_release(&snag));
	EXPECT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(0, mbx_join(partner));
}

TEST_HARNESS_MAIN
