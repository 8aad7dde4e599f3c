// SPDX-License-Identifier: GPL-2.0
/*
 * Who gets a message: EXCLUSIVE, PAIR and BROADCAST (SHARED is everywhere else).
 *
 * features.rst rows with their test here:
 *   sharing rules: one receiver at a time	exclusive.*
 *   sharing rules: a link of two processes	pair.*
 *   direct: one link a pair, both ways		pair.both_ways
 *   sharing rules: the system picks		shared_picks_one
 *   sockets: one to many			broadcast.*, slow.*
 */
#include "kselftest_harness.h"
#include <sys/resource.h>

#include "common.h"

#include <sys/mman.h>

TEST(shared_picks_one)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	int one = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
	int two = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);

	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	ASSERT_EQ(0, mbx_put(fd, "a", 0));
	ASSERT_EQ(0, mbx_put(fd, "b", 0));
	EXPECT_STREQ("a", mbx_next(one));
	EXPECT_STREQ("b", mbx_next(two));
	EXPECT_STREQ("<11>", mbx_next(one));
	EXPECT_STREQ("<11>", mbx_next(fd));
	close(one);
	close(two);
	close(fd);
}

/* --- EXCLUSIVE ------------------------------------------------------- */

FIXTURE(exclusive)
{
	int fd;
	char name[MBX_NAME_SIZE];
};

FIXTURE_SETUP(exclusive)
{
	struct mailbox_create attr = {
		.name = MBX_PTR(mbx_name(self->name, "exclusive")),
		.rights = MAILBOX_RIGHT_RECEIVE,
		.policy = MAILBOX_POLICY_EXCLUSIVE,
		.mode = 0600,
		.capacity = 4,
	};

	self->fd = mbx_create(&attr);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(exclusive)
{
	close(self->fd);
}

TEST_F(exclusive, next_receiver_is_refused)
{
	struct mailbox_open attr = {
		.name = MBX_PTR(self->name),
		.rights = MAILBOX_RIGHT_RECEIVE,
	};
	struct mailbox_dup dup = { .rights = MAILBOX_RIGHT_RECEIVE };
	struct mailbox_create create = {
		.name = MBX_PTR(self->name),
		.rights = MAILBOX_RIGHT_RECEIVE | MAILBOX_RIGHT_SEND,
		.mode = 0600,
	};

	ASSERT_EQ(-EBUSY, mbx_on_device(MAILBOX_IOC_OPEN, &attr));
	EXPECT_EQ(-EBUSY, attr.error.code);
	EXPECT_EQ(MAILBOX_REASON_RECEIVER_TAKEN, attr.error.reason);
	ASSERT_EQ(-EBUSY, mbx_ioctl(self->fd, MAILBOX_IOC_DUP, &dup));
	EXPECT_EQ(MAILBOX_REASON_RECEIVER_TAKEN, dup.error.reason);
	ASSERT_EQ(-EBUSY, mbx_create(&create));
	EXPECT_EQ(MAILBOX_REASON_RECEIVER_TAKEN, create.error.reason);
}

TEST_F(exclusive, any_number_of_senders)
{
	int fds[5], i;

	for (i = 0; i < 5; i++) {
		fds[i] = mbx_open(self->name, MAILBOX_RIGHT_SEND);
		ASSERT_LE(0, fds[i]);
	}
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, mbx_put(fds[i], "x", MAILBOX_NONBLOCK));
	EXPECT_STREQ("x", mbx_next(self->fd));
	for (i = 0; i < 5; i++)
		close(fds[i]);
}

TEST_F(exclusive, seat_is_free_after_close)
{
	int next, sender = mbx_open(self->name, MAILBOX_RIGHT_SEND);

	ASSERT_LE(0, sender);
	EXPECT_EQ(-EBUSY, mbx_open(self->name, MAILBOX_RIGHT_RECEIVE));
	ASSERT_EQ(0, mbx_put(sender, "for the next", 0));
	close(self->fd);
	next = mbx_open(self->name, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, next);
	EXPECT_STREQ("for the next", mbx_next(next));
	EXPECT_EQ(-EBUSY, mbx_open(self->name, MAILBOX_RIGHT_RECEIVE));
	self->fd = next;
	close(sender);
}

TEST_F(exclusive, seat_is_free_after_death)
{
	int ready = mbx_new(MAILBOX_POLICY_SHARED, 1);
	char text[8];
	pid_t child;

	ASSERT_LE(0, ready);
	/* keep the mailbox by a sender, give the seat to a child */
	ASSERT_LE(0, mbx_open(self->name, MAILBOX_RIGHT_SEND));
	close(self->fd);
	self->fd = -1;
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		int fd = mbx_open(self->name, MAILBOX_RIGHT_RECEIVE);

		mbx_put(ready, fd < 0 ? "no" : "yes", 0);
		mbx_get(fd, text, sizeof(text), 0, NULL);
		_exit(1);
	}
	ASSERT_EQ(0, mbx_get(ready, text, sizeof(text), 0, NULL));
	ASSERT_STREQ("yes", text);
	EXPECT_EQ(-EBUSY, mbx_open(self->name, MAILBOX_RIGHT_RECEIVE));
	kill(child, SIGKILL);
	mbx_join(child);
	self->fd = mbx_open(self->name, MAILBOX_RIGHT_RECEIVE);
	EXPECT_LE(0, self->fd);
}

/* --- PAIR ------------------------------------------------------------ */

FIXTURE(pair)
{
	int fd;
	char text[16];
};

