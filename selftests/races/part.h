/* SPDX-License-Identifier: GPL-2.0-only */
/* Who takes part in a race: the kinds of calls that are let loose on each other. */
#ifndef T1X_RACES_PART_H
#define T1X_RACES_PART_H

#include "call.h"

#define MAX_PART FILES /* calls */

struct part {
	struct call call[MAX_PART];
	int n;
};

/* What the parts of one race have in common */
struct course {
	bool overlapping; /* else all on the same range */
	u64 granule; /* of what is mapped */
};

struct kind {
	const char *name;
	/* What thread does for the nth time; NULL for a kind that has no calls of its own */
	void (*fill)(struct part *part, const struct course *course, int thread,
		     int nth);
	bool wants_mappings; /* or does little without them */
	bool wants_log;
	bool wants_none; /* refuses if something is mapped */
	bool restarts; /* the log: reports are not exact, see struct state */
	bool unmaps;
	bool attaches; /* groups that stay */
	bool chooses; /* page sizes that stay */
	bool closes; /* the container is gone afterwards */
	bool kills; /* a child that does what the other kind does; the second of a pair */
};

extern const struct kind t1x_kinds[];
extern const int t1x_nkinds;

const struct kind *t1x_kind(const char *name);
/* What a child does where there is nothing else to do */
void t1x_part_of_child(struct part *part, const struct course *course,
		       int thread, int nth);

/* A number below n */
int t1x_below(int n);

#endif
