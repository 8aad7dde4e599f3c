// SPDX-License-Identifier: GPL-2.0
/*
 * The rings of the library, over memfds: records, batches, both kinds of sleep,
 * the end, and another side that writes whatever it likes.
 *
 * MAILBOX_FUZZ_SECONDS=n has it write while calls run for so long, and
 * MAILBOX_FUZZ_SEED=n what a run with that seed chose; the seed is printed.
 */
#include "ring_memfd.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
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

	ASSERT_EQ(0, mailbox_ring_send(self->a, record, 1000, 0));
	ASSERT_EQ(0, mailbox_ring_send(self->a, record, 2500, 0));
	ASSERT_TRUE(sleeper_start(&sleeper));
	ASSERT_EQ(1000, mailbox_ring_peek(self->b, &place));
	mailbox_ring_release(self->b);
	ASSERT_EQ(2500, mailbox_ring_peek(self->b, &place));
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

/* --- another side that lies --------------------------------------------- */

static __thread uint64_t state = 88172645463325252ULL;

static uint32_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static int allowed(ssize_t result)
{
	return result >= 0 || result == -EAGAIN || result == -EMSGSIZE || result == -EPIPE ||
	       result == -EPROTO || result == -ETIMEDOUT;
}

/* A word or a byte, near what it was or far, of the page or of the data. */
static void lie(struct mailbox_ring *liar)
{
	uint32_t *words = (uint32_t *)liar->mine;
	unsigned int length = SIZE + RING_PAGE;

	switch (any() % 8) {
	case 0:
		liar->mine->head += any() % 64 * 8;
		break;
	case 1:
		liar->mine->tail += any() % 64 * 8;
		break;
	case 2:
		liar->mine->head = any();
		break;
	case 3:
		liar->mine->tail = any();
		break;
	case 4:
		words[any() % (length / 4)] = any();
		break;
	case 5:
		((unsigned char *)words)[any() % length] = (unsigned char)any();
		break;
	case 6:
		/* a record's length, where one begins */
		*(uint32_t *)(liar->data + (liar->out.next & liar->mask)) = any() >> any() % 32;
		break;
	default:
		/* and now and then the truth */
		mailbox_ring_send(liar, words, any() % 500, 0);
	}
}

/* What lies there when this side comes is believed no more than what comes later. */
TEST_F(ring, lies_from_before)
{
	static const uint32_t tails[] = {
		8, SIZE, 0x10000000, 0x80000000, -SIZE - 8
	};
	char record[SIZE] = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		struct mailbox_ring *late;

		self->a->mine->tail = tails[i];
		late = ring_memfd_side(self->fd, 1, SIZE, variant->flags);
		ASSERT_NE(NULL, late);
		EXPECT_EQ(-EPROTO, mailbox_ring_send(late, record, 100, 0));
		EXPECT_EQ(-EMSGSIZE, mailbox_ring_send(late, record, SIZE, 0));
		EXPECT_EQ(1, late->broken);
		mailbox_ring_close(late);
	}
	self->a->mine->tail = 0;
}

/*
 * A head that goes just beyond what there can be, and at the end of the memory a
 * record whose length goes beyond that, as long as what is asked for and not.
 */
TEST(a_length_leads_nowhere_outside)
{
	static unsigned char buffer[8 * SIZE];
	size_t room;
	int lie;

	for (room = 8; room <= sizeof(buffer); room += room < SIZE ? 8 : SIZE) {
		for (lie = 0; lie < 3; lie++) {
			int fd[2] = { ring_memfd(SIZE), ring_memfd(SIZE) };
			struct mailbox_ring *liar = ring_memfd_side(fd, 0, SIZE, 0);
			struct mailbox_ring *ring = ring_memfd_side(fd, 1, SIZE, 0);
			uint32_t span = (uint32_t)room + 8, place = SIZE - 8;
			uint32_t length = lie ? SIZE + span - 24 : (uint32_t)room;
			ssize_t result;

			ASSERT_NE(NULL, liar);
			ASSERT_NE(NULL, ring);
			close(fd[0]);
			close(fd[1]);
			/* all but the last record's header */
			ASSERT_EQ(0, mailbox_ring_send(liar, buffer, SIZE - 16, 0));
			ASSERT_EQ(SIZE - 16, mailbox_ring_receive(ring, buffer, SIZE - 16, 0));
			memcpy(liar->data + place, &length, 4);
			liar->mine->head = place + span + SIZE - (lie < 2 ? 8 : 0);
			result = mailbox_ring_receive(ring, buffer, room, 0);
			/* it may have been published in time, as it were */
			if (lie || result != (ssize_t)room)
				ASSERT_EQ(-EPROTO, result);
			ASSERT_GE(SIZE, ring->in.head - ring->in.next);
			ASSERT_TRUE(allowed(mailbox_ring_receive(ring, buffer, sizeof(buffer), 0)));
			mailbox_ring_close(liar);
			mailbox_ring_close(ring);
		}
	}
}

