// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which leaves the IOMMUs of a container are made to use: none above the granule of a
 * mapping, none but those of the subset that PGSIZES has chosen, on every kind of table,
 * by MAP and by replay alike, and what is left when a run that is cut fails.
 */
#include <linux/bitops.h>
#include <linux/iommu.h>
#include <linux/log2.h>

#include "fake_container.h"
#include "group.h"

#define PAGES(n) ((unsigned long)(n) << PAGE_SHIFT)
#define IOVA BIT(30)
/* What the mappings are long: leaves above that do not matter. */
#define NPAGES 1536
#define SIZES (SZ_4M | (SZ_4M - 1))

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_describe);

/* One run, which begins as aligned as any leaf. */
static const struct fake_mem memory[] = {
	{ 4096, FAKE_PFN + 0x10000, T1X_PIN_PAGE },
};

static struct fake_domain *new_other(struct kunit *test)
{
	struct fake_domain *domain = fake_domain_new_kind(fake_kind_of(test));

	domain->coherent = true;
	return domain;
}

static struct fake_container *new_container(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);

	fake_mem_set(memory, ARRAY_SIZE(memory));
	fake_attach(c, 0, fake_domain_new_kind(fake_kind_of(test)));
	return c;
}

/* As a user does who was told what is supported, and nobody comes in between. */
static int set_pgsizes(struct fake_container *c, unsigned long pgsizes)
{
	return t1x_map_set_pgsizes(&c->map, pgsizes, c->map.domains.supported);
}

/* The fewest leaves of some sizes that cover pages of the memory at an IOVA. */
static unsigned int fewest_leaves(unsigned long iova, unsigned long page,
				  unsigned long npages, unsigned long sizes)
{
	unsigned int nr = 0;

	while (npages) {
		unsigned long align = (iova >> PAGE_SHIFT) | fake_mem_pfn(page);
		unsigned long fit = sizes >> PAGE_SHIFT, leaf;

		fit &= align ? BIT(__ffs(align)) | (BIT(__ffs(align)) - 1) :
			       ULONG_MAX;
		fit &= BIT(__fls(npages)) | (BIT(__fls(npages)) - 1);
		leaf = BIT(__fls(fit));
		iova += PAGES(leaf);
		page += leaf;
		npages -= leaf;
		nr++;
	}

	return nr;
}

/* A mapping in both domains, with the allowed leaves and no more than need be. */
static void check_leaves(struct fake_container *c, unsigned long iova,
			 unsigned long page, unsigned long npages,
			 unsigned long allowed)
{
	struct fake_domain *domain;
	unsigned int nr;

	fake_check_mapped(c, iova, npages, page);
	list_for_each_entry(domain, &fake.domains, next) {
		nr = fake_domain_check_leaves(domain, iova, npages, allowed);
		KUNIT_EXPECT_EQ(c->test,
				fewest_leaves(iova, page, npages, allowed), nr);
	}
}

/* Map and replay a run that is aligned in one way; then it goes. */
static void map_and_check(struct fake_container *c, unsigned long page,
			  unsigned long granule, unsigned long allowed)
{
	KUNIT_ASSERT_EQ(c->test, 0,
			fake_map_granule(c, IOVA, NPAGES, page, granule));
	check_leaves(c, IOVA, page, NPAGES, allowed);
	fake_attach(c, 1, new_other(c->test));
	check_leaves(c, IOVA, page, NPAGES, allowed);

	/* The domain that it was replayed to has no other leaves, either. */
	fake_detach(c, 0);
	fake_attach(c, 0, fake_domain_new_kind(fake_kind_of(c->test)));
	check_leaves(c, IOVA, page, NPAGES, allowed);
	KUNIT_EXPECT_EQ(c->test, (u64)PAGES(NPAGES), fake_unmap_all(c));
	fake_detach(c, 1);
}

static void no_leaf_is_larger_than_the_granule(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	unsigned long hw = c->domains[0]->domain.pgsize_bitmap, granule;
	unsigned int i;

	for (granule = SZ_4K; granule <= SZ_2M; granule <<= 1) {
		static const unsigned int pages[] = { 0, 1, 8, 64 };

		for (i = 0; i < ARRAY_SIZE(pages); i++)
			map_and_check(c, pages[i], granule,
				      hw & (granule | (granule - 1)));
	}
	fake_check_empty(c);
	fake_container_end(c);
}

