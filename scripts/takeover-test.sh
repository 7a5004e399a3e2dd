#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# takeover-test.sh LANE: "vfio-type1x takeover" on a copy of the lane's vfio modules, in a scratch
# root; what it comes to is asked of modprobe. Loads nothing. Prints TAP; fails if a case does.
. "$(dirname "$0")/common.sh"

lane=${1:-}
need_lane "$lane"
answer=$("$scripts/kernel.sh" "$lane")
eval "$answer"
"$scripts/build.sh" "$lane"
root=$(mktemp -d "${TMPDIR:-/tmp}/t1x-takeover.XXXXXX")
trap 'rm -rf "$root"' EXIT
quietly "$build/logs/tools.log" "building the tool" make -C "$top/tools" OUT="$build/tools" \
	CFLAGS="-O2 -Werror"
modules=$root/lib/modules/$KREL
alias_file=$root/etc/modprobe.d/vfio-type1x-takeover.conf
load_file=$root/etc/modules-load.d/vfio-type1x-takeover.conf
failed=0
count=0

# fresh [builtin]: the kernel with both backends, in-tree's as a module or built into it.
fresh() {
	local ours=$build/$lane/module/vfio-iommu-type1x.ko file
	rm -rf "${root:?}"/*
	mkdir -p "$modules/updates/dkms" "$root/etc/modprobe.d" "$root/proc/sys/kernel"
	echo "$KREL" >"$root/proc/sys/kernel/osrelease"
	touch "$modules/modules.order" "$modules/modules.builtin.modinfo"
	# The one that lists what is built in, then each on its own.
	cp "$KMODS/lib/modules/$KREL/modules.builtin" "$modules/"
	(cd "$KMODS/lib/modules/$KREL" && find kernel/drivers/vfio kernel/virt -name '*.ko*') | while read -r file; do
		if [ "${1:-}" = builtin ]; then
			echo "${file%.xz}" >>"$modules/modules.builtin"
		else
			install -D "$KMODS/lib/modules/$KREL/$file" "$modules/$file"
		fi
	done
	cp "$ours" "$modules/updates/dkms/"
	depmod -b "$root" "$KREL" 2>/dev/null
}

takeover() {
	"$build/tools/vfio-type1x" --root "$root" takeover "$@" >"$root/out" 2>&1
}

# loads MODULE: the type1 backends that loading it would load, each with its options.
loads() {
	modprobe -d "$root" -C "$root/etc/modprobe.d" -S "$KREL" --show-depends "$1" 2>&1 |
		sed -n 's,^insmod .*/\(vfio[_-]iommu[_-]type1x*\)\.ko[.xz]*\( *\)\(.*\),\1\2\3,p; s,^builtin \(vfio_iommu.*\),builtin \1,p' |
		sed 's/ *$//' | paste -sd ';'
}

