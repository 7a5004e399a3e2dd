// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOVA space, against a bitmap of its pages.
 */
#include "fake_alloc.h"

#include "../iova_space.c"

#include <linux/bitmap.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "fake_domain.h"

#define SEED 0x7431780003ULL

/* The model sees this many pages, and some tests the same number at the top. */
#define NR 48

static unsigned long at(unsigned long base, unsigned long page)
{
	return base + page * SZ_4K;
}

static unsigned long end_of(unsigned long base, unsigned long page)
{
	return at(base, page) + (SZ_4K - 1);
}

static int exclude(struct t1x_iova_space *space, unsigned long base,
		   unsigned int first, unsigned int last)
{
	return t1x_iova_exclude(space, at(base, first), end_of(base, last));
}

/* Sorted, disjoint, never empty, and made of whole pages like what went in. */
static void check_sane(struct kunit *test, const struct t1x_iova_space *space)
{
	unsigned int i;

	KUNIT_EXPECT_LE(test, space->nr, space->max);
	for (i = 0; i < space->nr; i++) {
		KUNIT_EXPECT_LE(test, space->ranges[i].iova,
				space->ranges[i].last);
		KUNIT_EXPECT_EQ(test, 0UL, space->ranges[i].iova & (SZ_4K - 1));
		KUNIT_EXPECT_EQ(test, 0UL,
				(space->ranges[i].last + 1) & (SZ_4K - 1));
		if (i)
			KUNIT_EXPECT_LT(test, space->ranges[i - 1].last,
					space->ranges[i].iova);
	}
}

static bool model_contains(const unsigned long *set, unsigned long first,
			   unsigned long last)
{
	return find_next_zero_bit(set, last + 1, first) > last;
}

/* Every range of whole pages is contained as the model says. */
static void check_model(struct kunit *test, const struct t1x_iova_space *space,
			const unsigned long *set, unsigned long base)
{
	unsigned long first, last;

	check_sane(test, space);
	if (bitmap_empty(set, NR)) {
		KUNIT_EXPECT_EQ(test, 0U, space->nr);
		return;
	}

	for (first = 0; first < NR; first++) {
		for (last = first; last < NR; last++) {
			bool want = model_contains(set, first, last);

			if (t1x_iova_contains(space, at(base, first),
					      end_of(base, last)) != want)
				fake_complain("pages %lu-%lu: not %d", first,
					      last, want);
		}
	}
}

static void new_space_allows_everything(struct kunit *test)
{
	struct t1x_iova_space space;

	t1x_iova_init(&space);
	KUNIT_EXPECT_TRUE(test, t1x_iova_contains(&space, 0, ULONG_MAX));
	KUNIT_EXPECT_TRUE(test,
			  t1x_iova_contains(&space, ULONG_MAX, ULONG_MAX));
	t1x_iova_destroy(&space);
	KUNIT_EXPECT_TRUE(test, t1x_iova_contains(&space, 0, ULONG_MAX));
}

static void the_whole_space_with_a_window(struct kunit *test)
{
	struct t1x_iova_space space;

	t1x_iova_init(&space);
	KUNIT_ASSERT_EQ(test, 0, t1x_iova_add(&space, 0, ULONG_MAX));
	KUNIT_EXPECT_TRUE(test, t1x_iova_contains(&space, 0, ULONG_MAX));

	KUNIT_ASSERT_EQ(test, 0,
			t1x_iova_exclude(&space, 0xfee00000, 0xfeefffff));
	KUNIT_EXPECT_EQ(test, 2U, space.nr);
	KUNIT_EXPECT_TRUE(test, t1x_iova_contains(&space, 0, 0xfedfffff));
	KUNIT_EXPECT_FALSE(test, t1x_iova_contains(&space, 0, 0xfee00000));
	KUNIT_EXPECT_FALSE(test,
			   t1x_iova_contains(&space, 0xfeefffff, ULONG_MAX));
	KUNIT_EXPECT_TRUE(test,
			  t1x_iova_contains(&space, 0xfef00000, ULONG_MAX));
	KUNIT_EXPECT_FALSE(test,
			   t1x_iova_contains(&space, 0xfedff000, 0xfef00fff));

	t1x_iova_clip(&space, 0xfef00000, ULONG_MAX - SZ_4K);
	KUNIT_EXPECT_EQ(test, 1U, space.nr);
	KUNIT_EXPECT_FALSE(test,
			   t1x_iova_contains(&space, ULONG_MAX, ULONG_MAX));
	KUNIT_EXPECT_TRUE(test, t1x_iova_contains(&space, 0xfef00000,
						  ULONG_MAX - SZ_4K));
	t1x_iova_destroy(&space);
}

