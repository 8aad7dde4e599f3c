/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mailbox: its parts, its lock, and the steps that are taken under it.
 *
 * Lock tree, the whole of it:
 *
 *	names->lock		mutex, one per network namespace (registry.c)
 *	    mailbox->lock	spinlock
 *		accounts_lock	spinlock (account.c); a wake-up's run-queue lock
 *
 * Nothing is copied to or from user space, nothing that sleeps is allocated
 * and nothing is freed under mailbox->lock, except a message's place.  poll's
 * wait queue is woken after the lock is released.
 *
 * States of a mailbox:
 *
 *	NEW	until its first handle is attached; nobody else knows it
 *	ACTIVE	every call works
 *	DEAD	destroyed, or left by its last handle: its name is gone, every
 *		wait was aborted, no message comes in or goes out; the queue is
 *		being emptied
 *	freed	with the last reference, which is a handle's, a name's or that of
 *		a request for a channel
 */
#ifndef MBIPC_MAILBOX_H
#define MBIPC_MAILBOX_H

#include <linux/lockdep.h>
#include <linux/mailbox.h>
#include <linux/pid.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/wait.h>

#include "error.h"
#include "message.h"
#include "queue.h"
#include "wait.h"

struct mbipc_account;
struct mbipc_names;
struct mbipc_ring;
struct mbipc_segment;

/**
 * struct mbipc_inbox - a queue, and those that wait on its two sides
 * @queue: messages that can be taken
 * @receivers: waits for a message, first come first; none of them wants a
 *	message of @queue or of a sender in @senders
 * @senders: waits for room, first come first; empty while there is room
 * @link: BROADCAST: in the mailbox's list of inboxes
 * @used: messages of @queue and those that receivers are copying now
 * @lost: BROADCAST: messages lost since the receiver was last told
 * @missed: BROADCAST: messages sent after the receiver was cut off
 * @cut: BROADCAST: it was cut off
 * @sender_cpu: where a call was seen last that sent to it; or -1
 * @receiver_cpu: where a call was seen last that received from it; or -1
 *
 * Guarded by the mailbox's lock.
 */
struct mbipc_inbox {
	struct mbipc_queue queue;
	struct list_head receivers;
	struct list_head senders;
	struct list_head link;
	u64 used;
	u64 lost;
	u64 missed;
	bool cut;
	int sender_cpu;
	int receiver_cpu;
};

/**
 * struct mbipc_seat - one side of a PAIR
 * @pid: the process that sits there; a reference, or NULL
 * @left: one sat there, and has left
 * @fresh: it has sat down by a call, and may have no descriptor
 * @inbox: what the other side sent
 *
 * Guarded by the mailbox's lock.
 */
struct mbipc_seat {
	struct pid *pid;
	bool left;
	bool fresh;
	struct mbipc_inbox inbox;
};

/**
 * struct mbipc_end - one end of a channel
 * @inbox: what the other end sent
 * @handles: open handles on this end; one that waits in a request counts
 * @senders: those with SEND
 * @receivers: those with RECEIVE
 * @ring: what this end writes, or NULL; constant until the channel is DEAD
 * @sleepers: its waits for the rings
 * @woken: MAILBOX_RING_*: told by the other end, and not asked for yet
 * @ring_cpu: where a call was seen last that waited for the ring or woke; or -1
 * @pid: the process that has it; a reference, or NULL: nobody yet
 * @uid: its effective user id
 * @gid: its effective group id
 *
 * Guarded by the mailbox's lock.
 */
struct mbipc_end {
	struct mbipc_inbox inbox;
	u32 handles;
	u32 senders;
	u32 receivers;
	struct mbipc_ring *ring;
	struct list_head sleepers;
	u32 woken;
	int ring_cpu;
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
};

/**
 * struct mbipc_channel - what a CHANNEL mailbox has besides
 * @ends: the first one made it by CHANNEL or CONNECT
 * @answer: MAILBOX_PEER_PENDING, _OPEN or _REFUSED, or _CLOSED: there will be
 *	none; written once, and looked at also without the lock
 * @code: of REFUSE
 * @asked: the mailbox that the request was sent to; holds a reference; NULL
 *	once there is no request
 * @request: the request; guarded by the lock of @asked
 * @asker: the CONNECT that waits for the answer, or NULL; guarded by the lock
 *	of @asked
 *
 * Guarded by the mailbox's lock, but for @request and @asker.
 */
