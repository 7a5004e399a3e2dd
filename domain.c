// SPDX-License-Identifier: GPL-2.0-only
/*
 * One IOMMU domain: its page table and its groups. See include/domain.h.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "domain.h"
#include "iova_space.h"
#include "pgsize.h"

#include "compat.h"

static void lock_table(struct t1x_domain *domain)
{
	if (!domain->parallel)
		mutex_lock(&domain->table_lock);
}

static void unlock_table(struct t1x_domain *domain)
{
	if (!domain->parallel)
		mutex_unlock(&domain->table_lock);
}

/*
 * Unmap what a map has left that failed and said that there is nothing, from its first
 * page to the first one that is missing. Never a hole: such a driver would take its
 * neighbours out, too. Return: false if it does not let go.
 */
static bool unmap_remains(struct iommu_domain *domain, unsigned long iova,
			  unsigned long pfn, unsigned long npages)
{
	const unsigned long end = pfn + npages;
	unsigned long n;

	for (; pfn < end; pfn += n, iova += n << PAGE_SHIFT) {
		if (iommu_iova_to_phys(domain, iova) != PFN_PHYS(pfn))
			return true;
		/* Nobody can tell physical address 0 from a hole. */
		if (!pfn)
			return false;

		/* All of a large leaf goes. */
		n = iommu_unmap(domain, iova, PAGE_SIZE) >> PAGE_SHIFT;
		if (!n)
			return false;
		cond_resched();
	}

	return true;
}

/* Map as far as it goes; @done counts the pages. Return: as t1x_domain_map(). */
static int map_cut(struct t1x_domain *domain, unsigned long iova,
		   unsigned long pfn, unsigned long npages, int prot,
		   const struct t1x_leaves *leaves, unsigned long *done)
{
	struct iommu_domain *table = domain->domain;
	int ret;

	for (;;) {
		unsigned long at = iova + (*done << PAGE_SHIFT);
		unsigned long n = t1x_pgsize_cut(table->pgsize_bitmap, leaves,
						 PHYS_PFN(at), pfn + *done,
						 npages - *done);

		ret = t1x_compat_iommu_map(table, at, PFN_PHYS(pfn + *done),
					   n << PAGE_SHIFT, prot | IOMMU_CACHE);
		if (!ret)
			*done += n;
		else if (domain->vtd_tables &&
			 !unmap_remains(table, at, pfn + *done, n))
			ret = 1;
		if (ret || *done == npages)
			return ret;
		cond_resched();
	}
}

/**
 * t1x_domain_map() - Map contiguous memory in one domain
 * @domain: Domain
 * @iova: First byte
 * @pfn: Frame of the first page
 * @npages: Length in pages
 * @prot: IOMMU_READ, IOMMU_WRITE; IOMMU_CACHE is added
 * @leaves: What the IOMMU may make of it
 *
 * Context: rwsem of the list held. May sleep.
 * Return: 0, or what the IOMMU driver says (-ENOMEM, -EINVAL ...), and nothing is
 * mapped; or 1 if a part was mapped and the driver did not let all of it go again,
 * which it must not do.
 */
int t1x_domain_map(struct t1x_domain *domain, unsigned long iova,
		   unsigned long pfn, unsigned long npages, int prot,
		   const struct t1x_leaves *leaves)
{
	unsigned long done = 0;
	int ret;

	lock_table(domain);
	ret = map_cut(domain, iova, pfn, npages, prot, leaves, &done);
	unlock_table(domain);

	if (ret && done && t1x_domain_unmap(domain, iova, done) < done)
		ret = 1;
	return ret;
}

/* unmap_remains() of scattered memory, of which any part may be what failed. */
static bool unmap_remains_sg(struct iommu_domain *domain, unsigned long iova,
			     struct scatterlist *sg, unsigned int nents)
{
	struct scatterlist *part;
	unsigned int i;

