// SPDX-License-Identifier: GPL-2.0
/*
 * Rights that a handle lacks, and modes that keep users out.
 */
#include "refuse.h"

#include <linux/capability.h>

#include "kselftest_harness.h"

/* --- what a handle may do -------------------------------------------- */

FIXTURE(right)
{
	struct world world;
	struct trace trace;
	int all;
};

/**
 * @rights: of the handle
 */
FIXTURE_VARIANT(right)
{
	__u32 rights;
};

FIXTURE_VARIANT_ADD(right, only_send) { .rights = MAILBOX_RIGHT_SEND };
FIXTURE_VARIANT_ADD(right, only_receive) { .rights = MAILBOX_RIGHT_RECEIVE };
FIXTURE_VARIANT_ADD(right, only_admin) { .rights = MAILBOX_RIGHT_ADMIN };
FIXTURE_VARIANT_ADD(right, send_receive) {
	.rights = MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_RECEIVE
};
FIXTURE_VARIANT_ADD(right, send_admin) {
	.rights = MAILBOX_RIGHT_SEND | MAILBOX_RIGHT_ADMIN
};
FIXTURE_VARIANT_ADD(right, receive_admin) {
	.rights = MAILBOX_RIGHT_RECEIVE | MAILBOX_RIGHT_ADMIN
};
FIXTURE_VARIANT_ADD(right, all) { .rights = MAILBOX_RIGHT_ALL };

FIXTURE_SETUP(right)
{
	ASSERT_EQ(0, world_make(&self->world));

	/* the mailbox lives on in the other handle */
	self->all = self->world.handle;
	self->world.handle = mbx_dup(self->all, variant->rights);
	ASSERT_LE(0, self->world.handle);
	trace_take(&self->trace, &self->world);
}

FIXTURE_TEARDOWN(right)
{
	close(self->all);
	world_end(&self->world);
}

/* Make the request on the handle: it works if the right is there. */
#define EXPECT_BY_RIGHT(self, variant, kind, right, errno_) do {	\
		struct request __request;				\
		request_make(&__request, &(self)->world, kind);		\
		if ((variant)->rights & (right)) {			\
			EXPECT_EQ(0, request_try(&__request));		\
			request_undo(&__request);			\
		} else {						\
			EXPECT_EQ(-(errno_), request_try(&__request));	\
			EXPECT_DETAIL(errno_, MAILBOX_REASON_RIGHT, MAILBOX_NO_FIELD, \
				      right, &__request.in.error);	\
			EXPECT_NO_TRACE(&(self)->trace, &(self)->world); \
		}							\
	} while (0)

TEST_F(right, send)
{
	EXPECT_BY_RIGHT(self, variant, SEND, MAILBOX_RIGHT_SEND, EBADF);
}

TEST_F(right, send_batch)
{
	EXPECT_BY_RIGHT(self, variant, SEND_BATCH, MAILBOX_RIGHT_SEND, EBADF);
}

TEST_F(right, receive)
{
	EXPECT_BY_RIGHT(self, variant, RECEIVE, MAILBOX_RIGHT_RECEIVE, EBADF);
}

TEST_F(right, receive_batch)
{
	EXPECT_BY_RIGHT(self, variant, RECEIVE_BATCH, MAILBOX_RIGHT_RECEIVE, EBADF);
}

TEST_F(right, peek)
{
	EXPECT_BY_RIGHT(self, variant, PEEK, MAILBOX_RIGHT_RECEIVE, EBADF);
}

TEST_F(right, connect)
{
	EXPECT_BY_RIGHT(self, variant, CONNECT, MAILBOX_RIGHT_SEND, EBADF);
}

TEST_F(right, set)
{
	EXPECT_BY_RIGHT(self, variant, SET, MAILBOX_RIGHT_ADMIN, EPERM);
}

TEST_F(right, destroy)
{
	EXPECT_BY_RIGHT(self, variant, DESTROY, MAILBOX_RIGHT_ADMIN, EPERM);
}

TEST_F(right, stat_always)
{
	struct mailbox_stat stat;

	EXPECT_EQ(0, mbx_stat(self->world.handle, &stat));
	EXPECT_EQ(variant->rights, stat.rights);
}

TEST_F(right, write)
{
	if (variant->rights & MAILBOX_RIGHT_SEND) {
		EXPECT_EQ(1, write(self->world.handle, "w", 1));
	} else {
		EXPECT_EQ(-1, write(self->world.handle, "w", 1));
		EXPECT_EQ(EBADF, errno);
		EXPECT_NO_TRACE(&self->trace, &self->world);
	}
}

