// SPDX-License-Identifier: GPL-2.0
/*
 * A control group with too little memory for what its processes send and
 * receive.  Whoever comes to the limit gets ENOMEM or is killed, sender or
 * receiver: what one had not sent whole is never there, and a message that one
 * could not take is there for the next.
 */
#include "storm.h"

#include <glob.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define MEGABYTE	(1 << 20)
#define LIMIT		(12 * MEGABYTE)
#define LENGTH_MAX	(4 * MEGABYTE)
#define OWN		MEGABYTE	/* of a sender's memory */
#define SENDERS		3
#define RECEIVERS	3
#define MESSAGES	10	/* for receivers that have no room */

static char root[64], group[96];
static int mailbox;

/* How many are in a SEND: who is killed there stays in it. */
static int *sending;

static void path_in(char path[192], const char *file)
{
	snprintf(path, 192, "%s/%s", group, file);
}

static int set(const char *file, long long value)
{
	char path[192];

	path_in(path, file);
	return storm_write(path, "%lld", value);
}

static long long get(const char *file, const char *key)
{
	char path[192];

	path_in(path, file);
	return storm_number(path, key);
}

/* cgroup v2 may be mounted several times, and shows the same each time. */
static bool make_group(void)
{
	char control[96];

	snprintf(root, sizeof(root), "/tmp/storm-%d", getpid());
	snprintf(control, sizeof(control), "%s/cgroup.subtree_control", root);
	snprintf(group, sizeof(group), "%s/storm-%d", root, getpid());
	return STORM_CHECK(!mkdir(root, 0700)) &&
	       STORM_CHECK(!mount("cgroup2", root, "cgroup2", 0, NULL)) &&
	       STORM_CHECK_RESULT(storm_write(control, "+memory"), 0) &&
	       STORM_CHECK(!mkdir(group, 0700)) &&
	       STORM_CHECK_RESULT(set("memory.max", LIMIT), 0);
}

static bool group_is_gone(const char *stat)
{
	glob_t caches;

	/* KASAN keeps back what was freed, and that its group, until this */
	if (!glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches)) {
		for (size_t i = 0; i < caches.gl_pathc; i++)
			storm_write(caches.gl_pathv[i], "1");
		globfree(&caches);
	}
	return !storm_number(stat, "nr_dying_descendants ");
}

/*
 * What was charged is given back.  Kernels keep some for each CPU (64 pages,
 * MEMCG_CHARGE_BATCH in mm/memcontrol.c), and of what a process had as long as
 * others may want it.
 */
static void drop_group(void)
{
	long long kept = 64 * mbx_page() * sysconf(_SC_NPROCESSORS_CONF) + MEGABYTE / 2;
	char stat[96];

	STORM_CHECK(MBX_UNTIL(get("memory.current", "") < kept));
	if (get("memory.current", "") >= kept)
		storm_remark("%lld bytes are still charged", get("memory.current", ""));
	/* the group is not kept by what nobody will give back */
	STORM_CHECK(!rmdir(group));
	snprintf(stat, sizeof(stat), "%s/cgroup.stat", root);
	storm_write("/proc/sys/vm/drop_caches", "3");
	STORM_CHECK(MBX_UNTIL(group_is_gone(stat)));
	STORM_CHECK(!umount(root));
	STORM_CHECK(!rmdir(root));
}

/* A process in the group. */
static pid_t in_group(int (*run)(__u32 chance), __u32 chance)
{
	pid_t child = mbx_fork();

	if (!child) {
		STORM_CHECK_RESULT(set("cgroup.procs", 0), 0);
		_exit(run(chance));
	}
	return child;
}

/* --- senders ---------------------------------------------------------- */

/*
 * Messages of all lengths, until one does not go.  All that it needs itself it has
 * before, so that a page of a message is what there is no room for.
 */
