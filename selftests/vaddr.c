// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_UPDATE_VADDR: the memory of a mapping moves, to other addresses or to
 * another process, while devices go on using it.
 */
#include "device_edu.h"
#include "device_emu.h"
#include "suite.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define NPAGES 64
#define SIZE PAGES(NPAGES)
#define LEN 64
#define ONLY_VADDR VFIO_DMA_MAP_FLAG_VADDR

FIXTURE(vaddr)
{
	struct t1x c;
	struct t1x_edu edu;
	struct t1x_leak leak;
	const char *real;
	int memfd;
	char *mem;
};

T1X_BOTH_TYPES(vaddr);

static char *map_memfd(int fd)
{
	char *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	t1x_require(mem != MAP_FAILED, "mmap: %s", strerror(errno));
	return mem;
}

FIXTURE_SETUP(vaddr)
{
	self->real = t1x_edu(0) ?: t1x_any_device();
	self->memfd = memfd_create("vaddr", 0);
	ASSERT_EQ(0, ftruncate(self->memfd, SIZE));
	self->mem = map_memfd(self->memfd);
	memset(self->mem, 0, SIZE);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, self->real);
}

FIXTURE_TEARDOWN(vaddr)
{
	t1x_edu_close(&self->edu);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static int invalidate(struct t1x *c, u64 iova, u64 size, u64 *done)
{
	return __t1x_unmap_flags(c, iova, size, VFIO_DMA_UNMAP_FLAG_VADDR,
				 done);
}

static int invalidate_all(struct t1x *c, u64 *done)
{
	const u32 all = VFIO_DMA_UNMAP_FLAG_ALL;

	return __t1x_unmap_flags(c, 0, 0, VFIO_DMA_UNMAP_FLAG_VADDR | all,
				 done);
}

static int restore(struct t1x *c, const void *mem, u64 iova, u64 size)
{
	return __t1x_map_flags(c, mem, iova, size, ONLY_VADDR);
}

/* The mapping is as it would be if nothing had been tried */
static bool is_valid(struct t1x *c, const void *mem, u64 iova, u64 size)
{
	return restore(c, mem, iova, size) == -EINVAL;
}

TEST_F(vaddr, extension_is_there)
{
	EXPECT_EQ(1,
		  ioctl(self->c.fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR));
}

TEST_F(vaddr, memory_moves_to_another_address)
{
	char *other = map_memfd(self->memfd);
	u64 done = 0;

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	EXPECT_EQ(NPAGES, t1x_locked());
	ASSERT_EQ(0, invalidate(&self->c, T1X_BASE, SIZE, &done));
	EXPECT_EQ(SIZE, done);
	EXPECT_EQ(NPAGES, t1x_locked());
	munmap(self->mem, SIZE);
	ASSERT_EQ(0, restore(&self->c, other, T1X_BASE, SIZE));
	EXPECT_EQ(NPAGES, t1x_locked());
	EXPECT_TRUE(is_valid(&self->c, other, T1X_BASE, SIZE));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(0, t1x_locked());
	munmap(other, SIZE);
}

TEST_F(vaddr, device_goes_on_all_the_time)
{
	if (!t1x_edu(0))
		SKIP(return, "no edu device");
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate(&self->c, T1X_BASE, SIZE, NULL));
	memset(self->mem, 0x5a, LEN);
	t1x_edu_open(&self->edu, &self->c, self->real);
	t1x_edu_copy(&self->edu, T1X_BASE, T1X_BASE + PAGES(9), LEN);
	EXPECT_EQ(0, memcmp(self->mem, self->mem + PAGES(9), LEN));
	ASSERT_EQ(0, restore(&self->c, self->mem, T1X_BASE, SIZE));
	memset(self->mem, 0x5b, LEN);
	t1x_edu_copy(&self->edu, T1X_BASE, T1X_BASE + PAGES(9), LEN);
	EXPECT_EQ(0, memcmp(self->mem, self->mem + PAGES(9), LEN));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
}

TEST_F(vaddr, drivers_use_the_new_address)
{
	char *other, byte = 7;
	struct t1x_emu emu;

	if (variant->type == VFIO_TYPE1_IOMMU || !t1x_emu_load(1, 0))
		SKIP(return, "needs type1v2 and the module t1x_emu");
	other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate(&self->c, T1X_BASE, SIZE, NULL));
	ASSERT_EQ(0, restore(&self->c, other, T1X_BASE, SIZE));
	t1x_add_group(&self->c, t1x_emu(0));
	t1x_emu_open(&emu, &self->c, t1x_emu(0));
	EXPECT_EQ(0, __t1x_emu_write(&emu, T1X_BASE + PAGES(3), &byte, 1));
	EXPECT_EQ(7, other[PAGES(3)]);
	EXPECT_EQ(0, self->mem[PAGES(3)]);
	t1x_emu_close(&emu);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_emu_settle());
	munmap(other, SIZE);
}

