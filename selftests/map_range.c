// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_RANGE and UNMAP_RANGE: what goes and what stays, up to the last byte of the
 * 64-bit space, what is refused with which errno, and that a refusal changes
 * nothing. Mappings that can be cut have a suite of their own.
 */
#include "device_emu.h"
#include "device_nvme.h"
#include "dirty.h"
#include "iotable.h"
#include "ranges.h"
#include "suite.h"

#include <sys/ioctl.h>
#include <sys/mman.h>

#define NPAGES 32
#define SIZE PAGES(NPAGES)
#define QUEUES_IOVA 0x10000000UL
#define MSI_FIRST 0xfee00000UL
#define HIGHEST_PAGE (~0UL - T1X_PAGE + 1)
#define MAP VFIO_IOMMU_TYPE1X_MAP_RANGE
#define UNMAP VFIO_IOMMU_TYPE1X_UNMAP_RANGE

TEST(extension_is_there_on_type1x_alone)
{
	EXPECT_TRUE(t1x_extension_is_ours(VFIO_TYPE1X, MAP));
	EXPECT_TRUE(t1x_extension_is_ours(VFIO_TYPE1X_RANGES, UNMAP));
}

FIXTURE(map_range)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_nvme nvme;
	u32 avail;
	char *mem;
};

T1X_BOTH_TYPES(map_range);

FIXTURE_SETUP(map_range)
{
	if (!t1x_is_type1x())
		SKIP(return, "type1 has no ranges");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, t1x_nvme(0));
	self->avail = t1x_dma_avail(&self->c);
}

FIXTURE_TEARDOWN(map_range)
{
	t1x_nvme_close(&self->nvme);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static u64 page_iova(int page)
{
	return T1X_BASE + PAGES(page);
}

static int map_pages(struct t1x *c, char *mem, int first, int n)
{
	return __t1x_map_range(c, mem + PAGES(first), page_iova(first),
			       page_iova(first + n) - 1);
}

/* n pages in so many mappings are all there is */
static bool holds(struct _test_data_map_range *self, long n, u32 mappings)
{
	long locked = t1x_locked();
	u32 avail = t1x_dma_avail(&self->c);

	if (locked == n && avail == self->avail - mappings)
		return true;
	printf("# VmLck is %ld pages, expected %ld; %u entries, expected %u\n",
	       locked, n, self->avail - avail, mappings);
	return false;
}

TEST_F(map_range, unknown_extensions_and_calls_of_the_range_are_not_there)
{
	u64 arg[16] = { sizeof(arg) };
	u32 i;

	for (i = 4; i < 16; i++) {
		EXPECT_EQ(0, ioctl(self->c.fd, VFIO_CHECK_EXTENSION,
				   VFIO_TYPE1X_EXT_BASE + i));
		EXPECT_EQ(-ENOTTY,
			  __t1x_call(&self->c,
				     _IO(VFIO_TYPE, VFIO_TYPE1X_IOCTL_BASE + i),
				     arg));
	}
	EXPECT_EQ(0, ioctl(self->c.fd, VFIO_CHECK_EXTENSION,
			   VFIO_TYPE1X_EXT_BASE - 1));
}

TEST_F(map_range, range_goes_as_it_came)
{
	ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 1));
	ASSERT_EQ(0, map_pages(&self->c, self->mem, 1, NPAGES - 1));
	EXPECT_TRUE(holds(self, NPAGES, 2));
	t1x_unmap_range(&self->c, page_iova(1), page_iova(NPAGES) - 1,
			PAGES(NPAGES - 1));
	EXPECT_TRUE(holds(self, 1, 1));
	t1x_unmap_range(&self->c, page_iova(0), page_iova(1) - 1, T1X_PAGE);
	EXPECT_TRUE(holds(self, 0, 0));
	t1x_unmap_range(&self->c, page_iova(0), page_iova(1) - 1, 0);
}

