/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: what the contract (uapi/linux/mailbox.h and the manual) says must
 * come out of a call.  It knows nothing of the module's code.
 *
 * Where several things are wrong with a call, the contract does not say which of
 * them is told; so there is a list of complaints, and any of them will do.  Where
 * it leaves open what becomes of a mailbox, the model gives up on the program.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "actor.h"

/* in a complaint: the contract leaves it open */
#define ANY_REASON	0xfffe
#define ANY_FIELD	0xfffe
#define ANY_VALUE	0xfeedfeedfeedfeedULL

struct complaint {
	int error;
	uint16_t reason;
	uint16_t field;
	uint64_t value;
};

struct complaints {
	unsigned int count;
	struct complaint at[16];
};

/**
 * struct item_expectation - what must come of one message
 * @wrong: one of these; none: it goes well
 * @untried: an earlier one of the batch failed
 * @header: of a receive; time is not compared
 * @sync_open: MAILBOX_MESSAGE_SYNC may be there or not
 * @receipt: of a send; time is not compared, but for being there
 * @sequence: of a send
 * @id: of the message received
 * @got: bytes of it that were received
 */
struct item_expectation {
	struct complaints wrong;
	bool untried;
	struct mailbox_header header;
	bool sync_open;
	struct mailbox_receipt receipt;
	uint64_t sequence;
	uint64_t id;
	uint64_t got;
};

/* Of those whom one call has woken each may be the last to come to an end. */
#define ANYBODY		(-1)

/**
 * struct expectation - what must come of a call
 * @number: the call's
 * @how: it is not made; it ends; it waits
 * @wrong: it ends with one of these; none: it goes well
 * @lenient: it may also go well
 * @no_detail: its struct cannot be written
 * @interrupted: its struct is left as it was
 * @value: what it returns, if @value_known
 * @must: bits that poll says
 * @may: bits that poll may say
 * @count: created, dropped, done or count, if @count_known
 * @more: of LIST
 * @items: messages
 * @item: the messages
 * @stat: of STAT; its receiver_pid may be ANYBODY
 * @info: of INFO; the quotas, and what is used but for user_bytes
 * @bytes: of INFO: at least so many user_bytes
 * @peer: of PEER
 * @peer_ended: the process has ended, and may have lost its number
 * @ring: of RING_LOOK
 */
struct expectation {
	unsigned int number;
	enum { SKIPPED, ENDS, WAITS } how;
	struct complaints wrong;
	bool lenient;
	bool no_detail;
	bool interrupted;
	long value;
	bool value_known;
	unsigned int must, may;
	uint64_t count;
	bool count_known;
	unsigned int more;
	unsigned int items;
	struct item_expectation item[BATCH];
	struct mailbox_stat stat;
	struct mailbox_info info;
	uint64_t bytes;
	struct mailbox_peer peer;
	bool peer_ended;
	struct ring_words ring;
};

/* One for each actor: of the call that it makes, or made last. */
extern struct expectation expectations[ACTORS];

/* A new world, in which there is actor 0. */
void model_begin(void);

/*
 * What will come of call @number of the program; its actor's expectation says so.
 * Returns the actors whose calls end now, as bits: that of the caller, if it does
 * not wait, and those who waited.
 */
unsigned int model_call(unsigned int number);

/* An actor has come to be: its process. */
void model_actor(unsigned int actor, pid_t pid);

/* Is there such an actor, and does it not wait in a call? */
bool model_idle(unsigned int actor);

/* The contract does not say how it goes on; nothing can be checked any more. */
bool model_gave_up(void);

/* The process that was ended by the last call; 0: none. */
pid_t model_ended_process(void);

/* The module's parameters, as they were when the module was loaded. */
extern const uint64_t quota_defaults[QUOTAS];

/* Does what came fit what was expected?  If not, @why says what does not. */
bool outcome_fits(const struct expectation *expected, const struct outcome *outcome,
		  char *why, size_t size);

/* In words, for whoever reads a failure. */
void expectation_write(const struct expectation *expected, FILE *file);
void outcome_write(const struct call *call, const struct outcome *outcome, FILE *file);

#endif /* FUZZ_MODEL_H */