TEST(lies_of_the_other_side_end_the_link_and_nothing_else)
{
	unsigned int i, lies;
	unsigned long broken = 0, told = 0;

	for (i = 0; i < 20000; i++) {
		int fd[2] = { ring_memfd(SIZE), ring_memfd(SIZE) };
		struct mailbox_ring *liar = ring_memfd_side(fd, 0, SIZE, 0);
		struct mailbox_ring *ring = ring_memfd_side(fd, 1, SIZE, 0);
		unsigned char buffer[SIZE];
		ssize_t result = 0;

		ASSERT_NE(NULL, liar);
		ASSERT_NE(NULL, ring);
		close(fd[0]);
		close(fd[1]);
		for (lies = any() % 40; lies; lies--) {
			const void *place;
			void *room;

			lie(liar);
			told++;
			switch (any() % 4) {
			case 0:
				result = mailbox_ring_receive(ring, buffer, any() % SIZE, 0);
				break;
			case 1:
				result = mailbox_ring_peek(ring, &place);
				/* all of it can be read */
				if (result > 0)
					memcpy(buffer, place, (size_t)result);
				break;
			case 2:
				result = mailbox_ring_send(ring, buffer, any() % SIZE, 0);
				break;
			default:
				result = mailbox_ring_reserve(ring, any() % SIZE, &room);
				if (!result)
					result = mailbox_ring_commit(ring);
			}
			ASSERT_TRUE(allowed(result)) {
				TH_LOG("%zd after %lu lies", result, told);
			}
		}
		broken += ring->broken;
		mailbox_ring_close(liar);
		mailbox_ring_close(ring);
	}
	/* it does notice */
	EXPECT_LT(1000, broken);
}

/* --- lies while a call runs ------------------------------------------------ */

#define FUZZ_CALLS	200	/* over one link at most */
#define FUZZ_GRACE	60	/* seconds, until a call that does not end is a failure */

/* What a scribbler may do; the rest of the time it tells the truth. */
enum lie { LIE_HEAD, LIE_TAIL, LIE_LENGTH, LIE_WAIT, LIE_PAGE, LIE_DATA, LIE_WAKE, LIES };

/**
 * struct scribbler - a thread that writes into the liar's memory
 * @liar: its side, of which the library is told nothing
 * @seed: for its choices
 * @kinds: the lies that it tells, one bit each
 * @head: what it has published in truth
 * @runs: it has begun
 * @stop: it ends
 * @thread: who
 */
struct scribbler {
	struct mailbox_ring *liar;
	uint32_t head;
	uint64_t seed;
	uint32_t kinds;
	int runs;
	int stop;
	pthread_t thread;
};

/* Atomic, as it is a race: what is read there may be old or new, and no more. */
static void put(void *at, uint32_t value)
{
	__atomic_store_n((uint32_t *)at, value, __ATOMIC_RELEASE);
}

