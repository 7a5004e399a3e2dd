/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOMMU groups of the machine, their devices and reserved regions.
 */
#ifndef T1X_IOMMU_GROUP_H
#define T1X_IOMMU_GROUP_H

#include <stdbool.h>

#include "text.h"

/* Their numbers, as t1x_dir_list(); NULL where the machine has no IOMMU in use */
char **t1x_iommu_groups(void);

/* The names of a group's devices, as t1x_dir_list() */
char **t1x_iommu_group_devices(const char *group);

/* The driver of a device, to be freed, or NULL */
char *t1x_iommu_group_driver(const char *group, const char *device);

/* Is a driver one of vfio's, or one that does no DMA by itself? */
bool t1x_driver_is_vfio(const char *driver);
bool t1x_driver_is_harmless(const char *driver);

struct t1x_reserved {
	u64 first;
	u64 last;
	char type[24]; /* msi, direct, direct-relaxable, reserved */
};

/*
 * The first reserved region of a group that touches [first, last] and, unless it is
 * NULL, is of this type; false where there is none
 */
bool t1x_iommu_group_reserved(const char *group, u64 first, u64 last,
			      const char *type, struct t1x_reserved *region);

#endif
