// SPDX-License-Identifier: GPL-2.0
/*
 * libmailbox against the module: each function once as it is meant, and its
 * errors as sentences.  What the module does in each case other programs here
 * prove, and what the library passes on, byte for byte, selftests/host does.
 */
#include "common.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <mailbox.h>

#include "kselftest_harness.h"

#define RIGHTS_BOTH	(MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE)

/* The error as a sentence, in a buffer of the thread. */
static const char *why(const struct mailbox_error *error, unsigned long command)
{
	static __thread char buffer[MAILBOX_STRERROR_MAX];

	return mailbox_strerror(error, command, buffer, sizeof(buffer));
}

static int open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	if (!directory)
		return -errno;
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

FIXTURE(library) {
	struct mailbox_error error;
	char name[MBX_NAME_SIZE];
	int descriptors;
	int fd;	/* all rights, without a name, capacity 2 */
};

FIXTURE_SETUP(library)
{
	struct mailbox_attr attr = MAILBOX_ATTR_INIT;

	self->descriptors = open_descriptors();
	ASSERT_LT(0, self->descriptors);
	mbx_name(self->name, "lib");
	memset(&self->error, 0, sizeof(self->error));
	attr.capacity = 2;
	self->fd = mailbox_create(NULL, 0, MAILBOX_RIGHT_ALL, 0, &attr,
				  &self->error);
	ASSERT_LE(0, self->fd) {
		TH_LOG("%s", why(&self->error, MAILBOX_IOC_CREATE));
	}
}

/* No function keeps a descriptor. */
FIXTURE_TEARDOWN(library)
{
	close(self->fd);
	EXPECT_EQ(self->descriptors, open_descriptors());
}

TEST_F(library, info)
{
	struct mailbox_info info;

	ASSERT_EQ(0, mailbox_info(&info));
	EXPECT_EQ(MAILBOX_ABI_VERSION, info.abi_version);
	EXPECT_EQ(MAILBOX_FEATURE_QUEUE, info.features & MAILBOX_FEATURE_QUEUE);
	EXPECT_LE(1, info.user_mailboxes);
	EXPECT_LT(0, info.user_bytes_max);
}

TEST_F(library, create_makes_what_the_attributes_say)
{
	struct mailbox_attr attr = {
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = MAILBOX_SLOW_LOSE,
		.capacity = 7,
		.message_max = 100,
	};
	struct mailbox_stat stat;
	mode_t mask = umask(0022);
	int fd;

	fd = mailbox_create(self->name, MAILBOX_CREATE_FIXED |
			    MAILBOX_CREATE_NONBLOCK, RIGHTS_BOTH, 0666, &attr,
			    &self->error);
	umask(mask);
	ASSERT_LE(0, fd) {
		TH_LOG("%s", why(&self->error, MAILBOX_IOC_CREATE));
	}
	ASSERT_EQ(0, mailbox_stat(fd, &stat));
	EXPECT_EQ(MAILBOX_POLICY_BROADCAST, stat.policy);
	EXPECT_EQ(MAILBOX_SLOW_LOSE, stat.slow);
	EXPECT_EQ(7, stat.capacity);
	EXPECT_EQ(100, stat.message_max);
	EXPECT_EQ(MAILBOX_CREATE_FIXED, stat.flags);
	EXPECT_EQ(RIGHTS_BOTH, stat.rights);
	EXPECT_EQ(0644, stat.mode);
	EXPECT_STREQ(self->name, stat.name);
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	close(fd);
}

TEST_F(library, create_without_attributes)
{
	struct mailbox_stat stat;
	int fd = mailbox_create(NULL, 0, MAILBOX_RIGHT_SEND, 0, NULL, NULL);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mailbox_stat(fd, &stat));
	EXPECT_EQ(MAILBOX_POLICY_SHARED, stat.policy);
	EXPECT_EQ(MAILBOX_DEFAULT_CAPACITY, stat.capacity);
	EXPECT_STREQ("", stat.name);
	close(fd);
}

