/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ends of handles and mailboxes: kmod/life.c, and of file.c what closes; for
 * waits.pml and crowd.pml.  Senders are the first callers, receivers the others.
 * The caller CLOSE, if there is one, shares its table of descriptors with threads,
 * which close them.
 */

/* struct mbipc_mailbox */
bit dead;
byte handles = CALLERS;
byte handles_send = SENDERS;
byte handles_receive = RECEIVERS;

inline abort_waits(receives, sends, why)
{
	for (i : 0 .. CALLERS - 1) {
		if
		:: waits[i].kind && (waits[i].kind == RECEIVE -> receives : sends) ->
			mbipc_wait_abort(i, why)
		:: else
		fi
	}
}

inline kill_locked()
{
	dead = 1;
	kills = 1;
	abort_waits(1, 1, EIDRM)
}

/* A handle goes. */
inline mbipc_detach(me)
{
	handles--;
	if
	:: me < SENDERS -> handles_send--
	:: else -> handles_receive--
	fi;
	FORGET_INBOX(me);
	if
	:: me < SENDERS && !handles_send -> abort_waits(1, 0, EPIPE)
	:: me >= SENDERS && !handles_receive -> abort_waits(0, 1, EPIPE)
	:: else
	fi;
	if
	:: !dead && !handles -> kill_locked()
	:: else
	fi
}

/* Somebody destroys the mailbox, who has a handle with ADMIN alone. */
inline mbipc_destroy()
{
	d_step {
		if
		:: !dead -> kill_locked()
		:: else
		fi;
		mbipc_unlock()
	};
	drain(NOBODY)
}

#ifdef CLOSE

/* of the file that CLOSE calls */
#define DESCRIPTORS 2
byte descriptors = DESCRIPTORS;
byte references = DESCRIPTORS;	/* the descriptors, and a call */
byte flushed;			/* descriptors whose close is behind us */
bit closed;			/* handle->closed */

#define IS_OPEN(me)	(me != CLOSE || descriptors)

/* Once all are closed, no call sleeps that came through them. */
inline ASSERT_OPEN(me)
{
	assert(me != CLOSE || !waits[me].asleep || flushed < DESCRIPTORS)
}

inline BEGIN_CALL(me)
{
	d_step { references = references + (me == CLOSE) }
}

/* The handle goes with the last reference. */
inline PUT()
{
	references--;
	if
	:: !references -> mbipc_detach(CLOSE)
	:: else
	fi
}

inline END_CALL(me)
{
	if
	:: me == CLOSE -> d_step { PUT(); mbipc_unlock() }
	:: else
	fi
}

inline LEAVE(me)
{
	if
	:: me != CLOSE -> d_step { mbipc_detach(me); mbipc_unlock() }
	:: else
	fi;
	if
	:: me != CLOSE || !references -> drain(me)
	:: else
	fi
}

/* In mbipc_wait_sleep(), before it sleeps. */
inline abort_if_closed(me)
{
	if
#ifdef FAULT_CLOSED
	:: 0
#else
	:: me == CLOSE && closed ->
#endif
		gone = !descriptors;
		d_step {
			if
			:: gone -> mbipc_wait_abort(me, EBADF)
			:: else
			fi;
			mbipc_unlock()
		}
	:: else
	fi
}

/* handle_flush(), and the file's last fput() */
proctype closer()
{
	bit waiting, last, kills;

	descriptors--;
	d_step {	/* mbipc_closing() */
		closed = 1;
		waiting = waits[CLOSE].kind != 0
	};
	if
	:: waiting && !descriptors ->
		d_step { /* mbipc_closed() */
			mbipc_wait_abort(CLOSE, EBADF);
			mbipc_unlock()
		}
	:: else
	fi;
	d_step { flushed++; PUT(); last = !references; mbipc_unlock() };
	if
	:: last -> drain(CLOSE)
	:: else
	fi
}

#else

inline ASSERT_OPEN(me) { skip }
#define IS_OPEN(me)		1
#define BEGIN_CALL(me)		skip
#define END_CALL(me)		skip
#define abort_if_closed(me)	skip

inline LEAVE(me)
{
	d_step { mbipc_detach(me); mbipc_unlock() };
	drain(me)
}

#endif
