// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of memory and every copy from or to the user that a call
 * makes fails once: the first, then the second, and so on until the call has
 * no more of them.  Each time the call has done all of its work, or nothing
 * and says why; no message is lost, none comes twice; no descriptor, no name
 * and nothing of a quota is left behind; and the mailbox goes on working.
 *
 * That nothing leaks which no counter shows is what kmemleak says at the end
 * of the guest.  Where the kernel cannot make things fail, all is skipped.
 *
 * features.rst rows with their test here:
 *   memory runs out: errno, nothing lost	fault.*.each_fails_once
 */
#include "fault.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#define LENGTH_MAX	(5 * 4096)
/* Longer than what is copied word by word, and still within one object. */
#define MIDDLE		1000
/* In pages. */
#define LONG		(LENGTH_MAX - 100)
#define RECEIVERS	3
#define NAMED		9
#define BATCH		3
/* The number of the message that is selected, neither the first nor the last. */
#define WANTED		1

/* --- the place where it happens --------------------------------------- */

/**
 * struct site - a mailbox, and what a call does with it
 * @device: /dev/mailbox
 * @fd: handles on the mailbox, the first one with all rights; -1: none
 * @back: of a channel the end that @fd does not have; -1: none
 * @name: the mailbox's
 * @other: a name that is free
 * @named: other mailboxes that have names, where many are wanted
 * @length: of every message
 * @memory: a payload, or room for one
 * @first: the number of the first message in the queue
 * @next: the number that the next one will have
 * @select: what the call wants
 * @selected: the call has taken WANTED out of its turn
 * @made: the descriptor that the call made, or -1
 * @error: what the call said, or NULL where it has no way to
 * @destroyed: the call has destroyed the mailbox
 */
struct site {
	int device;
	int fd[RECEIVERS];
	int back;
	char name[MBX_NAME_SIZE];
	char other[MBX_NAME_SIZE];
	int named[NAMED];
	size_t length;
	char *memory;
	__u32 first;
	__u32 next;
	__u32 select;
	bool selected;
	int made;
	const struct mailbox_error *error;
	bool destroyed;
};

/* The payload of message @number, in the site's memory. */
static void write_payload(struct site *site, __u32 number)
{
	memset(site->memory, (char)number, site->length);
	memcpy(site->memory, &number, sizeof(number));
}

static bool is_payload(const char *memory, size_t length, __u32 number)
{
	if (length < sizeof(number) || memcmp(memory, &number, sizeof(number)))
		return false;
	for (size_t i = sizeof(number); i < length; i++)
		if (memory[i] != (char)number)
			return false;
	return true;
}

static int put(struct site *site, int fd)
{
	struct mailbox_send message = {
		.flags = MAILBOX_NONBLOCK,
		.tag = site->next != WANTED,
		.buffer = MBX_PTR(site->memory),
		.length = site->length,
	};
	int result;

	write_payload(site, site->next);
	result = mbx_send(fd, &message);
	if (!result)
		site->next++;
	return result;
}

/* Take what has to come next on a handle; the number is the caller's to count. */
static int take(struct site *site, int fd, __u32 number)
{
	struct mailbox_receive message = {
		.flags = MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(site->memory),
		.length = LENGTH_MAX,
	};
	int result = mbx_receive(fd, &message);

	if (result)
		return result;
	return message.header.length == site->length &&
	       is_payload(site->memory, site->length, number) ? 0 : -EBADMSG;
}

/* --- the calls -------------------------------------------------------- */

static int called(struct site *site, int result, const struct mailbox_error *error)
{
	static struct mailbox_error copy;

	copy = *error;
	site->error = &copy;
	return result;
}

static int create(struct site *site, struct mailbox_create *how)
{
	int result;

	how->rights = MAILBOX_RIGHT_ALL;
	if (!how->capacity)
		how->capacity = 4;
	result = mbx_ioctl(site->device, MAILBOX_IOC_CREATE, how);
	if (!result)
		site->made = how->fd;
	return called(site, result, &how->error);
}

static int call_create(struct site *site)
{
	return create(site, &(struct mailbox_create){ .policy = MAILBOX_POLICY_SHARED });
}

static int call_create_exclusive(struct site *site)
{
	return create(site, &(struct mailbox_create){ .policy = MAILBOX_POLICY_EXCLUSIVE });
}

static int call_create_pair(struct site *site)
{
	return create(site, &(struct mailbox_create){ .policy = MAILBOX_POLICY_PAIR });
}

