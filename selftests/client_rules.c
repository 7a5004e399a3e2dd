// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each client demands of its container, one test a client: the calls that its
 * source makes, in its order, and what it does with the answers.
 */
#include "device_edu.h"
#include "dirty.h"
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE PAGES(64)
#define INFO_LEN 4096
#define HALF 0x8000000000000000UL

FIXTURE(client_rules)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_edu edu;
	char *mem;
	void *bar;
	u64 info[INFO_LEN / 8];
};

FIXTURE_SETUP(client_rules)
{
	self->c.fd = -1;
	self->edu.dev.fd = -1;
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_leak_begin(&self->leak);
}

FIXTURE_TEARDOWN(client_rules)
{
	if (self->bar)
		munmap(self->bar, T1X_PAGE);
	if (self->edu.dev.fd >= 0)
		t1x_edu_close(&self->edu);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static int extension(struct _test_data_client_rules *self, int id)
{
	return ioctl(self->c.fd, VFIO_CHECK_EXTENSION, id);
}

/* GET_INFO in two steps: how much is there, then all of it */
static const struct vfio_iommu_type1_info *
info_of(struct _test_data_client_rules *self)
{
	struct vfio_iommu_type1_info *info = (void *)self->info;
	u32 len;

	t1x_require(!__t1x_get_info(&self->c, info, sizeof(*info)), "GET_INFO");
	len = info->argsz;
	t1x_require(len <= INFO_LEN, "GET_INFO asks for %u bytes", len);
	t1x_require(!__t1x_get_info(&self->c, info, len), "GET_INFO");
	t1x_require(info->flags & VFIO_IOMMU_INFO_CAPS, "no capabilities");
	return info;
}

/* A BAR, with its device's group in the container */
static void *open_bar(struct _test_data_client_rules *self)
{
	t1x_edu_open(&self->edu, &self->c, t1x_edu(0));
	self->bar = t1x_device_bar_map(&self->edu.dev, 0, T1X_PAGE,
				       PROT_READ | PROT_WRITE);
	return self->bar;
}

static void open_with_edu(struct _test_data_client_rules *self, int type)
{
	t1x_open(&self->c, type, t1x_edu(0));
}

/* Unmap, and demand that all of it was there */
static bool unmaps_exactly(struct _test_data_client_rules *self, u64 iova,
			   u64 size)
{
	u64 unmapped = 0;

	return !__t1x_unmap(&self->c, iova, size, &unmapped) &&
	       unmapped == size;
}

TEST_F(client_rules, qemu_maps_sections_and_unmaps_the_space_in_two_halves)
{
	u64 size;

	open_with_edu(self, VFIO_TYPE1v2_IOMMU);
	EXPECT_NE(0, extension(self, VFIO_TYPE1v2_IOMMU));
	EXPECT_NE(0, extension(self, VFIO_UNMAP_ALL));
	EXPECT_NE(0, extension(self, VFIO_UPDATE_VADDR));
	EXPECT_TRUE(info_of(self)->flags & VFIO_IOMMU_INFO_PGSIZES);
	EXPECT_NE(NULL, t1x_cap_find(self->info,
				     VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE));
	EXPECT_NE(NULL,
		  t1x_cap_find(self->info, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL));
	EXPECT_NE(NULL, t1x_cap_find(self->info,
				     VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION));

	t1x_map(&self->c, self->mem, 0, PAGES(16));
	ASSERT_EQ(0, __t1x_map_flags(&self->c, self->mem + PAGES(16), T1X_BASE,
				     PAGES(16), VFIO_DMA_MAP_FLAG_READ));
	t1x_map(&self->c, open_bar(self), T1X_BASE + T1X_2M, T1X_PAGE);
	/* A section that overlaps: EBUSY would make it unmap and try again */
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));

	ASSERT_EQ(0, __t1x_unmap(&self->c, 0, HALF, &size));
	EXPECT_EQ(PAGES(33), size);
	EXPECT_EQ(0, __t1x_unmap(&self->c, HALF, HALF, &size));
	EXPECT_EQ(0, size);
}

