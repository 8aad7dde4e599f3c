/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A soak of rings: one process writes records of all lengths, another checks every
 * byte of them, and a third sees to it that both get on.
 *
 * A record is known by its number: its length and its bytes follow from it, so that
 * one that is lost, comes twice, or is of an earlier lap of the ring is seen.  It is
 * written and read in all the forms there are, alone and in batches; both sides stop
 * now and then, so that the other one finds the ring full or empty and sleeps.
 *
 * A wake-up that is lost is made good by the next record, and nobody would know.  So
 * in half of the legs some records are answered, through the other ring, and the
 * producer goes on when it has the answer: then both would sleep, and the watch sees
 * that.
 *
 * The stream has LEGS legs, each with new rings: of other sizes, with and without
 * the barrier on the sleeper's side, with and without spinning before a sleep.  All
 * indexes begin a little before they wrap.
 *
 * The ground is what the rings are made of: a channel's, or memfds.
 */
#ifndef SOAK_H
#define SOAK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <mailbox_ring.h>

#include "count.h"

#define SOAK_LEGS	16u
#define SOAK_SIZE_MAX	(1u << 20)
#define SOAK_BATCH	16
#define SOAK_PATIENCE	60	/* seconds without a record: it hangs */

/* Before the indexes wrap; a leg moves more than this. */
#define SOAK_BEFORE_WRAP	(1u << 20)

#define SOAK_HELPER	static inline __attribute__((unused))

/**
 * struct soak_ground - what rings are made of
 * @make: memory for two sides, whose indexes begin at @start; 0 or negative
 * @side: one of them, in the process that has it; it lets go of all else
 */
struct soak_ground {
	int (*make)(int fd[2], uint32_t size, uint32_t start);
	struct mailbox_ring *(*side)(int fd[2], int side, uint32_t size, unsigned int flags);
};

/* What a side tells the watch; each in cache lines of its own. */
struct soak_side {
	uint64_t records;
	uint64_t bytes;
	struct soak_calls calls;
	char wrong[192];
} __attribute__((aligned(128)));

enum { SOAK_PRODUCER, SOAK_CONSUMER };

/**
 * struct soak - shared by all three
 * @side: of all legs so far
 * @leg: the one that runs
 * @last: the record at which the leg ends
 * @stop: or it ends now
 * @progress: called by the watch some times a second, or NULL
 */
struct soak {
	struct soak_side side[2];
	unsigned int leg;
	uint64_t last;
	int stop;
	void (*progress)(const struct soak *soak);
};

/* --- what a leg is like ----------------------------------------------- */

/* From 4 KiB to 1 MiB, each several times. */
SOAK_HELPER uint32_t soak_size(unsigned int leg)
{
	return 4096u << leg * 5 % 9;
}

SOAK_HELPER unsigned int soak_flags(unsigned int leg, int side)
{
	return leg >> side & 1 ? MAILBOX_RING_NOPOLL : 0;
}

SOAK_HELPER bool soak_spins(unsigned int leg)
{
	return leg >> 2 & 1;
}

/* --- records ----------------------------------------------------------- */

SOAK_HELPER uint64_t soak_mix(uint64_t n)
{
	n *= 0x9e3779b97f4a7c15ull;
	n ^= n >> 32;
	n *= 0xd6e8feb86659fd93ull;
	return n ^ n >> 32;
}

/* Most are short; a few take much of the ring, and some all of it. */
SOAK_HELPER size_t soak_length(uint64_t number, uint32_t size)
{
	uint64_t r = soak_mix(number), kind = r & 0xfffff;

	r >>= 20;
	if (!kind)
		return size - sizeof(struct mailbox_ring_record);
	if (kind < 128)
		return r % (size / 2);
	if (kind < 0x20000)
		return r % 512;
	return r % 64;
}

/* Does the producer wait until this record is answered?  Many in a row are. */
SOAK_HELPER bool soak_answered(unsigned int leg, uint64_t number)
{
	return leg >> 3 & 1 && number / 256 % 128 == 0;
}

#define SOAK_STEP	0xbf58476d1ce4e5b9ull

SOAK_HELPER void soak_write(void *place, uint64_t number, size_t length)
{
	unsigned char *to = place;
	uint64_t word = soak_mix(~number);
	size_t i;

	for (i = 0; i + 8 <= length; i += 8, word += SOAK_STEP)
		memcpy(to + i, &word, 8);
	memcpy(to + i, &word, length - i);
}

