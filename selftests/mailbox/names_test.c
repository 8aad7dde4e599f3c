// SPDX-License-Identifier: GPL-2.0
/*
 * Names: how a mailbox is made and found by one, who may open it, how long it
 * stays, who sees it, and their listing.
 *
 * features.rst rows with their test here:
 *   POSIX mq: names, modes		names.*, mode.*.open, umask_counts
 *   named pipe: unrelated processes	unrelated_processes_meet
 *   SysV msg: keys, ipcs, ipcrm	names.create_finds, list.*, persist_stays
 *   shared memory: CREAT, EXCL, mode	names.exclusive, mode.*.open
 *   port mapper: list services		list.*
 *   security: modes, namespaces	mode.*.open, administration.*, namespace_*
 */
#include "kselftest_harness.h"
#include <sys/resource.h>

#include "common.h"

#include <sys/stat.h>

FIXTURE(names)
{
	int fd;
	char name[MBX_NAME_SIZE];
};

FIXTURE_SETUP(names)
{
	self->fd = mbx_new_named(mbx_name(self->name, "names"), 4);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(names)
{
	close(self->fd);
}

/* What a user may do is each mailbox's matter, and the quotas'. */
TEST(device_is_for_everyone)
{
	struct stat stat_of;
	pid_t child;

	ASSERT_EQ(0, stat(MBX_DEVICE, &stat_of));
	EXPECT_EQ(S_IFCHR | 0666, stat_of.st_mode);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		int fd;

		if (mbx_become(65534))
			_exit(1);
		fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
		_exit(fd < 0 || mbx_put(fd, "x", 0) || strcmp(mbx_next(fd), "x"));
	}
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(names, open_finds)
{
	int fd = mbx_open(self->name, MAILBOX_RIGHT_RECEIVE);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_put(self->fd, "through the name", 0));
	EXPECT_STREQ("through the name", mbx_next(fd));
	close(fd);
}

TEST_F(names, exclusive)
{
	struct mailbox_create attr = {
		.name = MBX_PTR(self->name),
		.flags = MAILBOX_CREATE_EXCL,
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0600,
		.capacity = 4,
	};

	ASSERT_EQ(-EEXIST, mbx_create(&attr));
	EXPECT_EQ(-EEXIST, attr.error.code);
	EXPECT_EQ(MAILBOX_REASON_NAME_TAKEN, attr.error.reason);
}

/* As mq_open(3): what the mailbox is to be is ignored where there is one. */
TEST_F(names, create_finds)
{
	struct mailbox_create attr = {
		.name = MBX_PTR(self->name),
		.rights = MAILBOX_RIGHT_SEND,
		.policy = MAILBOX_POLICY_BROADCAST,
		.slow = MAILBOX_SLOW_LOSE,
		.mode = 0666,
		.capacity = 77,
		.message_max = 77,
		.created = 77,
	};
	struct mailbox_stat mine, its;
	int fd = mbx_create(&attr);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, attr.created);
	ASSERT_EQ(0, mbx_stat(self->fd, &mine));
	ASSERT_EQ(0, mbx_stat(fd, &its));
	EXPECT_EQ(mine.id, its.id);
	EXPECT_EQ(4, its.capacity);
	EXPECT_EQ(MAILBOX_POLICY_SHARED, its.policy);
	EXPECT_EQ(0600, its.mode);
	EXPECT_EQ(MAILBOX_RIGHT_SEND, its.rights);
	EXPECT_EQ(2, its.handles);
	close(fd);
}

TEST_F(names, unknown)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_open attr = {
		.name = MBX_PTR(mbx_name(name, "nobody")),
		.rights = MAILBOX_RIGHT_SEND,
	};

	ASSERT_EQ(-ENOENT, mbx_on_device(MAILBOX_IOC_OPEN, &attr));
	EXPECT_EQ(-ENOENT, attr.error.code);
	EXPECT_EQ(MAILBOX_REASON_NAME_UNKNOWN, attr.error.reason);
}

