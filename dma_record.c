// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of a mapping: where physical memory jumps, and how pages are held. See
 * include/dma_tracker.h.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "alloc.h"
#include "dma_tracker.h"

#include "compat.h"

static unsigned long first_seg(const struct t1x_dma *dma)
{
	return dma->iova >> PAGE_SHIFT >> T1X_SEG_ORDER;
}

/* Segments that the first @end pages of a mapping touch. */
static unsigned long nr_segs(const struct t1x_dma *dma, unsigned long end)
{
	unsigned long last = (dma->iova >> PAGE_SHIFT) + end - 1;

	return (last >> T1X_SEG_ORDER) - first_seg(dma) + 1;
}

/* Which segment holds page number @page of the IOVA space? */
static unsigned long seg_at(const struct t1x_dma *dma, unsigned long page)
{
	return (page >> T1X_SEG_ORDER) - first_seg(dma);
}

static t1x_contig *segs_of(struct t1x_dma *dma)
{
	return dma->has_records ? dma->records->segs : dma->few_segs;
}

static unsigned long max_segs(const struct t1x_dma *dma)
{
	return dma->has_records ? dma->records->max_segs : T1X_DMA_FEW_SEGS;
}

/* Have the records of a mapping beside it. Return: 0 or -ENOMEM. */
static int move_records(struct t1x_dma *dma)
{
	struct t1x_dma_records *records;

	if (dma->has_records)
		return 0;

	records = kzalloc_obj(*records, T1X_GFP_USER);
	if (!records)
		return -ENOMEM;

	memcpy(records->few_segs, dma->few_segs, sizeof(dma->few_segs));
	records->segs = records->few_segs;
	records->max_segs = ARRAY_SIZE(records->few_segs);
	records->pins = records->few_pins;
	records->max_pins = ARRAY_SIZE(records->few_pins);
	dma->records = records;
	dma->has_records = true;
	dma->has_first_pfn = false;
	return 0;
}

static int grow_pins(struct t1x_dma_records *records, unsigned int max)
{
	struct t1x_dma_pin *pins;

	pins = kvmalloc_array(max, sizeof(*pins), T1X_GFP_USER);
	if (!pins)
		return -ENOMEM;

	memcpy(pins, records->pins, records->nr_pins * sizeof(*pins));
	if (records->pins != records->few_pins)
		kvfree(records->pins);
	records->pins = pins;
	records->max_pins = max;
	return 0;
}

/**
 * t1x_dma_free_records() - Free what is kept beside a mapping
 * @dma: Mapping that goes
 *
 * Context: May sleep.
 */
void t1x_dma_free_records(struct t1x_dma *dma)
{
	struct t1x_dma_records *records = dma->records;

	if (!dma->has_records)
		return;

	if (records->segs != records->few_segs)
		kvfree(records->segs);
	if (records->pins != records->few_pins)
		kvfree(records->pins);
	kfree(records);
}

/**
 * t1x_dma_reserve() - Make room for the record of where physical memory jumps
 * @dma: FILLING or BUSY mapping
 * @end: Pages from its start on that are about to be recorded
 *
 * Room is made as a mapping is filled, so that one that is never pinned costs none,
 * whatever its size.
 *
 * Context: Called by the filler. May sleep.
 * Return: 0 or -ENOMEM. On failure nothing changed.
 */
int t1x_dma_reserve(struct t1x_dma *dma, unsigned long end)
{
	unsigned long want = nr_segs(dma, end), max;
	struct t1x_dma_records *records;
	t1x_contig *segs;

	if (want <= max_segs(dma))
		return 0;
	if (move_records(dma))
		return -ENOMEM;

	records = dma->records;
	max = min(nr_segs(dma, t1x_dma_npages(dma)),
		  max(want, 2 * records->max_segs));
	segs = kvcalloc(max, sizeof(*segs), T1X_GFP_USER);
	if (!segs)
		return -ENOMEM;

	memcpy(segs, records->segs, records->max_segs * sizeof(*segs));
	if (records->segs != records->few_segs)
		kvfree(records->segs);
	records->segs = segs;
	records->max_segs = max;
	return 0;
}

