// SPDX-License-Identifier: GPL-2.0-only
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "container.h"
#include "iotable.h"
#include "memory.h"
#include "record.h"
#include "run.h"

/* Has the container an IOMMU for the group? Without it, its table is not ours */
static bool is_served(enum group g)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	u64 info[T1X_INFO_MAX / 8];
	struct t1x c = { .fd = run.container };

	return !ioctl(run.group[g], VFIO_GROUP_GET_STATUS, &status) &&
	       status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET &&
	       !__t1x_get_info(&c, info, sizeof(info));
}

/* How large pages are depends on where the memory lies: the model sets limits */
static void say_leaves(const struct t1x_iotable *table)
{
	int i;

	t1x_say(" |");
	for (i = 0; i < table->n; i++)
		if (table->leaf[i].size > T1X_PAGE)
			t1x_say(" 0x%lx@0x%lx", table->leaf[i].size,
				table->leaf[i].iova);
}

/* What the device would reach: in terms of the processes' memory */
void t1x_do_table(const struct op *op)
{
	struct t1x_places places;
	struct t1x_iotable table;
	struct t1x_reach *reach;
	int i;

	if (op->arg[0] >= G_COUNT || !run.bdf[op->arg[0]] ||
	    !is_served(op->arg[0]) ||
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
			.leaf = run.model ? 0 : leaf->size,
			.read = leaf->read,
			.write = leaf->write,
		};
		t1x_places_name(&places, leaf->phys, &reach[i].who,
				&reach[i].vaddr);
	}
	if (!run.model)
		t1x_say("%d leaves", table.n);
	t1x_say_reaches(reach, table.n);
	if (run.model)
		say_leaves(&table);
	free(reach);
	t1x_places_free(&places);
	t1x_iotable_free(&table);
}
