// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies to and from mappings, against an array of bytes. What a copy and an unmap of
 * the same pages make of each other is in emulated_kunit.c.
 */
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "fake_container.h"
#include "fake_user.h"

#define mmget_not_zero(mm) ((void)(mm), fake_copy_get_mm())
#define mmput(mm) ((void)(mm), fake_copy_put_mm())
#define kthread_use_mm(mm) ((void)(mm))
#define kthread_unuse_mm(mm) ((void)(mm))
#define copy_to_user(to, from, n) fake_copy_bytes(to, from, n, true)
#define copy_from_user(to, from, n) fake_copy_bytes(from, to, n, false)

#include "../copy.c"

#include <linux/prandom.h>

#define SEED 0x7431780012ULL
/* The model has so many pages of IOVAs, and user memory for each. */
#define NR 8
#define SPACE (NR * PAGE_SIZE)
#define RW (IOMMU_READ | IOMMU_WRITE)

struct model {
	struct kunit *test;
	struct mutex lock; /* of the tree */
	struct t1x_dma_tree tree;
	struct t1x_accounts accounts;
	struct t1x_account *account;
	unsigned long base;
	struct t1x_dma *owner[NR]; /* of each page, or NULL */

	u8 user[SPACE];
	/* What should be: the user's memory, and which pages are dirty. */
	u8 bytes[SPACE];
	bool dirty[NR];

	u8 buf[SPACE];
};

static struct model *model;

/* At both ends of the space, and in it. */
static const unsigned long bases[] = { 0, SZ_1G, -SPACE };

static struct model *new_model(struct kunit *test, unsigned long base)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	model = m;
	m->test = test;
	m->base = base;
	mutex_init(&m->lock);
	t1x_dma_tree_init(&m->tree, &m->lock);
	t1x_accounts_init(&m->accounts, &m->lock);
	mutex_lock(&m->lock);
	m->account = t1x_account_get(&m->accounts);
	mutex_unlock(&m->lock);
	fake_copy = (struct fake_copy){ .bytes = m->user, .hidden = NR };
	return m;
}

/* A LIVE mapping of pages of the model, whose dirty pages are told. */
static void add(struct model *m, unsigned int first, unsigned int last,
		int prot)
{
	unsigned long iova = m->base + first * PAGE_SIZE;
	struct t1x_dirty dirty;
	struct t1x_dma *dma;

	dma = t1x_dma_alloc(iova,
			    m->base + (last * PAGE_SIZE + (PAGE_SIZE - 1)));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(m->test, dma);
	dma->vaddr = FAKE_VADDR + first * PAGE_SIZE;
	dma->prot = prot;
	dma->account = m->account;
	KUNIT_ASSERT_EQ(m->test, 0,
			t1x_dirty_alloc(&dirty, iova >> PAGE_SHIFT,
					last - first + 1));
	dma->dirty_bits = dirty.bits;

	mutex_lock(&m->lock);
	KUNIT_EXPECT_EQ(m->test, 0, t1x_dma_insert(&m->tree, dma));
	t1x_dma_set_state(&m->tree, dma, T1X_DMA_LIVE);
	mutex_unlock(&m->lock);
	for (; first <= last; first++)
		m->owner[first] = dma;
}

static void drop(struct model *m, struct t1x_dma *dma)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		if (m->owner[i] == dma)
			m->owner[i] = NULL;
	}
	mutex_lock(&m->lock);
	t1x_dma_remove(&m->tree, dma);
	mutex_unlock(&m->lock);
	t1x_dma_free(dma);
}

static void end_model(struct model *m)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		if (m->owner[i])
			drop(m, m->owner[i]);
	}
	KUNIT_EXPECT_TRUE(m->test, list_empty(&m->tree.copies));
	KUNIT_EXPECT_EQ(m->test, 0U, fake_copy.mms);
	fake_copy.bytes = NULL;
	t1x_account_put(m->account);
	t1x_accounts_destroy(&m->accounts);
}

static bool is_dirty(const struct model *m, unsigned int page)
{
	struct t1x_dirty dirty = t1x_dma_dirty(m->owner[page]);
	unsigned long iova = m->base + page * PAGE_SIZE;

	return t1x_dirty_any(&dirty, iova >> PAGE_SHIFT, 1);
}

/* Byte by byte, from @offset of the model on. */
static int model_copy(struct model *m, unsigned long offset, unsigned long len,
		      bool write)
{
	unsigned long i;

	for (i = offset; i < offset + len; i++) {
		unsigned long page = i / PAGE_SIZE;
		const struct t1x_dma *dma = page < NR ? m->owner[page] : NULL;

		if (!dma)
			return -EINVAL;
		if (!(dma->prot & IOMMU_READ) ||
		    (write && !(dma->prot & IOMMU_WRITE)))
			return -EPERM;
		if (page == fake_copy.hidden)
			return -EFAULT;
		if (write)
			m->bytes[i] = m->buf[i - offset];
		m->dirty[page] |= write;
	}
	return 0;
}

