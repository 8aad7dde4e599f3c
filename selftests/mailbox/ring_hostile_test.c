// SPDX-License-Identifier: GPL-2.0
/*
 * A process that writes whatever it likes into its side of a channel's rings, all
 * the time and from several threads, and hands the kernel structs that lie there;
 * and what becomes of the other side's calls, of the library and of the kernel:
 * each of them ends, with a result or an errno that it may have.
 *
 * How much is done is counted and not timed.  That the kernel says nothing is for
 * the guest to see.
 *
 *	ring_hostile_test [--seed NUMBER] [--rounds NUMBER]
 *
 * What the threads choose is drawn from the seed, which is printed; when they do it is
 * the machine's business.  With --rounds there is that many times as much of it.
 *
 * features.rst rows with their test here:
 *   pages with one writer		hostile.*
 */
#include "kselftest_harness.h"
#include "common.h"

#include <getopt.h>
#include <mailbox_ring.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

#define PAGE	4096
#define SIZE	4096			/* of both rings */
#define SPAN	(PAGE + 2 * SIZE)
#define THEIRS	0x40000000

/* Of each round. */
#define LINKS	60			/* that the library opens, one after the other */
#define RECORDS	60			/* over each, if it holds so long */
#define CALLS	1500			/* to the kernel */
#define WAITS	20			/* before the liar dies */

static unsigned long long given_seed;
static unsigned int rounds = 1;

/* --- chance ----------------------------------------------------------- */

/* Who draws, of all that one seed is for. */
enum { TESTER, LIAR, PARTY = LIAR + 3 };

static __thread __u64 chance;

/* As SplitMix64 does: seeds that are near one another have nothing in common. */
static void seed(unsigned int who)
{
	chance = given_seed + (who + 1ULL) * 0x9e3779b97f4a7c15ULL;
	chance = (chance ^ chance >> 30) * 0xbf58476d1ce4e5b9ULL;
	chance = (chance ^ chance >> 27) * 0x94d049bb133111ebULL;
	/* 0 would stay so */
	chance = (chance ^ chance >> 31) ?: 1;
}

static __u32 any(__u32 below)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (__u32)(chance >> 20) % below;
}

/* Anything at all, or what is near to being right. */
static __u32 any_value(__u32 near)
{
	static const __u32 values[] = {
		0, 1, 7, 8, 9, SIZE - 8, SIZE, SIZE + 8, 2 * SIZE, 0x7fffffff,
		0x80000000, 0xfffffff7, 0xfffffff8, 0xffffffff,
	};

	switch (any(4)) {
	case 0:
		return any(0xffffffff);
	case 1:
		return values[any(ARRAY_SIZE(values))];
	case 2:
		return near + values[any(9)];
	default:
		return near + 8 * any(SIZE / 8);
	}
}

/* --- the liar --------------------------------------------------------- */

/**
 * struct liar - a thread of a process of its own, which has the first end
 * @who: of those that draw
 * @end: the end
 * @page: its side
 * @data: behind it
 * @seen: the other side's page
 * @stop: both processes': the liar ends
 */
struct liar {
	unsigned int who;
	int end;
	struct mailbox_ring_page *page;
	unsigned char *data;
	const struct mailbox_ring_page *seen;
	int *stop;
};

static bool stopped(const struct liar *liar)
{
	return __atomic_load_n(liar->stop, __ATOMIC_RELAXED);
}

static void put_word(void *at, __u32 value)
{
	__atomic_store_n((__u32 *)at, value, __ATOMIC_RELEASE);
}

/* Words of the page, each of them, and of the data where records may begin. */
static void *scribble(void *argument)
{
	struct liar *liar = argument;
	struct mailbox_ring_page *page = liar->page;

	seed(liar->who);
	while (!stopped(liar)) {
		__u32 near = liar->seen->tail;

		switch (any(8)) {
		case 0:
			put_word(&page->head, any_value(near));
			break;
		case 1:
			put_word(&page->tail, any_value(liar->seen->head));
			break;
		case 2:
			put_word(&page->data_wait + any(7), any_value(0));
			break;
		case 3:
			put_word(&page->room_at, any_value(liar->seen->head - SIZE));
			break;
		case 4:
			put_word((__u32 *)page + any(sizeof(*page) / 4), any_value(near));
			break;
		case 5:
			put_word(liar->data + 4 * any(2 * SIZE / 4), any_value(0));
			break;
		case 6:
			liar->data[any(2 * SIZE)] = (unsigned char)any(256);
			break;
		default:
			/* now and then a record that is one */
			put_word(liar->data + near % SIZE, any(200));
			put_word(&page->head, near + 208);
			put_word(&page->tail, liar->seen->head);
		}
		/* the other side is to have a turn with what there is now */
		if (!any(4))
			sched_yield();
	}
	return NULL;
}

