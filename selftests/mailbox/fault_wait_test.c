// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy of a call fails once, as in fault_test, where
 * somebody waits on the other side: who waits goes on waiting or gets what it
 * waits for, and the message is received once, by the call or by the next try.
 * So are those of a batch that sleeps, each once and in their order.  A broadcast
 * that fails when it has slept leaves the line to the next one.
 *
 * features.rst rows with their test here:
 *   memory runs out: errno, nothing lost	other_waits.each_fails_once,
 *						batch_waits.each_fails_once,
 *						line_waits.each_fails_once
 */
#include "fault.h"

#include <sys/mman.h>

#define LENGTH_MAX	(3 * 4096)

/* Longer than what is copied word by word, which cannot be made to fail. */
#define MIDDLE	1000
#define LONG	(LENGTH_MAX - 100)

/* --- one message ------------------------------------------------------ */

/* What of the two happens in the call that has failures. */
enum call {
	SEND,			/* to one that waits for a message */
	RECEIVE,		/* from one that waits for room or a taker */
	RECEIVE_ASLEEP,		/* handed over by one that comes later */
};

FIXTURE(other_waits)
{
	int control;
	int fd;			/* where it is sent */
	int end;		/* where it is received: the same, or a channel's other end */
	char *sent;
	char *received;
};

FIXTURE_VARIANT(other_waits)
{
	enum call call;
	__u32 policy;
	__u64 capacity;
	bool sync;		/* who sends waits for the taker */
	bool full;		/* another message is before it, so that there is no room */
	bool select;		/* which is not wanted */
	size_t length;
	unsigned int least[FAULT_KINDS];	/* failures: slab, page, copy */
};

#define WAITS(name, ...)	FIXTURE_VARIANT_ADD(other_waits, name) { __VA_ARGS__ }

WAITS(send, .call = SEND, .capacity = 1, .length = MIDDLE);
WAITS(send_long, .call = SEND, .capacity = 1, .length = LONG, .least = { 1, 3, 3 });
WAITS(send_sync, .call = SEND, .capacity = 1, .length = MIDDLE, .sync = true);
WAITS(send_rendezvous, .call = SEND, .length = MIDDLE);
WAITS(send_channel, .call = SEND, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_CHANNEL);
WAITS(send_sync_channel, .call = SEND, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_CHANNEL, .sync = true);
WAITS(receive_full, .call = RECEIVE, .capacity = 1, .length = MIDDLE, .full = true);
WAITS(receive_sync_full, .call = RECEIVE, .capacity = 1, .length = MIDDLE, .full = true,
      .sync = true);
WAITS(receive_sync, .call = RECEIVE, .capacity = 1, .length = MIDDLE, .sync = true);
WAITS(receive_sync_long, .call = RECEIVE, .capacity = 1, .length = LONG, .sync = true);
WAITS(receive_rendezvous, .call = RECEIVE, .length = MIDDLE);
WAITS(receive_full_channel, .call = RECEIVE, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_CHANNEL, .full = true);
WAITS(send_selected, .call = SEND, .capacity = 1, .length = MIDDLE, .full = true,
      .select = true);
WAITS(receive_selected, .call = RECEIVE, .capacity = 1, .length = MIDDLE, .full = true,
      .select = true, .least = { 0, 0, 1 });
WAITS(receive_sync_selected, .call = RECEIVE, .capacity = 1, .length = MIDDLE, .full = true,
      .select = true, .sync = true);
WAITS(receive_asleep_selected, .call = RECEIVE_ASLEEP, .capacity = 1, .length = MIDDLE,
      .full = true, .select = true, .least = { 0, 0, 1 });
WAITS(receive_asleep, .call = RECEIVE_ASLEEP, .capacity = 1, .length = MIDDLE);
WAITS(receive_asleep_long, .call = RECEIVE_ASLEEP, .capacity = 1, .length = LONG,
      .least = { 0, 0, 3 });
WAITS(receive_asleep_sync, .call = RECEIVE_ASLEEP, .capacity = 1, .length = MIDDLE,
      .sync = true);
