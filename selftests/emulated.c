// SPDX-License-Identifier: GPL-2.0-only
/*
 * Containers with emulated groups only: nothing is pinned by MAP, all of it by
 * the devices, page by page. The devices are those of t1x_emu.ko. What UNMAP
 * tells them is in emulated_unmap.c, real groups beside them in
 * emulated_groups.c.
 */
#include "device_edu.h"
#include "device_emu.h"
#include "suite.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define NPAGES 16
#define KTHREAD T1X_EMU_FLAG_KTHREAD
#define READ_ONLY T1X_EMU_PROT_READ
#define WRITE_ONLY T1X_EMU_PROT_WRITE
#define HIGHEST_IOVA (~0UL - T1X_PAGE + 1)

FIXTURE(emulated)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	char *mem;
};

FIXTURE_SETUP(emulated)
{
	if (!t1x_emu_load(2, 0))
		SKIP(return, "no module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));
	t1x_emu_begin(&self->emu, &self->c, &self->leak);
}

FIXTURE_TEARDOWN(emulated)
{
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

static bool pins_are(struct _test_data_emulated *self, long n)
{
	return t1x_pinned_are(&self->leak, n, n);
}

TEST_F(emulated, info_is_that_of_a_container_without_an_iommu)
{
	struct vfio_iommu_type1_info *info;
	u64 buf[512];

	ASSERT_EQ(0, __t1x_get_info(&self->c, buf, sizeof(buf)));
	info = (void *)buf;
	EXPECT_EQ(~(T1X_PAGE - 1), info->iova_pgsizes);
	EXPECT_EQ(NULL,
		  t1x_cap_find(buf, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE));
	EXPECT_EQ(65535, t1x_dma_avail(&self->c));
}

TEST_F(emulated, extensions_are_those_without_an_iommu)
{
	int fd = self->c.fd;

	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_UNMAP_ALL));
	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU));
	/* Its devices cannot bear to be without addresses */
	EXPECT_EQ(0, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR));
}

TEST_F(emulated, vaddr_cannot_be_invalidated)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(-EBUSY, __t1x_unmap_flags(&self->c, T1X_BASE, PAGES(NPAGES),
					    VFIO_DMA_UNMAP_FLAG_VADDR, NULL));
	t1x_emu_pin(&self->emu, T1X_BASE, 1);
}

TEST_F(emulated, map_pins_nothing)
{
	u32 avail = t1x_dma_avail(&self->c);

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_TRUE(pins_are(self, 0));
	EXPECT_EQ(avail - 1, t1x_dma_avail(&self->c));
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(avail, t1x_dma_avail(&self->c));
}

TEST_F(emulated, map_looks_at_neither_the_memory_nor_the_iova_space)
{
	const u64 windows[] = { 0, 0xfee00000, 1UL << 50, 1UL << 63 };
	unsigned int i;

	/* No memory there; and more than anybody has */
	for (i = 0; i < 4; i++)
		t1x_map(&self->c, (void *)T1X_1G, windows[i], 2 * T1X_PAGE);
	t1x_map(&self->c, (void *)T1X_1G, 1UL << 44, 1UL << 42);
	EXPECT_TRUE(pins_are(self, 0));
	EXPECT_EQ(-EFAULT, __t1x_emu_pin(&self->emu, 0, 1));
	EXPECT_EQ((1UL << 42) + 4 * 2 * T1X_PAGE, t1x_unmap_all(&self->c));
}

TEST_F(emulated, M41_last_page_of_the_64_bit_space_maps_pins_and_unmaps)
{
	u64 unmapped = 0;

	t1x_map(&self->c, self->mem, HIGHEST_IOVA, T1X_PAGE);
	t1x_emu_pin(&self->emu, HIGHEST_IOVA, 1);
	EXPECT_TRUE(pins_are(self, 1));
	EXPECT_EQ(0, __t1x_unmap(&self->c, HIGHEST_IOVA, T1X_PAGE, &unmapped));
	EXPECT_EQ(T1X_PAGE, unmapped);
	EXPECT_TRUE(pins_are(self, 0));
	EXPECT_EQ(0, t1x_emu_held(&self->emu));
}