TEST_F(client_rules, qemu_7_unmaps_a_section_that_ends_with_the_space)
{
	u64 size;
	int ret;

	open_with_edu(self, VFIO_TYPE1v2_IOMMU);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ret = __t1x_unmap(&self->c, T1X_BASE, -T1X_BASE, &size);
	/* Its second try, for EINVAL alone, leaves out the last page */
	if (ret == -EINVAL && !t1x_is_type1x())
		ret = __t1x_unmap(&self->c, T1X_BASE, -T1X_BASE - T1X_PAGE,
				  &size);
	ASSERT_EQ(0, ret);
	if (t1x_is_type1x())
		EXPECT_EQ(SIZE, size);
	t1x_unmap_all(&self->c);
}

TEST_F(client_rules, qemu_migrates_with_argsz_8_and_reports_per_section)
{
	struct vfio_iommu_type1_dirty_bitmap start = {
		.argsz = sizeof(start),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};
	u64 bits[2] = { 0 }, size;

	ASSERT_EQ(8, sizeof(start));
	open_with_edu(self, VFIO_TYPE1v2_IOMMU);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(40));
	t1x_map(&self->c, self->mem + PAGES(40), T1X_BASE + PAGES(64),
		PAGES(8));
	ASSERT_EQ(0, ioctl(self->c.fd, VFIO_IOMMU_DIRTY_PAGES, &start));

	/* The device says nothing of what it writes: all of it */
	ASSERT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, PAGES(40), bits));
	EXPECT_EQ((1UL << 40) - 1, bits[0]);
	/* An entry of a vIOMMU's IOTLB goes */
	bits[0] = 0;
	ASSERT_EQ(0, __t1x_dirty_unmap(&self->c, T1X_BASE + PAGES(64), PAGES(8),
				       bits, &size));
	EXPECT_EQ(PAGES(8), size);
	EXPECT_EQ(0xff, bits[0]);

	start.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	EXPECT_EQ(0, ioctl(self->c.fd, VFIO_IOMMU_DIRTY_PAGES, &start));
	t1x_unmap(&self->c, T1X_BASE, PAGES(40));
}

TEST_F(client_rules, qemu_nvme_drains_its_window_when_it_is_full)
{
	unsigned long limit;
	u64 iova, size;
	int i, ret = 0;

	ASSERT_EQ(0, t1x_param_get("dma_entry_limit", &limit));
	ASSERT_EQ(0, t1x_param_set("dma_entry_limit", 8));
	open_with_edu(self, VFIO_TYPE1_IOMMU);
	t1x_param_set("dma_entry_limit", limit);
	info_of(self);
	ASSERT_NE(NULL, t1x_cap_find(self->info,
				     VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE));

	t1x_map(&self->c, self->mem, 0x10000, PAGES(16));
	for (i = 0; !ret && i < 16; i++) {
		iova = T1X_BASE + PAGES(3 * i);
		ret = __t1x_map(&self->c, self->mem + PAGES(i), iova, T1X_PAGE);
	}
	/* ENOMEM and ENOSPC mean: take back all that is temporary, try once more */
	ASSERT_TRUE(ret == -ENOSPC || ret == -ENOMEM);
	/* In one call, holes and all; what it says of the size is not looked at */
	ASSERT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, T1X_1G, &size));
	EXPECT_EQ(0, __t1x_map(&self->c, self->mem, iova, T1X_PAGE));
	EXPECT_EQ(PAGES(17), t1x_unmap_all(&self->c));
}

TEST_F(client_rules, dpdk_takes_a_known_mapping_for_done)
{
	open_with_edu(self, VFIO_TYPE1_IOMMU);
	/* Anything but 1 is no, anything below 0 the end */
	EXPECT_EQ(1, extension(self, VFIO_TYPE1_IOMMU));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8));
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8)));
	/* A size that differs is EIO to its caller */
	EXPECT_TRUE(unmaps_exactly(self, T1X_BASE, PAGES(8)));
}

