// SPDX-License-Identifier: GPL-2.0
#include <linux/mailbox.h>
#include <linux/pid.h>

#include "queue.h"

#define node_item(n)	rb_entry(n, struct mbipc_item, node)

void mbipc_queue_init(struct mbipc_queue *queue)
{
	queue->levels = RB_ROOT_CACHED;
	queue->depth = 0;
}

/*
 * Mostly at the end of the ring; elsewhere only when an item comes back whose
 * receiver could not take it, and then from the end that is nearer.
 */
static void level_put(struct mbipc_queue *queue, struct mbipc_item *first,
		      struct mbipc_item *item)
{
	struct mbipc_item *last = list_prev_entry(first, level);
	struct mbipc_item *next = first;

	RB_CLEAR_NODE(&item->node);
	if (item->sequence > last->sequence) {
		list_add_tail(&item->level, &first->level);
		return;
	}
	if (item->sequence < first->sequence ||
	    item->sequence - first->sequence < last->sequence - item->sequence) {
		while (next->sequence < item->sequence)
			next = list_next_entry(next, level);
	} else {
		next = last;
		while (list_prev_entry(next, level)->sequence > item->sequence)
			next = list_prev_entry(next, level);
	}
	list_add_tail(&item->level, &next->level);
	if (next == first) {
		rb_replace_node_cached(&first->node, &item->node, &queue->levels);
		RB_CLEAR_NODE(&first->node);
	}
}

/**
 * mbipc_queue_put - put an item in its place
 * @queue: the queue
 * @item: with sequence, tag, sender and priority set; in no queue
 */
void mbipc_queue_put(struct mbipc_queue *queue, struct mbipc_item *item)
{
	struct mbipc_item *first = mbipc_queue_first(queue);
	struct rb_node **link = &queue->levels.rb_root.rb_node;
	struct rb_node *parent = NULL;
	bool leftmost = true;

	queue->depth++;
	if (first && first->priority == item->priority) {
		level_put(queue, first, item);
		return;
	}
	while (*link) {
		parent = *link;
		first = node_item(parent);
		if (first->priority == item->priority) {
			level_put(queue, first, item);
			return;
		}
		if (item->priority > first->priority) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			leftmost = false;
		}
	}
	INIT_LIST_HEAD(&item->level);
	rb_link_node(&item->node, parent, link);
	rb_insert_color_cached(&item->node, &queue->levels, leftmost);
}

/**
 * mbipc_queue_take - take an item out, wherever it stands
 * @queue: the queue
 * @item: in @queue
 */
void mbipc_queue_take(struct mbipc_queue *queue, struct mbipc_item *item)
{
	queue->depth--;
	if (list_empty(&item->level)) {
		rb_erase_cached(&item->node, &queue->levels);
		RB_CLEAR_NODE(&item->node);
		return;
	}
	if (!RB_EMPTY_NODE(&item->node)) {
		rb_replace_node_cached(&item->node,
				       &list_next_entry(item, level)->node,
				       &queue->levels);
		RB_CLEAR_NODE(&item->node);
	}
	list_del_init(&item->level);
}

/**
 * mbipc_select_fits - is this a message that the receiver wants?
 * @select: what it wants
 * @item: the message's place
 */
bool mbipc_select_fits(const struct mbipc_select *select,
		       const struct mbipc_item *item)
{
	u32 how = select->how;

	if (!how)
		return true;
	if ((how & MAILBOX_SELECT_TAG) && item->tag != select->tag)
		return false;
	if ((how & MAILBOX_SELECT_TAG_MAX) && item->tag > select->tag)
		return false;
	if ((how & MAILBOX_SELECT_TAG_NOT) && item->tag == select->tag)
		return false;
	if ((how & MAILBOX_SELECT_PRIORITY) && item->priority < select->priority)
		return false;
	if ((how & MAILBOX_SELECT_PID) &&
	    pid_nr_ns(item->sender, select->ns) != select->pid)
		return false;
	return true;
}

static struct mbipc_item *queue_next(struct mbipc_item **first,
				     struct mbipc_item *item)
{
	struct rb_node *node;

	item = list_next_entry(item, level);
	if (item != *first)
		return item;
	node = rb_next(&item->node);
	*first = node ? node_item(node) : NULL;
	return *first;
}

/* SysV's rule for a negative msgtyp: the lowest tag, and of these the first. */
static struct mbipc_item *find_lowest_tag(const struct mbipc_queue *queue,
					  const struct mbipc_select *select)
{
	struct mbipc_item *first = mbipc_queue_first(queue);
	struct mbipc_item *item, *best = NULL;

	for (item = first; item; item = queue_next(&first, item))
		if (mbipc_select_fits(select, item) &&
		    (!best || item->tag < best->tag))
			best = item;
	return best;
}

/* The rest of mbipc_queue_find(), which see. */
struct mbipc_item *mbipc_queue_search(const struct mbipc_queue *queue,
				      const struct mbipc_select *select,
				      u64 index)
{
	struct mbipc_item *first = mbipc_queue_first(queue);
	struct mbipc_item *item;

	if (index >= queue->depth)
		return NULL;
	if (select->how & MAILBOX_SELECT_TAG_MAX)
		return find_lowest_tag(queue, select);
	for (item = first; item; item = queue_next(&first, item))
		if (mbipc_select_fits(select, item) && !index--)
			return item;
	return NULL;
}
