// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the calls cost at least: a backend that makes the calls into GUP, into the
 * IOMMU core and to the user's memory, as few of them as there can be, and does
 * nothing else. It checks no request, charges nobody, knows MAPs only as one range
 * that grows at its end and goes by one UNMAP, and trusts its only user, the
 * benchmark. Never load it where a machine matters.
 */
#include <linux/hugetlb.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "vfio_driver_ops.h"

#include "compat.h"

#define MAX_RUNS 65536U
#define MAX_MEMBERS 2U
#define BATCH_PAGES 512U
#define BATCH_RUNS 512U
#define PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)
#define GUP_FLAGS (FOLL_WRITE | FOLL_LONGTERM)

struct run {
	struct page *page;
	unsigned long npages;
	bool huge; /* one pin holds each folio */
};

/* A group with an IOMMU, alone in its domain. */
struct member {
	struct iommu_group *group;
	struct iommu_domain *domain;
};

struct container {
	struct member
		members[MAX_MEMBERS]; /* the first is mapped, others replayed */
	unsigned int nr_members;
	unsigned long iova;
	unsigned long size;
	unsigned long mapped; /* bytes */
	struct run *runs;
	unsigned int nr_runs;
	unsigned int nr_mapped; /* runs */
	unsigned long vaddr; /* where emulated devices pin */
	struct page *pages[BATCH_PAGES];
	struct scatterlist sgl[BATCH_RUNS];
};

/* What reports copy to the user. */
static u8 ones[PAGE_SIZE];

/* Map runs that follow each other by one call. Return: bytes, or an errno. */
static ssize_t map_runs(struct container *c, struct iommu_domain *domain,
			unsigned long iova, const struct run *runs,
			unsigned int n)
{
	ssize_t size = runs->npages << PAGE_SHIFT;
	phys_addr_t phys = page_to_phys(runs->page);
	unsigned int i;
	int ret;

	if (n == 1) {
		ret = t1x_compat_iommu_map(domain, iova, phys, size, PROT);
		return ret ?: size;
	}

	sg_init_table(c->sgl, n);
	for (i = 0; i < n; i++)
		sg_set_page(&c->sgl[i], runs[i].page,
			    runs[i].npages << PAGE_SHIFT, 0);
	return t1x_compat_iommu_map_sg(domain, iova, c->sgl, n, PROT);
}

/* Map what was pinned since. */
static int map_new(struct container *c)
{
	unsigned int n = c->nr_runs - c->nr_mapped;
	ssize_t size;

	if (!n)
		return 0;

	size = map_runs(c, c->members[0].domain, c->iova + c->mapped,
			c->runs + c->nr_mapped, n);
	if (size <= 0)
		return -EIO;

	c->mapped += size;
	c->nr_mapped = c->nr_runs;
	return 0;
}

/* Map all of it in a second domain. */
static int replay(struct container *c, struct iommu_domain *domain)
{
	unsigned long done = 0;
	unsigned int i, n;
	ssize_t size;

	for (i = 0; i < c->nr_runs; i += n, done += size) {
		n = min(c->nr_runs - i, BATCH_RUNS);
		size = map_runs(c, domain, c->iova + done, c->runs + i, n);
		if (size > 0)
			continue;
		if (done)
			iommu_unmap(domain, c->iova, done);
		return -EIO;
	}
	return 0;
}

static int add_run(struct container *c, struct page *page, unsigned long npages,
		   bool huge)
{
	struct run *run = &c->runs[c->nr_runs - 1];

	/* Those that are mapped have ended. */
	if (c->nr_runs > c->nr_mapped && run->huge == huge &&
	    run->page + run->npages == page) {
		run->npages += npages;
		return 0;
	}
	if (c->nr_runs == MAX_RUNS)
		return -ENOMEM;

	run = &c->runs[c->nr_runs++];
	run->page = page;
	run->npages = npages;
	run->huge = huge;
	return c->nr_runs - c->nr_mapped == BATCH_RUNS ? map_new(c) : 0;
}

static int add_batch(struct container *c, unsigned int nr)
{
	struct page **pages = c->pages, **end = pages + nr;
	int ret = 0;

	while (pages < end && !ret) {
		struct page *first = *pages, *next = first + 1;

		while (++pages < end && *pages == next)
			next++;
		ret = add_run(c, first, next - first, false);
	}
	return ret;
}

