// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "error.h"
#include "limits.h"
#include "ring.h"
#include "trace.h"
#include "transfer.h"

/* The queue that the caller sends to, of other policies than BROADCAST. */
static int inbox_to(struct mbipc_handle *handle, bool look,
		    struct mbipc_inbox **inbox, struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_seat *to;
	int seat;

	if (mailbox->policy == MAILBOX_POLICY_CHANNEL) {
		*inbox = &mbipc_far(handle)->inbox;
		if (!mbipc_far(handle)->receivers)
			return mbipc_fail_state(err, -EPIPE,
						MAILBOX_REASON_NO_RECEIVERS, 0);
		return 0;
	}
	if (mailbox->policy != MAILBOX_POLICY_PAIR) {
		*inbox = &mailbox->inbox;
		return 0;
	}
	seat = look ? mbipc_seat_find(mailbox, false, err) :
		      mbipc_seat_take(mailbox, false, err);
	if (seat < 0)
		return seat;
	to = &mailbox->seats[!seat];
	*inbox = &to->inbox;
	if (to->left && mbipc_anonymous(mailbox))
		return mbipc_fail_state(err, -EPIPE,
					MAILBOX_REASON_NO_RECEIVERS, 0);
	return 0;
}

/* The queue that the caller receives from; can more come, where it is empty? */
static int inbox_from(struct mbipc_handle *handle, bool look,
		      struct mbipc_inbox **inbox, bool *more,
		      struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	int seat;

	*more = !mbipc_anonymous(mailbox) || mailbox->senders;
	switch (mailbox->policy) {
	case MAILBOX_POLICY_PAIR:
		seat = look ? mbipc_seat_find(mailbox, true, err) :
			      mbipc_seat_take(mailbox, true, err);
		if (seat < 0)
			return seat;
		*inbox = &mailbox->seats[seat].inbox;
		if (mailbox->seats[!seat].left && mbipc_anonymous(mailbox))
			*more = false;
		return 0;
	case MAILBOX_POLICY_BROADCAST:
		*inbox = handle->inbox;
		return 0;
	case MAILBOX_POLICY_CHANNEL:
		*inbox = &mbipc_near(handle)->inbox;
		*more = mbipc_far(handle)->senders;
		return 0;
	default:
		*inbox = &mailbox->inbox;
		return 0;
	}
}

static int check_sender(struct mbipc_mailbox *mailbox,
			struct mailbox_error *err)
{
	int code = mbipc_check_alive(mailbox, err);

	if (!code && mbipc_anonymous(mailbox) && !mailbox->receivers)
		code = mbipc_fail_state(err, -EPIPE,
					MAILBOX_REASON_NO_RECEIVERS, 0);
	return code;
}

/* Who takes the message: for its sender, who gets the reference on the pid. */
static void party_set(struct mbipc_party *party, struct task_struct *task,
		      bool plain)
{
	const struct cred *cred;

	rcu_read_lock();
	cred = __task_cred(task);
	party->uid = plain ? cred->uid : cred->euid;
	party->gid = plain ? cred->gid : cred->egid;
	rcu_read_unlock();
	party->pid = get_pid(task_tgid(task));
	party->time = ktime_get_ns();
	party->receivers = 1;
}

/*
 * Take an accepted message back, wherever it is.  One that a receiver copies
 * at the moment cannot be pulled from under it; it finds the mark when it is
 * done, and throws its copy away.
 */
static void withdraw(struct mbipc_mailbox *mailbox, struct mbipc_inbox *inbox,
		     struct mbipc_message *message, struct mbipc_after *after)
{
	message->waiter = NULL;
	mailbox->withdrawn++;
	if (mbipc_item_queued(&message->item)) {
		mbipc_queue_take(&inbox->queue, &message->item);
		mbipc_place_gone(mailbox, inbox, &message->item, after);
	} else {
		message->withdrawn = true;
	}
}

/*
 * A message is at hand whose sender waits for room: so it is for those that
 * want it too, and have no room for it themselves.
 */
static void refuse_small(struct mbipc_inbox *inbox,
			 const struct mbipc_message *message)
{
	struct mbipc_wait *wait, *next;

	list_for_each_entry_safe(wait, next, &inbox->receivers, link)
		if (mbipc_select_fits(wait->select, &message->item))
			mbipc_wait_abort(wait, -EMSGSIZE,
					 MAILBOX_REASON_BUFFER_SIZE,
					 message->length);
}

/*
 * Wait until there is room for the message, or, where it is accepted and is in
 * its place, until somebody takes it.
 */
