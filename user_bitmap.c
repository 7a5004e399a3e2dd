// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bitmap in user memory. See include/user_bitmap.h.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "alloc.h"
#include "user_bitmap.h"

/* The page that holds a byte, counted from that of byte 0. */
static unsigned long page_of(const struct t1x_user_bitmap *bitmap,
			     size_t offset)
{
	return (offset_in_page(bitmap->addr) + offset) >> PAGE_SHIFT;
}

/**
 * t1x_user_bitmap_open() - Prepare to write a bitmap of the caller's
 * @bitmap: To initialise; t1x_user_bitmap_close() ends it
 * @addr: User address, which access_ok() has passed; any alignment
 * @size: Length in bytes, not 0
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int t1x_user_bitmap_open(struct t1x_user_bitmap *bitmap, unsigned long addr,
			 size_t size)
{
	bitmap->addr = addr;
	bitmap->nr_pages = 0;
	bitmap->nr_pages = page_of(bitmap, size - 1) + 1;
	bitmap->pages = kvcalloc(bitmap->nr_pages, sizeof(*bitmap->pages),
				 T1X_GFP_USER);
	return bitmap->pages ? 0 : -ENOMEM;
}

/**
 * t1x_user_bitmap_close() - Unpin everything
 * @bitmap: From t1x_user_bitmap_open()
 *
 * Context: No lock of the container held: may wait for the lock of a page.
 */
void t1x_user_bitmap_close(struct t1x_user_bitmap *bitmap)
{
	unsigned long i;

	for (i = 0; i < bitmap->nr_pages; i++) {
		if (bitmap->pages[i])
			unpin_user_pages_dirty_lock(&bitmap->pages[i], 1, true);
		cond_resched();
	}
	kvfree(bitmap->pages);
}

/**
 * t1x_user_bitmap_is_pinned() - Can a part be read and written?
 * @bitmap: Bitmap
 * @offset: First byte
 * @len: Length, not 0
 *
 * Context: Any.
 * Return: true if t1x_user_bitmap_pin() need not be called.
 */
bool t1x_user_bitmap_is_pinned(const struct t1x_user_bitmap *bitmap,
			       size_t offset, size_t len)
{
	unsigned long i;

	for (i = page_of(bitmap, offset);
	     i <= page_of(bitmap, offset + len - 1); i++) {
		if (!bitmap->pages[i])
			return false;
	}

	return true;
}

/* Pin up to @nr pages from @index on. Return: as pin_user_pages_fast(). */
static long gup(struct t1x_user_bitmap *bitmap, unsigned long index,
		unsigned long nr)
{
	unsigned long addr = (bitmap->addr & PAGE_MASK) + (index << PAGE_SHIFT);
	struct page **pages = &bitmap->pages[index];
	long n = pin_user_pages_fast(addr, nr, FOLL_WRITE, pages);
	unsigned long pinned = max(n, 0L);

	/* GUP may leave behind pages that it has had to give back. */
	memset(pages + pinned, 0, (nr - pinned) * sizeof(*pages));
	return n;
}

/**
 * t1x_user_bitmap_pin() - Make a part readable and writable
 * @bitmap: Bitmap
 * @offset: First byte
 * @len: Length, not 0
 *
 * Context: No lock of the container held: page faults may wait for a user, and end
 * on a fatal signal. May sleep.
 * Return: 0; -EFAULT if the user could not write there; -EINTR on a fatal signal;
 * or what else GUP says.
 */
int t1x_user_bitmap_pin(struct t1x_user_bitmap *bitmap, size_t offset,
			size_t len)
{
	unsigned long last = page_of(bitmap, offset + len - 1);
	unsigned long i = page_of(bitmap, offset);

	while (i <= last) {
		unsigned long end = i;
		long n;

		if (bitmap->pages[i]) {
			i++;
			continue;
		}
		while (end <= last && !bitmap->pages[end])
			end++;

		n = gup(bitmap, i, min(end - i, 1024UL));
		if (fatal_signal_pending(current))
			return -EINTR;
		if (n <= 0)
			return n ?: -EFAULT;
		i += n;
		cond_resched();
	}

	return 0;
}

/* Copy to or from pages that are pinned. */
static void copy_part(const struct t1x_user_bitmap *bitmap, size_t offset,
		      void *buf, size_t len, bool write)
{
	while (len) {
		struct page *page = bitmap->pages[page_of(bitmap, offset)];
		size_t at = offset_in_page(bitmap->addr + offset);
		size_t n = min(len, PAGE_SIZE - at);

		if (write)
			memcpy_to_page(page, at, buf, n);
		else
			memcpy_from_page(buf, page, at, n);
		offset += n;
		buf += n;
		len -= n;
	}
}

/**
 * t1x_user_bitmap_read() - Read a part that is pinned
 * @bitmap: Bitmap
 * @offset: First byte
 * @buf: Where to
 * @len: Length
 *
 * Context: Any that does not forbid kmap_local_page().
 */
void t1x_user_bitmap_read(const struct t1x_user_bitmap *bitmap, size_t offset,
			  void *buf, size_t len)
{
	copy_part(bitmap, offset, buf, len, false);
}

/**
 * t1x_user_bitmap_write() - Write a part that is pinned
 * @bitmap: Bitmap
 * @offset: First byte
 * @buf: What
 * @len: Length
 *
 * Context: Any that does not forbid kmap_local_page().
 */
void t1x_user_bitmap_write(const struct t1x_user_bitmap *bitmap, size_t offset,
			   const void *buf, size_t len)
{
	copy_part(bitmap, offset, (void *)buf, len, true);
}

/**
 * t1x_user_bitmap_fill() - Write one byte all over a part that is pinned
 * @bitmap: Bitmap
 * @offset: First byte
 * @byte: What
 * @len: Length
 *
 * Context: Any that does not forbid kmap_local_page().
 */
void t1x_user_bitmap_fill(const struct t1x_user_bitmap *bitmap, size_t offset,
			  u8 byte, size_t len)
{
	while (len) {
		struct page *page = bitmap->pages[page_of(bitmap, offset)];
		size_t at = offset_in_page(bitmap->addr + offset);
		size_t n = min(len, PAGE_SIZE - at);

		memset_page(page, at, byte, n);
		offset += n;
		len -= n;
	}
}