FIXTURE_SETUP(pair)
{
	self->fd = mbx_new(MAILBOX_POLICY_PAIR, 2);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(pair)
{
	close(self->fd);
}

#define GET(flags) mbx_get(self->fd, self->text, sizeof(self->text), flags, NULL)

TEST_F(pair, both_ways)
{
	struct mailbox_header header;
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_put(self->fd, "from child", 0))
			_exit(1);
		if (GET(0) || strcmp(self->text, "from parent"))
			_exit(2);
		_exit(mbx_put(self->fd, "again", 0) ? 3 : 0);
	}
	ASSERT_EQ(0, mbx_put(self->fd, "from parent", 0));
	ASSERT_EQ(0, mbx_get(self->fd, self->text, sizeof(self->text), 0, &header));
	EXPECT_STREQ("from child", self->text);
	EXPECT_EQ(child, header.pid);
	ASSERT_EQ(0, GET(0));
	EXPECT_STREQ("again", self->text);
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(pair, never_ones_own_message)
{
	pid_t child;

	ASSERT_EQ(0, mbx_put(self->fd, "mine", 0));
	EXPECT_EQ(-EAGAIN, GET(MAILBOX_NONBLOCK));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(GET(MAILBOX_NONBLOCK) || strcmp(self->text, "mine"));
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(pair, a_waiting_receiver_is_not_served_by_its_own_process)
{
	struct mbx_call call;
	pid_t child;

	ASSERT_EQ(0, mbx_call_receive(&call, self->fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_put(self->fd, "mine", 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	EXPECT_FALSE(mbx_call_done(&call));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (GET(0) || strcmp(self->text, "mine"))
			_exit(1);
		_exit(mbx_put(self->fd, "yours", 0) ? 2 : 0);
	}
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("yours", call.buffer);
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(pair, each_way_has_its_capacity)
{
	pid_t child;

	ASSERT_EQ(0, mbx_put(self->fd, "1", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_put(self->fd, "2", MAILBOX_NONBLOCK));
	EXPECT_EQ(-EAGAIN, mbx_put(self->fd, "3", MAILBOX_NONBLOCK));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_put(self->fd, "a", MAILBOX_NONBLOCK) ||
		    mbx_put(self->fd, "b", MAILBOX_NONBLOCK))
			_exit(1);
		if (mbx_put(self->fd, "c", MAILBOX_NONBLOCK) != -EAGAIN)
			_exit(2);
		if (GET(MAILBOX_NONBLOCK) || strcmp(self->text, "1"))
			_exit(3);
		/* room in the other way is none in this one */
		_exit(mbx_put(self->fd, "c", MAILBOX_NONBLOCK) == -EAGAIN ? 0 : 4);
	}
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_STREQ("a", mbx_next(self->fd));
	EXPECT_STREQ("b", mbx_next(self->fd));
}

/* A child sends, and takes its leave: by exit, or by closing its descriptor. */
static pid_t leave(int fd, int wait, bool closes)
{
	pid_t child = mbx_fork();
	char text[8];

	if (child)
		return child;
	if (mbx_put(fd, "bye", 0))
		_exit(1);
	if (mbx_get(fd, text, sizeof(text), 0, NULL) || strcmp(text, "go"))
		_exit(2);
	if (!closes)
		_exit(0);
	close(fd);
	_exit(mbx_get(wait, text, sizeof(text), 0, NULL) ? 3 : 0);
}

static void partner_leaves(struct __test_metadata *_metadata, int fd, bool closes)
{
	int wait = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_send send = { .flags = MAILBOX_NONBLOCK };
	struct mailbox_receive receive = { };
	struct mbx_call call;
	pid_t child;
	char text[8];

	ASSERT_LE(0, wait);
	child = leave(fd, wait, closes);
	ASSERT_LE(0, child);
	ASSERT_EQ(0, mbx_get(fd, text, sizeof(text), 0, NULL));
	EXPECT_STREQ("bye", text);
	/* who waits is told, and so is who comes later */
	ASSERT_EQ(0, mbx_call_receive(&call, fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 0, 2));
	ASSERT_EQ(0, mbx_put(fd, "go", 0));
	EXPECT_EQ(-EPIPE, mbx_call_join(&call));
	EXPECT_EQ(MAILBOX_REASON_NO_SENDERS, call.receive.error.reason);
	EXPECT_EQ(-EPIPE, mbx_receive(fd, &receive));
	EXPECT_EQ(MAILBOX_REASON_NO_SENDERS, receive.error.reason);
	EXPECT_EQ(-EPIPE, mbx_send(fd, &send));
	EXPECT_EQ(MAILBOX_REASON_NO_RECEIVERS, send.error.reason);

	/* until somebody takes the seat */
	if (!closes) {
		pid_t next = mbx_fork();

		if (!next)
			_exit(mbx_put(fd, "next", 0) ? 1 : 0);
		EXPECT_EQ(0, mbx_join(next));
		EXPECT_STREQ("next", mbx_next(fd));
	}
	EXPECT_EQ(0, mbx_put(wait, "", 0));
	EXPECT_EQ(0, mbx_join(child));
	close(wait);
}

TEST_F(pair, partner_exits)
{
	partner_leaves(_metadata, self->fd, false);
}

TEST_F(pair, partner_closes)
{
	partner_leaves(_metadata, self->fd, true);
}

/* Two children, after their parent who made it for them has left. */
TEST_F(pair, children_of_one_who_left)
{
	int send = mbx_new(MAILBOX_POLICY_SHARED, 1);
	int receive = mbx_new(MAILBOX_POLICY_SHARED, 1);
	pid_t sender, receiver, parent = mbx_fork();
	char text[8];
	int fd;

	ASSERT_LE(0, parent);
	if (parent) {
		EXPECT_EQ(0, mbx_join(parent));
		return;
	}
	fd = mbx_new(MAILBOX_POLICY_PAIR, 2);
	sender = mbx_fork();
	if (!sender)
		_exit(mbx_get(send, text, sizeof(text), 0, NULL) || mbx_put(fd, "hello", 0));
	receiver = mbx_fork();
	if (!receiver) {
		if (mbx_get(receive, text, sizeof(text), 0, NULL) ||
		    mbx_get(fd, text, sizeof(text), 0, NULL) || strcmp(text, "hello"))
			_exit(1);
		_exit(mbx_get(fd, text, sizeof(text), 0, NULL) == -EPIPE ? 0 : 2);
	}
	close(fd);
	if (mbx_put(send, "", 0) || mbx_join(sender) || mbx_put(receive, "", 0))
		_exit(1);
	_exit(mbx_join(receiver));
}

/* What one sent who has left is for the next who comes to receive. */
TEST(pair_keeps_what_a_process_sent_that_left)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create create = {
		.name = MBX_PTR(mbx_name(name, "relay")),
		.flags = MAILBOX_CREATE_PERSIST,
		.rights = MAILBOX_RIGHT_ADMIN,
		.policy = MAILBOX_POLICY_PAIR,
		.mode = 0600,
		.capacity = 4,
	};
	int fd;

	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CREATE, &create));
	for (int i = 0; i < 2; i++) {
		pid_t child = mbx_fork();

		if (!child)
			_exit(mbx_put(mbx_open(name, MAILBOX_RIGHT_SEND), "relay", 0) ? 1 : 0);
		EXPECT_EQ(0, mbx_join(child));
	}
	fd = mbx_open(name, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, fd);
	EXPECT_STREQ("relay", mbx_next(fd));
	EXPECT_STREQ("relay", mbx_next(fd));
	ASSERT_EQ(0, mbx_destroy(create.fd, NULL));
	close(create.fd);
	close(fd);
}

