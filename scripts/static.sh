#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# static.sh sparse|kdoc: what finds mistakes without running the module.
. "$(dirname "$0")/common.sh"
"$scripts/deps.sh"
lane=debug-$newest
log=$build/logs/${1:-}.log
mkdir -p "$build/logs"

# Debian 12's sparse is too old for 7.3, whose kbuild then skips it: 6.12 is the newest for it.
sparse_check() {
	local lane=debug-6.12
	local module=$build/$lane/module
	"$scripts/build.sh" "$lane" kunit
	answer=$("$scripts/kernel.sh" "$lane")
	eval "$answer"
	quietly "$log" "sparse" make -C "$KDIR" M="$module" -j"$njobs" T1X_KUNIT=m C=2 \
		CF=-D__CHECK_ENDIAN__ modules
	if grep -q "not available or not up to date" "$log"; then
		die "sparse on this machine is not one that $lane accepts; the whole log is $log"
	fi
	# The kernel's own headers are not ours to mend.
	if grep -E "^($module/|[a-z_./]*/module/).*(warning|error):" "$log" >&2; then
		die "sparse complains, see above; the whole log is $log"
	fi
	say "sparse: clean"
}

kdoc_check() {
	local src
	src=$("$scripts/kernel.sh" source $newest)
	cd "$top"
	if ! python3 "$src/scripts/kernel-doc" -none -Werror ./*.c include/*.h >"$log" 2>&1; then
		cat "$log" >&2
		die "kernel-doc complains, see above"
	fi
	say "kernel-doc: clean"
}

case ${1:-} in
sparse) sparse_check ;;
kdoc) kdoc_check ;;
*) die "usage: static.sh sparse|kdoc" ;;
esac
