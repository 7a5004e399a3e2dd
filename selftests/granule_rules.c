// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings that can be cut: where, with which errno otherwise, how many entries
 * it takes, and what becomes of the rules of v1 and v2, of addresses that change,
 * and of MAP_DMA with the module's parameter granule.
 */
#include "device_emu.h"
#include "iotable.h"
#include "ranges.h"
#include "suite.h"

#include <sys/mman.h>

#define K64 (16 * T1X_PAGE)
#define OTHER_IOVA (4 * T1X_BASE)

FIXTURE(cut)
{
	struct t1x c;
	struct t1x_leak leak;
	unsigned long limit;
	char *mem;
};

T1X_BOTH_TYPES(cut);

#define NPAGES 64
#define SIZE PAGES(NPAGES)
#define ENTRIES 4

FIXTURE_SETUP(cut)
{
	if (!t1x_is_type1x())
		SKIP(return, "type1 has no granule");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_leak_begin(&self->leak);
	ASSERT_EQ(0, t1x_param_get("dma_entry_limit", &self->limit));
	ASSERT_EQ(0, t1x_param_set("dma_entry_limit", ENTRIES));
	t1x_open(&self->c, variant->type, NULL);
	t1x_param_set("dma_entry_limit", self->limit);
}

FIXTURE_TEARDOWN(cut)
{
	t1x_param_set("granule", 0);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static u64 page_iova(int page)
{
	return T1X_BASE + PAGES(page);
}

static int unmap_pages(struct t1x *c, int first, int n, u64 *npages)
{
	return __t1x_unmap_range(c, page_iova(first), page_iova(first + n) - 1,
				 npages);
}

/* Exactly these pages are there: they go, and nothing else is left */
static bool left(struct t1x *c, int first, int n)
{
	u64 npages = 0;
	int ret = unmap_pages(c, first, n, &npages);
	u64 rest = t1x_unmap_all(c);

	if (!ret && npages == (u64)n && !rest)
		return true;
	printf("# pages %d to %d: %d, %lu pages, then 0x%lx bytes\n", first,
	       first + n - 1, ret, npages, rest);
	return false;
}

TEST_F(cut, granule_of_0_is_the_page_size)
{
	t1x_map_granule(&self->c, self->mem, T1X_BASE, SIZE, 0);
	EXPECT_EQ(0, unmap_pages(&self->c, 0, 1, NULL));
	EXPECT_EQ(0, unmap_pages(&self->c, 1, 31, NULL));
	EXPECT_EQ(0, unmap_pages(&self->c, 63, 1, NULL));
	EXPECT_TRUE(left(&self->c, 32, 31));
}

TEST_F(cut, granule_that_is_wrong_is_refused)
{
	const struct {
		u64 iova, size, granule;
	} bad[] = {
		{ T1X_BASE, SIZE, 1 },
		{ T1X_BASE, SIZE, 2048 },
		{ T1X_BASE, SIZE, T1X_PAGE + 1 },
		{ T1X_BASE, SIZE, 3 * T1X_PAGE },
		{ T1X_BASE, SIZE, T1X_PAGE | 1UL << 63 },
		{ T1X_BASE, SIZE, ~0UL },
		{ T1X_BASE, SIZE, 2 * SIZE },
		{ T1X_BASE, SIZE, 1UL << 63 },
		{ T1X_BASE + T1X_PAGE, 2 * T1X_PAGE, 2 * T1X_PAGE },
		{ T1X_BASE, 3 * T1X_PAGE, 2 * T1X_PAGE },
		{ T1X_BASE + K64 / 2, K64, K64 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL,
			  __t1x_map_granule(&self->c, self->mem, bad[i].iova,
					    bad[i].iova + bad[i].size - 1,
					    bad[i].granule))
	TH_LOG("granule %u", i);
	EXPECT_EQ(0, t1x_unmap_all(&self->c));
	EXPECT_EQ(ENTRIES, t1x_dma_avail(&self->c));
}

TEST_F(cut, granule_may_be_the_whole_mapping_and_memory_lie_anywhere)
{
	char *mem = self->mem + T1X_PAGE;

	t1x_map_granule(&self->c, mem, T1X_BASE, K64, K64);
	EXPECT_EQ(-EINVAL, unmap_pages(&self->c, 0, 8, NULL));
	EXPECT_EQ(-EINVAL, unmap_pages(&self->c, 8, 8, NULL));
	EXPECT_TRUE(left(&self->c, 0, 16));
	t1x_map_granule(&self->c, mem, T1X_BASE, 3 * K64, K64);
	EXPECT_EQ(0, unmap_pages(&self->c, 16, 16, NULL));
	EXPECT_EQ(32, t1x_locked());
	EXPECT_EQ(2 * K64, t1x_unmap_all(&self->c));
}

TEST_F(cut, middle_needs_an_entry)
{
	u64 size = 0;
	int i;

	t1x_map_granule(&self->c, self->mem, T1X_BASE, SIZE, 0);
	for (i = 1; i < ENTRIES; i++)
		EXPECT_EQ(0, unmap_pages(&self->c, 8 * i, 1, NULL));
	EXPECT_EQ(0, t1x_dma_avail(&self->c));

	EXPECT_EQ(-ENOSPC, unmap_pages(&self->c, 4, 1, NULL));
	EXPECT_EQ(-ENOSPC,
		  __t1x_unmap(&self->c, page_iova(40), T1X_PAGE, NULL));
	EXPECT_EQ(NPAGES - (ENTRIES - 1), t1x_locked());

	/* Nothing is left in the middle by these */
	EXPECT_EQ(0, unmap_pages(&self->c, 0, 2, NULL));
	EXPECT_EQ(0, __t1x_unmap(&self->c, page_iova(60), PAGES(4), &size));
	EXPECT_EQ(PAGES(4), size);
	EXPECT_EQ(0, unmap_pages(&self->c, 6, 5, NULL));
	EXPECT_EQ(0, t1x_dma_avail(&self->c));
	EXPECT_EQ(0, unmap_pages(&self->c, 4, 16, NULL));
	EXPECT_EQ(1, t1x_dma_avail(&self->c));
	EXPECT_EQ(0, unmap_pages(&self->c, 40, 1, NULL));
	EXPECT_EQ(0, t1x_dma_avail(&self->c));
	t1x_unmap_all(&self->c);
	EXPECT_EQ(ENTRIES, t1x_dma_avail(&self->c));
}

TEST_F(cut, one_call_cuts_two_mappings_and_takes_those_between)
{
	u64 size, first, last;
	int i;

	for (i = 0; i < 2; i++) {
		t1x_map_granule(&self->c, self->mem, T1X_BASE, K64, 0);
		t1x_map(&self->c, self->mem, T1X_BASE + K64, K64);
		t1x_map_granule(&self->c, self->mem, T1X_BASE + 3 * K64, K64,
				2 * T1X_PAGE);
		first = page_iova(15);
		last = page_iova(50) - 1;
		if (i)
			t1x_unmap_range(&self->c, first, last, PAGES(19));
		else
			ASSERT_EQ(0, __t1x_unmap(&self->c, first,
						 last + 1 - first, &size));
		EXPECT_EQ(PAGES(19), i ? PAGES(19) : size);
		EXPECT_EQ(29, t1x_locked());
		EXPECT_EQ(ENTRIES - 2, t1x_dma_avail(&self->c));
		t1x_unmap(&self->c, page_iova(50), PAGES(14));
		EXPECT_TRUE(left(&self->c, 0, 15));
	}
}

/* A granule mapping of 16 pages, then one without of 16, then one with */
static void map_three(struct t1x *c, char *mem)
{
	t1x_map_granule(c, mem, page_iova(0), K64, 0);
	t1x_map(c, mem, page_iova(16), K64);
	t1x_map_granule(c, mem, page_iova(32), K64, 0);
}

TEST_F(cut, unmap_range_that_must_not_cut_one_of_many_changes_nothing)
{
	int rows[][2] = { { 8, 16 }, { 0, 17 }, { 31, 1 },
			  { 16, 1 }, { 20, 4 }, { 24, 20 } };
	unsigned int i;

	map_three(&self->c, self->mem);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(-EINVAL,
			  unmap_pages(&self->c, rows[i][0], rows[i][1], NULL));
		EXPECT_EQ(48, t1x_locked());
		EXPECT_EQ(ENTRIES - 3, t1x_dma_avail(&self->c));
	}
	EXPECT_TRUE(left(&self->c, 0, 48));
}

TEST_F(cut, unmap_dma_keeps_the_rules_of_each_type_without_a_granule)
{
	bool v1 = variant->type == VFIO_TYPE1_IOMMU;
	u64 size = 0;

	/* It ends in the one without: v1 takes that whole */
	map_three(&self->c, self->mem);
	EXPECT_EQ(v1 ? 0 : -EINVAL,
		  __t1x_unmap(&self->c, page_iova(8), PAGES(16), &size));
	EXPECT_EQ(v1 ? PAGES(24) : 0, size);
	EXPECT_EQ(v1 ? 24 : 48, t1x_locked());
	t1x_unmap_all(&self->c);

	/* It begins in it: v1 stops there */
	size = 0;
	map_three(&self->c, self->mem);
	EXPECT_EQ(v1 ? 0 : -EINVAL,
		  __t1x_unmap(&self->c, page_iova(24), PAGES(16), &size));
	EXPECT_EQ(0, size);
	EXPECT_TRUE(left(&self->c, 0, 48));
}

TEST_F(cut, unmap_all_takes_the_pieces)
{
	t1x_map_granule(&self->c, self->mem, T1X_BASE, SIZE, 0);
	EXPECT_EQ(0, unmap_pages(&self->c, 1, 1, NULL));
	EXPECT_EQ(0, unmap_pages(&self->c, 30, 3, NULL));
	EXPECT_EQ(PAGES(60), t1x_unmap_all(&self->c));
	EXPECT_EQ(0, t1x_locked());
}

#define ONLY_VADDR VFIO_DMA_MAP_FLAG_VADDR

static int invalidate(struct t1x *c, int first, int n)
{
	return __t1x_unmap_flags(c, page_iova(first), PAGES(n),
				 VFIO_DMA_UNMAP_FLAG_VADDR, NULL);
}

static int restore(struct t1x *c, char *mem, int first, int n)
{
	return __t1x_map_flags(c, mem + PAGES(first), page_iova(first),
			       PAGES(n), ONLY_VADDR);
}

TEST_F(cut, vaddr_flag_never_cuts)
{
	bool v1 = variant->type == VFIO_TYPE1_IOMMU;

	t1x_map_granule(&self->c, self->mem, T1X_BASE, SIZE, 0);
	/* v1 takes nothing where the first byte is not in the range */
	EXPECT_EQ(v1 ? 0 : -EINVAL, invalidate(&self->c, 8, 8));
	EXPECT_EQ(v1 ? 0 : -EINVAL, invalidate(&self->c, 32, 32));
	EXPECT_EQ(-EINVAL, restore(&self->c, self->mem, 0, NPAGES));
	EXPECT_EQ(ENTRIES - 1, t1x_dma_avail(&self->c));
	ASSERT_EQ(0, invalidate(&self->c, 0, NPAGES));
	EXPECT_EQ(-EINVAL, restore(&self->c, self->mem, 0, 32));
	EXPECT_EQ(0, restore(&self->c, self->mem, 0, NPAGES));
	EXPECT_TRUE(left(&self->c, 0, NPAGES));
}

TEST_F(cut, pieces_have_a_vaddr_each)
{
	struct t1x_emu emu;
	char byte = 5;

	t1x_map_granule(&self->c, self->mem, T1X_BASE, SIZE, 0);
	ASSERT_EQ(0, unmap_pages(&self->c, 16, 16, NULL));
	ASSERT_EQ(0, invalidate(&self->c, 32, 32));
	EXPECT_EQ(-EINVAL, restore(&self->c, self->mem, 0, 16));
	ASSERT_EQ(0, invalidate(&self->c, 0, 16));
	/* One that is invalid can be cut, and leaves two that are */
	ASSERT_EQ(0, unmap_pages(&self->c, 40, 8, NULL));
	EXPECT_EQ(0, restore(&self->c, self->mem, 32, 8));
	EXPECT_EQ(0, restore(&self->c, self->mem, 0, 16));
	EXPECT_EQ(0, restore(&self->c, self->mem, 48, 16));
	EXPECT_EQ(40, t1x_locked());

	if (!t1x_emu_load(1, 0))
		SKIP(return, "no module t1x_emu");
	t1x_add_group(&self->c, t1x_emu(0));
	t1x_emu_open(&emu, &self->c, t1x_emu(0));
	EXPECT_EQ(0, __t1x_emu_write(&emu, page_iova(50), &byte, 1));
	EXPECT_EQ(5, self->mem[PAGES(50)]);
	EXPECT_EQ(-EINVAL, __t1x_emu_write(&emu, page_iova(40), &byte, 1));
	t1x_emu_close(&emu);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_emu_settle());
}

