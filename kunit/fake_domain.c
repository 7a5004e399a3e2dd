// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake IOMMU domain. See fake_domain.h.
 *
 * iommu_map() calls map_pages any number of times and ends with iotlb_sync_map,
 * or, when map_pages fails, with an iommu_unmap() of its own. iommu_map_sg() is
 * that for each contiguous part, but ends with one iotlb_sync_map. iommu_unmap()
 * calls unmap_pages and ends with iotlb_sync. 6.1, 6.12 and 7.3 agree in this, so
 * that the calls can be told apart from below.
 */
#include <linux/delay.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "fake_domain.h"

/* In an rb-tree, because lockdep makes an xarray slow. */
struct fake_leaf {
	struct rb_node node;
	unsigned long iova;
	size_t size;
	phys_addr_t paddr;
	bool first; /* of its call of iommu_map */
	bool last;
};

struct fake_world fake;

/* The allocator of a debug kernel is what would take most of the time. */
static struct fake_leaf leaf_pool[SZ_64K];
static struct fake_leaf *free_leaves[SZ_64K];
static unsigned int nr_free_leaves;

static unsigned long leaf_last(const struct fake_leaf *leaf)
{
	return leaf->iova + (leaf->size - 1);
}

/* The lowest leaf that maps a part of a range. */
static struct fake_leaf *find_leaf(struct fake_domain *domain,
				   unsigned long iova, unsigned long last)
{
	struct rb_node *node = domain->leaves.rb_node;
	struct fake_leaf *found = NULL;

	while (node) {
		struct fake_leaf *leaf = rb_entry(node, struct fake_leaf, node);

		if (leaf_last(leaf) < iova) {
			node = node->rb_right;
		} else {
			found = leaf;
			node = node->rb_left;
		}
	}

	return found && found->iova <= last ? found : NULL;
}

static void insert_leaf(struct fake_domain *domain, struct fake_leaf *leaf)
{
	struct rb_node **link = &domain->leaves.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (leaf->iova < rb_entry(parent, struct fake_leaf, node)->iova)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&leaf->node, parent, link);
	rb_insert_color(&leaf->node, &domain->leaves);
}

static phys_addr_t translate(struct fake_domain *domain, unsigned long iova)
{
	struct fake_leaf *leaf;

#if T1X_HAVE_AMDV1
	if (domain->is_amdv1)
		return pt_iommu_amdv1_iova_to_phys(&domain->domain, iova);
#endif
	leaf = find_leaf(domain, iova, iova);
	return leaf ? leaf->paddr + (iova - leaf->iova) : 0;
}

static phys_addr_t fake_iova_to_phys(struct iommu_domain *iommu_domain,
				     dma_addr_t iova)
{
	struct fake_domain *domain = to_fake(iommu_domain);

	if (++domain->lookups == domain->fail_lookup_at)
		return 0;
	return translate(domain, iova);
}

bool fake_domain_is_mapped(struct fake_domain *domain, unsigned long iova,
			   unsigned long last)
{
	unsigned long page;

	if (!domain->is_amdv1)
		return find_leaf(domain, iova, last);

	for (page = iova >> PAGE_SHIFT; page <= last >> PAGE_SHIFT; page++) {
		if (translate(domain, page << PAGE_SHIFT))
			return true;
	}
	return false;
}

bool fake_domain_is_stale(const struct fake_domain *domain, unsigned long iova,
			  unsigned long last)
{
	return domain->stale && iova <= domain->stale_last &&
	       last >= domain->stale_iova;
}

/* The frame that @iova is mapped to, or 0; not counted as a lookup. */
unsigned long fake_domain_pfn(struct fake_domain *domain, unsigned long iova)
{
	return PHYS_PFN(translate(domain, iova));
}

/**
 * fake_domain_check() - Fail the test unless a range is mapped as it should be
 * @domain: Domain
 * @iova: First byte
 * @pfn: Frame of the first page, those of the others follow; 0 for nothing mapped
 * @npages: Length
 */
