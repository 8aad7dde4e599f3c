// SPDX-License-Identifier: GPL-2.0
/*
 * From a call of a program to system calls, and back to an outcome.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "execute.h"

#define ROOM	(80 * 1024)	/* bytes for a message; more than LENGTH has */
#define UNTOUCHED	0xa5

/* This process's descriptors; -1: none. */
static int fds[SLOTS + 1];
static uint64_t boxes[SLOTS + 1];

static int sockets[2];		/* of OP_PASS */
static int hand_out[2];		/* of OP_TOGETHER */

/* This thread's memory for messages. */
static __thread unsigned char *rooms;
static __thread volatile sig_atomic_t pipe_signals;

/* --- payloads ------------------------------------------------------------- */

uint64_t message_id(unsigned int number, unsigned int item)
{
	return stage->round << 16 | (number * BATCH + item + 1);
}

static unsigned char payload_byte(uint64_t id, uint64_t at)
{
	return at < sizeof(id) ? id >> (8 * at) : mix(id ^ at >> 3 << 40) >> (8 * (at % 8));
}

static uint64_t add(uint64_t sum, unsigned char byte)
{
	return (sum ^ byte) * 0x100000001b3ULL;
}

uint64_t payload_sum(uint64_t id, uint64_t length)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < length; i++)
		sum = add(sum, payload_byte(id, i));
	return sum;
}

static void fill(unsigned char *room, uint64_t length, uint64_t id)
{
	for (uint64_t i = 0; i < length && i < ROOM; i++)
		room[i] = payload_byte(id, i);
}

/* What @length bytes of room hold now that a message of @sent bytes came. */
static void examine(struct item_outcome *item, const unsigned char *room, uint64_t length,
		    uint64_t sent)
{
	uint64_t got = sent < length ? sent : length;

	for (uint64_t i = 0; i < got; i++)
		item->sum = add(item->sum, room[i]);
	if (got >= sizeof(item->id))
		memcpy(&item->id, room, sizeof(item->id));
	/* enough to see it */
	for (uint64_t i = got; i < got + 256 && i < ROOM; i++)
		item->spilled |= room[i] != UNTOUCHED;
}

/* --- commands --------------------------------------------------------------- */

int command(int fd, unsigned long number, void *structure, const struct call *call,
	    struct outcome *outcome)
{
	unsigned char copy[1024];
	size_t size = _IOC_SIZE(number), known = size;
	void *argument = copy;
	int result;

	memset(copy, UNTOUCHED, sizeof(copy));
	memcpy(copy, structure, size);
	switch (call->arg[TWIST]) {
	case TWIST_STRUCT:
		argument = (void *)(uintptr_t)stage->bad.unmapped;
		break;
	case TWIST_SHORT:
		size = known > 24 ? 24 : 20;
		break;
	case TWIST_TAIL:
		size += 8;
		memset(copy + known, 1, 8);
		break;
	case TWIST_LONGER:
		size += 8;
		memset(copy + known, 0, 8);
		break;
	}
	number = (number & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT)) | size << _IOC_SIZESHIFT;
	result = ioctl(fd, number, argument);
	outcome->error = result < 0 ? errno : 0;
	outcome->value = result;
	for (size_t i = size; i < sizeof(copy) && i < size + 64; i++)
		outcome->spilled |= copy[i] != (i < known ? ((unsigned char *)structure)[i] :
						UNTOUCHED);
	memcpy(structure, copy, known);
	memcpy(&outcome->why, structure, sizeof(outcome->why));
	return result;
}

static int64_t clock_now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int64_t deadline(const struct call *call)
{
	int64_t now = clock_now(call->arg[FLAGS] & MAILBOX_REALTIME ? CLOCK_REALTIME :
				CLOCK_MONOTONIC);

	switch (call->arg[DEADLINE]) {
	case DEADLINE_NONE:
		return 0;
	case DEADLINE_PAST:
		return 1;
	case DEADLINE_SOON:
		return now + 1000000;
	case DEADLINE_NEGATIVE:
		return -1;
	default:
		return now + 3600 * 1000000000LL;
	}
}

