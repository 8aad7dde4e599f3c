// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl create: a mailbox that stays until it is removed. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

struct arguments {
	const char *name;
	struct mailbox_attr attr;
	unsigned int flags;
	mode_t mode;
	bool capacity_given;
	bool mode_given;
	bool slow_given;
};

static const struct argp_option options[] = {
	{ "capacity", 'c', "N", 0,
	  "Messages that may wait: a number, 'unlimited', or 0, where each send waits for its receiver (64)", 0 },
	{ "size", 's', "BYTES", 0,
	  "Largest message, or a segment's memory; K, M and G count in 1024s (the module's limit)", 0 },
	{ "fixed", KEY_FIXED, NULL, 0,
	  "Every message has exactly --size bytes", 0 },
	{ "policy", 'p', "POLICY", 0,
	  "Who gets a message: 'shared' (any one receiver), 'exclusive' (one receiver at a time), "
	  "'pair' (the other of two processes), 'broadcast' (every receiver); "
	  "or 'segment', where there are no messages, but memory to be shared (shared)", 0 },
	{ "slow", KEY_SLOW, "WHAT", 0,
	  "A broadcast to a receiver without room: 'block' the sender, 'lose' its oldest message, "
	  "or 'cut' it off (block)", 0 },
	{ "mode", 'm', "MODE", 0,
	  "Permission bits, octal: r to receive, w to send (0666 less the umask)", 0 },
	{ "if-missing", 'i', NULL, 0,
	  "A mailbox of this name is fine; it stays as it is", 0 },
	{ 0 }
};

/* What goes with messages has no sense for memory, which has a size. */
static void segment(struct arguments *arguments, struct argp_state *state)
{
	struct mailbox_attr *attr = &arguments->attr;

	if (arguments->capacity_given)
		argp_failure(state, EX_USAGE, 0, "--capacity counts messages, and a segment has none: give a --size");
	if (arguments->flags & MAILBOX_CREATE_FIXED)
		argp_failure(state, EX_USAGE, 0, "--fixed is for messages, and a segment has none");
	if (!attr->message_max)
		argp_failure(state, EX_USAGE, 0, "a segment needs a --size");
	if (attr->message_max > MAILBOX_SEGMENT_MAX)
		argp_failure(state, EX_USAGE, 0, "--size: a segment has %llu bytes at most",
			     (unsigned long long)MAILBOX_SEGMENT_MAX);
	attr->capacity = attr->message_max;
	attr->message_max = 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		if (!parse_capacity(argument, &arguments->attr.capacity))
			argp_failure(state, EX_USAGE, 0, "--capacity: '%s' is neither a number up to %llu nor 'unlimited'",
				   argument, (unsigned long long)MAILBOX_CAPACITY_MAX);
		arguments->capacity_given = true;
		return 0;
	case 's':
		if (!parse_size(argument, INT64_MAX, &arguments->attr.message_max) ||
		    !arguments->attr.message_max)
			argp_failure(state, EX_USAGE, 0, "--size: '%s' is not a number of bytes from 1", argument);
		return 0;
	case KEY_FIXED:
		arguments->flags |= MAILBOX_CREATE_FIXED;
		return 0;
	case 'p':
		if (!parse_policy(argument, &arguments->attr.policy))
			argp_failure(state, EX_USAGE, 0, "--policy: '%s' is none of shared, exclusive, pair, broadcast, segment",
				   argument);
		if (arguments->attr.policy == MAILBOX_POLICY_CHANNEL)
			argp_failure(state, EX_USAGE, 0, "--policy: a channel has no name, and is made by programs that ask each other for it");
		return 0;
	case KEY_SLOW:
		if (!parse_slow(argument, &arguments->attr.slow))
			argp_failure(state, EX_USAGE, 0, "--slow: '%s' is none of block, lose, cut", argument);
		arguments->slow_given = true;
		return 0;
	case 'm':
		if (!parse_mode(argument, &arguments->mode))
			argp_failure(state, EX_USAGE, 0, "--mode: '%s' is not octal, of 0666 at most", argument);
		arguments->mode_given = true;
		return 0;
	case 'i':
		arguments->flags &= ~(unsigned int)MAILBOX_CREATE_EXCL;
		return 0;
	case ARGP_KEY_END:
		if (arguments->slow_given && arguments->attr.policy != MAILBOX_POLICY_BROADCAST)
			argp_failure(state, EX_USAGE, 0, "--slow goes with --policy=broadcast only");
		if (arguments->attr.policy == MAILBOX_POLICY_BROADCAST && !arguments->attr.capacity)
			argp_failure(state, EX_USAGE, 0, "a broadcast needs a --capacity above 0");
		if ((arguments->flags & MAILBOX_CREATE_FIXED) && !arguments->attr.message_max)
			argp_failure(state, EX_USAGE, 0, "--fixed needs a --size");
		if (arguments->attr.policy == MAILBOX_POLICY_SEGMENT)
			segment(arguments, state);
		break;
	}
	return name_argument(key, argument, state, &arguments->name);
}

int command_create(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Make the mailbox NAME, or a segment of memory.  It stays until 'mailboxctl rm NAME'.",
	};
	struct arguments arguments = {
		.attr = MAILBOX_ATTR_INIT,
		.flags = MAILBOX_CREATE_PERSIST | MAILBOX_CREATE_EXCL,
		.mode = 0666,
	};
	struct mailbox_error error;
	int fd;

	parse_command(&argp, argc, argv, &arguments);

	/* As with mkfifo(1): who names a mode means that mode. */
	if (arguments.mode_given)
		umask(0);

	/* Any right will do; ADMIN opens also what its mode keeps from us. */
	fd = mailbox_create(arguments.name, arguments.flags, MAILBOX_RIGHT_ADMIN,
			    arguments.mode, &arguments.attr, &error);
	/* EPERM: there is one, and it is someone else's. */
	if (fd == -EPERM && !(arguments.flags & MAILBOX_CREATE_EXCL))
		return EX_OK;
	if (fd < 0)
		return failure(arguments.name, &error, MAILBOX_IOC_CREATE);
	close(fd);
	return EX_OK;
}