TEST_F(names, goes_with_its_last_handle)
{
	int other = mbx_open(self->name, MAILBOX_RIGHT_SEND);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, mbx_put(self->fd, "kept", 0));
	close(self->fd);
	/* the last receiver has gone, but by its name it can have others */
	ASSERT_EQ(0, mbx_put(other, "more", 0));
	self->fd = mbx_open(self->name, MAILBOX_RIGHT_RECEIVE);
	ASSERT_LE(0, self->fd);
	EXPECT_STREQ("kept", mbx_next(self->fd));
	close(other);
	EXPECT_STREQ("more", mbx_next(self->fd));
	/* nor is it the end that the last sender has gone */
	EXPECT_STREQ("<11>", mbx_next(self->fd));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(-ENOENT, mbx_open(self->name, MAILBOX_RIGHT_SEND));
}

TEST_F(names, free_after_destroy_though_handles_are_left)
{
	struct mailbox_stat old, new;
	int fd;

	ASSERT_EQ(0, mbx_destroy(self->fd, NULL));
	EXPECT_EQ(-ENOENT, mbx_open(self->name, MAILBOX_RIGHT_SEND));
	fd = mbx_new_named(self->name, 1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_stat(fd, &new));
	ASSERT_EQ(0, mbx_stat(self->fd, &old));
	EXPECT_NE(old.id, new.id);
	EXPECT_STREQ(self->name, new.name);
	EXPECT_STREQ("", old.name);
	/* closing what is left of the old one does not hurt the new one */
	close(self->fd);
	self->fd = mbx_open(self->name, MAILBOX_RIGHT_RECEIVE);
	EXPECT_LE(0, self->fd);
	close(fd);
}

TEST(names_of_all_sorts)
{
	static const char *const names[] = {
		"a", ".", "..", " ", "with space", "UPPER", "\xc3\xa4\xc3\xb6\xc3\xbc", "a.b-c_d:e", "\xff",
	};
	char longest[MAILBOX_NAME_MAX + 1];
	struct mailbox_stat stat;
	int i, fd;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fd = mbx_new_named(names[i], 1);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, mbx_stat(fd, &stat));
		EXPECT_STREQ(names[i], stat.name);
		close(fd);
	}
	memset(longest, 'n', MAILBOX_NAME_MAX);
	longest[MAILBOX_NAME_MAX] = '\0';
	fd = mbx_new_named(longest, 1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_STREQ(longest, stat.name);
	close(fd);
}

TEST(unrelated_processes_meet)
{
	char name[MBX_NAME_SIZE], text[16];
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE,
		.mode = 0600,
		.capacity = 0,
	};
	pid_t one, two;

	attr.name = MBX_PTR(mbx_name(name, "meet"));
	/* whoever is first creates it, the other finds it */
	one = mbx_fork();
	ASSERT_LE(0, one);
	if (!one) {
		int fd = mbx_create(&attr);

		_exit(fd < 0 || mbx_put(fd, "hello", 0));
	}
	two = mbx_fork();
	ASSERT_LE(0, two);
	if (!two) {
		int fd = mbx_create(&attr);

		_exit(fd < 0 || mbx_get(fd, text, sizeof(text), 0, NULL) ||
		      strcmp(text, "hello"));
	}
	EXPECT_EQ(0, mbx_join(one));
	EXPECT_EQ(0, mbx_join(two));
	EXPECT_EQ(-ENOENT, mbx_open(name, MAILBOX_RIGHT_SEND));
}

/* A CREATE that fails has left nothing behind, also where it would stay. */
TEST(persist_needs_its_descriptor)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create create = {
		.name = MBX_PTR(mbx_name(name, "nofile")),
		.flags = MAILBOX_CREATE_PERSIST,
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0600,
		.capacity = 1,
	};
	struct mailbox_info before, after;
	int device = mbx_device();
	struct rlimit files;

	ASSERT_LE(0, device);
	ASSERT_EQ(0, mbx_info(device, &before));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &files));
	files.rlim_cur = device + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	EXPECT_EQ(-EMFILE, mbx_ioctl(device, MAILBOX_IOC_CREATE, &create));
	files.rlim_cur = files.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	EXPECT_EQ(-ENOENT, mbx_open(name, MAILBOX_RIGHT_SEND));
	ASSERT_EQ(0, mbx_info(device, &after));
	EXPECT_EQ(before.user_mailboxes, after.user_mailboxes);
	close(device);
}

