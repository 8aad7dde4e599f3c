// SPDX-License-Identifier: GPL-2.0
/*
 * The struct that a command points to, as a whole: its size, its address, and
 * the number that the command has.
 */
#include "refuse.h"

#include "kselftest_harness.h"

#define SIZE_MAX_IOCTL	((1 << _IOC_SIZEBITS) - 1)

/* @command for a struct of another size. */
static unsigned long resized(unsigned long command, size_t size)
{
	return _IOC(_IOC_DIR(command), _IOC_TYPE(command), _IOC_NR(command), size);
}

FIXTURE(command)
{
	struct world world;
	struct request request;
	struct trace trace;
};

FIXTURE_VARIANT(command)
{
	enum kind kind;
};

#define COMMAND(name, kind_) \
	FIXTURE_VARIANT_ADD(command, name) { .kind = kind_ }

COMMAND(info, INFO);
COMMAND(info_on_handle, INFO_ON_HANDLE);
COMMAND(create, CREATE);
COMMAND(open, OPEN);
COMMAND(list, LIST);
COMMAND(send, SEND);
COMMAND(receive, RECEIVE);
COMMAND(peek, PEEK);
COMMAND(send_batch, SEND_BATCH);
COMMAND(receive_batch, RECEIVE_BATCH);
COMMAND(stat, STAT);
COMMAND(set, SET);
COMMAND(dup, DUP);
COMMAND(destroy, DESTROY);
COMMAND(destroy_segment, DESTROY_SEGMENT);
COMMAND(channel, CHANNEL);
COMMAND(connect, CONNECT);
COMMAND(accept, ACCEPT);
COMMAND(refuse, REFUSE);
COMMAND(peer, PEER);
COMMAND(ring_wait, RING_WAIT);
COMMAND(ring_wake, RING_WAKE);

FIXTURE_SETUP(command)
{
	ASSERT_EQ(0, world_make(&self->world));
	request_make(&self->request, &self->world, variant->kind);
	trace_take(&self->trace, &self->world);
}

FIXTURE_TEARDOWN(command)
{
	world_end(&self->world);
}

/* The request does what it should: it was not the fault of anything else. */
#define EXPECT_VALID(self) do {						\
		EXPECT_EQ(0, request_try(&(self)->request));		\
		request_undo(&(self)->request);				\
	} while (0)

/*
 * Every size that is too small: EINVAL, a detail if there is room for one, and
 * not a byte behind what there is room for.
 */
