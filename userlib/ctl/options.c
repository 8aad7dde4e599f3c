// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the commands' argument parsers have in common. */
#include "ctl.h"

error_t waiting_option(int key, char *argument, struct argp_state *state,
		       struct waiting *waiting)
{
	switch (key) {
	case 'n':
		waiting->nonblock = true;
		break;
	case 't':
		if (!parse_seconds(argument, &waiting->timeout))
			argp_failure(state, EX_USAGE, 0, "--timeout: '%s' is not a number of seconds", argument);
		waiting->timed = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}

	if (waiting->nonblock && waiting->timed)
		argp_failure(state, EX_USAGE, 0, "--nonblock does not wait, so it does not go with --timeout");
	return 0;
}

uint32_t waiting_flags(const struct waiting *waiting)
{
	return (waiting->nonblock ? MAILBOX_NONBLOCK : 0) |
	       (waiting->timed ? MAILBOX_DEADLINE : 0);
}

int64_t waiting_deadline(const struct waiting *waiting)
{
	return waiting->timed ? clock_ns(CLOCK_MONOTONIC) + waiting->timeout : 0;
}

error_t name_argument(int key, char *argument, struct argp_state *state,
		      const char **name)
{
	switch (key) {
	case ARGP_KEY_ARG:
		if (*name)
			argp_failure(state, EX_USAGE, 0, "one NAME only: '%s' is too much", argument);
		*name = argument;
		return 0;
	case ARGP_KEY_END:
		if (!*name)
			argp_failure(state, EX_USAGE, 0, "which mailbox? NAME is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

uint64_t number_argument(const char *argument, const char *option,
			 uint64_t max, struct argp_state *state)
{
	uint64_t value = 0;

	if (!parse_u64(argument, max, &value))
		argp_failure(state, EX_USAGE, 0, "--%s: '%s' is not a number from 0 to %llu", option,
			   argument, (unsigned long long)max);
	return value;
}

void parse_command(const struct argp *argp, int argc, char **argv, void *input)
{
	error_t error = argp_parse(argp, argc, argv, 0, NULL, input);

	/* argp itself ends the program on wrong arguments. */
	if (error)
		die_memory();
}
