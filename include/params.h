/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's parameters: those of in-tree type1, by their names, and ours. They may
 * be written at any time, by sysfs, so they are read by READ_ONCE(), once for a call.
 */
#ifndef T1X_PARAMS_H
#define T1X_PARAMS_H

#include <linux/types.h>

struct t1x_params {
	bool unsafe_interrupts; /* allow_unsafe_interrupts */
	bool single; /* disable_hugepages: the smallest IOMMU pages alone */
	unsigned int dma_entry_limit; /* of containers opened from now on */
	unsigned long granule; /* of MAP_DMA, in bytes; a power of two or 0 */
};

extern struct t1x_params t1x_params;

#endif /* T1X_PARAMS_H */
