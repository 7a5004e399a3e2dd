// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap. See include/unmap.h.
 */
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>

#include "account.h"
#include "backing.h"
#include "call.h"
#include "copy.h"
#include "dirty_bitmap.h"
#include "dirty_log.h"
#include "dirty_report.h"
#include "dma_tracker.h"
#include "domains.h"
#include "emulated.h"
#include "external.h"
#include "journal.h"
#include "map.h"
#include "uapi.h"
#include "unmap.h"
#include "vaddr.h"

/* What one call removes, and owns. */
struct dying {
	struct t1x_dma *first; /* chain of DYING mappings */
	u64 npages;
	unsigned long nr;
	bool in_use; /* drivers of emulated devices hold or copy something there */
	bool entry; /* an entry of dma_entry_limit is taken for what is left */

	/* A range has two ends, so no more than two mappings are cut ... */
	struct t1x_dma_cut cuts[2]; /* in tree.cuts until all is decided */
	unsigned int nr_cuts;
	/* ... and the splits take no more than two parts off. */
	struct t1x_dma *parts[2]; /* or NULL */
};

/* Nothing is removed yet. What is beyond nr_cuts means nothing. */
static void dying_init(struct dying *dying)
{
	dying->first = NULL;
	dying->npages = 0;
	dying->nr = 0;
	dying->in_use = false;
	dying->entry = false;
	dying->nr_cuts = 0;
	dying->parts[0] = NULL;
	dying->parts[1] = NULL;
}

/* What goes of a mapping that does not go whole, or NULL. */
static const struct t1x_dma_cut *find_cut(const struct dying *dying,
					  const struct t1x_dma *dma)
{
	unsigned int i;

	for (i = 0; i < dying->nr_cuts; i++) {
		if (dying->cuts[i].dma == dma)
			return &dying->cuts[i];
	}

	return NULL;
}

/* What goes of a mapping: for its owner, who needs no lock to know. */
static struct t1x_iova_range going_of(const struct dying *dying,
				      const struct t1x_dma *dma)
{
	const struct t1x_dma_cut *cut = find_cut(dying, dma);

	return cut ? cut->going : t1x_dma_range(dma);
}

/*
 * Does an unmap take a mapping? Notes it if it takes a part of it alone.
 * Return: 1; 0 if not, and the unmap ends here; -EINVAL if it cuts the mapping where
 * that cannot be cut.
 */
static int choose(const struct t1x_uapi_unmap *args, const struct t1x_dma *dma,
		  struct dying *dying)
{
	unsigned long iova = max(dma->iova, args->iova);
	unsigned long last = min(dma->last, args->last);
	unsigned long granule = t1x_dma_granule(dma);

	if (iova == dma->iova && last == dma->last)
		return 1;

	if (!granule && args->lenient)
		return t1x_uapi_unmap_takes(args, dma->iova);
	if (!granule || (iova | (last + 1)) & (granule - 1))
		return t1x_dma_refuse_cut(dma, args->call);

	dying->cuts[dying->nr_cuts++] = (struct t1x_dma_cut){
		.dma = dma,
		.going = { .iova = iova, .last = last },
	};
	return 1;
}

/*
 * Chain what an unmap removes, and note what of it goes.
 * Return: 0; -EINVAL; -EAGAIN if a mapping in the range is being made or removed.
 */
static int select(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		  struct dying *dying)
{
	struct t1x_dma **link = &dying->first;
	struct t1x_dma *dma;
	int ret;

	for (dma = t1x_dma_find(&map->tree, args->iova, args->last);
	     dma && dma->iova <= args->last;
	     dma = t1x_dma_next(&map->tree, dma)) {
		if (!t1x_dma_is_settled(dma))
			return -EAGAIN;
		/* A stuck mapping is no more, to the user. */
		if (dma->stuck)
			continue;

		ret = choose(args, dma, dying);
		if (ret < 0)
			return ret;
		if (!ret)
			break;

		*link = dma;
		link = &dma->next_dying;
		*link = NULL;
		/* Nothing behind it is in the range. */
		if (dma->last >= args->last)
			break;
	}

	return 0;
}

/* A part from the middle of a mapping leaves two. */
static int take_entry(struct t1x_map *map, struct dying *dying,
		      struct t1x_call *call)
{
	const struct t1x_dma_cut *cut = dying->cuts;
	int ret;

	if (!dying->nr_cuts || cut->going.iova == cut->dma->iova ||
	    cut->going.last == cut->dma->last)
		return 0;

	ret = t1x_map_check_entry(map, call);
	if (ret)
		return ret;

