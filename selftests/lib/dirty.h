/* SPDX-License-Identifier: GPL-2.0-only */
/* VFIO_IOMMU_DIRTY_PAGES, and UNMAP_DMA with a bitmap. All return 0 or -errno. */
#ifndef T1X_DIRTY_H
#define T1X_DIRTY_H

#include "container.h"

#define T1X_DIRTY_START VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define T1X_DIRTY_STOP VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
#define T1X_DIRTY_GET VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP

/* A GET_BITMAP, as the kernel takes it */
struct t1x_dirty_get {
	struct vfio_iommu_type1_dirty_bitmap head;
	struct vfio_iommu_type1_dirty_bitmap_get range;
};

/* An UNMAP with a bitmap, as the kernel takes it */
struct t1x_dirty_unmap {
	struct vfio_iommu_type1_dma_unmap head;
	struct vfio_bitmap bitmap;
};

/* Bytes of the bitmap of a range, as QEMU has it: words of 64 bits */
size_t t1x_dirty_len(u64 size);

struct t1x_dirty_get t1x_dirty_get_of(u64 iova, u64 size, void *bitmap);
struct t1x_dirty_unmap t1x_dirty_unmap_of(u64 iova, u64 size, void *bitmap);

int __t1x_dirty(struct t1x *c, u32 flags);
int __t1x_dirty_get(struct t1x *c, u64 iova, u64 size, void *bitmap);
int __t1x_dirty_get_raw(struct t1x *c, struct t1x_dirty_get *get);
int __t1x_dirty_unmap(struct t1x *c, u64 iova, u64 size, void *bitmap,
		      u64 *unmapped);
int __t1x_dirty_unmap_raw(struct t1x *c, struct t1x_dirty_unmap *unmap);

void t1x_dirty_start(struct t1x *c);
void t1x_dirty_stop(struct t1x *c);

#endif
