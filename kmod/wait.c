// SPDX-License-Identifier: GPL-2.0
#include <linux/fdtable.h>
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/time_namespace.h>

#include "error.h"
#include "limits.h"
#include "wait.h"

/**
 * mbipc_patience_set - wait until a time
 * @patience: filled
 * @realtime: @deadline is one of CLOCK_REALTIME
 * @deadline: absolute, ns, not negative, as the caller's clock shows it
 */
void mbipc_patience_set(struct mbipc_patience *patience, bool realtime,
			s64 deadline)
{
	patience->timed = true;
	patience->clock = realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	patience->shown = deadline;
	patience->deadline = deadline;
	/* Far deadlines stay far: no wrap, whatever the offset's sign. */
	if (!realtime) {
		s64 offset = mbipc_time_offset();

		if (offset > 0 || deadline <= KTIME_MAX + offset)
			patience->deadline = max_t(s64, deadline - offset, 0);
		else
			patience->deadline = KTIME_MAX;
	}
}

/**
 * mbipc_wait_begin - stand in line
 * @wait: filled in by the caller; pending from here on
 * @all: the mailbox's list of all waits
 * @queue: the list of those that wait for the same, or NULL
 *
 * Context: the mailbox's lock.
 */
void mbipc_wait_begin(struct mbipc_wait *wait, struct hlist_head *all,
		      struct list_head *queue)
{
	wait->task = current;
	/* io_uring's threads hold the file, and have no descriptor that could be closed. */
	wait->files = current->flags & PF_IO_WORKER ? NULL : current->files;
	wait->state = MBIPC_WAIT_PENDING;
	hlist_add_head(&wait->all, all);
	if (queue)
		list_add_tail(&wait->link, queue);
	else
		INIT_LIST_HEAD(&wait->link);
}

static void wake(const struct mbipc_wait *wait)
{
	if (wait->asleep)
		wake_up_process(wait->task);
}

/**
 * mbipc_wait_done - what it waited for has happened
 * @wait: begun
 *
 * Stands also where the wait was aborted but has not come back yet: the news
 * that it happened is the later and the better one.
 *
 * Context: the mailbox's lock.
 */
void mbipc_wait_done(struct mbipc_wait *wait)
{
	list_del_init(&wait->link);
	wait->state = MBIPC_WAIT_DONE;
	wake(wait);
}

/**
 * mbipc_wait_nudge - let it look again, without losing its place in line
 * @wait: begun
 *
 * Context: the mailbox's lock.
 */
void mbipc_wait_nudge(struct mbipc_wait *wait)
{
	if (wait->state != MBIPC_WAIT_PENDING)
		return;
	wait->state = MBIPC_WAIT_DONE;
	wake(wait);
}

/**
 * mbipc_wait_abort - what it waits for will not happen
 * @wait: begun
 * @code: negative errno
 * @reason: enum mailbox_reason
 * @value: what the reason tells
 *
 * Context: the mailbox's lock.
 */
void mbipc_wait_abort(struct mbipc_wait *wait, int code, u16 reason, u64 value)
{
	if (wait->state != MBIPC_WAIT_PENDING)
		return;
	list_del_init(&wait->link);
	wait->state = MBIPC_WAIT_ABORTED;
	wait->code = code;
	wait->reason = reason;
	wait->value = value;
	wake(wait);
}

static ktime_t clock_now(clockid_t clock)
{
	return clock == CLOCK_REALTIME ? ktime_get_real() : ktime_get();
}

/* Is the time over that a call may wait? */
bool mbipc_patience_over(const struct mbipc_patience *patience)
{
	return patience->timed &&
	       !ktime_after(patience->deadline, clock_now(patience->clock));
}

/* ... it is, and nothing came. */
int mbipc_timed_out(const struct mbipc_patience *patience,
		    struct mailbox_error *err)
{
	return mbipc_fail_state(err, -ETIMEDOUT, MAILBOX_REASON_DEADLINE,
				patience->shown);
}

