// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "account.h"
#include "decode.h"
#include "descriptor.h"
#include "error.h"
#include "handle.h"
#include "ioctl.h"
#include "ioctl_channel.h"
#include "life.h"
#include "limits.h"
#include "manage.h"
#include "namespace.h"
#include "post.h"
#include "registry.h"
#include "segment.h"
#include "transfer.h"

ABI_SIZE(mailbox_error, 16);
ABI_SIZE(mailbox_vector, 16);
ABI_SIZE(mailbox_info, 88);
ABI_PLACE(mailbox_info, features, 24);
ABI_SIZE(mailbox_create, 72);
ABI_PLACE(mailbox_create, capacity, 48);
ABI_PLACE(mailbox_create, fd, 64);
ABI_SIZE(mailbox_open, 40);
ABI_PLACE(mailbox_open, fd, 32);
ABI_SIZE(mailbox_stat, 448);
ABI_PLACE(mailbox_stat, capacity, 72);
ABI_PLACE(mailbox_stat, name, 192);
ABI_SIZE(mailbox_list, 48);
ABI_SIZE(mailbox_receipt, 24);
ABI_SIZE(mailbox_send, 88);
ABI_PLACE(mailbox_send, buffer, 32);
ABI_PLACE(mailbox_send, sequence, 56);
ABI_PLACE(mailbox_send, receipt, 64);
ABI_SIZE(mailbox_header, 64);
ABI_SIZE(mailbox_receive, 136);
ABI_PLACE(mailbox_receive, buffer, 48);
ABI_PLACE(mailbox_receive, header, 72);
ABI_SIZE(mailbox_batch, 40);
ABI_SIZE(mailbox_set, 48);
ABI_SIZE(mailbox_dup, 32);
ABI_SIZE(mailbox_destroy, 32);

static struct net *current_net(void)
{
	return current->nsproxy->net_ns;
}

static struct mbipc_handle *file_handle(struct file *file)
{
	return file->private_data;
}

/* --- the device ------------------------------------------------------ */

static int do_info(struct mailbox_info *args, struct mailbox_info __user *user,
		   struct mailbox_error *err)
{
	struct mbipc_account *account;
	int code;

	code = mbipc_check_flags(args->flags, 0, AT(mailbox_info, flags), err);
	if (code)
		return code;
	account = mbipc_account_get(current_uid());
	if (!account)
		return mbipc_fail_state(err, -ENOMEM, MAILBOX_REASON_NONE, 0);

	args->abi_version = MAILBOX_ABI_VERSION;
	args->features = MAILBOX_FEATURE_QUEUE | MAILBOX_FEATURE_BATCH |
			 MAILBOX_FEATURE_SYNC | MAILBOX_FEATURE_NAMES |
			 MAILBOX_FEATURE_PAIR | MAILBOX_FEATURE_BROADCAST |
			 MAILBOX_FEATURE_CHANNEL | MAILBOX_FEATURE_RING |
			 MAILBOX_FEATURE_SEGMENT;
	args->message_max = READ_ONCE(mbipc_message_max);
	args->user_bytes = atomic_long_read(&account->bytes);
	args->user_bytes_max = READ_ONCE(mbipc_user_bytes);
	args->user_messages = atomic_long_read(&account->messages);
	args->user_messages_max = READ_ONCE(mbipc_user_messages);
	args->user_mailboxes = atomic_long_read(&account->mailboxes);
	args->user_mailboxes_max = READ_ONCE(mbipc_user_mailboxes);
	mbipc_account_put(account);

	if (copy_to_user(&user->abi_version, &args->abi_version,
			 sizeof(*args) - AT(mailbox_info, abi_version)))
		return -EFAULT;
	return 0;
}

static int check_mode(u32 mode, u16 field, struct mailbox_error *err)
{
	return mbipc_check_flags(mode, 0666, field, err);
}

/* What has to do with messages has no sense here. */
static int check_segment(const struct mailbox_create *args,
			 struct mailbox_error *err)
{
	if (args->flags & MAILBOX_CREATE_FIXED)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_POLICY,
				  AT(mailbox_create, flags),
				  MAILBOX_CREATE_FIXED);
	return mbipc_check_range(args->capacity, 1, MAILBOX_SEGMENT_MAX,
				 AT(mailbox_create, capacity), err) ?:
	       mbipc_check_zero(args->message_max,
				AT(mailbox_create, message_max), err) ?:
	       mbipc_check_zero(args->reserved, AT(mailbox_create, reserved), err);
}