/* Every second granule goes, what is between them stays: in both domains. */
static void granules_go_one_by_one(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	unsigned long hw = c->domains[0]->domain.pgsize_bitmap, granule, n, i;

	for (granule = SZ_4K; granule <= SZ_2M; granule <<= 3) {
		n = granule >> PAGE_SHIFT;
		KUNIT_ASSERT_EQ(test, 0,
				fake_map_granule(c, IOVA, 8 * n, 0, granule));
		fake_attach(c, 1, new_other(test));
		for (i = 0; i < 8; i += 2)
			KUNIT_EXPECT_EQ(test, 0,
					fake_unmap(c, IOVA + PAGES(i * n), n,
						   NULL));
		for (i = 1; i < 8; i += 2)
			check_leaves(c, IOVA + PAGES(i * n), i * n, n,
				     hw & (granule | (granule - 1)));
		KUNIT_EXPECT_EQ(test, (u64)4 * granule, fake_unmap_all(c));
		fake_detach(c, 1);
	}
	fake_check_empty(c);
	fake_container_end(c);
}

/* Every subset of the sizes, the largest of which is larger than what is mapped. */
static void no_leaf_is_outside_the_subset(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	unsigned long hw = c->domains[0]->domain.pgsize_bitmap & SIZES;
	unsigned long subset, nth = 0;

	/* Of the many that a table of every power of two has, some. */
	for (subset = hw; subset; subset = (subset - 1) & hw) {
		if (!(subset & SZ_4K) ||
		    (hweight_long(hw) > 4 && nth++ % 61 && subset != SZ_4K))
			continue;
		KUNIT_EXPECT_EQ(test, 0, set_pgsizes(c, subset));
		KUNIT_EXPECT_EQ(test, subset, c->map.domains.pgsizes);
		map_and_check(c, 0, 0, subset);
		map_and_check(c, 8, 0, subset);
		map_and_check(c, 64, SZ_32K, subset & (SZ_64K - 1));
	}
	fake_check_empty(c);
	fake_container_end(c);
}

/* ---- A run that is cut fails ---- */

#define RUN 16
#define RUN_GRANULE SZ_16K
#define CALLS 4

static int map_run(struct fake_container *c)
{
	return fake_map_granule(c, IOVA, RUN, 0, RUN_GRANULE);
}

static void each_call_of_a_cut_run_fails(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	unsigned int n, part, d;

	fake_attach(c, 1, new_other(test));
	for (d = 0; d < 2; d++) {
		for (n = 0; n < CALLS * 2; n++) {
			struct fake_domain *domain = c->domains[d];

			part = n % 2;
			domain->fail_map_at = domain->maps + 1 + n / 2;
			domain->fail_map_after = part ? SZ_4K : 0;
			/* A call that is one leaf has no part that fails alone. */
			KUNIT_EXPECT_EQ(test, -ENOMEM, map_run(c));
			fake_check_empty(c);
		}
	}
	KUNIT_EXPECT_EQ(test, 0, map_run(c));
	fake_check_mapped(c, IOVA, RUN, 0);
	KUNIT_EXPECT_EQ(test, (u64)PAGES(RUN), fake_unmap_all(c));
	fake_container_end(c);
}

/* The same in a replay: the attach fails, and what was mapped is none the wiser. */
static void each_call_of_a_replay_that_is_cut_fails(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	struct fake_domain *domain;
	unsigned int n, short_undo;
	bool single;

	KUNIT_EXPECT_EQ(test, 0, map_run(c));
	for (n = 0; n < CALLS * 2; n++) {
		short_undo = n % 2;
		domain = new_other(test);
		domain->fail_map_at = 1 + n / 2;
		domain->short_unmap_at = short_undo;
		fake_offer(c, 1, domain);
		/* What the driver keeps goes with its domain. */
		if (short_undo)
			domain->npages -= n / 2 * (RUN / CALLS);
		KUNIT_EXPECT_EQ(test, short_undo && n / 2 ? -EIO : -ENOMEM,
				fake_try_attach(c, 1));
		single = list_is_singular(&c->map.domains.list);
		KUNIT_EXPECT_TRUE(test, single);
		fake_check_mapped(c, IOVA, RUN, 0);
	}
	fake_attach(c, 1, new_other(test));
	fake_check_mapped(c, IOVA, RUN, 0);
	KUNIT_EXPECT_EQ(test, (u64)PAGES(RUN), fake_unmap_all(c));
	fake_check_empty(c);
	fake_container_end(c);
}

/*
 * One call of the run fails, and what of it was mapped is not let go: all of the run
 * stays pinned, charged and refused.
 */
