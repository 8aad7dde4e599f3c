// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A stream like video's: a camera that waits for nobody, and a viewer.
 *
 *	video [FRAMES]
 *
 * Frames of 1 MiB are drawn where the viewer looks at them, in a ring that both
 * have mapped; no byte of them is copied.  A camera cannot wait: where the ring is
 * full, the frame is dropped, and counted.  So that it comes to that on each machine,
 * the viewer looks away once, and not for a time: until the camera has dropped some.
 * That, and last of all what it has counted, the camera says by messages through the
 * same channel.
 */
#include <errno.h>
#include <time.h>

#include <mailbox_ring.h>

#include "example.h"

#define FRAMES		120	/* of which each is shown or dropped */
#define PIXELS		(1u << 18)	/* of 4 bytes: 1 MiB */
#define RING		(4u << 20)	/* holds three frames */
#define FRAME_NS	16000000	/* from one to the next: some 60 a second */
#define LOOK_AWAY	24	/* frames are shown before the viewer does, */
#define DROPS		5	/* until so many are dropped */

struct frame {
	uint32_t number;
	uint32_t pixels[PIXELS - 1];
};

/* So far; the last ones when they are of all frames. */
struct counts {
	unsigned long recorded;
	unsigned long dropped;
};

static uint32_t color(uint32_t number, uint32_t pixel)
{
	return number * 2654435761u + pixel;
}

static struct mailbox_ring *map_rings(int end)
{
	struct mailbox_error error;
	struct mailbox_ring *ring;

	if (mailbox_ring_open(end, MAILBOX_RING_NOPOLL, &ring, &error))
		die_of("rings", &error);
	return ring;
}

/* --- the camera -------------------------------------------------------------- */

static void draw(struct frame *frame, uint32_t number)
{
	uint32_t i;

	frame->number = number;
	for (i = 0; i < PIXELS - 1; i++)
		frame->pixels[i] = color(number, i);
}

/* Twice at most, and the channel has room for both: it never waits here either. */
static void tell(int end, const struct counts *counts)
{
	struct mailbox_error error;

	if (mailbox_trysend(end, counts, sizeof(*counts), 0, 0, &error))
		die_of("camera: send", &error);
}

static int film(int end, unsigned long frames)
{
	struct mailbox_ring *ring = map_rings(end);
	struct counts counts = { 0 };
	struct timespec next;
	uint32_t number;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (number = 1; number <= frames; number++) {
		void *place;
		int result = mailbox_ring_reserve(ring, sizeof(struct frame), &place);

		if (!result) {
			draw(place, number);
			/* From here on the viewer sees it, whole. */
			result = mailbox_ring_commit(ring);
			counts.recorded++;
		} else if (result == -EAGAIN) {
			if (++counts.dropped == DROPS)
				tell(end, &counts);
			result = 0;
		}
		if (result)
			die_for("camera", result);

		next.tv_nsec += FRAME_NS;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}

	tell(end, &counts);
	mailbox_ring_close(ring);
	return EXIT_SUCCESS;
}

/* --- the viewer -------------------------------------------------------------- */

static void show(const struct frame *frame, ssize_t length, uint32_t last)
{
	uint32_t i;

	if (length != sizeof(*frame))
		die("viewer: %zd bytes are no frame", length);
	if (frame->number <= last)
		die("viewer: frame %u came after frame %u", frame->number, last);
	for (i = 0; i < PIXELS - 1; i++)
		if (frame->pixels[i] != color(frame->number, i))
			die("viewer: frame %u is wrong at pixel %u", frame->number, i);
}

static void ask(int end, struct counts *counts)
{
	struct mailbox_error error;

	if (mailbox_receive(end, counts, sizeof(*counts), NULL, &error) < 0)
		die_of("viewer: receive", &error);
}

static void view(int end, unsigned long frames)
{
	struct mailbox_ring *ring = map_rings(end);
	unsigned long shown = 0, missed = 0;
	struct counts counts = { 0 };
	uint32_t last = 0;

	for (;;) {
		const void *place;
		ssize_t length = mailbox_ring_peek(ring, &place);
		const struct frame *frame;

		if (length == -EPIPE)
			break;	/* the camera has gone, and all is seen */
		if (length == -EAGAIN) {
			int result = mailbox_ring_wait(ring, MAILBOX_RING_DATA, 0,
						       MAILBOX_FOREVER);

			if (result < 0 && result != -EPIPE)
				die_for("viewer: wait", result);
			continue;
		}
		if (length < 0)
			die_for("viewer: peek", (int)length);

		frame = place;
		show(frame, length, last);
		missed += frame->number - last - 1;
		last = frame->number;
		/* From here on the camera may draw over it. */
		mailbox_ring_release(ring);
		if (++shown == LOOK_AWAY)
			ask(end, &counts);
	}
	missed += frames - last;

	while (counts.recorded + counts.dropped < frames)
		ask(end, &counts);
	mailbox_ring_close(ring);
	printf("video: %lu frames of 1 MiB shown, %lu dropped; the camera says %lu and %lu\n",
	       shown, missed, counts.recorded, counts.dropped);
	if (shown != counts.recorded || missed != counts.dropped || shown + missed != frames)
		die("video: the sums do not agree");
}

int main(int argc, char **argv)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 2,	/* what the camera tells */
		.ring = RING,
		.ring_back = MAILBOX_RING_MIN,
	};
	unsigned long frames = argc > 1 ? number_of(argv[1], "video [FRAMES]") : FRAMES;
	struct mailbox_error error;
	int end[2];

	if (mailbox_channel(end, &attr, &error))
		die_of("channel", &error);
	if (start() == 0) {
		close(end[1]);
		return film(end[0], frames);
	}
	/* The camera's end is the camera's alone: it closes when the camera ends. */
	close(end[0]);
	view(end[1], frames);
	return all_ended_well() ? EXIT_SUCCESS : EXIT_FAILURE;
}
