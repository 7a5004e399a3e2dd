/* SPDX-License-Identifier: GPL-2.0-only */
/* Who makes which calls in one race, and what is asked when it is over. */
#ifndef T1X_RACES_PLAN_H
#define T1X_RACES_PLAN_H

#include "crew.h"
#include "part.h"

struct plan {
	const struct kind *a, *b;
	struct course course;
	int closers; /* members that close: each needs descriptors */
};

#define MAX_PREPARE 8

bool t1x_plan_closes(const struct plan *plan);
bool t1x_plan_kills(const struct plan *plan);

/* Calls that give a race something to find; m is what there is. Returns how many. */
int t1x_plan_prepare(struct plan *plan, const struct model *m,
		     struct call *calls);
/* Two to eight members, by turns of the one and of the other kind */
void t1x_plan_begin(struct plan *plan, struct crew *crew);
/* What comes afterwards, the events from the returned one on */
int t1x_plan_end(const struct plan *plan, struct crew *crew);

#endif
