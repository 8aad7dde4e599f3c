// SPDX-License-Identifier: GPL-2.0
/*
 * What each function of the library gives the kernel, byte for byte, and what
 * it makes of the answer.
 */
#include <limits.h>

#include <kselftest_harness.h>
#include <mailbox_ring.h>

#include "fake.h"

/* The n-th ioctl() was this command on this descriptor with this struct. */
#define EXPECT_CALL(n, on, number, ...) do {				\
	const __VA_ARGS__;						\
	EXPECT_EQ((on), fake.calls[n].fd);				\
	EXPECT_EQ((unsigned long)(number), fake.calls[n].command);	\
	EXPECT_EQ(0, memcmp(&expected, fake.calls[n].argument,		\
			    sizeof(expected)));				\
} while (0)

/* The device was opened once, as it should be, and closed. */
#define EXPECT_DEVICE_ONCE() do {					\
	EXPECT_EQ(1, fake.opens);					\
	EXPECT_STREQ("/dev/mailbox", fake.path);			\
	EXPECT_EQ(O_RDWR | O_CLOEXEC, fake.oflag);			\
	EXPECT_EQ(1, fake.closes);					\
	EXPECT_EQ(FAKE_DEVICE, fake.closed[0]);				\
} while (0)

/* The first ioctl() found the iovec's two pieces behind .buffer. */
#define EXPECT_PIECES(iov) do {						\
	int n_;								\
									\
	for (n_ = 0; n_ < 2; n_++) {					\
		EXPECT_EQ(ADDRESS((iov)[n_].iov_base),			\
			  fake.calls[0].pieces[n_].base);		\
		EXPECT_EQ((iov)[n_].iov_len,				\
			  fake.calls[0].pieces[n_].length);		\
	}								\
} while (0)

#define NO_ERROR	.error.field = MAILBOX_NO_FIELD
#define ADDRESS(p)	((uintptr_t)(p))

/* Something that a call which succeeds must not touch. */
static const struct mailbox_error untouched = {
	.code = 1, .reason = 2, .field = 3, .value = 4,
};

static const struct mailbox_error refusal = {
	.code = -EINVAL, .reason = MAILBOX_REASON_RANGE, .field = 24,
	.value = 0x123456789abcdef0,
};

static char buffer[64];

static void answer(unsigned long command, void *argument)
{
	struct mailbox_receive *receive = argument;
	struct mailbox_create *create = argument;
	struct mailbox_destroy *destroy = argument;
	struct mailbox_batch *batch = argument;
	struct mailbox_send *send = argument;
	struct mailbox_open *open = argument;
	struct mailbox_list *list = argument;
	struct mailbox_stat *stat = argument;
	struct mailbox_info *info = argument;
	struct mailbox_dup *dup = argument;
	struct mailbox_channel *channel = argument;
	struct mailbox_connect *connect = argument;
	struct mailbox_accept *accept = argument;
	struct mailbox_peer *peer = argument;
	struct mailbox_stat *entry;

	switch (command) {
	case MAILBOX_IOC_INFO:
		info->features = 0x3f;
		break;
	case MAILBOX_IOC_CREATE:
		create->fd = 11;
		break;
	case MAILBOX_IOC_OPEN:
		open->fd = 12;
		break;
	case MAILBOX_IOC_DUP:
		dup->fd = 13;
		break;
	case MAILBOX_IOC_DESTROY:
		destroy->dropped = 14;
		break;
	case MAILBOX_IOC_STAT:
		stat->policy = MAILBOX_POLICY_SHARED;
		stat->depth = 15;
		break;
	case MAILBOX_IOC_LIST:
		list->count = 1;
		list->more = 1;
		entry = (void *)(uintptr_t)list->entries;
		strcpy(entry->name, "found");
		break;
	case MAILBOX_IOC_SEND:
		send->sequence = 16;
		send->receipt.pid = 17;
		break;
	case MAILBOX_IOC_RECEIVE:
		receive->header.length = 18;
		receive->header.pid = 19;
		break;
	case MAILBOX_IOC_CHANNEL:
		channel->fd = 20;
		channel->fd_back = 21;
		break;
	case MAILBOX_IOC_CONNECT:
		connect->fd = 22;
		break;
	case MAILBOX_IOC_ACCEPT:
		accept->fd = 23;
		break;
	case MAILBOX_IOC_PEER:
		peer->state = MAILBOX_PEER_OPEN;
		break;
	case MAILBOX_IOC_SEND_BATCH:
	case MAILBOX_IOC_RECEIVE_BATCH:
		batch->done = batch->count - 1;
		break;
	}
}

FIXTURE(call) {
	struct mailbox_error error;
};

FIXTURE_SETUP(call)
{
	memset(&fake, 0, sizeof(fake));
	fake.answer = answer;
	self->error = untouched;
}

FIXTURE_TEARDOWN(call)
{
	EXPECT_EQ(fake.open_errno ? 0 : fake.opens, fake.closes);
}

TEST_F(call, device)
{
	EXPECT_EQ(FAKE_DEVICE, mailbox_device(&self->error));
	EXPECT_EQ(1, fake.opens);
	EXPECT_EQ(O_RDWR | O_CLOEXEC, fake.oflag);
	EXPECT_EQ(0, fake.closes);
	EXPECT_EQ(0, memcmp(&untouched, &self->error, sizeof(untouched)));
	fake.opens = 0;
}

TEST_F(call, info)
{
	struct mailbox_info info = { .flags = 77 };

	EXPECT_EQ(0, mailbox_info(&info));
	EXPECT_EQ(0x3f, info.features);
	EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_INFO,
		    struct mailbox_info expected = { NO_ERROR });
	EXPECT_DEVICE_ONCE();
}

