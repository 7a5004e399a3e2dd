// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated groups: pins by exact IOVA, drivers that are told, who pays for what when an
 * IOMMU comes and goes, and what an unmap that cuts a mapping leaves to them. What copies
 * do to user memory is in copy_kunit.c.
 */
#include <linux/kthread.h>

#include "fake_container.h"
#include "fake_user.h"

/* The frames of the fakes have no page. */
#undef page_to_pfn
#undef pfn_to_page
#undef pfn_valid
#define page_to_pfn(page) ((unsigned long)(page))
#define pfn_to_page(pfn) ((struct page *)(pfn))
#define pfn_valid(pfn) ((void)(pfn), false)

#include "../emulated.c"
#include "../emulated_pin.c"

#include "group.h"

#define IOVA 0x100000UL
#define NPAGES 16
#define RW (IOMMU_READ | IOMMU_WRITE)
/* The group that is emulated; the container's end detaches it. */
#define EMULATED (FAKE_GROUPS - 1)

static const struct fake_mem memory[] = {
	{ 4, FAKE_PFN, T1X_PIN_PAGE },
	{ 2, FAKE_PFN + 0x100, T1X_PIN_NONE },
	{ 64, FAKE_PFN + 0x200, T1X_PIN_PAGE },
};

/* A driver, and what it does when it is told that a mapping goes. */
static struct fake_driver {
	struct vfio_device device;
	struct fake_container *c;
	unsigned long held; /* unpinned when a mapping goes */
	bool refuse;
	unsigned int told;
	u64 iova;
	u64 length;
	void (*when_told)(void);
} driver;

static void driver_dma_unmap(struct vfio_device *device, u64 iova, u64 length)
{
	driver.told++;
	driver.iova = iova;
	driver.length = length;
	if (driver.when_told)
		driver.when_told();
	if (!driver.refuse && driver.held) {
		t1x_emulated_unpin(&driver.c->map.emulated, IOVA, driver.held);
		driver.held = 0;
	}
}

static const struct vfio_device_ops driver_ops = {
	.name = "t1x_kunit",
	.dma_unmap = driver_dma_unmap,
};

static int pin(struct fake_container *c, unsigned long iova,
	       unsigned long npages, struct page **pages)
{
	return t1x_emulated_pin(&c->map.emulated, iova, npages, RW, pages,
				NULL);
}

static void unpin(struct fake_container *c, unsigned long iova,
		  unsigned long npages)
{
	t1x_emulated_unpin(&c->map.emulated, iova, npages);
}

/* A container with an emulated group, whose device is open, and a mapping. */
static struct fake_container *new_emulated(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);
	struct iommu_group *group = fake_group_of(&c->groups[EMULATED]);

	fake_mem_set(memory, ARRAY_SIZE(memory));
	KUNIT_ASSERT_EQ(test, 0,
			t1x_group_attach_emulated(&c->map, group, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			t1x_group_attach_emulated(&c->map, group, NULL));
	driver = (struct fake_driver){ .device.ops = &driver_ops, .c = c };
	t1x_emulated_add_device(&c->map.emulated, &driver.device);
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, IOVA, NPAGES, 0));
	KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);
	return c;
}

static void end_emulated(struct fake_container *c)
{
	t1x_emulated_remove_device(&c->map.emulated, &driver.device);
	fake_container_end(c);
}

static void pins_are_counted_by_their_exact_iova(struct kunit *test)
{
	struct fake_container *c = new_emulated(test);
	struct page *pages[4], *again;

	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA, 4, pages));
	KUNIT_EXPECT_EQ(test, FAKE_PFN + 3UL, (unsigned long)pages[3]);
	KUNIT_EXPECT_EQ(test, 4UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, 4L, fake_pin.charged);

	/* The same again is one more reference; amid the page is another pin. */
	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA, 1, &again));
	KUNIT_EXPECT_PTR_EQ(test, pages[0], again);
	KUNIT_EXPECT_EQ(test, 4UL, fake_pin.npins);
	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA + 1, 1, &again));
	KUNIT_EXPECT_EQ(test, 5UL, fake_pin.npins);

	unpin(c, IOVA + 2, 1);
	unpin(c, IOVA, 1);
	KUNIT_EXPECT_EQ(test, 5UL, fake_pin.npins);
	unpin(c, IOVA, 4);
	KUNIT_EXPECT_EQ(test, 1UL, fake_pin.npins);
	unpin(c, IOVA + 1, 1);
	KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);
	end_emulated(c);
}

