// SPDX-License-Identifier: GPL-2.0
/*
 * Every call that can wait, and everything that can happen to it while it
 * does: it ends with what happened, and no message is lost or doubled.
 */
#include "hostile.h"

#include <sys/epoll.h>

#include "kselftest_harness.h"

/* --- the calls that wait --------------------------------------------- */

#define TAG_NOBODY_SENDS 99

/**
 * struct wait - a call that is going to wait
 * @fd: a handle with SEND alone, or with RECEIVE alone
 * @other: a handle with the other one of these, and with ADMIN
 * @sends: @fd has SEND
 * @fill: messages to put in before, so that it has to wait
 * @flags: of the call that waits
 * @deadline: for it
 * @error: out: the detail, where the call has one
 */
struct wait {
	int fd;
	int other;
	bool sends;
	unsigned int fill;
	__u32 flags;
	__s64 deadline;
	struct mailbox_error error;
};

static int wait_fill(struct wait *wait)
{
	for (unsigned int i = 0; i < wait->fill; i++) {
		int result = mbx_put(wait->sends ? wait->fd : wait->other, "fill",
				     MAILBOX_NONBLOCK);

		if (result)
			return result;
	}
	return 0;
}

static struct mailbox_receive wait_receiving(struct wait *wait, char *room, size_t size)
{
	return (struct mailbox_receive) {
		.flags = wait->flags,
		.buffer = MBX_PTR(room),
		.length = size,
		.deadline = wait->deadline,
	};
}

static struct mailbox_send wait_sending(struct wait *wait)
{
	return (struct mailbox_send) {
		.flags = wait->flags,
		.buffer = MBX_PTR("wait"),
		.length = 4,
		.deadline = wait->deadline,
	};
}

static long receive(void *argument)
{
	struct wait *wait = argument;
	char room[16];
	struct mailbox_receive call = wait_receiving(wait, room, sizeof(room));
	int result = wait_fill(wait) ?: mbx_receive(wait->fd, &call);

	wait->error = call.error;
	return result;
}

/* There are messages, but not for this one. */
static long receive_tagged(void *argument)
{
	struct wait *wait = argument;
	char room[16];
	struct mailbox_receive call = wait_receiving(wait, room, sizeof(room));
	int result;

	call.select = MAILBOX_SELECT_TAG;
	call.tag = TAG_NOBODY_SENDS;
	result = wait_fill(wait) ?: mbx_receive(wait->fd, &call);
	wait->error = call.error;
	return result;
}

static long receive_batch(void *argument)
{
	struct wait *wait = argument;
	struct mailbox_batch batch = { .flags = 0 };
	struct mailbox_receive calls[2];
	char room[2][16];
	int result;

	calls[0] = wait_receiving(wait, room[0], sizeof(room[0]));
	calls[1] = wait_receiving(wait, room[1], sizeof(room[1]));
	result = wait_fill(wait) ?: mbx_receive_batch(wait->fd, calls, 2, &batch);
	wait->error = calls[0].error;
	return result;
}

static long do_read(void *argument)
{
	struct wait *wait = argument;
	char room[16];
	long result = wait_fill(wait);

	if (result)
		return result;
	result = read(wait->fd, room, sizeof(room));
	return result < 0 ? -errno : 0;
}

static long send_one(void *argument)
{
	struct wait *wait = argument;
	struct mailbox_send call = wait_sending(wait);
	int result = wait_fill(wait) ?: mbx_send(wait->fd, &call);

	wait->error = call.error;
	return result;
}

static long send_sync(void *argument)
{
	struct wait *wait = argument;
	struct mailbox_send call = wait_sending(wait);
	int result;

	call.flags |= MAILBOX_SEND_SYNC;
	result = wait_fill(wait) ?: mbx_send(wait->fd, &call);
	wait->error = call.error;
	return result;
}

static long send_batch(void *argument)
{
	struct wait *wait = argument;
	struct mailbox_batch batch = { .flags = 0 };
	struct mailbox_send call = wait_sending(wait);
	int result = wait_fill(wait) ?: mbx_send_batch(wait->fd, &call, 1, &batch);

	wait->error = call.error;
	return result;
}

static long do_write(void *argument)
{
	struct wait *wait = argument;
	long result = wait_fill(wait);

	if (result)
		return result;
	result = write(wait->fd, "wait", 4);
	return result < 0 ? -errno : 0;
}

/* The polls end with what was seen. */
static long do_poll(void *argument)
{
	struct wait *wait = argument;
	struct pollfd file = {
		.fd = wait->fd,
		.events = wait->sends ? POLLOUT : POLLIN,
	};

	if (wait_fill(wait))
		return -EINVAL;
	return poll(&file, 1, -1) < 0 ? -errno : file.revents;
}