/* The pieces of a payload; how many, at @pieces. */
static unsigned int cut(const struct call *call, uint64_t room, uint64_t length,
			struct mailbox_vector *pieces)
{
	unsigned int count = call->arg[PIECES] < 8 ? call->arg[PIECES] : 8;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t part = i + 1 < count ? length / count : length - length / count * i;

		pieces[i] = (struct mailbox_vector) { room, part };
		room += part;
	}
	return count;
}

/* The address of a buffer, or of one that is none. */
static uint64_t buffer(const struct call *call, unsigned int item)
{
	if (call->arg[TWIST] == TWIST_BUFFER)
		return stage->bad.unmapped;
	/* which can be sent from */
	if (call->arg[TWIST] == TWIST_READ_ONLY && call->op != OP_SEND && call->op != OP_WRITE &&
	    call->op != OP_CONNECT)
		return stage->bad.read_only;
	return (uintptr_t)(rooms + item * ROOM);
}

static bool vectored(const struct call *call)
{
	return call->arg[FLAGS] & MAILBOX_VECTOR;
}

/* Bytes that are meant by a call's LENGTH. */
static uint64_t bytes(const struct call *call)
{
	return vectored(call) && !call->arg[PIECES] ? 0 : call->arg[LENGTH];
}

struct mailbox_send a_send(const struct call *call, unsigned int number, unsigned int item,
			   struct mailbox_vector *pieces)
{
	struct mailbox_send send = {
		.flags = call->arg[FLAGS], .priority = call->arg[PRIORITY],
		.tag = call->arg[TAG] + item, .buffer = buffer(call, item),
		.length = call->arg[LENGTH], .deadline = deadline(call),
	};

	fill(rooms + item * ROOM, send.length, message_id(number, item));
	if (vectored(call)) {
		send.length = cut(call, send.buffer, send.length, pieces);
		send.buffer = (uintptr_t)pieces;
	}
	return send;
}

static void sent(struct outcome *outcome, unsigned int item, const struct mailbox_send *send)
{
	outcome->item[item].why = send->error;
	outcome->item[item].receipt = send->receipt;
	outcome->item[item].sequence = send->sequence;
}

static struct mailbox_receive a_receive(const struct call *call, unsigned int item,
					struct mailbox_vector *pieces)
{
	struct mailbox_receive receive = {
		.flags = call->arg[FLAGS], .select = call->arg[SELECT], .tag = call->arg[TAG],
		.priority = call->arg[PRIORITY], .pid = pid_of(call->arg[PID]),
		.index = call->arg[INDEX], .buffer = buffer(call, item),
		.length = call->arg[LENGTH], .deadline = deadline(call),
	};

	memset(rooms + item * ROOM, UNTOUCHED, ROOM);
	if (vectored(call)) {
		receive.length = cut(call, receive.buffer, receive.length, pieces);
		receive.buffer = (uintptr_t)pieces;
	}
	return receive;
}

static void received(struct outcome *outcome, unsigned int item, const struct call *call,
		     const struct mailbox_receive *receive)
{
	outcome->item[item].why = receive->error;
	outcome->item[item].header = receive->header;
	if (!outcome->error && !receive->error.code &&
	    receive->header.flags & MAILBOX_MESSAGE_CONNECT)
		execute_link_saw(receive->header.sequence);
	if (!receive->error.code && call->arg[TWIST] != TWIST_BUFFER &&
	    call->arg[TWIST] != TWIST_READ_ONLY)
		examine(&outcome->item[item], rooms + item * ROOM, bytes(call),
			receive->header.length);
}

static void do_send(const struct call *call, unsigned int number, int fd,
		    struct outcome *outcome)
{
	struct mailbox_vector pieces[8];
	struct mailbox_send send = a_send(call, number, 0, pieces);

	outcome->deadline = send.deadline;
	command(fd, MAILBOX_IOC_SEND, &send, call, outcome);
	sent(outcome, 0, &send);
}

static void do_receive(const struct call *call, int fd, struct outcome *outcome)
{
	struct mailbox_vector pieces[8];
	struct mailbox_receive receive = a_receive(call, 0, pieces);

	outcome->deadline = receive.deadline;
	if (!command(fd, MAILBOX_IOC_RECEIVE, &receive, call, outcome))
		receive.error.code = 0;
	received(outcome, 0, call, &receive);
}