TEST_F(map_range, ranges_and_the_calls_of_type1_share_the_mappings)
{
	ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 4));
	t1x_map(&self->c, self->mem, page_iova(8), PAGES(4));
	EXPECT_EQ(-EEXIST,
		  __t1x_map(&self->c, self->mem, page_iova(3), PAGES(2)));
	EXPECT_EQ(-EEXIST, map_pages(&self->c, self->mem, 7, 2));
	t1x_unmap(&self->c, page_iova(0), PAGES(4));
	t1x_unmap_range(&self->c, page_iova(8), page_iova(12) - 1, PAGES(4));
	EXPECT_TRUE(holds(self, 0, 0));
}

TEST_F(map_range, each_iova_range_maps_to_its_last_byte_and_no_further)
{
	struct t1x_range ranges[16];
	int i, n = t1x_ranges(&self->c, ranges, 16);
	u64 first, last;

	for (i = 0; i < n; i++) {
		last = ranges[i].last;
		first = last - PAGES(2) + 1;
		ASSERT_EQ(0, __t1x_map_range(&self->c, self->mem, first, last));
		EXPECT_EQ(-EEXIST, __t1x_map_range(&self->c, self->mem,
						   last - T1X_PAGE + 1, last));
		t1x_unmap_range(&self->c, first, last, PAGES(2));
		if (last == ~0UL)
			continue;
		EXPECT_EQ(-EINVAL, __t1x_map_range(&self->c, self->mem, first,
						   last + T1X_PAGE));
		EXPECT_EQ(-EINVAL, __t1x_map_range(&self->c, self->mem,
						   last + 1, last + T1X_PAGE));
	}
	if (ranges[n - 1].last != ~0UL)
		EXPECT_EQ(-EINVAL, __t1x_map_range(&self->c, self->mem,
						   HIGHEST_PAGE, ~0UL));
	EXPECT_TRUE(holds(self, 0, 0));
}

TEST_F(map_range, all_of_the_64_bit_space_goes_at_once)
{
	struct t1x_range ranges[16];
	int n = t1x_ranges(&self->c, ranges, 16);
	u64 last = ranges[n - 1].last;

	ASSERT_EQ(0, __t1x_map_range(&self->c, self->mem, 0, T1X_PAGE - 1));
	ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 5));
	ASSERT_EQ(0, __t1x_map_range(&self->c, self->mem, last - PAGES(3) + 1,
				     last));
	t1x_unmap_range(&self->c, 0, T1X_EVERYTHING, PAGES(9));
	EXPECT_TRUE(holds(self, 0, 0));
	t1x_unmap_range(&self->c, 0, T1X_EVERYTHING, 0);
	t1x_unmap_range(&self->c, HIGHEST_PAGE, ~0UL, 0);
}

TEST_F(map_range, one_call_takes_many_mappings_over_holes)
{
	int i;

	for (i = 0; i < NPAGES; i += 2)
		ASSERT_EQ(0, map_pages(&self->c, self->mem, i, 1));
	EXPECT_TRUE(holds(self, NPAGES / 2, NPAGES / 2));
	/* Both ends in holes; what lies beside the range stays */
	t1x_unmap_range(&self->c, page_iova(1), page_iova(NPAGES - 3) - 1,
			PAGES(NPAGES / 2 - 2));
	EXPECT_TRUE(holds(self, 2, 2));
	t1x_unmap_range(&self->c, 0, T1X_BASE * 2 - 1, PAGES(2));
}

/* Mappings without a granule, and each range over and beside their ends */
TEST_F(map_range, cut_of_a_mapping_is_refused_in_both_types)
{
	static const int spans[][2] = { { 2, 3 }, { 6, 1 }, { 7, 6 } };
	int first, last, i, cut, want;
	u64 npages;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, map_pages(&self->c, self->mem, spans[i][0],
				       spans[i][1]));
	for (first = 0; first < 15; first++) {
		for (last = first; last < 15; last++) {
			cut = 0;
			want = 0;
			for (i = 0; i < 3; i++) {
				int low = spans[i][0];
				int high = low + spans[i][1] - 1;

				if (first > high || last < low)
					continue;
				cut |= first > low || last < high;
				want += spans[i][1];
			}
			npages = 77;
			ASSERT_EQ(cut ? -EINVAL : 0,
				  __t1x_unmap_range(&self->c, page_iova(first),
						    page_iova(last + 1) - 1,
						    &npages));
			ASSERT_EQ(cut ? 77 : want, npages);
			for (i = 0; i < 3 && !cut && want; i++)
				map_pages(&self->c, self->mem, spans[i][0],
					  spans[i][1]);
			ASSERT_TRUE(holds(self, 10, 3));
		}
	}
}

