#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shell.sh: a shell in the guest of $LANE, with whatever is built for it: module, tests.
. "$(dirname "$0")/common.sh"

lane=${LANE:-stock-6.12}
need_lane "$lane"
"$scripts/deps.sh"
run=$(mktemp -d "${TMPDIR:-/tmp}/t1x-shell.XXXXXX")
trap 'rm -rf "$run"' EXIT
mkdir -p "$run/root"

"$scripts/build.sh" "$lane"
if [ -e "$top/selftests/Makefile" ]; then
	suites=$(make -s -C "$top/selftests" list)
	# shellcheck disable=SC2086 # a list of names
	if "$scripts/userspace.sh" selftests $suites; then
		export T1X_SUITES=$suites
	fi
fi
backend=${BACKEND:-type1x}
[ "$backend" != type1x ] || [ -e "$build/$lane/module/vfio-iommu-type1x.ko" ] || backend=type1
echo "BACKEND=$backend T1X_LANE=$lane" >"$run/root/env"
printf 'backend\nshell\n' >"$run/root/plan"
"$scripts/initramfs.sh" "$lane" "$run"
INTERACTIVE=1 GUEST_TIMEOUT=86400 "$scripts/guest.sh" "$lane" "$run"
