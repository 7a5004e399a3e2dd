#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh lies in the guest; its variables, and ours for it
# One boot of a Debian 12 root, for scripts/check-packages.sh: t1x.stage= on the kernel's command
# line names what is done. "stage.sh list" prints what each has to report.
#   stage.sh OLDER NEWER   the two kernels
older=$1 newer=${2:-}
takeover_file=/etc/modprobe.d/vfio-type1x-takeover.conf
client=packages

list() {
	cat <<-END
	install packages dkms_older dkms_newer without_vfio off beside on
	taken early options command_line status served off
	back in_tree served on
	taken-older type1x served removed purged
	removed in_tree served
	END
}

main() {
	read -r cmdline </proc/cmdline
	stage=${cmdline##*t1x.stage=}
	stage=${stage%% *}
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
	stty -F /dev/ttyS1 raw
	T1X_NVME=$(nvme_devices)
	export T1X_NVME
	. /clients/lib.sh
	echo begin >"$port"
	modprobe -q vfio-pci
	echo "stage $stage on $(uname -r)"
	case $stage in
	taken-older) stage_taken_older ;;
	*) "stage_$stage" ;;
	esac
	sync
	echo end >"$port"
	systemctl poweroff --force
}

# The results of a stage go by its name.
good() {
	echo "ok packages.$stage.$1 ${2:-}" >"$port"
	echo "packages: $1: ${2:-}"
}

bad() {
	echo "not ok packages.$stage.$1 ${2:-}" >"$port"
	echo "packages: FAILED $1: ${2:-}"
}

nvme_devices() {
	for dev in /sys/bus/pci/devices/*; do
		[ "$(cat "$dev/vendor" "$dev/device" | paste -sd ' ')" != "0x1b36 0x0010" ] ||
			printf '%s ' "${dev##*/}"
	done
}

# Both backends, as "type1x type1": 1 is loaded.
loaded() {
	ours=0 theirs=0
	[ ! -e /sys/module/vfio_iommu_type1x ] || ours=1
	[ ! -e /sys/module/vfio_iommu_type1 ] || theirs=1
	echo "$ours $theirs"
}

# Of each installed kernel's initramfs, as "type1x alias type1".
images() {
	for kernel in $older $newer; do
		lsinitramfs "/boot/initrd.img-$kernel" >/tmp/image
		for file in /vfio-iommu-type1x.ko modprobe.d/vfio-type1x-takeover.conf /vfio_iommu_type1.ko; do
			grep -c "$file" /tmp/image
		done
	done | paste -sd ' '
}

# What vfio-pci would bring with it, for each kernel.
would_load() {
	for kernel in $older $newer; do
		modprobe -S "$kernel" --show-depends vfio-pci |
			sed -n 's,.*/\(vfio[_-]iommu[_-]type1x*\)\.ko.*,\1,p'
	done | paste -sd ' '
}

# takeover on|off: with what it prints in /tmp/said, and its exit code in $status.
takeover() {
	vfio-type1x takeover "$1" >/tmp/said 2>&1
	status=$?
	cat /tmp/said
}

bind_nvme() {
	for dev in $T1X_NVME; do
		[ ! -e "/sys/bus/pci/drivers/vfio-pci/$dev" ] || continue
		[ ! -e "/sys/bus/pci/devices/$dev/driver" ] || echo "$dev" >"/sys/bus/pci/devices/$dev/driver/unbind"
		echo vfio-pci >"/sys/bus/pci/devices/$dev/driver_override"
		echo "$dev" >/sys/bus/pci/drivers_probe
	done
}

# served_by NAME MODULE: qemu-io reads from the drive, and MODULE is in use meanwhile.
served_by() {
	name=$1 backend_mod=$2
	bind_nvme
	served ring qemu-io -f raw -c 'read 0 64k' "nvme://$nvme/1"
	cat /tmp/out
	if [ "$status" = 0 ] && grep -q '^read 65536/65536' /tmp/out && [ "$refs" -gt 0 ]; then
		good "$name" "$backend_mod served qemu-io on $nvme, references: $refs; loaded (type1x type1): $(loaded)"
	else
		bad "$name" "exit code $status, references of $backend_mod: $refs: $(last_line)"
	fi
}

stage_install() {
	started=$(date +%s)
	if apt-get install -q -y --no-install-recommends /t1x/debs/*.deb; then
		good packages "installed, $(($(date +%s) - started)) s"
	else
		bad packages "apt-get install says $?"
		cat /var/lib/dkms/vfio-iommu-type1x/*/build/make.log
	fi
	for pair in "older $older" "newer $newer"; do
		kernel=${pair#* }
		said=$(dkms status -m vfio-iommu-type1x -k "$kernel")
		case $said in
		*": installed"*) good "dkms_${pair%% *}" "$said" ;;
		*) bad "dkms_${pair%% *}" "dkms says '$said' of $kernel" ;;
		esac
	done

	# The headers of one, and what its package runs when it is installed.
	kernel=6.1.0-none
	mkdir -p /lib/modules/$kernel/build/include
	grep -v VFIO "/lib/modules/$older/build/.config" >/lib/modules/$kernel/build/.config
	/etc/kernel/postinst.d/dkms $kernel
	ret=$?
	said=$(dkms status -m vfio-iommu-type1x -k $kernel | grep -c installed)
	if [ "$ret $said" = "0 0" ]; then
		good without_vfio "passed over"
	else
		bad without_vfio "the hook of new kernels says $ret, and $said built"
	fi
	rm -r /lib/modules/$kernel

	takeover status
	if [ "$(loaded)" = "0 1" ] && grep -q '^takeover: off' /tmp/said; then
		good off "vfio-pci brought in-tree type1"
	else
		bad off "loaded (type1x type1): $(loaded); $(head -n 1 /tmp/said)"
	fi
	modprobe vfio_iommu_type1x
	served_by beside vfio_iommu_type1x

	cat >/etc/modprobe.d/mine.conf <<-END
	options vfio_iommu_type1 dma_entry_limit=4321
	options vfio-pci ids=1b36:0010
	softdep nvme pre: vfio-pci
	END
	echo vfio-pci >>/etc/initramfs-tools/modules
	switch on "1 1 0 1 1 0"
}

