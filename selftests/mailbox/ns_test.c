// SPDX-License-Identifier: GPL-2.0
/*
 * Namespaces: who is who for whom, whose names are whose, and what remains of
 * a mailbox when its namespace goes; and the device node.
 */
#include "hostile.h"

#include <mailbox.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kselftest_harness.h"

#define NOBODY	65534		/* whom a namespace does not know */

/* --- a child in namespaces of its own --------------------------------- */

/**
 * struct child - a process that does what it is told
 * @pid: of the process, as this one sees it
 * @socket: to talk with it
 */
struct child {
	pid_t pid;
	int socket;
};

/* Steps of the two are in turn: one says "go on", the other waits for it. */
static bool tell(int socket)
{
	return write(socket, "g", 1) == 1;
}

static bool hear(int socket)
{
	char byte;

	return read(socket, &byte, 1) == 1;
}

static int send_file(int socket, int file)
{
	char byte = 'f', control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &file, sizeof(int));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

static int receive_file(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int file;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		return -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&file, CMSG_DATA(header), sizeof(int));
	return file;
}

static int write_file(const char *format, pid_t pid, const char *text)
{
	char path[64];
	int file, result;

	snprintf(path, sizeof(path), format, pid);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	result = write(file, text, strlen(text)) < 0 ? -errno : 0;
	close(file);
	return result;
}

/*
 * A child that has unshared @flags and runs @act with its end of the socket;
 * 0 from there is its exit code.  With CLONE_NEWUSER its ids are shifted: its
 * 0..999 are 100000..100999 here.
 */
static int start(struct child *child, int flags, int (*act)(int socket, void *argument),
		 void *argument)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	fflush(NULL);
	child->pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child->pid < 0)
		return -errno;
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(sockets[0]);
		/* the maps are written from outside */
		if (!hear(sockets[1]))
			_exit(120);
		if ((flags & CLONE_NEWUSER) &&
		    (setgroups(0, NULL) || setresgid(0, 0, 0) || setresuid(0, 0, 0)))
			_exit(121);
		_exit(act(sockets[1], argument));
	}
	close(sockets[1]);
	child->socket = sockets[0];
	if (flags & CLONE_NEWUSER) {
		int result = write_file("/proc/%d/uid_map", child->pid, "0 100000 1000") ?:
			     write_file("/proc/%d/gid_map", child->pid, "0 100000 1000");

		if (result)
			return result;
	}
	return tell(child->socket) ? 0 : -EPIPE;
}

static int end(struct child *child)
{
	close(child->socket);
	return mbx_join(child->pid);
}

/* In a child: what should not be is told, and its exit code is 1. */
#define CHECK(condition) do {						\
		if (!(condition)) {					\
			dprintf(STDERR_FILENO, "# %s:%d: not so: %s\n",	\
				__FILE__, __LINE__, #condition);	\
			_exit(1);					\
		}							\
	} while (0)

FIXTURE(ns)
{
	int handle;
	struct child child;
};

FIXTURE_SETUP(ns)
{
	self->handle = mbx_new(MAILBOX_POLICY_SHARED, 8);
	ASSERT_LE(0, self->handle);
}

FIXTURE_TEARDOWN(ns)
{
	close(self->handle);
}

/* --- users ----------------------------------------------------------- */

/* Sends one, receives what it gets, and looks at the mailbox. */
static int shifted_user(int socket, void *argument)
{
	int handle = *(int *)argument;
	struct mailbox_header header;
	struct mailbox_stat stat;
	char room[16];

	CHECK(geteuid() == 0);
	CHECK(!setresgid(5, 5, 5) && !setresuid(7, 7, 7));
	CHECK(!mbx_put(handle, "inside", MAILBOX_NONBLOCK));
	CHECK(tell(socket) && hear(socket));

	/* from one that it has no number for */
	CHECK(!mbx_get(handle, room, sizeof(room), MAILBOX_NONBLOCK, &header));
	CHECK(!strcmp(room, "root"));
	CHECK(header.uid == NOBODY && header.gid == NOBODY);

	/* and from one that it has */
	CHECK(!mbx_get(handle, room, sizeof(room), MAILBOX_NONBLOCK, &header));
	CHECK(!strcmp(room, "mapped"));
	CHECK(header.uid == 11 && header.gid == 12);

	/* the mailbox is root's, out there */
	CHECK(!mbx_stat(handle, &stat));
	CHECK(stat.uid == NOBODY && stat.gid == NOBODY);
	CHECK(stat.creator_uid == NOBODY && stat.creator_gid == NOBODY);
	return 0;
}

