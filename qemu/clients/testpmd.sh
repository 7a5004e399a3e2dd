#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2154 # lib.sh lies beside it in the guest; variables come from init
# dpdk-testpmd on two e1000e that are on one wire: a v1 container, with virtual or physical addresses
# as IOVAs. What one card sends the other receives, and testpmd sends it back out of the first.
. /clients/lib.sh

cards=$T1X_E1000E

main() {
	watch_ioctls
	mkdir -p /run /var/run
	forward no_huge "4 KiB pages" --iova-mode=va --no-huge -m 64
	# Without -m it takes and gives back each 2 MiB when it needs to.
	forward hugepages "2 MiB pages" --iova-mode=va --huge-dir /dev/hugepages
	# Here each page is a mapping of its own.
	forward physical "2 MiB pages, physical addresses" --iova-mode=pa -m 64 --huge-dir /dev/hugepages
	report_backend
}

# 64 MiB of 4 KiB pages take long to pin on a debug kernel.
commands() {
	n=0
	until grep -q 'Checking link statuses' /tmp/out || [ $n -ge 120 ]; do
		n=$((n + 1))
		sleep 1
	done
	sleep 2
	echo start tx_first 4
	sleep 10
	echo stop
	echo quit
}

# forward TEST PAGES ARGUMENT...: testpmd tells at "stop" what it has forwarded.
forward() {
	test=$1 pages=$2
	shift 2
	allow=
	for card in $cards; do
		allow="$allow -a $card"
	done
	mkfifo /tmp/fifo
	: >/tmp/out
	commands >/tmp/fifo &
	maps=$(ioctls MAP) unmaps=$(ioctls UNMAP)
	# shellcheck disable=SC2086,SC2016 # a list of arguments; $@ is that shell's
	served sh -c 'exec "$@" </tmp/fifo' - \
		dpdk-testpmd -l 0,1 $allow "$@" -- -i --total-num-mbufs=2048 --no-mlockall
	wait
	rm /tmp/fifo
	cat /tmp/out
	received=$(total RX-packets) sent=$(total TX-packets) dropped=$(total TX-dropped)
	if [ "$status" = 0 ] && [ "$received" -ge 1000 ] && [ "$sent" -ge 1000 ] &&
		! grep -qE 'EAL: .*([Ff]ail|[Cc]annot)|error' /tmp/out; then
		calls="$(($(ioctls MAP) - maps)) MAP, $(($(ioctls UNMAP) - unmaps)) UNMAP"
		pass "$test" "$pages: $received packets received, $sent sent, $dropped dropped in 10 s; $calls"
	else
		fail "$test" "exit code $status, received $received, sent $sent: \
$(grep -m 1 -E 'EAL: .*([Ff]ail|[Cc]annot)|error' /tmp/out || last_line)"
	fi
}

# total FIELD: of all ports, as testpmd sums it up.
total() {
	sed -n "/Accumulated forward statistics/,\$s/.*$1: *\([0-9]*\).*/\1/p" /tmp/out | head -n 1
}

main
