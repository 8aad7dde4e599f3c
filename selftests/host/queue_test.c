// SPDX-License-Identifier: GPL-2.0
/*
 * The order of messages, kmod/queue.c, on the host: against a model that keeps
 * everything in one array and looks at all of it each time.
 *
 * QUEUE_SEED=n repeats a run; the seed of each is printed.
 */
#include "kselftest_harness.h"

#include <linux/mailbox.h>
#include <linux/pid.h>
#include <sys/random.h>

#include "../../kmod/queue.h"

#define ITEMS	160
#define PIDS	4

static struct pid pids[PIDS];
static struct pid_namespace namespace = { .offset = 100 };

/* --- the model ------------------------------------------------------- */

struct model {
	struct mbipc_item *items[ITEMS];
	unsigned int count;
};

static void model_put(struct model *model, struct mbipc_item *item)
{
	model->items[model->count++] = item;
}

static void model_take(struct model *model, struct mbipc_item *item)
{
	unsigned int i;

	for (i = 0; model->items[i] != item; i++)
		;
	model->items[i] = model->items[--model->count];
}

/* Does a come before b? */
static bool before(const struct mbipc_item *a, const struct mbipc_item *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->sequence < b->sequence;
}

/* The header's words, one by one. */
static bool wanted(const struct mbipc_select *select, const struct mbipc_item *item)
{
	if (select->how & MAILBOX_SELECT_TAG && !(item->tag == select->tag))
		return false;
	if (select->how & MAILBOX_SELECT_TAG_MAX && !(item->tag <= select->tag))
		return false;
	if (select->how & MAILBOX_SELECT_TAG_NOT && !(item->tag != select->tag))
		return false;
	if (select->how & MAILBOX_SELECT_PRIORITY && !(item->priority >= select->priority))
		return false;
	if (select->how & MAILBOX_SELECT_PID &&
	    item->sender->number + namespace.offset != select->pid)
		return false;
	return true;
}

static struct mbipc_item *model_find(const struct model *model,
				     const struct mbipc_select *select, u64 index)
{
	struct mbipc_item *best;
	unsigned int i, j, ahead;

	if (select->how & MAILBOX_SELECT_TAG_MAX) {
		for (best = NULL, i = 0; i < model->count; i++) {
			struct mbipc_item *item = model->items[i];

			if (!wanted(select, item))
				continue;
			if (!best || item->tag < best->tag ||
			    (item->tag == best->tag && before(item, best)))
				best = item;
		}
		return best;
	}
	for (i = 0; i < model->count; i++) {
		if (!wanted(select, model->items[i]))
			continue;
		for (ahead = 0, j = 0; j < model->count; j++)
			ahead += wanted(select, model->items[j]) &&
				 before(model->items[j], model->items[i]);
		if (ahead == index)
			return model->items[i];
	}
	return NULL;
}

/* --- chance ---------------------------------------------------------- */

static uint64_t chance_state;

