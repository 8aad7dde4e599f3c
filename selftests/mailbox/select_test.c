// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving other than the first message: by tag, priority, process; PEEK.
 *
 * features.rst rows with their test here:
 *   SysV msg: receive by type	choice.*.take_all, waiting.each_gets_what_it_asked
 *   SysV msg: peek		choice.*.peek, peek_*
 *   direct: receive(Q, m)	from.process, from.waits_for_that_process
 */
#include "kselftest_harness.h"
#include "common.h"

/* What lies in the mailbox of each test of the fixture "choice". */
static const struct {
	const char *text;
	__u32 priority;
	__u64 tag;
} letters[] = {
	{ "a", 0, 5 },
	{ "b", 0, 1 },
	{ "c", 3, 5 },
	{ "d", 3, 9 },
	{ "e", 0, 1 },
	{ "f", 7, 2 },
	{ "g", 3, ~0ULL },
	{ "h", 0, 0 },
};

/* The order in which they come if nothing is selected. */
#define ALL	"fcdgabeh"

FIXTURE(choice)
{
	int fd;
};

/* @first: what comes, in turn; @rest: what is left then, in its order */
FIXTURE_VARIANT(choice)
{
	__u32 select;
	__u64 tag;
	__u32 priority;
	const char *first;
	const char *rest;
};

#define TAG		MAILBOX_SELECT_TAG
#define TAG_MAX		MAILBOX_SELECT_TAG_MAX
#define TAG_NOT		MAILBOX_SELECT_TAG_NOT
#define PRIORITY	MAILBOX_SELECT_PRIORITY

FIXTURE_VARIANT_ADD(choice, nothing) { 0, 0, 0, ALL, "" };
FIXTURE_VARIANT_ADD(choice, tag) { TAG, 5, 0, "ca", "fdgbeh" };
FIXTURE_VARIANT_ADD(choice, tag_fifo) { TAG, 1, 0, "be", "fcdgah" };
FIXTURE_VARIANT_ADD(choice, tag_zero) { TAG, 0, 0, "h", "fcdgabe" };
FIXTURE_VARIANT_ADD(choice, tag_all_bits) { TAG, ~0ULL, 0, "g", "fcdabeh" };
FIXTURE_VARIANT_ADD(choice, tag_of_nobody) { TAG, 3, 0, "", ALL };
FIXTURE_VARIANT_ADD(choice, tag_max) { TAG_MAX, 5, 0, "hbefca", "dg" };
FIXTURE_VARIANT_ADD(choice, tag_max_between) { TAG_MAX, 4, 0, "hbef", "cdga" };
FIXTURE_VARIANT_ADD(choice, tag_max_zero) { TAG_MAX, 0, 0, "h", "fcdgabe" };
FIXTURE_VARIANT_ADD(choice, tag_max_all) { TAG_MAX, ~0ULL, 0, "hbefcadg", "" };
FIXTURE_VARIANT_ADD(choice, tag_not) { TAG_NOT, 1, 0, "fcdgah", "be" };
FIXTURE_VARIANT_ADD(choice, tag_not_zero) { TAG_NOT, 0, 0, "fcdgabe", "h" };
FIXTURE_VARIANT_ADD(choice, tag_not_of_nobody) { TAG_NOT, 77, 0, ALL, "" };
FIXTURE_VARIANT_ADD(choice, priority) { PRIORITY, 0, 3, "fcdg", "abeh" };
FIXTURE_VARIANT_ADD(choice, priority_between) { PRIORITY, 0, 4, "f", "cdgabeh" };
FIXTURE_VARIANT_ADD(choice, priority_zero) { PRIORITY, 0, 0, ALL, "" };
FIXTURE_VARIANT_ADD(choice, priority_above_all) { PRIORITY, 0, 8, "", ALL };
FIXTURE_VARIANT_ADD(choice, priority_tag) { PRIORITY | TAG, 5, 1, "c", "fdgabeh" };
FIXTURE_VARIANT_ADD(choice, priority_tag_not) { PRIORITY | TAG_NOT, 5, 3, "fdg", "cabeh" };
FIXTURE_VARIANT_ADD(choice, priority_tag_max) { PRIORITY | TAG_MAX, 5, 3, "fc", "dgabeh" };

