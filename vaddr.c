// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_UPDATE_VADDR. See include/vaddr.h.
 */
#include <linux/capability.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sched.h>

#include "account.h"
#include "call.h"
#include "dma_tracker.h"
#include "uapi.h"
#include "vaddr.h"

static void set_invalid(struct t1x_dma_tree *tree, struct t1x_dma *dma,
			bool invalid)
{
	long npages = t1x_dma_nr_pinned(dma);

	t1x_dma_set_vaddr_invalid(tree, dma, invalid);
	t1x_account_add_moving(dma->account, invalid ? npages : -npages);
}

/**
 * t1x_vaddr_invalidate() - VFIO_DMA_UNMAP_FLAG_VADDR
 * @tree: Mappings of the container
 * @args: Range
 * @npages: Set to the pages of the mappings whose addresses are invalid now
 *
 * Context: tree->lock held. May sleep.
 * Return: 0; -EINVAL if an address is invalid already, or the range cuts a mapping
 * of a v2 container, with a granule or without; -EAGAIN if a mapping in the range is
 * to be waited for. On failure nothing changed.
 */
int t1x_vaddr_invalidate(struct t1x_dma_tree *tree,
			 const struct t1x_uapi_unmap *args, u64 *npages)
{
	struct t1x_dma *first = t1x_dma_find(tree, args->iova, args->last);
	struct t1x_dma *dma;

	lockdep_assert_held(tree->lock);

	if (t1x_dma_find_unsettled(tree, args->iova, args->last))
		return -EAGAIN;
	if (!args->lenient && t1x_dma_cuts(tree, args->iova, args->last))
		return t1x_call_refuse(args->call, -EINVAL, T1X_FIELD_RANGE);

	for (dma = first; dma && t1x_uapi_unmap_takes(args, dma->iova);
	     dma = t1x_dma_next(tree, dma)) {
		if (dma->vaddr_invalid)
			return t1x_call_fail(args->call, -EINVAL,
					     T1X_REASON_VADDR_INVALID);
	}

	*npages = 0;
	for (dma = first; dma && t1x_uapi_unmap_takes(args, dma->iova);
	     dma = t1x_dma_next(tree, dma)) {
		if (dma->stuck)
			continue;
		set_invalid(tree, dma, true);
		*npages += t1x_dma_npages(dma);
	}

	return 0;
}

/* Find what a restore is for. */
static int find_invalid(struct t1x_dma_tree *tree,
			const struct t1x_uapi_map *args, struct t1x_dma **found)
{
	struct t1x_dma *dma;
	int ret;

	while (t1x_dma_find_unsettled(tree, args->iova, args->last)) {
		ret = t1x_dma_wait(tree, MAX_SCHEDULE_TIMEOUT);
		if (ret)
			return ret;
	}

	dma = t1x_dma_find(tree, args->iova, args->last);
	if (!dma || dma->stuck)
		return t1x_call_fail_with(args->call, -ENOENT,
					  T1X_REASON_UNMAPPED, args->iova, 0,
					  0);
	if (!dma->vaddr_invalid)
		return t1x_call_fail(args->call, -EINVAL,
				     T1X_REASON_VADDR_INVALID);
	if (dma->iova != args->iova || dma->last != args->last)
		return t1x_dma_refuse_cut(dma, args->call);

	*found = dma;
	return 0;
}

/* Charge the caller for what is pinned of a BUSY mapping, with the mutex dropped. */
static int charge_caller(struct t1x_dma_tree *tree,
			 struct t1x_accounts *accounts,
			 struct t1x_account *account, unsigned long npages,
			 bool lock_cap, struct t1x_call *call)
{
	unsigned long orphans = t1x_account_orphans(accounts);
	long charged;

	mutex_unlock(tree->lock);
	charged = t1x_account_charge(account, npages, orphans, lock_cap);
	if (charged >= 0 && charged < npages) {
		t1x_account_refund(account, charged);
		t1x_account_settle(account);
		charged = t1x_account_refuse(account, orphans + npages, call);
	}
	mutex_lock(tree->lock);
	return min(charged, 0L);
}

/* Move the charge of a mapping from the process that made it to the caller. */
static int change_owner(struct t1x_dma_tree *tree,
			struct t1x_accounts *accounts, struct t1x_dma *dma,
			struct t1x_call *call)
{
	unsigned long npages = t1x_dma_nr_pinned(dma);
	struct t1x_account *other = t1x_account_get(accounts);
	bool lock_cap = capable(CAP_IPC_LOCK);
	long moved = 0;
	int ret;

	if (!other)
		return -ENOMEM;

	t1x_dma_set_state(tree, dma, T1X_DMA_BUSY);
	ret = charge_caller(tree, accounts, other, npages, lock_cap, call);

	/* Doomed, the old account is being refunded by whoever doomed it. */
	if (!ret && !dma->doomed) {
		t1x_account_add_moving(other, npages);
		t1x_account_refund(dma->account, npages);
		swap(dma->account, other);
		dma->lock_cap = lock_cap;
		moved = npages;
	} else if (!ret) {
		t1x_account_refund(other, npages);
	}

	/*
	 * What is left in @other is to be refunded and let go. It is moving until
	 * then, or a MAP at the same time would find it counted twice.
	 */
	mutex_unlock(tree->lock);
	t1x_account_settle(other);
	t1x_account_add_moving(other, -moved);
	t1x_account_put(other);
	mutex_lock(tree->lock);

	/* Doomed, it is the caller's to forget: nobody who waited may have it. */
	if (dma->doomed)
		t1x_dma_set_state(tree, dma, T1X_DMA_DYING);
	else
		t1x_dma_set_state(tree, dma, T1X_DMA_LIVE);
	return ret;
}

/**
 * t1x_vaddr_restore() - VFIO_DMA_MAP_FLAG_VADDR
 * @tree: Mappings of the container
 * @accounts: Who pays for them
 * @args: The range of one mapping, and the caller's address of its memory
 * @doomed: Set to the mapping if the last group went meanwhile: the caller has to
 *	    forget it; else to NULL
 *
 * The user vouches that the memory is the same, as in-tree type1 has it.
 *
 * Context: tree->lock held; it is dropped and taken again. Sleeps, killable.
 * Return: 0; -ENOENT if there is no mapping; -EINVAL if it is not exactly this
 * range, or its address is valid; -ENOMEM if memory is short or the caller's
 * RLIMIT_MEMLOCK too low; -EINTR on a fatal signal. On failure nothing changed.
 */
int t1x_vaddr_restore(struct t1x_dma_tree *tree, struct t1x_accounts *accounts,
		      const struct t1x_uapi_map *args, struct t1x_dma **doomed)
{
	struct t1x_dma *dma;
	int ret;

	lockdep_assert_held(tree->lock);

	*doomed = NULL;
	ret = find_invalid(tree, args, &dma);
	if (ret)
		return ret;

	if (dma->account->mm != current->mm)
		ret = change_owner(tree, accounts, dma, args->call);

	if (dma->doomed) {
		*doomed = dma;
		return -EINVAL;
	}
	if (ret)
		return ret;

	dma->vaddr = args->vaddr;
	set_invalid(tree, dma, false);
	return 0;
}