TEST_F(library, open_as_mq_open_does)
{
	struct mailbox_stat stat;
	int first, again;

	EXPECT_EQ(-ENOENT, mailbox_open(self->name, O_RDWR, 0, NULL,
					&self->error));
	EXPECT_STREQ("no mailbox has this name (ENOENT)",
		     why(&self->error, MAILBOX_IOC_OPEN));

	first = mailbox_open(self->name, O_RDONLY | O_CREAT | O_EXCL, 0600,
			     NULL, &self->error);
	ASSERT_LE(0, first) {
		TH_LOG("%s", why(&self->error, MAILBOX_IOC_CREATE));
	}
	ASSERT_EQ(0, mailbox_stat(first, &stat));
	EXPECT_EQ(MAILBOX_RIGHT_RECEIVE, stat.rights);
	EXPECT_EQ(0, fcntl(first, F_GETFL) & O_NONBLOCK);

	EXPECT_EQ(-EEXIST, mailbox_open(self->name, O_RDWR | O_CREAT | O_EXCL,
					0600, NULL, &self->error));
	EXPECT_STREQ("a mailbox of this name exists (EEXIST)",
		     why(&self->error, MAILBOX_IOC_CREATE));

	again = mailbox_open(self->name, O_WRONLY | O_CREAT | O_NONBLOCK, 0600,
			     NULL, &self->error);
	ASSERT_LE(0, again);
	ASSERT_EQ(0, mailbox_stat(again, &stat));
	EXPECT_EQ(MAILBOX_RIGHT_SEND, stat.rights);
	EXPECT_EQ(2, stat.handles);
	EXPECT_EQ(O_NONBLOCK, fcntl(again, F_GETFL) & O_NONBLOCK);
	close(again);

	again = mailbox_open(self->name, O_RDWR, 0, NULL, &self->error);
	ASSERT_LE(0, again);
	ASSERT_EQ(0, mailbox_stat(again, &stat));
	EXPECT_EQ(RIGHTS_BOTH, stat.rights);
	close(again);
	close(first);
}

TEST_F(library, names_that_cannot_be)
{
	char name[MAILBOX_NAME_MAX + 2];

	EXPECT_EQ(-EINVAL, mailbox_open("", O_RDWR | O_CREAT, 0600, NULL,
					&self->error));
	EXPECT_STREQ("the name is empty (EINVAL)",
		     why(&self->error, MAILBOX_IOC_CREATE));
	EXPECT_EQ(-EINVAL, mailbox_open("a/b", O_RDWR, 0, NULL, &self->error));
	EXPECT_STREQ("the name has a slash or a control byte at position 1 (EINVAL)",
		     why(&self->error, MAILBOX_IOC_OPEN));
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	EXPECT_EQ(-ENAMETOOLONG, mailbox_open(name, O_RDWR, 0, NULL,
					      &self->error));
	EXPECT_STREQ("the name is too long: at most 255 bytes (ENAMETOOLONG)",
		     why(&self->error, MAILBOX_IOC_OPEN));
}

TEST_F(library, open_rights)
{
	struct mailbox_stat stat;
	int first, admin;

	first = mailbox_open(self->name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL,
			     NULL);
	ASSERT_LE(0, first);
	admin = mailbox_open_rights(self->name, MAILBOX_RIGHT_ADMIN,
				    MAILBOX_OPEN_NONBLOCK, &self->error);
	ASSERT_LE(0, admin);
	ASSERT_EQ(0, mailbox_stat(admin, &stat));
	EXPECT_EQ(MAILBOX_RIGHT_ADMIN, stat.rights);
	EXPECT_EQ(O_NONBLOCK, fcntl(admin, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-EBADF, mailbox_send(admin, "x", 1, 0, 0, &self->error));
	EXPECT_STREQ("the handle has no right to send (EBADF)",
		     why(&self->error, MAILBOX_IOC_SEND));
	EXPECT_EQ(-EINVAL, mailbox_open_rights(self->name, 0, 0, &self->error));
	EXPECT_STREQ("member 'rights' is out of range: at least 1 (EINVAL)",
		     why(&self->error, MAILBOX_IOC_OPEN));
	close(admin);
	close(first);
}

TEST_F(library, modes_refuse_with_the_right_that_they_refuse)
{
	int fd = mailbox_open(self->name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL,
			      NULL);
	pid_t child;

	ASSERT_LE(0, fd);
	child = mbx_fork();
	if (!child) {
		struct mailbox_error error;

		if (mbx_become(1000))
			_exit(1);
		if (mailbox_open(self->name, O_WRONLY, 0, NULL,
				 &error) != -EACCES)
			_exit(2);
		if (strcmp(why(&error, MAILBOX_IOC_OPEN),
			   "the mailbox's mode bits give no permission to send (EACCES)"))
			_exit(3);
		if (mailbox_remove(self->name, &error) != -EPERM)
			_exit(4);
		if (strncmp(why(&error, MAILBOX_IOC_OPEN), "only the ", 9))
			_exit(5);
		_exit(0);
	}
	EXPECT_EQ(0, mbx_join(child));
	close(fd);
}

TEST_F(library, dup)
{
	struct mailbox_stat stat;
	int fd = mailbox_dup(self->fd, MAILBOX_RIGHT_SEND, 0, &self->error);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mailbox_stat(fd, &stat));
	EXPECT_EQ(MAILBOX_RIGHT_SEND, stat.rights);
	EXPECT_EQ(2, stat.handles);
	EXPECT_EQ(-EPERM, mailbox_dup(fd, RIGHTS_BOTH, 0, &self->error));
	EXPECT_STREQ("the handle has no right to receive (EPERM)",
		     why(&self->error, MAILBOX_IOC_DUP));
	close(fd);
}

