/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The waits of a mailbox with one queue: kmod/transfer.c and mailbox.c.  The mailbox
 * has no name, and a capacity of 0, 1 or 2.  Each process closes its handle at its
 * end, so that the others are told, and every call must end.  Who plays says `run`.
 */
#define CAPACITY_MIN	0
#define settle_all	mbipc_settle

#include "sleep.pml"

/* The books: where a message is.  0: with its sender. */
mtype:book = { IN, RECEIVED, DROPPED, WITHDRAWN };

/* From 1 on.  A tag is 1 or 2. */
typedef message_t {
	byte sequence;		/* while it has a place; then it is freed */
	byte waiter;		/* the sender that waits for a taker, plus 1 */
	bit withdrawn;		/* while a receiver copied it */
	mtype:book fate
};
message_t messages[MESSAGES + 1];

/* struct mbipc_mailbox */
byte capacity;
byte sequence;
byte newest;		/* that a receiver was given */

/* struct mbipc_inbox: lists of callers; messages by their sequence */
chan receivers = [RECEIVERS] of { byte };
chan senders = [SENDERS] of { byte };
chan queue = [MESSAGES] of { byte, byte };
byte used;

byte wants[CALLERS];	/* a receiver's tag; 0: any */
byte taking[CALLERS];	/* what a receiver was lent */

#define room		(used < capacity)
#define fits(who, m)	(!wants[who] || wants[who] == 1 + (m) % 2)
#define queued(m)	(queue ?? [_, eval(m)])

/* for steps under the lock, worth nothing between them */
hidden byte next;
hidden byte found;
hidden byte taker;
hidden byte m;
hidden byte steps;
hidden byte accepted;

inline list_del_init(who)
{
	if
	:: receivers ?? [eval(who)] -> receivers ?? eval(who)
	:: senders ?? [eval(who)] -> senders ?? eval(who)
	:: else
	fi
}

/* --- what holds whenever the lock is free -------------------------------- */

inline mbipc_unlock()
{
	ALL_WOKEN();
	found = 0;	/* places that are used */
	for (i : 1 .. MESSAGES) {
		if
		:: messages[i].sequence -> found++
		:: else
		fi;
		assert((messages[i].fate == IN) ==
		       (messages[i].sequence && !messages[i].withdrawn))
	};
	assert(used == found);
	for (i : 0 .. CALLERS - 1) {
		if
		:: waits[i].state != PENDING
		:: else ->
			assert(!dead);
			ASSERT_OPEN(i);
			if
			:: waits[i].kind == RECEIVE ->
				assert(handles_send);
				for (next : 1 .. MESSAGES) {
					assert(!queued(next) || !fits(i, next))
				};
				for (next : 0 .. SENDERS - 1) {
					assert(!(senders ?? [eval(next)]) ||
					       !fits(i, waits[next].message))
				}
			:: waits[i].kind == ROOM ->
				assert(handles_receive &&
				       (stepping || (capacity && !room)))
			:: waits[i].kind == TAKER ->
				assert(handles_receive &&
				       messages[waits[i].message].fate == IN)
			fi
		fi
	};
	skip	/* a d_step cannot end in a loop */
}

/* --- mailbox.c ----------------------------------------------------------- */

inline mbipc_taker(msg)
{
	taker = NOBODY;
	for (i : 1 .. len(receivers)) {
		receivers ? next;
		receivers ! next;
		if
		:: taker == NOBODY && fits(next, msg) -> taker = next
		:: else
		fi
	}
}

/* Whatever receivers get, they get in order. */
inline LEND(msg)
{
#ifndef SELECT
	assert(messages[msg].sequence > newest);
#endif
	newest = messages[msg].sequence
}

inline mbipc_hand_over(msg)
{
	LEND(msg);
	waits[taker].item = msg;
	mbipc_wait_done(taker)
}

inline mbipc_accept(msg)
{
	assert(!messages[msg].fate);
	sequence++;
	messages[msg].sequence = sequence;
	messages[msg].fate = IN;
	used++
}

inline mbipc_accept_waiting(who)
{
	mbipc_accept(waits[who].message);
	if
	:: waits[who].sync || !capacity ->
		list_del_init(who);
		waits[who].kind = TAKER;
		messages[waits[who].message].waiter = 1 + who
	:: else ->
		waits[who].message = 0;
		mbipc_wait_done(who)
	fi
}

inline mbipc_enqueue(msg)
{
	assert(messages[msg].sequence && !queued(msg));
	queue !! messages[msg].sequence, msg
}

