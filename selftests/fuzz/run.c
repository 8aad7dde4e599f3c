// SPDX-License-Identifier: GPL-2.0
/*
 * Run a program, and say whether all came out as it must.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "execute.h"
#include "model.h"
#include "run.h"
#include "together.h"

static int device;

bool run_begin(void)
{
	device = open("/dev/mailbox", O_RDWR | O_CLOEXEC);
	return device >= 0 && actors_begin();
}

void __attribute__((format(printf, 2, 3))) run_fail(struct verdict *verdict, const char *format,
						    ...)
{
	va_list arguments;

	if (verdict->failed)
		return;
	verdict->failed = true;
	va_start(arguments, format);
	vsnprintf(verdict->why, sizeof(verdict->why), format, arguments);
	va_end(arguments);
}

/* --- quotas ------------------------------------------------------------------- */

static void set_quota(unsigned int which, uint64_t value)
{
	static const char * const names[QUOTAS] = {
		[QUOTA_MESSAGES] = "user_messages", [QUOTA_BYTES] = "user_bytes",
		[QUOTA_MAILBOXES] = "user_mailboxes", [QUOTA_MESSAGE_MAX] = "message_max",
	};
	char path[80];
	int file;

	snprintf(path, sizeof(path), "/sys/module/mailbox_ipc/parameters/%s", names[which]);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file >= 0) {
		dprintf(file, "%llu", (unsigned long long)value);
		close(file);
	}
}

/* --- before and after ------------------------------------------------------------ */

/* Named mailboxes that stay. */
static void remove_names(void)
{
	for (unsigned int i = 0; i < 64; i++) {
		struct mailbox_stat entry;
		struct mailbox_list list = {
			.entries = (uintptr_t)&entry, .entry_size = sizeof(entry), .count = 1,
		};
		struct mailbox_open open = {
			.name = (uintptr_t)entry.name, .rights = MAILBOX_RIGHT_ADMIN,
		};
		struct mailbox_destroy destroy = { .flags = 0 };

		if (ioctl(device, MAILBOX_IOC_LIST, &list) || !list.count ||
		    ioctl(device, MAILBOX_IOC_OPEN, &open))
			return;
		ioctl(open.fd, MAILBOX_IOC_DESTROY, &destroy);
		close(open.fd);
	}
}

/* All is gone, so nobody is charged for anything. */
static void check_nothing_left(struct verdict *verdict)
{
	static const uid_t users[] = { 0, 1000, 1001 };

	for (unsigned int i = 0; i < 3; i++) {
		struct mailbox_info info = { .flags = 0 };

		if (setresuid(users[i], -1, -1) || ioctl(device, MAILBOX_IOC_INFO, &info))
			run_fail(verdict, "INFO: %s", strerror(errno));
		else if (info.user_bytes || info.user_messages || info.user_mailboxes)
			run_fail(verdict, "user %u is charged for %llu bytes, %llu messages, %llu mailboxes, and there are none",
				 users[i], (unsigned long long)info.user_bytes,
				 (unsigned long long)info.user_messages,
				 (unsigned long long)info.user_mailboxes);
	}
	if (setresuid(0, -1, -1))
		run_fail(verdict, "setresuid: %s", strerror(errno));
}

/*
 * The rest of actor 0's handles, by a call behind the program's.  If it has been killed,
 * it does not answer.
 */
static void close_all(struct verdict *verdict)
{
	for (unsigned int i = 0; i < SLOTS && stage->post[0].pid; i++) {
		pid_t pid = stage->post[0].pid;

		stage->program.call[CALLS_MAX] = (struct call) { .op = OP_CLOSE };
		stage->program.call[CALLS_MAX].arg[SLOT] = i;
		actor_order(0, CALLS_MAX);
		if (actor_wait(0))
			continue;
		if (!process_gone(pid))
			run_fail(verdict, "actor 0 does not come to an end");
		break;
	}
}

/* Its actors are gone. */
static void forget_process(pid_t pid, struct verdict *verdict)
{
	if (!process_wait(pid))
		run_fail(verdict, "process %d does not end", pid);
	for (unsigned int i = 0; i < ACTORS; i++)
		if (stage->post[i].pid == pid)
			memset(&stage->post[i], 0, sizeof(stage->post[i]));
}

/* --- one call at a time ------------------------------------------------------------- */

/* Look at what an actor's call came to. */
static void check_ended(unsigned int actor, struct verdict *verdict)
{
	const struct expectation *expected = &expectations[actor];
	const struct outcome *outcome = &stage->outcome[expected->number];
	char why[300];

	if (!actor_wait(actor)) {
		run_fail(verdict, "call %u of actor %u: it waits, and should have ended",
			 expected->number, actor);
		return;
	}
	verdict->checked++;
	if (!outcome_fits(expected, outcome, why, sizeof(why)))
		run_fail(verdict, "call %u of actor %u, %s: %s", expected->number, actor,
			 op_name(stage->program.call[expected->number].op), why);
}

static void check_all_ended(unsigned int ended, struct verdict *verdict)
{
	for (unsigned int i = 0; i < ACTORS && !verdict->failed; i++)
		if (ended & 1U << i)
			check_ended(i, verdict);
}