/* Of hugetlb pages one at a time is enough, so the first call is for one. */
static int fill(struct container *c, unsigned long vaddr, unsigned long left)
{
	unsigned int want = left < BATCH_PAGES ? BATCH_PAGES : 1;
	int nr, ret = 0;

	while (left && !ret) {
		struct page *page;
		unsigned long n;

		nr = pin_user_pages_fast(vaddr,
					 min_t(unsigned long, left, want),
					 GUP_FLAGS, c->pages);
		if (nr <= 0)
			return nr ?: -EFAULT;

		page = c->pages[0];
		n = nr;
		if (PageHuge(page)) {
			unpin_user_pages(c->pages + 1, nr - 1);
			n = folio_nr_pages(page_folio(page)) -
			    folio_page_idx(page_folio(page), page);
			n = min(n, left);
			ret = add_run(c, page, n, true);
			want = 1;
		} else {
			ret = add_batch(c, nr);
			want = BATCH_PAGES;
		}
		vaddr += n << PAGE_SHIFT;
		left -= n;
	}

	return ret ?: map_new(c);
}

/*
 * The frames of a BAR, which is one run: as often as the kernel must be asked.
 * Return: the first one, or 0.
 */
static unsigned long follow_bar(struct vm_area_struct *vma, unsigned long vaddr,
				unsigned long end)
{
	unsigned long first = 0, next = 0, pfn, mask;
	bool writable;

	while (vaddr < end) {
		if (t1x_compat_follow_pfnmap(vma, vaddr, &pfn, &mask,
					     &writable)) {
			if (fixup_user_fault(vma->vm_mm, vaddr,
					     FAULT_FLAG_WRITE, NULL))
				return 0;
			continue;
		}
		if (first && pfn != next)
			return 0;

		first = first ?: pfn;
		next = pfn + ((~mask - (vaddr & ~mask) + 1) >> PAGE_SHIFT);
		vaddr = (vaddr | ~mask) + 1;
	}
	return first;
}

/* What GUP refuses: it has no pages, so there is nothing to unpin either. */
static int fill_bar(struct container *c, unsigned long vaddr,
		    unsigned long size)
{
	struct vm_area_struct *vma;
	unsigned long pfn = 0;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, vaddr);
	if (vma && vma->vm_flags & VM_PFNMAP && vaddr + size <= vma->vm_end)
		pfn = follow_bar(vma, vaddr, vaddr + size);
	mmap_read_unlock(current->mm);
	if (!pfn)
		return -EFAULT;

	if (t1x_compat_iommu_map(c->members[0].domain, c->iova + c->mapped,
				 PFN_PHYS(pfn), size, PROT))
		return -EIO;
	c->mapped += size;
	return 0;
}

static void release_run(const struct run *run)
{
	struct page *page = run->page, *end = page + run->npages;
	struct folio *folio;

	if (!run->huge) {
		unpin_user_page_range_dirty_lock(page, run->npages, true);
		return;
	}
	while (page < end) {
		folio = page_folio(page);
		unpin_user_page_range_dirty_lock(page, 1, true);
		page += folio_nr_pages(folio) - folio_page_idx(folio, page);
	}
}

static void clear(struct container *c)
{
	unsigned int i;

	if (c->mapped)
		iommu_unmap(c->members[0].domain, c->iova, c->mapped);
	for (i = 0; i < c->nr_runs; i++)
		release_run(&c->runs[i]);
	c->nr_runs = 0;
	c->nr_mapped = 0;
	c->mapped = 0;
	c->size = 0;
}

static long map_dma(struct container *c, void __user *arg)
{
	struct vfio_iommu_type1_dma_map map;
	int ret;

	if (copy_from_user(&map, arg, sizeof(map)))
		return -EFAULT;
	if (c->nr_members > 1 || (c->size && map.iova != c->iova + c->size))
		return -EBUSY;

	if (!c->size)
		c->iova = map.iova;
	c->size += map.size;
	/* Emulated devices pin what they want themselves. */
	if (!c->nr_members) {
		c->vaddr = map.vaddr;
		return 0;
	}

	ret = fill(c, map.vaddr, map.size >> PAGE_SHIFT);
	if (ret == -EFAULT)
		ret = fill_bar(c, map.vaddr, map.size);
	if (ret)
		clear(c);
	return ret;
}

static long unmap_dma(struct container *c, void __user *arg)
{
	struct vfio_iommu_type1_dma_unmap unmap;
	const size_t size = offsetofend(typeof(unmap), size);

	if (copy_from_user(&unmap, arg, size))
		return -EFAULT;
	if (unmap.iova != c->iova || unmap.size != c->size)
		return -EINVAL;

	clear(c);
	return copy_to_user(arg, &unmap, size) ? -EFAULT : 0;
}

