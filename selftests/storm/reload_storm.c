// SPDX-License-Identifier: GPL-2.0
/*
 * The module is unloaded and loaded while it is used: by descriptors, calls
 * that wait, mailboxes that were made to stay, namespaces that go, rings that are
 * mapped, and processes that are killed.  An unload is refused, and hurts nobody; or
 * it works, and nothing is left but the memory of segments that somebody has mapped.
 */
#include "storm.h"

#include <glob.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define MODULE	"mailbox_ipc"
#define TRACING	"/sys/kernel/tracing"
#define USERS	6
#define SEGMENT	(2 * mbx_page())

/* What all processes share. */
static struct {
	int stop;
	int pause;		/* come and go, but do not stay */
	unsigned int users[3];	/* successful uses: of a mailbox, of one that stays, of rings */
} *shared;

/* --- loading and unloading -------------------------------------------- */

static char *find_module(void)
{
	struct utsname system;
	char pattern[128];
	glob_t found;

	uname(&system);
	snprintf(pattern, sizeof(pattern), "/lib/modules/%s/*/" MODULE ".ko", system.release);
	return glob(pattern, 0, NULL, &found) ? NULL : found.gl_pathv[0];
}

static int load(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC), result;

	if (file < 0)
		return -errno;
	result = syscall(SYS_finit_module, file, "", 0) ? -errno : 0;
	close(file);
	return result;
}

static int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

static bool is_there(const char *path)
{
	struct stat stat_;

	return !stat(path, &stat_);
}

static bool has_caches(void)
{
	return storm_number("/proc/slabinfo", "mailbox ") >= 0 ||
	       storm_number("/proc/slabinfo", "mailbox_handle ") >= 0 ||
	       storm_number("/proc/slabinfo", "mailbox_message ") >= 0;
}

/* --- those who use it ------------------------------------------------- */

/*
 * A device to make mailboxes by, or the negative errno: the module may be away,
 * on its way to come or to go.
 */
static int find_device(void)
{
	int device = mbx_device();

	if (device < 0)
		STORM_CHECK_RESULT(device, -ENOENT, -ENODEV, -ENXIO);
	return device;
}

/* Who has a device open can do all, and nobody takes it away. */
static void use(int device, __u32 *chance)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = storm_roll(chance) % 2 * MAILBOX_POLICY_BROADCAST,
		.capacity = 4,
	};
	unsigned int messages = storm_roll(chance) % 4;
	struct mailbox_stat stat;
	int handle;

	STORM_CHECK_RESULT(mbx_ioctl(device, MAILBOX_IOC_CREATE, &attr), 0);
	handle = attr.fd;
	for (unsigned int n = messages; n; n--)
		STORM_CHECK_RESULT(mbx_put(handle, "reload", MAILBOX_NONBLOCK), 0);
	/* that handles are made by it is no reason to keep it */
	close(device);
	if (storm_roll(chance) % 2)
		mbx_next(handle);
	storm_dither(chance, 2000);
	if (storm_roll(chance) % 2)
		STORM_CHECK_RESULT(mbx_destroy(handle, NULL), 0);
	/* a broadcast as well: it has one receiver */
	STORM_BALANCE(handle, 1, &stat);
	STORM_CHECK(stat.sent == messages);
	close(handle);
	__atomic_add_fetch(&shared->users[0], 1, __ATOMIC_RELAXED);
}

/* A call waits until its mailbox is destroyed. */
static void wait_in_it(int device, __u32 *chance)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = 1,
	};
	struct mailbox_stat stat;
	struct mbx_call call;

	STORM_CHECK_RESULT(mbx_ioctl(device, MAILBOX_IOC_CREATE, &attr), 0);
	close(device);
	STORM_CHECK_RESULT(mbx_call_receive(&call, attr.fd, 0), 0);
	storm_dither(chance, 2000);
	STORM_CHECK_RESULT(unload(), -EWOULDBLOCK);
	STORM_CHECK_RESULT(mbx_destroy(attr.fd, NULL), 0);
	STORM_CHECK_RESULT(mbx_call_join(&call), -EIDRM);
	STORM_BALANCE(attr.fd, 1, &stat);
	close(attr.fd);
}

