// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "batch.h"
#include "compare.h"
#include "exec.h"

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

void t1x_batch(struct seq *seqs, int n, struct outcome *outcomes, u32 handicap)
{
	int i;

	load_only(T1X_MODULE_INTREE);
	for (i = 0; i < n; i++)
		outcomes[i].intree = t1x_exec(&seqs[i], T1X_MODULE_INTREE, 0);
	load_only(t1x_module());
	for (i = 0; i < n; i++) {
		outcomes[i].ours = t1x_exec(&seqs[i], t1x_module(), handicap);
		outcomes[i].at = t1x_compare(&seqs[i], outcomes[i].intree,
					     outcomes[i].ours);
	}
}

void t1x_batch_free(struct outcome *outcomes, int n)
{
	while (n--) {
		free(outcomes[n].intree);
		free(outcomes[n].ours);
	}
}

/* seq without the operations [from, to) */
static struct seq without(const struct seq *seq, int from, int to)
{
	struct seq less = { .limit = seq->limit, .entries = seq->entries };
	int i;

	for (i = 0; i < seq->n; i++)
		if (i < from || i >= to)
			t1x_add_op(&less, &seq->op[i]);
	return less;
}

/* The first candidate that differs takes the place of seq */
static bool take_first(struct seq *seq, struct seq *candidates, int n,
		       u32 handicap)
{
	struct outcome outcomes[MAX_CANDIDATES];
	bool taken = false;
	int i;

	t1x_batch(candidates, n, outcomes, handicap);
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
static bool drop_pieces(struct seq *seq, int size, u32 handicap)
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
		if (take_first(seq, candidates, n, handicap)) {
			taken = true;
			if (end > seq->n)
				end = seq->n;
		}
		n = 0;
	}
	return taken;
}

/* No limits, and all in one process */
static void simplify(struct seq *seq, u32 handicap)
{
	struct seq candidates[3];
	int i;

	for (i = 0; i < 3; i++)
		candidates[i] = without(seq, 0, 0);
	candidates[0].limit = 0;
	candidates[1].entries = 0;
	for (i = 0; i < seq->n; i++)
		candidates[2].op[i].who = 'A';
	take_first(seq, candidates, 3, handicap);
}

struct outcome t1x_shrink(struct seq *seq, u32 handicap)
{
	struct outcome outcome;
	int size;

	simplify(seq, handicap);
	for (size = seq->n / 2; size > 0; size = size > 1 ? size / 2 : 0)
		while (drop_pieces(seq, size, handicap))
			if (size > seq->n)
				size = seq->n;
	simplify(seq, handicap);
	t1x_batch(seq, 1, &outcome, handicap);
	return outcome;
}
