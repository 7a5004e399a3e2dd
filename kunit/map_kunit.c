// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP and UNMAP over fake memory and fake or, where there are, AMD v1 tables. Most
 * rules are watched by the fakes all the time: no cut inside a run, no iommu_map
 * across a boundary, nothing unpinned that is mapped or not flushed.
 */
#include "fake_alloc.h"

#include "../map.c"

#include <linux/prandom.h>

#include "fake_container.h"

#define SEED 0x7431780006ULL
#define PAGES(n) ((unsigned long)(n) << PAGE_SHIFT)

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_describe);

static void every_kind_of_memory(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 2);
	u64 size;

	fake_mem_use_mixed();
	KUNIT_EXPECT_EQ(test, 0,
			fake_map(c, SZ_2M - PAGES(16), FAKE_MIXED_PAGES, 0));
	fake_check_mapped(c, SZ_2M - PAGES(16), FAKE_MIXED_PAGES, 0);
	KUNIT_EXPECT_EQ(test, 14 + 4UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, FAKE_MIXED_PAGES - 198L, fake_pin.charged);
	KUNIT_EXPECT_EQ(test, FAKE_ENTRY_LIMIT - 1, (int)c->map.dma_avail);

	KUNIT_EXPECT_EQ(test, 0,
			fake_unmap(c, SZ_2M - PAGES(16), FAKE_MIXED_PAGES,
				   &size));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(FAKE_MIXED_PAGES), size);
	fake_check_empty(c);
	fake_container_end(c);
}

/* Every start and length about the rows of the table. */
static void mappings_that_begin_and_end_anywhere(struct kunit *test)
{
	static const unsigned long edges[] = { 1,   4,	  8,	16,
					       528, 1040, 1552, 1852 };
	struct fake_container *c = fake_container_new_with(test, 2);
	unsigned int i, j;

	fake_mem_use_mixed();
	for (i = 0; i < ARRAY_SIZE(edges) * 3; i++) {
		for (j = i + 2; j < ARRAY_SIZE(edges) * 3; j += 5) {
			unsigned long first = edges[i / 3] + i % 3 - 1;
			unsigned long end = edges[j / 3] + j % 3 - 1;

			if (end <= first)
				continue;
			KUNIT_EXPECT_EQ(test, 0,
					fake_map(c, PAGES(first), end - first,
						 first));
			fake_check_mapped(c, PAGES(first), end - first, first);
			KUNIT_EXPECT_EQ(test, 0,
					fake_unmap(c, PAGES(first), end - first,
						   NULL));
			fake_check_empty(c);
		}
	}
	fake_container_end(c);
}

static void the_last_page_maps_and_unmaps(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 2);
	unsigned long iova = -PAGES(FAKE_MIXED_PAGES);
	u64 size;

	fake_mem_use_mixed();
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, iova, FAKE_MIXED_PAGES, 0));
	fake_check_mapped(c, iova, FAKE_MIXED_PAGES, 0);
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, -PAGE_SIZE, 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_unmap(c, -PAGE_SIZE, 1, NULL));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap_v1(c, -PAGE_SIZE, 1, &size));
	KUNIT_EXPECT_EQ(test, 0ULL, size);
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, iova, FAKE_MIXED_PAGES, NULL));
	fake_check_empty(c);

	KUNIT_EXPECT_EQ(test, 0, fake_map(c, -PAGE_SIZE, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap_v1(c, -PAGE_SIZE, 1, &size));
	KUNIT_EXPECT_EQ(test, (u64)PAGE_SIZE, size);
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, -PAGES(3), 3, 0));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(3), fake_unmap_all(c));
	fake_check_empty(c);
	fake_container_end(c);
}

/* ---- Which requests are refused ---- */

