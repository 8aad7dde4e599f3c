// SPDX-License-Identifier: GPL-2.0
/*
 * Sixteen processes of two threads each use mailboxes of every kind in every
 * way, and are killed wherever they happen to be.  Then those that are left
 * are told to stop: who still waits, waits for good reason, goes on when the
 * reason goes, and the books of every mailbox are balanced.
 */
#include "storm.h"

#define PROCESSES	16
#define THREADS		2
#define BATCH		4
#define BYTES_MAX	(16 << 10)

static const struct kind {
	const char *name;
	__u32 policy;
	__u32 slow;
	__u64 capacity;
} kinds[] = {
	{ "shared", MAILBOX_POLICY_SHARED, 0, 3 },
	{ "rendezvous", MAILBOX_POLICY_SHARED, 0, 0 },
	{ "deep", MAILBOX_POLICY_SHARED, 0, 64 },
	{ "exclusive", MAILBOX_POLICY_EXCLUSIVE, 0, 3 },
	{ "pair", MAILBOX_POLICY_PAIR, 0, 3 },
	{ "block", MAILBOX_POLICY_BROADCAST, MAILBOX_SLOW_BLOCK, 3 },
	{ "lose", MAILBOX_POLICY_BROADCAST, MAILBOX_SLOW_LOSE, 3 },
	{ "cut", MAILBOX_POLICY_BROADCAST, MAILBOX_SLOW_CUT, 3 },
};

#define KINDS	ARRAY_SIZE(kinds)

/* What the killer and the killed share. */
static struct {
	int stop;
	pid_t tids[PROCESSES][THREADS];
	__u64 shares[KINDS];	/* that all sends had whose senders lived to say so */
} *shared;

/* The killer's handles. */
static int handles[KINDS];

/* One queue, and handles that can be shared. */
static bool is_plain(const struct kind *kind)
{
	return kind->policy == MAILBOX_POLICY_SHARED || kind->policy == MAILBOX_POLICY_EXCLUSIVE;
}

/* Each thread has a handle of its own on a broadcast, and a second one in reopen(). */
static unsigned int most_receivers(const struct kind *kind)
{
	return kind->policy == MAILBOX_POLICY_BROADCAST ? 2 * PROCESSES * THREADS : 1;
}

/* --- those that are killed -------------------------------------------- */

struct worker {
	__u32 chance;
	unsigned int place;
	unsigned int thread;
	int handles[KINDS];
	unsigned char bytes[BATCH][BYTES_MAX];
};

static __u32 patience(struct worker *worker, __s64 *deadline)
{
	switch (storm_roll(&worker->chance) % 16) {
	case 0 ... 3:
		return MAILBOX_NONBLOCK;
	case 4:
		/* without end; were these more, soon nobody would do anything else */
		return 0;
	default:
		*deadline = mbx_now() + storm_roll(&worker->chance) % (8 * MBX_MS);
		return MAILBOX_DEADLINE;
	}
}

static size_t some_length(struct worker *worker)
{
	return storm_roll(&worker->chance) %
	       (storm_roll(&worker->chance) % 4 ? 128 : BYTES_MAX) + 1;
}

static void fill(struct worker *worker, unsigned int i, struct mailbox_send *send)
{
	*send = (struct mailbox_send) {
		.tag = storm_roll(&worker->chance) % 32,
		.buffer = MBX_PTR(worker->bytes[i]),
		.length = some_length(worker),
	};
	send->flags = patience(worker, &send->deadline);
	storm_stamp(worker->bytes[i], send->length, send->tag);
}

static void want(struct worker *worker, unsigned int i, struct mailbox_receive *receive)
{
	*receive = (struct mailbox_receive) {
		.buffer = MBX_PTR(worker->bytes[i]),
		.length = BYTES_MAX,
	};
	receive->flags = patience(worker, &receive->deadline);
	/* whoever waits without end wants anything, and has room for it */
	if (!receive->flags)
		return;
	if (storm_roll(&worker->chance) % 4 == 0) {
		receive->select = MAILBOX_SELECT_TAG;
		receive->tag = storm_roll(&worker->chance) % 32;
	}
	if (storm_roll(&worker->chance) % 8 == 0)
		receive->length = some_length(worker);
	if (storm_roll(&worker->chance) % 16 == 0)
		receive->buffer = 0;
}

static void got(const struct mailbox_receive *receive)
{
	if (receive->buffer)
		STORM_CHECK(storm_stamped((void *)(uintptr_t)receive->buffer,
					  receive->header.length, receive->header.tag));
}

static void send_some(struct worker *worker, int handle, const struct kind *kind)
{
	struct mailbox_send items[BATCH];
	struct mailbox_batch batch = { .flags = 0 };
	int result;

	for (unsigned int i = 0; i < BATCH; i++)
		fill(worker, i, &items[i]);
	if (kind->policy != MAILBOX_POLICY_BROADCAST) {
		items[0].priority = storm_roll(&worker->chance) % 3;
		if (storm_roll(&worker->chance) % 4 == 0)
			items[0].flags |= MAILBOX_SEND_SYNC;
	}
	if (storm_roll(&worker->chance) % 8)
		result = mbx_send(handle, &items[0]);
	else
		result = mbx_send_batch(handle, items, BATCH, &batch);
	STORM_CHECK_RESULT(result, 0, -EAGAIN, -ETIMEDOUT, -EIDRM, -EBUSY);
	for (unsigned int i = 0; !result && i < (batch.done ?: 1); i++)
		__atomic_add_fetch(&shared->shares[kind - kinds], storm_shares(&items[i]),
				   __ATOMIC_RELAXED);
}