TEST_F(emulated, pin_gives_the_pages_of_the_mapper)
{
	u64 pfns[NPAGES], phys[NPAGES];
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	ASSERT_EQ(NPAGES, __t1x_emu_pin_flags(&self->emu, T1X_BASE, NPAGES,
					      T1X_EMU_PROT_RW, 0, pfns));
	EXPECT_TRUE(pins_are(self, NPAGES));
	t1x_phys_range(self->mem, NPAGES, phys);
	for (i = 0; i < NPAGES; i++)
		EXPECT_EQ(phys[i], pfns[i] * T1X_PAGE);

	t1x_emu_unpin(&self->emu, T1X_BASE, NPAGES);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, pin_faults_memory_in)
{
	char *mem = mmap(NULL, PAGES(4), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u64 pfns[4];

	t1x_map(&self->c, mem, T1X_BASE, PAGES(4));
	ASSERT_EQ(4, __t1x_emu_pin_flags(&self->emu, T1X_BASE, 4,
					 T1X_EMU_PROT_RW, 0, pfns));
	EXPECT_EQ(t1x_phys(mem + PAGES(3)), pfns[3] * T1X_PAGE);
	EXPECT_TRUE(pins_are(self, 4));
	t1x_unmap(&self->c, T1X_BASE, PAGES(4));
	munmap(mem, PAGES(4));
}

TEST_F(emulated, pin_of_huge_pages_charges_what_is_pinned)
{
	char *huge = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);
	u64 pfns[2];

	if (!huge)
		SKIP(return, "no 2M page");
	t1x_map(&self->c, huge, T1X_BASE, T1X_2M);
	ASSERT_EQ(2, __t1x_emu_pin_flags(&self->emu, T1X_BASE + PAGES(7), 2,
					 T1X_EMU_PROT_RW, 0, pfns));
	EXPECT_EQ(t1x_phys(huge) + PAGES(8), pfns[1] * T1X_PAGE);
	EXPECT_TRUE(pins_are(self, 2));
	t1x_unmap(&self->c, T1X_BASE, T1X_2M);
	EXPECT_TRUE(pins_are(self, 0));
	t1x_mem_free(T1X_MEM_2M, huge, T1X_2M);
}

TEST_F(emulated, page_pinned_twice_stays_until_its_second_unpin)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_emu_pin(&self->emu, T1X_BASE, 4);
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(2), 4);
	EXPECT_TRUE(pins_are(self, 6));
	EXPECT_EQ(8, t1x_emu_held(&self->emu));

	t1x_emu_unpin(&self->emu, T1X_BASE, 4);
	EXPECT_TRUE(pins_are(self, 4));
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(2), 4);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, pages_are_unpinned_in_any_order)
{
	int i, page;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_emu_pin(&self->emu, T1X_BASE, NPAGES);
	for (i = 1; i <= NPAGES; i++) {
		page = i * 7 % NPAGES;
		t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(page), 1);
		EXPECT_TRUE(pins_are(self, NPAGES - i));
	}
}

