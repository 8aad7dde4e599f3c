// SPDX-License-Identifier: GPL-2.0
/*
 * Mailboxes at their plainest: create, send, receive, destroy.
 *
 * features.rst rows with their test here:
 *   message passing, indirect	basic.send_receive, basic.several_processes_share,
 *				basic.destroy
 *   message sizes		size.*.content, fixed_size,
 *				basic.too_small_a_buffer, basic.truncate
 *   POSIX mq: priorities	basic.priorities
 *   sockets: credentials	attest.*
 *   memory: content, vectored	vector.*
 *   memory accounting, limits	parameter.* (and quota_test)
 */
#include "kselftest_harness.h"
#include "common.h"

#include <sys/mman.h>

FIXTURE(basic)
{
	int fd;
};

FIXTURE_SETUP(basic)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 256);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(basic)
{
	close(self->fd);
}

TEST(info)
{
	struct mailbox_info info;
	int device = mbx_device();
	__u64 all = MAILBOX_FEATURE_QUEUE | MAILBOX_FEATURE_BATCH | MAILBOX_FEATURE_SYNC |
		    MAILBOX_FEATURE_NAMES | MAILBOX_FEATURE_PAIR | MAILBOX_FEATURE_BROADCAST;

	ASSERT_LE(0, device);
	ASSERT_EQ(0, mbx_info(device, &info));
	EXPECT_EQ(MAILBOX_ABI_VERSION, info.abi_version);
	EXPECT_EQ(all, info.features & all);
	EXPECT_EQ(16 << 20, info.message_max);
	EXPECT_EQ(64 << 20, info.user_bytes_max);
	EXPECT_EQ(65536, info.user_messages_max);
	EXPECT_EQ(1024, info.user_mailboxes_max);
	close(device);
}

TEST_F(basic, info_on_handle_counts_what_is_queued)
{
	struct mailbox_info before, after;

	ASSERT_EQ(0, mbx_info(self->fd, &before));
	EXPECT_LE(1, before.user_mailboxes);
	ASSERT_EQ(0, mbx_put(self->fd, "0123456789", 0));
	ASSERT_EQ(0, mbx_info(self->fd, &after));
	EXPECT_EQ(before.user_messages + 1, after.user_messages);
	EXPECT_LE(before.user_bytes + 10, after.user_bytes);
	EXPECT_STREQ("0123456789", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_info(self->fd, &after));
	EXPECT_EQ(before.user_messages, after.user_messages);
	EXPECT_EQ(before.user_bytes, after.user_bytes);
}

TEST_F(basic, handle_is_a_mailbox_file_closed_on_exec)
{
	char path[64], link[64] = "";

	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
	EXPECT_EQ(0, fcntl(self->fd, F_GETFL) & O_NONBLOCK);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	ASSERT_LT(0, readlink(path, link, sizeof(link) - 1));
	EXPECT_STREQ("anon_inode:[mailbox]", link);
}

TEST(create_reports_a_new_mailbox)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_SEND,
		.flags = MAILBOX_CREATE_NONBLOCK,
		.capacity = 1,
		.created = 77,
		.fd = 77,
	};
	int fd = mbx_create(&attr);

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, attr.created);
	EXPECT_NE(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}

TEST_F(basic, send_receive)
{
	static const char text[] = "a message";
	struct mailbox_send send = {
		.priority = 3,
		.tag = 0x123456789abcdef0ULL,
		.buffer = MBX_PTR(text),
		.length = sizeof(text),
	};
	char buffer[64];
	struct mailbox_receive receive = {
		.buffer = MBX_PTR(buffer),
		.length = sizeof(buffer),
	};
	__u64 before = mbx_now(), after;

	ASSERT_EQ(0, mbx_send(self->fd, &send));
	after = mbx_now();
	EXPECT_EQ(1, send.sequence);
	EXPECT_EQ(0, send.receipt.time);

	memset(&receive.header, 0xff, sizeof(receive.header));
	memset(buffer, 'x', sizeof(buffer));
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_EQ(1, receive.header.sequence);
	EXPECT_EQ(sizeof(text), receive.header.length);
	EXPECT_EQ(send.tag, receive.header.tag);
	EXPECT_EQ(3, receive.header.priority);
	EXPECT_EQ(0, receive.header.flags);
	EXPECT_EQ(0, receive.header.lost);
	EXPECT_EQ(getpid(), receive.header.pid);
	EXPECT_EQ(geteuid(), receive.header.uid);
	EXPECT_EQ(getegid(), receive.header.gid);
	EXPECT_EQ(0, receive.header.reserved);
	EXPECT_LE(before, receive.header.time);
	EXPECT_LE(receive.header.time, after);
	EXPECT_STREQ(text, buffer);
	/* and no byte more than the message */
	EXPECT_EQ('x', buffer[sizeof(text)]);
	EXPECT_EQ(0, receive.error.code);
	EXPECT_EQ(0, mbx_depth(self->fd));
}

