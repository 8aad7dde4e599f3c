// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces come and go, and their mailboxes with them, while handles
 * on these are in use: calls wait, messages are under way, names are looked up,
 * mailboxes are destroyed and closed at the same time.  Who asked there for a
 * channel is told; a channel that was made there, and what is mapped of a segment,
 * belongs to those that have it, and stays.
 */
#include "storm.h"

#include <mailbox_ring.h>

#define PROCESSES	3	/* each with namespaces of its own */
#define USERS		4	/* threads that use a namespace's mailboxes */
#define BOXES		6	/* in each namespace */
#define ASKERS		2	/* one for whom its request was received, one for whom not */
#define ROUNDS		6
#define NAME		"netns-%u"
#define SEGMENT		(3 * mbx_page())

/**
 * struct place - a namespace in use
 * @handles: on its mailboxes
 * @ready: they are there
 * @who: of the processes, for the seed
 * @user: counts users, for theirs
 * @round: of the process
 * @ended: users that saw the end of all mailboxes
 * @shares: that all sends had, in each mailbox
 */
struct place {
	int handles[BOXES];
	int ready;
	unsigned int who;
	unsigned int user;
	unsigned int round;
	unsigned int ended;
	__u64 shares[BOXES];
};

/**
 * struct outliving - what is made in a namespace, and used when that is gone
 * @listener: its mailbox that is asked for channels
 * @askers: tasks that wait for an answer, or to be asked about
 * @ends: of a channel that was made by it
 * @segment: a handle on a segment of its
 * @memory: the segment
 */
struct outliving {
	int listener;
	struct mbx_task askers[ASKERS];
	int ends[2];
	int segment;
	void *memory;
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
static bool use(int handle, __u64 *shares, __u32 *chance)
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
		if (!result)
			__atomic_add_fetch(shares, storm_shares(&send), __ATOMIC_RELAXED);
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

