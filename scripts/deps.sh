#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# deps.sh [deb|packages]: install the Debian packages that building and testing need, or say which
# they are. With "deb" only what our packages are built with, with "packages" that as well, and
# what they are tested with.
. "$(dirname "$0")/common.sh"

# command:package, and header files for what is a library.
needed="
gcc:gcc git:git make:make flex:flex bison:bison bc:bc cpio:cpio xz:xz-utils depmod:kmod perl:perl
rsync:rsync python3:python3 pahole:pahole sparse:sparse shellcheck:shellcheck
clang-format:clang-format qemu-system-x86_64:qemu-system-x86 busybox:busybox-static
flock:util-linux setpriv:util-linux file:file man:man-db sphinx-build:python3-sphinx
/usr/include/libelf.h:libelf-dev /usr/include/openssl/ssl.h:libssl-dev
/usr/include/uuid/uuid.h:uuid-dev /usr/include/stdio.h:libc6-dev
/usr/lib/python3/dist-packages/jsonschema/__init__.py:python3-jsonschema
"
deb="gcc:gcc make:make dh:debhelper dh_dkms:dh-dkms dpkg-buildpackage:dpkg-dev"
case ${1:-} in
deb) needed=$deb ;;
packages) needed="$needed $deb lintian:lintian mmdebstrap:mmdebstrap autopkgtest:autopkgtest mke2fs:e2fsprogs" ;;
esac

missing=
for item in $needed; do
	thing=${item%%:*}
	case $thing in
	/*) [ -e "$thing" ] || missing="$missing ${item#*:}" ;;
	*) PATH=$PATH:/usr/sbin:/sbin command -v "$thing" >/dev/null || missing="$missing ${item#*:}" ;;
	esac
done
# The guest has no shared libraries: a dynamic busybox would not start there.
if [ "${1:-}" != deb ] && command -v busybox >/dev/null && ! grep -q busybox-static /var/lib/dpkg/info/busybox-static.list 2>/dev/null; then
	missing="$missing busybox-static"
fi

[ "$missing" ] || exit 0
line="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" != 0 ]; then
	die "packages are missing; as root run: $line"
fi
say "installing:$missing"
mkdir -p "$build/logs"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of packages
if ! $line >"$build/logs/deps.log" 2>&1; then
	apt-get update >>"$build/logs/deps.log" 2>&1 || true
	quietly "$build/logs/deps.log" "$line" $line
fi
