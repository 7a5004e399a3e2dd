// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-size arithmetic. See include/pgsize.h for the contiguity record.
 */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "pgsize.h"

#define CONTIG(order, phase) ((1U << (order)) | (phase))

/* A record must hold the largest order with any phase below it. */
static_assert(CONTIG(T1X_SEG_ORDER, T1X_SEG_PAGES - 1) <= U16_MAX);

static unsigned int contig_order(t1x_contig seg)
{
	return __fls(seg);
}

static unsigned long contig_phase(t1x_contig seg)
{
	return seg ^ BIT(contig_order(seg));
}

/**
 * t1x_pgsize_min() - Smallest page size of a set
 * @pgsizes: Bitmap of page sizes in bytes, not 0
 *
 * Return: The smallest size, in bytes.
 */
unsigned long t1x_pgsize_min(unsigned long pgsizes)
{
	return BIT(__ffs(pgsizes));
}

/**
 * t1x_pgsize_visible() - Page sizes as a user sees them
 * @pgsizes: Bitmap of the sizes that every domain supports, in bytes
 *
 * Memory is pinned by PAGE_SIZE, so a smaller IOMMU page is of no use to the
 * user; an IOMMU that has one can map a CPU page with several of them. The rule
 * of vfio_update_pgsize_bitmap(), commit 4644321fd3c1.
 *
 * Return: @pgsizes with everything below PAGE_SIZE folded into PAGE_SIZE.
 */
unsigned long t1x_pgsize_visible(unsigned long pgsizes)
{
	if (pgsizes & ~PAGE_MASK)
		return (pgsizes & PAGE_MASK) | PAGE_SIZE;

	return pgsizes;
}

/**
 * t1x_pgsize_fit() - The largest page that fits at the beginning of a run
 * @sizes: Bitmap of page sizes, in pages
 * @page: First page of the run in the IOVA space
 * @pfn: Its frame
 * @npages: Length of the run, not 0
 *
 * Return: Size in pages, or 0 if none fits.
 */
unsigned long t1x_pgsize_fit(unsigned long sizes, unsigned long page,
			     unsigned long pfn, unsigned long npages)
{
	unsigned long align = page | pfn;

	if (align)
		sizes &= BIT(__ffs(align)) | (BIT(__ffs(align)) - 1);
	sizes &= BIT(__fls(npages)) | (BIT(__fls(npages)) - 1);
	return sizes ? BIT(__fls(sizes)) : 0;
}

/**
 * t1x_pgsize_piece() - How much of a range does the IOMMU core unmap by one call?
 * @pgsizes: Bitmap of the page sizes that the IOMMU has, in bytes
 * @page: First page of the range in the IOVA space
 * @npages: Length of the range, not 0
 *
 * It tells a driver of as many pages of one size as there are: up to the place where the
 * next larger size fits.
 *
 * Return: Pages, not 0 and at most @npages.
 */
unsigned long t1x_pgsize_piece(unsigned long pgsizes, unsigned long page,
			       unsigned long npages)
{
	unsigned long sizes = pgsizes >> PAGE_SHIFT;
	unsigned long fit = t1x_pgsize_fit(sizes, page, page, npages);
	unsigned long larger, next, room;

	/* Not of the domain's: for the core to refuse. */
	if (!fit)
		return npages;

	larger = sizes & ~(fit | (fit - 1));
	if (larger) {
		next = BIT(__ffs(larger));
		room = next - (page & (next - 1));
		if (npages >= next && room <= npages - next)
			return room;
	}
	return npages & ~(fit - 1);
}

/**
 * t1x_pgsize_cut() - How much of a run goes into one iommu_map call?
 * @pgsizes: Bitmap of the page sizes that the IOMMU has, in bytes
 * @leaves: Which of them it may use
 * @page: First page of the run in the IOVA space
 * @pfn: Its frame
 * @npages: Length of the run, not 0
 *
 * Whatever the driver does within the call, each of its leaves is an allowed one:
 * the call is one leaf, or holds no place for a leaf that is forbidden. A driver that
 * takes the largest that fit makes no more leaves of a run than need be.
 *
 * Return: Pages, not 0 and at most @npages.
 */