/* Returns the first byte that is wrong, or @length. */
SOAK_HELPER size_t soak_check(const void *place, uint64_t number, size_t length)
{
	const unsigned char *from = place;
	uint64_t word = soak_mix(~number), there = 0;
	size_t i;

	for (i = 0; i + 8 <= length; i += 8, word += SOAK_STEP) {
		memcpy(&there, from + i, 8);
		if (there != word)
			break;
	}
	for (; i < length; i++)
		if (from[i] != (unsigned char)(word >> i % 8 * 8))
			break;
	return i;
}

/* --- both sides -------------------------------------------------------- */

static struct soak *soak_here;			/* of this process */
static struct soak_side *soak_me;

SOAK_HELPER void __attribute__((noreturn, format(printf, 1, 2)))
soak_wrong(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(soak_me->wrong, sizeof(soak_me->wrong), format, arguments);
	va_end(arguments);
	_exit(1);
}

SOAK_HELPER uint64_t soak_random(void)
{
	static uint64_t state;

	return soak_mix(state++);
}

/* Forever, as a rule; sometimes too short, which is no mistake. */
SOAK_HELPER int64_t soak_deadline(void)
{
	const struct timespec short_time = { .tv_nsec = (long)(soak_random() % 50000) };

	return soak_random() % 16 ? MAILBOX_FOREVER :
				    mailbox_deadline(CLOCK_MONOTONIC, &short_time);
}

/*
 * So that a sleep begins at any time after the other side was last heard of, and
 * now and then in the moment in which it publishes.
 */
SOAK_HELPER void soak_nod(struct mailbox_ring *ring)
{
	if (!soak_spins(soak_here->leg))
		ring->spin = soak_random() % 8;
}

/* Once in a while, so that the other side finds nothing to do. */
SOAK_HELPER void soak_pause(void)
{
	struct timespec little = { .tv_nsec = 0 };

	if (soak_random() % 65536)
		return;
	little.tv_nsec = (long)(soak_random() % 500000);
	nanosleep(&little, NULL);
}

SOAK_HELPER void soak_count(uint64_t records, uint64_t bytes)
{
	__atomic_store_n(&soak_me->records, soak_me->records + records, __ATOMIC_RELAXED);
	soak_me->bytes += bytes;
}

/* --- the producer ------------------------------------------------------ */

static unsigned char soak_buffer[SOAK_SIZE_MAX];

/* In place, as many as there is room for; returns how many were published. */
SOAK_HELPER int soak_reserve(struct mailbox_ring *ring, uint64_t number,
			     unsigned int count)
{
	size_t length = 0;
	unsigned int done;
	int result = 0;
	void *place;

	for (done = 0; done < count; done++) {
		length = soak_length(number + done, ring->size);
		result = mailbox_ring_reserve(ring, length, &place);
		if (result)
			break;
		soak_write(place, number + done, length);
		if (soak_answered(soak_here->leg, number + done))
			count = done + 1;
	}
	if (done) {
		if (soak_random() % 64 == 0) {
			/* changed one's mind: nobody will have seen it */
			mailbox_ring_discard(ring);
			return 0;
		}
		result = mailbox_ring_commit(ring);
	} else if (result == -EAGAIN) {
		result = mailbox_ring_wait(ring, MAILBOX_RING_ROOM, length, soak_deadline());
	}
	return result < 0 && result != -ETIMEDOUT ? result : (int)done;
}

/* One record, or one batch; returns how many records went, or a negative errno. */
SOAK_HELPER int soak_send(struct mailbox_ring *ring, uint64_t number, uint64_t left)
{
	size_t length = soak_length(number, ring->size);
	uint64_t r = soak_random();
	unsigned int count = 1 + r / 4 % SOAK_BATCH;
	struct iovec pieces[3];
	int result;

	switch (r % 4) {
	case 0:
		soak_write(soak_buffer, number, length);
		result = mailbox_ring_send(ring, soak_buffer, length, soak_deadline());
		break;
	case 1:
		soak_write(soak_buffer, number, length);
		pieces[0] = (struct iovec){ soak_buffer, length / 3 };
		pieces[1] = (struct iovec){ soak_buffer + length / 3, length / 2 - length / 3 };
		pieces[2] = (struct iovec){ soak_buffer + length / 2, length - length / 2 };
		result = mailbox_ring_sendv(ring, pieces, 3, soak_deadline());
		break;
	default:
		return soak_reserve(ring, number, count < left ? count : left);
	}
	if (result == -ETIMEDOUT)
		return 0;
	return result ? result : 1;
}

