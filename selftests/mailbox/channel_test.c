// SPDX-License-Identifier: GPL-2.0
/*
 * Channels: made as a pair, asked for and answered; and what becomes of each
 * when a side goes.
 *
 * features.rst rows with their test here:
 *   channels, as socketpair(2)		global.a_pair_talks_both_ways
 *   CONNECT and ACCEPT			request.is_accepted
 */
#include "kselftest_harness.h"
#include "hostile.h"

#include <mailbox.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>

/* Whom a pidfd stands for, or -1. */
static pid_t pid_of(int pidfd)
{
	char line[128];
	pid_t pid = -1;
	FILE *info;

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", pidfd);
	info = fopen(line, "r");
	while (info && pid < 0 && fgets(line, sizeof(line), info))
		sscanf(line, "Pid: %d", &pid);
	if (info)
		fclose(info);
	return pid;
}

TEST(a_pair_talks_both_ways)
{
	struct mailbox_channel how = { .capacity = 2 };
	struct mailbox_peer who;
	struct mailbox_stat stat;

	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CHANNEL, &how));
	EXPECT_EQ(0, mbx_put(how.fd, "there", 0));
	EXPECT_EQ(0, mbx_put(how.fd_back, "back", 0));
	EXPECT_STREQ("there", mbx_next(how.fd_back));
	EXPECT_STREQ("back", mbx_next(how.fd));
	EXPECT_EQ(0, mbx_peer(how.fd, &who));
	EXPECT_EQ(MAILBOX_PEER_OPEN, who.state);
	EXPECT_EQ(getpid(), who.pid);
	EXPECT_EQ(0, mbx_stat(how.fd, &stat));
	EXPECT_EQ(MAILBOX_POLICY_CHANNEL, stat.policy);

	/* each way has a capacity of its own */
	EXPECT_EQ(0, mbx_put(how.fd, "1", MAILBOX_NONBLOCK));
	EXPECT_EQ(0, mbx_put(how.fd, "2", MAILBOX_NONBLOCK));
	EXPECT_EQ(-EAGAIN, mbx_put(how.fd, "3", MAILBOX_NONBLOCK));
	EXPECT_EQ(0, mbx_put(how.fd_back, "4", MAILBOX_NONBLOCK));

	/* who stays gets the rest, and then the end */
	close(how.fd);
	EXPECT_STREQ("1", mbx_next(how.fd_back));
	EXPECT_STREQ("2", mbx_next(how.fd_back));
	EXPECT_EQ(-EPIPE, mbx_get(how.fd_back, (char[8]){}, 8, 0, NULL));
	EXPECT_EQ(-EPIPE, mbx_put(how.fd_back, "5", 0));
	EXPECT_EQ(0, mbx_peer(how.fd_back, &who));
	EXPECT_EQ(MAILBOX_PEER_CLOSED, who.state);
	close(how.fd_back);
}

/* Who waits at an end is told when the other one goes. */
TEST(a_wait_ends_with_the_other_end)
{
	struct mailbox_channel how = { .capacity = 1 };
	struct mbx_call receiver, sender;

	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CHANNEL, &how));
	ASSERT_EQ(0, mbx_put(how.fd, "full", 0));
	ASSERT_EQ(0, mbx_call_receive(&receiver, how.fd, 0));
	ASSERT_EQ(0, mbx_call_send(&sender, how.fd, "more", 0));
	ASSERT_TRUE(mbx_wait_waiters(how.fd, 1, 1));
	close(how.fd_back);
	EXPECT_EQ(-EPIPE, mbx_call_join(&receiver));
	EXPECT_EQ(MAILBOX_REASON_NO_SENDERS, receiver.receive.error.reason);
	EXPECT_EQ(-EPIPE, mbx_call_join(&sender));
	EXPECT_EQ(MAILBOX_REASON_NO_RECEIVERS, sender.send.error.reason);
	close(how.fd);
}

