/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CONNECT's wait for an answer, from when its request was received: kmod/channel.c, and
 * of handle.c, life.c and mailbox.c what ends it.  Who received it answers, closes, or
 * leaves the mailbox, a PAIR, while others keep the handle.  Who plays says `run`.
 */
#define SENDERS		1
#define RECEIVERS	0
#define ASKER		0

#include "sleep.pml"

/* struct mbipc_channel; who is alone has nobody to tell */
mtype:answer = { ASKED, OPEN, REFUSED, CLOSED };
mtype:answer answer = ASKED;
bit request = 1;
bit asker;

bit held = 1;		/* the request is with the handle that received it */
bit dead;		/* the mailbox that was asked */
bit left;		/* the seat of who received it */

bit connected;		/* what CONNECT said */
bit accepted;		/* what ACCEPT said */

inline list_del_init(who)
{
	skip
}

/* Who waits has somebody to wait for, or will be told by who ends the request. */
inline mbipc_unlock()
{
	ALL_WOKEN();
	assert(!waits[ASKER].kind || waits[ASKER].state != PENDING ||
	       (!dead && !left && request))
}

inline request_end()
{
	d_step {
		request = 0;
		if
		:: asker -> mbipc_wait_nudge(ASKER)
		:: else
		fi;
		mbipc_unlock()
	}
}

/* Its end of the channel is closed before. */
inline request_drop()
{
	d_step {
		if
		:: answer == ASKED -> answer = CLOSED
		:: else
		fi;
		mbipc_unlock()
	};
	request_end()
}

/* Take it from the handle; into `mine`. */
inline TAKE()
{
	d_step { mine = held; held = 0 }
}

inline mbipc_request_keep()
{
	d_step {
		if
		:: answer == ASKED -> held = 1; mine = 0
		:: else
		fi;
		mbipc_unlock()
	}
}

/* Of FAULT_ANSWER_LATE the second half of this comes first. */
inline request_answer(what)
{
#ifdef FAULT_ANSWER_LATE
	request_end();
#endif
	d_step {
		if
		:: answer == ASKED -> answer = what; accepted = (what == OPEN)
		:: else
		fi;
		mbipc_unlock()
	};
#ifndef FAULT_ANSWER_LATE
	request_end()
#endif
}

/* --- who asks --------------------------------------------------------- */

inline mbipc_channel_await()
{
	d_step {
		mbipc_wait_begin(ASKER, ANSWER);
		asker = 1;
		code = SLEEPS;
		if
		:: dead -> code = EIDRM
#ifndef FAULT_LEFT
		:: !dead && left -> code = EPIPE
#endif
		:: else ->
			if
			:: answer != ASKED -> code = 0
			:: else
			fi
		fi;
		END_WAIT()
	};
	do
	:: code == SLEEPS ->
		schedule(ASKER);
		d_step { mbipc_wait_sleep(ASKER); END_WAIT() }
	:: else -> break
	od;
	skip;	/* not from a loop into a d_step */
	d_step {
		if
		:: answer == OPEN -> code = 0
		:: answer == ASKED ->
			skip;
#ifndef FAULT_TAKEN_BACK
			answer = CLOSED
#endif
		:: else -> code = ECONNREFUSED
		fi;
		mbipc_unlock()
	}
}

inline END_WAIT()
{
	if
	:: code != SLEEPS -> asker = 0; mbipc_wait_end(ASKER)
	:: else
	fi;
	mbipc_unlock()
}

proctype connect()
{
	mtype:limit patience = FOREVER;
	mtype:end code;
	bit mine;

#ifdef HURRY
	CHOOSE(patience, LIMIT);
#endif
	mbipc_channel_await();
	connected = !code;
	if
	:: connected
	:: else ->
		/* request_abandoned(), when its end is closed */
		TAKE();
		if
		:: mine -> request_drop()
		:: else
		fi
	fi
}

/* --- who is asked ----------------------------------------------------- */

proctype receiver()
{
	bit mine;

	if
	:: TAKE();
	   if
	   :: mine ->
		if
		:: request_answer(OPEN)
		:: request_answer(REFUSED)
		:: mbipc_request_keep();	/* mbipc_request_put_back() */
		   if
		   :: mine -> request_drop()
		   :: else
		   fi
		fi
	   :: else
	   fi
	:: skip
	fi;
	if
	/* its handle is closed */
	:: TAKE();
	   if
	   :: mine -> request_drop()
	   :: else
	   fi
#ifdef PAIR
	/* mbipc_seat_leave() */
	:: d_step {
		left = 1;
		if
		:: waits[ASKER].kind == ANSWER -> mbipc_wait_abort(ASKER, EPIPE)
		:: else
		fi;
		mbipc_unlock()
	   }
#endif
	fi
}

proctype destroyer()
{
	d_step {
		dead = 1;
		mbipc_wait_abort(ASKER, EIDRM);
		mbipc_unlock()
	}
}

init {
	atomic {
		run connect();
		run receiver();
#ifdef DESTROY
		run destroyer()
#endif
	}
	_nr_pr == 1;
	/* either both calls make the channel or none does; and nobody keeps the request */
	assert(connected == accepted && !request && !held)
}
