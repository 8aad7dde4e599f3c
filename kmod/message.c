// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>
#include <linux/gfp.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "account.h"
#include "error.h"
#include "limits.h"
#include "message.h"

static bool is_inline(size_t length)
{
	return offsetof(struct mbipc_message, data) + length <= MBIPC_INLINE_MAX;
}

/* Nearly all messages are of this size; to find its cache takes no time. */
static struct kmem_cache *small_cache;

#define SMALL_MAX	64

int mbipc_message_init(void)
{
	size_t head = offsetof(struct mbipc_message, data);

	small_cache = kmem_cache_create_usercopy("mailbox_message",
						 head + SMALL_MAX, 0,
						 SLAB_ACCOUNT, head, SMALL_MAX,
						 NULL);
	return small_cache ? 0 : -ENOMEM;
}

void mbipc_message_exit(void)
{
	kmem_cache_destroy(small_cache);
}

static struct mbipc_message *message_alloc(size_t length)
{
	size_t head = offsetof(struct mbipc_message, data);

	if (length <= SMALL_MAX)
		return kmem_cache_alloc(small_cache, GFP_KERNEL);
	return kmalloc(is_inline(length) ? head + length : head,
		       GFP_KERNEL_ACCOUNT);
}

/*
 * A channel that is asked for, with its mailbox, the request and a handle: it may
 * outlast the asker's end, and then nobody else pays for it.
 */
#define REQUEST_COST	1024

/* What it costs to keep a message, for the user's quota. */
static size_t message_cost(size_t length, bool request)
{
	size_t head = offsetof(struct mbipc_message, data);

	if (request)
		head += REQUEST_COST;
	return is_inline(length) ? head + length : head + PAGE_ALIGN(length);
}

static void message_free(struct mbipc_message *message)
{
	struct page *page = message->pages;

	if (message->cargo)
		message->cargo->drop(message->cargo);
	while (page) {
		struct page *next = (struct page *)page_private(page);

		set_page_private(page, 0);
		__free_page(page);
		page = next;
	}
	mbipc_account_message_end(message->account,
				  message_cost(message->length, message->request));
	mbipc_account_put(message->account);
	put_pid(message->item.sender);
	if (message->length <= SMALL_MAX)
		kmem_cache_free(small_cache, message);
	else
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

/*
 * Most payloads are one small piece of memory.  Then the way through the
 * iterator and the general copy is several times as long as the copy, which is
 * therefore made word by word, as fs/readdir.c does with names.  The object was
 * made for just this length.
 */
static bool is_small_piece(const struct iov_iter *iter, size_t length)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	       iter_is_ubuf(iter) && length <= MBIPC_WORDWISE_MAX;
}

static bool get_words(u8 *to, const u8 __user *from, size_t length)
{
	if (!user_read_access_begin(from, length))
		return false;
	for (; length >= 8; length -= 8, to += 8, from += 8)
		unsafe_get_user(*(u64 *)to, (const u64 __user *)from, fault);
	for (; length; length--, to++, from++)
		unsafe_get_user(*to, from, fault);
	user_read_access_end();
	return true;
fault:
	user_read_access_end();
	return false;
}

static bool put_words(const u8 *from, u8 __user *to, size_t length)
{
	if (!user_write_access_begin(to, length))
		return false;
	for (; length >= 8; length -= 8, to += 8, from += 8)
		unsafe_put_user(*(const u64 *)from, (u64 __user *)to, fault);
	for (; length; length--, to++, from++)
		unsafe_put_user(*from, to, fault);
	user_write_access_end();
	return true;
fault:
	user_write_access_end();
	return false;
}

static bool fill_data(struct mbipc_message *message, struct iov_iter *from)
{
	size_t length = message->length;

	if (is_small_piece(from, length))
		return get_words(message->data, from->ubuf + from->iov_offset,
				 length);
	return copy_from_iter(message->data, length, from) == length;
}

static bool read_data(const struct mbipc_message *message, size_t length,
		      struct iov_iter *to)
{
	if (is_small_piece(to, length))
		return put_words(message->data, to->ubuf + to->iov_offset,
				 length);
	return copy_to_iter(message->data, length, to) == length;
}

/**
 * mbipc_message_new - make a message out of what user space gives
 * @account: who pays
 * @from: the payload, all of it; at most MBIPC_MESSAGE_MAX_MAX bytes
 * @priority: for the header
 * @tag: for the header
 * @request: it asks for a channel
 * @err: told why not
 *
 * Context: may sleep; no locks.
 * Return: a message that the caller owns, attested as the caller's, or an
 * ERR_PTR: -EDQUOT, -ENOMEM, -EFAULT, -EINTR (only when the caller is dying).
 */
struct mbipc_message *mbipc_message_new(struct mbipc_account *account,
					struct iov_iter *from,
					u16 priority, u64 tag, bool request,
					struct mailbox_error *err)
{
	size_t length = iov_iter_count(from);
	size_t cost = message_cost(length, request);
	struct mbipc_message *message;
	int code;

	code = mbipc_account_message(account, cost, err);
	if (code)
		return ERR_PTR(code);

	message = message_alloc(length);
	if (!message) {
		mbipc_account_message_end(account, cost);
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
	message->cargo = NULL;
	message->request = request;
	message->pages = NULL;

	if (!is_inline(length))
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

void mbipc_message_put(struct mbipc_message *message)
{
	if (refcount_dec_and_test(&message->refs))
		message_free(message);
}

/* What slab takes for it. */
#define COPY_COST	roundup(sizeof(struct mbipc_copy), 32)

/**
 * mbipc_copy_new - another place for a broadcast message
 * @message: gets a reference more; its sender pays for the place
 * @err: told why not
 *
 * Context: may sleep.
 * Return: the place, in no queue and still without a number, or an ERR_PTR:
 * -EDQUOT, -ENOMEM.
 */
struct mbipc_copy *mbipc_copy_new(struct mbipc_message *message,
				  struct mailbox_error *err)
{
	struct mbipc_copy *copy;
	int code;

	code = mbipc_account_bytes(message->account, COPY_COST, err);
	if (code)
		return ERR_PTR(code);
	copy = kzalloc(sizeof(*copy), GFP_KERNEL_ACCOUNT);
	if (!copy) {
		mbipc_account_bytes_end(message->account, COPY_COST);
		code = mbipc_fail_state(err, -ENOMEM, MAILBOX_REASON_NONE, 0);
		return ERR_PTR(code);
	}
	mbipc_item_init(&copy->item);
	copy->item.tag = message->item.tag;
	copy->item.sender = message->item.sender;
	copy->item.copy = true;
	refcount_inc(&message->refs);
	copy->message = message;
	return copy;
}

/**
 * mbipc_item_free - give up a place and, with the last one, its message
 * @item: in no queue; the caller owns it
 */
void mbipc_item_free(struct mbipc_item *item)
{
	struct mbipc_message *message = mbipc_item_message(item);

	if (item->copy) {
		kfree(container_of(item, struct mbipc_copy, item));
		mbipc_account_bytes_end(message->account, COPY_COST);
	}
	mbipc_message_put(message);
}
