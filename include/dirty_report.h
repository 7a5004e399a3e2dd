/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One report of dirty pages into the bitmap of a user. A bit is a unit: a page of
 * the smallest size that the IOMMU has, of one or more pages of PAGE_SIZE.
 *
 * The bitmap of GET_BITMAP and UNMAP_DMA begins at any unit, and only what mappings
 * fill of it is written. A window begins at a multiple of 64 units, where the words
 * of the mappings' own bitmaps begin, and is written whole.
 *
 * The user's pages are faulted in and pinned first, with no lock held. A report is
 * private to its thread.
 */
#ifndef T1X_DIRTY_REPORT_H
#define T1X_DIRTY_REPORT_H

#include <linux/types.h>

#include "user_bitmap.h"

struct t1x_dma;
struct t1x_uapi_bitmap;

struct t1x_dirty_report {
	struct t1x_user_bitmap bitmap;
	unsigned long base; /* the unit that bit 0 stands for */
	unsigned int shift; /* log2 of the bytes in a unit */
	size_t window; /* its length in bytes, or 0 */
};

/* No lock held. */
int t1x_dirty_report_open(struct t1x_dirty_report *report, unsigned long iova,
			  const struct t1x_uapi_bitmap *args);
int t1x_dirty_report_open_window(struct t1x_dirty_report *report,
				 unsigned long iova, unsigned long last,
				 const struct t1x_uapi_bitmap *args);
void t1x_dirty_report_close(struct t1x_dirty_report *report);
int t1x_dirty_report_pin(struct t1x_dirty_report *report, unsigned long iova,
			 unsigned long last);
int t1x_dirty_report_pin_window(struct t1x_dirty_report *report);

/* The mutex of the tree held. */
bool t1x_dirty_report_is_pinned(const struct t1x_dirty_report *report,
				unsigned long iova, unsigned long last);
void t1x_dirty_report_clear_window(const struct t1x_dirty_report *report);
void t1x_dirty_report_write(const struct t1x_dirty_report *report,
			    const struct t1x_dma *dma, unsigned long iova,
			    unsigned long last, bool all);

#endif /* T1X_DIRTY_REPORT_H */