static long do_epoll(void *argument)
{
	struct wait *wait = argument;
	struct epoll_event event = { .events = wait->sends ? EPOLLOUT : EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long result;

	if (wait_fill(wait) || epoll_ctl(epoll, EPOLL_CTL_ADD, wait->fd, &event))
		return -EINVAL;
	result = epoll_wait(epoll, &event, 1, -1) < 0 ? -errno : (long)event.events;
	close(epoll);
	return result;
}

/**
 * struct scene - a call that waits, and the mailbox it waits on
 * @policy: of the mailbox
 * @capacity: of the mailbox
 * @sends: the call sends
 * @fill: messages to put in before
 * @run: the call
 * @number: the system call in which it sleeps
 */
struct scene {
	__u32 policy;
	__u64 capacity;
	bool sends;
	unsigned int fill;
	long (*run)(void *argument);
	long number;
};

/**
 * struct stage - a scene that is being played
 * @scene: which
 * @wait: the call
 * @task: who makes it, where it is a thread
 * @sender: a descriptor with SEND, for a rendezvous
 */
struct stage {
	const struct scene *scene;
	struct wait wait;
	struct mbx_task task;
	int sender;
};

static bool polls(const struct scene *scene)
{
	return scene->run == do_poll || scene->run == do_epoll;
}

static bool has_detail(const struct scene *scene)
{
	return scene->number == SYS_ioctl;
}

/* A poll that waits for the taker of a rendezvous, which must be there to see. */
static bool waits_for_taker(const struct scene *scene)
{
	return polls(scene) && scene->sends && !scene->capacity;
}

static void stage_set(struct __test_metadata *_metadata, struct stage *stage,
		      const struct scene *scene)
{
	__u32 here = scene->sends ? MAILBOX_RIGHT_SEND : MAILBOX_RIGHT_RECEIVE;
	int all = mbx_new(scene->policy, scene->capacity);

	ASSERT_LE(0, all);
	stage->scene = scene;
	stage->wait = (struct wait) {
		.fd = mbx_dup(all, here),
		.other = mbx_dup(all, MAILBOX_RIGHT_ALL & ~here),
		.sends = scene->sends,
		.fill = scene->fill,
	};
	ASSERT_LE(0, stage->wait.fd);
	ASSERT_LE(0, stage->wait.other);
	close(all);
	stage->sender = stage->wait.fd;
	signal(SIGPIPE, SIG_IGN);
}

static void stage_clear(struct stage *stage)
{
	close(stage->wait.fd);
	close(stage->wait.other);
}

/* Does the call wait, and its task sleep? */
static bool waits(struct stage *stage, pid_t tid)
{
	const struct scene *scene = stage->scene;

	if (!polls(scene) &&
	    !mbx_wait_waiters(stage->wait.other, scene->sends, !scene->sends))
		return false;
	/* a stop makes another system call of a poll(2) */
	return MBX_UNTIL(mbx_asleep(tid, scene->number) ||
			 mbx_asleep(tid, SYS_restart_syscall));
}

#define START_WAITING(stage) do {					\
		ASSERT_EQ(0, mbx_task_start(&(stage)->task, (stage)->scene->run, \
					    &(stage)->wait));		\
		ASSERT_TRUE(waits(stage, (stage)->task.tid));		\
	} while (0)

/* Nobody waits, and of the messages there are as many as before. */
#define EXPECT_UNDONE(stage) do {					\
		struct mailbox_stat __stat;				\
		ASSERT_EQ(0, mbx_stat((stage)->wait.other, &__stat));	\
		EXPECT_EQ(0, __stat.waiting_senders);			\
		EXPECT_EQ(0, __stat.waiting_receivers);			\
		EXPECT_EQ((stage)->scene->fill, __stat.depth);		\
		EXPECT_EQ(4 * (stage)->scene->fill, __stat.bytes);	\
		EXPECT_EQ(0, __stat.received);				\
		EXPECT_EQ(0, __stat.dropped);				\
		EXPECT_EQ(__stat.sent, __stat.depth + __stat.withdrawn); \
	} while (0)

/* What the call waits for: the peer sends, or takes all there is. */
static int peer_acts(struct stage *stage)
{
	unsigned int messages = stage->scene->fill + !polls(stage->scene);
	char room[16];
	int result = 0;

	if (!stage->scene->sends)
		return mbx_put_tagged(stage->wait.other, "peer", 0, TAG_NOBODY_SENDS);
	while (!result && messages--)
		result = mbx_get(stage->wait.other, room, sizeof(room), 0, NULL);
	return result;
}

/* Let the call end well, and see that it did.  The peer is another process. */
static void expect_goes_on(struct __test_metadata *_metadata, struct stage *stage)
{
	const struct scene *scene = stage->scene;
	struct mbx_call taker;
	long wanted = 0;

	if (polls(scene))
		wanted = scene->sends ? POLLOUT : POLLIN;
	/* once awake, poll(2) looks the number up again */
	if (scene->run == do_poll && fcntl(stage->wait.fd, F_GETFD) < 0)
		wanted = POLLNVAL;
	if (waits_for_taker(scene)) {
		ASSERT_EQ(0, mbx_call_receive(&taker, stage->wait.other, 0));
		EXPECT_EQ(wanted, mbx_task_join(&stage->task));
		EXPECT_EQ(0, mbx_put(stage->sender, "wait", MAILBOX_NONBLOCK));
		EXPECT_EQ(0, mbx_call_join(&taker));
	} else {
		pid_t peer = mbx_fork();

		if (!peer)
			_exit(-peer_acts(stage));
		EXPECT_EQ(0, mbx_join(peer));
		EXPECT_EQ(wanted, mbx_task_join(&stage->task));
	}
}

