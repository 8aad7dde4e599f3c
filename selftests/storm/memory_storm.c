// SPDX-License-Identifier: GPL-2.0
/*
 * A control group with too little memory for what its processes send and
 * receive.  Whoever comes to the limit gets ENOMEM or is killed, sender or
 * receiver: what one had not sent whole is never there, and a message that one
 * could not take is there for the next.  So it is for channels with rings and for
 * segments, whose pages are all given back.
 */
#include "storm.h"

#include <glob.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <mailbox_ring.h>

#define MEGABYTE	(1 << 20)
#define LIMIT		(12 * MEGABYTE)
#define LENGTH_MAX	(4 * MEGABYTE)
#define OWN		MEGABYTE	/* of a sender's memory */
#define SENDERS		3
#define RECEIVERS	3
#define MESSAGES	10	/* for receivers that have no room */
#define HOLDERS		3
#define ENDS		64	/* that are held outside of the group */
#define RING		MAILBOX_RING_MIN
#define RECORD		1000

static char root[64], group[96];
static int mailbox;
static int listener;

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

/* KASAN keeps back what was freed, and that its group, until this. */
static void shrink_caches(void)
{
	glob_t caches;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches))
		return;
	for (size_t i = 0; i < caches.gl_pathc; i++)
		storm_write(caches.gl_pathv[i], "1");
	globfree(&caches);
}

/*
 * A CPU holds the last pages that came there (mm/swap.c, lru_pvecs), whose process
 * may be long gone, until more come or something is unmapped there.
 */
static void drain_cpus(void)
{
	cpu_set_t all, one;
	void *page;

	if (!STORM_CHECK(!sched_getaffinity(0, sizeof(all), &all)))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		STORM_CHECK(!sched_setaffinity(0, sizeof(one), &one));
		page = mbx_pages(1);
		if (STORM_CHECK(page))
			munmap(page, mbx_page());
	}
	STORM_CHECK(!sched_setaffinity(0, sizeof(all), &all));
}

/* Nor what others have cached in its name, once they let go of it. */
static bool group_is_gone(const char *stat)
{
	drain_cpus();
	storm_write("/proc/sys/vm/drop_caches", "3");
	shrink_caches();
	return !storm_number(stat, "nr_dying_descendants ");
}

/*
 * Kernels keep some for each CPU (64 pages, MEMCG_CHARGE_BATCH in
 * mm/memcontrol.c), and of what a process had as long as others may want it.
 */
static long long may_keep(void)
{
	return 64 * mbx_page() * sysconf(_SC_NPROCESSORS_CONF) + MEGABYTE / 2;
}

static bool given_back(void)
{
	if (get("memory.current", "") < may_keep())
		return true;
	shrink_caches();
	return get("memory.current", "") < may_keep();
}

/* What was charged is given back. */
static void expect_given_back(void)
{
	if (!STORM_CHECK(MBX_UNTIL(given_back())))
		storm_remark("%lld bytes are still charged", get("memory.current", ""));
}

static void drop_group(void)
{
	char stat[96];

	expect_given_back();
	/* the group is not kept by what nobody will give back */
	STORM_CHECK(!rmdir(group));
	snprintf(stat, sizeof(stat), "%s/cgroup.stat", root);
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

	STORM_BALANCE(mailbox, 1, &stat);
	/* it is not destroyed, and who receives by it stays */
	STORM_CHECK(!stat.dropped);
	STORM_CHECK(drain(bytes) == stat.depth);
	/* nor did they leave it such that others could not go on */
	STORM_CHECK_RESULT(mbx_put(mailbox, "go on", MAILBOX_NONBLOCK), 0);
	STORM_CHECK(!strcmp(mbx_next(mailbox), "go on"));
	STORM_BALANCE(mailbox, 1, &stat);
	STORM_CHECK(!stat.depth);
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

/* --- channels and segments -------------------------------------------- */

/* Records until the ring of this end is full, or nobody is to read them; or -ENOMEM. */
static int fill_ring(int end, __u64 tag)
{
	unsigned char bytes[RECORD];
	struct mailbox_ring *ring;
	int result = mailbox_ring_open(end, 0, &ring, NULL);

	if (result)
		return result;
	storm_stamp(bytes, sizeof(bytes), tag);
	while (!(result = mailbox_ring_send(ring, bytes, sizeof(bytes), 0)))
		;
	/* what is written stays mapped, until the end of the process */
	return STORM_CHECK_RESULT(result, -ETIMEDOUT, -EPIPE) ? 0 : result;
}

/* All that was said, until its end; how much that was. */
static __u64 drain_ring(int end, __u64 tag)
{
	unsigned char bytes[RECORD];
	struct mailbox_ring *ring;
	ssize_t result;
	__u64 count = 0;

	if (!STORM_CHECK(!mailbox_ring_open(end, 0, &ring, NULL)))
		return 0;
	for (;; count++) {
		result = mailbox_ring_receive(ring, bytes, sizeof(bytes), MAILBOX_FOREVER);
		if (result < 0)
			break;
		STORM_CHECK(result == RECORD && storm_stamped(bytes, sizeof(bytes), tag));
	}
	STORM_CHECK_RESULT((int)result, -EPIPE);
	mailbox_ring_close(ring);
	return count;
}

static int hold_channel(__u32 size, __u64 tag)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 1, .ring = size, .ring_back = RING,
	};
	int ends[2];

	return mailbox_channel(ends, &attr, NULL) ?: fill_ring(ends[0], tag);
}

