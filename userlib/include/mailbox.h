/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libmailbox: /dev/mailbox from C and C++.
 *
 * Rules that hold for every function:
 *
 * - It returns 0, a descriptor or a count where it succeeds, and a negative
 *   errno where it fails.  What errno itself holds afterwards is undefined.
 * - A function that takes a struct of <linux/mailbox.h> as its argument (info,
 *   stat, set, sendmsg, recvmsg, ioctl) says why it failed in that struct's
 *   .error.  All others have a last parameter for it, which may be NULL, and
 *   which they touch only when they fail.  Then error->code is what was
 *   returned, also where the call never reached the kernel's side of the
 *   mailbox; mailbox_strerror() makes a sentence of it.
 * - Nothing is kept between calls, no lock is taken, nothing is printed: any
 *   thread may call anything at any time.
 * - Descriptors are close-on-exec; close(2) ends them.  read(2), write(2),
 *   poll(2) and O_NONBLOCK work on handles, as mailbox(4) says.
 * - An interrupted call returns -EINTR unless the handler was installed with
 *   SA_RESTART; then the kernel goes on waiting, until the same deadline.
 */
#ifndef _MAILBOX_H
#define _MAILBOX_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include <linux/mailbox.h>

/* A strictly conforming C compiler hides it. */
struct timespec;

