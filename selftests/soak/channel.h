/* SPDX-License-Identifier: GPL-2.0 */
/* A soak's ground: the rings of a channel. */
#ifndef SOAK_CHANNEL_H
#define SOAK_CHANNEL_H

#include "soak.h"

SOAK_HELPER int soak_channel_make(int fd[2], uint32_t size, uint32_t start)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 1, .ring = size, .ring_back = size,
	};
	int result = mailbox_channel(fd, &attr, NULL);

	for (int i = 0; !result && i < 2; i++) {
		struct mailbox_ring *ring;

		result = mailbox_ring_open(fd[i], 0, &ring, NULL);
		if (result)
			break;
		ring->mine->head = start;
		ring->mine->tail = start;
		mailbox_ring_close(ring);
	}
	return result;
}

SOAK_HELPER struct mailbox_ring *soak_channel_side(int fd[2], int side, uint32_t size,
						   unsigned int flags)
{
	struct mailbox_ring *ring;

	(void)size;
	/* else who is left could never learn that it is */
	close(fd[!side]);
	return mailbox_ring_open(fd[side], flags, &ring, NULL) ? NULL : ring;
}

static const struct soak_ground soak_channel = {
	.make = soak_channel_make,
	.side = soak_channel_side,
};

#endif /* SOAK_CHANNEL_H */
