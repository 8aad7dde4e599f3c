// SPDX-License-Identifier: GPL-2.0
/*
 * What came, against what was expected.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* --- in words ----------------------------------------------------------------- */

struct words {
	char *text;
	size_t size;
};

static bool __attribute__((format(printf, 2, 3))) differs(const struct words *why,
							   const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why->text, why->size, format, arguments);
	va_end(arguments);
	return false;
}

static const char *error_name(int error)
{
	return error ? strerrorname_np(error) : "success";
}

static void complaints_write(const struct complaints *wrong, FILE *file)
{
	for (unsigned int i = 0; i < wrong->count; i++) {
		const struct complaint *at = &wrong->at[i];

		fprintf(file, "%s%s", i ? " or " : "", error_name(at->error));
		if (at->reason != ANY_REASON)
			fprintf(file, " reason=%u", at->reason);
		if (at->field != ANY_FIELD)
			fprintf(file, " field=%d", at->field == MAILBOX_NO_FIELD ? -1 : at->field);
		if (at->value != ANY_VALUE)
			fprintf(file, " value=%llu", (unsigned long long)at->value);
	}
}

static void why_write(int error, const struct mailbox_error *why, FILE *file)
{
	fprintf(file, "%s reason=%u field=%d value=%llu", error_name(error), why->reason,
		why->field == MAILBOX_NO_FIELD ? -1 : why->field,
		(unsigned long long)why->value);
}

/* --- errors -------------------------------------------------------------------- */

static bool is_plain(enum op op)
{
	return op == OP_READ || op == OP_WRITE || op == OP_POLL || op == OP_FILE ||
	       op == OP_NONBLOCK || op == OP_RING_MAP || op == OP_RING_STORE ||
	       op == OP_RING_LOOK;
}

static bool complaint_fits(const struct complaint *expected, int error,
			   const struct mailbox_error *why, int64_t deadline, bool detail)
{
	if (error != expected->error)
		return false;
	if (!detail)
		return true;
	if (why->code != -error)
		return false;
	if (expected->reason != ANY_REASON && why->reason != expected->reason)
		return false;
	if (expected->field != ANY_FIELD && why->field != expected->field)
		return false;
	if (why->reason == MAILBOX_REASON_DEADLINE)
		return why->value == (uint64_t)deadline;
	return expected->value == ANY_VALUE || why->value == expected->value;
}

static bool error_fits(const struct complaints *wrong, int error, const struct mailbox_error *why,
		       int64_t deadline, bool detail, const struct words *words)
{
	FILE *file;

	for (unsigned int i = 0; i < wrong->count; i++)
		if (complaint_fits(&wrong->at[i], error, why, deadline, detail))
			return true;
	file = fmemopen(words->text, words->size, "w");
	if (!file)
		return false;
	fputs("expected ", file);
	if (wrong->count)
		complaints_write(wrong, file);
	else
		fputs("success", file);
	fputs(", came ", file);
	why_write(error, why, file);
	fclose(file);
	return false;
}

/* --- messages -------------------------------------------------------------------- */

static bool same(const struct words *words, const char *what, uint64_t expected, uint64_t came)
{
	return expected == came || differs(words, "%s: expected %lld, came %lld", what,
					   (long long)expected, (long long)came);
}

static bool receipt_fits(const struct mailbox_receipt *expected,
			 const struct mailbox_receipt *came, const struct words *words)
{
	return same(words, "receipt's time is there", !!expected->time, !!came->time) &&
	       same(words, "receipt's pid", expected->pid, came->pid) &&
	       same(words, "receipt's uid", expected->uid, came->uid) &&
	       same(words, "receipt's gid", expected->gid, came->gid) &&
	       same(words, "receipt's receivers", expected->receivers, came->receivers);
}

