// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap with splits: what can fail, and what else may happen meanwhile. Ranges are in
 * unmap_model_kunit.c, the rules of v1 and v2 for whole mappings in map_kunit.c.
 *
 * All but one run on every table. A mapping whose records do not fit into it has half a
 * million pages: without leaves of 2 MiB the fakes have not enough, and of AMD's table each
 * page is asked for by itself. So a_failing_allocation_changes_nothing is VT-d's alone.
 */
#include <linux/mutex.h>

#include "backing.h"
#include "dirty_bitmap.h"
#include "dma_tracker.h"
#include "fake_container.h"
#include "group.h"

/* Where a split holds no lock, so that anything may happen. */
enum point {
	BEFORE_PARTS, /* all is checked and marked */
	BEFORE_BITMAPS, /* of the parts */
	BEFORE_CLEAR, /* all is split */
	BEFORE_FORGET, /* out of the IOMMU and unpinned */
	NR_POINTS,
};

static const char *const point_names[] = { "parts", "bitmaps", "clear",
					   "forget" };

static struct {
	struct fake_container *c;
	enum point point; /* here ... */
	void (*event)(void); /* ... this is called, once */
	unsigned int bitmaps;
	unsigned int fail_bitmap_at; /* this one is refused; 0 is never */
	struct fake_call call;
} world;

static void reach(enum point point)
{
	void (*event)(void) = world.event;

	if (!event || point != world.point)
		return;

	world.event = NULL;
	event();
}

static struct t1x_dma *hooked_alloc_part(const struct t1x_dma *dma,
					 unsigned long iova, unsigned long last)
{
	reach(BEFORE_PARTS);
	return t1x_dma_alloc_part(dma, iova, last);
}

static int hooked_dirty_alloc(struct t1x_dirty *dirty, unsigned long first,
			      unsigned long npages)
{
	reach(BEFORE_BITMAPS);
	if (++world.bitmaps == world.fail_bitmap_at)
		return -ENOMEM;
	return t1x_dirty_alloc(dirty, first, npages);
}

#define t1x_dma_alloc_part hooked_alloc_part
#define t1x_dirty_alloc hooked_dirty_alloc
#define t1x_backing_clear(domains, dma, chain) \
	(reach(BEFORE_CLEAR), t1x_backing_clear(domains, dma, chain))
#define t1x_map_forget(map, dma) \
	(reach(BEFORE_FORGET), t1x_map_forget(map, dma))

#include "../unmap.c"

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_describe);

#define IOVA 0x100000UL
#define NPAGES 16
#define GRANULE SZ_8K

static const struct fake_mem memory[] = {
	{ 4, FAKE_PFN, T1X_PIN_PAGE },
	{ 2, FAKE_PFN + 4, T1X_PIN_NONE }, /* no jump */
	{ 4, FAKE_PFN + 0x106, 1 },
	{ 118, FAKE_PFN + 0x200, T1X_PIN_PAGE },
};

static unsigned long at(unsigned long page)
{
	return IOVA + (page << PAGE_SHIFT);
}

/* Of the first group, which is not coherent: the other one never joins it. */
static struct fake_domain *new_domain(struct kunit *test)
{
	return fake_domain_new_kind(fake_kind_of(test));
}

static struct fake_domain *new_other(void)
{
	struct fake_domain *domain = fake_domain_new(FAKE_PGSIZES_4K);

	domain->coherent = true;
	return domain;
}

/* Without a group. */
static struct fake_container *new_empty(struct kunit *test)
{
	memset(&world, 0, sizeof(world));
	world.c = fake_container_new(test);
	world.call.c = world.c;
	fake_mem_set(memory, ARRAY_SIZE(memory));
	return world.c;
}

/* With a domain, and a mapping that can be cut. */
static struct fake_container *new_container(struct kunit *test)
{
	struct fake_container *c = new_empty(test);

	fake_attach(c, 0, new_domain(test));
	KUNIT_ASSERT_EQ(test, 0, fake_map_granule(c, IOVA, NPAGES, 0, GRANULE));
	return c;
}

static struct t1x_dma *find(struct fake_container *c, unsigned long page)
{
	return fake_find_dma(c, at(page));
}

