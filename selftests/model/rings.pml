/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the two sides of a ring sleep and wake each other: the library's
 * userlib/src/ring.c and mailbox_ring.h, and kmod/channel.c, ring.c and life.c.
 *
 * A CPU's stores go through a buffer of its own, first in, first out, and reach
 * memory some time later; its loads do not wait for them.  So a plain store and
 * a plain load behind it may pass each other, and only a barrier forbids it.
 * The mailbox's lock is released by such a store as well.
 *
 * Each call ends: each record is received, or the other side has gone, and what
 * it had published has been received.  An inline in small letters stands for the
 * function that has its name; what only the model needs is in capitals.
 *
 *	RECORDS, SIZE	to be sent; that fit into the ring
 *	HEAVY		who goes to sleep makes the barrier for both (membarrier)
 *	POLL		sides sleep in poll(2) or in RING_WAIT, as they like
 *	EDGE		the consumer sleeps in epoll_wait(2), by EPOLLET
 *	HOLD		the consumer may keep records while it waits for more
 *	HURRY		a wait may end by its deadline or a signal, once on each side
 *	KILL=0, KILL=1	the producer, or the consumer, dies, whenever that is
 *	BACK		the consumer may let go of the ring, and map it again
 *	BOTH		the consumer waits for either event, and may be told of the other
 *	NEIGHBOUR	another thread of the consumer's waits for the other event
 */
#ifndef RECORDS
#define RECORDS	4
#endif
#ifndef SIZE
#define SIZE	2
#endif

#define PRODUCER	0
#define CONSUMER	1
#define DATA		1
#define ROOM		2

mtype:result = { OK, AGAIN, SLEEPS, EPIPE, ETIMEDOUT };
mtype:stand = { NONE, PENDING, DONE, ABORTED };

/* Memory.  The producer's page: */
byte head, room_at;
byte room_wait;
/* the consumer's page: */
byte tail;
byte data_wait;
/* in both, by side: */
bit closed[2], polled[2];	/* *_poll */

/* The kernel's, under the mailbox's lock. */
bit locked;
typedef end_t {
	byte woken;
	byte polls;
	bit left;
};
end_t ends[2];

/* Calls that wait: the producer's, the consumer's, and the neighbour's. */
typedef wait_t {
	byte end;
	byte events;
	mtype:stand state;
};
wait_t waits[3];

/* poll's wait queue, and a task that is in the kernel and does not sleep */
bit triggered[2], busy[2];
bit killed;

/* the books */
byte published;

mtype = { HEAD, TAIL, DATA_WAIT, ROOM_WAIT, ROOM_AT, CLOSED, POLLED, UNPOLLED, LOCK };
chan stores[2] = [5] of { mtype, byte };

/* for steps that are one, worth nothing between them */
hidden byte i;
hidden byte rest;

proctype BUFFER(byte me)
{
	byte value;
end:	do
	:: atomic { stores[me] ? HEAD(value) -> head = value }
	:: atomic { stores[me] ? TAIL(value) -> tail = value }
	:: atomic { stores[me] ? DATA_WAIT(value) -> data_wait = value }
	:: atomic { stores[me] ? ROOM_WAIT(value) -> room_wait = value }
	:: atomic { stores[me] ? ROOM_AT(value) -> room_at = value }
	:: atomic { stores[me] ? CLOSED(value) -> closed[value] = 1 }
	:: atomic { stores[me] ? POLLED(value) -> polled[value] = 1 }
	:: atomic { stores[me] ? UNPOLLED(value) -> polled[value] = 0 }
	:: atomic { stores[me] ? LOCK(value) -> locked = 0 }
	od
}

/* a full barrier: what this CPU stored is seen */
#define BARRIER(me)	empty(stores[me])

/* --- the kernel ----------------------------------------------------------- */

