// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP and UNMAP over fake memory and fake or, where there are, AMD v1 tables. Most
 * rules are watched by the fakes all the time: no cut inside a run, no iommu_map
 * across a boundary, nothing unpinned that is mapped or not flushed.
 */
#include "fake_alloc.h"

#undef pr_fmt
#include "../backing.c"
#include "../map.c"

#include <linux/prandom.h>

#include "fake_container.h"

#define SEED 0x7431780006ULL
#define PAGES(n) ((unsigned long)(n) << PAGE_SHIFT)

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_describe);

/* Every kind of memory, with and without a jump between rows of two kinds. */
static const struct fake_mem mixed[] = {
	{ 1, FAKE_PFN + 0x900, T1X_PIN_PAGE }, /* page 0 */
	{ 3, FAKE_PFN + 0x905, T1X_PIN_PAGE }, /* 1 */
	{ 4, FAKE_PFN + 0x908, T1X_PIN_NONE }, /* 4, no jump */
	{ 8, FAKE_PFN + 0x90c, T1X_PIN_PAGE }, /* 8, no jump */
	{ 512, FAKE_PFN + 0x1000, 9 }, /* 16 */
	{ 512, FAKE_PFN + 0x1200, 9 }, /* 528, no jump */
	{ 512, FAKE_PFN + 0x3000, 9 }, /* 1040 */
	{ 300, FAKE_PFN + 0x5000, 9 }, /* 1552, a part of a piece */
	{ 2, FAKE_PFN + 0x7fff, T1X_PIN_PAGE }, /* 1852 */
	{ 194, FAKE_PFN + 0x9000, T1X_PIN_NONE }, /* 1854 */
};

#define MIXED_PAGES 2048

/* Nothing but single pages. */
static struct fake_mem scattered[300];

/* One physical run, however it is handed out. */
static const struct fake_mem whole[] = {
	{ 4096, FAKE_PFN + 0x10000, T1X_PIN_PAGE },
};

/* One that does not take the groups of the other. */
static struct fake_domain *new_other(struct kunit *test)
{
	struct fake_domain *domain;

	domain = fake_domain_new_kind(fake_kind_of(test));
	domain->coherent = true;
	return domain;
}

static struct fake_container *new_container(struct kunit *test, unsigned int nr)
{
	struct fake_container *c = fake_container_new(test);

	if (nr > 0)
		fake_attach(c, 0, fake_domain_new_kind(fake_kind_of(test)));
	if (nr > 1)
		fake_attach(c, 1, new_other(test));
	return c;
}

static void every_kind_of_memory(struct kunit *test)
{
	struct fake_container *c = new_container(test, 2);
	u64 size;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	KUNIT_ASSERT_EQ(test, MIXED_PAGES, (int)fake_mem_npages());
	KUNIT_EXPECT_EQ(test, 0,
			fake_map(c, SZ_2M - PAGES(16), MIXED_PAGES, 0));
	fake_check_mapped(c, SZ_2M - PAGES(16), MIXED_PAGES, 0);
	KUNIT_EXPECT_EQ(test, 14 + 4UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, MIXED_PAGES - 198L, fake_pin.charged);
	KUNIT_EXPECT_EQ(test, FAKE_ENTRY_LIMIT - 1, (int)c->map.dma_avail);

	KUNIT_EXPECT_EQ(test, 0,
			fake_unmap(c, SZ_2M - PAGES(16), MIXED_PAGES, &size));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(MIXED_PAGES), size);
	fake_check_empty(c);
	fake_container_end(c);
}

/* Every start and length about the rows of the table. */
static void mappings_that_begin_and_end_anywhere(struct kunit *test)
{
	static const unsigned long edges[] = { 1,   4,	  8,	16,
					       528, 1040, 1552, 1852 };
	struct fake_container *c = new_container(test, 2);
	unsigned int i, j;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	for (i = 0; i < ARRAY_SIZE(edges) * 3; i++) {
		for (j = i + 2; j < ARRAY_SIZE(edges) * 3; j += 5) {
			unsigned long first = edges[i / 3] + i % 3 - 1;
			unsigned long end = edges[j / 3] + j % 3 - 1;

			if (end <= first)
				continue;
			KUNIT_EXPECT_EQ(test, 0,
					fake_map(c, PAGES(first), end - first,
						 first));
			fake_check_mapped(c, PAGES(first), end - first, first);
			KUNIT_EXPECT_EQ(test, 0,
					fake_unmap(c, PAGES(first), end - first,
						   NULL));
			fake_check_empty(c);
		}
	}
	fake_container_end(c);
}

