// SPDX-License-Identifier: GPL-2.0
/*
 * What calls there are, which arguments they take, and which values are
 * worth a try.
 */
#include <linux/mailbox.h>

#include "grammar.h"

#define A(arg)	(1ULL << (arg))
#define WAITS	(MAILBOX_NONBLOCK | MAILBOX_DEADLINE | MAILBOX_REALTIME | MAILBOX_VECTOR)

const struct op_grammar ops[OPS] = {
	[OP_CREATE] = {
		"create", { 8, 2, 8 },
		A(TO) | A(NAME) | A(FLAGS) | A(RIGHTS) | A(POLICY) | A(SLOW) | A(MODE) |
		A(CAPACITY) | A(MAX) | A(TWIST),
		MAILBOX_CREATE_NONBLOCK | MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST |
		MAILBOX_CREATE_FIXED,
	},
	[OP_OPEN] = {
		"open", { 5, 2, 3 }, A(TO) | A(NAME) | A(FLAGS) | A(RIGHTS) | A(TWIST),
		MAILBOX_OPEN_NONBLOCK,
	},
	[OP_DUP] = {
		"dup", { 5, 3, 3 }, A(SLOT) | A(TO) | A(FLAGS) | A(RIGHTS) | A(TWIST),
		MAILBOX_OPEN_NONBLOCK,
	},
	[OP_SEND] = {
		"send", { 30, 40, 5 },
		A(SLOT) | A(FLAGS) | A(PRIORITY) | A(TAG) | A(LENGTH) | A(DEADLINE) |
		A(PIECES) | A(TWIST),
		WAITS | MAILBOX_SEND_SYNC,
	},
	[OP_RECEIVE] = {
		"receive", { 30, 40, 5 },
		A(SLOT) | A(FLAGS) | A(SELECT) | A(TAG) | A(PRIORITY) | A(PID) | A(INDEX) |
		A(LENGTH) | A(DEADLINE) | A(PIECES) | A(TWIST),
		WAITS | MAILBOX_RECEIVE_PEEK | MAILBOX_RECEIVE_TRUNCATE,
	},
	[OP_SEND_BATCH] = {
		"send-batch", { 5, 10, 2 },
		A(SLOT) | A(FLAGS) | A(PRIORITY) | A(TAG) | A(LENGTH) | A(DEADLINE) | A(COUNT) |
		A(BAD) | A(TWIST),
		WAITS | MAILBOX_SEND_SYNC,
	},
	[OP_RECEIVE_BATCH] = {
		"receive-batch", { 5, 10, 2 },
		A(SLOT) | A(FLAGS) | A(SELECT) | A(TAG) | A(PRIORITY) | A(PID) | A(LENGTH) |
		A(DEADLINE) | A(COUNT) | A(BAD) | A(TWIST),
		WAITS | MAILBOX_RECEIVE_PEEK | MAILBOX_RECEIVE_TRUNCATE,
	},
	[OP_SET] = {
		"set", { 4, 4, 2 },
		A(SLOT) | A(MASK) | A(MODE) | A(USER) | A(GROUP) | A(CAPACITY) | A(MAX) | A(TWIST),
		0,
	},
	[OP_STAT] = { "stat", { 6, 4, 1 }, A(SLOT) | A(TWIST), 0 },
	[OP_INFO] = { "info", { 3, 1, 1 }, A(SLOT) | A(TWIST), 0 },
	[OP_LIST] = { "list", { 2, 1, 1 }, A(NAME) | A(COUNT) | A(TWIST), 0 },
	[OP_DESTROY] = {
		"destroy", { 2, 1, 1 }, A(SLOT) | A(FLAGS) | A(TWIST), MAILBOX_DESTROY_NOW,
	},
	[OP_CLOSE] = { "close", { 5, 3, 3 }, A(SLOT), 0 },
	[OP_READ] = { "read", { 4, 6, 2 }, A(SLOT) | A(LENGTH) | A(PIECES) | A(TWIST), 0 },
	[OP_WRITE] = { "write", { 4, 6, 2 }, A(SLOT) | A(LENGTH) | A(PIECES) | A(TWIST), 0 },
	[OP_POLL] = { "poll", { 6, 6, 2 }, A(SLOT) | A(WHICH), 0 },
	[OP_NONBLOCK] = { "nonblock", { 2, 1, 0 }, A(SLOT) | A(VALUE), 0 },
	[OP_DUPFD] = { "dupfd", { 2, 1, 1 }, A(SLOT) | A(TO), 0 },
	[OP_PASS] = { "pass", { 3, 0, 1 }, A(SLOT) | A(TO) | A(TARGET), 0 },
	[OP_FORK] = { "fork", { 5, 0, 1 }, A(TARGET), 0 },
	[OP_THREAD] = { "thread", { 3, 0, 1 }, A(TARGET), 0 },
	[OP_BECOME] = { "become", { 2, 0, 1 }, A(USER), 0 },
	[OP_EXIT] = { "exit", { 2, 1, 1 }, 0, 0 },
	[OP_SIGNAL] = { "signal", { 8, 6, 1 }, A(TARGET) | A(VALUE), 0 },
	[OP_KILL] = { "kill", { 2, 1, 1 }, A(TARGET), 0 },
	[OP_QUOTA] = { "quota", { 1, 0, 0 }, A(WHICH) | A(VALUE), 0 },
	[OP_FILE] = { "file", { 1, 1, 2 }, A(SLOT) | A(WHICH), 0 },
	[OP_RAW] = {
		"raw", { 0, 0, 60 },
		A(SLOT) | A(WHICH) | A(FLAGS) | A(LENGTH) | A(VALUE) | A(TWIST), 0x3f,
	},
	[OP_TOGETHER] = { "together", { 0, 0, 0 }, 0, 0 },
	[OP_CHANNEL] = {
		"channel", { 4, 2, 1 },
		A(TO) | A(BACK) | A(FLAGS) | A(CAPACITY) | A(MAX) | A(RING) | A(RING_BACK) | A(TWIST),
		MAILBOX_CHANNEL_NONBLOCK,
	},
	[OP_CONNECT] = {
		"connect", { 8, 6, 1 },
		A(SLOT) | A(TO) | A(FLAGS) | A(PRIORITY) | A(TAG) | A(LENGTH) | A(DEADLINE) |
		A(PIECES) | A(CAPACITY) | A(MAX) | A(RING) | A(RING_BACK) | A(TWIST),
		WAITS,
	},
	[OP_ACCEPT] = {
		"accept", { 5, 6, 1 }, A(SLOT) | A(TO) | A(SEQUENCE) | A(FLAGS) | A(TWIST),
		MAILBOX_ACCEPT_NONBLOCK,
	},
	[OP_REFUSE] = {
		"refuse", { 3, 3, 1 }, A(SLOT) | A(SEQUENCE) | A(VALUE) | A(TWIST), 0,
	},
	[OP_PEER] = { "peer", { 4, 2, 1 }, A(SLOT) | A(TWIST), 0 },
	[OP_RING_WAIT] = {
		"ring-wait", { 3, 3, 1 }, A(SLOT) | A(FLAGS) | A(EVENTS) | A(DEADLINE) | A(TWIST),
		MAILBOX_NONBLOCK | MAILBOX_DEADLINE | MAILBOX_REALTIME,
	},
	[OP_RING_WAKE] = {
		"ring-wake", { 3, 3, 1 }, A(SLOT) | A(FLAGS) | A(EVENTS) | A(TWIST),
		MAILBOX_WAKE_BOTH,
	},
	[OP_RING_MAP] = {
		"ring-map", { 3, 1, 1 }, A(SLOT) | A(WHICH) | A(INDEX) | A(COUNT) | A(FLAGS),
		MAP_WRITE | MAP_RUN | MAP_ALONE | MAP_WRITE_LATER,
	},
	[OP_RING_STORE] = { "ring-store", { 3, 2, 1 }, A(SLOT) | A(WHICH) | A(WORD), 0 },
	[OP_RING_LOOK] = { "ring-look", { 3, 1, 1 }, A(SLOT) | A(WHICH), 0 },
};