/* A channel is asked for, and the call waits for the answer. */
static long ask(void *argument)
{
	const int *mailbox = argument;
	struct mailbox_connect connect = {
		.capacity = 1, .ring = MAILBOX_RING_MIN, .ring_back = MAILBOX_RING_MIN,
	};

	return mbx_ioctl(*mailbox, MAILBOX_IOC_CONNECT, &connect);
}

/* Its request is received or not, when its mailbox is destroyed. */
static void ask_in_it(int device, __u32 *chance)
{
	struct mailbox_create attr = {
		.rights = MAILBOX_RIGHT_ALL,
		.capacity = 1,
	};
	bool received = storm_roll(chance) % 2;
	struct mailbox_stat stat;
	struct mbx_task asker;

	STORM_CHECK_RESULT(mbx_ioctl(device, MAILBOX_IOC_CREATE, &attr), 0);
	close(device);
	STORM_CHECK_RESULT(mbx_task_start(&asker, ask, &attr.fd), 0);
	storm_dither(chance, 2000);
	if (received)
		STORM_CHECK_RESULT(mbx_get(attr.fd, (char [8]){ "" }, 8, 0, NULL), 0);
	STORM_CHECK_RESULT(unload(), -EWOULDBLOCK);
	STORM_CHECK_RESULT(mbx_destroy(attr.fd, NULL), 0);
	/* who is asked already may not be asked again: then watch() interrupts for good */
	STORM_CHECK_RESULT((int)mbx_task_join(&asker), -EIDRM, received ? -EINTR : -EIDRM);
	STORM_BALANCE(attr.fd, 1, &stat);
	close(attr.fd);
}

/* No descriptor, but rings that are mapped: one of them is enough. */
static void map_rings(int device, __u32 *chance)
{
	struct mailbox_channel channel = {
		.capacity = 1, .ring = MAILBOX_RING_MIN, .ring_back = MAILBOX_RING_MIN,
	};
	size_t page = mbx_page(), size = page + 2 * MAILBOX_RING_MIN;
	unsigned int first = storm_roll(chance) % 2;
	struct mailbox_peer peer = { .flags = 0 };
	unsigned char *maps[2];

	STORM_CHECK_RESULT(mbx_ioctl(device, MAILBOX_IOC_CHANNEL, &channel), 0);
	close(device);
	STORM_CHECK_RESULT(mbx_ioctl(channel.fd_back, MAILBOX_IOC_PEER, &peer), 0);
	maps[0] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, channel.fd, 0);
	maps[1] = mmap(NULL, size, PROT_READ, MAP_SHARED, channel.fd_back, peer.theirs);
	close(channel.fd);
	close(channel.fd_back);
	if (!STORM_CHECK(maps[0] != MAP_FAILED && maps[1] != MAP_FAILED))
		return;
	storm_stamp(maps[0] + page, MAILBOX_RING_MIN, size);
	munmap(maps[first], size);
	storm_dither(chance, 2000);
	STORM_CHECK_RESULT(unload(), -EWOULDBLOCK);
	STORM_CHECK(storm_stamped(maps[!first] + page, MAILBOX_RING_MIN, size));
	munmap(maps[!first], size);
	__atomic_add_fetch(&shared->users[2], 1, __ATOMIC_RELAXED);
}

/* No descriptor, but a mailbox that is to be found again. */
static void leave_and_find(int device, __u32 *chance)
{
	char name[MBX_NAME_SIZE];
	struct mailbox_create attr = {
		.name = MBX_PTR(mbx_name(name, "reload")),
		.flags = MAILBOX_CREATE_PERSIST | MAILBOX_CREATE_EXCL,
		.rights = MAILBOX_RIGHT_ALL,
		.mode = 0600,
		.capacity = 1,
	};
	int result = mbx_ioctl(device, MAILBOX_IOC_CREATE, &attr), handle;
	struct mailbox_stat stat;

	/* an unload has begun, and will be refused: nothing may be made to stay */
	if (!STORM_CHECK_RESULT(result, 0, -ENODEV) || result) {
		close(device);
		return;
	}
	STORM_CHECK_RESULT(mbx_put(attr.fd, name, 0), 0);
	close(attr.fd);
	close(device);
	storm_dither(chance, 2000);
	handle = mbx_open(name, MAILBOX_RIGHT_ALL);
	if (!STORM_CHECK(handle >= 0))
		return;
	STORM_CHECK(!strcmp(mbx_next(handle), name));
	STORM_CHECK_RESULT(mbx_destroy(handle, NULL), 0);
	/* they were found again, too */
	STORM_BALANCE(handle, 1, &stat);
	STORM_CHECK(stat.sent == 1 && stat.received == 1);
	close(handle);
	__atomic_add_fetch(&shared->users[1], 1, __ATOMIC_RELAXED);
}

