// SPDX-License-Identifier: GPL-2.0
/*
 * mmap(2) of handles: every place, length, protection and sharing that cannot be,
 * and what mprotect(2) and mremap(2) make of a mapping that there is.
 */
#include "refuse.h"

#include "kselftest_harness.h"

/* Where the other side's page and ring begin. */
#define THEIRS		0x40000000LL

#define PAGE		4096
#define MINE_SPAN	(PAGE + 2 * WORLD_RING)
#define THEIRS_SPAN	(PAGE + 2 * WORLD_RING_BACK)

#define R	PROT_READ
#define RW	(PROT_READ | PROT_WRITE)

FIXTURE(map)
{
	struct world world;
	struct trace trace;
};

/**
 * @at: offset in struct world of the descriptor
 * @rights: of a copy of it that is used instead; or 0
 * @offset: of the mapping, bytes
 * @length: of it
 * @protection: PROT_*
 * @flags: MAP_*
 * @error: the errno, or 0
 */
FIXTURE_VARIANT(map)
{
	size_t at;
	__u32 rights;
	long long offset;
	size_t length;
	int protection;
	int flags;
	int error;
};

#define MAP(name, where_, rights_, offset_, length_, protection_, flags_, error_) \
	FIXTURE_VARIANT_ADD(map, name) { \
		.at = offsetof(struct world, where_), .rights = rights_, .offset = offset_, \
		.length = length_, .protection = protection_, .flags = flags_, \
		.error = error_, \
	}

#define SEND_RIGHT	MAILBOX_RIGHT_SEND
#define RECEIVE_RIGHT	MAILBOX_RIGHT_RECEIVE

/* this side's page and ring, which are its own to write */
MAP(mine_whole, ends[0], 0, 0, MINE_SPAN, RW, MAP_SHARED, 0);
MAP(mine_read, ends[0], 0, 0, MINE_SPAN, R, MAP_SHARED, 0);
MAP(mine_first_page, ends[0], 0, 0, 1, RW, MAP_SHARED, 0);
MAP(mine_last_page, ends[0], 0, MINE_SPAN - PAGE, PAGE, RW, MAP_SHARED, 0);
MAP(mine_too_long, ends[0], 0, 0, MINE_SPAN + 1, RW, MAP_SHARED, EINVAL);
MAP(mine_over_the_end, ends[0], 0, MINE_SPAN - PAGE, 2 * PAGE, RW, MAP_SHARED, EINVAL);
MAP(mine_behind, ends[0], 0, MINE_SPAN, PAGE, RW, MAP_SHARED, EINVAL);
MAP(mine_far_behind, ends[0], 0, THEIRS - PAGE, PAGE, R, MAP_SHARED, EINVAL);
MAP(mine_into_theirs, ends[0], 0, THEIRS - PAGE, 2 * PAGE, R, MAP_SHARED, EINVAL);
MAP(mine_everything, ends[0], 0, 0, 1UL << 30, R, MAP_SHARED, EINVAL);
MAP(mine_nothing, ends[0], 0, 0, 0, R, MAP_SHARED, EINVAL);
MAP(mine_private, ends[0], 0, 0, PAGE, RW, MAP_PRIVATE, EINVAL);
MAP(mine_private_read, ends[0], 0, 0, PAGE, R, MAP_PRIVATE, EINVAL);
MAP(mine_execute, ends[0], 0, 0, PAGE, R | PROT_EXEC, MAP_SHARED, EACCES);
MAP(mine_sync, ends[0], 0, 0, PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, EOPNOTSUPP);
MAP(mine_receive_only, ends[0], RECEIVE_RIGHT, 0, MINE_SPAN, R, MAP_SHARED, 0);
MAP(mine_receive_only_write, ends[0], RECEIVE_RIGHT, 0, PAGE, RW, MAP_SHARED, EACCES);
MAP(mine_receive_only_private, ends[0], RECEIVE_RIGHT, 0, PAGE, RW, MAP_PRIVATE, EINVAL);
MAP(mine_send_only, ends[0], SEND_RIGHT, 0, PAGE, R, MAP_SHARED, EACCES);

