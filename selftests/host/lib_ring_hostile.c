// SPDX-License-Identifier: GPL-2.0
/*
 * The rings of the library, over memfds, and another side that writes whatever it
 * likes: before a call, while one runs, and between any two of its reads.
 *
 * MAILBOX_FUZZ_SECONDS=n has the two latter last so long, and MAILBOX_FUZZ_SEED=n
 * takes what a run with that seed chose; the seed is printed.
 */
#include "ring_memfd.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <ucontext.h>

#include <kselftest_harness.h>

#define SIZE	4096

/* One that lies, and one that knows it not. */
struct link {
	int fd[2];
	struct mailbox_ring *liar;
	struct mailbox_ring *ring;
};

static bool link_make(struct link *link, unsigned int flags)
{
	link->fd[0] = ring_memfd(SIZE);
	link->fd[1] = ring_memfd(SIZE);
	link->liar = ring_memfd_side(link->fd, 0, SIZE, 0);
	link->ring = ring_memfd_side(link->fd, 1, SIZE, flags);
	return link->liar && link->ring;
}

static void link_end(struct link *link)
{
	mailbox_ring_close(link->liar);
	mailbox_ring_close(link->ring);
	close(link->fd[0]);
	close(link->fd[1]);
}

FIXTURE(hostile) {
	struct link link;
};

FIXTURE_VARIANT(hostile) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(hostile, plain) { .flags = 0 };
FIXTURE_VARIANT_ADD(hostile, nopoll) { .flags = MAILBOX_RING_NOPOLL };

FIXTURE_SETUP(hostile)
{
	ASSERT_TRUE(link_make(&self->link, variant->flags));
}

FIXTURE_TEARDOWN(hostile)
{
	link_end(&self->link);
}

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

/* What lies there when this side comes is believed no more than what comes later. */
TEST_F(hostile, lies_from_before)
{
	static const uint32_t tails[] = {
		8, SIZE, 0x10000000, 0x80000000, -SIZE - 8
	};
	char record[SIZE] = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		struct mailbox_ring *late;

		self->link.liar->mine->tail = tails[i];
		self->link.ring->mine->closed = 0;
		late = ring_memfd_side(self->link.fd, 1, SIZE, variant->flags);
		ASSERT_NE(NULL, late);
		EXPECT_EQ(-EPROTO, mailbox_ring_send(late, record, 100, 0));
		EXPECT_EQ(-EMSGSIZE, mailbox_ring_send(late, record, SIZE, 0));
		EXPECT_EQ(1, late->broken);
		mailbox_ring_close(late);
	}
}

/* A link that is closed for a lie stays so, also for who maps the end again. */
TEST_F(hostile, a_closed_link_stays_closed)
{
	struct mailbox_ring *late;
	char record[8] = "";
	const void *place;

	self->link.liar->mine->head = 3;
	EXPECT_EQ(-EPROTO, mailbox_ring_receive(self->link.ring, record, sizeof(record), 0));
	self->link.liar->mine->head = 0;
	late = ring_memfd_side(self->link.fd, 1, SIZE, variant->flags);
	ASSERT_NE(NULL, late);
	EXPECT_EQ(-EPROTO, mailbox_ring_send(late, record, sizeof(record), 0));
	EXPECT_EQ(-EPROTO, mailbox_ring_peek(late, &place));
	EXPECT_EQ(-EPROTO, mailbox_ring_wait(late, MAILBOX_RING_ROOM, 8, 0));
	mailbox_ring_close(late);
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
			uint32_t span = (uint32_t)room + 8, place = SIZE - 8;
			uint32_t length = lie ? SIZE + span - 24 : (uint32_t)room;
			struct link link;
			ssize_t result;

			ASSERT_TRUE(link_make(&link, 0));
			/* all but the last record's header */
			ASSERT_EQ(0, mailbox_ring_send(link.liar, buffer, SIZE - 16, 0));
			ASSERT_EQ(SIZE - 16, mailbox_ring_receive(link.ring, buffer, SIZE - 16, 0));
			memcpy(link.liar->data + place, &length, 4);
			link.liar->mine->head = place + span + SIZE - (lie < 2 ? 8 : 0);
			result = mailbox_ring_receive(link.ring, buffer, room, 0);
			/* it may have been published in time, as it were */
			if (lie || result != (ssize_t)room)
				ASSERT_EQ(-EPROTO, result);
			ASSERT_GE(SIZE, link.ring->in.head - link.ring->in.next);
			ASSERT_TRUE(allowed(mailbox_ring_receive(link.ring, buffer, sizeof(buffer), 0)));
			link_end(&link);
		}
	}
}

/* --- what the other side may do -------------------------------------------- */