TEST_F(ns, users_are_shifted)
{
	struct mailbox_header header;
	char room[16];
	pid_t mapped;

	ASSERT_EQ(0, start(&self->child, CLONE_NEWUSER, shifted_user, &self->handle));
	ASSERT_TRUE(hear(self->child.socket));
	ASSERT_EQ(0, mbx_get(self->handle, room, sizeof(room), MAILBOX_NONBLOCK, &header));
	EXPECT_STREQ("inside", room);
	EXPECT_EQ(100007, header.uid);
	EXPECT_EQ(100005, header.gid);
	EXPECT_EQ(self->child.pid, header.pid);

	ASSERT_EQ(0, mbx_put(self->handle, "root", MAILBOX_NONBLOCK));
	mapped = mbx_fork();
	if (!mapped)
		_exit(setgroups(0, NULL) || setresgid(100012, 100012, 100012) ||
		      setresuid(100011, 100011, 100011) ||
		      mbx_put(self->handle, "mapped", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, mbx_join(mapped));
	ASSERT_TRUE(tell(self->child.socket));
	EXPECT_EQ(0, end(&self->child));
}

/* The receipt tells the sender in the sender's words. */
static int sync_sender(int socket, void *argument)
{
	struct mailbox_send send = {
		.flags = MAILBOX_SEND_SYNC,
		.buffer = MBX_PTR("sync"),
		.length = 4,
	};

	CHECK(!mbx_send(*(int *)argument, &send));
	CHECK(send.receipt.uid == NOBODY && send.receipt.gid == NOBODY);
	CHECK(send.receipt.time && send.receipt.receivers == 1);
	return 0;
}

TEST_F(ns, receipt_of_a_user_unknown)
{
	char room[16];

	ASSERT_EQ(0, start(&self->child, CLONE_NEWUSER, sync_sender, &self->handle));
	ASSERT_EQ(0, mbx_get(self->handle, room, sizeof(room), 0, NULL));
	EXPECT_EQ(0, end(&self->child));
}

/* Root over there is nobody here. */
static int false_root(int socket, void *argument)
{
	const char *name = argument;
	struct mailbox_set set = {
		.mask = MAILBOX_SET_UID,
		.uid = 2000,		/* has no meaning in there */
	};
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = 1,
	};
	int handle;

	CHECK(geteuid() == 0);
	CHECK(mbx_open(name, MAILBOX_RIGHT_RECEIVE) == -EACCES);
	CHECK(mbx_open(name, MAILBOX_RIGHT_ADMIN) == -EPERM);
	handle = mbx_open(name, MAILBOX_RIGHT_SEND);
	CHECK(handle >= 0);
	close(handle);

	handle = mbx_create(&attr);
	CHECK(handle >= 0);
	CHECK(mbx_set(handle, &set) == -EINVAL);
	CHECK(set.error.field == MBX_FIELD(mailbox_set, uid));
	set.mask = MAILBOX_SET_GID;
	set.uid = 0;
	set.gid = 2000;
	CHECK(mbx_set(handle, &set) == -EINVAL);
	CHECK(set.error.field == MBX_FIELD(mailbox_set, gid));
	set.mask = MAILBOX_SET_UID | MAILBOX_SET_GID;
	set.uid = 8;
	set.gid = 9;
	CHECK(!mbx_set(handle, &set));
	CHECK(!send_file(socket, handle));
	CHECK(hear(socket));
	return 0;
}

