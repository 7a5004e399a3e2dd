// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "batch.h"
#include "compare.h"
#include "exec.h"
#include "predict.h"

#define MAX_CANDIDATES 32
#define UNLOAD_MS 10000

static void unload(const char *module)
{
	u64 end = t1x_now_ms() + UNLOAD_MS;
	int ret;

	if (t1x_refcnt(module) < 0)
		return;
	/* The last close may still be under way */
	while ((ret = t1x_rmmod(module)) && t1x_now_ms() < end)
		t1x_sleep_ms(10);
	t1x_require(!ret, "rmmod %s: %s, refcnt %ld", module, strerror(-ret),
		    t1x_refcnt(module));
}

static void load_only(const char *module)
{
	const char *path;
	int ret;

	if (strcmp(module, T1X_MODULE_OURS))
		unload(T1X_MODULE_OURS);
	else
		unload(T1X_MODULE_INTREE);
	if (t1x_refcnt(module) >= 0)
		return;

	path = t1x_module_path(module);
	t1x_require(path, "the guest lacks %s", module);
	ret = t1x_insmod(path);
	t1x_require(!ret, "insmod %s: %s", path, strerror(-ret));
}

/* Looked at once, with ours loaded; or invented, where nothing is loaded */
static const struct world *get_world(const struct subject *subject)
{
	static struct world world;
	static enum { NONE, REAL, INVENTED } have;

	if (subject->fault && have != INVENTED) {
		t1x_world_invent(&world);
		have = INVENTED;
	} else if (!subject->fault && have != REAL) {
		t1x_world_look(&world);
		have = REAL;
	}
	return &world;
}

/* What is expected of a sequence for the model, and what the subject answers */
static void answer(const struct seq *seq, struct outcome *outcome,
		   const struct subject *subject)
{
	const struct world *world = seq->model ? get_world(subject) : NULL;

	if (seq->model)
		outcome->expected = t1x_predict(seq, world, FAULT_NONE);
	if (subject->fault)
		outcome->ours = t1x_predict(seq, world, subject->fault);
	else
		outcome->ours = t1x_exec(seq, t1x_module(), subject->handicap);
	outcome->at = t1x_compare(seq, outcome->expected, outcome->ours);
}

void t1x_batch(struct seq *seqs, int n, struct outcome *outcomes,
	       const struct subject *subject)
{
	int i;

	for (i = 0; i < n; i++) {
		if (seqs[i].model)
			continue;
		load_only(T1X_MODULE_INTREE);
		outcomes[i].expected = t1x_exec(&seqs[i], T1X_MODULE_INTREE, 0);
	}
	if (!subject->fault)
		load_only(t1x_module());
	for (i = 0; i < n; i++)
		answer(&seqs[i], &outcomes[i], subject);
}

void t1x_batch_free(struct outcome *outcomes, int n)
{
	while (n--) {
		free(outcomes[n].expected);
		free(outcomes[n].ours);
	}
}

/* seq without the operations [from, to) */
static struct seq without(const struct seq *seq, int from, int to)
{
	struct seq less = *seq;
	int i;

	less.op = NULL;
	less.n = 0;

	for (i = 0; i < seq->n; i++)
		if (i < from || i >= to)
			t1x_add_op(&less, &seq->op[i]);
	return less;
}

/* The first candidate that differs takes the place of seq */
static bool take_first(struct seq *seq, struct seq *candidates, int n,
		       const struct subject *subject)
{
	struct outcome outcomes[MAX_CANDIDATES];
	bool taken = false;
	int i;

	t1x_batch(candidates, n, outcomes, subject);
	for (i = 0; i < n; i++) {
		if (taken || outcomes[i].at < 0) {
			t1x_free_seq(&candidates[i]);
			continue;
		}
		t1x_free_seq(seq);
		*seq = candidates[i];
		/* What comes after the difference is not needed */
		if (outcomes[i].at < seq->n - 1)
			seq->n = outcomes[i].at + 1;
		taken = true;
	}
	t1x_batch_free(outcomes, n);
	return taken;
}

/* Try without each piece of that many operations, the last ones first */
static bool drop_pieces(struct seq *seq, int size,
			const struct subject *subject)
{
	struct seq candidates[MAX_CANDIDATES];
	int end = seq->n, n = 0;
	bool taken = false;

	while (end > 0) {
		int from = end > size ? end - size : 0;

		candidates[n++] = without(seq, from, end);
		end = from;
		if (n < MAX_CANDIDATES && end > 0)
			continue;
		if (take_first(seq, candidates, n, subject)) {
			taken = true;
			if (end > seq->n)
				end = seq->n;
		}
		n = 0;
	}
	return taken;
}

/* No limits, no parameter, and all in one process */
static void simplify(struct seq *seq, const struct subject *subject)
{
	struct seq candidates[4];
	int i;

	for (i = 0; i < 4; i++)
		candidates[i] = without(seq, 0, 0);
	candidates[0].limit = 0;
	candidates[1].entries = 0;
	for (i = 0; i < seq->n; i++)
		candidates[2].op[i].who = 'A';
	candidates[3].granule = 0;
	take_first(seq, candidates, 4, subject);
}

struct outcome t1x_shrink(struct seq *seq, const struct subject *subject)
{
	struct outcome outcome;
	int size;

	simplify(seq, subject);
	for (size = seq->n / 2; size > 0; size = size > 1 ? size / 2 : 0)
		while (drop_pieces(seq, size, subject))
			if (size > seq->n)
				size = seq->n;
	simplify(seq, subject);
	t1x_batch(seq, 1, &outcome, subject);
	return outcome;
}
