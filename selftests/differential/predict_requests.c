// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the model answers to the ioctls of a container: the checks of each in
 * their order, and what is written back. What it does then is in model.c.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <linux/vfio_type1x.h>
#include <stddef.h>
#include <string.h>

#include "predict.h"
#include "record.h"
#include "report.h"

#define MAX_BITMAP 0x10000000UL /* bytes */

static bool is_page_aligned(u64 value)
{
	return !(value % T1X_PAGE);
}

static int process_of(struct model *m, char who)
{
	return who == 'B' ? m->b : 0;
}

static bool wraps(u64 start, u64 size)
{
	return size && start + (size - 1) < start;
}

/* Those that no kernel takes for a user's; others may be, and be nowhere */
static bool access_ok(u64 addr, u64 size)
{
	return addr + size >= addr && !((addr + size) >> 63);
}

/* Drivers let go of what an unmap is about to take, even if it fails then */
static void quiesce(struct model *m, const struct model_parts *parts)
{
	int i, g;

	for (i = 0; i < parts->n; i++) {
		struct model_span part = parts->part[i];
		struct model_map *map = t1x_model_find(m, part.first);

		if (m->fault == FAULT_CUT_PINS)
			part = (struct model_span){ map->iova, map->last };
		if (!t1x_model_pinned(m, part.first, part.last))
			continue;
		m->callback[m->ncallbacks++] = part;
		for (g = G_EMU0; g <= G_EMU1; g++)
			t1x_model_unpin(m, g, part.first, part.last, ~0U / 2);
	}
}

static int map_dma(struct model *m, const struct op *op)
{
	u64 flags = op->arg[MAP_FLAGS], size = op->arg[MAP_SIZE];
	struct model_map map = {
		.iova = op->arg[MAP_IOVA],
		.last = op->arg[MAP_IOVA] + size - 1,
		.read = flags & VFIO_DMA_MAP_FLAG_READ,
		.write = flags & VFIO_DMA_MAP_FLAG_WRITE,
		.owner = process_of(m, op->who),
		.offset = op->arg[MAP_VADDR] - op->arg[MAP_IOVA],
	};
	bool vaddr = flags & VFIO_DMA_MAP_FLAG_VADDR;

	if ((u32)op->arg[MAP_ARGSZ] < 32 || flags & ~7UL || !size)
		return -EINVAL;
	if (wraps(map.iova, size) || wraps(op->arg[MAP_VADDR], size))
		return -t1x_wrap_errno();
	if ((map.read || map.write) == vaddr)
		return -EINVAL;
	if (!is_page_aligned(map.iova | size | op->arg[MAP_VADDR]))
		return -EINVAL;
	if (vaddr)
		return t1x_model_restore(m, &map);
	map.granule = t1x_model_granule_of(m, map.iova, map.last);
	return t1x_model_map(m, &map);
}

static int map_range(struct model *m, const struct op *op)
{
	u64 flags = op->arg[MAP_FLAGS], granule = op->arg[MAPR_GRANULE];
	struct model_map map = {
		.iova = op->arg[MAP_IOVA],
		.last = op->arg[MAPR_LAST],
		.read = flags & VFIO_TYPE1X_MAP_FLAG_READ,
		.write = flags & VFIO_TYPE1X_MAP_FLAG_WRITE,
		.owner = process_of(m, op->who),
		.offset = op->arg[MAP_VADDR] - op->arg[MAP_IOVA],
	};

	if ((u32)op->arg[MAP_ARGSZ] < 40 || flags & ~0x103UL)
		return -EINVAL;
	if (!map.read && !map.write)
		return -EINVAL;
	if (granule && !(flags & VFIO_TYPE1X_MAP_FLAG_GRANULE))
		return -EINVAL;
	if (map.last < map.iova)
		return -EINVAL;
	if (map.last + map.offset < op->arg[MAP_VADDR])
		return -t1x_wrap_errno();
	if (!is_page_aligned(map.iova | (map.last + 1) | op->arg[MAP_VADDR]))
		return -EINVAL;
	if (flags & VFIO_TYPE1X_MAP_FLAG_GRANULE) {
		if (!granule && m->fault != FAULT_GRANULE_0)
			granule = T1X_PAGE;
		if (granule & (granule - 1) ||
		    (granule && granule < T1X_PAGE) ||
		    (granule && (map.iova | (map.last + 1)) % granule))
			return -EINVAL;
		map.granule = granule;
	}
	return t1x_model_map(m, &map);
}

/* A bitmap for UNMAP_DMA or GET_BITMAP of so many bytes */
static bool is_bitmap(const struct op *op, u64 range)
{
	u64 pgsize = op->arg[BITMAP_PGSIZE], size = op->arg[BITMAP_SIZE];
	u64 pages;

	if (!access_ok(op->arg[BITMAP_DATA], size) || pgsize != T1X_PAGE)
		return false;
	pages = range / pgsize;
	return pages && size && size <= MAX_BITMAP &&
	       size >= (pages + 63) / 64 * 8;
}

