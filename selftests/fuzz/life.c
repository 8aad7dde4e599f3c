// SPDX-License-Identifier: GPL-2.0
/*
 * The model of how mailboxes and handles come to be, are seen and changed, and end.
 */
#include <errno.h>
#include <string.h>

#include "world.h"

#define FIELD(type, member)	offsetof(struct type, member)
#define BOTH	(MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE)

/* --- ends ----------------------------------------------------------------- */

void box_destroy(struct box *box)
{
	struct waiter *waiter;
	struct handle *handle;

	box->destroyed = true;
	drop_all(box, &box->inbox[0]);
	drop_all(box, &box->inbox[1]);
	for (unsigned int i = 0; i < world.handles; i++) {
		handle = world.handle[i];
		if (handle->box == box && handle->own)
			drop_all(box, handle->own);
	}
	while ((waiter = next_waiter(box, SENDS, 0)))
		waiter_fail(waiter, EIDRM, MAILBOX_REASON_DESTROYED, 0);
	while ((waiter = next_waiter(box, RECEIVES, 0)))
		waiter_fail(waiter, EIDRM, MAILBOX_REASON_DESTROYED, 0);
	while ((waiter = next_waiter(box, ASKS, 0)))
		waiter_fail(waiter, EIDRM, MAILBOX_REASON_DESTROYED, 0);
	world.mailboxes[user_of(box->creator)]--;
	world.bytes[user_of(box->creator)] -= box->memory;
}

/* The last descriptor of a handle, anywhere, is closed. */
static void handle_end(struct handle *handle)
{
	struct box *box = handle->box;
	struct waiter *waiter;

	/* who asked and was not answered is told so */
	while (handle->requests) {
		struct request *request = handle->requests;

		handle->requests = request->next;
		request_drop(request);
	}
	if (handle->own) {
		drop_all(box, handle->own);
		handle->own = NULL;
	}
	if (box->destroyed)
		return;
	if (!handles_of(box, 0)) {
		if (!(box->flags & MAILBOX_CREATE_PERSIST))
			box_destroy(box);
		return;
	}
	if (box->policy == MAILBOX_POLICY_CHANNEL) {
		/* nobody can come to it, and there is nothing to answer */
		if (!handle->end && !handles_at(box, 0, 0) && box->answer == MAILBOX_PEER_PENDING) {
			box_destroy(box);
			request_forget(box);
		} else {
			end_left(handle);
		}
		return;
	}
	if (!box->named && !handles_of(box, MAILBOX_RIGHT_RECEIVE))
		while ((waiter = next_waiter(box, SENDS, 0)))
			waiter_fail(waiter, EPIPE, MAILBOX_REASON_NO_RECEIVERS, 0);
	if (!box->named && !handles_of(box, MAILBOX_RIGHT_SEND))
		while ((waiter = next_waiter(box, RECEIVES, 0)))
			waiter_fail(waiter, EPIPE, MAILBOX_REASON_NO_SENDERS, 0);
	settle(box);
}

void handle_put(struct handle *handle)
{
	if (!--handle->references)
		handle_end(handle);
}

/* Those whose call is under way by this descriptor, and by no other. */
unsigned int slot_waiters(int process, unsigned int slot)
{
	struct handle **slots = world.process[process].slot;
	unsigned int waiters = 0;

	for (unsigned int i = 0; i < SLOTS; i++)
		if (i != slot && slots[i] == slots[slot])
			return 0;
	for (unsigned int i = 0; i < ACTORS; i++) {
		struct waiter *waiter = &world.actor[i].waiter;

		if (waiter->waits && waiter->handle == slots[slot] &&
		    world.actor[i].process == process)
			waiters |= 1U << i;
	}
	return waiters;
}

void slot_close(int process, unsigned int slot)
{
	struct handle **slots = world.process[process].slot, *handle = slots[slot];
	unsigned int waiters = slot_waiters(process, slot);

	if (!handle)
		return;
	slots[slot] = NULL;
	for (unsigned int i = 0; i < ACTORS; i++) {
		if (waiters & 1U << i) {
			waiter_fail(&world.actor[i].waiter, EBADF, MAILBOX_REASON_CLOSED, 0);
			settle(handle->box);
		}
	}
	handle_put(handle);
	seat_leave(handle->box, process);
}

/* --- beginnings ------------------------------------------------------------- */

