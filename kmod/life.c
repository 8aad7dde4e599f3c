// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "account.h"
#include "error.h"
#include "life.h"
#include "limits.h"
#include "registry.h"
#include "ring.h"
#include "segment.h"
#include "trace.h"

/* A cache of its own: exact sizes, and a leak has a name at unload. */
static struct kmem_cache *mailbox_cache;

static atomic64_t last_id;

int mbipc_life_init(void)
{
	mailbox_cache = kmem_cache_create("mailbox", sizeof(struct mbipc_mailbox),
					  0, SLAB_ACCOUNT, NULL);
	return mailbox_cache ? 0 : -ENOMEM;
}

void mbipc_life_exit(void)
{
	kmem_cache_destroy(mailbox_cache);
}

static int seats_new(struct mbipc_mailbox *mailbox)
{
	int i;

	mailbox->seats = kcalloc(2, sizeof(*mailbox->seats), GFP_KERNEL_ACCOUNT);
	if (!mailbox->seats)
		return -ENOMEM;
	for (i = 0; i < 2; i++)
		mbipc_inbox_init(&mailbox->seats[i].inbox);
	return 0;
}

static int channel_new(struct mbipc_mailbox *mailbox)
{
	struct mbipc_channel *channel = kzalloc(sizeof(*channel),
						GFP_KERNEL_ACCOUNT);
	int i;

	mailbox->channel = channel;
	if (!channel)
		return -ENOMEM;
	for (i = 0; i < 2; i++) {
		mbipc_inbox_init(&channel->ends[i].inbox);
		INIT_LIST_HEAD(&channel->ends[i].sleepers);
		channel->ends[i].ring_cpu = -1;
	}
	return 0;
}

static void channel_free(struct mbipc_channel *channel)
{
	int i;

	for (i = 0; i < 2; i++) {
		mbipc_ring_free(channel->ends[i].ring);
		put_pid(channel->ends[i].pid);
	}
	kfree(channel);
}

/**
 * mbipc_mailbox_new - make a mailbox
 * @how: checked for sense; mode and message_max as they shall be
 * @account: who pays
 * @err: told why not
 *
 * Context: may sleep.
 * Return: a mailbox in state NEW without a name, with a reference for the
 * caller; or an ERR_PTR: -EDQUOT, -ENOMEM.
 */
struct mbipc_mailbox *mbipc_mailbox_new(const struct mailbox_create *how,
					struct mbipc_account *account,
					struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox;
	int code, i;

	code = mbipc_account_mailbox(account, err);
	if (code)
		return ERR_PTR(code);
	code = -ENOMEM;
	mailbox = kmem_cache_zalloc(mailbox_cache, GFP_KERNEL);
	if (!mailbox)
		goto no_mailbox;

	refcount_set(&mailbox->refs, 1);
	spin_lock_init(&mailbox->lock);
	for (i = 0; i < MBIPC_POLLERS; i++)
		init_waitqueue_head(&mailbox->poll[i]);
	INIT_HLIST_HEAD(&mailbox->waits);
	RB_CLEAR_NODE(&mailbox->name_node);
	mailbox->state = MBIPC_NEW;
	mailbox->policy = how->policy;
	mailbox->slow = how->slow;
	mailbox->flags = how->flags &
			 (MAILBOX_CREATE_PERSIST | MAILBOX_CREATE_FIXED);
	mailbox->mode = how->mode;
	mailbox->capacity = how->capacity;
	mailbox->message_max = how->message_max;

	switch (mailbox->policy) {
	case MAILBOX_POLICY_PAIR:
		if (seats_new(mailbox))
			goto no_parts;
		break;
	case MAILBOX_POLICY_CHANNEL:
		if (channel_new(mailbox))
			goto no_parts;
		break;
	case MAILBOX_POLICY_SEGMENT:
		mailbox->segment = mbipc_segment_new(how->capacity, account, err);
		if (IS_ERR(mailbox->segment)) {
			code = PTR_ERR(mailbox->segment);
			goto no_parts;
		}
		break;
	case MAILBOX_POLICY_BROADCAST:
		INIT_LIST_HEAD(&mailbox->inboxes);
		INIT_LIST_HEAD(&mailbox->crowd);
		break;
	default:
		mbipc_inbox_init(&mailbox->inbox);
	}

	mailbox->account = mbipc_account_hold(account);
	mailbox->uid = current_euid();
	mailbox->gid = current_egid();
	mailbox->creator_uid = mailbox->uid;
	mailbox->creator_gid = mailbox->gid;
	mailbox->creator = get_pid(task_tgid(current));
	mailbox->created_time = ktime_get_ns();
	mailbox->id = atomic64_inc_return(&last_id);
	return mailbox;

no_parts:
	kmem_cache_free(mailbox_cache, mailbox);
no_mailbox:
	mbipc_account_mailbox_end(account);
	if (code == -ENOMEM)
		mbipc_fail_state(err, code, MAILBOX_REASON_NONE, 0);
	return ERR_PTR(code);
}

