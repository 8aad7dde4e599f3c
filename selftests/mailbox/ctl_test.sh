#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# mailboxctl: every command, what it prints, how it ends, and that a wrong call
# changes nothing.  Runs as root with the module loaded, and unloads it; TAP on
# stdout.
#
#	ctl_test.sh [TEST...]
#
# The tests are called by name; statuses and pids need no quotes; what a pipe's
# last program does not read is what a test is about.
# shellcheck disable=SC2317,SC2086,SC2216
set -u
export LC_ALL=C

# sysexits.h
EX_OK=0
EX_USAGE=64
EX_DATAERR=65
EX_NOINPUT=66
EX_NOUSER=67
EX_UNAVAILABLE=69
EX_CANTCREAT=73
EX_IOERR=74
EX_TEMPFAIL=75
EX_NOPERM=77

box=ctl.$$		# every name here begins so
dir=$(mktemp -d)
out=$dir/out
err=$dir/err
cd "$dir" || exit 1

# --- the harness ------------------------------------------------------------

problems=

fault()
{
	problems=yes
	printf '# %s\n' "$*"
}

# run STATUS ARGUMENT...: mailboxctl, its words in $out and $err
run()
{
	want=$1
	shift
	rm -f "$dir/json"
	mailboxctl "$@" >"$out" 2>"$err"
	got=$?
	[ $got -eq "$want" ] && return
	fault "mailboxctl $*: ended with $got, not $want: $(head -n 1 "$err")"
}

# feed FILE STATUS ARGUMENT...: the same, with standard input
feed()
{
	in=$1
	want=$2
	shift 2
	mailboxctl "$@" <"$in" >"$out" 2>"$err"
	got=$?
	[ $got -eq "$want" ] && return
	fault "mailboxctl $* <$in: ended with $got, not $want: $(head -n 1 "$err")"
}

# What came out, exactly but for the last newline.
prints()
{
	[ "$(cat "$out")" = "$1" ] || fault "printed '$(cat "$out")', not '$1'"
}

says()
{
	grep -q -e "$1" "$err" || fault "does not say '$1' but '$(cat "$err")'"
}

silent()
{
	[ ! -s "$err" ] || fault "should be silent, but says '$(cat "$err")'"
}

one_line()
{
	[ "$(wc -l <"$err")" -eq 1 ] || fault "not one line on stderr: '$(cat "$err")'"
}

equal()
{
	[ "$1" = "$2" ] || fault "$3: '$1' is not '$2'"
}

create()
{
	name=$box.$1
	shift
	run $EX_OK create "$@" "$name"
}

# depth of $name
depth()
{
	mailboxctl stat --json "$name" | json | sed -n 's/^\.depth=//p'
}

# until_true COMMAND...: within twenty seconds
until_true()
{
	end=$(($(date +%s) + 20))
	until "$@"; do
		[ "$(date +%s)" -lt $end ] || { fault "waited in vain for: $*"; return 1; }
		usleep 50000
	done
}

stopped()
{
	grep -q '^State:.T' "/proc/$1/status"
}

waiting_receivers()
{
	[ "$(mailboxctl stat --json "$name" | json | sed -n 's/^\.waiting_receivers=//p')" = "$1" ]
}

waiting_senders()
{
	[ "$(mailboxctl stat --json "$name" | json | sed -n 's/^\.waiting_senders=//p')" = "$1" ]
}

# A strict reader of JSON, no kin of the writer: a line PATH=VALUE for each
# leaf, or status 1.
json()
{
	awk '
	function broken(why) {
		if (!bad)
			print "not JSON: " why " at " at ": " substr(text, at, 20) >"/dev/stderr"
		bad = 1
		return ""
	}
	function blank() {
		while (substr(text, at, 1) ~ /[ \t\n\r]/)
			at++
	}
	function string(    from, c) {
		from = ++at
		while (!bad) {
			c = substr(text, at, 1)
			if (c == "")
				return broken("a string without an end")
			if (c == "\"") {
				at++
				return substr(text, from, at - 1 - from)
			}
			if (c ~ /[\001-\037]/)
				return broken("a control byte in a string")
			if (c == "\\") {
				at++
				if (substr(text, at, 5) ~ /^u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]/)
					at += 4
				else if (substr(text, at, 1) !~ /["\\\/bfnrt]/)
					return broken("an unknown escape")
			}
			at++
		}
		return ""
	}
	function word(    rest) {
		rest = substr(text, at, 40)
		if (!match(rest, /^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?)/))
			return broken("no value")
		at += RLENGTH
		if (substr(text, at, 1) !~ /^[],} \t\r\n]?$/)
			return broken("a word that goes on")
		return substr(rest, 1, RLENGTH)
	}
	function members(path,    key, i) {
		at++
		blank()
		if (substr(text, at, 1) == "}") {
			at++
			return
		}
		while (!bad) {
			blank()
			if (substr(text, at, 1) != "\"")
				return broken("no key")
			key = string()
			blank()
			if (substr(text, at, 1) != ":")
				return broken("no colon")
			at++
			value(path "." key)
			blank()
			i = substr(text, at++, 1)
			if (i == "}")
				return
			if (i != ",")
				return broken("neither comma nor brace")
		}
	}
	function elements(path,    n, i) {
		at++
		blank()
		if (substr(text, at, 1) == "]") {
			at++
			return
		}
		while (!bad) {
			value(path "[" n++ + 0 "]")
			blank()
			i = substr(text, at++, 1)
			if (i == "]")
				return
			if (i != ",")
				return broken("neither comma nor bracket")
		}
	}
	function value(path,    c, leaf) {
		blank()
		c = substr(text, at, 1)
		if (c == "{")
			members(path)
		else if (c == "[")
			elements(path)
		else {
			leaf = c == "\"" ? string() : word()
			if (!bad)
				print path "=" leaf
		}
	}
	{ text = text $0 "\n" }
	END {
		at = 1
		value("")
		blank()
		if (!bad && at <= length(text))
			broken("more behind the value")
		exit bad
	}'
}