/* --- what can happen to all of them ---------------------------------- */

static void until_it_happens(struct __test_metadata *_metadata, struct stage *stage)
{
	START_WAITING(stage);
	expect_goes_on(_metadata, stage);
	EXPECT_TRUE(mbx_wait_waiters(stage->wait.other, 0, 0));
}

static void destroyed(struct __test_metadata *_metadata, struct stage *stage)
{
	__u64 dropped = ~0ULL;
	struct mailbox_stat stat;

	START_WAITING(stage);
	ASSERT_EQ(0, mbx_destroy(stage->wait.other, &dropped));
	EXPECT_EQ(polls(stage->scene) ? POLLHUP | POLLERR : -EIDRM,
		  mbx_task_join(&stage->task) & ~(long)(polls(stage->scene) ? POLLIN | POLLOUT : 0));
	if (has_detail(stage->scene)) {
		EXPECT_EQ(-EIDRM, stage->wait.error.code);
		EXPECT_EQ(MAILBOX_REASON_DESTROYED, stage->wait.error.reason);
		EXPECT_EQ(MAILBOX_NO_FIELD, stage->wait.error.field);
	}

	/* what was in it is counted once */
	ASSERT_EQ(0, mbx_stat(stage->wait.other, &stat));
	EXPECT_LE(stage->scene->fill, dropped);
	EXPECT_EQ(dropped, stat.dropped);
	EXPECT_EQ(stat.sent, stat.dropped + stat.withdrawn);
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.bytes);
	EXPECT_EQ(0, stat.waiting_senders + stat.waiting_receivers);
}

/* Its descriptor goes but the file stays open in the process: it goes on. */
static void closed_with_another_left(struct __test_metadata *_metadata, struct stage *stage)
{
	int left = dup(stage->wait.fd);

	ASSERT_LE(0, left);
	stage->sender = left;
	START_WAITING(stage);
	ASSERT_EQ(0, close(stage->wait.fd));
	expect_goes_on(_metadata, stage);
	close(left);
}

/* The last handle on the other side is closed: there is nothing to wait for. */
static void last_peer_closes(struct __test_metadata *_metadata, struct stage *stage)
{
	const struct scene *scene = stage->scene;
	long result;

	START_WAITING(stage);
	ASSERT_EQ(0, close(stage->wait.other));
	stage->wait.other = -1;
	result = mbx_task_join(&stage->task);

	if (polls(scene)) {
		EXPECT_EQ(scene->sends ? POLLERR : POLLHUP, result & (POLLERR | POLLHUP));
	} else if (scene->run == do_read) {
		/* the end of the file */
		EXPECT_EQ(0, result);
	} else {
		EXPECT_EQ(-EPIPE, result);
	}
	if (has_detail(scene)) {
		EXPECT_EQ(-EPIPE, stage->wait.error.code);
		EXPECT_EQ(scene->sends ? MAILBOX_REASON_NO_RECEIVERS :
					 MAILBOX_REASON_NO_SENDERS,
			  stage->wait.error.reason);
	}
}

static int handled;

static void handle(int number)
{
	(void)number;
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static int catch(int number, int flags)
{
	struct sigaction action = { .sa_handler = handle, .sa_flags = flags };

	return sigaction(number, &action, NULL) ? -errno : 0;
}

/* The task has run its handler. */
static bool signalled(struct mbx_task *task)
{
	int before = __atomic_load_n(&handled, __ATOMIC_SEQ_CST);

	return !pthread_kill(task->thread, SIGUSR1) &&
	       MBX_UNTIL(__atomic_load_n(&handled, __ATOMIC_SEQ_CST) == before + 1);
}

static void interrupted(struct __test_metadata *_metadata, struct stage *stage)
{
	ASSERT_EQ(0, catch(SIGUSR1, 0));
	START_WAITING(stage);
	ASSERT_TRUE(signalled(&stage->task));
	EXPECT_EQ(-EINTR, mbx_task_join(&stage->task));
	EXPECT_UNDONE(stage);
}

/* SA_RESTART: the call goes on, again and again; but poll(2) never does. */
static void restarted(struct __test_metadata *_metadata, struct stage *stage)
{
	ASSERT_EQ(0, catch(SIGUSR1, SA_RESTART));
	START_WAITING(stage);
	if (polls(stage->scene)) {
		ASSERT_TRUE(signalled(&stage->task));
		EXPECT_EQ(-EINTR, mbx_task_join(&stage->task));
		return;
	}
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(signalled(&stage->task));
		ASSERT_TRUE(waits(stage, stage->task.tid));
	}
	expect_goes_on(_metadata, stage);
}

/* An ignored signal is none. */
static void ignored(struct __test_metadata *_metadata, struct stage *stage)
{
	signal(SIGUSR1, SIG_IGN);
	START_WAITING(stage);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_kill(stage->task.thread, SIGUSR1));
	}
	ASSERT_TRUE(waits(stage, stage->task.tid));
	expect_goes_on(_metadata, stage);
}

/* A process that makes the call; its exit code is 0 where it went well. */
static pid_t waiting_child(struct stage *stage)
{
	pid_t child = mbx_fork();

	if (!child) {
		long result = stage->scene->run(&stage->wait);

		_exit(polls(stage->scene) ? result < 0 : -result);
	}
	return child;
}

