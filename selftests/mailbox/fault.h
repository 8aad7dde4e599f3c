/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Making the allocations and the copies of this thread fail, where the kernel
 * can do that.
 */
#ifndef MBX_SELFTEST_FAULT_H
#define MBX_SELFTEST_FAULT_H

#include "common.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug"

MBX_HELPER void fault_set(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* a kernel that lacks one of them fails less, and that is seen below */
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/* Allocations that may sleep fail too, single pages too, and without a word. */
MBX_HELPER void fault_set_all(void)
{
	fault_set(DEBUGFS "/failslab/cache-filter", "N");
	fault_set(DEBUGFS "/failslab/ignore-gfp-wait", "N");
	fault_set(DEBUGFS "/failslab/verbose", "0");
	fault_set(DEBUGFS "/fail_page_alloc/ignore-gfp-wait", "N");
	fault_set(DEBUGFS "/fail_page_alloc/ignore-gfp-highmem", "N");
	fault_set(DEBUGFS "/fail_page_alloc/min-order", "0");
	fault_set(DEBUGFS "/fail_page_alloc/verbose", "0");
	fault_set(DEBUGFS "/fail_usercopy/verbose", "0");
}

/*
 * Nothing but the caches that are marked at boot (slub_debug=A): those that code
 * needs which makes a cache, a device or a table of names.  The kernel does more
 * around it, and is not at ease without memory: its tracing warns, and its caches
 * lose their names.
 */
MBX_HELPER void fault_set_marked(void)
{
	fault_set_all();
	fault_set(DEBUGFS "/failslab/cache-filter", "Y");
	fault_set(DEBUGFS "/fail_page_alloc/min-order", "10");
}

MBX_HELPER int fault_arm(int control, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(control, text, length, 0) == length ? 0 : -errno;
}

/* Has something failed since fault_arm()?  From here on nothing does. */
MBX_HELPER bool fault_disarm(int control)
{
	char text[16];
	/* reading copies too; what fails just here has not failed before */
	bool failed = pread(control, text, sizeof(text), 0) > 0 && text[0] == '0';

	while (pwrite(control, "0", 1, 0) != 1)
		;
	return failed;
}

/* --- what must be as it was ------------------------------------------- */

/* What is charged to a user. */
struct fault_charge {
	__u64 bytes;
	__u64 messages;
	__u64 mailboxes;
};

MBX_HELPER int fault_charge_of(uid_t uid, struct fault_charge *charge)
{
	struct mailbox_info info = { .flags = 0 };
	int result;

	memset(charge, 0, sizeof(*charge));
	if (setresuid(uid, 0, 0))
		return -errno;
	result = mbx_on_device(MAILBOX_IOC_INFO, &info);
	if (setresuid(0, 0, 0))
		return -errno;
	charge->bytes = info.user_bytes;
	charge->messages = info.user_messages;
	charge->mailboxes = info.user_mailboxes;
	return result;
}

/* A mailbox of a user's own: without one what is charged to the user is forgotten. */
MBX_HELPER int fault_keep_charge(uid_t uid)
{
	int fd;

	if (setresuid(uid, 0, 0))
		return -errno;
	fd = mbx_new(MAILBOX_POLICY_SHARED, 1);
	if (setresuid(0, 0, 0))
		return -errno;
	return fd;
}

/* The lowest descriptor that is free. */
MBX_HELPER int fault_free_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

#endif
