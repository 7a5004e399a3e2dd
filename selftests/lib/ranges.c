// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend.h"
#include "ranges.h"

int __t1x_call(struct t1x *c, unsigned long call, void *arg)
{
	return ioctl(c->fd, call, arg) ? -errno : 0;
}

u64 t1x_window(u64 iova)
{
	return iova & ~(64 * T1X_PAGE - 1);
}

u64 t1x_window_words(u64 iova, u64 last)
{
	return (last - t1x_window(iova)) / T1X_PAGE / 64 + 1;
}

struct vfio_type1x_map_range t1x_map_range_of(const void *vaddr, u64 iova,
					      u64 last)
{
	return (struct vfio_type1x_map_range){
		.argsz = sizeof(struct vfio_type1x_map_range),
		.flags = VFIO_TYPE1X_MAP_FLAG_READ | VFIO_TYPE1X_MAP_FLAG_WRITE,
		.vaddr = (unsigned long)vaddr,
		.iova = iova,
		.last = last,
	};
}

struct vfio_type1x_unmap_range t1x_unmap_range_of(u64 iova, u64 last)
{
	return (struct vfio_type1x_unmap_range){
		.argsz = sizeof(struct vfio_type1x_unmap_range),
		.iova = iova,
		.last = last,
	};
}

struct vfio_type1x_unmap_range t1x_unmap_range_dirty_of(u64 iova, u64 last,
							void *bitmap)
{
	struct vfio_type1x_unmap_range unmap = t1x_unmap_range_of(iova, last);

	unmap.flags = VFIO_TYPE1X_UNMAP_FLAG_GET_DIRTY_BITMAP;
	unmap.bitmap_pgsize = T1X_PAGE;
	unmap.bitmap_size = 8 * t1x_window_words(iova, last);
	unmap.bitmap_data = (unsigned long)bitmap;
	return unmap;
}

struct vfio_type1x_dirty_range t1x_dirty_range_of(u64 iova, u64 last,
						  void *bitmap)
{
	return (struct vfio_type1x_dirty_range){
		.argsz = sizeof(struct vfio_type1x_dirty_range),
		.iova = iova,
		.last = last,
		.bitmap_pgsize = T1X_PAGE,
		.bitmap_size = 8 * t1x_window_words(iova, last),
		.bitmap_data = (unsigned long)bitmap,
	};
}

int __t1x_map_range(struct t1x *c, const void *vaddr, u64 iova, u64 last)
{
	struct vfio_type1x_map_range map = t1x_map_range_of(vaddr, iova, last);

	return __t1x_call(c, VFIO_IOMMU_TYPE1X_MAP_RANGE, &map);
}

int __t1x_map_granule(struct t1x *c, const void *vaddr, u64 iova, u64 last,
		      u64 granule)
{
	struct vfio_type1x_map_range map = t1x_map_range_of(vaddr, iova, last);

	map.flags |= VFIO_TYPE1X_MAP_FLAG_GRANULE;
	map.granule = granule;
	return __t1x_call(c, VFIO_IOMMU_TYPE1X_MAP_RANGE, &map);
}

static int unmap_range(struct t1x *c, struct vfio_type1x_unmap_range *unmap,
		       u64 *npages)
{
	int ret = __t1x_call(c, VFIO_IOMMU_TYPE1X_UNMAP_RANGE, unmap);

	if (!ret && npages)
		*npages = unmap->unmapped_pages;
	return ret;
}

int __t1x_unmap_range(struct t1x *c, u64 iova, u64 last, u64 *npages)
{
	struct vfio_type1x_unmap_range unmap = t1x_unmap_range_of(iova, last);

	return unmap_range(c, &unmap, npages);
}

int __t1x_unmap_range_dirty(struct t1x *c, u64 iova, u64 last, void *bitmap,
			    u64 *npages)
{
	struct vfio_type1x_unmap_range unmap =
		t1x_unmap_range_dirty_of(iova, last, bitmap);

	return unmap_range(c, &unmap, npages);
}

