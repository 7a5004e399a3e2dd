// SPDX-License-Identifier: GPL-2.0-only
/*
 * The census of a mapping. See include/census.h.
 */
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "census.h"
#include "pgsize.h"

static const char *const small_names[T1X_NR_SMALL] = {
	[T1X_SMALL_NOT] = "-",
	[T1X_SMALL_SHORT] = "short",
	[T1X_SMALL_MISALIGNED] = "misaligned",
	[T1X_SMALL_SCATTERED] = "scattered",
	[T1X_SMALL_GRANULE] = "granule",
	[T1X_SMALL_SUBSET] = "subset",
	[T1X_SMALL_SINGLE] = "single",
};

/**
 * t1x_census_begin() - Begin to count
 * @census: Whose mapping and page sizes are set
 */
void t1x_census_begin(struct t1x_census *census)
{
	unsigned long usable = census->supported & census->allowed;

	if (census->granule)
		usable &= census->granule | (census->granule - 1);
	if (census->single)
		usable = t1x_pgsize_min(usable);
	census->usable = usable >> PAGE_SHIFT;

	memset(census->by_size, 0, sizeof(census->by_size));
	memset(census->by_small, 0, sizeof(census->by_small));
}

/*
 * The next size above one in pages that the IOMMU has, in pages; or 0. Of those in
 * between the sizes of the CPU, which some IOMMUs have all, nobody expects more.
 */
static unsigned long next_size(const struct t1x_census *census,
			       unsigned long leaf)
{
	unsigned long natural = PAGE_SIZE | PMD_SIZE | PUD_SIZE;
	unsigned long larger = (census->supported & natural) >> PAGE_SHIFT &
			       ~(leaf | (leaf - 1));

	return larger ? BIT(__ffs(larger)) : 0;
}

/* Is the aligned place around a page inside a run? */
static bool holds_place(unsigned long first, unsigned long npages,
			unsigned long page, unsigned long size)
{
	unsigned long place = round_down(page, size);

	return place >= first && place + size <= first + npages;
}

/*
 * Why is page @index of a run in a leaf so small? Memory that has room for a larger one,
 * in the one address space or the other, is not scattered.
 */
static enum t1x_small why_small(const struct t1x_census *census,
				unsigned long page, unsigned long pfn,
				unsigned long npages, unsigned long index,
				unsigned long leaf)
{
	unsigned long size = next_size(census, leaf);

	if (!size)
		return T1X_SMALL_NOT;
	if (!holds_place(census->page, census->npages, page + index, size))
		return T1X_SMALL_SHORT;
	if (census->single)
		return T1X_SMALL_SINGLE;
	if (census->granule && census->granule >> PAGE_SHIFT < size)
		return T1X_SMALL_GRANULE;
	if (!(census->allowed >> PAGE_SHIFT & size))
		return T1X_SMALL_SUBSET;
	if (holds_place(page, npages, page + index, size) ||
	    holds_place(pfn, npages, pfn + index, size))
		return T1X_SMALL_MISALIGNED;
	return T1X_SMALL_SCATTERED;
}

/* How many pages, from the beginning of a run on, are in leaves of one size? */
static unsigned long count_alike(const struct t1x_census *census,
				 unsigned long page, unsigned long pfn,
				 unsigned long npages, unsigned long leaf)
{
	unsigned long larger = census->usable & ~(leaf | (leaf - 1));
	unsigned long size, n;

	/* Up to the first place where a larger one fits, if there is one. */
	while (larger) {
		size = BIT(__ffs(larger));
		larger &= larger - 1;
		if ((page ^ pfn) & (size - 1))
			break;
		n = round_up(page, size) - page;
		if (n && n + size <= npages)
			return n;
	}

	return round_down(npages, leaf);
}

/**
 * t1x_census_add() - Count a run that is contiguous in both address spaces
 * @census: Census
 * @page: First page in the IOVA space
 * @pfn: Its frame
 * @npages: Length, not 0
 */
void t1x_census_add(struct t1x_census *census, unsigned long page,
		    unsigned long pfn, unsigned long npages)
{
	unsigned long done, n, leaf;
	enum t1x_small why;

	for (done = 0; done < npages; done += n) {
		leaf = t1x_pgsize_fit(census->usable, page + done, pfn + done,
				      npages - done);
		if (!leaf)
			return; /* smaller than any leaf: not in the IOMMU so */
		n = count_alike(census, page + done, pfn + done, npages - done,
				leaf);
		/* What holds for the middle holds for most. */
		why = why_small(census, page, pfn, npages, done + n / 2, leaf);
		census->by_size[ilog2(leaf) + PAGE_SHIFT] += n;
		census->by_small[why] += n;
	}
}

/**
 * t1x_census_sizes() - The leaf sizes that were counted
 * @census: Census
 *
 * Return: Bitmap of sizes in bytes.
 */
unsigned long t1x_census_sizes(const struct t1x_census *census)
{
	unsigned long sizes = 0;
	unsigned int i;

	for (i = 0; i < BITS_PER_LONG; i++) {
		if (census->by_size[i])
			sizes |= BIT(i);
	}
	return sizes;
}

/**
 * t1x_census_why() - Why most of what is small is so
 * @census: Census
 *
 * Return: The reason, or T1X_SMALL_NOT if nothing could be in larger leaves.
 */
enum t1x_small t1x_census_why(const struct t1x_census *census)
{
	enum t1x_small why = T1X_SMALL_NOT, i;

	for (i = T1X_SMALL_NOT + 1; i < T1X_NR_SMALL; i++) {
		if (census->by_small[i] &&
		    (why == T1X_SMALL_NOT ||
		     census->by_small[i] > census->by_small[why]))
			why = i;
	}
	return why;
}

/**
 * t1x_small_name() - What a reason is called
 * @small: Reason
 *
 * Return: Its name.
 */
const char *t1x_small_name(enum t1x_small small)
{
	return small_names[small];
}
