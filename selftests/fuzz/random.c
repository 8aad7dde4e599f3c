// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers that a seed repeats: SplitMix64.
 */
#include "random.h"

uint64_t mix(uint64_t number)
{
	number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ULL;
	number = (number ^ (number >> 27)) * 0x94d049bb133111ebULL;
	return number ^ (number >> 31);
}

uint64_t random_next(struct random *random)
{
	random->state += 0x9e3779b97f4a7c15ULL;
	return mix(random->state);
}

uint64_t random_below(struct random *random, uint64_t below)
{
	return below ? random_next(random) % below : 0;
}

bool random_once(struct random *random, unsigned int times)
{
	return !random_below(random, times);
}
