// SPDX-License-Identifier: GPL-2.0
/*
 * Lengths: over each of the limits on a message, and over the room for one.
 */
#include "refuse.h"

#include <sys/uio.h>

#include "kselftest_harness.h"

#define LENGTH MBX_FIELD(mailbox_send, length)

/* --- messages that are too long -------------------------------------- */

#define LIMIT 64

FIXTURE(limit)
{
	struct world world;
	struct trace trace;
	char bytes[2 * LIMIT];
};

/**
 * @flags: MAILBOX_CREATE_FIXED or 0
 * @reason: for refusing a message of another size
 */
FIXTURE_VARIANT(limit)
{
	__u32 flags;
	int reason;
};

FIXTURE_VARIANT_ADD(limit, at_most) { 0, MAILBOX_REASON_MAILBOX_SIZE };
FIXTURE_VARIANT_ADD(limit, exactly) { MAILBOX_CREATE_FIXED, MAILBOX_REASON_FIXED_SIZE };

FIXTURE_SETUP(limit)
{
	struct mailbox_create attr = {
		.flags = variant->flags,
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = WORLD_CAPACITY,
		.message_max = LIMIT,
	};

	ASSERT_EQ(0, world_make(&self->world));
	close(self->world.handle);
	self->world.handle = mbx_create(&attr);
	ASSERT_LE(0, self->world.handle);
	trace_take(&self->trace, &self->world);
}

FIXTURE_TEARDOWN(limit)
{
	world_end(&self->world);
}

static int send_length(struct request *request, struct world *world, const void *bytes,
		       __u64 length)
{
	request_make(request, world, SEND);
	request->in.send.buffer = MBX_PTR(bytes);
	request->in.send.length = length;
	return request_try(request);
}

TEST_F(limit, over)
{
	static const __u64 lengths[] = { LIMIT + 1, 2 * LIMIT };
	struct request request;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(-EMSGSIZE, send_length(&request, &self->world, self->bytes, lengths[i]));
		EXPECT_DETAIL(EMSGSIZE, variant->reason, LENGTH, LIMIT, &request.in.error);
		EXPECT_GT(0, write(self->world.handle, self->bytes, lengths[i]));
		EXPECT_EQ(EMSGSIZE, errno);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

TEST_F(limit, at)
{
	struct request request;

	EXPECT_EQ(0, send_length(&request, &self->world, self->bytes, LIMIT));
	EXPECT_EQ(LIMIT, write(self->world.handle, self->bytes, LIMIT));
	EXPECT_EQ(2, mbx_depth(self->world.handle));
}

TEST_F(limit, under)
{
	bool fixed = variant->flags & MAILBOX_CREATE_FIXED;
	static const __u64 lengths[] = { 0, 1, LIMIT - 1 };
	struct request request;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(fixed ? -EMSGSIZE : 0,
			  send_length(&request, &self->world, self->bytes, lengths[i]));
		if (fixed)
			EXPECT_DETAIL(EMSGSIZE, MAILBOX_REASON_FIXED_SIZE, LENGTH, LIMIT,
				      &request.in.error);
	}
	if (fixed)
		EXPECT_NO_TRACE(&self->trace, &self->world);
}

/* Pieces count together. */
TEST_F(limit, pieces)
{
	struct request request;

	request_make(&request, &self->world, SEND_VECTOR);
	self->world.pieces[0] = (struct mailbox_vector) { MBX_PTR(self->bytes), LIMIT };
	self->world.pieces[1] = (struct mailbox_vector) { MBX_PTR(self->bytes), 1 };
	EXPECT_EQ(-EMSGSIZE, request_try(&request));
	EXPECT_EQ(variant->reason, request.in.error.reason);
	EXPECT_EQ(LIMIT, request.in.error.value);
	EXPECT_NO_TRACE(&self->trace, &self->world);

	self->world.pieces[0].length--;
	EXPECT_EQ(0, request_try(&request));
}

static int ask_length(struct request *request, struct world *world, const void *bytes,
		      __u64 length)
{
	request_make(request, world, CONNECT);
	request->in.connect.buffer = MBX_PTR(bytes);
	request->in.connect.length = length;
	return request_try(request);
}

