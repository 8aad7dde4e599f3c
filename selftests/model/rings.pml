/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the two sides of a ring sleep and wake each other: mailbox_ring_commit(),
 * _release(), _wait() and what they call (userlib/), mbipc_channel_wait(),
 * _wake() and mbipc_ring_poll() (kmod/).
 *
 * A CPU's stores go through a buffer of its own, first in, first out, and reach
 * memory some time later; its loads do not wait for them.  So a plain store and
 * a plain load behind it may pass each other, and only a barrier forbids it.
 * What a system call's lock releases has left the buffer before.
 *
 *	-DHEAVY		who goes to sleep makes the barrier for both (membarrier)
 *	-DPOLL		the consumer sleeps in poll(2), not in RING_WAIT
 *	-DFAULT_NO_BARRIER	the producer makes none, and nobody for it
 *	-DFAULT_NO_LOOK		the consumer does not look again before it sleeps
 *	-DFAULT_NO_TOKEN	a WAKE that meets nobody asleep is forgotten
 *
 * Each record is received, or the model ends where it must not: a side sleeps
 * and nobody will wake it.
 */
#define RECORDS	4
#define SIZE	2	/* records in the ring */

mtype = { HEAD, TAIL, DATA_WAIT, ROOM_WAIT, ROOM_AT, POLLS };

/* memory, as the other side sees it */
byte head, tail, data_wait, room_wait, room_at, polls;

/* the kernel's, under the mailbox's lock */
bool woken_consumer, woken_producer;
bool consumer_asleep, producer_asleep, polled;

chan producer_stores = [4] of { mtype, byte };
chan consumer_stores = [4] of { mtype, byte };

inline reach_memory(stores)
{
	atomic {
		stores ? word, value;
		if
		:: word == HEAD -> head = value
		:: word == TAIL -> tail = value
		:: word == DATA_WAIT -> data_wait = value
		:: word == ROOM_WAIT -> room_wait = value
		:: word == ROOM_AT -> room_at = value
		:: word == POLLS -> polls = value
		fi
	}
}

active proctype producer_buffer()
{
	mtype word;
	byte value;
end:	do
	:: reach_memory(producer_stores)
	od
}

active proctype consumer_buffer()
{
	mtype word;
	byte value;
end:	do
	:: reach_memory(consumer_stores)
	od
}

/* a barrier: what this CPU stored is seen */
#define barrier(stores)	empty(stores)

/* mbipc_channel_wake(), for data; its lock releases what was stored before */
inline wake_consumer()
{
	barrier(producer_stores);
	atomic {
		if
		:: consumer_asleep -> consumer_asleep = false
		:: else ->
#ifndef FAULT_NO_TOKEN
			woken_consumer = true
#else
			skip
#endif
		fi;
		if
		:: polled -> polled = false; polls = 0
		:: else
		fi
	}
}

inline wake_producer()
{
	barrier(consumer_stores);
	atomic {
		if
		:: producer_asleep -> producer_asleep = false
		:: else -> woken_producer = true
		fi
	}
}

active proctype producer()
{
	byte sent, seen, woken, ticket, theirs;

	do
	:: sent == RECORDS -> break
	:: else ->
		/* mailbox_ring_reserve(), mailbox_ring_wait(ROOM) */
		do
		:: seen = tail;
			if
			:: sent - seen < SIZE -> break
			:: else
			fi;
			/* announce() */
			producer_stores ! ROOM_AT, sent + 1 - SIZE;
			ticket++;
			producer_stores ! ROOM_WAIT, ticket;
			barrier(producer_stores);
#ifdef HEAVY
			barrier(consumer_stores);
#endif
			seen = tail;
			if
			:: sent - seen < SIZE
			:: else ->
				atomic {
					if
					:: woken_producer -> woken_producer = false
					:: else -> producer_asleep = true
					fi
				};
				!producer_asleep
			fi;
			producer_stores ! ROOM_WAIT, 0
		od;
		/* mailbox_ring_commit() */
		sent++;
		producer_stores ! HEAD, sent;
#if !defined(HEAVY) && !defined(FAULT_NO_BARRIER)
		barrier(producer_stores);
#endif
		theirs = data_wait;
		if
		:: theirs && theirs != woken -> woken = theirs; wake_consumer()
		:: else ->
#ifdef POLL
			if
			:: polls -> wake_consumer()
			:: else
			fi
#else
			skip
#endif
		fi
	od
}

active proctype consumer()
{
	byte received, seen, woken, ticket, theirs, at;

	do
	:: received == RECORDS -> break
	:: else ->
		/* mailbox_ring_peek(), mailbox_ring_wait(DATA) */
		do
		:: seen = head;
			if
			:: seen != received -> break
			:: else
			fi;
#ifdef POLL
			/* mbipc_ring_poll(), and the wait queue it is on */
			atomic { polled = true; consumer_asleep = true; polls = 1 };
			barrier(consumer_stores);
			seen = head;
			if
			:: seen != received -> consumer_asleep = false
			:: else -> !consumer_asleep
			fi
#else
			/* announce() */
			ticket++;
			consumer_stores ! DATA_WAIT, ticket;
			barrier(consumer_stores);
#ifdef HEAVY
			barrier(producer_stores);
#endif
#ifndef FAULT_NO_LOOK
			seen = head;
#endif
			if
			:: seen != received
			:: else ->
				/* mbipc_channel_wait() */
				atomic {
					if
					:: woken_consumer -> woken_consumer = false
					:: else -> consumer_asleep = true
					fi
				};
				!consumer_asleep
			fi;
			consumer_stores ! DATA_WAIT, 0
#endif
		od;
		/* no record before it was published, and none twice */
		assert(seen > received && seen <= RECORDS && seen - received <= SIZE);
		/* mailbox_ring_release() */
		received++;
		consumer_stores ! TAIL, received;
#ifndef HEAVY
		barrier(consumer_stores);
#endif
		theirs = room_wait;
		at = room_at;
		if
		:: theirs && theirs != woken && received >= at ->
			woken = theirs;
			wake_producer()
		:: else
		fi
	od
}
