// SPDX-License-Identifier: GPL-2.0
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "error.h"
#include "manage.h"

static u64 wall_clock(u64 monotonic)
{
	return monotonic ? ktime_mono_to_real(monotonic) : 0;
}

static u64 depth(const struct mbipc_mailbox *mailbox)
{
	const struct mbipc_inbox *inbox;
	u64 deepest = 0;

	switch (mailbox->policy) {
	case MAILBOX_POLICY_PAIR:
		return mailbox->seats[0].inbox.used + mailbox->seats[1].inbox.used;
	case MAILBOX_POLICY_SEGMENT:
		return 0;
	case MAILBOX_POLICY_CHANNEL:
		return mailbox->channel->ends[0].inbox.used +
		       mailbox->channel->ends[1].inbox.used;
	case MAILBOX_POLICY_BROADCAST:
		list_for_each_entry(inbox, &mailbox->inboxes, link)
			deepest = max(deepest, inbox->used);
		return deepest;
	default:
		return mailbox->inbox.used;
	}
}

/**
 * mbipc_stat - a mailbox as the caller may see it
 * @mailbox: the caller has a reference, or the lock of its names
 * @stat: filled, but for rights
 */
void mbipc_stat(struct mbipc_mailbox *mailbox, struct mailbox_stat *stat)
{
	const struct mbipc_wait *wait;

	memset(stat, 0, sizeof(*stat));
	stat->id = mailbox->id;
	stat->policy = mailbox->policy;
	stat->slow = mailbox->slow;
	stat->flags = mailbox->flags;
	stat->creator_uid = mbipc_uid_shown(mailbox->creator_uid);
	stat->creator_gid = mbipc_gid_shown(mailbox->creator_gid);
	stat->creator_pid = pid_vnr(mailbox->creator);
	stat->created_time = wall_clock(mailbox->created_time);

	spin_lock(&mailbox->lock);
	if (mailbox->state == MBIPC_DEAD)
		stat->flags |= MAILBOX_STAT_DESTROYED;
	else if (mailbox->name)
		strscpy(stat->name, mailbox->name, sizeof(stat->name));
	stat->mode = mailbox->mode;
	stat->uid = mbipc_uid_shown(mailbox->uid);
	stat->gid = mbipc_gid_shown(mailbox->gid);
	stat->sender_pid = pid_vnr(mailbox->last_sender);
	stat->receiver_pid = pid_vnr(mailbox->last_receiver);
	stat->capacity = mailbox->capacity;
	stat->message_max = mailbox->message_max;
	stat->depth = depth(mailbox);
	stat->bytes = mailbox->bytes;
	stat->handles = mailbox->handles;
	stat->senders = mailbox->senders;
	stat->receivers = mailbox->receivers;
	hlist_for_each_entry(wait, &mailbox->waits, all) {
		/* What a CONNECT waits for was received: nothing keeps it up here. */
		if (wait->state != MBIPC_WAIT_PENDING ||
		    wait->kind == MBIPC_WAIT_ANSWER)
			continue;
		if (wait->kind == MBIPC_WAIT_RECEIVE ||
		    (wait->kind == MBIPC_WAIT_RING &&
		     (wait->events & MAILBOX_RING_DATA)))
			stat->waiting_receivers++;
		else
			stat->waiting_senders++;
	}
	stat->sent = mailbox->sequence;
	stat->received = mailbox->received;
	stat->dropped = mailbox->dropped;
	stat->withdrawn = mailbox->withdrawn;
	stat->changed_time = wall_clock(mailbox->changed_time);
	stat->send_time = wall_clock(mailbox->send_time);
	stat->receive_time = wall_clock(mailbox->receive_time);
	spin_unlock(&mailbox->lock);
}

/* More room, perhaps: for all that wait for it.  May more of them go on? */
static bool settle_all(struct mbipc_mailbox *mailbox, struct mbipc_after *after)
{
	bool more;

	switch (mailbox->policy) {
	case MAILBOX_POLICY_PAIR:
		more = mbipc_settle(mailbox, &mailbox->seats[0].inbox, after);
		return mbipc_settle(mailbox, &mailbox->seats[1].inbox, after) ||
		       more;
	case MAILBOX_POLICY_SEGMENT:
		return false;
	case MAILBOX_POLICY_CHANNEL:
		more = mbipc_settle(mailbox, &mailbox->channel->ends[0].inbox, after);
		return mbipc_settle(mailbox, &mailbox->channel->ends[1].inbox, after) ||
		       more;
	case MAILBOX_POLICY_BROADCAST:
		mbipc_settle_crowd(mailbox);
		return false;
	default:
		return mbipc_settle(mailbox, &mailbox->inbox, after);
	}
}

/**
 * mbipc_set - change a mailbox
 * @mailbox: the caller has a handle with ADMIN on it
 * @set: checked for sense, and for what goes with the mailbox's policy
 * @uid: its uid, for MAILBOX_SET_UID
 * @gid: its gid, for MAILBOX_SET_GID
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0 or -EIDRM.
 */
int mbipc_set(struct mbipc_mailbox *mailbox, const struct mailbox_set *set,
	      kuid_t uid, kgid_t gid, struct mailbox_error *err)
{
	struct mbipc_after after = {};
	int code;

	spin_lock(&mailbox->lock);
	code = mbipc_check_alive(mailbox, err);
	if (code)
		goto out;
	if (set->mask & MAILBOX_SET_MODE)
		mailbox->mode = set->mode;
	if (set->mask & MAILBOX_SET_UID)
		mailbox->uid = uid;
	if (set->mask & MAILBOX_SET_GID)
		mailbox->gid = gid;
	if (set->mask & MAILBOX_SET_MESSAGE_MAX)
		WRITE_ONCE(mailbox->message_max, set->message_max);
	mailbox->changed_time = ktime_get_ns();
	if (set->mask & MAILBOX_SET_CAPACITY) {
		mailbox->capacity = set->capacity;
		while (settle_all(mailbox, &after)) {
			mbipc_unlock(mailbox, &after);
			cond_resched();
			spin_lock(&mailbox->lock);
		}
		/* Room for one or for many, or less of it. */
		after.poll |= MBIPC_POLL_OUT | MBIPC_POLL_LOOK;
	}
out:
	mbipc_unlock(mailbox, &after);
	return code;
}
