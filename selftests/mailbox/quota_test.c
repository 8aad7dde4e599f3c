// SPDX-License-Identifier: GPL-2.0
/*
 * Quotas: what a user may have queued and how many mailboxes, who is charged
 * and when it ends; and the memory cgroup that pays in the end.
 */
#include "hostile.h"

#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#define ALICE	61101
#define BOB	61102

/* The module's defaults for users, restored after each test. */
static const char *const parameters[] = { "user_bytes", "user_messages", "user_mailboxes" };

/*
 * The test runs as a user without privileges; a child of its stays root and
 * does what only root can do: it puts back the parameters that were there.
 */
FIXTURE(quota)
{
	long long saved[ARRAY_SIZE(parameters)];
	int device;
	int keeper[2];
	pid_t child;
};

FIXTURE_SETUP(quota)
{
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		self->saved[i] = mbx_parameter(parameters[i]);
		ASSERT_LE(0, self->saved[i]);
	}
	self->device = mbx_device();
	ASSERT_LE(0, self->device);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, self->keeper));

	/* not mbx_fork(): it must outlive a test that dies */
	self->child = fork();
	if (!self->child) {
		struct order {
			unsigned int which;
			long long value;
		} order;
		int result;

		setpgid(0, 0);
		close(self->keeper[1]);
		while (read(self->keeper[0], &order, sizeof(order)) == sizeof(order)) {
			result = mbx_set_parameter(parameters[order.which], order.value);
			if (write(self->keeper[0], &result, sizeof(result)) < 0)
				break;
		}
		for (size_t i = 0; i < ARRAY_SIZE(parameters); i++)
			mbx_set_parameter(parameters[i], self->saved[i]);
		_exit(0);
	}
	close(self->keeper[0]);
}

FIXTURE_TEARDOWN(quota)
{
	close(self->keeper[1]);
	EXPECT_EQ(0, mbx_join(self->child));
	close(self->device);
}

enum { USER_BYTES, USER_MESSAGES, USER_MAILBOXES };

/* Set a parameter, whoever the caller is by now. */
static int set_limit(FIXTURE_DATA(quota) *self, unsigned int which, long long value)
{
	struct {
		unsigned int which;
		long long value;
	} order = { which, value };
	int result;

	if (write(self->keeper[1], &order, sizeof(order)) != sizeof(order) ||
	    read(self->keeper[1], &result, sizeof(result)) != sizeof(result))
		return -EPIPE;
	return result;
}

static struct mailbox_info usage(int device)
{
	struct mailbox_info info;

	if (mbx_info(device, &info))
		memset(&info, 0xff, sizeof(info));
	return info;
}

#define EXPECT_USAGE(device, bytes, messages, mailboxes) do {		\
		struct mailbox_info __info = usage(device);		\
		EXPECT_EQ(bytes, __info.user_bytes);			\
		EXPECT_EQ(messages, __info.user_messages);		\
		EXPECT_EQ(mailboxes, __info.user_mailboxes);		\
	} while (0)

/* Send @length bytes; the detail goes to @error. */
static int send_bytes(int handle, size_t length, __u32 flags, struct mailbox_error *error)
{
	static char bytes[1 << 16];
	struct mailbox_send send = {
		.flags = flags | MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(bytes),
		.length = length,
	};
	int result = mbx_send(handle, &send);

	if (error)
		*error = send.error;
	return result;
}

#define EXPECT_EDQUOT(reason_, value_, error) do {			\
		const struct mailbox_error *__error = (error);		\
		EXPECT_EQ(-EDQUOT, __error->code);			\
		EXPECT_EQ(reason_, __error->reason);			\
		EXPECT_EQ(MAILBOX_NO_FIELD, __error->field);		\
		EXPECT_EQ(value_, __error->value);			\
	} while (0)

static int new_unlimited(void)
{
	return mbx_new(MAILBOX_POLICY_SHARED, MAILBOX_UNLIMITED);
}

static void empty(int handle)
{
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK | MAILBOX_RECEIVE_TRUNCATE,
	};

	while (!mbx_receive(handle, &receive))
		;
}

/* A channel with rings of these sizes; the first end, and the other one is closed. */
static int channel(__u32 ring, __u32 ring_back, struct mailbox_error *error)
{
	struct mailbox_channel channel = {
		.capacity = 1, .ring = ring, .ring_back = ring_back,
	};
	int result = mbx_on_device(MAILBOX_IOC_CHANNEL, &channel);

	*error = channel.error;
	if (result)
		return result;
	close(channel.fd_back);
	return channel.fd;
}

