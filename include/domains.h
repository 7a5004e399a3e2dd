/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOMMU domains of a container. All of them map the same memory at the same
 * IOVAs.
 *
 * Units are bytes for IOVAs, pages of PAGE_SIZE for lengths.
 *
 * Locks: the rwsem keeps the list of domains and what is mapped in them together.
 * Held for read, ranges that do not overlap may be mapped and unmapped at the
 * same time; held for write, nobody does, and domains come and go. The list is
 * changed under the rwsem for write and the owner's mutex, so either is enough to
 * read it.
 */
#ifndef T1X_DOMAINS_H
#define T1X_DOMAINS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/types.h>

#include "domain.h"

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
int t1x_domains_map(struct t1x_domains *domains, unsigned long iova,
		    unsigned long pfn, unsigned long npages, int prot,
		    unsigned long granule);
bool t1x_domains_may_map_sg(const struct t1x_domains *domains,
			    unsigned long granule);
int t1x_domains_map_sg(struct t1x_domains *domains, unsigned long iova,
		       struct scatterlist *sg, unsigned int nents,
		       unsigned long npages, int prot);
void t1x_domains_unmap(struct t1x_domains *domains,
		       struct t1x_domain_range *ranges, unsigned int nr);
unsigned long t1x_domains_unmap_range(struct t1x_domains *domains,
				      unsigned long iova, unsigned long npages);
bool t1x_domains_find_pfn(struct t1x_domains *domains, unsigned long iova,
			  unsigned long *pfn);
void t1x_domains_find_pfns(struct t1x_domains *domains, unsigned long iova,
			   unsigned long *pfns, unsigned int nr);
struct t1x_leaves t1x_domains_leaves(const struct t1x_domains *domains,
				     unsigned long granule);

/* Attach and detach: rwsem held for write. */
bool t1x_domains_may_add(const struct t1x_domains *domains,
			 const struct t1x_domain *domain);
int t1x_domains_set_subset(struct t1x_domains *domains, unsigned long subset);
int t1x_domains_join(struct t1x_domains *domains, struct t1x_domain *domain);
void t1x_domains_add(struct t1x_domains *domains, struct t1x_domain *domain);
void t1x_domains_remove(struct t1x_domains *domains, struct t1x_domain *domain);
bool t1x_domains_detach(struct t1x_domains *domains, struct t1x_domain *domain,
			struct iommu_group *group);
int t1x_domains_build_space(struct t1x_domains *domains,
			    const struct t1x_domain *gone,
			    struct t1x_iova_space *space);

/* Queries: rwsem or the mutex held. */
struct t1x_domain *t1x_domains_find(struct t1x_domains *domains,
				    struct iommu_group *group);
bool t1x_domains_all_coherent(struct t1x_domains *domains);
void t1x_domains_for_each_group(struct t1x_domains *domains,
				void (*fn)(struct iommu_group *group,
					   unsigned int domain, void *data),
				void *data);
void t1x_domains_set_seen(struct t1x_domains *domains,
			  struct iommu_group *group);

#endif /* T1X_DOMAINS_H */