/* A flag that there is not, in item BAD of a batch, from 1. */
#define BAD_FLAG	0x80000000

static unsigned int batch_count(const struct call *call)
{
	return call->arg[COUNT] < BATCH ? call->arg[COUNT] : BATCH;
}

static void do_batch(const struct call *call, unsigned int number, int fd, struct outcome *outcome)
{
	bool sending = call->op == OP_SEND_BATCH;
	struct mailbox_vector pieces[BATCH][8];
	struct mailbox_receive receives[BATCH];
	struct mailbox_send sends[BATCH];
	struct mailbox_batch batch = {
		.items = sending ? (uintptr_t)sends : (uintptr_t)receives,
		.item_size = sending ? sizeof(sends[0]) : sizeof(receives[0]),
		.count = call->arg[COUNT],
		.flags = call->arg[TWIST] == TWIST_RESERVED,
	};
	struct call item_call = *call;

	if (call->arg[TWIST] == TWIST_BUFFER)
		batch.items = stage->bad.unmapped;
	item_call.arg[TWIST] = TWIST_NONE;
	for (unsigned int i = 0; i < batch_count(call); i++) {
		uint32_t bad = call->arg[BAD] == i + 1 ? BAD_FLAG : 0;

		if (sending) {
			sends[i] = a_send(&item_call, number, i, pieces[i]);
			sends[i].flags |= bad;
		} else {
			receives[i] = a_receive(&item_call, i, pieces[i]);
			receives[i].flags |= bad;
		}
	}
	if (call->arg[COUNT] > BATCH && call->arg[COUNT] <= MAILBOX_BATCH_MAX)
		batch.count = BATCH;
	command(fd, sending ? MAILBOX_IOC_SEND_BATCH : MAILBOX_IOC_RECEIVE_BATCH, &batch, call,
		outcome);
	outcome->count = batch.done;
	for (unsigned int i = 0; i < batch_count(call); i++) {
		if (sending)
			sent(outcome, i, &sends[i]);
		else
			received(outcome, i, &item_call, &receives[i]);
		if (outcome->item[i].why.code == -ETIMEDOUT)
			outcome->deadline = sending ? sends[i].deadline : receives[i].deadline;
	}
}

/* read(2), write(2), or with pieces readv(2), writev(2) */
static void do_plain(const struct call *call, unsigned int number, int fd,
		     struct outcome *outcome)
{
	struct mailbox_vector pieces[8];
	unsigned int count = cut(call, buffer(call, 0), call->arg[LENGTH], pieces);
	bool writing = call->op == OP_WRITE;

	if (writing)
		fill(rooms, call->arg[LENGTH], message_id(number, 0));
	else
		memset(rooms, UNTOUCHED, ROOM);
	/* struct mailbox_vector is as struct iovec is */
	if (count)
		outcome->value = syscall(writing ? SYS_writev : SYS_readv, fd, pieces, count);
	else
		outcome->value = syscall(writing ? SYS_write : SYS_read, fd,
					 (void *)(uintptr_t)buffer(call, 0), call->arg[LENGTH]);
	outcome->error = outcome->value < 0 ? errno : 0;
	if (!writing && outcome->value >= 0 && call->arg[TWIST] != TWIST_BUFFER &&
	    call->arg[TWIST] != TWIST_READ_ONLY)
		examine(&outcome->item[0], rooms, call->arg[LENGTH], outcome->value);
}

/* --- names and handles ------------------------------------------------------ */

static uint64_t name_address(uint64_t name, char room[300])
{
	switch (name) {
	case NAME_NONE:
		return 0;
	case NAME_EMPTY:
		room[0] = 0;
		break;
	case NAME_LONG:
		memset(room, 'x', MAILBOX_NAME_MAX + 1);
		room[MAILBOX_NAME_MAX + 1] = 0;
		break;
	case NAME_SLASH:
		strcpy(room, "fuzz/");
		break;
	case NAME_CONTROL:
		strcpy(room, "fuz\x7f");
		break;
	case NAME_UNMAPPED:
		return stage->bad.unmapped;
	default:
		snprintf(room, 300, "fuzz-%llu", (unsigned long long)name);
	}
	return (uintptr_t)room;
}