# has PATH VALUE: in the JSON that came out
has()
{
	if [ ! -e "$dir/json" ] && ! json <"$out" >"$dir/json"; then
		fault "not JSON: $(head -c 200 "$out")"
		return
	fi
	grep -qxF -e "$1=$2" "$dir/json" ||
		fault "no '$1=$2' in JSON, but '$(grep -F -e "$1" "$dir/json")'"
}

# --- help and wrong calls ------------------------------------------------------

commands='create info list load recv rm send set stat unload watch'

test_help()
{
	run $EX_OK --help
	for command in $commands; do
		grep -q "^  $command " "$out" || fault "--help does not name $command"
	done
	for command in $commands; do
		run $EX_OK "$command" --help
		grep -q "^Usage: mailboxctl $command" "$out" || fault "$command --help: no usage"
		silent
	done
	run $EX_OK --version
	grep -q '^mailboxctl .*ABI version 1' "$out" || fault '--version says nothing of use'
}

# A wrong call says so and prints nothing ...
refused()
{
	run "$@"
	[ ! -s "$out" ] || fault "mailboxctl $*: refused, and still printed something"
	[ -s "$err" ] || fault "mailboxctl $*: refused without a word"
}

# ... and between these two nothing changes.
snapshot()
{
	mailboxctl list --json >"$dir/before" || fault 'list --json failed'
}

unchanged()
{
	mailboxctl list --json | cmp -s - "$dir/before" || fault 'a wrong call changed something'
}

test_wrong_words()
{
	create words
	snapshot
	refused $EX_USAGE
	refused $EX_USAGE nonsense
	refused $EX_USAGE send
	refused $EX_USAGE send "$box.a" "$box.b"
	refused $EX_USAGE recv --no-such-option "$box.a"
	refused $EX_USAGE rm
	refused $EX_USAGE list extra
	refused $EX_USAGE list --json --names
	refused $EX_USAGE info extra
	refused $EX_USAGE unload extra
	one_line
	unchanged
}

test_wrong_create()
{
	new=$box.wrong
	snapshot
	refused $EX_USAGE create --capacity=-1 "$new"
	refused $EX_USAGE create --capacity=2147483648 "$new"
	refused $EX_USAGE create --capacity=many "$new"
	refused $EX_USAGE create --size=0 "$new"
	refused $EX_USAGE create --size=10X "$new"
	refused $EX_USAGE create --size=99999999999999999999 "$new"
	refused $EX_USAGE create --mode=0777 "$new"
	refused $EX_USAGE create --mode=rw "$new"
	refused $EX_USAGE create --policy=nobody "$new"
	refused $EX_USAGE create --slow=lose "$new"
	refused $EX_USAGE create --policy=broadcast --slow=walk "$new"
	refused $EX_USAGE create --policy=broadcast --capacity=0 "$new"
	refused $EX_USAGE create --fixed "$new"
	refused $EX_USAGE create --policy=channel --capacity=1 "$new"
	says 'a channel has no name'
	refused $EX_USAGE create --policy=segment "$new"
	refused $EX_USAGE create --policy=segment --size=4K --capacity=1 "$new"
	refused $EX_USAGE create --policy=segment --size=4K --fixed "$new"
	refused $EX_USAGE create --policy=segment --size=4K --slow=lose "$new"
	refused $EX_USAGE create --policy=segment --size=1025M "$new"
	one_line
	# the module's own refusals, in its words
	refused $EX_DATAERR create --size=1023G "$new"
	one_line
	refused $EX_USAGE create ''
	refused $EX_USAGE create a/b
	refused $EX_USAGE create "$(printf 'a\tb')"
	refused $EX_USAGE create "$(printf '%0256d' 7)"
	one_line
	unchanged
}

