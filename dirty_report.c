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

/* Words that are written between two chances to be scheduled away: a page. */
#define PLAIN_WORDS (PAGE_SIZE / sizeof(u64))

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
	size_t offset, n;

	for (offset = 0; offset < report->window; offset += n) {
		n = min(report->window - offset, PAGE_SIZE);
		t1x_user_bitmap_fill(&report->bitmap, offset, 0, n);
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

/*
 * Write the words that need not be made up: each is of 64 pages of the part, and all
 * ones, or as it is in the mapping's bitmap.
 * Return: how many there were, 0 if the next one is none.
 */
static size_t write_plain(const struct t1x_dirty_report *report,
			  const struct t1x_dirty *dirty, unsigned long unit,
			  unsigned long end, bool all, size_t offset)
{
	size_t nr = min((end - unit) / 64, PLAIN_WORDS);
	const unsigned long *words;

	if (report->shift != PAGE_SHIFT || !nr)
		return 0;

	if (all) {
		t1x_user_bitmap_fill(&report->bitmap, offset, 0xff,
				     nr * sizeof(u64));
		return nr;
	}

	words = t1x_dirty_aligned_words(dirty, unit);
	if (!words)
		return 0;

	t1x_user_bitmap_write(&report->bitmap, offset, words,
			      nr * sizeof(*words));
	return nr;
}

/*
 * Make up words and write them; of the first one, the bits @below that many stay, and of
 * the last one those from @end on become 0. Return: how many there were.
 */
static size_t write_made(const struct t1x_dirty_report *report,
			 const struct t1x_dirty *dirty, unsigned long unit,
			 unsigned long end, bool all, size_t offset,
			 unsigned int below)
{
	size_t nr = min(DIV_ROUND_UP(end - unit, 64), REPORT_WORDS);
	u64 words[REPORT_WORDS], keep;

	make_words(report, dirty, unit, all, words, nr);
	if (below) {
		t1x_user_bitmap_read(&report->bitmap, offset, &keep,
				     sizeof(keep));
		words[0] &= ~GENMASK_ULL(below - 1, 0);
		words[0] |= keep & GENMASK_ULL(below - 1, 0);
	}
	/* Units of the mapping above the part. */
	unit += nr * 64;
	if (unit > end)
		words[nr - 1] &= GENMASK_ULL(63 - (unit - end), 0);

	t1x_user_bitmap_write(&report->bitmap, offset, words, nr * sizeof(u64));
	return nr;
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
	size_t offset = offset_of(report, iova), nr;
	struct t1x_dirty dirty = t1x_dma_dirty(dma);

	for (; unit < end; unit += nr * 64, offset += nr * sizeof(u64)) {
		nr = below ? 0 :
			     write_plain(report, &dirty, unit, end, all,
					 offset);
		if (!nr)
			nr = write_made(report, &dirty, unit, end, all, offset,
					below);
		below = 0;
		cond_resched();
	}
}
