// SPDX-License-Identifier: GPL-2.0-only
/*
 * What devices see while parts of a mapping go: a drive reads and writes the rest
 * all the time without a fault, a second IOMMU domain gets just what is left, and
 * a BAR can be cut as memory can.
 */
#include "device_edu.h"
#include "iotable.h"
#include "parts.h"
#include "ranges.h"
#include "second_domain.h"
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define QUEUES_IOVA 0x10000000UL
#define SOURCE_IOVA 0x20000000UL
#define K64 (16 * T1X_PAGE)

/* ---- DMA to what is left, all the time ---- */

#define MOST_PAGES 32
/* The drive's blocks for what the device reads from memory */
#define WRITE_SLOT 100
#define ROUNDS 6
#define PATIENCE_MS 30000

/* One thread keeps the drive busy with pages of the parts that stay */
struct busy {
	pthread_t thread;
	struct t1x_nvme *nvme;
	struct {
		char *mem;
		u64 iova;
	} page[MOST_PAGES];
	int npages;
	atomic_bool stop;
	atomic_int done;
	int failed, wrong; /* status not 0; bytes not those of the drive */
};

FIXTURE(dma)
{
	struct t1x_parts_rig rig;
	struct busy busy;
};

T1X_PARTS_VARIANTS(dma);

/* clang-format off */

T1X_PARTS_VARIANT(dma, v1_4k, VFIO_TYPE1_IOMMU, T1X_MEM_4K, T1X_PAGE, PAGES(256));
T1X_PARTS_VARIANT(dma, v2_thp_by_4k, VFIO_TYPE1v2_IOMMU, T1X_MEM_THP, T1X_PAGE, T1X_2M);
T1X_PARTS_VARIANT(dma, v2_2m_by_64k, VFIO_TYPE1v2_IOMMU, T1X_MEM_2M, K64, 4 * T1X_2M);
T1X_PARTS_VARIANT(dma, v1_2m_by_2m, VFIO_TYPE1_IOMMU, T1X_MEM_2M, T1X_2M, 16 * T1X_2M);

/* clang-format on */

FIXTURE_SETUP(dma)
{
	const char *skip = t1x_parts_begin(&self->rig, variant->type,
					   variant->kind, variant->granule,
					   variant->size);

	if (skip)
		SKIP(return, "%s", skip);
}

/* Any fault is a failure: it would be in the log */
FIXTURE_TEARDOWN(dma)
{
	EXPECT_EQ(0, t1x_parts_end(&self->rig));
}

static u64 pattern(int i, int word)
{
	return 0x0123456789abcdefUL * (i + 1) + word;
}

static void fill(char *mem, int i)
{
	int word;

	for (word = 0; word < (int)T1X_PAGE / 8; word++)
		((u64 *)mem)[word] = pattern(i, word);
}

/* Up to DEPTH reads at once into pages that were cleared, then as many writes */
static void transfer(struct busy *busy, int first, int n)
{
	int i, word;

	for (i = first; i < first + n; i++) {
		memset(busy->page[i].mem, 0, T1X_PAGE);
		t1x_nvme_start_read(busy->nvme, i, busy->page[i].iova);
	}
	for (i = 0; i < n; i++)
		busy->failed += !!t1x_nvme_wait(busy->nvme);
	for (i = first; i < first + n; i++)
		for (word = 0; word < (int)T1X_PAGE / 8; word += 73)
			busy->wrong += ((u64 *)busy->page[i].mem)[word] !=
				       pattern(i, word);
	for (i = first; i < first + n; i++)
		t1x_nvme_start_write(busy->nvme, WRITE_SLOT + i,
				     busy->page[i].iova);
	for (i = 0; i < n; i++)
		busy->failed += !!t1x_nvme_wait(busy->nvme);
}

static void *keep_busy(void *arg)
{
	struct busy *busy = arg;
	int first = 0, n;

	while (!busy->stop) {
		n = busy->npages - first;
		n = n < T1X_NVME_DEPTH ? n : T1X_NVME_DEPTH;
		transfer(busy, first, n);
		busy->done += n;
		first = (first + n) % busy->npages;
	}
	return NULL;
}

/* Every fourth part stays: its first page and its last one are used */
static bool stays(int part)
{
	return part % 4 == 1;
}

