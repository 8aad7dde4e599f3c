// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of channels and rings, decoded; called by ioctl.c, which has
 * fetched their structs.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/uaccess.h>

#include "account.h"
#include "channel.h"
#include "decode.h"
#include "descriptor.h"
#include "error.h"
#include "handle.h"
#include "ioctl_channel.h"
#include "post.h"

ABI_SIZE(mailbox_channel, 56);
ABI_PLACE(mailbox_channel, capacity, 40);
ABI_SIZE(mailbox_connect, 88);
ABI_PLACE(mailbox_connect, capacity, 56);
/* post.c blames it for both */
ABI_PLACE(mailbox_connect, length, offsetof(struct mailbox_send, length));
ABI_SIZE(mailbox_accept, 32);
ABI_SIZE(mailbox_refuse, 32);
ABI_SIZE(mailbox_peer, 64);
ABI_SIZE(mailbox_ring_page, 384);
ABI_PLACE(mailbox_ring_page, tail, 128);
ABI_PLACE(mailbox_ring_page, data_wait, 256);
ABI_SIZE(mailbox_ring_record, 8);
ABI_SIZE(mailbox_ring_wait, 32);
ABI_SIZE(mailbox_ring_wake, 24);

#define END_RIGHTS	(MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE)

static struct mbipc_handle *file_handle(struct file *file)
{
	return file->private_data;
}

/*
 * What cannot be answered is not done: a descriptor's number is written before
 * the command has any effect, and taken back if that then fails.
 */
static void take_back_fd(int code, __s32 __user *user)
{
	/* Not reported: the call has an errno of its own already. */
	if (code && put_user(-1, user))
		return;
}

static int check_ring(u32 size, u32 other, u16 field, struct mailbox_error *err)
{
	u32 low = max_t(u32, MAILBOX_RING_MIN, PAGE_SIZE);
	int code;

	/* Two or none. */
	if (!size && !other)
		return 0;
	code = mbipc_check_range(size, low, MAILBOX_RING_MAX, field, err);
	if (!code && !is_power_of_2(size))
		code = mbipc_fail(err, -EINVAL, MAILBOX_REASON_RANGE, field,
				  rounddown_pow_of_two(size));
	return code;
}

static int check_queue(u64 capacity, u16 capacity_field, u64 *message_max,
		       u16 message_max_field, struct mailbox_error *err)
{
	if (!capacity)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_RANGE,
				  capacity_field, 1);
	return mbipc_check_capacity(capacity, MAILBOX_POLICY_CHANNEL,
				    capacity_field, err) ?:
	       mbipc_check_message_max(message_max, message_max_field, err);
}

int mbipc_do_channel(struct mailbox_channel *args,
		     struct mailbox_channel __user *user,
		     const struct file_operations *fops,
		     struct mailbox_error *err)
{
	bool nonblock = args->flags & MAILBOX_CHANNEL_NONBLOCK;
	struct mbipc_channel_how how = {
		.capacity = args->capacity,
		.ring = { args->ring, args->ring_back },
		.answer = MAILBOX_PEER_OPEN,
	};
	struct mbipc_descriptor first, second;
	int code;

	code = mbipc_check_flags(args->flags, MAILBOX_CHANNEL_NONBLOCK,
				 AT(mailbox_channel, flags), err) ?:
	       check_ring(args->ring, args->ring_back,
			  AT(mailbox_channel, ring), err) ?:
	       check_ring(args->ring_back, args->ring,
			  AT(mailbox_channel, ring_back), err) ?:
	       mbipc_check_zero(args->reserved, AT(mailbox_channel, reserved), err) ?:
	       check_queue(args->capacity, AT(mailbox_channel, capacity),
			   &args->message_max, AT(mailbox_channel, message_max),
			   err);
	if (code)
		return code;
	how.message_max = args->message_max;

	code = mbipc_descriptor_new(&first, END_RIGHTS, nonblock, fops, err);
	if (code)
		return code;
	code = mbipc_descriptor_new(&second, END_RIGHTS, nonblock, fops, err);
	if (code)
		return mbipc_descriptor_end(&first, code);
	code = mbipc_channel_make(first.handle, second.handle, &how, err);
	if (!code && (put_user(first.fd, &user->fd) ||
		      put_user(second.fd, &user->fd_back)))
		code = -EFAULT;
	mbipc_descriptor_end(&second, code);
	return mbipc_descriptor_end(&first, code);
}

static int check_connect(const struct mbipc_mailbox *mailbox,
			 struct mailbox_connect *args, struct mailbox_error *err)
{
	int code;

