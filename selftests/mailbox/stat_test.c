// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen of a mailbox (STAT, fdinfo), and what can be changed (SET).
 *
 * features.rst rows with their test here:
 *   SysV msg: IPC_STAT, IPC_SET	stat.*, set.*
 *   POSIX mq: attributes		stat.of_a_new_one, set.capacity_grows
 *   memory accounting: counted		stat.counters_sum, stat.bytes
 */
#include "kselftest_harness.h"
#include "common.h"

FIXTURE(stat)
{
	int fd;
	struct mailbox_stat stat;
};

FIXTURE_SETUP(stat)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(stat)
{
	close(self->fd);
}

#define STAT() ASSERT_EQ(0, mbx_stat(self->fd, &self->stat))

TEST_F(stat, of_a_new_one)
{
	__u64 now = mbx_clock(CLOCK_REALTIME);
	struct mailbox_info info;

	ASSERT_EQ(0, mbx_info(self->fd, &info));
	memset(&self->stat, 0xff, sizeof(self->stat));
	ASSERT_EQ(0, mbx_ioctl(self->fd, MAILBOX_IOC_STAT, &self->stat));
	EXPECT_NE(0, self->stat.id);
	EXPECT_EQ(MAILBOX_POLICY_SHARED, self->stat.policy);
	EXPECT_EQ(0, self->stat.slow);
	EXPECT_EQ(0, self->stat.flags);
	EXPECT_EQ(MAILBOX_RIGHT_ALL, self->stat.rights);
	EXPECT_EQ(0, self->stat.mode);
	EXPECT_EQ(geteuid(), self->stat.uid);
	EXPECT_EQ(getegid(), self->stat.gid);
	EXPECT_EQ(geteuid(), self->stat.creator_uid);
	EXPECT_EQ(getegid(), self->stat.creator_gid);
	EXPECT_EQ(getpid(), self->stat.creator_pid);
	EXPECT_EQ(0, self->stat.sender_pid);
	EXPECT_EQ(0, self->stat.receiver_pid);
	EXPECT_EQ(4, self->stat.capacity);
	EXPECT_EQ(info.message_max, self->stat.message_max);
	EXPECT_EQ(0, self->stat.depth);
	EXPECT_EQ(0, self->stat.bytes);
	EXPECT_EQ(1, self->stat.handles);
	EXPECT_EQ(1, self->stat.senders);
	EXPECT_EQ(1, self->stat.receivers);
	EXPECT_EQ(0, self->stat.waiting_senders);
	EXPECT_EQ(0, self->stat.waiting_receivers);
	EXPECT_EQ(0, self->stat.reserved);
	EXPECT_EQ(0, self->stat.sent);
	EXPECT_EQ(0, self->stat.received);
	EXPECT_EQ(0, self->stat.dropped);
	EXPECT_EQ(0, self->stat.withdrawn);
	EXPECT_LE(now - 10 * MBX_SECOND, self->stat.created_time);
	EXPECT_LE(self->stat.created_time, (__u64)mbx_clock(CLOCK_REALTIME));
	EXPECT_EQ(0, self->stat.send_time);
	EXPECT_EQ(0, self->stat.receive_time);
	EXPECT_STREQ("", self->stat.name);
}

TEST_F(stat, ids_are_unique)
{
	int other = mbx_new(MAILBOX_POLICY_SHARED, 4);
	struct mailbox_stat its;

	ASSERT_LE(0, other);
	STAT();
	ASSERT_EQ(0, mbx_stat(other, &its));
	EXPECT_NE(self->stat.id, its.id);
	close(other);
}

TEST_F(stat, bytes)
{
	ASSERT_EQ(0, mbx_put(self->fd, "12345", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "678", 0));
	STAT();
	EXPECT_EQ(2, self->stat.depth);
	EXPECT_EQ(8, self->stat.bytes);
	EXPECT_STREQ("12345", mbx_next(self->fd));
	STAT();
	EXPECT_EQ(1, self->stat.depth);
	EXPECT_EQ(3, self->stat.bytes);
}

