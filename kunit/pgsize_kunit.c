// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page sizes and the contiguity record, against a set that is kept naively; cuts of
 * runs, against drivers that are kept naively.
 */
#include "../pgsize.c"

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#define SEED 0x7431780001ULL

/* The model: every page offset at which a jump was recorded. */
struct jumps {
	DECLARE_BITMAP(set, T1X_SEG_PAGES);
};

static void smallest_page_size(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < BITS_PER_LONG; i++) {
		KUNIT_EXPECT_EQ(test, BIT(i), t1x_pgsize_min(BIT(i)));
		KUNIT_EXPECT_EQ(test, BIT(i), t1x_pgsize_min(~(BIT(i) - 1)));
	}
}

static void sizes_below_a_page_are_folded(struct kunit *test)
{
	unsigned long two = SZ_4K | SZ_2M;

	KUNIT_EXPECT_EQ(test, two, t1x_pgsize_visible(two));
	KUNIT_EXPECT_EQ(test, two, t1x_pgsize_visible(SZ_2K | SZ_2M));
	KUNIT_EXPECT_EQ(test, two, t1x_pgsize_visible(SZ_512 | SZ_4K | SZ_2M));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, t1x_pgsize_visible(1));
	KUNIT_EXPECT_EQ(test, (unsigned long)SZ_64K,
			t1x_pgsize_visible(SZ_64K));
	KUNIT_EXPECT_EQ(test, PAGE_MASK, t1x_pgsize_visible(PAGE_MASK));
	KUNIT_EXPECT_EQ(test, PAGE_MASK, t1x_pgsize_visible(ULONG_MAX));
	KUNIT_EXPECT_EQ(test, 0UL, t1x_pgsize_visible(0));
}

/* A record must have every jump of the model, and next() must walk the record. */
static void check_record(struct kunit *test, t1x_contig seg,
			 const unsigned long *set, unsigned long base,
			 unsigned long nr)
{
	unsigned long page, next = base;

	for (page = 0; page < nr; page++) {
		bool may = t1x_pgsize_contig_may_jump(seg, base + page);

		if (test_bit(page, set) && !may)
			KUNIT_FAIL(test, "record 0x%x lost the jump at %lu",
				   seg, page);
	}

	/* next() stops at each page that may jump, at no other, and at the end. */
	for (page = base; page < base + nr; page++) {
		bool stop = page == next;

		if (page != base &&
		    t1x_pgsize_contig_may_jump(seg, page) != stop)
			KUNIT_FAIL(test, "record 0x%x: next is 0x%lx at 0x%lx",
				   seg, next, page);
		if (page == base || page == next) {
			next = t1x_pgsize_contig_next(seg, page);
			KUNIT_EXPECT_GT(test, next, page);
		}
	}
}

/*
 * The record is a step and a phase; the best one for a set has the largest step
 * that divides all distances in it.
 */
static t1x_contig best_record(const unsigned long *set, unsigned long nr)
{
	unsigned long first = find_first_bit(set, nr), page;
	unsigned int order = T1X_SEG_ORDER;

	if (first == nr)
		return 0;

	for_each_set_bit(page, set, nr) {
		while ((page - first) & (BIT(order) - 1))
			order--;
	}
	return BIT(order) | (first & (BIT(order) - 1));
}

static void every_set_of_jumps_in_a_small_space(struct kunit *test)
{
	unsigned long base = 5 * T1X_SEG_PAGES;
	unsigned long set, page;
	t1x_contig seg;

	for (set = 0; set < BIT(12); set++) {
		seg = 0;
		for_each_set_bit(page, &set, 12)
			t1x_pgsize_contig_add(&seg, base + page);
		KUNIT_ASSERT_EQ(test, best_record(&set, 12), seg);
		check_record(test, seg, &set, base, 12);

		/* The order in which jumps are added does not matter. */
		seg = 0;
		for (page = 12; page--;) {
			if (test_bit(page, &set))
				t1x_pgsize_contig_add(&seg, base + page);
		}
		KUNIT_ASSERT_EQ(test, best_record(&set, 12), seg);
	}
}

