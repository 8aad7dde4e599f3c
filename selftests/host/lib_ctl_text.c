// SPDX-License-Identifier: GPL-2.0
/*
 * mailboxctl's numbers and names: what comes from a command line, and what
 * others have put into a mailbox's name.
 */
#define _GNU_SOURCE	/* for what is included */
#include <limits.h>
#include <locale.h>

#include "../../userlib/ctl/text.c"

#include <kselftest_harness.h>

void die_memory(void)
{
	abort();
}

TEST(numbers)
{
	uint64_t value = 0;

	EXPECT_TRUE(parse_u64("18446744073709551615", UINT64_MAX, &value));
	EXPECT_EQ(UINT64_MAX, value);
	EXPECT_TRUE(parse_u64("010", 99, &value));
	EXPECT_EQ(10, value);
	EXPECT_TRUE(parse_u64("0x10", 99, &value));
	EXPECT_EQ(16, value);
	EXPECT_TRUE(parse_u64("0", 0, &value));
	EXPECT_EQ(0, value);

	EXPECT_FALSE(parse_u64("18446744073709551616", UINT64_MAX, &value));
	EXPECT_FALSE(parse_u64("100", 99, &value));
	EXPECT_FALSE(parse_u64("", 99, &value));
	EXPECT_FALSE(parse_u64(" 1", 99, &value));
	EXPECT_FALSE(parse_u64("+1", 99, &value));
	EXPECT_FALSE(parse_u64("-1", UINT64_MAX, &value));
	EXPECT_FALSE(parse_u64("1 ", 99, &value));
	EXPECT_FALSE(parse_u64("0x", 99, &value));
	EXPECT_FALSE(parse_u64("0x-1", UINT64_MAX, &value));
	EXPECT_FALSE(parse_u64("1.5", 99, &value));
	EXPECT_EQ(0, value);
}

TEST(sizes)
{
	uint64_t value = 0;

	EXPECT_TRUE(parse_size("16M", UINT64_MAX, &value));
	EXPECT_EQ(16 << 20, value);
	EXPECT_TRUE(parse_size("1k", UINT64_MAX, &value));
	EXPECT_EQ(1024, value);
	EXPECT_TRUE(parse_size("7", 7, &value));
	EXPECT_EQ(7, value);
	EXPECT_TRUE(parse_size("17179869183G", UINT64_MAX, &value));

	EXPECT_FALSE(parse_size("17179869184G", UINT64_MAX, &value));
	EXPECT_FALSE(parse_size("1K", 1023, &value));
	EXPECT_FALSE(parse_size("", UINT64_MAX, &value));
	EXPECT_FALSE(parse_size("K", UINT64_MAX, &value));
	EXPECT_FALSE(parse_size("1KB", UINT64_MAX, &value));
	EXPECT_FALSE(parse_size("000000000000000000000000000000001K", UINT64_MAX, &value));
}

TEST(capacities_and_modes)
{
	uint64_t capacity = 0;
	char text[MODE_TEXT];
	uint32_t mode = 0;

	EXPECT_TRUE(parse_capacity("unlimited", &capacity));
	EXPECT_EQ(MAILBOX_UNLIMITED, capacity);
	EXPECT_FALSE(parse_capacity("2147483648", &capacity));

	EXPECT_TRUE(parse_mode("640", &mode));
	EXPECT_EQ(0640, mode);
	EXPECT_STREQ("rwr---", mode_text(mode, text));
	EXPECT_STREQ("------", mode_text(0, text));
	EXPECT_STREQ("rwrwrw", mode_text(0666, text));
	EXPECT_FALSE(parse_mode("0777", &mode));
	EXPECT_FALSE(parse_mode("-1", &mode));
	EXPECT_FALSE(parse_mode("68", &mode));
	EXPECT_FALSE(parse_mode("", &mode));
}

TEST(policies)
{
	uint32_t policy, read_back;

	for (policy = 0; policy <= MAILBOX_POLICY_SEGMENT; policy++) {
		read_back = ~0U;
		EXPECT_TRUE(parse_policy(policy_text(policy), &read_back));
		EXPECT_EQ(policy, read_back);
	}
	EXPECT_STREQ("segment", policy_text(MAILBOX_POLICY_SEGMENT));
	EXPECT_STREQ("unknown", policy_text(policy));
	EXPECT_FALSE(parse_policy("unknown", &policy));
}