/* Pages [first, end) are a mapping by themselves, and in the IOMMU if there is one. */
static void check_part(struct fake_container *c, unsigned long first,
		       unsigned long end)
{
	struct t1x_dma *dma = find(c, first);

	if (first == end)
		return;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(c->test, dma);
	KUNIT_EXPECT_EQ(c->test, at(first), dma->iova);
	KUNIT_EXPECT_EQ(c->test, at(end) - 1, dma->last);
	KUNIT_EXPECT_EQ(c->test, (int)T1X_DMA_LIVE, (int)dma->state);
	KUNIT_EXPECT_EQ(c->test, (unsigned long)FAKE_VADDR + at(first) - IOVA,
			dma->vaddr);
	if (list_empty(&c->map.domains.list))
		KUNIT_EXPECT_FALSE(c->test, dma->mapped);
	else
		fake_check_mapped(c, at(first), end - first, first);
}

/* After [first, end) went: the rest, in one part or two, that can go too. */
static void check_rests(struct fake_container *c, unsigned long first,
			unsigned long end)
{
	unsigned int parts = (first > 0) + (end < NPAGES);
	u64 size;

	check_part(c, 0, first);
	check_part(c, end, NPAGES);
	KUNIT_EXPECT_EQ(c->test, FAKE_ENTRY_LIMIT - parts, c->map.dma_avail);

	KUNIT_EXPECT_EQ(c->test, 0, fake_unmap(c, IOVA, NPAGES, &size));
	KUNIT_EXPECT_EQ(c->test, (u64)(NPAGES - (end - first)) << PAGE_SHIFT,
			size);
	KUNIT_EXPECT_EQ(c->test, (unsigned int)FAKE_ENTRY_LIMIT,
			c->map.dma_avail);
}

/* The lower end, the upper one, the middle, and all of it. */
static const struct cut {
	unsigned int first;
	unsigned int end;
} cuts[] = { { 0, 6 }, { 8, NPAGES }, { 2, 8 }, { 0, NPAGES } };

static void the_middle_goes_and_both_ends_stay(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	u64 size;

	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(4), 8, &size));
	KUNIT_EXPECT_EQ(test, (u64)8 << PAGE_SHIFT, size);
	KUNIT_EXPECT_EQ(test, FAKE_ENTRY_LIMIT - 2U, c->map.dma_avail);

	fake_check_mapped(c, IOVA, 4, 0);
	fake_check_mapped(c, at(12), 4, 12);
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_unmap(c, at(1), 2, NULL));
	check_rests(c, 4, 12);
	fake_container_end(c);
}

/* What does not grow in number needs no entry, and in the middle one is enough. */
static void only_a_hole_needs_an_entry(struct kunit *test)
{
	static const unsigned int avail[] = { 0, 0, 1, 0 };
	struct fake_container *c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		unsigned int n = cuts[i].end - cuts[i].first, left;

		c = new_container(test);
		left = c->map.dma_avail;
		if (avail[i]) {
			c->map.dma_avail = 0;
			KUNIT_EXPECT_EQ(test, -ENOSPC,
					fake_unmap(c, at(cuts[i].first), n,
						   NULL));
			check_part(c, 0, NPAGES);
		}
		c->map.dma_avail = avail[i];
		KUNIT_EXPECT_EQ(test, 0,
				fake_unmap(c, at(cuts[i].first), n, NULL));
		KUNIT_EXPECT_EQ(test, n == NPAGES ? 1U : 0U, c->map.dma_avail);
		c->map.dma_avail += left - avail[i];
		check_rests(c, cuts[i].first, cuts[i].end);
		fake_container_end(c);
	}
}

/* ---- Failures ---- */

/* Long enough for records that do not fit into the mapping. */
#define LONG_SEGS 15
#define LONG_PAGES (LONG_SEGS * T1X_SEG_PAGES)

static const struct fake_mem long_memory[] = {
	{ 2, FAKE_PFN, T1X_PIN_PAGE },
	{ LONG_PAGES - 4, FAKE_PFN + SZ_4M + 2, T1X_PIN_NONE },
	{ 2, FAKE_PFN + 8, T1X_PIN_PAGE },
};

