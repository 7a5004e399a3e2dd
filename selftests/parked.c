// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAPs that wait for a page which does not come, one of a FUSE file whose server does
 * not answer: what goes on meanwhile, and what ends them.
 */
#include "dirty.h"
#include "fuse.h"
#include "iotable.h"
#include "ranges.h"
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * A child parks a MAP in memory whose last pages do not come. The parent has
 * the container too, and an address space of its own.
 */
#define GOOD_PAGES 4
#define FUSE_PAGES 4
#define PARKED_IOVA T1X_BASE
#define PARKED_SIZE PAGES(GOOD_PAGES + FUSE_PAGES)
#define OTHER_IOVA (T1X_BASE + T1X_1G)
#define OTHER_SIZE PAGES(8)

/*
 * How long something may take that must not wait for the page: a second, which a
 * debug kernel in an emulated guest does not keep. In-tree type1 does wait, and
 * is given up as soon everywhere.
 */
static unsigned int patience_ms(void)
{
	return t1x_is_type1x() && getenv("T1X_DEBUG_LANE") ? 20000 : 1000;
}

/* Pages, then some that FUSE withholds, NULL where it cannot; other is as usual */
static char *parked_memory(struct t1x_fuse *fuse, char **other)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PARKED_SIZE);

	*other = t1x_mem_alloc(T1X_MEM_4K, PAGES(16));
	if (!t1x_fuse_start(fuse, PAGES(FUSE_PAGES)))
		return NULL;
	t1x_fuse_map(fuse, mem + PAGES(GOOD_PAGES));
	return mem;
}

FIXTURE(map)
{
	struct t1x_leak leak;
	struct t1x_fuse fuse;
	struct t1x c;
	pid_t mapper;
	char *parked, *mem;
	u64 size; /* of what is parked */
};

T1X_BOTH_TYPES(map);

FIXTURE_SETUP(map)
{
	self->parked = parked_memory(&self->fuse, &self->mem);
	if (!self->parked)
		SKIP(return, "no FUSE in this kernel");
	self->size = PARKED_SIZE;
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, NULL);
}

FIXTURE_TEARDOWN(map)
{
	t1x_fuse_release(&self->fuse);
	if (self->mapper > 0) {
		kill(self->mapper, SIGKILL);
		EXPECT_EQ(0, t1x_wait(self->mapper, 30000, NULL));
	}
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
	t1x_fuse_stop(&self->fuse);
}

/* The child's exit status is the errno of its MAP */
static pid_t map_in_child(struct _test_data_map *self)
{
	pid_t pid = t1x_fork();

	if (pid)
		return pid;

	/* Only the parent holds the group: it can be opened again when it goes */
	close(self->c.group[0].fd);
	_exit(-__t1x_map_flags(&self->c, self->parked, PARKED_IOVA, self->size,
			       VFIO_DMA_MAP_FLAG_READ));
}

static void park(struct _test_data_map *self)
{
	self->mapper = map_in_child(self);
	t1x_require(t1x_fuse_wait_parked(&self->fuse, 20000),
		    "the MAP did not come to the page that is withheld");
	t1x_require(t1x_wait(self->mapper, 0, NULL) == -ETIMEDOUT,
		    "the MAP did not wait for its page");
}

/* Exit status of the mapper, -1 if it does not end in time */
static int mapper_result(struct _test_data_map *self, unsigned int ms)
{
	int status;

	if (t1x_wait(self->mapper, ms, &status))
		return -1;
	self->mapper = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
}

static void release_page(void *data)
{
	struct _test_data_map *self = data;

	t1x_fuse_release(&self->fuse);
}

/* Runs fn in a child: 0, its failure, or -1 if it does not end in time */
static int try_in_child(struct _test_data_map *self, int (*fn)(void *data))
{
	return t1x_try_in_child(fn, release_page, self, patience_ms());
}

