// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU domains of a container, over fake tables and, on kernels that have it,
 * over a real AMD v1 table.
 */
#include "fake_alloc.h"
#include "fake_group.h"

#include "../domains.c"

#include <linux/prandom.h>

#include "fake_domain.h"

#define SEED 0x7431780005ULL
#define RW (IOMMU_READ | IOMMU_WRITE)
#define NR 3 /* domains, where there are several */

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_describe);

struct list {
	struct mutex lock; /* of the domains */
	struct t1x_domains domains;
	struct t1x_domain domain[NR];
	struct fake_domain *fakes[NR];
};

/* Domains without groups, in a list that is locked as by an attach. */
static struct list *new_list(struct kunit *test, unsigned int nr)
{
	struct list *list = kunit_kzalloc(test, sizeof(*list), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, list);
	mutex_init(&list->lock);
	t1x_domains_init(&list->domains, &list->lock);
	down_write(&list->domains.rwsem);
	mutex_lock(&list->lock);

	for (i = 0; i < nr; i++) {
		list->fakes[i] = fake_domain_new_kind(fake_kind_of(test));
		list->domain[i].domain = &list->fakes[i]->domain;
		list->domain[i].parallel = i != 1;
		mutex_init(&list->domain[i].table_lock);
		INIT_LIST_HEAD(&list->domain[i].groups);
		t1x_domains_add(&list->domains, &list->domain[i]);
	}
	return list;
}

static void end_list(struct list *list)
{
	struct t1x_domain *domain, *next;

	list_for_each_entry_safe(domain, next, &list->domains.list, next)
		t1x_domains_remove(&list->domains, domain);
	mutex_unlock(&list->lock);
	up_write(&list->domains.rwsem);
	for (unsigned int i = 0; i < NR && list->fakes[i]; i++)
		fake_domain_free(list->fakes[i]);
}

/* One range in all domains. Return: pages that are unmapped everywhere. */
static unsigned long unmap(struct list *list, unsigned long iova,
			   unsigned long npages)
{
	struct t1x_domain_range range = { .iova = iova, .npages = npages };

	t1x_domains_unmap(&list->domains, &range, 1);
	return range.done;
}

/* What the first domain says of the pages at the begin of a range. */
static void check_each(struct kunit *test, struct list *list,
		       unsigned long iova, unsigned long pfn,
		       unsigned long npages)
{
	unsigned int i, nr = min(npages, 8UL);
	unsigned long pfns[8];

	if (list_empty(&list->domains.list))
		return;

	t1x_domains_find_pfns(&list->domains, iova, pfns, nr);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, pfn ? pfn + i : 0UL, pfns[i]);
}

/* [iova, +npages) is at pfn in each domain, or nowhere if that is 0. */
static void check_all(struct kunit *test, struct list *list, unsigned long iova,
		      unsigned long pfn, unsigned long npages)
{
	unsigned long found;
	unsigned int d;

	for (d = 0; d < NR && list->fakes[d]; d++)
		fake_domain_check(list->fakes[d], iova, pfn, npages);
	KUNIT_EXPECT_EQ(test, !!pfn,
			t1x_domains_find_pfn(&list->domains, iova, &found));
	if (pfn)
		KUNIT_EXPECT_EQ(test, pfn, found);
	check_each(test, list, iova, pfn, npages);
}

static void one_run_goes_into_every_domain(struct kunit *test)
{
	struct list *list = new_list(test, NR);
	unsigned long iova = SZ_1G - SZ_4K;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0,
			t1x_domains_map(&list->domains, iova, FAKE_PFN + 511,
					515, RW, 0));
	check_all(test, list, iova, FAKE_PFN + 511, 515);
	for (i = 0; i < NR; i++) {
		KUNIT_EXPECT_EQ(test, 1U, list->fakes[i]->maps);
		if (fake_kinds[0].pgsizes ==
		    list->fakes[i]->domain.pgsize_bitmap)
			KUNIT_EXPECT_EQ(test, (size_t)SZ_2M,
					list->fakes[i]->largest);
	}

	KUNIT_EXPECT_EQ(test, 515UL, unmap(list, iova, 515));
	check_all(test, list, iova, 0, 515);
	for (i = 0; i < NR; i++) {
		KUNIT_EXPECT_EQ(test, 1U, list->fakes[i]->unmaps);
		KUNIT_EXPECT_FALSE(test, list->fakes[i]->stale);
		KUNIT_EXPECT_EQ(test, 0UL, list->fakes[i]->npages);
	}
	end_list(list);
}