/* Each allocation of a split fails once: all is as before, nothing is left. */
static void a_failing_allocation_changes_nothing(struct kunit *test)
{
	struct fake_container *c = new_empty(test);
	unsigned long iova = SZ_1G, n = LONG_PAGES / 3, pins;
	unsigned int i, failed = 0, avail;
	long live;
	int ret = 1;

	fake_mem_set(long_memory, ARRAY_SIZE(long_memory));
	fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
	KUNIT_ASSERT_EQ(test, 0,
			fake_map_granule(c, iova, LONG_PAGES, 0, SZ_2M));
	live = fake_alloc.live;
	pins = fake_pin.npins;
	avail = c->map.dma_avail;
	for (i = 1; ret && i < 20; i++) {
		fake_alloc.fail_at = fake_alloc.calls + i;
		ret = fake_unmap(c, iova + (n << PAGE_SHIFT), n, NULL);
		if (!ret)
			break;

		failed++;
		KUNIT_EXPECT_EQ(test, -ENOMEM, ret);
		KUNIT_EXPECT_EQ(test, live, fake_alloc.live);
		KUNIT_EXPECT_EQ(test, pins, fake_pin.npins);
		KUNIT_EXPECT_EQ(test, avail, c->map.dma_avail);
		fake_check_mapped(c, iova, LONG_PAGES, 0);
	}
	fake_alloc.fail_at = 0;
	/* Two parts, each with records of jumps and of pins. */
	KUNIT_EXPECT_EQ(test, 6U, failed);
	fake_check_mapped(c, iova, n, 0);
	fake_check_mapped(c, iova + (2 * n << PAGE_SHIFT), n, 2 * n);
	KUNIT_EXPECT_EQ(test, (u64)2 * n << PAGE_SHIFT, fake_unmap_all(c));
	fake_check_empty(c);
	fake_container_end(c);
}

static void start_log(void)
{
	struct t1x_dirty_log *log = &world.c->map.log;

	KUNIT_EXPECT_EQ(world.c->test, 0, t1x_dirty_log_start(log));
}

static void stop_log(void)
{
	struct t1x_dirty_log *log = &world.c->map.log;

	KUNIT_EXPECT_EQ(world.c->test, 0, t1x_dirty_log_stop(log));
}

static void mark_dirty(struct fake_container *c, unsigned long page)
{
	struct t1x_dma *dma = find(c, page);

	mutex_lock(&c->map.lock);
	t1x_dma_set_dirty(dma, at(page) >> PAGE_SHIFT, 1);
	mutex_unlock(&c->map.lock);
}

static bool is_dirty(struct fake_container *c, unsigned long page)
{
	struct t1x_dirty dirty = t1x_dma_dirty(find(c, page));

	return dirty.bits && t1x_dirty_any(&dirty, at(page) >> PAGE_SHIFT, 1);
}

static void a_failing_bitmap_changes_nothing(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	unsigned int n;

	start_log();
	mark_dirty(c, 3);
	mark_dirty(c, 4);
	mark_dirty(c, NPAGES - 1);
	for (n = 1; n <= 2; n++) {
		long live = fake_alloc.live;

		world.bitmaps = 0;
		world.fail_bitmap_at = n;
		KUNIT_EXPECT_EQ(test, -ENOMEM, fake_unmap(c, at(4), 8, NULL));
		KUNIT_EXPECT_EQ(test, n, world.bitmaps);
		KUNIT_EXPECT_EQ(test, live, fake_alloc.live);
		KUNIT_EXPECT_EQ(test, FAKE_ENTRY_LIMIT - 1U, c->map.dma_avail);
		check_part(c, 0, NPAGES);
		KUNIT_EXPECT_TRUE(test, is_dirty(c, 4));
	}
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(4), 8, NULL));
	KUNIT_EXPECT_TRUE(test, is_dirty(c, 3));
	KUNIT_EXPECT_FALSE(test, is_dirty(c, 2));
	KUNIT_EXPECT_TRUE(test, is_dirty(c, NPAGES - 1));
	KUNIT_EXPECT_FALSE(test, is_dirty(c, NPAGES - 2));
	check_rests(c, 4, 12);
	fake_container_end(c);
}

