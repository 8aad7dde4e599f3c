// SPDX-License-Identifier: GPL-2.0
/*
 * Many at once: names that come and go under those who open them, and random
 * operations on mailboxes of every policy, with the books balanced at the end.
 */
#include "hostile.h"

#include "kselftest_harness.h"

/* A random number of one's own: the same in each run, for each seed. */
static __u32 roll(__u32 *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* --- names ----------------------------------------------------------- */

#define NAME_ROUNDS	200

/**
 * struct traffic - what the racers share
 * @name: that they race for
 * @stop: nonzero: the others are done
 * @opened: opens that found it
 * @missed: opens that did not
 * @odd: results that should not be
 */
struct traffic {
	char name[MBX_NAME_SIZE];
	int stop;
	unsigned int opened;
	unsigned int missed;
	unsigned int odd;
};

/*
 * Opens the name again and again.  What it finds is a mailbox with this name
 * that works, until it is destroyed; or nothing.
 */
static long open_always(void *argument)
{
	struct traffic *traffic = argument;

	while (!__atomic_load_n(&traffic->stop, __ATOMIC_ACQUIRE)) {
		int handle = mbx_open(traffic->name, MAILBOX_RIGHT_ALL);
		struct mailbox_stat stat;
		int result;

		if (handle == -ENOENT) {
			__atomic_add_fetch(&traffic->missed, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (handle < 0) {
			__atomic_add_fetch(&traffic->odd, 1, __ATOMIC_RELAXED);
			continue;
		}
		__atomic_add_fetch(&traffic->opened, 1, __ATOMIC_RELAXED);
		result = mbx_stat(handle, &stat);
		if (result || stat.handles < 1 ||
		    (!(stat.flags & MAILBOX_STAT_DESTROYED) &&
		     strcmp(stat.name, traffic->name)))
			__atomic_add_fetch(&traffic->odd, 1, __ATOMIC_RELAXED);
		result = mbx_put(handle, "storm", MAILBOX_NONBLOCK);
		if (result && result != -EIDRM && result != -EAGAIN)
			__atomic_add_fetch(&traffic->odd, 1, __ATOMIC_RELAXED);
		close(handle);
	}
	return 0;
}

FIXTURE(name)
{
	struct traffic traffic;
	struct mbx_task tasks[2];
	int files;
};

FIXTURE_SETUP(name)
{
	mbx_name(self->traffic.name, "storm");
	self->files = mbx_open_files();
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, mbx_task_start(&self->tasks[i], open_always, &self->traffic));
	}
}

FIXTURE_TEARDOWN(name)
{
}

/* Let it happen: an opener met the name, or missed it, since. */
static bool seen(struct traffic *traffic, unsigned int opened, unsigned int missed)
{
	while (__atomic_load_n(&traffic->opened, __ATOMIC_RELAXED) == opened &&
	       __atomic_load_n(&traffic->missed, __ATOMIC_RELAXED) == missed)
		sched_yield();
	return true;
}

#define EXPECT_CALM(self) do {						\
		__atomic_store_n(&(self)->traffic.stop, 1, __ATOMIC_RELEASE); \
		for (int __i = 0; __i < 2; __i++)			\
			mbx_task_join(&(self)->tasks[__i]);		\
		EXPECT_EQ(0, (self)->traffic.odd);			\
		EXPECT_LT(0, (self)->traffic.opened);			\
		EXPECT_LT(0, (self)->traffic.missed);			\
		EXPECT_EQ((self)->files, mbx_open_files());		\
		/* the last handle is closed, and so it is gone */	\
		EXPECT_EQ(-ENOENT, mbx_open((self)->traffic.name, MAILBOX_RIGHT_SEND)); \
	} while (0)

/* The last handle is closed while others open by name. */
TEST_F(name, open_meets_last_close)
{
	for (int round = 0; round < NAME_ROUNDS; round++) {
		unsigned int opened = self->traffic.opened, missed = self->traffic.missed;
		struct mailbox_create attr = {
			.name = MBX_PTR(self->traffic.name),
			.rights = MAILBOX_RIGHT_ALL,
			.mode = 0600,
			.capacity = 4,
		};
		int handle = mbx_create(&attr);

		ASSERT_LE(0, handle);
		ASSERT_TRUE(seen(&self->traffic, opened, missed));
		close(handle);
	}
	EXPECT_CALM(self);
}

