#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# demo.sh: boot stock 6.12 with the module, and show as a table what qemu/demo does in the guest.
#   BACKEND=type1 shows the same with the in-tree driver.
. "$(dirname "$0")/common.sh"

lane=${LANE:-stock-6.12}
need_lane "$lane"
backend=${BACKEND:-type1x}
run=$(mktemp -d "${TMPDIR:-/tmp}/t1x-demo.XXXXXX")
guest=
cleanup() {
	[ -z "$guest" ] || kill "$guest" 2>/dev/null || true
	rm -rf "$run"
}
trap cleanup EXIT
log=$build/logs/demo
mkdir -p "$run/root" "$log"

"$scripts/deps.sh"
say "kernel, module and programs for $lane"
answer=$("$scripts/kernel.sh" "$lane")
eval "$answer"
"$scripts/build.sh" "$lane"
headers=$("$scripts/userspace.sh" headers)
quietly "$log/demo.log" "building qemu/demo" gcc -O2 -Wall -Wextra -static \
	-isystem "$headers/usr/include" -o "$run/root/demo" "$top/qemu/demo/demo.c"
quietly "$log/demo.log" "building qemu/clients/watch.c" gcc -O2 -Wall -Wextra -static \
	-o "$run/root/watch" "$top/qemu/clients/watch.c"
quietly "$log/demo.log" "building tools/" make -C "$top/tools" OUT="$build/tools/static" STATIC=1
mkdir -p "$run/root/bin"
cp "$build/tools/static/vfio-type1x" "$run/root/bin/"
cp "$top/qemu/demo/demo.sh" "$run/root/demo.sh"
T1X_CPIO=$("$scripts/extras.sh" qemu-utils)
export T1X_CPIO
echo "BACKEND=$backend T1X_LANE=$lane" >"$run/root/env"
printf 'backend\ndemo\nunload\ndmesg\n' >"$run/root/plan"
(
	lock "$build/$lane/lock" "building for $lane"
	"$scripts/initramfs.sh" "$lane" "$run"
)

say "booting Linux $KREL under QEMU with VT-d, edu and nvme"
: >"$run/verdict"
ln -s "$log/console.log" "$run/console.log"
GUEST_TIMEOUT=240 "$scripts/guest.sh" "$lane" "$run" >"$log/qemu.log" 2>&1 &
guest=$!

failed=
done=
while IFS= read -r line; do
	line=${line%$'\r'}
	case $line in
	now\ *) say "${line#now }" ;;
	row\ FAILED*) failed=${line#row FAILED|} ;;
	text\ *) printf '    %s\n' "${line#text }" ;;
	row\ *) label=${line%%|*} && printf '  %-14s %s\n' "${label#row }" "${line#*|}" ;;
	not\ ok*) failed=${line#not ok } ;;
	end) done=1 ;;
	esac
done < <(tail -n +1 -f --pid=$guest "$run/verdict")
wait $guest || true
guest=

# The drive's image lies on the host: did the bytes really leave the guest?
if [ "$done" ] && [ -z "$failed" ]; then
	if cmp -s -n 1048576 <(tail -c +1048577 "$run/nvme0.img") <(head -c 1048576 /dev/zero | tr '\0' '\245'); then
		printf '  %-14s %s\n' "drive" "the host finds the 1 MiB in the drive's image"
	else
		failed="the drive's image does not hold what qemu-io wrote"
	fi
fi
[ "$done" ] || failed=${failed:-"the guest did not reach its end"}
if [ "$failed" ]; then
	die "the demo failed: $failed; the guest's console is in build/logs/demo/console.log"
fi
say "all shown; the guest's console is in build/logs/demo/console.log"
