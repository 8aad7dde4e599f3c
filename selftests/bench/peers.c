// SPDX-License-Identifier: GPL-2.0
/*
 * The mailbox and what it is compared with, each by its own system calls.
 *
 * Depths: the mailbox gets POSIX mq's default of 10 messages.  SysV msg, pipe
 * and seqpacket come as they are; they hold more (256, 1,024 and about 280
 * messages of 64 bytes), which spares them switches.  Where a message would
 * not fit their defaults they are widened to hold 10.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/mailbox.h>

#include "bench.h"

#define DEPTH	10

/* --- mailbox ---------------------------------------------------------- */

static int mailbox_new(uint32_t policy, uint64_t capacity)
{
	struct mailbox_create create = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = policy,
		.capacity = capacity,
	};

	if (ioctl(bench_device(), MAILBOX_IOC_CREATE, &create))
		return -1;
	return create.fd;
}

static int mailbox_open_two(struct link *link, unsigned int depth)
{
	for (int way = 0; way < WAYS; way++) {
		int fd = mailbox_new(MAILBOX_POLICY_SHARED, depth);

		if (fd < 0)
			return -1;
		link->from[way] = fd;
		link->into[way] = fd;
	}
	return 0;
}

static int mailbox_open_rendezvous(struct link *link, unsigned int depth)
{
	(void)depth;
	return mailbox_open_two(link, 0);
}

/* A process never receives its own messages here: one mailbox is both ways. */
static int mailbox_open_pair(struct link *link, unsigned int depth)
{
	int fd = mailbox_new(MAILBOX_POLICY_PAIR, depth);

	if (fd < 0)
		return -1;
	for (int way = 0; way < WAYS; way++) {
		link->from[way] = fd;
		link->into[way] = fd;
	}
	return 0;
}

static void mailbox_send(struct link *link, enum way way)
{
	struct mailbox_send send = {
		.buffer = (uintptr_t)link->buffer,
		.length = link->bytes,
	};

	if (ioctl(link->into[way], MAILBOX_IOC_SEND, &send))
		die("mailbox: SEND");
}

static void mailbox_receive(struct link *link, enum way way)
{
	struct mailbox_receive receive = {
		.buffer = (uintptr_t)link->buffer,
		.length = link->bytes,
	};

	if (ioctl(link->from[way], MAILBOX_IOC_RECEIVE, &receive) ||
	    receive.header.length != link->bytes)
		die("mailbox: RECEIVE");
}

static void mailbox_send_synchronous(struct link *link, enum way way)
{
	struct mailbox_send send = {
		.flags = MAILBOX_SEND_SYNC,
		.buffer = (uintptr_t)link->buffer,
		.length = link->bytes,
	};

	if (ioctl(link->into[way], MAILBOX_IOC_SEND, &send))
		die("mailbox: SEND, synchronous");
}

/* --- POSIX mq --------------------------------------------------------- */

static int mq_open_two(struct link *link, unsigned int depth)
{
	struct mq_attr attr = {
		.mq_maxmsg = depth,
		.mq_msgsize = link->bytes ? link->bytes : 1,
	};

	for (int way = 0; way < WAYS; way++) {
		mqd_t mq = mq_open("/mailbox-bench", O_RDWR | O_CREAT | O_EXCL,
				   0600, &attr);

		if (mq < 0)
			return -1;
		mq_unlink("/mailbox-bench");
		link->from[way] = mq;
		link->into[way] = mq;
	}
	return 0;
}

static void mq_send_one(struct link *link, enum way way)
{
	if (mq_send(link->into[way], link->buffer, link->bytes, 0))
		die("mq_send");
}

static void mq_receive_one(struct link *link, enum way way)
{
	size_t room = link->bytes ? link->bytes : 1;

	if (mq_receive(link->from[way], link->buffer, room, NULL) !=
	    (ssize_t)link->bytes)
		die("mq_receive");
}

/* --- SysV msg --------------------------------------------------------- */

static int msg_open_two(struct link *link, unsigned int depth)
{
	for (int way = 0; way < WAYS; way++) {
		int id = msgget(IPC_PRIVATE, 0600);
		struct msqid_ds ds;

		if (id < 0 || msgctl(id, IPC_STAT, &ds))
			return -1;
		/* its messages are at least a byte for this limit */
		if (depth)
			ds.msg_qbytes = depth * (link->bytes ? link->bytes : 1);
		else if (!link->bytes)
			ds.msg_qbytes = 256;
		else if (ds.msg_qbytes < DEPTH * link->bytes)
			ds.msg_qbytes = DEPTH * link->bytes;
		if (msgctl(id, IPC_SET, &ds))
			return -1;
		link->from[way] = id;
		link->into[way] = id;
	}
	return 0;
}

static void msg_close(struct link *link)
{
	for (int way = 0; way < WAYS; way++)
		msgctl(link->from[way], IPC_RMID, NULL);
}

static void msg_send(struct link *link, enum way way)
{
	*link->message = 1;
	if (msgsnd(link->into[way], link->message, link->bytes, 0))
		die("msgsnd");
}

static void msg_receive(struct link *link, enum way way)
{
	if (msgrcv(link->from[way], link->message, link->bytes, 0, 0) !=
	    (ssize_t)link->bytes)
		die("msgrcv");
}

/* --- pipe and seqpacket; read and write on a mailbox, too -------------- */