WAITS(receive_asleep_rendezvous, .call = RECEIVE_ASLEEP, .length = MIDDLE);
WAITS(receive_asleep_channel, .call = RECEIVE_ASLEEP, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_CHANNEL);
WAITS(send_broadcast, .call = SEND, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_BROADCAST);
WAITS(receive_full_broadcast, .call = RECEIVE, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_BROADCAST, .full = true);
WAITS(receive_asleep_broadcast, .call = RECEIVE_ASLEEP, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_BROADCAST);
WAITS(send_pair, .call = SEND, .capacity = 1, .length = MIDDLE, .policy = MAILBOX_POLICY_PAIR);
WAITS(send_sync_pair, .call = SEND, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_PAIR, .sync = true);
WAITS(receive_sync_pair, .call = RECEIVE, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_PAIR, .sync = true);
WAITS(receive_asleep_pair, .call = RECEIVE_ASLEEP, .capacity = 1, .length = MIDDLE,
      .policy = MAILBOX_POLICY_PAIR);

FIXTURE_SETUP(other_waits)
{
	self->control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->control < 0)
		return;		/* the test says so: a set-up cannot skip it */
	ASSERT_EQ(0, fault_set_all());
	/* the other one may be a process */
	self->sent = mmap(NULL, 2 * LENGTH_MAX, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->sent);
	self->received = self->sent + LENGTH_MAX;
}

FIXTURE_TEARDOWN(other_waits)
{
	if (self->control < 0)
		return;
	munmap(self->sent, 2 * LENGTH_MAX);
	close(self->control);
}

static int do_send(FIXTURE_DATA(other_waits) *self, __u32 flags, size_t length)
{
	struct mailbox_send message = {
		.flags = flags,
		.tag = self->sent[0],
		.buffer = MBX_PTR(self->sent),
		.length = length,
	};

	return mbx_send(self->fd, &message);
}

static int do_send_as(FIXTURE_DATA(other_waits) *self,
		      const FIXTURE_VARIANT(other_waits) *variant)
{
	return do_send(self, variant->sync ? MAILBOX_SEND_SYNC : 0, variant->length);
}

static int do_receive(FIXTURE_DATA(other_waits) *self, bool select)
{
	struct mailbox_receive message = {
		.select = select ? MAILBOX_SELECT_TAG : 0,
		.tag = select ? 'b' : 0,
		.buffer = MBX_PTR(self->received),
		.length = LENGTH_MAX,
	};

	return mbx_receive(self->end, &message);
}

/* Who is on the other side, with the fixture and the variant that it is about. */
struct other {
	int (*act)(const struct other *other);
	void *self;
	const void *variant;
	pthread_t thread;
	pid_t child;		/* or that, in a PAIR, where each side is a process */
	int result;
};

static void *be_other(void *argument)
{
	struct other *other = argument;

	other->result = other->act(other);
	return NULL;
}

static int other_start(struct other *other, __u32 policy)
{
	if (policy != MAILBOX_POLICY_PAIR)
		return -pthread_create(&other->thread, NULL, be_other, other);
	other->child = mbx_fork();
	if (!other->child)
		_exit(-other->act(other) & 0x7f);
	return other->child < 0 ? -errno : 0;
}

static int other_join(struct other *other)
{
	if (other->child)
		return -mbx_join(other->child);
	pthread_join(other->thread, NULL);
	return other->result;
}

/* It is there when the call comes, or comes when it sleeps. */
static int other_answers(const struct other *other)
{
	const FIXTURE_VARIANT(other_waits) *variant = other->variant;
	FIXTURE_DATA(other_waits) *self = other->self;

	if (variant->call == SEND)
		return do_receive(self, variant->select);
	if (variant->call == RECEIVE_ASLEEP && !mbx_wait_waiters(self->fd, 0, 1))
		return -ETIME;
	return do_send_as(self, variant);
}

static int make_call(FIXTURE_DATA(other_waits) *self, const FIXTURE_VARIANT(other_waits) *variant)
{
	return variant->call == SEND ? do_send_as(self, variant) :
				       do_receive(self, variant->select);
}

static int open_ends(__u32 policy, __u64 capacity, int *fd, int *end)
{
	struct mailbox_channel channel = { .capacity = capacity };
	int result;

	if (policy != MAILBOX_POLICY_CHANNEL) {
		*fd = mbx_new(policy, capacity);
		*end = *fd;
		return *fd;
	}
	result = mbx_on_device(MAILBOX_IOC_CHANNEL, &channel);
	*fd = channel.fd;
	*end = channel.fd_back;
	return result;
}

/*
 * Is it there when the call fails, and does not wait for a place alone?  A message that
 * is selected while it waits for one is in the queue from then on.
 */
