// SPDX-License-Identifier: GPL-2.0-only
/*
 * One report of dirty pages. See include/dirty_report.h.
 */
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "dirty_bitmap.h"
#include "dirty_report.h"
#include "dma_tracker.h"
#include "uapi.h"

/* Words of a report that are made up before they are copied. */
#define REPORT_WORDS 32

/* Where the words of a range are in a report, in bytes. */
static size_t offset_of(const struct t1x_dirty_report *report,
			unsigned long iova)
{
	return ((iova >> report->shift) - report->base) / 64 * sizeof(u64);
}

static size_t len_of(const struct t1x_dirty_report *report, unsigned long iova,
		     unsigned long last)
{
	return offset_of(report, last) + sizeof(u64) - offset_of(report, iova);
}

/**
 * t1x_dirty_report_open() - Prepare a report that begins at any unit
 * @report: To initialise; t1x_dirty_report_close() ends it
 * @iova: Where bit 0 is
 * @args: The user's bitmap
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int t1x_dirty_report_open(struct t1x_dirty_report *report, unsigned long iova,
			  const struct t1x_uapi_bitmap *args)
{
	report->shift = __ffs64(args->pgsize);
	report->base = iova >> report->shift;
	report->window = 0;
	return t1x_user_bitmap_open(&report->bitmap, args->addr, args->size);
}

/**
 * t1x_dirty_report_open_window() - Prepare a report whose words are all written
 * @report: To initialise; t1x_dirty_report_close() ends it
 * @iova: First byte
 * @last: Last byte, inclusive
 * @args: The user's bitmap, large enough for the window
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int t1x_dirty_report_open_window(struct t1x_dirty_report *report,
				 unsigned long iova, unsigned long last,
				 const struct t1x_uapi_bitmap *args)
{
	report->shift = __ffs64(args->pgsize);
	report->base = round_down(iova >> report->shift, 64);
	report->window = len_of(report, iova, last);
	return t1x_user_bitmap_open(&report->bitmap, args->addr,
				    report->window);
}

/**
 * t1x_dirty_report_close() - Let go of the user's bitmap
 * @report: Report
 *
 * Context: No lock of the container held: may wait for the lock of a page.
 */
void t1x_dirty_report_close(struct t1x_dirty_report *report)
{
	t1x_user_bitmap_close(&report->bitmap);
}

/**
 * t1x_dirty_report_pin() - Pin the part of a user's bitmap that a range fills
 * @report: Report
 * @iova: First byte of the range
 * @last: Last byte of the range, inclusive
 *
 * Context: No lock held. As t1x_user_bitmap_pin().
 * Return: As t1x_user_bitmap_pin().
 */
int t1x_dirty_report_pin(struct t1x_dirty_report *report, unsigned long iova,
			 unsigned long last)
{
	return t1x_user_bitmap_pin(&report->bitmap, offset_of(report, iova),
				   len_of(report, iova, last));
}

/**
 * t1x_dirty_report_pin_window() - Pin all of a window
 * @report: Report from t1x_dirty_report_open_window()
 *
 * Context: No lock held. As t1x_user_bitmap_pin().
 * Return: As t1x_user_bitmap_pin().
 */
int t1x_dirty_report_pin_window(struct t1x_dirty_report *report)
{
	return t1x_user_bitmap_pin(&report->bitmap, 0, report->window);
}

/**
 * t1x_dirty_report_is_pinned() - Can a range be written?
 * @report: Report
 * @iova: First byte of the range
 * @last: Last byte of the range, inclusive
 *
 * Context: Any.
 * Return: true if t1x_dirty_report_pin() need not be called.
 */
bool t1x_dirty_report_is_pinned(const struct t1x_dirty_report *report,
				unsigned long iova, unsigned long last)
{
	return t1x_user_bitmap_is_pinned(&report->bitmap,
					 offset_of(report, iova),
					 len_of(report, iova, last));
}

/**
 * t1x_dirty_report_clear_window() - Write all words of a window as 0
 * @report: Report, pinned whole
 *
 * Context: May sleep.
 */
void t1x_dirty_report_clear_window(const struct t1x_dirty_report *report)
{
	static const u64 zeros[REPORT_WORDS];
	size_t offset, n;

	for (offset = 0; offset < report->window; offset += n) {
		n = min(report->window - offset, sizeof(zeros));
		t1x_user_bitmap_write(&report->bitmap, offset, zeros, n);
		cond_resched();
	}
}

/* A word whose bits are units of several pages. */
static u64 wide_word(const struct t1x_dirty *dirty, unsigned long unit,
		     unsigned int order, bool all)
{
	u64 word = 0;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		unsigned long page = (unit + i) << order;

		if (page < dirty->first || page - dirty->first >= dirty->npages)
			continue;
		if (all || t1x_dirty_any(dirty, page, BIT(order)))
			word |= BIT_ULL(i);
	}

	return word;
}

static void make_words(const struct t1x_dirty_report *report,
		       const struct t1x_dirty *dirty, unsigned long unit,
		       bool all, u64 *words, size_t nr)
{
	size_t i;

	if (report->shift == PAGE_SHIFT && all)
		t1x_dirty_words_full(dirty, unit, words, nr);
	else if (report->shift == PAGE_SHIFT)
		t1x_dirty_words(dirty, unit, words, nr);
	else
		for (i = 0; i < nr; i++)
			words[i] = wide_word(dirty, unit + i * 64,
					     report->shift - PAGE_SHIFT, all);
}

/**
 * t1x_dirty_report_write() - Write the words of a mapping, or of a part of it
 * @report: Report, pinned where they are
 * @dma: Mapping that is tracked
 * @iova: First byte of the part
 * @last: Last byte of the part, inclusive
 * @all: Every page is dirty
 *
 * What lies below the part in its first word is another mapping's, or the user's,
 * and stays; what lies above it in its last word becomes 0.
 *
 * Context: The mutex of the mapping's tree held. May sleep.
 */
void t1x_dirty_report_write(const struct t1x_dirty_report *report,
			    const struct t1x_dma *dma, unsigned long iova,
			    unsigned long last, bool all)
{
	unsigned int below = ((iova >> report->shift) - report->base) % 64;
	unsigned long unit = (iova >> report->shift) - below;
	unsigned long end = (last >> report->shift) + 1;
	size_t left = len_of(report, iova, last) / sizeof(u64);
	size_t offset = offset_of(report, iova);
	struct t1x_dirty dirty = t1x_dma_dirty(dma);
	u64 words[REPORT_WORDS], keep;

	while (left) {
		size_t n = min_t(size_t, left, REPORT_WORDS);

		make_words(report, &dirty, unit, all, words, n);
		unit += n * 64;

		if (below) {
			t1x_user_bitmap_read(&report->bitmap, offset, &keep,
					     sizeof(keep));
			words[0] &= ~GENMASK_ULL(below - 1, 0);
			words[0] |= keep & GENMASK_ULL(below - 1, 0);
			below = 0;
		}
		/* Units of the mapping above the part. */
		if (unit > end)
			words[n - 1] &= GENMASK_ULL(63 - (unit - end), 0);

		t1x_user_bitmap_write(&report->bitmap, offset, words,
				      n * sizeof(u64));
		offset += n * sizeof(u64);
		left -= n;
		cond_resched();
	}
}
