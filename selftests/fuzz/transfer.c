// SPDX-License-Identifier: GPL-2.0
/*
 * The model of how messages get in and out.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "world.h"

#define FIELD(type, member)	offsetof(struct type, member)
#define TAG_BITS	(MAILBOX_SELECT_TAG | MAILBOX_SELECT_TAG_MAX | MAILBOX_SELECT_TAG_NOT)
#define WAIT_BITS	(MAILBOX_NONBLOCK | MAILBOX_DEADLINE | MAILBOX_REALTIME | MAILBOX_VECTOR)

/* --- messages --------------------------------------------------------------- */

static void charge(struct message *message)
{
	world.messages[message->user]++;
	world.bytes[message->user] += message->length;
}

void forget(struct message *message)
{
	struct request *request = message->request;

	if (message->places && --message->places)
		return;
	world.messages[message->user]--;
	world.bytes[message->user] -= message->length;
	message->request = NULL;
	if (request)
		request_drop(request);
}

static void accept_message(struct box *box, struct message *message)
{
	message->sequence = ++box->sequence;
	box->sent++;
	box->sender_pid = message->pid;
}

static void enqueue(struct inbox *inbox, struct message *message)
{
	inbox->queue.at[inbox->queue.count++] = message;
	message->places++;
}

static struct message *dequeue(struct inbox *inbox, unsigned int at)
{
	struct message *message = inbox->queue.at[at];

	inbox->queue.count--;
	memmove(&inbox->queue.at[at], &inbox->queue.at[at + 1],
		(inbox->queue.count - at) * sizeof(inbox->queue.at[0]));
	return message;
}

void withdraw(struct waiter *waiter)
{
	struct box *box = waiter->handle->box;
	struct inbox *inbox = waiter->inbox;

	if (waiter->queued) {
		for (unsigned int i = 0; i < inbox->queue.count; i++)
			if (inbox->queue.at[i] == waiter->message) {
				dequeue(inbox, i);
				box->withdrawn++;
			}
	}
	if (waiter->message)
		forget(waiter->message);
	if (waiter->request)
		request_give_up(waiter->request);
}

uint64_t drop_all(struct box *box, struct inbox *inbox)
{
	uint64_t count = inbox->queue.count;

	while (inbox->queue.count) {
		struct message *message = dequeue(inbox, 0);

		box->dropped++;
		if (message->sender)	/* its sender forgets it */
			message->places--;
		else
			forget(message);
	}
	return count;
}

uint64_t depth_of(const struct box *box)
{
	uint64_t depth = box->inbox[0].queue.count + box->inbox[1].queue.count;

	if (box->policy != MAILBOX_POLICY_BROADCAST)
		return depth;
	for (unsigned int i = 0; i < world.handles; i++) {
		const struct handle *handle = world.handle[i];

		if (handle->box == box && handle->own && handle->own->queue.count > depth)
			depth = handle->own->queue.count;
	}
	return depth;
}

/* --- selection --------------------------------------------------------------- */

static bool wanted(const struct call *call, const struct message *message)
{
	uint64_t select = call->arg[SELECT], tag = call->arg[TAG];

	if (call->op == OP_READ)
		return true;
	return !((select & MAILBOX_SELECT_TAG && message->tag != tag) ||
		 (select & MAILBOX_SELECT_TAG_MAX && message->tag > tag) ||
		 (select & MAILBOX_SELECT_TAG_NOT && message->tag == tag) ||
		 (select & MAILBOX_SELECT_PRIORITY && message->priority < call->arg[PRIORITY]) ||
		 (select & MAILBOX_SELECT_PID && message->pid != pid_of(call->arg[PID])));
}

/* Does @a come out before @b? */
static bool before(const struct call *call, const struct message *a, const struct message *b)
{
	if (call->op != OP_READ && call->arg[SELECT] & MAILBOX_SELECT_TAG_MAX && a->tag != b->tag)
		return a->tag < b->tag;
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->sequence < b->sequence;
}

/* The place of the message that is wanted, after @index others; or -1. */
static int pick(const struct call *call, const struct queue *queue, uint64_t index)
{
	const struct message *last = NULL;
	int best;

	do {
		best = -1;
		for (unsigned int i = 0; i < queue->count; i++) {
			const struct message *message = queue->at[i];

			if (wanted(call, message) && (!last || before(call, last, message)) &&
			    (best < 0 || before(call, message, queue->at[best])))
				best = i;
		}
		last = best < 0 ? NULL : queue->at[best];
	} while (last && index--);
	return best;
}

/* Who waits for room with what is wanted. */
static struct waiter *pick_waiter(const struct call *call, struct box *box, struct inbox *inbox)
{
	struct waiter *waiter = NULL;

	while ((waiter = next_waiter(box, SENDS, waiter ? waiter->order : 0)))
		if (!waiter->queued && waiter->inbox == inbox && wanted(call, waiter->message))
			return waiter;
	return NULL;
}

/* --- a message changes hands --------------------------------------------------- */

static struct mailbox_receipt receipt_of(unsigned int receiver)
{
	const struct process *process = process_of(receiver);

	return (struct mailbox_receipt) {
		.time = 1, .pid = process->pid, .uid = process->uid, .gid = process->uid,
		.receivers = 1,
	};
}

