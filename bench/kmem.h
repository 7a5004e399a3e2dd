/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What calls leave behind in kernel memory, to the byte and by the function that
 * has allocated it: the slab objects that this process has got and nobody has
 * freed, large kmallocs among them, and the pages that modules have from vmalloc.
 * Pinned pages and the IOMMU's page tables come from the page allocator, and so
 * are none of it.
 */
#ifndef BENCH_KMEM_H
#define BENCH_KMEM_H

#include "util.h"

#define KMEM_SITES 64

struct kmem_site {
	char name[128]; /* of the function */
	s64 objects;
	s64 bytes; /* as the allocator rounds them */
};

struct kmem {
	int nr_sites;
	struct kmem_site sites[KMEM_SITES];
};

/* Between the two: only what is to be seen */
void kmem_begin(struct kmem *kmem);
/* Returns bytes; sites that have nothing left are dropped */
s64 kmem_end(struct kmem *kmem);

#endif
