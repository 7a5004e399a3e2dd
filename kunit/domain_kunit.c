// SPDX-License-Identifier: GPL-2.0-only
/*
 * One IOMMU domain, over a fake table.
 */
#include "fake_alloc.h"
#include "fake_group.h"

#include "../domain.c"

#include "fake_domain.h"

#define RW (IOMMU_READ | IOMMU_WRITE)

static const struct t1x_leaves any_leaf = { .allowed = ULONG_MAX };

/* A domain without groups, in no list. */
static struct t1x_domain *new_domain(struct kunit *test)
{
	struct t1x_domain *domain =
		kunit_kzalloc(test, sizeof(*domain), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	domain->domain = &fake_domain_new(FAKE_PGSIZES_VTD)->domain;
	mutex_init(&domain->table_lock);
	INIT_LIST_HEAD(&domain->groups);
	return domain;
}

/* VT-d keeps what it has mapped when it fails, and says that it is nothing. */
static void what_a_failed_map_leaves_is_unmapped(struct kunit *test)
{
	struct t1x_domain *domain = new_domain(test);
	struct fake_domain *keeping = to_fake(domain->domain);
	struct scatterlist sg[3];
	unsigned int after;

	domain->vtd_tables = true;
	keeping->keeps_failed = true;
	for (after = 0; after < 8; after++) {
		keeping->fail_map_at = keeping->maps + 1;
		keeping->fail_map_after = after * SZ_4K;
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				t1x_domain_map(domain, SZ_4K, FAKE_PFN, 8, RW,
					       &any_leaf));
		fake_domain_check(keeping, SZ_4K, 0, 8);
	}

	/* The third part fails, those before it are the core's to undo. */
	sg_init_table(sg, ARRAY_SIZE(sg));
	for (after = 0; after < ARRAY_SIZE(sg); after++)
		sg_set_page(&sg[after], pfn_to_page(FAKE_PFN + 16 * after),
			    4 * SZ_4K, 0);
	keeping->fail_map_at = keeping->maps + 3;
	keeping->fail_map_after = 2 * SZ_4K;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			t1x_domain_map_sg(domain, SZ_4K, sg, ARRAY_SIZE(sg),
					  RW));
	fake_domain_check(keeping, SZ_4K, 0, 12);

	/* It does not let go: that is told. */
	keeping->fail_map_at = keeping->maps + 1;
	keeping->fail_map_after = 2 * SZ_4K;
	keeping->short_unmap_at = keeping->unmaps + 1;
	keeping->short_unmap_after = 0;
	KUNIT_EXPECT_EQ(test, 1,
			t1x_domain_map(domain, SZ_4K, FAKE_PFN, 8, RW,
				       &any_leaf));
	KUNIT_EXPECT_EQ(test, 2UL, keeping->npages);
	keeping->short_unmap_at = 0;
	KUNIT_EXPECT_EQ(test, 2UL, t1x_domain_unmap(domain, SZ_4K, 2));
	fake_domain_check(keeping, SZ_4K, 0, 8);
	fake_domain_free(keeping);
}

/* VT-d frees tables before it flushes: it is told of no more than it flushes at once. */
static void vtd_is_flushed_after_each_piece(struct kunit *test)
{
	struct t1x_domain *domain = new_domain(test);
	struct t1x_domain_range range = { .iova = SZ_2M - 4 * SZ_4K,
					  .npages = 519 };
	struct fake_domain *table = to_fake(domain->domain);
	unsigned int vtd, syncs, unmaps;

	for (vtd = 0; vtd < 2; vtd++) {
		domain->vtd_tables = vtd;
		/* Four pages, a large one and three: one run each. */
		t1x_domain_map(domain, range.iova, FAKE_PFN, 4, RW, &any_leaf);
		t1x_domain_map(domain, SZ_2M, FAKE_PFN + 512, 512, RW,
			       &any_leaf);
		t1x_domain_map(domain, SZ_4M, FAKE_PFN, 3, RW, &any_leaf);
		syncs = table->syncs;
		unmaps = table->unmaps;
		range.done = range.npages;
		t1x_domain_unmap_ranges(domain, &range, 1);
		KUNIT_EXPECT_EQ(test, 519UL, range.done);
		KUNIT_EXPECT_EQ(test, vtd ? 3U : 1U, table->unmaps - unmaps);
		KUNIT_EXPECT_EQ(test, vtd ? 3U : 1U, table->syncs - syncs);
		KUNIT_EXPECT_EQ(test, 0UL, table->npages);
	}
	fake_domain_free(table);
}