test_wrong_send_recv()
{
	create wrong --capacity=2
	run $EX_OK send -m kept "$name"
	snapshot
	refused $EX_USAGE send --priority=32768 -m x "$name"
	refused $EX_USAGE send --priority=-1 -m x "$name"
	refused $EX_USAGE send --tag=x -m x "$name"
	refused $EX_USAGE send --timeout=soon -m x "$name"
	refused $EX_USAGE send --timeout=-1 -m x "$name"
	refused $EX_USAGE send --timeout=1 --nonblock -m x "$name"
	refused $EX_USAGE send --lines -m x "$name"
	refused $EX_USAGE send --lines --null "$name"
	refused $EX_USAGE recv --count=x "$name"
	refused $EX_USAGE recv --count=1 --follow "$name"
	refused $EX_USAGE recv --all --timeout=1 "$name"
	refused $EX_USAGE recv --peek=0 --nonblock "$name"
	refused $EX_USAGE recv --tag=1 --tag-not=2 "$name"
	refused $EX_USAGE recv --from=0 "$name"
	refused $EX_USAGE recv --newline --null "$name"
	refused $EX_USAGE recv --priority=32768 "$name"
	one_line
	unchanged
	run $EX_OK recv "$name"
	prints kept
}

test_no_such_mailbox()
{
	create nearly
	snapshot
	for command in send recv stat set rm watch; do
		case $command in
		send) set -- -m x ;;
		set) set -- --capacity=1 ;;
		*) set -- ;;
		esac
		refused $EX_NOINPUT "$command" "$@" "$box.nobody"
		one_line
		says "$box.nobody"
	done
	run $EX_OK rm --force "$box.nobody"
	silent
	unchanged
}

# --- create, set, rm -----------------------------------------------------------

test_create()
{
	create plain
	silent
	run $EX_OK stat --json "$name"
	has .name "$name"
	has .policy shared
	has .capacity 64
	has .mode 0644
	has .persist true
	has .depth 0
	has .handles 0

	snapshot
	refused $EX_CANTCREAT create "$name"
	one_line
	run $EX_OK create --if-missing --capacity=5 "$name"
	unchanged

	create full --policy=broadcast --slow=cut --capacity=7 --size=2K --mode=0600
	run $EX_OK stat --json "$name"
	has .policy broadcast
	has .slow cut
	has .capacity 7
	has .message_max 2048
	has .mode 0600

	create endless --capacity=unlimited --mode=0666
	run $EX_OK stat --json "$name"
	has .capacity null
	has .mode 0666

	create fixed --fixed --size=4
	run $EX_OK stat --json "$name"
	has .fixed true
	run $EX_DATAERR send -m abc "$name"
	one_line
	run $EX_OK send -m abcd "$name"
}

test_set()
{
	create set
	run $EX_OK set --capacity=3 --size=100 --mode=0640 --owner=alice --group=1001 "$name"
	silent
	run $EX_OK stat --json "$name"
	has .capacity 3
	has .message_max 100
	has .mode 0640
	has .uid 1000
	has .gid 1001

	snapshot
	refused $EX_USAGE set "$name"
	refused $EX_USAGE set --mode=0700 "$name"
	refused $EX_USAGE set --capacity=x --size=5 "$name"
	refused $EX_NOUSER set --owner=nobody-of-that-name "$name"
	refused $EX_NOUSER set --group=no-such-group "$name"
	# all or nothing: the size is too large, so the mode stays
	refused $EX_DATAERR set --mode=0600 --size=1023G "$name"
	one_line
	unchanged
}

test_rm()
{
	create rm.1
	first=$name
	create rm.2
	run $EX_OK send -m lost "$name"

	# one wrong name, and none is removed
	snapshot
	refused $EX_NOINPUT rm "$first" "$box.nobody" "$name"
	unchanged
	run $EX_OK rm --force "$first" "$box.nobody"
	run $EX_NOINPUT stat "$first"
	run $EX_OK rm "$name"
	says '1 message'
	run $EX_NOINPUT stat "$name"

	# a waiting receiver is told
	create rm.3
	mailboxctl recv "$name" >"$dir/waiter" 2>&1 &
	waiter=$!
	until_true waiting_receivers 1
	run $EX_OK rm "$name"
	silent
	wait $waiter
	equal $? $EX_NOINPUT 'recv at a mailbox that was removed'
}

# --- send and recv ---------------------------------------------------------------

