// SPDX-License-Identifier: GPL-2.0
/*
 * The model: from a call to what must come out of it.
 */
#include <errno.h>
#include <string.h>

#include "world.h"

struct expectation expectations[ACTORS];

const uint64_t quota_defaults[QUOTAS] = {
	[QUOTA_MESSAGES] = 65536,
	[QUOTA_BYTES] = 64 << 20,
	[QUOTA_MAILBOXES] = 1024,
	[QUOTA_MESSAGE_MAX] = 16 << 20,
};

/* --- processes -------------------------------------------------------------- */

static bool alone(unsigned int actor)
{
	for (int i = 0; i < ACTORS; i++)
		if (i != (int)actor && world.actor[i].process == world.actor[actor].process)
			return false;
	return true;
}

static void expect_actor(unsigned int actor, const struct call *call)
{
	unsigned int target = call->arg[TARGET] % ACTORS;
	int process = world.actor[actor].process;

	if (world.actor[target].process != NOBODY) {
		expectations[actor].how = SKIPPED;
		return;
	}
	if (call->op == OP_FORK) {
		int child = world.processes++;

		world.process[child] = world.process[process];
		for (int i = 0; i < SLOTS; i++)
			if (world.process[child].slot[i])
				world.process[child].slot[i]->references++;
		process = child;
	}
	world.actor[target].process = process;
	world.actor[target].request = 0;
}

static void process_end(int process)
{
	world.ended_process = world.process[process].pid;
	for (int i = 0; i < ACTORS; i++) {
		struct waiter *waiter = &world.actor[i].waiter;

		if (world.actor[i].process != process)
			continue;
		if (waiter->waits) {
			struct box *box = waiter->handle->box;

			withdraw(waiter);
			*waiter = (struct waiter) { .actor = i };
			settle(box);
		}
		world.actor[i].process = NOBODY;
		world.ended &= ~(1U << i);
	}
	for (int i = 0; i < SLOTS; i++)
		slot_close(process, i);
	world.process[process].alive = false;
}

static void expect_signal(unsigned int actor, const struct call *call)
{
	struct waiter *waiter = &world.actor[call->arg[TARGET] % ACTORS].waiter;
	struct box *box;

	/* where a call is restarted, it may or may not keep its place; an asker is not */
	if (!waiter->waits || (call->arg[VALUE] & 1 && waiter->kind != ASKS)) {
		expectations[actor].how = SKIPPED;
		return;
	}
	box = waiter->handle->box;
	expectations[waiter->actor].interrupted = true;
	waiter_fail(waiter, EINTR, MAILBOX_REASON_NONE, 0);
	settle(box);
}

static void expect_end(unsigned int actor, const struct call *call)
{
	unsigned int target = call->op == OP_EXIT ? actor : call->arg[TARGET] % ACTORS;
	int process = world.actor[target].process;

	/* actor 0 has to stay */
	if (process == NOBODY || process == world.actor[0].process ||
	    (call->op == OP_KILL && process == world.actor[actor].process)) {
		expectations[actor].how = SKIPPED;
		return;
	}
	process_end(process);
}

static void expect_become(unsigned int actor, const struct call *call)
{
	uid_t user = call->arg[USER];

	/* actor 0 has to be root */
	if (!actor || process_of(actor)->uid || (user != 1000 && user != 1001) || !alone(actor))
		expectations[actor].how = SKIPPED;
	else
		process_of(actor)->uid = user;
}

/* --- descriptors ---------------------------------------------------------------- */

static void expect_dupfd(unsigned int actor, const struct call *call, struct handle *handle)
{
	unsigned int to = call->arg[TO] % SLOTS;

	if (to == call->arg[SLOT] % (SLOTS + 1)) {
		expectations[actor].how = SKIPPED;
		return;
	}
	slot_close(world.actor[actor].process, to);
	process_of(actor)->slot[to] = handle;
	handle->references++;
}

static void expect_pass(unsigned int actor, const struct call *call, struct handle *handle)
{
	unsigned int target = call->arg[TARGET] % ACTORS, to = call->arg[TO] % SLOTS;

	if (target == actor || !model_idle(target)) {
		expectations[actor].how = SKIPPED;
		return;
	}
	/* on its way, while the old one is closed */
	handle->references++;
	slot_close(world.actor[target].process, to);
	process_of(target)->slot[to] = handle;
}

