// SPDX-License-Identifier: LGPL-2.1-or-later
/* What went wrong, as a sentence. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/*
 * What an errno means here where no reason comes with it.  The kernel gives a
 * reason for every error about a name, so that ENOENT and EACCES without one
 * are open(2)'s, on the device.
 */
static const struct {
	int number;
	const char *name;
	const char *words;
} errnos[] = {
#define ERRNO(number, words)	{ number, #number, words }
	ERRNO(EPERM, "not permitted"),
	ERRNO(ENOENT, "there is no " MAILBOX_DEVICE
	      ": the module mailbox_ipc is not loaded"),
	ERRNO(ENXIO, "nothing is behind " MAILBOX_DEVICE
	      ": the module mailbox_ipc is not loaded"),
	ERRNO(ENODEV, "nothing is behind " MAILBOX_DEVICE
	      ": the module mailbox_ipc is not loaded"),
	ERRNO(EACCES, "no permission to open " MAILBOX_DEVICE),
	ERRNO(EINTR, "interrupted by a signal"),
	ERRNO(EIO, "input/output error"),
	ERRNO(E2BIG, "the struct is larger than the kernel knows it"),
	ERRNO(EBADF, "not an open descriptor"),
	ERRNO(EAGAIN, "it would have to wait"),
	ERRNO(ENOMEM, "the kernel has no memory for it"),
	ERRNO(EFAULT, "an address points to memory that cannot be used"),
	ERRNO(EBUSY, "in use"),
	ERRNO(EEXIST, "something is there already"),
	ERRNO(EINVAL, "an argument is not valid"),
	ERRNO(ENFILE, "the system has too many open files"),
	ERRNO(EMFILE, "the process has too many open files"),
	ERRNO(ENOTTY, "the descriptor is not of the kind that this call is for"),
	ERRNO(EPIPE, "the other side is gone"),
	ERRNO(ENAMETOOLONG, "the name is too long"),
	ERRNO(ENOSYS, "the kernel does not have it"),
	ERRNO(ENOMSG, "there is no such message"),
	ERRNO(EIDRM, "the mailbox has been destroyed"),
	ERRNO(EOVERFLOW, "a number is too large"),
	ERRNO(EMSGSIZE, "the message has the wrong size"),
	ERRNO(EOPNOTSUPP, "not supported"),
	ERRNO(ETIMEDOUT, "the deadline passed"),
	ERRNO(EDQUOT, "a quota is used up"),
	ERRNO(EPROTO, "the other side of the rings broke their rules"),
	ERRNO(ESRCH, "there is no such process"),
	ERRNO(ECONNREFUSED, "the request for a channel was not granted"),
	ERRNO(ECANCELED, "not tried: an earlier one of the batch failed"),
#undef ERRNO
};

/* A buffer that is filled as far as it goes. */
struct sentence {
	char *buffer;
	size_t size;
	size_t used;
};

static void __attribute__((format(printf, 2, 3)))
add(struct sentence *sentence, const char *format, ...)
{
	size_t room = sentence->size - sentence->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(sentence->buffer + sentence->used, room, format,
			   arguments);
	va_end(arguments);
	if (length > 0)
		sentence->used += (size_t)length < room ? (size_t)length
							: room - 1;
}

/* @code is negative, if it comes from a call. */
static void add_errno(struct sentence *sentence, int code)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++) {
		if (errnos[i].number == -(int64_t)code) {
			add(sentence, " (%s)", errnos[i].name);
			return;
		}
	}
	add(sentence, " (errno %" PRId64 ")", -(int64_t)code);
}

static void add_meaning(struct sentence *sentence, int code)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++) {
		if (errnos[i].number == -(int64_t)code) {
			add(sentence, "%s", errnos[i].words);
			return;
		}
	}
	add(sentence, "the call failed");
}

/* The member at fault, or what else the sentence is about. */
static void add_subject(struct sentence *sentence,
			const struct mailbox_error *error,
			unsigned long command, const char *otherwise)
{
	const char *name = mailbox_field_name(command, error->field);

	if (error->field == MAILBOX_NO_FIELD)
		add(sentence, "%s", otherwise);
	else if (name)
		add(sentence, "member '%s'", name);
	else
		add(sentence, "the member at offset %u", error->field);
}

