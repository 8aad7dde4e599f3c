// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "account.h"
#include "error.h"
#include "handle.h"
#include "life.h"
#include "namespace.h"
#include "registry.h"

static struct kmem_cache *handle_cache;

int mbipc_handle_init(void)
{
	handle_cache = kmem_cache_create("mailbox_handle",
					 sizeof(struct mbipc_handle), 0,
					 SLAB_ACCOUNT, NULL);
	return handle_cache ? 0 : -ENOMEM;
}

void mbipc_handle_exit(void)
{
	kmem_cache_destroy(handle_cache);
}

static void handle_free(struct mbipc_handle *handle)
{
	mbipc_account_put(handle->account);
	kfree(handle->inbox);
	kmem_cache_free(handle_cache, handle);
}

/**
 * mbipc_handle_new - a handle on nothing yet
 * @rights: what it shall be able to do
 * @err: told why not
 *
 * A receiver may turn out to need an inbox, when there is a lock under which
 * none can be allocated.
 *
 * Context: may sleep.
 * Return: a handle, the caller's to close, or an ERR_PTR: -ENOMEM.
 */
struct mbipc_handle *mbipc_handle_new(u32 rights, struct mailbox_error *err)
{
	struct mbipc_handle *handle;

	handle = kmem_cache_zalloc(handle_cache, GFP_KERNEL);
	if (!handle)
		goto no_handle;
	handle->rights = rights;
	INIT_LIST_HEAD(&handle->requests);
	handle->account = mbipc_account_get(current_uid());
	if (!handle->account)
		goto no_account;
	if (rights & MAILBOX_RIGHT_RECEIVE) {
		handle->inbox = kmalloc(sizeof(*handle->inbox),
					GFP_KERNEL_ACCOUNT);
		if (!handle->inbox)
			goto no_inbox;
		mbipc_inbox_init(handle->inbox);
	}
	return handle;

no_inbox:
	mbipc_account_put(handle->account);
no_account:
	kmem_cache_free(handle_cache, handle);
no_handle:
	return ERR_PTR(mbipc_fail_state(err, -ENOMEM, MAILBOX_REASON_NONE, 0));
}

/*
 * May the caller have these rights?  As ipcperms(): the owner's bits count for
 * the creator too, and a capability in the user namespace that owns the names
 * stands in for a bit that is missing.
 */
static int may_open(struct mbipc_mailbox *mailbox, u32 rights,
		    struct net *net, struct mailbox_error *err)
{
	u32 wanted = 0, granted;
	bool owner;

	if (rights & MAILBOX_RIGHT_SEND)
		wanted |= 2;
	if (rights & MAILBOX_RIGHT_RECEIVE)
		wanted |= 4;

	spin_lock(&mailbox->lock);
	owner = uid_eq(current_euid(), mailbox->uid) ||
		uid_eq(current_euid(), mailbox->creator_uid);
	granted = mailbox->mode;
	if (owner)
		granted >>= 6;
	else if (in_group_p(mailbox->gid) || in_group_p(mailbox->creator_gid))
		granted >>= 3;
	spin_unlock(&mailbox->lock);

	if ((wanted & ~granted) && !ns_capable(net->user_ns, CAP_IPC_OWNER)) {
		u32 refused = 0;

		if (wanted & ~granted & 2)
			refused |= MAILBOX_RIGHT_SEND;
		if (wanted & ~granted & 4)
			refused |= MAILBOX_RIGHT_RECEIVE;
		return mbipc_fail_state(err, -EACCES, MAILBOX_REASON_MODE,
					refused);
	}
	if ((rights & MAILBOX_RIGHT_ADMIN) && !owner &&
	    !ns_capable(net->user_ns, CAP_SYS_ADMIN))
		return mbipc_fail_state(err, -EPERM, MAILBOX_REASON_OWNER, 0);
	return 0;
}

/* names->lock is held: find a mailbox and attach to it. */
static int open_locked(struct mbipc_names *names, const char *name,
		       struct mbipc_handle *handle, struct net *net,
		       struct mailbox_error *err)
{
	struct mbipc_mailbox *mailbox = mbipc_names_find(names, name);
	int code;

	if (!mailbox)
		return mbipc_fail_state(err, -ENOENT,
					MAILBOX_REASON_NAME_UNKNOWN, 0);
	code = may_open(mailbox, handle->rights, net, err);
	if (!code)
		code = mbipc_attach(mailbox, handle, err);
	return code;
}

/**
 * mbipc_handle_open - make it a handle on the mailbox of a name
 * @handle: new
 * @name: the name
 * @net: whose names
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, -ENOENT, -EACCES, -EPERM or -EBUSY.
 */
int mbipc_handle_open(struct mbipc_handle *handle, const char *name,
		      struct net *net, struct mailbox_error *err)
{
	struct mbipc_names *names = mbipc_names_of(net);
	int code;

	mutex_lock(&names->lock);
	code = open_locked(names, name, handle, net, err);
	mutex_unlock(&names->lock);
	return code;
}