static void start_dma(struct _test_data_dma *self)
{
	struct t1x_parts *parts = &self->rig.parts;
	struct busy *busy = &self->busy;
	u64 end = parts->granule - T1X_PAGE;
	int i, k, ret;

	memset(busy, 0, sizeof(*busy));
	busy->nvme = &self->rig.nvme;
	for (i = 0; i < 2 * parts->n; i++) {
		k = busy->npages;
		if (!stays(i / 2) || (i % 2 && !end) || k == MOST_PAGES)
			continue;
		busy->page[k].mem = t1x_parts_mem(parts, i / 2) + i % 2 * end;
		busy->page[k].iova = t1x_parts_iova(parts, i / 2) + i % 2 * end;
		fill(busy->page[k].mem, k);
		ret = t1x_nvme_write(busy->nvme, k, busy->page[k].iova);
		t1x_require(!ret, "nvme: status %d", ret);
		busy->npages++;
	}
	t1x_require(!pthread_create(&busy->thread, NULL, keep_busy, busy),
		    "no thread");
}

static void end_dma(struct busy *busy)
{
	busy->stop = true;
	pthread_join(busy->thread, NULL);
	printf("# %d reads and as many writes of %d pages meanwhile\n",
	       busy->done, busy->npages);
	t1x_require(!busy->failed, "%d transfers failed", busy->failed);
	t1x_require(!busy->wrong, "%d words were not read", busy->wrong);
}

/* A transfer that began after this was called has ended */
static void wait_for_dma(struct busy *busy)
{
	int enough = busy->done + 2 * T1X_NVME_DEPTH;
	u64 end = t1x_now_ms() + PATIENCE_MS;

	while (busy->done < enough) {
		t1x_require(t1x_now_ms() < end, "the drive has stopped");
		t1x_sleep_ms(0);
	}
}

/*
 * All parts that do not stay go, in the order of the round: at once, or so that
 * the drive has been at the rest after each.
 */
static void cut_neighbours(struct t1x_parts *parts, struct busy *busy,
			   int round)
{
	t1x_parts_cut cut[2] = { t1x_parts_unmap_range, t1x_parts_unmap_dma };
	int i, at;

	for (i = 0; i < parts->n; i++) {
		at = round % 2 ? parts->n - 1 - i : i;
		if (stays(at) || !parts->there[at])
			continue;
		/* One by one, and by up to three as they come */
		if (round < 2 || at + 3 > parts->n || stays(at + 1) ||
		    stays(at + 2))
			cut[(at + round) % 2](parts, at, 1);
		else
			cut[(at / 4 + round) % 2](parts, at, 3);
		if (round % 3 == 2)
			wait_for_dma(busy);
	}
}

static void restore_neighbours(struct t1x_parts *parts)
{
	int i;

	for (i = 0; i < parts->n; i++)
		if (!parts->there[i])
			t1x_parts_restore(parts, i, 1);
}

TEST_F(dma, rest_is_read_and_written_while_its_neighbours_go)
{
	struct t1x_parts *parts = &self->rig.parts;
	int round, cycle;

	for (round = 0; round < ROUNDS; round++) {
		start_dma(self);
		wait_for_dma(&self->busy);
		cut_neighbours(parts, &self->busy, round);
		t1x_parts_check(parts);
		/* The first cuts one mapping, these those in its holes */
		for (cycle = 0; cycle < 3; cycle++) {
			restore_neighbours(parts);
			cut_neighbours(parts, &self->busy, round & 1);
		}
		wait_for_dma(&self->busy);
		end_dma(&self->busy);
		t1x_parts_check(parts);
		t1x_parts_unmap_range(parts, 0, parts->n);
		t1x_parts_restore(parts, 0, parts->n);
	}
}

/* ---- A second domain, and replay ---- */

FIXTURE(replay)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_nvme nvme;
	struct t1x_parts parts;
	char *mem;
};

T1X_BOTH_TYPES_OF_MEMORY(replay);

FIXTURE_SETUP(replay)
{
	if (!t1x_is_type1x() || !t1x_nvme(1) || !t1x_second_domain_load())
		SKIP(return, "needs type1x, two nvmes and t1x_second_domain");
	self->mem = t1x_mem_alloc(variant->kind, 2 * T1X_2M);
	if (!self->mem)
		SKIP(return, "no %s memory", t1x_mem_name(variant->kind));
	t1x_leak_begin(&self->leak);
	self->leak.allow_faults = true;
	t1x_open(&self->c, variant->type, t1x_nvme(0));
	self->parts.c = &self->c;
	self->parts.bdf = t1x_nvme(0);
	t1x_parts_map(&self->parts, self->mem, T1X_BASE, K64, 64);
}