/*
 * The IOMMU driver keeps of a part what comes after its first pages: that stays pinned
 * and is refused, for ever. What was not to go is none the wiser, whatever comes.
 */
static void a_short_unmap_keeps_the_rest_of_the_part(struct kunit *test)
{
	/* In each of the runs of pages 2 to 11: two of 2, one of 4, one of 2. */
	static const unsigned long after[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	static const unsigned long pins[] = { 6, 5, 4, 4, 4, 4, 3, 3, 2, 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(after) * 2; i++) {
		unsigned long gone = after[i / 2];
		struct fake_container *c;
		struct fake_domain *domain;
		u64 size;

		/* AMD has leaves of 8 KiB, of which no half goes. */
		if (fake_kind_of(test)->amdv1 && !(i & 1) && gone % 2)
			continue;
		c = new_container(test);
		domain = new_other();
		fake_attach(c, 1, domain);
		domain = c->domains[i & 1];
		domain->short_unmap_at = domain->unmaps + 1;
		domain->short_unmap_after = gone << PAGE_SHIFT;
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(2), 10, &size));
		KUNIT_EXPECT_EQ(test, (u64)10 << PAGE_SHIFT, size);
		KUNIT_EXPECT_EQ(test, 1UL, c->map.domains.nr_stuck);
		KUNIT_EXPECT_EQ(test, 16UL - gone, domain->npages);
		KUNIT_EXPECT_EQ(test, 2 + 4 + pins[i / 2], fake_pin.npins);
		domain->short_unmap_at = 0;

		/* Refused; gone, to the user; not replayed. */
		KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, at(2), 1, 0));
		KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, at(11), 1, 0));
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(2), 10, &size));
		KUNIT_EXPECT_EQ(test, 0ULL, size);
		fake_detach(c, !(i & 1));
		fake_attach(c, !(i & 1),
			    i & 1 ? new_domain(test) : new_other());
		KUNIT_EXPECT_EQ(test, 6UL, c->domains[!(i & 1)]->npages);

		/* The parts that stay can be cut, and go, and come again. */
		check_part(c, 0, 2);
		check_part(c, 12, NPAGES);
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(12), 2, NULL));
		check_part(c, 14, NPAGES);
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, at(12), 2, 12));
		KUNIT_EXPECT_EQ(test, (u64)6 << PAGE_SHIFT, fake_unmap_all(c));
		KUNIT_EXPECT_EQ(test, pins[i / 2], fake_pin.npins);
		domain->npages = 0;
		fake_container_end(c);
		fake_pin_forget_stuck();
	}
}

/* To the IOMMU, 0 is an address like any other, and also its word for nothing. */
static void physical_address_0_goes_and_stays(struct kunit *test)
{
	static const struct fake_mem low[] = {
		{ 2, FAKE_PFN + 0x10, T1X_PIN_PAGE },
		{ 6, 0, T1X_PIN_NONE },
		{ 8, FAKE_PFN + 0x20, T1X_PIN_PAGE },
	};
	unsigned int first, end;
	u64 size;

	for (first = 0; first < NPAGES; first += 2) {
		for (end = first + 2; end <= NPAGES; end += 2) {
			struct fake_container *c = new_empty(test);

			fake_mem_set(low, ARRAY_SIZE(low));
			fake_attach(c, 0, new_domain(test));
			KUNIT_ASSERT_EQ(test, 0,
					fake_map_granule(c, IOVA, NPAGES, 0,
							 GRANULE));
			KUNIT_EXPECT_EQ(test, 0,
					fake_unmap(c, at(first), end - first,
						   &size));
			fake_attach(c, 1, new_other());
			KUNIT_EXPECT_EQ(test, NPAGES - (end - first) + 0UL,
					c->domains[1]->npages);
			fake_unmap_all(c);
			KUNIT_EXPECT_EQ(test, 0UL, c->map.domains.nr_stuck);
			fake_check_empty(c);
			fake_container_end(c);
		}
	}
}

/* ---- Addresses that are invalid ---- */

static int invalidate(struct fake_container *c, unsigned long first,
		      unsigned long end, u64 *npages)
{
	const struct t1x_uapi_unmap args = {
		.iova = at(first),
		.last = at(end) - 1,
		.vaddr_only = true,
	};

	return t1x_unmap_dma(&c->map, &args, npages);
}

