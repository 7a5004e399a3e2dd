// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a mapping: into the IOMMU, and where they are in it. See
 * include/backing.h.
 */
#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "account.h"
#include "backing.h"
#include "call.h"
#include "census.h"
#include "dma_tracker.h"
#include "domains.h"
#include "journal.h"
#include "pin.h"

#include "compat.h"

/* Runs that are counted between two chances to be scheduled away. */
#define COUNT_RUNS 128

/* Runs that are mapped by one call: a page of their table. */
#define FILL_RUNS (PAGE_SIZE / sizeof(struct scatterlist))

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
	return t1x_domains_find_pfn(domains, t1x_dma_iova_at(dma, index),
				    pfn) ||
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

/**
 * t1x_backing_count() - Count in which IOMMU pages a part of a mapping is
 * @domains: Domains of the container
 * @dma: Mapping that is in the IOMMU as a whole
 * @index: Page of it to begin with; 0 begins the census
 * @nr: Runs to count
 * @census: Where to
 *
 * Context: domains.rwsem held; the mapping does not change. May sleep.
 * Return: Page to go on with, or dma->mapped.
 */
unsigned long t1x_backing_count(struct t1x_domains *domains,
				const struct t1x_dma *dma, unsigned long index,
				unsigned int nr, struct t1x_census *census)
{
	unsigned long next, pfn, next_pfn;

	if (!index) {
		census->supported = domains->supported;
		census->allowed = domains->pgsizes;
		census->granule = t1x_dma_granule(dma);
		census->single = dma->single;
		census->page = dma->iova >> PAGE_SHIFT;
		census->npages = t1x_dma_npages(dma);
		t1x_census_begin(census);
	}

	if (!t1x_backing_find_pfn(domains, dma, index, &pfn))
		return dma->mapped;

	for (; nr && index < dma->mapped; nr--, index = next, pfn = next_pfn) {
		next_pfn = pfn;
		next = t1x_backing_run_end(domains, dma, index, dma->mapped,
					   &next_pfn);
		if (!next)
			return dma->mapped;
		t1x_census_add(census, census->page + index, pfn, next - index);
	}
	return index;
}

/* A mapping that is being filled. */
struct fill {
	struct t1x_domains *domains;
	struct t1x_dma *dma;
	struct t1x_pin pin;
	unsigned long next_pfn; /* what would continue the last run */
	struct scatterlist *sg; /* of FILL_RUNS, or NULL */
};

/*
 * How many of the next runs go to the IOMMU by one call? All that have struct pages,
 * if nothing tells how they are to be cut: a batch is not so long that others would
 * wait for it.
 */
static unsigned int count_together(const struct fill *fill,
				   const struct t1x_run *run, unsigned int nr)
{
	unsigned int n = 0;

	if (!fill->sg ||
	    !t1x_domains_may_map_sg(fill->domains, t1x_dma_granule(fill->dma)))
		return 1;

	nr = min_t(unsigned int, nr, FILL_RUNS);
	while (n < nr && run[n].kind != T1X_PIN_NONE)
		n++;
	return max(n, 1U);
}

/*
 * Note how runs are held, and where memory jumps, before they are in an IOMMU: what
 * lies beyond dma->mapped means nothing. Return: their pages, or -ENOMEM.
 */
static long record_runs(struct fill *fill, const struct t1x_run *run,
			unsigned int nr)
{
	struct t1x_dma *dma = fill->dma;
	unsigned long index = dma->mapped;
	unsigned int i;
	long npages = 0;
	int ret;

	for (i = 0; i < nr; i++)
		npages += run[i].npages;
	ret = t1x_dma_reserve(dma, index + npages);
	if (ret)
		return ret;

	for (i = 0; i < nr; i++, run++) {
		if (!i || run->kind != run[-1].kind) {
			ret = t1x_dma_pin_add(dma, index, run->kind);
			if (ret)
				return ret;
		}
		if (!index) {
			t1x_dma_set_first_pfn(dma, run->pfn);
			dma->single = fill->pin.single;
		}
		if (!run->pfn)
			dma->has_pfn_0 = true;
		if (index && run->pfn != fill->next_pfn)
			t1x_dma_jump_add(dma, index);

		index += run->npages;
		fill->next_pfn = run->pfn + run->npages;
	}

	return npages;
}

/* Map runs behind what is mapped. Return: as t1x_domains_map(). */
static int map_runs(struct fill *fill, const struct t1x_run *run,
		    unsigned int nr, unsigned long npages)
{
	struct t1x_dma *dma = fill->dma;
	unsigned long iova = t1x_dma_iova_at(dma, dma->mapped);
	unsigned int i;

	if (nr == 1)
		return t1x_domains_map(fill->domains, iova, run->pfn, npages,
				       dma->prot, t1x_dma_granule(dma));

	sg_init_table(fill->sg, nr);
	for (i = 0; i < nr; i++)
		sg_set_page(&fill->sg[i], pfn_to_page(run[i].pfn),
			    run[i].npages << PAGE_SHIFT, 0);
	return t1x_domains_map_sg(fill->domains, iova, fill->sg, nr, npages,
				  dma->prot);
}