/* Which mailbox it is; only concurrent programs ask. */
static uint64_t box_of(int fd)
{
	struct mailbox_stat stat = { .id = 0 };

	if (stage->program.kind == TOGETHER)
		ioctl(fd, MAILBOX_IOC_STAT, &stat);
	return stat.id;
}

int fd_of(unsigned int slot)
{
	return __atomic_load_n(&fds[slot], __ATOMIC_ACQUIRE);
}

static int take(unsigned int slot)
{
	__atomic_store_n(&boxes[slot], 0, __ATOMIC_RELAXED);
	return __atomic_exchange_n(&fds[slot], -1, __ATOMIC_ACQ_REL);
}

static void close_slot(unsigned int slot)
{
	int fd = take(slot);

	if (fd >= 0)
		close(fd);
}

void put(unsigned int slot, int fd)
{
	uint64_t box = fd < 0 ? 0 : box_of(fd);

	close_slot(slot);
	/* what gets out of hand must not wait for ever */
	if (stage->program.kind == GARBAGE && fd >= 0)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	__atomic_store_n(&boxes[slot], box, __ATOMIC_RELAXED);
	__atomic_store_n(&fds[slot], fd, __ATOMIC_RELEASE);
}

static void do_create(const struct call *call, struct outcome *outcome)
{
	char name[300];
	struct mailbox_create create = {
		.name = name_address(call->arg[NAME], name),
		.flags = call->arg[FLAGS], .rights = call->arg[RIGHTS],
		.policy = call->arg[POLICY], .slow = call->arg[SLOW], .mode = call->arg[MODE],
		.capacity = call->arg[CAPACITY], .message_max = call->arg[MAX],
		.reserved = call->arg[TWIST] == TWIST_RESERVED,
	};

	if (!command(fds[SLOT_DEVICE], MAILBOX_IOC_CREATE, &create, call, outcome)) {
		outcome->value = create.fd;
		outcome->count = create.created;
		put(call->arg[TO] % SLOTS, create.fd);
	}
}

static void do_open(const struct call *call, struct outcome *outcome)
{
	char name[300];
	struct mailbox_open open = {
		.name = name_address(call->arg[NAME], name),
		.flags = call->arg[FLAGS], .rights = call->arg[RIGHTS],
		.reserved = call->arg[TWIST] == TWIST_RESERVED,
	};

	if (!command(fds[SLOT_DEVICE], MAILBOX_IOC_OPEN, &open, call, outcome)) {
		outcome->value = open.fd;
		put(call->arg[TO] % SLOTS, open.fd);
	}
}

static void do_dup(const struct call *call, int fd, struct outcome *outcome)
{
	struct mailbox_dup dup = {
		.flags = call->arg[FLAGS], .rights = call->arg[RIGHTS],
		.reserved = call->arg[TWIST] == TWIST_RESERVED,
	};

	if (!command(fd, MAILBOX_IOC_DUP, &dup, call, outcome)) {
		outcome->value = dup.fd;
		put(call->arg[TO] % SLOTS, dup.fd);
	}
}

static void do_set(const struct call *call, int fd, struct outcome *outcome)
{
	struct mailbox_set set = {
		.mask = call->arg[MASK], .mode = call->arg[MODE], .uid = call->arg[USER],
		.gid = call->arg[GROUP], .capacity = call->arg[CAPACITY],
		.message_max = call->arg[MAX],
	};

	command(fd, MAILBOX_IOC_SET, &set, call, outcome);
}

static void do_list(const struct call *call, struct outcome *outcome)
{
	char name[300];
	struct mailbox_stat entries[8];
	struct mailbox_list list = {
		.after = name_address(call->arg[NAME], name),
		.entries = call->arg[TWIST] == TWIST_BUFFER ? stage->bad.unmapped :
							      (uintptr_t)entries,
		.entry_size = sizeof(entries[0]),
		.count = call->arg[COUNT] < 8 ? call->arg[COUNT] : 8,
		.flags = call->arg[TWIST] == TWIST_RESERVED,
	};

	if (!command(fds[SLOT_DEVICE], MAILBOX_IOC_LIST, &list, call, outcome)) {
		outcome->count = list.count;
		outcome->more = list.more;
		if (list.count && call->arg[TWIST] != TWIST_BUFFER)
			outcome->stat = entries[0];
	}
}

