// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long one thread waits while another maps, on in-tree type1 and on type1x, by
 * turns: in nanoseconds of the guest's clock, on two CPUs. What is mapped is cold:
 * nobody has touched it, so that pinning it is mostly page faults. Prints, for
 * scripts/concurrency-table.awk:
 *
 *   kernel RELEASE
 *   iommu NAME
 *   row ID|LABEL|WHAT IS GIVEN OF IT
 *   time BACKEND ROW ROUND NANOSECONDS CALLS
 *   waits BACKEND ROW CALLS SPUN SLEPT MMAP_LOCK
 *   now BACKEND ROUND
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "leak.h"
#include "machine.h"
#include "target.h"
#include "waits.h"

#define ROUNDS 7
#define MIB 0x100000UL
#define PAIR_SIZE (512 * MIB)
#define LONG_SIZE (2048 * MIB)

/* Above 4 GiB, no reserved window of x86 is near; far enough from each other */
#define IOVA 0x100000000UL
#define OTHER_IOVA 0x200000000UL
#define PAGE_IOVA 0x300000000UL

/* Calls of each of two threads that do nothing but map and unmap a page */
#define STORM_CALLS 4000UL

#define PAUSE_MS 1
#define MAX_SAMPLES 65536

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

/* ---- One thread that maps ---- */

struct mapper {
	struct target *target;
	char *mem;
	u64 iova, size;
	void (*work)(struct mapper *mapper);
	atomic_bool ready, *go, done;
	bool watched; /* by lib/waits.h */
	u64 began, ended;
	pthread_t thread;
};

static void *run_mapper(void *data)
{
	struct mapper *mapper = data;

	if (mapper->watched)
		t1x_waits_watch();
	atomic_store(&mapper->ready, true);
	while (!atomic_load(mapper->go))
		sched_yield();

	mapper->began = now_ns();
	mapper->work(mapper);
	mapper->ended = now_ns();
	atomic_store(&mapper->done, true);
	return NULL;
}

static void start(struct mapper *mapper)
{
	int ret = pthread_create(&mapper->thread, NULL, run_mapper, mapper);

	t1x_require(!ret, "pthread_create: %s", strerror(ret));
	while (!atomic_load(&mapper->ready))
		sched_yield();
}

static void map_all(struct mapper *mapper)
{
	target_map(mapper->target, mapper->mem, mapper->iova, mapper->size);
}

static void map_and_unmap_often(struct mapper *mapper)
{
	u64 i;

	for (i = 0; i < STORM_CALLS / 2; i++) {
		target_map(mapper->target, mapper->mem, mapper->iova, T1X_PAGE);
		target_unmap(mapper->target, mapper->iova, T1X_PAGE);
	}
}

