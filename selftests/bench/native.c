// SPDX-License-Identifier: GPL-2.0
/*
 * Rings as they run on this machine, two processes on two CPUs, over memfds; no
 * module, and no emulator.  Beside them, in the same run, what else there is.
 *
 *	native [-n RECORDS] [-r ROUNDS]
 *	native -s [-n RECORDS]	a soak: each byte of each record is checked
 *
 * A round measures each way once, so that what else the machine does falls on
 * all alike; a ratio is of two figures of one round.  Printed are, as "result",
 * the median of the rounds, the least and the most; nothing here passes or fails
 * by them.  Where others have the CPUs, "skipped" says so.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "native.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define SMALL_BYTES	(256 * 1024)
#define TURN_BYTES	(64 * 1024)
#define LINE_RECORD	56	/* bytes that fill a cache line with their header */
#define ROUNDS_MAX	99
#define SHARE_LEAST	0.8	/* of two CPUs, to call it a measurement */

static void die(const char *what)
{
	fprintf(stderr, "native: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* CPU time of this process, and of those it has waited for. */
static double busy(void)
{
	struct rusage own, children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	return seconds(own.ru_utime) + seconds(own.ru_stime) +
	       seconds(children.ru_utime) + seconds(children.ru_stime);
}

/* The first two CPUs that this process may run on; false if it has but one. */
static bool find_cpus(int cpus[2])
{
	cpu_set_t set;
	int cpu, found = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity");
	for (cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[found++] = cpu;
	return found == 2;
}

static int cpus[2];

/* Ahead of what else runs here, for who may: in a scheduler's group of its own. */
static void go_ahead(void)
{
	FILE *group;

	setsid();
	setpriority(PRIO_PROCESS, 0, -20);
	group = fopen("/proc/self/autogroup", "w");
	if (group) {
		fputs("-20", group);
		fclose(group);
	}
}

static void on_cpu(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

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
	on_cpu(cpus[!child]);
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

static void *shared(size_t size)
{
	void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);

	if (place == MAP_FAILED)
		die("mmap");
	return place;
}

/* --- one way ---------------------------------------------------------- */

/*
 * A way to move records, each with its number in it.  Both sides open it, then
 * one of two processes attaches to each.
 */
struct way {
	const char *name;
	void (*open)(struct way *way);
	void (*attach)(struct way *way, int side);
	void (*produce)(struct way *way, long from, long to);
	void (*consume)(struct way *way, long from, long to);
	void (*close)(struct way *way);
	uint32_t size;		/* of a ring */
	unsigned int flags;
	long divide;		/* of the records: the slow ones need fewer */
	int fd[2];
	struct mailbox_ring *ring;
	void *queue;
};

struct record records[RECORDS];

static void make_records(void)
{
	for (long i = 0; i < RECORDS; i++)
		memcpy(records[i].bytes, &i, sizeof(i));
}

static void check(const char *one, long number)
{
	if (memcmp(one, record_of(number), sizeof(number))) {
		errno = EBADMSG;
		die("a record that is not what was sent");
	}
}

static void ring_open(struct way *way)
{
	way->fd[0] = ring_memfd(way->size);
	way->fd[1] = ring_memfd(way->size);
}

static void ring_attach(struct way *way, int side)
{
	way->ring = ring_memfd_side(way->fd, side, way->size, way->flags);
	if (!way->ring)
		die("ring");
}

static void ring_produce(struct way *way, long from, long to)
{
	struct mailbox_ring *ring = way->ring;

	for (; from < to; from++)
		if (mailbox_ring_send(ring, record_of(from), RECORD, MAILBOX_FOREVER))
			die("ring: send");
}

static void ring_consume(struct way *way, long from, long to)
{
	struct mailbox_ring *ring = way->ring;
	char one[RECORD];

	for (; from < to; from++) {
		if (mailbox_ring_receive(ring, one, RECORD, MAILBOX_FOREVER) != RECORD)
			die("ring: receive");
		check(one, from);
	}
}

static void fds_close(struct way *way)
{
	close(way->fd[0]);
	close(way->fd[1]);
}

static void ring_close(struct way *way)
{
	mailbox_ring_close(way->ring);
	fds_close(way);
}

static void boost_open(struct way *way)
{
	way->queue = shared(boost_size());
	boost_make(way->queue);
}

static void boost_produce_some(struct way *way, long from, long to)
{
	boost_produce(way->queue, from, to);
}

static void boost_consume_some(struct way *way, long from, long to)
{
	errno = EBADMSG;
	if (boost_consume(way->queue, from, to))
		die("boost");
}

static void boost_close(struct way *way)
{
	munmap(way->queue, boost_size());
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

static void fd_produce(struct way *way, long from, long to)
{
	for (; from < to; from++)
		if (write(way->fd[1], record_of(from), RECORD) != RECORD)
			die(way->name);
}

static void fd_consume(struct way *way, long from, long to)
{
	char one[RECORD];

	for (; from < to; from++) {
		if (read(way->fd[0], one, RECORD) != RECORD)
			die(way->name);
		check(one, from);
	}
}

static void mq_open_one(struct way *way)
{
	struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = RECORD };
	char name[32];

	snprintf(name, sizeof(name), "/native-%d", getpid());
	way->fd[0] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (way->fd[0] < 0)
		die("mq_open");
	mq_unlink(name);
}

static void mq_produce(struct way *way, long from, long to)
{
	for (; from < to; from++)
		if (mq_send(way->fd[0], record_of(from)->bytes, RECORD, 0))
			die(way->name);
}

static void mq_consume(struct way *way, long from, long to)
{
	char one[RECORD];

	for (; from < to; from++) {
		if (mq_receive(way->fd[0], one, RECORD, NULL) != RECORD)
			die(way->name);
		check(one, from);
	}
}

static void mq_close_one(struct way *way)
{
	mq_close(way->fd[0]);
}

enum { RING, RING_SMALL, RING_POLLED, BOOST, PIPE, SEQPACKET, POSIX_MQ };

static struct way ways[] = {
	[RING] = {
		.name = "ring", .open = ring_open, .attach = ring_attach,
		.produce = ring_produce, .consume = ring_consume, .close = ring_close,
		.size = RING_BYTES, .flags = MAILBOX_RING_NOPOLL, .divide = 1,
	},
	/* that a CPU's own cache holds: where each line is to be had back from there */
	[RING_SMALL] = {
		.name = "ring-256k", .open = ring_open, .attach = ring_attach,
		.produce = ring_produce, .consume = ring_consume, .close = ring_close,
		.size = SMALL_BYTES, .flags = MAILBOX_RING_NOPOLL, .divide = 1,
	},
	/* whose other side may poll, so that each record costs a barrier */
	[RING_POLLED] = {
		.name = "ring-polled", .open = ring_open, .attach = ring_attach,
		.produce = ring_produce, .consume = ring_consume, .close = ring_close,
		.size = RING_BYTES, .divide = 1,
	},
	[BOOST] = {
		.name = "boost-spsc", .open = boost_open,
		.produce = boost_produce_some, .consume = boost_consume_some,
		.close = boost_close, .divide = 1,
	},
	[PIPE] = {
		.name = "pipe", .open = pipe_open,
		.produce = fd_produce, .consume = fd_consume, .close = fds_close,
		.divide = 20,
	},
	[SEQPACKET] = {
		.name = "seqpacket", .open = seqpacket_open,
		.produce = fd_produce, .consume = fd_consume, .close = fds_close,
		.divide = 20,
	},
	[POSIX_MQ] = {
		.name = "posix-mq", .open = mq_open_one,
		.produce = mq_produce, .consume = mq_consume, .close = mq_close_one,
		.divide = 20,
	},
};

/* Records a second, as the consumer sees it, after a warm-up. */
static double stream(struct way *way, long count)
{
	long all = count / way->divide, warm = all / 10;
	double begin;
	pid_t child;

	way->open(way);
	child = partner();
	if (way->attach)
		way->attach(way, !child);
	if (!child) {
		way->produce(way, 0, all);
		_exit(0);
	}
	way->consume(way, 0, warm);
	begin = now();
	way->consume(way, warm, all);
	begin = now() - begin;
	join(child);
	way->close(way);
	return (double)(all - warm) / begin;
}

/* --- there and back --------------------------------------------------- */

/* Whose both sides stay awake. */
static double ring_turns(long turns, size_t length)
{
	struct way way = { .size = TURN_BYTES, .flags = MAILBOX_RING_NOPOLL };
	char one[RECORD] = "";
	struct mailbox_ring *ring;
	double begin;
	pid_t child;

	ring_open(&way);
	child = partner();
	ring_attach(&way, !child);
	ring = way.ring;
	ring->spin = UINT32_MAX;
	begin = now();
	for (long i = 0; i < turns; i++) {
		if (child && mailbox_ring_send(ring, one, length, MAILBOX_FOREVER))
			die("ring: send");
		if (mailbox_ring_receive(ring, one, length, MAILBOX_FOREVER) != (ssize_t)length)
			die("ring: receive");
		if (!child && mailbox_ring_send(ring, one, length, MAILBOX_FOREVER))
			die("ring: send");
	}
	if (!child)
		_exit(0);
	begin = now() - begin;
	join(child);
	ring_close(&way);
	return (double)turns / begin;
}

/* What one side writes: a number that the other spins on, and maybe a record. */
struct line {
	long number;
	char payload[RECORD];
} __attribute__((aligned(128)));

static void line_send(struct line *line, long number, const char *one)
{
	if (one)
		memcpy(line->payload, one, RECORD);
	__atomic_store_n(&line->number, number, __ATOMIC_RELEASE);
}

static void line_receive(const struct line *line, long number, char *one)
{
	while (__atomic_load_n(&line->number, __ATOMIC_ACQUIRE) != number)
		__builtin_ia32_pause();
	if (one)
		memcpy(one, line->payload, RECORD);
}

static double line_turns(long turns, bool copied)
{
	struct line *lines = shared(2 * sizeof(*lines));
	char place[RECORD] = "", *one = copied ? place : NULL;
	double begin = now();
	pid_t child = partner();

	for (long i = 1; i <= turns; i++) {
		if (child)
			line_send(&lines[0], i, one);
		line_receive(&lines[!!child], i, one);
		if (!child)
			line_send(&lines[1], i, one);
	}
	if (!child)
		_exit(0);
	begin = now() - begin;
	join(child);
	munmap(lines, 2 * sizeof(*lines));
	return (double)turns / begin;
}

/* --- a soak ----------------------------------------------------------- */

/* Records of all lengths, each of whose bytes says its number. */
static void soak(long count)
{
	struct way way = { .size = SMALL_BYTES };
	double begin = now();
	pid_t child;

	ring_open(&way);
	child = partner();
	ring_attach(&way, !child);
	for (long i = 0; i < count; i++) {
		size_t length = 8 + (size_t)(i % 57);
		unsigned char one[RECORD];

		if (!child) {
			memset(one, (int)(i & 0xff), length);
			memcpy(one, &i, sizeof(i));
			if (mailbox_ring_send(way.ring, one, length, MAILBOX_FOREVER))
				_exit(1);
			continue;
		}
		if (mailbox_ring_receive(way.ring, one, sizeof(one), MAILBOX_FOREVER) !=
		    (ssize_t)length || memcmp(one, &i, sizeof(i)))
			die("soak: a record is lost");
		for (size_t j = sizeof(i); j < length; j++)
			if (one[j] != (i & 0xff))
				die("soak: a byte is wrong");
	}
	if (!child)
		_exit(0);
	join(child);
	printf("soak: %ld records, each byte checked, in %.1f s\n", count, now() - begin);
}

/* --- the rounds ------------------------------------------------------- */

enum {
	RING_TURNS = ARRAY_SIZE(ways), RING_LINE_TURNS, SPIN_TURNS, SPIN_RECORD_TURNS,
	TO_KERNEL, TO_BOOST, TO_SPIN, TO_SPIN_RECORD, LINE_TO_SPIN_RECORD, SHARE, FIGURES
};

static const struct {
	const char *work, *peer, *gauge;
} figures[FIGURES] = {
	[RING] = { "native-stream", "ring", "records/s" },
	[RING_SMALL] = { "native-stream", "ring-256k", "records/s" },
	[RING_POLLED] = { "native-stream", "ring-polled", "records/s" },
	[BOOST] = { "native-stream", "boost-spsc", "records/s" },
	[PIPE] = { "native-stream", "pipe", "records/s" },
	[SEQPACKET] = { "native-stream", "seqpacket", "records/s" },
	[POSIX_MQ] = { "native-stream", "posix-mq", "records/s" },
	[RING_TURNS] = { "native-roundtrip", "ring", "turns/s" },
	[RING_LINE_TURNS] = { "native-roundtrip", "ring-line", "turns/s" },
	[SPIN_TURNS] = { "native-roundtrip", "spin", "turns/s" },
	[SPIN_RECORD_TURNS] = { "native-roundtrip", "spin-record", "turns/s" },
	[TO_KERNEL] = { "native-stream", "ring-to-kernel", "ratio" },
	[TO_BOOST] = { "native-stream", "ring-to-boost", "ratio" },
	[TO_SPIN] = { "native-roundtrip", "ring-to-spin", "ratio" },
	[TO_SPIN_RECORD] = { "native-roundtrip", "ring-to-spin-record", "ratio" },
	[LINE_TO_SPIN_RECORD] = { "native-roundtrip", "ring-line-to-spin-record", "ratio" },
	[SHARE] = { "native-cpus", "share", "ratio" },
};

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static void measure(double value[FIGURES], long count)
{
	double begin, used;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		value[i] = stream(&ways[i], count);
	/* who spins has the CPUs to himself, or shares them */
	used = busy();
	begin = now();
	value[RING_TURNS] = ring_turns(count / 10, RECORD);
	value[RING_LINE_TURNS] = ring_turns(count / 10, LINE_RECORD);
	value[SPIN_TURNS] = line_turns(count / 10, false);
	value[SPIN_RECORD_TURNS] = line_turns(count / 10, true);
	value[SHARE] = (busy() - used) / (now() - begin) / 2;

	value[TO_KERNEL] = value[RING] / larger(larger(value[PIPE], value[SEQPACKET]),
						value[POSIX_MQ]);
	value[TO_BOOST] = value[RING] / value[BOOST];
	value[TO_SPIN] = value[SPIN_TURNS] / value[RING_TURNS];
	value[TO_SPIN_RECORD] = value[SPIN_RECORD_TURNS] / value[RING_TURNS];
	value[LINE_TO_SPIN_RECORD] = value[SPIN_RECORD_TURNS] / value[RING_LINE_TURNS];
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_figure(int figure, double *values, int rounds)
{
	int digits = strcmp(figures[figure].gauge, "ratio") ? 0 : 3;

	qsort(values, (size_t)rounds, sizeof(*values), ascending);
	printf("result %s %s %d %s %.*f %.*f %.*f\n", figures[figure].work,
	       figures[figure].peer, figure == RING_LINE_TURNS ? LINE_RECORD : RECORD,
	       figures[figure].gauge, digits,
	       (values[(rounds - 1) / 2] + values[rounds / 2]) / 2, digits, values[0],
	       digits, values[rounds - 1]);
}

static int skip(const char *reason)
{
	printf("skipped native %s\ndone 0 failed\n", reason);
	return 0;
}

int main(int argc, char **argv)
{
	static double values[FIGURES][ROUNDS_MAX], value[FIGURES];
	long count = 5000000;
	bool soaking = false;
	int option, rounds = 7;

	while ((option = getopt(argc, argv, "n:r:s")) != -1) {
		if (option == 'n')
			count = strtol(optarg, NULL, 0);
		else if (option == 'r')
			rounds = atoi(optarg);
		else if (option == 's')
			soaking = true;
		else
			return 64;
	}
	if (count < 1000 || rounds < 1 || rounds > ROUNDS_MAX)
		return 64;
	printf("cpus 2\n");
	if (!find_cpus(cpus))
		return skip("there is but one CPU");
	go_ahead();
	make_records();
	if (soaking) {
		soak(count);
		return 0;
	}
	for (int round = 0; round < rounds; round++) {
		fprintf(stderr, "native: round %d of %d\n", round + 1, rounds);
		measure(value, count);
		for (int i = 0; i < FIGURES; i++)
			values[i][round] = value[i];
	}
	qsort(values[SHARE], (size_t)rounds, sizeof(double), ascending);
	if (values[SHARE][rounds / 2] < SHARE_LEAST)
		return skip("others have the CPUs: two must be free");
	for (int i = 0; i < FIGURES; i++)
		print_figure(i, values[i], rounds);
	printf("done 0 failed\n");
	return 0;
}