static void every_order_and_phase_of_a_pair(struct kunit *test)
{
	unsigned int order;

	for (order = 0; order < T1X_SEG_ORDER; order++) {
		unsigned long phase = BIT(order) - 1;
		t1x_contig seg = 0;

		t1x_pgsize_contig_add(&seg, phase);
		KUNIT_EXPECT_EQ(test, BIT(T1X_SEG_ORDER) | phase,
				(unsigned long)seg);
		t1x_pgsize_contig_add(&seg, phase + BIT(order));
		KUNIT_EXPECT_EQ(test, BIT(order) | phase, (unsigned long)seg);

		/* Adding what is there changes nothing. */
		t1x_pgsize_contig_add(&seg, phase);
		KUNIT_EXPECT_EQ(test, BIT(order) | phase, (unsigned long)seg);
		KUNIT_EXPECT_EQ(test, phase + BIT(order),
				t1x_pgsize_contig_next(seg, phase));
	}
}

static void empty_record_never_jumps(struct kunit *test)
{
	unsigned long base = 3 * T1X_SEG_PAGES;

	KUNIT_EXPECT_FALSE(test, t1x_pgsize_contig_may_jump(0, base));
	KUNIT_EXPECT_EQ(test, base + T1X_SEG_PAGES,
			t1x_pgsize_contig_next(0, base));
	KUNIT_EXPECT_EQ(test, base + T1X_SEG_PAGES,
			t1x_pgsize_contig_next(0, base + T1X_SEG_PAGES - 1));
	KUNIT_EXPECT_EQ(test, base, t1x_pgsize_contig_next(0, base - 1));
}

/* -1, 0, +1 page at the edges of segments, up to the last page there is. */
static void edges_of_segments(struct kunit *test)
{
	static const unsigned long edges[] = {
		1,
		T1X_SEG_PAGES,
		2 * T1X_SEG_PAGES,
		(ULONG_MAX >> PAGE_SHIFT) - 1,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		for (j = 0; j < 3; j++) {
			unsigned long page = edges[i] + j - 1;
			unsigned long end = (page | (T1X_SEG_PAGES - 1)) + 1;
			unsigned long next;
			t1x_contig seg = 0;
			bool jumps;

			t1x_pgsize_contig_add(&seg, page);
			jumps = t1x_pgsize_contig_may_jump(seg, page);
			KUNIT_EXPECT_TRUE(test, jumps);
			KUNIT_EXPECT_EQ(test, end,
					t1x_pgsize_contig_next(seg, page));
			next = t1x_pgsize_contig_next(seg, page - 1);
			if (page & (T1X_SEG_PAGES - 1))
				KUNIT_EXPECT_EQ(test, page, next);
		}
	}
}

static void random_jumps_against_the_set(struct kunit *test)
{
	struct jumps *jumps = kunit_kzalloc(test, sizeof(*jumps), GFP_KERNEL);
	struct rnd_state rnd;
	unsigned int round, i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, jumps);
	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (round = 0; round < 40; round++) {
		unsigned int order = prandom_u32_state(&rnd) % T1X_SEG_ORDER;
		unsigned int nr = 1 + prandom_u32_state(&rnd) % 8;
		unsigned long phase = prandom_u32_state(&rnd) &
				      (BIT(order) - 1);
		t1x_contig seg = 0;

		bitmap_zero(jumps->set, T1X_SEG_PAGES);
		for (i = 0; i < nr; i++) {
			u32 page = prandom_u32_state(&rnd) % T1X_SEG_PAGES;

			page = (page & ~(BIT(order) - 1)) | phase;
			__set_bit(page, jumps->set);
			t1x_pgsize_contig_add(&seg, page);
		}
		KUNIT_ASSERT_EQ(test, best_record(jumps->set, T1X_SEG_PAGES),
				seg);
		check_record(test, seg, jumps->set, 0, T1X_SEG_PAGES);
	}
}

/* ---- Where iommu_map calls are cut ---- */

#define CUT_SIZES 5 /* leaves of 1 to 16 pages */
#define CUT_PAGES 40 /* of the space */
#define CUT_PFN 1024UL /* as aligned as any leaf */