static void a_pin_that_fails_leaves_nothing(struct kunit *test)
{
	struct fake_container *c = new_emulated(test);
	struct page *pages[NPAGES + 1];

	/* A frame without a page. */
	KUNIT_EXPECT_EQ(test, -EINVAL, pin(c, IOVA + 2 * PAGE_SIZE, 4, pages));

	/* Past the end, no permission, a wrap. */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pin(c, IOVA + 6 * PAGE_SIZE, NPAGES - 5, pages));
	KUNIT_EXPECT_PTR_EQ(test, NULL, pages[0]);
	KUNIT_EXPECT_EQ(test, -EPERM,
			t1x_emulated_pin(&c->map.emulated, IOVA, 1, RW | BIT(5),
					 pages, NULL));
	KUNIT_EXPECT_EQ(test, -T1X_EWRAP, pin(c, -PAGE_SIZE, 2, pages));
	KUNIT_EXPECT_EQ(test, -EINVAL, pin(c, IOVA - 1, 1, pages));

	/* Memory that the mapping has and the table has not. */
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, 2 * IOVA, 8, 66));
	KUNIT_EXPECT_EQ(test, -EFAULT, pin(c, 2 * IOVA, 8, pages));

	KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);
	end_emulated(c);
}

static void without_a_device_nothing_is_pinned(struct kunit *test)
{
	struct fake_container *c = new_emulated(test);
	struct page *page;

	t1x_emulated_remove_device(&c->map.emulated, &driver.device);
	KUNIT_EXPECT_EQ(test, -EINVAL, pin(c, IOVA, 1, &page));
	fake_container_end(c);
}

/* What is charged before, beside and after an IOMMU. */
static void an_iommu_comes_and_goes(struct kunit *test)
{
	struct fake_container *c = new_emulated(test);
	struct page *pages[4];

	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA, 3, pages));
	KUNIT_EXPECT_EQ(test, 3L, fake_pin.charged);

	/* All pages but the two that need no pin, and none of them twice. */
	fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
	fake_check_mapped(c, IOVA, NPAGES, 0);
	KUNIT_EXPECT_EQ(test, (long)NPAGES - 2, fake_pin.charged);
	KUNIT_EXPECT_EQ(test, NPAGES - 2 + 3UL, fake_pin.npins);
	unpin(c, IOVA, 1);
	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA + 8 * PAGE_SIZE, 2, &pages[2]));
	KUNIT_EXPECT_EQ(test, (long)NPAGES - 2, fake_pin.charged);

	/* Only what the driver holds now. */
	fake_detach(c, 0);
	KUNIT_EXPECT_EQ(test, 4L, fake_pin.charged);
	KUNIT_EXPECT_EQ(test, 4UL, fake_pin.npins);
	unpin(c, IOVA + PAGE_SIZE, 2);
	KUNIT_EXPECT_EQ(test, 2L, fake_pin.charged);

	/* And once more, and the mapping goes beside it. */
	fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
	KUNIT_EXPECT_EQ(test, (long)NPAGES - 2, fake_pin.charged);
	unpin(c, IOVA + 8 * PAGE_SIZE, 2);
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, IOVA, NPAGES, NULL));
	KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);
	end_emulated(c);
}

/* Each iommu_map and each walk of the first IOMMU fails once. */
static void an_iommu_that_cannot_have_all_changes_nothing(struct kunit *test)
{
	struct fake_container *c = new_emulated(test);
	struct fake_domain *domain;
	struct page *pages[3];
	unsigned int n;
	int ret;

	KUNIT_ASSERT_EQ(test, 0, fake_map(c, 2 * IOVA, NPAGES, NPAGES));
	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA, 3, pages));
	for (n = 1;; n++) {
		domain = fake_domain_new(FAKE_PGSIZES_VTD);
		domain->fail_map_at = n;
		fake_offer(c, 0, domain);
		ret = fake_try_attach(c, 0);
		if (!ret)
			break;
		KUNIT_EXPECT_EQ(test, 3L, fake_pin.charged);
		KUNIT_EXPECT_EQ(test, 3UL, fake_pin.npins);
		KUNIT_EXPECT_EQ(test, 0U, c->map.space.nr);
		KUNIT_ASSERT_LT(test, n, 100U);
	}
	KUNIT_EXPECT_LT(test, 2U, n);
	fake_detach(c, 0);

	for (n = 1; n <= 2; n++) {
		fake_pin.batches = 0;
		fake_pin.fail_batch_at = n;
		fake_pin.fail_with = -EFAULT;
		fake_offer(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
		KUNIT_EXPECT_EQ(test, -EFAULT, fake_try_attach(c, 0));
		fake_pin.fail_batch_at = 0;
		KUNIT_EXPECT_EQ(test, 3L, fake_pin.charged);
		KUNIT_EXPECT_EQ(test, 3UL, fake_pin.npins);
	}
	unpin(c, IOVA, 3);
	end_emulated(c);
}