#ifdef __cplusplus
extern "C" {
#endif

/* What mailbox_device() opens. */
#define MAILBOX_DEVICE		"/dev/mailbox"

/* A deadline that never comes: the call waits without end. */
#define MAILBOX_FOREVER		INT64_MAX

/* Room for every sentence of mailbox_strerror(), NUL included. */
#define MAILBOX_STRERROR_MAX	256

/* The capacity of a mailbox that is made without a struct mailbox_attr. */
#define MAILBOX_DEFAULT_CAPACITY	64

/**
 * struct mailbox_attr - what a new mailbox is like
 * @policy: MAILBOX_POLICY_*
 * @slow: MAILBOX_SLOW_*; 0 unless the policy is BROADCAST
 * @capacity: messages that may wait: 0 for a rendezvous, or
 *	1..MAILBOX_CAPACITY_MAX, or MAILBOX_UNLIMITED
 * @message_max: bytes in a message at most; 0 stands for the module's limit.
 *	With MAILBOX_CREATE_FIXED the size of every message
 */
struct mailbox_attr {
	uint32_t policy;
	uint32_t slow;
	uint64_t capacity;
	uint64_t message_max;
};

/* What NULL stands for: SHARED, some messages, of any size. */
#define MAILBOX_ATTR_INIT \
	{ MAILBOX_POLICY_SHARED, 0, MAILBOX_DEFAULT_CAPACITY, 0 }

/* --- the device ------------------------------------------------------ */

/**
 * mailbox_device() - open /dev/mailbox
 * @error: filled on failure; may be NULL
 *
 * Only mailbox_ioctl() needs it: every other function that asks the device
 * something opens it for itself and closes it again.
 *
 * Return: a descriptor, or a negative errno; -ENOENT, -ENXIO and -ENODEV say
 * that the module is not loaded.
 */
int mailbox_device(struct mailbox_error *error);

/**
 * mailbox_ioctl() - any command of <linux/mailbox.h>, with this library's
 *	way to report errors
 * @fd: the device or a handle, as the command asks for
 * @command: MAILBOX_IOC_*
 * @argument: the command's struct
 *
 * Return: what ioctl(2) returns, or a negative errno; then the struct's .error
 * holds the reason, also where the kernel could not write it.
 */
int mailbox_ioctl(int fd, unsigned long command, void *argument);

/**
 * mailbox_info() - what the module can do, and the caller's quotas
 * @info: filled; its .flags are not read
 *
 * Return: 0 or a negative errno, with info->error.
 */
int mailbox_info(struct mailbox_info *info);

/* --- making and finding mailboxes ------------------------------------ */

/**
 * mailbox_create() - make a mailbox, or find it (MAILBOX_IOC_CREATE)
 * @name: its name, or NULL for a mailbox without one
 * @flags: MAILBOX_CREATE_NONBLOCK, _EXCL, _PERSIST, _FIXED
 * @rights: MAILBOX_RIGHT_* of the new handle, at least one
 * @mode: permission bits of a new name, less the umask; 0 without a name
 * @attr: what it is like, or NULL for MAILBOX_ATTR_INIT; counts only if the
 *	mailbox is new
 * @error: filled on failure; may be NULL
 *
 * Return: a handle, or a negative errno.
 */
int mailbox_create(const char *name, unsigned int flags, unsigned int rights,
		   mode_t mode, const struct mailbox_attr *attr,
		   struct mailbox_error *error);

/**
 * mailbox_open() - a handle on a name, as mq_open(3) would
 *	(MAILBOX_IOC_CREATE with O_CREAT, else MAILBOX_IOC_OPEN)
 * @name: the name
 * @oflag: O_RDONLY to receive, O_WRONLY to send, O_RDWR for both; with
 *	O_NONBLOCK, and O_CREAT or O_CREAT | O_EXCL.  O_CLOEXEC is accepted and
 *	makes no difference
 * @mode: with O_CREAT: permission bits of a new name, less the umask
 * @attr: with O_CREAT: as for mailbox_create()
 * @error: filled on failure; may be NULL
 *
 * The handle has no ADMIN right; mailbox_create() and mailbox_open_rights()
 * can ask for it.
 *
 * Return: a handle, or a negative errno.
 */
int mailbox_open(const char *name, int oflag, mode_t mode,
		 const struct mailbox_attr *attr, struct mailbox_error *error);

/**
 * mailbox_open_rights() - a handle on a name with any rights
 *	(MAILBOX_IOC_OPEN)
 * @name: the name, which must exist
 * @rights: MAILBOX_RIGHT_*, at least one
 * @flags: MAILBOX_OPEN_*
 * @error: filled on failure; may be NULL
 *
 * Return: a handle, or a negative errno.
 */
int mailbox_open_rights(const char *name, unsigned int rights,
			unsigned int flags, struct mailbox_error *error);

/**
 * mailbox_dup() - another handle with the same or fewer rights
 *	(MAILBOX_IOC_DUP)
 * @fd: a handle
 * @rights: MAILBOX_RIGHT_*, at least one, none that @fd lacks
 * @flags: MAILBOX_OPEN_*
 * @error: filled on failure; may be NULL
 *
 * Unlike dup(2) this makes an open file of its own, with file status flags of
 * its own; in a BROADCAST mailbox it is another receiver.
 *
 * Return: a handle, or a negative errno.
 */
int mailbox_dup(int fd, unsigned int rights, unsigned int flags,
		struct mailbox_error *error);

/**
 * mailbox_destroy() - end a mailbox for everybody (MAILBOX_IOC_DESTROY)
 * @fd: a handle with ADMIN
 * @flags: MAILBOX_DESTROY_NOW or 0
 * @dropped: set to the number of messages that were in the queue; may be NULL
 * @error: filled on failure; may be NULL
 *
 * The handle stays open until close(2).
 *
 * Return: 0 or a negative errno.
 */
int mailbox_destroy(int fd, unsigned int flags, uint64_t *dropped,
		    struct mailbox_error *error);

/**
 * mailbox_remove() - end a named mailbox for everybody
 *	(MAILBOX_IOC_OPEN with ADMIN, then MAILBOX_IOC_DESTROY)
 * @name: the name
 * @error: filled on failure; may be NULL.  Its members are MAILBOX_IOC_OPEN's
 *
 * Unlike mq_unlink(3) it ends the mailbox also for those who have it open.
 *
 * Return: 0 or a negative errno.
 */
int mailbox_remove(const char *name, struct mailbox_error *error);

/* --- sending (MAILBOX_IOC_SEND) -------------------------------------- */

/**
 * mailbox_send() - send a message, wait for room as long as it takes
 * @fd: a handle with SEND
 * @buffer: the payload
 * @length: its bytes
 * @priority: 0..MAILBOX_PRIORITY_MAX, the highest is received first
 * @tag: any number, by which receivers can select
 * @error: filled on failure; may be NULL
 *
 * With O_NONBLOCK on the file it does not wait: -EAGAIN.
 *
 * Return: 0 or a negative errno.
 */
int mailbox_send(int fd, const void *buffer, size_t length,
		 unsigned int priority, uint64_t tag,
		 struct mailbox_error *error);

/**
 * mailbox_trysend() - send a message if that can be done at once
 * @fd: a handle with SEND
 * @buffer: the payload
 * @length: its bytes
 * @priority: as for mailbox_send()
 * @tag: as for mailbox_send()
 * @error: filled on failure; may be NULL
 *
 * Return: 0 or a negative errno; -EAGAIN where it would have to wait.
 */
int mailbox_trysend(int fd, const void *buffer, size_t length,
		    unsigned int priority, uint64_t tag,
		    struct mailbox_error *error);

/**
 * mailbox_timedsend() - send a message, wait for room until a deadline
 * @fd: a handle with SEND
 * @buffer: the payload
 * @length: its bytes
 * @priority: as for mailbox_send()
 * @tag: as for mailbox_send()
 * @deadline: absolute, CLOCK_MONOTONIC, ns, see mailbox_deadline(); or
 *	MAILBOX_FOREVER
 * @error: filled on failure; may be NULL
 *
 * Return: 0 or a negative errno; -ETIMEDOUT after the deadline.
 */
int mailbox_timedsend(int fd, const void *buffer, size_t length,
		      unsigned int priority, uint64_t tag, int64_t deadline,
		      struct mailbox_error *error);

/**
 * mailbox_send_sync() - send a message and wait until it has been received
 * @fd: a handle with SEND
 * @buffer: the payload
 * @length: its bytes
 * @deadline: as for mailbox_timedsend()
 * @receipt: set to who received it; may be NULL
 * @error: filled on failure; may be NULL
 *
 * When it fails, also by its deadline or a signal, nobody receives the
 * message.
 *
 * Return: 0 or a negative errno.
 */
int mailbox_send_sync(int fd, const void *buffer, size_t length,
		      int64_t deadline, struct mailbox_receipt *receipt,
		      struct mailbox_error *error);

/**
 * mailbox_sendv() - send one message that is gathered from pieces
 * @fd: a handle with SEND
 * @iov: the pieces
 * @count: how many, 0..MAILBOX_VECTOR_MAX
 * @priority: as for mailbox_send()
 * @tag: as for mailbox_send()
 * @error: filled on failure; may be NULL
 *
 * Return: 0 or a negative errno.
 */
int mailbox_sendv(int fd, const struct iovec *iov, int count,
		  unsigned int priority, uint64_t tag,
		  struct mailbox_error *error);

/**
 * mailbox_sendmsg() - send a message with everything that a message can have
 * @fd: a handle with SEND
 * @message: the command's struct; on success its .sequence and .receipt are
 *	set, on failure its .error
 *
 * Return: 0 or a negative errno.
 */
int mailbox_sendmsg(int fd, struct mailbox_send *message);

/**
 * mailbox_sendmmsg() - send several messages in one trip
 *	(MAILBOX_IOC_SEND_BATCH)
 * @fd: a handle with SEND
 * @messages: an array; each one's .error.code says what became of it: 0, a
 *	negative errno, or -ECANCELED behind the first failure
 * @count: its members, 1..MAILBOX_BATCH_MAX
 * @error: filled on failure; may be NULL
 *
 * Return: how many were sent, at least 1; or a negative errno, when none was.
 */
int mailbox_sendmmsg(int fd, struct mailbox_send *messages,
		     unsigned int count, struct mailbox_error *error);

/* --- receiving (MAILBOX_IOC_RECEIVE) --------------------------------- */

/**
 * mailbox_receive() - take a message, wait for one as long as it takes
 * @fd: a handle with RECEIVE
 * @buffer: where the payload goes
 * @size: its bytes
 * @header: set to what the kernel attests of the message; may be NULL
 * @error: filled on failure; may be NULL
 *
 * With O_NONBLOCK on the file it does not wait: -EAGAIN.  Where the message
 * does not fit: -EMSGSIZE, error->value bytes are needed, and the message is
 * still in the queue.
 *
 * Return: the payload's bytes, or a negative errno.
 */
ssize_t mailbox_receive(int fd, void *buffer, size_t size,
			struct mailbox_header *header,
			struct mailbox_error *error);

/**
 * mailbox_tryreceive() - take a message if there is one
 * @fd: a handle with RECEIVE
 * @buffer: where the payload goes
 * @size: its bytes
 * @header: as for mailbox_receive()
 * @error: filled on failure; may be NULL
 *
 * Return: the payload's bytes, or a negative errno; -EAGAIN where it would
 * have to wait.
 */
ssize_t mailbox_tryreceive(int fd, void *buffer, size_t size,
			   struct mailbox_header *header,
			   struct mailbox_error *error);

/**
 * mailbox_timedreceive() - take a message, wait for one until a deadline
 * @fd: a handle with RECEIVE
 * @buffer: where the payload goes
 * @size: its bytes
 * @deadline: absolute, CLOCK_MONOTONIC, ns, see mailbox_deadline(); or
 *	MAILBOX_FOREVER
 * @header: as for mailbox_receive()
 * @error: filled on failure; may be NULL
 *
 * Return: the payload's bytes, or a negative errno; -ETIMEDOUT after the
 * deadline.
 */
ssize_t mailbox_timedreceive(int fd, void *buffer, size_t size,
			     int64_t deadline, struct mailbox_header *header,
			     struct mailbox_error *error);

/**
 * mailbox_receive_tag() - take the first message with a tag
 * @fd: a handle with RECEIVE
 * @tag: the tag
 * @buffer: where the payload goes
 * @size: its bytes
 * @deadline: as for mailbox_timedreceive()
 * @header: as for mailbox_receive()
 * @error: filled on failure; may be NULL
 *
 * mailbox_recvmsg() knows the other selections.
 *
 * Return: the payload's bytes, or a negative errno.
 */
ssize_t mailbox_receive_tag(int fd, uint64_t tag, void *buffer, size_t size,
			    int64_t deadline, struct mailbox_header *header,
			    struct mailbox_error *error);

/**
 * mailbox_receive_from() - take the first message that a process sent
 * @fd: a handle with RECEIVE
 * @pid: the process, in the caller's pid namespace
 * @buffer: where the payload goes
 * @size: its bytes
 * @deadline: as for mailbox_timedreceive()
 * @header: as for mailbox_receive()
 * @error: filled on failure; may be NULL
 *
 * Return: the payload's bytes, or a negative errno.
 */
ssize_t mailbox_receive_from(int fd, pid_t pid, void *buffer, size_t size,
			     int64_t deadline, struct mailbox_header *header,
			     struct mailbox_error *error);

/**
 * mailbox_receivev() - take one message and scatter it over pieces
 * @fd: a handle with RECEIVE
 * @iov: the pieces
 * @count: how many, 0..MAILBOX_VECTOR_MAX
 * @header: as for mailbox_receive()
 * @error: filled on failure; may be NULL
 *
 * Return: the payload's bytes, or a negative errno.
 */
ssize_t mailbox_receivev(int fd, const struct iovec *iov, int count,
			 struct mailbox_header *header,
			 struct mailbox_error *error);

/**
 * mailbox_peek() - look at a message and leave it in the queue
 * @fd: a handle with RECEIVE
 * @index: which one, from 0, in the order in which they would be received
 * @buffer: where the payload goes, as far as it fits; may be NULL with @size 0
 * @size: its bytes
 * @header: set to what the kernel attests; its .length is the whole payload's.
 *	May be NULL
 * @error: filled on failure; may be NULL
 *
 * It never waits.
 *
 * Return: the bytes in @buffer, or a negative errno; -ENOMSG where there is no
 * such message.
 */
ssize_t mailbox_peek(int fd, uint64_t index, void *buffer, size_t size,
		     struct mailbox_header *header,
		     struct mailbox_error *error);

/**
 * mailbox_recvmsg() - take a message by everything that RECEIVE offers
 * @fd: a handle with RECEIVE
 * @message: the command's struct; on success its .header is set, on failure
 *	its .error
 *
 * Return: the bytes in the buffer, or a negative errno.
 */
ssize_t mailbox_recvmsg(int fd, struct mailbox_receive *message);

/**
 * mailbox_recvmmsg() - take several messages in one trip
 *	(MAILBOX_IOC_RECEIVE_BATCH)
 * @fd: a handle with RECEIVE
 * @messages: an array; each one's .error.code says what became of it: 0, a
 *	negative errno, or -ECANCELED behind the first failure
 * @count: its members, 1..MAILBOX_BATCH_MAX
 * @error: filled on failure; may be NULL
 *
 * It waits, as the members' flags say, for the first message only.
 *
 * Return: how many were received, at least 1; or a negative errno, when none
 * was.
 */
int mailbox_recvmmsg(int fd, struct mailbox_receive *messages,
		     unsigned int count, struct mailbox_error *error);

/* --- watching and changing ------------------------------------------- */

/**
 * mailbox_stat() - all about a mailbox (MAILBOX_IOC_STAT)
 * @fd: a handle
 * @stat: filled
 *
 * Return: 0 or a negative errno, with stat->error.
 */
int mailbox_stat(int fd, struct mailbox_stat *stat);

/**
 * mailbox_list() - the named mailboxes of this network namespace
 *	(MAILBOX_IOC_LIST)
 * @after: list the names behind this one, in strcmp(3)'s order; NULL: all
 * @entries: an array, filled from its beginning
 * @count: its members, 1..4096
 * @more: set to 1 if there are more names behind the last entry, else to 0;
 *	may be NULL
 * @error: filled on failure; may be NULL
 *
 * Return: how many entries were filled, 0 behind the last name; or a negative
 * errno.
 */
int mailbox_list(const char *after, struct mailbox_stat *entries,
		 unsigned int count, int *more, struct mailbox_error *error);

/**
 * mailbox_next() - the named mailbox behind this one
 * @entry: replaced by the entry behind entry->name; an empty name begins
 * @error: filled on failure; may be NULL
 *
 * The walk's whole state is the entry::
 *
 *	struct mailbox_stat entry = { .name = "" };
 *
 *	while (mailbox_next(&entry, NULL) > 0)
 *		puts(entry.name);
 *
 * Return: 1, or 0 behind the last name (@entry is left alone), or a negative
 * errno.
 */
int mailbox_next(struct mailbox_stat *entry, struct mailbox_error *error);

/**
 * mailbox_set() - change a mailbox (MAILBOX_IOC_SET)
 * @fd: a handle with ADMIN
 * @set: what to change
 *
 * Return: 0 or a negative errno, with set->error.
 */
int mailbox_set(int fd, struct mailbox_set *set);

/* --- segments (MAILBOX_POLICY_SEGMENT) ----------------------------------- */

/**
 * mailbox_segment() - make a segment, or find it
 * @name: its name, or NULL for one without
 * @oflag: O_RDONLY or O_RDWR, with O_CREAT, O_EXCL as for open(2); NULL needs
 *	O_CREAT
 * @flags: with O_CREAT: MAILBOX_CREATE_PERSIST or 0; else 0
 * @mode: with O_CREAT and a name: permission bits, less the umask
 * @size: with O_CREAT: bytes, 1..MAILBOX_SEGMENT_MAX; a segment that is found
 *	keeps its own
 * @error: filled on failure; may be NULL
 *
 * Return: a handle, or a negative errno.
 */
int mailbox_segment(const char *name, int oflag, unsigned int flags, mode_t mode,
		    size_t size, struct mailbox_error *error);

/**
 * mailbox_attach() - map a segment
 * @fd: a handle on it, which may be closed afterwards
 * @wish: where, a multiple of the page size, or NULL for anywhere
 * @protection: PROT_READ, or with O_RDWR also PROT_WRITE
 * @place: set to where it is
 * @size: set to its bytes; may be NULL
 * @error: filled on failure; may be NULL
 *
 * Return: 0 or a negative errno; -EEXIST: something is mapped at @wish; -EACCES:
 * the handle may not write; -ENODEV: no segment.
 */
int mailbox_attach(int fd, void *wish, int protection, void **place, size_t *size,
		   struct mailbox_error *error);

/**
 * mailbox_detach() - unmap a segment
 * @place: where it is
 * @size: its bytes
 *
 * Return: 0 or a negative errno.
 */
int mailbox_detach(void *place, size_t size);

/* --- deadlines ------------------------------------------------------- */

/**
 * mailbox_deadline() - the deadline that lies a while ahead
 * @clock: CLOCK_MONOTONIC; or CLOCK_REALTIME, for MAILBOX_REALTIME
 * @ahead: how far; NULL: MAILBOX_FOREVER.  A negative time is in the past
 *
 * Return: nanoseconds of the clock, at least 0 and at most MAILBOX_FOREVER; or
 * -EINVAL for another clock or for nanoseconds outside of 0..999999999.
 */
int64_t mailbox_deadline(clockid_t clock, const struct timespec *ahead);

/**
 * mailbox_deadline_ms() - the deadline that lies some milliseconds ahead
 * @milliseconds: how many; negative, as in poll(2): MAILBOX_FOREVER
 *
 * Return: nanoseconds of CLOCK_MONOTONIC.
 */
int64_t mailbox_deadline_ms(int64_t milliseconds);

/**
 * mailbox_deadline_at() - the deadline at a time that is known
 * @when: the time, of whichever clock; NULL: MAILBOX_FOREVER
 *
 * Return: nanoseconds of that clock, at least 0 and at most MAILBOX_FOREVER;
 * or -EINVAL for nanoseconds outside of 0..999999999.
 */
int64_t mailbox_deadline_at(const struct timespec *when);

/* --- channels (MAILBOX_IOC_CHANNEL, _CONNECT, _ACCEPT) ----------------- */

/**
 * struct mailbox_channel_attr - what a new channel is like
 * @capacity: messages that may wait each way, not 0
 * @message_max: as in struct mailbox_attr
 * @ring: bytes of the ring that the first end, or who connects, writes: a power
 *	of two, MAILBOX_RING_MIN..MAILBOX_RING_MAX; or 0, and then both are
 * @ring_back: bytes of the other ring
 *
 * See <mailbox_ring.h> for the rings.
 */
struct mailbox_channel_attr {
	uint64_t capacity;
	uint64_t message_max;
	uint32_t ring;
	uint32_t ring_back;
};

/* What NULL stands for: messages, and no rings. */
#define MAILBOX_CHANNEL_ATTR_INIT { MAILBOX_DEFAULT_CAPACITY, 0, 0, 0 }

/**
 * mailbox_channel() - both ends of a new channel, as socketpair(2)
 * @ends: set to two handles; what is sent to one is received at the other
 * @attr: or NULL
 * @error: filled on failure; may be NULL
 *
 * Return: 0 or a negative errno.
 */
int mailbox_channel(int ends[2], const struct mailbox_channel_attr *attr,
		    struct mailbox_error *error);

/**
 * mailbox_connect() - ask who receives from a mailbox for a channel
 * @fd: a handle with SEND
 * @request: a message that goes with it
 * @length: its bytes
 * @attr: or NULL
 * @deadline: for the answer, as for mailbox_timedsend()
 * @error: filled on failure; may be NULL
 *
 * Return: the caller's end, or a negative errno; -ECONNREFUSED: error->value
 * is the code of mailbox_refuse(), or with MAILBOX_REASON_UNANSWERED nobody
 * will answer.
 */
int mailbox_connect(int fd, const void *request, size_t length,
		    const struct mailbox_channel_attr *attr, int64_t deadline,
		    struct mailbox_error *error);

/**
 * mailbox_accept() - answer a request with yes
 * @fd: the handle that received it
 * @sequence: header.sequence of the request, a message that has
 *	MAILBOX_MESSAGE_CONNECT in its header.flags
 * @flags: MAILBOX_ACCEPT_*
 * @error: filled on failure; may be NULL
 *
 * Return: the other end, or a negative errno; -ENOENT: no such request, or
 * who asked has given up.
 */
int mailbox_accept(int fd, uint64_t sequence, unsigned int flags,
		   struct mailbox_error *error);

/**
 * mailbox_refuse() - answer a request with no
 * @fd: the handle that received it
 * @sequence: as for mailbox_accept()
 * @code: any number, for who asked
 * @error: filled on failure; may be NULL
 *
 * Return: 0 or a negative errno.
 */
int mailbox_refuse(int fd, uint64_t sequence, uint32_t code,
		   struct mailbox_error *error);

/**
 * mailbox_peer() - who is at the other end
 * @fd: an end of a channel
 * @peer: filled; its .flags are not read
 *
 * Return: 0 or a negative errno, with peer->error.
 */
int mailbox_peer(int fd, struct mailbox_peer *peer);

/**
 * mailbox_peer_pidfd() - the process at the other end
 * @fd: an end of a channel
 * @error: filled on failure; may be NULL
 *
 * Return: a pidfd (see pidfd_open(2)) of that process and of no other, or a
 * negative errno; -ESRCH: there is none any more, or none that the caller sees.
 */
int mailbox_peer_pidfd(int fd, struct mailbox_error *error);

/* --- errors in words ------------------------------------------------- */

/**
 * mailbox_strerror() - an error as an English sentence
 * @error: what a call said
 * @command: the MAILBOX_IOC_* that the call used, to name members by; 0 where
 *	it is not known.  For the members of a batch MAILBOX_IOC_SEND or
 *	MAILBOX_IOC_RECEIVE
 * @buffer: where the sentence goes, with a NUL, and cut if there is no room
 * @size: its bytes; MAILBOX_STRERROR_MAX is always enough
 *
 * It begins with a lower case letter and ends, without a full stop, in the
 * errno's name, as in::
 *
 *	member 'priority' is out of range: at most 32767 (EINVAL)
 *
 * Return: @buffer; a constant empty string if @size is 0.
 */
const char *mailbox_strerror(const struct mailbox_error *error,
			     unsigned long command, char *buffer, size_t size);

/**
 * mailbox_field_name() - the member of a command's struct at an offset
 * @command: MAILBOX_IOC_*, of any struct size
 * @offset: as in mailbox_error.field
 *
 * Return: its name, as "priority" or "receipt.pid", or NULL where no member
 * begins.
 */
const char *mailbox_field_name(unsigned long command, unsigned int offset);

/**
 * mailbox_reason_name() - a reason's constant
 * @reason: enum mailbox_reason
 *
 * Return: its name without the prefix %MAILBOX_REASON_, as "NAME_TAKEN", or
 * NULL.
 */
const char *mailbox_reason_name(unsigned int reason);

#ifdef __cplusplus
}
#endif

#endif /* _MAILBOX_H */