static int copy(struct model *m, unsigned long offset, unsigned long len,
		bool write)
{
	return t1x_copy_rw(&m->tree, m->base + offset, m->buf, len, write);
}

/* One write and one read of a range do what they should, and nothing else. */
static void check_copy(struct model *m, unsigned long offset, unsigned long len)
{
	static u8 pattern;
	unsigned long i;
	int ret;

	pattern++;
	for (i = 0; i < len; i++)
		m->buf[i] = pattern + i;
	KUNIT_EXPECT_EQ(m->test, model_copy(m, offset, len, true),
			copy(m, offset, len, true));
	KUNIT_EXPECT_EQ(m->test, 0,
			memcmp(m->bytes, m->user, sizeof(m->bytes)));
	for (i = 0; i < NR; i++) {
		if (m->owner[i])
			KUNIT_EXPECT_EQ(m->test, m->dirty[i], is_dirty(m, i));
	}

	memset(m->buf, 0, len);
	ret = model_copy(m, offset, len, false);
	KUNIT_EXPECT_EQ(m->test, ret, copy(m, offset, len, false));
	if (!ret)
		KUNIT_EXPECT_EQ(m->test, 0,
				memcmp(m->buf, &m->bytes[offset], len));
}

/* A byte below, at and above each page, over mappings of every kind. */
static void every_byte_at_every_edge(struct kunit *test)
{
	unsigned int b, i, j;

	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		struct model *m = new_model(test, bases[b]);

		add(m, 0, 1, RW);
		add(m, 2, 2, RW);
		add(m, 3, 3, IOMMU_READ);
		add(m, 5, 5, IOMMU_WRITE);
		add(m, 6, NR - 1, RW);
		for (i = 0; i < 3 * (NR + 1); i++) {
			for (j = i; j < 3 * (NR + 1); j++) {
				long first = i / 3 * PAGE_SIZE + i % 3 - 1;
				long last = j / 3 * PAGE_SIZE + j % 3 - 1;

				if (first >= 0 && last >= first && last < SPACE)
					check_copy(m, first, last - first + 1);
			}
			cond_resched();
		}
		end_model(m);
	}
}

/* Beyond the last byte of the space comes the first one. */
static void a_range_that_wraps_begins_anew(struct kunit *test)
{
	struct model *m = new_model(test, -(NR / 2) * PAGE_SIZE);

	add(m, NR / 2 - 1, NR / 2 - 1, RW);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			copy(m, NR / 2 * PAGE_SIZE - 8, 16, true));
	KUNIT_EXPECT_TRUE(test, is_dirty(m, NR / 2 - 1));

	add(m, NR / 2, NR / 2, RW);
	memset(m->buf, 0xa5, 16);
	KUNIT_EXPECT_EQ(test, 0, copy(m, NR / 2 * PAGE_SIZE - 8, 16, true));
	KUNIT_EXPECT_EQ(test, 0,
			memcmp(m->buf, &m->user[NR / 2 * PAGE_SIZE - 8], 16));
	KUNIT_EXPECT_TRUE(test, is_dirty(m, NR / 2));
	end_model(m);
}

/* What was written before a fault stays, and is dirty. */
static void a_fault_ends_a_copy(struct kunit *test)
{
	struct model *m = new_model(test, SZ_1G);

	add(m, 0, 3, RW);
	add(m, 4, NR - 1, RW);
	for (fake_copy.hidden = 0; fake_copy.hidden < NR; fake_copy.hidden++)
		check_copy(m, PAGE_SIZE / 2, (NR - 1) * PAGE_SIZE);
	end_model(m);
}

static void a_copy_is_refused(struct kunit *test)
{
	struct model *m = new_model(test, SZ_1G);

	add(m, 0, NR - 1, RW);
	fake_copy.mm_gone = true;
	KUNIT_EXPECT_EQ(test, -EPERM, copy(m, 0, 1, true));
	fake_copy.mm_gone = false;

	/* It is not the address space that this thread uses. */
	m->account->mm = (struct mm_struct *)m;
	KUNIT_EXPECT_EQ(test, -EFAULT, copy(m, 0, 1, true));
	m->account->mm = NULL;

	mutex_lock(&m->lock);
	t1x_dma_set_vaddr_invalid(&m->tree, m->owner[0], true);
	mutex_unlock(&m->lock);
	KUNIT_EXPECT_EQ(test, -EBUSY, copy(m, 0, 1, false));
	mutex_lock(&m->lock);
	t1x_dma_set_vaddr_invalid(&m->tree, m->owner[0], false);
	mutex_unlock(&m->lock);

	KUNIT_EXPECT_FALSE(test, is_dirty(m, 0));
	KUNIT_EXPECT_EQ(test, 0, copy(m, 0, 1, true));
	KUNIT_EXPECT_TRUE(test, is_dirty(m, 0));
	end_model(m);
}

