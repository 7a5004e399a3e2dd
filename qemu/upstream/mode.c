// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linked into the kernel's own vfio selftests. Tests without a fixture variant per IOMMU mode use
 * libvfio's default, which is iommufd: take it from the environment instead, so that they can be
 * run over type1 and type1v2 unmodified.
 */
#include <stdlib.h>

extern const char *default_iommu_mode;

__attribute__((constructor)) static void choose_default_mode(void)
{
	const char *mode = getenv("T1X_UPSTREAM_MODE");

	if (mode)
		default_iommu_mode = mode;
}