TEST_F(library, destroy)
{
	uint64_t dropped = 0;
	char byte;

	ASSERT_EQ(0, mailbox_send(self->fd, "x", 1, 0, 0, NULL));
	EXPECT_EQ(0, mailbox_destroy(self->fd, 0, &dropped, &self->error));
	EXPECT_EQ(1, dropped);
	EXPECT_EQ(-EIDRM, mailbox_destroy(self->fd, 0, NULL, &self->error));
	EXPECT_EQ(-EIDRM, mailbox_receive(self->fd, &byte, 1, NULL,
					  &self->error));
	EXPECT_STREQ("the mailbox has been destroyed (EIDRM)",
		     why(&self->error, MAILBOX_IOC_RECEIVE));
}

TEST_F(library, remove)
{
	int fd = mailbox_create(self->name, MAILBOX_CREATE_PERSIST,
				MAILBOX_RIGHT_SEND, 0600, NULL, NULL);

	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_EQ(0, mailbox_remove(self->name, &self->error));
	EXPECT_EQ(-ENOENT, mailbox_remove(self->name, &self->error));
	EXPECT_STREQ("no mailbox has this name (ENOENT)",
		     why(&self->error, MAILBOX_IOC_OPEN));
}

TEST_F(library, send_and_receive)
{
	struct mailbox_header header;
	char text[8] = "";

	ASSERT_EQ(0, mailbox_send(self->fd, "low", 3, 1, 11, &self->error));
	ASSERT_EQ(0, mailbox_send(self->fd, "high!", 5, 2, 22, &self->error));
	EXPECT_EQ(5, mailbox_receive(self->fd, text, sizeof(text), &header,
				     &self->error));
	EXPECT_STREQ("high!", text);
	EXPECT_EQ(5, header.length);
	EXPECT_EQ(2, header.priority);
	EXPECT_EQ(22, header.tag);
	EXPECT_EQ(2, header.sequence);
	EXPECT_EQ(getpid(), header.pid);
	EXPECT_EQ(geteuid(), header.uid);
	EXPECT_EQ(3, mailbox_receive(self->fd, text, sizeof(text), NULL, NULL));
	/* a message of no bytes is one, too */
	ASSERT_EQ(0, mailbox_send(self->fd, NULL, 0, 0, 0, NULL));
	EXPECT_EQ(0, mailbox_receive(self->fd, NULL, 0, &header, NULL));
	EXPECT_EQ(3, header.sequence);
}

TEST_F(library, a_message_too_long_stays_and_says_how_long)
{
	char text[8];

	ASSERT_EQ(0, mailbox_send(self->fd, "1234567", 7, 0, 0, NULL));
	EXPECT_EQ(-EMSGSIZE, mailbox_receive(self->fd, text, 3, NULL,
					     &self->error));
	EXPECT_EQ(7, self->error.value);
	EXPECT_STREQ("the message does not fit the buffer and is still in the mailbox: it needs 7 bytes (EMSGSIZE)",
		     why(&self->error, MAILBOX_IOC_RECEIVE));
	EXPECT_EQ(7, mailbox_receive(self->fd, text, self->error.value, NULL,
				     NULL));
}

