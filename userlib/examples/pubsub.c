// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Publish and subscribe: every subscriber gets every message, all in the same
 * order.  Nobody waits for a slow one: it loses the oldest, and is told of how
 * many, so that it can know what it knows.
 */
#include <errno.h>
#include <string.h>

#include "example.h"

#define SUBSCRIBERS	3	/* the last one sleeps till all is over */
#define NEWS		500
#define CAPACITY	16	/* messages that wait for each subscriber */

static int subscribe(int in, int number, int wait_for)
{
	unsigned long received = 0, lost = 0;
	struct mailbox_header header;
	struct mailbox_error error;
	unsigned int last = 0, news;
	char unused;

	/* The end of the publisher closes this pipe. */
	if (wait_for >= 0 && read(wait_for, &unused, 1) != 0)
		die("subscriber %d: the pipe: %s", number, strerror(errno));

	for (;;) {
		ssize_t length = mailbox_receive(in, &news, sizeof(news), &header, &error);

		if (length == -EPIPE)
			break;	/* the publisher has gone, and all is read */
		if (length < 0)
			die_of("subscriber: receive", &error);

		lost += header.lost;
		received++;
		/* What is missing is exactly what the header says. */
		if (news != last + 1 + header.lost)
			die("subscriber %d: %u after %u, and %llu lost", number, news, last,
			    (unsigned long long)header.lost);
		last = news;
	}

	printf("subscriber %d: %lu received, %lu lost, the last one was %u\n", number, received,
	       lost, last);
	return last == NEWS && received + lost == NEWS ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
	const struct mailbox_attr attr = {
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = MAILBOX_SLOW_LOSE,
		.capacity = CAPACITY,
	};
	struct mailbox_error error;
	int mailbox, out;
	unsigned int news;
	int end[2];
	int i;

	mailbox = mailbox_create(NULL, 0, MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE, 0, &attr,
				 &error);
	if (mailbox < 0)
		die_of("create", &error);
	if (pipe(end))
		die("pipe: %s", strerror(errno));

	for (i = 0; i < SUBSCRIBERS; i++) {
		/* A receiver of its own, from now on: also before the child runs. */
		int in = restrict_to(mailbox, MAILBOX_RIGHT_RECEIVE);

		if (start() == 0) {
			close(mailbox);
			close(end[1]);
			return subscribe(in, i + 1, i == SUBSCRIBERS - 1 ? end[0] : -1);
		}
		close(in);
	}

	/* Who publishes only sends: with RECEIVE it would be a subscriber, too. */
	out = restrict_to(mailbox, MAILBOX_RIGHT_SEND);
	close(mailbox);
	for (news = 1; news <= NEWS; news++) {
		if (mailbox_send(out, &news, sizeof(news), 0, 0, &error))
			die_of("send", &error);
	}
	close(out);
	close(end[1]);
	return all_ended_well() ? EXIT_SUCCESS : EXIT_FAILURE;
}