TEST_F(vaddr, restore_is_of_exactly_one_invalid_mapping)
{
	struct t1x *c = &self->c;
	const u64 half = SIZE / 2;
	u64 next = T1X_BASE + half;

	EXPECT_EQ(-ENOENT, restore(c, self->mem, T1X_BASE, half));
	t1x_map(c, self->mem, T1X_BASE, half);
	t1x_map(c, self->mem + half, next, half);
	EXPECT_EQ(-EINVAL, restore(c, self->mem, T1X_BASE, half));
	ASSERT_EQ(0, invalidate(c, T1X_BASE, SIZE, NULL));

	EXPECT_EQ(-ENOENT, restore(c, self->mem, next + half, T1X_PAGE));
	EXPECT_EQ(-ENOENT,
		  restore(c, self->mem, T1X_BASE - T1X_PAGE, T1X_PAGE));
	EXPECT_EQ(-EINVAL, restore(c, self->mem, T1X_BASE, T1X_PAGE));
	EXPECT_EQ(-EINVAL, restore(c, self->mem, T1X_BASE, half - T1X_PAGE));
	EXPECT_EQ(-EINVAL, restore(c, self->mem, T1X_BASE, SIZE));
	EXPECT_EQ(-EINVAL,
		  restore(c, self->mem, T1X_BASE + T1X_PAGE, half - T1X_PAGE));
	EXPECT_EQ(-EINVAL,
		  restore(c, self->mem, T1X_BASE - T1X_PAGE, half + T1X_PAGE));
	EXPECT_EQ(-EINVAL,
		  restore(c, self->mem, next + half - T1X_PAGE, 2 * T1X_PAGE));

	EXPECT_EQ(0, restore(c, self->mem + half, next, half));
	EXPECT_TRUE(is_valid(c, self->mem + half, next, half));
	EXPECT_EQ(0, restore(c, self->mem, T1X_BASE, half));
	EXPECT_TRUE(is_valid(c, self->mem, T1X_BASE, half));
}

