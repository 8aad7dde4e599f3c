/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The waits of a BROADCAST whose senders wait for slow receivers (SLOW_BLOCK):
 * send_to_all() of kmod/transfer.c, and what it calls.  As in waits.pml, but with a
 * capacity of 1 or 2 for each receiver.  A message is its number in the order of
 * acceptance.
 */
#define CAPACITY_MIN	1
#define settle_all	mbipc_settle_crowd

#include "sleep.pml"

/* struct mbipc_mailbox */
byte capacity;
byte sequence;
chan crowd = [SENDERS] of { byte };

/* struct mbipc_inbox of each receiver, by caller; senders have none */
typedef inbox_t {
	bit linked;		/* in mailbox->inboxes */
	byte used;
	byte next;		/* the message that it must get next */
	byte taking		/* what it was lent */
};
inbox_t inboxes[CALLERS];
chan queues[CALLERS] = [MESSAGES] of { byte };

/* for steps under the lock, worth nothing between them */
hidden byte first;
hidden byte all_room;

inline list_del_init(who)
{
	if
	:: crowd ?? [eval(who)] -> crowd ?? eval(who)
	:: else
	fi
}

/* --- what holds whenever the lock is free -------------------------------- */

inline mbipc_room_in_all()
{
	all_room = 1;
	for (number : SENDERS .. CALLERS - 1) {
		if
		:: inboxes[number].linked && inboxes[number].used >= capacity ->
			all_room = 0
		:: else
		fi
	}
}

inline mbipc_unlock()
{
	ALL_WOKEN();
	if
	:: crowd ? [first] ->
		crowd ? <first>;
		mbipc_room_in_all();
		assert(waits[first].state != PENDING || !all_room)
	:: else
	fi;
	for (i : 0 .. CALLERS - 1) {
		/* in the queue, with the receiver, or on its way to it */
		assert(inboxes[i].used == len(queues[i]) +
		       (inboxes[i].taking || waits[i].item -> 1 : 0));
		if
		:: waits[i].state != PENDING
		:: else ->
			assert(!dead);
			ASSERT_OPEN(i);
			assert(waits[i].kind == CROWD -> handles_receive :
			       handles_send && !len(queues[i]))
		fi
	};
	skip	/* a d_step cannot end in a loop */
}

/* --- mailbox.c ----------------------------------------------------------- */

inline mbipc_deliver(who, message_)
{
	if
	:: waits[who].kind && waits[who].state == PENDING ->
		waits[who].item = message_;
		mbipc_wait_done(who)
	:: else -> queues[who] !! message_
	fi
}

inline mbipc_settle_crowd()
{
	if
	:: crowd ? [first] ->
		crowd ? <first>;
		mbipc_room_in_all();
		if
		:: all_room -> mbipc_wait_nudge(first)
		:: else
		fi
	:: else
	fi
}

inline mbipc_place_gone(who)
{
	inboxes[who].used--;
	if
#ifndef FAULT_PLACE
	:: inboxes[who].used + 1 == capacity ->
#else
	:: inboxes[who].used == capacity ->
#endif
		mbipc_settle_crowd()
	:: else
	fi
}

/* --- transfer.c ---------------------------------------------------------- */

/* The end of send_to_all(). */
inline END_SEND(me)
{
	i = (waits[me].kind != 0);
	mbipc_wait_end(me);
	if
	:: !code ->
		sequence++;
		for (number : SENDERS .. CALLERS - 1) {
			if
			:: inboxes[number].linked ->
				assert(inboxes[number].used < capacity);
				inboxes[number].used++;
				mbipc_deliver(number, sequence)
			:: else
			fi
		}
	:: else
	fi;
	if
#ifndef FAULT_LINE
	:: i -> mbipc_settle_crowd()
#endif
	:: else
	fi
}

/* From the head of its loop until it sleeps, gets memory, or ends. */
inline send_to_all(me)
{
	first = NOBODY;
	if
	:: crowd ? [first] -> crowd ? <first>
	:: else
	fi;
	mbipc_room_in_all();
	if
	:: dead -> code = EIDRM
	:: !dead && !handles_receive -> code = EPIPE
	:: else ->
		if
		:: stock < handles_receive ->
			need = handles_receive;
			code = STOCKS
		:: stock >= handles_receive && (first == NOBODY || first == me) &&
		   all_room ->
			code = 0
		:: else ->
			if
			:: patience == NONBLOCK -> code = EAGAIN
			:: else ->
				if
				:: !waits[me].kind ->
					mbipc_wait_begin(me, CROWD);
					crowd ! me
				:: else
#ifndef FAULT_NUDGE
					-> waits[me].state = PENDING
#endif
				fi;
				code = SLEEPS
			fi
		fi
	fi;
	if
	:: code != STOCKS && code != SLEEPS -> END_SEND(me)
	:: else
	fi
}

inline take_locked(me)
{
	if
	:: dead -> code = EIDRM
	:: !dead && len(queues[me]) ->
		queues[me] ? inboxes[me].taking;
		code = 0
	:: else ->
		if
		:: !handles_send -> code = EPIPE
		:: handles_send && patience == NONBLOCK -> code = EAGAIN
		:: else ->
			/* take_later() until it sleeps */
			mbipc_wait_begin(me, RECEIVE);
			code = SLEEPS
		fi
	fi
}

