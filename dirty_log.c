// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking of a container. See include/dirty_log.h.
 */
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "call.h"
#include "dirty_bitmap.h"
#include "dirty_log.h"
#include "dirty_report.h"
#include "dma_tracker.h"
#include "domains.h"
#include "external.h"
#include "pgsize.h"
#include "uapi.h"

/**
 * t1x_dirty_log_init() - A log that is off
 * @log: To initialise
 * @tree: Mappings of the container
 * @domains: Its domains
 */
void t1x_dirty_log_init(struct t1x_dirty_log *log, struct t1x_dma_tree *tree,
			struct t1x_domains *domains)
{
	log->tree = tree;
	log->domains = domains;
	log->state = T1X_DIRTY_LOG_OFF;
}

static void free_all(struct t1x_dirty_log *log)
{
	struct t1x_dma *dma;

	lockdep_assert_held(log->tree->lock);

	for (dma = t1x_dma_first(log->tree); dma;
	     dma = t1x_dma_next(log->tree, dma)) {
		t1x_dma_untrack(dma);
		cond_resched();
	}
}

/* Leave STARTING. */
static void set_state(struct t1x_dirty_log *log, enum t1x_dirty_log_state state)
{
	lockdep_assert_held(log->tree->lock);

	log->state = state;
	t1x_dma_wake(log->tree);
}

static int wait_until_started(struct t1x_dirty_log *log)
{
	int ret = 0;

	while (log->state == T1X_DIRTY_LOG_STARTING && !ret)
		ret = t1x_dma_wait(log->tree, MAX_SCHEDULE_TIMEOUT);
	return ret;
}

/*
 * Give a mapping a bitmap. The mutex is dropped and taken again, so @dma may be
 * gone or split afterwards; one of the same range that took its place has as much
 * use for it.
 */
static int cover(struct t1x_dirty_log *log, struct t1x_dma *dma)
{
	unsigned long npages = t1x_dma_npages(dma);
	unsigned long iova = dma->iova, last = dma->last;
	struct t1x_dirty dirty;
	int ret;

	mutex_unlock(log->tree->lock);
	ret = t1x_dirty_alloc(&dirty, iova >> PAGE_SHIFT, npages);
	mutex_lock(log->tree->lock);
	if (ret)
		return ret;

	dma = t1x_dma_find(log->tree, iova, iova);
	if (dma && dma->iova == iova && dma->last == last && !dma->dirty_bits &&
	    log->state != T1X_DIRTY_LOG_OFF)
		swap(dma->dirty_bits, dirty.bits);
	t1x_dirty_free(&dirty);
	return 0;
}

/**
 * t1x_dirty_log_cover() - Track a new mapping if the log is on
 * @log: Log
 * @dma: Mapping that the caller owns, about to be LIVE
 *
 * Context: The tree's mutex held; it may be dropped and taken again, so look at
 * everything but @dma anew. May sleep.
 * Return: 0; -ENOMEM; or -EINVAL if the mapping is too large to be tracked.
 */
int t1x_dirty_log_cover(struct t1x_dirty_log *log, struct t1x_dma *dma)
{
	int ret = 0;

	lockdep_assert_held(log->tree->lock);

	while (!ret && log->state != T1X_DIRTY_LOG_OFF && !dma->dirty_bits)
		ret = cover(log, dma);
	return ret;
}

/* Give all mappings bitmaps, but those being made, which see to it themselves. */
static int cover_all(struct t1x_dirty_log *log)
{
	struct t1x_dma *dma = t1x_dma_first(log->tree);
	int ret = 0;

	while (dma && !ret) {
		unsigned long iova = dma->iova;

		if (dma->dirty_bits || dma->state == T1X_DMA_FILLING) {
			dma = t1x_dma_next(log->tree, dma);
		} else {
			ret = cover(log, dma);
			/* Look again: it may have been split meanwhile. */
			dma = t1x_dma_find(log->tree, iova, ULONG_MAX);
		}
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}

	return ret;
}

/**
 * t1x_dirty_log_start() - VFIO_IOMMU_DIRTY_PAGES_FLAG_START
 * @log: Log; nothing is done if it is on
 *
 * Context: No lock held. May sleep, killable.
 * Return: 0; -ENOMEM; -EINVAL if a mapping is too large to be tracked; -EINTR on a
 * fatal signal. On failure the log is off.
 */