/* splitmix64 */
static uint64_t chance(uint64_t below)
{
	uint64_t z = (chance_state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % below;
}

static uint64_t chance_seed(void)
{
	const char *given = getenv("QUEUE_SEED");
	uint64_t seed = 0;

	if (given)
		seed = strtoull(given, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	chance_state = seed;
	return seed;
}

/* --- the comparison -------------------------------------------------- */

FIXTURE(queue)
{
	struct mbipc_queue queue;
	struct model model;
	u64 sequence;
};

FIXTURE_VARIANT(queue)
{
	unsigned int priorities;	/* so many different ones */
	unsigned int tags;
	unsigned int steps;
	unsigned int puts;		/* of 100 steps */
};

FIXTURE_VARIANT_ADD(queue, one_priority) { 1, 3, 4000, 52 };
FIXTURE_VARIANT_ADD(queue, few_priorities) { 4, 5, 6000, 52 };
FIXTURE_VARIANT_ADD(queue, many_priorities) { MAILBOX_PRIORITY_MAX + 1, 8, 6000, 55 };
FIXTURE_VARIANT_ADD(queue, mostly_empty) { 3, 2, 6000, 34 };

FIXTURE_SETUP(queue)
{
	int i;

	for (i = 0; i < PIDS; i++)
		pids[i].number = 10 + i;
	mbipc_queue_init(&self->queue);
}

FIXTURE_TEARDOWN(queue)
{
	while (self->model.count)
		free(self->model.items[--self->model.count]);
}

/* Objects of their own on the heap, where the sanitizer watches their edges. */
static struct mbipc_item *item_new(unsigned int priority, u64 tag, u64 sequence)
{
	struct mbipc_item *item = malloc(sizeof(*item));

	memset(item, 0xa5, sizeof(*item));
	mbipc_item_init(item);
	item->priority = priority;
	item->tag = tag;
	item->sequence = sequence;
	item->sender = &pids[chance(PIDS)];
	item->copy = false;
	return item;
}

static struct mbipc_select select_any(unsigned int priorities, unsigned int tags)
{
	static const u32 tag_bits[] = {
		0, MAILBOX_SELECT_TAG, MAILBOX_SELECT_TAG_MAX, MAILBOX_SELECT_TAG_NOT,
	};
	struct mbipc_select select = { .how = tag_bits[chance(4)], .ns = &namespace };

	if (select.how)
		select.tag = chance(8) ? chance(tags + 1) : ~0ULL;
	if (!chance(3)) {
		select.how |= MAILBOX_SELECT_PRIORITY;
		select.priority = chance(priorities + 1);
	}
	if (!chance(3)) {
		select.how |= MAILBOX_SELECT_PID;
		select.pid = 10 + chance(PIDS + 1) + namespace.offset;
	}
	return select;
}

TEST_F(queue, as_the_model)
{
	struct mbipc_select all = { .how = 0, .ns = &namespace };
	uint64_t seed = chance_seed();
	struct mbipc_item *item;
	unsigned int step, i;

	printf("# QUEUE_SEED=%#llx\n", (unsigned long long)seed);
	fflush(stdout);
	for (step = 0; step < variant->steps; step++) {
		if (self->model.count < ITEMS && chance(100) < variant->puts) {
			item = item_new(chance(variant->priorities), chance(variant->tags),
					++self->sequence);
			ASSERT_FALSE(mbipc_item_queued(item));
			mbipc_queue_put(&self->queue, item);
			model_put(&self->model, item);
			ASSERT_TRUE(mbipc_item_queued(item));
		} else if (self->model.count) {
			/* the first, one somewhere, or one that is selected */
			struct mbipc_select select = select_any(variant->priorities, variant->tags);

			switch (chance(4)) {
			case 0:
				item = self->model.items[chance(self->model.count)];
				break;
			case 1:
				item = mbipc_queue_find(&self->queue, &select, 0);
				ASSERT_EQ(model_find(&self->model, &select, 0), item);
				if (!item)
					continue;
				ASSERT_TRUE(mbipc_select_fits(&select, item));
				break;
			default:
				item = mbipc_queue_first(&self->queue);
				ASSERT_EQ(model_find(&self->model, &all, 0), item);
			}
			mbipc_queue_take(&self->queue, item);
			ASSERT_FALSE(mbipc_item_queued(item));
			if (!chance(3)) {
				/* a receiver could not take it: back to its place */
				mbipc_queue_put(&self->queue, item);
			} else {
				model_take(&self->model, item);
				free(item);
			}
		}
		ASSERT_EQ(self->model.count, self->queue.depth);

		if (step % 16 == 0) {
			struct mbipc_select select = select_any(variant->priorities, variant->tags);
			u64 index = select.how & MAILBOX_SELECT_TAG_MAX ? 0 :
				    chance(self->model.count + 2);

			ASSERT_EQ(model_find(&self->model, &select, index),
				  mbipc_queue_find(&self->queue, &select, index));
			for (i = 0; i < self->model.count; i++)
				ASSERT_EQ(wanted(&select, self->model.items[i]),
					  mbipc_select_fits(&select, self->model.items[i]));
		}
		/* all of it, in order, now and then */
		if (step % 500 == 499) {
			for (i = 0; i < self->model.count; i++)
				ASSERT_EQ(model_find(&self->model, &all, i),
					  mbipc_queue_find(&self->queue, &all, i));
			ASSERT_EQ(NULL, mbipc_queue_find(&self->queue, &all, i));
		}
	}
	/* and empty it */
	while (self->model.count) {
		item = mbipc_queue_first(&self->queue);
		ASSERT_EQ(model_find(&self->model, &all, 0), item);
		mbipc_queue_take(&self->queue, item);
		model_take(&self->model, item);
		free(item);
	}
	EXPECT_EQ(0, self->queue.depth);
	EXPECT_EQ(NULL, mbipc_queue_first(&self->queue));
}

/* --- single cases ---------------------------------------------------- */

TEST(empty)
{
	struct mbipc_select all = { .how = 0, .ns = &namespace };
	struct mbipc_select tag = { .how = MAILBOX_SELECT_TAG_MAX, .tag = ~0ULL };
	struct mbipc_queue queue;

	mbipc_queue_init(&queue);
	EXPECT_EQ(0, queue.depth);
	EXPECT_EQ(NULL, mbipc_queue_first(&queue));
	EXPECT_EQ(NULL, mbipc_queue_find(&queue, &all, 0));
	EXPECT_EQ(NULL, mbipc_queue_find(&queue, &all, ~0ULL));
	EXPECT_EQ(NULL, mbipc_queue_find(&queue, &tag, 0));
}

/* Items of one priority come back in every order to where they were. */
TEST(put_back_in_every_order)
{
	static const int orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	struct mbipc_select all = { .how = 0, .ns = &namespace };
	struct mbipc_item *items[5];
	struct mbipc_queue queue;
	int i, j;

	mbipc_queue_init(&queue);
	for (i = 0; i < 5; i++) {
		items[i] = item_new(7, 0, i + 1);
		mbipc_queue_put(&queue, items[i]);
	}
	for (j = 0; j < ARRAY_SIZE(orders); j++) {
		for (i = 0; i < 3; i++)
			mbipc_queue_take(&queue, items[orders[j][i]]);
		EXPECT_EQ(items[3], mbipc_queue_first(&queue));
		for (i = 2; i >= 0; i--)
			mbipc_queue_put(&queue, items[orders[j][i]]);
		for (i = 0; i < 5; i++)
			ASSERT_EQ(items[i], mbipc_queue_find(&queue, &all, i));
	}
	for (i = 0; i < 5; i++) {
		mbipc_queue_take(&queue, items[i]);
		free(items[i]);
	}
	EXPECT_EQ(NULL, mbipc_queue_first(&queue));
}

/* The ends of the ranges of priorities and tags. */
TEST(extremes)
{
	struct mbipc_select low = { .how = MAILBOX_SELECT_TAG_MAX, .tag = 0 };
	struct mbipc_select high = { .how = MAILBOX_SELECT_PRIORITY, .priority = MAILBOX_PRIORITY_MAX };
	struct mbipc_select tag = { .how = MAILBOX_SELECT_TAG, .tag = ~0ULL };
	struct mbipc_item *top = item_new(MAILBOX_PRIORITY_MAX, ~0ULL, ~0ULL - 1);
	struct mbipc_item *bottom = item_new(0, 0, ~0ULL);
	struct mbipc_queue queue;

	mbipc_queue_init(&queue);
	mbipc_queue_put(&queue, bottom);
	mbipc_queue_put(&queue, top);
	EXPECT_EQ(top, mbipc_queue_first(&queue));
	EXPECT_EQ(bottom, mbipc_queue_find(&queue, &low, 0));
	EXPECT_EQ(top, mbipc_queue_find(&queue, &high, 0));
	EXPECT_EQ(NULL, mbipc_queue_find(&queue, &high, 1));
	EXPECT_EQ(top, mbipc_queue_find(&queue, &tag, 0));
	free(top);
	free(bottom);
}

TEST_HARNESS_MAIN