static void refuse_iommu(const struct fill *fill, int ret)
{
	const struct t1x_dma *dma = fill->dma;

	t1x_call_fail_with(fill->pin.call, ret, T1X_REASON_IOMMU,
			   t1x_dma_iova_at(dma, dma->mapped), 0, 0);
}

/* Map one batch of runs; those that are mapped belong to the mapping afterwards. */
static int map_batch(struct fill *fill, unsigned int nr)
{
	struct t1x_domains *domains = fill->domains;
	struct t1x_dma *dma = fill->dma;
	unsigned int i, n;
	long npages = 0;
	int ret = 0;

	if (down_read_killable(&domains->rwsem))
		return -EINTR;

	/* The last group went: to the user, the container has no IOMMU. */
	if (dma->doomed)
		ret = t1x_call_fail(fill->pin.call, -EINVAL,
				    T1X_REASON_NO_GROUP);
	else if (dma->restart || list_empty(&domains->list))
		ret = -EAGAIN;

	for (i = 0; i < nr && !ret; i += n) {
		const struct t1x_run *run = &fill->pin.runs[i];

		n = count_together(fill, run, nr - i);
		npages = record_runs(fill, run, n);
		ret = npages < 0 ? npages : map_runs(fill, run, n, npages);
		if (ret)
			break;
		dma->mapped += npages;
	}
	if (fill->pin.call)
		fill->pin.call->nr_runs += i;

	if (ret > 0) {
		/* In no unmap from now on, but they keep their pins. */
		dma->kept = true;
		i += n;
		ret = -EIO;
	}
	if (ret && npages > 0)
		refuse_iommu(fill, ret);

	t1x_pin_accept(&fill->pin, i);
	up_read(&domains->rwsem);
	return ret;
}

static bool may_have_many_runs(const struct t1x_dma *dma)
{
	return t1x_dma_npages(dma) > T1X_PIN_FEW;
}

/* Room for runs that go to the IOMMU together, where there may be many. */
static void fill_begin(struct fill *fill, struct t1x_domains *domains,
		       struct t1x_dma *dma, const struct t1x_pin_opts *opts)
{
	fill->domains = domains;
	fill->dma = dma;
	fill->next_pfn = 0;
	fill->sg = NULL;
	t1x_pin_begin(&fill->pin, dma, opts);
	if (!opts->single && may_have_many_runs(dma))
		fill->sg = kmalloc_array(FILL_RUNS, sizeof(*fill->sg),
					 GFP_KERNEL | __GFP_NOWARN);
}

static void fill_end(struct fill *fill)
{
	t1x_pin_end(&fill->pin);
	/* Of one page, as there are many, spare the call. */
	if (may_have_many_runs(fill->dma))
		kfree(fill->sg);
}

/* For the tracepoint: the IOMMU pages of a mapping that was filled. */
static void tell_leaves(struct t1x_domains *domains, const struct t1x_dma *dma,
			struct t1x_call *call)
{
	struct t1x_census census;
	unsigned long index = 0;

	down_read(&domains->rwsem);
	/* What is mapped goes with the last domain. */
	while (index < dma->mapped && !fatal_signal_pending(current)) {
		index = t1x_backing_count(domains, dma, index, COUNT_RUNS,
					  &census);
		call->leaves = t1x_census_sizes(&census);
		cond_resched();
	}
	up_read(&domains->rwsem);
}

/**
 * t1x_backing_fill() - Pin all pages of a mapping and map them in all domains
 * @domains: Domains of the container
 * @dma: FILLING or BUSY mapping that the caller owns, with nothing in the IOMMU
 * @opts: What a walk of its memory must know
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
		     const struct t1x_pin_opts *opts)
{
	struct fill fill __uninitialized;
	int ret;

	fill_begin(&fill, domains, dma, opts);

	/* An address space that nobody uses any more must not be walked. */
	if (!t1x_account_get_mm(dma->account)) {
		fill_end(&fill);
		return t1x_call_fail_with(opts->call, -ESRCH,
					  T1X_REASON_MAPPER_GONE,
					  dma->account->task->tgid, 0, 0);
	}

	do {
		ret = t1x_pin_batch(&fill.pin);
		if (ret > 0)
			ret = map_batch(&fill, ret) ?: 1;
	} while (ret > 0);

	t1x_account_put_mm(dma->account);
	fill_end(&fill);
	if (!ret && t1x_journal_wants_leaves(opts->call))
		tell_leaves(domains, dma, opts->call);
	return ret;
}