TEST_F(stat, who_and_when)
{
	__u64 before = mbx_clock(CLOCK_REALTIME), sent;
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		mbx_put(self->fd, "x", 0);
		/* alive until it has been asked about */
		pause();
	}
	ASSERT_TRUE(MBX_UNTIL(mbx_depth(self->fd) == 1));
	STAT();
	EXPECT_EQ(child, self->stat.sender_pid);
	EXPECT_EQ(0, self->stat.receiver_pid);
	EXPECT_LE(before, self->stat.send_time);
	EXPECT_EQ(0, self->stat.receive_time);
	sent = self->stat.send_time;
	EXPECT_STREQ("x", mbx_next(self->fd));
	STAT();
	EXPECT_EQ(child, self->stat.sender_pid);
	EXPECT_EQ(getpid(), self->stat.receiver_pid);
	EXPECT_EQ(sent, self->stat.send_time);
	EXPECT_LE(sent, self->stat.receive_time);
	EXPECT_LE(self->stat.receive_time, (__u64)mbx_clock(CLOCK_REALTIME));
	kill(child, SIGKILL);
	mbx_join(child);
}

TEST_F(stat, waiters)
{
	struct mbx_call calls[3];
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mbx_call_receive(&calls[i], self->fd, 0));
	EXPECT_TRUE(mbx_wait_waiters(self->fd, 0, 3));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mbx_put(self->fd, "x", 0));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mbx_call_join(&calls[i]));
	STAT();
	EXPECT_EQ(0, self->stat.waiting_receivers);
	EXPECT_EQ(3, self->stat.received);
}

/* sent = received + depth + dropped + withdrawn, whatever has happened. */
TEST_F(stat, counters_sum)
{
	struct mailbox_send late = { .flags = MAILBOX_SEND_SYNC | MAILBOX_DEADLINE };
	struct mailbox_receive receive = { .flags = MAILBOX_RECEIVE_PEEK };
	char text[4];
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, mbx_put(self->fd, "xxxxx", MAILBOX_NONBLOCK));
	/* neither a refused send nor one that looks or cannot take counts */
	EXPECT_EQ(-EAGAIN, mbx_put(self->fd, "x", MAILBOX_NONBLOCK));
	EXPECT_EQ(-EMSGSIZE, mbx_receive(self->fd, &receive));
	EXPECT_EQ(-EMSGSIZE, mbx_get(self->fd, text, sizeof(text), 0, NULL));
	STAT();
	EXPECT_EQ(4, self->stat.sent);
	EXPECT_EQ(0, self->stat.received);
	EXPECT_EQ(4, self->stat.depth);
	EXPECT_STREQ("xxxxx", mbx_next(self->fd));
	EXPECT_STREQ("xxxxx", mbx_next(self->fd));
	STAT();
	EXPECT_EQ(4, self->stat.sent);
	EXPECT_EQ(2, self->stat.received);
	EXPECT_EQ(2, self->stat.depth);
	late.deadline = mbx_in_ms(10);
	EXPECT_EQ(-ETIMEDOUT, mbx_send(self->fd, &late));
	STAT();
	EXPECT_EQ(1, self->stat.withdrawn);
	EXPECT_EQ(self->stat.sent, self->stat.received + self->stat.depth +
		  self->stat.dropped + self->stat.withdrawn);
	ASSERT_EQ(0, mbx_destroy(self->fd, NULL));
	STAT();
	EXPECT_EQ(2, self->stat.dropped);
	EXPECT_EQ(0, self->stat.depth);
	EXPECT_EQ(self->stat.sent, self->stat.received + self->stat.depth +
		  self->stat.dropped + self->stat.withdrawn);
	EXPECT_NE(0, self->stat.flags & MAILBOX_STAT_DESTROYED);
}

