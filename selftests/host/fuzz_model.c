// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's model by itself, without a kernel whose answers it is to foresee: it
 * touches nothing that it should not, and its own books balance after each call.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#include "kselftest_harness.h"

#define PROGRAMS	2000
#define FIRST_PID	100

/* --- what the model wants of the rest of the fuzzer ---------------------- */

static struct stage the_stage;
struct stage *stage = &the_stage;

uint64_t message_id(unsigned int number, unsigned int item)
{
	return number * BATCH + item + 1;
}

pid_t pid_of(uint64_t pid)
{
	pid_t there = pid && pid <= ACTORS ? stage->post[pid - 1].pid : 0;

	return there ? there : pid ? FAKE_PID : 0;
}

/* Actors come and go as they would. */
static void follow(const struct call *call, pid_t *next)
{
	unsigned int target = call->arg[TARGET] % ACTORS;

	if (call->op == OP_FORK || call->op == OP_THREAD) {
		stage->post[target].pid = call->op == OP_FORK ? (*next)++ :
					  stage->post[call->actor].pid;
		model_actor(target, stage->post[target].pid);
	}
	for (unsigned int i = 0; i < ACTORS; i++)
		if (model_ended_process() && stage->post[i].pid == model_ended_process())
			stage->post[i].pid = 0;
}

/* --- what must be true of it --------------------------------------------- */

static bool balanced(const struct box *box)
{
	return box->policy == MAILBOX_POLICY_BROADCAST ||
	       box->sent == box->received + box->dropped + box->withdrawn + depth_of(box);
}

static bool all_balanced(void)
{
	for (unsigned int i = 0; i < world.boxes; i++)
		if (!balanced(world.box[i]))
			return false;
	return true;
}

/* Everything is closed: nobody is charged for anything. */
static bool nothing_left(void)
{
	for (unsigned int i = 0; i < world.boxes; i++)
		if (!world.box[i]->destroyed)
			box_destroy(world.box[i]);
	for (unsigned int i = 0; i < USERS; i++)
		if (world.messages[i] || world.bytes[i] || world.mailboxes[i])
			return false;
	return true;
}

static unsigned int counts[OPS], waits, woken;

/* Returns the call after which something was wrong; CALLS_MAX: none. */
static unsigned int foresee(const struct program *program)
{
	pid_t next = FIRST_PID + 1;

	stage->program = *program;
	memset(stage->post, 0, sizeof(stage->post));
	stage->post[0].pid = FIRST_PID;
	model_begin();
	model_actor(0, FIRST_PID);
	for (unsigned int i = 0; i < program->count && !model_gave_up(); i++) {
		const struct call *call = &stage->program.call[i];
		const struct expectation *expected = &expectations[call->actor];
		unsigned int ended;

		if (call->op == OP_TOGETHER)
			break;
		if (!model_idle(call->actor))
			continue;
		ended = model_call(i);
		if (expected->how == SKIPPED || expected->number != i)
			continue;
		follow(call, &next);
		if (!all_balanced())
			return i;
		counts[call->op] += expected->how == ENDS && !expected->wrong.count;
		waits += expected->how == WAITS;
		woken += (ended & ~(1U << call->actor)) != 0;
	}
	return model_gave_up() || nothing_left() ? CALLS_MAX : program->count;
}

TEST(the_books_balance)
{
	struct random random = { 1 };
	static struct program program;

	for (int i = 0; i < PROGRAMS; i++) {
		unsigned int wrong;

		program_random(&program, &random);
		wrong = foresee(&program);
		EXPECT_EQ(CALLS_MAX, wrong) {
			printf("# after call %u of\n", wrong);
			program_write(&program, "# ", stdout);
		}
	}
	/* it is worth something only if all of it happens, and often */
	for (int op = 0; op < OPS; op++) {
		EXPECT_TRUE(op == OP_RAW || op == OP_TOGETHER || counts[op] >= 10) {
			TH_LOG("%s went well %u times", op_name(op), counts[op]);
		}
	}
	EXPECT_LT(PROGRAMS / 4, waits);
	EXPECT_LT(PROGRAMS / 8, woken);
}

TEST_HARNESS_MAIN
