// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking of a container. See include/dirty_log.h.
 */
#include <linux/bits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "dirty_bitmap.h"
#include "dirty_log.h"
#include "dma_tracker.h"
#include "domain.h"
#include "external.h"
#include "pgsize.h"
#include "uapi.h"
#include "user_bitmap.h"

/* Words of a report that are made up before they are copied. */
#define REPORT_WORDS 32

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

/* The first mapping at or above @iova, or NULL. */
static struct t1x_dma *find_from(struct t1x_dirty_log *log, unsigned long iova)
{
	return t1x_dma_find(log->tree, iova, ULONG_MAX);
}

static void free_all(struct t1x_dirty_log *log)
{
	struct t1x_dma *dma;

	lockdep_assert_held(log->tree->lock);

	for (dma = find_from(log, 0); dma; dma = t1x_dma_next(log->tree, dma)) {
		t1x_dirty_free(&dma->dirty);
		cond_resched();
	}
}

/* Leave STARTING. */
static void set_state(struct t1x_dirty_log *log, enum t1x_dirty_log_state state)
{
	lockdep_assert_held(log->tree->lock);

	log->state = state;
	wake_up_all(&log->tree->changed);
}

static int wait_until_started(struct t1x_dirty_log *log)
{
	int ret = 0;

	while (log->state == T1X_DIRTY_LOG_STARTING && !ret)
		ret = t1x_dma_wait(log->tree, MAX_SCHEDULE_TIMEOUT);
	return ret;
}

static unsigned long first_page(const struct t1x_dma *dma)
{
	return dma->iova >> PAGE_SHIFT;
}

/*
 * Give a mapping a bitmap. The mutex is dropped and taken again, so @dma may be
 * gone afterwards; it is told by its serial number.
 */
static int cover(struct t1x_dirty_log *log, struct t1x_dma *dma)
{
	unsigned long iova = dma->iova;
	u64 serial = dma->serial;
	struct t1x_dirty dirty;
	int ret;

	mutex_unlock(log->tree->lock);
	ret = t1x_dirty_alloc(&dirty, first_page(dma), t1x_dma_npages(dma));
	mutex_lock(log->tree->lock);
	if (ret)
		return ret;

	dma = t1x_dma_find(log->tree, iova, iova);
	if (dma && dma->serial == serial && !dma->dirty.bits &&
	    log->state != T1X_DIRTY_LOG_OFF)
		swap(dma->dirty, dirty);
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

	while (!ret && log->state != T1X_DIRTY_LOG_OFF && !dma->dirty.bits)
		ret = cover(log, dma);
	return ret;
}