TEST_F(basic, error_is_left_alone_on_success)
{
	struct mailbox_send send = { .error = { .code = 42, .reason = 43, .field = 44, .value = 45 } };

	ASSERT_EQ(0, mbx_send(self->fd, &send));
	EXPECT_EQ(42, send.error.code);
	EXPECT_EQ(43, send.error.reason);
	EXPECT_EQ(44, send.error.field);
	EXPECT_EQ(45, send.error.value);
}

TEST_F(basic, order_within_one_priority)
{
	char text[8];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ASSERT_EQ(0, mbx_put_tagged(self->fd, text, 5, i));
	}
	for (i = 0; i < 100; i++) {
		struct mailbox_header header;

		ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), MAILBOX_NONBLOCK, &header));
		ASSERT_EQ(i, atoi(text));
		ASSERT_EQ(i, header.tag);
		ASSERT_EQ(i + 1, header.sequence);
	}
	EXPECT_STREQ("<11>", mbx_next(self->fd));
}

TEST_F(basic, priorities)
{
	static const unsigned int order[] = { 0, 32767, 7, 1, 7, 0, 16384, 32767, 1, 32766 };
	struct mailbox_header header, last = { .priority = 40000 };
	char text[8];
	int i;

	for (i = 0; i < ARRAY_SIZE(order); i++)
		ASSERT_EQ(0, mbx_put_tagged(self->fd, "p", order[i], 0));
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), MAILBOX_NONBLOCK, &header));
		ASSERT_EQ(order[header.sequence - 1], header.priority);
		ASSERT_LE(header.priority, last.priority);
		if (header.priority == last.priority)
			ASSERT_LT(last.sequence, header.sequence);
		last = header;
	}
}

/* Many priorities at once, that an order kept in a tree has to survive. */
TEST_F(basic, many_priorities)
{
	struct mailbox_header header;
	unsigned int i, last = 40000;
	char text[8];

	for (i = 0; i < 256; i++)
		ASSERT_EQ(0, mbx_put_tagged(self->fd, "p", i * 7919 % 32768, 0));
	for (i = 0; i < 256; i++) {
		ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), MAILBOX_NONBLOCK, &header));
		ASSERT_LT(header.priority, last);
		ASSERT_EQ((header.sequence - 1) * 7919 % 32768, header.priority);
		last = header.priority;
	}
}

TEST_F(basic, several_processes_share)
{
	int seen[4] = { 0 }, i;
	pid_t children[4];
	char text[8];

	for (i = 0; i < 4; i++) {
		children[i] = mbx_fork();
		ASSERT_LE(0, children[i]);
		if (!children[i]) {
			snprintf(text, sizeof(text), "%d", i);
			_exit(mbx_put(self->fd, text, 0) ? 1 : 0);
		}
	}
	for (i = 0; i < 4; i++) {
		struct mailbox_header header;

		ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, &header));
		ASSERT_LE(0, atoi(text));
		ASSERT_LT(atoi(text), 4);
		seen[atoi(text)]++;
		EXPECT_EQ(children[atoi(text)], header.pid);
	}
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(1, seen[i]);
		EXPECT_EQ(0, mbx_join(children[i]));
	}
}

TEST_F(basic, destroy)
{
	char text[8];
	__u64 dropped = 77;

	ASSERT_EQ(0, mbx_put(self->fd, "one", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "two", 0));
	ASSERT_EQ(0, mbx_destroy(self->fd, &dropped));
	EXPECT_EQ(2, dropped);
	EXPECT_EQ(-EIDRM, mbx_put(self->fd, "three", 0));
	EXPECT_EQ(-EIDRM, mbx_get(self->fd, text, sizeof(text), 0, NULL));
	EXPECT_EQ(-EIDRM, mbx_destroy(self->fd, NULL));
}

