// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mappings of one container. See include/map.h.
 */
#include <linux/capability.h>
#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>

#include "account.h"
#include "backing.h"
#include "call.h"
#include "dirty_log.h"
#include "dma_tracker.h"
#include "domains.h"
#include "emulated.h"
#include "external.h"
#include "journal.h"
#include "map.h"
#include "pgsize.h"
#include "pin.h"
#include "uapi.h"
#include "vaddr.h"

/**
 * t1x_map_init() - Make a container's mappings: none, and no domain
 * @map: Mappings to initialise
 * @dma_entry_limit: How many there may be
 */
void t1x_map_init(struct t1x_map *map, unsigned int dma_entry_limit)
{
	mutex_init(&map->lock);
	t1x_domains_init(&map->domains, &map->lock);
	t1x_dma_tree_init(&map->tree, &map->lock);
	t1x_iova_init(&map->space);
	t1x_accounts_init(&map->accounts, &map->lock);
	t1x_emulated_init(&map->emulated, &map->tree);
	t1x_dirty_log_init(&map->log, &map->tree, &map->domains);
	map->dma_entry_limit = dma_entry_limit;
	map->dma_avail = dma_entry_limit;
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
	while ((dma = t1x_dma_first(&map->tree))) {
		WARN_ON_ONCE(!dma->stuck);
		t1x_dma_remove(&map->tree, dma);
		mutex_unlock(&map->lock);
		t1x_account_put(dma->account);
		t1x_dma_free(dma);
		mutex_lock(&map->lock);
	}
	mutex_unlock(&map->lock);

	t1x_accounts_destroy(&map->accounts);
	t1x_emulated_destroy(&map->emulated);
	t1x_iova_destroy(&map->space);
	mutex_destroy(&map->lock);
}

/**
 * t1x_map_pgsize() - The smallest IOMMU page size that a container uses
 * @map: Mappings of the container
 *
 * Context: Any. A group that is attached at the same time may change it: what is
 * mapped or unmapped then is checked against the one or the other.
 * Return: Bytes.
 */
unsigned long t1x_map_pgsize(const struct t1x_map *map)
{
	return t1x_pgsize_min(READ_ONCE(map->domains.pgsizes));
}

/* Return: 0 if nothing is mapped; -EBUSY; -EAGAIN if that is being decided. */
static int check_empty(struct t1x_map *map)
{
	struct t1x_dma *dma;
	int ret = 0;

	for (dma = t1x_dma_first(&map->tree); dma;
	     dma = t1x_dma_next(&map->tree, dma)) {
		/* A stuck mapping is no more, to the user. */
		if (dma->stuck)
			continue;
		if (dma->state == T1X_DMA_LIVE || dma->state == T1X_DMA_BUSY)
			return -EBUSY;
		ret = -EAGAIN;
	}

	return ret;
}

/**
 * t1x_map_set_pgsizes() - Restrict the IOMMU page sizes of a container
 * @map: Mappings of the container
 * @pgsizes: Bitmap of sizes in bytes, not 0
 * @supported: Bitmap of those that the user was told the container supports
 *
 * Context: May sleep; waits, killable, for mappings that are being made or removed.
 * Return: 0; -ESTALE if it supports others by now; -EBUSY if anything is mapped;
 * -EINVAL if @pgsizes lacks the smallest page size, or has one that is not supported;
 * -EINTR on a fatal signal.
 */
int t1x_map_set_pgsizes(struct t1x_map *map, unsigned long pgsizes,
			unsigned long supported)
{
	int ret;

	do {
		if (down_write_killable(&map->domains.rwsem))
			return -EINTR;
		mutex_lock(&map->lock);
		ret = check_empty(map);
		if (ret != -EAGAIN && map->domains.supported != supported)
			ret = -ESTALE;
		if (!ret)
			ret = t1x_domains_set_subset(&map->domains, pgsizes);
		up_write(&map->domains.rwsem);

		if (ret == -EAGAIN)
			ret = t1x_dma_wait(&map->tree, MAX_SCHEDULE_TIMEOUT) ?:
				      -EAGAIN;
		mutex_unlock(&map->lock);
	} while (ret == -EAGAIN);

	return ret;
}