static void refusals_come_in_order(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);
	struct fake_domain *domain = fake_domain_new(FAKE_PGSIZES_VTD);
	unsigned int avail;

	domain->domain.geometry.aperture_end = SZ_1G - 1;
	fake_attach(c, 0, domain);
	fake_mem_use_whole();
	KUNIT_ASSERT_EQ(test, 0, fake_map(c, PAGES(8), 8, 0));
	avail = c->map.dma_avail;

	/* Outside the window. */
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, SZ_1G, 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, SZ_1G - PAGE_SIZE, 2, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_1G - PAGE_SIZE, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_1G - PAGE_SIZE, 1, NULL));

	/* The limit counts before the window, an overlap before the limit. */
	c->map.dma_avail = 0;
	KUNIT_EXPECT_EQ(test, -ENOSPC, fake_map(c, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, -ENOSPC, fake_map(c, SZ_1G, 1, 0));
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_map(c, PAGES(8), 1, 0));
	c->map.dma_avail = avail;
	KUNIT_EXPECT_EQ(test, -EEXIST,
			fake_map(c, PAGES(15), SZ_1G / PAGE_SIZE, 0));

	/* The mapping that gives an entry back makes room for another. */
	c->map.dma_avail = 0;
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(8), 8, NULL));
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(8), 8, 0));
	KUNIT_EXPECT_EQ(test, -ENOSPC, fake_map(c, 0, 1, 0));
	c->map.dma_avail = avail;
	fake_container_end(c);
}

/* -1, 0 and +1 page at both ends of a mapping, at both ends of the space. */
static void overlap_at_every_edge(struct kunit *test)
{
	static const unsigned long bases[] = { 0, SZ_1G, -PAGES(12) };
	struct fake_container *c = fake_container_new_with(test, 1);
	unsigned int i, first, last;

	fake_mem_use_whole();
	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		KUNIT_ASSERT_EQ(test, 0,
				fake_map(c, bases[i] + PAGES(4), 4, 0));
		for (first = 0; first < 12; first++) {
			for (last = first; last < 12; last++) {
				bool free = last < 4 || first > 7;
				unsigned long n = last - first + 1;
				int ret = fake_map(c, bases[i] + PAGES(first),
						   n, 64);

				KUNIT_EXPECT_EQ(test, free ? 0 : -EEXIST, ret);
				if (free)
					fake_unmap(c, bases[i] + PAGES(first),
						   last - first + 1, NULL);
			}
		}
		fake_check_mapped(c, bases[i] + PAGES(4), 4, 0);
		fake_unmap_all(c);
	}
	fake_check_empty(c);
	fake_container_end(c);
}

static void the_mapping_needs_a_domain(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);

	fake_mem_use_whole();
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_map(c, 0, 1, 0));
	fake_check_empty(c);
	KUNIT_EXPECT_EQ(test, 0ULL, fake_unmap_all(c));
	fake_container_end(c);
}

static void single_pages_when_asked(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	const struct t1x_uapi_map args = {
		.last = SZ_2M - 1,
		.vaddr = FAKE_VADDR,
		.prot = IOMMU_READ,
	};

	fake_mem_use_whole();
	KUNIT_EXPECT_EQ(test, 0, t1x_map_dma(&c->map, &args, true));
	KUNIT_EXPECT_TRUE(test, fake_pin.single);
	KUNIT_EXPECT_EQ(test, 512U, c->domains[0]->maps);
	KUNIT_EXPECT_EQ(test, (size_t)SZ_4K, c->domains[0]->largest);
	KUNIT_EXPECT_EQ(test, (u64)SZ_2M, fake_unmap_all(c));
	KUNIT_EXPECT_EQ(test, 1U, c->domains[0]->unmaps);
	fake_container_end(c);
}

/* ---- The unmap rules of v1 and v2 ---- */

#define RULE_PAGES 10

struct rule_map {
	unsigned int first;
	unsigned int last;
};

static const struct rule_map rules[] = { { 1, 1 },
					 { 2, 4 },
					 { 6, 7 },
					 { 8, 8 } };

/*
 * v2: all that the range meets, or nothing if it cuts one. v1: in order, each that
 * begins in the range, until one is met that began before it.
 */
static int model_unmap(unsigned int first, unsigned int last, bool v2,
		       unsigned long *gone)
{
	unsigned int i;

	*gone = 0;
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].last < first || rules[i].first > last)
			continue;
		if (v2 && (rules[i].first < first || rules[i].last > last)) {
			*gone = 0;
			return -EINVAL;
		}
		if (!v2 && rules[i].first < first)
			return 0;
		*gone |= BIT(i);
	}
	return 0;
}