/**
 * mbipc_mailbox_register - give a new mailbox its name
 * @mailbox: NEW
 * @name: free in @names; owned by @mailbox from here on
 * @names: its lock is held
 *
 * Return: 0, or -ENODEV: the module is being unloaded.
 */
int mbipc_mailbox_register(struct mbipc_mailbox *mailbox, char *name,
			   struct mbipc_names *names)
{
	mailbox->name = name;
	mailbox->names = mbipc_names_hold(names);
	/* One that nobody may hold open must keep the code it needs. */
	if ((mailbox->flags & MAILBOX_CREATE_PERSIST) &&
	    !try_module_get(THIS_MODULE))
		return -ENODEV;
	mbipc_names_add(names, mailbox);
	return 0;
}

void mbipc_mailbox_put(struct mbipc_mailbox *mailbox)
{
	if (!refcount_dec_and_test(&mailbox->refs))
		return;
	if (mailbox->policy == MAILBOX_POLICY_PAIR) {
		put_pid(mailbox->seats[0].pid);
		put_pid(mailbox->seats[1].pid);
		kfree(mailbox->seats);
	}
	if (mailbox->policy == MAILBOX_POLICY_CHANNEL)
		channel_free(mailbox->channel);
	if (mailbox->policy == MAILBOX_POLICY_SEGMENT)
		mbipc_segment_free(mailbox->segment);
	if (mailbox->state == MBIPC_NEW)
		mbipc_account_mailbox_end(mailbox->account);
	mbipc_account_put(mailbox->account);
	put_pid(mailbox->creator);
	put_pid(mailbox->last_sender);
	put_pid(mailbox->last_receiver);
	if (mailbox->names)
		mbipc_names_put(mailbox->names);
	kfree(mailbox->name);
	kmem_cache_free(mailbox_cache, mailbox);
}

/**
 * mbipc_mailbox_memory - what a SEGMENT is about
 * @mailbox: of that policy
 * @err: told why not
 *
 * Return: the file, the caller's to fput(), or an ERR_PTR: -EIDRM.
 */
struct file *mbipc_mailbox_memory(struct mbipc_mailbox *mailbox,
				  struct mailbox_error *err)
{
	struct file *memory;
	int code;

	spin_lock(&mailbox->lock);
	code = mbipc_check_alive(mailbox, err);
	memory = code ? ERR_PTR(code) : get_file(mailbox->segment->file);
	spin_unlock(&mailbox->lock);
	return memory;
}

/**
 * mbipc_attach - a handle begins to count
 * @mailbox: NEW or ACTIVE; @handle gets a reference of its own
 * @handle: with its rights, and for a receiver with an inbox in case
 * @err: told why not
 *
 * For a named mailbox that is not NEW the caller holds the lock of its names,
 * or has a handle: so it cannot lose its last handle meanwhile.
 *
 * Return: 0, -EIDRM or -EBUSY.
 */
int mbipc_attach(struct mbipc_mailbox *mailbox, struct mbipc_handle *handle,
		 struct mailbox_error *err)
{
	bool receives = handle->rights & MAILBOX_RIGHT_RECEIVE;
	bool sends = handle->rights & MAILBOX_RIGHT_SEND;
	int code, seat;