int t1x_dirty_log_start(struct t1x_dirty_log *log)
{
	struct t1x_dma *dma;
	int ret;

	if (mutex_lock_killable(log->tree->lock))
		return -EINTR;

	ret = wait_until_started(log);
	if (ret || log->state == T1X_DIRTY_LOG_ON)
		goto out_unlock;

	log->state = T1X_DIRTY_LOG_STARTING;
	ret = cover_all(log);
	if (ret) {
		free_all(log);
		set_state(log, T1X_DIRTY_LOG_OFF);
		goto out_unlock;
	}

	for (dma = t1x_dma_first(log->tree); dma;
	     dma = t1x_dma_next(log->tree, dma)) {
		t1x_external_mark_dirty(log->tree, dma);
		cond_resched();
	}
	set_state(log, T1X_DIRTY_LOG_ON);

out_unlock:
	mutex_unlock(log->tree->lock);
	return ret;
}

/**
 * t1x_dirty_log_stop() - VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
 * @log: Log; nothing is done if it is off
 *
 * Context: No lock held. May sleep, killable.
 * Return: 0, or -EINTR on a fatal signal.
 */
int t1x_dirty_log_stop(struct t1x_dirty_log *log)
{
	int ret;

	if (mutex_lock_killable(log->tree->lock))
		return -EINTR;

	ret = wait_until_started(log);
	if (!ret) {
		free_all(log);
		set_state(log, T1X_DIRTY_LOG_OFF);
	}
	mutex_unlock(log->tree->lock);
	return ret;
}

/**
 * t1x_dirty_log_set_all() - A group that wrote unseen has gone
 * @log: Log
 *
 * What it wrote must still be reported once.
 *
 * Context: The tree's mutex held. May sleep.
 */
void t1x_dirty_log_set_all(struct t1x_dirty_log *log)
{
	struct t1x_dma *dma;

	lockdep_assert_held(log->tree->lock);

	for (dma = t1x_dma_first(log->tree); dma;
	     dma = t1x_dma_next(log->tree, dma)) {
		struct t1x_dirty dirty = t1x_dma_dirty(dma);

		t1x_dirty_set_all(&dirty);
		cond_resched();
	}
}

/**
 * t1x_dirty_log_check() - Is there a report with this page size?
 * @log: Log
 * @args: The user's bitmap
 * @call: The caller's call, or NULL
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: 0, or -EINVAL if the log is off or the page size is not the smallest one
 * of the container.
 */
int t1x_dirty_log_check(const struct t1x_dirty_log *log,
			const struct t1x_uapi_bitmap *args,
			struct t1x_call *call)
{
	if (log->state != T1X_DIRTY_LOG_ON)
		return t1x_call_fail(call, -EINVAL, T1X_REASON_LOG_OFF);
	if (args->pgsize != t1x_pgsize_min(log->domains->pgsizes))
		return t1x_call_fail_with(call, -EINVAL, T1X_REASON_PGSIZE,
					  args->pgsize, 0, 0);

	return 0;
}

static bool is_all_dirty(const struct t1x_dirty_log *log,
			 const struct t1x_dma *dma)
{
	return log->domains->nr_unseen && t1x_dma_in_iommu(dma);
}

static void write_report(const struct t1x_dirty_log *log,
			 const struct t1x_dirty_report *report,
			 const struct t1x_dma *dma, unsigned long iova,
			 unsigned long last)
{
	t1x_dirty_report_write(report, dma, iova, last, is_all_dirty(log, dma));
}

/**
 * t1x_dirty_log_report() - Report what is being unmapped
 * @log: Log
 * @report: Report, pinned where they fill it
 * @dying: Chain of DYING mappings that the caller owns
 * @call: The caller's call, or NULL
 *
 * Context: The tree's mutex held. May sleep.
 * Return: 0, or -EINVAL if the log was stopped: then nothing is written.
 */
int t1x_dirty_log_report(struct t1x_dirty_log *log,
			 const struct t1x_dirty_report *report,
			 struct t1x_dma *dying, struct t1x_call *call)
{
	struct t1x_dma *dma;

	lockdep_assert_held(log->tree->lock);

	if (log->state != T1X_DIRTY_LOG_ON)
		return t1x_call_fail(call, -EINVAL, T1X_REASON_LOG_OFF);

	t1x_dirty_report_clear_window(report);
	for (dma = dying; dma; dma = dma->next_dying) {
		struct t1x_iova_range going = t1x_dma_going(log->tree, dma);

		write_report(log, report, dma, going.iova, going.last);
	}
	return 0;
}