TEST_F(client_rules, spdk_finds_the_container_among_its_files)
{
	char path[64], link[64] = "";
	char *mem = t1x_mem_alloc(T1X_MEM_2M, 2 * T1X_2M);

	open_with_edu(self, VFIO_TYPE1_IOMMU);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->c.fd);
	ASSERT_LT(0, readlink(path, link, sizeof(link) - 1));
	EXPECT_STREQ("/dev/vfio/vfio", link);

	if (!mem)
		SKIP(return, "no huge pages");
	t1x_map(&self->c, mem, T1X_BASE, 2 * T1X_2M);
	/* A part of it: nothing goes, and that is no error */
	EXPECT_FALSE(unmaps_exactly(self, T1X_BASE + T1X_2M, T1X_2M));
	EXPECT_TRUE(unmaps_exactly(self, T1X_BASE, 2 * T1X_2M));
	t1x_mem_free(T1X_MEM_2M, mem, 2 * T1X_2M);
}

TEST_F(client_rules, libvfn_walks_the_chain_without_a_look_at_its_start)
{
	const struct vfio_iommu_type1_info *info;

	open_with_edu(self, VFIO_TYPE1_IOMMU);
	info = info_of(self);
	EXPECT_LE(sizeof(*info), info->cap_offset);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(16));
	EXPECT_TRUE(unmaps_exactly(self, T1X_BASE, PAGES(16)));
	/* UNMAP_ALL, of which it has not asked whether it is there */
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(16));
	EXPECT_EQ(PAGES(16), t1x_unmap_all(&self->c));
}

TEST_F(client_rules, rust_vmm_demands_1_and_the_size_that_it_asked_for)
{
	open_with_edu(self, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(1, extension(self, VFIO_TYPE1v2_IOMMU));
	t1x_map(&self->c, self->mem, 0, SIZE);
	/* Its guests do peer to peer: a BAR that cannot be mapped is the end */
	t1x_map(&self->c, open_bar(self), T1X_BASE, T1X_PAGE);
	EXPECT_TRUE(unmaps_exactly(self, T1X_BASE, T1X_PAGE));
	EXPECT_TRUE(unmaps_exactly(self, 0, SIZE));
}

TEST_F(client_rules, crosvm_requires_page_sizes_and_iova_ranges)
{
	const struct vfio_iommu_type1_info_cap_iova_range *cap;

	open_with_edu(self, VFIO_TYPE1v2_IOMMU);
	/* It asks for a type of its own first */
	EXPECT_EQ(0, extension(self, 100001));
	EXPECT_TRUE(info_of(self)->flags & VFIO_IOMMU_INFO_PGSIZES);
	cap = t1x_cap_find(self->info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ASSERT_NE(NULL, cap);
	EXPECT_EQ(1, cap->header.version);
	EXPECT_LT(0, cap->nr_iovas);
	ASSERT_EQ(0, __t1x_map_flags(&self->c, self->mem, T1X_BASE, SIZE,
				     VFIO_DMA_MAP_FLAG_READ));
	EXPECT_TRUE(unmaps_exactly(self, T1X_BASE, SIZE));
}

TEST_F(client_rules, libblkio_requires_ranges_that_do_not_overlap)
{
	struct t1x_range ranges[16];
	int i, n;

	open_with_edu(self, VFIO_TYPE1v2_IOMMU);
	info_of(self);
	EXPECT_NE(NULL,
		  t1x_cap_find(self->info, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL));
	n = t1x_ranges(&self->c, ranges, 16);
	ASSERT_LT(0, n);
	for (i = 1; i < n; i++)
		EXPECT_LT(ranges[i - 1].last, ranges[i].start);
	t1x_map(&self->c, self->mem, ranges[0].start + T1X_2M, SIZE);
	EXPECT_TRUE(unmaps_exactly(self, ranges[0].start + T1X_2M, SIZE));
}

TEST_F(client_rules, vpp_maps_each_page_and_never_unmaps)
{
	int i;

	open_with_edu(self, VFIO_TYPE1_IOMMU);
	EXPECT_LT(0, extension(self, VFIO_TYPE1_IOMMU));
	for (i = 0; i < 64; i++)
		t1x_map(&self->c, self->mem + PAGES(i), T1X_BASE + PAGES(i),
			T1X_PAGE);
	/* Closing it gives all back: the fixture looks */
}

TEST_F(client_rules, qatlib_maps_slabs_and_takes_eexist_for_done)
{
	open_with_edu(self, VFIO_TYPE1_IOMMU);
	info_of(self);
	EXPECT_NE(NULL, t1x_cap_find(self->info,
				     VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(32));
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, PAGES(32)));
	EXPECT_TRUE(unmaps_exactly(self, T1X_BASE, PAGES(32)));
}

TEST_F(client_rules, kvmtool_maps_banks_and_unmaps_them_unseen)
{
	open_with_edu(self, VFIO_TYPE1v2_IOMMU);
	EXPECT_NE(0, extension(self, VFIO_TYPE1v2_IOMMU));
	t1x_map(&self->c, self->mem, 0, PAGES(32));
	t1x_map(&self->c, self->mem + PAGES(32), 1UL << 32, PAGES(32));
	__t1x_unmap(&self->c, 0, PAGES(32), NULL);
	__t1x_unmap(&self->c, 1UL << 32, PAGES(32), NULL);
	EXPECT_EQ(0, t1x_unmap_all(&self->c));
}

static void *set_iommu(void *arg)
{
	return (void *)(long)__t1x_set_iommu(arg);
}

TEST_F(client_rules, kselftest_races_for_set_iommu_and_overflows)
{
	pthread_t threads[4];
	struct t1x_range ranges[16];
	int i, n, won = 0;
	void *ret;
	u64 top;

	/* As the kernel's own tests do; those run too, on every lane */
	self->c.type = VFIO_TYPE1v2_IOMMU;
	self->c.fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->c.fd);
	t1x_add_group(&self->c, t1x_edu(0));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, set_iommu,
					    &self->c));
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &ret);
		won += !ret;
		EXPECT_TRUE(!ret || (long)ret == -EINVAL);
	}
	EXPECT_EQ(1, won);

	EXPECT_EQ(-t1x_wrap_errno(),
		  __t1x_map(&self->c, self->mem, -T1X_PAGE, PAGES(2)));
	EXPECT_EQ(-t1x_wrap_errno(),
		  __t1x_unmap(&self->c, -T1X_PAGE, PAGES(2), NULL));

	/* Up to the last page of the last range */
	n = t1x_ranges(&self->c, ranges, 16);
	ASSERT_LT(0, n);
	top = ranges[n - 1].last;
	t1x_map(&self->c, self->mem, top - T1X_PAGE + 1, T1X_PAGE);
	EXPECT_EQ(T1X_PAGE, t1x_unmap_all(&self->c));
}

