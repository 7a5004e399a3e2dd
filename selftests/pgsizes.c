// SPDX-License-Identifier: GPL-2.0-only
/*
 * PGSIZES: which page sizes of the IOMMU a container uses. Where the kernel shows
 * the IOMMU's table, no leaf of another size is in it; elsewhere DMA shows that
 * what is mapped so can be reached.
 */
#include "device_emu.h"
#include "iotable.h"
#include "parts.h"
#include "ranges.h"
#include "second_domain.h"
#include "suite.h"

#include <linux/vfio_type1x.h>
#include <sys/mman.h>

#define QUEUES_IOVA 0x10000000UL
#define SIZE (2 * T1X_2M)
#define K64 (16 * T1X_PAGE)
#define PGSIZES VFIO_IOMMU_TYPE1X_PGSIZES
#define GET VFIO_TYPE1X_PGSIZES_GET
#define SET VFIO_TYPE1X_PGSIZES_SET

TEST(extension_is_there_on_type1x_alone)
{
	EXPECT_TRUE(t1x_extension_is_ours(VFIO_TYPE1X_PGSIZES, PGSIZES));
}

FIXTURE(pgsizes)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_nvme nvme;
	const char *bdf, *second;
	u64 supported;
	char *mem; /* one page */
};

T1X_BOTH_TYPES(pgsizes);

FIXTURE_SETUP(pgsizes)
{
	self->bdf = t1x_nvme(0);
	self->second = t1x_nvme(1);
	if (!t1x_is_type1x() || !self->second)
		SKIP(return, "needs type1x and two nvme devices");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, T1X_PAGE);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, self->bdf);
	self->supported = t1x_pgsizes_supported(&self->c);
}

FIXTURE_TEARDOWN(pgsizes)
{
	t1x_nvme_close(&self->nvme);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_second_domain_unload());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static void set(struct t1x *c, u64 pgsizes)
{
	int ret = __t1x_pgsizes_set(c, pgsizes);

	t1x_require(!ret, "PGSIZES SET of 0x%lx: %s", pgsizes, strerror(-ret));
}

/* PGSIZES and GET_INFO say the same */
static bool uses(struct t1x *c, u64 pgsizes)
{
	const struct vfio_iommu_type1_info_cap_migration *cap;
	struct vfio_iommu_type1_info *info;
	u64 has = t1x_pgsizes(c);
	u64 buf[512];

	t1x_require(!__t1x_get_info(c, buf, sizeof(buf)), "GET_INFO failed");
	info = (void *)buf;
	cap = t1x_cap_find(buf, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION);
	if (has == pgsizes && info->iova_pgsizes == pgsizes && cap &&
	    cap->pgsize_bitmap == (pgsizes & -pgsizes))
		return true;
	printf("# page sizes 0x%lx, GET_INFO 0x%llx, MIGRATION 0x%llx; expected 0x%lx\n",
	       has, info->iova_pgsizes, cap ? cap->pgsize_bitmap : 0, pgsizes);
	return false;
}

static bool has_sizes(u64 supported, u64 pgsizes)
{
	return (supported & pgsizes) == pgsizes;
}

TEST_F(pgsizes, container_begins_with_all_that_is_supported)
{
	EXPECT_TRUE(self->supported & T1X_PAGE);
	EXPECT_TRUE(uses(&self->c, self->supported));
	set(&self->c, self->supported);
	EXPECT_TRUE(uses(&self->c, self->supported));
}

TEST_F(pgsizes, every_subset_with_the_smallest_can_be_chosen)
{
	u64 low = self->supported & -self->supported;
	u64 rest = self->supported & ~low, subset = rest;
	int n = 0;

	/* All subsets of rest, from the largest; AMD-Vi has many */
	do {
		set(&self->c, subset | low);
		ASSERT_TRUE(uses(&self->c, subset | low));
		EXPECT_EQ(self->supported, t1x_pgsizes_supported(&self->c));
		subset = (subset - 1) & rest;
	} while (subset != rest && ++n < 64);
}

