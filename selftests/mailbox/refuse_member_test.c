// SPDX-License-Identifier: GPL-2.0
/*
 * Each member of each command's struct: a valid request in which just this one
 * is bad is refused, says why, and changes nothing; the valid one then works.
 */
#include "refuse.h"

#include "kselftest_harness.h"

#define AT(type, member_) __builtin_offsetof(struct mailbox_##type, member_)
#define SIZE(type, member_) sizeof(((struct mailbox_##type *)0)->member_)

/* @bad_ in .@member_ of struct mailbox_@type */
#define BAD(type, member_, bad_) \
	.at = AT(type, member_), .size = SIZE(type, member_), .put = (bad_)

#define SAYS(errno_, reason_, value_) \
	.error = errno_, .reason = MAILBOX_REASON_##reason_, .value = (value_)

/* The same where the mailbox's state, and no member, is to blame. */
#define SAYS_STATE(errno_, reason_, value_) \
	SAYS(errno_, reason_, value_), .blameless = true

/* --- one bad value --------------------------------------------------- */

FIXTURE(member)
{
	struct world world;
};

/**
 * @kind: the valid request
 * @at: offset of the member that becomes bad
 * @size: of that member
 * @put: what it becomes
 * @error: the errno expected
 * @reason: enum mailbox_reason
 * @value: mailbox_error.value
 * @blameless: mailbox_error.field names no member
 */
FIXTURE_VARIANT(member)
{
	enum kind kind;
	size_t at;
	size_t size;
	__u64 put;
	int error;
	int reason;
	__u64 value;
	bool blameless;
};

FIXTURE_SETUP(member)
{
	ASSERT_EQ(0, world_make(&self->world));
}

FIXTURE_TEARDOWN(member)
{
	world_end(&self->world);
}

#define MEMBER(name, kind_, ...) \
	FIXTURE_VARIANT_ADD(member, name) { .kind = kind_, __VA_ARGS__ }

/* CREATE */
MEMBER(create_rights_none, CREATE, BAD(create, rights, 0), SAYS(EINVAL, RANGE, 1));
MEMBER(create_policy_channel, CREATE, BAD(create, policy, MAILBOX_POLICY_CHANNEL),
       SAYS(EINVAL, POLICY, MAILBOX_POLICY_CHANNEL));
MEMBER(create_policy_6, CREATE, BAD(create, policy, 6), SAYS(EINVAL, RANGE, 5));
MEMBER(create_policy_max, CREATE, BAD(create, policy, ~0), SAYS(EINVAL, RANGE, 5));
MEMBER(create_slow_of_shared, CREATE, BAD(create, slow, MAILBOX_SLOW_LOSE),
       SAYS(EINVAL, RESERVED, MAILBOX_SLOW_LOSE));
MEMBER(create_slow_3, CREATE_BROADCAST, BAD(create, slow, 3), SAYS(EINVAL, RANGE, 2));
MEMBER(create_slow_max, CREATE_BROADCAST, BAD(create, slow, ~0), SAYS(EINVAL, RANGE, 2));
MEMBER(create_mode_execute, CREATE, BAD(create, mode, 0700), SAYS(EINVAL, FLAGS, 0100));
MEMBER(create_mode_sticky, CREATE, BAD(create, mode, 01600), SAYS(EINVAL, FLAGS, 01000));
MEMBER(create_mode_of_nothing, CREATE_UNNAMED, BAD(create, mode, 0600),
       SAYS(EINVAL, RESERVED, 0600));
MEMBER(create_persist_of_nothing, CREATE_UNNAMED,
       BAD(create, flags, MAILBOX_CREATE_PERSIST),
       SAYS(EINVAL, FLAGS, MAILBOX_CREATE_PERSIST));
MEMBER(create_excl_of_nothing, CREATE_UNNAMED, BAD(create, flags, MAILBOX_CREATE_EXCL),
       SAYS(EINVAL, FLAGS, MAILBOX_CREATE_EXCL));
MEMBER(create_capacity_over, CREATE, BAD(create, capacity, MAILBOX_CAPACITY_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_CAPACITY_MAX));
MEMBER(create_capacity_almost_unlimited, CREATE,
       BAD(create, capacity, MAILBOX_UNLIMITED - 1),
       SAYS(EINVAL, RANGE, MAILBOX_CAPACITY_MAX));
MEMBER(create_capacity_broadcast_0, CREATE_BROADCAST, BAD(create, capacity, 0),
       SAYS(EINVAL, POLICY, 0));
MEMBER(create_fixed_of_no_size, CREATE_FIXED, BAD(create, message_max, 0),
       SAYS(EINVAL, RANGE, 1));
MEMBER(create_reserved_1, CREATE, BAD(create, reserved, 1), SAYS(EINVAL, RESERVED, 1));
MEMBER(create_reserved_high, CREATE, BAD(create, reserved, 1U << 31),
       SAYS(EINVAL, RESERVED, 1U << 31));
MEMBER(create_segment_fixed, CREATE_SEGMENT, BAD(create, flags, MAILBOX_CREATE_FIXED),
       SAYS(EINVAL, POLICY, MAILBOX_CREATE_FIXED));