static void the_last_page_maps_and_unmaps(struct kunit *test)
{
	struct fake_container *c = new_container(test, 2);
	unsigned long iova = -PAGES(MIXED_PAGES);
	u64 size;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, iova, MIXED_PAGES, 0));
	fake_check_mapped(c, iova, MIXED_PAGES, 0);
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, -PAGE_SIZE, 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_unmap(c, -PAGE_SIZE, 1, NULL));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap_v1(c, -PAGE_SIZE, 1, &size));
	KUNIT_EXPECT_EQ(test, 0ULL, size);
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, iova, MIXED_PAGES, NULL));
	fake_check_empty(c);

	KUNIT_EXPECT_EQ(test, 0, fake_map(c, -PAGE_SIZE, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap_v1(c, -PAGE_SIZE, 1, &size));
	KUNIT_EXPECT_EQ(test, (u64)PAGE_SIZE, size);
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, -PAGES(3), 3, 0));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(3), fake_unmap_all(c));
	fake_check_empty(c);
	fake_container_end(c);
}

/* ---- Which requests are refused ---- */

static void refusals_come_in_order(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);
	struct fake_domain *domain = fake_domain_new(FAKE_PGSIZES_VTD);
	unsigned int avail;

	domain->domain.geometry.aperture_end = SZ_1G - 1;
	fake_attach(c, 0, domain);
	fake_mem_set(whole, ARRAY_SIZE(whole));
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, PAGES(8), 8, 0));
	avail = c->map.dma_avail;

	/* Outside the window. */
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, SZ_1G, 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, SZ_1G - PAGE_SIZE, 2, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_1G - PAGE_SIZE, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_1G - PAGE_SIZE, 1, NULL));

	/* The limit counts before the window, an overlap before the limit. */
	c->map.dma_avail = 0;
	KUNIT_EXPECT_EQ(test, -ENOSPC, fake_map(c, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, -ENOSPC, fake_map(c, SZ_1G, 1, 0));
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, PAGES(8), 1, 0));
	c->map.dma_avail = avail;
	KUNIT_EXPECT_EQ(test, -EEXIST,
			fake_map(c, PAGES(15), SZ_1G / PAGE_SIZE, 0));

	/* The mapping that gives an entry back makes room for another. */
	c->map.dma_avail = 0;
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(8), 8, NULL));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(8), 8, 0));
	KUNIT_EXPECT_EQ(test, -ENOSPC, fake_map(c, 0, 1, 0));
	c->map.dma_avail = avail;
	fake_container_end(c);
}

/* -1, 0 and +1 page at both ends of a mapping, at both ends of the space. */
static void overlap_at_every_edge(struct kunit *test)
{
	static const unsigned long bases[] = { 0, SZ_1G, -PAGES(12) };
	struct fake_container *c = new_container(test, 1);
	unsigned int i, first, last;

	fake_mem_set(whole, ARRAY_SIZE(whole));
	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		KUNIT_ASSERT_EQ(test, 0,
				fake_map(c, bases[i] + PAGES(4), 4, 0));
		for (first = 0; first < 12; first++) {
			for (last = first; last < 12; last++) {
				bool free = last < 4 || first > 7;
				unsigned long n = last - first + 1;
				int ret = fake_map(c, bases[i] + PAGES(first),
						   n, 64);

				KUNIT_EXPECT_EQ(test, free ? 0 : -EEXIST, ret);
				if (free)
					fake_unmap(c, bases[i] + PAGES(first),
						   last - first + 1, NULL);
			}
		}
		fake_check_mapped(c, bases[i] + PAGES(4), 4, 0);
		fake_unmap_all(c);
	}
	fake_check_empty(c);
	fake_container_end(c);
}

static void the_mapping_needs_a_domain(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);

	fake_mem_set(whole, ARRAY_SIZE(whole));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, 0, 1, 0));
	fake_check_empty(c);
	KUNIT_EXPECT_EQ(test, 0ULL, fake_unmap_all(c));
	fake_container_end(c);
}

static void single_pages_when_asked(struct kunit *test)
{
	struct fake_container *c = new_container(test, 1);
	const struct t1x_uapi_map args = {
		.last = SZ_2M - 1,
		.vaddr = FAKE_VADDR,
		.prot = IOMMU_READ,
	};

	fake_mem_set(whole, ARRAY_SIZE(whole));
	KUNIT_EXPECT_EQ(test, 0, t1x_map_dma(&c->map, &args, true));
	KUNIT_EXPECT_TRUE(test, fake_pin.single);
	KUNIT_EXPECT_EQ(test, 512U, c->domains[0]->maps);
	KUNIT_EXPECT_EQ(test, (size_t)SZ_4K, c->domains[0]->largest);
	KUNIT_EXPECT_EQ(test, (u64)SZ_2M, fake_unmap_all(c));
	KUNIT_EXPECT_EQ(test, 1U, c->domains[0]->unmaps);
	fake_container_end(c);
}

