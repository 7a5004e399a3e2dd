// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap with splits: mappings that have a granule, cut at one end, at both and in
 * the middle. The rules of v1 and v2 for whole mappings are in map_kunit.c.
 */
#include "../unmap.c"

#include <kunit/test.h>

#include "fake_container.h"

#define IOVA 0x100000UL
#define NPAGES 64

static const struct fake_mem memory[] = { { NPAGES, FAKE_PFN, T1X_PIN_PAGE } };

static struct fake_container *new_container(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);

	fake_mem_set(memory, ARRAY_SIZE(memory));
	fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
	return c;
}

static unsigned long at(unsigned long page)
{
	return IOVA + (page << PAGE_SHIFT);
}

static void the_middle_goes_and_both_ends_stay(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	u64 size;

	KUNIT_ASSERT_EQ(test, 0, fake_map_granule(c, IOVA, NPAGES, 0, SZ_16K));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, at(16), 8, &size));
	KUNIT_EXPECT_EQ(test, (u64)8 << PAGE_SHIFT, size);
	KUNIT_EXPECT_EQ(test, FAKE_ENTRY_LIMIT - 2U, c->map.dma_avail);

	fake_check_mapped(c, IOVA, 16, 0);
	fake_check_mapped(c, at(24), 40, 24);
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_unmap(c, at(2), 4, NULL));
	KUNIT_EXPECT_EQ(test, (u64)(NPAGES - 8) << PAGE_SHIFT,
			fake_unmap_all(c));
	KUNIT_EXPECT_EQ(test, (unsigned int)FAKE_ENTRY_LIMIT, c->map.dma_avail);
	fake_container_end(c);
}

static struct kunit_case unmap_cases[] = {
	KUNIT_CASE(the_middle_goes_and_both_ends_stay),
	{}
};

static struct kunit_suite unmap_suite = {
	.name = "t1x_unmap",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = unmap_cases,
};

kunit_test_suite(unmap_suite);
