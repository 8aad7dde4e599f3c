/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Thin helpers over the raw ioctls, shared by the programs here.
 *
 * Conventions: helpers return a descriptor or 0, or the negative errno; the
 * struct that was passed stays in the caller's hands, so that its error and
 * out members can be examined.  Nothing here prints and nothing here asserts,
 * so all of it may be used in threads and in children.
 *
 * Waiting for a peer is always waiting for a state (MBX_UNTIL and what builds
 * on it), never for a time: a test fails by the harness's timeout or because
 * the state did not come within MBX_PATIENCE, and succeeds as soon as it came.
 */
#ifndef MBX_SELFTEST_COMMON_H
#define MBX_SELFTEST_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/mailbox.h>

#define MBX_DEVICE	"/dev/mailbox"
#define MBX_PTR(p)	((__u64)(uintptr_t)(p))

#define MBX_MS		1000000LL
#define MBX_SECOND	1000000000LL

/* How long a state that must come may take; emulation is slow. */
#define MBX_PATIENCE	(20 * MBX_SECOND)

/* The offset of a member, as mailbox_error.field has it. */
#define MBX_FIELD(type, member)	((__u16)__builtin_offsetof(struct type, member))

#define MBX_HELPER	static inline __attribute__((unused))

/* --- time ------------------------------------------------------------ */

MBX_HELPER __s64 mbx_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * MBX_SECOND + now.tv_nsec;
}

MBX_HELPER __s64 mbx_now(void)
{
	return mbx_clock(CLOCK_MONOTONIC);
}

/* A deadline for MAILBOX_DEADLINE, @ms from now on CLOCK_MONOTONIC. */
MBX_HELPER __s64 mbx_in_ms(__s64 ms)
{
	return mbx_now() + ms * MBX_MS;
}

/* One round of polling for a state. */
MBX_HELPER bool mbx_pause(__s64 until)
{
	struct timespec little = { .tv_nsec = MBX_MS };

	nanosleep(&little, NULL);
	return mbx_now() < until;
}

/* Poll until @condition holds; false if it does not within MBX_PATIENCE. */
#define MBX_UNTIL(condition) ({						\
	__s64 __until = mbx_now() + MBX_PATIENCE;			\
	bool __holds;							\
	while (!(__holds = (condition)) && mbx_pause(__until))		\
		;							\
	__holds;							\
})

/* --- the calls ------------------------------------------------------- */

/* ioctl(2), with the negative errno for -1. */
MBX_HELPER int mbx_ioctl(int fd, unsigned long command, void *arg)
{
	int result = ioctl(fd, command, arg);

	return result < 0 ? -errno : result;
}

MBX_HELPER int mbx_device(void)
{
	int fd = open(MBX_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A command on a device that is opened for it alone. */
MBX_HELPER int mbx_on_device(unsigned long command, void *arg)
{
	int device = mbx_device(), result;

	if (device < 0)
		return device;
	result = mbx_ioctl(device, command, arg);
	close(device);
	return result;
}

/* Who is at the other end of a channel. */
MBX_HELPER int mbx_peer(int end, struct mailbox_peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	return mbx_ioctl(end, MAILBOX_IOC_PEER, peer);
}

/* Returns the new handle. */
MBX_HELPER int mbx_create(struct mailbox_create *attr)
{
	int result = mbx_on_device(MAILBOX_IOC_CREATE, attr);

	return result < 0 ? result : attr->fd;
}

/* A mailbox without a name, a handle with all rights. */
MBX_HELPER int mbx_new(__u32 policy, __u64 capacity)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = policy,
		.capacity = capacity,
	};

	return mbx_create(&attr);
}

/* A mailbox with a name, mode 0600 less the umask, a handle with all rights. */
MBX_HELPER int mbx_new_named(const char *name, __u64 capacity)
{
	struct mailbox_create attr = {
		.name = MBX_PTR(name),
		.flags = MAILBOX_CREATE_EXCL,
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0600,
		.capacity = capacity,
	};

	return mbx_create(&attr);
}