/* Bytes of room that a receive offers. */
static uint64_t room_of(const struct call *call)
{
	bool vector = call->op != OP_READ && call->arg[FLAGS] & MAILBOX_VECTOR;

	return vector && !call->arg[PIECES] ? 0 : call->arg[LENGTH];
}

static bool truncates(const struct call *call)
{
	return call->op != OP_READ && call->arg[FLAGS] & MAILBOX_RECEIVE_TRUNCATE;
}

static bool peeks(const struct call *call)
{
	return call->op != OP_READ && call->arg[FLAGS] & MAILBOX_RECEIVE_PEEK;
}

static const struct call *call_of(const struct waiter *waiter)
{
	return &stage->program.call[expectations[waiter->actor].number];
}

/*
 * Would the receive succeed with this message?  If not, complain; nothing has
 * changed then.
 */
static bool could_take(const struct call *call, const struct message *message,
		       struct complaints *wrong)
{
	uint64_t room = room_of(call), twist = call->arg[TWIST];

	if (message->length > room && !truncates(call)) {
		complain(wrong, EMSGSIZE, MAILBOX_REASON_BUFFER_SIZE, ANY_FIELD, message->length);
		return false;
	}
	if ((twist == TWIST_BUFFER || twist == TWIST_READ_ONLY) && room && message->length &&
	    call->op != OP_RECEIVE_BATCH) {
		complain(wrong, EFAULT, MAILBOX_REASON_POINTER, FIELD(mailbox_receive, buffer),
			 ANY_VALUE);
		return false;
	}
	return true;
}

/* What a receive that succeeds tells. */
static void tell(unsigned int actor, const struct message *message, struct inbox *inbox,
		 struct item_expectation *item)
{
	struct expectation *expected = &expectations[actor];
	const struct call *call = &stage->program.call[expected->number];
	uint64_t room = room_of(call);

	item->id = message->id;
	item->got = message->length < room ? message->length : room;
	item->sync_open = message->handed && !message->asks;
	item->header = (struct mailbox_header) {
		.sequence = message->sequence, .length = message->length, .tag = message->tag,
		.priority = message->priority, .pid = message->pid, .uid = message->uid,
		.gid = message->uid, .lost = inbox->lost,
		.flags = (message->length > room ? MAILBOX_MESSAGE_TRUNCATED : 0) |
			 (message->asks ? MAILBOX_MESSAGE_CONNECT :
			  message->sync ? MAILBOX_MESSAGE_SYNC : 0),
	};
	if (call->op == OP_READ)
		expected->value = item->got;
	else if (message->asks)
		world.actor[actor].request = message->sequence;
}

/* What was sent is in the mailbox, or received; of a request it is the answer that counts. */
static void sender_goes_on(struct waiter *waiter)
{
	waiter->message->sender = NULL;
	if (waiter->request) {
		waiter->kind = ASKS;
		waiter->message = NULL;
		waiter->queued = false;
	} else {
		waiter_end(waiter);
	}
}

/* @receiver has taken @message through @handle; it is in no queue any more. */
static void delivered(unsigned int receiver, struct handle *handle, struct message *message)
{
	const struct call *call = &stage->program.call[expectations[receiver].number];
	struct waiter *sender = message->sender;
	struct box *box = handle->box;
	pid_t pid = process_of(receiver)->pid;

	if (!box->received || box->receiver_call != world.call)
		box->receivers_differ = false;
	else if (box->receiver_pid != pid)
		box->receivers_differ = true;
	box->receiver_call = world.call;
	box->received++;
	box->receiver_pid = pid;
	if (sender) {
		struct item_expectation *item = &expectations[sender->actor].item[0];

		item->sequence = message->sequence;
		if (message->sync)
			item->receipt = receipt_of(receiver);
		else
			item->receipt.receivers = 1;
		sender_goes_on(sender);
	}
	/* read(2) tells no number by which it could be answered */
	if (message->request && call->op != OP_READ)
		request_received(handle, message);
	forget(message);
}

static bool is_full(const struct box *box, const struct inbox *inbox)
{
	return box->capacity && inbox->queue.count >= box->capacity;
}

/*
 * Offer a message that is in no queue to those who wait.  Where there is no room
 * for it, only to those who have some.
 */
static bool offer(struct box *box, struct inbox *inbox, struct message *message, bool must_fit)
{
	struct waiter *waiter = NULL;
	uint64_t order = 0;

	must_fit = must_fit || is_full(box, inbox);
	while ((waiter = next_waiter(box, RECEIVES, order))) {
		struct expectation *expected = &expectations[waiter->actor];
		const struct call *call = call_of(waiter);

		order = waiter->order;
		if (waiter->inbox != inbox || !wanted(call, message))
			continue;
		if (must_fit && message->length > room_of(call) && !truncates(call))
			continue;
		if (!could_take(call, message, &expected->wrong)) {
			/*
			 * The contract does not say whether a mailbox that is full
			 * takes what a receiver waits for whose memory is bad; nor
			 * what becomes of a message for which its sender has no time.
			 */
			if (is_full(box, inbox) || message->handed)
				world.gave_up = true;
			waiter_end(waiter);
			continue;
		}
		if (!message->sequence)
			accept_message(box, message);
		tell(waiter->actor, message, inbox, &expected->item[0]);
		inbox->lost = 0;
		expected->count = 1;
		waiter_end(waiter);
		delivered(waiter->actor, waiter->handle, message);
		return true;
	}
	return false;
}