static int restore(struct fake_container *c, unsigned long first,
		   unsigned long end, unsigned long vaddr)
{
	const struct t1x_uapi_map args = {
		.iova = at(first),
		.last = at(end) - 1,
		.vaddr = vaddr,
		.vaddr_only = true,
	};

	return t1x_map_dma(&c->map, &args, false);
}

static long moving(struct fake_container *c)
{
	struct t1x_account *account;

	account = list_first_entry_or_null(&c->map.accounts.list,
					   struct t1x_account, next);
	return account ? atomic_long_read(&account->moving) : 0;
}

/* UNMAP_FLAG_VADDR cuts nothing; what is cut while invalid is restored in parts. */
static void each_part_has_an_address_of_its_own(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	u64 npages;

	KUNIT_EXPECT_EQ(test, -EINVAL, invalidate(c, 0, 8, &npages));
	KUNIT_EXPECT_EQ(test, 0, invalidate(c, 0, NPAGES, &npages));
	KUNIT_EXPECT_EQ(test, (u64)NPAGES, npages);
	KUNIT_EXPECT_EQ(test, NPAGES - 2L, moving(c));

	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(4), 8, NULL));
	KUNIT_EXPECT_EQ(test, 2U, c->map.tree.nr_vaddr_invalid);
	KUNIT_EXPECT_EQ(test, 8L, moving(c));
	KUNIT_EXPECT_EQ(test, (unsigned long)FAKE_VADDR + (12 << PAGE_SHIFT),
			find(c, 12)->vaddr);

	KUNIT_EXPECT_EQ(test, -EINVAL, restore(c, 0, NPAGES, FAKE_VADDR));
	KUNIT_EXPECT_EQ(test, -EINVAL, restore(c, 0, 2, FAKE_VADDR));
	KUNIT_EXPECT_EQ(test, 0, restore(c, 0, 4, FAKE_VADDR));
	KUNIT_EXPECT_EQ(test, -EINVAL, restore(c, 0, 4, FAKE_VADDR));
	KUNIT_EXPECT_EQ(test, 1U, c->map.tree.nr_vaddr_invalid);
	KUNIT_EXPECT_EQ(test, 4L, moving(c));
	KUNIT_EXPECT_EQ(test, 0, restore(c, 12, 16, SZ_1G));
	KUNIT_EXPECT_EQ(test, (unsigned long)SZ_1G, find(c, 12)->vaddr);
	KUNIT_EXPECT_EQ(test, 0L, moving(c));

	find(c, 12)->vaddr = FAKE_VADDR + (12 << PAGE_SHIFT);
	check_rests(c, 4, 12);
	fake_container_end(c);
}

/* ---- Whatever happens meanwhile ---- */

static void restart_log(void)
{
	stop_log();
	start_log();
}

static void attach_second(void)
{
	fake_attach(world.c, 1, new_other());
}

static void detach_second(void)
{
	fake_detach(world.c, 1);
}

static void detach_first(void)
{
	fake_detach(world.c, 0);
}

/* Another mapping beside it, and a hole in that. */
static void map_beside(void)
{
	struct fake_container *c = world.c;

	KUNIT_EXPECT_EQ(c->test, 0,
			fake_map_granule(c, at(NPAGES), 8, NPAGES, GRANULE));
}

static void start_map(void)
{
	fake_call_start(&world.call);
	fake_call_await_waiting(&world.call);
}

struct happening {
	const char *name;
	void (*event)(void);
	bool second; /* needs another domain */
	bool logged; /* needs the log */
	bool ends; /* the last group goes */
};

static const struct happening happenings[] = {
	{ "a log starts", start_log },
	{ "a log is on", NULL, .logged = true },
	{ "a log stops", stop_log, .logged = true },
	{ "a log starts anew", restart_log, .logged = true },
	{ "a domain comes", attach_second },
	{ "a domain goes", detach_second, .second = true },
	{ "the first of two goes", detach_first, .second = true },
	{ "another mapping comes", map_beside },
	{ "the last group goes", detach_first, .ends = true },
	{ "the last group goes from a log", detach_first, .logged = true,
	  .ends = true },
};

