// SPDX-License-Identifier: GPL-2.0
/*
 * New programs, and old ones changed a little.
 */
#include <string.h>

#include <linux/mailbox.h>

#include "grammar.h"

/* around what is compared with something somewhere */
static const uint64_t junk[] = {
	1, 2, 3, 4, 5, 7, 8, 16, 64, 65, 255, 256, 0777, 1023, 1024, 1025, 4096, 4097, 32767,
	32768, 65536, 0x7fffffff, 0x80000000, 0x7fffffffffffffffULL, 0x8000000000000000ULL, ~0ULL,
};

static uint64_t some_bits(struct random *random, uint64_t bits)
{
	return random_next(random) & random_next(random) & bits;
}

static uint64_t some_flags(enum op op, struct random *random)
{
	uint64_t flags = some_bits(random, ops[op].flags);

	/* which would have to do with all else that is said of the mailbox */
	if (op == OP_CREATE && random_below(random, 4))
		flags &= ~MAILBOX_CREATE_FIXED;
	return flags;
}

static uint64_t any_value(const struct call *call, enum arg arg, struct random *random)
{
	const struct arg_grammar *grammar = &args[arg];

	if (arg == TWIST)
		return random_once(random, 24) ? random_below(random, TWISTS) : TWIST_NONE;
	if (arg == NAME && random_once(random, 24))
		return NAME_LAST + random_below(random, 6);
	if (arg != SLOT && arg != TO && arg != BACK && arg != TARGET && random_once(random, 120))
		return junk[random_below(random, ARRAY_SIZE(junk))];
	if (arg == FLAGS)
		return some_flags(call->op, random);
	if (grammar->bits)
		return some_bits(random, grammar->bits);
	if (grammar->count)
		return grammar->values[random_below(random, grammar->count)];
	return random_below(random, grammar->below);
}

static void tidy_channel(uint64_t *arg)
{
	if (!arg[CAPACITY])
		arg[CAPACITY] = 1;
	/* two rings or none */
	if (!arg[RING] != !arg[RING_BACK])
		arg[RING_BACK] = arg[RING];
}

/* What its flags do not use has to be 0: nearly always it is. */
static void tidy(struct call *call, struct random *random)
{
	uint64_t *arg = call->arg;

	if (random_once(random, 30))
		return;
	switch (call->op) {
	case OP_CREATE:
		if (!arg[NAME]) {
			arg[FLAGS] &= ~(MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST);
			arg[MODE] = 0;
		}
		if (arg[POLICY] != MAILBOX_POLICY_BROADCAST)
			arg[SLOW] = 0;
		else if (!arg[CAPACITY])
			arg[CAPACITY] = 1;
		if (arg[POLICY] == MAILBOX_POLICY_SEGMENT) {
			arg[FLAGS] &= ~MAILBOX_CREATE_FIXED;
			arg[MAX] = 0;
			/* bytes */
			arg[CAPACITY] = 1 + random_below(random, 3) * 4096;
		}
		if ((arg[FLAGS] & MAILBOX_CREATE_FIXED) && !arg[MAX])
			arg[MAX] = 16;
		break;
	case OP_RECEIVE:
	case OP_RECEIVE_BATCH:
		if (!(arg[SELECT] & (MAILBOX_SELECT_TAG | MAILBOX_SELECT_TAG_MAX |
				     MAILBOX_SELECT_TAG_NOT)))
			arg[TAG] = 0;
		if (!(arg[SELECT] & MAILBOX_SELECT_PRIORITY))
			arg[PRIORITY] = 0;
		if (!(arg[SELECT] & MAILBOX_SELECT_PID))
			arg[PID] = 0;
		else if (!arg[PID])
			arg[PID] = 1;
		if (!(arg[FLAGS] & MAILBOX_RECEIVE_PEEK) || (arg[SELECT] & MAILBOX_SELECT_TAG_MAX))
			arg[INDEX] = 0;
		if (arg[FLAGS] & MAILBOX_RECEIVE_PEEK)
			arg[FLAGS] &= ~MAILBOX_DEADLINE;
		/* room for what comes, in general */
		if (arg[LENGTH] < 4096 && random_below(random, 4))
			arg[LENGTH] = 4096;
		/* fall through */
	case OP_SEND:
	case OP_SEND_BATCH:
	case OP_CONNECT:
	case OP_RING_WAIT:
		if (call->op == OP_CONNECT)
			tidy_channel(arg);
		/* who waits for nothing has come to the end of its program */
		if (random_below(random, 3))
			arg[FLAGS] |= MAILBOX_NONBLOCK;
		if (arg[FLAGS] & MAILBOX_NONBLOCK)
			arg[FLAGS] &= ~MAILBOX_DEADLINE;
		if (!(arg[FLAGS] & MAILBOX_DEADLINE)) {
			arg[FLAGS] &= ~MAILBOX_REALTIME;
			arg[DEADLINE] = 0;
		}
		break;
	case OP_CHANNEL:
		tidy_channel(arg);
		break;
	case OP_SET:
		if (!(arg[MASK] & MAILBOX_SET_MODE))
			arg[MODE] = 0;
		if (!(arg[MASK] & MAILBOX_SET_UID))
			arg[USER] = 0;
		if (!(arg[MASK] & MAILBOX_SET_GID))
			arg[GROUP] = 0;
		if (!(arg[MASK] & MAILBOX_SET_CAPACITY))
			arg[CAPACITY] = 0;
		if (!(arg[MASK] & MAILBOX_SET_MESSAGE_MAX))
			arg[MAX] = 0;
		break;
	default:
		break;
	}
}