static void add_rights(struct sentence *sentence, uint64_t rights)
{
	static const char *const verbs[] = { "send", "receive", "administer" };
	const char *between = "";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (rights & (1u << i)) {
			add(sentence, "%sto %s", between, verbs[i]);
			between = " and ";
		}
	}
	/* Rights of a later kernel's. */
	if (rights & ~(uint64_t)MAILBOX_RIGHT_ALL)
		add(sentence, "%s0x%" PRIx64, between,
		    rights & ~(uint64_t)MAILBOX_RIGHT_ALL);
	else if (!rights)
		add(sentence, "for this");
}

static void add_count(struct sentence *sentence, uint64_t count,
		      const char *noun, const char *plural)
{
	add(sentence, "%" PRIu64 " %s%s", count, noun, count == 1 ? "" : plural);
}

static void add_bytes(struct sentence *sentence, uint64_t bytes)
{
	add_count(sentence, bytes, "byte", "s");
}

static void add_messages(struct sentence *sentence, uint64_t messages)
{
	add_count(sentence, messages, "message", "s");
}

static int same_command(unsigned long one, unsigned long other)
{
	return _IOC_TYPE(one) == _IOC_TYPE(other) &&
	       _IOC_NR(one) == _IOC_NR(other);
}

static int is_field(const struct mailbox_error *error, unsigned long command,
		    unsigned long of, size_t offset)
{
	return same_command(command, of) && error->field == offset;
}

static int is_mode(const struct mailbox_error *error, unsigned long command)
{
	return is_field(error, command, MAILBOX_IOC_CREATE,
			offsetof(struct mailbox_create, mode)) ||
	       is_field(error, command, MAILBOX_IOC_SET,
			offsetof(struct mailbox_set, mode));
}

/* What a member held or may hold; modes are written in octal. */
static void add_value(struct sentence *sentence,
		      const struct mailbox_error *error, unsigned long command)
{
	add(sentence, is_mode(error, command) && error->value ?
	    "0%" PRIo64 : "%" PRIu64, (uint64_t)error->value);
}

/* Flags, bit by bit, and so are modes. */
static void add_bits(struct sentence *sentence,
		     const struct mailbox_error *error, unsigned long command)
{
	add(sentence, is_mode(error, command) ? "0%" PRIo64 : "0x%" PRIx64,
	    (uint64_t)error->value);
}

/*
 * The reason names the nearest bound and not its side.  All lower bounds are 0
 * or 1, and no upper one is, with two exceptions: the sizes of an array's
 * members, where the errno tells, and the index of a peek, which has no lower.
 */
static int is_least(const struct mailbox_error *error, unsigned long command)
{
	if (is_field(error, command, MAILBOX_IOC_LIST,
		     offsetof(struct mailbox_list, entry_size)) ||
	    is_field(error, command, MAILBOX_IOC_SEND_BATCH,
		     offsetof(struct mailbox_batch, item_size)) ||
	    is_field(error, command, MAILBOX_IOC_RECEIVE_BATCH,
		     offsetof(struct mailbox_batch, item_size)))
		return error->code == -EINVAL;
	if (is_field(error, command, MAILBOX_IOC_RECEIVE,
		     offsetof(struct mailbox_receive, index)))
		return 0;
	return error->value <= 1;
}

static int is_ring(const struct mailbox_error *error, unsigned long command)
{
	return is_field(error, command, MAILBOX_IOC_CHANNEL,
			offsetof(struct mailbox_channel, ring)) ||
	       is_field(error, command, MAILBOX_IOC_CHANNEL,
			offsetof(struct mailbox_channel, ring_back)) ||
	       is_field(error, command, MAILBOX_IOC_CONNECT,
			offsetof(struct mailbox_connect, ring)) ||
	       is_field(error, command, MAILBOX_IOC_CONNECT,
			offsetof(struct mailbox_connect, ring_back));
}

