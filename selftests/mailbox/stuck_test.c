// SPDX-License-Identifier: GPL-2.0
/*
 * Copies that get stuck half way, in memory that a userfaultfd keeps back: what
 * happens meanwhile finds the message neither lost nor there twice, and nobody
 * else has to wait.
 */
#include "hostile.h"

#include "kselftest_harness.h"

#define CAPACITY	8
#define SIZE		64

/*
 * A message of SIZE bytes goes to, or comes from, memory of which the second
 * half is kept back.
 */
FIXTURE(stuck)
{
	int handle;
	struct mbx_snag snag;
	struct mbx_call call;
	unsigned char bytes[SIZE];
	unsigned char *edge;
};

FIXTURE_SETUP(stuck)
{
	self->handle = mbx_new(MAILBOX_POLICY_SHARED, CAPACITY);
	ASSERT_LE(0, self->handle);
	ASSERT_EQ(0, mbx_snag(&self->snag, 2));
	self->edge = self->snag.last - SIZE / 2;
	for (int i = 0; i < SIZE; i++)
		self->bytes[i] = 'a' + i % 26;
}

FIXTURE_TEARDOWN(stuck)
{
	close(self->snag.uffd);
	close(self->handle);
}

static int put(int handle, const void *bytes, __u64 tag)
{
	struct mailbox_send send = {
		.flags = MAILBOX_NONBLOCK,
		.tag = tag,
		.buffer = MBX_PTR(bytes),
		.length = SIZE,
	};

	return mbx_send(handle, &send);
}

/* The next message's tag, or the negative errno; its bytes must be right. */
static long next_tag(int handle, const unsigned char *wanted)
{
	unsigned char room[SIZE];
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(room),
		.length = sizeof(room),
	};
	int result = mbx_receive(handle, &receive);

	if (result)
		return result;
	return memcmp(room, wanted, SIZE) ? -EILSEQ : (long)receive.header.tag;
}

static struct mailbox_receive receive_into(void *room)
{
	return (struct mailbox_receive) {
		.buffer = MBX_PTR(room),
		.length = SIZE,
	};
}

/* A thread receives, and gets stuck. */
#define GET_STUCK(self) do {						\
		(self)->call = (struct mbx_call) {			\
			.fd = (self)->handle,				\
			.receive = receive_into((self)->edge),		\
		};							\
		ASSERT_EQ(0, mbx_call_start(&(self)->call));		\
		ASSERT_TRUE(mbx_snag_caught(&(self)->snag));		\
	} while (0)

/* Messages with the tags 1, 2, ... */
#define PUT_MESSAGES(self, count) do {					\
		for (int __i = 1; __i <= (count); __i++) {		\
			ASSERT_EQ(0, put((self)->handle, (self)->bytes, __i)); \
		}							\
	} while (0)

TEST_F(stuck, goes_on)
{
	PUT_MESSAGES(self, 1);
	GET_STUCK(self);

	/* it is being received: it counts, and nobody else can have it */
	EXPECT_EQ(1, mbx_depth(self->handle));
	EXPECT_EQ(-EAGAIN, next_tag(self->handle, self->bytes));

	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(1, self->call.receive.header.tag);
	EXPECT_EQ(0, memcmp(self->edge, self->bytes, SIZE));
	EXPECT_EQ(0, mbx_depth(self->handle));
}

/* The copy fails: the message is in its place, before those behind it. */
TEST_F(stuck, fails)
{
	PUT_MESSAGES(self, 3);
	GET_STUCK(self);
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	EXPECT_EQ(3, mbx_depth(self->handle));
	for (int i = 1; i <= 3; i++) {
		EXPECT_EQ(i, next_tag(self->handle, self->bytes));
	}
}