/* Rings cost what they hold, both ways, and a channel is a mailbox. */
TEST_F(quota, rings)
{
	struct mailbox_error error;
	int end;

	ASSERT_EQ(0, set_limit(self, USER_BYTES, 10 << 20));
	ASSERT_EQ(0, set_limit(self, USER_MAILBOXES, 1));
	ASSERT_EQ(0, mbx_become(ALICE));
	EXPECT_EQ(-EDQUOT, channel(16 << 20, 4096, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, 10 << 20, &error);
	EXPECT_EQ(-EDQUOT, channel(8 << 20, 4 << 20, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, 10 << 20, &error);
	EXPECT_USAGE(self->device, 0, 0, 0);

	end = channel(8 << 20, 1 << 20, &error);
	ASSERT_LE(0, end);
	EXPECT_EQ(1, usage(self->device).user_mailboxes);
	EXPECT_LE(9 << 20, usage(self->device).user_bytes);
	EXPECT_EQ(-EDQUOT, channel(0, 0, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_MAILBOXES, 1, &error);
	close(end);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* Ask for a channel with rings of @ring bytes, by @length bytes: its end, or -errno. */
static int ask(int handle, size_t length, __u32 ring, struct mailbox_error *error)
{
	static char bytes[1 << 16];
	struct mailbox_connect connect = {
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(bytes), .length = length,
		.capacity = 1, .ring = ring, .ring_back = ring, .fd = -1,
	};
	int result = mbx_ioctl(handle, MAILBOX_IOC_CONNECT, &connect);

	*error = connect.error;
	/* no descriptor of one that failed */
	return result ? connect.fd == -1 ? result : -EBADFD : connect.fd;
}

/* A request is a channel, */
TEST_F(quota, request_is_a_mailbox)
{
	struct mailbox_error error;
	struct mailbox_info before;
	int handle, end;

	ASSERT_EQ(0, set_limit(self, USER_MAILBOXES, 2));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	end = ask(handle, 10, 0, &error);
	ASSERT_LE(0, end);
	before = usage(self->device);
	EXPECT_EQ(2, before.user_mailboxes);
	EXPECT_EQ(1, before.user_messages);
	EXPECT_EQ(-EDQUOT, ask(handle, 10, 4096, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_MAILBOXES, 2, &error);
	EXPECT_USAGE(self->device, before.user_bytes, 1, 2);
	EXPECT_EQ(1, mbx_depth(handle));

	/* one gone, one more */
	close(end);
	EXPECT_EQ(1, usage(self->device).user_mailboxes);
	end = ask(handle, 10, 4096, &error);
	EXPECT_LE(0, end);
	close(end);
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* a message, */
TEST_F(quota, request_is_a_message)
{
	struct mailbox_error error;
	struct mailbox_info before;
	int handle, end;

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 1));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	ASSERT_EQ(0, send_bytes(handle, 10, 0, NULL));
	before = usage(self->device);
	EXPECT_EQ(-EDQUOT, ask(handle, 10, 4096, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_MESSAGES, 1, &error);
	EXPECT_USAGE(self->device, before.user_bytes, 1, 1);
	EXPECT_EQ(1, mbx_depth(handle));

	empty(handle);
	end = ask(handle, 10, 4096, &error);
	EXPECT_LE(0, end);
	EXPECT_EQ(1, usage(self->device).user_messages);
	close(end);
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* and bytes: those of the rings, each way, and its own. */
TEST_F(quota, request_is_bytes)
{
	struct mailbox_error error;
	struct mailbox_info before;
	int handle, end;

	ASSERT_EQ(0, set_limit(self, USER_BYTES, 100000));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	EXPECT_EQ(-EDQUOT, ask(handle, 10, 1 << 20, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, 100000, &error);
	EXPECT_EQ(-EDQUOT, ask(handle, 10, 1 << 16, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, 100000, &error);
	EXPECT_USAGE(self->device, 0, 0, 1);

	ASSERT_EQ(0, send_bytes(handle, 60000, 0, NULL));
	before = usage(self->device);
	EXPECT_EQ(-EDQUOT, ask(handle, 60000, 0, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, 100000, &error);
	/* there is room for its rings, but not for it */
	EXPECT_EQ(-EDQUOT, ask(handle, 30000, 4096, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, 100000, &error);
	EXPECT_USAGE(self->device, before.user_bytes, 1, 1);
	EXPECT_EQ(1, mbx_depth(handle));

	empty(handle);
	end = ask(handle, 60000, 4096, &error);
	EXPECT_LE(0, end);
	EXPECT_LE(60000 + 2 * 4096, usage(self->device).user_bytes);
	close(end);
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* And a segment all of its memory. */
TEST_F(quota, segments)
{
	struct mailbox_create create = {
		.rights = MAILBOX_RIGHT_RECEIVE, .policy = MAILBOX_POLICY_SEGMENT,
		.capacity = 16 << 20,
	};

	ASSERT_EQ(0, set_limit(self, USER_BYTES, 10 << 20));
	ASSERT_EQ(0, mbx_become(ALICE));
	EXPECT_EQ(-EDQUOT, mbx_on_device(MAILBOX_IOC_CREATE, &create));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, 10 << 20, &create.error);
	EXPECT_USAGE(self->device, 0, 0, 0);
	create.capacity = 8 << 20;
	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CREATE, &create));
	EXPECT_LE(8 << 20, usage(self->device).user_bytes);
	close(create.fd);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* Of all the quota there is one at a time, and the next when it is destroyed. */
TEST_F(quota, segment_again)
{
	struct mailbox_create create = {
		.rights = MAILBOX_RIGHT_ALL, .policy = MAILBOX_POLICY_SEGMENT,
		.capacity = 8 << 20,
	};
	void *place;
	int first;

	ASSERT_EQ(0, set_limit(self, USER_BYTES, 8 << 20));
	ASSERT_EQ(0, mbx_become(ALICE));
	first = mbx_create(&create);
	ASSERT_LE(0, first);
	place = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, first, 0);
	ASSERT_NE(MAP_FAILED, place);
	EXPECT_EQ(-EDQUOT, mbx_create(&create));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, 8 << 20, &create.error);

	/* what is still mapped is the memory cgroup's to count */
	ASSERT_EQ(0, mbx_destroy(first, NULL));
	EXPECT_USAGE(self->device, 0, 0, 0);
	EXPECT_EQ(0, *(volatile char *)place);
	ASSERT_LE(0, mbx_create(&create));
	close(create.fd);
	close(first);
	munmap(place, 8 << 20);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

TEST_F(quota, messages)
{
	struct mailbox_error error;
	int handle;

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 5));
	ASSERT_EQ(0, mbx_become(ALICE));
	EXPECT_EQ(5, usage(self->device).user_messages_max);
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	for (int i = 1; i <= 5; i++) {
		ASSERT_EQ(0, send_bytes(handle, 1, 0, NULL));
		EXPECT_EQ(i, usage(self->device).user_messages);
	}
	EXPECT_EQ(-EDQUOT, send_bytes(handle, 1, 0, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_MESSAGES, 5, &error);
	EXPECT_EQ(5, usage(self->device).user_messages);
	EXPECT_EQ(5, mbx_depth(handle));

	/* write(2) says the same */
	EXPECT_EQ(-1, write(handle, "x", 1));
	EXPECT_EQ(EDQUOT, errno);

	/* one out, one in */
	mbx_next(handle);
	EXPECT_EQ(4, usage(self->device).user_messages);
	EXPECT_EQ(0, send_bytes(handle, 1, 0, NULL));
	empty(handle);
	EXPECT_USAGE(self->device, 0, 0, 1);
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

TEST_F(quota, bytes)
{
	struct mailbox_error error;
	int handle;

	ASSERT_EQ(0, set_limit(self, USER_BYTES, 100000));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	ASSERT_EQ(0, send_bytes(handle, 40000, 0, NULL));
	/* what it costs to keep them counts as well */
	EXPECT_LT(40000, usage(self->device).user_bytes);
	ASSERT_EQ(0, send_bytes(handle, 40000, 0, NULL));
	EXPECT_EQ(-EDQUOT, send_bytes(handle, 40000, 0, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, 100000, &error);
	EXPECT_EQ(2, usage(self->device).user_messages);

	/* a shorter one has room */
	EXPECT_EQ(0, send_bytes(handle, 1000, 0, NULL));
	EXPECT_GE(100000, usage(self->device).user_bytes);
	empty(handle);
	EXPECT_USAGE(self->device, 0, 0, 1);
	EXPECT_EQ(0, send_bytes(handle, 40000, 0, NULL));
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* Small messages cost more than their payload, empty ones are not free. */
TEST_F(quota, overhead)
{
	struct mailbox_info info;
	int handle;

	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	ASSERT_EQ(0, send_bytes(handle, 0, 0, NULL));
	info = usage(self->device);
	EXPECT_LT(0, info.user_bytes);
	EXPECT_EQ(1, info.user_messages);
	close(handle);
}

TEST_F(quota, mailboxes)
{
	int handles[3];
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = 1,
	};

	ASSERT_EQ(0, set_limit(self, USER_MAILBOXES, 3));
	ASSERT_EQ(0, mbx_become(ALICE));
	for (int i = 0; i < 3; i++) {
		handles[i] = new_unlimited();
		ASSERT_LE(0, handles[i]);
		EXPECT_EQ(i + 1, usage(self->device).user_mailboxes);
	}
	EXPECT_EQ(-EDQUOT, mbx_create(&attr));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_MAILBOXES, 3, &attr.error);

	/* handles are no mailboxes */
	EXPECT_EQ(0, close(mbx_dup(handles[0], MAILBOX_RIGHT_SEND)));
	EXPECT_EQ(3, usage(self->device).user_mailboxes);

	close(handles[0]);
	EXPECT_EQ(2, usage(self->device).user_mailboxes);
	handles[0] = mbx_create(&attr);
	EXPECT_LE(0, handles[0]);
	for (int i = 0; i < 3; i++)
		close(handles[i]);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* One that is found by its name is not made, and costs nothing. */
TEST_F(quota, mailbox_found)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create attr = {
		.name = MBX_PTR(mbx_name(name, "quota")),
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0600,
		.capacity = 1,
	};
	int handle, again;

	ASSERT_EQ(0, set_limit(self, USER_MAILBOXES, 1));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = mbx_create(&attr);
	ASSERT_LE(0, handle);
	again = mbx_create(&attr);
	EXPECT_LE(0, again);
	EXPECT_EQ(0, attr.created);
	EXPECT_EQ(1, usage(self->device).user_mailboxes);
	close(again);
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* A destroyed mailbox is no longer its creator's, whoever keeps a handle. */
TEST_F(quota, ends_with_destroy)
{
	int handle, kept;

	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	kept = mbx_dup(handle, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, kept);
	EXPECT_EQ(1, usage(self->device).user_mailboxes);
	ASSERT_EQ(0, mbx_destroy(handle, NULL));
	EXPECT_EQ(0, usage(self->device).user_mailboxes);
	close(handle);
	close(kept);
	EXPECT_EQ(0, usage(self->device).user_mailboxes);
}

/* Everything by which a message can end ends its charge. */
TEST_F(quota, ends_with_the_message)
{
	struct mailbox_create lossy = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = MAILBOX_SLOW_LOSE,
		.capacity = 2,
	};
	struct mailbox_send late = {
		.flags = MAILBOX_SEND_SYNC | MAILBOX_DEADLINE,
		.deadline = 1,
	};
	struct mailbox_error error;
	int handle, receiver;

	ASSERT_EQ(0, mbx_become(ALICE));

	/* destroyed */
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, send_bytes(handle, 5000, 0, NULL));
	}
	EXPECT_EQ(3, usage(self->device).user_messages);
	ASSERT_EQ(0, mbx_destroy(handle, NULL));
	EXPECT_EQ(0, usage(self->device).user_messages);
	EXPECT_EQ(0, usage(self->device).user_bytes);
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);

	/* refused: nothing was ever charged */
	handle = mbx_new(MAILBOX_POLICY_SHARED, 1);
	ASSERT_LE(0, handle);
	ASSERT_EQ(0, send_bytes(handle, 100, 0, NULL));
	ASSERT_EQ(-EAGAIN, send_bytes(handle, 100, 0, &error));
	EXPECT_EQ(1, usage(self->device).user_messages);
	ASSERT_EQ(-EAGAIN, send_bytes(handle, 100, MAILBOX_SEND_SYNC, &error));
	EXPECT_EQ(1, usage(self->device).user_messages);
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);

	/* lost, closed by the last of its receivers, sent to nobody */
	handle = mbx_create(&lossy);
	ASSERT_LE(0, handle);
	receiver = mbx_dup(handle, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, receiver);
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, send_bytes(handle, 100, 0, NULL));
	}
	/* each once, whoever still has it */
	EXPECT_EQ(2, usage(self->device).user_messages);
	empty(handle);
	EXPECT_EQ(2, usage(self->device).user_messages);
	close(receiver);
	EXPECT_EQ(0, usage(self->device).user_messages);
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);

	/* timed out */
	handle = mbx_new(MAILBOX_POLICY_SHARED, 4);
	ASSERT_LE(0, handle);
	ASSERT_EQ(-ETIMEDOUT, mbx_send(handle, &late));
	EXPECT_USAGE(self->device, 0, 0, 1);
	close(handle);
}

/* A process that dies with all it has open leaves nothing charged. */
TEST_F(quota, ends_with_the_process)
{
	pid_t child;
	int ends[2];
	char byte;

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(0, mbx_become(ALICE));
	child = mbx_fork();
	if (!child) {
		int handle = new_unlimited();

		for (int i = 0; i < 20; i++)
			if (send_bytes(handle, 3000, 0, NULL))
				_exit(1);
		if (write(ends[1], "r", 1) != 1)
			_exit(2);
		pause();
	}
	ASSERT_EQ(1, read(ends[0], &byte, 1));
	EXPECT_EQ(20, usage(self->device).user_messages);
	EXPECT_EQ(1, usage(self->device).user_mailboxes);
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, mbx_join(child));
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* A message outlives the process that sent it, and so does its charge. */
TEST_F(quota, outlives_the_sender)
{
	int handle;
	pid_t child;

	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	child = mbx_fork();
	if (!child)
		_exit(send_bytes(handle, 1000, 0, NULL) != 0);
	ASSERT_EQ(0, mbx_join(child));
	EXPECT_EQ(1, usage(self->device).user_messages);
	empty(handle);
	EXPECT_USAGE(self->device, 0, 0, 1);
	close(handle);
}

/* Lowered below what is there: nothing is taken away, nothing more comes in. */
TEST_F(quota, lowered)
{
	struct mailbox_error error;
	int handle;

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 10));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, send_bytes(handle, 10, 0, NULL));
	}
	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 3));
	EXPECT_EQ(5, mbx_depth(handle));
	EXPECT_EQ(-EDQUOT, send_bytes(handle, 10, 0, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_MESSAGES, 3, &error);
	for (int i = 0; i < 3; i++)
		mbx_next(handle);
	EXPECT_EQ(0, send_bytes(handle, 10, 0, NULL));
	EXPECT_EQ(-EDQUOT, send_bytes(handle, 10, 0, &error));

	/* raised again, it counts at once */
	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 4));
	EXPECT_EQ(0, send_bytes(handle, 10, 0, NULL));
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* A quota of nothing is one. */
TEST_F(quota, zero)
{
	struct mailbox_create attr = { .rights = MAILBOX_RIGHT_ALL, .capacity = 1 };
	struct mailbox_error error;
	int handle;

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 0));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	EXPECT_EQ(-EDQUOT, send_bytes(handle, 0, 0, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_MESSAGES, 0, &error);
	close(handle);
	ASSERT_EQ(0, set_limit(self, USER_MAILBOXES, 0));
	EXPECT_EQ(-EDQUOT, mbx_create(&attr));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_MAILBOXES, 0, &attr.error);
}

