// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of a container. See include/ioctl.h.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <uapi/linux/vfio_type1x.h>

#include "call.h"
#include "container.h"
#include "ioctl.h"
#include "params.h"
#include "uapi.h"
#include "unmap.h"
#include "user_bitmap.h"

#include "compat.h"

/* Can addresses be invalid for a while? Not where drivers need them. */
static bool can_update_vaddr(struct t1x_container *container)
{
	bool emulated;

	if (!container)
		return false;

	mutex_lock(&container->map.lock);
	emulated = t1x_emulated_is_used(&container->map.emulated);
	mutex_unlock(&container->map.lock);
	return !emulated;
}

/**
 * t1x_ioctl_check_extension() - VFIO_CHECK_EXTENSION
 * @container: Container, or NULL before VFIO_SET_IOMMU
 * @extension: What is asked for; linux/vfio.h and linux/vfio_type1x.h have the numbers
 *
 * Context: May sleep; waits for the container's mutex.
 * Return: 1 if there is such a thing, on this kernel and in this container as it is now;
 * 0 if not.
 */
long t1x_ioctl_check_extension(struct t1x_container *container,
			       unsigned long extension)
{
	bool coherent;

	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
	case VFIO_TYPE1X:
	case VFIO_TYPE1X_RANGES:
	case VFIO_TYPE1X_GRANULE:
	case VFIO_TYPE1X_PGSIZES:
		return 1;
	case __VFIO_RESERVED_TYPE1_NESTING_IOMMU:
		return T1X_HAVE_NESTING;
	case VFIO_UPDATE_VADDR:
		return can_update_vaddr(container);
	case VFIO_DMA_CC_IOMMU:
		if (!container)
			return 0;
		mutex_lock(&container->map.lock);
		coherent = t1x_domains_all_coherent(&container->map.domains);
		mutex_unlock(&container->map.lock);
		return coherent;
	default:
		return 0;
	}
}

static int add_iova_cap(const struct t1x_iova_space *space,
			struct vfio_info_cap *caps)
{
	struct vfio_iova_range *ranges;
	unsigned int i;

	/* A container without an IOMMU domain has nothing to tell. */
	if (!space->nr)
		return 0;

	ranges = t1x_uapi_add_iova_cap(caps, space->nr);
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);

	for (i = 0; i < space->nr; i++) {
		ranges[i].start = space->ranges[i].iova;
		ranges[i].end = space->ranges[i].last;
	}
	return 0;
}

static int build_caps(struct t1x_map *map, struct vfio_info_cap *caps,
		      u64 *pgsizes)
{
	int ret;

	if (mutex_lock_killable(&map->lock))
		return -EINTR;

	*pgsizes = map->domains.pgsizes;
	ret = t1x_uapi_add_migration_cap(caps, t1x_pgsize_min(*pgsizes));
	if (!ret)
		ret = t1x_uapi_add_avail_cap(caps, map->dma_avail);
	if (!ret)
		ret = add_iova_cap(&map->space, caps);
	mutex_unlock(&map->lock);
	return ret;
}

static long get_info(struct t1x_container *container, void __user *arg,
		     struct t1x_call *call)
{
	const size_t minsz =
		offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
	struct vfio_iommu_type1_info info = {};
	struct vfio_info_cap caps = {};
	size_t size;
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	size = t1x_compat_info_size(info.argsz);
	ret = build_caps(&container->map, &caps, &info.iova_pgsizes);
	if (ret)
		goto out_free;

	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	if (info.argsz < sizeof(info) + caps.size) {
		info.argsz = sizeof(info) + caps.size;
	} else {
		vfio_info_cap_shift(&caps, sizeof(info));
		info.cap_offset = sizeof(info);
		if (copy_to_user(arg + sizeof(info), caps.buf, caps.size))
			ret = -EFAULT;
	}

	if (!ret && copy_to_user(arg, &info, size))
		ret = -EFAULT;

out_free:
	kfree(caps.buf);
	return ret;
}