FIXTURE_TEARDOWN(replay)
{
	t1x_nvme_close(&self->nvme);
	t1x_close(&self->c);
	t1x_parts_free(&self->parts);
	EXPECT_EQ(0, t1x_second_domain_unload());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* From the table and the DMA of the second device alone */
static void check_second(struct _test_data_replay *self)
{
	self->parts.bdf = t1x_nvme(1);
	self->parts.nvme = &self->nvme;
	t1x_parts_check(&self->parts);
	self->parts.bdf = t1x_nvme(0);
	self->parts.nvme = NULL;
	t1x_parts_check(&self->parts);
}

static void open_second(struct _test_data_replay *self)
{
	struct t1x_parts *parts = &self->parts;

	t1x_add_in_second_domain(&self->c, t1x_nvme(1));
	t1x_nvme_open(&self->nvme, &self->c, t1x_nvme(1), QUEUES_IOVA);
	/* Its queues are mapped too */
	parts->locked += T1X_NVME_PAGES;
	parts->pins += T1X_NVME_PAGES;
}

TEST_F(replay, mapping_is_cut_in_both_domains_after_it)
{
	struct t1x_parts *parts = &self->parts;

	open_second(self);
	check_second(self);
	t1x_parts_unmap_range(parts, 7, 3);
	t1x_parts_unmap_dma(parts, 40, 1);
	check_second(self);
	t1x_parts_unmap_range(parts, 0, 1);
	t1x_parts_unmap_range(parts, 63, 1);
	t1x_parts_restore(parts, 8, 1);
	check_second(self);
	t1x_parts_unmap_range(parts, 0, 64);
	check_second(self);
}

TEST_F(replay, second_domain_gets_what_is_left)
{
	struct t1x_parts *parts = &self->parts;
	int i;

	for (i = 1; i < 64; i += 5)
		t1x_parts_unmap_range(parts, i, 1 + i % 3);
	open_second(self);
	check_second(self);
	for (i = 3; i < 64; i += 5)
		t1x_parts_unmap_dma(parts, i, 1);
	check_second(self);
}

TEST_F(replay, either_domain_keeps_the_pieces_when_the_other_leaves)
{
	struct t1x_parts *parts = &self->parts;

	t1x_parts_unmap_range(parts, 20, 20);
	open_second(self);
	t1x_del_group(&self->c, t1x_nvme(0));
	parts->bdf = t1x_nvme(1);
	parts->nvme = &self->nvme;
	t1x_parts_unmap_range(parts, 50, 2);
	t1x_parts_check(parts);
	t1x_add_in_second_domain(&self->c, t1x_nvme(0));
	t1x_parts_unmap_range(parts, 10, 2);
	check_second(self);
}

static void *cut_some(void *arg)
{
	struct t1x_parts *parts = arg;
	int i;

	for (i = 0; i < 64; i += 2) {
		t1x_parts_unmap_range(parts, i, 1);
		t1x_sleep_ms(2);
	}
	return NULL;
}

TEST_F(replay, mapping_is_cut_while_a_second_domain_comes_and_leaves)
{
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, cut_some, &self->parts));
	for (i = 0; i < 5; i++) {
		t1x_add_in_second_domain(&self->c, t1x_nvme(1));
		t1x_del_group(&self->c, t1x_nvme(1));
	}
	t1x_add_in_second_domain(&self->c, t1x_nvme(1));
	pthread_join(thread, NULL);
	t1x_del_group(&self->c, t1x_nvme(1));
	open_second(self);
	check_second(self);
}

/* ---- A BAR ---- */

FIXTURE(cut_bar)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_edu edu, peer;
	char *source;
};

T1X_BOTH_TYPES(cut_bar);

FIXTURE_SETUP(cut_bar)
{
	if (!t1x_is_type1x() || !t1x_edu(1))
		SKIP(return, "needs type1x and two edu devices");
	self->source = t1x_mem_alloc(T1X_MEM_4K, T1X_PAGE);
	t1x_leak_begin(&self->leak);
	self->leak.allow_faults = true;
	t1x_open(&self->c, variant->type, t1x_edu(0));
	t1x_add_group(&self->c, t1x_edu(1));
	t1x_edu_open(&self->edu, &self->c, t1x_edu(0));
	t1x_edu_open(&self->peer, &self->c, t1x_edu(1));
	t1x_map(&self->c, self->source, SOURCE_IOVA, T1X_PAGE);
}