TEST_F(pair, third_process_is_refused)
{
	pid_t child = mbx_fork(), third;
	int go = mbx_new(MAILBOX_POLICY_SHARED, 1);

	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_put(self->fd, "second", 0))
			_exit(1);
		/* hold the seat until told otherwise */
		_exit(GET(0) || strcmp(self->text, "go"));
	}
	ASSERT_EQ(0, GET(0));
	third = mbx_fork();
	ASSERT_LE(0, third);
	if (!third) {
		struct mailbox_send send = { .flags = MAILBOX_NONBLOCK };
		struct mailbox_receive receive = { .flags = MAILBOX_NONBLOCK };

		if (mbx_send(self->fd, &send) != -EBUSY ||
		    send.error.reason != MAILBOX_REASON_PAIR_TAKEN)
			_exit(1);
		if (mbx_receive(self->fd, &receive) != -EBUSY ||
		    receive.error.reason != MAILBOX_REASON_PAIR_TAKEN)
			_exit(2);
		receive.flags = MAILBOX_RECEIVE_PEEK;
		if (mbx_receive(self->fd, &receive) != -EBUSY ||
		    receive.error.reason != MAILBOX_REASON_PAIR_TAKEN)
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, mbx_join(third));
	ASSERT_EQ(0, mbx_put(self->fd, "go", 0));
	EXPECT_EQ(0, mbx_join(child));

	/* the second has gone, and a third becomes the second */
	third = mbx_fork();
	ASSERT_LE(0, third);
	if (!third)
		_exit(-mbx_put(self->fd, "third", MAILBOX_NONBLOCK));
	EXPECT_EQ(0, mbx_join(third));
	EXPECT_STREQ("third", mbx_next(self->fd));
	close(go);
}

TEST_F(pair, threads_are_one_process)
{
	struct mbx_call calls[3];
	int i;

	ASSERT_EQ(0, mbx_call_send(&calls[0], self->fd, "1", 0));
	ASSERT_EQ(0, mbx_call_join(&calls[0]));
	ASSERT_EQ(0, mbx_call_send(&calls[1], self->fd, "2", 0));
	ASSERT_EQ(0, mbx_call_join(&calls[1]));
	ASSERT_EQ(0, mbx_call_receive(&calls[2], self->fd, MAILBOX_NONBLOCK));
	ASSERT_EQ(-EAGAIN, mbx_call_join(&calls[2]));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, calls[i].result);
}

TEST(pair_by_name)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_PAIR,
		.mode = 0600,
		.capacity = 4,
	};
	char name[MBX_NAME_SIZE], text[8];
	pid_t child, third;
	int fd, fd3;

	attr.name = MBX_PTR(mbx_name(name, "pair"));
	fd = mbx_create(&attr);
	ASSERT_LE(0, fd);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		int mine = mbx_open(name, MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE);

		if (mine < 0 || mbx_put(mine, "here", 0))
			_exit(1);
		_exit(mbx_get(mine, text, sizeof(text), 0, NULL) || strcmp(text, "bye"));
	}
	ASSERT_EQ(0, mbx_get(fd, text, sizeof(text), 0, NULL));
	EXPECT_STREQ("here", text);
	third = mbx_fork();
	ASSERT_LE(0, third);
	if (!third) {
		struct mailbox_open open = {
			.name = MBX_PTR(name),
			.rights = MAILBOX_RIGHT_SEND,
		};

		if (mbx_on_device(MAILBOX_IOC_OPEN, &open) != -EBUSY)
			_exit(1);
		_exit(open.error.reason == MAILBOX_REASON_PAIR_TAKEN ? 0 : 2);
	}
	EXPECT_EQ(0, mbx_join(third));
	/* one of the two may open again */
	fd3 = mbx_open(name, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, fd3);
	ASSERT_EQ(0, mbx_put(fd3, "bye", 0));
	EXPECT_EQ(0, mbx_join(child));
	/* now its seat is free for another */
	third = mbx_fork();
	ASSERT_LE(0, third);
	if (!third)
		_exit(mbx_open(name, MAILBOX_RIGHT_SEND) < 0);
	EXPECT_EQ(0, mbx_join(third));
	close(fd3);
	close(fd);
}

/* A process that closes all that it opened gives its seat back and lives on. */
TEST(pair_seat_is_free_after_close)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_PAIR,
		.mode = 0600,
		.capacity = 4,
	};
	int fd, go = mbx_new(MAILBOX_POLICY_SHARED, 1), done = mbx_new(MAILBOX_POLICY_SHARED, 1);
	char name[MBX_NAME_SIZE], text[8];
	pid_t child, third;

	ASSERT_LE(0, go);
	ASSERT_LE(0, done);
	attr.name = MBX_PTR(mbx_name(name, "pair"));
	fd = mbx_create(&attr);
	ASSERT_LE(0, fd);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		int mine = mbx_open(name, MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE);

		if (mine < 0 || mbx_put(done, "open", 0) ||
		    mbx_get(go, text, sizeof(text), 0, NULL))
			_exit(1);
		/* all that it has for the mailbox, also what it inherited */
		close(mine);
		close(fd);
		mbx_put(done, "closed", 0);
		mbx_get(go, text, sizeof(text), 0, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, mbx_get(done, text, sizeof(text), 0, NULL));
	ASSERT_STREQ("open", text);
	third = mbx_fork();
	ASSERT_LE(0, third);
	if (!third) {
		if (mbx_open(name, MAILBOX_RIGHT_SEND) != -EBUSY)
			_exit(1);
		mbx_put(go, "close", 0);
		if (mbx_get(done, text, sizeof(text), 0, NULL) || strcmp(text, "closed"))
			_exit(2);
		_exit(mbx_open(name, MAILBOX_RIGHT_SEND) < 0 ? 3 : 0);
	}
	EXPECT_EQ(0, mbx_join(third));
	ASSERT_EQ(0, mbx_put(go, "end", 0));
	EXPECT_EQ(0, mbx_join(child));
	close(fd);
	close(go);
	close(done);
}

