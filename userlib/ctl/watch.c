// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl watch: depth, rates, waiters and drops, as they change. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl.h"

struct arguments {
	char **names;
	size_t name_count;
	uint64_t count;
	int64_t interval;
	bool json;
};

static const struct argp_option options[] = {
	{ "interval", 'i', "SECONDS", 0, "Time from one look to the next (1)", 0 },
	{ "count", 'c', "N", 0, "Look N times, then end", 0 },
	{ "json", KEY_JSON, NULL, 0, "A line of JSON for each look: an array of objects", 0 },
	{ 0 }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'i':
		if (!parse_seconds(argument, &arguments->interval) ||
		    arguments->interval < 10000000)
			argp_failure(state, EX_USAGE, 0, "--interval: '%s' is not a number of seconds from 0.01",
				   argument);
		return 0;
	case 'c':
		arguments->count = number_argument(argument, "count", UINT64_MAX, state);
		if (!arguments->count)
			argp_failure(state, EX_USAGE, 0, "--count: 0 looks show nothing");
		return 0;
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->names = state->argv + state->next;
		arguments->name_count = (size_t)(state->argc - state->next);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* One look at the mailboxes, sorted by name as the list is. */
struct look {
	int64_t time;		/* CLOCK_MONOTONIC */
	struct mailbox_stat *entries;
	size_t count;
};

static bool wanted(const struct arguments *arguments, const char *name)
{
	size_t i;

	for (i = 0; i < arguments->name_count; i++) {
		if (!strcmp(arguments->names[i], name))
			return true;
	}
	return !arguments->name_count;
}

static int take_look(const struct arguments *arguments, struct look *look,
		     struct mailbox_error *error)
{
	size_t kept = 0;
	size_t i;

	if (find_all(&look->entries, &look->count, error))
		return error->code;
	look->time = clock_ns(CLOCK_MONOTONIC);

	for (i = 0; i < look->count; i++) {
		if (!wanted(arguments, look->entries[i].name))
			continue;
		if (kept != i)
			look->entries[kept] = look->entries[i];
		kept++;
	}
	look->count = kept;
	return 0;
}

/* The same mailbox, not one that got its name later. */
static const struct mailbox_stat *same(const struct look *look,
				       const struct mailbox_stat *entry)
{
	size_t i;

	for (i = 0; i < look->count; i++) {
		if (look->entries[i].id == entry->id)
			return &look->entries[i];
	}
	return NULL;
}

struct rates {
	bool known;
	double sent;
	double received;
};

static struct rates rates(const struct look *before, const struct look *now,
			  const struct mailbox_stat *entry)
{
	const struct mailbox_stat *old = same(before, entry);
	double seconds = (double)(now->time - before->time) / 1e9;

	if (!old || seconds <= 0)
		return (struct rates) { .known = false };
	return (struct rates) {
		.known = true,
		.sent = (double)(entry->sent - old->sent) / seconds,
		.received = (double)(entry->received - old->received) / seconds,
	};
}

static void print_json(const struct look *before, const struct look *now)
{
	struct json_object *array = json_array();
	size_t i;

	for (i = 0; i < now->count; i++) {
		const struct mailbox_stat *entry = &now->entries[i];
		struct rates rate = rates(before, now, entry);
		struct json_object *object = json_stat(entry);

		json_time(object, "time", (uint64_t)clock_ns(CLOCK_REALTIME));
		if (rate.known) {
			json_double(object, "sent_per_second", rate.sent);
			json_double(object, "received_per_second", rate.received);
		} else {
			json_add(object, "sent_per_second", NULL);
			json_add(object, "received_per_second", NULL);
		}
		json_append(array, object);
	}
	json_print(array, false);
}

/* What ends a line: on a terminal also the rest of what stood there before. */
static const char *line_end = "\n";

static void print_heading(int widest)
{
	printf("%-8s  %-*s %8s %10s %10s %9s %9s %7s %7s %9s%s", "TIME", widest, "NAME",
	       "DEPTH", "CAPACITY", "BYTES", "SENT/s", "RECV/s", "WAIT-S", "WAIT-R", "DROPPED",
	       line_end);
}

static int widest_name(const struct look *look)
{
	int widest = (int)strlen("NAME");
	size_t i;

	for (i = 0; i < look->count; i++) {
		int columns;

		free(escape(look->entries[i].name, &columns));
		widest = columns > widest ? columns : widest;
	}
	return widest;
}

static void print_rows(const struct look *before, const struct look *now, size_t rows,
		       int widest)
{
	time_t seconds = time(NULL);
	char when[16] = "";
	struct tm local;
	size_t i;

	if (localtime_r(&seconds, &local))
		strftime(when, sizeof(when), "%H:%M:%S", &local);

	for (i = 0; i < now->count && i < rows; i++) {
		const struct mailbox_stat *entry = &now->entries[i];
		struct rates rate = rates(before, now, entry);
		char capacity[NUMBER_TEXT];
		char received[32] = "-";
		char sent[32] = "-";
		int columns;
		char *name;

		if (rate.known) {
			snprintf(sent, sizeof(sent), "%.1f", rate.sent);
			snprintf(received, sizeof(received), "%.1f", rate.received);
		}
		name = escape(entry->name, &columns);
		printf("%-8s  %s%*s %8" PRIu64 " %10s %10" PRIu64 " %9s %9s %7" PRIu32 " %7"
		       PRIu32 " %9" PRIu64 "%s",
		       when, name, widest > columns ? widest - columns : 0, "",
		       (uint64_t)entry->depth, capacity_text(entry->capacity, capacity),
		       (uint64_t)entry->bytes, sent, received, entry->waiting_senders,
		       entry->waiting_receivers, (uint64_t)entry->dropped, line_end);
		free(name);
	}
	if (i < now->count)
		printf("%8s  and %zu more, for which there is no room%s", "", now->count - i,
		       line_end);
}

/* --- the two ways of showing ------------------------------------------------- */

#define ESCAPE		"\033["
#define SCREEN_OPEN	ESCAPE "?1049h" ESCAPE "?25l" ESCAPE "?7l"
#define SCREEN_CLOSE	ESCAPE "?7h" ESCAPE "?25h" ESCAPE "?1049l"
#define SCREEN_HOME	ESCAPE "H"
#define LINE_REST	ESCAPE "K"
#define SCREEN_REST	ESCAPE "J"

static void show_screen(const struct look *before, const struct look *now)
{
	struct winsize size = { 0 };
	size_t rows = 22;
	int widest;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row > 3)
		rows = size.ws_row - 3U;

	line_end = LINE_REST "\n";
	widest = widest_name(now);
	fputs(SCREEN_HOME, stdout);
	print_heading(widest);
	print_rows(before, now, rows, widest);
	if (!now->count)
		printf("no mailbox is there%s", line_end);
	fputs(SCREEN_REST, stdout);
}