	spin_lock(&mailbox->lock);
	code = mbipc_check_alive(mailbox, err);
	if (code)
		goto out;
	switch (mailbox->policy) {
	case MAILBOX_POLICY_EXCLUSIVE:
		if (receives && mailbox->receivers)
			code = mbipc_fail_state(err, -EBUSY,
						MAILBOX_REASON_RECEIVER_TAKEN, 0);
		break;
	case MAILBOX_POLICY_PAIR:
		if (!receives && !sends)
			break;
		seat = mbipc_seat_take(mailbox, receives, err);
		code = min(seat, 0);
		/* it is about to have a descriptor */
		if (!code)
			mailbox->seats[seat].fresh = false;
		break;
	case MAILBOX_POLICY_BROADCAST:
		if (receives && mailbox->receivers >= MBIPC_RECEIVERS_MAX)
			code = mbipc_fail_state(err, -EBUSY,
						MAILBOX_REASON_RECEIVERS_MAX,
						MBIPC_RECEIVERS_MAX);
		else if (receives)
			list_add_tail(&handle->inbox->link, &mailbox->inboxes);
		break;
	case MAILBOX_POLICY_CHANNEL: {
		struct mbipc_end *end = &mailbox->channel->ends[handle->end];

		end->handles++;
		end->senders += sends;
		end->receivers += receives;
		break;
	}
	}
	if (code)
		goto out;
	/* Before anybody can change it, or do anything that is traced. */
	if (mailbox->state == MBIPC_NEW)
		trace_mailbox_create(mailbox);
	mailbox->state = MBIPC_ACTIVE;
	mailbox->handles++;
	mailbox->senders += sends;
	mailbox->receivers += receives;
	refcount_inc(&mailbox->refs);
	handle->mailbox = mailbox;
	handle->may = handle->rights;
	if (mailbox->policy == MAILBOX_POLICY_SEGMENT)
		handle->may &= MAILBOX_RIGHT_ADMIN;
out:
	spin_unlock(&mailbox->lock);
	/* Only now is it known whether there is use for it. */
	if (!code && mailbox->policy != MAILBOX_POLICY_BROADCAST) {
		kfree(handle->inbox);
		handle->inbox = NULL;
	}
	return code;
}

static void abort_waits(struct mbipc_mailbox *mailbox, bool receives,
			bool sends, int code, u16 reason)
{
	struct mbipc_wait *wait;

	mbipc_assert_locked(mailbox);
	hlist_for_each_entry(wait, &mailbox->waits, all)
		if (wait->kind == MBIPC_WAIT_RECEIVE ? receives : sends)
			mbipc_wait_abort(wait, code, reason, 0);
}

/* A handle on an end of a channel goes: tell who is at the other one. */
static void leave_end(struct mbipc_handle *handle, bool receives, bool sends,
		      struct mbipc_after *after)
{
	struct mbipc_channel *channel = handle->mailbox->channel;
	struct mbipc_end *end = mbipc_near(handle);
	struct mbipc_end *other = mbipc_far(handle);
	struct mbipc_wait *wait;

	mbipc_assert_locked(handle->mailbox);
	end->handles--;
	end->senders -= sends;
	end->receivers -= receives;
	if (!end->handles) {
		if (channel->answer == MAILBOX_PEER_PENDING)
			WRITE_ONCE(channel->answer, MAILBOX_PEER_CLOSED);
		if (end->ring)
			mbipc_ring_closed(end->ring);
	}
	hlist_for_each_entry(wait, &handle->mailbox->waits, all) {
		switch (wait->kind) {
		case MBIPC_WAIT_RECEIVE:
			if (wait->inbox == &other->inbox && !end->senders)
				mbipc_wait_abort(wait, -EPIPE,
						 MAILBOX_REASON_NO_SENDERS, 0);
			break;
		case MBIPC_WAIT_RING:
			if (wait->inbox == &other->inbox && !end->handles)
				mbipc_wait_abort(wait, -EPIPE,
						 MAILBOX_REASON_NO_PEER, 0);
			break;
		default:
			if (wait->inbox == &end->inbox && !end->receivers)
				mbipc_wait_abort(wait, -EPIPE,
						 MAILBOX_REASON_NO_RECEIVERS, 0);
		}
	}
	after->poll |= MBIPC_POLL_LOOK;
}

