// SPDX-License-Identifier: GPL-2.0-only
/*
 * UNMAP of what emulated devices have pinned: they are told, and must unpin. A
 * device may be slow to, may not, or may pin again: UNMAP ends all the same.
 * On in-tree type1 some of these stop the machine; such tests are skipped there.
 */
#include "device_emu.h"
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define NPAGES 16
#define SIZE PAGES(NPAGES)
#define SLOW_MS 400
#define PATIENCE_MS 20000

FIXTURE(unmap)
{
	struct t1x c;
	struct t1x_emu emu[2];
	struct t1x_leak leak;
	char *mem;
};

FIXTURE_SETUP(unmap)
{
	int i;

	if (!t1x_emu_load(2, 0))
		SKIP(return, "no module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, t1x_emu(0));
	t1x_add_group(&self->c, t1x_emu(1));
	for (i = 0; i < 2; i++)
		t1x_emu_open(&self->emu[i], &self->c, t1x_emu(i));
}

FIXTURE_TEARDOWN(unmap)
{
	t1x_emu_close(&self->emu[0]);
	t1x_emu_close(&self->emu[1]);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_emu_settle());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static bool pins_are(struct _test_data_unmap *self, long n)
{
	return t1x_pinned_are(&self->leak, n, n);
}

/* An UNMAP in a thread of its own */
struct unmapper {
	pthread_t thread;
	struct t1x *c;
	u64 iova, size;
	int ret;
	u64 unmapped;
	atomic_bool ended;
};

static void *unmap_thread(void *arg)
{
	struct unmapper *unmapper = arg;

	unmapper->ret = __t1x_unmap(unmapper->c, unmapper->iova, unmapper->size,
				    &unmapper->unmapped);
	unmapper->ended = true;
	return NULL;
}

static void start_unmap(struct unmapper *unmapper, struct t1x *c, u64 iova,
			u64 size)
{
	memset(unmapper, 0, sizeof(*unmapper));
	unmapper->c = c;
	unmapper->iova = iova;
	unmapper->size = size;
	t1x_require(!pthread_create(&unmapper->thread, NULL, unmap_thread,
				    unmapper),
		    "no thread");
}

static void end_unmap(struct unmapper *unmapper)
{
	u64 end = t1x_now_ms() + PATIENCE_MS;

	while (!unmapper->ended) {
		t1x_require(t1x_now_ms() < end,
			    "UNMAP at 0x%lx did not end within %d s",
			    unmapper->iova, PATIENCE_MS / 1000);
		t1x_sleep_ms(5);
	}
	pthread_join(unmapper->thread, NULL);
}

/* The mapping that most tests have, with pins of the first device */
static void map_pinned(struct _test_data_unmap *self, int npages)
{
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu[0], T1X_BASE, npages);
}

/* Starts an UNMAP of what is pinned and returns when the device is in it */
static void start_slow_unmap(struct _test_data_unmap *self,
			     struct unmapper *unmapper, u64 size)
{
	t1x_emu_config(&self->emu[0], T1X_EMU_UNPIN_ALL, SLOW_MS, 0);
	start_unmap(unmapper, &self->c, T1X_BASE, size);
	t1x_require(t1x_emu_wait_callback(&self->emu[0], PATIENCE_MS),
		    "the device was not called");
}

/* Ends it: did it remove the mapping with its pins? Prints what is not so */
static bool slow_unmap_succeeds(struct _test_data_unmap *self,
				struct unmapper *unmapper)
{
	end_unmap(unmapper);
	if (!unmapper->ret && unmapper->unmapped == SIZE)
		return pins_are(self, 0);
	printf("# UNMAP returned %d, %lu bytes\n", unmapper->ret,
	       unmapper->unmapped);
	return false;
}

TEST_F(unmap, without_pins_no_device_is_called)
{
	map_pinned(self, NPAGES);
	t1x_emu_unpin(&self->emu[0], T1X_BASE, NPAGES);
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(0, t1x_emu_callbacks(&self->emu[0]));
	EXPECT_EQ(0, t1x_emu_callbacks(&self->emu[1]));
}

