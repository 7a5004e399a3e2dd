// SPDX-License-Identifier: GPL-2.0-only
/* What is refused, with which errno, and that a refusal changes nothing. */
#include "suite.h"

#include <sys/ioctl.h>
#include <sys/mman.h>

#define NPAGES 16
#define MSI_FIRST 0xfee00000UL
#define MSI_END 0xfef00000UL

FIXTURE(limits)
{
	struct t1x c;
	struct t1x_leak leak;
	char *mem;
};

T1X_BOTH_TYPES(limits);

FIXTURE_SETUP(limits)
{
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, NULL);
}

FIXTURE_TEARDOWN(limits)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

TEST_F(limits, memlock_allows_exactly_the_limit)
{
	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(8));

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8));
	EXPECT_EQ(8, t1x_locked());
	EXPECT_EQ(-ENOMEM, __t1x_map(&self->c, self->mem + PAGES(8),
				     T1X_BASE + PAGES(8), T1X_PAGE));
	t1x_unmap(&self->c, T1X_BASE, PAGES(8));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8));
	t1x_unmap(&self->c, T1X_BASE, PAGES(8));
}

TEST_F(limits, map_over_the_memlock_limit_changes_nothing)
{
	u32 avail = t1x_dma_avail(&self->c);
	long pins = t1x_pins();
	u64 size = 1;

	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(8));

	EXPECT_EQ(-ENOMEM, __t1x_map(&self->c, self->mem, T1X_BASE, PAGES(9)));
	EXPECT_EQ(0, t1x_locked());
	EXPECT_EQ(pins, t1x_pins());
	EXPECT_EQ(avail, t1x_dma_avail(&self->c));
	ASSERT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, PAGES(9), &size));
	EXPECT_EQ(0, size);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8));
}

TEST_F(limits, L13_refused_maps_do_not_flood_the_log)
{
	int kmsg = t1x_kmsg_open(), lines, i;

	t1x_drop_ipc_lock();
	t1x_set_memlock(0);
	for (i = 0; i < 200; i++)
		EXPECT_EQ(-ENOMEM,
			  __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));

	lines = t1x_kmsg_count(kmsg, "exceeded");
	close(kmsg);
	EXPECT_GE(20, lines);
}

TEST_F(limits, memlock_counts_what_mlock_has_taken)
{
	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(8));
	ASSERT_EQ(0, mlock(self->mem, PAGES(4)));

	EXPECT_EQ(-ENOMEM, __t1x_map(&self->c, self->mem, T1X_BASE, PAGES(5)));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	EXPECT_EQ(8, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, PAGES(4));
	EXPECT_EQ(4, t1x_locked());
	munlock(self->mem, PAGES(4));
}

TEST_F(limits, a_limit_of_zero_refuses_the_first_page)
{
	t1x_drop_ipc_lock();
	t1x_set_memlock(0);
	EXPECT_EQ(-ENOMEM, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
}

TEST_F(limits, ipc_lock_capability_lifts_the_memlock_limit)
{
	t1x_set_memlock(T1X_PAGE);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(NPAGES, t1x_locked());

	/* Charged without a limit, given back without the capability */
	t1x_drop_ipc_lock();
	EXPECT_EQ(-ENOMEM, __t1x_map(&self->c, self->mem, 0, T1X_PAGE));
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_locked());
}

TEST_F(limits, each_reported_range_maps_at_both_ends_and_not_beyond)
{
	struct t1x_range ranges[16];
	int i, n = t1x_ranges(&self->c, ranges, 16);

	for (i = 0; i < n; i++) {
		u64 first = ranges[i].start;
		u64 end = ranges[i].last - T1X_PAGE + 1;

		if (ranges[i].last == UINT64_MAX)
			end -= T1X_PAGE; /* has tests of its own */
		t1x_map(&self->c, self->mem, first, T1X_PAGE);
		t1x_unmap(&self->c, first, T1X_PAGE);
		t1x_map(&self->c, self->mem, end, T1X_PAGE);
		t1x_unmap(&self->c, end, T1X_PAGE);
		if (first)
			EXPECT_EQ(-EINVAL,
				  __t1x_map(&self->c, self->mem,
					    first - T1X_PAGE, PAGES(2)));
		if (ranges[i].last == UINT64_MAX)
			continue;
		EXPECT_EQ(-EINVAL,
			  __t1x_map(&self->c, self->mem, end, PAGES(2)));
		EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem,
					     end + T1X_PAGE, T1X_PAGE));
	}
	EXPECT_LT(0, n);
}

