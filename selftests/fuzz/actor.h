/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Actors: threads of several processes that do what they are told, and what
 * came out of it, in memory that all of them share.
 */
#ifndef FUZZ_ACTOR_H
#define FUZZ_ACTOR_H

#include <stdbool.h>
#include <sys/types.h>

#include <linux/mailbox.h>

#include "program.h"

/* How long may a state take that must come?  Emulation is slow. */
#define PATIENCE	20	/* seconds */

/**
 * struct item_outcome - what came of one message
 * @why: its error member
 * @header: of a receive
 * @receipt: of a send
 * @sequence: of a send
 * @id: number in the payload, where it has room for one
 * @sum: of the payload that was received
 * @spilled: bytes were written behind what was received
 */
struct item_outcome {
	struct mailbox_error why;
	struct mailbox_header header;
	struct mailbox_receipt receipt;
	uint64_t sequence;
	uint64_t id;
	uint64_t sum;
	bool spilled;
};

/* What stands in a side's page, and in the first word of its data and of their double. */
struct ring_words {
	uint32_t head, tail, data_poll, room_poll, closed, data[2];
};

/**
 * struct outcome - what came of a call
 * @state: has it begun, has it ended?
 * @error: errno, 0: it went well
 * @value: what it returned, a new descriptor, or poll's mask
 * @why: the error member of its struct
 * @spilled: bytes behind its struct were written
 * @pipe_signal: SIGPIPE came
 * @count: created, dropped, done, count, of that command
 * @more: of LIST
 * @deadline: that it was given
 * @box: number of the mailbox, in concurrent programs; 0: not known
 * @item: the messages
 * @stat: of STAT, and what fdinfo says; of LIST the first
 * @info: of INFO
 * @peer: of PEER
 * @ring: of RING_LOOK
 * @no_fd: what a CONNECT or ACCEPT that failed left in place of its descriptor
 */
struct outcome {
	enum { NEVER, BEGUN, ENDED } state;
	int error;
	long value;
	struct mailbox_error why;
	bool spilled;
	bool pipe_signal;
	uint64_t count;
	unsigned int more;
	int64_t deadline;
	uint64_t box;
	struct item_outcome item[BATCH];
	struct mailbox_stat stat;
	struct mailbox_info info;
	struct mailbox_peer peer;
	struct ring_words ring;
	int no_fd;
};

/* The bad addresses that calls are given. */
struct bad_addresses {
	uint64_t unmapped;
	uint64_t read_only;
};

/**
 * struct stage - what main and all actors share
 * @program: that is run
 * @outcome: of each of its calls
 * @round: how many programs were run
 * @stop: no further calls
 * @bad: addresses
 * @post: one for each actor; @post.state is a futex
 */
struct stage {
	struct program program;
	struct outcome outcome[CALLS_MAX + 1];
	uint64_t round;
	bool stop;
	struct bad_addresses bad;
	struct post {
		unsigned int state;
		unsigned int number;
		pid_t pid;
		pid_t tid;
	} post[ACTORS];
};

extern struct stage *stage;

#define FAKE_PID	0x3fffff00	/* nobody's */

/* The number of message @item of call @number; every payload begins with it. */
uint64_t message_id(unsigned int number, unsigned int item);

/* The checksum of the first @length bytes of a payload. */
uint64_t payload_sum(uint64_t id, uint64_t length);

/* The process that PID names in a selection. */
pid_t pid_of(uint64_t pid);

bool actors_begin(void);

/* No actor is left but actor 0, and not even that if it waits; false: one does not end. */
bool actors_end_others(void);

/* There is an actor 0, if need be a new one. */
bool actors_again(void);

/* Have an actor do call @number. */
void actor_order(unsigned int actor, unsigned int number);

/* Have an actor do all its calls from @number on. */
void actor_order_all(unsigned int actor, unsigned int number);

/* Wait until it has; false: it does not come to an end. */
bool actor_wait(unsigned int actor);

bool actor_done(unsigned int actor);

/* Does it sleep in a call? */
bool actor_asleep(unsigned int actor);

/* Wait until it sleeps; false: its call has ended, or does not fall asleep. */
bool actor_wait_asleep(unsigned int actor);

/* Wait until a process has gone. */
bool process_wait(pid_t pid);

bool process_gone(pid_t pid);

/* A handle that actor 0 was told by "together" to hand out; or -1. */
int actor_handed_out(void);

#endif /* FUZZ_ACTOR_H */