TEST_F(command, too_small)
{
	size_t size = self->request.size;
	size_t sizes[] = { 0, 1, 8, 15, 16, 17, 24, size - 8, size - 1 };
	struct mailbox_error untouched;
	unsigned char *struct_ = mbx_cliff(2 * size);

	ASSERT_NE(NULL, struct_);
	memset(&untouched, 0x5a, sizeof(untouched));

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned char behind[2 * sizeof(self->request.in)];
		struct mailbox_error error;

		/* the struct is whole, only the number says less */
		if (sizes[i] >= size)
			continue;
		memset(struct_, 0x5a, 2 * size);
		memcpy(struct_, &self->request.in, size);
		memset(struct_, 0x5a, sizeof(error));
		memcpy(behind, struct_, 2 * size);

		ASSERT_EQ(-EINVAL, mbx_ioctl(self->request.fd,
					     resized(self->request.command, sizes[i]), struct_)) {
			TH_LOG("size %zu", sizes[i]);
		}
		memcpy(&error, struct_, sizeof(error));
		if (sizes[i] >= sizeof(error))
			EXPECT_DETAIL(EINVAL, MAILBOX_REASON_SIZE, MAILBOX_NO_FIELD, size,
				      &error);
		else {
			EXPECT_EQ(0, memcmp((char *)&untouched + sizes[i],
					    (char *)&error + sizes[i],
					    sizeof(error) - sizes[i]));
		}
		EXPECT_EQ(0, memcmp(behind + sizeof(error), struct_ + sizeof(error),
				    2 * size - sizeof(error)));
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* A struct that really ends where its size says: no EFAULT, but EINVAL. */
TEST_F(command, too_small_at_the_end_of_memory)
{
	size_t size = self->request.size - 8;
	unsigned char *struct_ = mbx_cliff(size);
	struct mailbox_error error;

	ASSERT_NE(NULL, struct_);
	memcpy(struct_, &self->request.in, size);
	EXPECT_EQ(-EINVAL, mbx_ioctl(self->request.fd,
				     resized(self->request.command, size), struct_));
	memcpy(&error, struct_, sizeof(error));
	EXPECT_DETAIL(EINVAL, MAILBOX_REASON_SIZE, MAILBOX_NO_FIELD, self->request.size, &error);
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* A caller that knows more than the kernel: fine if it asks nothing new. */
TEST_F(command, larger_with_zeroes)
{
	size_t size = self->request.size;
	size_t sizes[] = { size + 1, size + 8, 4096, SIZE_MAX_IOCTL };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct request again;
		unsigned char *struct_ = mbx_cliff(sizes[i]);

		ASSERT_NE(NULL, struct_);
		world_end(&self->world);
		ASSERT_EQ(0, world_make(&self->world));
		request_make(&again, &self->world, variant->kind);
		memcpy(struct_, &again.in, size);

		ASSERT_EQ(0, mbx_ioctl(again.fd, resized(again.command, sizes[i]), struct_)) {
			TH_LOG("size %zu", sizes[i]);
		}
		for (size_t byte = size; byte < sizes[i]; byte++) {
			ASSERT_EQ(0, struct_[byte]);
		}
		memcpy(&again.in, struct_, size);
		request_undo(&again);
	}
}

/* One that does ask: E2BIG, wherever in the tail that is. */
TEST_F(command, larger_with_something)
{
	size_t size = self->request.size;
	struct { size_t size, at; } tails[] = {
		{ size + 1, size },
		{ size + 8, size },
		{ size + 8, size + 7 },
		{ 4096, 4095 },
		{ SIZE_MAX_IOCTL, size + 1 },
		{ SIZE_MAX_IOCTL, SIZE_MAX_IOCTL - 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		unsigned char *struct_ = mbx_cliff(tails[i].size);
		struct mailbox_error error;

		ASSERT_NE(NULL, struct_);
		memcpy(struct_, &self->request.in, size);
		struct_[tails[i].at] = 0x80;
		ASSERT_EQ(-E2BIG, mbx_ioctl(self->request.fd,
					    resized(self->request.command, tails[i].size),
					    struct_)) {
			TH_LOG("size %zu, byte %zu", tails[i].size, tails[i].at);
		}
		memcpy(&error, struct_, sizeof(error));
		EXPECT_DETAIL(E2BIG, MAILBOX_REASON_SIZE, MAILBOX_NO_FIELD, size, &error);

		/* besides the error nothing was written */
		EXPECT_EQ(0, memcmp(struct_ + sizeof(error),
				    self->request.in.bytes + sizeof(error),
				    size - sizeof(error)));
		for (size_t byte = size; byte < tails[i].size; byte++) {
			ASSERT_EQ(byte == tails[i].at ? 0x80 : 0, struct_[byte]);
		}
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* A tail that is said to be there, and is not. */
TEST_F(command, larger_than_memory)
{
	unsigned char *struct_ = mbx_cliff(self->request.size + 8);

	ASSERT_NE(NULL, struct_);
	memcpy(struct_, &self->request.in, self->request.size);
	EXPECT_EQ(-EFAULT, mbx_ioctl(self->request.fd,
				     resized(self->request.command, self->request.size + 16),
				     struct_));
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* A struct that is nowhere, in all the ways in which that can be. */
TEST_F(command, pointer_to_nowhere)
{
	for (enum mbx_nowhere kind = 0; kind < MBX_NOWHERE_KINDS; kind++) {
		__u64 where = mbx_nowhere(kind);

		/* what may only be read cannot take results: see below */
		if (kind == MBX_READ_ONLY || where > UINTPTR_MAX)
			continue;
		EXPECT_EQ(-EFAULT, mbx_ioctl(self->request.fd, self->request.command,
					     (void *)(uintptr_t)where)) {
			TH_LOG("kind %d, address %llx", kind, where);
		}
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* A struct whose end is missing, from the last byte on to all but the first. */
TEST_F(command, straddles_into_nothing)
{
	size_t size = self->request.size, kept = size;
	unsigned char *struct_ = mbx_cliff(size);

	/* of a header that does not fit a part may be there; it counts for nothing */
	if (variant->kind == RECEIVE || variant->kind == PEEK)
		kept = MBX_FIELD(mailbox_receive, header);

	ASSERT_NE(NULL, struct_);
	for (size_t missing = 1; missing < size; missing++) {
		unsigned char before[sizeof(self->request.in)];
		size_t there = size - missing < kept ? size - missing : kept;

		memset(struct_, 0, size);
		memcpy(struct_ + missing, &self->request.in, size - missing);
		memcpy(before, struct_ + missing, size - missing);
		ASSERT_EQ(-EFAULT, mbx_ioctl(self->request.fd, self->request.command,
					     struct_ + missing)) {
			TH_LOG("%zu bytes missing", missing);
		}

		/* what was asked is as it was; the error may be there */
		if (there > sizeof(struct mailbox_error)) {
			EXPECT_EQ(0, memcmp(struct_ + missing + sizeof(struct mailbox_error),
					    before + sizeof(struct mailbox_error),
					    there - sizeof(struct mailbox_error)));
		}
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/*
 * A struct that can be read and not written: the request is valid, and where
 * it put its results it could not.  It must not have done what it cannot report.
 */
TEST_F(command, read_only)
{
	void *struct_ = mbx_pages(1);

	ASSERT_NE(NULL, struct_);
	memcpy(struct_, &self->request.in, self->request.size);
	ASSERT_EQ(0, mprotect(struct_, mbx_page(), PROT_READ));

	/* these have nothing to report when they succeed */
	switch (variant->kind) {
	case SET:
	case REFUSE:
	case RING_WAIT:
	case RING_WAKE:
		EXPECT_EQ(0, mbx_ioctl(self->request.fd, self->request.command, struct_));
		return;
	default:
		break;
	}
	EXPECT_EQ(-EFAULT, mbx_ioctl(self->request.fd, self->request.command, struct_));
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_EQ(0, memcmp(struct_, &self->request.in, self->request.size));
	EXPECT_VALID(self);
}

/*
 * The same where only its end cannot be written, from each member on: a command
 * that says that it failed has done nothing, and one that has done what was asked
 * has told all of it.
 */
TEST_F(command, end_read_only)
{
	size_t page = mbx_page(), size = self->request.size;
	unsigned char *base = mbx_pages(2);

	ASSERT_NE(NULL, base);
	for (size_t writable = 0; writable <= size; writable += 4) {
		unsigned char *struct_ = base + page - writable;
		struct request told;
		int result;

		ASSERT_EQ(0, mprotect(base, 2 * page, PROT_READ | PROT_WRITE));
		memcpy(struct_, &self->request.in, size);
		ASSERT_EQ(0, mprotect(base + page, page, PROT_READ));
		result = mbx_ioctl(self->request.fd, self->request.command, struct_);
		if (result) {
			ASSERT_EQ(-EFAULT, result) TH_LOG("%zu bytes writable", writable);
			EXPECT_NO_TRACE(&self->trace, &self->world);
			ASSERT_NE(size, writable);
			continue;
		}

		told = self->request;
		memcpy(&told.in, struct_, size);
		request_undo(&told);
		/* all that it told is what it tells who can be told */
		world_end(&self->world);
		ASSERT_EQ(0, world_make(&self->world));
		request_make(&self->request, &self->world, variant->kind);
		trace_take(&self->trace, &self->world);
	}
}

/* PERSIST keeps nothing of which its maker never learned. */
TEST(read_only_persist)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create *how = mbx_pages(1);

	ASSERT_NE(NULL, how);
	*how = (struct mailbox_create){
		.name = MBX_PTR(mbx_name(name, "persist")),
		.flags = MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST,
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0600,
	};
	ASSERT_EQ(0, mprotect(how, mbx_page(), PROT_READ));
	EXPECT_EQ(-EFAULT, mbx_create(how));
	EXPECT_EQ(-ENOENT, mbx_open(name, MAILBOX_RIGHT_ADMIN));
}

/* A read-only struct with a fault in it is refused for the fault. */
TEST_F(command, read_only_and_bad)
{
	void *struct_ = mbx_pages(1);
	size_t at;

	ASSERT_NE(NULL, struct_);
	switch (_IOC_NR(self->request.command)) {
	case _IOC_NR(MAILBOX_IOC_STAT):
		return;		/* has nothing that could be bad */
	case _IOC_NR(MAILBOX_IOC_CREATE):
	case _IOC_NR(MAILBOX_IOC_OPEN):
		at = offsetof(struct mailbox_open, flags);
		break;
	case _IOC_NR(MAILBOX_IOC_LIST):
		at = offsetof(struct mailbox_list, flags);
		break;
	case _IOC_NR(MAILBOX_IOC_SEND_BATCH):
	case _IOC_NR(MAILBOX_IOC_RECEIVE_BATCH):
		at = offsetof(struct mailbox_batch, flags);
		break;
	case _IOC_NR(MAILBOX_IOC_ACCEPT):
	case _IOC_NR(MAILBOX_IOC_REFUSE):
		at = offsetof(struct mailbox_accept, flags);
		break;
	default:
		/* the first member, flags or mask */
		at = sizeof(struct mailbox_error);
		break;
	}
	memcpy(struct_, &self->request.in, self->request.size);
	memset((char *)struct_ + at, 0xff, sizeof(__u32));
	ASSERT_EQ(0, mprotect(struct_, mbx_page(), PROT_READ));
	EXPECT_EQ(-EINVAL, mbx_ioctl(self->request.fd, self->request.command, struct_));
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* Numbers that differ from the command's in one part: nobody's. */
TEST_F(command, other_direction)
{
	unsigned int type = _IOC_TYPE(self->request.command);
	unsigned int number = _IOC_NR(self->request.command);
	size_t size = self->request.size;

	EXPECT_EQ(-ENOTTY, mbx_ioctl(self->request.fd, _IOC(_IOC_NONE, type, number, size),
				     &self->request.in));
	EXPECT_EQ(-ENOTTY, mbx_ioctl(self->request.fd, _IOC(_IOC_READ, type, number, size),
				     &self->request.in));
	EXPECT_EQ(-ENOTTY, mbx_ioctl(self->request.fd, _IOC(_IOC_WRITE, type, number, size),
				     &self->request.in));
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

TEST_F(command, other_magic)
{
	for (unsigned int type = 0x80; type < 0x100; type++) {
		if (type == MAILBOX_IOC_MAGIC)
			continue;
		ASSERT_EQ(-ENOTTY, mbx_ioctl(self->request.fd,
					     _IOC(_IOC_READ | _IOC_WRITE, type,
						  _IOC_NR(self->request.command),
						  self->request.size),
					     &self->request.in)) {
			TH_LOG("type %x", type);
		}
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* A valid request on the other kind of file. */
TEST_F(command, other_kind_of_file)
{
	struct mailbox_error untouched;
	bool of_device = self->request.fd == self->world.device;
	int other = of_device ? self->world.handle : self->world.device;

	/* INFO is for both */
	if (variant->kind == INFO || variant->kind == INFO_ON_HANDLE) {
		EXPECT_EQ(0, mbx_ioctl(other, self->request.command, &self->request.in));
		return;
	}
	memset(&untouched, 0, sizeof(untouched));
	EXPECT_EQ(-ENOTTY, mbx_ioctl(other, self->request.command, &self->request.in));
	EXPECT_EQ(0, memcmp(&untouched, &self->request.in.error, sizeof(untouched)));
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* And on files that are no mailbox's at all. */
TEST_F(command, file_of_others)
{
	int file = memfd_create("other", MFD_CLOEXEC), ends[2];

	ASSERT_LE(0, file);
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-ENOTTY, mbx_ioctl(file, self->request.command, &self->request.in));
	EXPECT_EQ(-ENOTTY, mbx_ioctl(ends[0], self->request.command, &self->request.in));
	EXPECT_EQ(-EBADF, mbx_ioctl(-1, self->request.command, &self->request.in));
	close(file);
	close(ends[0]);
	close(ends[1]);
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* A descriptor that is only a place (O_PATH) is no device. */
TEST_F(command, path_descriptor)
{
	int place = open(MBX_DEVICE, O_PATH | O_CLOEXEC);

	ASSERT_LE(0, place);
	EXPECT_EQ(-EBADF, mbx_ioctl(place, self->request.command, &self->request.in));
	close(place);
	EXPECT_NO_TRACE(&self->trace, &self->world);
	EXPECT_VALID(self);
}

/* --- numbers that nobody has ----------------------------------------- */

FIXTURE(number)
{
	struct world world;
};

FIXTURE_SETUP(number)
{
	ASSERT_EQ(0, world_make(&self->world));
}

FIXTURE_TEARDOWN(number)
{
	world_end(&self->world);
}

static bool number_known(unsigned int number)
{
	switch (number) {
	case _IOC_NR(MAILBOX_IOC_INFO):
	case _IOC_NR(MAILBOX_IOC_CREATE):
	case _IOC_NR(MAILBOX_IOC_OPEN):
	case _IOC_NR(MAILBOX_IOC_LIST):
	case _IOC_NR(MAILBOX_IOC_SEND):
	case _IOC_NR(MAILBOX_IOC_RECEIVE):
	case _IOC_NR(MAILBOX_IOC_SEND_BATCH):
	case _IOC_NR(MAILBOX_IOC_RECEIVE_BATCH):
	case _IOC_NR(MAILBOX_IOC_STAT):
	case _IOC_NR(MAILBOX_IOC_SET):
	case _IOC_NR(MAILBOX_IOC_DUP):
	case _IOC_NR(MAILBOX_IOC_DESTROY):
	case _IOC_NR(MAILBOX_IOC_CHANNEL):
	case _IOC_NR(MAILBOX_IOC_CONNECT):
	case _IOC_NR(MAILBOX_IOC_ACCEPT):
	case _IOC_NR(MAILBOX_IOC_REFUSE):
	case _IOC_NR(MAILBOX_IOC_PEER):
	case _IOC_NR(MAILBOX_IOC_RING_WAIT):
	case _IOC_NR(MAILBOX_IOC_RING_WAKE):
		return true;
	}
	return false;
}

/* Unknown numbers are ENOTTY whatever their size, and touch nothing. */
TEST_F(number, unknown)
{
	static const size_t sizes[] = { 0, 16, 64, 4096, SIZE_MAX_IOCTL };
	unsigned char *memory = mbx_pages(4);
	struct trace trace;

	ASSERT_NE(NULL, memory);
	trace_take(&trace, &self->world);
	for (unsigned int number = 0; number < 256; number++) {
		if (number_known(number))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			unsigned long command = _IOC(_IOC_READ | _IOC_WRITE, MAILBOX_IOC_MAGIC,
						     number, sizes[i]);

			ASSERT_EQ(-ENOTTY, mbx_ioctl(self->world.device, command, memory)) {
				TH_LOG("number %x", number);
			}
			ASSERT_EQ(-ENOTTY, mbx_ioctl(self->world.handle, command, memory)) {
				TH_LOG("number %x", number);
			}
		}
	}
	for (size_t byte = 0; byte < 4 * mbx_page(); byte++) {
		ASSERT_EQ(0, memory[byte]);
	}
	EXPECT_NO_TRACE(&trace, &self->world);
}

TEST_HARNESS_MAIN