TEST_F(right, read)
{
	char room[16];

	if (variant->rights & MAILBOX_RIGHT_RECEIVE) {
		EXPECT_EQ(8, read(self->world.handle, room, sizeof(room)));
	} else {
		EXPECT_EQ(-1, read(self->world.handle, room, sizeof(room)));
		EXPECT_EQ(EBADF, errno);
		EXPECT_NO_TRACE(&self->trace, &self->world);
	}
}

/* DUP gives what is there, never more, in every combination. */
TEST_F(right, dup)
{
	for (__u32 wanted = 1; wanted <= MAILBOX_RIGHT_ALL; wanted++) {
		__u32 missing = wanted & ~variant->rights;
		struct mailbox_stat stat;
		struct request request;

		request_make(&request, &self->world, DUP);
		request.in.dup.rights = wanted;
		EXPECT_EQ(missing ? -EPERM : 0, request_try(&request));
		if (missing) {
			EXPECT_DETAIL(EPERM, MAILBOX_REASON_RIGHT,
				      MBX_FIELD(mailbox_dup, rights), missing,
				      &request.in.error);
			continue;
		}
		EXPECT_EQ(0, mbx_stat(request.in.dup.fd, &stat));
		EXPECT_EQ(wanted, stat.rights);
		request_undo(&request);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
}

/*
 * ACCEPT and REFUSE, on another handle than the one that has the request: without
 * the right they say so, and with it that there is none.
 */
TEST_F(right, answer)
{
	int other = mbx_dup(self->world.listener, variant->rights);
	bool may = variant->rights & MAILBOX_RIGHT_RECEIVE;
	struct request request;

	ASSERT_LE(0, other);
	trace_take(&self->trace, &self->world);
	for (int refuse = 0; refuse < 2; refuse++) {
		request_make(&request, &self->world, refuse ? REFUSE : ACCEPT);
		request.fd = other;
		EXPECT_EQ(may ? -ENOENT : -EBADF, request_try(&request));
		EXPECT_DETAIL(may ? ENOENT : EBADF,
			      may ? MAILBOX_REASON_REQUEST_UNKNOWN : MAILBOX_REASON_RIGHT,
			      MAILBOX_NO_FIELD, may ? 0 : MAILBOX_RIGHT_RECEIVE,
			      &request.in.error);
	}
	EXPECT_NO_TRACE(&self->trace, &self->world);
	close(other);
}

/* --- what a kind of mailbox has no use for ---------------------------- */

FIXTURE(kindred)
{
	struct world world;
};

/**
 * @kind: the request
 * @at: offset in struct world of the descriptor that it is made on
 * @error: the errno
 * @reason: enum mailbox_reason
 * @value: mailbox_error.value
 */
FIXTURE_VARIANT(kindred)
{
	enum kind kind;
	size_t at;
	int error;
	int reason;
	__u64 value;
};

#define KINDRED(name, kind_, where_, error_, reason_, value_) \
	FIXTURE_VARIANT_ADD(kindred, name) { \
		.kind = kind_, .at = offsetof(struct world, where_), .error = error_, \
		.reason = MAILBOX_REASON_##reason_, .value = value_, \
	}

/* a segment carries no messages, whatever rights its handle has */
KINDRED(segment_send, SEND, segment, EBADF, RIGHT, MAILBOX_RIGHT_SEND);
KINDRED(segment_send_batch, SEND_BATCH, segment, EBADF, RIGHT, MAILBOX_RIGHT_SEND);
KINDRED(segment_receive, RECEIVE, segment, EBADF, RIGHT, MAILBOX_RIGHT_RECEIVE);
KINDRED(segment_peek, PEEK, segment, EBADF, RIGHT, MAILBOX_RIGHT_RECEIVE);
KINDRED(segment_receive_batch, RECEIVE_BATCH, segment, EBADF, RIGHT, MAILBOX_RIGHT_RECEIVE);
KINDRED(segment_connect, CONNECT, segment, EBADF, RIGHT, MAILBOX_RIGHT_SEND);
KINDRED(segment_accept, ACCEPT, segment, EBADF, RIGHT, MAILBOX_RIGHT_RECEIVE);
KINDRED(segment_refuse, REFUSE, segment, EBADF, RIGHT, MAILBOX_RIGHT_RECEIVE);
KINDRED(segment_peer, PEER, segment, ENOTTY, NONE, 0);
KINDRED(segment_ring_wait, RING_WAIT, segment, ENOTTY, NONE, 0);
KINDRED(segment_ring_wake, RING_WAKE, segment, ENOTTY, NONE, 0);
/* a channel belongs to its ends, and nobody is asked for one through it */
KINDRED(end_connect, CONNECT, ends[0], EINVAL, POLICY, MAILBOX_POLICY_CHANNEL);
KINDRED(end_accept, ACCEPT, ends[0], ENOENT, REQUEST_UNKNOWN, 0);
KINDRED(end_set, SET_CAPACITY, ends[1], EPERM, RIGHT, MAILBOX_RIGHT_ADMIN);
KINDRED(end_destroy, DESTROY, ends[1], EPERM, RIGHT, MAILBOX_RIGHT_ADMIN);
KINDRED(end_without_rings_wait, RING_WAIT, asked, ENOTTY, NONE, 0);
KINDRED(end_without_rings_wake, RING_WAKE, asked, ENOTTY, NONE, 0);
KINDRED(broadcast_connect, CONNECT, broadcast, EINVAL, POLICY, MAILBOX_POLICY_BROADCAST);
KINDRED(shared_peer, PEER, handle, ENOTTY, NONE, 0);
KINDRED(shared_ring_wait, RING_WAIT, handle, ENOTTY, NONE, 0);
KINDRED(shared_ring_wake, RING_WAKE, handle, ENOTTY, NONE, 0);

FIXTURE_SETUP(kindred)
{
	ASSERT_EQ(0, world_make(&self->world));
}

FIXTURE_TEARDOWN(kindred)
{
	world_end(&self->world);
}

TEST_F(kindred, refused)
{
	struct request request;
	struct trace trace;

	request_make(&request, &self->world, variant->kind);
	memcpy(&request.fd, (char *)&self->world + variant->at, sizeof(int));
	trace_take(&trace, &self->world);
	EXPECT_EQ(-variant->error, request_try(&request));
	EXPECT_DETAIL(variant->error, variant->reason, MAILBOX_NO_FIELD, variant->value,
		      &request.in.error);
	EXPECT_NO_TRACE(&trace, &self->world);
}

/* --- whom the mode lets in ------------------------------------------- */

#define OWNER	61001
#define GROUP	61002
#define OTHER	61003

/* Who asks. */
enum who {
	AS_OWNER,
	AS_GROUP,		/* by the group he runs as */
	AS_MEMBER,		/* by a supplementary group */
	AS_OTHER,
};

static int become(enum who who)
{
	gid_t group = GROUP;

	switch (who) {
	case AS_OWNER:
		return mbx_become(OWNER);
	case AS_GROUP:
		return setgroups(0, NULL) || setresgid(GROUP, GROUP, GROUP) ||
		       setresuid(OTHER, OTHER, OTHER) ? -errno : 0;
	case AS_MEMBER:
		return setgroups(1, &group) || setresgid(OTHER, OTHER, OTHER) ||
		       setresuid(OTHER, OTHER, OTHER) ? -errno : 0;
	case AS_OTHER:
		return mbx_become(OTHER);
	}
	return -EINVAL;
}

FIXTURE(mode)
{
	struct world world;
};

/**
 * @mode: of the mailbox
 * @who: asks for it
 * @granted: of SEND and RECEIVE
 */
FIXTURE_VARIANT(mode)
{
	__u32 mode;
	enum who who;
	__u32 granted;
};

#define MODE(name, mode_, who_, granted_) \
	FIXTURE_VARIANT_ADD(mode, name) \
	{ .mode = mode_, .who = who_, .granted = granted_ }

#define S MAILBOX_RIGHT_SEND
#define R MAILBOX_RIGHT_RECEIVE

MODE(owner_0600, 0600, AS_OWNER, S | R);
MODE(owner_0400, 0400, AS_OWNER, R);
MODE(owner_0200, 0200, AS_OWNER, S);
MODE(owner_0000, 0000, AS_OWNER, 0);
/* the first class that fits counts, as with files */
MODE(owner_0066, 0066, AS_OWNER, 0);
MODE(group_0060, 0060, AS_GROUP, S | R);
MODE(group_0040, 0040, AS_GROUP, R);
MODE(group_0020, 0020, AS_GROUP, S);
MODE(group_0606, 0606, AS_GROUP, 0);
MODE(member_0060, 0060, AS_MEMBER, S | R);
MODE(member_0040, 0040, AS_MEMBER, R);
MODE(member_0020, 0020, AS_MEMBER, S);
MODE(member_0606, 0606, AS_MEMBER, 0);
MODE(other_0006, 0006, AS_OTHER, S | R);
MODE(other_0004, 0004, AS_OTHER, R);
MODE(other_0002, 0002, AS_OTHER, S);
MODE(other_0660, 0660, AS_OTHER, 0);

FIXTURE_SETUP(mode)
{
	struct mailbox_set set = {
		.mask = MAILBOX_SET_MODE | MAILBOX_SET_UID | MAILBOX_SET_GID,
		.mode = variant->mode,
		.uid = OWNER,
		.gid = GROUP,
	};

	ASSERT_EQ(0, world_make(&self->world));
	ASSERT_EQ(0, mbx_set(self->world.handle, &set));
	/* from here on the test is that user */
	ASSERT_EQ(0, become(variant->who));
}

FIXTURE_TEARDOWN(mode)
{
	world_end(&self->world);
}

/* OPEN, and CREATE that finds the name, in every combination of rights. */
TEST_F(mode, open)
{
	for (__u32 rights = 1; rights <= (S | R); rights++) {
		__u32 refused = rights & ~variant->granted;
		struct mailbox_stat stat;
		struct request request;
		struct trace trace;

		for (int create = 0; create < 2; create++) {
			int *fd = create ? &request.in.create.fd : &request.in.open.fd;

			request_make(&request, &self->world, create ? CREATE : OPEN);
			trace_take(&trace, &self->world);
			if (create) {
				request.in.create.name = MBX_PTR(self->world.name);
				request.in.create.flags = 0;
				request.in.create.rights = rights;
			} else {
				request.in.open.rights = rights;
			}
			EXPECT_EQ(refused ? -EACCES : 0, request_try(&request)) {
				TH_LOG("rights %u", rights);
			}
			if (refused) {
				EXPECT_DETAIL(EACCES, MAILBOX_REASON_MODE,
					      MAILBOX_NO_FIELD, refused,
					      &request.in.error);
			} else {
				ASSERT_EQ(0, mbx_stat(*fd, &stat));
				EXPECT_EQ(rights, stat.rights);
				if (create) {
					EXPECT_EQ(0, request.in.create.created);
				}
				close(*fd);
			}
			EXPECT_NO_TRACE(&trace, &self->world);
		}
	}
}

/* ADMIN is the owner's whatever the mode, and nobody else's. */
TEST_F(mode, admin)
{
	bool granted = variant->who == AS_OWNER;
	struct request request;

	request_make(&request, &self->world, OPEN);
	request.in.open.rights = MAILBOX_RIGHT_ADMIN;
	EXPECT_EQ(granted ? 0 : -EPERM, request_try(&request));
	if (granted)
		close(request.in.open.fd);
	else
		EXPECT_DETAIL(EPERM, MAILBOX_REASON_OWNER, MAILBOX_NO_FIELD, 0,
			      &request.in.error);
}

/* The handle that was there before keeps its rights. */
TEST_F(mode, open_handles_stay)
{
	struct mailbox_stat stat;

	ASSERT_EQ(0, mbx_stat(self->world.handle, &stat));
	EXPECT_EQ(MAILBOX_RIGHT_ALL, stat.rights);
	EXPECT_EQ(variant->mode, stat.mode);
	EXPECT_EQ(OWNER, stat.uid);
	EXPECT_EQ(GROUP, stat.gid);
	EXPECT_EQ(0, mbx_put(self->world.handle, "still", MAILBOX_NONBLOCK));
	EXPECT_STREQ("payload", mbx_next(self->world.handle));
	EXPECT_EQ(0, mbx_destroy(self->world.handle, NULL));
}

/* --- what capabilities stand in for ---------------------------------- */

FIXTURE(capability)
{
	struct world world;
};

/**
 * @drop: the capability that root does without, or -1
 * @granted: what it can then have of a mailbox of another's, mode 0
 */
FIXTURE_VARIANT(capability)
{
	int drop;
	__u32 granted;
};

FIXTURE_VARIANT_ADD(capability, all) {
	.drop = -1, .granted = MAILBOX_RIGHT_ALL
};
FIXTURE_VARIANT_ADD(capability, not_ipc_owner) {
	.drop = CAP_IPC_OWNER, .granted = MAILBOX_RIGHT_ADMIN
};
FIXTURE_VARIANT_ADD(capability, not_sys_admin) {
	.drop = CAP_SYS_ADMIN, .granted = S | R
};
/* this one is about files */
FIXTURE_VARIANT_ADD(capability, not_dac_override) {
	.drop = CAP_DAC_OVERRIDE, .granted = MAILBOX_RIGHT_ALL
};

static int drop_capability(int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[capability / 32].effective &= ~(1U << capability % 32);
	data[capability / 32].permitted &= ~(1U << capability % 32);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* A child makes a mailbox that is its own, as a user of its own. */
static int made_by_other(const char *name)
{
	struct mailbox_create attr = {
		.name = MBX_PTR(name),
		.flags = MAILBOX_CREATE_EXCL | MAILBOX_CREATE_PERSIST,
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = 1,
	};
	pid_t child = mbx_fork();

	if (!child) {
		if (mbx_become(OTHER))
			_exit(1);
		_exit(mbx_create(&attr) < 0);
	}
	return mbx_join(child);
}

static int destroy_by_name(const char *name)
{
	pid_t child = mbx_fork();

	if (!child) {
		if (mbx_become(OTHER))
			_exit(1);
		_exit(mbx_destroy(mbx_open(name, MAILBOX_RIGHT_ADMIN), NULL) != 0);
	}
	return mbx_join(child);
}

FIXTURE_SETUP(capability)
{
	ASSERT_EQ(0, world_make(&self->world));
	ASSERT_EQ(0, made_by_other(self->world.fresh));
}

FIXTURE_TEARDOWN(capability)
{
	EXPECT_EQ(0, destroy_by_name(self->world.fresh));
	world_end(&self->world);
}

TEST_F(capability, stands_in)
{
	if (variant->drop >= 0) {
		pid_t child = mbx_fork();

		/* in a child, for the teardown needs them all */
		if (child) {
			EXPECT_EQ(0, mbx_join(child));
			return;
		}
		if (drop_capability(variant->drop))
			_exit(100);
	}

	for (__u32 right = 1; right <= MAILBOX_RIGHT_ADMIN; right <<= 1) {
		bool granted = right & variant->granted, admin = right == MAILBOX_RIGHT_ADMIN;
		int error = granted ? 0 : admin ? EPERM : EACCES;
		struct request request;

		request_make(&request, &self->world, OPEN);
		request.in.open.name = MBX_PTR(self->world.fresh);
		request.in.open.rights = right;
		EXPECT_EQ(-error, request_try(&request)) {
			TH_LOG("right %u", right);
		}
		if (granted)
			close(request.in.open.fd);
		else
			EXPECT_DETAIL(error,
				      admin ? MAILBOX_REASON_OWNER : MAILBOX_REASON_MODE,
				      MAILBOX_NO_FIELD, admin ? 0 : right,
				      &request.in.error);
	}
	if (variant->drop >= 0)
		_exit(_metadata->passed ? 0 : 1);
}

/* --- the creator, and a mailbox that was given away ------------------- */

FIXTURE(given)
{
	char name[MBX_NAME_SIZE];
	int handle;
};

FIXTURE_SETUP(given)
{
	ASSERT_EQ(0, mbx_become(OTHER));
	self->handle = mbx_new_named(mbx_name(self->name, "given"), 1);
	ASSERT_LE(0, self->handle);
}

FIXTURE_TEARDOWN(given)
{
	close(self->handle);
}

TEST_F(given, creator_keeps_admin)
{
	struct mailbox_set set = {
		.mask = MAILBOX_SET_UID | MAILBOX_SET_GID,
		.uid = OWNER,
		.gid = GROUP,
	};
	struct mailbox_stat stat;
	int all;

	ASSERT_EQ(0, mbx_set(self->handle, &set));
	ASSERT_EQ(0, mbx_stat(self->handle, &stat));
	EXPECT_EQ(OWNER, stat.uid);
	EXPECT_EQ(OTHER, stat.creator_uid);

	/* as with ipcperms(): mode 0600 is for both */
	all = mbx_open(self->name, MAILBOX_RIGHT_ALL);
	EXPECT_LE(0, all);
	close(all);

	/* the owner may take it from the others, not from the creator */
	set.mask = MAILBOX_SET_MODE;
	set.mode = 0066;
	set.uid = 0;
	set.gid = 0;
	ASSERT_EQ(0, mbx_set(self->handle, &set));
	EXPECT_EQ(-EACCES, mbx_open(self->name, MAILBOX_RIGHT_SEND));
	all = mbx_open(self->name, MAILBOX_RIGHT_ADMIN);
	EXPECT_LE(0, all);
	close(all);
}

/* A set that is refused in part changes nothing of the rest. */
TEST_F(given, all_or_nothing)
{
	struct mailbox_set set = {
		.mask = MAILBOX_SET_MODE | MAILBOX_SET_CAPACITY | MAILBOX_SET_UID,
		.mode = 0644,
		.capacity = MAILBOX_CAPACITY_MAX + 1,
		.uid = OWNER,
	};
	struct mailbox_stat before, after;

	ASSERT_EQ(0, mbx_stat(self->handle, &before));
	EXPECT_EQ(-EINVAL, mbx_set(self->handle, &set));
	ASSERT_EQ(0, mbx_stat(self->handle, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_HARNESS_MAIN
