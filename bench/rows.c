// SPDX-License-Identifier: GPL-2.0-only
#include "buffer.h"
#include "rows.h"

/* Above 4 GiB: no reserved window of x86 is near */
#define IOVA 0x100000000UL
#define MIB (1UL << 20)
#define NPAGES(bytes) ((bytes) / T1X_PAGE)

#define CALLS 256UL

static const char *no_buffer(const struct row *row)
{
	return buffer_get(row->kind) ? NULL : "the guest has no such memory";
}

static char *memory_of(const struct row *row, u64 *size)
{
	*size = buffer_size(row->kind);
	if (row->offset)
		*size -= T1X_2M;
	return (char *)buffer_get(row->kind) + row->offset;
}

u64 row_runs(const struct row *row)
{
	char *mem;
	u64 size;

	if (row->missing != no_buffer)
		return 0;
	mem = memory_of(row, &size);
	return buffer_runs(mem, size);
}

static void run_memory(const struct row *row, struct target *target,
		       struct meter *meter)
{
	u64 size;
	char *mem = memory_of(row, &size);

	meter_begin(meter);
	target_map(target, mem, IOVA, size);
	meter_end(meter, 0);

	meter_begin(meter);
	target_unmap(target, IOVA, size);
	meter_end(meter, 1);
}

static void run_one(const struct row *row, struct target *target,
		    struct meter *meter)
{
	char *mem = buffer_get(row->kind);
	u64 i;

	for (i = 0; i < row->units; i++) {
		meter_begin(meter);
		target_map(target, mem + i * T1X_PAGE, IOVA, T1X_PAGE);
		meter_end(meter, 0);

		meter_begin(meter);
		target_unmap(target, IOVA, T1X_PAGE);
		meter_end(meter, 1);
	}
}

#define PHASES_MAP { "map", "unmap" }
#define MEMORY(id_, label_, kind_, offset_, size_)                          \
	{                                                                   \
		.id = (id_), .label = (label_), .unit = "page",             \
		.phases = PHASES_MAP, .units = NPAGES(size_),               \
		.iommufd = true, .kind = (kind_), .offset = (offset_),      \
		.missing = no_buffer, .run = run_memory,                    \
	}

const struct row rows[] = {
	MEMORY("4k-scattered", "64 MiB of 4 KiB pages, scattered", SCATTERED, 0,
	       64 * MIB),
	MEMORY("hugetlb-2m", "256 MiB of 2 MiB hugetlb", HUGE_2M, 0, 256 * MIB),
	{
		.id = "one-4k",
		.label = "one 4 KiB page",
		.unit = "call",
		.phases = PHASES_MAP,
		.units = CALLS,
		.iommufd = true,
		.kind = SCATTERED,
		.run = run_one,
	},
};

const int nr_rows = sizeof(rows) / sizeof(*rows);