/* The same for one out of the middle. */
TEST_F(stuck, selected_and_fails)
{
	PUT_MESSAGES(self, 6);
	self->call = (struct mbx_call) {
		.fd = self->handle,
		.receive = receive_into(self->edge),
	};
	self->call.receive.select = MAILBOX_SELECT_TAG;
	self->call.receive.tag = 4;
	ASSERT_EQ(0, mbx_call_start(&self->call));
	ASSERT_TRUE(mbx_snag_caught(&self->snag));
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	for (int i = 1; i <= 6; i++) {
		EXPECT_EQ(i, next_tag(self->handle, self->bytes));
	}
}

/* Others receive what is behind it meanwhile, and do not wait for it. */
TEST_F(stuck, others_go_on)
{
	struct mailbox_stat stat;

	PUT_MESSAGES(self, 3);
	GET_STUCK(self);
	EXPECT_EQ(2, next_tag(self->handle, self->bytes));
	ASSERT_EQ(0, put(self->handle, self->bytes, 4));
	EXPECT_EQ(3, next_tag(self->handle, self->bytes));
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	EXPECT_EQ(1, next_tag(self->handle, self->bytes));
	EXPECT_EQ(4, next_tag(self->handle, self->bytes));

	ASSERT_EQ(0, mbx_stat(self->handle, &stat));
	EXPECT_EQ(4, stat.sent);
	EXPECT_EQ(4, stat.received);
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.bytes);
}

/* Somebody waits when it comes back: he gets it. */
TEST_F(stuck, fails_and_another_waits)
{
	struct mbx_call other;

	PUT_MESSAGES(self, 1);
	GET_STUCK(self);
	ASSERT_EQ(0, mbx_call_receive(&other, self->handle, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->handle, 0, 1));
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	EXPECT_EQ(0, mbx_call_join(&other));
	EXPECT_EQ(1, other.receive.header.tag);
	EXPECT_EQ(0, memcmp(other.buffer, self->bytes, SIZE));
	EXPECT_EQ(0, mbx_depth(self->handle));
}

/* A poll that slept sees it come back. */
static long poll_in(void *argument)
{
	struct pollfd file = { .fd = *(int *)argument, .events = POLLIN };

	return poll(&file, 1, -1) < 0 ? -errno : file.revents;
}

TEST_F(stuck, fails_and_another_polls)
{
	struct mbx_task poller;

	PUT_MESSAGES(self, 1);
	GET_STUCK(self);
	ASSERT_EQ(0, mbx_task_start(&poller, poll_in, &self->handle));
	ASSERT_TRUE(mbx_wait_asleep(poller.tid, SYS_poll));
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	EXPECT_EQ(POLLIN, mbx_task_join(&poller));
	EXPECT_EQ(1, next_tag(self->handle, self->bytes));
}

/* Room is not given away before the copy is made, and is then. */
TEST_F(stuck, keeps_its_room)
{
	struct mbx_call sender;

	PUT_MESSAGES(self, CAPACITY);
	GET_STUCK(self);
	EXPECT_EQ(-EAGAIN, put(self->handle, self->bytes, 100));
	ASSERT_EQ(0, mbx_call_send(&sender, self->handle, "waits", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->handle, 1, 0));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(0, mbx_call_join(&sender));
	EXPECT_EQ(CAPACITY, mbx_depth(self->handle));
}

/* A process that is stuck and dies has received nothing. */
TEST_F(stuck, killed)
{
	struct mailbox_stat stat;
	pid_t child;
	int ends[2];
	char byte;

	PUT_MESSAGES(self, 2);
	ASSERT_EQ(0, pipe(ends));
	child = mbx_fork();
	if (!child) {
		/* a userfaultfd is for the address space that opened it */
		struct mbx_snag snag;
		struct mailbox_receive receive;

		if (mbx_snag(&snag, 2) || write(ends[1], "r", 1) != 1)
			_exit(1);
		receive = receive_into(snag.last - SIZE / 2);
		_exit(-mbx_receive(self->handle, &receive));
	}
	/* it has no reason to sleep there but the copy */
	ASSERT_EQ(1, read(ends[0], &byte, 1));
	ASSERT_TRUE(mbx_wait_asleep(child, SYS_ioctl));
	EXPECT_EQ(2, next_tag(self->handle, self->bytes));
	EXPECT_EQ(-EAGAIN, next_tag(self->handle, self->bytes));
	EXPECT_EQ(1, mbx_depth(self->handle));

	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, mbx_join(child));
	EXPECT_EQ(1, next_tag(self->handle, self->bytes));
	ASSERT_EQ(0, mbx_stat(self->handle, &stat));
	EXPECT_EQ(2, stat.received);
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.dropped);
}

