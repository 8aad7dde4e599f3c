// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl stat: all about one mailbox, and who holds it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

struct arguments {
	const char *name;
	bool json;
};

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "A JSON object", 0 },
	{ 0 }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == KEY_JSON) {
		arguments->json = true;
		return 0;
	}
	return name_argument(key, argument, state, &arguments->name);
}

struct search {
	uint64_t id;
	struct holder *found;
	size_t count;
};

static void collect(const struct holder *holder, void *argument)
{
	struct search *search = argument;

	if (holder->id != search->id)
		return;

	search->found = reallocarray(search->found, search->count + 1, sizeof(*holder));
	if (!search->found)
		die_memory();
	search->found[search->count++] = *holder;
}

static void print_time(const char *label, uint64_t time, const char *none)
{
	char text[TIME_TEXT];

	printf("%-18s %s\n", label, time ? time_text(time, text) : none);
}

static void print_pid(const char *label, int32_t pid)
{
	if (pid)
		printf("%-18s %" PRId32 "\n", label, pid);
	else
		printf("%-18s %s\n", label, "none that is seen from here");
}

/* What a segment has not. */
static void print_messages(const struct mailbox_stat *stat)
{
	char capacity[NUMBER_TEXT];

	printf("%-18s %s\n", "capacity", stat->capacity ?
	       capacity_text(stat->capacity, capacity) :
	       "0: each send waits for its receiver");
	printf("%-18s %" PRIu64 " bytes%s\n", "message size", (uint64_t)stat->message_max,
	       stat->flags & MAILBOX_CREATE_FIXED ? " exactly" : " at most");
	printf("%-18s %" PRIu64 " messages, %" PRIu64 " bytes\n", "in the queue",
	       (uint64_t)stat->depth, (uint64_t)stat->bytes);
	printf("%-18s %" PRIu32 " senders, %" PRIu32 " receivers\n", "waiting",
	       stat->waiting_senders, stat->waiting_receivers);
	printf("%-18s %" PRIu64 "\n", "sent", (uint64_t)stat->sent);
	printf("%-18s %" PRIu64 "\n", "received", (uint64_t)stat->received);
	printf("%-18s %" PRIu64 "\n", "dropped", (uint64_t)stat->dropped);
	printf("%-18s %" PRIu64 "\n", "withdrawn", (uint64_t)stat->withdrawn);
	print_time("last sent at", stat->send_time, "never");
	if (stat->send_time)
		print_pid("last sender", stat->sender_pid);
	print_time("last received at", stat->receive_time, "never");
	if (stat->receive_time)
		print_pid("last receiver", stat->receiver_pid);
}

static void print_human(const struct mailbox_stat *stat, const struct search *search,
			bool whole)
{
	char owner[OWNER_TEXT];
	char group[OWNER_TEXT];
	char mode[MODE_TEXT];
	char *name = escape(stat->name, NULL);
	bool segment = stat->policy == MAILBOX_POLICY_SEGMENT;
	size_t i;

	printf("%-18s %s\n", "name", name);
	printf("%-18s %" PRIu64 "\n", "id", (uint64_t)stat->id);
	printf("%-18s %s", "policy", policy_text(stat->policy));
	if (stat->policy == MAILBOX_POLICY_BROADCAST)
		printf(", slow receivers: %s", slow_text(stat->slow));
	printf("\n%-18s %s\n", "stays", stat->flags & MAILBOX_CREATE_PERSIST ?
	       "until it is removed" : "as long as somebody holds it");
	printf("%-18s %04o (%s)\n", "mode", stat->mode, mode_text(stat->mode, mode));
	printf("%-18s %s (%" PRIu32 ")\n", "owner", user_text(stat->uid, owner), stat->uid);
	printf("%-18s %s (%" PRIu32 ")\n", "group", group_text(stat->gid, group), stat->gid);
	printf("%-18s %s (%" PRIu32 "), process %" PRId32 "\n", "made by",
	       user_text(stat->creator_uid, owner), stat->creator_uid, stat->creator_pid);
	print_time("made at", stat->created_time, "");
	print_time("changed at", stat->changed_time, "never");
	if (segment)
		printf("%-18s %" PRIu64 " bytes\n", "memory", (uint64_t)stat->capacity);
	else
		print_messages(stat);
	printf("%-18s %" PRIu32 ": %" PRIu32 " may %s, %" PRIu32 " may %s\n", "handles",
	       stat->handles, stat->senders, segment ? "write" : "send",
	       stat->receivers, segment ? "read" : "receive");
	free(name);

	for (i = 0; i < search->count; i++) {
		const struct holder *holder = &search->found[i];
		char *command = escape(holder->command, NULL);

		printf("%-18s process %d (%s) of %s, descriptor %d, rights %s\n", "held by",
		       holder->pid, command, user_text(holder->uid, owner), holder->fd,
		       holder->rights);
		free(command);
	}
	if (!whole && stat->handles)
		printf("%-18s perhaps also processes that you may not look into\n", "held by");
}

static void print_json(const struct mailbox_stat *stat, const struct search *search,
		       bool whole)
{
	struct json_object *object = json_stat(stat);
	struct json_object *array = json_array();
	size_t i;

	for (i = 0; i < search->count; i++) {
		const struct holder *holder = &search->found[i];
		struct json_object *member = json_new();

		json_u64(member, "pid", (uint64_t)holder->pid);
		json_u64(member, "uid", holder->uid);
		json_name(member, "command", holder->command);
		json_u64(member, "fd", (uint64_t)holder->fd);
		json_text(member, "rights", holder->rights);
		json_append(array, member);
	}
	json_add(object, "holders", array);
	json_flag(object, "holders_complete", whole);
	json_print(object, true);
}

int command_stat(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Show all about the mailbox NAME, and which processes hold it.",
	};
	struct arguments arguments = { 0 };
	struct search search = { 0 };
	struct mailbox_error error;
	struct mailbox_stat stat;
	bool whole;

	parse_command(&argp, argc, argv, &arguments);

	if (find(arguments.name, &stat, &error))
		return failure(arguments.name, &error, MAILBOX_IOC_OPEN);

	search.id = stat.id;
	whole = holders(false, collect, &search);
	if (arguments.json)
		print_json(&stat, &search, whole);
	else
		print_human(&stat, &search, whole);

	free(search.found);
	return EX_OK;
}