static bool must_wait(const FIXTURE_VARIANT(other_waits) *variant)
{
	return variant->call == SEND ||
	       (variant->call == RECEIVE && (variant->sync || !variant->select));
}

/* A call that failed has told the other one nothing. */
static bool still_waits(const FIXTURE_DATA(other_waits) *self,
			const FIXTURE_VARIANT(other_waits) *variant)
{
	bool sends = variant->call == RECEIVE;
	struct mailbox_stat stat;

	return !mbx_stat(self->fd, &stat) && stat.waiting_senders == sends &&
	       stat.waiting_receivers == !sends;
}

static void call_once(struct __test_metadata *_metadata, void *data, const void *how,
		      struct fault *fault)
{
	const FIXTURE_VARIANT(other_waits) *variant = how;
	FIXTURE_DATA(other_waits) *self = data;
	struct other other = { .act = other_answers, .self = self, .variant = variant };
	int result;

	ASSERT_LE(0, open_ends(variant->policy, variant->capacity, &self->fd, &self->end));
	memset(self->received, 0, LENGTH_MAX);
	memset(self->sent, 'a', variant->length);
	if (variant->full)
		ASSERT_EQ(0, do_send(self, MAILBOX_NONBLOCK, variant->length));
	memset(self->sent, 'b', variant->length);
	ASSERT_EQ(0, other_start(&other, variant->policy));
	if (variant->call == SEND)
		ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	if (variant->call == RECEIVE)
		ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));

	ASSERT_EQ(0, fault_arm(fault->control, fault->nth));
	result = make_call(self, variant);
	fault->failed = fault_disarm(fault->control);
	fault->result = result;

	if (!fault->failed)
		ASSERT_EQ(0, result) TH_LOG("nothing failed, but the call did");
	if (result) {
		ASSERT_TRUE(!must_wait(variant) || still_waits(self, variant)) {
			TH_LOG("failure %u: the other one does not wait any more", fault->nth);
		}
		ASSERT_EQ(0, make_call(self, variant));
	}
	if (variant->full && !variant->select) {
		ASSERT_EQ('a', self->received[0]);
		ASSERT_EQ('a', self->received[variant->length - 1]);
		ASSERT_EQ(0, do_receive(self, false));
	}
	ASSERT_EQ(0, other_join(&other));
	ASSERT_EQ(0, memcmp(self->sent, self->received, variant->length));
	if (variant->select) {
		ASSERT_EQ(0, do_receive(self, false));
		ASSERT_EQ('a', self->received[0]);
		ASSERT_EQ('a', self->received[variant->length - 1]);
	}

	ASSERT_EQ(0, mbx_depth(self->fd));
	ASSERT_EQ(other.child ? -EPIPE : -EAGAIN,
		  mbx_get(self->end, self->received, LENGTH_MAX, MAILBOX_NONBLOCK, NULL));
	if (self->end != self->fd)
		close(self->end);
	close(self->fd);
}

TEST_F_TIMEOUT(other_waits, each_fails_once, 300)
{
	if (self->control < 0)
		SKIP(return, "no " FAIL_NTH ": the kernel has no fault injection");
	fault_each(_metadata, call_once, self, variant, self->control, variant->least);
}

/* --- many in one call ------------------------------------------------- */

#define BATCH	3

/* Of BATCH; the other one may be a process. */
struct batch_books {
	__u32 sent;
	__u32 received;
};

FIXTURE(batch_waits)
{
	int control;
	int fd;
	int end;
	char payload[BATCH][MIDDLE];
	struct batch_books *books;
};

FIXTURE_VARIANT(batch_waits)
{
	bool sends;		/* the batch does, and not who is on the other side */
	__u32 policy;
	bool sync;
	bool vector;		/* items in pieces */
	__u64 capacity;
	unsigned int least[FAULT_KINDS];
};

#define BATCH_WAITS(name, ...)	FIXTURE_VARIANT_ADD(batch_waits, name) { __VA_ARGS__ }

BATCH_WAITS(send_full, .sends = true, .capacity = 1);
BATCH_WAITS(send_sync, .sends = true, .capacity = 1, .sync = true);
BATCH_WAITS(send_rendezvous, .sends = true);
BATCH_WAITS(send_vector, .sends = true, .capacity = 1, .vector = true,
	    .least = { 2 * BATCH, 0, 3 * BATCH });