/* The message at hand stays, in its place, and the caller learns its size. */
TEST_F(basic, too_small_a_buffer)
{
	char buffer[16];
	struct mailbox_receive receive = { .buffer = MBX_PTR(buffer), .length = 4 };

	ASSERT_EQ(0, mbx_put_tagged(self->fd, "first", 1, 0));
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "2", 0, 0));
	ASSERT_EQ(-EMSGSIZE, mbx_receive(self->fd, &receive));
	EXPECT_EQ(-EMSGSIZE, receive.error.code);
	EXPECT_EQ(MAILBOX_REASON_BUFFER_SIZE, receive.error.reason);
	EXPECT_EQ(5, receive.error.value);
	EXPECT_EQ(2, mbx_depth(self->fd));
	EXPECT_STREQ("first", mbx_next(self->fd));
	EXPECT_STREQ("2", mbx_next(self->fd));
}

TEST_F(basic, truncate)
{
	char buffer[16] = "";
	struct mailbox_receive receive = {
		.flags = MAILBOX_RECEIVE_TRUNCATE,
		.buffer = MBX_PTR(buffer),
		.length = 4,
	};

	ASSERT_EQ(0, mbx_put(self->fd, "long one", 0));
	ASSERT_EQ(0, mbx_put(self->fd, "fits", 0));
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_STREQ("long", buffer);
	EXPECT_EQ(8, receive.header.length);
	EXPECT_EQ(MAILBOX_MESSAGE_TRUNCATED, receive.header.flags);
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_STREQ("fits", buffer);
	EXPECT_EQ(4, receive.header.length);
	EXPECT_EQ(0, receive.header.flags);
	EXPECT_EQ(0, mbx_depth(self->fd));
}

TEST(fixed_size)
{
	struct mailbox_create attr = {
		.flags = MAILBOX_CREATE_FIXED,
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = 4,
		.message_max = 6,
	};
	struct mailbox_send send = { .buffer = MBX_PTR("sevenbytes"), .length = 7 };
	int fd = mbx_create(&attr);

	ASSERT_LE(0, fd);
	ASSERT_EQ(-EMSGSIZE, mbx_send(fd, &send));
	EXPECT_EQ(MAILBOX_REASON_FIXED_SIZE, send.error.reason);
	EXPECT_EQ(6, send.error.value);
	send.length = 5;
	EXPECT_EQ(-EMSGSIZE, mbx_send(fd, &send));
	send.length = 6;
	EXPECT_EQ(0, mbx_send(fd, &send));
	EXPECT_STREQ("sevenb", mbx_next(fd));
	close(fd);
}

TEST(largest_message_of_a_mailbox)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = 4,
		.message_max = 6,
	};
	struct mailbox_send send = { .buffer = MBX_PTR("sevenbytes"), .length = 7 };
	int fd = mbx_create(&attr);

	ASSERT_LE(0, fd);
	ASSERT_EQ(-EMSGSIZE, mbx_send(fd, &send));
	EXPECT_EQ(MAILBOX_REASON_MAILBOX_SIZE, send.error.reason);
	EXPECT_EQ(6, send.error.value);
	EXPECT_EQ(0, mbx_depth(fd));
	EXPECT_EQ(0, mbx_put(fd, "short", 0));
	EXPECT_STREQ("short", mbx_next(fd));
	close(fd);
}

/* --- sizes ----------------------------------------------------------- */

FIXTURE(size)
{
	int fd;
	unsigned char *out, *in;
};

FIXTURE_VARIANT(size)
{
	size_t length;
};

FIXTURE_VARIANT_ADD(size, empty) { .length = 0 };
FIXTURE_VARIANT_ADD(size, byte) { .length = 1 };
FIXTURE_VARIANT_ADD(size, word) { .length = 8 };
FIXTURE_VARIANT_ADD(size, line_and_a_byte) { .length = 65 };
FIXTURE_VARIANT_ADD(size, page) { .length = 4096 };
FIXTURE_VARIANT_ADD(size, page_less_a_byte) { .length = 4095 };
FIXTURE_VARIANT_ADD(size, page_and_a_byte) { .length = 4097 };
FIXTURE_VARIANT_ADD(size, pages_and_a_byte) { .length = 3 * 4096 + 1 };
FIXTURE_VARIANT_ADD(size, mebibyte) { .length = 1 << 20 };
FIXTURE_VARIANT_ADD(size, largest) { .length = 16 << 20 };

