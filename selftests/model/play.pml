/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Those who do not call, and the beginning and the end; for waits.pml and crowd.pml.
 */

proctype destroyer()
{
	bit kills;

#ifdef SELECT
	/* Who wants what does not come may wait for ever, and everybody with him. */
	timeout ->
#endif
	mbipc_destroy()
}

#ifdef SET
proctype setter()
{
	byte set;

	/* mbipc_set() */
	atomic {
		select(set : CAPACITY_MIN .. 2);
		d_step {
			more = 0;
			if
			:: !dead -> capacity = set; settle_all()
			:: else
			fi;
			stepping = more;
			mbipc_unlock()
		}
	}
#ifndef FAULT_STEP
	do
	:: d_step { stepping -> settle_all(); stepping = more; mbipc_unlock() }
	:: !stepping -> break
	od
#else
	stepping = 0
#endif
}
#endif

inline PLAY()
{
	byte who;

	atomic {
		select(capacity : CAPACITY_MIN .. 2);
		for (who : 0 .. SENDERS - 1) {
			run sender(who)
		}
		for (who : SENDERS .. CALLERS - 1) {
			run receiver(who)
		}
#if defined(DESTROY) || defined(SELECT)
		run destroyer();
#endif
#ifdef SET
		run setter();
#endif
#ifdef CLOSE
		run closer();
		run closer()
#endif
	}
	/* All calls have ended, and all handles are gone. */
	_nr_pr == 1
}