#define VALUES(...) \
	.values = (const uint64_t[]){ __VA_ARGS__ }, \
	.count = sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t)

/* a page, what fits a message's own slab object, and one more or less */
#define LENGTHS	VALUES(0, 1, 16, 16, 16, 16, 32, 32, 100, 100, 200, 1000, 4000, 4096, 5000, 70000)

const struct arg_grammar args[ARGS] = {
	[SLOT] = { .name = "slot", VALUES(0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, SLOT_DEVICE) },
	[TO] = { .name = "to", .below = SLOTS },
	[NAME] = { .name = "name", VALUES(0, 0, 0, 1, 1, 1, 2, 2, 3, 4) },
	[FLAGS] = { .name = "flags", .base = 16 },
	[RIGHTS] = { .name = "rights", .base = 16, VALUES(7, 7, 7, 3, 3, 1, 2, 4, 5, 6) },
	[POLICY] = { .name = "policy", VALUES(0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 5) },
	[SLOW] = { .name = "slow", .below = 3 },
	[MODE] = {
		.name = "mode", .base = 8,
		VALUES(0, 0600, 0600, 0666, 0666, 0644, 0622, 0060, 0006, 0440, 0200)
	},
	[CAPACITY] = {
		.name = "capacity",
		VALUES(0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 8, 100, MAILBOX_CAPACITY_MAX, MAILBOX_UNLIMITED)
	},
	[MAX] = { .name = "max", VALUES(0, 0, 0, 0, 16, 100, 4096, 1 << 20) },
	[PRIORITY] = { .name = "priority", VALUES(0, 0, 0, 1, 1, 2, 3, 7, MAILBOX_PRIORITY_MAX) },
	[TAG] = { .name = "tag", .base = 16, VALUES(0, 0, 1, 1, 2, 3, 4, ~0ULL) },
	[LENGTH] = { .name = "length", LENGTHS },
	[DEADLINE] = {
		.name = "deadline",
		VALUES(DEADLINE_PAST, DEADLINE_PAST, DEADLINE_SOON, DEADLINE_FAR, DEADLINE_FAR)
	},
	[SELECT] = {
		.name = "select", .base = 16,
		VALUES(0, 0, 0, 0, 0, 0, MAILBOX_SELECT_TAG, MAILBOX_SELECT_TAG_MAX,
		       MAILBOX_SELECT_TAG_NOT, MAILBOX_SELECT_PRIORITY, MAILBOX_SELECT_PID,
		       MAILBOX_SELECT_PRIORITY | MAILBOX_SELECT_TAG_NOT,
		       MAILBOX_SELECT_PID | MAILBOX_SELECT_TAG_MAX)
	},
	[PID] = { .name = "pid", .below = ACTORS + 1 },
	[INDEX] = { .name = "index", VALUES(0, 0, 1, 2, 3) },
	[COUNT] = { .name = "count", VALUES(1, 2, 3, 4, BATCH) },
	[BAD] = { .name = "bad", VALUES(0, 0, 0, 0, 1, 2, 3) },
	[MASK] = { .name = "mask", .base = 16, .bits = 0x1f },
	[USER] = { .name = "user", VALUES(0, 1000, 1001) },
	[GROUP] = { .name = "group", VALUES(0, 1000, 1001) },
	[TARGET] = { .name = "target", .below = ACTORS },
	[TWIST] = { .name = "twist" },
	[PIECES] = { .name = "pieces", .below = 5 },
	[WHICH] = { .name = "which", .below = 20 },
	[VALUE] = { .name = "value", VALUES(0, 1, 2, 3, 64, 4096) },
	[BACK] = { .name = "back", .below = SLOTS },
	[RING] = { .name = "ring", VALUES(0, 0, 4096, 4096, 4096, 8192, 65536) },
	[RING_BACK] = { .name = "ring-back", VALUES(0, 0, 4096, 4096, 4096, 8192, 65536) },
	[EVENTS] = { .name = "events", .base = 16, VALUES(1, 1, 2, 3) },
	[WORD] = {
		.name = "word", .base = 16,
		VALUES(0, 0, 8, 16, 2048, 2049, 4096, 4097, 8192, 0xfffff800, 0xfffffff8, 0xffffffff)
	},
	[SEQUENCE] = { .name = "sequence", VALUES(0, 0, 0, 0, 0, 1, 2, 3) },
};