static noinline int send_later(struct mbipc_handle *handle,
			       struct mbipc_sending *sending,
			       struct mbipc_inbox *inbox, bool accepted,
			       struct mbipc_after *after,
			       struct mailbox_error *err)
	__must_hold(&handle->mailbox->lock)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_message *message = sending->message;
	struct mbipc_wait wait = {
		.handle = handle,
		.kind = accepted ? MBIPC_WAIT_TAKER : MBIPC_WAIT_ROOM,
		.inbox = inbox,
		.message = message,
		.sequence = sending->sequence,
		.sync = sending->sync,
		.partner = inbox->receiver_cpu,
		.taker.receivers = 1,
	};
	int code;

	if (accepted) {
		mbipc_wait_begin(&wait, &mailbox->waits, NULL);
		message->waiter = &wait;
		mbipc_deliver(inbox, &message->item, after);
	} else {
		mbipc_wait_begin(&wait, &mailbox->waits, &inbox->senders);
		refuse_small(inbox, message);
		/* A receiver need not wait until there is room for it. */
		mbipc_poll_later(after, inbox, MBIPC_POLL_IN);
	}
	mbipc_tell_pollers(mailbox, after);
	code = mbipc_sleep(handle, &wait, sending->patience, err);
	mbipc_wait_end(&wait);
	if (!code) {
		sending->sequence = wait.sequence;
		sending->taker = wait.taker;
	} else if (wait.kind == MBIPC_WAIT_TAKER) {
		/* Accepted, so it is not the caller's to free any more. */
		sending->message = NULL;
		if (wait.message)
			withdraw(mailbox, inbox, message, after);
	}
	return code;
}

/* To one receiver: SHARED, EXCLUSIVE, PAIR. */
static int send_to_one(struct mbipc_handle *handle,
		       struct mbipc_sending *sending, struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_message *message = sending->message;
	bool nonblock = sending->patience->nonblock;
	struct mbipc_after after = {};
	struct mbipc_inbox *inbox;
	struct mbipc_wait *taker;
	bool accepted;
	bool prompt;
	bool room;
	bool sync;
	int code;

	spin_lock(&mailbox->lock);
	code = check_sender(mailbox, err);
	if (!code)
		code = inbox_to(handle, false, &inbox, err);
	if (code)
		goto out;

	inbox->sender_cpu = raw_smp_processor_id();
	sync = sending->sync || !mailbox->capacity;
	room = !mailbox->capacity || mbipc_room(mailbox, inbox);
	/* What room there is belongs to those who wait for it. */
	if (room && !list_empty(&inbox->senders))
		room = !mbipc_settle(mailbox, inbox, &after) &&
		       (!mailbox->capacity || mbipc_room(mailbox, inbox));
	taker = mbipc_taker(inbox, &message->item,
			    !room || (nonblock && sync) ? message->length : 0);
	if (!taker && nonblock && sync) {
		code = mbipc_fail_state(err, -EAGAIN, MAILBOX_REASON_NO_TAKER, 0);
		goto out;
	}
	accepted = taker || room;
	if (!accepted && nonblock) {
		code = mbipc_fail_state(err, -EAGAIN, MAILBOX_REASON_FULL,
					mailbox->capacity);
		goto out;
	}
	if (accepted) {
		mbipc_accept(mailbox, message);
		sending->sequence = message->item.sequence;
		inbox->used++;
	}
	/* Who has no time left for the copy shall not have to take it back. */
	prompt = nonblock ||
		 (sync && taker && message->length <= taker->room &&
		  mbipc_patience_over(sending->patience));
	if (!accepted || (sync && !prompt)) {
		code = send_later(handle, sending, inbox, accepted, &after, err);
		goto out;
	}
	/* Who would wait for the copy, but does not, is told who makes it. */
	if (sync)
		party_set(&sending->taker, taker->task, taker->plain);
	if (taker)
		mbipc_hand_over(inbox, &message->item, taker);
	else
		mbipc_enqueue(inbox, &message->item, &after);
out:
	mbipc_unlock(mailbox, &after);
	return code;
}

/*
 * Have as many places at hand as there are receivers; those that are not used
 * are freed like any other.
 */
static int stock_up(struct mbipc_after *copies, u32 *stock, u32 need,
		    struct mbipc_message *message, struct mailbox_error *err)
{
	while (*stock < need) {
		struct mbipc_copy *copy = mbipc_copy_new(message, err);

		if (IS_ERR(copy))
			return PTR_ERR(copy);
		mbipc_free_later(copies, &copy->item);
		++*stock;
	}
	return 0;
}

