/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mapping made with a granule, in parts of that size, and which of them should
 * be left. After each step all that can be seen is compared with that: locked
 * memory, pins, the IOMMU's table where the kernel shows it, and DMA.
 */
#ifndef T1X_PARTS_H
#define T1X_PARTS_H

#include "device_nvme.h"
#include "leak.h"
#include "mem.h"

struct t1x_parts {
	struct t1x *c;
	struct t1x_nvme *nvme; /* NULL: no DMA is tried */
	const char *bdf; /* whose table is looked at */
	char *mem;
	u64 iova, granule;
	int n;
	bool *there;
	bool emulated; /* no IOMMU: nothing is locked nor pinned */
	long locked, pins; /* without it */
};

/* Takes n parts at iova from mem; the rest of parts is set by the caller */
void t1x_parts_map(struct t1x_parts *parts, char *mem, u64 iova, u64 granule,
		   int n);
void t1x_parts_free(struct t1x_parts *parts);

/* Parts first to first + n - 1 go, as far as they are there */
void t1x_parts_unmap_range(struct t1x_parts *parts, int first, int n);
void t1x_parts_unmap_dma(struct t1x_parts *parts, int first, int n);
/* The one or the other */
typedef void (*t1x_parts_cut)(struct t1x_parts *parts, int first, int n);
/* Maps parts that are not there again, with the same memory and granule */
void t1x_parts_restore(struct t1x_parts *parts, int first, int n);

u64 t1x_parts_iova(const struct t1x_parts *parts, int part);
char *t1x_parts_mem(const struct t1x_parts *parts, int part);

/* Fails the test where anything is not as it should be */
void t1x_parts_check(struct t1x_parts *parts);

/* A container with a drive, and such a mapping in it */
struct t1x_parts_rig {
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_nvme nvme;
	struct t1x_parts parts; /* without parts.nvme */
	enum t1x_mem kind;
	u64 size;
	char *mem;
};

/* Without a granule nothing is mapped. NULL, or why the test must be skipped */
const char *t1x_parts_begin(struct t1x_parts_rig *rig, int type,
			    enum t1x_mem kind, u64 granule, u64 size);
/* Number of things that are not as they were */
int t1x_parts_end(struct t1x_parts_rig *rig);

/* clang-format off */

/* The variants of a fixture: what t1x_parts_begin() takes */
#define T1X_PARTS_VARIANTS(fixture) \
	FIXTURE_VARIANT(fixture) { \
		int type; enum t1x_mem kind; u64 granule; u64 size; \
	}

#define T1X_PARTS_VARIANT(fixture, name, type, kind, part, size) \
	FIXTURE_VARIANT_ADD(fixture, name) { type, kind, part, size }

/* clang-format on */

#endif