/* The answer is the record's number. */
SOAK_HELPER void soak_await(struct mailbox_ring *ring, uint64_t number)
{
	uint64_t answer = 0;
	ssize_t length = mailbox_ring_receive(ring, &answer, sizeof(answer), MAILBOX_FOREVER);

	if (length != sizeof(answer) || answer != number)
		soak_wrong("record %llu: answer %llu (%zd)", (unsigned long long)number,
			   (unsigned long long)answer, length);
}

SOAK_HELPER void soak_produce(struct mailbox_ring *ring)
{
	uint64_t number = soak_me->records;

	while (number < soak_here->last && !__atomic_load_n(&soak_here->stop, __ATOMIC_RELAXED)) {
		int i, sent = soak_send(ring, number, soak_here->last - number);
		uint64_t bytes = 0;

		soak_nod(ring);
		if (sent < 0)
			soak_wrong("record %llu: send: %s", (unsigned long long)number,
				   strerror(-sent));
		for (i = 0; i < sent; i++)
			bytes += soak_length(number + i, ring->size);
		number += sent;
		soak_count(sent, bytes);
		if (sent && soak_answered(soak_here->leg, number - 1))
			soak_await(ring, number - 1);
		soak_pause();
	}
}

/* --- the consumer ------------------------------------------------------ */

SOAK_HELPER void soak_judge(struct mailbox_ring *ring, const void *place, ssize_t length)
{
	uint64_t number = soak_me->records;
	size_t wanted = soak_length(number, ring->their_size), at;
	int result = 0;

	if (length < 0)
		soak_wrong("record %llu: receive: %s", (unsigned long long)number,
			   strerror((int)-length));
	if ((size_t)length != wanted)
		soak_wrong("record %llu has %zd bytes, not %zu", (unsigned long long)number,
			   length, wanted);
	at = soak_check(place, number, wanted);
	if (at != wanted)
		soak_wrong("record %llu of %zu bytes is wrong at byte %zu",
			   (unsigned long long)number, wanted, at);
	soak_count(1, wanted);
	if (soak_answered(soak_here->leg, number))
		result = mailbox_ring_send(ring, &number, sizeof(number), MAILBOX_FOREVER);
	if (result && result != -EPIPE)
		soak_wrong("record %llu: answer: %s", (unsigned long long)number,
			   strerror(-result));
}

/* In place, as many as are there and wanted. */
SOAK_HELPER ssize_t soak_peek(struct mailbox_ring *ring, int count)
{
	const void *place;
	ssize_t length = 0;
	int done;

	for (done = 0; done < count; done++) {
		length = mailbox_ring_peek(ring, &place);
		if (length < 0)
			break;
		soak_judge(ring, place, length);
	}
	if (done) {
		mailbox_ring_release(ring);
		return 0;
	}
	if (length == -EAGAIN)
		length = mailbox_ring_wait(ring, MAILBOX_RING_DATA, 0, soak_deadline());
	return length < 0 ? length : 0;
}

SOAK_HELPER void soak_consume(struct mailbox_ring *ring)
{
	struct iovec pieces[] = {
		{ soak_buffer, 5 }, { soak_buffer + 5, 0 },
		{ soak_buffer + 5, sizeof(soak_buffer) - 5 },
	};

	for (;;) {
		uint64_t r = soak_random();
		ssize_t length;

		soak_nod(ring);
		switch (r % 4) {
		case 0:
			length = mailbox_ring_receive(ring, soak_buffer, sizeof(soak_buffer),
						      soak_deadline());
			break;
		case 1:
			length = mailbox_ring_receivev(ring, pieces, 3, soak_deadline());
			break;
		default:
			length = soak_peek(ring, 1 + r / 4 % SOAK_BATCH);
		}
		if (length == -EPIPE)
			return;
		if (length == -ETIMEDOUT)
			continue;
		if (r % 4 < 2 || length < 0)
			soak_judge(ring, soak_buffer, length);
		soak_pause();
	}
}

/* --- the watch --------------------------------------------------------- */

SOAK_HELPER pid_t soak_start(struct soak *soak, const struct soak_ground *ground, int fd[2],
			     int side)
{
	uint32_t size = soak_size(soak->leg);
	struct mailbox_ring *ring;
	pid_t parent = getpid(), child;

	fflush(NULL);
	child = fork();
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);

	soak_here = soak;
	soak_me = &soak->side[side];
	ring = ground->side(fd, side, size, soak_flags(soak->leg, side));
	if (!ring)
		soak_wrong("no ring");
	soak_count_calls(ring, &soak_me->calls);
	if (side == SOAK_PRODUCER)
		soak_produce(ring);
	else
		soak_consume(ring);
	mailbox_ring_close(ring);
	_exit(0);
}