unsigned long t1x_pgsize_cut(unsigned long pgsizes,
			     const struct t1x_leaves *leaves,
			     unsigned long page, unsigned long pfn,
			     unsigned long npages)
{
	unsigned long granule = leaves->granule >> PAGE_SHIFT;
	unsigned long sizes, forbidden, smaller, larger, leaf, end;

	if (granule)
		npages = min(npages, granule - (page & (granule - 1)));

	/* A leaf is never larger than the call, so the granule is seen to. */
	forbidden = (pgsizes & ~leaves->allowed) >> PAGE_SHIFT;
	if (!forbidden)
		return npages;
	forbidden = BIT(__ffs(forbidden));
	if ((page ^ pfn) & (forbidden - 1))
		return npages;

	sizes = (pgsizes & leaves->allowed) >> PAGE_SHIFT;
	larger = sizes & ~(forbidden - 1);
	leaf = t1x_pgsize_fit(larger, page, pfn, npages);
	if (leaf)
		return leaf;

	/*
	 * Stop short of the first place where the smallest forbidden leaf is whole, by
	 * one leaf of the size below it: so no place for one of those is cut.
	 */
	smaller = sizes & (forbidden - 1);
	end = round_up(page, forbidden) + forbidden -
	      (smaller ? BIT(__fls(smaller)) : 1);
	/* A larger leaf may begin before that. */
	if (larger)
		end = min(end, round_up(page + 1, BIT(__ffs(larger))));
	return min(npages, end - page);
}

/**
 * t1x_pgsize_contig_add() - Record that the physical address jumps at a page
 * @seg: Record of the segment that contains @page
 * @page: Page number of the first page after the jump
 *
 * The set only ever grows: its step becomes the largest power of two that still
 * reaches @page from the positions already recorded.
 */
void t1x_pgsize_contig_add(t1x_contig *seg, unsigned long page)
{
	unsigned long offset = page & (T1X_SEG_PAGES - 1);
	unsigned long distance;
	unsigned int order;

	/* In scattered memory each page is in the set after a few. */
	if (*seg == CONTIG(0, 0))
		return;

	if (!*seg) {
		*seg = CONTIG(T1X_SEG_ORDER, offset);
		return;
	}

	distance = offset ^ contig_phase(*seg);
	if (!distance)
		return;

	order = min_t(unsigned int, contig_order(*seg), __ffs(distance));
	*seg = CONTIG(order, offset & (BIT(order) - 1));
}

/**
 * t1x_pgsize_contig_may_jump() - May the physical address jump at a page?
 * @seg: Record of the segment that contains @page
 * @page: Page number
 *
 * Return: false if @page is proven to continue the page before it.
 */
bool t1x_pgsize_contig_may_jump(t1x_contig seg, unsigned long page)
{
	if (!seg)
		return false;

	return !((page ^ contig_phase(seg)) & (BIT(contig_order(seg)) - 1));
}

/**
 * t1x_pgsize_contig_is_dense() - May the physical address jump at each page?
 * @seg: Record of a segment
 *
 * Return: true if nothing is proven of any page of the segment.
 */
bool t1x_pgsize_contig_is_dense(t1x_contig seg)
{
	return seg == CONTIG(0, 0);
}

/**
 * t1x_pgsize_contig_next() - Next page at which the physical address may jump
 * @seg: Record of the segment that contains @page
 * @page: Page number to start after
 *
 * Return: The lowest page number above @page, in the segment of @page, at which
 * a jump is possible; the first page of the following segment if there is none.
 */
unsigned long t1x_pgsize_contig_next(t1x_contig seg, unsigned long page)
{
	unsigned long end = (page | (T1X_SEG_PAGES - 1)) + 1;
	unsigned long step, next;

	if (!seg)
		return end;

	step = BIT(contig_order(seg));
	next = page + 1;
	next += (contig_phase(seg) - next) & (step - 1);

	/* Page numbers stay below 2^52, so neither sum can wrap. */
	return min(next, end);
}