#define GUARD 64

FIXTURE_SETUP(size)
{
	uint32_t state = 0x2545f491;
	size_t i;

	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 64);
	ASSERT_LE(0, self->fd);
	self->out = malloc(variant->length + GUARD);
	self->in = malloc(variant->length + GUARD);
	ASSERT_NE(NULL, self->out);
	ASSERT_NE(NULL, self->in);
	/* A period of pages would hide one that is exchanged for another. */
	for (i = 0; i < variant->length + GUARD; i++) {
		state = state * 1664525 + 1013904223;
		self->out[i] = state >> 24;
	}
	memset(self->in, 0xa5, variant->length + GUARD);
}

FIXTURE_TEARDOWN(size)
{
	free(self->in);
	free(self->out);
	close(self->fd);
}

TEST_F(size, content)
{
	struct mailbox_send send = {
		.buffer = MBX_PTR(self->out),
		.length = variant->length,
	};
	struct mailbox_receive receive = {
		.buffer = MBX_PTR(self->in),
		.length = variant->length,
	};
	int i;

	ASSERT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	ASSERT_EQ(variant->length, receive.header.length);
	EXPECT_EQ(0, memcmp(self->out, self->in, variant->length));
	for (i = 0; i < GUARD; i++)
		ASSERT_EQ(0xa5, self->in[variant->length + i]);
}

/* Wherever a message is split inside, all lengths about it must work. */
TEST(sizes_around_every_split)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	unsigned char out[3 * 4096 + 64], in[sizeof(out)];
	size_t center, length;

	ASSERT_LE(0, fd);
	for (length = 0; length < sizeof(out); length++)
		out[length] = length * 31 + length / 251;
	for (center = 4096; center <= 3 * 4096; center += 4096) {
		for (length = center - 200; length < center + 10; length++) {
			struct mailbox_send send = { .buffer = MBX_PTR(out), .length = length };
			struct mailbox_receive receive = {
				.buffer = MBX_PTR(in),
				.length = sizeof(in),
			};

			memset(in, 0x5a, sizeof(in));
			ASSERT_EQ(0, mbx_send(fd, &send));
			ASSERT_EQ(0, mbx_receive(fd, &receive));
			ASSERT_EQ(length, receive.header.length);
			ASSERT_EQ(0, memcmp(out, in, length));
			ASSERT_EQ(0x5a, in[length]);
		}
	}
	close(fd);
}

/* --- the module's limit ---------------------------------------------- */

#define PARAMETER	"/sys/module/mailbox_ipc/parameters/message_max"

FIXTURE(parameter)
{
	char saved[32];
};

static int parameter_set(const char *value)
{
	int fd = open(PARAMETER, O_WRONLY | O_CLOEXEC), result = 0;

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		result = -errno;
	close(fd);
	return result;
}

FIXTURE_SETUP(parameter)
{
	int fd = open(PARAMETER, O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_LT(0, read(fd, self->saved, sizeof(self->saved) - 1));
	close(fd);
	EXPECT_EQ(16 << 20, atoi(self->saved));
}

FIXTURE_TEARDOWN(parameter)
{
	EXPECT_EQ(0, parameter_set(self->saved));
}

TEST_F(parameter, message_max_raised)
{
	size_t length = 17 << 20;
	unsigned char *out = malloc(length), *in = malloc(length);
	struct mailbox_send send = { .buffer = MBX_PTR(out), .length = length };
	struct mailbox_receive receive = { .buffer = MBX_PTR(in), .length = length };
	struct mailbox_info info;
	size_t i;
	int fd;

	ASSERT_NE(NULL, out);
	ASSERT_NE(NULL, in);
	for (i = 0; i < length; i++)
		out[i] = i + i / 4093;
	ASSERT_EQ(0, parameter_set("18000000"));
	fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_info(fd, &info));
	EXPECT_EQ(18000000, info.message_max);
	ASSERT_EQ(0, mbx_send(fd, &send));
	ASSERT_EQ(0, mbx_receive(fd, &receive));
	EXPECT_EQ(0, memcmp(out, in, length));
	close(fd);
	free(in);
	free(out);
}