static int call_create_broadcast(struct site *site)
{
	return create(site, &(struct mailbox_create){ .policy = MAILBOX_POLICY_BROADCAST });
}

static int call_create_named(struct site *site)
{
	return create(site, &(struct mailbox_create){
		.name = MBX_PTR(site->other), .mode = 0600,
	});
}

static int call_create_named_segment(struct site *site)
{
	return create(site, &(struct mailbox_create){
		.name = MBX_PTR(site->other), .mode = 0600,
		.policy = MAILBOX_POLICY_SEGMENT, .capacity = 10000,
	});
}

static int call_create_persistent(struct site *site)
{
	return create(site, &(struct mailbox_create){
		.name = MBX_PTR(site->other), .mode = 0600,
		.flags = MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST,
	});
}

static int call_create_found(struct site *site)
{
	return create(site, &(struct mailbox_create){
		.name = MBX_PTR(site->name), .mode = 0600,
	});
}

static int call_open(struct site *site)
{
	struct mailbox_open how = {
		.name = MBX_PTR(site->name), .rights = MAILBOX_RIGHT_ALL,
	};
	int result = mbx_ioctl(site->device, MAILBOX_IOC_OPEN, &how);

	if (!result)
		site->made = how.fd;
	return called(site, result, &how.error);
}

static int call_dup(struct site *site)
{
	struct mailbox_dup how = { .rights = MAILBOX_RIGHT_ALL };
	int result = mbx_ioctl(site->fd[0], MAILBOX_IOC_DUP, &how);

	if (!result)
		site->made = how.fd;
	return called(site, result, &how.error);
}