/*
 * Make room for a receiver that would rather lose its oldest message.  Mostly
 * that is one; more where SET has lowered the capacity, but not all at once.
 */
static void lose_oldest(struct mbipc_mailbox *mailbox,
			struct mbipc_inbox *inbox, struct mbipc_after *after)
{
	u32 most = clamp_t(u32, MBIPC_LOSE_STEP / mailbox->receivers,
			   2, 64);
	struct mbipc_item *oldest;
	u32 i;

	for (i = 0; i < most && !mbipc_room(mailbox, inbox); i++) {
		oldest = mbipc_queue_first(&inbox->queue);
		/* Calls are copying all of them: these are as good as gone. */
		if (!oldest)
			return;
		mbipc_queue_take(&inbox->queue, oldest);
		inbox->lost++;
		mbipc_drop(mailbox, oldest, MBIPC_DROP_SLOW);
		mbipc_place_gone(mailbox, inbox, oldest, after);
	}
}

/* No more for this receiver, and no more waiting for it. */
static void cut_off(struct mbipc_mailbox *mailbox, struct mbipc_inbox *inbox,
		    struct mbipc_after *after)
{
	struct mbipc_wait *wait, *next;

	inbox->cut = true;
	list_for_each_entry_safe(wait, next, &inbox->receivers, link)
		mbipc_wait_abort(wait, -EPIPE, MAILBOX_REASON_CUT_OFF, 1);
	after->poll |= MBIPC_POLL_LOOK;
}

/* One receiver's share of a broadcast: a place, if it gets one. */
static bool send_share(struct mbipc_mailbox *mailbox, struct mbipc_inbox *inbox,
		       struct mbipc_message *message, struct mbipc_item *place,
		       struct mbipc_after *after)
{
	struct mbipc_item *item = &message->item;

	if (!inbox->cut && !mbipc_room(mailbox, inbox) &&
	    !mbipc_taker(inbox, item, message->length)) {
		if (mailbox->slow == MAILBOX_SLOW_LOSE)
			lose_oldest(mailbox, inbox, after);
		else if (mailbox->slow == MAILBOX_SLOW_CUT)
			cut_off(mailbox, inbox, after);
	}
	if (inbox->cut) {
		inbox->missed++;
		mbipc_drop(mailbox, item, MBIPC_DROP_SLOW);
		return false;
	}
	place->sequence = item->sequence;
	message->copies++;
	inbox->used++;
	mbipc_deliver(inbox, place, after);
	return true;
}

/*
 * To every receiver: BROADCAST.  Whoever sends first is first for all of them,
 * since it gives all their places under one hold of the lock.
 */
static int send_to_all(struct mbipc_handle *handle,
		       struct mbipc_sending *sending, struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_message *message = sending->message;
	struct mbipc_inbox *inbox;
	struct mbipc_wait wait;
	struct mbipc_after after = {};
	struct mbipc_after copies = {};
	bool in_line = false;
	u32 stock = 0;
	int code;

	spin_lock(&mailbox->lock);
	for (;;) {
		u32 need = mailbox->receivers;

		code = check_sender(mailbox, err);
		if (code)
			break;
		if (stock < need) {
			spin_unlock(&mailbox->lock);
			code = stock_up(&copies, &stock, need, message, err);
			spin_lock(&mailbox->lock);
			if (code)
				break;
			continue;
		}
		if (mailbox->slow != MAILBOX_SLOW_BLOCK)
			break;
		if ((list_empty(&mailbox->crowd) ||
		     (in_line && list_is_first(&wait.link, &mailbox->crowd))) &&
		    mbipc_room_in_all(mailbox))
			break;
		if (sending->patience->nonblock) {
			code = mbipc_fail_state(err, -EAGAIN,
						MAILBOX_REASON_FULL,
						mailbox->capacity);
			break;
		}
		if (!in_line) {
			memset(&wait, 0, sizeof(wait));
			wait.handle = handle;
			wait.kind = MBIPC_WAIT_CROWD;
			wait.partner = -1;
			mbipc_wait_begin(&wait, &mailbox->waits, &mailbox->crowd);
			in_line = true;
		} else if (wait.state == MBIPC_WAIT_DONE) {
			wait.state = MBIPC_WAIT_PENDING;
		}
		code = mbipc_sleep(handle, &wait, sending->patience, err);
		if (code)
			break;
	}
	if (in_line)
		mbipc_wait_end(&wait);
	if (!code) {
		u32 receivers = 0;

		mbipc_accept(mailbox, message);
		sending->sequence = message->item.sequence;
		message->copies = 0;
		list_for_each_entry(inbox, &mailbox->inboxes, link) {
			struct mbipc_item *item = copies.dead;

			copies.dead = item->next_dead;
			mbipc_item_init(item);
			if (send_share(mailbox, inbox, message, item, &after))
				receivers++;
			else
				mbipc_free_later(&copies, item);
		}
		if (!mailbox->receivers)
			mbipc_drop(mailbox, &message->item, MBIPC_DROP_NOBODY);
		if (!message->copies)
			mailbox->bytes -= message->length;
		sending->taker.receivers = receivers;
	}
	if (in_line) {
		mbipc_settle_crowd(mailbox);
		/* The line was what kept others from the room that is left. */
		if (list_empty(&mailbox->crowd))
			after.poll |= MBIPC_POLL_OUT;
	}
	mbipc_unlock(mailbox, &after);
	mbipc_free(&copies);
	if (!code)
		mbipc_message_put(message);
	return code;
}