struct mbipc_channel {
	struct mbipc_end ends[2];
	u32 answer;
	u32 code;
	struct mbipc_mailbox *asked;
	struct mbipc_request *request;
	struct mbipc_wait *asker;
};

enum mbipc_state { MBIPC_NEW, MBIPC_ACTIVE, MBIPC_DEAD };

/* By SEND and RECEIVE, or by ends. */
#define MBIPC_POLLERS	4

/**
 * struct mbipc_mailbox - the object
 * @refs: handles, requests and, while it is registered, the name
 * @state: where in its life; @lock
 * @lock: see the lock tree
 * @id: unique; constant
 * @policy: MAILBOX_POLICY_*; constant
 * @slow: MAILBOX_SLOW_*; constant
 * @flags: MAILBOX_CREATE_PERSIST, MAILBOX_CREATE_FIXED; constant
 * @mode: permission bits; @lock
 * @uid: owner; @lock
 * @gid: group; @lock
 * @creator_uid: constant
 * @creator_gid: constant
 * @creator: the process that made it; constant, holds a reference
 * @account: who pays; constant, holds a reference
 * @capacity: as in struct mailbox_create; @lock
 * @message_max: as in struct mailbox_create; written under @lock, read also
 *	without, where a limit may be one that is just being changed
 * @inbox: the queue of SHARED and EXCLUSIVE; else unused
 * @inboxes: BROADCAST: struct mbipc_inbox of each receiving handle; @lock
 * @crowd: BROADCAST: waits for room in all inboxes, the first may go; @lock
 * @seats: PAIR: two of them; constant, what they hold @lock
 * @channel: CHANNEL: its two ends; constant, what they hold @lock
 * @segment: SEGMENT: its memory; constant until it is DEAD, then gone
 * @waits: all struct mbipc_wait; @lock
 * @poll: pollers, see mbipc_pollers(); woken without @lock held
 * @handles: open handles; @lock
 * @senders: those with SEND; @lock
 * @receivers: those with RECEIVE; @lock
 * @sequence: of the message accepted last; @lock
 * @bytes: payload in the queues; @lock
 * @received: deliveries; @lock
 * @dropped: losses; @lock
 * @withdrawn: sends taken back after they were accepted; @lock
 * @created_time: CLOCK_MONOTONIC, ns; constant
 * @changed_time: of the last SET, or 0; @lock
 * @send_time: of the last accept, or 0; @lock
 * @receive_time: of the last delivery, or 0; @lock
 * @last_sender: process, holds a reference, or NULL; @lock
 * @last_receiver: process, holds a reference, or NULL; @lock
 * @names: where its name is registered, or NULL: it has none; constant, holds
 *	a reference
 * @name: NULL without a name; constant
 * @name_node: in @names; clear when the name is gone.  @names' lock
 */
struct mbipc_mailbox {
	refcount_t refs;
	enum mbipc_state state;
	/* the one at the bottom of the lock tree */
	spinlock_t lock;
	u16 policy;
	u16 slow;
	u32 flags;
	u32 mode;
	kuid_t uid;
	kgid_t gid;
	kuid_t creator_uid;
	kgid_t creator_gid;
	u64 id;
	struct pid *creator;
	struct mbipc_account *account;
	u64 capacity;
	u32 message_max;
	union {
		struct mbipc_inbox inbox;
		struct {
			struct list_head inboxes;
			struct list_head crowd;
		};
		struct mbipc_seat *seats;
		struct mbipc_channel *channel;
		struct mbipc_segment *segment;
	};
	struct hlist_head waits;
	wait_queue_head_t poll[MBIPC_POLLERS];
	u32 handles;
	u32 senders;
	u32 receivers;
	u64 sequence;
	u64 bytes;
	u64 received;
	u64 dropped;
	u64 withdrawn;
	u64 created_time;
	u64 changed_time;
	u64 send_time;
	u64 receive_time;
	struct pid *last_sender;
	struct pid *last_receiver;
	struct mbipc_names *names;
	char *name;
	struct rb_node name_node;
};