/* Mappings that are forgotten without a break for others. */
#define FORGET_BATCH 64

/*
 * Take the first mappings of a chain out of the tree; a stuck one is remembered.
 * Return: The first that is left. Those taken out are chained at *@gone.
 */
static struct t1x_dma *forget_some(struct t1x_map *map, struct t1x_dma *dma,
				   struct t1x_dma **gone)
{
	struct t1x_dma *next;
	unsigned int n;

	mutex_lock(&map->lock);
	for (n = 0; dma && n < FORGET_BATCH; n++, dma = next) {
		next = dma->next_dying;
		if (dma->vaddr_invalid) {
			t1x_account_add_moving(dma->account,
					       -(long)t1x_dma_nr_pinned(dma));
			t1x_dma_set_vaddr_invalid(&map->tree, dma, false);
		}
		if (dma->stuck) {
			t1x_dma_set_state(&map->tree, dma, T1X_DMA_DYING);
			continue;
		}
		t1x_emulated_disown(&map->emulated, dma);
		t1x_dma_remove(&map->tree, dma);
		map->dma_avail += !dma->uncounted;
		dma->next_dying = *gone;
		*gone = dma;
	}
	mutex_unlock(&map->lock);

	return dma;
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
	struct t1x_dma *dma, *gone;

	/* All of an account is settled at once, by its first mapping. */
	for (dma = dying; dma; dma = dma->next_dying)
		t1x_account_settle(dma->account);

	while (dying) {
		gone = NULL;
		dying = forget_some(map, dying, &gone);
		while ((dma = gone)) {
			gone = dma->next_dying;
			t1x_account_put(dma->account);
			t1x_dma_free(dma);
		}
		if (dying)
			cond_resched();
	}
}

/**
 * t1x_map_check_entry() - Is there an entry for one more mapping?
 * @map: Mappings of the container
 * @call: The caller's call, or NULL
 *
 * Context: map->lock held. Does not sleep.
 * Return: 0; -ENOSPC; -EAGAIN if a call that is under way may fail, and give its entry
 * back.
 */
int t1x_map_check_entry(const struct t1x_map *map, struct t1x_call *call)
{
	lockdep_assert_held(&map->lock);

	if (map->dma_avail)
		return 0;
	if (map->tree.nr_filling || map->nr_lent)
		return -EAGAIN;

	return t1x_call_fail_with(call, -ENOSPC, T1X_REASON_ENTRY_LIMIT,
				  map->dma_entry_limit, 0, 0);
}

static int refuse_range(struct t1x_map *map, const struct t1x_uapi_map *args)
{
	struct t1x_iova_range gap = t1x_iova_gap(&map->space, args->iova);

	return t1x_call_fail_with(args->call, -EINVAL, T1X_REASON_OUTSIDE,
				  gap.iova, gap.last, 0);
}

/*
 * May a mapping be made? The order of the refusals is that of in-tree type1.
 * Return: 0; -EEXIST, -ENOSPC or -EINVAL; -EAGAIN if that depends on a mapping
 * which is being made or removed.
 */
static int admit(struct t1x_map *map, const struct t1x_uapi_map *args)
{
	struct t1x_dma *first, *dma;
	int ret;

	first = t1x_dma_find(&map->tree, args->iova, args->last);
	for (dma = first; dma && dma->iova <= args->last;
	     dma = t1x_dma_next(&map->tree, dma)) {
		if (t1x_dma_is_settled(dma))
			return t1x_call_fail_with(args->call, -EEXIST,
						  T1X_REASON_OVERLAP, dma->iova,
						  dma->last,
						  dma->account->task->tgid);
	}

	if (first)
		return -EAGAIN;

	ret = t1x_map_check_entry(map, args->call);
	if (ret)
		return ret;

	if (!t1x_iova_contains(&map->space, args->iova, args->last))
		return refuse_range(map, args);

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
	t1x_dma_set_granule(dma, args->granule);
	dma->lock_cap = capable(CAP_IPC_LOCK);
	WARN_ON_ONCE(t1x_dma_insert(&map->tree, dma));
	map->dma_avail--;
	return dma;
}

