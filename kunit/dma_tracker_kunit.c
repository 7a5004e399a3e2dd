// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracker of user mappings, against an array of page owners.
 */
#include "fake_alloc.h"

#include "../dma_tracker.c"

#include <linux/prandom.h>

#include "fake_domain.h"

#define SEED 0x7431780004ULL

/* The model sees this many pages from its base on. */
#define NR 32

struct model {
	struct mutex lock; /* of the tree */
	struct t1x_dma_tree tree;
	unsigned long base;
	struct t1x_dma *owner[NR];
	unsigned int nr_filling;
};

static unsigned long at(const struct model *m, unsigned int page)
{
	return m->base + ((unsigned long)page << PAGE_SHIFT);
}

static unsigned long end_of(const struct model *m, unsigned int page)
{
	return at(m, page) + (PAGE_SIZE - 1);
}

static struct model *new_model(struct kunit *test, unsigned long base)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	m->base = base;
	mutex_init(&m->lock);
	t1x_dma_tree_init(&m->tree, &m->lock);
	mutex_lock(&m->lock);
	return m;
}

static int model_insert(struct kunit *test, struct model *m, unsigned int first,
			unsigned int last)
{
	struct t1x_dma *dma = t1x_dma_alloc(at(m, first), end_of(m, last));
	bool overlaps = false;
	unsigned int i;
	int ret;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	for (i = first; i <= last; i++)
		overlaps |= !!m->owner[i];

	ret = t1x_dma_insert(&m->tree, dma);
	KUNIT_EXPECT_EQ(test, overlaps ? -EEXIST : 0, ret);
	if (ret) {
		t1x_dma_free(dma);
		return ret;
	}

	m->nr_filling++;
	for (i = first; i <= last; i++)
		m->owner[i] = dma;
	return 0;
}

static void model_remove(struct model *m, struct t1x_dma *dma)
{
	unsigned int i;

	m->nr_filling -= dma->state == T1X_DMA_FILLING;
	t1x_dma_remove(&m->tree, dma);
	t1x_dma_free(dma);
	for (i = 0; i < NR; i++) {
		if (m->owner[i] == dma)
			m->owner[i] = NULL;
	}
}

static void model_end(struct model *m)
{
	struct t1x_dma *dma;

	while ((dma = t1x_dma_find(&m->tree, 0, ULONG_MAX)))
		model_remove(m, dma);
	mutex_unlock(&m->lock);
	mutex_destroy(&m->lock);
}

static struct t1x_dma *model_find(struct model *m, unsigned int first,
				  unsigned int last)
{
	unsigned int i;

	for (i = first; i <= last; i++) {
		if (m->owner[i])
			return m->owner[i];
	}
	return NULL;
}

/* Does something go on across the lower end of @page? */
static bool model_joined(struct model *m, unsigned int page)
{
	return page && page < NR && m->owner[page] &&
	       m->owner[page] == m->owner[page - 1];
}

static void check_model(struct kunit *test, struct model *m)
{
	unsigned int first, last, i;
	struct t1x_dma *dma, *seen = NULL;

	for (first = 0; first < NR; first++) {
		for (last = first; last < NR; last++) {
			KUNIT_EXPECT_PTR_EQ(test, model_find(m, first, last),
					    t1x_dma_find(&m->tree, at(m, first),
							 end_of(m, last)));
			KUNIT_EXPECT_EQ(test,
					model_joined(m, first) ||
						model_joined(m, last + 1),
					t1x_dma_cuts(&m->tree, at(m, first),
						     end_of(m, last)));
		}
	}

	/* The walk meets every mapping once, in order. */
	dma = t1x_dma_find(&m->tree, 0, ULONG_MAX);
	for (i = 0; i < NR; i++) {
		if (!m->owner[i] || m->owner[i] == seen)
			continue;
		KUNIT_ASSERT_PTR_EQ(test, m->owner[i], dma);
		seen = dma;
		dma = t1x_dma_next(&m->tree, dma);
	}
	KUNIT_EXPECT_PTR_EQ(test, NULL, dma);
	KUNIT_EXPECT_EQ(test, m->nr_filling, m->tree.nr_filling);
}