void fake_domain_check(struct fake_domain *domain, unsigned long iova,
		       unsigned long pfn, unsigned long npages)
{
	unsigned long last = iova + ((npages << PAGE_SHIFT) - 1), n;

	if (!npages)
		return;
	if (!pfn) {
		if (fake_domain_is_mapped(domain, iova, last))
			fake_complain("0x%lx-0x%lx is mapped", iova, last);
		return;
	}

	while (npages) {
		struct fake_leaf *leaf = find_leaf(domain, iova, iova);

		if (fake_domain_pfn(domain, iova) != pfn) {
			fake_complain("0x%lx is not mapped to pfn 0x%lx", iova,
				      pfn);
			return;
		}
		n = leaf ? (leaf_last(leaf) - iova + 1) >> PAGE_SHIFT : 1;
		n = min(n, npages);
		iova += n << PAGE_SHIFT;
		pfn += n;
		npages -= n;
	}
}

/* Rule P2: what is about to be unpinned is in no table and in no IOTLB. */
void fake_check_unreachable(unsigned long iova, unsigned long npages)
{
	unsigned long last = iova + ((npages << PAGE_SHIFT) - 1);
	struct fake_domain *domain;

	fake.seq++;
	list_for_each_entry(domain, &fake.domains, next) {
		if (fake_domain_is_mapped(domain, iova, last))
			fake_complain("0x%lx-0x%lx unpinned while mapped", iova,
				      last);
		if (fake_domain_is_stale(domain, iova, last))
			fake_complain("0x%lx-0x%lx unpinned before the flush",
				      iova, last);
	}
}

/* ---- Calls of iommu_map ---- */

/* Does the call map what the mapping holds, and span none of its boundaries? */
static void check_map_call(struct fake_domain *domain, unsigned long iova,
			   size_t size)
{
	unsigned long npages = size >> PAGE_SHIFT;
	unsigned long run, pfn;

	run = fake.run_at ? fake.run_at(iova, &pfn) : 0;
	if (!run)
		return;

	if (npages > run)
		fake_complain("iommu_map of 0x%lx+0x%zx spans a boundary", iova,
			      size);
	else if (!pfn) /* says nothing of its own page */
		fake_domain_check(domain, iova + PAGE_SIZE, 1, npages - 1);
	else
		fake_domain_check(domain, iova, pfn, npages);
}

static void mark_last_leaf(struct fake_domain *domain)
{
	unsigned long last = domain->call_iova + (domain->call_size - 1);
	struct fake_leaf *leaf = find_leaf(domain, last, last);

	if (leaf)
		leaf->last = true;
}

/* Part of an iommu_map_sg() is whatever does not continue what is being mapped. */
static void map_call_begin(struct fake_domain *domain, unsigned long iova,
			   phys_addr_t paddr)
{
	if (domain->mapping && paddr == domain->call_paddr + domain->call_size)
		return;

	if (domain->mapping) {
		if (iova != domain->call_iova + domain->call_size)
			fake_complain("0x%lx does not follow 0x%lx+0x%zx", iova,
				      domain->call_iova, domain->call_size);
		mark_last_leaf(domain);
		check_map_call(domain, domain->call_iova, domain->call_size);
		domain->sg_size += domain->call_size;
	} else {
		domain->sg_iova = iova;
		domain->sg_size = 0;
	}

	domain->maps++;
	domain->mapping = true;
	domain->rolling_back = false;
	domain->call_iova = iova;
	domain->call_paddr = paddr;
	domain->call_size = 0;
	if (domain->on_map)
		domain->on_map(domain, domain->data);
}

/* How much of @size may the call in progress map before it fails? */
static size_t map_call_room(const struct fake_domain *domain, size_t size)
{
	if (domain->maps != domain->fail_map_at)
		return size;

	return min(size, domain->fail_map_after > domain->call_size ?
				 domain->fail_map_after - domain->call_size :
				 0);
}