static int call_open_device(struct site *site)
{
	int fd = open(MBX_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	site->made = fd;
	return 0;
}

static int call_info(struct site *site)
{
	struct mailbox_info info = { .flags = 0 };

	return called(site, mbx_ioctl(site->device, MAILBOX_IOC_INFO, &info), &info.error);
}

static int call_info_of_handle(struct site *site)
{
	struct mailbox_info info = { .flags = 0 };

	return called(site, mbx_info(site->fd[0], &info), &info.error);
}

/* A struct as a program has it that was built for a newer kernel. */
#define NEWER(type)	struct { struct type known; __u64 tail[3]; }
#define NEWER_IOC(command, with)					\
	_IOC(_IOC_DIR(command), _IOC_TYPE(command), _IOC_NR(command), sizeof(with))

static int list(struct site *site, const char *after, void *entries, size_t entry_size,
		__u32 count, __u32 least)
{
	struct mailbox_list list = {
		.after = MBX_PTR(after),
		.entries = MBX_PTR(entries),
		.entry_size = entry_size,
		.count = count,
	};
	int result = mbx_ioctl(site->device, MAILBOX_IOC_LIST, &list);

	if (!result && list.count < least)
		return -EBADMSG;
	return called(site, result, &list.error);
}

static int call_list(struct site *site)
{
	struct mailbox_stat entries[4];

	return list(site, "!", entries, sizeof(entries[0]), 4, 1);
}

static int call_list_from_the_first(struct site *site)
{
	NEWER(mailbox_stat) entries[4];

	return list(site, NULL, entries, sizeof(entries[0]), 4, 1);
}

/* The module collects eight of them at a time. */
static int call_list_of_many(struct site *site)
{
	struct mailbox_stat entries[1 + NAMED];

	return list(site, "!", entries, sizeof(entries[0]), 1 + NAMED, 1 + NAMED);
}

static int call_stat(struct site *site)
{
	struct mailbox_stat stat = { .id = 0 };

	return called(site, mbx_ioctl(site->fd[0], MAILBOX_IOC_STAT, &stat), &stat.error);
}

static int call_stat_newer(struct site *site)
{
	NEWER(mailbox_stat) stat = { .tail = { 0 } };
	int result = mbx_ioctl(site->fd[0], NEWER_IOC(MAILBOX_IOC_STAT, stat), &stat);

	return called(site, result, &stat.known.error);
}

static int call_set(struct site *site)
{
	struct mailbox_set how = { .mask = MAILBOX_SET_CAPACITY, .capacity = 7 };

	return called(site, mbx_ioctl(site->fd[0], MAILBOX_IOC_SET, &how), &how.error);
}

static int call_destroy(struct site *site)
{
	struct mailbox_destroy how = { .flags = 0 };
	int result = mbx_ioctl(site->fd[0], MAILBOX_IOC_DESTROY, &how);

	site->destroyed = !result;
	return called(site, result, &how.error);
}

static int call_send(struct site *site)
{
	struct mailbox_send message = {
		.flags = MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(site->memory),
		.length = site->length,
	};
	int result = mbx_send(site->fd[0], &message);

	site->next += !result;
	return called(site, result, &message.error);
}

static int call_send_newer(struct site *site)
{
	NEWER(mailbox_send) message = {
		.known = {
			.flags = MAILBOX_NONBLOCK,
			.buffer = MBX_PTR(site->memory),
			.length = site->length,
		},
	};
	int result = mbx_ioctl(site->fd[0], NEWER_IOC(MAILBOX_IOC_SEND, message), &message);

	site->next += !result;
	return called(site, result, &message.known.error);
}

static int call_send_vector(struct site *site)
{
	size_t half = site->length / 2;
	struct mailbox_vector pieces[] = {
		{ .base = MBX_PTR(site->memory), .length = half },
		{ .base = MBX_PTR(site->memory + half), .length = site->length - half },
	};
	struct mailbox_send message = {
		.flags = MAILBOX_NONBLOCK | MAILBOX_VECTOR,
		.buffer = MBX_PTR(pieces),
		.length = 2,
	};
	int result = mbx_send(site->fd[0], &message);

	site->next += !result;
	return called(site, result, &message.error);
}

static const struct mailbox_error *item_error(const struct mailbox_batch *batch, __u32 item)
{
	return (void *)(uintptr_t)(batch->items + item * batch->item_size);
}

/* A batch says of which item it ended, and why, and that no more were tried. */
static int batched(struct site *site, int result, const struct mailbox_batch *batch)
{
	const struct mailbox_error *error = &batch->error;

	if (!result && batch->done < batch->count) {
		error = item_error(batch, batch->done);
		result = error->code;
		if (!batch->done || !result)
			return -EBADMSG;
		for (__u32 i = batch->done + 1; i < batch->count; i++)
			if (item_error(batch, i)->code != -ECANCELED)
				return -EBADMSG;
	}
	return called(site, result, error);
}

/* @how: MAILBOX_VECTOR, or 0 */
static int send_batch(struct site *site, __u32 how)
{
	struct mailbox_vector pieces[BATCH][2];
	struct mailbox_send items[BATCH];
	struct mailbox_batch batch = { .done = 0 };
	char payload[BATCH][MIDDLE];
	int result;

	memset(items, 0, sizeof(items));
	for (int i = 0; i < BATCH; i++) {
		__u32 number = site->next + i;

		memset(payload[i], (char)number, site->length);
		memcpy(payload[i], &number, sizeof(number));
		fault_cut(pieces[i], payload[i], site->length);
		items[i].flags = MAILBOX_NONBLOCK | how;
		items[i].buffer = how ? MBX_PTR(pieces[i]) : MBX_PTR(payload[i]);
		items[i].length = how ? 2 : site->length;
	}
	result = mbx_send_batch(site->fd[0], items, BATCH, &batch);
	site->next += batch.done;
	return batched(site, result, &batch);
}

static int call_send_batch(struct site *site)
{
	return send_batch(site, 0);
}

static int call_send_batch_vector(struct site *site)
{
	return send_batch(site, MAILBOX_VECTOR);
}

static int call_write(struct site *site)
{
	ssize_t written = write(site->fd[0], site->memory, site->length);

	if (written < 0)
		return -errno;
	site->next++;
	return written == site->length ? 0 : -EBADMSG;
}

/* Of an array that is not on the stack. */
static int call_writev(struct site *site)
{
	struct iovec pieces[20];
	ssize_t written;

	for (int i = 0; i < 20; i++)
		pieces[i] = (struct iovec){ site->memory + i, i < 19 ? 1 : site->length - 19 };
	written = writev(site->fd[0], pieces, 20);
	if (written < 0)
		return -errno;
	site->next++;
	return written == site->length ? 0 : -EBADMSG;
}

static int received(struct site *site, int result, size_t length)
{
	if (result)
		return result;
	return length == site->length &&
	       is_payload(site->memory, length, site->first++) ? 0 : -EBADMSG;
}

static int call_receive(struct site *site)
{
	struct mailbox_receive message = {
		.flags = MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(site->memory),
		.length = LENGTH_MAX,
	};
	int result = mbx_receive(site->fd[0], &message);

	called(site, result, &message.error);
	return received(site, result, message.header.length);
}

static int call_receive_newer(struct site *site)
{
	NEWER(mailbox_receive) message = {
		.known = {
			.flags = MAILBOX_NONBLOCK,
			.buffer = MBX_PTR(site->memory),
			.length = LENGTH_MAX,
		},
	};
	int result = mbx_ioctl(site->fd[0], NEWER_IOC(MAILBOX_IOC_RECEIVE, message), &message);

	called(site, result, &message.known.error);
	return received(site, result, message.known.header.length);
}

/* As much as there is room for. */
static int call_receive_truncated(struct site *site)
{
	struct mailbox_receive message = {
		.flags = MAILBOX_NONBLOCK | MAILBOX_RECEIVE_TRUNCATE,
		.buffer = MBX_PTR(site->memory),
		.length = site->length / 2,
	};
	int result = mbx_receive(site->fd[0], &message);

	called(site, result, &message.error);
	if (!result && !is_payload(site->memory, message.length, site->first))
		return -EBADMSG;
	site->first += !result;
	return result;
}

static int call_receive_vector(struct site *site)
{
	struct mailbox_vector pieces[2];
	struct mailbox_receive message = {
		.flags = MAILBOX_NONBLOCK | MAILBOX_VECTOR,
		.buffer = MBX_PTR(pieces),
		.length = 2,
	};
	int result;

	fault_cut(pieces, site->memory, LENGTH_MAX);
	result = mbx_receive(site->fd[0], &message);
	called(site, result, &message.error);
	return received(site, result, message.header.length);
}

/* The one that is wanted comes out of its turn. */
static int receive_selected(struct site *site, __u32 flags)
{
	struct mailbox_receive message = {
		.flags = flags,
		.select = site->select,
		.tag = !(site->select & MAILBOX_SELECT_TAG),
		.pid = site->select & MAILBOX_SELECT_PID ? getpid() : 0,
		.buffer = MBX_PTR(site->memory),
		.length = LENGTH_MAX,
	};
	int result = mbx_receive(site->fd[0], &message);

	called(site, result, &message.error);
	if (result)
		return result;
	site->selected = !(flags & MAILBOX_RECEIVE_PEEK);
	return message.header.length == site->length &&
	       is_payload(site->memory, site->length, WANTED) ? 0 : -EBADMSG;
}

static int call_receive_selected(struct site *site)
{
	return receive_selected(site, MAILBOX_NONBLOCK);
}

static int call_peek_selected(struct site *site)
{
	return receive_selected(site, MAILBOX_RECEIVE_PEEK);
}

static int receive_batch(struct site *site, __u32 how)
{
	struct mailbox_vector pieces[BATCH][2];
	struct mailbox_receive items[BATCH];
	struct mailbox_batch batch = { .done = 0 };
	char payload[BATCH][MIDDLE];
	int result;

	memset(items, 0, sizeof(items));
	for (int i = 0; i < BATCH; i++) {
		fault_cut(pieces[i], payload[i], MIDDLE);
		items[i].flags = MAILBOX_NONBLOCK | how;
		items[i].buffer = how ? MBX_PTR(pieces[i]) : MBX_PTR(payload[i]);
		items[i].length = how ? 2 : MIDDLE;
	}
	result = mbx_receive_batch(site->fd[0], items, BATCH, &batch);
	for (__u32 i = 0; i < batch.done; i++)
		if (items[i].header.length != site->length ||
		    !is_payload(payload[i], site->length, site->first++))
			return -EBADMSG;
	return batched(site, result, &batch);
}

static int call_receive_batch(struct site *site)
{
	return receive_batch(site, 0);
}

static int call_receive_batch_vector(struct site *site)
{
	return receive_batch(site, MAILBOX_VECTOR);
}

static int call_peek(struct site *site)
{
	struct mailbox_receive message = {
		.flags = MAILBOX_RECEIVE_PEEK,
		.buffer = MBX_PTR(site->memory),
		.length = LENGTH_MAX,
	};
	int result = mbx_receive(site->fd[0], &message);

	called(site, result, &message.error);
	if (result)
		return result;
	return is_payload(site->memory, message.header.length, site->first) ? 0 : -EBADMSG;
}

static int call_read(struct site *site)
{
	ssize_t length = read(site->fd[0], site->memory, LENGTH_MAX);

	return received(site, length < 0 ? -errno : 0, length);
}

static int call_peek_vector(struct site *site)
{
	struct mailbox_vector pieces[2];
	struct mailbox_receive message = {
		.flags = MAILBOX_RECEIVE_PEEK | MAILBOX_VECTOR,
		.buffer = MBX_PTR(pieces),
		.length = 2,
	};
	int result;

	fault_cut(pieces, site->memory, LENGTH_MAX);
	result = mbx_receive(site->fd[0], &message);
	called(site, result, &message.error);
	if (result)
		return result;
	return is_payload(site->memory, message.header.length, site->first) ? 0 : -EBADMSG;
}

/* Programs look at the handle from outside. */
static int call_poll(struct site *site)
{
	/* more than there is room for on the kernel's stack */
	struct pollfd where[64];
	int ready;

	for (int i = 0; i < 64; i++)
		where[i] = (struct pollfd){ .fd = site->fd[0], .events = POLLIN };
	ready = poll(where, 64, 0);
	if (ready < 0)
		return -errno;
	return ready == 64 ? 0 : -EBADMSG;
}

static int call_epoll(struct site *site)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), result = 0;

	if (epoll < 0)
		return -errno;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, site->fd[0], &event) ||
	    epoll_wait(epoll, &event, 1, 0) < 0)
		result = -errno;
	close(epoll);
	return result;
}

