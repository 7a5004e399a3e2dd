// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated and real groups in one container, in every order: with the first
 * real group all memory is pinned and mapped, with the last one it goes back to
 * what the emulated devices have pinned.
 */
#include "device_edu.h"
#include "device_emu.h"
#include "iotable.h"
#include "suite.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NPAGES 16
#define SIZE PAGES(NPAGES)
#define LEN 64
#define PATIENCE_MS 20000

FIXTURE(mixed)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_edu edu;
	struct t1x_leak leak;
	const char *real;
	char *mem;
};

FIXTURE_SETUP(mixed)
{
	self->real = t1x_edu(0);
	if (!self->real || !t1x_emu_load(2, 0))
		SKIP(return, "needs an edu device and the module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_emu_begin(&self->emu, &self->c, &self->leak);
}

FIXTURE_TEARDOWN(mixed)
{
	t1x_edu_close(&self->edu);
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

static bool pins_are(struct _test_data_mixed *self, long n)
{
	return t1x_pinned_are(&self->leak, n, n);
}

/* Writes by the device arrive in mem, where iova is mapped to mem */
static bool reaches(struct _test_data_mixed *self, char *mem, u64 iova)
{
	static unsigned char seed = 0x31;

	seed += 2;
	memset(mem, seed, LEN);
	memset(mem + LEN, 0, LEN);
	t1x_edu_copy(&self->edu, iova, iova + LEN, LEN);
	return (unsigned char)mem[LEN] == seed &&
	       (unsigned char)mem[2 * LEN - 1] == seed;
}

static bool real_reaches(struct _test_data_mixed *self)
{
	bool ok;

	t1x_edu_open(&self->edu, &self->c, self->real);
	ok = reaches(self, self->mem, T1X_BASE) &&
	     reaches(self, self->mem + SIZE - T1X_PAGE,
		     T1X_BASE + SIZE - T1X_PAGE);
	t1x_edu_close(&self->edu);
	return ok;
}

TEST_F(mixed, first_real_group_pins_and_maps_all)
{
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	EXPECT_TRUE(pins_are(self, 0));
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(pins_are(self, NPAGES));
	EXPECT_TRUE(real_reaches(self));
	if (t1x_iotable_available(self->real))
		EXPECT_EQ(0, t1x_iotable_compare(self->real, self->mem,
						 T1X_BASE, SIZE, true, true));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(mixed, memory_nobody_has_touched_is_pinned_at_the_attach)
{
	char *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	t1x_map(&self->c, mem, T1X_BASE, SIZE);
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(pins_are(self, NPAGES));
	t1x_edu_open(&self->edu, &self->c, self->real);
	EXPECT_TRUE(reaches(self, mem, T1X_BASE));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	munmap(mem, SIZE);
}

TEST_F(mixed, huge_pages_are_pinned_at_the_attach)
{
	char *huge = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);

	if (!huge)
		SKIP(return, "no 2M page");
	t1x_map(&self->c, huge, T1X_BASE, T1X_2M);
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(100), 3);
	t1x_add_group(&self->c, self->real);
	EXPECT_EQ(512, t1x_locked());
	t1x_edu_open(&self->edu, &self->c, self->real);
	EXPECT_TRUE(reaches(self, huge, T1X_BASE));
	t1x_edu_close(&self->edu);
	t1x_del_group(&self->c, self->real);
	EXPECT_TRUE(pins_are(self, 3));
	t1x_unmap(&self->c, T1X_BASE, T1X_2M);
	EXPECT_TRUE(pins_are(self, 0));
	t1x_mem_free(T1X_MEM_2M, huge, T1X_2M);
}

TEST_F(mixed, last_real_group_unpins_and_leaves_the_mappings)
{
	char byte = 4;
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	for (i = 0; i < 3; i++) {
		t1x_add_group(&self->c, self->real);
		EXPECT_TRUE(pins_are(self, NPAGES));
		EXPECT_TRUE(real_reaches(self));
		t1x_del_group(&self->c, self->real);
		EXPECT_TRUE(pins_are(self, 0));
		EXPECT_EQ(-EEXIST,
			  __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
		EXPECT_EQ(0, __t1x_emu_write(&self->emu, T1X_BASE, &byte, 1));
	}
	/* No IOMMU any more, so no limits either */
	t1x_map(&self->c, self->mem, 1UL << 60, SIZE);
	EXPECT_EQ(2 * SIZE, t1x_unmap_all(&self->c));
}

TEST_F(mixed, pages_pinned_by_a_device_are_charged_once)
{
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(2), 5);
	EXPECT_TRUE(pins_are(self, 5));
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, NPAGES + 5));
	EXPECT_TRUE(real_reaches(self));

	/* Pin and unpin in the meantime cost nothing and give nothing back */
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(6), 4);
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, NPAGES + 8));
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(2), 2);
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, NPAGES + 6));

	t1x_del_group(&self->c, self->real);
	EXPECT_TRUE(pins_are(self, 6));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(0, t1x_emu_held(&self->emu));
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(mixed, M40_pins_within_a_page_leave_no_charge)
{
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE + 1, 1);
	t1x_add_group(&self->c, self->real);
	t1x_emu_unpin(&self->emu, T1X_BASE + 1, 1);
	t1x_emu_pin(&self->emu, T1X_BASE + 0x21, 2);
	t1x_del_group(&self->c, self->real);
	EXPECT_TRUE(pins_are(self, 2));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(mixed, device_pins_what_is_mapped_for_a_real_group)
{
	u64 pfns[NPAGES];
	int i;

	t1x_add_group(&self->c, self->real);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	EXPECT_TRUE(pins_are(self, NPAGES));
	ASSERT_EQ(NPAGES, __t1x_emu_pin_flags(&self->emu, T1X_BASE, NPAGES,
					      T1X_EMU_PROT_RW, 0, pfns));
	for (i = 0; i < NPAGES; i++)
		EXPECT_EQ(t1x_phys(self->mem + PAGES(i)), pfns[i] * T1X_PAGE);
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, 2 * NPAGES));
	t1x_emu_unpin(&self->emu, T1X_BASE, NPAGES);
	EXPECT_TRUE(pins_are(self, NPAGES));
}

