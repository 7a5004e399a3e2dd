#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2154 # lib.sh lies beside it in the guest; variables come from init
# Migration of an inner guest to a file and back, with an mtty (the kernel's sample of a mediated
# device that can migrate): the path by which a real client drives VFIO_IOMMU_DIRTY_PAGES. QEMU
# would ask the device itself, as mtty has the calls for it, though it tracks nothing: hence
# x-device-dirty-page-tracking=off.
. /clients/lib.sh

types=/sys/devices/virtual/mtty/mtty/mdev_supported_types
uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001

main() {
	watch_ioctls
	modprobe mtty
	echo $uuid >$types/mtty-1/create
	save_guest
	report_dirty_pages
	restore_guest
	report_backend
	echo 1 >/sys/bus/mdev/devices/$uuid/remove
	rmmod mtty
}

# pipe NAME: what is written to NAME.in QEMU reads, what it writes is in NAME.log.
pipe() {
	mkfifo "$1.in" "$1.out"
	cat "$1.out" >"$1.log" &
}

# start NAME ARGUMENT...: an inner guest in the background, with its console and its monitor on
# pipes in /tmp/NAME.
start() {
	dir=/tmp/$1
	shift
	mkdir "$dir"
	pipe "$dir/console"
	pipe "$dir/monitor"
	(
		served timeout "$step_limit" qemu-system-x86_64 -accel tcg -cpu qemu64,+rdrand -smp 1 \
			-m 64 -nodefaults -no-user-config -display none -no-reboot -machine q35 \
			-serial "pipe:$dir/console" \
			-chardev "pipe,id=monitor,path=$dir/monitor" -mon chardev=monitor \
			-device "vfio-pci,sysfsdev=/sys/bus/mdev/devices/$uuid,enable-migration=on,x-device-dirty-page-tracking=off" \
			-trace vfio_get_dirty_bitmap -D "$dir/trace" \
			-kernel /inner/vmlinux -initrd /inner/initrd \
			-append "$inner_append t1x=mtty" "$@"
		echo "$status $refs" >"$dir/end"
	) &
}

# ask NAME COMMAND TEXT: give the monitor of NAME a command until TEXT is in its answer.
ask() {
	n=0
	until grep -qE "$3" "/tmp/$1/monitor.log" 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 100 ] && [ ! -e "/tmp/$1/end" ] || return 1
		echo "$2" >"/tmp/$1/monitor.in"
		sleep 2
	done
}

# seen SECONDS TEXT FILE: wait for it.
seen() {
	left=$1
	until grep -q "$2" "$3" 2>/dev/null; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 1
	done
}

# ended NAME: wait for that QEMU, take its exit code.
ended() {
	seen "$step_limit" . "/tmp/$1/end"
	read -r status refs <"/tmp/$1/end"
	[ "$refs" -le "$most_refs" ] || most_refs=$refs
	tr -d '\r' <"/tmp/$1/console.log" | sed 's/^/    /'
	cat /tmp/out
}

save_guest() {
	start save
	seen "$step_limit" 'inner: \(left\|failed\)' /tmp/save/console.log
	echo 'migrate -d file:/tmp/state' >/tmp/save/monitor.in
	ask save 'info migrate' 'tatus: *(completed|failed)|Error'
	# QEMU stops the tracking when the guest goes on.
	echo cont >/tmp/save/monitor.in
	ask save 'info status' 'VM status: running'
	echo quit >/tmp/save/monitor.in
	ended save
	size=$(stat -c %s /tmp/state 2>/dev/null)
	if [ "$status" = 0 ] && grep -q 'tatus: *completed' /tmp/save/monitor.log; then
		pass save "a running guest with an mtty saved, $((${size:-0} >> 10)) KiB"
	else
		fail save "exit code $status: $(grep -m 1 -iE 'error|failed|blocked' /tmp/save/monitor.log || last_line)"
	fi
}

report_dirty_pages() {
	calls=$(ioctls DIRTY)
	reports=$(grep -c vfio_get_dirty_bitmap /tmp/save/trace)
	tail -n 3 /tmp/save/trace
	if [ "$reports" -ge 3 ] && [ "$calls" = $((reports + 2)) ]; then
		pass dirty_pages "$calls VFIO_IOMMU_DIRTY_PAGES of the container: START, $reports reports, STOP"
	else
		fail dirty_pages "$calls VFIO_IOMMU_DIRTY_PAGES, $reports reports"
	fi
}

restore_guest() {
	start restore -incoming file:/tmp/state
	ask restore 'info status' 'VM status: running'
	echo go >/tmp/restore/console.in
	seen "$step_limit" 'inner: \(same\|failed\)' /tmp/restore/console.log
	ended restore
	said=$(tr -d '\r' </tmp/restore/console.log | sed -n 's/.*inner: same *//p')
	if [ "$said" ] && ! grep -q 'inner: left' /tmp/restore/console.log; then
		pass restore "goes on where it was: $said"
	else
		fail restore "exit code $status: $(grep -m 1 'inner: ' /tmp/restore/console.log | tr -d '\r'; last_line)"
	fi
}

main
