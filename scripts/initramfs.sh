#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# initramfs.sh LANE RUN: pack RUN/root (its /plan, /env and whatever else the caller put there)
# with busybox, our /init, the kernel's modules and ours into RUN/initrd.
. "$(dirname "$0")/common.sh"

lane=$1 run=$2
root=$run/root
need_lane "$lane"
answer=$("$scripts/kernel.sh" "$lane")
eval "$answer"
lib=lib/modules/$KREL

# What init loads with modprobe, with all that it needs. A kernel may lack any of them.
kernel_modules="vfio vfio-pci irqbypass iommufd mdev mtty kunit fuse nvme"

# add_module FILE DIR: a module as an uncompressed .ko.
add_module() {
	local name
	name=$(basename "${1%.xz}")
	mkdir -p "$2"
	case $1 in
	*.xz) xz -dc "$1" >"$2/$name" ;;
	*) cp "$1" "$2/$name" ;;
	esac
}

mkdir -p "$root"/{bin,dev,proc,sys,tmp,etc,modules,tests,root,mnt,run,var/tmp}
cp /bin/busybox "$root/bin/busybox"
for tool in $(busybox --list); do
	[ "$tool" = busybox ] || ln -sf busybox "$root/bin/$tool"
done
cp "$top/qemu/init" "$root/init"
printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"

for name in $kernel_modules; do
	modprobe -q -d "$KMODS" -S "$KREL" --show-depends "$name" 2>/dev/null || true
done | awk '$1 == "insmod" { print $2 }' | sort -u | while read -r file; do
	add_module "$file" "$root/$lib"
done
touch "$root/$lib/modules.builtin" "$root/$lib/modules.order" "$root/$lib/modules.builtin.modinfo"
depmod -b "$root" "$KREL"

# Outside modprobe's reach, so that only an explicit insmod loads a backend.
for file in "$KMODS/$lib"/kernel/drivers/vfio/vfio_iommu_type1.ko* \
	"$build/$lane"/module/*.ko "$build/$lane"/module/kunit/*.ko "$build/$lane"/testmods/*/*.ko; do
	[ ! -e "$file" ] || add_module "$file" "$root/modules"
done

for name in ${T1X_SUITES:-}; do
	cp "$build/selftests/$name" "$root/tests/"
	case $name in
	examples) cp -r "$build/selftests/example" "$root/examples" ;;
	tool) cp "$build/selftests/tools/vfio-type1x" "$root/bin/" ;;
	esac
done

(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$run/initrd"
# Further archives (the demo's programs) are unpacked over it by the kernel.
for more in ${T1X_CPIO:-}; do
	cat "$more" >>"$run/initrd"
done
