// SPDX-License-Identifier: GPL-2.0-only
/*
 * pin.c and account.c by other means. See fake_pin.h.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "account.h"
#include "call.h"
#include "pin.h"

#include "fake_domain.h"
#include "fake_pin.h"

/* Where walks put memory: what an IOMMU must show there, and may cut. */
struct fake_extent {
	struct list_head next;
	unsigned long iova;
	unsigned long last;
	unsigned long page; /* of the table, at iova */
	unsigned long granule; /* in bytes, or 0 */
};

/* All frames of tests are this close to FAKE_PFN. */
#define MAX_PFNS SZ_128K

struct fake_pin fake_pin;
static u8 pins[2][MAX_PFNS]; /* counts */
static LIST_HEAD(extents);

/* ---- Memory ---- */

/* Every kind of memory, with and without a jump between rows of two kinds. */
static const struct fake_mem mixed[] = {
	{ 1, FAKE_PFN + 0x900, T1X_PIN_PAGE }, /* page 0 */
	{ 3, FAKE_PFN + 0x905, T1X_PIN_PAGE }, /* 1 */
	{ 4, FAKE_PFN + 0x908, T1X_PIN_NONE }, /* 4, no jump */
	{ 8, FAKE_PFN + 0x90c, T1X_PIN_PAGE }, /* 8, no jump */
	{ 512, FAKE_PFN + 0x1000, 9 }, /* 16 */
	{ 512, FAKE_PFN + 0x1200, 9 }, /* 528, no jump */
	{ 512, FAKE_PFN + 0x3000, 9 }, /* 1040 */
	{ 300, FAKE_PFN + 0x5000, 9 }, /* 1552, a part of a piece */
	{ 2, FAKE_PFN + 0x7fff, T1X_PIN_PAGE }, /* 1852 */
	{ 194, FAKE_PFN + 0x9000, T1X_PIN_NONE }, /* 1854 */
};

/* One physical run, however it is handed out. */
static const struct fake_mem whole[] = {
	{ 4096, FAKE_PFN + 0x10000, T1X_PIN_PAGE },
};

/* Memory of every kind from now on. */
void fake_mem_use_mixed(void)
{
	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	KUNIT_ASSERT_EQ(fake.test, FAKE_MIXED_PAGES, (int)fake_mem_npages());
}

/* Memory that is one run, from now on. */
void fake_mem_use_whole(void)
{
	fake_mem_set(whole, ARRAY_SIZE(whole));
}

static const struct fake_mem *find_mem(unsigned long page,
				       unsigned long *offset)
{
	unsigned int i;

	for (i = 0; i < fake_pin.nr_mem; i++) {
		if (page < fake_pin.mem[i].npages) {
			*offset = page;
			return &fake_pin.mem[i];
		}
		page -= fake_pin.mem[i].npages;
	}

	return NULL;
}

/* The frame of a page of the table, or 0 past its end. */
unsigned long fake_mem_pfn(unsigned long page)
{
	unsigned long offset;
	const struct fake_mem *mem = find_mem(page, &offset);

	return mem ? mem->pfn + offset : 0;
}

unsigned long fake_mem_npages(void)
{
	unsigned long npages = 0;
	unsigned int i;

	for (i = 0; i < fake_pin.nr_mem; i++)
		npages += fake_pin.mem[i].npages;
	return npages;
}

static struct fake_extent *find_extent(unsigned long iova, unsigned long last)
{
	struct fake_extent *extent;

	list_for_each_entry(extent, &extents, next) {
		if (iova <= extent->last && last >= extent->iova)
			return extent;
	}
	return NULL;
}