TEST_F(map, page_that_comes_late_is_mapped)
{
	park(self);
	t1x_fuse_release(&self->fuse);
	EXPECT_EQ(0, mapper_result(self, 30000));
	EXPECT_EQ(self->leak.pins + GOOD_PAGES + FUSE_PAGES, t1x_pins());
	t1x_unmap(&self->c, PARKED_IOVA, PARKED_SIZE);
	EXPECT_EQ(self->leak.pins, t1x_pins());
}

TEST_F(map, page_that_never_comes_is_a_fault)
{
	park(self);
	t1x_fuse_die(&self->fuse);
	EXPECT_EQ(EFAULT, mapper_result(self, 30000));
	EXPECT_EQ(self->leak.pins, t1x_pins());
}

static int asks_info(void *data)
{
	struct _test_data_map *self = data;

	return t1x_dma_avail(&self->c) ? 0 : 1;
}

TEST_F(map, get_info_does_not_wait)
{
	park(self);
	EXPECT_EQ(0, try_in_child(self, asks_info));
}

static int maps_elsewhere(void *data)
{
	struct _test_data_map *self = data;

	t1x_map(&self->c, self->mem, OTHER_IOVA, OTHER_SIZE);
	t1x_unmap(&self->c, OTHER_IOVA, OTHER_SIZE);
	return 0;
}

TEST_F(map, map_and_unmap_elsewhere_do_not_wait)
{
	park(self);
	EXPECT_EQ(0, try_in_child(self, maps_elsewhere));
}

/* Every page of it is in the IOMMU, so that every one is dirty */
static int report_of_others(struct t1x *c)
{
	u64 get = 0, range = 0;
	int ret = __t1x_dirty_get(c, OTHER_IOVA, OTHER_SIZE, &get);

	if (!ret && t1x_is_type1x())
		ret = __t1x_dirty_range(c, OTHER_IOVA,
					OTHER_IOVA + OTHER_SIZE - 1, 0, &range);
	else
		range = get;
	return ret ?: get != 0xff || range != 0xff;
}

static int reports(struct t1x *c, const void *mem)
{
	int ret = __t1x_map(c, mem, OTHER_IOVA, OTHER_SIZE);

	ret = ret ?: __t1x_dirty(c, T1X_DIRTY_START);
	ret = ret ?: report_of_others(c);
	ret = ret ?: __t1x_dirty(c, T1X_DIRTY_STOP);
	return ret ?: __t1x_unmap(c, OTHER_IOVA, OTHER_SIZE, NULL);
}

static int reports_elsewhere(void *data)
{
	struct _test_data_map *self = data;

	return reports(&self->c, self->mem) ? 1 : 0;
}

TEST_F(map, start_reports_and_stop_do_not_wait)
{
	if (variant->type == VFIO_TYPE1_IOMMU)
		SKIP(return, "v1 has no reports");

	park(self);
	EXPECT_EQ(0, try_in_child(self, reports_elsewhere));
}

static int adds_group(void *data)
{
	struct _test_data_map *self = data;

	t1x_add_group(&self->c, t1x_edu(1));
	t1x_del_group(&self->c, t1x_edu(1));
	return 0;
}

TEST_F(map, attach_and_detach_of_a_second_group_do_not_wait)
{
	if (!t1x_edu(1))
		SKIP(return, "needs a second edu device");

	park(self);
	EXPECT_EQ(0, try_in_child(self, adds_group));
}

TEST_F(map, killed_map_ends_without_its_page)
{
	park(self);
	kill(self->mapper, SIGKILL);
	EXPECT_NE(-1, mapper_result(self, patience_ms()));
	t1x_fuse_release(&self->fuse);
	if (self->mapper)
		mapper_result(self, 30000);
	EXPECT_EQ(self->leak.pins, t1x_pins());
	EXPECT_EQ(0, t1x_unmap_all(&self->c));
}

/*
 * A MAP gives its pages to the IOMMU by batches of less than 256 contiguous runs: these
 * are more.
 */
#define SCATTERED_PAGES 300

