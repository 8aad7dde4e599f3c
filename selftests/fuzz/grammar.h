/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What calls there are, which arguments they take, and which values are
 * worth a try.
 */
#ifndef FUZZ_GRAMMAR_H
#define FUZZ_GRAMMAR_H

#include "program.h"

/**
 * struct op_grammar - a call
 * @name: in text
 * @often: its share of the calls of an exact, a concurrent, a garbage program
 * @args: bits of the arguments that it takes
 * @flags: bits that FLAGS may have
 */
struct op_grammar {
	const char *name;
	unsigned char often[KINDS];
	uint64_t args;
	uint64_t flags;
};

/**
 * struct arg_grammar - an argument
 * @name: in text
 * @base: as it is written: 8, 16, or else decimal
 * @bits: any of them; or else
 * @values: one of these, or else
 * @below: a number under this
 */
struct arg_grammar {
	const char *name;
	unsigned char base;
	uint64_t bits;
	const uint64_t *values;
	unsigned int count;
	uint64_t below;
};

extern const struct op_grammar ops[OPS];
extern const struct arg_grammar args[ARGS];

#endif /* FUZZ_GRAMMAR_H */
