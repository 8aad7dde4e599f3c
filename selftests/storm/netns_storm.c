// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces come and go, and their mailboxes with them, while handles
 * on these are in use: calls wait, messages are under way, names are looked up,
 * mailboxes are destroyed and closed at the same time.
 */
#include "storm.h"

#define PROCESSES	3	/* each with namespaces of its own */
#define USERS		4	/* threads that use a namespace's mailboxes */
#define BOXES		6	/* in each namespace */
#define ROUNDS		12
#define NAME		"netns-%u"

/**
 * struct place - a namespace in use
 * @handles: on its mailboxes
 * @ready: they are there
 * @who: of the processes, for the seed
 * @user: counts users, for theirs
 * @round: of the process
 * @ended: users that saw the end of all mailboxes
 */
struct place {
	int handles[BOXES];
	int ready;
	unsigned int who;
	unsigned int user;
	unsigned int round;
	unsigned int ended;
};

static int home;	/* the namespace that all come from */

/* Each namespace has the same names: they do not meet. */
static int create(unsigned int i)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create attr = {
		.name = MBX_PTR(name),
		.flags = MAILBOX_CREATE_EXCL | (i % 2 ? MAILBOX_CREATE_PERSIST : 0),
		.rights = MAILBOX_RIGHT_ALL,
		.policy = i % 3 == 2 ? MAILBOX_POLICY_BROADCAST : MAILBOX_POLICY_SHARED,
		.mode = 0600,
		.capacity = i % 3 ? 2 : MAILBOX_UNLIMITED,
	};

	snprintf(name, sizeof(name), NAME, i);
	return mbx_create(&attr);
}

/* Something with a mailbox that may be gone at any time; false: it is. */
static bool use(int handle, __u32 *chance)
{
	char bytes[5000] = "";
	int result = 0;

	switch (storm_roll(chance) % 8) {
	case 0 ... 2: {
		struct mailbox_send send = {
			.flags = storm_roll(chance) % 4 ? 0 : MAILBOX_NONBLOCK,
			.buffer = MBX_PTR(bytes),
			.length = storm_roll(chance) % sizeof(bytes),
		};

		result = mbx_send(handle, &send);
		break;
	}
	case 3 ... 5: {
		struct mailbox_receive receive = {
			.flags = storm_roll(chance) % 4 ? 0 : MAILBOX_NONBLOCK,
			.buffer = MBX_PTR(bytes),
			.length = sizeof(bytes),
		};

		result = mbx_receive(handle, &receive);
		break;
	}
	case 6:
		result = mbx_dup(handle, MAILBOX_RIGHT_SEND);
		if (result >= 0)
			close(result);
		break;
	case 7:
		/* once in a while somebody is faster than the namespace */
		if (storm_roll(chance) % 64 == 0)
			result = mbx_destroy(handle, NULL);
		break;
	}
	if (result < 0)
		STORM_CHECK_RESULT(result, -EAGAIN, -EIDRM);
	return result != -EIDRM;
}

/* Uses them until the last is gone: no call may wait for longer. */
static long use_all(void *argument)
{
	struct place *place = argument;
	unsigned int user = __atomic_fetch_add(&place->user, 1, __ATOMIC_SEQ_CST);
	__u32 chance = storm_seeded(place->round, place->who + user);
	unsigned int left = BOXES;
	bool gone[BOXES] = { false };

	while (!__atomic_load_n(&place->ready, __ATOMIC_ACQUIRE))
		sched_yield();
	while (left) {
		unsigned int i = storm_roll(&chance) % BOXES;

		if (!gone[i] && !use(place->handles[i], &chance)) {
			gone[i] = true;
			left--;
		}
	}
	__atomic_add_fetch(&place->ended, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* One that stays without a handle, until its namespace goes. */
static void leave_one(void)
{
	int handle;
	struct mailbox_create attr = {
		.name = MBX_PTR("left alone"),
		.flags = MAILBOX_CREATE_PERSIST,
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0600,
		.capacity = 1,
	};

	handle = mbx_create(&attr);
	STORM_CHECK(handle >= 0);
	STORM_CHECK_RESULT(mbx_put(handle, "still here", MAILBOX_NONBLOCK), 0);
	close(handle);
}

/* Names are found or not, while their mailboxes are destroyed. */
static void look_up(__u32 *chance)
{
	char name[MBX_NAME_SIZE];
	int handle;

	snprintf(name, sizeof(name), NAME, storm_roll(chance) % BOXES);
	handle = mbx_open(name, MAILBOX_RIGHT_ALL);
	if (handle < 0)
		STORM_CHECK_RESULT(handle, -ENOENT);
	else
		close(handle);
}

/* Its queue is emptied after everybody has been told, in steps. */
static bool emptied(int handle, struct mailbox_stat *stat)
{
	return mbx_stat(handle, stat) || (!stat->depth && !stat->bytes);
}

static void come_and_go(unsigned int round, unsigned int who)
{
	struct place place = { .round = round, .who = who };
	__u32 chance = storm_seeded(round, who);
	struct mbx_task users[USERS];
	struct mailbox_stat stat;

	/* at home: they shall not keep the new namespace */
	for (unsigned int i = 0; i < USERS; i++)
		STORM_CHECK_RESULT(mbx_task_start(&users[i], use_all, &place), 0);
	STORM_CHECK(!unshare(CLONE_NEWNET));
	for (unsigned int i = 0; i < BOXES; i++) {
		place.handles[i] = create(i);
		if (!STORM_CHECK_RESULT(place.handles[i] < 0 ? place.handles[i] : 0, 0))
			_exit(1);
	}
	leave_one();
	__atomic_store_n(&place.ready, 1, __ATOMIC_RELEASE);
	for (unsigned int n = storm_roll(&chance) % 100; n; n--)
		look_up(&chance);
	STORM_CHECK(!setns(home, CLONE_NEWNET));

	if (!STORM_CHECK(MBX_UNTIL(__atomic_load_n(&place.ended, __ATOMIC_SEQ_CST) == USERS))) {
		storm_remark("%u of %u threads have ended", place.ended, USERS);
		storm_show_threads(getpid());
		_exit(1);
	}
	for (unsigned int i = 0; i < USERS; i++)
		mbx_task_join(&users[i]);
	for (unsigned int i = 0; i < BOXES; i++) {
		STORM_CHECK_RESULT(mbx_stat(place.handles[i], &stat), 0);
		STORM_CHECK(stat.flags & MAILBOX_STAT_DESTROYED);
		STORM_CHECK(!stat.name[0]);
		STORM_CHECK(MBX_UNTIL(emptied(place.handles[i], &stat)));
		STORM_CHECK(!stat.waiting_senders && !stat.waiting_receivers);
		if (stat.policy != MAILBOX_POLICY_BROADCAST)
			STORM_CHECK(stat.sent == stat.received + stat.dropped + stat.withdrawn);
		close(place.handles[i]);
	}
}

int main(int argc, char **argv)
{
	pid_t processes[PROCESSES];

	storm_begin(argc, argv, 2);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		processes[i] = mbx_fork();
		if (processes[i])
			continue;
		for (unsigned int round = 0; storm_goes_on(round, ROUNDS, 5); round++)
			come_and_go(round, 100 * (i + 1));
		_exit(0);
	}
	for (unsigned int i = 0; i < PROCESSES; i++)
		STORM_CHECK(mbx_join(processes[i]) == 0);
	close(home);
	storm_result("what was used went with its namespace, and who used it was told");
	storm_calm();
	return storm_end();
}