/* Where nothing is pinned or mapped: emulated groups only. */
static bool has_no_iommu(struct t1x_map *map)
{
	lockdep_assert_held(&map->lock);

	return list_empty(&map->domains.list);
}

static int fail_without_group(struct t1x_call *call)
{
	return t1x_call_fail(call, -EINVAL, T1X_REASON_NO_GROUP);
}

/*
 * Make a filled mapping LIVE, if the world is still the one it was filled for.
 * Return: 0; -EAGAIN if it is to be filled again; -EINVAL if the last group went;
 * or what t1x_dirty_log_cover() says.
 */
static int publish(struct t1x_map *map, struct t1x_dma *dma,
		   struct t1x_call *call)
{
	int ret;

	lockdep_assert_held(&map->lock);

	ret = t1x_dirty_log_cover(&map->log, dma);
	if (ret)
		return ret;
	if (dma->doomed)
		return fail_without_group(call);
	if (dma->restart)
		return -EAGAIN;

	dma->externals_charged = has_no_iommu(map);
	t1x_dma_set_state(&map->tree, dma, T1X_DMA_LIVE);
	return 0;
}

/*
 * Pin and map a FILLING mapping if there is an IOMMU, and make it LIVE. The mutex is
 * held; it is dropped and taken again.
 */
static int fill(struct t1x_map *map, struct t1x_dma *dma, bool single,
		struct t1x_call *call)
{
	const struct t1x_pin_opts opts = {
		.call = call,
		.orphans = t1x_account_orphans(&map->accounts),
		.lock_cap = dma->lock_cap,
		.single = single,
	};
	int ret;

	do {
		dma->restart = false;
		ret = 0;
		if (has_no_iommu(map)) {
			if (!t1x_emulated_is_used(&map->emulated))
				ret = fail_without_group(call);
		} else {
			mutex_unlock(&map->lock);
			ret = t1x_backing_fill(&map->domains, dma, &opts);
			mutex_lock(&map->lock);
		}
		if (!ret)
			ret = publish(map, dma, call);
	} while (ret == -EAGAIN);
	return ret;
}

/* Undo a MAP that failed, or what a call that was overtaken left behind. */
static void undo(struct t1x_map *map, struct t1x_dma *dma)
{
	mutex_lock(&map->lock);
	dma->undone = true;
	mutex_unlock(&map->lock);

	t1x_backing_clear(&map->domains, dma, false);
	dma->next_dying = NULL;
	t1x_map_forget(map, dma);
}

/* VFIO_DMA_MAP_FLAG_VADDR. The mutex is held, and dropped. */
static int restore_vaddr(struct t1x_map *map, const struct t1x_uapi_map *args)
{
	struct t1x_dma *doomed;
	int ret;

	ret = t1x_vaddr_restore(&map->tree, &map->accounts, args, &doomed);
	mutex_unlock(&map->lock);
	if (doomed)
		undo(map, doomed);
	return ret;
}

/**
 * t1x_map_dma() - VFIO_IOMMU_MAP_DMA and VFIO_IOMMU_TYPE1X_MAP_RANGE
 * @map: Mappings of the container
 * @args: Checked request
 * @single: Give the IOMMU one page at a time (disable_hugepages)
 *
 * Context: The mapper's system call. May sleep; waits, killable, for user memory
 * and for a mapping in the range that is being made or removed by somebody else.
 * Return: 0; -EEXIST on any overlap; -ENOSPC if
 * dma_entry_limit is reached; -EINVAL if the range is not in the IOVA space or
 * the container loses its last group; -ENOMEM if memory is short or
 * RLIMIT_MEMLOCK too low; -EFAULT if the memory is not there or not as accessible
 * as asked; -EINTR on a fatal signal; or what the IOMMU driver says; with
 * VFIO_DMA_MAP_FLAG_VADDR, what t1x_vaddr_restore() says. On failure nothing
 * changed, unless the driver fails in the undo too: then -EIO, and the range is
 * refused from now on.
 */