static int map_call_fail(struct fake_domain *domain)
{
	domain->mapping = false;
	if (domain->keeps_failed) {
		domain->failed_size = 0;
		domain->rolling_back = domain->sg_size;
		return -ENOMEM;
	}
	domain->rolling_back = domain->call_size || domain->sg_size;
	domain->failed_iova = domain->call_iova;
	domain->failed_size = domain->call_size;
	return -ENOMEM;
}

/* The flush fails: then all goes by one iommu_unmap. */
static int sync_map_fail(struct fake_domain *domain)
{
	domain->call_size += domain->sg_size;
	domain->call_iova = domain->sg_iova;
	domain->sg_size = 0;
	return map_call_fail(domain);
}

static void check_prot(int prot)
{
	if (!(prot & IOMMU_CACHE) || !(prot & (IOMMU_READ | IOMMU_WRITE)))
		fake_complain("mapped with prot 0x%x", prot);
}

static int map_call_end(struct fake_domain *domain, unsigned long iova,
			size_t size)
{
	if (!domain->mapping || iova != domain->sg_iova ||
	    size != domain->sg_size + domain->call_size)
		fake_complain("iotlb_sync_map of 0x%lx+0x%zx after 0x%lx+0x%zx",
			      iova, size, domain->sg_iova,
			      domain->sg_size + domain->call_size);
	if (domain->maps == domain->fail_sync_map_at)
		return sync_map_fail(domain);

	check_map_call(domain, domain->call_iova, domain->call_size);
	domain->map_syncs++;
	domain->mapping = false;
	domain->mapped_iova = iova;
	domain->mapped_size = size;
	return 0;
}

/* ---- Calls of iommu_unmap ---- */

static void unmap_call_begin(struct fake_domain *domain, unsigned long iova)
{
	if (domain->mapping)
		fake_complain("iommu_unmap at 0x%lx during an iommu_map", iova);
	if (domain->unmapping)
		return;

	domain->unmaps += !domain->rolling_back;
	domain->unmapping = true;
	domain->call_iova = iova;
	domain->call_size = 0;
}

static size_t unmap_call_room(const struct fake_domain *domain, size_t size)
{
	unsigned int nth = domain->unmaps + (domain->unmapping ? 0 : 1);
	size_t before = domain->unmapping ? domain->call_size : 0;

	if (domain->rolling_back || nth != domain->short_unmap_at)
		return size;

	return min(size, domain->short_unmap_after > before ?
				 domain->short_unmap_after - before :
				 0);
}

static void note_unmapped(struct fake_domain *domain, unsigned long iova,
			  size_t size)
{
	unsigned long last = iova + (size - 1);

	domain->call_size += size;
	domain->npages -= size >> PAGE_SHIFT;

	if (!domain->stale) {
		domain->stale = true;
		domain->stale_iova = iova;
		domain->stale_last = last;
	}
	domain->stale_iova = min(domain->stale_iova, iova);
	domain->stale_last = max(domain->stale_last, last);
}

/*
 * Was this a place to cut? Only what is still mapped beyond it can have been cut,
 * so both ends of a range need to be looked at once, when it goes.
 */
static void check_cut(unsigned long iova)
{
	unsigned long pfn;

	/* A run that goes on across the cut began before it. */
	if (fake.run_at && fake.run_at(iova - PAGE_SIZE, &pfn) > 1)
		fake_complain("iommu_unmap ends at 0x%lx, inside a run", iova);
}