TEST_F(ns, root_of_a_user_namespace_is_nobody)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create attr = {
		.name = MBX_PTR(mbx_name(name, "ns")),
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0602,
		.capacity = 1,
	};
	struct mailbox_stat stat;
	mode_t mask = umask(0);
	int handle = mbx_create(&attr), given;

	umask(mask);
	ASSERT_LE(0, handle);
	ASSERT_EQ(0, start(&self->child, CLONE_NEWUSER, false_root, name));
	given = receive_file(self->child.socket);
	ASSERT_LE(0, given);
	ASSERT_EQ(0, mbx_stat(given, &stat));
	EXPECT_EQ(100008, stat.uid);
	EXPECT_EQ(100009, stat.gid);
	EXPECT_EQ(100000, stat.creator_uid);
	ASSERT_TRUE(tell(self->child.socket));
	EXPECT_EQ(0, end(&self->child));
	close(given);
	close(handle);
}

/* And its CAP_SYS_RESOURCE does not go above quotas that are out here. */
static int quota_of_false_root(int socket, void *argument)
{
	struct mailbox_send send = { .flags = MAILBOX_NONBLOCK };

	CHECK(!mbx_send(*(int *)argument, &send));
	CHECK(mbx_send(*(int *)argument, &send) == -EDQUOT);
	CHECK(send.error.reason == MAILBOX_REASON_USER_MESSAGES);
	return 0;
}

TEST_F(ns, root_of_a_user_namespace_has_quotas)
{
	long long saved = mbx_parameter("user_messages");

	ASSERT_LE(0, saved);
	ASSERT_EQ(0, mbx_set_parameter("user_messages", 1));
	EXPECT_EQ(0, start(&self->child, CLONE_NEWUSER, quota_of_false_root, &self->handle));
	EXPECT_EQ(0, end(&self->child));
	ASSERT_EQ(0, mbx_set_parameter("user_messages", saved));
}

/* --- processes ------------------------------------------------------- */

/* Process 1 over there talks with one that it cannot see. */
static int other_pids(int socket, void *argument)
{
	int handle = *(int *)argument;
	struct mailbox_header header;
	struct mailbox_stat stat;
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK,
		.select = MAILBOX_SELECT_PID,
		.pid = 1,
	};
	char room[16];
	pid_t child;

	CHECK(getpid() == 1);
	CHECK(!mbx_put(handle, "one", MAILBOX_NONBLOCK));
	CHECK(tell(socket) && hear(socket));

	/* from outside: no number */
	CHECK(!mbx_get(handle, room, sizeof(room), MAILBOX_NONBLOCK, &header));
	CHECK(!strcmp(room, "outside") && header.pid == 0);
	CHECK(!mbx_stat(handle, &stat));
	CHECK(stat.creator_pid == 0);
	CHECK(stat.sender_pid == 0);
	CHECK(stat.receiver_pid == 1);

	/* from within: its number, by which it can be chosen */
	child = fork();
	if (!child)
		_exit(getpid() != 2 || mbx_put(handle, "two", MAILBOX_NONBLOCK));
	CHECK(mbx_join(child) == 0);
	CHECK(!mbx_put(handle, "one", MAILBOX_NONBLOCK));
	receive.buffer = MBX_PTR(room);
	receive.length = sizeof(room);
	CHECK(!mbx_receive(handle, &receive));
	CHECK(receive.header.pid == 1 && !strncmp(room, "one", 3));
	CHECK(mbx_receive(handle, &receive) == -EAGAIN);
	CHECK(tell(socket) && hear(socket));
	return 0;
}

TEST_F(ns, processes_have_other_numbers)
{
	struct mailbox_header header;
	struct mailbox_stat stat;
	char room[16];

	ASSERT_EQ(0, start(&self->child, CLONE_NEWPID, other_pids, &self->handle));
	ASSERT_TRUE(hear(self->child.socket));
	ASSERT_EQ(0, mbx_stat(self->handle, &stat));
	EXPECT_EQ(self->child.pid, stat.sender_pid);
	ASSERT_EQ(0, mbx_get(self->handle, room, sizeof(room), MAILBOX_NONBLOCK, &header));
	EXPECT_EQ(self->child.pid, header.pid);
	ASSERT_EQ(0, mbx_put(self->handle, "outside", MAILBOX_NONBLOCK));
	ASSERT_TRUE(tell(self->child.socket));
	ASSERT_TRUE(hear(self->child.socket));

	/* the sender of this one has gone, and so may its number */
	ASSERT_EQ(0, mbx_get(self->handle, room, sizeof(room), MAILBOX_NONBLOCK, &header));
	EXPECT_STREQ("two", room);
	EXPECT_NE(2, header.pid);
	ASSERT_TRUE(tell(self->child.socket));
	EXPECT_EQ(0, end(&self->child));
}