/* A process that was waited for has no number any more. */
TEST(a_peer_that_is_gone_has_no_number)
{
	struct mailbox_channel how = { .capacity = 1 };
	struct mailbox_error error = {};
	struct mailbox_peer who;
	int side[2], pidfd;
	siginfo_t end;
	pid_t child;

	ASSERT_EQ(0, pipe(side));
	child = mbx_fork();
	if (!child) {
		/* both ends are the child's, and one of them is used here */
		if (mbx_on_device(MAILBOX_IOC_CHANNEL, &how) || write(side[1], &how.fd, sizeof(how.fd)) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	ASSERT_EQ(sizeof(how.fd), read(side[0], &how.fd, sizeof(how.fd)));
	how.fd_back = syscall(SYS_pidfd_open, child, 0);
	ASSERT_LE(0, how.fd_back);
	how.fd = syscall(SYS_pidfd_getfd, how.fd_back, how.fd, 0);
	ASSERT_LE(0, how.fd);
	EXPECT_EQ(0, mbx_peer(how.fd, &who));
	EXPECT_EQ(child, who.pid);
	kill(child, SIGKILL);

	/* dead it has one, until it is waited for */
	ASSERT_EQ(0, waitid(P_PID, child, &end, WEXITED | WNOWAIT));
	EXPECT_EQ(0, mbx_peer(how.fd, &who));
	EXPECT_EQ(child, who.pid);
	EXPECT_EQ(MAILBOX_PEER_CLOSED, who.state);
	pidfd = mailbox_peer_pidfd(how.fd, NULL);
	EXPECT_EQ(child, pid_of(pidfd));
	close(pidfd);
	mbx_join(child);
	EXPECT_EQ(0, mbx_peer(how.fd, &who));
	EXPECT_EQ(0, who.pid);
	EXPECT_EQ(MAILBOX_PEER_CLOSED, who.state);
	EXPECT_EQ(-ESRCH, mailbox_peer_pidfd(how.fd, &error));
	EXPECT_EQ(-ESRCH, error.code);
	EXPECT_EQ(MAILBOX_REASON_NONE, error.reason);
	close(how.fd_back);
	close(how.fd);
	close(side[0]);
	close(side[1]);
}

#define ASKER_UID	1234
#define ASKER_GID	2345

FIXTURE(request) {
	int listener;
	pid_t child;
	struct mailbox_header header;
	char text[32];
};

/* A child that connects, and says by its exit code what came of it. */
static int ask(int listener, __u32 ring)
{
	struct mailbox_connect connect = {
		.buffer = MBX_PTR("please"), .length = 6,
		.capacity = 4, .ring = ring, .ring_back = ring,
	};
	int result = mbx_ioctl(listener, MAILBOX_IOC_CONNECT, &connect);
	char text[32];

	if (result == -ECONNREFUSED)
		return connect.error.reason == MAILBOX_REASON_REFUSED ?
		       connect.error.value : 100 + connect.error.reason;
	if (result)
		return 99;
	if (mbx_put(connect.fd, "hello", 0))
		return 98;
	if (mbx_get(connect.fd, text, sizeof(text), 0, NULL) || strcmp(text, "welcome"))
		return 97;
	return 0;
}

FIXTURE_SETUP(request)
{
	int asker;

	self->listener = mbx_new(MAILBOX_POLICY_SHARED, 4);
	ASSERT_LE(0, self->listener);
	asker = mbx_dup(self->listener, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, asker);
	self->child = mbx_fork();
	if (!self->child) {
		close(self->listener);
		/* numbers that nobody can take for one another */
		if (setregid(ASKER_GID, ASKER_GID) || setreuid(ASKER_UID, ASKER_UID))
			_exit(96);
		_exit(ask(asker, 0));
	}
	close(asker);
	ASSERT_EQ(0, mbx_get(self->listener, self->text, sizeof(self->text), 0,
			     &self->header));
	/* it knows that the request was received, and waits for the answer */
	ASSERT_TRUE(mbx_wait_waiters(self->listener, 0, 0));
	ASSERT_TRUE(mbx_wait_asleep(self->child, SYS_ioctl));
}

FIXTURE_TEARDOWN(request)
{
	close(self->listener);
}

TEST_F(request, is_accepted)
{
	struct mailbox_accept accept = { .sequence = self->header.sequence };
	struct mailbox_peer who;
	char text[32];
	int pidfd;

	EXPECT_STREQ("please", self->text);
	EXPECT_EQ(MAILBOX_MESSAGE_CONNECT, self->header.flags);
	EXPECT_EQ(self->child, self->header.pid);
	ASSERT_EQ(0, mbx_ioctl(self->listener, MAILBOX_IOC_ACCEPT, &accept));
	EXPECT_EQ(0, mbx_peer(accept.fd, &who));
	EXPECT_EQ(self->child, who.pid);
	EXPECT_EQ(ASKER_UID, who.uid);
	EXPECT_EQ(ASKER_GID, who.gid);
	pidfd = mailbox_peer_pidfd(accept.fd, NULL);
	EXPECT_EQ(self->child, pid_of(pidfd));
	close(pidfd);
	EXPECT_EQ(0, mbx_get(accept.fd, text, sizeof(text), 0, NULL));
	EXPECT_STREQ("hello", text);
	EXPECT_EQ(0, mbx_put(accept.fd, "welcome", 0));
	EXPECT_EQ(0, mbx_join(self->child));
	EXPECT_EQ(-EPIPE, mbx_get(accept.fd, text, sizeof(text), 0, NULL));
	close(accept.fd);
	accept.fd = -1;
	EXPECT_EQ(-ENOENT, mbx_ioctl(self->listener, MAILBOX_IOC_ACCEPT, &accept));
}

TEST_F(request, is_refused)
{
	struct mailbox_refuse refuse = { .sequence = self->header.sequence, .code = 42 };

	EXPECT_EQ(0, mbx_ioctl(self->listener, MAILBOX_IOC_REFUSE, &refuse));
	EXPECT_EQ(42, mbx_join(self->child));
	EXPECT_EQ(-ENOENT, mbx_ioctl(self->listener, MAILBOX_IOC_REFUSE, &refuse));
}

TEST_F(request, is_lost_with_who_received_it)
{
	close(self->listener);
	EXPECT_EQ(100 + MAILBOX_REASON_UNANSWERED, mbx_join(self->child));
}

TEST_F(request, goes_with_who_asked)
{
	struct mailbox_accept accept = { .sequence = self->header.sequence };
	struct mailbox_refuse refuse = { .sequence = self->header.sequence };

	kill(self->child, SIGKILL);
	mbx_join(self->child);
	EXPECT_EQ(-ENOENT, mbx_ioctl(self->listener, MAILBOX_IOC_ACCEPT, &accept));
	EXPECT_EQ(MAILBOX_REASON_REQUEST_UNKNOWN, accept.error.reason);
	EXPECT_EQ(-ENOENT, mbx_ioctl(self->listener, MAILBOX_IOC_REFUSE, &refuse));
}

/* --- how long CONNECT waits ------------------------------------------- */

static int connect_to(int fd, struct mailbox_connect *connect)
{
	connect->capacity = connect->capacity ? connect->capacity : 4;
	return mbx_ioctl(fd, MAILBOX_IOC_CONNECT, connect);
}

static long connect_task(void *argument)
{
	struct mailbox_connect *connect = argument;

	return connect_to(connect->fd, connect);
}

TEST(a_deadline_takes_the_request_back)
{
	struct mailbox_connect connect = { .flags = MAILBOX_DEADLINE };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_stat stat;
	int i;

	/* more often than there are places */
	for (i = 1; i < 4; i++) {
		connect.deadline = mbx_in_ms(1);
		EXPECT_EQ(-ETIMEDOUT, connect_to(box, &connect));
		EXPECT_EQ(MAILBOX_REASON_DEADLINE, connect.error.reason);
		EXPECT_EQ(-1, connect.fd);
		ASSERT_EQ(0, mbx_stat(box, &stat));
		EXPECT_EQ(0, stat.depth);
		EXPECT_EQ(i, stat.withdrawn);
	}
	EXPECT_EQ(-EAGAIN, mbx_get(box, (char[8]){}, 8, MAILBOX_NONBLOCK, NULL));
	close(box);
}

/* Behind what is there already, as every message. */
TEST(a_request_waits_for_its_place)
{
	struct mailbox_connect connect = { .buffer = MBX_PTR("please"), .length = 6 };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_stat stat;
	struct mbx_task task;
	int end;

	ASSERT_EQ(0, mbx_put(box, "full", 0));
	connect.fd = box;
	ASSERT_EQ(0, mbx_task_start(&task, connect_task, &connect));
	ASSERT_TRUE(mbx_wait_waiters(box, 1, 0));
	ASSERT_EQ(0, mbx_stat(box, &stat));
	EXPECT_EQ(1, stat.depth);
	EXPECT_EQ(4, stat.bytes);
	EXPECT_EQ(1, stat.sent);

	EXPECT_STREQ("full", mbx_next(box));
	ASSERT_EQ(0, mbx_stat(box, &stat));
	EXPECT_EQ(1, stat.depth);
	EXPECT_EQ(6, stat.bytes);
	EXPECT_EQ(2, stat.sent);
	EXPECT_FALSE(mbx_task_done(&task));

	end = mbx_accept_next(box);
	ASSERT_LE(0, end);
	EXPECT_EQ(0, mbx_task_join(&task));
	EXPECT_EQ(0, mbx_put(connect.fd, "there", 0));
	EXPECT_EQ(0, mbx_put(end, "back", 0));
	EXPECT_STREQ("there", mbx_next(end));
	EXPECT_STREQ("back", mbx_next(connect.fd));
	ASSERT_EQ(0, mbx_stat(box, &stat));
	EXPECT_EQ(2, stat.received);
	EXPECT_EQ(0, stat.withdrawn);
	EXPECT_EQ(0, stat.depth);
	close(end);
	close(connect.fd);
	close(box);
}

/* A receiver that wants this one takes it from there, past what it does not want. */
TEST(a_request_is_taken_before_it_has_a_place)
{
	struct mailbox_connect connect = { .tag = 7 };
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK, .select = MAILBOX_SELECT_TAG, .tag = 7,
	};
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_accept accept = {};
	struct mbx_task task;

	ASSERT_EQ(0, mbx_put(box, "full", 0));
	connect.fd = box;
	ASSERT_EQ(0, mbx_task_start(&task, connect_task, &connect));
	ASSERT_TRUE(mbx_wait_waiters(box, 1, 0));
	ASSERT_EQ(0, mbx_receive(box, &receive));
	EXPECT_EQ(MAILBOX_MESSAGE_CONNECT, receive.header.flags);
	accept.sequence = receive.header.sequence;
	ASSERT_EQ(0, mbx_ioctl(box, MAILBOX_IOC_ACCEPT, &accept));
	EXPECT_EQ(0, mbx_task_join(&task));
	EXPECT_EQ(0, mbx_put(connect.fd, "there", 0));
	EXPECT_STREQ("there", mbx_next(accept.fd));
	EXPECT_STREQ("full", mbx_next(box));
	close(accept.fd);
	close(connect.fd);
	close(box);
}

/* What never had a place was not sent, and is not taken back. */
TEST(a_deadline_ends_the_wait_for_a_place)
{
	struct mailbox_connect connect = {
		.flags = MAILBOX_DEADLINE, .ring = 4096, .ring_back = 4096,
	};
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_info before, after;
	struct mailbox_stat stat;

	ASSERT_EQ(0, mbx_put(box, "full", 0));
	ASSERT_EQ(0, mbx_info(box, &before));
	connect.deadline = mbx_in_ms(50);
	EXPECT_EQ(-ETIMEDOUT, connect_to(box, &connect));
	EXPECT_LE(connect.deadline, mbx_now());
	EXPECT_EQ(-ETIMEDOUT, connect.error.code);
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, connect.error.reason);
	EXPECT_EQ(MAILBOX_NO_FIELD, connect.error.field);
	EXPECT_EQ(connect.deadline, connect.error.value);
	EXPECT_EQ(-1, connect.fd);

	ASSERT_EQ(0, mbx_stat(box, &stat));
	EXPECT_EQ(1, stat.depth);
	EXPECT_EQ(1, stat.sent);
	EXPECT_EQ(0, stat.withdrawn);
	EXPECT_EQ(0, stat.waiting_senders);
	ASSERT_EQ(0, mbx_info(box, &after));
	EXPECT_EQ(before.user_bytes, after.user_bytes);
	EXPECT_EQ(before.user_messages, after.user_messages);
	EXPECT_EQ(before.user_mailboxes, after.user_mailboxes);
	EXPECT_STREQ("full", mbx_next(box));
	EXPECT_STREQ("<11>", mbx_next(box));
	close(box);
}