MEMBER(create_segment_slow, CREATE_SEGMENT, BAD(create, slow, MAILBOX_SLOW_LOSE),
       SAYS(EINVAL, RESERVED, MAILBOX_SLOW_LOSE));
MEMBER(create_segment_of_nothing, CREATE_SEGMENT, BAD(create, capacity, 0),
       SAYS(EINVAL, RANGE, 1));
MEMBER(create_segment_over, CREATE_SEGMENT, BAD(create, capacity, MAILBOX_SEGMENT_MAX + 1ULL),
       SAYS(EINVAL, RANGE, MAILBOX_SEGMENT_MAX));
MEMBER(create_segment_high, CREATE_SEGMENT, BAD(create, capacity, 1ULL << 32 | 4096),
       SAYS(EINVAL, RANGE, MAILBOX_SEGMENT_MAX));
MEMBER(create_segment_unlimited, CREATE_SEGMENT, BAD(create, capacity, MAILBOX_UNLIMITED),
       SAYS(EINVAL, RANGE, MAILBOX_SEGMENT_MAX));
MEMBER(create_segment_message_max, CREATE_SEGMENT, BAD(create, message_max, 1),
       SAYS(EINVAL, RESERVED, 1));
MEMBER(create_segment_reserved, CREATE_SEGMENT, BAD(create, reserved, 1),
       SAYS(EINVAL, RESERVED, 1));

/* OPEN */
MEMBER(open_rights_none, OPEN, BAD(open, rights, 0), SAYS(EINVAL, RANGE, 1));
MEMBER(open_reserved_1, OPEN, BAD(open, reserved, 1), SAYS(EINVAL, RESERVED, 1));
MEMBER(open_reserved_high, OPEN, BAD(open, reserved, 1U << 31),
       SAYS(EINVAL, RESERVED, 1U << 31));

/* LIST */
MEMBER(list_entry_size_0, LIST, BAD(list, entry_size, 0),
       SAYS(EINVAL, RANGE, sizeof(struct mailbox_stat)));
MEMBER(list_entry_size_below, LIST, BAD(list, entry_size, sizeof(struct mailbox_stat) - 1),
       SAYS(EINVAL, RANGE, sizeof(struct mailbox_stat)));
MEMBER(list_entry_size_over, LIST, BAD(list, entry_size, 4097), SAYS(E2BIG, RANGE, 4096));
MEMBER(list_entry_size_max, LIST, BAD(list, entry_size, ~0), SAYS(E2BIG, RANGE, 4096));
MEMBER(list_count_0, LIST, BAD(list, count, 0), SAYS(EINVAL, RANGE, 1));
MEMBER(list_count_over, LIST, BAD(list, count, 4097), SAYS(EINVAL, RANGE, 4096));
MEMBER(list_count_max, LIST, BAD(list, count, ~0), SAYS(EINVAL, RANGE, 4096));

/* SEND */
MEMBER(send_flags_exclude, SEND_UNTIL,
       BAD(send, flags, MAILBOX_DEADLINE | MAILBOX_NONBLOCK),
       SAYS(EINVAL, FLAGS, MAILBOX_DEADLINE | MAILBOX_NONBLOCK));
MEMBER(send_realtime_alone, SEND, BAD(send, flags, MAILBOX_REALTIME),
       SAYS(EINVAL, FLAGS, MAILBOX_REALTIME));
MEMBER(send_sync_broadcast, SEND_BROADCAST,
       BAD(send, flags, MAILBOX_NONBLOCK | MAILBOX_SEND_SYNC),
       SAYS(EINVAL, POLICY, MAILBOX_SEND_SYNC));
MEMBER(send_priority_over, SEND, BAD(send, priority, MAILBOX_PRIORITY_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_PRIORITY_MAX));
MEMBER(send_priority_max, SEND, BAD(send, priority, ~0),
       SAYS(EINVAL, RANGE, MAILBOX_PRIORITY_MAX));
MEMBER(send_priority_broadcast, SEND_BROADCAST, BAD(send, priority, 1),
       SAYS(EINVAL, POLICY, 1));
MEMBER(send_vector_over, SEND_VECTOR, BAD(send, length, MAILBOX_VECTOR_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_VECTOR_MAX));
MEMBER(send_vector_max, SEND_VECTOR, BAD(send, length, ~0ULL),
       SAYS(EINVAL, RANGE, MAILBOX_VECTOR_MAX));
MEMBER(send_deadline_unused, SEND, BAD(send, deadline, 1), SAYS(EINVAL, RESERVED, 1));
MEMBER(send_deadline_negative, SEND_UNTIL, BAD(send, deadline, -1LL), SAYS(EINVAL, RANGE, 0));
MEMBER(send_deadline_lowest, SEND_UNTIL, BAD(send, deadline, 1ULL << 63),
       SAYS(EINVAL, RANGE, 0));

/* RECEIVE */
MEMBER(receive_flags_exclude, RECEIVE_UNTIL,
       BAD(receive, flags, MAILBOX_DEADLINE | MAILBOX_NONBLOCK),
       SAYS(EINVAL, FLAGS, MAILBOX_DEADLINE | MAILBOX_NONBLOCK));
MEMBER(receive_realtime_alone, RECEIVE, BAD(receive, flags, MAILBOX_REALTIME),
       SAYS(EINVAL, FLAGS, MAILBOX_REALTIME));