TEST_F(pair, blocked_sender_goes_on_when_the_other_receives)
{
	struct mbx_call call;
	pid_t child;

	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "3", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		int i;

		for (i = 1; i <= 3; i++)
			if (GET(0) || atoi(self->text) != i)
				_exit(i);
		_exit(0);
	}
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(pair, blocked_sender_goes_on_with_a_larger_capacity)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 3 };
	struct mbx_call call;

	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "3", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	EXPECT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(3, mbx_depth(self->fd));
}

/* Of two calls of a process, the partner's leave ends both, each for its reason. */
TEST_F(pair, partner_leaves_and_a_sender_waits)
{
	struct mbx_call send, receive;
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_put(self->fd, "bye", 0))
			_exit(1);
		_exit(GET(0) || strcmp(self->text, "1"));
	}
	ASSERT_EQ(0, GET(0));
	ASSERT_EQ(0, mbx_call_receive(&receive, self->fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 2));
	/* stopped, it waits no more */
	ASSERT_EQ(0, kill(child, SIGSTOP));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	ASSERT_EQ(0, mbx_call_send(&send, self->fd, "3", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 1));
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, mbx_join(child));
	EXPECT_EQ(-EPIPE, mbx_call_join(&send));
	EXPECT_EQ(MAILBOX_REASON_NO_RECEIVERS, send.send.error.reason);
	EXPECT_EQ(-EPIPE, mbx_call_join(&receive));
	EXPECT_EQ(MAILBOX_REASON_NO_SENDERS, receive.receive.error.reason);
}

/*
 * A process that shares its descriptors closes none of them when it exits: its
 * seat is free all the same, also while it has not been waited for.
 */
TEST_F(pair, seat_of_one_that_exited_without_closing)
{
	siginfo_t info;
	pid_t child, third;

	ASSERT_EQ(0, mbx_put(self->fd, "first", 0));
	fflush(NULL);
	child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	ASSERT_LE(0, child);
	if (!child)
		_exit(mbx_put(self->fd, "second", MAILBOX_NONBLOCK) ? 1 : 0);
	ASSERT_EQ(0, waitid(P_PID, child, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(0, info.si_status);
	third = mbx_fork();
	ASSERT_LE(0, third);
	if (!third)
		_exit(mbx_put(self->fd, "third", MAILBOX_NONBLOCK) ? 1 : 0);
	EXPECT_EQ(0, mbx_join(third));
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_STREQ("second", mbx_next(self->fd));
	EXPECT_STREQ("third", mbx_next(self->fd));
}

static void *outlive(void *fd)
{
	_exit(mbx_get(*(int *)fd, (char [8]) { "" }, 8, 0, NULL) ? 3 : 0);
}

/* One whose first thread has gone is still there. */
TEST_F(pair, seat_of_one_whose_first_thread_has_gone)
{
	pid_t child, third;

	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		pthread_t thread;

		if (mbx_put(self->fd, "second", 0))
			_exit(1);
		if (pthread_create(&thread, NULL, outlive, &self->fd))
			_exit(2);
		syscall(SYS_exit, 0);
	}
	ASSERT_EQ(0, GET(0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_TRUE(MBX_UNTIL(mbx_state(child) == 'Z'));
	third = mbx_fork();
	ASSERT_LE(0, third);
	if (!third)
		_exit(mbx_put(self->fd, "third", MAILBOX_NONBLOCK) == -EBUSY ? 0 : 1);
	EXPECT_EQ(0, mbx_join(third));
	ASSERT_EQ(0, mbx_put(self->fd, "go", 0));
	EXPECT_EQ(0, mbx_join(child));
}

/* --- BROADCAST ------------------------------------------------------- */

#define RECEIVERS	3

FIXTURE(broadcast)
{
	int fd;			/* sends and administers */
	int to[RECEIVERS];
};

FIXTURE_VARIANT(broadcast)
{
	__u32 slow;
};

FIXTURE_VARIANT_ADD(broadcast, block) { .slow = MAILBOX_SLOW_BLOCK };
FIXTURE_VARIANT_ADD(broadcast, lose) { .slow = MAILBOX_SLOW_LOSE };
FIXTURE_VARIANT_ADD(broadcast, cut) { .slow = MAILBOX_SLOW_CUT };

/*
 * A mailbox of capacity 4 with a handle that sends and receivers; a DUP needs
 * the right, so the first handle had it and is gone.
 */
static int broadcast_new(__u32 slow, int *to, int receivers)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = slow,
		.capacity = 4,
	};
	int all = mbx_create(&attr), fd, i;

	if (all < 0)
		return all;
	fd = mbx_dup(all, MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_ADMIN);
	for (i = 0; i < receivers; i++)
		to[i] = mbx_dup(all, MAILBOX_RIGHT_RECEIVE);
	close(all);
	return fd;
}

FIXTURE_SETUP(broadcast)
{
	int i;

	self->fd = broadcast_new(variant->slow, self->to, RECEIVERS);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < RECEIVERS; i++)
		ASSERT_LE(0, self->to[i]);
}

FIXTURE_TEARDOWN(broadcast)
{
	int i;

	close(self->fd);
	for (i = 0; i < RECEIVERS; i++)
		close(self->to[i]);
}