TEST_F(library, what_is_out_of_range_is_named)
{
	EXPECT_EQ(-EINVAL, mailbox_send(self->fd, "x", 1, 32768, 0,
					&self->error));
	EXPECT_STREQ("member 'priority' is out of range: at most 32767 (EINVAL)",
		     why(&self->error, MAILBOX_IOC_SEND));
	EXPECT_EQ(-EINVAL, mailbox_timedsend(self->fd, "x", 1, 0, 0, -1,
					     &self->error));
	EXPECT_STREQ("member 'deadline' is out of range: at least 0 (EINVAL)",
		     why(&self->error, MAILBOX_IOC_SEND));
	EXPECT_EQ(-EINVAL, mailbox_create(NULL, 0, MAILBOX_RIGHT_SEND, 0644,
					  NULL, &self->error));
	EXPECT_STREQ("member 'mode' must be zero here, and not 0644 (EINVAL)",
		     why(&self->error, MAILBOX_IOC_CREATE));
	EXPECT_EQ(-EFAULT, mailbox_send(self->fd, (void *)8, 16, 0, 0,
					&self->error));
	EXPECT_STREQ("member 'buffer' points to memory that cannot be used: 0x8 (EFAULT)",
		     why(&self->error, MAILBOX_IOC_SEND));
}

TEST_F(library, try)
{
	char byte;

	EXPECT_EQ(-EAGAIN, mailbox_tryreceive(self->fd, &byte, 1, NULL,
					      &self->error));
	EXPECT_STREQ("the mailbox is empty (EAGAIN)",
		     why(&self->error, MAILBOX_IOC_RECEIVE));
	EXPECT_EQ(0, mailbox_trysend(self->fd, "x", 1, 0, 0, &self->error));
	EXPECT_EQ(0, mailbox_trysend(self->fd, "x", 1, 0, 0, &self->error));
	EXPECT_EQ(-EAGAIN, mailbox_trysend(self->fd, "x", 1, 0, 0,
					   &self->error));
	EXPECT_STREQ("the mailbox is full: its capacity is 2 messages (EAGAIN)",
		     why(&self->error, MAILBOX_IOC_SEND));
	EXPECT_EQ(1, mailbox_tryreceive(self->fd, &byte, 1, NULL, NULL));
}

TEST_F(library, deadlines)
{
	int64_t deadline;
	char byte;

	/* in the past: what can be done at once is done */
	EXPECT_EQ(0, mailbox_timedsend(self->fd, "x", 1, 0, 0, 0,
				       &self->error));
	EXPECT_EQ(0, mailbox_timedsend(self->fd, "x", 1, 0, 0, MAILBOX_FOREVER,
				       &self->error));
	deadline = mailbox_deadline_ms(20);
	EXPECT_EQ(-ETIMEDOUT, mailbox_timedsend(self->fd, "x", 1, 0, 0,
						deadline, &self->error));
	EXPECT_LE(deadline, mbx_now());
	EXPECT_EQ(MAILBOX_REASON_DEADLINE, self->error.reason);
	EXPECT_EQ(deadline, self->error.value);

	EXPECT_EQ(1, mailbox_timedreceive(self->fd, &byte, 1, 0, NULL, NULL));
	EXPECT_EQ(1, mailbox_timedreceive(self->fd, &byte, 1, MAILBOX_FOREVER,
					  NULL, NULL));
	deadline = mailbox_deadline_ms(20);
	EXPECT_EQ(-ETIMEDOUT, mailbox_timedreceive(self->fd, &byte, 1, deadline,
						   NULL, &self->error));
	EXPECT_LE(deadline, mbx_now());
}

TEST_F(library, a_deadline_by_the_wall_clock)
{
	struct timespec ahead = { .tv_nsec = 20000000 };
	char byte;
	struct mailbox_receive message = {
		.flags = MAILBOX_DEADLINE | MAILBOX_REALTIME,
		.buffer = (uintptr_t)&byte,
		.length = 1,
		.deadline = mailbox_deadline(CLOCK_REALTIME, &ahead),
	};

	EXPECT_EQ(-ETIMEDOUT, mailbox_recvmsg(self->fd, &message));
	EXPECT_EQ(-ETIMEDOUT, message.error.code);
	EXPECT_LE(message.deadline, mbx_clock(CLOCK_REALTIME));
}

