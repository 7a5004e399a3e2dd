// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach, replay and detach, over fake groups. The fakes watch that no iommu_map
 * of a replay spans two mappings or a jump of physical memory, and that a domain
 * goes empty.
 */
#include "fake_alloc.h"
#include "fake_group.h"

#include "../group.c"

#include <linux/delay.h>
#include <linux/prandom.h>

#include "fake_container.h"

#define SEED 0x7431780007ULL
#define PAGES(n) ((unsigned long)(n) << PAGE_SHIFT)

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_describe);

static const struct fake_mem mixed[] = {
	{ 1, FAKE_PFN + 0x900, T1X_PIN_PAGE }, /* page 0 */
	{ 3, FAKE_PFN + 0x905, T1X_PIN_PAGE }, /* 1 */
	{ 4, FAKE_PFN + 0x908, T1X_PIN_NONE }, /* 4, no jump */
	{ 512, FAKE_PFN + 0x1000, 9 }, /* 8 */
	{ 512, FAKE_PFN + 0x1200, 9 }, /* 520, no jump */
	{ 512, FAKE_PFN + 0x3000, 9 }, /* 1032 */
	{ 2, FAKE_PFN + 0x7fff, T1X_PIN_PAGE }, /* 1544 */
};

#define MIXED_PAGES 1546
#define MIXED_RUNS 5 /* physical ones */

static struct fake_domain *new_domain(struct kunit *test, bool coherent)
{
	struct fake_domain *domain;

	domain = fake_domain_new_kind(fake_kind_of(test));
	domain->coherent = coherent;
	return domain;
}

/* With one domain and three mappings, the last of which ends the space. */
static struct fake_container *new_mapped(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	fake_attach(c, 0, new_domain(test, false));
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, SZ_2M - PAGES(8), MIXED_PAGES, 0));
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, SZ_1G, 600, 8));
	KUNIT_ASSERT_EQ(test, 0,
			fake_map(c, -PAGES(MIXED_PAGES), MIXED_PAGES, 0));
	return c;
}

static void check_mapped(struct fake_container *c)
{
	fake_check_mapped(c, SZ_2M - PAGES(8), MIXED_PAGES, 0);
	fake_check_mapped(c, SZ_1G, 600, 8);
	fake_check_mapped(c, -PAGES(MIXED_PAGES), MIXED_PAGES, 0);
}

static void a_group_attaches_and_detaches(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);

	fake_attach(c, 0, new_domain(test, false));
	KUNIT_EXPECT_PTR_EQ(test, &c->domains[0]->domain,
			    c->groups[0].attached);
	KUNIT_EXPECT_TRUE(test, t1x_iova_contains(&c->map.space, 0, ULONG_MAX));

	/* Once is enough, and detaching a stranger is nothing. */
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_try_attach(c, 0));
	fake_detach(c, 1);
	fake_detach(c, 0);
	fake_detach(c, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&c->map.domains.list));
	fake_container_end(c);
}

/* As few calls of iommu_map as there are runs, whatever MAP needed. */
static void replay_maps_runs_whole(struct kunit *test)
{
	struct fake_container *c;
	struct fake_domain *domain;

	fake_pin.max_run = 1;
	c = new_mapped(test);
	domain = new_domain(test, true);
	fake_attach(c, 1, domain);
	check_mapped(c);
	KUNIT_EXPECT_EQ(test, 2U * MIXED_RUNS + 1, domain->maps);
	KUNIT_EXPECT_EQ(test, c->domains[0]->npages, domain->npages);

	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_1G, 600, NULL));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(2 * MIXED_PAGES), fake_unmap_all(c));
	fake_check_empty(c);
	fake_container_end(c);
}

/* Neighbours in both spaces stay two mappings: each can go alone. */
static void replay_never_joins_two_mappings(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);
	struct fake_domain *domain;
	unsigned int i;

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	fake_attach(c, 0, new_domain(test, false));
	for (i = 0; i < 8; i++)
		KUNIT_ASSERT_EQ(test, 0,
				fake_map(c, SZ_2M + PAGES(128 * i), 128,
					 8 + 128 * i));
	domain = new_domain(test, true);
	fake_attach(c, 1, domain);
	KUNIT_EXPECT_EQ(test, 8U, domain->maps);
	fake_check_mapped(c, SZ_2M, 1024, 8);
	for (i = 1; i < 8; i += 2)
		KUNIT_EXPECT_EQ(test, 0,
				fake_unmap(c, SZ_2M + PAGES(128 * i), 128,
					   NULL));
	for (i = 0; i < 8; i += 2)
		fake_check_mapped(c, SZ_2M + PAGES(128 * i), 128, 8 + 128 * i);
	fake_unmap_all(c);
	fake_container_end(c);
}

