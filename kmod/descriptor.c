// SPDX-License-Identifier: GPL-2.0
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "descriptor.h"
#include "error.h"
#include "handle.h"

static int file_flags(u32 rights, bool nonblock)
{
	int flags = nonblock ? O_NONBLOCK : 0;

	switch (rights & (MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE)) {
	case MAILBOX_RIGHT_SEND:
		return flags | O_WRONLY;
	case MAILBOX_RIGHT_RECEIVE:
		return flags | O_RDONLY;
	case MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE:
		return flags | O_RDWR;
	default:
		return flags | O_ACCMODE;	/* neither, see open(2) */
	}
}

/**
 * mbipc_handle_file - a file for a handle
 * @handle: the file's from here on, unless there is an error
 * @nonblock: O_NONBLOCK
 * @fops: of handles
 *
 * Context: may sleep.
 * Return: the file or an ERR_PTR.
 */
struct file *mbipc_handle_file(struct mbipc_handle *handle, bool nonblock,
			       const struct file_operations *fops)
{
	struct file *file = anon_inode_getfile("[mailbox]", fops, handle,
					       file_flags(handle->rights, nonblock));

	if (!IS_ERR(file))
		stream_open(file_inode(file), file);
	return file;
}

/**
 * mbipc_descriptor_new - a handle, a file for it, and a number for that
 * @new: filled; mbipc_descriptor_end() must follow
 * @rights: the handle's
 * @nonblock: O_NONBLOCK
 * @fops: of handles
 * @err: told why not
 *
 * Context: may sleep.
 * Return: 0, -EMFILE, -ENFILE, -ENOMEM.
 */
int mbipc_descriptor_new(struct mbipc_descriptor *new, u32 rights,
			 bool nonblock, const struct file_operations *fops,
			 struct mailbox_error *err)
{
	struct mbipc_handle *handle = mbipc_handle_new(rights, err);
	int code;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	new->handle = handle;
	new->fd = get_unused_fd_flags(O_CLOEXEC);
	if (new->fd < 0) {
		code = new->fd;
		goto close;
	}
	new->file = mbipc_handle_file(handle, nonblock, fops);
	if (IS_ERR(new->file)) {
		code = PTR_ERR(new->file);
		goto put_fd;
	}
	handle->file = new->file;
	return 0;

put_fd:
	put_unused_fd(new->fd);
close:
	mbipc_handle_close(handle);
	return mbipc_fail_state(err, code, MAILBOX_REASON_NONE, 0);
}

/**
 * mbipc_descriptor_end - the command has told user space of it, or has failed
 * @new: made
 * @code: of the command
 *
 * Return: @code.
 */
int mbipc_descriptor_end(struct mbipc_descriptor *new, int code)
{
	if (code) {
		put_unused_fd(new->fd);
		fput(new->file);
	} else {
		fd_install(new->fd, new->file);
	}
	return code;
}