static void the_last_page_maps_and_unmaps(struct kunit *test)
{
	struct list *list = new_list(test, 2);
	unsigned long iova = ULONG_MAX - SZ_2M + 1;

	KUNIT_EXPECT_EQ(test, 0,
			t1x_domains_map(&list->domains, iova, FAKE_PFN, 512, RW,
					0));
	check_all(test, list, iova, FAKE_PFN, 512);
	KUNIT_EXPECT_EQ(test, 512UL, unmap(list, iova, 512));
	check_all(test, list, iova, 0, 512);

	iova = ULONG_MAX - SZ_4K + 1;
	KUNIT_EXPECT_EQ(test, 0,
			t1x_domains_map(&list->domains, iova, FAKE_PFN, 1,
					IOMMU_READ, 0));
	check_all(test, list, iova, FAKE_PFN, 1);
	KUNIT_EXPECT_EQ(test, 1UL, unmap(list, iova, 1));
	check_all(test, list, iova, 0, 1);
	end_list(list);
}

/* -1, 0 and +1 page at both ends, about the places where leaves change size. */
static void grid_of_edges(struct kunit *test)
{
	static const unsigned long edges[] = {
		SZ_4K,
		SZ_2M,
		SZ_1G,
		BIT(39),
		BIT(47),
		BIT(63),
		-(unsigned long)SZ_4K,
	};
	struct list *list = new_list(test, 2);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(edges) * 9; i++) {
		unsigned long iova = edges[i / 9] + (i % 3 - 1) * PAGE_SIZE;
		unsigned long npages = i / 3 % 3 + 511, pfn;

		if (!iova && edges[i / 9] > SZ_4K)
			continue;
		/* Not beyond the end of the space. */
		if (iova)
			npages = min(npages, -iova >> PAGE_SHIFT);
		pfn = FAKE_PFN + ((iova >> PAGE_SHIFT) & 511);

		KUNIT_EXPECT_EQ(test, 0,
				t1x_domains_map(&list->domains, iova, pfn,
						npages, RW, 0));
		check_all(test, list, iova, pfn, npages);
		KUNIT_EXPECT_EQ(test, npages, unmap(list, iova, npages));
		check_all(test, list, iova, 0, npages);
	}
	end_list(list);
}

/* The n-th domain fails, after so much of the call: all domains are as before. */
static void a_failure_anywhere_changes_nothing(struct kunit *test)
{
	static const size_t after[] = { 0, SZ_4K, SZ_2M, SZ_2M + SZ_4K };
	struct list *list = new_list(test, NR);
	unsigned int i, d, used = 0;

	/* A neighbour on each side must stay. */
	t1x_domains_map(&list->domains, SZ_2M - SZ_4K, FAKE_PFN + 9, 1, RW, 0);
	t1x_domains_map(&list->domains, SZ_2M + 1026 * SZ_4K, FAKE_PFN + 7, 1,
			RW, 0);

	for (i = 0; i < ARRAY_SIZE(after) * NR; i++) {
		struct fake_domain *failing = list->fakes[i % NR];

		failing->fail_map_at = failing->maps + 1;
		failing->fail_map_after = after[i / NR];
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				t1x_domains_map(&list->domains, SZ_2M,
						FAKE_PFN + SZ_2M / SZ_4K, 1026,
						RW, 0));
		check_all(test, list, SZ_2M, 0, 1026);
		for (d = 0; d < NR; d++) {
			KUNIT_EXPECT_EQ(test, 2UL, list->fakes[d]->npages);
			KUNIT_EXPECT_FALSE(test, list->fakes[d]->stale);
			used += list->fakes[d]->maps;
		}
	}
	KUNIT_EXPECT_GT(test, used, 0U);

	unmap(list, SZ_2M - SZ_4K, 1);
	unmap(list, SZ_2M + 1026 * SZ_4K, 1);
	end_list(list);
}

