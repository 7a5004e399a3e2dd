# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# What the tests share.

package=vfio-iommu-type1x
version=$(dpkg-query -W -f '${Version}' $package-dkms)

die() {
	echo "FAILED: $*"
	exit 1
}

# Kernels whose headers are installed and that have in-tree type1.
kernels() {
	for config in /lib/modules/*/build/.config; do
		! grep -qs '^CONFIG_VFIO_IOMMU_TYPE1=[ym]' "$config" || basename "${config%/build/.config}"
	done
}

# bootable_kernel: one of them that is installed itself.
bootable_kernel() {
	for kernel in $(kernels); do
		[ ! -e "/boot/vmlinuz-$kernel" ] || echo "$kernel"
	done | tail -n 1
}

installed() {
	dkms status -m $package -v "$version" -k "$1" | grep -q ': installed'
}

# dkms_install KERNEL: build and install the module, if the package has not done so.
dkms_install() {
	installed "$1" && return
	dkms install -m $package -v "$version" -k "$1" ||
		{ cat /var/lib/dkms/$package/"$version"/build/make.log; return 1; }
}
