/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line of a container's file "maps".
 */
#ifndef T1X_MAPPING_H
#define T1X_MAPPING_H

#include <stdbool.h>

#include "text.h"

#define T1X_PAGE 4096ULL
#define T1X_LEAVES_MAX 16

struct t1x_leaf {
	u64 size; /* of an IOMMU page */
	u64 bytes; /* that are in such pages */
};

struct t1x_mapping {
	u64 iova;
	u64 last;
	const char *vaddr; /* 0x..., or what the module says instead */
	const char *prot;
	u64 granule;
	const char *state;
	u64 pages;
	struct t1x_leaf leaves[T1X_LEAVES_MAX];
	int nr_leaves;
	const char *why; /* not in larger pages; "-" */
	u64 pid;
};

/*
 * The next mapping of the text of a file; the strings point into it. False at the
 * end. Lines that are none are passed over, as the first one is.
 */
bool t1x_mapping_next(char **text, struct t1x_mapping *mapping);

/* Bytes that are in an IOMMU; of these, in pages smaller than that */
u64 t1x_mapping_in_iommu(const struct t1x_mapping *mapping);
u64 t1x_mapping_below(const struct t1x_mapping *mapping, u64 size);

#endif
