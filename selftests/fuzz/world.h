/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the model holds for real: mailboxes, handles, messages, processes, and who
 * waits.  One call is made at a time, so nothing here needs a lock.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "model.h"

#define USERS		3
#define NOBODY		(-1)
#define QUEUE_MAX	(CALLS_MAX * BATCH)

/**
 * struct request - for a channel
 * @near: the asker's end, until CONNECT gives it to the asker, or fails
 * @far: the end that is offered, until it is accepted or lost
 * @next: of those that a handle has received and not answered
 */
struct request {
	struct handle *near, *far;
	struct request *next;
	uint64_t sequence;
};

struct message {
	uint64_t id, length, tag, sequence;
	unsigned int priority;
	pid_t pid;
	uid_t uid;
	unsigned int user;	/* who pays */
	bool sync;
	bool handed;		/* by a synchronous send that does not wait */
	struct waiter *sender;	/* that waits for the receipt */
	struct request *request;	/* until somebody has it */
	bool asks;
	unsigned int places;
};

struct queue {
	unsigned int count;
	struct message *at[QUEUE_MAX];
};

/* Where a receiver looks: a mailbox's, a seat's, a broadcast receiver's. */
struct inbox {
	struct queue queue;
	uint64_t lost;		/* since the last receive */
	uint64_t missed;	/* since it was cut off */
	bool cut;
};

struct seat {
	int process;
	bool left;
};

/**
 * struct end - of a channel
 * @process: that made it by CHANNEL, CONNECT or ACCEPT; NOBODY: not yet
 * @uid: its user then
 */
struct end {
	int process;
	uid_t uid;
};

/**
 * struct ring - what one end of a channel writes
 * @size: bytes; 0: there are no rings
 * @head: as its end stored it
 * @tail: the same
 * @data: the first word
 * @woken: MAILBOX_RING_*: this end was told, and has not asked since
 * @polled: of those its pollers asked for, and was not told since
 */
struct ring {
	uint32_t size, head, tail, data, woken, polled;
};

struct box {
	uint64_t id;		/* as STAT said it, 0 before */
	uint64_t name;
	bool named;		/* was, even if it is destroyed */
	uint32_t policy, slow, flags, mode;
	uid_t uid, gid, creator;
	pid_t creator_pid;
	pid_t sender_pid, receiver_pid;
	unsigned int receiver_call;	/* by which it became the last receiver */
	bool receivers_differ;		/* and it is not the only one */
	uint64_t capacity, message_max;
	uint64_t memory;	/* bytes that its creator pays for */
	uint64_t sequence, sent, received, dropped, withdrawn;
	bool destroyed;
	struct inbox inbox[2];	/* of a channel: what that end receives */
	struct seat seat[2];
	struct end end[2];
	struct ring ring[2];
	uint32_t answer, code;	/* to the request for this channel */
};

struct handle {
	struct box *box;
	unsigned int end;	/* of a channel: 0 or 1 */
	struct request *requests;	/* received, not answered */
	uint32_t rights;
	unsigned int references;
	bool nonblock;
	struct inbox *own;	/* of a broadcast */
};

struct process {
	pid_t pid;
	uid_t uid;
	bool alive;
	struct handle *slot[SLOTS];
};

/**
 * struct waiter - a call that waits
 * @waits: it does
 * @kind: for what: a message; room or a taker for its own; the answer to a request that
 *	somebody has received; a WAKE
 * @order: the earlier call has the lower one
 * @handle: that it was made on
 * @message: that it sends
 * @queued: the message is in the queue, and it is the receipt that is missing
 * @inbox: where it receives, or where it sends (not for a broadcast)
 * @request: of a CONNECT
 * @events: of a RING_WAIT
 */
struct waiter {
	bool waits;
	enum wait_kind { RECEIVES, SENDS, ASKS, SLEEPS } kind;
	uint64_t order;
	unsigned int actor;
	struct handle *handle;
	struct message *message;
	bool queued;
	struct inbox *inbox;
	struct request *request;
	uint32_t events;
};

/**
 * struct actor - who makes calls
 * @request: number of the request whose header it saw last
 */
struct actor {
	int process;
	struct waiter waiter;
	uint64_t request;
};

extern struct world {
	struct actor actor[ACTORS];
	struct process process[CALLS_MAX + 1];
	int processes;
	struct box *box[CALLS_MAX];
	unsigned int boxes;
	struct handle *handle[2 * CALLS_MAX + 1];
	unsigned int handles;
	uint64_t quota[QUOTAS];
	uint64_t messages[USERS], bytes[USERS], mailboxes[USERS];
	uint64_t order;
	unsigned int call;	/* that is made */
	unsigned int ended;	/* actors */
	pid_t ended_process;
	bool gave_up;
} world;

/* --- world.c ------------------------------------------------------------ */

/* Memory until the next program. */
void *world_memory(size_t size);

unsigned int user_of(uid_t uid);
struct process *process_of(unsigned int actor);
void complain(struct complaints *list, int error, unsigned int reason, unsigned int field,
	      uint64_t value);

/* A call that waited ends; its expectation has been filled in. */
void waiter_end(struct waiter *waiter);

/* ... with this error. */
void waiter_fail(struct waiter *waiter, int error, unsigned int reason, uint64_t value);

/* ... all of @box that wait at @inbox, with EPIPE. */
void fail_waiters(struct box *box, enum wait_kind kind, const struct inbox *inbox,
		  unsigned int reason);

