// SPDX-License-Identifier: GPL-2.0
/*
 * mailbox_strerror(): a sentence for each reason, read once by a person, and
 * then the shape of all of them: reasons x commands x members x values.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <kselftest_harness.h>
#include <mailbox.h>

#define R(name)		MAILBOX_REASON_##name
#define C(name)		MAILBOX_IOC_##name
#define AT(type, member) offsetof(struct mailbox_##type, member)
#define NONE		MAILBOX_NO_FIELD

static const struct {
	int code;
	unsigned int reason;
	unsigned long command;
	size_t field;
	uint64_t value;
	const char *sentence;
} sentences[] = {
	{ -ENOENT, R(NONE), C(CREATE), NONE, 0,
	  "there is no /dev/mailbox: the module mailbox_ipc is not loaded (ENOENT)" },
	{ -ENODEV, R(NONE), C(CREATE), NONE, 0,
	  "nothing is behind /dev/mailbox: the module mailbox_ipc is not loaded (ENODEV)" },
	{ -ENXIO, R(NONE), C(OPEN), NONE, 0,
	  "nothing is behind /dev/mailbox: the module mailbox_ipc is not loaded (ENXIO)" },
	{ -EACCES, R(NONE), C(OPEN), NONE, 0,
	  "no permission to open /dev/mailbox (EACCES)" },
	{ -EMFILE, R(NONE), C(OPEN), NONE, 0,
	  "the process has too many open files (EMFILE)" },
	{ -ENOMEM, R(NONE), C(SEND), NONE, 0,
	  "the kernel has no memory for it (ENOMEM)" },
	{ -EINTR, R(NONE), C(SEND), NONE, 0,
	  "interrupted by a signal (EINTR)" },
	{ -EBADF, R(NONE), C(SEND), NONE, 0,
	  "not an open descriptor (EBADF)" },
	{ -ENOTTY, R(NONE), C(SEND), NONE, 0,
	  "the descriptor is not of the kind that this call is for (ENOTTY)" },
	{ -EFAULT, R(NONE), C(STAT), NONE, 0,
	  "an address points to memory that cannot be used (EFAULT)" },
	{ -1000, R(NONE), C(STAT), NONE, 0, "the call failed (errno 1000)" },
	{ -EINVAL, R(FLAGS), C(SEND), AT(send, flags), 0x80000001,
	  "member 'flags' has bits that are unknown or exclude one another: 0x80000001 (EINVAL)" },
	{ -EINVAL, R(FLAGS), C(OPEN), NONE, 0x80,
	  "the argument for flags has bits that are unknown or exclude one another: 0x80 (EINVAL)" },
	{ -EINVAL, R(FLAGS), C(CREATE), AT(create, mode), 01111,
	  "member 'mode' has bits that are unknown or exclude one another: 01111 (EINVAL)" },
	{ -EINVAL, R(FLAGS), C(SET), AT(set, mode), 01000,
	  "member 'mode' has bits that are unknown or exclude one another: 01000 (EINVAL)" },
	{ -EINVAL, R(RESERVED), C(CREATE), AT(create, mode), 0644,
	  "member 'mode' must be zero here, and not 0644 (EINVAL)" },
	{ -EINVAL, R(RESERVED), C(CREATE), AT(create, reserved), 7,
	  "member 'reserved' must be zero here, and not 7 (EINVAL)" },
	{ -EINVAL, R(RESERVED), C(CREATE), AT(create, slow), 0,
	  "member 'slow' must be zero here (EINVAL)" },
	{ -EINVAL, R(RANGE), C(SEND), AT(send, priority), 32767,
	  "member 'priority' is out of range: at most 32767 (EINVAL)" },
	{ -EINVAL, R(RANGE), C(SEND), AT(send, deadline), 0,
	  "member 'deadline' is out of range: at least 0 (EINVAL)" },
	{ -EINVAL, R(RANGE), C(RECEIVE), AT(receive, pid), 1,
	  "member 'pid' is out of range: at least 1 (EINVAL)" },
	{ -EINVAL, R(RANGE), C(RECEIVE), AT(receive, index), 0,
	  "member 'index' is out of range: at most 0 (EINVAL)" },
	{ -EINVAL, R(RANGE), C(LIST), AT(list, entry_size), 456,
	  "member 'entry_size' is out of range: at least 456 (EINVAL)" },
	{ -E2BIG, R(RANGE), C(LIST), AT(list, entry_size), 4096,
	  "member 'entry_size' is out of range: at most 4096 (E2BIG)" },
	{ -EINVAL, R(RANGE), C(SEND_BATCH), AT(batch, item_size), 96,
	  "member 'item_size' is out of range: at least 96 (EINVAL)" },
	{ -EINVAL, R(RANGE), 0, NONE, 9,
	  "an argument is out of range: at most 9 (EINVAL)" },
	{ -EINVAL, R(RANGE), C(SEND), 1, 9,
	  "the member at offset 1 is out of range: at most 9 (EINVAL)" },
	{ -EFAULT, R(POINTER), C(SEND), AT(send, buffer), 0xdead0000,
	  "member 'buffer' points to memory that cannot be used: 0xdead0000 (EFAULT)" },
	{ -EINVAL, R(SIZE), C(SEND), NONE, 96,
	  "the struct is too small: this kernel needs 96 bytes (EINVAL)" },
	{ -E2BIG, R(SIZE), C(SEND), NONE, 96,
	  "the struct uses more than the 96 bytes of it that this kernel knows (E2BIG)" },
	{ -EINVAL, R(SIZE), C(SEND_BATCH), AT(batch, item_size), 96,
	  "member 'item_size': the struct is too small: this kernel needs 96 bytes (EINVAL)" },
	{ -EINVAL, R(NAME_EMPTY), C(OPEN), AT(open, name), 0,
	  "the name is empty (EINVAL)" },
	{ -ENAMETOOLONG, R(NAME_LONG), C(OPEN), AT(open, name), 255,
	  "the name is too long: at most 255 bytes (ENAMETOOLONG)" },
	{ -EINVAL, R(NAME_BYTE), C(OPEN), AT(open, name), 3,
	  "the name has a slash or a control byte at position 3 (EINVAL)" },
	{ -EEXIST, R(NAME_TAKEN), C(CREATE), AT(create, name), 0,
	  "a mailbox of this name exists (EEXIST)" },
	{ -ENOENT, R(NAME_UNKNOWN), C(OPEN), AT(open, name), 0,
	  "no mailbox has this name (ENOENT)" },
	{ -EACCES, R(MODE), C(OPEN), AT(open, rights), 0x3,
	  "the mailbox's mode bits give no permission to send and to receive (EACCES)" },
	{ -EACCES, R(MODE), C(OPEN), AT(open, rights), 0x2,
	  "the mailbox's mode bits give no permission to receive (EACCES)" },
	{ -EBADF, R(RIGHT), C(SEND), NONE, 0x1,
	  "the handle has no right to send (EBADF)" },
	{ -EPERM, R(RIGHT), C(DESTROY), NONE, 0x4,
	  "the handle has no right to administer (EPERM)" },
	{ -EPERM, R(RIGHT), C(DUP), AT(dup, rights), 0x17,
	  "the handle has no right to send and to receive and to administer and 0x10 (EPERM)" },
	{ -EPERM, R(RIGHT), C(DUP), AT(dup, rights), 0,
	  "the handle has no right for this (EPERM)" },
	{ -EBUSY, R(RECEIVER_TAKEN), C(OPEN), NONE, 0,
	  "the mailbox is exclusive and has its receiver (EBUSY)" },
	{ -EBUSY, R(PAIR_TAKEN), C(SEND), NONE, 0,
	  "the mailbox is for a pair and has its two processes (EBUSY)" },
	{ -EINVAL, R(POLICY), C(SEND), AT(send, priority), 0,
	  "member 'priority' does not go with this kind of mailbox (EINVAL)" },
	{ -EINVAL, R(POLICY), C(SEND), NONE, 0,
	  "this does not go with this kind of mailbox (EINVAL)" },
	{ -EDQUOT, R(USER_BYTES), C(SEND), NONE, 67108864,
	  "this would go over the user's quota of queued bytes: at most 67108864 bytes (EDQUOT)" },
	{ -EDQUOT, R(USER_MESSAGES), C(SEND), NONE, 1,
	  "this would go over the user's quota of queued messages: at most 1 message (EDQUOT)" },
	{ -EDQUOT, R(USER_MAILBOXES), C(CREATE), NONE, 1024,
	  "this would go over the user's quota of mailboxes: at most 1024 mailboxes (EDQUOT)" },
	{ -EMSGSIZE, R(MODULE_SIZE), C(SEND), AT(send, length), 16777216,
	  "member 'length' is over the module's limit on the size of a message: at most 16777216 bytes (EMSGSIZE)" },
	{ -EMSGSIZE, R(MODULE_SIZE), C(CREATE), AT(create, message_max), 16777216,
	  "member 'message_max' is over the module's limit on the size of a message: at most 16777216 bytes (EMSGSIZE)" },
	{ -EMSGSIZE, R(MAILBOX_SIZE), C(SEND), NONE, 64,
	  "the message is over the mailbox's limit on the size of a message: at most 64 bytes (EMSGSIZE)" },
	{ -EMSGSIZE, R(FIXED_SIZE), C(SEND), NONE, 1,
	  "the message is not of the one size that the mailbox's messages have: 1 byte (EMSGSIZE)" },
	{ -EMSGSIZE, R(BUFFER_SIZE), C(RECEIVE), AT(receive, length), 4096,
	  "the message does not fit the buffer and is still in the mailbox: it needs 4096 bytes (EMSGSIZE)" },
	{ -EAGAIN, R(FULL), C(SEND), NONE, 64,
	  "the mailbox is full: its capacity is 64 messages (EAGAIN)" },
	{ -EAGAIN, R(EMPTY), C(RECEIVE), NONE, 0,
	  "the mailbox is empty (EAGAIN)" },
	{ -ENOMSG, R(EMPTY), C(RECEIVE), NONE, 3,
	  "no message in the mailbox is the one asked for: it has 3 messages (ENOMSG)" },
	{ -EAGAIN, R(NO_TAKER), C(SEND), NONE, 0,
	  "no receiver waits for the message (EAGAIN)" },
	{ -EIDRM, R(DESTROYED), C(SEND), NONE, 0,
	  "the mailbox has been destroyed (EIDRM)" },
	{ -EPIPE, R(NO_RECEIVERS), C(SEND), NONE, 0,
	  "nobody is left who could receive (EPIPE)" },
	{ -EPIPE, R(NO_SENDERS), C(RECEIVE), NONE, 0,
	  "no such message is there, and nobody is left who could send (EPIPE)" },
	{ -EPIPE, R(CUT_OFF), C(RECEIVE), NONE, 12,
	  "this receiver was too slow and has been cut off: it missed 12 messages (EPIPE)" },
	{ -EBADF, R(CLOSED), C(RECEIVE), NONE, 0,
	  "another thread closed the descriptor (EBADF)" },
	{ -ETIMEDOUT, R(DEADLINE), C(RECEIVE), AT(receive, deadline), 1234000000005,
	  "the deadline passed: 1234.000000005 s on its clock (ETIMEDOUT)" },
	{ -ECANCELED, R(BATCH), C(SEND), NONE, 2,
	  "not tried: message 2 of the batch failed (ECANCELED)" },
	{ -EPERM, R(OWNER), C(OPEN), AT(open, rights), 0,
	  "only the mailbox's owner or creator, or a process with the capability for it, may do this (EPERM)" },
	{ -EBUSY, R(RECEIVERS_MAX), C(OPEN), NONE, 4096,
	  "a broadcast has at most 4096 receiving handles, and this one has them (EBUSY)" },
	{ -EINVAL, R(RANGE), C(CREATE), AT(create, policy), 5,
	  "member 'policy' is out of range: at most 5 (EINVAL)" },
	{ -EINVAL, R(RANGE), C(CREATE), AT(create, capacity), 1073741824,
	  "member 'capacity' is out of range: at most 1073741824 (EINVAL)" },
	{ -EINVAL, R(RANGE), C(CHANNEL), AT(channel, ring), 4096,
	  "member 'ring' is no size of a ring (a power of two, or 0 in both): one that is near is 4096 bytes (EINVAL)" },
	{ -EINVAL, R(RANGE), C(CONNECT), AT(connect, ring_back), 67108864,
	  "member 'ring_back' is no size of a ring (a power of two, or 0 in both): one that is near is 67108864 bytes (EINVAL)" },
	{ -EINVAL, R(RANGE), C(CHANNEL), AT(channel, capacity), 1,
	  "member 'capacity' is out of range: at least 1 (EINVAL)" },
	{ -EINVAL, R(RANGE), C(RING_WAKE), AT(ring_wake, events), 1,
	  "member 'events' is out of range: at least 1 (EINVAL)" },
	{ -EINVAL, R(POLICY), C(CREATE), AT(create, policy), MAILBOX_POLICY_CHANNEL,
	  "member 'policy': a channel is made by CHANNEL or CONNECT, and not by CREATE (EINVAL)" },
	{ -EINVAL, R(POLICY), C(CREATE), AT(create, flags), MAILBOX_CREATE_FIXED,
	  "member 'flags' does not go with this kind of mailbox (EINVAL)" },
	{ -EINVAL, R(POLICY), C(DESTROY), AT(destroy, flags), MAILBOX_DESTROY_NOW,
	  "member 'flags' does not go with this kind of mailbox (EINVAL)" },
	{ -EAGAIN, R(EMPTY), C(RING_WAIT), NONE, 0,
	  "the other side has not said WAKE since the last WAIT (EAGAIN)" },
	{ -ECONNREFUSED, R(REFUSED), C(CONNECT), NONE, 42,
	  "the request for a channel was turned down, with the code 42 (ECONNREFUSED)" },
	{ -ECONNREFUSED, R(UNANSWERED), C(CONNECT), NONE, 0,
	  "the request for a channel was lost, or who had received it closed without an answer (ECONNREFUSED)" },
	{ -ENOENT, R(REQUEST_UNKNOWN), C(ACCEPT), NONE, 0,
	  "this handle has received no such request, or it is answered, or who asked has given up (ENOENT)" },
	{ -EPIPE, R(NO_PEER), C(RING_WAIT), NONE, 0,
	  "the other end of the channel is closed (EPIPE)" },
	{ -EPROTO, R(NONE), 0, NONE, 0,
	  "the other side of the rings broke their rules (EPROTO)" },
	{ -ESRCH, R(NONE), C(PEER), NONE, 0,
	  "there is no such process (ESRCH)" },
	{ -EEXIST, R(NONE), 0, NONE, 0,
	  "something is there already (EEXIST)" },
	{ -EINVAL, 999, C(SEND), NONE, 5,
	  "the call failed for a reason unknown here: 999, value 5 (EINVAL)" },
	{ 0, R(NONE), C(SEND), NONE, 0, "no error" },
};

static const unsigned int reasons[] = {
#define COMMAND(command, type)
#define REASON(name)	MAILBOX_REASON_##name,
#define MEMBER(command, type, member)
#include "contract.h"
#undef COMMAND
#undef MEMBER
#undef REASON
};

static const struct {
	unsigned long command;
	size_t size;
} commands[] = {
	{ 0, 16 },
#define COMMAND(command, type) { MAILBOX_IOC_##command, sizeof(struct type) },
#define REASON(name)
#define MEMBER(command, type, member)
#include "contract.h"
#undef COMMAND
#undef MEMBER
#undef REASON
};

static struct mailbox_error error_of(size_t i)
{
	return (struct mailbox_error){
		.code = sentences[i].code,
		.reason = sentences[i].reason,
		.field = sentences[i].field,
		.value = sentences[i].value,
	};
}

TEST(the_sentences)
{
	char buffer[MAILBOX_STRERROR_MAX];
	struct mailbox_error error;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sentences); i++) {
		error = error_of(i);
		EXPECT_EQ(&buffer[0],
			  mailbox_strerror(&error, sentences[i].command,
					   buffer, sizeof(buffer)));
		EXPECT_STREQ(sentences[i].sentence, buffer);
	}
}

TEST(every_reason_has_one)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		for (j = 0; j < ARRAY_SIZE(sentences); j++)
			if (sentences[j].reason == reasons[i])
				break;
		EXPECT_LT(j, ARRAY_SIZE(sentences)) {
			TH_LOG("no sentence for %s",
			       mailbox_reason_name(reasons[i]));
		}
	}
}

TEST(a_short_buffer_holds_the_beginning)
{
	struct mailbox_error error;
	size_t i, length, size;
	char *buffer;

	for (i = 0; i < ARRAY_SIZE(sentences); i++) {
		error = error_of(i);
		length = strlen(sentences[i].sentence);
		for (size = 1; size <= length + 2; size++) {
			/* of just this size, for the address sanitizer */
			buffer = malloc(size);
			ASSERT_NE(NULL, buffer);
			mailbox_strerror(&error, sentences[i].command, buffer,
					 size);
			ASSERT_EQ(size > length ? length : size - 1,
				  strlen(buffer));
			ASSERT_EQ(0, strncmp(buffer, sentences[i].sentence,
					     strlen(buffer)));
			free(buffer);
		}
	}
}