TEST_F(call, create)
{
	struct mailbox_attr attr = {
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = MAILBOX_SLOW_LOSE,
		.capacity = 9,
		.message_max = 512,
	};
	const char *name = "jobs";

	EXPECT_EQ(11, mailbox_create(name, MAILBOX_CREATE_EXCL |
				     MAILBOX_CREATE_PERSIST, MAILBOX_RIGHT_ALL,
				     0640, &attr, &self->error));
	EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_CREATE,
		    struct mailbox_create expected = {
			    NO_ERROR,
			    .name = ADDRESS(name),
			    .flags = MAILBOX_CREATE_EXCL |
				     MAILBOX_CREATE_PERSIST,
			    .rights = MAILBOX_RIGHT_ALL,
			    .policy = MAILBOX_POLICY_BROADCAST,
			    .slow = MAILBOX_SLOW_LOSE,
			    .mode = 0640,
			    .capacity = 9,
			    .message_max = 512,
		    });
	EXPECT_DEVICE_ONCE();
	EXPECT_EQ(0, memcmp(&untouched, &self->error, sizeof(untouched)));
}

TEST_F(call, create_without_name_and_attributes)
{
	EXPECT_EQ(11, mailbox_create(NULL, 0, MAILBOX_RIGHT_SEND, 0, NULL,
				     NULL));
	EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_CREATE,
		    struct mailbox_create expected = {
			    NO_ERROR,
			    .rights = MAILBOX_RIGHT_SEND,
			    .capacity = MAILBOX_DEFAULT_CAPACITY,
		    });
	EXPECT_DEVICE_ONCE();
}

/* Each way to open(), and the rights and flags that it stands for. */
FIXTURE(oflag) { };

FIXTURE_SETUP(oflag)
{
	memset(&fake, 0, sizeof(fake));
	fake.answer = answer;
}

FIXTURE_TEARDOWN(oflag) { }

FIXTURE_VARIANT(oflag) {
	int oflag;
	unsigned int rights;
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(oflag, rdonly) {
	.oflag = O_RDONLY,
	.rights = MAILBOX_RIGHT_RECEIVE,
};

FIXTURE_VARIANT_ADD(oflag, wronly_cloexec) {
	.oflag = O_WRONLY | O_CLOEXEC,
	.rights = MAILBOX_RIGHT_SEND,
};

FIXTURE_VARIANT_ADD(oflag, rdwr_nonblock) {
	.oflag = O_RDWR | O_NONBLOCK,
	.rights = MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE,
	.flags = MAILBOX_OPEN_NONBLOCK,
};

FIXTURE_VARIANT_ADD(oflag, rdonly_creat) {
	.oflag = O_RDONLY | O_CREAT,
	.rights = MAILBOX_RIGHT_RECEIVE,
};

FIXTURE_VARIANT_ADD(oflag, wronly_creat_nonblock) {
	.oflag = O_WRONLY | O_CREAT | O_NONBLOCK,
	.rights = MAILBOX_RIGHT_SEND,
	.flags = MAILBOX_CREATE_NONBLOCK,
};

FIXTURE_VARIANT_ADD(oflag, rdwr_creat_excl) {
	.oflag = O_RDWR | O_CREAT | O_EXCL,
	.rights = MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE,
	.flags = MAILBOX_CREATE_EXCL,
};

TEST_F(oflag, open)
{
	struct mailbox_attr attr = { .capacity = 3, .message_max = 99 };
	const char *name = "jobs";
	int create = variant->oflag & O_CREAT;

	EXPECT_EQ(create ? 11 : 12,
		  mailbox_open(name, variant->oflag, 0600, &attr, NULL));
	EXPECT_DEVICE_ONCE();
	if (create)
		EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_CREATE,
			    struct mailbox_create expected = {
				    NO_ERROR,
				    .name = ADDRESS(name),
				    .flags = variant->flags,
				    .rights = variant->rights,
				    .mode = 0600,
				    .capacity = 3,
				    .message_max = 99,
			    });
	else
		EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_OPEN,
			    struct mailbox_open expected = {
				    NO_ERROR,
				    .name = ADDRESS(name),
				    .flags = variant->flags,
				    .rights = variant->rights,
			    });
}

TEST_F(call, open_refuses_by_itself)
{
	static const struct {
		int oflag;
		uint64_t bits;
	} bad[] = {
		{ O_ACCMODE, O_ACCMODE },
		{ O_RDONLY | O_EXCL, O_EXCL },
		{ O_RDWR | O_APPEND, O_APPEND },
		{ O_WRONLY | O_CREAT | O_TRUNC | O_SYNC, O_TRUNC | O_SYNC },
		{ INT_MIN, UINT64_C(1) << 31 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->error = untouched;
		EXPECT_EQ(-EINVAL, mailbox_open("jobs", bad[i].oflag, 0, NULL,
						&self->error));
		EXPECT_EQ(-EINVAL, self->error.code);
		EXPECT_EQ(MAILBOX_REASON_FLAGS, self->error.reason);
		EXPECT_EQ(MAILBOX_NO_FIELD, self->error.field);
		EXPECT_EQ(bad[i].bits, self->error.value);
		EXPECT_EQ(-EINVAL, mailbox_open("jobs", bad[i].oflag, 0, NULL,
						NULL));
	}
	EXPECT_EQ(0, fake.opens);
}

TEST_F(call, open_without_a_name_makes_nothing)
{
	EXPECT_EQ(-EFAULT, mailbox_open(NULL, O_RDWR | O_CREAT, 0600, NULL,
					&self->error));
	EXPECT_EQ(-EFAULT, self->error.code);
	EXPECT_EQ(MAILBOX_REASON_POINTER, self->error.reason);
	EXPECT_STREQ("name", mailbox_field_name(MAILBOX_IOC_CREATE,
						self->error.field));
	EXPECT_STREQ("name", mailbox_field_name(MAILBOX_IOC_OPEN,
						self->error.field));
	EXPECT_EQ(-EFAULT, mailbox_open(NULL, O_RDWR, 0, NULL, NULL));
	EXPECT_EQ(0, fake.opens);
}

TEST_F(call, open_rights)
{
	const char *name = "jobs";

	EXPECT_EQ(12, mailbox_open_rights(name, MAILBOX_RIGHT_ADMIN,
					  MAILBOX_OPEN_NONBLOCK, &self->error));
	EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_OPEN,
		    struct mailbox_open expected = {
			    NO_ERROR,
			    .name = ADDRESS(name),
			    .flags = MAILBOX_OPEN_NONBLOCK,
			    .rights = MAILBOX_RIGHT_ADMIN,
		    });
	EXPECT_DEVICE_ONCE();
}

