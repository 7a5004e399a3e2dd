/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One IOMMU domain: a page table, and the groups that are attached to it.
 *
 * Units are bytes for IOVAs, pages of PAGE_SIZE for lengths.
 *
 * Locks: those of the list that the domain is in, see include/domains.h.
 */
#ifndef T1X_DOMAIN_H
#define T1X_DOMAIN_H

#include <linux/list.h>
#include <linux/mutex.h>
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

	/* Protected by the rwsem and the mutex of the list. */
	struct list_head next;
	struct list_head groups; /* of struct t1x_group */
};

/* A group that is attached to a domain. Protected as the list it is in. */
struct t1x_group {
	struct iommu_group *iommu_group;
	struct list_head next;
	bool seen; /* its driver pins what it dirties; protected by the mutex */
};

/* What is unmapped together with others, and flushed once. */
struct t1x_domain_range {
	unsigned long iova;
	unsigned long npages;
	unsigned long done; /* result: pages unmapped everywhere, from iova on */
};

/* Map and unmap: rwsem of the list held for read or write. */
int t1x_domain_map(struct t1x_domain *domain, unsigned long iova,
		   unsigned long pfn, unsigned long npages, int prot,
		   const struct t1x_leaves *leaves);
int t1x_domain_map_sg(struct t1x_domain *domain, unsigned long iova,
		      struct scatterlist *sg, unsigned int nents, int prot);
unsigned long t1x_domain_unmap(struct t1x_domain *domain, unsigned long iova,
			       unsigned long npages);
void t1x_domain_unmap_ranges(struct t1x_domain *domain,
			     struct t1x_domain_range *ranges, unsigned int nr);
void t1x_domain_find_pfns(struct t1x_domain *domain, unsigned long iova,
			  unsigned long *pfns, unsigned int nr);

/* A domain that is in no list yet, or no more. */
struct t1x_domain *t1x_domain_open(struct iommu_group *group, bool nesting);
void t1x_domain_close(struct t1x_domain *domain);
int t1x_domain_prepare_msi(struct t1x_domain *domain, phys_addr_t base);

/* Queries: see each. */
int t1x_domain_restrict(const struct t1x_domain *domain,
			struct t1x_iova_space *space, phys_addr_t *msi_base);
struct t1x_group *t1x_domain_find_group(const struct t1x_domain *domain,
					struct iommu_group *iommu_group);

#endif /* T1X_DOMAIN_H */
