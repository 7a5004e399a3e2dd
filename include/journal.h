/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a container: how many calls there were, how long they took, and why
 * the last ones failed. All calls are told to the tracepoints too.
 */
#ifndef T1X_JOURNAL_H
#define T1X_JOURNAL_H

#include <linux/atomic.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "call.h"

/* Failures that are remembered. */
#define T1X_JOURNAL_ERRORS 64
/* Bucket n of a histogram counts what took 2^n ns, or up to twice that. */
#define T1X_JOURNAL_BUCKETS 40

struct t1x_journal_error {
	unsigned long id; /* of the container */
	u64 when; /* ns since boot */
	enum t1x_call_kind kind;
	bool has_range;
	unsigned long iova;
	unsigned long last;
	struct t1x_failure failure;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

struct t1x_journal_errors {
	spinlock_t lock; /* taken for a few instructions */
	/* Protected by lock. */
	u64 nr; /* the last one is at (nr - 1) % T1X_JOURNAL_ERRORS */
	struct t1x_journal_error last[T1X_JOURNAL_ERRORS];
};

struct t1x_journal {
	/* Immutable. */
	unsigned long id; /* of the container */
	pid_t pid; /* who opened it */
	char comm[TASK_COMM_LEN];

	atomic_long_t calls[T1X_NR_CALLS];
	atomic_long_t failed[T1X_NR_CALLS]; /* of these */
	atomic_long_t map_ns[T1X_JOURNAL_BUCKETS];
	atomic_long_t unmap_ns[T1X_JOURNAL_BUCKETS];

	struct t1x_journal_errors errors;
};

void t1x_journal_init(struct t1x_journal *journal, unsigned long id);
void t1x_journal_begin(struct t1x_journal *journal, struct t1x_call *call,
		       enum t1x_call_kind kind);
long t1x_journal_end(struct t1x_call *call, long ret);
bool t1x_journal_get_error(struct t1x_journal *journal, u64 *nr,
			   struct t1x_journal_error *error);

bool t1x_journal_wants_leaves(const struct t1x_call *call);

/* What is no call, or a part of one. */
void t1x_journal_split(const struct t1x_call *call, unsigned long iova,
		       unsigned long last, unsigned long at);
void t1x_journal_replay(const struct t1x_call *call, unsigned long iova,
			unsigned long last, unsigned long nr_runs, int ret);
void t1x_journal_unpin(const struct t1x_journal *journal, unsigned long iova,
		       unsigned long npages);
void t1x_journal_detach(const struct t1x_journal *journal, int group);

#endif /* T1X_JOURNAL_H */
