/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Mailbox IPC: the contract between /dev/mailbox and user space.
 *
 * Rules that hold for every command:
 *
 * - Each command takes a pointer to one struct, whose first member is a
 *   struct mailbox_error.  The structs may grow at their end: the size in the
 *   command's number is the caller's.  A caller that knows more than the
 *   kernel gets E2BIG, unless what the kernel does not know is zero; a caller
 *   that knows less gets no byte more than it has room for.
 * - Flags that are not named here, reserved members that are not zero, and
 *   members that the flags given do not use but that are not zero: EINVAL.
 *   Members marked "out" are ignored on input.
 * - When a command fails, and the struct can be written, its error member
 *   says why.  When it succeeds, or ends with EINTR, error is left as it was.
 * - Pointers travel as __u64, so that 32-bit programs share these layouts.
 * - Every new descriptor is close-on-exec.
 */
#ifndef _UAPI_LINUX_MAILBOX_H
#define _UAPI_LINUX_MAILBOX_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The version of this contract; for humans. Programs test feature bits. */
#define MAILBOX_ABI_VERSION	1

/* Bytes in a name, without the NUL that ends it. */
#define MAILBOX_NAME_MAX	255

/* Priorities go from 0 to this, and the highest is received first. */
#define MAILBOX_PRIORITY_MAX	32767

/* Messages in one batch. */
#define MAILBOX_BATCH_MAX	64

/* Pieces in a vectored payload. */
#define MAILBOX_VECTOR_MAX	1024

/* A capacity without a bound; the senders' quotas are the end. */
#define MAILBOX_UNLIMITED	0xffffffffffffffffULL

/* The largest bounded capacity, in messages. */
#define MAILBOX_CAPACITY_MAX	0x7fffffffULL

/**
 * enum mailbox_reason - why a call failed, beyond its errno
 * @MAILBOX_REASON_NONE: the errno says it all
 * @MAILBOX_REASON_FLAGS: @field has bits that are unknown or exclude one
 *	another; value: those bits
 * @MAILBOX_REASON_RESERVED: @field is reserved, or not used by the flags
 *	given, and must be zero; value: what it held (0 where it is a range)
 * @MAILBOX_REASON_RANGE: @field is out of range; value: the nearest bound
 * @MAILBOX_REASON_POINTER: @field points to memory that cannot be used; value:
 *	the address
 * @MAILBOX_REASON_SIZE: the struct itself is too small (EINVAL; value: the
 *	smallest size) or has a tail that this kernel does not know (E2BIG;
 *	value: the size that it knows)
 * @MAILBOX_REASON_NAME_EMPTY: a name of no bytes
 * @MAILBOX_REASON_NAME_LONG: a name over MAILBOX_NAME_MAX; value: that limit
 * @MAILBOX_REASON_NAME_BYTE: a slash or a control byte in a name; value: its
 *	position
 * @MAILBOX_REASON_NAME_TAKEN: the name exists
 * @MAILBOX_REASON_NAME_UNKNOWN: no mailbox has the name
 * @MAILBOX_REASON_MODE: the mailbox's mode bits refuse; value: the rights
 *	refused
 * @MAILBOX_REASON_RIGHT: the handle lacks a right; value: the rights missing
 * @MAILBOX_REASON_RECEIVER_TAKEN: an EXCLUSIVE mailbox has its receiver
 * @MAILBOX_REASON_PAIR_TAKEN: a PAIR mailbox has its two processes
 * @MAILBOX_REASON_POLICY: the mailbox's kind (policy, FIXED, no name) does not
 *	go with @field; value: what it held, of flags those bits
 * @MAILBOX_REASON_USER_BYTES: the calling user's quota of queued bytes; value:
 *	the quota
 * @MAILBOX_REASON_USER_MESSAGES: the calling user's quota of queued messages;
 *	value: the quota
 * @MAILBOX_REASON_USER_MAILBOXES: the calling user's quota of mailboxes;
 *	value: the quota
 * @MAILBOX_REASON_MODULE_SIZE: the module's limit on the size of a message;
 *	value: the limit, bytes
 * @MAILBOX_REASON_MAILBOX_SIZE: the mailbox's limit on the size of a message;
 *	value: the limit, bytes
 * @MAILBOX_REASON_FIXED_SIZE: the mailbox's messages have one size; value:
 *	that size, bytes
 * @MAILBOX_REASON_BUFFER_SIZE: the message at hand does not fit the buffer and
 *	is still in the queue; value: the size needed, bytes
 * @MAILBOX_REASON_FULL: no room; value: the capacity
 * @MAILBOX_REASON_EMPTY: no message, or none that was selected; value: the
 *	messages in the queue
 * @MAILBOX_REASON_NO_TAKER: a rendezvous found no receiver waiting
 * @MAILBOX_REASON_DESTROYED: the mailbox has been destroyed
 * @MAILBOX_REASON_NO_RECEIVERS: nobody is left who could receive
 * @MAILBOX_REASON_NO_SENDERS: no message that is wanted is there, and nobody is
 *	left who could send
 * @MAILBOX_REASON_CUT_OFF: this receiver fell behind in a broadcast and was
 *	cut off; value: the messages that it missed so far
 * @MAILBOX_REASON_CLOSED: another thread closed the descriptor meanwhile
 * @MAILBOX_REASON_DEADLINE: the deadline passed; value: the deadline
 * @MAILBOX_REASON_BATCH: an earlier message of the batch failed, this one was
 *	not tried; value: the index of the one that failed
 * @MAILBOX_REASON_OWNER: not the owner and without the capability that stands
 *	in for it
 * @MAILBOX_REASON_RECEIVERS_MAX: a broadcast has as many receiving handles as
 *	it may; value: how many
 * @MAILBOX_REASON_REFUSED: the request for a channel was turned down; value:
 *	the code that REFUSE gave
 * @MAILBOX_REASON_UNANSWERED: the request for a channel was lost, or who had
 *	received it closed
 * @MAILBOX_REASON_REQUEST_UNKNOWN: the handle has no such request to answer
 * @MAILBOX_REASON_NO_PEER: the other end of the channel is closed
 */