struct handle *handle_new(struct box *box, uint32_t rights, bool nonblock)
{
	struct handle *handle = world_memory(sizeof(*handle));

	*handle = (struct handle) {
		.box = box, .rights = rights, .references = 1, .nonblock = nonblock,
	};
	if (box->policy == MAILBOX_POLICY_BROADCAST && rights & MAILBOX_RIGHT_RECEIVE)
		handle->own = world_memory(sizeof(*handle->own));
	world.handle[world.handles++] = handle;
	return handle;
}

static struct handle *slot_fill(unsigned int actor, unsigned int slot, struct box *box,
				uint32_t rights, bool nonblock)
{
	struct handle *handle = handle_new(box, rights, nonblock);

	process_of(actor)->slot[slot] = handle;
	if (rights & BOTH)
		seat_take(box, world.actor[actor].process,
			  rights & MAILBOX_RIGHT_RECEIVE ? MAILBOX_RIGHT_RECEIVE :
							   MAILBOX_RIGHT_SEND);
	return handle;
}

struct box *box_new(unsigned int actor, const struct box *how)
{
	const struct process *process = process_of(actor);
	struct box *box = world_memory(sizeof(*box));

	*box = *how;
	box->named = how->name;
	box->uid = process->uid;
	box->gid = process->uid;
	box->creator = process->uid;
	box->creator_pid = process->pid;
	box->seat[0].process = NOBODY;
	box->seat[1].process = NOBODY;
	world.box[world.boxes++] = box;
	world.mailboxes[user_of(process->uid)]++;
	world.bytes[user_of(process->uid)] += box->memory;
	return box;
}

static struct box *box_named(uint64_t name)
{
	for (unsigned int i = 0; i < world.boxes; i++) {
		struct box *box = world.box[i];

		if (!box->destroyed && box->named && box->name == name)
			return box;
	}
	return NULL;
}

static void check_name(uint64_t name, unsigned int field, struct complaints *wrong)
{
	switch (name) {
	case NAME_EMPTY:
		complain(wrong, EINVAL, MAILBOX_REASON_NAME_EMPTY, field, 0);
		break;
	case NAME_LONG:
		complain(wrong, ENAMETOOLONG, MAILBOX_REASON_NAME_LONG, field, MAILBOX_NAME_MAX);
		break;
	case NAME_SLASH:
		complain(wrong, EINVAL, MAILBOX_REASON_NAME_BYTE, field, 4);
		break;
	case NAME_CONTROL:
		complain(wrong, EINVAL, MAILBOX_REASON_NAME_BYTE, field, 3);
		break;
	case NAME_UNMAPPED:
		complain(wrong, EFAULT, MAILBOX_REASON_POINTER, field, stage->bad.unmapped);
		break;
	}
}

static void check_rights(uint32_t rights, unsigned int field, struct complaints *wrong)
{
	if (!rights)
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, field, ANY_VALUE);
	if (rights & ~MAILBOX_RIGHT_ALL)
		complain(wrong, EINVAL, MAILBOX_REASON_FLAGS, field, rights & ~MAILBOX_RIGHT_ALL);
}

void check_reserved(const struct call *call, unsigned int field, struct complaints *wrong)
{
	if (call->arg[TWIST] == TWIST_RESERVED)
		complain(wrong, EINVAL, MAILBOX_REASON_RESERVED, field, 1);
}

void check_known(uint32_t flags, uint32_t known, unsigned int field, struct complaints *wrong)
{
	if (flags & ~known)
		complain(wrong, EINVAL, MAILBOX_REASON_FLAGS, field, flags & ~known);
}

/* May this user have these rights, by the mode? */
static void check_mode(const struct box *box, uid_t user, uint32_t rights,
		       struct complaints *wrong)
{
	uint32_t mode = box->mode, refused = 0;
	bool owner = user == box->uid || user == box->creator;
	/* each user has just the group of its own number */
	bool group = user == box->gid || user == box->creator;

