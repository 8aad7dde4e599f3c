// SPDX-License-Identifier: GPL-2.0
/*
 * A mailbox as a file: read(2), write(2), their vectored kin, and a place in a
 * pipeline.
 *
 * features.rst rows with their test here:
 *   ordinary pipe: byte stream		rdwr.write_read, pipeline.through_a_filter
 *   ordinary pipe: end of file		rdwr.end_of_file, rdwr.sigpipe
 *   ordinary pipe: dup2 onto stdin/stdout	pipeline.through_a_filter
 */
#include "kselftest_harness.h"
#include "common.h"

#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

FIXTURE(rdwr)
{
	int fd, sender, receiver;
};

FIXTURE_SETUP(rdwr)
{
	self->fd = mbx_new(MAILBOX_POLICY_SHARED, 4);
	ASSERT_LE(0, self->fd);
	self->sender = mbx_dup(self->fd, MAILBOX_RIGHT_SEND);
	ASSERT_LE(0, self->sender);
	self->receiver = mbx_dup(self->fd, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, self->receiver);
}

FIXTURE_TEARDOWN(rdwr)
{
	close(self->receiver);
	close(self->sender);
	close(self->fd);
}

TEST_F(rdwr, write_read)
{
	struct mailbox_header header;
	char text[16] = "";

	ASSERT_EQ(5, write(self->sender, "first", 5));
	ASSERT_EQ(6, write(self->sender, "second", 6));
	/* a message at a time, though there is room for both */
	ASSERT_EQ(5, read(self->receiver, text, sizeof(text)));
	EXPECT_STREQ("first", text);
	ASSERT_EQ(0, mbx_get(self->fd, text, sizeof(text), 0, &header));
	EXPECT_STREQ("second", text);
	EXPECT_EQ(0, header.priority);
	EXPECT_EQ(0, header.tag);
	EXPECT_EQ(2, header.sequence);
	EXPECT_EQ(getpid(), header.pid);
}

TEST_F(rdwr, highest_priority_first)
{
	char text[4] = "";

	ASSERT_EQ(1, write(self->fd, "0", 1));
	ASSERT_EQ(0, mbx_put_tagged(self->fd, "9", 9, 9));
	ASSERT_EQ(1, read(self->fd, text, 4));
	EXPECT_EQ('9', text[0]);
	ASSERT_EQ(1, read(self->fd, text, 4));
	EXPECT_EQ('0', text[0]);
}

TEST_F(rdwr, writev_readv)
{
	char a[4] = "", b[16] = "";
	struct iovec out[] = { { "one", 3 }, { NULL, 0 }, { "twothree", 8 } };
	struct iovec in[] = { { a, 2 }, { b, 15 } };

	ASSERT_EQ(11, writev(self->fd, out, 3));
	EXPECT_EQ(1, mbx_depth(self->fd));
	ASSERT_EQ(11, readv(self->fd, in, 2));
	EXPECT_STREQ("on", a);
	EXPECT_STREQ("etwothree", b);
}

TEST_F(rdwr, too_small_a_buffer)
{
	char text[8] = "";

	ASSERT_EQ(6, write(self->fd, "sixsix", 6));
	EXPECT_EQ(-1, read(self->fd, text, 5));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(1, mbx_depth(self->fd));
	ASSERT_EQ(6, read(self->fd, text, 6));
	EXPECT_STREQ("sixsix", text);
}

TEST_F(rdwr, write_of_nothing_sends_nothing)
{
	struct iovec none = { NULL, 0 };
	struct mailbox_stat stat;

	EXPECT_EQ(0, write(self->fd, "", 0));
	EXPECT_EQ(0, writev(self->fd, &none, 1));
	EXPECT_EQ(0, writev(self->fd, &none, 0));
	ASSERT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.depth);
	EXPECT_EQ(0, stat.sent);
}

TEST_F(rdwr, read_of_nothing_does_not_wait)
{
	char text[8];

	EXPECT_EQ(0, read(self->fd, text, 0));
	ASSERT_EQ(0, mbx_put(self->fd, "x", 0));
	EXPECT_EQ(0, read(self->fd, text, 0));
	EXPECT_EQ(1, mbx_depth(self->fd));
}

TEST_F(rdwr, too_long)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_MESSAGE_MAX, .message_max = 3 };

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	EXPECT_EQ(-1, write(self->fd, "four", 4));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(3, write(self->fd, "six", 3));
}

TEST_F(rdwr, large)
{
	size_t size = 1 << 20, i;
	uint32_t *out = malloc(size), *in = calloc(1, size);

	ASSERT_NE(NULL, out);
	ASSERT_NE(NULL, in);
	for (i = 0; i < size / 4; i++)
		out[i] = i * 2654435761u;
	ASSERT_EQ(size, write(self->fd, out, size));
	ASSERT_EQ(size, read(self->fd, in, size));
	EXPECT_EQ(0, memcmp(out, in, size));
	free(in);
	free(out);
}