BATCH_WAITS(send_broadcast, .sends = true, .capacity = 1, .policy = MAILBOX_POLICY_BROADCAST,
	    .least = { 2 * BATCH, 0, BATCH });
BATCH_WAITS(send_pair, .sends = true, .capacity = 1, .policy = MAILBOX_POLICY_PAIR,
	    .least = { BATCH, 0, BATCH });
BATCH_WAITS(send_channel, .sends = true, .capacity = 1, .policy = MAILBOX_POLICY_CHANNEL,
	    .least = { BATCH, 0, BATCH });
BATCH_WAITS(receive, .capacity = BATCH, .least = { 0, 0, 1 });
BATCH_WAITS(receive_vector, .capacity = BATCH, .vector = true, .least = { 1, 0, 3 });
BATCH_WAITS(receive_broadcast, .capacity = BATCH, .policy = MAILBOX_POLICY_BROADCAST,
	    .least = { 0, 0, 1 });
BATCH_WAITS(receive_pair, .capacity = BATCH, .policy = MAILBOX_POLICY_PAIR,
	    .least = { 0, 0, 1 });
BATCH_WAITS(receive_channel, .capacity = BATCH, .policy = MAILBOX_POLICY_CHANNEL,
	    .least = { 0, 0, 1 });

FIXTURE_SETUP(batch_waits)
{
	self->control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->control < 0)
		return;		/* the test says so: a set-up cannot skip it */
	ASSERT_EQ(0, fault_set_all());
	self->books = mmap(NULL, sizeof(*self->books), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->books);
	for (int i = 0; i < BATCH; i++)
		memset(self->payload[i], 'a' + i, MIDDLE);
}

FIXTURE_TEARDOWN(batch_waits)
{
	if (self->control < 0)
		return;
	munmap(self->books, sizeof(*self->books));
	close(self->control);
}

/* Is it the one that comes next? */
static int batch_check(FIXTURE_DATA(batch_waits) *self, const struct mailbox_receive *message,
		       const char *memory)
{
	if (self->books->received == BATCH || message->header.length != MIDDLE ||
	    memcmp(memory, self->payload[self->books->received], MIDDLE))
		return -EBADMSG;
	self->books->received++;
	return 0;
}

/* Send in one call what is not sent yet. */
static int batch_send(FIXTURE_DATA(batch_waits) *self, const FIXTURE_VARIANT(batch_waits) *variant)
{
	struct mailbox_vector pieces[BATCH][2];
	struct mailbox_send items[BATCH];
	struct mailbox_batch batch = { .done = 0 };
	__u32 left = BATCH - self->books->sent;
	int result;

	memset(items, 0, sizeof(items));
	for (__u32 i = 0; i < left; i++) {
		fault_cut(pieces[i], self->payload[self->books->sent + i], MIDDLE);
		items[i].flags = (variant->sync ? MAILBOX_SEND_SYNC : 0) |
				 (variant->vector ? MAILBOX_VECTOR : 0);
		items[i].buffer = variant->vector ? MBX_PTR(pieces[i]) :
				  MBX_PTR(self->payload[self->books->sent + i]);
		items[i].length = variant->vector ? 2 : MIDDLE;
	}
	result = mbx_send_batch(self->fd, items, left, &batch);
	self->books->sent += batch.done;
	if (result)
		return batch.done ? -EBADMSG : result;
	/* who gets less done than it was told to is told why */
	if (batch.done < left)
		return items[batch.done].error.code ?: -EBADMSG;
	return 0;
}

/* It waits for the first one, and takes what more is there. */
static int batch_receive(FIXTURE_DATA(batch_waits) *self,
			 const FIXTURE_VARIANT(batch_waits) *variant)
{
	struct mailbox_vector pieces[BATCH][2];
	struct mailbox_receive items[BATCH];
	struct mailbox_batch batch = { .done = 0 };
	__u32 left = BATCH - self->books->received;
	char memory[BATCH][MIDDLE];
	int result;

	memset(items, 0, sizeof(items));
	for (__u32 i = 0; i < left; i++) {
		fault_cut(pieces[i], memory[i], MIDDLE);
		items[i].flags = variant->vector ? MAILBOX_VECTOR : 0;
		items[i].buffer = variant->vector ? MBX_PTR(pieces[i]) : MBX_PTR(memory[i]);
		items[i].length = variant->vector ? 2 : MIDDLE;
	}
	result = mbx_receive_batch(self->end, items, left, &batch);
	if (!result != !!batch.done)
		return -EBADMSG;
	for (__u32 i = 0; i < batch.done; i++)
		if (batch_check(self, &items[i], memory[i]))
			return -EBADMSG;
	/* that nothing more is there is no failure */
	if (!result && batch.done < left && items[batch.done].error.code != -EAGAIN)
		result = items[batch.done].error.code;
	return result;
}