/* Two users do not share, and the one that sends is the one that pays. */
TEST_F(quota, users_apart)
{
	struct mailbox_error error;
	int handle, ends[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 2));
	ASSERT_EQ(0, pipe(ends));
	/* root's mailbox: neither of them owns it */
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	child = mbx_fork();
	if (!child) {
		if (mbx_become(BOB) || send_bytes(handle, 10, 0, NULL) ||
		    send_bytes(handle, 10, 0, NULL) ||
		    send_bytes(handle, 10, 0, NULL) != -EDQUOT ||
		    usage(self->device).user_messages != 2)
			_exit(1);
		_exit(write(ends[1], "r", 1) != 1);
	}
	ASSERT_EQ(1, read(ends[0], &byte, 1));
	ASSERT_EQ(0, mbx_join(child));
	ASSERT_EQ(0, mbx_become(ALICE));
	EXPECT_USAGE(self->device, 0, 0, 0);
	EXPECT_EQ(0, send_bytes(handle, 10, 0, NULL));
	EXPECT_EQ(0, send_bytes(handle, 10, 0, NULL));
	EXPECT_EQ(-EDQUOT, send_bytes(handle, 10, 0, &error));
	EXPECT_EQ(4, mbx_depth(handle));

	/* what Alice takes out of Bob's does not help Alice */
	mbx_next(handle);
	mbx_next(handle);
	EXPECT_EQ(-EDQUOT, send_bytes(handle, 10, 0, &error));
	EXPECT_EQ(2, usage(self->device).user_messages);
	mbx_next(handle);
	EXPECT_EQ(0, send_bytes(handle, 10, 0, NULL));
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* All processes of a user count together. */
TEST_F(quota, processes_together)
{
	int handle;
	pid_t child;

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 3));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	ASSERT_EQ(0, send_bytes(handle, 10, 0, NULL));
	ASSERT_EQ(0, send_bytes(handle, 10, 0, NULL));
	child = mbx_fork();
	if (!child)
		_exit(send_bytes(handle, 10, 0, NULL) ||
		      send_bytes(handle, 10, 0, NULL) != -EDQUOT);
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_EQ(3, usage(self->device).user_messages);
	close(handle);
}

