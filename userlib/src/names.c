// SPDX-License-Identifier: LGPL-2.1-or-later
/* The contract's own names: members of the structs, and reasons. */
#include <sys/ioctl.h>

#include "internal.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

struct member {
	unsigned int offset;
	const char *name;
};

struct command {
	unsigned int number;
	size_t count;
	const struct member *members;
};

/* A row each: selftests/host/lib_names.c holds them against the header. */
#define ERROR(type) \
	M(type, error.code), M(type, error.reason), \
	M(type, error.field), M(type, error.value)
#define M(type, member)	{ offsetof(struct type, member), #member }

static const struct member info[] = {
	ERROR(mailbox_info),
	M(mailbox_info, flags),
	M(mailbox_info, abi_version),
	M(mailbox_info, features),
	M(mailbox_info, message_max),
	M(mailbox_info, user_bytes),
	M(mailbox_info, user_bytes_max),
	M(mailbox_info, user_messages),
	M(mailbox_info, user_messages_max),
	M(mailbox_info, user_mailboxes),
	M(mailbox_info, user_mailboxes_max),
};

static const struct member create[] = {
	ERROR(mailbox_create),
	M(mailbox_create, name),
	M(mailbox_create, flags),
	M(mailbox_create, rights),
	M(mailbox_create, policy),
	M(mailbox_create, slow),
	M(mailbox_create, mode),
	M(mailbox_create, created),
	M(mailbox_create, capacity),
	M(mailbox_create, message_max),
	M(mailbox_create, fd),
	M(mailbox_create, reserved),
};

static const struct member open_[] = {
	ERROR(mailbox_open),
	M(mailbox_open, name),
	M(mailbox_open, flags),
	M(mailbox_open, rights),
	M(mailbox_open, fd),
	M(mailbox_open, reserved),
};

static const struct member list[] = {
	ERROR(mailbox_list),
	M(mailbox_list, after),
	M(mailbox_list, entries),
	M(mailbox_list, entry_size),
	M(mailbox_list, count),
	M(mailbox_list, flags),
	M(mailbox_list, more),
};

static const struct member send_[] = {
	ERROR(mailbox_send),
	M(mailbox_send, flags),
	M(mailbox_send, priority),
	M(mailbox_send, tag),
	M(mailbox_send, buffer),
	M(mailbox_send, length),
	M(mailbox_send, deadline),
	M(mailbox_send, sequence),
	M(mailbox_send, receipt.time),
	M(mailbox_send, receipt.pid),
	M(mailbox_send, receipt.uid),
	M(mailbox_send, receipt.gid),
	M(mailbox_send, receipt.receivers),
};

static const struct member receive[] = {
	ERROR(mailbox_receive),
	M(mailbox_receive, flags),
	M(mailbox_receive, select),
	M(mailbox_receive, tag),
	M(mailbox_receive, priority),
	M(mailbox_receive, pid),
	M(mailbox_receive, index),
	M(mailbox_receive, buffer),
	M(mailbox_receive, length),
	M(mailbox_receive, deadline),
	M(mailbox_receive, header.sequence),
	M(mailbox_receive, header.length),
	M(mailbox_receive, header.tag),
	M(mailbox_receive, header.time),
	M(mailbox_receive, header.lost),
	M(mailbox_receive, header.priority),
	M(mailbox_receive, header.flags),
	M(mailbox_receive, header.pid),
	M(mailbox_receive, header.uid),
	M(mailbox_receive, header.gid),
	M(mailbox_receive, header.reserved),
};

static const struct member batch[] = {
	ERROR(mailbox_batch),
	M(mailbox_batch, items),
	M(mailbox_batch, item_size),
	M(mailbox_batch, count),
	M(mailbox_batch, flags),
	M(mailbox_batch, done),
};

static const struct member stat_[] = {
	ERROR(mailbox_stat),
	M(mailbox_stat, id),
	M(mailbox_stat, policy),
	M(mailbox_stat, slow),
	M(mailbox_stat, flags),
	M(mailbox_stat, rights),
	M(mailbox_stat, mode),
	M(mailbox_stat, uid),
	M(mailbox_stat, gid),
	M(mailbox_stat, creator_uid),
	M(mailbox_stat, creator_gid),
	M(mailbox_stat, creator_pid),
	M(mailbox_stat, sender_pid),
	M(mailbox_stat, receiver_pid),
	M(mailbox_stat, capacity),
	M(mailbox_stat, message_max),
	M(mailbox_stat, depth),
	M(mailbox_stat, bytes),
	M(mailbox_stat, handles),
	M(mailbox_stat, senders),
	M(mailbox_stat, receivers),
	M(mailbox_stat, waiting_senders),
	M(mailbox_stat, waiting_receivers),
	M(mailbox_stat, reserved),
	M(mailbox_stat, sent),
	M(mailbox_stat, received),
	M(mailbox_stat, dropped),
	M(mailbox_stat, withdrawn),
	M(mailbox_stat, created_time),
	M(mailbox_stat, changed_time),
	M(mailbox_stat, send_time),
	M(mailbox_stat, receive_time),
	M(mailbox_stat, name),
};

static const struct member set[] = {
	ERROR(mailbox_set),
	M(mailbox_set, mask),
	M(mailbox_set, mode),
	M(mailbox_set, uid),
	M(mailbox_set, gid),
	M(mailbox_set, capacity),
	M(mailbox_set, message_max),
};

static const struct member dup_[] = {
	ERROR(mailbox_dup),
	M(mailbox_dup, flags),
	M(mailbox_dup, rights),
	M(mailbox_dup, fd),
	M(mailbox_dup, reserved),
};

