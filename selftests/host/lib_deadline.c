// SPDX-License-Identifier: GPL-2.0
/* Deadlines: both clocks, and every edge of their arithmetic. */
#include <errno.h>
#include <limits.h>

#include <kselftest_harness.h>
#include <mailbox.h>

#define S	INT64_C(1000000000)

static int64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * S + time.tv_nsec;
}

FIXTURE(clock) { };

FIXTURE_SETUP(clock) { }

FIXTURE_TEARDOWN(clock) { }

FIXTURE_VARIANT(clock) {
	clockid_t id;
};

FIXTURE_VARIANT_ADD(clock, monotonic) {
	.id = CLOCK_MONOTONIC,
};

FIXTURE_VARIANT_ADD(clock, realtime) {
	.id = CLOCK_REALTIME,
};

TEST_F(clock, lies_ahead_by_what_was_asked)
{
	struct timespec ahead = { .tv_sec = 5, .tv_nsec = 999999999 };
	int64_t before = now(variant->id);
	int64_t deadline = mailbox_deadline(variant->id, &ahead);
	int64_t after = now(variant->id);

	EXPECT_LE(before + 6 * S - 1, deadline);
	EXPECT_GE(after + 6 * S - 1, deadline);
}

TEST_F(clock, nothing_ahead_is_now)
{
	struct timespec zero = { 0, 0 };
	int64_t before = now(variant->id);
	int64_t deadline = mailbox_deadline(variant->id, &zero);

	EXPECT_LE(before, deadline);
	EXPECT_GE(now(variant->id), deadline);
}

TEST_F(clock, negative_is_the_past)
{
	/* -0.25 s, as timespec writes it */
	struct timespec ahead = { .tv_sec = -1, .tv_nsec = 750000000 };
	int64_t before = now(variant->id);
	int64_t deadline = mailbox_deadline(variant->id, &ahead);

	EXPECT_LE(before - S / 4, deadline);
	EXPECT_GE(now(variant->id) - S / 4, deadline);
}

TEST_F(clock, before_the_clock_began_is_zero)
{
	struct timespec ahead = { .tv_sec = -now(variant->id) / S - 2 };

	EXPECT_EQ(0, mailbox_deadline(variant->id, &ahead));
	ahead.tv_sec = INT64_MIN / S;
	EXPECT_EQ(0, mailbox_deadline(variant->id, &ahead));
	ahead.tv_sec = INT64_MIN / S - 1;
	EXPECT_EQ(0, mailbox_deadline(variant->id, &ahead));
	ahead.tv_sec = LONG_MIN;
	EXPECT_EQ(0, mailbox_deadline(variant->id, &ahead));
}

TEST_F(clock, too_far_is_for_ever)
{
	struct timespec ahead = { .tv_sec = LONG_MAX, .tv_nsec = 999999999 };

	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline(variant->id, &ahead));
	ahead.tv_sec = INT64_MAX / S;
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline(variant->id, &ahead));
	ahead.tv_sec = INT64_MAX / S + 1;
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline(variant->id, &ahead));
	/* the last second that still fits is a real one */
	ahead.tv_sec = INT64_MAX / S - now(variant->id) / S - 2;
	ahead.tv_nsec = 0;
	EXPECT_GT(MAILBOX_FOREVER, mailbox_deadline(variant->id, &ahead));
	EXPECT_LT(MAILBOX_FOREVER - 3 * S,
		  mailbox_deadline(variant->id, &ahead));
}

TEST_F(clock, without_a_time_for_ever)
{
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline(variant->id, NULL));
}

TEST_F(clock, nanoseconds_out_of_range)
{
	struct timespec ahead = { .tv_nsec = -1 };

	EXPECT_EQ(-EINVAL, mailbox_deadline(variant->id, &ahead));
	ahead.tv_nsec = S;
	EXPECT_EQ(-EINVAL, mailbox_deadline(variant->id, &ahead));
	ahead.tv_nsec = LONG_MAX;
	EXPECT_EQ(-EINVAL, mailbox_deadline(variant->id, &ahead));
	ahead.tv_nsec = LONG_MIN;
	EXPECT_EQ(-EINVAL, mailbox_deadline(variant->id, &ahead));
	ahead.tv_nsec = S - 1;
	EXPECT_LT(0, mailbox_deadline(variant->id, &ahead));
}

TEST(other_clocks_are_refused)
{
	struct timespec ahead = { .tv_sec = 1 };

	EXPECT_EQ(-EINVAL, mailbox_deadline(CLOCK_BOOTTIME, &ahead));
	EXPECT_EQ(-EINVAL, mailbox_deadline(CLOCK_THREAD_CPUTIME_ID, &ahead));
	EXPECT_EQ(-EINVAL, mailbox_deadline(-1, &ahead));
	EXPECT_EQ(-EINVAL, mailbox_deadline(CLOCK_BOOTTIME, NULL));
}

TEST(milliseconds)
{
	int64_t before = now(CLOCK_MONOTONIC);
	int64_t deadline = mailbox_deadline_ms(1234);

	EXPECT_LE(before + 1234000000, deadline);
	EXPECT_GE(now(CLOCK_MONOTONIC) + 1234000000, deadline);
	EXPECT_GE(now(CLOCK_MONOTONIC) + S, mailbox_deadline_ms(0));
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline_ms(-1));
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline_ms(INT64_MIN));
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline_ms(INT64_MAX));
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline_ms(INT64_MAX / 1000000));
	EXPECT_LT(INT64_C(3600) * S, mailbox_deadline_ms(3600 * 1000));
}

TEST(at_a_time)
{
	struct timespec when = { .tv_sec = 1700000000, .tv_nsec = 123456789 };

	EXPECT_EQ(INT64_C(1700000000123456789), mailbox_deadline_at(&when));
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline_at(NULL));
	when.tv_sec = -1;
	EXPECT_EQ(0, mailbox_deadline_at(&when));
	when.tv_sec = LONG_MIN;
	EXPECT_EQ(0, mailbox_deadline_at(&when));
	when.tv_sec = LONG_MAX;
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline_at(&when));
	when.tv_sec = INT64_MAX / S;
	when.tv_nsec = INT64_MAX % S - 1;
	EXPECT_EQ(INT64_MAX - 1, mailbox_deadline_at(&when));
	when.tv_nsec = INT64_MAX % S + 1;
	EXPECT_EQ(MAILBOX_FOREVER, mailbox_deadline_at(&when));
	when.tv_nsec = S;
	EXPECT_EQ(-EINVAL, mailbox_deadline_at(&when));
	when.tv_nsec = -1;
	EXPECT_EQ(-EINVAL, mailbox_deadline_at(&when));
}

TEST_HARNESS_MAIN
