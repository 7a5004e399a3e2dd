// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated groups. See include/emulated.h.
 */
#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "call.h"
#include "copy.h"
#include "dma_tracker.h"
#include "emulated.h"
#include "external.h"

#include "compat.h"

/* How often a driver is asked to let go, and how long each time. */
#define QUIESCE_TRIES 10
#define QUIESCE_WAIT (HZ / 10)

static DEFINE_RATELIMIT_STATE(refusals, 60 * HZ, 10);

struct emulated_group {
	struct iommu_group *iommu_group;
	struct list_head next;
};

/**
 * t1x_emulated_init() - A container without emulated groups
 * @emulated: To initialise
 * @tree: Mappings of the container
 */
void t1x_emulated_init(struct t1x_emulated *emulated, struct t1x_dma_tree *tree)
{
	emulated->tree = tree;
	INIT_LIST_HEAD(&emulated->groups);
	atomic_set(&emulated->nr_pinning, 0);
	INIT_HLIST_HEAD(&emulated->targets);
	INIT_LIST_HEAD(&emulated->devices);
	mutex_init(&emulated->device_lock);
}

/**
 * t1x_emulated_destroy() - Undo t1x_emulated_init()
 * @emulated: Without a group
 */
void t1x_emulated_destroy(struct t1x_emulated *emulated)
{
	WARN_ON_ONCE(!list_empty(&emulated->groups));
	WARN_ON_ONCE(!RB_EMPTY_ROOT(&emulated->tree->externals));
	mutex_destroy(&emulated->device_lock);
}

static struct emulated_group *find_group(struct t1x_emulated *emulated,
					 struct iommu_group *iommu_group)
{
	struct emulated_group *group;

	lockdep_assert_held(emulated->tree->lock);

	list_for_each_entry(group, &emulated->groups, next) {
		if (group->iommu_group == iommu_group)
			return group;
	}

	return NULL;
}

/**
 * t1x_emulated_add_group() - Attach an emulated group
 * @emulated: Emulated groups of the container
 * @iommu_group: Group that is not attached
 *
 * Context: The tree's mutex held. May sleep.
 * Return: 0 or -ENOMEM.
 */
int t1x_emulated_add_group(struct t1x_emulated *emulated,
			   struct iommu_group *iommu_group)
{
	struct emulated_group *group;

	lockdep_assert_held(emulated->tree->lock);

	group = kzalloc_obj(*group, GFP_KERNEL_ACCOUNT);
	if (!group)
		return -ENOMEM;

	group->iommu_group = iommu_group;
	list_add(&group->next, &emulated->groups);
	return 0;
}

/**
 * t1x_emulated_remove_group() - Detach an emulated group
 * @emulated: Emulated groups of the container
 * @iommu_group: Any group
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: true if it was one of @emulated.
 */
bool t1x_emulated_remove_group(struct t1x_emulated *emulated,
			       struct iommu_group *iommu_group)
{
	struct emulated_group *group = find_group(emulated, iommu_group);

	if (!group)
		return false;

	list_del(&group->next);
	kfree(group);
	return true;
}

/**
 * t1x_emulated_has_group() - Is a group one of the emulated ones?
 * @emulated: Emulated groups of the container
 * @iommu_group: Any group
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: true if it is.
 */
bool t1x_emulated_has_group(struct t1x_emulated *emulated,
			    struct iommu_group *iommu_group)
{
	return find_group(emulated, iommu_group);
}

/**
 * t1x_emulated_for_each_group() - Visit the emulated groups
 * @emulated: Emulated groups of the container
 * @fn: Called with each group and @data
 * @data: For @fn
 *
 * Context: domains.rwsem or the tree's mutex held.
 */
void t1x_emulated_for_each_group(struct t1x_emulated *emulated,
				 void (*fn)(struct iommu_group *group,
					    void *data),
				 void *data)
{
	struct emulated_group *group;

	list_for_each_entry(group, &emulated->groups, next)
		fn(group->iommu_group, data);
}

/**
 * t1x_emulated_is_used() - Has the container any emulated group?
 * @emulated: Emulated groups of the container
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: true if it has.
 */
bool t1x_emulated_is_used(struct t1x_emulated *emulated)
{
	lockdep_assert_held(emulated->tree->lock);

	return !list_empty(&emulated->groups);
}

/**
 * t1x_emulated_add_device() - A device was opened: tell its driver what goes
 * @emulated: Emulated groups of the container
 * @device: Device; only a driver with dma_unmap is told, and may pin
 *
 * Context: Called by vfio core. No lock of the container held. May sleep.
 */
void t1x_emulated_add_device(struct t1x_emulated *emulated,
			     struct vfio_device *device)
{
	if (!device->ops->dma_unmap)
		return;

