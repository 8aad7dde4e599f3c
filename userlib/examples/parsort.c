// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A parallel sort of a file's lines, as LC_ALL=C sort does it.
 *
 * The master cuts the file into chunks and puts them into one mailbox.  The
 * workers share it: whoever is free takes the next chunk, sorts it, and sends
 * it back through a second mailbox.  The master merges.  Nobody is told how
 * many workers there are, and they end when the master closes its end.
 *
 *	parsort INPUT OUTPUT [WORKERS]
 */
#define _GNU_SOURCE	/* memrchr */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "example.h"

#define CHUNK		(256 * 1024)
#define WORKERS_MAX	64
#define PATIENCE_MS	60000

struct line {
	const char *text;
	size_t length;		/* without the newline */
};

/* A sorted chunk, and how far it has been merged. */
struct run {
	char *data;
	size_t length;
	size_t next;
	struct line first;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare(const void *left, const void *right)
{
	const struct line *a = left;
	const struct line *b = right;
	int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);

	return order ? order : (a->length > b->length) - (a->length < b->length);
}

static void *allocate(size_t bytes)
{
	void *memory = malloc(bytes ? bytes : 1);

	if (!memory)
		die("out of memory");
	return memory;
}

/* --- a worker ------------------------------------------------------------- */

/* Each line of @data, which all end in a newline, into @sorted. */
static void sort_lines(const char *data, size_t length, char *sorted)
{
	const char *end = data + length;
	const char *at = data;
	struct line *lines;
	size_t count = 0;
	size_t i;

	for (at = data; at < end; at = (char *)memchr(at, '\n', (size_t)(end - at)) + 1)
		count++;
	lines = allocate(count * sizeof(*lines));

	for (at = data, i = 0; i < count; i++) {
		lines[i].text = at;
		lines[i].length = (size_t)((char *)memchr(at, '\n', (size_t)(end - at)) - at);
		at += lines[i].length + 1;
	}

	qsort(lines, count, sizeof(*lines), compare);
	for (i = 0; i < count; i++) {
		memcpy(sorted, lines[i].text, lines[i].length + 1);
		sorted += lines[i].length + 1;
	}
	free(lines);
}

static int work(int jobs, int results)
{
	struct mailbox_header header;
	struct mailbox_error error;
	size_t size = CHUNK;
	char *data = allocate(size);
	char *sorted = allocate(size);

	for (;;) {
		ssize_t length = mailbox_receive(jobs, data, size, &header, &error);

		if (length == -EPIPE)
			break;	/* all is done and the master has closed its end */
		if (length == -EMSGSIZE) {
			/* A very long line.  It is still there: come with more room. */
			size = error.value;
			free(data);
			free(sorted);
			data = allocate(size);
			sorted = allocate(size);
			continue;
		}
		if (length < 0)
			die_of("worker: receive", &error);

		sort_lines(data, (size_t)length, sorted);
		if (mailbox_send(results, sorted, (size_t)length, 0, header.tag, &error))
			die_of("worker: send", &error);
	}

	free(data);
	free(sorted);
	return EXIT_SUCCESS;
}

/* --- the master: giving out and taking back ---------------------------------- */

/* Where the chunk that begins at @at ends: behind a newline. */
static size_t chunk_end(const char *data, size_t length, size_t at)
{
	const char *newline;

	if (length - at <= CHUNK)
		return length;
	newline = memrchr(data + at, '\n', CHUNK);
	if (!newline)
		newline = memchr(data + at + CHUNK, '\n', length - at - CHUNK);
	return (size_t)(newline - data) + 1;
}

static void take_back(int results, struct run *runs, size_t total, size_t *done)
{
	struct mailbox_header header;
	struct mailbox_error error;
	struct run run = { 0 };
	ssize_t length;

	/* How large is the next one?  The error says it, and takes nothing. */
	length = mailbox_timedreceive(results, NULL, 0, mailbox_deadline_ms(PATIENCE_MS), &header,
				      &error);
	if (length != -EMSGSIZE)
		die_of("master: receive", &error);
	run.data = allocate(error.value);
	length = mailbox_receive(results, run.data, error.value, &header, &error);
	if (length < 0)
		die_of("master: receive", &error);

	run.length = (size_t)length;
	runs[header.tag] = run;
	++*done;
	printf("  chunk %2llu is back, %zd bytes sorted by process %d (%zu of %zu)\n",
	       (unsigned long long)header.tag + 1, length, header.pid, *done, total);
	fflush(stdout);
}

/* --- the master: merging ------------------------------------------------------ */