static void killed(struct __test_metadata *_metadata, struct stage *stage)
{
	pid_t child = waiting_child(stage);

	ASSERT_LT(0, child);
	ASSERT_TRUE(waits(stage, child));
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, mbx_join(child));
	EXPECT_UNDONE(stage);

	/* the next one has its place: what the first has put in is still there */
	stage->wait.fill = 0;
	child = waiting_child(stage);
	ASSERT_LT(0, child);
	ASSERT_TRUE(waits(stage, child));
	if (!waits_for_taker(stage->scene)) {
		EXPECT_EQ(0, peer_acts(stage));
		EXPECT_EQ(0, mbx_join(child));
	}
}

/* Stopped and continued, nothing has happened to it. */
static void stopped(struct __test_metadata *_metadata, struct stage *stage)
{
	pid_t child = waiting_child(stage);
	struct mbx_call taker;
	int status;

	ASSERT_LT(0, child);
	ASSERT_TRUE(waits(stage, child));
	ASSERT_EQ(0, kill(child, SIGSTOP));
	ASSERT_EQ(child, waitpid(child, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(child, SIGCONT));
	if (stage->scene->run == do_epoll) {
		/* epoll_wait(2) is one of those that a stop interrupts: signal(7) */
		EXPECT_EQ(1, mbx_join(child));
		return;
	}
	ASSERT_EQ(child, waitpid(child, &status, WCONTINUED));
	ASSERT_TRUE(WIFCONTINUED(status));
	ASSERT_TRUE(waits(stage, child));

	/* this process is the peer now */
	if (waits_for_taker(stage->scene)) {
		ASSERT_EQ(0, mbx_call_receive(&taker, stage->wait.other, 0));
		EXPECT_EQ(0, mbx_join(child));
		EXPECT_EQ(0, mbx_put(stage->sender, "wait", MAILBOX_NONBLOCK));
		EXPECT_EQ(0, mbx_call_join(&taker));
	} else {
		EXPECT_EQ(0, peer_acts(stage));
		EXPECT_EQ(0, mbx_join(child));
	}
}

/* --- what cannot happen to a poll ------------------------------------ */

/* Another thread closes the descriptor that the call came through. */
static void closed(struct __test_metadata *_metadata, struct stage *stage)
{
	START_WAITING(stage);
	ASSERT_EQ(0, close(stage->wait.fd));
	EXPECT_EQ(-EBADF, mbx_task_join(&stage->task));
	if (has_detail(stage->scene)) {
		EXPECT_EQ(-EBADF, stage->wait.error.code);
		EXPECT_EQ(MAILBOX_REASON_CLOSED, stage->wait.error.reason);
		EXPECT_EQ(MAILBOX_NO_FIELD, stage->wait.error.field);
	}
	EXPECT_UNDONE(stage);
}

/* dup2(2) over it closes it as well. */
static void replaced(struct __test_metadata *_metadata, struct stage *stage)
{
	START_WAITING(stage);
	ASSERT_EQ(stage->wait.fd, dup2(STDERR_FILENO, stage->wait.fd));
	EXPECT_EQ(-EBADF, mbx_task_join(&stage->task));
	EXPECT_UNDONE(stage);
}

/* Another process has the file too; that does not help a call in this one. */
static void closed_with_another_process_left(struct __test_metadata *_metadata,
					     struct stage *stage)
{
	int ends[2];
	pid_t child;

	ASSERT_EQ(0, pipe(ends));
	child = mbx_fork();
	if (!child) {
		char byte;

		close(ends[1]);
		/* until the test is over */
		_exit(read(ends[0], &byte, 1) != 0);
	}
	START_WAITING(stage);
	ASSERT_EQ(0, close(stage->wait.fd));
	EXPECT_EQ(-EBADF, mbx_task_join(&stage->task));
	EXPECT_UNDONE(stage);
	close(ends[1]);
	EXPECT_EQ(0, mbx_join(child));
}

/* --- and what can happen only to an ioctl ----------------------------- */

/* Restarted again and again, it ends when it should have without. */
static void restarted_with_deadline(struct __test_metadata *_metadata, struct stage *stage)
{
	ASSERT_EQ(0, catch(SIGUSR1, SA_RESTART));
	stage->wait.flags = MAILBOX_DEADLINE;
	stage->wait.deadline = mbx_in_ms(100);
	ASSERT_EQ(0, mbx_task_start(&stage->task, stage->scene->run, &stage->wait));
	while (!mbx_task_done(&stage->task) && mbx_now() < stage->wait.deadline)
		pthread_kill(stage->task.thread, SIGUSR1);
	EXPECT_EQ(-ETIMEDOUT, mbx_task_join(&stage->task));
	EXPECT_LE(stage->wait.deadline, mbx_now());
	EXPECT_EQ(-ETIMEDOUT, stage->wait.error.code);
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, stage->wait.error.reason);
	EXPECT_EQ(stage->wait.deadline, stage->wait.error.value);
	EXPECT_UNDONE(stage);
}

