/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kmod/queue.c asks of the kernel's <linux/pid.h>, on the host: a process
 * is its number, a namespace adds something to it.
 */
#ifndef HOST_LINUX_PID_H
#define HOST_LINUX_PID_H

struct pid {
	int number;
};

struct pid_namespace {
	int offset;
};

static inline int pid_nr_ns(struct pid *pid, struct pid_namespace *ns)
{
	return pid->number + ns->offset;
}

#endif