TEST_F(vaddr, restore_that_is_malformed_is_refused)
{
	struct t1x *c = &self->c;

	t1x_map(c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate(c, T1X_BASE, SIZE, NULL));
	EXPECT_EQ(-EINVAL, __t1x_map_flags(c, self->mem, T1X_BASE, SIZE,
					   ONLY_VADDR | T1X_RW));
	EXPECT_EQ(-EINVAL,
		  __t1x_map_flags(c, self->mem, T1X_BASE, SIZE,
				  ONLY_VADDR | VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(-EINVAL, __t1x_map_flags(c, self->mem, T1X_BASE, SIZE,
					   ONLY_VADDR | 8));
	EXPECT_EQ(-EINVAL, restore(c, self->mem + 1, T1X_BASE, SIZE));
	EXPECT_EQ(-EINVAL, restore(c, self->mem + 2048, T1X_BASE, SIZE));
	EXPECT_EQ(-EINVAL, restore(c, self->mem, T1X_BASE + 1, SIZE));
	EXPECT_EQ(-EINVAL, restore(c, self->mem, T1X_BASE, SIZE - 1));
	EXPECT_EQ(-EINVAL, restore(c, self->mem, T1X_BASE, 0));
	EXPECT_EQ(-t1x_wrap_errno(),
		  restore(c, (void *)(~0UL - 4095), T1X_BASE, SIZE));
	EXPECT_EQ(-t1x_wrap_errno(), restore(c, self->mem, ~0UL - 4095, SIZE));
	EXPECT_EQ(0, restore(c, self->mem, T1X_BASE, SIZE));
}

TEST_F(vaddr, restore_looks_at_no_memory)
{
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate(&self->c, T1X_BASE, SIZE, NULL));
	EXPECT_EQ(0, restore(&self->c, (void *)T1X_1G, T1X_BASE, SIZE));
	EXPECT_EQ(NPAGES, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, SIZE);
}

TEST_F(vaddr, second_invalidation_fails_and_undoes_nothing_else)
{
	struct t1x *c = &self->c;
	u64 third = PAGES(16), done = 7;
	u64 b = T1X_BASE + third, d = T1X_BASE + 2 * third;

	t1x_map(c, self->mem, T1X_BASE, third);
	t1x_map(c, self->mem + third, b, third);
	t1x_map(c, self->mem + 2 * third, d, third);
	ASSERT_EQ(0, invalidate(c, b, third, NULL));
	EXPECT_EQ(-EINVAL, invalidate(c, b, third, &done));
	EXPECT_EQ(-EINVAL, invalidate(c, T1X_BASE, 3 * third, &done));
	EXPECT_EQ(-EINVAL, invalidate_all(c, &done));

	EXPECT_TRUE(is_valid(c, self->mem, T1X_BASE, third));
	EXPECT_TRUE(is_valid(c, self->mem + 2 * third, d, third));
	/* None is invalid any more when this one is not */
	EXPECT_EQ(0, restore(c, self->mem + third, b, third));
	if (t1x_nvme(0) && strcmp(t1x_nvme(0), self->real))
		t1x_add_group(c, t1x_nvme(0));
	EXPECT_EQ(0, invalidate_all(c, &done));
	EXPECT_EQ(3 * third, done);
}

TEST_F(vaddr, invalidation_of_a_range_takes_what_an_unmap_would)
{
	struct t1x *c = &self->c;
	bool v2 = variant->type == VFIO_TYPE1v2_IOMMU;
	u64 done = 7;

	t1x_map(c, self->mem, T1X_BASE, PAGES(8));
	t1x_map(c, self->mem + PAGES(8), T1X_BASE + PAGES(8), PAGES(8));

	/* v1 takes it whole with its first byte, and nothing without */
	EXPECT_EQ(v2 ? -EINVAL : 0,
		  invalidate(c, T1X_BASE + T1X_PAGE, PAGES(7), &done));
	EXPECT_EQ(v2 ? 7 : 0, done);
	EXPECT_EQ(v2 ? -EINVAL : 0, invalidate(c, T1X_BASE, T1X_PAGE, &done));
	EXPECT_EQ(v2 ? 7 : PAGES(8), done);
	EXPECT_EQ(v2 ? -EINVAL : 0, restore(c, self->mem, T1X_BASE, PAGES(8)));
	EXPECT_TRUE(is_valid(c, self->mem + PAGES(8), T1X_BASE + PAGES(8),
			     PAGES(8)));

	/* A hole is none of either */
	EXPECT_EQ(0, invalidate(c, 2 * T1X_BASE, PAGES(8), &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, invalidate(c, T1X_BASE, PAGES(64), &done));
	EXPECT_EQ(PAGES(16), done);
}

TEST_F(vaddr, invalidation_that_is_malformed_is_refused)
{
	const u32 flags = VFIO_DMA_UNMAP_FLAG_VADDR;
	const u32 all = VFIO_DMA_UNMAP_FLAG_ALL;
	const u32 report = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	struct t1x *c = &self->c;

	t1x_map(c, self->mem, T1X_BASE, SIZE);
	EXPECT_EQ(-EINVAL, invalidate(c, T1X_BASE, 0, NULL));
	EXPECT_EQ(-EINVAL, invalidate(c, T1X_BASE + 1, SIZE, NULL));
	EXPECT_EQ(-EINVAL, invalidate(c, T1X_BASE, SIZE - 1, NULL));
	EXPECT_EQ(-t1x_wrap_errno(), invalidate(c, ~0UL - 4095, SIZE, NULL));
	EXPECT_EQ(-EINVAL,
		  __t1x_unmap_flags(c, T1X_BASE, SIZE, flags | all, NULL));
	EXPECT_EQ(-EINVAL,
		  __t1x_unmap_flags(c, T1X_BASE, SIZE, flags | 8, NULL));
	EXPECT_EQ(-EINVAL,
		  __t1x_unmap_flags(c, T1X_BASE, SIZE, flags | report, NULL));
	EXPECT_TRUE(is_valid(c, self->mem, T1X_BASE, SIZE));
}

TEST_F(vaddr, all_are_invalidated_at_once)
{
	u64 done = 7;

	EXPECT_EQ(0, invalidate_all(&self->c, &done));
	EXPECT_EQ(0, done);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8));
	t1x_map(&self->c, self->mem + PAGES(8), 2 * T1X_BASE, PAGES(8));
	EXPECT_EQ(0, invalidate_all(&self->c, &done));
	EXPECT_EQ(PAGES(16), done);
	EXPECT_EQ(-EINVAL, invalidate_all(&self->c, &done));
	EXPECT_EQ(0, restore(&self->c, self->mem + PAGES(8), 2 * T1X_BASE,
			     PAGES(8)));
	EXPECT_EQ(0, restore(&self->c, self->mem, T1X_BASE, PAGES(8)));
}

