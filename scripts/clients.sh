# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# The real clients: which there are, what each needs and where it runs. Sourced after common.sh;
# qemu/clients/NAME.sh is the half of each that runs in the guest.

all_clients="nvme testpmd assign viommu migrate"

# The one of "make check": of those that run a guest in the guest the one that asks for most.
check_client="viommu stock-6.12"

# client NAME: what is known of it.
#   lanes     where it runs when no LANE= is given
#   only      the lanes on which it can run at all, where those are not all
#   packages  Debian packages in the guest's root; suite=trixie where bookworm is too old
#   inner     it boots a guest of its own
#   tests     what it must report
#   limit     seconds in the guest, on a lane without debug checks
#   args, cmdline  more for QEMU, and for the guest's kernel
client() {
	lanes="stock-6.1 stock-6.12 debug-7.3" only='' packages='' suite='' inner='' args='' cmdline=''
	case $1 in
	nvme)
		packages=qemu-utils limit=300
		tests="write_read bench drain backend"
		;;
	testpmd)
		packages=dpdk-dev limit=300
		tests="no_huge hugepages physical backend"
		# Two cards on one wire.
		args="-netdev hubport,id=net0,hubid=0 -device e1000e,addr=10,netdev=net0"
		args="$args -netdev hubport,id=net1,hubid=0 -device e1000e,addr=11,netdev=net1"
		;;
	assign)
		packages=qemu-system-x86 inner=1 limit=480
		tests="boot write_read drive backend"
		;;
	viommu)
		packages=qemu-system-x86 inner=1 limit=600
		tests="boot write_read drive storm whole_space backend"
		;;
	migrate)
		# bookworm's QEMU cannot migrate a vfio device, 6.1's mtty neither.
		only="debug-6.12 debug-7.3" lanes=$only
		packages=qemu-system-x86 suite=trixie inner=1 limit=480
		tests="save dirty_pages restore backend"
		;;
	*) die "no client '$1': use CLIENT= one of $all_clients" ;;
	esac
}

# build_program SOURCE PROGRAM: static, as the guest has no libraries but those of the client.
build_program() {
	quietly "$build/logs/clients.log" "building qemu/clients/$1" gcc -O2 -Wall -Wextra -static \
		-o "$2" "$top/qemu/clients/$1"
}

# inner_root DIR: the kernel and the initramfs of the guest in the guest, whose PID 1 the outer
# guest uses too.
inner_root() {
	local dir=$1
	mkdir -p "$dir" "$dir.root"/{dev,proc,sys}
	cp "$("$scripts/kernel.sh" inner)" "$dir/vmlinux"
	build_program inner.c "$dir/inner"
	strip -o "$dir.root/init" "$dir/inner"
	(cd "$dir.root" && find . | cpio --quiet -o -H newc -R 0:0) >"$dir/initrd"
	rm -rf "$dir.root"
}

# client_root NAME ROOT: put what the client needs into the guest's root; its packages' archive is
# left in T1X_CPIO.
client_root() {
	local root=$2
	client "$1"
	mkdir -p "$root/clients"
	cp "$top/qemu/clients/lib.sh" "$top/qemu/clients/$1.sh" "$root/clients/"
	build_program watch.c "$root/watch"
	[ -z "$inner" ] || inner_root "$root/inner"
	# shellcheck disable=SC2086 # a list of packages
	T1X_CPIO=$(T1X_SUITE=$suite "$scripts/extras.sh" $packages)
	export T1X_CPIO
}
