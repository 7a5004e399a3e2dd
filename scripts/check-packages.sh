#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# check-packages.sh: the packages as a user meets them. Builds them, asks lintian, runs their
# autopkgtest in a Debian 12 root, and then lets such a root boot, install them, be taken over and
# be given back: qemu/packages/stage.sh says what each boot does. Logs are in build/logs/packages.
#   PART=lintian|source|autopkgtest|guest  only that
. "$(dirname "$0")/common.sh"
. "$scripts/apt.sh"
. "$scripts/clients.sh"

log=$build/logs/packages
older=stock-6.1 newer=stock-6.12

# What a host has that gives devices to VFIO.
root_packages() {
	echo systemd-sysv udev kmod procps iproute2 apt-utils initramfs-tools dracut-core zstd
	echo dkms gcc make libc6-dev linux-libc-dev pahole openssl qemu-utils
	echo linux-image-amd64 linux-headers-amd64
	for rel in "$older_rel" "$newer_rel"; do
		echo "linux-image-$rel" "linux-headers-$rel"
	done
}

# Only what the guest's disk needs: to make and to unpack more takes long under TCG.
initramfs_config() {
	mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
	printf 'MODULES=list\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\n' >"$1/etc/initramfs-tools/conf.d/t1x"
	printf 'virtio_pci\nvirtio_blk\next4\n' >"$1/usr/share/initramfs-tools/modules.d/t1x"
}