TEST_F(limits, msi_window_is_refused_page_by_page)
{
	static const struct {
		u64 iova;
		int pages, ret;
	} rows[] = {
		{ MSI_FIRST, 1, -EINVAL },
		{ MSI_FIRST + PAGES(7), 1, -EINVAL },
		{ MSI_END - T1X_PAGE, 1, -EINVAL },
		{ MSI_FIRST - T1X_PAGE, 2, -EINVAL },
		{ MSI_END - T1X_PAGE, 2, -EINVAL },
		{ MSI_FIRST - T1X_PAGE, 1, 0 },
		{ MSI_END, 1, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_EQ(rows[i].ret,
			  __t1x_map(&self->c, self->mem, rows[i].iova,
				    PAGES(rows[i].pages)));
	EXPECT_EQ(PAGES(2), t1x_unmap_all(&self->c));
}

TEST_F(limits, map_that_wraps_is_refused)
{
	int want = -t1x_wrap_errno();

	EXPECT_EQ(want, __t1x_map(&self->c, self->mem, -T1X_PAGE, PAGES(2)));
	EXPECT_EQ(want, __t1x_map(&self->c, self->mem, -PAGES(4), PAGES(5)));
	EXPECT_EQ(want, __t1x_map(&self->c, self->mem, T1X_PAGE, -T1X_PAGE));
	EXPECT_EQ(want,
		  __t1x_map(&self->c, (void *)-T1X_PAGE, T1X_BASE, PAGES(2)));
	EXPECT_EQ(0, t1x_unmap_all(&self->c));
}

TEST_F(limits, unmap_that_wraps_is_refused)
{
	int want = -t1x_wrap_errno();

	t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	EXPECT_EQ(want, __t1x_unmap(&self->c, -T1X_PAGE, PAGES(2), NULL));
	EXPECT_EQ(want,
		  __t1x_unmap(&self->c, T1X_BASE, -T1X_BASE + T1X_PAGE, NULL));
	EXPECT_EQ(want, __t1x_unmap(&self->c, PAGES(2), -T1X_PAGE, NULL));
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
}

TEST_F(limits, last_page_of_the_64_bit_space_maps_once_and_unmaps)
{
	struct t1x_range ranges[16];
	int n = t1x_ranges(&self->c, ranges, 16);
	u64 size = 0;

	if (ranges[n - 1].last != UINT64_MAX)
		SKIP(return, "the IOMMU's space ends below");

	t1x_map(&self->c, self->mem, -T1X_PAGE, T1X_PAGE);
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, -T1X_PAGE, T1X_PAGE));
	t1x_unmap(&self->c, -T1X_PAGE, T1X_PAGE);

	t1x_map(&self->c, self->mem, -PAGES(2), PAGES(2));
	ASSERT_EQ(0, __t1x_unmap(&self->c, 1ULL << 63, 1ULL << 63, &size));
	EXPECT_EQ(PAGES(2), size);

	t1x_map(&self->c, self->mem, -PAGES(3), PAGES(3));
	EXPECT_EQ(PAGES(3), t1x_unmap_all(&self->c));
}

TEST_F(limits, last_page_of_the_64_bit_space_goes_with_the_container)
{
	struct t1x_range ranges[16];
	int n = t1x_ranges(&self->c, ranges, 16);

	if (ranges[n - 1].last != UINT64_MAX)
		SKIP(return, "the IOMMU's space ends below");

	t1x_map(&self->c, self->mem, -PAGES(4), PAGES(4));
	/* The teardown closes and counts the pins */
}

TEST_F(limits, last_page_beyond_the_aperture_is_refused)
{
	struct t1x_range ranges[16];
	int n = t1x_ranges(&self->c, ranges, 16);

	if (ranges[n - 1].last == UINT64_MAX)
		SKIP(return, "the IOMMU translates all of the 64-bit space");

	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, -T1X_PAGE, T1X_PAGE));
}