/* A signal that is caught does not end a copy, and does no harm to it. */
TEST_F(stuck, signalled)
{
	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	PUT_MESSAGES(self, 1);
	GET_STUCK(self);
	ASSERT_EQ(0, mbx_call_signal(&self->call, SIGUSR1));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(1, self->call.receive.header.tag);
	EXPECT_EQ(0, mbx_depth(self->handle));
}

/* --- a synchronous sender -------------------------------------------- */

/* It waits until the copy is made, and then has its receipt. */
TEST_F(stuck, sync_sender_waits_for_the_copy)
{
	struct mbx_call sender;

	ASSERT_EQ(0, mbx_call_send(&sender, self->handle, "12345678", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(mbx_wait_waiters(self->handle, 1, 0));
	self->edge = self->snag.last - 4;
	GET_STUCK(self);
	EXPECT_FALSE(mbx_call_done(&sender));
	EXPECT_TRUE(mbx_call_wait_asleep(&sender));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(0, mbx_call_join(&sender));
	EXPECT_EQ(getpid(), sender.send.receipt.pid);
	EXPECT_EQ(MAILBOX_MESSAGE_SYNC, self->call.receive.header.flags);
}

/*
 * Its time is up while the copy is stuck: it ends, and whoever was copying
 * does not get the message but the next one.
 */
TEST_F(stuck, sync_sender_times_out)
{
	struct mbx_call sender = {
		.fd = self->handle,
		.sending = true,
		.send = {
			.flags = MAILBOX_SEND_SYNC | MAILBOX_DEADLINE,
			.tag = 1,
			.buffer = MBX_PTR(self->bytes),
			.length = SIZE,
		},
	};
	struct mailbox_stat stat;

	sender.send.deadline = mbx_in_ms(2000);
	ASSERT_EQ(0, mbx_call_start(&sender));
	ASSERT_TRUE(mbx_wait_waiters(self->handle, 1, 0));
	GET_STUCK(self);
	/* the copy is still stuck when this returns */
	EXPECT_EQ(-ETIMEDOUT, mbx_call_join(&sender));
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, sender.send.error.reason);
	EXPECT_LE(sender.send.deadline, mbx_now());
	EXPECT_EQ(0, sender.send.receipt.time);

	ASSERT_EQ(0, put(self->handle, self->bytes, 2));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(2, self->call.receive.header.tag);
	ASSERT_EQ(0, mbx_stat(self->handle, &stat));
	EXPECT_EQ(2, stat.sent);
	EXPECT_EQ(1, stat.received);
	EXPECT_EQ(1, stat.withdrawn);
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.bytes);
}

