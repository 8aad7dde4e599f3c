// SPDX-License-Identifier: GPL-2.0
/*
 * poll(2), select(2) and epoll(7): the levels, the edges, the ends.
 *
 * features.rst rows with their test here:
 *   POSIX mq: a pollable descriptor	level.*, edge.*, poll_*
 */
#include "kselftest_harness.h"
#include "common.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#define IN	(EPOLLIN | EPOLLRDNORM)
#define OUT	(EPOLLOUT | EPOLLWRNORM)

/* What poll(2) says at once. */
static int now(int fd)
{
	struct pollfd p = { .fd = fd, .events = IN | OUT };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

/* --- levels, by each of the three calls ------------------------------ */

FIXTURE(level)
{
	int fd, sender, receiver, epoll;
};

FIXTURE_VARIANT(level)
{
	int by;
};

enum { POLL, SELECT, EPOLL };

FIXTURE_VARIANT_ADD(level, poll) { .by = POLL };
FIXTURE_VARIANT_ADD(level, select) { .by = SELECT };
FIXTURE_VARIANT_ADD(level, epoll) { .by = EPOLL };

FIXTURE_SETUP(level)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };

	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 2);
	ASSERT_LE(0, self->fd);
	self->sender = mbx_dup(self->fd, MAILBOX_RIGHT_SEND);
	self->receiver = mbx_dup(self->fd, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, self->sender);
	ASSERT_LE(0, self->receiver);
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
	event.data.fd = self->fd;
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->fd, &event));
	event.data.fd = self->sender;
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->sender, &event));
	event.data.fd = self->receiver;
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->receiver, &event));
}

FIXTURE_TEARDOWN(level)
{
	close(self->epoll);
	close(self->receiver);
	close(self->sender);
	close(self->fd);
}

/* EPOLLIN and EPOLLOUT as they are now, asked by one of the calls. */
static int asked(int by, int epoll, int fd)
{
	struct timeval zero = { 0, 0 };
	struct epoll_event events[4];
	fd_set in, out;
	int i, n;

	switch (by) {
	case POLL:
		return now(fd) & (EPOLLIN | EPOLLOUT);
	case SELECT:
		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_SET(fd, &in);
		FD_SET(fd, &out);
		if (select(fd + 1, &in, &out, NULL, &zero) < 0)
			return -errno;
		return (FD_ISSET(fd, &in) ? EPOLLIN : 0) | (FD_ISSET(fd, &out) ? EPOLLOUT : 0);
	default:
		n = epoll_wait(epoll, events, 4, 0);
		for (i = 0; i < n; i++)
			if (events[i].data.fd == fd)
				return events[i].events;
		return 0;
	}
}

#define ASKED(which) asked(variant->by, self->epoll, self->which)

TEST_F(level, as_the_queue_fills_and_empties)
{
	EXPECT_EQ(EPOLLOUT, ASKED(fd));
	EXPECT_EQ(EPOLLOUT, ASKED(sender));
	EXPECT_EQ(0, ASKED(receiver));
	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	EXPECT_EQ(EPOLLIN | EPOLLOUT, ASKED(fd));
	EXPECT_EQ(EPOLLOUT, ASKED(sender));
	EXPECT_EQ(EPOLLIN, ASKED(receiver));
	/* level: it says so as long as it is so */
	EXPECT_EQ(EPOLLIN, ASKED(receiver));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	EXPECT_EQ(EPOLLIN, ASKED(fd));
	EXPECT_EQ(0, ASKED(sender));
	EXPECT_EQ(EPOLLIN, ASKED(receiver));
	EXPECT_STREQ("1", mbx_next(self->fd));
	EXPECT_EQ(EPOLLIN | EPOLLOUT, ASKED(fd));
	EXPECT_EQ(EPOLLOUT, ASKED(sender));
	EXPECT_STREQ("2", mbx_next(self->fd));
	EXPECT_EQ(EPOLLOUT, ASKED(fd));
	EXPECT_EQ(0, ASKED(receiver));
}

/* A thread that waits in one of the calls for one event of one handle. */
struct waiter {
	pthread_t thread;
	pid_t tid;
	int by, fd, epoll, events, got;
};

