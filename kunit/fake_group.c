// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake IOMMU groups. See fake_group.h.
 */
#include <linux/err.h>
#include <linux/list.h>

#include "domain.h"

#include "fake_alloc.h"
#include "fake_domain.h"
#include "fake_group.h"

struct fake_group *fake_group_current;

/**
 * fake_group_new() - Two devices, and a domain to open for them
 * @test: Test
 *
 * Return: The group; gone at the end of the test.
 */
struct fake_group *fake_group_new(struct kunit *test)
{
	struct fake_group *group =
		kunit_kzalloc(test, sizeof(*group), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, group);
	group->nr_devs = 2;
	group->domain = fake_domain_new(FAKE_PGSIZES_VTD);
	return group;
}

/* The group, attached to the domain that is open for it. */
struct t1x_domain *fake_group_open(struct kunit *test, struct fake_group *group)
{
	struct t1x_domain *domain =
		t1x_domain_open(fake_group_of(group), false);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	return domain;
}

int fake_attach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	struct fake_group *fake_group = to_fake_group(group);

	fake_group->attaches++;
	if (fake_group->attached) {
		fake_complain("a group is attached twice");
		return -EBUSY;
	}
	if (fake_group->refuses == domain ||
	    fake_group->attaches == fake_group->fail_attach_at)
		return -ENODEV;

	fake_group->attached = domain;
	return 0;
}

void fake_detach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	struct fake_group *fake_group = to_fake_group(group);

	if (fake_group->attached != domain)
		fake_complain("a group leaves a domain that is not its own");
	fake_group->attached = NULL;
}

/* A device of a fake group is the group: nothing looks into it. */
int fake_walk_devs(struct iommu_group *group, void *data,
		   const struct fake_dev_op *op)
{
	unsigned int i, nr = to_fake_group(group)->nr_devs;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = op->fn((struct device *)group, data);
	return ret;
}

struct iommu_domain *fake_domain_alloc(struct device *dev)
{
	struct fake_group *group = (struct fake_group *)dev;
	struct fake_domain *domain = group->domain;

	fake_group_current = group;
	group->domain = group->next_domain;
	group->next_domain = NULL;
	return domain ? &domain->domain : ERR_PTR(-EIO);
}

int fake_get_resv_regions(struct iommu_group *group, struct list_head *head)
{
	struct fake_group *fake_group = to_fake_group(group);
	struct iommu_resv_region *region;
	unsigned int i;

	for (i = 0; i < fake_group->nr_regions; i++) {
		if (fake_alloc_refuse())
			return -ENOMEM;
		region = kmemdup(&fake_group->regions[i], sizeof(*region),
				 GFP_KERNEL);
		if (!fake_alloc_take(region))
			return -ENOMEM;
		list_add_tail(&region->list, head);
	}
	return 0;
}

int fake_get_msi_cookie(struct iommu_domain *domain, dma_addr_t base)
{
	fake_group_current->msi_base = base;
	return fake_group_current->fail_msi;
}

int fake_enable_nesting(struct iommu_domain *domain)
{
	return fake_group_current->fail_nesting;
}
