// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated devices and mappings that are cut: they are told of exactly what goes,
 * and their pins in the rest stay.
 */
#include "device_emu.h"
#include "ranges.h"
#include "suite.h"

#include <pthread.h>

#define PATIENCE_MS 30000
#define NPAGES 64

FIXTURE(pins)
{
	char *mem;
	struct t1x c;
	struct t1x_emu emu[2];
	long pins;
	struct t1x_leak leak;
};

FIXTURE_VARIANT(pins)
{
	bool real;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(pins, alone) { false };
FIXTURE_VARIANT_ADD(pins, beside_a_real_group) { true };
/* clang-format on */

FIXTURE_SETUP(pins)
{
	if (!t1x_is_type1x() || !t1x_emu_load(2, 0))
		SKIP(return, "needs type1x and the module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));
	t1x_leak_begin(&self->leak);
	self->pins = t1x_pins();
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, t1x_emu(0));
	t1x_emu_open(&self->emu[0], &self->c, t1x_emu(0));
	t1x_add_group(&self->c, t1x_emu(1));
	t1x_emu_open(&self->emu[1], &self->c, t1x_emu(1));
	if (variant->real)
		t1x_add_group(&self->c, t1x_any_device());
	t1x_map_granule(&self->c, self->mem, T1X_BASE, PAGES(NPAGES), PAGES(4));
}

FIXTURE_TEARDOWN(pins)
{
	t1x_emu_close(&self->emu[0]);
	t1x_emu_close(&self->emu[1]);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_emu_settle());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static u64 page_iova(int page)
{
	return T1X_BASE + PAGES(page);
}

static int cut_pages(struct t1x *c, int first, int n)
{
	return __t1x_unmap_range(c, page_iova(first), page_iova(first + n) - 1,
				 NULL);
}

/* Both devices were told of exactly these pages, last */
static bool told(struct _test_data_pins *self, int calls, int first, int n)
{
	struct t1x_emu_range range = {};
	int i, has;

	for (i = 0; i < 2; i++) {
		has = t1x_emu_ranges(&self->emu[i], &range, 1);
		if (has == calls && range.iova == page_iova(first) &&
		    range.len == PAGES(n))
			continue;
		printf("# device %d: call %d of 0x%llx bytes at 0x%llx\n", i,
		       has, range.len, range.iova);
		return false;
	}
	return true;
}

/* Charged is what is mapped beside a real group, and what is pinned alone */
static bool counts_are(struct _test_data_pins *self, bool real, long mapped,
		       long pinned)
{
	long want = real ? mapped : pinned;
	long locked = t1x_locked(), pins = t1x_pins() - self->pins;

	if (locked == want && pins >= want &&
	    pins <= want + (real ? pinned : 0))
		return true;
	printf("# VmLck is %ld pages, %ld pins; %ld mapped, %ld pinned\n",
	       locked, pins, mapped, pinned);
	return false;
}

TEST_F(pins, those_in_the_rest_stay_and_devices_are_told_of_the_cut)
{
	t1x_emu_pin(&self->emu[0], page_iova(2), 4);
	t1x_emu_pin(&self->emu[0], page_iova(20), 4);
	t1x_emu_pin(&self->emu[1], page_iova(40), 1);
	EXPECT_TRUE(counts_are(self, variant->real, 64, 9));

	ASSERT_EQ(0, cut_pages(&self->c, 16, 16));
	EXPECT_TRUE(told(self, 1, 16, 16));
	EXPECT_EQ(4, t1x_emu_held(&self->emu[0]));
	EXPECT_EQ(1, t1x_emu_held(&self->emu[1]));
	EXPECT_TRUE(counts_are(self, variant->real, 48, 5));

	/* Between pages that were pinned together, and by the other call */
	t1x_unmap(&self->c, page_iova(0), PAGES(4));
	EXPECT_TRUE(told(self, 2, 0, 4));
	EXPECT_EQ(2, t1x_emu_held(&self->emu[0]));
	EXPECT_TRUE(counts_are(self, variant->real, 44, 3));
	t1x_emu_unpin(&self->emu[0], page_iova(4), 2);
	t1x_emu_unpin(&self->emu[1], page_iova(40), 1);
	EXPECT_TRUE(counts_are(self, variant->real, 44, 0));
}

TEST_F(pins, cut_without_a_pin_in_it_calls_nobody)
{
	t1x_emu_pin(&self->emu[0], page_iova(15), 1);
	t1x_emu_pin(&self->emu[0], page_iova(32), 1);
	ASSERT_EQ(0, cut_pages(&self->c, 16, 16));
	ASSERT_EQ(0, cut_pages(&self->c, 60, 4));
	EXPECT_EQ(0, t1x_emu_callbacks(&self->emu[0]));
	EXPECT_EQ(2, t1x_emu_held(&self->emu[0]));
	EXPECT_TRUE(counts_are(self, variant->real, 44, 2));
}

TEST_F(pins, each_piece_of_one_call_is_told_of_in_order)
{
	struct t1x_emu_range ranges[3] = {};
	const int want[3][2] = { { 8, 8 }, { 24, 8 }, { 40, 16 } };
	int i;

	ASSERT_EQ(0, cut_pages(&self->c, 16, 8));
	ASSERT_EQ(0, cut_pages(&self->c, 32, 8));
	for (i = 4; i < NPAGES; i += 8)
		if (i < 16 || (i >= 24 && i < 32) || i >= 40)
			t1x_emu_pin(&self->emu[0], page_iova(i), 2);
	ASSERT_EQ(0, cut_pages(&self->c, 8, 48));
	EXPECT_EQ(3, t1x_emu_ranges(&self->emu[0], ranges, 3));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(page_iova(want[i][0]), ranges[i].iova);
		EXPECT_EQ(PAGES(want[i][1]), ranges[i].len);
	}
	EXPECT_EQ(4, t1x_emu_held(&self->emu[0]));
	EXPECT_TRUE(counts_are(self, variant->real, 16, 4));
}

