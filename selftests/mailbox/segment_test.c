// SPDX-License-Identifier: GPL-2.0
/*
 * Segments: made and found by name, attached here and there, and what is left
 * when a handle, a process or the mailbox goes.
 *
 * features.rst rows with their test here:
 *   segments by name, mode bits	segment.is_found_by_name
 *   survives detach with PERSIST	segment.survives_detach
 *   robust process-shared mutex	segment.robust_mutex
 */
#include "kselftest_harness.h"
#include "common.h"

#include <mailbox.h>
#include <setjmp.h>
#include <sys/mman.h>

#define SIZE	12288

static sigjmp_buf jump;

static void on_bus(int number)
{
	siglongjmp(jump, number);
}

/* Does a read end in SIGBUS? */
static bool dead(volatile char *place)
{
	struct sigaction action = { .sa_handler = on_bus }, before;
	bool bus = true;

	sigaction(SIGBUS, &action, &before);
	if (!sigsetjmp(jump, 1)) {
		(void)*place;
		bus = false;
	}
	sigaction(SIGBUS, &before, NULL);
	return bus;
}

FIXTURE(segment) {
	char name[MBX_NAME_SIZE];
	int fd;
	char *place;
	size_t size;
};

FIXTURE_SETUP(segment)
{
	mbx_name(self->name, "segment");
	self->fd = mailbox_segment(self->name, O_RDWR | O_CREAT | O_EXCL, 0, 0644, SIZE, NULL);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mailbox_attach(self->fd, NULL, PROT_READ | PROT_WRITE,
				    (void **)&self->place, &self->size, NULL));
	ASSERT_EQ(SIZE, self->size);
}

FIXTURE_TEARDOWN(segment)
{
	close(self->fd);
	mailbox_remove(self->name, NULL);
}

TEST_F(segment, is_found_by_name)
{
	int fd = mailbox_segment(self->name, O_RDONLY, 0, 0, 0, NULL);
	struct mailbox_error error;
	void *there;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EEXIST, mailbox_segment(self->name, O_RDWR | O_CREAT | O_EXCL, 0, 0600, 1,
					   NULL));
	EXPECT_EQ(-EACCES, mailbox_attach(fd, NULL, PROT_READ | PROT_WRITE, &there, NULL,
					  &error));
	EXPECT_EQ(MAILBOX_REASON_RIGHT, error.reason);
	EXPECT_EQ(MAILBOX_RIGHT_SEND, error.value);
	ASSERT_EQ(0, mailbox_attach(fd, NULL, PROT_READ, &there, NULL, NULL));
	strcpy(self->place + 5000, "shared");
	EXPECT_STREQ("shared", (char *)there + 5000);
	EXPECT_EQ(-1, mprotect(there, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, mailbox_detach(there, SIZE));

	/* where it is wished for, and nowhere else */
	EXPECT_EQ(-EEXIST, mailbox_attach(fd, self->place, PROT_READ, &there, NULL, NULL));
	EXPECT_EQ(0, mailbox_attach(fd, there, PROT_READ, &there, NULL, NULL));
	close(fd);
	EXPECT_STREQ("shared", (char *)there + 5000);
}

TEST_F(segment, carries_no_messages)
{
	int plain = mbx_new(MAILBOX_POLICY_SHARED, 1);
	struct mailbox_error error;
	struct mailbox_stat stat;
	void *there;

	EXPECT_EQ(-EBADF, mbx_put(self->fd, "x", MAILBOX_NONBLOCK));
	EXPECT_EQ(-EBADF, mbx_get(self->fd, (char[8]){}, 8, MAILBOX_NONBLOCK, NULL));
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->fd, (char[8]){}, 8));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-ENODEV, mailbox_attach(plain, NULL, PROT_READ, &there, NULL, &error));
	EXPECT_EQ(MAILBOX_REASON_POLICY, error.reason);
	close(plain);
	EXPECT_EQ(0, mbx_stat(self->fd, &stat));
	EXPECT_EQ(MAILBOX_POLICY_SEGMENT, stat.policy);
	EXPECT_EQ(SIZE, stat.capacity);
}