/* The user's request cannot be read, or its result not written. */
static int refuse_struct(struct t1x_call *call)
{
	return t1x_call_refuse(call, -EFAULT, T1X_FIELD_STRUCT);
}

static long map_ioctl(struct t1x_container *container, void __user *arg,
		      struct t1x_call *call)
{
	unsigned long cut = READ_ONCE(t1x_params.granule);
	struct vfio_iommu_type1_dma_map req;
	struct t1x_uapi_map args = { .call = call };
	unsigned long pgsize;
	int ret;

	if (copy_from_user(&req, arg, offsetofend(typeof(req), size)))
		return refuse_struct(call);

	pgsize = t1x_map_pgsize(&container->map);
	ret = t1x_uapi_check_map(&req, pgsize, &args);
	if (ret)
		return ret;

	if (cut)
		t1x_uapi_default_granule(&args, cut, pgsize);
	return t1x_map_dma(&container->map, &args,
			   READ_ONCE(t1x_params.single));
}

static long map_range_ioctl(struct t1x_container *container, void __user *arg,
			    struct t1x_call *call)
{
	struct vfio_type1x_map_range req;
	struct t1x_uapi_map args = { .call = call };
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return refuse_struct(call);

	ret = t1x_uapi_check_map_range(&req, t1x_map_pgsize(&container->map),
				       &args);
	if (ret)
		return ret;

	return t1x_map_dma(&container->map, &args,
			   READ_ONCE(t1x_params.single));
}

static int refuse_bitmap(struct t1x_call *call, int ret, unsigned long addr)
{
	return t1x_call_fail_with(call, ret, T1X_REASON_BITMAP, addr, 0, 0);
}

/* The bitmap that follows an unmap request. */
static int get_unmap_bitmap(const struct vfio_iommu_type1_dma_unmap *req,
			    void __user *arg, struct t1x_uapi_bitmap *bitmap,
			    struct t1x_call *call)
{
	struct vfio_bitmap user;

	if (copy_from_user(&user, arg + offsetofend(typeof(*req), size),
			   sizeof(user)))
		return refuse_struct(call);
	if (!access_ok(user.data, user.size))
		return refuse_bitmap(call, -EINVAL, (unsigned long)user.data);

	return t1x_uapi_check_bitmap(&user, req->size, bitmap, call);
}

static long unmap_ioctl(struct t1x_container *container, void __user *arg,
			struct t1x_call *call)
{
	const size_t minsz =
		offsetofend(struct vfio_iommu_type1_dma_unmap, size);
	struct vfio_iommu_type1_dma_unmap req;
	struct t1x_uapi_unmap args = { .call = call };
	u64 npages;
	int ret;

	if (copy_from_user(&req, arg, minsz))
		return refuse_struct(call);

	ret = t1x_uapi_check_unmap_flags(&req, call);
	if (!ret && req.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
		ret = get_unmap_bitmap(&req, arg, &args.bitmap, call);
	if (ret)
		return ret;

	/* Beside drivers that need addresses this is refused before the range is. */
	if (req.flags & VFIO_DMA_UNMAP_FLAG_VADDR &&
	    !can_update_vaddr(container))
		return t1x_call_fail(call, -EBUSY, T1X_REASON_EMULATED);

	args.lenient = !container->v2;
	ret = t1x_uapi_check_unmap(&req, t1x_map_pgsize(&container->map),
				   &args);
	if (!ret)
		ret = t1x_unmap_dma(&container->map, &args, &npages);
	if (ret)
		return ret;

	/* 2^64 bytes are 0, as in-tree has it. */
	if (put_user(npages << PAGE_SHIFT,
		     (u64 __user *)(arg + offsetof(typeof(req), size))))
		return refuse_struct(call);
	return 0;
}

/* Unmap, and tell how much where that can no longer fail. */
static int unmap_and_tell(struct t1x_map *map,
			  const struct t1x_uapi_unmap *args, unsigned long addr)
{
	struct t1x_user_bitmap out;
	u64 npages;
	int ret;

	ret = t1x_user_bitmap_open(&out, addr, sizeof(npages));
	if (ret)
		return ret;

	ret = t1x_user_bitmap_pin(&out, 0, sizeof(npages));
	if (ret == -EFAULT)
		refuse_struct(args->call);
	if (!ret)
		ret = t1x_unmap_dma(map, args, &npages);
	if (!ret) {
		npages >>= __ffs(t1x_map_pgsize(map)) - PAGE_SHIFT;
		t1x_user_bitmap_write(&out, 0, &npages, sizeof(npages));
	}
	t1x_user_bitmap_close(&out);
	return ret;
}

static long unmap_range_ioctl(struct t1x_container *container, void __user *arg,
			      struct t1x_call *call)
{
	struct vfio_type1x_unmap_range req;
	struct t1x_uapi_unmap args = { .call = call };
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return refuse_struct(call);