TEST(seconds)
{
	int64_t ns = 0;

	EXPECT_TRUE(parse_seconds("1.5", &ns));
	EXPECT_EQ(1500000000, ns);
	EXPECT_TRUE(parse_seconds(".25", &ns));
	EXPECT_EQ(250000000, ns);
	EXPECT_TRUE(parse_seconds("0", &ns));
	EXPECT_EQ(0, ns);
	EXPECT_TRUE(parse_seconds("1e9", &ns));

	EXPECT_FALSE(parse_seconds("1e10", &ns));
	EXPECT_FALSE(parse_seconds("-1", &ns));
	EXPECT_FALSE(parse_seconds("nan", &ns));
	EXPECT_FALSE(parse_seconds("inf", &ns));
	EXPECT_FALSE(parse_seconds("1s", &ns));
	EXPECT_FALSE(parse_seconds("", &ns));
	EXPECT_FALSE(parse_seconds(".", &ns));
}

TEST(times)
{
	char text[TIME_TEXT];

	EXPECT_STREQ("1970-01-01T00:00:01.000000005Z", time_text(1000000005, text));
	/* the last there is, and a year that is no four digits */
	EXPECT_STREQ("2554-07-21T23:34:33.709551615Z", time_text(UINT64_MAX, text));
}

static void expect_escaped(struct __test_metadata *_metadata, const char *name,
			   const char *shown, int width)
{
	int columns = -1;
	char *text = escape(name, &columns);

	EXPECT_STREQ(shown, text);
	EXPECT_EQ(width, columns);
	free(text);
}

TEST(names_in_the_c_locale)
{
	setlocale(LC_CTYPE, "C");
	expect_escaped(_metadata, "", "", 0);
	expect_escaped(_metadata, "a b", "a b", 3);
	expect_escaped(_metadata, "a\\b", "a\\\\b", 4);
	expect_escaped(_metadata, "\303\244", "\\xc3\\xa4", 8);
	expect_escaped(_metadata, "\377\200x", "\\xff\\x80x", 9);
}

TEST(names_in_utf_8)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		SKIP(return, "no locale C.UTF-8");
	expect_escaped(_metadata, "\303\244 x", "\303\244 x", 3);
	expect_escaped(_metadata, "\346\274\242", "\346\274\242", 2);
	expect_escaped(_metadata, "\377\200x", "\\xff\\x80x", 9);
	/* a letter that ends too early, and a control one beyond ASCII */
	expect_escaped(_metadata, "\303", "\\xc3", 4);
	expect_escaped(_metadata, "\302\205", "\\xc2\\x85", 8);
}

TEST(every_byte_is_escaped_or_stays)
{
	char name[256];
	char *text;
	int i;

	for (i = 1; i < 256; i++)
		name[i - 1] = (char)i;
	name[255] = '\0';

	text = escape_bytes(name);
	for (i = 0; text[i]; i++)
		EXPECT_TRUE(text[i] >= ' ' && text[i] <= '~');
	free(text);
	setlocale(LC_CTYPE, "C");
	text = escape(name, NULL);
	for (i = 0; text[i]; i++)
		EXPECT_TRUE(text[i] >= ' ' && text[i] <= '~');
	free(text);
}

TEST(utf_8)
{
	EXPECT_TRUE(is_utf8(""));
	EXPECT_TRUE(is_utf8("plain"));
	EXPECT_TRUE(is_utf8("\303\244\346\274\242\360\237\230\200"));
	EXPECT_FALSE(is_utf8("\200"));
	EXPECT_FALSE(is_utf8("\303"));
	EXPECT_FALSE(is_utf8("\300\257"));		/* overlong */
	EXPECT_FALSE(is_utf8("\340\200\257"));
	EXPECT_FALSE(is_utf8("\355\240\200"));		/* a surrogate */
	EXPECT_FALSE(is_utf8("\364\220\200\200"));	/* beyond Unicode */
}

TEST_HARNESS_MAIN
