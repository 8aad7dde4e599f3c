// SPDX-License-Identifier: GPL-2.0
/*
 * Names: those that cannot be, those that are taken and those that nobody has.
 */
#include "refuse.h"

#include "kselftest_harness.h"

FIXTURE(name)
{
	struct world world;
	struct trace trace;
};

/* All commands that take a name say the same of a bad one. */
FIXTURE_VARIANT(name)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(name, create) { .kind = CREATE };
FIXTURE_VARIANT_ADD(name, open) { .kind = OPEN };
FIXTURE_VARIANT_ADD(name, list) { .kind = LIST };

FIXTURE_SETUP(name)
{
	ASSERT_EQ(0, world_make(&self->world));
	trace_take(&self->trace, &self->world);
}

FIXTURE_TEARDOWN(name)
{
	world_end(&self->world);
}

/* The member has the same place in all of their structs. */
_Static_assert(MBX_FIELD(mailbox_create, name) == MBX_FIELD(mailbox_open, name), "open");
_Static_assert(MBX_FIELD(mailbox_create, name) == MBX_FIELD(mailbox_list, after), "list");
#define NAME_FIELD MBX_FIELD(mailbox_create, name)

static int try_name(struct request *request, struct world *world, enum kind kind,
		    const void *name)
{
	request_make(request, world, kind);
	request_put(request, NAME_FIELD, sizeof(__u64), MBX_PTR(name));
	return request_try(request);
}

/* A good name: it can be created, found, and has gone with its last handle. */
#define EXPECT_GOOD_NAME(world, name) do {				\
		struct request __request;				\
		int __handle;						\
		ASSERT_EQ(0, try_name(&__request, world, CREATE, name)); \
		__handle = mbx_open(name, MAILBOX_RIGHT_ALL);		\
		EXPECT_LE(0, __handle);					\
		close(__handle);					\
		request_undo(&__request);				\
		EXPECT_EQ(-ENOENT, mbx_open(name, MAILBOX_RIGHT_ALL));	\
	} while (0)

