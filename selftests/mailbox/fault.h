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

/* 0, or the negative errno, of which the reader is told. */
MBX_HELPER int fault_set(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), result = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		result = -errno;
		perror(path);
	}
	if (fd >= 0)
		close(fd);
	return result;
}

/* Memory as a vector of two pieces, the first of which is short. */
MBX_HELPER void fault_cut(struct mailbox_vector pieces[2], char *memory, size_t length)
{
	pieces[0] = (struct mailbox_vector){ MBX_PTR(memory), 33 };
	pieces[1] = (struct mailbox_vector){ MBX_PTR(memory + 33), length - 33 };
}

/* The kinds of what can fail, and where the kernel has its knobs for each. */
enum fault_kind { FAULT_SLAB, FAULT_PAGE, FAULT_COPY, FAULT_KINDS };

static const char *const fault_directory[FAULT_KINDS] __attribute__((unused)) = {
	DEBUGFS "/failslab", DEBUGFS "/fail_page_alloc", DEBUGFS "/fail_usercopy",
};

/* The kernel counts down with each failure, and at 0 stays there. */
#define FAULT_TIMES	1000000000

/*
 * Allocations that may sleep fail too, single pages too, and without a word.  Where
 * one of the knobs is missing less would fail, and nobody would see it.
 */
MBX_HELPER int fault_set_all(void)
{
	int result = 0;

	for (int kind = 0; kind < FAULT_KINDS && !result; kind++) {
		char path[64], times[16];

		snprintf(path, sizeof(path), "%s/verbose", fault_directory[kind]);
		result = fault_set(path, "0");
		snprintf(path, sizeof(path), "%s/times", fault_directory[kind]);
		snprintf(times, sizeof(times), "%d", FAULT_TIMES);
		result = result ?: fault_set(path, times);
	}
	return result ?:
	       fault_set(DEBUGFS "/failslab/cache-filter", "N") ?:
	       fault_set(DEBUGFS "/failslab/ignore-gfp-wait", "N") ?:
	       fault_set(DEBUGFS "/fail_page_alloc/ignore-gfp-wait", "N") ?:
	       fault_set(DEBUGFS "/fail_page_alloc/ignore-gfp-highmem", "N") ?:
	       fault_set(DEBUGFS "/fail_page_alloc/min-order", "0");
}

/*
 * Nothing but the caches that are marked at boot (slub_debug=A): the module's, and
 * those that code needs which makes a cache, a device or a table of names.  The kernel
 * does more around it, and is not at ease without memory: its tracing warns, and its
 * caches lose their names.
 */
MBX_HELPER int fault_set_marked(void)
{
	return fault_set_all() ?:
	       fault_set(DEBUGFS "/failslab/cache-filter", "Y") ?:
	       fault_set(DEBUGFS "/fail_page_alloc/min-order", "10");
}

/* How often each kind has failed since fault_set_all(). */
MBX_HELPER int fault_count(unsigned int count[FAULT_KINDS])
{
	for (int kind = 0; kind < FAULT_KINDS; kind++) {
		char path[64];
		FILE *file;
		int left;

		snprintf(path, sizeof(path), "%s/times", fault_directory[kind]);
		file = fopen(path, "re");
		if (!file)
			return -errno;
		if (fscanf(file, "%d", &left) != 1)
			left = -1;
		fclose(file);
		if (left < 0 || left > FAULT_TIMES)
			return -ERANGE;
		count[kind] = FAULT_TIMES - left;
	}
	return 0;
}