MEMBER(receive_peek_waits, RECEIVE_UNTIL,
       BAD(receive, flags, MAILBOX_DEADLINE | MAILBOX_RECEIVE_PEEK),
       SAYS(EINVAL, FLAGS, MAILBOX_DEADLINE | MAILBOX_RECEIVE_PEEK));
MEMBER(receive_select_tag_twice, RECEIVE_TAG,
       BAD(receive, select, MAILBOX_SELECT_TAG | MAILBOX_SELECT_TAG_MAX),
       SAYS(EINVAL, FLAGS, MAILBOX_SELECT_TAG | MAILBOX_SELECT_TAG_MAX));
MEMBER(receive_select_tag_and_not, RECEIVE_TAG,
       BAD(receive, select, MAILBOX_SELECT_TAG | MAILBOX_SELECT_TAG_NOT),
       SAYS(EINVAL, FLAGS, MAILBOX_SELECT_TAG | MAILBOX_SELECT_TAG_NOT));
MEMBER(receive_select_tag_max_and_not, RECEIVE_TAG,
       BAD(receive, select, MAILBOX_SELECT_TAG_MAX | MAILBOX_SELECT_TAG_NOT),
       SAYS(EINVAL, FLAGS, MAILBOX_SELECT_TAG_MAX | MAILBOX_SELECT_TAG_NOT));
MEMBER(receive_tag_unused, RECEIVE, BAD(receive, tag, 1ULL << 63),
       SAYS(EINVAL, RESERVED, 1ULL << 63));
MEMBER(receive_priority_unused, RECEIVE, BAD(receive, priority, 1),
       SAYS(EINVAL, RESERVED, 1));
MEMBER(receive_priority_over, RECEIVE_PRIORITY,
       BAD(receive, priority, MAILBOX_PRIORITY_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_PRIORITY_MAX));
MEMBER(receive_priority_max, RECEIVE_PRIORITY, BAD(receive, priority, ~0),
       SAYS(EINVAL, RANGE, MAILBOX_PRIORITY_MAX));
MEMBER(receive_pid_unused, RECEIVE, BAD(receive, pid, 1), SAYS(EINVAL, RESERVED, 1));
MEMBER(receive_pid_0, RECEIVE_PID, BAD(receive, pid, 0), SAYS(EINVAL, RANGE, 1));
MEMBER(receive_pid_negative, RECEIVE_PID, BAD(receive, pid, -1), SAYS(EINVAL, RANGE, 1));
MEMBER(receive_index_unused, RECEIVE, BAD(receive, index, 1), SAYS(EINVAL, RESERVED, 1));
MEMBER(receive_index_high, RECEIVE, BAD(receive, index, 1ULL << 32),
       SAYS(EINVAL, RESERVED, 1ULL << 32));
MEMBER(peek_index_behind, PEEK, BAD(receive, index, WORLD_MESSAGES),
       SAYS_STATE(ENOMSG, EMPTY, WORLD_MESSAGES));
MEMBER(peek_index_max, PEEK, BAD(receive, index, ~0ULL),
       SAYS_STATE(ENOMSG, EMPTY, WORLD_MESSAGES));
MEMBER(receive_tag_none, RECEIVE_TAG, BAD(receive, tag, WORLD_TAG + 1),
       SAYS_STATE(EAGAIN, EMPTY, WORLD_MESSAGES));
MEMBER(receive_vector_over, RECEIVE_VECTOR, BAD(receive, length, MAILBOX_VECTOR_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_VECTOR_MAX));
MEMBER(receive_vector_max, RECEIVE_VECTOR, BAD(receive, length, ~0ULL),
       SAYS(EINVAL, RANGE, MAILBOX_VECTOR_MAX));
MEMBER(receive_deadline_unused, RECEIVE, BAD(receive, deadline, 1),
       SAYS(EINVAL, RESERVED, 1));
MEMBER(receive_deadline_negative, RECEIVE_UNTIL, BAD(receive, deadline, -1LL),
       SAYS(EINVAL, RANGE, 0));

/* SEND_BATCH, RECEIVE_BATCH */
MEMBER(send_batch_count_0, SEND_BATCH, BAD(batch, count, 0), SAYS(EINVAL, RANGE, 1));
MEMBER(send_batch_count_over, SEND_BATCH, BAD(batch, count, MAILBOX_BATCH_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_BATCH_MAX));
MEMBER(send_batch_count_max, SEND_BATCH, BAD(batch, count, ~0),
       SAYS(EINVAL, RANGE, MAILBOX_BATCH_MAX));
MEMBER(receive_batch_count_0, RECEIVE_BATCH, BAD(batch, count, 0), SAYS(EINVAL, RANGE, 1));
MEMBER(receive_batch_count_over, RECEIVE_BATCH, BAD(batch, count, MAILBOX_BATCH_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_BATCH_MAX));
MEMBER(receive_batch_count_max, RECEIVE_BATCH, BAD(batch, count, ~0),
       SAYS(EINVAL, RANGE, MAILBOX_BATCH_MAX));
MEMBER(send_batch_item_size_0, SEND_BATCH, BAD(batch, item_size, 0),
       SAYS(EINVAL, RANGE, sizeof(struct mailbox_send)));
