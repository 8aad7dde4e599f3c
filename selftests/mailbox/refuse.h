/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the refuse_*_test programs share: a valid request of each kind, which
 * they make bad in one place, and proof that a refusal changed nothing.
 */
#ifndef MBX_SELFTEST_REFUSE_H
#define MBX_SELFTEST_REFUSE_H

#include "hostile.h"

/* Valid requests, from which the bad ones are made. */
enum kind {
	INFO,
	INFO_ON_HANDLE,
	CREATE,			/* named, EXCL */
	CREATE_UNNAMED,
	CREATE_BROADCAST,	/* named, EXCL */
	CREATE_FIXED,		/* without a name */
	CREATE_SEGMENT,		/* without a name */
	OPEN,
	LIST,
	SEND,
	SEND_UNTIL,		/* with a deadline */
	SEND_VECTOR,
	SEND_BROADCAST,
	RECEIVE,
	RECEIVE_UNTIL,
	RECEIVE_VECTOR,
	RECEIVE_TAG,
	RECEIVE_PRIORITY,
	RECEIVE_PID,
	PEEK,
	SEND_BATCH,
	RECEIVE_BATCH,
	STAT,
	SET,			/* everything */
	SET_MODE,
	SET_CAPACITY,		/* nothing else */
	SET_SEGMENT,		/* its owner */
	DUP,
	DESTROY,
	DESTROY_SEGMENT,	/* NOW */
	CHANNEL,		/* with rings */
	CONNECT,
	CONNECT_UNTIL,		/* with a deadline, which has passed */
	CONNECT_VECTOR,
	ACCEPT,
	REFUSE,
	PEER,
	RING_WAIT,
	RING_WAIT_UNTIL,	/* with a deadline */
	RING_WAKE,
	KINDS
};

/**
 * struct request - one ioctl, ready to be made
 * @fd: where
 * @command: what
 * @size: of the struct
 * @in: the struct
 */
struct request {
	int fd;
	unsigned long command;
	size_t size;
	union {
		struct mailbox_error error;
		struct mailbox_info info;
		struct mailbox_create create;
		struct mailbox_open open;
		struct mailbox_list list;
		struct mailbox_send send;
		struct mailbox_receive receive;
		struct mailbox_batch batch;
		struct mailbox_stat stat;
		struct mailbox_set set;
		struct mailbox_dup dup;
		struct mailbox_destroy destroy;
		struct mailbox_channel channel;
		struct mailbox_connect connect;
		struct mailbox_accept accept;
		struct mailbox_refuse refuse;
		struct mailbox_peer peer;
		struct mailbox_ring_wait ring_wait;
		struct mailbox_ring_wake ring_wake;
		unsigned char bytes[sizeof(struct mailbox_stat)];
	} in;
};

/**
 * struct world - what the requests need to be valid
 * @device: the device
 * @handle: a SHARED mailbox with a name and with three messages, all rights
 * @broadcast: a BROADCAST mailbox, one receiver, all rights
 * @segment: a SEGMENT of WORLD_SEGMENT bytes, all rights
 * @ends: of a channel with rings of WORLD_RING bytes, from the first end, and
 *	WORLD_RING_BACK
 * @listener: a SHARED mailbox that has received a request for a channel
 * @asked: the end of who asked for it
 * @request: its number
 * @name: of @handle
 * @fresh: a name that nobody has
 * @after: a name for LIST
 * @payload: what is sent
 * @room: what is received
 * @pieces: of a vectored payload: two halves
 * @entries: of LIST
 * @sends: of SEND_BATCH
 * @receives: of RECEIVE_BATCH
 */
struct world {
	int device;
	int handle;
	int broadcast;
	int segment;
	int ends[2];
	int listener;
	int asked;
	__u64 request;
	char name[MBX_NAME_SIZE];
	char fresh[MBX_NAME_SIZE];
	char after[4];
	char payload[8];
	char room[2][8];
	struct mailbox_vector pieces[2];
	struct mailbox_stat entries[4];
	struct mailbox_send sends[2];
	struct mailbox_receive receives[2];
};

#define WORLD_MESSAGES	3
#define WORLD_CAPACITY	8
#define WORLD_TAG	7
#define WORLD_PRIORITY	3
#define WORLD_SEGMENT	12288
#define WORLD_RING	8192
#define WORLD_RING_BACK	4096

