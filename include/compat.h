/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The differences between the supported kernels. The code is written to the API
 * of 7.3; what an older kernel lacks is supplied here, under the kernel's own
 * name where only the name is missing, as t1x_compat_*() where the semantics or
 * the signature differ. No other file tests a kernel version.
 *
 * Every entry says in which release the kernel changed and what we do about it.
 * It can be deleted when the last kernel before that release is dropped.
 */
#ifndef T1X_COMPAT_H
#define T1X_COMPAT_H

#include <linux/errno.h>
#include <linux/iommu.h>
#include <linux/irqdomain.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vfio.h>

#include "alloc.h"

/* True on kernels of release @major.@minor and above. */
#define T1X_SINCE(major, minor) \
	(KERNEL_VERSION(major, minor, 0) <= LINUX_VERSION_CODE)

#if !T1X_SINCE(6, 1)
#error "vfio_iommu_type1x needs Linux 6.1 or newer"
#endif

/* 6.3: the driver ops lost their last member, notify. */
#define T1X_HAVE_OPS_NOTIFY (!T1X_SINCE(6, 3))

/* 6.3: iommu_map() and iommu_map_sg() take the gfp flags of its page tables. */
#define T1X_HAVE_MAP_GFP T1X_SINCE(6, 3)

/* 6.3: iommu_group_has_isolated_msi() replaced the remapping tests. */
#define T1X_HAVE_ISOLATED_MSI T1X_SINCE(6, 3)

/* 6.2: GUP unshares private memory that is pinned for reading only. */
#define T1X_GUP_UNSHARES T1X_SINCE(6, 2)

/* 6.5: pin_user_pages_remote() lost its array of VMAs. */
#define T1X_HAVE_PIN_NO_VMAS T1X_SINCE(6, 5)

/* 6.5: GUP never takes a reference on the zero page. */
#define T1X_GUP_PINS_ZERO (!T1X_SINCE(6, 5))

/* 6.4: untagged_addr_remote() unmasks for an mm that is not current's. */
#define T1X_HAVE_UNTAG_REMOTE T1X_SINCE(6, 4)

/* 6.11: iommu_paging_domain_alloc() takes the device, not its bus. */
#define T1X_HAVE_PAGING_ALLOC T1X_SINCE(6, 11)

/* 6.12: follow_pfnmap_start() replaced follow_pte(). */
#define T1X_HAVE_PFNMAP T1X_SINCE(6, 12)

/* 6.12: unpin_user_folio(), which spares one page the search for its folio's end. */
#define T1X_HAVE_UNPIN_FOLIO T1X_SINCE(6, 12)

/* 6.15: follow_pfnmap_start() tells the size of the leaf. */
#define T1X_HAVE_PFNMAP_MASK T1X_SINCE(6, 15)

/* 6.13: nesting was removed: the type opens as v2 and is not announced. */
#define T1X_HAVE_NESTING (!T1X_SINCE(6, 13))

/* 6.6: GET_INFO clears its struct and writes as much of it as argsz allows. */
#define T1X_INFO_TO_ARGSZ T1X_SINCE(6, 6)

/* 6.17 and the 6.12 stable series: AMD page tables grow under a sequence count. */
#define T1X_AMD_UNSAFE_GROWTH (!T1X_SINCE(6, 12))

/*
 * Tables of VT-d's own, not yet generic_pt: see t1x_compat_domain_has_vtd_tables(). Gone
 * in 7.3; a kernel between that has them no more loses nothing by it.
 */
#define T1X_HAVE_VTD_TABLES (!T1X_SINCE(7, 3))

/* 6.18: a range that wraps is EOVERFLOW, no longer EINVAL (6012379ede6a). */
#if T1X_SINCE(6, 18)
#define T1X_EWRAP EOVERFLOW
#else
#define T1X_EWRAP EINVAL
#endif

/* 7.3 has vma_is_cow_mapping() in place of is_cow_mapping(). */
#if !T1X_SINCE(7, 3)
#define vma_is_cow_mapping(vma) is_cow_mapping((vma)->vm_flags)
#endif

/* 6.9, and the stable series (6.1.100): room on the stack that is not cleared. */
#ifndef __uninitialized
#define __uninitialized
#endif

/* 7.0, and some stable series: allocation by the type of the object. */
#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp) kzalloc(sizeof(obj), gfp)
#endif

/* 6.13: the reserved name of the number that was VFIO_TYPE1_NESTING_IOMMU. */
#if T1X_HAVE_NESTING
#define __VFIO_RESERVED_TYPE1_NESTING_IOMMU VFIO_TYPE1_NESTING_IOMMU
#endif

static inline int t1x_compat_enable_nesting(struct iommu_domain *domain)
{
#if T1X_HAVE_NESTING
	return iommu_enable_nesting(domain);
#else
	return 0;
#endif
}

/* Page tables are charged to the caller's memory cgroup where they can be. */
static inline int t1x_compat_iommu_map(struct iommu_domain *domain,
				       unsigned long iova, phys_addr_t paddr,
				       size_t size, int prot)
{
#if T1X_HAVE_MAP_GFP
	return iommu_map(domain, iova, paddr, size, prot, T1X_GFP_USER);
#else
	return iommu_map(domain, iova, paddr, size, prot);
#endif
}