	code = mbipc_check_flags(args->flags,
				 MAILBOX_NONBLOCK | MAILBOX_DEADLINE |
				 MAILBOX_REALTIME | MAILBOX_VECTOR,
				 AT(mailbox_connect, flags), err) ?:
	       mbipc_check_range(args->priority, 0, MAILBOX_PRIORITY_MAX,
				 AT(mailbox_connect, priority), err) ?:
	       check_queue(args->capacity, AT(mailbox_connect, capacity),
			   &args->message_max, AT(mailbox_connect, message_max),
			   err) ?:
	       check_ring(args->ring, args->ring_back,
			  AT(mailbox_connect, ring), err) ?:
	       check_ring(args->ring_back, args->ring,
			  AT(mailbox_connect, ring_back), err) ?:
	       mbipc_check_zero(args->reserved, AT(mailbox_connect, reserved), err);
	if (code)
		return code;
	if (mailbox->policy == MAILBOX_POLICY_BROADCAST ||
	    mailbox->policy == MAILBOX_POLICY_CHANNEL)
		return mbipc_fail_state(err, -EINVAL, MAILBOX_REASON_POLICY,
					mailbox->policy);
	return 0;
}

/* A channel between the caller's end and one that goes with a request. */
static struct mbipc_request *offer(struct mbipc_handle *near,
				   struct mbipc_mailbox *asked,
				   const struct mailbox_connect *args,
				   struct mailbox_error *err)
{
	struct mbipc_channel_how how = {
		.capacity = args->capacity,
		.message_max = args->message_max,
		.ring = { args->ring, args->ring_back },
		.answer = MAILBOX_PEER_PENDING,
	};
	struct mbipc_handle *far = mbipc_handle_new(END_RIGHTS, err);
	int code;

	if (IS_ERR(far))
		return ERR_CAST(far);
	code = mbipc_channel_make(near, far, &how, err);
	if (code) {
		mbipc_handle_close(far);
		return ERR_PTR(code);
	}
	return mbipc_request_new(far, asked, err);
}

static int ask(struct mbipc_handle *handle, const struct mailbox_connect *args,
	       struct mbipc_request *request,
	       const struct mbipc_patience *patience, struct mailbox_error *err)
{
	struct mbipc_sending sending = {
		.patience = patience,
		/* So who gives up takes the request back, while it can be. */
		.sync = !patience->nonblock,
		.request = request,
		.taker.receivers = 1,
	};
	struct mbipc_payload payload;
	int code;

	code = mbipc_get_payload(ITER_SOURCE, args->flags & MAILBOX_VECTOR,
				 args->buffer, AT(mailbox_connect, buffer),
				 args->length, AT(mailbox_connect, length),
				 &payload, err);
	if (code)
		request->cargo.drop(&request->cargo);
	else
		code = mbipc_post(handle, &payload.iter, &sending,
				  args->priority, args->tag, err);
	mbipc_payload_end(&payload);
	if (code == -EFAULT && !err->reason)
		mbipc_fail(err, code, MAILBOX_REASON_POINTER,
			   AT(mailbox_connect, buffer), args->buffer);
	if (!code)
		put_pid(sending.taker.pid);
	return code;
}

int mbipc_do_connect(struct file *file, struct mailbox_connect *args,
		     struct mailbox_connect __user *user,
		     struct mailbox_error *err)
{
	struct mbipc_handle *handle = file_handle(file);
	struct mbipc_patience patience;
	struct mbipc_descriptor new;
	struct mbipc_request *request;
	int code;

	code = mbipc_check_right(handle, MAILBOX_RIGHT_SEND, -EBADF, err) ?:
	       check_connect(handle->mailbox, args, err) ?:
	       mbipc_get_patience(file, args->flags, AT(mailbox_connect, flags),
				  args->deadline, AT(mailbox_connect, deadline),
				  &patience, err);
	if (code)
		return code;
	code = mbipc_descriptor_new(&new, END_RIGHTS, false, file->f_op, err);
	if (code)
		return code;
	code = put_user(new.fd, &user->fd);
	if (code)
		goto end;
	request = offer(new.handle, handle->mailbox, args, err);
	if (IS_ERR(request)) {
		code = PTR_ERR(request);
		goto end;
	}
	code = ask(handle, args, request, &patience, err);
	if (!code && !patience.nonblock) {
		code = mbipc_channel_await(new.handle, handle, &patience, err);
		/* Restarted, it would ask once more. */
		if (code == -ERESTARTSYS)
			code = mbipc_fail_state(err, -EINTR,
						MAILBOX_REASON_NONE, 0);
	}
end:
	take_back_fd(code, &user->fd);
	return mbipc_descriptor_end(&new, code);
}

int mbipc_do_accept(struct file *file, struct mailbox_accept *args,
		    struct mailbox_accept __user *user,
		    struct mailbox_error *err)
{
	struct mbipc_handle *handle = file_handle(file);
	struct mbipc_account *account;
	struct mbipc_request *request;
	struct file *end;
	int code, fd;