TEST_F(pgsizes, set_tells_what_holds_now)
{
	struct vfio_type1x_pgsizes arg = { sizeof(arg), SET, T1X_PAGE, 77 };

	ASSERT_EQ(0, __t1x_call(&self->c, PGSIZES, &arg));
	EXPECT_EQ(T1X_PAGE, arg.pgsizes);
	EXPECT_EQ(self->supported, arg.supported);
}

TEST_F(pgsizes, subset_that_is_wrong_is_refused)
{
	u64 low = self->supported & -self->supported, size, now = low;
	int ret;

	set(&self->c, low);
	EXPECT_EQ(-EINVAL, __t1x_pgsizes_set(&self->c, 0));
	EXPECT_EQ(-EINVAL, __t1x_pgsizes_set(&self->c, self->supported & ~low));
	EXPECT_EQ(-EINVAL, __t1x_pgsizes_set(&self->c, ~0UL));
	for (size = 1; size; size <<= 1) {
		if (size == low)
			continue;
		EXPECT_EQ(-EINVAL, __t1x_pgsizes_set(&self->c, size));
		ret = __t1x_pgsizes_set(&self->c, low | size);
		EXPECT_EQ(size & self->supported ? 0 : -EINVAL, ret);
		now = ret ? now : low | size;
		ASSERT_TRUE(uses(&self->c, now));
	}
}

TEST_F(pgsizes, arguments_are_checked_one_by_one)
{
	const struct vfio_type1x_pgsizes rows[] = {
		{ 0, SET, T1X_PAGE },	  { 8, SET, T1X_PAGE },
		{ 23, SET, T1X_PAGE },	  { 23, GET },
		{ 24, 0, T1X_PAGE },	  { 24, GET | SET, T1X_PAGE },
		{ 24, 1 << 2, T1X_PAGE }, { 24, SET | 1 << 2, T1X_PAGE },
		{ 24, GET | 1U << 31 },	  { 24, SET | 1 << 8, T1X_PAGE },
	};
	struct vfio_type1x_pgsizes arg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		arg = rows[i];
		EXPECT_EQ(-EINVAL, __t1x_call(&self->c, PGSIZES, &arg))
		TH_LOG("row %u", i);
		EXPECT_EQ(0, memcmp(&arg, &rows[i], sizeof(arg)));
	}
	EXPECT_TRUE(uses(&self->c, self->supported));
	arg = rows[2];
	arg.argsz = 4096;
	EXPECT_EQ(0, __t1x_call(&self->c, PGSIZES, &arg));
	EXPECT_TRUE(uses(&self->c, T1X_PAGE));
}

TEST_F(pgsizes, argument_that_cannot_be_read_or_written_is_a_fault)
{
	struct vfio_type1x_pgsizes *arg =
		mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*arg = (struct vfio_type1x_pgsizes){ sizeof(*arg), SET, T1X_PAGE };
	ASSERT_EQ(0, mprotect(arg, T1X_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, PGSIZES, arg));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, PGSIZES, NULL));
	EXPECT_TRUE(uses(&self->c, self->supported));
	munmap(arg, T1X_PAGE);
}

TEST_F(pgsizes, choice_is_made_before_the_first_mapping)
{
	t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	EXPECT_EQ(-EBUSY, __t1x_pgsizes_set(&self->c, T1X_PAGE));
	EXPECT_EQ(-EBUSY, __t1x_pgsizes_set(&self->c, self->supported));
	EXPECT_TRUE(uses(&self->c, self->supported));
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
	set(&self->c, T1X_PAGE);
	t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	EXPECT_EQ(-EBUSY, __t1x_pgsizes_set(&self->c, self->supported));
	EXPECT_TRUE(uses(&self->c, T1X_PAGE));
}

