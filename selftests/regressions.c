// SPDX-License-Identifier: GPL-2.0-only
/*
 * One test for each defect that in-tree type1 was found to have by reading it and
 * that belongs to no other suite. Each is named after its number; what the other
 * suites have of them is named so too.
 */
#include "device_emu.h"
#include "dirty.h"
#include "iotable.h"
#include "suite.h"
#include "uffd.h"
#include "modules/t1x_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NPAGES 16
#define SIZE PAGES(NPAGES)
#define OTHER_IOVA (2 * T1X_BASE)

/* How long something may take that must not wait: see parked.c */
static unsigned int patience_ms(void)
{
	return t1x_is_type1x() && getenv("T1X_DEBUG_LANE") ? 20000 : 2000;
}

/* ---- Containers with emulated groups only ---- */

/* Shared with children */
struct shared {
	atomic_bool ready;
	atomic_bool go;
	atomic_bool parked;
	atomic_long value;
};

static struct shared *new_shared(void)
{
	void *mem = mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	t1x_require(mem != MAP_FAILED, "shared memory: %s", strerror(errno));
	return mem;
}

static bool wait_for(atomic_bool *flag, unsigned int ms)
{
	u64 end = t1x_now_ms() + ms;

	while (!atomic_load(flag)) {
		if (t1x_now_ms() >= end)
			return false;
		t1x_sleep_ms(2);
	}
	return true;
}

FIXTURE(emulated)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	struct shared *shared;
	char *mem;
};