/*
 * Whoever sleeps is woken sooner or later; structs lie where others write, and
 * end there too: what the kernel writes behind them would be this process's.
 */
static void *call(void *argument)
{
	static const unsigned long commands[] = {
		MAILBOX_IOC_RING_WAKE, MAILBOX_IOC_RING_WAIT, MAILBOX_IOC_PEER,
		MAILBOX_IOC_SEND, MAILBOX_IOC_RECEIVE, MAILBOX_IOC_INFO,
		MAILBOX_IOC_STAT, MAILBOX_IOC_DUP, MAILBOX_IOC_SEND_BATCH,
		MAILBOX_IOC_ACCEPT, MAILBOX_IOC_REFUSE, MAILBOX_IOC_CONNECT,
	};
	struct liar *liar = argument;

	seed(liar->who);
	while (!stopped(liar)) {
		struct mailbox_ring_wake wake = { .events = 1 + any(3) };

		mbx_ioctl(liar->end, MAILBOX_IOC_RING_WAKE, &wake);
		mbx_ioctl(liar->end, commands[any(ARRAY_SIZE(commands))],
			  (char *)liar->page + any(SPAN - 1024));
		/* as DUP and CONNECT may have made some */
		if (!any(16))
			syscall(SYS_close_range, 100, ~0U, 0);
		sched_yield();
	}
	return NULL;
}

static void lie(int end, int *stop)
{
	struct liar liar = { .end = fcntl(end, F_DUPFD, 50), .stop = stop };
	struct rlimit files = { 200, 200 };
	struct liar liars[3];
	pthread_t threads[3];
	int i;

	close(end);
	fcntl(liar.end, F_SETFL, O_NONBLOCK);
	setrlimit(RLIMIT_NOFILE, &files);
	liar.page = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_SHARED, liar.end, 0);
	liar.seen = mmap(NULL, SPAN, PROT_READ, MAP_SHARED, liar.end, THEIRS);
	if (liar.page == MAP_FAILED || liar.seen == MAP_FAILED)
		_exit(1);
	liar.data = (unsigned char *)liar.page + PAGE;
	for (i = 0; i < 3; i++) {
		liars[i] = liar;
		liars[i].who = LIAR + i;
		if (pthread_create(&threads[i], NULL, i < 2 ? scribble : call, &liars[i]))
			_exit(2);
	}
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/* --- the other side --------------------------------------------------- */

FIXTURE(hostile) {
	int end;
	int *stop;
	pid_t liar;
};

FIXTURE_SETUP(hostile)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 4, .ring = SIZE, .ring_back = SIZE,
	};
	int ends[2];

	TH_LOG("to try it again: --seed %llu --rounds %u", given_seed, rounds);
	seed(TESTER);
	self->stop = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);
	ASSERT_NE(MAP_FAILED, self->stop);
	ASSERT_EQ(0, mailbox_channel(ends, &attr, NULL));
	self->liar = mbx_fork();
	if (!self->liar) {
		close(ends[1]);
		lie(ends[0], self->stop);
	}
	close(ends[0]);
	self->end = ends[1];
}

FIXTURE_TEARDOWN(hostile)
{
	close(self->end);
}

static int liar_end(int *stop, pid_t liar)
{
	__atomic_store_n(stop, 1, __ATOMIC_RELAXED);
	return mbx_join(liar);
}

/**
 * struct party - a thread that uses one direction of a link
 * @ring: the link
 * @who: of those that draw
 * @thread: the same
 * @produces: or else consumes
 * @done: records
 * @last: what the last call returned
 */
struct party {
	struct mailbox_ring *ring;
	unsigned int who;
	pthread_t thread;
	bool produces;
	unsigned int done;
	ssize_t last;
};

