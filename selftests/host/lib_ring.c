// SPDX-License-Identifier: GPL-2.0
/*
 * The rings of the library, over memfds: records, batches, both kinds of sleep and
 * the end.
 */
#include "ring_memfd.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <kselftest_harness.h>

#define SIZE	4096
#define LEAVES	20000	/* how often to try to leave in the midst of a look */

FIXTURE(ring) {
	int fd[2];
	struct mailbox_ring *a;
	struct mailbox_ring *b;
};

FIXTURE_VARIANT(ring) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(ring, plain) { .flags = 0 };
FIXTURE_VARIANT_ADD(ring, nopoll) { .flags = MAILBOX_RING_NOPOLL };

FIXTURE_SETUP(ring)
{
	self->fd[0] = ring_memfd(SIZE);
	self->fd[1] = ring_memfd(SIZE);
	self->a = ring_memfd_side(self->fd, 0, SIZE, variant->flags);
	self->b = ring_memfd_side(self->fd, 1, SIZE, variant->flags);
	ASSERT_NE(NULL, self->a);
	ASSERT_NE(NULL, self->b);
}

FIXTURE_TEARDOWN(ring)
{
	mailbox_ring_close(self->a);
	mailbox_ring_close(self->b);
	close(self->fd[0]);
	close(self->fd[1]);
}

TEST_F(ring, both_ways)
{
	char text[16];

	EXPECT_EQ(0, mailbox_ring_send(self->a, "there", 5, 0));
	EXPECT_EQ(0, mailbox_ring_send(self->b, "back", 4, 0));
	EXPECT_EQ(5, mailbox_ring_receive(self->b, text, sizeof(text), 0));
	EXPECT_EQ(0, memcmp(text, "there", 5));
	EXPECT_EQ(4, mailbox_ring_receive(self->a, text, sizeof(text), 0));
	EXPECT_EQ(0, memcmp(text, "back", 4));
	EXPECT_EQ(-ETIMEDOUT, mailbox_ring_receive(self->a, text, sizeof(text), 0));
}

TEST_F(ring, a_batch_is_published_by_one_store)
{
	const void *seen;
	void *place;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, mailbox_ring_reserve(self->a, 4, &place));
		memcpy(place, &i, 4);
		EXPECT_EQ(-EAGAIN, mailbox_ring_peek(self->b, &seen));
	}
	EXPECT_EQ(0, mailbox_ring_commit(self->a));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(4, mailbox_ring_peek(self->b, &seen));
		EXPECT_EQ(0, memcmp(seen, &i, 4));
	}
	EXPECT_EQ(-EAGAIN, mailbox_ring_peek(self->b, &seen));
	mailbox_ring_release(self->b);
}

TEST_F(ring, what_is_discarded_was_never_there)
{
	const void *seen;
	void *place;
	int i;

	for (i = 0; i < 10000; i++) {
		ASSERT_EQ(0, mailbox_ring_reserve(self->a, 1000, &place));
		mailbox_ring_discard(self->a);
	}
	EXPECT_EQ(0, mailbox_ring_commit(self->a));
	EXPECT_EQ(-EAGAIN, mailbox_ring_peek(self->b, &seen));
	EXPECT_EQ(0, mailbox_ring_send(self->a, "x", 1, 0));
	EXPECT_EQ(1, mailbox_ring_peek(self->b, &seen));
}

TEST_F(ring, every_length_that_fits)
{
	char sent[SIZE], received[SIZE];
	size_t length;

	for (length = 0; length < sizeof(sent); length++)
		sent[length] = (char)length;
	for (length = 0; length <= SIZE - 8; length++) {
		ASSERT_EQ(0, mailbox_ring_send(self->a, sent, length, 0));
		ASSERT_EQ(length, mailbox_ring_receive(self->b, received, length, 0));
		ASSERT_EQ(0, memcmp(sent, received, length));
	}
	EXPECT_EQ(-EMSGSIZE, mailbox_ring_send(self->a, sent, SIZE - 7, 0));
	EXPECT_EQ(-EMSGSIZE, mailbox_ring_send(self->a, sent, SIZE_MAX, 0));
	EXPECT_EQ(-EMSGSIZE, mailbox_ring_wait(self->a, MAILBOX_RING_ROOM, SIZE_MAX, 0));
}