	if (!user)
		return;
	mode = owner ? mode >> 6 : group ? mode >> 3 : mode;
	if (rights & MAILBOX_RIGHT_SEND && !(mode & 2))
		refused |= MAILBOX_RIGHT_SEND;
	if (rights & MAILBOX_RIGHT_RECEIVE && !(mode & 4))
		refused |= MAILBOX_RIGHT_RECEIVE;
	if (refused)
		complain(wrong, EACCES, MAILBOX_REASON_MODE, MAILBOX_NO_FIELD, refused);
	if (rights & MAILBOX_RIGHT_ADMIN && !owner)
		complain(wrong, EPERM, MAILBOX_REASON_OWNER, MAILBOX_NO_FIELD, 0);
}

/* May there be one more handle with these rights? */
static void check_policy(struct box *box, unsigned int actor, uint32_t rights,
			 struct complaints *wrong)
{
	if (box->policy == MAILBOX_POLICY_EXCLUSIVE && rights & MAILBOX_RIGHT_RECEIVE &&
	    handles_of(box, MAILBOX_RIGHT_RECEIVE))
		complain(wrong, EBUSY, MAILBOX_REASON_RECEIVER_TAKEN, ANY_FIELD, 0);
	if (rights & BOTH && !seat_free(box, world.actor[actor].process))
		complain(wrong, EBUSY, MAILBOX_REASON_PAIR_TAKEN, ANY_FIELD, 0);
}

void check_capacity(uint64_t capacity, bool not_zero, unsigned int field,
		    struct complaints *wrong)
{
	if (capacity > MAILBOX_CAPACITY_MAX && capacity != MAILBOX_UNLIMITED)
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, field, MAILBOX_CAPACITY_MAX);
	if (not_zero && !capacity)
		complain(wrong, EINVAL, ANY_REASON, field, ANY_VALUE);
}

void check_max(uint64_t max, unsigned int field, struct complaints *wrong)
{
	if (max > world.quota[QUOTA_MESSAGE_MAX])
		complain(wrong, EMSGSIZE, MAILBOX_REASON_MODULE_SIZE, field,
			 world.quota[QUOTA_MESSAGE_MAX]);
}

/* May there be one more of this user? */
void check_mailboxes(unsigned int actor, struct complaints *wrong)
{
	unsigned int user = user_of(process_of(actor)->uid);

	if (user && world.mailboxes[user] >= world.quota[QUOTA_MAILBOXES])
		complain(wrong, EDQUOT, MAILBOX_REASON_USER_MAILBOXES, ANY_FIELD,
			 world.quota[QUOTA_MAILBOXES]);
}

static void check_segment(const struct call *call, struct complaints *wrong)
{
	if (!call->arg[CAPACITY] || call->arg[CAPACITY] > MAILBOX_SEGMENT_MAX)
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, FIELD(mailbox_create, capacity),
			 call->arg[CAPACITY] ? MAILBOX_SEGMENT_MAX : 1);
	if (call->arg[MAX])
		complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_create, message_max), ANY_VALUE);
	if (call->arg[FLAGS] & MAILBOX_CREATE_FIXED)
		complain(wrong, EINVAL, MAILBOX_REASON_POLICY, FIELD(mailbox_create, flags),
			 MAILBOX_CREATE_FIXED);
}

static void check_create(const struct call *call, struct complaints *wrong)
{
	uint32_t flags = call->arg[FLAGS], policy = call->arg[POLICY], slow = call->arg[SLOW];
	uint32_t mode = call->arg[MODE];
	bool broadcast = policy == MAILBOX_POLICY_BROADCAST;

	check_known(flags, 0x71, FIELD(mailbox_create, flags), wrong);
	check_rights(call->arg[RIGHTS], FIELD(mailbox_create, rights), wrong);
	if (policy > MAILBOX_POLICY_SEGMENT)
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, FIELD(mailbox_create, policy),
			 MAILBOX_POLICY_SEGMENT);
	if (policy == MAILBOX_POLICY_CHANNEL)
		complain(wrong, EINVAL, MAILBOX_REASON_POLICY, FIELD(mailbox_create, policy),
			 policy);
	if (policy == MAILBOX_POLICY_SEGMENT)
		check_segment(call, wrong);
	if (slow > MAILBOX_SLOW_CUT)
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, FIELD(mailbox_create, slow),
			 MAILBOX_SLOW_CUT);
	if (slow && !broadcast)
		complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_create, slow), ANY_VALUE);
	if (mode & ~0666)
		complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_create, mode), ANY_VALUE);
	check_capacity(call->arg[CAPACITY], broadcast, FIELD(mailbox_create, capacity), wrong);
	check_max(call->arg[MAX], FIELD(mailbox_create, message_max), wrong);
	if (flags & MAILBOX_CREATE_FIXED && !call->arg[MAX])
		complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_create, message_max), ANY_VALUE);
	check_name(call->arg[NAME], FIELD(mailbox_create, name), wrong);
	if (!call->arg[NAME]) {
		if (mode)
			complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_create, mode), ANY_VALUE);
		if (flags & (MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST))
			complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_create, flags), ANY_VALUE);
	}
	check_reserved(call, FIELD(mailbox_create, reserved), wrong);
}

