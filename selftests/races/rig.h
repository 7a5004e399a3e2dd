/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The container that races are run in: of type v2, with an emulated group whose
 * device is open, and groups with an IOMMU that come and go. It goes on from race
 * to race, as long as nobody closes it.
 */
#ifndef T1X_RACES_RIG_H
#define T1X_RACES_RIG_H

#include "crew.h"
#include "plan.h"

struct rig {
	struct target target;
	struct world world;
	struct seq seq;
	struct state state;
	struct crew *crew;
	char what[128]; /* the race that is run */
	/* Races with calls of two threads at once; calls that were broken off */
	unsigned long overlaps, unknown;
};

/* NULL, or what the guest lacks */
const char *t1x_rig_create(struct rig *rig);
void t1x_rig_close(struct rig *rig);

/* One race. False, and it is printed, if no order explains it. */
bool t1x_rig_race(struct rig *rig, struct plan *plan);

#endif