/* The smallest universe in which every rule of t1x_pgsize_cut() bites. */
struct cut_world {
	unsigned long hw; /* leaves that there are, a bit for each order */
	unsigned long allowed; /* of these */
	unsigned long delta; /* between page numbers and frames */
	unsigned long granule; /* pages, or 0 */
};

static bool leaf_fits(const struct cut_world *w, unsigned int order,
		      unsigned long page, unsigned long end)
{
	unsigned long align = page | (CUT_PFN + w->delta + page);

	return !(align & (BIT(order) - 1)) && page + BIT(order) <= end;
}

/* A driver that takes the largest leaf that fits. Return: leaves; 0 if a wrong one. */
static unsigned int greedy_leaves(const struct cut_world *w, unsigned long page,
				  unsigned long end)
{
	unsigned int leaves = 0;

	while (page < end) {
		int order = CUT_SIZES - 1;

		while (!(w->hw & BIT(order)) || !leaf_fits(w, order, page, end))
			order--;
		if (!(w->allowed & BIT(order)) ||
		    (w->granule && BIT(order) > w->granule))
			return 0;
		leaves++;
		page += BIT(order);
	}
	return leaves;
}

/* Could a driver that takes any leaf find a place for a forbidden one? */
static bool has_forbidden_place(const struct cut_world *w, unsigned long page,
				unsigned long end)
{
	unsigned int order;
	unsigned long at;

	for (order = 0; order < CUT_SIZES; order++) {
		if (!(w->hw & ~w->allowed & BIT(order)))
			continue;
		for (at = page; at < end; at++) {
			if (leaf_fits(w, order, at, end))
				return true;
		}
	}
	return false;
}

/* A call that is one allowed leaf leaves no choice to a driver that is sane. */
static bool is_one_leaf(const struct cut_world *w, unsigned long page,
			unsigned long end)
{
	unsigned long n = end - page;

	return is_power_of_2(n) && w->allowed & BIT(ilog2(n)) &&
	       leaf_fits(w, ilog2(n), page, end);
}

/* The fewest allowed leaves from @page on; @best knows it for the pages above. */
static unsigned int best_leaves(const struct cut_world *w, unsigned long page,
				unsigned long end, const u8 *best)
{
	unsigned int order, fewest = U8_MAX;

	for (order = 0; order < CUT_SIZES; order++) {
		if (!(w->allowed & BIT(order)) ||
		    (w->granule && BIT(order) > w->granule) ||
		    !leaf_fits(w, order, page, end))
			continue;
		fewest = min(fewest, 1U + best[page + BIT(order)]);
	}
	return fewest;
}

/* What is wrong with the call at @page, or NULL; @leaves counts them up to @end. */
static const char *check_call(const struct cut_world *w, unsigned long page,
			      unsigned long end, unsigned long n, u8 *leaves)
{
	unsigned int in_call;

	if (!n || n > end - page)
		return "no progress, or beyond the end";
	if (w->granule && page / w->granule != (page + n - 1) / w->granule)
		return "spans a granule";
	if (!is_one_leaf(w, page, page + n) &&
	    has_forbidden_place(w, page, page + n))
		return "has room for a forbidden leaf";

	in_call = greedy_leaves(w, page, page + n);
	if (!in_call)
		return "forbidden leaf, or larger than the granule";
	leaves[page] = in_call + leaves[page + n];
	return NULL;
}

/* Every run that ends at @end. A cut depends on nothing that lies below it. */
static const char *check_runs_to(const struct cut_world *w, unsigned long end,
				 unsigned long *page)
{
	const struct t1x_leaves rule = {
		.allowed = w->allowed << PAGE_SHIFT,
		.granule = w->granule << PAGE_SHIFT,
	};
	u8 leaves[CUT_PAGES + 1], best[CUT_PAGES + 1];
	const char *wrong = NULL;

	leaves[end] = 0;
	best[end] = 0;
	for (*page = end; (*page)-- && !wrong;) {
		unsigned long n =
			t1x_pgsize_cut(w->hw << PAGE_SHIFT, &rule, *page,
				       CUT_PFN + w->delta + *page, end - *page);

		wrong = check_call(w, *page, end, n, leaves);
		best[*page] = best_leaves(w, *page, end, best);
		if (!wrong && leaves[*page] != best[*page])
			wrong = "more leaves than needed";
		if (wrong)
			break;
	}
	return wrong;
}