/**
 * struct mbipc_handle - an open file on a mailbox
 * @mailbox: holds a reference; constant
 * @rights: MAILBOX_RIGHT_*; constant
 * @may: those of them that calls need: all, but for a SEGMENT, that no message
 *	goes to or comes from; constant once it is on a mailbox
 * @inbox: BROADCAST with RECEIVE: this receiver's own; constant, what it
 *	holds: the mailbox's lock
 * @account: of the user that opened it, who mostly is the one that sends;
 *	holds a reference, constant once there is a @file
 * @end: CHANNEL: 0 or 1; constant
 * @requests: struct mbipc_request that it has received and not answered; the
 *	mailbox's lock
 * @file: the open file, which owns the handle; constant, or NULL while it waits
 *	in a request
 * @closed: a descriptor for it was closed where others share the table; the
 *	mailbox's lock
 */
struct mbipc_handle {
	struct mbipc_mailbox *mailbox;
	u32 rights;
	u32 may;
	struct mbipc_inbox *inbox;
	struct mbipc_account *account;
	unsigned int end;
	struct list_head requests;
	struct file *file;
	bool closed;
};

/* Why a message was lost, for the tracepoint. */
enum mbipc_drop {
	MBIPC_DROP_SLOW,	/* its receiver was slow */
	MBIPC_DROP_NOBODY,	/* a broadcast that nobody receives */
	MBIPC_DROP_CLOSE,	/* its receiver closed */
	MBIPC_DROP_DESTROY,	/* the mailbox was destroyed */
};

/* What pollers are told. */
#define MBIPC_POLL_IN	0x1	/* a message */
#define MBIPC_POLL_OUT	0x2	/* room, or a taker */
#define MBIPC_POLL_END	0x4	/* hang-up, for all */
#define MBIPC_POLL_RING	0x8	/* look at the rings */
#define MBIPC_POLL_LOOK	0x10	/* each for itself: more may have changed */

/**
 * struct mbipc_after - what a step leaves to do once the lock is released
 * @poll: MBIPC_POLL_*
 * @inbox: of a CHANNEL: where the message came, a place was freed, or the end that
 *	is to look at its rings
 * @dead: places to free, through struct mbipc_item's next_dead
 */
struct mbipc_after {
	unsigned int poll;
	const struct mbipc_inbox *inbox;
	struct mbipc_item *dead;
};

static inline void mbipc_poll_later(struct mbipc_after *after,
				    const struct mbipc_inbox *inbox,
				    unsigned int what)
{
	after->poll |= what;
	after->inbox = inbox;
}

static inline void mbipc_free_later(struct mbipc_after *after,
				    struct mbipc_item *item)
{
	item->next_dead = after->dead;
	after->dead = item;
}

static inline void mbipc_assert_locked(struct mbipc_mailbox *mailbox)
{
	lockdep_assert_held(&mailbox->lock);
}

/* Has the mailbox been destroyed? */
static inline int mbipc_check_alive(struct mbipc_mailbox *mailbox,
				    struct mailbox_error *err)
{
	mbipc_assert_locked(mailbox);
	if (mailbox->state == MBIPC_DEAD)
		return mbipc_fail_state(err, -EIDRM, MAILBOX_REASON_DESTROYED, 0);
	return 0;
}

static inline bool mbipc_anonymous(const struct mbipc_mailbox *mailbox)
{
	return !mailbox->names;
}

/**
 * struct mbipc_request - somebody asks for a channel
 * @cargo: it goes with a message
 * @link: in the list of the handle that received it, and may answer it; who
 *	takes it out of there ends it; the lock of the mailbox that was asked
 * @sequence: the message's number
 * @far: the end that it offers, a handle without a file; owned
 */
struct mbipc_request {
	struct mbipc_cargo cargo;
	struct list_head link;
	u64 sequence;
	struct mbipc_handle *far;
};

/*
 * A handle has received a request, and may answer it: unless who asked has given
 * up, and may have looked for it already; see mbipc_handle_close().
 */
static inline bool mbipc_request_keep(struct mbipc_handle *handle,
				      struct mbipc_request *request)
{
	const struct mbipc_channel *channel = request->far->mailbox->channel;

	mbipc_assert_locked(handle->mailbox);
	if (READ_ONCE(channel->answer) != MAILBOX_PEER_PENDING)
		return false;
	list_add_tail(&request->link, &handle->requests);
	return true;
}

/* A handle's own end, and the other one; of a CHANNEL. */
static inline struct mbipc_end *mbipc_near(const struct mbipc_handle *handle)
{
	return &handle->mailbox->channel->ends[handle->end];
}