int __t1x_dirty_range(struct t1x *c, u64 iova, u64 last, u32 flags,
		      void *bitmap)
{
	struct vfio_type1x_dirty_range dirty =
		t1x_dirty_range_of(iova, last, bitmap);

	dirty.flags = flags;
	return __t1x_call(c, VFIO_IOMMU_TYPE1X_DIRTY_RANGE, &dirty);
}

int __t1x_pgsizes_get(struct t1x *c, u64 *pgsizes, u64 *supported)
{
	struct vfio_type1x_pgsizes arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_TYPE1X_PGSIZES_GET,
	};
	int ret = __t1x_call(c, VFIO_IOMMU_TYPE1X_PGSIZES, &arg);

	if (ret)
		return ret;
	*pgsizes = arg.pgsizes;
	*supported = arg.supported;
	return 0;
}

int __t1x_pgsizes_set(struct t1x *c, u64 pgsizes)
{
	struct vfio_type1x_pgsizes arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_TYPE1X_PGSIZES_SET,
		.pgsizes = pgsizes,
	};

	return __t1x_call(c, VFIO_IOMMU_TYPE1X_PGSIZES, &arg);
}

void t1x_map_granule_at(const char *file, int line, struct t1x *c,
			const void *vaddr, u64 iova, u64 size, u64 granule)
{
	int ret = __t1x_map_granule(c, vaddr, iova, iova + size - 1, granule);

	if (ret)
		t1x_fail(file, line, "MAP_RANGE of 0x%lx bytes at 0x%lx: %s",
			 size, iova, strerror(-ret));
}

void t1x_unmap_range_at(const char *file, int line, struct t1x *c, u64 iova,
			u64 last, u64 size)
{
	u64 npages = 0;
	int ret = __t1x_unmap_range(c, iova, last, &npages);

	if (ret)
		t1x_fail(file, line, "UNMAP_RANGE of [0x%lx, 0x%lx]: %s", iova,
			 last, strerror(-ret));
	if (npages != size / T1X_PAGE)
		t1x_fail(file, line,
			 "UNMAP_RANGE of [0x%lx, 0x%lx]: %lu pages, not %lu",
			 iova, last, npages, size / T1X_PAGE);
}

u64 t1x_pgsizes(struct t1x *c)
{
	u64 pgsizes, supported;
	int ret = __t1x_pgsizes_get(c, &pgsizes, &supported);

	t1x_require(!ret, "PGSIZES GET: %s", strerror(-ret));
	return pgsizes;
}

u64 t1x_pgsizes_supported(struct t1x *c)
{
	u64 pgsizes, supported;
	int ret = __t1x_pgsizes_get(c, &pgsizes, &supported);

	t1x_require(!ret, "PGSIZES GET: %s", strerror(-ret));
	return supported;
}

static bool answers(int fd, u32 extension, const char *when)
{
	int want = t1x_is_type1x(), has;

	has = ioctl(fd, VFIO_CHECK_EXTENSION, extension);
	if (has != want)
		printf("# extension 0x%x is %d %s, not %d\n", extension, has,
		       when, want);
	return has == want;
}

/* Without an argument a call fails, but not as one that does not exist */
static bool knows(int fd, unsigned long call)
{
	bool known;

	t1x_require(ioctl(fd, call, NULL) < 0, "call 0x%lx wants no argument",
		    call);
	known = errno != ENOTTY;
	if (known != t1x_is_type1x())
		printf("# call 0x%lx: %s\n", call, strerror(errno));
	return known == t1x_is_type1x();
}

bool t1x_extension_is_ours(u32 extension, unsigned long call)
{
	static const int types[] = { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU };
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	bool ok = answers(fd, extension, "before SET_IOMMU");
	struct t1x c;
	int i;

	close(fd);
	for (i = 0; i < 2; i++) {
		t1x_open(&c, types[i], NULL);
		ok = answers(c.fd, extension, "after SET_IOMMU") && ok;
		ok = knows(c.fd, call) && ok;
		t1x_close(&c);
	}
	return ok;
}
