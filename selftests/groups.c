// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several groups and several domains in one container. A machine with one
 * IOMMU has one domain for all groups; the test module t1x_second_domain makes
 * the second group stay in a domain of its own, which is then filled by replay.
 */
#include "device_edu.h"
#include "iotable.h"
#include "second_domain.h"
#include "suite.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define NPAGES 16
#define LEN 64

FIXTURE(groups)
{
	struct t1x c;
	struct t1x_leak leak;
	const char *first, *second;
	struct t1x_edu edu[2];
	char *mem;
};

T1X_BOTH_TYPES(groups);

FIXTURE_SETUP(groups)
{
	self->first = t1x_edu(0);
	self->second = t1x_edu(1);
	if (!self->first || !self->second)
		SKIP(return, "needs two edu devices");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, self->first);
}

FIXTURE_TEARDOWN(groups)
{
	t1x_edu_close(&self->edu[0]);
	t1x_edu_close(&self->edu[1]);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_second_domain_unload());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* Writes by one device arrive in mem, where iova is mapped to mem */
static bool reaches(struct t1x_edu *edu, char *mem, u64 iova)
{
	static unsigned char seed = 0x31;

	seed += 2;
	memset(mem, seed, LEN);
	memset(mem + LEN, 0, LEN);
	t1x_edu_copy(edu, iova, iova + LEN, LEN);
	return (unsigned char)mem[LEN] == seed &&
	       (unsigned char)mem[2 * LEN - 1] == seed;
}

TEST_F(groups, both_devices_reach_one_mapping)
{
	t1x_add_group(&self->c, self->second);
	t1x_edu_open(&self->edu[0], &self->c, self->first);
	t1x_edu_open(&self->edu[1], &self->c, self->second);

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(NPAGES, t1x_locked());
	EXPECT_TRUE(reaches(&self->edu[0], self->mem, T1X_BASE));
	EXPECT_TRUE(reaches(&self->edu[1], self->mem, T1X_BASE));
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
}

TEST_F(groups, group_that_comes_later_sees_earlier_mappings)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_add_group(&self->c, self->second);
	t1x_edu_open(&self->edu[1], &self->c, self->second);

	EXPECT_EQ(NPAGES, t1x_locked());
	EXPECT_TRUE(reaches(&self->edu[1], self->mem, T1X_BASE));
}

static void leave_one(struct _test_data_groups *self, const char *leaves,
		      const char *stays)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_add_group(&self->c, self->second);
	t1x_del_group(&self->c, leaves);

	t1x_require(t1x_locked() == NPAGES, "VmLck is %ld", t1x_locked());
	t1x_edu_open(&self->edu[0], &self->c, stays);
	t1x_require(reaches(&self->edu[0], self->mem, T1X_BASE),
		    "%s lost the mapping when %s left", stays, leaves);
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
}

TEST_F(groups, first_group_may_leave)
{
	leave_one(self, self->first, self->second);
}

TEST_F(groups, second_group_may_leave)
{
	leave_one(self, self->second, self->first);
}

TEST_F(groups, last_group_takes_the_mappings_with_it)
{
	long pins = t1x_pins();
	u64 info[3] = { 24 };

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_del_group(&self->c, self->first);

	EXPECT_EQ(0, t1x_locked());
	EXPECT_EQ(pins, t1x_pins());
	/* The container has no driver any more */
	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_GET_INFO, info));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(groups, container_serves_again_after_its_last_group_left)
{
	u32 avail = t1x_dma_avail(&self->c);

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_del_group(&self->c, self->first);
	t1x_add_group(&self->c, self->second);
	ASSERT_EQ(0, __t1x_set_iommu(&self->c));

	EXPECT_EQ(avail, t1x_dma_avail(&self->c));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_edu_open(&self->edu[1], &self->c, self->second);
	EXPECT_TRUE(reaches(&self->edu[1], self->mem, T1X_BASE));
}

TEST_F(groups, group_with_an_open_device_cannot_leave)
{
	t1x_edu_open(&self->edu[0], &self->c, self->first);
	EXPECT_EQ(-EBUSY, __t1x_del_group(&self->c, self->first));
	t1x_edu_close(&self->edu[0]);
	t1x_del_group(&self->c, self->first);
}