/* VT-d and AMD unmap a whole leaf where less was asked for. */
static void more_than_asked_is_not_counted(struct kunit *test)
{
	struct t1x_domain *domain = new_domain(test);
	struct fake_domain *table = to_fake(domain->domain);

	table->unmap_whole_leaf = true;
	t1x_domain_map(domain, 0, FAKE_PFN, 512, RW, &any_leaf);
	KUNIT_EXPECT_EQ(test, (size_t)SZ_2M, table->largest);
	KUNIT_EXPECT_EQ(test, 3UL, t1x_domain_unmap(domain, 0, 3));
	KUNIT_EXPECT_EQ(test, 0UL, table->npages);
	fake_domain_free(table);
}

/* ---- Groups ---- */

static void open_attaches_and_close_detaches(struct kunit *test)
{
	struct fake_group *group = fake_group_new(test);
	struct t1x_domain *domain = fake_group_open(test, group);

	KUNIT_EXPECT_PTR_EQ(test, domain->domain, group->attached);
	KUNIT_EXPECT_FALSE(test, domain->parallel);
	t1x_domain_close(domain);
	KUNIT_EXPECT_PTR_EQ(test, NULL, group->attached);
}

static int open_errno(struct fake_group *group, bool nesting)
{
	return PTR_ERR(t1x_domain_open(fake_group_of(group), nesting));
}

static void open_undoes_every_failure(struct kunit *test)
{
	struct fake_group *group = fake_group_new(test);
	struct fake_domain *domain = group->domain;
	unsigned int n;

	for (n = 1; n <= 2; n++) {
		fake_alloc.fail_at = fake_alloc.calls + n;
		KUNIT_EXPECT_EQ(test, -ENOMEM, open_errno(group, false));
	}
	fake_alloc.fail_at = 0;
	KUNIT_EXPECT_PTR_EQ(test, domain, group->domain);

	/* No device to ask. */
	group->nr_devs = 0;
	KUNIT_EXPECT_EQ(test, -ENODEV, open_errno(group, false));
	group->nr_devs = 1;

	group->fail_attach_at = 1;
	KUNIT_EXPECT_EQ(test, -ENODEV, open_errno(group, false));
	group->fail_attach_at = 0;

	/* The domain went with the attempt; now there is none. */
	KUNIT_EXPECT_EQ(test, -EIO, open_errno(group, false));

	group->domain = fake_domain_new(FAKE_PGSIZES_VTD);
	group->fail_nesting = -EINVAL;
	KUNIT_EXPECT_EQ(test, -EINVAL, open_errno(group, true));
	KUNIT_EXPECT_PTR_EQ(test, NULL, group->attached);
}

/* ---- The IOVA space of a domain ---- */

#define REGION(_start, _length, _type)                            \
	{                                                         \
		.start = _start, .length = _length, .type = _type \
	}

