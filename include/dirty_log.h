/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dirty tracking of a container: VFIO_IOMMU_DIRTY_PAGES, and the bitmap of
 * VFIO_IOMMU_UNMAP_DMA.
 *
 * While the log is on, every mapping that is LIVE has a bitmap. It holds what the
 * drivers of emulated devices wrote or pinned; a group that writes through the
 * IOMMU says nothing of it, so all that it can reach is reported as dirty.
 *
 * A report first has the user's pages faulted in and pinned, then writes all of it
 * and clears what it has written under the mutex, in one go. So it fails whole or
 * not at all.
 */
#ifndef T1X_DIRTY_LOG_H
#define T1X_DIRTY_LOG_H

#include <linux/types.h>

struct t1x_call;
struct t1x_dirty_report;
struct t1x_dma;
struct t1x_dma_tree;
struct t1x_domains;
struct t1x_uapi_bitmap;
struct t1x_uapi_dirty;

enum t1x_dirty_log_state {
	T1X_DIRTY_LOG_OFF,
	T1X_DIRTY_LOG_STARTING, /* one call gives bitmaps to what is mapped */
	T1X_DIRTY_LOG_ON,
};

struct t1x_dirty_log {
	/* Immutable. */
	struct t1x_dma_tree *tree;
	struct t1x_domains *domains;

	/* Protected by the mutex of the tree. */
	enum t1x_dirty_log_state state;
};

void t1x_dirty_log_init(struct t1x_dirty_log *log, struct t1x_dma_tree *tree,
			struct t1x_domains *domains);

/* VFIO_IOMMU_DIRTY_PAGES and DIRTY_RANGE: no lock held. */
int t1x_dirty_log_start(struct t1x_dirty_log *log);
int t1x_dirty_log_stop(struct t1x_dirty_log *log);
int t1x_dirty_log_get(struct t1x_dirty_log *log,
		      const struct t1x_uapi_dirty *args);
int t1x_dirty_log_get_range(struct t1x_dirty_log *log,
			    const struct t1x_uapi_dirty *args);

/* For map, unmap and detach: the mutex of the tree held. */
int t1x_dirty_log_cover(struct t1x_dirty_log *log, struct t1x_dma *dma);
int t1x_dirty_log_check(const struct t1x_dirty_log *log,
			const struct t1x_uapi_bitmap *args,
			struct t1x_call *call);
void t1x_dirty_log_set_all(struct t1x_dirty_log *log);
int t1x_dirty_log_report(struct t1x_dirty_log *log,
			 const struct t1x_dirty_report *report,
			 struct t1x_dma *dying, struct t1x_call *call);

#endif /* T1X_DIRTY_LOG_H */
