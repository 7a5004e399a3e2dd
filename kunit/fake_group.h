/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU groups that the kernel has never seen. Include this before a production
 * file: what that asks of groups is answered here, while its domains go to the
 * real IOMMU core.
 */
#ifndef T1X_FAKE_GROUP_H
#define T1X_FAKE_GROUP_H

#include <linux/iommu.h>

#include "../include/compat.h"

/* A fake table notes one call at a time, whoever unmaps beside another thread. */
#define t1x_compat_domain_is_parallel(domain) ((void)(domain), false)

/* No fake has VT-d's own tables, but where a test says so. */
#define t1x_compat_domain_has_vtd_tables(domain) ((void)(domain), false)

struct fake_domain;
struct kunit;
struct t1x_domain;

struct fake_group {
	unsigned int nr_devs;
	bool isolated_msi;

	/* What the next allocation of a domain for it gives; NULL fails. */
	struct fake_domain *domain;
	struct fake_domain *next_domain; /* what the one after that gives */

	const struct iommu_resv_region *regions;
	unsigned int nr_regions;

	struct iommu_domain *attached; /* now */

	/* Faults. */
	struct iommu_domain *refuses; /* attaching to this domain fails ... */
	unsigned int fail_attach_at; /* ... and so does this call; 0 is never */
	int fail_nesting;
	int fail_msi;

	/* What happened. */
	unsigned int attaches;
	phys_addr_t msi_base;
};

/* What iommu_group_for_each_dev() calls. */
struct fake_dev_op {
	int (*fn)(struct device *dev, void *data);
};

/* The group whose domain is being opened: some calls name only a domain. */
extern struct fake_group *fake_group_current;

static inline struct iommu_group *fake_group_of(struct fake_group *group)
{
	return (struct iommu_group *)group;
}

static inline struct fake_group *to_fake_group(struct iommu_group *group)
{
	return (struct fake_group *)group;
}

struct fake_group *fake_group_new(struct kunit *test);
struct t1x_domain *fake_group_open(struct kunit *test,
				   struct fake_group *group);
int fake_attach_group(struct iommu_domain *domain, struct iommu_group *group);
void fake_detach_group(struct iommu_domain *domain, struct iommu_group *group);
int fake_walk_devs(struct iommu_group *group, void *data,
		   const struct fake_dev_op *op);
struct iommu_domain *fake_domain_alloc(struct device *dev);
int fake_get_resv_regions(struct iommu_group *group, struct list_head *head);
int fake_get_msi_cookie(struct iommu_domain *domain, dma_addr_t base);
int fake_enable_nesting(struct iommu_domain *domain);

static inline bool fake_has_isolated_msi(struct iommu_group *group)
{
	return to_fake_group(group)->isolated_msi;
}

#define iommu_attach_group(domain, group) fake_attach_group(domain, group)
#define iommu_detach_group(domain, group) fake_detach_group(domain, group)
#define iommu_group_for_each_dev(group, data, op) \
	fake_walk_devs(group, data, &(struct fake_dev_op){ .fn = op })
#define iommu_get_group_resv_regions(group, head) \
	fake_get_resv_regions(group, head)
#define iommu_get_msi_cookie(domain, base) fake_get_msi_cookie(domain, base)
#define iommu_group_has_isolated_msi(group) fake_has_isolated_msi(group)
#define t1x_compat_domain_alloc(dev) fake_domain_alloc(dev)
#define t1x_compat_enable_nesting(domain) fake_enable_nesting(domain)

#endif /* T1X_FAKE_GROUP_H */