TEST_F(segment, survives_detach)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_error error;
	void *place;
	int fd;

	fd = mailbox_segment(mbx_name(name, "kept"), O_RDWR | O_CREAT | O_EXCL,
			     MAILBOX_CREATE_PERSIST, 0600, SIZE, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mailbox_attach(fd, NULL, PROT_READ | PROT_WRITE, &place, NULL, NULL));
	strcpy(place, "kept");
	EXPECT_EQ(0, mailbox_detach(place, SIZE));
	close(fd);
	fd = mailbox_segment(name, O_RDONLY, 0, 0, 0, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mailbox_attach(fd, NULL, PROT_READ, &place, NULL, NULL));
	EXPECT_STREQ("kept", place);
	EXPECT_EQ(0, mailbox_remove(name, NULL));
	/* removed, and there for those that have it, but for nobody more */
	EXPECT_STREQ("kept", place);
	EXPECT_EQ(-ENOENT, mailbox_segment(name, O_RDONLY, 0, 0, 0, NULL));
	EXPECT_EQ(-EIDRM, mailbox_attach(fd, NULL, PROT_READ, &place, NULL, &error));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, error.reason);
	close(fd);
}

TEST_F(segment, destroyed_now_is_gone_for_all)
{
	struct mailbox_destroy destroy = { .flags = MAILBOX_DESTROY_NOW };
	int admin = mbx_open(self->name, MAILBOX_RIGHT_ADMIN);
	int plain = mbx_new(MAILBOX_POLICY_SHARED, 1);

	ASSERT_LE(0, admin);
	EXPECT_EQ(-EINVAL, mbx_ioctl(plain, MAILBOX_IOC_DESTROY, &destroy));
	EXPECT_EQ(MAILBOX_REASON_POLICY, destroy.error.reason);
	EXPECT_FALSE(dead(self->place));
	EXPECT_EQ(0, mbx_ioctl(admin, MAILBOX_IOC_DESTROY, &destroy));
	EXPECT_TRUE(dead(self->place));
	EXPECT_EQ(-EIDRM, mbx_ioctl(admin, MAILBOX_IOC_DESTROY, &destroy));
	EXPECT_EQ(MAILBOX_REASON_DESTROYED, destroy.error.reason);
}

TEST_F(segment, is_paid_for_by_its_maker)
{
	struct mailbox_info before, after;
	int fd;

	ASSERT_EQ(0, mbx_info(self->fd, &before));
	fd = mailbox_segment(NULL, O_RDWR | O_CREAT, 0, 0, 100000, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_info(self->fd, &after));
	EXPECT_LE(before.user_bytes + 100000, after.user_bytes);
	close(fd);
	ASSERT_EQ(0, mbx_info(self->fd, &after));
	EXPECT_EQ(before.user_bytes, after.user_bytes);

	/* nor can who keeps a handle keep it charged */
	fd = mbx_new(MAILBOX_POLICY_SEGMENT, 100000);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_destroy(fd, NULL));
	ASSERT_EQ(0, mbx_info(self->fd, &after));
	EXPECT_EQ(before.user_bytes, after.user_bytes);
	EXPECT_EQ(before.user_mailboxes, after.user_mailboxes);
	close(fd);
}

/* Who dies with the mutex leaves it to the next, who is told. */
TEST_F(segment, robust_mutex)
{
	struct {
		pthread_mutex_t mutex;
		pthread_cond_t condition;
		int turn;
	} *shared = (void *)self->place;
	pthread_mutexattr_t mutex;
	pthread_condattr_t condition;
	pid_t child;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	ASSERT_EQ(0, pthread_mutex_init(&shared->mutex, &mutex));
	pthread_condattr_init(&condition);
	pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
	ASSERT_EQ(0, pthread_cond_init(&shared->condition, &condition));

	child = mbx_fork();
	if (!child) {
		pthread_mutex_lock(&shared->mutex);
		while (!shared->turn)
			pthread_cond_wait(&shared->condition, &shared->mutex);
		_exit(0);	/* with the mutex */
	}
	pthread_mutex_lock(&shared->mutex);
	shared->turn = 1;
	pthread_cond_signal(&shared->condition);
	pthread_mutex_unlock(&shared->mutex);
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(&shared->mutex));
	EXPECT_EQ(0, pthread_mutex_consistent(&shared->mutex));
	EXPECT_EQ(0, pthread_mutex_unlock(&shared->mutex));
}

TEST_HARNESS_MAIN