/* It counts for mailboxes that are there already, too. */
TEST_F(parameter, message_max_lowered)
{
	char text[101] = "";
	struct mailbox_send send = { .buffer = MBX_PTR(text), .length = 101 };
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 2);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_send(fd, &send));
	ASSERT_EQ(0, parameter_set("100"));
	ASSERT_EQ(-EMSGSIZE, mbx_send(fd, &send));
	EXPECT_EQ(MAILBOX_REASON_MODULE_SIZE, send.error.reason);
	EXPECT_EQ(100, send.error.value);
	/* what is queued is not lost by it */
	EXPECT_STREQ("", mbx_next(fd));
	send.length = 100;
	EXPECT_EQ(0, mbx_send(fd, &send));
	close(fd);
}

TEST_F(parameter, message_max_beyond_reason)
{
	EXPECT_NE(0, parameter_set("1073741825"));
	EXPECT_NE(0, parameter_set("-1"));
	EXPECT_NE(0, parameter_set("much"));
}

/* --- vectors --------------------------------------------------------- */

FIXTURE(vector)
{
	int fd;
};

FIXTURE_SETUP(vector)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(vector)
{
	close(self->fd);
}

TEST_F(vector, gather_and_scatter)
{
	struct mailbox_vector out[] = {
		{ MBX_PTR("one "), 4 }, { 0, 0 }, { MBX_PTR("two "), 4 }, { MBX_PTR("three"), 5 },
	};
	char a[3] = "", b[20] = "", c[4] = "ccc";
	struct mailbox_vector in[] = {
		{ MBX_PTR(a), 2 }, { MBX_PTR(b), 11 }, { MBX_PTR(c), 3 },
	};
	struct mailbox_send send = {
		.flags = MAILBOX_VECTOR,
		.buffer = MBX_PTR(out),
		.length = ARRAY_SIZE(out),
	};
	struct mailbox_receive receive = {
		.flags = MAILBOX_VECTOR,
		.buffer = MBX_PTR(in),
		.length = ARRAY_SIZE(in),
	};

	ASSERT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_EQ(13, receive.header.length);
	EXPECT_STREQ("on", a);
	EXPECT_STREQ("e two three", b);
	EXPECT_STREQ("ccc", c);
}

TEST_F(vector, as_many_pieces_as_allowed)
{
	struct mailbox_vector out[MAILBOX_VECTOR_MAX], in[MAILBOX_VECTOR_MAX];
	unsigned char from[MAILBOX_VECTOR_MAX * 9], to[sizeof(from)];
	struct mailbox_send send = {
		.flags = MAILBOX_VECTOR,
		.buffer = MBX_PTR(out),
		.length = MAILBOX_VECTOR_MAX,
	};
	struct mailbox_receive receive = {
		.flags = MAILBOX_VECTOR,
		.buffer = MBX_PTR(in),
		.length = MAILBOX_VECTOR_MAX,
	};
	int i;

	for (i = 0; i < sizeof(from); i++)
		from[i] = i * 7 + i / 256;
	/* pieces of other sizes on the way in than on the way out */
	for (i = 0; i < MAILBOX_VECTOR_MAX; i++) {
		out[i].base = MBX_PTR(from + 9 * i);
		out[i].length = 9;
		in[i].base = MBX_PTR(to + 8 * i);
		in[i].length = 8;
	}
	in[MAILBOX_VECTOR_MAX - 1].length += MAILBOX_VECTOR_MAX;
	ASSERT_EQ(0, mbx_send(self->fd, &send));
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_EQ(sizeof(from), receive.header.length);
	EXPECT_EQ(0, memcmp(from, to, sizeof(from)));
}

TEST_F(vector, no_pieces_is_an_empty_message)
{
	struct mailbox_send send = { .flags = MAILBOX_VECTOR };
	struct mailbox_receive receive = { .flags = MAILBOX_VECTOR };

	ASSERT_EQ(0, mbx_send(self->fd, &send));
	EXPECT_EQ(1, mbx_depth(self->fd));
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_EQ(0, receive.header.length);
	EXPECT_EQ(1, receive.header.sequence);
}

TEST_F(vector, too_little_room)
{
	char a[3] = "", b[3] = "";
	struct mailbox_vector in[] = { { MBX_PTR(a), 2 }, { MBX_PTR(b), 2 } };
	struct mailbox_receive receive = {
		.flags = MAILBOX_VECTOR,
		.buffer = MBX_PTR(in),
		.length = 2,
	};

	ASSERT_EQ(0, mbx_put(self->fd, "12345", 0));
	ASSERT_EQ(-EMSGSIZE, mbx_receive(self->fd, &receive));
	EXPECT_EQ(5, receive.error.value);
	receive.flags |= MAILBOX_RECEIVE_TRUNCATE;
	ASSERT_EQ(0, mbx_receive(self->fd, &receive));
	EXPECT_STREQ("12", a);
	EXPECT_STREQ("34", b);
	EXPECT_EQ(MAILBOX_MESSAGE_TRUNCATED, receive.header.flags);
}