static void do_destroy(const struct call *call, int fd, struct outcome *outcome)
{
	struct mailbox_destroy destroy = {
		.flags = call->arg[FLAGS], .reserved = call->arg[TWIST] == TWIST_RESERVED,
	};

	if (!command(fd, MAILBOX_IOC_DESTROY, &destroy, call, outcome))
		outcome->count = destroy.dropped;
}

/* --- descriptors -------------------------------------------------------------- */

static void do_poll(const struct call *call, int fd, struct outcome *outcome)
{
	struct pollfd ready = {
		.fd = fd,
		.events = POLLIN | POLLRDNORM | POLLRDBAND | POLLOUT | POLLWRNORM | POLLWRBAND |
			  POLLPRI | POLLRDHUP,
	};

	if (call->arg[WHICH] & 1) {
		fd_set in, out;
		struct timeval none = { .tv_sec = 0 };

		FD_ZERO(&in);
		FD_ZERO(&out);
		if (fd < 0 || fd >= FD_SETSIZE)
			return;
		FD_SET(fd, &in);
		FD_SET(fd, &out);
		select(fd + 1, &in, &out, NULL, &none);
	}
	outcome->error = poll(&ready, 1, 0) < 0 ? errno : 0;
	outcome->value = ready.revents;
}

static int send_descriptor(int socket, int fd)
{
	char space[CMSG_SPACE(sizeof(fd))] = "", byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(control), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int receive_descriptor(int socket)
{
	int fd = -1;
	char space[CMSG_SPACE(sizeof(fd))], byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *control;

	if (recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -1;
	control = CMSG_FIRSTHDR(&message);
	if (control)
		memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	return fd;
}

int actor_handed_out(void)
{
	return receive_descriptor(hand_out[0]);
}

/* A handle with nothing but ADMIN for each mailbox: it is in nobody's way. */
static void hand_all_out(void)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		struct mailbox_dup dup = { .rights = MAILBOX_RIGHT_ADMIN };

		if (fds[i] < 0 || ioctl(fds[i], MAILBOX_IOC_DUP, &dup))
			continue;
		send_descriptor(hand_out[1], dup.fd);
		close(dup.fd);
	}
}

static unsigned int rights_of(const char *text)
{
	return (text[0] == 's' ? MAILBOX_RIGHT_SEND : 0) |
	       (text[1] == 'r' ? MAILBOX_RIGHT_RECEIVE : 0) |
	       (text[2] == 'a' ? MAILBOX_RIGHT_ADMIN : 0);
}

static void read_fdinfo(int fd, struct mailbox_stat *stat)
{
	char line[400], path[48];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		char *value = strchr(line, '\t');

		if (!value)
			continue;
		*value++ = 0;
		value[strcspn(value, "\n")] = 0;
		if (!strcmp(line, "mailbox-id:"))
			stat->id = strtoull(value, NULL, 10);
		else if (!strcmp(line, "mailbox-name:"))
			snprintf(stat->name, sizeof(stat->name), "%s", value);
		else if (!strcmp(line, "mailbox-rights:"))
			stat->rights = rights_of(value);
		else if (!strcmp(line, "mailbox-depth:"))
			stat->depth = strtoull(value, NULL, 10);
		else if (!strcmp(line, "mailbox-capacity:"))
			stat->capacity = !strcmp(value, "unlimited") ? MAILBOX_UNLIMITED :
					 strtoull(value, NULL, 10);
	}
	fclose(file);
}

/* Write into a segment, or into an end's own page: words that may be right, or not. */
static int scribble(int fd, uint64_t with)
{
	static const uint32_t values[] = { 1, 8, 4096, 0x80000000, 0xfffffff8, 0xffffffff };
	uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (words == MAP_FAILED)
		return -1;
	/* who touches what was taken away is killed */
	if (!madvise(words, 4096, MADV_POPULATE_WRITE))
		for (unsigned int i = 0; i < 96; i += 1 + mix(with + i) % 32)
			words[i] = values[mix(with ^ i) % ARRAY_SIZE(values)];
	munmap(words, 4096);
	return 0;
}

