// SPDX-License-Identifier: GPL-2.0
/*
 * The steps that are taken under a mailbox's lock.
 *
 * What they keep true, whenever the lock is free:
 *
 * (1) no call waits for a message while one that it wants is in the queue or
 *     with a sender that waits for room;
 * (2) no sender waits for room while there is some, but where SET has just
 *     made so much that it takes more than one step to give it out;
 * (3) a message is in one place: with its sender, in a queue, with a receiver
 *     that copies it, or gone; mbipc_inbox.used counts the second and third.
 *
 * So nobody has to be woken to compete: what a waiter wanted is given to it by
 * whoever made it possible.  (ipc/mqueue.c hands over in the same way.)
 */
#define CREATE_TRACE_POINTS
#include "trace.h"

#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "error.h"
#include "limits.h"
#include "mailbox.h"

void mbipc_inbox_init(struct mbipc_inbox *inbox)
{
	memset(inbox, 0, sizeof(*inbox));
	mbipc_queue_init(&inbox->queue);
	INIT_LIST_HEAD(&inbox->receivers);
	INIT_LIST_HEAD(&inbox->senders);
	INIT_LIST_HEAD(&inbox->link);
	inbox->sender_cpu = -1;
	inbox->receiver_cpu = -1;
}

/**
 * mbipc_pollers - where who polls a handle waits
 * @handle: the handle
 *
 * By what it may do; on a channel by its end, since what is a message for one
 * is room for the other, and by whether it may do all.
 */
wait_queue_head_t *mbipc_pollers(struct mbipc_handle *handle)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	u32 both = MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE;

	BUILD_BUG_ON((MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE) !=
		     MBIPC_POLLERS - 1);
	if (mailbox->policy == MAILBOX_POLICY_CHANNEL)
		return &mailbox->poll[handle->end +
				      ((handle->may & both) == both ? 0 : 2)];
	return &mailbox->poll[handle->may & both];
}

/* What of that is told concerns those that wait at mailbox->poll[@who]? */
static unsigned int concerns(const struct mbipc_mailbox *mailbox,
			     const struct mbipc_after *after, unsigned int who)
{
	unsigned int none = 0;

	if (after->poll & (MBIPC_POLL_END | MBIPC_POLL_LOOK))
		return after->poll;
	if (mailbox->policy == MAILBOX_POLICY_CHANNEL) {
		const struct mbipc_end *end = &mailbox->channel->ends[who & 1];

		none = after->inbox == &end->inbox ?
		       MBIPC_POLL_OUT : MBIPC_POLL_IN | MBIPC_POLL_RING;
	} else {
		if (!(who & MAILBOX_RIGHT_SEND))
			none |= MBIPC_POLL_OUT;
		if (!(who & MAILBOX_RIGHT_RECEIVE))
			none |= MBIPC_POLL_IN;
	}
	return after->poll & ~none;
}

/* Those of mailbox->poll who are to be woken, as bits. */
static unsigned int polled(struct mbipc_mailbox *mailbox,
			   const struct mbipc_after *after)
{
	unsigned int who, told = 0;

	mbipc_assert_locked(mailbox);
	if (!after->poll)
		return 0;
	for (who = 0; who < MBIPC_POLLERS; who++) {
		/*
		 * No barrier: a poller that looked before the change had put
		 * itself there before it took the lock to look.
		 */
		if (waitqueue_active(&mailbox->poll[who]) &&
		    concerns(mailbox, after, who))
			told |= 1U << who;
	}
	return told;
}

/*
 * io_uring and aio take the events of a wake-up for the answer, so that these
 * must be true of each who is told; without any, each looks.  But a seat of a
 * PAIR is the caller's, and aio may look from a thread of the kernel's: it is
 * told also what is the other seat's.
 */