/* After 2^n calls, and after a part of one: nothing changed, and it works next. */
static void a_failing_replay_changes_nothing(struct kunit *test)
{
	struct fake_container *c = new_mapped(test);
	unsigned int n, part;
	bool single;

	for (n = 1; n <= 2 * MIXED_RUNS + 1; n++) {
		for (part = 0; part < 2; part++) {
			struct fake_domain *domain = new_domain(test, true);

			domain->fail_map_at = n;
			domain->fail_map_after = part ? SZ_4K : 0;
			fake_offer(c, 1, domain);
			/* A call of one page has no part that fails alone. */
			if (fake_try_attach(c, 1) == 0) {
				KUNIT_EXPECT_EQ(test, 1U, part);
				fake_detach(c, 1);
			}
			KUNIT_EXPECT_PTR_EQ(test, NULL, c->groups[1].attached);
			single = list_is_singular(&c->map.domains.list);
			KUNIT_EXPECT_TRUE(test, single);
		}
	}
	check_mapped(c);

	fake_attach(c, 1, new_domain(test, true));
	check_mapped(c);
	fake_container_end(c);
}

/* The n-th question about the old domain has no answer, though it was mapped. */
static void a_replay_that_loses_a_page_changes_nothing(struct kunit *test)
{
	struct fake_container *c = new_mapped(test);
	struct fake_domain *old = c->domains[0];
	unsigned int n, questions = old->lookups;
	int ret;

	fake_attach(c, 1, new_domain(test, true));
	questions = old->lookups - questions;
	KUNIT_EXPECT_GE(test, questions, 2U * MIXED_RUNS + 1);
	fake_detach(c, 1);

	for (n = 1; n <= questions; n += 1 + n / 8) {
		old->fail_lookup_at = old->lookups + n;
		fake_offer(c, 1, new_domain(test, true));
		ret = fake_try_attach(c, 1);
		KUNIT_EXPECT_EQ(test, -EINVAL, ret);
		if (!ret)
			fake_detach(c, 1);
		KUNIT_EXPECT_EQ(test, old->fail_lookup_at, old->lookups);
		KUNIT_EXPECT_PTR_EQ(test, NULL, c->groups[1].attached);
		KUNIT_EXPECT_TRUE(test, list_is_singular(&c->map.domains.list));
	}
	check_mapped(c);

	fake_attach(c, 1, new_domain(test, true));
	check_mapped(c);
	fake_container_end(c);
}

static void a_failing_allocation_changes_nothing(struct kunit *test)
{
	struct fake_container *c = new_mapped(test);
	unsigned int n, max;
	int ret = 1;

	for (n = 1; ret; n++) {
		struct fake_domain *domain = new_domain(test, true);

		KUNIT_ASSERT_LT(test, n, 20U);
		fake_offer(c, 1, domain);
		fake_alloc.fail_at = fake_alloc.calls + n;
		ret = fake_try_attach(c, 1);
		if (!ret)
			break;
		KUNIT_EXPECT_EQ(test, -ENOMEM, ret);
		KUNIT_EXPECT_PTR_EQ(test, NULL, c->groups[1].attached);
		if (c->groups[1].domain) /* nobody asked for it */
			fake_domain_free(domain);
	}
	fake_alloc.fail_at = 0;
	max = n;
	KUNIT_EXPECT_GT(test, max, 2U);
	check_mapped(c);

	/* A detach cannot fail: at worst the window stays as it is. */
	for (n = 1; n < max; n++) {
		fake_alloc.fail_at = fake_alloc.calls + n;
		fake_detach(c, 1);
		fake_alloc.fail_at = 0;
		KUNIT_EXPECT_TRUE(test,
				  t1x_iova_contains(&c->map.space, 0, SZ_1G));
		fake_attach(c, 1, new_domain(test, true));
	}
	fake_container_end(c);
}