	ret = t1x_uapi_check_unmap_range(&req, t1x_map_pgsize(&container->map),
					 &args);
	if (!ret && args.report)
		ret = t1x_container_check_v2(container, call);
	if (ret)
		return ret;
	if (args.report &&
	    !access_ok((void __user *)args.bitmap.addr, args.bitmap.size))
		return refuse_bitmap(call, -EFAULT, args.bitmap.addr);

	return unmap_and_tell(&container->map, &args,
			      (unsigned long)arg +
				      offsetof(typeof(req), unmapped_pages));
}

static long get_dirty(struct t1x_container *container, void __user *arg,
		      struct t1x_call *call)
{
	struct vfio_iommu_type1_dirty_bitmap_get req;
	struct t1x_uapi_dirty args = { .call = call };
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return refuse_struct(call);

	ret = t1x_uapi_check_dirty_get(&req, &args);
	if (ret)
		return ret;
	if (!access_ok(req.bitmap.data, req.bitmap.size))
		return refuse_bitmap(call, -EINVAL,
				     (unsigned long)req.bitmap.data);

	ret = t1x_uapi_check_bitmap(&req.bitmap, req.size, &args.bitmap, call);
	return ret ?: t1x_dirty_log_get(&container->map.log, &args);
}

static long dirty_ioctl(struct t1x_container *container, void __user *arg,
			struct t1x_call *call)
{
	struct t1x_dirty_log *log = &container->map.log;
	struct vfio_iommu_type1_dirty_bitmap req;
	int ret;

	ret = t1x_container_check_v2(container, call);
	if (ret)
		return ret;
	if (copy_from_user(&req, arg, sizeof(req)))
		return refuse_struct(call);

	ret = t1x_uapi_check_dirty(&req, call);
	if (ret)
		return ret;

	if (req.flags & VFIO_IOMMU_DIRTY_PAGES_FLAG_START)
		return t1x_dirty_log_start(log);
	if (req.flags & VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP)
		return t1x_dirty_log_stop(log);
	return get_dirty(container, arg + sizeof(req), call);
}

static long dirty_range_ioctl(struct t1x_container *container, void __user *arg,
			      struct t1x_call *call)
{
	struct vfio_type1x_dirty_range req;
	struct t1x_uapi_dirty args = { .call = call };
	int ret;

	ret = t1x_container_check_v2(container, call);
	if (ret)
		return ret;
	if (copy_from_user(&req, arg, sizeof(req)))
		return refuse_struct(call);

	ret = t1x_uapi_check_dirty_range(&req, t1x_map_pgsize(&container->map),
					 &args);
	if (ret)
		return ret;
	if (!access_ok((void __user *)args.bitmap.addr, args.bitmap.size))
		return refuse_bitmap(call, -EFAULT, args.bitmap.addr);
	call->no_clear = args.no_clear;