TEST_F(call, dup)
{
	EXPECT_EQ(13, mailbox_dup(5, MAILBOX_RIGHT_SEND, MAILBOX_OPEN_NONBLOCK,
				  &self->error));
	EXPECT_CALL(0, 5, MAILBOX_IOC_DUP,
		    struct mailbox_dup expected = {
			    NO_ERROR,
			    .flags = MAILBOX_OPEN_NONBLOCK,
			    .rights = MAILBOX_RIGHT_SEND,
		    });
}

TEST_F(call, destroy)
{
	uint64_t dropped = 0;

	EXPECT_EQ(0, mailbox_destroy(5, 0, &dropped, &self->error));
	EXPECT_EQ(14, dropped);
	EXPECT_CALL(0, 5, MAILBOX_IOC_DESTROY,
		    struct mailbox_destroy expected = { NO_ERROR });
	EXPECT_EQ(0, mailbox_destroy(5, MAILBOX_DESTROY_NOW, NULL, NULL));
	EXPECT_CALL(1, 5, MAILBOX_IOC_DESTROY,
		    struct mailbox_destroy expected = { NO_ERROR,
			.flags = MAILBOX_DESTROY_NOW });
}

TEST_F(call, remove)
{
	const char *name = "jobs";

	EXPECT_EQ(0, mailbox_remove(name, &self->error));
	EXPECT_EQ(2, fake.ioctls);
	EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_OPEN,
		    struct mailbox_open expected = {
			    NO_ERROR,
			    .name = ADDRESS(name),
			    .rights = MAILBOX_RIGHT_ADMIN,
		    });
	EXPECT_CALL(1, 12, MAILBOX_IOC_DESTROY,
		    struct mailbox_destroy expected = { NO_ERROR });
	EXPECT_EQ(2, fake.closes);
	EXPECT_EQ(FAKE_DEVICE, fake.closed[0]);
	EXPECT_EQ(12, fake.closed[1]);
	fake.closes = 1;
}

TEST_F(call, remove_that_is_late_closes_the_handle)
{
	fake.ioctl_errno = EIDRM;
	fake.ioctl_fails_at = 1;
	fake.error = (struct mailbox_error){
		.code = -EIDRM, .reason = MAILBOX_REASON_DESTROYED,
		.field = MAILBOX_NO_FIELD,
	};
	EXPECT_EQ(-EIDRM, mailbox_remove("jobs", &self->error));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, self->error.reason);
	EXPECT_EQ(2, fake.closes);
	EXPECT_EQ(12, fake.closed[1]);
	fake.closes = 1;
}

TEST_F(call, stat)
{
	struct mailbox_stat stat;

	memset(&stat, 0, sizeof(stat));
	EXPECT_EQ(0, mailbox_stat(5, &stat));
	EXPECT_EQ(15, stat.depth);
	EXPECT_CALL(0, 5, MAILBOX_IOC_STAT,
		    struct mailbox_stat expected = { NO_ERROR });
}

TEST_F(call, set)
{
	struct mailbox_set set = {
		.mask = MAILBOX_SET_CAPACITY | MAILBOX_SET_MODE,
		.mode = 0622,
		.capacity = 5,
	};

	EXPECT_EQ(0, mailbox_set(5, &set));
	EXPECT_CALL(0, 5, MAILBOX_IOC_SET,
		    struct mailbox_set expected = {
			    NO_ERROR,
			    .mask = MAILBOX_SET_CAPACITY | MAILBOX_SET_MODE,
			    .mode = 0622,
			    .capacity = 5,
		    });
}

TEST_F(call, list)
{
	struct mailbox_stat entries[3];
	const char *after = "a";
	int more = 7;

	EXPECT_EQ(1, mailbox_list(after, entries, 3, &more, &self->error));
	EXPECT_EQ(1, more);
	EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_LIST,
		    struct mailbox_list expected = {
			    NO_ERROR,
			    .after = ADDRESS(after),
			    .entries = ADDRESS(entries),
			    .entry_size = sizeof(entries[0]),
			    .count = 3,
		    });
	EXPECT_DEVICE_ONCE();
	EXPECT_EQ(1, mailbox_list(NULL, entries, 3, NULL, NULL));
}

TEST_F(call, next)
{
	struct mailbox_stat entry = { .name = "" };

	EXPECT_EQ(1, mailbox_next(&entry, &self->error));
	EXPECT_STREQ("found", entry.name);
	EXPECT_EQ(1, mailbox_next(&entry, &self->error));
	/* an empty name begins, then the entry's own name is the place */
	EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_LIST,
		    struct mailbox_list expected = {
			    NO_ERROR,
			    .entries = ADDRESS(&entry),
			    .entry_size = sizeof(entry),
			    .count = 1,
		    });
	EXPECT_CALL(1, FAKE_DEVICE, MAILBOX_IOC_LIST,
		    struct mailbox_list expected = {
			    NO_ERROR,
			    .after = ADDRESS(entry.name),
			    .entries = ADDRESS(&entry),
			    .entry_size = sizeof(entry),
			    .count = 1,
		    });
}