static void show_lines(const struct look *before, const struct look *now)
{
	static bool begun;
	static int widest;

	if (!begun) {
		widest = widest_name(now);
		print_heading(widest);
		begun = true;
	}
	print_rows(before, now, SIZE_MAX, widest);
}

static void sleep_until(int64_t time)
{
	struct timespec when = {
		.tv_sec = time / 1000000000,
		.tv_nsec = time % 1000000000,
	};

	while (!stop_wanted() &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
		;
}

static int watch(const struct arguments *arguments, bool screen)
{
	struct look before = { 0 };
	struct look now = { 0 };
	struct mailbox_error error;
	int64_t next = clock_ns(CLOCK_MONOTONIC);
	uint64_t i;

	for (i = 0; i < arguments->count && !stop_wanted(); i++) {
		if (i) {
			next += arguments->interval;
			sleep_until(next);
			if (stop_wanted())
				break;
		}

		free(before.entries);
		before = now;
		if (take_look(arguments, &now, &error)) {
			free(before.entries);
			if (screen)
				fputs(SCREEN_CLOSE, stdout);
			return failure(NULL, &error, MAILBOX_IOC_LIST);
		}

		if (arguments->json)
			print_json(&before, &now);
		else if (screen)
			show_screen(&before, &now);
		else
			show_lines(&before, &now);
		if (fflush(stdout))
			break;
	}

	free(before.entries);
	free(now.entries);
	return EX_OK;
}

int command_watch(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[NAME...]",
		.doc = "Show depth, rates, waiters and drops of the mailboxes, or of those named, until interrupted."
		       "\vOn a terminal the table is renewed in place; elsewhere each look adds lines.",
	};
	struct arguments arguments = { .count = UINT64_MAX, .interval = 1000000000 };
	struct mailbox_error error;
	struct mailbox_stat stat;
	bool screen;
	int status;
	size_t i;

	parse_command(&argp, argc, argv, &arguments);

	/* A name that is wrong now is a mistake; one that goes later just goes. */
	for (i = 0; i < arguments.name_count; i++) {
		if (find(arguments.names[i], &stat, &error))
			return failure(arguments.names[i], &error, MAILBOX_IOC_OPEN);
	}

	screen = isatty(STDOUT_FILENO) && !arguments.json && arguments.count == UINT64_MAX;
	stop_start(true);
	if (screen)
		fputs(SCREEN_OPEN, stdout);
	status = watch(&arguments, screen);
	if (screen) {
		fputs(SCREEN_CLOSE, stdout);
		fflush(stdout);
	}

	/* To interrupt it is how to end it; all else ends it as it would any program. */
	if (stop_wanted() && stop_wanted() != SIGINT)
		stop_now();
	return status;
}