static uint32_t seen(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* This and that, so often that who reads it twice reads both. */
static void flip(void *at, uint32_t right, uint32_t wrong)
{
	int i;

	for (i = 0; i < 64; i++)
		put(at, i % 2 ? right : wrong);
}

/* Close to being right, or not at all. */
static uint32_t any_near(uint32_t right)
{
	static const uint32_t off[] = { 1, 4, 8, SIZE - 8, SIZE, SIZE + 8, 0x80000000, -8, -SIZE };

	switch (any() % 4) {
	case 0:
		return any();
	case 1:
		return right + off[any() % ARRAY_SIZE(off)];
	default:
		return right + any() % (SIZE / 8) * 8;
	}
}

/* A record, if there is room, and room for the other side's. */
static void tell_truth(struct scribbler *scribbler)
{
	struct mailbox_ring *liar = scribbler->liar;
	uint32_t length = any() % 200, span = (uint32_t)mailbox__ring_span(length);

	if (scribbler->head + span - seen(&liar->theirs->tail) <= SIZE) {
		put(liar->data + (scribbler->head & liar->mask), length);
		scribbler->head += span;
	}
	put(&liar->mine->head, scribbler->head);
	put(&liar->mine->tail, seen(&liar->theirs->head));
	put(&liar->mine->closed, 0);
}

static void tell_lie(struct scribbler *scribbler, enum lie kind)
{
	struct mailbox_ring *liar = scribbler->liar;
	struct mailbox_ring_page *page = liar->mine;
	uint32_t right;

	switch (kind) {
	case LIE_HEAD:
		flip(&page->head, scribbler->head, any_near(scribbler->head));
		break;
	case LIE_TAIL:
		right = seen(&liar->theirs->head);
		flip(&page->tail, right, any_near(right));
		break;
	case LIE_LENGTH:
		/* of what is read next; mostly one that can be */
		flip(liar->data + (seen(&liar->theirs->tail) & liar->mask & ~7U),
		     any() % 100, any() % 8 ? any() % 100 : any() >> any() % 32);
		break;
	case LIE_WAIT:
		/* from @data_wait to @flags */
		put(&page->data_wait + any() % 7, any() % 2 * any());
		put(&page->room_at, any_near(seen(&liar->theirs->head) - SIZE));
		break;
	case LIE_PAGE:
		put((uint32_t *)page + any() % (sizeof(*page) / 4), any());
		break;
	case LIE_DATA:
		put(liar->data + any() % (SIZE / 4) * 4, any() >> any() % 32);
		__atomic_store_n(liar->data + any() % SIZE, (unsigned char)any(),
				 __ATOMIC_RELAXED);
		break;
	default:
		/* for what is there and what is not */
		ring_memfd_wake(liar, 1 + any() % 3);
	}
}

static void *scribble(void *argument)
{
	struct scribbler *scribbler = argument;

	state = scribbler->seed;
	__atomic_store_n(&scribbler->runs, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&scribbler->stop, __ATOMIC_RELAXED)) {
		enum lie kind = any() % LIES;

		if (scribbler->kinds & 1U << kind)
			tell_lie(scribbler, kind);
		else
			tell_truth(scribbler);
		/* the other side is to have a turn with what there is now */
		if (!(any() % 32))
			sched_yield();
	}
	return NULL;
}

static int64_t any_deadline(void)
{
	return any() % 128 ? 0 : mailbox_deadline_ms(1);
}

/* Of a record of @room bytes at most at @before: no length but the one that was read. */
static ssize_t consumed(const struct mailbox_ring *ring, uint32_t before, ssize_t length,
			size_t room)
{
	if (length >= 0 && ((size_t)length > room ||
			    ring->in.next - before != mailbox__ring_span((size_t)length)))
		return -EOVERFLOW;
	return length;
}