/* The parts of it that are no queue of messages: 0 or the negative errno. */
MBX_HELPER int world_make_channels(struct world *world)
{
	struct mailbox_channel channel = {
		.ring = WORLD_RING,
		.ring_back = WORLD_RING_BACK,
		.capacity = WORLD_CAPACITY,
	};
	struct mailbox_connect connect = {
		.flags = MAILBOX_NONBLOCK,
		.capacity = WORLD_CAPACITY,
	};
	struct mailbox_receive receive = { .flags = MAILBOX_NONBLOCK };
	int result;

	world->segment = mbx_new(MAILBOX_POLICY_SEGMENT, WORLD_SEGMENT);
	if (world->segment < 0)
		return world->segment;
	result = mbx_ioctl(world->device, MAILBOX_IOC_CHANNEL, &channel);
	if (result)
		return result;
	world->ends[0] = channel.fd;
	world->ends[1] = channel.fd_back;

	world->listener = mbx_new(MAILBOX_POLICY_SHARED, WORLD_CAPACITY);
	if (world->listener < 0)
		return world->listener;
	result = mbx_ioctl(world->listener, MAILBOX_IOC_CONNECT, &connect);
	if (result)
		return result;
	world->asked = connect.fd;
	result = mbx_receive(world->listener, &receive);
	world->request = receive.header.sequence;
	return result;
}

/* 0 or the negative errno. */
MBX_HELPER int world_make(struct world *world)
{
	struct mailbox_send message = {
		.flags = MAILBOX_NONBLOCK,
		.priority = WORLD_PRIORITY,
		.tag = WORLD_TAG,
		.buffer = MBX_PTR(world->payload),
		.length = sizeof(world->payload),
	};
	int result;

	memset(world, 0, sizeof(*world));
	memcpy(world->payload, "payload", 8);
	memcpy(world->after, "a", 2);
	mbx_name(world->name, "refuse");
	mbx_name(world->fresh, "refuse-fresh");

	world->device = mbx_device();
	if (world->device < 0)
		return world->device;
	world->handle = mbx_new_named(world->name, WORLD_CAPACITY);
	if (world->handle < 0)
		return world->handle;
	world->broadcast = mbx_new(MAILBOX_POLICY_BROADCAST, WORLD_CAPACITY);
	if (world->broadcast < 0)
		return world->broadcast;
	for (int i = 0; i < WORLD_MESSAGES; i++) {
		result = mbx_send(world->handle, &message);
		if (result)
			return result;
	}
	return world_make_channels(world);
}

MBX_HELPER void world_end(struct world *world)
{
	close(world->device);
	close(world->handle);
	close(world->broadcast);
	close(world->segment);
	close(world->ends[0]);
	close(world->ends[1]);
	close(world->asked);
	close(world->listener);
}

/* Its command number and the size that goes with it. */
#define REQUEST(number) do {						\
		request->command = (number);				\
		request->size = _IOC_SIZE(number);			\
	} while (0)

MBX_HELPER void request_send(struct world *world, struct mailbox_send *send)
{
	*send = (struct mailbox_send) {
		.flags = MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(world->payload),
		.length = sizeof(world->payload),
	};
}

MBX_HELPER void request_receive(struct world *world, struct mailbox_receive *receive, int nth)
{
	*receive = (struct mailbox_receive) {
		.flags = MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(world->room[nth]),
		.length = sizeof(world->room[nth]),
	};
}

MBX_HELPER void request_connect(struct mailbox_connect *connect)
{
	/* far from the end of memory, where one that is too long would not fit */
	static char payload[8];

	*connect = (struct mailbox_connect) {
		.flags = MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(payload),
		.length = sizeof(payload),
		.capacity = 1,
		.ring = WORLD_RING,
		.ring_back = WORLD_RING_BACK,
		.fd = -1,
	};
}

/* WAIT on an end then ends at once. */
MBX_HELPER void wake_other_end(int end)
{
	struct mailbox_ring_wake wake = { .events = MAILBOX_RING_DATA };

	mbx_ioctl(end, MAILBOX_IOC_RING_WAKE, &wake);
}

/* Two halves. */
MBX_HELPER void vector_make(struct world *world, char *one, char *other)
{
	size_t half = sizeof(world->payload) / 2;

	world->pieces[0] = (struct mailbox_vector) { MBX_PTR(one), half };
	world->pieces[1] = (struct mailbox_vector) { MBX_PTR(other), half };
}