static void expect_create(unsigned int actor, const struct call *call)
{
	struct expectation *expected = &expectations[actor];
	struct process *process = process_of(actor);
	unsigned int user = user_of(process->uid);
	uint32_t flags = call->arg[FLAGS], rights = call->arg[RIGHTS];
	struct box *box;

	slot_close(world.actor[actor].process, call->arg[TO] % SLOTS);
	check_create(call, &expected->wrong);
	box = call->arg[NAME] ? box_named(call->arg[NAME]) : NULL;
	if (box && flags & MAILBOX_CREATE_EXCL)
		complain(&expected->wrong, EEXIST, MAILBOX_REASON_NAME_TAKEN, MAILBOX_NO_FIELD, 0);
	if (box) {
		check_mode(box, process->uid, rights, &expected->wrong);
		check_policy(box, actor, rights, &expected->wrong);
	} else {
		check_mailboxes(actor, &expected->wrong);
	}
	if (expected->wrong.count)
		return;
	expected->count_known = true;
	expected->count = !box;
	/* how much of a quota's bytes is used is known for messages only */
	if (!box && user && call->arg[POLICY] == MAILBOX_POLICY_SEGMENT) {
		world.gave_up = true;
		return;
	}
	if (!box) {
		bool segment = call->arg[POLICY] == MAILBOX_POLICY_SEGMENT;

		box = box_new(actor, &(struct box) {
			.name = call->arg[NAME], .policy = call->arg[POLICY],
			.slow = call->arg[SLOW],
			.flags = flags & (MAILBOX_CREATE_PERSIST | MAILBOX_CREATE_FIXED),
			.mode = call->arg[MODE], .capacity = call->arg[CAPACITY],
			.message_max = call->arg[MAX] || segment ? call->arg[MAX] :
					world.quota[QUOTA_MESSAGE_MAX],
			.memory = segment ? (call->arg[CAPACITY] + 4095) & ~4095ULL : 0,
		});
	}
	slot_fill(actor, call->arg[TO] % SLOTS, box, rights, flags & MAILBOX_CREATE_NONBLOCK);
}

static void expect_open(unsigned int actor, const struct call *call)
{
	struct expectation *expected = &expectations[actor];
	struct process *process = process_of(actor);
	uint32_t rights = call->arg[RIGHTS];
	struct box *box;

	slot_close(world.actor[actor].process, call->arg[TO] % SLOTS);
	box = call->arg[NAME] ? box_named(call->arg[NAME]) : NULL;
	check_known(call->arg[FLAGS], MAILBOX_OPEN_NONBLOCK, FIELD(mailbox_open, flags),
		    &expected->wrong);
	check_rights(rights, FIELD(mailbox_open, rights), &expected->wrong);
	check_reserved(call, FIELD(mailbox_open, reserved), &expected->wrong);
	check_name(call->arg[NAME], FIELD(mailbox_open, name), &expected->wrong);
	if (!call->arg[NAME])
		complain(&expected->wrong, EFAULT, MAILBOX_REASON_POINTER,
			 FIELD(mailbox_open, name), 0);
	else if (!box)
		complain(&expected->wrong, ENOENT, MAILBOX_REASON_NAME_UNKNOWN, MAILBOX_NO_FIELD,
			 0);
	if (box) {
		check_mode(box, process->uid, rights, &expected->wrong);
		check_policy(box, actor, rights, &expected->wrong);
	}
	if (!expected->wrong.count)
		slot_fill(actor, call->arg[TO] % SLOTS, box, rights,
			  call->arg[FLAGS] & MAILBOX_OPEN_NONBLOCK);
}

