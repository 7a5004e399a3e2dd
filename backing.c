// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a mapping, into the IOMMU and out of it. See include/backing.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "account.h"
#include "backing.h"
#include "dma_tracker.h"
#include "domain.h"
#include "pin.h"

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

/**
 * t1x_backing_find_pfn() - Ask the IOMMU where a page of a mapping is
 * @domains: Domains of the container
 * @dma: Mapping
 * @index: Page of it that is in the IOMMU
 * @pfn: Set to its frame
 *
 * The IOMMU says 0 of what is not mapped, and also of what is mapped to physical
 * address 0. The mapping knows whether that can be.
 *
 * Context: domains.rwsem held. May sleep.
 * Return: false if the IOMMU has lost the page.
 */
bool t1x_backing_find_pfn(struct t1x_domains *domains,
			  const struct t1x_dma *dma, unsigned long index,
			  unsigned long *pfn)
{
	*pfn = 0;
	return t1x_domain_find_pfn(domains, t1x_dma_iova_at(dma, index), pfn) ||
	       dma->has_pfn_0;
}

/**
 * t1x_backing_run_end() - Find where the contiguous memory at a page ends
 * @domains: Domains of the container
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
unsigned long t1x_backing_run_end(struct t1x_domains *domains,
				  const struct t1x_dma *dma,
				  unsigned long index, unsigned long end,
				  unsigned long *pfn)
{
	unsigned long next = index, next_pfn;

	for (;;) {
		next = t1x_dma_jump_next(dma, next, end);
		if (next == end)
			return end;
		if (!t1x_backing_find_pfn(domains, dma, next, &next_pfn))
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
static bool find_runs(struct t1x_domains *domains, const struct t1x_dma *dma,
		      struct clear_batch *batch)
{
	unsigned long index = dma->unmapped, end = dma->mapped;
	unsigned long pfn;

	batch->nr = 0;
	pfn = index ? T1X_NO_PFN : dma->first_pfn;
	if (pfn == T1X_NO_PFN &&
	    !t1x_backing_find_pfn(domains, dma, index, &pfn))
		return false;

	while (index < end && batch->nr < batch->max) {
		struct clear_run *run = &batch->runs[batch->nr++];
		unsigned long next;

		run->index = index;
		run->pfn = pfn;
		next = t1x_backing_run_end(domains, dma, index, end, &pfn);
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
static bool unmap_batch(struct t1x_domains *domains, struct t1x_dma *dma,
			struct clear_batch *batch)
{
	unsigned long index = dma->unmapped;
	const struct clear_run *last;
	unsigned long want;

	lockdep_assert_held(&domains->rwsem);

	batch->done = 0;
	if (dma->stuck || index == dma->mapped)
		return false;

	if (!find_runs(domains, dma, batch)) {
		give_up(domains, dma);
		return false;
	}

	last = &batch->runs[batch->nr - 1];
	want = last->index + last->npages - index;
	batch->done =
		t1x_domain_unmap(domains, t1x_dma_iova_at(dma, index), want);
	dma->unmapped += batch->done;
	if (batch->done < want)
		give_up(domains, dma);

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

/**
 * t1x_backing_clear() - Unmap and unpin what is in the IOMMU of a mapping
 * @domains: Domains of the container
 * @dma: DYING mapping that the caller owns, or that of a MAP or attach that failed
 *
 * The rwsem is taken for one batch at a time, so that an attach need not wait for
 * all of a large mapping, and not over the unpin, which may wait for the lock of a
 * page.
 *
 * Context: No lock of the container held. May sleep. Cannot fail: what the IOMMU
 * driver does not let go stays pinned, and the mapping is stuck.
 */
void t1x_backing_clear(struct t1x_domains *domains, struct t1x_dma *dma)
{
	struct clear_batch batch;
	bool more;

	clear_begin(&batch, dma);
	do {
		down_read(&domains->rwsem);
		more = unmap_batch(domains, dma, &batch);
		up_read(&domains->rwsem);
		release_batch(dma, &batch);
	} while (more);
	clear_end(&batch);

	if (dma->kept)
		give_up(domains, dma);
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
	struct clear_batch batch;
	bool more;

	lockdep_assert_held_write(&domains->rwsem);

	clear_begin(&batch, dma);
	do {
		more = unmap_batch(domains, dma, &batch);
		release_batch(dma, &batch);
	} while (more);
	clear_end(&batch);

	if (dma->kept)
		give_up(domains, dma);
}

/* Map one batch of runs; those that are mapped belong to @dma afterwards. */
static int map_batch(struct t1x_domains *domains, struct t1x_dma *dma,
		     struct t1x_pin *pin, unsigned int nr,
		     unsigned long *next_pfn)
{
	unsigned int i;
	int ret = 0;

	if (down_read_killable(&domains->rwsem))
		return -EINTR;

	/* The last group went: to the user, the container has no IOMMU. */
	if (dma->doomed)
		ret = -EINVAL;
	else if (dma->restart || list_empty(&domains->list))
		ret = -EAGAIN;

	for (i = 0; i < nr && !ret; i++) {
		const struct t1x_run *run = &pin->runs[i];
		unsigned long index = dma->mapped;

		ret = t1x_dma_reserve(dma, index + run->npages) ?:
			      t1x_dma_pin_add(dma, index, run->kind);
		if (ret)
			break;
		if (!index)
			dma->first_pfn = run->pfn;
		if (!run->pfn)
			dma->has_pfn_0 = true;
		if (index && run->pfn != *next_pfn)
			t1x_dma_jump_add(dma, index);

		ret = t1x_domain_map(domains, t1x_dma_iova_at(dma, index),
				     run->pfn, run->npages, dma->prot,
				     dma->granule);
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
	up_read(&domains->rwsem);
	return ret;
}

/**
 * t1x_backing_fill() - Pin all pages of a mapping and map them in all domains
 * @domains: Domains of the container
 * @dma: FILLING or BUSY mapping that the caller owns, with nothing in the IOMMU
 * @orphans: Pages to count against the limit, see t1x_account_orphans()
 * @credit: Pages of the mapping that are charged already; this uses them up
 * @single: Give the IOMMU one page at a time
 *
 * Pins from the address space that @dma is charged to, which need not be the
 * caller's.
 *
 * Context: No lock of the container held: page faults may wait for a user. May
 * sleep, killable.
 * Return: 0; -ESRCH if the address space is gone; -EINVAL if the last group went;
 * -EAGAIN if the last domain went, and with it what was mapped; -ENOMEM if
 * RLIMIT_MEMLOCK is exceeded or memory is short; -EFAULT if the memory is not
 * there or not as accessible as asked; -EINTR on a fatal signal; or what the IOMMU
 * driver says. t1x_backing_clear() undoes what a failure leaves behind.
 */
int t1x_backing_fill(struct t1x_domains *domains, struct t1x_dma *dma,
		     unsigned long orphans, unsigned long credit, bool single)
{
	struct mm_struct *mm = dma->account->mm;
	unsigned long next_pfn = 0;
	struct t1x_pin pin;
	int ret;

	t1x_pin_begin(&pin, dma, orphans, credit, single);

	/* An address space that nobody uses any more must not be walked. */
	if (mm != current->mm && !mmget_not_zero(mm)) {
		t1x_pin_end(&pin);
		return -ESRCH;
	}

	do {
		ret = t1x_pin_batch(&pin);
		if (ret > 0)
			ret = map_batch(domains, dma, &pin, ret, &next_pfn) ?:
									      1;
	} while (ret > 0);

	if (mm != current->mm)
		mmput(mm);
	t1x_pin_end(&pin);
	return ret;
}
