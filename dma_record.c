// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of a mapping: where physical memory jumps, and how pages are held. See
 * include/dma_tracker.h.
 */
#include <linux/container_of.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "alloc.h"
#include "dma_tracker.h"

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

/* Segments that records are for that have room for 2^@order: no more than there are. */
static unsigned long cap_segs(const struct t1x_dma *dma, unsigned int order)
{
	return min(BIT(order), nr_segs(dma, t1x_dma_npages(dma)));
}

static unsigned long max_segs(const struct t1x_dma *dma)
{
	return cap_segs(dma, dma->seg_order);
}

static t1x_contig *segs_of(struct t1x_dma *dma)
{
	return dma->has_segs ? dma->segs : dma->few_segs;
}

static struct t1x_dma_records *records_of(const struct t1x_dma *dma)
{
	return container_of(dma->segs, struct t1x_dma_records, segs[0]);
}

static struct t1x_dma_pins *pins_of(const struct t1x_dma *dma)
{
	return dma->has_pins ? records_of(dma)->pins : NULL;
}

static void free_segs(struct t1x_dma *dma)
{
	if (dma->has_pins)
		kvfree(records_of(dma));
	else if (dma->has_segs)
		kvfree(dma->segs);
}

/*
 * Have the segments of a mapping beside it, with room for 2^@order of them if there are
 * so many, and behind @pins if it is given any. Return: 0 or -ENOMEM.
 */
static int move_segs(struct t1x_dma *dma, unsigned int order,
		     struct t1x_dma_pins *pins)
{
	size_t head = pins ? sizeof(struct t1x_dma_records) : 0;
	size_t len = array_size(cap_segs(dma, order), sizeof(*dma->segs));
	void *room = kvzalloc(size_add(head, len), T1X_GFP_USER);

	if (!room)
		return -ENOMEM;

	memcpy(room + head, segs_of(dma), max_segs(dma) * sizeof(*dma->segs));
	free_segs(dma);

	dma->segs = room + head;
	dma->has_segs = true;
	dma->has_pins = !!pins;
	dma->has_first_pfn = false;
	dma->seg_order = order;
	if (pins)
		records_of(dma)->pins = pins;
	return 0;
}

/*
 * Have room for @max places where the way changes in which a mapping is held; the first
 * ones move its segments, 2^@order if there are so many. Return: 0 or -ENOMEM.
 */
static int grow_pins(struct t1x_dma *dma, unsigned int max, unsigned int order)
{
	struct t1x_dma_pins *old = pins_of(dma), *pins;

	pins = kvzalloc(struct_size(pins, pin, max), T1X_GFP_USER);
	if (!pins)
		return -ENOMEM;

	pins->max = max;
	if (!old && move_segs(dma, order, pins)) {
		kvfree(pins);
		return -ENOMEM;
	}
	if (old) {
		pins->nr = old->nr;
		memcpy(pins->pin, old->pin, old->nr * sizeof(*old->pin));
		records_of(dma)->pins = pins;
		kvfree(old);
	}
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
	if (dma->has_pins)
		kvfree(pins_of(dma));
	free_segs(dma);
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
	unsigned long want = nr_segs(dma, end);

	if (want <= BIT(dma->seg_order))
		return 0;

	return move_segs(dma, order_base_2(want), pins_of(dma));
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
	const struct t1x_dma_pins *pins = pins_of(dma);
	unsigned long npages = t1x_dma_npages(part);

	if (!dma->mapped)
		return 0;
	if (!pins)
		return t1x_dma_reserve(part, npages);

	return grow_pins(part, pins->max, order_base_2(nr_segs(part, npages)));
}

/**
 * t1x_dma_set_first_pfn() - Note the frame of the first page of a mapping
 * @dma: FILLING or BUSY mapping
 * @pfn: Frame
 *
 * It spares an unmap the first question to the IOMMU, which is most of one that is
 * small. A mapping that is large, or has its segments beside it, has no room for it.
 *
 * Context: Called by the filler. Does not sleep.
 */
