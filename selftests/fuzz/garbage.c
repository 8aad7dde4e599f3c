// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that are nearly right, or not at all: structs that were right until some
 * of their members were replaced, of any size, at addresses that are none.  What the
 * module may answer to those is in a table.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/mailbox.h>

#include "execute.h"

#define ROOM	(1 << 16)

static const struct garbage_command {
	unsigned long number;
	unsigned int fd;		/* offset of a new descriptor */
	unsigned int pointers[2];	/* offsets */
	int errors[16];
} commands[] = {
	{ MAILBOX_IOC_INFO, 0, { 0 }, { 0 } },
	{ MAILBOX_IOC_CREATE, offsetof(struct mailbox_create, fd),
	  { offsetof(struct mailbox_create, name) },
	  { ENAMETOOLONG, EEXIST, EACCES, EPERM, EBUSY, EDQUOT, EMSGSIZE, EMFILE, ENFILE } },
	{ MAILBOX_IOC_OPEN, offsetof(struct mailbox_open, fd),
	  { offsetof(struct mailbox_open, name) },
	  { ENAMETOOLONG, ENOENT, EACCES, EPERM, EBUSY, EMFILE, ENFILE } },
	{ MAILBOX_IOC_LIST, 0,
	  { offsetof(struct mailbox_list, after), offsetof(struct mailbox_list, entries) },
	  { ENAMETOOLONG } },
	{ MAILBOX_IOC_SEND, 0, { offsetof(struct mailbox_send, buffer) },
	  { EBADF, EMSGSIZE, EAGAIN, ETIMEDOUT, EPIPE, EIDRM, EDQUOT, EBUSY } },
	{ MAILBOX_IOC_RECEIVE, 0, { offsetof(struct mailbox_receive, buffer) },
	  { EBADF, EMSGSIZE, EAGAIN, ENOMSG, ETIMEDOUT, EPIPE, EIDRM, EBUSY } },
	{ MAILBOX_IOC_SEND_BATCH, 0, { offsetof(struct mailbox_batch, items) },
	  { EBADF, EMSGSIZE, EAGAIN, ETIMEDOUT, EPIPE, EIDRM, EDQUOT, EBUSY } },
	{ MAILBOX_IOC_RECEIVE_BATCH, 0, { offsetof(struct mailbox_batch, items) },
	  { EBADF, EMSGSIZE, EAGAIN, ENOMSG, ETIMEDOUT, EPIPE, EIDRM, EBUSY } },
	{ MAILBOX_IOC_STAT, 0, { 0 }, { 0 } },
	{ MAILBOX_IOC_SET, 0, { 0 }, { EPERM, EMSGSIZE, EIDRM } },
	{ MAILBOX_IOC_DUP, offsetof(struct mailbox_dup, fd), { 0 },
	  { EPERM, EBUSY, EIDRM, EMFILE, ENFILE } },
	{ MAILBOX_IOC_DESTROY, 0, { 0 }, { EPERM, EIDRM } },
	{ MAILBOX_IOC_CHANNEL, offsetof(struct mailbox_channel, fd), { 0 },
	  { EMSGSIZE, EDQUOT, EMFILE, ENFILE } },
	{ MAILBOX_IOC_CONNECT, offsetof(struct mailbox_connect, fd),
	  { offsetof(struct mailbox_connect, buffer) },
	  { EMSGSIZE, EAGAIN, ETIMEDOUT, EPIPE, EIDRM, EDQUOT, EBUSY, ECONNREFUSED, EMFILE,
	    ENFILE } },
	{ MAILBOX_IOC_ACCEPT, offsetof(struct mailbox_accept, fd), { 0 },
	  { ENOENT, EMFILE, ENFILE } },
	{ MAILBOX_IOC_REFUSE, 0, { 0 }, { ENOENT } },
	{ MAILBOX_IOC_PEER, 0, { 0 }, { 0 } },
	{ MAILBOX_IOC_RING_WAIT, 0, { 0 }, { EAGAIN, ETIMEDOUT, EPIPE, EIDRM } },
	{ MAILBOX_IOC_RING_WAKE, 0, { 0 }, { 0 } },
	/* there is none of this number; the others begin with SIZE_MAX's and NONE's */
	{ _IOWR(MAILBOX_IOC_MAGIC, 0x7e, struct mailbox_info), 0, { 0 }, { 0 } },
};

#define COMMANDS	ARRAY_SIZE(commands)

bool garbage_fits(const struct call *call, const struct outcome *outcome)
{
	int error = outcome->error;
	static const int always[] = { EINVAL, EFAULT, E2BIG, ENOTTY, EINTR, ENOMEM, ENODEV, EBADF };
	const struct garbage_command *command = &commands[call->arg[WHICH] % COMMANDS];

	if (outcome->spilled)
		return false;
	if (!error)
		return true;
	/* where it says why, it says what there is */
	if (outcome->why.code == -error &&
	    (outcome->why.reason > MAILBOX_REASON_NO_PEER ||
	     (outcome->why.field >= sizeof(struct mailbox_stat) &&
	      outcome->why.field != MAILBOX_NO_FIELD)))
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(always); i++)
		if (error == always[i])
			return true;
	for (unsigned int i = 0; i < ARRAY_SIZE(command->errors); i++)
		if (error == command->errors[i])
			return true;
	return false;
}