/* START and STOP have nothing to do; to a report, all is dirty. */
static long dirty_pages(void __user *arg)
{
	struct vfio_iommu_type1_dirty_bitmap dirty;
	struct vfio_iommu_type1_dirty_bitmap_get get;
	u64 done;

	if (copy_from_user(&dirty, arg, sizeof(dirty)))
		return -EFAULT;
	if (!(dirty.flags & VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP))
		return 0;
	if (copy_from_user(&get, arg + sizeof(dirty), sizeof(get)))
		return -EFAULT;

	for (done = 0; done < get.bitmap.size; done += PAGE_SIZE) {
		if (copy_to_user((u8 __user *)get.bitmap.data + done, ones,
				 min_t(u64, get.bitmap.size - done, PAGE_SIZE)))
			return -EFAULT;
	}
	return 0;
}

static long limit_ioctl(void *data, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_CHECK_EXTENSION:
		return arg == VFIO_TYPE1v2_IOMMU;
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(data, (void __user *)arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(data, (void __user *)arg);
	case VFIO_IOMMU_DIRTY_PAGES:
		return dirty_pages((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static int limit_pin(void *data, struct iommu_group *group, dma_addr_t iova,
		     int npage, int prot, struct page **pages)
{
	struct container *c = data;
	unsigned long offset = iova - c->iova;
	unsigned long first = offset >> PAGE_SHIFT;
	int nr;

	if (first + npage > BATCH_PAGES)
		return -EINVAL;

	nr = pin_user_pages_fast(c->vaddr + offset, npage, GUP_FLAGS, pages);
	if (nr < npage) {
		if (nr > 0)
			unpin_user_pages(pages, nr);
		return -EFAULT;
	}
	memcpy(&c->pages[first], pages, npage * sizeof(*pages));
	return npage;
}

static void limit_unpin(void *data, dma_addr_t iova, int npage)
{
	struct container *c = data;

	unpin_user_pages_dirty_lock(&c->pages[(iova - c->iova) >> PAGE_SHIFT],
				    npage, true);
}

static void *limit_open(unsigned long type)
{
	struct container *c = kvzalloc(sizeof(*c), GFP_KERNEL);

	if (c)
		c->runs = kvcalloc(MAX_RUNS, sizeof(*c->runs), GFP_KERNEL);
	if (c && c->runs)
		return c;

	kvfree(c);
	return ERR_PTR(-ENOMEM);
}

static void limit_release(void *data)
{
	struct container *c = data;

	kvfree(c->runs);
	kvfree(c);
}

static int first_device(struct device *dev, void *data)
{
	*(struct device **)data = dev;
	return 1;
}

static int limit_attach(void *data, struct iommu_group *group,
			enum vfio_group_type type)
{
	struct container *c = data;
	struct iommu_domain *domain;
	struct device *dev = NULL;
	int ret;

	if (type == VFIO_EMULATED_IOMMU)
		return 0;

	iommu_group_for_each_dev(group, &dev, first_device);
	if (c->nr_members == MAX_MEMBERS || !dev)
		return -EINVAL;

	domain = t1x_compat_domain_alloc(dev);
	if (IS_ERR(domain))
		return PTR_ERR(domain);

	ret = iommu_attach_group(domain, group);
	if (ret)
		goto err_free;

	ret = replay(c, domain);
	if (ret)
		goto err_detach;

	c->members[c->nr_members++] =
		(struct member){ .group = group, .domain = domain };
	return 0;

err_detach:
	iommu_detach_group(domain, group);
err_free:
	iommu_domain_free(domain);
	return ret;
}

static void limit_detach(void *data, struct iommu_group *group)
{
	struct container *c = data;
	struct member *member = c->members, *end = member + c->nr_members;

	while (member < end && member->group != group)
		member++;
	if (member == end)
		return;

	/* The last one takes what is mapped with it. */
	if (c->nr_members == 1)
		clear(c);
	else if (c->mapped)
		iommu_unmap(member->domain, c->iova, c->mapped);
	iommu_detach_group(member->domain, group);
	iommu_domain_free(member->domain);
	*member = end[-1];
	c->nr_members--;
}

static const struct vfio_iommu_driver_ops limit_ops = {
	.name = "t1x-limit",
	.owner = THIS_MODULE,
	.open = limit_open,
	.release = limit_release,
	.ioctl = limit_ioctl,
	.attach_group = limit_attach,
	.detach_group = limit_detach,
	.pin_pages = limit_pin,
	.unpin_pages = limit_unpin,
};

static int __init limit_init(void)
{
	memset(ones, 0xff, sizeof(ones));
	return vfio_register_iommu_driver(&limit_ops);
}

static void __exit limit_exit(void)
{
	vfio_unregister_iommu_driver(&limit_ops);
}

module_init(limit_init);
module_exit(limit_exit);
MODULE_DESCRIPTION("Benchmark only: the bare calls of MAP and UNMAP");
MODULE_LICENSE("GPL");