static void expect_dup(unsigned int actor, const struct call *call, struct handle *handle)
{
	struct expectation *expected = &expectations[actor];
	uint32_t rights = call->arg[RIGHTS];
	struct box *box = handle->box;

	slot_close(world.actor[actor].process, call->arg[TO] % SLOTS);
	check_known(call->arg[FLAGS], MAILBOX_OPEN_NONBLOCK, FIELD(mailbox_dup, flags),
		    &expected->wrong);
	check_rights(rights, FIELD(mailbox_dup, rights), &expected->wrong);
	check_reserved(call, FIELD(mailbox_dup, reserved), &expected->wrong);
	if (rights & ~handle->rights & MAILBOX_RIGHT_ALL)
		complain(&expected->wrong, EPERM, MAILBOX_REASON_RIGHT, FIELD(mailbox_dup, rights),
			 rights & ~handle->rights);
	if (box->destroyed)
		complain(&expected->wrong, EIDRM, MAILBOX_REASON_DESTROYED, MAILBOX_NO_FIELD, 0);
	else
		check_policy(box, actor, rights, &expected->wrong);
	if (!expected->wrong.count)
		slot_fill(actor, call->arg[TO] % SLOTS, box, rights,
			  call->arg[FLAGS] & MAILBOX_OPEN_NONBLOCK)->end = handle->end;
}

/* --- changed and seen ----------------------------------------------------------- */

static void unused(const struct call *call, uint32_t bit, enum arg arg, unsigned int field,
		   struct complaints *wrong)
{
	uint64_t value = arg == CAPACITY || arg == MAX ? call->arg[arg] : (uint32_t)call->arg[arg];

	if (!(call->arg[MASK] & bit) && value)
		complain(wrong, EINVAL, MAILBOX_REASON_RESERVED, field, value);
}

static void expect_set(unsigned int actor, const struct call *call, struct handle *handle)
{
	struct complaints *wrong = &expectations[actor].wrong;
	uint32_t mask = call->arg[MASK], mode = call->arg[MODE];
	struct box *box = handle->box;

	if (!mask)
		complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_set, mask), ANY_VALUE);
	check_known(mask, 0x1f, FIELD(mailbox_set, mask), wrong);
	unused(call, MAILBOX_SET_CAPACITY, CAPACITY, FIELD(mailbox_set, capacity), wrong);
	unused(call, MAILBOX_SET_MESSAGE_MAX, MAX, FIELD(mailbox_set, message_max), wrong);
	unused(call, MAILBOX_SET_MODE, MODE, FIELD(mailbox_set, mode), wrong);
	unused(call, MAILBOX_SET_UID, USER, FIELD(mailbox_set, uid), wrong);
	unused(call, MAILBOX_SET_GID, GROUP, FIELD(mailbox_set, gid), wrong);
	if (mask & MAILBOX_SET_MODE) {
		if (mode & ~0666)
			complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_set, mode), ANY_VALUE);
		/* a mailbox that was destroyed has lost its name */
		if (!box->named || box->destroyed)
			complain(wrong, EINVAL, MAILBOX_REASON_POLICY, ANY_FIELD, ANY_VALUE);
	}
	if (mask & MAILBOX_SET_UID && (uint32_t)call->arg[USER] == -1U)
		complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_set, uid), ANY_VALUE);
	if (mask & MAILBOX_SET_GID && (uint32_t)call->arg[GROUP] == -1U)
		complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_set, gid), ANY_VALUE);
	if (box->policy == MAILBOX_POLICY_SEGMENT &&
	    mask & (MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX))
		complain(wrong, EINVAL, MAILBOX_REASON_POLICY, FIELD(mailbox_set, mask), ANY_VALUE);
	if (mask & MAILBOX_SET_CAPACITY)
		check_capacity(call->arg[CAPACITY], box->policy == MAILBOX_POLICY_BROADCAST,
			       FIELD(mailbox_set, capacity), wrong);
	if (mask & MAILBOX_SET_MESSAGE_MAX) {
		check_max(call->arg[MAX], FIELD(mailbox_set, message_max), wrong);
		if (box->flags & MAILBOX_CREATE_FIXED)
			complain(wrong, EINVAL, MAILBOX_REASON_POLICY, ANY_FIELD, ANY_VALUE);
	}
	if (!(handle->rights & MAILBOX_RIGHT_ADMIN))
		complain(wrong, EPERM, MAILBOX_REASON_RIGHT, MAILBOX_NO_FIELD, MAILBOX_RIGHT_ADMIN);
	if (box->destroyed)
		complain(wrong, EIDRM, MAILBOX_REASON_DESTROYED, MAILBOX_NO_FIELD, 0);
	if (wrong->count)
		return;
	if (mask & MAILBOX_SET_CAPACITY)
		box->capacity = call->arg[CAPACITY];
	if (mask & MAILBOX_SET_MESSAGE_MAX)
		box->message_max = call->arg[MAX] ? call->arg[MAX] : world.quota[QUOTA_MESSAGE_MAX];
	if (mask & MAILBOX_SET_MODE)
		box->mode = mode;
	if (mask & MAILBOX_SET_UID)
		box->uid = call->arg[USER];
	if (mask & MAILBOX_SET_GID)
		box->gid = call->arg[GROUP];
	settle(box);
}

