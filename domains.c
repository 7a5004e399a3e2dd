// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU domains of a container. See include/domains.h.
 */
#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "domains.h"
#include "iova_space.h"
#include "pgsize.h"

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

/**
 * t1x_domains_leaves() - The leaves that a mapping may have
 * @domains: Domains
 * @granule: Granule of the mapping in bytes, or 0
 *
 * Context: domains->rwsem or the owner's mutex held. Does not sleep.
 * Return: The rule for t1x_domain_map().
 */
struct t1x_leaves t1x_domains_leaves(const struct t1x_domains *domains,
				     unsigned long granule)
{
	return (struct t1x_leaves){
		.allowed = domains->subset ?: ULONG_MAX,
		.granule = granule,
	};
}

/* One domain has refused memory with @ret: take it out of those before it. */
static int undo_map(struct t1x_domains *domains, struct t1x_domain *domain,
		    unsigned long iova, unsigned long npages, int ret)
{
	list_for_each_entry_continue_reverse(domain, &domains->list, next) {
		if (t1x_domain_unmap(domain, iova, npages) < npages)
			ret = 1;
	}

	return ret;
}

/**
 * t1x_domains_map() - Map contiguous memory in all domains or in none
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
int t1x_domains_map(struct t1x_domains *domains, unsigned long iova,
		    unsigned long pfn, unsigned long npages, int prot,
		    unsigned long granule)
{
	struct t1x_leaves leaves = t1x_domains_leaves(domains, granule);
	struct t1x_domain *domain;
	int ret;

	lockdep_assert_held(&domains->rwsem);

	list_for_each_entry(domain, &domains->list, next) {
		ret = t1x_domain_map(domain, iova, pfn, npages, prot, &leaves);
		if (ret)
			return undo_map(domains, domain, iova, npages, ret);
	}

	return 0;
}

/**
 * t1x_domains_may_map_sg() - May scattered memory be mapped by one call?
 * @domains: Domains
 * @granule: Of the mapping, in bytes, or 0
 *
 * Context: domains->rwsem or the owner's mutex held. Does not sleep.
 * Return: true if nothing restricts the leaves: iommu_map_sg() chooses them.
 */
bool t1x_domains_may_map_sg(const struct t1x_domains *domains,
			    unsigned long granule)
{
	return !domains->subset && !granule;
}

/**
 * t1x_domains_map_sg() - Map scattered memory in all domains or in none
 * @domains: Domains; t1x_domains_may_map_sg() of the mapping
 * @iova: First byte
 * @sg: Contiguous parts, which follow each other in the IOVA space
 * @nents: How many
 * @npages: Length of all of them in pages
 * @prot: IOMMU_READ, IOMMU_WRITE
 *
 * One flush of what the hardware may remember of an empty table, not one a part.
 *
 * Context: domains->rwsem held. May sleep.
 * Return: As t1x_domains_map().
 */
int t1x_domains_map_sg(struct t1x_domains *domains, unsigned long iova,
		       struct scatterlist *sg, unsigned int nents,
		       unsigned long npages, int prot)
{
	struct t1x_domain *domain;
	int ret;

	lockdep_assert_held(&domains->rwsem);

	list_for_each_entry(domain, &domains->list, next) {
		ret = t1x_domain_map_sg(domain, iova, sg, nents, prot);
		if (ret)
			return undo_map(domains, domain, iova, npages, ret);
	}

	return 0;
}

/**
 * t1x_domains_unmap() - Unmap ranges in all domains and flush their IOTLBs
 * @domains: Domains, not empty
 * @ranges: Ranges, in order of their IOVA
 * @nr: How many
 *
 * When this returns, no DMA reaches the pages that each range counts as done: less
 * than it has if an IOMMU driver fails, which it must not.
 *
 * Context: domains->rwsem held. May sleep.
 */
void t1x_domains_unmap(struct t1x_domains *domains,
		       struct t1x_domain_range *ranges, unsigned int nr)
{
	struct t1x_domain *domain;
	unsigned int i;

	lockdep_assert_held(&domains->rwsem);

	for (i = 0; i < nr; i++)
		ranges[i].done = ranges[i].npages;
	list_for_each_entry(domain, &domains->list, next)
		t1x_domain_unmap_ranges(domain, ranges, nr);
}

/**
 * t1x_domains_unmap_range() - Unmap one range in all domains, and flush
 * @domains: Domains
 * @iova: First byte
 * @npages: Length in pages
 *
 * Context: domains->rwsem held. May sleep.
 * Return: Pages unmapped everywhere, counted from @iova.
 */
unsigned long t1x_domains_unmap_range(struct t1x_domains *domains,
				      unsigned long iova, unsigned long npages)
{
	unsigned long done = npages;
	struct t1x_domain *domain;

	lockdep_assert_held(&domains->rwsem);

	list_for_each_entry(domain, &domains->list, next)
		done = min(done, t1x_domain_unmap(domain, iova, npages));
	return done;
}

/**
 * t1x_domains_find_pfn() - Ask the IOMMU which page an IOVA is mapped to
 * @domains: Domains
 * @iova: Page-aligned IOVA
 * @pfn: The frame, if it is mapped
 *
 * All domains agree, so the first one answers.
 *
 * Context: domains->rwsem held. May sleep.
 * Return: true if it is mapped.
 */
bool t1x_domains_find_pfn(struct t1x_domains *domains, unsigned long iova,
			  unsigned long *pfn)
{
	lockdep_assert_held(&domains->rwsem);

	if (list_empty(&domains->list))
		return false;

	t1x_domains_find_pfns(domains, iova, pfn, 1);
	return *pfn;
}