static int check_create(struct mailbox_create *args, struct mailbox_error *err)
{
	u32 known = MAILBOX_CREATE_NONBLOCK | MAILBOX_CREATE_FIXED;
	int code;

	/* Without a name there is nothing to find, to keep or to open. */
	if (args->name)
		known |= MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST;
	code = mbipc_check_flags(args->flags, known,
				 AT(mailbox_create, flags), err) ?:
	       mbipc_check_rights(args->rights, AT(mailbox_create, rights), err) ?:
	       mbipc_check_range(args->policy, 0, MAILBOX_POLICY_SEGMENT,
				 AT(mailbox_create, policy), err);
	if (code)
		return code;
	if (args->policy == MAILBOX_POLICY_CHANNEL)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_POLICY,
				  AT(mailbox_create, policy), args->policy);

	if (args->policy == MAILBOX_POLICY_BROADCAST)
		code = mbipc_check_range(args->slow, 0, MAILBOX_SLOW_CUT,
					 AT(mailbox_create, slow), err);
	else
		code = mbipc_check_zero(args->slow, AT(mailbox_create, slow), err);
	if (code)
		return code;

	if (args->name)
		code = check_mode(args->mode, AT(mailbox_create, mode), err);
	else
		code = mbipc_check_zero(args->mode, AT(mailbox_create, mode), err);
	if (code)
		return code;

	if (args->policy == MAILBOX_POLICY_SEGMENT)
		return check_segment(args, err);
	if ((args->flags & MAILBOX_CREATE_FIXED) && !args->message_max)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_RANGE,
				  AT(mailbox_create, message_max), 1);
	return mbipc_check_capacity(args->capacity, args->policy,
			      AT(mailbox_create, capacity), err) ?:
	       mbipc_check_message_max(&args->message_max,
				       AT(mailbox_create, message_max), err) ?:
	       mbipc_check_zero(args->reserved, AT(mailbox_create, reserved), err);
}

static int do_create(struct mailbox_create *args,
		     struct mailbox_create __user *user,
		     const struct file_operations *fops,
		     struct mailbox_error *err)
{
	struct mailbox_error ignored;
	struct mbipc_descriptor new;
	char *name = NULL;
	bool created;
	u64 dropped;
	int code;

	code = check_create(args, err);
	if (!code && args->name)
		code = mbipc_get_name(args->name, AT(mailbox_create, name),
				      &name, err);
	if (code)
		return code;
	args->mode &= ~current_umask();

	code = mbipc_descriptor_new(&new, args->rights,
				    args->flags & MAILBOX_CREATE_NONBLOCK, fops, err);
	if (code) {
		kfree(name);
		return code;
	}
	code = mbipc_handle_create(new.handle, args, name, current_net(),
				   &created, err);
	if (!code && (put_user((u32)created, &user->created) ||
		      put_user(new.fd, &user->fd))) {
		code = -EFAULT;
		/* PERSIST would keep what the caller never learned of. */
		if (created && (args->flags & MAILBOX_CREATE_PERSIST))
			mbipc_destroy(new.handle->mailbox, &dropped, &ignored);
	}
	return mbipc_descriptor_end(&new, code);
}

static int do_open(struct mailbox_open *args, struct mailbox_open __user *user,
		   const struct file_operations *fops,
		   struct mailbox_error *err)
{
	struct mbipc_descriptor new;
	char *name;
	int code;

	code = mbipc_check_flags(args->flags, MAILBOX_OPEN_NONBLOCK,
				 AT(mailbox_open, flags), err) ?:
	       mbipc_check_rights(args->rights, AT(mailbox_open, rights), err) ?:
	       mbipc_check_zero(args->reserved, AT(mailbox_open, reserved), err) ?:
	       mbipc_get_name(args->name, AT(mailbox_open, name), &name, err);
	if (code)
		return code;
	code = mbipc_descriptor_new(&new, args->rights,
				    args->flags & MAILBOX_OPEN_NONBLOCK, fops, err);
	if (!code) {
		code = mbipc_handle_open(new.handle, name, current_net(), err) ?:
		       put_user(new.fd, &user->fd);
		code = mbipc_descriptor_end(&new, code);
	}
	kfree(name);
	return code;
}

/* How many entries are collected under one hold of the lock. */
#define LIST_STEP	8

static int list_entries(struct mailbox_list *args, char *after,
			struct mailbox_stat *step, struct mailbox_error *err)
{
	struct mbipc_names *names = mbipc_names_of(current_net());
	size_t known = min_t(size_t, args->entry_size, sizeof(*step));
	u32 room = args->count;
	u64 to = args->entries;

	args->count = 0;
	do {
		struct mbipc_mailbox *mailbox;
		u32 n, i;

		mutex_lock(&names->lock);
		for (n = 0; n < min_t(u32, room, LIST_STEP); n++) {
			mailbox = mbipc_names_after(names, after);
			if (!mailbox)
				break;
			mbipc_stat(mailbox, &step[n]);
			strscpy(after, mailbox->name, MAILBOX_NAME_MAX + 1);
		}
		args->more = !!mbipc_names_after(names, after);
		mutex_unlock(&names->lock);

		for (i = 0; i < n; i++) {
			if (copy_to_user(u64_to_user_ptr(to), &step[i], known) ||
			    clear_user(u64_to_user_ptr(to + known),
				       args->entry_size - known))
				return mbipc_fail(err, -EFAULT,
						  MAILBOX_REASON_POINTER,
						  AT(mailbox_list, entries), to);
			to += args->entry_size;
		}
		room -= n;
		args->count += n;
		if (fatal_signal_pending(current))
			return -EINTR;
	} while (room && args->more);
	return 0;
}

