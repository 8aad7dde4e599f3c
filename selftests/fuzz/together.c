// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that are made at once, and what must be true of them afterwards: nobody
 * waits for what is there, the books balance, DESTROY ends every wait, no message
 * came twice, none that its sender was told had not been sent, none out of order,
 * and each receipt names who has the message.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor.h"
#include "together.h"

#define KEPT	16
#define TRIES	2000

/* Mailboxes that main has a handle on. */
static struct kept {
	int fd;
	struct mailbox_stat stat;
} kept[KEPT];
static unsigned int kept_count;

static const struct kept *kept_box(uint64_t id)
{
	for (unsigned int i = 0; i < kept_count; i++)
		if (id && kept[i].stat.id == id)
			return &kept[i];
	return NULL;
}

static bool keep(struct kept *box)
{
	memset(&box->stat, 0, sizeof(box->stat));
	return !ioctl(box->fd, MAILBOX_IOC_STAT, &box->stat);
}

/* --- actors, all at once ------------------------------------------------------- */

static bool is_there(unsigned int actor)
{
	const struct post *post = &stage->post[actor];

	return post->tid && !process_gone(post->pid);
}

/* The call that an actor is in; CALLS_MAX: none. */
static unsigned int current(unsigned int actor)
{
	for (unsigned int i = 0; i < stage->program.count; i++)
		if (stage->program.call[i].actor == actor &&
		    __atomic_load_n(&stage->outcome[i].state, __ATOMIC_ACQUIRE) == BEGUN)
			return i;
	return CALLS_MAX;
}

static unsigned int progress(void)
{
	unsigned int ended = 0;

	for (unsigned int i = 0; i < stage->program.count; i++)
		ended += __atomic_load_n(&stage->outcome[i].state, __ATOMIC_ACQUIRE) == ENDED;
	return ended;
}

static bool all_quiet(void)
{
	for (unsigned int i = 0; i < ACTORS; i++)
		if (is_there(i) && !actor_done(i) && !actor_asleep(i))
			return false;
	return true;
}

/* Until nobody gets any further; false: somebody runs and runs. */
static bool wait_quiet(void)
{
	for (int i = 0, still = 0; i < PATIENCE * 200; i++) {
		unsigned int before = progress();

		if (all_quiet() && progress() == before)
			still++;
		else
			still = 0;
		if (still == 3)
			return true;
		usleep(i < 20 ? 500 : 5000);
	}
	return false;
}

/* --- while all is quiet ---------------------------------------------------------- */

/* What is wrong with one mailbox; NULL: nothing. */
static const char *unbalanced(const struct mailbox_stat *stat)
{
	if (stat->policy != MAILBOX_POLICY_BROADCAST &&
	    stat->sent != stat->received + stat->dropped + stat->withdrawn + stat->depth)
		return "sent is not received + dropped + withdrawn + depth";
	return NULL;
}

/* Does this call sleep without a reason? */
static const char *waits_in_vain(const struct call *call, const struct mailbox_stat *stat)
{
	bool takes_any = call->op == OP_READ ||
			 ((call->op == OP_RECEIVE || call->op == OP_RECEIVE_BATCH) &&
			  !call->arg[SELECT]);

	if (stat->policy != MAILBOX_POLICY_SHARED && stat->policy != MAILBOX_POLICY_EXCLUSIVE)
		return NULL;
	if (takes_any && stat->depth)
		return "a receive waits, and there is a message";
	if (takes_any && stat->waiting_senders)
		return "a receive waits, and so does a send";
	if (call->op == OP_WRITE || (call->op == OP_SEND && !(call->arg[FLAGS] & MAILBOX_SEND_SYNC)))
		if (stat->depth < stat->capacity)
			return "a send waits, and there is room";
	return NULL;
}

/* The first thing that is wrong. */
static const char *wrong_now(uint64_t *id)
{
	const char *wrong;

	for (unsigned int i = 0; i < kept_count; i++) {
		if (!keep(&kept[i]))
			return "STAT failed";
		*id = kept[i].stat.id;
		wrong = unbalanced(&kept[i].stat);
		if (wrong)
			return wrong;
	}
	for (unsigned int i = 0; i < ACTORS; i++) {
		unsigned int number = is_there(i) ? current(i) : CALLS_MAX;
		const struct kept *box = number == CALLS_MAX ? NULL :
					 kept_box(stage->outcome[number].box);

		if (!box)
			continue;
		*id = box->stat.id;
		wrong = waits_in_vain(&stage->program.call[number], &box->stat);
		if (wrong)
			return wrong;
	}
	return NULL;
}

