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

# the project's own files: tracked, or about to be
files() {
	(cd "$project" && git ls-files -co --exclude-standard -- "$@" 2>/dev/null ||
		find . -type f -path "./build/*" -prune -o -type f -print | sed 's:^\./::') |
		while read -r file; do [ ! -f "$project/$file" ] || echo "$file"; done
}

# build_module KERNEL VARIABLE=...: from scratch, without a word of warning
build_module() {
	kernel=$1
	shift
	rm -rf "$out/$kernel"
	env -u MAKEFLAGS make --no-print-directory -C "$project" O="$out/$kernel" \
		KDIR="$build/kernels/$kernel/headers" "$@" module >"$out/$kernel.log" 2>&1 ||
		{ cat "$out/$kernel.log"; return 1; }
	# no vmlinux in a package of headers, and that is no fault of the module's
	if grep -v 'Skipping BTF generation' "$out/$kernel.log" | grep -i -E '(warning|error):? '; then
		return 1
	fi
}