/* What was stored before is seen already: announce() has had its barrier. */
inline mbipc_channel_wait(wait, me, what)
{
	d_step {
		!locked ->
		if
#ifdef FAULT_EVENTS
		:: ends[me].woken -> ends[me].woken = 0; code = OK
#else
		:: ends[me].woken & what ->
			ends[me].woken = ends[me].woken & (3 - what);
			code = OK
#endif
		:: else ->
			if
			:: ends[1 - me].left -> code = EPIPE
			:: else ->
				code = SLEEPS;
				waits[wait].end = me;
				waits[wait].events = what;
				waits[wait].state = PENDING
			fi
		fi
	};
	if
	:: code == SLEEPS ->
		if
		:: waits[wait].state != PENDING
#ifdef HURRY
		:: hurry -> hurry = 0
#endif
		fi;
		d_step {
			!locked ->
			if
			:: waits[wait].state == DONE -> code = OK
			:: waits[wait].state == ABORTED -> code = EPIPE
			:: else -> code = ETIMEDOUT
			fi;
			waits[wait].state = NONE
		}
	:: else
	fi
}

/* and mbipc_ring_told() */
inline mbipc_channel_wake(me, what)
{
	d_step {
		!locked -> locked = 1;
		busy[me] = 1;
		rest = what;
		for (i : 0 .. 2) {
			if
			:: waits[i].state != NONE && waits[i].end == 1 - me &&
			   (waits[i].events & what) ->
				rest = rest & (3 - waits[i].events);
				if
				:: waits[i].state == PENDING -> waits[i].state = DONE
				:: else
				fi
			:: else
			fi
		};
#ifndef FAULT_NO_TOKEN
		ends[1 - me].woken = ends[1 - me].woken | rest;
#endif
		told = ends[1 - me].polls & what;
		ends[1 - me].polls = ends[1 - me].polls & (3 - told);
		rest = 0
	};
	if
	:: told && !ends[1 - me].left -> stores[me] ! UNPOLLED(1 - me)
	:: else
	fi;
	/* pollers are told when the lock is free */
	stores[me] ! LOCK(0);
	d_step {
		if
		:: told -> triggered[1 - me] = 1
		:: else
		fi;
		told = 0;
		busy[me] = 0
	}
}

inline mbipc_ring_poll(me, what, ready)
{
	d_step {
		!locked -> locked = 1;
		busy[me] = 1;
		ends[me].polls = ends[me].polls | what
	};
	stores[me] ! POLLED(me);
#ifndef FAULT_POLL_BARRIER
	BARRIER(me);
#endif
	code = (ready || ends[1 - me].left -> OK : AGAIN);
	atomic { stores[me] ! LOCK(0); busy[me] = 0 }
}

/* poll(2) */
inline POLL_FOR(me, what, ready)
{
	triggered[me] = 0;
	do
	:: mbipc_ring_poll(me, what, ready);
		if
		:: code == OK -> break
		:: else
		fi;
		triggered[me] -> triggered[me] = 0
	od
}

/* epoll_wait(2) by EPOLLET: nothing is told again */
inline EDGE_FOR(me, what, ready)
{
	do
	:: triggered[me] -> triggered[me] = 0;
		mbipc_ring_poll(me, what, ready);
		if
		:: code == OK -> break
		:: else
		fi
	od
}

/* The last handle goes, by close(2) or by its process's death; mbipc_ring_closed() */
inline leave_end(me)
{
	d_step {
		!locked -> locked = 1;
		busy[me] = 1;
		waits[me].state = NONE;
		ends[me].left = 1;
		for (i : 0 .. 2) {
			if
			:: waits[i].state == PENDING && waits[i].end == 1 - me ->
				waits[i].state = ABORTED
			:: else
			fi
		}
	};
	stores[me] ! CLOSED(me);
	stores[me] ! POLLED(me);
	stores[me] ! LOCK(0);
#ifndef FAULT_END_UNTOLD
	triggered[1 - me] = 1;
#endif
	busy[me] = 0
}

/* --- the library ---------------------------------------------------------- */

inline barrier(me)
{
#if !defined(HEAVY) && !defined(FAULT_NO_BARRIER)
	BARRIER(me)
#else
	skip	/* the compiler's */
#endif
}

/* mailbox__ring_room(): for one record */
inline mailbox__ring_room()
{
	seen = tail;
	if
	:: closed[CONSUMER] -> code = EPIPE
	:: else -> code = (next - seen < SIZE -> OK : AGAIN)
	fi
}

