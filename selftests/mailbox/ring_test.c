// SPDX-License-Identifier: GPL-2.0
/*
 * Rings: through the library, two processes, and what the page tables enforce.
 *
 * features.rst rows with their test here:
 *   rings				rings.records_arrive
 *   pages with one writer		rings.the_other_side_is_read_only,
 *				mappings_are_no_way_around
 */
#include "kselftest_harness.h"
#include "common.h"
#include "hostile.h"

#include <mailbox_ring.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#define PAGE	4096
#define SIZE	8192
#define SPAN	(PAGE + 2 * SIZE)
#define THEIRS	0x40000000LL	/* where the other side's page and ring begin */
#define RECORDS	20000

FIXTURE(rings) {
	int end[2];
	struct mailbox_ring *ring[2];
};

FIXTURE_VARIANT(rings) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(rings, plain) { .flags = 0 };
FIXTURE_VARIANT_ADD(rings, nopoll) { .flags = MAILBOX_RING_NOPOLL };

FIXTURE_SETUP(rings)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 1, .ring = SIZE, .ring_back = SIZE,
	};

	ASSERT_EQ(0, mailbox_channel(self->end, &attr, NULL));
	ASSERT_EQ(0, mailbox_ring_open(self->end[0], variant->flags, &self->ring[0], NULL));
	ASSERT_EQ(0, mailbox_ring_open(self->end[1], variant->flags, &self->ring[1], NULL));
}

FIXTURE_TEARDOWN(rings)
{
	mailbox_ring_close(self->ring[0]);
	mailbox_ring_close(self->ring[1]);
	close(self->end[0]);
	close(self->end[1]);
}

TEST_F(rings, records_arrive)
{
	static const char large[SIZE];
	char text[16];

	EXPECT_EQ(-ETIMEDOUT, mailbox_ring_receive(self->ring[1], text, sizeof(text), 0));
	EXPECT_EQ(0, mailbox_ring_send(self->ring[0], "one", 3, 0));
	EXPECT_EQ(0, mailbox_ring_send(self->ring[0], "two!", 4, 0));
	EXPECT_EQ(3, mailbox_ring_receive(self->ring[1], text, sizeof(text), 0));
	EXPECT_EQ(0, memcmp(text, "one", 3));
	EXPECT_EQ(-EMSGSIZE, mailbox_ring_receive(self->ring[1], text, 3, 0));
	EXPECT_EQ(4, mailbox_ring_receive(self->ring[1], text, sizeof(text), 0));
	EXPECT_EQ(-EMSGSIZE, mailbox_ring_send(self->ring[0], large, SIZE, 0));
}

TEST_F(rings, opened_by_who_may_and_as_it_is_said)
{
	struct mailbox_error error;
	struct mailbox_ring *made = NULL;
	unsigned int right;

	for (right = MAILBOX_RIGHT_SEND; right <= MAILBOX_RIGHT_RECEIVE; right <<= 1) {
		int fd = mailbox_dup(self->end[0], right, 0, &error);

		ASSERT_LE(0, fd);
		EXPECT_EQ(-EACCES, mailbox_ring_open(fd, 0, &made, &error));
		EXPECT_EQ(MAILBOX_REASON_RIGHT, error.reason);
		close(fd);
	}
	EXPECT_EQ(-EINVAL, mailbox_ring_open(self->end[0], MAILBOX_RING_NOPOLL | 0x2, &made,
					     &error));
	EXPECT_EQ(-EINVAL, error.code);
	EXPECT_EQ(-EBADF, mailbox_ring_open(-1, 0, &made, &error));
	EXPECT_EQ(NULL, made);
	EXPECT_EQ(0, mailbox_ring_send(self->ring[0], "x", 1, 0));
}