/* The receipt again: a receiver in there, and one out here. */
static int receipt_inside(int socket, void *argument)
{
	struct mailbox_send send = { .flags = MAILBOX_SEND_SYNC };
	char room[16];

	CHECK(!mbx_send(*(int *)argument, &send));
	CHECK(send.receipt.pid == 0 && send.receipt.time);
	CHECK(tell(socket));
	CHECK(!mbx_get(*(int *)argument, room, sizeof(room), 0, NULL));
	CHECK(hear(socket));
	return 0;
}

TEST_F(ns, receipts_have_other_numbers)
{
	struct mailbox_send send = { .flags = MAILBOX_SEND_SYNC };
	char room[16];

	ASSERT_EQ(0, start(&self->child, CLONE_NEWPID, receipt_inside, &self->handle));
	ASSERT_EQ(0, mbx_get(self->handle, room, sizeof(room), 0, NULL));
	ASSERT_TRUE(hear(self->child.socket));
	ASSERT_EQ(0, mbx_send(self->handle, &send));
	EXPECT_EQ(self->child.pid, send.receipt.pid);
	ASSERT_TRUE(tell(self->child.socket));
	EXPECT_EQ(0, end(&self->child));
}

/* --- who is at the other end ------------------------------------------- */

/* Ask for a channel, and do not wait for it: the end, or -errno. */
static int ask(int handle)
{
	struct mailbox_connect connect = { .flags = MAILBOX_NONBLOCK, .capacity = 4 };

	return mbx_ioctl(handle, MAILBOX_IOC_CONNECT, &connect) ?: connect.fd;
}

static int shifted_asker(int socket, void *argument)
{
	int handle = *(int *)argument, end, given;
	struct mailbox_peer peer;

	/* asks by its effective ids, which then are others */
	CHECK(!setresgid(6, 5, 6) && !setresuid(9, 7, 9));
	end = ask(handle);
	CHECK(end >= 0);
	CHECK(!setresgid(6, 6, 6) && !setresuid(9, 9, 9));
	CHECK(!mbx_peer(end, &peer));
	CHECK(peer.state == MAILBOX_PEER_PENDING && peer.pid == 0);
	CHECK(peer.uid == -1U && peer.gid == -1U);
	CHECK(tell(socket));
	given = receive_file(socket);
	CHECK(given >= 0 && hear(socket));

	/* accepted by one that it has no number for */
	CHECK(!mbx_peer(end, &peer));
	CHECK(peer.state == MAILBOX_PEER_OPEN && peer.pid == getppid());
	CHECK(peer.uid == NOBODY && peer.gid == NOBODY);

	/* made by one that it has a number for, and who is gone */
	CHECK(!mbx_peer(given, &peer));
	CHECK(peer.state == MAILBOX_PEER_CLOSED && peer.pid == 0);
	CHECK(peer.uid == 11 && peer.gid == 12);
	CHECK(mailbox_peer_pidfd(given, NULL) == -ESRCH);
	return 0;
}

/* As somebody the namespace knows: a channel, one end of which is given away. */
static int mapped_maker(int socket)
{
	struct mailbox_channel channel = { .capacity = 1 };

	if (setgroups(0, NULL) || setresgid(100012, 100012, 100012) ||
	    setresuid(100011, 100011, 100011))
		return 1;
	return mbx_on_device(MAILBOX_IOC_CHANNEL, &channel) || send_file(socket, channel.fd);
}