enum mailbox_reason {
	MAILBOX_REASON_NONE = 0,
	MAILBOX_REASON_FLAGS = 1,
	MAILBOX_REASON_RESERVED = 2,
	MAILBOX_REASON_RANGE = 3,
	MAILBOX_REASON_POINTER = 4,
	MAILBOX_REASON_SIZE = 5,
	MAILBOX_REASON_NAME_EMPTY = 6,
	MAILBOX_REASON_NAME_LONG = 7,
	MAILBOX_REASON_NAME_BYTE = 8,
	MAILBOX_REASON_NAME_TAKEN = 9,
	MAILBOX_REASON_NAME_UNKNOWN = 10,
	MAILBOX_REASON_MODE = 11,
	MAILBOX_REASON_RIGHT = 12,
	MAILBOX_REASON_RECEIVER_TAKEN = 13,
	MAILBOX_REASON_PAIR_TAKEN = 14,
	MAILBOX_REASON_POLICY = 15,
	MAILBOX_REASON_USER_BYTES = 16,
	MAILBOX_REASON_USER_MESSAGES = 17,
	MAILBOX_REASON_USER_MAILBOXES = 18,
	MAILBOX_REASON_MODULE_SIZE = 19,
	MAILBOX_REASON_MAILBOX_SIZE = 20,
	MAILBOX_REASON_FIXED_SIZE = 21,
	MAILBOX_REASON_BUFFER_SIZE = 22,
	MAILBOX_REASON_FULL = 23,
	MAILBOX_REASON_EMPTY = 24,
	MAILBOX_REASON_NO_TAKER = 25,
	MAILBOX_REASON_DESTROYED = 26,
	MAILBOX_REASON_NO_RECEIVERS = 27,
	MAILBOX_REASON_NO_SENDERS = 28,
	MAILBOX_REASON_CUT_OFF = 29,
	MAILBOX_REASON_CLOSED = 30,
	MAILBOX_REASON_DEADLINE = 31,
	MAILBOX_REASON_BATCH = 32,
	MAILBOX_REASON_OWNER = 33,
	MAILBOX_REASON_RECEIVERS_MAX = 34,
	MAILBOX_REASON_REFUSED = 35,
	MAILBOX_REASON_UNANSWERED = 36,
	MAILBOX_REASON_REQUEST_UNKNOWN = 37,
	MAILBOX_REASON_NO_PEER = 38
};

/* mailbox_error.field where no member is at fault */
#define MAILBOX_NO_FIELD	0xffff

/**
 * struct mailbox_error - why the call failed
 * @code: the errno, negative; in a batch also 0, for a message that went well
 * @reason: enum mailbox_reason
 * @field: byte offset, in the command's struct, of the member at fault, or
 *	MAILBOX_NO_FIELD
 * @value: as the reason says
 */
struct mailbox_error {
	__s32 code;
	__u16 reason;
	__u16 field;
	__u64 value;
};

/* What a handle may do. */
#define MAILBOX_RIGHT_SEND	0x1	/* SEND, write(2); mode bit w */
#define MAILBOX_RIGHT_RECEIVE	0x2	/* RECEIVE, read(2); mode bit r */
#define MAILBOX_RIGHT_ADMIN	0x4	/* SET, DESTROY; owner or creator */
#define MAILBOX_RIGHT_ALL	0x7

/*
 * How a call waits, the same bits in every call that can.  Without any of
 * them it waits without end.  O_NONBLOCK on the file counts as
 * MAILBOX_NONBLOCK, and then a deadline is ignored.
 */
#define MAILBOX_NONBLOCK	0x1	/* never wait: EAGAIN */
#define MAILBOX_DEADLINE	0x2	/* wait until .deadline: ETIMEDOUT */
#define MAILBOX_REALTIME	0x4	/* .deadline is of CLOCK_REALTIME, not _MONOTONIC */

/* .buffer is an array of .length struct mailbox_vector. */
#define MAILBOX_VECTOR		0x8

/**
 * struct mailbox_vector - a piece of a payload, as struct iovec
 * @base: user address
 * @length: bytes
 */
struct mailbox_vector {
	__u64 base;
	__u64 length;
};

/* --- on the device --------------------------------------------------- */

/* Bits of mailbox_info.features: what this module can do. */
#define MAILBOX_FEATURE_QUEUE		0x01	/* SEND, RECEIVE, priorities, tags, PEEK */
#define MAILBOX_FEATURE_BATCH		0x02	/* SEND_BATCH, RECEIVE_BATCH */
#define MAILBOX_FEATURE_SYNC		0x04	/* capacity 0, MAILBOX_SEND_SYNC */
#define MAILBOX_FEATURE_NAMES		0x08	/* CREATE with a name, OPEN, LIST */
#define MAILBOX_FEATURE_PAIR		0x10	/* MAILBOX_POLICY_PAIR */
#define MAILBOX_FEATURE_BROADCAST	0x20	/* MAILBOX_POLICY_BROADCAST */
#define MAILBOX_FEATURE_CHANNEL		0x40	/* CHANNEL, CONNECT, ACCEPT, REFUSE, PEER */
#define MAILBOX_FEATURE_RING		0x80	/* rings in channels */
#define MAILBOX_FEATURE_SEGMENT		0x100	/* MAILBOX_POLICY_SEGMENT */

/**
 * struct mailbox_info - MAILBOX_IOC_INFO: what the module can do, and how much
 * @error: out, on failure
 * @flags: must be 0
 * @abi_version: out: MAILBOX_ABI_VERSION of the module
 * @features: out: MAILBOX_FEATURE_* bits
 * @message_max: out: the largest message that the module allows, bytes
 * @user_bytes: out: bytes now charged to the calling user: queued payloads and what
 *	it costs to keep them, rings, segments
 * @user_bytes_max: out: the user's quota of them
 * @user_messages: out: queued messages now charged to the calling user
 * @user_messages_max: out: the user's quota of them
 * @user_mailboxes: out: mailboxes that the calling user created and that are
 *	not destroyed
 * @user_mailboxes_max: out: the user's quota of them
 *
 * Works on the device and on handles.  Quotas count by real user id; a process
 * with CAP_SYS_RESOURCE goes above them.
 */
struct mailbox_info {
	struct mailbox_error error;
	__u32 flags;
	__u32 abi_version;
	__u64 features;
	__u64 message_max;
	__u64 user_bytes;
	__u64 user_bytes_max;
	__u64 user_messages;
	__u64 user_messages_max;
	__u64 user_mailboxes;
	__u64 user_mailboxes_max;
};

