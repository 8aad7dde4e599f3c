// SPDX-License-Identifier: GPL-2.0
#include <linux/mailbox.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "account.h"
#include "compat.h"
#include "error.h"
#include "ring.h"

static_assert(sizeof(struct mailbox_ring_page) <= PAGE_SIZE);
static_assert(PAGE_SIZE + 2UL * MAILBOX_RING_MAX < MBIPC_RING_THEIRS);

/* What a ring costs, for the user's quota. */
static size_t ring_cost(const struct mbipc_ring *ring)
{
	return struct_size(ring, pages, ring->count) +
	       (size_t)ring->count * PAGE_SIZE;
}

/**
 * mbipc_ring_new - pages for one side
 * @size: bytes of data: a power of two, MAILBOX_RING_MIN..MAILBOX_RING_MAX, and
 *	not less than a page
 * @account: who pays
 * @err: told why not
 *
 * Context: may sleep.
 * Return: the ring, all zero, or an ERR_PTR: -EDQUOT, -ENOMEM, -EINTR.
 */
struct mbipc_ring *mbipc_ring_new(u32 size, struct mbipc_account *account,
				  struct mailbox_error *err)
{
	unsigned int count = 1 + size / PAGE_SIZE;
	struct mbipc_ring *ring;
	unsigned int i;
	int code;

	ring = kvzalloc(struct_size(ring, pages, count), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return ERR_PTR(mbipc_fail_state(err, -ENOMEM,
						MAILBOX_REASON_NONE, 0));
	ring->size = size;
	ring->count = count;
	code = mbipc_account_bytes(account, ring_cost(ring), err);
	if (code) {
		kvfree(ring);
		return ERR_PTR(code);
	}
	ring->account = mbipc_account_hold(account);
	for (i = 0; i < count; i++) {
		ring->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!ring->pages[i] || fatal_signal_pending(current)) {
			code = ring->pages[i] ? -EINTR : -ENOMEM;
			mbipc_ring_free(ring);
			mbipc_fail_state(err, code, MAILBOX_REASON_NONE, 0);
			return ERR_PTR(code);
		}
		cond_resched();
	}
	/* Lowmem, as it was allocated so. */
	ring->page = page_address(ring->pages[0]);
	return ring;
}

/**
 * mbipc_ring_free - give the pages back
 * @ring: mapped by nobody any more; or NULL
 *
 * Context: may sleep.
 */
void mbipc_ring_free(struct mbipc_ring *ring)
{
	unsigned int i;

	if (!ring)
		return;
	/* Who still has a reference, as for O_DIRECT, keeps the page alone. */
	for (i = 0; i < ring->count && ring->pages[i]; i++)
		put_page(ring->pages[i]);
	mbipc_account_bytes_end(ring->account, ring_cost(ring));
	mbipc_account_put(ring->account);
	kvfree(ring);
}

/*
 * What the other side looks at after each store.  A side that has found the other
 * one lying has written @closed itself, and must not be forgotten.
 */
static void show_polls(const struct mbipc_ring *ring)
{
	WRITE_ONCE(ring->page->data_poll,
		   ring->closed || READ_ONCE(ring->page->closed) ||
		   (ring->polls & MAILBOX_RING_DATA));
	WRITE_ONCE(ring->page->room_poll, !!(ring->polls & MAILBOX_RING_ROOM));
}

/* The data follow the page of indexes twice, so that no record wraps. */
static vm_fault_t ring_fault(struct vm_fault *vmf)
{
	const struct mbipc_ring *ring = vmf->vma->vm_private_data;
	pgoff_t place = vmf->pgoff % (MBIPC_RING_THEIRS >> PAGE_SHIFT);
	unsigned int data = ring->count - 1;

	if (place > 2 * data)
		return VM_FAULT_SIGBUS;
	if (place > data)
		place -= data;
	vmf->page = ring->pages[place];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct ring_vm_ops = {
	.fault = ring_fault,
};

/**
 * mbipc_ring_map - map a ring, or a part of it
 * @ring: lives as long as the file that is mapped
 * @writable: may it be written to, now or by a later mprotect(2)?
 * @vma: the mapping, at an offset from 0 or from MBIPC_RING_THEIRS
 *
 * Return: 0, -EINVAL or -EACCES.
 */
int mbipc_ring_map(struct mbipc_ring *ring, bool writable,
		   struct vm_area_struct *vma)
{
	pgoff_t place = vma->vm_pgoff % (MBIPC_RING_THEIRS >> PAGE_SHIFT);
	unsigned long pages = 1 + 2UL * (ring->count - 1);

	if (place >= pages || vma_pages(vma) > pages - place)
		return -EINVAL;
	/* A private copy of a ring is none. */
	if (!(vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_MAYWRITE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	if (!writable && (vma->vm_flags & VM_WRITE))
		return -EACCES;
	mbipc_vm_flags(vma, VM_DONTEXPAND | VM_DONTDUMP,
		       VM_MAYEXEC | (writable ? 0 : VM_MAYWRITE));
	vma->vm_private_data = ring;
	vma->vm_ops = &ring_vm_ops;
	return 0;
}

/**
 * mbipc_ring_poll - what poll(2) says of the rings
 * @mine: what the polling side writes
 * @theirs: what the other side writes
 * @wanted: what the poller asks for
 *
 * Says in the polling side's page that there is a poller, before it looks.
 *
 * Context: the mailbox's lock.
 */
__poll_t mbipc_ring_poll(struct mbipc_ring *mine, struct mbipc_ring *theirs,
			 __poll_t wanted)
{
	struct mailbox_ring_page *my = mine->page;
	const struct mailbox_ring_page *their = theirs->page;
	__poll_t mask = 0;

	if (wanted & (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND))
		mine->polls |= MAILBOX_RING_DATA;
	if (wanted & EPOLLWRBAND)
		mine->polls |= MAILBOX_RING_ROOM;
	show_polls(mine);
	/* With mailbox__ring_watched() in user space: one sees the other's. */
	smp_mb();
	if (READ_ONCE(their->head) != READ_ONCE(my->tail))
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDBAND;
	if (READ_ONCE(my->head) - READ_ONCE(their->tail) <= mine->size / 2)
		mask |= EPOLLWRBAND;
	/* No more will come: whoever asks user space's ring is told so at once. */
	if (READ_ONCE(my->closed) || READ_ONCE(their->closed))
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLWRBAND;
	return mask;
}

/**
 * mbipc_ring_told - the other side has said WAKE, or this one to itself
 * @ring: what the side writes that is told
 * @events: MAILBOX_RING_*
 *
 * Shows again what is polled for in any case: a side that has closed itself may
 * have said so in its page just when show_polls() had looked there.
 *
 * Context: the mailbox's lock.
 * Return: those of @events that its pollers wait for.
 */
u32 mbipc_ring_told(struct mbipc_ring *ring, u32 events)
{
	u32 polled = ring->polls & events;

	ring->polls &= ~polled;
	show_polls(ring);
	return polled;
}

/**
 * mbipc_ring_closed - tell the other side's user space that this one is closed
 * @ring: what the side wrote
 *
 * Context: the mailbox's lock.
 */
void mbipc_ring_closed(struct mbipc_ring *ring)
{
	/* With the acquire of who reads it: all that was published comes first. */
	smp_store_release(&ring->page->closed, 1);
	ring->closed = true;
	show_polls(ring);
}