TEST_F(ns, peers_users_are_shifted)
{
	struct mailbox_peer peer;
	pid_t mapped;
	int accepted;

	ASSERT_EQ(0, start(&self->child, CLONE_NEWUSER, shifted_asker, &self->handle));
	ASSERT_TRUE(hear(self->child.socket));
	accepted = mbx_accept_next(self->handle);
	ASSERT_LE(0, accepted);
	ASSERT_EQ(0, mbx_peer(accepted, &peer));
	EXPECT_EQ(MAILBOX_PEER_OPEN, peer.state);
	EXPECT_EQ(self->child.pid, peer.pid);
	EXPECT_EQ(100007, peer.uid);
	EXPECT_EQ(100005, peer.gid);

	mapped = mbx_fork();
	if (!mapped)
		_exit(mapped_maker(self->child.socket));
	ASSERT_EQ(0, mbx_join(mapped));
	ASSERT_TRUE(tell(self->child.socket));
	EXPECT_EQ(0, end(&self->child));
	close(accepted);
}

/* Sends one that says who it is out there, and stays. */
static int asker_inside(int handle)
{
	int end = ask(handle);

	if (end < 0 || mbx_put(end, "two", MAILBOX_NONBLOCK))
		return 1;
	pause();
	return 0;
}

static int peers_inside(int socket, void *argument)
{
	int handle = *(int *)argument, end, own, pidfd;
	struct mailbox_peer peer;
	siginfo_t info = {};
	pid_t child;

	CHECK(getpid() == 1);
	end = ask(handle);
	CHECK(end >= 0);
	CHECK(tell(socket) && hear(socket));

	/* accepted from outside: somebody, but without a number */
	CHECK(!mbx_peer(end, &peer));
	CHECK(peer.state == MAILBOX_PEER_OPEN && peer.pid == 0);
	CHECK(peer.uid == 0 && peer.gid == 0);
	CHECK(mailbox_peer_pidfd(end, NULL) == -ESRCH);

	/* asked for from within */
	child = fork();
	if (!child)
		_exit(asker_inside(handle));
	CHECK(child == 2);
	own = mbx_accept_next(handle);
	CHECK(own >= 0);
	CHECK(!mbx_peer(own, &peer));
	CHECK(peer.state == MAILBOX_PEER_OPEN && peer.pid == 2);
	pidfd = mailbox_peer_pidfd(own, NULL);
	CHECK(pidfd >= 0);
	CHECK(!send_file(socket, own) && hear(socket));

	/* that one and no other */
	CHECK(!kill(child, SIGKILL));
	CHECK(!waitid(P_PIDFD, pidfd, &info, WEXITED) && info.si_pid == 2);
	CHECK(!mbx_peer(own, &peer));
	CHECK(peer.state == MAILBOX_PEER_CLOSED && peer.pid == 0);
	CHECK(mailbox_peer_pidfd(own, NULL) == -ESRCH);
	CHECK(tell(socket) && hear(socket));
	return 0;
}

TEST_F(ns, peers_have_other_numbers)
{
	int accepted, given, pidfd;
	struct mailbox_header header;
	struct mailbox_peer peer;
	siginfo_t info = {};
	char room[16];

	ASSERT_EQ(0, start(&self->child, CLONE_NEWPID, peers_inside, &self->handle));
	ASSERT_TRUE(hear(self->child.socket));
	accepted = mbx_accept_next(self->handle);
	ASSERT_LE(0, accepted);
	ASSERT_EQ(0, mbx_peer(accepted, &peer));
	EXPECT_EQ(self->child.pid, peer.pid);
	pidfd = mailbox_peer_pidfd(accepted, NULL);
	ASSERT_LE(0, pidfd);
	ASSERT_TRUE(tell(self->child.socket));

	/* of the one within, as of its messages */
	given = receive_file(self->child.socket);
	ASSERT_LE(0, given);
	ASSERT_EQ(0, mbx_get(given, room, sizeof(room), 0, &header));
	EXPECT_STREQ("two", room);
	EXPECT_LT(2, header.pid);
	EXPECT_NE(self->child.pid, header.pid);
	ASSERT_EQ(0, mbx_peer(given, &peer));
	EXPECT_EQ(MAILBOX_PEER_OPEN, peer.state);
	EXPECT_EQ(header.pid, peer.pid);
	ASSERT_TRUE(tell(self->child.socket));
	ASSERT_TRUE(hear(self->child.socket));
	ASSERT_EQ(0, mbx_peer(given, &peer));
	EXPECT_EQ(MAILBOX_PEER_CLOSED, peer.state);
	EXPECT_EQ(0, peer.pid);
	EXPECT_EQ(-ESRCH, mailbox_peer_pidfd(given, NULL));

	/* the pidfd is that of who asked */
	ASSERT_TRUE(tell(self->child.socket));
	EXPECT_EQ(0, waitid(P_PIDFD, pidfd, &info, WEXITED | WNOWAIT));
	EXPECT_EQ(self->child.pid, info.si_pid);
	EXPECT_EQ(0, end(&self->child));
	ASSERT_EQ(0, mbx_peer(accepted, &peer));
	EXPECT_EQ(0, peer.pid);
	EXPECT_EQ(-ESRCH, mailbox_peer_pidfd(accepted, NULL));
	close(pidfd);
	close(given);
	close(accepted);
}