/*
 * May there be a report of a range? Waits until nothing in it is about to change.
 * Where the ends may be is for the caller to say.
 */
static int check_report(struct t1x_dirty_log *log,
			const struct t1x_uapi_dirty *args)
{
	int ret;

	do {
		ret = t1x_dirty_log_check(log, &args->bitmap, args->call);
		if (ret)
			return ret;
		if ((args->iova | (args->last + 1)) & (args->bitmap.pgsize - 1))
			return t1x_call_fail_with(args->call, -EINVAL,
						  T1X_REASON_ALIGNMENT,
						  T1X_FIELD_RANGE,
						  args->bitmap.pgsize, 0);
		if (!t1x_dma_find_unsettled(log->tree, args->iova, args->last))
			break;
		ret = t1x_dma_wait(log->tree, MAX_SCHEDULE_TIMEOUT);
	} while (!ret);

	return ret;
}

/* The next mapping of a report, at or above @iova. */
static struct t1x_dma *next_in(struct t1x_dirty_log *log,
			       const struct t1x_uapi_dirty *args,
			       unsigned long iova)
{
	struct t1x_dma *dma = t1x_dma_find(log->tree, iova, args->last);

	/* A stuck mapping is no more, to the user. */
	while (dma && dma->stuck)
		dma = t1x_dma_next(log->tree, dma);
	return dma && dma->iova <= args->last ? dma : NULL;
}

static struct t1x_dma *next_after(struct t1x_dirty_log *log,
				  const struct t1x_uapi_dirty *args,
				  const struct t1x_dma *dma)
{
	return dma->last >= args->last ? NULL :
					 next_in(log, args, dma->last + 1);
}

/*
 * Pin what mappings at and above *@iova fill of the bitmap, up to a place where
 * the mutex had to be dropped: *@iova is where to go on.
 * Return: 1 if all was pinned already, or a mapping has come that does not fit; 0 to
 * go on; or an error.
 */
static int pin_unpinned(struct t1x_dirty_log *log,
			const struct t1x_uapi_dirty *args,
			struct t1x_dirty_report *report, unsigned long *iova)
{
	struct t1x_dma *dma;
	unsigned long last;
	int ret;

	for (dma = next_in(log, args, *iova); dma;
	     dma = next_after(log, args, dma)) {
		/* Mapped while the mutex was dropped: refused by the next walk. */
		if (dma->iova < args->iova || dma->last > args->last)
			return 1;
		if (!t1x_dirty_report_is_pinned(report, dma->iova, dma->last))
			break;
		cond_resched();
	}
	if (!dma)
		return 1;

	*iova = dma->iova;
	last = dma->last;

	mutex_unlock(log->tree->lock);
	ret = t1x_dirty_report_pin(report, *iova, last);
	mutex_lock(log->tree->lock);
	return ret;
}

/* A report is of whole mappings: which one is not? */
static int refuse_cut(struct t1x_dirty_log *log,
		      const struct t1x_uapi_dirty *args)
{
	struct t1x_dma *dma = t1x_dma_find(log->tree, args->iova, args->last);

	/* Not the first one, so the one that reaches beyond the end. */
	if (dma->iova >= args->iova && dma->last <= args->last)
		dma = t1x_dma_find(log->tree, args->last, args->last);
	return t1x_dma_refuse_cut(dma, args->call);
}

/* With the mutex held at the end, have all pinned that a report will write. */
static int pin_mapped(struct t1x_dirty_log *log,
		      const struct t1x_uapi_dirty *args,
		      struct t1x_dirty_report *report)
{
	unsigned long iova;
	int ret;

	/* Whatever was mapped behind our back is found by another walk. */
	do {
		bool first = true;

		ret = check_report(log, args);
		if (!ret && t1x_dma_cuts(log->tree, args->iova, args->last))
			ret = refuse_cut(log, args);
		iova = args->iova;
		while (!ret) {
			ret = pin_unpinned(log, args, report, &iova);
			if (ret == 1 && first)
				return 0;
			first = false;
		}
	} while (ret == 1);

	return ret;
}