/**
 * mbipc_send - put a message in
 * @handle: with SEND
 * @sending: the message, and how; the answers
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, and the message is the mailbox's; else -EIDRM, -EPIPE, -EBUSY,
 * -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EBADF, -ENOMEM, and no receiver gets it.
 * @sending->message is then NULL or still the caller's.
 */
int mbipc_send(struct mbipc_handle *handle, struct mbipc_sending *sending,
	       struct mailbox_error *err)
{
	if (handle->mailbox->policy == MAILBOX_POLICY_BROADCAST)
		return send_to_all(handle, sending, err);
	return send_to_one(handle, sending, err);
}

/* A message is at hand; does the caller have room for it? */
static int check_fits(const struct mbipc_taking *taking,
		      struct mbipc_item *item, struct mailbox_error *err)
{
	size_t length = mbipc_item_message(item)->length;

	if (length <= taking->room || taking->truncate)
		return 0;
	return mbipc_fail(err, -EMSGSIZE, MAILBOX_REASON_BUFFER_SIZE,
			  MAILBOX_NO_FIELD, length);
}

/* A sender that waits for room has what the receiver wants. */
static struct mbipc_wait *sender_with(const struct mbipc_inbox *inbox,
				      const struct mbipc_select *select)
{
	struct mbipc_wait *wait;

	list_for_each_entry(wait, &inbox->senders, link)
		if (mbipc_select_fits(select, &wait->message->item))
			return wait;
	return NULL;
}

/* Back to its place, for the next who wants it; or gone, if it was taken back. */
static void give_back(struct mbipc_mailbox *mailbox,
		      struct mbipc_taking *taking, struct mbipc_after *after)
{
	struct mbipc_inbox *inbox = taking->inbox;
	bool withdrawn = taking->message->withdrawn;

	inbox->lost += taking->lost;
	if (mailbox->state != MBIPC_DEAD && !withdrawn) {
		mbipc_deliver(inbox, taking->item, after);
		return;
	}
	if (!withdrawn)
		mbipc_drop(mailbox, taking->item, MBIPC_DROP_DESTROY);
	mbipc_place_gone(mailbox, inbox, taking->item, after);
}

/* The message is the caller's, until it is finished with it. */
static void borrow(struct mbipc_taking *taking, struct mbipc_item *item)
{
	taking->item = item;
	taking->message = mbipc_item_message(item);
	taking->length = taking->message->length;
	taking->sync = taking->message->waiter;
}

/* The same, where nobody has told the caller yet of what it lost. */
static void borrow_next(struct mbipc_taking *taking, struct mbipc_item *item)
{
	borrow(taking, item);
	taking->lost = taking->inbox->lost;
	taking->inbox->lost = 0;
}

