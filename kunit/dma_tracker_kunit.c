// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracker of user mappings, against an array of page owners.
 */
#include "fake_alloc.h"

#include "../dma_tracker.c"

#include <linux/prandom.h>

#include "fake_container.h"

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

/* Of a mapping from page 4 to the end of the model, @first to @last goes. */
static void check_usable(struct kunit *test, struct model *m, unsigned int page,
			 unsigned int first, unsigned int last)
{
	bool there = page >= 4 && (page < first || page > last);
	unsigned int end_page = page < first ? first - 1 : NR - 1;
	struct t1x_dma *dma;
	unsigned long end;

	dma = t1x_dma_find_usable(&m->tree, end_of(m, page), &end);
	KUNIT_EXPECT_PTR_EQ(test, there ? m->owner[4] : NULL, dma);
	if (there)
		KUNIT_EXPECT_EQ(test, end_of(m, end_page), end);
}

/* But for what goes of a mapping, drivers may use it up to where that begins. */
static void what_stays_of_a_mapping_is_usable(struct kunit *test)
{
	struct model *m = new_model(test, -(NR * PAGE_SIZE));
	unsigned int first, last, page;
	struct t1x_dma_cut others = { .going.last = ULONG_MAX }, cut;
	unsigned long end;
	struct t1x_dma *dma;

	model_insert(test, m, 4, NR - 1);
	dma = m->owner[4];
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    t1x_dma_find_usable(&m->tree, at(m, 8), &end));
	t1x_dma_set_state(&m->tree, dma, T1X_DMA_DYING);
	for (page = 0; page < NR; page++)
		check_usable(test, m, page, 4, NR - 1);
	list_add(&others.next, &m->tree.cuts);
	for (first = 4; first < NR; first++) {
		for (last = first; last < NR; last++) {
			cut.dma = dma;
			cut.going.iova = at(m, first);
			cut.going.last = end_of(m, last);
			list_add_tail(&cut.next, &m->tree.cuts);
			for (page = 0; page < NR; page++)
				check_usable(test, m, page, first, last);
			list_del(&cut.next);
		}
	}
	m->nr_filling = 0;
	dma->stuck = true;
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    t1x_dma_find_usable(&m->tree, at(m, 4), &end));
	model_end(m);
}

static struct kunit_case dma_cases[] = {
	KUNIT_CASE(empty_tree_finds_nothing),
	KUNIT_CASE(overlap_at_every_edge),
	KUNIT_CASE(the_whole_space_is_one_mapping),
	KUNIT_CASE(filling_mappings_are_counted),
	KUNIT_CASE(random_mappings_against_the_model),
	KUNIT_CASE(what_stays_of_a_mapping_is_usable),
	{}
};

static struct kunit_suite dma_suite = {
	.name = "t1x_dma",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = dma_cases,
};

kunit_test_suite(dma_suite);