TEST_F(broadcast, all_get_all_in_order)
{
	struct mailbox_send send = { .length = 1 };
	struct mailbox_header header;
	char text[8];
	int i, j;

	for (i = 0; i < 4; i++) {
		send.buffer = MBX_PTR(&"abcd"[i]);
		ASSERT_EQ(0, mbx_send(self->fd, &send));
		EXPECT_EQ(RECEIVERS, send.receipt.receivers);
		EXPECT_EQ(i + 1, send.sequence);
	}
	for (j = 0; j < RECEIVERS; j++) {
		for (i = 0; i < 4; i++) {
			ASSERT_EQ(0, mbx_get(self->to[j], text, sizeof(text), MAILBOX_NONBLOCK,
					     &header));
			EXPECT_EQ("abcd"[i], text[0]);
			EXPECT_EQ(i + 1, header.sequence);
			EXPECT_EQ(getpid(), header.pid);
			EXPECT_EQ(0, header.lost);
		}
		EXPECT_STREQ("<11>", mbx_next(self->to[j]));
	}
}

TEST_F(broadcast, all_waiting_receivers_wake)
{
	struct mbx_call calls[RECEIVERS];
	int i;

	for (i = 0; i < RECEIVERS; i++)
		ASSERT_EQ(0, mbx_call_receive(&calls[i], self->to[i], 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, RECEIVERS));
	ASSERT_EQ(0, mbx_put(self->fd, "all", 0));
	for (i = 0; i < RECEIVERS; i++) {
		ASSERT_EQ(0, mbx_call_join(&calls[i]));
		EXPECT_STREQ("all", calls[i].buffer);
	}
}

TEST_F(broadcast, only_what_was_sent_since_the_handle_was_opened)
{
	int late;

	ASSERT_EQ(0, mbx_put(self->fd, "before", 0));
	late = mbx_dup(self->to[0], MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, late);
	ASSERT_EQ(0, mbx_put(self->fd, "after", 0));
	EXPECT_STREQ("after", mbx_next(late));
	EXPECT_STREQ("<11>", mbx_next(late));
	EXPECT_STREQ("before", mbx_next(self->to[0]));
	EXPECT_STREQ("after", mbx_next(self->to[0]));
	close(late);
}

TEST_F(broadcast, selection_in_ones_own_queue)
{
	struct mailbox_send send = { .tag = 1, .buffer = MBX_PTR("1"), .length = 1 };
	char text[8] = "";
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK,
		.select = MAILBOX_SELECT_TAG,
		.tag = 2,
		.buffer = MBX_PTR(text),
		.length = 1,
	};

	ASSERT_EQ(0, mbx_send(self->fd, &send));
	send.tag = 2;
	send.buffer = MBX_PTR("2");
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_receive(self->to[0], &receive));
	EXPECT_STREQ("2", text);
	EXPECT_STREQ("1", mbx_next(self->to[0]));
	EXPECT_STREQ("1", mbx_next(self->to[1]));
	EXPECT_STREQ("2", mbx_next(self->to[1]));
}

TEST_F(broadcast, no_receivers)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL & ~MAILBOX_RIGHT_RECEIVE,
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = variant->slow,
		.mode = 0600,
		.capacity = 1,
	};
	struct mailbox_send send = { .flags = 0 };
	char name[MBX_NAME_SIZE];
	struct mailbox_stat stat;
	int fd, i;

	attr.name = MBX_PTR(mbx_name(name, "broadcast"));
	fd = mbx_create(&attr);
	ASSERT_LE(0, fd);
	for (i = 1; i <= 3; i++) {
		send.receipt.receivers = 77;
		ASSERT_EQ(0, mbx_send(fd, &send));
		EXPECT_EQ(0, send.receipt.receivers);
		EXPECT_EQ(i, send.sequence);
		ASSERT_EQ(0, mbx_stat(fd, &stat));
		EXPECT_EQ(i, stat.dropped);
		EXPECT_EQ(i, stat.sent);
		EXPECT_EQ(0, stat.depth);
	}
	close(fd);
}

/* What a receiver leaves behind is gone, counted, and its quota free again. */
TEST_F(broadcast, receiver_closes_with_messages_left)
{
	struct mailbox_info before, after;
	struct mailbox_stat stat;
	int i;

	ASSERT_EQ(0, mbx_info(self->fd, &before));
	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	close(self->to[0]);
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(2, stat.dropped);
	EXPECT_EQ(RECEIVERS - 1, stat.receivers);
	EXPECT_EQ(2, stat.depth);
	EXPECT_STREQ("1", mbx_next(self->to[1]));
	for (i = 1; i < RECEIVERS; i++)
		close(self->to[i]);
	ASSERT_EQ(0, mbx_info(self->fd, &after));
	EXPECT_EQ(before.user_messages, after.user_messages);
	EXPECT_EQ(before.user_bytes, after.user_bytes);
	for (i = 0; i < RECEIVERS; i++)
		self->to[i] = -1;
}