/* Wait for a message to be handed over. */
static int take_later(struct mbipc_handle *handle, struct mbipc_taking *taking,
		      struct mbipc_after *after, struct mailbox_error *err)
	__must_hold(&handle->mailbox->lock)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_wait wait = {
		.handle = handle,
		.kind = MBIPC_WAIT_RECEIVE,
		.inbox = taking->inbox,
		.select = &taking->select,
		.room = taking->truncate ? SIZE_MAX : taking->room,
		.plain = taking->plain,
		.partner = taking->inbox->sender_cpu,
	};
	int code;

	/* Who was given a message that was taken back is still the first. */
	mbipc_wait_begin(&wait, &mailbox->waits, taking->first ?
			 taking->inbox->receivers.next : &taking->inbox->receivers);
	if (!mailbox->capacity) {
		/* A taker is what a rendezvous' pollers wait for. */
		mbipc_poll_later(after, taking->inbox, MBIPC_POLL_OUT);
		mbipc_tell_pollers(mailbox, after);
	}
	code = mbipc_sleep(handle, &wait, taking->patience, err);
	mbipc_wait_end(&wait);
	if (code)
		return code;
	borrow(taking, wait.item);
	taking->lost = wait.lost;
	taking->first = true;
	if (taking->message->withdrawn)
		code = MBIPC_AGAIN;
	else
		code = check_fits(taking, wait.item, err);
	if (code)
		give_back(mailbox, taking, after);
	return code;
}

static int take_locked(struct mbipc_handle *handle, struct mbipc_taking *taking,
		       struct mbipc_after *after, struct mailbox_error *err)
	__must_hold(&handle->mailbox->lock)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_inbox *inbox;
	struct mbipc_wait *sender;
	struct mbipc_item *item;
	bool more;
	int code;

	code = mbipc_check_alive(mailbox, err);
	if (!code)
		code = inbox_from(handle, false, &inbox, &more, err);
	if (code)
		return code;
	taking->inbox = inbox;
	inbox->receiver_cpu = raw_smp_processor_id();

	item = mbipc_queue_find(&inbox->queue, &taking->select, 0);
	if (item) {
		code = check_fits(taking, item, err);
		if (!code) {
			mbipc_queue_take(&inbox->queue, item);
			borrow_next(taking, item);
		}
		return code;
	}
	sender = sender_with(inbox, &taking->select);
	if (sender) {
		item = &sender->message->item;
		code = check_fits(taking, item, err);
		if (!code) {
			mbipc_accept_waiting(mailbox, sender);
			borrow_next(taking, item);
		}
		return code;
	}
	if (inbox->cut)
		return mbipc_fail_state(err, -EPIPE, MAILBOX_REASON_CUT_OFF,
					inbox->missed);
	if (!more)
		return mbipc_fail_state(err, -EPIPE, MAILBOX_REASON_NO_SENDERS, 0);
	if (taking->patience->nonblock)
		return mbipc_fail_state(err, -EAGAIN, MAILBOX_REASON_EMPTY,
					inbox->queue.depth);
	return take_later(handle, taking, after, err);
}

/**
 * mbipc_take - borrow the first message that is wanted, to copy it out
 * @handle: with RECEIVE
 * @taking: what is wanted, and how; the answers
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, then mbipc_finish() must follow; else -EIDRM, -EPIPE, -EBUSY,
 * -EAGAIN, -EMSGSIZE, -ETIMEDOUT, -ERESTARTSYS, -EBADF.
 */
int mbipc_take(struct mbipc_handle *handle, struct mbipc_taking *taking,
	       struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_after after = {};
	int code;

	do {
		spin_lock(&mailbox->lock);
		code = take_locked(handle, taking, &after, err);
		/* Who is told of a place that is free must not wait for the next turn. */
		mbipc_unlock(mailbox, &after);
	} while (code == MBIPC_AGAIN);
	return code;
}

/**
 * mbipc_finish - the copy is made: keep the message, or give it back
 * @handle: with RECEIVE
 * @taking: as mbipc_take() left it
 * @copied: 0, or why it could not be copied
 * @err: told why not
 *
 * A caller that is dying has copied it for nobody, so that it goes back.
 *
 * Return: 0: it is received; MBIPC_AGAIN: its sender took it back meanwhile, it
 * must be forgotten; -EINTR; or @copied.
 */
int mbipc_finish(struct mbipc_handle *handle, struct mbipc_taking *taking,
		 int copied, struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_message *message = taking->message;
	struct mbipc_after after = {};
	int code = copied;

	if (!code && fatal_signal_pending(current))
		code = mbipc_fail_state(err, -EINTR, MAILBOX_REASON_NONE, 0);

	spin_lock(&mailbox->lock);
	if (!code && message->withdrawn)
		code = MBIPC_AGAIN;
	if (code) {
		give_back(mailbox, taking, &after);
		goto out;
	}
	mailbox->received++;
	/* Exact to a tick, and not before it was sent. */
	mailbox->receive_time = max(ktime_get_coarse_ns(), message->time);
	mbipc_remember(&mailbox->last_receiver, task_tgid(current));
	trace_mailbox_receive(mailbox, message);
	if (message->waiter) {
		struct mbipc_wait *wait = message->waiter;

		party_set(&wait->taker, current, taking->plain);
		wait->message = NULL;
		message->waiter = NULL;
		mbipc_wait_done(wait);
	}
	if (message->cargo && taking->answers) {
		struct mbipc_request *request;

		request = container_of(message->cargo, struct mbipc_request, cargo);
		request->sequence = message->item.sequence;
		/* else it goes with the message */
		if (mbipc_request_keep(handle, request))
			message->cargo = NULL;
	}
	mbipc_place_gone(mailbox, taking->inbox, taking->item, &after);
out:
	mbipc_unlock(mailbox, &after);
	return code;
}

