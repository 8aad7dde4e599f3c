// SPDX-License-Identifier: GPL-2.0
/*
 * User namespaces come and go, each with ids shifted by another amount, and
 * talk through one mailbox.  Everybody sees senders and owners in numbers of
 * its own, also of namespaces that are gone; and is let in by who it is outside.
 */
#include "storm.h"

#define PROCESSES	6
#define SPAWNS		60	/* namespaces, in each round */
#define ACTS		30	/* in each namespace */
#define BASES		4	/* where a namespace's ids may begin outside */
#define IDS		8	/* ids in each */
#define DOORS		4	/* mailboxes with a name */
#define NOBODY		65534	/* whom a namespace does not know */
#define DOOR		"userns-door-%u"

static int hub;

/* Everybody knows of the doors who may come in. */
static struct door {
	__u32 uid;
	__u32 gid;
	__u32 mode;
} doors[DOORS];

/**
 * struct self - who one is
 * @base: where one's namespace begins
 * @uid: as it is outside
 * @gid: as it is outside
 */
struct self {
	__u32 base;
	__u32 uid;
	__u32 gid;
};

/* A message says who sent it, in numbers of the outside. */
struct letter {
	__u32 uid;
	__u32 gid;
};

static __u32 base_of(unsigned int i)
{
	/* they overlap, so that one id has several numbers */
	return 200000 + i * (IDS / 2);
}

/* An id of the outside, as it is seen here. */
static __u32 seen(const struct self *self, __u32 id)
{
	return id >= self->base && id < self->base + IDS ? id - self->base : NOBODY;
}

static void check_letter(const struct self *self, const struct letter *letter,
			 const struct mailbox_header *header)
{
	STORM_CHECK(header->length == sizeof(*letter));
	if (STORM_CHECK(header->uid == seen(self, letter->uid) &&
			header->gid == seen(self, letter->gid)))
		return;
	storm_remark("from %u:%u, seen as %u:%u where ids begin at %u", letter->uid,
		     letter->gid, header->uid, header->gid, self->base);
}

static void send(const struct self *self, __u32 flags)
{
	struct letter letter = { self->uid, self->gid };
	struct mailbox_send send = {
		.flags = flags | MAILBOX_NONBLOCK,
		.buffer = MBX_PTR(&letter),
		.length = sizeof(letter),
	};
	int result = mbx_send(hub, &send);

	STORM_CHECK_RESULT(result, 0, -EAGAIN);
	if (!result && flags & MAILBOX_SEND_SYNC)
		STORM_CHECK((send.receipt.uid < IDS || send.receipt.uid == NOBODY) &&
			    (send.receipt.gid < IDS || send.receipt.gid == NOBODY));
}

static void receive(const struct self *self, __u32 milliseconds)
{
	struct letter letter;
	struct mailbox_receive receive = {
		.flags = MAILBOX_DEADLINE,
		.buffer = MBX_PTR(&letter),
		.length = sizeof(letter),
		.deadline = mbx_in_ms(milliseconds),
	};
	int result = mbx_receive(hub, &receive);

	STORM_CHECK_RESULT(result, 0, -ETIMEDOUT);
	if (!result)
		check_letter(self, &letter, &receive.header);
}

/* As the mode says; capabilities in one's own namespace are none out there. */
static void knock(const struct self *self, __u32 *chance)
{
	unsigned int i = storm_roll(chance) % DOORS;
	__u32 rights = 1 + storm_roll(chance) % MAILBOX_RIGHT_ALL, granted = doors[i].mode;
	char name[MBX_NAME_SIZE];
	bool owner = self->uid == doors[i].uid, may;
	struct mailbox_stat stat;
	int handle;

	if (owner)
		granted >>= 6;
	else if (self->gid == doors[i].gid)
		granted >>= 3;
	may = (!(rights & MAILBOX_RIGHT_SEND) || granted & 2) &&
	      (!(rights & MAILBOX_RIGHT_RECEIVE) || granted & 4);
	snprintf(name, sizeof(name), DOOR, i);
	handle = mbx_open(name, rights);
	if (handle < 0) {
		STORM_CHECK(handle == (may ? -EPERM : -EACCES));
		STORM_CHECK(!may || (rights & MAILBOX_RIGHT_ADMIN && !owner));
		return;
	}
	STORM_CHECK(may && (!(rights & MAILBOX_RIGHT_ADMIN) || owner));
	STORM_CHECK_RESULT(mbx_stat(handle, &stat), 0);
	STORM_CHECK(stat.uid == seen(self, doors[i].uid) && stat.gid == seen(self, doors[i].gid));
	STORM_CHECK(stat.creator_uid == NOBODY && stat.creator_gid == NOBODY);
	close(handle);
}

/* In a network of one's own one is at home: root there comes in everywhere. */
static void at_home(const struct self *self, __u32 *chance)
{
	struct mailbox_create attr = {
		.name = MBX_PTR("home"),
		.flags = storm_roll(chance) % 2 ? MAILBOX_CREATE_PERSIST : 0,
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = 2,
	};
	int handle, other;

	/* an ordinary user may not have one */
	if (unshare(CLONE_NEWNET))
		return;
	handle = mbx_create(&attr);
	STORM_CHECK(handle >= 0);
	STORM_CHECK_RESULT(mbx_put(handle, "mine", 0), 0);
	other = mbx_open("home", MAILBOX_RIGHT_ALL);
	STORM_CHECK(other >= 0);
	close(handle);
	close(other);
}