TEST_F(groups, group_is_in_one_container_only)
{
	struct t1x other;
	int fd = t1x_group_open(self->first);

	EXPECT_EQ(-EBUSY, fd);
	t1x_open(&other, variant->type, self->second);
	EXPECT_EQ(-1, ioctl(self->c.group[0].fd, VFIO_GROUP_SET_CONTAINER,
			    &other.fd));
	EXPECT_EQ(EINVAL, errno);
	t1x_close(&other);
}

TEST_F(groups, two_containers_are_two_address_spaces)
{
	struct t1x other;
	char *mem = t1x_mem_alloc(T1X_MEM_4K, T1X_PAGE);

	t1x_open(&other, variant->type, self->second);
	t1x_edu_open(&self->edu[0], &self->c, self->first);
	t1x_edu_open(&self->edu[1], &other, self->second);
	t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	t1x_map(&other, mem, T1X_BASE, T1X_PAGE);

	EXPECT_TRUE(reaches(&self->edu[0], self->mem, T1X_BASE));
	EXPECT_TRUE(reaches(&self->edu[1], mem, T1X_BASE));
	t1x_edu_close(&self->edu[1]);
	t1x_close(&other);
	munmap(mem, T1X_PAGE);
}

static bool same_ranges(struct t1x *c, const struct t1x_range *want, int n)
{
	struct t1x_range ranges[16];

	return t1x_ranges(c, ranges, 16) == n &&
	       !memcmp(ranges, want, n * sizeof(*want));
}

TEST_F(groups, iova_list_is_the_same_with_like_groups)
{
	struct t1x_range ranges[16];
	int n = t1x_ranges(&self->c, ranges, 16);

	t1x_add_group(&self->c, self->second);
	EXPECT_TRUE(same_ranges(&self->c, ranges, n));
	t1x_del_group(&self->c, self->first);
	EXPECT_TRUE(same_ranges(&self->c, ranges, n));
}

TEST_F(groups, groups_come_and_go_without_loss)
{
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	for (i = 0; i < 20; i++) {
		t1x_add_group(&self->c, self->second);
		t1x_del_group(&self->c, self->second);
	}
	EXPECT_EQ(NPAGES, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
}

/* Begins anew: the module has to see every attach. False where there is none */
static bool start_helper(struct _test_data_groups *self, int type)
{
	t1x_close(&self->c);
	if (!t1x_second_domain_load())
		return false;
	t1x_open(&self->c, type, self->first);
	return true;
}

static void add_in_second_domain(struct _test_data_groups *self)
{
	t1x_add_in_second_domain(&self->c, self->second);
}

TEST_F(groups, second_domain_is_filled_with_the_mappings)
{
	if (!start_helper(self, variant->type))
		SKIP(return, "no module t1x_second_domain");

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_map(&self->c, self->mem, 2 * T1X_BASE, PAGES(3));
	add_in_second_domain(self);

	EXPECT_EQ(NPAGES + 3, t1x_locked());
	t1x_edu_open(&self->edu[0], &self->c, self->first);
	t1x_edu_open(&self->edu[1], &self->c, self->second);
	EXPECT_TRUE(reaches(&self->edu[0], self->mem, T1X_BASE));
	EXPECT_TRUE(reaches(&self->edu[1], self->mem, T1X_BASE));
	EXPECT_TRUE(reaches(&self->edu[1], self->mem, 2 * T1X_BASE));
	if (t1x_iotable_available(self->second))
		EXPECT_EQ(0,
			  t1x_iotable_compare(self->second, self->mem, T1X_BASE,
					      PAGES(NPAGES), true, true));
}

TEST_F(groups, map_and_unmap_reach_both_domains)
{
	if (!start_helper(self, variant->type))
		SKIP(return, "no module t1x_second_domain");

	self->leak.allow_faults = true;
	add_in_second_domain(self);
	t1x_edu_open(&self->edu[0], &self->c, self->first);
	t1x_edu_open(&self->edu[1], &self->c, self->second);

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(NPAGES, t1x_locked());
	EXPECT_TRUE(reaches(&self->edu[0], self->mem, T1X_BASE));
	EXPECT_TRUE(reaches(&self->edu[1], self->mem, T1X_BASE));

	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_locked());
	EXPECT_FALSE(reaches(&self->edu[0], self->mem, T1X_BASE));
	EXPECT_FALSE(reaches(&self->edu[1], self->mem, T1X_BASE));
}

