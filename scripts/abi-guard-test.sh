#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# abi-guard-test.sh KDIR: the layout guard accepts our declaration for the kernel in KDIR, and
# refuses each way of getting it wrong. Works on a scratch copy; prints TAP; fails if a case does.
set -eu

[ -n "${1:-}" ] || { echo "usage: $0 KDIR (the kernel's build directory)" >&2; exit 2; }
kdir=$1
[ -r "$kdir/Makefile" ] || { echo "$0: no kernel build directory at $kdir" >&2; exit 2; }
top=$(realpath "$(dirname "$0")/..")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# Not every sh comes to the trap above when a signal ends it.
trap 'exit 143' HUP INT TERM
header=include/vfio_driver_ops.h
failed=0
count=0
unset T1X_LAYOUT_UNCHECKED MAKEFLAGS MFLAGS

scratch() {
	rm -rf "$tmp/module"
	mkdir -p "$tmp/module/scripts"
	cp -rL "$top/Kbuild" "$top/include" "$tmp/module/"
	cp -L "$top"/scripts/abi-guard* "$tmp/module/scripts/"
	echo '#include "vfio_driver_ops.h"' >"$tmp/module/whole.c"
}

# The object that includes the declaration, and thereby the guard.
build() {
	make -s -C "$kdir" M="$tmp/module" whole.o >"$tmp/log" 2>&1
}

report() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $2"
	sed 's/^/# /' "$tmp/log"
}

# refused NAME SED-SCRIPT: the build over the changed declaration fails, and the guard says why.
refused() {
	scratch
	sed -i "$2" "$tmp/module/$header"
	if cmp -s "$top/$header" "$tmp/module/$header"; then
		echo "the mutation changed nothing: $2" >"$tmp/log"
		report 1 "$1"
	elif build; then
		echo "the build passed" >>"$tmp/log"
		report 1 "$1"
	else
		ret=0
		grep -Eq '^layout guard: .*(gives 0x|differs from|is not the one of)' "$tmp/log" ||
			ret=1
		report "$ret" "$1"
	fi
}

echo 1..10
scratch
ret=0
build || ret=1
[ ! -s "$tmp/log" ] || ret=1
report "$ret" "our declaration is accepted in silence"

refused "another return type is refused" 's/void (\*release)(/int (*release)(/'
refused "another argument type is refused" 's/dma_addr_t iova, int npage);/dma_addr_t iova, long npage);/'
refused "two members swapped are refused" \
	's/(\*register_device)/(*swap)/; s/(\*unregister_device)/(*register_device)/; s/(\*swap)/(*unregister_device)/'
refused "a missing member is refused" '/(\*unpin_pages)/d'
refused "one member more at the end is refused" '/^	struct iommu_domain \*(\*group_iommu_domain)/,/;$/s/;$/; void (*more)(void);/'
refused "notify on the wrong kernels is refused" 's/^#if T1X_HAVE_OPS_NOTIFY/#if !T1X_HAVE_OPS_NOTIFY/'
refused "another group type is refused" '/^	VFIO_IOMMU,/d'

# A kernel that offers nothing to compare with.
mkdir "$tmp/none"
ret=1
"$top/scripts/abi-guard.sh" "$tmp/none" "$tmp/none" 0.0-none false >"$tmp/log" 2>&1 || ret=0
grep -q '^layout guard: nothing to compare' "$tmp/log" || ret=1
report "$ret" "a kernel without evidence is refused"

ret=0
T1X_LAYOUT_UNCHECKED=1 "$top/scripts/abi-guard.sh" "$tmp/none" "$tmp/none" 0.0-none false \
	>"$tmp/log" 2>&1 || ret=1
grep -q '^layout guard: warning: not checked' "$tmp/log" || ret=1
report "$ret" "a kernel without evidence is accepted with T1X_LAYOUT_UNCHECKED=1"

[ "$failed" = 0 ]