/* A deadline may pass while we look: what is wrong once must stay so. */
static void check_quiet(struct verdict *verdict)
{
	const char *wrong = NULL;
	uint64_t id = 0;

	for (int i = 0; i < 5; i++) {
		unsigned int before;

		if (!wait_quiet()) {
			run_fail(verdict, "the actors neither end nor fall asleep");
			return;
		}
		before = progress();
		wrong = wrong_now(&id);
		if (!wrong)
			return;
		if (progress() != before)
			i = 0;
	}
	run_fail(verdict, "mailbox %llu: %s", (unsigned long long)id, wrong);
}

/* --- the end ----------------------------------------------------------------------- */

/* Each wait on a mailbox that was destroyed ends by itself, the others by a signal. */
static void end_all(struct verdict *verdict)
{
	__atomic_store_n(&stage->stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < kept_count; i++) {
		struct mailbox_destroy destroy = { .flags = 0 };

		ioctl(kept[i].fd, MAILBOX_IOC_DESTROY, &destroy);
	}
	for (unsigned int i = 0; i < ACTORS; i++) {
		for (int try = 0; is_there(i) && !actor_done(i); try++) {
			unsigned int number = current(i);
			uint64_t box = number == CALLS_MAX ? 0 : stage->outcome[number].box;

			if (try == TRIES) {
				run_fail(verdict, "call %u of actor %u still waits after %s", number, i,
					 kept_box(box) ? "DESTROY" : "many signals");
				return;
			}
			/* a request that was received is not in the mailbox any more */
			if (!kept_box(box) || stage->program.call[number].op == OP_CONNECT)
				syscall(SYS_tgkill, stage->post[i].pid, stage->post[i].tid, SIGUSR1);
			usleep(try < 20 ? 500 : 10000);
		}
	}
}

/* --- afterwards --------------------------------------------------------------------- */

/**
 * struct fate - of a message
 * @times: it was received
 * @receiver: who received it last
 * @number: by which call
 * @sequence: as its header said; 0: read(2) has none
 */
struct fate {
	unsigned int times;
	pid_t receiver;
	unsigned int number;
	uint64_t sequence;
};

static struct fate fates[CALLS_MAX * BATCH];
static unsigned int first;	/* call that was made together with others */

static bool receives(const struct call *call)
{
	return call->op == OP_READ || (!(call->arg[FLAGS] & MAILBOX_RECEIVE_PEEK) &&
	       (call->op == OP_RECEIVE || call->op == OP_RECEIVE_BATCH));
}

static bool sends(const struct call *call)
{
	return call->op == OP_WRITE || call->op == OP_SEND || call->op == OP_SEND_BATCH;
}

/* Messages that a call has handled for sure. */
static unsigned int done_of(const struct call *call, const struct outcome *outcome)
{
	if (outcome->state != ENDED || outcome->error)
		return 0;
	if (call->op == OP_SEND_BATCH || call->op == OP_RECEIVE_BATCH)
		return outcome->count < BATCH ? outcome->count : BATCH;
	return 1;
}

static void check_payload(unsigned int number, unsigned int at, struct verdict *verdict)
{
	const struct call *call = &stage->program.call[number];
	const struct item_outcome *item = &stage->outcome[number].item[at];
	bool vector = call->op != OP_READ && call->arg[FLAGS] & MAILBOX_VECTOR;
	uint64_t room = vector && !call->arg[PIECES] ? 0 : call->arg[LENGTH];
	uint64_t length = call->op == OP_READ ? (uint64_t)stage->outcome[number].value :
						item->header.length;
	struct fate *fate;

	if (length > room)
		length = room;
	if (item->spilled)
		run_fail(verdict, "call %u wrote behind the message", number);
	if (length < sizeof(item->id))
		return;		/* who knows which it is */
	if (item->id >> 16 != stage->round || !(item->id & 0xffff) ||
	    (item->id & 0xffff) > CALLS_MAX * BATCH ||
	    item->sum != payload_sum(item->id, length)) {
		run_fail(verdict, "call %u received what nobody sent: %#llx, %llu bytes", number,
			 (unsigned long long)item->id, (unsigned long long)length);
		return;
	}
	fate = &fates[(item->id & 0xffff) - 1];
	fate->times++;
	fate->number = number;
	fate->receiver = stage->post[call->actor].pid;
	fate->sequence = call->op == OP_READ ? 0 : item->header.sequence;
}

static void check_received(struct verdict *verdict)
{
	memset(fates, 0, sizeof(fates));
	for (unsigned int i = 0; i < stage->program.count; i++) {
		const struct call *call = &stage->program.call[i];

		if (!receives(call) || (call->arg[TWIST] && call->op != OP_RECEIVE_BATCH) ||
		    (call->op == OP_READ && !stage->outcome[i].value))
			continue;
		for (unsigned int at = 0; at < done_of(call, &stage->outcome[i]); at++)
			check_payload(i, at, verdict);
	}
}

/*
 * A message may come back from one who could not take it, and then it is late, or
 * another's than a sender that did not wait for that was told.
 */
