/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls that are made at once, and what must be true of them afterwards.
 */
#ifndef FUZZ_TOGETHER_H
#define FUZZ_TOGETHER_H

#include "run.h"

void __attribute__((format(printf, 2, 3))) run_fail(struct verdict *verdict, const char *format,
						    ...);

/* The calls behind @number, by all actors at once. */
void run_together(unsigned int number, struct verdict *verdict);

#endif /* FUZZ_TOGETHER_H */
