#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# extras.sh PACKAGE...: Debian packages with all that they depend on, as a cpio archive that the
# guest's kernel unpacks over our initramfs. Prints its path; cached by the versions in it.
. "$(dirname "$0")/common.sh"
. "$scripts/apt.sh"

apt_ready
# Against the empty package status of the private apt this is the whole closure, libc included.
uris=$(priv_apt apt-get install -qq -y --no-install-recommends --print-uris "$@" | awk '/^.(http|file|mirror)/ { print $2 }')
[ "$uris" ] || die "Debian has no $*, or the package lists are broken; delete $cache/apt/fresh and try again"
archive=$cache/extras/$(echo "$uris" | sha256sum | cut -c 1-16).cpio
(
	lock "$cache/lock.extras" "the guest's extra programs"
	[ ! -e "$archive" ] || exit 0
	say "downloading $* and what they need"
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/t1x-extras.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	mkdir -p "$tmp/debs/partial" "$tmp/root" "$cache/extras"
	if ! priv_apt apt-get install -qq -y --no-install-recommends --download-only \
		-o Dir::Cache::archives="$tmp/debs" "$@" >"$tmp/log" 2>&1; then
		tail -n 3 "$tmp/log" >&2
		die "cannot download $*: check the network, or delete $cache/apt/fresh and try again"
	fi
	for deb in "$tmp"/debs/*.deb; do
		dpkg-deb -x "$deb" "$tmp/root"
	done
	rm -rf "$tmp"/root/usr/share/{doc,man,locale,info,lintian,bash-completion} "$tmp/root/usr/lib/x86_64-linux-gnu/gconv"
	(cd "$tmp/root" && find . | cpio --quiet -o -H newc -R 0:0) >"$archive.new"
	mv "$archive.new" "$archive"
)
echo "$archive"