/* A deadline in the past: what cannot be done at once is not waited for. */
static void deadline_in_the_past(struct __test_metadata *_metadata, struct stage *stage)
{
	static const __s64 pasts[] = { 0, 1 };

	stage->wait.flags = MAILBOX_DEADLINE;
	for (size_t i = 0; i < ARRAY_SIZE(pasts); i++) {
		stage->wait.deadline = pasts[i];
		EXPECT_EQ(-ETIMEDOUT, stage->scene->run(&stage->wait));
		EXPECT_EQ(MAILBOX_REASON_DEADLINE, stage->wait.error.reason);
		EXPECT_EQ(pasts[i], stage->wait.error.value);
		EXPECT_UNDONE(stage);
		stage->wait.fill = 0;
	}
}

/* --- all of these to all of those ------------------------------------ */

#define SCENES(fixture)							\
	FIXTURE(fixture) { struct stage stage; };			\
	FIXTURE_VARIANT(fixture) { struct scene scene; };		\
	FIXTURE_SETUP(fixture)						\
	{								\
		stage_set(_metadata, &self->stage, &variant->scene);	\
	}								\
	FIXTURE_TEARDOWN(fixture)					\
	{								\
		stage_clear(&self->stage);				\
	}

#define RECEIVES(fixture, name, policy_, capacity_, fill_, run_, number_) \
	FIXTURE_VARIANT_ADD(fixture, name) { { \
		.policy = MAILBOX_POLICY_##policy_, .capacity = capacity_, \
		.fill = fill_, .run = run_, .number = SYS_##number_ \
	} }

#define SENDS(fixture, name, policy_, capacity_, fill_, run_, number_) \
	FIXTURE_VARIANT_ADD(fixture, name) { { \
		.policy = MAILBOX_POLICY_##policy_, .capacity = capacity_, .sends = true, \
		.fill = fill_, .run = run_, .number = SYS_##number_ \
	} }

#define ACT(fixture, act) \
	TEST_F(fixture, act) { act(_metadata, &self->stage); }

SCENES(call)
RECEIVES(call, receive, SHARED, 4, 0, receive, ioctl);
RECEIVES(call, receive_tag, SHARED, 4, 2, receive_tagged, ioctl);
RECEIVES(call, receive_batch, SHARED, 4, 0, receive_batch, ioctl);
RECEIVES(call, receive_rendezvous, SHARED, 0, 0, receive, ioctl);
RECEIVES(call, receive_pair, PAIR, 4, 0, receive, ioctl);
RECEIVES(call, receive_broadcast, BROADCAST, 4, 0, receive, ioctl);
SENDS(call, send, SHARED, 2, 2, send_one, ioctl);
SENDS(call, send_sync, SHARED, 4, 0, send_sync, ioctl);
SENDS(call, send_sync_full, SHARED, 2, 2, send_sync, ioctl);
SENDS(call, send_rendezvous, SHARED, 0, 0, send_one, ioctl);
SENDS(call, send_batch, SHARED, 2, 2, send_batch, ioctl);
SENDS(call, send_pair, PAIR, 2, 2, send_one, ioctl);
SENDS(call, send_broadcast, BROADCAST, 2, 2, send_one, ioctl);
ACT(call, until_it_happens)
ACT(call, destroyed)
ACT(call, closed_with_another_left)
ACT(call, last_peer_closes)
ACT(call, interrupted)
ACT(call, restarted)
ACT(call, ignored)
ACT(call, killed)
ACT(call, stopped)
ACT(call, closed)
ACT(call, replaced)
ACT(call, closed_with_another_process_left)
ACT(call, restarted_with_deadline)
ACT(call, deadline_in_the_past)

SCENES(file)
RECEIVES(file, read, SHARED, 4, 0, do_read, read);
SENDS(file, write, SHARED, 2, 2, do_write, write);
SENDS(file, write_rendezvous, SHARED, 0, 0, do_write, write);
ACT(file, until_it_happens)
ACT(file, destroyed)
ACT(file, closed_with_another_left)
ACT(file, last_peer_closes)
ACT(file, interrupted)
ACT(file, restarted)
ACT(file, ignored)
ACT(file, killed)
ACT(file, stopped)
ACT(file, closed)
ACT(file, replaced)
ACT(file, closed_with_another_process_left)

SCENES(poll)
RECEIVES(poll, poll_in, SHARED, 4, 0, do_poll, poll);
RECEIVES(poll, epoll_in, SHARED, 4, 0, do_epoll, epoll_wait);
SENDS(poll, poll_out, SHARED, 2, 2, do_poll, poll);
SENDS(poll, epoll_out, SHARED, 2, 2, do_epoll, epoll_wait);
SENDS(poll, poll_rendezvous, SHARED, 0, 0, do_poll, poll);
ACT(poll, until_it_happens)
ACT(poll, destroyed)
ACT(poll, closed_with_another_left)
ACT(poll, last_peer_closes)
ACT(poll, interrupted)
ACT(poll, restarted)
ACT(poll, ignored)
ACT(poll, killed)
ACT(poll, stopped)

/* --- two that destroy at once ---------------------------------------- */

#define ROUNDS 80

struct arena {
	pthread_barrier_t start;
	pthread_barrier_t end;
	int handle;
	int results[3];
};

struct fighter {
	struct arena *arena;
	int nth;
};

