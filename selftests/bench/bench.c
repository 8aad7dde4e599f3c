// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of the mailbox and of its peers, counted in instructions.
 *
 * Each work runs in a process of its own, so that one that fails takes no
 * other with it, and prints lines "result WORK PEER BYTES GAUGE VALUE" that
 * report turns into a table and into JSON.  Costs are medians of REPEATS
 * measurements after a warm-up; nothing here passes or fails by its cost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define REPEATS		15
#define ROUNDS		200	/* operations in a measurement without switches */
#define WORK_SECONDS	300	/* of the guest's; then the work has hung */

/* What the command line asks for; none, NULL and 0: everything. */
static const char *only_works[16];
static size_t only_work_count;
static const char *only_peer;
static size_t only_bytes;

static bool mailbox_there;

/*
 * Who runs next is the scheduler's choice, and it changes the figure more than
 * the peer does.  So there are four: its own, once it has settled; neither
 * preempts the other (SCHED_BATCH); the receiver preempts at each wake-up (a
 * better nice value); and who waits falls asleep, where a mailbox would else
 * yield to its partner (SCHED_FIFO).
 */
static enum { SCHEDULED, IN_TURNS, PREEMPTING, ASLEEP } turns;
static const char *const turns_variant[] = { "", "-in-turns", "-preempting", "-asleep" };

static int failures;

void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), ascending);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

void print_result(const char *work, const char *variant, const char *peer,
	    size_t bytes, const char *gauge, double value)
{
	printf("result %s%s %s %zu %s %.*f\n", work, variant, peer, bytes,
	       gauge, strcmp(gauge, "ratio") ? 0 : 3, value);
	fflush(stdout);
}

/* What has gone on between the marks, for profile to divide by. */
void print_operations(uint64_t count)
{
	printf("operations %llu\n", (unsigned long long)count);
	fflush(stdout);
}

/*
 * Operations in a measurement between two processes.  How the scheduler lets
 * them take turns settles only after a while (it weighs who has run longer),
 * so these are many, and the warm-up is long.
 */
static int roundtrip_rounds(size_t bytes)
{
	return bytes < BYTES_MAX ? 1000 : 100;
}

/* Each a few times what the deepest queue holds. */
static int stream_rounds(size_t bytes)
{
	return bytes == 64 ? 4000 : bytes < BYTES_MAX ? 1000 : 100;
}

#define WARM_UP		10	/* measurements */

/* The median, for the results; from where to where, for who watches. */
static void cost(const char *work, const struct peer *peer, size_t bytes,
		 double *costs)
{
	double value = median(costs, REPEATS);

	fprintf(stderr, "bench:   from %.0f to %.0f\n", costs[0],
		costs[REPEATS - 1]);
	print_result(work, turns ? turns_variant[turns] : peer->variant, peer->name, bytes,
	       "instructions", value);
}

static void receiver(void)
{
	if (turns == PREEMPTING && setpriority(PRIO_PROCESS, 0, -10))
		die("nice");
}

static pid_t fork_partner(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static void wait_partner(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status) {
		errno = ECHILD;
		die("partner");
	}
}

static void work_roundtrip(const struct peer *peer, size_t bytes)
{
	int rounds = roundtrip_rounds(bytes);
	double costs[WARM_UP + REPEATS];
	struct link link;
	pid_t pid;

	link_open(&link, peer, bytes, peer->depth);
	pid = fork_partner();
	if (!pid) {
		receiver();
		for (int i = 0; i < (WARM_UP + REPEATS) * rounds; i++) {
			link_receive(&link, FORTH);
			link_send(&link, BACK);
		}
		_exit(0);
	}
	for (int repeat = 0; repeat < WARM_UP + REPEATS; repeat++) {
		uint64_t start = clock_start();

		for (int i = 0; i < rounds; i++) {
			link_send(&link, FORTH);
			link_receive(&link, BACK);
		}
		costs[repeat] = (double)clock_stop(start) / rounds;
	}
	wait_partner(pid);
	link_close(&link);
	cost("roundtrip", peer, bytes, costs + WARM_UP);
	print_operations((uint64_t)(WARM_UP + REPEATS) * rounds);
}

