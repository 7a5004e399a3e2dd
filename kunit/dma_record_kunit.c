// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of mappings: jumps, pins, and what a split makes of them.
 */
#include "fake_alloc.h"

#include "../dma_record.c"

#include <linux/mutex.h>
#include <linux/prandom.h>

#include "fake_container.h"

#define SEED 0x7431780014ULL

/* ---- The record of jumps ---- */

/* Every jump is stopped at; every stop is reached from the one before it. */
static void check_jumps(struct kunit *test, const struct t1x_dma *dma,
			const unsigned long *jumps, unsigned int nr)
{
	unsigned long npages = t1x_dma_npages(dma), index = 0, next;
	unsigned long dense = 0;
	unsigned int i = 0;

	while (index < npages) {
		next = t1x_dma_jump_next(dma, index, npages);
		/* Where it is dense, every page is stopped at. */
		if (index >= dense)
			dense = t1x_dma_dense_end(dma, index, npages);
		KUNIT_ASSERT_GE(test, dense, index);
		KUNIT_ASSERT_LT(test, dense, npages);
		if (index < dense)
			KUNIT_EXPECT_EQ(test, index + 1, next);
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
	KUNIT_EXPECT_FALSE(test, dma->has_segs);
	KUNIT_ASSERT_EQ(test, 0, t1x_dma_reserve(dma, t1x_dma_npages(dma)));
	KUNIT_EXPECT_TRUE(test, dma->has_segs);

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
			KUNIT_EXPECT_EQ(test, segs > T1X_DMA_FEW_SEGS,
					(bool)dma->has_segs);
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

/* 32 KiB for a TiB, and 4 bytes for a segment, however a slab rounds it up. */
static void segments_cost_little(struct kunit *test)
{
	unsigned long nr, end, cost;

	for (nr = 1; nr <= 300; nr++) {
		unsigned long npages = nr * T1X_SEG_PAGES;
		struct t1x_dma *dma;

		dma = t1x_dma_alloc(0, (npages << PAGE_SHIFT) - 1);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
		fake_alloc.size = 0;
		for (end = 1; end < npages; end += T1X_SEG_PAGES)
			KUNIT_ASSERT_EQ(test, 0, t1x_dma_reserve(dma, end));
		cost = fake_alloc.size ? roundup_pow_of_two(fake_alloc.size) :
					 0;
		KUNIT_EXPECT_LE(test, cost, 4 * nr);
		t1x_dma_free(dma);
	}
}

/* ---- The first frame ---- */

/* Is the frame of the first page @pfn; or unknown, if that is what it has to be? */
static void check_first_pfn(struct kunit *test, const struct t1x_dma *dma,
			    unsigned long want, bool known)
{
	unsigned long pfn = ~want;

	KUNIT_EXPECT_EQ(test, known, t1x_dma_first_pfn(dma, &pfn));
	KUNIT_EXPECT_EQ(test, known ? want : ~want, pfn);
}

/* It shares a word with the record of one segment, and with nothing else. */
static void the_first_frame_of_one_segment_is_known(struct kunit *test)
{
	static const struct {
		unsigned long page;
		unsigned long npages;
		unsigned long pfn;
		bool known;
	} rows[] = {
		{ 0, 2, 0, true },
		{ T1X_SEG_PAGES, T1X_SEG_PAGES, BIT(48) - 1, true },
		{ T1X_SEG_PAGES - 4, 4, 0x123456789abcUL, true },
		{ 0, 2, BIT(48), false },
		{ T1X_SEG_PAGES - 1, 2, 7, false },
		{ 0, 5 * T1X_SEG_PAGES, 7, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned long npages = rows[i].npages, pfn = rows[i].pfn;
		unsigned long jump = npages - 1, end = npages;
		unsigned long iova = rows[i].page << PAGE_SHIFT;
		bool known = rows[i].known;
		struct t1x_dma *dma;

		dma = t1x_dma_alloc(iova, iova + (npages << PAGE_SHIFT) - 1);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
		check_first_pfn(test, dma, pfn, false);
		KUNIT_ASSERT_EQ(test, 0, t1x_dma_reserve(dma, npages));
		KUNIT_ASSERT_EQ(test, 0, t1x_dma_pin_add(dma, 0, 9));
		t1x_dma_set_first_pfn(dma, pfn);
		check_first_pfn(test, dma, pfn, known);
		KUNIT_EXPECT_EQ(test, npages,
				t1x_dma_jump_next(dma, 0, npages));

		t1x_dma_jump_add(dma, jump);
		check_first_pfn(test, dma, pfn, known);
		check_jumps(test, dma, &jump, 1);

		/* Its word is wanted for something else. */
		KUNIT_ASSERT_EQ(test, 0,
				t1x_dma_pin_add(dma, jump, T1X_PIN_NONE));
		check_first_pfn(test, dma, pfn, false);
		check_jumps(test, dma, &jump, 1);
		KUNIT_EXPECT_EQ(test, 9, (int)t1x_dma_pin_kind(dma, 0, &end));
		KUNIT_EXPECT_EQ(test, jump, end);
		t1x_dma_set_first_pfn(dma, pfn);
		check_first_pfn(test, dma, pfn, false);
		t1x_dma_free(dma);
	}
}

static void what_was_found_out_is_forgotten(struct kunit *test)
{
	unsigned long npages = 8, jump = 5, end = npages;
	struct t1x_dma *dma;

	dma = t1x_dma_alloc(SZ_4G, SZ_4G + (npages << PAGE_SHIFT) - 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	t1x_dma_set_first_pfn(dma, 7);
	t1x_dma_jump_add(dma, jump);
	t1x_dma_reset(dma);
	check_first_pfn(test, dma, 7, false);
	KUNIT_EXPECT_EQ(test, npages, t1x_dma_jump_next(dma, 0, npages));

	/* With records beside it too, which stay there. */
	KUNIT_ASSERT_EQ(test, 0, t1x_dma_pin_add(dma, 0, T1X_PIN_PAGE));
	KUNIT_ASSERT_EQ(test, 0, t1x_dma_pin_add(dma, jump, T1X_PIN_NONE));
	t1x_dma_jump_add(dma, jump);
	dma->mapped = npages;
	dma->has_pfn_0 = true;
	KUNIT_EXPECT_EQ(test, jump, t1x_dma_nr_pinned(dma));
	t1x_dma_reset(dma);
	KUNIT_EXPECT_FALSE(test, t1x_dma_in_iommu(dma));
	KUNIT_EXPECT_FALSE(test, dma->has_pfn_0);
	KUNIT_EXPECT_TRUE(test, dma->has_segs);
	KUNIT_EXPECT_EQ(test, npages, t1x_dma_jump_next(dma, 0, npages));
	KUNIT_ASSERT_EQ(test, 0, t1x_dma_pin_add(dma, 0, 9));
	KUNIT_EXPECT_EQ(test, 9, (int)t1x_dma_pin_kind(dma, jump, &end));
	KUNIT_EXPECT_EQ(test, npages, end);
	t1x_dma_free(dma);
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

	/* Runs 5n + 4 and 5n + 5 are of one kind: one entry. The first has none. */
	KUNIT_EXPECT_EQ(test, 100U - 19U - 1U, pins_of(dma)->nr);

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

static void one_kind_needs_no_entry(struct kunit *test)
{
	struct t1x_dma *dma = t1x_dma_alloc(0, SZ_1G - 1);
	unsigned long i, end = 12345;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	for (i = 0; i < 1000; i++)
		KUNIT_EXPECT_EQ(test, 0, t1x_dma_pin_add(dma, i, T1X_PIN_PAGE));
	KUNIT_EXPECT_FALSE(test, dma->has_segs);
	KUNIT_EXPECT_EQ(test, T1X_PIN_PAGE,
			(int)t1x_dma_pin_kind(dma, 999, &end));
	KUNIT_EXPECT_EQ(test, 12345UL, end);
	t1x_dma_free(dma);
}

/*
 * Above @index all is held in one way, and what differs there is not recorded, if the
 * nth allocation fails.
 */
static void fail_to_add_pin(struct kunit *test, struct t1x_dma *dma,
			    unsigned long index, unsigned int nth)
{
	unsigned long end = 100;
	u8 kind = t1x_dma_pin_kind(dma, index, &end);

	fake_alloc.fail_at = fake_alloc.calls + nth;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			t1x_dma_pin_add(dma, index, T1X_PIN_NONE));
	KUNIT_EXPECT_EQ(test, (int)kind, (int)t1x_dma_pin_kind(dma, 50, &end));
	KUNIT_EXPECT_EQ(test, 100UL, end);
}

static void without_memory_nothing_changes(struct kunit *test)
{
	struct t1x_dma *dma;
	unsigned int n;

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
	KUNIT_EXPECT_EQ(test, 0, t1x_dma_reserve(dma, 5 * T1X_SEG_PAGES));
	fake_alloc.fail_at = fake_alloc.calls + 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_dma_reserve(dma, 9 * T1X_SEG_PAGES));
	KUNIT_EXPECT_EQ(test, 0, t1x_dma_reserve(dma, 8 * T1X_SEG_PAGES));
	KUNIT_EXPECT_EQ(test, 2L, fake_alloc.live);
	t1x_dma_free(dma);

	dma = t1x_dma_alloc(0, PAGE_SIZE - 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	KUNIT_EXPECT_EQ(test, 0, t1x_dma_pin_add(dma, 0, T1X_PIN_PAGE));
	fail_to_add_pin(test, dma, 5, 1);
	fail_to_add_pin(test, dma, 5, 2);

	/* And once there is room for them, and it is full. */
	for (n = 1; n <= 3; n++)
		KUNIT_EXPECT_EQ(test, 0, t1x_dma_pin_add(dma, n, n));
	KUNIT_EXPECT_EQ(test, 3U, pins_of(dma)->max);
	fail_to_add_pin(test, dma, n, 1);
	KUNIT_EXPECT_EQ(test, 3U, pins_of(dma)->nr);
	t1x_dma_free(dma);
}

/* ---- Splits ---- */

/* A mapping is split where it is tracked. */
struct tracker {
	struct mutex lock; /* of the tree */
	struct t1x_dma_tree tree;
};

static struct tracker *new_tracker(struct kunit *test)
{
	struct tracker *tracker =
		kunit_kzalloc(test, sizeof(*tracker), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tracker);
	mutex_init(&tracker->lock);
	t1x_dma_tree_init(&tracker->tree, &tracker->lock);
	mutex_lock(&tracker->lock);
	return tracker;
}

static void end_tracker(struct tracker *tracker)
{
	mutex_unlock(&tracker->lock);
	mutex_destroy(&tracker->lock);
}

static void forget(struct tracker *tracker, struct t1x_dma *dma)
{
	t1x_dma_remove(&tracker->tree, dma);
	t1x_dma_free(dma);
}

#define SPLIT_PAGES (3 * T1X_SEG_PAGES)

/* What is known of a mapping before it is split. */
struct records {
	unsigned long jumps[40];
	u8 kinds[41]; /* from each of these pages on, and from page 0 */
	unsigned int nr;
};

static u8 kind_at(const struct records *r, unsigned long index)
{
	unsigned int i = 0;

	while (i < r->nr && r->jumps[i] <= index)
		i++;
	return r->kinds[i];
}

/* A mapping in the IOMMU whose kinds of pins change at random jumps. */
static struct t1x_dma *new_recorded(struct kunit *test, struct tracker *tracker,
				    struct records *r, struct rnd_state *rnd)
{
	static const u8 kinds[] = { T1X_PIN_PAGE, 3, T1X_PIN_NONE };
	unsigned long page = prandom_u32_state(rnd), index = 0;
	unsigned long end = page + SPLIT_PAGES;
	struct t1x_dma *dma;
	unsigned int i;

	dma = t1x_dma_alloc(page << PAGE_SHIFT, (end << PAGE_SHIFT) - 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma);
	KUNIT_ASSERT_EQ(test, 0, t1x_dma_reserve(dma, SPLIT_PAGES));
	r->nr = 1 + prandom_u32_state(rnd) % ARRAY_SIZE(r->jumps);
	for (i = 0; i <= r->nr; i++) {
		r->kinds[i] = kinds[prandom_u32_state(rnd) % ARRAY_SIZE(kinds)];
		KUNIT_ASSERT_EQ(test, 0,
				t1x_dma_pin_add(dma, index, r->kinds[i]));
		index += 1 + prandom_u32_state(rnd) % (SPLIT_PAGES / 42);
		if (i == r->nr)
			break;
		r->jumps[i] = index;
		t1x_dma_jump_add(dma, index);
	}
	dma->mapped = SPLIT_PAGES;
	dma->vaddr = BIT(40);
	t1x_dma_set_granule(dma, SZ_2M);
	dma->single = prandom_u32_state(rnd) & 1;
	KUNIT_ASSERT_EQ(test, 0, t1x_dma_insert(&tracker->tree, dma));
	t1x_dma_set_state(&tracker->tree, dma, T1X_DMA_DYING);
	return dma;
}

/* A part begins at page @first of what was recorded. */
static void check_records(struct kunit *test, const struct t1x_dma *dma,
			  const struct records *r, unsigned long first)
{
	unsigned long n = t1x_dma_npages(dma), jumps[40], end, at, i, k = 0;

	KUNIT_EXPECT_EQ(test, n, (unsigned long)dma->mapped);
	KUNIT_EXPECT_EQ(test, BIT(40) + (first << PAGE_SHIFT), dma->vaddr);
	KUNIT_EXPECT_EQ(test, (unsigned long)SZ_2M, t1x_dma_granule(dma));
	for (i = 0; i < r->nr; i++) {
		if (r->jumps[i] > first && r->jumps[i] < first + n)
			jumps[k++] = r->jumps[i] - first;
	}
	check_jumps(test, dma, jumps, k);

	for (i = 0; i < 2 * (k + 1); i++) {
		/* Both sides of each jump, the first page and the last one. */
		at = i / 2 < k ? jumps[i / 2] - i % 2 : i % 2 ? n - 1 : 0;
		end = n;
		KUNIT_EXPECT_EQ(test, (int)kind_at(r, first + at),
				(int)t1x_dma_pin_kind(dma, at, &end));
		KUNIT_EXPECT_EQ(test, (int)kind_at(r, first + at),
				(int)kind_at(r, first + end - 1));
		KUNIT_EXPECT_LE(test, end, n);
	}
}

/* Split at a page; the records of both are those of the whole. */
static struct t1x_dma *split(struct kunit *test, struct tracker *tracker,
			     struct t1x_dma *dma, unsigned long at)
{
	unsigned long pinned = t1x_dma_nr_pinned(dma), last = dma->last;
	struct t1x_dma *part;

	part = t1x_dma_alloc_part(dma, t1x_dma_iova_at(dma, at), last);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, part);
	t1x_dma_split(&tracker->tree, dma, part);
	KUNIT_EXPECT_EQ(test, part->iova - 1, dma->last);
	KUNIT_EXPECT_EQ(test, last, part->last);
	KUNIT_EXPECT_EQ(test, (bool)dma->single, (bool)part->single);
	KUNIT_EXPECT_EQ(test, (int)T1X_DMA_DYING, (int)part->state);
	KUNIT_EXPECT_PTR_EQ(test, part, t1x_dma_next(&tracker->tree, dma));
	KUNIT_EXPECT_EQ(test, pinned,
			t1x_dma_nr_pinned(dma) + t1x_dma_nr_pinned(part));
	return part;
}

static void records_are_split_at_any_page(struct kunit *test)
{
	struct tracker *tracker = new_tracker(test);
	struct records r;
	struct rnd_state rnd;
	unsigned int round;

	kunit_info(test, "seed 0x%llx\n", SEED + 2);
	prandom_seed_state(&rnd, SEED + 2);

	for (round = 0; round < 60; round++) {
		struct t1x_dma *dma = new_recorded(test, tracker, &r, &rnd);
		unsigned long at =
			1 + prandom_u32_state(&rnd) % (SPLIT_PAGES - 1);
		struct t1x_dma *upper, *middle;

		/* At a jump, beside one, at the edge of a segment, anywhere. */
		if (round % 4 < 2)
			at = r.jumps[r.nr / 2] + round % 4;
		else if (round % 4 == 2)
			at = -(dma->iova >> PAGE_SHIFT) & (T1X_SEG_PAGES - 1);
		at = clamp(at, 2UL, SPLIT_PAGES - 1UL);
		upper = split(test, tracker, dma, at);
		check_records(test, dma, &r, 0);
		check_records(test, upper, &r, at);
		middle = split(test, tracker, dma, at / 2);
		check_records(test, dma, &r, 0);
		check_records(test, middle, &r, at / 2);
		check_records(test, upper, &r, at);
		forget(tracker, dma);
		forget(tracker, middle);
		forget(tracker, upper);
	}
	end_tracker(tracker);
}

static void a_part_without_memory(struct kunit *test)
{
	struct tracker *tracker = new_tracker(test);
	struct rnd_state rnd;
	struct records r;
	struct t1x_dma *dma;
	long live;
	int n;

	kunit_info(test, "seed 0x%llx\n", SEED + 3);
	prandom_seed_state(&rnd, SEED + 3);
	do {
		dma = new_recorded(test, tracker, &r, &rnd);
		if (dma->has_pins)
			break;
		forget(tracker, dma);
	} while (true);

	/* The mapping, its pins, and its segments, which are beside it then. */
	live = fake_alloc.live;
	for (n = 1; n <= 3; n++) {
		fake_alloc.fail_at = fake_alloc.calls + n;
		KUNIT_EXPECT_PTR_EQ(test, NULL,
				    t1x_dma_alloc_part(dma,
						       dma->iova + PAGE_SIZE,
						       dma->last));
		KUNIT_EXPECT_EQ(test, live, fake_alloc.live);
	}
	check_records(test, dma, &r, 0);
	forget(tracker, dma);
	end_tracker(tracker);
}

static struct kunit_case record_cases[] = {
	KUNIT_CASE(jumps_across_segments),
	KUNIT_CASE(segment_count_at_every_edge),
	KUNIT_CASE(random_jumps_are_never_passed),
	KUNIT_CASE(segments_cost_little),
	KUNIT_CASE(the_first_frame_of_one_segment_is_known),
	KUNIT_CASE(what_was_found_out_is_forgotten),
	KUNIT_CASE(pin_kinds_are_found_again),
	KUNIT_CASE(one_kind_needs_no_entry),
	KUNIT_CASE(without_memory_nothing_changes),
	KUNIT_CASE(records_are_split_at_any_page),
	KUNIT_CASE(a_part_without_memory),
	{}
};

static struct kunit_suite record_suite = {
	.name = "t1x_dma_record",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = record_cases,
};

kunit_test_suite(record_suite);