#define SEND(...)							\
	EXPECT_CALL(0, 5, MAILBOX_IOC_SEND,				\
		    struct mailbox_send expected = {			\
			    NO_ERROR,					\
			    .buffer = ADDRESS(buffer),			\
			    .length = 10,				\
			    __VA_ARGS__					\
		    })

TEST_F(call, send)
{
	EXPECT_EQ(0, mailbox_send(5, buffer, 10, 3, 42, &self->error));
	SEND(.priority = 3, .tag = 42);
	EXPECT_EQ(0, memcmp(&untouched, &self->error, sizeof(untouched)));
	EXPECT_EQ(0, fake.opens);
}

TEST_F(call, trysend)
{
	EXPECT_EQ(0, mailbox_trysend(5, buffer, 10, 3, UINT64_MAX, NULL));
	SEND(.flags = MAILBOX_NONBLOCK, .priority = 3, .tag = UINT64_MAX);
}

TEST_F(call, timedsend)
{
	EXPECT_EQ(0, mailbox_timedsend(5, buffer, 10, 3, 42, 123456789, NULL));
	SEND(.flags = MAILBOX_DEADLINE, .priority = 3, .tag = 42,
	     .deadline = 123456789);
}

TEST_F(call, timedsend_for_ever)
{
	EXPECT_EQ(0, mailbox_timedsend(5, buffer, 10, 3, 42, MAILBOX_FOREVER,
				       NULL));
	SEND(.priority = 3, .tag = 42);
}

TEST_F(call, timedsend_leaves_a_bad_deadline_to_the_kernel)
{
	EXPECT_EQ(0, mailbox_timedsend(5, buffer, 10, 0, 0, -EINVAL, NULL));
	SEND(.flags = MAILBOX_DEADLINE, .deadline = -EINVAL);
}

TEST_F(call, send_sync)
{
	struct mailbox_receipt receipt = { .pid = 0 };

	EXPECT_EQ(0, mailbox_send_sync(5, buffer, 10, 99, &receipt,
				       &self->error));
	EXPECT_EQ(17, receipt.pid);
	SEND(.flags = MAILBOX_SEND_SYNC | MAILBOX_DEADLINE, .deadline = 99);
}

TEST_F(call, send_sync_for_ever_without_receipt)
{
	EXPECT_EQ(0, mailbox_send_sync(5, buffer, 10, MAILBOX_FOREVER, NULL,
				       NULL));
	SEND(.flags = MAILBOX_SEND_SYNC);
}

TEST_F(call, sendmsg)
{
	struct mailbox_send message = {
		.flags = MAILBOX_DEADLINE | MAILBOX_REALTIME,
		.priority = 9,
		.tag = 8,
		.buffer = ADDRESS(buffer),
		.length = 10,
		.deadline = 7,
	};

	EXPECT_EQ(0, mailbox_sendmsg(5, &message));
	EXPECT_EQ(16, message.sequence);
	SEND(.flags = MAILBOX_DEADLINE | MAILBOX_REALTIME, .priority = 9,
	     .tag = 8, .deadline = 7);
}

TEST_F(call, sendv)
{
	struct iovec iov[2] = { { buffer, 4 }, { buffer + 8, 5 } };
	struct mailbox_send *sent = (void *)fake.calls[0].argument;

	EXPECT_EQ(0, mailbox_sendv(5, iov, 2, 3, 42, &self->error));
	/* Only where it is not the kernel's vector the iovec is copied. */
	EXPECT_EQ(sizeof(struct iovec) == sizeof(struct mailbox_vector),
		  ADDRESS(iov) == sent->buffer);
	EXPECT_CALL(0, 5, MAILBOX_IOC_SEND,
		    struct mailbox_send expected = {
			    NO_ERROR,
			    .flags = MAILBOX_VECTOR,
			    .priority = 3,
			    .tag = 42,
			    .buffer = sent->buffer,
			    .length = 2,
		    });
	EXPECT_PIECES(iov);
	EXPECT_EQ(0, mailbox_sendv(5, NULL, 0, 0, 0, NULL));
}

TEST_F(call, vectors_have_a_bound)
{
	struct iovec iov = { buffer, 1 };

	EXPECT_EQ(-EINVAL, mailbox_sendv(5, &iov, -1, 0, 0, &self->error));
	EXPECT_EQ(MAILBOX_REASON_RANGE, self->error.reason);
	EXPECT_EQ(0, self->error.value);
	EXPECT_STREQ("length", mailbox_field_name(MAILBOX_IOC_SEND,
						  self->error.field));
	EXPECT_EQ(-EINVAL, mailbox_sendv(5, &iov, MAILBOX_VECTOR_MAX + 1, 0, 0,
					 &self->error));
	EXPECT_EQ(MAILBOX_VECTOR_MAX, self->error.value);
	EXPECT_EQ(-EINVAL, mailbox_receivev(5, &iov, INT_MIN, NULL,
					    &self->error));
	EXPECT_EQ(0, self->error.value);
	EXPECT_STREQ("length", mailbox_field_name(MAILBOX_IOC_RECEIVE,
						  self->error.field));
	EXPECT_EQ(-EINVAL, mailbox_receivev(5, &iov, INT_MAX, NULL,
					    &self->error));
	EXPECT_EQ(MAILBOX_VECTOR_MAX, self->error.value);
	EXPECT_EQ(0, fake.ioctls);
}

#define RECEIVE(...)							\
	EXPECT_CALL(0, 5, MAILBOX_IOC_RECEIVE,				\
		    struct mailbox_receive expected = {			\
			    NO_ERROR,					\
			    .buffer = ADDRESS(buffer),			\
			    .length = 10,				\
			    __VA_ARGS__					\
		    })