/* Who gets a message. */
#define MAILBOX_POLICY_SHARED		0	/* any one receiver */
#define MAILBOX_POLICY_EXCLUSIVE	1	/* the one receiving handle there may be */
#define MAILBOX_POLICY_PAIR		2	/* the other one of two processes */
#define MAILBOX_POLICY_BROADCAST	3	/* every receiving handle, in one order */
#define MAILBOX_POLICY_CHANNEL		4	/* the other end; not made by CREATE */
#define MAILBOX_POLICY_SEGMENT		5	/* no messages: memory to mmap(2) */

/* The largest segment, bytes. */
#define MAILBOX_SEGMENT_MAX	0x40000000

/* What becomes of a broadcast when a receiving handle has no room. */
#define MAILBOX_SLOW_BLOCK	0	/* the sender waits for it */
#define MAILBOX_SLOW_LOSE	1	/* it loses its oldest message, counted */
#define MAILBOX_SLOW_CUT	2	/* it gets no more: the rest, then EPIPE */

/* mailbox_create.flags */
#define MAILBOX_CREATE_NONBLOCK	0x01	/* the new file is O_NONBLOCK */
#define MAILBOX_CREATE_EXCL	0x10	/* EEXIST if the name is taken; else it is opened */
#define MAILBOX_CREATE_PERSIST	0x20	/* named: stays until DESTROY, keeps the module loaded */
#define MAILBOX_CREATE_FIXED	0x40	/* every message has exactly .message_max bytes */

/**
 * struct mailbox_create - MAILBOX_IOC_CREATE: make a mailbox, or find it
 * @error: out, on failure
 * @name: address of a string that a NUL ends, 1..MAILBOX_NAME_MAX bytes
 *	without slashes and control bytes (0x01..0x1f, 0x7f), or 0 for a
 *	mailbox without a name
 * @flags: MAILBOX_CREATE_*
 * @rights: MAILBOX_RIGHT_* of the new handle, at least one.  Where CREATE finds
 *	the name they are checked as OPEN does; the creator gets what it asks
 * @policy: MAILBOX_POLICY_*
 * @slow: MAILBOX_SLOW_*; must be 0 for other policies than BROADCAST
 * @mode: 0..0666, less the caller's umask; w: may open for SEND, r: for
 *	RECEIVE, for the owner, the group and others.  Must be 0 without a name
 * @created: out: 1 if the mailbox is new, 0 if it was found
 * @capacity: messages that may wait: 0 is a rendezvous (a send ends when a
 *	receiver has taken the message), up to MAILBOX_CAPACITY_MAX, or
 *	MAILBOX_UNLIMITED.  For PAIR: each way.  For BROADCAST: for each
 *	receiver, and not 0.  For SEGMENT: bytes, 1..MAILBOX_SEGMENT_MAX
 * @message_max: bytes in a message at most; 0 stands for the module's limit.
 *	With FIXED it must not be 0; for SEGMENT it must be 0
 * @fd: out: the new handle
 * @reserved: must be 0
 *
 * A SEGMENT is memory that whoever has a handle can map, by mmap(2) from offset 0
 * on: with RECEIVE to read, with SEND as well to write.  What is mapped stays until
 * it is unmapped, also when the handle is closed and the mailbox destroyed; but
 * what is destroyed cannot be mapped any more (EIDRM).  Its bytes, in whole pages,
 * are charged to the creator's quota as queued ones until it is destroyed, and to
 * the memory cgroup of who touches them first.  SEND, RECEIVE and what else goes
 * with messages fails with EBADF (RIGHT); read(2) and write(2) with EINVAL.
 *
 * Where a mailbox of the name exists and EXCL is not given, it is opened: then
 * @policy, @slow, @mode, @capacity, @message_max, PERSIST and FIXED are checked
 * for sense but otherwise ignored, as mq_open(3) does.  Owner and group of a
 * new mailbox are the caller's effective ids.  Names belong to the caller's
 * network namespace; when that goes, its mailboxes are destroyed.
 *
 * Errors: EINVAL, EFAULT, ENAMETOOLONG, EEXIST, EACCES (mode), EPERM (ADMIN
 * of a mailbox that is not the caller's), EBUSY (RECEIVER_TAKEN, PAIR_TAKEN,
 * RECEIVERS_MAX),
 * EDQUOT (USER_MAILBOXES; for SEGMENT also USER_BYTES), EMSGSIZE (MODULE_SIZE),
 * EMFILE, ENFILE, ENOMEM, ENODEV (the module is being unloaded, or the namespace is gone).
 */
struct mailbox_create {
	struct mailbox_error error;
	__u64 name;
	__u32 flags;
	__u32 rights;
	__u32 policy;
	__u32 slow;
	__u32 mode;
	__u32 created;
	__u64 capacity;
	__u64 message_max;
	__s32 fd;
	__u32 reserved;
};

/* mailbox_open.flags and mailbox_dup.flags */
#define MAILBOX_OPEN_NONBLOCK	0x01	/* the new file is O_NONBLOCK */

/**
 * struct mailbox_open - MAILBOX_IOC_OPEN: a handle on a named mailbox
 * @error: out, on failure
 * @name: as in struct mailbox_create, but not 0
 * @flags: MAILBOX_OPEN_*
 * @rights: MAILBOX_RIGHT_*, at least one.  SEND and RECEIVE need the mode's
 *	write and read bit (or CAP_IPC_OWNER), ADMIN needs the owner or the
 *	creator (or CAP_SYS_ADMIN)
 * @fd: out: the new handle
 * @reserved: must be 0
 *
 * Errors: EINVAL, EFAULT, ENAMETOOLONG, ENOENT, EACCES, EPERM (ADMIN), EBUSY,
 * EMFILE, ENFILE, ENOMEM.
 */
struct mailbox_open {
	struct mailbox_error error;
	__u64 name;
	__u32 flags;
	__u32 rights;
	__s32 fd;
	__u32 reserved;
};

/* mailbox_stat.flags: MAILBOX_CREATE_PERSIST, MAILBOX_CREATE_FIXED, and: */
#define MAILBOX_STAT_DESTROYED	0x10000	/* destroyed; only handles are left */

