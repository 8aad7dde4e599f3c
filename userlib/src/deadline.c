// SPDX-License-Identifier: LGPL-2.1-or-later
/* Deadlines: absolute nanoseconds, so that a signal can restart a call. */
#include <errno.h>
#include <stdbool.h>

#include "internal.h"

#define NS_PER_S	1000000000
#define NS_PER_MS	1000000

static bool nanoseconds_ok(const struct timespec *time)
{
	return time->tv_nsec >= 0 && time->tv_nsec < NS_PER_S;
}

/* The sum, held between what the kernel takes and what means for ever. */
static int64_t sum(int64_t base, int64_t seconds, int64_t nanoseconds)
{
	int64_t ns;

	if (__builtin_mul_overflow(seconds, NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, nanoseconds, &ns) ||
	    __builtin_add_overflow(ns, base, &ns))
		return seconds < 0 ? 0 : MAILBOX_FOREVER;
	return ns < 0 ? 0 : ns;
}

static int64_t now(clockid_t clock)
{
	struct timespec time;

	/* Both clocks exist, and the address is good: it cannot fail. */
	clock_gettime(clock, &time);
	return sum(0, time.tv_sec, time.tv_nsec);
}

int64_t mailbox_deadline(clockid_t clock, const struct timespec *ahead)
{
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	if (!ahead)
		return MAILBOX_FOREVER;
	if (!nanoseconds_ok(ahead))
		return -EINVAL;
	return sum(now(clock), ahead->tv_sec, ahead->tv_nsec);
}

int64_t mailbox_deadline_ms(int64_t milliseconds)
{
	if (milliseconds < 0)
		return MAILBOX_FOREVER;
	return sum(now(CLOCK_MONOTONIC), milliseconds / 1000,
		   milliseconds % 1000 * NS_PER_MS);
}

int64_t mailbox_deadline_at(const struct timespec *when)
{
	if (!when)
		return MAILBOX_FOREVER;
	if (!nanoseconds_ok(when))
		return -EINVAL;
	return sum(0, when->tv_sec, when->tv_nsec);
}
