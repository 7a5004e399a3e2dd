#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# userspace.sh headers|selftests|upstream: the static test programs, the same on every lane.
#   headers    a tree that reads like the newest kernel's source with installed headers
#   selftests [SUITE...]  ours, into build/selftests
#   upstream   the newest kernel's own vfio selftests, into the cache
. "$(dirname "$0")/common.sh"

ksrc=$cache/headers/$newest
src=$("$scripts/kernel.sh" source $newest)
version=$(cat "$src.version")

headers() {
	(
		lock "$cache/lock.headers" "the kernel headers"
		[ "$(cat "$ksrc.version" 2>/dev/null)" != "$version" ] || exit 0
		rm -rf "$ksrc"
		mkdir -p "$ksrc"
		quietly "$build/logs/headers.log" "installing the headers of $newest" \
			make -C "$src" O="$ksrc.o" INSTALL_HDR_PATH="$ksrc/usr" headers_install
		ln -s "$src/tools" "$src/scripts" "$src/include" "$src/arch" "$ksrc/"
		echo "$version" >"$ksrc.version"
	)
}

selftests() {
	[ -e "$top/selftests/Makefile" ] || return 0
	(
		lock "$build/lock.selftests" "building the selftests"
		mkdir -p "$build/selftests"
		quietly "$build/logs/selftests.log" "building the selftests" \
			make -C "$top/selftests" OUT="$build/selftests" KSRC="$ksrc" UAPI="$ksrc/usr" \
			-j"$njobs" "${@/#/$build/selftests/}"
	)
}

# The kernel's tests pick iommufd where they take no mode; mode.c lets the guest choose.
upstream() {
	local out=$cache/upstream/$newest key
	key=$version-$(sha256sum <"$top/qemu/upstream/mode.c")
	(
		lock "$cache/lock.upstream" "building the kernel's vfio selftests"
		[ "$(cat "$out.version" 2>/dev/null)" != "$key" ] || exit 0
		rm -rf "$out"
		mkdir -p "$out"
		gcc -O2 -c -o "$out/mode.o" "$top/qemu/upstream/mode.c"
		quietly "$build/logs/upstream.log" "building the kernel's vfio selftests" \
			make -C "$src/tools/testing/selftests/vfio" OUTPUT="$out" -j"$njobs" \
			KHDR_INCLUDES="-isystem $ksrc/usr/include" LDFLAGS="-static -pthread" \
			LDLIBS="$out/mode.o -luuid"
		echo "$key" >"$out.version"
	)
}

headers
case ${1:-} in
headers) echo "$ksrc" ;;
selftests)
	shift
	selftests "$@"
	;;
upstream)
	upstream
	echo "$cache/upstream/$newest"
	;;
*) die "usage: userspace.sh headers|selftests|upstream" ;;
esac