TEST_F(pins, rest_is_pinned_read_and_written_where_its_memory_is)
{
	char buf[2 * 4096];

	ASSERT_EQ(0, cut_pages(&self->c, 16, 16));
	memset(buf, 0x41, sizeof(buf));
	EXPECT_EQ(0, __t1x_emu_write(&self->emu[0], page_iova(40), buf, 8192));
	EXPECT_EQ(0x41, self->mem[PAGES(42) - 1]);
	EXPECT_EQ(1, self->mem[PAGES(42)]);
	EXPECT_NE(0, __t1x_emu_write(&self->emu[0], page_iova(31), buf, 1));
	EXPECT_NE(0, __t1x_emu_read(&self->emu[0], page_iova(15), buf, 8192));
	EXPECT_GT(0, __t1x_emu_pin(&self->emu[0], page_iova(31), 2));
	EXPECT_GT(0, __t1x_emu_pin(&self->emu[0], page_iova(15), 2));
	t1x_emu_pin(&self->emu[0], page_iova(32), 4);

	/* Two mappings side by side are read through */
	t1x_map(&self->c, self->mem, page_iova(16), PAGES(16));
	EXPECT_EQ(0, __t1x_emu_read(&self->emu[0], page_iova(31), buf, 8192));
	t1x_emu_pin(&self->emu[0], page_iova(15), 2);
}

TEST_F(pins, device_that_does_not_let_go_leaves_one_mapping)
{
	u32 avail = t1x_dma_avail(&self->c);

	t1x_emu_pin(&self->emu[0], page_iova(18), 1);
	t1x_emu_pin(&self->emu[0], page_iova(50), 1);
	t1x_emu_config(&self->emu[0], T1X_EMU_REFUSE, 0, 0);
	EXPECT_EQ(-EBUSY, cut_pages(&self->c, 16, 16));
	EXPECT_EQ(-EBUSY,
		  __t1x_unmap(&self->c, page_iova(16), PAGES(16), NULL));
	EXPECT_EQ(avail, t1x_dma_avail(&self->c));
	EXPECT_TRUE(counts_are(self, variant->real, 64, 2));
	t1x_emu_pin(&self->emu[1], page_iova(30), 1);
	t1x_emu_unpin(&self->emu[1], page_iova(30), 1);
	/* What the driver has is not asked for here */
	EXPECT_EQ(0, cut_pages(&self->c, 0, 16));
	t1x_emu_config(&self->emu[0], T1X_EMU_UNPIN_ALL, 0, 0);
	EXPECT_EQ(0, cut_pages(&self->c, 16, 16));
	EXPECT_EQ(1, t1x_emu_held(&self->emu[0]));
	EXPECT_TRUE(counts_are(self, variant->real, 32, 1));
}

static void *slow_cut(void *arg)
{
	return (void *)(long)cut_pages(arg, 16, 16);
}

TEST_F(pins, rest_is_used_while_a_device_is_slow_to_let_go)
{
	pthread_t thread;
	char byte = 6;
	void *ret;

	t1x_emu_pin(&self->emu[0], page_iova(18), 1);
	t1x_emu_config(&self->emu[0], T1X_EMU_UNPIN_ALL, 400, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, slow_cut, &self->c));
	ASSERT_TRUE(t1x_emu_wait_callback(&self->emu[0], PATIENCE_MS));
	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu[1], page_iova(18), 1));
	t1x_emu_pin(&self->emu[1], page_iova(15), 1);
	t1x_emu_pin(&self->emu[1], page_iova(32), 1);
	EXPECT_EQ(0, __t1x_emu_write(&self->emu[1], page_iova(33), &byte, 1));
	pthread_join(thread, &ret);
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(2, t1x_emu_held(&self->emu[1]));
	EXPECT_EQ(6, self->mem[PAGES(33)]);
	EXPECT_TRUE(counts_are(self, variant->real, 48, 2));
}

TEST_F(pins, real_group_comes_to_the_pieces_and_leaves_them)
{
	if (variant->real)
		SKIP(return, "it is there already");
	ASSERT_EQ(0, cut_pages(&self->c, 16, 16));
	t1x_emu_pin(&self->emu[0], page_iova(40), 3);
	EXPECT_TRUE(counts_are(self, false, 48, 3));
	t1x_add_group(&self->c, t1x_any_device());
	EXPECT_TRUE(counts_are(self, true, 48, 3));
	ASSERT_EQ(0, cut_pages(&self->c, 4, 4));
	EXPECT_TRUE(counts_are(self, true, 44, 3));
	t1x_del_group(&self->c, t1x_any_device());
	EXPECT_TRUE(counts_are(self, false, 44, 3));
	ASSERT_EQ(0, cut_pages(&self->c, 36, 4));
	EXPECT_EQ(PAGES(40), t1x_unmap_all(&self->c));
}

TEST_HARNESS_MAIN
