/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mapping made with a granule, in parts of that size, and which of them should
 * be left. After each step all that can be seen is compared with that: locked
 * memory, pins, the IOMMU's table where the kernel shows it, and DMA.
 */
#ifndef T1X_PARTS_H
#define T1X_PARTS_H

#include "device_nvme.h"

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

#endif