/* ACTIVE to DEAD: from here on nothing comes in, and nobody waits. */
static void kill_locked(struct mbipc_mailbox *mailbox,
			struct mbipc_after *after)
{
	mailbox->state = MBIPC_DEAD;
	/* Who keeps a handle keeps the rest of it, but not at its creator's cost. */
	mbipc_account_mailbox_end(mailbox->account);
	abort_waits(mailbox, true, true, -EIDRM, MAILBOX_REASON_DESTROYED);
	after->poll |= MBIPC_POLL_END;
}

/*
 * Queues are emptied in steps, so that the lock is not held for as long as they
 * are deep.  Nothing is added meanwhile: the mailbox is DEAD, or the receiver
 * has left it.
 */
static unsigned int drain_some(struct mbipc_mailbox *mailbox,
			       struct mbipc_inbox *inbox, enum mbipc_drop why,
			       struct mbipc_after *after)
{
	struct mbipc_item *item;
	unsigned int n;

	for (n = 0; n < 64; n++) {
		item = mbipc_queue_first(&inbox->queue);
		if (!item)
			break;
		mbipc_queue_take(&inbox->queue, item);
		mbipc_drop(mailbox, item, why);
		mbipc_place_gone(mailbox, inbox, item, after);
	}
	return n;
}

static u64 drain_inbox(struct mbipc_mailbox *mailbox, struct mbipc_inbox *inbox,
		       enum mbipc_drop why)
{
	u64 dropped = 0;
	unsigned int n;

	do {
		struct mbipc_after after = {};

		spin_lock(&mailbox->lock);
		n = drain_some(mailbox, inbox, why, &after);
		mbipc_unlock(mailbox, &after);
		dropped += n;
		cond_resched();
	} while (n);
	return dropped;
}

/*
 * The same for all receivers of a broadcast, who may leave meanwhile: an inbox
 * that is empty is put aside, so that none is looked at twice.
 */
static u64 drain_inboxes(struct mbipc_mailbox *mailbox)
{
	struct mbipc_inbox *inbox;
	LIST_HEAD(empty);
	u64 dropped = 0;

	spin_lock(&mailbox->lock);
	while (!list_empty(&mailbox->inboxes)) {
		struct mbipc_after after = {};
		unsigned int n;

		inbox = list_first_entry(&mailbox->inboxes, struct mbipc_inbox,
					 link);
		n = drain_some(mailbox, inbox, MBIPC_DROP_DESTROY, &after);
		if (!n)
			list_move(&inbox->link, &empty);
		mbipc_unlock(mailbox, &after);
		dropped += n;
		cond_resched();
		spin_lock(&mailbox->lock);
	}
	list_splice(&empty, &mailbox->inboxes);
	spin_unlock(&mailbox->lock);
	return dropped;
}

/*
 * Of a DEAD channel: nobody has them mapped, nor a file to come to them by.  But
 * who closes the end that a request offered writes into its ring, under the lock.
 */
static void end_rings(struct mbipc_mailbox *mailbox)
{
	struct mbipc_end *ends = mailbox->channel->ends;
	struct mbipc_ring *rings[2] = {};

	spin_lock(&mailbox->lock);
	swap(rings[0], ends[0].ring);
	swap(rings[1], ends[1].ring);
	spin_unlock(&mailbox->lock);
	mbipc_ring_free(rings[0]);
	mbipc_ring_free(rings[1]);
}

