// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "iotable.h"
#include "memory.h"
#include "record.h"
#include "run.h"

/* What the device would reach: in terms of the processes' memory */
void t1x_do_table(const struct op *op)
{
	struct t1x_places places;
	struct t1x_iotable table;
	struct t1x_reach *reach;
	int i;

	if (op->arg[0] >= G_COUNT || !run.bdf[op->arg[0]] ||
	    !t1x_iotable_read(&table, run.bdf[op->arg[0]])) {
		t1x_say("none");
		return;
	}

	t1x_places_read(&places, run.b);
	reach = calloc(table.n + 1, sizeof(*reach));
	t1x_require(reach, "no memory");
	for (i = 0; i < table.n; i++) {
		const struct t1x_leaf *leaf = &table.leaf[i];

		reach[i] = (struct t1x_reach){
			.iova = leaf->iova,
			.size = leaf->size,
			.leaf = leaf->size,
			.read = leaf->read,
			.write = leaf->write,
		};
		t1x_places_name(&places, leaf->phys, &reach[i].who,
				&reach[i].vaddr);
	}
	t1x_say("%d leaves", table.n);
	t1x_say_reaches(reach, table.n);
	free(reach);
	t1x_places_free(&places);
	t1x_iotable_free(&table);
}