/* Where all go on at once, who waits for ever makes nothing of the rest of its calls. */
static void hurry(struct call *call, struct random *random)
{
	uint64_t *arg = call->arg;

	if (!(ops[call->op].args & 1ULL << DEADLINE) || random_once(random, 3) ||
	    arg[FLAGS] & (MAILBOX_NONBLOCK | MAILBOX_RECEIVE_PEEK))
		return;
	arg[FLAGS] |= MAILBOX_DEADLINE;
	arg[DEADLINE] = DEADLINE_SOON;
}

/* A slot that a call of the program may have filled. */
static uint64_t likely_slot(const struct program *program, struct random *random)
{
	const struct call *call;

	for (int i = 0; program->count && i < 16; i++) {
		call = &program->call[random_below(random, program->count)];
		if (call->op == OP_CHANNEL && random_once(random, 2))
			return call->arg[BACK] % SLOTS;
		if (ops[call->op].args & 1ULL << TO)
			return call->arg[TO] % SLOTS;
	}
	return 0;
}

static struct call a_call(enum op op, const struct program *program, enum kind kind,
			  unsigned int actors, struct random *random)
{
	struct call call = { .op = op, .actor = random_below(random, actors) };

	for (int arg = 0; arg < ARGS; arg++)
		if (ops[call.op].args & 1ULL << arg)
			call.arg[arg] = any_value(&call, arg, random);
	if (ops[call.op].args & 1ULL << SLOT && random_below(random, 8))
		call.arg[SLOT] = likely_slot(program, random);
	tidy(&call, random);
	if (kind == TOGETHER)
		hurry(&call, random);
	return call;
}

static struct call any_call(const struct program *program, enum kind kind, unsigned int actors,
			    struct random *random)
{
	unsigned int all = 0, pick;
	enum op op = 0;

	for (int i = 0; i < OPS; i++)
		all += ops[i].often[kind];
	pick = random_below(random, all);
	while (pick >= ops[op].often[kind])
		pick -= ops[op++].often[kind];
	return a_call(op, program, kind, actors, random);
}

/* What a call does not take its text does not say. */
static void append(struct program *program, struct call call)
{
	for (int arg = 0; arg < ARGS; arg++)
		if (!(ops[call.op].args & 1ULL << arg))
			call.arg[arg] = 0;
	if (program->count < CALLS_MAX)
		program->call[program->count++] = call;
}

/* A mailbox, mostly one that works, in slot @to; or a channel. */
static struct call a_mailbox(unsigned int to, enum op op, struct random *random)
{
	static const struct program none;
	struct call call = a_call(op, &none, EXACT, 1, random);