static struct fake_extent *new_extent(unsigned long iova, unsigned long last)
{
	struct fake_extent *extent = kzalloc(sizeof(*extent), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(fake.test, extent);
	extent->iova = iova;
	extent->last = last;
	list_add(&extent->next, &extents);
	return extent;
}

/* Forget what was in a range, but not what of it was cut off. */
static void trim_extents(unsigned long iova, unsigned long last)
{
	struct fake_extent *extent, *above;

	while ((extent = find_extent(iova, last))) {
		if (extent->last > last) {
			above = new_extent(last + 1, extent->last);
			above->page = extent->page +
				      ((last + 1 - extent->iova) >> PAGE_SHIFT);
			above->granule = extent->granule;
		}
		if (extent->iova < iova) {
			extent->last = iova - 1;
			continue;
		}
		list_del(&extent->next);
		kfree(extent);
	}
}

static void set_extent(const struct t1x_dma *dma)
{
	struct fake_extent *extent;

	trim_extents(dma->iova, dma->last);
	extent = new_extent(dma->iova, dma->last);
	extent->page = (dma->vaddr - FAKE_VADDR) >> PAGE_SHIFT;
	extent->granule = t1x_dma_granule(dma);
}

/* Contiguous pages of the table from a page on. */
unsigned long fake_mem_run(unsigned long page)
{
	unsigned long offset, run;
	const struct fake_mem *mem = find_mem(page, &offset);
	const struct fake_mem *end = fake_pin.mem + fake_pin.nr_mem;

	if (!mem)
		return 0;

	run = mem->npages - offset;
	while (++mem < end && mem->pfn == mem[-1].pfn + mem[-1].npages)
		run += mem->npages;
	return run;
}

static unsigned long run_at(unsigned long iova, unsigned long *pfn)
{
	struct fake_extent *extent = find_extent(iova, iova);
	unsigned long page, last;

	if (!extent)
		return 0;

	last = extent->last;
	if (extent->granule)
		last = min(last, iova | (extent->granule - 1));
	page = extent->page + ((iova - extent->iova) >> PAGE_SHIFT);
	*pfn = fake_mem_pfn(page);
	return min(fake_mem_run(page), ((last - iova) >> PAGE_SHIFT) + 1);
}

/* ---- Pins ---- */

/* Pages and pieces are counted apart: a piece by its first page. */
static u8 *pin_count(unsigned long pfn, u8 kind)
{
	unsigned long index = (pfn & ~(BIT(kind) - 1)) - FAKE_PFN;

	KUNIT_ASSERT_LT(fake.test, index, (unsigned long)MAX_PFNS);
	return &pins[!!kind][index];
}

static void pin_one(unsigned long pfn, u8 kind)
{
	(*pin_count(pfn, kind))++;
	fake_pin.npins++;
}

static void unpin_one(unsigned long pfn, u8 kind)
{
	u8 *count = pin_count(pfn, kind);

	if (!*count) {
		fake_complain("pfn 0x%lx is unpinned once too often", pfn);
		return;
	}
	(*count)--;
	fake_pin.npins--;
}

/* Pin or unpin what holds a run: one pin a page, or one for each piece. */
static void count_pins(unsigned long pfn, unsigned long npages, u8 kind,
		       bool pin)
{
	unsigned long end = pfn + npages;

	while (kind != T1X_PIN_NONE && pfn < end) {
		if (pin)
			pin_one(pfn, kind);
		else
			unpin_one(pfn, kind);
		pfn = (pfn | (BIT(kind) - 1)) + 1;
	}
}

/* How pin.c holds a page of a piece, so that no pin is in two granules. */
static u8 kind_in_granule(const struct fake_mem *mem, unsigned long pfn,
			  unsigned long page, unsigned long granule)
{
	if (mem->kind == T1X_PIN_NONE || !granule)
		return mem->kind;
	if ((pfn ^ page) & (granule - 1))
		return T1X_PIN_PAGE;

	return min_t(u8, mem->kind, ilog2(granule));
}

/* How page @page of the table is held in a mapping at @iova, its granule in bytes. */
u8 fake_mem_kind(unsigned long page, unsigned long iova, unsigned long granule)
{
	unsigned long offset;
	const struct fake_mem *mem = find_mem(page, &offset);

	return kind_in_granule(mem, mem->pfn + offset, iova >> PAGE_SHIFT,
			       granule >> PAGE_SHIFT);
}

/* The page number of the IOVA that the next run begins at. */
static unsigned long next_page(const struct t1x_pin *pin)
{
	unsigned long page = pin->page;
	unsigned int i;

	for (i = 0; i < pin->nr_runs; i++)
		page += pin->runs[i].npages;
	return page;
}

static struct t1x_run *next_run(struct t1x_pin *pin)
{
	struct t1x_run *run = &pin->few_runs[pin->nr_runs];
	unsigned long offset;
	const struct fake_mem *mem;