/* There is no next one: the receiver goes on waiting for one. */
TEST_F(stuck, sync_sender_interrupted)
{
	struct mbx_call sender;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	ASSERT_EQ(0, mbx_call_send(&sender, self->handle, "12345678", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(mbx_wait_waiters(self->handle, 1, 0));
	self->edge = self->snag.last - 4;
	GET_STUCK(self);
	ASSERT_TRUE(mbx_call_wait_asleep(&sender));
	ASSERT_EQ(0, mbx_call_signal(&sender, SIGUSR1));
	EXPECT_EQ(-EINTR, mbx_call_join(&sender));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	ASSERT_TRUE(mbx_wait_waiters(self->handle, 0, 1));
	ASSERT_EQ(0, put(self->handle, self->bytes, 7));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(7, self->call.receive.header.tag);
}

/* A copy of what was withdrawn fails: that is nobody's business any more. */
TEST_F(stuck, withdrawn_and_fails)
{
	struct mbx_call sender;
	struct mailbox_stat stat;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	ASSERT_EQ(0, mbx_call_send(&sender, self->handle, "12345678", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(mbx_wait_waiters(self->handle, 1, 0));
	self->edge = self->snag.last - 4;
	GET_STUCK(self);
	ASSERT_TRUE(mbx_call_wait_asleep(&sender));
	ASSERT_EQ(0, mbx_call_signal(&sender, SIGUSR1));
	EXPECT_EQ(-EINTR, mbx_call_join(&sender));
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	EXPECT_STREQ("<11>", mbx_next(self->handle));
	ASSERT_EQ(0, mbx_stat(self->handle, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.bytes);
	EXPECT_EQ(1, stat.withdrawn);
	EXPECT_EQ(0, stat.received);
}

/* The copy fails and the message is back; its sender still waits, and is served. */
TEST_F(stuck, fails_and_sync_sender_waits_on)
{
	struct mbx_call sender;

	ASSERT_EQ(0, mbx_call_send(&sender, self->handle, "12345678", MAILBOX_SEND_SYNC));
	ASSERT_TRUE(mbx_wait_waiters(self->handle, 1, 0));
	self->edge = self->snag.last - 4;
	GET_STUCK(self);
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	EXPECT_TRUE(mbx_call_wait_asleep(&sender));
	EXPECT_STREQ("12345678", mbx_next(self->handle));
	EXPECT_EQ(0, mbx_call_join(&sender));
	EXPECT_EQ(getpid(), sender.send.receipt.pid);
}

/* --- the mailbox goes ------------------------------------------------ */

/*
 * Destroyed meanwhile, at once: the receiver gets the message or is told, and
 * in the latter case it was dropped.
 */
TEST_F(stuck, destroyed)
{
	struct mailbox_stat stat;
	int result;

	PUT_MESSAGES(self, 3);
	GET_STUCK(self);
	EXPECT_EQ(0, mbx_destroy(self->handle, NULL));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	result = mbx_call_join(&self->call);
	EXPECT_TRUE(result == 0 || result == -EIDRM);
	ASSERT_EQ(0, mbx_stat(self->handle, &stat));
	EXPECT_EQ(result ? 0 : 1, stat.received);
	EXPECT_EQ(3, stat.received + stat.dropped);
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.bytes);
}

TEST_F(stuck, destroyed_and_fails)
{
	struct mailbox_stat stat;

	PUT_MESSAGES(self, 3);
	GET_STUCK(self);
	EXPECT_EQ(0, mbx_destroy(self->handle, NULL));
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_NE(0, mbx_call_join(&self->call));
	ASSERT_EQ(0, mbx_stat(self->handle, &stat));
	EXPECT_EQ(0, stat.received);
	EXPECT_EQ(3, stat.dropped);
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.bytes);
}

/* The last descriptor is closed while the copy is stuck in the call. */
TEST_F(stuck, closed)
{
	int other = mbx_dup(self->handle, MAILBOX_RIGHT_ALL), result;

	ASSERT_LE(0, other);
	PUT_MESSAGES(self, 1);
	GET_STUCK(self);
	ASSERT_EQ(0, close(self->handle));
	self->handle = other;
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	result = mbx_call_join(&self->call);
	EXPECT_TRUE(result == 0 || result == -EBADF);
	/* received, or still there */
	EXPECT_EQ(result ? 1 : 0, mbx_depth(other));
}

/* The senders are gone: what comes back is there before the end is. */
TEST_F(stuck, fails_and_senders_are_gone)
{
	int receiver = mbx_dup(self->handle, MAILBOX_RIGHT_RECEIVE);

	ASSERT_LE(0, receiver);
	PUT_MESSAGES(self, 1);
	close(self->handle);
	self->handle = receiver;
	GET_STUCK(self);
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	EXPECT_EQ(1, next_tag(self->handle, self->bytes));
	EXPECT_EQ(-EPIPE, next_tag(self->handle, self->bytes));
}

/* --- the struct goes while the payload is stuck ----------------------- */

static long receive_with_struct(void *argument)
{
	struct mailbox_receive *receive = argument;
	int fd = receive->header.reserved;	/* out, so free to use */

	return mbx_receive(fd, receive);
}

/* The header cannot be written: then nothing was received. */
TEST_F(stuck, header_cannot_be_written)
{
	struct mailbox_receive *receive = mbx_pages(1);
	struct mbx_task task;

	ASSERT_NE(NULL, receive);
	PUT_MESSAGES(self, 2);
	*receive = receive_into(self->edge);
	receive->header.reserved = self->handle;
	ASSERT_EQ(0, mbx_task_start(&task, receive_with_struct, receive));
	ASSERT_TRUE(mbx_snag_caught(&self->snag));
	ASSERT_EQ(0, mprotect(receive, mbx_page(), PROT_READ));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_task_join(&task));
	EXPECT_EQ(2, mbx_depth(self->handle));
	EXPECT_EQ(1, next_tag(self->handle, self->bytes));
	EXPECT_EQ(2, next_tag(self->handle, self->bytes));
}

/* --- a look, and a batch --------------------------------------------- */

/* A look at a message does not keep others from taking it. */
TEST_F(stuck, peek)
{
	PUT_MESSAGES(self, 1);
	self->call = (struct mbx_call) {
		.fd = self->handle,
		.receive = receive_into(self->edge),
	};
	self->call.receive.flags = MAILBOX_RECEIVE_PEEK;
	ASSERT_EQ(0, mbx_call_start(&self->call));
	ASSERT_TRUE(mbx_snag_caught(&self->snag));
	EXPECT_EQ(1, next_tag(self->handle, self->bytes));
	EXPECT_EQ(0, mbx_destroy(self->handle, NULL));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(1, self->call.receive.header.tag);
	EXPECT_EQ(0, memcmp(self->edge, self->bytes, SIZE));
}

static long receive_three(void *argument)
{
	struct mailbox_receive *items = argument;
	struct mailbox_batch batch = { .flags = 0 };
	int result = mbx_receive_batch(items[3].header.reserved, items, 3, &batch);

	return result ?: (long)batch.done;
}

/* The second of a batch is stuck and fails: the first is received, two are left. */
TEST_F(stuck, batch)
{
	struct mailbox_receive items[4];
	unsigned char room[3][SIZE];
	struct mbx_task task;

	PUT_MESSAGES(self, 3);
	for (int i = 0; i < 3; i++)
		items[i] = receive_into(i == 1 ? self->edge : room[i]);
	items[3].header.reserved = self->handle;
	ASSERT_EQ(0, mbx_task_start(&task, receive_three, items));
	ASSERT_TRUE(mbx_snag_caught(&self->snag));
	EXPECT_EQ(2, mbx_depth(self->handle));
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(1, mbx_task_join(&task));
	EXPECT_EQ(0, items[0].error.code);
	EXPECT_EQ(-EFAULT, items[1].error.code);
	EXPECT_EQ(-ECANCELED, items[2].error.code);
	EXPECT_EQ(2, next_tag(self->handle, self->bytes));
	EXPECT_EQ(3, next_tag(self->handle, self->bytes));
}

struct batch_call {
	int handle;
	struct mailbox_batch *batch;
};

static long receive_batch(void *argument)
{
	struct batch_call *call = argument;

	return mbx_ioctl(call->handle, MAILBOX_IOC_RECEIVE_BATCH, call->batch);
}

/*
 * How many are done can suddenly not be said: the call says that it failed, the
 * items still say what happened to each.
 */
TEST_F(stuck, batch_cannot_be_told)
{
	struct mailbox_receive item = receive_into(self->edge);
	struct mailbox_batch *batch = mbx_pages(1);
	struct batch_call call = { .handle = self->handle, .batch = batch };
	struct mbx_task task;

	ASSERT_NE(NULL, batch);
	*batch = (struct mailbox_batch){
		.items = MBX_PTR(&item), .item_size = sizeof(item), .count = 1,
	};
	PUT_MESSAGES(self, 2);
	ASSERT_EQ(0, mbx_task_start(&task, receive_batch, &call));
	ASSERT_TRUE(mbx_snag_caught(&self->snag));
	ASSERT_EQ(0, mprotect(batch, mbx_page(), PROT_READ));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_task_join(&task));
	EXPECT_EQ(0, item.error.code);
	EXPECT_EQ(1, item.header.tag);
	EXPECT_EQ(2, next_tag(self->handle, self->bytes));
}

/* --- a sender whose payload is stuck ---------------------------------- */

static void send_stuck(struct mbx_call *call, int handle, void *from)
{
	*call = (struct mbx_call) {
		.fd = handle,
		.sending = true,
		.send = { .buffer = MBX_PTR(from), .length = SIZE, .tag = 1 },
	};
}

/* It holds nobody up, and its message comes when it is whole. */
TEST_F(stuck, sender)
{
	memcpy(self->edge, self->bytes, SIZE / 2);
	memset(self->bytes + SIZE / 2, 0, SIZE / 2);
	send_stuck(&self->call, self->handle, self->edge);
	ASSERT_EQ(0, mbx_call_start(&self->call));
	ASSERT_TRUE(mbx_snag_caught(&self->snag));
	EXPECT_EQ(0, mbx_depth(self->handle));
	ASSERT_EQ(0, put(self->handle, self->bytes, 2));
	EXPECT_EQ(2, next_tag(self->handle, self->bytes));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(1, next_tag(self->handle, self->bytes));
}

TEST_F(stuck, sender_fails)
{
	struct mailbox_info before, after;

	ASSERT_EQ(0, mbx_info(self->handle, &before));
	send_stuck(&self->call, self->handle, self->edge);
	ASSERT_EQ(0, mbx_call_start(&self->call));
	ASSERT_TRUE(mbx_snag_caught(&self->snag));
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	EXPECT_EQ(0, mbx_depth(self->handle));
	ASSERT_EQ(0, mbx_info(self->handle, &after));
	EXPECT_EQ(before.user_bytes, after.user_bytes);
	EXPECT_EQ(before.user_messages, after.user_messages);
}

TEST_F(stuck, sender_and_destroyed)
{
	send_stuck(&self->call, self->handle, self->edge);
	ASSERT_EQ(0, mbx_call_start(&self->call));
	ASSERT_TRUE(mbx_snag_caught(&self->snag));
	ASSERT_EQ(0, mbx_destroy(self->handle, NULL));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(-EIDRM, mbx_call_join(&self->call));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, self->call.send.error.reason);
}

