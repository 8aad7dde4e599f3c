/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the module builds for (6.1 and later);
 * no other file asks for a version.
 */
#ifndef MBIPC_COMPAT_H
#define MBIPC_COMPAT_H

#include <linux/mm.h>
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

/* 6.17 gives mmap() another name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define mbipc_mmap(file, vma)		call_mmap(file, vma)
#else
#define mbipc_mmap(file, vma)		vfs_mmap(file, vma)
#endif

/* 7.0 gives a mapping's flags a type of their own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define mbipc_shmem_file(name, size)	shmem_file_setup(name, size, VM_NORESERVE)
#else
#define mbipc_shmem_file(name, size) \
	shmem_file_setup(name, size, mk_vma_flags(VMA_NORESERVE_BIT))
#endif

/* 6.3 makes a vma's flags read-only but for functions. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void mbipc_vm_flags(struct vm_area_struct *vma, vm_flags_t set,
				  vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#else
#define mbipc_vm_flags(vma, set, clear)	vm_flags_mod(vma, set, clear)
#endif

#endif