/* What was made to stay goes with its namespace, some time after its maker. */
static void leave_in_namespace(int device)
{
	pid_t child = mbx_fork();

	if (!child) {
		struct mailbox_create attr = {
			.name = MBX_PTR("reload"),
			.flags = MAILBOX_CREATE_PERSIST,
			.rights = MAILBOX_RIGHT_ALL,
			.mode = 0600,
			.capacity = 1,
		};

		STORM_CHECK(!unshare(CLONE_NEWNET));
		STORM_CHECK_RESULT(mbx_ioctl(device, MAILBOX_IOC_CREATE, &attr), 0, -ENODEV);
		_exit(0);
	}
	STORM_CHECK(!mbx_join(child));
	close(device);
}

static void be_killed(int device, __u32 *chance)
{
	pid_t child = mbx_fork();

	if (!child) {
		struct mailbox_create attr = { .rights = MAILBOX_RIGHT_ALL, .capacity = 4 };

		mbx_ioctl(device, MAILBOX_IOC_CREATE, &attr);
		mbx_put(attr.fd, "last words", 0);
		mbx_next(attr.fd);
		mbx_put(attr.fd, "very last words", 0);
		for (;;)
			mbx_get(attr.fd, (char [32]){ "" }, 32, 0, NULL);
	}
	close(device);
	storm_dither(chance, 3000);
	kill(child, SIGKILL);
	STORM_CHECK(storm_join(child) == 128 + SIGKILL);
}

static void __attribute__((noreturn)) user(unsigned int who)
{
	__u32 chance = storm_seeded(0, who);

	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		bool pause = __atomic_load_n(&shared->pause, __ATOMIC_ACQUIRE);
		int device = find_device(), kind = storm_roll(&chance) % 32;

		if (device < 0 || pause)
			close(device);
		else if (kind == 0)
			leave_in_namespace(device);
		else if (kind < 6)
			be_killed(device, &chance);
		else if (kind < 12)
			leave_and_find(device, &chance);
		else if (kind < 18)
			wait_in_it(device, &chance);
		else if (kind < 21)
			ask_in_it(device, &chance);
		else if (kind < 26)
			map_rings(device, &chance);
		else
			use(device, &chance);
		/* in a pause there are moments without a user */
		storm_dither(&chance, pause ? 50000 : 5000);
	}
	_exit(0);
}

/* --- the one who takes it away ---------------------------------------- */

struct counts {
	unsigned int refused;
	unsigned int worked;
};

/* Another who tries at the same time. */
static pid_t rival(void)
{
	pid_t child = mbx_fork();

	if (!child)
		_exit(-unload());
	return child;
}

/* Is it gone, by whomever? */
static bool try(__u32 *chance, struct counts *counts)
{
	pid_t other = storm_roll(chance) % 8 ? 0 : rival();
	int result = unload();

	STORM_CHECK_RESULT(result, 0, -EWOULDBLOCK, -EBUSY, -ENOENT);
	if (other) {
		int others = -mbx_join(other);

		STORM_CHECK_RESULT(others, 0, -EWOULDBLOCK, -EBUSY, -ENOENT);
		/* one of them at most did it */
		STORM_CHECK(result || others);
		if (!others)
			result = 0;
	}
	if (result) {
		STORM_CHECK(is_there("/sys/module/" MODULE));
		counts->refused++;
		return false;
	}
	counts->worked++;
	STORM_CHECK(!is_there("/sys/module/" MODULE));
	STORM_CHECK(!is_there(MBX_DEVICE));
	STORM_CHECK(!has_caches());
	return true;
}

