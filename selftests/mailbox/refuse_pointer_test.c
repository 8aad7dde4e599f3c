// SPDX-License-Identifier: GPL-2.0
/*
 * The pointers within the structs, and those of read(2) and write(2): wherever
 * they lead, no message is lost or half sent, nothing leaks, and the mailbox
 * works afterwards.
 */
#include "refuse.h"

#include <sys/uio.h>

#include "kselftest_harness.h"

/* --- a member that points nowhere ------------------------------------ */

FIXTURE(pointer)
{
	struct world world;
};

/**
 * @kind: the valid request
 * @at: offset of the pointer
 * @output: the kernel writes there, so that it must be writable
 */
FIXTURE_VARIANT(pointer)
{
	enum kind kind;
	__u16 at;
	bool output;
};

FIXTURE_SETUP(pointer)
{
	ASSERT_EQ(0, world_make(&self->world));
}

FIXTURE_TEARDOWN(pointer)
{
	world_end(&self->world);
}

#define POINTER(name, kind_, type, member_, ...) \
	FIXTURE_VARIANT_ADD(pointer, name) \
	{ .kind = kind_, .at = MBX_FIELD(mailbox_##type, member_), __VA_ARGS__ }

/* names are in refuse_name_test.c */
POINTER(list_entries, LIST, list, entries, .output = true);
POINTER(send_buffer, SEND, send, buffer);
POINTER(send_array, SEND_VECTOR, send, buffer);
POINTER(send_broadcast_buffer, SEND_BROADCAST, send, buffer);
POINTER(receive_buffer, RECEIVE, receive, buffer, .output = true);
POINTER(receive_array, RECEIVE_VECTOR, receive, buffer);
POINTER(receive_until_buffer, RECEIVE_UNTIL, receive, buffer, .output = true);
POINTER(receive_tag_buffer, RECEIVE_TAG, receive, buffer, .output = true);
POINTER(peek_buffer, PEEK, receive, buffer, .output = true);
POINTER(connect_buffer, CONNECT, connect, buffer);
POINTER(connect_array, CONNECT_VECTOR, connect, buffer);
/* items that are read-only have a test of their own */
POINTER(send_batch_items, SEND_BATCH, batch, items);
POINTER(receive_batch_items, RECEIVE_BATCH, batch, items);

TEST_F(pointer, nowhere)
{
	struct request request, before;
	struct trace trace;

	trace_take(&trace, &self->world);
	for (enum mbx_nowhere kind = 0; kind < MBX_NOWHERE_KINDS; kind++) {
		__u64 where = mbx_nowhere(kind);

		if (kind == MBX_READ_ONLY && !variant->output)
			continue;
		request_make(&request, &self->world, variant->kind);
		request_put(&request, variant->at, sizeof(where), where);
		before = request;
		EXPECT_EQ(-EFAULT, request_try(&request)) {
			TH_LOG("kind %d, address %llx", kind, where);
		}
		EXPECT_DETAIL(EFAULT, MAILBOX_REASON_POINTER, variant->at, where,
			      &request.in.error);
		EXPECT_EQ(0, memcmp(before.in.bytes + sizeof(before.in.error),
				    request.in.bytes + sizeof(before.in.error),
				    sizeof(before.in) - sizeof(before.in.error)));
	}
	EXPECT_NO_TRACE(&trace, &self->world);

	/* it was the pointer, and all is well */
	request_make(&request, &self->world, variant->kind);
	EXPECT_EQ(0, request_try(&request));
}

/* --- payloads that are there in part --------------------------------- */

FIXTURE(payload)
{
	struct world world;
	struct trace trace;
	size_t size;
};

/**
 * @size: of the message: one within a slab object, several pages, many
 */
FIXTURE_VARIANT(payload)
{
	size_t size;
};

FIXTURE_VARIANT_ADD(payload, small) { .size = 64 };
FIXTURE_VARIANT_ADD(payload, page) { .size = 4096 };
FIXTURE_VARIANT_ADD(payload, pages) { .size = 3 * 4096 + 17 };
FIXTURE_VARIANT_ADD(payload, large) { .size = 1 << 20 };

FIXTURE_SETUP(payload)
{
	ASSERT_EQ(0, world_make(&self->world));
	self->size = variant->size;
}

FIXTURE_TEARDOWN(payload)
{
	world_end(&self->world);
}

/* Bytes that differ from place to place and from page to page. */
static unsigned char pattern(size_t at)
{
	return at + (at >> 12) * 31 + 1;
}

static void fill(unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern(i);
}

static size_t first_wrong(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != pattern(i))
			return i;
	return size;
}

/* Take out what the world has put in, and put a message of this size in. */
static int one_message(struct world *world, size_t size)
{
	unsigned char *bytes = malloc(size);
	struct mailbox_send send = {
		.flags = MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(bytes),
		.length = size,
	};
	int result;

	for (int i = 0; i < WORLD_MESSAGES; i++) {
		struct mailbox_receive receive;

		request_receive(world, &receive, 0);
		result = mbx_receive(world->handle, &receive);
		if (result)
			return result;
	}
	fill(bytes, size);
	result = mbx_send(world->handle, &send);
	free(bytes);
	return result;
}

/* Some numbers of missing bytes: 1, a few, a page and more, all but one. */
#define FOR_EACH_MISSING(missing, size) \
	for (size_t missing = 1; missing < (size); missing += 1 + missing * 3)

TEST_F(payload, send_from_the_end_of_memory)
{
	unsigned char *bytes = mbx_cliff(self->size);
	struct request request;

	ASSERT_NE(NULL, bytes);
	fill(bytes, self->size);
	trace_take(&self->trace, &self->world);
	FOR_EACH_MISSING(missing, self->size) {
		request_make(&request, &self->world, SEND);
		request.in.send.buffer = MBX_PTR(bytes + missing);
		request.in.send.length = self->size;
		EXPECT_EQ(-EFAULT, request_try(&request));
		EXPECT_DETAIL(EFAULT, MAILBOX_REASON_POINTER, MBX_FIELD(mailbox_send, buffer),
			      MBX_PTR(bytes + missing), &request.in.error);
		EXPECT_EQ(0, request.in.send.sequence);

		EXPECT_GT(0, write(self->world.handle, bytes + missing, self->size));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);

	/* up to the last byte it is there */
	request_make(&request, &self->world, SEND);
	request.in.send.buffer = MBX_PTR(bytes);
	request.in.send.length = self->size;
	EXPECT_EQ(0, request_try(&request));
}

TEST_F(payload, receive_over_the_end_of_memory)
{
	unsigned char *bytes = mbx_cliff(self->size);
	struct request request;

	ASSERT_NE(NULL, bytes);
	ASSERT_EQ(0, one_message(&self->world, self->size));
	trace_take(&self->trace, &self->world);
	FOR_EACH_MISSING(missing, self->size) {
		request_make(&request, &self->world, RECEIVE);
		request.in.receive.buffer = MBX_PTR(bytes + missing);
		request.in.receive.length = self->size;
		EXPECT_EQ(-EFAULT, request_try(&request));
		EXPECT_DETAIL(EFAULT, MAILBOX_REASON_POINTER,
			      MBX_FIELD(mailbox_receive, buffer), MBX_PTR(bytes + missing),
			      &request.in.error);
		EXPECT_EQ(0, request.in.receive.header.sequence);

		EXPECT_GT(0, read(self->world.handle, bytes + missing, self->size));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);

	/* after all that it is still there, and whole */
	memset(bytes, 0, self->size);
	request_make(&request, &self->world, RECEIVE);
	request.in.receive.buffer = MBX_PTR(bytes);
	request.in.receive.length = self->size;
	EXPECT_EQ(0, request_try(&request));
	EXPECT_EQ(self->size, first_wrong(bytes, self->size));
	EXPECT_EQ(self->size, request.in.receive.header.length);
}

/* Few bytes are copied word by word, and then one by one: any may be the missing one. */
TEST(each_byte_missing)
{
	enum { LENGTH = 19 };
	unsigned char *bytes = mbx_cliff(LENGTH);
	struct request request;
	struct trace trace;
	struct world world;

	ASSERT_NE(NULL, bytes);
	ASSERT_EQ(0, world_make(&world));
	trace_take(&trace, &world);
	for (size_t length = 1; length <= LENGTH; length++) {
		for (size_t missing = 1; missing <= length; missing++) {
			request_make(&request, &world, SEND);
			request.in.send.buffer = MBX_PTR(bytes + LENGTH - length + missing);
			request.in.send.length = length;
			EXPECT_EQ(-EFAULT, request_try(&request)) {
				TH_LOG("%zu of %zu bytes missing", missing, length);
			}
		}
	}
	EXPECT_NO_TRACE(&trace, &world);

	ASSERT_EQ(WORLD_MESSAGES, mbx_depth(world.handle));
	for (size_t missing = 1; missing <= sizeof(world.payload); missing++) {
		request_make(&request, &world, RECEIVE);
		request.in.receive.buffer = MBX_PTR(bytes + LENGTH - sizeof(world.payload) + missing);
		request.in.receive.length = sizeof(world.payload);
		EXPECT_EQ(-EFAULT, request_try(&request));
	}
	EXPECT_NO_TRACE(&trace, &world);
	world_end(&world);
}

/* Room that is promised but not needed need not exist. */
TEST_F(payload, receive_into_more_than_memory)
{
	unsigned char *bytes = mbx_cliff(self->size);
	struct request request;

	ASSERT_NE(NULL, bytes);
	ASSERT_EQ(0, one_message(&self->world, self->size));
	request_make(&request, &self->world, RECEIVE);
	request.in.receive.buffer = MBX_PTR(bytes);
	request.in.receive.length = self->size + (1 << 20);
	EXPECT_EQ(0, request_try(&request));
	EXPECT_EQ(self->size, first_wrong(bytes, self->size));
}

/* Truncation takes the message only if the part asked for could be written. */
TEST_F(payload, truncate_over_the_end_of_memory)
{
	unsigned char *bytes = mbx_cliff(self->size / 2);
	struct request request;

	ASSERT_NE(NULL, bytes);
	ASSERT_EQ(0, one_message(&self->world, self->size));
	trace_take(&self->trace, &self->world);
	request_make(&request, &self->world, RECEIVE);
	request.in.receive.flags |= MAILBOX_RECEIVE_TRUNCATE;
	request.in.receive.buffer = MBX_PTR(bytes + 1);
	request.in.receive.length = self->size / 2;
	EXPECT_EQ(-EFAULT, request_try(&request));
	EXPECT_NO_TRACE(&self->trace, &self->world);

	request.in.receive.buffer = MBX_PTR(bytes);
	EXPECT_EQ(0, request_try(&request));
	EXPECT_EQ(self->size, request.in.receive.header.length);
	EXPECT_EQ(self->size / 2, first_wrong(bytes, self->size / 2));
}

/* --- vectors --------------------------------------------------------- */

#define PIECES 4

FIXTURE(vector)
{
	struct world world;
	struct trace trace;
	struct request request;
	struct mailbox_vector *pieces;
	struct iovec iov[PIECES];
	unsigned char *bytes;
	size_t size;		/* of a piece */
};

FIXTURE_VARIANT(vector)
{
	enum kind kind;
	size_t size;
};

FIXTURE_VARIANT_ADD(vector, send_small) { .kind = SEND, .size = 16 };
FIXTURE_VARIANT_ADD(vector, send_large) { .kind = SEND, .size = 5000 };
FIXTURE_VARIANT_ADD(vector, receive_small) { .kind = RECEIVE, .size = 16 };
FIXTURE_VARIANT_ADD(vector, receive_large) { .kind = RECEIVE, .size = 5000 };

FIXTURE_SETUP(vector)
{
	self->size = variant->size;
	ASSERT_EQ(0, world_make(&self->world));
	ASSERT_EQ(0, one_message(&self->world, PIECES * self->size));
	trace_take(&self->trace, &self->world);

	/* the array ends where memory ends */
	self->pieces = mbx_cliff(PIECES * sizeof(self->pieces[0]));
	self->bytes = malloc(PIECES * self->size);
	ASSERT_NE(NULL, self->pieces);
	ASSERT_NE(NULL, self->bytes);
	fill(self->bytes, PIECES * self->size);
	request_make(&self->request, &self->world, variant->kind);
	for (int i = 0; i < PIECES; i++) {
		self->pieces[i].base = MBX_PTR(self->bytes + i * self->size);
		self->pieces[i].length = self->size;
		self->iov[i].iov_base = self->bytes + i * self->size;
		self->iov[i].iov_len = self->size;
	}
	if (variant->kind == SEND) {
		self->request.in.send.flags |= MAILBOX_VECTOR;
		self->request.in.send.buffer = MBX_PTR(self->pieces);
		self->request.in.send.length = PIECES;
	} else {
		self->request.in.receive.flags |= MAILBOX_VECTOR;
		self->request.in.receive.buffer = MBX_PTR(self->pieces);
		self->request.in.receive.length = PIECES;
	}
}

FIXTURE_TEARDOWN(vector)
{
	free(self->bytes);
	world_end(&self->world);
}

#define VECTOR_FIELD(kind) ((kind) == SEND ? MBX_FIELD(mailbox_send, buffer) : \
					     MBX_FIELD(mailbox_receive, buffer))