inline mbipc_deliver(msg)
{
	mbipc_taker(msg);
	if
	:: taker != NOBODY -> mbipc_hand_over(msg)
	:: else -> mbipc_enqueue(msg)
	fi
}

/* MBIPC_SETTLE_STEP is 1 here, so that two senders are a long line. */
inline mbipc_settle()
{
	more = 0;
	steps = 1;
	do
	:: len(senders) && (!capacity || room) && !steps ->
		more = 1;
		break
	:: len(senders) && (!capacity || room) && steps ->
		steps--;
		senders ? <other>;
		m = waits[other].message;
		mbipc_accept_waiting(other);
		assert(!capacity || used <= capacity);
		mbipc_deliver(m)
	:: else -> break
	od
}

inline FREE(msg)
{
	assert(messages[msg].sequence && !queued(msg));
	messages[msg].sequence = 0;
	messages[msg].withdrawn = 0;
	used--
}

inline mbipc_place_gone(msg)
{
	FREE(msg);
	mbipc_settle()
}

inline mbipc_drop(msg)
{
	assert(messages[msg].fate == IN);
	messages[msg].fate = DROPPED;
	if
	:: messages[msg].waiter ->
		waits[messages[msg].waiter - 1].message = 0;
		messages[msg].waiter = 0
	:: else
	fi
}

/* --- transfer.c ---------------------------------------------------------- */

inline withdraw(msg)
{
	assert(messages[msg].fate == IN);
	messages[msg].waiter = 0;
	messages[msg].fate = WITHDRAWN;
	if
	:: queued(msg) ->
		queue ?? _, eval(msg);
		mbipc_place_gone(msg)
	:: else ->
#ifndef FAULT_WITHDRAW
		messages[msg].withdrawn = 1
#endif
	fi
}

inline send_to_one(me, msg, sync)
{
#ifdef FAULT_OVERTAKE
	mbipc_taker(msg);
	accepted = taker != NOBODY || !capacity || room;
#else
	if
	:: !dead && handles_receive && len(senders) && (!capacity || room) ->
		mbipc_settle()
	:: else
	fi;
	mbipc_taker(msg);
	accepted = taker != NOBODY || ((!capacity || room) && !len(senders));
#endif
	if
	:: dead -> code = EIDRM
	:: !dead && !handles_receive -> code = EPIPE
	:: else ->
		if
		:: patience == NONBLOCK && taker == NOBODY &&
		   (!accepted || sync || !capacity) ->
			code = EAGAIN
		:: else ->
			/* send_later() until it sleeps, where it does */
			code = 0;
			if
			:: accepted ->
				/* who came first is first */
				assert(taker != NOBODY || !len(senders));
				mbipc_accept(msg);
				if
				:: (sync || !capacity) && patience != NONBLOCK ->
					mbipc_wait_begin(me, TAKER);
					waits[me].message = msg;
					messages[msg].waiter = 1 + me;
					code = SLEEPS
				:: else
				fi;
				if
				:: taker != NOBODY -> mbipc_hand_over(msg)
				:: else ->
					assert(!capacity || used <= capacity);
					mbipc_enqueue(msg)
				fi
			:: else ->
				mbipc_wait_begin(me, ROOM);
				waits[me].message = msg;
				waits[me].sync = sync;
				senders ! me;
				code = SLEEPS
			fi
		fi
	fi
}

/* the rest of send_later() */
inline send_later(me, msg)
{
	if
	:: code && waits[me].kind == TAKER && waits[me].message -> m = msg
	:: else -> m = 0
	fi;
	assert(code || waits[me].kind == ROOM || messages[msg].fate == RECEIVED);
	mbipc_wait_end(me);
	if
	:: m -> withdraw(msg)
	:: else
	fi
}

inline give_back(me, msg)
{
	taking[me] = 0;
	newest = (messages[msg].sequence <= newest -> messages[msg].sequence - 1 : newest);
	if
	:: !dead && !messages[msg].withdrawn ->
#ifdef FAULT_GIVE_BACK
		mbipc_enqueue(msg)
#else
		mbipc_deliver(msg)
#endif
	:: else ->
		if
		:: !messages[msg].withdrawn -> mbipc_drop(msg)
		:: else
		fi;
#ifdef FAULT_NO_SETTLE
		FREE(msg)
#else
		mbipc_place_gone(msg)
#endif
	fi
}