static bool reaches(struct _test_data_map_range *self, int page)
{
	return t1x_nvme_reaches(&self->nvme, self->mem + PAGES(page),
				page_iova(page));
}

TEST_F(map_range, unmap_that_is_refused_leaves_all_to_the_device)
{
	char *mem = self->mem;
	int i;

	if (!t1x_nvme(0))
		SKIP(return, "no nvme device");
	t1x_nvme_open(&self->nvme, &self->c, t1x_nvme(0), QUEUES_IOVA);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, map_pages(&self->c, mem, 4 * i, 4));
	EXPECT_EQ(-EINVAL, __t1x_unmap_range(&self->c, page_iova(0),
					     page_iova(11) - 1, NULL));
	for (i = 0; i < 12; i++)
		EXPECT_TRUE(reaches(self, i));
	if (t1x_iotable_available(t1x_nvme(0)))
		EXPECT_EQ(0, t1x_iotable_compare(t1x_nvme(0), mem, T1X_BASE,
						 PAGES(12), true, true));
}

TEST_F(map_range, device_reaches_what_is_mapped_and_nothing_else)
{
	char *mem = self->mem;

	if (!t1x_nvme(0))
		SKIP(return, "no nvme device");
	self->leak.allow_faults = true;
	t1x_nvme_open(&self->nvme, &self->c, t1x_nvme(0), QUEUES_IOVA);
	ASSERT_EQ(0, map_pages(&self->c, mem, 0, 4));
	ASSERT_EQ(0, map_pages(&self->c, mem, 4, 4));
	EXPECT_TRUE(reaches(self, 0));
	EXPECT_TRUE(reaches(self, 7));
	EXPECT_FALSE(reaches(self, 8));
	t1x_unmap_range(&self->c, page_iova(4), page_iova(20) - 1, PAGES(4));
	EXPECT_TRUE(reaches(self, 3));
	EXPECT_FALSE(reaches(self, 4));
	EXPECT_FALSE(reaches(self, 7));
}

TEST_F(map_range, flags_are_what_the_device_may_do)
{
	struct vfio_type1x_map_range map =
		t1x_map_range_of(self->mem, T1X_BASE, page_iova(1) - 1);

	if (!t1x_nvme(0))
		SKIP(return, "no nvme device");
	self->leak.allow_faults = true;
	t1x_nvme_open(&self->nvme, &self->c, t1x_nvme(0), QUEUES_IOVA);
	map.flags = VFIO_TYPE1X_MAP_FLAG_READ;
	ASSERT_EQ(0, __t1x_call(&self->c, MAP, &map));
	EXPECT_FALSE(reaches(self, 0));
	EXPECT_EQ(0, t1x_nvme_write(&self->nvme, 0, T1X_BASE));
	t1x_unmap_range(&self->c, T1X_BASE, page_iova(1) - 1, T1X_PAGE);
	map.flags = VFIO_TYPE1X_MAP_FLAG_WRITE;
	ASSERT_EQ(0, __t1x_call(&self->c, MAP, &map));
	EXPECT_TRUE(reaches(self, 0));
}

