#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# With the takeover on, an image has vfio_iommu_type1x and the alias that leads to it: of itself,
# dracut takes /etc/modprobe.d only into images for this host. Where the module is not built for
# the image's kernel, the image is left without the alias and gets in-tree type1.

# shellcheck disable=SC2154 # dracut sets kernel, srcmods and initdir
takeover=/etc/modprobe.d/vfio-type1x-takeover.conf

built() {
	modinfo -k "$kernel" vfio_iommu_type1x &>/dev/null
}

check() {
	[ -e "${dracutsysrootdir:-}$takeover" ]
}

depends() {
	return 0
}

installkernel() {
	local file
	if built; then
		# Whether it is loaded now does not matter.
		hostonly='' instmods vfio_iommu_type1x
		return
	fi
	dwarn "no vfio_iommu_type1x for kernel $kernel: in-tree type1 will serve early in boot"
	for file in "$srcmods"/kernel/drivers/vfio/vfio_iommu_type1.ko*; do
		inst_simple "$file" "/lib/modules/$kernel/${file#"$srcmods/"}"
	done
}

install() {
	if built; then
		inst_simple "$takeover"
	else
		rm -f "$initdir$takeover"
	fi
}