/**
 * t1x_dma_reserve_part() - Make room for a part's share of the records of a mapping
 * @dma: DYING mapping that the caller owns
 * @part: Its part, in no tree yet
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int t1x_dma_reserve_part(const struct t1x_dma *dma, struct t1x_dma *part)
{
	unsigned int nr_pins;
	int ret;

	if (!dma->mapped || !dma->has_records)
		return 0;

	ret = move_records(part) ?: t1x_dma_reserve(part, t1x_dma_npages(part));
	if (ret)
		return ret;

	nr_pins = dma->records->nr_pins;
	return nr_pins > part->records->max_pins ?
		       grow_pins(part->records, nr_pins) :
		       0;
}

/**
 * t1x_dma_set_first_pfn() - Note the frame of the first page of a mapping
 * @dma: FILLING or BUSY mapping
 * @pfn: Frame
 *
 * It spares an unmap the first question to the IOMMU, which is most of one that is
 * small. A mapping that is large, or has records beside it, has no room for it.
 *
 * Context: Called by the filler. Does not sleep.
 */
void t1x_dma_set_first_pfn(struct t1x_dma *dma, unsigned long pfn)
{
	dma->has_first_pfn = !dma->has_records && !(pfn >> 48) &&
			     nr_segs(dma, t1x_dma_npages(dma)) == 1;
	if (!dma->has_first_pfn)
		return;

	dma->first_pfn_high = pfn >> 32;
	dma->first_pfn_low = pfn;
}

/**
 * t1x_dma_first_pfn() - Which frame is the first page of a mapping?
 * @dma: Mapping with pages in the IOMMU
 * @pfn: Set to the frame, if it is known
 *
 * Context: @dma is not FILLING in another thread. Does not sleep.
 * Return: true if it is known.
 */
bool t1x_dma_first_pfn(const struct t1x_dma *dma, unsigned long *pfn)
{
	if (!dma->has_first_pfn)
		return false;

	*pfn = (unsigned long)dma->first_pfn_high << 32 | dma->first_pfn_low;
	return true;
}

/**
 * t1x_dma_jump_add() - Record that physical memory jumps inside a mapping
 * @dma: FILLING or BUSY mapping
 * @index: First page after the jump; there is room for it
 *
 * Context: Called by the filler. Does not sleep.
 */
void t1x_dma_jump_add(struct t1x_dma *dma, unsigned long index)
{
	unsigned long page = (dma->iova >> PAGE_SHIFT) + index;

	t1x_pgsize_contig_add(segs_of(dma) + seg_at(dma, page), page);
}

/**
 * t1x_dma_jump_next() - Next page at which physical memory may jump
 * @dma: Mapping
 * @index: Page to start after
 * @end: Page at which to stop, at most the length of the mapping
 *
 * Every page between @index and the result is proven to continue the one before
 * it, so one iova_to_phys at @index tells where they all are.
 *
 * Context: @dma cannot be FILLING in another thread past @end. Does not sleep.
 * Return: A page above @index and at most @end.
 */
unsigned long t1x_dma_jump_next(const struct t1x_dma *dma, unsigned long index,
				unsigned long end)
{
	const t1x_contig *segs = dma->has_records ? dma->records->segs :
						    dma->few_segs;
	unsigned long base = dma->iova >> PAGE_SHIFT;
	unsigned long page = base + index;

	while (page < base + end) {
		page = t1x_pgsize_contig_next(segs[seg_at(dma, page)], page);
		if (page >= base + end)
			break;
		if (t1x_pgsize_contig_may_jump(segs[seg_at(dma, page)], page))
			return page - base;
	}

	return end;
}

/* How is the last page held that was recorded? */
static u8 last_kind(const struct t1x_dma *dma)
{
	const struct t1x_dma_records *records = dma->records;

	return dma->has_records && records->nr_pins ?
		       records->pins[records->nr_pins - 1].kind :
		       dma->pin_kind;
}

/**
 * t1x_dma_pin_add() - Record how a mapping is held from a page on
 * @dma: FILLING or BUSY mapping
 * @index: 0, which begins the record, or a page above those recorded before
 * @kind: T1X_PIN_*
 *
 * Context: Called by the filler. May sleep.
 * Return: 0 or -ENOMEM. On failure nothing changed.
 */
int t1x_dma_pin_add(struct t1x_dma *dma, unsigned long index, u8 kind)
{
	struct t1x_dma_records *records;

	if (!index) {
		dma->pin_kind = kind;
		return 0;
	}
	if (last_kind(dma) == kind)
		return 0;
	if (move_records(dma))
		return -ENOMEM;

	records = dma->records;
	if (records->nr_pins == records->max_pins &&
	    grow_pins(records, max(8u, records->max_pins * 2)))
		return -ENOMEM;

	records->pins[records->nr_pins].index = index;
	records->pins[records->nr_pins].kind = kind;
	records->nr_pins++;
	return 0;
}

