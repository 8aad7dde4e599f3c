// SPDX-License-Identifier: GPL-2.0
/*
 * How mailboxes and handles begin and end: what those who are left are told,
 * handles with fewer rights, handles that travel.
 *
 * features.rst rows with their test here:
 *   message passing, indirect: destroy	destroy.*
 *   ordinary pipe: end of file		gone.*
 *   SysV msg: IPC_RMID			destroy.*
 *   multi-process browser: handles with fewer rights, descriptor passing
 *					rights.*, passed_to_a_sandboxed_process
 *   sockets: descriptors		passed_to_a_sandboxed_process
 */
#include "kselftest_harness.h"
#include "common.h"

#include <sys/socket.h>

/* --- the other side has gone ----------------------------------------- */

FIXTURE(gone)
{
	int sender, receiver;
};

FIXTURE_SETUP(gone)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 2);

	ASSERT_LE(0, fd);
	self->sender = mbx_dup(fd, MAILBOX_RIGHT_SEND);
	self->receiver = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, self->sender);
	ASSERT_LE(0, self->receiver);
	close(fd);
}

FIXTURE_TEARDOWN(gone)
{
	close(self->sender);
	close(self->receiver);
}

TEST_F(gone, last_receiver_ends_senders)
{
	struct mailbox_send send = { .flags = 0 };

	ASSERT_EQ(0, mbx_send(self->sender, &send));
	close(self->receiver);
	self->receiver = -1;
	ASSERT_EQ(-EPIPE, mbx_send(self->sender, &send));
	EXPECT_EQ(MAILBOX_REASON_NO_RECEIVERS, send.error.reason);
	send.flags = MAILBOX_NONBLOCK;
	EXPECT_EQ(-EPIPE, mbx_send(self->sender, &send));
}

TEST_F(gone, last_receiver_wakes_waiting_senders)
{
	struct mbx_call calls[2];
	int i;

	ASSERT_EQ(0, mbx_put(self->sender, "1", 0));
	ASSERT_EQ(0, mbx_put(self->sender, "2", 0));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, mbx_call_send(&calls[i], self->sender, "x", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->sender, 2, 0));
	close(self->receiver);
	self->receiver = -1;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(-EPIPE, mbx_call_join(&calls[i]));
		EXPECT_EQ(MAILBOX_REASON_NO_RECEIVERS, calls[i].send.error.reason);
	}
}

TEST_F(gone, one_of_two_receivers_ends_nothing)
{
	int other = mbx_dup(self->receiver, MAILBOX_RIGHT_RECEIVE);

	ASSERT_LE(0, other);
	close(other);
	EXPECT_EQ(0, mbx_put(self->sender, "x", 0));
	EXPECT_STREQ("x", mbx_next(self->receiver));
}

TEST_F(gone, last_sender_leaves_the_rest_and_then_the_end)
{
	struct mailbox_receive receive = { .flags = 0 };

	ASSERT_EQ(0, mbx_put(self->sender, "1", 0));
	ASSERT_EQ(0, mbx_put(self->sender, "2", 0));
	close(self->sender);
	self->sender = -1;
	EXPECT_STREQ("1", mbx_next(self->receiver));
	EXPECT_STREQ("2", mbx_next(self->receiver));
	ASSERT_EQ(-EPIPE, mbx_receive(self->receiver, &receive));
	EXPECT_EQ(MAILBOX_REASON_NO_SENDERS, receive.error.reason);
	receive.flags = MAILBOX_NONBLOCK;
	EXPECT_EQ(-EPIPE, mbx_receive(self->receiver, &receive));
}

TEST_F(gone, last_sender_wakes_waiting_receivers)
{
	struct mbx_call calls[3];
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mbx_call_receive(&calls[i], self->receiver, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->receiver, 0, 3));
	close(self->sender);
	self->sender = -1;
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(-EPIPE, mbx_call_join(&calls[i]));
		EXPECT_EQ(MAILBOX_REASON_NO_SENDERS, calls[i].receive.error.reason);
	}
}

/* Who waits for what is not there, and never will be, is told so too. */
TEST_F(gone, last_sender_wakes_a_selecting_receiver)
{
	struct mbx_call call = {
		.fd = self->receiver,
		.receive = { .select = MAILBOX_SELECT_TAG, .tag = 7 },
	};
	struct mailbox_receive receive = {
		.flags = MAILBOX_DEADLINE,
		.select = MAILBOX_SELECT_TAG,
		.tag = 7,
	};
	int result;

	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_wait_waiters(self->receiver, 0, 1));
	ASSERT_EQ(0, mbx_put(self->sender, "other", 0));
	close(self->sender);
	self->sender = -1;
	result = mbx_call_join(&call);
	EXPECT_EQ(-EPIPE, result);
	receive.deadline = mbx_in_ms(20 * 1000);
	EXPECT_EQ(-EPIPE, mbx_receive(self->receiver, &receive));
	EXPECT_STREQ("other", mbx_next(self->receiver));
}