/* Of each message once: @place finds it again in the queues of others. */
static uint64_t payload_bytes(const struct box *box)
{
	uint64_t bytes = 0;
	unsigned int seen = 0;
	const struct message *messages[QUEUE_MAX];

	for (unsigned int i = 0; i < world.handles + 2; i++) {
		const struct inbox *inbox = i < 2 ? &box->inbox[i] : world.handle[i - 2]->own;

		if (i >= 2 && world.handle[i - 2]->box != box)
			continue;
		for (unsigned int j = 0; inbox && j < inbox->queue.count; j++) {
			unsigned int k = 0;

			while (k < seen && messages[k] != inbox->queue.at[j])
				k++;
			if (k < seen)
				continue;
			messages[seen++] = inbox->queue.at[j];
			bytes += inbox->queue.at[j]->length;
		}
	}
	return bytes;
}

static void name_text(uint64_t name, char *text, size_t size)
{
	snprintf(text, size, "fuzz-%llu", (unsigned long long)name);
}

/* Those of one kind, and those that wait for records, or only for room in a ring. */
static unsigned int waiters(struct box *box, enum wait_kind kind)
{
	struct waiter *waiter = NULL;
	unsigned int count = 0;

	while ((waiter = next_waiter(box, kind, waiter ? waiter->order : 0)))
		count++;
	while ((waiter = next_waiter(box, SLEEPS, waiter ? waiter->order : 0)))
		count += !(waiter->events & MAILBOX_RING_DATA) == (kind == SENDS);
	return count;
}

/* How one user sees it, through a handle or, in a list, without. */
static struct mailbox_stat stat_of(struct box *box, const struct handle *handle)
{
	struct mailbox_stat stat = {
		.id = box->id, .policy = box->policy, .slow = box->slow,
		.flags = box->flags | (box->destroyed ? MAILBOX_STAT_DESTROYED : 0),
		.rights = handle ? handle->rights : 0, .mode = box->mode,
		.uid = box->uid, .gid = box->gid, .creator_uid = box->creator,
		.creator_gid = box->creator, .creator_pid = box->creator_pid,
		.sender_pid = box->sender_pid,
		.receiver_pid = box->receivers_differ ? ANYBODY : box->receiver_pid,
		.capacity = box->capacity, .message_max = box->message_max,
		.depth = depth_of(box), .handles = handles_of(box, 0),
		.bytes = payload_bytes(box),
		.senders = handles_of(box, MAILBOX_RIGHT_SEND),
		.receivers = handles_of(box, MAILBOX_RIGHT_RECEIVE),
		.waiting_senders = waiters(box, SENDS), .waiting_receivers = waiters(box, RECEIVES),
		.sent = box->sent, .received = box->received, .dropped = box->dropped,
		.withdrawn = box->withdrawn,
	};

	if (box->named && !box->destroyed)
		name_text(box->name, stat.name, sizeof(stat.name));
	return stat;
}

