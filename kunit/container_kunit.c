// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of containers: which type opens, who finds one by its number and until when,
 * and that the last one to let go gives back all that it held, the module too.
 */
#include "fake_alloc.h"

#include <linux/module.h>
#include <linux/rcupdate.h>

#include "container.h"

#include "fake_container.h"

static int module_refs; /* of the containers that are there */

static void count_module(const struct module *module, int n)
{
	if (module != THIS_MODULE)
		fake_complain("a reference to another module");
	module_refs += n;
}

/* What goes after a grace period counts as gone. */
static void real_kfree_rcu(struct t1x_container *container)
{
	fake_alloc_drop(container);
	kfree_rcu(container, rcu);
}

#undef kfree_rcu
#define kfree_rcu(container, ...) real_kfree_rcu(container)
#define __module_get(module) count_module(module, 1)
#define module_put(module) count_module(module, -1)

#include "../container.c"

#define LIMIT 77 /* of entries */
/* More than there are lists in the table: some are in one. */
#define NR 260

static struct t1x_container *new_container(struct kunit *test)
{
	struct t1x_container *c = t1x_container_open(VFIO_TYPE1v2_IOMMU, LIMIT);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c);
	return c;
}

/* So many containers are there, each holding the module once. */
static void check_count(struct kunit *test, int nr)
{
	KUNIT_EXPECT_EQ(test, nr, module_refs);
	KUNIT_EXPECT_EQ(test, (long)nr, fake_alloc.live);
}

/* Look a container up, as each call does, and let go of it. */
static bool is_found(unsigned long id)
{
	struct t1x_container *c = t1x_container_get(id);

	if (t1x_container_find(id) != c)
		fake_complain("container %lu is found by some", id);
	if (!c)
		return false;

	if (c->id != id)
		fake_complain("container %lu for %lu", c->id, id);
	t1x_container_put(c);
	return true;
}

/* For those that must not open. */
static int try_open(unsigned long type)
{
	return PTR_ERR_OR_ZERO(t1x_container_open(type, LIMIT));
}

static bool is_our_type(unsigned long type)
{
	return type == VFIO_TYPE1_IOMMU || type == VFIO_TYPE1v2_IOMMU ||
	       type == __VFIO_RESERVED_TYPE1_NESTING_IOMMU;
}

static void three_types_open(struct kunit *test)
{
	struct t1x_container *c;
	unsigned long type;

	for (type = 0; type < 64; type++) {
		bool nesting = type == __VFIO_RESERVED_TYPE1_NESTING_IOMMU;

		if (!is_our_type(type))
			continue;
		c = t1x_container_open(type, LIMIT);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c);
		KUNIT_EXPECT_EQ(test, type != VFIO_TYPE1_IOMMU, c->v2);
		KUNIT_EXPECT_EQ(test, nesting && T1X_HAVE_NESTING, c->nesting);
		KUNIT_EXPECT_EQ(test, (unsigned int)LIMIT, c->map.dma_avail);
		KUNIT_EXPECT_EQ(test, c->id, c->journal.id);
		check_count(test, 1);
		t1x_container_close(c);
		check_count(test, 0);
	}
}

static void another_type_is_refused(struct kunit *test)
{
	/* Ours in 32 bits, but not in 64. */
	static const unsigned long high[] = { BIT(32) | VFIO_TYPE1_IOMMU,
					      BIT(63) | VFIO_TYPE1v2_IOMMU,
					      ULONG_MAX };
	unsigned long type;
	unsigned int i;

	for (type = 0; type < 64; type++) {
		if (!is_our_type(type))
			KUNIT_EXPECT_EQ_MSG(test, -EINVAL, try_open(type),
					    "type %lu", type);
	}
	for (i = 0; i < ARRAY_SIZE(high); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, try_open(high[i]),
				    "type 0x%lx", high[i]);
	check_count(test, 0);
}

static void without_memory_nothing_is_held(struct kunit *test)
{
	fake_alloc.fail_at = fake_alloc.calls + 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, try_open(VFIO_TYPE1_IOMMU));
	check_count(test, 0);
}