test_bodies()
{
	create bodies

	echo hi >in
	feed in $EX_OK send "$name"
	silent
	run $EX_OK recv "$name"
	cmp -s in "$out" || fault 'hi and a newline came out as something else'

	# no bytes at all are a message, too
	feed /dev/null $EX_OK send "$name"
	equal "$(depth)" 1 'depth after an empty message'
	run $EX_OK recv "$name"
	[ ! -s "$out" ] || fault 'an empty message came out with bytes'

	# any bytes, more than a page, more than the first buffer
	head -c 300000 /dev/urandom >in
	feed in $EX_OK send "$name"
	run $EX_OK recv "$name"
	cmp -s in "$out" || fault '300000 bytes came out as something else'

	# the largest there is, and one byte more
	max=$(cat /sys/module/mailbox_ipc/parameters/message_max)
	head -c "$max" /dev/zero | mailboxctl send "$name" || fault "no message of $max bytes"
	equal "$(mailboxctl recv "$name" | wc -c)" "$max" 'bytes of the largest message'
	head -c $((max + 1)) /dev/zero | mailboxctl send "$name" 2>"$err"
	equal $? $EX_DATAERR "send of $((max + 1)) bytes"
	one_line

	# slowly, in pieces
	(printf 'one '; usleep 100000; printf two) | mailboxctl send "$name"
	run $EX_OK recv "$name"
	prints 'one two'

	run $EX_OK send -m 'first text' -m '' -m -third "$name"
	run $EX_OK recv --count=3 --newline "$name"
	prints "$(printf 'first text\n\n-third')"
}

test_too_long()
{
	create long --size=1000 --capacity=10
	head -c 1001 /dev/zero >in
	feed in $EX_DATAERR send "$name"
	one_line
	says 1000
	says 'nothing was sent'
	equal "$(depth)" 0 'depth after a message too long'
	head -c 1000 /dev/zero >in
	feed in $EX_OK send "$name"

	# endless input ends at the limit
	timeout 20 mailboxctl send "$name" </dev/zero 2>"$err"
	equal $? $EX_DATAERR 'send </dev/zero'

	# lines: what came before the long one is sent, and that is said
	{ echo a; echo b; head -c 1001 /dev/zero | tr '\0' x; echo; echo c; } >in
	feed in $EX_DATAERR send --lines "$name"
	says 'message 3'
	equal "$(depth)" 3 'depth after two of three lines'
}

test_lines()
{
	create lines --capacity=unlimited
	seq 1 200 >in
	feed in $EX_OK send --lines "$name"
	equal "$(depth)" 200 'depth after 200 lines'
	run $EX_OK recv --all --newline "$name"
	cmp -s in "$out" || fault 'lines came out in another order, or others'
	run $EX_OK recv --all "$name"
	[ ! -s "$out" ] || fault '--all of nothing printed something'
	silent

	# an empty line is a message; a last line needs no newline
	printf 'a\n\nb' >in
	feed in $EX_OK send --lines "$name"
	run $EX_OK recv --count=3 --newline "$name"
	prints "$(printf 'a\n\nb')"
	feed /dev/null $EX_OK send --lines "$name"
	equal "$(depth)" 0 'depth after no line'

	printf 'a\nb\0c\0' >in
	feed in $EX_OK send --null "$name"
	run $EX_OK recv --all --null "$name"
	cmp -s in "$out" || fault 'NUL-ended parts came out as others'
}

test_order()
{
	create order
	run $EX_OK send --priority=1 --tag=10 -m low "$name"
	run $EX_OK send --priority=9 --tag=30 -m high "$name"
	run $EX_OK send --priority=5 --tag=20 -m middle "$name"

	run $EX_OK recv --peek=0 "$name"
	prints high
	run $EX_OK recv --peek=2 "$name"
	prints low
	run $EX_TEMPFAIL recv --peek=3 "$name"
	one_line
	equal "$(depth)" 3 'depth after peeks'

	run $EX_OK recv --tag=20 "$name"
	prints middle
	run $EX_TEMPFAIL recv --tag=20 --nonblock "$name"
	one_line
	run $EX_OK recv --tag-max=29 "$name"
	prints low
	run $EX_OK send --priority=1 --tag=0xa -m low "$name"
	run $EX_OK recv --tag-not=30 "$name"
	prints low
	run $EX_TEMPFAIL recv --priority=10 --nonblock "$name"
	run $EX_OK recv --priority=9 "$name"
	prints high

	mailboxctl send -m theirs "$name" &
	sender=$!
	wait $sender
	run $EX_OK send -m ours "$name"
	run $EX_OK recv --from=$sender "$name"
	prints theirs
	run $EX_TEMPFAIL recv --from=$sender --nonblock "$name"
}

test_header()
{
	create header
	mailboxctl send --priority=3 --tag=18446744073709551615 -m body "$name" &
	sender=$!
	wait $sender
	run $EX_OK recv --header "$name"
	equal "$(sed 1d "$out")" body 'what is below the header'
	for member in sequence=1 length=4 priority=3 tag=18446744073709551615 "pid=$sender" \
		uid=0 gid=0 lost=0 sync=no; do
		grep -q "\<$member\>" "$out" || fault "no $member in '$(head -n 1 "$out")'"
	done
	# not a clock of another epoch: no more than a minute ago
	when=$(sed -n '1s/.* time=\([^ .]*\).*/\1/p' "$out")
	age=$(($(date +%s) - $(TZ=UTC0 date -D %Y-%m-%dT%H:%M:%S -d "$when" +%s)))
	{ [ $age -ge -2 ] && [ $age -lt 60 ]; } || fault "sent $age s ago, says '$when'"
}