/* What must be said of what has failed between two counts, if anything. */
MBX_HELPER int fault_errno(const unsigned int before[FAULT_KINDS],
			   const unsigned int after[FAULT_KINDS])
{
	return after[FAULT_COPY] != before[FAULT_COPY] ? -EFAULT : -ENOMEM;
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
 * @kind: of them, of each kind
 * @no_memory: of them, those of which the call said ENOMEM
 */
struct fault_sum {
	unsigned int failures;
	unsigned int kind[FAULT_KINDS];
	unsigned int no_memory;
};

typedef void (*fault_call)(struct __test_metadata *_metadata, void *data, const void *how,
			   struct fault *fault);

/* Fail the first, the second ... of what @call does, and see that nothing is left. */
MBX_HELPER void fault_sweep(struct __test_metadata *_metadata, fault_call call, void *data,
			    const void *how, int control, struct fault_sum *sum)
{
	static const uid_t users[] = { 0, FAULT_ALICE, FAULT_NEWCOMER };
	struct fault fault = { .control = control, .failed = true };
	struct fault_charge charge[ARRAY_SIZE(users)], now;
	unsigned int before[FAULT_KINDS], after[FAULT_KINDS];
	int descriptor;

	memset(sum, 0, sizeof(*sum));
	ASSERT_LE(0, fault_keep_charge(0));
	ASSERT_LE(0, fault_keep_charge(FAULT_ALICE));
	descriptor = fault_free_descriptor();
	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		ASSERT_EQ(0, fault_charge_of(users[i], &charge[i]));
	while (fault.failed && fault.nth++ < FAULT_ENOUGH) {
		ASSERT_EQ(0, fault_count(before));
		call(_metadata, data, how, &fault);

		ASSERT_EQ(descriptor, fault_free_descriptor());
		for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
			ASSERT_EQ(0, fault_charge_of(users[i], &now));
			ASSERT_EQ(0, memcmp(&charge[i], &now, sizeof(now)));
		}
		if (!fault.failed)
			break;
		sum->failures++;
		sum->no_memory += fault.result == -ENOMEM;
		ASSERT_EQ(0, fault_count(after));
		for (int kind = 0; kind < FAULT_KINDS; kind++)
			sum->kind[kind] += after[kind] - before[kind];
		if (!fault.result)
			continue;
		ASSERT_EQ(fault_errno(before, after), fault.result) {
			TH_LOG("failure %u: the call said %d", fault.nth, fault.result);
		}
	}
	/* it came to an end, and these kinds are all */
	ASSERT_FALSE(fault.failed);
	ASSERT_EQ(sum->failures, sum->kind[FAULT_SLAB] + sum->kind[FAULT_PAGE] +
				 sum->kind[FAULT_COPY]);
	TH_LOG("%u failures: %u slab, %u page, %u copy; %u ENOMEM", sum->failures,
	       sum->kind[FAULT_SLAB], sum->kind[FAULT_PAGE], sum->kind[FAULT_COPY],
	       sum->no_memory);
}

/*
 * The same, until there were enough failures of each kind.  Where a cache of the
 * kernel's needs a page, what comes behind it is not the nth any more, and is missed by
 * this sweep.  One more is through the caches that are marked, where that is not so.
 */
MBX_HELPER void fault_each(struct __test_metadata *_metadata, fault_call call, void *data,
			   const void *how, int control, const unsigned int least[FAULT_KINDS])
{
	struct fault_sum sum;
	bool enough = false;

	for (int sweep = 0; sweep < 10 && !enough; sweep++) {
		fault_sweep(_metadata, call, data, how, control, &sum);
		ASSERT_LT(0, sum.failures);
		enough = true;
		for (int kind = 0; kind < FAULT_KINDS; kind++)
			enough &= sum.kind[kind] >= least[kind];
	}
	ASSERT_TRUE(enough) {
		TH_LOG("expected failures: %u slab, %u page, %u copy", least[FAULT_SLAB],
		       least[FAULT_PAGE], least[FAULT_COPY]);
	}
	ASSERT_EQ(0, fault_set_marked());
	fault_sweep(_metadata, call, data, how, control, &sum);
	ASSERT_EQ(0, fault_set_all());
}

/*
 * Once more, where FAULT_NEWCOMER calls.  That the account is an allocation that has
 * failed is seen by what fails once there is one, and among the caches that are marked:
 * with all of them the count is not the same each time.
 */
MBX_HELPER void fault_each_of_newcomer(struct __test_metadata *_metadata, fault_call call,
				       void *data, const void *how, int control)
{
	struct fault_sum without, with;

	ASSERT_EQ(0, fault_set_marked());
	ASSERT_FALSE(fault_has_account(control, FAULT_NEWCOMER));
	fault_sweep(_metadata, call, data, how, control, &without);
	/* the last that it was for has taken it along */
	ASSERT_FALSE(fault_has_account(control, FAULT_NEWCOMER));
	ASSERT_LE(0, fault_keep_charge(FAULT_NEWCOMER));
	ASSERT_TRUE(fault_has_account(control, FAULT_NEWCOMER));
	fault_sweep(_metadata, call, data, how, control, &with);
	ASSERT_EQ(with.no_memory + 1, without.no_memory);
}

#endif