/* --- attestation ----------------------------------------------------- */

FIXTURE(attest)
{
	int fd;
	struct mailbox_header header;
	char text[16];
};

FIXTURE_SETUP(attest)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(attest)
{
	close(self->fd);
}

#define GET() mbx_get(self->fd, self->text, sizeof(self->text), 0, &self->header)

TEST_F(attest, child)
{
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child)
		_exit(mbx_put(self->fd, "child", 0) ? 1 : 0);
	ASSERT_EQ(0, GET());
	EXPECT_STREQ("child", self->text);
	EXPECT_EQ(child, self->header.pid);
	EXPECT_EQ(geteuid(), self->header.uid);
	EXPECT_EQ(0, mbx_join(child));
}

/* The sender may be gone; the header still says who it was. */
TEST_F(attest, child_that_has_exited)
{
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child)
		_exit(mbx_put(self->fd, "child", 0) ? 1 : 0);
	ASSERT_EQ(0, mbx_join(child));
	ASSERT_EQ(0, GET());
	/*
	 * The number of a process that has been reaped names nobody any more, so
	 * both answers are honest; another process's would not be.
	 */
	EXPECT_TRUE(self->header.pid == child || self->header.pid == 0);
	EXPECT_EQ(geteuid(), self->header.uid);
}

TEST_F(attest, thread_sends_as_its_process)
{
	struct mbx_call call;

	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "thread", 0));
	ASSERT_EQ(0, mbx_call_join(&call));
	ASSERT_NE(getpid(), call.tid);
	ASSERT_EQ(0, GET());
	EXPECT_EQ(getpid(), self->header.pid);
}

TEST_F(attest, setuid)
{
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_put(self->fd, "before", 0) || mbx_become(1234) ||
		    mbx_put(self->fd, "after", 0))
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(0, mbx_join(child));
	ASSERT_EQ(0, GET());
	EXPECT_STREQ("before", self->text);
	EXPECT_EQ(0, self->header.uid);
	EXPECT_EQ(0, self->header.gid);
	ASSERT_EQ(0, GET());
	EXPECT_STREQ("after", self->text);
	EXPECT_EQ(1234, self->header.uid);
	EXPECT_EQ(1234, self->header.gid);
}

TEST_F(attest, effective_ids)
{
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (setresgid(-1, 4321, -1) || setresuid(-1, 1234, -1))
			_exit(2);
		_exit(mbx_put(self->fd, "x", 0) ? 1 : 0);
	}
	ASSERT_EQ(0, mbx_join(child));
	ASSERT_EQ(0, GET());
	EXPECT_EQ(1234, self->header.uid);
	EXPECT_EQ(4321, self->header.gid);
}

/*
 * A set-user-ID program that is started with a handle for its standard error writes
 * there what it takes for a terminal's: root has not sent that.
 */
TEST_F(attest, real_ids_of_a_write)
{
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (setresgid(4321, -1, -1) || setresuid(1234, -1, -1))
			_exit(2);
		_exit(write(self->fd, "usage", 6) == 6 && !mbx_put(self->fd, "x", 0) ? 0 : 1);
	}
	ASSERT_EQ(0, mbx_join(child));
	ASSERT_EQ(0, GET());
	EXPECT_EQ(1234, self->header.uid);
	EXPECT_EQ(4321, self->header.gid);
	/* a command is meant as such */
	ASSERT_EQ(0, GET());
	EXPECT_EQ(0, self->header.uid);
	EXPECT_EQ(0, self->header.gid);
}