static void do_file(const struct call *call, int fd, struct outcome *outcome)
{
	char path[48], byte = 0;
	void *place;
	long result = 0;

	switch (call->arg[WHICH] % FILES) {
	case FILE_MMAP:
		place = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		result = place == MAP_FAILED ? -1 : munmap(place, 4096);
		break;
	case FILE_SCRIBBLE:
		result = scribble(fd, call->arg[WHICH]);
		break;
	case FILE_LSEEK:
		result = lseek(fd, 0, SEEK_SET);
		break;
	case FILE_PREAD:
		result = pread(fd, &byte, 1, 0);
		break;
	case FILE_PWRITE:
		result = pwrite(fd, &byte, 1, 0);
		break;
	case FILE_COMMAND:
		result = ioctl(fd, _IOWR(MAILBOX_IOC_MAGIC, 0x7f, struct mailbox_info), &byte);
		break;
	case FILE_REOPEN:
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		result = open(path, O_RDWR | O_CLOEXEC);
		break;
	case FILE_INFO:
		read_fdinfo(fd, &outcome->stat);
		break;
	}
	outcome->error = result < 0 ? errno : 0;
	if (result > 0 && call->arg[WHICH] % FILES == FILE_REOPEN)
		close(result);
}

/* --- processes ------------------------------------------------------------------ */

pid_t pid_of(uint64_t pid)
{
	pid_t there = pid && pid <= ACTORS ? stage->post[pid - 1].pid : 0;

	return there ? there : pid ? FAKE_PID : 0;
}

static void become(uid_t user)
{
	if (getuid() || (user != 1000 && user != 1001))
		return;
	/* of this thread alone; it is the only one */
	if (syscall(SYS_setgroups, 0, NULL) ||
	    syscall(SYS_setresgid, user, user, user) || syscall(SYS_setresuid, user, user, user))
		abort();
}

void execute_signal(const struct call *call)
{
	struct post *post = &stage->post[call->arg[TARGET] % ACTORS];
	pid_t tid = __atomic_load_n(&post->tid, __ATOMIC_ACQUIRE);

	if (!tid)
		return;
	if (call->op == OP_KILL)
		kill(post->pid, SIGKILL);
	else
		syscall(SYS_tgkill, post->pid, tid, call->arg[VALUE] & 1 ? SIGUSR2 : SIGUSR1);
}

static void ignore(int number)
{
	if (number == SIGPIPE)
		pipe_signals++;
}

bool execute_begin(struct bad_addresses *bad)
{
	void *unmapped = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *read_only = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction interrupt = { .sa_handler = ignore };
	struct sigaction restart = { .sa_handler = ignore, .sa_flags = SA_RESTART };

	/* the modes are as they are asked for */
	umask(0);
	for (unsigned int i = 0; i < SLOTS; i++)
		fds[i] = -1;
	fds[SLOT_DEVICE] = open("/dev/mailbox", O_RDWR | O_CLOEXEC);
	if (unmapped == MAP_FAILED || read_only == MAP_FAILED || fds[SLOT_DEVICE] < 0 ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets) ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, hand_out))
		return false;
	bad->unmapped = (uintptr_t)unmapped;
	bad->read_only = (uintptr_t)read_only;
	sigaction(SIGUSR1, &interrupt, NULL);
	sigaction(SIGUSR2, &restart, NULL);
	sigaction(SIGPIPE, &restart, NULL);
	return true;
}