static void a_driver_is_told_before_its_pages_go(struct kunit *test)
{
	struct fake_container *c = new_emulated(test);
	struct page *pages[4];
	u64 size;

	driver.held = 4;
	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA, 4, pages));
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, 2 * IOVA, 4, 20));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, IOVA, NPAGES, &size));
	KUNIT_EXPECT_EQ(test, (u64)NPAGES << PAGE_SHIFT, size);
	KUNIT_EXPECT_EQ(test, 1U, driver.told);
	KUNIT_EXPECT_EQ(test, (u64)IOVA, driver.iova);
	KUNIT_EXPECT_EQ(test, (u64)NPAGES << PAGE_SHIFT, driver.length);
	KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);

	/* Nobody is told of what nobody holds. */
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, 2 * IOVA, 4, NULL));
	KUNIT_EXPECT_EQ(test, 1U, driver.told);
	end_emulated(c);
}

static int check_entry(struct fake_container *c)
{
	int ret;

	mutex_lock(&c->map.lock);
	ret = t1x_map_check_entry(&c->map, NULL);
	mutex_unlock(&c->map.lock);
	return ret;
}

static void expect_a_lent_entry(void)
{
	KUNIT_EXPECT_EQ(driver.c->test, -EAGAIN, check_entry(driver.c));
}

/* A hole needs an entry, which comes back if it is not made after all. */
static void an_entry_that_is_lent_is_waited_for(struct kunit *test)
{
	struct fake_container *c = new_emulated(test);
	unsigned int avail = c->map.dma_avail;
	struct page *pages[4];
	u64 size;

	KUNIT_ASSERT_EQ(test, 0, fake_unmap(c, IOVA, NPAGES, &size));
	KUNIT_ASSERT_EQ(test, 0,
			fake_map_granule(c, IOVA, NPAGES, 0, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA, 4, pages));
	c->map.dma_avail = 1;
	driver.refuse = true;
	driver.when_told = expect_a_lent_entry;
	KUNIT_EXPECT_EQ(test, -EBUSY,
			fake_unmap(c, IOVA + PAGE_SIZE, 2, &size));
	driver.when_told = NULL;
	KUNIT_EXPECT_EQ(test, 0, check_entry(c));

	/* Nor is it lent when it has been used. */
	unpin(c, IOVA, 4);
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, IOVA + PAGE_SIZE, 2, &size));
	KUNIT_EXPECT_EQ(test, -ENOSPC, check_entry(c));
	c->map.dma_avail = avail - 1;
	end_emulated(c);
}

/* Its length is no number of 64 bits: a driver told of 0 bytes would let nothing go. */
static void a_driver_is_told_of_the_whole_space(struct kunit *test)
{
	const unsigned long npages = 1UL << (64 - PAGE_SHIFT);
	struct fake_container *c = new_emulated(test);
	struct page *pages[4];
	u64 size;

	KUNIT_ASSERT_EQ(test, 0, fake_unmap(c, IOVA, NPAGES, &size));
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, 0, npages, -PHYS_PFN(IOVA)));
	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA, 4, pages));
	driver.held = 4;
	driver.told = 0;
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, 0, npages, &size));
	KUNIT_EXPECT_EQ(test, 2U, driver.told);
	KUNIT_EXPECT_EQ(test, BIT_ULL(63), driver.iova);
	KUNIT_EXPECT_EQ(test, BIT_ULL(63), driver.length);
	end_emulated(c);
}