FIXTURE_TEARDOWN(cut_bar)
{
	t1x_edu_close(&self->edu);
	t1x_edu_close(&self->peer);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* The first device reads the other's registers at iova */
static bool reads_id(struct _test_data_cut_bar *self, u64 iova)
{
	memset(self->source, 0, 8);
	t1x_edu_copy(&self->edu, iova, SOURCE_IOVA, 4);
	return *(u32 *)self->source == T1X_EDU_ID;
}

/* Pages of n parts of the BAR that are not translated to where it lies */
static int table_differs(struct _test_data_cut_bar *self, int first, int n)
{
	u64 phys = t1x_device_bar_phys(&self->peer.dev, 0) + first * K64;
	u64 iova = T1X_BASE + first * K64;

	return t1x_iotable_compare_phys(t1x_edu(0), phys, iova, n * K64, true,
					true);
}

TEST_F(cut_bar, parts_of_a_bar_go_as_parts_of_memory_do)
{
	u64 part = T1X_BASE + K64;
	long locked = t1x_locked();

	t1x_map_granule(&self->c, self->peer.regs, T1X_BASE, 8 * K64, K64);
	EXPECT_EQ(locked, t1x_locked());
	EXPECT_EQ(-EINVAL, __t1x_unmap_range(&self->c, T1X_BASE,
					     T1X_BASE + T1X_PAGE - 1, NULL));
	t1x_unmap_range(&self->c, part, part + K64 - 1, K64);
	t1x_unmap(&self->c, T1X_BASE + 5 * K64, 3 * K64);
	EXPECT_TRUE(reads_id(self, T1X_BASE));
	if (t1x_iotable_available(t1x_edu(0))) {
		EXPECT_EQ(0, table_differs(self, 0, 1));
		EXPECT_EQ(0, t1x_iotable_count(t1x_edu(0), part, K64));
		EXPECT_EQ(0, table_differs(self, 2, 3));
		EXPECT_EQ(0, t1x_iotable_count(t1x_edu(0), part + 4 * K64,
					       3 * K64));
	}
	t1x_unmap_range(&self->c, T1X_BASE, part - 1, K64);
	EXPECT_FALSE(reads_id(self, T1X_BASE));
	EXPECT_EQ(3 * K64 + T1X_PAGE, t1x_unmap_all(&self->c));
}

TEST_F(cut_bar, large_bar_is_mapped_in_pages_no_larger_than_the_granule)
{
	const u64 granules[] = { T1X_PAGE, K64, T1X_2M };
	const char *bdf = t1x_testdev(0);
	struct t1x_device dev;
	u64 sizes, size = 8 * T1X_2M;
	unsigned int i;
	char *mem;
	int bar;

	if (!bdf || !t1x_iotable_available(t1x_edu(0)))
		SKIP(return, "no large BAR, or no view of the IOMMU's table");
	t1x_add_group(&self->c, bdf);
	t1x_device_open(&dev, &self->c, bdf);
	for (bar = 0; bar < 5 && t1x_device_bar_size(&dev, bar) < size; bar++)
		;
	mem = t1x_device_bar_map(&dev, bar, 0, PROT_READ | PROT_WRITE);
	for (i = 0; i < ARRAY_SIZE(granules); i++) {
		t1x_map_granule(&self->c, mem, T1X_BASE, size, granules[i]);
		sizes = t1x_iotable_sizes(t1x_edu(0), T1X_BASE, size);
		EXPECT_GT(2 * granules[i], sizes);
		t1x_unmap_range(&self->c, T1X_BASE + T1X_2M,
				T1X_BASE + 2 * T1X_2M - 1, T1X_2M);
		EXPECT_EQ(0, t1x_iotable_count(t1x_edu(0), T1X_BASE + T1X_2M,
					       T1X_2M));
		t1x_unmap_range(&self->c, T1X_BASE, T1X_BASE + size - 1,
				size - T1X_2M);
	}
	munmap(mem, t1x_device_bar_size(&dev, bar));
	t1x_device_close(&dev);
}

TEST_HARNESS_MAIN