/* ---- The unmap rules of v1 and v2 ---- */

#define RULE_PAGES 10

struct rule_map {
	unsigned int first;
	unsigned int last;
};

static const struct rule_map rules[] = { { 1, 1 },
					 { 2, 4 },
					 { 6, 7 },
					 { 8, 8 } };

/*
 * v2: all that the range meets, or nothing if it cuts one. v1: in order, each that
 * begins in the range, until one is met that began before it.
 */
static int model_unmap(unsigned int first, unsigned int last, bool v2,
		       unsigned long *gone)
{
	unsigned int i;

	*gone = 0;
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].last < first || rules[i].first > last)
			continue;
		if (v2 && (rules[i].first < first || rules[i].last > last)) {
			*gone = 0;
			return -EINVAL;
		}
		if (!v2 && rules[i].first < first)
			return 0;
		*gone |= BIT(i);
	}
	return 0;
}

static void check_rule(struct kunit *test, struct fake_container *c,
		       unsigned long base, unsigned int first,
		       unsigned int last, bool v2)
{
	unsigned long gone;
	u64 size, want = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		KUNIT_ASSERT_EQ(test, 0,
				fake_map(c, base + PAGES(rules[i].first),
					 rules[i].last - rules[i].first + 1,
					 rules[i].first));

	ret = model_unmap(first, last, v2, &gone);
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (gone & BIT(i))
			want += PAGES(rules[i].last - rules[i].first + 1);
	}

	if (v2)
		KUNIT_EXPECT_EQ(test, ret,
				fake_unmap(c, base + PAGES(first),
					   last - first + 1, &size));
	else
		KUNIT_EXPECT_EQ(test, ret,
				fake_unmap_v1(c, base + PAGES(first),
					      last - first + 1, &size));
	KUNIT_EXPECT_EQ(test, want, size);

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		unsigned long iova = base + PAGES(rules[i].first);
		unsigned long end = base + PAGES(rules[i].last);
		bool is_mapped =
			fake_domain_is_mapped(c->domains[0], iova, end);

		KUNIT_EXPECT_NE(test, is_mapped, !!(gone & BIT(i)));
	}
	fake_unmap_all(c);
}

/* Every range of a small space, at the bottom and at the top of the large one. */
static void every_range_under_both_rules(struct kunit *test)
{
	struct fake_container *c = new_container(test, 1);
	unsigned int first, last, i;

	fake_mem_set(whole, ARRAY_SIZE(whole));
	for (i = 0; i < 4; i++) {
		unsigned long base = i & 2 ? -PAGES(RULE_PAGES - 1) : 0;

		for (first = 0; first < RULE_PAGES - 1; first++) {
			for (last = first; last < RULE_PAGES - 1; last++)
				check_rule(test, c, base, first, last, i & 1);
		}
	}
	fake_check_empty(c);
	fake_container_end(c);
}