TEST_F(cut, parameter_takes_powers_of_two_from_the_page_size)
{
	static const u64 good[] = { T1X_PAGE, K64, T1X_2M, T1X_1G, 0 };
	static const u64 bad[] = { 1, 2048, 4095, 4097, 3 * 4096, ~0UL };
	unsigned long value = 1;
	unsigned int i;

	ASSERT_EQ(0, t1x_param_get("granule", &value));
	EXPECT_EQ(0, value);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, t1x_param_set("granule", good[i]));
		EXPECT_EQ(0, t1x_param_get("granule", &value));
		EXPECT_EQ(good[i], value);
	}
	t1x_param_set("granule", K64);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, t1x_param_set("granule", bad[i]));
		EXPECT_EQ(0, t1x_param_get("granule", &value));
		EXPECT_EQ(K64, value);
	}
}

TEST_F(cut, parameter_gives_map_dma_a_granule)
{
	u64 size = 0;

	/* What is there already has none */
	t1x_map(&self->c, self->mem, OTHER_IOVA, K64);
	ASSERT_EQ(0, t1x_param_set("granule", K64));
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	EXPECT_EQ(-EINVAL, __t1x_unmap(&self->c, page_iova(8), PAGES(8), NULL));
	ASSERT_EQ(0, __t1x_unmap(&self->c, page_iova(16), K64, &size));
	EXPECT_EQ(K64, size);
	t1x_param_set("granule", 0);
	EXPECT_EQ(0, unmap_pages(&self->c, 32, 16, NULL));
	EXPECT_EQ(-EINVAL, __t1x_unmap_range(&self->c, OTHER_IOVA,
					     OTHER_IOVA + T1X_PAGE - 1, NULL));
	t1x_map(&self->c, self->mem, page_iova(16), 2 * K64);
	EXPECT_EQ(-EINVAL, unmap_pages(&self->c, 16, 16, NULL));
	EXPECT_EQ(K64 + SIZE, t1x_unmap_all(&self->c));
}

