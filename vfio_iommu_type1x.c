// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_iommu_type1x: a VFIO type1 IOMMU backend, loaded in place of
 * vfio_iommu_type1 or beside it. This file is the module's face to vfio core: the
 * driver ops.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/vfio.h>

#include "call.h"
#include "container.h"
#include "copy.h"
#include "debugfs.h"
#include "external.h"
#include "group.h"
#include "ioctl.h"
#include "params.h"
#include "vfio_driver_ops.h"

static void *t1x_ops_open(unsigned long type)
{
	struct t1x_container *container;

	container =
		t1x_container_open(type, READ_ONCE(t1x_params.dma_entry_limit));
	if (IS_ERR(container))
		return container;

	t1x_debugfs_add(container);
	return (void *)container->id;
}

/* Not for an ioctl: see include/container.h. */
static struct t1x_container *find_container(void *iommu_data)
{
	return t1x_container_find((unsigned long)iommu_data);
}

/* vfio core has detached all groups, so what is left are ioctls under way. */
static void t1x_ops_release(void *iommu_data)
{
	struct t1x_container *container = find_container(iommu_data);

	if (WARN_ON_ONCE(!container))
		return;

	t1x_debugfs_remove(container);
	t1x_container_close(container);
}

static int t1x_ops_attach_group(void *iommu_data, struct iommu_group *group,
				enum vfio_group_type type)
{
	struct t1x_container *container;
	struct t1x_call call;
	struct t1x_group_opts opts = {
		.call = &call,
		.unsafe_interrupts = READ_ONCE(t1x_params.unsafe_interrupts),
		.single = READ_ONCE(t1x_params.single),
	};
	int ret;

	container = find_container(iommu_data);
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
	return ret;
}

static void t1x_ops_detach_group(void *iommu_data, struct iommu_group *group)
{
	struct t1x_container *container = find_container(iommu_data);

	if (!container)
		return;

	t1x_group_detach(&container->map, group);
	t1x_journal_detach(&container->journal, iommu_group_id(group));
}

static struct iommu_domain *
t1x_ops_group_iommu_domain(void *iommu_data, struct iommu_group *group)
{
	struct iommu_domain *found = ERR_PTR(-ENODEV);
	struct t1x_container *container;
	struct t1x_domain *domain;

	container = find_container(iommu_data);
	if (!container || !group)
		return ERR_PTR(-EINVAL);

	mutex_lock(&container->map.lock);
	domain = t1x_domains_find(&container->map.domains, group);
	if (domain)
		found = domain->domain;
	mutex_unlock(&container->map.lock);
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

static int t1x_ops_pin_pages(void *iommu_data, struct iommu_group *group,
			     dma_addr_t iova, int npage, int prot,
			     struct page **pages)
{
	/* t1x_journal_begin() sets it up. */
	struct t1x_call call __uninitialized;
	struct t1x_container *container;
	int ret;

	if (!pages || npage <= 0)
		return -EINVAL;

	container = find_container(iommu_data);
	if (!container)
		return -EINVAL;

	t1x_journal_begin(&container->journal, &call, T1X_CALL_PIN);
	t1x_call_set_range(&call, iova,
			   iova + ((unsigned long)npage << PAGE_SHIFT) - 1);
	/* As in-tree has it, v1 knows no drivers that pin. */
	ret = t1x_container_check_v2(container, &call) ?:
		      t1x_emulated_pin(&container->map.emulated, iova, npage,
				       prot, pages, &call);
	t1x_journal_end(&call, ret);

	if (!ret) {
		set_seen(&container->map, group);
		ret = npage;
	}
	return ret;
}

static void t1x_ops_unpin_pages(void *iommu_data, dma_addr_t iova, int npage)
{
	struct t1x_container *container = find_container(iommu_data);

	if (!container)
		return;

	if (npage > 0) {
		t1x_journal_unpin(&container->journal, iova, npage);
		t1x_emulated_unpin(&container->map.emulated, iova, npage);
	}
}

static int t1x_ops_dma_rw(void *iommu_data, dma_addr_t iova, void *buf,
			  size_t len, bool write)
{
	struct t1x_container *container = find_container(iommu_data);

	if (!container)
		return -EINVAL;

	return t1x_copy_rw(&container->map.tree, iova, buf, len, write);
}

static void t1x_ops_register_device(void *iommu_data,
				    struct vfio_device *device)
{
	struct t1x_container *container = find_container(iommu_data);

	if (!container)
		return;

	t1x_emulated_add_device(&container->map.emulated, device);
}

static void t1x_ops_unregister_device(void *iommu_data,
				      struct vfio_device *device)
{
	struct t1x_container *container = find_container(iommu_data);

	if (!container)
		return;

	t1x_emulated_remove_device(&container->map.emulated, device);
}

static long t1x_ops_ioctl(void *iommu_data, unsigned int cmd, unsigned long arg)
{
	struct t1x_container *container =
		t1x_container_get((unsigned long)iommu_data);
	long ret;

	if (cmd == VFIO_CHECK_EXTENSION)
		ret = t1x_ioctl_check_extension(container, arg);
	else if (container)
		ret = t1x_ioctl_run(container, cmd, (void __user *)arg);
	else
		ret = -EINVAL; /* what vfio core says of a container without us */

	if (container)
		t1x_container_put(container);
	return ret;
}

static const struct vfio_iommu_driver_ops t1x_ops = {
	.name = "vfio-iommu-type1x",
	.owner = THIS_MODULE,
	.open = t1x_ops_open,
	.release = t1x_ops_release,
	.ioctl = t1x_ops_ioctl,
	.attach_group = t1x_ops_attach_group,
	.detach_group = t1x_ops_detach_group,
	.pin_pages = t1x_ops_pin_pages,
	.unpin_pages = t1x_ops_unpin_pages,
	.register_device = t1x_ops_register_device,
	.unregister_device = t1x_ops_unregister_device,
	.dma_rw = t1x_ops_dma_rw,
	.group_iommu_domain = t1x_ops_group_iommu_domain,
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