static void empty_tree_finds_nothing(struct kunit *test)
{
	struct model *m = new_model(test, 0);

	check_model(test, m);
	KUNIT_EXPECT_PTR_EQ(test, NULL, t1x_dma_find(&m->tree, 0, ULONG_MAX));
	model_end(m);
}

/* A mapping of two pages at every place, tried against every other range. */
static void overlap_at_every_edge(struct kunit *test)
{
	static const unsigned long bases[] = { 0, BIT(39), -(NR * PAGE_SIZE) };
	unsigned int i, first, last;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		struct model *m = new_model(test, bases[i]);

		model_insert(test, m, 0, 0);
		model_insert(test, m, 4, 6);
		model_insert(test, m, 7, 7);
		model_insert(test, m, NR - 2, NR - 1);
		check_model(test, m);

		for (first = 0; first < NR; first++) {
			for (last = first; last < NR; last++) {
				if (!model_insert(test, m, first, last))
					model_remove(m, m->owner[first]);
			}
		}
		check_model(test, m);
		model_end(m);
	}
}

static void the_whole_space_is_one_mapping(struct kunit *test)
{
	struct model *m = new_model(test, 0);
	struct t1x_dma *dma, *other;

	/* 2^52 pages need too many segment records: all but the length is tested. */
	dma = t1x_dma_alloc(0, PAGE_SIZE - 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	dma->last = ULONG_MAX;
	KUNIT_EXPECT_EQ(test, 0, t1x_dma_insert(&m->tree, dma));
	KUNIT_EXPECT_EQ(test, BIT(BITS_PER_LONG - PAGE_SHIFT),
			t1x_dma_npages(dma));

	other = t1x_dma_alloc(ULONG_MAX - PAGE_SIZE + 1, ULONG_MAX);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_EXPECT_EQ(test, -EEXIST, t1x_dma_insert(&m->tree, other));
	KUNIT_EXPECT_PTR_EQ(test, dma,
			    t1x_dma_find(&m->tree, ULONG_MAX, ULONG_MAX));
	KUNIT_EXPECT_PTR_EQ(test, dma, t1x_dma_find(&m->tree, 0, 0));
	KUNIT_EXPECT_FALSE(test, t1x_dma_cuts(&m->tree, 0, ULONG_MAX));
	KUNIT_EXPECT_TRUE(test, t1x_dma_cuts(&m->tree, 1, ULONG_MAX));
	KUNIT_EXPECT_TRUE(test, t1x_dma_cuts(&m->tree, 0, ULONG_MAX - 1));

	t1x_dma_free(other);
	t1x_dma_remove(&m->tree, dma);
	t1x_dma_free(dma);
	model_end(m);
}

static void filling_mappings_are_counted(struct kunit *test)
{
	struct model *m = new_model(test, 0);
	struct t1x_dma *dma;

	model_insert(test, m, 0, 0);
	model_insert(test, m, 1, 1);
	KUNIT_EXPECT_EQ(test, 2U, m->tree.nr_filling);

	dma = m->owner[0];
	KUNIT_EXPECT_EQ(test, (int)T1X_DMA_FILLING, (int)dma->state);
	t1x_dma_set_state(&m->tree, dma, T1X_DMA_LIVE);
	KUNIT_EXPECT_EQ(test, 1U, m->tree.nr_filling);
	t1x_dma_set_state(&m->tree, dma, T1X_DMA_DYING);
	KUNIT_EXPECT_EQ(test, 1U, m->tree.nr_filling);
	m->nr_filling = 1;
	model_remove(m, dma);
	KUNIT_EXPECT_EQ(test, 1U, m->tree.nr_filling);
	model_end(m);
	KUNIT_EXPECT_EQ(test, 0U, m->tree.nr_filling);
}

static void random_mappings_against_the_model(struct kunit *test)
{
	static const unsigned long bases[] = { 0, BIT(39), -(NR * PAGE_SIZE) };
	struct rnd_state rnd;
	unsigned int round, i;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (round = 0; round < ARRAY_SIZE(bases); round++) {
		struct model *m = new_model(test, bases[round]);

		for (i = 0; i < 300; i++) {
			unsigned int page = prandom_u32_state(&rnd) % NR;
			unsigned int n = prandom_u32_state(&rnd) % 6;
			struct t1x_dma *dma = m->owner[page];

			if (!dma) {
				model_insert(test, m, page,
					     min(page + n, NR - 1U));
			} else if (dma->state == T1X_DMA_FILLING && n < 3) {
				t1x_dma_set_state(&m->tree, dma, T1X_DMA_LIVE);
				m->nr_filling--;
			} else {
				model_remove(m, dma);
			}
			if (i % 8 == 0)
				check_model(test, m);
		}
		model_end(m);
	}
}

/* ---- The record of jumps ---- */

/* Every jump is stopped at; every stop is reached from the one before it. */
static void check_jumps(struct kunit *test, const struct t1x_dma *dma,
			const unsigned long *jumps, unsigned int nr)
{
	unsigned long npages = t1x_dma_npages(dma), index = 0, next;
	unsigned int i = 0;

	while (index < npages) {
		next = t1x_dma_jump_next(dma, index, npages);
		KUNIT_ASSERT_GT(test, next, index);
		KUNIT_ASSERT_LE(test, next, npages);
		if (i < nr && jumps[i] < next)
			KUNIT_FAIL(test, "the jump at %lu is passed", jumps[i]);
		while (i < nr && jumps[i] <= next)
			i++;

		/* An end in between is what stops it. */
		if (next - index > 1)
			KUNIT_EXPECT_EQ(test, index + 1,
					t1x_dma_jump_next(dma, index,
							  index + 1));
		index = next;
	}
	KUNIT_EXPECT_EQ(test, nr, i);
}

static void jumps_across_segments(struct kunit *test)
{
	const unsigned long seg = T1X_SEG_PAGES;
	unsigned long iova = BIT(40) - (3UL << PAGE_SHIFT);
	unsigned long jumps[] = { 1, 3, seg + 2, seg + 3, 3 * seg, 6 * seg + 5 };
	struct t1x_dma *dma;
	unsigned int i;

	/* Pages 0-2 are in the first segment; seven more follow. */
	dma = t1x_dma_alloc(iova, iova + ((7 * seg + 9) << PAGE_SHIFT) - 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	KUNIT_EXPECT_PTR_EQ(test, &dma->inline_segs[0], dma->segs);
	KUNIT_ASSERT_EQ(test, 0, t1x_dma_reserve(dma, t1x_dma_npages(dma)));
	KUNIT_EXPECT_PTR_NE(test, &dma->inline_segs[0], dma->segs);

	/* No jump: one step across all segments. */
	KUNIT_EXPECT_EQ(test, t1x_dma_npages(dma),
			t1x_dma_jump_next(dma, 0, t1x_dma_npages(dma)));
	for (i = 0; i < ARRAY_SIZE(jumps); i++)
		t1x_dma_jump_add(dma, jumps[i]);
	check_jumps(test, dma, jumps, ARRAY_SIZE(jumps));

	/* A segment with one jump is left in one step. */
	KUNIT_EXPECT_EQ(test, 3 * seg,
			t1x_dma_jump_next(dma, seg + 3, 7 * seg));
	t1x_dma_free(dma);
}

/* -1, 0, +1 page: segments that a mapping touches, at both ends of the space. */
static void segment_count_at_every_edge(struct kunit *test)
{
	static const unsigned long starts[] = {
		0,
		T1X_SEG_PAGES,
		5 * T1X_SEG_PAGES,
		BIT(BITS_PER_LONG - PAGE_SHIFT) - 6 * T1X_SEG_PAGES - 1,
	};
	unsigned long i, j, k;

	for (i = 0; i < ARRAY_SIZE(starts) * 3; i++) {
		for (j = 0; j < 7 * 3; j++) {
			unsigned long first = starts[i / 3] + i % 3;
			unsigned long n = j / 3 * T1X_SEG_PAGES + j % 3;
			unsigned long last = first + n - 1, segs;
			struct t1x_dma *dma;

			if (!n || last > ULONG_MAX >> PAGE_SHIFT)
				continue;

			dma = t1x_dma_alloc(first << PAGE_SHIFT,
					    (last << PAGE_SHIFT) | ~PAGE_MASK);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
			KUNIT_ASSERT_EQ(test, 0, t1x_dma_reserve(dma, n));
			segs = last / T1X_SEG_PAGES - first / T1X_SEG_PAGES + 1;
			KUNIT_EXPECT_EQ(test, segs <= T1X_DMA_INLINE_SEGS,
					dma->segs == dma->inline_segs);
			KUNIT_EXPECT_EQ(test, n, t1x_dma_npages(dma));

			/* KASAN looks after the ends of the array. */
			for (k = 1; k < n; k = k * 3 + 1)
				t1x_dma_jump_add(dma, k);
			t1x_dma_jump_add(dma, n - 1);
			KUNIT_EXPECT_LE(test, t1x_dma_jump_next(dma, 0, n), n);
			t1x_dma_free(dma);
		}
	}
}

static void random_jumps_are_never_passed(struct kunit *test)
{
	unsigned long jumps[64];
	struct rnd_state rnd;
	unsigned int round, nr;

	kunit_info(test, "seed 0x%llx\n", SEED + 1);
	prandom_seed_state(&rnd, SEED + 1);

	for (round = 0; round < 60; round++) {
		unsigned long page = prandom_u32_state(&rnd), index = 0;
		unsigned int order = prandom_u32_state(&rnd) % 12;
		struct t1x_dma *dma;

		for (nr = 0; nr < ARRAY_SIZE(jumps); nr++) {
			index += (1 + prandom_u32_state(&rnd) % 16) << order;
			jumps[nr] = index;
		}
		dma = t1x_dma_alloc(page << PAGE_SHIFT,
				    ((page + index) << PAGE_SHIFT) |
					    ~PAGE_MASK);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
		/* Room that grows bit by bit keeps what is there. */
		for (nr = 0; nr < ARRAY_SIZE(jumps); nr++) {
			KUNIT_ASSERT_EQ(test, 0,
					t1x_dma_reserve(dma, jumps[nr] + 1));
			t1x_dma_jump_add(dma, jumps[nr]);
		}
		check_jumps(test, dma, jumps, nr);
		t1x_dma_free(dma);
	}
}

/* ---- The record of pins ---- */

static void pin_kinds_are_found_again(struct kunit *test)
{
	static const u8 kinds[] = { T1X_PIN_PAGE, 9, T1X_PIN_NONE, 18,
				    T1X_PIN_PAGE };
	struct t1x_dma *dma = t1x_dma_alloc(0, SZ_1G - 1);
	unsigned long index, end, i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	for (i = 0; i < 100; i++)
		KUNIT_ASSERT_EQ(test, 0,
				t1x_dma_pin_add(dma, i * 7, kinds[i % 5]));

	/* Runs 5n + 4 and 5n + 5 are of one kind: one entry. */
	KUNIT_EXPECT_EQ(test, 100U - 19U, dma->nr_pins);

	for (index = 0; index < 700; index++) {
		unsigned long run = index / 7, want = (run + 1) * 7;

		if (run % 5 == 4)
			want += 7;
		if (run == 99)
			want = ULONG_MAX;
		end = ULONG_MAX;
		KUNIT_EXPECT_EQ(test, kinds[run % 5],
				t1x_dma_pin_kind(dma, index, &end));
		KUNIT_EXPECT_EQ(test, want, end);

		end = index + 1;
		t1x_dma_pin_kind(dma, index, &end);
		KUNIT_EXPECT_EQ(test, index + 1, end);
	}
	t1x_dma_free(dma);
}

static void one_kind_needs_one_entry(struct kunit *test)
{
	struct t1x_dma *dma = t1x_dma_alloc(0, SZ_1G - 1);
	unsigned long i, end = 12345;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	for (i = 0; i < 1000; i++)
		KUNIT_EXPECT_EQ(test, 0, t1x_dma_pin_add(dma, i, T1X_PIN_PAGE));
	KUNIT_EXPECT_EQ(test, 1U, dma->nr_pins);
	KUNIT_EXPECT_PTR_EQ(test, &dma->inline_pin, dma->pins);
	KUNIT_EXPECT_EQ(test, T1X_PIN_PAGE,
			(int)t1x_dma_pin_kind(dma, 999, &end));
	KUNIT_EXPECT_EQ(test, 12345UL, end);
	t1x_dma_free(dma);
}

static void without_memory_nothing_changes(struct kunit *test)
{
	struct t1x_dma *dma;
	unsigned long end = 100;

	fake_alloc.fail_at = 1;
	KUNIT_EXPECT_PTR_EQ(test, NULL, t1x_dma_alloc(0, PAGE_SIZE - 1));
	KUNIT_EXPECT_EQ(test, 0L, fake_alloc.live);

	/* One that is never filled takes nothing but itself. */
	dma = t1x_dma_alloc(0, ULONG_MAX);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	KUNIT_EXPECT_EQ(test, 1L, fake_alloc.live);
	fake_alloc.fail_at = fake_alloc.calls + 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_dma_reserve(dma, 5 * T1X_SEG_PAGES));
	KUNIT_EXPECT_EQ(test, 0, t1x_dma_reserve(dma, 4 * T1X_SEG_PAGES));
	KUNIT_EXPECT_EQ(test, 1L, fake_alloc.live);
	t1x_dma_free(dma);

	dma = t1x_dma_alloc(0, PAGE_SIZE - 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	KUNIT_EXPECT_EQ(test, 0, t1x_dma_pin_add(dma, 0, T1X_PIN_PAGE));
	fake_alloc.fail_at = fake_alloc.calls + 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_dma_pin_add(dma, 5, T1X_PIN_NONE));
	KUNIT_EXPECT_EQ(test, 1U, dma->nr_pins);
	KUNIT_EXPECT_EQ(test, T1X_PIN_PAGE,
			(int)t1x_dma_pin_kind(dma, 50, &end));
	KUNIT_EXPECT_EQ(test, 100UL, end);
	t1x_dma_free(dma);
}

static struct kunit_case dma_cases[] = {
	KUNIT_CASE(empty_tree_finds_nothing),
	KUNIT_CASE(overlap_at_every_edge),
	KUNIT_CASE(the_whole_space_is_one_mapping),
	KUNIT_CASE(filling_mappings_are_counted),
	KUNIT_CASE(random_mappings_against_the_model),
	KUNIT_CASE(jumps_across_segments),
	KUNIT_CASE(segment_count_at_every_edge),
	KUNIT_CASE(random_jumps_are_never_passed),
	KUNIT_CASE(pin_kinds_are_found_again),
	KUNIT_CASE(one_kind_needs_one_entry),
	KUNIT_CASE(without_memory_nothing_changes),
	{}
};

static int dma_init(struct kunit *test)
{
	fake_init(test);
	return t1x_dma_cache_create();
}

/* The cache complains by itself if it is not empty. */
static void dma_exit(struct kunit *test)
{
	fake_exit(test);
	t1x_dma_cache_destroy();
}

static struct kunit_suite dma_suite = {
	.name = "t1x_dma",
	.init = dma_init,
	.exit = dma_exit,
	.test_cases = dma_cases,
};

kunit_test_suite(dma_suite);
