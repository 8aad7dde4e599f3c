/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a call sleeps and is woken: kmod/wait.c, for waits.pml, crowd.pml and answer.pml.
 *
 * The mailbox's lock: what is done under one hold of it is one d_step, which ends
 * in mbipc_unlock().  So whatever is between two d_steps happens without the lock, and
 * anybody may come in between.
 *
 * An inline in small letters stands for the function of kmod/ that has its name; what
 * only the model needs is in capitals.  `code` and `patience` are the caller's.
 */
#ifndef SENDS
#define SENDS 1
#endif
#ifndef RECEIVES
#define RECEIVES 1
#endif
#define CALLERS		(SENDERS + RECEIVERS)
#define MESSAGES	(SENDERS * SENDS)
#define NOBODY		255

mtype:what = { RECEIVE, ROOM, TAKER, CROWD, ANSWER };
mtype:stand = { PENDING, DONE, ABORTED };

/*
 * How long a call waits.  Of one with a LIMIT the time may be over at any moment,
 * or a signal may come, which comes to the same; then it is OVER.
 */
mtype:limit = { FOREVER, LIMIT, OVER, NONBLOCK };

/* How a call ends; 0 is well.  With AGAIN, STOCKS and SLEEPS it has not. */
mtype:end = {
	AGAIN, STOCKS, SLEEPS, EAGAIN, EBADF, ECONNREFUSED, EFAULT, EIDRM, EINTR, ENOMEM, EPIPE
};

/* Each of those who call has one wait, and at most one call at a time. */
typedef wait_t {
	mtype:what kind;	/* 0: it is in no list */
	mtype:stand state;
	mtype:end code;		/* why it was aborted */
	bit asleep;
	bit runs;		/* the task's state: it is not to sleep */
	bit sync;
	byte item;		/* RECEIVE: what was handed over; 0: nothing */
	byte message;		/* ROOM, TAKER: while it can be taken back; 0: no more */
};
wait_t waits[CALLERS];

bit stepping;		/* SET has made more room than one step gives out */

/* for steps under the lock, worth nothing between them */
hidden byte more;	/* another step must follow */
hidden byte i;
hidden byte number;
hidden byte one;
hidden byte other;

inline CHOOSE(what, value)
{
	if
	:: what = value
	:: skip
	fi
}

#ifdef HURRY
inline CHOOSE_PATIENCE()
{
	if
	:: patience = LIMIT
	:: patience = NONBLOCK
	:: patience = FOREVER
	fi
}
#else
#define CHOOSE_PATIENCE()	patience = FOREVER
#endif

inline mbipc_wait_begin(who, what)
{
	assert(!waits[who].kind);
	waits[who].kind = what;
	waits[who].state = PENDING;
	waits[who].runs = 1	/* not asleep yet */
}

inline wake(who)
{
	if
#ifndef FAULT_WAKE
	:: waits[who].asleep -> waits[who].runs = 1
#endif
	:: else
	fi
}

inline mbipc_wait_done(who)
{
	list_del_init(who);
	waits[who].state = DONE;
	wake(who)
}

inline mbipc_wait_nudge(who)
{
	if
	:: waits[who].state == PENDING ->
		waits[who].state = DONE;
		wake(who)
	:: else
	fi
}

inline mbipc_wait_abort(who, why)
{
	if
#ifdef FAULT_ABORT_DONE
	:: waits[who].kind ->
#else
	:: waits[who].kind && waits[who].state == PENDING ->
#endif
		list_del_init(who);
		waits[who].state = ABORTED;
		waits[who].code = why;
		wake(who)
	:: else
	fi
}

/*
 * Once around the loop of mbipc_wait_sleep().  First what it does without the lock:
 * it sleeps until woken, or until there is nothing to wait for any more; the first
 * time, only the latter.
 */
inline schedule(who)
{
#ifdef FAULT_LATE
	waits[who].asleep = 1;
#endif
	if
	:: waits[who].runs
	:: patience == LIMIT -> patience = OVER
	fi
}

/* Then, under the lock. */
inline mbipc_wait_sleep(who)
{
	waits[who].asleep = 0;
	if
	:: waits[who].state == DONE -> code = 0
	:: waits[who].state == ABORTED -> code = waits[who].code
	:: waits[who].state == PENDING && patience == OVER -> code = EINTR
	:: else ->
		code = SLEEPS;
#ifndef FAULT_LATE
		waits[who].asleep = 1;
#endif
		waits[who].runs = 0
	fi
}

inline mbipc_wait_end(who)
{
	list_del_init(who);
	waits[who].kind = 0;
	waits[who].state = 0;
	waits[who].code = 0;
	waits[who].runs = 0;
	waits[who].sync = 0;
	waits[who].item = 0;
	waits[who].message = 0
}

/* Holds whenever the lock is free: who need not wait any more was woken. */
inline ALL_WOKEN()
{
	for (one : 0 .. CALLERS - 1) {
		assert(!waits[one].kind || waits[one].state == PENDING ||
		       !waits[one].asleep || waits[one].runs)
	}
}