# switch on|off IMAGES: and what is in the initramfs of each kernel then.
switch() {
	started=$(date +%s)
	takeover "$1"
	if [ "$status" = 0 ] && [ "$(images)" = "$2" ]; then
		good "$1" "$(($(date +%s) - started)) s, the initramfs of both kernels too"
	else
		bad "$1" "exit code $status; in the initramfs (type1x, alias, type1): $(images)"
	fi
}

stage_taken() {
	dmesg >/tmp/dmesg
	first=$(grep -n -m 1 'vfio_iommu_type1x: loading out-of-tree module' /tmp/dmesg | cut -d : -f 1)
	systemd=$(grep -n -m 1 'systemd\[1\]: systemd' /tmp/dmesg | cut -d : -f 1)
	driver=$(readlink "/sys/bus/pci/devices/$nvme/driver")
	if [ "$(loaded)" = "1 0" ] && [ "${driver##*/}" = vfio-pci ] && [ "${first:-9999}" -lt "${systemd:-0}" ]; then
		good early "from the initramfs, before systemd; in-tree is not loaded; vfio-pci has $nvme"
	else
		bad early "loaded (type1x type1): $(loaded); $nvme has driver ${driver##*/}; type1x in line ${first:-none} of dmesg, systemd in ${systemd:-none}"
	fi
	parameters=/sys/module/vfio_iommu_type1x/parameters
	value=$(cat $parameters/dma_entry_limit)
	if [ "$value" = 4321 ]; then
		good options "dma_entry_limit=4321 from 'options vfio_iommu_type1'"
	else
		bad options "dma_entry_limit is '$value'"
	fi
	value=$(cat $parameters/disable_hugepages)
	if [ "$value" = Y ]; then
		good command_line "vfio_iommu_type1.disable_hugepages=1 holds"
	else
		bad command_line "disable_hugepages is '$value'"
	fi
	takeover status
	if [ "$status" = 0 ] && grep -q '^takeover: on' /tmp/said &&
		grep -q 'options .*dma_entry_limit=4321' /tmp/said &&
		grep -q 'vfio_iommu_type1x: yes' /tmp/said && grep -q 'vfio_iommu_type1: no' /tmp/said; then
		good status
	else
		bad status "exit code $status: $(head -n 1 /tmp/said)"
	fi
	served_by served vfio_iommu_type1x
	export backend_mod
	client=nvme timeout -s KILL 300 /clients/nvme.sh
	switch off "0 0 1 0 0 1"
}

stage_back() {
	if [ "$(loaded)" = "0 1" ] && [ "$(cat /sys/module/vfio_iommu_type1/parameters/dma_entry_limit)" = 4321 ]; then
		good in_tree "alone, with its options"
	else
		bad in_tree "loaded (type1x type1): $(loaded)"
	fi
	served_by served vfio_iommu_type1
	switch on "1 1 0 1 1 0"
}

stage_taken_older() {
	if [ "$(loaded)" = "1 0" ]; then
		good type1x "alone"
	else
		bad type1x "loaded (type1x type1): $(loaded)"
	fi
	served_by served vfio_iommu_type1x
	apt-get remove -q -y vfio-iommu-type1x-dkms
	ret=$?
	if [ "$ret" = 0 ] && [ ! -e $takeover_file ] && [ "$(would_load)" = "vfio_iommu_type1 vfio_iommu_type1" ] &&
		[ "$(images)" = "0 0 1 0 0 1" ]; then
		good removed "with the takeover on: both kernels load in-tree again, early too"
	else
		bad removed "apt-get says $ret; they would load $(would_load); in the initramfs: $(images)"
	fi
	apt-get purge -q -y 'vfio-iommu-type1x-*'
	left=$(find /boot /etc /usr /lib/modules /var/lib/dkms -name '*type1x*' | paste -sd ' ')
	if [ -z "$left" ]; then
		good purged "nothing is left"
	else
		bad purged "left: $left"
	fi
}

stage_removed() {
	if [ "$(loaded)" = "0 1" ]; then
		good in_tree "alone"
	else
		bad in_tree "loaded (type1x type1): $(loaded)"
	fi
	served_by served vfio_iommu_type1
}

if [ "$1" = list ]; then
	list
else
	main
fi