static void check_rule(struct kunit *test, struct fake_container *c,
		       unsigned long base, unsigned int first,
		       unsigned int last, bool v2)
{
	unsigned long gone;
	u64 size, want = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		KUNIT_ASSERT_EQ(test, 0,
				fake_map(c, base + PAGES(rules[i].first),
					 rules[i].last - rules[i].first + 1,
					 rules[i].first));

	ret = model_unmap(first, last, v2, &gone);
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (gone & BIT(i))
			want += PAGES(rules[i].last - rules[i].first + 1);
	}

	if (v2)
		KUNIT_EXPECT_EQ(test, ret,
				fake_unmap(c, base + PAGES(first),
					   last - first + 1, &size));
	else
		KUNIT_EXPECT_EQ(test, ret,
				fake_unmap_v1(c, base + PAGES(first),
					      last - first + 1, &size));
	KUNIT_EXPECT_EQ(test, want, size);

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		unsigned long iova = base + PAGES(rules[i].first);
		unsigned long end = base + PAGES(rules[i].last);
		bool is_mapped =
			fake_domain_is_mapped(c->domains[0], iova, end);

		KUNIT_EXPECT_NE(test, is_mapped, !!(gone & BIT(i)));
	}
	fake_unmap_all(c);
}

/* Every range of a small space, at the bottom and at the top of the large one. */
static void every_range_under_both_rules(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	unsigned int first, last, i;

	fake_mem_use_whole();
	for (i = 0; i < 4; i++) {
		unsigned long base = i & 2 ? -PAGES(RULE_PAGES - 1) : 0;

		for (first = 0; first < RULE_PAGES - 1; first++) {
			for (last = first; last < RULE_PAGES - 1; last++)
				check_rule(test, c, base, first, last, i & 1);
		}
	}
	fake_check_empty(c);
	fake_container_end(c);
}

static void an_unmap_that_fails_changes_nothing(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	unsigned int unmaps;

	fake_mem_use_whole();
	fake_map(c, 0, 4, 0);
	fake_map(c, PAGES(4), 4, 4);
	unmaps = c->domains[0]->unmaps;
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_unmap(c, 0, 6, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL, fake_unmap(c, PAGES(2), 6, NULL));
	KUNIT_EXPECT_EQ(test, unmaps, c->domains[0]->unmaps);
	fake_check_mapped(c, 0, 8, 0);
	KUNIT_EXPECT_EQ(test, (u64)PAGES(8), fake_unmap_all(c));
	KUNIT_EXPECT_EQ(test, 0ULL, fake_unmap_all(c));
	fake_container_end(c);
}

/* ---- Failures ---- */

static void a_failing_allocation_leaves_nothing(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 2);
	unsigned int n;
	int ret = 1;

	fake_mem_use_mixed();
	for (n = 1; ret; n++) {
		KUNIT_ASSERT_LT(test, n, 20U);
		fake_alloc.fail_at = fake_alloc.calls + n;
		ret = fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0);
		if (ret) {
			KUNIT_EXPECT_EQ(test, -ENOMEM, ret);
			fake_check_empty(c);
		}
	}
	KUNIT_EXPECT_GT(test, n, 2U);
	fake_alloc.fail_at = 0;
	fake_unmap_all(c);

	fake_pin.no_account = true;
	KUNIT_EXPECT_EQ(test, -ENOMEM, fake_map(c, SZ_2M, 1, 0));
	fake_check_empty(c);
	fake_container_end(c);
}

static void an_address_space_that_is_gone_is_not_walked(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);

	fake_pin.mm_gone = true;
	KUNIT_EXPECT_EQ(test, -ESRCH, fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
	KUNIT_EXPECT_EQ(test, 0U, fake_pin.batches);
	fake_check_empty(c);
	fake_pin.mm_gone = false;
	fake_container_end(c);
}

/* ---- While a mapping is being made ---- */

struct moment {
	struct fake_container *c;
	unsigned int batch; /* when it comes, do this */
	void (*fn)(struct moment *moment);
	struct fake_call call;
	unsigned int group;
	struct fake_domain *domain;
};

static void at_moment(struct t1x_pin *pin, void *data)
{
	struct moment *moment = data;

	if (!moment->batch--)
		moment->fn(moment);
}