/* All kinds of patience. */
static int64_t any_deadline(void)
{
	switch (any(3)) {
	case 0:
		return 0;
	case 1:
		return mailbox_deadline_ms(1);
	default:
		return MAILBOX_FOREVER;
	}
}

static ssize_t produce(struct mailbox_ring *ring)
{
	char record[SIZE];
	void *place;
	int result;

	if (any(2)) {
		memset(record, 'r', sizeof(record));
		return mailbox_ring_send(ring, record, any(SIZE / 2), any_deadline());
	}
	result = mailbox_ring_wait(ring, MAILBOX_RING_ROOM, 500, any_deadline());
	if (result <= 0)
		return result;
	result = mailbox_ring_reserve(ring, 500, &place);
	if (result)
		return result;
	memset(place, 'w', 500);
	return mailbox_ring_commit(ring);
}

static ssize_t consume(struct mailbox_ring *ring)
{
	char record[SIZE];
	const void *place;
	ssize_t result;

	if (any(2))
		return mailbox_ring_receive(ring, record, sizeof(record), any_deadline());
	result = mailbox_ring_wait(ring, MAILBOX_RING_DATA, 0, any_deadline());
	if (result <= 0)
		return result;
	result = mailbox_ring_peek(ring, &place);
	if (result < 0)
		return result;
	/* all that it says it has can be read, and no more than the ring has */
	if (result > SIZE - 8)
		return -EOVERFLOW;
	memcpy(record, place, (size_t)result);
	mailbox_ring_release(ring);
	return result;
}

static void *party_thread(void *argument)
{
	struct party *party = argument;

	seed(party->who);
	for (int i = 0; i < RECORDS; i++) {
		party->last = party->produces ? produce(party->ring) : consume(party->ring);
		if (party->last >= 0)
			party->done++;
		else if (party->last != -EAGAIN && party->last != -ETIMEDOUT)
			break;
	}
	return NULL;
}

static bool party_may_end_so(const struct party *party)
{
	ssize_t last = party->last;

	/* EPIPE: as the liar may have said that it is closed */
	return last >= 0 || last == -EAGAIN || last == -ETIMEDOUT || last == -EPROTO ||
	       last == -EPIPE;
}

TEST_F_TIMEOUT(hostile, every_call_of_the_library_ends, 200)
{
	unsigned int done[2] = { 0, 0 }, links = LINKS * rounds, broken = 0;
	int i;

	for (unsigned int link = 0; link < links; link++) {
		struct party parties[2] = { { .produces = true }, { .produces = false } };
		struct mailbox_ring *ring;

		ASSERT_EQ(0, mailbox_ring_open(self->end, link < links / 2 ? 0 : MAILBOX_RING_NOPOLL,
					       &ring, NULL));
		for (i = 0; i < 2; i++) {
			parties[i].ring = ring;
			parties[i].who = PARTY + 2 * link + i;
			ASSERT_EQ(0, pthread_create(&parties[i].thread, NULL, party_thread,
						    &parties[i]));
		}
		for (i = 0; i < 2; i++) {
			pthread_join(parties[i].thread, NULL);
			EXPECT_TRUE(party_may_end_so(&parties[i])) {
				TH_LOG("%s: %zd", i ? "consumer" : "producer", parties[i].last);
			}
			done[i] += parties[i].done;
		}
		broken += ring->broken;
		/* a side that found the other one lying stays closed; this one begins anew */
		__atomic_store_n(&ring->mine->closed, 0, __ATOMIC_RELAXED);
		mailbox_ring_close(ring);
	}
	/* it does notice, and one or the other gets somewhere before */
	EXPECT_LT(links / 4, broken);
	EXPECT_LT(0, done[0] + done[1]);
	EXPECT_EQ(0, liar_end(self->stop, self->liar));
}

/* --- the kernel ------------------------------------------------------- */

static bool ring_wait_ends(int end)
{
	static const __u32 flags[] = {
		0, MAILBOX_NONBLOCK, MAILBOX_DEADLINE, MAILBOX_DEADLINE | MAILBOX_REALTIME,
	};
	struct mailbox_ring_wait wait = {
		.flags = flags[any(4)], .events = 1 + any(3),
	};
	int result;

	if (wait.flags == MAILBOX_DEADLINE)
		wait.deadline = mailbox_deadline_ms(any(2));
	result = mbx_ioctl(end, MAILBOX_IOC_RING_WAIT, &wait);
	return !result || (result == -EAGAIN && wait.flags == MAILBOX_NONBLOCK) ||
	       (result == -ETIMEDOUT && (wait.flags & MAILBOX_DEADLINE));
}

