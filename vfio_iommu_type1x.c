// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_iommu_type1x: a VFIO type1 IOMMU backend, loaded in place of
 * vfio_iommu_type1 or beside it. This file is the module's face to vfio core: the
 * driver ops and the ioctl table.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/iommu.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <uapi/linux/vfio_type1x.h>

#include "call.h"
#include "container.h"
#include "copy.h"
#include "debugfs.h"
#include "external.h"
#include "group.h"
#include "unmap.h"
#include "user_bitmap.h"
#include "vfio_driver_ops.h"

#include "compat.h"

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Let groups be used whose interrupts are not remapped");

static bool disable_hugepages;
module_param(disable_hugepages, bool, 0644);
MODULE_PARM_DESC(disable_hugepages,
		 "Map with the smallest IOMMU page size only");

static unsigned int dma_entry_limit __read_mostly = U16_MAX;
module_param(dma_entry_limit, uint, 0644);
MODULE_PARM_DESC(dma_entry_limit,
		 "Maximum number of user DMA mappings per container (65535)");

static unsigned long granule;

static int set_granule(const char *val, const struct kernel_param *kp)
{
	unsigned long bytes;
	int ret = kstrtoul(val, 0, &bytes);

	if (ret)
		return ret;
	if (bytes && (!is_power_of_2(bytes) || bytes < PAGE_SIZE))
		return -EINVAL;

	WRITE_ONCE(granule, bytes);
	return 0;
}

static const struct kernel_param_ops granule_ops = {
	.set = set_granule,
	.get = param_get_ulong,
};

module_param_cb(granule, &granule_ops, &granule, 0644);
MODULE_PARM_DESC(granule,
		 "Let mappings be cut at multiples of so many bytes (0: off)");

static void *t1x_open(unsigned long type)
{
	struct t1x_container *container;

	container = t1x_container_open(type, READ_ONCE(dma_entry_limit));
	if (IS_ERR(container))
		return container;

	t1x_debugfs_add(container);
	return (void *)container->id;
}

static struct t1x_container *container_get(void *iommu_data)
{
	return t1x_container_get((unsigned long)iommu_data);
}

/* vfio core has detached all groups, so what is left are calls under way. */
static void t1x_release(void *iommu_data)
{
	struct t1x_container *container = container_get(iommu_data);

	if (WARN_ON_ONCE(!container))
		return;

	t1x_debugfs_remove(container);
	t1x_container_close(container);
	t1x_container_put(container);
}

static int t1x_attach_group(void *iommu_data, struct iommu_group *group,
			    enum vfio_group_type type)
{
	struct t1x_container *container;
	struct t1x_call call;
	struct t1x_group_opts opts = {
		.call = &call,
		.unsafe_interrupts = READ_ONCE(allow_unsafe_interrupts),
		.single = READ_ONCE(disable_hugepages),
	};
	int ret;

	container = container_get(iommu_data);
	if (!container)
		return -EINVAL;

	t1x_journal_begin(&container->journal, &call, T1X_CALL_ATTACH);
	call.group = iommu_group_id(group);
	call.emulated = type == VFIO_EMULATED_IOMMU;
	opts.nesting = container->nesting;
	if (call.emulated)
		ret = t1x_group_attach_emulated(&container->map, group, &call);
	else
		ret = t1x_group_attach(&container->map, group, &opts);
	t1x_journal_end(&call, ret);
	t1x_container_put(container);
	return ret;
}

static void t1x_detach_group(void *iommu_data, struct iommu_group *group)
{
	struct t1x_container *container = container_get(iommu_data);

	if (!container)
		return;

	t1x_group_detach(&container->map, group);
	t1x_journal_detach(&container->journal, iommu_group_id(group));
	t1x_container_put(container);
}

static struct iommu_domain *t1x_group_iommu_domain(void *iommu_data,
						   struct iommu_group *group)
{
	struct iommu_domain *found = ERR_PTR(-ENODEV);
	struct t1x_container *container;
	struct t1x_domain *domain;

	container = container_get(iommu_data);
	if (!container || !group) {
		found = ERR_PTR(-EINVAL);
		goto out_put;
	}

	mutex_lock(&container->map.lock);
	domain = t1x_domains_find(&container->map.domains, group);
	if (domain)
		found = domain->domain;
	mutex_unlock(&container->map.lock);

out_put:
	if (container)
		t1x_container_put(container);
	return found;
}

