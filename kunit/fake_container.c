// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake container. See fake_container.h.
 */
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>

#include "external.h"
#include "group.h"
#include "unmap.h"

#include "fake_container.h"

int fake_container_init(struct kunit *test)
{
	fake_init(test);
	fake_pin_init(test);
	return t1x_dma_cache_create() ?: t1x_external_cache_create();
}

/* The cache complains by itself if it is not empty. */
void fake_container_exit(struct kunit *test)
{
	fake_pin_exit(test);
	fake_exit(test);
	t1x_external_cache_destroy();
	t1x_dma_cache_destroy();
}

/**
 * fake_container_new() - An empty container
 * @test: Test
 *
 * Return: The container. fake_container_end() ends it.
 */
struct fake_container *fake_container_new(struct kunit *test)
{
	struct fake_container *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c);
	c->test = test;
	t1x_map_init(&c->map, FAKE_ENTRY_LIMIT);
	for (i = 0; i < FAKE_GROUPS; i++) {
		c->groups[i].nr_devs = 1;
		c->groups[i].isolated_msi = true;
	}
	return c;
}

/* A domain that does not take the groups of the others. */
struct fake_domain *fake_domain_new_other(struct kunit *test)
{
	struct fake_domain *domain;

	domain = fake_domain_new_kind(fake_kind_of(test));
	domain->coherent = true;
	return domain;
}

/**
 * fake_container_new_with() - A container with domains
 * @test: Test, whose parameter says what kind they are
 * @nr: 0, 1 or 2 domains, each of a group of its own
 *
 * Return: The container.
 */
struct fake_container *fake_container_new_with(struct kunit *test,
					       unsigned int nr)
{
	struct fake_container *c = fake_container_new(test);

	if (nr > 0)
		fake_attach(c, 0, fake_domain_new_kind(fake_kind_of(test)));
	if (nr > 1)
		fake_attach(c, 1, fake_domain_new_other(test));
	return c;
}

/* What is stuck keeps its entry, but for a part that never had one of its own. */
static unsigned int entries_stuck(struct fake_container *c)
{
	struct t1x_dma *dma;
	unsigned int nr = 0;

	mutex_lock(&c->map.lock);
	for (dma = t1x_dma_first(&c->map.tree); dma;
	     dma = t1x_dma_next(&c->map.tree, dma))
		nr += dma->stuck && !dma->uncounted;
	mutex_unlock(&c->map.lock);
	return nr;
}

/**
 * fake_container_end() - Close a container the way vfio core does
 * @c: Container
 */
void fake_container_end(struct fake_container *c)
{
	unsigned int i, left;

	for (i = 0; i < FAKE_GROUPS; i++)
		fake_detach(c, i);
	left = FAKE_ENTRY_LIMIT - entries_stuck(c);
	KUNIT_EXPECT_EQ(c->test, left, c->map.dma_avail);
	t1x_map_destroy(&c->map);
}

/* The domain that the IOMMU driver will allocate for group @i. */
void fake_offer(struct fake_container *c, unsigned int i,
		struct fake_domain *domain)
{
	c->groups[i].domain = domain;
	c->domains[i] = domain;
}

int fake_try_attach(struct fake_container *c, unsigned int i)
{
	const struct t1x_group_opts opts = {};
	int ret;

	ret = t1x_group_attach(&c->map, fake_group_of(&c->groups[i]), &opts);

	/* The domain was freed if the attach failed, or joined another. */
	if (ret || c->groups[i].attached != &c->domains[i]->domain)
		c->domains[i] = NULL;
	return ret;
}

void fake_attach(struct fake_container *c, unsigned int i,
		 struct fake_domain *domain)
{
	fake_offer(c, i, domain);
	KUNIT_ASSERT_EQ(c->test, 0, fake_try_attach(c, i));
}

void fake_detach(struct fake_container *c, unsigned int i)
{
	t1x_group_detach(&c->map, fake_group_of(&c->groups[i]));
	KUNIT_EXPECT_PTR_EQ(c->test, NULL, c->groups[i].attached);
	c->domains[i] = NULL;
}

/**
 * fake_map() - VFIO_IOMMU_MAP_DMA of a part of the table of memory
 * @c: Container
 * @iova: First byte
 * @npages: Length
 * @page: First page of the table
 *
 * Return: As t1x_map_dma().
 */
int fake_map(struct fake_container *c, unsigned long iova, unsigned long npages,
	     unsigned long page)
{
	return fake_map_granule(c, iova, npages, page, 0);
}