static void expect_file(unsigned int actor, const struct call *call, const struct handle *handle)
{
	static const int errors[FILES] = {
		[FILE_MMAP] = ENODEV, [FILE_SCRIBBLE] = ENODEV,
		[FILE_LSEEK] = ESPIPE, [FILE_PREAD] = ESPIPE,
		[FILE_PWRITE] = ESPIPE, [FILE_COMMAND] = ENOTTY, [FILE_REOPEN] = ENXIO,
	};
	struct expectation *expected = &expectations[actor];
	struct box *box = handle->box;
	unsigned int which = call->arg[WHICH] % FILES;
	uint32_t needs = which == FILE_SCRIBBLE ? MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE :
						  MAILBOX_RIGHT_RECEIVE;
	int error = errors[which];

	/* who knows what a page holds then */
	if (which == FILE_SCRIBBLE && box->ring[0].size) {
		expected->how = SKIPPED;
		return;
	}
	/* a segment is there to be mapped, by who may, and so are rings */
	if (error == ENODEV && (box->policy == MAILBOX_POLICY_SEGMENT || box->ring[0].size))
		error = needs & ~handle->rights ? EACCES : 0;
	if (!error && which != FILE_INFO)
		return;
	if (error) {
		complain(&expected->wrong, error, ANY_REASON, ANY_FIELD, ANY_VALUE);
		/* the /proc of one who has changed its user is root's */
		if (error == ENXIO && process_of(actor)->uid)
			complain(&expected->wrong, EACCES, ANY_REASON, ANY_FIELD, ANY_VALUE);
		/* the file is one that cannot be read, and that is seen before */
		if (error == ENODEV && needs & ~handle->rights)
			complain(&expected->wrong, EACCES, ANY_REASON, ANY_FIELD, ANY_VALUE);
		return;
	}
	expected->stat = (struct mailbox_stat) {
		.id = box->id, .rights = handle->rights, .depth = depth_of(box),
		.capacity = box->capacity,
	};
	if (box->named && !box->destroyed)
		snprintf(expected->stat.name, sizeof(expected->stat.name), "fuzz-%llu",
			 (unsigned long long)box->name);
}

static void expect_quota(unsigned int actor, const struct call *call)
{
	unsigned int which = call->arg[WHICH] % QUOTAS;
	uint64_t value = call->arg[VALUE];

	/* so small that it matters, never more than before, and what it may be */
	if (value > 65536 || (which == QUOTA_MESSAGE_MAX && !value))
		expectations[actor].how = SKIPPED;
	else
		world.quota[which] = value;
}

/* --- calls ---------------------------------------------------------------------- */

/* Is the struct itself wrong? */
static bool struct_wrong(const struct call *call, size_t size, struct expectation *expected)
{
	switch (call->arg[TWIST]) {
	case TWIST_STRUCT:
		complain(&expected->wrong, EFAULT, ANY_REASON, ANY_FIELD, ANY_VALUE);
		expected->no_detail = true;
		return true;
	case TWIST_SHORT:
		complain(&expected->wrong, EINVAL, MAILBOX_REASON_SIZE, ANY_FIELD, size);
		return true;
	case TWIST_TAIL:
		complain(&expected->wrong, E2BIG, MAILBOX_REASON_SIZE, ANY_FIELD, size);
		return true;
	default:
		return false;
	}
}

