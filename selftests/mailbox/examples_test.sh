#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The example programs: each does its work, and the work is right.  They are in
# the PATH; TAP on stdout.
#
#	examples_test.sh [TEST...]
#
# shellcheck disable=SC2317,SC2086,SC2015 # called by name; pids need no quotes
set -u
export LC_ALL=C

dir=$(mktemp -d)
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1

# A text of some thousand lines: words, in no order, some often, some lines
# empty, some long, the last one without a newline.
awk 'BEGIN {
	seed = 1
	for (line = 0; line < 6000; line++) {
		words = line % 97 == 0 ? 0 : line % 89 == 0 ? 120 : 1 + line % 11
		for (word = 0; word < words; word++) {
			seed = (seed * 1103515245 + 12345) % 2147483648
			printf "%s%c%c%c", word ? " " : "", 65 + seed % 13, 97 + seed / 64 % 7, 97 + seed / 4096 % 5
		}
		printf "\n"
	}
	printf "no newline here"
}' >text

test_buffer_bounded()
{
	buffer 4
}

test_buffer_rendezvous()
{
	buffer 0
}

test_buffer_unlimited()
{
	buffer unlimited
}

test_semaphore()
{
	semaphore
}

test_parsort()
{
	sort text >expected || return 1
	parsort text sorted 3 && cmp expected sorted || return 1
	parsort text sorted 1 && cmp expected sorted || return 1
	: >empty
	parsort empty sorted && cmp empty sorted || return 1
	! parsort text sorted 0 && ! parsort /no/such/file sorted
}

test_pipeline()
{
	pipeline <text >counted || return 1
	tr -cs A-Za-z '\n' <text | tr '[:upper:]' '[:lower:]' | sed '/^$/d' | sort | uniq -c |
		awk '{ printf "%7d %s\n", $1, $2 }' | sort -k 1,1nr -k 2 | cmp - counted
}

test_bank()
{
	bank
}

test_pubsub()
{
	pubsub
}

test_meet()
{
	meet serve "examples.$$" >served &
	server=$!
	meet call "examples.$$" hello >called || return 1
	wait $server || return 1
	grep -q '"hello", from process [0-9]* of user 0, which waits' served &&
		grep -q "taken by process $server of user 0" called
}

# Each of the frames is shown or dropped.  The viewer looks away until some are dropped,
# and 60 last until then, whoever is faster: 24 before, 3 in the ring, and 5 dropped.
test_video()
{
	timeout 240 video 60 >counted || return 1
	awk '$5 == "1" && $6 == "MiB" && $2 + $8 == 60 && $13 == $2 && $15 == $8 &&
	     $2 > 0 && $8 >= 5 { good = 1 }
	     END { exit !good }' counted
}

test_collector()
{
	collector 1000 20 >counted || return 1
	grep -q '^collector: 20000 lines of 1000 producers, each in its order; told' counted
}

# It is asked for, and so no mistake; and what is no number is one.
test_help()
{
	for example in video collector; do
		"$example" --help | grep -q "^usage: $example" && ! "$example" none || return 1
	done
}

[ $# -gt 0 ] || set -- buffer_bounded buffer_rendezvous buffer_unlimited semaphore parsort \
	pipeline bank pubsub meet video collector help

echo 'TAP version 13'
echo "1..$#"
number=0
failed=0
for test; do
	number=$((number + 1))
	if "test_$test" >output 2>&1; then
		echo "ok $number - $test"
	else
		failed=$((failed + 1))
		tail -n 5 output | sed 's/^/# /'
		echo "not ok $number - $test"
	fi
done
exit $((failed > 0))
