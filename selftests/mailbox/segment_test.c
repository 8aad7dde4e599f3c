// SPDX-License-Identifier: GPL-2.0
/*
 * Segments: made and found by name, attached here and there, and what is left
 * when a handle, a process or the mailbox goes.
 *
 * features.rst rows with their test here:
 *   segments by name		segment.is_found_by_name, create_finds
 *   mode bits			segment.mode_refuses_others
 *   survives detach with PERSIST	segment.survives_detach
 *   process-shared semaphores	segment.semaphores
 *   mutexes, condition variables	segment.mutex_and_condition
 *   robust process-shared mutex	segment.robust_mutex
 */
#include "kselftest_harness.h"
#include "common.h"

#include <mailbox.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SIZE	12288
#define OTHER	61101

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
	EXPECT_EQ(-EINVAL, mailbox_attach(fd, (char *)there + 8, PROT_READ, &there, NULL, NULL));
	EXPECT_EQ(0, mailbox_attach(fd, there, PROT_READ, &there, NULL, NULL));
	close(fd);
	EXPECT_STREQ("shared", (char *)there + 5000);
}

/* As shm_open(3): what the segment is to be is ignored where there is one. */
TEST_F(segment, create_finds)
{
	static const size_t sizes[] = { 1, SIZE, 1 << 20 };
	struct mailbox_create create = {
		.name = MBX_PTR(self->name),
		.rights = MAILBOX_RIGHT_RECEIVE,
		.policy = MAILBOX_POLICY_SEGMENT,
		.mode = 0600,
		.created = 77,
		.capacity = 1,
	};
	struct mailbox_info before, after;
	struct mailbox_error error;
	struct mailbox_stat stat;
	size_t size;
	char *there;
	int fd;

	strcpy(self->place, "first");
	strcpy(self->place + SIZE - 8, "last");
	ASSERT_EQ(0, mbx_info(self->fd, &before));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		fd = mailbox_segment(self->name, O_RDWR | O_CREAT, MAILBOX_CREATE_PERSIST, 0666,
				     sizes[i], NULL);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, mbx_stat(fd, &stat));
		EXPECT_EQ(SIZE, stat.capacity);
		EXPECT_EQ(0644, stat.mode);
		EXPECT_EQ(0, stat.flags & MAILBOX_CREATE_PERSIST);
		EXPECT_EQ(2, stat.handles);
		ASSERT_EQ(0, mailbox_attach(fd, NULL, PROT_READ | PROT_WRITE, (void **)&there,
					    &size, NULL));
		EXPECT_EQ(SIZE, size);
		EXPECT_STREQ("first", there);
		EXPECT_STREQ("last", there + SIZE - 8);
		EXPECT_EQ(0, mailbox_detach(there, size));
		close(fd);
	}
	ASSERT_LE(0, mbx_create(&create));
	EXPECT_EQ(0, create.created);
	close(create.fd);

	/* but it is checked for sense */
	EXPECT_EQ(-EINVAL, mailbox_segment(self->name, O_RDWR | O_CREAT, 0, 0600, 0, NULL));
	EXPECT_EQ(-EINVAL, mailbox_segment(self->name, O_RDWR | O_CREAT, 0, 0600,
					   MAILBOX_SEGMENT_MAX + (size_t)1, NULL));
	EXPECT_EQ(-EEXIST, mailbox_segment(self->name, O_RDWR | O_CREAT | O_EXCL, 0, 0600, SIZE,
					   &error));
	EXPECT_EQ(MAILBOX_REASON_NAME_TAKEN, error.reason);
	EXPECT_STREQ("first", self->place);

	/* nobody paid for another one */
	ASSERT_EQ(0, mbx_info(self->fd, &after));
	EXPECT_EQ(before.user_bytes, after.user_bytes);
	EXPECT_EQ(before.user_mailboxes, after.user_mailboxes);

	/* and where there is none, it is made */
	ASSERT_EQ(0, mailbox_remove(self->name, NULL));
	ASSERT_LE(0, mbx_create(&create));
	EXPECT_EQ(1, create.created);
	ASSERT_EQ(0, mailbox_attach(create.fd, NULL, PROT_READ, (void **)&there, &size, NULL));
	EXPECT_EQ(1, size);
	EXPECT_EQ(0, there[0]);
	close(create.fd);
}

