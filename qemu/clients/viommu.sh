#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2154 # lib.sh lies beside it in the guest; variables come from init
# The same with a VT-d of the inner guest's own: each DMA mapping of its kernel becomes a MAP and an
# UNMAP of the container, and each new address space an UNMAP of the whole and a replay.
. /clients/lib.sh

trace=/tmp/trace

main() {
	watch_ioctls
	boot_inner "t1x=nvme intel_iommu=on iommu.strict=1" -machine q35 -device intel-iommu,caching-mode=on -device "vfio-pci,host=$nvme" \
		-D $trace -trace 'vfio_iommu_map_notify' -trace 'vfio_listener_region_*'
	report_boot
	report_drive
	report_storm
	report_whole_space
	report_backend
}

report_storm() {
	maps=$(ioctls MAP) unmaps=$(ioctls UNMAP)
	notified=$(grep -c vfio_iommu_map_notify $trace)
	if [ "$maps" -ge 200 ] && [ "$unmaps" -ge 200 ] && ! grep -q 'vfio_dma_map\|VFIO_MAP_DMA' /tmp/out; then
		pass storm "$maps MAP and $unmaps UNMAP of the container for $notified of the inner guest's VT-d"
	else
		fail storm "$maps MAP, $unmaps UNMAP, $notified notifications: $(last_line)"
	fi
}

# The inner kernel takes the drive out of pass-through into an address space of its own, and QEMU
# removes all that it had mapped: what ends at the last byte of the 64-bit space is among it.
report_whole_space() {
	added=$(grep -c vfio_listener_region_add_iommu $trace)
	deleted=$(grep -c 'vfio_listener_region_del region_del' $trace)
	whole=$(grep -c 'vfio_listener_region_del region_del .* - 0xffffffffffffffff' $trace)
	if [ "$added" -ge 1 ] && [ "$whole" -ge 1 ] && ! grep -q 'UNMAP_DMA' /tmp/out; then
		pass whole_space "$deleted regions removed, $whole of them up to the end of the 64-bit space; $added IOMMU regions followed"
	else
		fail whole_space "$added IOMMU regions, $deleted removed, $whole to the end: $(last_line)"
	fi
}

main