/**
 * struct mailbox_stat - MAILBOX_IOC_STAT, and one entry of MAILBOX_IOC_LIST
 * @error: out, on failure; zero in a list
 * @id: out: a number that no other mailbox of this boot of the module has;
 *	fdinfo shows it too
 * @policy: out: MAILBOX_POLICY_*
 * @slow: out: MAILBOX_SLOW_*
 * @flags: out: MAILBOX_CREATE_PERSIST, MAILBOX_CREATE_FIXED, MAILBOX_STAT_*
 * @rights: out: of this handle; 0 in a list
 * @mode: out: permission bits
 * @uid: out: owner, as the caller's user namespace sees it
 * @gid: out: group
 * @creator_uid: out: who made it
 * @creator_gid: out: who made it
 * @creator_pid: out: who made it, as the caller's pid namespace sees it, or 0
 * @sender_pid: out: the process that sent last, or 0
 * @receiver_pid: out: the process that received last, or 0
 * @capacity: out: as in struct mailbox_create
 * @message_max: out: bytes
 * @depth: out: messages in the queue; those that a receiver is copying now
 *	count.  For BROADCAST the depth of the fullest receiver
 * @bytes: out: payload bytes in the queue, each message once
 * @handles: out: handles open
 * @senders: out: of these, with SEND
 * @receivers: out: of these, with RECEIVE
 * @waiting_senders: out: calls that wait for room or for a taker
 * @waiting_receivers: out: calls that wait for a message, or for records in a ring
 * @reserved: out: 0
 * @sent: out: messages accepted
 * @received: out: messages delivered (a broadcast counts for each receiver)
 * @dropped: out: messages lost to a slow receiver, a broadcast without
 *	receivers, DESTROY, or a receiver's close, for each receiver that
 *	missed it
 * @withdrawn: out: synchronous sends taken back after they were accepted.  But
 *	for BROADCAST, @sent = @received + @dropped + @withdrawn + @depth, whenever
 *	no message is being copied
 * @created_time: out: CLOCK_REALTIME, ns
 * @changed_time: out: of the last SET, CLOCK_REALTIME, ns
 * @send_time: out: of the last message accepted, CLOCK_REALTIME, ns; 0: none
 * @receive_time: out: of the last message delivered, as above
 * @name: out: NUL-terminated, empty where there is none (also once destroyed)
 *
 * Without an "in" member; any handle may ask.
 */
struct mailbox_stat {
	struct mailbox_error error;
	__u64 id;
	__u32 policy;
	__u32 slow;
	__u32 flags;
	__u32 rights;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 creator_uid;
	__u32 creator_gid;
	__s32 creator_pid;
	__s32 sender_pid;
	__s32 receiver_pid;
	__u64 capacity;
	__u64 message_max;
	__u64 depth;
	__u64 bytes;
	__u32 handles;
	__u32 senders;
	__u32 receivers;
	__u32 waiting_senders;
	__u32 waiting_receivers;
	__u32 reserved;
	__u64 sent;
	__u64 received;
	__u64 dropped;
	__u64 withdrawn;
	__u64 created_time;
	__u64 changed_time;
	__u64 send_time;
	__u64 receive_time;
	char name[MAILBOX_NAME_MAX + 1];
};

/**
 * struct mailbox_list - MAILBOX_IOC_LIST: the names of this network namespace
 * @error: out, on failure
 * @after: address of a name: the list begins behind it, whether or not it
 *	exists; 0: at the beginning.  Names come in strcmp(3)'s order
 * @entries: address of an array for struct mailbox_stat
 * @entry_size: the caller's sizeof(struct mailbox_stat); at least the size of
 *	this version's (EINVAL), at most 4096 (E2BIG).  A larger entry's tail is
 *	set to zero
 * @count: in: entries that the array holds, 1..4096; out: entries written
 * @flags: must be 0
 * @more: out: 1 if names follow
 *
 * A name that is there during the whole walk is listed once.  Everybody may
 * list, as with ipcs(1).
 */
struct mailbox_list {
	struct mailbox_error error;
	__u64 after;
	__u64 entries;
	__u32 entry_size;
	__u32 count;
	__u32 flags;
	__u32 more;
};

/* --- on a handle ----------------------------------------------------- */

/* mailbox_send.flags: MAILBOX_NONBLOCK, _DEADLINE, _REALTIME, _VECTOR, and: */
#define MAILBOX_SEND_SYNC	0x10	/* end when a receiver has taken the message */

/**
 * struct mailbox_receipt - who took a synchronous message
 * @time: out: when, CLOCK_MONOTONIC, ns; 0 where there is no receipt
 * @pid: out: the receiving process, as the sender's pid namespace sees it, or 0
 * @uid: out: its effective user id, as the sender's user namespace sees it; the
 *	real one where it took the message by read(2)
 * @gid: out: its effective group id, or the real one
 * @receivers: out: receivers the message went to: 1, or for BROADCAST how many
 */
struct mailbox_receipt {
	__u64 time;
	__s32 pid;
	__u32 uid;
	__u32 gid;
	__u32 receivers;
};

/**
 * struct mailbox_send - MAILBOX_IOC_SEND: put a message in
 * @error: out, on failure
 * @flags: MAILBOX_NONBLOCK, _DEADLINE, _REALTIME, _VECTOR, MAILBOX_SEND_SYNC
 * @priority: 0..MAILBOX_PRIORITY_MAX; must be 0 for BROADCAST, which has one
 *	order for all
 * @tag: any number; receivers can select by it
 * @buffer: address of the payload, or of an array of struct mailbox_vector
 * @length: bytes, or with VECTOR array members (0..MAILBOX_VECTOR_MAX)
 * @deadline: with DEADLINE: absolute time, ns, not negative; else 0.  One in
 *	the past does not wait: what can be done at once is done
 * @sequence: out: the message's number in this mailbox, from 1, in the order
 *	of acceptance
 * @receipt: out: with SYNC or capacity 0 who took it; @receivers always
 *
 * Ends when the message is in the queue; with SYNC or capacity 0, when a
 * receiver has taken it.  A synchronous send that times out, is interrupted or
 * fails has been withdrawn: no receiver gets it.  A synchronous NONBLOCK send
 * succeeds only if a receiver that would take the message waits right now; it
 * is handed over and the receipt names that receiver.  (Should its memory turn
 * out to be bad, or should it be killed, the next receiver gets the message.)
 *
 * Messages wait for room in the order of their calls.  A receiver that finds
 * nothing it wants in the queue takes it from a sender that waits for room.
 *
 * Errors: EBADF (no SEND right), EINVAL (SYNC on BROADCAST: POLICY), EFAULT,
 * EMSGSIZE (MODULE_SIZE, MAILBOX_SIZE, FIXED_SIZE), EAGAIN (FULL, NO_TAKER),
 * ETIMEDOUT, EINTR (a handler without SA_RESTART; with it the call goes on),
 * EPIPE (NO_RECEIVERS: an unnamed mailbox with no receiving handle; SEND raises
 * no signal, write(2) raises SIGPIPE), EIDRM, EDQUOT, ENOMEM, EBUSY
 * (PAIR_TAKEN: a third process), EBADF (CLOSED).
 */