/* --- broadcasts ------------------------------------------------------------------- */

static struct handle *next_receiver(struct box *box, unsigned int *at)
{
	while (*at < world.handles) {
		struct handle *handle = world.handle[(*at)++];

		if (handle->box == box && handle->own)
			return handle;
	}
	return NULL;
}

static bool broadcast_has_room(struct box *box)
{
	struct handle *handle;
	unsigned int at = 0;

	if (box->slow != MAILBOX_SLOW_BLOCK)
		return true;
	while ((handle = next_receiver(box, &at)))
		if (handle->own->queue.count >= box->capacity)
			return false;
	return true;
}

/* It gets no more, so who waits there for another message waits for nothing. */
static void cut_off(struct box *box, struct inbox *inbox)
{
	struct waiter *waiter = NULL;
	uint64_t order = 0;

	inbox->cut = true;
	while ((waiter = next_waiter(box, RECEIVES, order))) {
		order = waiter->order;
		if (waiter->inbox != inbox)
			continue;
		complain(&expectations[waiter->actor].wrong, EPIPE, MAILBOX_REASON_CUT_OFF,
			 MAILBOX_NO_FIELD, 1);
		waiter_end(waiter);
	}
}

/* Does somebody wait here for just this message, who can take it?  Who does needs no room for it. */
static bool has_taker(struct box *box, const struct inbox *inbox, const struct message *message)
{
	struct waiter *waiter = NULL;

	while ((waiter = next_waiter(box, RECEIVES, waiter ? waiter->order : 0)))
		if (waiter->inbox == inbox && wanted(call_of(waiter), message) &&
		    (message->length <= room_of(call_of(waiter)) || truncates(call_of(waiter))))
			return true;
	return false;
}

/* Accept it, for all; returns how many. */
static unsigned int broadcast(struct box *box, struct message *message)
{
	struct handle *handle;
	unsigned int at = 0, receivers = 0, there = 0;
	bool full;

	accept_message(box, message);
	message->places = 1;	/* ours */
	while ((handle = next_receiver(box, &at))) {
		struct inbox *own = handle->own;

		there++;
		full = is_full(box, own) && !has_taker(box, own, message);
		if (full && box->slow == MAILBOX_SLOW_CUT && !own->cut)
			cut_off(box, own);
		if (own->cut) {
			own->missed++;
			box->dropped++;
			continue;
		}
		receivers++;
		for (int i = 0; i < 64 && full && box->slow == MAILBOX_SLOW_LOSE &&
		     own->queue.count >= box->capacity; i++) {
			forget(dequeue(own, 0));
			own->lost++;
			box->dropped++;
		}
		message->places++;
		if (!offer(box, own, message, false)) {
			message->places--;
			enqueue(own, message);
		}
	}
	if (!there)
		box->dropped++;
	forget(message);
	return receivers;
}

/* --- who can go on does --------------------------------------------------------- */

static void sender_is_in(struct waiter *waiter, unsigned int receivers)
{
	struct item_expectation *item = &expectations[waiter->actor].item[0];

	item->sequence = waiter->message->sequence;
	item->receipt.receivers = receivers;
	sender_goes_on(waiter);
}

static void let_senders_in(struct box *box)
{
	struct waiter *waiter = NULL;
	uint64_t order = 0;

	while ((waiter = next_waiter(box, SENDS, order))) {
		struct message *message = waiter->message;

		order = waiter->order;
		if (waiter->queued)
			continue;
		if (box->policy == MAILBOX_POLICY_BROADCAST) {
			if (!broadcast_has_room(box))
				return;
			sender_is_in(waiter, broadcast(box, message));
			continue;
		}
		if (!box->capacity)
			message->sync = true;
		else if (waiter->inbox->queue.count >= box->capacity)
			continue;
		accept_message(box, message);
		if (offer(box, waiter->inbox, message, false))
			continue;
		enqueue(waiter->inbox, message);
		if (message->sync)
			waiter->queued = true;
		else
			sender_is_in(waiter, 1);
	}
}

void settle(struct box *box)
{
	let_senders_in(box);
}

/* --- SEND --------------------------------------------------------------------------- */

static bool may_not_wait(const struct call *call, const struct handle *handle)
{
	return handle->nonblock || call->arg[FLAGS] & MAILBOX_NONBLOCK;
}

void check_deadline(const struct call *call, unsigned int flags_field,
		    unsigned int deadline_field, struct complaints *wrong)
{
	uint64_t flags = call->arg[FLAGS];

	if (!(flags & MAILBOX_DEADLINE)) {
		if (call->arg[DEADLINE])
			complain(wrong, EINVAL, MAILBOX_REASON_RESERVED, deadline_field, ANY_VALUE);
		if (flags & MAILBOX_REALTIME)
			complain(wrong, EINVAL, MAILBOX_REASON_FLAGS, flags_field, ANY_VALUE);
	} else {
		if (call->arg[DEADLINE] == DEADLINE_NEGATIVE)
			complain(wrong, EINVAL, MAILBOX_REASON_RANGE, deadline_field, 0);
		if (flags & MAILBOX_NONBLOCK)
			complain(wrong, EINVAL, MAILBOX_REASON_FLAGS, flags_field, ANY_VALUE);
	}
}

