// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <sys/mman.h>

#include "buffer.h"
#include "mem.h"

#define MIB (1UL << 20)

static const u64 sizes[NR_BUFFERS] = {
	[SCATTERED] = 64 * MIB, [SEQUENTIAL] = 64 * MIB, [THP] = 256 * MIB,
	[HUGE_2M] = 256 * MIB,	[MEMFD_2M] = 256 * MIB,	 [HUGE_1G] = T1X_1G,
	[SHMEM] = 64 * MIB,	[MIXED] = 64 * MIB,
};

static void *buffers[NR_BUFFERS];

static char *reserve(u64 size)
{
	char *mem = mmap(NULL, size + T1X_2M, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	t1x_require(mem != MAP_FAILED, "mmap of 0x%lx bytes failed", size);
	return (char *)(((unsigned long)mem + T1X_2M - 1) & ~(T1X_2M - 1));
}

static u64 reverse_bits(u64 value, u64 count)
{
	u64 result = 0;

	for (; count > 1; count /= 2, value /= 2)
		result = result * 2 + value % 2;
	return result;
}

/* In bit-reversed order: neighbours are faulted in half a buffer apart */
static void *alloc_scattered(u64 size)
{
	u64 i, npages = size / T1X_PAGE;
	char *mem = reserve(size);

	madvise(mem, size, MADV_NOHUGEPAGE);
	for (i = 0; i < npages; i++)
		mem[reverse_bits(i, npages) * T1X_PAGE] = 1;
	return mem;
}

static void *alloc_mixed(u64 size)
{
	char *mem = reserve(size);
	u64 at;

	for (at = 0; at < size; at += T1X_2M)
		madvise(mem + at, T1X_2M,
			at / T1X_2M % 2 ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	for (at = 0; at < size; at += T1X_PAGE)
		mem[at] = 1;
	return mem;
}

static void *alloc(enum buffer_kind kind)
{
	u64 size = sizes[kind];

	switch (kind) {
	case SCATTERED:
		return alloc_scattered(size);
	case SEQUENTIAL:
		return t1x_mem_alloc(T1X_MEM_4K, size);
	case THP:
		return t1x_mem_alloc(T1X_MEM_THP, size);
	case HUGE_2M:
		return t1x_mem_alloc(T1X_MEM_2M, size);
	case MEMFD_2M:
		return t1x_mem_alloc(T1X_MEM_MEMFD_2M, size);
	case HUGE_1G:
		return t1x_mem_alloc(T1X_MEM_1G, size);
	case SHMEM:
		return t1x_mem_alloc(T1X_MEM_SHMEM, size);
	case MIXED:
		return alloc_mixed(size);
	default:
		return NULL;
	}
}

void *buffer_get(enum buffer_kind kind)
{
	if (!buffers[kind])
		buffers[kind] = alloc(kind);
	return buffers[kind];
}

u64 buffer_size(enum buffer_kind kind)
{
	return sizes[kind];
}

u64 buffer_runs(const void *mem, u64 size)
{
	u64 i, npages = size / T1X_PAGE, runs = 1;
	u64 *phys = malloc(npages * sizeof(*phys));

	t1x_require(phys, "no memory to look at the pages of 0x%lx bytes",
		    size);
	t1x_phys_range(mem, npages, phys);
	for (i = 1; i < npages; i++)
		runs += phys[i] != phys[i - 1] + T1X_PAGE;
	free(phys);
	return runs;
}