	map->dma_avail--;
	map->nr_lent++;
	dying->entry = true;
	return 0;
}

/* Do drivers of emulated devices hold or copy anything of a range? */
static bool is_in_use(struct t1x_map *map, unsigned long iova,
		      unsigned long last)
{
	return t1x_external_first(&map->tree, iova, last) ||
	       t1x_copy_any(&map->tree, iova, last);
}

/*
 * Mark everything that an unmap removes as DYING, and chain it.
 * Return: 0; -EINVAL if the range cuts a mapping that cannot be cut there; -ENOSPC;
 * -EAGAIN if it depends on a mapping that is being made or removed. On failure
 * nothing changed.
 */
static int mark(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		struct dying *dying)
{
	unsigned long last = 0;
	struct t1x_dma *dma;
	unsigned int i;
	int ret;

	ret = select(map, args, dying) ?: take_entry(map, dying, args->call);
	if (ret) {
		dying_init(dying);
		return ret;
	}

	for (i = 0; i < dying->nr_cuts; i++)
		list_add(&dying->cuts[i].next, &map->tree.cuts);
	for (dma = dying->first; dma; dma = dma->next_dying) {
		struct t1x_iova_range going = going_of(dying, dma);

		t1x_dma_set_state(&map->tree, dma, T1X_DMA_DYING);
		dying->nr++;
		dying->npages += ((going.last - going.iova) >> PAGE_SHIFT) + 1;
		last = dma->last;
		if (dma->next_dying)
			cond_resched();
	}

	if (dying->first)
		dying->in_use = is_in_use(map, dying->first->iova, last);
	return 0;
}

/* What is DYING goes whole from now on, or is LIVE again. */
static void end_cuts(struct t1x_map *map, struct dying *dying)
{
	unsigned int i;

	lockdep_assert_held(&map->lock);

	for (i = 0; i < dying->nr_cuts; i++)
		list_del(&dying->cuts[i].next);
}

/*
 * The unmap failed after all. The rwsem keeps this from a detach that takes the
 * mappings out of the IOMMU, and unpins them, at the same time.
 */
static void revive(struct t1x_map *map, struct dying *dying)
{
	struct t1x_dma *dma, *next, *doomed = NULL;

	down_read(&map->domains.rwsem);
	mutex_lock(&map->lock);
	map->dma_avail += dying->entry;
	map->nr_lent -= dying->entry;
	end_cuts(map, dying);
	for (dma = dying->first; dma; dma = next) {
		next = dma->next_dying;
		if (dma->doomed) {
			dma->next_dying = doomed;
			doomed = dma;
			continue;
		}
		/* The last domain may have gone; a first one waits for us. */
		if (!t1x_dma_in_iommu(dma))
			t1x_dma_reset(dma);
		t1x_dma_set_state(&map->tree, dma, T1X_DMA_LIVE);
		cond_resched();
	}
	mutex_unlock(&map->lock);
	up_read(&map->domains.rwsem);

	t1x_map_forget(map, doomed);
}

static int quiesce(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		   const struct dying *dying)
{
	struct t1x_dma *dma;
	int ret = 0;

	if (!dying->in_use)
		return 0;

	for (dma = dying->first; dma && !ret; dma = dma->next_dying)
		ret = t1x_emulated_quiesce(&map->emulated, dma, args->call);
	return ret;
}

/* Make what a split takes off a mapping. */
static int alloc_part(const struct t1x_dma *dma, unsigned long iova,
		      unsigned long last, struct dying *dying)
{
	struct t1x_dma **part = &dying->parts[!!dying->parts[0]];

	*part = t1x_dma_alloc_part(dma, iova, last);
	return *part ? 0 : -ENOMEM;
}

static int alloc_parts(struct dying *dying)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < dying->nr_cuts && !ret; i++) {
		const struct t1x_iova_range *going = &dying->cuts[i].going;
		const struct t1x_dma *dma = dying->cuts[i].dma;

		if (going->last != dma->last)
			ret = alloc_part(dma, going->last + 1, dma->last,
					 dying);
		if (!ret && going->iova != dma->iova)
			ret = alloc_part(dma, going->iova, going->last, dying);
	}

	return ret;
}

static void free_parts(struct dying *dying)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dying->parts); i++) {
		if (dying->parts[i])
			t1x_dma_free(dying->parts[i]);
	}
}