static void a_failing_sync_changes_nothing(struct kunit *test)
{
	struct list *list;
	unsigned int i;

	if (!T1X_SYNC_MAP_FAILS)
		kunit_skip(test, "iotlb_sync_map cannot fail before 6.7");

	list = new_list(test, NR);
	for (i = 0; i < NR; i++) {
		list->fakes[i]->fail_sync_map_at = list->fakes[i]->maps + 1;
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				t1x_domains_map(&list->domains, 0, FAKE_PFN, 3,
						RW, 0));
		check_all(test, list, 0, 0, 3);
	}
	end_list(list);
}

/* Of the eight pages from the second one on, domain @i has let go of @i: now of all. */
static void unmap_rest(struct kunit *test, struct list *list, unsigned int i)
{
	struct fake_domain *domain = list->fakes[i];

	/* Cut where it was cut before. */
	domain->short_unmap_at = domain->unmaps + 1;
	domain->short_unmap_after = SZ_1G;
	t1x_domain_unmap(&list->domain[i], SZ_4K * (i + 1), 8 - i);
	check_all(test, list, SZ_4K, 0, 8);
}

/* What counts is what every domain has let go, and all of it is flushed. */
static void a_short_unmap_counts_the_shortest(struct kunit *test)
{
	struct list *list = new_list(test, NR);
	unsigned int i;

	for (i = 0; i < NR; i++) {
		struct fake_domain *domain = list->fakes[i];

		t1x_domains_map(&list->domains, SZ_4K, FAKE_PFN, 8, RW, 0);
		domain->short_unmap_at = domain->unmaps + 1;
		domain->short_unmap_after = i * SZ_4K;
		KUNIT_EXPECT_EQ(test, i + 0UL, unmap(list, SZ_4K, 8));
		KUNIT_EXPECT_EQ(test, 8UL - i, domain->npages);
		KUNIT_EXPECT_FALSE(test, domain->stale);

		unmap_rest(test, list, i);
	}
	end_list(list);
}

/* The last of the list refuses a run, another one does not let it go again. */
static void an_undo_that_fails_is_told(struct kunit *test)
{
	struct list *list = new_list(test, NR);
	struct fake_domain *refusing = list->fakes[0];
	unsigned int i;

	for (i = 1; i < NR; i++) {
		struct fake_domain *domain = list->fakes[i];

		refusing->fail_map_at = refusing->maps + 1;
		domain->short_unmap_at = domain->unmaps + 1;
		domain->short_unmap_after = i * SZ_4K;
		KUNIT_EXPECT_EQ(test, 1,
				t1x_domains_map(&list->domains, SZ_4K, FAKE_PFN,
						8, RW, 0));
		KUNIT_EXPECT_EQ(test, 8UL - i, domain->npages);

		/* The others are empty; so is this one, when it is asked again. */
		unmap_rest(test, list, i);
	}
	end_list(list);
}

static void without_a_domain_there_is_nothing(struct kunit *test)
{
	struct list *list = new_list(test, 0);
	unsigned long pfn;

	KUNIT_EXPECT_EQ(test, 0,
			t1x_domains_map(&list->domains, 0, FAKE_PFN, 1, RW, 0));
	KUNIT_EXPECT_FALSE(test, t1x_domains_find_pfn(&list->domains, 0, &pfn));
	KUNIT_EXPECT_TRUE(test, t1x_domains_all_coherent(&list->domains));
	KUNIT_EXPECT_EQ(test, PAGE_MASK, list->domains.pgsizes);
	end_list(list);
}

static void page_sizes_are_what_all_have(struct kunit *test)
{
	struct list *list = new_list(test, NR);

	KUNIT_EXPECT_EQ(test, (unsigned long)FAKE_PGSIZES_VTD,
			list->domains.pgsizes);

	t1x_domains_remove(&list->domains, &list->domain[1]);
	list->fakes[1]->domain.pgsize_bitmap = SZ_4K | SZ_1G;
	t1x_domains_add(&list->domains, &list->domain[1]);
	KUNIT_EXPECT_EQ(test, SZ_4K | (unsigned long)SZ_1G,
			list->domains.pgsizes);

	t1x_domains_remove(&list->domains, &list->domain[2]);
	list->fakes[2]->domain.pgsize_bitmap = SZ_4K | SZ_2K;
	t1x_domains_add(&list->domains, &list->domain[2]);
	KUNIT_EXPECT_EQ(test, (unsigned long)SZ_4K, list->domains.pgsizes);

	t1x_domains_remove(&list->domains, &list->domain[2]);
	t1x_domains_remove(&list->domains, &list->domain[1]);
	KUNIT_EXPECT_EQ(test, (unsigned long)FAKE_PGSIZES_VTD,
			list->domains.pgsizes);
	end_list(list);
}