TEST_F(ring, pieces)
{
	char one[2], two[10];
	struct iovec out[] = { { "ab", 2 }, { "", 0 }, { "cdef", 4 } };
	struct iovec in[] = { { one, 2 }, { two, 10 } };
	struct iovec large[] = { { one, SIZE_MAX }, { two, 10 } };

	EXPECT_EQ(0, mailbox_ring_sendv(self->a, out, 3, 0));
	EXPECT_EQ(6, mailbox_ring_receivev(self->b, in, 2, 0));
	EXPECT_EQ(0, memcmp(one, "ab", 2));
	EXPECT_EQ(0, memcmp(two, "cdef", 4));
	EXPECT_EQ(-EMSGSIZE, mailbox_ring_sendv(self->a, large, 2, 0));
	/* less than no pieces are no empty record */
	EXPECT_EQ(-EINVAL, mailbox_ring_sendv(self->a, NULL, -1, 0));
	EXPECT_EQ(-EINVAL, mailbox_ring_receivev(self->b, NULL, -1, 0));
	EXPECT_EQ(-ETIMEDOUT, mailbox_ring_receivev(self->b, in, 2, 0));
}

TEST_F(ring, events_that_are_none)
{
	EXPECT_EQ(-EINVAL, mailbox_ring_wait(self->a, 0, 0, 0));
	EXPECT_EQ(-EINVAL, mailbox_ring_wait(self->a, MAILBOX_RING_DATA | 0x4, 0, 0));
	EXPECT_EQ(-EINVAL, mailbox_ring_wait(self->a, 0x80000000, 0, 0));
	EXPECT_EQ(0, mailbox_ring_send(self->a, "x", 1, 0));
}

/* Attached are sizes that a ring can have, by flags that there are; else nothing is done. */
TEST_F(ring, sizes_and_flags_that_are_none)
{
	static const uint32_t wrong[] = {
		0, 1, SIZE / 2, SIZE + 8, 3 * SIZE, 2 * MAILBOX_RING_MAX, UINT32_MAX,
	};
	struct mailbox_ring *a = self->a, *made = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_EQ(-EINVAL, mailbox_ring_attach(a->mine, wrong[i], a->theirs, SIZE,
						       variant->flags, a->transport, NULL, &made));
		EXPECT_EQ(-EINVAL, mailbox_ring_attach(a->mine, SIZE, a->theirs, wrong[i],
						       variant->flags, a->transport, NULL, &made));
	}
	EXPECT_EQ(-EINVAL, mailbox_ring_attach(a->mine, SIZE, a->theirs, SIZE,
					       MAILBOX_RING_NOPOLL | 0x2, a->transport, NULL,
					       &made));
	EXPECT_EQ(-EINVAL, mailbox_ring_attach(a->mine, SIZE, a->theirs, SIZE, 0x80000000,
					       a->transport, NULL, &made));
	EXPECT_EQ(NULL, made);
}

TEST_F(ring, is_full_at_its_size)
{
	char record[56] = "";
	int i;

	for (i = 0; i < SIZE / 64; i++)
		ASSERT_EQ(0, mailbox_ring_send(self->a, record, sizeof(record), 0));
	EXPECT_EQ(-ETIMEDOUT, mailbox_ring_send(self->a, record, 0, 0));
	EXPECT_EQ(56, mailbox_ring_receive(self->b, record, sizeof(record), 0));
	EXPECT_EQ(0, mailbox_ring_send(self->a, record, sizeof(record), 0));
}

TEST_F(ring, the_rest_can_be_read_of_who_is_gone)
{
	char text[8];

	EXPECT_EQ(0, mailbox_ring_send(self->a, "last", 4, 0));
	mailbox_ring_close(self->a);
	self->a = NULL;
	EXPECT_EQ(4, mailbox_ring_receive(self->b, text, sizeof(text), MAILBOX_FOREVER));
	EXPECT_EQ(-EPIPE, mailbox_ring_receive(self->b, text, sizeof(text), MAILBOX_FOREVER));
	EXPECT_EQ(-EPIPE, mailbox_ring_send(self->b, text, 1, MAILBOX_FOREVER));
}

