// SPDX-License-Identifier: GPL-2.0
/*
 * Actors: threads of several processes that do what they are told.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "actor.h"
#include "cover.h"
#include "execute.h"

struct stage *stage;

/* struct post.state */
enum { IDLE, ORDERED, ORDERED_ALL };

static pid_t first;	/* process of actor 0 */

/* --- futex ------------------------------------------------------------ */

static void futex_wait(unsigned int *word, unsigned int value, long nanoseconds)
{
	struct timespec time = { .tv_nsec = nanoseconds };

	syscall(SYS_futex, word, FUTEX_WAIT, value, nanoseconds ? &time : NULL, NULL, 0);
}

static void set_state(struct post *post, unsigned int state)
{
	__atomic_store_n(&post->state, state, __ATOMIC_RELEASE);
	syscall(SYS_futex, &post->state, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static unsigned int get_state(struct post *post)
{
	return __atomic_load_n(&post->state, __ATOMIC_ACQUIRE);
}

/* --- what an actor does ------------------------------------------------- */

static void perform(unsigned int self, unsigned int number);

static void __attribute__((noreturn)) serve(unsigned int self)
{
	struct post *post = &stage->post[self];
	unsigned int state;

	post->pid = getpid();
	cover_thread(self);
	execute_thread();
	/* the last, as it tells that the actor is there */
	__atomic_store_n(&post->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (;;) {
		while ((state = get_state(post)) == IDLE)
			futex_wait(&post->state, IDLE, 0);
		if (state == ORDERED) {
			perform(self, post->number);
		} else {
			for (unsigned int i = post->number; i < stage->program.count; i++)
				if (stage->program.call[i].actor == self &&
				    !__atomic_load_n(&stage->stop, __ATOMIC_ACQUIRE))
					perform(self, i);
		}
		set_state(post, IDLE);
	}
}

static void *serve_thread(void *argument)
{
	serve((uintptr_t)argument);
}

static pid_t begin_process(unsigned int target)
{
	pid_t child = fork();

	if (!child)
		serve(target);
	return child;
}

static int begin_thread(unsigned int target)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 17);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attr, serve_thread, (void *)(uintptr_t)target);
	pthread_attr_destroy(&attr);
	return error;
}

/* Wait for one that was begun: it writes its tid when it is there. */
static bool has_come(unsigned int target)
{
	for (int i = 0; i < PATIENCE * 1000; i++) {
		if (__atomic_load_n(&stage->post[target].tid, __ATOMIC_ACQUIRE))
			return true;
		usleep(i < 10 ? 100 : 1000);
	}
	return false;
}

static void perform(unsigned int self, unsigned int number)
{
	const struct call *call = &stage->program.call[number];
	struct outcome *outcome = &stage->outcome[number];
	unsigned int target = call->arg[TARGET] % ACTORS;

	if (call->op == OP_FORK || call->op == OP_THREAD) {
		stage->post[target] = (struct post) { .state = IDLE };
		outcome->error = call->op == OP_FORK ? begin_process(target) < 0 :
				 begin_thread(target);
		if (!outcome->error && !has_come(target))
			outcome->error = ETIME;
		outcome->state = ENDED;
		return;
	}
	__atomic_store_n(&outcome->state, BEGUN, __ATOMIC_RELEASE);
	cover_begin();
	execute(call, number, self, outcome);
	cover_end();
	__atomic_store_n(&outcome->state, ENDED, __ATOMIC_RELEASE);
}

/* --- what main does ----------------------------------------------------- */

void actor_order(unsigned int actor, unsigned int number)
{
	stage->post[actor].number = number;
	set_state(&stage->post[actor], ORDERED);
}

void actor_order_all(unsigned int actor, unsigned int number)
{
	stage->post[actor].number = number;
	set_state(&stage->post[actor], ORDERED_ALL);
}

bool actor_done(unsigned int actor)
{
	return get_state(&stage->post[actor]) == IDLE;
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

bool actor_wait(unsigned int actor)
{
	struct post *post = &stage->post[actor];
	long long until = now() + PATIENCE * 1000000000LL;
	unsigned int state;

	while ((state = get_state(post)) != IDLE) {
		futex_wait(&post->state, state, 100 * 1000 * 1000);
		if (now() > until || process_gone(post->pid))
			return get_state(post) == IDLE;
	}
	return true;
}

/* What a file of /proc says of a thread; nothing where there is none. */
static void read_proc(pid_t tid, const char *name, char *text, size_t size)
{
	ssize_t length = -1;
	char path[48];
	int file;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		length = read(file, text, size - 1);
		close(file);
	}
	text[length > 0 ? length : 0] = 0;
}

bool actor_asleep(unsigned int actor)
{
	pid_t tid = stage->post[actor].tid;
	char text[512], *state;
	long call;

	read_proc(tid, "stat", text, sizeof(text));
	state = strrchr(text, ')');
	if (!state || state[1] != ' ' || state[2] != 'S')
		return false;

	/* "running", or the number of the call and its arguments */
	read_proc(tid, "syscall", text, sizeof(text));
	if (text[0] < '0' || text[0] > '9')
		return false;
	call = strtol(text, NULL, 10);
	return call == SYS_ioctl || call == SYS_read || call == SYS_readv ||
	       call == SYS_write || call == SYS_writev;
}

bool actor_wait_asleep(unsigned int actor)
{
	long long until = now() + PATIENCE * 1000000000LL;

	while (!actor_done(actor)) {
		if (actor_asleep(actor))
			return true;
		if (now() > until || process_gone(stage->post[actor].pid))
			return false;
		futex_wait(&stage->post[actor].state, ORDERED, 50 * 1000);
	}
	return false;
}

bool process_gone(pid_t pid)
{
	return kill(pid, 0) && errno == ESRCH;
}

bool process_wait(pid_t pid)
{
	int file = syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = { .fd = file, .events = POLLIN };
	bool gone;

	/* EINVAL: what is left of it is its number */
	if (file < 0)
		return errno == ESRCH || errno == EINVAL;
	gone = poll(&end, 1, PATIENCE * 1000) == 1;
	close(file);
	return gone;
}

static bool begin_first(void)
{
	stage->post[0] = (struct post) { .state = IDLE };
	first = begin_process(0);
	return first > 0 && has_come(0);
}

bool actors_begin(void)
{
	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (stage == MAP_FAILED || !execute_begin(&stage->bad))
		return false;
	/* nobody asks how they end */
	signal(SIGCHLD, SIG_IGN);
	return begin_first();
}

/* Its process, and all actors of it. */
static bool end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	for (unsigned int i = 0; i < ACTORS; i++)
		if (stage->post[i].pid == pid)
			memset(&stage->post[i], 0, sizeof(stage->post[i]));
	return process_wait(pid);
}

bool actors_end_others(void)
{
	bool fine = true, busy = !actor_done(0);

	/* of a thread next to actor 0 only the whole process can be ended */
	for (unsigned int i = 1; i < ACTORS; i++)
		busy |= stage->post[i].pid == first;
	for (unsigned int i = 0; i < ACTORS; i++)
		if (stage->post[i].pid && (busy || stage->post[i].pid != first))
			fine = end_process(stage->post[i].pid) && fine;
	return fine;
}

bool actors_again(void)
{
	if (stage->post[0].pid && !process_gone(first))
		return true;
	memset(&stage->post[0], 0, sizeof(stage->post[0]));
	return process_wait(first) && begin_first();
}