/* Returns whether it was made. */
static bool make_call(unsigned int number, struct verdict *verdict)
{
	const struct call *call = &stage->program.call[number];
	unsigned int target = call->arg[TARGET] % ACTORS, ended;

	if (!model_idle(call->actor))
		return false;
	ended = model_call(number);
	if (expectations[call->actor].how == SKIPPED ||
	    expectations[call->actor].number != number || model_gave_up())
		return false;

	if (call->op == OP_QUOTA)
		set_quota(call->arg[WHICH] % QUOTAS, call->arg[VALUE]);
	if (call->op == OP_SIGNAL || call->op == OP_KILL)
		execute_signal(call);
	else
		actor_order(call->actor, number);
	switch (call->op) {
	case OP_FORK:
	case OP_THREAD:
		if (!actor_wait(call->actor) || stage->outcome[number].error)
			run_fail(verdict, "no new actor: %s", strerror(stage->outcome[number].error));
		model_actor(target, stage->post[target].pid);
		return true;
	case OP_PASS:
		if (!actor_wait(call->actor))
			run_fail(verdict, "a descriptor cannot be passed");
		actor_order(target, number);
		if (!actor_wait(target))
			run_fail(verdict, "a descriptor does not arrive");
		ended &= ~(1U << call->actor);
		break;
	case OP_EXIT:
	case OP_KILL:
		forget_process(model_ended_process(), verdict);
		break;
	default:
		if (expectations[call->actor].how == WAITS && !actor_wait_asleep(call->actor)) {
			char text[300] = "";
			FILE *file = fmemopen(text, sizeof(text), "w");

			if (file) {
				outcome_write(call, &stage->outcome[number], file);
				fclose(file);
			}
			text[strcspn(text, "\n")] = 0;
			run_fail(verdict, "call %u of actor %u, %s: it should wait, and came back: %s",
				 number, call->actor, op_name(call->op), text);
		}
		break;
	}
	check_all_ended(ended, verdict);
	return true;
}

/* --- garbage ------------------------------------------------------------------------- */

static bool may_be_made(const struct call *call)
{
	const struct post *post = &stage->post[call->actor];
	const struct post *target = &stage->post[call->arg[TARGET] % ACTORS];

	if (!post->tid)
		return false;
	switch (call->op) {
	case OP_FORK:
	case OP_THREAD:
		return !target->tid;
	case OP_PASS:
		return target->tid && target != post;
	case OP_KILL:
		return target->tid && target->pid != stage->post[0].pid && target->pid != post->pid;
	case OP_EXIT:
		return post->pid != stage->post[0].pid;
	case OP_BECOME:		/* actor 0 has to be root */
		return call->actor;
	default:
		return true;
	}
}

static void make_garbage(unsigned int number, struct verdict *verdict)
{
	const struct call *call = &stage->program.call[number];
	struct outcome *outcome = &stage->outcome[number];
	unsigned int target = call->arg[TARGET] % ACTORS;

	if (!may_be_made(call))
		return;
	verdict->made++;
	if (call->op == OP_KILL || call->op == OP_SIGNAL) {
		execute_signal(call);
		if (call->op == OP_KILL)
			forget_process(stage->post[target].pid, verdict);
		return;
	}
	actor_order(call->actor, number);
	if (call->op == OP_EXIT) {
		forget_process(stage->post[call->actor].pid, verdict);
		return;
	}
	if (!actor_wait(call->actor))
		run_fail(verdict, "call %u of actor %u does not come to an end", number, call->actor);
	if (call->op == OP_PASS) {
		actor_order(target, number);
		if (!actor_wait(target))
			run_fail(verdict, "a descriptor does not arrive");
	}
	if (call->op == OP_RAW && !garbage_fits(call, outcome))
		run_fail(verdict, "call %u of actor %u: %s (reason %u, field %u)%s", number,
			 call->actor, strerror(outcome->error), outcome->why.reason,
			 outcome->why.field, outcome->spilled ? ", and wrote behind its struct" : "");
}

/* --- a program ------------------------------------------------------------------------ */

/* All of it, one call after the other, until there is no sense in going on. */
static void make_all(const struct program *program, struct verdict *verdict)
{
	for (unsigned int i = 0; i < program->count && !verdict->failed; i++) {
		verdict->at = i;
		verdict->gave_up = model_gave_up();
		if (verdict->gave_up)
			return;
		if (program->call[i].op == OP_TOGETHER) {
			run_together(i, verdict);
			return;
		}
		if (program->kind == GARBAGE)
			make_garbage(i, verdict);
		else
			verdict->made += make_call(i, verdict);
	}
}

struct verdict run(const struct program *program)
{
	struct verdict verdict = { .failed = false };

	stage->round++;
	stage->program = *program;
	memset(stage->outcome, 0, sizeof(stage->outcome));
	model_begin();
	model_actor(0, stage->post[0].pid);
	make_all(program, &verdict);

	for (unsigned int i = 0; i < QUOTAS; i++)
		set_quota(i, quota_defaults[i]);
	if (!actors_end_others())
		run_fail(&verdict, "a process does not end");
	close_all(&verdict);
	if (!actors_again())
		run_fail(&verdict, "there is no new actor 0");
	remove_names();
	check_nothing_left(&verdict);
	return verdict;
}

void run_write(const struct program *program, FILE *file)
{
	for (unsigned int i = 0; i < program->count; i++) {
		fprintf(file, "# %2u: ", i);
		call_write(&program->call[i], file);
		fputs("#       ", file);
		outcome_write(&program->call[i], &stage->outcome[i], file);
	}
}
