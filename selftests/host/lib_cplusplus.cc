// SPDX-License-Identifier: GPL-2.0
/* The headers and the library from C++. */
#include <mailbox.h>
#include <mailbox_ring.h>
/* once more must be fine */
#include <mailbox.h>
#include <mailbox_ring.h>

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

static int nobody_waits(struct mailbox_ring *, uint32_t, int64_t)
{
	return -ETIMEDOUT;
}

static int nobody_wakes(struct mailbox_ring *, uint32_t)
{
	return 0;
}

static void closed(struct mailbox_ring *)
{
}

/* Two sides in this process's memory, whose data are not mapped twice: for one record. */
static bool in_place(bool copied)
{
	static const struct mailbox_ring_transport none = {
		nobody_waits, nobody_wakes, closed
	};
	static unsigned char memory[2][3 * 4096] __attribute__((aligned(4096)));
	struct mailbox_ring_page *page[2];
	struct mailbox_ring *ring[2];
	const void *from = NULL;
	void *to = NULL;
	char text[8];
	bool good;
	int i;

	memset(memory, 0, sizeof(memory));
	for (i = 0; i < 2; i++)
		page[i] = reinterpret_cast<struct mailbox_ring_page *>(memory[i]);
	for (i = 0; i < 2; i++)
		if (mailbox_ring_attach(page[i], 4096, page[!i], 4096, 0, &none, NULL,
					&ring[i]))
			return false;
	if (copied) {
		good = mailbox_ring_send(ring[0], "one", 4, 0) == 0 &&
		       mailbox_ring_receive(ring[1], text, sizeof(text), 0) == 4;
		from = text;
	} else {
		good = mailbox_ring_reserve(ring[0], 4, &to) == 0;
		memcpy(to, "one", 4);
		good = good && mailbox_ring_commit(ring[0]) == 0 &&
		       mailbox_ring_peek(ring[1], &from) == 4;
		mailbox_ring_release(ring[1]);
	}
	good = good && strcmp(static_cast<const char *>(from), "one") == 0;
	mailbox_ring_close(ring[0]);
	mailbox_ring_close(ring[1]);
	return good;
}

int main()
{
	char buffer[16], sentence[MAILBOX_STRERROR_MAX];
	struct mailbox_attr attr = MAILBOX_ATTR_INIT;
	struct mailbox_error error = mailbox_error();
	/* structs whose names are functions' names, too */
	struct mailbox_send message = { };
	struct mailbox_stat entry = { };
	struct mailbox_ring *ring;

	printf("TAP version 13\n1..7\n");
	fake.answer = answer;
	check(mailbox_create("jobs", 0, MAILBOX_RIGHT_ALL, 0600, &attr,
			     &error) == 11, "create");
	check(mailbox_receive(11, buffer, sizeof(buffer), NULL, &error) == 3,
	      "receive");
	check(mailbox_sendmsg(11, &message) == 0, "a struct of send's name");
	check(mailbox_stat(11, &entry) == 0, "a struct of stat's name");

	check(in_place(true) && in_place(false), "a record in place");
	check(mailbox_ring_open(11, 0, &ring, &error) == -ENOTTY,
	      "no rings where there are none");

	fake.open_errno = ENOENT;
	mailbox_open("jobs", O_RDWR, 0, NULL, &error);
	check(strstr(mailbox_strerror(&error, MAILBOX_IOC_OPEN, sentence,
				      sizeof(sentence)), "not loaded"),
	      "strerror");
	return failed;
}