TEST_F(call, receive)
{
	struct mailbox_header header = { .pid = 0 };

	EXPECT_EQ(18, mailbox_receive(5, buffer, 10, &header, &self->error));
	EXPECT_EQ(19, header.pid);
	RECEIVE(.flags = 0);
	EXPECT_EQ(0, memcmp(&untouched, &self->error, sizeof(untouched)));
	EXPECT_EQ(18, mailbox_receive(5, buffer, 10, NULL, NULL));
}

TEST_F(call, tryreceive)
{
	EXPECT_EQ(18, mailbox_tryreceive(5, buffer, 10, NULL, NULL));
	RECEIVE(.flags = MAILBOX_NONBLOCK);
}

TEST_F(call, timedreceive)
{
	EXPECT_EQ(18, mailbox_timedreceive(5, buffer, 10, 77, NULL, NULL));
	RECEIVE(.flags = MAILBOX_DEADLINE, .deadline = 77);
}

TEST_F(call, timedreceive_for_ever)
{
	EXPECT_EQ(18, mailbox_timedreceive(5, buffer, 10, MAILBOX_FOREVER, NULL,
					   NULL));
	RECEIVE(.flags = 0);
}

TEST_F(call, receive_tag)
{
	EXPECT_EQ(18, mailbox_receive_tag(5, 42, buffer, 10, 77, NULL, NULL));
	RECEIVE(.flags = MAILBOX_DEADLINE, .select = MAILBOX_SELECT_TAG,
		.tag = 42, .deadline = 77);
}

TEST_F(call, receive_from)
{
	EXPECT_EQ(18, mailbox_receive_from(5, 4711, buffer, 10, MAILBOX_FOREVER,
					   NULL, NULL));
	RECEIVE(.select = MAILBOX_SELECT_PID, .pid = 4711);
}

TEST_F(call, peek)
{
	struct mailbox_header header;

	EXPECT_EQ(18, mailbox_peek(5, 6, buffer, 10, &header, NULL));
	RECEIVE(.flags = MAILBOX_RECEIVE_PEEK | MAILBOX_RECEIVE_TRUNCATE,
		.index = 6);
}

TEST_F(call, receivev)
{
	struct iovec iov[2] = { { buffer, 4 }, { buffer + 8, 50 } };
	struct mailbox_receive *asked = (void *)fake.calls[0].argument;
	struct mailbox_header header;

	EXPECT_EQ(18, mailbox_receivev(5, iov, 2, &header, &self->error));
	EXPECT_EQ(18, header.length);
	EXPECT_CALL(0, 5, MAILBOX_IOC_RECEIVE,
		    struct mailbox_receive expected = {
			    NO_ERROR,
			    .flags = MAILBOX_VECTOR,
			    .buffer = asked->buffer,
			    .length = 2,
		    });
	EXPECT_PIECES(iov);
}

static void answer_truncated(unsigned long command, void *argument)
{
	struct mailbox_receive *receive = argument;

	receive->header.length = 5000;
	receive->header.flags = MAILBOX_MESSAGE_TRUNCATED;
}

TEST_F(call, recvmsg_says_how_much_is_in_the_buffer)
{
	struct mailbox_vector pieces[3] = {
		{ ADDRESS(buffer), 4 }, { 0, 0 }, { ADDRESS(buffer + 8), 7 },
	};
	struct mailbox_receive message = {
		.flags = MAILBOX_RECEIVE_TRUNCATE,
		.buffer = ADDRESS(buffer),
		.length = 10,
	};

	fake.answer = answer_truncated;
	EXPECT_EQ(10, mailbox_recvmsg(5, &message));
	EXPECT_EQ(5000, message.header.length);

	message.flags |= MAILBOX_VECTOR;
	message.buffer = ADDRESS(pieces);
	message.length = 3;
	EXPECT_EQ(11, mailbox_recvmsg(5, &message));
}

TEST_F(call, sendmmsg)
{
	struct mailbox_send items[4];

	memset(items, 0, sizeof(items));
	EXPECT_EQ(3, mailbox_sendmmsg(5, items, 4, &self->error));
	EXPECT_CALL(0, 5, MAILBOX_IOC_SEND_BATCH,
		    struct mailbox_batch expected = {
			    NO_ERROR,
			    .items = ADDRESS(items),
			    .item_size = sizeof(items[0]),
			    .count = 4,
		    });
}

TEST_F(call, recvmmsg)
{
	struct mailbox_receive items[4];

	memset(items, 0, sizeof(items));
	EXPECT_EQ(3, mailbox_recvmmsg(5, items, 4, &self->error));
	EXPECT_CALL(0, 5, MAILBOX_IOC_RECEIVE_BATCH,
		    struct mailbox_batch expected = {
			    NO_ERROR,
			    .items = ADDRESS(items),
			    .item_size = sizeof(items[0]),
			    .count = 4,
		    });
}

/* --- channels and segments ------------------------------------------------ */

static const struct mailbox_channel_attr rings = {
	.capacity = 3, .message_max = 64, .ring = 8192, .ring_back = 4096,
};

TEST_F(call, channel)
{
	int ends[2] = { -1, -1 };

	EXPECT_EQ(0, mailbox_channel(ends, &rings, &self->error));
	EXPECT_EQ(20, ends[0]);
	EXPECT_EQ(21, ends[1]);
	EXPECT_DEVICE_ONCE();
	EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_CHANNEL,
		    struct mailbox_channel expected = {
			    NO_ERROR,
			    .ring = 8192,
			    .ring_back = 4096,
			    .capacity = 3,
			    .message_max = 64,
		    });
}