static void an_unmap_that_fails_changes_nothing(struct kunit *test)
{
	struct fake_container *c = new_container(test, 1);
	unsigned int unmaps;

	fake_mem_set(whole, ARRAY_SIZE(whole));
	fake_map(c, 0, 4, 0);
	fake_map(c, PAGES(4), 4, 4);
	unmaps = c->domains[0]->unmaps;
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_unmap(c, 0, 6, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_unmap(c, PAGES(2), 6, NULL));
	KUNIT_EXPECT_EQ(test, unmaps, c->domains[0]->unmaps);
	fake_check_mapped(c, 0, 8, 0);
	KUNIT_EXPECT_EQ(test, (u64)PAGES(8), fake_unmap_all(c));
	KUNIT_EXPECT_EQ(test, 0ULL, fake_unmap_all(c));
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
		new_other(test),
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
	struct fake_container *c = new_container(test, 2);
	unsigned int few;

	fill_scattered();
	fake_mem_set(scattered, ARRAY_SIZE(scattered));
	for (few = 0; few < 2; few++) {
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, 300, 0));
		c->domains[0]->unmaps = 0;
		if (few)
			fake_alloc.fail_at = fake_alloc.calls + 1;
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_2M, 300, NULL));
		KUNIT_EXPECT_EQ(test, few ? (300 + 7) / 8 : (300 + 127) / 128,
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
		struct fake_container *c = new_container(test, nr);

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
	struct fake_container *c = new_container(test, 1);
	struct fake_domain *domain;

	fake_mem_set(whole, ARRAY_SIZE(whole));
	fake_pin.max_run = 3;
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, 1000, 0));
	/* What continues within a batch is mapped by one call. */
	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(1000U, 3 * T1X_PIN_FEW),
			c->domains[0]->maps);

	domain = new_other(test);
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
	struct fake_container *c = new_container(test, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pieces); i++)
		pieces[i] = (struct fake_mem){ 512, FAKE_PFN + 1024 * i, 9 };
	fake_mem_set(pieces, ARRAY_SIZE(pieces));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, 512 * 16, 0));
	KUNIT_EXPECT_EQ(test, 0U, c->domains[0]->lookups);
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_2M, 512 * 16, NULL));
	KUNIT_EXPECT_LE(test, c->domains[0]->lookups, 16U);

	fake_mem_set(whole, ARRAY_SIZE(whole));
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
	struct fake_container *c = new_container(test, 2);
	unsigned int n, i, d, failed = 0;
	int ret;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	for (i = 0; i < ARRAY_SIZE(after) * 2; i++) {
		struct fake_domain *domain = c->domains[i % 2];

		for (n = 1; n < 12; n++) {
			domain->fail_map_at = domain->maps + n;
			domain->fail_map_after = after[i / 2];
			ret = fake_map(c, SZ_1G - PAGES(16), MIXED_PAGES, 0);
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
	struct fake_container *c = new_container(test, 2);
	unsigned int n;
	int ret = 1;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	fake_pin.max_batch = 2;
	for (n = 1; ret; n++) {
		KUNIT_ASSERT_LT(test, n, 30U);
		fake_pin.batches = 0;
		fake_pin.fail_batch_at = n;
		fake_pin.fail_with = n & 1 ? -EFAULT : -EINTR;
		ret = fake_map(c, SZ_2M, MIXED_PAGES, 0);
		if (ret) {
			KUNIT_EXPECT_EQ(test, fake_pin.fail_with, ret);
			fake_check_empty(c);
		}
	}
	KUNIT_EXPECT_GT(test, n, 6U);
	fake_unmap_all(c);

	/* Past the end of the memory. */
	fake_pin.fail_batch_at = 0;
	KUNIT_EXPECT_EQ(test, -EFAULT, fake_map(c, SZ_2M, MIXED_PAGES + 1, 0));
	fake_check_empty(c);
	fake_container_end(c);
}

static void a_failing_allocation_leaves_nothing(struct kunit *test)
{
	struct fake_container *c = new_container(test, 2);
	unsigned int n;
	int ret = 1;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	for (n = 1; ret; n++) {
		KUNIT_ASSERT_LT(test, n, 20U);
		fake_alloc.fail_at = fake_alloc.calls + n;
		ret = fake_map(c, SZ_2M, MIXED_PAGES, 0);
		if (ret) {
			KUNIT_EXPECT_EQ(test, -ENOMEM, ret);
			fake_check_empty(c);
		}
	}
	KUNIT_EXPECT_GT(test, n, 2U);
	fake_alloc.fail_at = 0;
	fake_unmap_all(c);

	fake_pin.no_account = true;
	KUNIT_EXPECT_EQ(test, -ENOMEM, fake_map(c, SZ_2M, 1, 0));
	fake_check_empty(c);
	fake_container_end(c);
}

static void an_address_space_that_is_gone_is_not_walked(struct kunit *test)
{
	struct fake_container *c = new_container(test, 1);

	fake_pin.mm_gone = true;
	KUNIT_EXPECT_EQ(test, -ESRCH, fake_map(c, SZ_2M, MIXED_PAGES, 0));
	KUNIT_EXPECT_EQ(test, 0U, fake_pin.batches);
	fake_check_empty(c);
	fake_pin.mm_gone = false;
	fake_container_end(c);
}

/* ---- An IOMMU that does not let go ---- */

/* The last of @nr domains stops short: the mapping behind goes all the same. */
static void check_short_unmap(struct kunit *test, unsigned int nr)
{
	struct fake_container *c = new_container(test, nr);
	struct fake_domain *domain = c->domains[nr - 1];
	u64 size;

	fake_mem_set(whole, ARRAY_SIZE(whole));
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

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	for (n = 0; n <= questions; n += 1 + n / 8) {
		struct fake_container *c = new_container(test, 1);
		struct fake_domain *domain = c->domains[0];

		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, MIXED_PAGES, 0));
		domain->fail_lookup_at = n;
		KUNIT_EXPECT_EQ(test, 0,
				fake_unmap(c, SZ_2M, MIXED_PAGES, &size));
		KUNIT_EXPECT_EQ(test, (u64)PAGES(MIXED_PAGES), size);
		if (!n)
			questions = domain->lookups;
		KUNIT_EXPECT_GE(test, questions, 6U);
		KUNIT_EXPECT_EQ(test, n ? 1UL : 0UL, c->map.domains.nr_stuck);
		KUNIT_EXPECT_EQ(test, n ? MIXED_PAGES : 0, (int)domain->npages);
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
		struct fake_container *c = new_container(test, 1);
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
	struct fake_container *c = new_container(test, 1);
	struct fake_domain *domain = c->domains[0];

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	domain->fail_map_at = domain->maps + 4;
	domain->short_unmap_at = domain->unmaps + 1;
	domain->short_unmap_after = PAGES(2);
	KUNIT_EXPECT_EQ(test, -ENOMEM, fake_map(c, 0, MIXED_PAGES, 0));
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
		struct fake_container *c = new_container(test, 2);
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

/* ---- While a mapping is being made ---- */

struct moment {
	struct fake_container *c;
	unsigned int batch; /* when it comes, do this */
	void (*fn)(struct moment *moment);
	struct fake_call call;
	unsigned int group;
	struct fake_domain *domain;
};

static void at_moment(struct t1x_pin *pin, void *data)
{
	struct moment *moment = data;

	if (!moment->batch--)
		moment->fn(moment);
}

static void set_moment(struct moment *moment, unsigned int batch)
{
	moment->batch = batch;
	fake_pin.on_batch = at_moment;
	fake_pin.data = moment;
	fake_pin.max_batch = 2;
}

static struct moment *new_moment(struct kunit *test, struct fake_container *c,
				 void (*fn)(struct moment *moment))
{
	struct moment *moment =
		kunit_kzalloc(test, sizeof(*moment), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, moment);
	moment->c = c;
	moment->fn = fn;
	moment->call.c = c;
	return moment;
}

static void moment_detach(struct moment *moment)
{
	fake_detach(moment->c, moment->group);
}

/* Its last domain goes at batch n: the MAP fails, nothing is left. */
static void the_last_domain_goes_during_a_map(struct kunit *test)
{
	unsigned int n;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	for (n = 0; n < 6; n++) {
		struct fake_container *c = new_container(test, 1);
		struct moment *moment = new_moment(test, c, moment_detach);

		fake_pin.on_batch = NULL;
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_1G, 4, 16));
		set_moment(moment, n);
		KUNIT_EXPECT_EQ(test, -EINVAL,
				fake_map(c, SZ_2M, MIXED_PAGES, 0));
		fake_check_empty(c);
		KUNIT_EXPECT_TRUE(test, list_empty(&c->map.domains.list));

		/* A container that gets a group again works again. */
		fake_pin.on_batch = NULL;
		fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, MIXED_PAGES, 0));
		fake_container_end(c);
	}
}

