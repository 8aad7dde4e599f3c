// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked of the mailbox alone: that depth and number of names cost
 * nothing, and what an object takes of the kernel's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/mailbox.h>

#include "bench.h"

#define REPEATS		9
#define ROUNDS		1000
#define DEEP		10000
#define PRIORITIES	100
#define NAMES_FEW	10
#define NAMES_MANY	10000
#define OBJECTS		10000
#define BYTES		64

int bench_device(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = open("/dev/mailbox", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			die("/dev/mailbox");
	}
	return fd;
}

/* The same numbers in every run: xorshift64. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int create(const char *name, uint32_t flags, uint64_t capacity)
{
	struct mailbox_create create = {
		.name = (uintptr_t)name,
		.flags = flags,
		.rights = MAILBOX_RIGHT_ALL,
		.mode = name ? 0600 : 0,
		.capacity = capacity,
	};

	if (ioctl(bench_device(), MAILBOX_IOC_CREATE, &create))
		die("CREATE");
	return create.fd;
}

static void send_one(int fd, uint32_t priority)
{
	static const char payload[BYTES] = "a message of sixty-four bytes";
	struct mailbox_send send = {
		.priority = priority,
		.buffer = (uintptr_t)payload,
		.length = sizeof(payload),
	};

	if (ioctl(fd, MAILBOX_IOC_SEND, &send))
		die("SEND");
}

static uint32_t receive_one(int fd)
{
	char payload[BYTES];
	struct mailbox_receive receive = {
		.buffer = (uintptr_t)payload,
		.length = sizeof(payload),
	};

	if (ioctl(fd, MAILBOX_IOC_RECEIVE, &receive))
		die("RECEIVE");
	return receive.header.priority;
}

/*
 * Sends of any of the priorities, each followed by a receive of the first
 * message.  That thins out the high ones, so each repeat fills up anew.
 */
static double depth_cost(int fd, unsigned int depth)
{
	double costs[1 + REPEATS];	/* the first is the warm-up */
	uint64_t random = 88172645463325252ULL;

	for (int repeat = 0; repeat < 1 + REPEATS; repeat++) {
		uint64_t start;

		for (unsigned int i = 1; i < depth; i++)
			send_one(fd, i % PRIORITIES);
		start = clock_start();
		for (int i = 0; i < ROUNDS; i++) {
			send_one(fd, next_random(&random) % PRIORITIES);
			receive_one(fd);
		}
		costs[repeat] = (double)clock_stop(start) / ROUNDS;
		for (unsigned int i = 1; i < depth; i++)
			receive_one(fd);
	}
	return median(costs + 1, REPEATS);
}

void work_depth(void)
{
	int fd = create(NULL, 0, MAILBOX_UNLIMITED);
	double flat = depth_cost(fd, 1);
	double deep = depth_cost(fd, DEEP);

	close(fd);
	print_result("depth-1", "", "mailbox", BYTES, "instructions", flat);
	print_result("depth-10000", "", "mailbox", BYTES, "instructions", deep);
	print_result("depth", "", "mailbox", BYTES, "ratio", deep / flat);
	print_operations(2 * (1 + REPEATS) * ROUNDS);
}

/* As many messages in one call as it may have; the cost of each. */
void work_batch(void)
{
	static struct mailbox_receive receives[MAILBOX_BATCH_MAX];
	static struct mailbox_send sends[MAILBOX_BATCH_MAX];
	static char payload[MAILBOX_BATCH_MAX][BYTES];
	struct mailbox_batch send = {
		.items = (uintptr_t)sends,
		.item_size = sizeof(sends[0]),
		.count = MAILBOX_BATCH_MAX,
	};
	struct mailbox_batch receive = {
		.items = (uintptr_t)receives,
		.item_size = sizeof(receives[0]),
		.count = MAILBOX_BATCH_MAX,
	};
	int fd = create(NULL, 0, MAILBOX_BATCH_MAX);
	double in[1 + REPEATS], out[1 + REPEATS];

	for (int i = 0; i < MAILBOX_BATCH_MAX; i++) {
		sends[i].buffer = (uintptr_t)payload[i];
		sends[i].length = BYTES;
		receives[i].buffer = (uintptr_t)payload[i];
		receives[i].length = BYTES;
	}
	for (int repeat = 0; repeat < 1 + REPEATS; repeat++) {
		uint64_t start = clock_start();

		if (ioctl(fd, MAILBOX_IOC_SEND_BATCH, &send) ||
		    send.done != MAILBOX_BATCH_MAX)
			die("SEND_BATCH");
		in[repeat] = (double)clock_stop(start) / MAILBOX_BATCH_MAX;
		start = clock_start();
		if (ioctl(fd, MAILBOX_IOC_RECEIVE_BATCH, &receive) ||
		    receive.done != MAILBOX_BATCH_MAX)
			die("RECEIVE_BATCH");
		out[repeat] = (double)clock_stop(start) / MAILBOX_BATCH_MAX;
	}
	close(fd);
	print_result("send", "-batch", "mailbox", BYTES, "instructions",
		     median(in + 1, REPEATS));
	print_result("receive", "-batch", "mailbox", BYTES, "instructions",
		     median(out + 1, REPEATS));
	print_operations((1 + REPEATS) * MAILBOX_BATCH_MAX);
}