static int call_fdinfo(struct site *site)
{
	char path[48], text[512];
	int fd, result = 0;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", site->fd[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}

/* --- the tests -------------------------------------------------------- */

FIXTURE(fault)
{
	struct site site;
	int control;
	char *memory;
};

FIXTURE_VARIANT(fault)
{
	int (*call)(struct site *site);
	__u32 policy;
	size_t length;		/* of the messages */
	int queued;		/* messages there before the call */
	__u32 select;		/* what it wants */
	uid_t caller;		/* real user */
	unsigned int least[FAULT_KINDS];	/* failures: slab, page, copy */
};

#define CALL(which, ...)						\
	FIXTURE_VARIANT_ADD(fault, which) {				\
		.call = call_##which, .length = 64, __VA_ARGS__		\
	}
/* the same call, in other circumstances */
#define CALL_OF(which, where, ...)					\
	FIXTURE_VARIANT_ADD(fault, which##_##where) {			\
		.call = call_##which, __VA_ARGS__			\
	}

CALL(create, .least = { 3, 0, 1 });
CALL_OF(create, stranger, .length = 64, .caller = FAULT_ALICE);
CALL_OF(create, newcomer, .length = 64, .caller = FAULT_NEWCOMER);
CALL(create_exclusive);
CALL(create_pair);
CALL(create_broadcast);
CALL(create_named);
CALL(create_named_segment);
CALL(create_persistent);
CALL(create_found);
CALL(open);
CALL_OF(open, stranger, .length = 64, .caller = FAULT_ALICE);
CALL_OF(open, newcomer, .length = 64, .caller = FAULT_NEWCOMER);
CALL_OF(open, pair, .length = 64, .policy = MAILBOX_POLICY_PAIR);
CALL_OF(open, broadcast, .length = 64, .policy = MAILBOX_POLICY_BROADCAST);
CALL(dup);
CALL_OF(dup, stranger, .length = 64, .caller = FAULT_ALICE);
CALL_OF(dup, newcomer, .length = 64, .caller = FAULT_NEWCOMER);
CALL_OF(dup, pair, .length = 64, .policy = MAILBOX_POLICY_PAIR);
CALL_OF(dup, broadcast, .length = 64, .policy = MAILBOX_POLICY_BROADCAST);
CALL(open_device);
CALL(info, .least = { 0, 0, 2 });
CALL_OF(info, stranger, .length = 64, .caller = FAULT_ALICE);
CALL_OF(info, newcomer, .length = 64, .caller = FAULT_NEWCOMER);
CALL(info_of_handle);
CALL(list);
CALL(list_from_the_first);
CALL(list_of_many, .least = { 0, 0, 2 + 1 + NAMED });
CALL(stat);
CALL(stat_newer);
CALL(set, .queued = 2);
CALL(destroy, .queued = 2);
CALL_OF(destroy, broadcast, .length = 64, .queued = 2, .policy = MAILBOX_POLICY_BROADCAST);
CALL(send);
CALL(send_newer);
CALL_OF(send, middle, .length = MIDDLE, .least = { 1, 0, 1 });
CALL_OF(send, long, .length = LONG, .least = { 1, 5, 5 });
CALL_OF(send, stranger, .length = 64, .caller = FAULT_ALICE);
CALL_OF(send, newcomer, .length = 64, .caller = FAULT_NEWCOMER);
CALL_OF(send, pair, .length = 64, .policy = MAILBOX_POLICY_PAIR);
CALL_OF(send, broadcast, .length = 64, .policy = MAILBOX_POLICY_BROADCAST);
CALL_OF(send, long_broadcast, .length = LONG, .policy = MAILBOX_POLICY_BROADCAST,
	.least = { 1 + RECEIVERS, 5, 5 });
CALL_OF(send, stranger_broadcast, .length = 64, .policy = MAILBOX_POLICY_BROADCAST,
	.caller = FAULT_ALICE);
CALL_OF(send, newcomer_broadcast, .length = 64, .policy = MAILBOX_POLICY_BROADCAST,
	.caller = FAULT_NEWCOMER);
CALL(send_vector);
CALL_OF(send_vector, long, .length = LONG, .least = { 2, 5, 5 });
CALL(send_batch, .queued = 1);
CALL_OF(send_batch, broadcast, .length = MIDDLE, .policy = MAILBOX_POLICY_BROADCAST,
	.least = { BATCH * (1 + RECEIVERS), 0, BATCH });
CALL_OF(send_batch, pair, .length = MIDDLE, .policy = MAILBOX_POLICY_PAIR,
	.least = { BATCH, 0, BATCH });
CALL_OF(send_batch, channel, .length = MIDDLE, .policy = MAILBOX_POLICY_CHANNEL,
	.least = { BATCH, 0, BATCH });
CALL_OF(send_batch_vector, middle, .length = MIDDLE, .queued = 1,
	.least = { 2 * BATCH, 0, 3 * BATCH });
CALL_OF(send_batch_vector, broadcast, .length = MIDDLE, .policy = MAILBOX_POLICY_BROADCAST);
CALL(write);
CALL_OF(write, long, .length = LONG, .least = { 1, 5, 5 });
CALL_OF(write, stranger, .length = 64, .caller = FAULT_ALICE);
CALL_OF(write, newcomer, .length = 64, .caller = FAULT_NEWCOMER);
CALL_OF(write, broadcast, .length = 64, .policy = MAILBOX_POLICY_BROADCAST);
CALL(writev);
CALL_OF(writev, long, .length = LONG, .least = { 2, 5, 5 });
CALL_OF(receive, middle, .length = MIDDLE, .queued = 2, .least = { 0, 0, 1 });
CALL_OF(receive, long, .length = LONG, .queued = 2, .least = { 0, 0, 5 });
CALL_OF(receive, broadcast, .length = MIDDLE, .queued = 2, .policy = MAILBOX_POLICY_BROADCAST);
CALL_OF(receive, pair, .length = MIDDLE, .queued = 2, .policy = MAILBOX_POLICY_PAIR);
CALL_OF(receive_newer, middle, .length = MIDDLE, .queued = 2);
CALL_OF(receive_truncated, middle, .length = MIDDLE, .queued = 2);
CALL_OF(receive_truncated, long, .length = LONG, .queued = 2);
CALL(receive_vector, .queued = 2);
CALL_OF(receive_selected, tag, .length = MIDDLE, .queued = 3, .select = MAILBOX_SELECT_TAG,
	.least = { 0, 0, 1 });
CALL_OF(receive_selected, lowest, .length = MIDDLE, .queued = 3,
	.select = MAILBOX_SELECT_TAG_MAX);
CALL_OF(receive_selected, all, .length = LONG, .queued = 3,
	.select = MAILBOX_SELECT_TAG_NOT | MAILBOX_SELECT_PRIORITY | MAILBOX_SELECT_PID,
	.least = { 0, 0, 5 });
CALL_OF(receive_selected, broadcast, .length = MIDDLE, .queued = 3,
	.select = MAILBOX_SELECT_TAG, .policy = MAILBOX_POLICY_BROADCAST);
CALL_OF(receive_selected, pair, .length = MIDDLE, .queued = 3,
	.select = MAILBOX_SELECT_TAG, .policy = MAILBOX_POLICY_PAIR);
CALL(receive_batch, .queued = BATCH);
CALL_OF(receive_batch, broadcast, .length = MIDDLE, .queued = BATCH,
	.policy = MAILBOX_POLICY_BROADCAST, .least = { 0, 0, BATCH });
CALL_OF(receive_batch, pair, .length = MIDDLE, .queued = BATCH,
	.policy = MAILBOX_POLICY_PAIR, .least = { 0, 0, BATCH });
CALL_OF(receive_batch, channel, .length = MIDDLE, .queued = BATCH,
	.policy = MAILBOX_POLICY_CHANNEL, .least = { 0, 0, BATCH });
CALL_OF(receive_batch_vector, middle, .length = MIDDLE, .queued = BATCH,
	.least = { BATCH, 0, 3 * BATCH });
CALL_OF(receive_batch_vector, broadcast, .length = MIDDLE, .queued = BATCH,
	.policy = MAILBOX_POLICY_BROADCAST);
CALL_OF(peek, middle, .length = MIDDLE, .queued = 2);
CALL_OF(peek, long, .length = LONG, .queued = 2, .least = { 0, 0, 5 });
CALL_OF(peek, pair, .length = MIDDLE, .queued = 2, .policy = MAILBOX_POLICY_PAIR);
CALL_OF(peek, broadcast, .length = MIDDLE, .queued = 2, .policy = MAILBOX_POLICY_BROADCAST);
CALL(peek_vector, .queued = 2);
CALL_OF(peek_selected, middle, .length = MIDDLE, .queued = 3,
	.select = MAILBOX_SELECT_TAG_MAX, .least = { 0, 0, 1 });
CALL_OF(read, middle, .length = MIDDLE, .queued = 2, .least = { 0, 0, 1 });
CALL_OF(read, long, .length = LONG, .queued = 2, .least = { 0, 0, 5 });
CALL_OF(read, pair, .length = MIDDLE, .queued = 2, .policy = MAILBOX_POLICY_PAIR);
CALL_OF(read, broadcast, .length = MIDDLE, .queued = 2, .policy = MAILBOX_POLICY_BROADCAST);
CALL(poll, .queued = 1);
CALL(epoll, .queued = 1);
CALL(fdinfo, .queued = 1);

FIXTURE_SETUP(fault)
{
	self->control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->control < 0)
		return;		/* the test says so: a set-up cannot skip it */
	ASSERT_EQ(0, fault_set_all());
	self->memory = calloc(1, LENGTH_MAX);
	ASSERT_NE(NULL, self->memory);
}