TEST_F(library, send_sync)
{
	struct mailbox_receipt receipt = { .pid = 0 };
	struct mailbox_stat stat;
	pid_t child = mbx_fork();

	if (!child) {
		char byte;

		_exit(mailbox_receive(self->fd, &byte, 1, NULL, NULL) != 1);
	}
	EXPECT_EQ(0, mailbox_send_sync(self->fd, "x", 1, MAILBOX_FOREVER,
				       &receipt, &self->error));
	EXPECT_EQ(child, receipt.pid);
	EXPECT_EQ(1, receipt.receivers);
	EXPECT_EQ(0, mbx_join(child));

	/* without a receiver it is withdrawn */
	EXPECT_EQ(-ETIMEDOUT, mailbox_send_sync(self->fd, "x", 1,
						mailbox_deadline_ms(10), NULL,
						&self->error));
	ASSERT_EQ(0, mailbox_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(1, stat.withdrawn);
}

TEST_F(library, pieces)
{
	char one[3] = "", other[8] = "";
	struct iovec out[3] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 } };
	struct iovec in[2] = { { one, 2 }, { other, sizeof(other) } };
	struct mailbox_header header;

	ASSERT_EQ(0, mailbox_sendv(self->fd, out, 3, 4, 5, &self->error)) {
		TH_LOG("%s", why(&self->error, MAILBOX_IOC_SEND));
	}
	EXPECT_EQ(5, mailbox_receivev(self->fd, in, 2, &header, &self->error));
	EXPECT_STREQ("ab", one);
	EXPECT_STREQ("cde", other);
	EXPECT_EQ(4, header.priority);
	EXPECT_EQ(5, header.tag);
}

TEST_F(library, recvmsg_says_how_much_is_in_the_buffer)
{
	char text[8] = "";
	struct mailbox_vector piece[2] = {
		{ (uintptr_t)text, 2 }, { (uintptr_t)(text + 2), 1 },
	};
	struct mailbox_receive message = {
		.flags = MAILBOX_RECEIVE_TRUNCATE,
		.buffer = (uintptr_t)text,
		.length = 4,
	};

	ASSERT_EQ(0, mailbox_send(self->fd, "abcdefg", 7, 0, 0, NULL));
	ASSERT_EQ(0, mailbox_send(self->fd, "1234567", 7, 0, 0, NULL));
	EXPECT_EQ(4, mailbox_recvmsg(self->fd, &message));
	EXPECT_EQ(7, message.header.length);
	EXPECT_STREQ("abcd", text);
	message.flags |= MAILBOX_VECTOR;
	message.buffer = (uintptr_t)piece;
	message.length = 2;
	EXPECT_EQ(3, mailbox_recvmsg(self->fd, &message));
	EXPECT_STREQ("123d", text);
}

TEST_F(library, selections)
{
	char byte = 0;
	pid_t child;

	ASSERT_EQ(0, mailbox_send(self->fd, "a", 1, 0, 1, NULL));
	ASSERT_EQ(0, mailbox_send(self->fd, "b", 1, 0, 2, NULL));
	EXPECT_EQ(1, mailbox_receive_tag(self->fd, 2, &byte, 1, MAILBOX_FOREVER,
					 NULL, &self->error));
	EXPECT_EQ('b', byte);
	EXPECT_EQ(-ETIMEDOUT, mailbox_receive_tag(self->fd, 2, &byte, 1, 0,
						  NULL, &self->error));

	child = mbx_fork();
	if (!child)
		_exit(-mailbox_send(self->fd, "c", 1, 0, 0, NULL));
	EXPECT_EQ(1, mailbox_receive_from(self->fd, child, &byte, 1,
					  MAILBOX_FOREVER, NULL, &self->error));
	EXPECT_EQ('c', byte);
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_EQ(1, mailbox_receive_from(self->fd, getpid(), &byte, 1, 0, NULL,
					  NULL));
	EXPECT_EQ('a', byte);
}

TEST_F(library, peek)
{
	struct mailbox_header header;
	char text[8] = "";

	ASSERT_EQ(0, mailbox_send(self->fd, "first", 5, 0, 1, NULL));
	ASSERT_EQ(0, mailbox_send(self->fd, "second", 6, 0, 2, NULL));
	EXPECT_EQ(6, mailbox_peek(self->fd, 1, text, sizeof(text), &header,
				  &self->error));
	EXPECT_STREQ("second", text);
	EXPECT_EQ(0, mailbox_peek(self->fd, 0, NULL, 0, &header, &self->error));
	EXPECT_EQ(5, header.length);
	EXPECT_EQ(-ENOMSG, mailbox_peek(self->fd, 2, text, sizeof(text), NULL,
					&self->error));
	EXPECT_STREQ("no message in the mailbox is the one asked for: it has 2 messages (ENOMSG)",
		     why(&self->error, MAILBOX_IOC_RECEIVE));
}

