// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs go off and on under traffic: pairs of threads that answer one another,
 * now here, now there, and waits that only their deadline ends.
 */
#include "storm.h"

#include <sys/utsname.h>

#define PAIRS		4
#define CPUS_MAX	8
#define SWITCHES	16	/* in each round */

static int stop;
static unsigned int trips;

/**
 * struct pair - two threads, and a mailbox each way
 * @there: what is asked
 * @back: what is answered
 * @chance: where the asking thread goes next
 */
struct pair {
	int there;
	int back;
	__u32 chance;
};

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

/* Onto some CPU, or all of them; one that is off refuses. */
static void move(__u32 *chance)
{
	unsigned int where = storm_roll(chance) % (2 * CPUS_MAX);
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned int i = 0; i < CPUS_MAX; i++)
		if (where >= CPUS_MAX || i == where)
			CPU_SET(i, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int number_out(int handle, __u64 number, __u32 flags)
{
	struct mailbox_send send = { .flags = flags, .tag = number };

	return mbx_send(handle, &send);
}

/* A number, or the negative errno. */
static __s64 number_in(int handle)
{
	struct mailbox_receive receive = { .flags = 0 };
	int result = mbx_receive(handle, &receive);

	return result ?: (__s64)receive.header.tag;
}

static long ask(void *argument)
{
	struct pair *pair = argument;

	for (__u64 number = 1; !stopped(); number++) {
		if (storm_roll(&pair->chance) % 16 == 0)
			move(&pair->chance);
		STORM_CHECK_RESULT(number_out(pair->there, number,
					      number % 4 ? 0 : MAILBOX_SEND_SYNC), 0);
		if (!STORM_CHECK(number_in(pair->back) == (__s64)number))
			break;
		__atomic_add_fetch(&trips, 1, __ATOMIC_RELAXED);
	}
	STORM_CHECK_RESULT(number_out(pair->there, 0, 0), 0);
	return 0;
}

static long answer(void *argument)
{
	struct pair *pair = argument;
	__s64 number;

	while ((number = number_in(pair->there)) > 0)
		STORM_CHECK_RESULT(number_out(pair->back, number, 0), 0);
	STORM_CHECK(number == 0);
	return 0;
}

/* Nobody sends: a timer ends it, on whichever CPU that is by then. */
static long time_out(void *argument)
{
	struct pair *pair = argument;
	int handle = mbx_new(MAILBOX_POLICY_SHARED, 1);

	while (!stopped()) {
		struct mailbox_receive receive = {
			.flags = MAILBOX_DEADLINE,
			.deadline = mbx_now() + storm_roll(&pair->chance) % (50 * MBX_MS),
		};

		move(&pair->chance);
		if (!STORM_CHECK_RESULT(mbx_receive(handle, &receive), -ETIMEDOUT))
			break;
		STORM_CHECK(mbx_now() >= receive.deadline);
	}
	close(handle);
	return 0;
}

static int turn(unsigned int cpu, bool on)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	return storm_write(path, "%d", on);
}

/* CPUs that can be turned off: those that can be turned on while they are. */
static unsigned int find_cpus(unsigned int *cpus)
{
	unsigned int count = 0;

	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		if (!turn(cpu, true))
			cpus[count++] = cpu;
	return count;
}

static bool ended(struct mbx_task *tasks, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (!mbx_task_done(&tasks[i]))
			return false;
	return true;
}

static void storm(unsigned int round, const unsigned int *cpus, unsigned int count)
{
	__u32 chance = storm_seeded(round, 0);
	struct mbx_task tasks[3 * PAIRS];
	struct pair pairs[PAIRS];
	unsigned int before, failures = 0;

	__atomic_store_n(&stop, 0, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < PAIRS; i++) {
		pairs[i].there = mbx_new(MAILBOX_POLICY_SHARED, i % 2);
		pairs[i].back = mbx_new(MAILBOX_POLICY_SHARED, i / 2);
		pairs[i].chance = storm_seeded(round, i + 1);
		mbx_task_start(&tasks[3 * i], answer, &pairs[i]);
		mbx_task_start(&tasks[3 * i + 1], ask, &pairs[i]);
		mbx_task_start(&tasks[3 * i + 2], time_out, &pairs[i]);
	}
	for (unsigned int i = 0; i < SWITCHES; i++) {
		before = __atomic_load_n(&trips, __ATOMIC_RELAXED);
		/* one by the kernel's own account busy may stay on, once in a while */
		failures += turn(cpus[storm_roll(&chance) % count], storm_roll(&chance) % 2) != 0;
		STORM_CHECK(MBX_UNTIL(__atomic_load_n(&trips, __ATOMIC_RELAXED) != before));
	}
	STORM_CHECK(failures < SWITCHES / 2);
	for (unsigned int i = 0; i < count; i++)
		STORM_CHECK_RESULT(turn(cpus[i], true), 0);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	if (!STORM_CHECK(MBX_UNTIL(ended(tasks, 3 * PAIRS)))) {
		storm_show_threads(getpid());
		exit(1);
	}
	for (unsigned int i = 0; i < 3 * PAIRS; i++)
		mbx_task_join(&tasks[i]);
	for (unsigned int i = 0; i < PAIRS; i++) {
		struct mailbox_stat stat;

		STORM_BALANCE(pairs[i].there, 1, &stat);
		STORM_CHECK(stat.sent && stat.sent == stat.received);
		STORM_BALANCE(pairs[i].back, 1, &stat);
		STORM_CHECK(stat.sent == stat.received);
		close(pairs[i].there);
		close(pairs[i].back);
	}
}

/*
 * From 6.8 on the fair tasks of each CPU have a server, whose bandwidth is counted
 * wrong once in a while when CPUs come and go: "dl_rq->running_bw > old", said by
 * kernel/sched/deadline.c of 6.12.117, with a stack that has nothing of ours.
 */
static bool kernel_warns_itself(void)
{
	unsigned int major, minor;
	struct utsname system;

	uname(&system);
	return sscanf(system.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 8));
}

int main(int argc, char **argv)
{
	unsigned int cpus[CPUS_MAX], count;

	storm_begin(argc, argv, 2);
	count = kernel_warns_itself() ? 0 : find_cpus(cpus);
	for (unsigned int round = 0; count && storm_goes_on(round, 1, 3); round++)
		storm(round, cpus, count);
	if (count)
		storm_result("messages are answered, and deadlines come, on whichever CPU");
	else
		storm_skip(kernel_warns_itself() ? "the scheduler warns when CPUs come and go" :
						   "no CPU can be turned off");
	storm_calm();
	return storm_end();
}