#define NAME_ROOM	49

static void name_of(unsigned int index, char *name)
{
	uint64_t random = (index + 1) * 0x9e3779b97f4a7c15ULL;
	int letters = 6;

	/* 6 to 37 bytes, none of them telling where the others are */
	letters += next_random(&random) % 32;
	snprintf(name, NAME_ROOM, "%016llx%016llx%016llx",
		 (unsigned long long)next_random(&random),
		 (unsigned long long)next_random(&random),
		 (unsigned long long)next_random(&random));
	name[letters] = '\0';
}

static int open_one(const char *name, uint32_t rights)
{
	struct mailbox_open open = {
		.name = (uintptr_t)name,
		.rights = rights,
	};

	if (ioctl(bench_device(), MAILBOX_IOC_OPEN, &open))
		die("OPEN");
	return open.fd;
}

static double open_cost(char (*names)[NAME_ROOM], unsigned int count)
{
	double costs[1 + REPEATS];	/* the first is the warm-up */
	uint64_t random = 88172645463325252ULL;

	for (int repeat = 0; repeat < 1 + REPEATS; repeat++) {
		uint64_t start = clock_start();

		for (int i = 0; i < ROUNDS; i++)
			close(open_one(names[next_random(&random) % count],
				       MAILBOX_RIGHT_SEND));
		costs[repeat] = (double)clock_stop(start) / ROUNDS;
	}
	return median(costs + 1, REPEATS);
}

static void create_named(char (*names)[NAME_ROOM], unsigned int from,
			 unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		name_of(i, names[i]);
		close(create(names[i],
			     MAILBOX_CREATE_PERSIST | MAILBOX_CREATE_EXCL, 10));
	}
}

static void destroy_named(char (*names)[NAME_ROOM], unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct mailbox_destroy destroy = { 0 };
		int fd = open_one(names[i], MAILBOX_RIGHT_ADMIN);

		if (ioctl(fd, MAILBOX_IOC_DESTROY, &destroy))
			die("DESTROY");
		close(fd);
	}
}

void work_open(void)
{
	static char names[NAMES_MANY][NAME_ROOM];
	double few, many;

	create_named(names, 0, NAMES_FEW);
	few = open_cost(names, NAMES_FEW);
	create_named(names, NAMES_FEW, NAMES_MANY);
	many = open_cost(names, NAMES_MANY);
	destroy_named(names, NAMES_MANY);
	print_result("open-10", "", "mailbox", 0, "instructions", few);
	print_result("open-10000", "", "mailbox", 0, "instructions", many);
	print_result("open", "", "mailbox", 0, "ratio", many / few);
	print_operations(2 * (1 + REPEATS) * ROUNDS);
}

/* An unnamed mailbox with its one handle, and one that lives by its name. */
void work_idle(void)
{
	static char names[OBJECTS][NAME_ROOM];
	struct rlimit files = { 2 * OBJECTS, 2 * OBJECTS };
	struct slabs *before, *after;

	if (setrlimit(RLIMIT_NOFILE, &files))
		die("RLIMIT_NOFILE");
	/* the table of descriptors grows here, not under the measurement */
	if (dup2(bench_device(), OBJECTS + 100) < 0)
		die("dup2");
	before = slabs_read();
	for (int i = 0; i < OBJECTS; i++)
		create(NULL, 0, 10);
	after = slabs_read();
	print_result("idle", "", "mailbox", 0, "bytes",
	       slabs_grown(before, after, OBJECTS));

	for (int i = 0; i < OBJECTS; i++) {
		name_of(i, names[i]);
		create_named(names, i, i + 1);
	}
	before = after;
	after = slabs_read();
	print_result("idle-named", "", "mailbox", 0, "bytes",
	       slabs_grown(before, after, OBJECTS));
	destroy_named(names, OBJECTS);
}

void work_queued(void)
{
	int fd = create(NULL, 0, MAILBOX_UNLIMITED);
	struct slabs *before = slabs_read(), *after;

	for (int i = 0; i < OBJECTS; i++)
		send_one(fd, 0);
	after = slabs_read();
	print_result("queued", "", "mailbox", BYTES, "bytes",
	       slabs_grown(before, after, OBJECTS));
	for (int i = 0; i < OBJECTS; i++)
		receive_one(fd);

	/* what an order over priorities costs above the messages themselves */
	before = slabs_read();
	for (int i = 0; i < OBJECTS; i++)
		send_one(fd, i);
	after = slabs_read();
	print_result("queued-priorities", "", "mailbox", BYTES, "bytes",
	       slabs_grown(before, after, OBJECTS));
	close(fd);
}
