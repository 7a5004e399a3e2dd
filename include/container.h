/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The container: what vfio core's iommu_data stands for.
 *
 * vfio core calls ioctl without a lock, while the last group may go and release
 * the container. So iommu_data is an id that is never used twice, and an ioctl looks
 * the container up and holds it. Of all other calls vfio core keeps the release away:
 * groups come and go under a lock of its own, and a group whose device is open stays.
 * Each container holds the module.
 */
#ifndef T1X_CONTAINER_H
#define T1X_CONTAINER_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "journal.h"
#include "map.h"

struct dentry;
struct t1x_call;

struct t1x_container {
	/* Immutable. */
	unsigned long id;
	bool v2;
	bool nesting;
	struct dentry *debugfs;

	refcount_t refs; /* vfio core's, until release, and each ioctl's */
	struct hlist_node node; /* of those that are not closed; read under RCU */
	struct rcu_head rcu;

	/* These have their own locks. */
	struct t1x_map map;
	struct t1x_journal journal;
};

struct t1x_container *t1x_container_open(unsigned long type,
					 unsigned int dma_entry_limit);
void t1x_container_close(struct t1x_container *container);
struct t1x_container *t1x_container_find(unsigned long id);
struct t1x_container *t1x_container_get(unsigned long id);
void t1x_container_put(struct t1x_container *container);
int t1x_container_check_v2(const struct t1x_container *container,
			   struct t1x_call *call);

#endif /* T1X_CONTAINER_H */
