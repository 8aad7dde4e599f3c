// SPDX-License-Identifier: GPL-2.0
/*
 * Eight threads in the library at once, under the thread sanitizer.
 *
 * Compiled twice: as itself, and with LAUNCHER as what starts it with an
 * address space that is not randomised, which the sanitizer's run time wants
 * on kernels that randomise by more bits than it knows.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef LAUNCHER

#include <limits.h>
#include <sys/personality.h>
#include <sys/wait.h>

int main(void)
{
	static char path[PATH_MAX + 8];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
	int now = personality(0xffffffff);
	int status = -1;
	pid_t child;

	printf("TAP version 13\n1..1\n");
	fflush(stdout);
	if (length < 0) {
		printf("Bail out! no /proc\n");
		return 1;
	}
	strcpy(path + length, "_tsan");

	child = fork();
	if (!child) {
		/* A container may forbid it; most do well without. */
		if (now >= 0)
			personality(now | ADDR_NO_RANDOMIZE);
		execl(path, path, (char *)NULL);
		perror(path);
		_exit(1);
	}
	/* The sanitizer makes it 66 where it has seen a race. */
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		printf("# ended with status 0x%x\n", status);
	printf("%sok 1 eight_threads_at_once\n", status ? "not " : "");
	return status != 0;
}

#else

#include <pthread.h>

#include "fake.h"

#define THREADS	8
#define ROUNDS	2000

static void answer(unsigned long command, void *argument)
{
	struct mailbox_receive *receive = argument;

	if (command == MAILBOX_IOC_RECEIVE)
		receive->header.length = receive->length;
}

/* Everything that shows a result, and results that differ by thread. */
static void *work(void *argument)
{
	unsigned int number = (uintptr_t)argument;
	char sentence[MAILBOX_STRERROR_MAX], wanted[MAILBOX_STRERROR_MAX];
	struct mailbox_error error = { .code = 0 };
	struct mailbox_stat entry;
	char buffer[THREADS];
	unsigned int round;

	snprintf(wanted, sizeof(wanted),
		 "member 'priority' is out of range: at most %u (EINVAL)",
		 number + 2);
	for (round = 0; round < ROUNDS; round++) {
		memset(&fake, 0, sizeof(fake));
		fake.answer = answer;
		if (mailbox_receive(5, buffer, number, NULL, &error) != number)
			return "receive";
		if (mailbox_create("jobs", 0, MAILBOX_RIGHT_ALL, 0600, NULL,
				   &error) < 0 ||
		    mailbox_open("jobs", O_RDWR | O_CREAT, 0600, NULL,
				 &error) < 0)
			return "create";
		memset(&entry, 0, sizeof(entry));
		if (mailbox_next(&entry, &error) < 0 ||
		    mailbox_remove("jobs", &error))
			return "next, remove";
		if (mailbox_deadline_ms(number) <= 0)
			return "deadline";

		fake.ioctl_errno = EINVAL;
		fake.ioctl_fails_at = fake.ioctls;
		fake.error = (struct mailbox_error){
			.code = -EINVAL,
			.reason = MAILBOX_REASON_RANGE,
			.field = offsetof(struct mailbox_send, priority),
			.value = number + 2,
		};
		if (mailbox_send(5, buffer, number, 40000, 0,
				 &error) != -EINVAL)
			return "send";
		mailbox_strerror(&error, MAILBOX_IOC_SEND, sentence,
				 sizeof(sentence));
		if (strcmp(sentence, wanted))
			return "sentence";
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	const char *trouble = NULL;
	uintptr_t i;
	void *result;

	for (i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, work, (void *)i)) {
			printf("# no threads\n");
			return 1;
		}
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		if (result)
			trouble = result;
	}
	if (trouble)
		printf("# went wrong: %s\n", trouble);
	return trouble != NULL;
}

#endif