static size_t struct_size(enum op op)
{
	switch (op) {
	case OP_CREATE:		return sizeof(struct mailbox_create);
	case OP_OPEN:		return sizeof(struct mailbox_open);
	case OP_DUP:		return sizeof(struct mailbox_dup);
	case OP_SEND:		return sizeof(struct mailbox_send);
	case OP_RECEIVE:	return sizeof(struct mailbox_receive);
	case OP_SEND_BATCH:
	case OP_RECEIVE_BATCH:	return sizeof(struct mailbox_batch);
	case OP_SET:		return sizeof(struct mailbox_set);
	case OP_STAT:		return sizeof(struct mailbox_stat);
	case OP_INFO:		return sizeof(struct mailbox_info);
	case OP_LIST:		return sizeof(struct mailbox_list);
	case OP_DESTROY:	return sizeof(struct mailbox_destroy);
	case OP_CHANNEL:	return sizeof(struct mailbox_channel);
	case OP_CONNECT:	return sizeof(struct mailbox_connect);
	case OP_ACCEPT:		return sizeof(struct mailbox_accept);
	case OP_REFUSE:		return sizeof(struct mailbox_refuse);
	case OP_PEER:		return sizeof(struct mailbox_peer);
	case OP_RING_WAIT:	return sizeof(struct mailbox_ring_wait);
	case OP_RING_WAKE:	return sizeof(struct mailbox_ring_wake);
	default:		return 0;
	}
}

static bool needs_handle(const struct call *call)
{
	static const uint64_t others = 1ULL << OP_CREATE | 1ULL << OP_OPEN | 1ULL << OP_LIST |
		1ULL << OP_CHANNEL | 1ULL << OP_FORK | 1ULL << OP_THREAD | 1ULL << OP_BECOME | 1ULL << OP_EXIT |
		1ULL << OP_SIGNAL | 1ULL << OP_KILL | 1ULL << OP_QUOTA | 1ULL << OP_TOGETHER;

	return !(others & 1ULL << call->op);
}

/* Its new handle comes into the slot TO, which is cleared before. */
static bool fills_slot(enum op op)
{
	return op == OP_CREATE || op == OP_OPEN || op == OP_DUP || op == OP_CHANNEL ||
	       op == OP_CONNECT || op == OP_ACCEPT;
}

/* Would its time be over before who waits for the message has received it, or not? */
static bool is_a_race(const struct call *call, struct box *box)
{
	bool sync = !box->capacity || call->arg[FLAGS] & MAILBOX_SEND_SYNC;

	if (!(call->arg[FLAGS] & MAILBOX_DEADLINE) || !next_waiter(box, RECEIVES, 0))
		return false;
	switch (call->op) {
	case OP_SEND:
	case OP_SEND_BATCH:	/* what can be done at once is done */
		return sync && call->arg[DEADLINE] == DEADLINE_SOON;
	case OP_CONNECT:
		return call->arg[DEADLINE] <= DEADLINE_SOON;
	default:
		return false;
	}
}