TEST(no_buffer)
{
	struct mailbox_error error = { .code = -EINVAL };

	EXPECT_STREQ("", mailbox_strerror(&error, 0, NULL, 0));
}

TEST(all_of_them_have_one_shape)
{
	static const uint64_t values[] = {
		0, 1, 2, 7, 255, 16777216, UINT64_MAX,
	};
	static const int codes[] = {
		-EPERM, -EINVAL, -E2BIG, -EMSGSIZE, -ENAMETOOLONG, -ECANCELED,
		-4095, INT_MIN, INT_MAX,
	};
	char buffer[4 * MAILBOX_STRERROR_MAX];
	struct mailbox_error error;
	size_t r, c, v, n, field, end, longest = 0;

	for (r = 0; r <= ARRAY_SIZE(reasons); r++)
	for (c = 0; c < ARRAY_SIZE(commands); c++)
	for (v = 0; v < ARRAY_SIZE(values); v++)
	for (n = 0; n < ARRAY_SIZE(codes); n++)
	for (field = 0; field <= commands[c].size; field += 2) {
		error = (struct mailbox_error){
			.code = codes[n],
			.reason = r < ARRAY_SIZE(reasons) ? reasons[r] : 0xffff,
			.field = field < commands[c].size ? field : NONE,
			.value = values[v],
		};
		mailbox_strerror(&error, commands[c].command, buffer,
				 sizeof(buffer));
		end = strlen(buffer);
		if (end > longest)
			longest = end;
		ASSERT_TRUE(islower((unsigned char)buffer[0])) {
			TH_LOG("%s", buffer);
		}
		ASSERT_EQ(')', buffer[end - 1]) {
			TH_LOG("%s", buffer);
		}
		ASSERT_NE(NULL, strstr(buffer, " ("));
		ASSERT_EQ(NULL, strchr(buffer, '\n'));
		ASSERT_EQ(NULL, strstr(buffer, "(null)"));
		ASSERT_EQ(NULL, strstr(buffer, "  "));
	}
	ASSERT_LT(longest, MAILBOX_STRERROR_MAX);
	TH_LOG("the longest has %zu bytes", longest);
}

