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
#define RING_LARGE	(4 * 1024 * 1024)	/* of records of 64 KiB it holds 63 */
#define RECORDS		1000
#define REPEATS		15

static struct mailbox_ring *sides[2];

/* Sets the sides; the second end. */
static int ring_make(uint32_t bytes, unsigned int flags)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 1, .ring = bytes, .ring_back = bytes,
	};
	int ends[2];

	if (mailbox_channel(ends, &attr, NULL) ||
	    mailbox_ring_open(ends[0], flags, &sides[0], NULL) ||
	    mailbox_ring_open(ends[1], flags, &sides[1], NULL))
		die("rings");
	return ends[1];
}

static int ring_open(struct link *link, unsigned int depth)
{
	(void)link;
	(void)depth;
	ring_make(RING_BYTES, 0);
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

/* A program knows what its records are, so all of this is inlined. */
#define inlined	static inline __attribute__((always_inline))

static void taken(const void *place)
{
	__asm__ volatile("" : : "r"(place) : "memory");
}

#define COPIED	64	/* bytes of a record that is copied */

/* A record by the calls that copy. */
inlined void pass_one(struct mailbox_ring *out, struct mailbox_ring *in, const char *from,
		      char *to)
{
	if (mailbox_ring_send(out, from, COPIED, MAILBOX_FOREVER) ||
	    mailbox_ring_receive(in, to, COPIED, MAILBOX_FOREVER) != COPIED)
		die("ring");
	taken(to);
}

/* Records that are published and released together, and copied if there is @from. */
inlined void pass_some(struct mailbox_ring *out, struct mailbox_ring *in, size_t bytes,
		       int batch, const char *from, char *to)
{
	for (int i = 0; i < batch; i++) {
		void *place;

		if (mailbox_ring_reserve(out, bytes, &place))
			die("reserve");
		if (from)
			memcpy(place, from, COPIED);
	}
	if (mailbox_ring_commit(out))
		die("commit");
	for (int i = 0; i < batch; i++) {
		const void *place = NULL;

		if (mailbox_ring_peek(in, &place) != (ssize_t)bytes)
			die("peek");
		if (from) {
			memcpy(to, place, COPIED);
			taken(to);
		}
	}
	mailbox_ring_release(in);
}

enum how { BY_CALLS, BY_COPY, IN_PLACE };

inlined void pass(const char *variant, size_t bytes, int batch, enum how how)
{
	struct mailbox_ring *out = sides[0], *in = sides[1];
	char from[COPIED] = "", to[COPIED];
	double costs[1 + REPEATS];	/* the first is the warm-up */

	for (int repeat = 0; repeat < 1 + REPEATS; repeat++) {
		uint64_t start = clock_start();

		for (int i = 0; i < RECORDS; i += batch) {
			if (how == BY_CALLS)
				pass_one(out, in, from, to);
			else
				pass_some(out, in, bytes, batch, how == BY_COPY ? from : NULL,
					  to);
		}
		costs[repeat] = (double)clock_stop(start) / RECORDS;
	}
	print_result("pass", variant, "ring", bytes, "instructions",
		     median(costs + 1, REPEATS));
}

void work_pass(void)
{
	/* where a side may poll, the other makes a barrier for each record */
	ring_make(RING_BYTES, 0);
	pass("-polled", COPIED, 1, BY_CALLS);
	/* the large ones first: they touch all pages */
	ring_make(RING_LARGE, MAILBOX_RING_NOPOLL);
	pass("-in-place", BYTES_MAX, 1, IN_PLACE);
	pass("-in-place", 64, 1, IN_PLACE);
	pass("", COPIED, 1, BY_CALLS);
	pass("-batch", COPIED, 20, BY_COPY);
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
			if (epoll_ctl(epoll, EPOLL_CTL_ADD, ring_make(4096, 0), &event))
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