TEST_F(mixed, unmap_tells_the_device_and_ends_dma)
{
	self->leak.allow_faults = true;
	t1x_add_group(&self->c, self->real);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE, 3);
	t1x_edu_open(&self->edu, &self->c, self->real);
	EXPECT_TRUE(reaches(self, self->mem, T1X_BASE));

	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(1, t1x_emu_callbacks(&self->emu));
	EXPECT_TRUE(pins_are(self, 0));
	EXPECT_FALSE(reaches(self, self->mem, T1X_BASE));
}

TEST_F(mixed, emulated_group_comes_to_a_real_one)
{
	t1x_emu_close(&self->emu);
	t1x_close(&self->c);
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, self->real);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_add_group(&self->c, t1x_emu(0));
	t1x_emu_open(&self->emu, &self->c, t1x_emu(0));

	t1x_emu_pin(&self->emu, T1X_BASE, 2);
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, NPAGES + 2));
	t1x_del_group(&self->c, self->real);
	EXPECT_TRUE(pins_are(self, 2));
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, NPAGES + 2));
	EXPECT_TRUE(real_reaches(self));
}

TEST_F(mixed, emulated_group_leaves_a_real_one)
{
	t1x_add_group(&self->c, self->real);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE, 2);
	t1x_emu_close(&self->emu);
	t1x_del_group(&self->c, t1x_emu(0));
	EXPECT_TRUE(pins_are(self, NPAGES));
	EXPECT_TRUE(real_reaches(self));
	t1x_del_group(&self->c, self->real);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(mixed, emulated_group_that_is_last_takes_the_mappings_with_it)
{
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_add_group(&self->c, self->real);
	t1x_del_group(&self->c, self->real);
	t1x_emu_pin(&self->emu, T1X_BASE, 2);
	t1x_emu_close(&self->emu);
	t1x_del_group(&self->c, t1x_emu(0));
	EXPECT_TRUE(pins_are(self, 0));

	t1x_add_group(&self->c, self->real);
	ASSERT_EQ(0, __t1x_set_iommu(&self->c));
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	EXPECT_TRUE(real_reaches(self));
}

