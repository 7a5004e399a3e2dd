// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a mapping, out of the IOMMU. See include/backing.h.
 */
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "account.h"
#include "backing.h"
#include "dma_tracker.h"
#include "domains.h"
#include "pin.h"

#include "compat.h"

/* Runs that are unmapped together, flushed once in each domain, then unpinned. */
#define CLEAR_RUNS 224
#define CLEAR_FEW 8

/* Pages that the IOMMU is asked for one after the other. */
#define CLEAR_PFNS 32

/* What a batch has of one mapping. */
struct clear_part {
	struct t1x_dma *dma;
	unsigned long index;
	unsigned long done; /* pages from there on, unmapped everywhere */
	unsigned int nr_runs;
	bool is_short; /* not all of it is unmapped */
};

/* Room for one, of less than 16 KiB. */
struct clear_room {
	struct t1x_extent runs[CLEAR_RUNS];
	struct clear_part parts[CLEAR_RUNS];
	struct t1x_domain_range ranges[CLEAR_RUNS];
};

/*
 * Parts of mappings, each as its runs; parts that follow each other are one range. What
 * is beyond the numbers means nothing, so the compiler need not clear it.
 */
struct clear_batch {
	struct clear_room *room; /* or NULL */
	struct t1x_extent *runs;
	struct clear_part *parts;
	struct t1x_domain_range *ranges;
	unsigned int max; /* of each */
	unsigned int nr_runs;
	unsigned int nr_parts;
	unsigned int nr_ranges;
	struct t1x_extent few_runs[CLEAR_FEW];
	struct clear_part few_parts[CLEAR_FEW];
	struct t1x_domain_range few_ranges[CLEAR_FEW];
};

static void clear_begin(struct clear_batch *batch, const struct t1x_dma *dma,
			bool more)
{
	batch->room = NULL;
	if (more || dma->mapped > CLEAR_FEW)
		batch->room = kmalloc(sizeof(*batch->room),
				      GFP_KERNEL | __GFP_NOWARN);

	if (batch->room) {
		batch->runs = batch->room->runs;
		batch->parts = batch->room->parts;
		batch->ranges = batch->room->ranges;
		batch->max = CLEAR_RUNS;
	} else {
		batch->runs = batch->few_runs;
		batch->parts = batch->few_parts;
		batch->ranges = batch->few_ranges;
		batch->max = CLEAR_FEW;
	}
}

static void clear_end(struct clear_batch *batch)
{
	kfree(batch->room);
}

/*
 * An IOMMU driver kept what it was told to unmap. The device may go on writing
 * there, so the rest of the mapping stays pinned, charged and in the tree.
 */
static void give_up(struct t1x_domains *domains, struct t1x_dma *dma)
{
	mutex_lock(domains->lock);
	domains->nr_stuck += !dma->stuck;
	dma->stuck = true;
	mutex_unlock(domains->lock);

	pr_err_once("iova 0x%lx-0x%lx: not unmapped by the IOMMU driver; %s\n",
		    t1x_dma_iova_at(dma, dma->unmapped), dma->last,
		    "the memory stays pinned, the range is refused");
}

/*
 * Add to the last range of a batch, if it ends there, or to a new one. Beside another
 * domain that stops short, one that has unmapped several mappings by one call could not
 * be told to unmap the others of them again.
 */
static void append_range(struct t1x_domains *domains, struct clear_batch *batch,
			 unsigned long iova, unsigned long npages)
{
	struct t1x_domain_range *range = &batch->ranges[batch->nr_ranges];

	if (batch->nr_ranges && list_is_singular(&domains->list) &&
	    range[-1].iova + (range[-1].npages << PAGE_SHIFT) == iova) {
		range[-1].npages += npages;
		return;
	}

	range->iova = iova;
	range->npages = npages;
	batch->nr_ranges++;
}

/* Which frame is a page of a mapping? The first one's may be known. */
static bool find_pfn(struct t1x_domains *domains, const struct t1x_dma *dma,
		     unsigned long index, unsigned long *pfn)
{
	return (!index && t1x_dma_first_pfn(dma, pfn)) ||
	       t1x_backing_find_pfn(domains, dma, index, pfn);
}