/* ---- Random runs ---- */

#define SLOTS 24
#define SLOT SZ_4M

/* A slot is empty or holds one run, as a container's mapping would. */
static void random_runs_against_the_slots(struct kunit *test)
{
	unsigned long pfn[SLOTS] = {}, npages[SLOTS] = {};
	struct list *list = new_list(test, 2);
	struct rnd_state rnd;
	unsigned int i, s;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (i = 0; i < 400; i++) {
		unsigned long base = -(unsigned long)SLOTS * SLOT;
		struct fake_domain *domain = list->fakes[i % 2];

		s = prandom_u32_state(&rnd) % SLOTS;
		base += (unsigned long)s * SLOT;
		if (pfn[s]) {
			check_all(test, list, base, pfn[s], npages[s]);
			KUNIT_EXPECT_EQ(test, npages[s],
					unmap(list, base, npages[s]));
			check_all(test, list, base, 0, npages[s]);
			pfn[s] = 0;
			continue;
		}

		npages[s] = 1 + prandom_u32_state(&rnd) % (SLOT / SZ_4K);
		pfn[s] = FAKE_PFN + (prandom_u32_state(&rnd) & 0xfffff);
		if (i & 1)
			pfn[s] &= ~511UL;
		if (i % 5 == 0) {
			domain->fail_map_at = domain->maps + 1;
			domain->fail_map_after =
				prandom_u32_state(&rnd) % npages[s] * SZ_4K;
		}
		if (t1x_domains_map(&list->domains, base, pfn[s], npages[s], RW,
				    0)) {
			KUNIT_EXPECT_EQ(test, 0U, i % 5);
			pfn[s] = 0;
		}
		check_all(test, list, base, pfn[s], npages[s]);
	}

	for (s = 0; s < SLOTS; s++) {
		if (pfn[s])
			unmap(list,
			      s * (unsigned long)SLOT -
				      (unsigned long)SLOTS * SLOT,
			      npages[s]);
	}
	end_list(list);
}

/* ---- Groups ---- */

static void a_second_group_joins_the_first(struct kunit *test)
{
	struct fake_group *a = fake_group_new(test), *b = fake_group_new(test);
	struct list *list = new_list(test, 0);
	struct t1x_domain *first = fake_group_open(test, a), *second;

	a->domain = NULL;
	KUNIT_EXPECT_EQ(test, 0, t1x_domains_join(&list->domains, first));
	t1x_domains_add(&list->domains, first);

	second = fake_group_open(test, b);
	mutex_unlock(&list->lock);
	KUNIT_EXPECT_EQ(test, 1, t1x_domains_join(&list->domains, second));
	t1x_domain_close(second);
	KUNIT_EXPECT_PTR_EQ(test, first->domain, b->attached);
	KUNIT_EXPECT_PTR_EQ(test, first,
			    t1x_domains_find(&list->domains, fake_group_of(b)));

	t1x_domains_detach(&list->domains, first, fake_group_of(a));
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    t1x_domains_find(&list->domains, fake_group_of(a)));
	KUNIT_EXPECT_PTR_EQ(test, first,
			    t1x_domains_find(&list->domains, fake_group_of(b)));
	mutex_lock(&list->lock);
	t1x_domains_remove(&list->domains, first);
	t1x_domain_close(first);
	KUNIT_EXPECT_PTR_EQ(test, NULL, b->attached);
	end_list(list);
}

static void coherency_decides_who_joins(struct kunit *test)
{
	struct fake_group *a = fake_group_new(test), *b = fake_group_new(test);
	struct list *list = new_list(test, 0);
	struct t1x_domain *first, *second;

	a->domain->coherent = true;
	first = fake_group_open(test, a);
	KUNIT_EXPECT_EQ(test, 0, t1x_domains_join(&list->domains, first));
	KUNIT_EXPECT_TRUE(test, first->coherent);
	t1x_domains_add(&list->domains, first);
	KUNIT_EXPECT_TRUE(test, t1x_domains_all_coherent(&list->domains));

	second = fake_group_open(test, b);
	KUNIT_EXPECT_EQ(test, 0, t1x_domains_join(&list->domains, second));
	KUNIT_EXPECT_PTR_EQ(test, second->domain, b->attached);
	KUNIT_EXPECT_FALSE(test, second->coherent);
	t1x_domains_add(&list->domains, second);
	KUNIT_EXPECT_FALSE(test, t1x_domains_all_coherent(&list->domains));

	t1x_domains_remove(&list->domains, first);
	t1x_domains_remove(&list->domains, second);
	t1x_domain_close(first);
	t1x_domain_close(second);
	end_list(list);
}

