// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty pages of one mapping, against an array of pages.
 */
#include "fake_alloc.h"

#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/vmalloc.h>

/* Refused from now on, whatever it is taken from. */
static bool no_memory;

static inline void *real_kmalloc(size_t size, gfp_t gfp)
{
	return no_memory ? NULL : fake_alloc_take(kmalloc(size, gfp));
}

static inline void *real_vmalloc(size_t size, gfp_t gfp)
{
	return no_memory ? NULL : fake_alloc_take(__vmalloc(size, gfp));
}

#undef kmalloc
#undef __vmalloc
#define kmalloc(size, gfp) real_kmalloc(size, gfp)
#define __vmalloc(size, gfp) real_vmalloc(size, gfp)

#include "../dirty_bitmap.c"

static u64 has_word(const struct t1x_dirty *dirty, unsigned long page)
{
	u64 word;

	t1x_dirty_words(dirty, page, &word, 1);
	return word;
}

static u64 full_word(const struct t1x_dirty *dirty, unsigned long page)
{
	u64 word;

	t1x_dirty_words_full(dirty, page, &word, 1);
	return word;
}

#define SEED 0x7431780010ULL
#define WORDS 2

/* The model sees the pages from BASE - 128 on. */
#define BASE ((1UL << 52) - 1024)
#define NR 704

struct model {
	struct t1x_dirty dirty;
	bool set[NR];
};

static struct model *new_model(struct kunit *test, unsigned long first,
			       unsigned long npages)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_alloc(&m->dirty, first, npages));
	return m;
}

static bool *page_of(struct model *m, unsigned long page)
{
	return &m->set[page - (BASE - 128)];
}

static void set(struct model *m, unsigned long page, unsigned long npages)
{
	unsigned long i;

	t1x_dirty_set(&m->dirty, page, npages);
	for (i = page; i < page + npages; i++)
		*page_of(m, i) = true;
}

static u64 word_of(struct model *m, unsigned long page, bool full)
{
	const struct t1x_dirty *dirty = &m->dirty;
	unsigned long i;
	u64 word = 0;

	for (i = page; i < page + 64; i++) {
		bool in = i >= dirty->first && i < dirty->first + dirty->npages;

		if (full ? in : *page_of(m, i))
			word |= 1ULL << (i - page);
	}
	return word;
}

/* At every alignment, from two words below to two words above. */
static void check(struct kunit *test, struct model *m)
{
	unsigned long page, at;
	u64 has[WORDS], full[WORDS];
	unsigned int i;

	for (page = BASE - 128; page <= BASE - 128 + NR - 64 * WORDS; page++) {
		t1x_dirty_words(&m->dirty, page, has, WORDS);
		t1x_dirty_words_full(&m->dirty, page, full, WORDS);

		for (i = 0; i < WORDS; i++) {
			at = page + 64 * i;
			if (has[i] == word_of(m, at, false) &&
			    full[i] == word_of(m, at, true))
				continue;
			KUNIT_FAIL(test, "0x%lx+0x%lx at 0x%lx: %llx, %llx",
				   m->dirty.first, m->dirty.npages, at, has[i],
				   full[i]);
			return;
		}
	}
}

static void random_pages_against_the_model(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int i, k;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);
	for (i = 0; i < 100; i++) {
		unsigned long first = BASE + prandom_u32_state(&rnd) % 130;
		unsigned long n = 1 + prandom_u32_state(&rnd) % 260;
		struct model *m;

		/* Every alignment, often with few pages. */
		if (i < 64)
			first = BASE + i;
		if (i % 2)
			n = 1 + n % 3;
		m = new_model(test, first, n);
		for (k = 0; k < 2; k++) {
			unsigned long at = prandom_u32_state(&rnd) % n;

			set(m, first + at,
			    1 + prandom_u32_state(&rnd) % (n - at));
			check(test, m);
		}
		set(m, first, 1);
		set(m, first + n - 1, 1);
		t1x_dirty_clear_all(&m->dirty);
		memset(m->set, 0, sizeof(m->set));
		check(test, m);
		t1x_dirty_set_all(&m->dirty);
		memset(page_of(m, first), 1, n);
		check(test, m);
		t1x_dirty_free(&m->dirty);
		kunit_kfree(test, m);
	}
}

/* Clear a range, which need not lie in the mapping. */
static void clear(struct model *m, unsigned long page, unsigned long npages)
{
	unsigned long i;

	t1x_dirty_clear(&m->dirty, page, npages);
	for (i = page; i < page + npages; i++)
		*page_of(m, i) = false;
}