/* Whoever hears of it outside has the rings as well, at the group's cost. */
static int hold_request(__u32 size, __u64 tag)
{
	struct mailbox_connect connect = {
		.flags = MAILBOX_NONBLOCK, .tag = tag,
		.capacity = 1, .ring = size, .ring_back = RING,
	};

	return mbx_ioctl(listener, MAILBOX_IOC_CONNECT, &connect) ?: fill_ring(connect.fd, tag);
}

/* Memory that is there by its mapping, or by its descriptor as well. */
static int hold_segment(size_t size, bool close_it)
{
	int segment = mbx_new(MAILBOX_POLICY_SEGMENT, size);
	void *place;

	if (segment < 0)
		return segment;
	place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment, 0);
	if (place == MAP_FAILED)
		return -errno;
	if (close_it)
		close(segment);
	storm_stamp(place, size, size);
	STORM_CHECK(storm_stamped(place, size, size));
	return 0;
}

/* More and more, until there is no room for it. */
static int hold(__u32 chance)
{
	int result = 0;

	while (!result) {
		__u32 size = RING << storm_roll(&chance) % 5;
		__u64 tag = storm_roll(&chance) % 256;

		switch (storm_roll(&chance) % 4) {
		case 0:
			result = hold_segment(size, tag % 2);
			break;
		case 1:
			result = hold_channel(size, tag);
			break;
		default:
			result = hold_request(size, tag);
			break;
		}
	}
	return -result;
}

/**
 * struct ends - of channels that processes of the group have asked for
 * @fd: each
 * @tag: that of what is said there
 * @count: how many
 * @requests: that were received
 */
struct ends {
	int fd[ENDS];
	__u64 tag[ENDS];
	unsigned int count;
	unsigned int requests;
};

/* Requests are accepted, refused, or not answered. */
static void serve(struct ends *ends, __u32 *chance)
{
	struct mailbox_header header;
	char text[8];
	int end;

	while (!mbx_get(listener, text, sizeof(text), MAILBOX_NONBLOCK, &header)) {
		ends->requests++;
		switch (storm_roll(chance) % 4) {
		case 0:
			STORM_CHECK_RESULT(mailbox_refuse(listener, header.sequence, 0, NULL), 0,
					   -ENOENT);
			continue;
		case 1:
			continue;
		}
		if (ends->count == ENDS)
			continue;
		end = mailbox_accept(listener, header.sequence, 0, NULL);
		if (!STORM_CHECK_RESULT(end < 0 ? end : 0, 0, -ENOENT) || end < 0)
			continue;
		ends->fd[ends->count] = end;
		ends->tag[ends->count++] = header.tag;
	}
}

static bool all_ended(pid_t children[HOLDERS], unsigned int *killed)
{
	bool all = true;
	int status;

	for (unsigned int i = 0; i < HOLDERS; i++) {
		if (children[i] && waitpid(children[i], &status, WNOHANG) == children[i]) {
			children[i] = 0;
			*killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
			STORM_CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL :
				    WEXITSTATUS(status) == ENOMEM);
		}
		all &= !children[i];
	}
	return all;
}

