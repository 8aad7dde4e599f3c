// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Ending a command that waits in the kernel.
 *
 * A handler that sets a flag is not enough: a signal that arrives between the
 * look at the flag and the system call would be lost until the next one.  And
 * nobody tells a process that sleeps in a mailbox that the reader of its
 * standard output is gone.  So one thread waits for both, and then sends the
 * main thread a signal again and again, until the call that it finds it in has
 * ended with EINTR and the main thread has seen stop_wanted().
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ctl.h"

static atomic_int stop_reason;
static pthread_t stop_target;
static int stop_signals = -1;

static void nothing(int signal)
{
	(void)signal;
}

/* What nohup(1) or a shell has set to be ignored stays ignored. */
static void keep_ignored(sigset_t *set)
{
	struct sigaction old;
	int number;

	for (number = 1; number < NSIG; number++) {
		if (sigismember(set, number) == 1 && !sigaction(number, NULL, &old) &&
		    old.sa_handler == SIG_IGN)
			sigdelset(set, number);
	}
}

static void *stop_watch(void *output)
{
	struct signalfd_siginfo info = { 0 };
	sigset_t ends;
	struct pollfd files[] = {
		{ .fd = stop_signals, .events = POLLIN },
		/* Without events poll tells of errors only: no reader is left. */
		{ .fd = *(const bool *)output ? STDOUT_FILENO : -1 },
	};
	int reason = 0;

	while (!reason) {
		if (poll(files, ARRAY_SIZE(files), -1) < 0)
			continue;
		if (files[0].revents & POLLIN) {
			if (read(stop_signals, &info, sizeof(info)) == sizeof(info))
				reason = (int)info.ssi_signo;
		} else if (files[1].revents & POLLERR) {
			reason = SIGPIPE;
		} else if (files[1].revents) {
			/* POLLHUP of a terminal comes with SIGHUP; POLLNVAL is
			 * for the one who writes to find.
			 */
			files[1].fd = -1;
		}
	}

	atomic_store(&stop_reason, reason);

	/*
	 * The main thread first finishes what it has begun, say the writing of
	 * a message.  Who does not want to wait for that sends a second signal,
	 * which finds the default action.
	 */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	pthread_sigmask(SIG_UNBLOCK, &ends, NULL);

	for (;;) {
		pthread_kill(stop_target, SIGUSR1);
		usleep(20000);
	}
	return NULL;
}

void stop_start(bool output)
{
	static bool watch_output;
	struct sigaction wake = { .sa_handler = nothing };
	pthread_t thread;
	sigset_t ends;
	int error;

	sigemptyset(&wake.sa_mask);
	sigaction(SIGUSR1, &wake, NULL);
	signal(SIGPIPE, SIG_IGN);

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	keep_ignored(&ends);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);

	watch_output = output;
	stop_target = pthread_self();
	stop_signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	if (stop_signals < 0)
		die(EX_OSERR, "signalfd: %s", strerror(errno));

	error = pthread_create(&thread, NULL, stop_watch, &watch_output);
	if (error)
		die(EX_OSERR, "cannot start a thread: %s", strerror(error));
	pthread_detach(thread);
}

int stop_wanted(void)
{
	return atomic_load(&stop_reason);
}

void stop_now(void)
{
	int reason = stop_wanted();
	sigset_t one;

	fflush(stdout);
	signal(reason, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, reason);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	raise(reason);
	_exit(128 + reason);
}
