// SPDX-License-Identifier: GPL-2.0-only
/* GET_INFO and its capabilities byte by byte, CHECK_EXTENSION, unknown calls. */
#include "suite.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INFO_MIN 16 /* up to iova_pgsizes */
#define BUF_LEN 4352
#define POISON 0xa5

FIXTURE(info_caps)
{
	struct t1x c;
	struct t1x_leak leak;
	char *mem;
};

T1X_BOTH_TYPES(info_caps);

FIXTURE_SETUP(info_caps)
{
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(4));
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, NULL);
}

FIXTURE_TEARDOWN(info_caps)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static int get_info(int fd, void *buf, u32 argsz)
{
	struct vfio_iommu_type1_info *info = buf;

	memset(buf, POISON, BUF_LEN);
	info->argsz = argsz;
	return ioctl(fd, VFIO_IOMMU_GET_INFO, buf) ? -errno : 0;
}

static u32 full_size(int fd)
{
	struct vfio_iommu_type1_info *info;
	u64 buf[BUF_LEN / 8];
	int ret = get_info(fd, buf, INFO_MIN);

	info = (void *)buf;
	t1x_require(!ret, "GET_INFO with argsz %d: %s", INFO_MIN,
		    strerror(-ret));
	return info->argsz;
}

/* How much of the fixed part is copied out */
static u32 copied(u32 argsz)
{
	if (t1x_kernel_at_least(6, 2))
		return argsz < 24 ? argsz : 24;
	return argsz < 20 ? INFO_MIN : 20;
}

/* First byte at or after from that is not poison, BUF_LEN if there is none */
static u32 first_written(const void *buf, u32 from)
{
	const unsigned char *bytes = buf;

	while (from < BUF_LEN && bytes[from] == POISON)
		from++;
	return from;
}

TEST_F(info_caps, argsz_below_the_minimum_is_refused)
{
	u64 buf[BUF_LEN / 8];
	u32 argsz;

	for (argsz = 0; argsz < INFO_MIN; argsz++) {
		ASSERT_EQ(-EINVAL, get_info(self->c.fd, buf, argsz));
		ASSERT_EQ(BUF_LEN, first_written(buf, 4));
	}
}

TEST_F(info_caps, short_argsz_reports_the_size_and_writes_no_capability)
{
	struct vfio_iommu_type1_info *info;
	u64 buf[BUF_LEN / 8];
	u32 full = full_size(self->c.fd);
	u32 argsz;

	info = (void *)buf;
	for (argsz = INFO_MIN; argsz < full; argsz++) {
		ASSERT_EQ(0, get_info(self->c.fd, buf, argsz));
		ASSERT_EQ(full, info->argsz);
		ASSERT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
			  info->flags);
		ASSERT_EQ(BUF_LEN, first_written(buf, copied(argsz)))
		TH_LOG("argsz %u", argsz);
		if (argsz >= 20)
			ASSERT_EQ(0, info->cap_offset);
	}
}

TEST_F(info_caps, long_argsz_writes_exactly_the_reported_size)
{
	struct vfio_iommu_type1_info *info;
	u64 buf[BUF_LEN / 8];
	u32 full = full_size(self->c.fd);
	u32 argsz;

	info = (void *)buf;
	ASSERT_LE(full, 4096);
	for (argsz = full; argsz <= 4096; argsz += argsz < full + 16 ? 1 : 97) {
		ASSERT_EQ(0, get_info(self->c.fd, buf, argsz));
		ASSERT_EQ(argsz, info->argsz);
		ASSERT_EQ(24, info->cap_offset);
		ASSERT_EQ(BUF_LEN, first_written(buf, full))
		TH_LOG("argsz %u", argsz);
	}
}

TEST_F(info_caps, capability_chain_is_closed_and_complete)
{
	bool seen[4] = { false };
	u64 buf[BUF_LEN / 8];
	const struct vfio_info_cap_header *cap;
	u32 full = full_size(self->c.fd);
	u32 offset = 24;

	ASSERT_EQ(0, get_info(self->c.fd, buf, full));
	while (offset) {
		cap = (const void *)((const char *)buf + offset);
		ASSERT_LE(offset + sizeof(*cap), full);
		ASSERT_TRUE(cap->id >= 1 && cap->id <= 3)
		TH_LOG("capability %u", cap->id);
		ASSERT_EQ(1, cap->version);
		ASSERT_FALSE(seen[cap->id]);
		seen[cap->id] = true;
		/* Forward only: so the chain ends */
		ASSERT_TRUE(!cap->next || cap->next > offset);
		offset = cap->next;
	}
	EXPECT_TRUE(seen[VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE]);
	EXPECT_TRUE(seen[VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL]);
}

TEST_F(info_caps, migration_capability_names_one_page_size)
{
	const struct vfio_iommu_type1_info_cap_migration *cap;
	u64 buf[BUF_LEN / 8];
	u32 hole;

	ASSERT_EQ(0, __t1x_get_info(&self->c, buf, 4096));
	cap = t1x_cap_find(buf, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION);
	ASSERT_NE(NULL, cap);
	EXPECT_EQ(1, cap->header.version);
	EXPECT_EQ(0, cap->flags);
	EXPECT_EQ(T1X_PAGE, cap->pgsize_bitmap);
	EXPECT_EQ(1ULL << 28, cap->max_dirty_bitmap_size);
	/* M37: nor anything that the kernel had on its stack */
	memcpy(&hole, &cap->flags + 1, sizeof(hole));
	EXPECT_EQ(0, hole);
}

