// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A small bank: a server that keeps accounts, and clients that move money.
 *
 * One mailbox takes all requests, another all replies; a reply's tag is the
 * client's pid, and each client receives what has its own.  The server learns
 * from the kernel, not from the request, who asks, so no client can order
 * in another one's name.  Money is neither made nor lost.
 */
#include <errno.h>
#include <string.h>

#include "example.h"

#define CLIENTS		4
#define TRANSFERS	200	/* of each client */
#define START		100	/* in each account */

enum operation { OPEN, TRANSFER, BALANCE };

struct request {
	enum operation operation;
	pid_t to;
	long amount;
};

struct reply {
	int error;
	long balance;
};

/* --- the server -------------------------------------------------------------- */

struct account {
	pid_t owner;
	long balance;
};

static struct account accounts[CLIENTS];

static struct account *account_of(pid_t owner)
{
	size_t i;

	for (i = 0; i < CLIENTS; i++) {
		if (accounts[i].owner == owner)
			return &accounts[i];
	}
	return NULL;
}

static int open_account(pid_t owner)
{
	struct account *account = account_of(0);

	if (account_of(owner))
		return -EEXIST;
	if (!account)
		return -ENOSPC;
	*account = (struct account) { .owner = owner, .balance = START };
	return 0;
}

static int transfer(struct account *from, pid_t owner, long amount)
{
	struct account *to = account_of(owner);

	if (!to || amount <= 0)
		return -EINVAL;
	if (from->balance < amount)
		return -EDQUOT;
	from->balance -= amount;
	to->balance += amount;
	return 0;
}

static struct reply serve_one(const struct request *request, pid_t client)
{
	struct account *account;
	struct reply reply = { 0 };

	if (request->operation == OPEN)
		reply.error = open_account(client);

	account = account_of(client);
	if (!account)
		return (struct reply) { .error = -ENOENT };
	if (request->operation == TRANSFER)
		reply.error = transfer(account, request->to, request->amount);
	reply.balance = account->balance;
	return reply;
}

static int serve(int requests, int replies)
{
	unsigned long served = 0, refused = 0;
	struct mailbox_header header;
	struct mailbox_error error;
	struct request request;
	struct reply reply;
	long total = 0;
	size_t i;

	for (;;) {
		ssize_t length = mailbox_receive(requests, &request, sizeof(request), &header,
						 &error);

		if (length == -EPIPE)
			break;	/* the last client has gone */
		if (length < 0)
			die_of("bank: receive", &error);

		reply = (struct reply) { .error = -EBADMSG };
		if (length == sizeof(request))
			reply = serve_one(&request, header.pid);
		if (mailbox_send(replies, &reply, sizeof(reply), 0, (uint64_t)header.pid, &error))
			die_of("bank: send", &error);
		served++;
		refused += reply.error == -EDQUOT;
	}

	for (i = 0; i < CLIENTS; i++)
		total += accounts[i].balance;
	printf("bank: %lu requests of %d clients served, %lu refused for want of money; "
	       "in all accounts %ld\n", served, CLIENTS, refused, total);
	return total == CLIENTS * START ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- a client ---------------------------------------------------------------- */

static struct reply ask(int requests, int replies, const struct request *request)
{
	struct mailbox_error error;
	struct reply reply;

	if (mailbox_send(requests, request, sizeof(*request), 0, 0, &error))
		die_of("client: send", &error);
	if (mailbox_receive_tag(replies, (uint64_t)getpid(), &reply, sizeof(reply),
				mailbox_deadline_ms(30000), NULL, &error) < 0)
		die_of("client: receive", &error);
	return reply;
}

static int live(int requests, int replies, pid_t friend)
{
	struct request request = { .operation = OPEN };
	struct reply reply = ask(requests, replies, &request);
	int i;

	if (reply.error)
		die("client: no account: %s", strerror(-reply.error));

	for (i = 0; i < TRANSFERS; i++) {
		request = (struct request) {
			.operation = TRANSFER,
			.to = friend,
			.amount = 1 + i % 40,
		};
		reply = ask(requests, replies, &request);
		if (reply.error && reply.error != -EDQUOT && reply.error != -EINVAL)
			die("client: transfer: %s", strerror(-reply.error));
		if (reply.balance < 0)
			die("client: the bank lends me money");
	}

	/* To take from another account is to send it less than nothing. */
	request = (struct request) { .operation = TRANSFER, .to = friend, .amount = -1 };
	reply = ask(requests, replies, &request);
	if (reply.error != -EINVAL)
		die("client: a transfer of -1 was not refused");
	return EXIT_SUCCESS;
}

int main(void)
{
	int requests = make_mailbox(8);
	int replies = make_mailbox(CLIENTS);
	pid_t friend = 0;
	int i;

	if (start() == 0) {
		int in = restrict_to(requests, MAILBOX_RIGHT_RECEIVE);
		int out = restrict_to(replies, MAILBOX_RIGHT_SEND);

		close(requests);
		close(replies);
		return serve(in, out);
	}

	for (i = 0; i < CLIENTS; i++) {
		pid_t client = start();

		if (client == 0) {
			int out = restrict_to(requests, MAILBOX_RIGHT_SEND);
			int in = restrict_to(replies, MAILBOX_RIGHT_RECEIVE);

			close(requests);
			close(replies);
			return live(out, in, friend ? friend : getpid());
		}
		/* Each sends money to the one before; the first one to itself. */
		friend = client;
	}

	close(requests);
	close(replies);
	return all_ended_well() ? EXIT_SUCCESS : EXIT_FAILURE;
}
