#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# check.sh check|kunit|upstream|clients|matrix: run lanes, several at a time, and sum up.
#   LANE TEST BACKEND IOMMU  one lane, or one thing on it, instead of all
#   CLIENT  one client instead of all
# The last line is "N passed, N failed, N skipped"; exit 0 all passed, 1 not, 2 nothing ran.
. "$(dirname "$0")/common.sh"
. "$scripts/clients.sh"

what=${1:-check}
# A guest waits for its devices half of the time, so there are two for each CPU where memory allows:
# a guest has 4 GiB, and QEMU keeps what it translates.
room=$(awk '/^MemAvailable:/ { print int($2 / 5242880) }' /proc/meminfo)
parallel=${T1X_PARALLEL:-$((room < 1 ? 1 : room < 2 * njobs ? room : 2 * njobs))}

# One job a line: name, lane, backend, iommu, parts. Kernel builds (one at a time) come early
# and between jobs that need none, so that no guest waits for all of them; and what takes long
# comes before what does not.
all_jobs() {
	cat <<-END
	host
	debug-6.12 debug-6.12 type1x intel selftests upstream
	stock-6.12 stock-6.12 type1x intel selftests upstream
	debug-7.3 debug-7.3 type1x intel selftests upstream
	stock-6.1 stock-6.1 type1x intel selftests upstream
	stock-6.12-amd stock-6.12 type1x amd selftests upstream
	debug-7.3-races debug-7.3 type1x intel races
	debug-6.1-kunit debug-6.1 type1x intel kunit
	debug-6.12-kunit debug-6.12 type1x intel kunit
	debug-7.3-kunit debug-7.3 type1x intel kunit
	stock-6.12-intel-noir stock-6.12 type1x intel-noir interrupts
	END
	# shellcheck disable=SC2086 # client and lane
	[ -n "${T1X_FULL:-}" ] || client_jobs $check_client
	[ -z "${T1X_FULL:-}" ] || client_jobs
	[ -n "${T1X_FULL:-}" ] || return 0
	# KUnit and stock-6.1 have enough of the other tests of debug-6.1; debug-7.3 has the code of
	# stock-7.3. In-tree type1 is compared with in each lane already.
	cat <<-END
	stock-6.12-type1 stock-6.12 type1 intel selftests upstream
	stock-6.1-type1 stock-6.1 type1 intel selftests upstream
	debug-6.1-races debug-6.1 type1x intel races
	debug-6.12-races debug-6.12 type1x intel races
	stock-7.3 stock-7.3 type1x intel selftests upstream
	stock-7.3-type1 stock-7.3 type1 intel selftests
	debug-7.3-type1 debug-7.3 type1 intel selftests
	END
}

# What a part of the whole, or one test, means for one lane.
lane_job() {
	local lane=$1 parts=${2:-} label=$1
	need_lane "$lane"
	[ "${IOMMU:-intel}" = intel ] || label=$label-$IOMMU
	[ "${BACKEND:-type1x}" = type1x ] || label=$label-$BACKEND
	[ "$parts" != kunit ] || label=$lane-kunit
	case $parts in client-*) label=$label-${parts#client-} ;; esac
	echo "$label $lane ${BACKEND:-type1x} ${IOMMU:-intel} $parts"
}

# client_jobs [CLIENTS [LANES]]: on the lanes that each is for, unless they are given.
client_jobs() {
	local name lane
	for name in ${1:-$all_clients}; do
		client "$name"
		for lane in ${2:-$lanes}; do
			case " ${only:-$lane} " in
			*" $lane "*) ;;
			*)
				[ -z "${CLIENT:-}" ] || die "client $name runs on $only alone"
				continue
				;;
			esac
			lane_job "$lane" "client-$name"
		done
	done
}

choose_jobs() {
	local lane parts
	case $what in
	kunit)
		for lane in ${LANE:-debug-6.1 debug-6.12 debug-7.3}; do
			lane_job "$lane" kunit
		done
		;;
	upstream)
		# Not debug-6.1: its debugfs dumps no table per device, which these tests then look for.
		for lane in ${LANE:-stock-6.1 stock-6.12 stock-7.3 debug-6.12 debug-7.3}; do
			lane_job "$lane" upstream
		done
		;;
	clients) client_jobs "${CLIENT:-}" "${LANE:-}" ;;
	matrix)
		for lane in ${LANE:-stock-6.1 stock-6.12 stock-7.3 debug-6.1 debug-6.12 debug-7.3}; do
			lane_job "$lane"
		done
		;;
	check)
		if [ -z "${LANE:-}${TEST:-}${BACKEND:-}${IOMMU:-}" ]; then
			all_jobs
			return
		fi
		case ${TEST:-} in
		'') parts="selftests upstream" ;;
		kunit*) parts=kunit ;;
		vfio_*) parts=upstream ;;
		*) parts=selftests ;;
		esac
		for lane in ${LANE:-stock-6.12}; do
			# Where the kernel's own cannot run, see "upstream" above.
			case $lane-$parts in
			debug-6.1-"selftests upstream") lane_job "$lane" selftests ;;
			*) lane_job "$lane" "$parts" ;;
			esac
			case ${TEST:-}${BACKEND:-}${IOMMU:-}$lane in
			debug-*) lane_job "$lane" kunit ;;
			esac
		done
		;;
	*) die "usage: check.sh check|kunit|upstream|clients|matrix" ;;
	esac
}