TEST_F(unmap, with_pins_every_device_is_called_once_with_the_mapping)
{
	struct t1x_emu_range range;
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu[0], T1X_BASE + PAGES(3), 2);
	t1x_emu_pin(&self->emu[0], T1X_BASE + PAGES(4), 2);
	EXPECT_TRUE(pins_are(self, 3));
	t1x_unmap(&self->c, T1X_BASE, SIZE);

	EXPECT_TRUE(pins_are(self, 0));
	EXPECT_EQ(0, t1x_emu_held(&self->emu[0]));
	/* The second has no pin, which nobody but itself knows */
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, t1x_emu_ranges(&self->emu[i], &range, 1));
		EXPECT_EQ(T1X_BASE, range.iova);
		EXPECT_EQ(SIZE, range.len);
	}
}

TEST_F(unmap, pins_of_two_devices_in_one_page_both_go)
{
	map_pinned(self, 4);
	t1x_emu_pin(&self->emu[1], T1X_BASE + PAGES(2), 4);
	EXPECT_TRUE(pins_are(self, 6));
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_TRUE(pins_are(self, 0));
	EXPECT_EQ(0, t1x_emu_held(&self->emu[0]));
	EXPECT_EQ(0, t1x_emu_held(&self->emu[1]));
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
}

TEST_F(unmap, devices_are_told_of_each_pinned_mapping_in_order)
{
	struct t1x_emu_range ranges[4] = {};
	int i;

	for (i = 0; i < 8; i++)
		t1x_map(&self->c, self->mem, T1X_BASE + i * SIZE, SIZE);
	for (i = 6; i >= 0; i -= 2)
		t1x_emu_pin(&self->emu[0], T1X_BASE + i * SIZE + PAGES(i), 1);
	t1x_unmap(&self->c, T1X_BASE, 8 * SIZE);

	EXPECT_EQ(4, t1x_emu_ranges(&self->emu[0], ranges, 4));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(T1X_BASE + 2 * i * SIZE, ranges[i].iova);
		EXPECT_EQ(SIZE, ranges[i].len);
	}
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(unmap, of_everything_tells_of_every_pinned_mapping)
{
	t1x_map(&self->c, self->mem, 0, SIZE);
	t1x_map(&self->c, self->mem, 1UL << 63, SIZE);
	t1x_emu_pin(&self->emu[0], 0, 1);
	t1x_emu_pin(&self->emu[1], 1UL << 63, 1);
	EXPECT_EQ(2 * SIZE, t1x_unmap_all(&self->c));
	EXPECT_EQ(2, t1x_emu_callbacks(&self->emu[0]));
	EXPECT_EQ(2, t1x_emu_callbacks(&self->emu[1]));
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(unmap, that_is_refused_calls_nobody)
{
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_map(&self->c, self->mem, T1X_BASE + SIZE, SIZE);
	t1x_emu_pin(&self->emu[0], T1X_BASE, NPAGES);
	EXPECT_EQ(-EINVAL, __t1x_unmap(&self->c, T1X_BASE, T1X_PAGE, NULL));
	EXPECT_EQ(-EINVAL,
		  __t1x_unmap(&self->c, T1X_BASE, SIZE + T1X_PAGE, NULL));
	EXPECT_EQ(0, t1x_emu_callbacks(&self->emu[0]));
	EXPECT_TRUE(pins_are(self, NPAGES));
}

TEST_F(unmap, of_many_pins_ends)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(2048));
	int i;

	t1x_map(&self->c, mem, T1X_BASE, PAGES(2048));
	for (i = 0; i < 2048; i += 512)
		t1x_emu_pin(&self->emu[0], T1X_BASE + PAGES(i), 512);
	EXPECT_TRUE(pins_are(self, 2048));
	t1x_unmap(&self->c, T1X_BASE, PAGES(2048));
	EXPECT_TRUE(pins_are(self, 0));
	munmap(mem, PAGES(2048));
}