static inline struct mbipc_end *mbipc_far(const struct mbipc_handle *handle)
{
	return &handle->mailbox->channel->ends[!handle->end];
}

void mbipc_inbox_init(struct mbipc_inbox *inbox);
void mbipc_free(struct mbipc_after *after);
wait_queue_head_t *mbipc_pollers(struct mbipc_handle *handle);
void mbipc_unlock_after(struct mbipc_mailbox *mailbox,
			struct mbipc_after *after)
	__releases(&mailbox->lock);
void mbipc_tell_pollers(struct mbipc_mailbox *mailbox,
			struct mbipc_after *after)
	__must_hold(&mailbox->lock);

int mbipc_seat_find(struct mbipc_mailbox *mailbox, bool receives,
		    struct mailbox_error *err);
int mbipc_seat_take(struct mbipc_mailbox *mailbox, bool receives,
		    struct mailbox_error *err);
bool mbipc_partner_left(struct mbipc_mailbox *mailbox);
bool mbipc_seat_is_fresh(struct mbipc_mailbox *mailbox);
void mbipc_seat_leave(struct mbipc_mailbox *mailbox,
		      const struct files_struct *files);

bool mbipc_room_in_all(const struct mbipc_mailbox *mailbox);
struct mbipc_wait *mbipc_taker_among(const struct list_head *receivers,
				     const struct mbipc_item *item,
				     size_t length);
void mbipc_hand_over(struct mbipc_inbox *inbox, struct mbipc_item *item,
		     struct mbipc_wait *taker);
void mbipc_accept(struct mbipc_mailbox *mailbox, struct mbipc_message *message);
void mbipc_accept_waiting(struct mbipc_mailbox *mailbox,
			  struct mbipc_wait *wait);
void mbipc_deliver(struct mbipc_inbox *inbox, struct mbipc_item *item,
		   struct mbipc_after *after);
bool mbipc_settle(struct mbipc_mailbox *mailbox, struct mbipc_inbox *inbox,
		  struct mbipc_after *after);
void mbipc_settle_crowd(struct mbipc_mailbox *mailbox);
void mbipc_place_gone(struct mbipc_mailbox *mailbox, struct mbipc_inbox *inbox,
		      struct mbipc_item *item, struct mbipc_after *after);
void mbipc_drop(struct mbipc_mailbox *mailbox, struct mbipc_item *item,
		enum mbipc_drop why);
int mbipc_sleep(struct mbipc_handle *handle, struct mbipc_wait *wait,
		const struct mbipc_patience *patience,
		struct mailbox_error *err)
	__must_hold(&handle->mailbox->lock);

/**
 * mbipc_unlock - release the lock and do what was left for after it
 * @mailbox: locked; the caller has a reference
 * @after: what the steps left; empty afterwards
 */
static inline void mbipc_unlock(struct mbipc_mailbox *mailbox,
				struct mbipc_after *after)
	__releases(&mailbox->lock)
{
	if (after->poll || after->dead)
		mbipc_unlock_after(mailbox, after);
	else
		spin_unlock(&mailbox->lock);
}

/* May a message that nobody waits for be put into the queue? */
static inline bool mbipc_room(const struct mbipc_mailbox *mailbox,
			      const struct mbipc_inbox *inbox)
{
	return mailbox->capacity == MAILBOX_UNLIMITED ||
	       inbox->used < mailbox->capacity;
}

/**
 * mbipc_taker - who waits for a message first?
 * @inbox: its mailbox is locked
 * @item: the message's
 * @length: the message's, where only one will do that has room for it; or 0
 */
static inline struct mbipc_wait *mbipc_taker(const struct mbipc_inbox *inbox,
					     const struct mbipc_item *item,
					     size_t length)
{
	if (list_empty(&inbox->receivers))
		return NULL;
	return mbipc_taker_among(&inbox->receivers, item, length);
}

/* Into the queue, since nobody waits for it. */
static inline void mbipc_enqueue(struct mbipc_inbox *inbox,
				 struct mbipc_item *item,
				 struct mbipc_after *after)
{
	mbipc_queue_put(&inbox->queue, item);
	mbipc_poll_later(after, inbox, MBIPC_POLL_IN);
}

/* Note who was last, for STAT. */
static inline void mbipc_remember(struct pid **last, struct pid *pid)
{
	if (likely(*last == pid))
		return;
	put_pid(*last);
	*last = get_pid(pid);
}

#endif
