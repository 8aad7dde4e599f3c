/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The order of messages: by priority, and first in first out within one.
 *
 * Pure: no locks, no allocation, no user memory.  Every function needs the
 * lock that guards the queue (a mailbox's), or a queue that nobody else knows.
 */
#ifndef MBIPC_QUEUE_H
#define MBIPC_QUEUE_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct pid;
struct pid_namespace;

/**
 * struct mbipc_item - a place in a queue
 * @node: in the tree of priorities, if this is the first item of its priority;
 *	else clear
 * @level: ring of the items of one priority, in order
 * @next_dead: out of the queue for good: the next to be freed
 * @sequence: position within a priority
 * @tag: as sent
 * @sender: the process that sent it; the message holds the reference
 * @priority: as sent
 * @copy: the item stands alone (struct mbipc_copy), it is not part of its
 *	message
 *
 * All but the links are constant once the item is in a queue.
 */
struct mbipc_item {
	struct rb_node node;
	union {
		struct list_head level;
		struct mbipc_item *next_dead;
	};
	u64 sequence;
	u64 tag;
	struct pid *sender;
	u16 priority;
	bool copy;
};

/**
 * struct mbipc_select - which messages a receiver wants
 * @how: MAILBOX_SELECT_*; 0 wants all
 * @priority: for MAILBOX_SELECT_PRIORITY
 * @tag: for MAILBOX_SELECT_TAG*
 * @pid: for MAILBOX_SELECT_PID
 * @ns: where @pid is a number of; outlives the call, it is the caller's
 */
struct mbipc_select {
	u32 how;
	u32 priority;
	u64 tag;
	s32 pid;
	struct pid_namespace *ns;
};

/**
 * struct mbipc_queue - items in order
 * @levels: the first item of each priority; the highest is leftmost
 * @depth: items
 */
struct mbipc_queue {
	struct rb_root_cached levels;
	size_t depth;
};

static inline void mbipc_item_init(struct mbipc_item *item)
{
	RB_CLEAR_NODE(&item->node);
	INIT_LIST_HEAD(&item->level);
}

/* Is the item in a queue? */
static inline bool mbipc_item_queued(const struct mbipc_item *item)
{
	return !RB_EMPTY_NODE(&item->node) || !list_empty(&item->level);
}

static inline struct mbipc_item *mbipc_queue_first(const struct mbipc_queue *queue)
{
	return rb_entry_safe(rb_first_cached(&queue->levels), struct mbipc_item,
			     node);
}

void mbipc_queue_init(struct mbipc_queue *queue);
void mbipc_queue_put(struct mbipc_queue *queue, struct mbipc_item *item);
void mbipc_queue_take(struct mbipc_queue *queue, struct mbipc_item *item);
bool mbipc_select_fits(const struct mbipc_select *select,
		       const struct mbipc_item *item);
struct mbipc_item *mbipc_queue_search(const struct mbipc_queue *queue,
				      const struct mbipc_select *select,
				      u64 index);

/**
 * mbipc_queue_find - the index-th of the items that a receiver wants
 * @queue: the queue
 * @select: what it wants
 * @index: 0 for the first; must be 0 with MAILBOX_SELECT_TAG_MAX
 *
 * Looks at every item if it must, under the caller's lock.
 *
 * Return: the item, still in the queue, or NULL.
 */
static inline struct mbipc_item *
mbipc_queue_find(const struct mbipc_queue *queue,
		 const struct mbipc_select *select, u64 index)
{
	if (!select->how && !index)
		return mbipc_queue_first(queue);
	return mbipc_queue_search(queue, select, index);
}

#endif
