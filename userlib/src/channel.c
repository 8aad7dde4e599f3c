// SPDX-License-Identifier: LGPL-2.1-or-later
/* Channels: made, asked for, answered. */
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

static const struct mailbox_channel_attr usual = MAILBOX_CHANNEL_ATTR_INIT;

int mailbox_channel(int ends[2], const struct mailbox_channel_attr *attr,
		    struct mailbox_error *error)
{
	struct mailbox_channel channel;
	int result;

	if (!attr)
		attr = &usual;
	channel = (struct mailbox_channel){
		.ring = attr->ring,
		.ring_back = attr->ring_back,
		.capacity = attr->capacity,
		.message_max = attr->message_max,
	};
	result = mailbox__on_device(MAILBOX_IOC_CHANNEL, &channel);
	if (result < 0)
		return mailbox__report(result, &channel.error, error);
	ends[0] = channel.fd;
	ends[1] = channel.fd_back;
	return 0;
}

int mailbox_connect(int fd, const void *request, size_t length,
		    const struct mailbox_channel_attr *attr, int64_t deadline,
		    struct mailbox_error *error)
{
	struct mailbox_connect connect;
	int result;

	if (!attr)
		attr = &usual;
	connect = (struct mailbox_connect){
		.flags = mailbox__wait_until(deadline),
		.buffer = mailbox__address(request),
		.length = length,
		.deadline = mailbox__unless_forever(deadline),
		.capacity = attr->capacity,
		.message_max = attr->message_max,
		.ring = attr->ring,
		.ring_back = attr->ring_back,
	};
	result = mailbox_ioctl(fd, MAILBOX_IOC_CONNECT, &connect);
	mailbox__report(result, &connect.error, error);
	return result < 0 ? result : connect.fd;
}

int mailbox_accept(int fd, uint64_t sequence, unsigned int flags,
		   struct mailbox_error *error)
{
	struct mailbox_accept accept = { .sequence = sequence, .flags = flags };
	int result = mailbox_ioctl(fd, MAILBOX_IOC_ACCEPT, &accept);

	mailbox__report(result, &accept.error, error);
	return result < 0 ? result : accept.fd;
}

int mailbox_refuse(int fd, uint64_t sequence, uint32_t code,
		   struct mailbox_error *error)
{
	struct mailbox_refuse refuse = { .sequence = sequence, .code = code };

	return mailbox__report(mailbox_ioctl(fd, MAILBOX_IOC_REFUSE, &refuse),
			       &refuse.error, error);
}

int mailbox_peer(int fd, struct mailbox_peer *peer)
{
	*peer = (struct mailbox_peer){ 0 };
	return mailbox_ioctl(fd, MAILBOX_IOC_PEER, peer);
}

int mailbox_peer_pidfd(int fd, struct mailbox_error *error)
{
	struct mailbox_peer peer;
	int pid, pidfd, result, state;

	result = mailbox_peer(fd, &peer);
	if (result < 0)
		return mailbox__report(result, &peer.error, error);
	pid = peer.pid;
	if (!pid)
		return mailbox__refuse(-ESRCH, MAILBOX_REASON_NONE,
				       MAILBOX_NO_FIELD, 0, error);
	/* close(), should it come to that, is a cancellation point */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		result = mailbox__refuse(-errno, MAILBOX_REASON_NONE,
					 MAILBOX_NO_FIELD, 0, error);
		goto out;
	}
	/* A number that it still has can have been nobody else's meanwhile. */
	result = mailbox_peer(fd, &peer);
	if (!result && peer.pid == pid) {
		result = pidfd;
		goto out;
	}
	close(pidfd);
	if (result < 0)
		mailbox__report(result, &peer.error, error);
	else
		result = mailbox__refuse(-ESRCH, MAILBOX_REASON_NONE,
					 MAILBOX_NO_FIELD, 0, error);
out:
	pthread_setcancelstate(state, NULL);
	return result;
}
