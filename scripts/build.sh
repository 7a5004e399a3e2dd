#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# build.sh LANE [kunit|bench]: build the module, the test-only modules and, where the lane has KUnit
# and it is asked for, the KUnit module for one lane, with W=1 and every warning an error; for the
# benchmark, also the module without tracepoints, and without its journal. The sources are linked
# into build/LANE, so that several kernels build from one checkout at once and nothing is left in it.
. "$(dirname "$0")/common.sh"

lane=${1:-}
need_lane "$lane"
out=$build/$lane

# mirror FROM... TO: real directories, linked files; drop the links whose file is gone.
mirror() {
	local to=${*: -1}
	mkdir -p "$to"
	cp -rsf "$@"
	find "$to" -xtype l -delete
}

# kbuild DIR LOG WHAT ARGUMENT...: build one directory of modules and allow no warning in it.
kbuild() {
	local dir=$1 log=$2 what=$3
	shift 3
	quietly "$log" "building $what for $lane" make -C "$KDIR" M="$dir" -j"$njobs" \
		W=1 KCFLAGS=-Werror "$@" modules
	if grep -E '(warning|WARNING):' "$log" >&2; then
		die "building $what for $lane warned; the whole log is $log"
	fi
}

answer=$("$scripts/kernel.sh" "$lane")
eval "$answer"
lock "$out/lock" "building for $lane"

if [ -e "$top/Kbuild" ]; then
	for name in Kbuild include scripts kunit; do
		[ ! -e "$top/$name" ] || mirror "$top/$name" "$out/module"
	done
	# Not what a build in the checkout left: kbuild would write it through the link.
	mapfile -t sources < <(find "$top" -maxdepth 1 -name '*.c' ! -name '*.mod.c')
	mirror "${sources[@]}" "$out/module"
	kunit=
	[ "${2:-}" != kunit ] || [ "$(lane_kind "$lane")" != debug ] || kunit=m
	kbuild "$out/module" "$build/logs/$lane/module.log" "the module" T1X_KUNIT=$kunit
	if [ "${2:-}" = bench ]; then
		for name in untraced unjournaled; do
			mirror "$top/Kbuild" "$top/include" "$top/scripts" "${sources[@]}" "$out/$name"
		done
		ln -sf "$top/bench/unjournaled/journal.c" "$out/unjournaled/journal.c"
		kbuild "$out/untraced" "$build/logs/$lane/untraced.log" "the module without tracepoints" T1X_NOTRACE=y
		kbuild "$out/unjournaled" "$build/logs/$lane/unjournaled.log" "the module without a journal"
	fi
else
	say "warning: no Kbuild in $top, the guest has no module of ours"
fi

if [ -e "$top/selftests/modules/Kbuild" ]; then
	mirror "$top/selftests/modules" "$top/selftests/t1x_emu" "$top/bench/limit" \
		"$top/include" "$out/testmods"
	echo "obj-m := modules/ t1x_emu/ limit/" >"$out/testmods/Kbuild"
	kbuild "$out/testmods" "$build/logs/$lane/testmods.log" "the test modules"
fi