static bool ring_wake_ends(int end)
{
	struct mailbox_ring_wake wake = { .events = 1 + any(3) };

	return !mbx_ioctl(end, MAILBOX_IOC_RING_WAKE, &wake);
}

static bool poll_ends(int end)
{
	struct pollfd p = { .fd = end, .events = any(2) ? POLLIN | POLLRDBAND : POLLWRBAND };

	/* Whether it is so is the liar's to say; he goes on saying this and that. */
	return poll(&p, 1, any(2) ? -1 : 0) >= 0 && !(p.revents & (POLLHUP | POLLNVAL));
}

static bool epoll_ends(int end)
{
	struct epoll_event event = {
		.events = EPOLLRDBAND | EPOLLWRBAND | (any(2) ? EPOLLET : 0),
	};
	int epoll = epoll_create1(EPOLL_CLOEXEC), got;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, end, &event))
		return false;
	got = epoll_wait(epoll, &event, 1, 1);
	close(epoll);
	return got >= 0;
}

/* Nothing of what it says is the other side's to say. */
static bool peer_is_right(int end, pid_t liar)
{
	struct mailbox_peer peer = { .flags = 0 };

	return !mbx_ioctl(end, MAILBOX_IOC_PEER, &peer) &&
	       peer.state == MAILBOX_PEER_OPEN && peer.mine_size == SIZE &&
	       peer.theirs_size == SIZE && peer.mine == 0 && peer.theirs == THEIRS &&
	       peer.pid > 0 && peer.pid != liar;
}

/* Payloads that change while the kernel copies them. */
static bool message_passes(int end, char *theirs)
{
	char payload[2 * SIZE];
	struct mailbox_send send = {
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(theirs + PAGE), .length = 2 * SIZE,
	};
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(payload), .length = sizeof(payload),
	};
	int sent = mbx_send(end, &send), received = mbx_receive(end, &receive);

	return (!sent || sent == -EAGAIN) &&
	       (!received || received == -EAGAIN || received == -EMSGSIZE);
}

/* No way to write there, and no harm in trying. */
static bool memory_stays_as_it_is(char *mine, char *theirs)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_REMOVE, MADV_MERGEABLE, MADV_WILLNEED, MADV_COLD,
		MADV_PAGEOUT, MADV_FREE, MADV_HUGEPAGE, MADV_WIPEONFORK,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE,
	};
	char buffer[64], *at = (any(2) ? mine : theirs) + PAGE * any(SPAN / PAGE);
	struct iovec local = { buffer, sizeof(buffer) };
	struct iovec remote = { theirs + any(SPAN - 64), sizeof(buffer) };
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	bool fine = memory >= 0;

	madvise(at, PAGE, advice[any(ARRAY_SIZE(advice))]);
	fine = fine && process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 64;
	fine = fine && process_vm_writev(getpid(), &local, 1, &remote, 1, 0) < 0;
	fine = fine && pread64(memory, buffer, 64, (off64_t)(uintptr_t)remote.iov_base) == 64;
	fine = fine && pwrite64(memory, buffer, 64, (off64_t)(uintptr_t)remote.iov_base) < 0;
	fine = fine && mprotect(theirs, SPAN, PROT_READ | PROT_WRITE) < 0;
	close(memory);
	return fine;
}

