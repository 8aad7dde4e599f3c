/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often a side of a ring sleeps and wakes the other one: each is a system call,
 * and the library makes no other but a membarrier(2) before a sleep.
 */
#ifndef SOAK_COUNT_H
#define SOAK_COUNT_H

#include <mailbox_ring.h>

struct soak_calls {
	uint64_t waits;
	uint64_t wakes;
};

/* Of the one ring that this process has counted. */
static struct soak_calls *soak_calls;
static const struct mailbox_ring_transport *soak_uncounted;

static inline int soak_counted_wait(struct mailbox_ring *ring, uint32_t events,
				    int64_t deadline)
{
	soak_calls->waits++;
	return soak_uncounted->wait(ring, events, deadline);
}

static inline int soak_counted_wake(struct mailbox_ring *ring, uint32_t events)
{
	soak_calls->wakes++;
	return soak_uncounted->wake(ring, events);
}

/* From here on, into @calls. */
static inline void soak_count_calls(struct mailbox_ring *ring, struct soak_calls *calls)
{
	static struct mailbox_ring_transport counting;

	soak_calls = calls;
	soak_uncounted = ring->transport;
	counting = *soak_uncounted;
	counting.wait = soak_counted_wait;
	counting.wake = soak_counted_wake;
	ring->transport = &counting;
}

/* The membarrier(2)s: each sleep that was announced has its ticket. */
static inline uint64_t soak_barriers(const struct mailbox_ring *ring)
{
	return ring->mine->flags & MAILBOX_RING_HEAVY ?
	       (uint64_t)ring->mine->data_ticket + ring->mine->room_ticket : 0;
}

#endif /* SOAK_COUNT_H */