TEST(stat_of_a_broadcast)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = MAILBOX_SLOW_LOSE,
		.capacity = 2,
	};
	int fd = mbx_create(&attr), other;
	struct mailbox_stat stat;

	ASSERT_LE(0, fd);
	other = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, mbx_put(fd, "123", 0));
	ASSERT_EQ(0, mbx_put(fd, "456", 0));
	EXPECT_STREQ("123", mbx_next(other));
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(MAILBOX_POLICY_BROADCAST, stat.policy);
	EXPECT_EQ(MAILBOX_SLOW_LOSE, stat.slow);
	EXPECT_EQ(2, stat.sent);
	EXPECT_EQ(1, stat.received);
	/* the fullest receiver's, and each payload once */
	EXPECT_EQ(2, stat.depth);
	EXPECT_EQ(6, stat.bytes);
	EXPECT_STREQ("123", mbx_next(fd));
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(1, stat.depth);
	EXPECT_EQ(3, stat.bytes);
	EXPECT_EQ(2, stat.received);
	ASSERT_EQ(0, mbx_put(fd, "7", 0));
	ASSERT_EQ(0, mbx_put(fd, "8", 0));
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(2, stat.dropped);
	EXPECT_EQ(2, stat.depth);
	EXPECT_EQ(2, stat.bytes);
	close(other);
	close(fd);
}

TEST(stat_flags)
{
	struct mailbox_create attr = {
		.flags = MAILBOX_CREATE_FIXED | MAILBOX_CREATE_PERSIST,
		.rights = MAILBOX_RIGHT_ADMIN,
		.mode = 0640,
		.capacity = MAILBOX_UNLIMITED,
		.message_max = 8,
	};
	struct mailbox_stat stat;
	char name[MBX_NAME_SIZE];
	int fd;

	attr.name = MBX_PTR(mbx_name(name, "flags"));
	fd = mbx_create(&attr);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(MAILBOX_CREATE_FIXED | MAILBOX_CREATE_PERSIST, stat.flags);
	EXPECT_EQ(MAILBOX_UNLIMITED, stat.capacity);
	EXPECT_EQ(8, stat.message_max);
	EXPECT_EQ(MAILBOX_RIGHT_ADMIN, stat.rights);
	EXPECT_EQ(0, stat.senders);
	EXPECT_EQ(0, stat.receivers);
	EXPECT_EQ(1, stat.handles);
	EXPECT_STREQ(name, stat.name);
	EXPECT_EQ(0, mbx_destroy(fd, NULL));
	close(fd);
}

/* --- SET ------------------------------------------------------------- */

FIXTURE(set)
{
	int fd;
	struct mailbox_stat stat;
	char name[MBX_NAME_SIZE];
};

FIXTURE_SETUP(set)
{
	self->fd = mbx_new_named(mbx_name(self->name, "set"), 1);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(set)
{
	close(self->fd);
}

TEST_F(set, capacity_grows)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 3 };
	struct mbx_call calls[3];
	char text[8];
	int i;

	ASSERT_EQ(0, mbx_put(self->fd, "full", 0));
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ASSERT_EQ(0, mbx_call_send(&calls[i], self->fd, text, 0));
		ASSERT_TRUE(mbx_wait_waiters(self->fd, i + 1, 0));
	}
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	/* room for two of them, in the order of their calls */
	ASSERT_EQ(0, mbx_call_join(&calls[0]));
	ASSERT_EQ(0, mbx_call_join(&calls[1]));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	STAT();
	EXPECT_EQ(3, self->stat.capacity);
	EXPECT_EQ(3, self->stat.depth);
	EXPECT_STREQ("full", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&calls[2]));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(i, atoi(mbx_next(self->fd)));
}

