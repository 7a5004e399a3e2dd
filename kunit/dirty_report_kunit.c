// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports of dirty pages, whole windows and parts of words, against an array of pages;
 * where units are wider than pages, too. The user's bitmap crosses a page.
 */
#include "../dirty_report.c"

#include <linux/gfp.h>

#include "fake_alloc.h"

/* Two words of the bitmap are in its first page, the others in the second. */
#define USER_ADDR (0x20000000UL + PAGE_SIZE - 16)
#define USER_BYTES 256
#define CANARY 0xa5

#define NR 320 /* pages that the model sees, */
#define BASE (BIT(40) - 256) /* from here on */

static const struct extent {
	unsigned int first;
	unsigned int npages;
} ranges[] = { { 8, 56 }, { 64, 4 }, { 68, 92 }, { 192, 64 } };

struct model {
	struct kunit *test;
	struct page *pages[2];
	struct t1x_dma dmas[ARRAY_SIZE(ranges)];
	bool set[NR];
	bool mapped[NR];
};

static unsigned long iova_of(unsigned long page)
{
	return (BASE + page) << PAGE_SHIFT;
}

static struct model *new_model(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i, page;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	m->test = test;
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct t1x_dma *dma = &m->dmas[i];
		unsigned int end = ranges[i].first + ranges[i].npages;
		struct t1x_dirty dirty;

		dma->iova = iova_of(ranges[i].first);
		dma->last = iova_of(end) - 1;
		KUNIT_ASSERT_EQ(test, 0,
				t1x_dirty_alloc(&dirty, BASE + ranges[i].first,
						ranges[i].npages));
		dma->dirty_bits = dirty.bits;
		for (page = ranges[i].first; page < end; page++) {
			m->mapped[page] = true;
			m->set[page] = page * page % 7 < 2;
			if (m->set[page])
				t1x_dma_set_dirty(dma, BASE + page, 1);
		}
	}
	for (i = 0; i < 2; i++) {
		m->pages[i] = fake_alloc_take(alloc_page(GFP_KERNEL));
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m->pages[i]);
	}
	return m;
}

static void end_model(struct model *m)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		t1x_dma_untrack(&m->dmas[i]);
	for (i = 0; i < 2; i++) {
		fake_alloc_drop(m->pages[i]);
		__free_page(m->pages[i]);
	}
}

static u8 *user_byte(struct model *m, size_t offset)
{
	offset += offset_in_page(USER_ADDR);
	return (u8 *)page_address(m->pages[offset >> PAGE_SHIFT]) +
	       offset_in_page(offset);
}

/* The pages of a report that was opened are there without GUP. */
static void lend_pages(struct model *m, struct t1x_dirty_report *report)
{
	unsigned int i;

	for (i = 0; i < USER_BYTES; i++)
		*user_byte(m, i) = CANARY;
	for (i = 0; i < report->bitmap.nr_pages; i++)
		report->bitmap.pages[i] = m->pages[i];
}

static void take_pages_back(struct t1x_dirty_report *report)
{
	memset(report->bitmap.pages, 0,
	       report->bitmap.nr_pages * sizeof(*report->bitmap.pages));
	t1x_dirty_report_close(report);
}

static bool is_reported(struct model *m, unsigned long bit)
{
	return *user_byte(m, bit / 8) >> bit % 8 & 1;
}

/* Is a unit of pages to be reported, for the part [first, end) of the space? */
static bool want(struct model *m, unsigned long unit, unsigned int order,
		 unsigned long first, unsigned long end, bool all)
{
	unsigned long page, from = unit << order;

	for (page = from; page < from + BIT(order); page++) {
		if (page >= first && page < end &&
		    (all ? m->mapped[page] : m->set[page]))
			return true;
	}
	return false;
}

/* Write what mappings have of [first, end), as DIRTY_RANGE and UNMAP_RANGE do. */
static void write_window(struct model *m, struct t1x_dirty_report *report,
			 unsigned long first, unsigned long end, bool all)
{
	unsigned int i;

	t1x_dirty_report_clear_window(report);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		unsigned long iova = max(m->dmas[i].iova, iova_of(first));
		unsigned long last = min(m->dmas[i].last, iova_of(end) - 1);

		if (iova <= last)
			t1x_dirty_report_write(report, &m->dmas[i], iova, last,
					       all);
	}
}