	mem = find_mem((pin->vaddr - FAKE_VADDR) >> PAGE_SHIFT, &offset);
	if (!mem)
		return NULL;

	run->pfn = mem->pfn + offset;
	run->kind =
		kind_in_granule(mem, run->pfn, next_page(pin), pin->granule);
	run->npages = min(mem->npages - offset, pin->left);
	if (fake_pin.max_run &&
	    (run->kind == T1X_PIN_PAGE || run->kind == T1X_PIN_NONE))
		run->npages =
			min_t(unsigned long, run->npages, fake_pin.max_run);
	if (pin->single)
		run->npages = 1;

	count_pins(run->pfn, run->npages, run->kind, true);
	if (run->kind != T1X_PIN_NONE) {
		unsigned long paid =
			min_t(unsigned long, run->npages, pin->advance);

		pin->advance -= paid;
		t1x_account_charge(pin->account, run->npages - paid, 0, true);
	}
	pin->vaddr += (unsigned long)run->npages << PAGE_SHIFT;
	pin->left -= run->npages;
	pin->nr_runs++;
	return run;
}

void t1x_pin_begin(struct t1x_pin *pin, struct t1x_dma *dma,
		   const struct t1x_pin_opts *opts)
{
	*pin = (struct t1x_pin){
		.account = dma->account,
		.page = dma->iova >> PAGE_SHIFT,
		.advance = opts->credit,
		.orphans = opts->orphans,
		.single = opts->single,
		.granule = t1x_dma_granule(dma) >> PAGE_SHIFT,
		.vaddr = dma->vaddr,
		.left = t1x_dma_npages(dma),
		.runs = pin->few_runs,
		.max_runs = T1X_PIN_FEW,
	};
	fake_pin.orphans = opts->orphans;
	fake_pin.single = opts->single;
	set_extent(dma);
}

int t1x_pin_batch(struct t1x_pin *pin)
{
	unsigned int max = fake_pin.max_batch ?: T1X_PIN_FEW;

	if (pin->nr_runs)
		fake_complain("%u runs of the batch before were not accepted",
			      pin->nr_runs);
	if (fake_pin.on_batch)
		fake_pin.on_batch(pin, fake_pin.data);

	fake_pin.batches++;
	while (pin->left && pin->nr_runs < max) {
		if (!next_run(pin))
			return -EFAULT;
	}

	/* Fails late, with pins that nobody was told of. */
	if (fake_pin.batches == fake_pin.fail_batch_at)
		return fake_pin.fail_with;

	pin->handed = pin->nr_runs;
	return pin->handed;
}

void t1x_pin_accept(struct t1x_pin *pin, unsigned int nr)
{
	unsigned int i;

	if (nr > pin->handed)
		fake_complain("%u runs accepted of %u", nr, pin->handed);

	for (i = 0; i < nr; i++)
		pin->page += pin->runs[i].npages;

	pin->nr_runs -= nr;
	memmove(pin->runs, pin->runs + nr, pin->nr_runs * sizeof(*pin->runs));
}

void t1x_pin_end(struct t1x_pin *pin)
{
	unsigned int i;

	for (i = 0; i < pin->nr_runs; i++) {
		const struct t1x_run *run = &pin->runs[i];

		fake_check_unreachable(pin->page << PAGE_SHIFT, run->npages);
		count_pins(run->pfn, run->npages, run->kind, false);
		if (run->kind != T1X_PIN_NONE)
			t1x_account_refund(pin->account, run->npages);
		pin->page += run->npages;
	}
	t1x_account_refund(pin->account, pin->advance);
	t1x_account_settle(pin->account);
}

/* Pages of the table for the driver of an emulated device: not beyond a part of it. */
long t1x_pin_pages(struct t1x_account *account, unsigned long vaddr,
		   unsigned long npages, int prot, struct page **pages,
		   unsigned long *pfn, struct t1x_call *call)
{
	void (*event)(void) = fake_pin.on_page;
	const struct fake_mem *mem;
	unsigned long offset, i;

	mem = find_mem((vaddr - FAKE_VADDR) >> PAGE_SHIFT, &offset);
	fake_pin.on_page = NULL;
	if (event)
		event();
	if (!mem)
		return -EFAULT;

	*pfn = mem->pfn + offset;
	if (mem->kind == T1X_PIN_NONE)
		return 0;

	npages = min(npages, mem->npages - offset);
	for (i = 0; i < npages; i++) {
		/* A pointer that tells the frame, and no more. */
		pages[i] = (struct page *)(*pfn + i);
		pin_one(*pfn + i, T1X_PIN_PAGE);
	}
	return npages;
}

void t1x_pin_put_page(unsigned long pfn, int prot)
{
	unpin_one(pfn, T1X_PIN_PAGE);
}

/*
 * The pages that one release lets go: whole pieces, so a piece that is held by one
 * pin must be out of reach as far as the mapping has it.
 */
static void check_release(const struct t1x_dma *dma, unsigned long index,
			  unsigned long pfn, unsigned long npages, u8 kind)
{
	unsigned long page = ((dma->vaddr - FAKE_VADDR) >> PAGE_SHIFT) + index;
	unsigned long below, above;

	if (kind == T1X_PIN_NONE)
		return;

	below = min(pfn & (BIT(kind) - 1), index);
	if (fake_mem_pfn(page - below) != pfn - below)
		below = 0;

	above = min(-(pfn + npages) & (BIT(kind) - 1),
		    t1x_dma_npages(dma) - index - npages);
	if (fake_mem_pfn(page + npages + above - 1) != pfn + npages + above - 1)
		above = 0;

	fake_check_unreachable(t1x_dma_iova_at(dma, index - below),
			       below + npages + above);
}

static unsigned long release_extent(const struct t1x_dma *dma,
				    unsigned long index,
				    const struct t1x_extent *extent)
{
	unsigned long page = (dma->vaddr - FAKE_VADDR) >> PAGE_SHIFT;
	unsigned long end = index + extent->npages, pfn = extent->pfn;
	unsigned long npages, charged = 0;

	while (index < end) {
		unsigned long next = end;
		u8 kind = t1x_dma_pin_kind(dma, index, &next);

		npages = next - index;
		if (fake_mem_pfn(page + index) != pfn ||
		    fake_mem_pfn(page + next - 1) != pfn + npages - 1)
			fake_complain("page %lu+%lu is not at pfn 0x%lx", index,
				      npages, pfn);

		check_release(dma, index, pfn, npages, kind);
		count_pins(pfn, npages, kind, false);
		if (kind != T1X_PIN_NONE)
			charged += npages;
		pfn += npages;
		index = next;
	}

	return charged;
}

unsigned long t1x_pin_release(const struct t1x_dma *dma, unsigned long index,
			      const struct t1x_extent *extents, unsigned int nr)
{
	unsigned long charged = 0;

	for (; nr; nr--, extents++) {
		charged += release_extent(dma, index, extents);
		index += extents->npages;
	}

	return charged;
}

/* Pages that come off until the rest of the part is not held by the same pin. */
unsigned long t1x_pin_whole(const struct t1x_dma *dma, unsigned long index,
			    unsigned long pfn, unsigned long npages)
{
	while (npages) {
		unsigned long end = ULONG_MAX;
		u8 kind = t1x_dma_pin_kind(dma, index + npages - 1, &end);

		if (kind == T1X_PIN_NONE || IS_ALIGNED(pfn + npages, BIT(kind)))
			break;
		npages--;
	}
	return npages;
}

/* ---- Accounts: one for all, without an mm ---- */

void t1x_accounts_init(struct t1x_accounts *accounts, struct mutex *lock)
{
	accounts->lock = lock;
	INIT_LIST_HEAD(&accounts->list);
}

struct t1x_account *t1x_account_get(struct t1x_accounts *accounts)
{
	struct t1x_account *account;