struct mailbox_send {
	struct mailbox_error error;
	__u32 flags;
	__u32 priority;
	__u64 tag;
	__u64 buffer;
	__u64 length;
	__s64 deadline;
	__u64 sequence;
	struct mailbox_receipt receipt;
};

/* mailbox_header.flags */
#define MAILBOX_MESSAGE_TRUNCATED	0x1	/* there was room for fewer than .length bytes */
#define MAILBOX_MESSAGE_SYNC		0x2	/* its sender waits for this receipt */
#define MAILBOX_MESSAGE_CONNECT		0x4	/* a request: to be answered by ACCEPT or REFUSE */

/**
 * struct mailbox_header - what the kernel attests of a message
 * @sequence: number in this mailbox, from 1, in the order of acceptance
 * @length: bytes that were sent
 * @tag: as sent
 * @time: when the message was accepted, CLOCK_MONOTONIC, ns
 * @lost: messages that this receiver lost before this one, since its last
 *	receive (BROADCAST with SLOW_LOSE)
 * @priority: as sent
 * @flags: MAILBOX_MESSAGE_*
 * @pid: the sending process, as the receiver's pid namespace sees it, or 0
 * @uid: its effective user id, as the receiver's user namespace sees it; the real
 *	one where it sent by write(2), which a set-user-ID program may do to a
 *	descriptor that it was given, and knows nothing of it
 * @gid: its effective group id, or the real one
 * @reserved: 0
 */
struct mailbox_header {
	__u64 sequence;
	__u64 length;
	__u64 tag;
	__u64 time;
	__u64 lost;
	__u32 priority;
	__u32 flags;
	__s32 pid;
	__u32 uid;
	__u32 gid;
	__u32 reserved;
};

/* mailbox_receive.flags: MAILBOX_NONBLOCK, _DEADLINE, _REALTIME, _VECTOR, and: */
#define MAILBOX_RECEIVE_PEEK		0x10	/* look at message .index, leave it there */
#define MAILBOX_RECEIVE_TRUNCATE	0x20	/* a message too long is cut, not EMSGSIZE */

/* mailbox_receive.select: all that are given must hold; one TAG bit at most */
#define MAILBOX_SELECT_TAG	0x01	/* tag == .tag */
#define MAILBOX_SELECT_TAG_MAX	0x02	/* tag <= .tag, and of these the lowest tag */
#define MAILBOX_SELECT_TAG_NOT	0x04	/* tag != .tag */
#define MAILBOX_SELECT_PRIORITY	0x08	/* priority >= .priority */
#define MAILBOX_SELECT_PID	0x10	/* sent by process .pid of the caller's pid namespace */

/**
 * struct mailbox_receive - MAILBOX_IOC_RECEIVE: take a message out
 * @error: out, on failure
 * @flags: MAILBOX_NONBLOCK, _DEADLINE, _REALTIME, _VECTOR, MAILBOX_RECEIVE_*
 * @select: MAILBOX_SELECT_*; 0 is the first
 * @tag: for MAILBOX_SELECT_TAG*, else 0
 * @priority: for MAILBOX_SELECT_PRIORITY (0..MAILBOX_PRIORITY_MAX), else 0
 * @pid: for MAILBOX_SELECT_PID (> 0), else 0
 * @index: with PEEK: which of the selected messages, from 0; else 0.  With
 *	MAILBOX_SELECT_TAG_MAX only 0
 * @buffer: where the payload goes, or an array of struct mailbox_vector
 * @length: bytes of room, or with VECTOR array members (0..MAILBOX_VECTOR_MAX)
 * @deadline: as in struct mailbox_send
 * @header: out: what the kernel attests
 *
 * The first message is the one of the highest priority, and among these the
 * one accepted first.  A message leaves the queue only when payload and header
 * have been written: after EFAULT and EMSGSIZE it is still there, in its
 * place.  A failed call may have written to the buffer and to the header.
 *
 * PEEK does not wait (DEADLINE with it: EINVAL) and gives ENOMSG where there
 * is no such message; nobody is told of a peek.
 *
 * In a PAIR mailbox a process receives what the other one sent.  A process
 * leaves when it exits or closes its last descriptor for the mailbox; without a
 * name, who stays gets what was sent and then EPIPE.  In a
 * BROADCAST mailbox each receiving handle has a queue of its own, with what
 * was sent since it was opened.
 *
 * Errors: EBADF (no RECEIVE right), EINVAL, EFAULT, EMSGSIZE (BUFFER_SIZE),
 * EAGAIN (EMPTY), ENOMSG (PEEK), ETIMEDOUT, EINTR, EPIPE (NO_SENDERS: an
 * unnamed mailbox without what is wanted and with no sending handle, or a PAIR
 * that the other process has left; CUT_OFF), EIDRM, EBUSY (PAIR_TAKEN), EBADF
 * (CLOSED), ENOMEM (VECTOR).
 */
struct mailbox_receive {
	struct mailbox_error error;
	__u32 flags;
	__u32 select;
	__u64 tag;
	__u32 priority;
	__s32 pid;
	__u64 index;
	__u64 buffer;
	__u64 length;
	__s64 deadline;
	struct mailbox_header header;
};