/* A request for a channel is a message like others. */
TEST_F(limit, connect)
{
	static const __u64 lengths[] = { 0, LIMIT - 1, LIMIT + 1, 2 * LIMIT };
	bool fixed = variant->flags & MAILBOX_CREATE_FIXED;
	struct request request;

	for (size_t i = fixed ? 0 : 2; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(-EMSGSIZE, ask_length(&request, &self->world, self->bytes, lengths[i])) {
			TH_LOG("%llu", lengths[i]);
		}
		EXPECT_DETAIL(EMSGSIZE, variant->reason, MBX_FIELD(mailbox_connect, length),
			      LIMIT, &request.in.error);
		EXPECT_EQ(-1, request.in.connect.fd);
	}

	/* in pieces, too */
	request_make(&request, &self->world, CONNECT_VECTOR);
	self->world.pieces[0] = (struct mailbox_vector) { MBX_PTR(self->bytes), LIMIT };
	self->world.pieces[1] = (struct mailbox_vector) { MBX_PTR(self->bytes), 1 };
	EXPECT_EQ(-EMSGSIZE, request_try(&request));
	EXPECT_DETAIL(EMSGSIZE, variant->reason, MBX_FIELD(mailbox_connect, length), LIMIT,
		      &request.in.error);
	EXPECT_EQ(-1, request.in.connect.fd);
	EXPECT_NO_TRACE(&self->trace, &self->world);

	EXPECT_EQ(0, ask_length(&request, &self->world, self->bytes, LIMIT));
	EXPECT_EQ(1, mbx_depth(self->world.handle));
	request_undo(&request);
}

/* The limit that counts is the one at the time of the send. */
TEST_F(limit, changed)
{
	struct mailbox_set set = {
		.mask = MAILBOX_SET_MESSAGE_MAX,
		.message_max = LIMIT / 2,
	};
	struct request request;
	char room[LIMIT];

	ASSERT_EQ(0, send_length(&request, &self->world, self->bytes, LIMIT));
	if (variant->flags & MAILBOX_CREATE_FIXED) {
		trace_take(&self->trace, &self->world);
		EXPECT_EQ(-EINVAL, mbx_set(self->world.handle, &set));
		EXPECT_DETAIL(EINVAL, MAILBOX_REASON_POLICY,
			      MBX_FIELD(mailbox_set, message_max), LIMIT / 2, &set.error);
		EXPECT_NO_TRACE(&self->trace, &self->world);
		return;
	}
	EXPECT_EQ(0, mbx_set(self->world.handle, &set));
	EXPECT_EQ(-EMSGSIZE, send_length(&request, &self->world, self->bytes, LIMIT / 2 + 1));
	EXPECT_DETAIL(EMSGSIZE, MAILBOX_REASON_MAILBOX_SIZE, LENGTH, LIMIT / 2,
		      &request.in.error);
	EXPECT_EQ(0, send_length(&request, &self->world, self->bytes, LIMIT / 2));

	/* what was sent before stays as it is */
	EXPECT_EQ(LIMIT, read(self->world.handle, room, sizeof(room)));
}

/* --- the module's limit ---------------------------------------------- */

FIXTURE(module_limit)
{
	struct world world;
	struct trace trace;
	__u64 limit;
	void *bytes;
};

FIXTURE_SETUP(module_limit)
{
	ASSERT_EQ(0, world_make(&self->world));
	trace_take(&self->trace, &self->world);
	self->limit = self->trace.info.message_max;
	self->bytes = mbx_pages(self->limit / mbx_page() + 1);
	ASSERT_NE(NULL, self->bytes);
}

FIXTURE_TEARDOWN(module_limit)
{
	mbx_set_parameter("message_max", self->limit);
	world_end(&self->world);
}

/* A mailbox without a limit of its own has the module's. */
TEST_F(module_limit, send)
{
	__u64 lengths[] = {
		self->limit + 1, 2 * self->limit, 1ULL << 32, 1ULL << 62, 1ULL << 63, ~0ULL
	};
	struct request request;

	EXPECT_EQ(self->limit, self->trace.handle.message_max);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(-EMSGSIZE, send_length(&request, &self->world, self->bytes, lengths[i])) {
			TH_LOG("%llx", lengths[i]);
		}
		EXPECT_DETAIL(EMSGSIZE, MAILBOX_REASON_MODULE_SIZE, LENGTH, self->limit,
			      &request.in.error);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_EQ(0, send_length(&request, &self->world, self->bytes, self->limit));
}

