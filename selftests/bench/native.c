// SPDX-License-Identifier: GPL-2.0
/*
 * Rings as they run on this machine, two processes on two CPUs, over memfds; no
 * module, and no emulator.  Each is compared with its peers in one run: what is
 * printed are rates and their ratios, and nothing here passes or fails by them.
 *
 *	native [-n RECORDS] [-s]	-s: a soak, each number in each byte checked
 */
#include "../host/ring_memfd.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "native.h"

#define RING_BYTES	(256 * 1024)
#define REPEATS		5

static void die(const char *what)
{
	fprintf(stderr, "native: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void on_cpu(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void *shared(size_t size)
{
	void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);

	if (place == MAP_FAILED)
		die("mmap");
	return place;
}

/* --- one way ---------------------------------------------------------- */

struct way {
	const char *name;
	void (*open)(struct way *way);
	void (*produce)(struct way *way, long records);
	long (*consume)(struct way *way, long records);
	int fd[2];
	unsigned int flags;
	void *queue;
	long divide;	/* of the records: the slow ones need fewer */
};

static void ring_open(struct way *way)
{
	way->fd[0] = ring_memfd(RING_BYTES);
	way->fd[1] = ring_memfd(RING_BYTES);
}

static void ring_produce(struct way *way, long records)
{
	struct mailbox_ring *ring = ring_memfd_side(way->fd, 0, RING_BYTES, way->flags);
	char one[RECORD] = "";

	for (long i = 0; i < records; i++) {
		void *place;

		memcpy(one, &i, sizeof(i));
		while (mailbox_ring_reserve(ring, RECORD, &place))
			if (mailbox_ring_wait(ring, MAILBOX_RING_ROOM, RECORD,
					      MAILBOX_FOREVER) < 0)
				die("ring: room");
		memcpy(place, one, RECORD);
		mailbox_ring_commit(ring);
	}
	mailbox_ring_close(ring);
}

static long ring_consume(struct way *way, long records)
{
	struct mailbox_ring *ring = ring_memfd_side(way->fd, 1, RING_BYTES, way->flags);
	long wrong = 0, number;
	char one[RECORD];

	for (long i = 0; i < records; i++) {
		const void *place;

		while (mailbox_ring_peek(ring, &place) != RECORD)
			if (mailbox_ring_wait(ring, MAILBOX_RING_DATA, 0, MAILBOX_FOREVER) < 0)
				die("ring: data");
		memcpy(one, place, RECORD);
		mailbox_ring_release(ring);
		memcpy(&number, one, sizeof(number));
		wrong += number != i;
	}
	mailbox_ring_close(ring);
	return wrong;
}

static void queue_open(struct way *way)
{
	way->queue = shared(boost_size());
	boost_make(way->queue);
}

static void queue_produce(struct way *way, long records)
{
	boost_produce(way->queue, records);
}

static long queue_consume(struct way *way, long records)
{
	return boost_consume(way->queue, records);
}

static void pipe_open(struct way *way)
{
	if (pipe(way->fd))
		die("pipe");
}

static void seqpacket_open(struct way *way)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, way->fd))
		die("socketpair");
}

static void mq_open_one(struct way *way)
{
	struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = RECORD };

	way->fd[0] = mq_open("/mailbox-native", O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (way->fd[0] < 0)
		die("mq_open");
	mq_unlink("/mailbox-native");
	way->fd[1] = way->fd[0];
}

static void fd_produce(struct way *way, long records)
{
	char one[RECORD] = "";

	for (long i = 0; i < records; i++) {
		memcpy(one, &i, sizeof(i));
		if (way->open == mq_open_one ? mq_send(way->fd[1], one, RECORD, 0) :
					       write(way->fd[1], one, RECORD) != RECORD)
			die(way->name);
	}
}

static long fd_consume(struct way *way, long records)
{
	long wrong = 0, number;
	char one[RECORD];

	for (long i = 0; i < records; i++) {
		if ((way->open == mq_open_one ? mq_receive(way->fd[0], one, RECORD, NULL) :
						read(way->fd[0], one, RECORD)) != RECORD)
			die(way->name);
		memcpy(&number, one, sizeof(number));
		wrong += number != i;
	}
	return wrong;
}

static struct way ways[] = {
	{ .name = "ring", .open = ring_open, .produce = ring_produce,
	  .consume = ring_consume, .flags = MAILBOX_RING_NOPOLL, .divide = 1 },
	{ .name = "ring-polled", .open = ring_open, .produce = ring_produce,
	  .consume = ring_consume, .divide = 1 },
	{ .name = "boost-spsc", .open = queue_open, .produce = queue_produce,
	  .consume = queue_consume, .divide = 1 },
	{ .name = "pipe", .open = pipe_open, .produce = fd_produce,
	  .consume = fd_consume, .divide = 20 },
	{ .name = "seqpacket", .open = seqpacket_open, .produce = fd_produce,
	  .consume = fd_consume, .divide = 20 },
	{ .name = "posix-mq", .open = mq_open_one, .produce = fd_produce,
	  .consume = fd_consume, .divide = 20 },
};

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define WAYS	ARRAY_SIZE(ways)

static pid_t partner(void)
{
	pid_t parent = getpid(), child = fork();

	if (child < 0)
		die("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	on_cpu(child ? 0 : 1);
	return child;
}

static void join(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || status) {
		errno = ECHILD;
		die("partner");
	}
}

/* Records a second, as the consumer sees it. */
static double stream(struct way *way, long records)
{
	double begin;
	pid_t child;

	records /= way->divide;
	way->open(way);
	child = partner();
	if (!child) {
		way->produce(way, records);
		_exit(0);
	}
	begin = now();
	if (way->consume(way, records))
		die("a record that is not what was sent");
	begin = now() - begin;
	join(child);
	return (double)records / begin;
}

