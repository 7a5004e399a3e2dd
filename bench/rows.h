/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured: one row of the table each. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <stdbool.h>

#include "meter.h"
#include "target.h"

struct row {
	const char *id; /* as in bench/bars */
	const char *label;
	const char *unit; /* what the instructions are given for */
	const char *phases[METER_PHASES];
	u64 units;
	bool short_call; /* what watching costs a call shows here most */
	int kind; /* enum buffer_kind */
	u64 offset; /* into the buffer; what is mapped ends 2 MiB early then */
	/* NULL, or why the guest cannot run it on this backend */
	const char *(*missing)(const struct row *row, enum backend backend);
	/* NULL: open the target on any device, close it */
	void (*begin)(const struct row *row, struct target *target);
	void (*end)(const struct row *row, struct target *target);
	/* One repetition; leaves the target as it was */
	void (*run)(const struct row *row, struct target *target,
		    struct meter *meter);
};

extern const struct row rows[];
extern const int nr_rows;

/* Physically contiguous runs of what the row maps, 0 if that says nothing */
u64 row_runs(const struct row *row);

#endif