static void a_driver_that_refuses_keeps_the_mapping(struct kunit *test)
{
	struct fake_container *c = new_emulated(test);
	struct page *page;

	KUNIT_ASSERT_EQ(test, 0, pin(c, IOVA, 1, &page));
	driver.refuse = true;
	KUNIT_EXPECT_EQ(test, -EBUSY, fake_unmap(c, IOVA, NPAGES, NULL));
	KUNIT_EXPECT_EQ(test, (unsigned int)QUIESCE_TRIES, driver.told);

	/* LIVE again: what is held is, and more can be. */
	KUNIT_EXPECT_EQ(test, 1UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, 0, pin(c, IOVA + PAGE_SIZE, 1, &page));
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, IOVA, 1, 0));

	/* The container's end unpins what the driver has forgotten. */
	end_emulated(c);
	KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
}

/* ---- What a cut leaves ---- */

#define GRANULE SZ_8K

/* A mapping that can be cut; its memory needs a pin for every page. */
#define CUT_IOVA (4 * IOVA)
#define CUT_PAGE 8 /* of the table */

static unsigned long cut_at(unsigned long page)
{
	return CUT_IOVA + (page << PAGE_SHIFT);
}

static struct fake_container *new_cuttable(struct kunit *test)
{
	struct fake_container *c = new_emulated(test);

	KUNIT_ASSERT_EQ(test, 0,
			fake_map_granule(c, CUT_IOVA, NPAGES, CUT_PAGE,
					 GRANULE));
	return c;
}

static struct t1x_dma *find_dma(struct fake_container *c, unsigned long page)
{
	return fake_find_dma(c, cut_at(page));
}

/* Pages that drivers hold of the mapping that a page is in. */
static unsigned long nr_held(struct fake_container *c, unsigned long page)
{
	struct t1x_dma *dma = find_dma(c, page);
	unsigned long held;

	mutex_lock(&c->map.lock);
	held = t1x_external_nr_held(&c->map.tree, dma);
	mutex_unlock(&c->map.lock);
	return held;
}

static bool is_dirty(struct fake_container *c, unsigned long page)
{
	struct t1x_dirty dirty = t1x_dma_dirty(find_dma(c, page));

	return t1x_dirty_any(&dirty, cut_at(page) >> PAGE_SHIFT, 1);
}

static void unpin_what_goes(void)
{
	unpin(driver.c, driver.iova, driver.length >> PAGE_SHIFT);
	unpin(driver.c, driver.iova + 7, driver.length >> PAGE_SHIFT);
}

/* Each page is pinned twice; a part goes, the driver lets go of it alone. */
static void check_cut_of_pins(struct kunit *test, unsigned int first,
			      unsigned int end, bool with_iommu)
{
	unsigned int n = NPAGES - (end - first), i;
	struct fake_container *c = new_cuttable(test);
	struct page *pages[NPAGES];

	KUNIT_ASSERT_EQ(test, 0, pin(c, CUT_IOVA, NPAGES, pages));
	KUNIT_ASSERT_EQ(test, 0, pin(c, CUT_IOVA + 7, NPAGES, pages));
	if (with_iommu)
		fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));

	driver.when_told = unpin_what_goes;
	KUNIT_EXPECT_EQ(test, 0,
			fake_unmap(c, cut_at(first), end - first, NULL));
	KUNIT_EXPECT_EQ(test, 1U, driver.told);
	KUNIT_EXPECT_EQ(test, (u64)cut_at(first), driver.iova);
	KUNIT_EXPECT_EQ(test, (u64)(end - first) << PAGE_SHIFT, driver.length);
	if (first)
		KUNIT_EXPECT_EQ(test, 2UL * first, nr_held(c, 0));
	if (end < NPAGES)
		KUNIT_EXPECT_EQ(test, 2UL * (NPAGES - end), nr_held(c, end));
	/* The first mapping has two pages that need no pin. */
	KUNIT_EXPECT_EQ(test, with_iommu ? n + NPAGES - 2L : 2L * n,
			fake_pin.charged);

	if (with_iommu)
		fake_detach(c, 0);
	KUNIT_EXPECT_EQ(test, 2L * n, fake_pin.charged);

	/* Each is where it was: unpinned, and pinned, by the same IOVA. */
	for (i = 0; i < NPAGES; i++) {
		bool there = i < first || i >= end;

		KUNIT_EXPECT_EQ(test, there ? 0 : -EINVAL,
				pin(c, cut_at(i) + 7, 1, pages));
		if (!there)
			continue;
		unpin(c, cut_at(i) + 7, 1);
		unpin(c, cut_at(i) + 7, 1);
		unpin(c, cut_at(i), 1);
		KUNIT_EXPECT_EQ(test, 2L * --n, fake_pin.charged);
	}
	KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
	driver.when_told = NULL;
	end_emulated(c);
}

