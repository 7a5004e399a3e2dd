// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the pages of a mapping go into fake tables, and out of them, in batches: where they
 * are cut, and what is left if an IOMMU refuses them or does not let go. Driven by MAP
 * and UNMAP; the fakes watch what map_kunit.c says.
 */
#include "fake_alloc.h"

static inline void *real_kmalloc(size_t size, gfp_t gfp)
{
	return fake_alloc_refuse() ? NULL : fake_alloc_take(kmalloc(size, gfp));
}

#undef kmalloc
#define kmalloc(size, gfp) real_kmalloc(size, gfp)

#include "../backing.c"
#include "../backing_clear.c"

#include <linux/prandom.h>

#include "fake_container.h"

#define SEED 0x7431780016ULL
#define PAGES(n) ((unsigned long)(n) << PAGE_SHIFT)

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_describe);

/* Nothing but single pages. */
static struct fake_mem scattered[300];

/* ---- Where runs end ---- */

/* The run from a page of a mapping to @end: the table of memory has @npages of it. */
static void check_run_end(struct t1x_domains *domains,
			  const struct t1x_dma *dma, unsigned long index,
			  unsigned long npages, unsigned long end)
{
	unsigned long want = min(end, index + npages), pfn, next;

	if (!t1x_backing_find_pfn(domains, dma, index, &pfn) ||
	    pfn != fake_mem_pfn(index))
		fake_complain("page %lu: pfn 0x%lx", index, pfn);

	next = t1x_backing_run_end(domains, dma, index, end, &pfn);
	if (next != want || (want < end && pfn != fake_mem_pfn(want)))
		fake_complain("run %lu-%lu ends at %lu, not %lu", index, end,
			      next, want);
}

/* From a page of a mapping on, to ends that are ever further away. */
static void check_runs_at(struct t1x_domains *domains,
			  const struct t1x_dma *dma, unsigned long index)
{
	unsigned long npages = fake_mem_run(index), end;

	for (end = index + 1; end <= t1x_dma_npages(dma);
	     end += 1 + 2 * (end - index))
		check_run_end(domains, dma, index, npages, end);
	check_run_end(domains, dma, index, npages, t1x_dma_npages(dma));
}

/* From every page at the beginning, and many of the others. */
static void check_run_ends(struct fake_container *c, unsigned long iova)
{
	struct t1x_domains *domains = &c->map.domains;
	const struct t1x_dma *dma = fake_find_dma(c, iova);
	unsigned long index;

	down_read(&domains->rwsem);
	for (index = 0; index < t1x_dma_npages(dma);
	     index += index < 64 ? 1 : 13) {
		check_runs_at(domains, dma, index);
		cond_resched();
	}
	up_read(&domains->rwsem);
}

/* At the edge of a large page, amid one, and at the end of the space. */
static void a_run_ends_where_memory_jumps(struct kunit *test)
{
	static const unsigned long bases[] = { SZ_1G, SZ_2M - PAGES(16),
					       -PAGES(FAKE_MIXED_PAGES) };
	unsigned int i;

	fake_mem_use_mixed();
	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		struct fake_container *c = fake_container_new_with(test, 1);

		KUNIT_ASSERT_EQ(test, 0,
				fake_map(c, bases[i], FAKE_MIXED_PAGES, 0));
		check_run_ends(c, bases[i]);
		fake_unmap_all(c);
		fake_container_end(c);
	}
}

static void random_runs_end_where_the_table_says(struct kunit *test)
{
	static struct fake_mem rows[24];
	struct rnd_state rnd;
	unsigned int round, i;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (round = 0; round < 8; round++) {
		struct fake_container *c = fake_container_new_with(test, 1);
		unsigned long iova =
			SZ_1G + PAGES(prandom_u32_state(&rnd) % 512);
		unsigned long pfn = FAKE_PFN;

		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			/* One row of three continues the one before. */
			if (prandom_u32_state(&rnd) % 3)
				pfn += 1 + prandom_u32_state(&rnd) % 64;
			rows[i].pfn = pfn;
			rows[i].npages = 1 + prandom_u32_state(&rnd) % 20;
			rows[i].kind = prandom_u32_state(&rnd) % 4 ?
					       T1X_PIN_PAGE :
					       T1X_PIN_NONE;
			pfn += rows[i].npages;
		}
		fake_mem_set(rows, ARRAY_SIZE(rows));
		fake_pin.max_run = prandom_u32_state(&rnd) % 6;
		KUNIT_ASSERT_EQ(test, 0,
				fake_map(c, iova, fake_mem_npages(), 0));
		check_run_ends(c, iova);
		fake_unmap_all(c);
		fake_check_empty(c);
		fake_container_end(c);
	}
}

