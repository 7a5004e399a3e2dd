// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads map disjoint ranges at once, and neither waits for the other: told by
 * a count of waits (lib/waits.h), not by a clock. The second begins when the first
 * is seen to pin, and maps less, so that the one MAP lies within the other. Where a
 * MAP begins or ends it holds the container's mutex for the time of a look-up. These
 * moments lie apart here, but whoever runs the guest may stop a CPU in one of them: a
 * round in which they met is told of and made again. Whoever waited for more than a
 * look-up would wait in every round.
 */
#include "suite.h"
#include "waits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

/* Long enough for the second to begin meanwhile, and to end before it */
#define FIRST_SIZE (32UL << 20)
#define SECOND_SIZE (FIRST_SIZE / 2)
#define SECOND_IOVA (T1X_BASE + T1X_1G)
/* Pairs of MAPs that overlap without a wait, and those that are made to have them */
#define OVERLAPS 5
#define MAX_ROUNDS 50
/* Pairs that may meet in a look-up */
#define MAX_MEETINGS 2

struct mapper {
	struct t1x *c;
	char *mem;
	u64 iova, size;
	int ret;
	atomic_bool ready, done;
	pthread_t thread;
};

FIXTURE(disjoint)
{
	struct t1x c;
	struct t1x_leak leak;
	struct mapper first, second;
	atomic_bool go;
	bool overlap;
};

enum memory {
	COLD, /* nobody has touched it: pinning takes nearly all of the time */
	HOT, /* mapping takes half of it */
};

FIXTURE_VARIANT(disjoint)
{
	enum memory memory;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(disjoint, cold) { COLD };
FIXTURE_VARIANT_ADD(disjoint, hot) { HOT };
/* clang-format on */

/* AMD's driver cannot map two ranges at once before 6.12: see include/compat.h */
static bool is_parallel(void)
{
	const char *iommu = getenv("T1X_IOMMU");

	return !iommu || strcmp(iommu, "amd") || t1x_kernel_at_least(6, 12);
}

FIXTURE_SETUP(disjoint)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	if (!is_parallel())
		SKIP(return, "this IOMMU driver maps one range at a time");
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, NULL);
	self->first = (struct mapper){
		.c = &self->c,
		.iova = T1X_BASE,
		.size = FIRST_SIZE,
	};
	self->second = (struct mapper){
		.c = &self->c,
		.iova = SECOND_IOVA,
		.size = SECOND_SIZE,
	};
}

FIXTURE_TEARDOWN(disjoint)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static char *alloc(enum memory memory, u64 size)
{
	char *mem;

	if (memory == HOT)
		return t1x_mem_alloc(T1X_MEM_4K, size);

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t1x_require(mem != MAP_FAILED, "mmap: %s", strerror(errno));
	madvise(mem, size, MADV_NOHUGEPAGE);
	return mem;
}

static void map(struct mapper *mapper)
{
	mapper->ret =
		__t1x_map(mapper->c, mapper->mem, mapper->iova, mapper->size);
	atomic_store(&mapper->done, true);
}

static void wait_for(atomic_bool *flag)
{
	while (!atomic_load(flag))
		sched_yield();
}

static void *map_first(void *data)
{
	struct _test_data_disjoint *self = data;

	t1x_waits_watch();
	atomic_store(&self->first.ready, true);
	wait_for(&self->go);
	map(&self->first);
	return NULL;
}

static void *map_second(void *data)
{
	struct _test_data_disjoint *self = data;
	long locked = t1x_locked();

	t1x_waits_watch();
	atomic_store(&self->second.ready, true);
	wait_for(&self->go);
	/* What is charged grows once a MAP has begun to pin */
	while (t1x_locked() == locked && !atomic_load(&self->first.done))
		;
	self->overlap = !atomic_load(&self->first.done);
	map(&self->second);
	return NULL;
}

static void begin(struct _test_data_disjoint *self, struct mapper *mapper,
		  void *(*thread)(void *data), enum memory memory)
{
	mapper->mem = alloc(memory, mapper->size);
	atomic_store(&mapper->ready, false);
	atomic_store(&mapper->done, false);
	t1x_require(!pthread_create(&mapper->thread, NULL, thread, self),
		    "pthread_create");
	wait_for(&mapper->ready);
}

static void end(struct mapper *mapper)
{
	pthread_join(mapper->thread, NULL);
	t1x_require(!mapper->ret, "MAP at 0x%lx: %s", mapper->iova,
		    strerror(-mapper->ret));
}

static void clear(struct mapper *mapper)
{
	t1x_unmap(mapper->c, mapper->iova, mapper->size);
	t1x_mem_free(T1X_MEM_4K, mapper->mem, mapper->size);
}

/* A MAP of each thread; true if the second began while the first was at work */
static bool map_both(struct _test_data_disjoint *self, enum memory memory)
{
	atomic_store(&self->go, false);
	begin(self, &self->first, map_first, memory);
	begin(self, &self->second, map_second, memory);
	atomic_store(&self->go, true);
	end(&self->first);
	end(&self->second);
	clear(&self->first);
	clear(&self->second);
	return self->overlap;
}

TEST_F(disjoint, maps_of_two_threads_wait_for_no_lock_of_the_module)
{
	int overlaps = 0, meetings = 0, rounds = 0;

	while (overlaps < OVERLAPS && rounds++ < MAX_ROUNDS) {
		struct t1x_waits waits;
		bool overlap;

		if (!t1x_waits_begin())
			SKIP(return, "this kernel does not tell of waits");
		overlap = map_both(self, variant->memory);
		waits = t1x_waits_end();
		if (waits.spun || waits.slept)
			meetings++;
		else
			overlaps += overlap;
	}

	/* Or there was nothing to wait for */
	EXPECT_EQ(OVERLAPS, overlaps);
	EXPECT_LE(meetings, MAX_MEETINGS);
}

TEST_HARNESS_MAIN