/* The driver of a group pins what its devices write. */
static void set_seen(struct t1x_map *map, struct iommu_group *group)
{
	/* While its device is open, a group neither gets a domain nor loses it. */
	if (list_empty(&map->domains.list))
		return;

	mutex_lock(&map->lock);
	t1x_domains_set_seen(&map->domains, group);
	mutex_unlock(&map->lock);
}

/* For what in-tree has in v2 alone. */
static int check_v2(const struct t1x_container *container,
		    struct t1x_call *call)
{
	return container->v2 ? 0 : t1x_call_fail(call, -EACCES, T1X_REASON_V1);
}

static int t1x_pin_pages(void *iommu_data, struct iommu_group *group,
			 dma_addr_t iova, int npage, int prot,
			 struct page **pages)
{
	/* t1x_journal_begin() sets it up. */
	struct t1x_call call __uninitialized;
	struct t1x_container *container;
	int ret;

	if (!pages || npage <= 0)
		return -EINVAL;

	container = container_get(iommu_data);
	if (!container)
		return -EINVAL;

	t1x_journal_begin(&container->journal, &call, T1X_CALL_PIN);
	t1x_call_set_range(&call, iova,
			   iova + ((unsigned long)npage << PAGE_SHIFT) - 1);
	/* As in-tree has it, v1 knows no drivers that pin. */
	ret = check_v2(container, &call) ?:
		      t1x_emulated_pin(&container->map.emulated, iova, npage,
				       prot, pages, &call);
	t1x_journal_end(&call, ret);

	if (!ret) {
		set_seen(&container->map, group);
		ret = npage;
	}
	t1x_container_put(container);
	return ret;
}

static void t1x_unpin_pages(void *iommu_data, dma_addr_t iova, int npage)
{
	struct t1x_container *container = container_get(iommu_data);

	if (!container)
		return;

	if (npage > 0) {
		t1x_emulated_unpin(&container->map.emulated, iova, npage);
		t1x_journal_unpin(&container->journal, iova, npage);
	}
	t1x_container_put(container);
}

static int t1x_dma_rw(void *iommu_data, dma_addr_t iova, void *buf, size_t len,
		      bool write)
{
	struct t1x_container *container = container_get(iommu_data);
	int ret;

	if (!container)
		return -EINVAL;

	ret = t1x_copy_rw(&container->map.tree, iova, buf, len, write);
	t1x_container_put(container);
	return ret;
}

static void t1x_register_device(void *iommu_data, struct vfio_device *device)
{
	struct t1x_container *container = container_get(iommu_data);

	if (!container)
		return;

	t1x_emulated_add_device(&container->map.emulated, device);
	t1x_container_put(container);
}

static void t1x_unregister_device(void *iommu_data, struct vfio_device *device)
{
	struct t1x_container *container = container_get(iommu_data);

	if (!container)
		return;

	t1x_emulated_remove_device(&container->map.emulated, device);
	t1x_container_put(container);
}

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

/* @container is NULL before VFIO_SET_IOMMU. */
static long t1x_check_extension(struct t1x_container *container,
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

static long t1x_get_info(struct t1x_container *container, void __user *arg,
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

static long t1x_map_ioctl(struct t1x_container *container, void __user *arg,
			  struct t1x_call *call)
{
	unsigned long cut = READ_ONCE(granule);
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
			   READ_ONCE(disable_hugepages));
}

static long t1x_map_range_ioctl(struct t1x_container *container,
				void __user *arg, struct t1x_call *call)
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
			   READ_ONCE(disable_hugepages));
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

