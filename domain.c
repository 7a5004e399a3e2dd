// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU domains of a container. See include/domain.h.
 */
#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "domain.h"
#include "iova_space.h"
#include "pgsize.h"

#include "compat.h"

struct t1x_group {
	struct iommu_group *iommu_group;
	struct list_head next;
	bool seen; /* its driver pins what it dirties; protected by *lock */
};

/**
 * t1x_domains_init() - Make an empty list of domains
 * @domains: List to initialise
 * @lock: Mutex of the owner, see include/domain.h
 */
void t1x_domains_init(struct t1x_domains *domains, struct mutex *lock)
{
	init_rwsem(&domains->rwsem);
	domains->lock = lock;
	INIT_LIST_HEAD(&domains->list);
	domains->supported = PAGE_MASK;
	domains->subset = 0;
	domains->pgsizes = PAGE_MASK;
	domains->nr_unseen = 0;
	domains->nr_stuck = 0;
}

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

/* Map as far as it goes; @done counts the pages. Return: as t1x_domain_map_one(). */
static int map_cut(struct t1x_domain *domain, unsigned long iova,
		   unsigned long pfn, unsigned long npages, int prot,
		   const struct t1x_leaves *leaves, unsigned long *done)
{
	struct iommu_domain *table = domain->domain;
	int ret = 0;

	while (*done < npages && !ret) {
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
		cond_resched();
	}

	return ret;
}

/**
 * t1x_domain_leaves() - The leaves that a mapping may have
 * @domains: Domains
 * @granule: Granule of the mapping in bytes, or 0
 *
 * Context: domains->rwsem or the owner's mutex held. Does not sleep.
 * Return: The rule for t1x_domain_map_one().
 */
struct t1x_leaves t1x_domain_leaves(const struct t1x_domains *domains,
				    unsigned long granule)
{
	return (struct t1x_leaves){
		.allowed = domains->subset ?: ULONG_MAX,
		.granule = granule,
	};
}

/**
 * t1x_domain_map_one() - Map contiguous memory in one domain
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
int t1x_domain_map_one(struct t1x_domain *domain, unsigned long iova,
		       unsigned long pfn, unsigned long npages, int prot,
		       const struct t1x_leaves *leaves)
{
	unsigned long done = 0;
	int ret;

	lock_table(domain);
	ret = map_cut(domain, iova, pfn, npages, prot, leaves, &done);
	unlock_table(domain);

	if (ret && done && t1x_domain_unmap_one(domain, iova, done) < done)
		ret = 1;
	return ret;
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
 * t1x_domain_unmap_one() - Unmap a range in one domain and flush its IOTLB
 * @domain: Domain
 * @iova: First byte
 * @npages: Length in pages
 *
 * Context: rwsem of the list held. May sleep.
 * Return: Pages unmapped, counted from @iova; less than @npages if the IOMMU
 * driver fails, which it must not.
 */
unsigned long t1x_domain_unmap_one(struct t1x_domain *domain,
				   unsigned long iova, unsigned long npages)
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

/* One domain has refused memory with @ret: take it out of those before it. */
static int undo_map(struct t1x_domains *domains, struct t1x_domain *domain,
		    unsigned long iova, unsigned long npages, int ret)
{
	list_for_each_entry_continue_reverse(domain, &domains->list, next) {
		if (t1x_domain_unmap_one(domain, iova, npages) < npages)
			ret = 1;
	}

	return ret;
}

/**
 * t1x_domain_map() - Map contiguous memory in all domains or in none
 * @domains: Domains
 * @iova: First byte
 * @pfn: Frame of the first page
 * @npages: Length in pages
 * @prot: IOMMU_READ, IOMMU_WRITE
 * @granule: Of the mapping, in bytes, or 0
 *
 * Context: domains->rwsem held. May sleep.
 * Return: 0, or the error of the IOMMU driver, and nothing changed; or 1 if one
 * domain refused the memory and it or another did not let all of it go again, which
 * a driver must not do: the device may reach it for as long as the domain lives.
 */
int t1x_domain_map(struct t1x_domains *domains, unsigned long iova,
		   unsigned long pfn, unsigned long npages, int prot,
		   unsigned long granule)
{
	struct t1x_leaves leaves = t1x_domain_leaves(domains, granule);
	struct t1x_domain *domain;
	int ret;

	lockdep_assert_held(&domains->rwsem);

	list_for_each_entry(domain, &domains->list, next) {
		ret = t1x_domain_map_one(domain, iova, pfn, npages, prot,
					 &leaves);
		if (ret)
			return undo_map(domains, domain, iova, npages, ret);
	}

	return 0;
}