/* Many senders at once: the limit holds, and the count is right afterwards. */
#define CROWD 6

static long send_until_refused(void *argument)
{
	int handle = *(int *)argument;
	long sent = 0;
	int result;

	for (;;) {
		result = send_bytes(handle, 10, 0, NULL);
		if (result == -EDQUOT)
			return sent;
		if (result)
			return result;
		sent++;
	}
}

TEST_F(quota, crowd)
{
	struct mbx_task tasks[CROWD];
	long sent = 0;
	int handle;

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 200));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	for (int i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, mbx_task_start(&tasks[i], send_until_refused, &handle));
	}
	for (int i = 0; i < CROWD; i++) {
		long result = mbx_task_join(&tasks[i]);

		EXPECT_LE(0, result);
		sent += result;
	}
	/* refusals that overlap may refuse too many, never too few */
	EXPECT_GE(200, sent);
	EXPECT_EQ(sent, mbx_depth(handle));
	EXPECT_EQ(sent, usage(self->device).user_messages);
	close(handle);
	EXPECT_USAGE(self->device, 0, 0, 0);
}

/* Who may use more of the system's resources goes above all three. */
TEST_F(quota, root_above)
{
	struct mailbox_info before = usage(self->device);
	int handles[2];

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 1));
	ASSERT_EQ(0, set_limit(self, USER_BYTES, 100));
	ASSERT_EQ(0, set_limit(self, USER_MAILBOXES, 1));
	for (int i = 0; i < 2; i++) {
		handles[i] = new_unlimited();
		ASSERT_LE(0, handles[i]);
		ASSERT_EQ(0, send_bytes(handles[i], 1000, 0, NULL));
		ASSERT_EQ(0, send_bytes(handles[i], 1000, 0, NULL));
	}
	/* but it is counted */
	EXPECT_EQ(before.user_messages + 4, usage(self->device).user_messages);
	EXPECT_EQ(before.user_mailboxes + 2, usage(self->device).user_mailboxes);
	for (int i = 0; i < 2; i++)
		close(handles[i]);
	EXPECT_USAGE(self->device, before.user_bytes, before.user_messages,
		     before.user_mailboxes);
}