static void set_moment(struct moment *moment, unsigned int batch)
{
	moment->batch = batch;
	fake_pin.on_batch = at_moment;
	fake_pin.data = moment;
	fake_pin.max_batch = 2;
}

static struct moment *new_moment(struct kunit *test, struct fake_container *c,
				 void (*fn)(struct moment *moment))
{
	struct moment *moment =
		kunit_kzalloc(test, sizeof(*moment), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, moment);
	moment->c = c;
	moment->fn = fn;
	moment->call.c = c;
	return moment;
}

static void moment_detach(struct moment *moment)
{
	fake_detach(moment->c, moment->group);
}

/* Its last domain goes at batch n: the MAP fails, nothing is left. */
static void the_last_domain_goes_during_a_map(struct kunit *test)
{
	unsigned int n;

	fake_mem_use_mixed();
	for (n = 0; n < 6; n++) {
		struct fake_container *c = fake_container_new_with(test, 1);
		struct moment *moment = new_moment(test, c, moment_detach);

		fake_pin.on_batch = NULL;
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_1G, 4, 16));
		set_moment(moment, n);
		KUNIT_EXPECT_EQ(test, -EINVAL,
				fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
		fake_check_empty(c);
		KUNIT_EXPECT_TRUE(test, list_empty(&c->map.domains.list));

		/* A container that gets a group again works again. */
		fake_pin.on_batch = NULL;
		fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
		KUNIT_EXPECT_EQ(test, 0,
				fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
		fake_container_end(c);
	}
}

static void one_of_two_domains_goes_during_a_map(struct kunit *test)
{
	unsigned int n;

	fake_mem_use_mixed();
	for (n = 0; n < 5; n++) {
		struct fake_container *c = fake_container_new_with(test, 2);
		struct moment *moment = new_moment(test, c, moment_detach);

		moment->group = n & 1;
		set_moment(moment, n);
		KUNIT_EXPECT_EQ(test, 0,
				fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
		fake_pin.on_batch = NULL;
		fake_check_mapped(c, SZ_2M, FAKE_MIXED_PAGES, 0);
		fake_container_end(c);
	}
}

static void moment_attach(struct moment *moment)
{
	fake_attach(moment->c, 1, moment->domain);
}

/* A second domain comes at batch n: it gets what there is, then its share. */
static void a_domain_comes_during_a_map(struct kunit *test)
{
	unsigned int n;

	fake_mem_use_mixed();
	for (n = 0; n < 6; n++) {
		struct fake_container *c = fake_container_new_with(test, 1);
		struct moment *moment = new_moment(test, c, moment_attach);

		moment->domain = fake_domain_new_other(test);
		fake_pin.on_batch = NULL;
		fake_pin.max_run = 5;
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_1G, 20, 0));
		set_moment(moment, n);
		KUNIT_EXPECT_EQ(test, 0,
				fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
		fake_pin.on_batch = NULL;
		KUNIT_EXPECT_PTR_EQ(test, moment->domain, c->domains[1]);
		fake_check_mapped(c, SZ_2M, FAKE_MIXED_PAGES, 0);
		fake_check_mapped(c, SZ_1G, 20, 0);
		KUNIT_EXPECT_EQ(test, 0,
				fake_unmap(c, SZ_2M, FAKE_MIXED_PAGES, NULL));
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, SZ_1G, 20, NULL));
		fake_check_empty(c);
		fake_container_end(c);
	}
}