/* --- what is nearly right --------------------------------------------------------- */

static unsigned char *room(void)
{
	static __thread unsigned char *memory;

	/* behind it there is nothing, for lengths that are not true */
	if (!memory) {
		memory = mmap(NULL, ROOM + (64 << 20), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			      MAP_NORESERVE, -1, 0);
		mprotect(memory, ROOM, PROT_READ | PROT_WRITE);
	}
	return memory;
}

static uint64_t address(struct random *random)
{
	static const uint64_t bad[] = {
		1, 0x00007fffffffe000ULL, 0x8000000000000000ULL, 0xffff888000001000ULL,
		0xffffffff81000000ULL, ~0ULL, ~0ULL - 4095,
	};

	switch (random_below(random, 8)) {
	case 0:
		return stage->bad.unmapped;
	case 1:
		return stage->bad.read_only;
	case 2:
		return bad[random_below(random, ARRAY_SIZE(bad))];
	case 3:		/* partly there */
		return (uintptr_t)room() + ROOM - random_below(random, 64);
	default:
		return (uintptr_t)room() + random_below(random, 64);
	}
}

static void plausible(unsigned int which, unsigned char *bytes, struct random *random)
{
	static const char name[] = "fuzz-1";
	/* whatever CREATE makes */
	static const uint32_t policies[] = { 0, 1, 2, 3, MAILBOX_POLICY_SEGMENT };
	uint32_t policy = policies[random_below(random, ARRAY_SIZE(policies))];
	uint32_t ring = random_once(random, 3) ? 0 : 4096 << random_below(random, 3);

	switch (commands[which].number) {
	case MAILBOX_IOC_CREATE:
		*(struct mailbox_create *)bytes = (struct mailbox_create) {
			.name = random_once(random, 2) ? (uintptr_t)name : 0,
			.flags = MAILBOX_CREATE_NONBLOCK, .rights = MAILBOX_RIGHT_ALL,
			.policy = policy, .capacity = 1 + random_below(random, 4),
			.slow = policy == MAILBOX_POLICY_BROADCAST ? random_below(random, 3) : 0,
		};
		break;
	case MAILBOX_IOC_OPEN:
		*(struct mailbox_open *)bytes = (struct mailbox_open) {
			.name = (uintptr_t)name, .flags = MAILBOX_OPEN_NONBLOCK, .rights = 3,
		};
		break;
	case MAILBOX_IOC_LIST:
		*(struct mailbox_list *)bytes = (struct mailbox_list) {
			.entries = (uintptr_t)room(), .entry_size = sizeof(struct mailbox_stat),
			.count = 4,
		};
		break;
	case MAILBOX_IOC_SEND:
		*(struct mailbox_send *)bytes = (struct mailbox_send) {
			.flags = MAILBOX_NONBLOCK, .buffer = (uintptr_t)room(), .length = 64,
		};
		break;
	case MAILBOX_IOC_RECEIVE:
		*(struct mailbox_receive *)bytes = (struct mailbox_receive) {
			.flags = MAILBOX_NONBLOCK, .buffer = (uintptr_t)room(), .length = ROOM,
		};
		break;
	case MAILBOX_IOC_SEND_BATCH:
	case MAILBOX_IOC_RECEIVE_BATCH:
		*(struct mailbox_batch *)bytes = (struct mailbox_batch) {
			.items = (uintptr_t)room(), .item_size = sizeof(struct mailbox_send),
			.count = 1 + random_below(random, 4),
		};
		break;
	case MAILBOX_IOC_SET:
		*(struct mailbox_set *)bytes = (struct mailbox_set) {
			.mask = MAILBOX_SET_CAPACITY, .capacity = random_below(random, 4),
		};
		break;
	case MAILBOX_IOC_CHANNEL:
		*(struct mailbox_channel *)bytes = (struct mailbox_channel) {
			.flags = MAILBOX_CHANNEL_NONBLOCK, .ring = ring, .ring_back = ring,
			.capacity = 1 + random_below(random, 4),
		};
		break;
	case MAILBOX_IOC_CONNECT:
		*(struct mailbox_connect *)bytes = (struct mailbox_connect) {
			.flags = MAILBOX_NONBLOCK, .buffer = (uintptr_t)room(), .length = 64,
			.ring = ring, .ring_back = ring, .capacity = 1 + random_below(random, 4),
		};
		break;
	case MAILBOX_IOC_ACCEPT:
		*(struct mailbox_accept *)bytes = (struct mailbox_accept) {
			.sequence = 1 + random_below(random, 4),
			.flags = MAILBOX_ACCEPT_NONBLOCK,
		};
		break;
	case MAILBOX_IOC_REFUSE:
		*(struct mailbox_refuse *)bytes = (struct mailbox_refuse) {
			.sequence = 1 + random_below(random, 4),
		};
		break;
	case MAILBOX_IOC_RING_WAIT:
		*(struct mailbox_ring_wait *)bytes = (struct mailbox_ring_wait) {
			.flags = MAILBOX_NONBLOCK, .events = 1 + random_below(random, 3),
		};
		break;
	case MAILBOX_IOC_RING_WAKE:
		*(struct mailbox_ring_wake *)bytes = (struct mailbox_ring_wake) {
			.events = 1 + random_below(random, 3),
		};
		break;
	case MAILBOX_IOC_DUP:
		*(struct mailbox_dup *)bytes = (struct mailbox_dup) {
			.flags = MAILBOX_OPEN_NONBLOCK, .rights = MAILBOX_RIGHT_ALL,
		};
		break;
	}
}

