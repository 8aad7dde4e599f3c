// SPDX-License-Identifier: LGPL-2.1-or-later
/* Messages: each call fills the command's struct and takes the answer out. */
#include <errno.h>

#include "internal.h"

/*
 * Where pointers have 64 bits the kernel's pieces are iovecs, elsewhere they
 * are copied to what the kernel reads.
 */
#define VECTOR_IS_IOVEC \
	(sizeof(struct iovec) == sizeof(struct mailbox_vector) && \
	 sizeof(((struct iovec *)0)->iov_base) == sizeof(__u64) && \
	 offsetof(struct iovec, iov_len) == \
	 offsetof(struct mailbox_vector, length))

_Static_assert(VECTOR_IS_IOVEC || sizeof(void *) < sizeof(__u64),
	       "an iovec of 64-bit pointers is not the kernel's vector");

/* @field is the offset of .length, which the kernel would blame, too. */
static int check_count(int count, size_t field, struct mailbox_error *error)
{
	if (count >= 0 && count <= MAILBOX_VECTOR_MAX)
		return 0;
	return mailbox__refuse(-EINVAL, MAILBOX_REASON_RANGE, field,
			       count < 0 ? 0 : MAILBOX_VECTOR_MAX, error);
}

static uint64_t vector(const struct iovec *iov, int count,
		       struct mailbox_vector *room)
{
	int i;

	if (VECTOR_IS_IOVEC)
		return mailbox__address(iov);
	for (i = 0; i < count; i++) {
		room[i].base = mailbox__address(iov[i].iov_base);
		room[i].length = iov[i].iov_len;
	}
	return mailbox__address(room);
}

static int send_one(int fd, struct mailbox_send *message,
		    struct mailbox_error *error)
{
	return mailbox__report(mailbox_sendmsg(fd, message), &message->error,
			       error);
}

int mailbox_send(int fd, const void *buffer, size_t length,
		 unsigned int priority, uint64_t tag,
		 struct mailbox_error *error)
{
	struct mailbox_send message = {
		.priority = priority,
		.tag = tag,
		.buffer = mailbox__address(buffer),
		.length = length,
	};

	return send_one(fd, &message, error);
}

int mailbox_trysend(int fd, const void *buffer, size_t length,
		    unsigned int priority, uint64_t tag,
		    struct mailbox_error *error)
{
	struct mailbox_send message = {
		.flags = MAILBOX_NONBLOCK,
		.priority = priority,
		.tag = tag,
		.buffer = mailbox__address(buffer),
		.length = length,
	};

	return send_one(fd, &message, error);
}

int mailbox_timedsend(int fd, const void *buffer, size_t length,
		      unsigned int priority, uint64_t tag, int64_t deadline,
		      struct mailbox_error *error)
{
	struct mailbox_send message = {
		.flags = mailbox__wait_until(deadline),
		.priority = priority,
		.tag = tag,
		.buffer = mailbox__address(buffer),
		.length = length,
		.deadline = mailbox__unless_forever(deadline),
	};

	return send_one(fd, &message, error);
}

int mailbox_send_sync(int fd, const void *buffer, size_t length,
		      int64_t deadline, struct mailbox_receipt *receipt,
		      struct mailbox_error *error)
{
	struct mailbox_send message = {
		.flags = MAILBOX_SEND_SYNC | mailbox__wait_until(deadline),
		.buffer = mailbox__address(buffer),
		.length = length,
		.deadline = mailbox__unless_forever(deadline),
	};
	int result = send_one(fd, &message, error);

	if (!result && receipt)
		*receipt = message.receipt;
	return result;
}

int mailbox_sendv(int fd, const struct iovec *iov, int count,
		  unsigned int priority, uint64_t tag,
		  struct mailbox_error *error)
{
	struct mailbox_vector room[VECTOR_IS_IOVEC ? 1 : MAILBOX_VECTOR_MAX];
	struct mailbox_send message = {
		.flags = MAILBOX_VECTOR,
		.priority = priority,
		.tag = tag,
	};
	int result;

	result = check_count(count, offsetof(struct mailbox_send, length),
			     error);
	if (result)
		return result;
	message.buffer = vector(iov, count, room);
	message.length = (unsigned int)count;
	return send_one(fd, &message, error);
}

int mailbox_sendmsg(int fd, struct mailbox_send *message)
{
	int result = mailbox_ioctl(fd, MAILBOX_IOC_SEND, message);

	return result < 0 ? result : 0;
}

/* Bytes of room in what .buffer and .length describe. */
static uint64_t room_of(const struct mailbox_receive *message)
{
	const struct mailbox_vector *piece;
	uint64_t i, sum = 0;

	if (!(message->flags & MAILBOX_VECTOR))
		return message->length;
	piece = (const struct mailbox_vector *)(uintptr_t)message->buffer;
	for (i = 0; i < message->length; i++)
		sum += piece[i].length;
	return sum;
}