void execute_thread(void)
{
	rooms = mmap(NULL, BATCH * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (rooms == MAP_FAILED)
		abort();
	execute_link_thread();
}

void execute(const struct call *call, unsigned int number, unsigned int self,
	     struct outcome *outcome)
{
	unsigned int slot = call->arg[SLOT] % (SLOTS + 1), to = call->arg[TO] % SLOTS;
	uint64_t box = __atomic_load_n(&boxes[slot], __ATOMIC_RELAXED);
	int fd = fd_of(slot);

	/* one in whose place a new one comes is closed before */
	if (call->op == OP_CREATE || call->op == OP_OPEN || call->op == OP_CHANNEL ||
	    ((call->op == OP_DUP || call->op == OP_DUPFD || call->op == OP_CONNECT ||
	      call->op == OP_ACCEPT) && to != slot) ||
	    (call->op == OP_PASS && self != call->actor))
		close_slot(to);
	if (call->op == OP_CHANNEL)
		close_slot(call->arg[BACK] % SLOTS);
	outcome->box = box;
	pipe_signals = 0;

	switch (call->op) {
	case OP_CREATE:
		do_create(call, outcome);
		break;
	case OP_OPEN:
		do_open(call, outcome);
		break;
	case OP_DUP:
		if (to != slot)
			do_dup(call, fd, outcome);
		break;
	case OP_SEND:
		do_send(call, number, fd, outcome);
		break;
	case OP_RECEIVE:
		do_receive(call, fd, outcome);
		break;
	case OP_SEND_BATCH:
	case OP_RECEIVE_BATCH:
		do_batch(call, number, fd, outcome);
		break;
	case OP_CHANNEL:
	case OP_REFUSE:
	case OP_PEER:
		execute_link(call, number, fd, outcome);
		break;
	case OP_CONNECT:
	case OP_ACCEPT:
		if (to != slot)
			execute_link(call, number, fd, outcome);
		break;
	case OP_RING_WAIT:
	case OP_RING_WAKE:
	case OP_RING_MAP:
	case OP_RING_STORE:
	case OP_RING_LOOK:
		execute_ring(call, fd, outcome);
		break;
	case OP_SET:
		do_set(call, fd, outcome);
		break;
	case OP_STAT:
		command(fd, MAILBOX_IOC_STAT, &outcome->stat, call, outcome);
		break;
	case OP_INFO:
		outcome->info.flags = call->arg[TWIST] == TWIST_RESERVED;
		command(fd, MAILBOX_IOC_INFO, &outcome->info, call, outcome);
		break;
	case OP_LIST:
		do_list(call, outcome);
		break;
	case OP_DESTROY:
		do_destroy(call, fd, outcome);
		break;
	case OP_CLOSE:
		if (slot != SLOT_DEVICE)
			close_slot(slot);
		break;
	case OP_READ:
	case OP_WRITE:
		do_plain(call, number, fd, outcome);
		break;
	case OP_POLL:
		do_poll(call, fd, outcome);
		break;
	case OP_NONBLOCK:
		if (stage->program.kind != GARBAGE)
			outcome->error = fcntl(fd, F_SETFL, call->arg[VALUE] & 1 ? O_NONBLOCK : 0) ?
					 errno : 0;
		break;
	case OP_DUPFD:
		if (to != slot && slot != SLOT_DEVICE)
			put(to, fcntl(fd, F_DUPFD_CLOEXEC, 0));
		break;
	case OP_PASS:
		if (self == call->actor)
			send_descriptor(sockets[1], fd);
		else
			put(to, receive_descriptor(sockets[0]));
		break;
	case OP_BECOME:
		become(call->arg[USER]);
		break;
	case OP_EXIT:
		_exit(0);
	case OP_SIGNAL:
	case OP_KILL:
		execute_signal(call);
		break;
	case OP_FILE:
		do_file(call, fd, outcome);
		break;
	case OP_RAW:
		execute_garbage(call, fd, outcome);
		if (outcome->count)	/* a new handle */
			put(call->arg[VALUE] % SLOTS, outcome->count);
		if (outcome->count && outcome->more)	/* and the other end */
			put((call->arg[VALUE] + 1) % SLOTS, outcome->more);
		break;
	case OP_TOGETHER:
		hand_all_out();
		break;
	case OP_FORK:
	case OP_THREAD:
	case OP_QUOTA:
	case OPS:
		break;
	}
	outcome->pipe_signal = pipe_signals;
	if (__atomic_load_n(&boxes[slot], __ATOMIC_RELAXED) != box)
		outcome->box = 0;
}