static void check_flags(const struct call *call, uint64_t known, bool bad, unsigned int field,
			struct complaints *wrong)
{
	uint32_t unknown = (uint32_t)call->arg[FLAGS] & ~known;

	if (bad)
		unknown |= 0x80000000;
	if (unknown)
		complain(wrong, EINVAL, MAILBOX_REASON_FLAGS, field, unknown);
}

static void check_size(const struct box *box, uint64_t length, struct complaints *wrong)
{
	unsigned int field = FIELD(mailbox_send, length);

	if (length > world.quota[QUOTA_MESSAGE_MAX])
		complain(wrong, EMSGSIZE, MAILBOX_REASON_MODULE_SIZE, field,
			 world.quota[QUOTA_MESSAGE_MAX]);
	if (box->flags & MAILBOX_CREATE_FIXED) {
		if (length != box->message_max)
			complain(wrong, EMSGSIZE, MAILBOX_REASON_FIXED_SIZE, field,
				 box->message_max);
	} else if (length > box->message_max) {
		complain(wrong, EMSGSIZE, MAILBOX_REASON_MAILBOX_SIZE, field, box->message_max);
	}
}

/* Returns whether the contract tells. */
static bool check_quota(unsigned int user, uint64_t length, struct complaints *wrong)
{
	bool certain = false;

	if (!user)	/* has CAP_SYS_RESOURCE */
		return true;
	if (world.messages[user] >= world.quota[QUOTA_MESSAGES]) {
		complain(wrong, EDQUOT, MAILBOX_REASON_USER_MESSAGES, ANY_FIELD,
			 world.quota[QUOTA_MESSAGES]);
		certain = true;
	}
	/* what a message costs beyond its payload is the module's business */
	if (world.bytes[user] + length > world.quota[QUOTA_BYTES])
		certain = true;
	if (world.quota[QUOTA_BYTES] != quota_defaults[QUOTA_BYTES] || certain)
		complain(wrong, EDQUOT, MAILBOX_REASON_USER_BYTES, ANY_FIELD,
			 world.quota[QUOTA_BYTES]);
	else
		certain = true;
	return certain;
}

static uint64_t length_of(const struct call *call)
{
	return call->op == OP_WRITE ? call->arg[LENGTH] : room_of(call);
}

static bool other_left(const struct box *box, int seat)
{
	return box->policy == MAILBOX_POLICY_PAIR && !box->named && seat != NOBODY &&
	       box->seat[!seat].left && box->seat[!seat].process == NOBODY;
}

/* Returns whether the contract tells if it goes well.  A CONNECT begins as a SEND does. */
static bool check_send(unsigned int actor, const struct call *call, struct handle *handle,
		       bool bad, struct complaints *wrong)
{
	struct box *box = handle->box;
	int process = world.actor[actor].process;
	uint64_t length = length_of(call);
	bool certain;

	if (call->op != OP_WRITE) {
		uint32_t priority = call->arg[PRIORITY];

		check_flags(call, WAIT_BITS | (call->op == OP_CONNECT ? 0 : MAILBOX_SEND_SYNC), bad,
			    FIELD(mailbox_send, flags), wrong);
		check_deadline(call, FIELD(mailbox_send, flags), FIELD(mailbox_send, deadline),
			       wrong);
		if (priority > MAILBOX_PRIORITY_MAX)
			complain(wrong, EINVAL, MAILBOX_REASON_RANGE, FIELD(mailbox_send, priority),
				 MAILBOX_PRIORITY_MAX);
		if (box->policy == MAILBOX_POLICY_BROADCAST && priority)
			complain(wrong, EINVAL, MAILBOX_REASON_POLICY,
				 FIELD(mailbox_send, priority), priority);
		if (box->policy == MAILBOX_POLICY_BROADCAST && call->arg[FLAGS] & MAILBOX_SEND_SYNC)
			complain(wrong, EINVAL, MAILBOX_REASON_POLICY, FIELD(mailbox_send, flags),
				 MAILBOX_SEND_SYNC);
	}
	if (call->arg[TWIST] == TWIST_BUFFER && call->op != OP_SEND_BATCH && length)
		complain(wrong, EFAULT, MAILBOX_REASON_POINTER, FIELD(mailbox_send, buffer),
			 ANY_VALUE);
	check_size(box, length, wrong);
	certain = check_quota(user_of(process_of(actor)->uid), length, wrong);
	if (call->op == OP_CONNECT && !check_connect(actor, call, handle, wrong))
		certain = false;
	if (!(rights_in_use(handle) & MAILBOX_RIGHT_SEND))
		complain(wrong, EBADF, MAILBOX_REASON_RIGHT, MAILBOX_NO_FIELD, MAILBOX_RIGHT_SEND);
	if (box->destroyed) {
		complain(wrong, EIDRM, MAILBOX_REASON_DESTROYED, MAILBOX_NO_FIELD, 0);
		return true;
	}
	if (!seat_free(box, process))
		complain(wrong, EBUSY, MAILBOX_REASON_PAIR_TAKEN, MAILBOX_NO_FIELD, 0);
	if (no_receivers(handle))
		complain(wrong, EPIPE, MAILBOX_REASON_NO_RECEIVERS, MAILBOX_NO_FIELD, 0);
	return certain || wrong->count > 1;
}