static void unmap_call_end(struct fake_domain *domain)
{
	unsigned long iova = domain->call_iova;
	unsigned long last = iova + (domain->call_size - 1);

	/* First the part that failed, then those before it. */
	if (domain->rolling_back) {
		if (iova == domain->failed_iova &&
		    domain->call_size == domain->failed_size)
			domain->failed_size = 0;
		else if (!domain->failed_size && iova == domain->sg_iova &&
			 domain->call_size == domain->sg_size)
			domain->sg_size = 0;
		else
			fake_complain("a failed iommu_map left a part");
		domain->rolling_back = domain->failed_size || domain->sg_size;
		return;
	}

	/* An unmap that we made stop short was cut by us; remains of a map have no ends. */
	if (domain->unmaps == domain->short_unmap_at || domain->keeps_failed)
		return;

	if (!domain->is_amdv1 && !(domain->first_ok && domain->last_ok))
		fake_complain("iommu_unmap of 0x%lx-0x%lx cuts an iommu_map",
			      iova, last);

	/* The undo of the last call, because another domain failed, is exact. */
	if (iova == domain->mapped_iova &&
	    domain->call_size == domain->mapped_size)
		return;

	if (iova && translate(domain, iova - PAGE_SIZE))
		check_cut(iova);
	if (last != ULONG_MAX && translate(domain, last + 1))
		check_cut(last + 1);
}

static void fake_iotlb_sync(struct iommu_domain *iommu_domain,
			    struct iommu_iotlb_gather *gather)
{
	struct fake_domain *domain = to_fake(iommu_domain);

	if (domain->unmapping)
		unmap_call_end(domain);
	domain->unmapping = false;
	domain->stale = false;
	domain->syncs++;
	domain->synced_at = ++fake.seq;
#if T1X_HAVE_AMDV1
	if (domain->is_amdv1)
		iommu_put_pages_list(&gather->freelist);
#endif
}

/* ---- Tables of leaves ---- */

static int add_leaf(struct fake_domain *domain, unsigned long iova,
		    phys_addr_t paddr, size_t size)
{
	struct fake_leaf *leaf;

	if (fake_domain_is_mapped(domain, iova, iova + (size - 1))) {
		fake_complain("0x%lx+0x%zx is mapped already", iova, size);
		return -EEXIST;
	}

	if (!nr_free_leaves) {
		fake_complain("the test needs more leaves than there are");
		return -ENOMEM;
	}

	leaf = free_leaves[--nr_free_leaves];
	leaf->iova = iova;
	leaf->paddr = paddr;
	leaf->size = size;
	leaf->first = iova == domain->call_iova;
	leaf->last = false;
	insert_leaf(domain, leaf);
	domain->npages += size >> PAGE_SHIFT;
	domain->largest = max(domain->largest, size);
	domain->call_size += size;
	return 0;
}

static int fake_map_pages(struct iommu_domain *iommu_domain, unsigned long iova,
			  phys_addr_t paddr, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct fake_domain *domain = to_fake(iommu_domain);
	size_t done = 0;
	int ret = 0;

	map_call_begin(domain, iova, paddr);
	check_prot(prot);

	for (; pgcount && !ret; pgcount--) {
		if (map_call_room(domain, pgsize) < pgsize) {
			ret = map_call_fail(domain);
			break;
		}

		ret = add_leaf(domain, iova + done, paddr + done, pgsize);
		if (ret)
			map_call_fail(domain);
		else
			done += pgsize;
	}

	if (!ret || !domain->keeps_failed)
		*mapped += done;
	return ret;
}

int fake_sync_map(struct iommu_domain *iommu_domain, unsigned long iova,
		  size_t size)
{
	struct fake_domain *domain = to_fake(iommu_domain);

	mark_last_leaf(domain);
	return map_call_end(domain, iova, size);
}