FIXTURE_TEARDOWN(fault)
{
	free(self->memory);
	close(self->control);
}

static int site_open(struct site *site, __u32 policy)
{
	struct mailbox_create how = {
		.name = MBX_PTR(mbx_name(site->name, "fault")),
		.flags = MAILBOX_CREATE_EXCL,
		.rights = MAILBOX_RIGHT_ALL,
		.policy = policy,
		.mode = 0600,
		.capacity = 8,
	};
	struct mailbox_channel channel = { .capacity = how.capacity };
	int result;

	mbx_name(site->other, "fault-other");
	site->device = mbx_device();
	if (site->device < 0)
		return site->device;
	for (int i = 0; i < RECEIVERS; i++)
		site->fd[i] = -1;
	site->back = -1;
	if (policy == MAILBOX_POLICY_CHANNEL) {
		result = mbx_ioctl(site->device, MAILBOX_IOC_CHANNEL, &channel);
		site->fd[0] = channel.fd;
		site->back = channel.fd_back;
		return result;
	}
	site->fd[0] = mbx_create(&how);
	if (site->fd[0] < 0)
		return site->fd[0];
	for (int i = 1; i < RECEIVERS && policy == MAILBOX_POLICY_BROADCAST; i++) {
		site->fd[i] = mbx_dup(site->fd[0], MAILBOX_RIGHT_RECEIVE);
		if (site->fd[i] < 0)
			return site->fd[i];
	}
	return 0;
}