TEST_F(map_range, map_arguments_are_checked_one_by_one)
{
	const u64 vaddr = (unsigned long)self->mem, last = page_iova(4) - 1;
	const u64 gran = VFIO_TYPE1X_MAP_FLAG_GRANULE;
	const struct {
		u64 argsz, flags, vaddr, iova, last, granule;
	} rows[] = {
		{ 0, 3, vaddr, T1X_BASE, last },
		{ 8, 3, vaddr, T1X_BASE, last },
		{ 39, 3, vaddr, T1X_BASE, last },
		{ 40, 0, vaddr, T1X_BASE, last },
		{ 40, gran, vaddr, T1X_BASE, last },
		{ 40, 3 | 1 << 2, vaddr, T1X_BASE, last },
		{ 40, 3 | 1 << 3, vaddr, T1X_BASE, last },
		{ 40, 3 | 1 << 7, vaddr, T1X_BASE, last },
		{ 40, 3 | 1 << 9, vaddr, T1X_BASE, last },
		{ 40, 3 | 1U << 31, vaddr, T1X_BASE, last },
		{ 40, 3, vaddr, T1X_BASE, last, T1X_PAGE },
		{ 40, 3, vaddr, T1X_BASE, last, 1 },
		{ 40, 3, vaddr, T1X_BASE, T1X_BASE - 1 },
		{ 40, 3, vaddr, T1X_BASE, 0 },
		{ 40, 3, vaddr, ~0UL, 0 },
		{ 40, 3, vaddr, HIGHEST_PAGE, HIGHEST_PAGE - 1 },
		{ 40, 3, vaddr, T1X_BASE, T1X_BASE },
		{ 40, 3, vaddr, T1X_BASE, last - 1 },
		{ 40, 3, vaddr, T1X_BASE, last + 1 },
		{ 40, 3, vaddr, T1X_BASE + 1, last },
		{ 40, 3, vaddr, T1X_BASE + 2048, last },
		{ 40, 3, vaddr, T1X_BASE + 2048, last + 2048 },
		{ 40, 3, vaddr + 1, T1X_BASE, last },
		{ 40, 3, vaddr + 2048, T1X_BASE, last },
		{ 40, 3, vaddr, MSI_FIRST, MSI_FIRST + T1X_PAGE - 1 },
		{ 40, 3, vaddr, MSI_FIRST - T1X_PAGE, MSI_FIRST + 4095 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vfio_type1x_map_range map = {
			rows[i].argsz, rows[i].flags, rows[i].vaddr,
			rows[i].iova,  rows[i].last,  rows[i].granule,
		};

		EXPECT_EQ(-EINVAL, __t1x_call(&self->c, MAP, &map))
		TH_LOG("row %u", i);
	}
	EXPECT_TRUE(holds(self, 0, 0));
}

TEST_F(map_range, memory_that_wraps_is_refused)
{
	int want = -t1x_wrap_errno();

	EXPECT_EQ(want, __t1x_map_range(&self->c, (void *)HIGHEST_PAGE,
					T1X_BASE, page_iova(2) - 1));
	EXPECT_EQ(want, __t1x_map_range(&self->c, (void *)T1X_PAGE, 0, ~0UL));
	/* To the last byte is not over it, but nobody's memory */
	EXPECT_EQ(-EFAULT, __t1x_map_range(&self->c, (void *)HIGHEST_PAGE,
					   T1X_BASE, page_iova(1) - 1));
	/* And what comes before it in the order of checks */
	EXPECT_EQ(-EINVAL, __t1x_map_range(&self->c, (void *)HIGHEST_PAGE,
					   T1X_BASE, T1X_BASE - 1));
	EXPECT_EQ(-EINVAL, __t1x_map_granule(&self->c, self->mem, T1X_BASE,
					     page_iova(2) - 1, 3 * T1X_PAGE));
	EXPECT_TRUE(holds(self, 0, 0));
}

TEST_F(map_range, memory_that_is_not_accessible_is_a_fault)
{
	struct vfio_type1x_map_range map =
		t1x_map_range_of(self->mem, T1X_BASE, page_iova(8) - 1);

	ASSERT_EQ(0, mprotect(self->mem + PAGES(5), T1X_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, MAP, &map));
	map.flags = VFIO_TYPE1X_MAP_FLAG_READ;
	EXPECT_EQ(0, __t1x_call(&self->c, MAP, &map));
	t1x_unmap_range(&self->c, 0, T1X_EVERYTHING, PAGES(8));
	ASSERT_EQ(0, munmap(self->mem + PAGES(5), T1X_PAGE));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, MAP, &map));
	EXPECT_EQ(-EFAULT, __t1x_map_granule(&self->c, self->mem, T1X_BASE,
					     page_iova(8) - 1, PAGES(2)));
	EXPECT_TRUE(holds(self, 0, 0));
}