static int pipe_open_two(struct link *link, unsigned int depth)
{
	(void)depth;
	for (int way = 0; way < WAYS; way++) {
		int ends[2];

		if (pipe(ends))
			return -1;
		link->from[way] = ends[0];
		link->into[way] = ends[1];
		if (link->bytes * DEPTH > 65536 &&
		    fcntl(ends[1], F_SETPIPE_SZ, link->bytes * DEPTH) < 0)
			return -1;
	}
	return 0;
}

static int seqpacket_open(struct link *link, unsigned int depth)
{
	int ends[2];
	int bytes = link->bytes * DEPTH;

	(void)depth;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		return -1;
	for (int way = 0; way < WAYS; way++) {
		link->from[way] = ends[way];
		link->into[way] = ends[!way];
		if (bytes > 65536 &&
		    setsockopt(ends[way], SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
			       sizeof(bytes)))
			return -1;
	}
	return 0;
}

static void write_one(struct link *link, enum way way)
{
	if (write(link->into[way], link->buffer, link->bytes) !=
	    (ssize_t)link->bytes)
		die("write");
}

/* A pipe has no messages: what is larger than a page can come in pieces. */
static void read_one(struct link *link, enum way way)
{
	size_t done = 0;

	do {
		ssize_t got = read(link->from[way], link->buffer + done,
				   link->bytes - done);

		if (got <= 0)
			die("read");
		done += got;
	} while (done < link->bytes);
}

static const struct peer own[] = {
	{
		.name = "mailbox", .variant = "", .works = ALL_WORKS,
		.bytes_max = BYTES_MAX, .depth = DEPTH,
		.open = mailbox_open_two,
		.send = mailbox_send, .receive = mailbox_receive,
	}, {
		.name = "posix-mq", .variant = "", .works = ALL_WORKS,
		.bytes_max = BYTES_MAX, .depth = DEPTH,
		.open = mq_open_two,
		.send = mq_send_one, .receive = mq_receive_one,
	}, {
		.name = "sysv-msg", .variant = "", .works = ALL_WORKS,
		.bytes_max = BYTES_MAX,
		.open = msg_open_two, .close = msg_close,
		.send = msg_send, .receive = msg_receive,
	}, {
		.name = "pipe", .variant = "", .works = ALL_WORKS,
		.bytes_min = 1, .bytes_max = BYTES_MAX,
		.open = pipe_open_two,
		.send = write_one, .receive = read_one,
	}, {
		.name = "seqpacket", .variant = "", .works = ALL_WORKS,
		.bytes_min = 1, .bytes_max = BYTES_MAX,
		.open = seqpacket_open,
		.send = write_one, .receive = read_one,
	},
	/* the mailbox in other ways */
	{
		.name = "mailbox", .variant = "-write", .works = ALL_WORKS,
		.bytes_min = 64, .bytes_max = 64, .depth = DEPTH,
		.open = mailbox_open_two,
		.send = write_one, .receive = read_one,
	}, {
		.name = "mailbox", .variant = "-pair", .works = SWITCHING,
		.bytes_min = 64, .bytes_max = 64, .depth = DEPTH,
		.open = mailbox_open_pair,
		.send = mailbox_send, .receive = mailbox_receive,
	}, {
		.name = "mailbox", .variant = "-rendezvous", .works = SWITCHING,
		.bytes_min = 64, .bytes_max = 64, .depth = DEPTH,
		.open = mailbox_open_rendezvous,
		.send = mailbox_send, .receive = mailbox_receive,
	}, {
		.name = "mailbox", .variant = "-sync", .works = SWITCHING,
		.bytes_min = 64, .bytes_max = 64, .depth = DEPTH,
		.open = mailbox_open_two,
		.send = mailbox_send_synchronous, .receive = mailbox_receive,
	},
	/* as deep as SysV msg comes */
	{
		.name = "mailbox", .variant = "-256", .works = STREAM,
		.bytes_min = 64, .bytes_max = 64, .depth = 256,
		.open = mailbox_open_two,
		.send = mailbox_send, .receive = mailbox_receive,
	}, {
		.name = "posix-mq", .variant = "-256", .works = STREAM,
		.bytes_min = 64, .bytes_max = 64, .depth = 256,
		.open = mq_open_two,
		.send = mq_send_one, .receive = mq_receive_one,
	}, {
		.name = "sysv-msg", .variant = "-10", .works = STREAM,
		.bytes_min = 64, .bytes_max = 64, .depth = DEPTH,
		.open = msg_open_two, .close = msg_close,
		.send = msg_send, .receive = msg_receive,
	},
};

const struct peer *const peers[] = {
	&own[0], &ring_peer, &own[1], &own[2], &own[3], &own[4], &futex_peer,
	&own[5], &own[6], &own[7], &own[8], &own[9], &own[10], &own[11],
};

const size_t peer_count = ARRAY_SIZE(peers);

void link_open(struct link *link, const struct peer *peer, size_t bytes,
	       unsigned int depth)
{
	*link = (struct link){
		.peer = peer,
		.bytes = bytes,
		.message = calloc(1, sizeof(long) + BYTES_MAX),
	};
	if (!link->message)
		die("calloc");
	link->buffer = (char *)(link->message + 1);
	memset(link->buffer, 'm', bytes);
	if (peer->open(link, depth))
		die("open");
}

/* Descriptors go with the process. */
void link_close(struct link *link)
{
	if (link->peer->close)
		link->peer->close(link);
	free(link->message);
}
