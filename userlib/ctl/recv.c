// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl recv: messages to standard output. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

enum { NOTHING = -1 };

struct arguments {
	const char *name;
	uint64_t count;
	bool count_given;
	bool follow;
	bool all;
	bool header;
	int separator;
	bool peek;
	uint64_t index;
	uint32_t select;
	uint64_t tag;
	uint32_t priority;
	int32_t pid;
	struct waiting waiting;
};

static const struct argp_option options[] = {
	{ "count", 'c', "N", 0, "Take N messages (1)", 0 },
	{ "follow", 'f', NULL, 0, "Take messages until interrupted", 0 },
	{ "all", KEY_ALL, NULL, 0, "Take all that are there now, and do not wait", 0 },
	WAITING_OPTIONS,
	{ "tag", 'g', "N", 0, "Only with this tag", 0 },
	{ "tag-max", KEY_TAG_MAX, "N", 0, "Only with a tag up to N, the lowest first", 0 },
	{ "tag-not", KEY_TAG_NOT, "N", 0, "Only with another tag", 0 },
	{ "priority", 'p', "N", 0, "Only with this priority or a higher one", 0 },
	{ "from", KEY_FROM, "PID", 0, "Only from this process", 0 },
	{ "peek", KEY_PEEK, "I", 0, "Show the message at place I, from 0, and leave it there", 0 },
	{ "header", 'H', NULL, 0, "Before each message a line that says where it comes from", 0 },
	{ "newline", 'l', NULL, 0, "A newline behind each message", 0 },
	{ "null", '0', NULL, 0, "A NUL byte behind each message", 0 },
	{ 0 }
};

static void select_tag(struct arguments *arguments, uint32_t how, const char *option,
		       const char *argument, struct argp_state *state)
{
	if (arguments->select & (MAILBOX_SELECT_TAG | MAILBOX_SELECT_TAG_MAX | MAILBOX_SELECT_TAG_NOT))
		argp_failure(state, EX_USAGE, 0, "one of --tag, --tag-max and --tag-not only, and once");
	arguments->select |= how;
	arguments->tag = number_argument(argument, option, UINT64_MAX, state);
}

static void separate(struct arguments *arguments, int separator, struct argp_state *state)
{
	if (arguments->separator != NOTHING && arguments->separator != separator)
		argp_failure(state, EX_USAGE, 0, "--newline and --null exclude each other");
	arguments->separator = separator;
}

static void check(const struct arguments *arguments, struct argp_state *state)
{
	const struct waiting *waiting = &arguments->waiting;

	if (arguments->follow + arguments->all + arguments->count_given + arguments->peek > 1)
		argp_failure(state, EX_USAGE, 0, "one of --count, --follow, --all and --peek only");
	if (arguments->peek && (waiting->timed || waiting->nonblock))
		argp_failure(state, EX_USAGE, 0, "--peek never waits, so neither --timeout nor --nonblock goes with it");
	if (arguments->all && (waiting->timed || waiting->nonblock))
		argp_failure(state, EX_USAGE, 0, "--all never waits, so neither --timeout nor --nonblock goes with it");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->count = number_argument(argument, "count", UINT64_MAX, state);
		arguments->count_given = true;
		return 0;
	case 'f':
		arguments->follow = true;
		arguments->count = UINT64_MAX;
		return 0;
	case KEY_ALL:
		arguments->all = true;
		arguments->count = UINT64_MAX;
		return 0;
	case 'g':
		select_tag(arguments, MAILBOX_SELECT_TAG, "tag", argument, state);
		return 0;
	case KEY_TAG_MAX:
		select_tag(arguments, MAILBOX_SELECT_TAG_MAX, "tag-max", argument, state);
		return 0;
	case KEY_TAG_NOT:
		select_tag(arguments, MAILBOX_SELECT_TAG_NOT, "tag-not", argument, state);
		return 0;
	case 'p':
		arguments->select |= MAILBOX_SELECT_PRIORITY;
		arguments->priority = (uint32_t)number_argument(argument, "priority",
								MAILBOX_PRIORITY_MAX, state);
		return 0;
	case KEY_FROM:
		arguments->select |= MAILBOX_SELECT_PID;
		arguments->pid = (int32_t)number_argument(argument, "from", INT32_MAX, state);
		if (!arguments->pid)
			argp_failure(state, EX_USAGE, 0, "--from: there is no process 0");
		return 0;
	case KEY_PEEK:
		arguments->peek = true;
		arguments->index = number_argument(argument, "peek", UINT64_MAX, state);
		return 0;
	case 'H':
		arguments->header = true;
		return 0;
	case 'l':
		separate(arguments, '\n', state);
		return 0;
	case '0':
		separate(arguments, '\0', state);
		return 0;
	case ARGP_KEY_END:
		check(arguments, state);
		break;
	}

	if (waiting_option(key, argument, state, &arguments->waiting) == 0)
		return 0;
	return name_argument(key, argument, state, &arguments->name);
}

struct body {
	char *data;
	size_t room;
};

