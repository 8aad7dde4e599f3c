// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl: Mailbox IPC from a shell. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/* The Makefile knows it. */
#ifndef VERSION
#define VERSION	"of an unnamed version"
#endif

char command_name[32] = "mailboxctl";

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "create", command_create },
	{ "info", command_info },
	{ "list", command_list },
	{ "load", command_load },
	{ "recv", command_recv },
	{ "rm", command_rm },
	{ "send", command_send },
	{ "set", command_set },
	{ "stat", command_stat },
	{ "unload", command_unload },
	{ "watch", command_watch },
};

struct arguments {
	const struct command *command;
	int argc;
	char **argv;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	size_t i;

	switch (key) {
	case ARGP_KEY_ARG:
		for (i = 0; i < ARRAY_SIZE(commands); i++) {
			if (!strcmp(argument, commands[i].name))
				arguments->command = &commands[i];
		}
		if (!arguments->command)
			argp_failure(state, EX_USAGE, 0, "there is no command '%s', see --help", argument);
		/* The rest is the command's own. */
		arguments->argc = state->argc - state->next + 1;
		arguments->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_failure(state, EX_USAGE, 0, "which command? see --help");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "mailboxctl (Mailbox IPC) %s, ABI version %d\n", VERSION,
		MAILBOX_ABI_VERSION);
}

void (*argp_program_version_hook)(FILE *stream, struct argp_state *state) = print_version;

/* A full disk must not look like success. */
static void flush_output(void)
{
	if (fflush(stdout) || ferror(stdout)) {
		if (errno != EPIPE)
			warning("standard output: %s", strerror(errno));
		_exit(EX_IOERR);
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Make, use and watch mailboxes."
		       "\vCommands:\n"
		       "  create    make a mailbox\n"
		       "  send      send standard input, or a text, to a mailbox\n"
		       "  recv      receive messages, to standard output\n"
		       "  list      list the mailboxes\n"
		       "  stat      show all about a mailbox, and who holds it\n"
		       "  set       change a mailbox's capacity, size, mode or owner\n"
		       "  rm        destroy mailboxes\n"
		       "  watch     show depth, rates, waiters and drops as they change\n"
		       "  info      show what the module can do, and your quotas\n"
		       "  load      load the module\n"
		       "  unload    unload the module\n"
		       "\n"
		       "'mailboxctl COMMAND --help' says more. The exit status is one of sysexits.h, see mailboxctl(1).",
	};
	struct arguments arguments = { 0 };

	/* Names are shown as the locale can; numbers keep their decimal point. */
	setlocale(LC_CTYPE, "");
	atexit(flush_output);
	/* Of help's layout only this: no words on how options take arguments. */
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);

	argv[0] = command_name;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments))
		die_memory();

	snprintf(command_name, sizeof(command_name), "mailboxctl %s", arguments.command->name);
	arguments.argv[0] = command_name;
	return arguments.command->run(arguments.argc, arguments.argv);
}