	lockdep_assert_held(accounts->lock);

	if (fake_pin.no_account)
		return NULL;

	account = list_first_entry_or_null(&accounts->list, struct t1x_account,
					   next);
	if (account) {
		refcount_inc(&account->refs);
		return account;
	}

	account = kzalloc(sizeof(*account), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(fake.test, account);
	refcount_set(&account->refs, 2);
	account->task = &init_task;
	list_add(&account->next, &accounts->list);
	fake_pin.accounts++;
	return account;
}

int t1x_account_refuse(const struct t1x_account *account, unsigned long npages,
		       struct t1x_call *call)
{
	return t1x_call_fail_with(call, -ENOMEM, T1X_REASON_MEMLOCK, npages, 0,
				  0);
}

void t1x_accounts_destroy(struct t1x_accounts *accounts)
{
	struct t1x_account *account, *next;

	list_for_each_entry_safe(account, next, &accounts->list, next) {
		if (refcount_read(&account->refs) != 1)
			fake_complain("an account goes that is referred to");
		list_del(&account->next);
		fake_pin.accounts--;
		kfree(account);
	}
}

void t1x_account_put(struct t1x_account *account)
{
	/* The last one but the list's. */
	if (refcount_dec_and_test(&account->refs))
		fake_complain("the list has lost its reference");
	else if (refcount_read(&account->refs) == 1 &&
		 atomic_long_read(&account->refund))
		fake_complain("an account goes unsettled");
}

bool t1x_account_get_mm(const struct t1x_account *account)
{
	if (fake_pin.mm_gone)
		return false;
	atomic_inc(&fake_pin.mms);
	return true;
}

void t1x_account_put_mm(const struct t1x_account *account)
{
	atomic_dec(&fake_pin.mms);
}

unsigned long t1x_account_orphans(struct t1x_accounts *accounts)
{
	lockdep_assert_held(accounts->lock);
	return 0;
}

/* No limit: that of a real mm is the selftests' to watch. */
long t1x_account_charge(struct t1x_account *account, unsigned long want,
			unsigned long orphans, bool no_limit)
{
	atomic_long_add(want, &account->charged);
	fake_pin.charged += want;
	return want;
}

void t1x_account_hold(struct t1x_account *account)
{
	refcount_inc(&account->refs);
}

void t1x_account_keep(struct t1x_account *account, unsigned long npages)
{
	atomic_long_sub(npages, &account->refund);
}

void t1x_account_add_moving(struct t1x_account *account, long npages)
{
	atomic_long_add(npages, &account->moving);
}

void t1x_accounts_settle(struct t1x_accounts *accounts)
{
	struct t1x_account *account;

	mutex_lock(accounts->lock);
	list_for_each_entry(account, &accounts->list, next)
		t1x_account_settle(account);
	mutex_unlock(accounts->lock);
}

void t1x_account_refund(struct t1x_account *account, unsigned long npages)
{
	atomic_long_add(npages, &account->refund);
}

void t1x_account_settle(struct t1x_account *account)
{
	long npages = atomic_long_read(&account->refund);

	if (npages <= 0)
		return;
	atomic_long_sub(npages, &account->refund);
	atomic_long_sub(npages, &account->charged);
	fake_pin.charged -= npages;
}

/* ---- The world ---- */

void fake_pin_init(struct kunit *test)
{
	fake_pin = (struct fake_pin){ .fail_with = -EFAULT };
	fake.run_at = run_at;
}

/* What a stuck mapping holds stays pinned for ever: that is no leak. */
void fake_pin_forget_stuck(void)
{
	memset(pins, 0, sizeof(pins));
	fake_pin.npins = 0;
	fake_pin.charged = 0;
}

void fake_pin_exit(struct kunit *test)
{
	struct fake_extent *extent, *next;

	KUNIT_EXPECT_EQ(test, 0UL, fake_pin.npins);
	KUNIT_EXPECT_EQ(test, 0L, fake_pin.charged);
	KUNIT_EXPECT_EQ(test, 0U, fake_pin.accounts);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&fake_pin.mms));

	memset(pins, 0, sizeof(pins));
	list_for_each_entry_safe(extent, next, &extents, next) {
		list_del(&extent->next);
		kfree(extent);
	}
}
