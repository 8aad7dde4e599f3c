// SPDX-License-Identifier: GPL-2.0
/*
 * Several that poll one mailbox: each is told what concerns it.
 */
#include "kselftest_harness.h"
#include "common.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/epoll.h>

/* A thread that waits in poll(2) for @events, or without them in epoll_wait(2). */
struct poller {
	pthread_t thread;
	pid_t tid;
	int fd, events, priority;
	int got;
};

/* On CPU 0, and before others there: only to be sure of an order, if we may. */
static void be_first(int priority)
{
	struct sched_param param = { .sched_priority = priority };
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &param))
		return;
}

static void *poller_thread(void *argument)
{
	struct poller *poller = argument;
	struct pollfd p = { .fd = poller->fd, .events = poller->events };
	struct epoll_event event = {};
	int got;

	if (poller->priority)
		be_first(poller->priority);
	__atomic_store_n(&poller->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (poller->events)
		got = poll(&p, 1, -1) == 1 ? p.revents : -errno;
	else
		got = epoll_wait(poller->fd, &event, 1, -1) == 1 ? event.events : -errno;
	__atomic_store_n(&poller->got, got, __ATOMIC_RELEASE);
	return NULL;
}

static bool poller_start(struct poller *poller)
{
	return !pthread_create(&poller->thread, NULL, poller_thread, poller) &&
	       MBX_UNTIL(__atomic_load_n(&poller->tid, __ATOMIC_ACQUIRE) &&
			 mbx_state(poller->tid) == 'S');
}

/* What it was told, or 0 if nothing. */
static int told(struct poller *poller)
{
	if (!MBX_UNTIL(__atomic_load_n(&poller->got, __ATOMIC_ACQUIRE)))
		return 0;
	pthread_join(poller->thread, NULL);
	return poller->got;
}

/* An epoll of its own, of those of which one is woken for an event. */
static int exclusive(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : epoll;
}

/* What one receiver of a broadcast is told does not stand for the others. */
TEST(exclusive_in_a_broadcast)
{
	int box = mbx_new(MAILBOX_POLICY_BROADCAST, 4);
	struct poller pollers[3] = {};

	ASSERT_LE(0, box);
	for (int i = 0; i < 3; i++) {
		pollers[i].fd = exclusive(mbx_dup(box, MAILBOX_RIGHT_RECEIVE));
		ASSERT_LE(0, pollers[i].fd);
		ASSERT_TRUE(poller_start(&pollers[i]));
	}
	ASSERT_EQ(0, mbx_put(box, "all", MAILBOX_NONBLOCK));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(EPOLLIN, told(&pollers[i]));
}

/* In a PAIR the message is for one of them, and the other one cannot take it. */
TEST(exclusive_in_a_pair)
{
	int box = mbx_new(MAILBOX_POLICY_PAIR, 4);
	struct poller mine[2] = {};
	char room[8];
	pid_t child;

	ASSERT_LE(0, box);
	mine[0].fd = exclusive(box);
	mine[1].fd = mine[0].fd;
	ASSERT_TRUE(poller_start(&mine[0]));
	child = mbx_fork();
	if (!child) {
		struct poller its = { .fd = exclusive(box) };

		/* a seat; and to say that the poller is there */
		if (!poller_start(&its) || mbx_put(box, "ready", 0))
			_exit(1);
		_exit(told(&its) == EPOLLIN ? 0 : 2);
	}
	ASSERT_EQ(EPOLLIN, told(&mine[0]));
	ASSERT_EQ(0, mbx_get(box, room, sizeof(room), 0, NULL));
	/* waits again, and is the first that a wake-up meets */
	ASSERT_TRUE(poller_start(&mine[1]));
	ASSERT_EQ(0, mbx_put(box, "you", MAILBOX_NONBLOCK));
	EXPECT_EQ(0, mbx_join(child));
	/* the child has left */
	EXPECT_EQ(EPOLLHUP | EPOLLERR, told(&mine[1]));
}

/* The end is told to all of them, whichever is woken for a message. */
TEST(exclusive_at_the_end)
{
	int box = mbx_new(MAILBOX_POLICY_SHARED, 4);
	struct poller pollers[3] = {};

	ASSERT_LE(0, box);
	for (int i = 0; i < 3; i++) {
		pollers[i].fd = exclusive(box);
		ASSERT_LE(0, pollers[i].fd);
		ASSERT_TRUE(poller_start(&pollers[i]));
	}
	ASSERT_EQ(0, mbx_destroy(box, NULL));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(EPOLLHUP | EPOLLERR, told(&pollers[i]));
}

/* Who may only send is not woken for a message, and so not instead of a receiver. */
TEST(exclusive_without_the_right)
{
	int box = mbx_new(MAILBOX_POLICY_SHARED, 4), sender = mbx_dup(box, MAILBOX_RIGHT_SEND);
	struct poller idle = { .fd = exclusive(sender) }, poller = { .fd = exclusive(box) };

	ASSERT_LE(0, idle.fd);
	ASSERT_LE(0, poller.fd);
	ASSERT_TRUE(poller_start(&idle));
	ASSERT_TRUE(poller_start(&poller));
	ASSERT_EQ(0, mbx_put(box, "one", MAILBOX_NONBLOCK));
	EXPECT_EQ(EPOLLIN, told(&poller));
	ASSERT_EQ(0, mbx_destroy(box, NULL));
	EXPECT_EQ(EPOLLHUP | EPOLLERR, told(&idle));
}

/*
 * While senders wait in line nobody else may send, whatever the room: when the
 * last one leaves the line that is news.
 */
TEST(room_behind_the_line)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = MAILBOX_SLOW_BLOCK,
		.capacity = 2,
	};
	struct poller poller = { .events = POLLOUT, .priority = 10 };
	struct mbx_call waits;
	int box = mbx_create(&attr);

	ASSERT_LE(0, box);
	be_first(0);
	ASSERT_EQ(0, mbx_put(box, "1", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_put(box, "2", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_call_send(&waits, box, "3", 0));
	ASSERT_TRUE(mbx_wait_waiters(box, 1, 0));
	poller.fd = mbx_dup(box, MAILBOX_RIGHT_SEND);
	ASSERT_TRUE(poller_start(&poller));

	/* the poller looks after each, the sender comes when there is room for two */
	be_first(5);
	EXPECT_STREQ("1", mbx_next(box));
	EXPECT_STREQ("2", mbx_next(box));
	be_first(0);
	ASSERT_EQ(0, mbx_call_join(&waits));
	EXPECT_EQ(POLLOUT, told(&poller));
}

/* Asynchronous polls believe the wake-up: none for room that is taken at once. */
TEST(no_room_is_not_told)
{
	struct iocb poll = { .aio_lio_opcode = IOCB_CMD_POLL, .aio_buf = POLLOUT };
	struct iocb *list[1] = { &poll };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct io_event event = {};
	struct timespec none = {};
	struct mbx_call waits;
	aio_context_t aio = 0;

	ASSERT_LE(0, box);
	if (syscall(SYS_io_setup, 1, &aio))
		SKIP(return, "no aio: %s", strerror(errno));
	ASSERT_EQ(0, mbx_put(box, "1", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_call_send(&waits, box, "2", 0));
	ASSERT_TRUE(mbx_wait_waiters(box, 1, 0));
	poll.aio_fildes = box;
	ASSERT_EQ(1, syscall(SYS_io_submit, aio, 1, list));

	EXPECT_STREQ("1", mbx_next(box));
	ASSERT_EQ(0, mbx_call_join(&waits));
	EXPECT_EQ(0, syscall(SYS_io_getevents, aio, 0, 1, &event, &none));
	EXPECT_STREQ("2", mbx_next(box));
	if (!event.obj)
		EXPECT_EQ(1, syscall(SYS_io_getevents, aio, 1, 1, &event, NULL));
	EXPECT_EQ(POLLOUT, event.res & POLLOUT);
	syscall(SYS_io_destroy, aio);
}

/* aio may look from a thread of the kernel's, which has no seat in a PAIR. */
TEST(aio_in_a_pair)
{
	struct iocb poll = { .aio_lio_opcode = IOCB_CMD_POLL, .aio_buf = POLLIN };
	struct iocb *list[1] = { &poll };
	int box = mbx_new(MAILBOX_POLICY_PAIR, 4);
	struct io_event event = {};
	aio_context_t aio = 0;
	int go[2];
	pid_t child;

	ASSERT_LE(0, box);
	ASSERT_EQ(0, pipe(go));
	if (syscall(SYS_io_setup, 1, &aio))
		SKIP(return, "no aio: %s", strerror(errno));
	/* a seat */
	ASSERT_EQ(0, mbx_put(box, "to you", 0));
	poll.aio_fildes = box;
	ASSERT_EQ(1, syscall(SYS_io_submit, aio, 1, list));
	child = mbx_fork();
	if (!child) {
		char byte;

		if (strcmp(mbx_next(box), "to you") || mbx_put(box, "to me", 0))
			_exit(1);
		_exit(read(go[0], &byte, 1) != 1);
	}
	ASSERT_EQ(1, syscall(SYS_io_getevents, aio, 1, 1, &event, NULL));
	EXPECT_EQ(POLLIN, event.res & (POLLIN | POLLERR | POLLHUP));
	EXPECT_STREQ("to me", mbx_next(box));
	ASSERT_EQ(1, syscall(SYS_io_submit, aio, 1, list));
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(1, syscall(SYS_io_getevents, aio, 1, 1, &event, NULL));
	EXPECT_EQ(POLLHUP, event.res & POLLHUP);
	EXPECT_EQ(0, mbx_join(child));
	syscall(SYS_io_destroy, aio);
}

TEST_HARNESS_MAIN