static const struct member destroy[] = {
	ERROR(mailbox_destroy),
	M(mailbox_destroy, flags),
	M(mailbox_destroy, reserved),
	M(mailbox_destroy, dropped),
};

static const struct member channel[] = {
	ERROR(mailbox_channel),
	M(mailbox_channel, flags),
	M(mailbox_channel, ring),
	M(mailbox_channel, ring_back),
	M(mailbox_channel, fd),
	M(mailbox_channel, fd_back),
	M(mailbox_channel, reserved),
	M(mailbox_channel, capacity),
	M(mailbox_channel, message_max),
};

static const struct member connect_[] = {
	ERROR(mailbox_connect),
	M(mailbox_connect, flags),
	M(mailbox_connect, priority),
	M(mailbox_connect, tag),
	M(mailbox_connect, buffer),
	M(mailbox_connect, length),
	M(mailbox_connect, deadline),
	M(mailbox_connect, capacity),
	M(mailbox_connect, message_max),
	M(mailbox_connect, ring),
	M(mailbox_connect, ring_back),
	M(mailbox_connect, fd),
	M(mailbox_connect, reserved),
};

static const struct member accept_[] = {
	ERROR(mailbox_accept),
	M(mailbox_accept, sequence),
	M(mailbox_accept, flags),
	M(mailbox_accept, fd),
};

static const struct member refuse[] = {
	ERROR(mailbox_refuse),
	M(mailbox_refuse, sequence),
	M(mailbox_refuse, flags),
	M(mailbox_refuse, code),
};

static const struct member peer[] = {
	ERROR(mailbox_peer),
	M(mailbox_peer, flags),
	M(mailbox_peer, state),
	M(mailbox_peer, pid),
	M(mailbox_peer, uid),
	M(mailbox_peer, gid),
	M(mailbox_peer, code),
	M(mailbox_peer, mine_size),
	M(mailbox_peer, theirs_size),
	M(mailbox_peer, mine),
	M(mailbox_peer, theirs),
};

static const struct member ring_wait[] = {
	ERROR(mailbox_ring_wait),
	M(mailbox_ring_wait, flags),
	M(mailbox_ring_wait, events),
	M(mailbox_ring_wait, deadline),
};

static const struct member ring_wake[] = {
	ERROR(mailbox_ring_wake),
	M(mailbox_ring_wake, flags),
	M(mailbox_ring_wake, events),
};

/* A struct may have grown since: only the number counts. */
#define COMMAND(command, members) \
	{ _IOC_NR(MAILBOX_IOC_##command), ARRAY_SIZE(members), members }

static const struct command commands[] = {
	COMMAND(INFO, info),
	COMMAND(CREATE, create),
	COMMAND(OPEN, open_),
	COMMAND(LIST, list),
	COMMAND(CHANNEL, channel),
	COMMAND(SEND, send_),
	COMMAND(RECEIVE, receive),
	COMMAND(SEND_BATCH, batch),
	COMMAND(RECEIVE_BATCH, batch),
	COMMAND(STAT, stat_),
	COMMAND(SET, set),
	COMMAND(DUP, dup_),
	COMMAND(DESTROY, destroy),
	COMMAND(CONNECT, connect_),
	COMMAND(ACCEPT, accept_),
	COMMAND(REFUSE, refuse),
	COMMAND(PEER, peer),
	COMMAND(RING_WAIT, ring_wait),
	COMMAND(RING_WAKE, ring_wake),
};

static const struct command *find(unsigned long command)
{
	size_t i;

	if (_IOC_TYPE(command) != MAILBOX_IOC_MAGIC)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].number == _IOC_NR(command))
			return &commands[i];
	return NULL;
}

const char *mailbox_field_name(unsigned long command, unsigned int offset)
{
	const struct command *found = find(command);
	size_t i;

	if (!found)
		return NULL;
	for (i = 0; i < found->count; i++)
		if (found->members[i].offset == offset)
			return found->members[i].name;
	return NULL;
}

const char *mailbox_reason_name(unsigned int reason)
{
#define REASON(name)	[MAILBOX_REASON_##name] = #name
	static const char *const names[] = {
		REASON(NONE),
		REASON(FLAGS),
		REASON(RESERVED),
		REASON(RANGE),
		REASON(POINTER),
		REASON(SIZE),
		REASON(NAME_EMPTY),
		REASON(NAME_LONG),
		REASON(NAME_BYTE),
		REASON(NAME_TAKEN),
		REASON(NAME_UNKNOWN),
		REASON(MODE),
		REASON(RIGHT),
		REASON(RECEIVER_TAKEN),
		REASON(PAIR_TAKEN),
		REASON(POLICY),
		REASON(USER_BYTES),
		REASON(USER_MESSAGES),
		REASON(USER_MAILBOXES),
		REASON(MODULE_SIZE),
		REASON(MAILBOX_SIZE),
		REASON(FIXED_SIZE),
		REASON(BUFFER_SIZE),
		REASON(FULL),
		REASON(EMPTY),
		REASON(NO_TAKER),
		REASON(DESTROYED),
		REASON(NO_RECEIVERS),
		REASON(NO_SENDERS),
		REASON(CUT_OFF),
		REASON(CLOSED),
		REASON(DEADLINE),
		REASON(BATCH),
		REASON(OWNER),
		REASON(RECEIVERS_MAX),
		REASON(REFUSED),
		REASON(UNANSWERED),
		REASON(REQUEST_UNKNOWN),
		REASON(NO_PEER),
	};
#undef REASON

	return reason < ARRAY_SIZE(names) ? names[reason] : NULL;
}