/* The consumer's; a producer has released everything, and has nothing to tell. */
inline tell_of_room(me, any)
{
	if
	:: me == CONSUMER ->
		theirs = room_wait;
		at = room_at;
		seen = head;
		if
		:: polled[PRODUCER] && seen - released <= SIZE / 2 ->
			woken = theirs;
			mbipc_channel_wake(me, ROOM)
		:: else ->
			if
#ifdef FAULT_HALF
			:: theirs && theirs != woken && released >= at &&
			   seen - released <= SIZE / 2 ->
#else
			:: theirs && theirs != woken && released >= at &&
			   (any || seen - released <= SIZE / 2) ->
#endif
				woken = theirs;
				mbipc_channel_wake(me, ROOM)
			:: else
			fi
		fi
	:: else
	fi
}

/* mailbox__ring_more(): records, or none, or none any more */
inline mailbox__ring_more()
{
	seen = head;
	if
	:: seen != next -> code = OK
	:: else ->
		if
		:: closed[PRODUCER] ->
#ifndef FAULT_REST_LOST
			seen = head;
#endif
			code = (seen != next -> OK : EPIPE)
		:: else ->
#if defined(HOLD) && !defined(FAULT_HELD)
			if
			:: next != released ->
				barrier(CONSUMER);
				tell_of_room(CONSUMER, true)
			:: else
			fi;
#endif
			code = AGAIN
		fi
	fi
}

inline mailbox__ring_published()
{
	if
	:: closed[CONSUMER] -> code = EPIPE
	:: else ->
		if
		:: theirs == woken && !polled[CONSUMER] /* it wakes already */
		:: else ->
			woken = theirs;
			mbipc_channel_wake(PRODUCER, DATA)
		fi;
		code = OK
	fi
}

/* Which of the events hold; as this model's sides ask for one, or why it never will */
inline look(me)
{
	if
	:: me == CONSUMER -> mailbox__ring_more()
	:: else -> mailbox__ring_room()
	fi
}

inline announce(me)
{
	ticket++;
	if
	:: me == CONSUMER -> stores[me] ! DATA_WAIT(ticket)
	:: else ->
		stores[me] ! ROOM_AT(next + 1 - SIZE);
		stores[me] ! ROOM_WAIT(ticket)
	fi;
#if defined(HEAVY) && !defined(FAULT_MEMBARRIER)
	/* membarrier(2): first its caller's, then everybody's */
	BARRIER(me);
	BARRIER(1 - me);
#endif
#ifndef FAULT_OWN_BARRIER
	BARRIER(me)
#else
	skip
#endif
}

inline retract(me)
{
	if
	:: me == CONSUMER -> stores[me] ! DATA_WAIT(0)
	:: else -> stores[me] ! ROOM_WAIT(0)
	fi
}

/* Once around its loop; its first look() is the caller's. */
inline mailbox_ring_wait(me, what)
{
	announce(me);
#ifndef FAULT_NO_LOOK
	look(me);
#endif
	if
	:: code == AGAIN ->
		tell_of_room(me, true);
		mbipc_channel_wait(me, me, what);
		slept = code
	:: else -> slept = OK
	fi;
	retract(me);
	if
	:: slept == EPIPE || slept == ETIMEDOUT ->
		look(me);
		if
		:: code == AGAIN -> code = slept
		:: else
		fi
	:: else
	fi;
	slept = OK
}

/* --- who plays ------------------------------------------------------------ */

/*
 * Who dies leaves, unless it has come to its end; who has come to it stays, so
 * that nobody is woken by that.
 */
#ifdef KILL
#define UNLESS_KILLED(me)					\
	unless {						\
		KILL == me && killed && !busy[me];		\
		leave_end(me)					\
	}
#else
#define UNLESS_KILLED(me)
#endif