/* The member's name comes from the command, for each reason about a member. */
TEST(each_member_is_named)
{
	static const unsigned int blaming[] = {
		R(FLAGS), R(RESERVED), R(RANGE), R(POINTER), R(SIZE), R(POLICY),
		R(MODULE_SIZE), R(MAILBOX_SIZE), R(FIXED_SIZE),
	};
	static const struct {
		unsigned long command;
		size_t offset;
		const char *name;
	} members[] = {
#define COMMAND(command, type)
#define REASON(name)
#define MEMBER(command, type, member) \
	{ C(command), offsetof(struct type, member), "member '" #member "'" },
#include "contract.h"
#undef COMMAND
#undef MEMBER
#undef REASON
	};
	char buffer[MAILBOX_STRERROR_MAX];
	struct mailbox_error error;
	size_t i, m;

	for (i = 0; i < ARRAY_SIZE(blaming); i++) {
		for (m = 0; m < ARRAY_SIZE(members); m++) {
			error = (struct mailbox_error){
				.code = -EINVAL,
				.reason = blaming[i],
				.field = members[m].offset,
				.value = 3,
			};
			mailbox_strerror(&error, members[m].command, buffer,
					 sizeof(buffer));
			ASSERT_EQ(0, strncmp(buffer, members[m].name,
					     strlen(members[m].name))) {
				TH_LOG("%s: %s", members[m].name, buffer);
			}
		}
	}
}

TEST_HARNESS_MAIN