void fail_now(const struct call *call, const struct handle *handle, struct complaints *wrong,
	      int error, unsigned int reason, uint64_t value)
{
	/* with O_NONBLOCK a deadline is ignored */
	if (call->op == OP_READ || call->op == OP_WRITE || handle->nonblock ||
	    !(call->arg[FLAGS] & MAILBOX_DEADLINE))
		complain(wrong, error, reason, MAILBOX_NO_FIELD, value);
	else
		complain(wrong, ETIMEDOUT, MAILBOX_REASON_DEADLINE, ANY_FIELD, ANY_VALUE);
}

bool gives_up(const struct call *call, const struct handle *handle)
{
	return may_not_wait(call, handle) ||
	       (call->op != OP_READ && call->op != OP_WRITE &&
		call->arg[FLAGS] & MAILBOX_DEADLINE && call->arg[DEADLINE] <= DEADLINE_SOON);
}

struct waiter *begin_wait(unsigned int actor, enum wait_kind kind, struct handle *handle,
			  struct inbox *inbox)
{
	struct waiter *waiter = &world.actor[actor].waiter;

	*waiter = (struct waiter) {
		.waits = true, .kind = kind, .order = ++world.order, .actor = actor,
		.handle = handle, .inbox = inbox,
	};
	expectations[actor].how = WAITS;
	return waiter;
}

/*
 * A send is about to be made: its outcome, the message, and where it goes.
 */
struct sending {
	const struct call *call;
	struct handle *handle;
	unsigned int actor;
	struct item_expectation *item;
	struct complaints *wrong;
	struct message *message;
	struct inbox *inbox;	/* NULL: all of them */
	struct request *request;
};

static void begin_sending(struct sending *sending)
{
	struct waiter *waiter = begin_wait(sending->actor, SENDS, sending->handle,
					   sending->inbox);

	waiter->message = sending->message;
	waiter->request = sending->request;
	if (sending->inbox)	/* of a broadcast many have it */
		sending->message->sender = waiter;
}

static void accepted(struct sending *sending, unsigned int receivers)
{
	sending->item->sequence = sending->message->sequence;
	sending->item->receipt.receivers = receivers;
	/* of those who ask only one that does not wait comes here */
	if (sending->request)
		request_give(sending->actor, sending->call, sending->request);
}

/* Its sender waits for room: who wants it, and has too little, is told so. */
static void refuse_small(struct box *box, struct inbox *inbox, struct message *message)
{
	struct waiter *waiter = NULL;
	uint64_t order = 0;

	while ((waiter = next_waiter(box, RECEIVES, order))) {
		order = waiter->order;
		if (waiter->inbox != inbox || !wanted(call_of(waiter), message))
			continue;
		could_take(call_of(waiter), message, &expectations[waiter->actor].wrong);
		waiter_end(waiter);
	}
}

/* No room, or nobody who takes it. */
static void send_later(struct sending *sending)
{
	struct box *box = sending->handle->box;

	if (gives_up(sending->call, sending->handle)) {
		if (sending->inbox && !may_not_wait(sending->call, sending->handle))
			refuse_small(box, sending->inbox, sending->message);
		forget(sending->message);
		fail_now(sending->call, sending->handle, sending->wrong, EAGAIN,
			 MAILBOX_REASON_FULL, box->capacity);
		return;
	}
	if (sending->inbox)
		refuse_small(box, sending->inbox, sending->message);
	begin_sending(sending);
}

static void send_to_all(struct sending *sending)
{
	struct box *box = sending->handle->box;

	if (!next_waiter(box, SENDS, 0) && broadcast_has_room(box))
		accepted(sending, broadcast(box, sending->message));
	else
		send_later(sending);
}

/* To a receiver that waits and has room for it, or not at all. */
static void hand_over(struct sending *sending)
{
	struct box *box = sending->handle->box;

	sending->message->handed = true;
	if (!offer(box, sending->inbox, sending->message, true)) {
		forget(sending->message);
		fail_now(sending->call, sending->handle, sending->wrong, EAGAIN,
			 MAILBOX_REASON_NO_TAKER, 0);
		return;
	}
	accepted(sending, 1);
	/* who has it is the last receiver */
	for (int i = 0; i < ACTORS; i++)
		if (world.actor[i].process != NOBODY && process_of(i)->pid == box->receiver_pid)
			sending->item->receipt = receipt_of(i);
}

/* Until somebody has it. */
static void send_and_wait(struct sending *sending)
{
	struct waiter *self = &world.actor[sending->actor].waiter;
	struct expectation *expected = &expectations[sending->actor];
	struct box *box = sending->handle->box;
	struct message *message = sending->message;

	begin_sending(sending);
	message->handed = gives_up(sending->call, sending->handle);
	if (offer(box, sending->inbox, message, false))
		return;		/* who took it has told us */
	/* with capacity 0 it is there as long as its sender waits */
	if (is_full(box, sending->inbox)) {
		refuse_small(box, sending->inbox, message);
	} else {
		accept_message(box, message);
		enqueue(sending->inbox, message);
		self->queued = true;
	}
	if (!gives_up(sending->call, sending->handle))
		return;
	/* its time is over, and nobody took it */
	self->waits = false;
	expected->how = ENDS;
	withdraw(self);
	fail_now(sending->call, sending->handle, sending->wrong, 0, 0, 0);
}