TEST_F(unmap, driver_that_unpins_at_the_third_call_is_waited_for)
{
	map_pinned(self, NPAGES);
	t1x_emu_config_count(&self->emu[0], T1X_EMU_REFUSE, 2);
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(3, t1x_emu_callbacks(&self->emu[0]));
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(unmap, others_do_not_wait_for_a_slow_device)
{
	struct unmapper unmapper;
	u64 info[3] = { 24 };
	char byte = 3;

	map_pinned(self, NPAGES);
	start_slow_unmap(self, &unmapper, SIZE);

	EXPECT_EQ(0, ioctl(self->c.fd, VFIO_IOMMU_GET_INFO, info));
	t1x_map(&self->c, self->mem, 2 * T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu[1], 2 * T1X_BASE, 1);
	EXPECT_EQ(0, __t1x_emu_write(&self->emu[1], 2 * T1X_BASE, &byte, 1));
	t1x_emu_unpin(&self->emu[1], 2 * T1X_BASE, 1);
	t1x_unmap(&self->c, 2 * T1X_BASE, SIZE);
	EXPECT_FALSE(unmapper.ended);

	EXPECT_TRUE(slow_unmap_succeeds(self, &unmapper));
}

TEST_F(unmap, mapping_that_goes_can_be_pinned_no_more)
{
	struct unmapper unmapper;

	map_pinned(self, 1);
	start_slow_unmap(self, &unmapper, SIZE);

	/* Neither a page that is pinned nor one that is not */
	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu[1], T1X_BASE, 1));
	EXPECT_EQ(-EINVAL,
		  __t1x_emu_pin(&self->emu[1], T1X_BASE + PAGES(5), 1));
	end_unmap(&unmapper);
	EXPECT_EQ(0, unmapper.ret);
	EXPECT_EQ(1, t1x_emu_callbacks(&self->emu[0]));
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(unmap, mapping_that_goes_is_read_and_written_no_more)
{
	struct t1x_emu_stats stats;

	map_pinned(self, 1);
	t1x_emu_config(&self->emu[0], T1X_EMU_UNPIN_ALL, 0,
		       T1X_EMU_CONFIG_READ);
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	t1x_emu_stats(&self->emu[0], &stats);
	EXPECT_EQ(-EINVAL, stats.read_result);
}

TEST_F(unmap, map_over_a_mapping_that_goes_fails_or_comes_after)
{
	struct unmapper unmapper;
	int ret;

	map_pinned(self, NPAGES);
	start_slow_unmap(self, &unmapper, SIZE);

	ret = __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	/* The UNMAP itself may be on its way back yet */
	EXPECT_TRUE(ret == -EEXIST || (!ret && pins_are(self, 0)));
	end_unmap(&unmapper);
	EXPECT_EQ(SIZE, unmapper.unmapped);
	EXPECT_EQ(ret ? 0 : T1X_PAGE, t1x_unmap_all(&self->c));
}

TEST_F(unmap, killed_caller_leaves_nothing)
{
	pid_t pid;

	map_pinned(self, NPAGES);
	t1x_emu_config(&self->emu[0], T1X_EMU_UNPIN_ALL, SLOW_MS, 0);
	pid = t1x_fork();
	if (!pid)
		_exit(__t1x_unmap(&self->c, T1X_BASE, SIZE, NULL) ? 1 : 0);
	ASSERT_TRUE(t1x_emu_wait_callback(&self->emu[0], PATIENCE_MS));
	kill(pid, SIGKILL);
	ASSERT_EQ(0, t1x_wait(pid, PATIENCE_MS, NULL));

	/* The device was told and has unpinned, whatever else was done */
	EXPECT_TRUE(pins_are(self, 0));
	EXPECT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, SIZE, NULL));
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu[1], T1X_BASE, 1);
}

TEST_F(unmap, group_leaves_while_another_device_is_slow)
{
	struct unmapper unmapper;
	u64 began;

	t1x_emu_close(&self->emu[1]);
	map_pinned(self, NPAGES);
	start_slow_unmap(self, &unmapper, SIZE);
	began = t1x_now_ms();
	t1x_del_group(&self->c, t1x_emu(1));
	t1x_add_group(&self->c, t1x_emu(1));
	EXPECT_GT(PATIENCE_MS, t1x_now_ms() - began);
	EXPECT_TRUE(slow_unmap_succeeds(self, &unmapper));
}