void t1x_dma_set_first_pfn(struct t1x_dma *dma, unsigned long pfn)
{
	dma->has_first_pfn = !dma->has_segs && !(pfn >> 48) &&
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
	const t1x_contig *segs = dma->has_segs ? dma->segs : dma->few_segs;
	unsigned long base = dma->iova >> PAGE_SHIFT;
	unsigned long page = base + index;

	while (page + 1 < base + end) {
		page = t1x_pgsize_contig_next(segs[seg_at(dma, page)], page);
		if (page >= base + end)
			break;
		/* The first page of a segment is known to that segment alone. */
		if (page & (T1X_SEG_PAGES - 1) ||
		    t1x_pgsize_contig_may_jump(segs[seg_at(dma, page)], page))
			return page - base;
	}

	return end;
}

/**
 * t1x_dma_dense_end() - How far may physical memory jump at each page?
 * @dma: Mapping
 * @index: Page to start from
 * @end: Page at which to stop, at most the length of the mapping
 *
 * What t1x_dma_jump_next() would say of one page after the other.
 *
 * Context: As t1x_dma_jump_next().
 * Return: A page such that, of those from @index to it, each may be anywhere; @index
 * if memory may not jump behind that.
 */
unsigned long t1x_dma_dense_end(const struct t1x_dma *dma, unsigned long index,
				unsigned long end)
{
	const t1x_contig *segs = dma->has_segs ? dma->segs : dma->few_segs;
	unsigned long base = dma->iova >> PAGE_SHIFT;
	unsigned long page = base + index;

	if (!t1x_pgsize_contig_is_dense(segs[seg_at(dma, page)]))
		return index;

	/* The last one of a segment may be continued by the next segment. */
	return min(page | (T1X_SEG_PAGES - 1), base + end - 1) - base;
}

/* How is the last page held that was recorded? */
static u8 last_kind(const struct t1x_dma *dma, const struct t1x_dma_pins *pins)
{
	return pins && pins->nr ? pins->pin[pins->nr - 1].kind : dma->pin_kind;
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
	struct t1x_dma_pins *pins = pins_of(dma);
	struct t1x_dma_pin *pin;
	unsigned int max;

	if (!index) {
		dma->pin_kind = kind;
		return 0;
	}
	if (last_kind(dma, pins) == kind)
		return 0;

	/* With their head, as many as these are a power of two bytes. */
	max = pins ? pins->max * 2 + 1 : 3;
	if ((!pins || pins->nr == pins->max) &&
	    grow_pins(dma, max, dma->seg_order))
		return -ENOMEM;

	pins = pins_of(dma);
	pin = &pins->pin[pins->nr++];
	pin->index = index;
	pin->kind = kind;
	return 0;
}

/* How many entries of a record of pins are for pages up to @index? */
static unsigned int nr_pins_upto(const struct t1x_dma_pins *pins,
				 unsigned long index)
{
	unsigned int lo = 0, hi = pins->nr;

	/* Those below lo are, those from hi on are not. */
	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (pins->pin[mid].index <= index)
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
	const struct t1x_dma_pins *pins = pins_of(dma);
	unsigned int n;

	if (!pins)
		return dma->pin_kind;

	n = nr_pins_upto(pins, index);
	if (n < pins->nr)
		*end = min_t(unsigned long, *end, pins->pin[n].index);
	return n ? pins->pin[n - 1].kind : dma->pin_kind;
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
	struct t1x_dma_pins *from = pins_of(dma), *to = pins_of(part);
	unsigned long end = ULONG_MAX;
	unsigned int i;

	part->pin_kind = t1x_dma_pin_kind(dma, at, &end);
	if (!from)
		return;

	for (i = nr_pins_upto(from, at); i < from->nr; i++) {
		to->pin[to->nr] = from->pin[i];
		to->pin[to->nr++].index -= at;
	}
	from->nr = nr_pins_upto(from, at - 1);
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
	struct t1x_dma_pins *pins = pins_of(dma);

	dma->mapped = 0;
	dma->unmapped = 0;
	dma->has_first_pfn = false;
	dma->has_pfn_0 = false;
	memset(segs_of(dma), 0, max_segs(dma) * sizeof(*dma->few_segs));
	if (pins)
		pins->nr = 0;
}