/* Be somebody in there, with capabilities or without. */
static bool become(struct self *self, __u32 *chance)
{
	__u32 uid = storm_roll(chance) % IDS, gid = storm_roll(chance) % IDS;

	self->uid = self->base + uid;
	self->gid = self->base + gid;
	return STORM_CHECK(!setgroups(0, NULL)) && STORM_CHECK(!setresgid(gid, gid, gid)) &&
	       STORM_CHECK(!setresuid(uid, uid, uid));
}

static void live(struct self *self, __u32 *chance)
{
	for (unsigned int act = 0; act < ACTS; act++) {
		switch (storm_roll(chance) % 8) {
		case 0 ... 2:
			send(self, 0);
			break;
		case 3:
			send(self, MAILBOX_SEND_SYNC);
			break;
		case 4 ... 5:
			receive(self, storm_roll(chance) % 4);
			break;
		default:
			knock(self, chance);
		}
	}
	if (storm_roll(chance) % 4 == 0)
		at_home(self, chance);
}

static bool map_ids(pid_t child, __u32 base)
{
	char path[64];
	bool good;

	snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	good = STORM_CHECK_RESULT(storm_write(path, "0 %u %u", base, IDS), 0);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", child);
	return STORM_CHECK_RESULT(storm_write(path, "0 %u %u", base, IDS), 0) && good;
}

/* A process in a namespace of its own, which it starts with. */
static pid_t spawn(unsigned int round, unsigned int number)
{
	__u32 chance = storm_seeded(round, number);
	struct self self = { .base = base_of(storm_roll(&chance) % BASES) };
	int go[2];
	pid_t child;

	STORM_CHECK(!pipe2(go, O_CLOEXEC));
	child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (!child) {
		char byte;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		if (read(go[0], &byte, 1) == 1 && become(&self, &chance))
			live(&self, &chance);
		_exit(0);
	}
	close(go[0]);
	STORM_CHECK(child > 0);
	if (map_ids(child, self.base))
		STORM_CHECK(write(go[1], "g", 1) == 1);
	close(go[1]);
	return child;
}

static void open_door(unsigned int i, __u32 *chance, int *handle)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create attr = {
		.name = MBX_PTR(name),
		.flags = MAILBOX_CREATE_EXCL,
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = 4,
	};
	struct mailbox_set set = {
		.mask = MAILBOX_SET_UID | MAILBOX_SET_GID | MAILBOX_SET_MODE,
		.uid = base_of(0) + storm_roll(chance) % (2 * IDS),
		.gid = base_of(0) + storm_roll(chance) % (2 * IDS),
		.mode = storm_roll(chance) & 0666,
	};

	snprintf(name, sizeof(name), DOOR, i);
	*handle = mbx_create(&attr);
	STORM_CHECK_RESULT(mbx_set(*handle, &set), 0);
	doors[i] = (struct door) { set.uid, set.gid, set.mode };
}

static void storm(unsigned int round)
{
	__u32 chance = storm_seeded(round, 0);
	pid_t children[PROCESSES] = { 0 };
	int handles[DOORS];
	struct mailbox_stat stat;

	hub = mbx_new(MAILBOX_POLICY_SHARED, 64);
	STORM_CHECK(hub >= 0);
	for (unsigned int i = 0; i < DOORS; i++)
		open_door(i, &chance, &handles[i]);
	for (unsigned int n = 0; n < SPAWNS + PROCESSES; n++) {
		pid_t *child = &children[n % PROCESSES];

		if (*child) {
			bool killed = storm_roll(&chance) % 4 == 0;

			if (killed)
				kill(*child, SIGKILL);
			STORM_CHECK_RESULT(storm_join(*child), 0, killed ? 128 + SIGKILL : 0);
		}
		*child = n < SPAWNS ? spawn(round, n + 1) : 0;
	}
	/* who sent these has gone, and is known */
	STORM_BALANCE(hub, 1, &stat);
	STORM_CHECK(stat.sent && stat.received && !stat.dropped);
	while (stat.depth--) {
		struct letter letter;
		struct mailbox_receive receive = {
			.flags = MAILBOX_NONBLOCK,
			.buffer = MBX_PTR(&letter),
			.length = sizeof(letter),
		};

		STORM_CHECK_RESULT(mbx_receive(hub, &receive), 0);
		STORM_CHECK(receive.header.uid == letter.uid && receive.header.gid == letter.gid);
	}
	close(hub);
	for (unsigned int i = 0; i < DOORS; i++)
		close(handles[i]);
}

static bool owes_nothing(void)
{
	struct mailbox_info info;

	memset(&info, 0, sizeof(info));
	return !mbx_on_device(MAILBOX_IOC_INFO, &info) && !info.user_bytes &&
	       !info.user_messages && !info.user_mailboxes;
}

/*
 * Every user that there was owes nothing any more.  A network goes a little later
 * than its last process, and only then a mailbox that was to stay in it.
 */
static void nobody_owes(void)
{
	for (__u32 id = base_of(0); id < base_of(BASES - 1) + IDS; id++) {
		pid_t child = mbx_fork();

		if (!child) {
			STORM_CHECK_RESULT(mbx_become(id), 0);
			_exit(!MBX_UNTIL(owes_nothing()));
		}
		STORM_CHECK(storm_join(child) == 0);
	}
}

int main(int argc, char **argv)
{
	storm_begin(argc, argv, 3);
	for (unsigned int round = 0; storm_goes_on(round, 2, 3); round++)
		storm(round);
	storm_result("all are seen, and let in, as who they are");
	nobody_owes();
	storm_result("no user owes anything");
	storm_calm();
	return storm_end();
}
