#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# abi-guard.sh SRCTREE OBJTREE KERNELRELEASE CC FLAG...: does include/vfio_driver_ops.h declare
# what the kernel in OBJTREE was built with? Called by Kbuild in each build; silent if it does.
# Documentation/layout-guard.rst says what to do when it does not.
set -eu

srctree=$1 objtree=$2 release=$3
shift 3
stub=$(dirname "$0")/abi-guard-stub.c
symbol=vfio_register_iommu_driver
doc='see Documentation/layout-guard.rst'

say() {
	echo "layout guard: $*" >&2
}

die() {
	say "$*"
	exit 1
}

# The CRC of the symbol over our declaration, as kbuild computes it for an export.
our_crc() {
	"$@" -E -D__GENKSYMS__ "$stub" | "$objtree/scripts/genksyms/genksyms" -r /dev/null |
		sed -n "s/^.*SYMVER $symbol \(0x[0-9a-f]*\).*/\1/p"
}

# Prints the kernel's struct and ours as pahole sees them in BTF; both lose their comments.
layout() {
	pahole -C vfio_iommu_driver_ops "$@" | sed 's,/\*.*\*/,,; s/[[:space:]]*$//; /^$/d'
}

# Finds a file with the BTF of the kernel's vfio module, and the BTF that it is based on.
find_btf() {
	btf=
	base=$objtree/vmlinux
	command -v pahole >/dev/null || return 1
	for file in ${T1X_VFIO_KO:+"$T1X_VFIO_KO"} "$objtree/drivers/vfio/vfio.ko" \
		"/lib/modules/$release/kernel/drivers/vfio/vfio.ko" \
		"/lib/modules/$release/kernel/drivers/vfio/vfio.ko.xz"; do
		[ ! -r "$file" ] || { btf=$file; break; }
	done
	if [ "$release" = "$(uname -r)" ]; then
		[ -r "$base" ] || base=/sys/kernel/btf/vmlinux
		[ -n "$btf" ] || btf=/sys/kernel/btf/vfio
	fi
	[ -r "$btf" ] && [ -r "$base" ]
}

check_btf() {
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	# Not every sh comes to the trap above when a signal ends it.
	trap 'exit 143' HUP INT TERM
	case $btf in
	*.xz) xz -dc "$btf" >"$tmp/vfio.ko"; file=$tmp/vfio.ko ;;
	*) file=$btf ;;
	esac
	layout -F btf --btf_base "$base" "$file" >"$tmp/kernel" 2>/dev/null || :
	[ -s "$tmp/kernel" ] || return 1
	if ! "$@" -g -c -o "$tmp/stub.o" "$stub" ||
		! pahole -J --btf_encode_detached="$tmp/stub.btf" "$tmp/stub.o"; then
		die "cannot make the BTF of $stub: the errors are above"
	fi
	layout -F btf "$tmp/stub.btf" >"$tmp/ours"
	cmp -s "$tmp/kernel" "$tmp/ours" && return
	diff "$tmp/kernel" "$tmp/ours" >&2 || :
	die "struct vfio_iommu_driver_ops in the BTF of $btf (<) is not the one of include/vfio_driver_ops.h (>); $doc"
}

crc=
if [ -r "$objtree/Module.symvers" ]; then
	crc=$(awk -v s="$symbol" '$2 == s && $1 !~ /^0x0+$/ { print $1 }' "$objtree/Module.symvers")
fi

# Exports signed from DWARF instead have CRCs too, which genksyms cannot reproduce.
if [ -n "$crc" ] && [ -x "$objtree/scripts/genksyms/genksyms" ] &&
	! grep -qs '^CONFIG_GENDWARFKSYMS=y' "$objtree/include/config/auto.conf"; then
	ours=$(our_crc "$@")
	[ -n "$ours" ] || die "cannot compute the CRC of $symbol from $stub: the errors are above"
	[ "$ours" = "$crc" ] ||
		die "$symbol has CRC $crc in this kernel, but include/vfio_driver_ops.h gives $ours: the private struct changed; $doc"
	exit
fi

header=$(realpath "$srctree")/drivers/vfio/vfio.h
if [ -r "$header" ]; then
	"$@" -Werror -fsyntax-only "-DT1X_KERNEL_VFIO_H=\"$header\"" "$stub" ||
		die "include/vfio_driver_ops.h differs from $header: the errors above name the members; $doc"
	exit
fi

if find_btf && check_btf "$@"; then
	exit
fi

if [ "${T1X_LAYOUT_UNCHECKED:-}" = 1 ]; then
	say "warning: not checked, as T1X_LAYOUT_UNCHECKED=1 asks: a kernel with another layout will crash"
	exit
fi
die "nothing to compare include/vfio_driver_ops.h with for $release: no CRC of $symbol in Module.symvers, no drivers/vfio/vfio.h, no BTF of vfio; $doc"