static bool any_of(struct model *m, unsigned long page, unsigned long npages)
{
	return memchr(page_of(m, page), true, npages);
}

/* From below the mapping to above it, at every alignment of both. */
static void ranges_are_cleared_and_asked_for(struct kunit *test)
{
	unsigned long first, page, n;

	for (first = BASE; first < BASE + 64; first += 7) {
		struct model *m = new_model(test, first, 150);

		for (page = BASE - 60; page < BASE + 230; page += 5) {
			for (n = 1; n < 200; n += 23) {
				clear(m, page, n);
				if (page % 3 == 0)
					check(test, m);
				KUNIT_EXPECT_EQ(test, any_of(m, page - 3, n),
						t1x_dirty_any(&m->dirty,
							      page - 3, n));
				set(m, first + (page + n) % 150, 1);
			}
			cond_resched();
		}
		t1x_dirty_free(&m->dirty);
		kunit_kfree(test, m);
	}
}

/* Take the pages from @at on off a model. */
static struct model *split(struct kunit *test, struct model *m,
			   unsigned long at)
{
	unsigned long end = m->dirty.first + m->dirty.npages;
	struct model *part = new_model(test, at, end - at);

	t1x_dirty_split(&m->dirty, &part->dirty);
	memcpy(page_of(part, at), page_of(m, at), end - at);
	memset(page_of(m, at), 0, end - at);
	return part;
}

/* At every page, and each part once more: nobody has a bit of somebody else. */
static void every_split_against_the_model(struct kunit *test)
{
	static const unsigned long firsts[] = { BASE, BASE + 1, BASE + 37,
						BASE + 63 };
	unsigned long at, i, n = 140;
	unsigned int k, p;

	for (k = 0; k < ARRAY_SIZE(firsts); k++) {
		for (at = 1; at < n; at++) {
			struct model *parts[3];

			/* All that are near the edge of a word, few others. */
			if (at % 64 > 2 && at % 64 < 62 && at % 9)
				continue;
			parts[0] = new_model(test, firsts[k], n);
			for (i = 0; i < n; i++) {
				if (k & 1 || i * 7 % 11 < 6)
					set(parts[0], firsts[k] + i, 1);
			}
			parts[1] = split(test, parts[0], firsts[k] + at);
			parts[2] = at > 1 ? split(test, parts[0],
						  firsts[k] + at / 2) :
					    split(test, parts[1],
						  firsts[k] + n - 1);
			for (p = 0; p < 3; p++) {
				check(test, parts[p]);
				/* What it can set is its own. */
				t1x_dirty_set_all(&parts[p]->dirty);
				memset(page_of(parts[p], parts[p]->dirty.first),
				       1, parts[p]->dirty.npages);
				check(test, parts[p]);
				t1x_dirty_free(&parts[p]->dirty);
				kunit_kfree(test, parts[p]);
			}
		}
	}
}

static void a_large_bitmap_is_split(struct kunit *test)
{
	/* The upper part has more than two chunks to copy. */
	const unsigned long n = (2 * CHUNK + 8192) * 8 + 5, at = 77 + 4099;
	struct t1x_dirty dirty, part;
	unsigned long page;

	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_alloc(&dirty, 77, n));
	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_alloc(&part, at, 77 + n - at));
	for (page = 77; page < 77 + n; page += 4099)
		t1x_dirty_set(&dirty, page, 1);
	t1x_dirty_split(&dirty, &part);
	KUNIT_EXPECT_EQ(test, at - 77, dirty.npages);
	KUNIT_EXPECT_TRUE(test, t1x_dirty_any(&dirty, 77, 1));
	KUNIT_EXPECT_FALSE(test, t1x_dirty_any(&dirty, 78, n));
	for (page = at; page < 77 + n; page += 4099) {
		if (t1x_dirty_any(&part, page, 1) &&
		    !t1x_dirty_any(&part, page + 1, 4098))
			continue;
		KUNIT_FAIL(test, "page %lu is wrong", page);
		break;
	}
	t1x_dirty_free(&dirty);
	t1x_dirty_free(&part);

	/* Not tracked: nothing to split. */
	dirty = (struct t1x_dirty){ .first = 77, .npages = 10 };
	part = (struct t1x_dirty){ .first = 80, .npages = 7 };
	t1x_dirty_split(&dirty, &part);
	t1x_dirty_clear(&dirty, 0, 100);
}