TEST_F(emulated, pages_of_several_pins_are_unpinned_at_once)
{
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	for (i = NPAGES - 1; i >= 0; i--)
		t1x_emu_pin(&self->emu, T1X_BASE + PAGES(i), 1);
	EXPECT_TRUE(pins_are(self, NPAGES));
	t1x_emu_unpin(&self->emu, T1X_BASE, NPAGES);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, unpin_of_a_page_not_pinned_changes_nothing)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_emu_pin(&self->emu, T1X_BASE, 1);
	EXPECT_EQ(0, __t1x_emu_unpin_flags(&self->emu, T1X_BASE + T1X_PAGE, 4,
					   T1X_EMU_UNPIN_RAW));
	EXPECT_TRUE(pins_are(self, 1));
	/* And once too often */
	t1x_emu_unpin(&self->emu, T1X_BASE, 1);
	EXPECT_EQ(0, __t1x_emu_unpin_flags(&self->emu, T1X_BASE, 1,
					   T1X_EMU_UNPIN_RAW));
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, one_pin_spans_adjacent_mappings)
{
	u64 pfns[8];
	int i;

	for (i = 0; i < 4; i++)
		t1x_map(&self->c, self->mem + PAGES(2 * (3 - i)),
			T1X_BASE + PAGES(2 * i), PAGES(2));
	ASSERT_EQ(8, __t1x_emu_pin_flags(&self->emu, T1X_BASE, 8,
					 T1X_EMU_PROT_RW, 0, pfns));
	EXPECT_EQ(t1x_phys(self->mem + PAGES(6)), pfns[0] * T1X_PAGE);
	EXPECT_EQ(t1x_phys(self->mem + PAGES(5)), pfns[3] * T1X_PAGE);
	EXPECT_EQ(t1x_phys(self->mem + PAGES(1)), pfns[7] * T1X_PAGE);
	t1x_emu_unpin(&self->emu, T1X_BASE, 8);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, pin_that_fails_midway_leaves_nothing)
{
	char *hole = self->mem + PAGES(10);

	/* No mapping from page 4 to 7, no memory at page 10 */
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	t1x_map(&self->c, self->mem + PAGES(8), T1X_BASE + PAGES(8), PAGES(8));
	ASSERT_EQ(0, mprotect(hole, T1X_PAGE, PROT_NONE));

	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu, T1X_BASE, 5));
	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu, T1X_BASE + PAGES(5), 1));
	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu, T1X_BASE - T1X_PAGE, 2));
	EXPECT_EQ(-EFAULT, __t1x_emu_pin(&self->emu, T1X_BASE + PAGES(8), 8));
	EXPECT_TRUE(pins_are(self, 0));

	/* A page that was pinned before keeps that pin */
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(9), 1);
	EXPECT_EQ(-EFAULT, __t1x_emu_pin(&self->emu, T1X_BASE + PAGES(8), 3));
	EXPECT_TRUE(pins_are(self, 1));
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(9), 1);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, pin_asks_no_more_than_the_mapping_allows)
{
	struct t1x_emu *emu = &self->emu;
	u64 ro = T1X_BASE, wo = T1X_BASE + PAGES(4);

	ASSERT_EQ(0, __t1x_map_flags(&self->c, self->mem, ro, PAGES(4),
				     VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(0, __t1x_map_flags(&self->c, self->mem, wo, PAGES(4),
				     VFIO_DMA_MAP_FLAG_WRITE));
	EXPECT_EQ(-EPERM, __t1x_emu_pin(emu, ro, 1));
	EXPECT_EQ(-EPERM, __t1x_emu_pin(emu, wo, 1));
	EXPECT_EQ(-EPERM, __t1x_emu_pin_flags(emu, ro, 1, WRITE_ONLY, 0, NULL));
	EXPECT_EQ(-EPERM, __t1x_emu_pin_flags(emu, wo, 1, READ_ONLY, 0, NULL));
	/* The first five pages are of the one, the sixth is of the other */
	EXPECT_EQ(-EPERM, __t1x_emu_pin_flags(emu, ro, 5, READ_ONLY, 0, NULL));
	EXPECT_TRUE(pins_are(self, 0));

	EXPECT_EQ(4, __t1x_emu_pin_flags(emu, ro, 4, READ_ONLY, 0, NULL));
	EXPECT_EQ(4, __t1x_emu_pin_flags(emu, wo, 4, WRITE_ONLY, 0, NULL));
	EXPECT_EQ(8, t1x_locked());
	t1x_unmap_all(&self->c);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, pin_needs_memory_that_allows_what_the_mapping_says)
{
	ASSERT_EQ(0, mprotect(self->mem, PAGES(NPAGES), PROT_READ));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	EXPECT_EQ(-EFAULT, __t1x_emu_pin(&self->emu, T1X_BASE, 1));
	/* Whatever the device asks for: it is the mapping that counts */
	EXPECT_EQ(-EFAULT, __t1x_emu_pin_flags(&self->emu, T1X_BASE, 1,
					       READ_ONLY, 0, NULL));
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, number_of_pages_has_a_limit)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(600));

	t1x_map(&self->c, mem, T1X_BASE, PAGES(600));
	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu, T1X_BASE, 0));
	EXPECT_EQ(-E2BIG, __t1x_emu_pin(&self->emu, T1X_BASE, 513));
	EXPECT_EQ(-E2BIG, __t1x_emu_pin(&self->emu, T1X_BASE, 4096));
	EXPECT_GE(0, __t1x_emu_pin(&self->emu, T1X_BASE, -1));
	EXPECT_TRUE(pins_are(self, 0));

	t1x_emu_pin(&self->emu, T1X_BASE, 512);
	EXPECT_TRUE(pins_are(self, 512));
	t1x_emu_unpin(&self->emu, T1X_BASE, 512);
	t1x_unmap(&self->c, T1X_BASE, PAGES(600));
	munmap(mem, PAGES(600));
}