test_waiting()
{
	create waiting --capacity=1
	run $EX_TEMPFAIL recv --nonblock "$name"
	one_line
	run $EX_TEMPFAIL recv --timeout=0.2 "$name"
	one_line
	run $EX_TEMPFAIL recv --timeout=0 "$name"
	run $EX_OK send --timeout=0 -m full "$name"
	run $EX_TEMPFAIL send --nonblock -m more "$name"
	one_line
	run $EX_TEMPFAIL send --timeout=0.2 -m more "$name"
	one_line
	run $EX_OK recv --timeout=5 "$name"
	prints full

	# a receiver waits until there is something
	mailboxctl recv "$name" >"$dir/waiter" &
	waiter=$!
	until_true waiting_receivers 1
	run $EX_OK send -m at-last "$name"
	wait $waiter
	equal $? 0 'the receiver that waited'
	equal "$(cat "$dir/waiter")" at-last 'what it got'

	# and a sender until there is room
	run $EX_OK send -m one "$name"
	mailboxctl send -m two "$name" &
	waiter=$!
	until_true waiting_senders 1
	run $EX_OK recv --count=2 --newline "$name"
	prints "$(printf 'one\ntwo')"
	wait $waiter
	equal $? 0 'the sender that waited'
}

test_sync()
{
	create sync
	mailboxctl recv "$name" >"$dir/taker" &
	taker=$!
	until_true waiting_receivers 1
	run $EX_OK send --sync -m 'are you there?' "$name"
	wait $taker
	equal "$(cat "$dir/taker")" 'are you there?' 'what the receiver got'
	for member in sequence=1 "pid=$taker" uid=0 receivers=1; do
		grep -q "\<$member\>" "$out" || fault "no $member in the receipt '$(cat "$out")'"
	done

	# nobody there: withdrawn, not left behind
	run $EX_TEMPFAIL send --sync --timeout=0.2 -m x "$name"
	one_line
	equal "$(depth)" 0 'depth after a withdrawal'
	run $EX_TEMPFAIL send --sync --nonblock -m x "$name"
	equal "$(depth)" 0 'depth after a refusal'
	run $EX_OK stat --json "$name"
	has .withdrawn 1

	create rendezvous --capacity=0
	run $EX_TEMPFAIL send --nonblock -m x "$name"
	mailboxctl recv "$name" >"$dir/taker" &
	until_true waiting_receivers 1
	run $EX_OK send --nonblock -m hand "$name"
	wait $!
	equal "$(cat "$dir/taker")" hand 'what was handed over'

	create broadcast --policy=broadcast
	refused $EX_USAGE send --sync -m x "$name"
	refused $EX_USAGE send --priority=1 -m x "$name"
}

test_follow()
{
	create follow
	mailboxctl recv --follow --newline "$name" >"$dir/follower" 2>"$err" &
	follower=$!
	seq 1 50 | mailboxctl send --lines "$name"
	until_true waiting_receivers 1
	kill -TERM $follower
	wait $follower
	equal $? 143 'recv --follow ended by SIGTERM'
	seq 1 50 | cmp -s - "$dir/follower" || fault 'it did not write all 50 lines'
	equal "$(depth)" 0 depth

	run $EX_TEMPFAIL recv --follow --timeout=0.2 "$name"

	# a sender that is interrupted has not sent
	create interrupted --capacity=0
	mailboxctl send -m x "$name" 2>"$err" &
	sender=$!
	until_true waiting_senders 1
	kill -TERM $sender
	wait $sender
	equal $? 143 'send ended by SIGTERM'
	says 'not sent'
	run $EX_TEMPFAIL recv --nonblock "$name"
}

test_broken_pipe()
{
	create pipe
	# the reader goes while recv waits: it ends, and takes nothing
	rm -f go
	mkfifo go
	{ mailboxctl recv --follow "$name"; echo $? >"$dir/status"; } 2>"$err" | cat go >/dev/null &
	until_true waiting_receivers 1
	: >go
	wait
	equal "$(cat "$dir/status")" 141 'recv --follow without a reader'
	run $EX_OK send -m kept "$name"
	run $EX_OK recv --nonblock "$name"
	prints kept

	# a disk that is full is no success, and says which message it was
	run $EX_OK send -m gone "$name"
	mailboxctl recv "$name" >/dev/full 2>"$err"
	equal $? $EX_IOERR 'recv >/dev/full'
	one_line
	mailboxctl list >/dev/full 2>"$err"
	equal $? $EX_IOERR 'list >/dev/full'
	one_line
}