TEST(persist_stays)
{
	char name[MBX_NAME_SIZE], text[16];
	struct mailbox_create attr = {
		.name = MBX_PTR(mbx_name(name, "persist")),
		.flags = MAILBOX_CREATE_PERSIST,
		.rights = MAILBOX_RIGHT_SEND,
		.mode = 0600,
		.capacity = 4,
	};
	struct mailbox_stat stat;
	pid_t child = mbx_fork();
	int fd;

	ASSERT_LE(0, child);
	if (!child) {
		fd = mbx_create(&attr);
		_exit(fd < 0 || mbx_put(fd, "left behind", 0));
	}
	ASSERT_EQ(0, mbx_join(child));
	fd = mbx_open(name, MAILBOX_RIGHT_ALL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(MAILBOX_CREATE_PERSIST, stat.flags);
	EXPECT_EQ(1, stat.handles);
	ASSERT_EQ(0, mbx_get(fd, text, sizeof(text), MAILBOX_NONBLOCK, NULL));
	EXPECT_STREQ("left behind", text);
	ASSERT_EQ(0, mbx_destroy(fd, NULL));
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_NE(0, stat.flags & MAILBOX_STAT_DESTROYED);
	close(fd);
	EXPECT_EQ(-ENOENT, mbx_open(name, MAILBOX_RIGHT_SEND));
}

/* --- modes ----------------------------------------------------------- */

#define OWNER	1001
#define GROUP	1002
#define OTHER	1003

FIXTURE(mode)
{
	char name[MBX_NAME_SIZE];
	int fd;
};

FIXTURE_VARIANT(mode)
{
	__u32 mode;
	uid_t uid;
	gid_t gid;
	__u32 allowed;
};

#define S	MAILBOX_RIGHT_SEND
#define R	MAILBOX_RIGHT_RECEIVE
#define A	MAILBOX_RIGHT_ADMIN

FIXTURE_VARIANT_ADD(mode, owner_rw) { 0600, OWNER, OWNER, S | R | A };
FIXTURE_VARIANT_ADD(mode, owner_w) { 0200, OWNER, OWNER, S | A };
FIXTURE_VARIANT_ADD(mode, owner_r) { 0400, OWNER, OWNER, R | A };
/* the owner's bits count for the owner, also where others have more */
FIXTURE_VARIANT_ADD(mode, owner_none) { 0066, OWNER, GROUP, A };
FIXTURE_VARIANT_ADD(mode, group_rw) { 0060, OTHER, GROUP, S | R };
FIXTURE_VARIANT_ADD(mode, group_w) { 0620, OTHER, GROUP, S };
FIXTURE_VARIANT_ADD(mode, group_r) { 0640, OTHER, GROUP, R };
FIXTURE_VARIANT_ADD(mode, group_none) { 0606, OTHER, GROUP, 0 };
FIXTURE_VARIANT_ADD(mode, other_rw) { 0606, OTHER, OTHER, S | R };
FIXTURE_VARIANT_ADD(mode, other_w) { 0602, OTHER, OTHER, S };
FIXTURE_VARIANT_ADD(mode, other_r) { 0604, OTHER, OTHER, R };
FIXTURE_VARIANT_ADD(mode, other_none) { 0660, OTHER, OTHER, 0 };
/* CAP_IPC_OWNER and CAP_SYS_ADMIN */
FIXTURE_VARIANT_ADD(mode, root) { 0000, 0, 0, S | R | A };

FIXTURE_SETUP(mode)
{
	pid_t child;

	mbx_name(self->name, "mode");
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct mailbox_create attr = {
			.name = MBX_PTR(self->name),
			.flags = MAILBOX_CREATE_PERSIST,
			.rights = A,
			.mode = variant->mode,
			.capacity = 1,
		};

		umask(0);
		if (setresgid(GROUP, GROUP, GROUP) || setresuid(OWNER, OWNER, OWNER))
			_exit(2);
		_exit(mbx_create(&attr) < 0);
	}
	ASSERT_EQ(0, mbx_join(child));
	self->fd = mbx_open(self->name, A);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(mode)
{
	mbx_destroy(self->fd, NULL);
	close(self->fd);
}

TEST_F(mode, open)
{
	__u32 rights;

	for (rights = 1; rights <= MAILBOX_RIGHT_ALL; rights++) {
		struct mailbox_open attr = {
			.name = MBX_PTR(self->name),
			.rights = rights,
		};
		__u32 refused = rights & ~variant->allowed;
		int expected = !refused ? 0 : refused & (S | R) ? -EACCES : -EPERM;
		pid_t child = mbx_fork();

		ASSERT_LE(0, child);
		if (!child) {
			if (setgroups(0, NULL) ||
			    setresgid(variant->gid, variant->gid, variant->gid) ||
			    setresuid(variant->uid, variant->uid, variant->uid))
				_exit(2);
			if (mbx_on_device(MAILBOX_IOC_OPEN, &attr) != expected) {
				/* where both are refused either says so */
				if (!(refused & A) || attr.error.code != -EPERM)
					_exit(3);
			}
			if (attr.error.code == -EACCES &&
			    (attr.error.reason != MAILBOX_REASON_MODE ||
			     attr.error.value != (refused & (S | R))))
				_exit(4);
			if (attr.error.code == -EPERM &&
			    attr.error.reason != MAILBOX_REASON_OWNER)
				_exit(5);
			_exit(0);
		}
		ASSERT_EQ(0, mbx_join(child)) {
			TH_LOG("rights %u", rights);
		}
	}
}

/* CREATE that finds the name is checked as OPEN is. */
TEST_F(mode, create_that_finds)
{
	struct mailbox_create attr = {
		.name = MBX_PTR(self->name),
		.rights = S,
		.mode = 0666,
		.capacity = 1,
	};
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		int result;

		if (setgroups(0, NULL) ||
		    setresgid(variant->gid, variant->gid, variant->gid) ||
		    setresuid(variant->uid, variant->uid, variant->uid))
			_exit(2);
		result = mbx_create(&attr);
		if (variant->allowed & S)
			_exit(result >= 0 && !attr.created ? 0 : 3);
		_exit(result == -EACCES ? 0 : 4);
	}
	EXPECT_EQ(0, mbx_join(child));
}

