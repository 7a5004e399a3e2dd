// SPDX-License-Identifier: GPL-2.0-only
/*
 * A few bounded seconds of everything at once: results must be explainable,
 * nothing may be lost. T1X_FULL=1 makes each test thirty times as long.
 */
#include "device_nvme.h"
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS 32
#define SLOT_PAGES 4
#define QUEUES_IOVA 0x10000000UL
#define STEADY_IOVA 0x20000000UL
#define KILL_ROUNDS 25

FIXTURE(stress)
{
	struct t1x c;
	struct t1x_leak leak;
	char *mem;
};

T1X_BOTH_TYPES(stress);

FIXTURE_SETUP(stress)
{
	self->c.fd = -1;
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(SLOTS * SLOT_PAGES));
	t1x_leak_begin(&self->leak);
}

FIXTURE_TEARDOWN(stress)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static unsigned int scale(void)
{
	return getenv("T1X_FULL") ? 30 : 1;
}

struct worker {
	struct t1x *c;
	char *mem;
	u64 random;
	u64 end_ms;
	u64 mapped, unmapped; /* bytes, as the kernel reports them */
	int calls, strange;
};

static u64 next_random(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static void one_call(struct worker *w)
{
	bool v1 = w->c->type == VFIO_TYPE1_IOMMU;
	int slot = next_random(w) % SLOTS;
	u64 iova = T1X_BASE + PAGES(slot * SLOT_PAGES);
	u64 size = PAGES(SLOT_PAGES * (1 + next_random(w) % 3));
	u64 unmapped = 0;
	int ret;

	switch (next_random(w) % 8) {
	case 0 ... 3:
		size = PAGES(1 + next_random(w) % SLOT_PAGES);
		ret = __t1x_map(w->c, w->mem + PAGES(slot * SLOT_PAGES), iova,
				size);
		w->mapped += ret ? 0 : size;
		w->strange += ret && ret != -EEXIST;
		break;
	case 4 ... 6:
		ret = __t1x_unmap(w->c, iova, size, &unmapped);
		w->unmapped += unmapped;
		w->strange += ret && (v1 || ret != -EINVAL);
		break;
	default:
		w->strange += !t1x_dma_avail(w->c);
	}
	w->calls++;
}

static void *work(void *data)
{
	struct worker *w = data;

	while (t1x_now_ms() < w->end_ms)
		one_call(w);
	return NULL;
}

static void init_workers(struct _test_data_stress *self, struct worker *workers,
			 int n)
{
	int i;

	for (i = 0; i < n; i++)
		workers[i] = (struct worker){
			.c = &self->c,
			.mem = self->mem,
			.random = 0x1234567 + 0x1111111 * i,
			.end_ms = t1x_now_ms() + 1000 * scale(),
		};
}

TEST_F(stress, threads_on_overlapping_ranges_lose_no_byte)
{
	struct worker workers[2];
	pthread_t threads[2];
	s64 left = 0;
	int i;

	t1x_open(&self->c, variant->type, NULL);
	init_workers(self, workers, 2);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0,
			  pthread_create(&threads[i], NULL, work, &workers[i]));
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, workers[i].strange);
		EXPECT_LT(100, workers[i].calls);
		left += workers[i].mapped - workers[i].unmapped;
	}
	EXPECT_EQ(left, (s64)PAGES(t1x_locked()));
	EXPECT_EQ(left, (s64)t1x_unmap_all(&self->c));
	EXPECT_EQ(0, t1x_locked());
}

TEST_F(stress, processes_on_overlapping_ranges_lose_no_byte)
{
	struct worker *workers;
	s64 left = 0;
	pid_t pids[2];
	int i;

	workers = mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	t1x_open(&self->c, variant->type, NULL);
	init_workers(self, workers, 2);
	for (i = 0; i < 2; i++) {
		pids[i] = t1x_fork();
		if (!pids[i]) {
			work(&workers[i]);
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, t1x_wait(pids[i], 60000, NULL));
		EXPECT_EQ(0, workers[i].strange);
		left += workers[i].mapped - workers[i].unmapped;
	}
	EXPECT_EQ(left, (s64)t1x_unmap_all(&self->c));
}

TEST_F(stress, dma_goes_on_beside_a_storm_of_maps)
{
	const char *bdf = t1x_nvme(0);
	struct worker worker;
	struct t1x_nvme nvme;
	pthread_t thread;
	char *steady, *want;
	int bad = 0, n = 0;

	if (!bdf)
		SKIP(return, "no nvme device");

	steady = t1x_mem_alloc(T1X_MEM_4K, PAGES(2));
	want = steady + T1X_PAGE;
	t1x_open(&self->c, variant->type, bdf);
	t1x_nvme_open(&nvme, &self->c, bdf, QUEUES_IOVA);
	t1x_map(&self->c, steady, STEADY_IOVA, PAGES(2));
	ASSERT_EQ(0, t1x_nvme_identify(&nvme, STEADY_IOVA + T1X_PAGE));

	init_workers(self, &worker, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, work, &worker));
	while (t1x_now_ms() < worker.end_ms) {
		memset(steady, 0, T1X_PAGE);
		bad += t1x_nvme_identify(&nvme, STEADY_IOVA) != 0;
		bad += memcmp(steady, want, T1X_PAGE) != 0;
		n++;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, bad);
	EXPECT_LT(10, n);
	EXPECT_EQ(0, worker.strange);
	t1x_nvme_close(&nvme);
	munmap(steady, PAGES(2));
}

/* Kills a child that works in a container at a random moment */
static void kill_round(struct _test_data_stress *self, bool own_container,
		       int type)
{
	struct worker worker;
	pid_t pid;

	init_workers(self, &worker, 1);
	worker.random += t1x_random();
	pid = t1x_fork();
	if (!pid) {
		if (own_container)
			t1x_open(&self->c, type, NULL);
		work(&worker);
		_exit(0);
	}
	t1x_sleep_ms(1 + t1x_random() % 60);
	kill(pid, SIGKILL);
	t1x_require(!t1x_wait(pid, 20000, NULL),
		    "a killed process did not end within 20 s");
}

TEST_F_TIMEOUT(stress, killed_owner_leaves_nothing, 300)
{
	unsigned int i;

	for (i = 0; i < KILL_ROUNDS * scale(); i++)
		kill_round(self, true, variant->type);
	EXPECT_EQ(self->leak.pins, t1x_pins());
}

TEST_F_TIMEOUT(stress, killed_mapper_leaves_a_consistent_container, 300)
{
	u32 avail;
	unsigned int i;

	t1x_open(&self->c, variant->type, NULL);
	avail = t1x_dma_avail(&self->c);
	for (i = 0; i < KILL_ROUNDS * scale(); i++) {
		long pins;

		kill_round(self, false, variant->type);
		pins = t1x_pins() - self->leak.pins;
		ASSERT_EQ(PAGES(pins), t1x_unmap_all(&self->c));
	}
	EXPECT_EQ(avail, t1x_dma_avail(&self->c));
	EXPECT_EQ(0, t1x_locked());
}

TEST_HARNESS_MAIN