	for_each_sg(sg, part, nents, i) {
		if (!unmap_remains(domain, iova, PHYS_PFN(sg_phys(part)),
				   part->length >> PAGE_SHIFT))
			return false;
		iova += part->length;
	}

	return true;
}

/**
 * t1x_domain_map_sg() - Map scattered memory in one domain, by one call
 * @domain: Domain
 * @iova: First byte
 * @sg: Contiguous parts, which follow each other in the IOVA space
 * @nents: How many
 * @prot: IOMMU_READ, IOMMU_WRITE; IOMMU_CACHE is added
 *
 * Context: rwsem of the list held. May sleep.
 * Return: As t1x_domain_map().
 */
int t1x_domain_map_sg(struct t1x_domain *domain, unsigned long iova,
		      struct scatterlist *sg, unsigned int nents, int prot)
{
	ssize_t size;

	lock_table(domain);
	size = t1x_compat_iommu_map_sg(domain->domain, iova, sg, nents,
				       prot | IOMMU_CACHE);
	unlock_table(domain);
	if (size >= 0)
		return 0;

	if (domain->vtd_tables &&
	    !unmap_remains_sg(domain->domain, iova, sg, nents))
		return 1;
	return size;
}

/* By as many calls of the driver as the core makes of it, each with a flush. */
static unsigned long unmap_pieces(struct iommu_domain *domain,
				  unsigned long iova, unsigned long npages)
{
	unsigned long done = 0, n, unmapped;

	do {
		n = t1x_pgsize_piece(domain->pgsize_bitmap,
				     PHYS_PFN(iova) + done, npages - done);
		unmapped = iommu_unmap(domain, iova + (done << PAGE_SHIFT),
				       n << PAGE_SHIFT) >>
			   PAGE_SHIFT;
		done += unmapped;
	} while (unmapped >= n && done < npages);

	return done;
}

/**
 * t1x_domain_unmap() - Unmap a range in one domain and flush its IOTLB
 * @domain: Domain
 * @iova: First byte
 * @npages: Length in pages
 *
 * Context: rwsem of the list held. May sleep.
 * Return: Pages unmapped, counted from @iova; less than @npages if the IOMMU
 * driver fails, which it must not.
 */
unsigned long t1x_domain_unmap(struct t1x_domain *domain, unsigned long iova,
			       unsigned long npages)
{
	unsigned long done;

	lock_table(domain);
	/* One page is one piece. */
	if (domain->vtd_tables && npages > 1)
		done = unmap_pieces(domain->domain, iova, npages);
	else
		done = iommu_unmap(domain->domain, iova,
				   npages << PAGE_SHIFT) >>
		       PAGE_SHIFT;
	unlock_table(domain);
	return min(done, npages);
}

/* Unmap ranges and flush the IOTLB for each. */
static void unmap_one_by_one(struct t1x_domain *domain,
			     struct t1x_domain_range *ranges, unsigned int nr)
{
	struct t1x_domain_range *range;

	for (range = ranges; range < ranges + nr; range++)
		range->done =
			min(range->done, t1x_domain_unmap(domain, range->iova,
							  range->npages));
}

/* Unmap ranges and flush the IOTLB once. */
static void unmap_together(struct t1x_domain *domain,
			   struct t1x_domain_range *ranges, unsigned int nr)
{
	struct iommu_iotlb_gather gather;
	unsigned int i;
	size_t size;

	iommu_iotlb_gather_init(&gather);
	lock_table(domain);
	for (i = 0; i < nr; i++) {
		size = iommu_unmap_fast(domain->domain, ranges[i].iova,
					ranges[i].npages << PAGE_SHIFT,
					&gather);
		ranges[i].done = min(ranges[i].done, size >> PAGE_SHIFT);
	}
	iommu_iotlb_sync(domain->domain, &gather);
	unlock_table(domain);
}

/**
 * t1x_domain_unmap_ranges() - Unmap ranges in one domain and flush its IOTLB
 * @domain: Domain
 * @ranges: Ranges, in order of their IOVA; the done of each is lowered to what it was
 *          found to be here
 * @nr: How many
 *
 * Context: rwsem of the list held. May sleep.
 */