static void *waiter_thread(void *argument)
{
	struct waiter *waiter = argument;
	struct pollfd p = { .fd = waiter->fd, .events = waiter->events };
	struct epoll_event event;
	fd_set set;

	__atomic_store_n(&waiter->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	switch (waiter->by) {
	case POLL:
		waiter->got = poll(&p, 1, -1) == 1 ? p.revents : -errno;
		break;
	case SELECT:
		FD_ZERO(&set);
		FD_SET(waiter->fd, &set);
		waiter->got = select(waiter->fd + 1, waiter->events & EPOLLIN ? &set : NULL,
				     waiter->events & EPOLLOUT ? &set : NULL, NULL, NULL) == 1 ?
			waiter->events : -errno;
		break;
	default:
		waiter->got = epoll_wait(waiter->epoll, &event, 1, -1) == 1 ?
			event.events : -errno;
	}
	return NULL;
}

static int waiter_start(struct waiter *waiter, int by, int fd, int events)
{
	struct epoll_event event = { .events = events };

	waiter->by = by;
	waiter->fd = fd;
	waiter->events = events;
	waiter->tid = 0;
	waiter->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, fd, &event) ||
	    pthread_create(&waiter->thread, NULL, waiter_thread, waiter))
		return -1;
	/* which number select has differs by machine; it is the last thing it does */
	return MBX_UNTIL(__atomic_load_n(&waiter->tid, __ATOMIC_ACQUIRE) &&
			 mbx_state(waiter->tid) == 'S') ? 0 : -1;
}

static int waiter_join(struct waiter *waiter)
{
	pthread_join(waiter->thread, NULL);
	close(waiter->epoll);
	return waiter->got;
}

TEST_F(level, wakes_for_a_message)
{
	struct waiter waiter;

	ASSERT_EQ(0, waiter_start(&waiter, variant->by, self->receiver, EPOLLIN));
	ASSERT_EQ(0, mbx_put(self->sender, "x", 0));
	EXPECT_EQ(EPOLLIN, waiter_join(&waiter));
}

TEST_F(level, wakes_for_room)
{
	struct waiter waiter;

	ASSERT_EQ(0, mbx_put(self->sender, "1", 0));
	ASSERT_EQ(0, mbx_put(self->sender, "2", 0));
	ASSERT_EQ(0, waiter_start(&waiter, variant->by, self->sender, EPOLLOUT));
	EXPECT_STREQ("1", mbx_next(self->receiver));
	EXPECT_EQ(EPOLLOUT, waiter_join(&waiter));
}

TEST_F(level, wakes_for_a_larger_capacity)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 3 };
	struct waiter waiter;

	ASSERT_EQ(0, mbx_put(self->sender, "1", 0));
	ASSERT_EQ(0, mbx_put(self->sender, "2", 0));
	ASSERT_EQ(0, waiter_start(&waiter, variant->by, self->sender, EPOLLOUT));
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	EXPECT_EQ(EPOLLOUT, waiter_join(&waiter));
}

TEST_F(level, wakes_for_the_end)
{
	struct waiter waiter;
	int got;

	ASSERT_EQ(0, waiter_start(&waiter, variant->by, self->receiver, EPOLLIN));
	ASSERT_EQ(0, mbx_destroy(self->fd, NULL));
	got = waiter_join(&waiter);
	if (variant->by == SELECT) {
		EXPECT_EQ(EPOLLIN, got);
	} else {
		EXPECT_EQ(EPOLLHUP | EPOLLERR, got & (EPOLLHUP | EPOLLERR));
	}
}

TEST_F(level, wakes_for_the_last_senders_close)
{
	struct waiter waiter;
	int got;

	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, waiter_start(&waiter, variant->by, self->receiver, EPOLLIN));
	close(self->sender);
	self->sender = -1;
	got = waiter_join(&waiter);
	if (variant->by == SELECT) {
		EXPECT_EQ(EPOLLIN, got);
	} else {
		EXPECT_EQ(EPOLLHUP, got);
	}
}

TEST_F(level, wakes_for_the_last_receivers_close)
{
	struct waiter waiter;
	int got;

	ASSERT_EQ(0, mbx_put(self->sender, "1", 0));
	ASSERT_EQ(0, mbx_put(self->sender, "2", 0));
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, waiter_start(&waiter, variant->by, self->sender, EPOLLOUT));
	close(self->receiver);
	self->receiver = -1;
	got = waiter_join(&waiter);
	if (variant->by == SELECT) {
		EXPECT_EQ(EPOLLOUT, got);
	} else {
		EXPECT_NE(0, got & EPOLLERR);
	}
}

/* --- ends ------------------------------------------------------------ */

