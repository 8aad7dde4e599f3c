// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that are worth to be kept.
 */
#include <stdlib.h>

#include "corpus.h"

/* CORPUS: the file that the Makefile puts together */
__asm__(".section .rodata\n"
	".global corpus_text\n"
	"corpus_text: .incbin \"" CORPUS "\"\n"
	".byte 0\n"
	".previous\n");

static struct program **programs;
static unsigned int count;

void corpus_add(const struct program *program)
{
	struct program *copy = malloc(sizeof(*copy));
	struct program **more = realloc(programs, (count + 1) * sizeof(*programs));

	if (!copy || !more)
		abort();
	programs = more;
	*copy = *program;
	programs[count++] = copy;
}

unsigned int corpus_count(void)
{
	return count;
}

const struct program *corpus_at(unsigned int at)
{
	return programs[at];
}

const struct program *corpus_pick(struct random *random)
{
	/* what was found last has been tried least */
	unsigned int recent = count > 32 && random_once(random, 2) ? 32 : count;

	return programs[count - 1 - random_below(random, recent)];
}