static void send_to_one(struct sending *sending)
{
	struct box *box = sending->handle->box;
	struct inbox *inbox = sending->inbox;

	if (offer(box, inbox, sending->message, false)) {
		accepted(sending, 1);
	} else if (inbox->queue.count < box->capacity) {
		accept_message(box, sending->message);
		enqueue(inbox, sending->message);
		accepted(sending, 1);
	} else {
		send_later(sending);
	}
}

/* Which of a mailbox's two inboxes one sends to, or receives from. */
static unsigned int place_of(const struct handle *handle, int seat, bool sends)
{
	if (handle->box->policy == MAILBOX_POLICY_CHANNEL)
		seat = handle->end;
	return seat == NOBODY ? 0 : seat ^ sends;
}

static void send_one(unsigned int actor, unsigned int number, unsigned int at,
		     struct handle *handle, struct complaints *wrong)
{
	const struct call *call = &stage->program.call[number];
	bool plain = call->op == OP_WRITE, asks = call->op == OP_CONNECT;
	const struct process *process = process_of(actor);
	struct box *box = handle->box;
	struct sending sending = {
		.call = call, .handle = handle, .actor = actor,
		.item = &expectations[actor].item[at], .wrong = wrong,
	};
	int seat;

	if (!check_send(actor, call, handle, call->op == OP_SEND_BATCH && call->arg[BAD] == at + 1,
			wrong))
		world.gave_up = true;
	if (wrong->count)
		return;
	seat = seat_take(box, world.actor[actor].process, MAILBOX_RIGHT_SEND);
	if (other_left(box, seat)) {
		complain(wrong, EPIPE, MAILBOX_REASON_NO_RECEIVERS, MAILBOX_NO_FIELD, 0);
		return;
	}

	sending.message = world_memory(sizeof(*sending.message));
	*sending.message = (struct message) {
		.id = message_id(number, at), .length = length_of(call),
		.tag = plain ? 0 : call->arg[TAG] + at, .priority = plain ? 0 : call->arg[PRIORITY],
		.pid = process->pid, .uid = process->uid, .user = user_of(process->uid),
		.sync = box->policy != MAILBOX_POLICY_BROADCAST &&
			(!box->capacity || (!plain && call->arg[FLAGS] & MAILBOX_SEND_SYNC) ||
			 (asks && !may_not_wait(call, handle))),
		.asks = asks,
	};
	charge(sending.message);
	if (asks)
		sending.request = sending.message->request = request_new(actor, call);
	if (plain)
		expectations[actor].value = sending.message->length;

	if (box->policy == MAILBOX_POLICY_BROADCAST) {
		send_to_all(&sending);
		return;
	}
	sending.inbox = &box->inbox[place_of(handle, seat, true)];
	if (!sending.message->sync)
		send_to_one(&sending);
	else if (may_not_wait(call, handle))
		hand_over(&sending);
	else
		send_and_wait(&sending);
	if (sending.request && wrong->count)
		request_give_up(sending.request);
}

/*
 * Would others meet the batch half way?  If it waits; if it wakes a receiver, who has room
 * for the next message when it has copied the first, or wakes a sender to all, who
 * comes when it comes.
 */
static bool batch_is_met(const struct call *call, const struct handle *handle, uint64_t count)
{
	struct box *box = handle->box;

	if (!gives_up(call, handle))
		return true;
	if (call->op == OP_SEND_BATCH)
		return count > 1 && next_waiter(box, RECEIVES, 0);
	return box->policy == MAILBOX_POLICY_BROADCAST && next_waiter(box, SENDS, 0);
}

typedef void one(unsigned int actor, unsigned int number, unsigned int at,
		 struct handle *handle, struct complaints *wrong);

static void expect_batch(unsigned int actor, unsigned int number, struct handle *handle,
			 uint32_t right, one *one)
{
	const struct call *call = &stage->program.call[number];
	struct expectation *expected = &expectations[actor];
	uint64_t count = call->arg[COUNT] & 0xffffffff;
	int error = 0;

	if (!count)
		complain(&expected->wrong, EINVAL, MAILBOX_REASON_RANGE,
			 FIELD(mailbox_batch, count), 1);
	if (count > MAILBOX_BATCH_MAX)
		complain(&expected->wrong, EINVAL, MAILBOX_REASON_RANGE,
			 FIELD(mailbox_batch, count), MAILBOX_BATCH_MAX);
	if (call->arg[TWIST] == TWIST_RESERVED)
		complain(&expected->wrong, EINVAL, ANY_REASON, FIELD(mailbox_batch, flags),
			 ANY_VALUE);
	if (call->arg[TWIST] == TWIST_BUFFER)
		complain(&expected->wrong, EFAULT, MAILBOX_REASON_POINTER,
			 FIELD(mailbox_batch, items), stage->bad.unmapped);
	if (!(rights_in_use(handle) & right))
		complain(&expected->wrong, EBADF, MAILBOX_REASON_RIGHT, ANY_FIELD, right);
	if (expected->wrong.count) {
		if (handle->box->destroyed)
			complain(&expected->wrong, EIDRM, MAILBOX_REASON_DESTROYED, ANY_FIELD, 0);
		return;
	}
	if (batch_is_met(call, handle, count)) {
		expected->how = SKIPPED;
		return;
	}
	expected->items = count < BATCH ? count : BATCH;
	expected->count_known = true;
	for (unsigned int i = 0; i < expected->items; i++) {
		struct item_expectation *item = &expected->item[i];

		item->untried = error;
		if (error)
			continue;
		one(actor, number, i, handle, &item->wrong);
		error = item->wrong.count;
		expected->count += !error;
	}
	if (expected->item[0].wrong.count)
		expected->wrong = expected->item[0].wrong;
}

