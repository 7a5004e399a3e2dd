/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOMMU domains of a container and the groups attached to them. Every domain
 * maps the same memory at the same IOVAs.
 *
 * Units are bytes for IOVAs, pages of PAGE_SIZE for lengths.
 *
 * Locks: the rwsem keeps the list of domains and what is mapped in them together.
 * Held for read, ranges that do not overlap may be mapped and unmapped at the
 * same time; held for write, nobody does, and domains come and go. The list is
 * changed under the rwsem for write and the owner's mutex, so either is enough to
 * read it.
 */
#ifndef T1X_DOMAIN_H
#define T1X_DOMAIN_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/types.h>

struct iommu_domain;
struct iommu_group;
struct scatterlist;
struct t1x_iova_space;
struct t1x_leaves;

struct t1x_domain {
	/* Immutable once it is in the list. */
	struct iommu_domain *domain;
	bool coherent; /* no-snoop is enforced off */
	bool parallel; /* disjoint ranges may change at once */
	bool vtd_tables; /* each call is flushed, and looked after if it fails */

	struct mutex table_lock; /* held around the page tables unless parallel */

	/* Protected by the rwsem and the mutex of the list, see above. */
	struct list_head next;
	struct list_head groups; /* of struct t1x_group */
};

/* What is unmapped together with others, and flushed once. */
struct t1x_domain_range {
	unsigned long iova;
	unsigned long npages;
	unsigned long done; /* result: pages unmapped everywhere, from iova on */
};

struct t1x_domains {
	struct rw_semaphore rwsem;
	struct mutex *lock; /* immutable; the owner's mutex */

	/* Protected by rwsem and *lock, see above. */
	struct list_head list;
	unsigned long supported; /* page sizes of all, as the user sees them */
	unsigned long subset; /* of these, what the user wants; 0: everything */
	unsigned long pgsizes; /* what is used: the subset, or all */

	/* Protected by *lock. */
	unsigned int nr_unseen; /* groups that dirty pages without telling */
	unsigned long nr_stuck; /* mappings that an IOMMU did not let go */
};

void t1x_domains_init(struct t1x_domains *domains, struct mutex *lock);

/* Map and unmap: rwsem held for read or write. */
int t1x_domain_map(struct t1x_domains *domains, unsigned long iova,
		   unsigned long pfn, unsigned long npages, int prot,
		   unsigned long granule);
bool t1x_domain_may_map_sg(const struct t1x_domains *domains,
			   unsigned long granule);
int t1x_domain_map_sg(struct t1x_domains *domains, unsigned long iova,
		      struct scatterlist *sg, unsigned int nents,
		      unsigned long npages, int prot);
void t1x_domain_unmap(struct t1x_domains *domains,
		      struct t1x_domain_range *ranges, unsigned int nr);
bool t1x_domain_find_pfn(struct t1x_domains *domains, unsigned long iova,
			 unsigned long *pfn);
struct t1x_leaves t1x_domain_leaves(const struct t1x_domains *domains,
				    unsigned long granule);
int t1x_domain_map_one(struct t1x_domain *domain, unsigned long iova,
		       unsigned long pfn, unsigned long npages, int prot,
		       const struct t1x_leaves *leaves);
unsigned long t1x_domain_unmap_one(struct t1x_domain *domain,
				   unsigned long iova, unsigned long npages);

/* Attach and detach: rwsem held for write. */
struct t1x_domain *t1x_domain_open(struct iommu_group *group, bool nesting);
void t1x_domain_close(struct t1x_domain *domain);
int t1x_domain_restrict(const struct t1x_domain *domain,
			struct t1x_iova_space *space, phys_addr_t *msi_base);
bool t1x_domain_serves_subset(const struct t1x_domains *domains,
			      const struct t1x_domain *domain);
int t1x_domain_set_subset(struct t1x_domains *domains, unsigned long subset);
int t1x_domain_join(struct t1x_domains *domains, struct t1x_domain *domain);
int t1x_domain_prepare_msi(struct t1x_domain *domain, phys_addr_t base);
void t1x_domain_add(struct t1x_domains *domains, struct t1x_domain *domain);
void t1x_domain_remove(struct t1x_domains *domains, struct t1x_domain *domain);
bool t1x_domain_detach(struct t1x_domains *domains, struct t1x_domain *domain,
		       struct iommu_group *group);
int t1x_domain_build_space(struct t1x_domains *domains,
			   const struct t1x_domain *gone,
			   struct t1x_iova_space *space);

/* Queries: rwsem or the mutex held. */
struct t1x_domain *t1x_domain_of(struct t1x_domains *domains,
				 struct iommu_group *group);
bool t1x_domain_all_coherent(struct t1x_domains *domains);
void t1x_domain_for_each_group(struct t1x_domains *domains,
			       void (*fn)(struct iommu_group *group,
					  unsigned int domain, void *data),
			       void *data);
void t1x_domain_set_seen(struct t1x_domains *domains,
			 struct iommu_group *group);

#endif /* T1X_DOMAIN_H */