/* Another mapping comes, is elsewhere, and goes bit by bit. */
static bool mapping_moves(int end)
{
	char *here = mmap(NULL, SPAN, PROT_READ, MAP_SHARED, end, THEIRS);
	char *place = mmap(NULL, SPAN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *moved = mremap(here, SPAN, SPAN, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	bool fine = here != MAP_FAILED && moved == place;

	fine = fine && mremap(moved, SPAN, SPAN + PAGE, MREMAP_MAYMOVE) == MAP_FAILED;
	fine = fine && !mprotect(moved + PAGE, PAGE, PROT_NONE);
	fine = fine && !mprotect(moved + PAGE, PAGE, PROT_READ);
	fine = fine && mprotect(moved + PAGE, PAGE, PROT_READ | PROT_WRITE) < 0;
	fine = fine && !munmap(moved + PAGE, PAGE);
	return fine && !munmap(moved, SPAN);
}

static bool child_has_it_too(const char *mine, const char *theirs)
{
	pid_t child = mbx_fork();

	if (!child) {
		for (int i = 0; i < SPAN; i++)
			(void)(*(volatile const char *)&mine[i] + *(volatile const char *)&theirs[i]);
		_exit(0);
	}
	return !mbx_join(child);
}

TEST_F_TIMEOUT(hostile, every_call_of_the_kernel_ends, 200)
{
	char *mine = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_SHARED, self->end, 0);
	char *theirs = mmap(NULL, SPAN, PROT_READ, MAP_SHARED, self->end, THEIRS);
	unsigned int call;

	ASSERT_NE(MAP_FAILED, mine);
	ASSERT_NE(MAP_FAILED, theirs);
	for (call = 0; call < CALLS * rounds; call++) {
		bool fine = true;
		__u32 what = any(call % 16 ? 6 : 9);

		switch (what) {
		case 0:
			fine = ring_wait_ends(self->end);
			break;
		case 1:
			fine = ring_wake_ends(self->end);
			break;
		case 2:
			fine = poll_ends(self->end);
			break;
		case 3:
			fine = epoll_ends(self->end);
			break;
		case 4:
			fine = peer_is_right(self->end, self->liar);
			break;
		case 5:
			fine = message_passes(self->end, theirs);
			break;
		case 6:
			fine = memory_stays_as_it_is(mine, theirs);
			break;
		case 7:
			fine = mapping_moves(self->end);
			break;
		default:
			fine = child_has_it_too(mine, theirs);
		}
		ASSERT_TRUE(fine) {
			TH_LOG("call %u, of kind %u: %s", call, what, strerror(errno));
		}
	}
	munmap(mine, SPAN);
	munmap(theirs, SPAN);
	EXPECT_EQ(0, liar_end(self->stop, self->liar));
}

/* Whatever it had said: it is gone, and that is the kernel's to say. */
TEST_F_TIMEOUT(hostile, its_death_ends_what_waits, 100)
{
	struct mailbox_ring_wait wait = { .events = MAILBOX_RING_DATA };
	struct mailbox_ring *ring;
	char record[SIZE];
	ssize_t result;
	int i;

	for (i = 0; i < WAITS * (int)rounds; i++)
		EXPECT_TRUE(ring_wait_ends(self->end));
	kill(self->liar, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, mbx_join(self->liar));
	/* what was told before is told first */
	do {
		i = mbx_ioctl(self->end, MAILBOX_IOC_RING_WAIT, &wait);
	} while (!i);
	EXPECT_EQ(-EPIPE, i);
	EXPECT_EQ(MAILBOX_REASON_NO_PEER, wait.error.reason);

	ASSERT_EQ(0, mailbox_ring_open(self->end, 0, &ring, NULL));
	while ((result = mailbox_ring_receive(ring, record, sizeof(record),
					      MAILBOX_FOREVER)) >= 0)
		;
	EXPECT_TRUE(result == -EPIPE || result == -EPROTO);
	mailbox_ring_close(ring);
}

static unsigned long long number(const char *text, unsigned long long most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || *end || end == text || value > most) {
		fprintf(stderr, "no number up to %llu: %s\n", most, text);
		exit(KSFT_FAIL);
	}
	return value;
}

/* TEST_HARNESS_MAIN would take no arguments. */
int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{}
	};
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;
	int option;

	given_seed = mbx_clock(CLOCK_REALTIME) / 1000 % 1000000;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 's':
			given_seed = number(optarg, ~0ULL);
			break;
		case 'r':
			rounds = number(optarg, 10000);
			break;
		default:
			return KSFT_FAIL;
		}
	if (optind < argc || !rounds) {
		fprintf(stderr, "usage: %s [--seed NUMBER] [--rounds NUMBER]\n", argv[0]);
		return KSFT_FAIL;
	}
	/* more of it takes longer */
	for (fixture = __fixture_list; fixture; fixture = fixture->next)
		for (test = fixture->tests; test; test = test->next)
			test->timeout *= rounds;
	return test_harness_run(1, argv);
}
