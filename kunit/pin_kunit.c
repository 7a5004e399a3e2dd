// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real walk over the pages of a table, for how hugetlb folios are held: a part that
 * an unmap may take by itself has pins of its own, and lets go of these and no others.
 * User memory and how it is faulted in are the selftests' to watch.
 */
#include "fake_alloc.h"

#include <linux/hugetlb.h>
#include <linux/mmap_lock.h>
#include <linux/prandom.h>
#include <linux/userfaultfd_k.h>

#include "../include/compat.h"

#include "account.h"

static unsigned int order_of(const struct page *page);
static int fake_gup(unsigned long start, int nr, unsigned int flags,
		    struct page **pages);
static void fake_unpin(struct page *page, unsigned long npages);
static long limited_charge(struct t1x_account *account, unsigned long want,
			   unsigned long orphans, bool no_limit);
static int follow_bar(struct vm_area_struct *vma, unsigned long vaddr,
		      unsigned long *pfn, unsigned long *mask, bool *writable);

/* The frames of the table have no struct page, and fake_pin.c is the other pin.c. */
#undef pfn_to_page
#undef page_to_pfn
#undef page_folio
#define pfn_to_page(pfn) ((struct page *)NULL + (pfn))
#define page_to_pfn(p) ((unsigned long)((p) - (struct page *)NULL))
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

/* What the fast path does not get is not there: the caller was killed. */
#define mmap_read_lock_killable(mm) ((void)(mm), -EINTR)
#define t1x_account_charge limited_charge
#define t1x_compat_follow_pfnmap follow_bar
#define t1x_compat_unpin_page(page, dirty) ((void)(dirty), fake_unpin(page, 1))
/* A limit is met all the time. */
#undef pr_warn_ratelimited
#define pr_warn_ratelimited(...) no_printk(__VA_ARGS__)

#define t1x_pin_begin real_pin_begin
#define t1x_pin_batch real_pin_batch
#define t1x_pin_accept real_pin_accept
#define t1x_pin_end real_pin_end
#define t1x_pin_whole real_pin_whole
#define t1x_pin_release real_pin_release
#define t1x_pin_pages real_pin_pages
#define t1x_pin_put_page real_pin_put_page

#include "../pin.c"

#undef t1x_account_charge
#undef t1x_compat_follow_pfnmap
#undef t1x_compat_unpin_page

#include "fake_pin.h"

#define SEED 0x7431780021ULL
#define ORDER 3 /* of the hugetlb folios */
#define NR 24
/* More aligned than anything else; and so that @npages end the 64-bit space. */
#define LOW_PAGE 0x1000UL
#define LAST_PAGES(npages) ((ULONG_MAX >> PAGE_SHIFT) - (npages) + 1)

/* Where the mapping of a case begins, in pages. */
static const struct place {
	const char *name;
	unsigned long first;
} places[] = { { "low", LOW_PAGE }, { "last", LAST_PAGES(NR) } };

