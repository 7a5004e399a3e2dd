/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bitmap in user memory that is written without a fault: its pages are faulted
 * in and pinned first, with no lock held, so that what is written afterwards is
 * written whole, under any lock.
 *
 * Units are bytes from the start of the bitmap.
 */
#ifndef T1X_USER_BITMAP_H
#define T1X_USER_BITMAP_H

#include <linux/types.h>

struct page;

/* Private to the thread that opened it. */
struct t1x_user_bitmap {
	unsigned long addr; /* where byte 0 is */
	struct page **pages; /* those that are pinned, from that of byte 0 on */
	unsigned long nr_pages;
};

int t1x_user_bitmap_open(struct t1x_user_bitmap *bitmap, unsigned long addr,
			 size_t size);
void t1x_user_bitmap_close(struct t1x_user_bitmap *bitmap);

bool t1x_user_bitmap_is_pinned(const struct t1x_user_bitmap *bitmap,
			       size_t offset, size_t len);
int t1x_user_bitmap_pin(struct t1x_user_bitmap *bitmap, size_t offset,
			size_t len);
void t1x_user_bitmap_read(const struct t1x_user_bitmap *bitmap, size_t offset,
			  void *buf, size_t len);
void t1x_user_bitmap_write(const struct t1x_user_bitmap *bitmap, size_t offset,
			   const void *buf, size_t len);
void t1x_user_bitmap_fill(const struct t1x_user_bitmap *bitmap, size_t offset,
			  u8 byte, size_t len);

#endif /* T1X_USER_BITMAP_H */