/* Give all mappings bitmaps, but those being made, which see to it themselves. */
static int cover_all(struct t1x_dirty_log *log)
{
	struct t1x_dma *dma = find_from(log, 0);
	int ret = 0;

	while (dma && !ret) {
		unsigned long last = dma->last;

		if (!dma->dirty.bits && dma->state != T1X_DMA_FILLING)
			ret = cover(log, dma);
		if (fatal_signal_pending(current))
			ret = -EINTR;
		dma = last == ULONG_MAX ? NULL : find_from(log, last + 1);
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

	for (dma = find_from(log, 0); dma; dma = t1x_dma_next(log->tree, dma))
		t1x_external_mark_dirty(dma);
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

	for (dma = find_from(log, 0); dma; dma = t1x_dma_next(log->tree, dma)) {
		t1x_dirty_set_all(&dma->dirty);
		cond_resched();
	}
}

/**
 * t1x_dirty_log_check() - Is there a report with this page size?
 * @log: Log
 * @args: The user's bitmap
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: 0, or -EINVAL if the log is off or the page size is not the smallest one
 * of the container.
 */
int t1x_dirty_log_check(const struct t1x_dirty_log *log,
			const struct t1x_uapi_bitmap *args)
{
	if (log->state != T1X_DIRTY_LOG_ON ||
	    args->pgsize != t1x_pgsize_min(log->domains->pgsizes))
		return -EINVAL;

	return 0;
}

/* Where the words of a mapping are in a report that begins at page @base. */
static size_t report_offset(const struct t1x_dma *dma, unsigned long base)
{
	return (first_page(dma) - base) / 64 * sizeof(u64);
}

static size_t report_len(const struct t1x_dma *dma, unsigned long base)
{
	unsigned long last = first_page(dma) - base + t1x_dma_npages(dma) - 1;

	return (last / 64 + 1) * sizeof(u64) - report_offset(dma, base);
}

static bool is_all_dirty(const struct t1x_dirty_log *log,
			 const struct t1x_dma *dma)
{
	return log->domains->nr_unseen && t1x_dma_in_iommu(dma);
}

/*
 * Write the words of one mapping. What lies below it in its first word is another
 * mapping's, or the user's, and stays; what lies above it becomes 0.
 */
static void write_report(const struct t1x_dirty_log *log,
			 const struct t1x_user_bitmap *bitmap,
			 unsigned long base, const struct t1x_dma *dma)
{
	unsigned int below = (first_page(dma) - base) % 64;
	size_t offset = report_offset(dma, base);
	size_t left = report_len(dma, base) / sizeof(u64);
	unsigned long page = base + offset / sizeof(u64) * 64;
	bool all = is_all_dirty(log, dma);
	u64 words[REPORT_WORDS], keep;

	while (left) {
		size_t i, n = min_t(size_t, left, REPORT_WORDS);

		for (i = 0; i < n; i++, page += 64)
			words[i] =
				all ? t1x_dirty_word_full(&dma->dirty, page) :
				      t1x_dirty_word(&dma->dirty, page);

		if (below) {
			t1x_user_bitmap_read(bitmap, offset, &keep,
					     sizeof(keep));
			words[0] |= keep & GENMASK_ULL(below - 1, 0);
			below = 0;
		}

		t1x_user_bitmap_write(bitmap, offset, words, n * sizeof(u64));
		offset += n * sizeof(u64);
		left -= n;
		cond_resched();
	}
}

static bool is_report_pinned(const struct t1x_user_bitmap *bitmap,
			     unsigned long base, const struct t1x_dma *dma)
{
	return t1x_user_bitmap_is_pinned(bitmap, report_offset(dma, base),
					 report_len(dma, base));
}

/**
 * t1x_dirty_log_pin() - Pin the part of a user's bitmap that a mapping fills
 * @bitmap: The user's bitmap
 * @base: Page that its bit 0 stands for
 * @dma: Mapping, all of it above @base and inside the bitmap
 *
 * Context: No lock held, and @dma owned by the caller. As t1x_user_bitmap_pin().
 * Return: As t1x_user_bitmap_pin().
 */
int t1x_dirty_log_pin(struct t1x_user_bitmap *bitmap, unsigned long base,
		      const struct t1x_dma *dma)
{
	return t1x_user_bitmap_pin(bitmap, report_offset(dma, base),
				   report_len(dma, base));
}

/**
 * t1x_dirty_log_report() - Report mappings that are being unmapped
 * @log: Log
 * @bitmap: The user's bitmap, pinned where they fill it
 * @base: Page that its bit 0 stands for
 * @dying: Chain of DYING mappings that the caller owns
 *
 * Context: The tree's mutex held. May sleep.
 * Return: 0, or -EINVAL if the log was stopped: then nothing is written.
 */
int t1x_dirty_log_report(struct t1x_dirty_log *log,
			 const struct t1x_user_bitmap *bitmap,
			 unsigned long base, struct t1x_dma *dying)
{
	struct t1x_dma *dma;

	lockdep_assert_held(log->tree->lock);

	if (log->state != T1X_DIRTY_LOG_ON)
		return -EINVAL;

	for (dma = dying; dma; dma = dma->next_dying)
		write_report(log, bitmap, base, dma);
	return 0;
}

/* Where a walk over the mappings of a report has come to. */
struct report_walk {
	const struct t1x_uapi_dirty *args;
	struct t1x_user_bitmap bitmap;
	unsigned long base;
};

/* May a report begin and end there, and is nothing in it about to change? */
static int check_range(struct t1x_dirty_log *log,
		       const struct t1x_uapi_dirty *args)
{
	int ret;

	do {
		ret = t1x_dirty_log_check(log, &args->bitmap);
		if (!ret &&
		    (args->iova | (args->last + 1)) & (args->bitmap.pgsize - 1))
			ret = -EINVAL;
		if (ret)
			return ret;
		if (!t1x_dma_find_unsettled(log->tree, args->iova, args->last))
			break;
		ret = t1x_dma_wait(log->tree, MAX_SCHEDULE_TIMEOUT);
	} while (!ret);

	if (!ret && t1x_dma_cuts(log->tree, args->iova, args->last))
		ret = -EINVAL;
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
 * Return: 1 if all was pinned already, 0 to go on, or an error.
 */
static int pin_some(struct t1x_dirty_log *log, struct report_walk *walk,
		    unsigned long *iova)
{
	size_t offset, len;
	struct t1x_dma *dma;
	int ret;

	for (dma = next_in(log, walk->args, *iova); dma;
	     dma = next_after(log, walk->args, dma)) {
		if (!is_report_pinned(&walk->bitmap, walk->base, dma))
			break;
		cond_resched();
	}
	if (!dma)
		return 1;

	offset = report_offset(dma, walk->base);
	len = report_len(dma, walk->base);
	*iova = dma->iova;

	mutex_unlock(log->tree->lock);
	ret = t1x_user_bitmap_pin(&walk->bitmap, offset, len);
	mutex_lock(log->tree->lock);
	return ret;
}

/* With the mutex held at the end, have all pinned that a report will write. */
static int pin_all(struct t1x_dirty_log *log, struct report_walk *walk)
{
	unsigned long iova;
	int ret;

	/* Whatever was mapped behind our back is found by another walk. */
	do {
		bool first = true;

		ret = check_range(log, walk->args);
		iova = walk->args->iova;
		while (!ret) {
			ret = pin_some(log, walk, &iova);
			if (ret == 1 && first)
				return 0;
			first = false;
		}
	} while (ret == 1);

	return ret;
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
	struct report_walk walk = {
		.args = args,
		.base = args->iova >> PAGE_SHIFT,
	};
	struct t1x_dma *dma;
	int ret;

	ret = t1x_user_bitmap_open(&walk.bitmap, args->bitmap.addr,
				   args->bitmap.size);
	if (ret)
		return ret;

	if (mutex_lock_killable(log->tree->lock)) {
		ret = -EINTR;
		goto out_close;
	}

	ret = pin_all(log, &walk);
	if (ret)
		goto out_unlock;

	for (dma = next_in(log, args, args->iova); dma;
	     dma = next_after(log, args, dma)) {
		write_report(log, &walk.bitmap, walk.base, dma);
		t1x_dirty_clear_all(&dma->dirty);
		t1x_external_mark_dirty(dma);
		cond_resched();
	}

out_unlock:
	mutex_unlock(log->tree->lock);
out_close:
	t1x_user_bitmap_close(&walk.bitmap);
	return ret;
}