TEST_F(info_caps, iova_ranges_are_ordered_and_leave_out_the_msi_window)
{
	struct t1x_range ranges[16];
	int i, n = t1x_ranges(&self->c, ranges, 16);

	ASSERT_LT(0, n);
	for (i = 0; i < n; i++) {
		EXPECT_LE(ranges[i].start, ranges[i].last);
		if (i)
			EXPECT_LT(ranges[i - 1].last, ranges[i].start);
		EXPECT_TRUE(ranges[i].last < 0xfee00000 ||
			    ranges[i].start > 0xfeefffff);
	}
}

TEST_F(info_caps, page_sizes_start_at_4k)
{
	struct vfio_iommu_type1_info *info;
	u64 buf[BUF_LEN / 8];

	info = (void *)buf;
	ASSERT_EQ(0, get_info(self->c.fd, buf, INFO_MIN));
	EXPECT_EQ(T1X_PAGE, info->iova_pgsizes & -info->iova_pgsizes);
}

TEST_F(info_caps, dma_avail_follows_the_mappings)
{
	u32 before = t1x_dma_avail(&self->c);

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(2));
	EXPECT_EQ(before - 1, t1x_dma_avail(&self->c));
	t1x_unmap(&self->c, T1X_BASE, PAGES(2));
	EXPECT_EQ(before, t1x_dma_avail(&self->c));
}

TEST_F(info_caps, buffer_that_ends_after_the_header_is_a_fault)
{
	char *two = t1x_mem_alloc(T1X_MEM_4K, PAGES(2));
	struct vfio_iommu_type1_info *info;

	munmap(two + T1X_PAGE, T1X_PAGE);
	info = (void *)(two + T1X_PAGE - 24);
	memset(info, 0, 24);
	info->argsz = 4096;
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_GET_INFO, info));
	EXPECT_EQ(EFAULT, errno);
	munmap(two, T1X_PAGE);
}

/* Answer to VFIO_CHECK_EXTENSION; -1 where 0 and 1 are both right */
static int extension(int id, bool attached)
{
	switch (id) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return 1;
	case 6: /* nesting: promised until 6.12, never done */
		return !t1x_kernel_at_least(6, 13);
	case VFIO_DMA_CC_IOMMU:
		return attached ? -1 : 0;
	case VFIO_UPDATE_VADDR:
		/* type1x has it once it can change addresses */
		return !attached ? 0 : t1x_is_type1x() ? -1 : 1;
	default:
		return 0;
	}
}

static void check_extensions(int fd, bool attached)
{
	int id, want, seen;

	for (id = 0; id <= 12; id++) {
		want = extension(id, attached);
		seen = ioctl(fd, VFIO_CHECK_EXTENSION, id);
		if (want < 0 && (seen == 0 || seen == 1))
			continue;
		t1x_require(seen == want, "extension %d: %d, expected %d", id,
			    seen, want);
	}
}

TEST_F(info_caps, extensions_answer_exactly_one_or_zero_when_attached)
{
	check_extensions(self->c.fd, true);
}

TEST_F(info_caps, extensions_answer_exactly_one_or_zero_before_a_group)
{
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	check_extensions(fd, false);
	close(fd);
}

TEST_F(info_caps, unknown_ioctls_are_not_ours)
{
	static const int numbers[] = { 15, 16, 18, 19, 20, 21, 60, 100, 120 };
	u64 buf[64] = { 64 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(-1,
			  ioctl(self->c.fd,
				_IO(VFIO_TYPE, VFIO_BASE + numbers[i]), buf));
		EXPECT_EQ(ENOTTY, errno) TH_LOG("ioctl %d", numbers[i]);
	}
}

TEST_F(info_caps, nothing_works_before_set_iommu)
{
	struct t1x fresh = { .type = variant->type };
	u64 buf[BUF_LEN / 8];

	fresh.fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	EXPECT_EQ(-EINVAL, get_info(fresh.fd, buf, 24));
	EXPECT_EQ(-EINVAL, __t1x_map(&fresh, self->mem, T1X_BASE, T1X_PAGE));
	EXPECT_EQ(-EINVAL, __t1x_unmap(&fresh, T1X_BASE, T1X_PAGE, NULL));
	EXPECT_EQ(-1, ioctl(fresh.fd, VFIO_SET_IOMMU, variant->type));
	EXPECT_EQ(EINVAL, errno);
	close(fresh.fd);
}

TEST_F(info_caps, second_set_iommu_is_refused)
{
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_SET_IOMMU, variant->type));
	EXPECT_EQ(EINVAL, errno);
}

TEST(unknown_type_is_refused)
{
	const char *bdf = t1x_any_device();
	struct t1x_leak leak;
	struct t1x c;

	t1x_leak_begin(&leak);
	EXPECT_EQ(-ENODEV, __t1x_open(&c, 99, bdf));
	EXPECT_EQ(0, t1x_leak_end(&leak));
}

TEST(nesting_type_behaves_as_v2_does)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(2));
	struct t1x_leak leak;
	struct t1x c;
	int ret;

	t1x_leak_begin(&leak);
	ret = __t1x_open(&c, 6, t1x_any_device());
	if (t1x_kernel_at_least(6, 13)) {
		/* No driver says that it has the extension any more */
		EXPECT_EQ(-ENODEV, ret);
	} else if (!ret) {
		t1x_map(&c, mem, T1X_BASE, PAGES(2));
		EXPECT_EQ(-EINVAL, __t1x_unmap(&c, T1X_BASE, T1X_PAGE, NULL));
		t1x_unmap(&c, T1X_BASE, PAGES(2));
		t1x_close(&c);
	}
	EXPECT_EQ(0, t1x_leak_end(&leak));
}

TEST_HARNESS_MAIN
