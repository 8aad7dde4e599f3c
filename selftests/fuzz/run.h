/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Run a program, and say whether all came out as it must.
 */
#ifndef FUZZ_RUN_H
#define FUZZ_RUN_H

#include "program.h"

/**
 * struct verdict - how a program went
 * @failed: something came out that must not
 * @at: the call at which it was seen
 * @why: in words
 * @made: calls that were made
 * @checked: calls whose outcome the model knew
 * @gave_up: the model did not know how it goes on
 */
struct verdict {
	bool failed;
	unsigned int at;
	char why[400];
	unsigned int made;
	unsigned int checked;
	bool gave_up;
};

bool run_begin(void);

struct verdict run(const struct program *program);

/* What the calls of @program came to, which was run last. */
void run_write(const struct program *program, FILE *file);

#endif /* FUZZ_RUN_H */