static int do_list(struct mailbox_list *args, struct mailbox_list __user *user,
		   struct mailbox_error *err)
{
	struct mailbox_stat *step;
	char *after = NULL;
	int code;

	if (args->entry_size > MBIPC_ENTRY_MAX)
		return mbipc_fail(err, -E2BIG, MAILBOX_REASON_RANGE,
				  AT(mailbox_list, entry_size),
				  MBIPC_ENTRY_MAX);
	code = mbipc_check_range(args->entry_size, sizeof(*step),
				 MBIPC_ENTRY_MAX,
				 AT(mailbox_list, entry_size), err) ?:
	       mbipc_check_range(args->count, 1, MBIPC_LIST_COUNT_MAX,
				 AT(mailbox_list, count), err) ?:
	       mbipc_check_flags(args->flags, 0, AT(mailbox_list, flags), err);
	if (!code && args->after)
		code = mbipc_get_name(args->after, AT(mailbox_list, after),
				      &after, err);
	if (code)
		return code;
	if (!after)
		after = kzalloc(MAILBOX_NAME_MAX + 1, GFP_KERNEL);
	step = kmalloc_array(LIST_STEP, sizeof(*step), GFP_KERNEL);
	if (after && step)
		code = list_entries(args, after, step, err);
	else
		code = -ENOMEM;
	kfree(step);
	kfree(after);
	if (code)
		return code;
	if (put_user(args->count, &user->count) ||
	    put_user(args->more, &user->more))
		return -EFAULT;
	return 0;
}

/* --- messages -------------------------------------------------------- */

static int send_flags_fit(const struct mbipc_mailbox *mailbox,
			  const struct mailbox_send *args,
			  struct mailbox_error *err)
{
	/* A broadcast has one order for all, and no one taker. */
	if (mailbox->policy != MAILBOX_POLICY_BROADCAST)
		return 0;
	if (args->priority)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_POLICY,
				  AT(mailbox_send, priority), args->priority);
	if (args->flags & MAILBOX_SEND_SYNC)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_POLICY,
				  AT(mailbox_send, flags), MAILBOX_SEND_SYNC);
	return 0;
}

/* Tell the sender; the reference on the receiver's pid ends here. */
static int put_receipt(struct mbipc_sending *sending,
		       struct mailbox_send __user *user)
{
	struct mbipc_party *taker = &sending->taker;
	u32 pid = 0, uid = 0, gid = 0;
	u64 time = 0;