/* Several senders at once: each receiver sees the same order. */
TEST(broadcast_one_order_for_all)
{
	enum { SENDERS = 3, EACH = 60, TOTAL = SENDERS * EACH };
	__u64 (*order)[TOTAL] = mmap(NULL, RECEIVERS * TOTAL * sizeof(__u64),
				     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[SENDERS + RECEIVERS];
	int to[RECEIVERS], fd, i, j;

	ASSERT_NE(MAP_FAILED, (void *)order);
	fd = broadcast_new(MAILBOX_SLOW_BLOCK, to, RECEIVERS);
	ASSERT_LE(0, fd);
	for (i = 0; i < SENDERS + RECEIVERS; i++) {
		children[i] = mbx_fork();
		ASSERT_LE(0, children[i]);
		if (children[i])
			continue;
		if (i < SENDERS) {
			for (j = 0; j < EACH; j++) {
				struct mailbox_send send = { .tag = i * EACH + j };

				if (mbx_send(fd, &send) || send.receipt.receivers != RECEIVERS)
					_exit(1);
			}
			_exit(0);
		}
		for (j = 0; j < TOTAL; j++) {
			struct mailbox_receive receive = { .flags = 0 };

			if (mbx_receive(to[i - SENDERS], &receive))
				_exit(1);
			if (receive.header.sequence != j + 1)
				_exit(2);
			order[i - SENDERS][j] = receive.header.tag;
		}
		_exit(0);
	}
	for (i = 0; i < SENDERS + RECEIVERS; i++)
		EXPECT_EQ(0, mbx_join(children[i]));
	for (j = 0; j < TOTAL; j++)
		for (i = 1; i < RECEIVERS; i++)
			ASSERT_EQ(order[0][j], order[i][j]);
	for (i = 0; i < RECEIVERS; i++)
		close(to[i]);
	close(fd);
	munmap(order, RECEIVERS * TOTAL * sizeof(__u64));
}

/* --- a slow receiver ------------------------------------------------- */

FIXTURE(slow)
{
	int fd;
	int to[2];	/* the first is the slow one */
};

/* A test sets its mailbox up with its choice; both receivers' queues full. */
FIXTURE_SETUP(slow)
{
	self->fd = -1;
}

FIXTURE_TEARDOWN(slow)
{
	close(self->fd);
	close(self->to[0]);
	close(self->to[1]);
}

static int slow_fill(int choice, int *to)
{
	int fd = broadcast_new(choice, to, 2), i;

	for (i = 0; fd >= 0 && i < 4; i++) {
		char text[] = { '1' + i, '\0' };

		if (mbx_put(fd, text, MAILBOX_NONBLOCK) || strcmp(mbx_next(to[1]), text))
			return -EPROTO;
	}
	return fd;
}

TEST_F(slow, block_nonblock_goes_to_nobody)
{
	struct mailbox_send send = { .flags = MAILBOX_NONBLOCK };

	self->fd = slow_fill(MAILBOX_SLOW_BLOCK, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(-EAGAIN, mbx_send(self->fd, &send));
	EXPECT_EQ(MAILBOX_REASON_FULL, send.error.reason);
	EXPECT_EQ(4, send.error.value);
	EXPECT_STREQ("<11>", mbx_next(self->to[1]));
	EXPECT_STREQ("1", mbx_next(self->to[0]));
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	EXPECT_EQ(2, send.receipt.receivers);
}

TEST_F(slow, block_waits_for_the_slow_one)
{
	struct mailbox_stat stat;
	struct mbx_call call;

	self->fd = slow_fill(MAILBOX_SLOW_BLOCK, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "5", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	EXPECT_STREQ("<11>", mbx_next(self->to[1]));
	EXPECT_STREQ("1", mbx_next(self->to[0]));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("5", mbx_next(self->to[1]));
	EXPECT_STREQ("2", mbx_next(self->to[0]));
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.dropped);
}

TEST_F(slow, block_goes_on_when_the_slow_one_closes)
{
	struct mbx_call call;

	self->fd = slow_fill(MAILBOX_SLOW_BLOCK, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "5", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	close(self->to[0]);
	self->to[0] = -1;
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(1, call.send.receipt.receivers);
	EXPECT_STREQ("5", mbx_next(self->to[1]));
}

/* A receiver that comes while the sender waits gets what is then accepted. */
TEST_F(slow, block_and_a_receiver_comes)
{
	struct mbx_call call;
	int late;

	self->fd = slow_fill(MAILBOX_SLOW_BLOCK, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "5", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	late = mbx_dup(self->to[1], MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, late);
	EXPECT_STREQ("1", mbx_next(self->to[0]));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(3, call.send.receipt.receivers);
	EXPECT_STREQ("5", mbx_next(late));
	close(late);
}

TEST_F(slow, block_senders_in_the_order_of_their_calls)
{
	struct mbx_call calls[3];
	char text[8];
	int i;

	self->fd = slow_fill(MAILBOX_SLOW_BLOCK, self->to);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%d", 5 + i);
		ASSERT_EQ(0, mbx_call_send(&calls[i], self->fd, text, 0));
		ASSERT_TRUE(mbx_wait_waiters(self->fd, i + 1, 0));
	}
	for (i = 1; i <= 7; i++) {
		ASSERT_EQ(0, mbx_get(self->to[0], text, sizeof(text), 0, NULL));
		EXPECT_EQ(i, atoi(text));
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, mbx_call_join(&calls[i]));
		EXPECT_EQ(5 + i, atoi(mbx_next(self->to[1])));
	}
}

/* The first in line gives up; the one behind must not be forgotten. */
TEST_F(slow, block_first_in_line_gives_up)
{
	struct mbx_call first, second;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	self->fd = slow_fill(MAILBOX_SLOW_BLOCK, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_call_send(&first, self->fd, "5", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_EQ(0, mbx_call_send(&second, self->fd, "6", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 2, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&first));
	EXPECT_EQ(0, mbx_call_signal(&first, SIGUSR1));
	EXPECT_EQ(-EINTR, mbx_call_join(&first));
	EXPECT_STREQ("1", mbx_next(self->to[0]));
	ASSERT_EQ(0, mbx_call_join(&second));
	EXPECT_STREQ("6", mbx_next(self->to[1]));
}

/* Room for several at once is used by all whom it is enough for. */
TEST_F(slow, block_goes_on_with_a_larger_capacity)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 6 };
	struct mbx_call calls[3];
	char text[8];
	int i;

	self->fd = slow_fill(MAILBOX_SLOW_BLOCK, self->to);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%d", 5 + i);
		ASSERT_EQ(0, mbx_call_send(&calls[i], self->fd, text, 0));
		ASSERT_TRUE(mbx_wait_waiters(self->fd, i + 1, 0));
	}
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_EQ(0, mbx_call_join(&calls[0]));
	ASSERT_EQ(0, mbx_call_join(&calls[1]));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	EXPECT_STREQ("5", mbx_next(self->to[1]));
	EXPECT_STREQ("6", mbx_next(self->to[1]));
	EXPECT_STREQ("1", mbx_next(self->to[0]));
	ASSERT_EQ(0, mbx_call_join(&calls[2]));
	EXPECT_STREQ("7", mbx_next(self->to[1]));
}

/*
 * A sender was told that there is room, and when it comes to look there is none
 * any more: it keeps its place and waits on.  On one CPU it cannot look before
 * the one that told it, which has a higher priority, lets it.
 */
TEST_F(slow, block_and_the_room_goes_again)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 3 };
	struct sched_param above = { .sched_priority = 10 }, usual = { 0 };
	struct mbx_call call;
	cpu_set_t all, one;

	self->fd = slow_fill(MAILBOX_SLOW_BLOCK, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, sched_getaffinity(0, sizeof(all), &all));
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "5", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));

	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &above));
	EXPECT_STREQ("1", mbx_next(self->to[0]));
	EXPECT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &usual));
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(all), &all));

	/* one that was told does not count as waiting; it does so again */
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	EXPECT_FALSE(mbx_call_done(&call));
	EXPECT_STREQ("2", mbx_next(self->to[0]));
	EXPECT_EQ(0, mbx_call_join(&call));
	EXPECT_STREQ("5", mbx_next(self->to[1]));
}

