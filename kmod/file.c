// SPDX-License-Identifier: GPL-2.0
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>

#include "file.h"
#include "handle.h"
#include "ioctl.h"
#include "life.h"
#include "manage.h"
#include "post.h"
#include "ring.h"
#include "segment.h"

static struct mbipc_patience file_patience(const struct kiocb *iocb)
{
	return (struct mbipc_patience){
		.nonblock = mbipc_nonblock(iocb->ki_filp) ||
			    (iocb->ki_flags & IOCB_NOWAIT),
	};
}

/* For iterate_fd(): is this a descriptor of the mailbox? */
static int is_on_mailbox(const void *mailbox, struct file *file,
			 unsigned int fd)
{
	struct mbipc_handle *handle = file->private_data;

	return file->f_op == &mbipc_handle_fops && handle->mailbox == mailbox;
}

/*
 * The calling process may have closed its last descriptor of a PAIR.  A table
 * that nobody uses any more is being closed as a whole, and is not to be looked
 * into: after 6.12, what was closed still stands in it, and may be freed already;
 * before, a search for each descriptor took the square of their number.  A thread at
 * its end has no other one; who could not fork, and closes the child's, has.
 */
static void leave_seat(struct mbipc_mailbox *mailbox,
		       struct files_struct *files)
{
	if (files && !atomic_read(&files->count))
		files = current->files;
	if (mailbox->policy == MAILBOX_POLICY_PAIR &&
	    !(files && iterate_fd(files, 0, is_on_mailbox, mailbox)))
		mbipc_seat_leave(mailbox, files);
}

/*
 * A call took a seat, and its descriptor may be closed by now; io_uring's need
 * none.  So nobody would leave it.
 */
static void leave_if_visiting(struct mbipc_handle *handle)
{
	if (handle->mailbox->policy == MAILBOX_POLICY_PAIR &&
	    mbipc_seat_is_fresh(handle->mailbox))
		leave_seat(handle->mailbox, current->files);
}

/* One message; 0 where no more can come and none was missed. */
static ssize_t handle_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct mbipc_handle *handle = iocb->ki_filp->private_data;
	struct mbipc_patience patience = file_patience(iocb);
	struct mbipc_taking taking = { .patience = &patience, .plain = true };
	struct mailbox_error err;
	int code;

	if (!(handle->may & MAILBOX_RIGHT_RECEIVE))
		return -EINVAL;
	if (!iov_iter_count(to))
		return 0;
	code = mbipc_fetch(handle, to, &taking, NULL, &err);
	leave_if_visiting(handle);
	/* Not for one that was cut off: what it missed is no end. */
	if (code == -EPIPE && err.reason == MAILBOX_REASON_NO_SENDERS)
		return 0;
	return code ?: (ssize_t)taking.length;
}

/* One message.  None of no bytes: a reader would take it for the end. */
static ssize_t handle_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct mbipc_handle *handle = iocb->ki_filp->private_data;
	struct mbipc_patience patience = file_patience(iocb);
	struct mbipc_sending sending = {
		.patience = &patience,
		.plain = true,
		.taker.receivers = 1,
	};
	size_t length = iov_iter_count(from);
	struct mailbox_error err;
	int code;

	if (!(handle->may & MAILBOX_RIGHT_SEND))
		return -EINVAL;
	if (!length)
		return 0;
	code = mbipc_post(handle, from, &sending, 0, 0, &err);
	leave_if_visiting(handle);
	if (code == -EPIPE)
		send_sig(SIGPIPE, current, 0);
	if (code)
		return code;
	put_pid(sending.taker.pid);
	return length;
}

static __poll_t handle_poll(struct file *file, poll_table *table)
{
	struct mbipc_handle *handle = file->private_data;

	poll_wait(file, mbipc_pollers(handle), table);
	return mbipc_poll_mask(handle, poll_requested_events(table));
}

/*
 * A descriptor is closed.  Calls that wait hold the file open, so that nobody
 * could reach them any more; where it was the last descriptor in its table,
 * they end.  Nobody else is in a call through a table that is not shared.
 */