static void one_of_two_domains_goes_during_a_map(struct kunit *test)
{
	unsigned int n;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	for (n = 0; n < 5; n++) {
		struct fake_container *c = new_container(test, 2);
		struct moment *moment = new_moment(test, c, moment_detach);

		moment->group = n & 1;
		set_moment(moment, n);
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, MIXED_PAGES, 0));
		fake_pin.on_batch = NULL;
		fake_check_mapped(c, SZ_2M, MIXED_PAGES, 0);
		fake_container_end(c);
	}
}

static void moment_attach(struct moment *moment)
{
	fake_attach(moment->c, 1, moment->domain);
}

/* A second domain comes at batch n: it gets what there is, then its share. */
static void a_domain_comes_during_a_map(struct kunit *test)
{
	unsigned int n;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	for (n = 0; n < 6; n++) {
		struct fake_container *c = new_container(test, 1);
		struct moment *moment = new_moment(test, c, moment_attach);

		moment->domain = new_other(test);
		fake_pin.on_batch = NULL;
		fake_pin.max_run = 5;
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_1G, 20, 0));
		set_moment(moment, n);
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, MIXED_PAGES, 0));
		fake_pin.on_batch = NULL;
		KUNIT_EXPECT_PTR_EQ(test, moment->domain, c->domains[1]);
		fake_check_mapped(c, SZ_2M, MIXED_PAGES, 0);
		fake_check_mapped(c, SZ_1G, 20, 0);
		KUNIT_EXPECT_EQ(test, 0,
				fake_unmap(c, SZ_2M, MIXED_PAGES, NULL));
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_1G, 20, NULL));
		fake_check_empty(c);
		fake_container_end(c);
	}
}