/* A supplementary group is as good as the first one. */
TEST(mode_by_supplementary_group)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_set set = {
		.mask = MAILBOX_SET_MODE | MAILBOX_SET_GID,
		.mode = 0620,
		.gid = GROUP,
	};
	int fd = mbx_new_named(mbx_name(name, "group"), 1);
	pid_t child;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_set(fd, &set));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		gid_t groups[] = { 77, GROUP };

		if (setgroups(2, groups) || setresgid(OTHER, OTHER, OTHER) ||
		    setresuid(OTHER, OTHER, OTHER))
			_exit(2);
		if (mbx_open(name, S) < 0)
			_exit(3);
		_exit(mbx_open(name, R) == -EACCES ? 0 : 4);
	}
	EXPECT_EQ(0, mbx_join(child));
	close(fd);
}

/* The creator's group has the group's rights, whoever else gets them. */
TEST(mode_by_the_creators_group)
{
	static const struct {
		gid_t gid;
		int result;
	} cases[] = { { 2000, 0 }, { 3000, 0 }, { 4000, -EACCES } };
	struct mailbox_set set = {
		.mask = MAILBOX_SET_MODE | MAILBOX_SET_GID, .mode = 0060, .gid = 3000,
	};
	char name[MBX_NAME_SIZE];
	int fd;

	ASSERT_EQ(0, setresgid(-1, 2000, -1));
	fd = mbx_new_named(mbx_name(name, "group"), 1);
	ASSERT_EQ(0, setresgid(-1, 0, -1));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_set(fd, &set));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pid_t child = mbx_fork();

		ASSERT_LE(0, child);
		if (!child) {
			int result;

			if (setgroups(0, NULL) ||
			    setresgid(cases[i].gid, cases[i].gid, cases[i].gid) ||
			    setresuid(OTHER, OTHER, OTHER))
				_exit(2);
			result = mbx_open(name, S | R);
			_exit(cases[i].result ? result != cases[i].result : result < 0);
		}
		EXPECT_EQ(0, mbx_join(child)) {
			TH_LOG("group %u", cases[i].gid);
		}
	}
	close(fd);
}

