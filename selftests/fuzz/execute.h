/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a call of a program to system calls, and back to an outcome.
 */
#ifndef FUZZ_EXECUTE_H
#define FUZZ_EXECUTE_H

#include "actor.h"

/* In main, before there are others. */
bool execute_begin(struct bad_addresses *bad);

/* In each thread, before its first call. */
void execute_thread(void);

/* Do call @number as actor @self. */
void execute(const struct call *call, unsigned int number, unsigned int self,
	     struct outcome *outcome);

/* OP_SIGNAL and OP_KILL; main is allowed to, an actor may not be. */
void execute_signal(const struct call *call);

/* --- execute.c ----------------------------------------------------------------- */

/* The descriptor in a slot; -1: none. */
int fd_of(unsigned int slot);

/* A new one, in place of what is there. */
void put(unsigned int slot, int fd);

/*
 * A command with its struct at the end of what may be touched, and what the
 * call's twist does to it.
 */
int command(int fd, unsigned long number, void *structure, const struct call *call,
	    struct outcome *outcome);

/* What a call says of message @item, and the message. */
struct mailbox_send a_send(const struct call *call, unsigned int number, unsigned int item,
			   struct mailbox_vector *pieces);

/* The time that it says. */
int64_t deadline(const struct call *call);

/* --- execute_link.c -------------------------------------------------------------- */

/* In each thread, before its first call. */
void execute_link_thread(void);

/* A request was received, or looked at. */
void execute_link_saw(uint64_t sequence);

/* What execute() does for the calls of channels. */
void execute_link(const struct call *call, unsigned int number, int fd, struct outcome *outcome);

/* --- execute_ring.c -------------------------------------------------------------- */

/* What execute() does for the calls of rings. */
void execute_ring(const struct call *call, int fd, struct outcome *outcome);

/* --- garbage.c ------------------------------------------------------------------- */

/* What execute() does for OP_RAW. */
void execute_garbage(const struct call *call, int fd, struct outcome *outcome);

/* Is its outcome one that the contract has? */
bool garbage_fits(const struct call *call, const struct outcome *outcome);

#endif /* FUZZ_EXECUTE_H */