/* A valid request of this kind. */
MBX_HELPER void request_make(struct request *request, struct world *world, enum kind kind)
{
	memset(request, 0, sizeof(*request));
	request->fd = world->handle;

	switch (kind) {
	case INFO:
		request->fd = world->device;
		/* fall through */
	case INFO_ON_HANDLE:
		REQUEST(MAILBOX_IOC_INFO);
		break;
	case CREATE:
	case CREATE_UNNAMED:
	case CREATE_BROADCAST:
	case CREATE_FIXED:
	case CREATE_SEGMENT:
		REQUEST(MAILBOX_IOC_CREATE);
		request->fd = world->device;
		request->in.create.rights = MAILBOX_RIGHT_ALL;
		request->in.create.capacity = WORLD_CAPACITY;
		request->in.create.message_max = 64;
		if (kind == CREATE || kind == CREATE_BROADCAST) {
			request->in.create.name = MBX_PTR(world->fresh);
			request->in.create.flags = MAILBOX_CREATE_EXCL;
			request->in.create.mode = 0600;
		}
		if (kind == CREATE_BROADCAST)
			request->in.create.policy = MAILBOX_POLICY_BROADCAST;
		if (kind == CREATE_FIXED)
			request->in.create.flags = MAILBOX_CREATE_FIXED;
		if (kind == CREATE_SEGMENT) {
			request->in.create.policy = MAILBOX_POLICY_SEGMENT;
			request->in.create.capacity = WORLD_SEGMENT;
			request->in.create.message_max = 0;
		}
		break;
	case OPEN:
		REQUEST(MAILBOX_IOC_OPEN);
		request->fd = world->device;
		request->in.open.name = MBX_PTR(world->name);
		request->in.open.rights = MAILBOX_RIGHT_ALL;
		break;
	case LIST:
		REQUEST(MAILBOX_IOC_LIST);
		request->fd = world->device;
		request->in.list.after = MBX_PTR(world->after);
		request->in.list.entries = MBX_PTR(world->entries);
		request->in.list.entry_size = sizeof(world->entries[0]);
		request->in.list.count = 4;
		break;
	case SEND:
	case SEND_UNTIL:
	case SEND_VECTOR:
	case SEND_BROADCAST:
		REQUEST(MAILBOX_IOC_SEND);
		request_send(world, &request->in.send);
		if (kind == SEND_UNTIL) {
			request->in.send.flags = MAILBOX_DEADLINE;
			request->in.send.deadline = mbx_in_ms(1000);
		}
		if (kind == SEND_VECTOR) {
			vector_make(world, world->payload, world->payload + 4);
			request->in.send.flags |= MAILBOX_VECTOR;
			request->in.send.buffer = MBX_PTR(world->pieces);
			request->in.send.length = 2;
		}
		if (kind == SEND_BROADCAST)
			request->fd = world->broadcast;
		break;
	case RECEIVE:
	case RECEIVE_UNTIL:
	case RECEIVE_VECTOR:
	case RECEIVE_TAG:
	case RECEIVE_PRIORITY:
	case RECEIVE_PID:
	case PEEK:
		REQUEST(MAILBOX_IOC_RECEIVE);
		request_receive(world, &request->in.receive, 0);
		if (kind == RECEIVE_UNTIL) {
			request->in.receive.flags = MAILBOX_DEADLINE;
			request->in.receive.deadline = mbx_in_ms(1000);
		}
		if (kind == RECEIVE_VECTOR) {
			vector_make(world, world->room[0], world->room[1]);
			request->in.receive.flags |= MAILBOX_VECTOR;
			request->in.receive.buffer = MBX_PTR(world->pieces);
			request->in.receive.length = 2;
		}
		if (kind == RECEIVE_TAG) {
			request->in.receive.select = MAILBOX_SELECT_TAG;
			request->in.receive.tag = WORLD_TAG;
		}
		if (kind == RECEIVE_PRIORITY) {
			request->in.receive.select = MAILBOX_SELECT_PRIORITY;
			request->in.receive.priority = WORLD_PRIORITY;
		}
		if (kind == RECEIVE_PID) {
			request->in.receive.select = MAILBOX_SELECT_PID;
			request->in.receive.pid = getpid();
		}
		if (kind == PEEK) {
			request->in.receive.flags = MAILBOX_RECEIVE_PEEK;
			request->in.receive.index = WORLD_MESSAGES - 1;
		}
		break;
	case SEND_BATCH:
		REQUEST(MAILBOX_IOC_SEND_BATCH);
		request_send(world, &world->sends[0]);
		request_send(world, &world->sends[1]);
		request->in.batch.items = MBX_PTR(world->sends);
		request->in.batch.item_size = sizeof(world->sends[0]);
		request->in.batch.count = 2;
		break;
	case RECEIVE_BATCH:
		REQUEST(MAILBOX_IOC_RECEIVE_BATCH);
		request_receive(world, &world->receives[0], 0);
		request_receive(world, &world->receives[1], 1);
		request->in.batch.items = MBX_PTR(world->receives);
		request->in.batch.item_size = sizeof(world->receives[0]);
		request->in.batch.count = 2;
		break;
	case STAT:
		REQUEST(MAILBOX_IOC_STAT);
		break;
	case SET:
		REQUEST(MAILBOX_IOC_SET);
		request->in.set.mask = MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX |
				       MAILBOX_SET_MODE | MAILBOX_SET_UID | MAILBOX_SET_GID;
		request->in.set.mode = 0640;
		request->in.set.uid = 1000;
		request->in.set.gid = 1001;
		request->in.set.capacity = WORLD_CAPACITY + 1;
		request->in.set.message_max = 4096;
		break;
	case SET_MODE:
		REQUEST(MAILBOX_IOC_SET);
		request->in.set.mask = MAILBOX_SET_MODE;
		request->in.set.mode = 0640;
		break;
	case SET_CAPACITY:
		REQUEST(MAILBOX_IOC_SET);
		request->in.set.mask = MAILBOX_SET_CAPACITY;
		request->in.set.capacity = WORLD_CAPACITY + 1;
		break;
	case SET_SEGMENT:
		REQUEST(MAILBOX_IOC_SET);
		request->fd = world->segment;
		request->in.set.mask = MAILBOX_SET_UID;
		request->in.set.uid = 1000;
		break;
	case DUP:
		REQUEST(MAILBOX_IOC_DUP);
		request->in.dup.rights = MAILBOX_RIGHT_SEND;
		break;
	case DESTROY:
		REQUEST(MAILBOX_IOC_DESTROY);
		break;
	case DESTROY_SEGMENT:
		REQUEST(MAILBOX_IOC_DESTROY);
		request->fd = world->segment;
		request->in.destroy.flags = MAILBOX_DESTROY_NOW;
		break;
	case CHANNEL:
		REQUEST(MAILBOX_IOC_CHANNEL);
		request->fd = world->device;
		request->in.channel.ring = WORLD_RING;
		request->in.channel.ring_back = WORLD_RING_BACK;
		request->in.channel.capacity = 1;
		request->in.channel.message_max = 64;
		break;
	case CONNECT:
	case CONNECT_UNTIL:
	case CONNECT_VECTOR:
		REQUEST(MAILBOX_IOC_CONNECT);
		request_connect(&request->in.connect);
		if (kind == CONNECT_UNTIL)
			request->in.connect.flags = MAILBOX_DEADLINE;
		if (kind == CONNECT_VECTOR) {
			vector_make(world, world->payload, world->payload + 4);
			request->in.connect.flags |= MAILBOX_VECTOR;
			request->in.connect.buffer = MBX_PTR(world->pieces);
			request->in.connect.length = 2;
		}
		break;
	case ACCEPT:
		REQUEST(MAILBOX_IOC_ACCEPT);
		request->fd = world->listener;
		request->in.accept.sequence = world->request;
		request->in.accept.fd = -1;
		break;
	case REFUSE:
		REQUEST(MAILBOX_IOC_REFUSE);
		request->fd = world->listener;
		request->in.refuse.sequence = world->request;
		request->in.refuse.code = 7;
		break;
	case PEER:
		REQUEST(MAILBOX_IOC_PEER);
		request->fd = world->ends[0];
		break;
	case RING_WAIT:
	case RING_WAIT_UNTIL:
		REQUEST(MAILBOX_IOC_RING_WAIT);
		wake_other_end(world->ends[1]);
		request->fd = world->ends[0];
		request->in.ring_wait.flags = MAILBOX_NONBLOCK;
		request->in.ring_wait.events = MAILBOX_RING_DATA;
		if (kind == RING_WAIT_UNTIL) {
			request->in.ring_wait.flags = MAILBOX_DEADLINE;
			request->in.ring_wait.deadline = mbx_in_ms(60000);
		}
		break;
	case RING_WAKE:
		REQUEST(MAILBOX_IOC_RING_WAKE);
		request->fd = world->ends[0];
		request->in.ring_wake.events = MAILBOX_RING_DATA;
		break;
	case KINDS:
		break;
	}
}

