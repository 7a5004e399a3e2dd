// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mappings of one container. See include/map.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "account.h"
#include "dma_tracker.h"
#include "domain.h"
#include "map.h"
#include "pin.h"
#include "uapi.h"

/**
 * t1x_map_init() - Make a container's mappings: none, and no domain
 * @map: Mappings to initialise
 * @dma_entry_limit: How many there may be
 */
void t1x_map_init(struct t1x_map *map, unsigned int dma_entry_limit)
{
	mutex_init(&map->lock);
	init_waitqueue_head(&map->changed);
	t1x_domains_init(&map->domains, &map->lock);
	t1x_dma_tree_init(&map->tree, &map->lock);
	t1x_iova_init(&map->space);
	t1x_accounts_init(&map->accounts, &map->lock);
	map->dma_avail = dma_entry_limit;
	map->nr_stuck = 0;
}

/**
 * t1x_map_destroy() - Free what t1x_map_init() made
 * @map: Mappings; nobody uses them, none is left but those that are stuck
 *
 * Context: May sleep.
 */
void t1x_map_destroy(struct t1x_map *map)
{
	struct t1x_dma *dma;

	/* The pages of a stuck mapping stay pinned and charged for ever. */
	mutex_lock(&map->lock);
	while ((dma = t1x_dma_find(&map->tree, 0, ULONG_MAX))) {
		WARN_ON_ONCE(!dma->stuck);
		t1x_dma_remove(&map->tree, dma);
		mutex_unlock(&map->lock);
		t1x_account_put(&map->accounts, dma->account);
		t1x_dma_free(dma);
		mutex_lock(&map->lock);
	}
	mutex_unlock(&map->lock);

	WARN_ON_ONCE(!list_empty(&map->accounts.list));
	t1x_iova_destroy(&map->space);
	mutex_destroy(&map->lock);
}

/*
 * Wait for a mapping to become LIVE or to go, with no lock held: it may be that
 * of a filler which waits for a user. The lock is dropped and taken again.
 */
static int wait_for_change(struct t1x_map *map)
{
	DEFINE_WAIT(wait);

	lockdep_assert_held(&map->lock);

	/* Whoever changes a state holds the lock, so the wake-up cannot be lost. */
	prepare_to_wait(&map->changed, &wait, TASK_KILLABLE);
	mutex_unlock(&map->lock);
	schedule();
	finish_wait(&map->changed, &wait);
	mutex_lock(&map->lock);

	return fatal_signal_pending(current) ? -EINTR : 0;
}

static unsigned long min_pgsize(const struct t1x_map *map)
{
	lockdep_assert_held(&map->lock);

	return t1x_pgsize_min(map->domains.pgsizes);
}

static bool is_settled(const struct t1x_dma *dma)
{
	return dma->state == T1X_DMA_LIVE || dma->stuck;
}

/* Runs that are unmapped by one call in each domain, then unpinned. */
#define CLEAR_RUNS 128

struct clear_run {
	unsigned long index;
	unsigned long pfn;
	unsigned long npages;
};

struct clear_batch {
	struct clear_run *runs;
	unsigned int max;
	unsigned int nr;
	unsigned long done; /* pages, from the first run on */
	struct clear_run few[8];
};

static void clear_begin(struct clear_batch *batch, const struct t1x_dma *dma)
{
	batch->runs = batch->few;
	batch->max = ARRAY_SIZE(batch->few);
	if (t1x_dma_npages(dma) <= batch->max)
		return;

	batch->runs = kmalloc_array(CLEAR_RUNS, sizeof(*batch->runs),
				    GFP_KERNEL | __GFP_NOWARN);
	if (batch->runs)
		batch->max = CLEAR_RUNS;
	else
		batch->runs = batch->few;
}

static void clear_end(struct clear_batch *batch)
{
	if (batch->runs != batch->few)
		kfree(batch->runs);
}

/*
 * An IOMMU driver kept what it was told to unmap. The device may go on writing
 * there, so the rest of the mapping stays pinned, charged and in the tree.
 */
static void give_up(struct t1x_map *map, struct t1x_dma *dma)
{
	mutex_lock(&map->lock);
	map->nr_stuck += !dma->stuck;
	dma->stuck = true;
	mutex_unlock(&map->lock);

	pr_err_once("iova 0x%lx-0x%lx: not unmapped by the IOMMU driver; %s\n",
		    t1x_dma_iova_at(dma, dma->unmapped), dma->last,
		    "the memory stays pinned, the range is refused");
}