static void a_lost_page_ends_no_run(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	struct t1x_domains *domains = &c->map.domains;
	unsigned long pfn = FAKE_PFN + 0x900;
	struct t1x_dma *dma;

	fake_mem_use_mixed();
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, SZ_1G, FAKE_MIXED_PAGES, 0));
	dma = fake_find_dma(c, SZ_1G);

	down_read(&domains->rwsem);
	c->domains[0]->fail_lookup_at = c->domains[0]->lookups + 1;
	KUNIT_EXPECT_EQ(test, 0UL,
			t1x_backing_run_end(domains, dma, 0, 100, &pfn));
	KUNIT_EXPECT_EQ(test, 1UL,
			t1x_backing_run_end(domains, dma, 0, 100, &pfn));
	KUNIT_EXPECT_EQ(test, FAKE_PFN + 0x905UL, pfn);
	up_read(&domains->rwsem);
	fake_unmap_all(c);
	fake_container_end(c);
}

/* ---- Where runs are cut ---- */

static void fill_scattered(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(scattered); i++)
		scattered[i] =
			(struct fake_mem){ 1, FAKE_PFN + 3 * i, T1X_PIN_PAGE };
}

/* Each batch of what lies about by single pages is flushed once, if nothing cuts it. */
static void scattered_pages_go_together(struct kunit *test)
{
	struct fake_domain *domains[2] = {
		fake_domain_new_kind(fake_kind_of(test)),
		fake_domain_new_other(test),
	};
	struct fake_container *c = fake_container_new(test);
	unsigned int i;

	fake_attach(c, 0, domains[0]);
	fake_attach(c, 1, domains[1]);
	fill_scattered();
	fake_mem_set(scattered, ARRAY_SIZE(scattered));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(7), 300, 0));
	fake_check_mapped(c, PAGES(7), 300, 0);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 300U, domains[i]->maps);
		KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(300U, T1X_PIN_FEW),
				domains[i]->map_syncs);
	}
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(7), 300, NULL));

	KUNIT_EXPECT_EQ(test, 0,
			fake_map_granule(c, PAGES(7), 300, 0, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(7), 300, NULL));
	KUNIT_EXPECT_EQ(test, 300 + DIV_ROUND_UP(300U, T1X_PIN_FEW),
			domains[0]->map_syncs);
	fake_check_empty(c);
	fake_container_end(c);
}

/*
 * More runs than a batch of an unmap holds; the last one of each batch must not be
 * cut, however few fit.
 */
static void unmap_in_batches(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 2);
	unsigned int few;

	fill_scattered();
	fake_mem_set(scattered, ARRAY_SIZE(scattered));
	for (few = 0; few < 2; few++) {
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, 300, 0));
		c->domains[0]->unmaps = 0;
		if (few)
			fake_alloc.fail_at = fake_alloc.calls + 1;
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_2M, 300, NULL));
		KUNIT_EXPECT_EQ(test, few ? (300 + 7) / 8 : (300 + 223) / 224,
				(int)c->domains[0]->unmaps);
		fake_check_empty(c);
	}
	fake_container_end(c);
}

/* Ten, a hole, and five more: two calls, as long as there is one domain. */
static void neighbours_are_unmapped_by_one_call(struct kunit *test)
{
	unsigned int nr, i;

	fill_scattered();
	fake_mem_set(scattered, ARRAY_SIZE(scattered));
	for (nr = 1; nr <= 2; nr++) {
		struct fake_container *c = fake_container_new_with(test, nr);

		for (i = 0; i < 16; i++) {
			if (i != 10)
				KUNIT_EXPECT_EQ(test, 0,
						fake_map(c, PAGES(2 * i), 2,
							 2 * i));
		}
		KUNIT_EXPECT_EQ(test, (u64)PAGES(30), fake_unmap_all(c));
		KUNIT_EXPECT_EQ(test, nr == 1 ? 2U : 15U,
				c->domains[0]->unmap_calls);
		fake_check_empty(c);
		fake_container_end(c);
	}
}

