#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh LANE LABEL: build for one lane, boot it once and judge what it reported. Settings come
# from the environment:
#   PARTS="selftests upstream", or "kunit" (on a debug lane), or "client-NAME"
#   BACKEND=type1x|type1  IOMMU=intel|amd  ACCEL=tcg|kvm
#   T1X_DANGEROUS=1  with BACKEND=type1: also tests that hang or stop in-tree type1
#   TEST="SUITE[.FIXTURE[.VARIANT]][.TEST] ..."  only these selftests
# Everything of the run is in build/logs/LABEL; its last line there is "tally P F S" in verdict.
. "$(dirname "$0")/common.sh"
. "$scripts/clients.sh"

lane=${1:-} label=${2:-}
need_lane "$lane"
[ "$label" ] || die "usage: run.sh LANE LABEL"
# Under the debug checks, and beside another guest, all takes several times as long; so do the
# large counts.
time=1200
[ "$(lane_kind "$lane")" != debug ] || time=3600
[ -z "${T1X_FULL:-}" ] || time=$((time * 12))
: "${GUEST_TIMEOUT:=$time}"
export GUEST_TIMEOUT
backend=${BACKEND:-type1x}
ver=$(lane_version "$lane")
# KUnit has a boot of its own: its fake devices and addresses are no business of the other tests.
# So has each client: it has its own devices and its own root.
parts=${PARTS:-selftests upstream}
log=$build/logs/$label

run=$(mktemp -d "${TMPDIR:-/tmp}/t1x-$label.XXXXXX")
trap 'rm -rf "$run"' EXIT
mkdir -p "$run/root/upstream" "$log"
plan=$run/root/plan must=$run/must xfail=$run/xfail
: >"$plan"
: >"$xfail"

has() { [[ " $1 " == *" $2 "* ]]; }

# select_tests SUITE: of the test names on stdin, those that TEST asks for.
select_tests() {
	local name want
	while read -r name; do
		for want in $TEST; do
			case $name in
			"$want" | "$want".* | "${want%%.*}".*".${want#*.}") echo "$name" ;;
			esac
		done
	done
}