/* The real user counts: a set-user-ID program does not pay for its caller. */
TEST_F(quota, real_user)
{
	struct mailbox_error error;
	int handle;

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 1));
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresuid(ALICE, BOB, BOB));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	ASSERT_EQ(0, send_bytes(handle, 10, 0, NULL));
	EXPECT_EQ(-EDQUOT, send_bytes(handle, 10, 0, &error));
	EXPECT_EQ(1, usage(self->device).user_messages);
	ASSERT_EQ(0, setresuid(BOB, BOB, BOB));
	EXPECT_USAGE(self->device, 0, 0, 0);
	/* Bob has room of his own, on the handle that Alice opened */
	EXPECT_EQ(0, send_bytes(handle, 10, 0, NULL));
	EXPECT_EQ(1, usage(self->device).user_messages);
	close(handle);
}

/* The places of a broadcast, where there is room for its message alone. */
TEST_F(quota, places_of_a_broadcast)
{
	struct mailbox_info before = usage(self->device);
	struct mailbox_error error;
	int handle = new_unlimited();
	__u64 limit;

	ASSERT_LE(0, handle);
	ASSERT_EQ(0, send_bytes(handle, 10, 0, NULL));
	limit = usage(self->device).user_bytes - before.user_bytes + 10;
	close(handle);

	ASSERT_EQ(0, set_limit(self, USER_BYTES, limit));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = mbx_new(MAILBOX_POLICY_BROADCAST, 4);
	ASSERT_LE(0, handle);
	EXPECT_EQ(-EDQUOT, send_bytes(handle, 10, 0, &error));
	EXPECT_EDQUOT(MAILBOX_REASON_USER_BYTES, limit, &error);
	EXPECT_USAGE(self->device, 0, 0, 1);
	EXPECT_EQ(0, mbx_depth(handle));
	close(handle);
}

