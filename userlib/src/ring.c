// SPDX-License-Identifier: LGPL-2.1-or-later
/* Rings: what is not inlined, and all that sleeps; knows no channel. */
#include <errno.h>
#include <mailbox_ring.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "internal.h"

/* For how many pauses to look again before a sleep: some microseconds. */
#define SPIN	512

/* For how many to look away at most; half as long. */
#define PAUSE	256

/* Where so many bytes come for each pause, a stream comes. */
#define STREAM	8

/* How long a sleep for room may last before another look, in ms. */
#define NAP	100

#define LINE	64	/* bytes in a cache line, as it is mostly */

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
}

static long membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

static bool size_ok(uint32_t size)
{
	return size >= MAILBOX_RING_MIN && size <= MAILBOX_RING_MAX && !(size & (size - 1));
}

/*
 * Is there nobody who could do anything meanwhile?  A file is read to know; who does not
 * see that another thread has done so reads it once more.
 */
static bool one_cpu(void)
{
	static int cpus;
	int count = __atomic_load_n(&cpus, __ATOMIC_RELAXED);

	if (!count) {
		count = (int)sysconf(_SC_NPROCESSORS_ONLN);
		__atomic_store_n(&cpus, count, __ATOMIC_RELAXED);
	}
	return count == 1;
}

int mailbox_ring_attach(struct mailbox_ring_page *mine, uint32_t size,
			const struct mailbox_ring_page *theirs, uint32_t their_size,
			unsigned int flags,
			const struct mailbox_ring_transport *transport,
			void *context, struct mailbox_ring **ring)
{
	long page = sysconf(_SC_PAGESIZE);
	struct mailbox_ring *new;

	if (!size_ok(size) || !size_ok(their_size) || (flags & ~MAILBOX_RING_NOPOLL))
		return -EINVAL;
	/* The other side has relied on it since. */
	if ((mine->flags & MAILBOX_RING_HEAVY) && !(flags & MAILBOX_RING_NOPOLL))
		return -EINVAL;
	new = aligned_alloc(128, (sizeof(*new) + 127) & ~(size_t)127);
	if (!new)
		return -ENOMEM;
	memset(new, 0, sizeof(*new));
	new->mine = mine;
	new->theirs = theirs;
	new->data = (unsigned char *)mine + page;
	new->their_data = (const unsigned char *)theirs + page;
	new->size = size;
	new->their_size = their_size;
	new->mask = size - 1;
	new->their_mask = their_size - 1;
	new->transport = transport;
	new->context = context;
	new->fd = -1;
	new->spin = one_cpu() ? 0 : SPIN;
	/* a side may be let go of, and mapped again */
	new->out.next = mine->head;
	/* no room, until a look at the other side's tail has shown that it can be */
	new->out.end = mine->head;
	new->in.next = mine->tail;
	new->in.head = mine->tail;
	new->in.limit = their_size;
	/* Who had the side before, or has it too, has found the other one lying. */
	if (__atomic_load_n(&mine->closed, __ATOMIC_RELAXED)) {
		new->broken = 1;
		new->in.limit = 0;
	}
	new->in.pause = 1;
	new->never[0] = 1;
	new->out.watch = new->never;
	new->in.watch = new->never;

	if (membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED)) {
		/* Who had the side before could; and the other one relies on it. */
		if (mine->flags & MAILBOX_RING_HEAVY) {
			free(new);
			return -EPERM;
		}
	} else {
		new->registered = 1;
		/* From before the first sleep on, and for good; with see_flags(). */
		if (flags & MAILBOX_RING_NOPOLL)
			__atomic_store_n(&mine->flags, MAILBOX_RING_HEAVY, __ATOMIC_RELEASE);
	}
	*ring = new;
	return 0;
}

void mailbox_ring_close(struct mailbox_ring *ring)
{
	if (!ring)
		return;
	ring->transport->close(ring);
	free(ring);
}

/*
 * A full barrier.  Not __atomic_thread_fence(), of which gcc warns under the
 * thread sanitizer, which does not see what a fence orders.  It need not: what
 * this one orders is atomic, and no plain access relies on it.
 */
static void fence(void)
{
	__sync_synchronize();
}

/*
 * The other side lies: this one is closed for it, and it for this one.  @closed
 * pairs with the acquire in the other side's closed(), @data_poll with its look in
 * mailbox__ring_published(), which a WAKE, a barrier, makes it see.  @broken is this
 * side's threads' own: who does not see it yet finds the lie for itself.
 */