/* The receiver keeps the time, so the queue's own depth is no part of it. */
static void work_stream(const struct peer *peer, size_t bytes)
{
	int rounds = stream_rounds(bytes);
	double costs[WARM_UP + REPEATS];
	struct link link;
	pid_t pid;

	link_open(&link, peer, bytes, peer->depth);
	pid = fork_partner();
	if (!pid) {
		for (int i = 0; i < (WARM_UP + REPEATS) * rounds; i++)
			link_send(&link, FORTH);
		_exit(0);
	}
	receiver();
	for (int repeat = 0; repeat < WARM_UP + REPEATS; repeat++) {
		uint64_t start = clock_start();

		for (int i = 0; i < rounds; i++)
			link_receive(&link, FORTH);
		costs[repeat] = (double)clock_stop(start) / rounds;
	}
	wait_partner(pid);
	link_close(&link);
	cost("stream", peer, bytes, costs + WARM_UP);
	print_operations((uint64_t)(WARM_UP + REPEATS) * rounds);
}

/*
 * Sends that find room and receives that find a message: no one waits, no one
 * is woken.  At most one fits the peers' defaults at all sizes.
 */
static void work_alone(const struct peer *peer, size_t bytes, bool sending)
{
	double costs[WARM_UP + REPEATS];
	double ones[ROUNDS];
	struct link link;

	link_open(&link, peer, bytes, peer->depth);
	for (int repeat = 0; repeat < WARM_UP + REPEATS; repeat++) {
		for (int i = 0; i < ROUNDS; i++) {
			uint64_t start;

			if (!sending)
				link_send(&link, FORTH);
			start = clock_start();
			if (sending)
				link_send(&link, FORTH);
			else
				link_receive(&link, FORTH);
			ones[i] = clock_stop(start);
			if (sending)
				link_receive(&link, FORTH);
		}
		costs[repeat] = median(ones, ROUNDS);
	}
	link_close(&link);
	cost(sending ? "send" : "receive", peer, bytes, costs + WARM_UP);
	print_operations((WARM_UP + REPEATS) * ROUNDS);
}

static void work_send(const struct peer *peer, size_t bytes)
{
	work_alone(peer, bytes, true);
}

static void work_receive(const struct peer *peer, size_t bytes)
{
	work_alone(peer, bytes, false);
}

/* What no peer can go below: a system call; an ioctl(2) refused. */
static void work_floor(void)
{
	double syscalls[REPEATS], ioctls[REPEATS];
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0)
		die("/dev/null");
	for (int repeat = 0; repeat < REPEATS; repeat++) {
		uint64_t start = clock_start();

		for (int i = 0; i < ROUNDS; i++)
			syscall(SYS_getppid);
		syscalls[repeat] = (double)clock_stop(start) / ROUNDS;
		start = clock_start();
		for (int i = 0; i < ROUNDS; i++)
			ioctl(fd, _IO(0xb9, 0xff));
		ioctls[repeat] = (double)clock_stop(start) / ROUNDS;
	}
	print_result("syscall", "", "kernel", 0, "instructions",
	       median(syscalls, REPEATS));
	print_result("ioctl", "", "kernel", 0, "instructions",
	       median(ioctls, REPEATS));
}

/* For profile: where the kernel's functions are, by address. */
static void print_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[256];

	if (!file)
		die("/proc/kallsyms");
	while (fgets(line, sizeof(line), file)) {
		char name[128], module[64] = "", type;
		unsigned long long address;

		if (sscanf(line, "%llx %c %127s %63s", &address, &type, name,
			   module) >= 3 && strchr("tTwW", type))
			printf("symbol %llx %s\n", address, name);
	}
	fclose(file);
	fflush(stdout);
}

static bool wanted(const char *work)
{
	for (size_t i = 0; i < only_work_count; i++)
		if (!strcmp(only_works[i], work))
			return true;
	return false;
}

static bool asked(const char *work, const char *variant, const char *peer,
		  size_t bytes)
{
	char full[64];

	snprintf(full, sizeof(full), "%s%s", work, variant);
	if (only_work_count && !wanted(full))
		return false;
	if (only_peer && strcmp(only_peer, peer))
		return false;
	if (only_bytes && only_bytes != bytes)
		return false;
	return mailbox_there || strcmp(peer, "mailbox");
}

/* The child of a work; the parent gets false when it has ended. */
static bool start_work(const char *work, const char *peer, size_t bytes)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (!pid) {
		static const struct sched_param zero, one = { .sched_priority = 1 };

		alarm(WORK_SECONDS);
		if (turns == IN_TURNS &&
		    sched_setscheduler(0, SCHED_BATCH, &zero))
			die("SCHED_BATCH");
		if (turns == ASLEEP && sched_setscheduler(0, SCHED_FIFO, &one))
			die("SCHED_FIFO");
		return true;
	}
	if (waitpid(pid, &status, 0) != pid || status) {
		printf("failed %s %s %zu\n", work, peer, bytes);
		fflush(stdout);
		failures++;
	}
	return false;
}