/* 0 or the negative errno. */
MBX_HELPER int request_try(struct request *request)
{
	return mbx_ioctl(request->fd, request->command, &request->in);
}

/* Close what a successful request has opened. */
MBX_HELPER void request_undo(struct request *request)
{
	switch (_IOC_NR(request->command)) {
	case _IOC_NR(MAILBOX_IOC_CREATE):
		close(request->in.create.fd);
		break;
	case _IOC_NR(MAILBOX_IOC_OPEN):
		close(request->in.open.fd);
		break;
	case _IOC_NR(MAILBOX_IOC_DUP):
		close(request->in.dup.fd);
		break;
	case _IOC_NR(MAILBOX_IOC_CHANNEL):
		close(request->in.channel.fd);
		close(request->in.channel.fd_back);
		break;
	case _IOC_NR(MAILBOX_IOC_CONNECT):
		close(request->in.connect.fd);
		break;
	case _IOC_NR(MAILBOX_IOC_ACCEPT):
		close(request->in.accept.fd);
		break;
	}
}

/* Put a value of @size bytes into the struct. */
MBX_HELPER void request_put(struct request *request, size_t at, size_t size, __u64 value)
{
	/* the low bytes come first */
	memcpy(request->in.bytes + at, &value, size);
}

/**
 * struct trace - all that a request could change
 * @handle: the mailbox that most requests go to
 * @broadcast: the other one
 * @segment: the one without messages
 * @end: the channel
 * @asked: is the request answered, and how?
 * @info: what is charged to the user
 * @files: descriptors of the process, a bit for each of the first 64, which is where
 *	one too many would be
 * @next: the one that is given next: one that is reserved and forgotten is not
 *	among @files, but missing here
 */
