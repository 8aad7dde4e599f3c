// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "account.h"
#include "error.h"
#include "limits.h"
#include "post.h"

static int check_size(const struct mbipc_mailbox *mailbox, size_t length,
		      struct mailbox_error *err)
{
	unsigned int module_limit = READ_ONCE(mbipc_message_max);
	/* Pairs with mbipc_set(), which orders nothing by it. */
	u32 limit = READ_ONCE(mailbox->message_max);
	u16 field = offsetof(struct mailbox_send, length);

	if ((mailbox->flags & MAILBOX_CREATE_FIXED) && length != limit)
		return mbipc_fail(err, -EMSGSIZE, MAILBOX_REASON_FIXED_SIZE,
				  field, limit);
	if (length > module_limit)
		return mbipc_fail(err, -EMSGSIZE, MAILBOX_REASON_MODULE_SIZE,
				  field, module_limit);
	if (length > limit)
		return mbipc_fail(err, -EMSGSIZE, MAILBOX_REASON_MAILBOX_SIZE,
				  field, limit);
	return 0;
}

/**
 * mbipc_post - make a message of a payload, and send it
 * @handle: with SEND
 * @from: the payload
 * @sending: how; its message is this function's business
 * @priority: for the header
 * @tag: for the header
 * @err: told why not
 *
 * A set-user-ID program may be started with a handle for its standard error, and
 * knows nothing of it: what is written there is attested as by who started it.
 * So do sockets, since CVE-2013-1979.
 *
 * Context: may sleep.
 * Return: as mbipc_send(); -EDQUOT, -EMSGSIZE, -EFAULT, -ENOMEM.
 */
int mbipc_post(struct mbipc_handle *handle, struct iov_iter *from,
	       struct mbipc_sending *sending, u32 priority, u64 tag,
	       struct mailbox_error *err)
{
	struct mbipc_account *account = handle->account;
	struct mbipc_request *request = sending->request;
	struct mbipc_message *message;
	bool stranger;
	int code;

	code = check_size(handle->mailbox, iov_iter_count(from), err);
	if (code)
		goto drop;

	/* A handle may have come from another user, who shall not pay. */
	stranger = !uid_eq(account->uid, current_uid());
	if (stranger) {
		account = mbipc_account_get(current_uid());
		if (!account) {
			code = mbipc_fail_state(err, -ENOMEM,
						MAILBOX_REASON_NONE, 0);
			goto drop;
		}
	}
	message = mbipc_message_new(account, from, priority, tag, request, err);
	if (stranger)
		mbipc_account_put(account);
	if (IS_ERR(message)) {
		code = PTR_ERR(message);
		goto drop;
	}
	if (sending->plain) {
		message->uid = current_uid();
		message->gid = current_gid();
	}
	if (request)
		message->cargo = &request->cargo;

	sending->message = message;
	code = mbipc_send(handle, sending, err);
	if (code && sending->message)
		mbipc_message_put(message);
	return code;

drop:
	if (request)
		request->cargo.drop(&request->cargo);
	return code;
}

/* What the kernel attests of a message, as its receiver may see it. */
static __always_inline int put_header(const struct mbipc_taking *taking,
				      struct mailbox_header __user *user)
{
	const struct mbipc_message *message = taking->message;
	u64 time = mbipc_time_shown(message->time);
	u32 pid = pid_vnr(message->item.sender);
	u32 uid = mbipc_uid_shown(message->uid);
	u32 gid = mbipc_gid_shown(message->gid);
	u32 flags = 0;

	if (message->length > taking->room)
		flags |= MAILBOX_MESSAGE_TRUNCATED;
	if (message->request)
		flags |= MAILBOX_MESSAGE_CONNECT;
	else if (taking->sync)
		flags |= MAILBOX_MESSAGE_SYNC;

	if (!user_write_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_put_user(message->item.sequence, &user->sequence, fault);
	unsafe_put_user((u64)message->length, &user->length, fault);
	unsafe_put_user(message->item.tag, &user->tag, fault);
	unsafe_put_user(time, &user->time, fault);
	unsafe_put_user(taking->lost, &user->lost, fault);
	unsafe_put_user((u32)message->item.priority, &user->priority, fault);
	unsafe_put_user(flags, &user->flags, fault);
	unsafe_put_user(pid, &user->pid, fault);
	unsafe_put_user(uid, &user->uid, fault);
	unsafe_put_user(gid, &user->gid, fault);
	unsafe_put_user(0, &user->reserved, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* Payload and header to where the caller wants them. */
static __always_inline int copy_out(const struct mbipc_taking *taking,
				    const struct iov_iter *to,
				    struct mailbox_header __user *user,
				    struct mailbox_error *err)
{
	struct iov_iter iter = *to;

	if (mbipc_message_read(taking->message, &iter))
		return mbipc_fail(err, -EFAULT, MAILBOX_REASON_POINTER,
				  offsetof(struct mailbox_receive, buffer), 0);
	if (user && put_header(taking, user))
		return mbipc_fail(err, -EFAULT, MAILBOX_REASON_POINTER,
				  offsetof(struct mailbox_receive, header),
				  (uintptr_t)user);
	return 0;
}

/**
 * mbipc_fetch - take a message, and copy it out
 * @handle: with RECEIVE
 * @to: where the payload goes; stays as it is
 * @taking: what is wanted, and how
 * @user: where the header goes, or NULL
 * @err: told why not
 *
 * The message leaves the queue for good once all of it is written.
 *
 * Context: may sleep.
 * Return: as mbipc_take(); -EFAULT.  @taking->length says how long it was.
 */
int mbipc_fetch(struct mbipc_handle *handle, const struct iov_iter *to,
		struct mbipc_taking *taking,
		struct mailbox_header __user *user, struct mailbox_error *err)
{
	int code;

	taking->room = iov_iter_count(to);
	taking->first = false;
	do {
		code = mbipc_take(handle, taking, err);
		if (code)
			return code;
		code = copy_out(taking, to, user, err);
		code = mbipc_finish(handle, taking, code, err);
		/* Who takes back again and again shall not keep the caller here. */
		if (code == MBIPC_AGAIN && signal_pending(current))
			return mbipc_fail_state(err, -ERESTARTSYS,
						MAILBOX_REASON_NONE, 0);
	} while (code == MBIPC_AGAIN);
	return code;
}

/**
 * mbipc_look - copy a message out, and leave it where it is
 * @handle: with RECEIVE
 * @to: where the payload goes; stays as it is
 * @taking: what is wanted
 * @index: which of those wanted
 * @user: where the header goes
 * @err: told why not
 *
 * Context: may sleep.
 * Return: as mbipc_peek(); -EFAULT.
 */
int mbipc_look(struct mbipc_handle *handle, const struct iov_iter *to,
	       struct mbipc_taking *taking, u64 index,
	       struct mailbox_header __user *user, struct mailbox_error *err)
{
	int code;

	taking->room = iov_iter_count(to);
	code = mbipc_peek(handle, taking, index, err);
	if (code)
		return code;
	code = copy_out(taking, to, user, err);
	mbipc_message_put(taking->message);
	return code;
}