/**
 * mbipc_handle_create - make it a handle on a new mailbox, or on the one of a
 * name
 * @handle: new
 * @how: checked for sense; mode and message_max as they shall be
 * @name: owned by this function from here on, or NULL for none
 * @net: whose names
 * @created: set: is it new?
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, -EEXIST, -EACCES, -EPERM, -EBUSY, -EDQUOT, -ENODEV or -ENOMEM.
 */
int mbipc_handle_create(struct mbipc_handle *handle,
			const struct mailbox_create *how, char *name,
			struct net *net, bool *created,
			struct mailbox_error *err)
{
	struct mbipc_names *names = name ? mbipc_names_of(net) : NULL;
	struct mbipc_mailbox *mailbox = NULL;
	int code;

	*created = false;
	/* Mostly the name is there or it is not; once in a while it comes. */
	if (names && !(how->flags & MAILBOX_CREATE_EXCL)) {
		mutex_lock(&names->lock);
		code = open_locked(names, name, handle, net, err);
		mutex_unlock(&names->lock);
		if (code != -ENOENT)
			goto out;
	}

	mailbox = mbipc_mailbox_new(how, handle->account, err);
	if (IS_ERR(mailbox)) {
		code = PTR_ERR(mailbox);
		mailbox = NULL;
		goto out;
	}
	if (!names) {
		code = mbipc_attach(mailbox, handle, err);
		*created = !code;
		goto out;
	}

	mutex_lock(&names->lock);
	if (names->closed) {
		code = mbipc_fail_state(err, -ENODEV, MAILBOX_REASON_NONE, 0);
	} else if (!mbipc_names_find(names, name)) {
		code = mbipc_mailbox_register(mailbox, name, names);
		name = NULL;
		if (code)
			mbipc_fail_state(err, code, MAILBOX_REASON_NONE, 0);
		else
			code = mbipc_attach(mailbox, handle, err);
		*created = !code;
	} else if (how->flags & MAILBOX_CREATE_EXCL) {
		code = mbipc_fail_state(err, -EEXIST,
					MAILBOX_REASON_NAME_TAKEN, 0);
	} else {
		code = open_locked(names, name, handle, net, err);
	}
	mutex_unlock(&names->lock);
out:
	if (mailbox)
		mbipc_mailbox_put(mailbox);
	kfree(name);
	return code;
}

/**
 * mbipc_handle_dup - make it another handle on the same mailbox
 * @handle: new; the caller has checked that @from has its rights
 * @from: stays open meanwhile
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, -EIDRM or -EBUSY.
 */
int mbipc_handle_dup(struct mbipc_handle *handle, struct mbipc_handle *from,
		     struct mailbox_error *err)
{
	handle->end = from->end;
	return mbipc_attach(from->mailbox, handle, err);
}

/* A request that the handle has received and not answered, or NULL. */
static struct mbipc_request *request_left(struct mbipc_handle *handle)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_request *request;

	if (!mailbox)
		return NULL;
	spin_lock(&mailbox->lock);
	request = list_first_entry_or_null(&handle->requests,
					   struct mbipc_request, link);
	if (request)
		list_del_init(&request->link);
	spin_unlock(&mailbox->lock);
	return request;
}

/*
 * A handle has left.  If that was the last one on the first end of a channel, and
 * a handle has received the request for the other one, it shall not keep that.
 * Of one that is still in a queue mbipc_request_keep() will see.
 *
 * Return: the request, the caller's to drop, or NULL.
 */
static struct mbipc_request *request_abandoned(struct mbipc_mailbox *mailbox)
{
	struct mbipc_channel *channel = mailbox->channel;
	struct mbipc_request *request = NULL;
	struct mbipc_mailbox *asked = NULL;

	if (mailbox->policy != MAILBOX_POLICY_CHANNEL)
		return NULL;
	spin_lock(&mailbox->lock);
	if (channel->asked && !channel->ends[0].handles) {
		asked = channel->asked;
		refcount_inc(&asked->refs);
	}
	spin_unlock(&mailbox->lock);
	if (!asked)
		return NULL;

	spin_lock(&asked->lock);
	if (channel->request && !list_empty(&channel->request->link)) {
		request = channel->request;
		list_del_init(&request->link);
	}
	spin_unlock(&asked->lock);
	mbipc_mailbox_put(asked);
	return request;
}

/**
 * mbipc_handle_close - end a handle
 * @handle: on a mailbox or still on nothing; no call on it is under way; freed
 *
 * Context: may sleep.
 */
void mbipc_handle_close(struct mbipc_handle *handle)
{
	struct mbipc_mailbox *mailbox = handle->mailbox;
	struct mbipc_request *request;

	/* Who asked and was not answered is told so. */
	while ((request = request_left(handle)))
		request->cargo.drop(&request->cargo);
	if (mailbox) {
		mbipc_detach(handle);
		request = request_abandoned(mailbox);
		if (request)
			request->cargo.drop(&request->cargo);
	}
	handle_free(handle);
	if (mailbox)
		mbipc_mailbox_put(mailbox);
}