/* To the IOMMU, 0 is an address like any other, and also its word for nothing. */
static void L17_physical_address_0_is_replayed(struct kunit *test)
{
	static const struct fake_mem low[] = {
		{ 2, FAKE_PFN + 0x900, T1X_PIN_PAGE },
		{ 4, 0, T1X_PIN_NONE },
		{ 2, FAKE_PFN + 0x905, T1X_PIN_PAGE },
	};
	struct fake_container *c = fake_container_new(test);
	unsigned int first;

	fake_mem_set(low, ARRAY_SIZE(low));
	fake_attach(c, 0, new_domain(test, false));
	for (first = 0; first < 3; first++) {
		KUNIT_ASSERT_EQ(test, 0, fake_map(c, SZ_2M, 8 - first, first));
		fake_attach(c, 1, new_domain(test, true));
		KUNIT_EXPECT_EQ(test, 8UL - first, c->domains[1]->npages);
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_2M, 8 - first, NULL));
		KUNIT_EXPECT_EQ(test, 0U, c->map.domains.nr_stuck);
		fake_check_empty(c);
		fake_detach(c, 1);
	}
	fake_container_end(c);
}

/* ---- The window ---- */

static void the_window_shrinks_and_grows(struct kunit *test)
{
	static const struct iommu_resv_region msi = {
		.start = 0xfee00000,
		.length = SZ_1M,
		.type = IOMMU_RESV_MSI,
	};
	struct fake_container *c = fake_container_new(test);
	struct fake_domain *domain = new_domain(test, true);

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	fake_attach(c, 0, new_domain(test, false));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, BIT(40), 1, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, BIT(40), 1, NULL));

	domain->domain.geometry.aperture_end = BIT(39) - 1;
	c->groups[1].regions = &msi;
	c->groups[1].nr_regions = 1;
	fake_attach(c, 1, domain);
	KUNIT_EXPECT_EQ(test, 2U, c->map.space.nr);
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, BIT(40), 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, BIT(39) - PAGE_SIZE, 2, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, 0xfee00000, 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, 0xfedff000, 2, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, 0xfedff000, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, BIT(39) - PAGE_SIZE, 1, 0));

	fake_detach(c, 1);
	KUNIT_EXPECT_EQ(test, 1U, c->map.space.nr);
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, BIT(40), 1, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, 0xfee00000, 1, 0));
	fake_container_end(c);
}

static void a_mapping_outside_refuses_the_group(struct kunit *test)
{
	static const struct iommu_resv_region regions[] = {
		{ .start = SZ_1G, .length = SZ_4K, .type = IOMMU_RESV_RESERVED },
		{ .start = SZ_512M,
		  .length = SZ_4K,
		  .type = IOMMU_RESV_RESERVED },
		{ .start = SZ_1G,
		  .length = SZ_4K,
		  .type = IOMMU_RESV_DIRECT_RELAXABLE },
	};
	struct fake_container *c = new_mapped(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		fake_offer(c, 1, new_domain(test, true));
		c->groups[1].regions = &regions[i];
		c->groups[1].nr_regions = 1;
		KUNIT_EXPECT_EQ(test, i ? 0 : -EINVAL, fake_try_attach(c, 1));
		if (i)
			fake_detach(c, 1);
	}

	/* The aperture ends below the last mapping, or begins above the first. */
	for (i = 0; i < 2; i++) {
		struct fake_domain *domain = new_domain(test, true);

		if (i)
			domain->domain.geometry.aperture_start = SZ_2M;
		else
			domain->domain.geometry.aperture_end = BIT(63);
		fake_offer(c, 1, domain);
		KUNIT_EXPECT_EQ(test, -EINVAL, fake_try_attach(c, 1));
		KUNIT_EXPECT_TRUE(test, t1x_iova_contains(&c->map.space, 0,
							  ULONG_MAX));
	}
	check_mapped(c);
	fake_container_end(c);
}

static void interrupts_must_be_isolated(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);
	struct t1x_group_opts opts = {};
	struct iommu_group *group = fake_group_of(&c->groups[0]);

	c->groups[0].isolated_msi = false;
	fake_offer(c, 0, new_domain(test, false));
	KUNIT_EXPECT_EQ(test, -EPERM, t1x_group_attach(&c->map, group, &opts));
	KUNIT_EXPECT_PTR_EQ(test, NULL, c->groups[0].attached);

	fake_offer(c, 0, new_domain(test, false));
	opts.unsafe_interrupts = true;
	KUNIT_EXPECT_EQ(test, 0, t1x_group_attach(&c->map, group, &opts));
	fake_container_end(c);
}