/* As many names as take more than one step. */
static int site_name_more(struct site *site)
{
	char name[MBX_NAME_SIZE];

	for (int i = 0; i < NAMED; i++) {
		site->named[i] = mbx_new_named(mbx_name(name, "fault-more"), 1);
		if (site->named[i] < 0)
			return site->named[i];
	}
	return 0;
}

static void site_close(struct site *site)
{
	for (int i = 0; i < RECEIVERS; i++)
		if (site->fd[i] >= 0)
			close(site->fd[i]);
	if (site->back >= 0)
		close(site->back);
	for (int i = 0; i < NAMED; i++)
		if (site->named[i] > 0)
			close(site->named[i]);
	close(site->device);
}

/*
 * In a PAIR this process is one, and what it sends is for another: a child
 * that takes it, so that a message was not only counted but is whole.  What is
 * sent to an end of a channel is for the other end.
 */
static int taken_by_other(struct site *site, __u32 number)
{
	pid_t child;

	if (site->back >= 0)
		return take(site, site->back, number);
	child = mbx_fork();
	if (!child)
		_exit(-take(site, site->fd[0], number) & 0x7f);
	return -mbx_join(child);
}

/* ... and what this process receives comes from another. */
static int put_by_child(struct site *site, int count)
{
	pid_t child = mbx_fork();
	int result = 0;

	if (!child) {
		while (!result && count--)
			result = put(site, site->fd[0]);
		_exit(-result & 0x7f);
	}
	site->next += count;
	return -mbx_join(child);
}