TEST_F(groups, mappings_made_before_replay_leave_both_domains)
{
	char *huge;

	if (!start_helper(self, variant->type))
		SKIP(return, "no module t1x_second_domain");
	huge = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);
	if (!huge)
		SKIP(return, "no 2M page");

	self->leak.allow_faults = true;
	t1x_map(&self->c, huge, T1X_BASE, T1X_2M);
	add_in_second_domain(self);
	t1x_edu_open(&self->edu[0], &self->c, self->first);
	t1x_edu_open(&self->edu[1], &self->c, self->second);
	EXPECT_TRUE(reaches(&self->edu[1], huge, T1X_BASE));

	t1x_unmap(&self->c, T1X_BASE, T1X_2M);
	EXPECT_FALSE(reaches(&self->edu[0], huge, T1X_BASE));
	EXPECT_FALSE(reaches(&self->edu[1], huge, T1X_BASE));
	munmap(huge, T1X_2M);
}

TEST_F(groups, neighbours_replayed_together_still_unmap_one_by_one)
{
	char *huge;
	u64 half = T1X_2M / 2, iova;
	int i;

	if (!start_helper(self, variant->type))
		SKIP(return, "no module t1x_second_domain");
	huge = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);
	if (!huge)
		SKIP(return, "no 2M page");

	/* Physically one piece: a replay that joined them would map it large */
	self->leak.allow_faults = true;
	t1x_map(&self->c, huge, T1X_BASE, half);
	t1x_map(&self->c, huge + half, T1X_BASE + half, half);
	add_in_second_domain(self);
	t1x_edu_open(&self->edu[0], &self->c, self->first);
	t1x_edu_open(&self->edu[1], &self->c, self->second);

	t1x_unmap(&self->c, T1X_BASE, half);
	for (i = 0; i < 2; i++) {
		EXPECT_FALSE(reaches(&self->edu[i], huge, T1X_BASE));
		iova = T1X_BASE + half;
		EXPECT_TRUE(reaches(&self->edu[i], huge + half, iova));
	}
	t1x_unmap(&self->c, T1X_BASE + half, half);
	munmap(huge, T1X_2M);
}

TEST_F(groups, either_domain_may_leave)
{
	const char *order[2] = { self->first, self->second };
	int i;

	if (!start_helper(self, variant->type))
		SKIP(return, "no module t1x_second_domain");

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	for (i = 0; i < 2; i++) {
		t1x_add_in_second_domain(&self->c, order[!i]);
		t1x_del_group(&self->c, order[i]);
		EXPECT_EQ(NPAGES, t1x_locked());
		t1x_edu_open(&self->edu[0], &self->c, order[!i]);
		EXPECT_TRUE(reaches(&self->edu[0], self->mem, T1X_BASE));
		t1x_edu_close(&self->edu[0]);
	}
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
}

TEST_F(groups, failed_attach_changes_nothing)
{
	struct t1x_range ranges[16];
	int n;

	if (!start_helper(self, variant->type))
		SKIP(return, "no module t1x_second_domain");

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	n = t1x_ranges(&self->c, ranges, 16);
	t1x_refuse_attaches(1000);
	EXPECT_EQ(-EINVAL, __t1x_add_group(&self->c, self->second));
	t1x_refuse_attaches(0);

	EXPECT_EQ(NPAGES, t1x_locked());
	EXPECT_TRUE(same_ranges(&self->c, ranges, n));
	t1x_edu_open(&self->edu[0], &self->c, self->first);
	EXPECT_TRUE(reaches(&self->edu[0], self->mem, T1X_BASE));

	t1x_add_group(&self->c, self->second);
	t1x_edu_open(&self->edu[1], &self->c, self->second);
	EXPECT_TRUE(reaches(&self->edu[1], self->mem, T1X_BASE));
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
}

TEST_HARNESS_MAIN