/* A child sends numbers of all lengths, sleeping and waking as it must. */
TEST_F(rings, a_stream_arrives_whole)
{
	pid_t child = mbx_fork();
	unsigned int i, buffer[64];

	if (!child) {
		for (i = 0; i < RECORDS; i++) {
			buffer[0] = i;
			if (mailbox_ring_send(self->ring[0], buffer, 4 + i % 200,
					      mailbox_deadline_ms(20000)))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < RECORDS; i++) {
		ASSERT_EQ(4 + i % 200,
			  mailbox_ring_receive(self->ring[1], buffer, sizeof(buffer),
					       mailbox_deadline_ms(20000)));
		ASSERT_EQ(i, buffer[0]);
	}
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(rings, the_other_side_is_read_only)
{
	struct mailbox_ring *ring = self->ring[0];
	void *theirs = (void *)ring->theirs;

	EXPECT_EQ(-1, mprotect(theirs, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mmap64(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
				     self->end[0], THEIRS));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mremap(ring->mine, PAGE, 1 << 20, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(rings, epoll_sees_them)
{
	struct epoll_event event = { .events = EPOLLRDBAND };
	int epoll = epoll_create1(0);
	char text[8];
	pid_t child;

	if (variant->flags)
		return;
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->end[1], &event));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	child = mbx_fork();
	if (!child) {
		mbx_wait_asleep(getppid(), SYS_epoll_wait);
		_exit(-mailbox_ring_send(self->ring[0], "x", 1, 0));
	}
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 20000));
	EXPECT_EQ(1, mailbox_ring_receive(self->ring[1], text, sizeof(text), 0));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	EXPECT_EQ(0, mbx_join(child));
	close(epoll);
}

/* One page of a ring, mapped for all that it may be. */
struct view {
	int end;
	bool mine;
	off64_t offset;		/* from where its side begins */
	char *place;
};

static char *map_view(const struct view *view)
{
	return mmap64(NULL, PAGE, view->mine ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
		      view->end, (view->mine ? 0 : THEIRS) + view->offset);
}

/* A word of each page that neither the library nor the kernel looks at. */
static uint32_t *word(const void *page)
{
	return (uint32_t *)((char *)page + offsetof(struct mailbox_ring_page, reserved2));
}

static int to_write(const struct view *view)
{
	return mprotect(view->place, PAGE, PROT_READ | PROT_WRITE);
}

static int to_execute(const struct view *view)
{
	return mprotect(view->place, PAGE, PROT_READ | PROT_EXEC);
}

static int grow(const struct view *view)
{
	return mremap(view->place, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0;
}

/* Of a shared mapping this makes a second one, of any length. */
static int grow_from_nothing(const struct view *view)
{
	return mremap(view->place, 0, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0;
}

static int punch(const struct view *view)
{
	return madvise(view->place, PAGE, MADV_REMOVE);
}

/* Even where off_t has 32 bits, no address is a negative offset. */
static int force(const struct view *view)
{
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	int result = pwrite64(memory, "x", 1, (off64_t)(uintptr_t)word(view->place));
	int error = errno;

	close(memory);
	errno = error;
	return result < 0 ? -1 : 0;
}

/*
 * To another page, which would be as writable as this one is; where it is not, that is
 * asked for.  Of a mapping made for this: where it is refused there may be none left.
 */
static int shift(const struct view *view, off64_t offset)
{
	char *place = map_view(view);
	int result, error;

	if (place == MAP_FAILED)
		return 0;
	result = remap_file_pages(place, PAGE, 0, offset / PAGE, 0);
	if (!result && !view->mine)
		result = mprotect(place, PAGE, PROT_READ | PROT_WRITE);
	error = errno;
	munmap(place, PAGE);
	errno = error;
	return result;
}

static int shift_to_theirs(const struct view *view)
{
	return shift(view, THEIRS + view->offset);
}

static int shift_behind(const struct view *view)
{
	return shift(view, (view->mine ? 0 : THEIRS) + SPAN);
}

/*
 * Ways to more than a mapping was made for, and the errno in which each ends: of what is
 * mine, and of what is theirs.  0: it may be.
 */
static const struct {
	const char *name;
	int (*go)(const struct view *view);
	int mine;
	int theirs;
} ways[] = {
	{ "mprotect to write", to_write, 0, EACCES },
	{ "mprotect to execute", to_execute, EACCES, EACCES },
	{ "mremap", grow, EFAULT, EFAULT },
	{ "mremap of no bytes", grow_from_nothing, EFAULT, EFAULT },
	{ "MADV_REMOVE", punch, ENODEV, EACCES },
	{ "/proc/self/mem", force, 0, EIO },
	{ "remap_file_pages to theirs", shift_to_theirs, EACCES, EACCES },
	{ "remap_file_pages behind", shift_behind, EINVAL, EINVAL },
};

/* How many of them lead elsewhere. */
static int ways_around(struct __test_metadata *_metadata, const struct view *view)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int error = ways[i].go(view) ? errno : 0;

		if (error == (view->mine ? ways[i].mine : ways[i].theirs))
			continue;
		TH_LOG("%s, %s page at %lld: errno %d", ways[i].name,
		       view->mine ? "my" : "their", (long long)view->offset, error);
		wrong++;
	}
	return wrong;
}

static void no_way_around(struct __test_metadata *_metadata, FIXTURE_DATA(rings) *self,
			  bool mine, off64_t offset)
{
	struct view view = { .end = self->end[0], .mine = mine, .offset = offset };
	char *owner = (char *)self->ring[!mine]->mine;
	char *other = (char *)self->ring[mine]->theirs;
	/* where the same is once more */
	off64_t copy = !offset ? 0 : offset == PAGE ? PAGE + SIZE : PAGE;
	uint32_t number = 4711 + offset;
	pid_t child;

	view.place = map_view(&view);
	ASSERT_NE(MAP_FAILED, view.place);

	/* a child has the same, and no more */
	child = mbx_fork();
	if (!child) {
		int wrong = ways_around(_metadata, &view);

		if (mine)
			*word(view.place) = number + 1;
		_exit(wrong);
	}
	EXPECT_EQ(0, mbx_join(child));
	if (mine)
		EXPECT_EQ(number + 1, *word(other + offset));
	EXPECT_EQ(0, ways_around(_metadata, &view));

	/* what is dropped from the page tables is the same when it is back */
	*word(owner + offset) = number;
	ASSERT_EQ(0, madvise(view.place, PAGE, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(owner, SPAN, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(other, SPAN, MADV_DONTNEED));
	EXPECT_EQ(number, *word(view.place));
	EXPECT_EQ(number, *word(owner + offset));
	EXPECT_EQ(number, *word(owner + copy));
	EXPECT_EQ(number, *word(other + offset));
	EXPECT_EQ(number, *word(other + copy));
	munmap(view.place, PAGE);
}

/* Whatever is tried with a mapping: it is what it was made as, and no more. */
TEST_F(rings, mappings_are_no_way_around)
{
	/* the page of indexes, the data, and the data again */
	static const off64_t offsets[] = { 0, PAGE, PAGE + SIZE };
	int end = self->end[0];

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		no_way_around(_metadata, self, true, offsets[i]);
		no_way_around(_metadata, self, false, offsets[i]);
	}

	/* nothing behind, no copies, nothing to execute */
	EXPECT_EQ(MAP_FAILED, mmap64(NULL, SPAN + PAGE, PROT_READ, MAP_SHARED, end, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap64(NULL, PAGE, PROT_READ, MAP_SHARED, end, SPAN));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap64(NULL, PAGE, PROT_READ, MAP_SHARED, end, 2 * THEIRS));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap64(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE, end, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap64(NULL, SPAN, PROT_READ | PROT_EXEC, MAP_SHARED, end, 0));
	EXPECT_EQ(MAP_FAILED, mremap(self->ring[0]->mine, SPAN, SPAN + PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ftruncate(end, 0));
	EXPECT_EQ(EINVAL, errno);
}

/* Nor is there a way by the file: what is there cannot be taken or made. */
TEST_F(rings, nothing_is_punched_or_allocated)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE,
	};
	/* within a ring, all of it, and where there is none */
	static const struct { off64_t at, length; } parts[] = {
		{ 0, PAGE }, { PAGE, SIZE }, { 0, SPAN }, { SPAN, PAGE },
		{ THEIRS, PAGE }, { THEIRS + PAGE, SIZE }, { THEIRS, SPAN },
	};
	unsigned char *mine = (unsigned char *)self->ring[0]->mine;
	unsigned char *theirs = (unsigned char *)self->ring[1]->mine;
	static unsigned char was[2][SPAN];

	memset(mine + PAGE, 'm', SIZE);
	memset(theirs + PAGE, 't', SIZE);
	memcpy(was[0], mine, SPAN);
	memcpy(was[1], theirs, SPAN);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		for (size_t j = 0; j < ARRAY_SIZE(parts); j++) {
			/* as the kernel's anonymous files are irregular, or later regular ones */
			EXPECT_EQ(-1, fallocate64(self->end[0], modes[i], parts[j].at,
						  parts[j].length));
			EXPECT_TRUE(errno == ENODEV || errno == EOPNOTSUPP) {
				TH_LOG("mode %x of part %zu: %s", modes[i], j, strerror(errno));
			}
		}
	EXPECT_EQ(0, memcmp(was[0], mine, SPAN));
	EXPECT_EQ(0, memcmp(was[1], theirs, SPAN));
	EXPECT_EQ(0, memcmp(was[0], (const void *)self->ring[1]->theirs, SPAN));
	EXPECT_EQ(0, memcmp(was[1], (const void *)self->ring[0]->theirs, SPAN));
}

/* Pages stay while they are mapped, and the end is told when nothing is left. */
TEST_F(rings, a_mapping_keeps_its_end)
{
	char text[8];

	close(self->end[0]);
	EXPECT_EQ(0, mailbox_ring_send(self->ring[0], "kept", 4, 0));
	EXPECT_EQ(4, mailbox_ring_receive(self->ring[1], text, sizeof(text), 0));
	mailbox_ring_close(self->ring[0]);
	self->ring[0] = NULL;
	EXPECT_EQ(-EPIPE, mailbox_ring_receive(self->ring[1], text, sizeof(text),
					       MAILBOX_FOREVER));
	EXPECT_EQ(-EPIPE, mailbox_ring_wait(self->ring[1], MAILBOX_RING_ROOM, 1,
					    MAILBOX_FOREVER));
	EXPECT_EQ(-EPIPE, mailbox_ring_send(self->ring[1], "x", 1, MAILBOX_FOREVER));
	self->end[0] = -1;
}

TEST_F(rings, the_rest_can_be_read_of_who_was_killed)
{
	char text[8];
	void *place;
	pid_t child = mbx_fork();

	if (!child) {
		mailbox_ring_send(self->ring[0], "first", 5, 0);
		mailbox_ring_reserve(self->ring[0], 5, &place);
		memcpy(place, "lost", 4);
		raise(SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, mbx_join(child));
	close(self->end[0]);
	mailbox_ring_close(self->ring[0]);
	self->ring[0] = NULL;
	EXPECT_EQ(5, mailbox_ring_receive(self->ring[1], text, sizeof(text), MAILBOX_FOREVER));
	EXPECT_EQ(-EPIPE, mailbox_ring_receive(self->ring[1], text, sizeof(text),
					       MAILBOX_FOREVER));
	self->end[0] = -1;
}

/* --- sleep ----------------------------------------------------------- */

struct sleeper {
	struct mailbox_ring *ring;
	uint32_t events;
	int64_t deadline;
	pthread_t thread;
	pid_t tid;
	int result;
};

static void *sleeper_thread(void *argument)
{
	struct sleeper *sleeper = argument;

	__atomic_store_n(&sleeper->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	sleeper->result = mailbox_ring_wait(sleeper->ring, sleeper->events, 0,
					    sleeper->deadline);
	return NULL;
}

static bool sleeper_start(struct sleeper *sleeper)
{
	return !pthread_create(&sleeper->thread, NULL, sleeper_thread, sleeper) &&
	       MBX_UNTIL(__atomic_load_n(&sleeper->tid, __ATOMIC_ACQUIRE)) &&
	       mbx_wait_asleep(sleeper->tid, SYS_ioctl);
}

static int sleeper_end(struct sleeper *sleeper)
{
	pthread_join(sleeper->thread, NULL);
	return sleeper->result;
}

/* So many records fill a ring to the last byte. */
#define FULL	(SIZE / 64)

static int fill(struct mailbox_ring *ring)
{
	static const char record[56];
	int sent = 0;

	while (!mailbox_ring_send(ring, record, sizeof(record), 0))
		sent++;
	return sent;
}

/* Receive so many; how many of them were there. */
static int drain(struct mailbox_ring *ring, int count)
{
	char record[56];
	int got = 0;

	while (got < count &&
	       mailbox_ring_receive(ring, record, sizeof(record), 0) == sizeof(record))
		got++;
	return got;
}

static void told_whatever_comes(struct __test_metadata *_metadata, FIXTURE_DATA(rings) *self,
				uint32_t event)
{
	struct sleeper sleeper = {
		.ring = self->ring[1], .events = event, .deadline = MAILBOX_FOREVER,
	};
	bool room = event == MAILBOX_RING_ROOM;
	int64_t deadline;

	/* what it waits for, and then there is no more of it */
	if (room)
		ASSERT_EQ(FULL, fill(self->ring[1]));
	ASSERT_TRUE(sleeper_start(&sleeper));
	EXPECT_EQ(FULL, room ? drain(self->ring[0], FULL) : fill(self->ring[0]));
	EXPECT_EQ(event, sleeper_end(&sleeper));
	ASSERT_EQ(FULL, room ? fill(self->ring[1]) : drain(self->ring[1], FULL));

	/* a signal */
	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	sleeper.tid = 0;
	ASSERT_TRUE(sleeper_start(&sleeper));
	pthread_kill(sleeper.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, sleeper_end(&sleeper));

	/* the deadline, and not before it */
	deadline = mailbox_deadline_ms(50);
	EXPECT_EQ(-ETIMEDOUT, mailbox_ring_wait(self->ring[1], event, 0, deadline));
	EXPECT_LE(deadline, mbx_now());

	/* the end of the other side */
	sleeper.tid = 0;
	ASSERT_TRUE(sleeper_start(&sleeper));
	close(self->end[0]);
	self->end[0] = -1;
	mailbox_ring_close(self->ring[0]);
	self->ring[0] = NULL;
	EXPECT_EQ(-EPIPE, sleeper_end(&sleeper));
}

TEST_F(rings, who_sleeps_for_records_is_told_whatever_comes)
{
	told_whatever_comes(_metadata, self, MAILBOX_RING_DATA);
}

TEST_F(rings, who_sleeps_for_room_is_told_whatever_comes)
{
	told_whatever_comes(_metadata, self, MAILBOX_RING_ROOM);
}

/* As read(2) and write(2): not even until a deadline. */
TEST_F(rings, an_end_that_does_not_block_does_not_wait)
{
	const int64_t deadlines[] = { MAILBOX_FOREVER, mailbox_deadline_ms(20000) };
	struct mailbox_ring *ring = self->ring[1];
	char record[56] = "";
	size_t i;

	ASSERT_EQ(0, fcntl(self->end[1], F_SETFL, O_NONBLOCK));
	ASSERT_EQ(FULL, fill(ring));
	for (i = 0; i < ARRAY_SIZE(deadlines); i++) {
		EXPECT_EQ(-EAGAIN, mailbox_ring_wait(ring, MAILBOX_RING_DATA, 0, deadlines[i]));
		EXPECT_EQ(-EAGAIN, mailbox_ring_wait(ring, MAILBOX_RING_ROOM, 0, deadlines[i]));
		EXPECT_EQ(-EAGAIN, mailbox_ring_receive(ring, record, sizeof(record),
							deadlines[i]));
		EXPECT_EQ(-EAGAIN, mailbox_ring_send(ring, record, sizeof(record), deadlines[i]));
	}
	/* and has what there is */
	EXPECT_EQ(FULL, fill(self->ring[0]));
	EXPECT_EQ(MAILBOX_RING_DATA, mailbox_ring_wait(ring, MAILBOX_RING_DATA, 0,
						       MAILBOX_FOREVER));
}

TEST_F(rings, a_full_ring_is_waited_for)
{
	struct sleeper sleeper = {
		.ring = self->ring[0], .events = MAILBOX_RING_ROOM,
		.deadline = MAILBOX_FOREVER,
	};

	ASSERT_EQ(FULL, fill(self->ring[0]));
	ASSERT_TRUE(sleeper_start(&sleeper));
	/* half of it must go before it is worth a wake-up */
	ASSERT_EQ(FULL / 2, drain(self->ring[1], FULL / 2));
	EXPECT_EQ(MAILBOX_RING_ROOM, sleeper_end(&sleeper));
}

/* --- poll for room ----------------------------------------------------- */

static bool polls_room(int end)
{
	struct pollfd p = { .fd = end, .events = POLLWRBAND };

	return poll(&p, 1, 0) == 1 && p.revents == POLLWRBAND;
}

static long poll_for_room(void *end)
{
	struct pollfd p = { .fd = *(int *)end, .events = POLLWRBAND };

	return poll(&p, 1, -1) == 1 ? p.revents : -errno;
}

TEST_F(rings, poll_tells_of_room_where_half_is_free)
{
	char record[56] = "";
	int i;

	if (variant->flags & MAILBOX_RING_NOPOLL)
		return;
	EXPECT_TRUE(polls_room(self->end[0]));
	for (i = 1; i <= FULL; i++) {
		ASSERT_EQ(0, mailbox_ring_send(self->ring[0], record, sizeof(record), 0));
		EXPECT_EQ(i <= FULL / 2, polls_room(self->end[0]));
	}
	for (i = FULL - 1; i >= 0; i--) {
		ASSERT_EQ(1, drain(self->ring[1], 1));
		EXPECT_EQ(i <= FULL / 2, polls_room(self->end[0]));
	}
	/* of the own ring, not of the other side's */
	ASSERT_EQ(FULL, fill(self->ring[0]));
	EXPECT_TRUE(polls_room(self->end[1]));
}

TEST_F(rings, who_polls_for_room_is_woken_by_releases)
{
	struct mbx_task task;

	if (variant->flags & MAILBOX_RING_NOPOLL)
		return;
	ASSERT_EQ(FULL, fill(self->ring[0]));
	ASSERT_EQ(0, mbx_task_start(&task, poll_for_room, &self->end[0]));
	ASSERT_TRUE(mbx_wait_asleep(task.tid, SYS_poll));
	/* one too few */
	ASSERT_EQ(FULL / 2 - 1, drain(self->ring[1], FULL / 2 - 1));
	EXPECT_TRUE(mbx_asleep(task.tid, SYS_poll));
	ASSERT_EQ(1, drain(self->ring[1], 1));
	EXPECT_EQ(POLLWRBAND, mbx_task_join(&task));
}

/* One descriptor for many channels: those that have work, and no others. */
TEST(many_channels_on_one_descriptor)
{
	enum { CHANNELS = 400, BUSY = 7 };
	const struct mailbox_channel_attr attr = {
		.capacity = 1, .ring = 4096, .ring_back = 4096,
	};
	static struct mailbox_ring *ring[CHANNELS], *other[CHANNELS];
	struct epoll_event event, events[64];
	int epoll = epoll_create1(0), ends[2], i, round, got;
	char text[8];

	for (i = 0; i < CHANNELS; i++) {
		ASSERT_EQ(0, mailbox_channel(ends, &attr, NULL));
		ASSERT_EQ(0, mailbox_ring_open(ends[0], 0, &other[i], NULL));
		ASSERT_EQ(0, mailbox_ring_open(ends[1], 0, &ring[i], NULL));
		event = (struct epoll_event){ .events = EPOLLRDBAND | EPOLLET, .data.u32 = i };
		ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, ends[1], &event));
	}
	EXPECT_EQ(0, epoll_wait(epoll, events, 64, 0));
	for (round = 0; round < 20; round++) {
		for (i = 0; i < BUSY; i++)
			ASSERT_EQ(0, mailbox_ring_send(other[(round * 31 + i * 13) % CHANNELS],
						       &i, 4, 0));
		got = epoll_wait(epoll, events, 64, 0);
		ASSERT_EQ(BUSY, got);
		for (i = 0; i < got; i++)
			ASSERT_EQ(4, mailbox_ring_receive(ring[events[i].data.u32], text,
							  sizeof(text), 0));
	}
	EXPECT_EQ(0, epoll_wait(epoll, events, 64, 0));
}

/* Another side that writes what it likes, and what the kernel makes of it. */
TEST_F(rings, lies_end_the_link)
{
	struct pollfd p = { .fd = self->end[1], .events = POLLRDBAND | POLLWRBAND };
	char text[8];

	self->ring[0]->mine->head = 0xfffffff1;
	self->ring[0]->mine->tail = 0x12345678;
	EXPECT_LE(0, poll(&p, 1, 0));
	EXPECT_EQ(-EPROTO, mailbox_ring_receive(self->ring[1], text, sizeof(text),
						MAILBOX_FOREVER));
	EXPECT_EQ(-EPROTO, mailbox_ring_receive(self->ring[1], text, sizeof(text),
						MAILBOX_FOREVER));
	EXPECT_EQ(-EPIPE, mailbox_ring_receive(self->ring[0], text, sizeof(text),
					       MAILBOX_FOREVER));
}

static long wait_for_records(void *ring)
{
	return mailbox_ring_wait(ring, MAILBOX_RING_DATA, 0, MAILBOX_FOREVER);
}

/* One thread of a side produces and sees the lie; its other one waits for records. */
TEST_F(rings, a_lie_wakes_the_thread_that_sleeps)
{
	char record[1000] = "";
	struct mbx_task task;

	ASSERT_EQ(0, mbx_task_start(&task, wait_for_records, self->ring[1]));
	ASSERT_TRUE(mbx_wait_asleep(task.tid, SYS_ioctl));
	self->ring[0]->mine->tail = 0x12345678;
	while (!mailbox_ring_send(self->ring[1], record, sizeof(record), 0))
		;
	EXPECT_EQ(-EPROTO, mailbox_ring_send(self->ring[1], record, sizeof(record), 0));
	EXPECT_EQ(-EPROTO, mbx_task_join(&task));
}

/* ... also where it is still on its way to sleep. */
TEST_F(rings, wake_can_be_for_both_ends)
{
	struct mailbox_ring_wake wake = {
		.flags = MAILBOX_WAKE_BOTH, .events = MAILBOX_RING_DATA,
	};
	struct mailbox_ring_wait wait = { .flags = MAILBOX_NONBLOCK };
	int i;

	ASSERT_EQ(0, mbx_ioctl(self->end[0], MAILBOX_IOC_RING_WAKE, &wake));
	for (i = 0; i < 2; i++) {
		wait.events = MAILBOX_RING_ROOM;
		EXPECT_EQ(-EAGAIN, mbx_ioctl(self->end[i], MAILBOX_IOC_RING_WAIT, &wait));
		wait.events = MAILBOX_RING_DATA;
		EXPECT_EQ(0, mbx_ioctl(self->end[i], MAILBOX_IOC_RING_WAIT, &wait));
		EXPECT_EQ(-EAGAIN, mbx_ioctl(self->end[i], MAILBOX_IOC_RING_WAIT, &wait));
	}
	wake.flags = 0;
	ASSERT_EQ(0, mbx_ioctl(self->end[0], MAILBOX_IOC_RING_WAKE, &wake));
	EXPECT_EQ(-EAGAIN, mbx_ioctl(self->end[0], MAILBOX_IOC_RING_WAIT, &wait));
	EXPECT_EQ(0, mbx_ioctl(self->end[1], MAILBOX_IOC_RING_WAIT, &wait));
}

/* A thread may have seen the lie while another polls the same end. */
TEST_F(rings, a_lie_wakes_the_thread_that_polls)
{
	struct mailbox_ring_wake wake = {
		.flags = MAILBOX_WAKE_BOTH, .events = MAILBOX_RING_DATA,
	};
	struct epoll_event event = { .events = EPOLLRDBAND | EPOLLET };
	int epoll = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->end[0], &event));
	ASSERT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	EXPECT_EQ(1, self->ring[0]->mine->data_poll);
	/* an edge is told only to who looks for it once more */
	self->ring[1]->mine->head = 8;
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	ASSERT_EQ(0, mbx_ioctl(self->end[0], MAILBOX_IOC_RING_WAKE, &wake));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 0));
	close(epoll);
}