inline take_locked(me)
{
	code = 0;
	taker = 0;	/* the message */
	for (i : 1 .. len(queue)) {
		queue ? number, next;
		queue ! number, next;
		if
		:: !taker && fits(me, next) -> taker = next
		:: else
		fi
	};
	found = NOBODY;	/* sender_with() */
	for (i : 1 .. len(senders)) {
		senders ? next;
		senders ! next;
		if
		:: found == NOBODY && fits(me, waits[next].message) -> found = next
		:: else
		fi
	};
	if
	:: dead -> code = EIDRM
	:: !dead && taker ->
		queue ?? _, eval(taker);
		LEND(taker);
		taking[me] = taker
	:: !dead && !taker && found != NOBODY ->
		taker = waits[found].message;
		mbipc_accept_waiting(found);
		LEND(taker);
		taking[me] = taker
	:: else ->
		if
		:: !handles_send -> code = EPIPE
		:: handles_send && patience == NONBLOCK -> code = EAGAIN
		:: else ->
			/* take_later() until it sleeps */
			mbipc_wait_begin(me, RECEIVE);
			receivers ! me;
			code = SLEEPS
		fi
	fi
}

/* the rest of take_later() */
inline take_later(me)
{
	m = waits[me].item;
	mbipc_wait_end(me);
	if
	:: code -> assert(!m)
	:: else ->
		assert(m);
		if
		:: messages[m].withdrawn ->
			code = AGAIN;
			number = m;
			give_back(me, number)
		:: else -> taking[me] = m
		fi
	fi
}

inline mbipc_finish(me)
{
	number = taking[me];
	assert(messages[number].sequence);
	if
	:: !code && messages[number].withdrawn -> code = AGAIN
	:: else
	fi;
	if
	:: code -> give_back(me, number)
	:: else ->
		assert(messages[number].fate == IN);
		messages[number].fate = RECEIVED;
		taking[me] = 0;
		if
		:: messages[number].waiter ->
			found = messages[number].waiter - 1;
			waits[found].message = 0;
			messages[number].waiter = 0;
			mbipc_wait_done(found)
		:: else
		fi;
		mbipc_place_gone(number)
	fi
}

/* --- the ends ------------------------------------------------------------ */

/* In one step: drain_some() takes 64 at a time. */
inline drain(me)
{
	if
	:: kills ->
		d_step {
			do
			:: len(queue) ->
				queue ? _, number;
				mbipc_drop(number);
				mbipc_place_gone(number)
			:: else -> break
			od;
			mbipc_unlock()
		}
	:: else
	fi
}

#define FORGET_INBOX(me)	skip
#include "life.pml"

proctype sender(byte me)
{
	mtype:limit patience;
	mtype:end code;
	byte message = me * SENDS;
	bit sync, gone, kills;

	do
	:: message < (me + 1) * SENDS && IS_OPEN(me) ->
		BEGIN_CALL(me);
		atomic {
			CHOOSE_PATIENCE();
#ifdef SYNC
			CHOOSE(sync, 1);
#endif
			d_step {
				message++;
				send_to_one(me, message, sync);
				mbipc_unlock()
			}
		}
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
					:: code != SLEEPS -> send_later(me, message)
					:: else
					fi;
					mbipc_unlock()
				}
			}
		:: else -> break
		od;
		/* It went well, or no receiver gets it. */
		assert(code -> messages[message].fate != IN &&
			       messages[message].fate != RECEIVED :
			       messages[message].fate &&
			       messages[message].fate != WITHDRAWN);
		d_step { code = 0; patience = 0; sync = 0; gone = 0 };
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

	do
	:: calls < RECEIVES && IS_OPEN(me) ->
		BEGIN_CALL(me);
		atomic {
			calls++;
			CHOOSE_PATIENCE();
#ifdef SELECT
			CHOOSE(wants[me], 1)
#endif
		}
		do
		:: code == AGAIN ->
			d_step { take_locked(me); mbipc_unlock() }
			if
			:: code == SLEEPS -> abort_if_closed(me)
			:: else
			fi
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
		:: !code && taking[me] ->
			atomic {
				/* the copy */
#ifdef BAD_COPY
				CHOOSE(code, EFAULT);
#endif
				d_step { mbipc_finish(me); mbipc_unlock() }
			}
		:: else -> break
		od;
		/* It has received, or given back. */
		assert(!taking[me]);
		d_step { code = AGAIN; patience = 0; gone = 0; wants[me] = 0 };
		END_CALL(me)
	:: else -> break
	od;
	LEAVE(me)
}

#include "play.pml"

init
{
	PLAY();
	d_step {
		assert(dead && !used && !len(queue));
		for (i : 1 .. MESSAGES) {
			assert(messages[i].fate != IN && !messages[i].sequence)
		};
		skip
	}
}