/**
 * t1x_map_run_end() - Find where the contiguous memory at a page ends
 * @map: Mappings of the container
 * @dma: Mapping
 * @index: Page of it that is in the IOMMU
 * @end: Page at which to stop
 * @pfn: Frame of @index; becomes the frame of the result, if that is not @end
 *
 * Asks the IOMMU once for each place where physical memory may jump.
 *
 * Context: domains.rwsem held. May sleep.
 * Return: A page above @index and at most @end, or 0 if the IOMMU has lost one.
 */
unsigned long t1x_map_run_end(struct t1x_map *map, const struct t1x_dma *dma,
			      unsigned long index, unsigned long end,
			      unsigned long *pfn)
{
	unsigned long next = index, next_pfn;

	for (;;) {
		next = t1x_dma_jump_next(dma, next, end);
		if (next == end)
			return end;
		if (!t1x_domain_find_pfn(&map->domains,
					 t1x_dma_iova_at(dma, next), &next_pfn))
			return 0;
		if (next_pfn != *pfn + (next - index))
			break;
	}

	*pfn = next_pfn;
	return next;
}

/*
 * Find the next runs from the IOMMU. Stops after the last run that fits, so that
 * the batch ends where an iommu_map call ended in every domain.
 */
static bool find_runs(struct t1x_map *map, const struct t1x_dma *dma,
		      struct clear_batch *batch)
{
	unsigned long index = dma->unmapped, end = dma->mapped;
	unsigned long pfn;

	batch->nr = 0;
	if (!t1x_domain_find_pfn(&map->domains, t1x_dma_iova_at(dma, index),
				 &pfn))
		return false;

	while (index < end && batch->nr < batch->max) {
		struct clear_run *run = &batch->runs[batch->nr++];
		unsigned long next;

		run->index = index;
		run->pfn = pfn;
		next = t1x_map_run_end(map, dma, index, end, &pfn);
		if (!next)
			return false;
		run->npages = next - index;
		index = next;
	}

	return true;
}

/*
 * Unmap the next batch everywhere and flush. Nothing is unpinned before
 * release_batch(). Return: true while there is more to do.
 */
static bool unmap_batch(struct t1x_map *map, struct t1x_dma *dma,
			struct clear_batch *batch)
{
	unsigned long index = dma->unmapped;
	const struct clear_run *last;
	unsigned long want;

	lockdep_assert_held(&map->domains.rwsem);

	batch->done = 0;
	if (dma->stuck || index == dma->mapped)
		return false;

	if (!find_runs(map, dma, batch)) {
		give_up(map, dma);
		return false;
	}

	last = &batch->runs[batch->nr - 1];
	want = last->index + last->npages - index;
	batch->done = t1x_domain_unmap(&map->domains,
				       t1x_dma_iova_at(dma, index), want);
	dma->unmapped += batch->done;
	if (batch->done < want)
		give_up(map, dma);

	return batch->done == want && dma->unmapped < dma->mapped;
}

/* Unpin what of a batch was unmapped. */
static void release_batch(struct t1x_dma *dma, const struct clear_batch *batch)
{
	unsigned long left = batch->done;
	unsigned int i;

	for (i = 0; left; i++) {
		const struct clear_run *run = &batch->runs[i];
		unsigned long npages = min(left, run->npages);

		/* A short unmap: what is left of a piece needs its pin. */
		if (npages < run->npages)
			npages = t1x_pin_whole(dma, run->index, run->pfn,
					       npages);

		npages = t1x_pin_release(dma, run->index, run->pfn, npages);
		t1x_account_refund(dma->account, npages);
		left -= min(left, run->npages);
	}
	cond_resched();
}

/*
 * Unmap and unpin what is in the IOMMU of a mapping that is DYING or of a MAP that
 * failed. The rwsem is taken for one batch at a time, so that an attach need not
 * wait for all of a large mapping, and not over the unpin, which may wait for the
 * lock of a page.
 */