static __poll_t key_of(const struct mbipc_mailbox *mailbox, unsigned int who,
		       unsigned int what)
{
	bool pair = mailbox->policy == MAILBOX_POLICY_PAIR;
	__poll_t key = 0;

	/* Who looks at a ring tells the other side that it polls. */
	if (what & MBIPC_POLL_RING || (what & MBIPC_POLL_LOOK && !pair))
		return 0;
	if (what & MBIPC_POLL_END)
		return EPOLLHUP | EPOLLERR;
	/* The queue is one receiver's, and the room not yet everywhere. */
	if (mailbox->policy == MAILBOX_POLICY_BROADCAST)
		return 0;
	/* Those who may not do all. */
	if (mailbox->policy == MAILBOX_POLICY_CHANNEL && who > 1)
		return 0;
	if (what & MBIPC_POLL_IN)
		key |= EPOLLIN | EPOLLRDNORM;
	if (what & MBIPC_POLL_OUT)
		key |= EPOLLOUT | EPOLLWRNORM;
	return key;
}

/*
 * How many of those that ask to be woken alone (EPOLLEXCLUSIVE); 0 is all.  Where
 * receivers have queues of their own one cannot stand for another.
 */
static int exclusive_wakes(const struct mbipc_mailbox *mailbox,
			   unsigned int what)
{
	return !(what & (MBIPC_POLL_END | MBIPC_POLL_LOOK)) &&
	       (mailbox->policy == MAILBOX_POLICY_SHARED ||
		mailbox->policy == MAILBOX_POLICY_EXCLUSIVE);
}

/* Free what is to be freed; without the lock. */
void mbipc_free(struct mbipc_after *after)
{
	while (after->dead) {
		struct mbipc_item *item = after->dead;

		after->dead = item->next_dead;
		mbipc_item_free(item);
	}
}

/* The rest of mbipc_unlock(), which see: there is something to do. */
void mbipc_unlock_after(struct mbipc_mailbox *mailbox,
			struct mbipc_after *after)
	__releases(&mailbox->lock)
{
	unsigned int told = polled(mailbox, after), who;

	spin_unlock(&mailbox->lock);
	for (who = 0; told; who++, told >>= 1) {
		unsigned int what;

		if (!(told & 1))
			continue;
		what = concerns(mailbox, after, who);
		__wake_up(&mailbox->poll[who], TASK_NORMAL,
			  exclusive_wakes(mailbox, what),
			  poll_to_key(key_of(mailbox, who, what)));
	}
	after->poll = 0;
	mbipc_free(after);
}

/* The same at once, for a call that goes to sleep before it ends. */
void mbipc_tell_pollers(struct mbipc_mailbox *mailbox,
			struct mbipc_after *after)
	__must_hold(&mailbox->lock)
{
	if (polled(mailbox, after)) {
		mbipc_unlock(mailbox, after);
		spin_lock(&mailbox->lock);
	} else {
		/* Who comes later looks, and it may be over by then. */
		after->poll = 0;
	}
}

/*
 * Is it at its end?  Looks without the tasklist_lock, under which exit_notify()
 * and release_task() write: who has exited stays so, and who does so just now
 * keeps its seat until somebody asks again.
 */
static bool process_exited(struct pid *pid)
{
	struct task_struct *task;
	bool exited;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_PID);
	exited = !task ||
		 (READ_ONCE(task->exit_state) && thread_group_empty(task));
	rcu_read_unlock();
	return exited;
}

/**
 * mbipc_seat_find - the seat in a PAIR that the calling process has, or would get
 * @mailbox: of that policy; locked
 * @receives: it comes to receive, not to send
 * @err: told why not
 *
 * A process keeps its seat.  Of two that are free a receiver gets the one that
 * has messages, and a sender the other one, so that what somebody sent who has
 * left finds a receiver; else the one that somebody has left, so that nobody
 * takes its own predecessor for a partner who is gone.
 *
 * Return: 0 or 1, or -EBUSY.
 */
int mbipc_seat_find(struct mbipc_mailbox *mailbox, bool receives,
		    struct mailbox_error *err)
{
	struct mbipc_seat *seats = mailbox->seats;
	int i, score, best = -1, best_score = -1;

	mbipc_assert_locked(mailbox);
	for (i = 0; i < 2; i++)
		if (seats[i].pid == task_tgid(current))
			return i;
	for (i = 0; i < 2; i++) {
		if (seats[i].pid && !process_exited(seats[i].pid))
			continue;
		score = seats[i].left;
		if (!seats[i].inbox.used != receives)
			score += 2;
		if (score > best_score) {
			best_score = score;
			best = i;
		}
	}
	if (best < 0)
		mbipc_fail_state(err, -EBUSY, MAILBOX_REASON_PAIR_TAKEN, 0);
	return best < 0 ? -EBUSY : best;
}