/* A call, any of them; -EOVERFLOW: it said more than can be. */
static ssize_t any_call(struct mailbox_ring *ring)
{
	unsigned char buffer[SIZE];
	size_t length = any() % (any() % 2 ? 128 : SIZE), part = length ? any() % length : 0;
	struct iovec pieces[] = { { buffer, part }, { buffer + part, length - part } };
	uint32_t events = 1 + any() % 3, before = ring->in.next;
	const void *seen_at;
	ssize_t result;
	void *place;

	memset(buffer, 'h', sizeof(buffer));
	switch (any() % 8) {
	case 0:
		return mailbox_ring_send(ring, buffer, length, any_deadline());
	case 1:
		return mailbox_ring_sendv(ring, pieces, 2, any_deadline());
	case 2:
		result = mailbox_ring_receive(ring, buffer, length, any_deadline());
		return consumed(ring, before, result, length);
	case 3:
		result = mailbox_ring_receivev(ring, pieces, 2, any_deadline());
		return consumed(ring, before, result, length);
	case 4:
		result = consumed(ring, before, mailbox_ring_peek(ring, &seen_at), SIZE - 8);
		/* all of it can be read */
		if (result > 0)
			memcpy(buffer, seen_at, (size_t)result);
		if (any() % 2)
			mailbox_ring_release(ring);
		return result;
	case 5:
		result = mailbox_ring_reserve(ring, length, &place);
		if (result)
			return result;
		memset(place, 'w', length);
		return any() % 4 ? mailbox_ring_commit(ring) : 0;
	case 6:
		mailbox_ring_discard(ring);
		return 0;
	default:
		result = mailbox_ring_wait(ring, events, length, any_deadline());
		return result > 0 && result & ~(ssize_t)events ? -EOVERFLOW : result;
	}
}

/* A number that the environment may give. */
static uint64_t given(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* As long as is asked for, which the harness cannot know; alarm() ends a hang. */
TEST_F_TIMEOUT(ring, lies_while_a_call_runs, 1000000)
{
	unsigned long links = 0, broken = 0, got = 0;
	unsigned int seconds = (unsigned int)given("MAILBOX_FUZZ_SECONDS", 2);
	time_t end = now() + seconds;
	uint64_t seed = 0;

	ASSERT_EQ(sizeof(seed), getrandom(&seed, sizeof(seed), 0));
	seed = given("MAILBOX_FUZZ_SEED", seed);
	TH_LOG("MAILBOX_FUZZ_SEED=%#llx", (unsigned long long)seed);
	/* 0 would stay 0 */
	state = seed ? seed : 1;
	alarm(seconds + FUZZ_GRACE);
	for (; now() < end; links++) {
		int fd[2] = { ring_memfd(SIZE), ring_memfd(SIZE) }, call;
		struct scribbler scribbler = {
			.liar = ring_memfd_side(fd, 0, SIZE, 0),
			.seed = (uint64_t)any() << 32 | any() | 1,
			/* few of them, as a link with all is soon at its end */
			.kinds = any() & any(),
		};
		struct mailbox_ring *ring = ring_memfd_side(fd, 1, SIZE, variant->flags);

		ASSERT_NE(NULL, scribbler.liar);
		ASSERT_NE(NULL, ring);
		close(fd[0]);
		close(fd[1]);
		/* quick calls see more, and patient ones are awake for longer */
		if (any() % 2)
			ring->spin = 0;
		ASSERT_EQ(0, pthread_create(&scribbler.thread, NULL, scribble, &scribbler));
		while (!__atomic_load_n(&scribbler.runs, __ATOMIC_RELAXED))
			sched_yield();
		for (call = 0; call < FUZZ_CALLS; call++) {
			ssize_t result = any_call(ring);

			ASSERT_TRUE(allowed(result)) {
				TH_LOG("%zd in call %d of link %lu, with lies 0x%x", result, call,
				       links, scribbler.kinds);
			}
			ASSERT_GE(SIZE, ring->in.head - ring->in.next);
			ASSERT_GE(SIZE, ring->out.end - ring->out.next);
			got += result > 0;
			/* some calls more, which are to say the same */
			if (ring->broken && call < FUZZ_CALLS - 8)
				call = FUZZ_CALLS - 8;
		}
		__atomic_store_n(&scribbler.stop, 1, __ATOMIC_RELAXED);
		pthread_join(scribbler.thread, NULL);
		broken += ring->broken;
		mailbox_ring_close(scribbler.liar);
		mailbox_ring_close(ring);
	}
	alarm(0);
	TH_LOG("%lu links, %lu of them broken, %lu calls had something", links, broken, got);
	/* it does notice, and gets somewhere before */
	EXPECT_LT(0, broken);
	EXPECT_LT(0, got);
	if (seconds) {
		EXPECT_GT(links, broken);
	}
}

TEST_HARNESS_MAIN