/**
 * struct mailbox_batch - MAILBOX_IOC_SEND_BATCH, MAILBOX_IOC_RECEIVE_BATCH
 * @error: out, on failure of the batch as a whole
 * @items: address of an array of struct mailbox_send or struct mailbox_receive
 * @item_size: the caller's sizeof of one of them; grows as the structs of
 *	single calls do.  At least this version's (EINVAL), at most 4096 (E2BIG)
 * @count: members, 1..MAILBOX_BATCH_MAX
 * @flags: must be 0
 * @done: out: messages that went well; these are the first ones
 *
 * The messages are handled in turn, each as by a call of its own.  Each item's
 * error.code says what became of it: 0, its own errno, or for those behind the
 * first failure ECANCELED.  A RECEIVE_BATCH waits, as its items say, for its
 * first message only, and then takes what is there; a SEND_BATCH waits for each.
 *
 * The ioctl returns 0 when at least one message went well, also if a later one
 * failed, else the error of the first one.  So a batch that has begun is not
 * restarted after a signal: the item that was interrupted ends with EINTR.
 */
struct mailbox_batch {
	struct mailbox_error error;
	__u64 items;
	__u32 item_size;
	__u32 count;
	__u32 flags;
	__u32 done;
};

/* mailbox_set.mask: which members are to be set */
#define MAILBOX_SET_CAPACITY	0x01
#define MAILBOX_SET_MESSAGE_MAX	0x02
#define MAILBOX_SET_MODE	0x04
#define MAILBOX_SET_UID		0x08
#define MAILBOX_SET_GID		0x10

/**
 * struct mailbox_set - MAILBOX_IOC_SET: change a mailbox; needs ADMIN (EPERM)
 * @error: out, on failure
 * @mask: MAILBOX_SET_*, at least one; members not named must be 0
 * @mode: as in struct mailbox_create (the umask does not count here); not for
 *	a mailbox without a name
 * @uid: the new owner, as the caller's user namespace sees it; not -1
 * @gid: the new group; not -1
 * @capacity: as in struct mailbox_create; senders that find room go on.  What
 *	is queued stays, also above a lower capacity
 * @message_max: as in struct mailbox_create; counts for later sends.  Not for
 *	a FIXED mailbox (POLICY)
 *
 * All of it happens, or nothing.  Handles that are open keep their rights.
 *
 * Errors: EPERM, EINVAL, EMSGSIZE (MODULE_SIZE), EIDRM.
 */
struct mailbox_set {
	struct mailbox_error error;
	__u32 mask;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u64 capacity;
	__u64 message_max;
};

/**
 * struct mailbox_dup - MAILBOX_IOC_DUP: another handle, with fewer rights
 * @error: out, on failure
 * @flags: MAILBOX_OPEN_*
 * @rights: MAILBOX_RIGHT_*, at least one, none that this handle lacks (EPERM)
 * @fd: out: the new handle.  In a BROADCAST mailbox it is a receiver of its own
 * @reserved: must be 0
 *
 * Errors: EPERM, EINVAL, EBUSY (RECEIVER_TAKEN, PAIR_TAKEN, RECEIVERS_MAX),
 * EIDRM, EMFILE, ENFILE, ENOMEM.
 */
struct mailbox_dup {
	struct mailbox_error error;
	__u32 flags;
	__u32 rights;
	__s32 fd;
	__u32 reserved;
};

/*
 * mailbox_destroy.flags: of a SEGMENT take the memory also from those that have it
 * mapped, who get SIGBUS at the next access.
 */
#define MAILBOX_DESTROY_NOW	0x1

/**
 * struct mailbox_destroy - MAILBOX_IOC_DESTROY: end a mailbox; needs ADMIN
 * @error: out, on failure
 * @flags: MAILBOX_DESTROY_NOW (EINVAL, POLICY, for what is no SEGMENT)
 * @reserved: must be 0
 * @dropped: out: messages that were in the queue
 *
 * The name goes, the queue is emptied, every waiting call ends with EIDRM, so
 * does every later one, poll(2) says EPOLLHUP | EPOLLERR.  Of two that destroy
 * at once one succeeds and the other gets EIDRM.
 *
 * Errors: EPERM, EINVAL, EIDRM.
 */
struct mailbox_destroy {
	struct mailbox_error error;
	__u32 flags;
	__u32 reserved;
	__u64 dropped;
};

/* --- channels -------------------------------------------------------- */

/* The smallest and the largest ring, bytes of data; a power of two between. */
#define MAILBOX_RING_MIN	4096
#define MAILBOX_RING_MAX	0x4000000

/* mailbox_channel.flags */
#define MAILBOX_CHANNEL_NONBLOCK 0x01	/* both new files are O_NONBLOCK */

/**
 * struct mailbox_channel - MAILBOX_IOC_CHANNEL: both ends of a new channel, on
 *	the device; as socketpair(2)
 * @error: out, on failure
 * @flags: MAILBOX_CHANNEL_*
 * @ring: bytes in the ring from the first end to the second one: a power of
 *	two, MAILBOX_RING_MIN..MAILBOX_RING_MAX, or 0 for none.  A channel has two
 *	rings or none
 * @ring_back: bytes in the ring from the second end to the first one
 * @fd: out: the first end
 * @fd_back: out: the second end
 * @reserved: must be 0
 * @capacity: messages that may wait, each way; as in struct mailbox_create, but
 *	not 0
 * @message_max: as in struct mailbox_create
 *
 * An end is a handle with SEND and RECEIVE: what is sent to it the other end
 * receives.  When the last handle of one end is closed, who receives at the
 * other gets what was sent and then EPIPE, and who sends gets EPIPE.  The
 * rings' memory is charged to the calling user as queued bytes are.
 *
 * Errors: EINVAL, EMSGSIZE (MODULE_SIZE), EDQUOT (USER_MAILBOXES, USER_BYTES),
 * EMFILE, ENFILE, ENOMEM, EFAULT.
 */
struct mailbox_channel {
	struct mailbox_error error;
	__u32 flags;
	__u32 ring;
	__u32 ring_back;
	__s32 fd;
	__s32 fd_back;
	__u32 reserved;
	__u64 capacity;
	__u64 message_max;
};