/* Another user's open of such a name: 0, or what went wrong. */
static int try_mode(const char *name, int oflag, unsigned int refused)
{
	bool writes = (oflag & O_ACCMODE) == O_RDWR;
	unsigned int rights = MAILBOX_RIGHT_RECEIVE | (writes ? MAILBOX_RIGHT_SEND : 0);
	int fd, protection = PROT_READ | (writes ? PROT_WRITE : 0);
	struct mailbox_error error;
	char *place;

	refused &= rights;
	fd = mailbox_segment(name, oflag, 0, oflag & O_CREAT ? 0666 : 0, SIZE, &error);
	if (refused)
		return fd != -EACCES ? 1 : error.reason != MAILBOX_REASON_MODE ? 2 :
		       error.value != refused ? 3 : 0;
	if (fd < 0)
		return 4;
	if (mailbox_attach(fd, NULL, protection, (void **)&place, NULL, NULL))
		return 5;
	if (strcmp(place, "private"))
		return 6;
	if (writes) {
		strcpy(place + 4096, "written");
		return 0;
	}
	/* what the name did not give, the page tables do not */
	if (!mprotect(place, SIZE, PROT_READ | PROT_WRITE))
		return 7;
	return mailbox_attach(fd, NULL, PROT_READ | PROT_WRITE, (void **)&place, NULL,
			      NULL) != -EACCES ? 8 : 0;
}

/* To read asks for r, to write for r and w; and CREAT, which finds it, asks the same. */
TEST_F(segment, mode_refuses_others)
{
	static const struct {
		mode_t mode;
		unsigned int refused;
	} cases[] = {
		{ 0444, MAILBOX_RIGHT_SEND },
		{ 0664, MAILBOX_RIGHT_SEND },
		/* what is mapped to be written can be read */
		{ 0222, MAILBOX_RIGHT_RECEIVE },
		{ 0660, MAILBOX_RIGHT_RECEIVE | MAILBOX_RIGHT_SEND },
		{ 0006, 0 },
	};
	static const int oflags[] = { O_RDONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDWR | O_CREAT };
	mode_t mask = umask(0);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[MBX_NAME_SIZE], *place;
		int fd = mailbox_segment(mbx_name(name, "mode"), O_RDWR | O_CREAT | O_EXCL, 0,
					 cases[i].mode, SIZE, NULL);

		/* who makes it has what it asks for */
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, mailbox_attach(fd, NULL, PROT_READ | PROT_WRITE, (void **)&place,
					    NULL, NULL));
		strcpy(place, "private");
		for (size_t j = 0; j < ARRAY_SIZE(oflags); j++) {
			pid_t child = mbx_fork();

			if (!child)
				_exit(mbx_become(OTHER) ? 99 :
				      try_mode(name, oflags[j], cases[i].refused));
			EXPECT_EQ(0, mbx_join(child)) {
				TH_LOG("mode %04o, flags %x", cases[i].mode, oflags[j]);
			}
		}
		EXPECT_STREQ(cases[i].refused ? "" : "written", place + 4096);
		EXPECT_EQ(0, mailbox_detach(place, SIZE));
		close(fd);
	}
	umask(mask);
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

/*
 * For a child that shall be as one that never met its parent: what it inherited goes,
 * and the name is all it has.  Returns the segment, which is elsewhere, or NULL.
 */
