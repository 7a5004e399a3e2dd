// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real walk over the pages of a table, for how hugetlb folios are held: a part that
 * an unmap may take by itself has pins of its own, and lets go of these and no others.
 * User memory, its faults and limits are the selftests' to watch.
 */
#include <kunit/test.h>
#include <linux/hugetlb.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/userfaultfd_k.h>

#include "../include/compat.h"

static unsigned int order_of(const struct page *page);
static int fake_gup(unsigned long start, int nr, unsigned int flags,
		    struct page **pages);
static void fake_unpin(struct page *page, unsigned long npages);

/* The frames of the table have no struct page, and fake_pin.c is the other pin.c. */
#undef pfn_to_page
#undef page_to_pfn
#undef page_folio
#define pfn_to_page(pfn) ((struct page *)(pfn))
#define page_to_pfn(page) ((unsigned long)(page))
#define page_folio(page) ((struct folio *)(page))
#define folio_order(folio) order_of((struct page *)(folio))
#define PageHuge(page) (!!order_of(page))
#define pin_user_pages_fast fake_gup
#define unpin_user_page(page) fake_unpin(page, 1)
#define unpin_user_pages(pages, nr)                            \
	do {                                                   \
		for (unsigned long nth = 0; nth < (nr); nth++) \
			fake_unpin((pages)[nth], 1);           \
	} while (0)
#define unpin_user_page_range_dirty_lock(page, nr, dirty) \
	((void)(dirty), fake_unpin(page, nr))

#define t1x_pin_begin real_pin_begin
#define t1x_pin_batch real_pin_batch
#define t1x_pin_accept real_pin_accept
#define t1x_pin_end real_pin_end
#define t1x_pin_whole real_pin_whole
#define t1x_pin_release real_pin_release
#define t1x_pin_page real_pin_page
#define t1x_pin_put_page real_pin_put_page

#undef pr_fmt
#include "../pin.c"

#include "fake_domain.h"
#include "fake_pin.h"

#define ORDER 3 /* of the hugetlb folios */
#define NR 24
#define IOVA_PAGE 0x1000UL /* more aligned than anything else */

/* Three folios, the second and third of them contiguous, between single pages. */
static const struct fake_mem memory[] = {
	{ 8, FAKE_PFN + 0x100, ORDER },
	{ 16, FAKE_PFN + 0x200, ORDER },
	{ 4, FAKE_PFN + 0x302, T1X_PIN_PAGE },
	{ 8, FAKE_PFN + 0x400, ORDER },
};

static struct world {
	struct kunit *test;
	struct t1x_account account;
	long pins[0x800]; /* of folios, by their first frame */
	bool gone[NR];
} world;

static unsigned int order_of(const struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(memory); i++) {
		if (pfn - memory[i].pfn < memory[i].npages)
			return memory[i].kind;
	}
	return 0;
}

static long *pins_of(unsigned long pfn)
{
	pfn &= ~(BIT(order_of(pfn_to_page(pfn))) - 1);
	return &world.pins[pfn - FAKE_PFN];
}

static int fake_gup(unsigned long start, int nr, unsigned int flags,
		    struct page **pages)
{
	unsigned long page = (start - FAKE_VADDR) >> PAGE_SHIFT;
	int i;

	for (i = 0; i < nr; i++) {
		pages[i] = pfn_to_page(fake_mem_pfn(page + i));
		++*pins_of(page_to_pfn(pages[i]));
	}
	return nr;
}

static void fake_unpin(struct page *page, unsigned long npages)
{
	unsigned long pfn = page_to_pfn(page);

	for (; npages--; pfn++) {
		if (--*pins_of(pfn) < 0)
			fake_complain("pfn 0x%lx is unpinned too often", pfn);
	}
}

/* Is anything left of the folio of a page? */
static bool is_needed(long *const *pins, unsigned int page)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		if (!world.gone[i] && pins[i] == pins[page])
			return true;
	}
	return false;
}

/* Every page that has not gone is held; a folio that has gone as a whole is not. */
static void check_held(const struct t1x_dma *dma, const char *when)
{
	unsigned long page = (dma->vaddr - FAKE_VADDR) >> PAGE_SHIFT;
	long *pins[NR];
	unsigned int i;

	for (i = 0; i < NR; i++)
		pins[i] = pins_of(fake_mem_pfn(page + i));
	for (i = 0; i < NR; i++) {
		if (!!*pins[i] != is_needed(pins, i))
			fake_complain("%s: page %lu+%u has %ld pins", when,
				      page, i, *pins[i]);
	}
}