/* Nobody is told of room that is of no use; and what can be read is read first. */
TEST_F(ring, no_room_is_told_of_where_nobody_reads)
{
	uint32_t both = MAILBOX_RING_DATA | MAILBOX_RING_ROOM;
	char text[8];

	EXPECT_EQ(0, mailbox_ring_send(self->a, "last", 4, 0));
	EXPECT_EQ((int)both, mailbox_ring_wait(self->b, both, 1, MAILBOX_FOREVER));
	mailbox_ring_close(self->a);
	self->a = NULL;
	EXPECT_EQ(-EPIPE, mailbox_ring_wait(self->b, MAILBOX_RING_ROOM, 1, MAILBOX_FOREVER));
	EXPECT_EQ(MAILBOX_RING_DATA, mailbox_ring_wait(self->b, both, 1, MAILBOX_FOREVER));
	EXPECT_EQ(4, mailbox_ring_receive(self->b, text, sizeof(text), MAILBOX_FOREVER));
	EXPECT_EQ(-EPIPE, mailbox_ring_wait(self->b, both, 1, MAILBOX_FOREVER));
}

/* Who leaves in the midst of a look, each turn anew. */
struct leaver {
	struct mailbox_ring *ring;
	unsigned int turn;
	unsigned int done;
};

static void *leave(void *argument)
{
	struct leaver *leaver = argument;
	unsigned int turn;

	for (turn = 1; turn <= LEAVES; turn++) {
		while (__atomic_load_n(&leaver->turn, __ATOMIC_ACQUIRE) != turn)
			sched_yield();
		mailbox_ring_send(leaver->ring, "last", 4, 0);
		__atomic_store_n(&leaver->ring->mine->closed, 1, __ATOMIC_RELEASE);
		__atomic_store_n(&leaver->done, turn, __ATOMIC_RELEASE);
	}
	return NULL;
}

TEST_F(ring, what_was_left_is_told_before_the_end)
{
	uint32_t both = MAILBOX_RING_DATA | MAILBOX_RING_ROOM;
	struct leaver leaver = { .ring = self->a };
	unsigned int turn, lost = 0;
	pthread_t thread;
	char text[8];

	ASSERT_EQ(0, pthread_create(&thread, NULL, leave, &leaver));
	for (turn = 1; turn <= LEAVES; turn++) {
		int events = MAILBOX_RING_ROOM;

		__atomic_store_n(&leaver.turn, turn, __ATOMIC_RELEASE);
		while (events == MAILBOX_RING_ROOM)
			events = mailbox_ring_wait(self->b, both, 1, MAILBOX_FOREVER);
		lost += !(events > 0 && (events & MAILBOX_RING_DATA));
		while (__atomic_load_n(&leaver.done, __ATOMIC_ACQUIRE) != turn)
			sched_yield();
		EXPECT_EQ(4, mailbox_ring_receive(self->b, text, sizeof(text), 0));
		EXPECT_EQ(-EPIPE, mailbox_ring_wait(self->b, both, 1, 0));
		self->a->mine->closed = 0;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, lost);
}

static void *send_one_more(void *ring)
{
	char record[56] = "";

	return (void *)(intptr_t)mailbox_ring_send(ring, record, sizeof(record), MAILBOX_FOREVER);
}

/* A reader makes some room, and then has to do with something else. */
TEST_F(ring, room_is_seen_by_who_sleeps_untold)
{
	char record[56] = "";
	pthread_t thread;
	void *result;
	int i;

	for (i = 0; i < SIZE / 64; i++)
		ASSERT_EQ(0, mailbox_ring_send(self->a, record, sizeof(record), 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_one_more, self->a));
	while (!__atomic_load_n(&self->a->mine->room_wait, __ATOMIC_RELAXED))
		sched_yield();
	for (i = 0; i < SIZE / 64 / 3; i++)
		ASSERT_EQ(56, mailbox_ring_receive(self->b, record, sizeof(record), 0));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(NULL, result);
}

/* Each side is woken once for each sleep that it announces, and maybe too early. */
TEST_F(ring, a_wake_before_the_sleep_counts)
{
	EXPECT_EQ(-ETIMEDOUT, ring_memfd_wait(self->b, MAILBOX_RING_DATA, 0));
	EXPECT_EQ(0, ring_memfd_wake(self->a, MAILBOX_RING_DATA));
	EXPECT_EQ(-ETIMEDOUT, ring_memfd_wait(self->b, MAILBOX_RING_ROOM, 0));
	EXPECT_EQ(0, ring_memfd_wait(self->b, MAILBOX_RING_DATA, 0));
	EXPECT_EQ(-ETIMEDOUT, ring_memfd_wait(self->b, MAILBOX_RING_DATA, 0));
}