FIXTURE_SETUP(choice)
{
	int i;

	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 64);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < ARRAY_SIZE(letters); i++)
		ASSERT_EQ(0, mbx_put_tagged(self->fd, letters[i].text, letters[i].priority,
					    letters[i].tag));
}

FIXTURE_TEARDOWN(choice)
{
	close(self->fd);
}

TEST_F(choice, take_all)
{
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK,
		.select = variant->select,
		.tag = variant->tag,
		.priority = variant->priority,
		.length = 1,
	};
	char got[16] = "", rest[16] = "";
	int i;

	for (i = 0; i < 10; i++) {
		receive.buffer = MBX_PTR(got + i);
		if (mbx_receive(self->fd, &receive))
			break;
		EXPECT_EQ(letters[got[i] - 'a'].tag, receive.header.tag);
		EXPECT_EQ(letters[got[i] - 'a'].priority, receive.header.priority);
		EXPECT_EQ(got[i] - 'a' + 1, receive.header.sequence);
	}
	EXPECT_STREQ(variant->first, got);
	EXPECT_EQ(-EAGAIN, receive.error.code);
	EXPECT_EQ(MAILBOX_REASON_EMPTY, receive.error.reason);
	EXPECT_EQ(strlen(variant->rest), receive.error.value);
	for (i = 0; i < 10; i++)
		if (mbx_get(self->fd, rest + i, 2, MAILBOX_NONBLOCK, NULL))
			break;
	EXPECT_STREQ(variant->rest, rest);
}

TEST_F(choice, peek)
{
	struct mailbox_receive receive = {
		.flags = MAILBOX_RECEIVE_PEEK,
		.select = variant->select,
		.tag = variant->tag,
		.priority = variant->priority,
		.length = 1,
	};
	char got[16] = "", rest[16] = "";
	int i, result = 0;

	/* what comes behind the lowest tag is TAG_MAX's next call's matter */
	if (variant->select & TAG_MAX) {
		receive.buffer = MBX_PTR(got);
		ASSERT_EQ(0, mbx_receive(self->fd, &receive));
		EXPECT_EQ(variant->first[0], got[0]);
	} else {
		for (i = 0; i < 10; i++) {
			receive.index = i;
			receive.buffer = MBX_PTR(got + i);
			result = mbx_receive(self->fd, &receive);
			if (result)
				break;
		}
		EXPECT_EQ(-ENOMSG, result);
		EXPECT_STREQ(variant->first, got);
	}
	EXPECT_EQ(ARRAY_SIZE(letters), mbx_depth(self->fd));
	for (i = 0; i < 10; i++)
		if (mbx_get(self->fd, rest + i, 2, MAILBOX_NONBLOCK, NULL))
			break;
	EXPECT_STREQ(ALL, rest);
}

/* --- peek ------------------------------------------------------------ */

TEST(peek_of_nothing)
{
	struct mailbox_receive receive = { .flags = MAILBOX_RECEIVE_PEEK };
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4);

	ASSERT_LE(0, fd);
	/* does not wait although nothing says NONBLOCK */
	EXPECT_EQ(-ENOMSG, mbx_receive(fd, &receive));
	close(fd);
}

