// SPDX-License-Identifier: GPL-2.0
/* The header and the library from C++. */
#include <mailbox.h>
/* once more must be fine */
#include <mailbox.h>

#include <stdio.h>

#include "fake.h"

static int number, failed;

static void check(bool good, const char *name)
{
	printf("%sok %d %s\n", good ? "" : "not ", ++number, name);
	if (!good)
		failed = 1;
}

static void answer(unsigned long command, void *argument)
{
	if (command == MAILBOX_IOC_CREATE)
		static_cast<struct mailbox_create *>(argument)->fd = 11;
	if (command == MAILBOX_IOC_RECEIVE)
		static_cast<struct mailbox_receive *>(argument)->header.length = 3;
}

int main()
{
	char buffer[16], sentence[MAILBOX_STRERROR_MAX];
	struct mailbox_attr attr = MAILBOX_ATTR_INIT;
	struct mailbox_error error = mailbox_error();
	/* structs whose names are functions' names, too */
	struct mailbox_send message = { };
	struct mailbox_stat entry = { };

	printf("TAP version 13\n1..5\n");
	fake.answer = answer;
	check(mailbox_create("jobs", 0, MAILBOX_RIGHT_ALL, 0600, &attr,
			     &error) == 11, "create");
	check(mailbox_receive(11, buffer, sizeof(buffer), NULL, &error) == 3,
	      "receive");
	check(mailbox_sendmsg(11, &message) == 0, "a struct of send's name");
	check(mailbox_stat(11, &entry) == 0, "a struct of stat's name");

	fake.open_errno = ENOENT;
	mailbox_open("jobs", O_RDWR, 0, NULL, &error);
	check(strstr(mailbox_strerror(&error, MAILBOX_IOC_OPEN, sentence,
				      sizeof(sentence)), "not loaded"),
	      "strerror");
	return failed;
}
