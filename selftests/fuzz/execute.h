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

/* What execute() does for OP_RAW. */
void execute_garbage(const struct call *call, int fd, struct outcome *outcome);

/* Is its outcome one that the contract has? */
bool garbage_fits(const struct call *call, const struct outcome *outcome);

#endif /* FUZZ_EXECUTE_H */