static void pins_are_shared_out_by_every_cut(struct kunit *test)
{
	unsigned int first, end;

	for (first = 0; first < NPAGES; first += 2) {
		for (end = first + 2; end <= NPAGES; end += 2)
			check_cut_of_pins(test, first, end, (first + end) & 2);
		cond_resched();
	}
}

static void a_cut_is_nobodys_business_who_holds_the_rest(struct kunit *test)
{
	struct fake_container *c = new_cuttable(test);
	struct page *pages[4];

	KUNIT_ASSERT_EQ(test, 0, pin(c, CUT_IOVA, 4, pages));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, cut_at(4), 4, NULL));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, cut_at(12), 4, NULL));
	KUNIT_EXPECT_EQ(test, 0U, driver.told);
	unpin(c, CUT_IOVA, 4);
	end_emulated(c);
}

/* In the callback: what stays can be pinned and copied, what goes cannot. */
static void use_while_it_goes(void)
{
	struct fake_container *c = driver.c;
	struct page *page[2];
	u8 buf[16];

	KUNIT_EXPECT_EQ(c->test, -EINVAL, pin(c, cut_at(4), 1, page));
	KUNIT_EXPECT_EQ(c->test, -EINVAL, pin(c, cut_at(11) + 9, 1, page));
	KUNIT_EXPECT_EQ(c->test, -EINVAL, pin(c, cut_at(3), 2, page));
	KUNIT_EXPECT_EQ(c->test, 0, pin(c, cut_at(3), 1, page));
	KUNIT_EXPECT_EQ(c->test, 0, pin(c, cut_at(12), 1, page));

	KUNIT_EXPECT_EQ(c->test, 0,
			t1x_copy_rw(&c->map.tree, cut_at(4) - 16, buf, 16,
				    true));
	KUNIT_EXPECT_EQ(c->test, -EINVAL,
			t1x_copy_rw(&c->map.tree, cut_at(4) - 15, buf, 16,
				    true));
	KUNIT_EXPECT_EQ(c->test, -EINVAL,
			t1x_copy_rw(&c->map.tree, cut_at(12) - 1, buf, 1,
				    false));
	KUNIT_EXPECT_EQ(c->test, 0,
			t1x_copy_rw(&c->map.tree, cut_at(12), buf, 16, false));
	driver.when_told = NULL;
}

static void use_and_let_go(void)
{
	use_while_it_goes();
	unpin(driver.c, cut_at(5), 1);
}

static void what_stays_is_there_throughout(struct kunit *test)
{
	struct fake_container *c = new_cuttable(test);
	struct page *page;
	unsigned int refuse;

	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_log_start(&c->map.log));
	KUNIT_ASSERT_EQ(test, 0, pin(c, cut_at(5), 1, &page));
	for (refuse = 2; refuse--;) {
		driver.when_told = refuse ? use_while_it_goes : use_and_let_go;
		KUNIT_EXPECT_EQ(test, refuse ? -EBUSY : 0,
				fake_unmap(c, cut_at(4), 8, NULL));
		/* LIVE again, as a whole; or without what went. */
		KUNIT_EXPECT_EQ(test, refuse ? 0 : -EINVAL,
				pin(c, cut_at(10), 1, &page));
		KUNIT_EXPECT_TRUE(test, is_dirty(c, 3));
		KUNIT_EXPECT_TRUE(test, is_dirty(c, 12));
		KUNIT_EXPECT_FALSE(test, is_dirty(c, 13));
		unpin(c, cut_at(3), 1);
		unpin(c, cut_at(12), 1);
		if (refuse)
			unpin(c, cut_at(10), 1);
	}
	KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
	end_emulated(c);
}

/* ---- A cut during a copy ---- */

static struct fake_call cutter;