# add NAME P F S: to the sum of a job.
add() { echo "$2 $3 $4" >>"$sums/$1"; }

# run_tap NAME WHAT LOG COMMAND...: a test of the host's that prints TAP.
run_tap() {
	local name=$1 what=$2 log=$3 ret=0 passed failed planned
	shift 3
	mkdir -p "$build/logs"
	"$@" >"$log" 2>&1 </dev/null || ret=$?
	sed -n "s/^not ok/FAIL $name: $what:/p" "$log" >&2
	passed=$(grep -c '^ok' "$log" || true)
	failed=$(grep -c '^not ok' "$log" || true)
	planned=$(sed -n 's/^1\.\.//p' "$log")
	add "$name" "$passed" "$failed" 0
	case $ret-$failed in
	0-0 | 1-[1-9]*) [ "$planned" != $((passed + failed)) ] || return 0 ;;
	esac
	echo "FAIL $name: $what: broke off, exit code $ret; its log is $log" >&2
	add "$name" 0 1 0
}

# run_guard NAME LANE: does the layout guard refuse what it must, on this kernel?
run_guard() {
	local answer KDIR
	answer=$("$scripts/kernel.sh" "$2")
	eval "$answer"
	run_tap "$1" "layout guard" "$build/logs/guard-$2.log" "$scripts/abi-guard-test.sh" "$KDIR"
}

run_job() {
	local name=$1 lane=${2:-} backend=${3:-} iommu=${4:-} ret=0 kunit=
	# What needs no guest
	if [ "$name" = host ]; then
		run_layers
		run_tools
		run_differential
		return
	fi
	shift 4
	case "$*" in
	# A build alone is a build of everything.
	*kunit* | '') kunit=kunit ;;
	# One of the suites.
	races | interrupts)
		export TEST=$*
		set -- selftests
		;;
	esac
	if "$scripts/build.sh" "$lane" $kunit </dev/null; then
		add "$name" 1 0 0
	else
		echo "FAIL $name: build: see above" >&2
		add "$name" 0 1 0
		return
	fi
	[ "$#" -gt 0 ] || return 0
	case $name-${TEST:-} in
	stock-6.1- | stock-6.12- | debug-7.3-) run_guard "$name" "$lane" ;;
	esac
	case $name-${TEST:-} in
	stock-6.12-) run_tap "$name" takeover "$build/logs/takeover.log" "$scripts/takeover-test.sh" "$lane" ;;
	esac
	BACKEND=$backend IOMMU=$iommu PARTS=$* "$scripts/run.sh" "$lane" "$name" </dev/null || ret=$?
	if [ "$ret" != 0 ]; then
		echo "FAIL $name: could not be run, see above" >&2
		add "$name" 0 1 0
		return
	fi
	tail -n 1 "$build/logs/$name/verdict" | sed 's/^tally //' >>"$sums/$name"
}

run_layers() {
	mkdir -p "$build/logs"
	if { "$scripts/check-layers.sh" && "$scripts/check-rows.sh"; } >"$build/logs/layers.log" 2>&1; then
		add layers 1 0 0
	else
		cat "$build/logs/layers.log" >&2
		echo "FAIL layers: see above" >&2
		add layers 0 1 0
	fi
}

# Does the differential test find what it is to find?
run_differential() {
	local program=$build/selftests/differential
	if "$scripts/userspace.sh" selftests differential; then
		run_tap differential "of models" "$build/logs/differential.log" "$program" -f global
	else
		echo "FAIL differential: build: see above" >&2
		add differential 0 1 0
	fi
}

run_tools() {
	run_tap tools vfio-type1x "$build/logs/check-tools.log" "$scripts/check-tools.sh"
}

# Read as a whole before it starts: bash reads a script as it goes, and this one runs for long
# enough to be edited meanwhile.
main() {
	"$scripts/deps.sh"
	sums=$(mktemp -d)
	trap 'rm -rf "$sums"' EXIT
	choose_jobs >"$sums/jobs"
	mapfile -t joblines <"$sums/jobs"
	rm -f "$sums/jobs"

	say "$what: ${#joblines[@]} runs, $parallel at a time; logs are in build/logs"
	running=0
	for line in "${joblines[@]}"; do
		if [ "$running" -ge "$parallel" ]; then
			wait -n || true
			running=$((running - 1))
		fi
		# shellcheck disable=SC2086 # the fields of a job
		(
			run_job $line
			: >"$sums/${line%% *}.ended"
		) &
		running=$((running + 1))
	done
	wait
	# A job that broke off has not counted what it did not do.
	for line in "${joblines[@]}"; do
		name=${line%% *}
		[ ! -e "$sums/$name.ended" ] || continue
		echo "FAIL $name: broke off, see above" >&2
		add "$name" 0 1 0
	done

	read -r passed failed skipped < <(cat "$sums"/* | awk '
		{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
	say "$what done, logs are in build/logs"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] || exit 1
	[ "$passed" -gt 0 ] || exit 2
	exit 0
}

main