void expect_send(unsigned int actor, unsigned int number, struct handle *handle)
{
	const struct call *call = &stage->program.call[number];
	struct expectation *expected = &expectations[actor];

	if (call->op == OP_SEND_BATCH) {
		expect_batch(actor, number, handle, MAILBOX_RIGHT_SEND, send_one);
		return;
	}
	if (call->op == OP_WRITE && !call->arg[LENGTH]) {
		check_send(actor, call, handle, false, &expected->wrong);
		expected->lenient = true;
		expected->value = 0;
		expected->value_known = true;
		return;
	}
	if (call->op == OP_CONNECT) {
		slot_close(world.actor[actor].process, call->arg[TO] % SLOTS);
		send_one(actor, number, 0, handle, &expected->wrong);
		return;
	}
	expected->items = 1;
	expected->value_known = true;
	send_one(actor, number, 0, handle, &expected->wrong);
}

/* --- RECEIVE ---------------------------------------------------------------------- */

static void check_select(const struct call *call, struct complaints *wrong)
{
	uint32_t select = call->arg[SELECT], tags = select & TAG_BITS;
	uint32_t priority = call->arg[PRIORITY];

	if (select & ~0x1fU)
		complain(wrong, EINVAL, MAILBOX_REASON_FLAGS, FIELD(mailbox_receive, select),
			 select & ~0x1fU);
	if (tags & (tags - 1))
		complain(wrong, EINVAL, MAILBOX_REASON_FLAGS, FIELD(mailbox_receive, select), tags);
	if (!tags && call->arg[TAG])
		complain(wrong, EINVAL, MAILBOX_REASON_RESERVED, FIELD(mailbox_receive, tag),
			 call->arg[TAG]);
	if (!(select & MAILBOX_SELECT_PRIORITY) && priority)
		complain(wrong, EINVAL, MAILBOX_REASON_RESERVED, FIELD(mailbox_receive, priority),
			 priority);
	else if (priority > MAILBOX_PRIORITY_MAX)
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, FIELD(mailbox_receive, priority),
			 MAILBOX_PRIORITY_MAX);
	if (!(select & MAILBOX_SELECT_PID) && call->arg[PID])
		complain(wrong, EINVAL, MAILBOX_REASON_RESERVED, FIELD(mailbox_receive, pid),
			 ANY_VALUE);
	else if (select & MAILBOX_SELECT_PID && !call->arg[PID])
		complain(wrong, EINVAL, MAILBOX_REASON_RANGE, FIELD(mailbox_receive, pid), 1);
	if (call->arg[INDEX] && !peeks(call))
		complain(wrong, EINVAL, MAILBOX_REASON_RESERVED, FIELD(mailbox_receive, index),
			 call->arg[INDEX]);
	else if (call->arg[INDEX] && select & MAILBOX_SELECT_TAG_MAX)
		complain(wrong, EINVAL, ANY_REASON, FIELD(mailbox_receive, index), ANY_VALUE);
}

static void check_receive(unsigned int actor, const struct call *call, struct handle *handle,
			  bool bad, struct complaints *wrong)
{
	struct box *box = handle->box;

	if (call->op != OP_READ) {
		check_flags(call, WAIT_BITS | MAILBOX_RECEIVE_PEEK | MAILBOX_RECEIVE_TRUNCATE, bad,
			    FIELD(mailbox_receive, flags), wrong);
		check_deadline(call, FIELD(mailbox_receive, flags),
			       FIELD(mailbox_receive, deadline), wrong);
		if (peeks(call) && call->arg[FLAGS] & MAILBOX_DEADLINE)
			complain(wrong, EINVAL, MAILBOX_REASON_FLAGS, FIELD(mailbox_receive, flags),
				 ANY_VALUE);
		check_select(call, wrong);
	}
	if (!(rights_in_use(handle) & MAILBOX_RIGHT_RECEIVE))
		complain(wrong, EBADF, MAILBOX_REASON_RIGHT, MAILBOX_NO_FIELD,
			 MAILBOX_RIGHT_RECEIVE);
	if (box->destroyed)
		complain(wrong, EIDRM, MAILBOX_REASON_DESTROYED, MAILBOX_NO_FIELD, 0);
	else if (!seat_free(box, world.actor[actor].process))
		complain(wrong, EBUSY, MAILBOX_REASON_PAIR_TAKEN, MAILBOX_NO_FIELD, 0);
}

/* Who only looks does not sit down. */
static struct inbox *inbox_of(unsigned int actor, struct handle *handle, bool looks)
{
	int process = world.actor[actor].process;
	int seat = looks ? seat_find(handle->box, process, MAILBOX_RIGHT_RECEIVE) :
			   seat_take(handle->box, process, MAILBOX_RIGHT_RECEIVE);

	return handle->own ? handle->own : &handle->box->inbox[place_of(handle, seat, false)];
}

