// SPDX-License-Identifier: GPL-2.0
#include <linux/fs.h>
#include <linux/mailbox.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "account.h"
#include "compat.h"
#include "error.h"
#include "segment.h"

/**
 * mbipc_segment_new - memory that can be mapped
 * @bytes: its size, 1..MAILBOX_SEGMENT_MAX
 * @account: who pays for all of it, as long as there is the segment
 * @err: told why not
 *
 * Context: may sleep.
 * Return: the segment, all zero, or an ERR_PTR: -EDQUOT, -ENOMEM, -ENFILE.
 */
struct mbipc_segment *mbipc_segment_new(size_t bytes,
					struct mbipc_account *account,
					struct mailbox_error *err)
{
	struct mbipc_segment *segment;
	int code;

	segment = kzalloc(sizeof(*segment), GFP_KERNEL_ACCOUNT);
	if (!segment)
		return ERR_PTR(mbipc_fail_state(err, -ENOMEM,
						MAILBOX_REASON_NONE, 0));
	segment->bytes = PAGE_ALIGN(bytes);
	code = mbipc_account_bytes(account, segment->bytes, err);
	if (code)
		goto free;
	segment->file = mbipc_shmem_file("mailbox-segment", segment->bytes);
	if (IS_ERR(segment->file)) {
		code = PTR_ERR(segment->file);
		/* This tmpfs has no limit: there is no memory for an inode. */
		if (code == -ENOSPC)
			code = -ENOMEM;
		mbipc_fail_state(err, code, MAILBOX_REASON_NONE, 0);
		goto uncharge;
	}
	/* Who may map it is asked at the device, as for System V's. */
	file_inode(segment->file)->i_flags |= S_PRIVATE;
	segment->account = mbipc_account_hold(account);
	return segment;

uncharge:
	mbipc_account_bytes_end(account, segment->bytes);
free:
	kfree(segment);
	return ERR_PTR(code);
}

/**
 * mbipc_segment_free - the mailbox is gone; mappings stay
 * @segment: no longer used; or NULL
 *
 * Context: may sleep.
 */
void mbipc_segment_free(struct mbipc_segment *segment)
{
	if (!segment)
		return;
	fput(segment->file);
	mbipc_account_bytes_end(segment->account, segment->bytes);
	mbipc_account_put(segment->account);
	kfree(segment);
}

/**
 * mbipc_segment_map - map it in place of the handle's file
 * @memory: the segment's file
 * @vma: from mmap(2), which has seen to what the handle's file allows
 */
int mbipc_segment_map(struct file *memory, struct vm_area_struct *vma)
{
	vma_set_file(vma, memory);
	return mbipc_mmap(memory, vma);
}

/**
 * mbipc_segment_empty - take the memory away from those that have it mapped
 * @memory: the segment's file
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int mbipc_segment_empty(struct file *memory)
{
	/* Nobody has a descriptor for the file, which could make it grow again. */
	return vfs_truncate(&memory->f_path, 0);
}