TEST(poll_no_senders_left)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 2), receiver;

	ASSERT_LE(0, fd);
	receiver = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, receiver);
	ASSERT_EQ(0, mbx_put(fd, "rest", 0));
	EXPECT_EQ(IN, now(receiver));
	close(fd);
	EXPECT_EQ(EPOLLHUP | IN, now(receiver));
	EXPECT_STREQ("rest", mbx_next(receiver));
	EXPECT_EQ(EPOLLHUP, now(receiver));
	close(receiver);
}

TEST(poll_no_receivers_left)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 2), sender;

	ASSERT_LE(0, fd);
	sender = mbx_dup(fd, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, sender);
	EXPECT_EQ(OUT, now(sender));
	close(fd);
	EXPECT_EQ(EPOLLERR, now(sender) & (EPOLLERR | EPOLLHUP));
	close(sender);
}

/* With a name others may come, so nobody's going is the end. */
TEST(poll_named_has_no_end)
{
	char name[MBX_NAME_SIZE];
	int fd = mbx_new_named(mbx_name(name, "poll"), 2), receiver, sender;

	ASSERT_LE(0, fd);
	receiver = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, receiver);
	close(fd);
	EXPECT_EQ(0, now(receiver));
	sender = mbx_open(name, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, sender);
	close(receiver);
	EXPECT_EQ(OUT, now(sender));
	close(sender);
}

TEST(poll_destroyed)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 2);
	int admin = mbx_dup(fd, MAILBOX_RIGHT_ADMIN);

	ASSERT_LE(0, admin);
	ASSERT_EQ(0, mbx_put(fd, "x", 0));
	EXPECT_EQ(0, now(admin));
	ASSERT_EQ(0, mbx_destroy(admin, NULL));
	EXPECT_EQ(EPOLLHUP | EPOLLERR, now(fd) & (EPOLLHUP | EPOLLERR));
	EXPECT_EQ(EPOLLHUP | EPOLLERR, now(admin) & (EPOLLHUP | EPOLLERR));
	close(admin);
	close(fd);
}

/* --- as the policies have it ----------------------------------------- */

TEST(poll_rendezvous)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 0);
	int sender = mbx_dup(fd, MAILBOX_RIGHT_SEND);
	int receiver = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
	struct mbx_call call;

	ASSERT_LE(0, sender);
	ASSERT_LE(0, receiver);
	EXPECT_EQ(0, now(sender));
	EXPECT_EQ(0, now(receiver));
	ASSERT_EQ(0, mbx_call_receive(&call, fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 0, 1));
	EXPECT_EQ(OUT, now(sender));
	ASSERT_EQ(0, mbx_put(sender, "x", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(0, now(sender));

	ASSERT_EQ(0, mbx_call_send(&call, fd, "y", 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 1, 0));
	EXPECT_EQ(IN, now(receiver));
	EXPECT_STREQ("y", mbx_next(receiver));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(0, now(receiver));
	close(receiver);
	close(sender);
	close(fd);
}

TEST(poll_rendezvous_sender_wakes)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 0);
	int sender = mbx_dup(fd, MAILBOX_RIGHT_SEND);
	struct waiter waiter;
	struct mbx_call call;

	ASSERT_LE(0, sender);
	ASSERT_EQ(0, waiter_start(&waiter, POLL, sender, EPOLLOUT));
	ASSERT_EQ(0, mbx_call_receive(&call, fd, 0));
	EXPECT_EQ(EPOLLOUT, waiter_join(&waiter));
	ASSERT_EQ(0, mbx_put(sender, "x", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_call_join(&call));
	close(sender);
	close(fd);
}

TEST(poll_pair)
{
	int fd = mbx_new(MAILBOX_POLICY_PAIR, 1);
	pid_t child;

	ASSERT_LE(0, fd);
	EXPECT_EQ(OUT, now(fd));
	ASSERT_EQ(0, mbx_put(fd, "x", 0));
	/* full towards the other, and one's own message is nothing to read */
	EXPECT_EQ(0, now(fd));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_put(fd, "y", 0))
			_exit(1);
		if (now(fd) != IN)
			_exit(2);
		if (strcmp(mbx_next(fd), "x"))
			_exit(3);
		_exit(now(fd) ? 4 : 0);
	}
	EXPECT_EQ(0, mbx_join(child));
	/* the other one has left what it sent, and has left */
	EXPECT_EQ(IN | POLLHUP | POLLERR, now(fd));
	EXPECT_STREQ("y", mbx_next(fd));
	EXPECT_EQ(POLLHUP | POLLERR, now(fd));
	close(fd);
}

FIXTURE(broadcast)
{
	int fd, to[2];
};