TEST_F(slow, block_with_a_deadline)
{
	struct mailbox_send send = { .flags = MAILBOX_DEADLINE };

	self->fd = slow_fill(MAILBOX_SLOW_BLOCK, self->to);
	ASSERT_LE(0, self->fd);
	send.deadline = mbx_in_ms(20);
	ASSERT_EQ(-ETIMEDOUT, mbx_send(self->fd, &send));
	EXPECT_STREQ("<11>", mbx_next(self->to[1]));
}

TEST_F(slow, lose_the_oldest_and_count_it)
{
	struct mailbox_header header;
	struct mailbox_stat stat;
	char text[8];

	self->fd = slow_fill(MAILBOX_SLOW_LOSE, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_put(self->fd, "5", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_put(self->fd, "6", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(2, stat.dropped);
	EXPECT_EQ(4, stat.depth);
	ASSERT_EQ(0, mbx_get(self->to[0], text, sizeof(text), MAILBOX_NONBLOCK, &header));
	EXPECT_STREQ("3", text);
	EXPECT_EQ(2, header.lost);
	EXPECT_EQ(3, header.sequence);
	ASSERT_EQ(0, mbx_get(self->to[0], text, sizeof(text), MAILBOX_NONBLOCK, &header));
	EXPECT_STREQ("4", text);
	EXPECT_EQ(0, header.lost);
	ASSERT_EQ(0, mbx_get(self->to[1], text, sizeof(text), MAILBOX_NONBLOCK, &header));
	EXPECT_STREQ("5", text);
	EXPECT_EQ(0, header.lost);
	EXPECT_STREQ("6", mbx_next(self->to[1]));
}

/*
 * Whatever is lost, and whenever, is told with the message behind the gap: also
 * to a receiver that has been handed one and is yet to run.
 */
TEST_F(slow, lose_tells_of_each_gap_where_it_is)
{
	enum { BATCHES = 12 };
	struct mailbox_send items[MAILBOX_BATCH_MAX] = { 0 };
	struct mailbox_batch batch = { .flags = 0 };
	struct mailbox_stat stat;
	pid_t child;
	int i;

	self->fd = broadcast_new(MAILBOX_SLOW_LOSE, self->to, 2);
	ASSERT_LE(0, self->fd);
	close(self->to[1]);
	self->to[1] = -1;
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct mailbox_receive receive = { .flags = 0 };
		__u64 last = 0, received = 0, lost = 0;

		do {
			if (mbx_receive(self->to[0], &receive))
				_exit(1);
			if (receive.header.sequence != last + 1 + receive.header.lost)
				_exit(2);
			last = receive.header.sequence;
			received++;
			lost += receive.header.lost;
		} while (!receive.header.tag);
		_exit(received + lost == BATCHES * MAILBOX_BATCH_MAX ? 0 : 3);
	}
	for (i = 0; i < BATCHES; i++) {
		/* it is asleep, and the whole batch comes before it can run, or not */
		ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
		items[MAILBOX_BATCH_MAX - 1].tag = i == BATCHES - 1;
		ASSERT_EQ(0, mbx_send_batch(self->fd, items, MAILBOX_BATCH_MAX, &batch));
		ASSERT_EQ(MAILBOX_BATCH_MAX, batch.done);
	}
	EXPECT_EQ(0, mbx_join(child));
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(stat.sent, stat.received + stat.dropped);
}

TEST_F(slow, cut_gets_the_rest_and_then_the_end)
{
	struct mailbox_receive receive = { .flags = 0 };
	struct mailbox_send send = { .flags = MAILBOX_NONBLOCK };
	struct mailbox_stat stat;
	char text[8];
	int i;

	self->fd = slow_fill(MAILBOX_SLOW_CUT, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	EXPECT_EQ(1, send.receipt.receivers);
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	EXPECT_EQ(1, send.receipt.receivers);
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(2, stat.dropped);

	/* the fast one lacks nothing */
	EXPECT_STREQ("", mbx_next(self->to[1]));
	EXPECT_STREQ("", mbx_next(self->to[1]));
	for (i = 1; i <= 4; i++) {
		ASSERT_EQ(0, mbx_get(self->to[0], text, sizeof(text), 0, NULL));
		EXPECT_EQ(i, atoi(text));
	}
	ASSERT_EQ(-EPIPE, mbx_receive(self->to[0], &receive));
	EXPECT_EQ(MAILBOX_REASON_CUT_OFF, receive.error.reason);
	EXPECT_EQ(2, receive.error.value);
	/* it stays cut off though its queue has room */
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	EXPECT_EQ(1, send.receipt.receivers);
	EXPECT_EQ(-EPIPE, mbx_receive(self->to[0], &receive));
	EXPECT_EQ(3, receive.error.value);
}

/* A lower capacity counts from the next send on. */
TEST_F(slow, lose_follows_a_lower_capacity)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 2 };

	self->fd = slow_fill(MAILBOX_SLOW_LOSE, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	EXPECT_EQ(4, mbx_depth(self->fd));
	ASSERT_EQ(0, mbx_put(self->fd, "5", 0));
	EXPECT_EQ(2, mbx_depth(self->fd));
	EXPECT_STREQ("4", mbx_next(self->to[0]));
	EXPECT_STREQ("5", mbx_next(self->to[0]));
}

/* Nor does one send pay for all of it where that is much. */
TEST_F(slow, lose_follows_a_much_lower_capacity)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 200 };
	struct mailbox_receive receive = { .flags = MAILBOX_NONBLOCK };
	int depth, sends;

	self->fd = slow_fill(MAILBOX_SLOW_LOSE, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	for (int i = 4; i < 200; i++)
		ASSERT_EQ(0, mbx_put(self->fd, "", 0));
	set.capacity = 1;
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	depth = mbx_depth(self->fd);
	ASSERT_EQ(200, depth);
	for (sends = 0; depth > 1; sends++) {
		int before = depth;

		ASSERT_EQ(0, mbx_put(self->fd, "", 0));
		depth = mbx_depth(self->fd);
		ASSERT_LT(depth, before);
	}
	EXPECT_LT(1, sends);
	/* and all of it is told */
	ASSERT_EQ(0, mbx_receive(self->to[0], &receive));
	EXPECT_EQ(receive.header.sequence - 1, receive.header.lost);
}

/* One that waits for a message that does not come is cut off like any other. */
TEST_F(slow, cut_while_it_waits_for_another_message)
{
	struct mbx_call call = {
		.receive = { .select = MAILBOX_SELECT_TAG, .tag = 7 },
	};

	self->fd = slow_fill(MAILBOX_SLOW_CUT, self->to);
	ASSERT_LE(0, self->fd);
	call.fd = self->to[0];
	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(0, mbx_put(self->fd, "5", 0));
	EXPECT_EQ(-EPIPE, mbx_call_join(&call));
	EXPECT_EQ(MAILBOX_REASON_CUT_OFF, call.receive.error.reason);
	EXPECT_EQ(1, call.receive.error.value);
	EXPECT_STREQ("5", mbx_next(self->to[1]));
	EXPECT_STREQ("1", mbx_next(self->to[0]));
}

/* read(2) has no other way to say that something was missed. */
TEST_F(slow, cut_off_is_no_end_of_file)
{
	char text[8];

	self->fd = slow_fill(MAILBOX_SLOW_CUT, self->to);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_put(self->fd, "5", 0));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(1, read(self->to[0], text, sizeof(text)));
	EXPECT_EQ(-1, read(self->to[0], text, sizeof(text)));
	EXPECT_EQ(EPIPE, errno);
}