/* As a send that was not accepted: with SA_RESTART it asks once more, by one request. */
TEST(a_signal_takes_the_request_back)
{
	struct mailbox_connect connect = {};
	struct mailbox_stat stat;
	struct mbx_task task;
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	int end;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	connect.fd = box;
	ASSERT_EQ(0, mbx_task_start(&task, connect_task, &connect));
	EXPECT_TRUE(mbx_wait_asleep(task.tid, SYS_ioctl));
	EXPECT_EQ(0, pthread_kill(task.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, mbx_task_join(&task));
	ASSERT_EQ(0, mbx_stat(box, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(1, stat.withdrawn);

	connect.fd = box;
	ASSERT_EQ(0, mbx_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, mbx_task_start(&task, connect_task, &connect));
	EXPECT_TRUE(mbx_wait_asleep(task.tid, SYS_ioctl));
	EXPECT_EQ(0, pthread_kill(task.thread, SIGUSR1));
	EXPECT_TRUE(MBX_UNTIL(!mbx_stat(box, &stat) && stat.withdrawn == 2 && stat.depth == 1));
	end = mbx_accept_next(box);
	ASSERT_LE(0, end);
	EXPECT_EQ(0, mbx_task_join(&task));
	close(end);
	close(connect.fd);
	close(box);
}

/* Nobody has received it, and nobody is left who could. */
TEST(a_listener_that_closes_ends_the_wait)
{
	struct mailbox_connect connect = {};
	struct mbx_task task;
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);

	connect.fd = mbx_dup(box, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, connect.fd);
	ASSERT_EQ(0, mbx_task_start(&task, connect_task, &connect));
	EXPECT_TRUE(mbx_wait_asleep(task.tid, SYS_ioctl));
	close(box);
	EXPECT_EQ(-EPIPE, mbx_task_join(&task));
	EXPECT_EQ(MAILBOX_REASON_NO_RECEIVERS, connect.error.reason);
}

/* Each way has the size that was asked for, as each end sees it. */
TEST(rings_of_two_sizes)
{
	struct mailbox_connect connect = { .ring = 8192, .ring_back = 4096 };
	struct mailbox_peer who;
	struct mbx_task task;
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	int end;

	connect.fd = box;
	ASSERT_EQ(0, mbx_task_start(&task, connect_task, &connect));
	end = mbx_accept_next(box);
	ASSERT_LE(0, end);
	ASSERT_EQ(0, mbx_task_join(&task));
	EXPECT_EQ(0, mbx_peer(connect.fd, &who));
	EXPECT_EQ(8192, who.mine_size);
	EXPECT_EQ(4096, who.theirs_size);
	EXPECT_EQ(0, mbx_peer(end, &who));
	EXPECT_EQ(4096, who.mine_size);
	EXPECT_EQ(8192, who.theirs_size);
	close(end);
	close(connect.fd);
	close(box);
}

/* Who waits in the mailbox gets what a SEND_SYNC would. */
TEST(what_ends_the_mailbox_ends_the_wait_in_it)
{
	struct mailbox_connect connect = {};
	struct mbx_task task;
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);

	connect.fd = box;
	ASSERT_EQ(0, mbx_task_start(&task, connect_task, &connect));
	EXPECT_TRUE(mbx_wait_asleep(task.tid, SYS_ioctl));
	EXPECT_EQ(0, mbx_destroy(box, NULL));
	EXPECT_EQ(-EIDRM, mbx_task_join(&task));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, connect.error.reason);
	EXPECT_EQ(-1, connect.fd);
	close(box);
}

