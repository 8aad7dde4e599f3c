// SPDX-License-Identifier: LGPL-2.1-or-later
/* Segments: memory of a mailbox, attached where the kernel or the caller likes. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "internal.h"

int mailbox_segment(const char *name, int oflag, unsigned int flags, mode_t mode,
		    size_t size, struct mailbox_error *error)
{
	const struct mailbox_attr attr = {
		.policy = MAILBOX_POLICY_SEGMENT,
		.capacity = size,
	};
	unsigned int rights = MAILBOX_RIGHT_RECEIVE;
	int bad = oflag & ~(O_ACCMODE | O_CREAT | O_EXCL | O_CLOEXEC);

	switch (oflag & O_ACCMODE) {
	case O_RDONLY:
		break;
	case O_RDWR:
		rights |= MAILBOX_RIGHT_SEND;
		break;
	default:
		/* no page table can do that */
		bad |= oflag & O_ACCMODE;
	}
	if ((oflag & O_EXCL) && !(oflag & O_CREAT))
		bad |= O_EXCL;
	if (bad)
		return mailbox__refuse(-EINVAL, MAILBOX_REASON_FLAGS,
				       MAILBOX_NO_FIELD, (unsigned int)bad, error);
	if (!(oflag & O_CREAT))
		return mailbox_open_rights(name, rights, flags, error);
	if (oflag & O_EXCL)
		flags |= MAILBOX_CREATE_EXCL;
	return mailbox_create(name, flags, rights, mode, &attr, error);
}

int mailbox__cannot_map(int fd, uint32_t rights, struct mailbox_error *error)
{
	int code = -errno;
	struct mailbox_stat stat;

	if (code == -EIDRM)
		return mailbox__refuse(code, MAILBOX_REASON_DESTROYED,
				       MAILBOX_NO_FIELD, 0, error);
	if (code == -EACCES && !mailbox_stat(fd, &stat) && (rights & ~stat.rights))
		return mailbox__refuse(code, MAILBOX_REASON_RIGHT, MAILBOX_NO_FIELD,
				       rights & ~stat.rights, error);
	return mailbox__refuse(code, MAILBOX_REASON_NONE, MAILBOX_NO_FIELD, 0, error);
}

int mailbox_attach(int fd, void *wish, int protection, void **place, size_t *size,
		   struct mailbox_error *error)
{
	struct mailbox_stat stat;
	int result = mailbox_stat(fd, &stat);
	void *there;

	if (result < 0)
		return mailbox__report(result, &stat.error, error);
	if (stat.policy != MAILBOX_POLICY_SEGMENT)
		return mailbox__refuse(-ENODEV, MAILBOX_REASON_POLICY,
				       MAILBOX_NO_FIELD, stat.policy, error);
	/* A wish that cannot be met is refused, and nothing is mapped over. */
	there = mmap(wish, stat.capacity, protection,
		     MAP_SHARED | (wish ? MAP_FIXED_NOREPLACE : 0), fd, 0);
	if (there == MAP_FAILED)
		return mailbox__cannot_map(fd, protection & PROT_WRITE ?
					   MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE :
					   MAILBOX_RIGHT_RECEIVE, error);
	*place = there;
	if (size)
		*size = stat.capacity;
	return 0;
}

int mailbox_detach(void *place, size_t size)
{
	return munmap(place, size) ? -errno : 0;
}