int t1x_map_dma(struct t1x_map *map, const struct t1x_uapi_map *args,
		bool single)
{
	struct t1x_dma *dma = NULL;
	int ret;

	if (mutex_lock_killable(&map->lock))
		return -EINTR;

	if (args->vaddr_only)
		return restore_vaddr(map, args);

	do {
		ret = admit(map, args);
		if (ret == -EAGAIN)
			ret = t1x_dma_wait(&map->tree, MAX_SCHEDULE_TIMEOUT) ?:
				      -EAGAIN;
	} while (ret == -EAGAIN);

	if (!ret) {
		dma = reserve_dma(map, args);
		ret = dma ? fill(map, dma, single, args->call) : -ENOMEM;
	}
	mutex_unlock(&map->lock);

	if (ret && dma)
		undo(map, dma);
	return ret;
}

/**
 * t1x_map_begin_fill_all() - The container gets its first domain
 * @map: Mappings of the container
 *
 * From now on a MAP pins. What is mapped already is BUSY until
 * t1x_map_fill_all(); a MAP that is under way begins anew.
 *
 * Context: domains.rwsem held for write, and lock. May sleep.
 * Return: false, and nothing changed, if a mapping is being unmapped: that may
 * fail, and leave it to nobody to pin it.
 */
bool t1x_map_begin_fill_all(struct t1x_map *map)
{
	struct t1x_dma *dma;

	lockdep_assert_held_write(&map->domains.rwsem);
	lockdep_assert_held(&map->lock);

	if (t1x_dma_find_dying(&map->tree))
		return false;

	for (dma = t1x_dma_first(&map->tree); dma;
	     dma = t1x_dma_next(&map->tree, dma)) {
		if (dma->state == T1X_DMA_LIVE && !dma->stuck)
			t1x_dma_set_state(&map->tree, dma, T1X_DMA_BUSY);
		else if (dma->state == T1X_DMA_FILLING)
			dma->restart = true;
	}

	return true;
}

/* What drivers hold of a mapping is charged by itself from now on. */
static void keep_externals(struct t1x_map *map, struct t1x_dma *dma)
{
	t1x_account_keep(dma->account, t1x_external_nr_held(&map->tree, dma));
	dma->externals_charged = true;
}

/*
 * Pin and map a BUSY mapping. The mutex is held; it is dropped and taken again.
 * What drivers hold of it is charged already: if the mapping cannot be pinned,
 * that must stay so.
 */
static int fill_busy(struct t1x_map *map, struct t1x_dma *dma, bool single,
		     struct t1x_call *call)
{
	const struct t1x_pin_opts opts = {
		.call = call,
		.orphans = t1x_account_orphans(&map->accounts),
		.credit = t1x_external_nr_held(&map->tree, dma),
		.lock_cap = dma->lock_cap,
		.single = single,
	};
	int ret;

	t1x_account_keep(dma->account, opts.credit);
	dma->externals_charged = false;
	mutex_unlock(&map->lock);

	if (call)
		call->nr_runs = 0;
	ret = t1x_backing_fill(&map->domains, dma, &opts);
	if (call)
		t1x_journal_replay(call, dma->iova, dma->last, call->nr_runs,
				   ret);

	mutex_lock(&map->lock);
	t1x_account_refund(dma->account, opts.credit);
	if (!ret) {
		t1x_dma_set_state(&map->tree, dma, T1X_DMA_LIVE);
	} else {
		/* What was let go meanwhile is to be refunded now, or the reverse. */
		keep_externals(map, dma);
	}
	return ret;
}

/**
 * t1x_map_fill_all() - Pin and map everything for the container's first domain
 * @map: Mappings of the container, after t1x_map_begin_fill_all()
 * @single: Give the IOMMU one page at a time
 * @call: The caller's call, or NULL
 *
 * Pins from the address spaces of those who made the mappings.
 *
 * Context: vfio core's group_lock held, no lock of the container. May sleep; page
 * faults may wait for a user, killable.
 * Return: As t1x_backing_fill(). t1x_map_unback_all() undoes it, on failure too.
 */