/* Many users, each with an account of its own. */
TEST_F(quota, many_users)
{
	enum { USERS = 200 };
	int handles[USERS];

	for (int i = 0; i < USERS; i++) {
		ASSERT_EQ(0, setresuid(ALICE + i, 0, 0));
		handles[i] = new_unlimited();
		ASSERT_LE(0, handles[i]);
		for (int j = 0; j < i % 3; j++)
			ASSERT_EQ(0, send_bytes(handles[i], 1, 0, NULL));
	}
	for (int i = 0; i < USERS; i++) {
		ASSERT_EQ(0, setresuid(ALICE + i, 0, 0));
		EXPECT_EQ(1, usage(self->device).user_mailboxes);
		EXPECT_EQ(i % 3, usage(self->device).user_messages);
	}
	for (int i = 0; i < USERS; i++)
		close(handles[i]);
	for (int i = 0; i < USERS; i++) {
		ASSERT_EQ(0, setresuid(ALICE + i, 0, 0));
		EXPECT_USAGE(self->device, 0, 0, 0);
	}
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

/* In a batch it ends the batch where it hits. */
TEST_F(quota, batch)
{
	struct mailbox_send items[4];
	struct mailbox_batch batch = { .flags = 0 };
	int handle;

	ASSERT_EQ(0, set_limit(self, USER_MESSAGES, 2));
	ASSERT_EQ(0, mbx_become(ALICE));
	handle = new_unlimited();
	ASSERT_LE(0, handle);
	memset(items, 0, sizeof(items));
	EXPECT_EQ(0, mbx_send_batch(handle, items, 4, &batch));
	EXPECT_EQ(2, batch.done);
	EXPECT_EDQUOT(MAILBOX_REASON_USER_MESSAGES, 2, &items[2].error);
	EXPECT_EQ(-ECANCELED, items[3].error.code);
	EXPECT_EQ(2, mbx_depth(handle));
	close(handle);
}

/* Nobody but root sets the parameters. */
TEST_F(quota, parameters_are_roots)
{
	ASSERT_EQ(0, mbx_become(ALICE));
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		EXPECT_EQ(-EACCES, mbx_set_parameter(parameters[i], 1));
		EXPECT_EQ(self->saved[i], mbx_parameter(parameters[i]));
	}
	EXPECT_EQ(-EACCES, mbx_set_parameter("message_max", 1));
}

