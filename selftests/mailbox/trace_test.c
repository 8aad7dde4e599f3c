// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of system "mailbox": each says what it must, when it must.
 *
 * features.rst rows with their test here:
 *   everything can be watched: tracepoints	trace.*
 */
#include "kselftest_harness.h"
#include "hostile.h"

#include <sys/mount.h>
#include <sys/stat.h>

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/mailbox-test"

#define EARLY_VISITS	50

FIXTURE(trace)
{
	char log[16384];
	int fd;
	unsigned long long id;
};

static int trace_write(const char *directory, const char *file, const char *text)
{
	char path[256];
	int fd, result = 0;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}

static int trace_read(char *log, size_t size)
{
	ssize_t n, length = 0;
	int fd;

	fd = open(INSTANCE "/trace", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (length < size - 1 && (n = read(fd, log + length, size - 1 - length)) > 0)
		length += n;
	close(fd);
	log[length] = '\0';
	return 0;
}

/* The number of lines of the log that have all of what is asked, by "" ended. */
static int trace_count(char *log, size_t size, const char *event, const char *what)
{
	int result = trace_read(log, size), count = 0;
	char *line, *rest;

	if (result)
		return result;
	for (rest = log; (line = strsep(&rest, "\n"));) {
		char *found = strstr(line, event);

		if (line[0] != '#' && found && strstr(found, what))
			count++;
	}
	return count;
}

FIXTURE_SETUP(trace)
{
	struct mailbox_stat stat;

	/* where it is mounted already this fails, and does no harm */
	if (access(TRACEFS "/instances", F_OK))
		ASSERT_EQ(0, mount("tracefs", TRACEFS, "tracefs", 0, NULL));
	/*
	 * Else the first event turns on that of each context switch, to learn the
	 * names of tasks: the scheduler's code is patched while it runs, which
	 * QEMU's emulation of several CPUs does not always survive.  A new instance
	 * has the option as it is at the top.
	 */
	ASSERT_EQ(0, trace_write(TRACEFS, "options/record-cmd", "0"));
	/* the last test's, which is the same for all but what it has set */
	if (mkdir(INSTANCE, 0700))
		ASSERT_EQ(EEXIST, errno);
	ASSERT_EQ(0, trace_write(INSTANCE, "trace_clock", "global"));
	ASSERT_EQ(0, trace_write(INSTANCE, "trace", ""));
	ASSERT_EQ(0, trace_write(INSTANCE, "events/mailbox/enable", "1"));
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	self->id = stat.id;
}

FIXTURE_TEARDOWN(trace)
{
	close(self->fd);
	trace_write(INSTANCE, "events/mailbox/enable", "0");
	trace_write(TRACEFS, "options/record-cmd", "1");
}

/*
 * An instance of one's own: nobody else's events, nobody else's switches.  One for
 * all tests, since to make it makes a file for each event that the kernel has.
 */
static void __attribute__((destructor)) remove_instance(void)
{
	rmdir(INSTANCE);
}

/* Events of this mailbox that say this, too. */
#define COUNT(event, what) ({							\
	char __what[64];							\
	snprintf(__what, sizeof(__what), "id=%llu%s%s", self->id,		\
		 *(what) ? " " : "", what);					\
	trace_count(self->log, sizeof(self->log), event ":", __what);		\
})

TEST_F(trace, create)
{
	EXPECT_EQ(1, COUNT("mailbox_create", "policy=shared capacity=1"));
}

TEST_F(trace, create_named)
{
	char name[MBX_NAME_SIZE], what[MBX_NAME_SIZE + 8];
	int fd = mbx_new_named(mbx_name(name, "traced"), 1);

	ASSERT_LE(0, fd);
	snprintf(what, sizeof(what), "name=%s", name);
	EXPECT_EQ(1, trace_count(self->log, sizeof(self->log), "mailbox_create:", what));
	close(fd);
}

struct guest {
	char name[MBX_NAME_SIZE];
	unsigned int visits;
	int stop;
};

/* Is there as soon as somebody can be, changes what it can, and sends. */
static long come_early(void *argument)
{
	struct guest *guest = argument;

	while (!__atomic_load_n(&guest->stop, __ATOMIC_ACQUIRE)) {
		struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 2 };
		int fd = mbx_open(guest->name, MAILBOX_RIGHT_ALL);

		if (fd < 0)
			continue;
		mbx_set(fd, &set);
		mbx_put(fd, "early", MAILBOX_NONBLOCK);
		mbx_destroy(fd, NULL);
		close(fd);
		__atomic_add_fetch(&guest->visits, 1, __ATOMIC_RELEASE);
	}
	return 0;
}

/* That a mailbox was made, and how, is told before anything is done with it. */
TEST_F(trace, create_comes_first)
{
	unsigned long long id = 0, made, sent;
	unsigned int pairs = 0;
	struct guest guest = { .stop = 0 };
	char *line, *rest = self->log;
	struct mbx_task task;

	mbx_name(guest.name, "early");
	/* one count for all CPUs, as clocks may differ by a little; just the two events */
	ASSERT_EQ(0, trace_write(INSTANCE, "trace_clock", "counter"));
	ASSERT_EQ(0, trace_write(INSTANCE, "events/mailbox/enable", "0"));
	ASSERT_EQ(0, trace_write(INSTANCE, "events/mailbox/mailbox_create/enable", "1"));
	ASSERT_EQ(0, trace_write(INSTANCE, "events/mailbox/mailbox_send/enable", "1"));
	ASSERT_EQ(0, mbx_task_start(&task, come_early, &guest));
	for (unsigned int i = 0; i < EARLY_VISITS; i++) {
		int fd = mbx_new_named(guest.name, 1);

		EXPECT_LE(0, fd);
		EXPECT_TRUE(MBX_UNTIL(__atomic_load_n(&guest.visits, __ATOMIC_ACQUIRE) > i));
		close(fd);
	}
	__atomic_store_n(&guest.stop, 1, __ATOMIC_RELEASE);
	mbx_task_join(&task);

	ASSERT_EQ(0, trace_read(self->log, sizeof(self->log)));
	while ((line = strsep(&rest, "\n"))) {
		char *create = strstr(line, "mailbox_create: id=");
		char *send = strstr(line, "mailbox_send: id=");

		if (create && sscanf(create, "mailbox_create: id=%llu policy=shared capacity=1",
				     &made) == 1)
			id = made;
		if (send && sscanf(send, "mailbox_send: id=%llu", &sent) == 1) {
			EXPECT_EQ(id, sent);
			pairs++;
		}
	}
	EXPECT_EQ(EARLY_VISITS, pairs);
}