# same NAME WHAT EXPECTED ACTUAL
same() {
	count=$((count + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $count - $1"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $1"
	printf '# expected: %s\n# found:    %s\n' "$2" "$3"
	sed 's/^/# /' "$root/out"
}

says() { grep -c "$1" "$root/out" || true; }

off() {
	fresh
	takeover status
	same "installed, it is off" "0 1" "$? $(says '^takeover: off')"
	same "off, vfio-pci loads in-tree" vfio_iommu_type1 "$(loads vfio-pci)"
}

on_and_off() {
	fresh
	takeover on
	same "on succeeds, and says so" "0 1" "$? $(says '^takeover: on')"
	takeover status
	same "status says on" "0 1" "$? $(says '^takeover: on')"
	same "on, vfio-pci loads type1x alone" vfio-iommu-type1x "$(loads vfio-pci)"
	same "on, the old name loads type1x" vfio-iommu-type1x "$(loads vfio_iommu_type1)"
	same "no file of modules-load.d where in-tree is a module" 1 "$([ -e "$load_file" ] || echo 1)"
	takeover on
	same "on once more is no error" "0 1" "$? $(grep -c '^alias ' "$alias_file")"
	takeover off
	same "off succeeds, and says so" "0 1" "$? $(says '^takeover: off')"
	same "off again, vfio-pci loads in-tree" vfio_iommu_type1 "$(loads vfio-pci)"
	same "off leaves nothing" "" "$(find "$root/etc" -type f)"
	takeover off
	same "off once more is no error" 0 $?
}

options() {
	fresh
	echo "options vfio_iommu_type1 allow_unsafe_interrupts=1" >"$root/etc/modprobe.d/mine.conf"
	takeover on
	same "old options hold" "vfio-iommu-type1x allow_unsafe_interrupts=1" "$(loads vfio-pci)"
	same "and where the old name is asked for" "vfio-iommu-type1x allow_unsafe_interrupts=1" "$(loads vfio_iommu_type1)"
	takeover status
	same "status shows them" 1 "$(says 'allow_unsafe_interrupts=1 (/etc/modprobe.d/mine.conf)')"
	echo "options vfio_iommu_type1 dma_entry_limit=7" >"$root/etc/modprobe.d/mine.conf"
	same "edited later, they hold too" "vfio-iommu-type1x dma_entry_limit=7" "$(loads vfio-pci)"
	echo "options vfio_iommu_type1x granule=4096" >>"$root/etc/modprobe.d/mine.conf"
	same "together with those of the new name" "vfio-iommu-type1x dma_entry_limit=7 granule=4096" "$(loads vfio-pci)"
	takeover off
	same "and go back to in-tree" "vfio_iommu_type1 dma_entry_limit=7" "$(loads vfio-pci)"
}

builtin_type1() {
	fresh builtin
	echo "options vfio_iommu_type1 allow_unsafe_interrupts=1" >"$root/etc/modprobe.d/mine.conf"
	takeover on
	same "in-tree built in: something asks for it at boot" vfio_iommu_type1 "$(grep -v '^#' "$load_file")"
	same "and gets type1x, with the old options" "vfio-iommu-type1x allow_unsafe_interrupts=1" "$(loads vfio_iommu_type1)"
	rm -r "$modules/updates"
	depmod -b "$root" "$KREL" 2>/dev/null
	takeover status
	same "without the module, the built-in one serves" "1 1" "$? $(says 'so the built-in type1 serves there')"
	takeover off
	same "off, the built-in one is left" "builtin vfio_iommu_type1" "$(loads vfio_iommu_type1)"
	same "and nothing else" "$root/etc/modprobe.d/mine.conf" "$(find "$root/etc" -type f)"
}

missing_module() {
	fresh
	rm -r "$modules/updates"
	depmod -b "$root" "$KREL" 2>/dev/null
	takeover on
	same "without the module, on is refused" "2 1 " "$? $(says 'no kernel has the module') $(find "$root/etc" -type f)"
	takeover --force on
	takeover status
	same "forced, status tells of it" "1 1" "$? $(says 'is not installed, so VFIO has no type1')"
	fresh
	mkdir "$root/lib/modules/0.0-other"
	echo "kernel/drivers/vfio/vfio_iommu_type1.ko:" >"$root/lib/modules/0.0-other/modules.dep"
	echo 0.0-other >"$root/proc/sys/kernel/osrelease"
	takeover on
	same "without it for this kernel, on is refused" "2 1" "$? $(says 'kernel 0.0-other has no module')"
	echo "$KREL" >"$root/proc/sys/kernel/osrelease"
	takeover on
	takeover status
	same "without it for another, status tells of it" "1 1" "$? $(says '0.0-other: .*so VFIO has no')"
	: >"$root/lib/modules/0.0-other/modules.dep"
	takeover status
	same "a kernel without VFIO does no harm" "0 1" "$? $(says '0.0-other: has no VFIO type1')"
}

obstacles() {
	fresh
	mkdir -p "$root/lib/modprobe.d"
	echo "alias vfio-iommu-type1 vfio-iommu-type1x" >"$root/lib/modprobe.d/hand.conf"
	takeover status
	same "an alias that somebody else wrote counts" "0 1" "$? $(says '  alias .*/lib/modprobe.d/hand.conf')"
	takeover off
	same "off tells where it is" "2 1" "$? $(says '/lib/modprobe.d/hand.conf has the alias too')"
	: >"$root/etc/modprobe.d/hand.conf"
	takeover off
	same "a file of that name in /etc hides it" 0 $?
	takeover on
	echo "blacklist vfio_iommu_type1x" >"$root/etc/modprobe.d/hand.conf"
	takeover status
	same "what is in the way is told" "1 1" "$? $(says 'in the way blacklist vfio_iommu_type1x .*: vfio does not heed it')"
	same "and does not heed it" vfio-iommu-type1x "$(loads vfio-pci)"
	same "but who asks for the old name does" "" "$(loads vfio_iommu_type1)"
	echo "install vfio_iommu_type1x /bin/false" >"$root/etc/modprobe.d/hand.conf"
	takeover status
	same "an install line is in the way too" "1 1" "$? $(says 'in the way install vfio_iommu_type1x')"
	same "and vfio does heed it" "" "$(loads vfio-pci)"
	takeover off
	echo "blacklist vfio_iommu_type1" >"$root/etc/modprobe.d/hand.conf"
	same "a blacklist line is no takeover" vfio_iommu_type1 "$(loads vfio-pci)"
	fresh
	rm -r "${root:?}/etc"
	touch "$root/etc"
	takeover on
	same "one line where it cannot be written" "2 1" "$? $(wc -l <"$root/out")"
}

# A line in status for what loaded and for what is not.
loaded() {
	fresh
	mkdir -p "$root/sys/module/vfio_iommu_type1x" "$root/sys/module/vfio_iommu_type1"
	echo 3 >"$root/sys/module/vfio_iommu_type1x/refcnt"
	echo live >"$root/sys/module/vfio_iommu_type1x/initstate"
	takeover status
	same "status counts references" 1 "$(says 'vfio_iommu_type1x: yes, references: 3')"
	same "and knows what is built in" 1 "$(says 'vfio_iommu_type1: built into the kernel')"
}

wrong_words() {
	fresh
	takeover
	same "no action is an error" 2 $?
	takeover maybe
	same "so is an unknown one" "2 1" "$? $(says '^vfio-type1x: usage: ')"
	takeover on off
	same "so are two" 2 $?
}

set +e
off
on_and_off
options
builtin_type1
missing_module
obstacles
loaded
wrong_words
echo "1..$count"
[ "$failed" = 0 ]
