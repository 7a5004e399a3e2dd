# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154,SC2119,SC2120
# What every script here shares: where things are, what a lane is, how a failure is told.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
cache=${T1X_CACHE:-$HOME/.cache/vfio-type1x}
scripts=$top/scripts
njobs=$(nproc)
: "${T1X_START:=$(date +%s)}"
export T1X_START

all_lanes="stock-6.1 stock-6.12 stock-7.3 debug-6.1 debug-6.12 debug-7.3 bench-7.3"

# The kernel whose source gives headers, harness, checkpatch, kernel-doc and vfio selftests.
newest=7.3

say() {
	printf '[%4ds] %s\n' $(($(date +%s) - T1X_START)) "$*" >&2
}

die() {
	printf 'error: %s\n' "$*" >&2
	exit 2
}

need_lane() {
	case " $all_lanes " in
	*" ${1:-none} "*) ;;
	*) die "no lane '${1:-}': use LANE= one of $all_lanes" ;;
	esac
}

lane_kind() { echo "${1%%-*}"; }
lane_version() { echo "${1#*-}"; }

# lock FILE WHAT: hold FILE until this (sub)shell ends; say so when that means waiting.
lock() {
	mkdir -p "$(dirname "$1")"
	exec 9>"$1"
	flock -n 9 && return
	say "waiting: another make is busy with $2"
	flock 9
}

# quietly LOG WHAT COMMAND...: run with its output in LOG; on failure show the end of it.
quietly() {
	local log=$1 what=$2
	shift 2
	mkdir -p "$(dirname "$log")"
	if "$@" >"$log" 2>&1; then
		return 0
	fi
	tail -n 25 "$log" >&2
	die "$what failed; the whole log is $log"
}