/* The module's limit can sink below those of mailboxes that there are. */
TEST_F(module_limit, lowered)
{
	struct request request;

	ASSERT_EQ(0, mbx_set_parameter("message_max", LIMIT));
	EXPECT_EQ(-EMSGSIZE, send_length(&request, &self->world, self->bytes, LIMIT + 1));
	EXPECT_DETAIL(EMSGSIZE, MAILBOX_REASON_MODULE_SIZE, LENGTH, LIMIT, &request.in.error);
	EXPECT_EQ(0, send_length(&request, &self->world, self->bytes, LIMIT));
	ASSERT_EQ(0, mbx_set_parameter("message_max", self->limit));
	EXPECT_EQ(0, send_length(&request, &self->world, self->bytes, LIMIT + 1));
}

/* What the parameter itself refuses. */
TEST_F(module_limit, parameter)
{
	EXPECT_EQ(-EINVAL, mbx_set_parameter("message_max", 0));
	EXPECT_EQ(-EINVAL, mbx_set_parameter("message_max", (1 << 30) + 1));
	EXPECT_EQ(self->limit, mbx_parameter("message_max"));
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

TEST_F(module_limit, create)
{
	__u64 sizes[] = { self->limit + 1, 1ULL << 32, ~0ULL };
	struct request request;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		request_make(&request, &self->world, CREATE);
		request.in.create.message_max = sizes[i];
		EXPECT_EQ(-EMSGSIZE, request_try(&request));
		EXPECT_DETAIL(EMSGSIZE, MAILBOX_REASON_MODULE_SIZE,
			      MBX_FIELD(mailbox_create, message_max), self->limit,
			      &request.in.error);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);

	request_make(&request, &self->world, CREATE);
	request.in.create.message_max = self->limit;
	EXPECT_EQ(0, request_try(&request));
	request_undo(&request);
}

TEST_F(module_limit, set)
{
	struct mailbox_set set = {
		.mask = MAILBOX_SET_MESSAGE_MAX | MAILBOX_SET_MODE,
		.mode = 0644,
		.message_max = self->limit + 1,
	};

	EXPECT_EQ(-EMSGSIZE, mbx_set(self->world.handle, &set));
	EXPECT_DETAIL(EMSGSIZE, MAILBOX_REASON_MODULE_SIZE, MBX_FIELD(mailbox_set, message_max),
		      self->limit, &set.error);
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

/* --- room that is too small ------------------------------------------ */

FIXTURE(room)
{
	struct world world;
	struct trace trace;
	struct request request;
	size_t size;
	char *room;
};

/**
 * @size: of the message
 */
FIXTURE_VARIANT(room)
{
	size_t size;
};

FIXTURE_VARIANT_ADD(room, for_one_byte) { .size = 1 };
FIXTURE_VARIANT_ADD(room, for_some) { .size = 100 };
FIXTURE_VARIANT_ADD(room, for_pages) { .size = 10000 };

FIXTURE_SETUP(room)
{
	char *bytes;

	ASSERT_EQ(0, world_make(&self->world));
	close(self->world.handle);
	self->world.handle = mbx_new(MAILBOX_POLICY_SHARED, WORLD_CAPACITY);
	ASSERT_LE(0, self->world.handle);

	self->size = variant->size;
	bytes = malloc(self->size);
	self->room = malloc(self->size);
	ASSERT_NE(NULL, bytes);
	ASSERT_NE(NULL, self->room);
	memset(bytes, 'r', self->size);
	ASSERT_EQ(0, send_length(&self->request, &self->world, bytes, self->size));
	/* one behind it, which may not be taken in its stead */
	ASSERT_EQ(0, mbx_put(self->world.handle, "", MAILBOX_NONBLOCK));
	free(bytes);
	trace_take(&self->trace, &self->world);
	memset(self->room, 0, self->size);
	request_make(&self->request, &self->world, RECEIVE);
	self->request.in.receive.buffer = MBX_PTR(self->room);
}

FIXTURE_TEARDOWN(room)
{
	free(self->room);
	world_end(&self->world);
}

#define EXPECT_TOO_SMALL(self) do {					\
		EXPECT_EQ(-EMSGSIZE, request_try(&(self)->request));	\
		EXPECT_DETAIL(EMSGSIZE, MAILBOX_REASON_BUFFER_SIZE,	\
			      MAILBOX_NO_FIELD, (self)->size,		\
			      &(self)->request.in.error);		\
	} while (0)

