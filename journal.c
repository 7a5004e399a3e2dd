// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal of a container. See include/journal.h.
 */
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched/clock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "journal.h"
#include "trace.h"

/* Those of all containers: one whose attach fails is gone when somebody looks. */
static struct t1x_journal_errors all_errors = {
	.lock = __SPIN_LOCK_UNLOCKED(all_errors.lock),
};

/**
 * t1x_journal_init() - Begin a journal
 * @journal: To initialise, zeroed
 * @id: Number of the container
 *
 * Context: Called by who opens the container.
 */
void t1x_journal_init(struct t1x_journal *journal, unsigned long id)
{
	journal->id = id;
	journal->pid = current->tgid;
	get_task_comm(journal->comm, current);
	spin_lock_init(&journal->errors.lock);
}

/* Is anybody told how long a call of this kind took? */
static bool is_timed(enum t1x_call_kind kind)
{
	return kind != T1X_CALL_PIN && kind != T1X_CALL_PGSIZES;
}

/**
 * t1x_journal_begin() - A call begins
 * @journal: Journal of its container
 * @call: To initialise; t1x_journal_end() ends it
 * @kind: Kind of call
 *
 * Context: Any.
 */
void t1x_journal_begin(struct t1x_journal *journal, struct t1x_call *call,
		       enum t1x_call_kind kind)
{
	*call = (struct t1x_call){
		.journal = journal,
		.kind = kind,
		.start = is_timed(kind) ? local_clock() : 0,
	};
}

/* For a failure that says no more than its errno does. */
static enum t1x_reason reason_of(int ret)
{
	switch (ret) {
	case -EINTR:
		return T1X_REASON_KILLED;
	case -ENOMEM:
		return T1X_REASON_MEMORY;
	default:
		return T1X_REASON_OTHER;
	}
}

static void remember(struct t1x_journal_errors *errors,
		     const struct t1x_journal_error *error)
{
	spin_lock(&errors->lock);
	errors->last[errors->nr++ % T1X_JOURNAL_ERRORS] = *error;
	spin_unlock(&errors->lock);
}

/* For who has no debugfs: "make debug", or dynamic debug. */
static void log_error(const struct t1x_journal_error *error)
{
	char text[T1X_FAILURE_TEXT];

	t1x_failure_print(&error->failure, text, sizeof(text));
	pr_debug_ratelimited("container %lu, %s[%d]: %s 0x%lx-0x%lx: %d, %s\n",
			     error->id, error->comm, error->pid,
			     t1x_call_name(error->kind), error->iova,
			     error->last, error->failure.ret, text);
}

/* By itself: calls that do well need no room for it. */
static noinline void add_error(struct t1x_call *call, int ret)
{
	struct t1x_journal *journal = call->journal;
	struct t1x_journal_error error = {
		.id = journal->id,
		.when = ktime_get_boottime_ns(),
		.kind = call->kind,
		.has_range = call->has_range,
		.iova = call->iova,
		.last = call->last,
		.pid = current->tgid,
	};

	/* What was told before is of an attempt that was not the last. */
	if (call->failure.ret != ret)
		t1x_call_fail(call, ret, reason_of(ret));
	trace_error(journal->id, call, &call->failure);

	error.failure = call->failure;
	get_task_comm(error.comm, current);
	remember(&journal->errors, &error);
	remember(&all_errors, &error);
	log_error(&error);
}

static void count_ns(atomic_long_t *buckets, u64 ns)
{
	unsigned int bucket = ilog2(ns | 1);

	atomic_long_inc(&buckets[min(bucket, T1X_JOURNAL_BUCKETS - 1U)]);
}

/* Tell of a call that has ended, well or not. */
static noinline void tell(const struct t1x_call *call, u64 ns, int ret)
{
	unsigned long id = call->journal->id;

	switch (call->kind) {
	case T1X_CALL_MAP:
		trace_map(id, call, ns, ret);
		break;
	case T1X_CALL_UNMAP:
		trace_unmap(id, call, ns, ret);
		break;
	case T1X_CALL_DIRTY:
		/* START and STOP are about no range. */
		if (call->has_range)
			trace_dirty_get(id, call, ns, ret);
		break;
	case T1X_CALL_ATTACH:
		trace_attach(id, call->group, call->emulated, ns, ret);
		break;
	case T1X_CALL_PIN:
		trace_pin(id, call, ret);
		break;
	default:
		break;
	}
}

