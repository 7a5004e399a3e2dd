/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The uAPI of include/uapi/linux/vfio.h, on our side of copy_from_user(): checks
 * of what a user asks for, and the capability chain of GET_INFO.
 *
 * The structs count sizes in bytes; the results are ranges with an inclusive
 * "last". The checks, their order and their errnos are those of in-tree type1 of
 * the kernel at hand. No locks, no containers, no user memory.
 */
#ifndef T1X_UAPI_H
#define T1X_UAPI_H

#include <linux/types.h>
#include <linux/vfio.h>

/* A checked MAP_DMA. */
struct t1x_uapi_map {
	unsigned long iova;
	unsigned long last;
	unsigned long vaddr;
	int prot;
};

/* A checked UNMAP_DMA. */
struct t1x_uapi_unmap {
	unsigned long iova;
	unsigned long last;
	bool all;
};

int t1x_uapi_check_map(const struct vfio_iommu_type1_dma_map *req,
		       unsigned long pgsize, struct t1x_uapi_map *args);
int t1x_uapi_check_unmap(const struct vfio_iommu_type1_dma_unmap *req,
			 unsigned long pgsize, struct t1x_uapi_unmap *args);
int t1x_uapi_add_avail_cap(struct vfio_info_cap *caps, u32 avail);
struct vfio_iova_range *t1x_uapi_add_iova_cap(struct vfio_info_cap *caps,
					      unsigned int nr);

#endif /* T1X_UAPI_H */