/* --- networks: names ------------------------------------------------- */

static const char *const common = "ns-common";

static __u32 names_listed(void)
{
	struct mailbox_stat entries[16];
	struct mailbox_list list = {
		.entries = MBX_PTR(entries),
		.entry_size = sizeof(entries[0]),
		.count = 16,
	};

	return mbx_on_device(MAILBOX_IOC_LIST, &list) ? ~0U : list.count;
}

static int names_of_its_own(int socket, void *argument)
{
	int device = *(int *)argument, handle;
	struct mailbox_open attr = {
		.name = MBX_PTR(common),
		.rights = MAILBOX_RIGHT_ALL,
	};

	/* nothing is there, by its own device or by one that was open before */
	CHECK(names_listed() == 0);
	CHECK(mbx_open(common, MAILBOX_RIGHT_ALL) == -ENOENT);
	CHECK(mbx_ioctl(device, MAILBOX_IOC_OPEN, &attr) == -ENOENT);

	/* the same name is free */
	handle = mbx_new_named(common, 1);
	CHECK(handle >= 0);
	CHECK(!mbx_put(handle, "inside", MAILBOX_NONBLOCK));
	CHECK(!mbx_ioctl(device, MAILBOX_IOC_OPEN, &attr));
	CHECK(mbx_depth(attr.fd) == 1);
	CHECK(names_listed() == 1);
	CHECK(tell(socket) && hear(socket));
	return 0;
}

TEST_F(ns, names_are_apart)
{
	int device = mbx_device(), handle = mbx_new_named(common, 1), again;
	__u32 names;

	ASSERT_LE(0, device);
	ASSERT_LE(0, handle);
	names = names_listed();
	ASSERT_EQ(0, start(&self->child, CLONE_NEWNET, names_of_its_own, &device));
	ASSERT_TRUE(hear(self->child.socket));
	EXPECT_EQ(names, names_listed());
	again = mbx_open(common, MAILBOX_RIGHT_ALL);
	EXPECT_EQ(0, mbx_depth(again));
	close(again);
	ASSERT_TRUE(tell(self->child.socket));
	EXPECT_EQ(0, end(&self->child));
	EXPECT_EQ(0, mbx_depth(handle));
	close(handle);
	close(device);
}

/* What it leaves behind when it goes: handles that it gave away. */
static int leave_handles(int socket, void *argument)
{
	struct mailbox_create attr = {
		.name = MBX_PTR("ns-persist"),
		.flags = MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST,
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0600,
		.capacity = 4,
	};
	int plain = mbx_new_named("ns-plain", 4), persist = mbx_create(&attr);
	int nameless = mbx_new(MAILBOX_POLICY_SHARED, 4);

	CHECK(plain >= 0 && persist >= 0 && nameless >= 0);
	CHECK(!mbx_put(plain, "plain", MAILBOX_NONBLOCK));
	CHECK(!mbx_put(nameless, "nameless", MAILBOX_NONBLOCK));
	/* one that nobody holds open stays while the namespace does */
	attr.name = MBX_PTR("ns-alone");
	attr.fd = mbx_create(&attr);
	CHECK(attr.fd >= 0);
	CHECK(!mbx_put(attr.fd, "alone", MAILBOX_NONBLOCK));
	CHECK(!close(attr.fd));
	CHECK(names_listed() == 3);
	CHECK(!send_file(socket, plain) && !send_file(socket, persist) &&
	      !send_file(socket, nameless));
	CHECK(hear(socket));
	return 0;
}