static void check_world(struct kunit *test, const struct cut_world *w)
{
	unsigned long page, end;
	const char *wrong;

	for (end = 1; end <= CUT_PAGES; end++) {
		wrong = check_runs_to(w, end, &page);
		if (!wrong)
			continue;
		KUNIT_FAIL(test, "hw 0x%lx, allowed 0x%lx, granule %lu: %s",
			   w->hw, w->allowed, w->granule, wrong);
		kunit_info(test, "%lu-%lu, delta %lu\n", page, end, w->delta);
		return;
	}
	cond_resched();
}

/*
 * Every set of leaves, every subset of it, every granule, alignment and length. All
 * leaves are allowed ones, and as few as can be.
 */
static void every_cut_in_a_small_space(struct kunit *test)
{
	static const unsigned long deltas[] = { 0, 1, 2, 4, 6, 8 };
	struct cut_world w;
	unsigned int i, order;

	for (w.hw = 1; w.hw < BIT(CUT_SIZES); w.hw += 2) {
		for (w.allowed = 1; w.allowed <= w.hw; w.allowed += 2) {
			if (w.allowed & ~w.hw)
				continue;
			for (i = 0; i < ARRAY_SIZE(deltas); i++) {
				w.delta = deltas[i];
				for (order = 0; order <= CUT_SIZES; order++) {
					w.granule = order < CUT_SIZES ?
							    BIT(order) :
							    0;
					check_world(test, &w);
				}
			}
		}
	}
}

/* Page by page: as many of one size as follow each other. */
static unsigned long naive_piece(unsigned long sizes, unsigned long page,
				 unsigned long npages)
{
	unsigned long size = t1x_pgsize_fit(sizes, page, page, npages);
	unsigned long n = size;

	while (n < npages &&
	       t1x_pgsize_fit(sizes, page + n, page + n, npages - n) == size)
		n += size;
	return n;
}

static void check_pieces(struct kunit *test, unsigned long sizes,
			 unsigned long page)
{
	unsigned long npages, piece;

	for (npages = 1; page + npages <= 64; npages++) {
		piece = t1x_pgsize_piece(sizes << PAGE_SHIFT, page, npages);
		KUNIT_ASSERT_EQ(test, naive_piece(sizes, page, npages), piece);
	}
}

static void every_piece_in_a_small_space(struct kunit *test)
{
	unsigned long sizes, page;

	for (sizes = 1; sizes < 64; sizes += 2) {
		for (page = 0; page < 64; page++)
			check_pieces(test, sizes, page);
		cond_resched();
	}
}