/* It is destroyed while others open by name. */
TEST_F(name, open_meets_destroy)
{
	for (int round = 0; round < NAME_ROUNDS; round++) {
		unsigned int opened = self->traffic.opened, missed = self->traffic.missed;
		struct mailbox_create attr = {
			.name = MBX_PTR(self->traffic.name),
			/* half of them would stay without it */
			.flags = MAILBOX_CREATE_EXCL | (round % 2 ? MAILBOX_CREATE_PERSIST : 0),
			.rights = MAILBOX_RIGHT_ALL,
			.mode = 0600,
			.capacity = 4,
		};
		int handle = mbx_create(&attr);

		ASSERT_LE(0, handle);
		ASSERT_TRUE(seen(&self->traffic, opened, missed));
		ASSERT_EQ(0, mbx_destroy(handle, NULL));
		close(handle);
	}
	EXPECT_CALM(self);
}

/* --- eight processes, four names -------------------------------------- */

#define PROCESSES	8
#define STORM_ROUNDS	150

static const char *const storm_names[] = { "storm-a", "storm-b", "storm-c", "storm-d" };

/* 0, or the line that saw what should not be. */
static int storm(__u32 seed)
{
	int handles[4] = { -1, -1, -1, -1 };

	for (int round = 0; round < STORM_ROUNDS; round++) {
		const char *name = storm_names[roll(&seed) % 4];
		int *handle = &handles[roll(&seed) % 4], result;
		struct mailbox_create attr = {
			.name = MBX_PTR(name),
			.rights = MAILBOX_RIGHT_ALL,
			.policy = roll(&seed) % 2 ? MAILBOX_POLICY_SHARED :
						    MAILBOX_POLICY_BROADCAST,
			.mode = 0600,
			.capacity = 1 + roll(&seed) % 4,
		};

		switch (roll(&seed) % 8) {
		case 0:
			attr.flags = MAILBOX_CREATE_EXCL;
			result = mbx_create(&attr);
			if (result == -EEXIST)
				break;
			if (result < 0 || !attr.created)
				return __LINE__;
			close(*handle);
			*handle = result;
			break;
		case 1:
		case 2:
			attr.flags = roll(&seed) % 2 ? MAILBOX_CREATE_PERSIST : 0;
			result = mbx_create(&attr);
			if (result < 0)
				return __LINE__;
			close(*handle);
			*handle = result;
			break;
		case 3:
			result = mbx_open(name, MAILBOX_RIGHT_ALL);
			if (result == -ENOENT)
				break;
			if (result < 0)
				return __LINE__;
			close(*handle);
			*handle = result;
			break;
		case 4:
			if (*handle < 0)
				break;
			result = mbx_destroy(*handle, NULL);
			if (result && result != -EIDRM)
				return __LINE__;
			break;
		case 5:
			close(*handle);
			*handle = -1;
			break;
		case 6:
			if (*handle < 0)
				break;
			result = mbx_put(*handle, name, MAILBOX_NONBLOCK);
			if (result && result != -EIDRM && result != -EAGAIN)
				return __LINE__;
			break;
		case 7:
			if (*handle < 0)
				break;
			{
				char room[32];

				result = mbx_get(*handle, room, sizeof(room), MAILBOX_NONBLOCK,
						 NULL);
				if (!result ? strncmp(room, "storm-", 6) :
				    (result != -EIDRM && result != -EAGAIN))
					return __LINE__;
			}
			break;
		}
	}
	return 0;
}