TEST_F(call, channel_without_attributes)
{
	int ends[2];

	EXPECT_EQ(0, mailbox_channel(ends, NULL, NULL));
	EXPECT_CALL(0, FAKE_DEVICE, MAILBOX_IOC_CHANNEL,
		    struct mailbox_channel expected = {
			    NO_ERROR,
			    .capacity = MAILBOX_DEFAULT_CAPACITY,
		    });
}

TEST_F(call, connect)
{
	EXPECT_EQ(22, mailbox_connect(5, buffer, 6, &rings, 7000, &self->error));
	EXPECT_CALL(0, 5, MAILBOX_IOC_CONNECT,
		    struct mailbox_connect expected = {
			    NO_ERROR,
			    .flags = MAILBOX_DEADLINE,
			    .buffer = ADDRESS(buffer),
			    .length = 6,
			    .deadline = 7000,
			    .capacity = 3,
			    .message_max = 64,
			    .ring = 8192,
			    .ring_back = 4096,
		    });
}

TEST_F(call, connect_for_ever_without_attributes)
{
	EXPECT_EQ(22, mailbox_connect(5, NULL, 0, NULL, MAILBOX_FOREVER, NULL));
	EXPECT_CALL(0, 5, MAILBOX_IOC_CONNECT,
		    struct mailbox_connect expected = {
			    NO_ERROR,
			    .capacity = MAILBOX_DEFAULT_CAPACITY,
		    });
}

TEST_F(call, accept)
{
	EXPECT_EQ(23, mailbox_accept(5, 1ULL << 40, MAILBOX_ACCEPT_NONBLOCK, &self->error));
	EXPECT_CALL(0, 5, MAILBOX_IOC_ACCEPT,
		    struct mailbox_accept expected = {
			    NO_ERROR,
			    .sequence = 1ULL << 40,
			    .flags = MAILBOX_ACCEPT_NONBLOCK,
		    });
}

TEST_F(call, refuse)
{
	EXPECT_EQ(0, mailbox_refuse(5, 9, 77, &self->error));
	EXPECT_CALL(0, 5, MAILBOX_IOC_REFUSE,
		    struct mailbox_refuse expected = {
			    NO_ERROR,
			    .sequence = 9,
			    .code = 77,
		    });
}

/* All of it is the kernel's: what the caller had there does not matter. */
TEST_F(call, peer)
{
	struct mailbox_peer peer;

	memset(&peer, 0xff, sizeof(peer));
	EXPECT_EQ(0, mailbox_peer(5, &peer));
	EXPECT_EQ(MAILBOX_PEER_OPEN, peer.state);
	EXPECT_CALL(0, 5, MAILBOX_IOC_PEER,
		    struct mailbox_peer expected = { NO_ERROR });
}

TEST_F(call, peer_pidfd_of_nobody)
{
	EXPECT_EQ(-ESRCH, mailbox_peer_pidfd(5, &self->error));
	EXPECT_EQ(-ESRCH, self->error.code);
	EXPECT_EQ(MAILBOX_REASON_NONE, self->error.reason);
}

TEST_F(call, ring_open_without_rings)
{
	struct mailbox_ring *ring;

	EXPECT_EQ(-ENOTTY, mailbox_ring_open(5, 0, &ring, &self->error));
	EXPECT_EQ(-ENOTTY, self->error.code);
}

TEST_F(call, segment)
{
	EXPECT_EQ(11, mailbox_segment("table", O_RDWR | O_CREAT | O_EXCL,
				      MAILBOX_CREATE_PERSIST, 0640, 5000, &self->error));
	EXPECT_DEVICE_ONCE();
	EXPECT_EQ(MAILBOX_IOC_CREATE, fake.calls[0].command);
	EXPECT_EQ(MAILBOX_POLICY_SEGMENT,
		  ((struct mailbox_create *)fake.calls[0].argument)->policy);
	EXPECT_EQ(5000, ((struct mailbox_create *)fake.calls[0].argument)->capacity);
	EXPECT_EQ(0, ((struct mailbox_create *)fake.calls[0].argument)->message_max);
	EXPECT_EQ(MAILBOX_CREATE_PERSIST | MAILBOX_CREATE_EXCL,
		  ((struct mailbox_create *)fake.calls[0].argument)->flags);
	EXPECT_EQ(MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE,
		  ((struct mailbox_create *)fake.calls[0].argument)->rights);
}

TEST_F(call, segment_refuses_by_itself)
{
	static const int bad[] = {
		O_WRONLY, O_RDWR | O_EXCL, O_RDWR | O_TRUNC, O_RDONLY | O_NONBLOCK,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, mailbox_segment("table", bad[i], 0, 0, 0, &self->error));
		EXPECT_EQ(MAILBOX_REASON_FLAGS, self->error.reason);
	}
	EXPECT_EQ(0, fake.opens);
}

TEST_F(call, attach_what_is_no_segment)
{
	void *place;

	EXPECT_EQ(-ENODEV, mailbox_attach(5, NULL, 0, &place, NULL, &self->error));
	EXPECT_EQ(MAILBOX_REASON_POLICY, self->error.reason);
}

/* --- failures, of every function alike ---------------------------------- */

/* Each function once; structs hand their .error on, to be looked at alike. */
static ssize_t info_(struct mailbox_error *error)
{
	struct mailbox_info info;
	int result = mailbox_info(&info);

	if (error)
		*error = info.error;
	return result;
}

static ssize_t create_(struct mailbox_error *error)
{
	return mailbox_create("jobs", 0, MAILBOX_RIGHT_ALL, 0600, NULL, error);
}

static ssize_t open_(struct mailbox_error *error)
{
	return mailbox_open("jobs", O_RDWR, 0, NULL, error);
}

static ssize_t open_create(struct mailbox_error *error)
{
	return mailbox_open("jobs", O_RDWR | O_CREAT, 0600, NULL, error);
}