TEST_F(emulated, pin_that_wraps_fails)
{
	t1x_map(&self->c, self->mem, HIGHEST_IOVA - PAGES(3), PAGES(3));
	EXPECT_EQ(-t1x_wrap_errno(),
		  __t1x_emu_pin(&self->emu, HIGHEST_IOVA, 2));
	EXPECT_EQ(-t1x_wrap_errno(),
		  __t1x_emu_pin(&self->emu, HIGHEST_IOVA - PAGES(3), 5));
	t1x_emu_pin(&self->emu, HIGHEST_IOVA - PAGES(3), 3);
	EXPECT_TRUE(pins_are(self, 3));
	t1x_unmap(&self->c, HIGHEST_IOVA - PAGES(3), PAGES(3));
}

TEST_F(emulated, pins_are_held_to_the_memlock_limit)
{
	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(4));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));

	EXPECT_EQ(-ENOMEM, __t1x_emu_pin(&self->emu, T1X_BASE, 5));
	EXPECT_TRUE(pins_are(self, 0));
	t1x_emu_pin(&self->emu, T1X_BASE, 4);
	EXPECT_EQ(-ENOMEM, __t1x_emu_pin(&self->emu, T1X_BASE + PAGES(4), 1));
	/* What is pinned already costs nothing */
	t1x_emu_pin(&self->emu, T1X_BASE, 4);
	EXPECT_TRUE(pins_are(self, 4));
	t1x_emu_unpin(&self->emu, T1X_BASE, 4);
	t1x_emu_unpin(&self->emu, T1X_BASE, 1);
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(9), 1);
	EXPECT_TRUE(pins_are(self, 4));
	t1x_unmap_all(&self->c);
}

TEST_F(emulated, L13_refused_pins_do_not_flood_the_log)
{
	int kmsg = t1x_kmsg_open(), lines, i;

	t1x_drop_ipc_lock();
	t1x_set_memlock(T1X_PAGE);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	for (i = 0; i < 200; i++)
		EXPECT_EQ(-ENOMEM, __t1x_emu_pin(&self->emu, T1X_BASE, 2));

	lines = t1x_kmsg_count(kmsg, "MEMLOCK|exceeded");
	close(kmsg);
	EXPECT_GE(20, lines);
}

static int pin_in_child(void *arg)
{
	struct _test_data_emulated *self = arg;
	u64 pfns[2];

	/* What it gets is the mapper's, not what it has at that address */
	memset(self->mem, 0xcc, PAGES(2));
	if (__t1x_emu_pin_flags(&self->emu, T1X_BASE, 2, T1X_EMU_PROT_RW, 0,
				pfns) != 2)
		return 1;
	if (t1x_phys(self->mem) == pfns[0] * T1X_PAGE)
		return 2;
	return t1x_locked() ? 3 : 0;
}

TEST_F(emulated, pin_by_another_process_is_the_mappers)
{
	/* Written to: with the child's copy, the page here is still its own */
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_in_child(pin_in_child, self));
	EXPECT_TRUE(pins_are(self, 2));
	t1x_emu_unpin(&self->emu, T1X_BASE, 2);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, pin_by_a_kernel_thread_is_the_mappers)
{
	u64 pfns[2];

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	ASSERT_EQ(2, __t1x_emu_pin_flags(&self->emu, T1X_BASE, 2,
					 T1X_EMU_PROT_RW, KTHREAD, pfns));
	EXPECT_EQ(t1x_phys(self->mem), pfns[0] * T1X_PAGE);
	EXPECT_TRUE(pins_are(self, 2));
	EXPECT_EQ(0, __t1x_emu_unpin_flags(&self->emu, T1X_BASE, 2, KTHREAD));
	EXPECT_TRUE(pins_are(self, 0));
}

static int map_in_child(void *arg)
{
	struct _test_data_emulated *self = arg;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(8), 2);
	return t1x_locked() == 2 ? 0 : 1;
}