	if (taker->pid) {
		time = mbipc_time_shown(taker->time);
		pid = pid_vnr(taker->pid);
		uid = mbipc_uid_shown(taker->uid);
		gid = mbipc_gid_shown(taker->gid);
		put_pid(taker->pid);
	}
	if (!user_write_access_begin(&user->sequence,
				     sizeof(*user) - AT(mailbox_send, sequence)))
		return -EFAULT;
	unsafe_put_user(sending->sequence, &user->sequence, fault);
	unsafe_put_user(time, &user->receipt.time, fault);
	unsafe_put_user(pid, &user->receipt.pid, fault);
	unsafe_put_user(uid, &user->receipt.uid, fault);
	unsafe_put_user(gid, &user->receipt.gid, fault);
	unsafe_put_user(taker->receivers, &user->receipt.receivers, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

static __always_inline int do_send(struct file *file,
				   const struct mailbox_send *args,
				   struct mailbox_send __user *user,
				   struct mailbox_error *err)
{
	struct mbipc_handle *handle = file_handle(file);
	struct mbipc_patience patience;
	struct mbipc_payload payload;
	struct mbipc_sending sending = {
		.patience = &patience,
		.sync = args->flags & MAILBOX_SEND_SYNC,
		.taker.receivers = 1,
	};
	int code;

	code = mbipc_check_flags(args->flags,
				 MAILBOX_NONBLOCK | MAILBOX_DEADLINE |
				 MAILBOX_REALTIME | MAILBOX_VECTOR |
				 MAILBOX_SEND_SYNC, AT(mailbox_send, flags), err) ?:
	       mbipc_check_range(args->priority, 0, MAILBOX_PRIORITY_MAX,
				 AT(mailbox_send, priority), err) ?:
	       send_flags_fit(handle->mailbox, args, err) ?:
	       mbipc_get_patience(file, args->flags, AT(mailbox_send, flags),
				  args->deadline, AT(mailbox_send, deadline),
				  &patience, err);
	if (code)
		return code;
	/* What cannot be answered is not done.  (There may be two pages.) */
	if (put_user(0, &user->sequence) || put_user(0, &user->receipt.receivers))
		return mbipc_fail(err, -EFAULT, MAILBOX_REASON_POINTER,
				  AT(mailbox_send, sequence), (uintptr_t)user);

	code = mbipc_get_payload(ITER_SOURCE, args->flags & MAILBOX_VECTOR,
				 args->buffer, AT(mailbox_send, buffer),
				 args->length, AT(mailbox_send, length),
				 &payload, err);
	if (!code)
		code = mbipc_post(handle, &payload.iter, &sending,
				  args->priority, args->tag, err);
	mbipc_payload_end(&payload);
	if (code == -EFAULT && !err->reason)
		mbipc_fail(err, code, MAILBOX_REASON_POINTER,
			   AT(mailbox_send, buffer), args->buffer);
	if (code)
		return code;

	return put_receipt(&sending, user);
}

static int check_select(const struct mailbox_receive *args,
			struct mbipc_select *select, struct mailbox_error *err)
{
	u32 tags = args->select & (MAILBOX_SELECT_TAG | MAILBOX_SELECT_TAG_MAX |
				   MAILBOX_SELECT_TAG_NOT);
	int code;

	/* Mostly anything will do. */
	if (!(args->select | args->tag | args->priority | args->pid))
		return 0;

	code = mbipc_check_flags(args->select,
				 tags | MAILBOX_SELECT_PRIORITY |
				 MAILBOX_SELECT_PID, AT(mailbox_receive, select),
				 err);
	if (code)
		return code;
	if (tags & (tags - 1))
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_FLAGS,
				  AT(mailbox_receive, select), tags);
	if (!tags)
		code = mbipc_check_zero(args->tag, AT(mailbox_receive, tag), err);
	if (code)
		return code;
	if (args->select & MAILBOX_SELECT_PRIORITY)
		code = mbipc_check_range(args->priority, 0, MAILBOX_PRIORITY_MAX,
					 AT(mailbox_receive, priority), err);
	else
		code = mbipc_check_zero(args->priority,
					AT(mailbox_receive, priority), err);
	if (code)
		return code;
	if (!(args->select & MAILBOX_SELECT_PID))
		code = mbipc_check_zero((u32)args->pid, AT(mailbox_receive, pid),
					err);
	else if (args->pid <= 0)
		code = mbipc_fail(err, -EINVAL, MAILBOX_REASON_RANGE,
				  AT(mailbox_receive, pid), 1);
	if (code)
		return code;

	select->how = args->select;
	select->priority = args->priority;
	select->tag = args->tag;
	select->pid = args->pid;
	select->ns = task_active_pid_ns(current);
	return 0;
}

static int check_receive(struct file *file, const struct mailbox_receive *args,
			 struct mbipc_taking *taking,
			 struct mbipc_patience *patience,
			 struct mailbox_error *err)
{
	int code;

	code = mbipc_check_flags(args->flags,
				 MAILBOX_NONBLOCK | MAILBOX_DEADLINE |
				 MAILBOX_REALTIME | MAILBOX_VECTOR |
				 MAILBOX_RECEIVE_PEEK | MAILBOX_RECEIVE_TRUNCATE,
				 AT(mailbox_receive, flags), err) ?:
	       check_select(args, &taking->select, err) ?:
	       mbipc_get_patience(file, args->flags, AT(mailbox_receive, flags),
				  args->deadline, AT(mailbox_receive, deadline),
				  patience, err);
	if (code)
		return code;
	if (!(args->flags & MAILBOX_RECEIVE_PEEK))
		return mbipc_check_zero(args->index, AT(mailbox_receive, index),
					err);
	if (args->flags & MAILBOX_DEADLINE)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_FLAGS,
				  AT(mailbox_receive, flags),
				  MAILBOX_RECEIVE_PEEK | MAILBOX_DEADLINE);
	if (args->select & MAILBOX_SELECT_TAG_MAX)
		return mbipc_check_range(args->index, 0, 0,
					 AT(mailbox_receive, index), err);
	return 0;
}

/* @more: of a batch, not the first: what is there, without waiting. */
static __always_inline int do_receive(struct file *file,
				      const struct mailbox_receive *args,
				      struct mailbox_receive __user *user,
				      bool more, struct mailbox_error *err)
{
	struct mbipc_handle *handle = file_handle(file);
	struct mbipc_patience patience;
	struct mbipc_payload payload;
	struct mbipc_taking taking = {
		.patience = &patience,
		.truncate = args->flags & MAILBOX_RECEIVE_TRUNCATE,
		.answers = true,
	};
	int code;

	code = check_receive(file, args, &taking, &patience, err);
	if (code)
		return code;
	patience.nonblock |= more;
	code = mbipc_get_payload(ITER_DEST, args->flags & MAILBOX_VECTOR,
				 args->buffer, AT(mailbox_receive, buffer),
				 args->length, AT(mailbox_receive, length),
				 &payload, err);
	if (code)
		goto out;
	if (args->flags & MAILBOX_RECEIVE_PEEK)
		code = mbipc_look(handle, &payload.iter, &taking, args->index,
				  &user->header, err);
	else
		code = mbipc_fetch(handle, &payload.iter, &taking,
				   &user->header, err);
	if (code == -EFAULT && err->field == AT(mailbox_receive, buffer))
		err->value = args->buffer;
out:
	mbipc_payload_end(&payload);
	return code;
}

