// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated groups: pins by exact IOVA, drivers that are told, and who pays for what
 * when an IOMMU comes and goes. Copies need an address space: the selftests have one.
 */
#include <linux/sched/mm.h>

#include "fake_container.h"

/* The accounts of the fakes have no address space, and their frames no page. */
#define mmget_not_zero(mm) (!(mm))
#define mmput(mm) ((void)(mm))
#undef pfn_to_page
#undef pfn_valid
#define pfn_to_page(pfn) ((struct page *)(pfn))
#define pfn_valid(pfn) ((void)(pfn), false)

#undef pr_fmt
#include "../copy.c"
#include "../emulated.c"
#include "../external.c"

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
} driver;

static void driver_dma_unmap(struct vfio_device *device, u64 iova, u64 length)
{
	driver.told++;
	driver.iova = iova;
	driver.length = length;
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
	return t1x_emulated_pin(&c->map.emulated, iova, npages, RW, pages);
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
	KUNIT_ASSERT_EQ(test, 0, t1x_group_attach_emulated(&c->map, group));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			t1x_group_attach_emulated(&c->map, group));
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
					 pages));
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

static struct kunit_case emulated_cases[] = {
	KUNIT_CASE(pins_are_counted_by_their_exact_iova),
	KUNIT_CASE(a_pin_that_fails_leaves_nothing),
	KUNIT_CASE(without_a_device_nothing_is_pinned),
	KUNIT_CASE(an_iommu_comes_and_goes),
	KUNIT_CASE(an_iommu_that_cannot_have_all_changes_nothing),
	KUNIT_CASE(a_driver_is_told_before_its_pages_go),
	KUNIT_CASE(a_driver_that_refuses_keeps_the_mapping),
	{}
};

static struct kunit_suite emulated_suite = {
	.name = "t1x_emulated",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = emulated_cases,
};

kunit_test_suite(emulated_suite);