static void clear_dma(struct t1x_map *map, struct t1x_dma *dma)
{
	struct clear_batch batch;
	bool more;

	clear_begin(&batch, dma);
	do {
		down_read(&map->domains.rwsem);
		more = unmap_batch(map, dma, &batch);
		up_read(&map->domains.rwsem);
		release_batch(dma, &batch);
	} while (more);
	clear_end(&batch);
}

/* The same for whoever holds the rwsem for write. */
static void clear_dma_locked(struct t1x_map *map, struct t1x_dma *dma)
{
	struct clear_batch batch;
	bool more;

	clear_begin(&batch, dma);
	do {
		more = unmap_batch(map, dma, &batch);
		release_batch(dma, &batch);
	} while (more);
	clear_end(&batch);
}

/* Forget a mapping that is in no IOMMU; a stuck one is remembered. */
static void forget_dma(struct t1x_map *map, struct t1x_dma *dma)
{
	bool gone;

	t1x_account_settle(dma->account);

	mutex_lock(&map->lock);
	gone = !dma->stuck;
	if (gone) {
		t1x_dma_remove(&map->tree, dma);
		map->dma_avail++;
	} else {
		t1x_dma_set_state(&map->tree, dma, T1X_DMA_DYING);
	}
	wake_up_all(&map->changed);
	mutex_unlock(&map->lock);

	if (gone) {
		t1x_account_put(&map->accounts, dma->account);
		t1x_dma_free(dma);
	}
}

/**
 * t1x_map_forget() - Forget mappings that were taken out of all domains
 * @map: Mappings of the container
 * @dying: Chain of DYING mappings that the caller owns, or NULL
 *
 * Context: No lock of the container held: takes the mmap_lock. May sleep. Cannot
 * fail.
 */
void t1x_map_forget(struct t1x_map *map, struct t1x_dma *dying)
{
	while (dying) {
		struct t1x_dma *dma = dying;

		dying = dma->next_dying;
		forget_dma(map, dma);
	}
}

/*
 * Does an unmap remove this mapping, one of those that it meets? v2 removes them
 * all. v1 removes a mapping whole if the range holds its first byte, and stops at
 * one that began before the range.
 */
static bool unmap_takes(const struct t1x_dma *dma,
			const struct t1x_uapi_unmap *args, bool v2)
{
	return dma->iova <= args->last && (v2 || dma->iova >= args->iova);
}

/*
 * Mark everything that an unmap removes as DYING, and chain it.
 * Return: 0; -EINVAL if the range cuts a mapping; -EAGAIN if a mapping that it
 * meets is being made or removed. On failure nothing changed.
 */
static int mark_dying(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		      bool v2, struct t1x_dma **dying, u64 *size)
{
	struct t1x_dma *first =
		t1x_dma_find(&map->tree, args->iova, args->last);
	struct t1x_dma *dma;

	for (dma = first; dma && dma->iova <= args->last;
	     dma = t1x_dma_next(&map->tree, dma)) {
		if (!is_settled(dma))
			return -EAGAIN;
	}

	if (v2 && !args->all &&
	    t1x_dma_cuts(&map->tree, args->iova, args->last))
		return -EINVAL;

	for (dma = first; dma && unmap_takes(dma, args, v2);
	     dma = t1x_dma_next(&map->tree, dma)) {
		if (dma->stuck)
			continue;
		t1x_dma_set_state(&map->tree, dma, T1X_DMA_DYING);
		*dying = dma;
		dying = &dma->next_dying;
		*size += dma->last - dma->iova + 1;
	}
	*dying = NULL;

	return 0;
}

/**
 * t1x_map_unmap() - VFIO_IOMMU_UNMAP_DMA
 * @map: Mappings of the container
 * @req: Request, copied from the user; its size is set to what was unmapped
 * @v2: The container is of type v2: a range must not cut a mapping
 *
 * When this returns, no DMA reaches what was unmapped, and it is unpinned. Once
 * the checks are passed, it cannot fail.
 *
 * Context: May sleep; waits, killable, for a mapping in the range that is being
 * made or removed by somebody else.
 * Return: 0; what t1x_uapi_check_unmap() says; -EINVAL if a mapping would be cut;
 * -EINTR on a fatal signal. On failure nothing changed.
 */