TEST_F(trace, send_and_receive)
{
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "12345", 6, 77));
	EXPECT_EQ(1, COUNT("mailbox_send", "sequence=1 length=5 priority=6 tag=77"));
	EXPECT_EQ(0, COUNT("mailbox_receive", ""));
	EXPECT_STREQ("12345", mbx_next(self->fd));
	EXPECT_EQ(1, COUNT("mailbox_receive", "sequence=1 length=5 priority=6 tag=77"));
	/* nothing had to wait, nothing was lost */
	EXPECT_EQ(0, COUNT("mailbox_block", ""));
	EXPECT_EQ(0, COUNT("mailbox_wake", ""));
	EXPECT_EQ(0, COUNT("mailbox_drop", ""));
}

TEST_F(trace, block_and_wake_for_a_message)
{
	struct mbx_call call;

	ASSERT_EQ(0, mbx_call_receive(&call, self->fd, 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	EXPECT_EQ(1, COUNT("mailbox_block", ""));
	EXPECT_EQ(0, COUNT("mailbox_wake", ""));
	ASSERT_EQ(0, mbx_put(self->fd, "x", 0));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(1, COUNT("mailbox_wake", ""));
	EXPECT_EQ(1, COUNT("mailbox_receive", ""));
}

TEST_F(trace, block_and_wake_for_room)
{
	struct mbx_call call;

	ASSERT_EQ(0, mbx_put(self->fd, "x", 0));
	ASSERT_EQ(0, mbx_call_send(&call, self->fd, "y", 0));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	ASSERT_TRUE(mbx_call_wait_asleep(&call));
	EXPECT_EQ(1, COUNT("mailbox_block", ""));
	EXPECT_STREQ("x", mbx_next(self->fd));
	ASSERT_EQ(0, mbx_call_join(&call));
	EXPECT_EQ(1, COUNT("mailbox_wake", ""));
	EXPECT_EQ(2, COUNT("mailbox_send", ""));
}

TEST_F(trace, wake_by_a_timeout)
{
	struct mailbox_receive receive = { .flags = MAILBOX_DEADLINE };

	receive.deadline = mbx_in_ms(20);
	ASSERT_EQ(-ETIMEDOUT, mbx_receive(self->fd, &receive));
	EXPECT_EQ(1, COUNT("mailbox_block", ""));
	EXPECT_EQ(0, COUNT("mailbox_receive", ""));
}

TEST_F(trace, destroy_and_drop)
{
	ASSERT_EQ(0, mbx_put(self->fd, "x", 0));
	EXPECT_EQ(0, COUNT("mailbox_destroy", ""));
	ASSERT_EQ(0, mbx_destroy(self->fd, NULL));
	EXPECT_EQ(1, COUNT("mailbox_destroy", "dropped=1"));
	EXPECT_EQ(1, COUNT("mailbox_drop", "sequence=1 why=destroy"));
}

TEST_F(trace, end_by_the_last_close)
{
	int sender = mbx_dup(self->fd, MAILBOX_RIGHT_SEND);

	ASSERT_LE(0, sender);
	close(self->fd);
	EXPECT_EQ(0, COUNT("mailbox_destroy", ""));
	close(sender);
	self->fd = -1;
	EXPECT_EQ(1, COUNT("mailbox_destroy", ""));
}

TEST_F(trace, drop_for_a_slow_receiver)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = MAILBOX_SLOW_LOSE,
		.capacity = 1,
	};
	struct mailbox_stat stat;
	int fd = mbx_create(&attr);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	self->id = stat.id;
	ASSERT_EQ(0, mbx_put(fd, "1", 0));
	EXPECT_EQ(0, COUNT("mailbox_drop", ""));
	ASSERT_EQ(0, mbx_put(fd, "2", 0));
	EXPECT_EQ(1, COUNT("mailbox_drop", "sequence=1 why=slow"));
	close(fd);
}

TEST_F(trace, each_can_be_had_alone)
{
	static const char *const events[] = {
		"create", "destroy", "send", "receive", "block", "wake", "drop",
	};
	char path[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(path, sizeof(path), "events/mailbox/mailbox_%s/enable", events[i]);
		EXPECT_EQ(0, trace_write(INSTANCE, path, "0"));
	}
	ASSERT_EQ(0, trace_write(INSTANCE, "events/mailbox/mailbox_send/enable", "1"));
	ASSERT_EQ(0, mbx_put(self->fd, "x", 0));
	EXPECT_STREQ("x", mbx_next(self->fd));
	EXPECT_EQ(1, COUNT("mailbox_send", ""));
	EXPECT_EQ(0, COUNT("mailbox_receive", ""));
}

TEST_HARNESS_MAIN