static ssize_t open_rights(struct mailbox_error *error)
{
	return mailbox_open_rights("jobs", MAILBOX_RIGHT_ALL, 0, error);
}

static ssize_t remove_(struct mailbox_error *error)
{
	return mailbox_remove("jobs", error);
}

static ssize_t list_(struct mailbox_error *error)
{
	struct mailbox_stat entries[2];

	return mailbox_list(NULL, entries, 2, NULL, error);
}

static ssize_t next_(struct mailbox_error *error)
{
	struct mailbox_stat entry = { .name = "here" };
	ssize_t result = mailbox_next(&entry, error);

	return strcmp(entry.name, "here") ? -EXFULL : result;
}

static ssize_t dup_(struct mailbox_error *error)
{
	return mailbox_dup(5, MAILBOX_RIGHT_SEND, 0, error);
}

static ssize_t destroy_(struct mailbox_error *error)
{
	uint64_t dropped = 1;
	ssize_t result = mailbox_destroy(5, 0, &dropped, error);

	return dropped != 1 ? -EXFULL : result;
}

static ssize_t stat_(struct mailbox_error *error)
{
	struct mailbox_stat stat;
	int result = mailbox_stat(5, &stat);

	if (error)
		*error = stat.error;
	return result;
}

static ssize_t set_(struct mailbox_error *error)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_MODE };
	int result = mailbox_set(5, &set);

	if (error)
		*error = set.error;
	return result;
}

static ssize_t send_(struct mailbox_error *error)
{
	return mailbox_send(5, buffer, 10, 0, 0, error);
}

static ssize_t trysend(struct mailbox_error *error)
{
	return mailbox_trysend(5, buffer, 10, 0, 0, error);
}

static ssize_t timedsend(struct mailbox_error *error)
{
	return mailbox_timedsend(5, buffer, 10, 0, 0, 1, error);
}

static ssize_t send_sync(struct mailbox_error *error)
{
	struct mailbox_receipt receipt = { .pid = 1 };
	ssize_t result = mailbox_send_sync(5, buffer, 10, 1, &receipt, error);

	return receipt.pid != 1 ? -EXFULL : result;
}

static ssize_t sendv(struct mailbox_error *error)
{
	return mailbox_sendv(5, NULL, 0, 0, 0, error);
}

static ssize_t sendmsg_(struct mailbox_error *error)
{
	struct mailbox_send message = { .flags = 0 };
	int result = mailbox_sendmsg(5, &message);

	if (error)
		*error = message.error;
	return result;
}

static ssize_t sendmmsg_(struct mailbox_error *error)
{
	struct mailbox_send message = { .flags = 0 };

	return mailbox_sendmmsg(5, &message, 1, error);
}

static ssize_t receive(struct mailbox_error *error)
{
	struct mailbox_header header = { .pid = 1 };
	ssize_t result = mailbox_receive(5, buffer, 10, &header, error);

	return header.pid != 1 ? -EXFULL : result;
}

static ssize_t tryreceive(struct mailbox_error *error)
{
	return mailbox_tryreceive(5, buffer, 10, NULL, error);
}

static ssize_t timedreceive(struct mailbox_error *error)
{
	return mailbox_timedreceive(5, buffer, 10, 1, NULL, error);
}

static ssize_t receive_tag(struct mailbox_error *error)
{
	return mailbox_receive_tag(5, 1, buffer, 10, 1, NULL, error);
}

static ssize_t receive_from(struct mailbox_error *error)
{
	return mailbox_receive_from(5, 1, buffer, 10, 1, NULL, error);
}

static ssize_t receivev(struct mailbox_error *error)
{
	return mailbox_receivev(5, NULL, 0, NULL, error);
}

static ssize_t peek(struct mailbox_error *error)
{
	return mailbox_peek(5, 0, NULL, 0, NULL, error);
}

static ssize_t recvmsg_(struct mailbox_error *error)
{
	struct mailbox_receive message = { .flags = 0 };
	ssize_t result = mailbox_recvmsg(5, &message);

	if (error)
		*error = message.error;
	return result;
}

static ssize_t recvmmsg_(struct mailbox_error *error)
{
	struct mailbox_receive message = { .flags = 0 };

	return mailbox_recvmmsg(5, &message, 1, error);
}

static ssize_t channel_(struct mailbox_error *error)
{
	int ends[2];

	return mailbox_channel(ends, NULL, error);
}

static ssize_t connect_(struct mailbox_error *error)
{
	return mailbox_connect(5, NULL, 0, NULL, MAILBOX_FOREVER, error);
}

static ssize_t accept_(struct mailbox_error *error)
{
	return mailbox_accept(5, 1, 0, error);
}

static ssize_t refuse_(struct mailbox_error *error)
{
	return mailbox_refuse(5, 1, 0, error);
}

static ssize_t peer_(struct mailbox_error *error)
{
	struct mailbox_peer peer;
	int result = mailbox_peer(5, &peer);

	if (error)
		*error = peer.error;
	return result;
}

static ssize_t peer_pidfd(struct mailbox_error *error)
{
	return mailbox_peer_pidfd(5, error);
}

static ssize_t ring_open(struct mailbox_error *error)
{
	struct mailbox_ring *ring;

	return mailbox_ring_open(5, 0, &ring, error);
}

static ssize_t segment_(struct mailbox_error *error)
{
	return mailbox_segment("table", O_RDWR | O_CREAT, 0, 0600, 1, error);
}

static ssize_t attach(struct mailbox_error *error)
{
	void *place;

	return mailbox_attach(5, NULL, 0, &place, NULL, error);
}

static ssize_t ioctl_(struct mailbox_error *error)
{
	struct mailbox_destroy destroy;
	int result = mailbox_ioctl(5, MAILBOX_IOC_DESTROY, &destroy);

	if (error)
		*error = destroy.error;
	return result;
}