/* One at a time, when the batch sleeps for it. */
static int batch_other_receives(FIXTURE_DATA(batch_waits) *self,
				const FIXTURE_VARIANT(batch_waits) *variant)
{
	/* the last one has a place, and nobody waits for it */
	int sleeps = variant->capacity && !variant->sync ? BATCH - 1 : BATCH;

	for (int i = 0; i < BATCH; i++) {
		char memory[MIDDLE];
		struct mailbox_receive message = {
			.buffer = MBX_PTR(memory), .length = MIDDLE,
		};
		int result;

		if (i < sleeps && !mbx_wait_waiters(self->fd, 1, 0))
			return -ETIME;
		result = mbx_receive(self->end, &message) ?:
			 batch_check(self, &message, memory);
		if (result)
			return result;
	}
	return 0;
}

static int batch_other_sends(FIXTURE_DATA(batch_waits) *self)
{
	struct mailbox_send message = { .length = MIDDLE };
	int result;

	if (!mbx_wait_waiters(self->fd, 0, 1))
		return -ETIME;
	while (self->books->sent < BATCH) {
		message.buffer = MBX_PTR(self->payload[self->books->sent]);
		result = mbx_send(self->fd, &message);
		if (result)
			return result;
		self->books->sent++;
	}
	return 0;
}

static int batch_other_answers(const struct other *other)
{
	const FIXTURE_VARIANT(batch_waits) *variant = other->variant;

	return variant->sends ? batch_other_receives(other->self, variant) :
				batch_other_sends(other->self);
}

static int make_batch(FIXTURE_DATA(batch_waits) *self, const FIXTURE_VARIANT(batch_waits) *variant)
{
	return variant->sends ? batch_send(self, variant) : batch_receive(self, variant);
}

static bool batch_is_done(const FIXTURE_DATA(batch_waits) *self,
			  const FIXTURE_VARIANT(batch_waits) *variant)
{
	return (variant->sends ? self->books->sent : self->books->received) == BATCH;
}

static void batch_once(struct __test_metadata *_metadata, void *data, const void *how,
		       struct fault *fault)
{
	const FIXTURE_VARIANT(batch_waits) *variant = how;
	FIXTURE_DATA(batch_waits) *self = data;
	struct other other = {
		.act = batch_other_answers, .self = self, .variant = variant,
	};
	char room[8];
	int result;

	ASSERT_LE(0, open_ends(variant->policy, variant->capacity, &self->fd, &self->end));
	self->books->sent = 0;
	self->books->received = 0;
	ASSERT_EQ(0, other_start(&other, variant->policy));

	ASSERT_EQ(0, fault_arm(fault->control, fault->nth));
	result = make_batch(self, variant);
	fault->failed = fault_disarm(fault->control);
	fault->result = result;

	if (!fault->failed) {
		ASSERT_EQ(0, result) TH_LOG("nothing failed, but the call did");
		/* of what it receives it waits for the first one only */
		ASSERT_TRUE(!variant->sends || batch_is_done(self, variant));
	}
	while (!batch_is_done(self, variant))
		ASSERT_EQ(0, make_batch(self, variant));
	ASSERT_EQ(0, other_join(&other));
	ASSERT_EQ(BATCH, self->books->sent);
	ASSERT_EQ(BATCH, self->books->received);

	ASSERT_EQ(0, mbx_depth(self->fd));
	ASSERT_EQ(other.child ? -EPIPE : -EAGAIN,
		  mbx_get(self->end, room, sizeof(room), MAILBOX_NONBLOCK, NULL));
	if (self->end != self->fd)
		close(self->end);
	close(self->fd);
}

TEST_F_TIMEOUT(batch_waits, each_fails_once, 300)
{
	if (self->control < 0)
		SKIP(return, "no " FAIL_NTH ": the kernel has no fault injection");
	fault_each(_metadata, batch_once, self, variant, self->control, variant->least);
}

