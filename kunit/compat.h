/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the supported kernels for the tests alone. See
 * include/compat.h for the rules.
 */
#ifndef T1X_KUNIT_COMPAT_H
#define T1X_KUNIT_COMPAT_H

#include <linux/iommu.h>

#include "../include/compat.h"

/* 6.7: iotlb_sync_map may fail, and iommu_map undoes itself then. */
#define T1X_SYNC_MAP_FAILS T1X_SINCE(6, 7)

/* 6.19: page tables are generic: AMD's can be built without its hardware. */
#define T1X_HAVE_AMDV1 IS_REACHABLE(CONFIG_IOMMU_PT_AMDV1)

#if T1X_HAVE_AMDV1
#include <linux/generic_pt/iommu.h>

/* Exported, but declared in a header that modules cannot include. */
void iommu_put_pages_list(struct iommu_pages_list *list);
#endif

/* The iotlb_sync_map operation of the fake domain. */
int fake_sync_map(struct iommu_domain *domain, unsigned long iova, size_t size);

#if T1X_SYNC_MAP_FAILS
#define T1X_SYNC_MAP fake_sync_map
#else
static inline void t1x_compat_sync_map(struct iommu_domain *domain,
				       unsigned long iova, size_t size)
{
	fake_sync_map(domain, iova, size);
}

#define T1X_SYNC_MAP t1x_compat_sync_map
#endif

#endif /* T1X_KUNIT_COMPAT_H */
