#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2119 # apt_ready takes an argument only when asked to force
# kernel.sh LANE: make the lane's kernel ready in the cache and print what the other scripts need
# of it, as shell assignments. kernel.sh source VERSION: only its unpacked source, prints the path.
# kernel.sh inner: the small kernel of a guest inside the guest, prints its vmlinux.
. "$(dirname "$0")/common.sh"
. "$scripts/apt.sh"

# Its drivers are the same on every lane.
inner_version=6.12

# unpack DIR PACKAGE...: a complete DIR or none.
unpack() {
	local dir=$1 deb debs
	shift
	rm -rf "$dir.new"
	mkdir -p "$dir.new"
	debs=$(apt_fetch "$@") || exit
	for deb in $debs; do
		dpkg-deb -x "$deb" "$dir.new"
	done
}

# A Debian kernel: image and headers side by side in one directory, named by version.
stock_kernel() {
	local ver=$1 name image rel dir
	case $ver in
	6.1) name='linux-image-6\.1\.0-[0-9]+-amd64' ;;
	*) name="linux-image-${ver//./\\.}\\.[0-9]+\\+deb12-amd64" ;;
	esac
	apt_ready
	image=$(apt_newest "$name")
	[ "$image" ] || die "no Debian package matches $name: is $suite-security among the machine's apt sources?"
	rel=${image#linux-image-}
	dir=$cache/stock/${image}_$(apt_field "$image" Version)
	(
		lock "$cache/lock.stock-$ver" "kernel $rel"
		[ ! -e "$dir/done" ] || exit 0
		headers=linux-headers-$rel
		deps=$(apt_field "$headers" Depends | tr -s ', ' '\n' |
			grep -E '^linux-(headers-.*-common|kbuild-)' | tr '\n' ' ')
		# shellcheck disable=SC2086 # a list of packages
		unpack "$dir" "$image" "$headers" $deps
		say "unpacked $image"
		sed -i "s,^include /usr/src,include $dir/usr/src," "$dir.new/usr/src/$headers/Makefile"
		depmod -b "$dir.new" "$rel"
		touch "$dir.new/done"
		# The superseded ones go, "$dir.new" stays.
		find "$cache/stock" -maxdepth 1 -name "linux-image-$ver.*" ! -name '*.new' -exec rm -rf {} +
		mv "$dir.new" "$dir"
	)
	echo "KREL='$rel' KDIR='$dir/usr/src/linux-headers-$rel' KMODS='$dir' VMLINUZ='$dir/boot/vmlinuz-$rel'"
}