/* Nor has it received what it read from its standard input. */
TEST_F(attest, real_ids_of_a_read)
{
	int waits;

	for (waits = 0; waits < 2; waits++) {
		struct mailbox_send send = {
			.flags = MAILBOX_SEND_SYNC, .buffer = MBX_PTR("line"), .length = 5,
		};
		pid_t child = mbx_fork();
		char line[8];

		ASSERT_LE(0, child);
		if (!child) {
			if (setresgid(4321, -1, -1) || setresuid(1234, -1, -1))
				_exit(2);
			if (!waits && !mbx_wait_waiters(self->fd, 1, 0))
				_exit(3);
			_exit(read(self->fd, line, sizeof(line)) == 5 ? 0 : 1);
		}
		if (waits) {
			ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
			/* told by the sender, who does not wait for the copy */
			send.flags |= MAILBOX_NONBLOCK;
		}
		EXPECT_EQ(0, mbx_send(self->fd, &send));
		EXPECT_EQ(1234, send.receipt.uid);
		EXPECT_EQ(4321, send.receipt.gid);
		EXPECT_EQ(0, mbx_join(child));
	}
}

TEST_F(attest, pid_namespace)
{
	pid_t outer, *inner = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int back = mbx_new(MAILBOX_POLICY_SHARED, 4);

	ASSERT_NE(MAP_FAILED, (void *)inner);
	ASSERT_LE(0, back);
	outer = mbx_fork();
	ASSERT_LE(0, outer);
	if (!outer) {
		pid_t first;

		if (unshare(CLONE_NEWPID))
			_exit(2);
		first = fork();
		if (first < 0)
			_exit(3);
		if (!first) {
			/* number 1 in there, and it sees nobody from outside */
			if (getpid() != 1 ||
			    mbx_put(self->fd, "from inside", 0) ||
			    mbx_get(back, self->text, sizeof(self->text), 0, &self->header))
				_exit(4);
			if (self->header.pid != 0)
				_exit(5);
			/* what it sent itself it sees by its own number */
			if (mbx_put(back, "self", 0) ||
			    mbx_get(back, self->text, sizeof(self->text), 0, &self->header))
				_exit(6);
			_exit(self->header.pid == 1 ? 0 : 7);
		}
		*inner = first;
		_exit(mbx_join(first));
	}
	ASSERT_EQ(0, GET());
	EXPECT_STREQ("from inside", self->text);
	EXPECT_LT(1, self->header.pid);
	EXPECT_TRUE(MBX_UNTIL(*(volatile pid_t *)inner > 0));
	EXPECT_EQ(*inner, self->header.pid);
	ASSERT_EQ(0, mbx_put(back, "from outside", 0));
	EXPECT_EQ(0, mbx_join(outer));
	close(back);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), result = 0;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		result = -errno;
	close(fd);
	return result;
}

/* A receiver in a user namespace sees the sender's ids as mapped there. */
TEST_F(attest, user_namespace_mapped)
{
	pid_t child;

	ASSERT_EQ(0, mbx_put(self->fd, "x", 0));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (unshare(CLONE_NEWUSER) ||
		    write_file("/proc/self/setgroups", "deny") ||
		    write_file("/proc/self/uid_map", "5 0 1") ||
		    write_file("/proc/self/gid_map", "6 0 1"))
			_exit(2);
		if (GET())
			_exit(3);
		if (self->header.uid != 5)
			_exit(4);
		_exit(self->header.gid == 6 ? 0 : 5);
	}
	EXPECT_EQ(0, mbx_join(child));
}

/* Ids without a mapping are the overflow ids, not somebody else's. */
TEST_F(attest, user_namespace_unmapped)
{
	pid_t child;

	ASSERT_EQ(0, mbx_put(self->fd, "x", 0));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (unshare(CLONE_NEWUSER))
			_exit(2);
		if (GET())
			_exit(3);
		_exit(self->header.uid == 65534 && self->header.gid == 65534 ? 0 : 4);
	}
	EXPECT_EQ(0, mbx_join(child));
}

/* And one who sends from there is attested with what he is outside. */
TEST_F(attest, user_namespace_sender)
{
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		/* the change of ids took /proc/self from it */
		if (mbx_become(1234) || prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER) ||
		    write_file("/proc/self/setgroups", "deny") ||
		    write_file("/proc/self/uid_map", "0 1234 1") ||
		    write_file("/proc/self/gid_map", "0 1234 1"))
			_exit(2);
		if (getuid() != 0)
			_exit(3);
		_exit(mbx_put(self->fd, "x", 0) ? 4 : 0);
	}
	ASSERT_EQ(0, mbx_join(child));
	ASSERT_EQ(0, GET());
	EXPECT_EQ(1234, self->header.uid);
	EXPECT_EQ(1234, self->header.gid);
}

TEST_HARNESS_MAIN
