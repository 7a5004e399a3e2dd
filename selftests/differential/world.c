// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <unistd.h>

#include "iotable.h"
#include "world.h"

#include "../t1x_emu/t1x_emu.h"

/* Can a device read what it may only write to? Some IOMMU drivers let it */
static bool reads_anyway(struct t1x *c, const char *bdf)
{
	static char page[T1X_PAGE] __attribute((aligned(T1X_PAGE)));
	struct t1x_iotable table;
	bool reads = false;
	int i, ret;

	ret = __t1x_map_flags(c, page, T1X_BASE, T1X_PAGE,
			      VFIO_DMA_MAP_FLAG_WRITE);
	t1x_require(!ret, "MAP for writing: %s", strerror(-ret));
	t1x_require(t1x_iotable_read(&table, bdf), "%s has no table", bdf);
	for (i = 0; i < table.n; i++)
		if (table.leaf[i].iova == T1X_BASE)
			reads = table.leaf[i].read;
	t1x_iotable_free(&table);
	return reads;
}

static void look_at(struct world *world, enum group g, const char *bdf)
{
	u64 buf[512];
	const struct vfio_iommu_type1_info *info = (const void *)buf;
	struct t1x c;
	int ret;

	if (!bdf)
		return;
	ret = __t1x_open(&c, VFIO_TYPE1v2_IOMMU, bdf);
	t1x_require(!ret, "a container with %s: %s", bdf, strerror(-ret));
	ret = __t1x_get_info(&c, buf, sizeof(buf));
	t1x_require(!ret, "GET_INFO: %s", strerror(-ret));
	world->present[g] = true;
	world->pgsizes[g] = info->iova_pgsizes;
	world->nranges[g] = t1x_ranges(&c, world->range[g], MAX_RANGES);
	world->has_table[g] = t1x_iotable_available(bdf);
	if (world->has_table[g])
		world->reads_anyway = reads_anyway(&c, bdf);
	t1x_close(&c);
}

void t1x_world_look(struct world *world)
{
	memset(world, 0, sizeof(*world));
	look_at(world, G_EDU0, t1x_edu(0));
	look_at(world, G_EDU1, t1x_edu(1));
	look_at(world, G_NVME0, t1x_nvme(0));
	world->present[G_EMU0] = !access(T1X_EMU_SYSFS, F_OK);
	world->present[G_EMU1] = world->present[G_EMU0];
}

void t1x_world_invent(struct world *world)
{
	int g;

	memset(world, 0, sizeof(*world));
	for (g = 0; g < G_COUNT; g++) {
		world->present[g] = true;
		if (is_emu(g))
			continue;
		world->pgsizes[g] = T1X_PAGE | T1X_2M | T1X_1G;
		world->nranges[g] = 2;
		world->range[g][0] = (struct t1x_range){ 0, 0xfedfffff };
		world->range[g][1] =
			(struct t1x_range){ 0xfef00000, (1UL << 48) - 1 };
		world->has_table[g] = true;
	}
}
