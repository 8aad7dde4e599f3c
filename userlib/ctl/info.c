// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl info: the module, and the caller's quotas. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "A JSON object", 0 },
	{ 0 }
};

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ MAILBOX_FEATURE_QUEUE, "queue" },
	{ MAILBOX_FEATURE_BATCH, "batch" },
	{ MAILBOX_FEATURE_SYNC, "sync" },
	{ MAILBOX_FEATURE_NAMES, "names" },
	{ MAILBOX_FEATURE_PAIR, "pair" },
	{ MAILBOX_FEATURE_BROADCAST, "broadcast" },
	{ MAILBOX_FEATURE_CHANNEL, "channel" },
	{ MAILBOX_FEATURE_RING, "ring" },
	{ MAILBOX_FEATURE_SEGMENT, "segment" },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	bool *json = state->input;

	switch (key) {
	case KEY_JSON:
		*json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_failure(state, EX_USAGE, 0, "'%s' is too much", argument);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_human(const struct mailbox_info *info)
{
	uint64_t unknown = info->features;
	size_t i;

	printf("%-18s %" PRIu32 "\n", "ABI version", info->abi_version);
	printf("%-18s", "features");
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		if (info->features & features[i].bit)
			printf(" %s", features[i].name);
		unknown &= ~features[i].bit;
	}
	if (unknown)
		printf(" and others (0x%" PRIx64 ")", unknown);
	printf("\n%-18s %" PRIu64 " bytes\n", "largest message", (uint64_t)info->message_max);
	printf("%-18s %" PRIu64 " of %" PRIu64 "\n", "your bytes",
	       (uint64_t)info->user_bytes, (uint64_t)info->user_bytes_max);
	printf("%-18s %" PRIu64 " of %" PRIu64 "\n", "your messages",
	       (uint64_t)info->user_messages, (uint64_t)info->user_messages_max);
	printf("%-18s %" PRIu64 " of %" PRIu64 "\n", "your mailboxes",
	       (uint64_t)info->user_mailboxes, (uint64_t)info->user_mailboxes_max);
}

static void print_json(const struct mailbox_info *info)
{
	struct json_object *object = json_new();
	struct json_object *names = json_new();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		json_flag(names, features[i].name, info->features & features[i].bit);

	json_u64(object, "abi_version", info->abi_version);
	json_add(object, "features", names);
	json_u64(object, "feature_bits", info->features);
	json_u64(object, "message_max", info->message_max);
	json_u64(object, "user_bytes", info->user_bytes);
	json_u64(object, "user_bytes_max", info->user_bytes_max);
	json_u64(object, "user_messages", info->user_messages);
	json_u64(object, "user_messages_max", info->user_messages_max);
	json_u64(object, "user_mailboxes", info->user_mailboxes);
	json_u64(object, "user_mailboxes_max", info->user_mailboxes_max);
	json_print(object, true);
}

int command_info(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Show what the module can do, and how much of your quotas is used.",
	};
	struct mailbox_info info;
	bool json = false;

	parse_command(&argp, argc, argv, &json);

	if (mailbox_info(&info))
		return failure(NULL, &info.error, MAILBOX_IOC_INFO);
	if (json)
		print_json(&info);
	else
		print_human(&info);
	return EX_OK;
}