static void report_clipped(struct t1x_dirty_log *log,
			   const struct t1x_dirty_report *report,
			   const struct t1x_uapi_dirty *args,
			   const struct t1x_dma *dma)
{
	unsigned long iova = max(dma->iova, args->iova);
	unsigned long last = min(dma->last, args->last);
	struct t1x_dirty dirty = t1x_dma_dirty(dma);

	write_report(log, report, dma, iova, last);
	if (args->no_clear)
		return;

	t1x_dirty_clear(&dirty, iova >> PAGE_SHIFT,
			((last - iova) >> PAGE_SHIFT) + 1);
	t1x_external_mark_dirty(log->tree, dma);
}

/* Report all of a range, whose part of the bitmap is pinned. */
static void report_range(struct t1x_dirty_log *log,
			 const struct t1x_dirty_report *report,
			 const struct t1x_uapi_dirty *args)
{
	struct t1x_dma *dma;

	for (dma = next_in(log, args, args->iova); dma;
	     dma = next_after(log, args, dma)) {
		report_clipped(log, report, args, dma);
		cond_resched();
	}
}

static void tell_bitmap(const struct t1x_uapi_dirty *args)
{
	t1x_call_fail_with(args->call, -EFAULT, T1X_REASON_BITMAP,
			   args->bitmap.addr, 0, 0);
}

/**
 * t1x_dirty_log_get() - VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP
 * @log: Log
 * @args: What the user asks for
 *
 * What was reported is clean afterwards, but for what is still held by a driver.
 *
 * Context: No lock held. Sleeps, killable: for the user's memory, and for mappings
 * in the range that are being made or removed.
 * Return: 0; -EINVAL if the log is off, the page size is not the smallest one, or
 * the range is misaligned or cuts a mapping; -EFAULT if the bitmap cannot be
 * written; -ENOMEM; -EINTR on a fatal signal. On failure nothing is written, and
 * no page becomes clean.
 */
int t1x_dirty_log_get(struct t1x_dirty_log *log,
		      const struct t1x_uapi_dirty *args)
{
	struct t1x_dirty_report report;
	int ret;

	ret = t1x_dirty_report_open(&report, args->iova, &args->bitmap);
	if (ret)
		return ret;

	if (mutex_lock_killable(log->tree->lock)) {
		ret = -EINTR;
		goto out_close;
	}

	ret = pin_mapped(log, args, &report);
	if (ret == -EFAULT)
		tell_bitmap(args);
	if (ret)
		goto out_unlock;

	report_range(log, &report, args);

out_unlock:
	mutex_unlock(log->tree->lock);
out_close:
	t1x_dirty_report_close(&report);
	return ret;
}

/* Lock, with the right to report a range. */
static int lock_range(struct t1x_dirty_log *log,
		      const struct t1x_uapi_dirty *args)
{
	int ret;

	if (mutex_lock_killable(log->tree->lock))
		return -EINTR;

	ret = check_report(log, args);
	if (ret)
		mutex_unlock(log->tree->lock);
	return ret;
}

/**
 * t1x_dirty_log_get_range() - VFIO_IOMMU_TYPE1X_DIRTY_RANGE
 * @log: Log
 * @args: What the user asks for
 *
 * What was reported is clean afterwards, unless the user only looks, but for what is
 * still held by a driver.
 *
 * Context: No lock held. Sleeps, killable: for the user's memory, and for mappings
 * in the range that are being made or removed.
 * Return: 0; -EINVAL if the log is off, the page size is not the smallest one, or
 * the range is misaligned; -EFAULT if the bitmap cannot be written; -ENOMEM; -EINTR
 * on a fatal signal. On failure nothing is written, and no page becomes clean.
 */
int t1x_dirty_log_get_range(struct t1x_dirty_log *log,
			    const struct t1x_uapi_dirty *args)
{
	struct t1x_dirty_report report;
	int ret;

	/* A bad argument is told before a bad bitmap. */
	ret = lock_range(log, args);
	if (ret)
		return ret;
	mutex_unlock(log->tree->lock);

	ret = t1x_dirty_report_open_window(&report, args->iova, args->last,
					   &args->bitmap);
	if (ret)
		return ret;

	ret = t1x_dirty_report_pin_window(&report);
	if (ret == -EFAULT)
		tell_bitmap(args);
	if (!ret)
		ret = lock_range(log, args);
	if (ret)
		goto out_close;

	t1x_dirty_report_clear_window(&report);
	report_range(log, &report, args);
	mutex_unlock(log->tree->lock);

out_close:
	t1x_dirty_report_close(&report);
	return ret;
}
