// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of containers. See include/container.h.
 */
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>

#include "call.h"
#include "container.h"

#include "compat.h"

/*
 * All containers that are not closed, by id: each call begins with a look-up. That is too
 * short to be preempted, and rcu_read_lock() would be a call of its own.
 */
static DEFINE_HASHTABLE(containers, 8);
static DEFINE_SPINLOCK(containers_lock); /* to add and to remove */
static atomic_long_t last_id;

/**
 * t1x_container_open() - Make a container
 * @type: VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU or VFIO_TYPE1_NESTING_IOMMU
 * @dma_entry_limit: How many mappings there may be
 *
 * Context: vfio core holds the module. May sleep.
 * Return: The container, which holds the module and is held by the caller until
 * t1x_container_close(); ERR_PTR(-EINVAL) for another type; ERR_PTR(-ENOMEM).
 */
struct t1x_container *t1x_container_open(unsigned long type,
					 unsigned int dma_entry_limit)
{
	struct t1x_container *container;

	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU &&
	    type != __VFIO_RESERVED_TYPE1_NESTING_IOMMU)
		return ERR_PTR(-EINVAL);

	container = kzalloc_obj(*container, GFP_KERNEL_ACCOUNT);
	if (!container)
		return ERR_PTR(-ENOMEM);

	container->id = atomic_long_inc_return(&last_id);
	container->v2 = type != VFIO_TYPE1_IOMMU;
	container->nesting = T1X_HAVE_NESTING &&
			     type == __VFIO_RESERVED_TYPE1_NESTING_IOMMU;
	refcount_set(&container->refs, 1);
	t1x_map_init(&container->map, dma_entry_limit);
	t1x_journal_init(&container->journal, container->id);

	spin_lock(&containers_lock);
	hash_add_rcu(containers, &container->node, container->id);
	spin_unlock(&containers_lock);

	__module_get(THIS_MODULE);
	return container;
}

/**
 * t1x_container_close() - No call finds a container any more
 * @container: From t1x_container_open(), with no group
 *
 * Those under way still hold it.
 *
 * Context: As t1x_container_put().
 */
void t1x_container_close(struct t1x_container *container)
{
	spin_lock(&containers_lock);
	hash_del_rcu(&container->node);
	spin_unlock(&containers_lock);
	t1x_container_put(container);
}

static struct t1x_container *find_open(unsigned long id)
{
	struct t1x_container *container;

	hash_for_each_possible_rcu(containers, container, node, id) {
		if (container->id == id)
			return container;
	}

	return NULL;
}

/**
 * t1x_container_find() - Find a container that is not about to go
 * @id: Its number
 *
 * Context: vfio core keeps it from t1x_container_close() meanwhile: by its lock of the
 * container's groups, or because a device of one of them is open.
 * Return: The container, or NULL.
 */
struct t1x_container *t1x_container_find(unsigned long id)
{
	struct t1x_container *container;

	rcu_read_lock_sched();
	container = find_open(id);
	rcu_read_unlock_sched();

	return container;
}

/**
 * t1x_container_get() - Find a container and hold it
 * @id: Its number
 *
 * For an ioctl, which nothing keeps from running beside a release.
 *
 * Context: Any.
 * Return: The container, to be given to t1x_container_put(), or NULL.
 */
struct t1x_container *t1x_container_get(unsigned long id)
{
	struct t1x_container *container;

	rcu_read_lock_sched();
	container = find_open(id);
	if (container && !refcount_inc_not_zero(&container->refs))
		container = NULL;
	rcu_read_unlock_sched();

	return container;
}

/**
 * t1x_container_put() - Let go of a container
 * @container: Container
 *
 * Context: No lock of the container held. May sleep. What follows must be covered by
 * a synchronize_rcu_tasks() at module exit, or hold the module itself.
 */
void t1x_container_put(struct t1x_container *container)
{
	if (!refcount_dec_and_test(&container->refs))
		return;

	t1x_map_destroy(&container->map);
	kfree_rcu(container, rcu);
	module_put(THIS_MODULE);
}

/**
 * t1x_container_check_v2() - Refuse what in-tree has in v2 alone
 * @container: Container
 * @call: The call, or NULL
 *
 * Context: Any.
 * Return: 0; -EACCES, with the reason, if the container is of VFIO_TYPE1_IOMMU.
 */
int t1x_container_check_v2(const struct t1x_container *container,
			   struct t1x_call *call)
{
	return container->v2 ? 0 : t1x_call_fail(call, -EACCES, T1X_REASON_V1);
}