TEST(umask_counts)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create attr = {
		.name = MBX_PTR(mbx_name(name, "umask")),
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0666,
		.capacity = 1,
	};
	struct mailbox_stat stat;
	int fd;

	umask(0026);
	fd = mbx_create(&attr);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mbx_stat(fd, &stat));
	EXPECT_EQ(0640, stat.mode);
	close(fd);
}

/* The creator gets what it asks, whatever the mode says. */
TEST(creator_gets_what_it_asks)
{
	char name[MBX_NAME_SIZE];
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		struct mailbox_create attr = {
			.name = MBX_PTR(mbx_name(name, "creator")),
			.rights = MAILBOX_RIGHT_ALL,
			.mode = 0,
			.capacity = 1,
		};
		int fd;

		if (mbx_become(OWNER))
			_exit(2);
		fd = mbx_create(&attr);
		if (fd < 0 || mbx_put(fd, "x", 0) || strcmp(mbx_next(fd), "x"))
			_exit(3);
		_exit(mbx_open(name, MAILBOX_RIGHT_SEND) == -EACCES ? 0 : 4);
	}
	EXPECT_EQ(0, mbx_join(child));
}

TEST(owner_is_the_effective_user)
{
	char name[MBX_NAME_SIZE];
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		struct mailbox_stat stat;
		int fd;

		if (setresgid(-1, GROUP, -1) || setresuid(-1, OWNER, -1))
			_exit(2);
		fd = mbx_new_named(mbx_name(name, "owner"), 1);
		if (fd < 0 || mbx_stat(fd, &stat))
			_exit(3);
		_exit(stat.uid == OWNER && stat.gid == GROUP &&
		      stat.creator_uid == OWNER && stat.creator_gid == GROUP &&
		      stat.creator_pid == getpid() ? 0 : 4);
	}
	EXPECT_EQ(0, mbx_join(child));
}

/* --- administration -------------------------------------------------- */

FIXTURE(administration)
{
	char name[MBX_NAME_SIZE];
	int fd;
};

FIXTURE_SETUP(administration)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_MODE, .mode = 0666 };

	self->fd = mbx_new_named(mbx_name(self->name, "admin"), 1);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mbx_set(self->fd, &set));
}

FIXTURE_TEARDOWN(administration)
{
	close(self->fd);
}

TEST_F(administration, of_anothers_mailbox)
{
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		struct mailbox_open attr = {
			.name = MBX_PTR(self->name),
			.rights = MAILBOX_RIGHT_ADMIN,
		};

		if (mbx_become(OTHER))
			_exit(2);
		if (mbx_on_device(MAILBOX_IOC_OPEN, &attr) != -EPERM)
			_exit(3);
		if (attr.error.reason != MAILBOX_REASON_OWNER)
			_exit(4);
		_exit(mbx_open(self->name, MAILBOX_RIGHT_SEND) < 0 ? 5 : 0);
	}
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(administration, given_to_a_new_owner)
{
	struct mailbox_set set = { .mask = MAILBOX_SET_UID, .uid = OTHER };
	pid_t child;

	ASSERT_EQ(0, mbx_set(self->fd, &set));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		int fd;

		if (mbx_become(OTHER))
			_exit(2);
		fd = mbx_open(self->name, MAILBOX_RIGHT_ADMIN);
		if (fd < 0)
			_exit(3);
		_exit(mbx_destroy(fd, NULL) ? 4 : 0);
	}
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_EQ(-EIDRM, mbx_put(self->fd, "x", 0));
}