/* A thread's CONNECT whose request was received. */
struct asking {
	struct mailbox_connect connect;
	struct mailbox_header header;
	struct mbx_task task;
};

static void receive_request(struct __test_metadata *_metadata, struct asking *asking, int box,
			    int fd)
{
	asking->connect.fd = fd;
	ASSERT_EQ(0, mbx_task_start(&asking->task, connect_task, &asking->connect));
	ASSERT_EQ(0, mbx_get(box, (char[8]){}, 8, 0, &asking->header));
	EXPECT_EQ(MAILBOX_MESSAGE_CONNECT, asking->header.flags);
}

/* It has given up: so it made no end, and none can be made for it. */
static void nobody_is_behind(struct __test_metadata *_metadata, const struct asking *asking,
			     int box)
{
	struct mailbox_accept accept = { .sequence = asking->header.sequence, .fd = 5 };

	EXPECT_EQ(-1, asking->connect.fd);
	EXPECT_EQ(-ENOENT, mbx_ioctl(box, MAILBOX_IOC_ACCEPT, &accept));
	EXPECT_EQ(MAILBOX_REASON_REQUEST_UNKNOWN, accept.error.reason);
	EXPECT_EQ(-1, accept.fd);
}

TEST(a_deadline_ends_the_wait_for_an_answer)
{
	struct asking asking = { .connect.flags = MAILBOX_DEADLINE };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 4);

	asking.connect.deadline = mbx_in_ms(300);
	receive_request(_metadata, &asking, box, box);
	EXPECT_EQ(-ETIMEDOUT, mbx_task_join(&asking.task));
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, asking.connect.error.reason);
	nobody_is_behind(_metadata, &asking, box);
	close(box);
}