TEST(create_open_remove)
{
	pid_t children[PROCESSES];
	struct mailbox_info before, after;
	struct mailbox_stat entries[8];
	int device = mbx_device();
	struct mailbox_list list = {
		.after = MBX_PTR("storm-"),
		.entries = MBX_PTR(entries),
		.entry_size = sizeof(entries[0]),
		.count = 8,
	};
	int reports[2];

	ASSERT_LE(0, device);
	ASSERT_EQ(0, mbx_info(device, &before));
	ASSERT_EQ(0, pipe(reports));
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = mbx_fork();
		if (!children[i]) {
			int line = storm(i + 1);

			if (line)
				dprintf(STDERR_FILENO, "# %s:%d\n", __FILE__, line);
			_exit(line != 0);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		EXPECT_EQ(0, mbx_join(children[i]));
	}

	/* what is left has no handle and wants to stay */
	ASSERT_EQ(0, mbx_ioctl(device, MAILBOX_IOC_LIST, &list));
	for (__u32 i = 0; i < list.count; i++) {
		int handle;

		if (strncmp(entries[i].name, "storm-", 6))
			continue;
		EXPECT_EQ(MAILBOX_CREATE_PERSIST, entries[i].flags);
		EXPECT_EQ(0, entries[i].handles);
		handle = mbx_open(entries[i].name, MAILBOX_RIGHT_ADMIN);
		ASSERT_LE(0, handle);
		EXPECT_EQ(0, mbx_destroy(handle, NULL));
		close(handle);
	}
	ASSERT_EQ(0, mbx_info(device, &after));
	EXPECT_EQ(before.user_mailboxes, after.user_mailboxes);
	EXPECT_EQ(before.user_messages, after.user_messages);
	EXPECT_EQ(before.user_bytes, after.user_bytes);
	close(device);
}

/* --- random operations on one mailbox --------------------------------- */

#define WORKERS		4
#define WORK_ROUNDS	500
#define WORK_BYTES	48

FIXTURE(work)
{
	int handle;
	int device;
	struct mailbox_info before;
};

/**
 * @policy: of the mailbox
 * @slow: of the mailbox
 * @capacity: of the mailbox
 */
FIXTURE_VARIANT(work)
{
	__u32 policy;
	__u32 slow;
	__u64 capacity;
};

#define WORK(name, policy_, slow_, capacity_) \
	FIXTURE_VARIANT_ADD(work, name) { \
		.policy = MAILBOX_POLICY_##policy_, .slow = MAILBOX_SLOW_##slow_, \
		.capacity = capacity_ \
	}

WORK(shared, SHARED, BLOCK, 4);
WORK(shared_unlimited, SHARED, BLOCK, MAILBOX_UNLIMITED);
WORK(rendezvous, SHARED, BLOCK, 0);
WORK(exclusive, EXCLUSIVE, BLOCK, 4);
WORK(pair, PAIR, BLOCK, 4);
WORK(broadcast_block, BROADCAST, BLOCK, 4);
WORK(broadcast_lose, BROADCAST, LOSE, 4);
WORK(broadcast_cut, BROADCAST, CUT, 4);

FIXTURE_SETUP(work)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = variant->policy,
		.slow = variant->slow,
		.capacity = variant->capacity,
	};

	self->device = mbx_device();
	ASSERT_LE(0, self->device);
	ASSERT_EQ(0, mbx_info(self->device, &self->before));
	self->handle = mbx_create(&attr);
	ASSERT_LE(0, self->handle);
}

FIXTURE_TEARDOWN(work)
{
	close(self->handle);
	close(self->device);
}

/**
 * struct ledger - what one worker has done
 * @sent: sends that succeeded
 * @copies: receivers that these went to
 * @received: receives that succeeded
 * @sum_sent: of the tags of the sent
 * @sum_received: of the tags of the received
 * @wrong: the line that saw what should not be, or 0
 */
struct ledger {
	__u64 sent;
	__u64 copies;
	__u64 received;
	__u64 sum_sent;
	__u64 sum_received;
	int wrong;
};

/* Bytes that tell whether they are the tag's. */
static void stamp(unsigned char *bytes, size_t length, __u64 tag)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = tag * 7 + i;
}

static bool stamped(const unsigned char *bytes, size_t length, __u64 tag)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != (unsigned char)(tag * 7 + i))
			return false;
	return true;
}