/* --- other policies -------------------------------------------------- */

/* One receiver of a broadcast is stuck, the others are not. */
TEST_F(stuck, broadcast)
{
	int sender = mbx_new(MAILBOX_POLICY_BROADCAST, 2), other;

	ASSERT_LE(0, sender);
	other = mbx_dup(sender, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, other);
	close(self->handle);
	self->handle = sender;
	PUT_MESSAGES(self, 2);
	GET_STUCK(self);
	EXPECT_EQ(1, next_tag(other, self->bytes));
	EXPECT_EQ(2, next_tag(other, self->bytes));

	/* it has no room, so that all wait for it; and then it has */
	EXPECT_EQ(-EAGAIN, put(sender, self->bytes, 3));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(1, self->call.receive.header.tag);
	EXPECT_EQ(0, put(sender, self->bytes, 3));
	EXPECT_EQ(2, next_tag(sender, self->bytes));
	EXPECT_EQ(3, next_tag(sender, self->bytes));
	EXPECT_EQ(3, next_tag(other, self->bytes));
	close(other);
}

/* A receiver that loses its oldest has none to lose: it is copying all it has. */
TEST_F(stuck, broadcast_with_nothing_to_lose)
{
	struct mailbox_create how = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = MAILBOX_SLOW_LOSE,
		.capacity = 1,
	};

	close(self->handle);
	self->handle = mbx_create(&how);
	ASSERT_LE(0, self->handle);
	PUT_MESSAGES(self, 1);
	GET_STUCK(self);
	ASSERT_EQ(0, put(self->handle, self->bytes, 2));
	EXPECT_EQ(2, mbx_depth(self->handle));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
	EXPECT_EQ(1, self->call.receive.header.tag);
	EXPECT_EQ(0, self->call.receive.header.lost);
	EXPECT_EQ(2, next_tag(self->handle, self->bytes));
}