static long poll_for_records(void *end)
{
	struct pollfd p = { .fd = *(int *)end, .events = POLLRDBAND };

	return poll(&p, 1, -1) == 1 ? p.revents : -errno;
}

/*
 * Where the lie is about what was released, no index says that there is something
 * to do; and the other side must hear of it though this one polls no more.
 */
TEST_F(rings, a_lie_is_told_to_all_who_poll)
{
	char record[1000] = "";
	struct mbx_task mine, theirs;

	if (variant->flags & MAILBOX_RING_NOPOLL)
		return;
	ASSERT_EQ(0, mbx_task_start(&mine, poll_for_records, &self->end[1]));
	ASSERT_EQ(0, mbx_task_start(&theirs, poll_for_records, &self->end[0]));
	ASSERT_TRUE(mbx_wait_asleep(mine.tid, SYS_poll));
	ASSERT_TRUE(mbx_wait_asleep(theirs.tid, SYS_poll));
	self->ring[0]->mine->tail = 0x12345678;
	EXPECT_EQ(-EPROTO, mailbox_ring_send(self->ring[1], record, sizeof(record), 0));
	EXPECT_EQ(POLLRDBAND, mbx_task_join(&mine));
	EXPECT_EQ(POLLRDBAND, mbx_task_join(&theirs));
	EXPECT_EQ(1, self->ring[1]->mine->data_poll);
	EXPECT_EQ(-EPIPE, mailbox_ring_send(self->ring[0], record, sizeof(record), 0));
	EXPECT_EQ(-EPIPE, mailbox_ring_receive(self->ring[0], record, sizeof(record), 0));
}