/* The same, and sit down there. */
int mbipc_seat_take(struct mbipc_mailbox *mailbox, bool receives,
		    struct mailbox_error *err)
{
	int number = mbipc_seat_find(mailbox, receives, err);
	struct mbipc_seat *seat;

	if (number < 0)
		return number;
	seat = &mailbox->seats[number];
	if (seat->pid != task_tgid(current))
		seat->fresh = true;
	seat->left = false;
	mbipc_remember(&seat->pid, task_tgid(current));
	return number;
}

/* Has the calling process sat down by a call?  It is asked once. */
bool mbipc_seat_is_fresh(struct mbipc_mailbox *mailbox)
{
	struct mbipc_seat *seats = mailbox->seats;
	bool fresh = false;
	int i;

	/* if this call has made it so, it is seen */
	if (!data_race(seats[0].fresh) && !data_race(seats[1].fresh))
		return false;
	spin_lock(&mailbox->lock);
	for (i = 0; i < 2; i++)
		if (seats[i].fresh && seats[i].pid == task_tgid(current)) {
			seats[i].fresh = false;
			fresh = true;
		}
	spin_unlock(&mailbox->lock);
	return fresh;
}

/* Has the calling process's partner left, where no other can come? */
bool mbipc_partner_left(struct mbipc_mailbox *mailbox)
{
	const struct mbipc_seat *seats = mailbox->seats;

	mbipc_assert_locked(mailbox);
	if (mailbox->policy != MAILBOX_POLICY_PAIR || !mbipc_anonymous(mailbox))
		return false;
	if (seats[0].pid == task_tgid(current))
		return seats[1].left;
	if (seats[1].pid == task_tgid(current))
		return seats[0].left;
	/* It has left itself; so it knows of its partner only if that is not there. */
	return seats[0].left && seats[1].left;
}

/*
 * Does it wait for an answer of this process, its partner in a PAIR?  The handle
 * that has the request need not go with that: it may be one of both.
 */
static bool asks(const struct mbipc_wait *wait, struct pid *pid)
{
	return wait->kind == MBIPC_WAIT_ANSWER && task_tgid(wait->task) != pid;
}

/*
 * Has who sits there no descriptor any more?  The calling process has none; nor has
 * one whose threads have the same table, or none, since it is at its end: nobody
 * else would say so of that one.
 */
static bool has_none(const struct mbipc_seat *seat,
		     const struct files_struct *files)
{
	struct task_struct *task, *thread;
	bool none = true;

	if (!seat->pid || seat->pid == task_tgid(current))
		return seat->pid;
	rcu_read_lock();
	task = pid_task(seat->pid, PIDTYPE_PID);
	if (task) {
		for_each_thread(task, thread) {
			const void *table = READ_ONCE(thread->files);

			none = !table || table == files;
			if (!none)
				break;
		}
	}
	rcu_read_unlock();
	return none;
}

/* Who received there waits no more; if no other process can come, who is left is told. */
static void leave(struct mbipc_mailbox *mailbox, struct mbipc_seat *seat,
		  struct mbipc_after *after)
{
	struct mbipc_inbox *other = &mailbox->seats[seat == mailbox->seats].inbox;
	bool last = mbipc_anonymous(mailbox);
	struct mbipc_wait *wait;

	hlist_for_each_entry(wait, &mailbox->waits, all) {
		if (wait->kind == MBIPC_WAIT_RECEIVE) {
			/* io_uring's, or through another table */
			if (wait->inbox == &seat->inbox)
				mbipc_wait_abort(wait, -EBADF,
						 MAILBOX_REASON_CLOSED, 0);
			else if (last && wait->inbox == other)
				mbipc_wait_abort(wait, -EPIPE,
						 MAILBOX_REASON_NO_SENDERS, 0);
		} else if (last && (wait->inbox == &seat->inbox ||
				    asks(wait, seat->pid))) {
			mbipc_wait_abort(wait, -EPIPE,
					 MAILBOX_REASON_NO_RECEIVERS, 0);
		}
	}
	if (last)
		after->poll |= MBIPC_POLL_END;
	put_pid(seat->pid);
	seat->pid = NULL;
	seat->left = true;
	seat->fresh = false;
}

