/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program: a sequence of calls, each made by an actor.
 *
 * As text, one call a line, arguments that are 0 left out:
 *
 *	program exact
 *	0 create slot=0 rights=0x7 capacity=2
 *	0 fork target=1
 *	1 send slot=0 flags=0x1 length=16
 *
 * An actor is a thread: "fork" makes one in a new process, "thread" one in the
 * caller's.  Actor 0 is always there.  A slot is a place for a descriptor;
 * threads share them, a fork copies them.
 */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include <stddef.h>
#include <stdio.h>

#include "random.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define ACTORS		5
#define SLOTS		8
#define SLOT_DEVICE	SLOTS	/* the device, where a handle is wanted */
#define CALLS_MAX	96
#define BATCH		6	/* messages in a batch, at most */

/* How the calls are made, and what is known of what comes out. */
enum kind {
	EXACT,		/* one at a time; the model knows all of it */
	TOGETHER,	/* from "together" on all actors at once; the books balance */
	GARBAGE,	/* whatever; errors are as documented, nothing is left */
	KINDS
};

enum op {
	OP_CREATE, OP_OPEN, OP_DUP, OP_SEND, OP_RECEIVE, OP_SEND_BATCH,
	OP_RECEIVE_BATCH, OP_SET, OP_STAT, OP_INFO, OP_LIST, OP_DESTROY, OP_CLOSE,
	OP_READ, OP_WRITE, OP_POLL, OP_NONBLOCK, OP_DUPFD, OP_PASS, OP_FORK,
	OP_THREAD, OP_BECOME, OP_EXIT, OP_SIGNAL, OP_KILL, OP_QUOTA, OP_FILE,
	OP_RAW, OP_TOGETHER, OP_CHANNEL, OP_CONNECT, OP_ACCEPT, OP_REFUSE, OP_PEER,
	OP_RING_WAIT, OP_RING_WAKE, OP_RING_MAP, OP_RING_STORE, OP_RING_LOOK,
	OPS
};

enum arg {
	SLOT, TO, NAME, FLAGS, RIGHTS, POLICY, SLOW, MODE, CAPACITY, MAX, PRIORITY,
	TAG, LENGTH, DEADLINE, SELECT, PID, INDEX, COUNT, BAD, MASK, USER, GROUP,
	TARGET, TWIST, PIECES, WHICH, VALUE, BACK, SEQUENCE,
	RING, RING_BACK, EVENTS, WORD,
	ARGS
};

/* NAME */
enum {
	NAME_NONE,
	NAME_FIRST,		/* "fuzz-1", ... */
	NAME_LAST = 4,
	NAME_EMPTY, NAME_LONG, NAME_SLASH, NAME_CONTROL, NAME_UNMAPPED
};

/* SEQUENCE: 0 is the request whose header the actor saw last */

/* DEADLINE */
enum { DEADLINE_NONE, DEADLINE_PAST, DEADLINE_SOON, DEADLINE_FAR, DEADLINE_NEGATIVE };

/* TWIST: what is wrong with the call */
enum {
	TWIST_NONE,
	TWIST_STRUCT,		/* its struct is not there */
	TWIST_SHORT,		/* its struct is too small to have an error in it */
	TWIST_TAIL,		/* its struct has an unknown member that is not zero */
	TWIST_LONGER,		/* ... that is zero, which is right */
	TWIST_BUFFER,		/* its buffer is not there */
	TWIST_READ_ONLY,	/* its buffer cannot be written */
	TWIST_RESERVED,		/* a reserved member is not zero */
	TWISTS
};

/* WHICH of OP_QUOTA, with VALUE as the parameter's */
enum { QUOTA_MESSAGES, QUOTA_BYTES, QUOTA_MAILBOXES, QUOTA_MESSAGE_MAX, QUOTAS };

/* WHICH of OP_FILE: what a descriptor is not for */
enum {
	FILE_MMAP, FILE_LSEEK, FILE_PREAD, FILE_PWRITE, FILE_COMMAND, FILE_REOPEN, FILE_INFO,
	FILE_SCRIBBLE,		/* into what can be mapped */
	FILES
};

/*
 * OP_RING_MAP: WHICH is the side; INDEX and COUNT are pages, modulo RING_PAGES; FLAGS say
 * how.  OP_RING_STORE: WHICH is head, tail, or the first word of the data.
 */
enum { RING_MINE, RING_THEIRS, RING_BEYOND };
#define RING_PAGES	64
#define MAP_WRITE	0x1
#define MAP_RUN		0x2
#define MAP_ALONE	0x4	/* MAP_PRIVATE */
#define MAP_WRITE_LATER	0x8	/* by mprotect(2) */

struct call {
	enum op op;
	unsigned int actor;
	uint64_t arg[ARGS];
};

struct program {
	enum kind kind;
	unsigned int count;
	struct call call[CALLS_MAX + 1];	/* one more, for what is done behind */
};

/* a name that this program does not know */
const char *op_name(enum op op);

void program_random(struct program *program, struct random *random);

/* Change @program here and there; @other gives parts of itself. */
void program_mutate(struct program *program, const struct program *other,
		    struct random *random);

void program_delete(struct program *program, unsigned int at);

/*
 * Read the next program of a text, and go behind it.  False where there is none,
 * and also where a line is wrong, which is said.
 */
bool program_read(struct program *program, const char **text);

void call_write(const struct call *call, FILE *file);

/* With @mark in front of each line. */
void program_write(const struct program *program, const char *mark, FILE *file);

#endif /* FUZZ_PROGRAM_H */
