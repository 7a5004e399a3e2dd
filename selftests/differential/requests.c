// SPDX-License-Identifier: GPL-2.0-only
#include <linux/vfio.h>
#include <linux/vfio_type1x.h>
#include <string.h>
#include <sys/ioctl.h>

#include "record.h"
#include "run.h"

void t1x_do_map(const struct op *op)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = op->arg[MAP_ARGSZ],
		.flags = op->arg[MAP_FLAGS],
		.vaddr = op->arg[MAP_VADDR],
		.iova = op->arg[MAP_IOVA],
		.size = op->arg[MAP_SIZE],
	};
	u64 before = t1x_hash(&map, sizeof(map));

	t1x_say_ret(ioctl(run.container, VFIO_IOMMU_MAP_DMA, &map));
	if (t1x_hash(&map, sizeof(map)) != before)
		t1x_say(" argument written to");
}

static void *buffer(void)
{
	return (void *)t1x_region[R_BUF].base;
}

static void fill_buf(const struct op *op)
{
	memset(buffer(), op->arg[BITMAP_FILL], t1x_region[R_BUF].size);
}

void t1x_do_unmap(const struct op *op)
{
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap = {
			.argsz = op->arg[UNMAP_ARGSZ],
			.flags = op->arg[UNMAP_FLAGS],
			.iova = op->arg[UNMAP_IOVA],
			.size = op->arg[UNMAP_SIZE],
		},
		.bitmap = {
			.pgsize = op->arg[BITMAP_PGSIZE],
			.size = op->arg[BITMAP_SIZE],
			.data = (void *)op->arg[BITMAP_DATA],
		},
	};
	u64 before;
	int ret;

	if (op->kind == OP_UNMAPD)
		fill_buf(op);
	before = t1x_hash(&arg, 16) ^ t1x_hash(&arg.bitmap, sizeof(arg.bitmap));
	ret = ioctl(run.container, VFIO_IOMMU_UNMAP_DMA, &arg);
	t1x_say_ret(ret);
	t1x_say(" size 0x%lx", (u64)arg.unmap.size);
	if ((t1x_hash(&arg, 16) ^ t1x_hash(&arg.bitmap, sizeof(arg.bitmap))) !=
	    before)
		t1x_say(" argument written to");
	if (op->kind == OP_UNMAPD)
		t1x_say_bitmap(buffer(), op);
}

void t1x_do_dirty(const struct op *op)
{
	/* With an empty range behind it, should it be read; in-tree shifts by its page size */
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.dirty = {
			.argsz = op->arg[0],
			.flags = op->arg[1],
		},
		.get.bitmap.pgsize = T1X_PAGE,
	};

	t1x_say_ret(ioctl(run.container, VFIO_IOMMU_DIRTY_PAGES, &arg));
}

void t1x_do_get(const struct op *op)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.dirty = {
			.argsz = op->arg[UNMAP_ARGSZ],
			.flags = op->arg[UNMAP_FLAGS],
		},
		.get = {
			.iova = op->arg[UNMAP_IOVA],
			.size = op->arg[UNMAP_SIZE],
			.bitmap = {
				.pgsize = op->arg[BITMAP_PGSIZE],
				.size = op->arg[BITMAP_SIZE],
				.data = (void *)op->arg[BITMAP_DATA],
			},
		},
	};

	fill_buf(op);
	t1x_say_ret(ioctl(run.container, VFIO_IOMMU_DIRTY_PAGES, &arg));
	t1x_say_bitmap(buffer(), op);
}

void t1x_do_info(const struct op *op)
{
	u64 buf[T1X_INFO_MAX / 8];
	struct vfio_iommu_type1_info *info = (void *)buf;
	int ret;

	memset(buf, 0xee, sizeof(buf));
	info->argsz = op->arg[0];
	ret = ioctl(run.container, VFIO_IOMMU_GET_INFO, info);
	t1x_say_info(ret, buf, op->arg[0]);
}

void t1x_do_ext(const struct op *op)
{
	t1x_say_ret(ioctl(run.container, VFIO_CHECK_EXTENSION, op->arg[0]));
}