/* An owner without the right in this handle is no administrator through it. */
TEST_F(administration, needs_the_right)
{
	int fd = mbx_open(self->name, MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE);
	struct mailbox_set set = { .mask = MAILBOX_SET_CAPACITY, .capacity = 9 };
	struct mailbox_destroy destroy = { .flags = 0 };

	ASSERT_LE(0, fd);
	ASSERT_EQ(-EPERM, mbx_set(fd, &set));
	EXPECT_EQ(MAILBOX_REASON_RIGHT, set.error.reason);
	EXPECT_EQ(MAILBOX_RIGHT_ADMIN, set.error.value);
	ASSERT_EQ(-EPERM, mbx_ioctl(fd, MAILBOX_IOC_DESTROY, &destroy));
	EXPECT_EQ(MAILBOX_REASON_RIGHT, destroy.error.reason);
	EXPECT_EQ(0, mbx_put(fd, "still there", 0));
	close(fd);
}

/* --- network namespaces ---------------------------------------------- */

TEST(namespace_apart)
{
	char name[MBX_NAME_SIZE];
	int fd = mbx_new_named(mbx_name(name, "netns"), 1);
	pid_t child;

	ASSERT_LE(0, fd);
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct mailbox_stat entry;
		struct mailbox_list list = {
			.entries = MBX_PTR(&entry),
			.entry_size = sizeof(entry),
			.count = 1,
		};
		struct mailbox_stat mine, its;
		int own;

		if (unshare(CLONE_NEWNET))
			_exit(2);
		if (mbx_open(name, MAILBOX_RIGHT_SEND) != -ENOENT)
			_exit(3);
		if (mbx_on_device(MAILBOX_IOC_LIST, &list) || list.count || list.more)
			_exit(4);
		own = mbx_new_named(name, 1);
		if (own < 0 || mbx_stat(own, &mine) || mbx_stat(fd, &its) || mine.id == its.id)
			_exit(5);
		/* the inherited handle goes on working */
		if (mbx_put(fd, "across", 0) || mbx_depth(own))
			_exit(6);
		_exit(0);
	}
	EXPECT_EQ(0, mbx_join(child));
	EXPECT_STREQ("across", mbx_next(fd));
	close(fd);
}

/* When a network namespace goes, so do the mailboxes of its names. */
TEST(namespace_ends)
{
	int to_child = mbx_new(MAILBOX_POLICY_SHARED, 1);
	int numbers[2], fd;
	char text[8];
	pid_t child;

	ASSERT_LE(0, to_child);
	ASSERT_EQ(0, pipe(numbers));
	child = mbx_fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct mailbox_create attr = {
			.name = MBX_PTR("in there"),
			.flags = MAILBOX_CREATE_PERSIST,
			.rights = MAILBOX_RIGHT_ALL,
			.mode = 0600,
			.capacity = 1,
		};

		if (unshare(CLONE_NEWNET))
			_exit(2);
		fd = mbx_create(&attr);
		if (fd < 0 || mbx_put(fd, "x", 0) ||
		    write(numbers[1], &fd, sizeof(fd)) != sizeof(fd))
			_exit(3);
		mbx_get(to_child, text, sizeof(text), 0, NULL);
		_exit(0);
	}
	ASSERT_EQ(sizeof(fd), read(numbers[0], &fd, sizeof(fd)));
	fd = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, child, 0), fd, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, mbx_depth(fd));
	ASSERT_EQ(0, mbx_put(to_child, "end", 0));
	EXPECT_EQ(0, mbx_join(child));
	/* its end is the work of a kernel thread */
	EXPECT_TRUE(MBX_UNTIL(mbx_put(fd, "y", MAILBOX_NONBLOCK) == -EIDRM));
	close(fd);
	close(to_child);
}

/* --- the list -------------------------------------------------------- */

#define LISTED	10

FIXTURE(list)
{
	int device;
	int fds[LISTED];
	char names[LISTED][MBX_NAME_SIZE + 8];
	char prefix[MBX_NAME_SIZE];
};

FIXTURE_SETUP(list)
{
	int i;

	self->device = mbx_device();
	ASSERT_LE(0, self->device);
	/* last in strcmp's order, that what others left comes before */
	mbx_name(self->prefix, "~list");
	for (i = 0; i < LISTED; i++) {
		/* made in another order than they are listed in */
		snprintf(self->names[i], sizeof(self->names[i]), "%s-%c", self->prefix,
			 'a' + i * 7 % LISTED);
		self->fds[i] = mbx_new_named(self->names[i], i);
		ASSERT_LE(0, self->fds[i]);
	}
}