static bool copies_failed(void)
{
	for (unsigned int i = 0; i < stage->program.count; i++)
		if (receives(&stage->program.call[i]) &&
		    (stage->program.call[i].arg[TWIST] || stage->outcome[i].error == EMSGSIZE))
			return true;
	return false;
}

/* One message, from its sender's side. */
static void check_sent(unsigned int number, unsigned int at, bool somebody_died,
		       struct verdict *verdict)
{
	const struct call *call = &stage->program.call[number];
	const struct outcome *outcome = &stage->outcome[number];
	const struct item_outcome *item = &outcome->item[at];
	const struct fate *fate = &fates[number * BATCH + at];
	const struct kept *box = kept_box(outcome->box);
	bool sent = at < done_of(call, outcome);

	if (outcome->state != ENDED)
		return;		/* it was killed, and both are right */
	if (!sent && fate->times) {
		run_fail(verdict, "call %u was told that message %u had not been sent, and call %u received it",
			 number, at, fate->number);
		return;
	}
	if (!sent || call->op == OP_WRITE)
		return;
	if (fate->sequence && fate->sequence != item->sequence)
		run_fail(verdict, "call %u sent message %u as number %llu, call %u received it as %llu",
			 number, at, (unsigned long long)item->sequence, fate->number,
			 (unsigned long long)fate->sequence);
	if (!box || box->stat.policy == MAILBOX_POLICY_BROADCAST)
		return;
	if (fate->times > 1)
		run_fail(verdict, "message %u of call %u was received %u times", at, number,
			 fate->times);
	if (!item->receipt.time || somebody_died || copies_failed())
		return;
	if (fate->times && fate->receiver != item->receipt.pid)
		run_fail(verdict, "the receipt of call %u names process %d, and call %u of process %d has message %u",
			 number, item->receipt.pid, fate->number, fate->receiver, at);
}

static void check_all_sent(bool somebody_died, struct verdict *verdict)
{
	for (unsigned int i = first; i < stage->program.count; i++) {
		const struct call *call = &stage->program.call[i];

		if (!sends(call))
			continue;
		for (unsigned int at = 0; at < (call->op == OP_SEND_BATCH ? BATCH : 1); at++)
			check_sent(i, at, somebody_died, verdict);
	}
}

/* Nothing that comes later to a receiver was accepted before. */
static void check_order(struct verdict *verdict)
{
	for (unsigned int i = first; i < stage->program.count; i++) {
		const struct call *call = &stage->program.call[i];
		const struct item_outcome *now = &stage->outcome[i].item[0];

		if (call->op != OP_RECEIVE || !receives(call) || call->arg[SELECT] ||
		    !done_of(call, &stage->outcome[i]) || !kept_box(stage->outcome[i].box))
			continue;
		for (unsigned int j = first; j < i; j++) {
			const struct call *other = &stage->program.call[j];
			const struct item_outcome *before = &stage->outcome[j].item[0];

			if (other->op != OP_RECEIVE || !receives(other) || other->arg[SELECT] ||
			    other->actor != call->actor || other->arg[SLOT] != call->arg[SLOT] ||
			    !done_of(other, &stage->outcome[j]) ||
			    stage->outcome[j].box != stage->outcome[i].box ||
			    before->header.priority != now->header.priority)
				continue;
			if (before->header.sequence >= now->header.sequence)
				run_fail(verdict, "call %u received message %llu, and call %u of the same actor message %llu later",
					 j, (unsigned long long)before->header.sequence, i,
					 (unsigned long long)now->header.sequence);
		}
	}
}

void run_together(unsigned int number, struct verdict *verdict)
{
	bool somebody_died = false, there[ACTORS];

	first = number + 1;
	kept_count = 0;
	actor_order(0, number);
	if (!actor_wait(0)) {
		run_fail(verdict, "actor 0 does not come to an end");
		return;
	}
	while (kept_count < KEPT && (kept[kept_count].fd = actor_handed_out()) >= 0)
		if (keep(&kept[kept_count]))
			kept_count++;

	__atomic_store_n(&stage->stop, false, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < ACTORS; i++)
		there[i] = is_there(i);
	for (unsigned int i = 0; i < ACTORS; i++)
		if (there[i] && actor_done(i))
			actor_order_all(i, first);
	check_quiet(verdict);
	verdict->made += progress();
	end_all(verdict);
	for (unsigned int i = 0; i < ACTORS; i++)
		somebody_died |= there[i] && !is_there(i);
	check_received(verdict);
	check_all_sent(somebody_died, verdict);
	/* seats of a PAIR may change hands, and mail is of a seat */
	if (!somebody_died && !copies_failed())
		check_order(verdict);
	for (unsigned int i = 0; i < kept_count; i++)
		close(kept[i].fd);
}