/* The part that a split will take off a mapping that is tracked, not tracked yet. */
static struct t1x_dma *find_untracked(struct t1x_map *map,
				      const struct dying *dying)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dying->parts); i++) {
		struct t1x_dma *part = dying->parts[i];

		if (part && !part->dirty_bits &&
		    t1x_dma_find(&map->tree, part->iova, part->iova)->dirty_bits)
			return part;
	}

	return NULL;
}

/*
 * Lock, with parts that have dirty bitmaps where their mappings do. The rwsem keeps
 * a split from an attach that is replaying the mapping. Return: 0 or -ENOMEM.
 */
static int lock_parts(struct t1x_map *map, const struct dying *dying)
{
	struct t1x_dirty dirty;
	struct t1x_dma *part;
	int ret;

	for (;;) {
		if (dying->nr_cuts)
			down_read(&map->domains.rwsem);
		mutex_lock(&map->lock);

		part = find_untracked(map, dying);
		if (!part)
			return 0;

		mutex_unlock(&map->lock);
		up_read(&map->domains.rwsem);

		ret = t1x_dirty_alloc(&dirty, part->iova >> PAGE_SHIFT,
				      t1x_dma_npages(part));
		if (ret)
			return ret;
		part->dirty_bits = dirty.bits;
	}
}

static void unlock_parts(struct t1x_map *map, const struct dying *dying)
{
	mutex_unlock(&map->lock);
	if (dying->nr_cuts)
		up_read(&map->domains.rwsem);
}

/* Take the upper end of a mapping, from @iova on, off it. */
static struct t1x_dma *split(struct t1x_map *map,
			     const struct t1x_uapi_unmap *args,
			     struct t1x_dma *dma, unsigned long iova,
			     struct dying *dying)
{
	unsigned int i = !dying->parts[0] || dying->parts[0]->iova != iova;
	struct t1x_dma *upper = dying->parts[i];

	dying->parts[i] = NULL;

	/* Tracking may have ended since. */
	if (!dma->dirty_bits)
		t1x_dma_untrack(upper);
	t1x_journal_split(args->call, dma->iova, dma->last, iova);
	t1x_account_hold(dma->account);
	upper->account = dma->account;
	t1x_dma_split(&map->tree, dma, upper);
	return upper;
}

/* Let go of all of a mapping but the range that goes. Return: that part. */
static struct t1x_dma *carve(struct t1x_map *map,
			     const struct t1x_uapi_unmap *args,
			     struct t1x_dma *dma,
			     const struct t1x_iova_range *range,
			     struct dying *dying)
{
	struct t1x_dma *next = dma->next_dying, *going = dma, *rest;

	/* The last domain may have gone; a first one waits for us. */
	if (!t1x_dma_in_iommu(dma))
		t1x_dma_reset(dma);

	if (range->last != dma->last) {
		rest = split(map, args, dma, range->last + 1, dying);
		t1x_dma_set_state(&map->tree, rest, T1X_DMA_LIVE);
	}
	if (range->iova != dma->iova) {
		going = split(map, args, dma, range->iova, dying);
		t1x_dma_set_state(&map->tree, dma, T1X_DMA_LIVE);
	}

	going->next_dying = next;
	return going;
}

/*
 * Split every mapping of which a part goes. The rest keeps the entry; two rests have
 * the one that was taken, too.
 */
static void carve_all(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		      struct dying *dying)
{
	const struct t1x_dma_cut *cut;
	struct t1x_dma **link;

	map->nr_lent -= dying->entry;
	for (link = &dying->first; *link; link = &(*link)->next_dying) {
		/* With the last group all of it goes. */
		cond_resched();
		cut = find_cut(dying, *link);
		if (!cut || (*link)->doomed)
			continue;
		*link = carve(map, args, *link, &cut->going, dying);
		(*link)->uncounted = true;
		dying->entry = false;
	}

	map->dma_avail += dying->entry;
	end_cuts(map, dying);
}

/*
 * What cannot fail any more is done under the mutex; what comes before changes
 * nothing. Return: 0, or an error, and everything is to be LIVE again.
 */
static int commit(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		  struct dying *dying, const struct t1x_dirty_report *report)
{
	int ret;

	ret = alloc_parts(dying) ?: lock_parts(map, dying);
	if (ret)
		return ret;

	if (report)
		ret = t1x_dirty_log_report(&map->log, report, dying->first,
					   args->call);
	if (!ret)
		carve_all(map, args, dying);
	unlock_parts(map, dying);
	return ret;
}

static int open_report(const struct t1x_uapi_unmap *args,
		       struct t1x_dirty_report *report)
{
	return args->window ?
		       t1x_dirty_report_open_window(report, args->iova,
						    args->last, &args->bitmap) :
		       t1x_dirty_report_open(report, args->iova, &args->bitmap);
}