TEST_F(cut, parameter_is_lowered_to_what_the_range_is_aligned_to)
{
	ASSERT_EQ(0, t1x_param_set("granule", T1X_2M));
	t1x_map(&self->c, self->mem, page_iova(1), PAGES(16));
	EXPECT_EQ(0, unmap_pages(&self->c, 5, 1, NULL));
	t1x_unmap_all(&self->c);

	t1x_map(&self->c, self->mem, page_iova(2), PAGES(8));
	EXPECT_EQ(-EINVAL, unmap_pages(&self->c, 2, 1, NULL));
	EXPECT_EQ(0, unmap_pages(&self->c, 4, 2, NULL));
	t1x_unmap_all(&self->c);

	t1x_map(&self->c, self->mem, page_iova(16), PAGES(4));
	EXPECT_EQ(-EINVAL, unmap_pages(&self->c, 16, 2, NULL));
	t1x_unmap(&self->c, page_iova(16), PAGES(4));
}

TEST_F(cut, parameter_holds_for_the_pages_of_the_iommu)
{
	const char *bdf = t1x_any_device();
	char *huge;

	if (!t1x_iotable_available(bdf))
		SKIP(return, "no view of the IOMMU's table");
	huge = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);
	if (!huge)
		SKIP(return, "no 2M page");
	ASSERT_EQ(0, t1x_param_set("granule", K64));
	t1x_map(&self->c, huge, T1X_BASE, T1X_2M);
	EXPECT_EQ(T1X_PAGE, t1x_iotable_sizes(bdf, T1X_BASE, T1X_2M));
	t1x_unmap(&self->c, T1X_BASE, T1X_2M);
	t1x_param_set("granule", 0);
	t1x_map(&self->c, huge, T1X_BASE, T1X_2M);
	EXPECT_EQ(T1X_2M, t1x_iotable_sizes(bdf, T1X_BASE, T1X_2M));
	t1x_unmap(&self->c, T1X_BASE, T1X_2M);
	munmap(huge, T1X_2M);
}

TEST_HARNESS_MAIN
