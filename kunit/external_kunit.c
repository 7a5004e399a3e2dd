// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pins of drivers, against an array of them.
 */
#include "fake_alloc.h"

#include "../external.c"

#include <linux/prandom.h>

#include "fake_container.h"

#define SEED 0x7431780017ULL

/* The model knows so many pages, and two IOVAs in each: its first byte and its last. */
#define NR_PAGES 12
#define SPACE (NR_PAGES * PAGE_SIZE)
#define NR (2 * NR_PAGES)

struct model {
	struct kunit *test;
	struct mutex lock; /* of the tree */
	struct t1x_dma_tree tree;
	unsigned long base;
	struct t1x_external *pins[NR];
};

/* At both ends of the space, and in it. */
static const unsigned long bases[] = { 0, SZ_1G, -SPACE };

static struct model *new_model(struct kunit *test, unsigned long base)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	m->test = test;
	m->base = base;
	mutex_init(&m->lock);
	t1x_dma_tree_init(&m->tree, &m->lock);
	mutex_lock(&m->lock);
	return m;
}

static unsigned long iova_of(const struct model *m, unsigned int i)
{
	return m->base + i / 2 * PAGE_SIZE + (i & 1 ? PAGE_SIZE - 1 : 0);
}

/* One pin of three needs no pin of its page, as where there is no struct page. */
static bool is_held(unsigned int i)
{
	return i % 3;
}

static void add(struct model *m, unsigned int i)
{
	struct t1x_external *external;

	KUNIT_ASSERT_EQ(m->test, 0,
			t1x_external_alloc(iova_of(m, i), &external, 1));
	KUNIT_EXPECT_EQ(m->test, 1U, external->refs);
	external->held = is_held(i);
	t1x_external_insert(&m->tree, &external, 1);
	m->pins[i] = external;
}

/* The first ones of their pages, from that of @i on, at once. */
static void add_pages(struct model *m, unsigned int i, unsigned int nr)
{
	struct t1x_external *externals[NR / 2];
	unsigned int k;

	KUNIT_ASSERT_EQ(m->test, 0,
			t1x_external_alloc(iova_of(m, i), externals, nr));
	for (k = 0; k < nr; k++) {
		externals[k]->held = is_held(i + 2 * k);
		m->pins[i + 2 * k] = externals[k];
	}
	t1x_external_insert(&m->tree, externals, nr);
}

static void drop(struct model *m, unsigned int i)
{
	t1x_external_remove(&m->tree, m->pins[i]);
	t1x_external_free(m->pins[i]);
	m->pins[i] = NULL;
}

static void end_model(struct model *m)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		if (m->pins[i])
			drop(m, i);
	}
	KUNIT_EXPECT_TRUE(m->test, RB_EMPTY_ROOT(&m->tree.externals));
	KUNIT_EXPECT_EQ(m->test, 0UL, m->tree.nr_externals_held);
	mutex_unlock(&m->lock);
}

/* The first pin of [iova, last]. */
static struct t1x_external *model_first(const struct model *m,
					unsigned long iova, unsigned long last)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		if (m->pins[i] && iova_of(m, i) >= iova &&
		    iova_of(m, i) <= last)
			return m->pins[i];
	}
	return NULL;
}

/* Pages that are held of the pages from @first to @last. */
static unsigned long model_held(const struct model *m, unsigned int first,
				unsigned int last)
{
	unsigned long held = 0;
	unsigned int i;

	for (i = 2 * first; i <= 2 * last + 1; i++)
		held += m->pins[i] && is_held(i);
	return held;
}

/* Every pin is found by its own IOVA, none by the bytes beside it. */
static void check_found(struct model *m)
{
	unsigned long held = 0;
	unsigned int i;

	for (i = 0; i < NR; i++) {
		unsigned long iova = iova_of(m, i);

		KUNIT_EXPECT_PTR_EQ(m->test, m->pins[i],
				    t1x_external_find(&m->tree, iova));
		KUNIT_EXPECT_PTR_EQ(m->test, NULL,
				    t1x_external_find(&m->tree, iova ^ SZ_2K));
		held += m->pins[i] && is_held(i);
	}
	KUNIT_EXPECT_EQ(m->test, held, m->tree.nr_externals_held);
}

/* A mapping of pages of the model, whole and untracked. */
static struct t1x_dma dma_of(const struct model *m, unsigned int first,
			     unsigned int last)
{
	return (struct t1x_dma){
		.iova = m->base + first * PAGE_SIZE,
		.last = m->base + (last * PAGE_SIZE + (PAGE_SIZE - 1)),
	};
}

static void check_first(struct model *m, unsigned long iova, unsigned long last)
{
	KUNIT_EXPECT_PTR_EQ(m->test, model_first(m, iova, last),
			    t1x_external_first(&m->tree, iova, last));
}

static void check_held(struct model *m, unsigned int first, unsigned int last)
{
	struct t1x_dma dma = dma_of(m, first, last);

	KUNIT_EXPECT_EQ(m->test, model_held(m, first, last),
			t1x_external_nr_held(&m->tree, &dma));
}