TEST_F(set, capacity_without_bound)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = MAILBOX_UNLIMITED };
	struct mbx_call calls[3];
	int i;

	ASSERT_EQ(0, mbx_put(self->fd, "full", 0));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mbx_call_send(&calls[i], self->fd, "x", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 3, 0));
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mbx_call_join(&calls[i]));
	EXPECT_EQ(4, mbx_depth(self->fd));
}

TEST_F(set, capacity_shrinks)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 4 };
	int i;

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, mbx_put(self->fd, "x", MAILBOX_NONBLOCK));
	set.capacity = 2;
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	/* what is there stays, and there is room only below the new bound */
	EXPECT_EQ(4, mbx_depth(self->fd));
	for (i = 4; i > 2; i--) {
		EXPECT_EQ(-EAGAIN, mbx_put(self->fd, "y", MAILBOX_NONBLOCK));
		EXPECT_STREQ("x", mbx_next(self->fd));
	}
	EXPECT_EQ(-EAGAIN, mbx_put(self->fd, "y", MAILBOX_NONBLOCK));
	EXPECT_STREQ("x", mbx_next(self->fd));
	EXPECT_EQ(0, mbx_put(self->fd, "y", MAILBOX_NONBLOCK));
}

TEST_F(set, message_max)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_MESSAGE_MAX, .message_max = 3 };
	struct mailbox_info info;
	struct mailbox_send send = { .buffer = MBX_PTR("four"), .length = 4 };

	ASSERT_EQ(0, mbx_put(self->fd, "before", 0));
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_EQ(-EMSGSIZE, mbx_send(self->fd, &send));
	EXPECT_EQ(MAILBOX_REASON_MAILBOX_SIZE, send.error.reason);
	EXPECT_STREQ("before", mbx_next(self->fd));
	/* 0 stands for the module's limit */
	set.message_max = 0;
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	ASSERT_EQ(0, mbx_info(self->fd, &info));
	STAT();
	EXPECT_EQ(info.message_max, self->stat.message_max);
	EXPECT_EQ(0, mbx_send(self->fd, &send));
}

TEST_F(set, mode_and_owner)
{
	struct mailbox_set set = {
		.mask = MAILBOX_SET_MODE | MAILBOX_SET_UID | MAILBOX_SET_GID,
		.mode = 0246,
		.uid = 1001,
		.gid = 1002,
	};
	__u64 before = mbx_clock(CLOCK_REALTIME);

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	STAT();
	EXPECT_EQ(0246, self->stat.mode);
	EXPECT_EQ(1001, self->stat.uid);
	EXPECT_EQ(1002, self->stat.gid);
	EXPECT_EQ(geteuid(), self->stat.creator_uid);
	EXPECT_EQ(getegid(), self->stat.creator_gid);
	EXPECT_EQ(1, self->stat.capacity);
	EXPECT_LE(before, self->stat.changed_time);
	EXPECT_LE(self->stat.created_time, self->stat.changed_time);
}

/* Handles that are open keep their rights. */
TEST_F(set, mode_is_for_those_who_come_later)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_MODE, .mode = 0 };
	int fd = mbx_open(self->name, MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE);
	pid_t child;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_become(1003))
			_exit(1);
		if (mbx_open(self->name, MAILBOX_RIGHT_SEND) != -EACCES)
			_exit(2);
		_exit(mbx_put(fd, "x", 0) || strcmp(mbx_next(fd), "x") ? 3 : 0);
	}
	EXPECT_EQ(0, mbx_join(child));
	close(fd);
}