static int check_unmap(struct model *m, const struct op *op, u64 *first,
		       u64 *last)
{
	u64 flags = op->arg[UNMAP_FLAGS], size = op->arg[UNMAP_SIZE];

	if ((u32)op->arg[UNMAP_ARGSZ] < 24 || flags & ~7UL)
		return -EINVAL;
	if (flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP &&
	    (flags != VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP ||
	     (u32)op->arg[UNMAP_ARGSZ] < 48 || !is_bitmap(op, size)))
		return -EINVAL;

	if (flags & VFIO_DMA_UNMAP_FLAG_VADDR && t1x_model_has_emulated(m))
		return -EBUSY;
	*first = op->arg[UNMAP_IOVA];
	*last = *first + (size - 1);
	if (!is_page_aligned(*first))
		return -EINVAL;
	if (flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		if (*first || size)
			return -EINVAL;
		*last = ~0UL;
		return 0;
	}
	if (!size || !is_page_aligned(size))
		return -EINVAL;
	if (wraps(*first, size))
		return -t1x_wrap_errno();
	if (flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP && !m->tracking)
		return -EINVAL;
	return 0;
}

static enum model_rules rules_of(struct model *m, u64 flags)
{
	if (flags & VFIO_DMA_UNMAP_FLAG_VADDR)
		return m->v2 ? BY_VADDR_V2 : BY_VADDR_V1;
	return m->v2 ? BY_V2 : BY_V1;
}

static u64 bytes_of(const struct model_parts *parts)
{
	u64 bytes = 0;
	int i;

	for (i = 0; i < parts->n; i++)
		bytes += parts->part[i].last - parts->part[i].first + 1;
	return bytes;
}

static int unmap_dma(struct model *m, const struct op *op, u64 *size)
{
	static struct model_parts parts;
	u64 flags = op->arg[UNMAP_FLAGS];
	u64 first, last;
	int i, ret;

	ret = check_unmap(m, op, &first, &last);
	if (!ret)
		ret = t1x_model_plan(m, first, last, rules_of(m, flags),
				     &parts);
	if (!ret && flags & VFIO_DMA_UNMAP_FLAG_VADDR) {
		ret = t1x_model_invalidate(m, &parts);
		if (!ret)
			*size = bytes_of(&parts);
		return ret;
	}
	if (ret)
		return ret;

	quiesce(m, &parts);
	if (flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP) {
		for (i = 0; i < parts.n; i++)
			if (!t1x_report_fits(op, first, &parts.part[i]))
				return -EFAULT;
		for (i = 0; i < parts.n; i++)
			t1x_report_part(m, op, first, &parts.part[i]);
	}
	*size = bytes_of(&parts);
	t1x_model_remove(m, &parts);
	return 0;
}

/* A window from a multiple of 64 pages on */
static int check_window(struct model *m, const struct op *op)
{
	u64 size = op->arg[BITMAP_SIZE];

	if (op->arg[BITMAP_PGSIZE] != T1X_PAGE || size > MAX_BITMAP ||
	    size < t1x_report_window(op))
		return -EINVAL;
	if (!m->v2)
		return -EACCES;
	return access_ok(op->arg[BITMAP_DATA], size) ? 0 : -EFAULT;
}

static int check_range(const struct op *op)
{
	u64 first = op->arg[UNMAP_IOVA], last = op->arg[RANGE_LAST];

	if (last < first || !is_page_aligned(first | (last + 1)))
		return -EINVAL;
	return 0;
}

/* Are there mappings from end to end? */
static bool has_holes(struct model *m, u64 first, u64 last)
{
	struct model_map *map;

	for (map = t1x_model_find(m, first); map && map->last < last;)
		map = t1x_model_find(m, map->last + 1);
	return !map;
}

static int unmap_range(struct model *m, const struct op *op, u64 *pages)
{
	u64 first = op->arg[UNMAP_IOVA], last = op->arg[RANGE_LAST];
	bool bitmap = op->arg[UNMAP_FLAGS];
	static struct model_parts parts;
	int ret;

	if ((u32)op->arg[UNMAP_ARGSZ] < 56 || op->arg[UNMAP_FLAGS] & ~1UL)
		return -EINVAL;
	if (!bitmap && (op->arg[BITMAP_PGSIZE] || op->arg[BITMAP_SIZE] ||
			op->arg[BITMAP_DATA]))
		return -EINVAL;
	ret = check_range(op);
	if (!ret && bitmap)
		ret = check_window(m, op);
	if (!ret && bitmap && !m->tracking)
		ret = -EINVAL;
	if (!ret && m->fault == FAULT_HOLES && has_holes(m, first, last))
		ret = -EINVAL;
	if (!ret && m->fault == FAULT_LAST_PAGE && last == ~0UL)
		last -= T1X_PAGE;
	if (!ret)
		ret = t1x_model_plan(m, first, last, BY_RANGE, &parts);
	if (ret)
		return ret;

	quiesce(m, &parts);
	if (bitmap && !t1x_report_range(m, op))
		return -EFAULT;
	*pages = bytes_of(&parts) / T1X_PAGE;
	t1x_model_remove(m, &parts);
	return 0;
}