int t1x_map_unmap(struct t1x_map *map, struct vfio_iommu_type1_dma_unmap *req,
		  bool v2)
{
	struct t1x_uapi_unmap args;
	struct t1x_dma *dying = NULL, *dma;
	u64 size = 0;
	int ret;

	if (mutex_lock_killable(&map->lock))
		return -EINTR;

	do {
		ret = t1x_uapi_check_unmap(req, min_pgsize(map), &args);
		if (!ret)
			ret = mark_dying(map, &args, v2, &dying, &size);
		if (ret == -EAGAIN)
			ret = wait_for_change(map) ?: -EAGAIN;
	} while (ret == -EAGAIN);

	mutex_unlock(&map->lock);
	if (ret)
		return ret;

	for (dma = dying; dma; dma = dma->next_dying)
		clear_dma(map, dma);
	t1x_map_forget(map, dying);

	req->size = size;
	return 0;
}

/*
 * May a mapping be made? The order of the refusals is that of in-tree type1.
 * Return: 0; -EEXIST, -ENOSPC or -EINVAL; -EAGAIN if that depends on a mapping
 * which is being made or removed.
 */
static int admit(struct t1x_map *map, const struct t1x_uapi_map *args)
{
	struct t1x_dma *dma;

	for (dma = t1x_dma_find(&map->tree, args->iova, args->last);
	     dma && dma->iova <= args->last;
	     dma = t1x_dma_next(&map->tree, dma)) {
		if (is_settled(dma))
			return -EEXIST;
	}

	if (t1x_dma_find(&map->tree, args->iova, args->last))
		return -EAGAIN;

	if (!map->dma_avail)
		return map->tree.nr_filling ? -EAGAIN : -ENOSPC;

	if (!t1x_iova_contains(&map->space, args->iova, args->last))
		return -EINVAL;

	return 0;
}

/* Put a FILLING mapping of the caller's memory into the tree. */
static struct t1x_dma *reserve_dma(struct t1x_map *map,
				   const struct t1x_uapi_map *args)
{
	struct t1x_dma *dma;

	dma = t1x_dma_alloc(args->iova, args->last);
	if (!dma)
		return NULL;

	dma->account = t1x_account_get(&map->accounts);
	if (!dma->account) {
		t1x_dma_free(dma);
		return NULL;
	}

	dma->vaddr = args->vaddr;
	dma->prot = args->prot;
	dma->lock_cap = capable(CAP_IPC_LOCK);
	WARN_ON_ONCE(t1x_dma_insert(&map->tree, dma));
	map->dma_avail--;
	return dma;
}

/* Map one batch of runs; those that are mapped belong to @dma afterwards. */
static int map_batch(struct t1x_map *map, struct t1x_dma *dma,
		     struct t1x_pin *pin, unsigned int nr,
		     unsigned long *next_pfn)
{
	unsigned int i;
	int ret = 0;

	if (down_read_killable(&map->domains.rwsem))
		return -EINTR;

	/* The last domain went: to the user, the container has no IOMMU. */
	if (dma->doomed || list_empty(&map->domains.list))
		ret = -EINVAL;

	for (i = 0; i < nr && !ret; i++) {
		const struct t1x_run *run = &pin->runs[i];
		unsigned long index = dma->mapped;

		ret = t1x_dma_pin_add(dma, index, run->kind);
		if (ret)
			break;
		if (index && run->pfn != *next_pfn)
			t1x_dma_jump_add(dma, index);

		ret = t1x_domain_map(&map->domains, t1x_dma_iova_at(dma, index),
				     run->pfn, run->npages, dma->prot);
		if (ret > 0) {
			/* In no unmap from now on, but it keeps its pins. */
			dma->kept = true;
			i++;
			ret = -EIO;
		}
		if (ret)
			break;
		dma->mapped += run->npages;
		*next_pfn = run->pfn + run->npages;
	}

	t1x_pin_accept(pin, i);
	up_read(&map->domains.rwsem);
	return ret;
}

static int fill(struct t1x_map *map, struct t1x_dma *dma, unsigned long orphans,
		bool single)
{
	unsigned long next_pfn = 0;
	struct t1x_pin pin;
	int ret;

	t1x_pin_begin(&pin, dma, orphans, single);
	do {
		ret = t1x_pin_batch(&pin);
		if (ret > 0)
			ret = map_batch(map, dma, &pin, ret, &next_pfn) ?: 1;
	} while (ret > 0);
	t1x_pin_end(&pin);

	return ret;
}

