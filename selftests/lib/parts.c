// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "iotable.h"
#include "parts.h"
#include "ranges.h"

/* DMA to each of thousands of parts would take too long */
#define MAX_PROBES 12

u64 t1x_parts_iova(const struct t1x_parts *parts, int part)
{
	return parts->iova + part * parts->granule;
}

char *t1x_parts_mem(const struct t1x_parts *parts, int part)
{
	return parts->mem + part * parts->granule;
}

static int set_there(struct t1x_parts *parts, int first, int n, bool there)
{
	int i, changed = 0;

	for (i = first; i < first + n; i++) {
		changed += parts->there[i] != there;
		parts->there[i] = there;
	}
	return changed;
}

void t1x_parts_map(struct t1x_parts *parts, char *mem, u64 iova, u64 granule,
		   int n)
{
	parts->mem = mem;
	parts->iova = iova;
	parts->granule = granule;
	parts->n = n;
	parts->there = calloc(n, sizeof(*parts->there));
	parts->locked = t1x_locked();
	parts->pins = t1x_pins();
	t1x_parts_restore(parts, 0, n);
}

void t1x_parts_free(struct t1x_parts *parts)
{
	free(parts->there);
	parts->there = NULL;
}

void t1x_parts_restore(struct t1x_parts *parts, int first, int n)
{
	t1x_map_granule(parts->c, t1x_parts_mem(parts, first),
			t1x_parts_iova(parts, first), n * parts->granule,
			parts->granule);
	set_there(parts, first, n, true);
}

void t1x_parts_unmap_range(struct t1x_parts *parts, int first, int n)
{
	int gone = set_there(parts, first, n, false);

	t1x_unmap_range(parts->c, t1x_parts_iova(parts, first),
			t1x_parts_iova(parts, first + n) - 1,
			gone * parts->granule);
}

void t1x_parts_unmap_dma(struct t1x_parts *parts, int first, int n)
{
	u64 gone = set_there(parts, first, n, false) * parts->granule;
	u64 size = ~0UL;
	int ret = __t1x_unmap(parts->c, t1x_parts_iova(parts, first),
			      n * parts->granule, &size);

	t1x_require(!ret && size == gone,
		    "UNMAP_DMA of parts %d to %d: %d, 0x%lx bytes, not 0x%lx",
		    first, first + n - 1, ret, size, gone);
}

static void check_counts(struct t1x_parts *parts)
{
	long locked = t1x_locked() - parts->locked;
	long pins = t1x_pins() - parts->pins;
	long left = 0, npages;
	int i;

	for (i = 0; i < parts->n; i++)
		left += parts->there[i];
	if (parts->emulated)
		left = 0;
	npages = left * (long)(parts->granule / T1X_PAGE);
	t1x_require(locked == npages, "VmLck is %ld pages with %ld left",
		    locked, npages);
	/* At least one for each part, of which any may go by itself */
	t1x_require(pins >= left && pins <= npages,
		    "%ld pins with %ld pages in %ld parts left", pins, npages,
		    left);
}

static void check_table(struct t1x_parts *parts)
{
	u64 size = parts->n * parts->granule;
	u64 sizes;
	int bad;

	if (!parts->bdf || !t1x_iotable_available(parts->bdf))
		return;
	bad = t1x_iotable_compare_parts(parts->bdf, parts->mem, parts->iova,
					parts->granule, parts->n, parts->there);
	t1x_require(!bad, "%d pages are not translated as they should be", bad);
	sizes = t1x_iotable_sizes(parts->bdf, parts->iova, size);
	t1x_require(sizes < 2 * parts->granule,
		    "leaves of sizes 0x%lx with a granule of 0x%lx", sizes,
		    parts->granule);
}

static void probe(struct t1x_parts *parts, int part, u64 offset)
{
	bool reaches = t1x_nvme_reaches(parts->nvme,
					t1x_parts_mem(parts, part) + offset,
					t1x_parts_iova(parts, part) + offset);

	t1x_require(reaches == parts->there[part], "DMA %s part %d at +0x%lx",
		    reaches ? "reaches" : "misses", part, offset);
}

/* The first page and the last one, and what lies on both sides of a cut */
static void check_dma(struct t1x_parts *parts)
{
	u64 end = parts->granule - T1X_PAGE;
	int i, probes = 0;

	if (!parts->nvme)
		return;
	probe(parts, 0, 0);
	probe(parts, parts->n - 1, end);
	for (i = 1; i < parts->n && probes < MAX_PROBES; i++) {
		if (parts->there[i - 1] == parts->there[i])
			continue;
		probe(parts, i - 1, end);
		probe(parts, i, 0);
		probes += 2;
	}
}

void t1x_parts_check(struct t1x_parts *parts)
{
	check_counts(parts);
	check_table(parts);
	check_dma(parts);
}

#define QUEUES_IOVA 0x10000000UL

const char *t1x_parts_begin(struct t1x_parts_rig *rig, int type,
			    enum t1x_mem kind, u64 granule, u64 size)
{
	if (!t1x_is_type1x() || !t1x_nvme(0))
		return "needs type1x and an nvme device";

	rig->kind = kind;
	rig->size = size;
	rig->mem = t1x_mem_alloc(kind, size);
	if (!rig->mem)
		return t1x_mem_name(kind);
	t1x_leak_begin(&rig->leak);
	t1x_open(&rig->c, type, t1x_nvme(0));
	t1x_nvme_open(&rig->nvme, &rig->c, t1x_nvme(0), QUEUES_IOVA);
	rig->parts.c = &rig->c;
	rig->parts.bdf = t1x_nvme(0);
	if (granule)
		t1x_parts_map(&rig->parts, rig->mem, T1X_BASE, granule,
			      size / granule);
	return NULL;
}

int t1x_parts_end(struct t1x_parts_rig *rig)
{
	t1x_nvme_close(&rig->nvme);
	t1x_close(&rig->c);
	t1x_parts_free(&rig->parts);
	return t1x_leak_end(&rig->leak);
}