/* Add pages behind a part. Return: false if they need a run, and there is none left. */
static __always_inline bool append_pages(struct clear_batch *batch,
					 struct clear_part *part,
					 unsigned long pfn,
					 unsigned long npages)
{
	struct t1x_extent *run = &batch->runs[batch->nr_runs];

	if (part->nr_runs && run[-1].pfn + run[-1].npages == pfn) {
		run[-1].npages += npages;
		return true;
	}
	if (batch->nr_runs == batch->max)
		return false;

	run->pfn = pfn;
	run->npages = npages;
	batch->nr_runs++;
	part->nr_runs++;
	return true;
}

/* Add pages of which each may be anywhere. Return: as add_stretch(). */
static noinline_for_stack unsigned long
add_dense(struct t1x_domains *domains, struct clear_batch *batch,
	  struct clear_part *part, unsigned long index, unsigned long end)
{
	const struct t1x_dma *dma = part->dma;
	unsigned long pfns[CLEAR_PFNS] __uninitialized;
	unsigned int i, n = min_t(unsigned long, end - index, CLEAR_PFNS);

	/* With no run left, one page tells whether the last one goes on. */
	n = clamp(batch->max - batch->nr_runs, 1U, n);
	t1x_domains_find_pfns(domains, t1x_dma_iova_at(dma, index), pfns, n);
	for (i = 0; i < n; i++) {
		if (!pfns[i] && !dma->has_pfn_0)
			return 0;
		if (!append_pages(batch, part, pfns[i], 1))
			break;
	}

	return index + i;
}

/*
 * Add pages of a mapping to its part of a batch, from the IOMMU, as far as there is
 * room. Return: the page to go on with, which is @index if there is no room; or 0 if
 * the IOMMU has lost one.
 */
static unsigned long add_stretch(struct t1x_domains *domains,
				 struct clear_batch *batch,
				 struct clear_part *part, unsigned long index,
				 unsigned long end)
{
	const struct t1x_dma *dma = part->dma;
	unsigned long dense = t1x_dma_dense_end(dma, index, end);
	unsigned long next, pfn;

	if (dense != index)
		return add_dense(domains, batch, part, index, dense);

	if (!find_pfn(domains, dma, index, &pfn))
		return 0;
	next = t1x_dma_jump_next(dma, index, end);
	return append_pages(batch, part, pfn, next - index) ? next : index;
}

/*
 * Add the next runs of a mapping to a batch. Stops after the last run that fits, so
 * that the range ends where an iommu_map call ended in every domain.
 * Return: the page to go on with, or 0 if the IOMMU has lost one; then nothing is
 * added.
 */
static unsigned long add_part(struct t1x_domains *domains, struct t1x_dma *dma,
			      struct clear_batch *batch)
{
	struct clear_part *part = &batch->parts[batch->nr_parts];
	unsigned long index = dma->unmapped, end = dma->mapped, next;

	part->dma = dma;
	part->index = index;
	part->nr_runs = 0;
	part->is_short = false;
	for (; index < end; index = next) {
		next = add_stretch(domains, batch, part, index, end);
		if (!next) {
			batch->nr_runs -= part->nr_runs;
			return 0;
		}
		if (next == index)
			break;
	}

	append_range(domains, batch, t1x_dma_iova_at(dma, part->index),
		     index - part->index);
	batch->nr_parts++;
	return index;
}

/* Fill a batch from a chain of mappings. Return: the one to go on with, or NULL. */
static struct t1x_dma *fill_batch(struct t1x_domains *domains,
				  struct t1x_dma *dma,
				  struct clear_batch *batch, bool chain)
{
	batch->nr_runs = 0;
	batch->nr_parts = 0;
	batch->nr_ranges = 0;
	while (dma && batch->nr_runs < batch->max) {
		if (!dma->stuck && dma->unmapped != dma->mapped) {
			unsigned long end = add_part(domains, dma, batch);

			if (!end)
				give_up(domains, dma);
			else if (end != dma->mapped)
				break; /* the rest is for the next batch */
		}
		dma = chain ? dma->next_dying : NULL;
	}

