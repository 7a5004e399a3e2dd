// SPDX-License-Identifier: GPL-2.0-only
#include <linux/memfd.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buffer.h"
#include "mem.h"

#define MIB 0x100000UL

static const u64 sizes[NR_BUFFERS] = {
	[SCATTERED] = 64 * MIB, [SEQUENTIAL] = 64 * MIB, [THP] = 256 * MIB,
	[HUGE_2M] = 256 * MIB,	[MEMFD_2M] = 256 * MIB,	 [HUGE_1G] = T1X_1G,
	[SHMEM] = 64 * MIB,	[MIXED] = 64 * MIB,
};

static void *buffers[NR_BUFFERS];
/* Of those that are a memfd */
static int fds[NR_BUFFERS];

static u64 reverse_bits(u64 value, u64 count)
{
	u64 result = 0;

	for (; count > 1; count /= 2, value /= 2)
		result = result * 2 + value % 2;
	return result;
}

/*
 * One byte in each page, in bit-reversed order: neighbours are faulted in half a
 * buffer apart, so that few of them are adjacent in physical memory.
 */
static void scatter(char *mem, u64 size, u64 page)
{
	u64 i;

	for (i = 0; i < size / page; i++)
		mem[reverse_bits(i, size / page) * page] = 1;
}

static char *map(u64 size, int flags, int fd)
{
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static char *map_anon(u64 size, int advice)
{
	char *mem = map(size + T1X_2M, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	t1x_require(mem, "mmap of 0x%lx bytes failed", size);
	mem = (char *)(((unsigned long)mem + T1X_2M - 1) & ~(T1X_2M - 1));
	madvise(mem, size, advice);
	return mem;
}

static char *map_memfd(enum buffer_kind kind, u64 size, u32 flags)
{
	int fd = syscall(SYS_memfd_create, "bench", MFD_CLOEXEC | flags);

	if (fd < 0 || ftruncate(fd, size))
		return NULL;
	fds[kind] = fd;
	return map(size, MAP_SHARED, fd);
}

static char *alloc_mixed(u64 size)
{
	char *mem = map_anon(size, MADV_HUGEPAGE);
	u64 at;

	for (at = T1X_2M; at < size; at += 2 * T1X_2M)
		madvise(mem + at, T1X_2M, MADV_NOHUGEPAGE);
	scatter(mem, size, T1X_PAGE);
	return mem;
}

static void *alloc(enum buffer_kind kind, u64 size)
{
	u64 page = T1X_2M;
	char *mem;

	switch (kind) {
	case SCATTERED:
		mem = map_anon(size, MADV_NOHUGEPAGE);
		page = T1X_PAGE;
		break;
	case SHMEM:
		mem = map_memfd(kind, size, 0);
		page = T1X_PAGE;
		break;
	case THP:
		mem = map_anon(size, MADV_HUGEPAGE);
		break;
	case HUGE_2M:
		mem = map(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
		break;
	case MEMFD_2M:
		mem = map_memfd(kind, size, MFD_HUGETLB);
		break;
	case MIXED:
		return alloc_mixed(size);
	case SEQUENTIAL:
		return t1x_mem_alloc(T1X_MEM_4K, size);
	default:
		return t1x_mem_alloc(T1X_MEM_1G, size);
	}

	if (mem)
		scatter(mem, size, page);
	/* A kernel that is short of huge pages gives small ones without a word */
	return mem && buffer_runs(mem, size) <= size / page ? mem : NULL;
}

void *buffer_get(enum buffer_kind kind)
{
	if (!buffers[kind])
		buffers[kind] = alloc(kind, sizes[kind]);
	return buffers[kind];
}

u64 buffer_size(enum buffer_kind kind)
{
	return sizes[kind];
}

/* Each page again and again, in pieces of at most 2 MiB, the kinds in turn */
void *buffer_repeat(enum buffer_kind kind, enum buffer_kind other, u64 size)
{
	char *area = mmap(NULL, size + T1X_2M, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *mem = (char *)(((unsigned long)area + T1X_2M - 1) & -T1X_2M);
	u64 at;

	t1x_require(area != MAP_FAILED, "no 0x%lx bytes of addresses", size);
	for (at = 0; at < size; at += T1X_2M) {
		enum buffer_kind now = at / T1X_2M % 2 ? other : kind;

		t1x_require(buffer_get(now) && fds[now], "no such memory");
		t1x_require(mmap(mem + at, T1X_2M, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED | MAP_POPULATE,
				 fds[now], at % sizes[now]) != MAP_FAILED,
			    "no memory for a view of 0x%lx bytes", size);
	}
	return mem;
}

u64 buffer_runs(const void *mem, u64 size)
{
	u64 i, npages = size / T1X_PAGE, runs = 1;
	u64 *phys = malloc(npages * sizeof(*phys));

	t1x_require(phys, "no memory to look at 0x%lx bytes", size);
	t1x_phys_range(mem, npages, phys);
	for (i = 1; i < npages; i++)
		runs += phys[i] != phys[i - 1] + T1X_PAGE;
	free(phys);
	return runs;
}