TEST_F(vaddr, other_mappings_come_and_go_meanwhile)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8));
	ASSERT_EQ(0, invalidate(&self->c, T1X_BASE, PAGES(8), NULL));
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8)));
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
	t1x_map(&self->c, self->mem + PAGES(8), 2 * T1X_BASE, PAGES(8));
	EXPECT_EQ(16, t1x_locked());
	t1x_unmap(&self->c, 2 * T1X_BASE, PAGES(8));
	EXPECT_EQ(0, restore(&self->c, self->mem, T1X_BASE, PAGES(8)));
}

TEST_F(vaddr, invalid_mapping_can_be_unmapped)
{
	const char *other = t1x_nvme(0);

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate(&self->c, T1X_BASE, SIZE, NULL));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(0, t1x_locked());
	EXPECT_EQ(-ENOENT, restore(&self->c, self->mem, T1X_BASE, SIZE));

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate_all(&self->c, NULL));
	EXPECT_EQ(SIZE, t1x_unmap_all(&self->c));
	EXPECT_EQ(0, t1x_locked());
	/* Nothing is invalid */
	if (other && strcmp(other, self->real))
		t1x_add_group(&self->c, other);
}

TEST_F(vaddr, container_with_an_invalid_mapping_closes)
{
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate_all(&self->c, NULL));
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_locked());
}

TEST_F(vaddr, group_cannot_come_while_an_address_is_invalid)
{
	const char *other = t1x_nvme(0);

	if (!other || !strcmp(other, self->real))
		SKIP(return, "one device only");
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8));
	t1x_map(&self->c, self->mem + PAGES(8), 2 * T1X_BASE, PAGES(8));
	ASSERT_EQ(0, invalidate_all(&self->c, NULL));
	EXPECT_EQ(-EBUSY, __t1x_add_group(&self->c, other));
	ASSERT_EQ(0, restore(&self->c, self->mem, T1X_BASE, PAGES(8)));
	EXPECT_EQ(-EBUSY, __t1x_add_group(&self->c, other));
	ASSERT_EQ(0, restore(&self->c, self->mem + PAGES(8), 2 * T1X_BASE,
			     PAGES(8)));
	t1x_add_group(&self->c, other);

	/* One that is there may go */
	ASSERT_EQ(0, invalidate_all(&self->c, NULL));
	t1x_del_group(&self->c, other);
	EXPECT_EQ(16, t1x_locked());
	ASSERT_EQ(0, restore(&self->c, self->mem, T1X_BASE, PAGES(8)));
}

TEST_F(vaddr, emulated_groups_and_invalid_addresses_exclude_each_other)
{
	if (variant->type == VFIO_TYPE1_IOMMU || !t1x_emu_load(1, 0))
		SKIP(return, "needs type1v2 and the module t1x_emu");
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate_all(&self->c, NULL));
	EXPECT_EQ(-EBUSY, __t1x_add_group(&self->c, t1x_emu(0)));
	ASSERT_EQ(0, restore(&self->c, self->mem, T1X_BASE, SIZE));

	t1x_add_group(&self->c, t1x_emu(0));
	EXPECT_EQ(0,
		  ioctl(self->c.fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR));
	EXPECT_EQ(-EBUSY, invalidate(&self->c, T1X_BASE, SIZE, NULL));
	/* Before anything else is looked at */
	EXPECT_EQ(-EBUSY, invalidate(&self->c, T1X_BASE + 1, 0, NULL));
	EXPECT_EQ(-EBUSY, invalidate_all(&self->c, NULL));
	EXPECT_TRUE(is_valid(&self->c, self->mem, T1X_BASE, SIZE));
	t1x_del_group(&self->c, t1x_emu(0));
	EXPECT_EQ(1,
		  ioctl(self->c.fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR));
	EXPECT_EQ(0, invalidate_all(&self->c, NULL));
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_emu_settle());
}

struct shared {
	struct t1x *c;
	char *mem;
	int stage[2]; /* pipe */
};