static int broken(struct mailbox_ring *ring)
{
	if (!__atomic_exchange_n(&ring->broken, 1, __ATOMIC_RELAXED)) {
		__atomic_store_n(&ring->mine->closed, 1, __ATOMIC_RELEASE);
		__atomic_store_n(&ring->mine->data_poll, 1, __ATOMIC_RELAXED);
		ring->transport->wake(ring, MAILBOX_RING_DATA | MAILBOX_RING_ROOM);
	}
	return -EPROTO;
}

static bool is_broken(const struct mailbox_ring *ring)
{
	return __atomic_load_n(&ring->broken, __ATOMIC_RELAXED);
}

/* Nothing more is read: no head is right any more. */
int mailbox__ring_broken(struct mailbox_ring *ring)
{
	ring->in.next = ring->mine->tail;
	ring->in.head = ring->mine->tail;
	ring->in.limit = 0;
	return broken(ring);
}

static bool closed(const struct mailbox_ring *ring)
{
	/*
	 * With the release in broken(), or the kernel's when the last handle goes:
	 * what it published before is seen by who sees this.
	 */
	return __atomic_load_n(&ring->theirs->closed, __ATOMIC_ACQUIRE);
}

/*
 * Once the other side says so it stands by it; so it need not be asked often.  With
 * the release in mailbox_ring_attach().  @light and @watch are for this side's other
 * thread, with barrier() and mailbox__ring_watched(): until it sees them it makes a
 * barrier more than it need.
 */
static inline void see_flags(struct mailbox_ring *ring)
{
	if (!ring->registered ||
	    !(__atomic_load_n(&ring->theirs->flags, __ATOMIC_ACQUIRE) & MAILBOX_RING_HEAVY))
		return;
	__atomic_store_n(&ring->light, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->out.watch, &ring->theirs->data_wait, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->in.watch, &ring->theirs->room_wait, __ATOMIC_RELAXED);
}

/* See what the other side has released. */
static int see_tail(struct mailbox_ring *ring)
{
	/* with the release in mailbox_ring_release() */
	uint32_t tail = __atomic_load_n(&ring->theirs->tail, __ATOMIC_ACQUIRE);
	uint32_t before = ring->out.end - ring->size;

	if (is_broken(ring))
		return -EPROTO;
	/* Not back, and not beyond what was published. */
	if (tail - before > ring->mine->head - before)
		return broken(ring);
	ring->out.end = tail + ring->size;
	see_flags(ring);
	return 0;
}

int mailbox__ring_room(struct mailbox_ring *ring, size_t length)
{
	int result;

	if (length > ring->size - sizeof(struct mailbox_ring_record))
		return -EMSGSIZE;
	result = see_tail(ring);
	if (result)
		return result;
	/* Room is of no use where nobody reads. */
	if (closed(ring))
		return -EPIPE;
	return mailbox__ring_span(length) <= ring->out.end - ring->out.next ? 0 : -EAGAIN;
}

/* See what the other side has published; 0 where it is more than was read. */
static int see_head(struct mailbox_ring *ring)
{
	/* with the release in mailbox_ring_commit() */
	uint32_t head = __atomic_load_n(&ring->theirs->head, __ATOMIC_ACQUIRE);
	uint32_t tail = ring->mine->tail;

	/* Not back, not more than fits, and where a record can end. */
	if (head != ring->in.head &&
	    (head - tail < ring->in.head - tail || head - tail > ring->in.limit ||
	     ((head - tail) & 7)))
		return mailbox__ring_broken(ring);
	ring->in.head = head;
	see_flags(ring);
	return ring->in.head == ring->in.next ? -EAGAIN : 0;
}

/*
 * The barrier between this side's store and its look at the other side's *_wait and
 * *_poll; see mailbox__ring_watched().  With it those loads need no order of their own:
 * their partners are announce() and the kernel's show_polls(), each with its barrier.
 */
static void barrier(struct mailbox_ring *ring)
{
	if (__atomic_load_n(&ring->light, __ATOMIC_RELAXED))
		return;
	fence();
	see_flags(ring);
}

