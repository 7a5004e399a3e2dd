/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this machine's groups are like, as the loaded backend tells of a
 * container that has one of them alone.
 */
#ifndef T1X_WORLD_H
#define T1X_WORLD_H

#include "container.h"
#include "seq.h"

#define MAX_RANGES 8

struct world {
	bool present[G_COUNT];
	/* Of those with an IOMMU */
	u64 pgsizes[G_COUNT];
	int nranges[G_COUNT];
	struct t1x_range range[G_COUNT][MAX_RANGES];
	bool has_table[G_COUNT]; /* debugfs shows it */
	bool reads_anyway; /* a mapping for writing can be read too */
};

void t1x_world_look(struct world *world);
/* A machine like the test guest with VT-d, where there is none to look at */
void t1x_world_invent(struct world *world);

#endif
