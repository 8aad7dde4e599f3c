/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rings: records through memory that the two ends of a channel share.
 *
 * While both sides run there is no system call.  What is published is published
 * by one store; what is read is released by one store; a side that finds nothing
 * to do says so in its own page before it sleeps, and the other, after a store,
 * looks there.
 *
 *	producer			consumer
 *	mailbox_ring_reserve()		mailbox_ring_peek()
 *	  write the record in place	  read the record in place
 *	mailbox_ring_commit()		mailbox_ring_release()
 *
 * Rules:
 *
 * - One thread of a process produces and one consumes, at a time; they may be
 *   two.  A struct mailbox_ring belongs to one process: after fork(2) one of the
 *   two goes on with it.
 * - Nothing that the other side writes is trusted: indexes and lengths that
 *   cannot be give -EPROTO, from then on in every call that needs to look at
 *   them, and the other side -EPIPE.  A record's payload lies
 *   in the other side's memory and may change while it is looked at; who cannot
 *   bear that copies it first, by mailbox_ring_receive().
 * - Functions return 0, a length or a set of events, or a negative errno.
 *
 * The fast paths are here, to be inlined, and what they may call is in the
 * library.  The atomics are those of C11, by the compiler's names, which C++ knows too;
 * each names its partner.
 */
#ifndef _MAILBOX_RING_H
#define _MAILBOX_RING_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <mailbox.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mailbox_ring;

/**
 * struct mailbox_ring_transport - how a side sleeps, and wakes the other one
 * @wait: sleep until the other side wakes this one for one of @events, or
 *	@deadline; may return for nothing, and must if there was such a wake since
 *	the last time.  0 or a negative errno
 * @wake: wake the other side for @events
 * @close: let go of what the ring was made of
 *
 * The library brings one for channels; others are for tests and for memory that
 * is shared in another way.
 */
struct mailbox_ring_transport {
	int (*wait)(struct mailbox_ring *ring, uint32_t events, int64_t deadline);
	int (*wake)(struct mailbox_ring *ring, uint32_t events);
	void (*close)(struct mailbox_ring *ring);
};

/**
 * struct mailbox_ring - one side of a pair of rings
 * @mine: this side's page; its @head and @tail say what this side has published
 *	and released
 * @theirs: the other side's
 * @data: where this side's records go, mapped twice
 * @their_data: where the other side's records are, mapped twice
 * @size: bytes in @data, a power of two
 * @their_size: bytes in @their_data
 * @mask: @size - 1
 * @their_mask: @their_size - 1
 * @registered: this process makes the barriers that another asks it for
 * @light: and the other side asks for them before it sleeps
 * @never: two words that are never 0
 * @broken: the other side broke the rules
 * @spin: for how many pauses to look again before a sleep
 * @transport: how to sleep and wake
 * @context: the transport's
 * @fd: the transport's
 * @out: the producer's: reserved up to @next, room up to @end, which is @size
 *	ahead of what the other side had released when last looked at; @watch: what
 *	to look at after each store, the other side's words if @light, else @never;
 *	@woken: which of the other side's sleeps it ended last
 * @in: the consumer's: seen up to @next, published by the other side up to
 *	@head when it was last looked at, which is @limit bytes ahead at most, or
 *	0 if @broken; @pause between two looks; @said: what this side had published when
 *	it waited last; the rest as above
 *
 * Made by the library, for the functions below.
 */
struct mailbox_ring {
	struct mailbox_ring_page *mine;
	const struct mailbox_ring_page *theirs;
	unsigned char *data;
	const unsigned char *their_data;
	uint32_t size;
	uint32_t their_size;
	uint32_t mask;
	uint32_t their_mask;
	int registered;
	int light;
	uint32_t never[2] __attribute__((aligned(8)));
	int broken;
	unsigned int spin;
	const struct mailbox_ring_transport *transport;
	void *context;
	int fd;
	struct {
		const uint32_t *watch;
		uint32_t next;
		uint32_t end;
		uint32_t woken;
	} out __attribute__((aligned(128)));
	struct {
		const uint32_t *watch;
		uint32_t next;
		uint32_t head;
		uint32_t limit;
		uint32_t pause;
		uint32_t said;
		uint32_t woken;
	} in __attribute__((aligned(128)));
};

/*
 * mailbox_ring_open(): this side never polls the channel's descriptor; then the
 * barrier that sleeping needs is made by who goes to sleep, not by who sends.
 * It holds for good: who opens the side again says so again.
 */