/* How many entries of a record of pins are for pages up to @index? */
static unsigned int nr_pins_upto(const struct t1x_dma_records *records,
				 unsigned long index)
{
	unsigned int lo = 0, hi = records->nr_pins;

	/* Those below lo are, those from hi on are not. */
	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (records->pins[mid].index <= index)
			lo = mid + 1;
		else
			hi = mid;
	}

	return lo;
}

/**
 * t1x_dma_pin_kind() - How is a page of a mapping held?
 * @dma: Mapping
 * @index: Page
 * @end: Lowered to the page from which on the answer differs, if that is less
 *
 * Context: @dma is not FILLING in another thread at @index. Does not sleep.
 * Return: T1X_PIN_*.
 */
u8 t1x_dma_pin_kind(const struct t1x_dma *dma, unsigned long index,
		    unsigned long *end)
{
	const struct t1x_dma_records *records = dma->records;
	unsigned int n;

	if (!dma->has_records)
		return dma->pin_kind;

	n = nr_pins_upto(records, index);
	if (n < records->nr_pins)
		*end = min_t(unsigned long, *end, records->pins[n].index);
	return n ? records->pins[n - 1].kind : dma->pin_kind;
}

/**
 * t1x_dma_nr_pinned() - How many pages of a mapping are pinned, and so charged
 * @dma: Mapping that is in the IOMMU as a whole, or not at all
 *
 * Context: @dma is not FILLING in another thread. Does not sleep.
 * Return: Pages.
 */
unsigned long t1x_dma_nr_pinned(const struct t1x_dma *dma)
{
	unsigned long npages = 0, index, next;

	for (index = 0; index < dma->mapped; index = next) {
		next = dma->mapped;
		if (t1x_dma_pin_kind(dma, index, &next) != T1X_PIN_NONE)
			npages += next - index;
	}

	return npages;
}

/* Share out how pages are held, at page @at. */
static void split_pins(struct t1x_dma *dma, struct t1x_dma *part,
		       unsigned long at)
{
	struct t1x_dma_records *from = dma->records, *to = part->records;
	unsigned long end = ULONG_MAX;
	unsigned int i;

	part->pin_kind = t1x_dma_pin_kind(dma, at, &end);
	if (!dma->has_records)
		return;

	for (i = nr_pins_upto(from, at); i < from->nr_pins; i++) {
		to->pins[to->nr_pins] = from->pins[i];
		to->pins[to->nr_pins++].index -= at;
	}
	from->nr_pins = nr_pins_upto(from, at - 1);
}

/**
 * t1x_dma_split_records() - Share out what is known of the pages of a mapping
 * @dma: Mapping that is in the IOMMU as a whole
 * @part: Its upper end, with room for the records of that
 * @at: First page of it
 *
 * Context: domains.rwsem held by the owner of @dma, DYING. Does not sleep.
 */
void t1x_dma_split_records(struct t1x_dma *dma, struct t1x_dma *part,
			   unsigned long at)
{
	unsigned long first = seg_at(dma, part->iova >> PAGE_SHIFT);
	unsigned long nr = nr_segs(part, t1x_dma_npages(part));

	part->mapped = dma->mapped - at;
	dma->mapped = at;
	part->single = dma->single;
	part->has_pfn_0 = dma->has_pfn_0;
	memcpy(segs_of(part), segs_of(dma) + first,
	       nr * sizeof(*part->few_segs));
	split_pins(dma, part, at);
}

/**
 * t1x_dma_reset() - Forget what was found out while a mapping was filled
 * @dma: Mapping, nothing of which is in an IOMMU any more
 *
 * Context: domains.rwsem held, for read only by the owner of a DYING mapping. Does
 * not sleep.
 */
void t1x_dma_reset(struct t1x_dma *dma)
{
	dma->mapped = 0;
	dma->unmapped = 0;
	dma->has_first_pfn = false;
	dma->has_pfn_0 = false;
	memset(segs_of(dma), 0, max_segs(dma) * sizeof(*dma->few_segs));
	if (dma->has_records)
		dma->records->nr_pins = 0;
}
