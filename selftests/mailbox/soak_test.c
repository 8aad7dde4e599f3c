// SPDX-License-Identifier: GPL-2.0
/*
 * A stream through the rings of a channel, each byte checked; `make soak GUEST=1`
 * goes on for longer.
 *
 * features.rst rows with their test here:
 *   rings				soak.every_byte_arrives
 */
#include "kselftest_harness.h"
#include "common.h"

#include "../soak/channel.h"

#define RECORDS	200000

/* As long as emulation takes: the watch sees who stands still. */
FIXTURE(soak) {
};

FIXTURE_SETUP(soak)
{
}

FIXTURE_TEARDOWN(soak)
{
}

TEST_F_TIMEOUT(soak, every_byte_arrives, 200)
{
	struct soak *soak = soak_run(&soak_channel, RECORDS, 0, NULL);

	ASSERT_NE(NULL, soak);
	EXPECT_STREQ("", soak->side[0].wrong);
	EXPECT_EQ(RECORDS, soak->side[SOAK_CONSUMER].records);
	/* it would be no soak if nobody had slept */
	EXPECT_LT(100, soak->side[SOAK_PRODUCER].calls.waits);
	EXPECT_LT(100, soak->side[SOAK_CONSUMER].calls.waits);
}

TEST_HARNESS_MAIN
