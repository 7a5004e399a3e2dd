# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154
# What the clients' scripts in the guest share. Each is run with its own name in $client, the
# backend's module in $backend_mod, and reports to the second serial port.

port=/dev/ttyS1
nvme=${T1X_NVME%% *}
most_refs=0

pass() {
	echo "ok client.$client.$1 $2" >$port
	echo "$client: $1: $2"
}

fail() {
	echo "not ok client.$client.$1 $2" >$port
	echo "$client: FAILED $1: $2"
}

# served [ring] COMMAND...: run it, with its output in /tmp/out, its exit code in $status and the
# most references that the backend had meanwhile in $refs.
served() {
	ring=
	[ "$1" != ring ] || { ring=ring && shift; }
	"$@" >/tmp/out 2>&1 &
	pid=$!
	refs=$(/watch $pid "$backend_mod" $ring)
	wait $pid
	status=$?
	[ "$refs" -le "$most_refs" ] || most_refs=$refs
}

# Which backend served? The only one that is loaded, and it was in use.
report_backend() {
	other=vfio_iommu_type1
	[ "$backend_mod" != $other ] || other=vfio_iommu_type1x
	cat $tracing/kprobe_profile
	if [ -e /sys/module/$other ]; then
		fail backend "$other is loaded too"
	elif [ "$most_refs" -gt 0 ]; then
		calls="$(ioctls MAP) MAP, $(ioctls UNMAP) UNMAP, $(ioctls DIRTY) DIRTY_PAGES"
		pass backend "$backend_mod, references: $most_refs; $other: not loaded; $calls"
	else
		fail backend "$backend_mod was never in use"
	fi
}

last_line() {
	grep -v '^$' /tmp/out | tail -n 1
}

tracing=/sys/kernel/tracing

# The container's ioctls as vfio core passes them on: the same probe for either backend.
watch_ioctls() {
	echo 32768 >$tracing/buffer_size_kb
	echo 'p:t1x/ioctl vfio:vfio_fops_unl_ioctl cmd=%si:x32' >$tracing/kprobe_events
	echo 1 >$tracing/events/t1x/ioctl/enable
}

# ioctls MAP|UNMAP|DIRTY: how many there were.
ioctls() {
	case $1 in
	MAP) nr=0x3b71 ;;
	UNMAP) nr=0x3b72 ;;
	DIRTY) nr=0x3b75 ;;
	esac
	grep -c "cmd=$nr" $tracing/trace
}

inner_append="console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable random.trust_cpu=on"
# What this guest was told of its clock holds for one in it, too.
inner_append="$inner_append $(grep -o 'tsc_early_khz=[0-9]*' /proc/cmdline)"
# Seconds that one step may take.
step_limit=${T1X_DEBUG_LANE:+1000}
step_limit=${step_limit:-300}

# boot_inner CMDLINE ARGUMENT...: a guest in this guest, until it powers off; its console is /tmp/inner.
boot_inner() {
	cmdline=$1
	shift
	: >/tmp/inner
	seed=$(($(date +%s) % 1000000)) start=$(date +%s)
	served qemu-system-x86_64 -accel tcg -cpu qemu64,+rdrand -smp 1 -m 128 -nodefaults \
		-no-user-config -display none -no-reboot -serial file:/tmp/inner \
		-kernel /inner/vmlinux -initrd /inner/initrd \
		-append "$inner_append $cmdline t1x.seed=$seed" "$@"
	seconds=$(($(date +%s) - start))
	tr -d '\r' </tmp/inner | sed 's/^/    /'
	cat /tmp/out
}

# inner NAME: what the inner guest said of it.
inner() {
	tr -d '\r' </tmp/inner | sed -n "s/^.*inner: $1 *//p" | head -n 1
}

report_boot() {
	if grep -q 'inner: end' /tmp/inner && [ "$status" = 0 ]; then
		pass boot "the inner guest came up, with $(inner 'up, with') and ended, $seconds s"
	else
		fail boot "exit code $status: $(last_line); last of its console: $(tail -n 1 /tmp/inner | tr -d '\r')"
	fi
}

# The inner guest's word, and then this kernel's own driver on the same drive.
report_drive() {
	if [ "$(inner same)" ]; then
		pass write_read "$(inner same) by the inner guest on $nvme"
	else
		fail write_read "the inner guest says: $(inner failed)"
	fi
	sys=/sys/bus/pci
	echo "$nvme" >$sys/drivers/vfio-pci/unbind
	echo nvme >"$sys/devices/$nvme/driver_override"
	modprobe nvme
	echo "$nvme" >$sys/drivers_probe
	tries=0
	until disk=$(echo "$sys/devices/$nvme"/nvme/nvme*/nvme*n1) && [ -e "$disk" ] || [ $tries -ge 20 ]; do
		tries=$((tries + 1))
		sleep 1
	done
	if said=$(/inner/inner verify "/dev/${disk##*/}" "$seed" 2>&1); then
		pass drive "this guest's own driver finds the same 4 MiB on it"
	else
		fail drive "$said"
	fi
}