/* Parts below and above the copy go at once, and whoever wants its pages waits. */
static void cut_around_copy(void)
{
	struct fake_container *c = driver.c;

	KUNIT_EXPECT_EQ(c->test, 0, fake_unmap(c, cut_at(0), 2, NULL));
	KUNIT_EXPECT_EQ(c->test, 0, fake_unmap(c, cut_at(14), 2, NULL));
	KUNIT_EXPECT_EQ(c->test, 0, fake_unmap(c, cut_at(4), 2, NULL));
	KUNIT_EXPECT_EQ(c->test, 0, fake_unmap(c, cut_at(10), 2, NULL));
	fake_call_start(&cutter);
	fake_call_await_waiting(&cutter);
	KUNIT_EXPECT_EQ(c->test, -EINVAL,
			t1x_copy_rw(&c->map.tree, cut_at(8), &cutter, 1,
				    false));
}

static void a_copy_goes_on_while_its_mapping_is_cut(struct kunit *test)
{
	struct fake_container *c = new_cuttable(test);
	u8 buf[16];

	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_log_start(&c->map.log));
	cutter = (struct fake_call){
		.c = c,
		.unmap = true,
		.iova = cut_at(8),
		.npages = 2,
	};
	fake_copy.on_copy = cut_around_copy;
	/* The end of page 7, which stays, and the beginning of page 8, which goes. */
	KUNIT_EXPECT_EQ(test, 0,
			t1x_copy_rw(&c->map.tree, cut_at(8) - 8, buf, 16,
				    true));
	KUNIT_EXPECT_PTR_EQ(test, NULL, fake_copy.on_copy);
	KUNIT_EXPECT_EQ(test, 0, fake_call_end(&cutter));
	KUNIT_EXPECT_TRUE(test, is_dirty(c, 7));
	KUNIT_EXPECT_FALSE(test, is_dirty(c, 6));
	KUNIT_EXPECT_PTR_EQ(test, NULL, find_dma(c, 8));
	KUNIT_EXPECT_EQ(test, cut_at(6), find_dma(c, 7)->iova);
	KUNIT_EXPECT_EQ(test, cut_at(8) - 1, find_dma(c, 7)->last);
	end_emulated(c);
}

/* The page that the running copy is in, and those on both sides of it. */
static unsigned long copied_page;

static void cut_each_side_of_copy(void)
{
	struct fake_container *c = driver.c;
	unsigned long granule = round_down(copied_page, 2);

	if (granule)
		KUNIT_EXPECT_EQ(c->test, 0,
				fake_unmap(c, CUT_IOVA, granule, NULL));
	if (granule + 2 < NPAGES)
		KUNIT_EXPECT_EQ(c->test, 0,
				fake_unmap(c, cut_at(granule + 2),
					   NPAGES - granule - 2, NULL));
}

static void a_copy_in_every_page_finds_its_part(struct kunit *test)
{
	struct fake_container *c = new_cuttable(test);
	u8 buf[16];

	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_log_start(&c->map.log));
	for (copied_page = 0; copied_page < NPAGES; copied_page++) {
		unsigned long iova = cut_at(copied_page) + 100;

		fake_copy.on_copy = cut_each_side_of_copy;
		KUNIT_EXPECT_EQ(test, 0,
				t1x_copy_rw(&c->map.tree, iova, buf, 16, true));
		KUNIT_EXPECT_TRUE(test, is_dirty(c, copied_page));
		KUNIT_EXPECT_FALSE(test, is_dirty(c, copied_page ^ 1));
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, CUT_IOVA, NPAGES, NULL));
		KUNIT_ASSERT_EQ(test, 0,
				fake_map_granule(c, CUT_IOVA, NPAGES, CUT_PAGE,
						 GRANULE));
	}
	end_emulated(c);
}

/* The device is closed and its group goes; then all is there again, and goes. */
static void begin_anew_during_copy(void)
{
	struct fake_container *c = driver.c;
	struct iommu_group *group = fake_group_of(&c->groups[EMULATED]);

	t1x_emulated_remove_device(&c->map.emulated, &driver.device);
	fake_detach(c, EMULATED);
	KUNIT_EXPECT_TRUE(c->test, RB_EMPTY_ROOT(&c->map.tree.root));

	KUNIT_ASSERT_EQ(c->test, 0,
			t1x_group_attach_emulated(&c->map, group, NULL));
	t1x_emulated_add_device(&c->map.emulated, &driver.device);
	KUNIT_ASSERT_EQ(c->test, 0, fake_map(c, CUT_IOVA, NPAGES, CUT_PAGE));
	fake_call_start(&cutter);
	KUNIT_EXPECT_EQ(c->test, 0, fake_call_end(&cutter));
}