static void an_undo_of_a_cut_run_that_fails_is_kept(struct kunit *test)
{
	unsigned int n, d;
	u64 size;

	for (n = 0; n < (CALLS - 1) * 2; n++) {
		struct fake_container *c = new_container(test);
		unsigned long done = (1 + n / 2) * (RUN / CALLS);
		struct fake_domain *domain;

		fake_attach(c, 1, new_other(test));
		d = n % 2;
		domain = c->domains[d];
		domain->fail_map_at = 2 + n / 2;
		domain->short_unmap_at = 1;
		domain->short_unmap_after = PAGES(RUN / CALLS - 1);
		KUNIT_EXPECT_EQ(test, -EIO, map_run(c));
		KUNIT_EXPECT_EQ(test, 1UL, c->map.domains.nr_stuck);
		KUNIT_EXPECT_EQ(test, (unsigned long)RUN, fake_pin.npins);
		KUNIT_EXPECT_EQ(test, (long)RUN, fake_pin.charged);
		KUNIT_EXPECT_EQ(test, done - (RUN / CALLS - 1), domain->npages);
		KUNIT_EXPECT_EQ(test, 0UL, c->domains[!d]->npages);

		KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, IOVA, 1, 0));
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, IOVA, RUN, &size));
		KUNIT_EXPECT_EQ(test, 0ULL, size);
		domain->npages = 0;
		fake_container_end(c);
		fake_pin_forget_stuck();
	}
}

/* ---- The life of a subset ---- */

static void a_subset_is_of_what_is_supported(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	struct t1x_domains *domains = &c->map.domains;
	unsigned long hw = FAKE_PGSIZES_VTD;

	KUNIT_EXPECT_EQ(test, -EINVAL, set_pgsizes(c, SZ_2M));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_pgsizes(c, SZ_2M | SZ_1G));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_pgsizes(c, SZ_4K | SZ_64K));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_pgsizes(c, SZ_4K | SZ_2K));
	KUNIT_EXPECT_EQ(test, hw, domains->pgsizes);

	KUNIT_EXPECT_EQ(test, 0, set_pgsizes(c, SZ_4K | SZ_1G));
	KUNIT_EXPECT_EQ(test, SZ_4K | (unsigned long)SZ_1G, domains->pgsizes);
	KUNIT_EXPECT_EQ(test, hw, domains->supported);
	/* It can be chosen anew, and what is refused changes nothing. */
	KUNIT_EXPECT_EQ(test, 0, set_pgsizes(c, hw));
	KUNIT_EXPECT_EQ(test, 0, set_pgsizes(c, SZ_4K));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_pgsizes(c, SZ_2M));
	KUNIT_EXPECT_EQ(test, (unsigned long)SZ_4K, domains->pgsizes);

	/* Whoever was told something else is to be told anew first. */
	KUNIT_EXPECT_EQ(test, -ESTALE,
			t1x_map_set_pgsizes(&c->map, hw, hw | SZ_64K));
	KUNIT_EXPECT_EQ(test, (unsigned long)SZ_4K, domains->pgsizes);

	KUNIT_ASSERT_EQ(test, 0, fake_map(c, IOVA, 1, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, set_pgsizes(c, hw));
	KUNIT_EXPECT_EQ(test, -EBUSY, set_pgsizes(c, SZ_2M));
	KUNIT_EXPECT_EQ(test, -ESTALE,
			t1x_map_set_pgsizes(&c->map, hw, hw | SZ_64K));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, IOVA, 1, NULL));
	KUNIT_EXPECT_EQ(test, 0, set_pgsizes(c, hw));
	fake_container_end(c);
}

/* A group whose IOMMU cannot do it is refused, with and without mappings. */
static void a_domain_without_the_subset_is_refused(struct kunit *test)
{
	static const unsigned long lacking[] = { SZ_4K, SZ_4K | SZ_1G, SZ_64K };
	struct fake_container *c = new_container(test);
	struct fake_domain *domain;
	unsigned int i, ranges;
	bool single;

	KUNIT_EXPECT_EQ(test, 0, set_pgsizes(c, SZ_4K | SZ_2M));
	ranges = c->map.space.nr;
	for (i = 0; i < ARRAY_SIZE(lacking) * 2; i++) {
		if (i == ARRAY_SIZE(lacking))
			KUNIT_ASSERT_EQ(test, 0, fake_map(c, IOVA, NPAGES, 0));
		domain = fake_domain_new(lacking[i % ARRAY_SIZE(lacking)]);
		domain->coherent = true;
		domain->domain.geometry.aperture_end = SZ_2G - 1;
		fake_offer(c, 1, domain);
		KUNIT_EXPECT_EQ(test, -EINVAL, fake_try_attach(c, 1));
		KUNIT_EXPECT_PTR_EQ(test, NULL, c->groups[1].attached);
		single = list_is_singular(&c->map.domains.list);
		KUNIT_EXPECT_TRUE(test, single);
		KUNIT_EXPECT_EQ(test, ranges, c->map.space.nr);
		KUNIT_EXPECT_TRUE(test, t1x_iova_contains(&c->map.space, 0,
							  ULONG_MAX));
		KUNIT_EXPECT_EQ(test, SZ_4K | (unsigned long)SZ_2M,
				c->map.domains.pgsizes);
	}
	check_leaves(c, IOVA, 0, NPAGES, SZ_4K | SZ_2M);

	/* One that can, and more, is welcome. */
	domain = fake_domain_new(SZ_4K | SZ_64K | SZ_2M);
	domain->coherent = true;
	fake_attach(c, 1, domain);
	check_leaves(c, IOVA, 0, NPAGES, SZ_4K | SZ_2M);
	fake_container_end(c);
}