#define MAILBOX_RING_NOPOLL	0x1

/**
 * mailbox_ring_open() - map the rings of a channel's end
 * @fd: the end; the caller's, and it must stay open as long as the ring
 * @flags: MAILBOX_RING_NOPOLL or 0
 * @ring: set
 * @error: filled on failure; may be NULL
 *
 * Return: 0; -EBADF; -ENOTTY: no end of a channel, or one without rings; -EINVAL,
 * -ENOMEM, -EACCES; -EPERM: who had the side before makes the barriers for the
 * other one, and here membarrier(2) is refused.
 */
int mailbox_ring_open(int fd, unsigned int flags, struct mailbox_ring **ring,
		      struct mailbox_error *error);

/**
 * mailbox_ring_attach() - rings in memory that is shared in another way
 * @mine: this side's page, and behind it its data twice
 * @size: bytes of its data: a power of two, MAILBOX_RING_MIN..MAILBOX_RING_MAX
 * @theirs: the other side's
 * @their_size: bytes of its data
 * @flags: MAILBOX_RING_NOPOLL or 0
 * @transport: how to sleep and wake
 * @context: for the transport, in ring->context
 * @ring: set
 *
 * A side that is closed (@closed in its page) stays so: all calls say -EPROTO.
 *
 * Return: 0, -EINVAL, -ENOMEM or -EPERM.
 */
int mailbox_ring_attach(struct mailbox_ring_page *mine, uint32_t size,
			const struct mailbox_ring_page *theirs, uint32_t their_size,
			unsigned int flags,
			const struct mailbox_ring_transport *transport,
			void *context, struct mailbox_ring **ring);

/**
 * mailbox_ring_close() - let go of the rings; records not committed are dropped
 * @ring: made by mailbox_ring_open() or mailbox_ring_attach(); may be NULL
 */
void mailbox_ring_close(struct mailbox_ring *ring);

/**
 * mailbox_ring_wait() - until there is something to do
 * @ring: the ring
 * @events: MAILBOX_RING_DATA, MAILBOX_RING_ROOM or both
 * @room: with ROOM: bytes of payload that a record is to hold
 * @deadline: as everywhere in this library; one in the past does not wait
 *
 * Spins a little, then sleeps.
 *
 * Return: those of @events that hold; -ETIMEDOUT, -EINTR; -EPIPE: the other
 * side is gone, and with DATA all that it had published has been read; -EPROTO;
 * -EMSGSIZE: no record can hold @room, or not while so much of the ring is
 * reserved; -EINVAL; what membarrier(2) says where it is refused after
 * mailbox_ring_open() could use it; over a channel also -EAGAIN (the end is
 * O_NONBLOCK) and -EBADF (another thread has closed its descriptor).
 */
int mailbox_ring_wait(struct mailbox_ring *ring, uint32_t events, size_t room,
		      int64_t deadline);

/**
 * mailbox_ring_sendv() - mailbox_ring_send() of pieces
 * @ring: the ring
 * @iov: the pieces, which make one record
 * @count: how many
 * @deadline: how long to wait for room
 *
 * Return: as mailbox_ring_send().
 */
int mailbox_ring_sendv(struct mailbox_ring *ring, const struct iovec *iov, int count,
		       int64_t deadline);

/**
 * mailbox_ring_receivev() - mailbox_ring_receive() into pieces
 * @ring: the ring
 * @iov: the pieces of room, filled one after the other
 * @count: how many
 * @deadline: how long to wait for a record
 *
 * Return: as mailbox_ring_receive().
 */
ssize_t mailbox_ring_receivev(struct mailbox_ring *ring, const struct iovec *iov,
			      int count, int64_t deadline);

/* The rest of the functions below; not to be called. */
int mailbox__ring_room(struct mailbox_ring *ring, size_t length);
int mailbox__ring_more(struct mailbox_ring *ring);
int mailbox__ring_published(struct mailbox_ring *ring);
void mailbox__ring_released(struct mailbox_ring *ring);
int mailbox__ring_broken(struct mailbox_ring *ring);
int mailbox__ring_send(struct mailbox_ring *ring, const void *buffer, size_t length,
		       int64_t deadline);
ssize_t mailbox__ring_receive(struct mailbox_ring *ring, void *buffer, size_t length,
			      int64_t deadline);