/* What it may do; the rest of the time it tells the truth. */
enum lie { LIE_HEAD, LIE_TAIL, LIE_LENGTH, LIE_WAIT, LIE_PAGE, LIE_DATA, LIE_WAKE, LIES };

/**
 * struct scribbler - who writes into the liar's memory
 * @liar: its side, of which the library is told nothing
 * @kinds: the lies that it tells, one bit each
 * @head: what it has published in truth
 * @seed: for the choices of its thread, where it is one
 * @runs: it has begun
 * @stop: it ends
 * @thread: who
 */
struct scribbler {
	struct mailbox_ring *liar;
	uint32_t kinds;
	uint32_t head;
	uint64_t seed;
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

static void tell(struct scribbler *scribbler)
{
	enum lie kind = any() % LIES;

	if (scribbler->kinds & 1U << kind)
		tell_lie(scribbler, kind);
	else
		tell_truth(scribbler);
}

/* --- what this side does --------------------------------------------------- */

#define FUZZ_CALLS	200	/* over one link at most */
#define FUZZ_GRACE	60	/* seconds, until a call that does not end is a failure */

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
	uint32_t events = 1 + any() % 3, before = ring->in.next, guess;
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
		/* the next one's, as a record that fills the room goes a way of its own */
		guess = seen(&mailbox__ring_record(ring)->length);
		if (guess <= SIZE && any() % 2)
			length = guess;
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

/**
 * struct fuzz - what the links of a run have in common
 * @end: when there are no more of them
 * @links: how many there were
 * @broken: on how many of them a lie was noticed
 * @got: how many calls had something
 */
struct fuzz {
	time_t end;
	unsigned long links;
	unsigned long broken;
	unsigned long got;
};

/* As long as is asked for, which the harness cannot know; alarm() ends a hang. */
static void fuzz_start(struct __test_metadata *_metadata, struct fuzz *fuzz)
{
	unsigned int seconds = (unsigned int)given("MAILBOX_FUZZ_SECONDS", 2);
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)now();
	seed = given("MAILBOX_FUZZ_SEED", seed);
	TH_LOG("MAILBOX_FUZZ_SEED=%#llx", (unsigned long long)seed);
	/* 0 would stay 0 */
	state = seed ? seed : 1;
	alarm(seconds + FUZZ_GRACE);
	*fuzz = (struct fuzz){ .end = now() + seconds };
}

/* Calls, and what holds after each, whatever the other side does: NULL, or what does not. */
static const char *fuzz_link(struct fuzz *fuzz, struct mailbox_ring *ring,
			     void (*before)(void))
{
	int call;

	/* quick calls see more, and patient ones are awake for longer */
	if (any() % 2)
		ring->spin = 0;
	for (call = 0; call < FUZZ_CALLS; call++) {
		ssize_t result;

		if (before)
			before();
		result = any_call(ring);
		if (!allowed(result))
			return "a result that cannot be";
		if (ring->in.head - ring->in.next > SIZE)
			return "more to read than there can be";
		if (ring->out.end - ring->out.next > SIZE)
			return "more room than there can be";
		fuzz->got += result > 0;
		/* some calls more, which are to say the same */
		if (ring->broken && call < FUZZ_CALLS - 8)
			call = FUZZ_CALLS - 8;
	}
	fuzz->links++;
	fuzz->broken += ring->broken;
	return NULL;
}

/* It does notice, and gets somewhere before. */
static bool fuzz_saw(struct __test_metadata *_metadata, const struct fuzz *fuzz)
{
	alarm(0);
	TH_LOG("%lu links, %lu of them broken, %lu calls had something", fuzz->links,
	       fuzz->broken, fuzz->got);
	return fuzz->broken && fuzz->got;
}

/* --- lies while a call runs ------------------------------------------------ */

static void *scribble(void *argument)
{
	struct scribbler *scribbler = argument;

	state = scribbler->seed;
	__atomic_store_n(&scribbler->runs, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&scribbler->stop, __ATOMIC_RELAXED)) {
		tell(scribbler);
		/* the other side is to have a turn with what there is now */
		if (!(any() % 32))
			sched_yield();
	}
	return NULL;
}

TEST_F_TIMEOUT(hostile, lies_while_a_call_runs, 1000000)
{
	struct fuzz fuzz;

	fuzz_start(_metadata, &fuzz);
	while (now() < fuzz.end) {
		struct link link;
		struct scribbler scribbler;
		const char *wrong;

		ASSERT_TRUE(link_make(&link, variant->flags));
		scribbler = (struct scribbler){
			.liar = link.liar,
			.seed = (uint64_t)any() << 32 | any() | 1,
			/* few of them, as a link with all is soon at its end */
			.kinds = any() & any(),
		};
		ASSERT_EQ(0, pthread_create(&scribbler.thread, NULL, scribble, &scribbler));
		while (!__atomic_load_n(&scribbler.runs, __ATOMIC_RELAXED))
			sched_yield();
		wrong = fuzz_link(&fuzz, link.ring, NULL);
		ASSERT_EQ(NULL, wrong) {
			TH_LOG("link %lu, lies %#x: %s", fuzz.links, scribbler.kinds, wrong);
		}
		__atomic_store_n(&scribbler.stop, 1, __ATOMIC_RELAXED);
		pthread_join(scribbler.thread, NULL);
		link_end(&link);
	}
	EXPECT_TRUE(fuzz_saw(_metadata, &fuzz));
}