# Each policy, as far as processes that come and go can show it.
test_policies()
{
	create exclusive --policy=exclusive
	mailboxctl recv "$name" >"$dir/first" &
	first=$!
	until_true waiting_receivers 1
	run $EX_TEMPFAIL recv "$name"
	one_line
	run $EX_OK send -m one "$name"
	wait $first
	run $EX_OK send -m two "$name"
	run $EX_OK recv "$name"
	prints two

	# every receiver gets it
	create broadcast --policy=broadcast
	mailboxctl recv "$name" >"$dir/first" &
	mailboxctl recv "$name" >"$dir/second" &
	until_true waiting_receivers 2
	run $EX_OK send -m news "$name"
	wait
	equal "$(cat "$dir/first" "$dir/second")" newsnews 'what two receivers got'

	# a slow one loses the oldest, and says how many
	create lose --policy=broadcast --slow=lose --capacity=1
	mailboxctl recv --count=2 --newline "$name" >"$dir/first" 2>"$err" &
	first=$!
	until_true waiting_receivers 1
	kill -STOP $first
	until_true stopped $first
	seq 1 5 | mailboxctl send --lines "$name"
	kill -CONT $first
	# it has the last of them, and would lose that to one more
	until_true waiting_receivers 1
	mailboxctl send -m last "$name"
	wait $first
	says '[1-9] messages* lost'
	mailboxctl stat --json "$name" | json | grep -q '^\.dropped=[1-9]' || fault 'no drop is counted'

	# or it is cut off
	create cut --policy=broadcast --slow=cut --capacity=1
	mailboxctl recv --follow "$name" >"$dir/first" 2>"$err" &
	first=$!
	until_true waiting_receivers 1
	kill -STOP $first
	until_true stopped $first
	seq 1 5 | mailboxctl send --lines "$name"
	kill -CONT $first
	wait $first
	equal $? $EX_IOERR 'recv that was cut off'
	one_line
}

# Memory with a name: made, shown and removed; what has to do with messages is refused.
test_segment()
{
	create segment --policy=segment --size=12K --mode=0640
	run $EX_OK stat --json "$name"
	has .policy segment
	has .capacity 12288
	has .mode 0640
	run $EX_OK stat "$name"
	for word in '^memory  *12288 bytes' 'may write' 'may read'; do
		grep -q "$word" "$out" || fault "stat: no '$word'"
	done
	! grep -q 'queue\|sent\|receive' "$out" || fault 'stat: a segment has no messages'
	run $EX_OK list
	grep -q "^$name  *segment " "$out" || fault 'list: no segment'

	snapshot
	refused $EX_USAGE send -m x "$name"
	says 'no messages'
	refused $EX_USAGE recv --nonblock "$name"
	refused $EX_USAGE set --capacity=3 "$name"
	refused $EX_USAGE set --size=4K "$name"
	one_line
	unchanged
	run $EX_OK set --mode=0600 "$name"
	run $EX_OK stat --json "$name"
	has .mode 0600
	run $EX_OK rm "$name"
	silent

	# its memory too; but no mailbox has any, and then none is removed
	create plain
	plain=$name
	create segment --policy=segment --size=4K
	snapshot
	refused $EX_USAGE rm --now "$name" "$plain"
	says 'for segments'
	one_line
	unchanged
	run $EX_OK rm --now "$name"
	silent
	refused $EX_NOINPUT stat "$name"
	run $EX_OK rm "$plain"
}

# --- looking -----------------------------------------------------------------------

test_list()
{
	create list.b --capacity=3
	create list.a
	run $EX_OK send -m 12345 "$name"

	run $EX_OK list
	silent
	head -n 1 "$out" | grep -q '^NAME .*POLICY .*DEPTH' || fault 'the table has no heading'
	grep -q "^$box.list.a  *shared  *1  *64  *5  *rw" "$out" || fault "no line of list.a: $(cat "$out")"
	run $EX_OK list --names
	equal "$(grep -n "^$box.list" "$out" | sed 's/^[0-9]*://' | tr '\n' ' ')" \
		"$box.list.a $box.list.b " 'names in order'
	run $EX_OK list --json
	has '[0].name' $box.list.a
	has '[1].name' $box.list.b
	has '[1].capacity' 3

	# held open for both, lest we wait for a pipeline that did not start
	mkfifo hold
	exec 9<>hold
	pipeline <hold >/dev/null 9>&- &
	until_true unnamed_of pipeline
	exec 9>&-
	wait
}

unnamed_of()
{
	mailboxctl list --unnamed | grep -q "^ *[0-9]*  shared  *0  *16  s-- .* $1$"
}