MEMBER(send_batch_item_size_below, SEND_BATCH,
       BAD(batch, item_size, sizeof(struct mailbox_send) - 1),
       SAYS(EINVAL, RANGE, sizeof(struct mailbox_send)));
MEMBER(receive_batch_item_size_0, RECEIVE_BATCH, BAD(batch, item_size, 0),
       SAYS(EINVAL, RANGE, sizeof(struct mailbox_receive)));
MEMBER(receive_batch_item_size_below, RECEIVE_BATCH,
       BAD(batch, item_size, sizeof(struct mailbox_receive) - 1),
       SAYS(EINVAL, RANGE, sizeof(struct mailbox_receive)));

/* SET */
MEMBER(set_mask_none, SET_CAPACITY, BAD(set, mask, 0), SAYS(EINVAL, RANGE, 1));
MEMBER(set_mode_unused, SET_CAPACITY, BAD(set, mode, 0600), SAYS(EINVAL, RESERVED, 0600));
MEMBER(set_uid_unused, SET_CAPACITY, BAD(set, uid, 1), SAYS(EINVAL, RESERVED, 1));
MEMBER(set_gid_unused, SET_CAPACITY, BAD(set, gid, 1), SAYS(EINVAL, RESERVED, 1));
MEMBER(set_message_max_unused, SET_CAPACITY, BAD(set, message_max, 1),
       SAYS(EINVAL, RESERVED, 1));
MEMBER(set_capacity_unused, SET_MODE, BAD(set, capacity, MAILBOX_UNLIMITED),
       SAYS(EINVAL, RESERVED, MAILBOX_UNLIMITED));
MEMBER(set_mode_execute, SET, BAD(set, mode, 0700), SAYS(EINVAL, FLAGS, 0100));
MEMBER(set_mode_sticky, SET, BAD(set, mode, 01600), SAYS(EINVAL, FLAGS, 01000));
MEMBER(set_uid_minus_1, SET, BAD(set, uid, ~0), SAYS(EINVAL, RANGE, 0xfffffffe));
MEMBER(set_gid_minus_1, SET, BAD(set, gid, ~0), SAYS(EINVAL, RANGE, 0xfffffffe));
MEMBER(set_capacity_over, SET, BAD(set, capacity, MAILBOX_CAPACITY_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_CAPACITY_MAX));
MEMBER(set_segment_capacity, SET_SEGMENT,
       BAD(set, mask, MAILBOX_SET_UID | MAILBOX_SET_CAPACITY),
       SAYS(EINVAL, POLICY, MAILBOX_SET_CAPACITY));
MEMBER(set_segment_message_max, SET_SEGMENT,
       BAD(set, mask, MAILBOX_SET_UID | MAILBOX_SET_MESSAGE_MAX),
       SAYS(EINVAL, POLICY, MAILBOX_SET_MESSAGE_MAX));
MEMBER(set_segment_both, SET_SEGMENT,
       BAD(set, mask, MAILBOX_SET_UID | MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX),
       SAYS(EINVAL, POLICY, MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX));

/* DUP */
MEMBER(dup_rights_none, DUP, BAD(dup, rights, 0), SAYS(EINVAL, RANGE, 1));
MEMBER(dup_reserved_1, DUP, BAD(dup, reserved, 1), SAYS(EINVAL, RESERVED, 1));
MEMBER(dup_reserved_high, DUP, BAD(dup, reserved, 1U << 31),
       SAYS(EINVAL, RESERVED, 1U << 31));

/* DESTROY */
MEMBER(destroy_reserved_1, DESTROY, BAD(destroy, reserved, 1), SAYS(EINVAL, RESERVED, 1));
MEMBER(destroy_reserved_high, DESTROY, BAD(destroy, reserved, 1U << 31),
       SAYS(EINVAL, RESERVED, 1U << 31));
MEMBER(destroy_now_of_messages, DESTROY, BAD(destroy, flags, MAILBOX_DESTROY_NOW),
       SAYS(EINVAL, POLICY, MAILBOX_DESTROY_NOW));
MEMBER(destroy_segment_reserved, DESTROY_SEGMENT, BAD(destroy, reserved, 1),
       SAYS(EINVAL, RESERVED, 1));

/* rings, of CHANNEL and CONNECT: a power of two, and both or none */
#define RINGS(name, kind_, type)						\
	MEMBER(name ## _ring_alone, kind_, BAD(type, ring_back, 0),		\
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MIN));				\
	MEMBER(name ## _ring_back_alone, kind_, BAD(type, ring, 0),		\
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MIN));				\
	MEMBER(name ## _ring_1, kind_, BAD(type, ring, 1),			\
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MIN));				\
	MEMBER(name ## _ring_half, kind_, BAD(type, ring, MAILBOX_RING_MIN / 2), \
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MIN));				\
	MEMBER(name ## _ring_below, kind_, BAD(type, ring, MAILBOX_RING_MIN - 1), \
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MIN));				\
	MEMBER(name ## _ring_odd, kind_, BAD(type, ring, MAILBOX_RING_MIN + 1),	\
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MIN));				\
	MEMBER(name ## _ring_three_pages, kind_, BAD(type, ring, 3 * 4096),	\
	       SAYS(EINVAL, RANGE, 2 * 4096));					\
	MEMBER(name ## _ring_almost_max, kind_, BAD(type, ring, MAILBOX_RING_MAX - 8), \
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MAX / 2));			\
	MEMBER(name ## _ring_over, kind_, BAD(type, ring, MAILBOX_RING_MAX + 1), \
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MAX));				\
	MEMBER(name ## _ring_double, kind_, BAD(type, ring, 2ULL * MAILBOX_RING_MAX), \
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MAX));				\
	MEMBER(name ## _ring_high, kind_, BAD(type, ring, 1U << 31),		\
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MAX));				\
	MEMBER(name ## _ring_back_below, kind_, BAD(type, ring_back, MAILBOX_RING_MIN - 1), \
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MIN));				\
	MEMBER(name ## _ring_back_odd, kind_, BAD(type, ring_back, 3 * 4096),	\
	       SAYS(EINVAL, RANGE, 2 * 4096));					\
	MEMBER(name ## _ring_back_max, kind_, BAD(type, ring_back, ~0),		\
	       SAYS(EINVAL, RANGE, MAILBOX_RING_MAX))

