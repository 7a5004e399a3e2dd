/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What vfio_iommu_type1x adds to the type1 uAPI of <linux/vfio.h>: mappings that
 * can be cut, a choice of IOMMU page sizes, ranges by their last byte, and dirty
 * bitmaps that merge.
 *
 * All of it works beside the type1 ioctls, on the same container. Ranges are
 * [iova, last], the last byte included, so that the whole 64-bit space is 0 to ~0.
 * Every struct begins with argsz, its size in bytes, and flags. A short argsz, an
 * unknown flag, or a field that is not 0 although the flag that it belongs to is
 * not set, is EINVAL. A call that fails changes nothing,
 * except that drivers of mediated devices may have let go of pages.
 *
 * "Page size" is the smallest IOMMU page size of the container, the lowest bit of
 * iova_pgsizes in VFIO_IOMMU_GET_INFO.
 */
#ifndef _UAPI_LINUX_VFIO_TYPE1X_H
#define _UAPI_LINUX_VFIO_TYPE1X_H

#include <linux/types.h>
#include <linux/vfio.h>

/*
 * Ids for VFIO_CHECK_EXTENSION, which returns 1 or 0. Before VFIO_SET_IOMMU 1 says
 * that the module is loaded, afterwards that it serves the container.
 */
#define VFIO_TYPE1X_EXT_BASE 0x54315800
#define VFIO_TYPE1X (VFIO_TYPE1X_EXT_BASE + 0)
#define VFIO_TYPE1X_RANGES (VFIO_TYPE1X_EXT_BASE + 1)
#define VFIO_TYPE1X_GRANULE (VFIO_TYPE1X_EXT_BASE + 2)
#define VFIO_TYPE1X_PGSIZES (VFIO_TYPE1X_EXT_BASE + 3)

#define VFIO_TYPE1X_IOCTL_BASE (VFIO_BASE + 128)

/**
 * struct vfio_type1x_map_range - VFIO_IOMMU_TYPE1X_MAP_RANGE
 * @argsz: Size of this struct in bytes
 * @flags: VFIO_TYPE1X_MAP_FLAG_*, at least one of READ and WRITE
 * @vaddr: Address of the caller's memory, a multiple of the page size
 * @iova: First byte, a multiple of the page size
 * @last: Last byte, inclusive; last + 1 is a multiple of the page size, or 0
 * @granule: With VFIO_TYPE1X_MAP_FLAG_GRANULE: in bytes, 0 for the page size, else a
 *	     power of two of at least that, of which iova and last + 1 are multiples
 *
 * VFIO_IOMMU_MAP_DMA for a range by its last byte. With GRANULE any part of the
 * mapping that begins and ends at a multiple of @granule can be unmapped later,
 * with VFIO_IOMMU_TYPE1X_UNMAP_RANGE or VFIO_IOMMU_UNMAP_DMA, while devices go on
 * using the rest: the IOMMU is never given a larger page for it.
 *
 * Return: 0 or -1 with errno: EINVAL (the arguments, or not in the IOVA ranges of
 * GET_INFO), EOVERFLOW (EINVAL before Linux 6.18: vaddr wraps), EEXIST (any
 * overlap), ENOSPC (dma_entry_limit), ENOMEM (also RLIMIT_MEMLOCK), EFAULT (no
 * memory there, or not as accessible as asked), EOPNOTSUPP (memory that cannot be
 * pinned for long), or what the IOMMU driver says.
 */
struct vfio_type1x_map_range {
	__u32 argsz;
	__u32 flags;
#define VFIO_TYPE1X_MAP_FLAG_READ (1 << 0) /* readable by the device */
#define VFIO_TYPE1X_MAP_FLAG_WRITE (1 << 1) /* writable by the device */
#define VFIO_TYPE1X_MAP_FLAG_GRANULE (1 << 8) /* granule is valid */
	__aligned_u64 vaddr;
	__aligned_u64 iova;
	__aligned_u64 last;
	__aligned_u64 granule;
};

#define VFIO_IOMMU_TYPE1X_MAP_RANGE _IO(VFIO_TYPE, VFIO_TYPE1X_IOCTL_BASE + 0)