#define mailbox__unlikely(condition)	__builtin_expect(!!(condition), 0)

/*
 * A store of this side's, and then a load of the other's words that say whether
 * it sleeps, must not pass each other; with the sleeper's
 *
 *	store *_wait; barrier; load head or tail	mailbox_ring_wait(), poll
 *
 * this makes that one of the two sees the other's store.  Where the sleeper
 * makes the barrier for both sides, here the compiler is all that is in the way;
 * elsewhere @watch is @never, and mailbox__ring_published() and _released() make
 * the barrier and look.
 */
static inline int mailbox__ring_watched(const uint32_t *const *watch)
{
	const uint32_t *words = __atomic_load_n(watch, __ATOMIC_RELAXED);

	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#if UINTPTR_MAX > UINT32_MAX
	{
		typedef uint64_t __attribute__((may_alias)) both;

		return __atomic_load_n((const both *)(const void *)words,
				       __ATOMIC_RELAXED) != 0;
	}
#else
	return (__atomic_load_n(words, __ATOMIC_RELAXED) |
		__atomic_load_n(words + 1, __ATOMIC_RELAXED)) != 0;
#endif
}

/* 64 bits, so that no length that the other side writes comes around. */
static inline uint64_t mailbox__ring_span(uint64_t length)
{
	return (sizeof(struct mailbox_ring_record) + length + 7) & ~(uint64_t)7;
}

/* Does a record at @next, of MAILBOX_RING_MAX bytes at most, end behind @end? */
static inline int mailbox__ring_over(uint32_t end, uint32_t next, size_t length)
{
	return (int32_t)(end - (next + (uint32_t)mailbox__ring_span(length))) < 0;
}

/**
 * mailbox_ring_reserve() - room for a record
 * @ring: the ring
 * @length: bytes of payload
 * @place: set to where the payload goes, aligned to 8
 *
 * Several records may be reserved, and are published together by
 * mailbox_ring_commit() or given up together by mailbox_ring_discard().
 *
 * Return: 0, also where the other side is gone and room was left, of which
 * mailbox_ring_commit() tells; -EAGAIN: no room now, maybe for what this side has
 * reserved; -EMSGSIZE: no record can hold so much; -EPIPE: the other side is gone;
 * -EPROTO.
 */
static inline int mailbox_ring_reserve(struct mailbox_ring *ring, size_t length,
				       void **place)
{
	struct mailbox_ring_record *record;
	uint32_t next = ring->out.next;

	if (mailbox__unlikely(length > MAILBOX_RING_MAX))
		return -EMSGSIZE;
	if (mailbox__unlikely(mailbox__ring_over(ring->out.end, next, length))) {
		int result = mailbox__ring_room(ring, length);

		if (result < 0)
			return result;
	}
	record = (struct mailbox_ring_record *)
		 (void *)(ring->data + (next & ring->mask));
	record->length = (uint32_t)length;
	record->reserved = 0;
	ring->out.next = next + (uint32_t)mailbox__ring_span(length);
	*place = record + 1;
	return 0;
}

static inline int mailbox__ring_publish(struct mailbox_ring *ring, uint32_t next)
{
	/* with the acquire of @head in mailbox_ring_peek(): the records are whole */
	__atomic_store_n(&ring->mine->head, next, __ATOMIC_RELEASE);
	if (mailbox__unlikely(mailbox__ring_watched(&ring->out.watch)))
		return mailbox__ring_published(ring);
	return 0;
}

/**
 * mailbox_ring_commit() - publish what was reserved
 * @ring: the ring
 *
 * Return: 0; -EPIPE: the other side is gone, and reads it no more.
 */
static inline int mailbox_ring_commit(struct mailbox_ring *ring)
{
	return mailbox__ring_publish(ring, ring->out.next);
}

/**
 * mailbox_ring_discard() - give up what was reserved and not committed
 * @ring: the ring
 */
static inline void mailbox_ring_discard(struct mailbox_ring *ring)
{
	ring->out.next = ring->mine->head;
}

static inline const struct mailbox_ring_record *
mailbox__ring_record(const struct mailbox_ring *ring)
{
	return (const struct mailbox_ring_record *)
	       (const void *)(ring->their_data + (ring->in.next & ring->their_mask));
}

