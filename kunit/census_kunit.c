// SPDX-License-Identifier: GPL-2.0-only
/*
 * The census of a mapping, against one that takes leaf by leaf as iommu_map() does.
 */
#include "../census.c"

#include <kunit/test.h>
#include <linux/sizes.h>

#define MAPPING 64 /* pages, from IOVA page 0 on */

/* Leaf by leaf, the largest that fits each time. */
static void count_naively(unsigned long sizes, unsigned long page,
			  unsigned long pfn, unsigned long npages,
			  unsigned long *by_size)
{
	unsigned long leaf;

	while (npages) {
		for (leaf = 16; leaf; leaf >>= 1) {
			if (sizes & leaf && !((page | pfn) & (leaf - 1)) &&
			    leaf <= npages)
				break;
		}
		by_size[ilog2(leaf) + PAGE_SHIFT] += leaf;
		page += leaf;
		pfn += leaf;
		npages -= leaf;
	}
}

static void check_run(struct kunit *test, struct t1x_census *census,
		      unsigned long page, unsigned long pfn,
		      unsigned long npages)
{
	unsigned long want[BITS_PER_LONG] = {};
	bool same;

	t1x_census_begin(census);
	t1x_census_add(census, page, pfn, npages);
	count_naively(census->supported >> PAGE_SHIFT, page, pfn, npages, want);
	same = !memcmp(want, census->by_size, sizeof(want));
	KUNIT_ASSERT_TRUE_MSG(test, same, "0x%lx: %lu pages at %lu, frame %lu",
			      census->supported, npages, page, pfn);
}

static void check_runs(struct kunit *test, unsigned long sizes)
{
	struct t1x_census census = {
		.supported = sizes << PAGE_SHIFT,
		.allowed = ULONG_MAX,
		.npages = MAPPING,
	};
	unsigned long page, pfn, npages;

	for (page = 0; page < 18; page++)
		for (pfn = 0; pfn < 17; pfn++)
			for (npages = 1; npages < 40; npages++)
				check_run(test, &census, page, pfn, npages);
}

static void every_run_in_a_small_space(struct kunit *test)
{
	unsigned long sizes;

	for (sizes = 1; sizes < 32; sizes += 2)
		check_runs(test, sizes);
}

/* One run, and why it is in leaves so small. */
static void reasons(struct kunit *test)
{
	const unsigned long vtd = SZ_4K | SZ_2M | SZ_1G;
	static const struct {
		unsigned long allowed, granule;
		bool single;
		unsigned long first, npages; /* the mapping */
		unsigned long page, pfn, n; /* the run */
		enum t1x_small want;
	} rows[] = {
		/* All that can be is in the largest. */
		{ ~0UL, 0, false, 0, BIT(18), 0, 0, BIT(18), T1X_SMALL_NOT },
		/* No room for a larger one. */
		{ ~0UL, 0, false, 0, 511, 0, 0, 511, T1X_SMALL_SHORT },
		{ ~0UL, 0, false, 256, 512, 256, 256, 512, T1X_SMALL_SHORT },
		{ ~0UL, 0, false, 0, 512, 0, 512, 512, T1X_SMALL_SHORT },
		/* Room, but another phase of physical memory. */
		{ ~0UL, 0, false, 0, 1024, 0, 1, 1024, T1X_SMALL_MISALIGNED },
		{ ~0UL, 0, false, 0, BIT(18), 0, 512, BIT(18),
		  T1X_SMALL_MISALIGNED },
		/* A huge page at an IOVA where it does not fit. */
		{ ~0UL, 0, false, 0, 2048, 1, 512, 512, T1X_SMALL_MISALIGNED },
		/* A run that is too short in a mapping that is not. */
		{ ~0UL, 0, false, 0, 1024, 0, 7, 1, T1X_SMALL_SCATTERED },
		{ ~0UL, 0, false, 0, 1024, 0, 512, 511, T1X_SMALL_SCATTERED },
		/* What the user asked for. */
		{ ~0UL, SZ_4K, false, 0, 1024, 0, 0, 1024, T1X_SMALL_GRANULE },
		{ ~0UL, SZ_2M, false, 0, BIT(18), 0, 0, BIT(18),
		  T1X_SMALL_GRANULE },
		{ SZ_4K | SZ_1G, 0, false, 0, 1024, 0, 0, 1024,
		  T1X_SMALL_SUBSET },
		{ SZ_4K | SZ_2M, 0, false, 0, BIT(18), 0, 0, BIT(18),
		  T1X_SMALL_SUBSET },
		{ ~0UL, 0, true, 0, 1024, 0, 0, 1024, T1X_SMALL_SINGLE },
		/* None of these is why a short mapping is in small leaves. */
		{ SZ_4K, SZ_4K, true, 0, 8, 0, 0, 8, T1X_SMALL_SHORT },
	};
	struct t1x_census census;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		census = (struct t1x_census){
			.supported = vtd,
			.allowed = rows[i].allowed,
			.granule = rows[i].granule,
			.single = rows[i].single,
			.page = rows[i].first,
			.npages = rows[i].npages,
		};
		t1x_census_begin(&census);
		t1x_census_add(&census, rows[i].page, rows[i].pfn, rows[i].n);
		KUNIT_EXPECT_EQ_MSG(test, rows[i].want, t1x_census_why(&census),
				    "row %u: %s", i,
				    t1x_small_name(t1x_census_why(&census)));
	}
}

static void most_of_it_decides(struct kunit *test)
{
	struct t1x_census census = {
		.supported = SZ_4K | SZ_2M,
		.allowed = ULONG_MAX,
		.npages = 4096,
	};

	t1x_census_begin(&census);
	t1x_census_add(&census, 0, 1, 1024);
	t1x_census_add(&census, 1024, 4, 100);
	KUNIT_EXPECT_EQ(test, T1X_SMALL_MISALIGNED, t1x_census_why(&census));
	t1x_census_add(&census, 1124, 8, 200);
	t1x_census_add(&census, 1324, 2, 211);
	t1x_census_add(&census, 1535, 5, 511);
	t1x_census_add(&census, 2046, 7, 510);
	KUNIT_EXPECT_EQ(test, T1X_SMALL_SCATTERED, t1x_census_why(&census));
	KUNIT_EXPECT_EQ(test, (unsigned long)SZ_4K, t1x_census_sizes(&census));
	t1x_census_add(&census, 2560, 512, 512);
	KUNIT_EXPECT_EQ(test, (unsigned long)(SZ_4K | SZ_2M),
			t1x_census_sizes(&census));
}

static struct kunit_case census_cases[] = {
	KUNIT_CASE(every_run_in_a_small_space),
	KUNIT_CASE(reasons),
	KUNIT_CASE(most_of_it_decides),
	{},
};

static struct kunit_suite census_suite = {
	.name = "t1x_census",
	.test_cases = census_cases,
};

kunit_test_suite(census_suite);