static void work_send(int handle, __u32 *seed, __u32 policy, struct ledger *ledger)
{
	unsigned char bytes[WORK_BYTES];
	struct mailbox_send send = {
		.tag = roll(seed) % 16,
		.buffer = MBX_PTR(bytes),
		.length = roll(seed) % (WORK_BYTES + 1),
	};
	int result;

	switch (roll(seed) % 4) {
	case 0:
		send.flags = MAILBOX_DEADLINE;
		send.deadline = mbx_now() + roll(seed) % MBX_MS;
		break;
	default:
		send.flags = MAILBOX_NONBLOCK;
		break;
	}
	if (policy != MAILBOX_POLICY_BROADCAST) {
		send.priority = roll(seed) % 3;
		if (roll(seed) % 8 == 0)
			send.flags |= MAILBOX_SEND_SYNC;
	}
	stamp(bytes, send.length, send.tag);
	result = mbx_send(handle, &send);
	switch (result) {
	case 0:
		ledger->sent++;
		ledger->copies += send.receipt.receivers;
		ledger->sum_sent += send.tag * send.receipt.receivers;
		break;
	case -EAGAIN:
	case -ETIMEDOUT:
		break;
	default:
		ledger->wrong = __LINE__;
	}
}

static void work_receive(int handle, __u32 *seed, struct ledger *ledger)
{
	unsigned char bytes[WORK_BYTES];
	struct mailbox_receive receive = {
		.buffer = MBX_PTR(bytes),
		.length = sizeof(bytes),
	};
	int result;

	switch (roll(seed) % 4) {
	case 0:
		receive.flags = MAILBOX_DEADLINE;
		receive.deadline = mbx_now() + roll(seed) % MBX_MS;
		break;
	default:
		receive.flags = MAILBOX_NONBLOCK;
		break;
	}
	switch (roll(seed) % 8) {
	case 0:
		receive.select = MAILBOX_SELECT_TAG;
		receive.tag = roll(seed) % 16;
		break;
	case 1:
		receive.select = MAILBOX_SELECT_TAG_MAX;
		receive.tag = roll(seed) % 16;
		break;
	case 2:
		/* a copy that fails loses nothing */
		receive.buffer = 0;
		break;
	case 3:
		receive.length = roll(seed) % WORK_BYTES;
		break;
	}
	result = mbx_receive(handle, &receive);
	switch (result) {
	case 0:
		ledger->received++;
		ledger->sum_received += receive.header.tag;
		if (receive.buffer && !stamped(bytes, receive.header.length, receive.header.tag))
			ledger->wrong = __LINE__;
		break;
	case -EAGAIN:
	case -ETIMEDOUT:
	case -EMSGSIZE:
	case -EFAULT:
	case -EPIPE:
		break;
	default:
		ledger->wrong = __LINE__;
	}
}

/* A thread or a process of the storm; its own receiver where that counts. */
struct worker {
	int handle;
	__u32 policy;
	__u32 seed;
	struct ledger *ledger;
};

static long work(void *argument)
{
	struct worker *worker = argument;

	for (int round = 0; round < WORK_ROUNDS; round++) {
		if (roll(&worker->seed) % 2)
			work_send(worker->handle, &worker->seed, worker->policy,
				  worker->ledger);
		else
			work_receive(worker->handle, &worker->seed, worker->ledger);
	}
	return 0;
}

/* Take what is left, until there is nothing. */
static void take_rest(int handle, struct ledger *ledger)
{
	unsigned char bytes[WORK_BYTES];

	for (;;) {
		struct mailbox_receive receive = {
			.flags = MAILBOX_NONBLOCK,
			.buffer = MBX_PTR(bytes),
			.length = sizeof(bytes),
		};

		if (mbx_receive(handle, &receive))
			return;
		ledger->received++;
		ledger->sum_received += receive.header.tag;
		if (!stamped(bytes, receive.header.length, receive.header.tag))
			ledger->wrong = __LINE__;
	}
}