MBX_HELPER int mbx_open(const char *name, __u32 rights)
{
	struct mailbox_open attr = { .name = MBX_PTR(name), .rights = rights };
	int result = mbx_on_device(MAILBOX_IOC_OPEN, &attr);

	return result < 0 ? result : attr.fd;
}

MBX_HELPER int mbx_dup(int fd, __u32 rights)
{
	struct mailbox_dup attr = { .rights = rights };
	int result = mbx_ioctl(fd, MAILBOX_IOC_DUP, &attr);

	return result < 0 ? result : attr.fd;
}

MBX_HELPER int mbx_send(int fd, struct mailbox_send *message)
{
	return mbx_ioctl(fd, MAILBOX_IOC_SEND, message);
}

MBX_HELPER int mbx_receive(int fd, struct mailbox_receive *message)
{
	return mbx_ioctl(fd, MAILBOX_IOC_RECEIVE, message);
}

MBX_HELPER int mbx_send_batch(int fd, struct mailbox_send *items, __u32 count,
			      struct mailbox_batch *batch)
{
	batch->items = MBX_PTR(items);
	batch->item_size = sizeof(*items);
	batch->count = count;
	return mbx_ioctl(fd, MAILBOX_IOC_SEND_BATCH, batch);
}

MBX_HELPER int mbx_receive_batch(int fd, struct mailbox_receive *items, __u32 count,
				 struct mailbox_batch *batch)
{
	batch->items = MBX_PTR(items);
	batch->item_size = sizeof(*items);
	batch->count = count;
	return mbx_ioctl(fd, MAILBOX_IOC_RECEIVE_BATCH, batch);
}

MBX_HELPER int mbx_stat(int fd, struct mailbox_stat *stat)
{
	memset(stat, 0, sizeof(*stat));
	return mbx_ioctl(fd, MAILBOX_IOC_STAT, stat);
}

MBX_HELPER int mbx_set(int fd, struct mailbox_set *set)
{
	return mbx_ioctl(fd, MAILBOX_IOC_SET, set);
}

/* @dropped may be NULL. */
MBX_HELPER int mbx_destroy(int fd, __u64 *dropped)
{
	struct mailbox_destroy destroy = { .flags = 0 };
	int result = mbx_ioctl(fd, MAILBOX_IOC_DESTROY, &destroy);

	if (dropped)
		*dropped = destroy.dropped;
	return result;
}

/* @fd: the device or a handle */
MBX_HELPER int mbx_info(int fd, struct mailbox_info *info)
{
	memset(info, 0, sizeof(*info));
	return mbx_ioctl(fd, MAILBOX_IOC_INFO, info);
}

/* --- the calls, in short --------------------------------------------- */

/* Send the bytes of a string, without the NUL. */
MBX_HELPER int mbx_put(int fd, const char *text, __u32 flags)
{
	struct mailbox_send message = {
		.flags = flags,
		.buffer = MBX_PTR(text),
		.length = strlen(text),
	};

	return mbx_send(fd, &message);
}

MBX_HELPER int mbx_put_tagged(int fd, const char *text, __u32 priority, __u64 tag)
{
	struct mailbox_send message = {
		.flags = MAILBOX_NONBLOCK,
		.priority = priority,
		.tag = tag,
		.buffer = MBX_PTR(text),
		.length = strlen(text),
	};

	return mbx_send(fd, &message);
}

/*
 * Receive into a string of @room bytes, which a NUL ends.  @header may be
 * NULL.  0 or the negative errno.
 */
MBX_HELPER int mbx_get(int fd, char *text, size_t room, __u32 flags,
		       struct mailbox_header *header)
{
	struct mailbox_receive message = {
		.flags = flags,
		.buffer = MBX_PTR(text),
		.length = room - 1,
	};
	int result;

	text[0] = '\0';
	result = mbx_receive(fd, &message);
	if (!result)
		text[message.header.length < room ? message.header.length : room - 1] = '\0';
	if (header)
		*header = message.header;
	return result;
}