FIXTURE_SETUP(emulated)
{
	if (!t1x_emu_load(2, 0))
		SKIP(return, "no module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	self->shared = new_shared();
	t1x_emu_begin(&self->emu, &self->c, &self->leak);
}

FIXTURE_TEARDOWN(emulated)
{
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

#define CGROUP "/sys/fs/cgroup/t1x_regressions"
#define CHARGED_MAPS 20000
#define CHARGED_PINS 16384

static bool cgroup_begin(const char *max)
{
	t1x_write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		return false;
	return !t1x_write_text(CGROUP "/memory.max", max);
}

static long cgroup_bytes(void)
{
	unsigned long bytes;

	t1x_require(!t1x_read_ulong(CGROUP "/memory.current", &bytes),
		    "no " CGROUP "/memory.current");
	return bytes;
}

static void join_cgroup(void)
{
	int ret = t1x_write_text(CGROUP "/cgroup.procs", "0");

	t1x_require(!ret, CGROUP "/cgroup.procs: %s", strerror(-ret));
}

static int maps_in_cgroup(void *data)
{
	struct _test_data_emulated *self = data;
	long before;
	int i;

	join_cgroup();
	before = cgroup_bytes();
	for (i = 0; i < CHARGED_MAPS; i++)
		t1x_map(&self->c, self->mem, T1X_BASE + i * T1X_PAGE, T1X_PAGE);
	atomic_store(&self->shared->value, cgroup_bytes() - before);
	return 0;
}

TEST_F(emulated, L06_mappings_are_charged_to_the_memory_cgroup)
{
	if (!cgroup_begin("max"))
		SKIP(return, "no memory cgroup");
	ASSERT_EQ(0, t1x_in_child(maps_in_cgroup, self));
	/* Most of what they take: some of it is charged in advance, to a CPU */
	EXPECT_LE(CHARGED_MAPS * 64, atomic_load(&self->shared->value));
	EXPECT_EQ(PAGES(CHARGED_MAPS), t1x_unmap_all(&self->c));
	EXPECT_EQ(0, rmdir(CGROUP));
}

static int pins_in_cgroup(void *data)
{
	struct _test_data_emulated *self = data;
	long before;
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_emu_pin(&self->emu, T1X_BASE, NPAGES);
	join_cgroup();
	before = cgroup_bytes();
	/* Each at an IOVA of its own */
	for (i = 1; i <= CHARGED_PINS / (NPAGES - 1); i++)
		t1x_emu_pin(&self->emu, T1X_BASE + i, NPAGES - 1);
	atomic_store(&self->shared->value, cgroup_bytes() - before);
	return 0;
}

TEST_F(emulated, L06_pins_are_charged_to_the_memory_cgroup)
{
	if (!cgroup_begin("max"))
		SKIP(return, "no memory cgroup");
	ASSERT_EQ(0, t1x_in_child(pins_in_cgroup, self));
	EXPECT_LE(CHARGED_PINS * 40, atomic_load(&self->shared->value));
	EXPECT_EQ(SIZE, t1x_unmap_all(&self->c));
	EXPECT_EQ(0, rmdir(CGROUP));
}

/* Nothing of its own is touched for the first time between two MAPs */
static int maps_until_refused(void *data)
{
	struct _test_data_emulated *self = data;
	int ret = 0;
	long i;

	join_cgroup();
	for (i = 0; i < 65000 && !ret; i++) {
		ret = __t1x_map(&self->c, self->mem, T1X_BASE + i * T1X_PAGE,
				T1X_PAGE);
		if (!ret)
			atomic_store(&self->shared->value, i + 1);
	}
	return -ret;
}

TEST_F(emulated, L06_map_beyond_the_memory_cgroup_is_refused)
{
	u32 avail = t1x_dma_avail(&self->c);
	int status = 0;
	pid_t pid;
	long n;

	if (!cgroup_begin("6M"))
		SKIP(return, "no memory cgroup");
	pid = t1x_fork();
	if (!pid)
		_exit(maps_until_refused(self));
	ASSERT_EQ(0, t1x_wait(pid, 60000, &status));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ENOMEM, WEXITSTATUS(status));

	n = atomic_load(&self->shared->value);
	EXPECT_LT(1000, n);
	EXPECT_EQ(avail - n, t1x_dma_avail(&self->c));
	EXPECT_EQ(PAGES(n), t1x_unmap_all(&self->c));
	EXPECT_EQ(0, rmdir(CGROUP));
}

/* ---- Large mappings ---- */

struct worker {
	struct t1x *c;
	u64 npages;
	void *bitmap;
	int ret;
	atomic_bool done;
	int (*act)(struct worker *worker);
};

static int act_start(struct worker *worker)
{
	return __t1x_dirty(worker->c, T1X_DIRTY_START);
}

static int act_get(struct worker *worker)
{
	return __t1x_dirty_get(worker->c, T1X_BASE, PAGES(worker->npages),
			       worker->bitmap);
}

static int act_stop(struct worker *worker)
{
	return __t1x_dirty(worker->c, T1X_DIRTY_STOP);
}

static void *work(void *data)
{
	struct worker *worker = data;

	worker->ret = worker->act(worker);
	atomic_store(&worker->done, true);
	return NULL;
}

struct timing {
	u64 all, worst; /* of the call, and of a GET_INFO beside it; ms */
};

static struct timing time_beside(struct worker *worker, const char *name,
				 int (*act)(struct worker *worker))
{
	u64 start = t1x_now_ms(), one, now;
	struct timing timing = {};
	pthread_t thread;

	worker->act = act;
	atomic_store(&worker->done, false);
	pthread_create(&thread, NULL, work, worker);
	while (!atomic_load(&worker->done)) {
		one = t1x_now_ms();
		t1x_dma_avail(worker->c);
		now = t1x_now_ms();
		if (now - one > timing.worst)
			timing.worst = now - one;
		t1x_sleep_ms(1);
	}
	pthread_join(thread, NULL);
	timing.all = t1x_now_ms() - start;
	t1x_require(!worker->ret, "%s: %s", name, strerror(-worker->ret));
	printf("# %s: %lu ms, GET_INFO beside it at most %lu ms\n", name,
	       timing.all, timing.worst);
	return timing;
}

/* The most that can be tracked; debug kernels check each byte */
static u64 large_npages(void)
{
	return getenv("T1X_DEBUG_LANE") ? 1UL << 26 : (1UL << 31) - 1;
}

TEST_F(emulated, L11_log_of_a_large_mapping_does_not_hold_the_container)
{
	struct worker worker = { &self->c, large_npages() };
	size_t len = (worker.npages + 63) / 64 * 8;
	struct timing timing;

	if (t1x_is_type1_on_debug())
		SKIP(return, "what is tracked there is too short to tell");
	worker.bitmap = mmap(NULL, len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, worker.bitmap);
	t1x_map(&self->c, (void *)T1X_1G, T1X_BASE, PAGES(worker.npages));

	timing = time_beside(&worker, "START", act_start);
	EXPECT_GE(timing.all / 2 + 50, timing.worst);
	timing = time_beside(&worker, "GET_BITMAP, not faulted in", act_get);
	EXPECT_GE(timing.all * 3 / 4 + 50, timing.worst);
	time_beside(&worker, "GET_BITMAP", act_get);
	time_beside(&worker, "STOP", act_stop);
	munmap(worker.bitmap, len);
	t1x_unmap(&self->c, T1X_BASE, PAGES(worker.npages));
}

/* For what in-tree does to its end, on a busy host */
#define LONG_PATIENCE_MS 120000

/* Kills START after a time. Return: false if it had ended before, and was undone */
static bool start_is_killed(struct t1x *c, unsigned int ms)
{
	pid_t pid = t1x_fork();
	int status = 0;
	bool ended;
	u64 start;

	if (!pid)
		_exit(-__t1x_dirty(c, T1X_DIRTY_START));
	t1x_sleep_ms(ms);
	start = t1x_now_ms();
	kill(pid, SIGKILL);
	ended = !t1x_wait(pid, patience_ms() * 2, &status);
	/* The next test is to find the devices free */
	if (!ended)
		t1x_wait(pid, LONG_PATIENCE_MS, &status);
	t1x_require(ended, "START goes on after SIGKILL");
	printf("# killed after %u ms, within %lu ms\n", ms,
	       t1x_now_ms() - start);
	if (WIFSIGNALED(status))
		return true;
	t1x_require(!WEXITSTATUS(status) && !__t1x_dirty(c, T1X_DIRTY_STOP),
		    "START or STOP failed");
	return false;
}

TEST_F_TIMEOUT(emulated, L11_start_over_a_large_mapping_can_be_killed, 240)
{
	u64 npages = large_npages();
	unsigned int ms = 300;
	int i;

	/* Sixteen times the work: it cannot be done within the patience */
	for (i = 0; i < 16; i++)
		t1x_map(&self->c, (void *)T1X_1G, (i + 1UL) << 44,
			PAGES(npages));
	/* In the midst of it, however fast this machine is */
	while (ms && !start_is_killed(&self->c, ms))
		ms /= 2;
	EXPECT_LT(0, ms);

	/* Off again: a report is refused */
	EXPECT_EQ(-EINVAL,
		  __t1x_dirty_get(&self->c, T1X_BASE, T1X_PAGE, self->mem));
	EXPECT_EQ(PAGES(16 * npages), t1x_unmap_all(&self->c));
}

/* ---- Calls that wait for a page of their caller's ---- */

enum parked_call {
	PARKED_GET,
	PARKED_UNMAP,
	PARKED_READ,
	PARKED_WRITE,
};

FIXTURE(parked)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	struct shared *shared;
	pid_t caller;
	char *mem;
};

