// SPDX-License-Identifier: LGPL-2.1-or-later
/* Mailboxes as such: made, found, looked at, changed, ended. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "internal.h"

/* What mailbox_open() says of a name must be true of both commands. */
_Static_assert(offsetof(struct mailbox_create, name) ==
	       offsetof(struct mailbox_open, name),
	       "CREATE and OPEN have their name in different places");

int mailbox_info(struct mailbox_info *info)
{
	*info = (struct mailbox_info){ .flags = 0 };
	return mailbox__on_device(MAILBOX_IOC_INFO, info);
}

int mailbox_create(const char *name, unsigned int flags, unsigned int rights,
		   mode_t mode, const struct mailbox_attr *attr,
		   struct mailbox_error *error)
{
	static const struct mailbox_attr usual = MAILBOX_ATTR_INIT;
	struct mailbox_create create;
	int result;

	if (!attr)
		attr = &usual;
	create = (struct mailbox_create){
		.name = mailbox__address(name),
		.flags = flags,
		.rights = rights,
		.policy = attr->policy,
		.slow = attr->slow,
		.mode = mode,
		.capacity = attr->capacity,
		.message_max = attr->message_max,
	};
	result = mailbox__on_device(MAILBOX_IOC_CREATE, &create);
	mailbox__report(result, &create.error, error);
	return result < 0 ? result : create.fd;
}

int mailbox_open_rights(const char *name, unsigned int rights,
			unsigned int flags, struct mailbox_error *error)
{
	struct mailbox_open open = {
		.name = mailbox__address(name),
		.flags = flags,
		.rights = rights,
	};
	int result = mailbox__on_device(MAILBOX_IOC_OPEN, &open);

	mailbox__report(result, &open.error, error);
	return result < 0 ? result : open.fd;
}

int mailbox_open(const char *name, int oflag, mode_t mode,
		 const struct mailbox_attr *attr, struct mailbox_error *error)
{
	int known = O_ACCMODE | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC;
	unsigned int rights = 0, flags = 0;
	int bad = oflag & ~known;

	switch (oflag & O_ACCMODE) {
	case O_RDONLY:
		rights = MAILBOX_RIGHT_RECEIVE;
		break;
	case O_WRONLY:
		rights = MAILBOX_RIGHT_SEND;
		break;
	case O_RDWR:
		rights = MAILBOX_RIGHT_RECEIVE | MAILBOX_RIGHT_SEND;
		break;
	default:
		bad |= oflag & O_ACCMODE;
	}
	if ((oflag & O_EXCL) && !(oflag & O_CREAT))
		bad |= O_EXCL;
	if (bad)
		return mailbox__refuse(-EINVAL, MAILBOX_REASON_FLAGS,
				       MAILBOX_NO_FIELD, (unsigned int)bad,
				       error);
	/* CREATE would take it for a mailbox without a name. */
	if (!name)
		return mailbox__refuse(-EFAULT, MAILBOX_REASON_POINTER,
				       offsetof(struct mailbox_create, name),
				       0, error);

	if (!(oflag & O_CREAT)) {
		if (oflag & O_NONBLOCK)
			flags |= MAILBOX_OPEN_NONBLOCK;
		return mailbox_open_rights(name, rights, flags, error);
	}
	if (oflag & O_NONBLOCK)
		flags |= MAILBOX_CREATE_NONBLOCK;
	if (oflag & O_EXCL)
		flags |= MAILBOX_CREATE_EXCL;
	return mailbox_create(name, flags, rights, mode, attr, error);
}

int mailbox_dup(int fd, unsigned int rights, unsigned int flags,
		struct mailbox_error *error)
{
	struct mailbox_dup dup = { .flags = flags, .rights = rights };
	int result = mailbox_ioctl(fd, MAILBOX_IOC_DUP, &dup);

	mailbox__report(result, &dup.error, error);
	return result < 0 ? result : dup.fd;
}

int mailbox_destroy(int fd, unsigned int flags, uint64_t *dropped,
		    struct mailbox_error *error)
{
	struct mailbox_destroy destroy = { .flags = flags };
	int result = mailbox_ioctl(fd, MAILBOX_IOC_DESTROY, &destroy);

	if (result < 0)
		return mailbox__report(result, &destroy.error, error);
	if (dropped)
		*dropped = destroy.dropped;
	return 0;
}

int mailbox_remove(const char *name, struct mailbox_error *error)
{
	int fd, result, state;

	/* As in mailbox__on_device(), for the handle. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	fd = mailbox_open_rights(name, MAILBOX_RIGHT_ADMIN, 0, error);
	if (fd < 0) {
		result = fd;
	} else {
		result = mailbox_destroy(fd, 0, NULL, error);
		close(fd);
	}
	pthread_setcancelstate(state, NULL);
	return result;
}

int mailbox_stat(int fd, struct mailbox_stat *stat)
{
	*stat = (struct mailbox_stat){ .flags = 0 };
	return mailbox_ioctl(fd, MAILBOX_IOC_STAT, stat);
}

int mailbox_list(const char *after, struct mailbox_stat *entries,
		 unsigned int count, int *more, struct mailbox_error *error)
{
	struct mailbox_list list = {
		.after = mailbox__address(after),
		.entries = mailbox__address(entries),
		.entry_size = sizeof(*entries),
		.count = count,
	};
	int result = mailbox__on_device(MAILBOX_IOC_LIST, &list);

	if (result < 0)
		return mailbox__report(result, &list.error, error);
	if (more)
		*more = list.more != 0;
	return (int)list.count;
}

int mailbox_next(struct mailbox_stat *entry, struct mailbox_error *error)
{
	const char *after = entry->name[0] ? entry->name : NULL;

	/* The kernel has read the name before it writes the entry. */
	return mailbox_list(after, entry, 1, NULL, error);
}

int mailbox_set(int fd, struct mailbox_set *set)
{
	return mailbox_ioctl(fd, MAILBOX_IOC_SET, set);
}