static void an_id_is_found_until_close(struct kunit *test)
{
	struct t1x_container *c = new_container(test), *other;
	unsigned long id = c->id;

	KUNIT_EXPECT_TRUE(test, is_found(id));
	KUNIT_EXPECT_FALSE(test, is_found(0));
	KUNIT_EXPECT_FALSE(test, is_found(id + 1));
	KUNIT_EXPECT_FALSE(test, is_found(id | BIT(63)));
	KUNIT_EXPECT_FALSE(test, is_found(ULONG_MAX));
	t1x_container_close(c);
	KUNIT_EXPECT_FALSE(test, is_found(id));

	/* Nobody else gets its number. */
	other = new_container(test);
	KUNIT_EXPECT_GT(test, other->id, id);
	KUNIT_EXPECT_FALSE(test, is_found(id));
	t1x_container_close(other);
	check_count(test, 0);
}

static void many_containers_are_told_apart(struct kunit *test)
{
	static struct t1x_container *all[NR];
	static unsigned long ids[NR];
	unsigned int i;

	for (i = 0; i < NR; i++) {
		all[i] = new_container(test);
		ids[i] = all[i]->id;
	}
	for (i = 0; i < NR; i += 2)
		t1x_container_close(all[i]);
	check_count(test, NR / 2);
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_EQ(test, i % 2 == 1, is_found(ids[i]));
	for (i = 1; i < NR; i += 2)
		t1x_container_close(all[i]);
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_FALSE(test, is_found(ids[i]));
	check_count(test, 0);
}

/* A call that is under way keeps it, and the module, but no other call gets in. */
static void whoever_holds_it_keeps_it_beyond_close(struct kunit *test)
{
	struct t1x_container *c = new_container(test);
	struct t1x_container *other = new_container(test);
	unsigned long id = c->id;

	KUNIT_ASSERT_PTR_EQ(test, c, t1x_container_get(id));
	KUNIT_ASSERT_PTR_EQ(test, c, t1x_container_get(id));
	t1x_container_close(c);
	KUNIT_EXPECT_PTR_EQ(test, NULL, t1x_container_get(id));
	check_count(test, 2);
	t1x_container_put(c);
	KUNIT_EXPECT_PTR_EQ(test, NULL, t1x_container_get(id));
	KUNIT_EXPECT_EQ(test, id, c->id);
	check_count(test, 2);
	t1x_container_put(c);
	check_count(test, 1);

	KUNIT_EXPECT_TRUE(test, is_found(other->id));
	t1x_container_close(other);
	check_count(test, 0);
}

/* What its mappings had, here the account of a process, goes with the last one. */
static void the_last_put_ends_its_mappings(struct kunit *test)
{
	struct t1x_container *c = new_container(test);
	struct t1x_account *account;

	mutex_lock(&c->map.lock);
	account = t1x_account_get(&c->map.accounts);
	mutex_unlock(&c->map.lock);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, account);
	t1x_account_put(account);

	KUNIT_ASSERT_PTR_EQ(test, c, t1x_container_get(c->id));
	t1x_container_close(c);
	KUNIT_EXPECT_EQ(test, 1U, fake_pin.accounts);
	t1x_container_put(c);
	KUNIT_EXPECT_EQ(test, 0U, fake_pin.accounts);
	check_count(test, 0);
}

static struct kunit_case container_cases[] = {
	KUNIT_CASE(three_types_open),
	KUNIT_CASE(another_type_is_refused),
	KUNIT_CASE(without_memory_nothing_is_held),
	KUNIT_CASE(an_id_is_found_until_close),
	KUNIT_CASE(many_containers_are_told_apart),
	KUNIT_CASE(whoever_holds_it_keeps_it_beyond_close),
	KUNIT_CASE(the_last_put_ends_its_mappings),
	{}
};

static int container_init(struct kunit *test)
{
	module_refs = 0;
	return fake_container_init(test);
}

static void container_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, module_refs);
	fake_container_exit(test);
}

static struct kunit_suite container_suite = {
	.name = "t1x_container",
	.init = container_init,
	.exit = container_exit,
	.test_cases = container_cases,
};

kunit_test_suite(container_suite);