FIXTURE_VARIANT(parked)
{
	enum parked_call call;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(parked, get_bitmap) { PARKED_GET };
FIXTURE_VARIANT_ADD(parked, unmap_with_bitmap) { PARKED_UNMAP };
FIXTURE_VARIANT_ADD(parked, dma_read) { PARKED_READ };
FIXTURE_VARIANT_ADD(parked, dma_write) { PARKED_WRITE };
/* clang-format on */

FIXTURE_SETUP(parked)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || !t1x_emu_load(2, 0))
		SKIP(return, "needs userfaultfd and the module t1x_emu");
	close(fd);
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	self->shared = new_shared();
	t1x_emu_begin(&self->emu, &self->c, &self->leak);
}

static void kill_caller(void *data)
{
	struct _test_data_parked *self = data;

	if (self->caller <= 0)
		return;
	kill(self->caller, SIGKILL);
	t1x_wait(self->caller, 30000, NULL);
	self->caller = 0;
}

FIXTURE_TEARDOWN(parked)
{
	kill_caller(self);
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

struct unserved {
	struct t1x_uffd uffd;
	struct shared *shared;
};

static void *tell_of_fault(void *data)
{
	struct unserved *unserved = data;

	while (!t1x_uffd_wait_parked(&unserved->uffd, 1000))
		;
	atomic_store(&unserved->shared->parked, true);
	pause();
	return NULL;
}

/* Memory whose pages nobody provides, as long as this process lives */
static char *map_unserved(struct shared *shared)
{
	static struct unserved unserved;
	pthread_t thread;
	char *mem;

	mem = mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unserved.shared = shared;
	t1x_require(t1x_uffd_withhold(&unserved.uffd, mem, T1X_PAGE,
				      UFFDIO_REGISTER_MODE_MISSING),
		    "userfaultfd: %s", strerror(errno));
	t1x_require(!pthread_create(&thread, NULL, tell_of_fault, &unserved),
		    "pthread_create");
	return mem;
}

static int call_and_park(struct _test_data_parked *self, enum parked_call call)
{
	char *unserved = map_unserved(self->shared);
	char byte = 1;

	/* Only the parent holds the group */
	close(self->c.group[0].fd);
	switch (call) {
	case PARKED_GET:
		return __t1x_dirty_get(&self->c, T1X_BASE, SIZE, unserved);
	case PARKED_UNMAP:
		return __t1x_dirty_unmap(&self->c, T1X_BASE, SIZE, unserved,
					 NULL);
	case PARKED_READ:
		t1x_map(&self->c, unserved, 4 * T1X_BASE, T1X_PAGE);
		return __t1x_emu_read(&self->emu, 4 * T1X_BASE, &byte, 1);
	default:
		t1x_map(&self->c, unserved, 4 * T1X_BASE, T1X_PAGE);
		return __t1x_emu_write(&self->emu, 4 * T1X_BASE, &byte, 1);
	}
}

static void park(struct _test_data_parked *self, enum parked_call call,
		 bool without_device)
{
	char byte = 1;
	int ret;

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_dirty_start(&self->c);
	ret = __t1x_emu_write(&self->emu, T1X_BASE + PAGES(3), &byte, 1);
	t1x_require(!ret, "dma_rw: %s", strerror(-ret));
	if (without_device)
		t1x_emu_close(&self->emu);

	self->caller = t1x_fork();
	if (!self->caller)
		_exit(-call_and_park(self, call));
	t1x_require(wait_for(&self->shared->parked, 20000),
		    "the call did not come to the page that is withheld");
	t1x_require(t1x_wait(self->caller, 100, NULL) == -ETIMEDOUT,
		    "the call did not wait for its page");
}

/* Runs fn in a child: 0, its failure, or -1 if it does not end in time */
static int try_in_child(struct _test_data_parked *self, int (*fn)(void *data))
{
	return t1x_try_in_child(fn, kill_caller, self, patience_ms());
}

static int uses_container(void *data)
{
	struct _test_data_parked *self = data;
	char byte = 1;

	t1x_dma_avail(&self->c);
	t1x_map(&self->c, self->mem, OTHER_IOVA, SIZE);
	t1x_emu_pin(&self->emu, OTHER_IOVA, 1);
	if (__t1x_emu_write(&self->emu, OTHER_IOVA, &byte, 1))
		return 1;
	t1x_unmap(&self->c, OTHER_IOVA, SIZE);
	return 0;
}

TEST_F(parked, L12_other_calls_do_not_wait)
{
	park(self, variant->call, false);
	EXPECT_EQ(0, try_in_child(self, uses_container));
}

static int uses_groups(void *data)
{
	struct _test_data_parked *self = data;
	struct t1x_emu emu;

	t1x_add_group(&self->c, t1x_emu(1));
	t1x_emu_open(&emu, &self->c, t1x_emu(1));
	t1x_emu_close(&emu);
	t1x_del_group(&self->c, t1x_emu(1));
	return 0;
}

TEST_F(parked, L12_groups_and_devices_come_and_go_meanwhile)
{
	park(self, variant->call, false);
	EXPECT_EQ(0, try_in_child(self, uses_groups));
}

TEST_F(parked, L12_killed_caller_ends_at_once_and_changes_nothing)
{
	u64 word = 0;

	park(self, variant->call, false);
	kill(self->caller, SIGKILL);
	ASSERT_EQ(0, t1x_wait(self->caller, patience_ms(), NULL));
	self->caller = 0;

	EXPECT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, SIZE, &word));
	EXPECT_EQ(1 << 3, word);
	t1x_unmap(&self->c, T1X_BASE, SIZE);
}