TEST_F(limits, map_arguments_are_checked_one_by_one)
{
	const u64 vaddr = (unsigned long)self->mem;
	const struct vfio_iommu_type1_dma_map rows[] = {
		{ 0, 3, vaddr, T1X_BASE, T1X_PAGE },
		{ 31, 3, vaddr, T1X_BASE, T1X_PAGE },
		{ 32, 0, vaddr, T1X_BASE, T1X_PAGE },
		{ 32, 3 | 1u << 3, vaddr, T1X_BASE, T1X_PAGE },
		{ 32, 3 | 1u << 31, vaddr, T1X_BASE, T1X_PAGE },
		{ 32, 3 | VFIO_DMA_MAP_FLAG_VADDR, vaddr, T1X_BASE, T1X_PAGE },
		{ 32, 1 | VFIO_DMA_MAP_FLAG_VADDR, vaddr, T1X_BASE, T1X_PAGE },
		{ 32, 3, vaddr, T1X_BASE, 0 },
		{ 32, 3, vaddr, T1X_BASE, 1 },
		{ 32, 3, vaddr, T1X_BASE, T1X_PAGE + 1 },
		{ 32, 3, vaddr, T1X_BASE, T1X_PAGE - 1 },
		{ 32, 3, vaddr + 1, T1X_BASE, T1X_PAGE },
		{ 32, 3, vaddr + 512, T1X_BASE, T1X_PAGE },
		{ 32, 3, vaddr, T1X_BASE + 1, T1X_PAGE },
		{ 32, 3, vaddr, T1X_BASE + 2048, T1X_PAGE },
	};
	struct vfio_iommu_type1_dma_map map;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		map = rows[i];
		EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_MAP_DMA, &map))
		TH_LOG("row %u was accepted", i);
		EXPECT_EQ(EINVAL, errno) TH_LOG("row %u", i);
	}
	EXPECT_EQ(0, t1x_unmap_all(&self->c));
}

TEST_F(limits, unmap_arguments_are_checked_one_by_one)
{
	const u32 all = VFIO_DMA_UNMAP_FLAG_ALL;
	const u32 get = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	const u32 vaddr = VFIO_DMA_UNMAP_FLAG_VADDR;
	const struct {
		u32 argsz, flags;
		u64 iova, size;
	} rows[] = {
		{ 0, 0, T1X_BASE, T1X_PAGE },
		{ 23, 0, T1X_BASE, T1X_PAGE },
		{ 24, 1u << 3, T1X_BASE, T1X_PAGE },
		{ 24, 1u << 31, T1X_BASE, T1X_PAGE },
		{ 24, get, T1X_BASE, T1X_PAGE },
		{ 48, get | all, 0, 0 },
		{ 48, get | vaddr, T1X_BASE, T1X_PAGE },
		{ 24, 0, T1X_BASE, 0 },
		{ 24, 0, T1X_BASE, 1 },
		{ 24, 0, T1X_BASE, T1X_PAGE - 1 },
		{ 24, 0, T1X_BASE + 1, T1X_PAGE },
		{ 24, 0, T1X_BASE + 2048, T1X_PAGE },
	};
	union {
		struct vfio_iommu_type1_dma_unmap head;
		char room[64];
	} unmap;
	unsigned int i;

	t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&unmap, 0, sizeof(unmap));
		unmap.head.argsz = rows[i].argsz;
		unmap.head.flags = rows[i].flags;
		unmap.head.iova = rows[i].iova;
		unmap.head.size = rows[i].size;
		EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_UNMAP_DMA, &unmap))
		TH_LOG("row %u was accepted", i);
		EXPECT_EQ(EINVAL, errno) TH_LOG("row %u", i);
	}
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
}