/* --- what many receivers cost ------------------------------------------ */

#define CROWD_MAX	4096	/* receiving handles of a broadcast */

/* Each receiver's place for a message counts for the sender's quota. */
TEST(broadcast_places_are_charged)
{
	int fd = mbx_new(MAILBOX_POLICY_BROADCAST, 4);
	struct mailbox_info before, one, many;
	int to[32];
	size_t i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_info(fd, &before));
	ASSERT_EQ(0, mbx_put(fd, "x", 0));
	ASSERT_EQ(0, mbx_info(fd, &one));
	for (i = 0; i < ARRAY_SIZE(to); i++) {
		to[i] = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
		ASSERT_LE(0, to[i]);
	}
	ASSERT_EQ(0, mbx_put(fd, "x", 0));
	ASSERT_EQ(0, mbx_info(fd, &many));
	EXPECT_LE(2 * (one.user_bytes - before.user_bytes) + ARRAY_SIZE(to) * 64,
		  many.user_bytes - before.user_bytes);
	for (i = 0; i < ARRAY_SIZE(to); i++)
		close(to[i]);
	while (!mbx_get(fd, (char [8]) { "" }, 8, MAILBOX_NONBLOCK, NULL))
		;
	ASSERT_EQ(0, mbx_info(fd, &many));
	EXPECT_EQ(before.user_bytes, many.user_bytes);
	close(fd);
}

/* Also those of a send that waits. */
TEST(broadcast_places_of_a_waiting_send_are_charged)
{
	int fd = mbx_new(MAILBOX_POLICY_BROADCAST, 1);
	struct mailbox_info before, waiting;
	struct mbx_call call;
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 32; i++)
		ASSERT_LE(0, mbx_dup(fd, MAILBOX_RIGHT_RECEIVE));
	ASSERT_EQ(0, mbx_put(fd, "x", 0));
	ASSERT_EQ(0, mbx_info(fd, &before));
	ASSERT_EQ(0, mbx_call_send(&call, fd, "y", 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 1, 0));
	ASSERT_EQ(0, mbx_info(fd, &waiting));
	EXPECT_LE(before.user_bytes + 32 * 64, waiting.user_bytes);
	ASSERT_EQ(0, mbx_destroy(fd, NULL));
	EXPECT_EQ(-EIDRM, mbx_call_join(&call));
	close(fd);
}

/* A send goes to all of them at once, so there are not endlessly many. */
TEST(broadcast_receivers_are_bounded)
{
	struct rlimit files = { 2 * CROWD_MAX, 2 * CROWD_MAX };
	struct mailbox_dup dup = { .rights = MAILBOX_RIGHT_RECEIVE };
	int fd = mbx_new(MAILBOX_POLICY_BROADCAST, 4);
	struct mailbox_stat stat;
	__u64 dropped;
	int i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	for (i = 1; i < CROWD_MAX; i++)
		ASSERT_LE(0, mbx_dup(fd, MAILBOX_RIGHT_RECEIVE));
	ASSERT_EQ(-EBUSY, mbx_ioctl(fd, MAILBOX_IOC_DUP, &dup));
	EXPECT_EQ(MAILBOX_REASON_RECEIVERS_MAX, dup.error.reason);
	EXPECT_EQ(CROWD_MAX, dup.error.value);
	dup.rights = MAILBOX_RIGHT_SEND;
	EXPECT_EQ(0, mbx_ioctl(fd, MAILBOX_IOC_DUP, &dup));

	ASSERT_EQ(0, mbx_put(fd, "x", 0));
	ASSERT_EQ(0, mbx_put(fd, "y", 0));
	ASSERT_EQ(0, mbx_destroy(fd, &dropped));
	EXPECT_EQ(2 * CROWD_MAX, dropped);
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.bytes);
	EXPECT_EQ(CROWD_MAX, stat.receivers);
}

TEST_HARNESS_MAIN
