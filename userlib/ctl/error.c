// SPDX-License-Identifier: LGPL-2.1-or-later
/* One line on stderr, and what a script can tell from the exit status. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static void complain(const char *format, va_list arguments)
{
	/* What was printed before goes out before. */
	fflush(stdout);
	fprintf(stderr, "%s: ", command_name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

void warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(format, arguments);
	va_end(arguments);
}

void die(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(format, arguments);
	va_end(arguments);
	exit(status);
}

void die_memory(void)
{
	die(EX_OSERR, "out of memory");
}

/* The device is not there: the only way to these without a reason. */
static bool no_module(const struct mailbox_error *error)
{
	return error->reason == MAILBOX_REASON_NONE &&
	       (error->code == -ENOENT || error->code == -ENXIO || error->code == -ENODEV);
}

static int exit_status(const struct mailbox_error *error)
{
	if (no_module(error))
		return EX_UNAVAILABLE;

	switch (-error->code) {
	case EINVAL:
	case ENAMETOOLONG:
		return EX_USAGE;
	case EMSGSIZE:
		return EX_DATAERR;
	case ENOENT:
	case EIDRM:
		return EX_NOINPUT;
	case EEXIST:
		return EX_CANTCREAT;
	case EPIPE:
		return EX_IOERR;
	case EAGAIN:
	case EBUSY:
	case EDQUOT:
	case ENOMSG:
	case ETIMEDOUT:
		return EX_TEMPFAIL;
	case E2BIG:
	case ENOTTY:
		return EX_PROTOCOL;
	case EACCES:
	case EBADF:
	case EPERM:
		return EX_NOPERM;
	default:
		return EX_OSERR;
	}
}

int failure(const char *name, const struct mailbox_error *error,
	    unsigned long command)
{
	char sentence[MAILBOX_STRERROR_MAX];
	char *text;

	if (no_module(error)) {
		warning("no %s: the module mailbox_ipc is not loaded; 'mailboxctl load' loads it",
			MAILBOX_DEVICE);
		return exit_status(error);
	}

	mailbox_strerror(error, command, sentence, sizeof(sentence));
	if (!name) {
		warning("%s", sentence);
		return exit_status(error);
	}

	text = escape(name, NULL);
	warning("%s: %s", *text ? text : "''", sentence);
	free(text);
	return exit_status(error);
}

void no_segment(const char *name, const struct mailbox_stat *stat)
{
	if (stat->policy == MAILBOX_POLICY_SEGMENT)
		die(EX_USAGE, "%s: this is a segment: it has memory of one size, and no messages",
		    escape(name, NULL));
}