static bool header_fits(const struct item_expectation *item, const struct mailbox_header *came,
			const struct words *words)
{
	const struct mailbox_header *expected = &item->header;
	uint32_t open = item->sync_open ? MAILBOX_MESSAGE_SYNC : 0;

	return same(words, "header's sequence", expected->sequence, came->sequence) &&
	       same(words, "header's length", expected->length, came->length) &&
	       same(words, "header's tag", expected->tag, came->tag) &&
	       same(words, "header's time is there", true, !!came->time) &&
	       same(words, "header's lost", expected->lost, came->lost) &&
	       same(words, "header's priority", expected->priority, came->priority) &&
	       same(words, "header's flags", expected->flags | open, came->flags | open) &&
	       same(words, "header's pid", expected->pid, came->pid) &&
	       same(words, "header's uid", expected->uid, came->uid) &&
	       same(words, "header's gid", expected->gid, came->gid) &&
	       same(words, "header's reserved", 0, came->reserved);
}

static bool item_fits(enum op op, const struct item_expectation *item,
		      const struct item_outcome *came, const struct words *words)
{
	switch (op) {
	case OP_SEND:
	case OP_SEND_BATCH:
		if (!same(words, "sequence", item->sequence, came->sequence))
			return false;
		return receipt_fits(&item->receipt, &came->receipt, words);
	case OP_RECEIVE:
	case OP_RECEIVE_BATCH:
		if (!header_fits(item, &came->header, words))
			return false;
		/* fall through */
	case OP_READ:
		if (payload_sum(item->id, item->got) != came->sum)
			return differs(words, "payload: expected message %#llx, came %#llx",
				       (unsigned long long)item->id, (unsigned long long)came->id);
		if (!same(words, "bytes behind the payload were written", false, came->spilled))
			return false;
		return true;
	default:
		return true;
	}
}

static bool batch_fits(enum op op, const struct expectation *expected,
		       const struct outcome *came, const struct words *words)
{
	unsigned int failed = 0;

	if (came->error == 0)
		if (!same(words, "done", expected->count, came->count))
			return false;
	for (unsigned int i = 0; i < expected->items; i++) {
		const struct item_expectation *item = &expected->item[i];
		const struct mailbox_error *why = &came->item[i].why;

		if (item->untried) {
			if (!same(words, "untried item's error", -ECANCELED, why->code))
				return false;
			if (!same(words, "untried item's reason", MAILBOX_REASON_BATCH, why->reason))
				return false;
			if (!same(words, "untried item's value", failed, why->value))
				return false;
		} else if (item->wrong.count) {
			failed = i;
			if (!error_fits(&item->wrong, -why->code, why, came->deadline, true, words))
				return false;
		} else {
			if (!same(words, "item's error", 0, why->code))
				return false;
			if (!item_fits(op, item, &came->item[i], words))
				return false;
		}
	}
	return true;
}

/* --- what is seen ------------------------------------------------------------------- */

struct member {
	const char *name;
	size_t offset, size;
};

#define MEMBER(type, member) { #member, offsetof(struct type, member), \
			       sizeof(((struct type *)NULL)->member) }

static uint64_t value_of(const void *structure, const struct member *member)
{
	const char *at = (const char *)structure + member->offset;
	uint32_t word;
	uint64_t value;

	if (member->size == sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		return word;
	}
	memcpy(&value, at, sizeof(value));
	return value;
}

static bool members_fit(const struct member *members, size_t count, const void *expected,
			const void *came, const struct words *words)
{
	for (size_t i = 0; i < count; i++)
		if (!same(words, members[i].name, value_of(expected, &members[i]),
		     value_of(came, &members[i])))
			return false;
	return true;
}

#define MEMBERS_FIT(members, expected, came) \
	members_fit(members, ARRAY_SIZE(members), expected, came, words)

