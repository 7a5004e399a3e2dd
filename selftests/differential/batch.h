/* SPDX-License-Identifier: GPL-2.0-only */
/* Many sequences on both backends, and the shortest one that still differs. */
#ifndef T1X_BATCH_H
#define T1X_BATCH_H

#include "seq.h"

/*
 * Loads and unloads modules as it goes: one backend at a time, since vfio core
 * takes another one where the first refuses. The module under test is the one
 * that stays. BACKEND=type1 compares in-tree with itself.
 */
struct outcome {
	int at; /* as t1x_compare() */
	char *intree, *ours; /* records */
};

/* handicap: as t1x_exec(), for the backend under test alone */
void t1x_batch(struct seq *seqs, int n, struct outcome *outcomes, u32 handicap);
void t1x_batch_free(struct outcome *outcomes, int n);

/* Takes out what is not needed for a difference; returns what then differs */
struct outcome t1x_shrink(struct seq *seq, u32 handicap);

#endif