FIXTURE_TEARDOWN(list)
{
	int i;

	for (i = 0; i < LISTED; i++)
		close(self->fds[i]);
	close(self->device);
}

/* Where a name ends nothing may follow, least of all what was in that memory before. */
TEST_F(list, names_end_in_zeros)
{
	struct mailbox_stat entries[LISTED];
	struct mailbox_list list = {
		.after = MBX_PTR(self->prefix),
		.entries = MBX_PTR(entries),
		.entry_size = sizeof(entries[0]),
		.count = LISTED,
	};
	int i, j;

	memset(entries, 0xff, sizeof(entries));
	ASSERT_EQ(0, mbx_ioctl(self->device, MAILBOX_IOC_LIST, &list));
	ASSERT_EQ(LISTED, list.count);
	for (i = 0; i < LISTED; i++)
		for (j = strlen(entries[i].name); j < sizeof(entries[i].name); j++)
			ASSERT_EQ(0, entries[i].name[j]);
}

TEST_F(list, all_with_their_state)
{
	struct mailbox_stat *entries = calloc(LISTED + 1, sizeof(*entries)), stat;
	struct mailbox_list list = {
		.after = MBX_PTR(self->prefix),
		.entries = MBX_PTR(entries),
		.entry_size = sizeof(*entries),
		.count = LISTED + 1,
		.more = 77,
	};
	int i, j;

	ASSERT_NE(NULL, entries);
	ASSERT_EQ(0, mbx_put(self->fds[5], "12345", 0));
	ASSERT_EQ(0, mbx_ioctl(self->device, MAILBOX_IOC_LIST, &list));
	ASSERT_EQ(LISTED, list.count);
	EXPECT_EQ(0, list.more);
	for (i = 0; i < LISTED; i++) {
		EXPECT_EQ('a' + i, entries[i].name[strlen(self->prefix) + 1]);
		for (j = 0; strcmp(self->names[j], entries[i].name); j++)
			ASSERT_LT(j, LISTED);
		ASSERT_EQ(0, mbx_stat(self->fds[j], &stat));
		EXPECT_EQ(stat.id, entries[i].id);
		EXPECT_EQ(stat.capacity, entries[i].capacity);
		EXPECT_EQ(stat.depth, entries[i].depth);
		EXPECT_EQ(stat.bytes, entries[i].bytes);
		EXPECT_EQ(stat.created_time, entries[i].created_time);
		EXPECT_EQ(0600, entries[i].mode);
		EXPECT_EQ(1, entries[i].handles);
		EXPECT_EQ(0, entries[i].rights);
		EXPECT_EQ(0, entries[i].error.code);
	}
	free(entries);
}

TEST_F(list, walk_with_a_cursor)
{
	char cursor[MAILBOX_NAME_MAX + 1];
	struct mailbox_stat entries[3];
	struct mailbox_list list = {
		.entries = MBX_PTR(entries),
		.entry_size = sizeof(*entries),
	};
	int step, seen, i;

	for (step = 1; step <= 3; step++) {
		strcpy(cursor, self->prefix);
		for (seen = 0;;) {
			list.after = MBX_PTR(cursor);
			list.count = step;
			ASSERT_EQ(0, mbx_ioctl(self->device, MAILBOX_IOC_LIST, &list));
			ASSERT_LE(list.count, step);
			for (i = 0; i < list.count; i++) {
				EXPECT_LT(0, strcmp(entries[i].name, cursor));
				EXPECT_EQ('a' + seen, entries[i].name[strlen(self->prefix) + 1]);
				strcpy(cursor, entries[i].name);
				seen++;
			}
			EXPECT_EQ(seen < LISTED, list.more);
			if (!list.more)
				break;
			ASSERT_EQ(step, list.count);
		}
		EXPECT_EQ(LISTED, seen);
	}
}