proctype producer()
{
	byte next, seen, woken, ticket, theirs, told, released, at;
	mtype:result code, slept;
	bit hurry = 1;

	{
		do
		:: next == RECORDS -> break
		:: else ->
			/* mailbox_ring_reserve(), until there is room */
			do
			:: mailbox__ring_room();
				if
				:: code == AGAIN
				:: else -> break
				fi;
				if
				:: mailbox_ring_wait(PRODUCER, ROOM);
					if
					:: code == EPIPE -> break
					:: else
					fi
#ifdef POLL
				:: POLL_FOR(PRODUCER, ROOM, next - tail <= SIZE / 2)
#endif
				fi
			od;
			if
			:: code == EPIPE -> break
			:: else
			fi;
			/* mailbox_ring_commit() */
			next++;
			d_step { nfull(stores[PRODUCER]) -> stores[PRODUCER] ! HEAD(next); published = next };
			barrier(PRODUCER);
			theirs = data_wait;
			if
			:: theirs || polled[CONSUMER] -> mailbox__ring_published()
			:: else -> code = OK
			fi;
			if
			:: code == EPIPE -> break
			:: else
			fi
		od;
		/* it is told so only when it is so */
		assert(next == RECORDS || ends[CONSUMER].left)
	} UNLESS_KILLED(PRODUCER)
}

proctype consumer()
{
	byte next, seen, woken, ticket, theirs, told, released, at;
	mtype:result code, slept;
	bit hurry = 1;

	{
		do
		:: next == RECORDS -> break
		:: else ->
#ifdef BACK
			/* mailbox_ring_attach() */
			if
			:: next == released ->
				woken = 0
#ifdef FAULT_ANEW
				; ticket = 0
#endif
			:: true
			fi;
#endif
			/* mailbox_ring_peek(), until there is a record */
			do
			:: mailbox__ring_more();
				if
				:: code == AGAIN
				:: else -> break
				fi;
#ifdef EDGE
				EDGE_FOR(CONSUMER, DATA, head != released)
#else
				if
#ifdef BOTH
				:: mailbox_ring_wait(CONSUMER, DATA + ROOM);
#else
				:: mailbox_ring_wait(CONSUMER, DATA);
#endif
					if
					:: code == EPIPE -> break
					:: else
					fi
#ifdef POLL
				:: POLL_FOR(CONSUMER, DATA, head != released)
#endif
				fi
#endif
			od;
			if
			:: code == EPIPE -> break
			:: else
			fi;
			/* no record before it was published, and none twice */
			assert(seen > next && seen <= published && seen - released <= SIZE);
			next++;
			if
#ifdef HOLD
			:: next - released < SIZE
#endif
			:: true ->
				/* mailbox_ring_release() */
				released = next;
				stores[CONSUMER] ! TAIL(released);
				barrier(CONSUMER);
				if
				:: room_wait || polled[PRODUCER] -> tell_of_room(CONSUMER, false)
				:: else
				fi
			fi
		od;
		assert(next == RECORDS || (ends[PRODUCER].left && next == published))
	} UNLESS_KILLED(CONSUMER)
}

#ifdef NEIGHBOUR
/* One WAKE, at any time, ends one WAIT. */
proctype neighbour()
{
	mtype:result code;
	bit hurry;

	mbipc_channel_wait(2, CONSUMER, ROOM);
	assert(code == OK || ends[PRODUCER].left)
}
#endif

#if defined(NEIGHBOUR) || defined(BOTH)
/* Another thread of the producer's; its CPU has no say in this. */
proctype OTHER()
{
	d_step {
		!locked ->
		rest = ROOM;
		for (i : 0 .. 2) {
			if
			:: waits[i].state != NONE && waits[i].end == CONSUMER &&
			   (waits[i].events & ROOM) ->
				rest = rest & (3 - waits[i].events);
				if
				:: waits[i].state == PENDING -> waits[i].state = DONE
				:: else
				fi
			:: else
			fi
		};
		ends[CONSUMER].woken = ends[CONSUMER].woken | rest;
		rest = 0
	}
}
#endif

init
{
	atomic {
		waits[0].state = NONE;
		waits[1].state = NONE;
		waits[2].state = NONE;
#ifdef EDGE
		/* what is there when it is added is told */
		triggered[CONSUMER] = 1;
#endif
		run BUFFER(PRODUCER);
		run BUFFER(CONSUMER);
		run producer();
		run consumer();
#ifdef NEIGHBOUR
		run neighbour();
#endif
#if defined(NEIGHBOUR) || defined(BOTH)
		run OTHER();
#endif
	}
#ifdef KILL
	killed = 1
#endif
}