static long destroy_rounds(void *argument)
{
	struct fighter *fighter = argument;
	struct arena *arena = fighter->arena;

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&arena->start);
		arena->results[fighter->nth] = mbx_destroy(arena->handle, NULL);
		pthread_barrier_wait(&arena->end);
	}
	return 0;
}

static long receive_rounds(void *argument)
{
	struct fighter *fighter = argument;
	struct arena *arena = fighter->arena;
	char room[16];

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&arena->start);
		arena->results[fighter->nth] = mbx_get(arena->handle, room, sizeof(room), 0, NULL);
		pthread_barrier_wait(&arena->end);
	}
	return 0;
}

/* One succeeds, the other is told; who receives meanwhile is told, too. */
TEST(two_destroy_at_once)
{
	struct arena arena;
	struct fighter fighters[3] = { { &arena, 0 }, { &arena, 1 }, { &arena, 2 } };
	struct mbx_task tasks[3];

	pthread_barrier_init(&arena.start, NULL, 4);
	pthread_barrier_init(&arena.end, NULL, 4);
	ASSERT_EQ(0, mbx_task_start(&tasks[0], destroy_rounds, &fighters[0]));
	ASSERT_EQ(0, mbx_task_start(&tasks[1], destroy_rounds, &fighters[1]));
	ASSERT_EQ(0, mbx_task_start(&tasks[2], receive_rounds, &fighters[2]));
	for (int round = 0; round < ROUNDS; round++) {
		arena.handle = round % 2 ? mbx_new(MAILBOX_POLICY_SHARED, 2) :
					   mbx_new_named("two-destroy", 2);
		ASSERT_LE(0, arena.handle);
		pthread_barrier_wait(&arena.start);
		pthread_barrier_wait(&arena.end);
		EXPECT_EQ(-EIDRM, arena.results[0] + arena.results[1]);
		EXPECT_TRUE(!arena.results[0] || !arena.results[1]);
		EXPECT_EQ(-EIDRM, arena.results[2]);
		close(arena.handle);
	}
	for (int i = 0; i < 3; i++)
		mbx_task_join(&tasks[i]);
}

/* --- a crowd --------------------------------------------------------- */

#define CROWD 16

/* All of them are told, not just the first in line. */
TEST(destroy_ends_all_waits)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, MAILBOX_UNLIMITED);
	struct mbx_call calls[CROWD];

	ASSERT_LE(0, handle);
	for (int i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, mbx_call_receive(&calls[i], handle, 0));
	}
	ASSERT_TRUE(mbx_wait_waiters(handle, 0, CROWD));
	ASSERT_EQ(0, mbx_destroy(handle, NULL));
	for (int i = 0; i < CROWD; i++) {
		EXPECT_EQ(-EIDRM, mbx_call_join(&calls[i]));
	}
	close(handle);
}

TEST(destroy_ends_all_sends)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mbx_call calls[CROWD];
	__u64 dropped;

	ASSERT_LE(0, handle);
	ASSERT_EQ(0, mbx_put(handle, "full", MAILBOX_NONBLOCK));
	for (int i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, mbx_call_send(&calls[i], handle, "late",
					   i % 2 ? MAILBOX_SEND_SYNC : 0));
	}
	ASSERT_TRUE(mbx_wait_waiters(handle, CROWD, 0));
	ASSERT_EQ(0, mbx_destroy(handle, &dropped));
	EXPECT_EQ(1, dropped);
	for (int i = 0; i < CROWD; i++) {
		EXPECT_EQ(-EIDRM, mbx_call_join(&calls[i]));
	}
	close(handle);
}

/* One message wakes one of them, and the others wait on. */
TEST(one_message_ends_one_wait)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, CROWD);
	struct mbx_call calls[CROWD];

	ASSERT_LE(0, handle);
	for (int i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, mbx_call_receive(&calls[i], handle, 0));
		ASSERT_TRUE(mbx_wait_waiters(handle, 0, i + 1));
	}
	/* first come, first served */
	for (int i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, mbx_put(handle, "one", MAILBOX_NONBLOCK));
		EXPECT_EQ(0, mbx_call_join(&calls[i]));
		EXPECT_STREQ("one", calls[i].buffer);
		ASSERT_TRUE(mbx_wait_waiters(handle, 0, CROWD - i - 1));
	}
	close(handle);
}

/* Many threads lose the same descriptor at once. */
TEST(close_ends_all_waits)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, 1), other;
	struct mbx_call calls[CROWD];

	ASSERT_LE(0, handle);
	other = mbx_dup(handle, MAILBOX_RIGHT_ALL);
	ASSERT_LE(0, other);
	for (int i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, mbx_call_receive(&calls[i], handle, 0));
	}
	ASSERT_TRUE(mbx_wait_waiters(other, 0, CROWD));
	ASSERT_EQ(0, close(handle));
	for (int i = 0; i < CROWD; i++) {
		EXPECT_EQ(-EBADF, mbx_call_join(&calls[i]));
		EXPECT_EQ(MAILBOX_REASON_CLOSED, calls[i].receive.error.reason);
	}
	EXPECT_TRUE(mbx_wait_waiters(other, 0, 0));
	close(other);
}