static size_t fake_unmap_pages(struct iommu_domain *iommu_domain,
			       unsigned long iova, size_t pgsize,
			       size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct fake_domain *domain = to_fake(iommu_domain);
	size_t size = pgsize * pgcount, done = 0;

	domain->unmap_calls++;
	if (domain->on_unmap)
		domain->on_unmap(domain, domain->data);

	/* A call has stopped short if another one follows before the flush. */
	if (domain->unmapping &&
	    iova != domain->call_iova + domain->call_size) {
		unmap_call_end(domain);
		domain->unmapping = false;
	}

	while (done < size) {
		struct fake_leaf *leaf = find_leaf(domain, iova, iova);

		if (!leaf || unmap_call_room(domain, leaf->size) < leaf->size)
			break;
		if (leaf->iova != iova ||
		    (leaf->size > size - done && !domain->unmap_whole_leaf)) {
			fake_complain("0x%lx+0x%zx cuts the leaf at 0x%lx",
				      iova, size - done, leaf->iova);
			break;
		}

		if (!domain->unmapping)
			domain->first_ok = leaf->first;
		unmap_call_begin(domain, iova);
		domain->last_ok = leaf->last;

		rb_erase(&leaf->node, &domain->leaves);
		note_unmapped(domain, iova, leaf->size);
		done += leaf->size;
		iova += leaf->size;
		free_leaves[nr_free_leaves++] = leaf;
	}

	return done;
}

static bool fake_enforce_coherency(struct iommu_domain *domain)
{
	return to_fake(domain)->coherent;
}

void fake_domain_free(struct fake_domain *domain)
{
	struct fake_leaf *leaf, *next;

	if (domain->npages)
		fake_complain("a domain goes with %lu pages mapped",
			      domain->npages);

	rbtree_postorder_for_each_entry_safe(leaf, next, &domain->leaves, node)
		free_leaves[nr_free_leaves++] = leaf;
#if T1X_HAVE_AMDV1
	if (domain->is_amdv1)
		domain->amdv1_real_ops->deinit(&domain->amdv1.iommu);
#endif
	list_del(&domain->next);
	kfree(domain);
}

static void fake_free(struct iommu_domain *domain)
{
	struct fake_domain *fake_domain = to_fake(domain);

	if (fake_domain->on_free)
		fake_domain->on_free(fake_domain, fake_domain->data);
	fake_domain_free(fake_domain);
}

static const struct iommu_domain_ops fake_ops = {
	.map_pages = fake_map_pages,
	.unmap_pages = fake_unmap_pages,
	.iotlb_sync_map = T1X_SYNC_MAP,
	.iotlb_sync = fake_iotlb_sync,
	.iova_to_phys = fake_iova_to_phys,
	.enforce_cache_coherency = fake_enforce_coherency,
	.free = fake_free,
};

static struct fake_domain *alloc_domain(void)
{
	struct fake_domain *domain = kzalloc(sizeof(*domain), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(fake.test, domain);
	domain->leaves = RB_ROOT;
	list_add_tail(&domain->next, &fake.domains);
	return domain;
}

/**
 * fake_domain_new() - A domain whose tables are ours
 * @pgsizes: The page sizes of its hardware
 *
 * Return: The domain; the test fails if there is no memory for it.
 */
struct fake_domain *fake_domain_new(unsigned long pgsizes)
{
	struct fake_domain *domain = alloc_domain();

	domain->domain.type = IOMMU_DOMAIN_UNMANAGED;
	domain->domain.ops = &fake_ops;
	domain->domain.pgsize_bitmap = pgsizes;
	domain->domain.geometry.aperture_end = FAKE_APERTURE;
	domain->domain.geometry.force_aperture = true;
	return domain;
}

/* ---- A real table ---- */

#if T1X_HAVE_AMDV1
static int amdv1_map_range(struct pt_iommu *iommu, dma_addr_t iova,
			   phys_addr_t paddr, dma_addr_t len, unsigned int prot,
			   gfp_t gfp, size_t *mapped)
{
	struct fake_domain *domain = to_fake(&iommu->domain);
	const struct pt_iommu_ops *ops = domain->amdv1_real_ops;
	size_t room, before = *mapped;
	int ret = 0;

	map_call_begin(domain, iova, paddr);
	check_prot(prot);

	room = map_call_room(domain, len);
	if (room)
		ret = ops->map_range(iommu, iova, paddr, room, prot, gfp,
				     mapped);
	domain->call_size += *mapped - before;
	domain->npages += (*mapped - before) >> PAGE_SHIFT;
	if (ret || room < len) {
		map_call_fail(domain);
		return ret ?: -ENOMEM;
	}
	return 0;
}

static size_t amdv1_unmap_range(struct pt_iommu *iommu, dma_addr_t iova,
				dma_addr_t len,
				struct iommu_iotlb_gather *gather)
{
	struct fake_domain *domain = to_fake(&iommu->domain);
	size_t room = unmap_call_room(domain, len);
	size_t done;