/* Nanoseconds since a call began. Clocks of two CPUs may differ. */
static u64 time_of(const struct t1x_call *call)
{
	s64 ns = local_clock() - call->start;

	return max(ns, 0);
}

/**
 * t1x_journal_end() - A call ends
 * @call: From t1x_journal_begin()
 * @ret: What it is going to return; negative is an errno
 *
 * Context: May not hold a lock of the container. Does not sleep.
 * Return: @ret.
 */
long t1x_journal_end(struct t1x_call *call, long ret)
{
	struct t1x_journal *journal = call->journal;
	u64 ns = is_timed(call->kind) ? time_of(call) : 0;
	bool told; /* a jump that is not there while nobody looks */

	atomic_long_inc(&journal->calls[call->kind]);
	if (call->kind == T1X_CALL_MAP) {
		count_ns(journal->map_ns, ns);
		told = trace_map_enabled();
	} else if (call->kind == T1X_CALL_UNMAP) {
		count_ns(journal->unmap_ns, ns);
		told = trace_unmap_enabled();
	} else {
		told = trace_dirty_get_enabled() || trace_attach_enabled() ||
		       trace_pin_enabled();
	}

	if (told)
		tell(call, ns, min(ret, 0L));
	if (ret < 0) {
		atomic_long_inc(&journal->failed[call->kind]);
		add_error(call, ret);
	}
	return ret;
}

/**
 * t1x_journal_wants_leaves() - Is anybody going to see call->leaves?
 * @call: MAP or attach that is under way, or NULL
 *
 * Context: Any.
 * Return: true if they are worth to be counted.
 */
bool t1x_journal_wants_leaves(const struct t1x_call *call)
{
	return call && call->kind == T1X_CALL_MAP && trace_map_enabled();
}

/**
 * t1x_journal_get_error() - Read one of the failures that are remembered
 * @journal: Journal, or NULL for those of all containers that there were
 * @nr: Which of all there ever were, from 0 on; set to the oldest one that is left if
 *	it is forgotten
 * @error: Result
 *
 * Context: Does not sleep.
 * Return: false if there is none yet with this number.
 */
bool t1x_journal_get_error(struct t1x_journal *journal, u64 *nr,
			   struct t1x_journal_error *error)
{
	struct t1x_journal_errors *errors = journal ? &journal->errors :
						      &all_errors;
	bool found;

	spin_lock(&errors->lock);
	if (errors->nr > T1X_JOURNAL_ERRORS)
		*nr = max(*nr, errors->nr - T1X_JOURNAL_ERRORS);
	found = *nr < errors->nr;
	if (found)
		*error = errors->last[*nr % T1X_JOURNAL_ERRORS];
	spin_unlock(&errors->lock);

	return found;
}

/**
 * t1x_journal_split() - A mapping becomes two
 * @call: Call that does it, or NULL
 * @iova: First byte of the mapping
 * @last: Its last byte, inclusive
 * @at: First byte of the upper one
 *
 * Context: Any.
 */
void t1x_journal_split(const struct t1x_call *call, unsigned long iova,
		       unsigned long last, unsigned long at)
{
	if (call)
		trace_split(call->journal->id, iova, last, at);
}

/**
 * t1x_journal_replay() - A mapping was mapped in a new domain
 * @call: Attach that does it, or NULL
 * @iova: First byte of the mapping
 * @last: Its last byte, inclusive
 * @nr_runs: How many calls of iommu_map() that took, or more where one is cut
 * @ret: 0, or the errno with which that failed
 *
 * Context: Any.
 */
void t1x_journal_replay(const struct t1x_call *call, unsigned long iova,
			unsigned long last, unsigned long nr_runs, int ret)
{
	if (call)
		trace_replay(call->journal->id, iova, last, nr_runs, ret);
}

/**
 * t1x_journal_unpin() - A driver is about to let pages go
 * @journal: Journal of the container
 * @iova: First byte
 * @npages: Pages
 *
 * Context: Any.
 */
void t1x_journal_unpin(const struct t1x_journal *journal, unsigned long iova,
		       unsigned long npages)
{
	trace_unpin(journal->id, iova, npages);
}

/**
 * t1x_journal_detach() - A group leaves
 * @journal: Journal of the container
 * @group: Its number
 *
 * Context: Any.
 */
void t1x_journal_detach(const struct t1x_journal *journal, int group)
{
	trace_detach(journal->id, group);
}
