// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies to and from mappings. See include/copy.h.
 */
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "account.h"
#include "copy.h"
#include "dma_tracker.h"

/* Find what of [iova, last] is in one mapping, and keep that from going. */
static int begin_copy(struct t1x_dma_tree *tree, struct t1x_copy *copy,
		      unsigned long iova, unsigned long last, bool write)
{
	struct t1x_dma *dma;

	lockdep_assert_held(tree->lock);

	if (tree->nr_vaddr_invalid)
		return -EBUSY;

	dma = t1x_dma_find_usable(tree, iova, &copy->last);
	if (!dma)
		return -EINVAL;
	/* As in-tree has it, a write too needs a mapping that can be read. */
	if (!(dma->prot & IOMMU_READ) || (write && !(dma->prot & IOMMU_WRITE)))
		return -EPERM;

	copy->iova = iova;
	copy->last = min(copy->last, last);
	copy->vaddr = dma->vaddr + (iova - dma->iova);
	copy->account = dma->account;
	t1x_account_hold(dma->account);
	list_add(&copy->next, &tree->copies);
	return 0;
}

/* Mark what a copy that was not disowned has written. */
static void mark_dirty(struct t1x_dma_tree *tree, const struct t1x_copy *copy,
		       unsigned long written)
{
	unsigned long first = copy->iova >> PAGE_SHIFT;
	unsigned long last = (copy->iova + (written - 1)) >> PAGE_SHIFT;
	struct t1x_dma *dma;

	/* It may have been split, but no split is amid a copy. */
	dma = t1x_dma_find(tree, copy->iova, copy->iova);
	t1x_dma_set_dirty(dma, first, last - first + 1);
}

static void end(struct t1x_dma_tree *tree, struct t1x_copy *copy,
		unsigned long written)
{
	lockdep_assert_held(tree->lock);

	/* The last group may have gone meanwhile, and the mapping with it. */
	if (list_empty(&copy->next))
		return;

	if (written)
		mark_dirty(tree, copy, written);

	list_del(&copy->next);
	t1x_dma_wake(tree);
}

/* Copy as the mapper would. Return: bytes copied, or an error. */
static long transfer(const struct t1x_copy *copy, void *buf, bool write)
{
	void __user *user = (void __user *)copy->vaddr;
	struct mm_struct *mm = copy->account->mm;
	size_t len = copy->last - copy->iova + 1;
	bool kthread = !current->mm;
	unsigned long left = len;

	if (!mmget_not_zero(mm))
		return -EPERM;

	if (kthread)
		kthread_use_mm(mm);
	if (current->mm == mm)
		left = write ? copy_to_user(user, buf, len) :
			       copy_from_user(buf, user, len);
	if (kthread)
		kthread_unuse_mm(mm);
	mmput(mm);
	return len - left;
}

/**
 * t1x_copy_rw() - vfio_dma_rw(): read or write as the device would
 * @tree: Mappings of the container
 * @iova: First byte
 * @buf: Kernel memory
 * @len: Length in bytes, not 0
 * @write: Write to the mappings
 *
 * Semantics: vfio_dma_rw() in drivers/vfio. The caller is the mapper or a thread
 * of the kernel.
 *
 * Context: No lock of the container held: the copy may wait for a user. May sleep.
 * Return: 0; -EINVAL if there is no mapping; -EPERM if it does not allow that, or
 * the mapper's address space is gone; -EFAULT if the memory is not there or the
 * caller has another address space; -EBUSY while addresses are invalid. What was
 * copied before a failure stays, and is dirty.
 */
int t1x_copy_rw(struct t1x_dma_tree *tree, unsigned long iova, void *buf,
		size_t len, bool write)
{
	struct t1x_copy copy;
	long copied;
	int ret;

	while (len) {
		unsigned long last = iova + (len - 1);

		/* A range that wraps ends at the end of the space, then begins anew. */
		mutex_lock(tree->lock);
		ret = begin_copy(tree, &copy, iova,
				 last < iova ? ULONG_MAX : last, write);
		mutex_unlock(tree->lock);
		if (ret)
			return ret;

		copied = transfer(&copy, buf, write);

		mutex_lock(tree->lock);
		end(tree, &copy, write ? max(copied, 0L) : 0);
		mutex_unlock(tree->lock);
		t1x_account_put(copy.account);

		if (copied < 0)
			return copied;
		if (copied < copy.last - copy.iova + 1)
			return -EFAULT;
		iova += copied;
		buf += copied;
		len -= copied;
	}

	return 0;
}

/**
 * t1x_copy_any() - Is anything of a range being copied?
 * @tree: Mappings of the container
 * @iova: First byte of the range
 * @last: Last byte of the range, inclusive
 *
 * Context: tree->lock held. Does not sleep.
 * Return: true if it is.
 */
bool t1x_copy_any(struct t1x_dma_tree *tree, unsigned long iova,
		  unsigned long last)
{
	const struct t1x_copy *copy;

	lockdep_assert_held(tree->lock);

	list_for_each_entry(copy, &tree->copies, next) {
		if (copy->iova <= last && copy->last >= iova)
			return true;
	}

	return false;
}

/**
 * t1x_copy_disown() - A mapping goes, and with it what is copied of it
 * @tree: Mappings of the container
 * @dma: One of them, about to be removed
 *
 * An unmap has waited for copies. Those that are still under way are of a device that
 * was closed: nobody is to wait for them where another mapping is then.
 *
 * Context: tree->lock held. Does not sleep.
 */
void t1x_copy_disown(struct t1x_dma_tree *tree, const struct t1x_dma *dma)
{
	struct t1x_copy *copy, *next;

	lockdep_assert_held(tree->lock);

	list_for_each_entry_safe(copy, next, &tree->copies, next) {
		if (copy->iova <= dma->last && copy->last >= dma->iova)
			list_del_init(&copy->next);
	}
}