/* Maps size bytes of a kind of memory, and expects leaves of these sizes alone */
static bool maps_in(struct _test_data_pgsizes *self, enum t1x_mem kind,
		    u64 size, u64 granule, u64 leaves)
{
	char *mem = t1x_mem_alloc(kind, size);
	u64 has = leaves, last = size - T1X_PAGE;
	bool ok;

	if (!mem)
		return false;
	if (!self->nvme.regs)
		t1x_nvme_open(&self->nvme, &self->c, self->bdf, QUEUES_IOVA);
	if (granule)
		t1x_map_granule(&self->c, mem, T1X_BASE, size, granule);
	else
		t1x_map(&self->c, mem, T1X_BASE, size);
	if (t1x_iotable_available(self->bdf))
		has = t1x_iotable_sizes(self->bdf, T1X_BASE, size);
	ok = has == leaves && t1x_nvme_reaches(&self->nvme, mem, T1X_BASE) &&
	     t1x_nvme_reaches(&self->nvme, mem + last, T1X_BASE + last);
	t1x_unmap_range(&self->c, T1X_BASE, T1X_BASE + size - 1, size);
	t1x_mem_free(kind, mem, size);
	t1x_require(ok, "leaves of sizes 0x%lx, expected 0x%lx", has, leaves);
	return true;
}

TEST_F(pgsizes, page_size_alone_maps_huge_pages_in_small_ones)
{
	set(&self->c, T1X_PAGE);
	if (!maps_in(self, T1X_MEM_2M, SIZE, 0, T1X_PAGE))
		SKIP(return, "no 2M pages");
	maps_in(self, T1X_MEM_THP, SIZE, 0, T1X_PAGE);
	maps_in(self, T1X_MEM_4K, K64, 0, T1X_PAGE);
}

TEST_F(pgsizes, sizes_without_those_between_map_what_fits)
{
	if (!has_sizes(self->supported, T1X_PAGE | T1X_1G))
		SKIP(return, "the IOMMU has no pages of 1G");
	set(&self->c, T1X_PAGE | T1X_1G);
	maps_in(self, T1X_MEM_2M, SIZE, 0, T1X_PAGE);
	if (!maps_in(self, T1X_MEM_1G, T1X_1G, 0, T1X_1G))
		SKIP(return, "no 1G page");
	maps_in(self, T1X_MEM_1G, T1X_1G - T1X_2M, T1X_2M, T1X_PAGE);
}

TEST_F(pgsizes, gigabyte_page_is_mapped_in_the_largest_of_the_subset)
{
	if (!has_sizes(self->supported, T1X_PAGE | T1X_2M))
		SKIP(return, "the IOMMU has no pages of 2M");
	set(&self->c, T1X_PAGE | T1X_2M);
	if (!maps_in(self, T1X_MEM_1G, T1X_1G, 0, T1X_2M))
		SKIP(return, "no 1G page");
	maps_in(self, T1X_MEM_2M, SIZE, 0, T1X_2M);
}

TEST_F(pgsizes, granule_and_subset_hold_together)
{
	set(&self->c, T1X_PAGE | (self->supported & T1X_2M));
	if (!maps_in(self, T1X_MEM_2M, SIZE, K64, T1X_PAGE))
		SKIP(return, "no 2M pages");
	maps_in(self, T1X_MEM_2M, SIZE, T1X_2M,
		T1X_2M & self->supported ?: T1X_PAGE);
	t1x_nvme_close(&self->nvme);
	set(&self->c, T1X_PAGE);
	maps_in(self, T1X_MEM_2M, SIZE, T1X_2M, T1X_PAGE);
}

