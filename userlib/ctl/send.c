// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl send: standard input, or what the command line says, as messages. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/* How standard input becomes messages; otherwise the byte that ends each. */
#define WHOLE	(-1)

struct arguments {
	const char *name;
	char **texts;
	size_t text_count;
	int delimiter;
	uint32_t priority;
	uint64_t tag;
	bool sync;
	struct waiting waiting;
};

static const struct argp_option options[] = {
	{ "message", 'm', "TEXT", 0,
	  "Send TEXT instead of standard input; can be given again for more messages", 0 },
	{ "lines", 'l', NULL, 0, "Each line of standard input is a message, without its newline", 0 },
	{ "null", '0', NULL, 0, "Each part of standard input up to a NUL byte is a message", 0 },
	{ "priority", 'p', "N", 0, "0 to 32767; the highest is received first (0)", 0 },
	{ "tag", 'g', "N", 0, "Any number; receivers can select by it (0)", 0 },
	{ "sync", 's', NULL, 0, "Wait until each message has been received, and print who took it", 0 },
	WAITING_OPTIONS,
	{ 0 }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'm':
		/* There are no more texts than arguments. */
		arguments->texts[arguments->text_count++] = argument;
		return 0;
	case 'l':
	case '0':
		if (arguments->delimiter != WHOLE && arguments->delimiter != (key == 'l' ? '\n' : 0))
			argp_failure(state, EX_USAGE, 0, "--lines and --null exclude each other");
		arguments->delimiter = key == 'l' ? '\n' : '\0';
		return 0;
	case 'p':
		arguments->priority = (uint32_t)number_argument(argument, "priority",
								MAILBOX_PRIORITY_MAX, state);
		return 0;
	case 'g':
		arguments->tag = number_argument(argument, "tag", UINT64_MAX, state);
		return 0;
	case 's':
		arguments->sync = true;
		return 0;
	case ARGP_KEY_END:
		if (arguments->text_count && arguments->delimiter != WHOLE)
			argp_failure(state, EX_USAGE, 0, "--message does not read standard input, so neither --lines nor --null goes with it");
		break;
	}

	if (waiting_option(key, argument, state, &arguments->waiting) == 0)
		return 0;
	return name_argument(key, argument, state, &arguments->name);
}

/* --- standard input, cut into messages ---------------------------------- */

struct input {
	char *data;
	size_t start;		/* of what has not been given out */
	size_t end;
	size_t room;
	bool ended;
};

/* Reads some more; false at a signal that ends the program. */
static bool fill(struct input *input)
{
	ssize_t got;

	if (input->start && input->start == input->end)
		input->start = input->end = 0;

	if (input->end == input->room) {
		if (input->start) {
			memmove(input->data, input->data + input->start, input->end - input->start);
			input->end -= input->start;
			input->start = 0;
		} else {
			input->room = input->room ? 2 * input->room : 65536;
			input->data = realloc(input->data, input->room);
			if (!input->data)
				die_memory();
		}
	}

	do {
		if (stop_wanted())
			return false;
		got = read(STDIN_FILENO, input->data + input->end, input->room - input->end);
	} while (got < 0 && errno == EINTR);

	if (got < 0)
		die(EX_IOERR, "standard input: %s", strerror(errno));
	input->ended = !got;
	input->end += (size_t)got;
	return true;
}

/* 1 and the next message, 0 at the end, -EMSGSIZE, or -EINTR. */
static int next(struct input *input, int delimiter, uint64_t max,
		const char **data, size_t *length)
{
	size_t searched = 0;

	for (;;) {
		const char *from = input->data + input->start;
		size_t have = input->end - input->start;
		const char *cut = NULL;

		if (delimiter != WHOLE && have > searched)
			cut = memchr(from + searched, delimiter, have - searched);
		searched = have;

		if (cut || input->ended) {
			*data = from;
			*length = cut ? (size_t)(cut - from) : have;
			input->start += *length + (cut ? 1 : 0);
			if (*length > max)
				return -EMSGSIZE;
			/* Behind the last delimiter there is no message. */
			return cut || have || delimiter == WHOLE;
		}

		if (have > max)
			return -EMSGSIZE;
		if (!fill(input))
			return -EINTR;
	}
}

/* --- sending -------------------------------------------------------------- */

static void print_receipt(const struct mailbox_send *message, int64_t began)
{
	const struct mailbox_receipt *receipt = &message->receipt;
	char when[TIME_TEXT];

	if (!receipt->time)
		return;
	printf("sequence=%" PRIu64 " pid=%" PRId32 " uid=%" PRIu32 " gid=%" PRIu32
	       " receivers=%" PRIu32 " time=%s after=%.6f\n",
	       (uint64_t)message->sequence, receipt->pid, receipt->uid, receipt->gid,
	       receipt->receivers, monotonic_text(receipt->time, when),
	       (double)((int64_t)receipt->time - began) / 1e9);
	fflush(stdout);
}