/* The copy is of the last byte of page 1 and the first one of page 2. */
static void look_for_the_copy(void)
{
	struct model *m = model;
	unsigned long first = m->base + 2 * PAGE_SIZE - 1;

	mutex_lock(&m->lock);
	KUNIT_EXPECT_TRUE(m->test, t1x_copy_any(&m->tree, 0, ULONG_MAX));
	KUNIT_EXPECT_TRUE(m->test, t1x_copy_any(&m->tree, first, first));
	KUNIT_EXPECT_TRUE(m->test,
			  t1x_copy_any(&m->tree, first + 1, first + 1));
	KUNIT_EXPECT_FALSE(m->test, t1x_copy_any(&m->tree, 0, first - 1));
	KUNIT_EXPECT_FALSE(m->test,
			   t1x_copy_any(&m->tree, first + 2, ULONG_MAX));
	t1x_copy_disown(&m->tree, m->owner[NR - 1]);
	KUNIT_EXPECT_TRUE(m->test, t1x_copy_any(&m->tree, first, first));
	mutex_unlock(&m->lock);
}

static void disown_the_copy(void)
{
	struct model *m = model;

	mutex_lock(&m->lock);
	t1x_copy_disown(&m->tree, m->owner[0]);
	KUNIT_EXPECT_TRUE(m->test, list_empty(&m->tree.copies));
	mutex_unlock(&m->lock);
	drop(m, m->owner[0]);
	add(m, 0, 3, RW);
}

static void what_is_being_copied_is_known(struct kunit *test)
{
	struct model *m = new_model(test, SZ_1G);

	add(m, 0, 3, RW);
	add(m, NR - 1, NR - 1, RW);
	fake_copy.on_copy = look_for_the_copy;
	KUNIT_EXPECT_EQ(test, 0, copy(m, 2 * PAGE_SIZE - 1, 2, true));
	KUNIT_EXPECT_TRUE(test, is_dirty(m, 1));
	KUNIT_EXPECT_TRUE(test, is_dirty(m, 2));

	/* The mapping has gone: another one that is there now was not written. */
	fake_copy.on_copy = disown_the_copy;
	KUNIT_EXPECT_EQ(test, 0, copy(m, 2 * PAGE_SIZE - 1, 2, true));
	KUNIT_EXPECT_PTR_EQ(test, NULL, fake_copy.on_copy);
	KUNIT_EXPECT_FALSE(test, is_dirty(m, 1));
	KUNIT_EXPECT_FALSE(test, is_dirty(m, 2));
	end_model(m);
}

static void random_copies_against_the_bytes(struct kunit *test)
{
	struct model *m = new_model(test, bases[2]);
	struct rnd_state rnd;
	unsigned int n, i;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (n = 0; n < 300; n++) {
		unsigned int first = prandom_u32_state(&rnd) % NR;
		unsigned int last = first;
		unsigned long offset = prandom_u32_state(&rnd) % SPACE;

		if (m->owner[first]) {
			drop(m, m->owner[first]);
		} else {
			while (last < NR - 1 && !m->owner[last + 1] &&
			       prandom_u32_state(&rnd) % 4)
				last++;
			add(m, first, last,
			    prandom_u32_state(&rnd) % 4 ? RW : IOMMU_READ);
			for (i = first; i <= last; i++)
				m->dirty[i] = false;
		}
		fake_copy.hidden = prandom_u32_state(&rnd) % (2 * NR);
		check_copy(m, offset,
			   1 + prandom_u32_state(&rnd) % (SPACE - offset));
	}
	end_model(m);
}

static struct kunit_case copy_cases[] = {
	KUNIT_CASE(every_byte_at_every_edge),
	KUNIT_CASE(a_range_that_wraps_begins_anew),
	KUNIT_CASE(a_fault_ends_a_copy),
	KUNIT_CASE(a_copy_is_refused),
	KUNIT_CASE(what_is_being_copied_is_known),
	KUNIT_CASE(random_copies_against_the_bytes),
	{}
};

static struct kunit_suite copy_suite = {
	.name = "t1x_copy",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = copy_cases,
};

kunit_test_suite(copy_suite);
