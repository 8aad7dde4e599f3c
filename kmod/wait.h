/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who sleeps, for what, until when, and what woke it.
 *
 * A wait lives on its task's stack.  Everything in it is guarded by the lock of
 * the mailbox, from mbipc_wait_begin() to mbipc_wait_end(): whoever wakes it
 * does so under the lock, and the sleeper comes back under the lock, so that
 * there is nothing to order and no wake-up to lose.
 */
#ifndef MBIPC_WAIT_H
#define MBIPC_WAIT_H

#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/time_namespace.h>
#include <linux/uidgid.h>

#include "queue.h"

struct mailbox_error;
struct file;
struct files_struct;
struct mbipc_handle;
struct mbipc_inbox;
struct mbipc_message;
struct pid;
struct task_struct;

/**
 * struct mbipc_patience - how long a call waits
 * @nonblock: not at all
 * @timed: until @deadline
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @deadline: absolute, in the initial time namespace
 * @shown: the same as the caller gave it
 */
struct mbipc_patience {
	bool nonblock;
	bool timed;
	clockid_t clock;
	ktime_t deadline;
	u64 shown;
};

/**
 * struct mbipc_party - who took a message, and when
 * @pid: the process
 * @uid: its effective user id; the real one if it took it by read(2)
 * @gid: its effective group id; likewise
 * @time: CLOCK_MONOTONIC, ns
 * @receivers: how many got it
 */
struct mbipc_party {
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	u64 time;
	u32 receivers;
};

enum mbipc_wait_kind {
	MBIPC_WAIT_RECEIVE,	/* for a message */
	MBIPC_WAIT_ROOM,	/* for room in a queue */
	MBIPC_WAIT_TAKER,	/* for a receiver to take the message */
	MBIPC_WAIT_CROWD,	/* for room in all queues of a broadcast */
	MBIPC_WAIT_ANSWER,	/* for ACCEPT or REFUSE */
	MBIPC_WAIT_RING,	/* for the other side of the rings */
};

enum mbipc_wait_state {
	MBIPC_WAIT_PENDING,
	MBIPC_WAIT_DONE,	/* what it waited for has happened */
	MBIPC_WAIT_ABORTED,	/* it will not happen: .code, .reason, .value */
};

/**
 * struct mbipc_wait - a call that sleeps
 * @link: in the list of those that wait for the same
 * @all: in the mailbox's list of all waits
 * @task: the sleeper
 * @handle: the handle that was called
 * @files: the table of descriptors through which it was called; NULL: none
 * @asleep: or about to be: it must be woken
 * @partner: the CPU where the other side was seen last, or -1
 * @file: the file that was called, if its descriptor may have been closed
 *	before the wait began; else NULL
 * @kind: what for
 * @state: how it stands
 * @code: why it was aborted, negative errno
 * @reason: enum mailbox_reason
 * @value: what the reason tells
 * @inbox: the queue it is about
 * @select: RECEIVE: what is wanted
 * @room: RECEIVE: bytes that a message may have, or SIZE_MAX
 * @item: RECEIVE: what was handed over
 * @plain: RECEIVE: by read(2)
 * @lost: RECEIVE: messages that the receiver lost before that one
 * @message: ROOM, TAKER: the sender's message, while it can be taken back
 * @sequence: ROOM, TAKER: the message's number, once it is accepted
 * @sync: ROOM: then becomes TAKER
 * @taker: TAKER: who took the message; holds a reference
 * @events: RING: MAILBOX_RING_*
 */
struct mbipc_wait {
	struct list_head link;
	struct hlist_node all;
	struct task_struct *task;
	const struct mbipc_handle *handle;
	const void *files;
	bool asleep;
	int partner;
	const struct file *file;
	enum mbipc_wait_kind kind;
	enum mbipc_wait_state state;
	int code;
	u16 reason;
	u64 value;
	struct mbipc_inbox *inbox;
	const struct mbipc_select *select;
	size_t room;
	bool plain;
	struct mbipc_item *item;
	u64 lost;
	struct mbipc_message *message;
	u64 sequence;
	bool sync;
	struct mbipc_party taker;
	u32 events;
};

/* How far the caller's CLOCK_MONOTONIC is ahead of the machine's, ns. */
static inline s64 mbipc_time_offset(void)
{
#ifdef CONFIG_TIME_NS
	return timespec64_to_ns(&current->nsproxy->time_ns->offsets.monotonic);
#else
	return 0;
#endif
}

/**
 * mbipc_time_shown - a time of CLOCK_MONOTONIC as the caller's clock shows it
 * @ns: the machine's, or 0 for none
 */
static inline u64 mbipc_time_shown(u64 ns)
{
	return ns ? ns + mbipc_time_offset() : 0;
}

/*
 * Shall a call on the file not wait?  fcntl() writes the flags under the file's
 * f_lock, which nobody takes to read them: before or after is both right.
 */
static inline bool mbipc_nonblock(const struct file *file)
{
	return READ_ONCE(file->f_flags) & O_NONBLOCK;
}

void mbipc_patience_set(struct mbipc_patience *patience, bool realtime,
			s64 deadline);

bool mbipc_patience_over(const struct mbipc_patience *patience);
int mbipc_timed_out(const struct mbipc_patience *patience,
		    struct mailbox_error *err);
void mbipc_wait_begin(struct mbipc_wait *wait, struct hlist_head *all,
		      struct list_head *queue);
void mbipc_wait_done(struct mbipc_wait *wait);
void mbipc_wait_nudge(struct mbipc_wait *wait);
void mbipc_wait_abort(struct mbipc_wait *wait, int code, u16 reason, u64 value);
int mbipc_wait_sleep(struct mbipc_wait *wait, spinlock_t *lock,
		     const struct mbipc_patience *patience,
		     struct mailbox_error *err);
void mbipc_wait_end(struct mbipc_wait *wait);

bool mbipc_has_descriptor(struct files_struct *files, const struct file *file);

#endif