static int child_takes_over(void *data)
{
	struct shared *shared = data;
	pid_t parent = getppid();

	if (t1x_locked())
		return 1;
	if (restore(shared->c, shared->mem, T1X_BASE, SIZE))
		return 2;
	if (t1x_locked() != NPAGES)
		return 3;
	if (t1x_locked_of(parent))
		return 4;
	if (!is_valid(shared->c, shared->mem, T1X_BASE, SIZE))
		return 5;
	t1x_unmap(shared->c, T1X_BASE, SIZE);
	if (t1x_locked() || t1x_locked_of(parent))
		return 6;
	t1x_map(shared->c, shared->mem, T1X_BASE, SIZE);
	return invalidate_all(shared->c, NULL) ? 7 : 0;
}

TEST_F(vaddr, charge_moves_with_the_memory_to_a_child_and_back)
{
	struct shared shared = { &self->c, self->mem };

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate_all(&self->c, NULL));
	EXPECT_EQ(NPAGES, t1x_locked());
	ASSERT_EQ(0, t1x_in_child(child_takes_over, &shared));

	/* The child is dead; what it has left behind is free for us */
	EXPECT_EQ(0, t1x_locked());
	ASSERT_EQ(0, restore(&self->c, self->mem, T1X_BASE, SIZE));
	EXPECT_EQ(NPAGES, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(0, t1x_locked());
}

static int limited_child_takes_over(void *data)
{
	struct shared *shared = data;
	pid_t parent = getppid();

	t1x_drop_ipc_lock();
	t1x_set_memlock(SIZE - T1X_PAGE);
	if (restore(shared->c, shared->mem, T1X_BASE, SIZE) != -ENOMEM)
		return 1;
	if (t1x_locked() || t1x_locked_of(parent) != NPAGES)
		return 2;
	if (restore(shared->c, shared->mem, T1X_BASE, SIZE) != -ENOMEM)
		return 3;
	t1x_set_memlock(SIZE);
	if (restore(shared->c, shared->mem, T1X_BASE, SIZE))
		return 4;
	if (t1x_locked() != NPAGES || t1x_locked_of(parent))
		return 5;
	/* There is room for nothing more */
	if (__t1x_map(shared->c, shared->mem, 2 * T1X_BASE, T1X_PAGE) !=
	    -ENOMEM)
		return 6;
	t1x_unmap(shared->c, T1X_BASE, SIZE);
	return t1x_locked();
}

TEST_F(vaddr, taking_over_is_held_to_the_memlock_limit)
{
	struct shared shared = { &self->c, self->mem };

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate_all(&self->c, NULL));
	EXPECT_EQ(0, t1x_in_child(limited_child_takes_over, &shared));
	EXPECT_EQ(0, t1x_locked());
}

static int poor_child_takes_over(void *data)
{
	struct shared *shared = data;

	t1x_drop_ipc_lock();
	t1x_set_memlock(0);
	return -restore(shared->c, shared->mem, T1X_BASE, SIZE);
}

TEST_F(vaddr, take_over_that_fails_changes_nothing)
{
	struct shared shared = { &self->c, self->mem };

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate_all(&self->c, NULL));
	EXPECT_EQ(ENOMEM, t1x_in_child(poor_child_takes_over, &shared));
	EXPECT_EQ(NPAGES, t1x_locked());
	EXPECT_EQ(-EINVAL, invalidate_all(&self->c, NULL));
	EXPECT_EQ(0, restore(&self->c, self->mem, T1X_BASE, SIZE));
	EXPECT_EQ(NPAGES, t1x_locked());
}

static int child_leaves_its_mapping(void *data)
{
	struct shared *shared = data;

	t1x_map(shared->c, shared->mem, T1X_BASE, SIZE);
	return invalidate_all(shared->c, NULL) ? 1 : 0;
}

TEST_F(vaddr, pins_on_their_way_do_not_count_against_the_next_map)
{
	struct shared shared = { &self->c, self->mem };

	ASSERT_EQ(0, t1x_in_child(child_leaves_its_mapping, &shared));
	t1x_drop_ipc_lock();
	t1x_set_memlock(SIZE + T1X_PAGE);
	t1x_map(&self->c, self->mem, 2 * T1X_BASE, T1X_PAGE);
	/* Taken over, they do */
	ASSERT_EQ(0, restore(&self->c, self->mem, T1X_BASE, SIZE));
	EXPECT_EQ(NPAGES + 1, t1x_locked());
	EXPECT_EQ(-ENOMEM,
		  __t1x_map(&self->c, self->mem, 3 * T1X_BASE, T1X_PAGE));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(1, t1x_locked());
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_unmap_all(&self->c);
	EXPECT_EQ(0, t1x_locked());
}