TEST_F(emulated, nothing_of_a_dead_mapper_can_be_reached)
{
	struct t1x_emu *emu = &self->emu;
	char byte;

	EXPECT_EQ(0, t1x_in_child(map_in_child, self));
	EXPECT_EQ(-ENODEV, __t1x_emu_pin(emu, T1X_BASE, 1));
	EXPECT_EQ(-EPERM, __t1x_emu_read(emu, T1X_BASE, &byte, 1));
	EXPECT_EQ(-EPERM, __t1x_emu_rw(emu, T1X_BASE, &byte, 1, KTHREAD));
	/* What it has pinned is there, and goes like any other */
	EXPECT_TRUE(t1x_pinned_are(&self->leak, 0, 2));
	t1x_emu_pin(emu, T1X_BASE + PAGES(8), 1);
	t1x_emu_unpin(emu, T1X_BASE + PAGES(8), 1);
	t1x_emu_unpin(emu, T1X_BASE + PAGES(8), 1);
	EXPECT_TRUE(t1x_pinned_are(&self->leak, 0, 1));
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, M40_pins_within_a_page_are_told_apart)
{
	const u64 at[] = { T1X_BASE + 1, T1X_BASE, T1X_BASE + 0x801 };
	u64 pfn;
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, __t1x_emu_pin_flags(&self->emu, at[i], 1,
						 T1X_EMU_PROT_RW, 0, &pfn));
		EXPECT_EQ(t1x_phys(self->mem), pfn * T1X_PAGE);
		EXPECT_TRUE(pins_are(self, i + 1));
	}
	/* Nothing is pinned there, though it is in the same page */
	EXPECT_EQ(0, __t1x_emu_unpin_flags(&self->emu, T1X_BASE + 2, 1,
					   T1X_EMU_UNPIN_RAW));
	EXPECT_TRUE(pins_are(self, 3));
	for (i = 0; i < 3; i++) {
		t1x_emu_unpin(&self->emu, at[i], 1);
		EXPECT_TRUE(pins_are(self, 2 - i));
	}
}

TEST_F(emulated, M40_pins_within_a_page_go_with_their_mapping)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_emu_pin(&self->emu, T1X_BASE + 1, 4);
	t1x_emu_pin(&self->emu, T1X_BASE, 2);
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(8) + 0xfff, 1);
	EXPECT_TRUE(pins_are(self, 7));

	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(1, t1x_emu_callbacks(&self->emu));
	EXPECT_EQ(0, t1x_emu_held(&self->emu));
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, pin_that_begins_before_a_mapping_does_not_reach_it)
{
	const u64 at[] = { T1X_BASE - 1, T1X_BASE - 0xfff };
	int i, ret;

	/* With page granularity, that is the page of the memory before it */
	t1x_map(&self->c, self->mem + T1X_PAGE, T1X_BASE, PAGES(4));
	for (i = 0; i < 2; i++) {
		ret = __t1x_emu_pin(&self->emu, at[i], 1);
		EXPECT_EQ(-EINVAL, ret);
		if (ret > 0)
			t1x_emu_unpin(&self->emu, at[i], 1);
	}
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, M36_pin_of_a_bar_fails)
{
	struct t1x_edu edu = {};
	struct t1x real;

	if (!t1x_edu(0))
		SKIP(return, "needs an edu device");
	t1x_open(&real, VFIO_TYPE1v2_IOMMU, t1x_edu(0));
	t1x_edu_open(&edu, &real, t1x_edu(0));
	t1x_map(&self->c, edu.regs, T1X_BASE, T1X_PAGE);
	t1x_map(&self->c, self->mem, T1X_BASE - PAGES(2), PAGES(2));

	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu, T1X_BASE, 1));
	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu, T1X_BASE - PAGES(2), 3));
	EXPECT_TRUE(pins_are(self, 0));
	t1x_unmap_all(&self->c);
	t1x_edu_close(&edu);
	t1x_close(&real);
}

TEST_F(emulated, read_and_write_go_to_the_mappers_memory)
{
	const u64 at[] = { 0, 1, 4095, 4096, 4097, 8000 };
	const u64 len[] = { 1, 2, 4095, 4096, 4097, 3 * 4096 };
	char *buf = malloc(PAGES(4));
	unsigned int i, j;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	for (i = 0; i < 36; i++) {
		u64 offset = at[i / 6], n = len[i % 6];

		memset(self->mem, 0, PAGES(NPAGES));
		for (j = 0; j < n; j++)
			buf[j] = j * 31 + i + 1;
		ASSERT_EQ(0, __t1x_emu_write(&self->emu, T1X_BASE + offset, buf,
					     n));
		EXPECT_EQ(0, memcmp(self->mem + offset, buf, n));
		EXPECT_EQ(0, self->mem[offset + n]);
		if (offset)
			EXPECT_EQ(0, self->mem[offset - 1]);

		memset(buf, 0, n);
		ASSERT_EQ(0, __t1x_emu_read(&self->emu, T1X_BASE + offset, buf,
					    n));
		EXPECT_EQ(0, memcmp(self->mem + offset, buf, n));
	}
	EXPECT_TRUE(pins_are(self, 0));
	free(buf);
}

