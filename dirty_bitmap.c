// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty pages of one mapping. See include/dirty_bitmap.h.
 */
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "alloc.h"
#include "dirty_bitmap.h"

/* A report hands out words of 64 bits, and a bitmap is made of them. */
static_assert(BITS_PER_LONG == 64);

/* Bytes that are written between two chances to be scheduled away. */
#define CHUNK ((size_t)1 << 20)

/* The page that bit 0 stands for. */
static unsigned long base_of(const struct t1x_dirty *dirty)
{
	return round_down(dirty->first, BITS_PER_LONG);
}

static unsigned long nr_words(const struct t1x_dirty *dirty)
{
	return BITS_TO_LONGS(dirty->first - base_of(dirty) + dirty->npages);
}

static void *alloc_zeroed(size_t size)
{
	const gfp_t gfp = T1X_GFP_USER | __GFP_ZERO;

	/* Not kvzalloc(), which would try hard for contiguous memory then. */
	return size <= PAGE_SIZE ? kmalloc(size, gfp) : __vmalloc(size, gfp);
}

/**
 * t1x_dirty_alloc() - Begin to track a mapping, clean
 * @dirty: Bitmap to initialise
 * @first: Number of its first page
 * @npages: Its length in pages
 *
 * The memory is charged to the memory cgroup of the caller.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL if the mapping has more than T1X_DIRTY_MAX_PAGES pages;
 * -ENOMEM. On failure @dirty is not tracked.
 */
int t1x_dirty_alloc(struct t1x_dirty *dirty, unsigned long first,
		    unsigned long npages)
{
	dirty->bits = NULL;
	dirty->first = first;
	dirty->npages = npages;

	if (npages > T1X_DIRTY_MAX_PAGES)
		return -EINVAL;

	dirty->bits = alloc_zeroed(nr_words(dirty) * sizeof(*dirty->bits));
	return dirty->bits ? 0 : -ENOMEM;
}

/**
 * t1x_dirty_free() - Track a mapping no longer
 * @dirty: Bitmap; nothing is done if it is not tracked
 *
 * Context: May sleep.
 */
void t1x_dirty_free(struct t1x_dirty *dirty)
{
	if (!dirty->bits)
		return;

	kvfree(dirty->bits);
	dirty->bits = NULL;
}

/**
 * t1x_dirty_set() - Mark pages as dirty
 * @dirty: Bitmap; nothing is done if it is not tracked
 * @page: First page, inside the mapping
 * @npages: Number of pages, all inside the mapping
 *
 * Context: Does not sleep.
 */
void t1x_dirty_set(const struct t1x_dirty *dirty, unsigned long page,
		   unsigned long npages)
{
	if (dirty->bits)
		bitmap_set(dirty->bits, page - base_of(dirty), npages);
}

/**
 * t1x_dirty_set_all() - Mark all pages as dirty
 * @dirty: Bitmap; nothing is done if it is not tracked
 *
 * Context: May sleep.
 */
void t1x_dirty_set_all(const struct t1x_dirty *dirty)
{
	unsigned long done = 0;

	while (dirty->bits && done < dirty->npages) {
		unsigned long n =
			min(dirty->npages - done, CHUNK * BITS_PER_BYTE);

		t1x_dirty_set(dirty, dirty->first + done, n);
		done += n;
		cond_resched();
	}
}

/**
 * t1x_dirty_clear_all() - Mark all pages as clean
 * @dirty: Bitmap; nothing is done if it is not tracked
 *
 * Context: May sleep.
 */
void t1x_dirty_clear_all(const struct t1x_dirty *dirty)
{
	char *next = (char *)dirty->bits;
	size_t left;

	if (!dirty->bits)
		return;

	for (left = nr_words(dirty) * sizeof(*dirty->bits); left;) {
		size_t n = min(left, CHUNK);

		memset(next, 0, n);
		next += n;
		left -= n;
		cond_resched();
	}
}

/**
 * t1x_dirty_clear() - Mark pages as clean
 * @dirty: Bitmap; nothing is done if it is not tracked
 * @page: First page
 * @npages: Number of pages; they need not lie in the mapping
 *
 * Context: May sleep.
 */
void t1x_dirty_clear(const struct t1x_dirty *dirty, unsigned long page,
		     unsigned long npages)
{
	unsigned long end = min(page + npages, dirty->first + dirty->npages);

	if (!dirty->bits)
		return;

	if (page <= dirty->first && end == dirty->first + dirty->npages) {
		t1x_dirty_clear_all(dirty);
		return;
	}

	for (page = max(page, dirty->first); page < end;) {
		unsigned long n = min(end - page, CHUNK * BITS_PER_BYTE);

		bitmap_clear(dirty->bits, page - base_of(dirty), n);
		page += n;
		cond_resched();
	}
}