/* Who holds too much dies of it; who is at the other end hears all, and the end. */
static void holders(unsigned int round)
{
	long long kills = get("memory.events", "oom_kill ");
	__u32 chance = storm_seeded(round, 60);
	struct ends ends = { .count = 0 };
	pid_t children[HOLDERS];
	struct mailbox_stat stat;
	unsigned int killed = 0;
	__u64 records = 0;

	listener = mbx_new(MAILBOX_POLICY_SHARED, MAILBOX_UNLIMITED);
	STORM_CHECK(listener >= 0);
	for (unsigned int i = 0; i < HOLDERS; i++)
		children[i] = in_group(hold, storm_seeded(round, 61 + i));
	STORM_CHECK(MBX_UNTIL((serve(&ends, &chance), all_ended(children, &killed))));
	for (unsigned int i = 0; i < HOLDERS; i++)
		if (children[i])
			storm_join(children[i]);
	STORM_CHECK(killed > 0);
	STORM_CHECK(get("memory.events", "oom_kill ") >= kills + killed);
	for (unsigned int i = 0; i < ends.count; i++) {
		records += drain_ring(ends.fd[i], ends.tag[i]);
		close(ends.fd[i]);
	}
	STORM_CHECK(records > 0);
	/* who does not wait for the answer cannot take its request back */
	STORM_BALANCE(listener, 1, &stat);
	STORM_CHECK(stat.received == ends.requests && !stat.dropped && !stat.withdrawn);
	/* with the requests that are there, or that were received and not answered */
	close(listener);
	expect_given_back();
	STORM_CHECK(MBX_UNTIL(!get("memory.stat", "shmem ")));
}

/* So many channels that one page of each ring were too much to be kept. */
static int churn_channels(__u32 chance)
{
	const struct mailbox_channel_attr attr = {
		.capacity = 1, .ring = RING, .ring_back = RING,
	};
	int ends[2];

	for (long long n = may_keep() / mbx_page(); n; n--) {
		bool mapped_last = storm_roll(&chance) % 2;
		void *place;

		if (!STORM_CHECK(!mailbox_channel(ends, &attr, NULL)))
			break;
		place = mmap(NULL, 3 * RING, PROT_READ | PROT_WRITE, MAP_SHARED, ends[0], 0);
		if (STORM_CHECK(place != MAP_FAILED))
			memset(place, 1, 3 * RING);
		if (!mapped_last)
			munmap(place, 3 * RING);
		close(ends[0]);
		close(ends[1]);
		if (mapped_last)
			munmap(place, 3 * RING);
	}
	return 0;
}

/* Pages of segments are counted exactly: fewer will do, gone in one way or another. */
static int churn_segments(__u32 chance)
{
	struct mailbox_destroy now = { .flags = MAILBOX_DESTROY_NOW };
	size_t size = 8 * mbx_page();

	for (unsigned int n = 100; n; n--) {
		int segment = mbx_new(MAILBOX_POLICY_SEGMENT, size);
		void *place;

		if (!STORM_CHECK(segment >= 0))
			break;
		place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment, 0);
		if (!STORM_CHECK(place != MAP_FAILED))
			break;
		memset(place, 1, size);
		if (storm_roll(&chance) % 2)
			STORM_CHECK_RESULT(mbx_ioctl(segment, MAILBOX_IOC_DESTROY, &now), 0);
		if (storm_roll(&chance) % 2)
			munmap(place, size);
		close(segment);
	}
	/* the memory is the group's, and nobody else's */
	STORM_CHECK(MBX_UNTIL(get("memory.stat", "shmem ") > 0));
	return 0;
}

static void churn(unsigned int round)
{
	pid_t child;

	expect_given_back();
	child = in_group(churn_channels, storm_seeded(round, 80));
	STORM_CHECK(storm_join(child) == 0);
	expect_given_back();
	child = in_group(churn_segments, storm_seeded(round, 81));
	STORM_CHECK(storm_join(child) == 0);
	STORM_CHECK(MBX_UNTIL(!get("memory.stat", "shmem ")));
	expect_given_back();
}

int main(int argc, char **argv)
{
	unsigned char *bytes;

	storm_begin(argc, argv, 7);
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
		for (unsigned int round = 0; storm_goes_on(round, 1, 6); round++)
			holders(round);
		storm_result("channels and segments die with who had them, their end is told");
		for (unsigned int round = 0; storm_goes_on(round, 1, 7); round++)
			churn(round);
		storm_result("all pages of rings and segments come back");
		close(mailbox);
		drop_group();
		storm_result("the group gets its memory back");
	}
	storm_calm();
	return storm_end();
}