/* L01: UNMAP waits for the device, whose unpin waits for another UNMAP */
TEST_F(unmap, L01_two_threads_unmap_two_pinned_mappings)
{
	struct unmapper unmapper[2];
	int round, i;

	if (t1x_spares_type1())
		SKIP(return, "type1 deadlocks: device_list_lock, iommu->lock");
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 2; i++) {
			t1x_map(&self->c, self->mem, T1X_BASE + i * SIZE, SIZE);
			t1x_emu_pin(&self->emu[i], T1X_BASE + i * SIZE, NPAGES);
			t1x_emu_config(&self->emu[i], T1X_EMU_UNPIN_ALL,
				       round % 4 * 10, 0);
		}
		for (i = 0; i < 2; i++)
			start_unmap(&unmapper[i], &self->c, T1X_BASE + i * SIZE,
				    SIZE);
		for (i = 0; i < 2; i++) {
			end_unmap(&unmapper[i]);
			EXPECT_EQ(0, unmapper[i].ret);
			EXPECT_EQ(SIZE, unmapper[i].unmapped);
		}
		EXPECT_TRUE(pins_are(self, 0));
	}
}

TEST_F(unmap, L01_device_closes_while_another_is_slow)
{
	struct unmapper unmapper;

	if (t1x_spares_type1())
		SKIP(return, "type1 deadlocks: device_list_lock, iommu->lock");
	map_pinned(self, NPAGES);
	t1x_emu_pin(&self->emu[1], T1X_BASE, NPAGES);
	start_slow_unmap(self, &unmapper, SIZE);
	t1x_emu_close(&self->emu[1]);
	EXPECT_TRUE(slow_unmap_succeeds(self, &unmapper));
}

TEST_F(unmap, L01_slow_device_itself_closes)
{
	struct unmapper unmapper;

	if (t1x_spares_type1())
		SKIP(return, "type1 deadlocks: device_list_lock, iommu->lock");
	map_pinned(self, NPAGES);
	start_slow_unmap(self, &unmapper, SIZE);
	t1x_emu_close(&self->emu[0]);
	EXPECT_TRUE(slow_unmap_succeeds(self, &unmapper));
}

TEST_F(unmap, L01_device_opens_while_another_is_slow)
{
	struct unmapper unmapper;

	if (t1x_spares_type1())
		SKIP(return, "type1 deadlocks: device_list_lock, iommu->lock");
	t1x_emu_close(&self->emu[1]);
	map_pinned(self, NPAGES);
	start_slow_unmap(self, &unmapper, SIZE);
	t1x_emu_open(&self->emu[1], &self->c, t1x_emu(1));
	EXPECT_TRUE(slow_unmap_succeeds(self, &unmapper));
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu[1], T1X_BASE, 1);
}

/*
 * L02: the first device of the list is slow and has the only pins; they go by
 * another way, and another UNMAP finds none. The second device is then told
 * of a mapping that is no more.
 */
TEST_F(unmap, L02_device_is_told_of_the_mapping_not_of_freed_memory)
{
	struct unmapper unmapper[2];
	struct t1x_emu_range range;
	int i, n;

	if (t1x_spares_type1())
		SKIP(return, "type1 reads freed memory");
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	for (i = 0; i < 2; i++) {
		t1x_emu_config(&self->emu[i], T1X_EMU_REFUSE, SLOW_MS, 0);
		t1x_emu_pin(&self->emu[i], T1X_BASE, 1);
	}
	start_unmap(&unmapper[0], &self->c, T1X_BASE, SIZE);
	while (!t1x_emu_callbacks(&self->emu[0]) &&
	       !t1x_emu_callbacks(&self->emu[1]))
		t1x_sleep_ms(1);
	for (i = 0; i < 2; i++)
		t1x_emu_unpin(&self->emu[i], T1X_BASE, 1);
	start_unmap(&unmapper[1], &self->c, T1X_BASE, SIZE);
	for (i = 0; i < 2; i++) {
		end_unmap(&unmapper[i]);
		EXPECT_EQ(0, unmapper[i].ret);
	}
	EXPECT_EQ(SIZE, unmapper[0].unmapped + unmapper[1].unmapped);
	for (i = 0; i < 2; i++) {
		n = t1x_emu_ranges(&self->emu[i], &range, 1);
		EXPECT_GE(1, n);
		if (!n)
			continue;
		EXPECT_EQ(T1X_BASE, range.iova);
		EXPECT_EQ(SIZE, range.len);
	}
}