TEST_F(emulated, read_and_write_span_adjacent_mappings)
{
	char buf[64];
	int i;

	/* The second half of the IOVA space lies before the first */
	t1x_map(&self->c, self->mem + PAGES(1), T1X_BASE, PAGES(1));
	t1x_map(&self->c, self->mem, T1X_BASE + PAGES(1), PAGES(1));
	for (i = 0; i < 64; i++)
		buf[i] = i + 1;
	EXPECT_EQ(0, __t1x_emu_write(&self->emu, T1X_BASE + T1X_PAGE - 32, buf,
				     64));
	EXPECT_EQ(0, memcmp(self->mem + PAGES(2) - 32, buf, 32));
	EXPECT_EQ(0, memcmp(self->mem, buf + 32, 32));
	memset(buf, 0, 64);
	EXPECT_EQ(0, __t1x_emu_read(&self->emu, T1X_BASE + T1X_PAGE - 32, buf,
				    64));
	EXPECT_EQ(1, buf[0]);
	EXPECT_EQ(64, buf[63]);
}

TEST_F(emulated, read_and_write_obey_the_mapping)
{
	struct t1x_emu *emu = &self->emu;
	u64 ro = T1X_BASE, wo = T1X_BASE + PAGES(4);
	char buf[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	ASSERT_EQ(0, __t1x_map_flags(&self->c, self->mem, ro, PAGES(2),
				     VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(0, __t1x_map_flags(&self->c, self->mem, wo, PAGES(2),
				     VFIO_DMA_MAP_FLAG_WRITE));
	memset(self->mem, 0x77, PAGES(4));
	EXPECT_EQ(-EPERM, __t1x_emu_write(emu, ro, buf, 8));
	EXPECT_EQ(0x77, self->mem[0]);
	EXPECT_EQ(0, __t1x_emu_read(emu, ro, buf, 8));
	EXPECT_EQ(0x77, buf[0]);
	/* Not even a write goes where reads may not */
	EXPECT_EQ(-EPERM, __t1x_emu_read(emu, wo, buf, 8));
	EXPECT_EQ(-EPERM, __t1x_emu_write(emu, wo, buf, 8));
}

TEST_F(emulated, read_and_write_outside_of_mappings_fail)
{
	struct t1x_emu *emu = &self->emu;
	u64 end = T1X_BASE + PAGES(2);
	char buf[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(2));
	memset(self->mem, 0, PAGES(2));
	EXPECT_EQ(-EINVAL, __t1x_emu_read(emu, T1X_BASE - 1, buf, 2));
	EXPECT_EQ(-EINVAL, __t1x_emu_write(emu, end, buf, 2));
	EXPECT_EQ(-EINVAL, __t1x_emu_read(emu, T1X_BASE, buf, 0));
	/* What lies before the end is transferred */
	EXPECT_EQ(-EINVAL, __t1x_emu_write(emu, end - 4, buf, 8));
	EXPECT_EQ(0, memcmp(self->mem + PAGES(2) - 4, buf, 4));
	memset(buf, 0, 8);
	EXPECT_EQ(-EINVAL, __t1x_emu_read(emu, end - 4, buf, 8));
	EXPECT_EQ(1, buf[0]);
	EXPECT_EQ(4, buf[3]);
}

TEST_F(emulated, read_and_write_of_memory_that_is_not_there_fail)
{
	struct t1x_emu *emu = &self->emu;
	char buf[8] = {};

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	ASSERT_EQ(0, munmap(self->mem + PAGES(2), T1X_PAGE));
	ASSERT_EQ(0, mprotect(self->mem + PAGES(3), T1X_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, __t1x_emu_read(emu, T1X_BASE + PAGES(2), buf, 8));
	EXPECT_EQ(-EFAULT, __t1x_emu_write(emu, T1X_BASE + PAGES(2), buf, 8));
	EXPECT_EQ(0, __t1x_emu_read(emu, T1X_BASE + PAGES(3), buf, 8));
	EXPECT_EQ(-EFAULT, __t1x_emu_write(emu, T1X_BASE + PAGES(3), buf, 8));
	EXPECT_EQ(-EFAULT,
		  __t1x_emu_rw(emu, T1X_BASE + PAGES(2), buf, 8, KTHREAD));
}

TEST_F(emulated, M19_kernel_addresses_are_not_memory_of_the_mapper)
{
	const u64 kernel[] = { 0xffff888000000000, 0xffffffff81000000,
			       0xffffffffffffe000 };
	struct t1x_emu *emu = &self->emu;
	char buf[8] = {};
	unsigned int i;
	u64 iova;

	for (i = 0; i < 3; i++) {
		iova = T1X_BASE + PAGES(i);
		t1x_map(&self->c, (void *)kernel[i], iova, T1X_PAGE);
		EXPECT_EQ(-EFAULT, __t1x_emu_read(emu, iova, buf, 8));
		EXPECT_EQ(-EFAULT, __t1x_emu_write(emu, iova, buf, 8));
		EXPECT_EQ(-EFAULT, __t1x_emu_rw(emu, iova, buf, 8, KTHREAD));
		EXPECT_EQ(-EFAULT, __t1x_emu_rw(emu, iova, buf, 8,
						KTHREAD | T1X_EMU_RW_WRITE));
		EXPECT_EQ(-EFAULT, __t1x_emu_pin(emu, iova, 1));
	}
	EXPECT_TRUE(pins_are(self, 0));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, buf[i]);
}

TEST_F(emulated, kernel_thread_reads_and_writes_the_mappers_memory)
{
	char buf[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, __t1x_emu_rw(&self->emu, T1X_BASE + T1X_PAGE - 4, buf, 8,
				  KTHREAD | T1X_EMU_RW_WRITE));
	EXPECT_EQ(0, memcmp(self->mem + T1X_PAGE - 4, buf, 8));
	memset(buf, 0, 8);
	EXPECT_EQ(0, __t1x_emu_rw(&self->emu, T1X_BASE + T1X_PAGE - 4, buf, 8,
				  KTHREAD));
	EXPECT_EQ(8, buf[7]);
}

static int rw_in_child(void *arg)
{
	struct _test_data_emulated *self = arg;
	char buf[8] = {};

	if (__t1x_emu_read(&self->emu, T1X_BASE, buf, 8) != -EFAULT)
		return 1;
	if (__t1x_emu_write(&self->emu, T1X_BASE, buf, 8) != -EFAULT)
		return 2;
	return __t1x_emu_rw(&self->emu, T1X_BASE, buf, 8, KTHREAD) ? 3 : 0;
}

TEST_F(emulated, another_process_cannot_read_or_write)
{
	memset(self->mem, 0x55, T1X_PAGE);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_in_child(rw_in_child, self));
	EXPECT_EQ(0x55, self->mem[0]);
}

TEST_F(emulated, closing_the_device_unpins)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_emu_pin(&self->emu, T1X_BASE, NPAGES);
	t1x_emu_pin(&self->emu, T1X_BASE, 3);
	t1x_emu_close(&self->emu);
	EXPECT_TRUE(pins_are(self, 0));

	/* The mapping has stayed */
	t1x_emu_open(&self->emu, &self->c, t1x_emu(0));
	t1x_emu_pin(&self->emu, T1X_BASE, NPAGES);
	EXPECT_TRUE(pins_are(self, NPAGES));
}

TEST_F(emulated, pins_that_a_driver_has_forgotten_go_with_the_container)
{
	if (t1x_spares_type1())
		SKIP(return, "type1 warns, and leaks them");
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_emu_pin(&self->emu, T1X_BASE, NPAGES);
	t1x_emu_config(&self->emu, T1X_EMU_UNPIN_ALL, 0,
		       T1X_EMU_CONFIG_KEEP_AT_CLOSE);
	t1x_emu_close(&self->emu);
	EXPECT_TRUE(pins_are(self, NPAGES));

	t1x_close(&self->c);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(emulated, pinned_page_stays_when_its_memory_is_unmapped)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(4));
	u64 before[4], after[4];

	t1x_map(&self->c, mem, T1X_BASE, PAGES(4));
	ASSERT_EQ(4, __t1x_emu_pin_flags(&self->emu, T1X_BASE, 4,
					 T1X_EMU_PROT_RW, 0, before));
	munmap(mem, PAGES(4));
	EXPECT_TRUE(pins_are(self, 4));
	/* It is the page pinned first that is had again */
	ASSERT_EQ(4, __t1x_emu_pin_flags(&self->emu, T1X_BASE, 4,
					 T1X_EMU_PROT_RW, 0, after));
	EXPECT_EQ(0, memcmp(before, after, sizeof(before)));
	t1x_emu_unpin(&self->emu, T1X_BASE, 4);
	t1x_emu_unpin(&self->emu, T1X_BASE, 4);
	EXPECT_TRUE(pins_are(self, 0));
	EXPECT_EQ(-EFAULT, __t1x_emu_pin(&self->emu, T1X_BASE, 1));
}

