// SPDX-License-Identifier: GPL-2.0
/*
 * What the model holds for real.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct world world;

/* --- memory --------------------------------------------------------------- */

static void **memories;
static unsigned int memory_count, memory_room;

void *world_memory(size_t size)
{
	void *memory = calloc(1, size);

	if (memory_count == memory_room) {
		void **more;

		memory_room = memory_room * 2 + 64;
		more = realloc(memories, memory_room * sizeof(*memories));
		if (!more)
			abort();
		memories = more;
	}
	if (!memory)
		abort();
	memories[memory_count++] = memory;
	return memory;
}

void model_begin(void)
{
	while (memory_count)
		free(memories[--memory_count]);
	memset(&world, 0, sizeof(world));
	memset(expectations, 0, sizeof(expectations));
	for (int i = 0; i < ACTORS; i++) {
		world.actor[i].process = NOBODY;
		world.actor[i].waiter.actor = i;
	}
	memcpy(world.quota, quota_defaults, sizeof(world.quota));
	world.process[0] = (struct process) { .alive = true };
	world.processes = 1;
	world.actor[0].process = 0;
}

/* --- processes -------------------------------------------------------------- */

unsigned int user_of(uid_t uid)
{
	return uid == 1000 ? 1 : uid == 1001 ? 2 : 0;
}

struct process *process_of(unsigned int actor)
{
	return &world.process[world.actor[actor].process];
}

void model_actor(unsigned int actor, pid_t pid)
{
	process_of(actor)->pid = pid;
}

bool model_idle(unsigned int actor)
{
	return world.actor[actor].process != NOBODY && !world.actor[actor].waiter.waits;
}

bool model_gave_up(void)
{
	return world.gave_up;
}

pid_t model_ended_process(void)
{
	return world.ended_process;
}

/* --- complaints --------------------------------------------------------------- */

void complain(struct complaints *list, int error, unsigned int reason, unsigned int field,
	      uint64_t value)
{
	if (list->count < ARRAY_SIZE(list->at))
		list->at[list->count++] = (struct complaint) { error, reason, field, value };
}

/* --- waiters ------------------------------------------------------------------- */

void waiter_end(struct waiter *waiter)
{
	waiter->waits = false;
	waiter->message = NULL;
	waiter->request = NULL;
	waiter->queued = false;
	expectations[waiter->actor].how = ENDS;
	world.ended |= 1U << waiter->actor;
}

void waiter_fail(struct waiter *waiter, int error, unsigned int reason, uint64_t value)
{
	struct expectation *expected = &expectations[waiter->actor];

	/* read(2) tells the end by 0, which it is */
	if (reason != MAILBOX_REASON_NO_SENDERS ||
	    stage->program.call[expected->number].op != OP_READ)
		complain(&expected->wrong, error, reason, MAILBOX_NO_FIELD, value);
	withdraw(waiter);
	waiter_end(waiter);
}

void fail_waiters(struct box *box, enum wait_kind kind, const struct inbox *inbox,
		  unsigned int reason)
{
	struct waiter *waiter;
	uint64_t order = 0;

	while ((waiter = next_waiter(box, kind, order))) {
		order = waiter->order;
		if (waiter->inbox == inbox)
			waiter_fail(waiter, EPIPE, reason, 0);
	}
}

struct waiter *next_waiter(struct box *box, enum wait_kind kind, uint64_t order)
{
	struct waiter *next = NULL;

	for (int i = 0; i < ACTORS; i++) {
		struct waiter *waiter = &world.actor[i].waiter;

		if (waiter->waits && waiter->handle->box == box && waiter->kind == kind &&
		    waiter->order > order && (!next || waiter->order < next->order))
			next = waiter;
	}
	return next;
}

unsigned int handles_of(const struct box *box, uint32_t right)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < world.handles; i++) {
		const struct handle *handle = world.handle[i];

		count += handle->references && handle->box == box &&
			 (!right || handle->rights & right);
	}
	return count;
}

unsigned int handles_at(const struct box *box, unsigned int end, uint32_t right)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < world.handles; i++) {
		const struct handle *handle = world.handle[i];

		count += handle->references && handle->box == box && handle->end == end &&
			 (!right || handle->rights & right);
	}
	return count;
}

static bool nobody_there(const struct handle *handle, uint32_t right)
{
	const struct box *box = handle->box;

	if (box->policy == MAILBOX_POLICY_CHANNEL)
		return !handles_at(box, !handle->end, right);
	return !box->named && !handles_of(box, right);
}

bool no_receivers(const struct handle *handle)
{
	return nobody_there(handle, MAILBOX_RIGHT_RECEIVE);
}

bool no_senders(const struct handle *handle)
{
	return nobody_there(handle, MAILBOX_RIGHT_SEND);
}

uint32_t rights_in_use(const struct handle *handle)
{
	return handle->rights & (handle->box->policy == MAILBOX_POLICY_SEGMENT ?
				 MAILBOX_RIGHT_ADMIN : MAILBOX_RIGHT_ALL);
}
