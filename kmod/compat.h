/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the module builds for (6.1 and later);
 * no other file asks for a version.
 */
#ifndef MBIPC_COMPAT_H
#define MBIPC_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "mailbox_ipc needs Linux 6.1 or later"
#endif

/* 6.10 lets __assign_str() find its source by itself. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define mbipc_assign_str(field, source)	__assign_str(field, source)
#else
#define mbipc_assign_str(field, source)	__assign_str(field)
#endif

#endif