TEST_F(mixed, info_follows_the_real_group)
{
	struct vfio_iommu_type1_info *info;
	u64 buf[512];

	t1x_add_group(&self->c, self->real);
	ASSERT_EQ(0, __t1x_get_info(&self->c, buf, sizeof(buf)));
	info = (void *)buf;
	EXPECT_NE(~(T1X_PAGE - 1), info->iova_pgsizes);
	EXPECT_TRUE(info->iova_pgsizes & T1X_PAGE);
	EXPECT_NE(NULL,
		  t1x_cap_find(buf, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE));
	EXPECT_EQ(-EINVAL,
		  __t1x_map(&self->c, self->mem, 0xfee00000, T1X_PAGE));
	EXPECT_EQ(0,
		  ioctl(self->c.fd, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR));

	t1x_del_group(&self->c, self->real);
	ASSERT_EQ(0, __t1x_get_info(&self->c, buf, sizeof(buf)));
	EXPECT_EQ(~(T1X_PAGE - 1), info->iova_pgsizes);
	t1x_map(&self->c, self->mem, 0xfee00000, T1X_PAGE);
}

/* The attach that fails must leave all as it was; error 0 is any */
static void attach_fails(struct _test_data_mixed *self, int error)
{
	long locked = t1x_locked(), pins = t1x_pins();
	u32 avail = t1x_dma_avail(&self->c);
	int ret = __t1x_add_group(&self->c, self->real);
	char byte;

	t1x_require(error ? ret == -error : ret < 0,
		    "the attach gave %d, not %d", ret, -error);
	t1x_require(t1x_locked() == locked, "VmLck was %ld, is %ld", locked,
		    t1x_locked());
	t1x_require(t1x_pins() == pins, "there were %ld pins, are %ld", pins,
		    t1x_pins());
	t1x_require(t1x_dma_avail(&self->c) == avail, "mappings are lost");
	t1x_require(!__t1x_emu_read(&self->emu, T1X_BASE, &byte, 1),
		    "a mapping is lost");
}

TEST_F(mixed, M23_attach_fails_where_memory_cannot_be_pinned)
{
	/* Before, between and after what can be */
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_map(&self->c, (void *)T1X_1G, T1X_BASE + SIZE, T1X_PAGE);
	t1x_map(&self->c, self->mem, T1X_BASE + 2 * SIZE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE, 2);
	attach_fails(self, EFAULT);

	t1x_unmap(&self->c, T1X_BASE + SIZE, T1X_PAGE);
	EXPECT_TRUE(pins_are(self, 2));
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(real_reaches(self));
	EXPECT_TRUE(t1x_pinned_are(&self->leak, 2 * NPAGES, 2 * NPAGES + 2));
	t1x_unmap_all(&self->c);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(mixed, attach_fails_where_the_memlock_limit_is_too_small)
{
	t1x_drop_ipc_lock();
	t1x_set_memlock(SIZE - T1X_PAGE);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE, 2);
	attach_fails(self, ENOMEM);
	t1x_set_memlock(SIZE);
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, NPAGES + 2));
}

TEST_F(mixed, attach_fails_where_a_mapping_is_outside_of_the_iova_space)
{
	const u64 bad[] = { 0xfee00000, 1UL << 60 };
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	for (i = 0; i < 2; i++) {
		/* AMD-Vi's space is of 64 bits */
		if (i && !strcmp(getenv("T1X_IOMMU") ?: "", "amd"))
			break;
		t1x_map(&self->c, self->mem, bad[i], T1X_PAGE);
		/* Each IOMMU driver has an errno of its own for this one */
		attach_fails(self, i ? 0 : EINVAL);
		t1x_unmap(&self->c, bad[i], T1X_PAGE);
	}
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(pins_are(self, NPAGES));
	EXPECT_TRUE(real_reaches(self));
}

/* A process that maps mem and waits: what it finds there then is its status */
struct mapper {
	pid_t pid;
	atomic_int *step;
};

