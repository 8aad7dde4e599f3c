/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the examples share: how they end when something goes wrong. */
#ifndef _EXAMPLE_H
#define _EXAMPLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mailbox.h>

static void __attribute__((noreturn, format(printf, 1, 2), unused))
die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

/* A call of the library failed; the library knows why. */
static void __attribute__((noreturn, unused))
die_of(const char *what, const struct mailbox_error *error)
{
	char sentence[MAILBOX_STRERROR_MAX];

	die("%s: %s", what, mailbox_strerror(error, 0, sentence, sizeof(sentence)));
}

/* A call on a ring failed; what it returned is all there is to say why. */
static void __attribute__((noreturn, unused))
die_for(const char *what, int result)
{
	const struct mailbox_error error = { .code = result, .field = MAILBOX_NO_FIELD };

	die_of(what, &error);
}

/* A mailbox without a name: only whom we hand it to can reach it. */
static int __attribute__((unused))
make_mailbox(uint64_t capacity)
{
	const struct mailbox_attr attr = {
		.policy = MAILBOX_POLICY_SHARED,
		.capacity = capacity,
	};
	struct mailbox_error error;
	int fd = mailbox_create(NULL, 0, MAILBOX_RIGHT_ALL, 0, &attr, &error);

	if (fd < 0)
		die_of("create", &error);
	return fd;
}

/* A handle that can do less, for someone who shall do no more. */
static int __attribute__((unused))
restrict_to(int mailbox, unsigned int rights)
{
	struct mailbox_error error;
	int fd = mailbox_dup(mailbox, rights, 0, &error);

	if (fd < 0)
		die_of("dup", &error);
	return fd;
}

/* What a program is asked to do, as a number; --help, and what is none, end it. */
static unsigned long __attribute__((unused))
number_of(const char *argument, const char *usage)
{
	char *end;
	unsigned long number;

	if (!strcmp(argument, "--help")) {
		printf("usage: %s\n", usage);
		exit(EXIT_SUCCESS);
	}
	number = strtoul(argument, &end, 10);
	if (*end || !number || number > 1000000)
		die("usage: %s", usage);
	return number;
}

/* fork(2), with nothing printed twice. */
static pid_t __attribute__((unused))
start(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		die("fork failed");
	return child;
}

/* Waits for all children; true if each of them ended well. */
static bool __attribute__((unused))
all_ended_well(void)
{
	bool well = true;
	int status;

	while (wait(&status) > 0)
		well = well && WIFEXITED(status) && !WEXITSTATUS(status);
	return well;
}

#endif /* _EXAMPLE_H */