/* The table of each device */
static bool both_have(struct _test_data_pgsizes *self, u64 size, u64 leaves)
{
	const char *bdf[2] = { self->bdf, self->second };
	u64 has;
	int i;

	for (i = 0; i < 2; i++) {
		if (!t1x_iotable_available(bdf[i]))
			continue;
		has = t1x_iotable_sizes(bdf[i], T1X_BASE, size);
		if (has == leaves)
			continue;
		printf("# %s has leaves of sizes 0x%lx, expected 0x%lx\n",
		       bdf[i], has, leaves);
		return false;
	}
	return true;
}

TEST_F(pgsizes, choice_holds_for_groups_and_domains_that_come_later)
{
	char *huge = t1x_mem_alloc(T1X_MEM_2M, SIZE);
	int i;

	if (!huge || !t1x_module_path("t1x_second_domain"))
		SKIP(return, "needs 2M pages and the module t1x_second_domain");
	for (i = 0; i < 2; i++) {
		/* A group in the same domain, then one in its own: replay */
		t1x_close(&self->c);
		if (i)
			t1x_second_domain_load();
		t1x_open(&self->c, variant->type, self->bdf);
		set(&self->c, T1X_PAGE);
		t1x_map(&self->c, huge, T1X_BASE, SIZE);
		if (i)
			t1x_add_in_second_domain(&self->c, self->second);
		else
			t1x_add_group(&self->c, self->second);
		EXPECT_TRUE(uses(&self->c, T1X_PAGE));
		EXPECT_TRUE(both_have(self, SIZE, T1X_PAGE));

		t1x_del_group(&self->c, self->bdf);
		EXPECT_TRUE(uses(&self->c, T1X_PAGE));
		t1x_nvme_open(&self->nvme, &self->c, self->second, QUEUES_IOVA);
		EXPECT_TRUE(t1x_nvme_reaches(&self->nvme, huge, T1X_BASE));
		t1x_unmap(&self->c, T1X_BASE, SIZE);
		t1x_map(&self->c, huge, T1X_BASE, SIZE);
		if (t1x_iotable_available(self->second))
			EXPECT_EQ(T1X_PAGE, t1x_iotable_sizes(self->second,
							      T1X_BASE, SIZE));
		t1x_nvme_close(&self->nvme);
	}
	t1x_mem_free(T1X_MEM_2M, huge, SIZE);
}

TEST_F(pgsizes, choice_goes_with_the_last_group)
{
	set(&self->c, T1X_PAGE);
	t1x_add_group(&self->c, self->second);
	t1x_del_group(&self->c, self->bdf);
	EXPECT_TRUE(uses(&self->c, T1X_PAGE));
	t1x_del_group(&self->c, self->second);
	EXPECT_EQ(-EINVAL, __t1x_pgsizes_set(&self->c, T1X_PAGE));
	t1x_add_group(&self->c, self->bdf);
	ASSERT_EQ(0, __t1x_set_iommu(&self->c));
	EXPECT_TRUE(uses(&self->c, self->supported));
}

TEST_F(pgsizes, choice_is_the_containers_own)
{
	struct t1x other;

	t1x_open(&other, variant->type, self->second);
	set(&self->c, T1X_PAGE);
	EXPECT_TRUE(uses(&other, self->supported));
	t1x_close(&other);
}

/* Containers that have no IOMMU, or have it later */
FIXTURE(emulated)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_nvme nvme;
	const char *real;
	char *mem; /* two huge pages */
};

T1X_BOTH_TYPES(emulated);

FIXTURE_SETUP(emulated)
{
	self->real = t1x_nvme(0);
	if (!t1x_is_type1x() || !self->real || !t1x_emu_load(2, 0))
		SKIP(return, "needs type1x, an nvme device and t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_2M, SIZE);
	if (!self->mem)
		SKIP(return, "no 2M pages");
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, t1x_emu(0));
}

FIXTURE_TEARDOWN(emulated)
{
	t1x_nvme_close(&self->nvme);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_emu_settle());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

