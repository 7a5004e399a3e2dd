/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Emulated groups: mediated devices, behind which there is no IOMMU of their own.
 * Their drivers pin single pages of the mappings, read and write them, and are told
 * when a mapping goes, so that they let go of it.
 *
 * Locks: device_lock is held over the callbacks of the drivers, which unpin and so
 * take the mutex of the tree. Nothing that holds that mutex waits for device_lock.
 * A page fault or a copy of user memory holds neither.
 */
#ifndef T1X_EMULATED_H
#define T1X_EMULATED_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct iommu_group;
struct page;
struct t1x_dma;
struct t1x_dma_tree;
struct t1x_call;
struct vfio_device;

struct t1x_emulated {
	/* Immutable. */
	struct t1x_dma_tree *tree;

	/* Protected by the mutex of the tree. */
	struct list_head groups;
	struct hlist_head targets; /* of struct pin_target, pages being pinned */

	/* Calls with pins they have not told of: who sees such a pin sees its call. */
	atomic_t nr_pinning;

	/* Changed under device_lock and the mutex of the tree: either can read. */
	struct list_head devices; /* of struct vfio_device, by iommu_entry */
	struct mutex device_lock;
};

void t1x_emulated_init(struct t1x_emulated *emulated,
		       struct t1x_dma_tree *tree);
void t1x_emulated_destroy(struct t1x_emulated *emulated);

/* The mutex of the tree held. */
int t1x_emulated_add_group(struct t1x_emulated *emulated,
			   struct iommu_group *iommu_group);
bool t1x_emulated_remove_group(struct t1x_emulated *emulated,
			       struct iommu_group *iommu_group);
bool t1x_emulated_has_group(struct t1x_emulated *emulated,
			    struct iommu_group *iommu_group);
void t1x_emulated_for_each_group(struct t1x_emulated *emulated,
				 void (*fn)(struct iommu_group *group,
					    void *data),
				 void *data);
bool t1x_emulated_is_used(struct t1x_emulated *emulated);

/* Called by vfio core for the drivers: no lock of the container held. */
void t1x_emulated_add_device(struct t1x_emulated *emulated,
			     struct vfio_device *device);
void t1x_emulated_remove_device(struct t1x_emulated *emulated,
				struct vfio_device *device);
int t1x_emulated_pin(struct t1x_emulated *emulated, unsigned long iova,
		     unsigned long npages, int prot, struct page **pages,
		     struct t1x_call *call);
void t1x_emulated_unpin(struct t1x_emulated *emulated, unsigned long iova,
			unsigned long npages);

/* For what goes. */
int t1x_emulated_quiesce(struct t1x_emulated *emulated, struct t1x_dma *dma,
			 struct t1x_call *call);
void t1x_emulated_disown(struct t1x_emulated *emulated,
			 const struct t1x_dma *dma);
void t1x_emulated_abandon(struct t1x_emulated *emulated, struct t1x_dma *dma);

#endif /* T1X_EMULATED_H */