static void happen(struct kunit *test, const struct happening *h,
		   enum point point, const struct cut *cut)
{
	unsigned long first = cut->first, end = cut->end;
	struct fake_container *c = new_container(test);
	bool logs;
	u64 size;

	if (h->second)
		fake_attach(c, 1, new_other());
	if (h->logged) {
		start_log();
		mark_dirty(c, 0);
		mark_dirty(c, NPAGES - 1);
	}
	world.point = point;
	world.event = h->event;
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(first), end - first, &size));
	KUNIT_EXPECT_EQ(test, (u64)(end - first) << PAGE_SHIFT, size);

	/* There are no bitmaps to make, or nothing to split. */
	if (world.event) {
		KUNIT_EXPECT_LE(test, point, BEFORE_BITMAPS);
		world.event();
		world.event = NULL;
	}

	if (h->ends) {
		fake_check_empty(c);
		fake_container_end(c);
		return;
	}

	logs = c->map.log.state != T1X_DIRTY_LOG_OFF;
	if (first > 0) {
		KUNIT_EXPECT_EQ(test, logs, !!find(c, 0)->dirty_bits);
		KUNIT_EXPECT_EQ(test, h->logged && !h->event, is_dirty(c, 0));
	}
	if (end < NPAGES) {
		KUNIT_EXPECT_EQ(test, logs, !!find(c, end)->dirty_bits);
		KUNIT_EXPECT_EQ(test, h->logged && !h->event,
				is_dirty(c, NPAGES - 1));
	}
	if (h->event == map_beside)
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(NPAGES), 8, NULL));
	check_rests(c, first, end);
	fake_check_empty(c);
	fake_container_end(c);
}

static void anything_happens_anywhere(struct kunit *test)
{
	unsigned int i, k;
	enum point point;

	for (i = 0; i < ARRAY_SIZE(happenings); i++) {
		for (point = 0; point < NR_POINTS; point++) {
			for (k = 0; k < ARRAY_SIZE(cuts); k++)
				happen(test, &happenings[i], point, &cuts[k]);
			if (fake.nr_complaints)
				kunit_info(test, "%s, %s\n", happenings[i].name,
					   point_names[point]);
		}
	}
}

/* A failure that comes with the last group: the mapping goes, all of it. */
static void a_failing_split_of_what_is_doomed(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	start_log();
	world.point = BEFORE_BITMAPS;
	world.event = detach_first;
	world.fail_bitmap_at = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, fake_unmap(c, at(4), 8, NULL));
	fake_check_empty(c);
	fake_container_end(c);
}

/* A MAP into the hole waits for it, however early it comes. */
static void a_map_into_the_hole_waits(struct kunit *test)
{
	enum point point;
	unsigned int fails;

	for (point = 0; point < 2 * NR_POINTS; point++) {
		struct fake_container *c = new_container(test);

		start_log();
		world.point = point / 2;
		world.event = start_map;
		world.call.iova = at(6);
		world.call.npages = 2;
		world.call.page = 32;
		fails = point % 2 && world.point < BEFORE_CLEAR;
		world.fail_bitmap_at = fails;
		KUNIT_EXPECT_EQ(test, fails ? -ENOMEM : 0,
				fake_unmap(c, at(4), 8, NULL));
		KUNIT_EXPECT_EQ(test, fails ? -EEXIST : 0,
				fake_call_end(&world.call));
		if (fails) {
			check_part(c, 0, NPAGES);
			fake_unmap_all(c);
		} else {
			fake_check_mapped(c, at(6), 2, 32);
			KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(6), 2, NULL));
			check_rests(c, 4, 12);
		}
		fake_check_empty(c);
		fake_container_end(c);
	}
}

/* One of what stays waits until it is split off; from then on nothing. */
static void another_cut_of_the_same_mapping_waits(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	world.point = BEFORE_PARTS;
	world.event = start_map;
	world.call.unmap = true;
	world.call.iova = at(0);
	world.call.npages = 2;
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(4), 8, NULL));
	KUNIT_EXPECT_EQ(test, 0, fake_call_end(&world.call));
	KUNIT_EXPECT_EQ(test, (u64)2 << PAGE_SHIFT, world.call.size);
	check_part(c, 2, 4);
	check_part(c, 12, 16);
	fake_unmap_all(c);
	fake_check_empty(c);
	fake_container_end(c);
}

