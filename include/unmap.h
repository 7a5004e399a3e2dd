/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unmap: mappings, and parts of those that have a granule, out of the IOMMU and out
 * of the tree, all that one call asks for or nothing.
 *
 * What goes is DYING first, so that it is the call's own while drivers of emulated
 * devices are told of it and a report of dirty pages is prepared; until then every
 * failure makes it LIVE again. A mapping of which a part goes is split when nothing
 * can fail any more: the rest was in the IOMMU, and there for drivers, throughout.
 */
#ifndef T1X_UNMAP_H
#define T1X_UNMAP_H

#include <linux/types.h>

struct t1x_map;
struct t1x_uapi_unmap;

int t1x_unmap_dma(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		  u64 *npages);

#endif /* T1X_UNMAP_H */