static void mapper_run(struct _test_data_mixed *self, atomic_int *step)
{
	u64 end = t1x_now_ms() + PATIENCE_MS;
	int i, bad = 0;

	memset(self->mem, 0xa1, LEN);
	memset(self->mem + LEN, 0xa2, LEN);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	*step = 1;
	while (*step < 2 && t1x_now_ms() < end)
		t1x_sleep_ms(5);
	if (t1x_locked() != NPAGES)
		bad |= 2;
	for (i = 0; i < LEN; i++)
		if ((unsigned char)self->mem[LEN + i] != 0xa1)
			bad |= 1;
	*step = 3;
	while (*step < 4 && t1x_now_ms() < end)
		t1x_sleep_ms(5);
	if (t1x_locked())
		bad |= 4;
	_exit(bad);
}

static void mapper_step(struct mapper *mapper, int wanted)
{
	u64 end = t1x_now_ms() + PATIENCE_MS;

	while (*mapper->step < wanted) {
		t1x_require(t1x_now_ms() < end, "the mapper stands still");
		t1x_sleep_ms(5);
	}
}

TEST_F(mixed, L04_attach_by_another_process_pins_the_mappers_memory)
{
	struct mapper mapper;
	int i, status;

	mapper.step = mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(self->mem, 0xb0, SIZE);
	mapper.pid = t1x_fork();
	if (!mapper.pid)
		mapper_run(self, mapper.step);
	mapper_step(&mapper, 1);
	/* It writes: at this address, each has pages of its own from here on */
	memset(self->mem, 0xb1, SIZE);

	t1x_add_group(&self->c, self->real);
	EXPECT_EQ(0, t1x_locked());
	t1x_edu_open(&self->edu, &self->c, self->real);
	t1x_edu_copy(&self->edu, T1X_BASE, T1X_BASE + LEN, LEN);
	t1x_edu_close(&self->edu);
	for (i = 0; i < 2 * LEN; i++)
		EXPECT_EQ(0xb1, (unsigned char)self->mem[i]);
	*mapper.step = 2;
	mapper_step(&mapper, 3);
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	*mapper.step = 4;
	ASSERT_EQ(0, t1x_wait(mapper.pid, PATIENCE_MS, &status));
	/* 1: the device was at another's memory; 2, 4: VmLck is wrong */
	EXPECT_EQ(0, WEXITSTATUS(status));
	munmap(mapper.step, T1X_PAGE);
}

static int map_in_child(void *arg)
{
	struct _test_data_mixed *self = arg;

	t1x_map(&self->c, self->mem, T1X_BASE + 4 * SIZE, SIZE);
	return 0;
}

TEST_F(mixed, L04_attach_fails_where_a_mapper_is_dead)
{
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE, 1);
	EXPECT_EQ(0, t1x_in_child(map_in_child, self));
	attach_fails(self, ESRCH);
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE + 4 * SIZE,
				     T1X_PAGE));

	t1x_unmap(&self->c, T1X_BASE + 4 * SIZE, SIZE);
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(real_reaches(self));
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, NPAGES + 1));
}

TEST_F(mixed, attach_to_a_mapping_whose_device_refuses_to_unpin)
{
	if (t1x_spares_type1())
		SKIP(return, "type1 stops the machine: BUG_ON(++retries > 10)");
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE, 3);
	t1x_emu_config(&self->emu, T1X_EMU_REFUSE, 0, 0);
	EXPECT_EQ(-EBUSY, __t1x_unmap(&self->c, T1X_BASE, SIZE, NULL));
	t1x_add_group(&self->c, self->real);
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, NPAGES + 3));
	EXPECT_TRUE(real_reaches(self));

	/* With an IOMMU too: what is not unpinned is not unmapped */
	EXPECT_EQ(-EBUSY, __t1x_unmap(&self->c, T1X_BASE, SIZE, NULL));
	EXPECT_TRUE(real_reaches(self));
	EXPECT_TRUE(t1x_pinned_are(&self->leak, NPAGES, NPAGES + 3));
	t1x_emu_config(&self->emu, T1X_EMU_UNPIN_ALL, 0, 0);
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_TRUE(pins_are(self, 0));
}