/* One run in many calls of iommu_map: the unmap and a replay see one run again. */
static void runs_that_continue_are_one_run(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	struct fake_domain *domain;

	fake_mem_use_whole();
	fake_pin.max_run = 3;
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, 1000, 0));
	/* What continues within a batch is mapped by one call. */
	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(1000U, 3 * T1X_PIN_FEW),
			c->domains[0]->maps);

	domain = fake_domain_new_other(test);
	fake_attach(c, 1, domain);
	KUNIT_EXPECT_EQ(test, 1U, domain->maps);
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_2M, 1000, NULL));
	KUNIT_EXPECT_EQ(test, 1U, c->domains[0]->unmaps);
	fake_check_empty(c);
	fake_container_end(c);
}

/* One question to the IOMMU for each piece, not for each page. */
static void lookups_go_by_the_granule(struct kunit *test)
{
	static struct fake_mem pieces[16];
	struct fake_container *c = fake_container_new_with(test, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pieces); i++)
		pieces[i] = (struct fake_mem){ 512, FAKE_PFN + 1024 * i, 9 };
	fake_mem_set(pieces, ARRAY_SIZE(pieces));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, 512 * 16, 0));
	KUNIT_EXPECT_EQ(test, 0U, c->domains[0]->lookups);
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_2M, 512 * 16, NULL));
	KUNIT_EXPECT_LE(test, c->domains[0]->lookups, 16U);

	fake_mem_use_whole();
	c->domains[0]->lookups = 0;
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, 4096, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_2M, 4096, NULL));
	/* A mapping of one run is known by its first frame. */
	KUNIT_EXPECT_EQ(test, 0U, c->domains[0]->lookups);
	fake_check_empty(c);
	fake_container_end(c);
}

/* ---- Failures ---- */

/* Each iommu_map of each domain fails once, after so much of it. */
static void a_failing_iommu_map_leaves_nothing(struct kunit *test)
{
	static const size_t after[] = { 0, SZ_4K, SZ_1M };
	struct fake_container *c = fake_container_new_with(test, 2);
	unsigned int n, i, d, failed = 0;
	int ret;

	fake_mem_use_mixed();
	for (i = 0; i < ARRAY_SIZE(after) * 2; i++) {
		struct fake_domain *domain = c->domains[i % 2];

		for (n = 1; n < 12; n++) {
			domain->fail_map_at = domain->maps + n;
			domain->fail_map_after = after[i / 2];
			ret = fake_map(c, SZ_1G - PAGES(16), FAKE_MIXED_PAGES,
				       0);
			domain->fail_map_at = 0;
			if (!ret)
				fake_unmap_all(c);
			else
				failed++;
			fake_check_empty(c);
		}
		for (d = 0; d < 2; d++)
			KUNIT_EXPECT_FALSE(test, c->domains[d]->stale);
	}
	KUNIT_EXPECT_GE(test, failed, 40U);
	fake_container_end(c);
}

static void failing_memory_leaves_nothing(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 2);
	unsigned int n;
	int ret = 1;

	fake_mem_use_mixed();
	fake_pin.max_batch = 2;
	for (n = 1; ret; n++) {
		KUNIT_ASSERT_LT(test, n, 30U);
		fake_pin.batches = 0;
		fake_pin.fail_batch_at = n;
		fake_pin.fail_with = n & 1 ? -EFAULT : -EINTR;
		ret = fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0);
		if (ret) {
			KUNIT_EXPECT_EQ(test, fake_pin.fail_with, ret);
			fake_check_empty(c);
		}
	}
	KUNIT_EXPECT_GT(test, n, 6U);
	fake_unmap_all(c);

	/* Past the end of the memory. */
	fake_pin.fail_batch_at = 0;
	KUNIT_EXPECT_EQ(test, -EFAULT,
			fake_map(c, SZ_2M, FAKE_MIXED_PAGES + 1, 0));
	fake_check_empty(c);
	fake_container_end(c);
}

/* ---- An IOMMU that does not let go ---- */

