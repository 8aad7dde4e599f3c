/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of bad input, races and limits share: memory that cannot be
 * used, copies that get stuck, and tasks that can be seen to sleep.
 *
 * As in common.h, nothing here prints and nothing here asserts.
 */
#ifndef MBX_SELFTEST_HOSTILE_H
#define MBX_SELFTEST_HOSTILE_H

#include "common.h"

#include <dirent.h>
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>
#include <linux/userfaultfd.h>

/* --- descriptors ----------------------------------------------------- */

/* Descriptors that this process has open. */
MBX_HELPER int mbx_open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	if (!directory)
		return -errno;
	while (readdir(directory))
		count++;
	closedir(directory);
	/* less ".", ".." and the directory itself */
	return count - 3;
}

/* --- the module's parameters ----------------------------------------- */

#define MBX_PARAMETERS	"/sys/module/mailbox_ipc/parameters/"

/* The value, or the negative errno. */
MBX_HELPER long long mbx_parameter(const char *name)
{
	char path[128];
	long long value = -EINVAL;
	FILE *file;

	snprintf(path, sizeof(path), MBX_PARAMETERS "%s", name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fscanf(file, "%lld", &value) != 1)
		value = -EINVAL;
	fclose(file);
	return value;
}

MBX_HELPER int mbx_set_parameter(const char *name, long long value)
{
	char path[128], text[32];
	int file, result;

	snprintf(path, sizeof(path), MBX_PARAMETERS "%s", name);
	snprintf(text, sizeof(text), "%lld", value);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	result = write(file, text, strlen(text)) < 0 ? -errno : 0;
	close(file);
	return result;
}

/* --- memory that cannot be used -------------------------------------- */