void t1x_do_raw(const struct op *op)
{
	static const struct vfio_iommu_type1_info info = { .argsz = 24 };
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = t1x_region[R_A].base,
		.iova = 0x50000000,
		.size = T1X_PAGE,
	};
	static const struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = 0x50000000,
		.size = T1X_PAGE,
	};
	static const struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP,
	};
	const struct {
		unsigned long cmd;
		const void *arg;
		size_t len;
	} cmds[RAW_CMDS] = {
		[RAW_INFO] = { VFIO_IOMMU_GET_INFO, &info, sizeof(info) },
		[RAW_MAP] = { VFIO_IOMMU_MAP_DMA, &map, sizeof(map) },
		[RAW_UNMAP] = { VFIO_IOMMU_UNMAP_DMA, &unmap, sizeof(unmap) },
		[RAW_DIRTY] = { VFIO_IOMMU_DIRTY_PAGES, &dirty, sizeof(dirty) },
		[RAW_UNKNOWN] = { _IO(VFIO_TYPE, VFIO_BASE + 99), &info, 0 },
	};
	const struct region_info *r = &t1x_region[R_ARG];
	u64 at = op->arg[1] - r->base;
	size_t room;

	if (op->arg[0] >= RAW_CMDS)
		return;
	room = at < r->size ? r->size - at : 0;
	if (room > cmds[op->arg[0]].len)
		room = cmds[op->arg[0]].len;
	if (room)
		memcpy((void *)op->arg[1], cmds[op->arg[0]].arg, room);
	t1x_say_ret(ioctl(run.container, cmds[op->arg[0]].cmd, op->arg[1]));
	if (room)
		t1x_say_bytes((void *)op->arg[1], room);
}

void t1x_do_map_range(const struct op *op)
{
	struct vfio_type1x_map_range map = {
		.argsz = op->arg[MAP_ARGSZ],
		.flags = op->arg[MAP_FLAGS],
		.vaddr = op->arg[MAP_VADDR],
		.iova = op->arg[MAP_IOVA],
		.last = op->arg[MAPR_LAST],
		.granule = op->arg[MAPR_GRANULE],
	};
	u64 before = t1x_hash(&map, sizeof(map));

	t1x_say_ret(ioctl(run.container, VFIO_IOMMU_TYPE1X_MAP_RANGE, &map));
	if (t1x_hash(&map, sizeof(map)) != before)
		t1x_say(" argument written to");
}

void t1x_do_unmap_range(const struct op *op)
{
	struct vfio_type1x_unmap_range unmap = {
		.argsz = op->arg[UNMAP_ARGSZ],
		.flags = op->arg[UNMAP_FLAGS],
		.iova = op->arg[UNMAP_IOVA],
		.last = op->arg[RANGE_LAST],
		.unmapped_pages = T1X_UNWRITTEN,
		.bitmap_pgsize = op->arg[BITMAP_PGSIZE],
		.bitmap_size = op->arg[BITMAP_SIZE],
		.bitmap_data = op->arg[BITMAP_DATA],
	};
	struct vfio_type1x_unmap_range before = unmap;
	int ret;

	fill_buf(op);
	ret = ioctl(run.container, VFIO_IOMMU_TYPE1X_UNMAP_RANGE, &unmap);
	t1x_say_ret(ret);
	t1x_say(" pages 0x%lx", (u64)unmap.unmapped_pages);
	before.unmapped_pages = unmap.unmapped_pages;
	if (memcmp(&unmap, &before, sizeof(unmap)))
		t1x_say(" argument written to");
	t1x_say_bitmap(buffer(), op);
}

void t1x_do_dirty_range(const struct op *op)
{
	struct vfio_type1x_dirty_range dirty = {
		.argsz = op->arg[UNMAP_ARGSZ],
		.flags = op->arg[UNMAP_FLAGS],
		.iova = op->arg[UNMAP_IOVA],
		.last = op->arg[RANGE_LAST],
		.bitmap_pgsize = op->arg[BITMAP_PGSIZE],
		.bitmap_size = op->arg[BITMAP_SIZE],
		.bitmap_data = op->arg[BITMAP_DATA],
	};
	u64 before = t1x_hash(&dirty, sizeof(dirty));
	int ret;

	fill_buf(op);
	ret = ioctl(run.container, VFIO_IOMMU_TYPE1X_DIRTY_RANGE, &dirty);
	t1x_say_ret(ret);
	if (t1x_hash(&dirty, sizeof(dirty)) != before)
		t1x_say(" argument written to");
	t1x_say_bitmap(buffer(), op);
}

void t1x_do_pgsizes(const struct op *op)
{
	struct vfio_type1x_pgsizes arg = {
		.argsz = op->arg[0],
		.flags = op->arg[1],
		.pgsizes = op->arg[2],
		.supported = T1X_UNWRITTEN,
	};

	t1x_say_ret(ioctl(run.container, VFIO_IOMMU_TYPE1X_PGSIZES, &arg));
	t1x_say(" pgsizes 0x%lx supported 0x%lx", (u64)arg.pgsizes,
		(u64)arg.supported);
}