/**
 * mbipc_peek - look at a message without taking it
 * @handle: with RECEIVE
 * @taking: what is wanted, and the answers; patience is not used
 * @index: which of those wanted
 * @err: told why not
 *
 * Return: 0, and @taking->message has a reference for the caller; else -EIDRM,
 * -EBUSY, -ENOMSG, -EMSGSIZE.
 */
int mbipc_peek(struct mbipc_handle *handle, struct mbipc_taking *taking,
	       u64 index, struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_inbox *inbox;
	struct mbipc_item *item;
	bool more;
	int code;

	spin_lock(&mailbox->lock);
	code = mbipc_check_alive(mailbox, err);
	if (!code)
		code = inbox_from(handle, true, &inbox, &more, err);
	if (code)
		goto out;
	item = mbipc_queue_find(&inbox->queue, &taking->select, index);
	if (!item) {
		code = mbipc_fail_state(err, -ENOMSG, MAILBOX_REASON_EMPTY,
					inbox->queue.depth);
		goto out;
	}
	code = check_fits(taking, item, err);
	if (code)
		goto out;
	taking->message = mbipc_item_message(item);
	taking->lost = inbox->lost;
	taking->sync = taking->message->waiter;
	refcount_inc(&taking->message->refs);
out:
	spin_unlock(&mailbox->lock);
	return code;
}

static __poll_t poll_receiver(struct mbipc_handle *handle)
{
	struct mailbox_error err;
	struct mbipc_inbox *inbox;
	__poll_t mask = 0;
	bool more;

	if (inbox_from(handle, true, &inbox, &more, &err))
		return EPOLLERR;
	if (inbox->queue.depth || !list_empty(&inbox->senders))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (inbox->cut || !more)
		mask |= EPOLLHUP;
	return mask;
}

static __poll_t poll_sender(struct mbipc_handle *handle)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mailbox_error err;
	struct mbipc_inbox *inbox;
	bool room;

	if (mbipc_anonymous(mailbox) && !mailbox->receivers)
		return EPOLLERR;
	if (mailbox->policy == MAILBOX_POLICY_BROADCAST) {
		room = mailbox->slow != MAILBOX_SLOW_BLOCK ||
		       (list_empty(&mailbox->crowd) &&
			mbipc_room_in_all(mailbox));
	} else {
		if (inbox_to(handle, true, &inbox, &err))
			return EPOLLERR;
		room = mailbox->capacity ? mbipc_room(mailbox, inbox) &&
					   list_empty(&inbox->senders) :
					   !list_empty(&inbox->receivers);
	}
	return room ? EPOLLOUT | EPOLLWRNORM : 0;
}

/**
 * mbipc_poll_mask - what poll(2) says of a handle now
 * @handle: the handle
 * @wanted: what the poller asks for
 */
__poll_t mbipc_poll_mask(struct mbipc_handle *handle, __poll_t wanted)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	__poll_t mask = 0;

	spin_lock(&mailbox->lock);
	if (mailbox->state == MBIPC_DEAD) {
		mask = EPOLLHUP | EPOLLERR;
	} else {
		if (handle->may & MAILBOX_RIGHT_RECEIVE)
			mask |= poll_receiver(handle);
		if (handle->may & MAILBOX_RIGHT_SEND)
			mask |= poll_sender(handle);
		/* To wait for them needs both rights, too. */
		if (mailbox->policy == MAILBOX_POLICY_CHANNEL &&
		    mbipc_near(handle)->ring &&
		    (handle->may & MAILBOX_RIGHT_SEND) &&
		    (handle->may & MAILBOX_RIGHT_RECEIVE))
			mask |= mbipc_ring_poll(mbipc_near(handle)->ring,
						mbipc_far(handle)->ring, wanted);
	}
	spin_unlock(&mailbox->lock);
	return mask;
}