/* --- lies between any two reads -------------------------------------------- */

#if defined(__x86_64__)

/*
 * The other side's memory may not be read, so that each read of it stops here; it
 * is let happen, alone, and then there lies something else.  So a word that is read
 * twice is two, always, and not by chance.
 */

#define TRAP_FLAG	0x100	/* of the processor's: stop behind the next instruction */
#define STEPS		64	/* in one call; what it copies would be thousands */

/**
 * struct steps - the reads of a side, one by one
 * @scribbler: what lies in between
 * @place: what is watched
 * @left: how many more in this call
 * @read: where the one that is let happen reads
 * @total: how many there were
 */
static struct {
	struct scribbler *scribbler;
	char *place;
	int left;
	char *read;
	unsigned long total;
} steps;

static void watch(int protection)
{
	mprotect(steps.place, RING_PAGE + 2 * SIZE, protection);
}

static void before_read(int signal, siginfo_t *info, void *context)
{
	ucontext_t *where = context;
	char *read = info->si_addr;

	/* outside, or a store: a fault as any, to be had again */
	if (steps.read || read < steps.place || read >= steps.place + RING_PAGE + 2 * SIZE) {
		sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
		return;
	}
	steps.read = read;
	watch(PROT_READ);
	where->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void behind_read(int signal, siginfo_t *info, void *context)
{
	struct mailbox_ring *liar = steps.scribbler->liar;
	ucontext_t *where = context;
	size_t offset = (size_t)(steps.read - steps.place) & ~(size_t)3;
	uint32_t *word;

	/* its own mapping of it; the data are there twice */
	if (offset >= RING_PAGE + SIZE)
		offset -= SIZE;
	word = (uint32_t *)((char *)liar->mine + offset);
	switch (any() % 8) {
	case 0:
		put(word, any_near(seen(word)));
		break;
	case 1:
		tell(steps.scribbler);
		break;
	}
	where->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	steps.read = NULL;
	steps.total++;
	if (--steps.left > 0)
		watch(PROT_NONE);
}

static void steps_anew(void)
{
	tell(steps.scribbler);
	steps.left = STEPS;
	watch(PROT_NONE);
}

/* The kernel would not read what may not be read; and there is nobody to wait for. */
static int nobody_wakes(struct mailbox_ring *ring, uint32_t events, int64_t deadline)
{
	return -ETIMEDOUT;
}

static int wakes_nobody(struct mailbox_ring *ring, uint32_t events)
{
	return 0;
}

static const struct mailbox_ring_transport steps_transport = {
	.wait = nobody_wakes,
	.wake = wakes_nobody,
	.close = ring_memfd_close,
};

TEST_F_TIMEOUT(hostile, lies_between_any_two_reads, 1000000)
{
	const struct sigaction before = { .sa_sigaction = before_read, .sa_flags = SA_SIGINFO };
	const struct sigaction behind = { .sa_sigaction = behind_read, .sa_flags = SA_SIGINFO };
	struct fuzz fuzz;

	ASSERT_EQ(0, sigaction(SIGSEGV, &before, NULL));
	ASSERT_EQ(0, sigaction(SIGTRAP, &behind, NULL));
	fuzz_start(_metadata, &fuzz);
	while (now() < fuzz.end) {
		struct link link;
		struct scribbler scribbler;
		const char *wrong;

		ASSERT_TRUE(link_make(&link, variant->flags));
		link.ring->transport = &steps_transport;
		scribbler = (struct scribbler){ .liar = link.liar, .kinds = any() & any() };
		steps.scribbler = &scribbler;
		steps.place = (char *)link.ring->theirs;
		wrong = fuzz_link(&fuzz, link.ring, steps_anew);
		ASSERT_EQ(NULL, wrong) {
			TH_LOG("link %lu, lies %#x: %s", fuzz.links, scribbler.kinds, wrong);
		}
		link_end(&link);
	}
	TH_LOG("%lu reads, one by one", steps.total);
	EXPECT_LT(0, steps.total);
	EXPECT_TRUE(fuzz_saw(_metadata, &fuzz));
}

#endif

TEST_HARNESS_MAIN