TEST_F(rdwr, rights)
{
	char text[4];

	EXPECT_EQ(-1, write(self->receiver, "x", 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, read(self->sender, text, 4));
	EXPECT_EQ(EBADF, errno);
}

TEST_F(rdwr, nonblock)
{
	char text[4];
	int i;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(self->fd, text, 4));
	EXPECT_EQ(EAGAIN, errno);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(1, read(self->fd, text, 4));
	EXPECT_EQ(1, write(self->fd, "x", 1));
}

TEST_F(rdwr, end_of_file)
{
	char text[4];

	ASSERT_EQ(1, write(self->sender, "x", 1));
	close(self->sender);
	close(self->fd);
	self->sender = self->fd = -1;
	EXPECT_EQ(1, read(self->receiver, text, 4));
	EXPECT_EQ(0, read(self->receiver, text, 4));
	EXPECT_EQ(0, read(self->receiver, text, 4));
}

static volatile sig_atomic_t pipes;

static void count_pipes(int number)
{
	pipes++;
}

TEST_F(rdwr, sigpipe)
{
	struct sigaction action = { .sa_handler = count_pipes };
	struct iovec one = { "x", 1 };

	ASSERT_EQ(0, sigaction(SIGPIPE, &action, NULL));
	close(self->receiver);
	close(self->fd);
	self->receiver = self->fd = -1;
	EXPECT_EQ(-1, write(self->sender, "x", 1));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(1, pipes);
	EXPECT_EQ(-1, writev(self->sender, &one, 1));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(2, pipes);
	/* SEND raises none */
	EXPECT_EQ(-EPIPE, mbx_put(self->sender, "x", 0));
	EXPECT_EQ(2, pipes);
}

static void *reader(void *argument)
{
	static char text[16];
	long result;

	result = read(*(int *)argument, text, sizeof(text));
	return (void *)(result < 0 ? -errno : result);
}

TEST_F(rdwr, read_waits)
{
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, pthread_create(&thread, NULL, reader, &self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	ASSERT_EQ(3, write(self->fd, "now", 3));
	pthread_join(thread, &result);
	EXPECT_EQ(3, (long)result);
}

TEST_F(rdwr, interrupted_read)
{
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, reader, &self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, &result);
	EXPECT_EQ(-EINTR, (long)result);
}

TEST_F(rdwr, restarted_read)
{
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, mbx_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, pthread_create(&thread, NULL, reader, &self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 0, 1));
	pthread_kill(thread, SIGUSR1);
	ASSERT_EQ(5, write(self->fd, "after", 5));
	pthread_join(thread, &result);
	EXPECT_EQ(5, (long)result);
}

static void *writer(void *argument)
{
	long result = write(*(int *)argument, "waited", 6);

	return (void *)(result < 0 ? -errno : result);
}

TEST_F(rdwr, write_waits)
{
	pthread_t thread;
	void *result;
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, write(self->fd, "x", 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, writer, &self->fd));
	ASSERT_TRUE(mbx_wait_waiters(self->fd, 1, 0));
	EXPECT_STREQ("x", mbx_next(self->fd));
	pthread_join(thread, &result);
	EXPECT_EQ(6, (long)result);
}