TEST(peek_is_no_receipt)
{
	char text[8] = "";
	struct mailbox_receive receive = {
		.flags = MAILBOX_RECEIVE_PEEK,
		.buffer = MBX_PTR(text),
		.length = sizeof(text),
	};
	struct mailbox_stat stat;
	struct mbx_call call;
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_call_send(&call, fd, "sync", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(MBX_UNTIL(mbx_depth(fd) == 1));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	ASSERT_EQ(0, mbx_receive(fd, &receive));
	EXPECT_STREQ("sync", text);
	EXPECT_EQ(getpid(), receive.header.pid);
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(0, stat.received);
	EXPECT_EQ(1, stat.depth);
	EXPECT_FALSE(mbx_call_done(&call));
	EXPECT_STREQ("sync", mbx_next(fd));
	EXPECT_EQ(0, mbx_call_join(&call));
	close(fd);
}

TEST(peek_truncates_on_request)
{
	char text[8] = "";
	struct mailbox_receive receive = {
		.flags = MAILBOX_RECEIVE_PEEK,
		.buffer = MBX_PTR(text),
		.length = 2,
	};
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put(fd, "four", 0));
	EXPECT_EQ(-EMSGSIZE, mbx_receive(fd, &receive));
	EXPECT_EQ(4, receive.error.value);
	receive.flags |= MAILBOX_RECEIVE_TRUNCATE;
	ASSERT_EQ(0, mbx_receive(fd, &receive));
	EXPECT_STREQ("fo", text);
	EXPECT_EQ(4, receive.header.length);
	EXPECT_STREQ("four", mbx_next(fd));
	close(fd);
}

/* --- by process ------------------------------------------------------ */

FIXTURE(from)
{
	int fd;
	pid_t child;
};

/* A child that sends "mine" when it is told to by the mailbox "go". */
FIXTURE_SETUP(from)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 16);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(from)
{
	close(self->fd);
}

TEST_F(from, process)
{
	char text[8] = "";
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK,
		.select = MAILBOX_SELECT_PID,
		.buffer = MBX_PTR(text),
		.length = sizeof(text),
	};
	siginfo_t info;

	ASSERT_EQ(0, mbx_put(self->fd, "first", 0));
	self->child = mbx_fork();
	ASSERT_LE(0, self->child);
	if (!self->child)
		_exit(mbx_put(self->fd, "child", 0) ? 1 : 0);
	/* until it is reaped its number is its own */
	ASSERT_EQ(0, waitid(P_PID, self->child, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(0, mbx_put(self->fd, "last", 0));

	receive.pid = self->child;
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_EQ(0, memcmp(text, "child", 5));
	EXPECT_EQ(self->child, receive.header.pid);
	EXPECT_EQ(-EAGAIN, mbx_receive(self->fd, &receive));
	EXPECT_EQ(2, receive.error.value);
	EXPECT_STREQ("first", mbx_next(self->fd));
	receive.pid = getpid();
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_EQ(0, memcmp(text, "last", 4));
	EXPECT_EQ(0, mbx_join(self->child));
}

TEST_F(from, waits_for_that_process)
{
	struct mbx_call call = { .fd = self->fd };
	int go = mbx_new(MAILBOX_POLICY_SHARED, 1);
	char text[8];

	ASSERT_LE(0, go);
	self->child = mbx_fork();
	ASSERT_LE(0, self->child);
	if (!self->child) {
		if (mbx_get(go, text, sizeof(text), 0, NULL))
			_exit(2);
		_exit(mbx_put(self->fd, "child", 0) ? 1 : 0);
	}
	call.receive.select = MAILBOX_SELECT_PID;
	call.receive.pid = self->child;
	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_put(self->fd, "other", 0));
	EXPECT_EQ(1, mbx_depth(self->fd));
	EXPECT_FALSE(mbx_call_done(&call));
	ASSERT_EQ(0, mbx_put(go, "go", 0));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("child", call.buffer);
	EXPECT_STREQ("other", mbx_next(self->fd));
	EXPECT_EQ(0, mbx_join(self->child));
	close(go);
}

