#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# mailboxctl: help, and wrong calls.  The tests are in ctl_test.sh.
# shellcheck disable=SC1091,SC2034 # what is included uses it
tests='help wrong_words wrong_create wrong_send_recv no_such_mailbox'
. "$(dirname "$0")/ctl_test.sh"