#define EXPECT_VECTOR_WORKS(self) do {					\
		EXPECT_EQ(0, request_try(&(self)->request));		\
		EXPECT_EQ(PIECES * (self)->size,			\
			  first_wrong((self)->bytes, PIECES * (self)->size)); \
	} while (0)

TEST_F(vector, base_nowhere)
{
	for (int i = 0; i < PIECES; i++) {
		__u64 base = self->pieces[i].base;

		for (enum mbx_nowhere kind = 0; kind < MBX_NOWHERE_KINDS; kind++) {
			ssize_t moved;

			if (kind == MBX_READ_ONLY && variant->kind == SEND)
				continue;
			self->pieces[i].base = mbx_nowhere(kind);
			EXPECT_EQ(-EFAULT, request_try(&self->request)) {
				TH_LOG("piece %d, kind %d", i, kind);
			}
			EXPECT_EQ(-EFAULT, self->request.in.error.code);
			EXPECT_EQ(MAILBOX_REASON_POINTER, self->request.in.error.reason);
			EXPECT_EQ(VECTOR_FIELD(variant->kind), self->request.in.error.field);

			/* readv(2) and writev(2) too */
			if (self->pieces[i].base > UINTPTR_MAX)
				continue;
			self->iov[i].iov_base = (void *)(uintptr_t)self->pieces[i].base;
			moved = variant->kind == SEND ?
				writev(self->world.handle, self->iov, PIECES) :
				readv(self->world.handle, self->iov, PIECES);
			EXPECT_EQ(-1, moved) {
				TH_LOG("piece %d, kind %d", i, kind);
			}
			EXPECT_EQ(EFAULT, errno);
		}
		self->pieces[i].base = base;
		self->iov[i].iov_base = (void *)(uintptr_t)base;
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VECTOR_WORKS(self);
}

/* A piece that ends behind the end of memory. */
TEST_F(vector, piece_in_part)
{
	unsigned char *edge = mbx_cliff(self->size);

	ASSERT_NE(NULL, edge);
	for (int i = 0; i < PIECES; i++) {
		__u64 base = self->pieces[i].base;

		self->pieces[i].base = MBX_PTR(edge + 1);
		EXPECT_EQ(-EFAULT, request_try(&self->request));
		self->pieces[i].base = base;
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VECTOR_WORKS(self);
}

/* An array that ends behind the end of memory. */
TEST_F(vector, array_in_part)
{
	size_t place = VECTOR_FIELD(variant->kind);

	for (size_t missing = 1; missing <= PIECES * sizeof(self->pieces[0]); missing++) {
		__u64 where = MBX_PTR(self->pieces) + missing;

		request_put(&self->request, place, sizeof(where), where);
		EXPECT_EQ(-EFAULT, request_try(&self->request)) {
			TH_LOG("%zu bytes missing", missing);
		}
		EXPECT_EQ(-EFAULT, self->request.in.error.code);
		EXPECT_EQ(MAILBOX_REASON_POINTER, self->request.in.error.reason);
		EXPECT_EQ(place, self->request.in.error.field);
		/* what is read from odd places leads anywhere */
		if (missing % sizeof(self->pieces[0]) == 0) {
			EXPECT_EQ(where, self->request.in.error.value);
		}
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	request_put(&self->request, place, sizeof(__u64), MBX_PTR(self->pieces));
	EXPECT_VECTOR_WORKS(self);
}

/* Lengths that no memory has, alone and in a sum that wraps. */
TEST_F(vector, lengths_over_everything)
{
	static const __u64 lengths[] = { ~0ULL, 1ULL << 63, (1ULL << 63) - 1, 1ULL << 32 };

	/* room may be promised as one likes, see below */
	if (variant->kind == RECEIVE)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (int piece = 0; piece < PIECES; piece++) {
			int result;

			self->pieces[piece].length = lengths[i];
			result = request_try(&self->request);
			EXPECT_TRUE(result == -EMSGSIZE || result == -EINVAL) {
				TH_LOG("piece %d of %llx: %d", piece, lengths[i], result);
			}
			self->pieces[piece].length = self->size;
		}
	}
	/* 4 times this is 0 */
	for (int piece = 0; piece < PIECES; piece++)
		self->pieces[piece].length = 1ULL << 62;
	EXPECT_NE(0, request_try(&self->request));
	for (int piece = 0; piece < PIECES; piece++)
		self->pieces[piece].length = self->size;
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VECTOR_WORKS(self);
}

/* Pieces of no bytes need no memory, and more pieces than needed no more. */
TEST_F(vector, empty_pieces)
{
	struct mailbox_vector pieces[2 * PIECES + 1];

	for (int i = 0; i < 2 * PIECES + 1; i++) {
		if (i % 2)
			pieces[i] = self->pieces[i / 2];
		else
			pieces[i] = (struct mailbox_vector) { .base = 1 };
	}
	request_put(&self->request, VECTOR_FIELD(variant->kind), sizeof(__u64), MBX_PTR(pieces));
	if (variant->kind == SEND)
		self->request.in.send.length = ARRAY_SIZE(pieces);
	else
		self->request.in.receive.length = ARRAY_SIZE(pieces);
	EXPECT_VECTOR_WORKS(self);
}

/* --- batches --------------------------------------------------------- */

#define ITEMS 3

FIXTURE(batch)
{
	struct world world;
	struct request request;
	union {
		struct mailbox_send *sends;
		struct mailbox_receive *receives;
	};
	unsigned char room[ITEMS][16];
};

FIXTURE_VARIANT(batch)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(batch, send) { .kind = SEND_BATCH };
FIXTURE_VARIANT_ADD(batch, receive) { .kind = RECEIVE_BATCH };

FIXTURE_SETUP(batch)
{
	ASSERT_EQ(0, world_make(&self->world));
	request_make(&self->request, &self->world, variant->kind);
	if (variant->kind == SEND_BATCH) {
		/* ends where memory ends */
		self->sends = mbx_cliff(ITEMS * sizeof(self->sends[0]));
		ASSERT_NE(NULL, self->sends);
		for (int i = 0; i < ITEMS; i++)
			request_send(&self->world, &self->sends[i]);
	} else {
		self->receives = mbx_cliff(ITEMS * sizeof(self->receives[0]));
		ASSERT_NE(NULL, self->receives);
		for (int i = 0; i < ITEMS; i++) {
			request_receive(&self->world, &self->receives[i], 0);
			self->receives[i].buffer = MBX_PTR(self->room[i]);
			self->receives[i].length = sizeof(self->room[i]);
		}
	}
	self->request.in.batch.items = MBX_PTR(self->sends);
	self->request.in.batch.count = ITEMS;
}

FIXTURE_TEARDOWN(batch)
{
	world_end(&self->world);
}

/* In which direction the depth goes. */
static int step(enum kind kind)
{
	return kind == SEND_BATCH ? 1 : -1;
}

static struct mailbox_error *item_error(struct request *request, int i)
{
	char *items = (char *)(uintptr_t)request->in.batch.items;

	return (struct mailbox_error *)(items + i * request->in.batch.item_size);
}

/* One item's buffer is nowhere: those before it went, those behind did not. */
TEST_F(batch, buffer_nowhere)
{
	__u16 field = variant->kind == SEND_BATCH ? MBX_FIELD(mailbox_send, buffer) :
						    MBX_FIELD(mailbox_receive, buffer);

	for (int bad = 0; bad < ITEMS; bad++) {
		__u64 nowhere = mbx_nowhere(MBX_PROT_NONE), good;

		world_end(&self->world);
		ASSERT_EQ(0, world_make(&self->world));
		self->request.fd = self->world.handle;
		self->request.in.batch.done = 77;
		memcpy(&good, (char *)item_error(&self->request, bad) + field, sizeof(good));
		memcpy((char *)item_error(&self->request, bad) + field, &nowhere, sizeof(good));

		EXPECT_EQ(bad ? 0 : -EFAULT, request_try(&self->request));
		if (bad) {
			EXPECT_EQ(bad, self->request.in.batch.done);
		} else {
			EXPECT_EQ(-EFAULT, self->request.in.error.code);
		}
		for (int i = 0; i < bad; i++) {
			EXPECT_EQ(0, item_error(&self->request, i)->code);
		}
		EXPECT_DETAIL(EFAULT, MAILBOX_REASON_POINTER, field, nowhere,
			      item_error(&self->request, bad));
		for (int i = bad + 1; i < ITEMS; i++)
			EXPECT_DETAIL(ECANCELED, MAILBOX_REASON_BATCH, MAILBOX_NO_FIELD, bad,
				      item_error(&self->request, i));
		EXPECT_EQ(WORLD_MESSAGES + bad * step(variant->kind),
			  mbx_depth(self->world.handle));
		memcpy((char *)item_error(&self->request, bad) + field, &good, sizeof(good));
	}
}

/* The array ends too early: what is counted as done is what was done. */
TEST_F(batch, array_in_part)
{
	size_t size = self->request.in.batch.item_size;
	__u64 items = self->request.in.batch.items;
	char copy[ITEMS * size];

	memcpy(copy, (void *)(uintptr_t)items, ITEMS * size);
	for (size_t missing = 1; missing < ITEMS * size; missing += 7) {
		__u32 done;
		int result;

		world_end(&self->world);
		ASSERT_EQ(0, world_make(&self->world));
		self->request.fd = self->world.handle;
		self->request.in.batch.items = items + missing;
		self->request.in.batch.done = 77;
		memcpy((char *)(uintptr_t)items + missing, copy, ITEMS * size - missing);

		result = request_try(&self->request);
		done = self->request.in.batch.done;
		EXPECT_TRUE(result == -EFAULT || (result == 0 && done && done < ITEMS)) {
			TH_LOG("%zu bytes missing: %d, %u done", missing, result, done);
		}
		if (result) {
			EXPECT_TRUE(done == 77 || done == 0);
		}
		EXPECT_EQ(WORLD_MESSAGES + (result ? 0 : (int)done) * step(variant->kind),
			  mbx_depth(self->world.handle));
	}
}

/* Items that can be read and not written: none of them may be done in secret. */
TEST_F(batch, array_read_only)
{
	size_t size = ITEMS * self->request.in.batch.item_size;
	void *items = mbx_pages(1);
	struct trace trace;

	ASSERT_NE(NULL, items);
	memcpy(items, self->sends, size);
	ASSERT_EQ(0, mprotect(items, mbx_page(), PROT_READ));
	self->request.in.batch.items = MBX_PTR(items);
	trace_take(&trace, &self->world);
	EXPECT_EQ(-EFAULT, request_try(&self->request));
	EXPECT_EQ(-EFAULT, self->request.in.error.code);
	EXPECT_EQ(MAILBOX_REASON_POINTER, self->request.in.error.reason);
	EXPECT_NO_TRACE(&trace, &self->world);
}

/* A bad member of an item is refused as the single call refuses it. */
TEST_F(batch, item_with_unknown_flag)
{
	struct mailbox_error *error = item_error(&self->request, 1);
	__u32 flags = MAILBOX_NONBLOCK | 1U << 31;

	memcpy((char *)error + MBX_FIELD(mailbox_send, flags), &flags, sizeof(flags));
	EXPECT_EQ(0, request_try(&self->request));
	EXPECT_EQ(1, self->request.in.batch.done);
	EXPECT_DETAIL(EINVAL, MAILBOX_REASON_FLAGS, MBX_FIELD(mailbox_send, flags), 1U << 31, error);
	EXPECT_EQ(ECANCELED, -item_error(&self->request, 2)->code);
	EXPECT_EQ(WORLD_MESSAGES + step(variant->kind), mbx_depth(self->world.handle));
}

/* Items of a size that none will ever have. */
TEST_F(batch, items_over_the_bound)
{
	struct trace trace;

	trace_take(&trace, &self->world);
	self->request.in.batch.item_size = 4097;
	EXPECT_EQ(-E2BIG, request_try(&self->request));
	EXPECT_DETAIL(E2BIG, MAILBOX_REASON_RANGE, MBX_FIELD(mailbox_batch, item_size), 4096,
		      &self->request.in.error);
	EXPECT_NO_TRACE(&trace, &self->world);
}

/* An item with more pieces than there may be, and one whose pieces are nowhere. */
TEST_F(batch, pieces)
{
	struct mailbox_error *error = item_error(&self->request, 1);
	__u32 flags = MAILBOX_NONBLOCK | MAILBOX_VECTOR;
	__u16 buffer = variant->kind == SEND_BATCH ? MBX_FIELD(mailbox_send, buffer) :
						     MBX_FIELD(mailbox_receive, buffer);
	__u16 length = variant->kind == SEND_BATCH ? MBX_FIELD(mailbox_send, length) :
						     MBX_FIELD(mailbox_receive, length);
	__u64 nowhere = mbx_nowhere(MBX_PROT_NONE), pieces = MAILBOX_VECTOR_MAX + 1;

	memcpy((char *)error + MBX_FIELD(mailbox_send, flags), &flags, sizeof(flags));
	memcpy((char *)error + buffer, &nowhere, sizeof(nowhere));
	memcpy((char *)error + length, &pieces, sizeof(pieces));
	EXPECT_EQ(0, request_try(&self->request));
	EXPECT_EQ(1, self->request.in.batch.done);
	EXPECT_DETAIL(EINVAL, MAILBOX_REASON_RANGE, length, MAILBOX_VECTOR_MAX, error);

	world_end(&self->world);
	ASSERT_EQ(0, world_make(&self->world));
	self->request.fd = self->world.handle;
	pieces = 1;
	memcpy((char *)error + length, &pieces, sizeof(pieces));
	EXPECT_EQ(0, request_try(&self->request));
	EXPECT_EQ(1, self->request.in.batch.done);
	EXPECT_DETAIL(EFAULT, MAILBOX_REASON_POINTER, buffer, nowhere, error);
	EXPECT_EQ(WORLD_MESSAGES + step(variant->kind), mbx_depth(self->world.handle));
}

/* Items that are larger than the kernel knows. */
TEST_F(batch, larger_items)
{
	size_t known = self->request.in.batch.item_size, size = known + 8;
	char items[ITEMS * size];

	memset(items, 0, sizeof(items));
	for (int i = 0; i < ITEMS; i++)
		memcpy(items + i * size, (char *)self->sends + i * known, known);
	self->request.in.batch.items = MBX_PTR(items);
	self->request.in.batch.item_size = size;

	/* with something in the tail of the second one */
	items[2 * size - 1] = 1;
	EXPECT_EQ(0, request_try(&self->request));
	EXPECT_EQ(1, self->request.in.batch.done);
	EXPECT_DETAIL(E2BIG, MAILBOX_REASON_SIZE, MAILBOX_NO_FIELD, known,
		      item_error(&self->request, 1));
	EXPECT_EQ(1, items[2 * size - 1]);

	/* and with nothing: the world has two messages left, or room enough */
	items[2 * size - 1] = 0;
	self->request.in.batch.count = 2;
	EXPECT_EQ(0, request_try(&self->request));
	EXPECT_EQ(2, self->request.in.batch.done);
	EXPECT_EQ(WORLD_MESSAGES + 3 * step(variant->kind), mbx_depth(self->world.handle));
}

/* --- LIST ------------------------------------------------------------ */

FIXTURE(list)
{
	struct world world;
	int more[3];
};

FIXTURE_SETUP(list)
{
	ASSERT_EQ(0, world_make(&self->world));
	for (int i = 0; i < 3; i++) {
		char name[MBX_NAME_SIZE];

		self->more[i] = mbx_new_named(mbx_name(name, "refuse-list"), 1);
		ASSERT_LE(0, self->more[i]);
	}
}

FIXTURE_TEARDOWN(list)
{
	for (int i = 0; i < 3; i++)
		close(self->more[i]);
	world_end(&self->world);
}

/* Entries that end behind the end of memory. */
TEST_F(list, entries_in_part)
{
	struct mailbox_stat *entries = mbx_cliff(4 * sizeof(*entries));
	struct request request;
	struct trace trace;

	ASSERT_NE(NULL, entries);
	trace_take(&trace, &self->world);
	for (size_t missing = 1; missing < 4 * sizeof(*entries); missing += 61) {
		request_make(&request, &self->world, LIST);
		request.in.list.entries = MBX_PTR(entries) + missing;
		request.in.list.count = 4;
		request.in.list.more = 77;
		EXPECT_EQ(-EFAULT, request_try(&request)) {
			TH_LOG("%zu bytes missing", missing);
		}
		EXPECT_EQ(MAILBOX_REASON_POINTER, request.in.error.reason);
		EXPECT_EQ(MBX_FIELD(mailbox_list, entries), request.in.error.field);
		EXPECT_EQ(4, request.in.list.count);
		EXPECT_EQ(77, request.in.list.more);
	}
	EXPECT_NO_TRACE(&trace, &self->world);

	request_make(&request, &self->world, LIST);
	request.in.list.entries = MBX_PTR(entries);
	EXPECT_EQ(0, request_try(&request));
	EXPECT_EQ(4, request.in.list.count);
}

/* An array that is longer than what is there to list need not exist in full. */
TEST_F(list, more_entries_than_memory)
{
	struct mailbox_stat *entries = mbx_cliff(4 * sizeof(*entries));
	struct request request;

	ASSERT_NE(NULL, entries);
	request_make(&request, &self->world, LIST);
	request.in.list.after = MBX_PTR("refuse");
	request.in.list.entries = MBX_PTR(entries);
	request.in.list.count = 4096;
	EXPECT_EQ(0, request_try(&request));
	EXPECT_EQ(4, request.in.list.count);
	EXPECT_EQ(0, request.in.list.more);
	EXPECT_STREQ(self->world.name, entries[0].name);
}

/* Entries larger than the kernel knows, of which the tail cannot be cleared. */
TEST_F(list, tail_of_an_entry_nowhere)
{
	size_t size = sizeof(struct mailbox_stat) + 64;
	struct request request;

	request_make(&request, &self->world, LIST);
	request.in.list.entry_size = size;
	request.in.list.count = 1;
	request.in.list.entries = MBX_PTR(mbx_cliff(size)) + 32;
	EXPECT_EQ(-EFAULT, request_try(&request));
	EXPECT_DETAIL(EFAULT, MAILBOX_REASON_POINTER, MBX_FIELD(mailbox_list, entries),
		      request.in.list.entries, &request.in.error);
}

TEST_HARNESS_MAIN