/**
 * mailbox_ring_peek() - the next record, where it is
 * @ring: the ring
 * @place: set to its payload
 *
 * Goes on to the record behind it at the next call.  What was peeked at stays
 * in place until mailbox_ring_release().
 *
 * Return: its length; -EAGAIN: there is none now; -EPIPE: nor will there be;
 * -EPROTO.
 */
static inline ssize_t mailbox_ring_peek(struct mailbox_ring *ring, const void **place)
{
	const struct mailbox_ring_record *record;
	uint32_t length, next = ring->in.next;

	if (ring->in.head == next) {
		/* with the release in mailbox_ring_commit() */
		uint32_t head = __atomic_load_n(&ring->theirs->head, __ATOMIC_ACQUIRE);

		/* Something, not back, and not more than fits. */
		if (mailbox__unlikely(head - next - 1 >= ring->in.limit)) {
			int result = mailbox__ring_more(ring);

			/* never more than 0, which is for the compiler to see */
			if (result < 0)
				return result;
		} else {
			ring->in.head = head;
		}
	}
	record = mailbox__ring_record(ring);
	/* once: it may change */
	length = __atomic_load_n(&record->length, __ATOMIC_RELAXED);
	/* Less than 8 bytes are none, should @head be no multiple of it. */
	if (mailbox__unlikely(mailbox__ring_span(length) > ring->in.head - next)) {
		mailbox__ring_broken(ring);
		return -EPROTO;
	}
	ring->in.next = next + (uint32_t)mailbox__ring_span(length);
	*place = record + 1;
	return (ssize_t)length;
}

/**
 * mailbox_ring_release() - what was peeked at may be written over
 * @ring: the ring
 */
static inline void mailbox_ring_release(struct mailbox_ring *ring)
{
	/* with the acquire in see_tail() (ring.c): the reads are done */
	__atomic_store_n(&ring->mine->tail, ring->in.next, __ATOMIC_RELEASE);
	if (mailbox__unlikely(mailbox__ring_watched(&ring->in.watch)))
		mailbox__ring_released(ring);
}

/**
 * mailbox_ring_send() - a record, copied, published at once
 * @ring: the ring
 * @buffer: its payload
 * @length: bytes
 * @deadline: how long to wait for room
 *
 * Return: 0 or what mailbox_ring_wait() says.
 */
static inline int mailbox_ring_send(struct mailbox_ring *ring, const void *buffer,
				    size_t length, int64_t deadline)
{
	uint32_t next;
	void *place;

	if (mailbox__unlikely(mailbox_ring_reserve(ring, length, &place)))
		return mailbox__ring_send(ring, buffer, length, deadline);
	next = ring->out.next;
	memcpy(place, buffer, length);
	return mailbox__ring_publish(ring, next);
}

/**
 * mailbox_ring_receive() - the next record, copied and released
 * @ring: the ring
 * @buffer: where to
 * @length: bytes of room
 * @deadline: how long to wait for one
 *
 * Records that were peeked at before are released with it.  A record that fills
 * the room costs least.
 *
 * Return: the record's length; -EMSGSIZE: it is longer than @length, and still
 * there; or what mailbox_ring_wait() says.
 */
static inline ssize_t mailbox_ring_receive(struct mailbox_ring *ring, void *buffer,
					   size_t length, int64_t deadline)
{
	const struct mailbox_ring_record *record = mailbox__ring_record(ring);
	uint32_t next = ring->in.next, head = ring->in.head;

	/* What fits into every ring, whatever the other side says. */
	if (length > MAILBOX_RING_MIN - sizeof(*record))
		goto other;
	if (mailbox__ring_over(head, next, length)) {
		/* as in mailbox_ring_peek(), when this record is read and released */
		head = __atomic_load_n(&ring->theirs->head, __ATOMIC_ACQUIRE);
		if (mailbox__unlikely(head - (next + (uint32_t)mailbox__ring_span(length)) >=
				      ring->in.limit))
			goto other;
	}
	if (mailbox__unlikely(__atomic_load_n(&record->length, __ATOMIC_RELAXED) != length))
		goto other;
	memcpy(buffer, record + 1, length);
	ring->in.head = head;
	ring->in.next = next + (uint32_t)mailbox__ring_span(length);
	mailbox_ring_release(ring);
	return (ssize_t)length;
other:
	return mailbox__ring_receive(ring, buffer, length, deadline);
}

#ifdef __cplusplus
}
#endif

#endif /* _MAILBOX_RING_H */