static void failures_of_the_driver_are_passed_on(struct kunit *test)
{
	static const struct iommu_resv_region sw_msi = {
		.start = 0x8000000,
		.length = SZ_1M,
		.type = IOMMU_RESV_SW_MSI,
	};
	struct fake_container *c = fake_container_new(test);
	struct fake_group *group = &c->groups[0];

	KUNIT_EXPECT_EQ(test, -EIO, fake_try_attach(c, 0));
	group->nr_devs = 0;
	KUNIT_EXPECT_EQ(test, -ENODEV, fake_try_attach(c, 0));
	group->nr_devs = 1;

	fake_offer(c, 0, new_domain(test, false));
	group->fail_attach_at = 1;
	KUNIT_EXPECT_EQ(test, -ENODEV, fake_try_attach(c, 0));

	fake_offer(c, 0, new_domain(test, false));
	group->regions = &sw_msi;
	group->nr_regions = 1;
	group->fail_msi = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, fake_try_attach(c, 0));
	KUNIT_EXPECT_PTR_EQ(test, NULL, group->attached);

	group->fail_msi = 0;
	fake_attach(c, 0, new_domain(test, false));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0x8000000, group->msi_base);
	fake_container_end(c);
}

/*
 * The window for its interrupts fails: beside a domain that has been replayed from,
 * nothing of the new one is left, and what is mapped goes on.
 */
static void L09_a_failing_msi_window_changes_nothing(struct kunit *test)
{
	static const struct iommu_resv_region sw_msi = {
		.start = 0x8000000,
		.length = SZ_1M,
		.type = IOMMU_RESV_SW_MSI,
	};
	struct fake_container *c = new_mapped(test);
	struct fake_group *group = &c->groups[1];
	unsigned long pins = fake_pin.npins;

	fake_offer(c, 1, new_domain(test, true));
	group->regions = &sw_msi;
	group->nr_regions = 1;
	group->fail_msi = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, fake_try_attach(c, 1));
	KUNIT_EXPECT_PTR_EQ(test, NULL, group->attached);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&c->map.domains.list));
	KUNIT_EXPECT_TRUE(test,
			  t1x_iova_contains(&c->map.space, 0x8000000, SZ_1G));
	KUNIT_EXPECT_EQ(test, pins, fake_pin.npins);
	check_mapped(c);

	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_1G, 600, NULL));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(2 * MIXED_PAGES), fake_unmap_all(c));
	fake_check_empty(c);
	fake_container_end(c);
}

/* The same where nothing was pinned yet: it still is not, and the next one may. */
static void L09_a_first_group_that_fails_pins_nothing(struct kunit *test)
{
	static const struct iommu_resv_region sw_msi = {
		.start = 0x8000000,
		.length = SZ_1M,
		.type = IOMMU_RESV_SW_MSI,
	};
	struct fake_container *c = fake_container_new(test);
	struct iommu_group *emulated = fake_group_of(&c->groups[2]);
	struct fake_group *group = &c->groups[0];

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	KUNIT_ASSERT_EQ(test, 0,
			t1x_group_attach_emulated(&c->map, emulated, NULL));
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, SZ_1G, 600, 8));

	fake_offer(c, 0, new_domain(test, false));
	group->regions = &sw_msi;
	group->nr_regions = 1;
	group->fail_msi = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, fake_try_attach(c, 0));
	group->nr_devs = 0;
	KUNIT_EXPECT_EQ(test, -ENODEV, fake_try_attach(c, 0));
	KUNIT_EXPECT_TRUE(test, list_empty(&c->map.domains.list));
	KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);

	group->nr_devs = 1;
	group->fail_msi = 0;
	fake_attach(c, 0, new_domain(test, false));
	fake_check_mapped(c, SZ_1G, 600, 8);
	KUNIT_EXPECT_EQ(test, (u64)PAGES(600), fake_unmap_all(c));
	fake_detach(c, 0);
	t1x_group_detach(&c->map, emulated);
	fake_container_end(c);
}

/* ---- Several groups ---- */

/* A group that shares a domain needs no replay; the domain goes with the last. */
static void groups_share_a_domain(struct kunit *test)
{
	struct fake_container *c = new_mapped(test);
	unsigned int maps = c->domains[0]->maps;
	struct fake_domain *shared = c->domains[0];

	fake_attach(c, 1, new_domain(test, false));
	KUNIT_EXPECT_PTR_EQ(test, &shared->domain, c->groups[1].attached);
	KUNIT_EXPECT_EQ(test, maps, shared->maps);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&c->map.domains.list));

	fake_detach(c, 0);
	check_mapped(c);
	KUNIT_EXPECT_FALSE(test, list_empty(&c->map.domains.list));
	fake_detach(c, 1);
	fake_check_empty(c);
	fake_container_end(c);
}

