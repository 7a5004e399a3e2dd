#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh: count the guest's instructions of MAP, UNMAP and the rest on in-tree type1, on type1x
# and, where the kernel has it, on iommufd: one boot for each lane and each kind of IOMMU.
#   LANE="A B"   lanes (stock-6.1 stock-6.12 bench-7.3)
#   IOMMU="A B"  intel, intel-nocm (VT-d with caching mode off), amd; all three
#   ROW="A B"    only these rows
# Tables and CSV files go to build/bench. Exit 0: every bar of bench/bars is reached, 1: not,
# 2: something could not be measured.
. "$(dirname "$0")/common.sh"

lanes=${LANE:-stock-6.1 stock-6.12 bench-7.3}
iommus=${IOMMU:-intel intel-nocm amd}
out=$build/bench

run=
trap '[ -z "$run" ] || rm -rf "$run"' EXIT

# bench_one LANE IOMMU: the results into build/logs/bench-LANE-IOMMU/results.
bench_one() {
	local lane=$1 iommu=$2 answer KREL KDIR KMODS VMLINUZ
	log=$build/logs/bench-$lane-$iommu
	run=$(mktemp -d "${TMPDIR:-/tmp}/t1x-bench.XXXXXX")
	mkdir -p "$run/root" "$log"
	answer=$("$scripts/kernel.sh" "$lane")
	eval "$answer"
	"$scripts/build.sh" "$lane"
	"$scripts/userspace.sh" selftests bench
	echo "T1X_LANE=$lane BENCH_ROWS='${ROW:-}'" >"$run/root/env"
	printf 'bench\ndmesg\n' >"$run/root/plan"
	(
		export T1X_SUITES=bench
		lock "$build/$lane/lock" "building for $lane"
		"$scripts/initramfs.sh" "$lane" "$run"
	)
	: >"$log/console.log"
	ln -sf "$log/console.log" "$run/console.log"
	say "$lane, $iommu: counting in a guest with Linux $KREL; console log: ${log#"$top"/}/console.log"
	ACCEL=icount IOMMU=$iommu GUEST_TIMEOUT=${GUEST_TIMEOUT:-2400} \
		"$scripts/guest.sh" "$lane" "$run" >"$log/qemu.log" 2>&1 || true
	tr -d '\r' <"$run/verdict" >"$log/results"
	rm -rf "$run"
	run=
}

"$scripts/deps.sh"
mkdir -p "$out"
worst=0
for lane in $lanes; do
	need_lane "$lane"
	for iommu in $iommus; do
		bench_one "$lane" "$iommu"
		ret=0
		awk -f "$scripts/bench-table.awk" lane="$lane" iommu="$iommu" csv="$out/$lane-$iommu.csv" \
			"$top/bench/bars" "$log/results" >"$out/$lane-$iommu.txt" || ret=$?
		cat "$out/$lane-$iommu.txt"
		[ "$ret" -le "$worst" ] || worst=$ret
	done
done
exit "$worst"