static long module_references(void)
{
	FILE *file = fopen("/sys/module/mailbox_ipc/refcnt", "re");
	long count = -1;

	if (file && fscanf(file, "%ld", &count) != 1)
		count = -1;
	if (file)
		fclose(file);
	return count;
}

static long poll_for_end(void *argument)
{
	struct pollfd file = { .fd = *(int *)argument };

	return poll(&file, 1, -1) < 0 ? -errno : file.revents;
}

TEST_F(ns, mailboxes_go_with_the_network)
{
	long references = module_references();
	struct mbx_call receiver, sync;
	struct mbx_task poller;
	struct mailbox_info before, after;
	struct mailbox_stat stat;
	int plain, persist, nameless;

	ASSERT_LE(0, references);
	ASSERT_EQ(0, mbx_info(self->handle, &before));
	ASSERT_EQ(0, start(&self->child, CLONE_NEWNET, leave_handles, NULL));
	plain = receive_file(self->child.socket);
	persist = receive_file(self->child.socket);
	nameless = receive_file(self->child.socket);
	ASSERT_LE(0, plain);
	ASSERT_LE(0, persist);
	ASSERT_LE(0, nameless);

	/* who waits there, wherever he is himself */
	ASSERT_EQ(0, mbx_call_receive(&receiver, persist, 0));
	ASSERT_TRUE(mbx_wait_waiters(persist, 0, 1));
	ASSERT_EQ(0, mbx_call_send(&sync, plain, "sync", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(mbx_wait_waiters(plain, 1, 0));
	ASSERT_EQ(0, mbx_task_start(&poller, poll_for_end, &persist));
	ASSERT_TRUE(mbx_wait_asleep(poller.tid, SYS_poll));

	ASSERT_TRUE(tell(self->child.socket));
	EXPECT_EQ(0, end(&self->child));
	EXPECT_EQ(-EIDRM, mbx_call_join(&receiver));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, receiver.receive.error.reason);
	EXPECT_EQ(-EIDRM, mbx_call_join(&sync));
	EXPECT_EQ(POLLHUP | POLLERR, mbx_task_join(&poller));

	EXPECT_STREQ("<43>", mbx_next(plain));
	ASSERT_EQ(0, mbx_stat(persist, &stat));
	EXPECT_EQ(MAILBOX_CREATE_PERSIST | MAILBOX_STAT_DESTROYED, stat.flags);
	EXPECT_EQ('\0', stat.name[0]);

	/* without a name it is nobody's but its handles' */
	EXPECT_STREQ("nameless", mbx_next(nameless));
	EXPECT_EQ(0, mbx_put(nameless, "on", MAILBOX_NONBLOCK));

	/* the name that nobody held open has gone too, and nothing is charged */
	close(plain);
	close(persist);
	close(nameless);
	EXPECT_TRUE(MBX_UNTIL(module_references() == references));
	/* whoever waited is told before what he sent is freed */
	EXPECT_TRUE(MBX_UNTIL(!mbx_info(self->handle, &after) &&
			      after.user_mailboxes == before.user_mailboxes &&
			      after.user_messages == before.user_messages &&
			      after.user_bytes == before.user_bytes));
}

/* A process that moves takes its handles along, but not the names. */
static int move(int socket, void *argument)
{
	int handle = mbx_new_named("ns-move", 1);

	CHECK(handle >= 0);
	CHECK(!unshare(CLONE_NEWNET));
	CHECK(!mbx_put(handle, "moved", MAILBOX_NONBLOCK));
	CHECK(mbx_open("ns-move", MAILBOX_RIGHT_ALL) == -ENOENT);
	CHECK(tell(socket) && hear(socket));
	/* its name is still where it was made */
	CHECK(!mbx_destroy(handle, NULL));
	CHECK(tell(socket) && hear(socket));
	return 0;
}

TEST_F(ns, handles_move)
{
	int handle;

	ASSERT_EQ(0, start(&self->child, 0, move, NULL));
	ASSERT_TRUE(hear(self->child.socket));
	handle = mbx_open("ns-move", MAILBOX_RIGHT_ALL);
	ASSERT_LE(0, handle);
	EXPECT_STREQ("moved", mbx_next(handle));
	ASSERT_TRUE(tell(self->child.socket));
	ASSERT_TRUE(hear(self->child.socket));
	EXPECT_STREQ("<43>", mbx_next(handle));
	EXPECT_EQ(-ENOENT, mbx_open("ns-move", MAILBOX_RIGHT_ALL));
	ASSERT_TRUE(tell(self->child.socket));
	EXPECT_EQ(0, end(&self->child));
	close(handle);
}

/* --- a network of a user namespace ------------------------------------ */

/* There, its root may do what root may: open, and end, what others made. */
static int root_at_home(int socket, void *argument)
{
	struct mailbox_create attr = {
		.name = MBX_PTR("ns-home"),
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0600,
		.capacity = 1,
	};
	pid_t child;
	int handle;

	/* a user of this namespace makes one ... */
	child = fork();
	if (!child) {
		attr.flags = MAILBOX_CREATE_PERSIST;
		_exit(setresgid(50, 50, 50) || setresuid(50, 50, 50) ||
		      mbx_create(&attr) < 0);
	}
	CHECK(mbx_join(child) == 0);
	/* ... another user may not open it ... */
	child = fork();
	if (!child)
		_exit(setresgid(51, 51, 51) || setresuid(51, 51, 51) ||
		      mbx_open("ns-home", MAILBOX_RIGHT_SEND) != -EACCES ||
		      mbx_open("ns-home", MAILBOX_RIGHT_ADMIN) != -EPERM);
	CHECK(mbx_join(child) == 0);
	/* ... and root may */
	handle = mbx_open("ns-home", MAILBOX_RIGHT_ALL);
	CHECK(handle >= 0);
	CHECK(!mbx_destroy(handle, NULL));
	return 0;
}

TEST_F(ns, root_at_home)
{
	ASSERT_EQ(0, start(&self->child, CLONE_NEWUSER | CLONE_NEWNET, root_at_home, NULL));
	EXPECT_EQ(0, end(&self->child));
}

/* --- the device node ------------------------------------------------- */

TEST(device_is_for_everyone)
{
	struct mailbox_info info;
	struct stat node;
	int device, handle;

	ASSERT_EQ(0, stat(MBX_DEVICE, &node));
	EXPECT_TRUE(S_ISCHR(node.st_mode));
	EXPECT_EQ(0666, node.st_mode & 07777);
	EXPECT_EQ(10, major(node.st_rdev));

	ASSERT_EQ(0, mbx_become(61203));
	device = mbx_device();
	ASSERT_LE(0, device);
	EXPECT_EQ(0, mbx_info(device, &info));
	EXPECT_EQ(MAILBOX_ABI_VERSION, info.abi_version);
	handle = mbx_new(MAILBOX_POLICY_SHARED, 1);
	EXPECT_LE(0, handle);
	close(handle);
	close(device);

	/* in every way in which it can be opened */
	device = open(MBX_DEVICE, O_RDONLY | O_CLOEXEC);
	EXPECT_LE(0, device);
	EXPECT_EQ(0, mbx_info(device, &info));
	close(device);
	device = open(MBX_DEVICE, O_WRONLY | O_CLOEXEC);
	EXPECT_LE(0, device);
	EXPECT_EQ(0, mbx_info(device, &info));
	close(device);
}

/* The device carries no messages itself. */
TEST(device_is_no_mailbox)
{
	int device = mbx_device();
	char byte;

	ASSERT_LE(0, device);
	EXPECT_EQ(-1, read(device, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(device, "x", 1));
	EXPECT_EQ(EINVAL, errno);
	close(device);
}

TEST_HARNESS_MAIN
