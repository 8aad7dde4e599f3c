/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was reached in the module, by KCOV.
 */
#ifndef FUZZ_COVER_H
#define FUZZ_COVER_H

#include <stdbool.h>

/* In main, before there are others; false: this kernel does not tell. */
bool cover_init(void);

/* In the thread that plays @actor from now on. */
void cover_thread(unsigned int actor);

/* Around each call. */
void cover_begin(void);
void cover_end(void);

/* How many places were reached so far, by all. */
unsigned int cover_count(void);

/* As if nothing had been reached. */
void cover_forget(void);

/* Remember what was reached, and go back to that. */
void cover_mark(void);
void cover_back(void);

#endif /* FUZZ_COVER_H */
