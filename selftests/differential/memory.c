// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PRESENT 0x8000000000000000UL
#define FRAME ((1UL << 55) - 1)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

int t1x_memory_memfd(void)
{
	int fd = syscall(SYS_memfd_create, "t1x", MFD_CLOEXEC);

	t1x_require(fd >= 0, "memfd_create: %s", strerror(errno));
	t1x_require(!ftruncate(fd, t1x_region[R_M].size), "ftruncate: %s",
		    strerror(errno));
	return fd;
}

static char *place(enum region r, int prot, int flags, int fd)
{
	const struct region_info *info = &t1x_region[r];
	char *at = mmap((void *)info->base, info->size, prot, flags | MAP_FIXED,
			fd, 0);

	if (at == MAP_FAILED)
		return NULL;
	/* A fork would leave pages shared until one of both writes */
	madvise(at, info->size, MADV_NOHUGEPAGE);
	madvise(at, info->size, MADV_DONTFORK);
	return at;
}

/* Each page has bytes of its own, other ones in A and B */
static void fill(char *at, enum region r, char who)
{
	size_t i;

	/* In one call, where the kernel can: a fault each takes longer */
	if (at)
		madvise(at, t1x_region[r].size, MADV_POPULATE_WRITE);

	for (i = 0; at && i < t1x_region[r].size; i += T1X_PAGE)
		memset(at + i, who + 3 * r + 5 * (i / T1X_PAGE), T1X_PAGE);
}

void t1x_memory_setup(char who, int memfd)
{
	char *at;
	u64 i;

	fill(place(R_A, RW, ANON, -1), R_A, who);
	place(R_U, RW, ANON, -1);
	place(R_R, PROT_READ, ANON, -1);
	at = place(R_M, RW, MAP_SHARED, memfd);
	if (who == 'A')
		fill(at, R_M, who);
	place(R_F, PROT_READ, MAP_SHARED, memfd);
	at = place(R_H, RW, ANON | MAP_HUGETLB | MAP_HUGE_2MB, -1);
	for (i = 0; at && i < t1x_region[R_H].size; i += T1X_2M)
		at[i] = who;
	at = place(R_P, RW, ANON, -1);
	fill(at, R_P, who);
	for (i = 3 * T1X_PAGE; at && i < t1x_region[R_P].size;
	     i += 4 * T1X_PAGE)
		mprotect(at + i, T1X_PAGE, PROT_NONE);
	place(R_RO, PROT_READ, ANON, -1);
	place(R_BUF, RW, ANON, -1);
	place(R_ARG, RW, ANON, -1);
}

static void add_region(struct t1x_places *places, char who, int pagemap,
		       enum region r)
{
	static u64 entry[2 * T1X_2M / T1X_PAGE];
	const struct region_info *info = &t1x_region[r];
	u64 step = r == R_H ? T1X_2M : T1X_PAGE;
	ssize_t len = info->size / T1X_PAGE * sizeof(*entry);
	u64 at;

	if (pread(pagemap, entry, len,
		  info->base / T1X_PAGE * sizeof(*entry)) != len)
		return;
	for (at = 0; at < info->size; at += step) {
		if (!(entry[at / T1X_PAGE] & PRESENT))
			continue;
		places->place[places->n++] = (struct t1x_place){
			.phys = (entry[at / T1X_PAGE] & FRAME) * T1X_PAGE,
			.size = step,
			.who = who,
			.vaddr = info->base + at,
		};
	}
}

static void add_process(struct t1x_places *places, char who, pid_t pid)
{
	static const enum region regions[] = { R_A, R_U, R_R, R_M, R_H, R_P };
	char path[64];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	t1x_require(fd >= 0, "open %s: %s", path, strerror(errno));
	for (i = 0; i < sizeof(regions) / sizeof(*regions); i++)
		add_region(places, who, fd, regions[i]);
	close(fd);
}

void t1x_places_read(struct t1x_places *places, pid_t b)
{
	u64 pages = 0;
	int i;

	for (i = 0; i < R_COUNT; i++)
		pages += t1x_region[i].size / T1X_PAGE;
	places->n = 0;
	places->place = malloc(2 * pages * sizeof(*places->place));
	t1x_require(places->place, "no memory");
	add_process(places, 'A', getpid());
	if (b)
		add_process(places, 'B', b);
}

void t1x_places_free(struct t1x_places *places)
{
	free(places->place);
	places->place = NULL;
	places->n = 0;
}

void t1x_places_name(const struct t1x_places *places, u64 phys, char *who,
		     u64 *vaddr)
{
	int i;

	*who = 0;
	*vaddr = 0;
	for (i = 0; i < places->n; i++) {
		const struct t1x_place *place = &places->place[i];

		if (phys - place->phys >= place->size)
			continue;
		*who = place->who;
		*vaddr = place->vaddr + (phys - place->phys);
		return;
	}
}