static int handle_flush(struct file *file, fl_owner_t id)
{
	struct mbipc_handle *handle = file->private_data;
	struct files_struct *files = id;

	if (!files)
		return 0;
	if (atomic_read(&files->count) > 1 && mbipc_closing(handle, files) &&
	    !mbipc_has_descriptor(files, file))
		mbipc_closed(handle, files);
	leave_seat(handle->mailbox, files);
	return 0;
}

static int handle_release(struct inode *inode, struct file *file)
{
	struct mbipc_handle *handle = file->private_data;

	/* One that was opened, but could not be given to its opener, who is not at its end. */
	if (handle->mailbox && current->files)
		leave_seat(handle->mailbox, current->files);
	mbipc_handle_close(handle);
	return 0;
}

static int map_segment(struct mbipc_mailbox *mailbox, struct vm_area_struct *vma)
{
	struct mailbox_error err;
	struct file *memory = mbipc_mailbox_memory(mailbox, &err);
	int code;

	if (IS_ERR(memory))
		return PTR_ERR(memory);
	code = mbipc_segment_map(memory, vma);
	fput(memory);
	return code;
}

/* The rings of a channel, or a segment: see ring.h, segment.h. */
static int handle_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mbipc_handle *handle = file->private_data;
	bool mine = vma->vm_pgoff < MBIPC_RING_THEIRS >> PAGE_SHIFT;
	const struct mbipc_end *end;

	if (handle->mailbox->policy == MAILBOX_POLICY_SEGMENT)
		return map_segment(handle->mailbox, vma);
	if (handle->mailbox->policy != MAILBOX_POLICY_CHANNEL)
		return -ENODEV;
	end = mine ? mbipc_near(handle) : mbipc_far(handle);
	if (!end->ring)
		return -ENODEV;
	if (vma->vm_pgoff >= 2 * (MBIPC_RING_THEIRS >> PAGE_SHIFT))
		return -EINVAL;
	return mbipc_ring_map(end->ring, mine, vma);
}

static long handle_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg)
{
	long code = mbipc_handle_ioctl(file, cmd, arg);

	leave_if_visiting(file->private_data);
	return code;
}

static const char *policy_name(u32 policy)
{
	static const char * const names[] = {
		[MAILBOX_POLICY_SHARED] = "shared",
		[MAILBOX_POLICY_EXCLUSIVE] = "exclusive",
		[MAILBOX_POLICY_PAIR] = "pair",
		[MAILBOX_POLICY_BROADCAST] = "broadcast",
		[MAILBOX_POLICY_CHANNEL] = "channel",
		[MAILBOX_POLICY_SEGMENT] = "segment",
	};

	return names[policy];
}

static void handle_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct mbipc_handle *handle = file->private_data;
	struct mailbox_stat stat;

	mbipc_stat(handle->mailbox, &stat);
	seq_printf(m, "mailbox-id:\t%llu\n", stat.id);
	if (stat.name[0]) {
		seq_puts(m, "mailbox-name:\t");
		seq_escape(m, stat.name, "\n\\");
		seq_putc(m, '\n');
	}
	seq_printf(m, "mailbox-rights:\t%c%c%c\n",
		   handle->rights & MAILBOX_RIGHT_SEND ? 's' : '-',
		   handle->rights & MAILBOX_RIGHT_RECEIVE ? 'r' : '-',
		   handle->rights & MAILBOX_RIGHT_ADMIN ? 'a' : '-');
	seq_printf(m, "mailbox-policy:\t%s\n", policy_name(stat.policy));
	seq_printf(m, "mailbox-depth:\t%llu\n", stat.depth);
	if (stat.capacity == MAILBOX_UNLIMITED)
		seq_puts(m, "mailbox-capacity:\tunlimited\n");
	else
		seq_printf(m, "mailbox-capacity:\t%llu\n", stat.capacity);
}

const struct file_operations mbipc_handle_fops = {
	.owner = THIS_MODULE,
	.read_iter = handle_read,
	.write_iter = handle_write,
	.poll = handle_poll,
	.mmap = handle_mmap,
	.unlocked_ioctl = handle_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.flush = handle_flush,
	.release = handle_release,
	.show_fdinfo = handle_show_fdinfo,
};