RINGS(channel, CHANNEL, channel);
RINGS(connect, CONNECT, connect);

/* the queues of CHANNEL and CONNECT; 16 MiB is what the module allows unless told */
#define QUEUES(name, kind_, type)						\
	MEMBER(name ## _capacity_0, kind_, BAD(type, capacity, 0),		\
	       SAYS(EINVAL, RANGE, 1));						\
	MEMBER(name ## _capacity_over, kind_, BAD(type, capacity, MAILBOX_CAPACITY_MAX + 1), \
	       SAYS(EINVAL, RANGE, MAILBOX_CAPACITY_MAX));			\
	MEMBER(name ## _capacity_almost_unlimited, kind_,			\
	       BAD(type, capacity, MAILBOX_UNLIMITED - 1),			\
	       SAYS(EINVAL, RANGE, MAILBOX_CAPACITY_MAX));			\
	MEMBER(name ## _message_max_over, kind_, BAD(type, message_max, (16 << 20) + 1), \
	       SAYS(EMSGSIZE, MODULE_SIZE, 16 << 20));				\
	MEMBER(name ## _message_max_max, kind_, BAD(type, message_max, ~0ULL),	\
	       SAYS(EMSGSIZE, MODULE_SIZE, 16 << 20));				\
	MEMBER(name ## _reserved_1, kind_, BAD(type, reserved, 1),		\
	       SAYS(EINVAL, RESERVED, 1));					\
	MEMBER(name ## _reserved_high, kind_, BAD(type, reserved, 1U << 31),	\
	       SAYS(EINVAL, RESERVED, 1U << 31))

QUEUES(channel, CHANNEL, channel);
QUEUES(connect, CONNECT, connect);

/* CONNECT */
MEMBER(connect_flags_exclude, CONNECT,
       BAD(connect, flags, MAILBOX_DEADLINE | MAILBOX_NONBLOCK),
       SAYS(EINVAL, FLAGS, MAILBOX_DEADLINE | MAILBOX_NONBLOCK));
MEMBER(connect_realtime_alone, CONNECT, BAD(connect, flags, MAILBOX_REALTIME),
       SAYS(EINVAL, FLAGS, MAILBOX_REALTIME));
MEMBER(connect_sync, CONNECT, BAD(connect, flags, MAILBOX_NONBLOCK | MAILBOX_SEND_SYNC),
       SAYS(EINVAL, FLAGS, MAILBOX_SEND_SYNC));
MEMBER(connect_priority_over, CONNECT, BAD(connect, priority, MAILBOX_PRIORITY_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_PRIORITY_MAX));
MEMBER(connect_priority_max, CONNECT, BAD(connect, priority, ~0),
       SAYS(EINVAL, RANGE, MAILBOX_PRIORITY_MAX));
MEMBER(connect_length_over, CONNECT, BAD(connect, length, (16 << 20) + 1),
       SAYS(EMSGSIZE, MODULE_SIZE, 16 << 20));
MEMBER(connect_length_max, CONNECT, BAD(connect, length, 1ULL << 40),
       SAYS(EMSGSIZE, MODULE_SIZE, 16 << 20));
MEMBER(connect_vector_over, CONNECT_VECTOR, BAD(connect, length, MAILBOX_VECTOR_MAX + 1),
       SAYS(EINVAL, RANGE, MAILBOX_VECTOR_MAX));
MEMBER(connect_vector_max, CONNECT_VECTOR, BAD(connect, length, ~0ULL),
       SAYS(EINVAL, RANGE, MAILBOX_VECTOR_MAX));
MEMBER(connect_deadline_unused, CONNECT, BAD(connect, deadline, 1),
       SAYS(EINVAL, RESERVED, 1));

/* ACCEPT, REFUSE */
MEMBER(accept_sequence_0, ACCEPT, BAD(accept, sequence, 0),
       SAYS_STATE(ENOENT, REQUEST_UNKNOWN, 0));
MEMBER(accept_sequence_next, ACCEPT, BAD(accept, sequence, 2),
       SAYS_STATE(ENOENT, REQUEST_UNKNOWN, 0));
MEMBER(accept_sequence_high, ACCEPT, BAD(accept, sequence, 1ULL << 32 | 1),
       SAYS_STATE(ENOENT, REQUEST_UNKNOWN, 0));