	if (!room)
		return 0;

	unmap_call_begin(domain, iova);
	done = domain->amdv1_real_ops->unmap_range(iommu, iova, room, gather);
	if (done > room)
		fake_complain("0x%lx+0x%zx cut a leaf: 0x%zx unmapped",
			      (unsigned long)iova, room, done);
	note_unmapped(domain, iova, done);
	return done;
}

static void amdv1_change_top(struct pt_iommu *iommu, phys_addr_t top,
			     unsigned int level)
{
}

static spinlock_t *amdv1_get_top_lock(struct pt_iommu *iommu)
{
	return &to_fake(&iommu->domain)->amdv1_top_lock;
}

static const struct pt_iommu_driver_ops amdv1_driver_ops = {
	.change_top = amdv1_change_top,
	.get_top_lock = amdv1_get_top_lock,
};

static int amdv1_sync_map(struct iommu_domain *domain, unsigned long iova,
			  size_t size)
{
	return map_call_end(to_fake(domain), iova, size);
}

static const struct iommu_domain_ops amdv1_ops = {
	.iotlb_sync_map = amdv1_sync_map,
	.iotlb_sync = fake_iotlb_sync,
	.iova_to_phys = fake_iova_to_phys,
	.enforce_cache_coherency = fake_enforce_coherency,
	.free = fake_free,
};

/**
 * fake_domain_new_amdv1() - A domain on a real AMD v1 table, without hardware
 *
 * Return: The domain, or NULL where the kernel has no such table to offer.
 */
struct fake_domain *fake_domain_new_amdv1(void)
{
	const struct pt_iommu_amdv1_cfg cfg = {
		.common.features = BIT(PT_FEAT_DYNAMIC_TOP) |
				   BIT(PT_FEAT_FLUSH_RANGE) |
				   BIT(PT_FEAT_AMDV1_ENCRYPT_TABLES) |
				   BIT(PT_FEAT_AMDV1_FORCE_COHERENCE),
		.common.hw_max_vasz_lg2 = 64,
		.common.hw_max_oasz_lg2 = 52,
		.starting_level = 2,
	};
	struct fake_domain *domain = alloc_domain();
	struct pt_iommu *iommu = &domain->amdv1.iommu;
	int ret;

	domain->domain.type = IOMMU_DOMAIN_UNMANAGED;
	domain->domain.ops = &amdv1_ops;
	spin_lock_init(&domain->amdv1_top_lock);
	iommu->nid = NUMA_NO_NODE;
	iommu->driver_ops = &amdv1_driver_ops;
	ret = pt_iommu_amdv1_init(&domain->amdv1, &cfg, GFP_KERNEL);
	KUNIT_ASSERT_EQ(fake.test, 0, ret);