void t1x_domain_unmap_ranges(struct t1x_domain *domain,
			     struct t1x_domain_range *ranges, unsigned int nr)
{
	if (domain->vtd_tables)
		unmap_one_by_one(domain, ranges, nr);
	else
		unmap_together(domain, ranges, nr);
}

/**
 * t1x_domain_find_pfns() - Ask the IOMMU where each page of a range is
 * @domain: Domain
 * @iova: First byte, page-aligned
 * @pfns: Set to the frames, 0 where nothing is mapped
 * @nr: Length in pages
 *
 * Context: rwsem of the list held. May sleep.
 */
void t1x_domain_find_pfns(struct t1x_domain *domain, unsigned long iova,
			  unsigned long *pfns, unsigned int nr)
{
	unsigned long *end = pfns + nr;

	lock_table(domain);
	for (; pfns < end; pfns++, iova += PAGE_SIZE)
		*pfns = PHYS_PFN(iommu_iova_to_phys(domain->domain, iova));
	unlock_table(domain);
}

static int alloc_for_first_device(struct device *dev, void *data)
{
	struct iommu_domain **domain = data;

	*domain = t1x_compat_domain_alloc(dev);
	return 1; /* one device tells the IOMMU of its group */
}

static struct iommu_domain *alloc_iommu_domain(struct iommu_group *group)
{
	/* A group whose devices have all gone has no IOMMU to ask. */
	struct iommu_domain *domain = ERR_PTR(-ENODEV);

	iommu_group_for_each_dev(group, &domain, alloc_for_first_device);
	return domain;
}

/**
 * t1x_domain_open() - Attach a group to a new domain
 * @group: Group that no container has
 * @nesting: Ask for a first stage of a nested translation, where the kernel can
 *
 * Context: May sleep; calls into the IOMMU driver.
 * Return: The domain, in no list yet, or an ERR_PTR: -ENOMEM, -ENODEV if the
 * group is empty, or what the IOMMU driver says. t1x_domain_close() undoes it.
 */
struct t1x_domain *t1x_domain_open(struct iommu_group *group, bool nesting)
{
	struct t1x_domain *domain;
	struct t1x_group *entry;
	int ret = -ENOMEM;

	domain = kzalloc_obj(*domain, GFP_KERNEL_ACCOUNT);
	if (!domain)
		return ERR_PTR(ret);

	entry = kzalloc_obj(*entry, GFP_KERNEL_ACCOUNT);
	if (!entry)
		goto err_free_domain;

	domain->domain = alloc_iommu_domain(group);
	if (IS_ERR(domain->domain)) {
		ret = PTR_ERR(domain->domain);
		goto err_free_entry;
	}

	if (nesting) {
		ret = t1x_compat_enable_nesting(domain->domain);
		if (ret)
			goto err_free_iommu_domain;
	}

	ret = iommu_attach_group(domain->domain, group);
	if (ret)
		goto err_free_iommu_domain;

	mutex_init(&domain->table_lock);
	domain->parallel = t1x_compat_domain_is_parallel(domain->domain);
	domain->vtd_tables = t1x_compat_domain_has_vtd_tables(domain->domain);
	INIT_LIST_HEAD(&domain->groups);
	entry->iommu_group = group;
	list_add(&entry->next, &domain->groups);
	return domain;

err_free_iommu_domain:
	iommu_domain_free(domain->domain);
err_free_entry:
	kfree(entry);
err_free_domain:
	kfree(domain);
	return ERR_PTR(ret);
}

/**
 * t1x_domain_close() - Detach what is attached and free a domain
 * @domain: Domain, in no list, with nothing mapped
 *
 * Context: May sleep; calls into the IOMMU driver.
 */
