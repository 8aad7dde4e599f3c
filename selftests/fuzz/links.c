// SPDX-License-Identifier: GPL-2.0
/*
 * The model of channels: made as a pair, or asked for, answered, and left.
 *
 * CONNECT makes the whole channel.  The far end goes with the request, as a handle in
 * no slot: in the mailbox, then with the handle that received it.  Wherever the request
 * is lost that handle is closed, and so the asker is told.
 */
#include <errno.h>

#include "world.h"

#define FIELD(type, member)	offsetof(struct type, member)
#define BOTH	(MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE)

static struct end end_of(unsigned int actor)
{
	return (struct end) { world.actor[actor].process, process_of(actor)->uid };
}

/* A channel whose first end is @actor's, and its two handles, in no slots yet. */
static void channel_new(unsigned int actor, const struct call *call, uint32_t answer,
			bool nonblock, struct handle *handles[2])
{
	struct box *box = box_new(actor, &(struct box) {
		.policy = MAILBOX_POLICY_CHANNEL, .capacity = call->arg[CAPACITY],
		.message_max = call->arg[MAX] ? call->arg[MAX] : world.quota[QUOTA_MESSAGE_MAX],
		.answer = answer, .end = { end_of(actor), { NOBODY, 0 } },
		.ring = { { .size = call->arg[RING] }, { .size = call->arg[RING_BACK] } },
		.memory = (uint32_t)call->arg[RING] + (uint32_t)call->arg[RING_BACK],
	});

	for (unsigned int i = 0; i < 2; i++) {
		handles[i] = handle_new(box, BOTH, nonblock);
		handles[i]->end = i;
	}
}

/* In place of what came there meanwhile. */
static void give(unsigned int actor, unsigned int slot, struct handle *handle)
{
	slot_close(world.actor[actor].process, slot);
	process_of(actor)->slot[slot] = handle;
}

void expect_channel(unsigned int actor, const struct call *call)
{
	unsigned int to = call->arg[TO] % SLOTS, back = call->arg[BACK] % SLOTS;
	struct complaints *wrong = &expectations[actor].wrong;
	struct handle *handles[2];

	slot_close(world.actor[actor].process, to);
	slot_close(world.actor[actor].process, back);
	check_known(call->arg[FLAGS], MAILBOX_CHANNEL_NONBLOCK, FIELD(mailbox_channel, flags),
		    wrong);
	check_capacity(call->arg[CAPACITY], true, FIELD(mailbox_channel, capacity), wrong);
	check_max(call->arg[MAX], FIELD(mailbox_channel, message_max), wrong);
	check_reserved(call, FIELD(mailbox_channel, reserved), wrong);
	check_mailboxes(actor, wrong);
	if (!check_rings(actor, call, FIELD(mailbox_channel, ring),
			 FIELD(mailbox_channel, ring_back), wrong))
		world.gave_up = true;
	if (wrong->count)
		return;
	channel_new(actor, call, MAILBOX_PEER_OPEN, call->arg[FLAGS] & MAILBOX_CHANNEL_NONBLOCK,
		    handles);
	handles[0]->box->end[1] = end_of(actor);
	give(actor, to, handles[0]);
	give(actor, back, handles[1]);
}

/* --- to ask ------------------------------------------------------------------- */

bool check_connect(unsigned int actor, const struct call *call, const struct handle *handle,
		   struct complaints *wrong)
{
	uint32_t policy = handle->box->policy;

	check_capacity(call->arg[CAPACITY], true, FIELD(mailbox_connect, capacity), wrong);
	check_max(call->arg[MAX], FIELD(mailbox_connect, message_max), wrong);
	check_reserved(call, FIELD(mailbox_connect, reserved), wrong);
	check_mailboxes(actor, wrong);
	if (policy == MAILBOX_POLICY_BROADCAST || policy == MAILBOX_POLICY_CHANNEL)
		complain(wrong, EINVAL, MAILBOX_REASON_POLICY, ANY_FIELD, policy);
	return check_rings(actor, call, FIELD(mailbox_connect, ring),
			   FIELD(mailbox_connect, ring_back), wrong);
}

struct request *request_new(unsigned int actor, const struct call *call)
{
	struct request *request = world_memory(sizeof(*request));
	struct handle *handles[2];

	channel_new(actor, call, MAILBOX_PEER_PENDING, false, handles);
	*request = (struct request) { .near = handles[0], .far = handles[1] };
	return request;
}

void request_give(unsigned int actor, const struct call *call, struct request *request)
{
	struct handle *near = request->near;

	request->near = NULL;
	give(actor, call->arg[TO] % SLOTS, near);
}

void request_received(struct handle *handle, struct message *message)
{
	struct request *request = message->request;

	message->request = NULL;
	if (request->far->box->destroyed) {
		request_drop(request);
		return;
	}
	request->sequence = message->sequence;
	request->next = handle->requests;
	handle->requests = request;
}

void request_drop(struct request *request)
{
	struct handle *far = request->far;

	request->far = NULL;
	handle_put(far);
}

void request_forget(const struct box *channel)
{
	for (unsigned int i = 0; i < world.handles; i++) {
		struct request **place = &world.handle[i]->requests, *request;

		while ((request = *place) && request->far->box != channel)
			place = &request->next;
		if (!request)
			continue;
		*place = request->next;
		request_drop(request);
		return;
	}
}

/*
 * Its time is over, or it was interrupted, or refused.  Until somebody has received the
 * request CONNECT is a synchronous send, so that withdraw() has taken it back; later it
 * goes from who received it when this end does: request_forget().
 */
void request_give_up(struct request *request)
{
	struct handle *near = request->near;

	request->near = NULL;
	if (near)
		handle_put(near);
}