TEST_F(gone, an_exit_closes)
{
	struct mbx_call call;
	pid_t child = mbx_fork();
	int go = mbx_new(MAILBOX_POLICY_SHARED, 1);
	char text[8];

	ASSERT_LE(0, go);
	ASSERT_LE(0, child);
	if (!child) {
		/* the child has the only sender, once the parent has closed its own */
		if (mbx_get(self->receiver, text, sizeof(text), 0, NULL))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(0, mbx_put(self->sender, "die", 0));
	close(self->sender);
	self->sender = -1;
	EXPECT_EQ(128 + SIGKILL, mbx_join(child));
	ASSERT_EQ(0, mbx_call_receive(&call, self->receiver, 0));
	EXPECT_EQ(-EPIPE, mbx_call_join(&call));
	close(go);
}

/* A handle that can do both counts as both. */
TEST(gone_both_rights_count_as_both)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);

	ASSERT_LE(0, fd);
	EXPECT_STREQ("<11>", mbx_next(fd));
	EXPECT_EQ(0, mbx_put(fd, "x", 0));
	EXPECT_STREQ("x", mbx_next(fd));
	close(fd);
}

/* --- DESTROY --------------------------------------------------------- */

FIXTURE(destroy)
{
	int fd;
};

FIXTURE_VARIANT(destroy)
{
	__u32 policy;
	__u64 capacity;
};

FIXTURE_VARIANT_ADD(destroy, shared) { MAILBOX_POLICY_SHARED, 1 };
FIXTURE_VARIANT_ADD(destroy, rendezvous) { MAILBOX_POLICY_SHARED, 0 };
FIXTURE_VARIANT_ADD(destroy, exclusive) { MAILBOX_POLICY_EXCLUSIVE, 1 };
FIXTURE_VARIANT_ADD(destroy, pair) { MAILBOX_POLICY_PAIR, 1 };
FIXTURE_VARIANT_ADD(destroy, broadcast) { MAILBOX_POLICY_BROADCAST, 1 };

FIXTURE_SETUP(destroy)
{
	self->fd = mbx_new(variant->policy, variant->capacity);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(destroy)
{
	close(self->fd);
}

TEST_F(destroy, wakes_receivers)
{
	struct mbx_call calls[3];
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mbx_call_receive(&calls[i], self->fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 3));
	ASSERT_EQ(0, mbx_destroy(self->fd, NULL));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(-EIDRM, mbx_call_join(&calls[i]));
		EXPECT_EQ(MAILBOX_REASON_DESTROYED, calls[i].receive.error.reason);
	}
}

TEST_F(destroy, wakes_senders_and_drops)
{
	struct mailbox_info before, after;
	struct mbx_call calls[3];
	__u64 dropped = 77;
	int i;

	ASSERT_EQ(0, mbx_info(self->fd, &before));
	if (variant->capacity)
		ASSERT_EQ(0, mbx_put(self->fd, "fill", 0));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mbx_call_send(&calls[i], self->fd, "x", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 3, 0));
	ASSERT_EQ(0, mbx_destroy(self->fd, &dropped));
	if (variant->capacity)
		EXPECT_EQ(1, dropped);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(-EIDRM, mbx_call_join(&calls[i]));
		EXPECT_EQ(MAILBOX_REASON_DESTROYED, calls[i].send.error.reason);
	}
	/* what it held is given back, though the handle is still there */
	ASSERT_EQ(0, mbx_info(self->fd, &after));
	EXPECT_EQ(before.user_messages, after.user_messages);
	EXPECT_EQ(before.user_bytes, after.user_bytes);
}

