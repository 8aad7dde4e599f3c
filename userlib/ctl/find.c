// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Mailboxes from the list, which takes no handle: who looks neither takes an
 * exclusive mailbox's place nor needs a right.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

/* As the module would refuse to open it. */
static int refuse(struct mailbox_error *error, int code,
		  enum mailbox_reason reason, uint64_t value)
{
	*error = (struct mailbox_error) {
		.code = code,
		.reason = (uint16_t)reason,
		.field = MAILBOX_NO_FIELD,
		.value = value,
	};
	return code;
}

int find(const char *name, struct mailbox_stat *stat,
	 struct mailbox_error *error)
{
	struct mailbox_stat entry = { .name = "" };
	size_t length = strlen(name);
	int found;

	if (!length)
		return refuse(error, -EINVAL, MAILBOX_REASON_NAME_EMPTY, 0);
	if (length > MAILBOX_NAME_MAX)
		return refuse(error, -ENAMETOOLONG, MAILBOX_REASON_NAME_LONG, MAILBOX_NAME_MAX);

	/* Begin behind what sorts shortly before the name: all but its last byte. */
	memcpy(entry.name, name, length - 1);
	do {
		found = mailbox_next(&entry, error);
		if (found < 0)
			return found;
	} while (found && strcmp(entry.name, name) < 0);

	if (!found || strcmp(entry.name, name))
		return refuse(error, -ENOENT, MAILBOX_REASON_NAME_UNKNOWN, 0);

	*stat = entry;
	return 0;
}

int find_all(struct mailbox_stat **entries, size_t *count,
	     struct mailbox_error *error)
{
	const unsigned int step = 64;
	struct mailbox_stat *all = NULL;
	size_t used = 0;
	int more = 1;

	while (more) {
		struct mailbox_stat *larger;
		int got;

		larger = reallocarray(all, used + step, sizeof(*all));
		if (!larger)
			die_memory();
		all = larger;

		got = mailbox_list(used ? all[used - 1].name : NULL, all + used, step,
				   &more, error);
		if (got < 0) {
			free(all);
			return got;
		}
		used += (size_t)got;
		/* The last ones went meanwhile. */
		if (!got)
			break;
	}

	*entries = all;
	*count = used;
	return 0;
}