/**
 * mbipc_seat_leave - there is no descriptor for a PAIR in a table any more
 * @mailbox: of that policy
 * @files: the table, which the calling process has, or NULL
 */
void mbipc_seat_leave(struct mbipc_mailbox *mailbox,
		      const struct files_struct *files)
{
	struct mbipc_after after = {};
	int i;

	spin_lock(&mailbox->lock);
	for (i = 0; i < 2; i++)
		if (has_none(&mailbox->seats[i], files))
			leave(mailbox, &mailbox->seats[i], &after);
	mbipc_unlock(mailbox, &after);
}

bool mbipc_room_in_all(const struct mbipc_mailbox *mailbox)
{
	const struct mbipc_inbox *inbox;

	list_for_each_entry(inbox, &mailbox->inboxes, link)
		if (!inbox->cut && !mbipc_room(mailbox, inbox))
			return false;
	return true;
}

/* The rest of mbipc_taker(), which see. */
struct mbipc_wait *mbipc_taker_among(const struct list_head *receivers,
				     const struct mbipc_item *item,
				     size_t length)
{
	struct mbipc_wait *wait;

	list_for_each_entry(wait, receivers, link)
		if (mbipc_select_fits(wait->select, item) &&
		    length <= wait->room)
			return wait;
	return NULL;
}

/**
 * mbipc_hand_over - straight to a receiver that waits
 * @inbox: whose @used counts the item already; its mailbox is locked
 * @item: accepted, in no queue
 * @taker: waits for it
 */
void mbipc_hand_over(struct mbipc_inbox *inbox, struct mbipc_item *item,
		     struct mbipc_wait *taker)
{
	taker->item = item;
	taker->lost = inbox->lost;
	inbox->lost = 0;
	mbipc_wait_done(taker);
}

/**
 * mbipc_accept - the mailbox takes a message over from its sender
 * @mailbox: locked
 * @message: gets its number and time
 */
void mbipc_accept(struct mbipc_mailbox *mailbox, struct mbipc_message *message)
{
	mbipc_assert_locked(mailbox);
	message->item.sequence = ++mailbox->sequence;
	message->time = ktime_get_ns();
	message->copies = 1;
	mailbox->bytes += message->length;
	mailbox->send_time = message->time;
	mbipc_remember(&mailbox->last_sender, message->item.sender);
	trace_mailbox_send(mailbox, message);
}

/**
 * mbipc_accept_waiting - accept the message of a sender that waits for room
 * @mailbox: locked
 * @wait: of kind ROOM.  It is done, unless it now waits for a taker
 */
void mbipc_accept_waiting(struct mbipc_mailbox *mailbox,
			  struct mbipc_wait *wait)
{
	struct mbipc_message *message = wait->message;

	mbipc_accept(mailbox, message);
	wait->sequence = message->item.sequence;
	wait->inbox->used++;
	if (wait->sync || !mailbox->capacity) {
		list_del_init(&wait->link);
		wait->kind = MBIPC_WAIT_TAKER;
		message->waiter = wait;
	} else {
		wait->message = NULL;
		mbipc_wait_done(wait);
	}
}

/**
 * mbipc_deliver - to a receiver that waits for it, else into the queue
 * @inbox: whose @used counts the item already; its mailbox is locked
 * @item: accepted, in no queue
 * @after: told to wake pollers
 */
void mbipc_deliver(struct mbipc_inbox *inbox, struct mbipc_item *item,
		   struct mbipc_after *after)
{
	struct mbipc_wait *taker = mbipc_taker(inbox, item, 0);

	if (taker)
		mbipc_hand_over(inbox, item, taker);
	else
		mbipc_enqueue(inbox, item, after);
}

