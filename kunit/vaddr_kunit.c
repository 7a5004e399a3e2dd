// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_UPDATE_VADDR when another process takes over, which drops the mutex.
 */
#include "unmap.h"

#include "fake_container.h"

/* Called where the mutex is dropped, when it is set. */
static void (*on_charge)(struct fake_container *c);
static struct fake_container *charged;

static long hooked_charge(struct t1x_account *account, unsigned long want,
			  unsigned long orphans, bool no_limit)
{
	long ret = t1x_account_charge(account, want, orphans, no_limit);

	if (on_charge)
		on_charge(charged);
	return ret;
}

#define t1x_account_charge hooked_charge

#include "../vaddr.c"

#define IOVA 0x100000UL
#define NPAGES 8

static const struct fake_mem memory[] = { { 64, FAKE_PFN, T1X_PIN_PAGE } };

static void invalidate(struct fake_container *c, unsigned long iova,
		       unsigned long npages)
{
	const struct t1x_uapi_unmap args = {
		.iova = iova,
		.last = npages ? iova + (npages << PAGE_SHIFT) - 1 : ULONG_MAX,
		.vaddr_only = true,
	};
	u64 done;

	KUNIT_ASSERT_EQ(c->test, 0, t1x_unmap_dma(&c->map, &args, &done));
}

/* A container with an invalid mapping. */
static struct fake_container *new_moving(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);

	fake_mem_set(memory, ARRAY_SIZE(memory));
	fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, IOVA, NPAGES, 0));
	invalidate(c, IOVA, NPAGES);
	return c;
}

/* And some other process has made it. */
static struct fake_container *new_others(struct kunit *test)
{
	struct fake_container *c = new_moving(test);
	struct t1x_dma *dma;

	mutex_lock(&c->map.lock);
	dma = t1x_dma_find(&c->map.tree, IOVA, IOVA);
	dma->account->mm = (struct mm_struct *)test;
	mutex_unlock(&c->map.lock);
	charged = c;
	return c;
}

static int restore(struct fake_container *c, struct t1x_dma **doomed)
{
	const struct t1x_uapi_map args = {
		.iova = IOVA,
		.last = IOVA + (NPAGES << PAGE_SHIFT) - 1,
		.vaddr = 0x7000,
		.vaddr_only = true,
	};

	lockdep_assert_held(&c->map.lock);

	return t1x_vaddr_restore(&c->map.tree, &c->map.accounts, &args, doomed);
}

static long moving(struct fake_container *c)
{
	struct t1x_account *account;

	account = list_first_entry(&c->map.accounts.list, struct t1x_account,
				   next);
	return atomic_long_read(&account->moving);
}

static void a_mapping_is_taken_over(struct kunit *test)
{
	struct fake_container *c = new_others(test);
	struct t1x_dma *dma, *doomed;

	KUNIT_EXPECT_EQ(test, (long)NPAGES, moving(c));
	mutex_lock(&c->map.lock);
	KUNIT_EXPECT_EQ(test, 0, restore(c, &doomed));
	KUNIT_EXPECT_PTR_EQ(test, NULL, doomed);
	dma = t1x_dma_find(&c->map.tree, IOVA, IOVA);
	KUNIT_EXPECT_EQ(test, 0x7000UL, dma->vaddr);
	dma->vaddr = FAKE_VADDR;
	KUNIT_EXPECT_EQ(test, (int)T1X_DMA_LIVE, (int)dma->state);
	KUNIT_EXPECT_EQ(test, 0U, c->map.tree.nr_vaddr_invalid);
	mutex_unlock(&c->map.lock);

	KUNIT_EXPECT_EQ(test, 0L, moving(c));
	KUNIT_EXPECT_EQ(test, (long)NPAGES, fake_pin.charged);
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, IOVA, NPAGES, NULL));
	fake_check_empty(c);
	fake_container_end(c);
}

static void lose_last_group(struct fake_container *c)
{
	on_charge = NULL;
	fake_detach(c, 0);
}

/* Else a call that waits for it would unmap it too. */
static void
a_mapping_that_is_doomed_meanwhile_is_nobody_elses(struct kunit *test)
{
	struct fake_container *c = new_others(test);
	struct t1x_dma *doomed;

	on_charge = lose_last_group;
	mutex_lock(&c->map.lock);
	KUNIT_EXPECT_EQ(test, -EINVAL, restore(c, &doomed));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, doomed);
	KUNIT_EXPECT_EQ(test, (int)T1X_DMA_DYING, (int)doomed->state);
	mutex_unlock(&c->map.lock);

	t1x_map_forget(&c->map, doomed);
	fake_check_empty(c);
	fake_container_end(c);
}

static void without_memory_nothing_changes(struct kunit *test)
{
	struct fake_container *c = new_others(test);
	struct t1x_dma *doomed;

	fake_pin.no_account = true;
	mutex_lock(&c->map.lock);
	KUNIT_EXPECT_EQ(test, -ENOMEM, restore(c, &doomed));
	KUNIT_EXPECT_PTR_EQ(test, NULL, doomed);
	KUNIT_EXPECT_EQ(test, 1U, c->map.tree.nr_vaddr_invalid);
	mutex_unlock(&c->map.lock);
	KUNIT_EXPECT_EQ(test, (long)NPAGES, moving(c));
	fake_pin.no_account = false;
	fake_container_end(c);
}

static void what_is_moving_goes_with_the_mapping(struct kunit *test)
{
	struct fake_container *c = new_moving(test);

	KUNIT_ASSERT_EQ(test, 0,
			fake_map(c, IOVA + (NPAGES << PAGE_SHIFT), 8, 8));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, IOVA, NPAGES, NULL));
	KUNIT_EXPECT_EQ(test, 0L, moving(c));
	KUNIT_EXPECT_EQ(test, 0U, c->map.tree.nr_vaddr_invalid);

	/* By itself it would keep the account from going. */
	invalidate(c, 0, 0);
	KUNIT_EXPECT_EQ(test, 8L, moving(c));
	fake_detach(c, 0);
	fake_check_empty(c);
	fake_container_end(c);
}

static struct kunit_case vaddr_cases[] = {
	KUNIT_CASE(a_mapping_is_taken_over),
	KUNIT_CASE(a_mapping_that_is_doomed_meanwhile_is_nobody_elses),
	KUNIT_CASE(without_memory_nothing_changes),
	KUNIT_CASE(what_is_moving_goes_with_the_mapping),
	{}
};

static struct kunit_suite vaddr_suite = {
	.name = "t1x_vaddr",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = vaddr_cases,
};

kunit_test_suite(vaddr_suite);
