/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A side of a pair of rings: pages that one side writes and the other reads.
 *
 * The pages are the module's own, and not a file's: nobody can punch a hole
 * into them, truncate them, or reach them but through mmap(2) of a handle.  All
 * of them are there from the beginning, so that no access to a mapping fails
 * for lack of memory.
 *
 * What a page holds is user space's business (struct mailbox_ring_page).  The
 * kernel reads each side's indexes and @closed for poll(2), believes none of
 * them, and writes three words that only tell: the last when a side is closed.
 * Knows no mailbox.
 */
#ifndef MBIPC_RING_H
#define MBIPC_RING_H

#include <linux/poll.h>
#include <linux/types.h>

struct mailbox_error;
struct mailbox_ring_page;
struct mbipc_account;
struct vm_area_struct;

/* Where the other side's pages begin, for mmap(2); a side's own begin at 0. */
#define MBIPC_RING_THEIRS	0x40000000UL

/**
 * struct mbipc_ring - what one side writes
 * @size: bytes of data; constant
 * @polls: MAILBOX_RING_*: what this side's pollers wait for, as its page tells
 *	the other side; the mailbox's lock
 * @closed: the side is; the mailbox's lock
 * @account: who pays; holds a reference
 * @page: the page of indexes; constant.  To find it through @pages may read
 *	flags of the page, which those that have it mapped change
 * @count: members of @pages
 * @pages: the page of indexes, then the data; constant
 */
struct mbipc_ring {
	u32 size;
	u32 polls;
	bool closed;
	struct mbipc_account *account;
	struct mailbox_ring_page *page;
	unsigned int count;
	struct page *pages[];
};

struct mbipc_ring *mbipc_ring_new(u32 size, struct mbipc_account *account,
				  struct mailbox_error *err);
void mbipc_ring_free(struct mbipc_ring *ring);

int mbipc_ring_map(struct mbipc_ring *ring, bool writable,
		   struct vm_area_struct *vma);

__poll_t mbipc_ring_poll(struct mbipc_ring *mine, struct mbipc_ring *theirs,
			 __poll_t wanted);
u32 mbipc_ring_told(struct mbipc_ring *ring, u32 events);
void mbipc_ring_closed(struct mbipc_ring *ring);

#endif
