// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Producers and consumers with a buffer between them.
 *
 *	buffer [CAPACITY]
 *
 * CAPACITY is a number of items (4), or "unlimited", or 0: then each producer
 * hands its item to a consumer.  A full buffer makes producers wait, an empty
 * one consumers; the end of the last producer ends the consumers.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "example.h"

#define PRODUCERS	3
#define CONSUMERS	2
#define ITEMS		500	/* of each producer */

struct item {
	unsigned int producer;
	unsigned int number;
};

/* What each consumer has seen of each producer, for us to count together. */
struct tally {
	unsigned int items[CONSUMERS][PRODUCERS];
	unsigned long long sum[CONSUMERS][PRODUCERS];
};

static int produce(int buffer, unsigned int producer)
{
	struct mailbox_error error;
	unsigned int i;

	for (i = 1; i <= ITEMS; i++) {
		struct item item = { .producer = producer, .number = i };

		if (mailbox_send(buffer, &item, sizeof(item), 0, 0, &error))
			die_of("producer", &error);
	}
	return EXIT_SUCCESS;
}

static int consume(int buffer, unsigned int consumer, struct tally *tally)
{
	unsigned int last[PRODUCERS] = { 0 };
	struct mailbox_error error;
	struct item item;

	for (;;) {
		ssize_t length = mailbox_receive(buffer, &item, sizeof(item), NULL, &error);

		if (length == -EPIPE)
			return EXIT_SUCCESS;
		if (length < 0)
			die_of("consumer", &error);
		if (length != sizeof(item) || item.producer >= PRODUCERS)
			die("consumer: this is no item");
		if (item.number <= last[item.producer])
			die("consumer: item %u of producer %u came after item %u", item.number,
			    item.producer, last[item.producer]);

		last[item.producer] = item.number;
		tally->items[consumer][item.producer]++;
		tally->sum[consumer][item.producer] += item.number;
	}
}

int main(int argc, char **argv)
{
	uint64_t capacity = 4;
	struct tally *tally;
	unsigned int i, j;
	int buffer;

	if (argc > 2)
		die("usage: buffer [CAPACITY]");
	if (argc == 2)
		capacity = strcmp(argv[1], "unlimited") ? strtoul(argv[1], NULL, 10) :
							  MAILBOX_UNLIMITED;

	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (tally == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	buffer = make_mailbox(capacity);

	for (i = 0; i < CONSUMERS; i++) {
		if (start() == 0) {
			int in = restrict_to(buffer, MAILBOX_RIGHT_RECEIVE);

			close(buffer);
			return consume(in, i, tally);
		}
	}
	for (i = 0; i < PRODUCERS; i++) {
		if (start() == 0) {
			int out = restrict_to(buffer, MAILBOX_RIGHT_SEND);

			close(buffer);
			return produce(out, i);
		}
	}
	/* Consumers wait as long as somebody could still send: not us. */
	close(buffer);
	if (!all_ended_well())
		die("buffer: somebody failed");

	for (j = 0; j < PRODUCERS; j++) {
		unsigned long long sum = 0;
		unsigned int items = 0;

		for (i = 0; i < CONSUMERS; i++) {
			items += tally->items[i][j];
			sum += tally->sum[i][j];
		}
		if (items != ITEMS || sum != ITEMS * (ITEMS + 1ULL) / 2)
			die("buffer: of producer %u came %u items, not %u", j, items, ITEMS);
	}
	printf("buffer: %d producers, %d consumers, %d items: each came once, and in order\n",
	       PRODUCERS, CONSUMERS, PRODUCERS * ITEMS);
	return EXIT_SUCCESS;
}
