// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl rm: end mailboxes, for everybody. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl.h"

struct arguments {
	char **names;
	int count;
	bool force;
	bool now;
};

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0,
	  "No complaint about a name that is not there, and none about messages dropped", 0 },
	{ "now", 'n', NULL, 0,
	  "Segments only: take the memory from those who have it mapped, too", 0 },
	{ 0 }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	(void)argument;

	switch (key) {
	case 'f':
		arguments->force = true;
		return 0;
	case 'n':
		arguments->now = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->names = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_failure(state, EX_USAGE, 0, "which mailbox? NAME is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* May it be removed in the way that is asked for? */
static int open_to_remove(const char *name, bool now, struct mailbox_error *error)
{
	int result, fd = mailbox_open_rights(name, MAILBOX_RIGHT_ADMIN, 0, error);
	struct mailbox_stat stat;

	if (fd < 0 || !now)
		return fd;
	result = mailbox_stat(fd, &stat);
	if (result) {
		close(fd);
		*error = stat.error;
		return result;
	}
	if (stat.policy != MAILBOX_POLICY_SEGMENT)
		die(EX_USAGE, "%s: --now is for segments, and this is none", escape(name, NULL));
	return fd;
}

int command_rm(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME...",
		.doc = "Destroy the mailboxes: messages in them are dropped, and whoever waits at one is told."
		       "\vAll of them can be removed by the caller, or none is.",
	};
	struct arguments arguments = { 0 };
	struct mailbox_error error;
	int status = EX_OK;
	int *fds;
	int i;

	parse_command(&argp, argc, argv, &arguments);

	fds = calloc((size_t)arguments.count, sizeof(*fds));
	if (!fds)
		die_memory();

	/* First the rights to all of them, so that a wrong name removes none. */
	for (i = 0; i < arguments.count; i++) {
		fds[i] = open_to_remove(arguments.names[i], arguments.now, &error);
		if (fds[i] >= 0)
			continue;
		if (arguments.force && error.reason == MAILBOX_REASON_NAME_UNKNOWN)
			continue;
		return failure(arguments.names[i], &error, MAILBOX_IOC_OPEN);
	}

	for (i = 0; i < arguments.count; i++) {
		uint64_t dropped = 0;

		if (fds[i] < 0)
			continue;
		/* Named twice, or removed by someone else at this moment: it is gone. */
		if (mailbox_destroy(fds[i], arguments.now ? MAILBOX_DESTROY_NOW : 0, &dropped,
				    &error) && error.code != -EIDRM)
			status = failure(arguments.names[i], &error, MAILBOX_IOC_DESTROY);
		if (dropped && !arguments.force) {
			char *name = escape(arguments.names[i], NULL);

			warning("%s: removed, and with it %" PRIu64 " message%s", name, dropped,
				dropped == 1 ? "" : "s");
			free(name);
		}
		close(fds[i]);
	}

	free(fds);
	return status;
}