/* Make a filled mapping LIVE, unless its last domain went in the meantime. */
static int publish(struct t1x_map *map, struct t1x_dma *dma)
{
	int ret = 0;

	mutex_lock(&map->lock);
	if (dma->doomed) {
		ret = -EINVAL;
	} else {
		t1x_dma_set_state(&map->tree, dma, T1X_DMA_LIVE);
		wake_up_all(&map->changed);
	}
	mutex_unlock(&map->lock);
	return ret;
}

/**
 * t1x_map_dma() - VFIO_IOMMU_MAP_DMA
 * @map: Mappings of the container
 * @req: Request, copied from the user
 * @single: Give the IOMMU one page at a time (disable_hugepages)
 *
 * Context: The mapper's system call. May sleep; waits, killable, for user memory
 * and for a mapping in the range that is being made or removed by somebody else.
 * Return: 0; what t1x_uapi_check_map() says; -EEXIST on any overlap; -ENOSPC if
 * dma_entry_limit is reached; -EINVAL if the range is not in the IOVA space or
 * the container loses its last group; -ENOMEM if memory is short or
 * RLIMIT_MEMLOCK too low; -EFAULT if the memory is not there or not as accessible
 * as asked; -EINTR on a fatal signal; or what the IOMMU driver says. On failure
 * nothing changed, unless the driver fails in the undo too: then -EIO, and the
 * range is refused from now on.
 */
int t1x_map_dma(struct t1x_map *map, const struct vfio_iommu_type1_dma_map *req,
		bool single)
{
	struct t1x_uapi_map args;
	struct t1x_dma *dma = NULL;
	unsigned long orphans;
	int ret;

	if (mutex_lock_killable(&map->lock))
		return -EINTR;

	do {
		ret = t1x_uapi_check_map(req, min_pgsize(map), &args);
		if (!ret)
			ret = admit(map, &args);
		if (ret == -EAGAIN)
			ret = wait_for_change(map) ?: -EAGAIN;
	} while (ret == -EAGAIN);

	orphans = t1x_account_orphans(&map->accounts);
	if (!ret) {
		dma = reserve_dma(map, &args);
		if (!dma)
			ret = -ENOMEM;
	}
	mutex_unlock(&map->lock);
	if (ret)
		return ret;

	ret = fill(map, dma, orphans, single) ?: publish(map, dma);
	if (ret) {
		clear_dma(map, dma);
		if (dma->kept)
			give_up(map, dma);
		forget_dma(map, dma);
	}
	return ret;
}

/**
 * t1x_map_clear_all() - Take everything out of the last domain, which is going
 * @map: Mappings of the container
 *
 * A LIVE mapping becomes the caller's. A FILLING one is undone up to where it is;
 * its filler, which may be parked in a page fault, undoes the rest when it comes
 * back. What is DYING belongs to its unmapper, which finds nothing left to do.
 *
 * Context: domains.rwsem held for write. May sleep. Cannot fail.
 * Return: The mappings to give to t1x_map_forget(), or NULL.
 */
struct t1x_dma *t1x_map_clear_all(struct t1x_map *map)
{
	struct t1x_dma *dma, *dying = NULL;
	unsigned long last = 0;

	lockdep_assert_held_write(&map->domains.rwsem);

	mutex_lock(&map->lock);
	for (dma = t1x_dma_find(&map->tree, 0, ULONG_MAX); dma;
	     dma = last == ULONG_MAX ?
			   NULL :
			   t1x_dma_find(&map->tree, last + 1, ULONG_MAX)) {
		last = dma->last;

		if (dma->state == T1X_DMA_FILLING)
			dma->doomed = true;
		if (dma->state == T1X_DMA_LIVE) {
			t1x_dma_set_state(&map->tree, dma, T1X_DMA_DYING);
			dma->next_dying = dying;
			dying = dma;
		}

		/* With pages in the IOMMU it stays while the lock is dropped. */
		if (dma->unmapped < dma->mapped && !dma->stuck) {
			mutex_unlock(&map->lock);
			clear_dma_locked(map, dma);
			mutex_lock(&map->lock);
		}
	}
	mutex_unlock(&map->lock);

	return dying;
}