/* The same with a granule, in bytes. */
int fake_map_granule(struct fake_container *c, unsigned long iova,
		     unsigned long npages, unsigned long page,
		     unsigned long granule)
{
	const struct t1x_uapi_map args = {
		.iova = iova,
		.last = iova + (npages << PAGE_SHIFT) - 1,
		.vaddr = FAKE_VADDR + (page << PAGE_SHIFT),
		.granule = granule,
		.prot = IOMMU_READ | IOMMU_WRITE,
	};

	return t1x_map_dma(&c->map, &args, false);
}

static int do_unmap(struct fake_container *c, unsigned long iova,
		    unsigned long npages, u64 *size, bool lenient)
{
	const struct t1x_uapi_unmap args = {
		.iova = iova,
		.last = iova + (npages << PAGE_SHIFT) - 1,
		.lenient = lenient,
	};
	u64 done;
	int ret;

	ret = t1x_unmap_dma(&c->map, &args, &done);
	if (size)
		*size = ret ? 0 : done << PAGE_SHIFT;
	return ret;
}

int fake_unmap(struct fake_container *c, unsigned long iova,
	       unsigned long npages, u64 *size)
{
	return do_unmap(c, iova, npages, size, false);
}

int fake_unmap_v1(struct fake_container *c, unsigned long iova,
		  unsigned long npages, u64 *size)
{
	return do_unmap(c, iova, npages, size, true);
}

u64 fake_unmap_all(struct fake_container *c)
{
	const struct t1x_uapi_unmap args = { .last = ULONG_MAX };
	u64 npages = 0;

	KUNIT_EXPECT_EQ(c->test, 0, t1x_unmap_dma(&c->map, &args, &npages));
	return npages << PAGE_SHIFT;
}

/* The mapping that a byte is in, or NULL. */
struct t1x_dma *fake_find_dma(struct fake_container *c, unsigned long iova)
{
	struct t1x_dma *dma;

	mutex_lock(&c->map.lock);
	dma = t1x_dma_find(&c->map.tree, iova, iova);
	mutex_unlock(&c->map.lock);
	return dma;
}

/* Every domain shows these pages of the table, each where it should be. */
void fake_check_mapped(struct fake_container *c, unsigned long iova,
		       unsigned long npages, unsigned long page)
{
	struct fake_domain *domain;
	unsigned long n;

	for (; npages; npages -= n) {
		n = min(npages, fake_mem_run(page));
		KUNIT_ASSERT_GT(c->test, n, 0UL);
		list_for_each_entry(domain, &fake.domains, next)
			fake_domain_check(domain, iova, fake_mem_pfn(page), n);
		iova += n << PAGE_SHIFT;
		page += n;
	}
}

/* Nothing is mapped, pinned or tracked. */
void fake_check_empty(struct fake_container *c)
{
	struct fake_domain *domain;

	list_for_each_entry(domain, &fake.domains, next)
		KUNIT_EXPECT_EQ(c->test, 0UL, domain->npages);
	KUNIT_EXPECT_EQ(c->test, 0UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(c->test, 0L, fake_pin.charged);
	KUNIT_EXPECT_TRUE(c->test, RB_EMPTY_ROOT(&c->map.tree.root));
	KUNIT_EXPECT_EQ(c->test, FAKE_ENTRY_LIMIT, (int)c->map.dma_avail);
}

static int call_thread(void *data)
{
	struct fake_call *call = data;

	allow_signal(SIGKILL);
	if (call->unmap)
		call->ret = fake_unmap(call->c, call->iova, call->npages,
				       &call->size);
	else
		call->ret =
			fake_map(call->c, call->iova, call->npages, call->page);
	complete(&call->done);

	/* Stay for whoever wants to send a signal. */
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

void fake_call_start(struct fake_call *call)
{
	init_completion(&call->done);
	call->task = kthread_run(call_thread, call, "t1x_kunit");
	KUNIT_ASSERT_FALSE(call->c->test, IS_ERR(call->task));
}

static bool has_waiter(struct t1x_map *map)
{
	bool waiter;

	mutex_lock(&map->lock);
	/* A waiter is queued under the lock, which orders this. */
	waiter = waitqueue_active(&map->tree.changed);
	mutex_unlock(&map->lock);
	return waiter;
}

/* Until it waits for a mapping to change, which somebody else must do. */
void fake_call_await_waiting(struct fake_call *call)
{
	unsigned int i;

	for (i = 0; i < 500 && !has_waiter(&call->c->map); i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(call->c->test, has_waiter(&call->c->map));
	KUNIT_EXPECT_FALSE(call->c->test, completion_done(&call->done));
}

int fake_call_end(struct fake_call *call)
{
	unsigned long left = wait_for_completion_timeout(&call->done, 10 * HZ);

	KUNIT_EXPECT_GT_MSG(call->c->test, left, 0UL, "a call never came back");
	if (left)
		kthread_stop(call->task);
	return call->ret;
}