TEST_F(name, empty)
{
	struct request request;

	EXPECT_EQ(-EINVAL, try_name(&request, &self->world, variant->kind, ""));
	EXPECT_DETAIL(EINVAL, MAILBOX_REASON_NAME_EMPTY, NAME_FIELD, 0, &request.in.error);
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

TEST_F(name, too_long)
{
	static const size_t lengths[] = { MAILBOX_NAME_MAX + 1, MAILBOX_NAME_MAX + 2, 4096, 65536 };
	struct request request;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		char *name = mbx_cliff(lengths[i] + 1);

		ASSERT_NE(NULL, name);
		memset(name, 'n', lengths[i]);
		EXPECT_EQ(-ENAMETOOLONG, try_name(&request, &self->world, variant->kind, name)) {
			TH_LOG("%zu bytes", lengths[i]);
		}
		EXPECT_DETAIL(ENAMETOOLONG, MAILBOX_REASON_NAME_LONG, NAME_FIELD,
			      MAILBOX_NAME_MAX, &request.in.error);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

/* One that is known to be too long before memory ends. */
TEST_F(name, too_long_at_the_end_of_memory)
{
	struct request request;
	char *name = mbx_cliff(MAILBOX_NAME_MAX + 1);

	ASSERT_NE(NULL, name);
	memset(name, 'n', MAILBOX_NAME_MAX + 1);
	EXPECT_EQ(-ENAMETOOLONG, try_name(&request, &self->world, variant->kind, name));
	EXPECT_DETAIL(ENAMETOOLONG, MAILBOX_REASON_NAME_LONG, NAME_FIELD, MAILBOX_NAME_MAX,
		      &request.in.error);
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

/* No NUL up to the end of the mapping. */
TEST_F(name, no_end)
{
	static const size_t lengths[] = { 1, 7, 8, 9, 100, MAILBOX_NAME_MAX };
	struct request request;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		char *name = mbx_cliff(lengths[i]);

		ASSERT_NE(NULL, name);
		memset(name, 'n', lengths[i]);
		EXPECT_EQ(-EFAULT, try_name(&request, &self->world, variant->kind, name)) {
			TH_LOG("%zu bytes", lengths[i]);
		}
		EXPECT_DETAIL(EFAULT, MAILBOX_REASON_POINTER, NAME_FIELD, MBX_PTR(name),
			      &request.in.error);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

TEST_F(name, nowhere)
{
	struct request request;

	for (enum mbx_nowhere kind = 0; kind < MBX_NOWHERE_KINDS; kind++) {
		__u64 where = mbx_nowhere(kind);

		/* where 0 is no name that is fine, and so is read-only memory */
		if (kind == MBX_READ_ONLY || (kind == MBX_NULL && variant->kind != OPEN))
			continue;
		request_make(&request, &self->world, variant->kind);
		request_put(&request, NAME_FIELD, sizeof(where), where);
		EXPECT_EQ(-EFAULT, request_try(&request)) {
			TH_LOG("kind %d, address %llx", kind, where);
		}
		EXPECT_DETAIL(EFAULT, MAILBOX_REASON_POINTER, NAME_FIELD, where,
			      &request.in.error);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

/* A slash, a control byte, DEL: at the beginning, within, and at the end. */
TEST_F(name, bad_bytes)
{
	static const size_t places[] = { 0, 1, 100, MAILBOX_NAME_MAX - 1 };
	char name[MAILBOX_NAME_MAX + 1] = "";
	struct request request;

	for (int byte = 1; byte < 128; byte++) {
		if (byte >= 0x20 && byte != '/' && byte != 0x7f)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
			memset(name, 'n', MAILBOX_NAME_MAX);
			name[places[i]] = byte;
			ASSERT_EQ(-EINVAL, try_name(&request, &self->world, variant->kind, name)) {
				TH_LOG("byte %#x at %zu", byte, places[i]);
			}
			EXPECT_DETAIL(EINVAL, MAILBOX_REASON_NAME_BYTE, NAME_FIELD, places[i],
				      &request.in.error);
		}
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

/* The first of several is named, and a bad byte counts before the length. */
TEST_F(name, first_bad_byte)
{
	struct request request;

	EXPECT_EQ(-EINVAL, try_name(&request, &self->world, variant->kind, "ab/c\nd/"));
	EXPECT_DETAIL(EINVAL, MAILBOX_REASON_NAME_BYTE, NAME_FIELD, 2, &request.in.error);
	EXPECT_EQ(-EINVAL, try_name(&request, &self->world, variant->kind, "ab\nc/d"));
	EXPECT_DETAIL(EINVAL, MAILBOX_REASON_NAME_BYTE, NAME_FIELD, 2, &request.in.error);
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

/* --- names that only look bad ---------------------------------------- */

FIXTURE(good_name)
{
	struct world world;
};

FIXTURE_SETUP(good_name)
{
	ASSERT_EQ(0, world_make(&self->world));
}

FIXTURE_TEARDOWN(good_name)
{
	world_end(&self->world);
}

TEST_F(good_name, every_other_byte)
{
	char name[3] = "";

	for (int byte = 0x20; byte < 0x100; byte++) {
		if (byte == '/' || byte == 0x7f)
			continue;
		name[0] = byte;
		name[1] = byte;
		EXPECT_GOOD_NAME(&self->world, name);
	}
}

TEST_F(good_name, longest_and_shortest)
{
	char *longest = mbx_cliff(MAILBOX_NAME_MAX + 1), *shortest = mbx_cliff(2);

	ASSERT_NE(NULL, longest);
	ASSERT_NE(NULL, shortest);
	memset(longest, '\xff', MAILBOX_NAME_MAX);
	EXPECT_GOOD_NAME(&self->world, longest);
	shortest[0] = '0';
	EXPECT_GOOD_NAME(&self->world, shortest);
}

TEST_F(good_name, special_elsewhere)
{
	static const char *const names[] = { ".", "..", "...", " ", "-", "*", "%s%n", "\\", "\xc3\xa9" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_GOOD_NAME(&self->world, names[i]);
}

/* Names that differ in one byte, in length or in case are different. */
TEST_F(good_name, no_folding)
{
	static const char *const names[] = { "fold", "Fold", "fold ", " fold", "fol", "folds" };
	int handles[ARRAY_SIZE(names)];
	struct mailbox_stat stat;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		handles[i] = mbx_new_named(names[i], 1);
		ASSERT_LE(0, handles[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, mbx_stat(handles[i], &stat));
		EXPECT_STREQ(names[i], stat.name);
		EXPECT_EQ(1, stat.handles);
		close(handles[i]);
	}
}

/* --- names that are known or not ------------------------------------- */

TEST_F(good_name, taken)
{
	struct request request;
	struct trace trace;

	trace_take(&trace, &self->world);
	EXPECT_EQ(-EEXIST, try_name(&request, &self->world, CREATE, self->world.name));
	EXPECT_DETAIL(EEXIST, MAILBOX_REASON_NAME_TAKEN, MAILBOX_NO_FIELD, 0, &request.in.error);
	EXPECT_NO_TRACE(&trace, &self->world);
}

TEST_F(good_name, unknown)
{
	struct request request;
	struct trace trace;

	trace_take(&trace, &self->world);
	EXPECT_EQ(-ENOENT, try_name(&request, &self->world, OPEN, self->world.fresh));
	EXPECT_DETAIL(ENOENT, MAILBOX_REASON_NAME_UNKNOWN, MAILBOX_NO_FIELD, 0,
		      &request.in.error);

	/* one that was never there is not made by asking for it */
	EXPECT_EQ(-ENOENT, try_name(&request, &self->world, OPEN, self->world.fresh));
	EXPECT_NO_TRACE(&trace, &self->world);
}

/* A destroyed mailbox has no name, and another may have it at once. */
TEST_F(good_name, of_the_destroyed)
{
	struct request request;
	struct mailbox_stat old, new;

	ASSERT_EQ(0, mbx_destroy(self->world.handle, NULL));
	EXPECT_EQ(-ENOENT, try_name(&request, &self->world, OPEN, self->world.name));
	ASSERT_EQ(0, try_name(&request, &self->world, CREATE, self->world.name));
	ASSERT_EQ(0, mbx_stat(self->world.handle, &old));
	ASSERT_EQ(0, mbx_stat(request.in.create.fd, &new));
	EXPECT_NE(old.id, new.id);
	EXPECT_EQ(0, new.depth);

	/* closing the old one does not take the new one's name away */
	close(self->world.handle);
	self->world.handle = mbx_open(self->world.name, MAILBOX_RIGHT_ALL);
	ASSERT_LE(0, self->world.handle);
	ASSERT_EQ(0, mbx_stat(self->world.handle, &old));
	EXPECT_EQ(old.id, new.id);
	request_undo(&request);
}

TEST_HARNESS_MAIN