/**
 * t1x_dirty_split() - Give the bits of the upper end of a mapping to another
 * @dirty: Bitmap of the mapping; nothing is done if it is not tracked
 * @part: Bitmap of the upper end, clean, from t1x_dirty_alloc()
 *
 * Context: May sleep.
 */
void t1x_dirty_split(struct t1x_dirty *dirty, const struct t1x_dirty *part)
{
	unsigned long *from, below = BIT(part->first % BITS_PER_LONG) - 1;
	size_t done = 0, n, len = nr_words(part) * sizeof(*part->bits);

	if (!dirty->bits)
		return;

	from = dirty->bits + (base_of(part) - base_of(dirty)) / BITS_PER_LONG;
	for (; done < len; done += n) {
		n = min(len - done, CHUNK);
		memcpy((char *)part->bits + done, (char *)from + done, n);
		cond_resched();
	}

	/* The word in which the one ends and the other begins. */
	part->bits[0] &= ~below;
	if (below)
		from[0] &= below;
	dirty->npages -= part->npages;
}

/* One word of 64 pages, of which some may be outside the bitmap. */
static u64 word_at(const struct t1x_dirty *dirty, long index,
		   unsigned int shift)
{
	long nr = nr_words(dirty);
	u64 word = 0;

	if (index >= 0 && index < nr)
		word = dirty->bits[index] >> shift;
	if (shift && index + 1 >= 0 && index + 1 < nr)
		word |= dirty->bits[index + 1] << (BITS_PER_LONG - shift);
	return word;
}

/**
 * t1x_dirty_words() - The dirty pages of some words
 * @dirty: Bitmap of a mapping that is tracked
 * @page: First of the pages; they need not lie in the mapping
 * @words: Result: a bit for each page, the first one lowest; 0 for those that are not
 *	   in the mapping
 * @nr: Number of words, of 64 pages each
 *
 * Context: Does not sleep.
 */
void t1x_dirty_words(const struct t1x_dirty *dirty, unsigned long page,
		     u64 *words, size_t nr)
{
	/* Page numbers have 52 bits: the distance has a sign. */
	long index = (long)(page - base_of(dirty)) >> ilog2(BITS_PER_LONG);
	unsigned int shift = page % BITS_PER_LONG;
	size_t i;

	for (i = 0; i < nr; i++)
		words[i] = word_at(dirty, index + i, shift);
}

/**
 * t1x_dirty_aligned_words() - The words themselves, where they need no shift
 * @dirty: Bitmap of a mapping that is tracked
 * @page: First page, in the mapping
 *
 * Context: Does not sleep.
 * Return: Where its word is, and behind it those of the pages that follow; NULL if the
 * page is not the first one of a word.
 */
const unsigned long *t1x_dirty_aligned_words(const struct t1x_dirty *dirty,
					     unsigned long page)
{
	if (page % BITS_PER_LONG)
		return NULL;

	return dirty->bits + (page - base_of(dirty)) / BITS_PER_LONG;
}

/**
 * t1x_dirty_words_full() - Which pages of some words belong to a mapping
 * @dirty: Bitmap; need not be tracked
 * @page: First of the pages
 * @words: Result
 * @nr: Number of words, of 64 pages each
 *
 * What t1x_dirty_words() would say if all pages of the mapping were dirty.
 *
 * Context: Does not sleep.
 */
void t1x_dirty_words_full(const struct t1x_dirty *dirty, unsigned long page,
			  u64 *words, size_t nr)
{
	unsigned long end = dirty->first + dirty->npages;
	size_t i;

	for (i = 0; i < nr; i++, page += BITS_PER_LONG) {
		unsigned long from = max(page, dirty->first);
		unsigned long to = min(page + BITS_PER_LONG, end);

		words[i] = from < to ? GENMASK_ULL(to - 1 - page, from - page) :
				       0;
	}
}

/**
 * t1x_dirty_any() - Is any of some pages dirty?
 * @dirty: Bitmap of a mapping that is tracked
 * @page: First page
 * @npages: Number of pages; they need not lie in the mapping
 *
 * Context: Does not sleep.
 * Return: true if one of them is in the mapping and dirty.
 */
bool t1x_dirty_any(const struct t1x_dirty *dirty, unsigned long page,
		   unsigned long npages)
{
	unsigned long from = max(page, dirty->first);
	unsigned long end = min(page + npages, dirty->first + dirty->npages);

	/* The range may lie below the bitmap. */
	if (from >= end)
		return false;

	from -= base_of(dirty);
	end -= base_of(dirty);
	return find_next_bit(dirty->bits, end, from) < end;
}