/**
 * t1x_domains_find_pfns() - Ask the IOMMU where each page of a range is
 * @domains: Domains, one at least
 * @iova: First byte, page-aligned
 * @pfns: Set to the frames, 0 where nothing is mapped
 * @nr: Length in pages
 *
 * Context: domains->rwsem held. May sleep.
 */
void t1x_domains_find_pfns(struct t1x_domains *domains, unsigned long iova,
			   unsigned long *pfns, unsigned int nr)
{
	lockdep_assert_held(&domains->rwsem);

	t1x_domain_find_pfns(list_first_entry(&domains->list, struct t1x_domain,
					      next),
			     iova, pfns, nr);
}

/**
 * t1x_domains_build_space() - The space that all domains can map
 * @domains: Domains
 * @gone: Domain that is about to be removed and does not count, or NULL
 * @space: Empty space to fill; unrestricted if there is no other domain
 *
 * Context: domains->rwsem held for write. May sleep.
 * Return: As t1x_domain_restrict().
 */
int t1x_domains_build_space(struct t1x_domains *domains,
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
 * t1x_domains_join() - Move the group of a new domain to one that exists
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
int t1x_domains_join(struct t1x_domains *domains, struct t1x_domain *domain)
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
 * t1x_domains_may_add() - Has a domain all page sizes that the user wants?
 * @domains: Domains
 * @domain: New domain
 *
 * Context: domains->rwsem held for write. Does not sleep.
 * Return: true if it can be added.
 */
bool t1x_domains_may_add(const struct t1x_domains *domains,
			 const struct t1x_domain *domain)
{
	return !(domains->subset &
		 ~t1x_pgsize_visible(domain->domain->pgsize_bitmap));
}

/**
 * t1x_domains_set_subset() - Restrict the page sizes of a container
 * @domains: Domains; nothing is mapped in them
 * @subset: Bitmap of page sizes in bytes, or 0 for no restriction
 *
 * Context: domains->rwsem held for write, and the owner's mutex.
 * Return: 0, or -EINVAL if @subset lacks the smallest page size of the container, or
 * has one that it does not support.
 */
int t1x_domains_set_subset(struct t1x_domains *domains, unsigned long subset)
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
 * t1x_domains_add() - Add a domain that maps all that the others map
 * @domains: Domains
 * @domain: New domain with one group
 *
 * Context: domains->rwsem held for write, and the owner's mutex.
 */
void t1x_domains_add(struct t1x_domains *domains, struct t1x_domain *domain)
{
	lockdep_assert_held_write(&domains->rwsem);
	lockdep_assert_held(domains->lock);

	list_add(&domain->next, &domains->list);
	domains->nr_unseen++;
	update_pgsizes(domains);
}

/**
 * t1x_domains_remove() - Take a domain out of the list
 * @domains: Domains
 * @domain: Domain; t1x_domain_close() is next
 *
 * Context: domains->rwsem held for write, and the owner's mutex.
 */
void t1x_domains_remove(struct t1x_domains *domains, struct t1x_domain *domain)
{
	lockdep_assert_held_write(&domains->rwsem);
	lockdep_assert_held(domains->lock);

	list_del(&domain->next);
	update_pgsizes(domains);
}

/**
 * t1x_domains_find() - The domain that a group is attached to
 * @domains: Domains
 * @group: Group
 *
 * Context: domains->rwsem or the owner's mutex held. Does not sleep.
 * Return: The domain or NULL.
 */
struct t1x_domain *t1x_domains_find(struct t1x_domains *domains,
				    struct iommu_group *group)
{
	struct t1x_domain *domain;

	list_for_each_entry(domain, &domains->list, next) {
		if (t1x_domain_find_group(domain, group))
			return domain;
	}

	return NULL;
}

/**
 * t1x_domains_detach() - Detach a group from its domain
 * @domains: Domains
 * @domain: Domain of @group
 * @group: Group
 *
 * Context: domains->rwsem held for write. May sleep; calls the IOMMU driver.
 * Return: true if the group may have dirtied pages that nobody was told of: then it
 * is still in domains->nr_unseen, for the caller to take out.
 */
bool t1x_domains_detach(struct t1x_domains *domains, struct t1x_domain *domain,
			struct iommu_group *group)
{
	struct t1x_group *entry = t1x_domain_find_group(domain, group);
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
 * t1x_domains_for_each_group() - Visit the groups of all domains
 * @domains: Domains
 * @fn: Called with each group, the number of its domain in the list, and @data
 * @data: For @fn
 *
 * Context: domains->rwsem or the mutex held.
 */
void t1x_domains_for_each_group(struct t1x_domains *domains,
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
 * t1x_domains_set_seen() - The driver of a group pins what its devices write
 * @domains: Domains
 * @group: Any group; nothing is done if it has no domain
 *
 * Context: The owner's mutex held. Does not sleep.
 */
void t1x_domains_set_seen(struct t1x_domains *domains,
			  struct iommu_group *group)
{
	struct t1x_domain *domain = t1x_domains_find(domains, group);
	struct t1x_group *entry;

	lockdep_assert_held(domains->lock);

	if (!domain)
		return;

	entry = t1x_domain_find_group(domain, group);
	domains->nr_unseen -= !entry->seen;
	entry->seen = true;
}

/**
 * t1x_domains_all_coherent() - Is no-snoop enforced off everywhere?
 * @domains: Domains
 *
 * Context: domains->rwsem or the owner's mutex held. Does not sleep.
 * Return: true also if there is no domain, as VFIO_DMA_CC_IOMMU has it.
 */
bool t1x_domains_all_coherent(struct t1x_domains *domains)
{
	struct t1x_domain *domain;

	list_for_each_entry(domain, &domains->list, next) {
		if (!domain->coherent)
			return false;
	}

	return true;
}