/**
 * struct vfio_type1x_unmap_range - VFIO_IOMMU_TYPE1X_UNMAP_RANGE
 * @argsz: Size of this struct in bytes
 * @flags: VFIO_TYPE1X_UNMAP_FLAG_GET_DIRTY_BITMAP or 0
 * @iova: First byte, a multiple of the page size
 * @last: Last byte, inclusive; last + 1 is a multiple of the page size, or 0
 * @unmapped_pages: Out: what was mapped of the range, in pages of the page size
 * @bitmap_pgsize: With GET_DIRTY_BITMAP: the page size
 * @bitmap_size: With GET_DIRTY_BITMAP: bytes at bitmap_data, at least 8 for each 64
 *		 pages of the window, at most the max_dirty_bitmap_size of GET_INFO
 * @bitmap_data: With GET_DIRTY_BITMAP: address of the bitmap
 *
 * Unmaps everything in the range, all of it or nothing; a hole is no error, and 0
 * to ~0 empties the container. A mapping may be cut by the range if it was made
 * with a granule and the cut is at a multiple of that, in containers of type v1
 * and v2 alike.
 *
 * The window of the bitmap begins at iova rounded down to a multiple of 64 pages,
 * which is bit 0, and ends at @last. All its 64-bit words are written; the bits of
 * holes, and those below @iova and above @last, are 0. So the bitmaps of several
 * calls merge word by word. A window has at most 2^31 bits.
 *
 * Return: 0 or -1 with errno: EINVAL (the arguments, a mapping that cannot be cut
 * there, or dirty tracking is not on), EACCES (a bitmap in a v1 container), ENOSPC
 * (a part in the middle of a mapping leaves two, and dma_entry_limit allows no
 * more), EBUSY (a driver of a mediated device does not let go), EFAULT (the bitmap
 * cannot be written), ENOMEM.
 */
struct vfio_type1x_unmap_range {
	__u32 argsz;
	__u32 flags;
#define VFIO_TYPE1X_UNMAP_FLAG_GET_DIRTY_BITMAP (1 << 0)
	__aligned_u64 iova;
	__aligned_u64 last;
	__aligned_u64 unmapped_pages;
	__aligned_u64 bitmap_pgsize;
	__aligned_u64 bitmap_size;
	__aligned_u64 bitmap_data;
};

#define VFIO_IOMMU_TYPE1X_UNMAP_RANGE _IO(VFIO_TYPE, VFIO_TYPE1X_IOCTL_BASE + 1)

/**
 * struct vfio_type1x_dirty_range - VFIO_IOMMU_TYPE1X_DIRTY_RANGE
 * @argsz: Size of this struct in bytes
 * @flags: VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR or 0
 * @iova: First byte, a multiple of the page size
 * @last: Last byte, inclusive; last + 1 is a multiple of the page size, or 0
 * @bitmap_pgsize: The page size
 * @bitmap_size: Bytes at bitmap_data, as in struct vfio_type1x_unmap_range
 * @bitmap_data: Address of the bitmap
 *
 * Reports the dirty pages of any range, which may hold several mappings and holes
 * and cut mappings at its ends, and marks them clean, unless NO_CLEAR is set. The
 * window of the bitmap is that of struct vfio_type1x_unmap_range. Tracking is
 * started and stopped with VFIO_IOMMU_DIRTY_PAGES, and reports here and there are
 * about the same bits.
 *
 * Return: 0 or -1 with errno: EINVAL (the arguments, or dirty tracking is not on),
 * EACCES (a v1 container), EFAULT (the bitmap cannot be written), ENOMEM.
 */
struct vfio_type1x_dirty_range {
	__u32 argsz;
	__u32 flags;
#define VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR (1 << 0) /* only look */
	__aligned_u64 iova;
	__aligned_u64 last;
	__aligned_u64 bitmap_pgsize;
	__aligned_u64 bitmap_size;
	__aligned_u64 bitmap_data;
};

#define VFIO_IOMMU_TYPE1X_DIRTY_RANGE _IO(VFIO_TYPE, VFIO_TYPE1X_IOCTL_BASE + 2)

/**
 * struct vfio_type1x_pgsizes - VFIO_IOMMU_TYPE1X_PGSIZES
 * @argsz: Size of this struct in bytes
 * @flags: Either VFIO_TYPE1X_PGSIZES_GET or VFIO_TYPE1X_PGSIZES_SET
 * @pgsizes: Bitmap of the IOMMU page sizes that the container uses, in bytes; in
 *	     for SET, out for both
 * @supported: Out: what the IOMMUs of the container can do, also if SET of a set that
 *	       is not empty fails
 *
 * Restricts the IOMMU page sizes to a subset of @supported that holds its smallest;
 * the sizes need not be adjacent. It lasts while the container has a group, through
 * attach and detach; a group whose IOMMU cannot do all of it cannot be attached.
 * GET_INFO then reports the subset.
 *
 * Return: 0 or -1 with errno: EINVAL (the arguments, or no such subset), EBUSY (SET
 * while anything is mapped).
 */
struct vfio_type1x_pgsizes {
	__u32 argsz;
	__u32 flags;
#define VFIO_TYPE1X_PGSIZES_GET (1 << 0)
#define VFIO_TYPE1X_PGSIZES_SET (1 << 1)
	__aligned_u64 pgsizes;
	__aligned_u64 supported;
};

#define VFIO_IOMMU_TYPE1X_PGSIZES _IO(VFIO_TYPE, VFIO_TYPE1X_IOCTL_BASE + 3)

#endif /* _UAPI_LINUX_VFIO_TYPE1X_H */