/* Replace a member; an address only by one where nothing else is kept. */
static void spoil(unsigned int which, unsigned char *bytes, size_t size, struct random *random)
{
	static const uint32_t words[] = { 0, 1, 2, 4, 8, 0x10, 0x7fffffff, 0x80000000, ~0U, 64, 65 };
	const unsigned int *pointers = commands[which].pointers;
	size_t at = random_below(random, size / 4) * 4;
	uint32_t word = random_once(random, 2) ? words[random_below(random, ARRAY_SIZE(words))] :
						 random_next(random);
	uint64_t pointer;

	for (int i = 0; i < 2; i++)
		if (pointers[i] && (at == pointers[i] || at == pointers[i] + 4)) {
			pointer = address(random);
			memcpy(bytes + pointers[i], &pointer, sizeof(pointer));
			return;
		}
	memcpy(bytes + at, &word, sizeof(word));
}

/* Members of a batch; or pieces of a payload, which lie there too. */
static void fill_room(struct random *random)
{
	struct mailbox_send *items = (struct mailbox_send *)room();

	memset(items, 0, ROOM / 16);
	for (int i = 0; i < 4; i++) {
		items[i].flags = MAILBOX_NONBLOCK;
		items[i].length = random_below(random, 100);
		/* a receive has its buffer eight bytes further on */
		items[i].buffer = (uintptr_t)room() + ROOM / 2;
	}
	if (random_once(random, 3)) {
		struct mailbox_vector *pieces = (struct mailbox_vector *)room();

		for (unsigned int i = 0; i < 16; i++)
			pieces[i] = (struct mailbox_vector) {
				random_once(random, 8) ? address(random) :
							 (uintptr_t)room() + ROOM / 2 + i * 16,
				random_once(random, 16) ? random_next(random) :
							  random_below(random, 32),
			};
	}
}

void execute_garbage(const struct call *call, int fd, struct outcome *outcome)
{
	struct random random = { call->arg[VALUE] ^ call->arg[FLAGS] << 32 };
	unsigned int which = call->arg[WHICH] % COMMANDS;
	unsigned long number = commands[which].number;
	size_t known = _IOC_SIZE(number), size = known;
	unsigned char bytes[2048], *argument = bytes;
	int result;

	memset(bytes, 0, sizeof(bytes));
	fill_room(&random);
	plausible(which, bytes, &random);
	for (uint64_t i = random_below(&random, 4); i; i--)
		spoil(which, bytes, known, &random);
	if (random_once(&random, 6))		/* what is cut short more often than the rest */
		size = random_below(&random, random_once(&random, 2) ? known + 16 :
							     sizeof(bytes) - 256);
	/* a command that there is not, whose errors would be another's */
	if (random_once(&random, 20))
		number ^= 1U << (6 + random_below(&random, 26));
	memset(bytes + size, 0xa5, sizeof(bytes) - size);
	if (random_once(&random, 3)) {		/* at the end of what there is */
		argument = room() + ROOM - size;
		memcpy(argument, bytes, size);
	} else if (random_once(&random, 16)) {
		argument = (unsigned char *)(uintptr_t)address(&random);
	}
	number = (number & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT)) | size << _IOC_SIZESHIFT;

	result = ioctl(fd, number, argument);
	outcome->error = result < 0 ? errno : 0;
	outcome->value = result;
	if (!result && commands[which].fd && !((number ^ commands[which].number) & 0xffff) &&
	    size >= commands[which].fd + sizeof(int)) {
		int new;

		memcpy(&new, argument + commands[which].fd, sizeof(new));
		outcome->count = new;
		/* its two stand together */
		if (commands[which].number == MAILBOX_IOC_CHANNEL) {
			memcpy(&new, argument + commands[which].fd + sizeof(new), sizeof(new));
			outcome->more = new;
		}
	}
	if (argument != bytes)
		return;
	for (size_t i = size; i < sizeof(bytes); i++)
		outcome->spilled |= bytes[i] != 0xa5;
	if (size >= sizeof(outcome->why))
		memcpy(&outcome->why, bytes, sizeof(outcome->why));
}
