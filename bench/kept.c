// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <sys/mman.h>

#include "buffer.h"
#include "dirty.h"
#include "kept.h"
#include "kmem.h"

#define IOVA 0x100000000UL
/* Enough of them to make the first one's extra cost small */
#define MANY 2048UL

const struct kept kepts[] = {
	{
		.id = "kept-4k",
		.label = "a mapping of 4 KiB",
		.unit = "mapping",
		.units = MANY,
		.each = T1X_PAGE,
		.count = MANY,
		.kind = SHMEM,
		.other = SHMEM,
	},
	{
		.id = "kept-2m",
		.label = "a mapping of 2 MiB hugetlb",
		.unit = "mapping",
		.units = MANY,
		.each = T1X_2M,
		.count = MANY,
		.kind = MEMFD_2M,
		.other = MEMFD_2M,
	},
	{
		.id = "kept-gib-4k",
		.label = "a GiB more of 4 KiB pages",
		.unit = "GiB",
		.units = 1,
		.each = T1X_1G,
		.count = 1,
		.kind = SHMEM,
		.other = SHMEM,
		.slope = true,
	},
	{
		.id = "kept-gib-2m",
		.label = "a GiB more of 2 MiB hugetlb",
		.unit = "GiB",
		.units = 8,
		.each = 8 * T1X_1G,
		.count = 1,
		.kind = MEMFD_2M,
		.other = MEMFD_2M,
		.slope = true,
	},
	{
		.id = "kept-gib-mixed",
		.label = "a GiB more, hugetlb and 4 KiB in turn",
		.unit = "GiB",
		.units = 1,
		.each = T1X_1G,
		.count = 1,
		.kind = MEMFD_2M,
		.other = SHMEM,
		.slope = true,
	},
};

const int nr_kepts = sizeof(kepts) / sizeof(*kepts);

void kept_print(const struct kept *kept)
{
	printf("keptrow %s|%s|%s|%lu|%lu\n", kept->id, kept->label, kept->unit,
	       kept->units, kept->each * kept->count);
}

static void print_sites(const struct kept *kept, enum backend backend,
			const char *call, const struct kmem *kmem)
{
	int i;

	for (i = 0; i < kmem->nr_sites; i++)
		printf("site %s %s %s %ld %ld %s\n", backend_name(backend),
		       kept->id, call, kmem->sites[i].objects,
		       kmem->sites[i].bytes, kmem->sites[i].name);
}

struct bytes {
	s64 map;
	s64 log;
};

static struct bytes measure(const struct kept *kept, enum backend backend,
			    const char *mem, u64 each, bool sites)
{
	struct bytes bytes = {};
	struct target target;
	struct kmem kmem;
	u64 i;

	target_open(&target, backend, NULL);
	/* What is made once for all is no part of a mapping */
	target_map(&target, mem, T1X_BASE, T1X_PAGE);

	kmem_begin(&kmem);
	for (i = 0; i < kept->count; i++)
		target_map(&target, mem + i * each % buffer_size(kept->kind),
			   IOVA + i * each, each);
	bytes.map = kmem_end(&kmem);
	if (sites)
		print_sites(kept, backend, "map", &kmem);

	if (backend != IOMMUFD) {
		target_unmap(&target, T1X_BASE, T1X_PAGE);
		kmem_begin(&kmem);
		t1x_dirty_start(&target.c);
		bytes.log = kmem_end(&kmem);
		if (sites)
			print_sites(kept, backend, "log", &kmem);
		t1x_dirty_stop(&target.c);
	}
	target_unmap(&target, IOVA, kept->count * each);
	target_close(&target);
	return bytes;
}

void kept_measure(const struct kept *kept, enum backend backend)
{
	u64 size = kept->slope ? kept->each : buffer_size(kept->kind);
	char *mem = buffer_repeat(kept->kind, kept->other, size);
	struct bytes bytes, page = {};

	bytes = measure(kept, backend, mem, kept->each, true);
	if (kept->slope)
		page = measure(kept, backend, mem, T1X_PAGE, false);
	printf("kept %s %s map %ld\n", backend_name(backend), kept->id,
	       bytes.map - page.map);
	if (backend != IOMMUFD)
		printf("kept %s %s log %ld\n", backend_name(backend), kept->id,
		       bytes.log - page.log);
	munmap(mem, size);
}