/**
 * t1x_domain_may_map_sg() - May scattered memory be mapped by one call?
 * @domains: Domains
 * @granule: Of the mapping, in bytes, or 0
 *
 * Context: domains->rwsem or the owner's mutex held. Does not sleep.
 * Return: true if nothing restricts the leaves: iommu_map_sg() chooses them.
 */
bool t1x_domain_may_map_sg(const struct t1x_domains *domains,
			   unsigned long granule)
{
	return !domains->subset && !granule;
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

/* Map scattered memory in one domain. Return: as t1x_domain_map_one(). */
static int map_sg_one(struct t1x_domain *domain, unsigned long iova,
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

/**
 * t1x_domain_map_sg() - Map scattered memory in all domains or in none
 * @domains: Domains; t1x_domain_may_map_sg() of the mapping
 * @iova: First byte
 * @sg: Contiguous parts, which follow each other in the IOVA space
 * @nents: How many
 * @npages: Length of all of them in pages
 * @prot: IOMMU_READ, IOMMU_WRITE
 *
 * One flush of what the hardware may remember of an empty table, not one a part.
 *
 * Context: domains->rwsem held. May sleep.
 * Return: As t1x_domain_map().
 */
int t1x_domain_map_sg(struct t1x_domains *domains, unsigned long iova,
		      struct scatterlist *sg, unsigned int nents,
		      unsigned long npages, int prot)
{
	struct t1x_domain *domain;
	int ret;

	lockdep_assert_held(&domains->rwsem);

	list_for_each_entry(domain, &domains->list, next) {
		ret = map_sg_one(domain, iova, sg, nents, prot);
		if (ret)
			return undo_map(domains, domain, iova, npages, ret);
	}

	return 0;
}

/* Unmap ranges in one domain and flush its IOTLB for each. */
static void unmap_one_by_one(struct t1x_domain *domain,
			     struct t1x_domain_range *ranges, unsigned int nr)
{
	struct t1x_domain_range *range;

	for (range = ranges; range < ranges + nr; range++)
		range->done = min(range->done,
				  t1x_domain_unmap_one(domain, range->iova,
						       range->npages));
}

/* Unmap ranges in one domain and flush its IOTLB once. */
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
 * t1x_domain_unmap() - Unmap ranges in all domains and flush their IOTLBs
 * @domains: Domains, not empty
 * @ranges: Ranges, in order of their IOVA
 * @nr: How many
 *
 * When this returns, no DMA reaches the pages that each range counts as done: less
 * than it has if an IOMMU driver fails, which it must not.
 *
 * Context: domains->rwsem held. May sleep.
 */
void t1x_domain_unmap(struct t1x_domains *domains,
		      struct t1x_domain_range *ranges, unsigned int nr)
{
	struct t1x_domain *domain;
	unsigned int i;

	lockdep_assert_held(&domains->rwsem);

	for (i = 0; i < nr; i++)
		ranges[i].done = ranges[i].npages;
	list_for_each_entry(domain, &domains->list, next) {
		if (domain->vtd_tables)
			unmap_one_by_one(domain, ranges, nr);
		else
			unmap_together(domain, ranges, nr);
	}
}

/**
 * t1x_domain_find_pfn() - Ask the IOMMU which page an IOVA is mapped to
 * @domains: Domains
 * @iova: Page-aligned IOVA
 * @pfn: The frame, if it is mapped
 *
 * All domains agree, so the first one answers.
 *
 * Context: domains->rwsem held. May sleep.
 * Return: true if it is mapped.
 */
bool t1x_domain_find_pfn(struct t1x_domains *domains, unsigned long iova,
			 unsigned long *pfn)
{
	struct t1x_domain *domain;
	phys_addr_t phys;

	lockdep_assert_held(&domains->rwsem);

	domain = list_first_entry_or_null(&domains->list, struct t1x_domain,
					  next);
	if (!domain)
		return false;

	lock_table(domain);
	phys = iommu_iova_to_phys(domain->domain, iova);
	unlock_table(domain);

	*pfn = PHYS_PFN(phys);
	return phys;
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
 * t1x_domain_build_space() - The space that all domains can map
 * @domains: Domains
 * @gone: Domain that is about to be removed and does not count, or NULL
 * @space: Empty space to fill; unrestricted if there is no other domain
 *
 * Context: domains->rwsem held for write. May sleep.
 * Return: As t1x_domain_restrict().
 */
int t1x_domain_build_space(struct t1x_domains *domains,
			   const struct t1x_domain *gone,
			   struct t1x_iova_space *space)
{
	struct t1x_domain *domain;
	phys_addr_t msi_base;
	int ret;

	lockdep_assert_held_write(&domains->rwsem);

	list_for_each_entry(domain, &domains->list, next) {
		if (domain == gone)
			continue;
		ret = t1x_domain_restrict(domain, space, &msi_base);
		if (ret)
			return ret;
	}

	return 0;
}

static void enforce_coherency(struct t1x_domain *domain)
{
	const struct iommu_domain_ops *ops = domain->domain->ops;

	/*
	 * Always on where the IOMMU can block no-snoop transactions: KVM then
	 * need not emulate wbinvd. Uses: VFIO_DMA_CC_IOMMU.
	 */
	domain->coherent = ops->enforce_cache_coherency &&
			   ops->enforce_cache_coherency(domain->domain);
}

static bool is_compatible(const struct t1x_domain *a,
			  const struct t1x_domain *b)
{
	return a->domain->ops == b->domain->ops && a->coherent == b->coherent;
}

/**
 * t1x_domain_join() - Move the group of a new domain to one that exists
 * @domains: Domains
 * @domain: New domain with one group, from t1x_domain_open()
 *
 * Also turns on cache coherency for @domain, which decides what it can join.
 *
 * Context: domains->rwsem held for write. May sleep; calls the IOMMU driver.
 * Return: 1 if the group was moved and @domain is to be closed, 0 if @domain is
 * needed; or an error, if the group could be attached to nothing any more. In
 * all cases t1x_domain_close() of @domain is right.
 */
int t1x_domain_join(struct t1x_domains *domains, struct t1x_domain *domain)
{
	struct t1x_group *group =
		list_first_entry(&domain->groups, struct t1x_group, next);
	struct t1x_domain *other;
	int ret;

	lockdep_assert_held_write(&domains->rwsem);

	enforce_coherency(domain);

	list_for_each_entry(other, &domains->list, next) {
		if (!is_compatible(other, domain))
			continue;

		iommu_detach_group(domain->domain, group->iommu_group);
		if (!iommu_attach_group(other->domain, group->iommu_group)) {
			mutex_lock(domains->lock);
			list_move(&group->next, &other->groups);
			domains->nr_unseen++;
			mutex_unlock(domains->lock);
			return 1;
		}

		ret = iommu_attach_group(domain->domain, group->iommu_group);
		if (ret) {
			list_del(&group->next);
			kfree(group);
			return ret;
		}
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

static void update_pgsizes(struct t1x_domains *domains)
{
	struct t1x_domain *domain;
	unsigned long pgsizes = ULONG_MAX;

	list_for_each_entry(domain, &domains->list, next)
		pgsizes &= domain->domain->pgsize_bitmap;
	domains->supported = t1x_pgsize_visible(pgsizes);
	domains->pgsizes = domains->subset ?: domains->supported;
}

/**
 * t1x_domain_serves_subset() - Has a domain all page sizes that the user wants?
 * @domains: Domains
 * @domain: New domain
 *
 * Context: domains->rwsem held for write. Does not sleep.
 * Return: true if it can be added.
 */
bool t1x_domain_serves_subset(const struct t1x_domains *domains,
			      const struct t1x_domain *domain)
{
	return !(domains->subset &
		 ~t1x_pgsize_visible(domain->domain->pgsize_bitmap));
}

/**
 * t1x_domain_set_subset() - Restrict the page sizes of a container
 * @domains: Domains; nothing is mapped in them
 * @subset: Bitmap of page sizes in bytes, or 0 for no restriction
 *
 * Context: domains->rwsem held for write, and the owner's mutex.
 * Return: 0, or -EINVAL if @subset lacks the smallest page size of the container, or
 * has one that it does not support.
 */
int t1x_domain_set_subset(struct t1x_domains *domains, unsigned long subset)
{
	lockdep_assert_held_write(&domains->rwsem);
	lockdep_assert_held(domains->lock);

	if (subset && (subset & ~domains->supported ||
		       !(subset & t1x_pgsize_min(domains->supported))))
		return -EINVAL;

	domains->subset = subset;
	update_pgsizes(domains);
	return 0;
}

/**
 * t1x_domain_add() - Add a domain that maps all that the others map
 * @domains: Domains
 * @domain: New domain with one group
 *
 * Context: domains->rwsem held for write, and the owner's mutex.
 */
void t1x_domain_add(struct t1x_domains *domains, struct t1x_domain *domain)
{
	lockdep_assert_held_write(&domains->rwsem);
	lockdep_assert_held(domains->lock);

	list_add(&domain->next, &domains->list);
	domains->nr_unseen++;
	update_pgsizes(domains);
}

/**
 * t1x_domain_remove() - Take a domain out of the list
 * @domains: Domains
 * @domain: Domain; t1x_domain_close() is next
 *
 * Context: domains->rwsem held for write, and the owner's mutex.
 */
void t1x_domain_remove(struct t1x_domains *domains, struct t1x_domain *domain)
{
	lockdep_assert_held_write(&domains->rwsem);
	lockdep_assert_held(domains->lock);

	list_del(&domain->next);
	update_pgsizes(domains);
}

static struct t1x_group *find_group(const struct t1x_domain *domain,
				    struct iommu_group *iommu_group)
{
	struct t1x_group *group;

	list_for_each_entry(group, &domain->groups, next) {
		if (group->iommu_group == iommu_group)
			return group;
	}

	return NULL;
}

/**
 * t1x_domain_of() - The domain that a group is attached to
 * @domains: Domains
 * @group: Group
 *
 * Context: domains->rwsem or the owner's mutex held. Does not sleep.
 * Return: The domain or NULL.
 */
struct t1x_domain *t1x_domain_of(struct t1x_domains *domains,
				 struct iommu_group *group)
{
	struct t1x_domain *domain;

	list_for_each_entry(domain, &domains->list, next) {
		if (find_group(domain, group))
			return domain;
	}

	return NULL;
}

/**
 * t1x_domain_detach() - Detach a group from its domain
 * @domains: Domains
 * @domain: Domain of @group
 * @group: Group
 *
 * Context: domains->rwsem held for write. May sleep; calls the IOMMU driver.
 * Return: true if the group may have dirtied pages that nobody was told of: then it
 * is still in domains->nr_unseen, for the caller to take out.
 */
bool t1x_domain_detach(struct t1x_domains *domains, struct t1x_domain *domain,
		       struct iommu_group *group)
{
	struct t1x_group *entry = find_group(domain, group);
	bool unseen;

	lockdep_assert_held_write(&domains->rwsem);

	iommu_detach_group(domain->domain, group);

	mutex_lock(domains->lock);
	list_del(&entry->next);
	unseen = !entry->seen;
	mutex_unlock(domains->lock);
	kfree(entry);
	return unseen;
}

/**
 * t1x_domain_for_each_group() - Visit the groups of all domains
 * @domains: Domains
 * @fn: Called with each group, the number of its domain in the list, and @data
 * @data: For @fn
 *
 * Context: domains->rwsem or the mutex held.
 */
void t1x_domain_for_each_group(struct t1x_domains *domains,
			       void (*fn)(struct iommu_group *group,
					  unsigned int domain, void *data),
			       void *data)
{
	struct t1x_domain *domain;
	struct t1x_group *group;
	unsigned int i = 0;

	list_for_each_entry(domain, &domains->list, next) {
		list_for_each_entry(group, &domain->groups, next)
			fn(group->iommu_group, i, data);
		i++;
	}
}

/**
 * t1x_domain_set_seen() - The driver of a group pins what its devices write
 * @domains: Domains
 * @group: Any group; nothing is done if it has no domain
 *
 * Context: The owner's mutex held. Does not sleep.
 */
void t1x_domain_set_seen(struct t1x_domains *domains, struct iommu_group *group)
{
	struct t1x_domain *domain = t1x_domain_of(domains, group);
	struct t1x_group *entry;

	lockdep_assert_held(domains->lock);

	if (!domain)
		return;

	entry = find_group(domain, group);
	domains->nr_unseen -= !entry->seen;
	entry->seen = true;
}

/**
 * t1x_domain_all_coherent() - Is no-snoop enforced off everywhere?
 * @domains: Domains
 *
 * Context: domains->rwsem or the owner's mutex held. Does not sleep.
 * Return: true also if there is no domain, as VFIO_DMA_CC_IOMMU has it.
 */
bool t1x_domain_all_coherent(struct t1x_domains *domains)
{
	struct t1x_domain *domain;

	list_for_each_entry(domain, &domains->list, next) {
		if (!domain->coherent)
			return false;
	}

	return true;
}