static int send_one(int fd, const struct arguments *arguments, const void *data,
		    size_t length, struct mailbox_error *error)
{
	struct mailbox_send message = {
		.flags = waiting_flags(&arguments->waiting) |
			 (arguments->sync ? MAILBOX_SEND_SYNC : 0),
		.priority = arguments->priority,
		.tag = arguments->tag,
		.buffer = (uintptr_t)data,
		.length = length,
		.deadline = waiting_deadline(&arguments->waiting),
	};
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	int result;

	do {
		result = stop_wanted() ? -EINTR : mailbox_sendmsg(fd, &message);
	} while (result == -EINTR && !stop_wanted());

	if (result)
		*error = message.error;
	else if (arguments->sync)
		print_receipt(&message, began);
	return result;
}

/* What a failure means for what was sent before it. */
static int give_up(const struct arguments *arguments, uint64_t sent, int result,
		   const struct mailbox_error *error)
{
	int status;

	if (result == -EINTR) {
		warning("interrupted: message %" PRIu64 " was not sent", sent + 1);
		stop_now();
	}

	status = failure(arguments->name, error, MAILBOX_IOC_SEND);
	if (sent)
		warning("sent before that: %" PRIu64 " message%s", sent, sent == 1 ? "" : "s");
	return status;
}

static int send_texts(int fd, const struct arguments *arguments)
{
	struct mailbox_error error;
	size_t i;

	for (i = 0; i < arguments->text_count; i++) {
		const char *text = arguments->texts[i];
		int result = send_one(fd, arguments, text, strlen(text), &error);

		if (result)
			return give_up(arguments, i, result, &error);
	}
	return EX_OK;
}

static int send_input(int fd, const struct arguments *arguments, uint64_t max)
{
	struct input input = { 0 };
	struct mailbox_error error;
	uint64_t sent = 0;
	const char *data;
	size_t length;
	int result;

	while ((result = next(&input, arguments->delimiter, max, &data, &length)) > 0) {
		result = send_one(fd, arguments, data, length, &error);
		if (result)
			return give_up(arguments, sent, result, &error);
		sent++;
		if (arguments->delimiter == WHOLE)
			break;
	}

	if (result == -EINTR) {
		warning("interrupted: the message that was being read was not sent");
		stop_now();
	}
	if (result == -EMSGSIZE) {
		char *name = escape(arguments->name, NULL);

		if (arguments->delimiter == WHOLE)
			die(EX_DATAERR, "standard input is longer than the %" PRIu64
			    " bytes that a message to '%s' may have; nothing was sent", max, name);
		die(EX_DATAERR, "message %" PRIu64 " is longer than the %" PRIu64
		    " bytes that one to '%s' may have; sent before it: %" PRIu64,
		    sent + 1, max, name, sent);
	}

	free(input.data);
	return EX_OK;
}

int command_send(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Send standard input, to its end, as one message to the mailbox NAME."
		       "\vExamples:\n"
		       "  echo hi | mailboxctl send jobs\n"
		       "  mailboxctl send --sync --timeout=5 -m 'are you there?' jobs\n"
		       "  seq 100 | mailboxctl send --lines jobs",
	};
	struct arguments arguments = { .delimiter = WHOLE };
	struct mailbox_error error;
	struct mailbox_stat stat;
	int status;
	int fd;

	arguments.texts = calloc((size_t)argc, sizeof(*arguments.texts));
	if (!arguments.texts)
		die_memory();
	parse_command(&argp, argc, argv, &arguments);

	fd = mailbox_open(arguments.name, O_WRONLY, 0, NULL, &error);
	if (fd < 0)
		return failure(arguments.name, &error, MAILBOX_IOC_OPEN);
	if (mailbox_stat(fd, &stat))
		return failure(arguments.name, &stat.error, MAILBOX_IOC_STAT);

	/* A wrong wish is refused before the first message, not at it. */
	no_segment(arguments.name, &stat);
	if (arguments.sync && stat.policy == MAILBOX_POLICY_BROADCAST)
		die(EX_USAGE, "%s: --sync is for one receiver, and this is a broadcast",
		    escape(arguments.name, NULL));
	if (arguments.priority && stat.policy == MAILBOX_POLICY_BROADCAST)
		die(EX_USAGE, "%s: a broadcast has one order for all, so no --priority",
		    escape(arguments.name, NULL));

	stop_start(false);
	if (arguments.text_count)
		status = send_texts(fd, &arguments);
	else
		status = send_input(fd, &arguments, stat.message_max);

	close(fd);
	free(arguments.texts);
	return status;
}
