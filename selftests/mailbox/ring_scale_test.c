// SPDX-License-Identifier: GPL-2.0
/*
 * Rings as they grow: many channels of which few are busy, long streams, the
 * smallest and the largest ring, and what of their memory is given back.
 *
 * features.rst rows with their test here:
 *   one reader for many producers	idle.only_the_busy_are_told, they_cost_nothing
 *   no system call while both run	stream.few_calls
 *   memory is given back		memory.given_back_with_the_ends
 */
#include "kselftest_harness.h"
#include "hostile.h"

#include <mailbox_ring.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "../soak/count.h"

#define MEGABYTE	(1LL << 20)
#define PAGE		4096
#define PATIENCE	240	/* seconds, for a thousand channels where all is checked */
#define NOBODY		61103	/* a user with nothing else charged */

static int make(int ends[2], uint32_t size, uint32_t size_back, struct mailbox_error *error)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 1, .ring = size, .ring_back = size_back,
	};

	return mailbox_channel(ends, &attr, error);
}

static int make_open(int ends[2], uint32_t size, unsigned int flags,
		     struct mailbox_ring *ring[2])
{
	int result = make(ends, size, PAGE, NULL);

	for (int i = 0; !result && i < 2; i++)
		result = mailbox_ring_open(ends[i], flags, &ring[i], NULL);
	return result;
}

/* --- many channels, few of them busy ----------------------------------- */

#define IDLE	1000
#define BUSY	3
#define PRODUCERS	50	/* those that are busy at some time */

FIXTURE(idle) {
	int epoll;
	int end[IDLE + BUSY][2];
	struct mailbox_ring *ring[IDLE + BUSY];		/* the reader's sides */
	struct mailbox_ring *producer[PRODUCERS];
};

/* The producers' channels are among the others. */
static int place_of(int producer)
{
	return producer * (IDLE + BUSY) / PRODUCERS;
}

FIXTURE_SETUP(idle)
{
	const struct rlimit many = { 4096, 4096 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &many));
	self->epoll = epoll_create1(0);
	for (int i = 0; i < IDLE + BUSY; i++) {
		struct epoll_event event = { .events = EPOLLRDBAND, .data.u32 = i };

		ASSERT_EQ(0, make(self->end[i], PAGE, PAGE, NULL));
		ASSERT_EQ(0, mailbox_ring_open(self->end[i][1], 0, &self->ring[i], NULL));
		ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->end[i][1], &event));
	}
	for (int i = 0; i < PRODUCERS; i++)
		ASSERT_EQ(0, mailbox_ring_open(self->end[place_of(i)][0], 0,
					       &self->producer[i], NULL));
}

FIXTURE_TEARDOWN(idle)
{
	for (int i = 0; i < PRODUCERS; i++)
		mailbox_ring_close(self->producer[i]);
	for (int i = 0; i < IDLE + BUSY; i++) {
		mailbox_ring_close(self->ring[i]);
		close(self->end[i][0]);
		close(self->end[i][1]);
	}
	close(self->epoll);
}

/*
 * The busy ones are among the idle, and each time others.  Who leaves a record
 * there is told again: nothing is lost by not looking.
 */
TEST_F_TIMEOUT(idle, only_the_busy_are_told, PATIENCE)
{
	struct epoll_event events[64];

	EXPECT_EQ(0, epoll_wait(self->epoll, events, 64, 0));
	for (int round = 0; round < 100; round++) {
		unsigned char told[IDLE + BUSY] = {};
		int got = 0, busy[BUSY];

		for (int i = 0; i < BUSY; i++) {
			int producer = (round * 17 + i * 7) % PRODUCERS;

			busy[i] = place_of(producer);
			ASSERT_EQ(0, mailbox_ring_send(self->producer[producer], &round,
						       sizeof(round), 0));
		}
		for (int look = 0; look < 3; look++) {
			got = epoll_wait(self->epoll, events, 64, 0);
			ASSERT_EQ(BUSY, got);
			for (int i = 0; i < got; i++)
				told[events[i].data.u32] |= 1 << look;
		}
		for (int i = 0; i < BUSY; i++) {
			int number = -1;

			EXPECT_EQ(7, told[busy[i]]);
			ASSERT_EQ(sizeof(number),
				  mailbox_ring_receive(self->ring[busy[i]], &number,
						       sizeof(number), 0));
			EXPECT_EQ(round, number);
		}
		EXPECT_EQ(0, epoll_wait(self->epoll, events, 64, 0));
	}
}