/* ... and if the MAP fails afterwards, both domains are empty. */
static void a_domain_comes_before_a_map_fails(struct kunit *test)
{
	unsigned int n;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	for (n = 0; n < 4; n++) {
		struct fake_container *c = new_container(test, 1);
		struct moment *moment = new_moment(test, c, moment_attach);

		moment->domain = new_other(test);
		set_moment(moment, n);
		fake_pin.batches = 0;
		fake_pin.fail_batch_at = n + 2;
		KUNIT_EXPECT_EQ(test, -EFAULT,
				fake_map(c, SZ_2M, MIXED_PAGES, 0));
		fake_check_empty(c);
		fake_container_end(c);
	}
}

static void moment_start_call(struct moment *moment)
{
	fake_call_start(&moment->call);
	fake_call_await_waiting(&moment->call);
}

static void an_overlapping_map_waits(struct kunit *test)
{
	struct fake_container *c = new_container(test, 1);
	struct moment *moment = new_moment(test, c, moment_start_call);

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	moment->call.iova = SZ_2M + PAGES(5);
	moment->call.npages = 1;
	set_moment(moment, 1);
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, MIXED_PAGES, 0));
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_call_end(&moment->call));
	fake_unmap_all(c);

	/* The first one fails: the second finds the range free. */
	set_moment(moment, 1);
	fake_pin.batches = 0;
	fake_pin.fail_batch_at = 2;
	KUNIT_EXPECT_EQ(test, -EFAULT, fake_map(c, SZ_2M, MIXED_PAGES, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_call_end(&moment->call));
	fake_pin.on_batch = NULL;
	fake_check_mapped(c, SZ_2M + PAGES(5), 1, 0);
	fake_container_end(c);
}

static void an_unmap_waits_for_a_map(struct kunit *test)
{
	struct fake_container *c = new_container(test, 1);
	struct moment *moment = new_moment(test, c, moment_start_call);

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	moment->call.unmap = true;
	moment->call.iova = 0;
	moment->call.npages = SZ_1G >> PAGE_SHIFT;
	set_moment(moment, 2);
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, MIXED_PAGES, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_call_end(&moment->call));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(MIXED_PAGES), moment->call.size);
	fake_check_empty(c);
	fake_container_end(c);
}

/* The last entry may come back, if the MAP that took it fails. */
static void the_limit_waits_for_a_map(struct kunit *test)
{
	struct fake_container *c = new_container(test, 1);
	struct moment *moment = new_moment(test, c, moment_start_call);
	unsigned int fail;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	moment->call.iova = SZ_1G;
	moment->call.npages = 1;
	for (fail = 0; fail < 2; fail++) {
		c->map.dma_avail = 1;
		set_moment(moment, 1);
		fake_pin.batches = 0;
		fake_pin.fail_batch_at = fail ? 2 : 0;
		KUNIT_EXPECT_EQ(test, fail ? -EFAULT : 0,
				fake_map(c, SZ_2M, MIXED_PAGES, 0));
		KUNIT_EXPECT_EQ(test, fail ? 0 : -ENOSPC,
				fake_call_end(&moment->call));
		fake_pin.on_batch = NULL;
		fake_unmap_all(c);
		KUNIT_EXPECT_EQ(test, 1U, c->map.dma_avail);
	}
	c->map.dma_avail = FAKE_ENTRY_LIMIT;
	fake_container_end(c);
}

static void moment_kill_call(struct moment *moment)
{
	fake_call_start(&moment->call);
	fake_call_await_waiting(&moment->call);
	send_sig(SIGKILL, moment->call.task, 1);
	KUNIT_EXPECT_EQ(moment->c->test, -EINTR, fake_call_end(&moment->call));
}

static void a_wait_ends_on_a_fatal_signal(struct kunit *test)
{
	struct fake_container *c = new_container(test, 1);
	struct moment *moment = new_moment(test, c, moment_kill_call);
	unsigned int unmap;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	moment->call.iova = SZ_2M;
	moment->call.npages = 1;
	for (unmap = 0; unmap < 2; unmap++) {
		moment->call.unmap = unmap;
		set_moment(moment, 1);
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, MIXED_PAGES, 0));
		fake_check_mapped(c, SZ_2M, MIXED_PAGES, 0);
		fake_unmap_all(c);
	}
	fake_container_end(c);
}

/* ---- Patterns and random calls ---- */

static void forward_backward_and_checkerboard(struct kunit *test)
{
	struct fake_container *c = new_container(test, 2);
	unsigned int i;

	fake_mem_set(whole, ARRAY_SIZE(whole));
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(i), 1, i));
	for (i = 64; i--;)
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(i), 1, NULL));
	fake_check_empty(c);

	for (i = 0; i < 64; i += 2)
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(i), 1, i));
	for (i = 1; i < 64; i += 2)
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(i), 1, i));
	fake_check_mapped(c, 0, 64, 0);
	for (i = 0; i < 64; i += 2)
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(i), 1, NULL));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(32), fake_unmap_all(c));
	fake_check_empty(c);
	fake_container_end(c);
}

