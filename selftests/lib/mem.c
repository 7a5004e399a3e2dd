// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mem.h"
#include "util.h"

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#define MAP_HUGE_1GB (30 << 26)
#endif

#define PAGEMAP_PRESENT 0x8000000000000000UL
#define PAGEMAP_FRAME ((1UL << 55) - 1)

static const struct {
	const char *name;
	size_t page;
} kinds[] = {
	[T1X_MEM_4K] = { "4K", T1X_PAGE },
	[T1X_MEM_THP] = { "THP", T1X_2M },
	[T1X_MEM_2M] = { "hugetlb 2M", T1X_2M },
	[T1X_MEM_1G] = { "hugetlb 1G", T1X_1G },
	[T1X_MEM_SHMEM] = { "memfd", T1X_PAGE },
	[T1X_MEM_MEMFD_2M] = { "memfd hugetlb 2M", T1X_2M },
	[T1X_MEM_FILE] = { "file", T1X_PAGE },
};

size_t t1x_mem_page(enum t1x_mem kind)
{
	return kinds[kind].page;
}

const char *t1x_mem_name(enum t1x_mem kind)
{
	return kinds[kind].name;
}

static size_t round_size(enum t1x_mem kind, size_t size)
{
	return (size + kinds[kind].page - 1) & ~(kinds[kind].page - 1);
}

static void touch(void *mem, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += T1X_PAGE)
		((char *)mem)[i] = 1;
}

static void *map_anon(size_t size, int flags)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static void *map_fd(int fd, size_t size)
{
	void *mem = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (!ftruncate(fd, size))
		mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
	close(fd);
	return mem == MAP_FAILED ? NULL : mem;
}

static void *alloc_4k(size_t size)
{
	void *mem = map_anon(size, 0);

	if (mem)
		madvise(mem, size, MADV_NOHUGEPAGE);
	return mem;
}

static bool is_huge(const void *mem, size_t size)
{
	size_t i, n = size / T1X_PAGE;
	u64 *phys = malloc(n * sizeof(*phys));
	bool huge = true;

	t1x_phys_range(mem, n, phys);
	for (i = 0; i < n && huge; i++) {
		size_t head = i & ~(T1X_2M / T1X_PAGE - 1);

		huge = phys[head] % T1X_2M == 0 &&
		       phys[i] == phys[head] + (i - head) * T1X_PAGE;
	}
	free(phys);
	return huge;
}

static void *alloc_thp(size_t size)
{
	char *area = map_anon(size + T1X_2M, 0);
	char *mem;

	if (!area)
		return NULL;

	mem = (char *)(((unsigned long)area + T1X_2M - 1) & ~(T1X_2M - 1));
	if (mem > area)
		munmap(area, mem - area);
	munmap(mem + size, area + T1X_2M - mem);
	madvise(mem, size, MADV_HUGEPAGE);
	touch(mem, size);
	if (is_huge(mem, size))
		return mem;

	munmap(mem, size);
	return NULL;
}

static void *alloc_file(size_t size)
{
	char path[] = "/tmp/t1x-mem-XXXXXX";
	int fd = mkstemp(path);

	if (fd >= 0)
		unlink(path);
	return map_fd(fd, size);
}

void *t1x_mem_alloc(enum t1x_mem kind, size_t size)
{
	void *mem = NULL;

	size = round_size(kind, size);
	switch (kind) {
	case T1X_MEM_4K:
		mem = alloc_4k(size);
		break;
	case T1X_MEM_THP:
		return alloc_thp(size);
	case T1X_MEM_2M:
		mem = map_anon(size, MAP_HUGETLB | MAP_HUGE_2MB);
		break;
	case T1X_MEM_1G:
		mem = map_anon(size, MAP_HUGETLB | MAP_HUGE_1GB);
		break;
	case T1X_MEM_SHMEM:
		mem = map_fd(syscall(SYS_memfd_create, "t1x", MFD_CLOEXEC),
			     size);
		break;
	case T1X_MEM_MEMFD_2M:
		mem = map_fd(syscall(SYS_memfd_create, "t1x",
				     MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB),
			     size);
		break;
	case T1X_MEM_FILE:
		mem = alloc_file(size);
		break;
	}
	if (mem)
		touch(mem, size);
	return mem;
}

void t1x_mem_free(enum t1x_mem kind, void *mem, size_t size)
{
	if (mem)
		munmap(mem, round_size(kind, size));
}

void t1x_mem_scatter(void *mem, size_t npages)
{
	int fd = syscall(SYS_memfd_create, "t1x", MFD_CLOEXEC);
	char *at = mem;
	size_t i;

	t1x_require(fd >= 0 && !ftruncate(fd, T1X_PAGE), "memfd: %s",
		    strerror(errno));
	for (i = 0; i < npages; i++, at += T1X_PAGE) {
		void *page = mmap(at, T1X_PAGE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0);

		t1x_require(page != MAP_FAILED, "mmap: %s", strerror(errno));
	}
	close(fd);
}

void t1x_phys_range(const void *vaddr, size_t npages, u64 *phys)
{
	off_t at = (unsigned long)vaddr / T1X_PAGE * sizeof(*phys);
	size_t len = npages * sizeof(*phys);
	size_t i;
	int fd;

	/* Not kept open: after a fork it would still show the parent */
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	t1x_require(fd >= 0, "open /proc/self/pagemap: %s", strerror(errno));
	t1x_require(pread(fd, phys, len, at) == (ssize_t)len,
		    "reading /proc/self/pagemap: %s", strerror(errno));
	close(fd);

	for (i = 0; i < npages; i++) {
		if (phys[i] & PAGEMAP_PRESENT)
			phys[i] = (phys[i] & PAGEMAP_FRAME) * T1X_PAGE;
		else
			phys[i] = ~0UL;
	}
}

u64 t1x_phys(const void *vaddr)
{
	u64 phys;

	t1x_phys_range(vaddr, 1, &phys);
	return phys == ~0UL ? phys : phys + (unsigned long)vaddr % T1X_PAGE;
}
