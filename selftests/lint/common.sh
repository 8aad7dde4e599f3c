# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the checks in this directory share.  Each is a program, called with a
# directory that it may fill; it says what is wrong and ends with 0 if nothing is.
# shellcheck disable=SC2034 # used by those that include this
set -eu

project=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$project/build}
out=${1:-$build/lint/$(basename "$0")}
kernels=${KERNELS:-6.1 6.12}
mkdir -p "$out"
out=$(cd "$out" && pwd)

# the project's own files that match one of the patterns; * goes for slashes too
files() {
	(
		cd "$project"
		# where this is a release and no clone, all there is but what was made
		git ls-files -co --exclude-standard 2>/dev/null ||
			find . -path ./build -prune -o ! -type d -print | sed 's:^\./::' | sort
	) | while read -r file; do
		for pattern; do
			# shellcheck disable=SC2254 # it is a pattern
			case $file in $pattern) [ ! -f "$project/$file" ] || echo "$file" ;; esac
		done
	done
}

# build_module KERNEL VARIABLE=...: from scratch, without a word of warning
build_module() {
	kernel=$1
	shift
	rm -rf "$out/$kernel"
	env -u MAKEFLAGS make --no-print-directory -C "$project" O="$out/$kernel" \
		KDIR="$build/kernels/$kernel/headers" "$@" module >"$out/$kernel.log" 2>&1 ||
		{ cat "$out/$kernel.log"; return 1; }
	! grep -i -E '(warning|error):? ' "$out/$kernel.log"
}