/* Who is woken all the time for nothing comes to the end of its time all the same. */
TEST_F(rings, a_wake_is_no_more_time)
{
	struct mailbox_ring_wake wake = { .events = MAILBOX_RING_DATA };
	struct mailbox_ring_wait wait = {
		.flags = MAILBOX_DEADLINE, .events = MAILBOX_RING_DATA, .deadline = 1,
	};

	ASSERT_EQ(0, mbx_ioctl(self->end[0], MAILBOX_IOC_RING_WAKE, &wake));
	EXPECT_EQ(-ETIMEDOUT, mbx_ioctl(self->end[1], MAILBOX_IOC_RING_WAIT, &wait));
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, wait.error.reason);
	/* and it is not lost; who does not wait has no deadline */
	ASSERT_EQ(0, fcntl(self->end[1], F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, mbx_ioctl(self->end[1], MAILBOX_IOC_RING_WAIT, &wait));
}

/* A part of an end cannot take the wake-ups of the whole one. */
TEST_F(rings, sleep_and_wake_need_both_rights)
{
	static const __u32 rights[] = { MAILBOX_RIGHT_SEND, MAILBOX_RIGHT_RECEIVE };
	struct mailbox_ring_wake wake = { .events = MAILBOX_RING_DATA };
	struct mailbox_ring_wait wait = {
		.flags = MAILBOX_NONBLOCK, .events = MAILBOX_RING_DATA,
	};
	struct pollfd p = { .events = POLLWRBAND };
	int i;

	ASSERT_EQ(0, mbx_ioctl(self->end[0], MAILBOX_IOC_RING_WAKE, &wake));
	for (i = 0; i < 2; i++) {
		int part = mbx_dup(self->end[1], rights[i]);

		ASSERT_LE(0, part);
		EXPECT_EQ(-EBADF, mbx_ioctl(part, MAILBOX_IOC_RING_WAIT, &wait));
		EXPECT_EQ(MAILBOX_REASON_RIGHT, wait.error.reason);
		EXPECT_EQ(rights[!i], wait.error.value);
		EXPECT_EQ(-EBADF, mbx_ioctl(part, MAILBOX_IOC_RING_WAKE, &wake));
		EXPECT_EQ(MAILBOX_REASON_RIGHT, wake.error.reason);
		p.fd = part;
		EXPECT_EQ(0, poll(&p, 1, 0));
		close(part);
	}
	EXPECT_EQ(0, mbx_ioctl(self->end[1], MAILBOX_IOC_RING_WAIT, &wait));
}