SOAK_HELPER time_t soak_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Until both have ended; false if one fails or both stand still. */
SOAK_HELPER bool soak_watch(struct soak *soak, const pid_t child[2], time_t until)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	uint64_t before = 0;
	time_t moved = soak_now();
	bool running[2] = { true, true }, well = true;
	int i, status;

	while (running[0] || running[1]) {
		uint64_t sum = 0;

		nanosleep(&pause, NULL);
		for (i = 0; i < 2; i++) {
			sum += __atomic_load_n(&soak->side[i].records, __ATOMIC_RELAXED);
			if (running[i] && waitpid(child[i], &status, WNOHANG) == child[i]) {
				running[i] = false;
				well = well && !status;
			}
		}
		if (sum != before)
			moved = soak_now();
		before = sum;
		if (well && soak_now() - moved > SOAK_PATIENCE) {
			snprintf(soak->side[0].wrong, sizeof(soak->side[0].wrong),
				 "both stand still: %llu records sent, %llu received",
				 (unsigned long long)soak->side[0].records,
				 (unsigned long long)soak->side[1].records);
			well = false;
		}
		for (i = 0; !well && i < 2; i++)
			if (running[i])
				kill(child[i], SIGKILL);
		if (until && soak_now() >= until)
			__atomic_store_n(&soak->stop, 1, __ATOMIC_RELAXED);
		if (soak->progress)
			soak->progress(soak);
	}
	return well;
}

SOAK_HELPER bool soak_leg(struct soak *soak, const struct soak_ground *ground, time_t until)
{
	pid_t child[2];
	int fd[2], i;

	soak->stop = 0;
	if (ground->make(fd, soak_size(soak->leg), 8 * soak->leg - SOAK_BEFORE_WRAP)) {
		snprintf(soak->side[0].wrong, sizeof(soak->side[0].wrong), "no rings: %s",
			 strerror(errno));
		return false;
	}
	for (i = 0; i < 2; i++)
		child[i] = soak_start(soak, ground, fd, i);
	close(fd[0]);
	close(fd[1]);
	return soak_watch(soak, child, until) &&
	       soak->side[0].records == soak->side[1].records &&
	       soak->side[0].bytes == soak->side[1].bytes;
}

/**
 * soak_run - all legs
 * @ground: what the rings are made of
 * @records: how many; in as equal parts as there are legs
 * @seconds: at most, or 0: as long as it takes
 * @progress: or NULL
 *
 * Return: shared memory with what came of it; side[].wrong is empty where all
 * went well.  NULL: no memory.
 */
SOAK_HELPER struct soak *soak_run(const struct soak_ground *ground, uint64_t records,
				  unsigned int seconds,
				  void (*progress)(const struct soak *soak))
{
	struct soak *soak = mmap(NULL, sizeof(*soak), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	time_t begun = soak_now();
	char *wrong;

	if (soak == MAP_FAILED)
		return NULL;
	wrong = soak->side[0].wrong;
	soak->progress = progress;
	for (soak->leg = 0; soak->leg < SOAK_LEGS; soak->leg++) {
		soak->last = records * (soak->leg + 1) / SOAK_LEGS;
		if (soak_leg(soak, ground, seconds ? begun + (time_t)seconds *
			     (soak->leg + 1) / SOAK_LEGS : 0))
			continue;
		if (!*wrong)
			memcpy(wrong, soak->side[1].wrong, sizeof(soak->side[1].wrong));
		if (!*wrong)
			strcpy(wrong, "a side died, or the counts do not agree");
		break;
	}
	return soak;
}

/* Say what came of it, as TAP's only test; true if all went well. */
SOAK_HELPER bool soak_report(const struct soak *soak)
{
	bool well = soak && !*soak->side[0].wrong;

	if (soak) {
		const struct soak_side *side = soak->side;

		if (!well)
			printf("# leg %u: %s\n", soak->leg + 1, side->wrong);
		printf("# %llu records of %llu bytes; the producer slept %llu times, the consumer %llu times\n",
		       (unsigned long long)side[1].records, (unsigned long long)side[1].bytes,
		       (unsigned long long)side[0].calls.waits, (unsigned long long)side[1].calls.waits);
	}
	printf("%sok 1 every byte of a stream arrives\n", well ? "" : "not ");
	return well;
}

#endif /* SOAK_H */