TEST_F(map_range, memlock_limit_holds_to_the_page)
{
	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(8));
	EXPECT_EQ(-ENOMEM, map_pages(&self->c, self->mem, 0, 9));
	EXPECT_EQ(-ENOMEM, __t1x_map_granule(&self->c, self->mem, T1X_BASE,
					     page_iova(9) - 1, 0));
	EXPECT_TRUE(holds(self, 0, 0));
	ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 8));
	t1x_unmap_range(&self->c, 0, T1X_EVERYTHING, PAGES(8));
}

TEST_F(map_range, unmap_arguments_are_checked_one_by_one)
{
	const u64 last = page_iova(4) - 1;
	const struct vfio_type1x_unmap_range rows[] = {
		{ 0, 0, T1X_BASE, last },
		{ 24, 0, T1X_BASE, last },
		{ 55, 0, T1X_BASE, last },
		{ 56, 1 << 1, T1X_BASE, last },
		{ 56, 1 << 2, T1X_BASE, last },
		{ 56, 1U << 31, T1X_BASE, last },
		{ 56, 0, T1X_BASE, T1X_BASE - 1 },
		{ 56, 0, T1X_BASE, 0 },
		{ 56, 0, HIGHEST_PAGE, HIGHEST_PAGE - 1 },
		{ 56, 0, T1X_BASE + 1, last },
		{ 56, 0, T1X_BASE + 2048, last },
		{ 56, 0, T1X_BASE, T1X_BASE },
		{ 56, 0, T1X_BASE, last - 1 },
		{ 56, 0, T1X_BASE, last + 1 },
		{ 56, 0, T1X_BASE, ~0UL - 1 },
		{ 56, 0, T1X_BASE, last, 0, T1X_PAGE },
		{ 56, 0, T1X_BASE, last, 0, 0, 8 },
		{ 56, 0, T1X_BASE, last, 0, 0, 0, (unsigned long)self->mem },
	};
	struct vfio_type1x_unmap_range unmap;
	unsigned int i;

	ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 4));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		unmap = rows[i];
		EXPECT_EQ(-EINVAL, __t1x_call(&self->c, UNMAP, &unmap))
		TH_LOG("row %u", i);
		EXPECT_EQ(0, memcmp(&unmap, &rows[i], sizeof(unmap)));
	}
	EXPECT_TRUE(holds(self, 4, 1));
	/* What comes out need not be anything before */
	unmap = t1x_unmap_range_of(T1X_BASE, last);
	unmap.unmapped_pages = 99;
	EXPECT_EQ(0, __t1x_call(&self->c, UNMAP, &unmap));
	EXPECT_EQ(4, unmap.unmapped_pages);
}

TEST_F(map_range, bitmap_needs_v2_and_tracking)
{
	u64 word = 5;
	int ret;

	ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 4));
	ret = __t1x_unmap_range_dirty(&self->c, T1X_BASE, page_iova(4) - 1,
				      &word, NULL);
	EXPECT_EQ(variant->type == VFIO_TYPE1_IOMMU ? -EACCES : -EINVAL, ret);
	EXPECT_EQ(5, word);
	EXPECT_TRUE(holds(self, 4, 1));
}

