// SPDX-License-Identifier: GPL-2.0
/*
 * The soak for as long as one likes: see soak.h.
 *
 *	soak memfd|channel RECORDS [SECONDS]
 *
 * Ends after so many records, or after so many seconds if that is earlier; TAP.
 */
#include "channel.h"
#include "memfd.h"

static time_t begun;
static uint64_t all;

static void tell(const struct soak *soak)
{
	static time_t told;
	time_t now = soak_now();
	uint64_t records = soak->side[SOAK_CONSUMER].records;

	if (now < told + 10)
		return;
	told = now;
	printf("# %4ld s: %llu of %llu records, leg %u of %u\n", (long)(now - begun),
	       (unsigned long long)records, (unsigned long long)all, soak->leg + 1, SOAK_LEGS);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct soak_ground *ground = NULL;
	struct soak *soak;

	if (argc == 3 || argc == 4) {
		if (!strcmp(argv[1], "memfd"))
			ground = &soak_memfd;
		if (!strcmp(argv[1], "channel"))
			ground = &soak_channel;
		all = strtoull(argv[2], NULL, 10);
	}
	if (!ground || !all) {
		fprintf(stderr, "usage: soak memfd|channel RECORDS [SECONDS]\n");
		return 64;
	}
	printf("TAP version 13\n1..1\n");
	begun = soak_now();
	soak = soak_run(ground, all, argc == 4 ? (unsigned int)atoi(argv[3]) : 0, tell);
	printf("# %ld s\n", (long)(soak_now() - begun));
	return soak_report(soak) ? 0 : 1;
}
