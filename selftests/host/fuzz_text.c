// SPDX-License-Identifier: GPL-2.0
/*
 * The text of the fuzzer's programs says all of them: what is read back is what was
 * written.  Otherwise a failure could not be repeated.
 */
#include <stdio.h>
#include <string.h>

#include "program.h"

#include "kselftest_harness.h"

#define PROGRAMS	3000

static char text[1 << 16];

static void as_text(const struct program *program)
{
	FILE *file = fmemopen(text, sizeof(text), "w");

	program_write(program, "", file);
	fclose(file);
}

TEST(what_is_written_is_read)
{
	struct random random = { 1 };
	struct program program, other, read;

	program_random(&other, &random);
	for (int i = 0; i < PROGRAMS; i++) {
		const char *next = text;
		struct program before = other;

		if (i % 4)
			program_mutate(&other, &program, &random);
		else
			program_random(&other, &random);
		program = before;
		as_text(&other);
		ASSERT_TRUE(program_read(&read, &next));
		ASSERT_EQ(other.kind, read.kind);
		ASSERT_EQ(other.count, read.count);
		for (unsigned int j = 0; j < read.count; j++) {
			ASSERT_EQ(0, memcmp(&other.call[j], &read.call[j], sizeof(read.call[j]))) {
				TH_LOG("call %u of\n%s", j, text);
			}
		}
	}
}

TEST(what_is_wrong_is_refused)
{
	static const char *const wrong[] = {
		"0 send slot=1\n",			/* no "program" */
		"program other\n",
		"program exact\n0 jump slot=1\n",
		"program exact\n9 send slot=1\n",
		"program exact\n0 send target=1\n",
		"program exact\n0 send slot=\n",
		"program exact\n0 send slot=1x\n",
	};
	struct program program;

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *next = wrong[i];

		EXPECT_FALSE(program_read(&program, &next)) {
			TH_LOG("taken: %s", wrong[i]);
		}
	}
}

TEST_HARNESS_MAIN
