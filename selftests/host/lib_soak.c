// SPDX-License-Identifier: GPL-2.0
/* A million records over memfds, each byte checked; `make soak` has a billion. */
#include "../soak/memfd.h"

int main(void)
{
	struct soak *soak = soak_run(&soak_memfd, 1000000, 0, NULL);

	printf("TAP version 13\n1..1\n");
	return soak_report(soak) ? 0 : 1;
}