# A Debian 12 with all that, as a disk image in the cache; prints its path. It is kept until
# Debian has newer versions of anything in it.
base_image() {
	local key image tmp packages
	mapfile -t packages < <(root_packages | tr ' ' '\n')
	key=$(priv_apt apt-get install -qq -y --no-install-recommends --print-uris "${packages[@]}" |
		awk '/^.(http|file|mirror)/ { print $2 }' | cat - <(declare -f initramfs_config base_image) | sha256sum | cut -c 1-16)
	image=$cache/packages/$key.img
	(
		lock "$cache/lock.packages" "the Debian 12 root"
		[ ! -e "$image" ] || exit 0
		say "making a Debian 12 root (some minutes)"
		tmp=$(mktemp -d "${TMPDIR:-/tmp}/t1x-root.XXXXXX")
		trap 'rm -rf "$tmp"' EXIT
		mkdir -p "$cache/packages"
		grep -v backports "$apt/etc/sources.list" >"$tmp/sources.list"
		initramfs_config "$tmp/config"
		quietly "$log/root.log" "making a Debian 12 root" mmdebstrap --mode=root --variant=minbase \
			--aptopt='APT::Install-Recommends "false"' --include="${packages[*]}" \
			--essential-hook="cp -r $tmp/config/. \"\$1\"" "$suite" "$tmp/root" "$tmp/sources.list"
		quietly "$log/mke2fs.log" "making an image of it" mke2fs -q -t ext4 -d "$tmp/root" "$tmp/image" 6G
		rm -f "$cache"/packages/*.img
		cp --sparse=always "$tmp/image" "$image.new"
		mv "$image.new" "$image"
	)
	echo "$image"
}

# report ok|"not ok" NAME REASON: a result of the host's.
report() { echo "$1 packages.$2 ${3:-}" >>"$results"; }

# must NAME...: what has to be reported.
must() { printf '%s\n' "$@" >>"$log/must"; }

run_lintian() {
	say "lintian"
	must packages.lintian
	if lintian --allow-root --fail-on error,warning "$build"/deb/*.changes >"$log/lintian" 2>&1; then
		report ok lintian
	else
		cat "$log/lintian" >&2
		report "not ok" lintian "see above"
	fi
}

# in_root DISK COMMAND...: with DISK mounted, in mounts of its own, which go with it.
in_root() {
	local disk=$1
	shift
	# shellcheck disable=SC2016 # that shell's
	unshare --mount --propagation private bash -c '
		set -eu
		root=$1/root disk=$2
		shift 2
		mkdir -p "$root"
		mount -o loop "$disk" "$root"
		mount --bind /dev "$root/dev"
		mount -t proc proc "$root/proc"
		mount -t sysfs -o ro sysfs "$root/sys"
		mount -t tmpfs tmpfs "$root/run"
		cd "$root"
		"$@"' - "$run" "$disk" "$@"
}

run_autopkgtest() {
	local name word
	say "autopkgtest in a Debian 12 root: DKMS for each kernel, the takeover, dracut, the header"
	cp --sparse=always "$base" "$run/test.img"
	rm -rf "$log/autopkgtest"
	in_root "$run/test.img" timeout 3000 autopkgtest --output-dir="$log/autopkgtest" \
		"$build"/deb/*.changes -- chroot "$run/root" >"$log/autopkgtest.log" 2>&1 || true
	rm -f "$run/test.img"
	for name in dkms takeover dracut header; do
		must "packages.autopkgtest.$name"
		word=$(sed -n "s/^$name *//p" "$log/autopkgtest/summary" 2>/dev/null)
		if [ "$word" = PASS ]; then
			report ok "autopkgtest.$name"
		else
			report "not ok" "autopkgtest.$name" "${word:-did not run}, see build/logs/packages/autopkgtest.log"
		fi
	done
}

# "make", "make install" and "make uninstall" of each kernel, by one who has no packages.
# shellcheck disable=SC2317 # bash calls it in in_root
from_source() {
	local rel kdir before
	mkdir src
	(cd "$top" && git ls-files -co --exclude-standard | cpio --quiet -pd "$OLDPWD/src")
	for rel in "$older_rel" "$newer_rel"; do
		kdir=/lib/modules/$rel/build
		before=$(find etc usr -name '*type1x*')
		chroot . make -C /src KDIR="$kdir"
		chroot . make -C /src KDIR="$kdir" install
		chroot . modprobe -S "$rel" --show-depends vfio_iommu_type1x | grep '/vfio-iommu-type1x.ko'
		chroot . vfio-type1x takeover --no-initramfs on
		chroot . modprobe -S "$rel" --show-depends vfio-pci | grep '/vfio-iommu-type1x.ko'
		chroot . cc -include linux/vfio_type1x.h -fsyntax-only -xc /dev/null
		chroot . make -C /src KDIR="$kdir" uninstall clean
		[ "$before" = "$(find etc usr -name '*type1x*')" ]
	done
}
export -f from_source

run_source() {
	say "make install in a Debian 12 root"
	must packages.source
	cp --sparse=always "$base" "$run/test.img"
	if in_root "$run/test.img" from_source >"$log/source.log" 2>&1; then
		report ok source
	else
		tail -n 5 "$log/source.log" >&2
		report "not ok" source "see build/logs/packages/source.log"
	fi
	rm -f "$run/test.img"
}

# The packages, the client, and the service that runs the stage that the kernel's command line names.
furnish() {
	local unit=etc/systemd/system/t1x-stage.service
	mkdir -p t1x/debs clients etc/systemd/system/multi-user.target.wants
	cp "$build"/deb/vfio-iommu-type1x-{dkms,tools,dev}_*.deb t1x/debs/
	cp "$top/qemu/packages/stage.sh" t1x/
	cp "$top/qemu/clients/lib.sh" "$top/qemu/clients/nvme.sh" clients/
	cp "$run/watch" watch
	cat >$unit <<-END
	[Unit]
	After=basic.target
	[Service]
	ExecStart=/t1x/stage.sh $older_rel $newer_rel
	StandardOutput=journal+console
	StandardError=inherit
	END
	ln -s "/$unit" etc/systemd/system/multi-user.target.wants/
}
export -f furnish

# boot STAGE LANE SECONDS [CMDLINE]: one boot of the disk, with the initramfs that is on it. A stage
# builds on those before it: after one that was not finished, none follows.
boot() {
	local stage=$1 lane=$2 limit=$3 answer
	[ -z "$stuck" ] || return 0
	say "boot: $stage, on ${lane#stock-}; console log: build/logs/packages/$stage.console"
	answer=$("$scripts/kernel.sh" "$lane")
	eval "$answer"
	debugfs -R "dump /boot/initrd.img-$KREL $run/initrd" "$run/disk" >"$log/debugfs" 2>&1
	: >"$log/$stage.console"
	ln -sf "$log/$stage.console" "$run/console.log"
	: >"$run/verdict"
	QEMU_ARGS="-drive if=none,id=root,file=$run/disk,format=raw,cache=unsafe -device virtio-blk-pci,drive=root,addr=12" \
		CMDLINE="root=/dev/vda rw t1x.stage=$stage ${4:-}" GUEST_TIMEOUT=$limit \
		"$scripts/guest.sh" "$lane" "$run" 2>"$log/$stage.qemu" || true
	tr -d '\r' <"$run/verdict" >"$log/$stage.results"
	cat "$log/$stage.results" >>"$results"
	if grep -qx end "$log/$stage.results"; then
		report ok "$stage.finished"
	else
		report "not ok" "$stage.finished" "no end within $limit s"
		stuck=1
	fi
}

run_guest() {
	local stage names name stuck=
	client nvme
	build_program watch.c "$run/watch"
	cp --sparse=always "$base" "$run/disk"
	in_root "$run/disk" furnish
	while read -r stage names; do
		for name in $names finished; do
			must "packages.$stage.$name"
		done
	done < <("$top/qemu/packages/stage.sh" list)
	for name in $tests; do
		must "client.nvme.$name"
	done
	boot install $older 3600
	boot taken $newer 900 "vfio_iommu_type1.disable_hugepages=1"
	boot back $newer 600
	boot taken-older $older 900
	boot removed $older 600
}

main() {
	local answer p f s
	[ "$(id -u)" = 0 ] || die "it mounts a Debian root: run it as root"
	"$scripts/deps.sh" packages
	apt_ready
	mkdir -p "$log"
	run=$(mktemp -d "${TMPDIR:-/tmp}/t1x-packages.XXXXXX")
	trap 'rm -rf "$run"' EXIT
	results=$log/results
	: >"$results"
	: >"$log/must"
	answer=$("$scripts/kernel.sh" $older)
	older_rel=$(eval "$answer" && echo "$KREL")
	answer=$("$scripts/kernel.sh" $newer)
	newer_rel=$(eval "$answer" && echo "$KREL")

	"$scripts/deb.sh"
	case ${PART:-all} in all | lintian) run_lintian ;; esac
	case ${PART:-all} in all | source | autopkgtest | guest) base=$(base_image) ;; esac
	export build top run older_rel newer_rel
	case ${PART:-all} in all | source) run_source ;; esac
	case ${PART:-all} in all | autopkgtest) run_autopkgtest ;; esac
	case ${PART:-all} in all | guest) run_guest ;; esac

	awk -f "$scripts/verdict.awk" label=packages "$log/must" /dev/null "$results" >"$log/verdict"
	read -r _ p f s < <(tail -n 1 "$log/verdict")
	grep '^FAIL' "$log/verdict" >&2 || true
	sed -n 's/^ok \(packages\.[^ ]*\|client\.[^ ]*\) \(..*\)/  \1: \2/p' "$results" >&2
	say "check-packages done, logs are in build/logs/packages"
	echo "$p passed, $f failed, $s skipped"
	[ "$f" = 0 ] || exit 1
	[ "$p" -gt 0 ] || die "PART=${PART:-}: use lintian, source, autopkgtest or guest"
}

main