/* Make a call of a site, with one allocation or copy failing. */
static void call_once(struct __test_metadata *_metadata, void *data, const void *how,
		      struct fault *fault)
{
	const FIXTURE_VARIANT(fault) *variant = how;
	FIXTURE_DATA(fault) *self = data;
	struct site site = {
		.length = variant->length, .memory = self->memory, .made = -1,
		.select = variant->select,
	};
	bool pair = variant->policy == MAILBOX_POLICY_PAIR;
	bool sides = pair || variant->policy == MAILBOX_POLICY_CHANNEL;
	/* where there are two all that waits is for this one, or else for the other */
	bool theirs = sides && !variant->queued;
	int result;

	ASSERT_EQ(0, site_open(&site, variant->policy));
	if (pair && variant->queued)
		ASSERT_EQ(0, put_by_child(&site, variant->queued));
	for (int i = 0; i < variant->queued && !pair; i++)
		ASSERT_EQ(0, put(&site, sides ? site.back : site.fd[0]));
	if (variant->call == call_list_of_many)
		ASSERT_EQ(0, site_name_more(&site));
	write_payload(&site, site.next);
	ASSERT_EQ(0, setresuid(variant->caller, 0, 0));

	ASSERT_EQ(0, fault_arm(fault->control, fault->nth));
	result = variant->call(&site);
	fault->failed = fault_disarm(fault->control);
	fault->result = result;