static char *scattered_memory(struct t1x_fuse *fuse)
{
	char *mem =
		t1x_mem_alloc(T1X_MEM_4K, PAGES(SCATTERED_PAGES + FUSE_PAGES));

	t1x_mem_scatter(mem, SCATTERED_PAGES);
	t1x_fuse_map(fuse, mem + PAGES(SCATTERED_PAGES));
	return mem;
}

/* Leaves of the parked range in the IOMMU, -1 where that cannot be seen */
static int parked_leaves(struct _test_data_map *self)
{
	if (!t1x_iotable_available(t1x_any_device()))
		return -1;
	return t1x_iotable_count(t1x_any_device(), PARKED_IOVA, self->size);
}

/* With a limit that has room for this and nothing else */
static int maps_all_that_it_may(void *data)
{
	struct _test_data_map *self = data;
	char *mem = t1x_mem_alloc(T1X_MEM_4K, self->size);

	t1x_drop_ipc_lock();
	t1x_set_memlock(self->size);
	t1x_map(&self->c, mem, PARKED_IOVA, self->size);
	t1x_unmap(&self->c, PARKED_IOVA, self->size);
	return 0;
}

TEST_F(map, killed_map_takes_out_what_was_in_the_iommu)
{
	u32 avail = t1x_dma_avail(&self->c);
	int leaves;

	self->parked = scattered_memory(&self->fuse);
	self->size = PAGES(SCATTERED_PAGES + FUSE_PAGES);
	park(self);
	EXPECT_NE(0, parked_leaves(self));
	EXPECT_LT(self->leak.pins, t1x_pins());

	kill(self->mapper, SIGKILL);
	EXPECT_NE(-1, mapper_result(self, patience_ms()));
	t1x_fuse_release(&self->fuse);
	if (self->mapper)
		mapper_result(self, 30000);

	leaves = parked_leaves(self);
	EXPECT_GE(0, leaves);
	EXPECT_EQ(self->leak.pins, t1x_pins());
	EXPECT_EQ(avail, t1x_dma_avail(&self->c));
	EXPECT_EQ(0, t1x_in_child(maps_all_that_it_may, self));
	EXPECT_EQ(0, t1x_unmap_all(&self->c));
}

TEST_F(map, killed_call_that_waits_for_the_parked_range_ends)
{
	bool ended;
	pid_t pid;

	park(self);
	pid = t1x_fork();
	if (!pid)
		_exit(-__t1x_unmap(&self->c, PARKED_IOVA, PARKED_SIZE, NULL));
	t1x_sleep_ms(200);
	kill(pid, SIGKILL);
	ended = !t1x_wait(pid, patience_ms(), NULL);
	EXPECT_TRUE(ended);
	t1x_fuse_release(&self->fuse);
	if (!ended)
		t1x_wait(pid, 30000, NULL);
	EXPECT_EQ(0, mapper_result(self, 30000));
	t1x_unmap_all(&self->c);
}

TEST_F(map, overlapping_map_is_decided_by_the_parked_one)
{
	pid_t pid;
	int status = 0;

	park(self);
	pid = t1x_fork();
	if (!pid)
		_exit(-__t1x_map(&self->c, self->mem, PARKED_IOVA, T1X_PAGE));
	t1x_sleep_ms(100);
	t1x_fuse_release(&self->fuse);
	EXPECT_EQ(0, mapper_result(self, 30000));
	ASSERT_EQ(0, t1x_wait(pid, 30000, &status));
	EXPECT_EQ(EEXIST, WEXITSTATUS(status));
	t1x_unmap(&self->c, PARKED_IOVA, PARKED_SIZE);
}

/* The group's descriptor is shared: this ends the container's service */
static int leaves_last_group(void *data)
{
	struct _test_data_map *self = data;

	return ioctl(self->c.group[0].fd, VFIO_GROUP_UNSET_CONTAINER) ? 1 : 0;
}

