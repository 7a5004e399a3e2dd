// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the type1 uAPI. See include/uapi.h.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/vfio.h>
#include <uapi/linux/vfio_type1x.h>

#include "call.h"
#include "dirty_bitmap.h"
#include "uapi.h"

#include "compat.h"

/* In the order of 7.3; before 6.18 all of this is EINVAL anyway. */
static bool wraps(u64 start, u64 size)
{
	return start + (size - 1) < start;
}

static int refuse_wrap(struct t1x_call *call)
{
	return t1x_call_fail(call, -T1X_EWRAP, T1X_REASON_WRAP);
}

static int refuse_alignment(struct t1x_call *call, enum t1x_field field,
			    unsigned long pgsize)
{
	return t1x_call_fail_with(call, -EINVAL, T1X_REASON_ALIGNMENT, field,
				  pgsize, 0);
}

/* The header that requests have in common. Return: 0 or -EINVAL. */
static int check_head(u32 argsz, size_t size, u32 flags, u32 known,
		      struct t1x_call *call)
{
	if (argsz < size)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_ARGSZ);
	if (flags & ~known)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_FLAGS);
	return 0;
}

static int prot_of(u32 flags)
{
	int prot = 0;

	/* VFIO_TYPE1X_MAP_FLAG_* has the same values. */
	if (flags & VFIO_DMA_MAP_FLAG_READ)
		prot |= IOMMU_READ;
	if (flags & VFIO_DMA_MAP_FLAG_WRITE)
		prot |= IOMMU_WRITE;
	return prot;
}

/**
 * t1x_uapi_check_map() - Check a VFIO_IOMMU_MAP_DMA request
 * @req: Request, copied from the user
 * @pgsize: Smallest IOMMU page size of the container, in bytes
 * @args: Result; its call is set by the caller
 *
 * Semantics: struct vfio_iommu_type1_dma_map in the uAPI header.
 *
 * Return: 0; -EINVAL on a short argsz, an unknown flag, no permission (any, beside
 * VFIO_DMA_MAP_FLAG_VADDR), an empty range or one that is not aligned to @pgsize;
 * -EOVERFLOW (-EINVAL before 6.18) if the range of IOVAs or of addresses wraps.
 */
int t1x_uapi_check_map(const struct vfio_iommu_type1_dma_map *req,
		       unsigned long pgsize, struct t1x_uapi_map *args)
{
	const u32 known = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE |
			  VFIO_DMA_MAP_FLAG_VADDR;
	const u32 prot = req->flags & ~VFIO_DMA_MAP_FLAG_VADDR;
	struct t1x_call *call = args->call;
	int ret;

	ret = check_head(req->argsz,
			 offsetofend(struct vfio_iommu_type1_dma_map, size),
			 req->flags, known, call);
	if (ret)
		return ret;

	if (!req->size)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_RANGE);
	t1x_call_set_range(call, req->iova, req->iova + (req->size - 1));
	if (wraps(req->iova, req->size) || wraps(req->vaddr, req->size))
		return refuse_wrap(call);
	/* Either a permission, or VADDR alone. */
	args->vaddr_only = req->flags & VFIO_DMA_MAP_FLAG_VADDR;
	if (!prot == !args->vaddr_only)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_FLAGS);
	if ((req->iova | req->size) & (pgsize - 1))
		return refuse_alignment(call, T1X_FIELD_RANGE, pgsize);
	if (req->vaddr & (pgsize - 1))
		return refuse_alignment(call, T1X_FIELD_VADDR, pgsize);

	args->iova = req->iova;
	args->last = req->iova + (req->size - 1);
	args->vaddr = req->vaddr;
	args->granule = 0;
	args->prot = prot_of(req->flags);
	return 0;
}

/* The part of a range that decides how it is aligned. */
static u64 edges(u64 iova, u64 last)
{
	return iova | (last + 1);
}

