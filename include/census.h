/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The census of a mapping: how much of it is in IOMMU pages of which size, and why
 * not in larger ones. No IOMMU driver tells; the rule is that of iommu_map(), which
 * takes the largest page that fits wherever it is.
 *
 * Page sizes are bytes; all else is pages of PAGE_SIZE, those of an IOVA numbered
 * iova >> PAGE_SHIFT. Nothing here allocates, sleeps or needs a lock.
 */
#ifndef T1X_CENSUS_H
#define T1X_CENSUS_H

#include <linux/bits.h>
#include <linux/types.h>

/* Why memory is in smaller IOMMU pages than there could be. */
enum t1x_small {
	T1X_SMALL_NOT, /* it is not */
	T1X_SMALL_SHORT, /* no room in the mapping */
	T1X_SMALL_MISALIGNED, /* IOVA and physical address do not fit together */
	T1X_SMALL_SCATTERED, /* physical memory is not contiguous */
	T1X_SMALL_GRANULE,
	T1X_SMALL_SUBSET, /* VFIO_IOMMU_TYPE1X_PGSIZES */
	T1X_SMALL_SINGLE, /* disable_hugepages */
	T1X_NR_SMALL,
};

struct t1x_census {
	/* Of the mapping, for t1x_census_begin(). */
	unsigned long supported; /* bitmap of the page sizes that there are */
	unsigned long allowed; /* of these, what the user wants */
	unsigned long granule; /* in bytes, or 0 */
	bool single; /* page by page */
	unsigned long page; /* its first page */
	unsigned long npages;

	/* Results. */
	unsigned long by_size[BITS_PER_LONG]; /* pages in leaves of 2^n bytes */
	unsigned long by_small[T1X_NR_SMALL]; /* pages, by why they are small */

	unsigned long usable; /* sizes, in pages */
};

void t1x_census_begin(struct t1x_census *census);
void t1x_census_add(struct t1x_census *census, unsigned long page,
		    unsigned long pfn, unsigned long npages);
unsigned long t1x_census_sizes(const struct t1x_census *census);
enum t1x_small t1x_census_why(const struct t1x_census *census);
const char *t1x_small_name(enum t1x_small small);

#endif /* T1X_CENSUS_H */