static void receive_some(struct worker *worker, int handle)
{
	struct mailbox_receive items[BATCH];
	struct mailbox_batch batch = { .flags = 0 };
	int result;

	for (unsigned int i = 0; i < BATCH; i++)
		want(worker, i, &items[i]);
	if (storm_roll(&worker->chance) % 8) {
		result = mbx_receive(handle, &items[0]);
		batch.done = !result;
	} else {
		result = mbx_receive_batch(handle, items, BATCH, &batch);
	}
	STORM_CHECK_RESULT(result, 0, -EAGAIN, -ETIMEDOUT, -EIDRM, -EBUSY, -EPIPE, -EMSGSIZE,
			   -EFAULT);
	for (unsigned int i = 0; i < batch.done; i++)
		got(&items[i]);
}

/* A handle of one's own on the same mailbox. */
static void reopen(struct worker *worker, unsigned int i)
{
	int handle = mbx_open(kinds[i].name, MAILBOX_RIGHT_ALL);

	/* EXCLUSIVE has its receiver, a PAIR may have its two, DESTROY takes names */
	if (handle < 0) {
		STORM_CHECK_RESULT(handle, -EBUSY, -ENOENT);
		return;
	}
	if (worker->handles[i] != handles[i])
		close(worker->handles[i]);
	worker->handles[i] = handle;
}

static void look(int handle)
{
	struct pollfd ready = { .fd = handle, .events = POLLIN | POLLOUT };
	struct mailbox_stat stat;

	STORM_CHECK(poll(&ready, 1, 1) >= 0);
	STORM_CHECK_RESULT(mbx_stat(handle, &stat), 0);
}

static long work(void *argument)
{
	struct worker *worker = argument;

	__atomic_store_n(&shared->tids[worker->place][worker->thread], syscall(SYS_gettid),
			 __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < KINDS; i++) {
		worker->handles[i] = handles[i];
		if (!is_plain(&kinds[i]))
			reopen(worker, i);
	}
	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		unsigned int i = storm_roll(&worker->chance) % KINDS;
		unsigned int act = storm_roll(&worker->chance) % 16;

		if (act == 0)
			reopen(worker, i);
		else if (act == 1)
			look(worker->handles[i]);
		else if (!is_plain(&kinds[i]) && worker->handles[i] == handles[i])
			continue;
		else if (act <= 8)
			receive_some(worker, worker->handles[i]);
		else
			send_some(worker, worker->handles[i], &kinds[i]);
	}
	__atomic_store_n(&shared->tids[worker->place][worker->thread], 0, __ATOMIC_RELEASE);
	return 0;
}

static pid_t new_process(unsigned int place, unsigned int round, unsigned int number)
{
	pid_t child;

	memset(shared->tids[place], 0, sizeof(shared->tids[place]));
	child = mbx_fork();
	if (!child) {
		static struct worker workers[THREADS];
		struct mbx_task task;

		for (unsigned int i = 0; i < THREADS; i++) {
			workers[i].chance = storm_seeded(round, number * THREADS + i);
			workers[i].place = place;
			workers[i].thread = i;
		}
		mbx_task_start(&task, work, &workers[1]);
		work(&workers[0]);
		mbx_task_join(&task);
		_exit(0);
	}
	STORM_CHECK(child > 0);
	return child;
}

/* --- the killer ------------------------------------------------------- */

static bool all_wait(void)
{
	for (unsigned int i = 0; i < PROCESSES * THREADS; i++) {
		pid_t tid = __atomic_load_n(&shared->tids[i / THREADS][i % THREADS],
					    __ATOMIC_ACQUIRE);

		if (tid && !mbx_asleep(tid, SYS_ioctl))
			return false;
	}
	return true;
}

/* Does everybody who still waits have a reason? */
static bool with_reason(const struct kind *kind, const struct mailbox_stat *stat)
{
	__u64 capacity = kind->capacity;

	/* two queues, or one for each receiver: not to be told from here */
	if (kind->policy == MAILBOX_POLICY_PAIR)
		return true;
	if (kind->policy == MAILBOX_POLICY_BROADCAST)
		return !stat->waiting_senders || stat->depth >= capacity;
	if (stat->waiting_receivers && (stat->depth || stat->waiting_senders))
		return false;
	/* who waits for a taker has its message in the queue */
	return !capacity || stat->depth >= capacity || stat->waiting_senders <= stat->depth;
}

static bool settled(unsigned int i)
{
	struct mailbox_stat stat;

	return all_wait() && !mbx_stat(handles[i], &stat) && with_reason(&kinds[i], &stat);
}

