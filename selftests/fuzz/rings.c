// SPDX-License-Identifier: GPL-2.0
/*
 * The model of the rings of a channel: who may map what, who sleeps and who is woken,
 * and what poll(2) makes of the indexes that programs store there.
 */
#include <errno.h>
#include <poll.h>

#include "world.h"

#define FIELD(type, member)	offsetof(struct type, member)
#define BOTH	(MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE)
#define EVENTS_KNOWN	(MAILBOX_RING_DATA | MAILBOX_RING_ROOM)
#define PAGE	4096

static struct ring *near_ring(const struct handle *handle)
{
	return &handle->box->ring[handle->end];
}

static struct ring *far_ring(const struct handle *handle)
{
	return &handle->box->ring[!handle->end];
}

/* --- made ----------------------------------------------------------------------- */

static void check_size(uint32_t size, unsigned int field, struct complaints *wrong)
{
	if (size < MAILBOX_RING_MIN)
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, field, MAILBOX_RING_MIN);
	else if (size > MAILBOX_RING_MAX)
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, field, MAILBOX_RING_MAX);
	else if (size & (size - 1))
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, field, ANY_VALUE);
}

bool check_rings(unsigned int actor, const struct call *call, unsigned int field,
		 unsigned int field_back, struct complaints *wrong)
{
	uint32_t size = call->arg[RING], back = call->arg[RING_BACK];
	unsigned int user = user_of(process_of(actor)->uid);

	if (!size && !back)
		return true;
	check_size(size, field, wrong);
	check_size(back, field_back, wrong);
	if (!user)
		return true;
	/* what a ring costs beyond its bytes is the module's business */
	if (world.bytes[user] + size + back > world.quota[QUOTA_BYTES])
		complain(wrong, EDQUOT, MAILBOX_REASON_USER_BYTES, ANY_FIELD,
			 world.quota[QUOTA_BYTES]);
	return wrong->count || world.quota[QUOTA_BYTES] == quota_defaults[QUOTA_BYTES];
}

/* --- mapped --------------------------------------------------------------------- */

static void refuse(struct complaints *wrong, int error)
{
	complain(wrong, error, ANY_REASON, ANY_FIELD, ANY_VALUE);
}

/* What is wrong with mapping anything of @handle, for @needs. */
static void check_map(const struct handle *handle, uint32_t needs, struct complaints *wrong)
{
	if (handle->box->policy != MAILBOX_POLICY_CHANNEL)
		refuse(wrong, ENOTTY);
	else if (!near_ring(handle)->size)
		refuse(wrong, ENODEV);
	if (needs & ~handle->rights)
		refuse(wrong, EACCES);
}

static void expect_map(const struct call *call, const struct handle *handle,
		       struct complaints *wrong)
{
	uint64_t how = call->arg[FLAGS], pages = call->arg[COUNT] % RING_PAGES;
	unsigned int side = call->arg[WHICH] % 3;
	const struct ring *ring = side ? far_ring(handle) : near_ring(handle);
	bool writes = how & MAP_WRITE && !(how & MAP_ALONE);
	uint64_t end = call->arg[INDEX] % RING_PAGES + pages;

	check_map(handle, MAILBOX_RIGHT_RECEIVE | (writes ? MAILBOX_RIGHT_SEND : 0), wrong);
	/* a page, and the ring twice; a copy of it is none */
	if (!pages || side == RING_BEYOND || end > 1 + 2 * ring->size / PAGE || how & MAP_ALONE)
		refuse(wrong, EINVAL);
	if (how & MAP_RUN) {
		refuse(wrong, EACCES);
		refuse(wrong, EPERM);
	}
	if (how & (MAP_WRITE | MAP_WRITE_LATER) && side == RING_THEIRS)
		refuse(wrong, EACCES);
	if (how & MAP_WRITE_LATER && !(handle->rights & MAILBOX_RIGHT_SEND))
		refuse(wrong, EACCES);
}

static void expect_store(const struct call *call, const struct handle *handle,
			 struct complaints *wrong)
{
	struct ring *ring = near_ring(handle);
	uint32_t *words[] = { &ring->head, &ring->tail, &ring->data };

	check_map(handle, BOTH, wrong);
	if (!wrong->count)
		*words[call->arg[WHICH] % ARRAY_SIZE(words)] = call->arg[WORD];
}

static void expect_look(unsigned int actor, const struct call *call, const struct handle *handle)
{
	struct expectation *expected = &expectations[actor];
	unsigned int side = call->arg[WHICH] & 1 ? !handle->end : handle->end;
	const struct ring *ring = &handle->box->ring[side];
	bool closed;

	check_map(handle, MAILBOX_RIGHT_RECEIVE, &expected->wrong);
	if (expected->wrong.count)
		return;
	closed = !handles_at(handle->box, side, 0);
	expected->ring = (struct ring_words) {
		.head = ring->head, .tail = ring->tail, .closed = closed,
		.data_poll = closed || ring->polled & MAILBOX_RING_DATA,
		.room_poll = !!(ring->polled & MAILBOX_RING_ROOM),
		.data = { ring->data, ring->data },
	};
}