static int leaves(void *data)
{
	struct _test_data_parked *self = data;

	t1x_del_group(&self->c, t1x_emu(0));
	return 0;
}

TEST_F(parked, L12_last_group_leaves_meanwhile)
{
	if (variant->call == PARKED_READ || variant->call == PARKED_WRITE) {
		park(self, variant->call, false);
		EXPECT_EQ(-EBUSY, __t1x_del_group(&self->c, t1x_emu(0)));
		return;
	}

	park(self, variant->call, true);
	EXPECT_EQ(0, try_in_child(self, leaves));
	if (self->caller > 0) {
		EXPECT_EQ(-EWOULDBLOCK, t1x_rmmod(t1x_module()));
		kill(self->caller, SIGKILL);
		EXPECT_EQ(0, t1x_wait(self->caller, patience_ms(), NULL));
		self->caller = 0;
	}
}

/* ---- Containers with an IOMMU ---- */

FIXTURE(real)
{
	struct t1x c;
	struct t1x_leak leak;
	struct shared *shared;
	char *mem;
	long pins;
	int dev;
};

T1X_BOTH_TYPES(real);

FIXTURE_SETUP(real)
{
	const char *path = t1x_module_path("t1x_memory");

	self->dev = -1;
	if (!path)
		SKIP(return, "no module t1x_memory");
	if (t1x_refcnt("t1x_memory") < 0)
		ASSERT_EQ(0, t1x_insmod(path));
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	self->shared = new_shared();
	self->dev = open(T1X_MEMORY_DEV, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->dev);
	t1x_leak_begin(&self->leak);
	self->pins = t1x_pins();
	t1x_open(&self->c, variant->type, NULL);
}

