#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh [instructions|concurrency]: measure in-tree type1, type1x and, where the kernel has it,
# iommufd; one boot for each lane and each kind of IOMMU. Both unless one is named:
#   instructions  of the guest, in MAP, UNMAP and the rest
#   concurrency   the time that threads lose to each other, on two vCPUs; the host should have
#                 two CPUs for them and nothing else to do
# Settings come from the environment:
#   LANE="A B"   lanes (stock-6.1 stock-6.12 bench-7.3)
#   IOMMU="A B"  intel, intel-nocm (VT-d with caching mode off), amd; all three, and intel for
#                concurrency
#   ROW="A B"    instructions of these rows only, named as in bench/bars
#   PROFILE=1    instructions only, and also where the kernel spends them, by function
# Tables, CSV files and plots go to Documentation/performance; with ROW= or PROFILE= to
# build/bench. Exit 0: every bar of bench/bars is reached, 1: not,
# 2: something could not be measured.
. "$(dirname "$0")/common.sh"

kinds=${1:-instructions concurrency}
lanes=${LANE:-stock-6.1 stock-6.12 bench-7.3}
out=$top/Documentation/performance
# What is not the whole is not to be published.
if [ "${ROW:-}${PROFILE:-}" ]; then
	kinds=${1:-instructions}
	out=$build/bench
fi

# What a kind is measured with, and makes.
settings() {
	case $1 in
	instructions)
		program=bench suffix='' table=bench-table accel=icount
		lacking="untraced unjournaled" iommus=${IOMMU:-intel intel-nocm amd}
		;;
	concurrency)
		program=bench-concurrency suffix=-concurrency table=concurrency-table
		accel=${ACCEL:-tcg} lacking='' iommus=${IOMMU:-intel}
		;;
	*) die "usage: bench.sh [instructions|concurrency]" ;;
	esac
}

# What the guest needs, into $run.
make_guest() {
	local lane=$1 name
	mkdir -p "$run/root"
	"$scripts/build.sh" "$lane" ${lacking:+bench}
	for name in $lacking; do
		install -D -m 644 -t "$run/root/modules/$name" "$build/$lane/$name/vfio-iommu-type1x.ko"
	done
	"$scripts/userspace.sh" selftests "$program"
	echo "T1X_LANE=$lane BENCH_ROWS='${ROW:-}' ${PROFILE:+BENCH_PROFILE=1}" >"$run/root/env"
	printf 'bench %s\ndmesg\n' "$program" >"$run/root/plan"
	(
		export T1X_SUITES=$program
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
	say "$lane, $iommu: Linux $KREL boots and measures; console log: ${log#"$top"/}/console.log"
	ACCEL=$accel IOMMU=$iommu GUEST_TIMEOUT=${GUEST_TIMEOUT:-3600} \
		"$scripts/guest.sh" "$lane" "$run" >"$log/qemu.log" 2>&1 || true
	tr -d '\r' <"$run/verdict" >"$log/results"
	rm -rf "$run"
	run=
}

# show LANE IOMMU: the table, also as files.
show() {
	local lane=$1 iommu=$2 to=$out/$1-$2$suffix${ROW:+-part} ret=0
	awk -f "$scripts/bench-bars.awk" -f "$scripts/$table.awk" lane="$lane" iommu="$iommu" \
		csv="$to.csv" "$top/bench/bars" "$log/results" >"$to.txt" || ret=$?
	cat "$to.txt"
	[ "$suffix" ] || [ ! -e "$to.csv" ] || awk -f "$scripts/bench-plot.awk" "$to.csv" >"$to.svg"
	rm -f "$to-profile.txt"
	if [ -n "${PROFILE:-}" ]; then
		sed -n 's/^profile //p' "$log/results" >"$to-profile.txt"
		say "where the instructions go: ${to#"$top"/}-profile.txt"
	fi
	return $ret
}

# bench LANE IOMMU: measure and show what the settings say.
bench() {
	local ret=0
	log=$build/logs/bench-$1-$2$suffix
	mkdir -p "$log"
	measure "$1" "$2"
	show "$1" "$2" || ret=$?
	[ "$ret" -le "$worst" ] || worst=$ret
}

main() {
	local kind lane iommu
	worst=0 run=
	trap '[ -z "$run" ] || rm -rf "$run"' EXIT
	for lane in $lanes; do
		need_lane "$lane"
	done
	for kind in $kinds; do
		settings "$kind"
	done
	"$scripts/deps.sh"
	mkdir -p "$out"
	for kind in $kinds; do
		settings "$kind"
		for lane in $lanes; do
			for iommu in $iommus; do
				bench "$lane" "$iommu"
			done
		done
	done
	exit $worst
}

main
