/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of <linux/vfio_type1x.h>. All return 0 or -errno; the names without
 * underscores fail the test instead. Ranges are [iova, last].
 */
#ifndef T1X_RANGES_H
#define T1X_RANGES_H

#include <linux/vfio_type1x.h>

#include "container.h"

#define T1X_EVERYTHING ~0UL

/* Any of the calls, with its struct as it is */
int __t1x_call(struct t1x *c, unsigned long call, void *arg);

struct vfio_type1x_map_range t1x_map_range_of(const void *vaddr, u64 iova,
					      u64 last);
struct vfio_type1x_unmap_range t1x_unmap_range_of(u64 iova, u64 last);
/* With a bitmap as long as the window needs */
struct vfio_type1x_unmap_range t1x_unmap_range_dirty_of(u64 iova, u64 last,
							void *bitmap);
struct vfio_type1x_dirty_range t1x_dirty_range_of(u64 iova, u64 last,
						  void *bitmap);

int __t1x_map_range(struct t1x *c, const void *vaddr, u64 iova, u64 last);
int __t1x_map_granule(struct t1x *c, const void *vaddr, u64 iova, u64 last,
		      u64 granule);
/* npages may be NULL, and is written on success only */
int __t1x_unmap_range(struct t1x *c, u64 iova, u64 last, u64 *npages);
int __t1x_unmap_range_dirty(struct t1x *c, u64 iova, u64 last, void *bitmap,
			    u64 *npages);
int __t1x_dirty_range(struct t1x *c, u64 iova, u64 last, u32 flags,
		      void *bitmap);
int __t1x_pgsizes_get(struct t1x *c, u64 *pgsizes, u64 *supported);
int __t1x_pgsizes_set(struct t1x *c, u64 pgsizes);

void t1x_map_granule_at(const char *file, int line, struct t1x *c,
			const void *vaddr, u64 iova, u64 size, u64 granule);
/* Expects that exactly size bytes go */
void t1x_unmap_range_at(const char *file, int line, struct t1x *c, u64 iova,
			u64 last, u64 size);

/* These take the size of the mapping, and the sum of those that go */
#define t1x_map_granule(...) t1x_map_granule_at(__FILE__, __LINE__, __VA_ARGS__)
#define t1x_unmap_range(...) t1x_unmap_range_at(__FILE__, __LINE__, __VA_ARGS__)

u64 t1x_pgsizes(struct t1x *c);
u64 t1x_pgsizes_supported(struct t1x *c);

/* The window of a bitmap: where it begins, and how many 64-bit words it has */
u64 t1x_window(u64 iova);
u64 t1x_window_words(u64 iova, u64 last);

/*
 * True if the extension and the call are there on type1x, before and after
 * SET_IOMMU and in both types, and on in-tree type1 are not. Prints what is not
 * so.
 */
bool t1x_extension_is_ours(u32 extension, unsigned long call);

#endif
