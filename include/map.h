/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mappings of one container: joins what pin.c holds with what domain.c maps,
 * and owns every unwind between them.
 *
 * A mapping is FILLING while its MAP pins and maps it, LIVE, and DYING while it, or
 * a part of it, is unmapped (see unmap.h):
 *
 *	MAP ---> FILLING ---> LIVE <--> DYING ---> gone
 *	            |          ^          ^
 *	            |          +--> BUSY -+ if the last group goes meanwhile
 *	            +---- MAP fails ------+
 *
 * Where the container has emulated groups only, nothing is pinned or mapped: that
 * happens at the attach of the first group with an IOMMU, by which mappings are
 * BUSY, and it is undone when the last such group goes.
 *
 * A call that meets a mapping which is not LIVE waits for it without a lock, ends
 * on a fatal signal, and then looks at the world anew; so each call takes effect
 * at one moment. Pinning holds no lock of ours; mapping holds the rwsem of the
 * domains for read, for one batch at a time.
 *
 * Units are bytes for IOVAs, pages of PAGE_SIZE for lengths; "last" is inclusive.
 */
#ifndef T1X_MAP_H
#define T1X_MAP_H

#include <linux/mutex.h>

#include "account.h"
#include "dirty_log.h"
#include "dma_tracker.h"
#include "domains.h"
#include "emulated.h"
#include "iova_space.h"
#include "uapi.h"

struct t1x_call;

/*
 * Lock order: vfio core's group_lock (held by its caller) > domains.rwsem > lock >
 * a domain's table_lock; and emulated.device_lock > locks of drivers > lock. The
 * mmap_lock is taken with none of ours held.
 */
struct t1x_map {
	struct mutex lock; /* short holds only: never over a fault */
	unsigned int dma_entry_limit; /* immutable */

	/* Protected by their own rwsem or mutex and lock, see their headers. */
	struct t1x_domains domains;
	struct t1x_emulated emulated;

	/* Protected by lock. */
	struct t1x_dma_tree tree;
	struct t1x_iova_space space;
	struct t1x_accounts accounts;
	struct t1x_dirty_log log;
	unsigned int dma_avail; /* entries left of the limit */
	unsigned int nr_lent; /* entries of unmaps that may still fail */
};

void t1x_map_init(struct t1x_map *map, unsigned int dma_entry_limit);
void t1x_map_destroy(struct t1x_map *map);

unsigned long t1x_map_pgsize(const struct t1x_map *map);
int t1x_map_set_pgsizes(struct t1x_map *map, unsigned long pgsizes,
			unsigned long supported);
int t1x_map_dma(struct t1x_map *map, const struct t1x_uapi_map *args,
		bool single);

/* For unmap.c: an entry for a mapping that comes, and what it has taken out. */
int t1x_map_check_entry(const struct t1x_map *map, struct t1x_call *call);
void t1x_map_forget(struct t1x_map *map, struct t1x_dma *dying);

/* For group.c: when the first domain comes, and the last one or the last group goes. */
bool t1x_map_begin_fill_all(struct t1x_map *map);
int t1x_map_fill_all(struct t1x_map *map, bool single, struct t1x_call *call);
void t1x_map_unback_all(struct t1x_map *map);
struct t1x_dma *t1x_map_clear_all(struct t1x_map *map);

#endif /* T1X_MAP_H */
