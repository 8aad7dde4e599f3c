// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation fails once, as in fault_test, where no mailbox is there yet:
 * while the module is loaded, and while a network namespace begins, in which it
 * makes a table of names.  Either all of it is there or nothing; the next try
 * finds no remains of this one.
 *
 * features.rst rows with their test here:
 *   memory runs out: errno, nothing lost	load.each_fails_once
 */
#include "fault.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define MODULE	"mailbox_ipc"

/* the kernel's own part in it has that many and some */
#define ENOUGH	4000

/* An exchange by name: does it work? */
static int use(void)
{
	char name[MBX_NAME_SIZE];
	int fd = mbx_new_named(mbx_name(name, "load"), 1), other, result;

	if (fd < 0)
		return fd;
	other = mbx_open(name, MAILBOX_RIGHT_ALL);
	result = other < 0 ? other : mbx_put(other, "there", MAILBOX_NONBLOCK);
	if (!result && strcmp("there", mbx_next(fd)))
		result = -EBADMSG;
	close(fd);
	if (other >= 0)
		close(other);
	return result;
}

FIXTURE(load)
{
	int control;
	void *image;
	size_t size;
};

FIXTURE_SETUP(load)
{
	struct utsname system;
	char path[256];
	struct stat stat;
	int fd;

	self->control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (self->control < 0)
		return;		/* the test says so: a set-up cannot skip it */
	ASSERT_EQ(0, fault_set_marked());
	ASSERT_EQ(0, uname(&system));
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/" MODULE ".ko", system.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &stat));
	self->size = stat.st_size;
	self->image = mmap(NULL, self->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	ASSERT_NE(MAP_FAILED, self->image);
	close(fd);
}

FIXTURE_TEARDOWN(load)
{
	if (self->control >= 0)
		close(self->control);
}

static int load(void *image, size_t size)
{
	return syscall(SYS_init_module, image, size, "") ? -errno : 0;
}

/* Another's end may still hold it for a moment. */
static bool unload(void)
{
	return MBX_UNTIL(!syscall(SYS_delete_module, MODULE, O_NONBLOCK));
}

/* Is anything of it there: the module, its device, a cache of objects? */
static bool remains(void)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	bool found = !file || !access("/sys/module/" MODULE, F_OK) || !access(MBX_DEVICE, F_OK);
	char line[512];

	while (!found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "mailbox", 7);
	if (file)
		fclose(file);
	return found;
}

TEST_F_TIMEOUT(load, each_fails_once, 600)
{
	unsigned int nth, refused = 0;
	unsigned int before[FAULT_KINDS], after[FAULT_KINDS];
	bool failed = true;

	if (self->control < 0)
		SKIP(return, "no " FAIL_NTH ": the kernel has no fault injection");
	for (nth = 1; failed && nth < ENOUGH; nth++) {
		int result;

		ASSERT_TRUE(unload());
		ASSERT_EQ(0, fault_count(before));
		ASSERT_EQ(0, fault_arm(self->control, nth));
		result = load(self->image, self->size);
		failed = fault_disarm(self->control);

		if (!result) {
			ASSERT_EQ(0, use()) TH_LOG("failure %u", nth);
			continue;
		}
		ASSERT_TRUE(failed) TH_LOG("nothing failed, but it said %d", result);
		ASSERT_EQ(0, fault_count(after));
		ASSERT_EQ(fault_errno(before, after), result) TH_LOG("failure %u", nth);
		ASSERT_FALSE(remains()) TH_LOG("failure %u", nth);
		ASSERT_EQ(0, load(self->image, self->size));
		ASSERT_EQ(0, use());
		refused++;
	}
	ASSERT_FALSE(failed);
	ASSERT_LT(0, refused);
	TH_LOG("%u failures, %u refusals", nth - 2, refused);
}

/* In a child, which takes the new namespace with it. */
static int in_new_namespace(int control, unsigned int nth, bool *failed)
{
	int result;

	if (fault_arm(control, nth))
		return -ENODATA;
	result = unshare(CLONE_NEWNET) ? -errno : 0;
	*failed = fault_disarm(control);
	/* in the new one or in the old one, names work */
	return use() ? -EBADMSG : result;
}

TEST_F_TIMEOUT(load, each_fails_once_in_a_namespace, 600)
{
	unsigned int nth, refused = 0;
	bool failed = true;

	if (self->control < 0)
		SKIP(return, "no " FAIL_NTH ": the kernel has no fault injection");
	for (nth = 1; failed && nth < ENOUGH; nth++) {
		pid_t child = mbx_fork();
		int result;

		if (!child) {
			/* the parent's is of the parent's thread */
			int control = open(FAIL_NTH, O_RDWR | O_CLOEXEC);

			failed = false;
			result = in_new_namespace(control, nth, &failed);
			_exit((-result & 0x7f) | (failed ? 0x80 : 0));
		}
		result = mbx_join(child);
		ASSERT_LE(0, result);
		failed = result & 0x80;
		result = -(result & 0x7f);
		if (!result)
			continue;
		ASSERT_TRUE(failed) TH_LOG("nothing failed, but it said %d", result);
		/* other parts of the kernel have other words for it */
		ASSERT_NE(-EBADMSG, result) TH_LOG("failure %u: no names", nth);
		refused++;
	}
	ASSERT_FALSE(failed);
	ASSERT_LT(0, refused);
	TH_LOG("%u failures, %u refusals", nth - 2, refused);
}

TEST_HARNESS_MAIN
