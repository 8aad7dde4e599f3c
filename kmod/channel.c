// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "account.h"
#include "channel.h"
#include "error.h"
#include "handle.h"
#include "life.h"
#include "limits.h"
#include "ring.h"

/* The calling process has this end. */
static void end_set(struct mbipc_end *end)
{
	mbipc_remember(&end->pid, task_tgid(current));
	end->uid = current_euid();
	end->gid = current_egid();
}

/**
 * mbipc_channel_make - make a channel between two new handles
 * @first: new, with its rights; the caller's, who also pays
 * @second: new, with its rights
 * @how: checked for sense
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, -EDQUOT, -ENOMEM, -EINTR (only when the caller is dying).
 */
int mbipc_channel_make(struct mbipc_handle *first, struct mbipc_handle *second,
		       const struct mbipc_channel_how *how,
		       struct mailbox_error *err)
{
	const struct mailbox_create create = {
		.policy = MAILBOX_POLICY_CHANNEL,
		.capacity = how->capacity,
		.message_max = how->message_max,
	};
	struct mbipc_mailbox *mailbox = mbipc_mailbox_new(&create,
							  first->account, err);
	struct mbipc_end *ends;
	int i, code = 0;

	if (IS_ERR(mailbox))
		return PTR_ERR(mailbox);
	ends = mailbox->channel->ends;
	for (i = 0; i < 2 && how->ring[i]; i++) {
		struct mbipc_ring *ring = mbipc_ring_new(how->ring[i],
							 first->account, err);

		if (IS_ERR(ring)) {
			code = PTR_ERR(ring);
			goto out;
		}
		ends[i].ring = ring;
	}
	/* Nobody else knows it yet. */
	mailbox->channel->answer = how->answer;
	end_set(&ends[0]);
	if (how->answer == MAILBOX_PEER_OPEN)
		end_set(&ends[1]);
	first->end = 0;
	second->end = 1;
	code = mbipc_attach(mailbox, first, err) ?:
	       mbipc_attach(mailbox, second, err);
out:
	mbipc_mailbox_put(mailbox);
	return code;
}

/* --- requests -------------------------------------------------------- */

/* The request is answered: so says the channel @mailbox. */
static void request_end(struct mbipc_request *request,
			struct mbipc_mailbox *mailbox)
{
	struct mbipc_channel *channel = mailbox->channel;
	/* Nobody else writes it. */
	struct mbipc_mailbox *asked = channel->asked;

	spin_lock(&asked->lock);
	channel->request = NULL;
	if (channel->asker)
		mbipc_wait_nudge(channel->asker);
	spin_unlock(&asked->lock);
	spin_lock(&mailbox->lock);
	channel->asked = NULL;
	spin_unlock(&mailbox->lock);
	mbipc_mailbox_put(asked);
	kfree(request);
}

/* It will not be answered.  Who took it out of a list, or has its message. */
static void request_drop(struct mbipc_cargo *cargo)
{
	struct mbipc_request *request = container_of(cargo, struct mbipc_request,
						     cargo);
	struct mbipc_mailbox *mailbox = request->far->mailbox;

	refcount_inc(&mailbox->refs);
	mbipc_handle_close(request->far);
	request_end(request, mailbox);
	mbipc_mailbox_put(mailbox);
}

/**
 * mbipc_request_new - offer an end
 * @far: the end; the request's from here on, or closed
 * @asked: where it will be sent
 * @err: told why not
 *
 * Context: may sleep.
 * Return: the request, or an ERR_PTR: -ENOMEM.
 */
struct mbipc_request *mbipc_request_new(struct mbipc_handle *far,
					struct mbipc_mailbox *asked,
					struct mailbox_error *err)
{
	struct mbipc_request *request = kzalloc(sizeof(*request),
						GFP_KERNEL_ACCOUNT);
	struct mbipc_channel *channel;

	if (!request) {
		mbipc_handle_close(far);
		return ERR_PTR(mbipc_fail_state(err, -ENOMEM,
						MAILBOX_REASON_NONE, 0));
	}
	request->cargo.drop = request_drop;
	INIT_LIST_HEAD(&request->link);
	request->far = far;
	/* Nobody else knows the channel yet. */
	channel = far->mailbox->channel;
	refcount_inc(&asked->refs);
	channel->asked = asked;
	channel->request = request;
	return request;
}

/**
 * mbipc_request_take - a request that a handle has received
 * @handle: the handle
 * @sequence: the request's
 * @err: told why not
 *
 * Return: the request, the caller's, or an ERR_PTR: -ENOENT.
 */
struct mbipc_request *mbipc_request_take(struct mbipc_handle *handle,
					 u64 sequence, struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_request *request;

	spin_lock(&mailbox->lock);
	list_for_each_entry(request, &handle->requests, link)
		if (request->sequence == sequence) {
			list_del_init(&request->link);
			goto out;
		}
	request = ERR_PTR(mbipc_fail_state(err, -ENOENT,
					   MAILBOX_REASON_REQUEST_UNKNOWN, 0));
out:
	spin_unlock(&mailbox->lock);
	return request;
}