TEST(a_signal_ends_the_wait_for_an_answer)
{
	struct asking asking = { .connect.error.value = 77 };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 4);

	/* started again it would ask twice: so the handler's flag makes no difference */
	ASSERT_EQ(0, mbx_catch(SIGUSR1, SA_RESTART));
	receive_request(_metadata, &asking, box, box);
	EXPECT_TRUE(mbx_wait_asleep(asking.task.tid, SYS_ioctl));
	EXPECT_EQ(0, pthread_kill(asking.task.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, mbx_task_join(&asking.task));
	EXPECT_EQ(0, asking.connect.error.code);
	EXPECT_EQ(77, asking.connect.error.value);
	nobody_is_behind(_metadata, &asking, box);
	close(box);
}

/* Nobody may be left who could end it. */
TEST(a_close_ends_the_wait_for_an_answer)
{
	struct asking asking = {};
	int box = mbx_new(MAILBOX_POLICY_SHARED, 4);
	int asker = mbx_dup(box, MAILBOX_RIGHT_SEND);
	struct mailbox_stat stat;

	ASSERT_LE(0, asker);
	receive_request(_metadata, &asking, box, asker);
	EXPECT_TRUE(mbx_wait_asleep(asking.task.tid, SYS_ioctl));
	close(asker);
	EXPECT_EQ(-EBADF, mbx_task_join(&asking.task));
	EXPECT_EQ(MAILBOX_REASON_CLOSED, asking.connect.error.reason);
	ASSERT_EQ(0, mbx_stat(box, &stat));
	EXPECT_EQ(1, stat.handles);
	nobody_is_behind(_metadata, &asking, box);
	close(box);
}

/* The handle that has the request is the asker's, too, and does not go with its partner. */
TEST(a_partner_that_goes_ends_the_wait_for_an_answer)
{
	int i;

	/* also where it goes before the wait has begun */
	for (i = 0; i < 10; i++) {
		struct mailbox_connect connect = {};
		int box = mbx_new(MAILBOX_POLICY_PAIR, 4);
		pid_t partner = mbx_fork();

		ASSERT_LE(0, box);
		ASSERT_LE(0, partner);
		if (!partner)
			_exit(-mbx_get(box, (char[8]){}, 8, 0, NULL));
		/* whichever of both has the first seat */
		if (i % 2)
			ASSERT_TRUE(mbx_wait_waiters(box, 0, 1));
		EXPECT_EQ(-EPIPE, connect_to(box, &connect));
		EXPECT_EQ(MAILBOX_REASON_NO_RECEIVERS, connect.error.reason);
		EXPECT_EQ(-1, connect.fd);
		EXPECT_EQ(0, mbx_join(partner));
		close(box);
	}
}

TEST(what_ends_the_mailbox_ends_the_wait_for_an_answer)
{
	struct asking asking = {};
	int box = mbx_new(MAILBOX_POLICY_SHARED, 4);
	struct mailbox_stat stat;

	receive_request(_metadata, &asking, box, box);
	EXPECT_TRUE(mbx_wait_asleep(asking.task.tid, SYS_ioctl));
	/* it neither waits for room nor for a taker */
	ASSERT_EQ(0, mbx_stat(box, &stat));
	EXPECT_EQ(0, stat.waiting_senders);
	EXPECT_EQ(0, mbx_destroy(box, NULL));
	EXPECT_EQ(-EIDRM, mbx_task_join(&asking.task));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, asking.connect.error.reason);
	nobody_is_behind(_metadata, &asking, box);
	close(box);
}