/* Have all pinned that a report will write. */
static int pin_report(const struct t1x_uapi_unmap *args,
		      const struct dying *dying,
		      struct t1x_dirty_report *report)
{
	const struct t1x_dma *dma;
	int ret = 0;

	if (args->window)
		return t1x_dirty_report_pin_window(report);

	for (dma = dying->first; dma && !ret; dma = dma->next_dying) {
		struct t1x_iova_range going = going_of(dying, dma);

		ret = t1x_dirty_report_pin(report, going.iova, going.last);
	}
	return ret;
}

/* Commit with a report of what is dirty: nobody but an IOMMU can write there now. */
static int commit_report(struct t1x_map *map, const struct t1x_uapi_unmap *args,
			 struct dying *dying)
{
	struct t1x_dirty_report report;
	int ret;

	ret = open_report(args, &report);
	if (ret)
		return ret;

	ret = pin_report(args, dying, &report);
	if (ret == -EFAULT)
		t1x_call_fail_with(args->call, ret, T1X_REASON_BITMAP,
				   args->bitmap.addr, 0, 0);
	if (!ret)
		ret = commit(map, args, dying, &report);
	t1x_dirty_report_close(&report);
	return ret;
}

/* Take out of the IOMMU, and forget, what nobody else holds. */
static int remove(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		  struct dying *dying)
{
	int ret;

	ret = quiesce(map, args, dying);
	if (!ret && args->report)
		ret = commit_report(map, args, dying);
	else if (!ret && dying->nr_cuts)
		ret = commit(map, args, dying, NULL);
	free_parts(dying);
	if (ret) {
		revive(map, dying);
		return ret;
	}

	if (dying->first)
		t1x_backing_clear(&map->domains, dying->first, true);
	t1x_map_forget(map, dying->first);
	return 0;
}

/* The part of an unmap that is done under the mutex. */
static int begin_unmap(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		       struct dying *dying)
{
	int ret = 0;

	if (args->vaddr_only) {
		/* Drivers could not pin or copy while the addresses are invalid. */
		if (t1x_emulated_is_used(&map->emulated))
			return t1x_call_fail(args->call, -EBUSY,
					     T1X_REASON_EMULATED);
		return t1x_vaddr_invalidate(&map->tree, args, &dying->npages);
	}

	if (args->report)
		ret = t1x_dirty_log_check(&map->log, &args->bitmap, args->call);
	return ret ?: mark(map, args, dying);
}

/**
 * t1x_unmap_dma() - VFIO_IOMMU_UNMAP_DMA and VFIO_IOMMU_TYPE1X_UNMAP_RANGE
 * @map: Mappings of the container
 * @args: Checked request
 * @npages: Set to what was unmapped, or whose addresses are invalid now, in pages
 *	    of PAGE_SIZE
 *
 * When this returns, no DMA reaches what was unmapped, and it is unpinned.
 *
 * Context: May sleep; waits, killable, for a mapping in the range that is being
 * made or removed by somebody else, for the drivers of emulated devices, and for
 * the user's bitmap.
 * Return: 0; -EINVAL if a mapping would be cut where it cannot be, an address is
 * invalid already, or a bitmap is asked for without dirty tracking or of another
 * page size; -ENOSPC if a mapping would become two, beyond dma_entry_limit; -EBUSY
 * if a driver does not let go, or if addresses are to be invalid beside emulated
 * groups; -EFAULT if the bitmap cannot be written; -ENOMEM; -EINTR on a fatal
 * signal. On failure nothing changed, except that drivers have let go of what they
 * could.
 */
int t1x_unmap_dma(struct t1x_map *map, const struct t1x_uapi_unmap *args,
		  u64 *npages)
{
	struct dying dying __uninitialized;
	int ret;

	if (mutex_lock_killable(&map->lock))
		return -EINTR;

	dying_init(&dying);
	do {
		ret = begin_unmap(map, args, &dying);
		if (ret == -EAGAIN)
			ret = t1x_dma_wait(&map->tree, MAX_SCHEDULE_TIMEOUT) ?:
				      -EAGAIN;
	} while (ret == -EAGAIN);

	mutex_unlock(&map->lock);

	/* A window is written even if it is empty. */
	if (!ret && (dying.first || args->window))
		ret = remove(map, args, &dying);
	if (ret)
		return ret;

	*npages = dying.npages;
	if (args->call) {
		args->call->nr_mappings = dying.nr;
		args->call->nr_pages = dying.npages;
	}
	return 0;
}