static void receive_one(unsigned int actor, unsigned int number, unsigned int at,
			struct handle *handle, struct complaints *wrong)
{
	const struct call *call = &stage->program.call[number];
	struct expectation *expected = &expectations[actor];
	struct item_expectation *item = &expected->item[at];
	struct box *box = handle->box;
	struct waiter *sender = NULL;
	struct inbox *inbox;
	struct message *message;
	int place;

	check_receive(actor, call, handle, call->op == OP_RECEIVE_BATCH && call->arg[BAD] == at + 1,
		      wrong);
	if (wrong->count)
		return;
	inbox = inbox_of(actor, handle, peeks(call));
	place = pick(call, &inbox->queue, peeks(call) ? call->arg[INDEX] : 0);
	if (place < 0 && !peeks(call) && !handle->own)
		sender = pick_waiter(call, box, inbox);
	if (place < 0 && !sender) {
		if (peeks(call)) {
			complain(wrong, ENOMSG, MAILBOX_REASON_EMPTY, MAILBOX_NO_FIELD,
				 inbox->queue.count);
		} else if (inbox->cut) {
			complain(wrong, EPIPE, MAILBOX_REASON_CUT_OFF, MAILBOX_NO_FIELD,
				 inbox->missed);
		} else if (no_senders(handle) ||
			   other_left(box, seat_of(box, world.actor[actor].process))) {
			if (call->op == OP_READ)
				expected->value = 0;
			else
				complain(wrong, EPIPE, MAILBOX_REASON_NO_SENDERS, MAILBOX_NO_FIELD,
					 0);
		} else if (gives_up(call, handle) || at) {
			fail_now(call, handle, wrong, EAGAIN, MAILBOX_REASON_EMPTY, inbox->queue.count);
			/* only the first of a batch waits */
			if (at && call->arg[FLAGS] & MAILBOX_DEADLINE)
				complain(wrong, EAGAIN, MAILBOX_REASON_EMPTY, MAILBOX_NO_FIELD,
					 inbox->queue.count);
		} else {
			begin_wait(actor, RECEIVES, handle, inbox);
		}
		return;
	}

	message = sender ? sender->message : inbox->queue.at[place];
	if (!could_take(call, message, wrong))
		return;
	if (sender)
		accept_message(box, message);
	tell(actor, message, inbox, item);
	if (peeks(call))
		return;
	inbox->lost = 0;
	if (!sender)
		dequeue(inbox, place);
	delivered(actor, handle, message);
	settle(box);
}

void expect_receive(unsigned int actor, unsigned int number, struct handle *handle)
{
	const struct call *call = &stage->program.call[number];
	struct expectation *expected = &expectations[actor];

	if (call->op == OP_RECEIVE_BATCH) {
		expect_batch(actor, number, handle, MAILBOX_RIGHT_RECEIVE, receive_one);
		return;
	}
	expected->items = 1;
	expected->value_known = true;
	if (call->op == OP_READ && !call->arg[LENGTH]) {
		check_receive(actor, call, handle, false, &expected->wrong);
		expected->lenient = true;
		expected->items = 0;
		return;
	}
	receive_one(actor, number, 0, handle, &expected->wrong);
}

/* --- poll ------------------------------------------------------------------------- */

#define IN	(POLLIN | POLLRDNORM)
#define OUT	(POLLOUT | POLLWRNORM)

static bool receiver_waits(struct box *box, struct inbox *inbox)
{
	struct waiter *waiter = NULL;

	while ((waiter = next_waiter(box, RECEIVES, waiter ? waiter->order : 0)))
		if (waiter->inbox == inbox)
			return true;
	return false;
}

void expect_poll(unsigned int actor, struct handle *handle, struct expectation *expected)
{
	static const struct call any = { .op = OP_READ };
	struct box *box = handle->box;
	int process = world.actor[actor].process, seat = seat_of(box, process);
	struct inbox *in = handle->own, *out = &box->inbox[place_of(handle, seat, true)];
	bool end_of_input = no_senders(handle) || other_left(box, seat);
	bool end_of_output = no_receivers(handle) || other_left(box, seat);

	if (box->destroyed) {
		expected->must = POLLHUP | POLLERR;
		expected->may = IN | OUT;
		return;
	}
	if (!seat_free(box, process)) {
		expected->must = POLLERR;
		expected->may = IN | OUT | POLLHUP;
		return;
	}
	if (box->policy == MAILBOX_POLICY_PAIR && seat == NOBODY) {
		/* which seat it would get is not said */
		expected->may = IN | OUT | POLLHUP | POLLERR;
		return;
	}
	if (!in)
		in = &box->inbox[place_of(handle, seat, false)];
	if (rights_in_use(handle) & MAILBOX_RIGHT_RECEIVE) {
		if (in->queue.count || (!handle->own && pick_waiter(&any, box, in)))
			expected->must |= IN;
		if (end_of_input || in->cut)
			expected->must |= POLLHUP;
	}
	if (rights_in_use(handle) & MAILBOX_RIGHT_SEND) {
		if (end_of_output) {
			expected->must |= POLLERR;
			expected->may |= OUT;
		} else if (box->policy == MAILBOX_POLICY_BROADCAST ? broadcast_has_room(box) :
			   box->capacity ? out->queue.count < box->capacity :
			   receiver_waits(box, out)) {
			expected->must |= OUT;
		}
	}
	if (box->policy == MAILBOX_POLICY_CHANNEL)
		expect_ring_poll(handle, expected);
}