/* ... of its own handle: calls of another one on the same mailbox wait on. */
TEST(close_ends_no_others_waits)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, 1), other;
	struct mbx_call ends, stays;

	ASSERT_LE(0, handle);
	other = mbx_dup(handle, MAILBOX_RIGHT_ALL);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, mbx_call_receive(&ends, handle, 0));
	ASSERT_EQ(0, mbx_call_receive(&stays, other, 0));
	ASSERT_TRUE(mbx_wait_waiters(other, 0, 2));
	ASSERT_EQ(0, close(handle));
	EXPECT_EQ(-EBADF, mbx_call_join(&ends));
	EXPECT_EQ(MAILBOX_REASON_CLOSED, ends.receive.error.reason);
	ASSERT_TRUE(mbx_wait_waiters(other, 0, 1));
	ASSERT_EQ(0, mbx_put(other, "x", 0));
	EXPECT_EQ(0, mbx_call_join(&stays));
	close(other);
}

/* Nor those of another process that has the handle too. */
TEST(close_ends_no_other_processes_wait)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, 1), other;
	struct mbx_call ends;
	pid_t child;

	ASSERT_LE(0, handle);
	other = mbx_dup(handle, MAILBOX_RIGHT_ALL);
	ASSERT_LE(0, other);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		char text[8];

		_exit(mbx_get(handle, text, sizeof(text), 0, NULL) || strcmp(text, "x"));
	}
	ASSERT_EQ(0, mbx_call_receive(&ends, handle, 0));
	ASSERT_TRUE(mbx_wait_waiters(other, 0, 2));
	ASSERT_EQ(0, close(handle));
	EXPECT_EQ(-EBADF, mbx_call_join(&ends));
	ASSERT_TRUE(mbx_wait_waiters(other, 0, 1));
	ASSERT_EQ(0, mbx_put(other, "x", 0));
	EXPECT_EQ(0, mbx_join(child));
	close(other);
}

/* --- a wait for the other side of a ring ------------------------------ */

/**
 * @end: of a channel with rings
 * @far: the other end
 * @fd: one more handle on @end, which the wait is called on
 * @wait: the call
 * @task: who makes it
 */
FIXTURE(ring_wait) {
	int end;
	int far;
	int fd;
	struct mailbox_ring_wait wait;
	struct mbx_task task;
};

FIXTURE_VARIANT(ring_wait) {
	__u32 events;
};

FIXTURE_VARIANT_ADD(ring_wait, for_data) { MAILBOX_RING_DATA };
FIXTURE_VARIANT_ADD(ring_wait, for_room) { MAILBOX_RING_ROOM };
FIXTURE_VARIANT_ADD(ring_wait, for_both) { MAILBOX_RING_DATA | MAILBOX_RING_ROOM };

static long ring_wait(void *argument)
{
	FIXTURE_DATA(ring_wait) *self = argument;

	return mbx_ioctl(self->fd, MAILBOX_IOC_RING_WAIT, &self->wait);
}

FIXTURE_SETUP(ring_wait)
{
	struct mailbox_channel channel = { .capacity = 1, .ring = 4096, .ring_back = 4096 };

	ASSERT_EQ(0, mbx_on_device(MAILBOX_IOC_CHANNEL, &channel));
	self->end = channel.fd;
	self->far = channel.fd_back;
	self->fd = mbx_dup(self->end, MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, self->fd);
	self->wait = (struct mailbox_ring_wait) { .events = variant->events };
}

FIXTURE_TEARDOWN(ring_wait)
{
	close(self->end);
	close(self->far);
}

/* Do so many wait?  As @fd, a handle on either end, says; room is counted as a send's. */
static bool ring_waits(const FIXTURE_DATA(ring_wait) *self, int fd, int count)
{
	bool data = self->wait.events & MAILBOX_RING_DATA;

	return mbx_wait_waiters(fd, data ? 0 : count, data ? count : 0);
}

static void begin_ring_wait(struct __test_metadata *_metadata, FIXTURE_DATA(ring_wait) *self)
{
	ASSERT_EQ(0, mbx_task_start(&self->task, ring_wait, self));
	ASSERT_TRUE(ring_waits(self, self->end, 1));
	ASSERT_TRUE(mbx_wait_asleep(self->task.tid, SYS_ioctl));
}

/* It ends with its descriptor, and has taken no WAKE from who else waits there. */
static void expect_closed(struct __test_metadata *_metadata, FIXTURE_DATA(ring_wait) *self)
{
	struct mailbox_ring_wake wake = { .events = self->wait.events };
	struct mailbox_ring_wait next = {
		.flags = MAILBOX_NONBLOCK, .events = self->wait.events,
	};

	EXPECT_EQ(-EBADF, mbx_task_join(&self->task));
	EXPECT_EQ(-EBADF, self->wait.error.code);
	EXPECT_EQ(MAILBOX_REASON_CLOSED, self->wait.error.reason);
	EXPECT_EQ(MAILBOX_NO_FIELD, self->wait.error.field);
	EXPECT_TRUE(mbx_wait_waiters(self->end, 0, 0));
	EXPECT_EQ(-EAGAIN, mbx_ioctl(self->end, MAILBOX_IOC_RING_WAIT, &next));
	ASSERT_EQ(0, mbx_ioctl(self->far, MAILBOX_IOC_RING_WAKE, &wake));
	EXPECT_EQ(0, mbx_ioctl(self->end, MAILBOX_IOC_RING_WAIT, &next));
}