TEST_F(emulated, every_size_is_supported_without_an_iommu)
{
	EXPECT_EQ(-T1X_PAGE, t1x_pgsizes_supported(&self->c));
	EXPECT_TRUE(uses(&self->c, -T1X_PAGE));
	set(&self->c, T1X_PAGE | 1UL << 63);
	EXPECT_TRUE(uses(&self->c, T1X_PAGE | 1UL << 63));
	EXPECT_EQ(-EINVAL, __t1x_pgsizes_set(&self->c, 2 * T1X_PAGE));
	EXPECT_EQ(-EINVAL, __t1x_pgsizes_set(&self->c, 2048 | T1X_PAGE));
}

TEST_F(emulated, choice_holds_for_the_first_real_group)
{
	u64 supported;

	set(&self->c, T1X_PAGE | T1X_1G);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(uses(&self->c, T1X_PAGE | T1X_1G));
	supported = t1x_pgsizes_supported(&self->c);
	EXPECT_TRUE(has_sizes(supported, T1X_PAGE | T1X_2M | T1X_1G));
	EXPECT_NE(-T1X_PAGE, supported);
	if (t1x_iotable_available(self->real))
		EXPECT_EQ(T1X_PAGE,
			  t1x_iotable_sizes(self->real, T1X_BASE, SIZE));
	t1x_nvme_open(&self->nvme, &self->c, self->real, QUEUES_IOVA);
	EXPECT_TRUE(t1x_nvme_reaches(&self->nvme, self->mem, T1X_BASE));
	t1x_nvme_close(&self->nvme);

	/* It lasts as long as any group does */
	t1x_del_group(&self->c, self->real);
	EXPECT_TRUE(uses(&self->c, T1X_PAGE | T1X_1G));
	EXPECT_EQ(-T1X_PAGE, t1x_pgsizes_supported(&self->c));
	t1x_del_group(&self->c, t1x_emu(0));
	t1x_add_group(&self->c, t1x_emu(1));
	ASSERT_EQ(0, __t1x_set_iommu(&self->c));
	EXPECT_TRUE(uses(&self->c, -T1X_PAGE));
}

TEST_F(emulated, nothing_chosen_leaves_the_real_group_all_its_sizes)
{
	u64 supported;

	t1x_add_group(&self->c, self->real);
	supported = t1x_pgsizes_supported(&self->c);
	EXPECT_TRUE(uses(&self->c, supported));
	t1x_del_group(&self->c, self->real);
	EXPECT_TRUE(uses(&self->c, -T1X_PAGE));
}

/* A size that the real group's IOMMU does not have, 0 if it has all */
static u64 foreign_size(struct _test_data_emulated *self)
{
	u64 supported, size;

	t1x_add_group(&self->c, self->real);
	supported = t1x_pgsizes_supported(&self->c);
	t1x_del_group(&self->c, self->real);
	for (size = T1X_PAGE; size && (supported & size); size <<= 1)
		;
	return size;
}

TEST_F(emulated, group_whose_iommu_lacks_a_size_of_the_choice_is_refused)
{
	u64 size = foreign_size(self);
	u32 avail = t1x_dma_avail(&self->c);

	if (!size)
		SKIP(return, "the IOMMU has pages of every size");
	set(&self->c, T1X_PAGE | size);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	EXPECT_EQ(-EINVAL, __t1x_add_group(&self->c, self->real));
	EXPECT_TRUE(uses(&self->c, T1X_PAGE | size));
	EXPECT_EQ(-T1X_PAGE, t1x_pgsizes_supported(&self->c));
	EXPECT_EQ(0, t1x_locked());
	EXPECT_EQ(avail - 1, t1x_dma_avail(&self->c));

	/* The same group comes once the choice is another */
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	set(&self->c, T1X_PAGE);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(uses(&self->c, T1X_PAGE));
	EXPECT_EQ((long)(SIZE / T1X_PAGE), t1x_locked());
}

TEST_HARNESS_MAIN