/*
 * Two that take turns on one CPU need not fall asleep for it: it is enough that
 * one lets the other run.  That is worth it only where the other was seen here
 * and something else can run; and only for those whose yield means just that.
 */
static void yield_to_partner(struct mbipc_wait *wait, spinlock_t *lock)
	__must_hold(lock)
{
	/* Others may change it, under the scheduler's locks: a yield is a hint. */
	unsigned int policy = READ_ONCE(current->policy);
	int tries = MBIPC_YIELDS;

	if (policy != SCHED_NORMAL && policy != SCHED_BATCH)
		return;
	while (wait->state == MBIPC_WAIT_PENDING && tries-- &&
	       wait->partner == raw_smp_processor_id() &&
	       !single_task_running() && !signal_pending(current)) {
		spin_unlock(lock);
		yield();
		spin_lock(lock);
	}
}

/* For iterate_fd(): is this a descriptor of the file? */
static int is_file(const void *file, struct file *other, unsigned int fd)
{
	return file == other;
}

/* Has the file a descriptor in this table? */
bool mbipc_has_descriptor(struct files_struct *files, const struct file *file)
{
	return iterate_fd(files, 0, is_file, file);
}

/*
 * Who closes a descriptor ends the calls that wait; one that was on its way to
 * wait must see to that itself.
 */
static void abort_if_closed(struct mbipc_wait *wait, spinlock_t *lock)
	__must_hold(lock)
{
	bool closed;

	spin_unlock(lock);
	closed = !mbipc_has_descriptor(current->files, wait->file);
	spin_lock(lock);
	if (closed)
		mbipc_wait_abort(wait, -EBADF, MAILBOX_REASON_CLOSED, 0);
}

/**
 * mbipc_wait_sleep - sleep until done, aborted, interrupted or timed out
 * @wait: begun
 * @lock: the mailbox's, held; released while asleep
 * @patience: until when; not nonblock
 * @err: told why not
 *
 * Whatever the return, the wait may still stand in its lists.
 *
 * Return: 0 when done; -ERESTARTSYS, -ETIMEDOUT, or the code of the abort.
 */
int mbipc_wait_sleep(struct mbipc_wait *wait, spinlock_t *lock,
		     const struct mbipc_patience *patience,
		     struct mailbox_error *err)
	__must_hold(lock)
{
	ktime_t deadline = patience->deadline;
	bool expired = false;

	if (wait->file)
		abort_if_closed(wait, lock);
	if (!mbipc_patience_over(patience))
		yield_to_partner(wait, lock);
	for (;;) {
		if (wait->state == MBIPC_WAIT_DONE)
			return 0;
		if (wait->state == MBIPC_WAIT_ABORTED)
			return mbipc_fail_state(err, wait->code, wait->reason,
						wait->value);
		if (signal_pending(current))
			return mbipc_fail_state(err, -ERESTARTSYS,
						MAILBOX_REASON_NONE, 0);
		if (expired)
			return mbipc_timed_out(patience, err);

		/* Wakers need the lock: none comes before the state is set. */
		set_current_state(TASK_INTERRUPTIBLE);
		wait->asleep = true;
		spin_unlock(lock);
		if (patience->timed)
			expired = !schedule_hrtimeout_range_clock(&deadline,
						/* set under task_lock(): any will do */
						data_race(current->timer_slack_ns),
						HRTIMER_MODE_ABS,
						patience->clock);
		else
			schedule();
		spin_lock(lock);
		wait->asleep = false;
	}
}

/**
 * mbipc_wait_end - leave all lists
 * @wait: begun
 *
 * Context: the mailbox's lock.
 */
void mbipc_wait_end(struct mbipc_wait *wait)
{
	if (!list_empty(&wait->link))
		list_del(&wait->link);
	hlist_del(&wait->all);
}