static void a_copy_of_what_has_gone_holds_nothing_up(struct kunit *test)
{
	struct fake_container *c = new_cuttable(test);
	u8 buf[16];

	cutter = (struct fake_call){
		.c = c,
		.unmap = true,
		.iova = CUT_IOVA,
		.npages = NPAGES,
	};
	fake_copy.on_copy = begin_anew_during_copy;
	KUNIT_EXPECT_EQ(test, 0,
			t1x_copy_rw(&c->map.tree, CUT_IOVA, buf, 16, true));
	KUNIT_EXPECT_TRUE(test, list_empty(&c->map.tree.copies));
	end_emulated(c);
}

/* ---- A page that comes late ---- */

static void unmap_while_pinning(void)
{
	KUNIT_EXPECT_EQ(driver.c->test, 0,
			fake_unmap(driver.c, CUT_IOVA, NPAGES, NULL));
}

static void replace_while_pinning(void)
{
	unmap_while_pinning();
	KUNIT_EXPECT_EQ(driver.c->test, 0,
			fake_map(driver.c, CUT_IOVA, NPAGES, CUT_PAGE + 1));
}

static void cut_while_pinning(void)
{
	KUNIT_EXPECT_EQ(driver.c->test, 0,
			fake_unmap(driver.c, cut_at(0), 2, NULL));
	KUNIT_EXPECT_EQ(driver.c->test, 0,
			fake_unmap(driver.c, cut_at(4), 2, NULL));
}

static void a_late_page_is_of_the_mapping_that_is_there(struct kunit *test)
{
	static const struct {
		void (*event)(void);
		int ret;
		unsigned long page; /* of the table */
	} rows[] = {
		{ unmap_while_pinning, -EINVAL, 0 },
		{ replace_while_pinning, 0, CUT_PAGE + 1 + 3 },
		{ cut_while_pinning, 0, CUT_PAGE + 3 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake_container *c = new_cuttable(test);
		unsigned long nr = rows[i].ret ? 0 : 1;
		struct page *page;

		fake_pin.on_page = rows[i].event;
		KUNIT_EXPECT_EQ(test, rows[i].ret, pin(c, cut_at(3), 1, &page));
		KUNIT_EXPECT_PTR_EQ(test, NULL, fake_pin.on_page);
		KUNIT_EXPECT_EQ(test, nr, fake_pin.npins);
		KUNIT_EXPECT_EQ(test, (long)nr, fake_pin.charged);
		KUNIT_EXPECT_TRUE(test, hlist_empty(&c->map.emulated.targets));
		if (nr) {
			KUNIT_EXPECT_EQ(test, fake_mem_pfn(rows[i].page),
					(unsigned long)page);
			unpin(c, cut_at(3), 1);
		}
		end_emulated(c);
	}
}

/* Another driver has the third page, and the fourth one by another byte. */
static void pin_while_pinning(void)
{
	struct page *page;

	KUNIT_EXPECT_EQ(driver.c->test, 0, pin(driver.c, cut_at(2), 1, &page));
	KUNIT_EXPECT_EQ(driver.c->test, 0,
			pin(driver.c, cut_at(3) + 9, 1, &page));
}

static void cut_the_end_while_pinning(void)
{
	KUNIT_EXPECT_EQ(driver.c->test, 0,
			fake_unmap(driver.c, cut_at(4), 2, NULL));
}

static void pages_that_come_together_are_shared(struct kunit *test)
{
	struct fake_container *c = new_cuttable(test);
	struct page *pages[6];
	unsigned int i;

	fake_pin.on_page = pin_while_pinning;
	KUNIT_EXPECT_EQ(test, 0, pin(c, cut_at(0), 6, pages));
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_EQ(test, fake_mem_pfn(CUT_PAGE + i),
				(unsigned long)pages[i]);
	KUNIT_EXPECT_EQ(test, 7UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, 7L, fake_pin.charged);

	unpin(c, cut_at(2), 1);
	KUNIT_EXPECT_EQ(test, 7UL, fake_pin.npins);
	unpin(c, cut_at(3) + 9, 1);
	unpin(c, cut_at(0), 6);
	KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
	end_emulated(c);
}

static void pages_of_which_some_go_are_none(struct kunit *test)
{
	struct fake_container *c = new_cuttable(test);
	struct page *pages[6];
	unsigned int i;

	fake_pin.on_page = cut_the_end_while_pinning;
	KUNIT_EXPECT_EQ(test, -EINVAL, pin(c, cut_at(0), 6, pages));
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_PTR_EQ(test, NULL, pages[i]);
	KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);
	end_emulated(c);
}