/* --- who pays with memory -------------------------------------------- */

#define MEGABYTE	(1LL << 20)

/* A cgroup of its own, with a memory controller. */
FIXTURE(memory)
{
	char mount[64];
	char group[96];
	int handle;
	bool mounted;
};

static int put_text(const char *directory, const char *file, const char *text)
{
	char path[192];
	int fd, result;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return result;
}

static long long get_number(const char *directory, const char *file, const char *key)
{
	char path[192], line[128];
	long long value = -ENOENT;
	size_t length = strlen(key);
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	stream = fopen(path, "re");
	if (!stream)
		return -errno;
	while (fgets(line, sizeof(line), stream))
		if (!strncmp(line, key, length) && (!length || line[length] == ' '))
			sscanf(line + length, "%lld", &value);
	fclose(stream);
	return value;
}

FIXTURE_SETUP(memory)
{
	self->handle = mbx_new(MAILBOX_POLICY_SHARED, MAILBOX_UNLIMITED);
	ASSERT_LE(0, self->handle);

	snprintf(self->mount, sizeof(self->mount), "/tmp/quota-%d", getpid());
	ASSERT_EQ(0, mkdir(self->mount, 0700));
	ASSERT_EQ(0, mount("cgroup2", self->mount, "cgroup2", 0, NULL));
	self->mounted = true;
	ASSERT_EQ(0, put_text(self->mount, "cgroup.subtree_control", "+memory"));
	snprintf(self->group, sizeof(self->group), "%s/sender-%d", self->mount, getpid());
	ASSERT_EQ(0, mkdir(self->group, 0700));
}

FIXTURE_TEARDOWN(memory)
{
	close(self->handle);
	if (self->mounted) {
		EXPECT_EQ(0, rmdir(self->group));
		EXPECT_EQ(0, umount(self->mount));
	}
	rmdir(self->mount);
}

/* A child in the cgroup sends so many megabytes; the exit code is -errno. */
static int send_from_group(FIXTURE_DATA(memory) *self, int megabytes)
{
	pid_t child = mbx_fork();

	if (!child) {
		static char payload[MEGABYTE];
		struct mailbox_send send = {
			.buffer = MBX_PTR(payload),
			.length = sizeof(payload),
		};
		int result;

		memset(payload, 'm', sizeof(payload));
		if (put_text(self->group, "cgroup.procs", "0"))
			_exit(200);
		while (megabytes--) {
			send.flags = MAILBOX_NONBLOCK;
			result = mbx_send(self->handle, &send);
			if (result)
				_exit(-result);
		}
		_exit(0);
	}
	return mbx_join(child);
}

/* What is queued is charged to where its sender was, and ends with it. */
TEST_F(memory, charged_to_the_sender)
{
	long long before = get_number(self->group, "memory.current", ""), queued;
	static char room[MEGABYTE];
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(room),
		.length = sizeof(room),
	};

	ASSERT_EQ(0, before);
	ASSERT_EQ(0, send_from_group(self, 8));
	queued = get_number(self->group, "memory.current", "");
	/* the process is gone, its messages are not */
	EXPECT_LE(8 * MEGABYTE, queued);
	EXPECT_GT(10 * MEGABYTE, queued);

	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, mbx_receive(self->handle, &receive));
	}
	queued = get_number(self->group, "memory.current", "");
	EXPECT_LE(4 * MEGABYTE, queued);
	EXPECT_GT(6 * MEGABYTE, queued);
	ASSERT_EQ(0, mbx_destroy(self->handle, NULL));
	EXPECT_GT(2 * MEGABYTE, get_number(self->group, "memory.current", ""));
}