	mutex_lock(&emulated->device_lock);
	mutex_lock(emulated->tree->lock);
	list_add(&device->iommu_entry, &emulated->devices);
	mutex_unlock(emulated->tree->lock);
	mutex_unlock(&emulated->device_lock);
}

/**
 * t1x_emulated_remove_device() - A device was closed
 * @emulated: Emulated groups of the container
 * @device: Device that was added
 *
 * Context: Called by vfio core. No lock of the container held. Waits for callbacks
 * of drivers that are under way.
 */
void t1x_emulated_remove_device(struct t1x_emulated *emulated,
				struct vfio_device *device)
{
	if (!device->ops->dma_unmap)
		return;

	mutex_lock(&emulated->device_lock);
	mutex_lock(emulated->tree->lock);
	list_del(&device->iommu_entry);
	mutex_unlock(emulated->tree->lock);
	mutex_unlock(&emulated->device_lock);
}

/* Does a driver still hold a page of what goes? */
static bool is_held(struct t1x_emulated *emulated,
		    const struct t1x_iova_range *going)
{
	return t1x_external_first(emulated->tree, going->iova, going->last);
}

/* No number is the length of the whole space, so that goes in two halves. */
static void notify_device(struct vfio_device *device,
			  const struct t1x_iova_range *going)
{
	const u64 half = BIT_ULL(63);
	u64 size = going->last - going->iova + 1;

	device->ops->dma_unmap(device, going->iova, size ?: half);
	if (!size)
		device->ops->dma_unmap(device, half, half);
}

/* Tell all drivers what goes of a mapping. */
static int notify(struct t1x_emulated *emulated,
		  const struct t1x_iova_range *going)
{
	struct vfio_device *device;

	if (mutex_lock_killable(&emulated->device_lock))
		return -EINTR;

	list_for_each_entry(device, &emulated->devices, iommu_entry)
		notify_device(device, going);
	mutex_unlock(&emulated->device_lock);
	return 0;
}

static int wait_for_copies(struct t1x_emulated *emulated,
			   const struct t1x_iova_range *going)
{
	struct t1x_dma_tree *tree = emulated->tree;
	int ret = 0;

	while (t1x_copy_any(tree, going->iova, going->last) && !ret)
		ret = t1x_dma_wait(tree, MAX_SCHEDULE_TIMEOUT);
	return ret;
}

/* Wait for a driver, for so long and no longer: any mapping's change wakes us. */
static int wait_for_unpin(struct t1x_emulated *emulated,
			  const struct t1x_iova_range *going)
{
	unsigned long until = jiffies + QUIESCE_WAIT;
	long left = QUIESCE_WAIT;
	int ret = 0;

	while (!ret && left > 0 && is_held(emulated, going)) {
		ret = t1x_dma_wait(emulated->tree, left);
		left = until - jiffies;
	}
	return ret;
}

/**
 * t1x_emulated_quiesce() - Have the drivers let go of what goes of a mapping
 * @emulated: Emulated groups of the container
 * @dma: DYING mapping that the caller owns, so that nobody can pin that anew
 * @call: The caller's call, or NULL
 *
 * A driver must unpin in its callback. One that does so late is waited for, one
 * that refuses makes the unmap fail.
 *
 * Context: No lock of the container held. Sleeps, killable.
 * Return: 0 if nothing is pinned or being copied; -EBUSY if a driver does not let
 * go; -EINTR on a fatal signal.
 */
int t1x_emulated_quiesce(struct t1x_emulated *emulated, struct t1x_dma *dma,
			 struct t1x_call *call)
{
	struct mutex *lock = emulated->tree->lock;
	struct t1x_iova_range going;
	unsigned int tries = 0;
	int ret;

	mutex_lock(lock);
	going = t1x_dma_going(emulated->tree, dma);
	ret = wait_for_copies(emulated, &going);
	while (!ret && is_held(emulated, &going)) {
		mutex_unlock(lock);
		ret = notify(emulated, &going);
		mutex_lock(lock);
		if (ret || !is_held(emulated, &going))
			break;

		/* A driver cannot let go of what it has not been given yet. */
		tries += !atomic_read(&emulated->nr_pinning);
		ret = tries < QUIESCE_TRIES ? wait_for_unpin(emulated, &going) :
					      -EBUSY;
	}
	mutex_unlock(lock);

	if (ret != -EBUSY)
		return ret;

	/* A user can repeat this, once a second. */
	if (__ratelimit(&refusals))
		pr_warn("iova 0x%lx-0x%lx: %s\n", going.iova, going.last,
			"a driver does not unpin it, so it stays mapped");
	return t1x_call_fail_with(call, ret, T1X_REASON_HELD, going.iova,
				  going.last, 0);
}
