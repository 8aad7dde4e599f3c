// SPDX-License-Identifier: GPL-2.0
/*
 * Processes ask for channels, accept and refuse them, stream records through
 * their rings and use segments, and are killed wherever they happen to be: a
 * listener with requests that it has received or not, a producer between the
 * reservation and the commit, a consumer that sleeps.  What had been published
 * can be read, then the end is told; every call ends; and all memory is back.
 */
#include "storm.h"

#include <mailbox_ring.h>

#define PROCESSES	8
#define RING		4096
#define RECORD_MAX	600

/* What the killer and the killed share. */
static struct {
	int stop;
	__u64 published;
	unsigned int received;	/* requests, unless who did it was killed before it said so */
	unsigned int expired;	/* calls of CONNECT, which may have taken theirs back */
} *shared;

/* --- records ---------------------------------------------------------- */

/* The number of a record says how long it is, and what is in it. */
static size_t length_of(__u64 number)
{
	return sizeof(number) + number * 37 % (RECORD_MAX - sizeof(number));
}

static bool is_record(const void *record, ssize_t length, __u64 number)
{
	__u64 tag;

	if (length != (ssize_t)length_of(number))
		return false;
	memcpy(&tag, record, sizeof(tag));
	return tag == number && storm_stamped((const char *)record + sizeof(tag),
					      length - sizeof(tag), tag);
}

/* Some records at once, published together; -EPIPE if nobody is to read them. */
static int produce(struct mailbox_ring *ring, __u32 *chance, __u64 *number)
{
	unsigned int batch = storm_roll(chance) % 3 + 1;
	char *place;
	int result;

	while (batch--) {
		size_t length = length_of(*number);

		while ((result = mailbox_ring_reserve(ring, length, (void **)&place)) == -EAGAIN) {
			/* what it holds itself must go first */
			result = mailbox_ring_commit(ring);
			if (!result)
				result = mailbox_ring_wait(ring, MAILBOX_RING_ROOM, length,
							   MAILBOX_FOREVER);
			if (result < 0)
				return result;
		}
		if (result)
			return result;
		memcpy(place, number, sizeof(*number));
		if (storm_roll(chance) % 8 == 0)
			sched_yield();
		storm_stamp(place + sizeof(*number), length - sizeof(*number), *number);
		(*number)++;
	}
	return mailbox_ring_commit(ring);
}

/* To the end of the other side: each record once, whole, and in its order. */
static __u64 consume(struct mailbox_ring *ring, __u32 *chance)
{
	unsigned int held = 0;
	const void *place;
	__u64 number = 0;
	ssize_t result;

	for (;;) {
		result = mailbox_ring_peek(ring, &place);
		if (result == -EAGAIN) {
			mailbox_ring_release(ring);
			held = 0;
			result = mailbox_ring_wait(ring, MAILBOX_RING_DATA, 0, MAILBOX_FOREVER);
			if (result > 0)
				continue;
		}
		if (result < 0)
			break;
		if (!STORM_CHECK(is_record(place, result, number)))
			break;
		number++;
		if (++held > storm_roll(chance) % 4) {
			mailbox_ring_release(ring);
			held = 0;
		}
	}
	STORM_CHECK_RESULT((int)result, -EPIPE);
	return number;
}

/* --- one channel, one death ------------------------------------------- */

static int new_channel(int ends[2])
{
	const struct mailbox_channel_attr attr = {
		.capacity = 2, .ring = RING, .ring_back = RING,
	};

	return mailbox_channel(ends, &attr, NULL);
}

/* Who is killed has an end for itself. */
static pid_t new_victim(int ends[2], unsigned int flags, __u32 chance, bool produces)
{
	pid_t child = mbx_fork();

	if (!child) {
		struct mailbox_ring *ring;
		__u64 number = 0;

		close(ends[0]);
		STORM_CHECK_RESULT(mailbox_ring_open(ends[1], flags, &ring, NULL), 0);
		while (produces && !produce(ring, &chance, &number))
			__atomic_store_n(&shared->published, number, __ATOMIC_RELEASE);
		if (!produces)
			consume(ring, &chance);
		_exit(0);
	}
	STORM_CHECK(child > 0);
	close(ends[1]);
	return child;
}

struct consumer {
	struct mailbox_ring *ring;
	__u32 chance;
	__u64 records;
};

static long consume_thread(void *argument)
{
	struct consumer *consumer = argument;

	consumer->records = consume(consumer->ring, &consumer->chance);
	return 0;
}

