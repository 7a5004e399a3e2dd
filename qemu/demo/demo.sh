#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # backend_mod comes from init
# The guest's half of "make demo": shows one thing after another and tells the host, by the second
# serial port, a "row LABEL|TEXT" for each.

main() {
	show_dma
	show_fault
	show_huge
	[ "$backend_mod" != vfio_iommu_type1x ] || show_seen
	show_nvme_info
	show_nvme_io
}

port=/dev/ttyS1
tracing=/sys/kernel/tracing
edu=${T1X_EDU%% *}
nvme=${T1X_NVME%% *}

group_of() {
	basename "$(readlink "/sys/bus/pci/devices/$1/iommu_group")"
}

row() {
	echo "row $1|$2" >$port
}

progress() {
	echo "now $*" >$port
}

show_dma() {
	progress "edu: DMA before and after UNMAP"
	/demo dma "$(group_of "$edu")" "$edu" "$backend_mod" >/tmp/dma 2>&1
	grep '^row' /tmp/dma >$port
	cat /tmp/dma
}

# The IOMMU's own word on the blocked DMA, for the address that edu was given.
show_fault() {
	fault=$(dmesg | grep -iE 'DMAR: \[DMA Write|IO_PAGE_FAULT' | tail -n 1 | sed 's/^\[[^]]*\] *//')
	case $fault in
	*20000000*) row "IOMMU fault" "$fault" ;;
	*) row FAILED "the IOMMU reported no fault for 0x20000000: '$fault'" ;;
	esac
}

# Two independent witnesses: what page size the IOMMU driver was given (a probe on its map
# function), and how many page-table pages it took (64 MiB in 4 KiB leaves need at least 32).
show_huge() {
	progress "a probe on the IOMMU driver, then one MAP of 64 MiB of 2 MiB pages"
	echo 'p:t1x/map intel_iommu_map_pages iova=%si:x64 pgsize=%cx:x64 pgcount=%r8:u64' >$tracing/kprobe_events
	echo 1 >$tracing/events/t1x/map/enable
	: >$tracing/trace
	/demo huge "$(group_of "$edu")" "$edu" "$backend_mod" >/tmp/huge 2>&1
	echo 0 >$tracing/events/t1x/map/enable
	cat /tmp/huge
	grep '^row' /tmp/huge >$port
	tables=$(sed -n 's/^tables //p' /tmp/huge)
	sed -n 's/.*iova=\(0x[0-9a-f]*\) pgsize=\(0x[0-9a-f]*\) pgcount=\([0-9]*\).*/\1 \2 \3/p' $tracing/trace >/tmp/calls
	echo >$tracing/kprobe_events
	leaves=$(awk '$2 == "0x200000" || $2 == "0x40000000" { n += $3 } END { print n + 0 }' /tmp/calls)
	small=$(awk '$2 == "0x1000" && $1 >= "0x40000000" { n += $3 } END { print n + 0 }' /tmp/calls)
	if [ "$leaves" -gt 0 ] && [ "$small" = 0 ]; then
		row "huge pages" "64 MiB mapped as $leaves IOMMU pages of 2 MiB, none of 4 KiB; $tables page-table page(s) taken, 4 KiB pages need 33"
	else
		row FAILED "huge pages: $leaves of 2 MiB, $small of 4 KiB, $tables page-table pages"
	fi
}

# What vfio-type1x prints goes to the host line by line.
show_seen() {
	progress "vfio-type1x: what is mapped, in which IOMMU pages, and why a call failed"
	if /demo seen "$(group_of "$edu")" "$edu" "$backend_mod" >/tmp/seen 2>&1; then
		sed '/^text /!s/^/text /' /tmp/seen >$port
	else
		row FAILED "vfio-type1x: $(tail -n 1 /tmp/seen)"
	fi
	cat /tmp/seen
}

# watch_backend COMMAND...: run it; the most references that the backend had meanwhile.
watch_backend() {
	"$@" >/tmp/out 2>&1 &
	pid=$!
	refs=$(/watch $pid "$backend_mod" ring)
	wait $pid
	status=$?
	cat /tmp/out
}

show_nvme_info() {
	progress "qemu-img on the drive, with QEMU's own user-space NVMe driver"
	watch_backend qemu-img info "nvme://$nvme/1"
	size=$(sed -n 's/^virtual size: //p' /tmp/out)
	if [ $status = 0 ] && [ "$size" ] && [ "$refs" -gt 0 ]; then
		row "qemu-img info" "nvme://$nvme/1: $size (through $backend_mod)"
	else
		row FAILED "qemu-img info nvme://$nvme/1: exit code $status, references $refs: $(tail -n 1 /tmp/out)"
	fi
}

show_nvme_io() {
	progress "qemu-io: write 1 MiB, read it back"
	watch_backend qemu-io -f raw -c 'write -P 0xa5 1M 1M' -c 'read -P 0xa5 1M 1M' "nvme://$nvme/1"
	if [ $status = 0 ] && [ "$refs" -gt 0 ] && [ "$(grep -c '1048576/1048576' /tmp/out)" = 2 ] &&
		! grep -q 'verification failed' /tmp/out; then
		row "qemu-io" "1 MiB written and read back: all bytes as written"
	else
		row FAILED "qemu-io nvme://$nvme/1: exit code $status, references $refs: $(tail -n 1 /tmp/out)"
	fi
}

main