/* What was received by then can be answered, where nobody waits for it. */
TEST(a_request_outlives_the_mailbox)
{
	struct mailbox_connect connect = { .flags = MAILBOX_NONBLOCK };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_accept accept = {};
	struct mailbox_header header;

	ASSERT_EQ(0, connect_to(box, &connect));
	ASSERT_EQ(0, mbx_get(box, (char[8]){}, 8, 0, &header));
	EXPECT_EQ(0, mbx_destroy(box, NULL));
	accept.sequence = header.sequence;
	ASSERT_EQ(0, mbx_ioctl(box, MAILBOX_IOC_ACCEPT, &accept));
	EXPECT_EQ(0, mbx_put(accept.fd, "late", 0));
	EXPECT_STREQ("late", mbx_next(connect.fd));
	close(accept.fd);
	close(connect.fd);
	close(box);
}

TEST(nonblock_does_not_wait_for_the_answer)
{
	struct mailbox_connect connect = { .flags = MAILBOX_NONBLOCK };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_accept accept = {};
	struct mailbox_header header;
	struct mailbox_peer who;

	ASSERT_EQ(0, connect_to(box, &connect));
	EXPECT_EQ(0, mbx_peer(connect.fd, &who));
	EXPECT_EQ(MAILBOX_PEER_PENDING, who.state);
	EXPECT_EQ(0, who.pid);
	/* nobody, who is not root */
	EXPECT_EQ(-1U, who.uid);
	EXPECT_EQ(-1U, who.gid);
	/* the mailbox's capacity is the backlog */
	EXPECT_EQ(-EAGAIN, connect_to(box, &(struct mailbox_connect){
		.flags = MAILBOX_NONBLOCK }));
	EXPECT_EQ(0, mbx_put(connect.fd, "early", 0));
	ASSERT_EQ(0, mbx_get(box, (char[8]){}, 8, 0, &header));
	accept.sequence = header.sequence;
	ASSERT_EQ(0, mbx_ioctl(box, MAILBOX_IOC_ACCEPT, &accept));
	EXPECT_STREQ("early", mbx_next(accept.fd));
	EXPECT_EQ(0, mbx_peer(connect.fd, &who));
	EXPECT_EQ(MAILBOX_PEER_OPEN, who.state);
	EXPECT_EQ(getpid(), who.pid);
	close(connect.fd);
	close(accept.fd);
	close(box);
}

/* Whoever keeps a request does not keep its asker charged for it, nor anything of it. */
TEST(a_request_is_not_paid_for_when_its_asker_has_gone)
{
	struct mailbox_connect connect = {
		.flags = MAILBOX_NONBLOCK, .ring = 65536, .ring_back = 65536,
	};
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_accept accept = {};
	struct mailbox_info before, after;
	struct mailbox_header header;

	ASSERT_EQ(0, mbx_info(box, &before));
	ASSERT_EQ(0, connect_to(box, &connect));
	EXPECT_EQ(0, mbx_put(connect.fd, "early", 0));
	ASSERT_EQ(0, mbx_get(box, (char[8]){}, 8, 0, &header));
	ASSERT_EQ(0, mbx_info(box, &after));
	EXPECT_LT(before.user_bytes + 2 * 65536, after.user_bytes);
	close(connect.fd);
	ASSERT_EQ(0, mbx_info(box, &after));
	EXPECT_EQ(before.user_bytes, after.user_bytes);
	EXPECT_EQ(before.user_messages, after.user_messages);
	EXPECT_EQ(before.user_mailboxes, after.user_mailboxes);
	accept.sequence = header.sequence;
	EXPECT_EQ(-ENOENT, mbx_ioctl(box, MAILBOX_IOC_ACCEPT, &accept));
	EXPECT_EQ(MAILBOX_REASON_REQUEST_UNKNOWN, accept.error.reason);
	close(box);
}

/* In the queue it keeps all that is to become of it, and that has its price. */
TEST(a_request_in_the_queue_is_paid_for)
{
	struct mailbox_connect connect = { .flags = MAILBOX_NONBLOCK };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 2);
	struct mailbox_info before, message, request;

	ASSERT_EQ(0, mbx_put(box, "", 0));
	ASSERT_EQ(0, mbx_info(box, &before));
	ASSERT_EQ(0, connect_to(box, &connect));
	close(connect.fd);
	ASSERT_EQ(0, mbx_info(box, &request));
	EXPECT_EQ(before.user_mailboxes, request.user_mailboxes);
	EXPECT_EQ(before.user_messages + 1, request.user_messages);
	/* more than another message like it */
	EXPECT_STREQ("", mbx_next(box));
	ASSERT_EQ(0, mbx_info(box, &message));
	EXPECT_LE(request.user_bytes - message.user_bytes + 1024,
		  request.user_bytes - before.user_bytes);
	EXPECT_STREQ("", mbx_next(box));
	ASSERT_EQ(0, mbx_info(box, &message));
	EXPECT_EQ(0, message.user_messages);
	close(box);
}