TEST_F(from, process_and_tag)
{
	char text[8] = "";
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK,
		.select = MAILBOX_SELECT_PID | MAILBOX_SELECT_TAG,
		.pid = getpid(),
		.tag = 2,
		.buffer = MBX_PTR(text),
		.length = sizeof(text) - 1,
	};
	siginfo_t info;

	self->child = mbx_fork();
	ASSERT_LE(0, self->child);
	if (!self->child)
		_exit(mbx_put_tagged(self->fd, "child", 9, 2) ? 1 : 0);
	ASSERT_EQ(0, waitid(P_PID, self->child, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "one", 0, 1));
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "two", 0, 2));
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_STREQ("two", text);
	EXPECT_EQ(-EAGAIN, mbx_receive(self->fd, &receive));
	EXPECT_STREQ("child", mbx_next(self->fd));
	EXPECT_STREQ("one", mbx_next(self->fd));
	EXPECT_EQ(0, mbx_join(self->child));
}

/* --- waiting receivers ----------------------------------------------- */

FIXTURE(waiting)
{
	int fd;
};

FIXTURE_SETUP(waiting)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 16);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(waiting)
{
	close(self->fd);
}

static int wait_for(struct mbx_call *call, int fd, __u32 select, __u64 tag, __u32 priority)
{
	memset(call, 0, sizeof(*call));
	call->fd = fd;
	call->receive.select = select;
	call->receive.tag = tag;
	call->receive.priority = priority;
	return mbx_call_start(call);
}

TEST_F(waiting, each_gets_what_it_asked)
{
	struct mbx_call one, two, urgent, low, other;

	ASSERT_EQ(0, wait_for(&one, self->fd, TAG, 101, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, wait_for(&two, self->fd, TAG, 102, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 2));
	ASSERT_EQ(0, wait_for(&urgent, self->fd, PRIORITY, 0, 10));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 3));
	ASSERT_EQ(0, wait_for(&low, self->fd, TAG_MAX, 5, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 4));

	/* for nobody: stays */
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "stays", 9, 100));
	EXPECT_EQ(1, mbx_depth(self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 4));

	ASSERT_EQ(0, mbx_put_tagged(self->fd, "two", 0, 102));
	ASSERT_EQ(0, mbx_call_join(&two));
	EXPECT_STREQ("two", two.buffer);
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "low", 0, 3));
	ASSERT_EQ(0, mbx_call_join(&low));
	EXPECT_STREQ("low", low.buffer);
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "urgent", 10, 200));
	ASSERT_EQ(0, mbx_call_join(&urgent));
	EXPECT_STREQ("urgent", urgent.buffer);
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	EXPECT_FALSE(mbx_call_done(&one));

	/* and who asks for what has been there all the time gets it at once */
	ASSERT_EQ(0, wait_for(&other, self->fd, TAG_NOT, 101, 0));
	ASSERT_EQ(0, mbx_call_join(&other));
	EXPECT_STREQ("stays", other.buffer);
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "one", 0, 101));
	ASSERT_EQ(0, mbx_call_join(&one));
	EXPECT_STREQ("one", one.buffer);
	EXPECT_EQ(0, mbx_depth(self->fd));
}

TEST_F(waiting, the_same_selection_in_turn)
{
	struct mbx_call calls[3];
	char text[8];
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, wait_for(&calls[i], self->fd, TAG, 7, 0));
		ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, i + 1));
	}
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ASSERT_EQ(0, mbx_put_tagged(self->fd, text, 0, 7));
		ASSERT_EQ(0, mbx_call_join(&calls[i]));
		EXPECT_STREQ(text, calls[i].buffer);
	}
}

/* A message goes by the one who cannot use it to the one behind. */
TEST_F(waiting, behind_one_who_wants_another)
{
	struct mbx_call picky, any;

	ASSERT_EQ(0, wait_for(&picky, self->fd, TAG, 7, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, wait_for(&any, self->fd, 0, 0, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 2));
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "any", 0, 8));
	ASSERT_EQ(0, mbx_call_join(&any));
	EXPECT_STREQ("any", any.buffer);
	EXPECT_FALSE(mbx_call_done(&picky));
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "seven", 0, 7));
	ASSERT_EQ(0, mbx_call_join(&picky));
	EXPECT_STREQ("seven", picky.buffer);
}