/* A rendezvous is over when the copy is made, not when it begins. */
TEST_F(stuck, rendezvous_fails)
{
	struct mbx_call sender;

	close(self->handle);
	self->handle = mbx_new(MAILBOX_POLICY_SHARED, 0);
	ASSERT_LE(0, self->handle);
	ASSERT_EQ(0, mbx_call_send(&sender, self->handle, "12345678", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->handle, 1, 0));
	self->edge = self->snag.last - 4;
	GET_STUCK(self);
	EXPECT_TRUE(mbx_call_wait_asleep(&sender));
	ASSERT_EQ(0, mbx_snag_break(&self->snag));
	EXPECT_EQ(-EFAULT, mbx_call_join(&self->call));
	EXPECT_TRUE(mbx_call_wait_asleep(&sender));
	EXPECT_STREQ("12345678", mbx_next(self->handle));
	EXPECT_EQ(0, mbx_call_join(&sender));
}

/* --- two at once ----------------------------------------------------- */

/* Of six messages two are stuck, and both fail: the messages' order is right. */
static void two_fail(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
		     bool in_order)
{
	struct mbx_call call = { .fd = self->handle };
	struct mbx_snag snag;

	ASSERT_EQ(0, mbx_snag(&snag, 2));
	PUT_MESSAGES(self, 6);
	GET_STUCK(self);
	call.receive = receive_into(snag.last - SIZE / 2);
	ASSERT_EQ(0, mbx_call_start(&call));
	ASSERT_TRUE(mbx_snag_caught(&snag));
	for (int i = 0; i < 2; i++) {
		bool first = (i == 0) == in_order;

		ASSERT_EQ(0, mbx_snag_break(first ? &self->snag : &snag));
		EXPECT_EQ(-EFAULT, mbx_call_join(first ? &self->call : &call));
	}
	for (int i = 1; i <= 6; i++) {
		EXPECT_EQ(i, next_tag(self->handle, self->bytes));
	}
	close(snag.uffd);
}