static void expect_list(unsigned int actor, const struct call *call)
{
	struct expectation *expected = &expectations[actor];
	uint64_t count = call->arg[COUNT] < 8 ? call->arg[COUNT] : 8, found = 0;
	char after[64] = "", name[64], first[64] = "";

	check_name(call->arg[NAME], FIELD(mailbox_list, after), &expected->wrong);
	if (call->arg[NAME] == NAME_EMPTY)
		expected->lenient = true;
	if (!count)
		complain(&expected->wrong, EINVAL, MAILBOX_REASON_RANGE, FIELD(mailbox_list, count), 1);
	if (call->arg[TWIST] == TWIST_RESERVED)
		complain(&expected->wrong, EINVAL, ANY_REASON, FIELD(mailbox_list, flags), ANY_VALUE);
	if (expected->wrong.count && call->arg[NAME] != NAME_EMPTY)
		return;
	if (call->arg[NAME] && call->arg[NAME] != NAME_EMPTY)
		name_text(call->arg[NAME], after, sizeof(after));
	for (unsigned int i = 0; i < world.boxes; i++) {
		struct box *box = world.box[i];

		if (box->destroyed || !box->named)
			continue;
		name_text(box->name, name, sizeof(name));
		if (strcmp(name, after) <= 0)
			continue;
		found++;
		if (!first[0] || strcmp(name, first) < 0) {
			strcpy(first, name);
			expected->stat = stat_of(box, NULL);
		}
	}
	if (found && call->arg[TWIST] == TWIST_BUFFER)
		complain(&expected->wrong, EFAULT, MAILBOX_REASON_POINTER,
			 FIELD(mailbox_list, entries), ANY_VALUE);
	expected->count_known = true;
	expected->count = found < count ? found : count;
	expected->more = found > count;
}

void expect_info(unsigned int actor, const struct call *call)
{
	struct expectation *expected = &expectations[actor];
	unsigned int user = user_of(process_of(actor)->uid);

	if (call->arg[TWIST] == TWIST_RESERVED)
		complain(&expected->wrong, EINVAL, ANY_REASON, FIELD(mailbox_info, flags), ANY_VALUE);
	expected->bytes = world.bytes[user];
	expected->info = (struct mailbox_info) {
		.abi_version = MAILBOX_ABI_VERSION, .features = 0x1ff,
		.message_max = world.quota[QUOTA_MESSAGE_MAX],
		.user_bytes_max = world.quota[QUOTA_BYTES],
		.user_messages = world.messages[user],
		.user_messages_max = world.quota[QUOTA_MESSAGES],
		.user_mailboxes = world.mailboxes[user],
		.user_mailboxes_max = world.quota[QUOTA_MAILBOXES],
	};
}

static void expect_destroy(unsigned int actor, const struct call *call, struct handle *handle)
{
	struct expectation *expected = &expectations[actor];
	struct box *box = handle->box;
	uint64_t dropped = box->dropped;

	check_known(call->arg[FLAGS], MAILBOX_DESTROY_NOW, FIELD(mailbox_destroy, flags),
		    &expected->wrong);
	check_reserved(call, FIELD(mailbox_destroy, reserved), &expected->wrong);
	if (call->arg[FLAGS] & MAILBOX_DESTROY_NOW && box->policy != MAILBOX_POLICY_SEGMENT)
		complain(&expected->wrong, EINVAL, MAILBOX_REASON_POLICY,
			 FIELD(mailbox_destroy, flags), MAILBOX_DESTROY_NOW);
	if (!(handle->rights & MAILBOX_RIGHT_ADMIN))
		complain(&expected->wrong, EPERM, MAILBOX_REASON_RIGHT, MAILBOX_NO_FIELD,
			 MAILBOX_RIGHT_ADMIN);
	if (box->destroyed)
		complain(&expected->wrong, EIDRM, MAILBOX_REASON_DESTROYED, MAILBOX_NO_FIELD, 0);
	if (expected->wrong.count)
		return;
	box_destroy(box);
	expected->count_known = true;
	expected->count = box->dropped - dropped;
}

void expect_handles(unsigned int actor, unsigned int number, struct handle *handle)
{
	const struct call *call = &stage->program.call[number];

	switch (call->op) {
	case OP_CREATE:
		expect_create(actor, call);
		break;
	case OP_OPEN:
		expect_open(actor, call);
		break;
	case OP_DUP:
		expect_dup(actor, call, handle);
		break;
	case OP_SET:
		expect_set(actor, call, handle);
		break;
	case OP_STAT:
		expectations[actor].stat = stat_of(handle->box, handle);
		break;
	case OP_LIST:
		expect_list(actor, call);
		break;
	case OP_INFO:
		expect_info(actor, call);
		break;
	case OP_DESTROY:
		expect_destroy(actor, call, handle);
		break;
	default:
		break;
	}
}