/* --- slept on ------------------------------------------------------------------- */

static void check_events(const struct call *call, const struct handle *handle,
			 unsigned int field, struct complaints *wrong)
{
	uint32_t events = call->arg[EVENTS];

	if (handle->box->policy != MAILBOX_POLICY_CHANNEL || !near_ring(handle)->size)
		complain(wrong, ENOTTY, ANY_REASON, ANY_FIELD, ANY_VALUE);
	if (BOTH & ~handle->rights)
		complain(wrong, EBADF, MAILBOX_REASON_RIGHT, ANY_FIELD, BOTH & ~handle->rights);
	check_known(events, EVENTS_KNOWN, field, wrong);
	if (!events)
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, field, ANY_VALUE);
}

static void expect_wait(unsigned int actor, const struct call *call, struct handle *handle)
{
	struct complaints *wrong = &expectations[actor].wrong;
	struct ring *ring = near_ring(handle);
	struct box *box = handle->box;

	check_events(call, handle, FIELD(mailbox_ring_wait, events), wrong);
	check_known(call->arg[FLAGS], MAILBOX_NONBLOCK | MAILBOX_DEADLINE | MAILBOX_REALTIME,
		    FIELD(mailbox_ring_wait, flags), wrong);
	check_deadline(call, FIELD(mailbox_ring_wait, flags), FIELD(mailbox_ring_wait, deadline),
		       wrong);
	if (wrong->count)
		return;
	if (ring->woken & call->arg[EVENTS]) {
		/* is its time over? then it is not used up */
		if (gives_up(call, handle) && call->arg[FLAGS] & MAILBOX_DEADLINE)
			world.gave_up = true;
		ring->woken &= ~call->arg[EVENTS];
	} else if (!handles_at(box, !handle->end, 0)) {
		complain(wrong, EPIPE, MAILBOX_REASON_NO_PEER, MAILBOX_NO_FIELD, 0);
	} else if (gives_up(call, handle)) {
		fail_now(call, handle, wrong, EAGAIN, MAILBOX_REASON_EMPTY, 0);
	} else {
		struct inbox *inbox = &box->inbox[handle->end];

		begin_wait(actor, SLEEPS, handle, inbox)->events = call->arg[EVENTS];
	}
}

/* End the waits on an end for @events, or the next ones. */
static void wake(struct box *box, unsigned int end, uint32_t events)
{
	uint32_t left = events;
	struct waiter *waiter;
	uint64_t order = 0;

	while ((waiter = next_waiter(box, SLEEPS, order))) {
		order = waiter->order;
		if (waiter->handle->end != end || !(waiter->events & events))
			continue;
		left &= ~waiter->events;
		waiter_end(waiter);
	}
	box->ring[end].woken |= left;
}

static void expect_wake(const struct call *call, struct handle *handle, struct complaints *wrong)
{
	check_events(call, handle, FIELD(mailbox_ring_wake, events), wrong);
	check_known(call->arg[FLAGS], MAILBOX_WAKE_BOTH, FIELD(mailbox_ring_wake, flags), wrong);
	if (wrong->count)
		return;
	far_ring(handle)->polled &= ~call->arg[EVENTS];
	wake(handle->box, !handle->end, call->arg[EVENTS]);
	if (call->arg[FLAGS] & MAILBOX_WAKE_BOTH) {
		near_ring(handle)->polled &= ~call->arg[EVENTS];
		wake(handle->box, handle->end, call->arg[EVENTS]);
	}
}

void expect_ring_poll(struct handle *handle, struct expectation *expected)
{
	struct ring *mine = near_ring(handle);
	const struct ring *theirs = far_ring(handle);

	if (!mine->size || (rights_in_use(handle) & BOTH) != BOTH)
		return;
	/* what a poll asked for, until a WAKE */
	mine->polled = EVENTS_KNOWN;
	if (theirs->head != mine->tail)
		expected->must |= POLLIN | POLLRDNORM | POLLRDBAND;
	if (mine->head - theirs->tail <= mine->size / 2)
		expected->must |= POLLWRBAND;
	/* whose page says that it is closed */
	if (!handles_at(handle->box, !handle->end, 0))
		expected->must |= POLLIN | POLLRDNORM | POLLRDBAND | POLLWRBAND;
}

void expect_ring(unsigned int actor, const struct call *call, struct handle *handle)
{
	struct complaints *wrong = &expectations[actor].wrong;

	switch (call->op) {
	case OP_RING_WAIT:
		expect_wait(actor, call, handle);
		break;
	case OP_RING_WAKE:
		expect_wake(call, handle, wrong);
		break;
	case OP_RING_MAP:
		expect_map(call, handle, wrong);
		break;
	case OP_RING_STORE:
		expect_store(call, handle, wrong);
		break;
	case OP_RING_LOOK:
		expect_look(actor, call, handle);
		break;
	default:
		break;
	}
}