/* the other side's, which are not */
MAP(theirs_whole, ends[0], 0, THEIRS, THEIRS_SPAN, R, MAP_SHARED, 0);
MAP(theirs_last_page, ends[0], 0, THEIRS + THEIRS_SPAN - PAGE, PAGE, R, MAP_SHARED, 0);
MAP(theirs_write, ends[0], 0, THEIRS, PAGE, RW, MAP_SHARED, EACCES);
MAP(theirs_write_alone, ends[0], 0, THEIRS, PAGE, PROT_WRITE, MAP_SHARED, EACCES);
MAP(theirs_private, ends[0], 0, THEIRS, PAGE, RW, MAP_PRIVATE, EINVAL);
MAP(theirs_execute, ends[0], 0, THEIRS, PAGE, R | PROT_EXEC, MAP_SHARED, EACCES);
MAP(theirs_too_long, ends[0], 0, THEIRS, THEIRS_SPAN + 1, R, MAP_SHARED, EINVAL);
MAP(theirs_behind, ends[0], 0, THEIRS + THEIRS_SPAN, PAGE, R, MAP_SHARED, EINVAL);
MAP(theirs_send_only, ends[0], SEND_RIGHT, THEIRS, PAGE, R, MAP_SHARED, EACCES);
MAP(beyond_both, ends[0], 0, 2 * THEIRS, PAGE, R, MAP_SHARED, EINVAL);
MAP(far_beyond, ends[0], 0, 1LL << 40, PAGE, R, MAP_SHARED, EINVAL);
MAP(other_size, ends[1], 0, 0, PAGE + 2 * WORLD_RING_BACK + 1, R, MAP_SHARED, EINVAL);
MAP(other_size_theirs, ends[1], 0, THEIRS, PAGE + 2 * WORLD_RING, R, MAP_SHARED, 0);

/* a segment: as its file may be used */
MAP(segment_whole, segment, 0, 0, WORLD_SEGMENT, RW, MAP_SHARED, 0);
MAP(segment_part, segment, 0, PAGE, PAGE, RW, MAP_SHARED, 0);
MAP(segment_copy, segment, 0, 0, WORLD_SEGMENT, RW, MAP_PRIVATE, 0);
MAP(segment_receive_only, segment, RECEIVE_RIGHT, 0, PAGE, R, MAP_SHARED, 0);
MAP(segment_receive_only_write, segment, RECEIVE_RIGHT, 0, PAGE, RW, MAP_SHARED, EACCES);
MAP(segment_receive_only_copy, segment, RECEIVE_RIGHT, 0, PAGE, RW, MAP_PRIVATE, 0);
MAP(segment_send_only, segment, SEND_RIGHT, 0, PAGE, R, MAP_SHARED, EACCES);
MAP(segment_send_only_write, segment, SEND_RIGHT, 0, PAGE, PROT_WRITE, MAP_SHARED, EACCES);
MAP(segment_admin_only, segment, MAILBOX_RIGHT_ADMIN, 0, PAGE, R, MAP_SHARED, EACCES);
MAP(segment_nothing, segment, 0, 0, 0, R, MAP_SHARED, EINVAL);

/* what has no memory */
MAP(shared, handle, 0, 0, PAGE, R, MAP_SHARED, ENODEV);
MAP(broadcast, broadcast, 0, 0, PAGE, R, MAP_SHARED, ENODEV);
MAP(channel_without_rings, asked, 0, 0, PAGE, R, MAP_SHARED, ENODEV);
MAP(channel_without_rings_theirs, asked, 0, THEIRS, PAGE, R, MAP_SHARED, ENODEV);
MAP(device, device, 0, 0, PAGE, R, MAP_SHARED, ENODEV);

FIXTURE_SETUP(map)
{
	ASSERT_EQ(0, world_make(&self->world));
	trace_take(&self->trace, &self->world);
}

FIXTURE_TEARDOWN(map)
{
	world_end(&self->world);
}