/* ... and if the MAP fails afterwards, both domains are empty. */
static void a_domain_comes_before_a_map_fails(struct kunit *test)
{
	unsigned int n;

	fake_mem_use_mixed();
	for (n = 0; n < 4; n++) {
		struct fake_container *c = fake_container_new_with(test, 1);
		struct moment *moment = new_moment(test, c, moment_attach);

		moment->domain = fake_domain_new_other(test);
		set_moment(moment, n);
		fake_pin.batches = 0;
		fake_pin.fail_batch_at = n + 2;
		KUNIT_EXPECT_EQ(test, -EFAULT,
				fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
		fake_check_empty(c);
		fake_container_end(c);
	}
}

static void moment_start_call(struct moment *moment)
{
	fake_call_start(&moment->call);
	fake_call_await_waiting(&moment->call);
}

static void an_overlapping_map_waits(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	struct moment *moment = new_moment(test, c, moment_start_call);

	fake_mem_use_mixed();
	moment->call.iova = SZ_2M + PAGES(5);
	moment->call.npages = 1;
	set_moment(moment, 1);
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
	KUNIT_EXPECT_EQ(test, -EEXIST, fake_call_end(&moment->call));
	fake_unmap_all(c);

	/* The first one fails: the second finds the range free. */
	set_moment(moment, 1);
	fake_pin.batches = 0;
	fake_pin.fail_batch_at = 2;
	KUNIT_EXPECT_EQ(test, -EFAULT, fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_call_end(&moment->call));
	fake_pin.on_batch = NULL;
	fake_check_mapped(c, SZ_2M + PAGES(5), 1, 0);
	fake_container_end(c);
}

static void an_unmap_waits_for_a_map(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	struct moment *moment = new_moment(test, c, moment_start_call);

	fake_mem_use_mixed();
	moment->call.unmap = true;
	moment->call.iova = 0;
	moment->call.npages = SZ_1G >> PAGE_SHIFT;
	set_moment(moment, 2);
	KUNIT_EXPECT_EQ(test, 0, fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
	KUNIT_EXPECT_EQ(test, 0, fake_call_end(&moment->call));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(FAKE_MIXED_PAGES), moment->call.size);
	fake_check_empty(c);
	fake_container_end(c);
}

/* The last entry may come back, if the MAP that took it fails. */
static void the_limit_waits_for_a_map(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	struct moment *moment = new_moment(test, c, moment_start_call);
	unsigned int fail;

	fake_mem_use_mixed();
	moment->call.iova = SZ_1G;
	moment->call.npages = 1;
	for (fail = 0; fail < 2; fail++) {
		c->map.dma_avail = 1;
		set_moment(moment, 1);
		fake_pin.batches = 0;
		fake_pin.fail_batch_at = fail ? 2 : 0;
		KUNIT_EXPECT_EQ(test, fail ? -EFAULT : 0,
				fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
		KUNIT_EXPECT_EQ(test, fail ? 0 : -ENOSPC,
				fake_call_end(&moment->call));
		fake_pin.on_batch = NULL;
		fake_unmap_all(c);
		KUNIT_EXPECT_EQ(test, 1U, c->map.dma_avail);
	}
	c->map.dma_avail = FAKE_ENTRY_LIMIT;
	fake_container_end(c);
}

static void moment_kill_call(struct moment *moment)
{
	fake_call_start(&moment->call);
	fake_call_await_waiting(&moment->call);
	send_sig(SIGKILL, moment->call.task, 1);
	KUNIT_EXPECT_EQ(moment->c->test, -EINTR, fake_call_end(&moment->call));
}

static void a_wait_ends_on_a_fatal_signal(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 1);
	struct moment *moment = new_moment(test, c, moment_kill_call);
	unsigned int unmap;

	fake_mem_use_mixed();
	moment->call.iova = SZ_2M;
	moment->call.npages = 1;
	for (unmap = 0; unmap < 2; unmap++) {
		moment->call.unmap = unmap;
		set_moment(moment, 1);
		KUNIT_EXPECT_EQ(test, 0,
				fake_map(c, SZ_2M, FAKE_MIXED_PAGES, 0));
		fake_check_mapped(c, SZ_2M, FAKE_MIXED_PAGES, 0);
		fake_unmap_all(c);
	}
	fake_container_end(c);
}

/* ---- Patterns and random calls ---- */

static void forward_backward_and_checkerboard(struct kunit *test)
{
	struct fake_container *c = fake_container_new_with(test, 2);
	unsigned int i;

	fake_mem_use_whole();
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(i), 1, i));
	for (i = 64; i--;)
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(i), 1, NULL));
	fake_check_empty(c);

	for (i = 0; i < 64; i += 2)
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(i), 1, i));
	for (i = 1; i < 64; i += 2)
		KUNIT_EXPECT_EQ(test, 0, fake_map(c, PAGES(i), 1, i));
	fake_check_mapped(c, 0, 64, 0);
	for (i = 0; i < 64; i += 2)
		KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, PAGES(i), 1, NULL));
	KUNIT_EXPECT_EQ(test, (u64)PAGES(32), fake_unmap_all(c));
	fake_check_empty(c);
	fake_container_end(c);
}