	code = mbipc_check_right(handle, MAILBOX_RIGHT_RECEIVE, -EBADF, err) ?:
	       mbipc_check_flags(args->flags, MAILBOX_ACCEPT_NONBLOCK,
				 AT(mailbox_accept, flags), err);
	if (code)
		return code;
	account = mbipc_account_get(current_uid());
	if (!account)
		return mbipc_fail_state(err, -ENOMEM, MAILBOX_REASON_NONE, 0);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		code = mbipc_fail_state(err, fd, MAILBOX_REASON_NONE, 0);
		goto put_account;
	}
	code = put_user(fd, &user->fd);
	if (code)
		goto put_fd;
	request = mbipc_request_take(handle, args->sequence, err);
	if (IS_ERR(request)) {
		code = PTR_ERR(request);
		goto put_fd;
	}
	end = mbipc_handle_file(request->far, args->flags & MAILBOX_ACCEPT_NONBLOCK,
				file->f_op);
	if (IS_ERR(end)) {
		code = mbipc_fail_state(err, PTR_ERR(end), MAILBOX_REASON_NONE, 0);
		mbipc_request_put_back(handle, request);
		goto put_fd;
	}
	code = mbipc_request_accept(request, end, account, err);
	if (code) {
		take_back_fd(code, &user->fd);
		put_unused_fd(fd);
		fput(end);
		return code;
	}
	fd_install(fd, end);
	return 0;

put_fd:
	take_back_fd(code, &user->fd);
	put_unused_fd(fd);
put_account:
	mbipc_account_put(account);
	return code;
}

int mbipc_do_refuse(struct file *file, struct mailbox_refuse *args,
		    struct mailbox_error *err)
{
	struct mbipc_handle *handle = file_handle(file);
	struct mbipc_request *request;
	int code;

	code = mbipc_check_right(handle, MAILBOX_RIGHT_RECEIVE, -EBADF, err) ?:
	       mbipc_check_flags(args->flags, 0, AT(mailbox_refuse, flags), err);
	if (code)
		return code;
	request = mbipc_request_take(handle, args->sequence, err);
	if (IS_ERR(request))
		return PTR_ERR(request);
	return mbipc_request_refuse(request, args->code, err);
}

static int check_channel(const struct mbipc_handle *handle)
{
	return handle->mailbox->policy == MAILBOX_POLICY_CHANNEL ? 0 : -ENOTTY;
}

int mbipc_do_peer(struct file *file, struct mailbox_peer *args,
		  struct mailbox_peer __user *user, struct mailbox_error *err)
{
	struct mbipc_handle *handle = file_handle(file);
	struct mailbox_peer peer = {};
	int code;

	code = check_channel(handle) ?:
	       mbipc_check_flags(args->flags, 0, AT(mailbox_peer, flags), err);
	if (code)
		return code;
	mbipc_channel_peer(handle, &peer);
	if (copy_to_user(&user->state, &peer.state,
			 sizeof(peer) - AT(mailbox_peer, state)))
		return -EFAULT;
	return 0;
}

static int check_rings(const struct mbipc_handle *handle, u32 events, u16 field,
		       struct mailbox_error *err)
{
	u32 known = MAILBOX_RING_DATA | MAILBOX_RING_ROOM;

	if (check_channel(handle) || !mbipc_near(handle)->ring)
		return -ENOTTY;
	/* Who takes a wake-up away takes it from who has the whole end. */
	return mbipc_check_right(handle, MAILBOX_RIGHT_SEND, -EBADF, err) ?:
	       mbipc_check_right(handle, MAILBOX_RIGHT_RECEIVE, -EBADF, err) ?:
	       mbipc_check_flags(events, known, field, err) ?:
	       mbipc_check_range(events, 1, known, field, err);
}

int mbipc_do_ring_wait(struct file *file, struct mailbox_ring_wait *args,
		       struct mailbox_error *err)
{
	struct mbipc_handle *handle = file_handle(file);
	struct mbipc_patience patience;
	int code;

	code = check_rings(handle, args->events, AT(mailbox_ring_wait, events), err) ?:
	       mbipc_check_flags(args->flags, MAILBOX_NONBLOCK |
				 MAILBOX_DEADLINE | MAILBOX_REALTIME,
				 AT(mailbox_ring_wait, flags), err) ?:
	       mbipc_get_patience(file, args->flags, AT(mailbox_ring_wait, flags),
				  args->deadline, AT(mailbox_ring_wait, deadline),
				  &patience, err);
	if (code)
		return code;
	return mbipc_channel_wait(handle, args->events, &patience, err);
}

int mbipc_do_ring_wake(struct file *file, struct mailbox_ring_wake *args,
		       struct mailbox_error *err)
{
	struct mbipc_handle *handle = file_handle(file);
	int code;

	code = check_rings(handle, args->events, AT(mailbox_ring_wake, events), err) ?:
	       mbipc_check_flags(args->flags, MAILBOX_WAKE_BOTH,
				 AT(mailbox_ring_wake, flags), err);
	if (!code)
		mbipc_channel_wake(handle, args->events,
				   args->flags & MAILBOX_WAKE_BOTH);
	return code;
}