int mailbox__ring_published(struct mailbox_ring *ring)
{
	const struct mailbox_ring_page *theirs = ring->theirs;
	uint32_t wait;
	bool polled;

	barrier(ring);
	wait = __atomic_load_n(&theirs->data_wait, __ATOMIC_RELAXED);
	polled = __atomic_load_n(&theirs->data_poll, __ATOMIC_RELAXED);
	if (!wait && !polled)
		return 0;
	if (closed(ring))
		return -EPIPE;
	/* It wakes already. */
	if (wait == ring->out.woken && !polled)
		return 0;
	ring->out.woken = wait;
	return ring->transport->wake(ring, MAILBOX_RING_DATA);
}

/*
 * Wake a producer that waits for room, where there is enough for it: and half of
 * the ring, so that it is not woken for each record; or @any, where this side is
 * not going to release more soon.
 */
static void tell_of_room(struct mailbox_ring *ring, bool any)
{
	const struct mailbox_ring_page *theirs = ring->theirs;
	uint32_t tail, wait, room_at, used;
	bool polled, half;

	barrier(ring);
	wait = __atomic_load_n(&theirs->room_wait, __ATOMIC_ACQUIRE);
	polled = __atomic_load_n(&theirs->room_poll, __ATOMIC_RELAXED);
	if (!wait && !polled)
		return;
	/* written before @room_wait; where that is still an older one's, only a hint */
	room_at = __atomic_load_n(&theirs->room_at, __ATOMIC_RELAXED);
	/* also by the thread that produces, when it sleeps */
	tail = __atomic_load_n(&ring->mine->tail, __ATOMIC_RELAXED);
	/*
	 * A poller waits for half of the ring, as the kernel tells it.  An old @head is one
	 * with more room: at worst somebody is woken who then looks for itself.  @in.woken is
	 * between this side's two threads, which at worst both wake.
	 */
	used = __atomic_load_n(&theirs->head, __ATOMIC_RELAXED) - tail;
	half = used <= ring->their_size / 2;
	if (!(polled && half) &&
	    !(wait && wait != __atomic_load_n(&ring->in.woken, __ATOMIC_RELAXED) &&
	      (int32_t)(tail - room_at) >= 0 && (half || any)))
		return;
	__atomic_store_n(&ring->in.woken, wait, __ATOMIC_RELAXED);
	ring->transport->wake(ring, MAILBOX_RING_ROOM);
}

void mailbox__ring_released(struct mailbox_ring *ring)
{
	tell_of_room(ring, false);
}

int mailbox__ring_more(struct mailbox_ring *ring)
{
	int result;

	if (is_broken(ring))
		return -EPROTO;
	result = see_head(ring);
	if (result == -EAGAIN && closed(ring)) {
		result = see_head(ring);
		return result == -EAGAIN ? -EPIPE : result;
	}
	/* Who has read all and released less may be about to poll: as before a sleep. */
	if (result == -EAGAIN && ring->in.next != ring->mine->tail)
		tell_of_room(ring, true);
	return result;
}

/* Which of the events hold; or why none of them ever will. */
static int look(struct mailbox_ring *ring, uint32_t events, size_t length)
{
	int data = 0, room = 0, ready = 0;

	/* First: where that says that the other side is gone, this sees all that it left. */
	if (events & MAILBOX_RING_ROOM) {
		room = mailbox__ring_room(ring, length);
		if (!room)
			ready |= MAILBOX_RING_ROOM;
	}
	if (events & MAILBOX_RING_DATA) {
		data = mailbox__ring_more(ring);
		if (!data)
			ready |= MAILBOX_RING_DATA;
	}
	if (ready)
		return ready;
	if (data && data != -EAGAIN)
		return data;
	return room == -EAGAIN ? 0 : room;
}

/* Another number for each sleep, whoever has the side mapped, and never 0. */
static uint32_t next_ticket(uint32_t *ticket)
{
	if (!++*ticket)
		++*ticket;
	return *ticket;
}

/* Say that this side is about to sleep, and see to it that the other sees. */
static int announce(struct mailbox_ring *ring, uint32_t events, uint32_t need)
{
	struct mailbox_ring_page *mine = ring->mine;

	if (events & MAILBOX_RING_ROOM) {
		__atomic_store_n(&mine->room_at, ring->out.next + need - ring->size,
				 __ATOMIC_RELAXED);
		/* with the acquire in tell_of_room() */
		__atomic_store_n(&mine->room_wait, next_ticket(&mine->room_ticket),
				 __ATOMIC_RELEASE);
	}
	if (events & MAILBOX_RING_DATA)
		__atomic_store_n(&mine->data_wait, next_ticket(&mine->data_ticket),
				 __ATOMIC_RELAXED);

	/*
	 * With mailbox__ring_watched(): for both sides, or for this one.  Only this side sets
	 * @flags, before its first sleep.
	 */
	if ((__atomic_load_n(&mine->flags, __ATOMIC_RELAXED) & MAILBOX_RING_HEAVY) &&
	    membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED))
		return -errno;
	fence();
	return 0;
}