# A kernel of a newer Debian. Its headers want the compiler and the C library of that Debian, so the
# build directory is made of the source, which the headers only tell how it was configured.
newer_stock_kernel() {
	local ver=$1 modules version rel image file dir src=$cache/src/$1
	kernel_source "$ver"
	modules=$(apt_newest "linux-modules-${ver//./\\.}\.[0-9]+\+deb13-amd64")
	[ "$modules" ] || die "no Debian package linux-modules-$ver.*: is $newer_suite among the machine's apt sources?"
	version=$(apt_field "$modules" Version)
	[ "$version" = "$(cat "$src.version")" ] ||
		die "Debian has $modules $version, but linux-source-$ver $(cat "$src.version")"
	rel=${modules#linux-modules-}
	# The same, before Debian has signed it.
	image=linux-binary-$rel file=vmlinuz
	[ "$(apt_field "$image" Version)" ] || { image=linux-binary-unsigned-$rel && file=vmlinuz.unsigned; }
	dir=$cache/stock/linux-image-${rel}_$version
	(
		lock "$cache/lock.stock-$ver" "kernel $rel"
		[ ! -e "$dir/done" ] || exit 0
		unpack "$dir" "$image" "$modules" "linux-base-$rel" "linux-headers-$rel"
		say "unpacked $image"
		ln -s usr/lib "$dir.new/lib"
		depmod -b "$dir.new" "$rel"
		find "$cache/stock" -maxdepth 1 -name "linux-image-$ver.*" ! -name '*.new' -exec rm -rf {} +
		mv "$dir.new" "$dir"
		mkdir "$dir/build"
		cp "$dir/usr/src/linux-headers-$rel/.config" "$dir/usr/src/linux-headers-$rel/Module.symvers" "$dir/build"
		quietly "$dir/build.log" "making the build directory of $rel" make -C "$src" O="$dir/build" -j"$njobs" \
			LOCALVERSION="+${rel#*+}" olddefconfig modules_prepare
		touch "$dir/done"
	)
	echo "KREL='$rel' KDIR='$dir/build' KMODS='$dir' VMLINUZ='$dir/lib/modules/$rel/$file'"
}

# The unpacked source of a kernel, replaced when Debian has a newer one.
kernel_source() {
	local ver=$1 dir=$cache/src/$1 version
	apt_ready
	version=$(apt_field "linux-source-$ver" Version)
	if [ -z "$version" ] && [ -e "$dir.version" ]; then
		version=$(cat "$dir.version")
		say "warning: Debian has no linux-source-$ver any more, $version from the cache is used"
	fi
	[ "$version" ] || die "no package linux-source-$ver in $suite, $suite-security or $newer_suite"
	(
		lock "$cache/lock.src-$ver" "the source of $ver"
		[ "$(cat "$dir.version" 2>/dev/null)" != "$version" ] || exit 0
		unpack "$dir" "linux-source-$ver"
		say "unpacking linux-source-$ver $version"
		mkdir "$dir.new/tree"
		tar -xJf "$dir.new/usr/src/linux-source-$ver.tar.xz" --strip-components=1 -C "$dir.new/tree"
		rm -rf "$dir"
		mv "$dir.new/tree" "$dir"
		rm -rf "$dir.new"
		echo "$version" >"$dir.version"
	)
}

# A kernel built from linux-source with our configuration fragments over allnoconfig.
built_kernel() {
	local lane=$1 kind ver src dir conf=$top/qemu/config key rel targets="bzImage modules" minutes="about 8"
	kind=$(lane_kind "$lane")
	ver=$(lane_version "$lane")
	src=$cache/src/$ver
	dir=$cache/build/$lane
	kernel_source "$ver"
	set -- "$conf/base.config" "$conf/$kind.config"
	[ "$kind" != inner ] || { set -- "$conf/inner.config" && targets=vmlinux minutes="about 3"; }
	# 7.x Debian kernels carry no symbol CRCs, the older ones do.
	case $lane in debug-6.*) set -- "$@" "$conf/modversions.config" ;; esac
	key=$({ cat "$src.version" "$@" && gcc --version | head -n 1; } | sha256sum | cut -d ' ' -f 1)
	(
		# One that is there need not wait while another is built.
		[ "$(cat "$dir/t1x.key" 2>/dev/null)" != "$key" ] || exit 0
		lock "$cache/lock.build" "building a kernel"
		[ "$(cat "$dir/t1x.key" 2>/dev/null)" != "$key" ] || exit 0
		say "building kernel $lane ($minutes minutes on 2 cores), log: $dir/build.log"
		rm -rf "$dir"
		mkdir -p "$dir"
		cat "$@" >"$dir/t1x.config"
		quietly "$dir/build.log" "configuring $lane" make -C "$src" O="$dir" \
			KCONFIG_ALLCONFIG="$dir/t1x.config" allnoconfig
		grep '=[ym]$' "$dir/t1x.config" | grep -vxFf "$dir/.config" >"$dir/t1x.missing" || true
		# Without the lock: its last sleep outlives the build.
		(exec 9>&- && while sleep 60; do say "still building $lane: $(grep -c '^  CC' "$dir/build.log") files compiled"; done) &
		ticker=$!
		trap 'kill $ticker 2>/dev/null' EXIT
		# shellcheck disable=SC2086 # a list of targets
		quietly "$dir/build.log" "building kernel $lane" make -C "$src" O="$dir" -j"$njobs" $targets
		[ "$kind" = inner ] || quietly "$dir/install.log" "installing the modules of $lane" make -C "$src" O="$dir" \
			INSTALL_MOD_PATH="$dir/root" INSTALL_MOD_STRIP=1 modules_install
		echo "$key" >"$dir/t1x.key"
		say "built kernel $lane"
	)
	rel=$(cat "$dir/include/config/kernel.release")
	echo "KREL='$rel' KDIR='$dir' KMODS='$dir/root' VMLINUZ='$dir/arch/x86/boot/bzImage'"
}

if [ "${1:-}" = source ]; then
	kernel_source "$2"
	echo "$cache/src/$2"
	exit
fi
if [ "${1:-}" = inner ]; then
	built_kernel inner-$inner_version >/dev/null
	echo "$cache/build/inner-$inner_version/vmlinux"
	exit
fi

# Asked several times in one command: the answer holds until the package lists, the
# configuration or these scripts change.
need_lane "${1:-}"
answer=$cache/$1.env
mkdir -p "$cache"
if apt_fresh && [ -e "$answer" ] &&
	[ -z "$(find "$cache/apt/fresh" "$top/qemu/config" "$scripts/kernel.sh" -newer "$answer")" ]; then
	eval "$(cat "$answer")"
	if [ -e "$VMLINUZ" ] && [ -d "$KMODS" ] && [ -e "$KDIR/Makefile" ]; then
		cat "$answer"
		exit
	fi
fi
case $1 in
stock-6.*) stock_kernel "$(lane_version "$1")" ;;
stock-*) newer_stock_kernel "$(lane_version "$1")" ;;
*) built_kernel "$1" ;;
esac >"$answer.$$"
mv "$answer.$$" "$answer"
cat "$answer"