#define RANDOM_ROWS 48
#define RANDOM_SPACE 512 /* pages of IOVA */
#define RANDOM_MAPS 32

struct random_map {
	unsigned int first;
	unsigned int npages; /* 0: none */
	unsigned int page;
};

struct random_model {
	struct fake_container *c;
	struct rnd_state rnd;
	unsigned long base;
	struct fake_mem mem[RANDOM_ROWS];
	unsigned int npages;
	struct random_map maps[RANDOM_MAPS];
};

static unsigned int random_below(struct random_model *m, unsigned int limit)
{
	return prandom_u32_state(&m->rnd) % limit;
}

/* Rows of all kinds, some of which continue the one before. */
static void random_memory(struct random_model *m)
{
	unsigned long pfn = FAKE_PFN;
	unsigned int i;

	m->npages = 0;
	for (i = 0; i < RANDOM_ROWS; i++) {
		static const u8 row_kinds[] = { T1X_PIN_PAGE, T1X_PIN_PAGE,
						T1X_PIN_NONE, 3 };
		struct fake_mem *mem = &m->mem[i];

		if (random_below(m, 3))
			pfn += 1 + random_below(m, 100);
		mem->kind = row_kinds[random_below(m, 4)];
		mem->npages = 1 + random_below(m, 24);
		if (mem->kind == 3) {
			pfn = ALIGN(pfn, 8);
			mem->npages = 8 * (1 + random_below(m, 4));
		}
		mem->pfn = pfn;
		pfn += mem->npages;
		m->npages += mem->npages;
	}
	fake_mem_set(m->mem, RANDOM_ROWS);
}

static bool meets(const struct random_map *map, unsigned int first,
		  unsigned int last)
{
	return map->npages && map->first <= last &&
	       map->first + map->npages > first;
}

static struct random_map *random_find(struct random_model *m,
				      unsigned int first, unsigned int last)
{
	unsigned int i;

	for (i = 0; i < RANDOM_MAPS; i++) {
		if (meets(&m->maps[i], first, last))
			return &m->maps[i];
	}
	return NULL;
}

static void random_try_map(struct kunit *test, struct random_model *m)
{
	unsigned int first = random_below(m, RANDOM_SPACE);
	unsigned int npages =
		1 + random_below(m, min(RANDOM_SPACE - first, 80U));
	unsigned int page = random_below(m, m->npages - npages);
	struct fake_domain *domain = m->c->domains[0];
	struct random_map *slot;
	bool fault = !random_below(m, 6), taken;
	int ret;

	fake_pin.max_run = random_below(m, 2) ? 0 : 1 + random_below(m, 9);
	fake_pin.max_batch = 1 + random_below(m, 8);
	if (fault) {
		domain->fail_map_at = domain->maps + 1 + random_below(m, 4);
		domain->fail_map_after = PAGES(random_below(m, 8));
	}

	taken = random_find(m, first, first + npages - 1);
	ret = fake_map(m->c, m->base + PAGES(first), npages, page);
	domain->fail_map_at = 0;
	if (taken)
		KUNIT_EXPECT_EQ(test, -EEXIST, ret);
	else if (!fault)
		KUNIT_EXPECT_EQ(test, 0, ret);
	if (ret)
		return;

	for (slot = m->maps; slot->npages; slot++)
		;
	*slot = (struct random_map){ first, npages, page };
}

static void random_try_unmap(struct kunit *test, struct random_model *m)
{
	struct random_map *map =
		random_find(m, random_below(m, RANDOM_SPACE), RANDOM_SPACE - 1);
	unsigned int first, last, i;
	bool cut = false;
	u64 size, want = 0;

	if (!map)
		return;

	first = map->first;
	last = first + map->npages - 1;
	if (random_below(m, 2)) {
		first -= random_below(m, min(first + 1, 60U));
		last += random_below(m, min(RANDOM_SPACE - last, 60U));
	}
	for (i = 0; i < RANDOM_MAPS; i++) {
		map = &m->maps[i];
		if (!meets(map, first, last))
			continue;
		want += PAGES(map->npages);
		cut |= map->first < first ||
		       map->first + map->npages - 1 > last;
	}

	KUNIT_EXPECT_EQ(test, cut ? -EINVAL : 0,
			fake_unmap(m->c, m->base + PAGES(first),
				   last - first + 1, &size));
	if (cut)
		return;

	KUNIT_EXPECT_EQ(test, want, size);
	for (i = 0; i < RANDOM_MAPS; i++) {
		if (meets(&m->maps[i], first, last))
			m->maps[i].npages = 0;
	}
}

