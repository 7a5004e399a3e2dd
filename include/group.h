/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attach and detach of IOMMU groups: which domain a group joins, what the
 * container may map with it, and the replay of what is mapped already.
 *
 * Both are called under vfio core's locks, so they never wait for a mapping that
 * is FILLING, whose filler may be parked in a page fault. One case has to: the
 * attach of the first IOMMU to a container that emulated groups have filled waits
 * for unmaps that are under way and pins all the rest. It holds no lock of ours
 * over that, and ends on a fatal signal.
 */
#ifndef T1X_GROUP_H
#define T1X_GROUP_H

#include <linux/types.h>

struct iommu_group;
struct t1x_call;
struct t1x_map;

/**
 * struct t1x_group_opts - How to attach a group
 * @call: The caller's call, or NULL
 * @nesting: The container was opened as VFIO_TYPE1_NESTING_IOMMU
 * @unsafe_interrupts: Accept a group whose MSIs are not isolated
 * @single: Give the IOMMU one page at a time
 */
struct t1x_group_opts {
	struct t1x_call *call;
	bool nesting;
	bool unsafe_interrupts;
	bool single;
};

int t1x_group_attach(struct t1x_map *map, struct iommu_group *group,
		     const struct t1x_group_opts *opts);
int t1x_group_attach_emulated(struct t1x_map *map, struct iommu_group *group,
			      struct t1x_call *call);
void t1x_group_detach(struct t1x_map *map, struct iommu_group *group);

#endif /* T1X_GROUP_H */