TEST_F(ring_wait, closed)
{
	begin_ring_wait(_metadata, self);
	ASSERT_EQ(0, close(self->fd));
	expect_closed(_metadata, self);
}

TEST_F(ring_wait, replaced)
{
	begin_ring_wait(_metadata, self);
	ASSERT_EQ(self->fd, dup2(STDERR_FILENO, self->fd));
	expect_closed(_metadata, self);
	close(self->fd);
}

/* Nobody else is at that end, either: it is the closing that is told. */
TEST_F(ring_wait, closed_with_its_end)
{
	ASSERT_EQ(0, close(self->end));
	self->end = -1;
	ASSERT_EQ(0, mbx_task_start(&self->task, ring_wait, self));
	ASSERT_TRUE(ring_waits(self, self->far, 1));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(-EBADF, mbx_task_join(&self->task));
	EXPECT_EQ(MAILBOX_REASON_CLOSED, self->wait.error.reason);
	/* and the end goes with it */
	self->fd = self->far;
	EXPECT_EQ(-EPIPE, ring_wait(self));
	EXPECT_EQ(MAILBOX_REASON_NO_PEER, self->wait.error.reason);
}

TEST_F(ring_wait, closed_with_another_left)
{
	struct mailbox_ring_wake wake = { .events = variant->events };
	int left = dup(self->fd);

	ASSERT_LE(0, left);
	begin_ring_wait(_metadata, self);
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(0, mbx_ioctl(self->far, MAILBOX_IOC_RING_WAKE, &wake));
	EXPECT_EQ(0, mbx_task_join(&self->task));
	close(left);
}

/* Another process that has the file does not help, and its own wait is none of ours. */
TEST_F(ring_wait, closed_with_another_process_left)
{
	struct mailbox_ring_wake wake = { .events = variant->events };
	pid_t child = mbx_fork();

	if (!child)
		_exit(-ring_wait(self));
	ASSERT_EQ(0, mbx_task_start(&self->task, ring_wait, self));
	ASSERT_TRUE(ring_waits(self, self->end, 2));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(-EBADF, mbx_task_join(&self->task));
	EXPECT_EQ(MAILBOX_REASON_CLOSED, self->wait.error.reason);
	ASSERT_TRUE(ring_waits(self, self->end, 1));
	ASSERT_EQ(0, mbx_ioctl(self->far, MAILBOX_IOC_RING_WAKE, &wake));
	EXPECT_EQ(0, mbx_join(child));
}

/* --- an exit, a message and a deadline at the same moment ------------- */

/*
 * A message and the end of a receiver's patience come together: either it
 * receives or the message is there for the next; never both, never neither.
 */
TEST(deadline_meets_message)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, 4);
	int received = 0, kept = 0;

	ASSERT_LE(0, handle);
	for (int round = 0; round < ROUNDS; round++) {
		struct mbx_call call = {
			.fd = handle,
			.receive.flags = MAILBOX_DEADLINE,
			.receive.deadline = mbx_now() + 4 * MBX_MS + round * 5000,
		};

		ASSERT_EQ(0, mbx_call_start(&call));
		while (mbx_now() < call.receive.deadline)
			;
		ASSERT_EQ(0, mbx_put(handle, "now", MAILBOX_NONBLOCK));
		if (mbx_call_join(&call) == 0) {
			received++;
			EXPECT_STREQ("<11>", mbx_next(handle));
		} else {
			kept++;
			EXPECT_EQ(-ETIMEDOUT, call.result);
			EXPECT_STREQ("now", mbx_next(handle));
		}
	}
	EXPECT_EQ(ROUNDS, received + kept);
	close(handle);
}

/* The same for a synchronous sender: its answer is the truth. */
TEST(deadline_meets_receiver)
{
	int handle = mbx_new(MAILBOX_POLICY_SHARED, 4);
	struct mailbox_stat stat;
	unsigned int taken = 0;

	ASSERT_LE(0, handle);
	for (int round = 0; round < ROUNDS; round++) {
		struct mbx_call call = {
			.fd = handle,
			.sending = true,
			.send.flags = MAILBOX_DEADLINE | MAILBOX_SEND_SYNC,
			.send.deadline = mbx_now() + 4 * MBX_MS + round * 5000,
		};
		char room[16];
		int got;

		ASSERT_EQ(0, mbx_call_start(&call));
		while (mbx_now() < call.send.deadline)
			;
		got = mbx_get(handle, room, sizeof(room), MAILBOX_NONBLOCK, NULL);
		EXPECT_EQ(got ? -ETIMEDOUT : 0, mbx_call_join(&call));
		taken += !got;
		if (!got) {
			EXPECT_EQ(getpid(), call.send.receipt.pid);
		}
		EXPECT_EQ(0, mbx_depth(handle));
	}
	ASSERT_EQ(0, mbx_stat(handle, &stat));
	EXPECT_EQ(taken, stat.received);
	EXPECT_EQ(stat.sent, stat.received + stat.withdrawn);
	close(handle);
}

TEST_HARNESS_MAIN