	domain->is_amdv1 = true;
	domain->amdv1_real_ops = iommu->ops;
	domain->amdv1_ops = *iommu->ops;
	domain->amdv1_ops.map_range = amdv1_map_range;
	domain->amdv1_ops.unmap_range = amdv1_unmap_range;
	iommu->ops = &domain->amdv1_ops;
	return domain;
}

MODULE_IMPORT_NS("GENERIC_PT_IOMMU");
/* A real table tells its leaves by how much goes when one page is unmapped. */
static size_t amdv1_leaf_size(struct fake_domain *domain, unsigned long iova)
{
	const struct pt_iommu_ops *ops = domain->amdv1_real_ops;
	phys_addr_t paddr = translate(domain, iova);
	struct iommu_iotlb_gather gather;
	size_t size, mapped = 0;

	iommu_iotlb_gather_init(&gather);
	size = ops->unmap_range(&domain->amdv1.iommu, iova, PAGE_SIZE, &gather);
	iommu_put_pages_list(&gather.freelist);
	if (size && ops->map_range(&domain->amdv1.iommu, iova, paddr, size,
				   IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
				   GFP_KERNEL, &mapped))
		fake_complain("0x%lx+0x%zx cannot be mapped again", iova, size);
	return size;
}
#else
struct fake_domain *fake_domain_new_amdv1(void)
{
	return NULL;
}

static size_t amdv1_leaf_size(struct fake_domain *domain, unsigned long iova)
{
	return 0;
}
#endif

/* The size of the leaf that begins at @iova, or 0. */
static size_t leaf_size(struct fake_domain *domain, unsigned long iova)
{
	struct fake_leaf *leaf;

	if (domain->is_amdv1)
		return amdv1_leaf_size(domain, iova);

	leaf = find_leaf(domain, iova, iova);
	return leaf && leaf->iova == iova ? leaf->size : 0;
}

/**
 * fake_domain_check_leaves() - Fail the test if a range has a leaf that it may not
 * @domain: Domain
 * @iova: First byte, where a leaf begins
 * @npages: Length, all of it mapped; the last leaf ends with it
 * @allowed: Bitmap of the sizes that leaves may have
 *
 * Return: The number of leaves.
 */
unsigned int fake_domain_check_leaves(struct fake_domain *domain,
				      unsigned long iova, unsigned long npages,
				      unsigned long allowed)
{
	unsigned int nr = 0;

	while (npages) {
		size_t size = leaf_size(domain, iova);

		if (!(size & allowed) || size >> PAGE_SHIFT > npages) {
			fake_complain("leaf of 0x%zx at 0x%lx, allowed 0x%lx",
				      size, iova, allowed);
			return 0;
		}
		iova += size;
		npages -= size >> PAGE_SHIFT;
		nr++;
	}

	return nr;
}

struct fake_domain *fake_domain_new_kind(const struct fake_kind *kind)
{
	return kind->amdv1 ? fake_domain_new_amdv1() :
			     fake_domain_new(kind->pgsizes);
}

/* Pages of IOMMU tables; nobody else makes any while the tests run. */
static unsigned long count_tables(void)
{
#if T1X_HAVE_AMDV1
	return global_node_page_state(NR_SECONDARY_PAGETABLE);
#else
	return 0;
#endif
}

/*
 * The counters of the CPUs take a second or two to come together: what the test before
 * has freed may have been in the count when this one began.
 */
static void check_tables(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 50 && count_tables() > fake.nr_tables; i++)
		msleep(100);
	KUNIT_EXPECT_LE(test, count_tables(), fake.nr_tables);
}

/* ---- The world ---- */

/**
 * fake_init() - Begin a test
 * @test: Test
 *
 * Return: 0, as the init of a suite.
 */
int fake_init(struct kunit *test)
{
	unsigned int i;

	fake = (struct fake_world){ .test = test, .nr_tables = count_tables() };
	INIT_LIST_HEAD(&fake.domains);
	fake_alloc = (struct fake_alloc){};
	for (i = 0; i < ARRAY_SIZE(leaf_pool); i++)
		free_leaves[i] = &leaf_pool[i];
	nr_free_leaves = ARRAY_SIZE(leaf_pool);
	return 0;
}

/**
 * fake_exit() - End a test: fail it if anything was left behind
 * @test: Test
 */
void fake_exit(struct kunit *test)
{
	struct fake_domain *domain, *next;

	KUNIT_EXPECT_EQ(test, 0L, fake_alloc.live);
	KUNIT_EXPECT_TRUE(test, list_empty(&fake.domains));
	list_for_each_entry_safe(domain, next, &fake.domains, next)
		fake_domain_free(domain);
	check_tables(test);
	fake.run_at = NULL;
}