#define FEW	10	/* that are idle beside a busy one */
#define ROUNDS	100	/* at least */
#define MEASURES	9
#define TICKS	10	/* of the clock that a measure takes at least */

/* A busy channel among others, in an epoll of its own. */
struct busy {
	int epoll;
	struct mailbox_ring *producer;
	struct mailbox_ring *reader;
};

/* How long so many records take on their way; or -1: one was not told of. */
static __s64 rounds(const struct busy *busy, int count)
{
	__s64 begin = mbx_now();
	struct epoll_event event;
	int number;

	for (int i = 0; i < count; i++) {
		if (mailbox_ring_send(busy->producer, &i, sizeof(i), 0) ||
		    epoll_wait(busy->epoll, &event, 1, 0) != 1 ||
		    event.data.ptr != busy->reader ||
		    mailbox_ring_receive(busy->reader, &number, sizeof(number), 0) !=
		    sizeof(number))
			return -1;
	}
	return mbx_now() - begin;
}

/*
 * A thousand that are idle cost what ten do: less than twice, where to look at each
 * would cost many times as much.  In turns, and the least of each, since what else the
 * machine does makes them longer and never shorter.
 */
TEST_F_TIMEOUT(idle, they_cost_nothing, PATIENCE)
{
	struct busy busy[2] = { { .epoll = epoll_create1(0) }, { .epoll = self->epoll } };
	__s64 least[2] = { INT64_MAX, INT64_MAX }, took;
	struct timespec tick;
	int count = ROUNDS;

	for (int i = 0; i < 2; i++) {
		struct epoll_event event = { .events = EPOLLRDBAND };
		struct mailbox_ring *ring[2];
		int idle[2], ends[2];

		ASSERT_EQ(0, make_open(ends, PAGE, 0, ring));
		busy[i].producer = ring[0];
		busy[i].reader = ring[1];
		event.data.ptr = ring[1];
		ASSERT_EQ(0, epoll_ctl(busy[i].epoll, EPOLL_CTL_ADD, ends[1], &event));
		for (int more = 0; !i && more < FEW; more++) {
			ASSERT_EQ(0, make_open(idle, PAGE, 0, ring));
			event.data.ptr = NULL;
			ASSERT_EQ(0, epoll_ctl(busy[i].epoll, EPOLL_CTL_ADD, idle[1], &event));
		}
	}
	/* a machine without a better clock counts jiffies */
	ASSERT_EQ(0, clock_getres(CLOCK_MONOTONIC, &tick));
	while ((took = rounds(&busy[0], count)) < TICKS * tick.tv_nsec) {
		ASSERT_LE(0, took);
		count *= 2;
	}
	for (int measure = 0; measure < 2 * MEASURES; measure++) {
		took = rounds(&busy[measure % 2], count);
		ASSERT_LE(0, took);
		if (took < least[measure % 2])
			least[measure % 2] = took;
	}
	TH_LOG("%d records beside %d: %lld ns, beside %d: %lld ns", count, FEW,
	       (long long)least[0], IDLE + BUSY, (long long)least[1]);
	EXPECT_GT(2 * least[0], least[1]);
}

/* --- system calls of a stream ------------------------------------------ */

/* Of one side, in shared memory. */
struct side {
	struct soak_calls calls;
	uint64_t barriers;
};

FIXTURE(stream) {
	int end[2];
	struct mailbox_ring *ring[2];
	struct side *side;
};

FIXTURE_VARIANT(stream) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(stream, plain) { .flags = 0 };
FIXTURE_VARIANT_ADD(stream, nopoll) { .flags = MAILBOX_RING_NOPOLL };