plan_kunit() {
	[ "$(lane_kind "$lane")" = debug ] && [ -e "$top/kunit/Kbuild" ] || return 0
	"$scripts/list-tests.sh" kunit "$top"/kunit/*.c >>"$must"
	echo kunit >>"$plan"
}

plan_selftests() {
	local all suite chosen=
	[ -e "$top/selftests/Makefile" ] || return 0
	all=$(make -s -C "$top/selftests" list)
	for suite in $all; do
		# In-tree against itself tells of the generator only. The races have a job of their own.
		case $suite-$backend-${TEST:-} in
		differential-type1- | races-*-) continue ;;
		esac
		[ -z "${TEST:-}" ] || [[ " $TEST " == *" $suite "* || " $TEST " == *" $suite."* ]] || continue
		chosen="$chosen $suite"
	done
	# shellcheck disable=SC2086 # a list of names
	"$scripts/userspace.sh" selftests $chosen
	export T1X_SUITES=$chosen
	for suite in $chosen; do
		"$scripts/list-tests.sh" program "$suite" "$build/selftests/$suite" >"$run/list"
		if [ "$suite-${TEST:-}" = differential- ]; then
			# The rest asks nothing of a kernel: check.sh runs it here.
			sed -i '/^differential\.global\./d' "$run/list"
			echo "suite $suite -F global" >>"$plan"
		elif [ -z "${TEST:-}" ] || has "$TEST" "$suite"; then
			echo "suite $suite" >>"$plan"
		else
			select_tests <"$run/list" | sort -u >"$run/selected"
			[ -s "$run/selected" ] || die "TEST=$TEST: $suite has no such test; see build/selftests/$suite -l"
			mv "$run/selected" "$run/list"
			sed "s/^$suite\./-r /" "$run/list" | tr '\n' ' ' | sed "s/^/suite $suite /; s/\$/\n/" >>"$plan"
		fi
		cat "$run/list" >>"$must"
	done
	if [ "$backend" = type1 ] && [ -e "$top/selftests/expected/type1-$ver.txt" ]; then
		cat "$top/selftests/expected/type1-$ver.txt" >>"$xfail"
	fi
}

# The kernel's own vfio selftests: whatever has a variant for each mode runs as it is, without
# its iommufd variants; the others run once for each of the two modes.
plan_upstream() {
	local dir prog mode device
	dir=$("$scripts/userspace.sh" upstream)
	while read -r prog device; do
		cp "$dir/$prog" "$run/root/upstream/"
		"$scripts/list-tests.sh" program "$prog" "$dir/$prog" >"$run/list"
		if grep -q '\.vfio_type1' "$run/list"; then
			grep '\.vfio_type1' "$run/list" >"$run/selected"
			cat "$run/selected" >>"$must"
			sed "s/^$prog\./-r /" "$run/selected" | tr '\n' ' ' |
				sed "s/^/upstream $prog - $device $prog /; s/\$/\n/" >>"$plan"
			continue
		fi
		for mode in vfio_type1_iommu vfio_type1v2_iommu; do
			sed "s/^$prog\./$prog.$mode./" "$run/list" >>"$must"
			echo "upstream $prog.$mode $mode $device $prog" >>"$plan"
		done
	done <"$top/qemu/upstream/programs"
	[ ! -e "$top/qemu/upstream/expected-$ver.txt" ] || cat "$top/qemu/upstream/expected-$ver.txt" >>"$xfail"
}

# A real client, with its limit; under the debug checks all takes several times as long.
plan_client() {
	local test
	client_root "$1" "$run/root"
	[ "$(lane_kind "$lane")" != debug ] || limit=$((limit * 4))
	export QEMU_ARGS=$args CMDLINE=$cmdline GUEST_TIMEOUT=$((limit + 300))
	echo "client $1 $limit" >>"$plan"
	for test in $tests; do
		echo "client.$1.$test" >>"$must"
	done
}

write_env() {
	echo "BACKEND=$backend T1X_LANE=$lane T1X_KERNEL=$ver T1X_IOMMU=${IOMMU:-intel}"
	[ "$(lane_kind "$lane")" != debug ] || echo "T1X_DEBUG_LANE=1 SUITE_TIMEOUT=2400"
	[ -z "${T1X_FULL:-}" ] || echo "T1X_FULL=1 SUITE_TIMEOUT=36000"
	[ -z "${T1X_DANGEROUS:-}" ] || echo "T1X_DANGEROUS=1"
	[ -z "${SUITE_TIMEOUT:-}" ] || echo "SUITE_TIMEOUT=$SUITE_TIMEOUT"
	[ -z "${T1X_DIFF_OPS:-}" ] || echo "T1X_DIFF_OPS=$T1X_DIFF_OPS"
	[ -z "${T1X_DIFF_SEED:-}" ] || echo "T1X_DIFF_SEED=$T1X_DIFF_SEED"
	[ -z "${T1X_DIFF_WITHOUT:-}" ] || echo "T1X_DIFF_WITHOUT=$T1X_DIFF_WITHOUT"
	[ -z "${T1X_RACES_ITER:-}" ] || echo "T1X_RACES_ITER=$T1X_RACES_ITER"
	[ -z "${T1X_RACES_SEED:-}" ] || echo "T1X_RACES_SEED=$T1X_RACES_SEED"
	[ -z "${T1X_DIFF_SEQ:-}" ] || echo "T1X_DIFF_SEQ=/differential.seq"
}

# The sequences that the differential test has shrunk, one file each.
keep_sequences() {
	tr -d '\r' <"$log/console.log" | awk -v dir="$log" '
	/^#SEQ begin / { file = dir "/" $3; printf "" >file; next }
	/^#SEQ end/ { close(file); print file; file = ""; next }
	file && sub(/^#SEQ /, "") { print >file; next }
	file && /^#/ { print >file }' | while read -r file; do
		say "$label: a sequence that differs is in ${file#"$top"/}"
	done
}

# Why a guest did not reach its end, in one line.
autopsy() {
	grep -m 1 '^qemu' "$log/qemu.log" || grep -aoE -m 1 '(Kernel panic|BUG: |WARNING: |Oops|KASAN: |UBSAN: ).*' "$log/console.log" ||
		echo "no end within $GUEST_TIMEOUT s"
}

if has "$parts" kunit; then
	"$scripts/build.sh" "$lane" kunit
	plan_kunit
else
	"$scripts/build.sh" "$lane"
fi
[ "$parts" = kunit ] || echo backend >>"$plan"
! has "$parts" selftests || plan_selftests
! has "$parts" upstream || plan_upstream
case $parts in client-*) plan_client "${parts#client-}" ;; esac
grep -qvx backend "$plan" || die "nothing to run on $label: no test matches TEST=${TEST:-} PARTS=$parts"
printf '%s\n' dmesg.clean guest.finished >>"$must"
with_backend=$(grep -cx backend "$plan" || true)
{
	if [ "$with_backend" != 0 ]; then
		echo unload
		printf '%s\n' guest.backend guest.unload >>"$must"
	fi
	[ "$(lane_kind "$lane")" != debug ] || { echo kmemleak && echo kmemleak.clean >>"$must"; }
	echo dmesg
} >>"$plan"
write_env >"$run/root/env"
[ -z "${T1X_DIFF_SEQ:-}" ] || cp "$T1X_DIFF_SEQ" "$run/root/differential.seq"

(
	lock "$build/$lane/lock" "building for $lane"
	"$scripts/initramfs.sh" "$lane" "$run"
)
say "$label: booting, console log: build/logs/$label/console.log"
: >"$run/verdict"
ln -sf "$log/console.log" "$run/console.log"
: >"$log/console.log"
rm -f "$log"/console.log.died-*
"$scripts/guest.sh" "$lane" "$run" 2>"$log/qemu.log" || true
grep -E '^\[.*(stopped before|itself died)' "$log/qemu.log" >&2 || true
rm -f "$log"/*.seq
keep_sequences
cp "$must" "$log/must"
cp "$plan" "$log/plan"
tr -d '\r' <"$run/verdict" >"$log/results"
if grep -qx end "$log/results"; then
	echo "ok guest.finished" >>"$log/results"
else
	echo "not ok guest.finished $(autopsy)" >>"$log/results"
fi
awk -f "$scripts/verdict.awk" label="$label" "$must" "$xfail" "$log/results" >"$log/verdict"
read -r _ p f s < <(tail -n 1 "$log/verdict")
grep '^FAIL' "$log/verdict" | head -n 20 >&2 || true
[ "$f" -le 20 ] || echo "     ... $((f - 20)) more failures of $label in build/logs/$label/verdict" >&2
# What a client has shown is worth a line each.
sed -n "s/^ok client\.[a-z]*\.\([^ ]*\) /  $label: \1: /p" "$log/results" >&2
say "$label: $p passed, $f failed, $s skipped"