TEST_F(work, random)
{
	bool own = variant->policy == MAILBOX_POLICY_BROADCAST;
	bool lossy = own && variant->slow != MAILBOX_SLOW_BLOCK;
	struct ledger *ledgers, all = { 0 };
	struct worker workers[WORKERS];
	struct mbx_task tasks[WORKERS];
	struct mailbox_info after;
	struct mailbox_stat stat;
	pid_t child = 0;

	/* the last one is a process; what it notes must be seen here */
	ledgers = mmap(NULL, mbx_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	ASSERT_NE(MAP_FAILED, ledgers);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker) {
			.handle = own && i ? mbx_dup(self->handle, MAILBOX_RIGHT_ALL) :
					     self->handle,
			.policy = variant->policy,
			.seed = 1000 + i,
			.ledger = &ledgers[i],
		};
		ASSERT_LE(0, workers[i].handle);
	}
	child = mbx_fork();
	if (!child) {
		work(&workers[WORKERS - 1]);
		/* whose messages only this process could receive */
		if (variant->policy == MAILBOX_POLICY_PAIR)
			pause();
		_exit(0);
	}
	for (int i = 0; i < WORKERS - 1; i++) {
		ASSERT_EQ(0, mbx_task_start(&tasks[i], work, &workers[i]));
	}
	for (int i = 0; i < WORKERS - 1; i++) {
		mbx_task_join(&tasks[i]);
	}
	if (variant->policy == MAILBOX_POLICY_PAIR) {
		/* asleep for good, its seat is still its own */
		ASSERT_TRUE(mbx_wait_asleep(child, SYS_pause));
	} else {
		EXPECT_EQ(0, mbx_join(child));
	}
	ASSERT_EQ(0, mbx_stat(self->handle, &stat));
	EXPECT_EQ(0, stat.waiting_senders + stat.waiting_receivers);

	for (int i = 0; i < (own ? WORKERS : 1); i++)
		take_rest(workers[i].handle, &ledgers[i]);
	for (int i = 0; i < WORKERS; i++) {
		EXPECT_EQ(0, ledgers[i].wrong);
		all.sent += ledgers[i].sent;
		all.copies += ledgers[i].copies;
		all.received += ledgers[i].received;
		all.sum_sent += ledgers[i].sum_sent;
		all.sum_received += ledgers[i].sum_received;
	}
	ASSERT_EQ(0, mbx_stat(self->handle, &stat));

	/* something happened, and all of it is accounted for */
	EXPECT_LT(0, all.sent);
	EXPECT_LT(0, all.received);
	EXPECT_EQ(all.sent, stat.sent - stat.withdrawn);
	EXPECT_EQ(all.received, stat.received);
	if (variant->policy == MAILBOX_POLICY_PAIR) {
		/* the other's messages are for the other, and end with the mailbox */
		__u64 dropped;

		EXPECT_EQ(all.sent, all.received + stat.depth);
		ASSERT_EQ(0, mbx_destroy(self->handle, &dropped));
		EXPECT_EQ(stat.depth, dropped);
		kill(child, SIGKILL);
		mbx_join(child);
	} else if (lossy) {
		EXPECT_LE(all.received, all.copies);
		EXPECT_EQ(WORKERS * all.sent, all.received + stat.dropped);
	} else {
		EXPECT_EQ(all.copies, all.received);
		EXPECT_EQ(all.sum_sent, all.sum_received);
		EXPECT_EQ(own ? WORKERS * all.sent : all.sent, all.received);
		EXPECT_EQ(0, stat.dropped);
		EXPECT_EQ(0, stat.depth);
	}
	if (variant->policy != MAILBOX_POLICY_PAIR) {
		EXPECT_EQ(0, stat.bytes);
	}

	for (int i = 0; own && i < WORKERS; i++) {
		if (i)
			close(workers[i].handle);
	}
	close(self->handle);
	self->handle = -1;
	ASSERT_EQ(0, mbx_info(self->device, &after));
	EXPECT_EQ(self->before.user_bytes, after.user_bytes);
	EXPECT_EQ(self->before.user_messages, after.user_messages);
	EXPECT_EQ(self->before.user_mailboxes, after.user_mailboxes);
}

/* --- receivers that are killed ---------------------------------------- */

#define KILLS		40
#define VICTIMS		3
#define MESSAGES	4000

/* Receives until it is killed, and notes what it got. */
static void victim(int handle, unsigned char *got)
{
	for (;;) {
		struct mailbox_receive receive = { .flags = 0 };

		if (mbx_receive(handle, &receive))
			_exit(1);
		__atomic_add_fetch(&got[receive.header.tag], 1, __ATOMIC_SEQ_CST);
	}
}

static pid_t new_victim(int handle, unsigned char *got)
{
	pid_t child = mbx_fork();

	if (!child)
		victim(handle, got);
	return child;
}

/*
 * A message that was on its way to one that is killed goes to another: all are
 * received, by the mailbox's count, and none twice.  Its victim may have died
 * between receiving one and noting it, but each victim only once.
 */