static int dirty_range(struct model *m, const struct op *op)
{
	u64 first = op->arg[UNMAP_IOVA], last = op->arg[RANGE_LAST];
	bool looks = op->arg[UNMAP_FLAGS];
	int ret;

	if (!m->v2)
		return -EACCES;
	if ((u32)op->arg[UNMAP_ARGSZ] < 48 || op->arg[UNMAP_FLAGS] & ~1UL)
		return -EINVAL;
	ret = check_range(op);
	if (!ret)
		ret = check_window(m, op);
	if (!ret && !m->tracking)
		ret = -EINVAL;
	if (ret)
		return ret;

	if (!t1x_report_range(m, op)) {
		if (m->fault == FAULT_FAULT_CLEARS)
			t1x_model_set_clean(m, first, last);
		return -EFAULT;
	}
	if (m->fault == FAULT_REPORT_SOME && t1x_model_find(m, first))
		first = t1x_model_find(m, first)->iova;
	if (!looks || m->fault == FAULT_NO_CLEAR)
		t1x_model_set_clean(m, first, last);
	return 0;
}

static int get_bitmap(struct model *m, const struct op *op)
{
	u64 first = op->arg[UNMAP_IOVA], size = op->arg[UNMAP_SIZE];
	u64 last = first + (size - 1);
	static struct model_parts parts;
	int i, ret;

	if (!size)
		return -EINVAL;
	if (wraps(first, size))
		return -t1x_wrap_errno();
	if (!is_bitmap(op, size) || !m->tracking ||
	    !is_page_aligned(first | size))
		return -EINVAL;
	ret = t1x_model_plan(m, first, last, BY_VADDR_V2, &parts);
	if (ret)
		return ret;
	for (i = 0; i < parts.n; i++)
		if (!t1x_report_fits(op, first, &parts.part[i]))
			return -EFAULT;
	for (i = 0; i < parts.n; i++) {
		t1x_report_part(m, op, first, &parts.part[i]);
		t1x_model_set_clean(m, parts.part[i].first, parts.part[i].last);
	}
	return 0;
}

static int dirty_pages(struct model *m, const struct op *op)
{
	u32 argsz = op->arg[0];

	if (!m->v2)
		return -EACCES;
	if (argsz < 8)
		return -EINVAL;
	switch (op->arg[1]) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return t1x_model_start(m);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		m->tracking = false;
		return 0;
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		return argsz < 48 || op->kind == OP_DIRTY ? -EINVAL :
							    get_bitmap(m, op);
	}
	return -EINVAL;
}

void t1x_predict_map(struct model *m, const struct op *op)
{
	if (!m->served)
		t1x_predict_result(-EINVAL);
	else
		t1x_predict_result(op->kind == OP_MAP ? map_dma(m, op) :
							map_range(m, op));
}

void t1x_predict_unmap(struct model *m, const struct op *op)
{
	u64 size = op->arg[UNMAP_SIZE];

	t1x_report_fill(m, op);
	t1x_predict_result(m->served ? unmap_dma(m, op, &size) : -EINVAL);
	t1x_say(" size 0x%lx", size);
	if (op->kind == OP_UNMAPD)
		t1x_say_bitmap(m->buf, op);
}

void t1x_predict_unmap_range(struct model *m, const struct op *op)
{
	u64 pages = T1X_UNWRITTEN;

	t1x_report_fill(m, op);
	t1x_predict_result(m->served ? unmap_range(m, op, &pages) : -EINVAL);
	t1x_say(" pages 0x%lx", pages);
	t1x_say_bitmap(m->buf, op);
}

void t1x_predict_dirty_range(struct model *m, const struct op *op)
{
	t1x_report_fill(m, op);
	t1x_predict_result(m->served ? dirty_range(m, op) : -EINVAL);
	t1x_say_bitmap(m->buf, op);
}

void t1x_predict_dirty(struct model *m, const struct op *op)
{
	t1x_report_fill(m, op);
	t1x_predict_result(m->served ? dirty_pages(m, op) : -EINVAL);
	if (op->kind == OP_GET)
		t1x_say_bitmap(m->buf, op);
}