/**
 * struct mailbox_connect - MAILBOX_IOC_CONNECT: ask for a channel; needs SEND
 * @error: out, on failure
 * @flags: MAILBOX_NONBLOCK, _DEADLINE, _REALTIME, _VECTOR
 * @priority: of the request, as in struct mailbox_send
 * @tag: of the request
 * @buffer: its payload, as in struct mailbox_send
 * @length: its length
 * @deadline: as in struct mailbox_send; for the whole of it
 * @capacity: as in struct mailbox_channel
 * @message_max: as in struct mailbox_channel
 * @ring: bytes in the ring from the caller to who accepts, or 0
 * @ring_back: bytes in the other ring, or 0
 * @fd: out: the caller's end; of a call that failed -1, or as it was
 * @reserved: must be 0
 *
 * The request is a message: it waits for its place in the mailbox as others do
 * (so that the mailbox's capacity is the backlog), and who receives it sees
 * MAILBOX_MESSAGE_CONNECT in its header, and answers it by ACCEPT or REFUSE.
 * CONNECT ends with the answer.  With NONBLOCK it ends when the request is
 * queued, and the end can be used at once: what is sent waits for who accepts.
 *
 * The rings' memory and the channel are charged to the calling user.  Not in a
 * BROADCAST, and not on a channel (POLICY).  A CONNECT that gives up takes its
 * request back, unless it was received already; then ACCEPT knows it no more
 * (ENOENT), as one by NONBLOCK whose end was closed.  Either both calls make the
 * channel or none does.
 *
 * Errors: as SEND_SYNC and CHANNEL until the request is received; then
 * ECONNREFUSED (REFUSED; or UNANSWERED: who had received it closed without an
 * answer), EPIPE (NO_RECEIVERS: the other process has left a PAIR without a name;
 * told only while CONNECT waits), ETIMEDOUT, EIDRM (DESTROYED), EBADF (CLOSED).
 * A CONNECT whose request was received is not restarted after a signal, nor after a
 * stop (SIGSTOP, ptrace) or a completion of this thread's io_uring: EINTR.
 */
struct mailbox_connect {
	struct mailbox_error error;
	__u32 flags;
	__u32 priority;
	__u64 tag;
	__u64 buffer;
	__u64 length;
	__s64 deadline;
	__u64 capacity;
	__u64 message_max;
	__u32 ring;
	__u32 ring_back;
	__s32 fd;
	__u32 reserved;
};

/* mailbox_accept.flags */
#define MAILBOX_ACCEPT_NONBLOCK	0x01	/* the new file is O_NONBLOCK */

/**
 * struct mailbox_accept - MAILBOX_IOC_ACCEPT: take the other end of a channel,
 *	on the handle that received the request
 * @error: out, on failure
 * @sequence: of the request
 * @flags: MAILBOX_ACCEPT_*
 * @fd: out: the end; of a call that failed -1, or as it was
 *
 * Needs RECEIVE.
 *
 * Errors: EBADF (RIGHT), EINVAL, ENOENT (REQUEST_UNKNOWN: this handle has received no such
 * request, or it is answered, or who asked has given up), EMFILE, ENFILE, ENOMEM, EFAULT.
 */
struct mailbox_accept {
	struct mailbox_error error;
	__u64 sequence;
	__u32 flags;
	__s32 fd;
};

/**
 * struct mailbox_refuse - MAILBOX_IOC_REFUSE: turn a request down
 * @error: out, on failure
 * @sequence: of the request
 * @flags: must be 0
 * @code: any number; who asked gets it as the value of REFUSED
 *
 * Needs RECEIVE.
 *
 * Errors: EBADF (RIGHT), EINVAL, ENOENT (REQUEST_UNKNOWN).
 */
struct mailbox_refuse {
	struct mailbox_error error;
	__u64 sequence;
	__u32 flags;
	__u32 code;
};

/* mailbox_peer.state */
#define MAILBOX_PEER_PENDING	0	/* CONNECT has not been answered yet */
#define MAILBOX_PEER_OPEN	1	/* the other end has a handle */
#define MAILBOX_PEER_CLOSED	2	/* it had one, or will have none */
#define MAILBOX_PEER_REFUSED	3	/* REFUSE */

/**
 * struct mailbox_peer - MAILBOX_IOC_PEER: who is at the other end
 * @error: out, on failure
 * @flags: must be 0
 * @state: out: MAILBOX_PEER_*
 * @pid: out: the process that made the other end by CHANNEL, CONNECT or
 *	ACCEPT, as the caller's pid namespace sees it; 0 while PENDING, where it
 *	has no number there, and once it has been waited for
 * @uid: out: its effective user id then, as the caller's user namespace sees it;
 *	(uid_t)-1 where there is, or was, none
 * @gid: out: its effective group id then; likewise
 * @code: out: of REFUSE
 * @mine_size: out: bytes in the ring that this end writes, or 0
 * @theirs_size: out: bytes in the ring that the other end writes, or 0
 * @mine: out: offset for mmap(2) of this end's page and ring
 * @theirs: out: offset for mmap(2) of the other end's page and ring
 *
 * A number that PEER tells before and after pidfd_open(2) belongs to the
 * process that the pidfd stands for.
 *
 * Errors: EINVAL, ENOTTY (the handle is no channel's).
 */
struct mailbox_peer {
	struct mailbox_error error;
	__u32 flags;
	__u32 state;
	__s32 pid;
	__u32 uid;
	__u32 gid;
	__u32 code;
	__u32 mine_size;
	__u32 theirs_size;
	__u64 mine;
	__u64 theirs;
};

/* --- rings ----------------------------------------------------------- */

/* What a side waits for, or is told of. */
#define MAILBOX_RING_DATA	0x1	/* records in the other side's ring */
#define MAILBOX_RING_ROOM	0x2	/* room in its own ring */

/* mailbox_ring_wake.flags: tell also who waits or polls on this end: the link is broken */
#define MAILBOX_WAKE_BOTH	0x1

/*
 * mailbox_ring_page.flags: before it sleeps this side makes the other one's barrier,
 * too, by membarrier(2), GLOBAL_EXPEDITED; it never polls.
 */
#define MAILBOX_RING_HEAVY	0x1