static void pieces_of_true_sizes(struct kunit *test)
{
	const unsigned long vtd = SZ_4K | SZ_2M | SZ_1G;
	const unsigned long last = ULONG_MAX >> PAGE_SHIFT;
	const struct {
		unsigned long pgsizes;
		unsigned long page;
		unsigned long npages;
		unsigned long want;
	} rows[] = {
		{ vtd, 511, 1, 1 },
		{ vtd, 511, 512, 512 },
		{ vtd, 511, 513, 1 },
		{ vtd, 512, 513, 512 },
		{ vtd, 512, BIT(18), BIT(18) },
		{ vtd, 512, BIT(19), BIT(18) - 512 },
		{ vtd, 0, BIT(20) + 5, BIT(20) },
		{ SZ_4K, 3, BIT(20), BIT(20) },
		{ SZ_2M, 1, 512, 512 }, /* nothing fits */
		{ vtd, last, 1, 1 },
		{ vtd, last - 511, 512, 512 },
		{ vtd, last - 512, 513, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, rows[i].want,
				    t1x_pgsize_piece(rows[i].pgsizes,
						     rows[i].page,
						     rows[i].npages),
				    "row %u", i);
}

/* What VT-d, and AMD's every power of two, do at the true sizes. */
static void cuts_of_true_sizes(struct kunit *test)
{
	const unsigned long vtd = SZ_4K | SZ_2M | SZ_1G;
	const struct {
		unsigned long pgsizes;
		struct t1x_leaves leaves;
		unsigned long page;
		unsigned long pfn;
		unsigned long npages;
		unsigned long want;
	} rows[] = {
		/* Nothing is forbidden: one call. */
		{ vtd, { ULONG_MAX, 0 }, 0, 0, BIT(20), BIT(20) },
		{ vtd, { ULONG_MAX, SZ_2M }, 1, 1, BIT(20), 511 },
		{ vtd, { ULONG_MAX, SZ_4K }, 0, 0, BIT(20), 1 },
		/* 4K and 1G: a leaf of 1G, or no place for one of 2M. */
		{ vtd, { SZ_4K | SZ_1G, 0 }, 0, 0, BIT(20), BIT(18) },
		{ vtd, { SZ_4K | SZ_1G, 0 }, 1, 1, BIT(20), 1022 },
		{ vtd, { SZ_4K | SZ_1G, 0 }, 512, 512, BIT(20), 511 },
		{ vtd, { SZ_4K | SZ_1G, 0 }, 512, 513, BIT(20), BIT(20) },
		{ vtd, { SZ_4K | SZ_1G, SZ_2M }, 0, 0, BIT(20), 511 },
		/* Where the leaf of 1G begins a call ends. */
		{ vtd,
		  { SZ_4K | SZ_1G, 0 },
		  BIT(18) - 3,
		  BIT(18) - 3,
		  BIT(20),
		  3 },
		/* 4K and 2M: all of 1G but the last 2M. */
		{ vtd, { SZ_4K | SZ_2M, 0 }, 0, 0, BIT(20), BIT(18) - 512 },
		{ vtd,
		  { SZ_4K | SZ_2M, 0 },
		  BIT(18) - 512,
		  BIT(18) - 512,
		  BIT(20),
		  BIT(18) },
		/* The forbidden sizes of the others below a page do not count. */
		{ vtd | SZ_2K, { vtd, 0 }, 0, 0, BIT(20), BIT(20) },
		{ PAGE_MASK, { SZ_4K | SZ_2M, 0 }, 0, 0, BIT(20), 512 },
		{ PAGE_MASK, { SZ_4K | SZ_2M, 0 }, 1, 1, BIT(20), 2 },
		/* The last page of the space. */
		{ vtd, { SZ_4K, SZ_4K }, BIT(52) - 1, 5, 1, 1 },
		{ vtd, { SZ_4K, 0 }, BIT(52) - 2, 5, 2, 2 },
		{ vtd, { SZ_4K, 0 }, BIT(52) - 512, 0, 512, 511 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, rows[i].want,
				    t1x_pgsize_cut(rows[i].pgsizes,
						   &rows[i].leaves,
						   rows[i].page, rows[i].pfn,
						   rows[i].npages),
				    "row %u", i);
}

static struct kunit_case pgsize_cases[] = {
	KUNIT_CASE(smallest_page_size),
	KUNIT_CASE(sizes_below_a_page_are_folded),
	KUNIT_CASE(empty_record_never_jumps),
	KUNIT_CASE(every_order_and_phase_of_a_pair),
	KUNIT_CASE(every_set_of_jumps_in_a_small_space),
	KUNIT_CASE(edges_of_segments),
	KUNIT_CASE(random_jumps_against_the_set),
	KUNIT_CASE(every_cut_in_a_small_space),
	KUNIT_CASE(every_piece_in_a_small_space),
	KUNIT_CASE(pieces_of_true_sizes),
	KUNIT_CASE(cuts_of_true_sizes),
	{}
};

static struct kunit_suite pgsize_suite = {
	.name = "t1x_pgsize",
	.test_cases = pgsize_cases,
};

kunit_test_suite(pgsize_suite);

MODULE_DESCRIPTION("KUnit tests of vfio_iommu_type1x");
MODULE_LICENSE("GPL");
