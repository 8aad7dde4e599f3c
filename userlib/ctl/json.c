// SPDX-License-Identifier: LGPL-2.1-or-later
/* Mailboxes as JSON, for jq(1) and its like. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

/* No object of ours is ever shown in part: out of memory ends the program. */
static struct json_object *whole(struct json_object *object)
{
	if (!object)
		die_memory();
	return object;
}

struct json_object *json_new(void)
{
	return whole(json_object_new_object());
}

struct json_object *json_array(void)
{
	return whole(json_object_new_array());
}

void json_add(struct json_object *object, const char *key,
	      struct json_object *value)
{
	if (json_object_object_add(object, key, value))
		die_memory();
}

void json_append(struct json_object *array, struct json_object *value)
{
	if (json_object_array_add(array, value))
		die_memory();
}

void json_u64(struct json_object *object, const char *key, uint64_t value)
{
	json_add(object, key, whole(json_object_new_uint64(value)));
}

void json_double(struct json_object *object, const char *key, double value)
{
	char text[64];

	/* Otherwise json-c prints 17 digits. */
	snprintf(text, sizeof(text), "%.3f", value);
	json_add(object, key, whole(json_object_new_double_s(value, text)));
}

void json_text(struct json_object *object, const char *key, const char *text)
{
	json_add(object, key, whole(json_object_new_string(text)));
}

void json_flag(struct json_object *object, const char *key, bool flag)
{
	json_add(object, key, whole(json_object_new_boolean(flag)));
}

/*
 * JSON is UTF-8, a name is any bytes.  One that is not UTF-8 goes escaped, and
 * a second member "KEY_hex" has its bytes.
 */
void json_name(struct json_object *object, const char *key, const char *name)
{
	char hex_key[32];
	char *hex;
	char *text;
	size_t i;

	if (is_utf8(name)) {
		json_text(object, key, name);
		return;
	}

	text = escape_bytes(name);
	json_text(object, key, text);
	free(text);

	hex = calloc(strlen(name) + 1, 2);
	if (!hex)
		die_memory();
	for (i = 0; name[i]; i++)
		sprintf(hex + 2 * i, "%02x", (unsigned char)name[i]);
	snprintf(hex_key, sizeof(hex_key), "%s_hex", key);
	json_text(object, hex_key, hex);
	free(hex);
}

void json_time(struct json_object *object, const char *key, uint64_t realtime_ns)
{
	char text[TIME_TEXT];

	if (realtime_ns)
		json_text(object, key, time_text(realtime_ns, text));
	else
		json_add(object, key, NULL);
}

struct json_object *json_stat(const struct mailbox_stat *stat)
{
	struct json_object *object = json_new();
	char mode[8];

	json_name(object, "name", stat->name);
	json_u64(object, "id", stat->id);
	json_text(object, "policy", policy_text(stat->policy));
	if (stat->policy == MAILBOX_POLICY_BROADCAST)
		json_text(object, "slow", slow_text(stat->slow));
	else
		json_add(object, "slow", NULL);
	json_flag(object, "persist", stat->flags & MAILBOX_CREATE_PERSIST);
	json_flag(object, "fixed", stat->flags & MAILBOX_CREATE_FIXED);
	snprintf(mode, sizeof(mode), "%04o", stat->mode & 07777);
	json_text(object, "mode", mode);
	json_u64(object, "uid", stat->uid);
	json_u64(object, "gid", stat->gid);
	json_u64(object, "creator_uid", stat->creator_uid);
	json_u64(object, "creator_gid", stat->creator_gid);
	json_u64(object, "creator_pid", (uint32_t)stat->creator_pid);
	json_u64(object, "sender_pid", (uint32_t)stat->sender_pid);
	json_u64(object, "receiver_pid", (uint32_t)stat->receiver_pid);
	if (stat->capacity == MAILBOX_UNLIMITED)
		json_add(object, "capacity", NULL);
	else
		json_u64(object, "capacity", stat->capacity);
	json_u64(object, "message_max", stat->message_max);
	json_u64(object, "depth", stat->depth);
	json_u64(object, "bytes", stat->bytes);
	json_u64(object, "handles", stat->handles);
	json_u64(object, "senders", stat->senders);
	json_u64(object, "receivers", stat->receivers);
	json_u64(object, "waiting_senders", stat->waiting_senders);
	json_u64(object, "waiting_receivers", stat->waiting_receivers);
	json_u64(object, "sent", stat->sent);
	json_u64(object, "received", stat->received);
	json_u64(object, "dropped", stat->dropped);
	json_u64(object, "withdrawn", stat->withdrawn);
	json_time(object, "created", stat->created_time);
	json_time(object, "changed", stat->changed_time);
	json_time(object, "last_sent", stat->send_time);
	json_time(object, "last_received", stat->receive_time);
	return object;
}

void json_print(struct json_object *object, bool pretty)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
		    (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
			    : JSON_C_TO_STRING_PLAIN);

	const char *text = json_object_to_json_string_ext(object, flags);

	if (!text)
		die_memory();
	puts(text);
	json_object_put(object);
}
