/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An IOMMU domain without an IOMMU, under the kernel's own iommu_map(),
 * iommu_unmap() and iommu_iova_to_phys(). It keeps one entry for each leaf, knows
 * where the calls of iommu_map began and ended, and complains whenever a caller
 * does what hardware would not forgive. On kernels with generic page tables the
 * same observations are made of a real AMD v1 table.
 *
 * "fake" is the world of one test: all its domains, memory and pins. One test runs
 * at a time. fake_init() and fake_exit() belong to the init and exit of a suite;
 * fake_exit() fails the test if anything is left.
 */
#ifndef T1X_FAKE_DOMAIN_H
#define T1X_FAKE_DOMAIN_H

#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/sizes.h>

#include "compat.h"

/* No struct page is above it on any test machine, and it is never 0. */
#define FAKE_PFN BIT(28)

#define FAKE_PGSIZES_VTD (SZ_4K | SZ_2M | SZ_1G)
#define FAKE_PGSIZES_4K ((unsigned long)SZ_4K)

/* The tables that a parametrised case runs on. */
struct fake_kind {
	const char *name;
	unsigned long pgsizes;
	bool amdv1;
};

static const struct fake_kind fake_kinds[] = {
	{ "vtd", FAKE_PGSIZES_VTD, false },
	{ "4k", FAKE_PGSIZES_4K, false },
	{ "small", SZ_4K | SZ_32K | SZ_256K, false },
#if T1X_HAVE_AMDV1
	{ "amdv1", 0, true },
#endif
};

static inline void fake_kind_describe(const struct fake_kind *kind, char *desc)
{
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
}

/* The table of a case that is not parametrised is the first one. */
static inline const struct fake_kind *fake_kind_of(struct kunit *test)
{
	return test->param_value ?: fake_kinds;
}

/* The whole 64-bit space. */
#define FAKE_APERTURE ULONG_MAX

struct fake_domain {
	union {
		struct iommu_domain domain;
#if T1X_HAVE_AMDV1
		struct pt_iommu_amdv1 amdv1;
#endif
	};
	struct list_head next; /* in fake.domains */
	struct rb_root leaves;
	bool is_amdv1;
	bool coherent; /* what enforce_cache_coherency says */

	/* Faults. Calls count from 1; 0 is never. */
	unsigned int fail_map_at; /* this iommu_map fails ... */
	size_t fail_map_after; /* ... when it has mapped so much */
	bool keeps_failed; /* like VT-d: that stays, and the call has mapped nothing */
	unsigned int fail_sync_map_at; /* this iommu_map fails at its end */
	unsigned int short_unmap_at; /* this iommu_unmap stops ... */
	size_t short_unmap_after; /* ... when it has unmapped so much */
	unsigned int fail_lookup_at; /* this iova_to_phys finds nothing */
	bool unmap_whole_leaf; /* like VT-d: unmap more than was asked */

	/* Called first thing in each iommu_map, unmap_pages and free, when set. */
	void (*on_map)(struct fake_domain *domain, void *data);
	void (*on_unmap)(struct fake_domain *domain, void *data);
	void (*on_free)(struct fake_domain *domain, void *data);
	void *data;

	/* What happened. */
	unsigned int maps; /* calls of iommu_map, or parts of iommu_map_sg */
	unsigned int map_syncs; /* such calls that ended well */
	unsigned int unmaps; /* calls of iommu_unmap; neighbours are one */
	unsigned int unmap_calls; /* what the table was told by them */
	unsigned int syncs;
	unsigned int lookups;
	unsigned long npages; /* mapped now */
	size_t largest; /* leaf so far, in bytes */
	unsigned long synced_at; /* fake.seq of the last flush */

	/* The call in progress. */
	bool mapping;
	bool unmapping;
	bool rolling_back; /* the next iommu_unmap is iommu_map's own */
	bool first_ok;
	bool last_ok;
	unsigned long call_iova;
	phys_addr_t call_paddr;
	size_t call_size;
	unsigned long sg_iova; /* what the same iommu_map_sg mapped before it */
	size_t sg_size;
	unsigned long failed_iova;
	size_t failed_size;
	unsigned long mapped_iova; /* the last one that succeeded */
	size_t mapped_size;

	/* Unmapped, but still in the IOTLB: all inside this range. */
	bool stale;
	unsigned long stale_iova;
	unsigned long stale_last;

#if T1X_HAVE_AMDV1
	struct pt_iommu_ops amdv1_ops;
	const struct pt_iommu_ops *amdv1_real_ops;
	spinlock_t amdv1_top_lock; /* held while the table grows */
#endif
};

/* The allocations of the production files, see fake_alloc.h. */
struct fake_alloc {
	unsigned int calls;
	unsigned int fail_at; /* this call returns NULL; 0 is never */
	long live;
	size_t size; /* of the last kvzalloc() */
};

extern struct fake_alloc fake_alloc;

struct fake_world {
	struct kunit *test;
	struct list_head domains;
	unsigned long seq; /* counts flushes and unpins */
	unsigned long nr_complaints;
	unsigned long nr_tables; /* pages of real tables, at first */

	/*
	 * How many pages the same mapping holds contiguously from @iova on, and
	 * where they begin; 0 if nobody knows. Set by fake_pin.c.
	 */
	unsigned long (*run_at)(unsigned long iova, unsigned long *pfn);
};

extern struct fake_world fake;

/* Fail the running test, but do not flood its log. */
#define fake_complain(fmt, ...)                                    \
	do {                                                       \
		if (fake.nr_complaints++ < 8)                      \
			KUNIT_FAIL(fake.test, fmt, ##__VA_ARGS__); \
	} while (0)

int fake_init(struct kunit *test);
void fake_exit(struct kunit *test);

struct fake_domain *fake_domain_new(unsigned long pgsizes);
struct fake_domain *fake_domain_new_amdv1(void);
struct fake_domain *fake_domain_new_kind(const struct fake_kind *kind);
void fake_domain_free(struct fake_domain *domain);
bool fake_domain_is_mapped(struct fake_domain *domain, unsigned long iova,
			   unsigned long last);
bool fake_domain_is_stale(const struct fake_domain *domain, unsigned long iova,
			  unsigned long last);
void fake_domain_check(struct fake_domain *domain, unsigned long iova,
		       unsigned long pfn, unsigned long npages);
unsigned long fake_domain_pfn(struct fake_domain *domain, unsigned long iova);
unsigned int fake_domain_check_leaves(struct fake_domain *domain,
				      unsigned long iova, unsigned long npages,
				      unsigned long allowed);
void fake_check_unreachable(unsigned long iova, unsigned long npages);

static inline struct fake_domain *to_fake(struct iommu_domain *domain)
{
	return container_of(domain, struct fake_domain, domain);
}

#endif /* T1X_FAKE_DOMAIN_H */