TEST_F(library, batches)
{
	struct mailbox_receive in[3];
	struct mailbox_send out[3];
	char bytes[3] = "";
	int i;

	memset(out, 0, sizeof(out));
	memset(in, 0, sizeof(in));
	for (i = 0; i < 3; i++) {
		out[i].flags = MAILBOX_NONBLOCK;
		out[i].buffer = (uintptr_t)&"xyz"[i];
		out[i].length = 1;
		in[i].flags = MAILBOX_NONBLOCK;
		in[i].buffer = (uintptr_t)&bytes[i];
		in[i].length = 1;
	}
	/* the second is bad, so that the third is not tried */
	out[1].priority = 40000;
	EXPECT_EQ(1, mailbox_sendmmsg(self->fd, out, 3, &self->error));
	EXPECT_EQ(0, out[0].error.code);
	EXPECT_STREQ("member 'priority' is out of range: at most 32767 (EINVAL)",
		     why(&out[1].error, MAILBOX_IOC_SEND));
	EXPECT_STREQ("not tried: message 1 of the batch failed (ECANCELED)",
		     why(&out[2].error, MAILBOX_IOC_SEND));
	EXPECT_EQ(1, mailbox_recvmmsg(self->fd, in, 3, &self->error));
	EXPECT_EQ('x', bytes[0]);
	EXPECT_EQ(-EAGAIN, in[1].error.code);
	EXPECT_EQ(-ECANCELED, in[2].error.code);

	/* none at all: the first one's error is the call's */
	EXPECT_EQ(-EAGAIN, mailbox_recvmmsg(self->fd, in, 3, &self->error));
	EXPECT_STREQ("the mailbox is empty (EAGAIN)",
		     why(&self->error, MAILBOX_IOC_RECEIVE_BATCH));
	EXPECT_EQ(-EINVAL, mailbox_sendmmsg(self->fd, out, 65, &self->error));
	EXPECT_STREQ("member 'count' is out of range: at most 64 (EINVAL)",
		     why(&self->error, MAILBOX_IOC_SEND_BATCH));
}

TEST_F(library, set)
{
	struct mailbox_set set = {
		.mask = MAILBOX_SET_CAPACITY | MAILBOX_SET_MESSAGE_MAX,
		.capacity = 5,
		.message_max = 3,
	};
	struct mailbox_stat stat;

	ASSERT_EQ(0, mailbox_set(self->fd, &set));
	ASSERT_EQ(0, mailbox_stat(self->fd, &stat));
	EXPECT_EQ(5, stat.capacity);
	EXPECT_EQ(3, stat.message_max);
	EXPECT_EQ(-EMSGSIZE, mailbox_send(self->fd, "four", 4, 0, 0,
					  &self->error));
	EXPECT_EQ(MAILBOX_REASON_MAILBOX_SIZE, self->error.reason);
	EXPECT_EQ(3, self->error.value);

	set.mask = 0;
	EXPECT_EQ(-EINVAL, mailbox_set(self->fd, &set));
	EXPECT_STREQ("member 'mask' is out of range: at least 1 (EINVAL)",
		     why(&set.error, MAILBOX_IOC_SET));
}

#define LISTED	5