/* Receive the next request for a channel, and accept it: the end, or -errno. */
MBX_HELPER int mbx_accept_next(int fd)
{
	struct mailbox_accept accept = {};
	struct mailbox_header header;
	int result = mbx_get(fd, (char[8]){}, 8, 0, &header);

	accept.sequence = header.sequence;
	return result ?: mbx_ioctl(fd, MAILBOX_IOC_ACCEPT, &accept) ?: accept.fd;
}

/*
 * What the next message at once is, as a string in a static buffer of the
 * thread: for ASSERT_STREQ.  A failure reads "<errno's number>".
 */
MBX_HELPER const char *mbx_next(int fd)
{
	static __thread char text[256];
	int result = mbx_get(fd, text, sizeof(text), MAILBOX_NONBLOCK, NULL);

	if (result)
		snprintf(text, sizeof(text), "<%d>", -result);
	return text;
}

MBX_HELPER __s64 mbx_depth(int fd)
{
	struct mailbox_stat stat;
	int result = mbx_stat(fd, &stat);

	return result ? result : (__s64)stat.depth;
}

/* --- names ----------------------------------------------------------- */

#define MBX_NAME_SIZE	64

/* A name that no other test has: "STEM-PID-COUNT". */
MBX_HELPER const char *mbx_name(char name[MBX_NAME_SIZE], const char *stem)
{
	static unsigned int count;

	snprintf(name, MBX_NAME_SIZE, "%s-%d-%u", stem, getpid(), count++);
	return name;
}

/* --- children -------------------------------------------------------- */

/*
 * fork(2) for a child that dies with its parent.  In the child leave with
 * _exit(), in the parent ask mbx_join().
 */
MBX_HELPER pid_t mbx_fork(void)
{
	pid_t parent = getpid(), child;

	fflush(NULL);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(125);
	}
	return child;
}