/* the rest of take_later() */
inline take_later(me)
{
	assert(!code == (waits[me].item != 0));
	inboxes[me].taking = waits[me].item;
	mbipc_wait_end(me)
}

inline mbipc_finish(me)
{
	number = inboxes[me].taking;
	inboxes[me].taking = 0;
	if
	:: code && !dead ->	/* give_back() */
		mbipc_deliver(me, number)
	:: code && dead -> mbipc_place_gone(me)
	:: else ->
		/* All of them, each once, in the one order. */
		assert(number == inboxes[me].next);
		inboxes[me].next++;
		mbipc_place_gone(me)
	fi
}

/* --- the ends ------------------------------------------------------------ */

/* The inbox of a receiver that left, or all of them.  (drain_some() takes 64.) */
inline drain(me)
{
	d_step {
		for (one : SENDERS .. CALLERS - 1) {
			do
			:: (kills || me == one) && len(queues[one]) ->
				queues[one] ? other;
				mbipc_place_gone(one)
			:: else -> break
			od
		};
		mbipc_unlock()
	}
}

/* mbipc_detach(): of a BROADCAST */
inline FORGET_INBOX(me)
{
	if
	:: me >= SENDERS ->
		inboxes[me].linked = 0;
#ifndef FAULT_DETACH
		mbipc_settle_crowd()
#endif
	:: else
	fi
}

#include "life.pml"

/* --- who plays ----------------------------------------------------------- */

proctype sender(byte me)
{
	mtype:limit patience;
	mtype:end code = AGAIN;
	byte sent, stock, need;
	bit gone, kills;

	do
	:: sent < SENDS && IS_OPEN(me) ->
		BEGIN_CALL(me);
		atomic { sent++; CHOOSE_PATIENCE() };
		do
		:: code == AGAIN ->
			d_step { send_to_all(me); mbipc_unlock() };
			if
			:: code == SLEEPS -> abort_if_closed(me)
			:: else
			fi
		:: code == STOCKS ->
			/* stock_up() */
			atomic {
				stock = need;
				code = AGAIN;
#ifdef BAD_MEMORY
				CHOOSE(code, ENOMEM)
#endif
			};
			if
			:: code == ENOMEM -> d_step { END_SEND(me); mbipc_unlock() }
			:: else
			fi
		:: code == SLEEPS ->
			atomic {
				schedule(me);
				d_step {
					mbipc_wait_sleep(me);
					if
					:: !code -> code = AGAIN
					:: code && code != SLEEPS -> END_SEND(me)
					:: else
					fi;
					mbipc_unlock()
				}
			}
		:: else -> break
		od;
		assert(!waits[me].kind);
		d_step { code = AGAIN; patience = 0; stock = 0; need = 0; gone = 0 };
		END_CALL(me)
	:: else -> break
	od;
	LEAVE(me)
}

proctype receiver(byte me)
{
	mtype:limit patience;
	mtype:end code = AGAIN;
	byte calls;
	bit gone, kills;

#ifdef LATE
	/* mbipc_attach() */
	if
	:: me == CALLERS - 1 -> d_step {
		if
		:: dead -> calls = RECEIVES
		:: else ->
			handles++;
			handles_receive++;
			inboxes[me].linked = 1;
			inboxes[me].next = sequence + 1
		fi;
		mbipc_unlock()
	   }
	:: else
	fi;
#endif
	do
	:: calls < RECEIVES && IS_OPEN(me) ->
		BEGIN_CALL(me);
		atomic { calls++; CHOOSE_PATIENCE() };
		d_step { take_locked(me); mbipc_unlock() };
		if
		:: code == SLEEPS -> abort_if_closed(me)
		:: else
		fi;
		do
		:: code == SLEEPS ->
			atomic {
				schedule(me);
				d_step {
					mbipc_wait_sleep(me);
					if
					:: code != SLEEPS -> take_later(me)
					:: else
					fi;
					mbipc_unlock()
				}
			}
		:: !code && inboxes[me].taking ->
			atomic {
				/* the copy */
#ifdef BAD_COPY
				CHOOSE(code, EFAULT);
#endif
				d_step { mbipc_finish(me); mbipc_unlock() }
			}
		:: else -> break
		od;
		assert(!inboxes[me].taking);
		d_step { code = 0; patience = 0; gone = 0 };
		END_CALL(me)
	:: else -> break
	od;
	LEAVE(me)
}

#include "play.pml"

init
{
	d_step {
		for (i : SENDERS .. CALLERS - 1) {
			inboxes[i].next = 1;
			inboxes[i].linked = 1
		};
#ifdef LATE
		inboxes[CALLERS - 1].linked = 0;
		handles--;
		handles_receive--;
#endif
		skip
	};
	PLAY();
	d_step {
		assert(dead);
		for (i : 0 .. CALLERS - 1) {
			assert(!inboxes[i].used && !len(queues[i]))
		};
		skip
	}
}