static void a_refused_join_goes_back(struct kunit *test)
{
	struct fake_group *a = fake_group_new(test), *b = fake_group_new(test);
	struct list *list = new_list(test, 0);
	struct t1x_domain *first = fake_group_open(test, a), *second;

	KUNIT_EXPECT_EQ(test, 0, t1x_domains_join(&list->domains, first));
	t1x_domains_add(&list->domains, first);

	second = fake_group_open(test, b);
	b->refuses = first->domain;
	KUNIT_EXPECT_EQ(test, 0, t1x_domains_join(&list->domains, second));
	KUNIT_EXPECT_PTR_EQ(test, second->domain, b->attached);

	/* It cannot go back either: it is attached to nothing. */
	b->fail_attach_at = b->attaches + 2;
	KUNIT_EXPECT_EQ(test, -ENODEV,
			t1x_domains_join(&list->domains, second));
	KUNIT_EXPECT_PTR_EQ(test, NULL, b->attached);
	t1x_domain_close(second);

	t1x_domains_remove(&list->domains, first);
	t1x_domain_close(first);
	end_list(list);
}

/* ---- The IOVA space ---- */

static void the_space_of_two_domains_is_what_both_have(struct kunit *test)
{
	struct list *list = new_list(test, 2);
	struct t1x_domains *domains = &list->domains;
	struct t1x_iova_space space;

	list->fakes[0]->domain.geometry.aperture_end = BIT(48) - 1;
	list->fakes[1]->domain.geometry.aperture_start = SZ_1M;
	t1x_iova_init(&space);
	KUNIT_EXPECT_EQ(test, 0,
			t1x_domains_build_space(domains, NULL, &space));
	KUNIT_ASSERT_EQ(test, 1U, space.nr);
	KUNIT_EXPECT_EQ(test, (unsigned long)SZ_1M, space.ranges[0].iova);
	KUNIT_EXPECT_EQ(test, BIT(48) - 1, space.ranges[0].last);
	t1x_iova_destroy(&space);

	/* One that is about to go does not count. */
	KUNIT_EXPECT_EQ(test, 0,
			t1x_domains_build_space(domains, &list->domain[1],
						&space));
	KUNIT_ASSERT_EQ(test, 1U, space.nr);
	KUNIT_EXPECT_EQ(test, 0UL, space.ranges[0].iova);
	KUNIT_EXPECT_EQ(test, BIT(48) - 1, space.ranges[0].last);
	t1x_iova_destroy(&space);
	end_list(list);
}

static struct kunit_case domains_cases[] = {
	KUNIT_CASE_PARAM(one_run_goes_into_every_domain, kind_gen_params),
	KUNIT_CASE_PARAM(the_last_page_maps_and_unmaps, kind_gen_params),
	KUNIT_CASE_PARAM(grid_of_edges, kind_gen_params),
	KUNIT_CASE_PARAM(a_failure_anywhere_changes_nothing, kind_gen_params),
	KUNIT_CASE_PARAM(random_runs_against_the_slots, kind_gen_params),
	KUNIT_CASE(a_failing_sync_changes_nothing),
	KUNIT_CASE(a_short_unmap_counts_the_shortest),
	KUNIT_CASE(an_undo_that_fails_is_told),
	KUNIT_CASE(without_a_domain_there_is_nothing),
	KUNIT_CASE(page_sizes_are_what_all_have),
	KUNIT_CASE(a_second_group_joins_the_first),
	KUNIT_CASE(coherency_decides_who_joins),
	KUNIT_CASE(a_refused_join_goes_back),
	KUNIT_CASE(the_space_of_two_domains_is_what_both_have),
	{}
};

static struct kunit_suite domains_suite = {
	.name = "t1x_domains",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = domains_cases,
};

kunit_test_suite(domains_suite);
