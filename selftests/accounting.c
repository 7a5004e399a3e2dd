// SPDX-License-Identifier: GPL-2.0-only
/* Whose locked memory a mapping is, and for how long, whoever comes and goes. */
#include "device_edu.h"
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define NPAGES 16
#define EXEC_ENV "T1X_AFTER_EXEC"
#define PIN_AGAIN_ENV "T1X_PIN_AGAIN"

FIXTURE(accounting)
{
	struct t1x c;
	struct t1x_leak leak;
	char *mem;
};

T1X_BOTH_TYPES(accounting);

FIXTURE_SETUP(accounting)
{
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, NULL);
}

FIXTURE_TEARDOWN(accounting)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

TEST_F(accounting, every_step_is_counted_to_the_page)
{
	int i;

	for (i = 0; i < 5; i++) {
		t1x_map(&self->c, self->mem, T1X_BASE + PAGES(8 * i),
			PAGES(i + 1));
		EXPECT_EQ((i + 1) * (i + 2) / 2, t1x_locked());
	}
	for (i = 4; i >= 0; i--) {
		t1x_unmap(&self->c, T1X_BASE + PAGES(8 * i), PAGES(i + 1));
		EXPECT_EQ(i * (i + 1) / 2, t1x_locked());
	}
}

TEST_F(accounting, second_map_of_the_same_memory_counts_again)
{
	long pins = t1x_pins();

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_map(&self->c, self->mem, 2 * T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(2 * NPAGES, t1x_locked());
	EXPECT_EQ(pins + 2 * NPAGES, t1x_pins());
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(NPAGES, t1x_locked());
	t1x_unmap(&self->c, 2 * T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_locked());
}

TEST_F(accounting, huge_pages_count_in_small_pages)
{
	char *mem = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);

	if (!mem)
		SKIP(return, "no 2M page");

	t1x_map(&self->c, mem, T1X_BASE, T1X_2M);
	EXPECT_EQ(T1X_2M / T1X_PAGE, t1x_locked());
	t1x_map(&self->c, mem + PAGES(3), 2 * T1X_BASE, PAGES(9));
	EXPECT_EQ(T1X_2M / T1X_PAGE + 9, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, T1X_2M);
	EXPECT_EQ(9, t1x_locked());
	t1x_unmap(&self->c, 2 * T1X_BASE, PAGES(9));
	munmap(mem, T1X_2M);
}

TEST_F(accounting, failed_map_is_not_counted)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(600));
	long pins = t1x_pins();

	/* Beyond a batch of pages, so that some are charged and given back */
	mprotect(mem + PAGES(599), T1X_PAGE, PROT_NONE);
	EXPECT_EQ(-EFAULT, __t1x_map(&self->c, mem, T1X_BASE, PAGES(600)));
	EXPECT_EQ(0, t1x_locked());
	EXPECT_EQ(pins, t1x_pins());
	munmap(mem, PAGES(600));
}

TEST_F(accounting, close_gives_all_back)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_locked());
}

struct shared {
	struct t1x *c;
	char *mem;
	int ret;
};

static int child_unmaps(void *data)
{
	struct shared *shared = data;

	if (t1x_locked())
		return 2;
	t1x_unmap(shared->c, T1X_BASE, PAGES(NPAGES));
	return t1x_locked() ? 3 : 0;
}

TEST_F(accounting, child_shares_the_container_and_not_the_charge)
{
	struct shared shared = { &self->c, self->mem };

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
	/* The child unmaps what its parent has mapped: the parent is paid */
	EXPECT_EQ(0, t1x_in_child(child_unmaps, &shared));
	EXPECT_EQ(0, t1x_locked());
}

static int child_maps(void *data)
{
	struct shared *shared = data;

	t1x_map(shared->c, shared->mem, T1X_BASE, PAGES(NPAGES));
	return t1x_locked() == NPAGES ? 0 : 2;
}