MEMBER(refuse_sequence_0, REFUSE, BAD(refuse, sequence, 0),
       SAYS_STATE(ENOENT, REQUEST_UNKNOWN, 0));
MEMBER(refuse_sequence_high, REFUSE, BAD(refuse, sequence, 1ULL << 32 | 1),
       SAYS_STATE(ENOENT, REQUEST_UNKNOWN, 0));

/* RING_WAIT, RING_WAKE */
MEMBER(ring_wait_flags_exclude, RING_WAIT,
       BAD(ring_wait, flags, MAILBOX_DEADLINE | MAILBOX_NONBLOCK),
       SAYS(EINVAL, FLAGS, MAILBOX_DEADLINE | MAILBOX_NONBLOCK));
MEMBER(ring_wait_realtime_alone, RING_WAIT, BAD(ring_wait, flags, MAILBOX_REALTIME),
       SAYS(EINVAL, FLAGS, MAILBOX_REALTIME));
MEMBER(ring_wait_vector, RING_WAIT, BAD(ring_wait, flags, MAILBOX_VECTOR),
       SAYS(EINVAL, FLAGS, MAILBOX_VECTOR));
MEMBER(ring_wait_events_none, RING_WAIT, BAD(ring_wait, events, 0), SAYS(EINVAL, RANGE, 1));
MEMBER(ring_wait_other_event, RING_WAIT, BAD(ring_wait, events, MAILBOX_RING_ROOM),
       SAYS_STATE(EAGAIN, EMPTY, 0));
MEMBER(ring_wait_deadline_unused, RING_WAIT, BAD(ring_wait, deadline, 1),
       SAYS(EINVAL, RESERVED, 1));
MEMBER(ring_wait_deadline_negative, RING_WAIT_UNTIL, BAD(ring_wait, deadline, -1LL),
       SAYS(EINVAL, RANGE, 0));
MEMBER(ring_wake_events_none, RING_WAKE, BAD(ring_wake, events, 0), SAYS(EINVAL, RANGE, 1));

TEST_F(member, refused)
{
	struct request bad, valid, before;
	struct trace trace;

	request_make(&bad, &self->world, variant->kind);
	request_put(&bad, variant->at, variant->size, variant->put);
	before = bad;
	trace_take(&trace, &self->world);

	EXPECT_EQ(-variant->error, request_try(&bad));
	EXPECT_DETAIL(variant->error, variant->reason,
		      variant->blameless ? MAILBOX_NO_FIELD : variant->at,
		      variant->value, &bad.in.error);

	/* nothing but the error was written, and nothing has happened */
	EXPECT_EQ(0, memcmp(bad.in.bytes + sizeof(bad.in.error),
			    before.in.bytes + sizeof(bad.in.error),
			    sizeof(bad.in) - sizeof(bad.in.error)));
	EXPECT_NO_TRACE(&trace, &self->world);

	/* it was this member, and what was asked still works */
	request_make(&valid, &self->world, variant->kind);
	EXPECT_EQ(0, request_try(&valid));
	request_undo(&valid);
}

/* --- every bit that has no meaning ----------------------------------- */

FIXTURE(bits)
{
	struct world world;
};

/**
 * @kind: the valid request
 * @at: offset of the member, a __u32
 * @known: bits that mean something
 */
FIXTURE_VARIANT(bits)
{
	enum kind kind;
	size_t at;
	__u32 known;
};

FIXTURE_SETUP(bits)
{
	ASSERT_EQ(0, world_make(&self->world));
}

FIXTURE_TEARDOWN(bits)
{
	world_end(&self->world);
}

#define BITS(name, kind_, type, member_, known_) \
	FIXTURE_VARIANT_ADD(bits, name) \
	{ .kind = kind_, .at = AT(type, member_), .known = known_ }

#define WAIT_BITS \
	(MAILBOX_NONBLOCK | MAILBOX_DEADLINE | MAILBOX_REALTIME | MAILBOX_VECTOR)

BITS(info_flags, INFO, info, flags, 0);
BITS(info_on_handle_flags, INFO_ON_HANDLE, info, flags, 0);
BITS(create_flags, CREATE, create, flags,
     MAILBOX_CREATE_NONBLOCK | MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST |
     MAILBOX_CREATE_FIXED);
BITS(create_rights, CREATE, create, rights, MAILBOX_RIGHT_ALL);
BITS(open_flags, OPEN, open, flags, MAILBOX_OPEN_NONBLOCK);
BITS(open_rights, OPEN, open, rights, MAILBOX_RIGHT_ALL);
BITS(list_flags, LIST, list, flags, 0);
BITS(send_flags, SEND, send, flags, WAIT_BITS | MAILBOX_SEND_SYNC);
BITS(receive_flags, RECEIVE, receive, flags,
     WAIT_BITS | MAILBOX_RECEIVE_PEEK | MAILBOX_RECEIVE_TRUNCATE);
BITS(receive_select, RECEIVE_TAG, receive, select,
     MAILBOX_SELECT_TAG | MAILBOX_SELECT_TAG_MAX | MAILBOX_SELECT_TAG_NOT |
     MAILBOX_SELECT_PRIORITY | MAILBOX_SELECT_PID);