/**
 * mbipc_settle - there may be room: let waiting senders go on
 * @mailbox: locked
 * @inbox: one of its inboxes
 * @after: told to wake pollers
 *
 * Not too many at once: each may look at every receiver that waits.
 *
 * Return: may more of them go on?  Only SET can make so much room; it goes on
 * till there is none, and who comes to send meanwhile does a step as well, so
 * that the line gets shorter whoever joins it.
 */
bool mbipc_settle(struct mbipc_mailbox *mailbox, struct mbipc_inbox *inbox,
		  struct mbipc_after *after)
{
	struct mbipc_wait *wait, *next;
	int left = MBIPC_SETTLE_STEP;

	mbipc_assert_locked(mailbox);
	list_for_each_entry_safe(wait, next, &inbox->senders, link) {
		struct mbipc_item *item = &wait->message->item;

		/* A rendezvous needs no room: its messages have their senders. */
		if (mailbox->capacity && !mbipc_room(mailbox, inbox))
			return false;
		if (!left--)
			return true;
		mbipc_accept_waiting(mailbox, wait);
		mbipc_deliver(inbox, item, after);
	}
	if (mbipc_room(mailbox, inbox))
		mbipc_poll_later(after, inbox, MBIPC_POLL_OUT);
	return false;
}

/* The same for the senders of a broadcast: the first in line may look again. */
void mbipc_settle_crowd(struct mbipc_mailbox *mailbox)
{
	mbipc_assert_locked(mailbox);
	if (!list_empty(&mailbox->crowd) && mbipc_room_in_all(mailbox))
		mbipc_wait_nudge(list_first_entry(&mailbox->crowd,
						  struct mbipc_wait, link));
}

/**
 * mbipc_place_gone - a message's place is no longer needed
 * @mailbox: locked
 * @inbox: one of its inboxes
 * @item: was in it, is in no queue; freed by @after
 * @after: told to free and to wake pollers
 */
void mbipc_place_gone(struct mbipc_mailbox *mailbox, struct mbipc_inbox *inbox,
		      struct mbipc_item *item, struct mbipc_after *after)
{
	struct mbipc_message *message = mbipc_item_message(item);

	if (!--message->copies)
		mailbox->bytes -= message->length;
	inbox->used--;
	mbipc_free_later(after, item);
	if (!list_empty(&inbox->senders))
		mbipc_settle(mailbox, inbox, after);
	else if (mbipc_room(mailbox, inbox))
		mbipc_poll_later(after, inbox, MBIPC_POLL_OUT);
	/* A broadcast looks at all inboxes: only when this one is no longer full. */
	if (mailbox->policy == MAILBOX_POLICY_BROADCAST &&
	    inbox->used + 1 == mailbox->capacity)
		mbipc_settle_crowd(mailbox);
}

/**
 * mbipc_drop - count a message that a receiver will not get
 * @mailbox: locked
 * @item: its place
 * @why: for the tracepoint
 *
 * A sender that waits for a taker of it can no longer take it back.
 */
void mbipc_drop(struct mbipc_mailbox *mailbox, struct mbipc_item *item,
		enum mbipc_drop why)
{
	struct mbipc_message *message = mbipc_item_message(item);

	mbipc_assert_locked(mailbox);
	mailbox->dropped++;
	trace_mailbox_drop(mailbox, item->sequence, why);
	if (message->waiter) {
		message->waiter->message = NULL;
		message->waiter = NULL;
	}
}

/**
 * mbipc_sleep - sleep for what a mailbox may bring, and trace it
 * @handle: that was called
 * @wait: begun
 * @patience: until when; not nonblock
 * @err: told why not
 *
 * Context: the mailbox's lock; released while asleep.
 * Return: as mbipc_wait_sleep().
 */
int mbipc_sleep(struct mbipc_handle *handle, struct mbipc_wait *wait,
		const struct mbipc_patience *patience,
		struct mailbox_error *err)
	__must_hold(&handle->mailbox->lock)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	int code;

	trace_mailbox_block(mailbox, wait->kind);
	if (handle->closed && wait->files)
		wait->file = handle->file;
	code = mbipc_wait_sleep(wait, &mailbox->lock, patience, err);
	trace_mailbox_wake(mailbox, wait->kind, code);
	return code;
}