static long t1x_unmap_ioctl(struct t1x_container *container, void __user *arg,
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

static long t1x_unmap_range_ioctl(struct t1x_container *container,
				  void __user *arg, struct t1x_call *call)
{
	struct vfio_type1x_unmap_range req;
	struct t1x_uapi_unmap args = { .call = call };
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return refuse_struct(call);

	ret = t1x_uapi_check_unmap_range(&req, t1x_map_pgsize(&container->map),
					 &args);
	if (!ret && args.report)
		ret = check_v2(container, call);
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

static long t1x_dirty_ioctl(struct t1x_container *container, void __user *arg,
			    struct t1x_call *call)
{
	struct t1x_dirty_log *log = &container->map.log;
	struct vfio_iommu_type1_dirty_bitmap req;
	int ret;

	ret = check_v2(container, call);
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

static long t1x_dirty_range_ioctl(struct t1x_container *container,
				  void __user *arg, struct t1x_call *call)
{
	struct vfio_type1x_dirty_range req;
	struct t1x_uapi_dirty args = { .call = call };
	int ret;

	ret = check_v2(container, call);
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

static long t1x_pgsizes_ioctl(struct t1x_container *container, void __user *arg,
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
	{ VFIO_IOMMU_MAP_DMA, T1X_CALL_MAP, t1x_map_ioctl },
	{ VFIO_IOMMU_UNMAP_DMA, T1X_CALL_UNMAP, t1x_unmap_ioctl },
	{ VFIO_IOMMU_GET_INFO, T1X_NR_CALLS, t1x_get_info },
	{ VFIO_IOMMU_DIRTY_PAGES, T1X_CALL_DIRTY, t1x_dirty_ioctl },
	{ VFIO_IOMMU_TYPE1X_MAP_RANGE, T1X_CALL_MAP, t1x_map_range_ioctl },
	{ VFIO_IOMMU_TYPE1X_UNMAP_RANGE, T1X_CALL_UNMAP,
	  t1x_unmap_range_ioctl },
	{ VFIO_IOMMU_TYPE1X_DIRTY_RANGE, T1X_CALL_DIRTY,
	  t1x_dirty_range_ioctl },
	{ VFIO_IOMMU_TYPE1X_PGSIZES, T1X_CALL_PGSIZES, t1x_pgsizes_ioctl },
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

static long container_ioctl(struct t1x_container *container, unsigned int cmd,
			    unsigned long arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		if (ioctls[i].cmd == cmd)
			return call_handler(container, i, (void __user *)arg);
	}

	return -ENOTTY;
}

static long t1x_ioctl(void *iommu_data, unsigned int cmd, unsigned long arg)
{
	struct t1x_container *container = container_get(iommu_data);
	long ret;

	if (cmd == VFIO_CHECK_EXTENSION)
		ret = t1x_check_extension(container, arg);
	else if (container)
		ret = container_ioctl(container, cmd, arg);
	else
		ret = -EINVAL; /* what vfio core says of a container without us */

	if (container)
		t1x_container_put(container);
	return ret;
}

static const struct vfio_iommu_driver_ops t1x_ops = {
	.name = "vfio-iommu-type1x",
	.owner = THIS_MODULE,
	.open = t1x_open,
	.release = t1x_release,
	.ioctl = t1x_ioctl,
	.attach_group = t1x_attach_group,
	.detach_group = t1x_detach_group,
	.pin_pages = t1x_pin_pages,
	.unpin_pages = t1x_unpin_pages,
	.register_device = t1x_register_device,
	.unregister_device = t1x_unregister_device,
	.dma_rw = t1x_dma_rw,
	.group_iommu_domain = t1x_group_iommu_domain,
	/* 6.1's notify wakes who waits for an address: nobody here does. */
};

static int __init t1x_init(void)
{
	int ret;

	ret = t1x_dma_cache_create();
	if (ret)
		return ret;

	ret = t1x_external_cache_create();
	if (ret)
		goto err_dma_cache;

	t1x_debugfs_create();
	ret = vfio_register_iommu_driver(&t1x_ops);
	if (ret)
		goto err_debugfs;
	return 0;

err_debugfs:
	t1x_debugfs_destroy();
	t1x_external_cache_destroy();
err_dma_cache:
	t1x_dma_cache_destroy();
	return ret;
}

static void __exit t1x_exit(void)
{
	vfio_unregister_iommu_driver(&t1x_ops);

	/*
	 * A call may have read our ops before the last group went and be about to
	 * enter, or have dropped the last container and be about to leave. Neither
	 * sleeps there, so both are gone when every task has been through the
	 * scheduler of its own accord.
	 */
	synchronize_rcu_tasks();
	t1x_debugfs_destroy();
	t1x_external_cache_destroy();
	t1x_dma_cache_destroy();
}

module_init(t1x_init);
module_exit(t1x_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vfio_iommu_type1x authors");
MODULE_DESCRIPTION("VFIO type1 IOMMU backend, out of tree");
MODULE_VERSION("0.1.0");