	call.arg[TO] = to;
	if (op == OP_CHANNEL)
		call.arg[BACK] = SLOTS - 1 - to;
	if (random_below(random, 8)) {
		call.arg[RIGHTS] = MAILBOX_RIGHT_ALL;
		call.arg[TWIST] = TWIST_NONE;
	}
	return call;
}

/* One to ask for channels at. */
static struct call a_listener(unsigned int to, struct random *random)
{
	struct call call = a_mailbox(to, OP_CREATE, random);

	call.arg[POLICY] = random_once(random, 4) ? MAILBOX_POLICY_EXCLUSIVE :
						     MAILBOX_POLICY_SHARED;
	call.arg[RIGHTS] = MAILBOX_RIGHT_ALL;
	call.arg[TWIST] = TWIST_NONE;
	call.arg[SLOW] = 0;
	call.arg[MAX] = 0;
	call.arg[FLAGS] &= ~(MAILBOX_CREATE_FIXED | MAILBOX_CREATE_NONBLOCK);
	if (call.arg[CAPACITY] > 4)
		call.arg[CAPACITY] = 2;
	return call;
}

static struct call an_actor(unsigned int target, enum op op, unsigned int parent)
{
	struct call call = { .op = op, .actor = parent };

	call.arg[TARGET] = target;
	return call;
}

static void select_any(uint64_t *arg)
{
	arg[SELECT] = 0;
	arg[TAG] = 0;
	arg[PRIORITY] = 0;
	arg[PID] = 0;
	arg[INDEX] = 0;
}

/* Whatever comes will do, and however late: who waits in vain then goes on waiting. */
static void make_patient(struct call *call)
{
	call->arg[FLAGS] &= ~(MAILBOX_NONBLOCK | MAILBOX_DEADLINE | MAILBOX_REALTIME);
	call->arg[DEADLINE] = 0;
	if (call->op != OP_RECEIVE && call->op != OP_RECEIVE_BATCH)
		return;
	call->arg[FLAGS] &= ~MAILBOX_RECEIVE_PEEK;
	select_any(call->arg);
}

/* Something happens at one mailbox: it gets full, or empty, and some wait. */
static void append_burst(struct program *program, unsigned int slot, unsigned int actors,
			 bool patient, struct random *random)
{
	static const enum op some[] = {
		OP_SEND, OP_SEND, OP_SEND, OP_SEND, OP_SEND, OP_WRITE, OP_SEND_BATCH, OP_RECEIVE,
		OP_RECEIVE, OP_RECEIVE, OP_RECEIVE, OP_READ, OP_RECEIVE_BATCH, OP_STAT, OP_POLL,
	};
	unsigned int length = 3 + random_below(random, 8);

	while (length--) {
		enum op op = some[random_below(random, ARRAY_SIZE(some))];
		struct call call = a_call(op, program, program->kind, actors, random);

		call.arg[SLOT] = slot;
		call.arg[TWIST] = TWIST_NONE;
		if (patient && random_below(random, 8))
			make_patient(&call);
		if (random_below(random, 3))
			call.arg[PRIORITY] = 0;
		if (op == OP_SEND && random_below(random, 3))
			call.arg[LENGTH] = 16;
		append(program, call);
	}
}

static void append_signal(struct program *program, unsigned int target, unsigned int by)
{
	struct call call = { .op = OP_SIGNAL, .actor = by };

	call.arg[TARGET] = target;
	if (target != by)
		append(program, call);
}

/* Something happens in the rings of a channel. */
static void append_turns(struct program *program, const uint64_t slots[2], unsigned int actors,
			 struct random *random)
{
	static const enum op some[] = {
		OP_RING_STORE, OP_RING_STORE, OP_RING_STORE, OP_RING_WAKE, OP_RING_WAKE,
		OP_RING_WAIT, OP_RING_WAIT, OP_POLL, OP_POLL, OP_RING_LOOK, OP_RING_MAP, OP_STAT,
	};
	unsigned int length = 4 + random_below(random, 10);