/* The last of @nr domains stops short: the mapping behind goes all the same. */
static void check_short_unmap(struct kunit *test, unsigned int nr)
{
	struct fake_container *c = fake_container_new_with(test, nr);
	struct fake_domain *domain = c->domains[nr - 1];
	u64 size;

	fake_mem_use_whole();
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(32), 16, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(48), 16, 16));

	domain->short_unmap_at = domain->unmaps + 1;
	domain->short_unmap_after = PAGES(5);
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(32), 32, &size));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(32), size);
	KUNIT_EXPECT_EQ(test, 11UL, domain->npages);
	KUNIT_EXPECT_EQ(test, 11UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, 11L, fake_pin.charged);
	KUNIT_EXPECT_EQ(test, 1UL, c->map.domains.nr_stuck);

	/* The range is refused, also the part that did go; a second try is empty. */
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, PAGES(32), 1, 0));
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, PAGES(47), 1, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(48), 16, 16));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(32), 16, &size));
	KUNIT_EXPECT_EQ(test, 0ULL, size);
	KUNIT_EXPECT_EQ(test, (u64)PAGES(16), fake_unmap_all(c));

	/* The table goes with its domain, the pages stay pinned. */
	domain->npages = 0;
	fake_container_end(c);
	KUNIT_EXPECT_EQ(test, 11UL, fake_pin.npins);
	fake_pin_forget_stuck();
}

static void a_short_unmap_keeps_the_rest(struct kunit *test)
{
	check_short_unmap(test, 1);
	check_short_unmap(test, 2);
}

/* The n-th question of an unmap has no answer: what it asks about stays. */
static void an_unmap_that_loses_a_page_keeps_it(struct kunit *test)
{
	unsigned int n, questions = 0;
	u64 size;

	fake_mem_use_mixed();
	for (n = 0; n <= questions; n += 1 + n / 8) {
		struct fake_container *c = fake_container_new_with(test, 1);
		struct fake_domain *domain = c->domains[0];

		KUNIT_EXPECT_EQ(test, 0,
				fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
		domain->fail_lookup_at = n;
		KUNIT_EXPECT_EQ(test, 0,
				fake_unmap(c, SZ_2M, FAKE_MIXED_PAGES, &size));
		KUNIT_EXPECT_EQ(test, (u64)PAGES(FAKE_MIXED_PAGES), size);
		if (!n)
			questions = domain->lookups;
		KUNIT_EXPECT_GE(test, questions, 6U);
		KUNIT_EXPECT_EQ(test, n ? 1UL : 0UL, c->map.domains.nr_stuck);
		KUNIT_EXPECT_EQ(test, n ? FAKE_MIXED_PAGES : 0,
				(int)domain->npages);
		KUNIT_EXPECT_EQ(test, n ? 18UL : 0UL, fake_pin.npins);
		KUNIT_EXPECT_EQ(test, n ? -EEXIST : 0,
				fake_map(c, SZ_2M, 1, 0));
		if (n)
			domain->npages = 0;
		fake_container_end(c);
		fake_pin_forget_stuck();
	}
}

/* One pin holds the piece: it stays until all of the piece is out. */
static void a_short_unmap_inside_a_piece(struct kunit *test)
{
	static const struct fake_mem piece[] = {
		{ 4, FAKE_PFN + 0x1fc, T1X_PIN_PAGE }, /* no jump */
		{ 512, FAKE_PFN + 0x200, 9 },
		{ 512, FAKE_PFN + 0x400, 9 },
	};
	unsigned long after;

	for (after = 1; after < 1028; after += 3) {
		struct fake_container *c = fake_container_new_with(test, 1);
		struct fake_domain *domain = c->domains[0];
		unsigned long pages = min(after, 4UL);
		unsigned long pieces =
			2 - (after < 516 ? 0 : (after - 4) / 512);

		domain->domain.pgsize_bitmap = FAKE_PGSIZES_4K;
		fake_mem_set(piece, ARRAY_SIZE(piece));
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(508), 1028, 0));
		domain->short_unmap_at = domain->unmaps + 1;
		domain->short_unmap_after = PAGES(after);
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(508), 1028, NULL));
		KUNIT_EXPECT_EQ(test, 4 - pages + pieces, fake_pin.npins);
		KUNIT_EXPECT_EQ(test, (long)(4 - pages + 512 * pieces),
				fake_pin.charged);
		domain->npages = 0;
		fake_container_end(c);
		fake_pin_forget_stuck();
	}
}