/* Empty a DEAD mailbox. */
static u64 drain(struct mbipc_mailbox *mailbox)
{
	struct mbipc_seat *seats = mailbox->seats;
	u64 dropped;

	switch (mailbox->policy) {
	case MAILBOX_POLICY_PAIR:
		dropped = drain_inbox(mailbox, &seats[0].inbox, MBIPC_DROP_DESTROY) +
			  drain_inbox(mailbox, &seats[1].inbox, MBIPC_DROP_DESTROY);
		break;
	case MAILBOX_POLICY_SEGMENT:
		/* What is left of it belongs to those that have it mapped. */
		mbipc_segment_free(mailbox->segment);
		mailbox->segment = NULL;
		dropped = 0;
		break;
	case MAILBOX_POLICY_CHANNEL:
		dropped = drain_inbox(mailbox, &mailbox->channel->ends[0].inbox,
				      MBIPC_DROP_DESTROY) +
			  drain_inbox(mailbox, &mailbox->channel->ends[1].inbox,
				      MBIPC_DROP_DESTROY);
		end_rings(mailbox);
		break;
	case MAILBOX_POLICY_BROADCAST:
		dropped = drain_inboxes(mailbox);
		break;
	default:
		dropped = drain_inbox(mailbox, &mailbox->inbox, MBIPC_DROP_DESTROY);
	}
	trace_mailbox_destroy(mailbox, dropped);
	return dropped;
}

static void names_lock(struct mbipc_mailbox *mailbox)
{
	if (mailbox->names)
		mutex_lock(&mailbox->names->lock);
}

static void names_unlock(struct mbipc_mailbox *mailbox)
{
	if (mailbox->names)
		mutex_unlock(&mailbox->names->lock);
}

/* The name goes; the reference that it had is put by the caller, if any. */
static bool forget_name(struct mbipc_mailbox *mailbox)
{
	if (!mailbox->names || RB_EMPTY_NODE(&mailbox->name_node))
		return false;
	mbipc_names_remove(mailbox->names, mailbox);
	return true;
}

static void name_forgotten(struct mbipc_mailbox *mailbox)
{
	/* Not the last: the caller has the file open, or is the namespace's end. */
	if (mailbox->flags & MAILBOX_CREATE_PERSIST)
		module_put(THIS_MODULE);
	mbipc_mailbox_put(mailbox);
}

/**
 * mbipc_detach - a handle no longer counts
 * @handle: attached; its reference to the mailbox is the caller's to put
 *
 * The last one takes the mailbox with it, unless that is named and PERSIST.
 *
 * Context: may sleep.  No call on the handle is under way.
 */
void mbipc_detach(struct mbipc_handle *handle)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	bool receives = handle->rights & MAILBOX_RIGHT_RECEIVE;
	bool sends = handle->rights & MAILBOX_RIGHT_SEND;
	bool last, forgotten = false, deserted = false, abandoned = false;
	/* It is the end of one right; but a seat cannot be looked at by everybody. */
	unsigned int left = mailbox->policy == MAILBOX_POLICY_PAIR ?
			    MBIPC_POLL_END : MBIPC_POLL_LOOK;
	struct mbipc_after after = {};

	/* A name's finder must not meet a mailbox that is just being left. */
	names_lock(mailbox);
	spin_lock(&mailbox->lock);
	mailbox->handles--;
	mailbox->senders -= sends;
	mailbox->receivers -= receives;
	if (mailbox->policy == MAILBOX_POLICY_BROADCAST && handle->inbox) {
		list_del_init(&handle->inbox->link);
		after.poll |= MBIPC_POLL_OUT;
		mbipc_settle_crowd(mailbox);
	}
	if (mailbox->policy == MAILBOX_POLICY_CHANNEL) {
		leave_end(handle, receives, sends, &after);
		deserted = !mbipc_near(handle)->receivers;
		/* Nobody can come to it any more, whoever keeps the request. */
		abandoned = !handle->end && !mbipc_near(handle)->handles &&
			    mailbox->channel->answer != MAILBOX_PEER_OPEN;
	} else if (mbipc_anonymous(mailbox)) {
		if (sends && !mailbox->senders) {
			abort_waits(mailbox, true, false, -EPIPE,
				    MAILBOX_REASON_NO_SENDERS);
			after.poll |= left;
		}
		if (receives && !mailbox->receivers) {
			abort_waits(mailbox, false, true, -EPIPE,
				    MAILBOX_REASON_NO_RECEIVERS);
			after.poll |= left;
		}
	}
	last = (!mailbox->handles || abandoned) && mailbox->state == MBIPC_ACTIVE &&
	       !(mailbox->flags & MAILBOX_CREATE_PERSIST);
	if (last) {
		kill_locked(mailbox, &after);
		forgotten = forget_name(mailbox);
	}
	mbipc_unlock(mailbox, &after);
	names_unlock(mailbox);

	if (handle->inbox)
		drain_inbox(mailbox, handle->inbox, MBIPC_DROP_CLOSE);
	/* Nobody will receive what the other end sent, nor send more. */
	if (deserted && !last)
		drain_inbox(mailbox, &mbipc_near(handle)->inbox, MBIPC_DROP_CLOSE);
	if (last)
		drain(mailbox);
	if (forgotten)
		name_forgotten(mailbox);
}