/* The child's exit code, or 128 and the signal that ended it, or -errno. */
MBX_HELPER int mbx_join(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Be user and group @id for good, without other groups or capabilities. */
MBX_HELPER int mbx_become(uid_t id)
{
	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
		return -errno;
	/* the change of ids has cleared it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

/*
 * In a child: the partner in a PAIR without a name of one that gets "hello", closes its
 * last descriptor, of which a byte tells, and once more sends "text".  It must hear
 * each time that it is alone.  0 if it does.
 */
MBX_HELPER int mbx_partner_of_visitor(int box, int closed)
{
	char text[8];

	if (mbx_put(box, "hello", 0) || mbx_get(box, text, sizeof(text), 0, NULL) != -EPIPE ||
	    write(closed, "", 1) != 1 || !MBX_UNTIL(!strcmp(mbx_next(box), "text")))
		return 1;
	return mbx_get(box, text, sizeof(text), 0, NULL) != -EPIPE;
}

/* --- who sleeps ------------------------------------------------------ */

/* Wait until so many calls wait for room and for a message. */
MBX_HELPER bool mbx_wait_waiters(int fd, __u32 senders, __u32 receivers)
{
	struct mailbox_stat stat;

	return MBX_UNTIL(!mbx_stat(fd, &stat) &&
			 stat.waiting_senders == senders &&
			 stat.waiting_receivers == receivers);
}

/* A thread's state, as ps(1) shows it; of a process: its first thread's. */
MBX_HELPER char mbx_state(pid_t tid)
{
	char path[48], line[256], *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return '?';
	state = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	return state && state[1] == ' ' ? state[2] : '?';
}

/* Is this thread asleep, interruptibly, in the system call @number? */
MBX_HELPER bool mbx_asleep(pid_t tid, long number)
{
	char path[48];
	long current = -1;
	FILE *file;

	if (mbx_state(tid) != 'S')
		return false;

	/* "running", or the number of the call and its arguments */
	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%ld", &current) != 1)
		current = -1;
	fclose(file);
	return current == number;
}

/*
 * Wait until a thread is asleep in system call @number (__NR_ioctl, ...); for
 * mailboxes that cannot be asked by mbx_wait_waiters().
 */
MBX_HELPER bool mbx_wait_asleep(pid_t tid, long number)
{
	return MBX_UNTIL(mbx_asleep(tid, number));
}

/* --- a call in a thread ---------------------------------------------- */

/**
 * struct mbx_call - a send or a receive that another thread makes
 * @fd: where
 * @sending: send, not receive
 * @send: for a send; its payload need not be @buffer
 * @receive: for a receive; without a buffer of its own it gets @buffer
 * @buffer: a short payload
 * @thread: who does it
 * @tid: the same for /proc and tgkill(2); 0 until it runs
 * @done: the call has ended
 * @result: 0 or the negative errno, valid after mbx_call_join()
 */
struct mbx_call {
	int fd;
	bool sending;
	struct mailbox_send send;
	struct mailbox_receive receive;
	char buffer[128];
	pthread_t thread;
	pid_t tid;
	int done;
	int result;
};

MBX_HELPER void *mbx_call_thread(void *argument)
{
	struct mbx_call *call = argument;

	__atomic_store_n(&call->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	call->result = call->sending ? mbx_send(call->fd, &call->send) :
				       mbx_receive(call->fd, &call->receive);
	__atomic_store_n(&call->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* The caller has filled in fd, sending, and send or receive. */
MBX_HELPER int mbx_call_start(struct mbx_call *call)
{
	call->tid = 0;
	call->done = 0;
	call->result = -EINPROGRESS;
	if (!call->sending && !call->receive.buffer) {
		call->receive.buffer = MBX_PTR(call->buffer);
		/* the last byte stays a NUL */
		call->receive.length = sizeof(call->buffer) - 1;
	}
	if (pthread_create(&call->thread, NULL, mbx_call_thread, call))
		return -EAGAIN;
	return MBX_UNTIL(__atomic_load_n(&call->tid, __ATOMIC_ACQUIRE)) ? 0 : -ETIME;
}

/* A receive of the first message, in a thread. */
MBX_HELPER int mbx_call_receive(struct mbx_call *call, int fd, __u32 flags)
{
	memset(call, 0, sizeof(*call));
	call->fd = fd;
	call->receive.flags = flags;
	return mbx_call_start(call);
}

/* A send of a string, in a thread. */
MBX_HELPER int mbx_call_send(struct mbx_call *call, int fd, const char *text, __u32 flags)
{
	memset(call, 0, sizeof(*call));
	call->fd = fd;
	call->sending = true;
	snprintf(call->buffer, sizeof(call->buffer), "%s", text);
	call->send.flags = flags;
	call->send.buffer = MBX_PTR(call->buffer);
	call->send.length = strlen(call->buffer);
	return mbx_call_start(call);
}

MBX_HELPER bool mbx_call_done(struct mbx_call *call)
{
	return __atomic_load_n(&call->done, __ATOMIC_ACQUIRE);
}

/* Is it asleep in its ioctl? */
MBX_HELPER bool mbx_call_wait_asleep(struct mbx_call *call)
{
	return mbx_wait_asleep(call->tid, SYS_ioctl);
}

/* Send its thread a signal; be sure that it sleeps before, not to lose it. */
MBX_HELPER int mbx_call_signal(struct mbx_call *call, int number)
{
	return -pthread_kill(call->thread, number);
}

/* Wait for its end, and return its result. */
MBX_HELPER int mbx_call_join(struct mbx_call *call)
{
	pthread_join(call->thread, NULL);
	return call->result;
}

/* --- signals --------------------------------------------------------- */

MBX_HELPER void mbx_ignore(int number)
{
	(void)number;
}

/* A handler that does nothing, with SA_RESTART or 0 in @flags. */
MBX_HELPER int mbx_catch(int number, int flags)
{
	struct sigaction action = { .sa_handler = mbx_ignore, .sa_flags = flags };

	return sigaction(number, &action, NULL) ? -errno : 0;
}

#endif /* MBX_SELFTEST_COMMON_H */