static void a_subset_ends_with_the_last_group(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	struct iommu_group *emulated = fake_group_of(&c->groups[2]);
	struct t1x_domains *domains = &c->map.domains;
	unsigned long subset = SZ_4K | SZ_2M;

	KUNIT_EXPECT_EQ(test, 0, set_pgsizes(c, subset));
	fake_attach(c, 1, new_other(test));
	fake_detach(c, 0);
	KUNIT_EXPECT_EQ(test, subset, domains->pgsizes);
	KUNIT_ASSERT_EQ(test, 0,
			t1x_group_attach_emulated(&c->map, emulated, NULL));
	fake_detach(c, 1);
	KUNIT_EXPECT_EQ(test, subset, domains->pgsizes);

	/* What is mapped without an IOMMU gets it from the next one. */
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, IOVA, NPAGES, 0));
	fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD | SZ_64K));
	check_leaves(c, IOVA, 0, NPAGES, subset);
	t1x_group_detach(&c->map, emulated);
	KUNIT_EXPECT_EQ(test, subset, domains->pgsizes);

	fake_detach(c, 0);
	KUNIT_EXPECT_EQ(test, 0UL, domains->subset);
	KUNIT_EXPECT_EQ(test, PAGE_MASK, domains->pgsizes);

	/* Emulated groups alone: every size is supported, and ends likewise. */
	KUNIT_ASSERT_EQ(test, 0,
			t1x_group_attach_emulated(&c->map, emulated, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_pgsizes(c, SZ_2M));
	KUNIT_EXPECT_EQ(test, 0, set_pgsizes(c, SZ_4K));
	t1x_group_detach(&c->map, emulated);
	KUNIT_EXPECT_EQ(test, PAGE_MASK, domains->pgsizes);
	fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
	KUNIT_EXPECT_EQ(test, (unsigned long)FAKE_PGSIZES_VTD,
			domains->pgsizes);
	fake_container_end(c);
}

/* To the user a stuck mapping is no more. */
static void a_stuck_mapping_is_no_obstacle(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	struct fake_domain *domain = c->domains[0];

	KUNIT_ASSERT_EQ(test, 0, fake_map(c, IOVA, 1, 0));
	domain->short_unmap_at = 1;
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, IOVA, 1, NULL));
	KUNIT_EXPECT_EQ(test, 1UL, c->map.domains.nr_stuck);
	KUNIT_EXPECT_EQ(test, 0, set_pgsizes(c, SZ_4K));
	domain->npages = 0;
	fake_container_end(c);
	fake_pin_forget_stuck();
}

static struct kunit_case leaves_cases[] = {
	KUNIT_CASE_PARAM(no_leaf_is_larger_than_the_granule, kind_gen_params),
	KUNIT_CASE_PARAM(granules_go_one_by_one, kind_gen_params),
	KUNIT_CASE_PARAM(no_leaf_is_outside_the_subset, kind_gen_params),
	KUNIT_CASE_PARAM(each_call_of_a_cut_run_fails, kind_gen_params),
	KUNIT_CASE(each_call_of_a_replay_that_is_cut_fails),
	KUNIT_CASE(an_undo_of_a_cut_run_that_fails_is_kept),
	KUNIT_CASE(a_subset_is_of_what_is_supported),
	KUNIT_CASE(a_domain_without_the_subset_is_refused),
	KUNIT_CASE(a_subset_ends_with_the_last_group),
	KUNIT_CASE(a_stuck_mapping_is_no_obstacle),
	{}
};

static struct kunit_suite leaves_suite = {
	.name = "t1x_leaves",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = leaves_cases,
};

kunit_test_suite(leaves_suite);