static int flood(__u32 chance)
{
	unsigned char *bytes = mbx_pages(OWN / mbx_page());

	memset(bytes, 1, OWN);
	for (;;) {
		struct mailbox_send send = {
			.tag = storm_roll(&chance) % 256,
			.buffer = MBX_PTR(bytes),
			.length = storm_roll(&chance) % (storm_roll(&chance) % 4 ? 8192 : OWN),
		};
		int result;

		storm_stamp(bytes, send.length, send.tag);
		__atomic_add_fetch(sending, 1, __ATOMIC_SEQ_CST);
		result = mbx_send(mailbox, &send);
		__atomic_sub_fetch(sending, 1, __ATOMIC_SEQ_CST);
		if (result)
			return -result;
	}
}

/* Everything that is in the mailbox, whole; how much that was. */
static __u64 drain(unsigned char *bytes)
{
	struct mailbox_receive receive = {
		.flags = MAILBOX_NONBLOCK, .buffer = MBX_PTR(bytes), .length = LENGTH_MAX,
	};
	__u64 count = 0;

	for (; !mbx_receive(mailbox, &receive); count++)
		STORM_CHECK(storm_stamped(bytes, receive.header.length, receive.header.tag));
	return count;
}

static void balance(unsigned char *bytes)
{
	struct mailbox_stat stat;

	STORM_CHECK_RESULT(mbx_stat(mailbox, &stat), 0);
	STORM_CHECK(stat.sent == stat.received + stat.withdrawn + stat.depth);
	STORM_CHECK(!stat.waiting_senders && !stat.waiting_receivers);
	STORM_CHECK(drain(bytes) == stat.depth);
	/* nor did they leave it such that others could not go on */
	STORM_CHECK_RESULT(mbx_put(mailbox, "go on", MAILBOX_NONBLOCK), 0);
	STORM_CHECK(!strcmp(mbx_next(mailbox), "go on"));
	STORM_CHECK_RESULT(mbx_stat(mailbox, &stat), 0);
	STORM_CHECK(stat.sent == stat.received + stat.withdrawn);
	STORM_CHECK(!stat.depth && !stat.bytes);
}

/* The last at least finds nobody else to kill, and dies of a message half copied. */
static void senders(unsigned int round, unsigned char *bytes)
{
	long long kills = get("memory.events", "oom_kill ");
	pid_t children[SENDERS];
	int killed = 0;

	*sending = 0;
	for (unsigned int i = 0; i < SENDERS; i++)
		children[i] = in_group(flood, storm_seeded(round, i));
	for (unsigned int i = 0; i < SENDERS; i++) {
		int result = storm_join(children[i]);

		STORM_CHECK_RESULT(result, ENOMEM, 128 + SIGKILL);
		killed += result == 128 + SIGKILL;
	}
	STORM_CHECK(killed > 0);
	STORM_CHECK(get("memory.events", "oom_kill ") >= kills + killed);
	STORM_CHECK(*sending > 0 && *sending <= killed);
	STORM_CHECK(get("memory.events", "max ") > 0);
	STORM_CHECK(mbx_depth(mailbox) > 0);
	balance(bytes);
}

/* --- receivers -------------------------------------------------------- */

/* Each message into fresh memory, which is kept: there is no room for many. */
static int hoard(__u32 chance)
{
	for (;;) {
		unsigned char *bytes = mbx_pages(LENGTH_MAX / mbx_page());
		struct mailbox_receive receive = {
			.buffer = MBX_PTR(bytes), .length = LENGTH_MAX,
		};
		int result = mbx_receive(mailbox, &receive);

		if (result)
			return -result;
		STORM_CHECK(storm_stamped(bytes, receive.header.length, receive.header.tag));
	}
}