/* The undo of a MAP that failed is an unmap like any other. */
static void a_short_unmap_when_a_map_fails(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	struct fake_domain *domain = c->domains[0];

	fake_mem_use_mixed();
	domain->fail_map_at = domain->maps + 4;
	domain->short_unmap_at = domain->unmaps + 1;
	domain->short_unmap_after = PAGES(2);
	KUNIT_EXPECT_EQ(test, -ENOMEM, fake_map(c, 0, FAKE_MIXED_PAGES, 0));
	KUNIT_EXPECT_EQ(test, 1UL, c->map.domains.nr_stuck);
	KUNIT_EXPECT_EQ(test, 2UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, 0, 1, 0));
	domain->npages = 0;
	fake_container_end(c);
	fake_pin_forget_stuck();
}

/*
 * One domain refuses the n-th run, the other does not let go of it again: that run
 * stays pinned, charged and refused, all before it goes.
 */
static void a_short_unmap_inside_a_map(struct kunit *test)
{
	static const unsigned long after[] = { 1, 7 };
	static const struct fake_mem runs[] = {
		{ 8, FAKE_PFN, T1X_PIN_PAGE },
		{ 8, FAKE_PFN + 8, T1X_PIN_NONE }, /* no jump */
		{ 8, FAKE_PFN + 0x40, 3 },
		{ 8, FAKE_PFN + 0x80, T1X_PIN_PAGE },
	};
	/* The last two go together, and stay together. */
	static const unsigned long pins[] = { 8, 0, 1 + 8, 1 + 8 };
	static const unsigned long lengths[] = { 8, 8, 16, 16 };
	static const long charges[] = { 8, 0, 16, 16 };
	unsigned int i, n;
	u64 size;

	fake_mem_set(runs, ARRAY_SIZE(runs));
	for (i = 0; i < ARRAY_SIZE(after) * ARRAY_SIZE(runs); i++) {
		struct fake_container *c = fake_container_new_with(test, 2);
		struct fake_domain *keeping = c->domains[1];
		unsigned long gone = after[i / ARRAY_SIZE(runs)];

		n = i % ARRAY_SIZE(runs);
		c->domains[0]->fail_map_at = n + 1;
		keeping->short_unmap_at = 1;
		keeping->short_unmap_after = PAGES(gone);
		KUNIT_EXPECT_EQ(test, -EIO, fake_map(c, SZ_2M, 32, 0));
		KUNIT_EXPECT_EQ(test, 1UL, c->map.domains.nr_stuck);
		KUNIT_EXPECT_EQ(test, pins[n], fake_pin.npins);
		KUNIT_EXPECT_EQ(test, charges[n], fake_pin.charged);
		KUNIT_EXPECT_EQ(test, 0UL, c->domains[0]->npages);
		KUNIT_EXPECT_EQ(test, lengths[n] - gone, keeping->npages);

		KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, SZ_2M, 1, 0));
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_2M, 32, &size));
		KUNIT_EXPECT_EQ(test, 0ULL, size);
		keeping->npages = 0;
		fake_container_end(c);
		fake_pin_forget_stuck();
	}
}

static struct kunit_case backing_cases[] = {
	KUNIT_CASE(a_run_ends_where_memory_jumps),
	KUNIT_CASE(random_runs_end_where_the_table_says),
	KUNIT_CASE(a_lost_page_ends_no_run),
	KUNIT_CASE_PARAM(scattered_pages_go_together, kind_gen_params),
	KUNIT_CASE_PARAM(unmap_in_batches, kind_gen_params),
	KUNIT_CASE(neighbours_are_unmapped_by_one_call),
	KUNIT_CASE(runs_that_continue_are_one_run),
	KUNIT_CASE(lookups_go_by_the_granule),
	KUNIT_CASE_PARAM(a_failing_iommu_map_leaves_nothing, kind_gen_params),
	KUNIT_CASE(failing_memory_leaves_nothing),
	KUNIT_CASE(a_short_unmap_keeps_the_rest),
	KUNIT_CASE(an_unmap_that_loses_a_page_keeps_it),
	KUNIT_CASE(a_short_unmap_inside_a_piece),
	KUNIT_CASE(a_short_unmap_when_a_map_fails),
	KUNIT_CASE(a_short_unmap_inside_a_map),
	{}
};

static struct kunit_suite backing_suite = {
	.name = "t1x_backing",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = backing_cases,
};

kunit_test_suite(backing_suite);