TEST(killed_while_receiving)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, 16);
	unsigned int noted = 0, twice = 0, killed = 0;
	pid_t victims[VICTIMS];
	struct mailbox_stat stat;
	unsigned char *got;
	__u32 seed = 4711;

	ASSERT_LE(0, handle);
	got = mmap(NULL, MESSAGES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, got);
	for (int i = 0; i < VICTIMS; i++)
		victims[i] = new_victim(handle, got);
	for (int i = 0; i < MESSAGES; i++) {
		struct mailbox_send send = { .tag = i };

		ASSERT_EQ(0, mbx_send(handle, &send));
		if (i % (MESSAGES / KILLS) == 0) {
			pid_t *which = &victims[roll(&seed) % VICTIMS];

			ASSERT_EQ(0, kill(*which, SIGKILL));
			EXPECT_EQ(128 + SIGKILL, mbx_join(*which));
			*which = new_victim(handle, got);
			killed++;
		}
	}
	/* all taken: those who are left wait */
	EXPECT_TRUE(mbx_wait_waiters(handle, 0, VICTIMS));
	ASSERT_EQ(0, mbx_stat(handle, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(MESSAGES, stat.sent);
	EXPECT_EQ(MESSAGES, stat.received);
	for (int i = 0; i < VICTIMS; i++) {
		kill(victims[i], SIGKILL);
		mbx_join(victims[i]);
	}
	for (int i = 0; i < MESSAGES; i++) {
		noted += !!got[i];
		twice += got[i] > 1;
	}
	EXPECT_EQ(0, twice);
	EXPECT_LE(MESSAGES - killed, noted);
	close(handle);
}

/* --- set, dup and destroy among them ---------------------------------- */

struct meddler {
	int handle;
	__u32 seed;
	int stop;
	unsigned int odd;
};

static long meddle(void *argument)
{
	struct meddler *meddler = argument;

	while (!__atomic_load_n(&meddler->stop, __ATOMIC_ACQUIRE)) {
		struct mailbox_set set = {
			.mask = MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX,
			.capacity = roll(&meddler->seed) % 4,
			.message_max = WORK_BYTES + roll(&meddler->seed) % 4,
		};
		int handle, result;

		switch (roll(&meddler->seed) % 3) {
		case 0:
			result = mbx_set(meddler->handle, &set);
			if (result && result != -EIDRM)
				meddler->odd++;
			break;
		case 1:
			handle = mbx_dup(meddler->handle, MAILBOX_RIGHT_ALL);
			if (handle >= 0)
				close(handle);
			else if (handle != -EIDRM)
				meddler->odd++;
			break;
		case 2:
			handle = mbx_depth(meddler->handle);
			if (handle < 0)
				meddler->odd++;
			break;
		}
	}
	return 0;
}

/* Senders and receivers do not notice that the limits go up and down. */
TEST(meddled_with)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, 2);
	struct mbx_task task;
	struct meddler meddler = { .handle = handle, .seed = 77 };
	struct ledger ledgers[2] = { 0 };
	struct worker workers[2] = {
		{ .handle = handle, .seed = 5, .ledger = &ledgers[0] },
		{ .handle = handle, .seed = 6, .ledger = &ledgers[1] },
	};
	struct mbx_task tasks[2];
	struct mailbox_stat stat;

	ASSERT_LE(0, handle);
	ASSERT_EQ(0, mbx_task_start(&task, meddle, &meddler));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, mbx_task_start(&tasks[i], work, &workers[i]));
	}
	for (int i = 0; i < 2; i++)
		mbx_task_join(&tasks[i]);
	__atomic_store_n(&meddler.stop, 1, __ATOMIC_RELEASE);
	mbx_task_join(&task);
	take_rest(handle, &ledgers[0]);
	EXPECT_EQ(0, meddler.odd);
	EXPECT_EQ(0, ledgers[0].wrong);
	EXPECT_EQ(0, ledgers[1].wrong);
	EXPECT_LT(0, ledgers[0].sent + ledgers[1].sent);
	EXPECT_EQ(ledgers[0].sent + ledgers[1].sent, ledgers[0].received + ledgers[1].received);
	ASSERT_EQ(0, mbx_stat(handle, &stat));
	EXPECT_EQ(stat.sent, stat.received + stat.withdrawn);
	EXPECT_EQ(0, stat.depth);
	close(handle);
}

TEST_HARNESS_MAIN
