/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that a seed repeats.
 */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

/* What comes of one number, well mixed. */
uint64_t mix(uint64_t number);

uint64_t random_next(struct random *random);

/* 0 .. @below - 1; 0 for 0 */
uint64_t random_below(struct random *random, uint64_t below);

/* one time in @times */
bool random_once(struct random *random, unsigned int times);

#endif /* FUZZ_RANDOM_H */