TEST_F(list, from_the_beginning)
{
	struct mailbox_stat entry;
	struct mailbox_list list = {
		.entries = MBX_PTR(&entry),
		.entry_size = sizeof(entry),
	};
	char cursor[MAILBOX_NAME_MAX + 1] = "";
	int seen = 0;

	do {
		list.count = 1;
		ASSERT_EQ(0, mbx_ioctl(self->device, MAILBOX_IOC_LIST, &list));
		if (!list.count)
			break;
		ASSERT_LT(0, strcmp(entry.name, cursor));
		strcpy(cursor, entry.name);
		list.after = MBX_PTR(cursor);
		seen++;
	} while (list.more);
	EXPECT_LE(LISTED, seen);
}

/* A cursor whose mailbox has gone stands where it stood. */
TEST_F(list, cursor_of_a_name_that_has_gone)
{
	struct mailbox_stat entry;
	struct mailbox_list list = {
		.entries = MBX_PTR(&entry),
		.entry_size = sizeof(entry),
		.count = 1,
	};
	int i;

	for (i = 0; self->names[i][strlen(self->prefix) + 1] != 'd'; i++)
		;
	list.after = MBX_PTR(self->names[i]);
	ASSERT_EQ(0, mbx_destroy(self->fds[i], NULL));
	ASSERT_EQ(0, mbx_ioctl(self->device, MAILBOX_IOC_LIST, &list));
	ASSERT_EQ(1, list.count);
	EXPECT_EQ('e', entry.name[strlen(self->prefix) + 1]);
	EXPECT_EQ(1, list.more);
}

/* Others come and go during the walk; those that stay are listed once each. */
TEST_F(list, walk_while_names_come_and_go)
{
	char cursor[MAILBOX_NAME_MAX + 1], name[MBX_NAME_SIZE + 8];
	struct mailbox_stat entry;
	struct mailbox_list list = {
		.after = MBX_PTR(cursor),
		.entries = MBX_PTR(&entry),
		.entry_size = sizeof(entry),
	};
	int round, seen[LISTED];
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		for (round = 0;; round++) {
			/* between those that stay */
			snprintf(name, sizeof(name), "%s-%c+", self->prefix, 'a' + round % LISTED);
			close(mbx_new_named(name, 1));
		}
	}
	for (round = 0; round < 20; round++) {
		memset(seen, 0, sizeof(seen));
		strcpy(cursor, self->prefix);
		do {
			list.count = 1;
			ASSERT_EQ(0, mbx_ioctl(self->device, MAILBOX_IOC_LIST, &list));
			if (!list.count)
				break;
			ASSERT_LT(0, strcmp(entry.name, cursor));
			strcpy(cursor, entry.name);
			if (!entry.name[strlen(self->prefix) + 2])
				seen[entry.name[strlen(self->prefix) + 1] - 'a']++;
		} while (list.more);
		for (int i = 0; i < LISTED; i++)
			ASSERT_EQ(1, seen[i]);
	}
	kill(child, SIGKILL);
	mbx_join(child);
}

TEST_F(list, anybody_may)
{
	struct mailbox_stat entry;
	struct mailbox_list list = {
		.after = MBX_PTR(self->prefix),
		.entries = MBX_PTR(&entry),
		.entry_size = sizeof(entry),
		.count = 1,
	};
	pid_t child = mbx_fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (mbx_become(OTHER))
			_exit(2);
		if (mbx_on_device(MAILBOX_IOC_LIST, &list))
			_exit(3);
		_exit(list.count == 1 && list.more && !strncmp(entry.name, self->prefix,
							       strlen(self->prefix)) ? 0 : 4);
	}
	EXPECT_EQ(0, mbx_join(child));
}

TEST_F(list, a_larger_entry_has_a_zero_tail)
{
	struct {
		struct mailbox_stat stat;
		__u64 tail[2];
	} entries[2];
	struct mailbox_list list = {
		.after = MBX_PTR(self->prefix),
		.entries = MBX_PTR(entries),
		.entry_size = sizeof(*entries),
		.count = 2,
	};
	int i;

	memset(entries, 0xff, sizeof(entries));
	ASSERT_EQ(0, mbx_ioctl(self->device, MAILBOX_IOC_LIST, &list));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ('a' + i, entries[i].stat.name[strlen(self->prefix) + 1]);
		EXPECT_EQ(0, entries[i].tail[0]);
		EXPECT_EQ(0, entries[i].tail[1]);
	}
}

TEST_HARNESS_MAIN