/* An item of a batch that has begun is not restarted: it was interrupted. */
static void show_error(int code, struct mailbox_error *err,
		       struct mailbox_error __user *user)
{
	err->code = code == -ERESTARTSYS ? -EINTR : code;
	/* Not reported: the call has an errno of its own already. */
	if (copy_to_user(user, err, sizeof(*err)))
		return;
}

static noinline int batch_item(struct file *file,
			       const struct mailbox_batch *args, u32 index,
			       bool sends, void __user *user,
			       struct mailbox_error *err)
{
	union {
		struct mailbox_send send;
		struct mailbox_receive receive;
	} item;
	size_t known = sends ? sizeof(item.send) : sizeof(item.receive);
	int code;

	code = copy_struct_from_user(&item, known, user, args->item_size);
	if (code == -E2BIG)
		return mbipc_fail_state(err, code, MAILBOX_REASON_SIZE, known);
	if (code)
		return mbipc_fail(err, code, MAILBOX_REASON_POINTER,
				  AT(mailbox_batch, items), (uintptr_t)user);
	if (sends)
		return do_send(file, &item.send, user, err);
	return do_receive(file, &item.receive, user, index, err);
}

static int check_batch(const struct mailbox_batch *args, bool sends,
		       struct mailbox_error *err)
{
	size_t known = sends ? sizeof(struct mailbox_send) :
			       sizeof(struct mailbox_receive);

	if (args->item_size > MBIPC_ENTRY_MAX)
		return mbipc_fail(err, -E2BIG, MAILBOX_REASON_RANGE,
				  AT(mailbox_batch, item_size),
				  MBIPC_ENTRY_MAX);
	return mbipc_check_range(args->item_size, known, MBIPC_ENTRY_MAX,
				 AT(mailbox_batch, item_size), err) ?:
	       mbipc_check_range(args->count, 1, MAILBOX_BATCH_MAX,
				 AT(mailbox_batch, count), err) ?:
	       mbipc_check_flags(args->flags, 0, AT(mailbox_batch, flags), err);
}

static int do_batch(struct file *file, struct mailbox_batch *args,
		    struct mailbox_batch __user *user, bool sends,
		    struct mailbox_error *err)
{
	u8 __user *items = u64_to_user_ptr(args->items);
	struct mailbox_error result;
	u32 i, done;
	int code;

	code = check_batch(args, sends, err);
	if (code)
		return code;
	if (put_user(0, &user->done))
		return -EFAULT;
	for (done = 0; done < args->count; done++) {
		u8 __user *item = items + (size_t)done * args->item_size;

		*err = (struct mailbox_error){ .field = MAILBOX_NO_FIELD };
		code = batch_item(file, args, done, sends, item, err);
		result = *err;
		show_error(code, &result, (struct mailbox_error __user *)item);
		if (code)
			break;
	}
	for (i = done + 1; i < args->count; i++) {
		mbipc_fail_state(&result, -ECANCELED, MAILBOX_REASON_BATCH, done);
		show_error(-ECANCELED, &result, (struct mailbox_error __user *)
			   (items + (size_t)i * args->item_size));
	}
	if (put_user(done, &user->done))
		return -EFAULT;
	if (done)
		return 0;
	/* A member of an item is not one of the batch's. */
	if (err->reason != MAILBOX_REASON_POINTER ||
	    err->field != AT(mailbox_batch, items))
		err->field = MAILBOX_NO_FIELD;
	return code;
}

/* --- the mailbox ----------------------------------------------------- */

static int do_stat(struct mbipc_handle *handle, struct mailbox_stat *args,
		   struct mailbox_stat __user *user)
{
	mbipc_stat(handle->mailbox, args);
	args->rights = handle->rights;
	if (copy_to_user(&user->id, &args->id,
			 sizeof(*args) - AT(mailbox_stat, id)))
		return -EFAULT;
	return 0;
}

/* A member that the mask names is checked by its own rules, else for zero. */
static int check_set(const struct mbipc_mailbox *mailbox,
		     struct mailbox_set *args, struct mailbox_error *err)
{
	u32 mask = args->mask;
	u32 known = MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX |
		    MAILBOX_SET_MODE | MAILBOX_SET_UID | MAILBOX_SET_GID;
	int code;

	code = mbipc_check_flags(mask, known, AT(mailbox_set, mask), err) ?:
	       mbipc_check_range(mask, 1, known, AT(mailbox_set, mask), err);
	if (code)
		return code;