/* Who sees the old number wakes once too often; nobody relies on an order here. */
static void retract(struct mailbox_ring *ring, uint32_t events)
{
	if (events & MAILBOX_RING_ROOM)
		__atomic_store_n(&ring->mine->room_wait, 0, __ATOMIC_RELAXED);
	if (events & MAILBOX_RING_DATA)
		__atomic_store_n(&ring->mine->data_wait, 0, __ATOMIC_RELAXED);
}

/* In a small ring the other side soon has nothing left to do. */
static unsigned int pause_most(uint32_t size)
{
	return size / 1024 < PAUSE ? size / 1024 : PAUSE;
}

/*
 * Has the other side stored anything since it was last looked at?  A hint: look()
 * follows, with the acquires.
 */
static bool stirs(const struct mailbox_ring *ring, uint32_t events)
{
	const struct mailbox_ring_page *theirs = ring->theirs;

	if ((events & MAILBOX_RING_DATA) &&
	    __atomic_load_n(&theirs->head, __ATOMIC_RELAXED) != ring->in.head)
		return true;
	return (events & MAILBOX_RING_ROOM) &&
	       __atomic_load_n(&theirs->tail, __ATOMIC_RELAXED) != ring->out.end - ring->size;
}

/*
 * Who looks at a word all the time takes its cache line away from who writes it,
 * for each record, and then both go at the pace of that.  So who has caught up
 * with a stream looks away for a while, and finds many; likewise who has filled
 * the ring.  Not who waits for an answer, nor where records come seldom.
 */
static unsigned int pause_between(const struct mailbox_ring *ring, uint32_t events)
{
	if (events == MAILBOX_RING_DATA)
		return ring->in.pause;
	if (events == MAILBOX_RING_ROOM)
		return pause_most(ring->size);
	return 1;
}

/* @head is this side's own; if its other thread moves it just now, either will do. */
static void pause_next_time(struct mailbox_ring *ring, unsigned int waited)
{
	uint32_t said = __atomic_load_n(&ring->mine->head, __ATOMIC_RELAXED);

	if (said != ring->in.said || ring->in.head - ring->in.next < waited * STREAM)
		ring->in.pause = 1;
	else if (ring->in.pause < pause_most(ring->their_size))
		ring->in.pause *= 2;
	ring->in.said = said;
}

/*
 * The next record is written before the index that tells of it: its cache lines
 * and that one's may come together.
 */
static void expect_record(const struct mailbox_ring *ring)
{
	const unsigned char *place = ring->their_data + (ring->in.next & ring->their_mask);

	__builtin_prefetch(place);
	__builtin_prefetch(place + LINE);
}

/* Look for a while without a sleep: as look(). */
static int spin(struct mailbox_ring *ring, uint32_t events, size_t length)
{
	unsigned int pause = pause_between(ring, events), waited = 0, i;
	int ready;

	do {
		ready = look(ring, events, length);
		while (!ready && waited < ring->spin) {
			for (i = 0; i < pause; i++)
				relax();
			waited += pause;
			if (events & MAILBOX_RING_DATA)
				expect_record(ring);
			if (stirs(ring, events))
				break;
		}
	} while (!ready && waited < ring->spin);
	if (events & MAILBOX_RING_DATA)
		pause_next_time(ring, waited);
	return ready;
}

/*
 * The other side tells of room where that is half of the ring, or where it has read all
 * or sleeps.  If it reads a little and then has to do with something else, nobody wakes
 * who waits for less than half: so that looks now and then.  It is still announced then,
 * and goes on sleeping at once, so that a signal hardly comes in between.
 */
static int sleep_until(struct mailbox_ring *ring, uint32_t events, size_t room,
		       int64_t deadline)
{
	for (;;) {
		int64_t nap = events & MAILBOX_RING_ROOM ? mailbox_deadline_ms(NAP) : deadline;
		int result = ring->transport->wait(ring, events, nap < deadline ? nap : deadline);

		if (result != -ETIMEDOUT || nap >= deadline)
			return result;
		if (look(ring, events, room))
			return 0;
	}
}