/* A mapping of the table from a page on, filled as backing.c does. */
static struct t1x_dma *fill(struct kunit *test, unsigned long page,
			    unsigned long granule)
{
	const struct t1x_pin_opts opts = {};
	struct t1x_dma *dma;
	struct t1x_pin pin;
	int nr, i;

	dma = t1x_dma_alloc(IOVA_PAGE << PAGE_SHIFT,
			    ((IOVA_PAGE + NR) << PAGE_SHIFT) - 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	dma->account = &world.account;
	dma->prot = IOMMU_READ | IOMMU_WRITE;
	dma->vaddr = FAKE_VADDR + (page << PAGE_SHIFT);
	t1x_dma_set_granule(dma, granule << PAGE_SHIFT);
	memset(world.gone, 0, sizeof(world.gone));

	t1x_pin_begin(&pin, dma, &opts);
	while ((nr = t1x_pin_batch(&pin)) > 0) {
		for (i = 0; i < nr; i++) {
			t1x_dma_pin_add(dma, dma->mapped, pin.runs[i].kind);
			dma->mapped += pin.runs[i].npages;
		}
		t1x_pin_accept(&pin, nr);
	}
	t1x_pin_end(&pin);
	KUNIT_EXPECT_EQ(test, 0, nr);
	KUNIT_EXPECT_EQ(test, NR, (int)dma->mapped);
	KUNIT_EXPECT_EQ(test, (long)NR, fake_pin.charged);
	return dma;
}

/* What of [first, end) is one run and has not gone, from @first on. */
static unsigned long run_left(unsigned long page, unsigned long first,
			      unsigned long end)
{
	unsigned long n = 0;

	end = min(end, first + fake_mem_run(page + first));
	while (first + n < end && !world.gone[first + n])
		n++;
	return n;
}

/* Unpin pages [first, end), run by run, but for what has gone. */
static void release(const struct t1x_dma *dma, unsigned long first,
		    unsigned long end)
{
	unsigned long page = (dma->vaddr - FAKE_VADDR) >> PAGE_SHIFT;
	unsigned long n, charged;

	for (; first < end; first += max(n, 1UL)) {
		n = run_left(page, first, end);
		if (!n)
			continue;
		charged = t1x_pin_release(dma, first,
					  fake_mem_pfn(page + first), n);
		t1x_account_refund(&world.account, charged);
		memset(&world.gone[first], true, n);
	}
	t1x_account_settle(&world.account);
}

/* One range goes, then what is left. */
static void release_in_two(struct kunit *test, unsigned long page,
			   unsigned long granule, unsigned long first,
			   unsigned long end)
{
	struct t1x_dma *dma = fill(test, page, granule);

	release(dma, first, end);
	check_held(dma, "cut");
	KUNIT_EXPECT_EQ(test, (long)(NR - (end - first)), fake_pin.charged);
	release(dma, 0, NR);
	check_held(dma, "gone");
	KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);
	t1x_dma_free(dma);
}

/* Granules smaller and larger than the folios, which are aligned in every way. */
static void every_part_of_every_alignment(struct kunit *test)
{
	unsigned long page, granule, first, end;

	for (granule = 1; granule <= 8; granule <<= 1) {
		for (page = 0; page <= 12; page += granule == 1 ? 3 : 1) {
			for (first = 0; first < NR; first += granule) {
				for (end = first + granule; end <= NR;
				     end += granule)
					release_in_two(test, page, granule,
						       first, end);
			}
			cond_resched();
		}
	}
}

/* Without a granule one pin holds what a mapping has of a folio. */
static void a_folio_is_held_once(struct kunit *test)
{
	struct t1x_dma *dma;
	unsigned long page, end;

	for (page = 0; page < 8; page++) {
		dma = fill(test, page, 0);
		end = NR;
		KUNIT_EXPECT_EQ(test, ORDER,
				(int)t1x_dma_pin_kind(dma, 0, &end));
		KUNIT_EXPECT_EQ(test, 1L, *pins_of(fake_mem_pfn(page)));
		release(dma, 0, NR);
		check_held(dma, "gone");
		t1x_dma_free(dma);
	}
}

/* One pin for each granule of a folio, or for each page where they are not aligned. */
static void a_granule_has_a_pin_of_its_own(struct kunit *test)
{
	unsigned long granule, page, end = 1;
	struct t1x_dma *dma;

	for (granule = 1; granule <= 16; granule <<= 1) {
		for (page = 0; page < 8; page++) {
			bool aligned = !(page & (granule - 1));
			unsigned long n = min(8UL, granule);

			dma = fill(test, page, granule);
			KUNIT_EXPECT_EQ(test, aligned ? ilog2(n) : T1X_PIN_PAGE,
					(int)t1x_dma_pin_kind(dma, 0, &end));
			KUNIT_EXPECT_EQ(test,
					(long)(aligned ? (8 - page) / n :
							 8 - page),
					*pins_of(fake_mem_pfn(page)));
			release(dma, 0, NR);
			t1x_dma_free(dma);
		}
	}
}

static struct kunit_case pin_cases[] = {
	KUNIT_CASE(every_part_of_every_alignment),
	KUNIT_CASE(a_folio_is_held_once),
	KUNIT_CASE(a_granule_has_a_pin_of_its_own),
	{}
};

static int pin_init(struct kunit *test)
{
	fake_init(test);
	fake_pin_init(test);
	fake_mem_set(memory, ARRAY_SIZE(memory));
	memset(&world, 0, sizeof(world));
	world.test = test;
	return t1x_dma_cache_create();
}

static void pin_exit(struct kunit *test)
{
	fake_pin_exit(test);
	fake_exit(test);
	t1x_dma_cache_destroy();
}

static struct kunit_suite pin_suite = {
	.name = "t1x_pin",
	.init = pin_init,
	.exit = pin_exit,
	.test_cases = pin_cases,
};

kunit_test_suite(pin_suite);