TEST(a_refusal_ends_an_end_that_is_used_already)
{
	struct mailbox_connect connect = { .flags = MAILBOX_NONBLOCK };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_refuse refuse = { .code = 7 };
	struct mailbox_header header;
	struct mailbox_peer who;
	struct pollfd p;

	ASSERT_EQ(0, connect_to(box, &connect));
	ASSERT_EQ(0, mbx_get(box, (char[8]){}, 8, 0, &header));
	refuse.sequence = header.sequence;
	ASSERT_EQ(0, mbx_ioctl(box, MAILBOX_IOC_REFUSE, &refuse));
	EXPECT_EQ(0, mbx_peer(connect.fd, &who));
	EXPECT_EQ(MAILBOX_PEER_REFUSED, who.state);
	EXPECT_EQ(7, who.code);
	EXPECT_EQ(-EPIPE, mbx_put(connect.fd, "x", 0));
	EXPECT_EQ(-EPIPE, mbx_get(connect.fd, (char[8]){}, 8, 0, NULL));
	p = (struct pollfd){ .fd = connect.fd, .events = POLLIN };
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, p.revents);
	close(connect.fd);
	close(box);
}

/* Wherever a request is lost, who asked is told. */
TEST(a_request_is_lost_with_the_mailbox)
{
	struct mailbox_connect connect = { .flags = MAILBOX_NONBLOCK };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 2);
	struct mailbox_peer who;
	char room[8];

	ASSERT_EQ(0, connect_to(box, &connect));
	EXPECT_EQ(0, mbx_destroy(box, NULL));
	EXPECT_EQ(0, mbx_peer(connect.fd, &who));
	EXPECT_EQ(MAILBOX_PEER_CLOSED, who.state);
	EXPECT_EQ(-EPIPE, mbx_get(connect.fd, room, sizeof(room), 0, NULL));
	close(connect.fd);
	close(box);

	/* read(2) gives no number by which to answer */
	box = mbx_new(MAILBOX_POLICY_SHARED, 2);
	connect.buffer = MBX_PTR("read");
	connect.length = 4;
	ASSERT_EQ(0, connect_to(box, &connect));
	EXPECT_EQ(4, read(box, room, sizeof(room)));
	EXPECT_EQ(0, mbx_peer(connect.fd, &who));
	EXPECT_EQ(MAILBOX_PEER_CLOSED, who.state);
	close(connect.fd);
	close(box);
}

TEST(a_copied_handle_is_the_same_end)
{
	struct mailbox_channel how = { .capacity = 2 };
	int copy;

	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CHANNEL, &how));
	copy = mbx_dup(how.fd, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, copy);
	EXPECT_EQ(0, mbx_put(copy, "copy", 0));
	EXPECT_STREQ("copy", mbx_next(how.fd_back));
	close(how.fd);
	/* nobody is left who could receive, but somebody who sends */
	EXPECT_EQ(-EPIPE, mbx_put(how.fd_back, "x", 0));
	EXPECT_STREQ("<11>", mbx_next(how.fd_back));
	close(copy);
	EXPECT_STREQ("<32>", mbx_next(how.fd_back));
	close(how.fd_back);
}

/* What is charged for channels and rings comes back, whoever closes last. */
TEST(all_is_paid_back)
{
	struct mailbox_info before, after;
	struct mailbox_channel how = { .capacity = 2, .ring = 65536, .ring_back = 4096 };
	int device = mbx_device();

	ASSERT_EQ(0, mbx_info(device, &before));
	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CHANNEL, &how));
	ASSERT_EQ(0, mbx_info(device, &after));
	EXPECT_LE(before.user_bytes + 65536 + 4096, after.user_bytes);
	EXPECT_EQ(before.user_mailboxes + 1, after.user_mailboxes);
	close(how.fd);
	close(how.fd_back);
	ASSERT_EQ(0, mbx_info(device, &after));
	EXPECT_EQ(before.user_bytes, after.user_bytes);
	EXPECT_EQ(before.user_mailboxes, after.user_mailboxes);
	close(device);
}

TEST(a_quota_bounds_rings)
{
	struct mailbox_channel how = {
		.capacity = 2, .ring = MAILBOX_RING_MAX, .ring_back = MAILBOX_RING_MAX,
	};
	pid_t child = mbx_fork();

	if (!child) {
		if (mbx_become(1000))
			_exit(1);
		_exit(mbx_on_device(MAILBOX_IOC_CHANNEL, &how) == -EDQUOT &&
		      how.error.reason == MAILBOX_REASON_USER_BYTES ? 0 : 2);
	}
	EXPECT_EQ(0, mbx_join(child));
}

/* --- too few descriptors ---------------------------------------------- */

/**
 * struct had - what a command that was refused must leave as it was
 * @info: what the user is charged
 * @files: descriptors of the process
 * @next: the one that is given next: it is not reserved, either
 * @limit: of descriptors
 */
struct had {
	struct mailbox_info info;
	int files;
	int next;
	struct rlimit limit;
};

/* @room: how many descriptors can be had from here on. */
static int leave_room(int fd, int room, struct had *had)
{
	struct rlimit limit;

	had->files = mbx_open_files();
	had->next = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (had->next < 0 || close(had->next) || mbx_info(fd, &had->info) ||
	    getrlimit(RLIMIT_NOFILE, &had->limit))
		return -errno;
	limit = had->limit;
	limit.rlim_cur = had->next + room;
	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

static void has_the_same(struct __test_metadata *_metadata, int fd, const struct had *had)
{
	struct mailbox_info info;
	int next;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &had->limit));
	next = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	EXPECT_EQ(had->next, next);
	close(next);
	EXPECT_EQ(had->files, mbx_open_files());
	ASSERT_EQ(0, mbx_info(fd, &info));
	EXPECT_EQ(had->info.user_bytes, info.user_bytes);
	EXPECT_EQ(had->info.user_messages, info.user_messages);
	EXPECT_EQ(had->info.user_mailboxes, info.user_mailboxes);
}