	if (!(mask & MAILBOX_SET_MODE))
		code = mbipc_check_zero(args->mode, AT(mailbox_set, mode), err);
	else if (mbipc_anonymous(mailbox))
		code = mbipc_fail(err, -EINVAL, MAILBOX_REASON_POLICY,
				  AT(mailbox_set, mode), args->mode);
	else
		code = check_mode(args->mode, AT(mailbox_set, mode), err);
	if (code)
		return code;

	if (!(mask & MAILBOX_SET_UID))
		code = mbipc_check_zero(args->uid, AT(mailbox_set, uid), err);
	if (!code && !(mask & MAILBOX_SET_GID))
		code = mbipc_check_zero(args->gid, AT(mailbox_set, gid), err);
	if (code)
		return code;

	/* A segment has the size that it was made with. */
	if (mailbox->policy == MAILBOX_POLICY_SEGMENT &&
	    (mask & (MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX)))
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_POLICY,
				  AT(mailbox_set, mask),
				  mask & (MAILBOX_SET_CAPACITY |
					  MAILBOX_SET_MESSAGE_MAX));
	if (mask & MAILBOX_SET_CAPACITY)
		code = mbipc_check_capacity(args->capacity, mailbox->policy,
					    AT(mailbox_set, capacity), err);
	else
		code = mbipc_check_zero(args->capacity,
					AT(mailbox_set, capacity), err);
	if (code)
		return code;

	if (!(mask & MAILBOX_SET_MESSAGE_MAX))
		return mbipc_check_zero(args->message_max,
					AT(mailbox_set, message_max), err);
	if (mailbox->flags & MAILBOX_CREATE_FIXED)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_POLICY,
				  AT(mailbox_set, message_max),
				  args->message_max);
	return mbipc_check_message_max(&args->message_max,
				 AT(mailbox_set, message_max), err);
}

static int do_set(struct mbipc_handle *handle, struct mailbox_set *args,
		  struct mailbox_error *err)
{
	kuid_t uid = make_kuid(current_user_ns(), args->uid);
	kgid_t gid = make_kgid(current_user_ns(), args->gid);
	int code;

	code = check_set(handle->mailbox, args, err);
	if (code)
		return code;
	/* -1, or an id that has no meaning in the caller's namespace. */
	if ((args->mask & MAILBOX_SET_UID) && !uid_valid(uid))
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_RANGE,
				  AT(mailbox_set, uid), (u32)-2);
	if ((args->mask & MAILBOX_SET_GID) && !gid_valid(gid))
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_RANGE,
				  AT(mailbox_set, gid), (u32)-2);
	return mbipc_set(handle->mailbox, args, uid, gid, err);
}

static int do_dup(struct mbipc_handle *handle, struct mailbox_dup *args,
		  struct mailbox_dup __user *user,
		  const struct file_operations *fops,
		  struct mailbox_error *err)
{
	struct mbipc_descriptor new;
	int code;

	code = mbipc_check_flags(args->flags, MAILBOX_OPEN_NONBLOCK,
				 AT(mailbox_dup, flags), err) ?:
	       mbipc_check_rights(args->rights, AT(mailbox_dup, rights), err) ?:
	       mbipc_check_zero(args->reserved, AT(mailbox_dup, reserved), err);
	if (code)
		return code;
	if (args->rights & ~handle->rights)
		return mbipc_fail(err, -EPERM, MAILBOX_REASON_RIGHT,
				  AT(mailbox_dup, rights),
				  args->rights & ~handle->rights);
	code = mbipc_descriptor_new(&new, args->rights,
				    args->flags & MAILBOX_OPEN_NONBLOCK, fops, err);
	if (code)
		return code;
	code = mbipc_handle_dup(new.handle, handle, err) ?:
	       put_user(new.fd, &user->fd);
	return mbipc_descriptor_end(&new, code);
}

static int do_destroy(struct mbipc_handle *handle, struct mailbox_destroy *args,
		      struct mailbox_destroy __user *user,
		      struct mailbox_error *err)
{
	struct file *memory = NULL;
	int code;

	code = mbipc_check_flags(args->flags, MAILBOX_DESTROY_NOW,
				 AT(mailbox_destroy, flags), err) ?:
	       mbipc_check_zero(args->reserved, AT(mailbox_destroy, reserved), err);
	if (code)
		return code;
	if ((args->flags & MAILBOX_DESTROY_NOW) &&
	    handle->mailbox->policy != MAILBOX_POLICY_SEGMENT)
		return mbipc_fail(err, -EINVAL, MAILBOX_REASON_POLICY,
				  AT(mailbox_destroy, flags),
				  MAILBOX_DESTROY_NOW);
	if (put_user(0ULL, &user->dropped))
		return -EFAULT;
	if (args->flags & MAILBOX_DESTROY_NOW) {
		memory = mbipc_mailbox_memory(handle->mailbox, err);
		if (IS_ERR(memory))
			return PTR_ERR(memory);
	}
	code = mbipc_destroy(handle->mailbox, &args->dropped, err);
	if (memory) {
		code = code ?: mbipc_segment_empty(memory);
		fput(memory);
	}
	if (!code && put_user(args->dropped, &user->dropped))
		return -EFAULT;
	return code;
}

