#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# extras.sh PACKAGE...: Debian packages with all that they depend on, as a cpio archive that the
# guest's kernel unpacks over our initramfs. Prints its path; cached by the versions in it.
#   T1X_SUITE=trixie  from that release
. "$(dirname "$0")/common.sh"
. "$scripts/apt.sh"

apt_ready
# Against the empty package status of the private apt this is the whole closure, libc included.
uris=$(priv_apt apt-get install -qq -y --no-install-recommends --print-uris "$@" | awk '/^.(http|file|mirror)/ { print $2 }')
[ "$uris" ] || die "Debian has no $*, or the package lists are broken; delete $apt/fresh and try again"
# What no program in the guest reads, by far the most of it.
useless="usr/share/doc usr/share/man usr/share/locale usr/share/info usr/share/lintian
usr/share/bash-completion usr/share/perl usr/share/perl5 usr/share/python3 usr/share/icons usr/include
usr/lib/python3 usr/lib/python3.11 usr/lib/x86_64-linux-gnu/gconv usr/lib/x86_64-linux-gnu/perl
usr/lib/x86_64-linux-gnu/perl-base usr/libexec/qemu-system-i386 usr/share/qemu/skiboot.lid"
archive=$cache/extras/$(echo "$uris $useless" | sha256sum | cut -c 1-16).cpio
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
		die "cannot download $*: check the network, or delete $apt/fresh and try again"
	fi
	for deb in "$tmp"/debs/*.deb; do
		dpkg-deb -x "$deb" "$tmp/root"
	done
	# shellcheck disable=SC2086 # a list of names
	(cd "$tmp/root" && rm -rf $useless && find usr/lib -name '*.a' -delete)
	# A newer Debian has its loader in /usr only, and a link to there in a package of its own.
	[ -e "$tmp/root/lib64" ] || ln -s usr/lib64 "$tmp/root/lib64"
	(cd "$tmp/root" && find . | cpio --quiet -o -H newc -R 0:0) >"$archive.new"
	mv "$archive.new" "$archive"
)
echo "$archive"