#define PARKED	20
#define WOKEN	16

static long wait_raw(void *end)
{
	struct mailbox_ring_wait wait = { .events = MAILBOX_RING_DATA };

	return mbx_ioctl(*(int *)end, MAILBOX_IOC_RING_WAIT, &wait);
}

/* Who parks many threads at its end does not have the other side wake them all. */
TEST_F(rings, a_wake_wakes_a_few)
{
	struct mailbox_ring_wake wake = { .events = MAILBOX_RING_DATA };
	struct mbx_task task[PARKED];
	int i, done;

	for (i = 0; i < PARKED; i++) {
		ASSERT_EQ(0, mbx_task_start(&task[i], wait_raw, &self->end[1]));
		ASSERT_TRUE(mbx_wait_asleep(task[i].tid, SYS_ioctl));
	}
	ASSERT_EQ(0, mbx_ioctl(self->end[0], MAILBOX_IOC_RING_WAKE, &wake));
	for (i = 0; i < WOKEN; i++)
		EXPECT_EQ(0, mbx_task_join(&task[i]));
	for (i = WOKEN, done = 0; i < PARKED; i++)
		done += mbx_task_done(&task[i]);
	EXPECT_EQ(0, done);
	ASSERT_EQ(0, mbx_ioctl(self->end[0], MAILBOX_IOC_RING_WAKE, &wake));
	for (i = WOKEN; i < PARKED; i++)
		EXPECT_EQ(0, mbx_task_join(&task[i]));
}

TEST_HARNESS_MAIN