/* And by one whose buffer it does not fit, who is told of its size. */
TEST_F(waiting, behind_one_with_too_small_a_buffer)
{
	struct mbx_call small = {
		.fd = self->fd,
		.receive = { .buffer = MBX_PTR(small.buffer), .length = 2 },
	}, large;

	ASSERT_EQ(0, mbx_call_start(&small));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_call_receive(&large, self->fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 2));
	ASSERT_EQ(0, mbx_put(self->fd, "five5", 0));
	EXPECT_EQ(-EMSGSIZE, mbx_call_join(&small));
	EXPECT_EQ(5, small.receive.error.value);
	ASSERT_EQ(0, mbx_call_join(&large));
	EXPECT_STREQ("five5", large.buffer);
}

TEST_F(waiting, behind_one_with_a_bad_buffer)
{
	struct mbx_call bad = {
		.fd = self->fd,
		.receive = { .buffer = 1, .length = 8 },
	}, good;

	ASSERT_EQ(0, mbx_call_start(&bad));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_call_receive(&good, self->fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 2));
	ASSERT_EQ(0, mbx_put(self->fd, "text", 0));
	EXPECT_EQ(-EFAULT, mbx_call_join(&bad));
	ASSERT_EQ(0, mbx_call_join(&good));
	EXPECT_STREQ("text", good.buffer);
}

/* What could not be copied goes back to its place, not to the end. */
TEST_F(waiting, what_comes_back_keeps_its_place)
{
	struct mbx_call bad = {
		.fd = self->fd,
		.receive = { .buffer = 1, .length = 8 },
	};

	ASSERT_EQ(0, mbx_call_start(&bad));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_put(self->fd, "first", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "second", 0));
	EXPECT_EQ(-EFAULT, mbx_call_join(&bad));
	EXPECT_STREQ("first", mbx_next(self->fd));
	EXPECT_STREQ("second", mbx_next(self->fd));
}

/* Taking one from the middle of a full mailbox makes room for a sender. */
TEST(selected_receive_makes_room)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 2);
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK,
		.select = TAG,
		.tag = 2,
	};
	struct mbx_call call;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put_tagged(fd, "1", 0, 1));
	ASSERT_EQ(0, mbx_put_tagged(fd, "", 0, 2));
	ASSERT_EQ(0, mbx_call_send(&call, fd, "3", 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 1, 0));
	ASSERT_EQ(0, mbx_receive(fd, &receive));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("1", mbx_next(fd));
	EXPECT_STREQ("3", mbx_next(fd));
	close(fd);
}

/*
 * A mailbox full of what nobody wants: a receiver gets what it asked for from
 * a sender who waits for room, whichever of the two comes first.
 */
TEST(selected_from_a_waiting_sender)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1), i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put_tagged(fd, "1", 0, 1));
	for (i = 0; i < 2; i++) {
		struct mbx_call sender = { .fd = fd, .sending = true }, receiver;

		sender.send.tag = 2;
		sender.send.buffer = MBX_PTR("2");
		sender.send.length = 1;
		if (i) {
			ASSERT_EQ(0, mbx_call_start(&sender));
			ASSERT_TRUE(mbx_wait_waiters(fd, 1, 0));
		}
		ASSERT_EQ(0, wait_for(&receiver, fd, TAG, 2, 0));
		if (!i) {
			ASSERT_TRUE(mbx_wait_waiters(fd, 0, 1));
			ASSERT_EQ(0, mbx_call_start(&sender));
		}
		ASSERT_EQ(0, mbx_call_join(&receiver));
		ASSERT_EQ(0, mbx_call_join(&sender));
		EXPECT_STREQ("2", receiver.buffer);
		EXPECT_EQ(1, mbx_depth(fd));
	}
	EXPECT_STREQ("1", mbx_next(fd));
	EXPECT_STREQ("<11>", mbx_next(fd));
	close(fd);
}

TEST_HARNESS_MAIN