	return dma;
}

/* How many pages has a part, whose runs begin at @run? */
static unsigned long part_npages(const struct clear_part *part,
				 const struct t1x_extent *run)
{
	const struct t1x_extent *end = run + part->nr_runs;
	unsigned long npages = 0;

	for (; run < end; run++)
		npages += run->npages;
	return npages;
}

/* The part that is looked at, and its first run. */
struct clear_cursor {
	struct clear_part *part;
	struct t1x_extent *run;
};

/*
 * Note what of a range was unmapped. An IOMMU driver that stops short keeps the rest of
 * the mapping where it stopped; those behind it were not tried.
 * Return: the first of these, or NULL.
 */
static struct t1x_dma *note_unmapped(struct t1x_domains *domains,
				     const struct t1x_domain_range *range,
				     struct clear_cursor *at)
{
	unsigned long left = range->npages, done = range->done, npages;
	struct t1x_dma *untried = NULL, *stuck = NULL;

	for (; left; left -= npages, at->run += at->part++->nr_runs) {
		struct clear_part *part = at->part;

		npages = part_npages(part, at->run);
		part->done = min(done, npages);
		part->dma->unmapped += part->done;
		done -= part->done;
		part->is_short = part->done < npages;
		if (!part->is_short)
			continue;
		if (stuck) {
			untried = untried ?: part->dma;
			continue;
		}
		stuck = part->dma;
		give_up(domains, stuck);
	}

	return untried;
}

/*
 * Unmap the next batch everywhere and flush. Nothing is unpinned before
 * release_batch(). Return: the mapping to go on with, or NULL.
 */
static struct t1x_dma *unmap_batch(struct t1x_domains *domains,
				   struct t1x_dma *dma,
				   struct clear_batch *batch, bool chain)
{
	struct clear_cursor at = { .part = batch->parts, .run = batch->runs };
	struct t1x_dma *untried = NULL;
	unsigned int i;

	lockdep_assert_held(&domains->rwsem);

	dma = fill_batch(domains, dma, batch, chain);
	if (batch->nr_ranges)
		t1x_domains_unmap(domains, batch->ranges, batch->nr_ranges);

	for (i = 0; i < batch->nr_ranges; i++) {
		struct t1x_dma *first =
			note_unmapped(domains, &batch->ranges[i], &at);

		untried = untried ?: first;
	}

	/* What was unmapped since is passed over. */
	return untried ?: dma;
}

/*
 * Cut the runs of a part that was not unmapped to its end down to what may be unpinned:
 * of a piece, what is left needs its pin. Return: how many runs that are.
 */
static unsigned int cut_runs(const struct clear_part *part,
			     struct t1x_extent *run)
{
	unsigned long index = part->index, left = part->done;
	unsigned int i;

	for (i = 0; i < part->nr_runs && left >= run->npages; i++, run++) {
		index += run->npages;
		left -= run->npages;
	}
	if (i < part->nr_runs && left) {
		run->npages = t1x_pin_whole(part->dma, index, run->pfn, left);
		i++;
	}

	return i;
}

/* Unpin what of a part was unmapped. */
static void release_part(const struct clear_part *part, struct t1x_extent *run)
{
	unsigned int nr = part->nr_runs;
	unsigned long charged;

	if (part->is_short)
		nr = cut_runs(part, run);
	charged = t1x_pin_release(part->dma, part->index, run, nr);
	t1x_account_refund(part->dma->account, charged);
}

static void release_batch(const struct clear_batch *batch)
{
	const struct clear_part *end = batch->parts + batch->nr_parts, *part;
	struct t1x_extent *run = batch->runs;

	for (part = batch->parts; part < end; part++) {
		release_part(part, run);
		run += part->nr_runs;
	}
}