static bool advance(struct run *run)
{
	const char *text = run->data + run->next;
	size_t left = run->length - run->next;

	if (!left)
		return false;
	run->first.text = text;
	run->first.length = (size_t)((char *)memchr(text, '\n', left) - text);
	run->next += run->first.length + 1;
	return true;
}

/* The heap's order: the smallest first line on top. */
static void sink(struct run **heap, size_t count, size_t at)
{
	for (;;) {
		size_t least = at;
		size_t child = 2 * at + 1;
		struct run *moved;

		for (; child <= 2 * at + 2 && child < count; child++) {
			if (compare(&heap[child]->first, &heap[least]->first) < 0)
				least = child;
		}
		if (least == at)
			return;
		moved = heap[at];
		heap[at] = heap[least];
		heap[least] = moved;
		at = least;
	}
}

static void merge(struct run *runs, size_t count, FILE *output)
{
	struct run **heap = allocate(count * sizeof(*heap));
	size_t i;

	for (i = 0; i < count; i++) {
		heap[i] = &runs[i];
		advance(heap[i]);
	}
	for (i = count; i-- > 0;)
		sink(heap, count, i);

	while (count) {
		fwrite(heap[0]->first.text, 1, heap[0]->first.length + 1, output);
		if (!advance(heap[0]))
			heap[0] = heap[--count];
		sink(heap, count, 0);
	}
	free(heap);
}

/* The whole file, its last line ended. */
static char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "r");
	struct stat stat;
	char *data;

	if (!file || fstat(fileno(file), &stat))
		die("%s: %s", path, strerror(errno));
	data = allocate((size_t)stat.st_size + 1);
	*length = fread(data, 1, (size_t)stat.st_size, file);
	if (ferror(file))
		die("%s: %s", path, strerror(errno));
	fclose(file);
	if (*length && data[*length - 1] != '\n')
		data[(*length)++] = '\n';
	return data;
}

int main(int argc, char **argv)
{
	long workers = argc > 3 ? strtol(argv[3], NULL, 10) : 4;
	double began = seconds();
	size_t total = 0, sent = 0, done = 0;
	struct mailbox_error error;
	int jobs, results, jobs_out, results_in;
	struct run *runs;
	size_t length;
	size_t at;
	FILE *output;
	char *data;
	long i;

	if (argc < 3 || argc > 4 || workers < 1 || workers > WORKERS_MAX)
		die("usage: parsort INPUT OUTPUT [WORKERS], of 1 to %d workers", WORKERS_MAX);

	data = read_file(argv[1], &length);
	for (at = 0; at < length; at = chunk_end(data, length, at))
		total++;
	runs = allocate(total * sizeof(*runs));

	/* Room for two chunks a worker: one at hand, one that waits. */
	jobs = make_mailbox(2 * (uint64_t)workers);
	results = make_mailbox(2 * (uint64_t)workers);
	printf("parsort: %zu bytes in %zu chunks for %ld workers\n", length, total, workers);

	for (i = 0; i < workers; i++) {
		if (start() == 0) {
			int jobs_in = restrict_to(jobs, MAILBOX_RIGHT_RECEIVE);
			int results_out = restrict_to(results, MAILBOX_RIGHT_SEND);

			/* While a worker can send jobs, none is told of the end. */
			close(jobs);
			close(results);
			return work(jobs_in, results_out);
		}
	}
	jobs_out = restrict_to(jobs, MAILBOX_RIGHT_SEND);
	results_in = restrict_to(results, MAILBOX_RIGHT_RECEIVE);
	close(jobs);
	close(results);

	/* Never more under way than both mailboxes hold: no one waits in a ring. */
	for (at = 0; done < total;) {
		size_t end = chunk_end(data, length, at);

		if (sent < total && sent - done < 2 * (size_t)workers) {
			if (mailbox_send(jobs_out, data + at, end - at, 0, sent, &error))
				die_of("master: send", &error);
			sent++;
			at = end;
		} else {
			take_back(results_in, runs, total, &done);
		}
	}
	close(jobs_out);
	if (!all_ended_well())
		die("parsort: a worker failed");
	printf("parsort: sorted after %.1f s; merging\n", seconds() - began);

	output = fopen(argv[2], "w");
	if (!output)
		die("%s: %s", argv[2], strerror(errno));
	merge(runs, total, output);
	if (fclose(output))
		die("%s: %s", argv[2], strerror(errno));
	printf("parsort: done after %.1f s\n", seconds() - began);
	return EXIT_SUCCESS;
}