/*
 * The second half of the exec tests: a fresh image of this program with the
 * container and the memory that the first half left open.
 */
#define EXEC_ENV "T1X_AFTER_EXEC"

enum { EXEC_RESTORES, EXEC_UNMAPS, EXEC_IS_LIMITED };

static int after_exec(int fd, int memfd, int what)
{
	struct t1x c = { .fd = fd };
	char *mem = map_memfd(memfd);
	u64 size = 0;

	if (t1x_locked())
		return 10;
	if (what == EXEC_IS_LIMITED) {
		t1x_drop_ipc_lock();
		t1x_set_memlock(SIZE - T1X_PAGE);
		if (restore(&c, mem, T1X_BASE, SIZE) != -ENOMEM)
			return 11;
		if (t1x_locked())
			return 12;
		/* Still as before, and not in the way of what there is room for */
		if (__t1x_map(&c, mem, 2 * T1X_BASE, T1X_PAGE) ||
		    t1x_locked() != 1)
			return 13;
		if (__t1x_unmap(&c, 2 * T1X_BASE, T1X_PAGE, &size))
			return 14;
		t1x_set_memlock(SIZE);
	}
	if (what != EXEC_UNMAPS) {
		if (restore(&c, mem, T1X_BASE, SIZE))
			return 15;
		if (t1x_locked() != NPAGES)
			return 16;
		if (!is_valid(&c, mem, T1X_BASE, SIZE))
			return 17;
	}
	/* M35: never below 0 */
	if (__t1x_unmap(&c, T1X_BASE, SIZE, &size) || size != SIZE)
		return 18;
	if (t1x_locked())
		return 19;
	if (__t1x_map(&c, mem, T1X_BASE, SIZE) || t1x_locked() != NPAGES)
		return 20;
	if (__t1x_unmap(&c, T1X_BASE, SIZE, &size) || t1x_locked())
		return 21;
	return 0;
}

__attribute__((constructor)) static void run_after_exec(void)
{
	const char *env = getenv(EXEC_ENV);
	int fd, memfd, what;

	if (env && sscanf(env, "%d,%d,%d", &fd, &memfd, &what) == 3)
		_exit(after_exec(fd, memfd, what));
}

struct exec {
	struct t1x *c;
	char *mem;
	int memfd;
	int what;
};

static int child_execs(void *data)
{
	struct exec *exec = data;
	char env[64];
	char *const argv[] = { "vaddr", NULL };
	char *const envp[] = { env, NULL };

	t1x_map(exec->c, exec->mem, T1X_BASE, SIZE);
	if (t1x_locked() != NPAGES || invalidate_all(exec->c, NULL))
		return 8;
	fcntl(exec->c->fd, F_SETFD, 0);
	fcntl(exec->memfd, F_SETFD, 0);
	snprintf(env, sizeof(env), EXEC_ENV "=%d,%d,%d", exec->c->fd,
		 exec->memfd, exec->what);
	execve("/proc/self/exe", argv, envp);
	return 9;
}

TEST_F(vaddr, exec_with_the_container_takes_the_memory_over)
{
	struct exec exec = { &self->c, self->mem, self->memfd, EXEC_RESTORES };

	EXPECT_EQ(0, t1x_in_child(child_execs, &exec));
}

TEST_F(vaddr, M35_exec_with_the_container_and_unmap_without_a_restore)
{
	struct exec exec = { &self->c, self->mem, self->memfd, EXEC_UNMAPS };

	EXPECT_EQ(0, t1x_in_child(child_execs, &exec));
}

TEST_F(vaddr, exec_with_too_low_a_limit_changes_nothing)
{
	struct exec exec = { &self->c, self->mem, self->memfd,
			     EXEC_IS_LIMITED };

	EXPECT_EQ(0, t1x_in_child(child_execs, &exec));
}

TEST_F(vaddr, child_takes_over_while_the_parent_lives_and_dies_with_it)
{
	struct shared shared = { &self->c, self->mem };

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	ASSERT_EQ(0, invalidate_all(&self->c, NULL));
	/* The child leaves a mapping that is valid, and dead */
	ASSERT_EQ(0, t1x_in_child(child_takes_over, &shared));
	EXPECT_EQ(0, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(0, t1x_locked());
}

TEST_HARNESS_MAIN