/* It could not be answered, and may be once more. */
void mbipc_request_put_back(struct mbipc_handle *handle,
			    struct mbipc_request *request)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	bool kept;

	spin_lock(&mailbox->lock);
	kept = mbipc_request_keep(handle, request);
	spin_unlock(&mailbox->lock);
	if (!kept)
		request_drop(&request->cargo);
}

/* Once, and not to somebody who has given up. */
static int request_answer(struct mbipc_mailbox *mailbox, u32 answer,
			  struct mailbox_error *err)
{
	mbipc_assert_locked(mailbox);
	if (mailbox->channel->answer != MAILBOX_PEER_PENDING)
		return mbipc_fail_state(err, -ENOENT,
					MAILBOX_REASON_REQUEST_UNKNOWN, 0);
	WRITE_ONCE(mailbox->channel->answer, answer);
	return 0;
}

/**
 * mbipc_request_accept - give the end that a request offers to the caller
 * @request: taken; freed
 * @file: made for the end, which is its own from here on, whatever is returned
 * @account: of the calling user; the reference becomes the end's
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, or -ENOENT: who asked has just given up.
 */
int mbipc_request_accept(struct mbipc_request *request, struct file *file,
			 struct mbipc_account *account,
			 struct mailbox_error *err)
{
	struct mbipc_handle *far = request->far;
	struct mbipc_mailbox *mailbox = far->mailbox;
	struct mbipc_channel *channel = mailbox->channel;
	int code;

	mbipc_account_put(far->account);
	far->account = account;
	far->file = file;

	spin_lock(&mailbox->lock);
	code = request_answer(mailbox, MAILBOX_PEER_OPEN, err);
	if (!code)
		end_set(&channel->ends[1]);
	spin_unlock(&mailbox->lock);
	request_end(request, mailbox);
	return code;
}

/**
 * mbipc_request_refuse - turn a request down
 * @request: taken; freed
 * @answer: for who asked
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, or -ENOENT: who asked has just given up.
 */
int mbipc_request_refuse(struct mbipc_request *request, u32 answer,
			 struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = request->far->mailbox;
	int code;

	spin_lock(&mailbox->lock);
	code = request_answer(mailbox, MAILBOX_PEER_REFUSED, err);
	if (!code)
		mailbox->channel->code = answer;
	spin_unlock(&mailbox->lock);
	request_drop(&request->cargo);
	return code;
}

/* --- ends ------------------------------------------------------------ */

/**
 * mbipc_channel_await - wait until a request is answered
 * @near: the first end; no descriptor's yet
 * @handle: through which it was asked for
 * @patience: how long; not nonblock
 * @err: told why not
 *
 * It waits in the mailbox that was asked, so that it ends with that, and with
 * the descriptor that was called.
 *
 * Context: may sleep.
 * Return: 0; -ECONNREFUSED; -ETIMEDOUT, -ERESTARTSYS, -EIDRM, -EPIPE, -EBADF:
 * then the request cannot be accepted any more.
 */
int mbipc_channel_await(struct mbipc_handle *near, struct mbipc_handle *handle,
			const struct mbipc_patience *patience,
			struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_channel *channel = near->mailbox->channel;
	struct mbipc_wait wait = {
		.handle = handle,
		.kind = MBIPC_WAIT_ANSWER,
		.partner = -1,
	};
	int code;

	spin_lock(&mailbox->lock);
	mbipc_wait_begin(&wait, &mailbox->waits, NULL);
	channel->asker = &wait;
	code = mbipc_check_alive(mailbox, err);
	if (!code && mbipc_partner_left(mailbox))
		code = mbipc_fail_state(err, -EPIPE,
					MAILBOX_REASON_NO_RECEIVERS, 0);
	/* Who answers does that first, and then looks here for who waits. */
	if (!code && READ_ONCE(channel->answer) == MAILBOX_PEER_PENDING)
		code = mbipc_sleep(handle, &wait, patience, err);
	channel->asker = NULL;
	mbipc_wait_end(&wait);
	spin_unlock(&mailbox->lock);

	/* The answer counts also where something else ended the wait. */
	spin_lock(&near->mailbox->lock);
	switch (channel->answer) {
	case MAILBOX_PEER_OPEN:
		code = 0;
		break;
	case MAILBOX_PEER_PENDING:
		WRITE_ONCE(channel->answer, MAILBOX_PEER_CLOSED);
		break;
	case MAILBOX_PEER_REFUSED:
		code = mbipc_fail_state(err, -ECONNREFUSED,
					MAILBOX_REASON_REFUSED, channel->code);
		break;
	case MAILBOX_PEER_CLOSED:
		code = mbipc_fail_state(err, -ECONNREFUSED,
					MAILBOX_REASON_UNANSWERED, 0);
		break;
	}
	spin_unlock(&near->mailbox->lock);
	return code;
}

/**
 * mbipc_channel_peer - who is at the other end, as the caller may see it
 * @handle: an end
 * @peer: filled, but for the offsets where there are no rings
 */