TEST_F(map_range, longer_argument_is_one_of_the_future)
{
	struct {
		struct vfio_type1x_map_range map;
		u64 more[8];
	} map = { t1x_map_range_of(self->mem, T1X_BASE, page_iova(2) - 1) };
	struct {
		struct vfio_type1x_unmap_range unmap;
		u64 more[8];
	} unmap = { t1x_unmap_range_of(T1X_BASE, page_iova(2) - 1) };

	map.map.argsz = sizeof(map);
	unmap.unmap.argsz = 0xffffffff;
	memset(unmap.more, 0x5a, sizeof(unmap.more));
	ASSERT_EQ(0, __t1x_call(&self->c, MAP, &map));
	ASSERT_EQ(0, __t1x_call(&self->c, UNMAP, &unmap));
	EXPECT_EQ(2, unmap.unmap.unmapped_pages);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5a, unmap.more[0]);
}

TEST_F(map_range, argument_that_cannot_be_read_or_written_is_a_fault)
{
	struct vfio_type1x_unmap_range *unmap;
	struct vfio_type1x_map_range *map;
	char *page = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 4));
	ASSERT_EQ(0, mprotect(page + T1X_PAGE, T1X_PAGE, PROT_NONE));
	map = (void *)(page + T1X_PAGE - sizeof(*map) + 8);
	map->argsz = sizeof(*map);
	map->flags = T1X_RW;
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, MAP, map));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, MAP, NULL));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, UNMAP, NULL));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, UNMAP, (void *)(1UL << 63)));

	/* The number of pages could not be told: so nothing may go */
	unmap = (void *)page;
	*unmap = t1x_unmap_range_of(T1X_BASE, page_iova(4) - 1);
	ASSERT_EQ(0, mprotect(page, T1X_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, UNMAP, unmap));
	EXPECT_TRUE(holds(self, 4, 1));
	munmap(page, PAGES(2));
}

TEST_F(map_range, argument_may_lie_at_any_byte)
{
	struct vfio_type1x_unmap_range unmap;
	char *page = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at;

	/* What comes out is on the first page, on both, on the second */
	unmap = t1x_unmap_range_of(T1X_BASE, page_iova(4) - 1);
	for (at = page + T1X_PAGE - sizeof(unmap); at <= page + T1X_PAGE;
	     at++) {
		ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 4));
		unmap.unmapped_pages = 0;
		memcpy(at, &unmap, sizeof(unmap));
		ASSERT_EQ(0, __t1x_call(&self->c, UNMAP, at));
		unmap.unmapped_pages = 4;
		ASSERT_EQ(0, memcmp(at, &unmap, sizeof(unmap)));
	}
	ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 4));
	at = page + T1X_PAGE -
	     offsetof(struct vfio_type1x_unmap_range, bitmap_pgsize) + 1;
	memcpy(at, &unmap, sizeof(unmap));
	ASSERT_EQ(0, mprotect(page + T1X_PAGE, T1X_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, UNMAP, at));
	EXPECT_TRUE(holds(self, 4, 1));
	munmap(page, PAGES(2));
}

TEST_F(map_range, errors_of_a_map_come_in_the_order_of_map_dma)
{
	unsigned long limit = 0;
	u64 none = 0x7ffffffff000;

	ASSERT_EQ(0, t1x_param_get("dma_entry_limit", &limit));
	ASSERT_EQ(0, t1x_param_set("dma_entry_limit", 1));
	t1x_close(&self->c);
	t1x_open(&self->c, variant->type, NULL);
	t1x_param_set("dma_entry_limit", limit);

	ASSERT_EQ(0, map_pages(&self->c, self->mem, 0, 1));
	EXPECT_EQ(-EEXIST, map_pages(&self->c, (void *)none, 0, 1));
	EXPECT_EQ(-ENOSPC, __t1x_map_range(&self->c, (void *)none, MSI_FIRST,
					   MSI_FIRST + T1X_PAGE - 1));
	t1x_unmap_range(&self->c, 0, T1X_EVERYTHING, T1X_PAGE);
	EXPECT_EQ(-EINVAL, __t1x_map_range(&self->c, (void *)none, MSI_FIRST,
					   MSI_FIRST + T1X_PAGE - 1));
	EXPECT_EQ(-EFAULT, __t1x_map_range(&self->c, (void *)none, T1X_BASE,
					   page_iova(1) - 1));
	EXPECT_EQ(1, t1x_dma_avail(&self->c));
}