/* Notes the range of a call. Return: 0 or -EINVAL. */
static int check_range(u64 iova, u64 last, unsigned long pgsize,
		       struct t1x_call *call)
{
	if (last < iova)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_RANGE);

	t1x_call_set_range(call, iova, last);
	if (edges(iova, last) & (pgsize - 1))
		return refuse_alignment(call, T1X_FIELD_RANGE, pgsize);
	return 0;
}

/**
 * t1x_uapi_check_map_range() - Check a VFIO_IOMMU_TYPE1X_MAP_RANGE request
 * @req: Request, copied from the user
 * @pgsize: Smallest IOMMU page size of the container, in bytes
 * @args: Result; its call is set by the caller
 *
 * Semantics: struct vfio_type1x_map_range in the uAPI header.
 *
 * Return: 0; -EINVAL on a short argsz, an unknown flag, no permission, a granule
 * without its flag, an empty or misaligned range, or a granule that is none;
 * -EOVERFLOW (-EINVAL before 6.18) if the range of addresses wraps.
 */
int t1x_uapi_check_map_range(const struct vfio_type1x_map_range *req,
			     unsigned long pgsize, struct t1x_uapi_map *args)
{
	const u32 prot = VFIO_TYPE1X_MAP_FLAG_READ | VFIO_TYPE1X_MAP_FLAG_WRITE;
	bool cut = req->flags & VFIO_TYPE1X_MAP_FLAG_GRANULE;
	u64 granule = req->granule ?: pgsize;
	struct t1x_call *call = args->call;
	int ret;

	ret = check_head(req->argsz, sizeof(*req), req->flags,
			 prot | VFIO_TYPE1X_MAP_FLAG_GRANULE, call);
	if (ret)
		return ret;
	if (!(req->flags & prot))
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_FLAGS);
	if (req->granule && !cut)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_GRANULE);

	if (req->last < req->iova)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_RANGE);
	if (req->vaddr + (req->last - req->iova) < req->vaddr)
		return refuse_wrap(call);
	ret = check_range(req->iova, req->last, pgsize, call);
	if (ret)
		return ret;
	if (req->vaddr & (pgsize - 1))
		return refuse_alignment(call, T1X_FIELD_VADDR, pgsize);
	if (cut && (!is_power_of_2(granule) || granule < pgsize))
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_GRANULE);
	if (cut && edges(req->iova, req->last) & (granule - 1))
		return refuse_alignment(call, T1X_FIELD_RANGE, granule);

	args->iova = req->iova;
	args->last = req->last;
	args->vaddr = req->vaddr;
	args->granule = cut ? granule : 0;
	args->prot = prot_of(req->flags);
	args->vaddr_only = false;
	return 0;
}

/**
 * t1x_uapi_default_granule() - Give a MAP_DMA the granule that a parameter names
 * @args: Checked request
 * @granule: Granule in bytes, a power of two
 * @pgsize: Smallest IOMMU page size of the container, in bytes
 *
 * The mapper does not know of the granule, so it is made to fit its range.
 */
void t1x_uapi_default_granule(struct t1x_uapi_map *args, unsigned long granule,
			      unsigned long pgsize)
{
	unsigned long align = edges(args->iova, args->last);

	args->granule = max(granule, pgsize);
	if (align)
		args->granule = min(args->granule, BIT(__ffs(align)));
}

/**
 * t1x_uapi_check_unmap_flags() - Check what comes before a bitmap is looked at
 * @req: Request, copied from the user
 * @call: The caller's call, or NULL
 *
 * Return: 0; -EINVAL on a short argsz, an unknown flag or flags that exclude each
 * other.
 */
int t1x_uapi_check_unmap_flags(const struct vfio_iommu_type1_dma_unmap *req,
			       struct t1x_call *call)
{
	const u32 known = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP |
			  VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR;
	size_t argsz = offsetofend(struct vfio_iommu_type1_dma_unmap, size);
	int ret;

	ret = check_head(req->argsz, argsz, req->flags, known, call);
	if (ret || !(req->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP))
		return ret;

	if (req->flags & (VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR))
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_FLAGS);
	if (req->argsz < argsz + sizeof(struct vfio_bitmap))
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_ARGSZ);
	return 0;
}