/* ---- An IOMMU that comes during a cut ---- */

static struct completion attached;

static int attach_thread(void *data)
{
	struct fake_container *c = data;
	struct fake_domain *second = fake_domain_new(FAKE_PGSIZES_VTD);

	/* The first attempt is in vain; what it was given goes with it. */
	fake_offer(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
	c->groups[0].next_domain = second;
	c->domains[0] = second;
	KUNIT_EXPECT_EQ(c->test, 0, fake_try_attach(c, 0));
	KUNIT_EXPECT_PTR_EQ(c->test, second, c->domains[0]);
	complete(&attached);
	return 0;
}

static void attach_while_it_goes(void)
{
	struct fake_container *c = driver.c;
	struct task_struct *task;

	driver.when_told = unpin_what_goes;
	task = kthread_run(attach_thread, c, "t1x_kunit");
	KUNIT_ASSERT_FALSE(c->test, IS_ERR(task));
	/* The first one: it waits for what is being unmapped. */
	KUNIT_EXPECT_EQ(c->test, 0UL,
			wait_for_completion_timeout(&attached, HZ / 4));
	unpin_what_goes();
}

static void the_first_iommu_waits_for_a_cut(struct kunit *test)
{
	struct fake_container *c = new_cuttable(test);
	struct page *page;
	unsigned long left;

	init_completion(&attached);
	KUNIT_ASSERT_EQ(test, 0, pin(c, cut_at(5), 1, &page));
	driver.when_told = attach_while_it_goes;
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, cut_at(4), 8, NULL));
	left = wait_for_completion_timeout(&attached, 10 * HZ);
	KUNIT_ASSERT_GT(test, left, 0UL);
	fake_check_mapped(c, CUT_IOVA, 4, CUT_PAGE);
	fake_check_mapped(c, cut_at(12), 4, CUT_PAGE + 12);
	KUNIT_EXPECT_EQ(test, NPAGES + 8UL, c->domains[0]->npages);
	driver.when_told = NULL;
	end_emulated(c);
}

static struct kunit_case emulated_cases[] = {
	KUNIT_CASE(pins_are_counted_by_their_exact_iova),
	KUNIT_CASE(a_pin_that_fails_leaves_nothing),
	KUNIT_CASE(without_a_device_nothing_is_pinned),
	KUNIT_CASE(an_iommu_comes_and_goes),
	KUNIT_CASE(an_iommu_that_cannot_have_all_changes_nothing),
	KUNIT_CASE(a_driver_is_told_before_its_pages_go),
	KUNIT_CASE(a_driver_is_told_of_the_whole_space),
	KUNIT_CASE(an_entry_that_is_lent_is_waited_for),
	KUNIT_CASE(a_driver_that_refuses_keeps_the_mapping),
	KUNIT_CASE(pins_are_shared_out_by_every_cut),
	KUNIT_CASE(a_cut_is_nobodys_business_who_holds_the_rest),
	KUNIT_CASE(what_stays_is_there_throughout),
	KUNIT_CASE(a_copy_goes_on_while_its_mapping_is_cut),
	KUNIT_CASE(a_copy_in_every_page_finds_its_part),
	KUNIT_CASE(a_copy_of_what_has_gone_holds_nothing_up),
	KUNIT_CASE(a_late_page_is_of_the_mapping_that_is_there),
	KUNIT_CASE(pages_that_come_together_are_shared),
	KUNIT_CASE(pages_of_which_some_go_are_none),
	KUNIT_CASE(the_first_iommu_waits_for_a_cut),
	{}
};

static struct kunit_suite emulated_suite = {
	.name = "t1x_emulated",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = emulated_cases,
};

kunit_test_suite(emulated_suite);
