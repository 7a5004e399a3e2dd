// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports whose bitmap lies in a page that does not come: one of a FUSE file, or one
 * that userfaultfd withholds. A process reports in one thread and goes on in another,
 * which shares its address space with the first; then it is killed.
 */
#include "dirty.h"
#include "fuse.h"
#include "ranges.h"
#include "suite.h"
#include "uffd.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE PAGES(16)
#define LAST (T1X_BASE + SIZE - 1)
#define OTHER_IOVA (T1X_BASE + T1X_1G)
#define THIRD_IOVA (T1X_BASE + 2 * T1X_1G)

/* How long something may take that must not wait for the page: see parked.c */
static unsigned int patience_ms(void)
{
	return t1x_is_type1x() && getenv("T1X_DEBUG_LANE") ? 20000 : 1000;
}

/* What the process tells the test */
struct progress {
	atomic_bool parked, done;
	atomic_bool wrong; /* the other thread's calls have failed */
};

FIXTURE(report)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_fuse fuse;
	struct progress *progress;
	char *mem;
	pid_t caller;
};

enum page { OF_FUSE, OF_USERFAULTFD };

enum call { GET, UNMAP, GET_RANGE, UNMAP_RANGE };

FIXTURE_VARIANT(report)
{
	enum page page;
	enum call call;
};

/* clang-format off */
#define VARIANTS(name, page) \
	FIXTURE_VARIANT_ADD(report, name##_get_bitmap) { page, GET }; \
	FIXTURE_VARIANT_ADD(report, name##_unmap_with_bitmap) { page, UNMAP }; \
	FIXTURE_VARIANT_ADD(report, name##_dirty_range) { page, GET_RANGE }; \
	FIXTURE_VARIANT_ADD(report, name##_unmap_range) { page, UNMAP_RANGE }

VARIANTS(fuse, OF_FUSE);
VARIANTS(userfaultfd, OF_USERFAULTFD);
/* clang-format on */

FIXTURE_SETUP(report)
{
	if (variant->call >= GET_RANGE && !t1x_is_type1x())
		SKIP(return, "in-tree has no such call");
	if (!t1x_edu(1))
		SKIP(return, "needs a second edu device");
	if (variant->page == OF_FUSE && !t1x_fuse_start(&self->fuse, T1X_PAGE))
		SKIP(return, "no FUSE in this kernel");

	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	self->progress = mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, NULL);
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_map(&self->c, self->mem, OTHER_IOVA, SIZE);
	t1x_dirty_start(&self->c);
}

FIXTURE_TEARDOWN(report)
{
	t1x_fuse_release(&self->fuse);
	if (self->caller > 0) {
		kill(self->caller, SIGKILL);
		EXPECT_EQ(0, t1x_wait(self->caller, 30000, NULL));
	}
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
	t1x_fuse_stop(&self->fuse);
}

struct parked {
	struct t1x *c;
	enum call call;
	void *bitmap;
};

static void *report(void *data)
{
	struct parked *parked = data;

	switch (parked->call) {
	case GET:
		__t1x_dirty_get(parked->c, T1X_BASE, SIZE, parked->bitmap);
		break;
	case UNMAP:
		__t1x_dirty_unmap(parked->c, T1X_BASE, SIZE, parked->bitmap,
				  NULL);
		break;
	case GET_RANGE:
		__t1x_dirty_range(parked->c, T1X_BASE, LAST, 0, parked->bitmap);
		break;
	case UNMAP_RANGE:
		__t1x_unmap_range_dirty(parked->c, T1X_BASE, LAST,
					parked->bitmap, NULL);
		break;
	}
	return NULL;
}

/* Reports in a thread, into a page that does not come; returns once it waits */
static bool park(struct _test_data_report *self, enum page page, enum call call)
{
	static struct t1x_uffd uffd;
	static struct parked parked;
	pthread_t thread;

	parked.c = &self->c;
	parked.call = call;
	if (page == OF_FUSE) {
		parked.bitmap = t1x_fuse_map_private(&self->fuse);
	} else {
		parked.bitmap = mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		t1x_require(t1x_uffd_withhold(&uffd, parked.bitmap, T1X_PAGE,
					      UFFDIO_REGISTER_MODE_MISSING),
			    "userfaultfd: %s", strerror(errno));
	}

	t1x_require(!pthread_create(&thread, NULL, report, &parked),
		    "pthread_create");
	return page == OF_FUSE ? t1x_fuse_wait_parked(&self->fuse, 20000) :
				 t1x_uffd_wait_parked(&uffd, 20000);
}

/* Calls that have nothing to do with what is being reported */
static int use_container(struct t1x *c, const void *mem)
{
	u64 word = 0;
	int ret;

	t1x_dma_avail(c);
	t1x_map(c, mem, THIRD_IOVA, SIZE);
	ret = __t1x_dirty_get(c, OTHER_IOVA, SIZE, &word);
	if (ret || word != 0xffff)
		return 1;
	t1x_unmap(c, THIRD_IOVA, SIZE);
	t1x_add_group(c, t1x_edu(1));
	t1x_del_group(c, t1x_edu(1));
	return 0;
}

static void call_in_child(struct _test_data_report *self, enum page page,
			  enum call call)
{
	struct progress *progress = self->progress;

	self->caller = t1x_fork();
	if (self->caller)
		return;

	atomic_store(&progress->parked, park(self, page, call));
	if (atomic_load(&progress->parked)) {
		atomic_store(&progress->wrong,
			     use_container(&self->c, self->mem));
		atomic_store(&progress->done, true);
	}
	pause();
}

static bool comes(atomic_bool *flag, unsigned int ms)
{
	u64 end = t1x_now_ms() + ms;

	while (!atomic_load(flag) && t1x_now_ms() < end)
		t1x_sleep_ms(2);
	return atomic_load(flag);
}

TEST_F(report, blocks_nobody_else_and_is_killed_at_once)
{
	u64 unmapped = 0;

	call_in_child(self, variant->page, variant->call);
	ASSERT_TRUE(comes(&self->progress->parked, 25000));
	EXPECT_TRUE(comes(&self->progress->done, patience_ms()));
	EXPECT_FALSE(atomic_load(&self->progress->wrong));

	kill(self->caller, SIGKILL);
	ASSERT_EQ(0, t1x_wait(self->caller, patience_ms(), NULL));
	self->caller = 0;

	/* Who was killed has reported nothing, and unmapped nothing */
	EXPECT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, SIZE, &unmapped));
	EXPECT_EQ(SIZE, unmapped);
}

TEST_HARNESS_MAIN