/**
 * struct mailbox_ring_page - the first page of a side's mapping
 * @head: bytes that this side has published in its ring, modulo 2^32
 * @reserved0: keeps what one CPU writes out of another's cache lines
 * @tail: bytes of the other side's ring that this side has released
 * @reserved1: the same
 * @data_wait: not 0: this side is about to sleep for records.  Another number
 *	each time, so that the other side wakes it once for each
 * @data_poll: not 0: a poll(2) on this side waits for records (the kernel clears
 *	it at a WAKE), or it is closed; the kernel's, and this side's where it has
 *	found the other one lying
 * @room_wait: as @data_wait, for room in its own ring
 * @room_poll: as @data_poll, for room
 * @room_at: with @room_wait: the other side's @tail at which there is enough
 * @closed: not 0: the last handle of this side is closed; the kernel's, and this
 *	side's where it has found the other one lying
 * @flags: MAILBOX_RING_HEAVY, set once and for good
 * @data_ticket: what @data_wait was last; this side's own, for whoever maps it
 *	after this one
 * @room_ticket: what @room_wait was last
 * @reserved2: keeps the data out of its cache line
 *
 * The page is followed by the ring's data, and these once more, so that a
 * record never wraps.  A record is a struct mailbox_ring_record, its payload,
 * and up to 7 bytes that fill it up to a multiple of 8.  It begins at @head
 * modulo the ring's size.
 *
 * Page and data are this side's to write, and the other side's to read.  The
 * kernel reads @head, @tail and @closed for poll(2) and believes none of them.
 */
struct mailbox_ring_page {
	__u32 head;
	__u32 reserved0[31];
	__u32 tail;
	__u32 reserved1[31];
	__u32 data_wait;
	__u32 data_poll;
	__u32 room_wait;
	__u32 room_poll;
	__u32 room_at;
	__u32 closed;
	__u32 flags;
	__u32 data_ticket;
	__u32 room_ticket;
	__u32 reserved2[23];
};

/**
 * struct mailbox_ring_record - what stands before a record's payload
 * @length: bytes of payload
 * @reserved: must be 0
 */
struct mailbox_ring_record {
	__u32 length;
	__u32 reserved;
};

/**
 * struct mailbox_ring_wait - MAILBOX_IOC_RING_WAIT: sleep until the other side
 *	says WAKE
 * @error: out, on failure
 * @flags: MAILBOX_NONBLOCK, _DEADLINE, _REALTIME
 * @events: MAILBOX_RING_*, at least one
 * @deadline: as in struct mailbox_send
 *
 * A WAKE that came since the last WAIT for the same event counts, so that none
 * is lost between a look at the ring and the sleep; therefore WAIT may end for
 * nothing, and who called it looks again.  When the deadline has passed it does
 * not count yet: ETIMEDOUT comes first, however often the other side says WAKE.
 *
 * Needs SEND and RECEIVE.
 *
 * Errors: EBADF (RIGHT), EINVAL, ENOTTY (no channel, or one without rings), EAGAIN (EMPTY),
 * ETIMEDOUT, EINTR, EPIPE (NO_PEER: the other end is closed), EBADF (CLOSED).
 */
struct mailbox_ring_wait {
	struct mailbox_error error;
	__u32 flags;
	__u32 events;
	__s64 deadline;
};

/**
 * struct mailbox_ring_wake - MAILBOX_IOC_RING_WAKE: wake the other side
 * @error: out, on failure
 * @flags: MAILBOX_WAKE_BOTH or 0
 * @events: MAILBOX_RING_*, at least one: what there is now for the other side
 *
 * Needs SEND and RECEIVE.  An end has two waits, one for each event, or one for
 * both; of many a WAKE may leave some asleep.
 *
 * Errors: EBADF (RIGHT), EINVAL, ENOTTY.
 */
struct mailbox_ring_wake {
	struct mailbox_error error;
	__u32 flags;
	__u32 events;
};

#define MAILBOX_IOC_MAGIC	0xB9

/* on the device, /dev/mailbox (INFO on handles too) */
#define MAILBOX_IOC_INFO	_IOWR(MAILBOX_IOC_MAGIC, 0x00, struct mailbox_info)
#define MAILBOX_IOC_CREATE	_IOWR(MAILBOX_IOC_MAGIC, 0x01, struct mailbox_create)
#define MAILBOX_IOC_OPEN	_IOWR(MAILBOX_IOC_MAGIC, 0x02, struct mailbox_open)
#define MAILBOX_IOC_LIST	_IOWR(MAILBOX_IOC_MAGIC, 0x03, struct mailbox_list)

#define MAILBOX_IOC_CHANNEL	_IOWR(MAILBOX_IOC_MAGIC, 0x04, struct mailbox_channel)

/* on a handle; a command of the other kind of file gives ENOTTY */
#define MAILBOX_IOC_SEND	_IOWR(MAILBOX_IOC_MAGIC, 0x10, struct mailbox_send)
#define MAILBOX_IOC_RECEIVE	_IOWR(MAILBOX_IOC_MAGIC, 0x11, struct mailbox_receive)
#define MAILBOX_IOC_SEND_BATCH	_IOWR(MAILBOX_IOC_MAGIC, 0x12, struct mailbox_batch)
#define MAILBOX_IOC_RECEIVE_BATCH _IOWR(MAILBOX_IOC_MAGIC, 0x13, struct mailbox_batch)
#define MAILBOX_IOC_STAT	_IOWR(MAILBOX_IOC_MAGIC, 0x20, struct mailbox_stat)
#define MAILBOX_IOC_SET		_IOWR(MAILBOX_IOC_MAGIC, 0x21, struct mailbox_set)
#define MAILBOX_IOC_DUP		_IOWR(MAILBOX_IOC_MAGIC, 0x22, struct mailbox_dup)
#define MAILBOX_IOC_DESTROY	_IOWR(MAILBOX_IOC_MAGIC, 0x23, struct mailbox_destroy)
#define MAILBOX_IOC_CONNECT	_IOWR(MAILBOX_IOC_MAGIC, 0x30, struct mailbox_connect)
#define MAILBOX_IOC_ACCEPT	_IOWR(MAILBOX_IOC_MAGIC, 0x31, struct mailbox_accept)
#define MAILBOX_IOC_REFUSE	_IOWR(MAILBOX_IOC_MAGIC, 0x32, struct mailbox_refuse)
#define MAILBOX_IOC_PEER	_IOWR(MAILBOX_IOC_MAGIC, 0x33, struct mailbox_peer)
#define MAILBOX_IOC_RING_WAIT	_IOWR(MAILBOX_IOC_MAGIC, 0x38, struct mailbox_ring_wait)
#define MAILBOX_IOC_RING_WAKE	_IOWR(MAILBOX_IOC_MAGIC, 0x39, struct mailbox_ring_wake)

#endif /* _UAPI_LINUX_MAILBOX_H */