/* Told how much it takes, still there, and then taken. */
TEST_F(room, told_and_kept)
{
	size_t lengths[] = { 0, self->size / 2, self->size - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		self->request.in.receive.length = lengths[i];
		EXPECT_TOO_SMALL(self);
		EXPECT_EQ(0, self->request.in.receive.header.sequence);
		self->request.in.receive.flags |= MAILBOX_RECEIVE_PEEK;
		EXPECT_TOO_SMALL(self);
		self->request.in.receive.flags &= ~MAILBOX_RECEIVE_PEEK;
		/* a read of no bytes is another thing */
		if (lengths[i]) {
			EXPECT_EQ(-1, read(self->world.handle, self->room, lengths[i]));
			EXPECT_EQ(EMSGSIZE, errno);
		}
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);

	self->request.in.receive.length = self->request.in.error.value;
	EXPECT_EQ(0, request_try(&self->request));
	EXPECT_EQ(self->size, self->request.in.receive.header.length);
	EXPECT_EQ(1, self->request.in.receive.header.sequence);
	EXPECT_EQ('r', self->room[self->size - 1]);
}

/* No room at all, at no address: the needed size is told all the same. */
TEST_F(room, asked_for_without_any)
{
	self->request.in.receive.buffer = 0;
	self->request.in.receive.length = 0;
	EXPECT_TOO_SMALL(self);
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

TEST_F(room, pieces_together)
{
	struct mailbox_vector pieces[2] = {
		{ MBX_PTR(self->room), self->size / 2 },
		{ MBX_PTR(self->room) + self->size / 2, self->size - self->size / 2 - 1 },
	};

	self->request.in.receive.flags |= MAILBOX_VECTOR;
	self->request.in.receive.buffer = MBX_PTR(pieces);
	self->request.in.receive.length = 2;
	EXPECT_TOO_SMALL(self);
	self->request.in.receive.length = 0;
	EXPECT_TOO_SMALL(self);
	EXPECT_NO_TRACE(&self->trace, &self->world);

	pieces[1].length++;
	self->request.in.receive.length = 2;
	EXPECT_EQ(0, request_try(&self->request));
}

/* In a batch it ends the batch, and those before it were received. */
TEST_F(room, in_a_batch)
{
	struct mailbox_receive items[3];
	struct mailbox_batch batch = { .flags = 0 };

	for (int i = 0; i < 3; i++) {
		items[i] = self->request.in.receive;
		items[i].length = self->size - 1;
	}
	EXPECT_EQ(-EMSGSIZE, mbx_receive_batch(self->world.handle, items, 3, &batch));
	EXPECT_DETAIL(EMSGSIZE, MAILBOX_REASON_BUFFER_SIZE, MAILBOX_NO_FIELD, self->size,
		      &items[0].error);
	EXPECT_EQ(-ECANCELED, items[1].error.code);
	EXPECT_EQ(-ECANCELED, items[2].error.code);
	EXPECT_NO_TRACE(&self->trace, &self->world);

	/* now the empty message comes first */
	items[0].length = self->size;
	ASSERT_EQ(0, mbx_receive(self->world.handle, &items[0]));
	ASSERT_EQ(0, mbx_put(self->world.handle, "x", MAILBOX_NONBLOCK));
	items[0].length = 0;
	items[1].length = 0;
	EXPECT_EQ(0, mbx_receive_batch(self->world.handle, items, 3, &batch));
	EXPECT_EQ(1, batch.done);
	EXPECT_EQ(0, items[0].error.code);
	EXPECT_EQ(-EMSGSIZE, items[1].error.code);
	EXPECT_EQ(1, items[1].error.value);
	EXPECT_EQ(-ECANCELED, items[2].error.code);
	EXPECT_EQ(1, mbx_depth(self->world.handle));
}

TEST_HARNESS_MAIN