static void unmap_upper_rest(void)
{
	KUNIT_EXPECT_EQ(world.c->test, 0, fake_unmap(world.c, at(14), 2, NULL));
}

static void what_stays_can_be_cut_before_the_rest_has_gone(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	world.point = BEFORE_CLEAR;
	world.event = unmap_upper_rest;
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(4), 8, NULL));
	check_part(c, 0, 4);
	check_part(c, 12, 14);
	fake_unmap_all(c);
	fake_check_empty(c);
	fake_container_end(c);
}

/* ---- Beside emulated groups ---- */

static void attach_emulated(struct fake_container *c)
{
	struct iommu_group *group = fake_group_of(&c->groups[2]);

	KUNIT_ASSERT_EQ(c->test, 0,
			t1x_group_attach_emulated(&c->map, group, NULL));
}

/* The last IOMMU goes: the parts stay, in none, and the next one has them. */
static void the_last_iommu_goes_and_comes(struct kunit *test)
{
	enum point point;
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(cuts) * NR_POINTS; k++) {
		const struct cut *cut = &cuts[k / NR_POINTS];
		struct fake_container *c = new_container(test);

		point = k % NR_POINTS;
		attach_emulated(c);
		start_log();
		world.point = point;
		world.event = detach_first;
		KUNIT_EXPECT_EQ(test, 0,
				fake_unmap(c, at(cut->first),
					   cut->end - cut->first, NULL));
		if (world.event)
			detach_first();
		world.event = NULL;
		KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
		KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);
		check_part(c, 0, cut->first);
		check_part(c, cut->end, NPAGES);

		fake_attach(c, 0, new_domain(test));
		check_rests(c, cut->first, cut->end);
		fake_check_empty(c);
		fake_container_end(c);
	}
}

/* Where nothing is pinned, the records are cut by the next attach. */
static void a_mapping_without_an_iommu_is_cut(struct kunit *test)
{
	struct fake_container *c = new_empty(test);

	attach_emulated(c);
	KUNIT_ASSERT_EQ(test, 0, fake_map_granule(c, IOVA, NPAGES, 0, GRANULE));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(4), 8, NULL));
	check_part(c, 0, 4);
	check_part(c, 12, 16);
	fake_attach(c, 0, new_domain(test));
	check_rests(c, 4, 12);
	fake_container_end(c);
}

static struct kunit_case unmap_cases[] = {
	KUNIT_CASE_PARAM(the_middle_goes_and_both_ends_stay, kind_gen_params),
	KUNIT_CASE_PARAM(only_a_hole_needs_an_entry, kind_gen_params),
	KUNIT_CASE(a_failing_allocation_changes_nothing),
	KUNIT_CASE_PARAM(a_failing_bitmap_changes_nothing, kind_gen_params),
	KUNIT_CASE_PARAM(a_short_unmap_keeps_the_rest_of_the_part,
			 kind_gen_params),
	KUNIT_CASE_PARAM(physical_address_0_goes_and_stays, kind_gen_params),
	KUNIT_CASE_PARAM(each_part_has_an_address_of_its_own, kind_gen_params),
	KUNIT_CASE_PARAM(anything_happens_anywhere, kind_gen_params),
	KUNIT_CASE_PARAM(a_failing_split_of_what_is_doomed, kind_gen_params),
	KUNIT_CASE_PARAM(a_map_into_the_hole_waits, kind_gen_params),
	KUNIT_CASE_PARAM(another_cut_of_the_same_mapping_waits,
			 kind_gen_params),
	KUNIT_CASE_PARAM(what_stays_can_be_cut_before_the_rest_has_gone,
			 kind_gen_params),
	KUNIT_CASE_PARAM(the_last_iommu_goes_and_comes, kind_gen_params),
	KUNIT_CASE_PARAM(a_mapping_without_an_iommu_is_cut, kind_gen_params),
	{}
};

static struct kunit_suite unmap_suite = {
	.name = "t1x_unmap",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = unmap_cases,
};

kunit_test_suite(unmap_suite);