TEST_F(library, list_and_next)
{
	struct mailbox_stat entries[2], entry;
	char names[LISTED][MBX_NAME_SIZE];
	int fds[LISTED], found, i, more, result;
	char after[MAILBOX_NAME_MAX + 1];

	snprintf(after, sizeof(after), "%s-", self->name);
	for (i = 0; i < LISTED; i++) {
		snprintf(names[i], sizeof(names[i]), "%.60s-%d", self->name, i);
		fds[i] = mailbox_create(names[i], MAILBOX_CREATE_EXCL,
					MAILBOX_RIGHT_SEND, 0600, NULL, NULL);
		ASSERT_LE(0, fds[i]);
	}

	/* all at once, in steps of two */
	for (i = 0; i < LISTED; i += result) {
		result = mailbox_list(after, entries, 2, &more, &self->error);
		ASSERT_LT(0, result);
		ASSERT_STREQ(names[i], entries[0].name);
		if (result == 2 && i + 1 < LISTED) {
			ASSERT_STREQ(names[i + 1], entries[1].name);
			ASSERT_EQ(MAILBOX_DEFAULT_CAPACITY, entries[1].capacity);
		}
		if (i + result < LISTED)
			ASSERT_EQ(1, more);
		snprintf(after, sizeof(after), "%s", entries[result - 1].name);
	}

	/* one by one, through all that there are */
	memset(&entry, 0, sizeof(entry));
	for (found = 0; (result = mailbox_next(&entry, &self->error)) > 0;)
		if (!strncmp(entry.name, self->name, strlen(self->name)))
			EXPECT_STREQ(names[found++], entry.name);
	EXPECT_EQ(0, result);
	EXPECT_EQ(LISTED, found);

	EXPECT_EQ(-EINVAL, mailbox_list(NULL, entries, 0, NULL, &self->error));
	EXPECT_STREQ("member 'count' is out of range: at least 1 (EINVAL)",
		     why(&self->error, MAILBOX_IOC_LIST));
	for (i = 0; i < LISTED; i++)
		close(fds[i]);
}

TEST_F(library, device_and_ioctl)
{
	struct mailbox_create create = {
		.name = (uintptr_t)self->name,
		.rights = MAILBOX_RIGHT_SEND,
		.mode = 0600,
		.capacity = 1,
	};
	int device = mailbox_device(&self->error);

	ASSERT_LE(0, device);
	EXPECT_EQ(FD_CLOEXEC, fcntl(device, F_GETFD));
	ASSERT_EQ(0, mailbox_ioctl(device, MAILBOX_IOC_CREATE, &create));
	EXPECT_EQ(1, create.created);
	close(create.fd);
	/* the other kind of file */
	EXPECT_EQ(-ENOTTY, mailbox_send(device, "x", 1, 0, 0, &self->error));
	EXPECT_EQ(-ENOTTY, self->error.code);
	close(device);
}

TEST_F(library, errors_before_the_module)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	EXPECT_EQ(-EBADF, mailbox_send(-1, "x", 1, 0, 0, &self->error));
	EXPECT_STREQ("not an open descriptor (EBADF)",
		     why(&self->error, MAILBOX_IOC_SEND));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOTTY, mailbox_send(fd, "x", 1, 0, 0, &self->error));
	EXPECT_STREQ("the descriptor is not of the kind that this call is for (ENOTTY)",
		     why(&self->error, MAILBOX_IOC_SEND));
	close(fd);
}

TEST_F(library, nobody_left)
{
	char byte;
	int sender = mailbox_dup(self->fd, MAILBOX_RIGHT_SEND, 0, NULL);
	int receiver = mailbox_dup(self->fd, MAILBOX_RIGHT_RECEIVE, 0, NULL);
	int fd = self->fd;

	ASSERT_LE(0, sender);
	ASSERT_LE(0, receiver);
	self->fd = sender;
	close(fd);
	close(receiver);
	EXPECT_EQ(-EPIPE, mailbox_send(sender, "x", 1, 0, 0, &self->error));
	EXPECT_STREQ("nobody is left who could receive (EPIPE)",
		     why(&self->error, MAILBOX_IOC_SEND));

	fd = mailbox_create(NULL, 0, MAILBOX_RIGHT_RECEIVE, 0, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPIPE, mailbox_receive(fd, &byte, 1, NULL, &self->error));
	EXPECT_STREQ("no such message is there, and nobody is left who could send (EPIPE)",
		     why(&self->error, MAILBOX_IOC_RECEIVE));
	close(fd);
}

/* --- signals and threads ------------------------------------------------- */

struct waiting {
	int fd;
	int64_t deadline;
	pthread_t thread;
	pid_t tid;
	int done;
	ssize_t result;
	struct mailbox_error error;
};