TEST_F(destroy, later_calls)
{
	struct mailbox_batch batch = { .flags = 0 };
	struct mailbox_receive receive = { .flags = MAILBOX_RECEIVE_PEEK };
	struct mailbox_send send = { .flags = 0 };
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 2 };
	struct mailbox_dup dup = { .rights = MAILBOX_RIGHT_SEND };
	struct mailbox_stat stat;
	char text[8];

	ASSERT_EQ(0, mbx_destroy(self->fd, NULL));
	EXPECT_EQ(-EIDRM, mbx_put(self->fd, "x", 0));
	EXPECT_EQ(-EIDRM, mbx_put(self->fd, "x", MAILBOX_NONBLOCK));
	EXPECT_EQ(-EIDRM, mbx_get(self->fd, text, sizeof(text), 0, NULL));
	EXPECT_EQ(-EIDRM, mbx_get(self->fd, text, sizeof(text), MAILBOX_NONBLOCK, NULL));
	EXPECT_EQ(-EIDRM, mbx_receive(self->fd, &receive));
	EXPECT_EQ(-EIDRM, mbx_send_batch(self->fd, &send, 1, &batch));
	EXPECT_EQ(-EIDRM, mbx_receive_batch(self->fd, &receive, 1, &batch));
	EXPECT_EQ(-EIDRM, mbx_set(self->fd, &set));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, set.error.reason);
	EXPECT_EQ(-EIDRM, mbx_ioctl(self->fd, MAILBOX_IOC_DUP, &dup));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, dup.error.reason);
	EXPECT_EQ(-EIDRM, mbx_destroy(self->fd, NULL));
	EXPECT_EQ(-1, read(self->fd, text, sizeof(text)));
	EXPECT_EQ(EIDRM, errno);
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(EIDRM, errno);
	/* but one may still look */
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_NE(0, stat.flags & MAILBOX_STAT_DESTROYED);
	EXPECT_EQ(0, stat.depth);
}

/* --- fewer rights ---------------------------------------------------- */

FIXTURE(rights)
{
	int fd;
};

FIXTURE_VARIANT(rights)
{
	__u32 rights;
};

FIXTURE_VARIANT_ADD(rights, send) { MAILBOX_RIGHT_SEND };
FIXTURE_VARIANT_ADD(rights, receive) { MAILBOX_RIGHT_RECEIVE };
FIXTURE_VARIANT_ADD(rights, admin) { MAILBOX_RIGHT_ADMIN };
FIXTURE_VARIANT_ADD(rights, send_receive) { MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE };
FIXTURE_VARIANT_ADD(rights, send_admin) { MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_ADMIN };
FIXTURE_VARIANT_ADD(rights, receive_admin) { MAILBOX_RIGHT_RECEIVE | MAILBOX_RIGHT_ADMIN };
FIXTURE_VARIANT_ADD(rights, all) { MAILBOX_RIGHT_ALL };

FIXTURE_SETUP(rights)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(rights)
{
	close(self->fd);
}

/* A DUP can do what it has the rights for, and nothing else. */
TEST_F(rights, dup)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 5 };
	struct mailbox_send send = { .flags = MAILBOX_NONBLOCK };
	struct mailbox_receive receive = { .flags = MAILBOX_NONBLOCK };
	struct mailbox_stat stat;
	int fd = mbx_dup(self->fd, variant->rights);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(variant->rights, stat.rights);
	EXPECT_EQ(2, stat.handles);

	ASSERT_EQ(0, mbx_put(self->fd, "", 0));
	if (variant->rights & MAILBOX_RIGHT_SEND) {
		EXPECT_EQ(0, mbx_send(fd, &send));
	} else {
		EXPECT_EQ(-EBADF, mbx_send(fd, &send));
		EXPECT_EQ(MAILBOX_REASON_RIGHT, send.error.reason);
		EXPECT_EQ(MAILBOX_RIGHT_SEND, send.error.value);
	}
	if (variant->rights & MAILBOX_RIGHT_RECEIVE) {
		EXPECT_EQ(0, mbx_receive(fd, &receive));
	} else {
		EXPECT_EQ(-EBADF, mbx_receive(fd, &receive));
		EXPECT_EQ(MAILBOX_REASON_RIGHT, receive.error.reason);
		EXPECT_EQ(MAILBOX_RIGHT_RECEIVE, receive.error.value);
	}
	if (variant->rights & MAILBOX_RIGHT_ADMIN) {
		EXPECT_EQ(0, mbx_set(fd, &set));
	} else {
		EXPECT_EQ(-EPERM, mbx_set(fd, &set));
		EXPECT_EQ(MAILBOX_REASON_RIGHT, set.error.reason);
		EXPECT_EQ(-EPERM, mbx_destroy(fd, NULL));
	}
	close(fd);
}

/* Nor can it get by another DUP what it lacks. */
TEST_F(rights, never_more)
{
	int fd = mbx_dup(self->fd, variant->rights);
	__u32 rights;

	ASSERT_LE(0, fd);
	for (rights = 1; rights <= MAILBOX_RIGHT_ALL; rights++) {
		struct mailbox_dup dup = { .rights = rights };
		int result = mbx_ioctl(fd, MAILBOX_IOC_DUP, &dup);

		if (rights & ~variant->rights) {
			EXPECT_EQ(-EPERM, result);
			EXPECT_EQ(MAILBOX_REASON_RIGHT, dup.error.reason);
			EXPECT_EQ(rights & ~variant->rights, dup.error.value);
		} else {
			EXPECT_EQ(0, result);
			close(dup.fd);
		}
	}
	close(fd);
}