static int exit_with_pins(void *arg)
{
	struct _test_data_emulated *self = arg;

	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, t1x_emu(0));
	t1x_emu_open(&self->emu, &self->c, t1x_emu(0));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_emu_pin(&self->emu, T1X_BASE, NPAGES);
	return 0;
}

TEST_F(emulated, process_that_exits_leaves_no_pin)
{
	t1x_emu_close(&self->emu);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_in_child(exit_with_pins, self));
	EXPECT_TRUE(pins_are(self, 0));
}

/* The first container of the fixture is in the way of these */
FIXTURE(emulated_own)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	char *mem;
};

FIXTURE_SETUP(emulated_own)
{
	/* The second has no callback */
	if (!t1x_emu_load(2, 1 << 1))
		SKIP(return, "no module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));
	t1x_leak_begin(&self->leak);
}

FIXTURE_TEARDOWN(emulated_own)
{
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

TEST_F(emulated_own, v1_container_pins_nothing_but_reads_and_writes)
{
	char buf[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	t1x_open(&self->c, VFIO_TYPE1_IOMMU, t1x_emu(0));
	t1x_emu_open(&self->emu, &self->c, t1x_emu(0));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));

	EXPECT_EQ(-EACCES, __t1x_emu_pin(&self->emu, T1X_BASE, 1));
	EXPECT_EQ(-EACCES, __t1x_emu_pin(&self->emu, 0, 1));
	EXPECT_EQ(0, __t1x_emu_write(&self->emu, T1X_BASE, buf, 8));
	EXPECT_EQ(0, memcmp(self->mem, buf, 8));
	EXPECT_EQ(0, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_emu_callbacks(&self->emu));
}

TEST_F(emulated_own, v1_unmap_has_its_leniency_without_an_iommu)
{
	u64 unmapped = 1;

	t1x_open(&self->c, VFIO_TYPE1_IOMMU, t1x_emu(0));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, __t1x_unmap(&self->c, T1X_BASE + T1X_PAGE, T1X_PAGE,
				 &unmapped));
	EXPECT_EQ(0, unmapped);
	EXPECT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, T1X_PAGE, &unmapped));
	EXPECT_EQ(PAGES(NPAGES), unmapped);
}