static void pages_0_and_the_last_one(struct kunit *test)
{
	const unsigned long last = ULONG_MAX >> PAGE_SHIFT;
	struct t1x_dirty dirty;

	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_alloc(&dirty, 0, 3));
	t1x_dirty_set(&dirty, 2, 1);
	KUNIT_EXPECT_EQ(test, 4ULL, has_word(&dirty, 0));
	KUNIT_EXPECT_EQ(test, 2ULL, has_word(&dirty, 1));
	KUNIT_EXPECT_EQ(test, 0ULL, has_word(&dirty, 3));
	KUNIT_EXPECT_EQ(test, 0ULL, has_word(&dirty, last - 63));
	KUNIT_EXPECT_EQ(test, 7ULL, full_word(&dirty, 0));
	t1x_dirty_free(&dirty);

	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_alloc(&dirty, last - 1, 2));
	t1x_dirty_set(&dirty, last, 1);
	KUNIT_EXPECT_EQ(test, 1ULL << 63, has_word(&dirty, last - 63));
	KUNIT_EXPECT_EQ(test, 2ULL, has_word(&dirty, last - 1));
	KUNIT_EXPECT_EQ(test, 1ULL, has_word(&dirty, last));
	KUNIT_EXPECT_EQ(test, 3ULL, full_word(&dirty, last - 1));
	KUNIT_EXPECT_EQ(test, 0ULL, has_word(&dirty, 0));
	t1x_dirty_free(&dirty);
}

static void a_large_bitmap_is_cleared_to_its_end(struct kunit *test)
{
	/* Three chunks of clearing, the last one short. */
	const unsigned long n = (2 * CHUNK + 4096) * 8 + 5;
	struct t1x_dirty dirty;
	unsigned long page;

	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_alloc(&dirty, 77, n));
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(dirty.bits));
	t1x_dirty_set_all(&dirty);
	KUNIT_EXPECT_EQ(test, 1ULL, has_word(&dirty, 77 + n - 1));
	t1x_dirty_clear_all(&dirty);
	for (page = 0; page < 77 + n; page += 64) {
		if (has_word(&dirty, page)) {
			KUNIT_FAIL(test, "page %lu is dirty", page);
			break;
		}
	}
	t1x_dirty_free(&dirty);
}

static void more_than_2_to_the_31_pages_are_refused(struct kunit *test)
{
	struct t1x_dirty dirty = { .bits = (unsigned long *)1 };

	KUNIT_EXPECT_EQ(test, -EINVAL, t1x_dirty_alloc(&dirty, 0, 1UL << 31));
	KUNIT_EXPECT_PTR_EQ(test, NULL, dirty.bits);
	KUNIT_EXPECT_EQ(test, -EINVAL, t1x_dirty_alloc(&dirty, 0, 1UL << 51));
	KUNIT_EXPECT_EQ(test, 1ULL << 28, (u64)T1X_DIRTY_MAX_SIZE);
}

static void without_memory_nothing_is_tracked(struct kunit *test)
{
	static const unsigned long sizes[] = { 1, 64, 32768, 32769, 1 << 20 };
	struct t1x_dirty dirty;
	unsigned int i;

	no_memory = true;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				t1x_dirty_alloc(&dirty, 5, sizes[i]));
		/* No call minds. */
		t1x_dirty_set(&dirty, 5, 1);
		t1x_dirty_set_all(&dirty);
		t1x_dirty_clear_all(&dirty);
		KUNIT_EXPECT_EQ(test, 1ULL, full_word(&dirty, 5) & 1);
		t1x_dirty_free(&dirty);
		KUNIT_EXPECT_PTR_EQ(test, NULL, dirty.bits);
	}
	no_memory = false;
}

static struct kunit_case dirty_bitmap_cases[] = {
	KUNIT_CASE(random_pages_against_the_model),
	KUNIT_CASE(ranges_are_cleared_and_asked_for),
	KUNIT_CASE(every_split_against_the_model),
	KUNIT_CASE(a_large_bitmap_is_split),
	KUNIT_CASE(pages_0_and_the_last_one),
	KUNIT_CASE(a_large_bitmap_is_cleared_to_its_end),
	KUNIT_CASE(more_than_2_to_the_31_pages_are_refused),
	KUNIT_CASE(without_memory_nothing_is_tracked),
	{}
};

static struct kunit_suite dirty_bitmap_suite = {
	.name = "t1x_dirty_bitmap",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = dirty_bitmap_cases,
};

kunit_test_suite(dirty_bitmap_suite);