static inline ssize_t t1x_compat_iommu_map_sg(struct iommu_domain *domain,
					      unsigned long iova,
					      struct scatterlist *sg,
					      unsigned int nents, int prot)
{
#if T1X_HAVE_MAP_GFP
	return iommu_map_sg(domain, iova, sg, nents, prot, T1X_GFP_USER);
#else
	return iommu_map_sg(domain, iova, sg, nents, prot);
#endif
}

/* NULL before 6.11 says no more than that; in-tree type1 makes it EIO there. */
static inline struct iommu_domain *t1x_compat_domain_alloc(struct device *dev)
{
#if T1X_HAVE_PAGING_ALLOC
	return iommu_paging_domain_alloc(dev);
#else
	return iommu_domain_alloc(dev->bus) ?: ERR_PTR(-EIO);
#endif
}

#if !T1X_HAVE_ISOLATED_MSI
static inline int t1x_compat_has_intr_remap(struct device *dev, void *unused)
{
	return device_iommu_capable(dev, IOMMU_CAP_INTR_REMAP);
}

static inline bool iommu_group_has_isolated_msi(struct iommu_group *group)
{
	return irq_domain_check_msi_remap() ||
	       iommu_group_for_each_dev(group, NULL, t1x_compat_has_intr_remap);
}
#endif

static inline long t1x_compat_pin_remote(struct mm_struct *mm,
					 unsigned long start,
					 unsigned long nr_pages,
					 unsigned int gup_flags,
					 struct page **pages)
{
#if T1X_HAVE_PIN_NO_VMAS
	return pin_user_pages_remote(mm, start, nr_pages, gup_flags, pages,
				     NULL);
#else
	return pin_user_pages_remote(mm, start, nr_pages, gup_flags, pages,
				     NULL, NULL);
#endif
}

/* Put one pin of a page. May sleep, if that becomes dirty. */
static inline void t1x_compat_unpin_page(struct page *page, bool dirty)
{
	struct folio *folio = page_folio(page);

	if (dirty && !folio_test_dirty(folio))
		unpin_user_page_range_dirty_lock(page, 1, true);
	else
#if T1X_HAVE_UNPIN_FOLIO
		unpin_user_folio(folio, 1);
#else
		unpin_user_page(page);
#endif
}

#if !T1X_HAVE_UNTAG_REMOTE
#define untagged_addr_remote(mm, addr) \
	({                             \
		(void)(mm);            \
		untagged_addr(addr);   \
	})
#endif

/*
 * Look up the page table leaf of a PFNMAP: its frame, whether it can be written,
 * and the mask of addresses that the same leaf maps. A leaf counts as one page
 * where the kernel does not tell its size.
 */
static inline int t1x_compat_follow_pfnmap(struct vm_area_struct *vma,
					   unsigned long vaddr,
					   unsigned long *pfn,
					   unsigned long *mask, bool *writable)
{
#if T1X_HAVE_PFNMAP
	struct follow_pfnmap_args args = { .vma = vma, .address = vaddr };
	int ret = follow_pfnmap_start(&args);

	if (ret)
		return ret;

	*pfn = args.pfn;
	*writable = args.writable;
#if T1X_HAVE_PFNMAP_MASK
	*mask = args.addr_mask;
#else
	*mask = PAGE_MASK;
#endif
	follow_pfnmap_end(&args);
	return 0;
#else
	spinlock_t *ptl; /* of the page table that holds ptep */
	pte_t *ptep;
	int ret = follow_pte(vma->vm_mm, vaddr, &ptep, &ptl);

	if (ret)
		return ret;

	*pfn = pte_pfn(*ptep);
	*writable = pte_write(*ptep);
	*mask = PAGE_MASK;
	pte_unmap_unlock(ptep, ptl);
	return 0;
#endif
}

/*
 * May two ranges of one domain be mapped and unmapped at the same time? The
 * page tables promise it, except AMD's before 6.12, which add a level for a high
 * IOVA without telling the walkers. They are known by their odd page sizes.
 */
static inline bool t1x_compat_domain_is_parallel(struct iommu_domain *domain)
{
	return !T1X_AMD_UNSAFE_GROWTH || !(domain->pgsize_bitmap & SZ_8K);
}

/*
 * Are these VT-d's own tables? They want more care than the IOMMU API asks for:
 *
 * An unmap that cannot be gathered with those before it has these flushed, and then
 * frees the page tables of them and of itself. Its own flush comes later, and spares the
 * paging-structure caches, for there are no tables left to free: hardware that keeps
 * these walks tables that are somebody else's by then. So each call is to be flushed
 * before the next.
 *
 * A map that runs out of memory leaves what it has mapped, and says that it is nothing.
 *
 * Known by the lack of AMD's odd page sizes. Any other driver is flushed more often than
 * it needs, and asked in vain.
 */
static inline bool t1x_compat_domain_has_vtd_tables(struct iommu_domain *domain)
{
	return T1X_HAVE_VTD_TABLES && !(domain->pgsize_bitmap & SZ_8K);
}

/* How much of struct vfio_iommu_type1_info GET_INFO writes for an argsz. */
static inline size_t t1x_compat_info_size(u32 argsz)
{
	size_t caps = offsetofend(struct vfio_iommu_type1_info, cap_offset);

#if T1X_INFO_TO_ARGSZ
	return min_t(size_t, argsz, ALIGN(caps, sizeof(u64)));
#else
	return argsz >= caps ?
		       caps :
		       offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
#endif
}

#endif /* T1X_COMPAT_H */