FIXTURE_TEARDOWN(real)
{
	t1x_close(&self->c);
	close(self->dev);
	EXPECT_EQ(0, t1x_rmmod("t1x_memory"));
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* Maps, and then does nothing that could need its own mmap_lock */
static pid_t fork_owner(struct _test_data_real *self)
{
	pid_t pid = t1x_fork();

	if (pid) {
		t1x_require(wait_for(&self->shared->ready, 20000),
			    "the owner did not map");
		return pid;
	}
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	atomic_store(&self->shared->ready, true);
	for (;;)
		pause();
}

static pid_t fork_holder(struct _test_data_real *self, pid_t owner)
{
	struct t1x_memory_hold hold = { .pid = owner, .ms = 60000 };
	u64 end = t1x_now_ms() + 20000;
	unsigned long held = 0;
	pid_t pid = t1x_fork();

	if (!pid)
		_exit(ioctl(self->dev, T1X_MEMORY_IOC_HOLD, &hold));
	while (!held && t1x_now_ms() < end)
		t1x_read_ulong(T1X_MEMORY_HELD, &held);
	t1x_require(held, "the owner's mmap_lock is not held");
	return pid;
}

static pid_t fork_unmapper(struct _test_data_real *self)
{
	pid_t pid = t1x_fork();

	if (!pid)
		_exit(__t1x_unmap(&self->c, T1X_BASE, SIZE, NULL));
	return pid;
}

TEST_F(real, L08_killed_unmapper_gives_the_owner_its_locked_memory_back)
{
	pid_t owner = fork_owner(self), holder, unmapper;

	EXPECT_EQ(NPAGES, t1x_locked_of(owner));
	holder = fork_holder(self, owner);
	unmapper = fork_unmapper(self);
	/* It has come to the lock, or has still to: it is to be killed there */
	EXPECT_EQ(-ETIMEDOUT, t1x_wait(unmapper, 1000, NULL));
	kill(unmapper, SIGKILL);
	t1x_sleep_ms(300);

	kill(holder, SIGKILL);
	EXPECT_EQ(0, t1x_wait(holder, 30000, NULL));
	EXPECT_EQ(0, t1x_wait(unmapper, 30000, NULL));
	EXPECT_EQ(self->pins, t1x_pins());
	EXPECT_EQ(0, t1x_locked_of(owner));
	kill(owner, SIGKILL);
	EXPECT_EQ(0, t1x_wait(owner, 30000, NULL));
}

TEST_F(real, L16_reserved_page_that_was_pinned_is_unpinned)
{
	void *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->dev, 0);
	int i;

	ASSERT_NE(MAP_FAILED, mem);
	for (i = 0; i < 3; i++) {
		t1x_map(&self->c, mem, T1X_BASE, SIZE);
		EXPECT_EQ(self->pins + NPAGES, t1x_pins());
		t1x_unmap(&self->c, T1X_BASE, SIZE);
		EXPECT_EQ(self->pins, t1x_pins());
		EXPECT_EQ(0, t1x_locked());
	}
	munmap(mem, SIZE);
}

TEST_F(real, L17_physical_address_0_is_unmapped)
{
	const char *bdf = t1x_any_device();
	bool table = t1x_iotable_available(bdf);
	int fd, i;
	void *mem;

	if (t1x_spares_type1())
		SKIP(return, "in-tree type1 warns, and leaves it mapped");
	fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	mem = mmap(NULL, PAGES(4), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (mem == MAP_FAILED)
		SKIP(return, "no /dev/mem");

	for (i = 1; i <= 4; i++) {
		ASSERT_EQ(0, __t1x_map_flags(&self->c, mem, T1X_BASE, PAGES(i),
					     VFIO_DMA_MAP_FLAG_READ));
		EXPECT_TRUE(!table ||
			    !t1x_iotable_compare_phys(bdf, 0, T1X_BASE,
						      PAGES(i), true, false));
		t1x_unmap(&self->c, T1X_BASE, PAGES(i));
		EXPECT_TRUE(!table ||
			    !t1x_iotable_count(bdf, T1X_BASE, PAGES(4)));
	}
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_unmap(&self->c, T1X_BASE, SIZE);
	munmap(mem, PAGES(4));
}

TEST_HARNESS_MAIN