static void a_domain_goes_alone(struct kunit *test)
{
	struct fake_container *c;
	unsigned int i, first;

	for (first = 0; first < 2; first++) {
		c = new_mapped(test);
		fake_attach(c, 1, new_domain(test, true));
		fake_detach(c, first);
		check_mapped(c);
		for (i = 0; i < 3; i++) {
			fake_attach(c, first, new_domain(test, !!first));
			check_mapped(c);
			fake_detach(c, first);
		}
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_1G, 600, NULL));
		fake_detach(c, !first);
		fake_check_empty(c);
		fake_container_end(c);
	}
}

/* What GET_INFO tells, as soon as another thread has a chance to ask. */
static void check_told(struct fake_domain *domain, void *data)
{
	struct fake_container *c = data;

	KUNIT_EXPECT_EQ(c->test, (unsigned long)PAGE_MASK,
			c->map.domains.pgsizes);
	KUNIT_EXPECT_TRUE(c->test,
			  t1x_iova_contains(&c->map.space, 0, ULONG_MAX));
}

static void a_detach_is_told_at_one_moment(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);
	struct iommu_group *emulated = fake_group_of(&c->groups[2]);
	struct fake_domain *domain = new_domain(test, false);

	KUNIT_ASSERT_EQ(test, 0,
			t1x_group_attach_emulated(&c->map, emulated, NULL));
	domain->domain.geometry.aperture_end = BIT(39) - 1;
	domain->on_free = check_told;
	domain->data = c;
	fake_attach(c, 0, domain);
	KUNIT_EXPECT_FALSE(test,
			   t1x_iova_contains(&c->map.space, 0, ULONG_MAX));
	fake_detach(c, 0);
	t1x_group_detach(&c->map, emulated);
	fake_container_end(c);
}

/* What one domain has kept is not given to the next one. */
static void a_stuck_mapping_is_not_replayed(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);
	struct fake_domain *domain = new_domain(test, false);

	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	fake_attach(c, 0, domain);
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, 0, 8, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, 8, 8));
	domain->short_unmap_at = domain->unmaps + 1;
	domain->short_unmap_after = SZ_4K;
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, 0, 8, NULL));
	KUNIT_EXPECT_EQ(test, 15UL, domain->npages);

	fake_attach(c, 1, new_domain(test, true));
	KUNIT_EXPECT_EQ(test, 8UL, c->domains[1]->npages);
	fake_check_mapped(c, SZ_2M, 8, 8);
	KUNIT_EXPECT_EQ(test, (u64)PAGES(8), fake_unmap_all(c));
	domain->npages -= 7;
	fake_detach(c, 0);
	fake_container_end(c);
	fake_pin_forget_stuck();
}

struct latecomer {
	struct fake_call call;
	bool started;
};

static void map_outside(struct fake_domain *domain, void *data)
{
	struct latecomer *late = data;
	struct t1x_map *map = &late->call.c->map;
	unsigned int i;
	bool there = false;

	if (late->started)
		return;

	late->started = true;
	fake_call_start(&late->call);
	for (i = 0; i < 500 && !there; i++) {
		msleep(20);
		mutex_lock(&map->lock);
		there = t1x_dma_find(&map->tree, late->call.iova,
				     late->call.iova);
		mutex_unlock(&map->lock);
	}
	KUNIT_EXPECT_TRUE(late->call.c->test, there);
}

/* A MAP comes in during the replay, where the new group could not go. */
static void a_map_during_the_replay_was_first(struct kunit *test)
{
	struct latecomer *late = kunit_kzalloc(test, sizeof(*late), GFP_KERNEL);
	struct fake_container *c = fake_container_new(test);
	struct fake_domain *domain = new_domain(test, true);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, late);
	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	fake_attach(c, 0, new_domain(test, false));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, 0, 8, 0));

	late->call = (struct fake_call){
		.c = c,
		.iova = BIT(40),
		.npages = 4,
		.page = 8,
	};
	domain->domain.geometry.aperture_end = BIT(39) - 1;
	domain->on_map = map_outside;
	domain->data = late;
	fake_offer(c, 1, domain);
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_try_attach(c, 1));
	KUNIT_EXPECT_EQ(test, 0, fake_call_end(&late->call));
	fake_check_mapped(c, 0, 8, 0);
	fake_check_mapped(c, BIT(40), 4, 8);
	fake_container_end(c);
}

/* ---- Random ---- */

#define SLOTS 20