	return t1x_dirty_log_get_range(&container->map.log, &args);
}

static int set_pgsizes(struct t1x_map *map,
		       const struct vfio_type1x_pgsizes *req,
		       struct t1x_call *call)
{
	int ret = t1x_map_set_pgsizes(map, req->pgsizes, req->supported);

	if (ret == -EBUSY)
		t1x_call_fail(call, ret, T1X_REASON_MAPPED);
	else if (ret == -EINVAL)
		t1x_call_refuse(call, ret, T1X_FIELD_PGSIZES);
	return ret;
}

static long pgsizes_ioctl(struct t1x_container *container, void __user *arg,
			  struct t1x_call *call)
{
	struct t1x_domains *domains = &container->map.domains;
	struct vfio_type1x_pgsizes req;
	bool set;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return refuse_struct(call);

	ret = t1x_uapi_check_pgsizes(&req, call);
	if (ret)
		return ret;

	set = req.flags & VFIO_TYPE1X_PGSIZES_SET;
	do {
		if (mutex_lock_killable(&container->map.lock))
			return -EINTR;
		if (!set)
			req.pgsizes = domains->pgsizes;
		req.supported = domains->supported;
		mutex_unlock(&container->map.lock);

		/* First, because this may fail. */
		if (copy_to_user(arg, &req, sizeof(req)))
			return refuse_struct(call);
		ret = set ? set_pgsizes(&container->map, &req, call) : 0;
	} while (ret == -ESTALE);

	return ret;
}

static const struct {
	unsigned int cmd;
	enum t1x_call_kind kind; /* T1X_NR_CALLS: not in the journal */
	long (*handler)(struct t1x_container *container, void __user *arg,
			struct t1x_call *call);
} ioctls[] = {
	{ VFIO_IOMMU_MAP_DMA, T1X_CALL_MAP, map_ioctl },
	{ VFIO_IOMMU_UNMAP_DMA, T1X_CALL_UNMAP, unmap_ioctl },
	{ VFIO_IOMMU_GET_INFO, T1X_NR_CALLS, get_info },
	{ VFIO_IOMMU_DIRTY_PAGES, T1X_CALL_DIRTY, dirty_ioctl },
	{ VFIO_IOMMU_TYPE1X_MAP_RANGE, T1X_CALL_MAP, map_range_ioctl },
	{ VFIO_IOMMU_TYPE1X_UNMAP_RANGE, T1X_CALL_UNMAP, unmap_range_ioctl },
	{ VFIO_IOMMU_TYPE1X_DIRTY_RANGE, T1X_CALL_DIRTY, dirty_range_ioctl },
	{ VFIO_IOMMU_TYPE1X_PGSIZES, T1X_CALL_PGSIZES, pgsizes_ioctl },
};

static long call_handler(struct t1x_container *container, unsigned int i,
			 void __user *arg)
{
	/* t1x_journal_begin() sets it up. */
	struct t1x_call call __uninitialized;

	if (ioctls[i].kind == T1X_NR_CALLS)
		return ioctls[i].handler(container, arg, NULL);

	t1x_journal_begin(&container->journal, &call, ioctls[i].kind);
	return t1x_journal_end(&call, ioctls[i].handler(container, arg, &call));
}

/**
 * t1x_ioctl_run() - An ioctl of a container
 * @container: Container that the caller holds
 * @cmd: Which one
 * @arg: Its argument, in the user's memory
 *
 * Those that map, unmap, report or change anything are noted in the journal, with the
 * reason if they fail.
 *
 * Context: May sleep; waits, killable, as t1x_map_dma(), t1x_unmap_dma() and
 * t1x_dirty_log_get() do.
 * Return: 0; -ENOTTY if there is no such ioctl; -EFAULT if @arg cannot be read or written;
 * -EINVAL for a request that is wrong by itself; or what the call itself returns.
 */
long t1x_ioctl_run(struct t1x_container *container, unsigned int cmd,
		   void __user *arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		if (ioctls[i].cmd == cmd)
			return call_handler(container, i, arg);
	}

	return -ENOTTY;
}
