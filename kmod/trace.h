/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, system "mailbox".
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mailbox

#if !defined(MBIPC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MBIPC_TRACE_H

#include <linux/tracepoint.h>

#include "compat.h"
#include "mailbox.h"

#define mbipc_show_policy(policy)				\
	__print_symbolic(policy,				\
			 { MAILBOX_POLICY_SHARED, "shared" },	\
			 { MAILBOX_POLICY_EXCLUSIVE, "exclusive" }, \
			 { MAILBOX_POLICY_PAIR, "pair" },	\
			 { MAILBOX_POLICY_BROADCAST, "broadcast" }, \
			 { MAILBOX_POLICY_CHANNEL, "channel" }, \
			 { MAILBOX_POLICY_SEGMENT, "segment" })

#define mbipc_show_wait(kind)					\
	__print_symbolic(kind,					\
			 { MBIPC_WAIT_RECEIVE, "message" },	\
			 { MBIPC_WAIT_ROOM, "room" },		\
			 { MBIPC_WAIT_TAKER, "taker" },		\
			 { MBIPC_WAIT_CROWD, "room_in_all" },	\
			 { MBIPC_WAIT_ANSWER, "answer" },	\
			 { MBIPC_WAIT_RING, "ring" })

#define mbipc_show_drop(why)					\
	__print_symbolic(why,					\
			 { MBIPC_DROP_SLOW, "slow" },		\
			 { MBIPC_DROP_NOBODY, "nobody" },	\
			 { MBIPC_DROP_CLOSE, "close" },		\
			 { MBIPC_DROP_DESTROY, "destroy" })

TRACE_DEFINE_ENUM(MBIPC_WAIT_RECEIVE);
TRACE_DEFINE_ENUM(MBIPC_WAIT_ROOM);
TRACE_DEFINE_ENUM(MBIPC_WAIT_TAKER);
TRACE_DEFINE_ENUM(MBIPC_WAIT_CROWD);
TRACE_DEFINE_ENUM(MBIPC_WAIT_ANSWER);
TRACE_DEFINE_ENUM(MBIPC_WAIT_RING);
TRACE_DEFINE_ENUM(MBIPC_DROP_SLOW);
TRACE_DEFINE_ENUM(MBIPC_DROP_NOBODY);
TRACE_DEFINE_ENUM(MBIPC_DROP_CLOSE);
TRACE_DEFINE_ENUM(MBIPC_DROP_DESTROY);

TRACE_EVENT(mailbox_create,
	TP_PROTO(const struct mbipc_mailbox *mailbox),
	TP_ARGS(mailbox),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, capacity)
		__field(u32, policy)
		__string(name, mailbox->name ? mailbox->name : "")
	),
	TP_fast_assign(
		__entry->id = mailbox->id;
		__entry->capacity = mailbox->capacity;
		__entry->policy = mailbox->policy;
		mbipc_assign_str(name, mailbox->name ? mailbox->name : "");
	),
	TP_printk("id=%llu policy=%s capacity=%llu name=%s", __entry->id,
		  mbipc_show_policy(__entry->policy), __entry->capacity,
		  __get_str(name))
);

TRACE_EVENT(mailbox_destroy,
	TP_PROTO(const struct mbipc_mailbox *mailbox, u64 dropped),
	TP_ARGS(mailbox, dropped),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, dropped)
	),
	TP_fast_assign(
		__entry->id = mailbox->id;
		__entry->dropped = dropped;
	),
	TP_printk("id=%llu dropped=%llu", __entry->id, __entry->dropped)
);

DECLARE_EVENT_CLASS(mailbox_message,
	TP_PROTO(const struct mbipc_mailbox *mailbox,
		 const struct mbipc_message *message),
	TP_ARGS(mailbox, message),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, sequence)
		__field(u64, tag)
		__field(u32, length)
		__field(u32, priority)
	),
	TP_fast_assign(
		__entry->id = mailbox->id;
		__entry->sequence = message->item.sequence;
		__entry->tag = message->item.tag;
		__entry->length = message->length;
		__entry->priority = message->item.priority;
	),
	TP_printk("id=%llu sequence=%llu length=%u priority=%u tag=%llu",
		  __entry->id, __entry->sequence, __entry->length,
		  __entry->priority, __entry->tag)
);

DEFINE_EVENT(mailbox_message, mailbox_send,
	TP_PROTO(const struct mbipc_mailbox *mailbox,
		 const struct mbipc_message *message),
	TP_ARGS(mailbox, message)
);

DEFINE_EVENT(mailbox_message, mailbox_receive,
	TP_PROTO(const struct mbipc_mailbox *mailbox,
		 const struct mbipc_message *message),
	TP_ARGS(mailbox, message)
);

TRACE_EVENT(mailbox_block,
	TP_PROTO(const struct mbipc_mailbox *mailbox, int kind),
	TP_ARGS(mailbox, kind),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, kind)
	),
	TP_fast_assign(
		__entry->id = mailbox->id;
		__entry->kind = kind;
	),
	TP_printk("id=%llu for=%s", __entry->id, mbipc_show_wait(__entry->kind))
);

TRACE_EVENT(mailbox_wake,
	TP_PROTO(const struct mbipc_mailbox *mailbox, int kind, int result),
	TP_ARGS(mailbox, kind, result),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, kind)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->id = mailbox->id;
		__entry->kind = kind;
		__entry->result = result;
	),
	TP_printk("id=%llu for=%s result=%d", __entry->id,
		  mbipc_show_wait(__entry->kind), __entry->result)
);

TRACE_EVENT(mailbox_drop,
	TP_PROTO(const struct mbipc_mailbox *mailbox, u64 sequence, int why),
	TP_ARGS(mailbox, sequence, why),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, sequence)
		__field(int, why)
	),
	TP_fast_assign(
		__entry->id = mailbox->id;
		__entry->sequence = sequence;
		__entry->why = why;
	),
	TP_printk("id=%llu sequence=%llu why=%s", __entry->id,
		  __entry->sequence, mbipc_show_drop(__entry->why))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
