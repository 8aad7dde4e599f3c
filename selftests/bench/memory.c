// SPDX-License-Identifier: GPL-2.0
/*
 * Memory by /proc/slabinfo: the pages that all slab caches hold, so that what
 * an object drags along (its struct file, rounding up to a cache's size, the
 * end of a slab that nothing fits) is in the figure.
 */
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define CACHES_MAX	512

struct slabs {
	size_t count;
	struct {
		char name[64];
		unsigned long bytes;
	} cache[CACHES_MAX];
};

struct slabs *slabs_read(void)
{
	struct slabs *slabs = calloc(1, sizeof(*slabs));
	long page = sysconf(_SC_PAGESIZE);
	char line[512];
	FILE *file;

	/* what was freed under RCU before now is free now */
	sleep(1);
	file = fopen("/proc/slabinfo", "r");
	if (!file || !slabs)
		die("/proc/slabinfo");
	while (fgets(line, sizeof(line), file)) {
		unsigned long pages_each, count;
		char name[64];

		if (sscanf(line,
			   "%63s %*u %*u %*u %*u %lu : tunables %*u %*u %*u : slabdata %*u %lu",
			   name, &pages_each, &count) != 3)
			continue;
		if (slabs->count == CACHES_MAX) {
			fprintf(stderr, "bench: more than %d slab caches\n", CACHES_MAX);
			_exit(1);
		}
		strcpy(slabs->cache[slabs->count].name, name);
		slabs->cache[slabs->count++].bytes = count * pages_each * page;
	}
	fclose(file);
	return slabs;
}

static unsigned long bytes_of(const struct slabs *slabs, const char *name)
{
	for (size_t i = 0; i < slabs->count; i++)
		if (!strcmp(slabs->cache[i].name, name))
			return slabs->cache[i].bytes;
	return 0;
}

/* Bytes for each of the @objects made between, and which caches grew. */
double slabs_grown(const struct slabs *before, const struct slabs *after,
		   unsigned int objects)
{
	double sum = 0;

	for (size_t i = 0; i < after->count; i++) {
		const char *name = after->cache[i].name;
		double grown = ((double)after->cache[i].bytes -
				(double)bytes_of(before, name)) / objects;

		sum += grown;
		if (grown >= 1 || grown <= -1)
			fprintf(stderr, "bench:   %-24s %7.1f bytes each\n",
				name, grown);
	}
	return sum;
}