/* No IOMMU in the container: its space is all of the 64 bits */
FIXTURE(no_iommu)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	char *mem;
};

T1X_BOTH_TYPES(no_iommu);

FIXTURE_SETUP(no_iommu)
{
	if (!t1x_is_type1x() || !t1x_emu_load(1, 0))
		SKIP(return, "needs type1x and the module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, t1x_emu(0));
	t1x_emu_open(&self->emu, &self->c, t1x_emu(0));
}

FIXTURE_TEARDOWN(no_iommu)
{
	t1x_emu_close(&self->emu);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_emu_settle());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

TEST_F(no_iommu, last_page_of_the_64_bit_space_maps_and_goes)
{
	char byte = 3;
	u64 last = ~0UL;

	ASSERT_EQ(0, __t1x_map_range(&self->c, self->mem, HIGHEST_PAGE, last));
	EXPECT_EQ(0, __t1x_emu_write(&self->emu, last, &byte, 1));
	EXPECT_EQ(3, self->mem[T1X_PAGE - 1]);
	EXPECT_EQ(-EEXIST, __t1x_map_range(&self->c, self->mem,
					   HIGHEST_PAGE - T1X_PAGE, last));
	t1x_unmap_range(&self->c, HIGHEST_PAGE, last, T1X_PAGE);
	EXPECT_NE(0, __t1x_emu_write(&self->emu, last, &byte, 1));
	ASSERT_EQ(0, __t1x_map_range(&self->c, self->mem, 0, T1X_PAGE - 1));
	ASSERT_EQ(0, __t1x_map_range(&self->c, self->mem, HIGHEST_PAGE, last));
	t1x_unmap_range(&self->c, 0, last, PAGES(2));
}

TEST_F(no_iommu, one_mapping_can_be_the_whole_space)
{
	u64 npages = 0;

	ASSERT_EQ(0, __t1x_map_range(&self->c, NULL, 0, ~0UL));
	EXPECT_EQ(-EEXIST, __t1x_map_range(&self->c, NULL, HIGHEST_PAGE, ~0UL));
	EXPECT_EQ(-EINVAL,
		  __t1x_unmap_range(&self->c, T1X_PAGE, ~0UL, &npages));
	/* Every address is an IOVA now; a driver lets go of what it is told of */
	if (variant->type != VFIO_TYPE1_IOMMU)
		t1x_emu_pin(&self->emu, (unsigned long)self->mem, 4);
	ASSERT_EQ(0, __t1x_unmap_range(&self->c, 0, ~0UL, &npages));
	EXPECT_EQ(1UL << 52, npages);
	EXPECT_EQ(0, t1x_locked());
}

TEST_F(no_iommu, device_that_does_not_let_go_makes_unmap_fail_whole)
{
	u32 avail = t1x_dma_avail(&self->c);
	u64 last = T1X_BASE + 2 * SIZE - 1;

	if (variant->type == VFIO_TYPE1_IOMMU)
		SKIP(return, "devices pin in v2 only");
	ASSERT_EQ(0, __t1x_map_range(&self->c, self->mem, T1X_BASE,
				     T1X_BASE + SIZE - 1));
	ASSERT_EQ(0,
		  __t1x_map_range(&self->c, self->mem, T1X_BASE + SIZE, last));
	t1x_emu_pin(&self->emu, T1X_BASE + SIZE, 4);
	t1x_emu_config(&self->emu, T1X_EMU_REFUSE, 0, 0);
	EXPECT_EQ(-EBUSY, __t1x_unmap_range(&self->c, T1X_BASE, last, NULL));
	EXPECT_EQ(avail - 2, t1x_dma_avail(&self->c));
	EXPECT_EQ(4, t1x_locked());
	t1x_emu_config(&self->emu, T1X_EMU_UNPIN_ALL, 0, 0);
	t1x_unmap_range(&self->c, 0, T1X_EVERYTHING, 2 * SIZE);
	EXPECT_EQ(0, t1x_locked());
}

TEST_HARNESS_MAIN