void t1x_domain_close(struct t1x_domain *domain)
{
	struct t1x_group *group, *next;

	list_for_each_entry_safe(group, next, &domain->groups, next) {
		iommu_detach_group(domain->domain, group->iommu_group);
		list_del(&group->next);
		kfree(group);
	}

	iommu_domain_free(domain->domain);
	mutex_destroy(&domain->table_lock);
	kfree(domain);
}

static void free_regions(struct list_head *regions)
{
	struct iommu_resv_region *region, *next;

	list_for_each_entry_safe(region, next, regions, list)
		kfree(region);
}

/* The base of the software MSI window, unless there is a real one; or 0. */
static phys_addr_t sw_msi_base(const struct list_head *regions)
{
	const struct iommu_resv_region *region;
	phys_addr_t base = 0;

	list_for_each_entry(region, regions, list) {
		if (region->type == IOMMU_RESV_MSI)
			return 0;
		if (region->type == IOMMU_RESV_SW_MSI)
			base = region->start;
	}

	return base;
}

static int exclude_regions(struct t1x_iova_space *space,
			   const struct list_head *regions)
{
	const struct iommu_resv_region *region;
	int ret;

	list_for_each_entry(region, regions, list) {
		/* Firmware that wants this region gives it up to an assignment. */
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE)
			continue;

		ret = t1x_iova_exclude(space, region->start,
				       region->start + region->length - 1);
		if (ret)
			return ret;
		if (!space->nr)
			return -EINVAL;
	}

	return 0;
}

static int exclude_group(struct t1x_iova_space *space,
			 struct iommu_group *group, phys_addr_t *msi_base)
{
	LIST_HEAD(regions);
	int ret;

	ret = iommu_get_group_resv_regions(group, &regions);
	if (!ret)
		ret = exclude_regions(space, &regions);
	*msi_base = sw_msi_base(&regions);
	free_regions(&regions);
	return ret;
}

/**
 * t1x_domain_restrict() - Take out of a space what a domain cannot map
 * @domain: Domain
 * @space: Space to clip to the aperture and to free of reserved regions
 * @msi_base: Set to the software MSI window of the last group, or to 0
 *
 * Context: domains->rwsem held for write. May sleep.
 * Return: 0; -EINVAL if nothing is left; -ENOMEM; or what the IOMMU core says of
 * the regions. @space is useless after a failure.
 */
int t1x_domain_restrict(const struct t1x_domain *domain,
			struct t1x_iova_space *space, phys_addr_t *msi_base)
{
	struct iommu_domain_geometry *geo = &domain->domain->geometry;
	struct t1x_group *group;
	int ret;

	if (!space->nr) {
		ret = t1x_iova_add(space, geo->aperture_start,
				   geo->aperture_end);
		if (ret)
			return ret;
	}

	t1x_iova_clip(space, geo->aperture_start, geo->aperture_end);
	if (!space->nr)
		return -EINVAL;

	list_for_each_entry(group, &domain->groups, next) {
		ret = exclude_group(space, group->iommu_group, msi_base);
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * t1x_domain_prepare_msi() - Give a domain its software MSI window
 * @domain: New domain
 * @base: First byte of the window, or 0 for none
 *
 * Context: May sleep.
 * Return: 0, also where the kernel has no such window; or -ENOMEM, -EINVAL.
 */
int t1x_domain_prepare_msi(struct t1x_domain *domain, phys_addr_t base)
{
	int ret;

	if (!base)
		return 0;

	ret = iommu_get_msi_cookie(domain->domain, base);
	return ret == -ENODEV ? 0 : ret;
}

/**
 * t1x_domain_find_group() - What a domain knows of a group
 * @domain: Domain
 * @iommu_group: Group
 *
 * Context: rwsem of the list or the owner's mutex held. Does not sleep.
 * Return: What it knows, or NULL if the group is not attached to it.
 */
struct t1x_group *t1x_domain_find_group(const struct t1x_domain *domain,
					struct iommu_group *iommu_group)
{
	struct t1x_group *group;

	list_for_each_entry(group, &domain->groups, next) {
		if (group->iommu_group == iommu_group)
			return group;
	}

	return NULL;
}