TEST_F(set, all_or_nothing)
{
	struct mailbox_set set = {
		.mask = MAILBOX_SET_CAPACITY | MAILBOX_SET_MODE | MAILBOX_SET_MESSAGE_MAX,
		.capacity = 9,
		.mode = 0644,
		.message_max = 1ULL << 40,
	};
	struct mailbox_stat before;

	ASSERT_EQ(0, mbx_stat(self->fd, &before));
	ASSERT_EQ(-EMSGSIZE, mbx_set(self->fd, &set));
	EXPECT_EQ(MAILBOX_REASON_MODULE_SIZE, set.error.reason);
	STAT();
	EXPECT_EQ(before.capacity, self->stat.capacity);
	EXPECT_EQ(before.mode, self->stat.mode);
	EXPECT_EQ(before.message_max, self->stat.message_max);
	EXPECT_EQ(before.changed_time, self->stat.changed_time);
	set.message_max = 77;
	ASSERT_EQ(0, mbx_set(self->fd, &set));
	STAT();
	EXPECT_EQ(9, self->stat.capacity);
	EXPECT_EQ(0644, self->stat.mode);
	EXPECT_EQ(77, self->stat.message_max);
}

/* --- fdinfo ---------------------------------------------------------- */

/* The value of a key in a descriptor's fdinfo, or NULL. */
static const char *fdinfo(int fd, const char *key)
{
	static char line[512];
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	while (fgets(line, sizeof(line), file)) {
		size_t length = strlen(key);

		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, key, length) && line[length] == ':' && line[length + 1] == '\t') {
			fclose(file);
			return line + length + 2;
		}
	}
	fclose(file);
	return NULL;
}

#define EXPECT_INFO(expected, fd, key) do {		\
	const char *__value = fdinfo(fd, key);		\
							\
	ASSERT_NE(NULL, __value) {			\
		TH_LOG("no %s", key);			\
	}						\
	EXPECT_STREQ(expected, __value);		\
} while (0)

TEST(fdinfo_of_an_unnamed_mailbox)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4), receiver;
	struct mailbox_stat stat;
	char id[24];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	snprintf(id, sizeof(id), "%llu", (unsigned long long)stat.id);
	ASSERT_EQ(0, mbx_put(fd, "x", 0));
	EXPECT_INFO(id, fd, "mailbox-id");
	EXPECT_INFO("sra", fd, "mailbox-rights");
	EXPECT_INFO("shared", fd, "mailbox-policy");
	EXPECT_INFO("1", fd, "mailbox-depth");
	EXPECT_INFO("4", fd, "mailbox-capacity");
	EXPECT_EQ(NULL, fdinfo(fd, "mailbox-name"));
	receiver = mbx_dup(fd, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, receiver);
	EXPECT_INFO(id, receiver, "mailbox-id");
	EXPECT_INFO("-r-", receiver, "mailbox-rights");
	close(receiver);
	close(fd);
}

TEST(fdinfo_of_a_named_mailbox)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_ADMIN,
		.policy = MAILBOX_POLICY_EXCLUSIVE,
		.mode = 0600,
		.capacity = MAILBOX_UNLIMITED,
	};
	char name[MBX_NAME_SIZE];
	int fd;

	attr.name = MBX_PTR(mbx_name(name, "fdinfo"));
	fd = mbx_create(&attr);
	ASSERT_LE(0, fd);
	EXPECT_INFO(name, fd, "mailbox-name");
	EXPECT_INFO("s-a", fd, "mailbox-rights");
	EXPECT_INFO("exclusive", fd, "mailbox-policy");
	EXPECT_INFO("0", fd, "mailbox-depth");
	EXPECT_INFO("unlimited", fd, "mailbox-capacity");
	close(fd);
}

TEST(fdinfo_of_each_policy)
{
	static const char *const policies[] = {
		"shared", "exclusive", "pair", "broadcast", "channel", "segment",
	};
	int i, fd;

	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		struct mailbox_channel channel = { .capacity = 1 };

		if (i == MAILBOX_POLICY_CHANNEL) {
			ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CHANNEL, &channel));
			fd = channel.fd;
			close(channel.fd_back);
		} else {
			fd = mbx_new(i, 1);
		}
		ASSERT_LE(0, fd);
		EXPECT_INFO(policies[i], fd, "mailbox-policy");
		close(fd);
	}
}

TEST_HARNESS_MAIN