/**
 * t1x_uapi_check_unmap() - Check a VFIO_IOMMU_UNMAP_DMA request
 * @req: Request, copied from the user; its flags are checked
 * @pgsize: Smallest IOMMU page size of the container, in bytes
 * @args: Result, but for its bitmap, lenient and call, which the caller sets;
 *	  everything for VFIO_DMA_UNMAP_FLAG_ALL
 *
 * Semantics: struct vfio_iommu_type1_dma_unmap in the uAPI header.
 *
 * Return: 0; -EINVAL on an empty or misaligned range, or a range beside ALL;
 * -EOVERFLOW (-EINVAL before 6.18) on a wrap.
 */
int t1x_uapi_check_unmap(const struct vfio_iommu_type1_dma_unmap *req,
			 unsigned long pgsize, struct t1x_uapi_unmap *args)
{
	struct t1x_call *call = args->call;

	if (req->iova & (pgsize - 1))
		return refuse_alignment(call, T1X_FIELD_RANGE, pgsize);

	args->vaddr_only = req->flags & VFIO_DMA_UNMAP_FLAG_VADDR;
	args->report = req->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	args->window = false;
	if (req->flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		if (req->iova || req->size)
			return t1x_call_refuse(call, -EINVAL, T1X_FIELD_RANGE);
		args->iova = 0;
		args->last = ULONG_MAX;
		t1x_call_set_range(call, args->iova, args->last);
		return 0;
	}

	if (!req->size)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_RANGE);
	t1x_call_set_range(call, req->iova, req->iova + (req->size - 1));
	if (req->size & (pgsize - 1))
		return refuse_alignment(call, T1X_FIELD_RANGE, pgsize);
	if (wraps(req->iova, req->size))
		return refuse_wrap(call);

	args->iova = req->iova;
	args->last = req->iova + (req->size - 1);
	return 0;
}

/**
 * t1x_uapi_check_bitmap() - Check a user's bitmap for dirty pages
 * @req: Bitmap, copied from the user; access_ok() was asked
 * @range: Length of the range that it is for, in bytes
 * @bitmap: Result
 * @call: The caller's call, or NULL
 *
 * Semantics: struct vfio_bitmap in the uAPI header. Whether the page size is one of
 * the container's is for the caller to say.
 *
 * Return: 0; -EINVAL if there is no page size, no page in the range, or not a bit
 * for each page, or if the bitmap is longer than the MIGRATION capability says.
 */
int t1x_uapi_check_bitmap(const struct vfio_bitmap *req, u64 range,
			  struct t1x_uapi_bitmap *bitmap, struct t1x_call *call)
{
	u64 npages;

	if (!req->pgsize)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_BITMAP);

	npages = range >> __ffs64(req->pgsize);
	if (!npages || !req->size || req->size > T1X_DIRTY_MAX_SIZE ||
	    req->size < DIV_ROUND_UP_ULL(npages, 64) * sizeof(u64))
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_BITMAP);

	bitmap->pgsize = req->pgsize;
	bitmap->size = req->size;
	bitmap->addr = (unsigned long)req->data;
	return 0;
}

/**
 * t1x_uapi_check_dirty() - Check a VFIO_IOMMU_DIRTY_PAGES request
 * @req: Request, copied from the user
 * @call: The caller's call, or NULL
 *
 * Semantics: struct vfio_iommu_type1_dirty_bitmap in the uAPI header.
 *
 * Return: 0; -EINVAL on a short argsz, or if not exactly one known flag is set.
 */
int t1x_uapi_check_dirty(const struct vfio_iommu_type1_dirty_bitmap *req,
			 struct t1x_call *call)
{
	const u32 known = VFIO_IOMMU_DIRTY_PAGES_FLAG_START |
			  VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP |
			  VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	size_t argsz = sizeof(*req);
	int ret;

