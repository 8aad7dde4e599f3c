/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be seen of a mailbox, and changed.
 */
#ifndef MBIPC_MANAGE_H
#define MBIPC_MANAGE_H

#include "mailbox.h"

void mbipc_stat(struct mbipc_mailbox *mailbox, struct mailbox_stat *stat);
int mbipc_set(struct mbipc_mailbox *mailbox, const struct mailbox_set *set,
	      kuid_t uid, kgid_t gid, struct mailbox_error *err);

#endif