		if (!gone[i] && !use(place->handles[i], &place->shares[i], &chance)) {
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

/* --- what outlives it ------------------------------------------------- */

static int new_named(const char *name, __u32 policy, __u64 capacity)
{
	struct mailbox_create attr = {
		.name = MBX_PTR(name),
		.flags = MAILBOX_CREATE_EXCL,
		.rights = MAILBOX_RIGHT_ALL,
		.policy = policy,
		.mode = 0600,
		.capacity = capacity,
	};

	return mbx_create(&attr);
}

static int connect_to(int listener, __u32 flags, struct mailbox_error *error)
{
	struct mailbox_connect connect = {
		.flags = flags, .capacity = 2,
		.ring = MAILBOX_RING_MIN, .ring_back = MAILBOX_RING_MIN,
	};
	int result = mbx_ioctl(listener, MAILBOX_IOC_CONNECT, &connect);

	*error = connect.error;
	return result ? result : connect.fd;
}

/* Asks for a channel, and gets no answer but the end of the namespace. */
static long ask(void *argument)
{
	struct outliving *outliving = argument;
	struct mailbox_error error;
	int listener;

	while ((listener = __atomic_load_n(&outliving->listener, __ATOMIC_ACQUIRE)) < 0)
		sched_yield();
	STORM_CHECK_RESULT(connect_to(listener, 0, &error), -EIDRM);
	STORM_CHECK(error.reason == MAILBOX_REASON_DESTROYED);
	return 0;
}

/* In the namespace; the askers are at home, and do not keep it. */
static void make_outliving(struct outliving *outliving)
{
	int listener = new_named("listener", MAILBOX_POLICY_SHARED, MAILBOX_UNLIMITED);
	struct mailbox_header header;
	struct mailbox_error error;
	char text[8];

	STORM_CHECK(listener >= 0);
	outliving->ends[0] = connect_to(listener, MAILBOX_NONBLOCK, &error);
	STORM_CHECK(outliving->ends[0] >= 0);
	STORM_CHECK_RESULT(mbx_get(listener, text, sizeof(text), 0, &header), 0);
	outliving->ends[1] = mailbox_accept(listener, header.sequence, 0, NULL);
	STORM_CHECK(outliving->ends[1] >= 0);
	/* on its way while the namespace goes */
	STORM_CHECK_RESULT(mbx_put(outliving->ends[0], "before", 0), 0);

	outliving->segment = new_named("segment", MAILBOX_POLICY_SEGMENT, SEGMENT);
	outliving->memory = mmap(NULL, SEGMENT, PROT_READ | PROT_WRITE, MAP_SHARED,
				 outliving->segment, 0);
	if (STORM_CHECK(outliving->memory != MAP_FAILED))
		storm_stamp(outliving->memory, SEGMENT, 1);

	__atomic_store_n(&outliving->listener, listener, __ATOMIC_RELEASE);
	/* one request is received and not answered, the others are not received */
	STORM_CHECK_RESULT(mbx_get(listener, text, sizeof(text), 0, &header), 0);
	STORM_CHECK(mbx_wait_waiters(listener, ASKERS - 1, 0));
}

/* A channel has no name, and goes when its ends are closed. */
static void use_channel(const int ends[2], __u32 *chance)
{
	struct mailbox_ring *rings[2];
	char bytes[64], copy[64];

	STORM_CHECK(!strcmp(mbx_next(ends[1]), "before"));
	STORM_CHECK_RESULT(mbx_put(ends[1], "after", MAILBOX_NONBLOCK), 0);
	STORM_CHECK(!strcmp(mbx_next(ends[0]), "after"));
	for (unsigned int i = 0; i < 2; i++)
		if (!STORM_CHECK(!mailbox_ring_open(ends[i], 0, &rings[i], NULL)))
			return;
	for (unsigned int n = storm_roll(chance) % 100 + 1; n; n--) {
		storm_stamp(bytes, sizeof(bytes), n);
		STORM_CHECK_RESULT(mailbox_ring_send(rings[n % 2], bytes, sizeof(bytes), 0), 0);
		STORM_CHECK(mailbox_ring_receive(rings[!(n % 2)], copy, sizeof(copy), 0) ==
			    sizeof(copy) && storm_stamped(copy, sizeof(copy), n));
	}
	mailbox_ring_close(rings[0]);
	close(ends[0]);
	STORM_CHECK_RESULT(mailbox_ring_send(rings[1], bytes, sizeof(bytes), 0), -EPIPE);
	mailbox_ring_close(rings[1]);
	close(ends[1]);
}

static bool is_destroyed(int handle)
{
	struct mailbox_stat stat;

	return !mbx_stat(handle, &stat) && (stat.flags & MAILBOX_STAT_DESTROYED);
}

/* Its handles are good for nothing any more, its memory is. */
static void use_segment(struct outliving *outliving)
{
	STORM_CHECK(MBX_UNTIL(is_destroyed(outliving->segment)));
	STORM_CHECK(mmap(NULL, SEGMENT, PROT_READ, MAP_SHARED, outliving->segment, 0) ==
		    MAP_FAILED && errno == EIDRM);
	close(outliving->segment);
	STORM_CHECK(storm_stamped(outliving->memory, SEGMENT, 1));
	storm_stamp(outliving->memory, SEGMENT, 2);
	STORM_CHECK(storm_stamped(outliving->memory, SEGMENT, 2));
	STORM_CHECK(!munmap(outliving->memory, SEGMENT));
}

static bool all_told(struct outliving *outliving)
{
	for (unsigned int i = 0; i < ASKERS; i++)
		if (!mbx_task_done(&outliving->askers[i]))
			return false;
	return true;
}

/* The namespace goes, or is gone. */
static void use_outliving(struct outliving *outliving, __u32 *chance)
{
	struct mailbox_stat stat;

	if (!STORM_CHECK(MBX_UNTIL(all_told(outliving)))) {
		storm_show_threads(getpid());
		_exit(1);
	}
	for (unsigned int i = 0; i < ASKERS; i++)
		mbx_task_join(&outliving->askers[i]);
	use_channel(outliving->ends, chance);
	use_segment(outliving);
	/* one was accepted, one is not answered, the other's was not received */
	STORM_CHECK(MBX_UNTIL(emptied(outliving->listener, &stat)));
	STORM_BALANCE(outliving->listener, 1, &stat);
	STORM_CHECK(stat.sent == ASKERS + 1 && stat.received == 2);
	/* with the request that nobody can answer any more */
	close(outliving->listener);
}

/* --- one namespace ---------------------------------------------------- */

static void come_and_go(unsigned int round, unsigned int who)
{
	struct outliving outliving = { .listener = -1 };
	struct place place = { .round = round, .who = who };
	__u32 chance = storm_seeded(round, who);
	struct mbx_task users[USERS];
	struct mailbox_stat stat;

	/* at home: they shall not keep the new namespace */
	for (unsigned int i = 0; i < USERS; i++)
		STORM_CHECK_RESULT(mbx_task_start(&users[i], use_all, &place), 0);
	for (unsigned int i = 0; i < ASKERS; i++)
		STORM_CHECK_RESULT(mbx_task_start(&outliving.askers[i], ask, &outliving), 0);
	STORM_CHECK(!unshare(CLONE_NEWNET));
	for (unsigned int i = 0; i < BOXES; i++) {
		place.handles[i] = create(i);
		if (!STORM_CHECK_RESULT(place.handles[i] < 0 ? place.handles[i] : 0, 0))
			_exit(1);
	}
	leave_one();
	make_outliving(&outliving);
	__atomic_store_n(&place.ready, 1, __ATOMIC_RELEASE);
	for (unsigned int n = storm_roll(&chance) % 100; n; n--)
		look_up(&chance);
	STORM_CHECK(!setns(home, CLONE_NEWNET));

	use_outliving(&outliving, &chance);
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
		/* a broadcast is received by the handle that all use, and by look_up()'s */
		STORM_BALANCE(place.handles[i], stat.policy == MAILBOX_POLICY_BROADCAST ? 2 : 1,
			      &stat);
		STORM_CHECK(stat.received + stat.dropped == place.shares[i]);
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