TEST_F(emulated_own, device_without_a_callback_cannot_pin)
{
	char byte = 5;

	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, t1x_emu(1));
	t1x_emu_open(&self->emu, &self->c, t1x_emu(1));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu, T1X_BASE, 1));
	EXPECT_EQ(0, __t1x_emu_write(&self->emu, T1X_BASE, &byte, 1));
	EXPECT_EQ(5, self->mem[0]);
	EXPECT_EQ(0, t1x_locked());
}

TEST_F(emulated_own, mapping_outlives_the_device_not_the_group)
{
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, t1x_emu(0));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_emu_open(&self->emu, &self->c, t1x_emu(0));
	t1x_emu_pin(&self->emu, T1X_BASE, 1);
	EXPECT_EQ(-EBUSY, __t1x_del_group(&self->c, t1x_emu(0)));
	t1x_emu_close(&self->emu);
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));

	t1x_del_group(&self->c, t1x_emu(0));
	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
	t1x_add_group(&self->c, t1x_emu(0));
	ASSERT_EQ(0, __t1x_set_iommu(&self->c));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
}

TEST_F(emulated_own, groups_come_and_go_and_the_last_takes_the_mappings)
{
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, t1x_emu(0));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_add_group(&self->c, t1x_emu(1));
	t1x_del_group(&self->c, t1x_emu(0));
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
	t1x_add_group(&self->c, t1x_emu(0));
	t1x_del_group(&self->c, t1x_emu(1));
	t1x_emu_open(&self->emu, &self->c, t1x_emu(0));
	t1x_emu_pin(&self->emu, T1X_BASE, NPAGES);
	EXPECT_EQ(NPAGES, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_locked());
}

TEST_HARNESS_MAIN