TEST_F(map, last_group_leaves_without_waiting_and_rmmod_is_refused)
{
	const char *module = t1x_module();
	bool reload = t1x_module_path(module);

	park(self);
	ASSERT_EQ(0, try_in_child(self, leaves_last_group));
	EXPECT_EQ(-EINVAL,
		  __t1x_map(&self->c, self->mem, OTHER_IOVA, T1X_PAGE));

	/* The parked call still runs the module's code */
	EXPECT_EQ(-EWOULDBLOCK, t1x_rmmod(module));
	t1x_close(&self->c);
	EXPECT_EQ(-EWOULDBLOCK, t1x_rmmod(module));

	t1x_fuse_release(&self->fuse);
	EXPECT_LT(0, mapper_result(self, 30000));
	EXPECT_EQ(self->leak.pins, t1x_pins());
	if (!reload)
		return;
	t1x_module_remove(module);
	t1x_module_insert(module);
}

TEST_F(map, container_opened_after_the_last_group_left_is_not_disturbed)
{
	struct t1x fresh;

	park(self);
	ASSERT_EQ(0, try_in_child(self, leaves_last_group));
	t1x_close(&self->c);

	t1x_open(&fresh, variant->type, NULL);
	t1x_map(&fresh, self->mem, PARKED_IOVA, PAGES(8));
	t1x_fuse_release(&self->fuse);
	EXPECT_LT(0, mapper_result(self, 30000));
	EXPECT_EQ(-EEXIST, __t1x_map(&fresh, self->mem, PARKED_IOVA, T1X_PAGE));
	t1x_unmap(&fresh, PARKED_IOVA, PAGES(8));
	t1x_close(&fresh);
}

TEST_F(map, killed_owner_gives_its_group_back)
{
	u64 end;
	pid_t owner;
	int fd = -EBUSY;

	t1x_close(&self->c);
	owner = t1x_fork();
	if (!owner) {
		t1x_open(&self->c, variant->type, NULL);
		_exit(-__t1x_map_flags(&self->c, self->parked, PARKED_IOVA,
				       PARKED_SIZE, VFIO_DMA_MAP_FLAG_READ));
	}
	self->mapper = owner;
	ASSERT_TRUE(t1x_fuse_wait_parked(&self->fuse, 20000));
	kill(owner, SIGKILL);

	end = t1x_now_ms() + patience_ms();
	while (fd < 0 && t1x_now_ms() < end) {
		fd = t1x_group_open(t1x_any_device());
		t1x_sleep_ms(20);
	}
	EXPECT_LE(0, fd);
	t1x_fuse_release(&self->fuse);
	mapper_result(self, 30000);
	if (fd >= 0)
		close(fd);
}

/*
 * The same with threads: all of them share the address space, whose lock a page
 * fault may hold. Both threads exist before the MAP is parked, as a new one
 * would need memory.
 */
struct _test_data_thread;
typedef int (*parked_call)(struct _test_data_thread *self);

FIXTURE(thread)
{
	struct t1x_leak leak;
	struct t1x_fuse fuse;
	struct t1x c;
	pthread_t mapper, caller;
	atomic_int mapper_go, caller_go, mapper_done, caller_done;
	int mapper_ret, caller_ret;
	parked_call call;
	char *parked, *mem;
};

T1X_BOTH_TYPES(thread);

static void wait_for(atomic_int *flag)
{
	while (!atomic_load(flag))
		t1x_sleep_ms(1);
}

static void *mapper_thread(void *data)
{
	struct _test_data_thread *self = data;

	wait_for(&self->mapper_go);
	self->mapper_ret = __t1x_map_flags(&self->c, self->parked, PARKED_IOVA,
					   PARKED_SIZE, VFIO_DMA_MAP_FLAG_READ);
	atomic_store(&self->mapper_done, 1);
	return NULL;
}

static void *caller_thread(void *data)
{
	struct _test_data_thread *self = data;

	wait_for(&self->caller_go);
	if (self->call)
		self->caller_ret = self->call(self);
	atomic_store(&self->caller_done, 1);
	return NULL;
}

FIXTURE_SETUP(thread)
{
	self->parked = parked_memory(&self->fuse, &self->mem);
	if (!self->parked)
		SKIP(return, "no FUSE in this kernel");
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, NULL);
	pthread_create(&self->mapper, NULL, mapper_thread, self);
	pthread_create(&self->caller, NULL, caller_thread, self);
}

