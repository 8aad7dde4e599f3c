// SPDX-License-Identifier: GPL-2.0
/*
 * Rings, and a futex to compare their sleep with: each process of the two has
 * a side, and sleeps where it finds nothing, as there is one CPU.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mailbox_ring.h>

#include "bench.h"

#define RING_BYTES	(256 * 1024)
#define RECORDS		1000
#define REPEATS		15

static struct mailbox_ring *sides[2];

/* Sets the sides; the second end. */
static int ring_make(uint32_t bytes)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 1, .ring = bytes, .ring_back = bytes,
	};
	int ends[2];

	if (mailbox_channel(ends, &attr, NULL) ||
	    mailbox_ring_open(ends[0], 0, &sides[0], NULL) ||
	    mailbox_ring_open(ends[1], 0, &sides[1], NULL))
		die("rings");
	return ends[1];
}

static int ring_open(struct link *link, unsigned int depth)
{
	(void)link;
	(void)depth;
	ring_make(RING_BYTES);
	return 0;
}

/* What goes FORTH is written by the first side, and read by the second. */
static void ring_send(struct link *link, enum way way)
{
	if (mailbox_ring_send(sides[way], link->buffer, link->bytes, MAILBOX_FOREVER))
		die("ring: send");
}

static void ring_receive(struct link *link, enum way way)
{
	if (mailbox_ring_receive(sides[!way], link->buffer, link->bytes, MAILBOX_FOREVER) !=
	    (ssize_t)link->bytes)
		die("ring: receive");
}

/* A word each way, in shared memory: how often it was posted, and taken. */
struct word {
	uint32_t posted;
	uint32_t taken;
};

static struct word *words;

static int futex_open(struct link *link, unsigned int depth)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	(void)link;
	(void)depth;
	if (fd < 0 || ftruncate(fd, 4096))
		return -1;
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return words == MAP_FAILED ? -1 : 0;
}

static void futex_post(struct link *link, enum way way)
{
	(void)link;
	__atomic_add_fetch(&words[way].posted, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &words[way].posted, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_take(struct link *link, enum way way)
{
	uint32_t taken = words[way].taken;

	(void)link;
	while (__atomic_load_n(&words[way].posted, __ATOMIC_SEQ_CST) == taken)
		syscall(SYS_futex, &words[way].posted, FUTEX_WAIT, taken, NULL, NULL, 0);
	words[way].taken = taken + 1;
}

const struct peer ring_peer = {
	.name = "ring", .variant = "", .works = ALL_WORKS,
	.bytes_max = BYTES_MAX,
	.open = ring_open,
	.send = ring_send, .receive = ring_receive,
};

const struct peer futex_peer = {
	.name = "futex", .variant = "", .works = ROUNDTRIP,
	.bytes_min = 64, .bytes_max = 64,
	.open = futex_open,
	.send = futex_post, .receive = futex_take,
};

/*
 * Records written and read, @batch of them published and released together, with
 * copying or in place.  Inlined, as a program knows what its records are.
 */
static inline __attribute__((always_inline)) void
pass(const char *work, const char *variant, size_t bytes, int batch,
     int copied)
{
	double costs[REPEATS];
	char from[64] = "", to[64];

	for (int repeat = 0; repeat < REPEATS; repeat++) {
		uint64_t start = clock_start();

		for (int i = 0; i < RECORDS; i += batch) {
			for (int j = 0; j < batch; j++) {
				void *place;

				if (mailbox_ring_reserve(sides[0], bytes, &place))
					die("reserve");
				if (copied)
					memcpy(place, from, sizeof(from));
			}
			if (mailbox_ring_commit(sides[0]))
				die("commit");
			for (int j = 0; j < batch; j++) {
				const void *there = NULL;

				if (mailbox_ring_peek(sides[1], &there) != (ssize_t)bytes)
					die("peek");
				if (copied) {
					memcpy(to, there, sizeof(to));
					__asm__ volatile("" : : "r"(to) : "memory");
				}
			}
			mailbox_ring_release(sides[1]);
		}
		costs[repeat] = (double)clock_stop(start) / RECORDS;
	}
	print_result(work, variant, "ring", bytes, "instructions", median(costs, REPEATS));
}

void work_pass(void)
{
	ring_make(RING_BYTES);
	pass("pass", "", 64, 1, 1);
	pass("pass", "-batch", 64, 20, 1);
	/* that holds some of either, as a program would have it, and is mapped already */
	ring_make(16 * BYTES_MAX);
	if (madvise(sides[0]->data, 32 * BYTES_MAX, MADV_POPULATE_WRITE) ||
	    madvise((void *)sides[1]->their_data, 32 * BYTES_MAX, MADV_POPULATE_READ))
		die("madvise");
	pass("pass", "-in-place", 64, 1, 0);
	pass("pass", "-in-place", 65536, 1, 0);
}

/*
 * A record for one of the channels that epoll watches, the news of it, and its end:
 * with none of the others there, and with many that are idle.
 */
void work_watched(void)
{
	static const struct {
		int idle;
		const char *variant;
	} cases[] = { { 0, "" }, { 1000, "-among-idle" } };
	const struct rlimit many = { 4096, 4096 };
	int epoll = epoll_create1(0), channels = 0;
	struct epoll_event event, told[4];

	if (epoll < 0 || setrlimit(RLIMIT_NOFILE, &many))
		die("epoll");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double costs[REPEATS];
		char record[64] = "";

		/* the last one made is the busy one */
		for (; channels <= cases[i].idle; channels++) {
			event = (struct epoll_event){ .events = EPOLLRDBAND };
			if (epoll_ctl(epoll, EPOLL_CTL_ADD, ring_make(4096), &event))
				die("epoll_ctl");
		}
		for (int repeat = 0; repeat < REPEATS; repeat++) {
			uint64_t start = clock_start();

			for (int j = 0; j < RECORDS; j++)
				if (mailbox_ring_send(sides[0], record, sizeof(record), 0) ||
				    epoll_wait(epoll, told, ARRAY_SIZE(told), 0) != 1 ||
				    mailbox_ring_receive(sides[1], record, sizeof(record), 0) !=
				    sizeof(record) ||
				    epoll_wait(epoll, told, ARRAY_SIZE(told), 0))
					die("watched");
			costs[repeat] = (double)clock_stop(start) / RECORDS;
		}
		print_result("watched", cases[i].variant, "ring", sizeof(record), "instructions",
			     median(costs, REPEATS));
	}
}