	ASSERT_EQ(0, setresuid(0, 0, 0));
	if (!fault->failed)
		ASSERT_EQ(0, result) TH_LOG("nothing failed, but the call did");
	if (result) {
		ASSERT_EQ(-1, site.made);
		/* a call says why, also where it is memory that is missing */
		if (site.error) {
			ASSERT_EQ(result, site.error->code);
			ASSERT_TRUE(site.error->reason == MAILBOX_REASON_NONE ||
				    (result == -EFAULT &&
				     site.error->reason == MAILBOX_REASON_POINTER));
		}
		/* and what it was to make is not there */
		ASSERT_EQ(-ENOENT, mbx_open(site.other, MAILBOX_RIGHT_ADMIN));
	}

	if (site.made >= 0) {
		if (variant->call == call_create_persistent)
			ASSERT_EQ(0, mbx_destroy(site.made, NULL));
		ASSERT_EQ(0, close(site.made));
	}
	if (!site.destroyed) {
		/* what was in the queue is there, in its order, and nothing else */
		for (int i = 0; i < RECEIVERS && site.fd[i] >= 0; i++) {
			/* only the first handle received in the call */
			for (__u32 n = i ? 0 : site.first; n < site.next; n++) {
				if (!i && site.selected && n == WANTED)
					continue;
				ASSERT_EQ(0, theirs ? taken_by_other(&site, n) :
						      take(&site, site.fd[i], n));
			}
			if (!theirs)
				ASSERT_EQ(-EAGAIN, take(&site, site.fd[i], 0));
		}
		ASSERT_EQ(0, mbx_depth(site.fd[0]));
		/* and it works */
		ASSERT_EQ(0, put(&site, site.fd[0]));
		for (int i = 0; i < RECEIVERS && site.fd[i] >= 0; i++)
			ASSERT_EQ(0, sides ? taken_by_other(&site, site.next - 1) :
					     take(&site, site.fd[i], site.next - 1));
		ASSERT_EQ(0, mbx_depth(site.fd[0]));
	}
	site_close(&site);
}

TEST_F_TIMEOUT(fault, each_fails_once, 300)
{
	if (self->control < 0)
		SKIP(return, "no " FAIL_NTH ": the kernel has no fault injection");
	fault_each(_metadata, call_once, self, variant, self->control, variant->least);
	if (variant->caller == FAULT_NEWCOMER)
		fault_each_of_newcomer(_metadata, call_once, self, variant, self->control);
}

TEST_HARNESS_MAIN