static void run_alone(const char *work, const char *peer, void (*run)(void))
{
	if (!asked(work, "", peer, 64))
		return;
	fprintf(stderr, "bench: %s\n", work);
	if (start_work(work, peer, 64)) {
		run();
		exit(0);
	}
}

static void run_with_peers(const char *work, unsigned int bit, size_t bytes,
			   void (*run)(const struct peer *peer, size_t bytes))
{
	for (size_t i = 0; i < peer_count; i++) {
		const struct peer *peer = peers[i];
		const char *variant = turns ? turns_variant[turns] : peer->variant;

		if (turns && *peer->variant)
			continue;
		if (!(peer->works & bit) || bytes < peer->bytes_min ||
		    bytes > peer->bytes_max ||
		    !asked(work, variant, peer->name, bytes))
			continue;
		fprintf(stderr, "bench: %s%s %s %zu\n", work, variant,
			peer->name, bytes);
		if (start_work(work, peer->name, bytes)) {
			run(peer, bytes);
			exit(0);
		}
	}
}

/*
 * Without the guest's instruction counter every figure would be a lie: a
 * loop of two instructions a turn has to take two ticks a turn, where no
 * interrupt comes into it.
 */
static bool clock_counts(void)
{
	const uint64_t turns = 100000;
	uint64_t fewest = UINT64_MAX;

	for (int i = 0; i < 10; i++) {
		uint64_t left = turns, start = __builtin_ia32_rdtsc(), ticks;

		__asm__ volatile("1: dec %0; jnz 1b" : "+r"(left) : : "cc");
		ticks = __builtin_ia32_rdtsc() - start;
		if (ticks < fewest)
			fewest = ticks;
	}
	return fewest >= 2 * turns && fewest < 2 * turns + turns / 100;
}

/* Room for the largest messages; root may. */
static void lift_limits(void)
{
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	FILE *file = fopen("/proc/sys/kernel/msgmax", "w");

	if (!file || fprintf(file, "%d\n", BYTES_MAX) < 0 || fclose(file))
		die("/proc/sys/kernel/msgmax");
	if (setrlimit(RLIMIT_MSGQUEUE, &none))
		die("RLIMIT_MSGQUEUE");
}

static int wrong_usage(void)
{
	fprintf(stderr, "usage: bench [-w WORK]... [-p PEER] [-b BYTES] [-P] [-s]\n"
		"  -P  without the mailbox\n"
		"  -s  with the kernel's symbols\n");
	return 64;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 64, 0, 1024, 4096, BYTES_MAX };
	bool peers_only = false, symbols = false;
	int option;

	while ((option = getopt(argc, argv, "w:p:b:Ps")) != -1) {
		switch (option) {
		case 'w':
			if (only_work_count == ARRAY_SIZE(only_works))
				return wrong_usage();
			only_works[only_work_count++] = optarg;
			break;
		case 'p':
			only_peer = optarg;
			break;
		case 'b':
			only_bytes = strtoul(optarg, NULL, 0);
			break;
		case 'P':
			peers_only = true;
			break;
		case 's':
			symbols = true;
			break;
		default:
			return wrong_usage();
		}
	}
	if (!clock_counts()) {
		fprintf(stderr, "bench: the clock counts no instructions here: make bench\n");
		return 1;
	}
	if (symbols)
		print_symbols();
	lift_limits();
	mailbox_there = !peers_only;
	if (mailbox_there)
		bench_device();

	/* memory first, where nothing has left holes in the slabs */
	run_alone("idle", "mailbox", work_idle);
	run_alone("queued", "mailbox", work_queued);
	run_alone("floor", "kernel", work_floor);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		run_with_peers("roundtrip", ROUNDTRIP, sizes[i], work_roundtrip);
		run_with_peers("stream", STREAM, sizes[i], work_stream);
		run_with_peers("send", ALONE, sizes[i], work_send);
		run_with_peers("receive", ALONE, sizes[i], work_receive);
	}
	for (turns = IN_TURNS; turns <= PREEMPTING; turns++) {
		run_with_peers("roundtrip", ROUNDTRIP, 64, work_roundtrip);
		run_with_peers("stream", STREAM, 64, work_stream);
	}
	turns = ASLEEP;
	run_with_peers("roundtrip", ROUNDTRIP, 64, work_roundtrip);
	turns = SCHEDULED;
	run_alone("pass", "mailbox", work_pass);
	run_alone("watched", "mailbox", work_watched);
	run_alone("batch", "mailbox", work_batch);
	run_alone("depth", "mailbox", work_depth);
	run_alone("open", "mailbox", work_open);

	printf("done %d failed\n", failures);
	return failures ? 1 : 0;
}