static void expect_call(unsigned int actor, unsigned int number, struct handle *handle)
{
	const struct call *call = &stage->program.call[number];
	struct expectation *expected = &expectations[actor];
	unsigned int slot = call->arg[SLOT] % (SLOTS + 1), to = call->arg[TO] % SLOTS;
	int process = world.actor[actor].process;
	size_t size = struct_size(call->op);

	/* the place of the new handle would be that of the old one, or of the other end */
	if (fills_slot(call->op) && to == (call->op == OP_CHANNEL ? call->arg[BACK] % SLOTS :
					   needs_handle(call) ? slot : SLOTS)) {
		expected->how = SKIPPED;
		return;
	}
	/* who waits by what is closed for it has the file until it wakes, or has it no more */
	if ((fills_slot(call->op) && slot_waiters(process, to)) ||
	    (call->op == OP_CHANNEL && slot_waiters(process, call->arg[BACK] % SLOTS))) {
		expected->how = SKIPPED;
		return;
	}
	if (handle && is_a_race(call, handle->box)) {
		expected->how = SKIPPED;
		return;
	}
	/* more than any file takes: not the module's business; pieces of it are nowhere */
	if ((call->op == OP_READ || call->op == OP_WRITE || call->arg[FLAGS] & MAILBOX_VECTOR) &&
	    call->arg[LENGTH] > INT32_MAX) {
		expected->how = SKIPPED;
		return;
	}
	if (size && struct_wrong(call, size, expected)) {
		/* the place was cleared nevertheless */
		if (fills_slot(call->op))
			slot_close(process, to);
		if (call->op == OP_CHANNEL)
			slot_close(process, call->arg[BACK] % SLOTS);
		return;
	}
	if ((call->op == OP_READ || call->op == OP_WRITE) &&
	    handle->box->policy == MAILBOX_POLICY_SEGMENT) {
		complain(&expected->wrong, EINVAL, ANY_REASON, ANY_FIELD, ANY_VALUE);
		/* the file is not one for that, or so is the buffer */
		complain(&expected->wrong, EBADF, ANY_REASON, ANY_FIELD, ANY_VALUE);
		complain(&expected->wrong, EFAULT, ANY_REASON, ANY_FIELD, ANY_VALUE);
		/* of no bytes the file is not asked */
		expected->lenient = !call->arg[LENGTH];
		return;
	}
	switch (call->op) {
	case OP_SEND:
	case OP_SEND_BATCH:
	case OP_WRITE:
	case OP_CONNECT:
		expect_send(actor, number, handle);
		break;
	case OP_RECEIVE:
	case OP_RECEIVE_BATCH:
	case OP_READ:
		expect_receive(actor, number, handle);
		break;
	case OP_CHANNEL:
		expect_channel(actor, call);
		break;
	case OP_ACCEPT:
		expect_accept(actor, call, handle);
		break;
	case OP_REFUSE:
		expect_refuse(actor, call, handle);
		break;
	case OP_PEER:
		expect_peer(actor, call, handle);
		break;
	case OP_RING_WAIT:
	case OP_RING_WAKE:
	case OP_RING_MAP:
	case OP_RING_STORE:
	case OP_RING_LOOK:
		expect_ring(actor, call, handle);
		break;
	case OP_CLOSE:
		slot_close(process, call->arg[SLOT]);
		break;
	case OP_POLL:
		expect_poll(actor, handle, expected);
		break;
	case OP_NONBLOCK:
		handle->nonblock = call->arg[VALUE] & 1;
		break;
	case OP_DUPFD:
		expect_dupfd(actor, call, handle);
		break;
	case OP_PASS:
		expect_pass(actor, call, handle);
		break;
	case OP_FORK:
	case OP_THREAD:
		expect_actor(actor, call);
		break;
	case OP_BECOME:
		expect_become(actor, call);
		break;
	case OP_EXIT:
	case OP_KILL:
		expect_end(actor, call);
		break;
	case OP_SIGNAL:
		expect_signal(actor, call);
		break;
	case OP_QUOTA:
		expect_quota(actor, call);
		break;
	case OP_FILE:
		expect_file(actor, call, handle);
		break;
	case OP_RAW:
		expected->how = SKIPPED;
		break;
	default:
		expect_handles(actor, number, handle);
		break;
	}
}

/* A command on the device that is for handles, and what else needs one. */
static void expect_device(const struct call *call, struct expectation *expected)
{
	if (call->op == OP_INFO) {
		if (!struct_wrong(call, struct_size(call->op), expected))
			expect_info(call->actor, call);
	} else if (struct_size(call->op) && call->arg[TWIST] == TWIST_NONE && !fills_slot(call->op)) {
		complain(&expected->wrong, ENOTTY, ANY_REASON, ANY_FIELD, ANY_VALUE);
	} else {
		expected->how = SKIPPED;
	}
	expected->no_detail = true;
}

unsigned int model_call(unsigned int number)
{
	const struct call *call = &stage->program.call[number];
	unsigned int slot = call->arg[SLOT] % (SLOTS + 1), actor = call->actor;
	struct expectation *expected = &expectations[actor];
	struct handle *handle = NULL;

	world.call = number;
	world.ended = 0;
	world.ended_process = 0;
	if (!model_idle(actor))
		return 0;
	memset(expected, 0, sizeof(*expected));
	expected->number = number;
	expected->how = ENDS;
	if (needs_handle(call)) {
		if (slot == SLOT_DEVICE) {
			expect_device(call, expected);
		} else {
			handle = process_of(actor)->slot[slot];
			if (!handle)
				expected->how = SKIPPED;
		}
	}
	if (expected->how == ENDS && (handle || !needs_handle(call)))
		expect_call(actor, number, handle);
	if (expected->how == SKIPPED)
		return 0;
	if (expected->how == ENDS && world.actor[actor].process != NOBODY)
		world.ended |= 1U << actor;
	return world.ended;
}
