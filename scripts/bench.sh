#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh: count the guest's instructions of MAP, UNMAP and the rest on in-tree type1, on type1x
# and, where the kernel has it, on iommufd: one boot for each lane and each kind of IOMMU.
#   LANE="A B"   lanes (stock-6.1 stock-6.12 bench-7.3)
#   IOMMU="A B"  intel, intel-nocm (VT-d with caching mode off), amd; all three
#   ROW="A B"    only these rows, named as in bench/bars
#   PROFILE=1    also where the kernel spends them, by function
# Tables, CSV files and plots go to Documentation/performance; with ROW= or PROFILE= to
# build/bench. Exit 0: every bar of bench/bars is reached, 1: not,
# 2: something could not be measured.
. "$(dirname "$0")/common.sh"

# What is not the whole is not to be published.
out=$top/Documentation/performance
[ -z "${ROW:-}${PROFILE:-}" ] || out=$build/bench

# What the guest needs, into $run.
make_guest() {
	local lane=$1
	mkdir -p "$run/root"
	"$scripts/build.sh" "$lane"
	"$scripts/userspace.sh" selftests bench
	echo "T1X_LANE=$lane BENCH_ROWS='${ROW:-}' ${PROFILE:+BENCH_PROFILE=1}" >"$run/root/env"
	printf 'bench\ndmesg\n' >"$run/root/plan"
	(
		export T1X_SUITES=bench
		lock "$build/$lane/lock" "building for $lane"
		"$scripts/initramfs.sh" "$lane" "$run"
	)
}

# measure LANE IOMMU: leaves what the guest has said in $log/results.
measure() {
	local lane=$1 iommu=$2 answer
	answer=$("$scripts/kernel.sh" "$lane")
	eval "$answer"
	run=$(mktemp -d "${TMPDIR:-/tmp}/t1x-bench.XXXXXX")
	make_guest "$lane"
	: >"$log/console.log"
	ln -sf "$log/console.log" "$run/console.log"
	say "$lane, $iommu: Linux $KREL boots and counts; console log: ${log#"$top"/}/console.log"
	ACCEL=icount IOMMU=$iommu GUEST_TIMEOUT=${GUEST_TIMEOUT:-3600} \
		"$scripts/guest.sh" "$lane" "$run" >"$log/qemu.log" 2>&1 || true
	tr -d '\r' <"$run/verdict" >"$log/results"
	rm -rf "$run"
	run=
}

# show LANE IOMMU: the table, also as files.
show() {
	local lane=$1 iommu=$2 to=$out/$1-$2${ROW:+-part} ret=0
	awk -f "$scripts/bench-bars.awk" -f "$scripts/bench-table.awk" lane="$lane" iommu="$iommu" \
		csv="$to.csv" "$top/bench/bars" "$log/results" >"$to.txt" || ret=$?
	cat "$to.txt"
	[ ! -e "$to.csv" ] || awk -f "$scripts/bench-plot.awk" "$to.csv" >"$to.svg"
	rm -f "$to-profile.txt"
	if [ -n "${PROFILE:-}" ]; then
		sed -n 's/^profile //p' "$log/results" >"$to-profile.txt"
		say "where the instructions go: ${to#"$top"/}-profile.txt"
	fi
	return $ret
}

main() {
	local lane iommu ret worst=0
	run=
	trap '[ -z "$run" ] || rm -rf "$run"' EXIT
	for lane in ${LANE:-stock-6.1 stock-6.12 bench-7.3}; do
		need_lane "$lane"
	done
	"$scripts/deps.sh"
	mkdir -p "$out"
	for lane in ${LANE:-stock-6.1 stock-6.12 bench-7.3}; do
		for iommu in ${IOMMU:-intel intel-nocm amd}; do
			log=$build/logs/bench-$lane-$iommu
			mkdir -p "$log"
			measure "$lane" "$iommu"
			ret=0
			show "$lane" "$iommu" || ret=$?
			[ "$ret" -le "$worst" ] || worst=$ret
		done
	done
	exit $worst
}

main