/* All receivers die with a message half copied; it goes back each time. */
static void receivers(unsigned int round, unsigned char *bytes)
{
	__u32 chance = storm_seeded(round, 20);
	long long kills = get("memory.events", "oom_kill ");
	pid_t children[RECEIVERS];

	for (unsigned int i = 0; i < MESSAGES; i++) {
		struct mailbox_send send = {
			.tag = i,
			.buffer = MBX_PTR(bytes),
			.length = LENGTH_MAX / 2 + storm_roll(&chance) % (LENGTH_MAX / 2),
		};

		storm_stamp(bytes, send.length, send.tag);
		STORM_CHECK_RESULT(mbx_send(mailbox, &send), 0);
	}
	for (unsigned int i = 0; i < RECEIVERS; i++)
		children[i] = in_group(hoard, 0);
	/* EFAULT: there was no memory for a page of the buffer, but one to kill */
	for (unsigned int i = 0; i < RECEIVERS; i++)
		STORM_CHECK_RESULT(storm_join(children[i]), EFAULT, 128 + SIGKILL);
	STORM_CHECK(get("memory.events", "oom_kill ") > kills);
	STORM_CHECK(mbx_depth(mailbox) > 0);
	balance(bytes);
}

/* --- both ------------------------------------------------------------- */

/* As flood(), but its receivers make room. */
static int stream(__u32 chance)
{
	static unsigned char bytes[MEGABYTE];
	int result;

	do {
		struct mailbox_send send = {
			.flags = storm_roll(&chance) % 4 ? 0 : MAILBOX_SEND_SYNC,
			.tag = storm_roll(&chance) % 256,
			.buffer = MBX_PTR(bytes),
			.length = storm_roll(&chance) % sizeof(bytes),
		};

		storm_stamp(bytes, send.length, send.tag);
		result = mbx_send(mailbox, &send);
	} while (STORM_CHECK_RESULT(result, 0, -ENOMEM));
	return -result;
}

/* Sent and received while the limit goes up and down; the dead are replaced. */
static void both(unsigned int round, unsigned char *bytes)
{
	__u32 chance = storm_seeded(round, 40);
	pid_t children[SENDERS + RECEIVERS] = { 0 };
	unsigned int deaths = 0, steps = 0;

	while (deaths < storm_many(20, 40) && steps++ < 1000 && storm_fine()) {
		set("memory.max", LIMIT / 4 + storm_roll(&chance) % (2 * LIMIT));
		for (unsigned int i = 0; i < SENDERS + RECEIVERS; i++) {
			int status;

			if (children[i] && waitpid(children[i], &status, WNOHANG) != children[i])
				continue;
			if (children[i]) {
				STORM_CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL :
					    WEXITSTATUS(status) == EFAULT);
				deaths++;
			}
			children[i] = in_group(i < SENDERS ? stream : hoard,
					       storm_seeded(round, 41 + steps * 8 + i));
		}
		storm_dither(&chance, 20000);
	}
	for (unsigned int i = 0; i < SENDERS + RECEIVERS; i++)
		kill(children[i], SIGKILL);
	for (unsigned int i = 0; i < SENDERS + RECEIVERS; i++)
		STORM_CHECK_RESULT(storm_join(children[i]), 128 + SIGKILL, EFAULT);
	STORM_CHECK(deaths > 0);
	set("memory.max", LIMIT);
	balance(bytes);
}

int main(int argc, char **argv)
{
	unsigned char *bytes;

	storm_begin(argc, argv, 5);
	sending = storm_shared(sizeof(*sending));
	bytes = mbx_pages(LENGTH_MAX / mbx_page());
	mailbox = mbx_new(MAILBOX_POLICY_SHARED, MAILBOX_UNLIMITED);
	STORM_CHECK(mailbox >= 0);
	if (make_group()) {
		for (unsigned int round = 0; storm_goes_on(round, 2, 1); round++)
			senders(round, bytes);
		storm_result("senders are killed at the limit, what they sent is whole");
		for (unsigned int round = 0; storm_goes_on(round, 2, 2); round++)
			receivers(round, bytes);
		storm_result("receivers die of a message, and it goes back");
		for (unsigned int round = 0; storm_goes_on(round, 1, 5); round++)
			both(round, bytes);
		storm_result("the books are balanced while both are killed");
		close(mailbox);
		drop_group();
		storm_result("the group gets its memory back");
	}
	storm_calm();
	return storm_end();
}
