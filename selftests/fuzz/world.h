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

struct message {
	uint64_t id, length, tag, sequence;
	unsigned int priority;
	pid_t pid;
	uid_t uid;
	unsigned int user;	/* who pays */
	bool sync;
	bool handed;		/* by a synchronous send that does not wait */
	struct waiter *sender;	/* that waits for the receipt */
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

struct box {
	uint64_t id;		/* as STAT said it, 0 before */
	unsigned int name;
	bool named;		/* was, even if it is destroyed */
	uint32_t policy, slow, flags, mode;
	uid_t uid, gid, creator;
	pid_t creator_pid;
	pid_t sender_pid, receiver_pid;
	uint64_t capacity, message_max;
	uint64_t memory;	/* bytes that its creator pays for */
	uint64_t sequence, sent, received, dropped, withdrawn;
	bool destroyed;
	struct inbox inbox[2];
	struct seat seat[2];
};

struct handle {
	struct box *box;
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
 * @order: the earlier call has the lower one
 * @message: that it sends; NULL: it receives
 * @queued: the message is in the queue, and it is the receipt that is missing
 * @inbox: where it receives, or where it sends (not for a broadcast)
 */
struct waiter {
	bool waits;
	uint64_t order;
	unsigned int actor;
	struct handle *handle;
	struct message *message;
	bool queued;
	struct inbox *inbox;
};

struct actor {
	int process;
	struct waiter waiter;
};

extern struct world {
	struct actor actor[ACTORS];
	struct process process[CALLS_MAX + 1];
	int processes;
	struct box *box[CALLS_MAX];
	unsigned int boxes;
	struct handle *handle[CALLS_MAX + 1];
	unsigned int handles;
	uint64_t quota[QUOTAS];
	uint64_t messages[USERS], bytes[USERS], mailboxes[USERS];
	uint64_t order;
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
void waiter_fail(struct waiter *waiter, int error, unsigned int reason);

/* The waiter of @box that is next after @order; @sending: for room or a taker. */
struct waiter *next_waiter(struct box *box, bool sending, uint64_t order);

/* Who is at the other end: open handles with @right. */
unsigned int handles_of(const struct box *box, uint32_t right);

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

/* A message that its sender gives up. */
void withdraw(struct waiter *waiter);

/* Forget what is queued, counted as dropped. */
uint64_t drop_all(struct box *box, struct inbox *inbox);

uint64_t depth_of(const struct box *box);

/* --- life.c ------------------------------------------------------------------ */

void expect_handles(unsigned int actor, unsigned int number, struct handle *handle);
void expect_info(unsigned int actor, const struct call *call);
void slot_close(int process, unsigned int slot);
void box_destroy(struct box *box);

#endif /* FUZZ_WORLD_H */
