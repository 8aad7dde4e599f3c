/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's limits: constants, and the parameters an administrator can set
 * at load and, in /sys/module/mailbox_ipc/parameters/, at any time.
 */
#ifndef MBIPC_LIMITS_H
#define MBIPC_LIMITS_H

#include <linux/mm.h>
#include <linux/sizes.h>

/* What the message_max parameter itself may be. */
#define MBIPC_MESSAGE_MAX_MAX	SZ_1G

/* Entries that LIST takes in one call. */
#define MBIPC_LIST_COUNT_MAX	4096

/* Bytes in a struct of an array, as newer callers may know it. */
#define MBIPC_ENTRY_MAX		4096

/*
 * A payload that fits a slab object of half a page together with its header is
 * kept in it; a larger one is kept in pages of its own, one by one.
 */
#define MBIPC_INLINE_MAX	(PAGE_SIZE / 2)

/* Receivers of a broadcast: each send goes to all of them under one lock. */
#define MBIPC_RECEIVERS_MAX	4096

/* Under one hold of the lock: senders that go on, messages that a broadcast loses. */
#define MBIPC_SETTLE_STEP	64
#define MBIPC_LOSE_STEP		4096

/* ... and sleepers at an end's rings that a WAKE looks at. */
#define MBIPC_RING_SLEEPERS	16

/* Bytes that are copied word by word. */
#define MBIPC_WORDWISE_MAX	256

/* How often a call lets others run before it falls asleep, see wait.c. */
#define MBIPC_YIELDS		4

/*
 * The parameters are read once for each use, without a lock.  Their partner is
 * the kernel's param_set_*(), which stores a whole word.
 */

/* Bytes in a message at most. */
extern unsigned int mbipc_message_max;

/* Quotas of one user (by real user id). */
extern unsigned long mbipc_user_bytes;
extern unsigned long mbipc_user_messages;
extern unsigned long mbipc_user_mailboxes;

#endif
