// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl set: change a mailbox that is there. */
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "ctl.h"

struct arguments {
	const char *name;
	struct mailbox_set set;
};

static const struct argp_option options[] = {
	{ "capacity", 'c', "N", 0,
	  "Messages that may wait: a number, or 'unlimited'", 0 },
	{ "size", 's', "BYTES", 0,
	  "Largest message from now on; 0 is the module's limit", 0 },
	{ "mode", 'm', "MODE", 0, "Permission bits, octal", 0 },
	{ "owner", KEY_OWNER, "USER", 0, "New owner, a name or a number", 0 },
	{ "group", KEY_GROUP, "GROUP", 0, "New group, a name or a number", 0 },
	{ 0 }
};

static bool parse_user(const char *text, uint32_t *uid)
{
	const struct passwd *user = getpwnam(text);
	uint64_t number;

	if (user)
		*uid = user->pw_uid;
	else if (parse_u64(text, UINT32_MAX - 1, &number))
		*uid = (uint32_t)number;
	else
		return false;
	return true;
}

static bool parse_group(const char *text, uint32_t *gid)
{
	const struct group *group = getgrnam(text);
	uint64_t number;

	if (group)
		*gid = group->gr_gid;
	else if (parse_u64(text, UINT32_MAX - 1, &number))
		*gid = (uint32_t)number;
	else
		return false;
	return true;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct mailbox_set *set = &arguments->set;
	uint64_t number = 0;

	switch (key) {
	case 'c':
		if (!parse_capacity(argument, &number))
			argp_failure(state, EX_USAGE, 0, "--capacity: '%s' is neither a number up to %llu nor 'unlimited'",
				   argument, (unsigned long long)MAILBOX_CAPACITY_MAX);
		set->capacity = number;
		set->mask |= MAILBOX_SET_CAPACITY;
		return 0;
	case 's':
		if (!parse_size(argument, INT64_MAX, &number))
			argp_failure(state, EX_USAGE, 0, "--size: '%s' is not a number of bytes", argument);
		set->message_max = number;
		set->mask |= MAILBOX_SET_MESSAGE_MAX;
		return 0;
	case 'm':
		if (!parse_mode(argument, &set->mode))
			argp_failure(state, EX_USAGE, 0, "--mode: '%s' is not octal, of 0666 at most", argument);
		set->mask |= MAILBOX_SET_MODE;
		return 0;
	case KEY_OWNER:
		if (!parse_user(argument, &set->uid))
			argp_failure(state, EX_NOUSER, 0, "--owner: there is no user '%s'", argument);
		set->mask |= MAILBOX_SET_UID;
		return 0;
	case KEY_GROUP:
		if (!parse_group(argument, &set->gid))
			argp_failure(state, EX_NOUSER, 0, "--group: there is no group '%s'", argument);
		set->mask |= MAILBOX_SET_GID;
		return 0;
	case ARGP_KEY_END:
		if (arguments->name && !set->mask)
			argp_failure(state, EX_USAGE, 0, "nothing to set: give at least one option");
		break;
	}
	return name_argument(key, argument, state, &arguments->name);
}

int command_set(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Change the mailbox NAME: all that is asked for, or nothing."
		       "\vMessages in the queue stay, also above a lower capacity or size.",
	};
	struct arguments arguments = { 0 };
	struct mailbox_error error;
	struct mailbox_stat stat;
	int status = EX_OK;
	int fd;

	parse_command(&argp, argc, argv, &arguments);

	fd = mailbox_open_rights(arguments.name, MAILBOX_RIGHT_ADMIN, 0, &error);
	if (fd < 0)
		return failure(arguments.name, &error, MAILBOX_IOC_OPEN);
	if (mailbox_stat(fd, &stat))
		return failure(arguments.name, &stat.error, MAILBOX_IOC_STAT);
	if (arguments.set.mask & (MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX))
		no_segment(arguments.name, &stat);
	if (mailbox_set(fd, &arguments.set))
		status = failure(arguments.name, &arguments.set.error, MAILBOX_IOC_SET);
	close(fd);
	return status;
}