/* An UNMAP in a process of its own */
static pid_t unmap_in_child(struct _test_data_mixed *self, u64 size)
{
	u64 end = t1x_now_ms() + PATIENCE_MS;
	u64 unmapped = 0;
	pid_t pid;

	t1x_emu_config(&self->emu, T1X_EMU_UNPIN_ALL, 500, 0);
	pid = t1x_fork();
	if (!pid) {
		if (__t1x_unmap(&self->c, T1X_BASE, size, &unmapped))
			_exit(1);
		_exit(unmapped == size ? 0 : 2);
	}
	t1x_require(t1x_emu_wait_callback(&self->emu, end - t1x_now_ms()),
		    "the device was not called");
	return pid;
}

TEST_F(mixed, real_group_comes_while_a_device_is_slow_to_unpin)
{
	int status;
	pid_t pid;

	t1x_map(&self->c, self->mem, T1X_BASE + SIZE, SIZE);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE, 2);
	pid = unmap_in_child(self, SIZE);
	t1x_add_group(&self->c, self->real);
	ASSERT_EQ(0, t1x_wait(pid, PATIENCE_MS, &status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_TRUE(pins_are(self, NPAGES));
	t1x_edu_open(&self->edu, &self->c, self->real);
	EXPECT_TRUE(reaches(self, self->mem, T1X_BASE + SIZE));
}

TEST_F(mixed, real_group_leaves_while_a_device_is_slow_to_unpin)
{
	int status;
	pid_t pid;

	t1x_add_group(&self->c, self->real);
	t1x_map(&self->c, self->mem, T1X_BASE + SIZE, SIZE);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE, 2);
	t1x_emu_pin(&self->emu, T1X_BASE + SIZE, 1);
	pid = unmap_in_child(self, SIZE);
	t1x_del_group(&self->c, self->real);
	ASSERT_EQ(0, t1x_wait(pid, PATIENCE_MS, &status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_TRUE(pins_are(self, 1));
}

TEST_F(mixed, real_group_comes_and_leaves_while_devices_pin_and_unpin)
{
	bool done = false;
	int i, status;
	pid_t pid;

	if (t1x_is_type1_on_debug())
		SKIP(return, "in-tree loses the charge of a page now and then");
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	pid = t1x_fork();
	if (!pid) {
		u64 end = t1x_now_ms() + 2 * PATIENCE_MS;

		/* The parent takes what is left; then this one is killed */
		while (t1x_now_ms() < end) {
			t1x_emu_pin(&self->emu, T1X_BASE + PAGES(3), 7);
			t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(3), 7);
		}
		_exit(0);
	}
	for (i = 0; i < 10; i++) {
		t1x_add_group(&self->c, self->real);
		done |= t1x_locked() == NPAGES;
		t1x_del_group(&self->c, self->real);
	}
	kill(pid, SIGKILL);
	ASSERT_EQ(0, t1x_wait(pid, PATIENCE_MS, &status));
	EXPECT_TRUE(done);
	EXPECT_TRUE(WIFSIGNALED(status));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(0, t1x_emu_held(&self->emu));
	EXPECT_TRUE(pins_are(self, 0));
}

/* L15: 7.3 computes the end of a pin's page, which wraps at the top */
TEST_F(mixed, L15_pins_at_the_top_of_the_space_are_charged_once)
{
	u64 top = ~0UL - 4 * T1X_PAGE + 1;
	struct t1x_range ranges[16];
	int n;

	t1x_add_group(&self->c, self->real);
	n = t1x_ranges(&self->c, ranges, 16);
	if (ranges[n - 1].last != ~0UL)
		SKIP(return, "the IOMMU's space ends below");
	t1x_del_group(&self->c, self->real);

	/* Not the last page, which in-tree loses on other kernels */
	t1x_map(&self->c, self->mem, top, PAGES(3));
	t1x_emu_pin(&self->emu, top, 3);
	if (t1x_is_type1x() || t1x_kernel_at_least(6, 18)) {
		t1x_map(&self->c, self->mem + PAGES(3), top + PAGES(3),
			T1X_PAGE);
		t1x_emu_pin(&self->emu, top + PAGES(3), 1);
	}
	n = t1x_locked();
	t1x_add_group(&self->c, self->real);
	EXPECT_EQ(n, t1x_locked());
	t1x_del_group(&self->c, self->real);
	EXPECT_EQ(n, t1x_locked());
	t1x_unmap_all(&self->c);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_HARNESS_MAIN