/* Aligned to huge pages; the rest of the address space around it is lost */
static char *alloc_cold(u64 size, int advice)
{
	char *mem = mmap(NULL, size + T1X_2M, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	t1x_require(mem != MAP_FAILED, "mmap of 0x%lx bytes: %s", size,
		    strerror(errno));
	mem = (char *)(((unsigned long)mem + T1X_2M - 1) & ~(T1X_2M - 1));
	t1x_require(!madvise(mem, size, advice), "madvise: %s",
		    strerror(errno));
	return mem;
}

/* ---- One thread, or two at once, that map 512 MiB each ---- */

static const struct pair {
	const char *id;
	const char *label;
	int threads;
	int advice;
} pairs[] = {
	{ "two-4k", "2 threads, 512 MiB each, 4 KiB pages", 2,
	  MADV_NOHUGEPAGE },
	{ "two-thp", "2 threads, 512 MiB each, THP", 2, MADV_HUGEPAGE },
	{ "one-4k", "1 thread, 512 MiB, 4 KiB pages", 1, MADV_NOHUGEPAGE },
	{ "one-thp", "1 thread, 512 MiB, THP", 1, MADV_HUGEPAGE },
};

#define NR_PAIRS ((int)(sizeof(pairs) / sizeof(*pairs)))

/* From when the first begins to when the last has ended */
static u64 span(const struct mapper *mapper, int n)
{
	u64 began = ~0UL, ended = 0;

	for (; n--; mapper++) {
		began = mapper->began < began ? mapper->began : began;
		ended = mapper->ended > ended ? mapper->ended : ended;
	}
	return ended - began;
}

static void run_together(struct mapper *mappers, int n)
{
	atomic_bool go = false;
	int i;

	for (i = 0; i < n; i++) {
		mappers[i].go = &go;
		start(&mappers[i]);
	}
	atomic_store(&go, true);
	for (i = 0; i < n; i++)
		pthread_join(mappers[i].thread, NULL);
}

static u64 map_pair(const struct pair *pair, struct target *target,
		    bool watched)
{
	struct mapper mappers[2] = {
		{ .target = target, .iova = IOVA, .work = map_all },
		{ .target = target, .iova = OTHER_IOVA, .work = map_all },
	};
	int i;

	for (i = 0; i < pair->threads; i++) {
		mappers[i].mem = alloc_cold(PAIR_SIZE, pair->advice);
		mappers[i].size = PAIR_SIZE;
		mappers[i].watched = watched;
	}
	run_together(mappers, pair->threads);
	for (i = 0; i < pair->threads; i++) {
		target_unmap(target, mappers[i].iova, PAIR_SIZE);
		munmap(mappers[i].mem, PAIR_SIZE);
	}
	return span(mappers, pair->threads);
}

/* ---- Calls of one thread while another maps 2 GiB ---- */

enum call { GET_INFO, MAP, UNMAP, NR_CALLS };

static const struct {
	const char *id;
	const char *label;
} calls[NR_CALLS] = {
	[GET_INFO] = { "get-info", "GET_INFO beside a MAP of 2 GiB" },
	[MAP] = { "map-page", "MAP of a page beside it" },
	[UNMAP] = { "unmap-page", "UNMAP of a page beside it" },
};

struct samples {
	u64 ns[MAX_SAMPLES];
	u64 nr;
};

static struct samples samples[NR_CALLS];

static void make_call(struct target *target, enum call call, const char *page)
{
	switch (call) {
	case GET_INFO:
		t1x_dma_avail(&target->c);
		break;
	case MAP:
		target_map(target, page, PAGE_IOVA, T1X_PAGE);
		break;
	default:
		target_unmap(target, PAGE_IOVA, T1X_PAGE);
	}
}

/*
 * Calls in turn, from the first on, each begun before the MAP has ended. Where they
 * wait for all of it there is only one: so each kind is the first once.
 */
static void call_meanwhile(struct target *target, struct mapper *mapper,
			   enum call first, const char *page)
{
	bool mapped = first == UNMAP;
	enum call call = first;
	u64 began;

	while (!atomic_load(&mapper->done)) {
		began = now_ns();
		make_call(target, call, page);
		if (samples[call].nr < MAX_SAMPLES)
			samples[call].ns[samples[call].nr++] = now_ns() - began;
		if (call != GET_INFO)
			mapped = call == MAP;
		call = (call + 1) % NR_CALLS;
		t1x_sleep_ms(PAUSE_MS);
	}
	if (mapped)
		make_call(target, UNMAP, page);
}

static void sample_calls(struct target *target, enum call first, char *page)
{
	atomic_bool go = false;
	struct mapper mapper = {
		.target = target,
		.iova = IOVA,
		.size = LONG_SIZE,
		.mem = alloc_cold(LONG_SIZE, MADV_HUGEPAGE),
		.work = map_all,
		.go = &go,
	};
	long locked;

	if (first == UNMAP)
		make_call(target, MAP, page);
	locked = t1x_locked();
	start(&mapper);
	atomic_store(&go, true);
	/* What is charged grows once it pins */
	while (t1x_locked() == locked && !atomic_load(&mapper.done))
		sched_yield();
	call_meanwhile(target, &mapper, first, page);
	pthread_join(mapper.thread, NULL);
	target_unmap(target, IOVA, LONG_SIZE);
	munmap(mapper.mem, LONG_SIZE);
}

static int by_value(const void *left, const void *right)
{
	const u64 *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* The least that 99 of 100 do not exceed */
static u64 p99(struct samples *all)
{
	t1x_require(all->nr, "no call was made while a thread mapped");
	qsort(all->ns, all->nr, sizeof(*all->ns), by_value);
	return all->ns[(all->nr * 99 + 99) / 100 - 1];
}

/* ---- All of it ---- */

static void print_time(enum backend backend, const char *row, int round, u64 ns,
		       u64 nr)
{
	printf("time %s %s %d %lu %lu\n", backend_name(backend), row, round, ns,
	       nr);
}

static void measure_calls(struct target *target, int round, char *page)
{
	enum call call;

	for (call = 0; call < NR_CALLS; call++)
		samples[call].nr = 0;
	for (call = 0; call < NR_CALLS; call++)
		sample_calls(target, call, page);
	for (call = 0; call < NR_CALLS; call++)
		print_time(target->backend, calls[call].id, round,
			   p99(&samples[call]), samples[call].nr);
}

static void measure(enum backend backend, int round, char *page)
{
	struct target target;
	int i;

	printf("now %s %d\n", backend_name(backend), round);
	backend_load(backend);
	target_open(&target, backend, NULL);
	for (i = 0; i < NR_PAIRS; i++)
		print_time(backend, pairs[i].id, round,
			   map_pair(&pairs[i], &target, false),
			   pairs[i].threads);
	measure_calls(&target, round, page);
	target_close(&target);
	backend_unload(backend);
}

static void print_waits(enum backend backend, const char *row, u64 nr)
{
	struct t1x_waits waits = t1x_waits_end();

	printf("waits %s %s %lu %u %u %u\n", backend_name(backend), row, nr,
	       waits.spun, waits.slept, waits.mmap_lock);
}

/* Two threads that map and unmap a page each, as fast as they can */
static void count_storm(struct target *target, char *page)
{
	struct mapper mappers[2] = {
		{ .iova = IOVA },
		{ .iova = OTHER_IOVA },
	};
	int i;

	for (i = 0; i < 2; i++) {
		mappers[i].target = target;
		mappers[i].mem = page;
		mappers[i].work = map_and_unmap_often;
		mappers[i].watched = true;
	}
	run_together(mappers, 2);
}

static void count(enum backend backend, char *page)
{
	struct target target;
	int i;

	backend_load(backend);
	target_open(&target, backend, NULL);
	for (i = 0; i < NR_PAIRS; i++) {
		if (pairs[i].threads < 2 || !t1x_waits_begin())
			continue;
		map_pair(&pairs[i], &target, true);
		print_waits(backend, pairs[i].id, 2);
	}
	if (t1x_waits_begin()) {
		count_storm(&target, page);
		print_waits(backend, "storm", 2 * STORM_CALLS);
	}
	target_close(&target);
	backend_unload(backend);
}

static void print_rows(void)
{
	int i;

	for (i = 0; i < NR_PAIRS; i++)
		printf("row %s|%s|time\n", pairs[i].id, pairs[i].label);
	for (i = 0; i < NR_CALLS; i++)
		printf("row %s|%s|p99\n", calls[i].id, calls[i].label);
	printf("row storm|2 threads, MAP and UNMAP of a page|waits\n");
}

/* All memory is wanted as it comes */
static void free_huge_pages(void)
{
	static const char dir[] = "/sys/kernel/mm/hugepages/hugepages";
	char path[80];

	t1x_write_ulong("/proc/sys/vm/nr_hugepages", 0);
	snprintf(path, sizeof(path), "%s-1048576kB/nr_hugepages", dir);
	t1x_write_ulong(path, 0);
}

int main(void)
{
	static const enum backend order[] = { TYPE1, TYPE1X };
	char *page = alloc_cold(T1X_2M, MADV_NOHUGEPAGE);
	int round, i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	t1x_require(sysconf(_SC_NPROCESSORS_ONLN) >= 2, "needs two CPUs");
	memset(page, 1, T1X_PAGE);
	free_huge_pages();
	machine_print();
	print_rows();

	/* Whoever is first in one round is second in the next */
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < 2; i++)
			measure(order[(round + i) % 2], round, page);
	for (i = 0; i < 2; i++)
		count(order[i], page);
	printf("finished\n");
	return 0;
}
