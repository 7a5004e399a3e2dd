#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# guest.sh LANE RUN: boot RUN/initrd under QEMU. The console goes to RUN/console.log (the
# terminal with INTERACTIVE=1), the guest's verdict to RUN/verdict.
#   IOMMU=intel|intel-nocm|intel-noir|amd  ACCEL=tcg|kvm|icount  GUEST_TIMEOUT=seconds
#   QEMU_ARGS=more arguments  CMDLINE=more kernel command line
. "$(dirname "$0")/common.sh"

lane=$1 run=$2
need_lane "$lane"
answer=$("$scripts/kernel.sh" "$lane")
eval "$answer"

# no_timer_check: on a busy host the check's few ticks may pass without the vCPU, and it panics.
# tsc=reliable: there, CPUs also seem to count apart, and each look at the clock would ask the HPET.
cmdline="console=ttyS0 panic=-1 no_timer_check tsc=reliable rcupdate.rcu_cpu_stall_timeout=60"
if [ "${PARTS:-}" = kunit ]; then
	# Fake pages and fake devices need no memory, and kmemleak looks at all there is.
	memory=1G
else
	# With less, no free gigabyte is left at boot for the page of that size.
	memory=4G
	cmdline="$cmdline log_buf_len=8M hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=128"
fi
if [ "$(lane_kind "$lane")" = debug ]; then
	cmdline="$cmdline softlockup_panic=1 kmemleak=on"
	# The first splat ends the guest: what follows one is not worth reading. Those of in-tree
	# type1 are for others to mend.
	[ "${BACKEND:-}" = type1 ] || cmdline="$cmdline panic_on_warn=1"
	# Tells of a page freed while an IOMMU maps it (7.3). KUnit's fake addresses would look so,
	# and what in-tree type1 leaves in a domain that it frees.
	[ "${BACKEND:-}" = type1 ] || [ "${PARTS:-}" = kunit ] || cmdline="$cmdline iommu.debug_pagealloc=1"
fi

# What tsc.c says, for the guest's own answer depends on how busy the host is just then.
tell_tsc() {
	[ "$(uname -m)" = x86_64 ] || return 0
	quietly "$run/tsc.log" "building qemu/tsc.c" gcc -O2 -Wall -Wextra -o "$run/tsc" "$top/qemu/tsc.c"
	cmdline="$cmdline tsc_early_khz=$("$run/tsc")"
}

# Seconds without a word on the console.
patience=45
case ${ACCEL:-tcg} in
tcg)
	accel=tcg,thread=multi
	tell_tsc
	;;
kvm) accel=kvm ;;
# The guest's clock counts its instructions; only one vCPU can do that.
icount) accel="tcg,thread=single -icount shift=0,sleep=off" SMP=1 patience=240 ;;
*) die "ACCEL=$ACCEL: use tcg, kvm or icount" ;;
esac

# Without "fast rep stosb" a kernel clears pages by words: TCG stores what is repeated one by one,
# and on stock lanes a third of the time went into single bytes.
cpu=max,-erms,-fsrm

case ${IOMMU:-intel} in
intel | intel-nocm | intel-noir)
	# Caching mode is what tells QEMU of each map: without it, as hardware is.
	iommu=intel-iommu,intremap=on,caching-mode=on,aw-bits=48
	case ${IOMMU:-intel} in
	intel-nocm) iommu=${iommu/caching-mode=on/caching-mode=off} ;;
	intel-noir) iommu=${iommu/intremap=on/intremap=off} ;;
	esac
	cmdline="$cmdline intel_iommu=on"
	;;
amd)
	cpu=$cpu,vendor=AuthenticAMD
	iommu=amd-iommu,intremap=on
	;;
*) die "IOMMU=$IOMMU: use intel, intel-nocm, intel-noir or amd" ;;
esac

# On slots of their own, each is in an IOMMU group of its own. amd-iommu takes slot 2.
# QEMU 7.2's nvme signals no completion to a user-space driver unless ioeventfd is off.
devices="-device edu,addr=4,dma_mask=0xffffffffffffffff -device edu,addr=5,dma_mask=0xffffffffffffffff"
for n in 0 1; do
	truncate -s 64M "$run/nvme$n.img"
	devices="$devices -drive if=none,id=nvme$n,file=$run/nvme$n.img,format=raw,cache=unsafe"
	devices="$devices -device nvme,addr=$((6 + n)),drive=nvme$n,serial=t1x$n,ioeventfd=off"
done
# BARs to map: one without memory behind it, large enough for a 1 GiB page, and one with. The
# kernel's own tests map it by 4 KiB pages, for which they give a debug kernel too little time.
membar=1G
if [ "$(lane_kind "$lane")" = debug ]; then
	membar=256M
	# Nor does this one fit below 4 GiB; see below why that matters.
	devices="$devices -device pci-testdev,addr=a,membar=1G"
fi
devices="$devices -device pci-testdev,addr=8,membar=$membar"
devices="$devices -object memory-backend-ram,id=shm,size=64M,share=on -device ivshmem-plain,addr=9,memdev=shm"

if [ "${INTERACTIVE:-}" ]; then
	console=mon:stdio
else
	console=file:$run/console.log
fi

# shellcheck disable=SC2086 # lists of arguments
boot() {
	exec timeout --foreground -k 10 "${GUEST_TIMEOUT:-1200}" \
		qemu-system-x86_64 -machine q35,kernel-irqchip=split -accel $accel -cpu $cpu \
		-smp "${SMP:-2}" -m $memory -nodefaults -no-user-config -display none -no-reboot \
		-serial $console -serial "file:$run/verdict" \
		-device $iommu $devices ${QEMU_ARGS:-} \
		-kernel "$VMLINUZ" -initrd "$run/initrd" -append "$cmdline ${CMDLINE:-}"
}

[ -z "${INTERACTIVE:-}" ] || boot

# On a busy host a kernel now and then hangs in its timer set-up under TCG, long before our /init.
# Nothing of ours has run by then, so such a guest is started again.
#
# A QEMU that has died is another matter than a guest that has. Before 8.2, a change of the memory
# map by one vCPU, as each reset of an nvme makes, replaces the table of regions at once, while
# the other vCPU may still have a number of the old one: its access to a register then goes nowhere,
# or elsewhere; a guest whose CPU got no more ticks was probably one, too. The numbers go by address.
# So a BAR too large for the space below 4 GiB makes SeaBIOS put all BARs that can be there above it,
# and no number of a register below it, as the APIC's are, changes with those of the nvme.
trap 'kill "$guest" 2>/dev/null || true' EXIT
trap 'exit 143' TERM INT
for try in 1 2 3; do
	: >"$run/verdict"
	boot &
	guest=$!
	silent=0 size=0
	until grep -q '^begin' "$run/verdict" || ! kill -0 $guest 2>/dev/null || [ $silent -ge $patience ]; do
		sleep 1
		silent=$((silent + 1))
		now=$(stat -Lc %s "$run/console.log" 2>/dev/null || echo 0)
		[ "$now" = "$size" ] || silent=0 size=$now
	done
	if grep -q '^begin' "$run/verdict"; then
		code=0
		wait $guest || code=$?
		[ $code = 139 ] && [ $try -lt 3 ] || exit $code
		cp "$run/console.log" "$(readlink -f "$run/console.log").died-$try"
		say "$lane: QEMU itself died of a segmentation fault, starting again"
		continue
	fi
	kill $guest 2>/dev/null || true
	wait $guest 2>/dev/null || true
	say "$lane: boot $try stopped before /init, starting again"
done
die "$lane: three boots stopped before /init, or QEMU died; see the console log"
