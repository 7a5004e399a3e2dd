/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOMMU's own page table of a device, as debugfs shows it (VT-d only, and
 * only in kernels built with it): what the hardware would translate.
 */
#ifndef T1X_IOTABLE_H
#define T1X_IOTABLE_H

#include <stdbool.h>

#include "util.h"

struct t1x_leaf {
	u64 iova, phys, size;
	bool read, write;
};

struct t1x_iotable {
	int n;
	struct t1x_leaf *leaf;
};

bool t1x_iotable_available(const char *bdf);
/* False where this kernel shows no table */
bool t1x_iotable_read(struct t1x_iotable *table, const char *bdf);
void t1x_iotable_free(struct t1x_iotable *table);

/*
 * Number of 4 KiB pages of [iova, iova + size) that do not translate to the
 * page behind vaddr with the given permissions; the first is printed.
 */
int t1x_iotable_compare(const char *bdf, const void *vaddr, u64 iova, u64 size,
			bool read, bool write);
/* The same for memory that lies in one piece at phys */
int t1x_iotable_compare_phys(const char *bdf, u64 phys, u64 iova, u64 size,
			     bool read, bool write);
/*
 * The same for a mapping of nparts parts of part bytes, of which those are left
 * that are there; the others must not be translated.
 */
int t1x_iotable_compare_parts(const char *bdf, const void *vaddr, u64 iova,
			      u64 part, int nparts, const bool *there);
/* Bitmap of the sizes of the leaves that touch the range */
u64 t1x_iotable_sizes(const char *bdf, u64 iova, u64 size);
/* Number of leaves that touch the range */
int t1x_iotable_count(const char *bdf, u64 iova, u64 size);

#endif