FIXTURE_SETUP(stream)
{
	self->side = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	ASSERT_NE(MAP_FAILED, self->side);
	ASSERT_EQ(0, make_open(self->end, MEGABYTE, variant->flags, self->ring));
}

FIXTURE_TEARDOWN(stream)
{
	for (int side = 0; side < 2; side++) {
		mailbox_ring_close(self->ring[side]);
		close(self->end[side]);
	}
}

#define RECORDS	1000000

TEST_F_TIMEOUT(stream, few_calls, PATIENCE)
{
	uint64_t sum;
	pid_t child = mbx_fork();
	uint64_t record[8] = {};

	soak_count_calls(self->ring[!!child], &self->side[!!child].calls);
	if (!child) {
		for (record[0] = 0; record[0] < RECORDS; record[0]++)
			if (mailbox_ring_send(self->ring[0], record, sizeof(record),
					      MAILBOX_FOREVER))
				_exit(1);
		self->side[0].barriers = soak_barriers(self->ring[0]);
		_exit(0);
	}
	for (uint64_t i = 0; i < RECORDS; i++) {
		ASSERT_EQ(sizeof(record), mailbox_ring_receive(self->ring[1], record,
							       sizeof(record), MAILBOX_FOREVER));
		ASSERT_EQ(i, record[0]);
	}
	ASSERT_EQ(0, mbx_join(child));
	self->side[1].barriers = soak_barriers(self->ring[1]);
	sum = 0;
	for (int i = 0; i < 2; i++) {
		const struct side *side = &self->side[i];

		TH_LOG("%s: %llu waits, %llu wakes, %llu barriers", i ? "consumer" : "producer",
		       (unsigned long long)side->calls.waits,
		       (unsigned long long)side->calls.wakes,
		       (unsigned long long)side->barriers);
		sum += side->calls.waits + side->calls.wakes + side->barriers;
	}
	/*
	 * On one CPU they never both run: each call to wake must be worth a sleep,
	 * and how many sleeps there are is for the scheduler to say.
	 */
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		EXPECT_GT(RECORDS / 1000, sum);
		return;
	}
	EXPECT_LT(0, sum);
	for (int i = 0; i < 2; i++) {
		uint64_t sleeps = self->side[!i].calls.waits;

		EXPECT_GE(sleeps + sleeps / 8 + 2, self->side[i].calls.wakes);
		EXPECT_GT(RECORDS / 8, sleeps);
	}
}

/* --- sizes -------------------------------------------------------------- */

static void through(struct __test_metadata *_metadata, uint32_t size)
{
	struct mailbox_ring *ring[2];
	size_t length = size - sizeof(struct mailbox_ring_record);
	const void *seen = NULL;
	void *place = NULL;
	int ends[2];

	ASSERT_EQ(0, make_open(ends, size, 0, ring));
	EXPECT_EQ(size, ring[0]->size);
	EXPECT_EQ(size, ring[1]->their_size);
	/* all of it, twice: the second time it is where the first one was */
	for (int lap = 1; lap <= 2; lap++) {
		ASSERT_EQ(0, mailbox_ring_reserve(ring[0], length, &place));
		memset(place, lap, length);
		ASSERT_EQ(0, mailbox_ring_commit(ring[0]));
		ASSERT_EQ(-EAGAIN, mailbox_ring_reserve(ring[0], 0, &place));
		ASSERT_EQ(length, mailbox_ring_peek(ring[1], &seen));
		for (size_t i = 0; i < length; i++)
			if (((const char *)seen)[i] != lap)
				ASSERT_EQ(length, i);
		mailbox_ring_release(ring[1]);
		/* and from another place in it */
		ASSERT_EQ(0, mailbox_ring_send(ring[0], "odd", 3, 0));
		ASSERT_EQ(3, mailbox_ring_peek(ring[1], &seen));
		mailbox_ring_release(ring[1]);
	}
	for (int side = 0; side < 2; side++) {
		mailbox_ring_close(ring[side]);
		close(ends[side]);
	}
}