static void place_describe(const struct place *place, char *desc)
{
	strscpy(desc, place->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(place, places, place_describe);

/* More than GUP is asked for at a time. */
#define TABLE_PAGES 640
#define TABLE_FRAMES SZ_8K

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
	unsigned long limit; /* pages that may be charged */
	unsigned int max_gup; /* pages that GUP gets at a time; 0 is no limit */
	unsigned long fault_at; /* this page of the table is not there */

	/* The table of memory, and what its frames are. */
	unsigned int npages;
	unsigned long pfn[TABLE_PAGES];
	u8 order[TABLE_FRAMES]; /* of the folio */
	long pins[TABLE_FRAMES]; /* of folios, by their first frame */
	bool gone[NR];
} world;

static unsigned int order_of(const struct page *page)
{
	return world.order[page_to_pfn(page) - FAKE_PFN];
}

/* The first frame of a folio, counted from FAKE_PFN on. */
static unsigned long folio_of(unsigned long pfn)
{
	pfn &= ~(BIT(order_of(pfn_to_page(pfn))) - 1);
	return pfn - FAKE_PFN;
}

static long *pins_of(unsigned long pfn)
{
	return &world.pins[folio_of(pfn)];
}

/* More of the table: contiguous pages of folios of one order. */
static void add_memory(unsigned long pfn, unsigned long npages, u8 order)
{
	for (; npages--; pfn++) {
		world.order[pfn - FAKE_PFN] = order;
		world.pfn[world.npages++] = pfn;
	}
}

static int fake_gup(unsigned long start, int nr, unsigned int flags,
		    struct page **pages)
{
	unsigned long page = (start - FAKE_VADDR) >> PAGE_SHIFT;
	int i;

	if (page + nr > world.npages)
		fake_complain("page %lu+%d is not in the table", page, nr);
	if (world.max_gup)
		nr = min_t(int, nr, world.max_gup);
	for (i = 0; i < nr && page + i != world.fault_at; i++) {
		pages[i] = pfn_to_page(world.pfn[page + i]);
		++*pins_of(page_to_pfn(pages[i]));
	}
	return i;
}

static void fake_unpin(struct page *page, unsigned long npages)
{
	unsigned long pfn = page_to_pfn(page);

	for (; npages--; pfn++) {
		if (--*pins_of(pfn) < 0)
			fake_complain("pfn 0x%lx is unpinned too often", pfn);
	}
}

static long limited_charge(struct t1x_account *account, unsigned long want,
			   unsigned long orphans, bool no_limit)
{
	unsigned long used = fake_pin.charged + orphans;

	if (!no_limit)
		want = min(want, world.limit - min(world.limit, used));
	return t1x_account_charge(account, want, orphans, no_limit);
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
		pins[i] = pins_of(world.pfn[page + i]);
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
	const struct place *place = test->param_value;
	const struct t1x_pin_opts opts = {};
	struct t1x_dma *dma;
	struct t1x_pin pin;
	int nr, i;

	dma = t1x_dma_alloc(place->first << PAGE_SHIFT,
			    ((place->first + NR) << PAGE_SHIFT) - 1);
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
	const unsigned long *pfn = &world.pfn[page + first];
	unsigned long n = 0;

	while (first + n < end && !world.gone[first + n] && pfn[n] == *pfn + n)
		n++;
	return n;
}

static unsigned long release_run(const struct t1x_dma *dma, unsigned long index,
				 unsigned long pfn, unsigned long npages)
{
	const struct t1x_extent run = { .pfn = pfn, .npages = npages };

	return t1x_pin_release(dma, index, &run, 1);
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
		charged = release_run(dma, first, world.pfn[page + first], n);
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
		KUNIT_EXPECT_EQ(test, 1L, *pins_of(world.pfn[page]));
		release(dma, 0, NR);
		check_held(dma, "gone");
		t1x_dma_free(dma);
	}
}

/* One pin for each granule of a folio, or for each page where they are not aligned. */
static void a_granule_has_a_pin_of_its_own(struct kunit *test)
{
	const struct place *place = test->param_value;
	unsigned long granule, page, end = 1;
	struct t1x_dma *dma;

	for (granule = 1; granule <= 16; granule <<= 1) {
		/* No mapping with a granule begins inside one. */
		if (place->first % granule)
			continue;
		for (page = 0; page < 8; page++) {
			bool aligned = !(page & (granule - 1));
			unsigned long n = min(8UL, granule);

			dma = fill(test, page, granule);
			KUNIT_EXPECT_EQ(test, aligned ? ilog2(n) : T1X_PIN_PAGE,
					(int)t1x_dma_pin_kind(dma, 0, &end));
			KUNIT_EXPECT_EQ(test,
					(long)(aligned ? (8 - page) / n :
							 8 - page),
					*pins_of(world.pfn[page]));
			release(dma, 0, NR);
			t1x_dma_free(dma);
		}
	}
}

/* ---- Random memory ---- */

/* Of a walk: what it is asked, and what the mapping has got from it. */
struct walk {
	struct kunit *test;
	struct t1x_dma *dma;
	struct t1x_pin_opts opts;
	unsigned long page; /* of the table */
	unsigned long npages;
	unsigned long granule; /* pages, or 0 */
	unsigned long payable; /* pages that the limit allows */
	unsigned long fault; /* the page that is not there; npages: none */
	unsigned int few; /* 1: no room for pages, 2: for runs */

	unsigned long mapped;
	struct t1x_run last; /* the one before */
	bool held[TABLE_PAGES];
	u8 kind[TABLE_PAGES];
	long want[TABLE_FRAMES]; /* pins, as world.pins */
};

static unsigned int below(struct rnd_state *rnd, unsigned int n)
{
	return prandom_u32_state(rnd) % n;
}