static void pins_are_found_by_their_exact_iova(struct kunit *test)
{
	unsigned int b, i;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		struct model *m = new_model(test, bases[b]);

		check_found(m);
		/* From the middle to both sides. */
		for (i = 0; i < NR; i++) {
			add(m, i & 1 ? NR / 2 - 1 - i / 2 : NR / 2 + i / 2);
			check_found(m);
		}
		for (i = 0; i < NR; i += 2) {
			drop(m, i);
			check_found(m);
		}
		end_model(m);
	}
}

/* Ranges that begin and end a byte below, at and above each pin. */
static void the_first_of_a_range_at_every_edge(struct kunit *test)
{
	unsigned int b, i, j;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		struct model *m = new_model(test, bases[b]);

		for (i = 0; i < NR; i += 5)
			add(m, i);
		add(m, NR - 1);
		for (i = 0; i < 3 * NR; i++) {
			for (j = 0; j < 3 * NR; j++) {
				unsigned long iova = iova_of(m, i / 3);
				unsigned long last = iova_of(m, j / 3);

				iova += i % 3 - 1;
				last += j % 3 - 1;
				if (iova > last)
					continue;
				check_first(m, iova, last);
			}
		}
		end_model(m);
	}
}

/* L15: in-tree's end of a page wraps at the end of the space. */
static void what_is_held_of_every_mapping(struct kunit *test)
{
	unsigned int b, i, first, last;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		struct model *m = new_model(test, bases[b]);

		for (i = 0; i < NR; i++)
			add(m, i);
		for (first = 0; first < NR_PAGES; first++) {
			for (last = first; last < NR_PAGES; last++)
				check_held(m, first, last);
		}
		end_model(m);
	}
}

/* Only its own, also where nothing is held but there is no page to hold. */
static void what_is_pinned_is_marked_dirty(struct kunit *test)
{
	const unsigned int first = 2, last = NR_PAGES - 1;
	unsigned int b, i;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		struct model *m = new_model(test, bases[b]);
		struct t1x_dma dma = dma_of(m, first, last);
		struct t1x_dirty dirty = t1x_dma_dirty(&dma);

		KUNIT_ASSERT_EQ(test, 0,
				t1x_dirty_alloc(&dirty, dirty.first,
						dirty.npages));
		dma.dirty_bits = dirty.bits;
		for (i = 0; i < NR; i += 7)
			add(m, i);
		add(m, NR - 1);
		t1x_external_mark_dirty(&m->tree, &dma);
		for (i = first; i <= last; i++) {
			unsigned long page = (m->base >> PAGE_SHIFT) + i;
			bool pinned = m->pins[2 * i] || m->pins[2 * i + 1];

			KUNIT_EXPECT_EQ(test, pinned,
					t1x_dirty_any(&dirty, page, 1));
		}
		t1x_dirty_free(&dirty);
		end_model(m);
	}
}

static void a_pin_without_memory_is_none(struct kunit *test)
{
	struct t1x_external *externals[4];

	fake_alloc.fail_at = fake_alloc.calls + 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_external_alloc(SZ_1G, externals, 4));
}

/* How many pages from that of pin @i on have none? */
static unsigned int model_room(const struct model *m, unsigned int i)
{
	unsigned int nr = 0;

	while (i + 2 * nr < NR && !m->pins[i + 2 * nr])
		nr++;
	return nr;
}

static void pins_that_follow_each_other_come_at_once(struct kunit *test)
{
	struct model *m = new_model(test, bases[1]);
	struct rnd_state rnd;
	unsigned int n;

	prandom_seed_state(&rnd, SEED);
	for (n = 0; n < 1000; n++) {
		unsigned int i = prandom_u32_state(&rnd) % (NR / 2) * 2;
		unsigned int room = model_room(m, i);

		if (room)
			add_pages(m, i, prandom_u32_state(&rnd) % room + 1);
		else
			drop(m, i);
		check_found(m);
	}
	end_model(m);
}

static void random_pins_against_the_array(struct kunit *test)
{
	struct model *m = new_model(test, bases[2]);
	struct rnd_state rnd;
	unsigned int n;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (n = 0; n < 1000; n++) {
		unsigned int i = prandom_u32_state(&rnd) % NR;
		unsigned int first = prandom_u32_state(&rnd) % NR_PAGES;
		unsigned int last =
			first + prandom_u32_state(&rnd) % (NR_PAGES - first);

		if (m->pins[i])
			drop(m, i);
		else
			add(m, i);
		check_first(m, iova_of(m, 2 * first), iova_of(m, 2 * last + 1));
		check_held(m, first, last);
	}
	check_found(m);
	end_model(m);
}

static struct kunit_case external_cases[] = {
	KUNIT_CASE(pins_are_found_by_their_exact_iova),
	KUNIT_CASE(the_first_of_a_range_at_every_edge),
	KUNIT_CASE(what_is_held_of_every_mapping),
	KUNIT_CASE(what_is_pinned_is_marked_dirty),
	KUNIT_CASE(a_pin_without_memory_is_none),
	KUNIT_CASE(pins_that_follow_each_other_come_at_once),
	KUNIT_CASE(random_pins_against_the_array),
	{}
};

static struct kunit_suite external_suite = {
	.name = "t1x_external",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = external_cases,
};

kunit_test_suite(external_suite);