BITS(send_batch_flags, SEND_BATCH, batch, flags, 0);
BITS(receive_batch_flags, RECEIVE_BATCH, batch, flags, 0);
BITS(set_mask, SET, set, mask,
     MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX | MAILBOX_SET_MODE |
     MAILBOX_SET_UID | MAILBOX_SET_GID);
BITS(dup_flags, DUP, dup, flags, MAILBOX_OPEN_NONBLOCK);
BITS(dup_rights, DUP, dup, rights, MAILBOX_RIGHT_ALL);
BITS(destroy_flags, DESTROY, destroy, flags, MAILBOX_DESTROY_NOW);
BITS(create_segment_flags, CREATE_SEGMENT, create, flags,
     MAILBOX_CREATE_NONBLOCK | MAILBOX_CREATE_FIXED);
BITS(channel_flags, CHANNEL, channel, flags, MAILBOX_CHANNEL_NONBLOCK);
BITS(connect_flags, CONNECT, connect, flags, WAIT_BITS);
BITS(accept_flags, ACCEPT, accept, flags, MAILBOX_ACCEPT_NONBLOCK);
BITS(refuse_flags, REFUSE, refuse, flags, 0);
BITS(peer_flags, PEER, peer, flags, 0);
BITS(ring_wait_flags, RING_WAIT, ring_wait, flags, WAIT_BITS & ~MAILBOX_VECTOR);
BITS(ring_wait_events, RING_WAIT, ring_wait, events, MAILBOX_RING_DATA | MAILBOX_RING_ROOM);
BITS(ring_wake_flags, RING_WAKE, ring_wake, flags, MAILBOX_WAKE_BOTH);
BITS(ring_wake_events, RING_WAKE, ring_wake, events, MAILBOX_RING_DATA | MAILBOX_RING_ROOM);

/* The member with these bits more. */
static int try_bits(struct request *request, struct world *world,
		    const FIXTURE_VARIANT(bits) *variant, __u32 bits)
{
	__u32 member;

	request_make(request, world, variant->kind);
	memcpy(&member, request->in.bytes + variant->at, sizeof(member));
	request_put(request, variant->at, sizeof(member), member | bits);
	return request_try(request);
}

TEST_F(bits, unknown)
{
	__u32 unknown = ~variant->known;
	struct request request;
	struct trace trace;

	trace_take(&trace, &self->world);
	for (int bit = 0; bit < 32; bit++) {
		if (!(unknown & (1U << bit)))
			continue;
		ASSERT_EQ(-EINVAL, try_bits(&request, &self->world, variant, 1U << bit)) {
			TH_LOG("bit %d", bit);
		}
		EXPECT_DETAIL(EINVAL, MAILBOX_REASON_FLAGS, variant->at, 1U << bit,
			      &request.in.error);
	}

	/* of all of them the detail names just the unknown ones */
	ASSERT_EQ(-EINVAL, try_bits(&request, &self->world, variant, unknown));
	EXPECT_DETAIL(EINVAL, MAILBOX_REASON_FLAGS, variant->at, unknown, &request.in.error);
	EXPECT_NO_TRACE(&trace, &self->world);

	EXPECT_EQ(0, try_bits(&request, &self->world, variant, 0));
	request_undo(&request);
}

/* --- what does not count --------------------------------------------- */

FIXTURE(out)
{
	struct world world;
};

/**
 * @kind: the request
 * @at: offset of out members
 * @size: of them
 */
FIXTURE_VARIANT(out)
{
	enum kind kind;
	size_t at;
	size_t size;
};

FIXTURE_SETUP(out)
{
	ASSERT_EQ(0, world_make(&self->world));
}

FIXTURE_TEARDOWN(out)
{
	world_end(&self->world);
}

#define OUT(name, kind_, type, member_) \
	FIXTURE_VARIANT_ADD(out, name) \
	{ .kind = kind_, .at = AT(type, member_), .size = SIZE(type, member_) }