ssize_t mailbox_recvmsg(int fd, struct mailbox_receive *message)
{
	int result = mailbox_ioctl(fd, MAILBOX_IOC_RECEIVE, message);

	if (result < 0)
		return result;
	if (message->header.flags & MAILBOX_MESSAGE_TRUNCATED)
		return (ssize_t)room_of(message);
	return (ssize_t)message->header.length;
}

static ssize_t receive_one(int fd, struct mailbox_receive *message,
			   struct mailbox_header *header,
			   struct mailbox_error *error)
{
	ssize_t result = mailbox_recvmsg(fd, message);

	if (result < 0) {
		if (error)
			*error = message->error;
	} else if (header) {
		*header = message->header;
	}
	return result;
}

ssize_t mailbox_receive(int fd, void *buffer, size_t size,
			struct mailbox_header *header,
			struct mailbox_error *error)
{
	struct mailbox_receive message = {
		.buffer = mailbox__address(buffer),
		.length = size,
	};

	return receive_one(fd, &message, header, error);
}

ssize_t mailbox_tryreceive(int fd, void *buffer, size_t size,
			   struct mailbox_header *header,
			   struct mailbox_error *error)
{
	struct mailbox_receive message = {
		.flags = MAILBOX_NONBLOCK,
		.buffer = mailbox__address(buffer),
		.length = size,
	};

	return receive_one(fd, &message, header, error);
}

ssize_t mailbox_timedreceive(int fd, void *buffer, size_t size,
			     int64_t deadline, struct mailbox_header *header,
			     struct mailbox_error *error)
{
	struct mailbox_receive message = {
		.flags = mailbox__wait_until(deadline),
		.buffer = mailbox__address(buffer),
		.length = size,
		.deadline = mailbox__unless_forever(deadline),
	};

	return receive_one(fd, &message, header, error);
}

ssize_t mailbox_receive_tag(int fd, uint64_t tag, void *buffer, size_t size,
			    int64_t deadline, struct mailbox_header *header,
			    struct mailbox_error *error)
{
	struct mailbox_receive message = {
		.flags = mailbox__wait_until(deadline),
		.select = MAILBOX_SELECT_TAG,
		.tag = tag,
		.buffer = mailbox__address(buffer),
		.length = size,
		.deadline = mailbox__unless_forever(deadline),
	};

	return receive_one(fd, &message, header, error);
}

ssize_t mailbox_receive_from(int fd, pid_t pid, void *buffer, size_t size,
			     int64_t deadline, struct mailbox_header *header,
			     struct mailbox_error *error)
{
	struct mailbox_receive message = {
		.flags = mailbox__wait_until(deadline),
		.select = MAILBOX_SELECT_PID,
		.pid = pid,
		.buffer = mailbox__address(buffer),
		.length = size,
		.deadline = mailbox__unless_forever(deadline),
	};

	return receive_one(fd, &message, header, error);
}

ssize_t mailbox_receivev(int fd, const struct iovec *iov, int count,
			 struct mailbox_header *header,
			 struct mailbox_error *error)
{
	struct mailbox_vector room[VECTOR_IS_IOVEC ? 1 : MAILBOX_VECTOR_MAX];
	struct mailbox_receive message = { .flags = MAILBOX_VECTOR };
	int result;

	result = check_count(count, offsetof(struct mailbox_receive, length),
			     error);
	if (result)
		return result;
	message.buffer = vector(iov, count, room);
	message.length = (unsigned int)count;
	return receive_one(fd, &message, header, error);
}

ssize_t mailbox_peek(int fd, uint64_t index, void *buffer, size_t size,
		     struct mailbox_header *header,
		     struct mailbox_error *error)
{
	/* A peek that cuts a message loses nothing of it. */
	struct mailbox_receive message = {
		.flags = MAILBOX_RECEIVE_PEEK | MAILBOX_RECEIVE_TRUNCATE,
		.index = index,
		.buffer = mailbox__address(buffer),
		.length = size,
	};

	return receive_one(fd, &message, header, error);
}

static int batch(int fd, unsigned long command, void *items, size_t item_size,
		 unsigned int count, struct mailbox_error *error)
{
	struct mailbox_batch batch = {
		.items = mailbox__address(items),
		.item_size = (uint32_t)item_size,
		.count = count,
	};
	int result = mailbox_ioctl(fd, command, &batch);

	mailbox__report(result, &batch.error, error);
	return result < 0 ? result : (int)batch.done;
}

int mailbox_sendmmsg(int fd, struct mailbox_send *messages,
		     unsigned int count, struct mailbox_error *error)
{
	return batch(fd, MAILBOX_IOC_SEND_BATCH, messages, sizeof(*messages),
		     count, error);
}

int mailbox_recvmmsg(int fd, struct mailbox_receive *messages,
		     unsigned int count, struct mailbox_error *error)
{
	return batch(fd, MAILBOX_IOC_RECEIVE_BATCH, messages,
		     sizeof(*messages), count, error);
}
