/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Making the allocations and the copies of this thread fail, where the kernel
 * can do that.
 */
#ifndef MBX_SELFTEST_FAULT_H
#define MBX_SELFTEST_FAULT_H

#include "kselftest_harness.h"
#include "common.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug"

/* No call has so many. */
#define FAULT_ENOUGH	400

/* Two other users: one who has a mailbox, and one of whom nothing is known yet. */
#define FAULT_ALICE	1000
#define FAULT_NEWCOMER	1001

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

/* Has a user an account?  Who has none is given one by INFO, if there is memory for it. */
MBX_HELPER bool fault_has_account(int control, uid_t uid)
{
	struct mailbox_info info;
	int device = mbx_device(), result = -EINVAL;
	bool failed = !setresuid(uid, 0, 0);

	for (unsigned int nth = 1; failed && result != -ENOMEM; nth++) {
		failed = !fault_arm(control, nth);
		result = mbx_info(device, &info);
		failed &= fault_disarm(control);
	}
	close(device);
	return setresuid(0, 0, 0) || result != -ENOMEM;
}

/* The lowest descriptor that is free. */
MBX_HELPER int fault_free_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

/* --- one after the other ---------------------------------------------- */

/**
 * struct fault - what fails in a call
 * @control: fail-nth of the thread that makes it
 * @nth: which allocation or copy
 * @failed: out: it has
 * @result: out: what the call said
 */
struct fault {
	int control;
	unsigned int nth;
	bool failed;
	int result;
};

/**
 * struct fault_sum - what has failed in all the calls
 * @failures: as many
 * @no_memory: of them, those of which the call said ENOMEM
 */
struct fault_sum {
	unsigned int failures;
	unsigned int no_memory;
};

typedef void (*fault_call)(struct __test_metadata *_metadata, void *data, const void *how,
			   struct fault *fault);

/* Fail the first, the second ... of what @call does, and see that nothing is left. */
MBX_HELPER void fault_each(struct __test_metadata *_metadata, fault_call call, void *data,
			   const void *how, int control, struct fault_sum *sum)
{
	static const uid_t users[] = { 0, FAULT_ALICE, FAULT_NEWCOMER };
	struct fault fault = { .control = control, .failed = true };
	struct fault_charge charge[ARRAY_SIZE(users)], now;
	int descriptor;

	memset(sum, 0, sizeof(*sum));
	ASSERT_LE(0, fault_keep_charge(0));
	ASSERT_LE(0, fault_keep_charge(FAULT_ALICE));
	descriptor = fault_free_descriptor();
	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		ASSERT_EQ(0, fault_charge_of(users[i], &charge[i]));
	while (fault.failed && fault.nth++ < FAULT_ENOUGH) {
		call(_metadata, data, how, &fault);

		ASSERT_EQ(descriptor, fault_free_descriptor());
		for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
			ASSERT_EQ(0, fault_charge_of(users[i], &now));
			ASSERT_EQ(0, memcmp(&charge[i], &now, sizeof(now)));
		}
		sum->failures += fault.failed;
		sum->no_memory += fault.failed && fault.result == -ENOMEM;
	}
	/* it came to an end */
	ASSERT_FALSE(fault.failed);
	TH_LOG("%u failures, %u without memory", sum->failures, sum->no_memory);
}

/*
 * The same, where FAULT_NEWCOMER calls.  That the account is an allocation that has
 * failed is seen by what fails once there is one, and among the caches that are marked:
 * of all of them some need a page now and then, and count differently each time.
 */
MBX_HELPER void fault_each_of_newcomer(struct __test_metadata *_metadata, fault_call call,
				       void *data, const void *how, int control,
				       struct fault_sum *sum)
{
	struct fault_sum without, with;

	ASSERT_FALSE(fault_has_account(control, FAULT_NEWCOMER));
	fault_each(_metadata, call, data, how, control, sum);
	fault_set_marked();
	fault_each(_metadata, call, data, how, control, &without);
	/* the last that it was for has taken it along */
	ASSERT_FALSE(fault_has_account(control, FAULT_NEWCOMER));
	ASSERT_LE(0, fault_keep_charge(FAULT_NEWCOMER));
	ASSERT_TRUE(fault_has_account(control, FAULT_NEWCOMER));
	fault_each(_metadata, call, data, how, control, &with);
	ASSERT_EQ(with.no_memory + 1, without.no_memory);
}

#endif