void t1x_predict_pgsizes(struct model *m, const struct op *op)
{
	u64 sizes = op->arg[2], supported = T1X_UNWRITTEN;
	bool get = op->arg[1] == VFIO_TYPE1X_PGSIZES_GET;
	bool set = op->arg[1] == VFIO_TYPE1X_PGSIZES_SET;
	int ret = 0;

	if (!m->served || (u32)op->arg[0] < 24 || (!get && !(set && sizes))) {
		ret = -EINVAL;
	} else {
		/* Told even if such a choice is refused */
		supported = t1x_model_supported(m);
		if (set)
			ret = t1x_model_choose(m, sizes);
		else
			sizes = t1x_model_pgsizes(m);
	}
	t1x_predict_result(ret);
	t1x_say(" pgsizes 0x%lx supported 0x%lx", sizes, supported);
}

void t1x_predict_ext(struct model *m, const struct op *op)
{
	u64 id = op->arg[0];
	bool has = id == VFIO_TYPE1_IOMMU || id == VFIO_TYPE1v2_IOMMU ||
		   id == VFIO_UNMAP_ALL;

	has |= id >= VFIO_TYPE1X && id <= VFIO_TYPE1X_PGSIZES;
	if (id == VFIO_UPDATE_VADDR)
		has = m->served && !t1x_model_has_emulated(m);
	t1x_predict_result(has);
}

/* One capability behind the others */
static u32 add_cap(unsigned char *buf, u32 *end, u32 last, u16 id,
		   const void *cap, u32 size)
{
	struct vfio_info_cap_header *header = (void *)(buf + *end);
	u32 at = *end;

	memcpy(buf + at, cap, size);
	header->id = id;
	header->version = 1;
	header->next = 0;
	if (last)
		((struct vfio_info_cap_header *)(buf + last))->next = at;
	/* 6.6: each begins at a multiple of 8 */
	if (t1x_kernel_at_least(6, 6))
		size = (size + 7) & ~7U;
	*end += size;
	return at;
}

/* All capabilities, from at on; returns where they end */
static u32 add_caps(struct model *m, unsigned char *buf, u32 at)
{
	struct vfio_iommu_type1_info_cap_migration migration = {
		.pgsize_bitmap = T1X_PAGE,
		.max_dirty_bitmap_size = MAX_BITMAP,
	};
	struct vfio_iommu_type1_info_dma_avail avail = {
		.avail = t1x_model_avail(m),
	};
	struct {
		struct vfio_iommu_type1_info_cap_iova_range head;
		struct vfio_iova_range range[MAX_RANGES];
	} iovas = {};
	struct t1x_range range[MAX_RANGES];
	int i, n = t1x_model_ranges(m, range, MAX_RANGES);
	u32 last;

	last = add_cap(buf, &at, 0, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
		       &migration, sizeof(migration));
	last = add_cap(buf, &at, last, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, &avail,
		       sizeof(avail));
	iovas.head.nr_iovas = n;
	for (i = 0; i < n; i++) {
		iovas.range[i].start = range[i].start;
		iovas.range[i].end = range[i].last;
	}
	if (n)
		add_cap(buf, &at, last, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
			&iovas, sizeof(iovas.head) + n * sizeof(*iovas.range));
	return at;
}

void t1x_predict_info(struct model *m, const struct op *op)
{
	struct vfio_iommu_type1_info info = {
		.argsz = op->arg[0],
		.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
		.cap_offset = sizeof(info),
	};
	unsigned char caps[T1X_INFO_MAX], buf[T1X_INFO_MAX];
	u32 size = offsetof(struct vfio_iommu_type1_info, cap_offset) + 4;
	u32 argsz = op->arg[0], end;

	memset(buf, 0xee, sizeof(buf));
	memset(caps, 0, sizeof(caps));
	((struct vfio_iommu_type1_info *)buf)->argsz = argsz;
	if (!m->served || argsz < 16) {
		errno = EINVAL;
		t1x_say_info(-1, buf, argsz);
		return;
	}
	info.iova_pgsizes = t1x_model_pgsizes(m);
	end = add_caps(m, caps, sizeof(info));
	if (argsz < end) {
		info.argsz = end;
		info.cap_offset = 0;
	} else {
		memcpy(buf + sizeof(info), caps + sizeof(info),
		       end - sizeof(info));
	}
	/* 6.6: all that there is room for, padding included */
	if (t1x_kernel_at_least(6, 6))
		size = argsz < sizeof(info) ? argsz : sizeof(info);
	else if (argsz < size)
		size = offsetof(struct vfio_iommu_type1_info, cap_offset);
	memcpy(buf, &info, size);
	t1x_say_info(0, buf, argsz);
}
