// SPDX-License-Identifier: GPL-2.0
/*
 * What was reached in the module, by KCOV: only the module is instrumented, so
 * each address that KCOV tells is one of it.
 */
#include <fcntl.h>
#include <linux/kcov.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cover.h"
#include "program.h"

#define PLACES		(1UL << 16)	/* addresses in a call, at most */
#define BYTES		(1UL << 21)	/* larger than the module's text, by far */

/* A bit for each address, shared by all. */
static struct reached {
	unsigned int count;
	uint64_t bits[BYTES / 64];
} *reached;

/* An actor's, opened once for all who play it; they need not be root. */
static struct {
	int file;
	uint64_t *places;
} areas[ACTORS];

static __thread uint64_t *places;

static bool open_area(unsigned int actor)
{
	int file = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	void *place;

	if (file < 0 || ioctl(file, KCOV_INIT_TRACE, PLACES))
		return false;
	place = mmap(NULL, PLACES * sizeof(*places), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	areas[actor].file = file;
	areas[actor].places = place;
	return place != MAP_FAILED;
}

bool cover_init(void)
{
	for (unsigned int i = 0; i < ACTORS; i++)
		if (!open_area(i))
			return false;
	reached = mmap(NULL, sizeof(*reached), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reached == MAP_FAILED)
		reached = NULL;
	return reached;
}

void cover_thread(unsigned int actor)
{
	places = NULL;
	if (reached && !ioctl(areas[actor].file, KCOV_ENABLE, KCOV_TRACE_PC))
		places = areas[actor].places;
}

void cover_begin(void)
{
	if (places)
		__atomic_store_n(&places[0], 0, __ATOMIC_RELAXED);
}

void cover_end(void)
{
	uint64_t count = places ? __atomic_load_n(&places[0], __ATOMIC_RELAXED) : 0;

	for (uint64_t i = 1; i <= count && i < PLACES; i++) {
		uint64_t place = places[i] % BYTES, bit = 1ULL << place % 64;

		if (!(__atomic_fetch_or(&reached->bits[place / 64], bit, __ATOMIC_RELAXED) & bit))
			__atomic_add_fetch(&reached->count, 1, __ATOMIC_RELAXED);
	}
}

unsigned int cover_count(void)
{
	return reached ? __atomic_load_n(&reached->count, __ATOMIC_RELAXED) : 0;
}

void cover_forget(void)
{
	if (reached)
		memset(reached, 0, sizeof(*reached));
}

static struct reached marked;

void cover_mark(void)
{
	if (reached)
		marked = *reached;
}

void cover_back(void)
{
	if (reached)
		*reached = marked;
}
