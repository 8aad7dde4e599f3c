// SPDX-License-Identifier: GPL-2.0
/*
 * Who sits in a PAIR, and who only looks.
 */
#include "kselftest_harness.h"
#include "common.h"

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

/* Who leaves by one table of descriptors does not wait on through another one. */
TEST(a_process_that_leaves_waits_no_more)
{
	int box = mbx_new(MAILBOX_POLICY_PAIR, 4);
	struct mbx_call call;
	pthread_t thread;
	void *failed;

	ASSERT_LE(0, box);
	ASSERT_EQ(0, mbx_call_receive(&call, box, 0));
	ASSERT_TRUE(mbx_wait_waiters(box, 0, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, close_apart, &box));
	ASSERT_EQ(0, pthread_join(thread, &failed));
	ASSERT_EQ(NULL, failed);
	EXPECT_EQ(-EBADF, mbx_call_join(&call));
	EXPECT_EQ(MAILBOX_REASON_CLOSED, call.receive.error.reason);
}

TEST_HARNESS_MAIN
