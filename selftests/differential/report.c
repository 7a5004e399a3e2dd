// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "report.h"

#define WORD_PAGES 64UL
#define WORD_BYTES 8UL

void t1x_report_fill(struct model *m, const struct op *op)
{
	memset(m->buf, op->arg[BITMAP_FILL], sizeof(m->buf));
}

static bool is_writable(u64 addr, u64 len)
{
	u64 page;

	/* Nowhere is there more in one piece */
	if (len > REPORT_BUF)
		return false;
	for (page = addr & -T1X_PAGE; page < addr + len; page += T1X_PAGE)
		if (!t1x_model_can_access(page, true))
			return false;
	return true;
}

static void put_bit(struct model *m, const struct op *op, u64 bit, bool value)
{
	u64 at = op->arg[BITMAP_DATA] - t1x_region[R_BUF].base + bit / 8;

	t1x_require(at < REPORT_BUF, "a bitmap outside of buf");
	m->buf[at] &= ~(1 << bit % 8);
	m->buf[at] |= value << bit % 8;
}

static u64 page_of(u64 iova)
{
	return iova / T1X_PAGE;
}

bool t1x_report_fits(const struct op *op, u64 iova,
		     const struct model_span *part)
{
	u64 first = (page_of(part->first) - page_of(iova)) / WORD_PAGES;
	u64 last = (page_of(part->last) - page_of(iova)) / WORD_PAGES;

	return is_writable(op->arg[BITMAP_DATA] + first * WORD_BYTES,
			   (last - first + 1) * WORD_BYTES);
}

void t1x_report_part(struct model *m, const struct op *op, u64 iova,
		     const struct model_span *part)
{
	u64 first = page_of(part->first) - page_of(iova);
	u64 last = page_of(part->last) - page_of(iova);
	u64 bit;

	for (bit = first; bit <= (last | (WORD_PAGES - 1)); bit++)
		put_bit(m, op, bit,
			bit <= last &&
				t1x_model_is_dirty(m, iova + bit * T1X_PAGE));
}

u64 t1x_report_window(const struct op *op)
{
	u64 first = page_of(op->arg[UNMAP_IOVA]) / WORD_PAGES;
	u64 last = page_of(op->arg[RANGE_LAST]) / WORD_PAGES;

	return (last - first + 1) * WORD_BYTES;
}

bool t1x_report_range(struct model *m, const struct op *op)
{
	u64 first = page_of(op->arg[UNMAP_IOVA]);
	u64 last = page_of(op->arg[RANGE_LAST]);
	u64 base = first & -WORD_PAGES;
	u64 page;

	if (!is_writable(op->arg[BITMAP_DATA], t1x_report_window(op)))
		return false;
	if (m->fault == FAULT_WINDOW_SHIFT)
		base = first;
	for (page = base; page <= (last | (WORD_PAGES - 1)); page++) {
		if (m->fault == FAULT_WINDOW_WORDS &&
		    !t1x_model_find(m, page * T1X_PAGE))
			continue;
		put_bit(m, op, page - base,
			page >= first && page <= last &&
				t1x_model_is_dirty(m, page * T1X_PAGE));
	}
	return true;
}