/* Lengths that make either side sleep now and then. */
TEST_F(ring, a_stream_between_processes)
{
	unsigned int i, buffer[256];
	pid_t child = fork();
	int status;

	ASSERT_LE(0, child);
	if (!child) {
		for (i = 0; i < 300000; i++) {
			buffer[0] = i;
			if (mailbox_ring_send(self->a, buffer, 4 + i % 1000, MAILBOX_FOREVER))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < 300000; i++) {
		ASSERT_EQ(4 + i % 1000, mailbox_ring_receive(self->b, buffer, sizeof(buffer),
							    MAILBOX_FOREVER));
		ASSERT_EQ(i, buffer[0]);
	}
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* Whoever asks twice whether there is something sleeps in between. */
TEST_F(ring, turns_between_processes)
{
	pid_t child;
	int i, turn, status;

	self->a->spin = 0;
	self->b->spin = 0;
	child = fork();
	ASSERT_LE(0, child);
	for (i = 0; i < 20000; i++) {
		if (!child) {
			if (mailbox_ring_receive(self->b, &turn, 4, MAILBOX_FOREVER) != 4 ||
			    mailbox_ring_send(self->b, &turn, 4, MAILBOX_FOREVER))
				_exit(1);
		} else {
			ASSERT_EQ(0, mailbox_ring_send(self->a, &i, 4, MAILBOX_FOREVER));
			ASSERT_EQ(4, mailbox_ring_receive(self->a, &turn, 4, MAILBOX_FOREVER));
			ASSERT_EQ(i, turn);
		}
	}
	if (!child)
		_exit(0);
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* --- sleeps that must end ------------------------------------------------ */

struct sleeper {
	struct mailbox_ring *ring;
	uint32_t events;
	size_t room;
	pthread_t thread;
	pid_t tid;
	int result;
};

static void *sleeper_thread(void *argument)
{
	struct sleeper *sleeper = argument;

	__atomic_store_n(&sleeper->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	sleeper->result = mailbox_ring_wait(sleeper->ring, sleeper->events, sleeper->room,
					    MAILBOX_FOREVER);
	return NULL;
}

/* Is the thread asleep where it waits for the other side? */
static bool asleep(pid_t tid)
{
	char path[48];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%ld", &number) != 1)
		number = -1;
	fclose(file);
	return number == SYS_futex_waitv;
}

static bool sleeper_start(struct sleeper *sleeper)
{
	sleeper->tid = 0;
	if (pthread_create(&sleeper->thread, NULL, sleeper_thread, sleeper))
		return false;
	while (!asleep(__atomic_load_n(&sleeper->tid, __ATOMIC_ACQUIRE)))
		sched_yield();
	return true;
}

static int sleeper_end(struct sleeper *sleeper)
{
	pthread_join(sleeper->thread, NULL);
	return sleeper->result;
}

/* The other side knows which of this one's sleeps it has ended. */
TEST_F(ring, who_is_back_sleeps_anew)
{
	struct sleeper sleeper = { .events = MAILBOX_RING_DATA };
	char record[8];
	int i;

	for (i = 0; i < 3; i++) {
		sleeper.ring = ring_memfd_side(self->fd, 1, SIZE, variant->flags);
		ASSERT_NE(NULL, sleeper.ring);
		ASSERT_TRUE(sleeper_start(&sleeper));
		EXPECT_EQ(0, mailbox_ring_send(self->a, "x", 1, 0));
		EXPECT_EQ(MAILBOX_RING_DATA, sleeper_end(&sleeper));
		EXPECT_EQ(1, mailbox_ring_receive(sleeper.ring, record, 8, 0));
		/* without a word to the other side */
		ring_memfd_unmap(sleeper.ring->mine, SIZE);
		ring_memfd_unmap(sleeper.ring->theirs, SIZE);
		free(sleeper.ring);
	}
}

/* The other side relies on it, and makes no barrier any more. */
TEST_F(ring, who_said_that_it_never_polls_stands_by_it)
{
	struct mailbox_ring *back = ring_memfd_side(self->fd, 1, SIZE, 0);

	if (self->b->mine->flags & MAILBOX_RING_HEAVY) {
		EXPECT_EQ(NULL, back);
		back = ring_memfd_side(self->fd, 1, SIZE, MAILBOX_RING_NOPOLL);
	}
	ASSERT_NE(NULL, back);
	mailbox_ring_close(back);
}

/* The consumer looks at more than half of the ring, and who sleeps waits for the rest. */
static void hold_most(struct __test_metadata *_metadata, FIXTURE_DATA(ring) *self,
		      struct sleeper *sleeper)
{
	char record[SIZE] = "";
	const void *place;

	ASSERT_EQ(0, mailbox_ring_send(self->a, record, 1000, 0));
	ASSERT_EQ(0, mailbox_ring_send(self->a, record, 2500, 0));
	ASSERT_TRUE(sleeper_start(sleeper));
	ASSERT_EQ(1000, mailbox_ring_peek(self->b, &place));
	mailbox_ring_release(self->b);
	ASSERT_EQ(2500, mailbox_ring_peek(self->b, &place));
}

/* More than half of the ring is still looked at while the next record is awaited. */
TEST_F(ring, what_room_there_is_will_do)
{
	struct sleeper sleeper = {
		.ring = self->a, .events = MAILBOX_RING_ROOM, .room = 1000,
	};
	char record[SIZE] = "";
	const void *place;
	pid_t child;
	int status;

	hold_most(_metadata, self, &sleeper);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		int ready;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ready = mailbox_ring_wait(self->b, MAILBOX_RING_DATA, 0, MAILBOX_FOREVER);
		_exit(ready != MAILBOX_RING_DATA ||
		      mailbox_ring_peek(self->b, &place) != 1000);
	}
	EXPECT_EQ(MAILBOX_RING_ROOM, sleeper_end(&sleeper));
	EXPECT_EQ(0, mailbox_ring_send(self->a, record, 1000, 0));
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* Nor does who reads have to wait here: it may poll, where nobody sees what it holds. */
TEST_F(ring, who_has_read_all_tells_of_room)
{
	struct sleeper sleeper = {
		.ring = self->a, .events = MAILBOX_RING_ROOM, .room = 1000,
	};
	const void *place;

	hold_most(_metadata, self, &sleeper);
	ASSERT_EQ(-EAGAIN, mailbox_ring_peek(self->b, &place));
	EXPECT_EQ(MAILBOX_RING_ROOM, sleeper_end(&sleeper));
}

/* One thread of a side produces and sees the lie; its other one waits for records. */
TEST_F(ring, a_lie_wakes_the_thread_that_sleeps)
{
	struct sleeper sleeper = { .ring = self->b, .events = MAILBOX_RING_DATA };
	char record[1000] = "";

	ASSERT_TRUE(sleeper_start(&sleeper));
	self->a->mine->tail = 12345;
	while (!mailbox_ring_send(self->b, record, sizeof(record), 0))
		;
	EXPECT_EQ(-EPROTO, mailbox_ring_send(self->b, record, sizeof(record), 0));
	EXPECT_EQ(-EPROTO, sleeper_end(&sleeper));
}

/* --- no barrier to be had ------------------------------------------------- */

/* As a sandbox does: from here on there is no membarrier(2). */
static int refuse_membarrier(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* The other side makes none, so that who cannot make it does not sleep. */
TEST_F(ring, no_sleep_without_a_barrier)
{
	struct mailbox_ring *again = NULL;
	pid_t child = fork();
	int status;

	if (!child) {
		if (refuse_membarrier())
			_exit(1);
		if (!(variant->flags & MAILBOX_RING_NOPOLL))
			_exit(mailbox_ring_wait(self->b, MAILBOX_RING_DATA, 0, 0) != -ETIMEDOUT);
		if (mailbox_ring_wait(self->b, MAILBOX_RING_DATA, 0, MAILBOX_FOREVER) != -EPERM)
			_exit(2);
		/* who takes the side over could not keep what was promised */
		again = ring_memfd_side(self->fd, 1, SIZE, MAILBOX_RING_NOPOLL);
		_exit(again ? 3 : 0);
	}
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