/* It has no place to seek to. */
TEST_F(rdwr, no_position)
{
	char text[4];

	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->fd, text, 4, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwrite(self->fd, "x", 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(1, mbx_depth(self->fd));
}

/* splice(2) and sendfile(2) refuse, or move a message whole; none is lost. */
TEST_F(rdwr, splice)
{
	char text[32] = "";
	int pipes[2];
	ssize_t n;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(6, write(self->fd, "splice", 6));
	n = splice(self->receiver, NULL, pipes[1], NULL, 4096, SPLICE_F_NONBLOCK);
	if (n < 0) {
		EXPECT_EQ(EINVAL, errno);
		EXPECT_STREQ("splice", mbx_next(self->fd));
	} else {
		EXPECT_EQ(6, n);
		EXPECT_EQ(6, read(pipes[0], text, sizeof(text)));
		EXPECT_STREQ("splice", text);
	}
	EXPECT_EQ(0, mbx_depth(self->fd));

	ASSERT_EQ(4, write(pipes[1], "into", 4));
	n = splice(pipes[0], NULL, self->sender, NULL, 4, SPLICE_F_NONBLOCK);
	if (n < 0) {
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(4, read(pipes[0], text, sizeof(text)));
		EXPECT_EQ(0, mbx_depth(self->fd));
	} else {
		EXPECT_EQ(4, n);
		EXPECT_STREQ("into", mbx_next(self->fd));
	}
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(rdwr, sendfile)
{
	FILE *file = tmpfile();
	ssize_t n;

	ASSERT_NE(NULL, file);
	ASSERT_EQ(4, write(fileno(file), "file", 4));
	ASSERT_EQ(0, lseek(fileno(file), 0, SEEK_SET));
	n = sendfile(self->sender, fileno(file), NULL, 4);
	if (n < 0) {
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(0, mbx_depth(self->fd));
	} else {
		EXPECT_EQ(4, n);
		EXPECT_STREQ("file", mbx_next(self->fd));
	}
	fclose(file);
}

/* --- in a pipeline --------------------------------------------------- */

FIXTURE(pipeline)
{
	int in_w, in_r, out_w, out_r;
};

FIXTURE_SETUP(pipeline)
{
	int in = mbx_new(MAILBOX_POLICY_SHARED, 2);
	int out = mbx_new(MAILBOX_POLICY_SHARED, 2);

	ASSERT_LE(0, in);
	ASSERT_LE(0, out);
	self->in_w = mbx_dup(in, MAILBOX_RIGHT_SEND);
	self->in_r = mbx_dup(in, MAILBOX_RIGHT_RECEIVE);
	self->out_w = mbx_dup(out, MAILBOX_RIGHT_SEND);
	self->out_r = mbx_dup(out, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, self->out_r);
	close(in);
	close(out);
}

FIXTURE_TEARDOWN(pipeline)
{
	close(self->in_w);
	close(self->in_r);
	close(self->out_w);
	close(self->out_r);
}

/* A program between two mailboxes, that knows of nothing but 0 and 1. */
TEST_F(pipeline, through_a_filter)
{
	char text[16], expected[16];
	pid_t filter;
	int i;

	filter = mbx_fork();
	ASSERT_LE(0, filter);
	if (!filter) {
		if (dup2(self->in_r, STDIN_FILENO) || dup2(self->out_w, STDOUT_FILENO) != 1)
			_exit(98);
		execl("/proc/self/exe", "rdwr_filter", NULL);
		_exit(99);
	}
	close(self->in_r);
	close(self->out_w);
	self->in_r = self->out_w = -1;
	for (i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "line %d\n", i);
		ASSERT_EQ(strlen(text), write(self->in_w, text, strlen(text)));
		snprintf(expected, sizeof(expected), "LINE %d\n", i);
		memset(text, 0, sizeof(text));
		ASSERT_EQ(strlen(expected), read(self->out_r, text, sizeof(text)));
		EXPECT_STREQ(expected, text);
	}
	close(self->in_w);
	self->in_w = -1;
	/* the filter sees the end, goes, and so there is an end here, too */
	EXPECT_EQ(0, read(self->out_r, text, sizeof(text)));
	EXPECT_EQ(0, mbx_join(filter));
}

/* A program that writes on to nobody dies by SIGPIPE, as it would of a pipe. */
TEST_F(pipeline, reader_goes_first)
{
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		signal(SIGPIPE, SIG_DFL);
		close(self->out_r);
		for (;;)
			if (write(self->out_w, "x", 1) < 0)
				_exit(1);
	}
	close(self->out_w);
	self->out_w = -1;
	ASSERT_TRUE(mbx_wait_waiters(self->out_r, 1, 0));
	close(self->out_r);
	self->out_r = -1;
	EXPECT_EQ(128 + SIGPIPE, mbx_join(child));
}

/* stdio on both ends, with its own buffer. */
TEST_F(pipeline, stdio)
{
	char line[32];
	FILE *out, *in;
	pid_t child = mbx_fork();
	int i;

	ASSERT_LE(0, child);
	if (!child) {
		close(self->out_r);
		out = fdopen(self->out_w, "w");
		if (!out)
			_exit(1);
		for (i = 0; i < 100; i++)
			fprintf(out, "number %d\n", i);
		_exit(fclose(out) ? 2 : 0);
	}
	close(self->out_w);
	self->out_w = -1;
	in = fdopen(self->out_r, "r");
	ASSERT_NE(NULL, in);
	setvbuf(in, NULL, _IOFBF, 1 << 16);
	for (i = 0; i < 100; i++) {
		char expected[32];

		snprintf(expected, sizeof(expected), "number %d\n", i);
		ASSERT_NE(NULL, fgets(line, sizeof(line), in));
		ASSERT_STREQ(expected, line);
	}
	EXPECT_EQ(NULL, fgets(line, sizeof(line), in));
	EXPECT_NE(0, feof(in));
	fclose(in);
	self->out_r = -1;
	EXPECT_EQ(0, mbx_join(child));
}

/* What pipeline.through_a_filter executes: capitals, until the end. */
static void __attribute__((constructor)) executed(int argc, char **argv)
{
	char text[64];
	ssize_t n, i;

	if (argc != 1 || strcmp(argv[0], "rdwr_filter"))
		return;
	while ((n = read(STDIN_FILENO, text, sizeof(text))) > 0) {
		for (i = 0; i < n; i++)
			if (text[i] >= 'a' && text[i] <= 'z')
				text[i] += 'A' - 'a';
		if (write(STDOUT_FILENO, text, n) != n)
			_exit(2);
	}
	_exit(n ? 1 : 0);
}

TEST_HARNESS_MAIN