TEST_F(accounting, mapper_that_exits_leaves_a_working_mapping)
{
	struct shared shared = { &self->c, self->mem };
	long pins = t1x_pins();

	EXPECT_EQ(0, t1x_in_child(child_maps, &shared));
	EXPECT_EQ(0, t1x_locked());
	EXPECT_EQ(pins + NPAGES, t1x_pins());

	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_locked());
	EXPECT_EQ(pins, t1x_pins());
}

TEST_F(accounting, mapper_that_is_killed_leaves_a_working_mapping)
{
	long pins = t1x_pins();
	int pipefd[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipefd));
	pid = t1x_fork();
	if (!pid) {
		t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NPAGES));
		if (write(pipefd[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	ASSERT_EQ(1, read(pipefd[0], &byte, 1));
	EXPECT_EQ(NPAGES, t1x_locked_of(pid));
	kill(pid, SIGKILL);
	ASSERT_EQ(0, t1x_wait(pid, 30000, NULL));

	EXPECT_EQ(pins + NPAGES, t1x_pins());
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(pins, t1x_pins());
	close(pipefd[0]);
	close(pipefd[1]);
}

static void *thread_maps(void *data)
{
	struct shared *shared = data;

	shared->ret =
		__t1x_map(shared->c, shared->mem, T1X_BASE, PAGES(NPAGES));
	return NULL;
}

TEST_F(accounting, mapper_thread_may_exit)
{
	struct shared shared = { &self->c, self->mem };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_maps, &shared));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, shared.ret);
	EXPECT_EQ(NPAGES, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_locked());
}

/*
 * The second half of the exec tests: a fresh image of this program with the
 * container's descriptor kept. The exit status tells the step that failed.
 */
static int after_exec(int fd)
{
	struct t1x c = { .fd = fd };
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));
	u64 size = 0;

	if (t1x_locked())
		return 10;
	if (__t1x_unmap(&c, T1X_BASE, PAGES(NPAGES), &size) ||
	    size != PAGES(NPAGES))
		return 11;
	/* The charge died with the old memory: nothing to give back */
	if (t1x_locked())
		return 12;
	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(NPAGES));
	if (__t1x_map(&c, mem, T1X_BASE, PAGES(NPAGES)))
		return 13;
	if (t1x_locked() != NPAGES)
		return 14;
	if (__t1x_unmap(&c, T1X_BASE, PAGES(NPAGES), &size))
		return 15;
	return t1x_locked() ? 16 : 0;
}

/* The same for who pins as much as he may, and then again; 0 if he cannot. */
static int pin_again(int fd)
{
	struct t1x c = { .fd = fd };
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));

	t1x_drop_ipc_lock();
	if (__t1x_map(&c, mem, 2 * T1X_BASE, T1X_PAGE) != -ENOMEM)
		return 10;
	if (__t1x_unmap(&c, T1X_BASE, PAGES(NPAGES), NULL))
		return 11;
	return __t1x_map(&c, mem, 2 * T1X_BASE, PAGES(NPAGES)) ? 12 : 0;
}

__attribute__((constructor)) static void run_after_exec(void)
{
	const char *fd = getenv(EXEC_ENV);

	if (fd)
		_exit(after_exec(atoi(fd)));
	fd = getenv(PIN_AGAIN_ENV);
	if (fd)
		_exit(pin_again(atoi(fd)));
}

static int map_and_exec(struct shared *shared, const char *name)
{
	char env[64];
	char *const argv[] = { "accounting", NULL };
	char *const envp[] = { env, NULL };

	t1x_map(shared->c, shared->mem, T1X_BASE, PAGES(NPAGES));
	fcntl(shared->c->fd, F_SETFD, 0);
	snprintf(env, sizeof(env), "%s=%d", name, shared->c->fd);
	execve("/proc/self/exe", argv, envp);
	return 9;
}

static int child_execs(void *data)
{
	return map_and_exec(data, EXEC_ENV);
}

TEST_F(accounting, exec_keeps_the_mapping_and_drops_the_charge)
{
	struct shared shared = { &self->c, self->mem };

	EXPECT_EQ(0, t1x_in_child(child_execs, &shared));
}

