/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mappings of one container: joins what pin.c holds with what domain.c maps,
 * and owns every unwind between them.
 *
 * A mapping is FILLING while its MAP pins and maps it, LIVE, and DYING while it is
 * unmapped:
 *
 *	MAP ---> FILLING ---> LIVE ---> DYING ---> gone
 *	            |                     ^
 *	            +---- MAP fails ------+
 *
 * A call that meets a mapping which is not LIVE waits for it without a lock, ends
 * on a fatal signal, and then looks at the world anew; so each call takes effect
 * at one moment. Pinning and mapping hold no lock of ours but the rwsem of the
 * domains for read, one batch at a time.
 *
 * Units are bytes for IOVAs, pages of PAGE_SIZE for lengths; "last" is inclusive.
 */
#ifndef T1X_MAP_H
#define T1X_MAP_H

#include <linux/mutex.h>
#include <linux/wait.h>

#include "account.h"
#include "dma_tracker.h"
#include "domain.h"
#include "iova_space.h"
#include "uapi.h"

/*
 * Lock order: vfio core's group_lock (held by its caller) > domains.rwsem > lock
 * > a domain's table_lock. The mmap_lock is taken with none of ours held, except
 * at the first pin of a replay.
 */
struct t1x_map {
	struct mutex lock; /* short holds only: never over a fault */

	/* Protected by their own rwsem and lock, see include/domain.h. */
	struct t1x_domains domains;

	/* Protected by lock. */
	struct t1x_dma_tree tree;
	struct t1x_iova_space space;
	struct t1x_accounts accounts;
	unsigned int dma_avail; /* entries left of dma_entry_limit */
	unsigned long nr_stuck; /* mappings that an IOMMU did not let go */

	/* Woken whenever a mapping becomes LIVE or goes. */
	wait_queue_head_t changed;
};

void t1x_map_init(struct t1x_map *map, unsigned int dma_entry_limit);
void t1x_map_destroy(struct t1x_map *map);

int t1x_map_dma(struct t1x_map *map, const struct vfio_iommu_type1_dma_map *req,
		bool single);
int t1x_map_unmap(struct t1x_map *map, struct vfio_iommu_type1_dma_unmap *req,
		  bool v2);

/* For group.c: replay, and when the last domain goes. */
unsigned long t1x_map_run_end(struct t1x_map *map, const struct t1x_dma *dma,
			      unsigned long index, unsigned long end,
			      unsigned long *pfn);
struct t1x_dma *t1x_map_clear_all(struct t1x_map *map);
void t1x_map_forget(struct t1x_map *map, struct t1x_dma *dying);

#endif /* T1X_MAP_H */