	ret = check_head(req->argsz, argsz, req->flags, known, call);
	if (ret)
		return ret;
	if (!is_power_of_2(req->flags))
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_FLAGS);

	if (req->flags & VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP)
		argsz += sizeof(struct vfio_iommu_type1_dirty_bitmap_get);
	return check_head(req->argsz, argsz, req->flags, known, call);
}

/**
 * t1x_uapi_check_dirty_get() - Check the range of a GET_BITMAP
 * @req: Range, copied from the user
 * @args: Result, but for its bitmap; its call is set by the caller
 *
 * Return: 0; -EINVAL on an empty range; -EOVERFLOW (-EINVAL before 6.18) on a wrap.
 */
int t1x_uapi_check_dirty_get(const struct vfio_iommu_type1_dirty_bitmap_get *req,
			     struct t1x_uapi_dirty *args)
{
	struct t1x_call *call = args->call;

	if (!req->size)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_RANGE);
	t1x_call_set_range(call, req->iova, req->iova + (req->size - 1));
	if (wraps(req->iova, req->size))
		return refuse_wrap(call);

	args->iova = req->iova;
	args->last = req->iova + (req->size - 1);
	args->no_clear = false;
	return 0;
}

/*
 * The bitmap of a window, which begins at a multiple of 64 pages. The range is
 * checked. Return: 0 or -EINVAL.
 */
static int check_bitmap_window(u64 iova, u64 last, unsigned long pgsize,
			       const struct t1x_uapi_bitmap *bitmap,
			       struct t1x_call *call)
{
	unsigned int shift = __ffs(pgsize);
	u64 nr_words = (last >> shift) / 64 - (iova >> shift) / 64 + 1;

	if (bitmap->pgsize != pgsize)
		return t1x_call_fail_with(call, -EINVAL, T1X_REASON_PGSIZE,
					  bitmap->pgsize, 0, 0);
	if (bitmap->size > T1X_DIRTY_MAX_SIZE ||
	    bitmap->size / sizeof(u64) < nr_words)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_BITMAP);

	return 0;
}

/**
 * t1x_uapi_check_unmap_range() - Check a VFIO_IOMMU_TYPE1X_UNMAP_RANGE request
 * @req: Request, copied from the user
 * @pgsize: Smallest IOMMU page size of the container, in bytes
 * @args: Result; its call is set by the caller
 *
 * Semantics: struct vfio_type1x_unmap_range in the uAPI header.
 *
 * Return: 0; -EINVAL on a short argsz, an unknown flag, an empty or misaligned
 * range, a bitmap without its flag, or one of another page size or too small.
 */
int t1x_uapi_check_unmap_range(const struct vfio_type1x_unmap_range *req,
			       unsigned long pgsize,
			       struct t1x_uapi_unmap *args)
{
	bool report = req->flags & VFIO_TYPE1X_UNMAP_FLAG_GET_DIRTY_BITMAP;
	struct t1x_call *call = args->call;
	int ret;

	ret = check_head(req->argsz, sizeof(*req), req->flags,
			 VFIO_TYPE1X_UNMAP_FLAG_GET_DIRTY_BITMAP, call);
	if (!ret)
		ret = check_range(req->iova, req->last, pgsize, call);
	if (ret)
		return ret;
	if (!report &&
	    (req->bitmap_pgsize || req->bitmap_size || req->bitmap_data))
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_BITMAP);

	*args = (struct t1x_uapi_unmap){
		.call = call,
		.iova = req->iova,
		.last = req->last,
		.report = report,
		.window = report,
		.bitmap = {
			.pgsize = req->bitmap_pgsize,
			.size = req->bitmap_size,
			.addr = req->bitmap_data,
		},
	};
	return report ? check_bitmap_window(req->iova, req->last, pgsize,
					    &args->bitmap, call) :
			0;
}

/**
 * t1x_uapi_check_dirty_range() - Check a VFIO_IOMMU_TYPE1X_DIRTY_RANGE request
 * @req: Request, copied from the user
 * @pgsize: Smallest IOMMU page size of the container, in bytes
 * @args: Result; its call is set by the caller
 *
 * Semantics: struct vfio_type1x_dirty_range in the uAPI header.
 *
 * Return: 0; -EINVAL on a short argsz, an unknown flag, an empty or misaligned
 * range, or a bitmap of another page size or too small.
 */