void mbipc_channel_peer(struct mbipc_handle *handle, struct mailbox_peer *peer)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_channel *channel = mailbox->channel;
	const struct mbipc_end *near = mbipc_near(handle);
	const struct mbipc_end *far = mbipc_far(handle);

	spin_lock(&mailbox->lock);
	if (channel->answer != MAILBOX_PEER_OPEN)
		peer->state = channel->answer;
	else if (far->handles && mailbox->state != MBIPC_DEAD)
		peer->state = MAILBOX_PEER_OPEN;
	else
		peer->state = MAILBOX_PEER_CLOSED;
	peer->code = channel->code;
	/* Where there is nobody it is not root. */
	peer->uid = -1;
	peer->gid = -1;
	if (far->pid) {
		peer->pid = pid_vnr(far->pid);
		peer->uid = mbipc_uid_shown(far->uid);
		peer->gid = mbipc_gid_shown(far->gid);
		/* A process that was waited for has lost its number. */
		rcu_read_lock();
		if (!pid_task(far->pid, PIDTYPE_TGID))
			peer->pid = 0;
		rcu_read_unlock();
	}
	spin_unlock(&mailbox->lock);
	if (near->ring) {
		peer->mine_size = near->ring->size;
		peer->theirs_size = far->ring->size;
		peer->theirs = MBIPC_RING_THEIRS;
	}
}

/**
 * mbipc_channel_wait - sleep until the other end says WAKE
 * @handle: an end with a ring
 * @events: MAILBOX_RING_*
 * @patience: how long
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0; -EPIPE, -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EIDRM, -EBADF.
 */
int mbipc_channel_wait(struct mbipc_handle *handle, u32 events,
		       const struct mbipc_patience *patience,
		       struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_end *near = mbipc_near(handle);
	struct mbipc_end *far = mbipc_far(handle);
	struct mbipc_wait wait;
	int code;

	spin_lock(&mailbox->lock);
	code = mbipc_check_alive(mailbox, err);
	if (code)
		goto out;
	near->ring_cpu = raw_smp_processor_id();
	if (near->woken & events) {
		/* Woken all the time for nothing, a call ends all the same. */
		if (!patience->nonblock && signal_pending(current))
			code = mbipc_fail_state(err, -ERESTARTSYS,
						MAILBOX_REASON_NONE, 0);
		else if (!patience->nonblock && mbipc_patience_over(patience))
			code = mbipc_timed_out(patience, err);
		else
			near->woken &= ~events;
		goto out;
	}
	if (!far->handles) {
		code = mbipc_fail_state(err, -EPIPE, MAILBOX_REASON_NO_PEER, 0);
		goto out;
	}
	if (patience->nonblock) {
		code = mbipc_fail_state(err, -EAGAIN, MAILBOX_REASON_EMPTY, 0);
		goto out;
	}
	memset(&wait, 0, sizeof(wait));
	wait.handle = handle;
	wait.kind = MBIPC_WAIT_RING;
	wait.inbox = &near->inbox;
	wait.events = events;
	wait.partner = far->ring_cpu;
	mbipc_wait_begin(&wait, &mailbox->waits, &near->sleepers);
	code = mbipc_sleep(handle, &wait, patience, err);
	mbipc_wait_end(&wait);
out:
	spin_unlock(&mailbox->lock);
	return code;
}

/*
 * End the waits on an end for @events, or the next ones.  Of a ring's two sides
 * one thread produces and one consumes: so two are looked for, and who parks
 * thousands there must not have the other side wake them all.
 */
static void wake_end(struct mbipc_end *end, u32 events)
{
	struct mbipc_wait *wait;
	unsigned int most = MBIPC_RING_SLEEPERS;
	u32 left = events;

	/* Those whose descriptor was closed are not in line any more. */
	list_for_each_entry(wait, &end->sleepers, link) {
		if (!most--)
			break;
		if (wait->events & events) {
			left &= ~wait->events;
			mbipc_wait_nudge(wait);
		}
	}
	/* Who is on its way to wait will find it. */
	end->woken |= left;
}

/**
 * mbipc_channel_wake - tell the other end that there is something to do
 * @handle: an end with a ring
 * @events: MAILBOX_RING_*
 * @both: tell the end's own waits and pollers, too
 */
void mbipc_channel_wake(struct mbipc_handle *handle, u32 events, bool both)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_end *near = mbipc_near(handle);
	struct mbipc_end *far = mbipc_far(handle);
	struct mbipc_after after = {};
	u32 polled;

	spin_lock(&mailbox->lock);
	near->ring_cpu = raw_smp_processor_id();
	wake_end(far, events);
	polled = mbipc_ring_told(far->ring, events);
	if (both) {
		wake_end(near, events);
		polled |= mbipc_ring_told(near->ring, events);
	}
	if (polled)
		mbipc_poll_later(&after, &far->inbox,
				 both ? MBIPC_POLL_LOOK : MBIPC_POLL_RING);
	mbipc_unlock(mailbox, &after);
}