FIXTURE_TEARDOWN(thread)
{
	t1x_fuse_release(&self->fuse);
	atomic_store(&self->mapper_go, 1);
	atomic_store(&self->caller_go, 1);
	pthread_join(self->mapper, NULL);
	pthread_join(self->caller, NULL);
	t1x_close(&self->c);
	/* A caller that came late may have unloaded it */
	t1x_module_insert(t1x_module());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
	t1x_fuse_stop(&self->fuse);
}

static bool ends_in(atomic_int *done, unsigned int ms)
{
	u64 end = t1x_now_ms() + ms;

	while (!atomic_load(done) && t1x_now_ms() < end)
		t1x_sleep_ms(2);
	return atomic_load(done);
}

/* Parks the MAP and makes the call: its result, or -ETIMEDOUT */
static int call_while_parked(struct _test_data_thread *self, parked_call call)
{
	self->call = call;
	atomic_store(&self->mapper_go, 1);
	t1x_require(t1x_fuse_wait_parked(&self->fuse, 20000),
		    "the MAP did not come to the page that is withheld");
	atomic_store(&self->caller_go, 1);
	if (ends_in(&self->caller_done, patience_ms()))
		return self->caller_ret;

	t1x_fuse_release(&self->fuse);
	t1x_require(ends_in(&self->caller_done, 30000),
		    "a call is stuck for good");
	return -ETIMEDOUT;
}

static int thread_asks_info(struct _test_data_thread *self)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	return ioctl(self->c.fd, VFIO_IOMMU_GET_INFO, &info);
}

TEST_F(thread, get_info_does_not_wait)
{
	EXPECT_EQ(0, call_while_parked(self, thread_asks_info));
}

static int thread_maps_elsewhere(struct _test_data_thread *self)
{
	int ret = __t1x_map(&self->c, self->mem, OTHER_IOVA, OTHER_SIZE);

	return ret ?: __t1x_unmap(&self->c, OTHER_IOVA, OTHER_SIZE, NULL);
}

TEST_F(thread, map_and_unmap_elsewhere_do_not_wait)
{
	EXPECT_EQ(0, call_while_parked(self, thread_maps_elsewhere));
}

static int thread_reports(struct _test_data_thread *self)
{
	return reports(&self->c, self->mem);
}

TEST_F(thread, start_reports_and_stop_do_not_wait)
{
	if (variant->type == VFIO_TYPE1_IOMMU)
		SKIP(return, "v1 has no reports");

	EXPECT_EQ(0, call_while_parked(self, thread_reports));
}

static int thread_adds_group(struct _test_data_thread *self)
{
	int ret = __t1x_add_group(&self->c, t1x_edu(1));

	return ret ?: __t1x_del_group(&self->c, t1x_edu(1));
}

TEST_F(thread, attach_and_detach_of_a_second_group_do_not_wait)
{
	if (!t1x_edu(1))
		SKIP(return, "needs a second edu device");

	EXPECT_EQ(0, call_while_parked(self, thread_adds_group));
}

static int thread_leaves(struct _test_data_thread *self)
{
	if (ioctl(self->c.group[0].fd, VFIO_GROUP_UNSET_CONTAINER))
		return -errno;
	t1x_close(&self->c);
	/* Refused, because the parked call still runs the module's code */
	return t1x_rmmod(t1x_module()) == -EWOULDBLOCK ? 0 : 1;
}

TEST_F(thread, last_group_leaves_closes_and_cannot_unload_the_module)
{
	t1x_map(&self->c, self->mem, OTHER_IOVA, PAGES(8));
	ASSERT_EQ(0, call_while_parked(self, thread_leaves));

	t1x_fuse_release(&self->fuse);
	ASSERT_TRUE(ends_in(&self->mapper_done, 30000));
	EXPECT_GT(0, self->mapper_ret);
	EXPECT_EQ(self->leak.pins, t1x_pins());
}

TEST_HARNESS_MAIN