/* Folios and single pages, some contiguous with what is before them. */
static void new_memory(struct rnd_state *rnd, unsigned long npages)
{
	static const u8 orders[] = { 0, 0, 0, 1, 2, 3, 4, 9 };
	unsigned long n, pfn = FAKE_PFN;
	u8 order;

	world.npages = 0;
	memset(world.order, 0, sizeof(world.order));
	while (world.npages < npages) {
		order = orders[below(rnd, ARRAY_SIZE(orders))];
		n = order ? BIT(order) : 1 + below(rnd, 4);
		if (n > npages - world.npages) {
			order = 0;
			n = 1;
		}
		if (below(rnd, 2))
			pfn += below(rnd, 8);
		pfn = ALIGN(pfn, BIT(order));
		add_memory(pfn, n, order);
		pfn += n;
	}
}

/* Which granules can be mapped, ends and all? */
static unsigned long new_granule(struct rnd_state *rnd, struct walk *w)
{
	unsigned long granule = BIT(below(rnd, 6));

	if (below(rnd, 2) || granule > w->npages)
		return 0;

	w->npages = round_down(w->npages, granule);
	return granule;
}

static void new_walk(struct rnd_state *rnd, struct walk *w)
{
	unsigned long first = LOW_PAGE;

	new_memory(rnd, 1 + below(rnd, below(rnd, 2) ? 16 : TABLE_PAGES));
	w->page = below(rnd, world.npages);
	w->npages = 1 + below(rnd, world.npages - w->page);
	w->granule = new_granule(rnd, w);
	w->few = below(rnd, 3);
	world.max_gup = below(rnd, 2) ? 1 + below(rnd, 40) : 0;

	/* At the end of the 64-bit space, as often as not. */
	if (below(rnd, 2))
		first = LAST_PAGES(w->npages);
	w->dma = t1x_dma_alloc(first << PAGE_SHIFT,
			       ((first + w->npages) << PAGE_SHIFT) - 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(w->test, w->dma);
	w->dma->account = &world.account;
	w->dma->prot = IOMMU_READ | IOMMU_WRITE;
	w->dma->vaddr = FAKE_VADDR + (w->page << PAGE_SHIFT);
	t1x_dma_set_granule(w->dma, w->granule << PAGE_SHIFT);
}

/* Who can pay for how much, and where it ends. */
static void new_limits(struct rnd_state *rnd, struct walk *w)
{
	unsigned long fault = below(rnd, w->npages);

	w->opts.single = !below(rnd, 8);
	w->opts.lock_cap = !below(rnd, 8);
	w->opts.credit = below(rnd, 3) ? 0 : below(rnd, w->npages + 1);
	w->opts.orphans = below(rnd, 20);
	world.limit = w->opts.orphans + w->npages + 20;
	if (!below(rnd, 4))
		world.limit = below(rnd, world.limit);
	w->payable = max(w->opts.credit,
			 world.limit - min(world.limit, w->opts.orphans));
	if (w->opts.lock_cap)
		w->payable = ULONG_MAX;

	/* GUP need not look at what is not the first page of a folio. */
	w->fault = w->npages;
	world.fault_at = ULONG_MAX;
	if (!below(rnd, 4) &&
	    !order_of(pfn_to_page(world.pfn[w->page + fault]))) {
		w->fault = fault;
		world.fault_at = w->page + fault;
	}
}

/* How a page is held if it is not by a pin of its own. */
static u8 piece_of(const struct walk *w, unsigned long index)
{
	unsigned long pfn = world.pfn[w->page + index];
	unsigned long page = (w->dma->iova >> PAGE_SHIFT) + index;
	u8 order = order_of(pfn_to_page(pfn));

	if (w->opts.single)
		return T1X_PIN_PAGE;
	if (!w->granule)
		return order;
	if ((pfn ^ page) & (w->granule - 1))
		return T1X_PIN_PAGE;
	while (BIT(order) > w->granule)
		order--;
	return order;
}

/* Is a page held by another pin than the one before it? */
static bool has_pin(const struct walk *w, unsigned long index)
{
	unsigned long pfn = world.pfn[w->page + index];
	u8 kind = w->kind[index];

	return !index || kind != w->kind[index - 1] ||
	       !(pfn & (BIT(kind) - 1)) ||
	       world.pfn[w->page + index - 1] != pfn - 1;
}

static void check_pins(struct walk *w, const char *when)
{
	unsigned long i, charged = 0;

	memset(w->want, 0, sizeof(w->want));
	for (i = 0; i < w->mapped; i++) {
		charged += w->held[i];
		if (w->held[i] && has_pin(w, i))
			w->want[folio_of(world.pfn[w->page + i])]++;
	}
	if (charged != fake_pin.charged)
		fake_complain("%s: %ld pages are charged, not %lu", when,
			      fake_pin.charged, charged);
	for (i = 0; i < TABLE_FRAMES; i++) {
		if (world.pins[i] != w->want[i])
			fake_complain("%s: frame 0x%lx has %ld pins, not %ld",
				      when, i, world.pins[i], w->want[i]);
	}
}

/* A run belongs to the mapping: is it what the table says, and as long as it can be? */
static void accept_run(struct walk *w, const struct t1x_run *run)
{
	unsigned long i, index = w->mapped;

	if (!run->npages || run->npages > w->npages - index ||
	    (w->opts.single && run->npages != 1)) {
		fake_complain("a run of %u pages", run->npages);
		return;
	}
	if (index && !w->opts.single && run->kind == w->last.kind &&
	    run->pfn == w->last.pfn + w->last.npages)
		fake_complain("a run is cut at %lu", index);
	w->last = *run;

	KUNIT_ASSERT_EQ(w->test, 0, t1x_dma_pin_add(w->dma, index, run->kind));
	w->dma->mapped += run->npages;
	w->mapped += run->npages;
	for (i = 0; i < run->npages; i++, index++) {
		w->held[index] = true;
		w->kind[index] = run->kind;
		if (world.pfn[w->page + index] != run->pfn + i)
			fake_complain("page %lu is at pfn 0x%lx", index,
				      run->pfn + i);
		if (run->kind != T1X_PIN_PAGE &&
		    run->kind != piece_of(w, index))
			fake_complain("page %lu is held as %u", index,
				      run->kind);
	}
}

/* Until the end, or a batch of which the IOMMU takes some runs and no more. */
static void do_walk(struct rnd_state *rnd, struct walk *w)
{
	int ret, i, nr, want = 0, stop = below(rnd, 8) ? 0 : 1 + below(rnd, 3);
	struct t1x_pin pin;

	t1x_account_charge(&world.account, w->opts.credit, 0, true);
	fake_alloc.fail_at = w->few ? fake_alloc.calls + w->few : 0;
	t1x_pin_begin(&pin, w->dma, &w->opts);
	fake_alloc.fail_at = 0;
	do {
		ret = t1x_pin_batch(&pin);
		nr = --stop ? ret : below(rnd, max(ret, 1));
		for (i = 0; i < nr; i++)
			accept_run(w, &pin.runs[i]);
		if (nr > 0)
			t1x_pin_accept(&pin, nr);
	} while (ret > 0 && stop);
	t1x_pin_end(&pin);

	if (w->fault < w->npages && w->fault <= w->payable)
		want = -EINTR;
	else if (w->npages > w->payable)
		want = -ENOMEM;
	if (stop && (ret != want || (!ret && w->mapped != w->npages)))
		fake_complain("%d, not %d, after %lu of %lu pages", ret, want,
			      w->mapped, w->npages);
	check_pins(w, "mapped");
}

/* Contiguous pages that are held, from the first on that is. */
static unsigned long next_held(const struct walk *w, unsigned long *index)
{
	const unsigned long *pfn;
	unsigned long n = 0;

	while (*index < w->mapped && !w->held[*index])
		++*index;
	pfn = &world.pfn[w->page + *index];
	while (*index + n < w->mapped && w->held[*index + n] &&
	       pfn[n] == *pfn + n)
		n++;
	return n;
}

static void let_go(struct walk *w, unsigned long index, unsigned long n)
{
	unsigned long charged;

	charged = release_run(w->dma, index, world.pfn[w->page + index], n);
	if (charged != n)
		fake_complain("%lu of %lu pages were charged", charged, n);
	t1x_account_refund(&world.account, charged);
	memset(&w->held[index], false, n);
}

/* A short unmap lets go of as much of its part as cuts no piece. */
static void let_go_of_a_part(struct rnd_state *rnd, struct walk *w,
			     unsigned long index, unsigned long n)
{
	unsigned long part = below(rnd, n), whole;

	whole = t1x_pin_whole(w->dma, index, world.pfn[w->page + index], part);
	if (whole > part ||
	    (part && part - whole >= BIT(w->kind[index + part - 1])) ||
	    (whole && !has_pin(w, index + whole)))
		fake_complain("%lu pages of %lu at %lu are whole", whole, part,
			      index);
	if (whole)
		let_go(w, index, whole);
}

static void let_go_of_all(struct rnd_state *rnd, struct walk *w)
{
	unsigned long index, n;

	for (index = 0; (n = next_held(w, &index)); index += n) {
		if (below(rnd, 2))
			let_go_of_a_part(rnd, w, index, n);
		else if (below(rnd, 2))
			let_go(w, index, n);
	}
	t1x_account_settle(&world.account);
	check_pins(w, "cut");

	for (index = 0; (n = next_held(w, &index)); index += n)
		let_go(w, index, n);
	t1x_account_settle(&world.account);
	check_pins(w, "gone");
}

static void random_memory_against_the_model(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int round;
	struct walk *w;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	w = kunit_kmalloc(test, sizeof(*w), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w);
	for (round = 0; round < 300 && !fake.nr_complaints; round++) {
		memset(w, 0, sizeof(*w));
		w->test = test;
		new_walk(&rnd, w);
		new_limits(&rnd, w);
		do_walk(&rnd, w);
		let_go_of_all(&rnd, w);
		t1x_dma_free(w->dma);
		cond_resched();
	}
	if (fake.nr_complaints)
		kunit_info(test, "in round %u\n", round - 1);
}

/* ---- A BAR whose first pages are small leaves, and the others large ones ---- */

#define BAR_LEAVES (64UL * SZ_1G) /* where the large ones begin */
#define BAR_PFN BIT(36) /* no memory */

static int follow_bar(struct vm_area_struct *vma, unsigned long vaddr,
		      unsigned long *pfn, unsigned long *mask, bool *writable)
{
	*pfn = BAR_PFN + PHYS_PFN(vaddr);
	*mask = vaddr < BAR_LEAVES ? PAGE_MASK : ~(SZ_1G - 1UL);
	*writable = true;
	return 0;
}

/* Wherever it lies in the IOVA space, a part of it is two runs at most. */
static void a_part_of_a_bar_has_room(struct kunit *test)
{
	struct t1x_pin *pin = kunit_kzalloc(test, sizeof(*pin), GFP_KERNEL);
	struct vm_area_struct *vma =
		kunit_kzalloc(test, sizeof(*vma), GFP_KERNEL);
	unsigned long small, before, vaddr, npages;

	KUNIT_ASSERT_NOT_NULL(test, pin);
	KUNIT_ASSERT_NOT_NULL(test, vma);
	vma->vm_end = BAR_LEAVES + 4UL * SZ_1G;
	for (small = 1; small < 512; small += 51) {
		vaddr = BAR_LEAVES - (small << PAGE_SHIFT);
		for (before = 0; before < 600; before += 37) {
			pin->runs = pin->few_runs;
			pin->nr_runs = 0;
			pin->left = 3 * T1X_PIN_RUN_PAGES;
			pin->page = 2 * T1X_PIN_RUN_PAGES - before;
			npages = extend_pfnmap(pin, vma, vaddr,
					       BAR_PFN + PHYS_PFN(vaddr), 1);
			KUNIT_EXPECT_GT(test, npages, 512UL);
			take(pin, BAR_PFN + PHYS_PFN(vaddr), npages,
			     T1X_PIN_NONE);
			KUNIT_EXPECT_LE(test, pin->nr_runs, SPARE_RUNS + 0U);
		}
	}
}

static struct kunit_case pin_cases[] = {
	KUNIT_CASE_PARAM(every_part_of_every_alignment, place_gen_params),
	KUNIT_CASE_PARAM(a_folio_is_held_once, place_gen_params),
	KUNIT_CASE_PARAM(a_granule_has_a_pin_of_its_own, place_gen_params),
	KUNIT_CASE(random_memory_against_the_model),
	KUNIT_CASE(a_part_of_a_bar_has_room),
	{}
};

static int pin_init(struct kunit *test)
{
	unsigned int i;

	fake_init(test);
	fake_pin_init(test);
	memset(&world, 0, sizeof(world));
	world.test = test;
	world.limit = ULONG_MAX;
	world.fault_at = ULONG_MAX;
	world.account.task = &init_task;
	for (i = 0; i < ARRAY_SIZE(memory); i++)
		add_memory(memory[i].pfn, memory[i].npages, memory[i].kind);
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