# Any byte but slash and control bytes can be in a name.
test_odd_names()
{
	for odd in "$box.odd a b" "$box.odd \"q\"" "$box.odd\\x" "$box.odd.$(printf '\303\244')" \
		"$box.odd.$(printf '\377\200')" "$(printf '%0255d' 1)"; do
		run $EX_OK create "$odd"
		run $EX_OK send -m x "$odd"
		run $EX_OK stat "$odd"
		run $EX_OK stat --json "$odd"
		json <"$out" >/dev/null || fault "stat --json of '$odd' is not JSON"
		run $EX_OK list --names
		grep -qxF -e "$odd" "$out" || fault "list --names: no '$odd'"
	done
	run $EX_OK list
	grep -qF "$box.odd.\\xff\\x80 " "$out" || fault 'bytes that cannot be shown are not escaped'
	grep -qF "$box.odd\\\\x " "$out" || fault 'a backslash is not escaped'
	tr -d '\n -~' <"$out" >"$dir/raw"
	[ ! -s "$dir/raw" ] || fault 'the table has raw bytes'
	run $EX_OK stat --json "$box.odd.$(printf '\377\200')"
	has .name_hex "$(printf '%s' "$box.odd." | hexdump -v -e '1/1 "%02x"')ff80"
	run $EX_OK list --json
	json <"$out" >/dev/null || fault 'list --json is not JSON with odd names'

	run $EX_OK create -- --help
	run $EX_OK rm -- --help
	run $EX_OK rm --force "$box.odd a b" "$box.odd \"q\"" "$box.odd\\x" \
		"$box.odd.$(printf '\303\244')" "$box.odd.$(printf '\377\200')" "$(printf '%0255d' 1)"
}

test_stat()
{
	create stat --mode=0600
	run $EX_OK stat "$name"
	silent
	for word in name policy mode owner capacity waiting sent dropped handles; do
		grep -q "^$word" "$out" || fault "stat says nothing of $word"
	done

	mailboxctl recv "$name" >/dev/null &
	holder=$!
	until_true waiting_receivers 1
	run $EX_OK stat "$name"
	grep -q "held by .*process $holder (mailboxctl) of root.*rights .*r" "$out" ||
		fault "stat does not say who holds it: $(grep 'held by' "$out")"
	run $EX_OK stat --json "$name"
	has '.holders[0].pid' $holder
	has '.holders[0].command' mailboxctl
	has .holders_complete true
	has .handles 1
	has .receivers 1
	has .waiting_receivers 1
	run $EX_OK send -m x "$name"
	wait $holder
	run $EX_OK stat --json "$name"
	has .sent 1
	has .received 1
	has .handles 0
	has .receiver_pid $holder

	# it asks for no handle: an exclusive receiver and a closed mode do not matter
	create exclusive --policy=exclusive --mode=0000
	run $EX_OK stat "$name"
	run $EX_OK list
}

test_watch()
{
	create watch
	run $EX_OK send -m x "$name"
	run $EX_OK watch --count=2 --interval=0.1 "$name"
	silent
	equal "$(grep -c "$name" "$out")" 2 'lines of watch --count=2'
	head -n 1 "$out" | grep -q 'DEPTH.*SENT/s.*WAIT-R.*DROPPED' || fault 'watch has no heading'

	# as long as somebody watches, so that a slow start does not matter
	: >"$out.watched"
	(while [ -e "$out.watched" ]; do
		mailboxctl send -m y "$name" && mailboxctl recv "$name"
	done >/dev/null) &
	run $EX_OK watch --count=6 --interval=0.5 --json "$name"
	rm "$out.watched"
	wait
	equal "$(wc -l <"$out")" 6 'lines of watch --json'
	while IFS= read -r line; do
		echo "$line" | json >/dev/null || fault "watch --json: not JSON: $line"
	done <"$out"
	sed -n 1p "$out" | json | grep -q '^\[0\]\.sent_per_second=null$' || fault 'a rate at the first look'
	sed 1d "$out" | grep -q '"sent_per_second":[0-9]*\.*[0-9]*[1-9]' || fault 'no rate seen'

	refused $EX_USAGE watch --interval=0 "$name"
	refused $EX_USAGE watch --count=0 "$name"

	mailboxctl watch --interval=0.1 >"$dir/watch" 2>"$err" &
	watcher=$!
	usleep 300000
	kill -TERM $watcher
	wait $watcher
	equal $? 143 'watch ended by SIGTERM'
	mailboxctl watch --interval=0.1 "$name" 2>"$err" | head -n 2 >"$out"
	equal "$(wc -l <"$out")" 2 'lines of watch | head'
}

test_info()
{
	run $EX_OK info
	silent
	grep -q '^ABI version  *1$' "$out" || fault 'info says no ABI version'
	run $EX_OK info --json
	has .abi_version 1
	has .features.queue true
	has .message_max "$(cat /sys/module/mailbox_ipc/parameters/message_max)"
	before=$(sed -n 's/.*"user_mailboxes": *\([0-9]*\).*/\1/p' "$out")
	create info
	run $EX_OK info --json
	has .user_mailboxes $((before + 1))
}