static void add_reason(struct sentence *sentence,
		       const struct mailbox_error *error, unsigned long command)
{
	const uint64_t value = error->value;

	switch ((enum mailbox_reason)error->reason) {
	case MAILBOX_REASON_NONE:
		add_meaning(sentence, error->code);
		return;
	case MAILBOX_REASON_FLAGS:
		add_subject(sentence, error, command, "the argument for flags");
		add(sentence, " has bits that are unknown or exclude one another: ");
		add_bits(sentence, error, command);
		return;
	case MAILBOX_REASON_RESERVED:
		add_subject(sentence, error, command, "what is not used");
		add(sentence, " must be zero here");
		if (value) {
			add(sentence, ", and not ");
			add_value(sentence, error, command);
		}
		return;
	case MAILBOX_REASON_RANGE:
		add_subject(sentence, error, command, "an argument");
		if (is_ring(error, command)) {
			add(sentence, " is no size of a ring (a power of two, or 0 in both): one that is near is ");
			add_bytes(sentence, value);
			return;
		}
		add(sentence, " is out of range: at %s ",
		    is_least(error, command) ? "least" : "most");
		add_value(sentence, error, command);
		return;
	case MAILBOX_REASON_POINTER:
		add_subject(sentence, error, command, "an address");
		add(sentence, " points to memory that cannot be used: 0x%" PRIx64,
		    value);
		return;
	case MAILBOX_REASON_SIZE:
		if (error->field != MAILBOX_NO_FIELD) {
			add_subject(sentence, error, command, "");
			add(sentence, ": ");
		}
		if (error->code == -E2BIG) {
			add(sentence, "the struct uses more than the ");
			add_bytes(sentence, value);
			add(sentence, " of it that this kernel knows");
		} else {
			add(sentence, "the struct is too small: this kernel needs ");
			add_bytes(sentence, value);
		}
		return;
	case MAILBOX_REASON_NAME_EMPTY:
		add(sentence, "the name is empty");
		return;
	case MAILBOX_REASON_NAME_LONG:
		add(sentence, "the name is too long: at most ");
		add_bytes(sentence, value);
		return;
	case MAILBOX_REASON_NAME_BYTE:
		add(sentence, "the name has a slash or a control byte at position %"
		    PRIu64, value);
		return;
	case MAILBOX_REASON_NAME_TAKEN:
		add(sentence, "a mailbox of this name exists");
		return;
	case MAILBOX_REASON_NAME_UNKNOWN:
		add(sentence, "no mailbox has this name");
		return;
	case MAILBOX_REASON_MODE:
		add(sentence, "the mailbox's mode bits give no permission ");
		add_rights(sentence, value);
		return;
	case MAILBOX_REASON_RIGHT:
		add(sentence, "the handle has no right ");
		add_rights(sentence, value);
		return;
	case MAILBOX_REASON_RECEIVER_TAKEN:
		add(sentence, "the mailbox is exclusive and has its receiver");
		return;
	case MAILBOX_REASON_PAIR_TAKEN:
		add(sentence, "the mailbox is for a pair and has its two processes");
		return;
	case MAILBOX_REASON_POLICY:
		add_subject(sentence, error, command, "this");
		if (is_field(error, command, MAILBOX_IOC_CREATE,
			     offsetof(struct mailbox_create, policy))) {
			add(sentence, ": a channel is made by CHANNEL or CONNECT, and not by CREATE");
			return;
		}
		add(sentence, " does not go with this kind of mailbox");
		return;
	case MAILBOX_REASON_USER_BYTES:
		add(sentence, "this would go over the user's quota of queued bytes: at most ");
		add_bytes(sentence, value);
		return;
	case MAILBOX_REASON_USER_MESSAGES:
		add(sentence, "this would go over the user's quota of queued messages: at most ");
		add_messages(sentence, value);
		return;
	case MAILBOX_REASON_USER_MAILBOXES:
		add(sentence, "this would go over the user's quota of mailboxes: at most ");
		add_count(sentence, value, "mailbox", "es");
		return;
	case MAILBOX_REASON_MODULE_SIZE:
		add_subject(sentence, error, command, "the message");
		add(sentence, " is over the module's limit on the size of a message: at most ");
		add_bytes(sentence, value);
		return;
	case MAILBOX_REASON_MAILBOX_SIZE:
		add_subject(sentence, error, command, "the message");
		add(sentence, " is over the mailbox's limit on the size of a message: at most ");
		add_bytes(sentence, value);
		return;
	case MAILBOX_REASON_FIXED_SIZE:
		add_subject(sentence, error, command, "the message");
		add(sentence, " is not of the one size that the mailbox's messages have: ");
		add_bytes(sentence, value);
		return;
	case MAILBOX_REASON_BUFFER_SIZE:
		add(sentence, "the message does not fit the buffer and is still in the mailbox: it needs ");
		add_bytes(sentence, value);
		return;
	case MAILBOX_REASON_FULL:
		add(sentence, "the mailbox is full: its capacity is ");
		add_messages(sentence, value);
		return;
	case MAILBOX_REASON_EMPTY:
		if (same_command(command, MAILBOX_IOC_RING_WAIT)) {
			add(sentence, "the other side has not said WAKE since the last WAIT");
			return;
		}
		if (!value) {
			add(sentence, "the mailbox is empty");
			return;
		}
		add(sentence, "no message in the mailbox is the one asked for: it has ");
		add_messages(sentence, value);
		return;
	case MAILBOX_REASON_NO_TAKER:
		add(sentence, "no receiver waits for the message");
		return;
	case MAILBOX_REASON_DESTROYED:
		add(sentence, "the mailbox has been destroyed");
		return;
	case MAILBOX_REASON_NO_RECEIVERS:
		add(sentence, "nobody is left who could receive");
		return;
	case MAILBOX_REASON_NO_SENDERS:
		add(sentence, "no such message is there, and nobody is left who could send");
		return;
	case MAILBOX_REASON_CUT_OFF:
		add(sentence, "this receiver was too slow and has been cut off: it missed ");
		add_messages(sentence, value);
		return;
	case MAILBOX_REASON_CLOSED:
		add(sentence, "another thread closed the descriptor");
		return;
	case MAILBOX_REASON_DEADLINE:
		add(sentence, "the deadline passed: %" PRIu64 ".%09" PRIu64
		    " s on its clock", value / 1000000000, value % 1000000000);
		return;
	case MAILBOX_REASON_BATCH:
		add(sentence, "not tried: message %" PRIu64
		    " of the batch failed", value);
		return;
	case MAILBOX_REASON_OWNER:
		add(sentence, "only the mailbox's owner or creator, or a process with the capability for it, may do this");
		return;
	case MAILBOX_REASON_RECEIVERS_MAX:
		add(sentence, "a broadcast has at most %" PRIu64
		    " receiving handles, and this one has them", value);
		return;
	case MAILBOX_REASON_REFUSED:
		add(sentence, "the request for a channel was turned down, with the code %"
		    PRIu64, value);
		return;
	case MAILBOX_REASON_UNANSWERED:
		add(sentence, "the request for a channel was lost, or who had received it closed without an answer");
		return;
	case MAILBOX_REASON_REQUEST_UNKNOWN:
		add(sentence, "this handle has received no such request, or it is answered, or who asked has given up");
		return;
	case MAILBOX_REASON_NO_PEER:
		add(sentence, "the other end of the channel is closed");
		return;
	}
	/* A later kernel's. */
	add(sentence, "the call failed for a reason unknown here: %u, value %"
	    PRIu64, error->reason, value);
}

const char *mailbox_strerror(const struct mailbox_error *error,
			     unsigned long command, char *buffer, size_t size)
{
	struct sentence sentence = { .buffer = buffer, .size = size };

	if (!size)
		return "";
	buffer[0] = '\0';
	if (!error->code) {
		add(&sentence, "no error");
		return buffer;
	}
	add_reason(&sentence, error, command);
	add_errno(&sentence, error->code);
	return buffer;
}