TEST_F(client_rules, awilliam_tests_unmap_huge_maps_backwards_by_4k)
{
	char *mem = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);
	u64 size, sum = 0;
	int i;

	open_with_edu(self, VFIO_TYPE1_IOMMU);
	if (!mem)
		SKIP(return, "no huge pages");
	t1x_map(&self->c, mem, T1X_BASE, T1X_2M);
	EXPECT_NE(0, __t1x_map(&self->c, mem, T1X_BASE, T1X_2M));
	for (i = 511; i >= 0; i--) {
		ASSERT_EQ(0, __t1x_unmap(&self->c, T1X_BASE + PAGES(i),
					 T1X_PAGE, &size));
		sum += size;
	}
	EXPECT_EQ(T1X_2M, sum);
	EXPECT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, T1X_2M, &size));
	EXPECT_EQ(0, size);
	t1x_mem_free(T1X_MEM_2M, mem, T1X_2M);
}

TEST_F(client_rules, openvmm_and_tinygrad_map_memory_and_bars)
{
	open_with_edu(self, VFIO_TYPE1v2_IOMMU);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	EXPECT_EQ(0, __t1x_map(&self->c, open_bar(self), T1X_BASE + T1X_2M,
			       T1X_PAGE));
	EXPECT_TRUE(unmaps_exactly(self, T1X_BASE + T1X_2M, T1X_PAGE));
	EXPECT_TRUE(unmaps_exactly(self, T1X_BASE, SIZE));
}

TEST_HARNESS_MAIN