static void make_room(struct body *body, size_t bytes)
{
	if (bytes <= body->room)
		return;

	/* The old bytes are of no use, so this is not a realloc. */
	free(body->data);
	body->data = malloc(bytes);
	if (!body->data)
		die(EX_OSERR, "out of memory for a message of %zu bytes; it is still in the mailbox",
		    bytes);
	body->room = bytes;
}

/* A message of any size: too little room costs a second call, not the message. */
static ssize_t take(int fd, const struct arguments *arguments, struct body *body,
		    struct mailbox_receive *message)
{
	bool nonblock = arguments->waiting.nonblock || arguments->all;
	int64_t deadline = waiting_deadline(&arguments->waiting);
	ssize_t length;

	for (;;) {
		*message = (struct mailbox_receive) {
			.flags = waiting_flags(&arguments->waiting) |
				 (nonblock ? MAILBOX_NONBLOCK : 0) |
				 (arguments->peek ? MAILBOX_RECEIVE_PEEK : 0),
			.select = arguments->select,
			.tag = arguments->tag,
			.priority = arguments->priority,
			.pid = arguments->pid,
			.index = arguments->index,
			.buffer = (uintptr_t)body->data,
			.length = body->room,
			.deadline = deadline,
		};

		if (stop_wanted())
			return -EINTR;
		length = mailbox_recvmsg(fd, message);
		if (length == -EMSGSIZE && message->error.reason == MAILBOX_REASON_BUFFER_SIZE)
			make_room(body, message->error.value);
		else if (length != -EINTR)
			return length;
	}
}

static bool print_header(const struct mailbox_header *header)
{
	char when[TIME_TEXT];
	char line[512];
	int length;

	length = snprintf(line, sizeof(line),
			  "sequence=%" PRIu64 " length=%" PRIu64 " priority=%" PRIu32
			  " tag=%" PRIu64 " pid=%" PRId32 " uid=%" PRIu32 " gid=%" PRIu32
			  " time=%s lost=%" PRIu64 " sync=%s\n",
			  (uint64_t)header->sequence, (uint64_t)header->length,
			  header->priority, (uint64_t)header->tag, header->pid, header->uid,
			  header->gid, monotonic_text(header->time, when),
			  (uint64_t)header->lost,
			  header->flags & MAILBOX_MESSAGE_SYNC ? "yes" : "no");
	return write_all(line, (size_t)length);
}

static bool print(const struct arguments *arguments, const char *data, size_t length,
		  const struct mailbox_header *header)
{
	char separator = (char)arguments->separator;
	bool separate = arguments->separator != NOTHING;

	/* A prompt in the middle of a line helps nobody. */
	if (!separate && length && data[length - 1] != '\n' && isatty(STDOUT_FILENO)) {
		separator = '\n';
		separate = true;
	}

	return (!arguments->header || print_header(header)) &&
	       write_all(data, length) &&
	       (!separate || write_all(&separator, 1));
}

static int receive(int fd, const struct arguments *arguments)
{
	struct body body = { 0 };
	int status = EX_OK;
	uint64_t taken;

	make_room(&body, 65536);

	for (taken = 0; taken < arguments->count; taken++) {
		struct mailbox_receive message;
		ssize_t length = take(fd, arguments, &body, &message);

		if (length == -EINTR)
			stop_now();
		if (length == -EAGAIN && arguments->all)
			break;
		if (length < 0) {
			status = failure(arguments->name, &message.error, MAILBOX_IOC_RECEIVE);
			break;
		}
		if (message.header.lost)
			warning("this receiver was too slow: %" PRIu64 " message%s lost",
				(uint64_t)message.header.lost,
				message.header.lost == 1 ? "" : "s");
		if (!print(arguments, body.data, (size_t)length, &message.header)) {
			warning("standard output: %s; %s message %" PRIu64 " of %zd bytes",
				strerror(errno),
				arguments->peek ? "not all was shown of" : "taken, and not all written:",
				(uint64_t)message.header.sequence, length);
			status = EX_IOERR;
			break;
		}
	}

	free(body.data);
	return status;
}

int command_recv(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Take a message from the mailbox NAME, wait for it if there is none, and write it to standard output."
		       "\vExamples:\n"
		       "  mailboxctl recv jobs\n"
		       "  mailboxctl recv --follow --newline jobs | while read -r job; do ...; done\n"
		       "  mailboxctl recv --all --null jobs | xargs -0 -n 1 echo",
	};
	struct arguments arguments = { .count = 1, .separator = NOTHING };
	struct mailbox_error error;
	struct mailbox_stat stat;
	int status;
	int fd;

	parse_command(&argp, argc, argv, &arguments);

	fd = mailbox_open(arguments.name, O_RDONLY, 0, NULL, &error);
	if (fd < 0)
		return failure(arguments.name, &error, MAILBOX_IOC_OPEN);
	if (mailbox_stat(fd, &stat))
		return failure(arguments.name, &stat.error, MAILBOX_IOC_STAT);
	no_segment(arguments.name, &stat);

	stop_start(true);
	status = receive(fd, &arguments);
	close(fd);
	return status;
}
