// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Two processes that know nothing of one another but a name.
 *
 *	meet serve NAME		makes the mailbox and waits for one message
 *	meet call NAME TEXT	sends TEXT, and learns who has taken it
 *
 * Either can be started first.  Neither believes what the other says of
 * itself: header and receipt are the kernel's word.
 */
#include <errno.h>
#include <string.h>

#include "example.h"

#define PATIENCE_MS	10000

static int serve(const char *name)
{
	struct mailbox_header header;
	struct mailbox_error error;
	char text[1024];
	ssize_t length;
	int fd;

	/* Without PERSIST the name goes when we do. */
	fd = mailbox_create(name, MAILBOX_CREATE_EXCL, MAILBOX_RIGHT_RECEIVE, 0600, NULL, &error);
	if (fd < 0)
		die_of(name, &error);
	printf("server %d: waits at '%s'\n", getpid(), name);
	fflush(stdout);

	length = mailbox_timedreceive(fd, text, sizeof(text), mailbox_deadline_ms(PATIENCE_MS),
				      &header, &error);
	if (length < 0)
		die_of("server", &error);
	printf("server %d: \"%.*s\", from process %d of user %u%s\n", getpid(), (int)length, text,
	       header.pid, header.uid,
	       header.flags & MAILBOX_MESSAGE_SYNC ? ", which waits for its receipt" : "");
	close(fd);
	return EXIT_SUCCESS;
}

/* The other one may not be there yet. */
static int find(const char *name)
{
	const int64_t deadline = mailbox_deadline_ms(PATIENCE_MS);
	struct mailbox_error error;
	int fd;

	do {
		fd = mailbox_open(name, O_WRONLY, 0, NULL, &error);
		if (fd >= 0)
			return fd;
		if (error.reason != MAILBOX_REASON_NAME_UNKNOWN)
			break;
		usleep(50000);
	} while (mailbox_deadline_ms(0) < deadline);

	die_of(name, &error);
}

static int call(const char *name, const char *text)
{
	struct mailbox_receipt receipt;
	struct mailbox_error error;
	int fd = find(name);
	int64_t began = mailbox_deadline_ms(0);

	if (mailbox_send_sync(fd, text, strlen(text), mailbox_deadline_ms(PATIENCE_MS), &receipt,
			      &error))
		die_of("client", &error);
	printf("client %d: receipt: taken by process %d of user %u, %.2f ms after it was sent\n",
	       getpid(), receipt.pid, receipt.uid,
	       (double)((int64_t)receipt.time - began) / 1e6);
	close(fd);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "call"))
		return call(argv[2], argv[3]);
	die("usage: meet serve NAME\n       meet call NAME TEXT");
}
