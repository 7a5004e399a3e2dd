/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A container's file "stats".
 */
#ifndef T1X_STATS_H
#define T1X_STATS_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

struct t1x_payer { /* a process whose locked_vm the container adds to */
	u64 pid;
	u64 pages;
	u64 limit; /* in pages, or T1X_UNLIMITED */
};

struct t1x_calls {
	const char *call;
	u64 done;
	u64 failed;
};

struct t1x_bucket { /* calls that took from so many ns to twice that */
	u64 ns;
	u64 calls;
};

struct t1x_histogram {
	struct t1x_bucket *buckets;
	size_t n;
};

struct t1x_stats {
	u64 mappings;
	u64 left;
	u64 pages;
	u64 external; /* pages that drivers of emulated devices hold */
	u64 stuck;
	const char *dirty_log; /* off, starting, on */
	struct t1x_payer *payers;
	size_t nr_payers;
	struct t1x_calls *calls;
	size_t nr_calls;
	struct t1x_histogram map;
	struct t1x_histogram unmap;

	char *text; /* that the strings are in */
};

/* Takes the text of the file over */
void t1x_stats_parse(struct t1x_stats *stats, char *text);
/* Pages that all of them pay for */
u64 t1x_stats_locked(const struct t1x_stats *stats);
void t1x_stats_free(struct t1x_stats *stats);

#endif