TEST_F(stuck, two_fail)
{
	two_fail(_metadata, self, false);
}

/* The second finds its place behind the first. */
TEST_F(stuck, two_fail_in_order)
{
	two_fail(_metadata, self, true);
}

/* --- pollers ------------------------------------------------------------ */

/*
 * All of the capacity is stuck with one receiver: what a sender that waits for
 * room has can be received, so that pollers must hear of it.
 */
TEST_F(stuck, poller_hears_of_a_sender_that_waits)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 1 };
	struct mbx_call sender;
	struct mbx_task poller;
	char text[SIZE];

	ASSERT_EQ(0, mbx_set(self->handle, &set));
	PUT_MESSAGES(self, 1);
	GET_STUCK(self);
	ASSERT_EQ(0, mbx_task_start(&poller, poll_in, &self->handle));
	ASSERT_TRUE(mbx_wait_asleep(poller.tid, SYS_poll));
	ASSERT_EQ(0, mbx_call_send(&sender, self->handle, "next", 0));
	EXPECT_EQ(POLLIN, mbx_task_join(&poller));
	ASSERT_EQ(0, mbx_get(self->handle, text, sizeof(text), MAILBOX_NONBLOCK, NULL));
	EXPECT_STREQ("next", text);
	EXPECT_EQ(0, mbx_call_join(&sender));
	ASSERT_EQ(0, mbx_snag_release(&self->snag));
	EXPECT_EQ(0, mbx_call_join(&self->call));
}