FIXTURE_VARIANT(broadcast)
{
	__u32 slow;
};

FIXTURE_VARIANT_ADD(broadcast, block) { MAILBOX_SLOW_BLOCK };
FIXTURE_VARIANT_ADD(broadcast, lose) { MAILBOX_SLOW_LOSE };
FIXTURE_VARIANT_ADD(broadcast, cut) { MAILBOX_SLOW_CUT };

FIXTURE_SETUP(broadcast)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = variant->slow,
		.capacity = 1,
	};
	int all = mbx_create(&attr), i;

	ASSERT_LE(0, all);
	self->fd = mbx_dup(all, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < 2; i++) {
		self->to[i] = mbx_dup(all, MAILBOX_RIGHT_RECEIVE);
		ASSERT_LE(0, self->to[i]);
	}
	close(all);
}

FIXTURE_TEARDOWN(broadcast)
{
	close(self->fd);
	close(self->to[0]);
	close(self->to[1]);
}

TEST_F(broadcast, levels)
{
	EXPECT_EQ(OUT, now(self->fd));
	EXPECT_EQ(0, now(self->to[0]));
	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	EXPECT_EQ(IN, now(self->to[0]));
	EXPECT_EQ(IN, now(self->to[1]));
	/* with BLOCK it takes room in all, otherwise one never waits */
	EXPECT_EQ(variant->slow == MAILBOX_SLOW_BLOCK ? 0 : OUT, now(self->fd));
	EXPECT_STREQ("1", mbx_next(self->to[0]));
	EXPECT_EQ(0, now(self->to[0]));
	EXPECT_EQ(IN, now(self->to[1]));
	EXPECT_EQ(variant->slow == MAILBOX_SLOW_BLOCK ? 0 : OUT, now(self->fd));
	EXPECT_STREQ("1", mbx_next(self->to[1]));
	EXPECT_EQ(OUT, now(self->fd));
}

TEST_F(broadcast, cut_off)
{
	if (variant->slow != MAILBOX_SLOW_CUT) {
		/* nobody is ever cut off */
		mbx_put(self->fd, "1", MAILBOX_NONBLOCK);
		mbx_put(self->fd, "2", MAILBOX_NONBLOCK);
		EXPECT_EQ(IN, now(self->to[0]));
		return;
	}
	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	EXPECT_STREQ("1", mbx_next(self->to[1]));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	EXPECT_EQ(EPOLLHUP | IN, now(self->to[0]));
	EXPECT_EQ(IN, now(self->to[1]));
	EXPECT_STREQ("1", mbx_next(self->to[0]));
	EXPECT_EQ(EPOLLHUP, now(self->to[0]));
}

/* One that has no seat is told so; it takes none by looking. */
TEST(poll_pair_taken)
{
	int fd = mbx_new(MAILBOX_POLICY_PAIR, 1);
	pid_t second, third;

	ASSERT_LE(0, fd);
	second = mbx_fork();
	ASSERT_LE(0, second);
	if (!second) {
		if (mbx_put(fd, "x", 0))
			_exit(1);
		/* hold the seat until told otherwise */
		_exit(mbx_get(fd, (char [8]) { "" }, 8, 0, NULL) ? 2 : 0);
	}
	ASSERT_EQ(0, mbx_get(fd, (char [8]) { "" }, 8, 0, NULL));
	third = mbx_fork();
	ASSERT_LE(0, third);
	if (!third)
		_exit(now(fd) == POLLERR ? 0 : 1);
	EXPECT_EQ(0, mbx_join(third));
	ASSERT_EQ(0, mbx_put(fd, "go", 0));
	EXPECT_EQ(0, mbx_join(second));
	close(fd);
}

/* A sender in line is before whoever polls. */
TEST(poll_broadcast_behind_another)
{
	int fd = mbx_new(MAILBOX_POLICY_BROADCAST, 1);
	struct mbx_call call;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put(fd, "1", 0));
	ASSERT_EQ(0, mbx_call_send(&call, fd, "2", 0));
	ASSERT_TRUE(mbx_wait_waiters(fd, 1, 0));
	EXPECT_EQ(IN, now(fd));
	EXPECT_STREQ("1", mbx_next(fd));
	EXPECT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(IN, now(fd));
	EXPECT_STREQ("2", mbx_next(fd));
	EXPECT_EQ(OUT, now(fd));
	close(fd);
}

/* --- edges ----------------------------------------------------------- */

FIXTURE(edge)
{
	int fd, epoll;
};