static int limited_child_execs(void *data)
{
	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(NPAGES));
	return map_and_exec(data, PIN_AGAIN_ENV);
}

TEST_F(accounting, L07_exec_does_not_make_room_for_more_pins)
{
	struct shared shared = { &self->c, self->mem };

	EXPECT_EQ(0, t1x_in_child(limited_child_execs, &shared));
}

static int limited_child_maps(void *data)
{
	struct shared *shared = data;

	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(NPAGES));
	t1x_map(shared->c, shared->mem, T1X_BASE, PAGES(NPAGES));
	return 0;
}

TEST_F(accounting, L07_pins_of_a_dead_mapper_count_against_the_next_map)
{
	struct shared shared = { &self->c, self->mem };

	/* Else one process after the other pins its limit and exits */
	ASSERT_EQ(0, t1x_in_child(limited_child_maps, &shared));
	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(NPAGES));
	EXPECT_EQ(-ENOMEM,
		  __t1x_map(&self->c, self->mem, 2 * T1X_BASE, T1X_PAGE));

	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	t1x_map(&self->c, self->mem, 2 * T1X_BASE, PAGES(NPAGES));
}

struct racer {
	struct t1x *c;
	char *mem;
	u64 iova;
	int rounds;
	long most; /* pages that were locked at once */
	int strange; /* results that are neither 0 nor ENOMEM */
};

static void *race(void *data)
{
	struct racer *racer = data;
	int i, ret;

	for (i = 0; i < racer->rounds; i++) {
		long locked;

		ret = __t1x_map(racer->c, racer->mem, racer->iova,
				PAGES(NPAGES));
		if (ret && ret != -ENOMEM)
			racer->strange = ret;
		locked = t1x_locked();
		if (locked > racer->most)
			racer->most = locked;
		if (!ret &&
		    __t1x_unmap(racer->c, racer->iova, PAGES(NPAGES), NULL))
			racer->strange = 1;
	}
	return NULL;
}

TEST_F(accounting, parallel_maps_never_exceed_the_limit_together)
{
	const long limit = NPAGES + NPAGES / 2;
	struct racer racers[3];
	pthread_t threads[3];
	int i;

	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(limit));
	for (i = 0; i < 3; i++) {
		racers[i] = (struct racer){
			&self->c,
			self->mem,
			T1X_BASE + i * T1X_2M,
			100,
		};
		ASSERT_EQ(0,
			  pthread_create(&threads[i], NULL, race, &racers[i]));
	}
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, racers[i].strange);
		EXPECT_LE(racers[i].most, limit);
	}
	EXPECT_EQ(0, t1x_locked());
}

TEST_F(accounting, two_containers_add_up)
{
	const char *bdf = t1x_edu(1);
	struct t1x other;

	if (!bdf)
		SKIP(return, "needs a second edu device");

	t1x_open(&other, variant->type, bdf);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	t1x_map(&other, self->mem, T1X_BASE, PAGES(4));
	EXPECT_EQ(8, t1x_locked());
	t1x_close(&other);
	EXPECT_EQ(4, t1x_locked());
}

TEST_F(accounting, bar_is_free_of_charge)
{
	const char *bdf = t1x_edu(1);
	struct t1x_device dev;
	void *bar;

	if (!bdf)
		SKIP(return, "needs a second edu device");

	t1x_add_group(&self->c, bdf);
	t1x_device_open(&dev, &self->c, bdf);
	bar = t1x_device_bar_map(&dev, 0, PAGES(NPAGES),
				 PROT_READ | PROT_WRITE);
	t1x_map(&self->c, bar, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_locked());
	t1x_unmap(&self->c, T1X_BASE, PAGES(NPAGES));
	EXPECT_EQ(0, t1x_locked());
	munmap(bar, PAGES(NPAGES));
	t1x_device_close(&dev);
}

TEST_HARNESS_MAIN
