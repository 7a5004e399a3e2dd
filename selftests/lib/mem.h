/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of a given kind, and where it lies physically. */
#ifndef T1X_MEM_H
#define T1X_MEM_H

#include <stddef.h>

#include "util.h"

enum t1x_mem {
	T1X_MEM_4K, /* anonymous, no huge pages */
	T1X_MEM_THP, /* anonymous, transparent huge pages */
	T1X_MEM_2M, /* hugetlb */
	T1X_MEM_1G,
	T1X_MEM_SHMEM, /* memfd */
	T1X_MEM_MEMFD_2M, /* memfd of huge pages */
	T1X_MEM_FILE, /* shared mapping of a file on tmpfs */
};

/*
 * size is rounded up to the kind's page size. Every page is touched. NULL where
 * the system has no such memory (left): the test then skips.
 */
void *t1x_mem_alloc(enum t1x_mem kind, size_t size);
void t1x_mem_free(enum t1x_mem kind, void *mem, size_t size);
/* Maps one and the same page at each of npages addresses: no two are contiguous */
void t1x_mem_scatter(void *mem, size_t npages);
size_t t1x_mem_page(enum t1x_mem kind);
const char *t1x_mem_name(enum t1x_mem kind);

/* Physical address behind a virtual one; ~0 where nothing is present */
u64 t1x_phys(const void *vaddr);
/* The same for each of npages pages */
void t1x_phys_range(const void *vaddr, size_t npages, u64 *phys);

#endif