static void *find_elsewhere(FIXTURE_DATA(segment) *self)
{
	void *place;
	int fd;

	close(self->fd);
	/* in its place is something else */
	if (mmap(self->place, self->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		return NULL;
	fd = mailbox_segment(self->name, O_RDWR, 0, 0, 0, NULL);
	if (fd < 0 || mailbox_attach(fd, NULL, PROT_READ | PROT_WRITE, &place, NULL, NULL))
		place = NULL;
	close(fd);
	return place;
}

/* They count, and wake who sleeps, this way and back. */
TEST_F(segment, semaphores)
{
	struct {
		sem_t there;
		sem_t back;
	} *shared = (void *)self->place;
	int value;
	pid_t child;

	ASSERT_EQ(0, sem_init(&shared->there, 1, 2));
	ASSERT_EQ(0, sem_init(&shared->back, 1, 0));
	child = mbx_fork();
	if (!child) {
		shared = find_elsewhere(self);
		if (!shared)
			_exit(1);
		if (sem_trywait(&shared->there) || sem_trywait(&shared->there) ||
		    !sem_trywait(&shared->there) || errno != EAGAIN)
			_exit(2);
		if (sem_wait(&shared->there))
			_exit(3);
		if (!mbx_wait_asleep(getppid(), SYS_futex))
			_exit(4);
		_exit(sem_post(&shared->back) || sem_post(&shared->back));
	}
	ASSERT_TRUE(mbx_wait_asleep(child, SYS_futex));
	EXPECT_EQ(0, sem_post(&shared->there));
	EXPECT_EQ(0, sem_wait(&shared->back));
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_EQ(0, sem_getvalue(&shared->back, &value));
	EXPECT_EQ(1, value);
	EXPECT_EQ(0, sem_getvalue(&shared->there, &value));
	EXPECT_EQ(0, value);
}

/* Two that sleep at the mutex, then at the condition, and are woken each time. */
TEST_F(segment, mutex_and_condition)
{
	struct {
		pthread_mutex_t mutex;
		pthread_cond_t condition;
		int entered;
		int turn;
		int done;
	} *shared = (void *)self->place;
	pthread_mutexattr_t mutex;
	pthread_condattr_t condition;
	pid_t children[2];

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	ASSERT_EQ(0, pthread_mutex_init(&shared->mutex, &mutex));
	pthread_condattr_init(&condition);
	pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
	ASSERT_EQ(0, pthread_cond_init(&shared->condition, &condition));

	ASSERT_EQ(0, pthread_mutex_lock(&shared->mutex));
	for (int i = 0; i < 2; i++) {
		children[i] = mbx_fork();
		if (children[i])
			continue;
		shared = find_elsewhere(self);
		if (!shared)
			_exit(1);
		if (pthread_mutex_trylock(&shared->mutex) != EBUSY ||
		    pthread_mutex_lock(&shared->mutex))
			_exit(2);
		shared->entered++;
		while (!shared->turn)
			if (pthread_cond_wait(&shared->condition, &shared->mutex))
				_exit(3);
		shared->done++;
		_exit(pthread_mutex_unlock(&shared->mutex));
	}
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(mbx_wait_asleep(children[i], SYS_futex));
	}
	EXPECT_EQ(0, shared->entered);
	EXPECT_EQ(0, pthread_mutex_unlock(&shared->mutex));
	ASSERT_TRUE(MBX_UNTIL(__atomic_load_n(&shared->entered, __ATOMIC_ACQUIRE) == 2));
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(mbx_wait_asleep(children[i], SYS_futex));
	}
	/* neither sleeps with it */
	ASSERT_EQ(0, pthread_mutex_lock(&shared->mutex));
	EXPECT_EQ(0, shared->done);
	shared->turn = 1;
	EXPECT_EQ(0, pthread_cond_broadcast(&shared->condition));
	EXPECT_EQ(0, pthread_mutex_unlock(&shared->mutex));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, mbx_join(children[i]));
	EXPECT_EQ(2, shared->done);
}

/*
 * Who dies with the mutex leaves it to the next, who is told: to who sleeps for it, and
 * then to who comes later.  That the sleeper is woken in another process is the kernel's
 * doing here; that PTHREAD_PROCESS_SHARED is needed for it, mutex_and_condition shows,
 * since glibc makes each robust mutex a shared one.
 */
TEST_F(segment, robust_mutex)
{
	struct {
		pthread_mutex_t mutex;
		pthread_cond_t condition;
		int turn;
		int owned;
		int leave;
	} *shared = (void *)self->place;
	pthread_mutexattr_t mutex;
	pthread_condattr_t condition;
	pid_t owner, heir;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	ASSERT_EQ(0, pthread_mutex_init(&shared->mutex, &mutex));
	pthread_condattr_init(&condition);
	pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
	ASSERT_EQ(0, pthread_cond_init(&shared->condition, &condition));

	owner = mbx_fork();
	if (!owner) {
		shared = find_elsewhere(self);
		if (!shared)
			_exit(1);
		pthread_mutex_lock(&shared->mutex);
		while (!shared->turn)
			pthread_cond_wait(&shared->condition, &shared->mutex);
		__atomic_store_n(&shared->owned, 1, __ATOMIC_RELEASE);
		/* with the mutex, in any case */
		_exit(!MBX_UNTIL(__atomic_load_n(&shared->leave, __ATOMIC_ACQUIRE)));
	}
	pthread_mutex_lock(&shared->mutex);
	shared->turn = 1;
	pthread_cond_signal(&shared->condition);
	pthread_mutex_unlock(&shared->mutex);
	ASSERT_TRUE(MBX_UNTIL(__atomic_load_n(&shared->owned, __ATOMIC_ACQUIRE)));

	heir = mbx_fork();
	if (!heir) {
		shared = find_elsewhere(self);
		if (!shared)
			_exit(1);
		if (pthread_mutex_trylock(&shared->mutex) != EBUSY)
			_exit(2);
		if (pthread_mutex_lock(&shared->mutex) != EOWNERDEAD)
			_exit(3);
		_exit(pthread_mutex_consistent(&shared->mutex));	/* with the mutex */
	}
	ASSERT_TRUE(mbx_wait_asleep(heir, SYS_futex));
	__atomic_store_n(&shared->leave, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0, mbx_join(owner));
	EXPECT_EQ(0, mbx_join(heir));
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(&shared->mutex));
	EXPECT_EQ(0, pthread_mutex_consistent(&shared->mutex));
	EXPECT_EQ(0, pthread_mutex_unlock(&shared->mutex));
}

TEST_HARNESS_MAIN