/* Is a mapping that is in the IOMMU one run, of which nothing is out yet? */
static bool is_one_run(const struct t1x_dma *dma)
{
	if (dma->stuck || dma->unmapped)
		return false;

	return dma->mapped == 1 ||
	       t1x_dma_jump_next(dma, 0, dma->mapped) == dma->mapped;
}

/*
 * Unmap a mapping that is one run, as most are, or not in the IOMMU: it needs no batch,
 * and if it is small the IOMMU no question. Return: false if it is neither, and nothing
 * was done.
 */
static bool unmap_one_run(struct t1x_domains *domains, struct t1x_dma *dma,
			  struct clear_part *part, struct t1x_extent *run)
{
	lockdep_assert_held(&domains->rwsem);

	*part = (struct clear_part){ .dma = dma };
	if (!t1x_dma_in_iommu(dma))
		return true;
	/* One that the IOMMU has lost is given up by who goes run by run. */
	if (!is_one_run(dma) || !find_pfn(domains, dma, 0, &run->pfn))
		return false;

	run->npages = dma->mapped;
	part->nr_runs = 1;
	part->done = t1x_domains_unmap_range(domains, dma->iova, run->npages);
	part->is_short = part->done < run->npages;
	dma->unmapped = part->done;
	if (part->is_short)
		give_up(domains, dma);
	return true;
}

/* For read, unless the caller has it for write. */
static void lock_domains(struct t1x_domains *domains, bool locked)
{
	if (!locked)
		down_read(&domains->rwsem);
}

static void unlock_domains(struct t1x_domains *domains, bool locked)
{
	if (!locked)
		up_read(&domains->rwsem);
}

static void clear_in_batches(struct t1x_domains *domains, struct t1x_dma *dma,
			     bool chain, bool locked)
{
	struct clear_batch batch __uninitialized;
	struct t1x_dma *next = dma;

	clear_begin(&batch, dma, chain && dma->next_dying);
	do {
		lock_domains(domains, locked);
		next = unmap_batch(domains, next, &batch, chain);
		unlock_domains(domains, locked);
		release_batch(&batch);
	} while (next);
	clear_end(&batch);
}

static void clear(struct t1x_domains *domains, struct t1x_dma *dma, bool chain,
		  bool locked)
{
	struct clear_part part __uninitialized;
	struct t1x_extent run __uninitialized;
	bool is_done = false;

	if (!chain || !dma->next_dying) {
		lock_domains(domains, locked);
		is_done = unmap_one_run(domains, dma, &part, &run);
		unlock_domains(domains, locked);
	}

	if (is_done)
		release_part(&part, &run);
	else
		clear_in_batches(domains, dma, chain, locked);

	/* A MAP that failed is no part of a chain. */
	if (dma->kept)
		give_up(domains, dma);
}

/**
 * t1x_backing_clear() - Unmap and unpin what is in the IOMMU of mappings
 * @domains: Domains of the container
 * @dma: DYING mapping that the caller owns, or FILLING, of a MAP that failed
 * @chain: Go on with those that follow it in the chain of next_dying
 *
 * The rwsem is taken for one batch at a time, so that an attach need not wait for
 * all of a large mapping, and not over the unpin, which may wait for the lock of a
 * page.
 *
 * Context: No lock of the container held. May sleep. Cannot fail: what the IOMMU
 * driver does not let go stays pinned, and the mapping is stuck.
 */
void t1x_backing_clear(struct t1x_domains *domains, struct t1x_dma *dma,
		       bool chain)
{
	clear(domains, dma, chain, false);
}

/**
 * t1x_backing_clear_locked() - The same for whoever holds the rwsem for write
 * @domains: Domains of the container
 * @dma: Mapping in any state
 *
 * Context: domains->rwsem held for write. May sleep. Cannot fail.
 */
void t1x_backing_clear_locked(struct t1x_domains *domains, struct t1x_dma *dma)
{
	lockdep_assert_held_write(&domains->rwsem);
	clear(domains, dma, false, true);
}
