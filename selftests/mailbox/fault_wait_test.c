// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy of a call fails once, as in fault_test, where
 * somebody waits on the other side: who waits goes on waiting or gets what it
 * waits for, and the message is received once, by the call or by the next try.
 *
 * features.rst rows with their test here:
 *   memory runs out: errno, nothing lost	other_waits.each_fails_once
 */
#include "kselftest_harness.h"
#include "fault.h"

#define LENGTH_MAX	(3 * 4096)
#define ENOUGH		400

/* Longer than what is copied word by word, which cannot be made to fail. */
#define MIDDLE	1000
#define LONG	(LENGTH_MAX - 100)

/* What of the two happens in the call that has failures. */
enum call {
	SEND,			/* to one that waits for a message */
	RECEIVE,		/* from one that waits for room or a taker */
	RECEIVE_ASLEEP,		/* handed over by one that comes later */
};

FIXTURE(other_waits)
{
	int control;
	int fd;
	char *sent;
	char *received;
};

FIXTURE_VARIANT(other_waits)
{
	enum call call;
	__u64 capacity;
	bool sync;		/* who sends waits for the taker */
	bool full;		/* another message is before it, so that there is no room */
	size_t length;
};

#define WAITS(name, ...)	FIXTURE_VARIANT_ADD(other_waits, name) { __VA_ARGS__ }

WAITS(send, .call = SEND, .capacity = 1, .length = MIDDLE);
WAITS(send_long, .call = SEND, .capacity = 1, .length = LONG);
WAITS(send_sync, .call = SEND, .capacity = 1, .length = MIDDLE, .sync = true);
WAITS(send_rendezvous, .call = SEND, .length = MIDDLE);
WAITS(receive_full, .call = RECEIVE, .capacity = 1, .length = MIDDLE, .full = true);
WAITS(receive_sync_full, .call = RECEIVE, .capacity = 1, .length = MIDDLE, .full = true,
      .sync = true);
WAITS(receive_sync, .call = RECEIVE, .capacity = 1, .length = MIDDLE, .sync = true);
WAITS(receive_sync_long, .call = RECEIVE, .capacity = 1, .length = LONG, .sync = true);
WAITS(receive_rendezvous, .call = RECEIVE, .length = MIDDLE);
WAITS(receive_asleep, .call = RECEIVE_ASLEEP, .capacity = 1, .length = MIDDLE);
WAITS(receive_asleep_long, .call = RECEIVE_ASLEEP, .capacity = 1, .length = LONG);
WAITS(receive_asleep_sync, .call = RECEIVE_ASLEEP, .capacity = 1, .length = MIDDLE,
      .sync = true);
WAITS(receive_asleep_rendezvous, .call = RECEIVE_ASLEEP, .length = MIDDLE);

FIXTURE_SETUP(other_waits)
{
	self->control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->control < 0)
		return;		/* the test says so: a set-up cannot skip it */
	fault_set_all();
	self->sent = malloc(LENGTH_MAX);
	self->received = malloc(LENGTH_MAX);
	ASSERT_NE(NULL, self->sent);
	ASSERT_NE(NULL, self->received);
}

FIXTURE_TEARDOWN(other_waits)
{
	free(self->sent);
	free(self->received);
	if (self->control >= 0)
		close(self->control);
}

static int do_send(FIXTURE_DATA(other_waits) *self, __u32 flags, size_t length)
{
	struct mailbox_send message = {
		.flags = flags,
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

static int do_receive(FIXTURE_DATA(other_waits) *self)
{
	struct mailbox_receive message = {
		.buffer = MBX_PTR(self->received),
		.length = LENGTH_MAX,
	};

	return mbx_receive(self->fd, &message);
}

/* The other one, who is there when the call comes, or comes when it sleeps. */
struct other {
	FIXTURE_DATA(other_waits) *self;
	const FIXTURE_VARIANT(other_waits) *variant;
	pthread_t thread;
	int result;
};

static void *be_other(void *argument)
{
	struct other *other = argument;

	if (other->variant->call == SEND) {
		other->result = do_receive(other->self);
		return NULL;
	}
	if (other->variant->call == RECEIVE_ASLEEP &&
	    !mbx_wait_waiters(other->self->fd, 0, 1)) {
		other->result = -ETIME;
		return NULL;
	}
	other->result = do_send_as(other->self, other->variant);
	return NULL;
}

static int make_call(FIXTURE_DATA(other_waits) *self, const FIXTURE_VARIANT(other_waits) *variant)
{
	return variant->call == SEND ? do_send_as(self, variant) : do_receive(self);
}

/* Returns whether something did fail. */
static bool call_once(struct __test_metadata *_metadata, FIXTURE_DATA(other_waits) *self,
		      const FIXTURE_VARIANT(other_waits) *variant, unsigned int nth)
{
	struct other other = { .self = self, .variant = variant };
	int result;
	bool failed;

	self->fd = mbx_new(MAILBOX_POLICY_SHARED, variant->capacity);
	ASSERT_LE(0, self->fd);
	memset(self->received, 0, LENGTH_MAX);
	memset(self->sent, 'a', variant->length);
	if (variant->full)
		ASSERT_EQ(0, do_send(self, MAILBOX_NONBLOCK, variant->length));
	memset(self->sent, 'b', variant->length);
	ASSERT_EQ(0, pthread_create(&other.thread, NULL, be_other, &other));
	if (variant->call == SEND)
		ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	if (variant->call == RECEIVE)
		ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));

	ASSERT_EQ(0, fault_arm(self->control, nth));
	result = make_call(self, variant);
	failed = fault_disarm(self->control);

	if (!failed)
		ASSERT_EQ(0, result) TH_LOG("nothing failed, but the call did");
	if (result) {
		ASSERT_TRUE(result == -ENOMEM || result == -EFAULT) {
			TH_LOG("failure %u: the call said %d", nth, result);
		}
		ASSERT_EQ(0, make_call(self, variant));
	}
	if (variant->full) {
		ASSERT_EQ('a', self->received[0]);
		ASSERT_EQ('a', self->received[variant->length - 1]);
		ASSERT_EQ(0, do_receive(self));
	}
	pthread_join(other.thread, NULL);
	ASSERT_EQ(0, other.result);
	ASSERT_EQ(0, memcmp(self->sent, self->received, variant->length));

	ASSERT_EQ(0, mbx_depth(self->fd));
	ASSERT_EQ(-EAGAIN, mbx_get(self->fd, self->received, LENGTH_MAX, MAILBOX_NONBLOCK, NULL));
	close(self->fd);
	return failed;
}

TEST_F_TIMEOUT(other_waits, each_fails_once, 300)
{
	unsigned int nth = 1;

	if (self->control < 0)
		SKIP(return, "no " FAIL_NTH ": the kernel has no fault injection");
	while (nth < ENOUGH && call_once(_metadata, self, variant, nth))
		nth++;
	/* it came to an end, and something did fail */
	ASSERT_GT(ENOUGH, nth);
	ASSERT_LT(1, nth);
	TH_LOG("%u failures", nth - 1);
}

TEST_HARNESS_MAIN