TEST_F(limits, larger_argsz_is_accepted)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = UINT32_MAX,
		.flags = T1X_RW,
		.vaddr = (unsigned long)self->mem,
		.iova = T1X_BASE,
		.size = T1X_PAGE,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = UINT32_MAX,
		.iova = T1X_BASE,
		.size = T1X_PAGE,
	};

	EXPECT_EQ(0, ioctl(self->c.fd, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(0, ioctl(self->c.fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(T1X_PAGE, unmap.size);
}

TEST_F(limits, unreadable_argument_is_a_fault)
{
	void *none = mmap(NULL, T1X_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_MAP_DMA, none));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_UNMAP_DMA, none));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_GET_INFO, none));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_MAP_DMA, NULL));
	EXPECT_EQ(EFAULT, errno);
}

FIXTURE(entry_limit)
{
	struct t1x c;
	struct t1x_leak leak;
	unsigned long saved;
	char *mem;
};

T1X_BOTH_TYPES(entry_limit);

#define ENTRIES 3

FIXTURE_SETUP(entry_limit)
{
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));
	t1x_leak_begin(&self->leak);
	ASSERT_EQ(0, t1x_param_get("dma_entry_limit", &self->saved));
	ASSERT_EQ(0, t1x_param_set("dma_entry_limit", ENTRIES));
	t1x_open(&self->c, variant->type, NULL);
	t1x_param_set("dma_entry_limit", self->saved);
}

FIXTURE_TEARDOWN(entry_limit)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static void fill(struct t1x *c, char *mem)
{
	int i;

	for (i = 0; i < ENTRIES; i++)
		t1x_map(c, mem, T1X_BASE + PAGES(i), T1X_PAGE);
}

TEST_F(entry_limit, default_is_65535)
{
	EXPECT_EQ(65535, self->saved);
}

TEST_F(entry_limit, mappings_are_refused_beyond_the_limit)
{
	fill(&self->c, self->mem);
	EXPECT_EQ(-ENOSPC, __t1x_map(&self->c, self->mem,
				     T1X_BASE + PAGES(ENTRIES), T1X_PAGE));
	EXPECT_EQ(ENTRIES, t1x_locked());

	t1x_unmap(&self->c, T1X_BASE + T1X_PAGE, T1X_PAGE);
	t1x_map(&self->c, self->mem, T1X_BASE + PAGES(ENTRIES), T1X_PAGE);
	EXPECT_EQ(-ENOSPC, __t1x_map(&self->c, self->mem, T1X_BASE + T1X_PAGE,
				     T1X_PAGE));
}

TEST_F(entry_limit, dma_avail_counts_every_entry)
{
	int i;

	EXPECT_EQ(ENTRIES, t1x_dma_avail(&self->c));
	for (i = 0; i < ENTRIES; i++) {
		t1x_map(&self->c, self->mem, T1X_BASE + PAGES(2 * i),
			PAGES(1 + i % 2));
		EXPECT_EQ(ENTRIES - 1 - i, t1x_dma_avail(&self->c));
	}
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
	EXPECT_EQ(1, t1x_dma_avail(&self->c));
	t1x_unmap_all(&self->c);
	EXPECT_EQ(ENTRIES, t1x_dma_avail(&self->c));
}

TEST_F(entry_limit, failed_map_gives_its_entry_back)
{
	void *none = mmap(NULL, T1X_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	for (i = 0; i < 2 * ENTRIES; i++)
		EXPECT_EQ(-EFAULT,
			  __t1x_map(&self->c, none, T1X_BASE, T1X_PAGE));
	EXPECT_EQ(ENTRIES, t1x_dma_avail(&self->c));
	fill(&self->c, self->mem);
}

TEST_F(entry_limit, limit_is_read_when_the_container_opens)
{
	struct t1x other;
	const char *bdf = t1x_edu(1);

	if (!bdf)
		SKIP(return, "needs a second edu device");

	/* The fixture has put the parameter back: this one is not bound by it */
	t1x_open(&other, variant->type, bdf);
	EXPECT_EQ(self->saved, t1x_dma_avail(&other));
	EXPECT_EQ(ENTRIES, t1x_dma_avail(&self->c));
	t1x_close(&other);
}

TEST_F(entry_limit, errors_come_in_the_order_overlap_limit_range)
{
	fill(&self->c, self->mem);
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
	EXPECT_EQ(-ENOSPC, __t1x_map(&self->c, self->mem, MSI_FIRST, T1X_PAGE));
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, MSI_FIRST, T1X_PAGE));
}

TEST_HARNESS_MAIN