# --- who may -------------------------------------------------------------------------

as_alice()
{
	want=$1
	shift
	su -s /bin/sh alice -c "$*" >"$out" 2>"$err" </dev/null
	got=$?
	[ $got -eq "$want" ] || fault "alice: $*: ended with $got, not $want: $(head -n 1 "$err")"
}

test_permission()
{
	chmod 711 "$dir"
	create private --mode=0600
	as_alice $EX_NOPERM "mailboxctl send -m x $name"
	one_line
	as_alice $EX_NOPERM "mailboxctl recv --nonblock $name"
	one_line
	as_alice $EX_NOPERM "mailboxctl set --capacity=1 $name"
	one_line
	as_alice $EX_NOPERM "mailboxctl rm $name"
	one_line
	as_alice $EX_OK "mailboxctl create --if-missing $name"
	as_alice $EX_OK "mailboxctl stat $name"
	run $EX_OK stat --json "$name"
	has .capacity 64
	has .depth 0

	create drop --mode=0622
	as_alice $EX_OK "mailboxctl send -m from-alice $name"
	as_alice $EX_NOPERM "mailboxctl recv --nonblock $name"
	run $EX_OK recv --header "$name"
	grep -q 'uid=1000 gid=1000' "$out" || fault "the header does not say alice: $(cat "$out")"

	as_alice $EX_OK "mailboxctl create $box.hers && mailboxctl rm $box.hers"
	as_alice $EX_NOPERM "mailboxctl unload"
	one_line
	grep -q mailbox_ipc /proc/modules || fault 'alice unloaded the module'
}

# --- load and unload -------------------------------------------------------------------

module_file()
{
	find "/lib/modules/$(uname -r)" -name 'mailbox_ipc.ko*' | head -n 1
}

loaded()
{
	grep -q '^mailbox_ipc ' /proc/modules
}

test_busy()
{
	create busy
	# a mailbox that stays, and a process that holds one
	mailboxctl recv "$name" >/dev/null 2>&1 &
	holder=$!
	until_true waiting_receivers 1
	run $EX_TEMPFAIL unload
	says busy
	says "process $holder (mailboxctl)"
	says "mailbox $name"
	loaded || fault 'unloaded a module that is busy'
	run $EX_OK rm "$name"
	wait $holder

	run $EX_OK load
	says 'loaded already'
	run $EX_CANTCREAT load message_max=4096
	one_line
}

test_load()
{
	module=$(module_file)
	remove_all
	run $EX_OK unload
	silent
	loaded && fault 'unload left the module loaded'
	run $EX_UNAVAILABLE unload
	one_line

	# without the module everything says what is missing
	for command in list info 'create x' 'send -m x x' 'recv x' 'stat x' 'set -c 1 x' 'rm x' watch; do
		run $EX_UNAVAILABLE $command
		one_line
		says 'not loaded'
	done

	run $EX_USAGE load no_such_parameter=1
	one_line
	run $EX_USAGE load message_max=nonsense
	one_line
	says message_max
	run $EX_USAGE load user_bytes=99999999999999999999
	one_line
	run $EX_NOINPUT load /no/such/file.ko
	one_line
	echo 'no module' >mailbox_ipc.ko
	run $EX_DATAERR load ./mailbox_ipc.ko
	one_line
	as_alice $EX_NOPERM "mailboxctl load"
	one_line
	loaded && fault 'something was loaded by a wrong call'

	run $EX_OK load "$module" message_max=12345 user_mailboxes=7
	silent
	equal "$(cat /sys/module/mailbox_ipc/parameters/message_max)" 12345 message_max
	run $EX_OK info --json
	has .message_max 12345
	has .user_mailboxes_max 7
	run $EX_OK unload

	# the one that is installed
	run $EX_OK load
	silent
	run $EX_OK create "$box.after"
	run $EX_OK rm "$box.after"
}

# --- all of them -----------------------------------------------------------------------

remove_all()
{
	mailboxctl list --names 2>/dev/null | tr '\n' '\0' | xargs -0 -r mailboxctl rm --force --
}

finish()
{
	remove_all
	cd /
	rm -rf "$dir"
}
trap finish EXIT

# All of them take longer than a program may: ctl_wrong_test.sh and
# ctl_message_test.sh run the others.
: "${tests:=create set segment rm list odd_names stat watch info permission busy load}"

echo 'TAP version 13'
[ $# -gt 0 ] || set -- $tests
echo "1..$#"
number=0
failed=0
for test; do
	number=$((number + 1))
	problems=
	"test_$test"
	remove_all
	if [ "$problems" ]; then
		failed=$((failed + 1))
		echo "not ok $number - $test"
	else
		echo "ok $number - $test"
	fi
done
exit $((failed > 0))