static void random_toggle_group(struct kunit *test, struct random_model *m)
{
	struct fake_domain *domain;

	if (m->c->domains[1]) {
		fake_detach(m->c, 1);
		return;
	}

	domain = new_other(test);
	fake_attach(m->c, 1, domain);
}

static void random_check(struct kunit *test, struct random_model *m)
{
	unsigned long pages = 0;
	unsigned int i;

	for (i = 0; i < RANDOM_MAPS; i++) {
		fake_check_mapped(m->c, m->base + PAGES(m->maps[i].first),
				  m->maps[i].npages, m->maps[i].page);
		pages += m->maps[i].npages;
	}
	for (i = 0; i < 2; i++) {
		if (m->c->domains[i])
			KUNIT_EXPECT_EQ(test, pages, m->c->domains[i]->npages);
	}
}

static void random_calls_against_the_model(struct kunit *test)
{
	struct random_model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int round, i, used;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&m->rnd, SEED);

	for (round = 0; round < 4; round++) {
		random_memory(m);
		m->base = round & 1 ? -PAGES(RANDOM_SPACE) : SZ_1G - SZ_1M;
		m->c = new_container(test, 1);
		for (i = 0; i < 250; i++) {
			for (used = 0;
			     used < RANDOM_MAPS && m->maps[used].npages; used++)
				;
			switch (random_below(m, 8)) {
			case 0:
				random_toggle_group(test, m);
				break;
			case 1 ... 4:
				if (used < RANDOM_MAPS) {
					random_try_map(test, m);
					break;
				}
				fallthrough;
			default:
				random_try_unmap(test, m);
			}
			if (i % 16 == 0)
				random_check(test, m);
		}
		random_check(test, m);
		fake_unmap_all(m->c);
		fake_check_empty(m->c);
		fake_container_end(m->c);
		memset(m->maps, 0, sizeof(m->maps));
	}
}

static struct kunit_case map_cases[] = {
	KUNIT_CASE_PARAM(every_kind_of_memory, kind_gen_params),
	KUNIT_CASE_PARAM(mappings_that_begin_and_end_anywhere, kind_gen_params),
	KUNIT_CASE_PARAM(the_last_page_maps_and_unmaps, kind_gen_params),
	KUNIT_CASE(refusals_come_in_order),
	KUNIT_CASE(overlap_at_every_edge),
	KUNIT_CASE(the_mapping_needs_a_domain),
	KUNIT_CASE(single_pages_when_asked),
	KUNIT_CASE(every_range_under_both_rules),
	KUNIT_CASE(an_unmap_that_fails_changes_nothing),
	KUNIT_CASE_PARAM(scattered_pages_go_together, kind_gen_params),
	KUNIT_CASE_PARAM(unmap_in_batches, kind_gen_params),
	KUNIT_CASE(neighbours_are_unmapped_by_one_call),
	KUNIT_CASE(runs_that_continue_are_one_run),
	KUNIT_CASE(lookups_go_by_the_granule),
	KUNIT_CASE_PARAM(a_failing_iommu_map_leaves_nothing, kind_gen_params),
	KUNIT_CASE(failing_memory_leaves_nothing),
	KUNIT_CASE(a_failing_allocation_leaves_nothing),
	KUNIT_CASE(an_address_space_that_is_gone_is_not_walked),
	KUNIT_CASE(a_short_unmap_keeps_the_rest),
	KUNIT_CASE(an_unmap_that_loses_a_page_keeps_it),
	KUNIT_CASE(a_short_unmap_inside_a_piece),
	KUNIT_CASE(a_short_unmap_when_a_map_fails),
	KUNIT_CASE(a_short_unmap_inside_a_map),
	KUNIT_CASE(the_last_domain_goes_during_a_map),
	KUNIT_CASE_PARAM(one_of_two_domains_goes_during_a_map, kind_gen_params),
	KUNIT_CASE_PARAM(a_domain_comes_during_a_map, kind_gen_params),
	KUNIT_CASE_PARAM(a_domain_comes_before_a_map_fails, kind_gen_params),
	KUNIT_CASE(an_overlapping_map_waits),
	KUNIT_CASE(an_unmap_waits_for_a_map),
	KUNIT_CASE(the_limit_waits_for_a_map),
	KUNIT_CASE(a_wait_ends_on_a_fatal_signal),
	KUNIT_CASE(forward_backward_and_checkerboard),
	KUNIT_CASE_PARAM(random_calls_against_the_model, kind_gen_params),
	{}
};

static struct kunit_suite map_suite = {
	.name = "t1x_map",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = map_cases,
};

kunit_test_suite(map_suite);
