// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl list: the mailboxes there are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

struct arguments {
	bool json;
	bool names;
	bool unnamed;
};

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "An array of JSON objects, one for each mailbox", 0 },
	{ "names", KEY_NAMES, NULL, 0, "Only the names, one on each line", 0 },
	{ "unnamed", KEY_UNNAMED, NULL, 0,
	  "The mailboxes without a name, by who holds them, as far as you may look", 0 },
	{ 0 }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case KEY_NAMES:
		arguments->names = true;
		return 0;
	case KEY_UNNAMED:
		arguments->unnamed = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_failure(state, EX_USAGE, 0, "'%s' is too much; 'mailboxctl stat %s' shows one mailbox",
			   argument, argument);
		return 0;
	case ARGP_KEY_END:
		if (arguments->json + arguments->names + arguments->unnamed > 1)
			argp_failure(state, EX_USAGE, 0, "one of --json, --names and --unnamed only");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_json(const struct mailbox_stat *entries, size_t count)
{
	struct json_object *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_append(array, json_stat(&entries[i]));
	json_print(array, true);
}

/* For scripts as they are (no name holds a newline), for eyes escaped. */
static void print_names(const struct mailbox_stat *entries, size_t count)
{
	bool eyes = isatty(STDOUT_FILENO);
	size_t i;

	for (i = 0; i < count; i++) {
		char *text = eyes ? escape(entries[i].name, NULL) : NULL;

		puts(eyes ? text : entries[i].name);
		free(text);
	}
}

static void print_table(const struct mailbox_stat *entries, size_t count)
{
	int widest = (int)strlen("NAME");
	size_t i;

	for (i = 0; i < count; i++) {
		int columns;

		free(escape(entries[i].name, &columns));
		widest = columns > widest ? columns : widest;
	}

	printf("%-*s  %-9s %8s %10s %10s  %-6s %-8s %-8s %7s %9s\n", widest, "NAME",
	       "POLICY", "DEPTH", "CAPACITY", "BYTES", "MODE", "OWNER", "GROUP", "SENDERS",
	       "RECEIVERS");

	for (i = 0; i < count; i++) {
		const struct mailbox_stat *entry = &entries[i];
		char capacity[NUMBER_TEXT];
		char owner[OWNER_TEXT];
		char group[OWNER_TEXT];
		char mode[MODE_TEXT];
		int columns;
		char *name;

		name = escape(entry->name, &columns);
		printf("%s%*s  %-9s %8" PRIu64 " %10s %10" PRIu64 "  %-6s %-8s %-8s %7" PRIu32
		       " %9" PRIu32 "\n",
		       name, widest - columns, "", policy_text(entry->policy),
		       (uint64_t)entry->depth, capacity_text(entry->capacity, capacity),
		       (uint64_t)entry->bytes, mode_text(entry->mode, mode),
		       user_text(entry->uid, owner), group_text(entry->gid, group),
		       entry->senders, entry->receivers);
		free(name);
	}
}

static void print_unnamed(const struct holder *holder, void *argument)
{
	char *command;

	(void)argument;

	if (!holder->id || holder->named)
		return;
	command = escape(holder->command, NULL);
	printf("%8" PRIu64 "  %-9s %8s %10s  %-6s %8d %5d  %s\n", holder->id, holder->policy,
	       holder->depth, holder->capacity, holder->rights, holder->pid, holder->fd,
	       command);
	free(command);
}

static int list_unnamed(void)
{
	printf("%8s  %-9s %8s %10s  %-6s %8s %5s  %s\n", "ID", "POLICY", "DEPTH", "CAPACITY",
	       "RIGHTS", "PID", "FD", "COMMAND");
	if (!holders(false, print_unnamed, NULL))
		warning("there may be more, in processes that you may not look into");
	return EX_OK;
}

int command_list(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List the mailboxes of this network namespace.",
	};
	struct arguments arguments = { 0 };
	struct mailbox_stat *entries;
	struct mailbox_error error;
	size_t count;

	parse_command(&argp, argc, argv, &arguments);

	if (arguments.unnamed)
		return list_unnamed();

	if (find_all(&entries, &count, &error))
		return failure(NULL, &error, MAILBOX_IOC_LIST);

	if (arguments.json)
		print_json(entries, count);
	else if (arguments.names)
		print_names(entries, count);
	else
		print_table(entries, count);

	free(entries);
	return EX_OK;
}
