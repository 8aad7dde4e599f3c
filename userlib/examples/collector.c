// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A collector of logs: a thousand producers, one reader.
 *
 *	collector [PRODUCERS [LINES]]
 *
 * Each producer knows the name of the reader's mailbox, connects there, and writes
 * its lines into a ring of its own: it disturbs no other one, and while the reader
 * is awake there is no system call.  The reader waits for all of them, and for new
 * ones, on one epoll descriptor, which tells it of those that have work.
 *
 * Who wrote a line the reader knows from the kernel.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <mailbox_ring.h>

#include "example.h"

#define PRODUCERS	1000
#define LINES		50	/* of each of them */
#define PATIENCE_MS	60000
#define LINE_MAX_BYTES	128

static const char usage[] = "collector [PRODUCERS [LINES]]";

/* --- a producer -------------------------------------------------------------- */

static int produce(const char *name, unsigned long lines)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 1,
		.ring = MAILBOX_RING_MIN,
		.ring_back = MAILBOX_RING_MIN,
	};
	struct mailbox_error error;
	struct mailbox_ring *ring;
	char line[LINE_MAX_BYTES];
	unsigned long i;
	int box, end;

	box = mailbox_open(name, O_WRONLY, 0, NULL, &error);
	if (box < 0)
		die_of(name, &error);
	/* Ends when the reader has answered, or is gone. */
	end = mailbox_connect(box, "log", 3, &attr, MAILBOX_FOREVER, &error);
	if (end < 0)
		die_of("producer: connect", &error);
	if (mailbox_ring_open(end, MAILBOX_RING_NOPOLL, &ring, &error))
		die_of("producer: rings", &error);

	for (i = 1; i <= lines; i++) {
		int length = snprintf(line, sizeof(line), "%d %lu of %lu: all is well%.*s\n",
				      getpid(), i, lines, (int)(i % 16), "................");
		int result = mailbox_ring_send(ring, line, (size_t)length,
					       MAILBOX_FOREVER);

		if (result)
			die_for("producer: send", result);
	}
	/* What is in the ring stays there for the reader. */
	mailbox_ring_close(ring);
	return EXIT_SUCCESS;
}

/* --- the reader -------------------------------------------------------------- */

struct source {
	struct mailbox_ring *ring;
	int end;
	pid_t pid;		/* as the kernel says */
	unsigned long lines;
};

static struct source *accept_one(int box)
{
	struct source *source = calloc(1, sizeof(*source));
	struct mailbox_header header;
	struct mailbox_error error;
	char request[16];

	if (!source)
		die("reader: no memory");
	if (mailbox_receive(box, request, sizeof(request), &header, &error) < 0)
		die_of("reader: receive", &error);
	if (!(header.flags & MAILBOX_MESSAGE_CONNECT))
		die("reader: process %d sends messages, and does not connect", header.pid);
	source->end = mailbox_accept(box, header.sequence, 0, &error);
	if (source->end < 0)
		die_of("reader: accept", &error);
	if (mailbox_ring_open(source->end, 0, &source->ring, &error))
		die_of("reader: rings", &error);
	source->pid = header.pid;
	return source;
}

/* Every line of a producer comes, once and in its order. */
static void check(struct source *source, const char *place, size_t length, unsigned long lines)
{
	char line[LINE_MAX_BYTES];
	unsigned long number, of;
	int pid;

	if (length >= sizeof(line))
		die("reader: %zu bytes are no line", length);
	memcpy(line, place, length);
	line[length] = '\0';
	if (sscanf(line, "%d %lu of %lu:", &pid, &number, &of) != 3 || line[length - 1] != '\n')
		die("reader: this is no line: %s", line);
	if (pid != source->pid)
		die("reader: process %d writes in the name of %d", source->pid, pid);
	if (number != ++source->lines || of != lines)
		die("reader: line %lu of process %d came as number %lu", number, pid,
		    source->lines);
}

/* All that is there now.  False if no more will come. */
static bool read_all(struct source *source, unsigned long lines)
{
	const void *place;
	ssize_t length;

	while ((length = mailbox_ring_peek(source->ring, &place)) >= 0)
		check(source, place, (size_t)length, lines);
	mailbox_ring_release(source->ring);
	if (length != -EAGAIN && length != -EPIPE)
		die_for("reader: peek", (int)length);
	return length == -EAGAIN;
}

static void watch(int epoll, int fd, uint32_t events, struct source *source)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		die("reader: epoll_ctl: %s", strerror(errno));
}

static void collect(int box, unsigned long producers, unsigned long lines)
{
	unsigned long gone = 0, total = 0, told = 0;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64];

	watch(epoll, box, EPOLLIN, NULL);
	while (gone < producers) {
		int i, count = epoll_wait(epoll, events, 64, PATIENCE_MS);

		if (count <= 0)
			die("reader: nobody writes any more, and %lu producers are missing",
			    producers - gone);
		for (i = 0; i < count; i++) {
			struct source *source = events[i].data.ptr;

			if (!source) {
				source = accept_one(box);
				/* Its ring, or its end. */
				watch(epoll, source->end, EPOLLRDBAND, source);
				continue;
			}
			told++;
			if (read_all(source, lines))
				continue;
			total += source->lines;
			gone++;
			mailbox_ring_close(source->ring);
			close(source->end);	/* and epoll forgets it */
			free(source);
		}
	}
	close(epoll);
	printf("collector: %lu lines of %lu producers, each in its order; told %lu times who has work\n",
	       total, gone, told);
	if (total != producers * lines)
		die("collector: there should be %lu lines", producers * lines);
}

/* A descriptor for each producer is more than a process is usually given. */
static void want_descriptors(unsigned long producers)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		die("getrlimit: %s", strerror(errno));
	if (limit.rlim_cur < producers + 16) {
		limit.rlim_cur = producers + 16;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			die("%lu descriptors: %s", producers + 16, strerror(errno));
	}
}

int main(int argc, char **argv)
{
	unsigned long producers = argc > 1 ? number_of(argv[1], usage) : PRODUCERS;
	unsigned long lines = argc > 2 ? number_of(argv[2], usage) : LINES;
	struct mailbox_error error;
	unsigned long i;
	char name[32];
	int box;

	want_descriptors(producers);
	snprintf(name, sizeof(name), "collector.%d", getpid());
	box = mailbox_create(name, MAILBOX_CREATE_EXCL, MAILBOX_RIGHT_RECEIVE, 0600, NULL,
			     &error);
	if (box < 0)
		die_of(name, &error);
	for (i = 0; i < producers; i++) {
		if (start() == 0) {
			close(box);
			return produce(name, lines);
		}
	}
	collect(box, producers, lines);
	close(box);
	return all_ended_well() ? EXIT_SUCCESS : EXIT_FAILURE;
}