static void excluding_everything_leaves_nothing(struct kunit *test)
{
	struct t1x_iova_space space;

	t1x_iova_init(&space);
	KUNIT_ASSERT_EQ(test, 0, t1x_iova_add(&space, 0, ULONG_MAX));
	KUNIT_ASSERT_EQ(test, 0, t1x_iova_exclude(&space, 0, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, 0U, space.nr);

	KUNIT_ASSERT_EQ(test, 0, t1x_iova_add(&space, SZ_4K, SZ_8K - 1));
	t1x_iova_clip(&space, SZ_8K, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, 0U, space.nr);
	t1x_iova_destroy(&space);
}

/*
 * Each pair of ends of an exclusion and of a clip, on a space of three ranges with
 * holes: -1, 0 and +1 page of every edge among them.
 */
static void grid_of_edges(struct kunit *test)
{
	static const unsigned long bases[] = { 0, -(unsigned long)NR * SZ_4K };
	unsigned long set, first, last;
	struct t1x_iova_space space;
	unsigned int i, clip, n = 14;

	for (i = 0; i < ARRAY_SIZE(bases) * 2; i++) {
		unsigned long base = bases[i / 2];

		clip = i % 2;
		for (first = 0; first < n; first++) {
			for (last = first; last < n; last++) {
				unsigned long off = base ? NR - n : 0;

				/* Pages 1-3, 5 and 7-13; 13 is the top. */
				t1x_iova_init(&space);
				t1x_iova_add(&space, at(base, off + 1),
					     end_of(base, off + 3));
				t1x_iova_add(&space, at(base, off + 5),
					     end_of(base, off + 5));
				t1x_iova_add(&space, at(base, off + 7),
					     end_of(base, off + 13));
				set = 0x3fae;
				if (clip) {
					t1x_iova_clip(&space,
						      at(base, off + first),
						      end_of(base, off + last));
					set &= GENMASK(last, first);
				} else {
					exclude(&space, base, off + first,
						off + last);
					set &= ~GENMASK(last, first);
				}
				set <<= off;
				check_model(test, &space, &set, base);
				t1x_iova_destroy(&space);
			}
		}
	}
}

static void exclude_without_memory_changes_nothing(struct kunit *test)
{
	struct t1x_iova_space space;
	unsigned long set = 0;
	unsigned int i;

	t1x_iova_init(&space);
	fake_alloc.fail_at = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_iova_add(&space, 0, SZ_4K - 1));
	KUNIT_EXPECT_EQ(test, 0U, space.nr);

	/* Fill what is allocated, so that the next one must allocate. */
	for (i = 0; !i || space.nr < space.max; i += 2) {
		KUNIT_ASSERT_EQ(test, 0,
				t1x_iova_add(&space, at(0, i), end_of(0, i)));
		__set_bit(i, &set);
	}
	fake_alloc.fail_at = fake_alloc.calls + 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_iova_exclude(&space, 0, SZ_4K - 1));
	check_model(test, &space, &set, 0);
	t1x_iova_destroy(&space);
}

static void swap_exchanges_two_spaces(struct kunit *test)
{
	struct t1x_iova_space a, b;

	t1x_iova_init(&a);
	t1x_iova_init(&b);
	KUNIT_ASSERT_EQ(test, 0, t1x_iova_add(&a, 0, SZ_4K - 1));
	t1x_iova_swap(&a, &b);
	KUNIT_EXPECT_TRUE(test, t1x_iova_contains(&a, 0, ULONG_MAX));
	KUNIT_EXPECT_FALSE(test, t1x_iova_contains(&b, 0, SZ_4K));
	t1x_iova_destroy(&a);
	t1x_iova_destroy(&b);
}

static void random_regions_against_the_bitmap(struct kunit *test)
{
	struct t1x_iova_space space;
	struct rnd_state rnd;
	unsigned int round, i;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (round = 0; round < 200; round++) {
		unsigned long base = round & 1 ? -(unsigned long)NR * SZ_4K : 0;
		DECLARE_BITMAP(set, NR);

		t1x_iova_init(&space);
		KUNIT_ASSERT_EQ(test, 0,
				t1x_iova_add(&space, base,
					     end_of(base, NR - 1)));
		bitmap_fill(set, NR);
		for (i = 0; i < 12 && space.nr; i++) {
			unsigned int first = prandom_u32_state(&rnd) % NR;
			unsigned int last = first + prandom_u32_state(&rnd) % 4;

			last = min(last, NR - 1U);
			if (prandom_u32_state(&rnd) % 8) {
				KUNIT_ASSERT_EQ(test, 0,
						exclude(&space, base, first,
							last));
				bitmap_clear(set, first, last - first + 1);
			} else {
				/* Clip a little from both ends. */
				first = prandom_u32_state(&rnd) % 3;
				t1x_iova_clip(&space, at(base, first),
					      end_of(base, NR - 1 - first));
				bitmap_clear(set, 0, first);
				bitmap_clear(set, NR - first, first);
			}
		}
		check_model(test, &space, set, base);
		t1x_iova_destroy(&space);
	}
}

static struct kunit_case iova_cases[] = {
	KUNIT_CASE(new_space_allows_everything),
	KUNIT_CASE(the_whole_space_with_a_window),
	KUNIT_CASE(excluding_everything_leaves_nothing),
	KUNIT_CASE(grid_of_edges),
	KUNIT_CASE(exclude_without_memory_changes_nothing),
	KUNIT_CASE(swap_exchanges_two_spaces),
	KUNIT_CASE(random_regions_against_the_bitmap),
	{}
};

static struct kunit_suite iova_suite = {
	.name = "t1x_iova",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = iova_cases,
};

kunit_test_suite(iova_suite);