static ssize_t device_(struct mailbox_error *error)
{
	return mailbox_device(error);
}

static const struct {
	const char *name;
	ssize_t (*call)(struct mailbox_error *error);
	int device;	/* opens it */
} functions[] = {
	{ "mailbox_info", info_, 1 },
	{ "mailbox_create", create_, 1 },
	{ "mailbox_open", open_, 1 },
	{ "mailbox_open with O_CREAT", open_create, 1 },
	{ "mailbox_open_rights", open_rights, 1 },
	{ "mailbox_remove", remove_, 1 },
	{ "mailbox_list", list_, 1 },
	{ "mailbox_next", next_, 1 },
	{ "mailbox_dup", dup_, 0 },
	{ "mailbox_destroy", destroy_, 0 },
	{ "mailbox_stat", stat_, 0 },
	{ "mailbox_set", set_, 0 },
	{ "mailbox_send", send_, 0 },
	{ "mailbox_trysend", trysend, 0 },
	{ "mailbox_timedsend", timedsend, 0 },
	{ "mailbox_send_sync", send_sync, 0 },
	{ "mailbox_sendv", sendv, 0 },
	{ "mailbox_sendmsg", sendmsg_, 0 },
	{ "mailbox_sendmmsg", sendmmsg_, 0 },
	{ "mailbox_receive", receive, 0 },
	{ "mailbox_tryreceive", tryreceive, 0 },
	{ "mailbox_timedreceive", timedreceive, 0 },
	{ "mailbox_receive_tag", receive_tag, 0 },
	{ "mailbox_receive_from", receive_from, 0 },
	{ "mailbox_receivev", receivev, 0 },
	{ "mailbox_peek", peek, 0 },
	{ "mailbox_recvmsg", recvmsg_, 0 },
	{ "mailbox_recvmmsg", recvmmsg_, 0 },
	{ "mailbox_channel", channel_, 1 },
	{ "mailbox_connect", connect_, 0 },
	{ "mailbox_accept", accept_, 0 },
	{ "mailbox_refuse", refuse_, 0 },
	{ "mailbox_peer", peer_, 0 },
	{ "mailbox_peer_pidfd", peer_pidfd, 0 },
	{ "mailbox_ring_open", ring_open, 0 },
	{ "mailbox_segment", segment_, 1 },
	{ "mailbox_attach", attach, 0 },
	{ "mailbox_ioctl", ioctl_, 0 },
};

TEST_F(call, the_kernels_reason_arrives)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		memset(&fake, 0, sizeof(fake));
		fake.ioctl_errno = EINVAL;
		fake.error = refusal;
		self->error = untouched;
		EXPECT_EQ(-EINVAL, functions[i].call(&self->error)) {
			TH_LOG("%s", functions[i].name);
		}
		EXPECT_EQ(0, memcmp(&refusal, &self->error, sizeof(refusal))) {
			TH_LOG("%s", functions[i].name);
		}
		EXPECT_EQ(functions[i].device, fake.closes);
	}
}

TEST_F(call, nobody_needs_to_ask_for_it)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		memset(&fake, 0, sizeof(fake));
		fake.ioctl_errno = EINVAL;
		fake.error = refusal;
		EXPECT_EQ(-EINVAL, functions[i].call(NULL)) {
			TH_LOG("%s", functions[i].name);
		}
		EXPECT_EQ(functions[i].device, fake.closes);
	}
}

TEST_F(call, a_failure_without_a_reason_has_a_code)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		memset(&fake, 0, sizeof(fake));
		fake.ioctl_errno = EBADF;
		fake.silent = 1;
		self->error = untouched;
		EXPECT_EQ(-EBADF, functions[i].call(&self->error)) {
			TH_LOG("%s", functions[i].name);
		}
		EXPECT_EQ(-EBADF, self->error.code);
		EXPECT_EQ(MAILBOX_REASON_NONE, self->error.reason);
		EXPECT_EQ(MAILBOX_NO_FIELD, self->error.field);
		EXPECT_EQ(0, self->error.value);
	}
}

/* A call that a signal broke off may have been restarted inside of the kernel. */
TEST_F(call, errno_has_the_last_word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		memset(&fake, 0, sizeof(fake));
		fake.ioctl_errno = EINTR;
		fake.error.code = -512;
		fake.error.field = MAILBOX_NO_FIELD;
		EXPECT_EQ(-EINTR, functions[i].call(&self->error));
		EXPECT_EQ(-EINTR, self->error.code) {
			TH_LOG("%s", functions[i].name);
		}
	}
}

TEST_F(call, without_a_device)
{
	static const int numbers[] = { ENOENT, ENXIO, ENODEV, EACCES, EMFILE };
	size_t i, n;

	for (n = 0; n < ARRAY_SIZE(numbers); n++) {
		for (i = 0; i < ARRAY_SIZE(functions); i++) {
			if (!functions[i].device)
				continue;
			memset(&fake, 0, sizeof(fake));
			fake.open_errno = numbers[n];
			self->error = untouched;
			EXPECT_EQ(-numbers[n],
				  functions[i].call(&self->error)) {
				TH_LOG("%s", functions[i].name);
			}
			EXPECT_EQ(-numbers[n], self->error.code);
			EXPECT_EQ(MAILBOX_REASON_NONE, self->error.reason);
			EXPECT_EQ(MAILBOX_NO_FIELD, self->error.field);
			EXPECT_EQ(-numbers[n], functions[i].call(NULL));
			EXPECT_EQ(0, fake.ioctls);
			EXPECT_EQ(0, fake.closes);
		}
		EXPECT_EQ(-numbers[n], device_(&self->error));
		EXPECT_EQ(-numbers[n], device_(NULL));
	}
}

TEST_HARNESS_MAIN