/* --- a line of broadcasts --------------------------------------------- */

/*
 * A broadcast has a place at hand for each receiver.  If there are more of them when it
 * has slept for room, it needs more places, and for those there may be no memory.
 */
FIXTURE(line_waits)
{
	int control;
	int fd;
	int came;		/* a receiver more, or -1 */
	bool slept;		/* the call has, and is woken now */
	unsigned int late;	/* failures after that */
	struct mbx_call next;	/* in the line */
	pthread_t thread;
	int result;
};

FIXTURE_SETUP(line_waits)
{
	self->control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->control >= 0)
		ASSERT_EQ(0, fault_set_all());
}

FIXTURE_TEARDOWN(line_waits)
{
	if (self->control >= 0)
		close(self->control);
}

/* When the call sleeps, and another one behind it: one more receiver, and then room. */
static int line_move(FIXTURE_DATA(line_waits) *self)
{
	int result;

	if (!mbx_wait_waiters(self->fd, 1, 0))
		return -ETIME;
	result = mbx_call_send(&self->next, self->fd, "next", 0);
	if (result)
		return result;
	if (!mbx_wait_waiters(self->fd, 2, 0))
		return -ETIME;
	__atomic_store_n(&self->slept, true, __ATOMIC_SEQ_CST);
	self->came = mbx_dup(self->fd, MAILBOX_RIGHT_RECEIVE);
	if (self->came < 0)
		return self->came;
	return strcmp(mbx_next(self->fd), "full") ? -EBADMSG : 0;
}

static void *be_line_mover(void *argument)
{
	FIXTURE_DATA(line_waits) *self = argument;

	self->result = line_move(self);
	return NULL;
}

static bool all_get(FIXTURE_DATA(line_waits) *self, const char *text)
{
	return !strcmp(mbx_next(self->fd), text) && !strcmp(mbx_next(self->came), text);
}

static void line_once(struct __test_metadata *_metadata, void *data, const void *how,
		      struct fault *fault)
{
	FIXTURE_DATA(line_waits) *self = data;
	bool late;

	self->slept = false;
	self->came = -1;
	self->fd = mbx_new(MAILBOX_POLICY_BROADCAST, 1);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_put(self->fd, "full", MAILBOX_NONBLOCK));
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, be_line_mover, self));

	ASSERT_EQ(0, fault_arm(fault->control, fault->nth));
	fault->result = mbx_put(self->fd, "first", 0);
	fault->failed = fault_disarm(fault->control);

	late = fault->result && __atomic_load_n(&self->slept, __ATOMIC_SEQ_CST);
	if (!fault->failed)
		ASSERT_EQ(0, fault->result) TH_LOG("nothing failed, but the call did");
	ASSERT_TRUE(!fault->result || fault->result == -ENOMEM ||
		    (fault->result == -EFAULT && !late)) {
		TH_LOG("failure %u: the call said %d", fault->nth, fault->result);
	}
	if (fault->result && !late)
		ASSERT_EQ(0, mbx_put(self->fd, "first", 0));
	pthread_join(self->thread, NULL);
	ASSERT_EQ(0, self->result);
	if (!late)
		ASSERT_TRUE(all_get(self, "first"));
	ASSERT_TRUE(MBX_UNTIL(mbx_call_done(&self->next)));
	ASSERT_EQ(0, mbx_call_join(&self->next));
	ASSERT_TRUE(all_get(self, "next"));
	if (late) {
		ASSERT_EQ(0, mbx_put(self->fd, "first", MAILBOX_NONBLOCK));
		ASSERT_TRUE(all_get(self, "first"));
	}
	self->late += late;

	ASSERT_EQ(0, mbx_depth(self->fd));
	ASSERT_STREQ("<11>", mbx_next(self->fd));
	ASSERT_STREQ("<11>", mbx_next(self->came));
	close(self->came);
	close(self->fd);
}

TEST_F_TIMEOUT(line_waits, each_fails_once, 300)
{
	/* for the message, and for two places */
	static const unsigned int least[FAULT_KINDS] = { 3, 0, 0 };

	if (self->control < 0)
		SKIP(return, "no " FAIL_NTH ": the kernel has no fault injection");
	fault_each(_metadata, line_once, self, NULL, self->control, least);
	/* the second of the places */
	ASSERT_LT(0, self->late);
}

TEST_HARNESS_MAIN