/* --- closed on the way ------------------------------------------------ */

struct late {
	int handle;
	struct mailbox_receive *receive;
	int left;
};

static long receive_late(void *argument)
{
	struct late *late = argument;

	return mbx_ioctl(late->handle, MAILBOX_IOC_RECEIVE, late->receive);
}

/*
 * The call has got the file, but not all of its struct, when the descriptor is
 * closed: it must not begin to wait for what nobody can send it any more.
 */
static void close_on_the_way(struct __test_metadata *_metadata, struct mbx_snag *snag,
			     struct late *late)
{
	struct mbx_task task;

	late->receive = (void *)(snag->last - offsetof(struct mailbox_receive, deadline));
	late->receive->buffer = MBX_PTR(snag->base);
	late->receive->length = 8;
	ASSERT_EQ(0, mbx_task_start(&task, receive_late, late));
	ASSERT_TRUE(mbx_snag_caught(snag));
	ASSERT_EQ(0, close(late->handle));
	ASSERT_EQ(0, mbx_snag_release(snag));
	if (late->left >= 0) {
		ASSERT_TRUE(mbx_wait_waiters(late->left, 0, 1));
		ASSERT_EQ(0, mbx_put(late->left, "late", 0));
		EXPECT_EQ(0, mbx_task_join(&task));
	} else {
		EXPECT_EQ(-EBADF, mbx_task_join(&task));
		EXPECT_EQ(MAILBOX_REASON_CLOSED, late->receive->error.reason);
	}
}

TEST_F(stuck, closed_before_it_waits)
{
	struct late late = { .handle = dup(self->handle), .left = -1 };

	ASSERT_LE(0, late.handle);
	close(self->handle);
	close_on_the_way(_metadata, &self->snag, &late);
}

TEST_F(stuck, closed_before_it_waits_with_another_left)
{
	struct late late = { .handle = dup(self->handle), .left = self->handle };

	ASSERT_LE(0, late.handle);
	close_on_the_way(_metadata, &self->snag, &late);
}

/* --- the receipt ------------------------------------------------------ */

struct receipt_call {
	int handle;
	struct mailbox_send *send;
};

static long send_with_struct(void *argument)
{
	struct receipt_call *call = argument;

	return mbx_send(call->handle, call->send);
}

/*
 * A sender waits for its taker, and by then a part of its struct cannot be
 * written any more, from each member of the answer on: it is told what it can be
 * told, and the message is received once.
 */
TEST_F(stuck, receipt_cannot_be_written)
{
	size_t page = mbx_page();

	for (size_t at = MBX_FIELD(mailbox_send, sequence); at < sizeof(struct mailbox_send);
	     at += 4) {
		char *base = mbx_pages(2);
		struct mailbox_send *send = (void *)(base + page - at);
		struct receipt_call call = { .handle = self->handle, .send = send };
		struct mbx_task task;

		ASSERT_NE(NULL, base);
		*send = (struct mailbox_send){
			.flags = MAILBOX_SEND_SYNC,
			.buffer = MBX_PTR(self->bytes),
			.length = SIZE,
			.tag = at,
		};
		ASSERT_EQ(0, mbx_task_start(&task, send_with_struct, &call));
		ASSERT_TRUE(mbx_wait_waiters(self->handle, 1, 0));
		ASSERT_EQ(0, mprotect(base + page, page, PROT_READ));
		EXPECT_EQ(at, next_tag(self->handle, self->bytes));
		EXPECT_EQ(-EFAULT, mbx_task_join(&task));
		EXPECT_EQ(-EFAULT, send->error.code);
		EXPECT_EQ(0, mbx_depth(self->handle));
	}
}

TEST_HARNESS_MAIN