MBX_HELPER size_t mbx_page(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* Anonymous memory, zero; NULL if there is none. */
MBX_HELPER void *mbx_pages(size_t pages)
{
	void *base = mmap(NULL, pages * mbx_page(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return base == MAP_FAILED ? NULL : base;
}

/*
 * @size zeroed bytes, the last of which ends a page, and behind them a page
 * that nobody may touch.  Leave it to the end of the process.
 */
MBX_HELPER void *mbx_cliff(size_t size)
{
	size_t page = mbx_page(), pages = (size + page - 1) / page;
	char *base = mbx_pages(pages + 1);

	if (!base || mprotect(base + pages * page, page, PROT_NONE))
		return NULL;
	return base + pages * page - size;
}

/* Ways in which an address can be bad. */
enum mbx_nowhere {
	MBX_NULL,
	MBX_UNMAPPED,
	MBX_PROT_NONE,
	MBX_PAST_FILE,		/* mapped, but the file ends before it */
	MBX_LAST_PAGE,		/* the end of what user space may have */
	MBX_NON_CANONICAL,
	MBX_KERNEL,
	MBX_MINUS_ONE,
	MBX_READ_ONLY,		/* bad for output only */
	MBX_NOWHERE_KINDS
};

/* An address that is bad in this way; 0 also if it could not be made. */
MBX_HELPER __u64 mbx_nowhere(enum mbx_nowhere kind)
{
	size_t page = mbx_page();
	void *base;
	int file;

	switch (kind) {
	case MBX_UNMAPPED:
		base = mbx_pages(1);
		if (!base || munmap(base, page))
			return 0;
		return MBX_PTR(base);
	case MBX_PROT_NONE:
		base = mbx_pages(1);
		if (!base || mprotect(base, page, PROT_NONE))
			return 0;
		return MBX_PTR(base);
	case MBX_PAST_FILE:
		file = memfd_create("empty", MFD_CLOEXEC);
		base = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		close(file);
		return base == MAP_FAILED ? 0 : MBX_PTR(base);
	case MBX_LAST_PAGE:
		return 0x00007fffffffe000ULL;
	case MBX_NON_CANONICAL:
		return 0x8000000000000000ULL;
	case MBX_KERNEL:
		return 0xffff888000001000ULL;
	case MBX_MINUS_ONE:
		return ~0ULL;
	case MBX_READ_ONLY:
		base = mbx_pages(1);
		if (!base || mprotect(base, page, PROT_READ))
			return 0;
		return MBX_PTR(base);
	default:
		return 0;
	}
}

/* --- a task: any call in a thread ------------------------------------ */

/**
 * struct mbx_task - a function that another thread runs
 * @run: returns 0 or more, or the negative errno
 * @argument: for @run
 * @thread: who does it
 * @tid: the same for /proc; 0 until it runs
 * @done: @run has returned
 * @result: what it returned, valid after mbx_task_join()
 */
struct mbx_task {
	long (*run)(void *argument);
	void *argument;
	pthread_t thread;
	pid_t tid;
	int done;
	long result;
};

MBX_HELPER void *mbx_task_thread(void *argument)
{
	struct mbx_task *task = argument;

	__atomic_store_n(&task->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	task->result = task->run(task->argument);
	__atomic_store_n(&task->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

MBX_HELPER int mbx_task_start(struct mbx_task *task, long (*run)(void *), void *argument)
{
	memset(task, 0, sizeof(*task));
	task->run = run;
	task->argument = argument;
	if (pthread_create(&task->thread, NULL, mbx_task_thread, task))
		return -EAGAIN;
	return MBX_UNTIL(__atomic_load_n(&task->tid, __ATOMIC_ACQUIRE)) ? 0 : -ETIME;
}

MBX_HELPER bool mbx_task_done(struct mbx_task *task)
{
	return __atomic_load_n(&task->done, __ATOMIC_ACQUIRE);
}

MBX_HELPER long mbx_task_join(struct mbx_task *task)
{
	pthread_join(task->thread, NULL);
	return task->result;
}

/* --- memory in which a copy gets stuck ------------------------------- */

/**
 * struct mbx_snag - pages; who touches the last of them first is stuck there
 * @base: the first of them
 * @last: the one that is missing
 * @size: bytes in all
 * @uffd: the userfaultfd that hears of it
 */
struct mbx_snag {
	unsigned char *base;
	unsigned char *last;
	size_t size;
	int uffd;
};

/*
 * The pages before the last are there and zero.  A kernel that refuses to
 * stop its own copies there gives -EPERM or -ENOSYS.
 */
MBX_HELPER int mbx_snag(struct mbx_snag *snag, size_t pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range;

	snag->size = pages * mbx_page();
	snag->base = mbx_pages(pages);
	if (!snag->base)
		return -ENOMEM;
	/* a huge page would bring the last one with it */
	madvise(snag->base, snag->size, MADV_NOHUGEPAGE);
	snag->last = snag->base + snag->size - mbx_page();
	for (unsigned char *page = snag->base; page < snag->last; page += mbx_page())
		*(volatile unsigned char *)page = 0;

	snag->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (snag->uffd < 0)
		return -errno;
	range = (struct uffdio_register) {
		.range = { .start = MBX_PTR(snag->last), .len = mbx_page() },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	if (ioctl(snag->uffd, UFFDIO_API, &api) ||
	    ioctl(snag->uffd, UFFDIO_REGISTER, &range))
		return -errno;
	return 0;
}

/* Wait until someone is stuck in the last page. */
MBX_HELPER bool mbx_snag_caught(struct mbx_snag *snag)
{
	struct pollfd ready = { .fd = snag->uffd, .events = POLLIN };
	struct uffd_msg event;

	if (poll(&ready, 1, MBX_PATIENCE / MBX_MS) != 1)
		return false;
	return read(snag->uffd, &event, sizeof(event)) == sizeof(event) &&
	       event.event == UFFD_EVENT_PAGEFAULT;
}

/* Let him go on, with zeroes there. */
MBX_HELPER int mbx_snag_release(struct mbx_snag *snag)
{
	struct uffdio_zeropage zero = {
		.range = { .start = MBX_PTR(snag->last), .len = mbx_page() },
	};

	return ioctl(snag->uffd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}

/* Let his copy fail: the page goes. */
MBX_HELPER int mbx_snag_break(struct mbx_snag *snag)
{
	struct uffdio_range range = { .start = MBX_PTR(snag->last), .len = mbx_page() };

	/* keep the address from others: no access, but still ours */
	if (mprotect(snag->last, mbx_page(), PROT_NONE))
		return -errno;
	return ioctl(snag->uffd, UFFDIO_WAKE, &range) ? -errno : 0;
}

#endif /* MBX_SELFTEST_HOSTILE_H */
