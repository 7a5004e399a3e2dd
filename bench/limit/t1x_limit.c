// SPDX-License-Identifier: GPL-2.0-only
/*
 * What MAP and UNMAP cost at least: a backend that makes the calls into GUP and
 * into the IOMMU core, as few of them as there can be, and does nothing else. It
 * checks no request, charges nobody, tracks one mapping in each container, and
 * trusts its only user, the benchmark. Never load it where a machine matters.
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
#define BATCH_PAGES 512U
#define BATCH_RUNS 512U

struct run {
	struct page *page;
	unsigned long npages;
	bool huge; /* one pin holds each folio */
};

struct container {
	struct iommu_domain *domain;
	struct run *runs;
	unsigned int nr_runs;
	unsigned int nr_mapped; /* runs */
	unsigned long iova;
	unsigned long size;
	unsigned long mapped; /* bytes */
	struct page *pages[BATCH_PAGES];
	struct scatterlist sgl[BATCH_RUNS];
};

static ssize_t map_sg(struct container *c, unsigned int nents)
{
	const int prot = IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE;

#if T1X_HAVE_MAP_GFP
	return iommu_map_sg(c->domain, c->iova + c->mapped, c->sgl, nents, prot,
			    GFP_KERNEL_ACCOUNT);
#else
	return iommu_map_sg(c->domain, c->iova + c->mapped, c->sgl, nents,
			    prot);
#endif
}

static int map_runs(struct container *c)
{
	unsigned int i, n = c->nr_runs - c->nr_mapped;
	struct run *runs = c->runs + c->nr_mapped;
	ssize_t mapped;

	if (!n)
		return 0;

	if (n == 1) {
		mapped = runs->npages << PAGE_SHIFT;
		if (t1x_compat_iommu_map(c->domain, c->iova + c->mapped,
					 page_to_phys(runs->page), mapped,
					 IOMMU_READ | IOMMU_WRITE |
						 IOMMU_CACHE))
			return -EIO;
	} else {
		sg_init_table(c->sgl, n);
		for (i = 0; i < n; i++)
			sg_set_page(&c->sgl[i], runs[i].page,
				    runs[i].npages << PAGE_SHIFT, 0);
		mapped = map_sg(c, n);
		if (mapped <= 0)
			return -EIO;
	}

	c->mapped += mapped;
	c->nr_mapped = c->nr_runs;
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
	return c->nr_runs - c->nr_mapped == BATCH_RUNS ? map_runs(c) : 0;
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
static int fill(struct container *c, unsigned long vaddr)
{
	unsigned long left = c->size >> PAGE_SHIFT;
	unsigned int want = left < BATCH_PAGES ? BATCH_PAGES : 1;
	int nr, ret = 0;

	while (left && !ret) {
		struct page *page;
		unsigned long n;

		nr = pin_user_pages_fast(vaddr,
					 min_t(unsigned long, left, want),
					 FOLL_WRITE | FOLL_LONGTERM, c->pages);
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

	return ret ?: map_runs(c);
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
		iommu_unmap(c->domain, c->iova, c->mapped);
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
	if (c->size || !c->domain)
		return -EBUSY;

	c->iova = map.iova;
	c->size = map.size;
	ret = fill(c, map.vaddr);
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

static long limit_ioctl(void *data, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_CHECK_EXTENSION:
		return arg == VFIO_TYPE1v2_IOMMU;
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(data, (void __user *)arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(data, (void __user *)arg);
	default:
		return -ENOTTY;
	}
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
	struct device *dev = NULL;
	int ret;

	iommu_group_for_each_dev(group, &dev, first_device);
	if (c->domain || !dev)
		return -EINVAL;

	c->domain = t1x_compat_domain_alloc(dev);
	ret = PTR_ERR_OR_ZERO(c->domain);
	if (!ret) {
		ret = iommu_attach_group(c->domain, group);
		if (ret)
			iommu_domain_free(c->domain);
	}
	if (ret)
		c->domain = NULL;
	return ret;
}

static void limit_detach(void *data, struct iommu_group *group)
{
	struct container *c = data;

	clear(c);
	iommu_detach_group(c->domain, group);
	iommu_domain_free(c->domain);
	c->domain = NULL;
}

static const struct vfio_iommu_driver_ops limit_ops = {
	.name = "t1x-limit",
	.owner = THIS_MODULE,
	.open = limit_open,
	.release = limit_release,
	.ioctl = limit_ioctl,
	.attach_group = limit_attach,
	.detach_group = limit_detach,
};

static int __init limit_init(void)
{
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