/**
 * mbipc_closing - a descriptor was closed
 * @handle: the handle
 * @files: the table of descriptors that it was in; others share the table
 *
 * Return: does a call wait that came through the table?  One that came, but
 * does not wait yet, is told by @handle->closed to look for itself.
 */
bool mbipc_closing(struct mbipc_handle *handle, const void *files)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_wait *wait;
	bool found = false;

	spin_lock(&mailbox->lock);
	handle->closed = true;
	hlist_for_each_entry(wait, &mailbox->waits, all)
		if (wait->handle == handle && wait->files == files)
			found = true;
	spin_unlock(&mailbox->lock);
	return found;
}

/**
 * mbipc_closed - end the calls that came through descriptors that are closed
 * @handle: the handle
 * @files: the table that has no descriptor for it any more
 */
void mbipc_closed(struct mbipc_handle *handle, const void *files)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_wait *wait;

	spin_lock(&mailbox->lock);
	hlist_for_each_entry(wait, &mailbox->waits, all)
		if (wait->handle == handle && wait->files == files)
			mbipc_wait_abort(wait, -EBADF, MAILBOX_REASON_CLOSED, 0);
	spin_unlock(&mailbox->lock);
}

/**
 * mbipc_destroy - end a mailbox
 * @mailbox: the caller has a reference
 * @dropped: set to the messages that were in the queue
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, or -EIDRM: somebody else did.
 */
int mbipc_destroy(struct mbipc_mailbox *mailbox, u64 *dropped,
		  struct mailbox_error *err)
{
	bool forgotten;
	struct mbipc_after after = {};

	names_lock(mailbox);
	spin_lock(&mailbox->lock);
	if (mailbox->state == MBIPC_DEAD) {
		mbipc_unlock(mailbox, &after);
		names_unlock(mailbox);
		return mbipc_fail_state(err, -EIDRM, MAILBOX_REASON_DESTROYED, 0);
	}
	kill_locked(mailbox, &after);
	forgotten = forget_name(mailbox);
	mbipc_unlock(mailbox, &after);
	names_unlock(mailbox);

	*dropped = drain(mailbox);
	if (forgotten)
		name_forgotten(mailbox);
	return 0;
}

/**
 * mbipc_destroy_all - the network namespace goes, and its mailboxes with it
 * @names: its names; no new ones come
 *
 * Context: may sleep.
 */
void mbipc_destroy_all(struct mbipc_names *names)
{
	struct mbipc_mailbox *mailbox;
	struct mailbox_error err;
	u64 dropped;

	for (;;) {
		mutex_lock(&names->lock);
		names->closed = true;
		mailbox = mbipc_names_after(names, "");
		if (mailbox)
			refcount_inc(&mailbox->refs);
		mutex_unlock(&names->lock);
		if (!mailbox)
			return;
		/* Lost to another's DESTROY: then the name went with that. */
		mbipc_destroy(mailbox, &dropped, &err);
		mbipc_mailbox_put(mailbox);
	}
}