TEST_F(unmap, L03_device_that_never_unpins_makes_unmap_fail)
{
	struct unmapper unmapper;
	char byte = 9;
	int calls;

	if (t1x_spares_type1())
		SKIP(return, "type1 stops the machine: BUG_ON(++retries > 10)");
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_map(&self->c, self->mem, T1X_BASE + SIZE, SIZE);
	t1x_emu_pin(&self->emu[0], T1X_BASE, NPAGES);
	t1x_emu_config(&self->emu[0], T1X_EMU_REFUSE, 0, 0);
	start_unmap(&unmapper, &self->c, T1X_BASE, 2 * SIZE);
	end_unmap(&unmapper);

	EXPECT_EQ(-EBUSY, unmapper.ret);
	calls = t1x_emu_callbacks(&self->emu[0]);
	EXPECT_LE(2, calls);
	EXPECT_GE(100, calls);
	/* All is as before */
	EXPECT_TRUE(pins_are(self, NPAGES));
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
	EXPECT_EQ(-EEXIST,
		  __t1x_map(&self->c, self->mem, T1X_BASE + SIZE, T1X_PAGE));
	t1x_emu_pin(&self->emu[1], T1X_BASE, 2);
	EXPECT_EQ(0, __t1x_emu_write(&self->emu[1], T1X_BASE, &byte, 1));
	EXPECT_EQ(9, self->mem[0]);

	t1x_emu_config(&self->emu[0], T1X_EMU_UNPIN_ALL, 0, 0);
	t1x_unmap(&self->c, T1X_BASE, 2 * SIZE);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(unmap, L03_device_that_pins_again_cannot)
{
	struct t1x_emu_stats stats;

	if (t1x_spares_type1())
		SKIP(return, "type1 stops the machine: BUG_ON(++retries > 10)");
	map_pinned(self, NPAGES);
	t1x_emu_config(&self->emu[0], T1X_EMU_REPIN, 0, 0);
	t1x_unmap(&self->c, T1X_BASE, SIZE);

	t1x_emu_stats(&self->emu[0], &stats);
	EXPECT_EQ(0, stats.repins);
	EXPECT_EQ(-EINVAL, stats.repin_result);
	EXPECT_EQ(1, stats.callbacks);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(unmap, L03_device_that_unpins_later_is_waited_for_or_unmap_fails)
{
	u64 end = t1x_now_ms() + PATIENCE_MS;
	u64 unmapped = 0;
	int ret;

	if (t1x_spares_type1())
		SKIP(return, "type1 stops the machine: BUG_ON(++retries > 10)");
	map_pinned(self, NPAGES);
	t1x_emu_config(&self->emu[0], T1X_EMU_LATER, 50, 0);
	do {
		ret = __t1x_unmap(&self->c, T1X_BASE, SIZE, &unmapped);
		EXPECT_TRUE(!ret || ret == -EBUSY);
		t1x_sleep_ms(5);
	} while (ret && t1x_now_ms() < end);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(SIZE, unmapped);
	EXPECT_TRUE(pins_are(self, 0));
}

static void *map_and_unmap_elsewhere(void *arg)
{
	struct unmapper *other = arg;

	while (!other->ended) {
		__t1x_map(other->c, (void *)T1X_1G, other->iova, T1X_PAGE);
		__t1x_unmap(other->c, other->iova, T1X_PAGE, NULL);
	}
	return NULL;
}

TEST_F(unmap, L03_device_that_unpins_later_is_waited_for_beside_others)
{
	struct unmapper other = { .c = &self->c, .iova = 4 * T1X_BASE };
	int ret;

	if (t1x_spares_type1())
		SKIP(return, "type1 stops the machine: BUG_ON(++retries > 10)");
	map_pinned(self, NPAGES);
	t1x_emu_config(&self->emu[0], T1X_EMU_LATER, 200, 0);
	pthread_create(&other.thread, NULL, map_and_unmap_elsewhere, &other);
	ret = __t1x_unmap(&self->c, T1X_BASE, SIZE, NULL);
	other.ended = true;
	pthread_join(other.thread, NULL);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, t1x_locked());
}

TEST_F(unmap, L03_device_that_never_unpins_does_not_hold_the_container)
{
	if (t1x_spares_type1())
		SKIP(return, "type1 stops the machine: BUG_ON(++retries > 10)");
	map_pinned(self, NPAGES);
	t1x_emu_config(&self->emu[0], T1X_EMU_REFUSE, 0,
		       T1X_EMU_CONFIG_KEEP_AT_CLOSE);
	EXPECT_EQ(-EBUSY, __t1x_unmap(&self->c, T1X_BASE, SIZE, NULL));
	/* Nobody is there that could unpin, but the last group still leaves */
	t1x_emu_close(&self->emu[0]);
	t1x_emu_close(&self->emu[1]);
	t1x_close(&self->c);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(unmap, L03_last_group_leaves_while_unmap_asks_a_device_that_refuses)
{
	struct unmapper unmapper;

	if (t1x_spares_type1())
		SKIP(return, "type1 stops the machine: BUG_ON(++retries > 10)");
	map_pinned(self, NPAGES);
	t1x_emu_config(&self->emu[0], T1X_EMU_REFUSE, 100, 0);
	start_unmap(&unmapper, &self->c, T1X_BASE, SIZE);
	ASSERT_TRUE(t1x_emu_wait_callback(&self->emu[0], PATIENCE_MS));
	/* It unpins when it closes, unlike when it is asked */
	t1x_emu_close(&self->emu[0]);
	t1x_emu_close(&self->emu[1]);
	t1x_del_group(&self->c, t1x_emu(0));
	t1x_del_group(&self->c, t1x_emu(1));
	end_unmap(&unmapper);
	EXPECT_TRUE(!unmapper.ret || unmapper.ret == -EBUSY);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(unmap, L03_last_group_leaves_while_unmap_asks_for_what_is_forgotten)
{
	struct unmapper unmapper;

	if (t1x_spares_type1())
		SKIP(return, "type1 stops the machine: BUG_ON(++retries > 10)");
	map_pinned(self, NPAGES);
	t1x_emu_config(&self->emu[0], T1X_EMU_REFUSE, 100,
		       T1X_EMU_CONFIG_KEEP_AT_CLOSE);
	start_unmap(&unmapper, &self->c, T1X_BASE, SIZE);
	ASSERT_TRUE(t1x_emu_wait_callback(&self->emu[0], PATIENCE_MS));
	t1x_emu_close(&self->emu[0]);
	t1x_emu_close(&self->emu[1]);
	t1x_del_group(&self->c, t1x_emu(0));
	t1x_del_group(&self->c, t1x_emu(1));
	end_unmap(&unmapper);
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_F(unmap, L03_log_tells_of_it_once_a_call)
{
	int kmsg = t1x_kmsg_open(), lines, i;

	if (t1x_spares_type1())
		SKIP(return, "type1 stops the machine: BUG_ON(++retries > 10)");
	map_pinned(self, NPAGES);
	t1x_emu_config(&self->emu[0], T1X_EMU_REFUSE, 0, 0);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EBUSY, __t1x_unmap(&self->c, T1X_BASE, SIZE, NULL));
	lines = t1x_kmsg_count(kmsg, "unpin");
	close(kmsg);
	EXPECT_LE(1, lines);
	EXPECT_GE(3, lines);
}

/*
 * L14: while the device is told of the range's first mapping, another comes
 * that reaches over the range's end.
 */
TEST_F(unmap, L14_range_cut_meanwhile_is_no_success_with_a_rest)
{
	struct unmapper unmapper;
	bool gone;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(2));
	t1x_emu_pin(&self->emu[0], T1X_BASE, 2);
	start_slow_unmap(self, &unmapper, PAGES(4));
	__t1x_map(&self->c, self->mem, T1X_BASE + PAGES(3), PAGES(2));
	end_unmap(&unmapper);

	gone = !__t1x_map(&self->c, self->mem, T1X_BASE, PAGES(2));
	EXPECT_EQ(!unmapper.ret, gone);
	EXPECT_EQ(unmapper.ret ? 0 : PAGES(2), unmapper.unmapped);
	t1x_unmap_all(&self->c);
}

TEST_F(unmap, M40_device_with_unaligned_pins_is_told_of_all)
{
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_map(&self->c, self->mem, T1X_BASE + 2 * SIZE, SIZE);
	for (i = 0; i < 8; i++) {
		t1x_emu_pin(&self->emu[0], T1X_BASE + i * 0x301, 1);
		t1x_emu_pin(&self->emu[1], T1X_BASE + 2 * SIZE + i * 0x301, 1);
	}
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(0, t1x_emu_held(&self->emu[0]));
	EXPECT_EQ(8, t1x_emu_held(&self->emu[1]));
	EXPECT_TRUE(pins_are(self, 8));
	t1x_unmap(&self->c, T1X_BASE + 2 * SIZE, SIZE);
	EXPECT_TRUE(pins_are(self, 0));
}

/* Pins and unmaps of four threads, for whoever looks with KASAN and lockdep */
struct racer {
	pthread_t thread;
	struct t1x *c;
	struct t1x_emu *emu;
	char *mem;
	u64 iova;
	atomic_bool *stop;
	unsigned int pins, unmaps;
};

static void *race_pin(void *arg)
{
	struct racer *racer = arg;
	char byte;

	while (!*racer->stop) {
		if (__t1x_emu_pin(racer->emu, racer->iova, NPAGES) > 0)
			racer->pins++;
		__t1x_emu_read(racer->emu, racer->iova, &byte, 1);
		__t1x_emu_unpin_flags(racer->emu, racer->iova, NPAGES / 2, 0);
	}
	return NULL;
}

static void *race_unmap(void *arg)
{
	struct racer *racer = arg;
	u64 unmapped = 0;

	while (!*racer->stop) {
		__t1x_map(racer->c, racer->mem, racer->iova, SIZE);
		__t1x_unmap(racer->c, racer->iova, SIZE, &unmapped);
		racer->unmaps += unmapped == SIZE;
	}
	return NULL;
}

TEST_F(unmap, L01_L02_pins_and_unmaps_race)
{
	struct racer racer[4];
	atomic_bool stop = false;
	int i;

	if (t1x_spares_type1())
		SKIP(return, "type1 deadlocks: device_list_lock, iommu->lock");
	memset(racer, 0, sizeof(racer));
	for (i = 0; i < 4; i++) {
		racer[i].c = &self->c;
		racer[i].emu = &self->emu[i & 1];
		racer[i].mem = self->mem;
		racer[i].iova = T1X_BASE + (i & 1) * SIZE;
		racer[i].stop = &stop;
		pthread_create(&racer[i].thread, NULL,
			       i < 2 ? race_pin : race_unmap, &racer[i]);
	}
	t1x_sleep_ms(3000);
	stop = true;
	for (i = 0; i < 4; i++)
		pthread_join(racer[i].thread, NULL);
	t1x_unmap_all(&self->c);
	EXPECT_LT(0, racer[0].pins);
	EXPECT_LT(0, racer[2].unmaps);
	EXPECT_EQ(0, t1x_emu_held(&self->emu[0]));
	EXPECT_EQ(0, t1x_emu_held(&self->emu[1]));
	EXPECT_TRUE(pins_are(self, 0));
}

TEST_HARNESS_MAIN