#define RANDOM_ROWS 48
#define RANDOM_SPACE 512 /* pages of IOVA */
#define RANDOM_MAPS 32

struct random_map {
	unsigned int first;
	unsigned int npages; /* 0: none */
	unsigned int page;
};

struct random_model {
	struct fake_container *c;
	struct rnd_state rnd;
	unsigned long base;
	struct fake_mem mem[RANDOM_ROWS];
	unsigned int npages;
	struct random_map maps[RANDOM_MAPS];
};

static unsigned int random_below(struct random_model *m, unsigned int limit)
{
	return prandom_u32_state(&m->rnd) % limit;
}

/* Rows of all kinds, some of which continue the one before. */
static void random_memory(struct random_model *m)
{
	unsigned long pfn = FAKE_PFN;
	unsigned int i;

	m->npages = 0;
	for (i = 0; i < RANDOM_ROWS; i++) {
		static const u8 row_kinds[] = { T1X_PIN_PAGE, T1X_PIN_PAGE,
						T1X_PIN_NONE, 3 };
		struct fake_mem *mem = &m->mem[i];

		if (random_below(m, 3))
			pfn += 1 + random_below(m, 100);
		mem->kind = row_kinds[random_below(m, 4)];
		mem->npages = 1 + random_below(m, 24);
		if (mem->kind == 3) {
			pfn = ALIGN(pfn, 8);
			mem->npages = 8 * (1 + random_below(m, 4));
		}
		mem->pfn = pfn;
		pfn += mem->npages;
		m->npages += mem->npages;
	}
	fake_mem_set(m->mem, RANDOM_ROWS);
}

static bool meets(const struct random_map *map, unsigned int first,
		  unsigned int last)
{
	return map->npages && map->first <= last &&
	       map->first + map->npages > first;
}

static struct random_map *random_find(struct random_model *m,
				      unsigned int first, unsigned int last)
{
	unsigned int i;

	for (i = 0; i < RANDOM_MAPS; i++) {
		if (meets(&m->maps[i], first, last))
			return &m->maps[i];
	}
	return NULL;
}

static void random_try_map(struct kunit *test, struct random_model *m)
{
	unsigned int first = random_below(m, RANDOM_SPACE);
	unsigned int npages =
		1 + random_below(m, min(RANDOM_SPACE - first, 80U));
	unsigned int page = random_below(m, m->npages - npages);
	struct fake_domain *domain = m->c->domains[0];
	struct random_map *slot;
	bool fault = !random_below(m, 6), taken;
	int ret;

	fake_pin.max_run = random_below(m, 2) ? 0 : 1 + random_below(m, 9);
	fake_pin.max_batch = 1 + random_below(m, 8);
	if (fault) {
		domain->fail_map_at = domain->maps + 1 + random_below(m, 4);
		domain->fail_map_after = PAGES(random_below(m, 8));
	}

	taken = random_find(m, first, first + npages - 1);
	ret = fake_map(m->c, m->base + PAGES(first), npages, page);
	domain->fail_map_at = 0;
	if (taken)
		KUNIT_EXPECT_EQ(test, -EEXIST, ret);
	else if (!fault)
		KUNIT_EXPECT_EQ(test, 0, ret);
	if (ret)
		return;

	for (slot = m->maps; slot->npages; slot++)
		;
	*slot = (struct random_map){ first, npages, page };
}

static void random_try_unmap(struct kunit *test, struct random_model *m)
{
	struct random_map *map =
		random_find(m, random_below(m, RANDOM_SPACE), RANDOM_SPACE - 1);
	unsigned int first, last, i;
	bool cut = false;
	u64 size, want = 0;

	if (!map)
		return;

	first = map->first;
	last = first + map->npages - 1;
	if (random_below(m, 2)) {
		first -= random_below(m, min(first + 1, 60U));
		last += random_below(m, min(RANDOM_SPACE - last, 60U));
	}
	for (i = 0; i < RANDOM_MAPS; i++) {
		map = &m->maps[i];
		if (!meets(map, first, last))
			continue;
		want += PAGES(map->npages);
		cut |= map->first < first ||
		       map->first + map->npages - 1 > last;
	}

	KUNIT_EXPECT_EQ(test, cut ? -EINVAL : 0,
			fake_unmap(m->c, m->base + PAGES(first),
				   last - first + 1, &size));
	if (cut)
		return;

	KUNIT_EXPECT_EQ(test, want, size);
	for (i = 0; i < RANDOM_MAPS; i++) {
		if (meets(&m->maps[i], first, last))
			m->maps[i].npages = 0;
	}
}