static void *wait_for_message(void *argument)
{
	struct waiting *waiting = argument;
	char byte;

	__atomic_store_n(&waiting->tid, (pid_t)syscall(SYS_gettid),
			 __ATOMIC_RELEASE);
	waiting->result = mailbox_timedreceive(waiting->fd, &byte, 1,
					       waiting->deadline, NULL,
					       &waiting->error);
	__atomic_store_n(&waiting->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int start_waiting(struct waiting *waiting)
{
	if (pthread_create(&waiting->thread, NULL, wait_for_message, waiting))
		return -EAGAIN;
	if (!MBX_UNTIL(__atomic_load_n(&waiting->tid, __ATOMIC_ACQUIRE)) ||
	    !mbx_wait_asleep(waiting->tid, SYS_ioctl))
		return -ETIME;
	return 0;
}

TEST_F(library, a_signal_ends_a_wait)
{
	struct waiting waiting = {
		.fd = self->fd, .deadline = MAILBOX_FOREVER,
	};

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	ASSERT_EQ(0, start_waiting(&waiting));
	ASSERT_EQ(0, pthread_kill(waiting.thread, SIGUSR1));
	pthread_join(waiting.thread, NULL);
	EXPECT_EQ(-EINTR, waiting.result);
	EXPECT_STREQ("interrupted by a signal (EINTR)",
		     why(&waiting.error, MAILBOX_IOC_RECEIVE));
}

TEST_F(library, a_signal_that_restarts_keeps_the_deadline)
{
	struct waiting waiting = {
		.fd = self->fd, .deadline = mailbox_deadline_ms(300),
	};

	ASSERT_EQ(0, mbx_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, start_waiting(&waiting));
	while (!__atomic_load_n(&waiting.done, __ATOMIC_ACQUIRE)) {
		pthread_kill(waiting.thread, SIGUSR1);
		mbx_pause(0);
	}
	pthread_join(waiting.thread, NULL);
	EXPECT_EQ(-ETIMEDOUT, waiting.result);
	EXPECT_EQ(waiting.deadline, waiting.error.value);
	EXPECT_LE(waiting.deadline, mbx_now());
}

TEST_F(library, a_cancelled_thread_takes_nothing_along)
{
	struct waiting waiting = {
		.fd = self->fd, .deadline = MAILBOX_FOREVER,
	};
	void *result;

	ASSERT_EQ(0, start_waiting(&waiting));
	ASSERT_EQ(0, pthread_cancel(waiting.thread));
	/* the wait is no cancellation point: it ends with its message */
	ASSERT_EQ(0, mailbox_send(self->fd, "x", 1, 0, 0, NULL));
	ASSERT_EQ(0, pthread_join(waiting.thread, &result));
	EXPECT_EQ(1, waiting.result);
}

#define THREADS		8
#define MESSAGES	200

struct worker {
	int fd;
	uint64_t sum;
	int failed;
};

static void *produce(void *argument)
{
	struct worker *worker = argument;
	uint32_t number;

	for (number = 1; number <= MESSAGES; number++)
		if (mailbox_send(worker->fd, &number, sizeof(number),
				 number % 3, number, NULL))
			worker->failed = 1;
	return NULL;
}

static void *consume(void *argument)
{
	struct worker *worker = argument;
	struct mailbox_error error;
	ssize_t length;
	uint32_t number;

	for (;;) {
		length = mailbox_receive(worker->fd, &number, sizeof(number),
					 NULL, &error);
		if (length == -EPIPE)
			break;
		if (length != sizeof(number)) {
			worker->failed = 1;
			break;
		}
		worker->sum += number;
	}
	return NULL;
}

TEST_F(library, eight_threads)
{
	struct worker workers[THREADS] = { { 0 } };
	pthread_t threads[THREADS];
	uint64_t sum = 0;
	int i, receiver;

	/* half of them send, half receive, until the last sender has gone */
	receiver = mailbox_dup(self->fd, MAILBOX_RIGHT_RECEIVE, 0, NULL);
	ASSERT_LE(0, receiver);
	for (i = 0; i < THREADS; i++) {
		workers[i].fd = i % 2 ? receiver : self->fd;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    i % 2 ? consume : produce,
					    &workers[i]));
	}
	for (i = 0; i < THREADS; i += 2)
		pthread_join(threads[i], NULL);
	close(self->fd);
	for (i = 1; i < THREADS; i += 2)
		pthread_join(threads[i], NULL);
	self->fd = receiver;
	for (i = 0; i < THREADS; i++) {
		EXPECT_EQ(0, workers[i].failed);
		sum += workers[i].sum;
	}
	EXPECT_EQ(THREADS / 2 * (MESSAGES * (MESSAGES + 1) / 2), sum);
}

TEST_HARNESS_MAIN