/* Mapped without a descriptor: its pages are not the module's, which may go. */
static unsigned char *map_segment(__u64 tag)
{
	int segment = mbx_new(MAILBOX_POLICY_SEGMENT, SEGMENT);
	unsigned char *place;

	place = mmap(NULL, SEGMENT, PROT_READ | PROT_WRITE, MAP_SHARED, segment, 0);
	close(segment);
	if (!STORM_CHECK(place != MAP_FAILED))
		return NULL;
	/* a page that is there, and one that is not yet */
	storm_stamp(place, SEGMENT / 2, tag);
	return place;
}

static void expect_segment(unsigned char *place, __u64 tag)
{
	if (!place)
		return;
	STORM_CHECK(storm_stamped(place, SEGMENT / 2, tag));
	storm_stamp(place, SEGMENT, tag + 1);
	STORM_CHECK(storm_stamped(place, SEGMENT, tag + 1));
	STORM_CHECK(!munmap(place, SEGMENT));
}

/* Half the rounds meet users who stay, half those who only come and go. */
static void reload(const char *module, unsigned int round, __u32 *chance, struct counts *counts)
{
	unsigned char *segment = map_segment(round);
	bool pause = round % 2;
	bool gone;

	storm_dither(chance, 3000);
	__atomic_store_n(&shared->pause, pause, __ATOMIC_RELEASE);
	gone = pause ? STORM_CHECK(MBX_UNTIL(try(chance, counts))) : try(chance, counts);
	expect_segment(segment, round);
	if (gone) {
		__atomic_store_n(&shared->pause, storm_roll(chance) % 2, __ATOMIC_RELEASE);
		STORM_CHECK_RESULT(load(module), 0);
	}
	__atomic_store_n(&shared->pause, false, __ATOMIC_RELEASE);
}

/*
 * From now on somebody watches.  Code is patched for it, and a CPU that is emulated
 * by QEMU before 8.1 may translate that just then, and run into the breakpoint after
 * all is over ("Oops: int3").  So nobody runs there meanwhile, nor is the scheduler
 * patched as well, for the names of tasks.
 */
static void watch(const pid_t users[USERS])
{
	kill(-users[0], SIGSTOP);
	for (unsigned int i = 0; i < USERS; i++)
		STORM_CHECK(MBX_UNTIL(mbx_state(users[i]) == 'T'));
	storm_write(TRACING "/options/record-cmd", "0");
	storm_write(TRACING "/events/mailbox/enable", "1");
	kill(-users[0], SIGCONT);
}

static void storm(const char *module, unsigned int rounds, struct counts *counts)
{
	__u32 chance = storm_seeded(0, 0);
	pid_t users[USERS];

	for (unsigned int i = 0; i < USERS; i++) {
		users[i] = mbx_fork();
		if (!users[i])
			user(i + 1);
		STORM_CHECK(!setpgid(users[i], users[0]));
	}
	for (unsigned int round = 0; round < rounds && storm_fine(); round++) {
		/* once in a while, and whom he watches goes away */
		if (round % 16 == 1)
			watch(users);
		reload(module, round, &chance, counts);
	}
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < USERS; i++)
		STORM_CHECK(storm_join(users[i]) == 0);
	storm_write(TRACING "/events/mailbox/enable", "0");
}

int main(int argc, char **argv)
{
	char *module = find_module();
	struct counts counts = { 0 };

	storm_begin(argc, argv, 3);
	shared = storm_shared(sizeof(*shared));
	if (!STORM_CHECK(module))
		storm_remark("no " MODULE ".ko in /lib/modules");
	else
		storm(module, storm_many(24, 1000), &counts);
	storm_remark("%u unloads refused, %u worked; %u uses, %u found again, %u mapped",
		     counts.refused, counts.worked, shared->users[0], shared->users[1],
		     shared->users[2]);
	STORM_CHECK(counts.refused && counts.worked && shared->users[0] && shared->users[1] &&
		    shared->users[2]);
	storm_result("an unload is refused or works, and no user notices");
	/* nobody is left who could refuse */
	STORM_CHECK(MBX_UNTIL(!unload()));
	STORM_CHECK_RESULT(load(module), 0);
	storm_result("it can be unloaded in the end");
	storm_calm();
	return storm_end();
}