#define EXPECT_EMFILE(error_) do {					\
		const struct mailbox_error *__error = (error_);		\
		EXPECT_EQ(-EMFILE, __error->code);			\
		EXPECT_EQ(MAILBOX_REASON_NONE, __error->reason);	\
		EXPECT_EQ(MAILBOX_NO_FIELD, __error->field);		\
	} while (0)

TEST(a_channel_needs_two_descriptors)
{
	struct mailbox_channel how = { .capacity = 1, .ring = 4096, .ring_back = 4096 };
	int device = mbx_device(), room;
	struct had had;

	for (room = 0; room < 2; room++) {
		memset(&how.error, 0, sizeof(how.error));
		ASSERT_EQ(0, leave_room(device, room, &had));
		EXPECT_EQ(-EMFILE, mbx_ioctl(device, MAILBOX_IOC_CHANNEL, &how));
		EXPECT_EMFILE(&how.error);
		has_the_same(_metadata, device, &had);
	}
	ASSERT_EQ(0, mbx_ioctl(device, MAILBOX_IOC_CHANNEL, &how));
	EXPECT_EQ(0, mbx_put(how.fd, "there", 0));
	EXPECT_STREQ("there", mbx_next(how.fd_back));
	close(how.fd);
	close(how.fd_back);
	close(device);
}

TEST(a_request_needs_a_descriptor)
{
	static const __u32 flags[] = { 0, MAILBOX_NONBLOCK };
	struct mailbox_connect connect = { .ring = 4096, .ring_back = 4096 };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_stat stat;
	struct had had;
	int i, end;

	for (i = 0; i < 2; i++) {
		memset(&connect.error, 0, sizeof(connect.error));
		connect.flags = flags[i];
		connect.fd = 77;
		ASSERT_EQ(0, leave_room(box, 0, &had));
		EXPECT_EQ(-EMFILE, connect_to(box, &connect));
		EXPECT_EMFILE(&connect.error);
		EXPECT_TRUE(connect.fd == -1 || connect.fd == 77);
		has_the_same(_metadata, box, &had);
		/* nobody is asked */
		ASSERT_EQ(0, mbx_stat(box, &stat));
		EXPECT_EQ(0, stat.depth);
		EXPECT_EQ(0, stat.sent);
	}
	ASSERT_EQ(0, connect_to(box, &connect));
	end = mbx_accept_next(box);
	ASSERT_LE(0, end);
	EXPECT_EQ(0, mbx_put(connect.fd, "there", 0));
	EXPECT_STREQ("there", mbx_next(end));
	close(end);
	close(connect.fd);
	close(box);
}

/* Who asked does not hear of it, and is accepted when there is one. */
TEST(an_answer_needs_a_descriptor)
{
	struct mailbox_connect early = { .flags = MAILBOX_NONBLOCK };
	int box = mbx_new(MAILBOX_POLICY_SHARED, 4);
	struct mailbox_header header;
	struct mailbox_accept accept;
	struct asking asking = {};
	struct mailbox_peer who;
	struct had had;
	int i;

	ASSERT_EQ(0, connect_to(box, &early));
	ASSERT_EQ(0, mbx_get(box, (char[8]){}, 8, 0, &header));
	receive_request(_metadata, &asking, box, box);
	ASSERT_TRUE(mbx_wait_asleep(asking.task.tid, SYS_ioctl));
	for (i = 0; i < 4; i++) {
		accept = (struct mailbox_accept){
			.sequence = i % 2 ? header.sequence : asking.header.sequence, .fd = 77,
		};
		ASSERT_EQ(0, leave_room(box, 0, &had));
		EXPECT_EQ(-EMFILE, mbx_ioctl(box, MAILBOX_IOC_ACCEPT, &accept));
		EXPECT_EMFILE(&accept.error);
		EXPECT_TRUE(accept.fd == -1 || accept.fd == 77);
		has_the_same(_metadata, box, &had);
		EXPECT_EQ(0, mbx_peer(early.fd, &who));
		EXPECT_EQ(MAILBOX_PEER_PENDING, who.state);
		EXPECT_FALSE(mbx_task_done(&asking.task));
	}

	accept.sequence = header.sequence;
	ASSERT_EQ(0, mbx_ioctl(box, MAILBOX_IOC_ACCEPT, &accept));
	EXPECT_EQ(0, mbx_put(early.fd, "early", 0));
	EXPECT_STREQ("early", mbx_next(accept.fd));
	close(accept.fd);
	close(early.fd);
	accept.sequence = asking.header.sequence;
	ASSERT_EQ(0, mbx_ioctl(box, MAILBOX_IOC_ACCEPT, &accept));
	EXPECT_EQ(0, mbx_task_join(&asking.task));
	EXPECT_EQ(0, mbx_put(asking.connect.fd, "late", 0));
	EXPECT_STREQ("late", mbx_next(accept.fd));
	close(accept.fd);
	close(asking.connect.fd);
	close(box);
}

TEST_HARNESS_MAIN
