/* SPDX-License-Identifier: GPL-2.0-only */
/* Many sequences on both backends, and the shortest one that still differs. */
#ifndef T1X_BATCH_H
#define T1X_BATCH_H

#include "model.h"

/*
 * Loads and unloads modules as it goes: one backend at a time, since vfio core
 * takes another one where the first refuses. The module under test is the one
 * that stays. BACKEND=type1 compares in-tree with itself. Sequences for the model
 * need no second backend.
 */
struct outcome {
	int at; /* as t1x_compare() */
	char *expected, *ours; /* records */
};

/* Whose answers they are: with zeros here, those of the module under test */
struct subject {
	u32 handicap; /* as t1x_exec() */
	enum model_fault
		fault; /* of the model with this fault, nothing is loaded */
};

void t1x_batch(struct seq *seqs, int n, struct outcome *outcomes,
	       const struct subject *subject);
void t1x_batch_free(struct outcome *outcomes, int n);

/* Takes out what is not needed for a difference; returns what then differs */
struct outcome t1x_shrink(struct seq *seq, const struct subject *subject);

#endif
