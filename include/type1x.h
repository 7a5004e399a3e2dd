/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The container: what vfio core's iommu_data stands for. Only vfio_iommu_type1x.c
 * includes this.
 */
#ifndef T1X_TYPE1X_H
#define T1X_TYPE1X_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>

#include "map.h"

/*
 * vfio core calls ioctl without a lock, while the last group may go and release
 * the container. So iommu_data is an id that is never used twice, and each call
 * looks the container up and holds it. Each container holds the module.
 */
struct t1x_container {
	/* Immutable. */
	unsigned long id;
	bool v2;
	bool nesting;

	refcount_t refs; /* vfio core's, until release, and each call's */
	struct rcu_head rcu;

	struct t1x_map map; /* has its own locks */
};

#endif /* T1X_TYPE1X_H */