int mailbox_ring_wait(struct mailbox_ring *ring, uint32_t events, size_t room,
		      int64_t deadline)
{
	uint32_t need = (uint32_t)mailbox__ring_span(0);
	int ready;

	if (!events || (events & ~(MAILBOX_RING_DATA | MAILBOX_RING_ROOM)))
		return -EINVAL;
	if (events & MAILBOX_RING_ROOM) {
		if (room > ring->size - sizeof(struct mailbox_ring_record))
			return -EMSGSIZE;
		need = (uint32_t)mailbox__ring_span(room);
		/* Nobody makes room where this side holds it reserved. */
		if (need > ring->size - (ring->out.next - ring->mine->head))
			return -EMSGSIZE;
	}
	for (;;) {
		int slept = 0;

		ready = spin(ring, events, room);
		if (ready)
			return ready;
		slept = announce(ring, events, need);
		ready = look(ring, events, room);
		if (!ready && !slept) {
			/* Who holds records while it sleeps may hold most of the ring. */
			tell_of_room(ring, true);
			slept = sleep_until(ring, events, room, deadline);
		}
		retract(ring, events);
		if (!ready && slept)
			ready = look(ring, events, room);
		if (ready)
			return ready;
		if (slept)
			return slept;
	}
}

/* --- copying -------------------------------------------------------------- */

static int reserve_later(struct mailbox_ring *ring, size_t length, void **place,
			 int64_t deadline)
{
	int result;

	while ((result = mailbox_ring_reserve(ring, length, place)) == -EAGAIN) {
		result = mailbox_ring_wait(ring, MAILBOX_RING_ROOM, length, deadline);
		if (result < 0)
			break;
	}
	return result;
}

int mailbox__ring_send(struct mailbox_ring *ring, const void *buffer, size_t length,
		       int64_t deadline)
{
	void *place;
	int result = reserve_later(ring, length, &place, deadline);

	if (result)
		return result;
	memcpy(place, buffer, length);
	return mailbox_ring_commit(ring);
}

/* The sum of the pieces, or SIZE_MAX: more than any record holds. */
static size_t total(const struct iovec *iov, int count)
{
	size_t sum = 0;
	int i;

	for (i = 0; i < count; i++)
		if (__builtin_add_overflow(sum, iov[i].iov_len, &sum))
			return SIZE_MAX;
	return sum;
}

int mailbox_ring_sendv(struct mailbox_ring *ring, const struct iovec *iov, int count,
		       int64_t deadline)
{
	unsigned char *to;
	void *place;
	int i, result;

	if (count < 0)
		return -EINVAL;
	result = reserve_later(ring, total(iov, count), &place, deadline);
	if (result)
		return result;
	to = place;
	for (i = 0; i < count; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
	return mailbox_ring_commit(ring);
}

/* The next record, if it fits; else it is as if it had not been looked at. */
static ssize_t peek_later(struct mailbox_ring *ring, const void **place, size_t room,
			  int64_t deadline)
{
	ssize_t length;

	while ((length = mailbox_ring_peek(ring, place)) == -EAGAIN) {
		length = mailbox_ring_wait(ring, MAILBOX_RING_DATA, 0, deadline);
		if (length < 0)
			break;
	}
	if (length > 0 && (size_t)length > room) {
		ring->in.next -= (uint32_t)mailbox__ring_span((size_t)length);
		return -EMSGSIZE;
	}
	return length;
}

ssize_t mailbox__ring_receive(struct mailbox_ring *ring, void *buffer, size_t length,
			      int64_t deadline)
{
	const void *place;
	ssize_t result = peek_later(ring, &place, length, deadline);

	if (result < 0)
		return result;
	memcpy(buffer, place, (size_t)result);
	mailbox_ring_release(ring);
	return result;
}

ssize_t mailbox_ring_receivev(struct mailbox_ring *ring, const struct iovec *iov,
			      int count, int64_t deadline)
{
	const unsigned char *from;
	const void *place;
	ssize_t result;
	size_t left;
	int i;

	if (count < 0)
		return -EINVAL;
	result = peek_later(ring, &place, total(iov, count), deadline);
	if (result < 0)
		return result;
	from = place;
	left = (size_t)result;
	for (i = 0; i < count && left; i++) {
		size_t piece = iov[i].iov_len < left ? iov[i].iov_len : left;

		memcpy(iov[i].iov_base, from, piece);
		from += piece;
		left -= piece;
	}
	mailbox_ring_release(ring);
	return result;
}
