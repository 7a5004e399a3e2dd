// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dirty.h"

size_t t1x_dirty_len(u64 size)
{
	return (size / T1X_PAGE + 63) / 64 * 8;
}

static struct vfio_bitmap bitmap_of(u64 size, void *bitmap)
{
	return (struct vfio_bitmap){
		.pgsize = T1X_PAGE,
		.size = t1x_dirty_len(size),
		.data = bitmap,
	};
}

struct t1x_dirty_get t1x_dirty_get_of(u64 iova, u64 size, void *bitmap)
{
	return (struct t1x_dirty_get){
		.head.argsz = sizeof(struct t1x_dirty_get),
		.head.flags = T1X_DIRTY_GET,
		.range.iova = iova,
		.range.size = size,
		.range.bitmap = bitmap_of(size, bitmap),
	};
}

struct t1x_dirty_unmap t1x_dirty_unmap_of(u64 iova, u64 size, void *bitmap)
{
	return (struct t1x_dirty_unmap){
		.head.argsz = sizeof(struct t1x_dirty_unmap),
		.head.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.head.iova = iova,
		.head.size = size,
		.bitmap = bitmap_of(size, bitmap),
	};
}

int __t1x_dirty(struct t1x *c, u32 flags)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = flags,
	};

	return ioctl(c->fd, VFIO_IOMMU_DIRTY_PAGES, &dirty) ? -errno : 0;
}

int __t1x_dirty_get_raw(struct t1x *c, struct t1x_dirty_get *get)
{
	return ioctl(c->fd, VFIO_IOMMU_DIRTY_PAGES, get) ? -errno : 0;
}

int __t1x_dirty_get(struct t1x *c, u64 iova, u64 size, void *bitmap)
{
	struct t1x_dirty_get get = t1x_dirty_get_of(iova, size, bitmap);

	return __t1x_dirty_get_raw(c, &get);
}

int __t1x_dirty_unmap_raw(struct t1x *c, struct t1x_dirty_unmap *unmap)
{
	return ioctl(c->fd, VFIO_IOMMU_UNMAP_DMA, unmap) ? -errno : 0;
}

int __t1x_dirty_unmap(struct t1x *c, u64 iova, u64 size, void *bitmap,
		      u64 *unmapped)
{
	struct t1x_dirty_unmap unmap = t1x_dirty_unmap_of(iova, size, bitmap);
	int ret = __t1x_dirty_unmap_raw(c, &unmap);

	if (!ret && unmapped)
		*unmapped = unmap.head.size;
	return ret;
}

void t1x_dirty_start(struct t1x *c)
{
	int ret = __t1x_dirty(c, T1X_DIRTY_START);

	t1x_require(!ret, "DIRTY_PAGES START: %s", strerror(-ret));
}

void t1x_dirty_stop(struct t1x *c)
{
	int ret = __t1x_dirty(c, T1X_DIRTY_STOP);

	t1x_require(!ret, "DIRTY_PAGES STOP: %s", strerror(-ret));
}