/* What it had said before it died is heard, and nothing that it had not. */
static void kill_producer(unsigned int round, __u32 chance)
{
	struct consumer consumer = { .chance = chance };
	unsigned int flags = round % 2 ? MAILBOX_RING_NOPOLL : 0;
	struct mbx_task task;
	__u64 published;
	int ends[2];
	pid_t child;

	shared->published = 0;
	if (!STORM_CHECK(!new_channel(ends)))
		return;
	STORM_CHECK_RESULT(mailbox_ring_open(ends[0], flags, &consumer.ring, NULL), 0);
	child = new_victim(ends, flags, chance, true);
	mbx_task_start(&task, consume_thread, &consumer);
	storm_dither(&chance, 5000);
	kill(child, SIGKILL);
	STORM_CHECK(storm_join(child) == 128 + SIGKILL);
	published = __atomic_load_n(&shared->published, __ATOMIC_ACQUIRE);
	mbx_task_join(&task);
	STORM_CHECK(consumer.records >= published);
	mailbox_ring_close(consumer.ring);
	close(ends[0]);
}

/* Who waits for room waits no more. */
static void kill_consumer(unsigned int round, __u32 chance)
{
	unsigned int flags = round % 2 ? MAILBOX_RING_NOPOLL : 0;
	struct mailbox_ring *ring;
	__u64 number = 0;
	int ends[2], result;
	pid_t child, killer;

	if (!STORM_CHECK(!new_channel(ends)))
		return;
	STORM_CHECK_RESULT(mailbox_ring_open(ends[0], flags, &ring, NULL), 0);
	child = new_victim(ends, flags, chance, false);
	killer = mbx_fork();
	if (!killer) {
		/* its memory of the ring counts, its descriptor does not: it is the same end */
		storm_dither(&chance, 5000);
		kill(child, SIGKILL);
		_exit(0);
	}
	while (!(result = produce(ring, &chance, &number)))
		;
	STORM_CHECK_RESULT(result, -EPIPE);
	STORM_CHECK(storm_join(killer) == 0);
	STORM_CHECK(storm_join(child) == 128 + SIGKILL);
	mailbox_ring_close(ring);
	close(ends[0]);
}

/* --- many, and many deaths -------------------------------------------- */

struct worker {
	__u32 chance;
	int listener;
	bool holds;		/* requests that it will not answer */
};

static int64_t some_deadline(struct worker *worker)
{
	switch (storm_roll(&worker->chance) % 4) {
	case 0:
		return 0;
	case 1:
		return MAILBOX_FOREVER;
	default:
		return mbx_now() + storm_roll(&worker->chance) % (8 * MBX_MS);
	}
}

/* A listener of one's own: what it had not answered goes with it. */
static void listen_anew(struct worker *worker)
{
	int handle = mbx_dup(worker->listener, MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE);

	if (!STORM_CHECK(handle >= 0))
		return;
	close(worker->listener);
	worker->listener = handle;
	worker->holds = false;
}

/* Ask, and say something. */
static void ask(struct worker *worker)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 2, .ring = RING, .ring_back = 2 * RING,
	};
	unsigned int calls = storm_roll(&worker->chance) % 50;
	struct mailbox_ring *ring;
	__u64 number = 0;
	int end, result;

	/* or two could wait for one another */
	if (worker->holds)
		listen_anew(worker);
	end = mailbox_connect(worker->listener, "?", 1, &attr, some_deadline(worker), NULL);
	if (end < 0) {
		STORM_CHECK_RESULT(end, -EAGAIN, -ETIMEDOUT, -ECONNREFUSED);
		if (end == -ETIMEDOUT)
			__atomic_add_fetch(&shared->expired, 1, __ATOMIC_RELAXED);
		return;
	}
	STORM_CHECK_RESULT(mailbox_ring_open(end, 0, &ring, NULL), 0);
	while (calls--) {
		result = produce(ring, &worker->chance, &number);
		if (result) {
			STORM_CHECK_RESULT(result, -EPIPE);
			break;
		}
		if (storm_roll(&worker->chance) % 8 == 0)
			STORM_CHECK_RESULT(mbx_put(end, "word", MAILBOX_NONBLOCK), 0, -EAGAIN,
					   -EPIPE);
	}
	mailbox_ring_close(ring);
	close(end);
}

static int next_request(int listener, struct mailbox_header *header)
{
	char text[8];
	int result = mbx_get(listener, text, sizeof(text), MAILBOX_NONBLOCK, header);

	if (!result)
		__atomic_add_fetch(&shared->received, 1, __ATOMIC_RELAXED);
	return result;
}

/* Hear, and answer: yes, no, or not at all. */
static void serve(struct worker *worker)
{
	struct mailbox_header header;
	struct mailbox_ring *ring;
	int end, result;

	result = next_request(worker->listener, &header);
	if (result) {
		STORM_CHECK_RESULT(result, -EAGAIN);
		return;
	}
	STORM_CHECK(header.flags & MAILBOX_MESSAGE_CONNECT);
	switch (storm_roll(&worker->chance) % 8) {
	case 0:
		STORM_CHECK_RESULT(mailbox_refuse(worker->listener, header.sequence, 5, NULL), 0,
				   -ENOENT);
		return;
	case 1:
		worker->holds = true;
		return;
	}
	end = mailbox_accept(worker->listener, header.sequence, 0, NULL);
	if (end < 0) {
		STORM_CHECK_RESULT(end, -ENOENT);
		return;
	}
	STORM_CHECK_RESULT(mailbox_ring_open(end, 0, &ring, NULL), 0);
	if (storm_roll(&worker->chance) % 8)
		consume(ring, &worker->chance);
	mailbox_ring_close(ring);
	close(end);
}

