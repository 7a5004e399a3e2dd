/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page-size arithmetic: bitmaps of IOMMU page sizes, and the record of where a
 * mapping may be physically discontiguous.
 *
 * Units: page sizes are bytes; positions and lengths are counted in pages of
 * PAGE_SIZE ("page"), where the page number of an IOVA is iova >> PAGE_SHIFT.
 *
 * The contiguity record. An IOVA range is cut into segments of 128 MiB, aligned
 * in the IOVA space. Each segment has one u16. It describes a set of page
 * offsets, {phase + k * 2^order}, that contains every offset at which the
 * physical address may jump. An offset outside the set is proven to continue
 * the page before it. The number is stored with its phase below a leading one,
 * (1 << order) | phase; 0 means that nothing jumps in this segment.
 *
 * Nothing here allocates, sleeps or needs a lock.
 */
#ifndef T1X_PGSIZE_H
#define T1X_PGSIZE_H

#include <linux/bits.h>
#include <linux/types.h>

#define T1X_SEG_ORDER 15 /* log2 of the pages in a segment */
#define T1X_SEG_PAGES BIT(T1X_SEG_ORDER)

typedef u16 t1x_contig;

/*
 * What the leaves of a mapping may be. An IOMMU driver chooses the largest that fit
 * into one iommu_map call and never joins two calls, so this is a rule for where
 * calls end.
 */
struct t1x_leaves {
	unsigned long allowed; /* bitmap of sizes */
	unsigned long granule; /* no call spans a multiple of it; or 0 */
};

unsigned long t1x_pgsize_min(unsigned long pgsizes);
unsigned long t1x_pgsize_visible(unsigned long pgsizes);

unsigned long t1x_pgsize_fit(unsigned long sizes, unsigned long page,
			     unsigned long pfn, unsigned long npages);
unsigned long t1x_pgsize_piece(unsigned long pgsizes, unsigned long page,
			       unsigned long npages);
unsigned long t1x_pgsize_cut(unsigned long pgsizes,
			     const struct t1x_leaves *leaves,
			     unsigned long page, unsigned long pfn,
			     unsigned long npages);

void t1x_pgsize_contig_add(t1x_contig *seg, unsigned long page);
bool t1x_pgsize_contig_is_dense(t1x_contig seg);
bool t1x_pgsize_contig_may_jump(t1x_contig seg, unsigned long page);
unsigned long t1x_pgsize_contig_next(t1x_contig seg, unsigned long page);

#endif /* T1X_PGSIZE_H */