TEST_F(map, is_what_may_be)
{
	int fd, copy = -1;
	void *place;

	memcpy(&fd, (char *)&self->world + variant->at, sizeof(fd));
	if (variant->rights) {
		copy = mbx_dup(fd, variant->rights);
		ASSERT_LE(0, copy);
		fd = copy;
	}
	place = mmap64(NULL, variant->length, variant->protection, variant->flags, fd,
		       variant->offset);
	if (variant->error) {
		EXPECT_EQ(MAP_FAILED, place);
		/* later kernels let no such file be executed, and say so first */
		if (!(variant->protection & PROT_EXEC) || errno != EPERM)
			EXPECT_EQ(variant->error, errno);
	} else {
		ASSERT_NE(MAP_FAILED, place) TH_LOG("%s", strerror(errno));
		/* each page is there */
		for (size_t i = 0; i < variant->length; i += PAGE)
			EXPECT_EQ(0, ((volatile char *)place)[i] & 0x80);
		if (variant->protection & PROT_WRITE)
			((volatile char *)place)[variant->length - 1] = 0;
		EXPECT_EQ(0, munmap(place, variant->length));
	}
	close(copy);
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

/* What was not granted by mmap(2) cannot be had later. */
FIXTURE(later)
{
	struct world world;
	char *place;
};

/**
 * @at: offset in struct world of the descriptor
 * @offset: of the mapping, which is of one page, to read
 * @rights: of a copy of the descriptor that is used instead; or 0
 * @writable: may it become so?
 * @grows: may it?
 */
FIXTURE_VARIANT(later)
{
	size_t at;
	long long offset;
	__u32 rights;
	bool writable;
	bool grows;
};

#define LATER(name, where_, ...) \
	FIXTURE_VARIANT_ADD(later, name) { .at = offsetof(struct world, where_), __VA_ARGS__ }

LATER(mine, ends[0], .writable = true);
LATER(mine_receive_only, ends[0], .rights = RECEIVE_RIGHT);
LATER(theirs, ends[0], .offset = THEIRS);
LATER(segment, segment, .writable = true, .grows = true);
LATER(segment_receive_only, segment, .rights = RECEIVE_RIGHT, .grows = true);

FIXTURE_SETUP(later)
{
	int fd, copy = -1;

	ASSERT_EQ(0, world_make(&self->world));
	memcpy(&fd, (char *)&self->world + variant->at, sizeof(fd));
	if (variant->rights) {
		copy = mbx_dup(fd, variant->rights);
		ASSERT_LE(0, copy);
		fd = copy;
	}
	self->place = mmap64(NULL, PAGE, R, MAP_SHARED, fd, variant->offset);
	ASSERT_NE(MAP_FAILED, self->place);
	close(copy);
}

FIXTURE_TEARDOWN(later)
{
	munmap(self->place, PAGE);
	world_end(&self->world);
}

static int expected(bool may)
{
	return may ? 0 : -EACCES;
}

static int protect(char *place, int protection)
{
	return mprotect(place, PAGE, protection) ? -errno : 0;
}

TEST_F(later, protection)
{
	/* what a segment may be is the kernel's to say */
	if (!variant->grows)
		EXPECT_EQ(-EACCES, protect(self->place, R | PROT_EXEC));
	EXPECT_EQ(0, protect(self->place, PROT_NONE));
	EXPECT_EQ(0, protect(self->place, R));
	EXPECT_EQ(expected(variant->writable), protect(self->place, RW));
	EXPECT_EQ(expected(variant->writable), protect(self->place, PROT_WRITE));
}

TEST_F(later, size)
{
	char *place = mremap(self->place, PAGE, 2 * PAGE, MREMAP_MAYMOVE);

	if (!variant->grows) {
		EXPECT_EQ(MAP_FAILED, place);
		EXPECT_EQ(EFAULT, errno);
		/* it may move, and is the same there */
		place = mbx_pages(1);
		ASSERT_EQ(place, mremap(self->place, PAGE, PAGE,
					MREMAP_MAYMOVE | MREMAP_FIXED, place));
	} else {
		ASSERT_NE(MAP_FAILED, place);
		munmap(place + PAGE, PAGE);
	}
	self->place = place;
	EXPECT_EQ(0, *(volatile char *)place & 0x80);
}

/* Who kept a handle on what is destroyed maps it no more; who had it mapped, has it. */
TEST_F(later, destroyed)
{
	int fd = self->world.segment;

	ASSERT_EQ(0, mbx_destroy(fd, NULL));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, R, MAP_SHARED, fd, 0));
	EXPECT_EQ(EIDRM, errno);
	EXPECT_EQ(0, *(volatile char *)self->place & 0x80);
}

/* A mapping is a handle's: the end is open as long as it is there, in any process. */
TEST(a_mapping_keeps_the_end_open)
{
	struct mailbox_peer peer = {};
	struct world world;
	int release[2];
	pid_t child;
	void *place;

	ASSERT_EQ(0, world_make(&world));
	ASSERT_EQ(0, pipe(release));
	place = mmap(NULL, MINE_SPAN, RW, MAP_SHARED, world.ends[0], 0);
	ASSERT_NE(MAP_FAILED, place);
	child = mbx_fork();
	if (!child) {
		world_end(&world);
		close(release[1]);
		_exit(read(release[0], &peer, 1) != 0);
	}
	close(release[0]);
	close(world.ends[0]);
	EXPECT_EQ(0, mbx_ioctl(world.ends[1], MAILBOX_IOC_PEER, &peer));
	EXPECT_EQ(MAILBOX_PEER_OPEN, peer.state);
	munmap(place, MINE_SPAN);
	EXPECT_EQ(0, mbx_ioctl(world.ends[1], MAILBOX_IOC_PEER, &peer));
	EXPECT_EQ(MAILBOX_PEER_OPEN, peer.state);
	close(release[1]);
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_EQ(0, mbx_ioctl(world.ends[1], MAILBOX_IOC_PEER, &peer));
	EXPECT_EQ(MAILBOX_PEER_CLOSED, peer.state);
	world_end(&world);
}

TEST_HARNESS_MAIN
