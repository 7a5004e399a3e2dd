// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page sizes and the contiguity record, against a set that is kept naively.
 */
#include "../pgsize.c"

#include <kunit/test.h>
#include <linux/bitmap.h>
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

static struct kunit_case pgsize_cases[] = {
	KUNIT_CASE(smallest_page_size),
	KUNIT_CASE(sizes_below_a_page_are_folded),
	KUNIT_CASE(empty_record_never_jumps),
	KUNIT_CASE(every_order_and_phase_of_a_pair),
	KUNIT_CASE(every_set_of_jumps_in_a_small_space),
	KUNIT_CASE(edges_of_segments),
	KUNIT_CASE(random_jumps_against_the_set),
	{}
};

static struct kunit_suite pgsize_suite = {
	.name = "t1x_pgsize",
	.test_cases = pgsize_cases,
};

kunit_test_suite(pgsize_suite);

MODULE_DESCRIPTION("KUnit tests of vfio_iommu_type1x");
MODULE_LICENSE("GPL");
