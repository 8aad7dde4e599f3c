// SPDX-License-Identifier: GPL-2.0
/*
 * The calls for channels, done.
 */
#include <stddef.h>

#include "execute.h"

/* The request whose header this actor saw last. */
static __thread uint64_t seen;

void execute_link_thread(void)
{
	seen = 0;
}

void execute_link_saw(uint64_t sequence)
{
	seen = sequence;
}

static uint64_t sequence(const struct call *call)
{
	return call->arg[SEQUENCE] ? call->arg[SEQUENCE] : seen;
}

static void do_channel(const struct call *call, struct outcome *outcome)
{
	struct mailbox_channel channel = {
		.flags = call->arg[FLAGS], .capacity = call->arg[CAPACITY],
		.message_max = call->arg[MAX], .ring = call->arg[RING],
		.ring_back = call->arg[RING_BACK], .reserved = call->arg[TWIST] == TWIST_RESERVED,
	};

	if (!command(fd_of(SLOT_DEVICE), MAILBOX_IOC_CHANNEL, &channel, call, outcome)) {
		put(call->arg[TO] % SLOTS, channel.fd);
		put(call->arg[BACK] % SLOTS, channel.fd_back);
	}
}

/* The first members are a SEND's. */
static void do_connect(const struct call *call, unsigned int number, int fd,
		       struct outcome *outcome)
{
	struct mailbox_vector pieces[8];
	struct mailbox_send send = a_send(call, number, 0, pieces);
	struct mailbox_connect connect = {
		.flags = send.flags, .priority = send.priority, .tag = send.tag,
		.buffer = send.buffer, .length = send.length, .deadline = send.deadline,
		.capacity = call->arg[CAPACITY], .message_max = call->arg[MAX],
		.ring = call->arg[RING], .ring_back = call->arg[RING_BACK],
		.fd = -1, .reserved = call->arg[TWIST] == TWIST_RESERVED,
	};

	outcome->deadline = connect.deadline;
	if (!command(fd, MAILBOX_IOC_CONNECT, &connect, call, outcome))
		put(call->arg[TO] % SLOTS, connect.fd);
	else
		outcome->no_fd = connect.fd;
}

static void do_accept(const struct call *call, int fd, struct outcome *outcome)
{
	struct mailbox_accept accept = {
		.sequence = sequence(call), .flags = call->arg[FLAGS], .fd = -1,
	};

	if (!command(fd, MAILBOX_IOC_ACCEPT, &accept, call, outcome))
		put(call->arg[TO] % SLOTS, accept.fd);
	else
		outcome->no_fd = accept.fd;
}

static void do_refuse(const struct call *call, int fd, struct outcome *outcome)
{
	struct mailbox_refuse refuse = {
		.sequence = sequence(call), .code = call->arg[VALUE],
		.flags = call->arg[TWIST] == TWIST_RESERVED,
	};

	command(fd, MAILBOX_IOC_REFUSE, &refuse, call, outcome);
}

void execute_link(const struct call *call, unsigned int number, int fd, struct outcome *outcome)
{
	switch (call->op) {
	case OP_CHANNEL:
		do_channel(call, outcome);
		break;
	case OP_CONNECT:
		do_connect(call, number, fd, outcome);
		break;
	case OP_ACCEPT:
		do_accept(call, fd, outcome);
		break;
	case OP_REFUSE:
		do_refuse(call, fd, outcome);
		break;
	case OP_PEER:
		outcome->peer.flags = call->arg[TWIST] == TWIST_RESERVED;
		command(fd, MAILBOX_IOC_PEER, &outcome->peer, call, outcome);
		break;
	default:
		break;
	}
}