/* Mappings of random parts of random memory, replayed onto random domains. */
static void random_replays_against_the_table(struct kunit *test)
{
	static struct fake_mem mem[32];
	unsigned int page[SLOTS], npages[SLOTS];
	struct rnd_state rnd;
	unsigned int round, i, n, total;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (round = 0; round < 12; round++) {
		struct fake_container *c = fake_container_new(test);
		unsigned long base = round & 1 ? -PAGES(SLOTS * 256) : SZ_1G;
		unsigned long pfn = FAKE_PFN;

		for (total = 0, i = 0; i < ARRAY_SIZE(mem); i++) {
			if (prandom_u32_state(&rnd) & 1)
				pfn += prandom_u32_state(&rnd) % 600;
			mem[i].npages = 1 + prandom_u32_state(&rnd) % 90;
			mem[i].pfn = pfn;
			mem[i].kind = prandom_u32_state(&rnd) % 4 ?
					      T1X_PIN_PAGE :
					      T1X_PIN_NONE;
			pfn += mem[i].npages;
			total += mem[i].npages;
		}
		fake_mem_set(mem, ARRAY_SIZE(mem));
		fake_pin.max_run = 1 + prandom_u32_state(&rnd) % 40;

		fake_attach(c, 0, new_domain(test, false));
		for (i = 0; i < SLOTS; i++) {
			npages[i] = 1 + prandom_u32_state(&rnd) % 256;
			page[i] = prandom_u32_state(&rnd) % (total - npages[i]);
			KUNIT_ASSERT_EQ(test, 0,
					fake_map(c, base + PAGES(256 * i),
						 npages[i], page[i]));
		}

		for (n = 0; n < 6; n++) {
			struct fake_domain *domain = new_domain(test, n & 1);
			unsigned int group = n & 1;

			if (n < 2)
				group = 1;
			fake_detach(c, group);
			domain->coherent = group;
			if (n == 3) {
				domain->fail_map_at =
					1 + prandom_u32_state(&rnd) % 20;
				fake_offer(c, group, domain);
				KUNIT_EXPECT_EQ(test, -ENOMEM,
						fake_try_attach(c, group));
				domain = new_domain(test, group);
			}
			fake_attach(c, group, domain);
			for (i = 0; i < SLOTS; i++)
				fake_check_mapped(c, base + PAGES(256 * i),
						  npages[i], page[i]);

			i = prandom_u32_state(&rnd) % SLOTS;
			KUNIT_EXPECT_EQ(test, 0,
					fake_unmap(c, base + PAGES(256 * i),
						   npages[i], NULL));
			KUNIT_EXPECT_EQ(test, 0,
					fake_map(c, base + PAGES(256 * i),
						 npages[i], page[i]));
		}
		fake_detach(c, 0);
		fake_detach(c, 1);
		fake_check_empty(c);
		fake_container_end(c);
	}
}

static struct kunit_case group_cases[] = {
	KUNIT_CASE(a_group_attaches_and_detaches),
	KUNIT_CASE_PARAM(replay_maps_runs_whole, kind_gen_params),
	KUNIT_CASE_PARAM(replay_never_joins_two_mappings, kind_gen_params),
	KUNIT_CASE_PARAM(a_failing_replay_changes_nothing, kind_gen_params),
	KUNIT_CASE_PARAM(a_replay_that_loses_a_page_changes_nothing,
			 kind_gen_params),
	KUNIT_CASE(a_failing_allocation_changes_nothing),
	KUNIT_CASE(the_window_shrinks_and_grows),
	KUNIT_CASE(a_mapping_outside_refuses_the_group),
	KUNIT_CASE(interrupts_must_be_isolated),
	KUNIT_CASE(failures_of_the_driver_are_passed_on),
	KUNIT_CASE(L09_a_failing_msi_window_changes_nothing),
	KUNIT_CASE(L09_a_first_group_that_fails_pins_nothing),
	KUNIT_CASE(L17_physical_address_0_is_replayed),
	KUNIT_CASE(groups_share_a_domain),
	KUNIT_CASE_PARAM(a_domain_goes_alone, kind_gen_params),
	KUNIT_CASE(a_detach_is_told_at_one_moment),
	KUNIT_CASE(a_stuck_mapping_is_not_replayed),
	KUNIT_CASE(a_map_during_the_replay_was_first),
	KUNIT_CASE_PARAM(random_replays_against_the_table, kind_gen_params),
	{}
};

static struct kunit_suite group_suite = {
	.name = "t1x_group",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = group_cases,
};

kunit_test_suite(group_suite);