/* The waiter of @box that is next after @order. */
struct waiter *next_waiter(struct box *box, enum wait_kind kind, uint64_t order);

/* Open handles with @right. */
unsigned int handles_of(const struct box *box, uint32_t right);

/* ... on one end of a channel. */
unsigned int handles_at(const struct box *box, unsigned int end, uint32_t right);

/* Is nobody left who could receive what is sent through @handle, and nobody can come? */
bool no_receivers(const struct handle *handle);

/* ... or who could send what it receives? */
bool no_senders(const struct handle *handle);

/* What calls may use: no message goes to or comes from a SEGMENT. */
uint32_t rights_in_use(const struct handle *handle);

/* --- seats.c: of a PAIR --------------------------------------------------- */

/* The seat of a process; NOBODY: it has none. */
int seat_of(const struct box *box, int process);

/* Could it take one? */
bool seat_free(const struct box *box, int process);

/* The one that it has, or would take; @right: what it comes for. */
int seat_find(const struct box *box, int process, uint32_t right);

/* Take it. */
int seat_take(struct box *box, int process, uint32_t right);

/* A process has closed a descriptor; was it its last for @box? */
void seat_leave(struct box *box, int process);

/* --- transfer.c ------------------------------------------------------------ */

/* What is true again after something has changed: who can go on does. */
void settle(struct box *box);

void expect_send(unsigned int actor, unsigned int number, struct handle *handle);
void expect_receive(unsigned int actor, unsigned int number, struct handle *handle);
void expect_poll(unsigned int actor, struct handle *handle, struct expectation *expected);

/* What of a deadline is wrong; the members stand at other places. */
void check_deadline(const struct call *call, unsigned int flags_field,
		    unsigned int deadline_field, struct complaints *wrong);

/* Does the call give up at once, or after a little? */
bool gives_up(const struct call *call, const struct handle *handle);

/* It does, and tells this, unless its deadline has passed. */
void fail_now(const struct call *call, const struct handle *handle, struct complaints *wrong,
	      int error, unsigned int reason, uint64_t value);

struct waiter *begin_wait(unsigned int actor, enum wait_kind kind, struct handle *handle,
			  struct inbox *inbox);

/* What the sender, or the asker, gives up. */
void withdraw(struct waiter *waiter);

/* Forget what is queued, counted as dropped. */
uint64_t drop_all(struct box *box, struct inbox *inbox);

uint64_t depth_of(const struct box *box);

/* --- life.c ------------------------------------------------------------------ */

void expect_handles(unsigned int actor, unsigned int number, struct handle *handle);
void expect_info(unsigned int actor, const struct call *call);
void slot_close(int process, unsigned int slot);
unsigned int slot_waiters(int process, unsigned int slot);
void box_destroy(struct box *box);

/* A mailbox as @how says, made by @actor. */
struct box *box_new(unsigned int actor, const struct box *how);

/* A handle in no slot yet; somebody puts it. */
struct handle *handle_new(struct box *box, uint32_t rights, bool nonblock);
void handle_put(struct handle *handle);

/* What is wrong with arguments that several calls have. */
void check_known(uint32_t flags, uint32_t known, unsigned int field, struct complaints *wrong);
void check_reserved(const struct call *call, unsigned int field, struct complaints *wrong);
void check_capacity(uint64_t capacity, bool not_zero, unsigned int field,
		    struct complaints *wrong);
void check_max(uint64_t max, unsigned int field, struct complaints *wrong);
void check_mailboxes(unsigned int actor, struct complaints *wrong);

/* --- links.c: channels, and who asks for them ----------------------------------- */

void expect_channel(unsigned int actor, const struct call *call);
void expect_accept(unsigned int actor, const struct call *call, struct handle *handle);
void expect_refuse(unsigned int actor, const struct call *call, struct handle *handle);
void expect_peer(unsigned int actor, const struct call *call, struct handle *handle);

/* What is wrong with a CONNECT that could be right for a SEND; does the contract tell? */
bool check_connect(unsigned int actor, const struct call *call, const struct handle *handle,
		   struct complaints *wrong);

/* A channel, of which one end is @actor's, and the other one is offered. */
struct request *request_new(unsigned int actor, const struct call *call);

/* CONNECT ends, and its end comes into the slot that @call names. */
void request_give(unsigned int actor, const struct call *call, struct request *request);

/* Somebody has received it through @handle. */
void request_received(struct handle *handle, struct message *message);

/* It is lost with what it was in. */
void request_drop(struct request *request);

/* Who asked for this channel has gone: whoever has received the request has it no more. */
void request_forget(const struct box *channel);

/* CONNECT ends without it. */
void request_give_up(struct request *request);

/* A handle on one end was closed, and others are left. */
void end_left(struct handle *handle);

/* --- rings.c: of a channel ------------------------------------------------------- */

/* What is wrong with their sizes; returns whether the contract tells. */
bool check_rings(unsigned int actor, const struct call *call, unsigned int field,
		 unsigned int field_back, struct complaints *wrong);

/* RING_WAIT, RING_WAKE, and what is done to what is mapped. */
void expect_ring(unsigned int actor, const struct call *call, struct handle *handle);

/* What poll(2) says besides. */
void expect_ring_poll(struct handle *handle, struct expectation *expected);

#endif /* FUZZ_WORLD_H */