struct trace {
	struct mailbox_stat handle;
	struct mailbox_stat broadcast;
	struct mailbox_stat segment;
	struct mailbox_stat end;
	struct mailbox_peer asked;
	struct mailbox_info info;
	__u64 files;
	int next;
};

MBX_HELPER void trace_take(struct trace *trace, struct world *world)
{
	memset(trace, 0, sizeof(*trace));
	mbx_stat(world->handle, &trace->handle);
	mbx_stat(world->broadcast, &trace->broadcast);
	mbx_stat(world->segment, &trace->segment);
	mbx_stat(world->ends[0], &trace->end);
	mbx_ioctl(world->asked, MAILBOX_IOC_PEER, &trace->asked);
	mbx_info(world->device, &trace->info);
	for (int fd = 0; fd < 64; fd++)
		trace->files |= (__u64)(fcntl(fd, F_GETFD) >= 0) << fd;
	trace->next = fcntl(world->device, F_DUPFD_CLOEXEC, 0);
	close(trace->next);
}

/* What a bad request left behind must be what was there before. */
#define EXPECT_NO_TRACE(before, world) do {				\
		struct trace __now;					\
		trace_take(&__now, world);				\
		EXPECT_EQ((before)->files, __now.files);		\
		EXPECT_EQ((before)->next, __now.next);			\
		EXPECT_EQ((before)->info.user_bytes, __now.info.user_bytes); \
		EXPECT_EQ((before)->info.user_messages, __now.info.user_messages); \
		EXPECT_EQ((before)->info.user_mailboxes, __now.info.user_mailboxes); \
		EXPECT_EQ((before)->handle.depth, __now.handle.depth);	\
		EXPECT_EQ(0, memcmp(before, &__now, sizeof(__now)));	\
	} while (0)

/* The detail of a refusal.  @wanted_code: the errno. */
#define EXPECT_DETAIL(wanted_code, wanted_reason, wanted_field, wanted_value, seen) do { \
		const struct mailbox_error *__error = (seen);		\
		EXPECT_EQ(-(wanted_code), __error->code);		\
		EXPECT_EQ(wanted_reason, __error->reason);		\
		EXPECT_EQ(wanted_field, __error->field);		\
		EXPECT_EQ(wanted_value, __error->value);		\
	} while (0)

#endif /* MBX_SELFTEST_REFUSE_H */