	while (length--) {
		enum op op = some[random_below(random, ARRAY_SIZE(some))];
		struct call call = a_call(op, program, program->kind, actors, random);

		call.arg[SLOT] = slots[random_below(random, 2)];
		call.arg[TWIST] = TWIST_NONE;
		append(program, call);
	}
}

/* Mostly it goes well; it is about what comes afterwards. */
static void make_plain(struct call *call, uint64_t tag)
{
	call->arg[TWIST] = TWIST_NONE;
	call->arg[SEQUENCE] = 0;
	if (call->op == OP_CONNECT) {
		call->arg[FLAGS] &= ~MAILBOX_VECTOR;
		call->arg[LENGTH] = 16;
		call->arg[MAX] = 0;
		call->arg[TAG] = tag;
	} else if (call->op == OP_RECEIVE) {
		call->arg[FLAGS] &= MAILBOX_NONBLOCK;
		call->arg[DEADLINE] = 0;
		select_any(call->arg);
		call->arg[SELECT] = MAILBOX_SELECT_TAG;
		call->arg[TAG] = tag;
	}
}

/* Somebody asks for a channel, and somebody answers; then something happens at its ends. */
static void append_dialog(struct program *program, unsigned int slot, unsigned int actors,
			  struct random *random)
{
	static const enum op steps[] = {
		OP_CONNECT, OP_RECEIVE, OP_PEER, OP_ACCEPT, OP_PEER, OP_SEND, OP_PEER,
	};
	unsigned int asker = random_below(random, actors), answerer = random_below(random, actors);
	uint64_t ends[2] = { random_below(random, SLOTS), random_below(random, SLOTS) };
	uint64_t tag = 16 + random_below(random, 16);

	/* who waits for something else is asked not to */
	for (unsigned int i = 0; i < actors && program->kind == EXACT; i++) {
		append_signal(program, asker, i);
		append_signal(program, answerer, i);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		enum op op = steps[i] == OP_ACCEPT && random_once(random, 3) ? OP_REFUSE : steps[i];
		struct call call = a_call(op, program, program->kind, actors, random);
		bool asks = op == OP_CONNECT || ((op == OP_PEER || op == OP_SEND) &&
						 random_once(random, 2));

		if (random_once(random, 6))
			continue;
		call.actor = asks ? asker : answerer;
		call.arg[SLOT] = op == OP_PEER || op == OP_SEND ? ends[!asks] : slot;
		call.arg[TO] = ends[!asks];
		if (random_below(random, 8))
			make_plain(&call, tag);
		if (op == OP_CONNECT && asker == answerer)
			call.arg[FLAGS] |= MAILBOX_NONBLOCK;
		else if (op == OP_CONNECT && random_below(random, 3))
			call.arg[FLAGS] &= ~MAILBOX_NONBLOCK;
		tidy(&call, random);
		append(program, call);
	}
	if (random_once(random, 2))
		append_burst(program, ends[random_below(random, 2)], actors, false, random);
	else
		append_turns(program, ends, actors, random);
}

/* At the mailbox that call @at makes, or in its rings. */
static void append_happening(struct program *program, unsigned int at, unsigned int actors,
			     struct random *random)
{
	const struct call *make = &program->call[at];
	const uint64_t slots[2] = { make->arg[TO], make->arg[BACK] };

	if (make->op == OP_CHANNEL && random_below(random, 3))
		append_turns(program, slots, actors, random);
	else
		append_burst(program, at, actors, false, random);
}

