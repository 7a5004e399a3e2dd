/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The uAPI of include/uapi/linux/vfio.h and vfio_type1x.h, on our side of
 * copy_from_user(): checks of what a user asks for, and the capability chain of
 * GET_INFO.
 *
 * The results are ranges with an inclusive "last". Where in-tree type1 has the same
 * request, the checks, their order and their errnos are those of the kernel at hand.
 * No locks, no containers, no user memory.
 */
#ifndef T1X_UAPI_H
#define T1X_UAPI_H

#include <linux/types.h>
#include <linux/vfio.h>

struct t1x_call;
struct vfio_type1x_dirty_range;
struct vfio_type1x_map_range;
struct vfio_type1x_pgsizes;
struct vfio_type1x_unmap_range;

/* A checked MAP_DMA or MAP_RANGE. */
struct t1x_uapi_map {
	struct t1x_call *call; /* the caller's, or NULL */
	unsigned long iova;
	unsigned long last;
	unsigned long vaddr;
	unsigned long granule; /* in bytes, or 0 */
	int prot;
	bool vaddr_only; /* the memory of a mapping that exists has moved there */
};

/* A user's bitmap. */
struct t1x_uapi_bitmap {
	u64 pgsize;
	u64 size; /* in bytes, enough for the range */
	unsigned long addr;
};

/* A checked UNMAP_DMA or UNMAP_RANGE. */
struct t1x_uapi_unmap {
	struct t1x_call *call; /* the caller's, or NULL */
	unsigned long iova;
	unsigned long last;
	bool lenient; /* UNMAP_DMA of v1, see t1x_uapi_unmap_takes() */
	bool vaddr_only; /* the mappings stay, their addresses are invalid */
	bool report; /* bitmap is valid */
	bool window; /* and it is a window of whole words */
	struct t1x_uapi_bitmap bitmap;
};

/* A checked DIRTY_PAGES with GET_BITMAP, or DIRTY_RANGE. */
struct t1x_uapi_dirty {
	struct t1x_call *call; /* the caller's, or NULL */
	unsigned long iova;
	unsigned long last;
	bool no_clear;
	struct t1x_uapi_bitmap bitmap;
};

int t1x_uapi_check_map(const struct vfio_iommu_type1_dma_map *req,
		       unsigned long pgsize, struct t1x_uapi_map *args);
int t1x_uapi_check_unmap_flags(const struct vfio_iommu_type1_dma_unmap *req,
			       struct t1x_call *call);
int t1x_uapi_check_unmap(const struct vfio_iommu_type1_dma_unmap *req,
			 unsigned long pgsize, struct t1x_uapi_unmap *args);
int t1x_uapi_check_bitmap(const struct vfio_bitmap *req, u64 range,
			  struct t1x_uapi_bitmap *bitmap,
			  struct t1x_call *call);
int t1x_uapi_check_dirty(const struct vfio_iommu_type1_dirty_bitmap *req,
			 struct t1x_call *call);
int t1x_uapi_check_dirty_get(const struct vfio_iommu_type1_dirty_bitmap_get *req,
			     struct t1x_uapi_dirty *args);
int t1x_uapi_check_map_range(const struct vfio_type1x_map_range *req,
			     unsigned long pgsize, struct t1x_uapi_map *args);
void t1x_uapi_default_granule(struct t1x_uapi_map *args, unsigned long granule,
			      unsigned long pgsize);
int t1x_uapi_check_unmap_range(const struct vfio_type1x_unmap_range *req,
			       unsigned long pgsize,
			       struct t1x_uapi_unmap *args);
int t1x_uapi_check_dirty_range(const struct vfio_type1x_dirty_range *req,
			       unsigned long pgsize,
			       struct t1x_uapi_dirty *args);
int t1x_uapi_check_pgsizes(const struct vfio_type1x_pgsizes *req,
			   struct t1x_call *call);
int t1x_uapi_add_migration_cap(struct vfio_info_cap *caps,
			       unsigned long pgsize);
int t1x_uapi_add_avail_cap(struct vfio_info_cap *caps, u32 avail);
struct vfio_iova_range *t1x_uapi_add_iova_cap(struct vfio_info_cap *caps,
					      unsigned int nr);

/*
 * Does an unmap take the mapping that begins at @iova, one of those that it meets and
 * may not cut? A lenient one takes it whole if the range holds its first byte, and
 * stops at one that began before the range.
 */
static inline bool t1x_uapi_unmap_takes(const struct t1x_uapi_unmap *args,
					unsigned long iova)
{
	return iova <= args->last && (!args->lenient || iova >= args->iova);
}

#endif /* T1X_UAPI_H */
