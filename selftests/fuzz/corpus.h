/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs that are worth to be kept, since each reaches what no other does.
 */
#ifndef FUZZ_CORPUS_H
#define FUZZ_CORPUS_H

#include "program.h"

/* The text of all in selftests/fuzz/corpus/ and kept/, compiled in. */
extern const char corpus_text[];

/* Keep @program for this run; @found: it is new. */
void corpus_add(const struct program *program);

unsigned int corpus_count(void);

/* One of them; there must be one. */
const struct program *corpus_pick(struct random *random);
const struct program *corpus_at(unsigned int at);

#endif /* FUZZ_CORPUS_H */