/* So are rings, as long as anybody has them mapped, and wherever that is. */
TEST_F(memory, charged_for_rings)
{
	struct mailbox_channel channel = {
		.capacity = 1, .ring = 8 * MEGABYTE, .ring_back = 8 * MEGABYTE,
	};
	int ready[2], hold[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(hold));
	child = mbx_fork();
	if (!child) {
		void *place;

		close(hold[1]);
		if (put_text(self->group, "cgroup.procs", "0") ||
		    mbx_on_device(MAILBOX_IOC_CHANNEL, &channel))
			_exit(1);
		place = mmap(NULL, mbx_page(), PROT_READ | PROT_WRITE, MAP_SHARED, channel.fd, 0);
		if (place == MAP_FAILED)
			_exit(2);
		close(channel.fd);
		close(channel.fd_back);
		if (!fork())
			_exit(read(hold[0], &byte, 1));
		_exit(write(ready[1], "r", 1) != 1);
	}
	close(hold[0]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_LE(16 * MEGABYTE, get_number(self->group, "memory.current", ""));
	/* the last one that has it mapped, a page of it */
	close(hold[1]);
	EXPECT_TRUE(MBX_UNTIL(get_number(self->group, "memory.current", "") < 2 * MEGABYTE));
	EXPECT_TRUE(MBX_UNTIL(get_number(self->group, "cgroup.events", "populated") == 0));
}

/* A new segment, all of which a child in the cgroup has touched. */
static int segment_from_group(FIXTURE_DATA(memory) *self, size_t size)
{
	int fd = mbx_new(MAILBOX_POLICY_SEGMENT, size);
	pid_t child = mbx_fork();

	if (!child) {
		void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (place == MAP_FAILED)
			_exit(1);
		if (put_text(self->group, "cgroup.procs", "0"))
			_exit(2);
		memset(place, 'm', size);
		_exit(0);
	}
	if (mbx_join(child)) {
		close(fd);
		fd = -ECHILD;
	}
	return fd;
}

static long long charged(FIXTURE_DATA(memory) *self)
{
	return get_number(self->group, "memory.current", "");
}

/* So is a segment, until it is destroyed or closed and nobody has it mapped. */
TEST_F(memory, charged_for_segments)
{
	struct mailbox_destroy now = { .flags = MAILBOX_DESTROY_NOW };
	const long long size = 8 * MEGABYTE;
	char *place;
	int fd;

	ASSERT_EQ(0, charged(self));

	/* destroyed, and then detached by the last who has it */
	fd = segment_from_group(self, size);
	ASSERT_LE(0, fd);
	EXPECT_LE(size, charged(self));
	place = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, place);
	ASSERT_EQ(0, mbx_destroy(fd, NULL));
	EXPECT_LE(size, charged(self));
	EXPECT_EQ('m', place[size - 1]);
	/* a page of it keeps it all */
	EXPECT_EQ(0, munmap(place, size - mbx_page()));
	EXPECT_LE(size, charged(self));
	EXPECT_EQ(0, munmap(place + size - mbx_page(), mbx_page()));
	/* also where the handle stays */
	EXPECT_TRUE(MBX_UNTIL(charged(self) < 2 * MEGABYTE));
	close(fd);

	/* detached, and then destroyed */
	fd = segment_from_group(self, size);
	ASSERT_LE(0, fd);
	EXPECT_LE(size, charged(self));
	ASSERT_EQ(0, mbx_destroy(fd, NULL));
	EXPECT_TRUE(MBX_UNTIL(charged(self) < 2 * MEGABYTE));
	close(fd);

	/* closed only */
	fd = segment_from_group(self, size);
	ASSERT_LE(0, fd);
	place = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, place);
	close(fd);
	EXPECT_LE(size, charged(self));
	EXPECT_EQ(0, munmap(place, size));
	EXPECT_TRUE(MBX_UNTIL(charged(self) < 2 * MEGABYTE));

	/* taken away from who has it mapped */
	fd = segment_from_group(self, size);
	ASSERT_LE(0, fd);
	place = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, place);
	EXPECT_EQ('m', place[0]);
	EXPECT_LE(size, charged(self));
	ASSERT_EQ(0, mbx_ioctl(fd, MAILBOX_IOC_DESTROY, &now));
	EXPECT_TRUE(MBX_UNTIL(charged(self) < 2 * MEGABYTE));
	EXPECT_EQ(0, munmap(place, size));
	close(fd);
}

/* At the cgroup's limit the sender fails or is killed, and nobody else. */
TEST_F(memory, limited)
{
	int result;

	ASSERT_EQ(0, put_text(self->group, "memory.max", "16777216"));
	result = send_from_group(self, 64);
	EXPECT_TRUE(result == ENOMEM || result == 128 + SIGKILL) {
		TH_LOG("ended with %d", result);
	}
	EXPECT_GE(16 * MEGABYTE, get_number(self->group, "memory.current", ""));
	EXPECT_LT(0, get_number(self->group, "memory.events", "max"));

	/* what was sent before is there, whole, and can be received */
	EXPECT_LT(8, mbx_depth(self->handle));
	EXPECT_GT(16, mbx_depth(self->handle));
	empty(self->handle);
	EXPECT_EQ(0, mbx_depth(self->handle));

	/* this process is not in the cgroup, and sends what it likes */
	EXPECT_EQ(0, send_bytes(self->handle, 60000, 0, NULL));
}

TEST_HARNESS_MAIN
