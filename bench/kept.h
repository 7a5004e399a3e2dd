/* SPDX-License-Identifier: GPL-2.0-only */
/* How much kernel memory a mapping keeps: the second half of the table. */
#ifndef BENCH_KEPT_H
#define BENCH_KEPT_H

#include <stdbool.h>

#include "target.h"

struct kept {
	const char *id; /* as ROW= names it */
	const char *label;
	const char *unit; /* what the bytes are given for */
	u64 units;
	u64 each; /* bytes of a mapping */
	u64 count; /* of mappings */
	int kind, other; /* enum buffer_kind, 2 MiB of each in turn */
	/*
	 * One mapping and what it costs to be this large: what one of a single
	 * page keeps is taken off.
	 */
	bool slope;
};

extern const struct kept kepts[];
extern const int nr_kepts;

void kept_print(const struct kept *kept);
/* Prints what a MAP keeps, and what DIRTY_PAGES START adds to that */
void kept_measure(const struct kept *kept, enum backend backend);

#endif