static bool stat_fits(const struct mailbox_stat *expected, const struct mailbox_stat *came,
		      const struct words *words)
{
	static const struct member members[] = {
		MEMBER(mailbox_stat, policy), MEMBER(mailbox_stat, slow),
		MEMBER(mailbox_stat, flags), MEMBER(mailbox_stat, rights),
		MEMBER(mailbox_stat, mode), MEMBER(mailbox_stat, uid), MEMBER(mailbox_stat, gid),
		MEMBER(mailbox_stat, creator_uid), MEMBER(mailbox_stat, creator_gid),
		MEMBER(mailbox_stat, creator_pid), MEMBER(mailbox_stat, sender_pid),
		MEMBER(mailbox_stat, capacity),
		MEMBER(mailbox_stat, message_max), MEMBER(mailbox_stat, depth),
		MEMBER(mailbox_stat, bytes), MEMBER(mailbox_stat, handles),
		MEMBER(mailbox_stat, senders), MEMBER(mailbox_stat, receivers),
		MEMBER(mailbox_stat, waiting_senders), MEMBER(mailbox_stat, waiting_receivers),
		MEMBER(mailbox_stat, reserved), MEMBER(mailbox_stat, sent),
		MEMBER(mailbox_stat, received), MEMBER(mailbox_stat, dropped),
		MEMBER(mailbox_stat, withdrawn),
	};

	if (!MEMBERS_FIT(members, expected, came))
		return false;
	if (strcmp(expected->name, came->name))
		return differs(words, "name: expected '%s', came '%s'", expected->name, came->name);
	return (expected->receiver_pid == ANYBODY ? !!came->receiver_pid :
		same(words, "receiver_pid", expected->receiver_pid, came->receiver_pid)) &&
	       same(words, "send_time is there", !!expected->sent, !!came->send_time) &&
	       same(words, "receive_time is there", !!expected->received, !!came->receive_time);
}

static bool info_fits(const struct expectation *expected, const struct mailbox_info *came,
		      const struct words *words)
{
	static const struct member members[] = {
		MEMBER(mailbox_info, abi_version), MEMBER(mailbox_info, features),
		MEMBER(mailbox_info, message_max), MEMBER(mailbox_info, user_bytes_max),
		MEMBER(mailbox_info, user_messages), MEMBER(mailbox_info, user_messages_max),
		MEMBER(mailbox_info, user_mailboxes), MEMBER(mailbox_info, user_mailboxes_max),
	};

	if (!MEMBERS_FIT(members, &expected->info, came))
		return false;
	return same(words, "user_bytes are there", expected->info.user_messages || expected->bytes,
		    !!came->user_bytes) &&
	       same(words, "user_bytes are enough", true, came->user_bytes >= expected->bytes);
}

static bool fdinfo_fits(const struct mailbox_stat *expected, const struct mailbox_stat *came,
			const struct words *words)
{
	static const struct member members[] = {
		MEMBER(mailbox_stat, rights), MEMBER(mailbox_stat, depth),
		MEMBER(mailbox_stat, capacity),
	};

	if (!MEMBERS_FIT(members, expected, came))
		return false;
	if (strcmp(expected->name, came->name))
		return differs(words, "name: expected '%s', came '%s'", expected->name, came->name);
	return true;
}

static bool peer_fits(const struct expectation *expected, const struct mailbox_peer *came,
		      const struct words *words)
{
	static const struct member members[] = {
		MEMBER(mailbox_peer, state), MEMBER(mailbox_peer, uid), MEMBER(mailbox_peer, gid),
		MEMBER(mailbox_peer, code), MEMBER(mailbox_peer, mine_size),
		MEMBER(mailbox_peer, theirs_size),
	};

	if (!MEMBERS_FIT(members, &expected->peer, came))
		return false;
	return (expected->peer_ended && !came->pid) ||
	       same(words, "peer's pid", expected->peer.pid, came->pid);
}

static bool ring_fits(const struct ring_words *expected, const struct ring_words *came,
		      const struct words *words)
{
	static const struct member members[] = {
		MEMBER(ring_words, head), MEMBER(ring_words, tail),
		MEMBER(ring_words, data_poll), MEMBER(ring_words, room_poll),
		MEMBER(ring_words, closed), MEMBER(ring_words, data),
	};

	return MEMBERS_FIT(members, expected, came);
}