int t1x_uapi_check_dirty_range(const struct vfio_type1x_dirty_range *req,
			       unsigned long pgsize,
			       struct t1x_uapi_dirty *args)
{
	struct t1x_call *call = args->call;
	int ret;

	ret = check_head(req->argsz, sizeof(*req), req->flags,
			 VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR, call);
	if (!ret)
		ret = check_range(req->iova, req->last, pgsize, call);
	if (ret)
		return ret;

	*args = (struct t1x_uapi_dirty){
		.call = call,
		.iova = req->iova,
		.last = req->last,
		.no_clear = req->flags & VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR,
		.bitmap = {
			.pgsize = req->bitmap_pgsize,
			.size = req->bitmap_size,
			.addr = req->bitmap_data,
		},
	};
	return check_bitmap_window(req->iova, req->last, pgsize, &args->bitmap,
				   call);
}

/**
 * t1x_uapi_check_pgsizes() - Check a VFIO_IOMMU_TYPE1X_PGSIZES request
 * @req: Request, copied from the user
 * @call: The caller's call, or NULL
 *
 * Semantics: struct vfio_type1x_pgsizes in the uAPI header. Which sizes there are is
 * for the container to say.
 *
 * Return: 0; -EINVAL on a short argsz, or if not exactly one known flag is set, or on
 * an empty set.
 */
int t1x_uapi_check_pgsizes(const struct vfio_type1x_pgsizes *req,
			   struct t1x_call *call)
{
	const u32 known = VFIO_TYPE1X_PGSIZES_GET | VFIO_TYPE1X_PGSIZES_SET;
	int ret;

	ret = check_head(req->argsz, sizeof(*req), req->flags, known, call);
	if (ret)
		return ret;
	if (!is_power_of_2(req->flags))
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_FLAGS);
	if (req->flags == VFIO_TYPE1X_PGSIZES_SET && !req->pgsizes)
		return t1x_call_refuse(call, -EINVAL, T1X_FIELD_PGSIZES);
	return 0;
}

/**
 * t1x_uapi_add_migration_cap() - Add VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION
 * @caps: Chain
 * @pgsize: Smallest IOMMU page size of the container, in bytes
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM; @caps is empty then.
 */
int t1x_uapi_add_migration_cap(struct vfio_info_cap *caps, unsigned long pgsize)
{
	struct vfio_iommu_type1_info_cap_migration cap = {
		.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
		.header.version = 1,
		.pgsize_bitmap = pgsize,
		.max_dirty_bitmap_size = T1X_DIRTY_MAX_SIZE,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

/**
 * t1x_uapi_add_avail_cap() - Add VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL to a chain
 * @caps: Chain
 * @avail: Mappings that may still be made
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM; @caps is empty then.
 */
int t1x_uapi_add_avail_cap(struct vfio_info_cap *caps, u32 avail)
{
	struct vfio_iommu_type1_info_dma_avail cap = {
		.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
		.header.version = 1,
		.avail = avail,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

/**
 * t1x_uapi_add_iova_cap() - Add VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE to a chain
 * @caps: Chain
 * @nr: Number of ranges, not 0
 *
 * Context: May sleep.
 * Return: @nr ranges for the caller to fill, valid until @caps changes; or
 * ERR_PTR(-ENOMEM), and @caps is empty.
 */
struct vfio_iova_range *t1x_uapi_add_iova_cap(struct vfio_info_cap *caps,
					      unsigned int nr)
{
	struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct vfio_info_cap_header *header;

	header = vfio_info_cap_add(caps, struct_size(cap, iova_ranges, nr),
				   VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1);
	if (IS_ERR(header))
		return ERR_CAST(header);

	cap = container_of(header, struct vfio_iommu_type1_info_cap_iova_range,
			   header);
	cap->nr_iovas = nr;
	cap->reserved = 0;
	return cap->iova_ranges;
}