void program_random(struct program *program, struct random *random)
{
	unsigned int actors = 1 + random_below(random, ACTORS), length;
	unsigned int boxes = 1 + random_below(random, 3);
	bool brief, dialogs;

	memset(program, 0, sizeof(*program));
	program->kind = random_once(random, 5) ? TOGETHER :
			random_once(random, 5) ? GARBAGE : EXACT;
	/* where little happens nobody comes later, and makes good what went wrong */
	brief = program->kind == TOGETHER && random_once(random, 2);
	if (brief)
		boxes = 1;
	dialogs = program->kind != GARBAGE && !brief && random_once(random, 3);
	if ((program->kind == TOGETHER || dialogs) && actors < 3)
		actors = 3;
	for (unsigned int i = 0; i < boxes; i++) {
		append(program, dialogs && !i ? a_listener(i, random) :
			a_mailbox(i, program->kind == EXACT && random_once(random, 5) ?
				  OP_CHANNEL : OP_CREATE, random));
		if (program->kind == TOGETHER) {
			/* the deadlines of the receivers end what nobody sends to */
			struct call *create = &program->call[i];

			create->arg[RIGHTS] = MAILBOX_RIGHT_ALL;
			create->arg[TWIST] = TWIST_NONE;
			if (brief) {
				create->arg[FLAGS] &= ~MAILBOX_CREATE_NONBLOCK;
				create->arg[POLICY] = random_below(random, 2);
				create->arg[SLOW] = 0;
			}
		}
	}
	for (unsigned int i = 1; i < actors; i++) {
		append(program, an_actor(i, random_below(random, 3) ? OP_FORK : OP_THREAD,
					 random_below(random, i)));
		if (random_once(random, 6)) {
			struct call call = { .op = OP_BECOME, .actor = i };

			call.arg[USER] = 1000 + random_below(random, 2);
			append(program, call);
		}
	}
	if (program->kind == TOGETHER)
		append(program, (struct call) { .op = OP_TOGETHER });
	if (brief) {
		append_burst(program, 0, actors, true, random);
		return;
	}
	length = 8 + random_below(random, program->kind == TOGETHER || dialogs ? 70 : 40);
	length += program->count;
	while (program->count < length && program->count < CALLS_MAX) {
		if (program->kind == GARBAGE || random_below(random, dialogs ? 2 : 6))
			append(program, any_call(program, program->kind, actors, random));
		else if (!dialogs || random_once(random, 3))
			append_happening(program, random_below(random, boxes), actors, random);
		else
			append_dialog(program, 0, actors, random);
	}
}

void program_delete(struct program *program, unsigned int at)
{
	program->count--;
	memmove(&program->call[at], &program->call[at + 1],
		(program->count - at) * sizeof(program->call[0]));
}

static void insert(struct program *program, unsigned int at, struct call call)
{
	if (program->count == CALLS_MAX)
		return;
	memmove(&program->call[at + 1], &program->call[at],
		(program->count - at) * sizeof(program->call[0]));
	program->call[at] = call;
	program->count++;
}

/* Where "together" stands; nothing is put before it, and it stays. */
static unsigned int beginning(const struct program *program)
{
	for (unsigned int i = 0; i < program->count; i++)
		if (program->call[i].op == OP_TOGETHER)
			return i + 1;
	return 0;
}

static void change_one(struct program *program, const struct program *other,
		       struct random *random)
{
	unsigned int begin = beginning(program);
	unsigned int at = begin + random_below(random, program->count - begin);
	unsigned int from, count;
	struct call *call = &program->call[at];
	int arg;

	switch (at < program->count ? random_below(random, 7) : 0) {
	case 0:
	case 1:
		insert(program, at, any_call(program, program->kind, ACTORS, random));
		break;
	case 2:
		program_delete(program, at);
		break;
	case 3:
		insert(program, at, *call);
		break;
	case 4:
		call->actor = random_below(random, ACTORS);
		break;
	case 5:
		arg = random_below(random, ARGS);
		if (!ops[call->op].args)
			break;
		while (!(ops[call->op].args & 1ULL << arg))
			arg = (arg + 1) % ARGS;
		call->arg[arg] = any_value(call, arg, random);
		tidy(call, random);
		break;
	case 6:
		if (other->kind != program->kind)
			break;
		from = beginning(other);
		from += random_below(random, other->count - from);
		count = random_below(random, other->count - from + 1);
		for (unsigned int i = 0; i < count; i++)
			insert(program, at + i, other->call[from + i]);
		break;
	}
}

void program_mutate(struct program *program, const struct program *other,
		    struct random *random)
{
	unsigned int changes = 1 + random_below(random, 5);

	while (changes--)
		change_one(program, other, random);
}
