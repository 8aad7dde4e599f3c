/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A handle as a file: read, write, poll, close, and what /proc shows of it.
 */
#ifndef MBIPC_FILE_H
#define MBIPC_FILE_H

#include <linux/fs.h>

extern const struct file_operations mbipc_handle_fops;

#endif
