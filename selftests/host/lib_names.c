// SPDX-License-Identifier: GPL-2.0
/*
 * mailbox_field_name() and mailbox_reason_name(): every member of every
 * command's struct and every reason, as the header itself has them
 * (contract.awk), and nothing else.
 */
#include <sys/ioctl.h>

#include <kselftest_harness.h>
#include <mailbox.h>

struct member {
	unsigned long command;
	size_t offset;
	const char *name;
};

static const struct member members[] = {
#define COMMAND(command, type)
#define REASON(name)
#define MEMBER(command, type, member) \
	{ MAILBOX_IOC_##command, offsetof(struct type, member), #member },
#include "contract.h"
#undef COMMAND
#undef MEMBER
#undef REASON
};

static const struct {
	unsigned long command;
	size_t size;
} commands[] = {
#define COMMAND(command, type) \
	{ MAILBOX_IOC_##command, sizeof(struct type) },
#define REASON(name)
#define MEMBER(command, type, member)
#include "contract.h"
#undef COMMAND
#undef MEMBER
#undef REASON
};

static const struct {
	unsigned int number;
	const char *name;
} reasons[] = {
#define COMMAND(command, type)
#define REASON(name)	{ MAILBOX_REASON_##name, #name },
#define MEMBER(command, type, member)
#include "contract.h"
#undef COMMAND
#undef MEMBER
#undef REASON
};

static const char *expected(unsigned long command, size_t offset)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++)
		if (members[i].command == command &&
		    members[i].offset == offset)
			return members[i].name;
	return NULL;
}

TEST(every_offset_of_every_command)
{
	const char *wanted, *got;
	size_t i, offset;

	ASSERT_EQ(19, ARRAY_SIZE(commands));
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		for (offset = 0; offset < commands[i].size + 16; offset++) {
			wanted = expected(commands[i].command, offset);
			got = mailbox_field_name(commands[i].command, offset);
			if (!wanted) {
				ASSERT_EQ(NULL, got) {
					TH_LOG("command %zu has %s at %zu", i,
					       got, offset);
				}
				continue;
			}
			ASSERT_NE(NULL, got) {
				TH_LOG("command %zu lacks %s", i, wanted);
			}
			ASSERT_STREQ(wanted, got);
		}
		EXPECT_EQ(NULL, mailbox_field_name(commands[i].command,
						   MAILBOX_NO_FIELD));
	}
}

TEST(a_struct_of_another_size_is_the_same_command)
{
	unsigned long grown = _IOC(_IOC_READ | _IOC_WRITE, MAILBOX_IOC_MAGIC,
				   _IOC_NR(MAILBOX_IOC_SEND), 4096);

	EXPECT_STREQ("priority",
		     mailbox_field_name(grown, offsetof(struct mailbox_send,
							priority)));
}

TEST(other_commands_have_no_members)
{
	EXPECT_EQ(NULL, mailbox_field_name(0, 0));
	EXPECT_EQ(NULL, mailbox_field_name(_IO(MAILBOX_IOC_MAGIC, 0xff), 0));
	/* INFO's number under another type */
	EXPECT_EQ(NULL, mailbox_field_name(_IO('T', 0x00), 16));
}

TEST(every_reason)
{
	unsigned int number, highest = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		ASSERT_NE(NULL, mailbox_reason_name(reasons[i].number)) {
			TH_LOG("no name for %s", reasons[i].name);
		}
		EXPECT_STREQ(reasons[i].name,
			     mailbox_reason_name(reasons[i].number));
		if (reasons[i].number > highest)
			highest = reasons[i].number;
	}
	/* The numbers have no gaps, so this is all of the others. */
	ASSERT_EQ(ARRAY_SIZE(reasons), highest + 1);
	for (number = highest + 1; number <= 0x10000; number++)
		ASSERT_EQ(NULL, mailbox_reason_name(number));
	EXPECT_EQ(NULL, mailbox_reason_name(0xffffffff));
}

TEST_HARNESS_MAIN