static bool success_fits(enum op op, const struct call *call, const struct expectation *expected,
			 const struct outcome *came, const struct words *words)
{
	if (expected->value_known)
		if (!same(words, "return value", expected->value, came->value))
			return false;
	if (expected->count_known)
		if (!same(words, "count", expected->count, came->count))
			return false;
	switch (op) {
	case OP_STAT:
		return stat_fits(&expected->stat, &came->stat, words);
	case OP_INFO:
		return info_fits(expected, &came->info, words);
	case OP_LIST:
		if (!same(words, "more", expected->more, came->more))
			return false;
		return !expected->count || stat_fits(&expected->stat, &came->stat, words);
	case OP_PEER:
		return peer_fits(expected, &came->peer, words);
	case OP_RING_LOOK:
		return ring_fits(&expected->ring, &came->ring, words);
	case OP_POLL:
		if ((came->value & expected->must) != expected->must ||
		    came->value & ~(expected->must | expected->may))
			return differs(words, "poll: expected %#x, perhaps %#x, came %#lx",
				       expected->must, expected->may, came->value);
		return true;
	case OP_FILE:
		return call->arg[WHICH] % FILES != FILE_INFO ||
		       fdinfo_fits(&expected->stat, &came->stat, words);
	default:
		return !expected->items || item_fits(op, &expected->item[0], &came->item[0], words);
	}
}

bool outcome_fits(const struct expectation *expected, const struct outcome *came, char *why,
		  size_t size)
{
	const struct call *call = &stage->program.call[expected->number];
	const struct words words_of = { why, size }, *words = &words_of;
	bool batch = (call->op == OP_SEND_BATCH || call->op == OP_RECEIVE_BATCH) && expected->items;
	bool detail = !is_plain(call->op) && !expected->no_detail && !batch;

	if (!same(words, "bytes behind the struct were written", false, came->spilled))
		return false;
	if (!same(words, "SIGPIPE", call->op == OP_WRITE && came->error == EPIPE, came->pipe_signal))
		return false;
	if (came->error && (call->op == OP_CONNECT || call->op == OP_ACCEPT))
		if (!same(words, "descriptor of a call that failed", -1, came->no_fd))
			return false;
	if (expected->wrong.count && !(expected->lenient && !came->error)) {
		if (expected->interrupted) {
			if (!same(words, "errno", EINTR, came->error))
				return false;
			if (!same(words, "error is left as it was", 0, came->why.code))
				return false;
			return true;
		}
		if (!error_fits(&expected->wrong, came->error, &came->why, came->deadline, detail,
				words))
			return false;
		return !batch || batch_fits(call->op, expected, came, words);
	}
	if (came->error)
		return error_fits(&expected->wrong, came->error, &came->why, 0, detail, words);
	if (!same(words, "error is left as it was", 0, came->why.code))
		return false;
	if (expected->lenient)
		return true;
	if (batch)
		return batch_fits(call->op, expected, came, words);
	return success_fits(call->op, call, expected, came, words);
}

/* --- for whoever reads a failure ------------------------------------------------------ */

void expectation_write(const struct expectation *expected, FILE *file)
{
	if (expected->wrong.count) {
		complaints_write(&expected->wrong, file);
		fputc('\n', file);
	} else {
		fprintf(file, "%s\n", expected->how == WAITS ? "waits" : "success");
	}
}

void outcome_write(const struct call *call, const struct outcome *outcome, FILE *file)
{
	static const char * const states[] = { "never made", "still waits", "" };

	if (outcome->state != ENDED) {
		fputs(states[outcome->state], file);
	} else if (outcome->error) {
		why_write(outcome->error, &outcome->why, file);
	} else {
		fprintf(file, "%ld", outcome->value);
		if (call->op == OP_RECEIVE)
			fprintf(file, " message=%#llx sequence=%llu",
				(unsigned long long)outcome->item[0].id,
				(unsigned long long)outcome->item[0].header.sequence);
		if (call->op == OP_SEND)
			fprintf(file, " sequence=%llu receiver=%d",
				(unsigned long long)outcome->item[0].sequence,
				outcome->item[0].receipt.pid);
	}
	fputc('\n', file);
}