int t1x_map_fill_all(struct t1x_map *map, bool single, struct t1x_call *call)
{
	struct t1x_dma *dma;
	int ret = 0;

	/* Nobody else ends BUSY, so these mappings stay. */
	mutex_lock(&map->lock);
	for (dma = t1x_dma_first(&map->tree); dma;
	     dma = t1x_dma_next(&map->tree, dma)) {
		if (dma->state == T1X_DMA_BUSY)
			ret = fill_busy(map, dma, single, call);
		if (ret)
			break;
	}
	mutex_unlock(&map->lock);

	t1x_accounts_settle(&map->accounts);
	return ret;
}

/* Take a mapping out of the IOMMU. The mutex is held, dropped and taken again. */
static void clear_dma(struct t1x_map *map, struct t1x_dma *dma)
{
	/* With pages in the IOMMU it stays while the lock is dropped. */
	if (!t1x_dma_in_iommu(dma) || dma->stuck)
		return;

	mutex_unlock(&map->lock);
	t1x_backing_clear_locked(&map->domains, dma);
	mutex_lock(&map->lock);
}

/* Take a mapping out of the last domain, and leave it to drivers only. */
static void unback(struct t1x_map *map, struct t1x_dma *dma)
{
	if (!dma->externals_charged)
		keep_externals(map, dma);
	if (dma->state == T1X_DMA_FILLING)
		dma->restart = true;

	clear_dma(map, dma);

	/* Whoever takes it out too still looks at what he has unmapped. */
	if (dma->state != T1X_DMA_DYING && !dma->undone && !dma->stuck)
		t1x_dma_reset(dma);
	if (dma->state == T1X_DMA_BUSY)
		t1x_dma_set_state(&map->tree, dma, T1X_DMA_LIVE);
}

/**
 * t1x_map_unback_all() - Take everything out of the last domain, but keep it
 * @map: Mappings of a container that has emulated groups
 *
 * What drivers hold is charged by itself from now on. t1x_accounts_settle() is to
 * be called when the rwsem is dropped.
 *
 * Context: domains.rwsem held for write. May sleep. Cannot fail.
 */
void t1x_map_unback_all(struct t1x_map *map)
{
	struct t1x_dma *dma;
	unsigned long last;

	lockdep_assert_held_write(&map->domains.rwsem);

	mutex_lock(&map->lock);
	for (dma = t1x_dma_first(&map->tree); dma;
	     dma = t1x_dma_find_after(&map->tree, last)) {
		last = dma->last;
		unback(map, dma);
	}
	mutex_unlock(&map->lock);
}

/**
 * t1x_map_clear_all() - Take everything out of a container that loses its last group
 * @map: Mappings of the container
 *
 * A LIVE mapping becomes the caller's. A FILLING one is undone up to where it is;
 * its filler, which may be parked in a page fault, undoes the rest when it comes
 * back. What is DYING belongs to its unmapper, who forgets it even if he fails.
 *
 * Context: domains.rwsem held for write. May sleep. Cannot fail.
 * Return: The mappings to give to t1x_map_forget(), or NULL.
 */
struct t1x_dma *t1x_map_clear_all(struct t1x_map *map)
{
	struct t1x_dma *dma, *dying = NULL;
	unsigned long last;

	lockdep_assert_held_write(&map->domains.rwsem);

	mutex_lock(&map->lock);
	for (dma = t1x_dma_first(&map->tree); dma;
	     dma = t1x_dma_find_after(&map->tree, last)) {
		last = dma->last;

		if (dma->state != T1X_DMA_LIVE) {
			dma->doomed = true;
		} else {
			t1x_dma_set_state(&map->tree, dma, T1X_DMA_DYING);
			dma->next_dying = dying;
			dying = dma;
		}

		clear_dma(map, dma);

		/* Last, because an unmapper that waits for this may free it now. */
		t1x_emulated_abandon(&map->emulated, dma);
	}
	mutex_unlock(&map->lock);

	return dying;
}
