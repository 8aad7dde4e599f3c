#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# mailboxctl: send and recv.  The tests are in ctl_test.sh.
# shellcheck disable=SC1091,SC2034 # what is included uses it
tests='bodies too_long lines order header waiting sync follow broken_pipe policies'
. "$(dirname "$0")/ctl_test.sh"