/* The CONNECT that waits for the answer to the request for this channel. */
static struct waiter *asker_of(const struct box *box)
{
	for (int i = 0; i < ACTORS; i++) {
		struct waiter *waiter = &world.actor[i].waiter;

		if (waiter->waits && waiter->kind == ASKS && waiter->request->near &&
		    waiter->request->near->box == box)
			return waiter;
	}
	return NULL;
}

/* --- to answer ------------------------------------------------------------------ */

/* The request that a call answers; taken away from @handle, if @wrong is empty. */
static struct request *request_take(unsigned int actor, const struct call *call,
				    struct handle *handle, struct complaints *wrong)
{
	uint64_t sequence = call->arg[SEQUENCE];
	struct request **place = &handle->requests, *request;

	if (!sequence)
		sequence = world.actor[actor].request;
	while ((request = *place) && request->sequence != sequence)
		place = &request->next;
	if (!(rights_in_use(handle) & MAILBOX_RIGHT_RECEIVE))
		complain(wrong, EBADF, MAILBOX_REASON_RIGHT, MAILBOX_NO_FIELD,
			 MAILBOX_RIGHT_RECEIVE);
	if (!request)
		complain(wrong, ENOENT, MAILBOX_REASON_REQUEST_UNKNOWN, ANY_FIELD, ANY_VALUE);
	if (!wrong->count)
		*place = request->next;
	return request;
}

void expect_accept(unsigned int actor, const struct call *call, struct handle *handle)
{
	struct complaints *wrong = &expectations[actor].wrong;
	struct request *request;
	struct waiter *asker;
	struct handle *far;

	slot_close(world.actor[actor].process, call->arg[TO] % SLOTS);
	check_known(call->arg[FLAGS], MAILBOX_ACCEPT_NONBLOCK, FIELD(mailbox_accept, flags), wrong);
	request = request_take(actor, call, handle, wrong);
	if (wrong->count)
		return;
	far = request->far;
	request->far = NULL;
	far->nonblock = call->arg[FLAGS] & MAILBOX_ACCEPT_NONBLOCK;
	far->box->answer = MAILBOX_PEER_OPEN;
	far->box->end[1] = end_of(actor);
	asker = asker_of(far->box);
	give(actor, call->arg[TO] % SLOTS, far);
	if (asker) {
		waiter_end(asker);
		request_give(asker->actor, &stage->program.call[expectations[asker->actor].number],
			     request);
	}
}

void expect_refuse(unsigned int actor, const struct call *call, struct handle *handle)
{
	struct complaints *wrong = &expectations[actor].wrong;
	struct request *request;
	struct waiter *asker;
	struct box *channel;

	check_known(call->arg[TWIST] == TWIST_RESERVED, 0, FIELD(mailbox_refuse, flags), wrong);
	request = request_take(actor, call, handle, wrong);
	if (wrong->count)
		return;
	channel = request->far->box;
	channel->answer = MAILBOX_PEER_REFUSED;
	channel->code = call->arg[VALUE];
	asker = asker_of(channel);
	if (asker)
		waiter_fail(asker, ECONNREFUSED, MAILBOX_REASON_REFUSED, channel->code);
	request_drop(request);
}

/* --- ends --------------------------------------------------------------------------- */

void end_left(struct handle *handle)
{
	struct box *box = handle->box;
	struct inbox *in = &box->inbox[handle->end], *out = &box->inbox[!handle->end];
	struct waiter *asker;

	if (handle->end == 1 && !handles_at(box, 1, 0) && box->answer == MAILBOX_PEER_PENDING) {
		box->answer = MAILBOX_PEER_CLOSED;
		asker = asker_of(box);
		if (asker) {
			waiter_fail(asker, ECONNREFUSED, MAILBOX_REASON_UNANSWERED, 0);
			return;		/* it had the other end */
		}
	}
	if (!handles_at(box, handle->end, MAILBOX_RIGHT_RECEIVE)) {
		drop_all(box, in);
		fail_waiters(box, SENDS, in, MAILBOX_REASON_NO_RECEIVERS);
	}
	if (!handles_at(box, handle->end, MAILBOX_RIGHT_SEND))
		fail_waiters(box, RECEIVES, out, MAILBOX_REASON_NO_SENDERS);
	if (!handles_at(box, handle->end, 0))
		fail_waiters(box, SLEEPS, out, MAILBOX_REASON_NO_PEER);
}

void expect_peer(unsigned int actor, const struct call *call, struct handle *handle)
{
	struct expectation *expected = &expectations[actor];
	struct box *box = handle->box;
	const struct end *far = &box->end[!handle->end];

	if (call->arg[TWIST] == TWIST_RESERVED)
		complain(&expected->wrong, EINVAL, MAILBOX_REASON_FLAGS, FIELD(mailbox_peer, flags), 1);
	if (box->policy != MAILBOX_POLICY_CHANNEL)
		complain(&expected->wrong, ENOTTY, ANY_REASON, ANY_FIELD, ANY_VALUE);
	if (expected->wrong.count)
		return;
	expected->peer.state = box->answer;
	if (box->answer == MAILBOX_PEER_OPEN && !handles_at(box, !handle->end, 0))
		expected->peer.state = MAILBOX_PEER_CLOSED;
	expected->peer.code = box->code;
	expected->peer.mine_size = box->ring[handle->end].size;
	expected->peer.theirs_size = box->ring[!handle->end].size;
	expected->peer.uid = -1;
	expected->peer.gid = -1;
	if (far->process == NOBODY)
		return;
	expected->peer.uid = far->uid;
	expected->peer.gid = far->uid;
	/* what is left of a process has its number until it is waited for */
	expected->peer_ended = !world.process[far->process].alive;
	expected->peer.pid = world.process[far->process].pid;
}