static void show(unsigned int i)
{
	struct mailbox_stat stat;

	mbx_stat(handles[i], &stat);
	storm_remark("%s: capacity %llu, depth %llu, waiting: %u senders, %u receivers",
		     kinds[i].name, kinds[i].capacity, stat.depth, stat.waiting_senders,
		     stat.waiting_receivers);
}

/* Take what is there, give what is waited for; true when nobody waits any more. */
static bool served(int handle, unsigned char *bytes)
{
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(bytes), .length = BYTES_MAX,
	};
	struct mailbox_send send = {
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(bytes), .length = 1,
	};
	struct mailbox_stat stat;

	STORM_CHECK_RESULT(mbx_stat(handle, &stat), 0);
	if (!stat.waiting_senders && !stat.waiting_receivers)
		return true;
	if (!mbx_receive(handle, &receive)) {
		got(&receive);
		return false;
	}
	if (stat.waiting_receivers) {
		storm_stamp(bytes, send.length, send.tag);
		mbx_send(handle, &send);
	}
	return false;
}

/* Nobody is left: what came in has gone out, or is still there, whole. */
static void balance(unsigned int i, unsigned char *bytes)
{
	struct mailbox_stat stat;

	if (!STORM_BALANCE(handles[i], most_receivers(&kinds[i]), &stat))
		storm_remark("that is %s", kinds[i].name);
	STORM_CHECK(stat.handles == 1);
	/* the receivers of a broadcast are gone, and what they had not received with them */
	if (kinds[i].policy == MAILBOX_POLICY_BROADCAST)
		STORM_CHECK(!stat.depth);
	STORM_CHECK(stat.received + stat.dropped + stat.withdrawn + stat.depth >=
		    shared->shares[i]);
	/* none that is sent here is empty */
	STORM_CHECK(!stat.depth || stat.bytes);
	if (is_plain(&kinds[i]) && !(stat.flags & MAILBOX_STAT_DESTROYED)) {
		struct mailbox_receive receive = {
			.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(bytes), .length = BYTES_MAX,
		};
		__u64 taken = 0;

		for (; !mbx_receive(handles[i], &receive); taken++)
			got(&receive);
		STORM_CHECK(taken == stat.depth);
		STORM_CHECK(mbx_depth(handles[i]) == 0);
	}
	close(handles[i]);
}

static void create(unsigned int i)
{
	struct mailbox_create attr = {
		.name = MBX_PTR(kinds[i].name),
		.flags = MAILBOX_CREATE_EXCL,
		/* it takes no seat, and holds no broadcast up */
		.rights = is_plain(&kinds[i]) ? MAILBOX_RIGHT_ALL : MAILBOX_RIGHT_ADMIN,
		.policy = kinds[i].policy,
		.slow = kinds[i].slow,
		.mode = 0600,
		.capacity = kinds[i].capacity,
	};

	handles[i] = mbx_create(&attr);
	STORM_CHECK(handles[i] >= 0);
}

static void storm(unsigned int round, unsigned char *bytes)
{
	__u32 chance = storm_seeded(round, 0);
	bool by_destroy = round % 2;
	unsigned int kills = storm_many(16, 60), number = 1;
	pid_t processes[PROCESSES];

	shared->stop = 0;
	memset(shared->shares, 0, sizeof(shared->shares));
	for (unsigned int i = 0; i < KINDS; i++)
		create(i);
	for (unsigned int i = 0; i < PROCESSES; i++)
		processes[i] = new_process(i, round, number++);
	for (unsigned int i = 0; i < kills; i++) {
		unsigned int which = storm_roll(&chance) % PROCESSES;

		storm_dither(&chance, 20000);
		kill(processes[which], SIGKILL);
		STORM_CHECK(storm_join(processes[which]) == 128 + SIGKILL);
		processes[which] = new_process(which, round, number++);
	}

	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < KINDS; i++) {
		if (STORM_CHECK(MBX_UNTIL(settled(i))))
			continue;
		show(i);
		break;
	}
	for (unsigned int i = 0; i < KINDS; i++)
		if (is_plain(&kinds[i]))
			STORM_CHECK(MBX_UNTIL(served(handles[i], bytes)));
	/* where it cannot be known who waits for whom, the mailbox or the process ends */
	for (unsigned int i = 0; i < KINDS && by_destroy; i++)
		if (!is_plain(&kinds[i]))
			STORM_CHECK_RESULT(mbx_destroy(handles[i], NULL), 0);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		if (!by_destroy)
			kill(processes[i], SIGKILL);
		STORM_CHECK_RESULT(storm_join(processes[i]), 0, by_destroy ? 0 : 128 + SIGKILL);
	}
	for (unsigned int i = 0; i < KINDS; i++)
		balance(i, bytes);
}

int main(int argc, char **argv)
{
	unsigned char *bytes;

	storm_begin(argc, argv, 2);
	shared = storm_shared(sizeof(*shared));
	bytes = mbx_pages(BYTES_MAX / mbx_page());
	for (unsigned int round = 0; storm_goes_on(round, 2, 6); round++)
		storm(round, bytes);
	storm_result("those killed ended, nobody else was forgotten, the books are balanced");
	storm_calm();
	return storm_end();
}
