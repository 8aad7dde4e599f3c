// SPDX-License-Identifier: GPL-2.0
/*
 * The model of the two seats of a PAIR.
 */
#include <errno.h>

#include "world.h"

int seat_of(const struct box *box, int process)
{
	for (int i = 0; i < 2; i++)
		if (box->seat[i].process == process)
			return i;
	return NOBODY;
}

bool seat_free(const struct box *box, int process)
{
	return box->policy != MAILBOX_POLICY_PAIR || seat_of(box, process) != NOBODY ||
	       seat_of(box, NOBODY) != NOBODY;
}

int seat_find(const struct box *box, int process, uint32_t right)
{
	int seat = seat_of(box, process);
	bool mail[2] = { box->inbox[0].queue.count, box->inbox[1].queue.count };

	if (box->policy != MAILBOX_POLICY_PAIR || seat != NOBODY)
		return seat;
	if (box->seat[0].process != NOBODY) {
		seat = 1;
	} else if (box->seat[1].process != NOBODY) {
		seat = 0;
	} else if (mail[0] != mail[1]) {
		/* who receives comes for the mail, and who sends answers it */
		seat = mail[1];
		if (right == MAILBOX_RIGHT_SEND)
			seat = !seat;
	} else {
		/* no difference, but for who left before */
		if (mail[0] || box->seat[0].left != box->seat[1].left)
			world.gave_up = true;
		seat = 0;
	}
	return seat;
}

int seat_take(struct box *box, int process, uint32_t right)
{
	int seat = seat_find(box, process, right);

	if (seat != NOBODY && box->seat[seat].process != process)
		box->seat[seat] = (struct seat) { .process = process };
	return seat;
}

static bool still_there(const struct box *box, int process)
{
	for (int slot = 0; slot < SLOTS; slot++) {
		const struct handle *handle = world.process[process].slot[slot];

		if (handle && handle->box == box)
			return true;
	}
	return false;
}

void seat_leave(struct box *box, int process)
{
	int seat = seat_of(box, process);
	struct waiter *waiter;

	if (box->policy != MAILBOX_POLICY_PAIR || seat == NOBODY || still_there(box, process))
		return;
	box->seat[seat] = (struct seat) { .process = NOBODY, .left = true };
	if (box->named || box->destroyed)
		return;
	/* all who wait belong to the one who stays */
	while ((waiter = next_waiter(box, SENDS, 0)))
		waiter_fail(waiter, EPIPE, MAILBOX_REASON_NO_RECEIVERS, 0);
	while ((waiter = next_waiter(box, RECEIVES, 0)))
		waiter_fail(waiter, EPIPE, MAILBOX_REASON_NO_SENDERS, 0);
	while ((waiter = next_waiter(box, ASKS, 0)))
		waiter_fail(waiter, EPIPE, MAILBOX_REASON_NO_RECEIVERS, 0);
}