TEST(smallest)
{
	through(_metadata, MAILBOX_RING_MIN);
}

TEST(largest)
{
	through(_metadata, MAILBOX_RING_MAX);
}

TEST(no_other_sizes)
{
	static const uint32_t sizes[] = { 1, 2048, PAGE + 1, PAGE + 8, 3 * PAGE,
					  MAILBOX_RING_MAX + PAGE, 2u * MAILBOX_RING_MAX,
					  0x80000000, 0xffffffff };
	struct mailbox_error error;
	int ends[2];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(-EINVAL, make(ends, sizes[i], PAGE, &error));
		EXPECT_EQ(MBX_FIELD(mailbox_channel, ring), error.field);
		EXPECT_EQ(-EINVAL, make(ends, PAGE, sizes[i], &error));
		EXPECT_EQ(MBX_FIELD(mailbox_channel, ring_back), error.field);
	}
}

/* --- what is given back --------------------------------------------------- */

/* What this user has charged. */
static __u64 charged(void)
{
	struct mailbox_info info;
	int device = mbx_device();

	if (mbx_info(device, &info))
		info.user_bytes = (__u64)-1;
	close(device);
	return info.user_bytes;
}

FIXTURE(memory) {
	__u64 before;
	int end[2];
	struct mailbox_ring *ring[2];
};

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, mbx_become(NOBODY));
	self->before = charged();
	ASSERT_EQ(0, make_open(self->end, 4 * MEGABYTE, 0, self->ring));
	EXPECT_LE(self->before + 4 * MEGABYTE + PAGE, charged());
	EXPECT_GT(self->before + 5 * MEGABYTE, charged());
}

FIXTURE_TEARDOWN(memory)
{
}

static void close_ends(FIXTURE_DATA(memory) *self)
{
	close(self->end[0]);
	close(self->end[1]);
}

TEST_F(memory, given_back_with_the_ends)
{
	mailbox_ring_close(self->ring[0]);
	mailbox_ring_close(self->ring[1]);
	close(self->end[0]);
	/* one end is enough: who has it may read what was published */
	EXPECT_LE(self->before + 4 * MEGABYTE, charged());
	close(self->end[1]);
	EXPECT_EQ(self->before, charged());
}

/* A mapping needs no descriptor, and keeps what it maps until it is gone. */
TEST_F(memory, given_back_with_the_last_mapping)
{
	unsigned char *data = self->ring[0]->data;
	size_t size = self->ring[0]->size;

	mailbox_ring_close(self->ring[1]);
	close_ends(self);
	EXPECT_LE(self->before + 4 * MEGABYTE, charged());
	data[0] = 12;
	EXPECT_EQ(12, data[size]);

	/* all but the last page of it */
	ASSERT_EQ(0, munmap((void *)self->ring[0]->theirs, PAGE + 2 * PAGE));
	ASSERT_EQ(0, munmap(data - PAGE, 2 * size));
	EXPECT_EQ(0, data[2 * size - PAGE]);
	EXPECT_LE(self->before + 4 * MEGABYTE, charged());
	ASSERT_EQ(0, munmap(data - PAGE + 2 * size, PAGE));
	EXPECT_EQ(self->before, charged());
}

/* A child has the mappings too, and keeps them. */
TEST_F(memory, given_back_after_fork)
{
	int hold[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(hold));
	child = mbx_fork();
	if (!child) {
		close(hold[1]);
		close_ends(self);
		_exit(read(hold[0], &byte, 1) != 0 || self->ring[1]->their_data[0] != 7);
	}
	self->ring[0]->data[0] = 7;
	mailbox_ring_close(self->ring[0]);
	mailbox_ring_close(self->ring[1]);
	close_ends(self);
	EXPECT_LE(self->before + 4 * MEGABYTE, charged());
	close(hold[1]);
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_TRUE(MBX_UNTIL(charged() == self->before));
}

TEST_HARNESS_MAIN