static void check_window(struct model *m, unsigned long first,
			 unsigned long end, unsigned int order, bool all)
{
	const struct t1x_uapi_bitmap args = {
		.pgsize = PAGE_SIZE << order,
		.size = USER_BYTES,
		.addr = USER_ADDR,
	};
	unsigned long base = round_down(first >> order, 64), unit, above;
	struct t1x_dirty_report report;

	KUNIT_ASSERT_EQ(m->test, 0,
			t1x_dirty_report_open_window(&report, iova_of(first),
						     iova_of(end) - 1, &args));
	lend_pages(m, &report);
	write_window(m, &report, first, end, all);
	take_pages_back(&report);

	above = round_up(end >> order, 64);
	for (unit = base; unit < above; unit++) {
		if (is_reported(m, unit - base) ==
		    want(m, unit, order, first, end, all))
			continue;
		KUNIT_FAIL(m->test, "%lu-%lu, order %u, all %d: unit %lu",
			   first, end, order, all, unit);
		return;
	}
	KUNIT_EXPECT_EQ(m->test, (above - base) / 8, report.window);
	KUNIT_EXPECT_EQ(m->test, CANARY,
			(int)*user_byte(m, (above - base) / 8));
}

/* From every page to every other one: it may cut mappings and words anywhere. */
static void every_window(struct kunit *test)
{
	struct model *m = new_model(test);
	unsigned int first, end;

	for (first = 0; first < 256; first += first % 64 < 12 ? 1 : 13) {
		for (end = first + 1; end <= 256; end += end % 4 ? 5 : 3)
			check_window(m, first, end, 0, (first + end) % 3 == 0);
		cond_resched();
	}
	end_model(m);
}

/* An IOMMU with pages of 8 or 16 KiB: a unit is dirty if one of its pages is. */
static void every_window_of_wide_units(struct kunit *test)
{
	struct model *m = new_model(test);
	unsigned int first, end, order;

	for (order = 1; order <= 2; order++) {
		for (first = 0; first < 256; first += 4) {
			for (end = first + 4; end <= 256; end += 12)
				check_window(m, first, end, order,
					     (first + end) % 3 == 0);
		}
		cond_resched();
	}
	end_model(m);
}

/* GET_BITMAP begins at any page; mappings that share a word keep each other's bits. */
static void bitmaps_that_begin_anywhere(struct kunit *test)
{
	const struct t1x_uapi_bitmap args = {
		.pgsize = PAGE_SIZE,
		.size = USER_BYTES,
		.addr = USER_ADDR,
	};
	struct model *m = new_model(test);
	struct t1x_dirty_report report;
	unsigned int first, i;
	unsigned long page;

	for (first = 0; first <= 8; first++) {
		KUNIT_ASSERT_EQ(test, 0,
				t1x_dirty_report_open(&report, iova_of(first),
						      &args));
		lend_pages(m, &report);
		for (i = 0; i < ARRAY_SIZE(ranges); i++)
			t1x_dirty_report_write(&report, &m->dmas[i],
					       m->dmas[i].iova, m->dmas[i].last,
					       false);
		take_pages_back(&report);
		for (page = 8; page < 160; page++) {
			if (is_reported(m, page - first) != m->set[page])
				KUNIT_FAIL(test, "page %lu from %u", page,
					   first);
		}
		/* Below the first mapping the user's bits stay. */
		for (page = first; page < 8; page++)
			KUNIT_EXPECT_EQ(test, !!(CANARY & BIT(page - first)),
					is_reported(m, page - first));
	}
	end_model(m);
}

static struct kunit_case dirty_report_cases[] = {
	KUNIT_CASE(every_window),
	KUNIT_CASE(every_window_of_wide_units),
	KUNIT_CASE(bitmaps_that_begin_anywhere),
	{}
};

static struct kunit_suite dirty_report_suite = {
	.name = "t1x_dirty_report",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = dirty_report_cases,
};

kunit_test_suite(dirty_report_suite);