static void use_segment(struct worker *worker)
{
	struct mailbox_destroy now = { .flags = MAILBOX_DESTROY_NOW };
	size_t size = (storm_roll(&worker->chance) % 8 + 1) * mbx_page();
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL, .policy = MAILBOX_POLICY_SEGMENT, .capacity = size,
	};
	int segment = mbx_create(&attr);
	char *place;

	if (!STORM_CHECK(segment >= 0))
		return;
	place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment, 0);
	if (STORM_CHECK(place != MAP_FAILED)) {
		storm_stamp(place, size, size);
		STORM_CHECK(storm_stamped(place, size, size));
	}
	if (storm_roll(&worker->chance) % 2)
		STORM_CHECK_RESULT(mbx_ioctl(segment, MAILBOX_IOC_DESTROY, &now), 0);
	close(segment);
	if (place != MAP_FAILED)
		munmap(place, size);
}

static pid_t new_worker(int listener, unsigned int round, unsigned int number)
{
	pid_t child = mbx_fork();

	if (!child) {
		struct worker worker = {
			.chance = storm_seeded(round, number),
			.listener = dup(listener),
		};

		close(listener);
		listen_anew(&worker);
		while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
			unsigned int act = storm_roll(&worker.chance) % 16;

			if (act == 0)
				listen_anew(&worker);
			else if (act == 1)
				use_segment(&worker);
			else if (act < 6)
				ask(&worker);
			else
				serve(&worker);
		}
		_exit(0);
	}
	STORM_CHECK(child > 0);
	return child;
}

/* Those that are still asked for get an answer, so that who asks can end. */
static bool refuse_the_rest(int listener, pid_t *processes)
{
	struct mailbox_header header;
	bool all = true;

	while (!next_request(listener, &header))
		STORM_CHECK_RESULT(mailbox_refuse(listener, header.sequence, 0, NULL), 0,
				   -ENOENT);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		int status;

		if (processes[i] > 0 && waitpid(processes[i], &status, WNOHANG) == processes[i]) {
			STORM_CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
			processes[i] = 0;
		}
		all &= !processes[i];
	}
	return all;
}

/* Whatever became of a request, and of who asked or was asked, it is in one account. */
static void balance(int listener, unsigned int kills)
{
	struct mailbox_stat stat;

	STORM_BALANCE(listener, 1, &stat);
	STORM_CHECK(!stat.depth);
	/* only DESTROY drops any; and who is killed was in one call at most */
	STORM_CHECK(!stat.dropped);
	STORM_CHECK(stat.received >= shared->received &&
		    stat.received <= shared->received + kills);
	STORM_CHECK(stat.withdrawn <= shared->expired + kills);
}

static void storm(unsigned int round)
{
	__u32 chance = storm_seeded(round, 0);
	unsigned int kills = storm_many(20, 60), number = 1, i;
	int listener = mbx_new(MAILBOX_POLICY_SHARED, 4);
	pid_t processes[PROCESSES];

	STORM_CHECK(listener >= 0);
	for (i = 0; i < storm_many(20, 40); i++) {
		kill_producer(i, storm_roll(&chance));
		kill_consumer(i, storm_roll(&chance));
	}
	shared->stop = 0;
	shared->received = 0;
	shared->expired = 0;
	for (i = 0; i < PROCESSES; i++)
		processes[i] = new_worker(listener, round, number++);
	for (i = 0; i < kills; i++) {
		unsigned int which = storm_roll(&chance) % PROCESSES;

		storm_dither(&chance, 20000);
		kill(processes[which], SIGKILL);
		STORM_CHECK(storm_join(processes[which]) == 128 + SIGKILL);
		processes[which] = new_worker(listener, round, number++);
	}
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	if (!STORM_CHECK(MBX_UNTIL(refuse_the_rest(listener, processes))))
		for (i = 0; i < PROCESSES; i++)
			if (processes[i])
				storm_join(processes[i]);
	balance(listener, kills);
	close(listener);
}

int main(int argc, char **argv)
{
	storm_begin(argc, argv, 2);
	shared = storm_shared(sizeof(*shared));
	for (unsigned int round = 0; storm_goes_on(round, 2, 5); round++)
		storm(round);
	storm_result("what was said was heard, every call ended");
	storm_calm();
	return storm_end();
}