FIXTURE_SETUP(edge)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 2);
	ASSERT_LE(0, self->fd);
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
}

FIXTURE_TEARDOWN(edge)
{
	close(self->epoll);
	close(self->fd);
}

/* The events that came since the last time, or 0. */
static int edges(int epoll)
{
	struct epoll_event event = { .events = 0 };
	int n = epoll_wait(epoll, &event, 1, 0);

	return n < 0 ? -errno : n ? event.events : 0;
}

TEST_F(edge, every_message)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, edges(self->epoll));
	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	EXPECT_EQ(EPOLLIN, edges(self->epoll));
	EXPECT_EQ(0, edges(self->epoll));
	/* another one, though the first has not been taken */
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	EXPECT_EQ(EPOLLIN, edges(self->epoll));
	EXPECT_EQ(0, edges(self->epoll));
	EXPECT_STREQ("1", mbx_next(self->fd));
	EXPECT_STREQ("2", mbx_next(self->fd));
	EXPECT_EQ(0, edges(self->epoll));
	ASSERT_EQ(0, mbx_put(self->fd, "3", 0));
	EXPECT_EQ(EPOLLIN, edges(self->epoll));
}

TEST_F(edge, every_room)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };

	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, edges(self->epoll));
	EXPECT_STREQ("1", mbx_next(self->fd));
	EXPECT_EQ(EPOLLOUT, edges(self->epoll));
	EXPECT_EQ(0, edges(self->epoll));
	EXPECT_STREQ("2", mbx_next(self->fd));
	EXPECT_EQ(EPOLLOUT, edges(self->epoll));
	EXPECT_EQ(0, edges(self->epoll));
}

/* Also where there was room before: for whom a quota kept from it. */
TEST_F(edge, every_room_of_a_channel)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	struct mailbox_channel channel = { .capacity = 4 };

	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CHANNEL, &channel));
	ASSERT_EQ(0, mbx_put(channel.fd, "1", 0));
	ASSERT_EQ(0, mbx_put(channel.fd, "2", 0));
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, channel.fd, &event));
	EXPECT_EQ(EPOLLOUT, edges(self->epoll));
	EXPECT_STREQ("1", mbx_next(channel.fd_back));
	EXPECT_EQ(EPOLLOUT, edges(self->epoll));
	EXPECT_EQ(0, edges(self->epoll));
	EXPECT_STREQ("2", mbx_next(channel.fd_back));
	EXPECT_EQ(EPOLLOUT, edges(self->epoll));
	/* what comes is none */
	ASSERT_EQ(0, mbx_put(channel.fd_back, "3", 0));
	EXPECT_EQ(0, edges(self->epoll));
	close(channel.fd);
	close(channel.fd_back);
}

/* A message that the queue takes from a sender who waited is an edge, too. */
TEST_F(edge, message_of_a_sender_who_waited)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct mbx_call call;

	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "3", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(EPOLLIN, edges(self->epoll));
	EXPECT_EQ(0, edges(self->epoll));
	EXPECT_STREQ("1", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(EPOLLIN, edges(self->epoll));
}

TEST_F(edge, one_shot)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };

	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->fd, &event));
	ASSERT_EQ(0, mbx_put(self->fd, "1", 0));
	EXPECT_EQ(EPOLLIN, edges(self->epoll));
	ASSERT_EQ(0, mbx_put(self->fd, "2", 0));
	EXPECT_EQ(0, edges(self->epoll));
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_MOD, self->fd, &event));
	EXPECT_EQ(EPOLLIN, edges(self->epoll));
}

TEST_F(edge, the_end)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, edges(self->epoll));
	ASSERT_EQ(0, mbx_destroy(self->fd, NULL));
	EXPECT_EQ(EPOLLHUP | EPOLLERR, edges(self->epoll) & (EPOLLHUP | EPOLLERR));
}

/* The loop that every user of EPOLLET has; no message may be overlooked. */
TEST_F(edge, drain_loop)
{
	enum { COUNT = 300 };
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int got = 0, i;
	pid_t child;

	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->fd, &event));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		for (i = 0; i < COUNT; i++)
			if (mbx_put(self->fd, "x", 0))
				_exit(1);
		_exit(0);
	}
	while (got < COUNT) {
		ASSERT_EQ(1, epoll_wait(self->epoll, &event, 1, 15000));
		while (!strcmp(mbx_next(self->fd), "x"))
			got++;
	}
	EXPECT_EQ(COUNT, got);
	EXPECT_EQ(0, mbx_join(child));
}

TEST_HARNESS_MAIN