/* --- which command --------------------------------------------------- */

/*
 * Say why a command failed, in as much of the struct as there is.  One that may
 * be restarted has not failed yet, and one that may not, but was interrupted,
 * says no more.
 */
static long answer(int code, struct mailbox_error *err, void __user *user,
		   size_t size)
{
	if (code && code != -ERESTARTSYS && code != -EINTR && size >= sizeof(*err))
		show_error(code, err, user);
	return code;
}

/*
 * The same as mbipc_get_struct(), for the two commands that are called most: member
 * by member costs less than to set up a copy, and what is only written need
 * not be read.
 */
static __always_inline int get_send(struct mailbox_send *args,
				    struct mailbox_send __user *user,
				    size_t size, struct mailbox_error *err)
{
	if (size != sizeof(*args))
		return mbipc_get_struct(args, sizeof(*args), user, size, err);
	if (!user_read_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_get_user(args->flags, &user->flags, fault);
	unsafe_get_user(args->priority, &user->priority, fault);
	unsafe_get_user(args->tag, &user->tag, fault);
	unsafe_get_user(args->buffer, &user->buffer, fault);
	unsafe_get_user(args->length, &user->length, fault);
	unsafe_get_user(args->deadline, &user->deadline, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static __always_inline int get_receive(struct mailbox_receive *args,
				       struct mailbox_receive __user *user,
				       size_t size, struct mailbox_error *err)
{
	if (size != sizeof(*args))
		return mbipc_get_struct(args, sizeof(*args), user, size, err);
	if (!user_read_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_get_user(args->flags, &user->flags, fault);
	unsafe_get_user(args->select, &user->select, fault);
	unsafe_get_user(args->tag, &user->tag, fault);
	unsafe_get_user(args->priority, &user->priority, fault);
	unsafe_get_user(args->pid, &user->pid, fault);
	unsafe_get_user(args->index, &user->index, fault);
	unsafe_get_user(args->buffer, &user->buffer, fault);
	unsafe_get_user(args->length, &user->length, fault);
	unsafe_get_user(args->deadline, &user->deadline, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static long ioctl_send(struct file *file, struct mailbox_send __user *user,
		       size_t size)
{
	struct mailbox_error err = { .field = MAILBOX_NO_FIELD };
	struct mailbox_send args;
	int code;

	code = get_send(&args, user, size, &err) ?:
	       mbipc_check_right(file_handle(file), MAILBOX_RIGHT_SEND, -EBADF, &err) ?:
	       do_send(file, &args, user, &err);
	return answer(code, &err, user, size);
}

static long ioctl_receive(struct file *file,
			  struct mailbox_receive __user *user, size_t size)
{
	struct mailbox_error err = { .field = MAILBOX_NO_FIELD };
	struct mailbox_receive args;
	int code;

	code = get_receive(&args, user, size, &err) ?:
	       mbipc_check_right(file_handle(file), MAILBOX_RIGHT_RECEIVE, -EBADF, &err) ?:
	       do_receive(file, &args, user, false, &err);
	return answer(code, &err, user, size);
}

/* The structs of all other commands. */
union command {
	struct mailbox_info info;
	struct mailbox_create create;
	struct mailbox_open open;
	struct mailbox_list list;
	struct mailbox_batch batch;
	struct mailbox_stat stat;
	struct mailbox_set set;
	struct mailbox_dup dup;
	struct mailbox_destroy destroy;
	struct mailbox_channel channel;
	struct mailbox_connect connect;
	struct mailbox_accept accept;
	struct mailbox_refuse refuse;
	struct mailbox_peer peer;
	struct mailbox_ring_wait ring_wait;
	struct mailbox_ring_wake ring_wake;
};

/* A command's number, whatever the size of the struct that it came with. */
#define NUMBER(cmd)	((cmd) & ~IOCSIZE_MASK)

long mbipc_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg,
			const struct file_operations *handle_fops)
{
	struct mailbox_error err = { .field = MAILBOX_NO_FIELD };
	void __user *user = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);
	union command args;
	int code;

	switch (NUMBER(cmd)) {
	case NUMBER(MAILBOX_IOC_INFO):
		code = mbipc_get_struct(&args.info, sizeof(args.info), user, size, &err) ?:
		       do_info(&args.info, user, &err);
		break;
	case NUMBER(MAILBOX_IOC_CREATE):
		code = mbipc_get_struct(&args.create, sizeof(args.create), user, size, &err) ?:
		       do_create(&args.create, user, handle_fops, &err);
		break;
	case NUMBER(MAILBOX_IOC_OPEN):
		code = mbipc_get_struct(&args.open, sizeof(args.open), user, size, &err) ?:
		       do_open(&args.open, user, handle_fops, &err);
		break;
	case NUMBER(MAILBOX_IOC_LIST):
		code = mbipc_get_struct(&args.list, sizeof(args.list), user, size, &err) ?:
		       do_list(&args.list, user, &err);
		break;
	case NUMBER(MAILBOX_IOC_CHANNEL):
		code = mbipc_get_struct(&args.channel, sizeof(args.channel), user, size, &err) ?:
		       mbipc_do_channel(&args.channel, user, handle_fops, &err);
		break;
	default:
		return -ENOTTY;
	}
	return answer(code, &err, user, size);
}

static noinline long ioctl_other(struct file *file, unsigned int cmd,
				 void __user *user, size_t size)
{
	struct mailbox_error err = { .field = MAILBOX_NO_FIELD };
	struct mbipc_handle *handle = file_handle(file);
	union command args;
	int code;

	switch (NUMBER(cmd)) {
	case NUMBER(MAILBOX_IOC_SEND_BATCH):
		code = mbipc_get_struct(&args.batch, sizeof(args.batch), user, size, &err) ?:
		       mbipc_check_right(handle, MAILBOX_RIGHT_SEND, -EBADF, &err) ?:
		       do_batch(file, &args.batch, user, true, &err);
		break;
	case NUMBER(MAILBOX_IOC_RECEIVE_BATCH):
		code = mbipc_get_struct(&args.batch, sizeof(args.batch), user, size, &err) ?:
		       mbipc_check_right(handle, MAILBOX_RIGHT_RECEIVE, -EBADF, &err) ?:
		       do_batch(file, &args.batch, user, false, &err);
		break;
	case NUMBER(MAILBOX_IOC_INFO):
		code = mbipc_get_struct(&args.info, sizeof(args.info), user, size, &err) ?:
		       do_info(&args.info, user, &err);
		break;
	case NUMBER(MAILBOX_IOC_STAT):
		code = mbipc_get_struct(&args.stat, sizeof(args.stat), user, size, &err) ?:
		       do_stat(handle, &args.stat, user);
		break;
	case NUMBER(MAILBOX_IOC_SET):
		code = mbipc_get_struct(&args.set, sizeof(args.set), user, size, &err) ?:
		       mbipc_check_right(handle, MAILBOX_RIGHT_ADMIN, -EPERM, &err) ?:
		       do_set(handle, &args.set, &err);
		break;
	case NUMBER(MAILBOX_IOC_DUP):
		code = mbipc_get_struct(&args.dup, sizeof(args.dup), user, size, &err) ?:
		       do_dup(handle, &args.dup, user, file->f_op, &err);
		break;
	case NUMBER(MAILBOX_IOC_DESTROY):
		code = mbipc_get_struct(&args.destroy, sizeof(args.destroy), user, size, &err) ?:
		       mbipc_check_right(handle, MAILBOX_RIGHT_ADMIN, -EPERM, &err) ?:
		       do_destroy(handle, &args.destroy, user, &err);
		break;
	case NUMBER(MAILBOX_IOC_CONNECT):
		code = mbipc_get_struct(&args.connect, sizeof(args.connect), user, size, &err) ?:
		       mbipc_do_connect(file, &args.connect, user, &err);
		break;
	case NUMBER(MAILBOX_IOC_ACCEPT):
		code = mbipc_get_struct(&args.accept, sizeof(args.accept), user, size, &err) ?:
		       mbipc_do_accept(file, &args.accept, user, &err);
		break;
	case NUMBER(MAILBOX_IOC_REFUSE):
		code = mbipc_get_struct(&args.refuse, sizeof(args.refuse), user, size, &err) ?:
		       mbipc_do_refuse(file, &args.refuse, &err);
		break;
	case NUMBER(MAILBOX_IOC_PEER):
		code = mbipc_get_struct(&args.peer, sizeof(args.peer), user, size, &err) ?:
		       mbipc_do_peer(file, &args.peer, user, &err);
		break;
	case NUMBER(MAILBOX_IOC_RING_WAIT):
		code = mbipc_get_struct(&args.ring_wait, sizeof(args.ring_wait), user, size,
					&err) ?:
		       mbipc_do_ring_wait(file, &args.ring_wait, &err);
		break;
	case NUMBER(MAILBOX_IOC_RING_WAKE):
		code = mbipc_get_struct(&args.ring_wake, sizeof(args.ring_wake), user, size,
					&err) ?:
		       mbipc_do_ring_wake(file, &args.ring_wake, &err);
		break;
	default:
		return -ENOTTY;
	}
	return answer(code, &err, user, size);
}

/* The two that are called most do not pay for the stack of the others. */
long mbipc_handle_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);

	switch (NUMBER(cmd)) {
	case NUMBER(MAILBOX_IOC_SEND):
		return ioctl_send(file, user, size);
	case NUMBER(MAILBOX_IOC_RECEIVE):
		return ioctl_receive(file, user, size);
	default:
		return ioctl_other(file, cmd, user, size);
	}
}
