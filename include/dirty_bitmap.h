/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The dirty pages of one mapping, a bit for each page of PAGE_SIZE.
 *
 * Bit 0 of a bitmap is the page of the IOVA space at or below the first page of
 * the mapping whose number is a multiple of 64. So all bitmaps have their words at
 * the same places, and a report over several mappings that begins at such a place
 * merges them word by word. Bits outside the mapping are always 0.
 *
 * Units are page numbers of the IOVA space. Nothing here knows user memory, or
 * takes a lock: the caller keeps changes of one bitmap apart.
 */
#ifndef T1X_DIRTY_BITMAP_H
#define T1X_DIRTY_BITMAP_H

#include <linux/limits.h>
#include <linux/types.h>

/* The longest mapping that can be tracked, and the bitmap of it in bytes. */
#define T1X_DIRTY_MAX_PAGES ((u64)INT_MAX)
#define T1X_DIRTY_MAX_SIZE ((T1X_DIRTY_MAX_PAGES + 1) / BITS_PER_BYTE)

/* A bitmap, and the pages that it is for: the mapping keeps the bits alone. */
struct t1x_dirty {
	unsigned long *bits; /* NULL: not tracked */
	unsigned long first;
	unsigned long npages;
};

int t1x_dirty_alloc(struct t1x_dirty *dirty, unsigned long first,
		    unsigned long npages);
void t1x_dirty_free(struct t1x_dirty *dirty);

void t1x_dirty_set(const struct t1x_dirty *dirty, unsigned long page,
		   unsigned long npages);
void t1x_dirty_set_all(const struct t1x_dirty *dirty);
void t1x_dirty_clear_all(const struct t1x_dirty *dirty);
void t1x_dirty_clear(const struct t1x_dirty *dirty, unsigned long page,
		     unsigned long npages);
void t1x_dirty_split(struct t1x_dirty *dirty, const struct t1x_dirty *part);

void t1x_dirty_words(const struct t1x_dirty *dirty, unsigned long page,
		     u64 *words, size_t nr);
const unsigned long *t1x_dirty_aligned_words(const struct t1x_dirty *dirty,
					     unsigned long page);
void t1x_dirty_words_full(const struct t1x_dirty *dirty, unsigned long page,
			  u64 *words, size_t nr);
bool t1x_dirty_any(const struct t1x_dirty *dirty, unsigned long page,
		   unsigned long npages);

#endif /* T1X_DIRTY_BITMAP_H */
