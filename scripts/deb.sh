#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# deb.sh: the Debian packages of what is in this checkout, into build/deb.
. "$(dirname "$0")/common.sh"
"$scripts/deps.sh" deb

out=$build/deb
log=$build/logs/deb.log
version=$(sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' "$top/vfio_iommu_type1x.c")
package=$(sed -n '1s/ (.*//p' "$top/debian/changelog")
changed=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$top/debian/changelog")
[ "$version" = "$changed" ] ||
	die "vfio_iommu_type1x.c has version $version, debian/changelog begins with $changed: make them equal"

rm -rf "$out"
mkdir -p "$out/$package-$version"
# What a clone would have, with what is new in this one; without git, all but what was built.
sources() {
	git ls-files -co --exclude-standard 2>/dev/null || find . -type f ! -path './build/*'
}
(
	cd "$top"
	sources | while read -r file; do
		[ ! -e "$file" ] || echo "$file"
	done | xargs cp --parents -P -t "$out/$package-$version"
)
build_packages() {
	cd "$out/$package-$version"
	dpkg-buildpackage -us -uc
}
quietly "$log" "building the packages" build_packages
rm -rf "${out:?}/$package-$version"
say "packages of $version are in build/deb"