static void random_toggle_group(struct kunit *test, struct random_model *m)
{
	struct fake_domain *domain;

	if (m->c->domains[1]) {
		fake_detach(m->c, 1);
		return;
	}

	domain = fake_domain_new_other(test);
	fake_attach(m->c, 1, domain);
}

static void random_check(struct kunit *test, struct random_model *m)
{
	unsigned long pages = 0;
	unsigned int i;

	for (i = 0; i < RANDOM_MAPS; i++) {
		fake_check_mapped(m->c, m->base + PAGES(m->maps[i].first),
				  m->maps[i].npages, m->maps[i].page);
		pages += m->maps[i].npages;
	}
	for (i = 0; i < 2; i++) {
		if (m->c->domains[i])
			KUNIT_EXPECT_EQ(test, pages, m->c->domains[i]->npages);
	}
}

static void random_calls_against_the_model(struct kunit *test)
{
	struct random_model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int round, i, used;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&m->rnd, SEED);

	for (round = 0; round < 4; round++) {
		random_memory(m);
		m->base = round & 1 ? -PAGES(RANDOM_SPACE) : SZ_1G - SZ_1M;
		m->c = fake_container_new_with(test, 1);
		for (i = 0; i < 250; i++) {
			for (used = 0;
			     used < RANDOM_MAPS && m->maps[used].npages; used++)
				;
			switch (random_below(m, 8)) {
			case 0:
				random_toggle_group(test, m);
				break;
			case 1 ... 4:
				if (used < RANDOM_MAPS) {
					random_try_map(test, m);
					break;
				}
				fallthrough;
			default:
				random_try_unmap(test, m);
			}
			if (i % 16 == 0)
				random_check(test, m);
		}
		random_check(test, m);
		fake_unmap_all(m->c);
		fake_check_empty(m->c);
		fake_container_end(m->c);
		memset(m->maps, 0, sizeof(m->maps));
	}
}

static struct kunit_case map_cases[] = {
	KUNIT_CASE_PARAM(every_kind_of_memory, kind_gen_params),
	KUNIT_CASE_PARAM(mappings_that_begin_and_end_anywhere, kind_gen_params),
	KUNIT_CASE_PARAM(the_last_page_maps_and_unmaps, kind_gen_params),
	KUNIT_CASE(refusals_come_in_order),
	KUNIT_CASE(overlap_at_every_edge),
	KUNIT_CASE(the_mapping_needs_a_domain),
	KUNIT_CASE(single_pages_when_asked),
	KUNIT_CASE(every_range_under_both_rules),
	KUNIT_CASE(an_unmap_that_fails_changes_nothing),
	KUNIT_CASE(a_failing_allocation_leaves_nothing),
	KUNIT_CASE(an_address_space_that_is_gone_is_not_walked),
	KUNIT_CASE(the_last_domain_goes_during_a_map),
	KUNIT_CASE_PARAM(one_of_two_domains_goes_during_a_map, kind_gen_params),
	KUNIT_CASE_PARAM(a_domain_comes_during_a_map, kind_gen_params),
	KUNIT_CASE_PARAM(a_domain_comes_before_a_map_fails, kind_gen_params),
	KUNIT_CASE(an_overlapping_map_waits),
	KUNIT_CASE(an_unmap_waits_for_a_map),
	KUNIT_CASE(the_limit_waits_for_a_map),
	KUNIT_CASE(a_wait_ends_on_a_fatal_signal),
	KUNIT_CASE(forward_backward_and_checkerboard),
	KUNIT_CASE_PARAM(random_calls_against_the_model, kind_gen_params),
	{}
};

static struct kunit_suite map_suite = {
	.name = "t1x_map",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = map_cases,
};

kunit_test_suite(map_suite);
