#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2154 # lib.sh lies beside it in the guest; variables come from init
# qemu-img and qemu-io on nvme://, QEMU's own user-space driver: a v1 container, one mapping for
# each buffer. Out of entries it waits for what is in flight, drops all its temporary mappings with
# one UNMAP of the whole window, holes and all, and goes on.
. /clients/lib.sh

url=nvme://$nvme/1

main() {
	watch_ioctls
	write_read
	bench
	drain
	report_backend
}

# QEMU's emulated nvme may lose an interrupt of its user-space driver, hence "ring": see watch.c.
write_read() {
	served ring qemu-io -f raw \
		-c 'write -P 0xa5 0 16M' -c 'write -P 0x5a 16M 512' -c 'write -P 0x3c 20M 1M' \
		-c 'read -P 0xa5 0 16M' -c 'read -P 0x5a 16M 512' -c 'read -P 0x3c 20M 1M' "$url"
	cat /tmp/out
	if [ "$status" = 0 ] && [ "$(grep -c '^\(wrote\|read\) \([0-9]*\)/\2 bytes' /tmp/out)" = 6 ] &&
		! grep -q 'verification failed' /tmp/out; then
		pass write_read "17 MiB written and read back through $url"
	else
		fail write_read "exit code $status: $(last_line)"
	fi
}

bench() {
	for what in '' -w; do
		served ring qemu-img bench -f raw -c 4000 -d 32 -s 4096 $what "$url"
		cat /tmp/out
		if [ "$status" != 0 ] || ! grep -q '^Run completed' /tmp/out; then
			fail bench "bench $what: exit code $status: $(last_line)"
			return
		fi
		seconds="$seconds $(sed -n 's/^Run completed in \([0-9.]*\) .*/\1/p' /tmp/out)"
	done
	pass bench "4000 reads, 4000 writes of 4 KiB, 32 at a time:$seconds s"
}

# count EVENT: how often QEMU traced it.
count() {
	grep -c "$1" /tmp/out
}

drain() {
	entries=/sys/module/$backend_mod/parameters/dma_entry_limit
	before=$(cat "$entries")
	echo 40 >"$entries"
	n=0
	while [ $n -lt 240 ]; do
		echo "aio_write -q -P $((n % 251 + 1)) $((n * 256))k 256k"
		n=$((n + 1))
		# Now and then nothing is in flight any more, so that both ways out are taken.
		[ $((n % 50)) != 0 ] || echo aio_flush
	done >/tmp/commands
	echo aio_flush >>/tmp/commands
	n=0
	while [ $n -lt 240 ]; do
		echo "read -q -P $((n % 251 + 1)) $((n * 256))k 256k"
		n=$((n + 1))
	done >>/tmp/commands
	# shellcheck disable=SC2016 # $@ is that shell's
	served ring sh -c 'exec qemu-io -f raw "$@" </tmp/commands' - \
		-T nvme_dma_map_flush -T qemu_vfio_dma_reset_temporary "$url"
	echo "$before" >"$entries"
	resets=$(count qemu_vfio_dma_reset_temporary) waits=$(count nvme_dma_map_flush)
	grep -v '_dma_' /tmp/out | sed 's/qemu-io> //g' | grep . | tail -n 5
	if [ "$status" = 0 ] && [ "$resets" -ge 3 ] && [ "$waits" -ge 1 ] &&
		! grep -qiE 'verification failed|failed:|error|No space' /tmp/out; then
		pass drain "dma_entry_limit=40: 240 writes of 256 KiB, all read back; $resets times the \
whole window unmapped, $waits times drained"
	else
		fail drain "exit code $status, $resets resets, $waits drains: \
$(sed 's/qemu-io> //g' /tmp/out | grep -m 1 -iE 'verification failed|failed:|error|No space')"
	fi
}

main
