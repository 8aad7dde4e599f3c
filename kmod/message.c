// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>
#include <linux/gfp.h>
#include <linux/mailbox.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "account.h"
#include "error.h"
#include "limits.h"
#include "message.h"
#include "wait.h"

static bool is_inline(size_t length)
{
	return offsetof(struct mbipc_message, data) + length <= MBIPC_INLINE_MAX;
}

/* What it costs to keep a message, for the user's quota. */
static size_t message_cost(size_t length)
{
	size_t head = offsetof(struct mbipc_message, data);

	return is_inline(length) ? head + length : head + PAGE_ALIGN(length);
}

static void message_free(struct mbipc_message *message)
{
	struct page *page = message->pages;

	while (page) {
		struct page *next = (struct page *)page_private(page);

		set_page_private(page, 0);
		__free_page(page);
		page = next;
	}
	mbipc_account_message_end(message->account,
				  message_cost(message->length));
	mbipc_account_put(message->account);
	put_pid(message->item.sender);
	kfree(message);
}

/*
 * Single pages, so that a fragmented machine can send what a fresh one can.
 * The first page that cannot be copied ends the work, whatever was asked for.
 */
static int fill_pages(struct mbipc_message *message, struct iov_iter *from)
{
	struct page **link = &message->pages;
	size_t left = message->length;

	while (left) {
		size_t bytes = min_t(size_t, left, PAGE_SIZE);
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);

		if (!page)
			return -ENOMEM;
		set_page_private(page, 0);
		*link = page;
		if (copy_page_from_iter(page, 0, bytes, from) != bytes)
			return -EFAULT;
		left -= bytes;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		/* The link is the next page's pointer, kept in this page. */
		link = (struct page **)&page_private(page);
	}
	return 0;
}

/* Mostly one small piece: then the way through the iterator is the longer. */
static bool fill_data(struct mbipc_message *message, struct iov_iter *from)
{
	size_t length = message->length;

	if (iter_is_ubuf(from))
		return !copy_from_user(message->data,
				       from->ubuf + from->iov_offset, length);
	return copy_from_iter(message->data, length, from) == length;
}

static bool read_data(const struct mbipc_message *message, size_t length,
		      struct iov_iter *to)
{
	if (iter_is_ubuf(to))
		return !copy_to_user(to->ubuf + to->iov_offset, message->data,
				     length);
	return copy_to_iter(message->data, length, to) == length;
}

/**
 * mbipc_message_new - make a message out of what user space gives
 * @account: who pays
 * @from: the payload, all of it; at most MBIPC_MESSAGE_MAX_MAX bytes
 * @priority: for the header
 * @tag: for the header
 * @err: told why not
 *
 * Context: may sleep; no locks.
 * Return: a message that the caller owns, attested as the caller's, or an
 * ERR_PTR: -EDQUOT, -ENOMEM, -EFAULT, -EINTR (only when the caller is dying).
 */
struct mbipc_message *mbipc_message_new(struct mbipc_account *account,
					struct iov_iter *from,
					u16 priority, u64 tag,
					struct mailbox_error *err)
{
	size_t length = iov_iter_count(from);
	bool small = is_inline(length);
	struct mbipc_message *message;
	int code;

	code = mbipc_account_message(account, message_cost(length), err);
	if (code)
		return ERR_PTR(code);

	message = kmalloc(offsetof(struct mbipc_message, data) +
			  (small ? length : 0), GFP_KERNEL_ACCOUNT);
	if (!message) {
		mbipc_account_message_end(account, message_cost(length));
		code = mbipc_fail_state(err, -ENOMEM, MAILBOX_REASON_NONE, 0);
		return ERR_PTR(code);
	}
	mbipc_item_init(&message->item);
	message->item.sequence = 0;
	message->item.tag = tag;
	message->item.sender = get_pid(task_tgid(current));
	message->item.priority = priority;
	message->item.copy = false;
	message->withdrawn = false;
	refcount_set(&message->refs, 1);
	message->length = length;
	message->copies = 0;
	message->uid = current_euid();
	message->gid = current_egid();
	message->time = 0;
	message->account = mbipc_account_hold(account);
	message->waiter = NULL;
	message->pages = NULL;

	if (!small)
		code = fill_pages(message, from);
	else if (!fill_data(message, from))
		code = -EFAULT;
	if (code) {
		message_free(message);
		mbipc_fail_state(err, code, MAILBOX_REASON_NONE, 0);
		return ERR_PTR(code);
	}
	return message;
}

/**
 * mbipc_message_read - copy the payload out, as much as there is room for
 * @message: the message; the caller has a reference
 * @to: where to; advanced
 *
 * Context: may sleep; no locks.
 * Return: 0, or -EFAULT after a part.
 */
int mbipc_message_read(const struct mbipc_message *message,
		       struct iov_iter *to)
{
	size_t left = min_t(size_t, message->length, iov_iter_count(to));
	struct page *page;

	if (!message->pages)
		return read_data(message, left, to) ? 0 : -EFAULT;

	for (page = message->pages; left; page = (struct page *)page_private(page)) {
		size_t bytes = min_t(size_t, left, PAGE_SIZE);

		if (copy_page_to_iter(page, 0, bytes, to) != bytes)
			return -EFAULT;
		left -= bytes;
		cond_resched();
	}
	return 0;
}

/*
 * An id as the caller's user namespace sees it.  In the initial one every id
 * is itself, which the map would find out at length.
 */
u32 mbipc_uid_shown(kuid_t uid)
{
	struct user_namespace *ns = current_user_ns();

	return ns == &init_user_ns ? __kuid_val(uid) : from_kuid_munged(ns, uid);
}

u32 mbipc_gid_shown(kgid_t gid)
{
	struct user_namespace *ns = current_user_ns();

	return ns == &init_user_ns ? __kgid_val(gid) : from_kgid_munged(ns, gid);
}

/**
 * mbipc_message_header - what the kernel attests, as the caller may see it
 * @message: the message; the caller has a reference
 * @header: filled, but for flags and lost, which are the receive's
 */
void mbipc_message_header(const struct mbipc_message *message,
			  struct mailbox_header *header)
{
	memset(header, 0, sizeof(*header));
	header->sequence = message->item.sequence;
	header->length = message->length;
	header->tag = message->item.tag;
	header->time = mbipc_time_shown(message->time);
	header->priority = message->item.priority;
	header->pid = pid_vnr(message->item.sender);
	header->uid = mbipc_uid_shown(message->uid);
	header->gid = mbipc_gid_shown(message->gid);
}

void mbipc_message_put(struct mbipc_message *message)
{
	if (refcount_dec_and_test(&message->refs))
		message_free(message);
}

/**
 * mbipc_copy_new - a place for a broadcast message, still without one
 *
 * Context: may sleep.
 */
struct mbipc_copy *mbipc_copy_new(void)
{
	struct mbipc_copy *copy = kzalloc(sizeof(*copy), GFP_KERNEL_ACCOUNT);

	if (copy) {
		mbipc_item_init(&copy->item);
		copy->item.copy = true;
	}
	return copy;
}

/**
 * mbipc_item_free - give up a place and, with the last one, its message
 * @item: in no queue; the caller owns it.  A copy may be without a message
 */
void mbipc_item_free(struct mbipc_item *item)
{
	struct mbipc_message *message = mbipc_item_message(item);

	if (item->copy)
		kfree(container_of(item, struct mbipc_copy, item));
	if (message)
		mbipc_message_put(message);
}