/* From a member to the struct's end. */
#define OUT_FROM(name, kind_, type, member_) \
	FIXTURE_VARIANT_ADD(out, name) \
	{ .kind = kind_, .at = AT(type, member_), \
	  .size = sizeof(struct mailbox_##type) - AT(type, member_) }

OUT_FROM(info, INFO, info, abi_version);
OUT(create_created, CREATE, create, created);
OUT(create_fd, CREATE, create, fd);
OUT(open_fd, OPEN, open, fd);
OUT(list_more, LIST, list, more);
OUT_FROM(send, SEND, send, sequence);
OUT_FROM(receive, RECEIVE, receive, header);
OUT_FROM(peek, PEEK, receive, header);
OUT(send_batch_done, SEND_BATCH, batch, done);
OUT(receive_batch_done, RECEIVE_BATCH, batch, done);
OUT_FROM(stat, STAT, stat, id);
OUT(dup_fd, DUP, dup, fd);
OUT(destroy_dropped, DESTROY, destroy, dropped);
OUT(channel_fd, CHANNEL, channel, fd);
OUT(channel_fd_back, CHANNEL, channel, fd_back);
OUT(connect_fd, CONNECT, connect, fd);
OUT(accept_fd, ACCEPT, accept, fd);
OUT_FROM(peer, PEER, peer, state);

/* Out members may hold anything, and so may the error, which stays. */
TEST_F(out, ignored_on_input)
{
	struct mailbox_error garbage;
	unsigned char before[sizeof(struct mailbox_stat)];
	struct request request;

	memset(&garbage, 0xa5, sizeof(garbage));
	memset(before, 0xa5, sizeof(before));
	request_make(&request, &self->world, variant->kind);
	request.in.error = garbage;
	memset(request.in.bytes + variant->at, 0xa5, variant->size);

	ASSERT_EQ(0, request_try(&request));
	EXPECT_EQ(0, memcmp(&garbage, &request.in.error, sizeof(garbage)));
	EXPECT_NE(0, memcmp(before, request.in.bytes + variant->at, variant->size));
	request_undo(&request);
}

/* A destroyed mailbox refuses everything but questions, and says so. */
FIXTURE(destroyed)
{
	struct world world;
};

FIXTURE_VARIANT(destroyed)
{
	enum kind kind;
	bool allowed;
};

FIXTURE_SETUP(destroyed)
{
	ASSERT_EQ(0, world_make(&self->world));
	ASSERT_EQ(0, mbx_destroy(self->world.handle, NULL));
}

FIXTURE_TEARDOWN(destroyed)
{
	world_end(&self->world);
}

#define DESTROYED(name, kind_, allowed_) \
	FIXTURE_VARIANT_ADD(destroyed, name) { .kind = kind_, .allowed = allowed_ }

DESTROYED(info, INFO_ON_HANDLE, true);
DESTROYED(stat, STAT, true);
DESTROYED(send, SEND, false);
DESTROYED(receive, RECEIVE, false);
DESTROYED(peek, PEEK, false);
DESTROYED(send_batch, SEND_BATCH, false);
DESTROYED(receive_batch, RECEIVE_BATCH, false);
DESTROYED(set, SET, false);
DESTROYED(dup, DUP, false);
DESTROYED(destroy, DESTROY, false);
DESTROYED(connect, CONNECT, false);

TEST_F(destroyed, says_so)
{
	struct request request;
	struct trace trace;

	trace_take(&trace, &self->world);
	EXPECT_EQ(MAILBOX_STAT_DESTROYED, trace.handle.flags & MAILBOX_STAT_DESTROYED);
	EXPECT_EQ('\0', trace.handle.name[0]);

	request_make(&request, &self->world, variant->kind);
	EXPECT_EQ(variant->allowed ? 0 : -EIDRM, request_try(&request));
	if (!variant->allowed)
		EXPECT_DETAIL(EIDRM, MAILBOX_REASON_DESTROYED, MAILBOX_NO_FIELD, 0,
			      &request.in.error);
	EXPECT_NO_TRACE(&trace, &self->world);
}

/* Of a segment no size is set, also where that is all, and where it is what it has. */
TEST(set_segment_size_alone)
{
	struct mailbox_set sets[] = {
		{ .mask = MAILBOX_SET_MESSAGE_MAX },
		{ .mask = MAILBOX_SET_MESSAGE_MAX, .message_max = 4096 },
		{ .mask = MAILBOX_SET_CAPACITY, .capacity = WORLD_SEGMENT },
	};
	struct trace before;
	struct world world;

	ASSERT_EQ(0, world_make(&world));
	trace_take(&before, &world);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		EXPECT_EQ(-EINVAL, mbx_set(world.segment, &sets[i]));
		EXPECT_DETAIL(EINVAL, MAILBOX_REASON_POLICY, MBX_FIELD(mailbox_set, mask),
			      sets[i].mask, &sets[i].error);
	}
	EXPECT_NO_TRACE(&before, &world);
	world_end(&world);
}

/* A CONNECT with a deadline, a bad one or one that has passed, leaves no request. */
TEST(connect_until)
{
	struct request request;
	struct world world;

	ASSERT_EQ(0, world_make(&world));
	request_make(&request, &world, CONNECT_UNTIL);
	request.in.connect.deadline = -1;
	EXPECT_EQ(-EINVAL, request_try(&request));
	EXPECT_DETAIL(EINVAL, MAILBOX_REASON_RANGE, MBX_FIELD(mailbox_connect, deadline), 0,
		      &request.in.error);
	EXPECT_EQ(WORLD_MESSAGES, mbx_depth(world.handle));
	request.in.connect.deadline = 1;
	EXPECT_EQ(-ETIMEDOUT, request_try(&request));
	EXPECT_DETAIL(ETIMEDOUT, MAILBOX_REASON_DEADLINE, MAILBOX_NO_FIELD, 1,
		      &request.in.error);
	EXPECT_EQ(-1, request.in.connect.fd);
	EXPECT_EQ(WORLD_MESSAGES, mbx_depth(world.handle));
	world_end(&world);
}

/* What has no name has nothing that a mode could protect. */
TEST(set_mode_without_a_name)
{
	int fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_set set = { .mask = MAILBOX_SET_MODE, .mode = 0600 };

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, mbx_set(fd, &set));
	EXPECT_DETAIL(EINVAL, MAILBOX_REASON_POLICY, MBX_FIELD(mailbox_set, mode), 0600,
		      &set.error);
	close(fd);
}

TEST_HARNESS_MAIN