static void restrict_takes_out_what_is_reserved(struct kunit *test)
{
	static const struct iommu_resv_region regions[] = {
		REGION(0xfee00000, SZ_1M, IOMMU_RESV_MSI),
		REGION(0x8000000, SZ_1M, IOMMU_RESV_SW_MSI),
		REGION(SZ_64K, SZ_64K, IOMMU_RESV_DIRECT_RELAXABLE),
		REGION(-(u64)SZ_1M, SZ_1M, IOMMU_RESV_RESERVED),
	};
	struct fake_group *group = fake_group_new(test);
	struct t1x_iova_space space;
	struct t1x_domain *domain;
	phys_addr_t msi = 1;

	group->domain->domain.geometry.aperture_start = SZ_4K;
	domain = fake_group_open(test, group);
	group->regions = regions;
	group->nr_regions = ARRAY_SIZE(regions);

	t1x_iova_init(&space);
	KUNIT_EXPECT_EQ(test, 0, t1x_domain_restrict(domain, &space, &msi));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0, msi);
	KUNIT_ASSERT_EQ(test, 3U, space.nr);
	KUNIT_EXPECT_EQ(test, (unsigned long)SZ_4K, space.ranges[0].iova);
	KUNIT_EXPECT_EQ(test, 0x7ffffffUL, space.ranges[0].last);
	KUNIT_EXPECT_EQ(test, 0x8100000UL, space.ranges[1].iova);
	KUNIT_EXPECT_EQ(test, 0xfedfffffUL, space.ranges[1].last);
	KUNIT_EXPECT_EQ(test, 0xfef00000UL, space.ranges[2].iova);
	KUNIT_EXPECT_EQ(test, -(unsigned long)SZ_1M - 1, space.ranges[2].last);

	/* Without a real MSI window the software one counts. */
	group->regions = &regions[1];
	group->nr_regions = 1;
	KUNIT_EXPECT_EQ(test, 0, t1x_domain_restrict(domain, &space, &msi));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0x8000000, msi);
	KUNIT_EXPECT_EQ(test, 3U, space.nr);

	t1x_iova_destroy(&space);
	t1x_domain_close(domain);
}

static void restrict_refuses_an_empty_space(struct kunit *test)
{
	static const struct iommu_resv_region all =
		REGION(0, ULONG_MAX, IOMMU_RESV_RESERVED);
	struct fake_group *group = fake_group_new(test);
	struct t1x_iova_space space;
	struct t1x_domain *domain;
	phys_addr_t msi;
	unsigned int n;

	group->domain->domain.geometry.aperture_end = SZ_1G - 1;
	domain = fake_group_open(test, group);

	/* Disjoint from what the other domains have. */
	t1x_iova_init(&space);
	KUNIT_EXPECT_EQ(test, 0, t1x_iova_add(&space, SZ_1G, SZ_2G - 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			t1x_domain_restrict(domain, &space, &msi));
	t1x_iova_destroy(&space);

	group->regions = &all;
	group->nr_regions = 1;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			t1x_domain_restrict(domain, &space, &msi));
	t1x_iova_destroy(&space);

	/* Two allocations: the first range, and the region of the fake. */
	for (n = 1; n <= 2; n++) {
		fake_alloc.fail_at = fake_alloc.calls + n;
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				t1x_domain_restrict(domain, &space, &msi));
		t1x_iova_destroy(&space);
	}
	t1x_domain_close(domain);
}

static void a_window_for_software_msis(struct kunit *test)
{
	struct fake_group *group = fake_group_new(test);
	struct t1x_domain *domain = fake_group_open(test, group);

	KUNIT_EXPECT_EQ(test, 0, t1x_domain_prepare_msi(domain, 0));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0, group->msi_base);
	KUNIT_EXPECT_EQ(test, 0, t1x_domain_prepare_msi(domain, SZ_1M));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)SZ_1M, group->msi_base);

	/* A kernel without such windows is no error; anything else is. */
	group->fail_msi = -ENODEV;
	KUNIT_EXPECT_EQ(test, 0, t1x_domain_prepare_msi(domain, SZ_1M));
	group->fail_msi = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_domain_prepare_msi(domain, SZ_1M));
	t1x_domain_close(domain);
}

static struct kunit_case domain_cases[] = {
	KUNIT_CASE(what_a_failed_map_leaves_is_unmapped),
	KUNIT_CASE(vtd_is_flushed_after_each_piece),
	KUNIT_CASE(more_than_asked_is_not_counted),
	KUNIT_CASE(open_attaches_and_close_detaches),
	KUNIT_CASE(open_undoes_every_failure),
	KUNIT_CASE(restrict_takes_out_what_is_reserved),
	KUNIT_CASE(restrict_refuses_an_empty_space),
	KUNIT_CASE(a_window_for_software_msis),
	{}
};

static struct kunit_suite domain_suite = {
	.name = "t1x_domain",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = domain_cases,
};

kunit_test_suite(domain_suite);
