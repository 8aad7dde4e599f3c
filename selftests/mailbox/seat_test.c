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

TEST_HARNESS_MAIN