/* --- there and back --------------------------------------------------- */

static double ring_turns(long turns)
{
	int fd[2] = { ring_memfd(RING_BYTES), ring_memfd(RING_BYTES) };
	struct mailbox_ring *ring;
	double begin = now();
	pid_t child = partner();
	int side = !child;
	char one[RECORD] = "";

	ring = ring_memfd_side(fd, side, RING_BYTES, MAILBOX_RING_NOPOLL);
	ring->spin = 1 << 30;	/* both stay awake */
	for (long i = 0; i < turns; i++) {
		if (!side && mailbox_ring_send(ring, one, RECORD, MAILBOX_FOREVER))
			die("ring: send");
		if (mailbox_ring_receive(ring, one, RECORD, MAILBOX_FOREVER) != RECORD)
			die("ring: receive");
		if (side && mailbox_ring_send(ring, one, RECORD, MAILBOX_FOREVER))
			die("ring: send");
	}
	if (side)
		_exit(0);
	begin = now() - begin;
	join(child);
	return (double)turns / begin;
}

struct lines {
	long forth __attribute__((aligned(128)));
	char payload[RECORD];
	long back __attribute__((aligned(128)));
	char answer[RECORD];
};

static double bare_turns(long turns)
{
	struct lines *lines = shared(sizeof(*lines));
	double begin = now();
	pid_t child = partner();
	char one[RECORD] = "";

	for (long i = 1; i <= turns; i++) {
		if (child) {
			memcpy(lines->payload, one, RECORD);
			__atomic_store_n(&lines->forth, i, __ATOMIC_RELEASE);
			while (__atomic_load_n(&lines->back, __ATOMIC_ACQUIRE) != i)
				__builtin_ia32_pause();
			memcpy(one, lines->answer, RECORD);
		} else {
			while (__atomic_load_n(&lines->forth, __ATOMIC_ACQUIRE) != i)
				__builtin_ia32_pause();
			memcpy(one, lines->payload, RECORD);
			memcpy(lines->answer, one, RECORD);
			__atomic_store_n(&lines->back, i, __ATOMIC_RELEASE);
		}
	}
	if (!child)
		_exit(0);
	begin = now() - begin;
	join(child);
	return (double)turns / begin;
}

/* --- a soak ----------------------------------------------------------- */

/* Records of all lengths, each of whose bytes says its number. */
static void soak(long records)
{
	int fd[2] = { ring_memfd(RING_BYTES), ring_memfd(RING_BYTES) };
	pid_t child = partner();
	struct mailbox_ring *ring = ring_memfd_side(fd, !child, RING_BYTES, 0);
	double begin = now();

	for (long i = 0; i < records; i++) {
		size_t length = 8 + (size_t)(i % 57);
		unsigned char one[RECORD];

		if (!child) {
			memset(one, (int)(i & 0xff), length);
			memcpy(one, &i, sizeof(i));
			if (mailbox_ring_send(ring, one, length, MAILBOX_FOREVER))
				_exit(1);
			continue;
		}
		if (mailbox_ring_receive(ring, one, sizeof(one), MAILBOX_FOREVER) !=
		    (ssize_t)length || memcmp(one, &i, sizeof(i)))
			die("soak: a record is lost");
		for (size_t j = sizeof(i); j < length; j++)
			if (one[j] != (i & 0xff))
				die("soak: a byte is wrong");
	}
	if (!child)
		_exit(0);
	join(child);
	printf("soak: %ld records, each byte checked, in %.1f s\n", records, now() - begin);
}

/* --- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double values[REPEATS])
{
	qsort(values, REPEATS, sizeof(*values), ascending);
	return values[REPEATS / 2];
}

static void result(const char *work, const char *peer, const char *gauge, double value)
{
	printf("result %s %s %d %s %.2f\n", work, peer, RECORD, gauge, value);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	double rates[WAYS][REPEATS], turns[2][REPEATS], best = 0, ring = 0, boost = 0;
	long records = 10000000;
	bool soaking = false;
	int option;

	while ((option = getopt(argc, argv, "n:s")) != -1) {
		if (option == 'n')
			records = strtol(optarg, NULL, 0);
		else if (option == 's')
			soaking = true;
		else
			return 64;
	}
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		fprintf(stderr, "native: this takes two CPUs\n");
		return 1;
	}
	if (soaking) {
		soak(records);
		return 0;
	}
	/* in turns, so that what else the machine does falls on all alike */
	for (int repeat = 0; repeat < REPEATS; repeat++) {
		for (size_t i = 0; i < WAYS; i++)
			rates[i][repeat] = stream(&ways[i], records);
		turns[0][repeat] = ring_turns(records / 10);
		turns[1][repeat] = bare_turns(records / 10);
	}
	for (size_t i = 0; i < WAYS; i++) {
		double rate = median(rates[i]);

		result("native-stream", ways[i].name, "records/s", rate);
		if (i == 0)
			ring = rate;
		if (i == 2)
			boost = rate;
		if (i > 2 && rate > best)
			best = rate;
	}
	result("native-roundtrip", "ring", "turns/s", median(turns[0]));
	result("native-roundtrip", "bare-spin", "turns/s", median(turns[1]));
	result("native-stream", "ring-to-kernel", "ratio", ring / best);
	result("native-stream", "ring-to-boost", "ratio", ring / boost);
	result("native-roundtrip", "ring-to-bare", "ratio",
	       median(turns[1]) / median(turns[0]));
	printf("done 0 failed\n");
	return 0;
}
