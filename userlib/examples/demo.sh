#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a mailbox does, to be watched: a parallel sort, a shell pipeline, two
# processes that meet by name, and what goes through rings: a stream of frames, and
# the logs of a thousand processes.  `make demo` runs it in a guest.
#
#	demo.sh [TEXT]
#
# TEXT is what is sorted, a text file (/demo/text.txt).  Needs the module, and
# mailboxctl and the example programs in the PATH.
set -eu
export LC_ALL=C

text=${1:-/demo/text.txt}
headings=500
scratch=$(mktemp -d)
step='the start'

finish()
{
	status=$?
	mailboxctl rm --force demo.headings demo.loud 2>/dev/null
	rm -rf "$scratch"
	[ $status -eq 0 ] || echo "demo: FAILED in $step"
}
trap finish EXIT

# Seconds and hundredths since the boot, as an integer of hundredths.
now()
{
	IFS=' .' read -r whole part _ </proc/uptime
	# 08 and 09 are no octal numbers
	echo $((whole * 100 + ${part#0}))
}

since()
{
	passed=$(($(now) - $1))
	printf '%d.%d' $((passed / 100)) $((passed % 100 / 10))
}

title()
{
	step=$1
	printf '\n=== %s\n' "$1"
}

# Show a command line, and run it.
try()
{
	printf '$ %s\n' "$1"
	eval "$1"
}

begun=$(now)
bytes=$(wc -c <"$text")
lines=$(wc -l <"$text")

echo "Mailbox IPC on Linux $(uname -r)"
mailboxctl info | sed 's/^/  /'

title "1. A parallel sort: four workers share a mailbox, $bytes bytes, $lines lines"
parsort "$text" "$scratch/sorted" 4
reference=/demo/sort
[ -x "$reference" ] || reference=$(command -v sort)
from=$(now)
"$reference" "$text" >"$scratch/reference"
took=$(since "$from")
which=$("$reference" --version 2>/dev/null | head -n 1)
echo "${which:-sort(1)}, for comparison: $took s"
cmp "$scratch/sorted" "$scratch/reference"
echo 'the two results are the same, byte for byte'

title "2. A shell pipeline: the commonest words in $headings headings"
# A heading is a line with another of equals signs under it.
awk '/^===+$/ && length(last) { print last } { last = $0 }' "$text" |
	head -n "$headings" >"$scratch/headings"
headings=$(wc -l <"$scratch/headings")
count="tr -cs A-Z '\\n' | sort | uniq -c | sort -k 1,1nr -k 2 | head -n 5"
cd "$scratch"

try 'mailboxctl create --capacity=32 demo.headings'
try 'mailboxctl create --capacity=32 demo.loud'
try 'mailboxctl send --lines demo.headings <headings &'
try "mailboxctl recv --count=$headings --newline demo.headings | tr a-z A-Z | mailboxctl send --lines demo.loud &"
try "mailboxctl recv --count=$headings --newline demo.loud | $count >words"
cat words
wait
try 'mailboxctl list'
eval "tr a-z A-Z <headings | $count" | cmp - words
echo 'the same words and numbers as through pipes'

title '3. Two processes that know nothing but a name'
try "meet serve demo.meet &"
server=$!
try "meet call demo.meet 'are you there?'"
wait "$server"

title '4. A stream of frames in shared memory: a camera that waits for nobody'
try video

title '5. The logs of a thousand processes, and one that reads them all'
try collector

step='the end'
printf '\ndemo: sorted %d lines with four workers as sort(1) does, took %d headings through two mailboxes, had two processes meet with a receipt, and streamed frames and logs through rings, in %s s\n' \
	"$lines" "$headings" "$(since "$begun")"