TEST(dup_can_be_nonblocking)
{
	struct mailbox_dup dup = {
		.flags = MAILBOX_OPEN_NONBLOCK,
		.rights = MAILBOX_RIGHT_RECEIVE,
	};
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	char text[8];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_ioctl(fd, MAILBOX_IOC_DUP, &dup));
	EXPECT_NE(0, fcntl(dup.fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, mbx_get(dup.fd, text, sizeof(text), 0, NULL));
	close(dup.fd);
	close(fd);
}

/* dup(2) makes another number of the same handle, not another handle. */
TEST(dup2_is_the_same_handle)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4), same;
	struct mailbox_stat stat;

	ASSERT_LE(0, fd);
	same = dup(fd);
	ASSERT_LE(0, same);
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(1, stat.handles);
	close(fd);
	EXPECT_EQ(0, mbx_put(same, "x", 0));
	EXPECT_STREQ("x", mbx_next(same));
	close(same);
}

/* --- handles that travel --------------------------------------------- */

static int send_fd(int sock, int fd)
{
	char byte = 'f', control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int sock)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* A worker that has no rights but those of the handle that it is given. */
TEST(passed_to_a_sandboxed_process)
{
	int pair[2], fd, mine, given;
	char text[16];
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	/* before there is a mailbox that it could inherit */
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(pair[0]);
		if (mbx_become(65534))
			_exit(1);
		mine = receive_fd(pair[1]);
		if (mine < 0)
			_exit(2);
		if (mbx_put(mine, "from inside", 0))
			_exit(3);
		if (mbx_get(mine, text, sizeof(text), MAILBOX_NONBLOCK, NULL) != -EBADF)
			_exit(4);
		if (mbx_destroy(mine, NULL) != -EPERM)
			_exit(5);
		_exit(mbx_dup(mine, MAILBOX_RIGHT_ALL) == -EPERM ? 0 : 6);
	}
	fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	ASSERT_LE(0, fd);
	given = mbx_dup(fd, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, given);
	ASSERT_EQ(0, send_fd(pair[0], given));
	close(given);
	ASSERT_EQ(0, mbx_get(fd, text, sizeof(text), 0, NULL));
	EXPECT_STREQ("from inside", text);
	EXPECT_EQ(0, mbx_join(child));
	close(fd);
}

/* A handle on its way counts as open. */
TEST(in_flight_keeps_the_mailbox)
{
	int pair[2], fd = mbx_new(MAILBOX_POLICY_SHARED, 2), receiver, sender, arrived;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	receiver = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
	sender = mbx_dup(fd, MAILBOX_RIGHT_SEND);
	close(fd);
	ASSERT_EQ(0, send_fd(pair[0], receiver));
	close(receiver);
	EXPECT_EQ(0, mbx_put(sender, "waits", 0));
	arrived = receive_fd(pair[1]);
	ASSERT_LE(0, arrived);
	EXPECT_STREQ("waits", mbx_next(arrived));
	close(arrived);
	EXPECT_EQ(-EPIPE, mbx_put(sender, "x", 0));
	close(sender);
}

TEST(fork_inherits)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_stat stat;
	pid_t child;
	char text[8];

	ASSERT_LE(0, fd);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(mbx_stat(fd, &stat) || stat.handles != 1 || mbx_put(fd, "child", 0));
	ASSERT_EQ(0, mbx_get(fd, text, sizeof(text), 0, NULL));
	EXPECT_STREQ("child", text);
	EXPECT_EQ(0, mbx_join(child));
	close(fd);
}

/* The program executes itself, and looks there for what must not be there. */
TEST(exec_closes)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	int receiver = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
	pid_t child;
	char number[16];

	ASSERT_LE(0, receiver);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		snprintf(number, sizeof(number), "%d", receiver);
		execl("/proc/self/exe", "exec_closes", number, NULL);
		_exit(99);
	}
	EXPECT_EQ(0, mbx_join(child));
	close(receiver);
	close(fd);
}

/* What exec_closes executes: is that descriptor closed? */
static void __attribute__((constructor)) executed(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[0], "exec_closes"))
		_exit(fcntl(atoi(argv[1]), F_GETFD) < 0 && errno == EBADF ? 0 : 1);
}

TEST_HARNESS_MAIN
