// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages that drivers of emulated devices pin and let go. See include/emulated.h.
 */
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "account.h"
#include "call.h"
#include "copy.h"
#include "dma_tracker.h"
#include "emulated.h"
#include "external.h"
#include "pin.h"

#include "compat.h"

/* Pages of a mapping that are pinned, or let go, without a break for others. */
#define PIN_BATCH 64UL

/* What it takes to pin pages of a mapping once the mutex is dropped. */
struct pin_target {
	/* In t1x_emulated.targets, or by itself: then the mapping has gone. */
	struct hlist_node next;
	unsigned long iova;
	unsigned long npages; /* nobody had pinned them ... */
	unsigned long nr_added; /* ... when there had been so many pins */
	struct t1x_call *call; /* the caller's, or NULL */
	struct t1x_account *account; /* a counted reference */
	unsigned long vaddr;
	int prot;
	bool lock_cap;
	bool charge;

	struct page **pages; /* the caller's, npages of them */
	struct t1x_external *externals[PIN_BATCH]; /* npages, in no tree */
	unsigned long nr; /* of these, that have their page */
};

/* In how many pages is there a byte with the same offset, from @iova to @last? */
static unsigned long count_pages(unsigned long iova, unsigned long last)
{
	return ((last - iova) >> PAGE_SHIFT) + 1;
}

/* The first pin in the next @npages pages, or NULL. */
static struct t1x_external *first_pin(struct t1x_dma_tree *tree,
				      unsigned long iova, unsigned long npages)
{
	return t1x_external_first(tree, iova,
				  iova + ((npages - 1) << PAGE_SHIFT));
}

/* How many of the next @npages lie before the first pin? */
static unsigned long count_before(const struct t1x_external *first,
				  unsigned long iova, unsigned long npages)
{
	if (!first)
		return npages;
	if (first->iova == iova)
		return 0;
	return count_pages(iova, first->iova - 1);
}

/*
 * Take a reference to a page that is pinned, or find out what to pin.
 * Return: 1 if the first of @pages is set, 0 if @target is, or as t1x_emulated_pin().
 */
static int look_up(struct t1x_emulated *emulated, unsigned long iova,
		   unsigned long npages, int prot, struct page **pages,
		   struct pin_target *target, struct t1x_call *call)
{
	struct t1x_external *external;
	struct t1x_dma *dma;
	unsigned long last;

	if (list_empty(&emulated->devices))
		return -EINVAL;
	if (emulated->tree->nr_vaddr_invalid)
		return t1x_call_fail(call, -EBUSY, T1X_REASON_VADDR_INVALID);

	dma = t1x_dma_find_usable(emulated->tree, iova, &last);
	if (!dma)
		return t1x_call_fail_with(call, -EINVAL, T1X_REASON_UNMAPPED,
					  iova, 0, 0);
	if ((dma->prot & prot) != prot)
		return t1x_call_fail_with(call, -EPERM, T1X_REASON_PROT, iova,
					  0, 0);

	npages = min3(npages, count_pages(iova, last), PIN_BATCH);
	external = first_pin(emulated->tree, iova, npages);
	npages = count_before(external, iova, npages);
	if (!npages) {
		external->refs++;
		*pages = pfn_to_page(external->pfn);
		return 1;
	}

	t1x_account_hold(dma->account);
	target->iova = iova;
	target->npages = npages;
	target->nr_added = emulated->tree->nr_externals_added;
	target->call = call;
	target->account = dma->account;
	target->vaddr = dma->vaddr + (iova - dma->iova);
	target->prot = dma->prot;
	target->lock_cap = dma->lock_cap;
	target->charge = dma->externals_charged;
	target->pages = pages;
	target->nr = 0;
	hlist_add_head(&target->next, &emulated->targets);
	return 0;
}

/* Charge what is held. Return: for how many pages the limit has room; or an error. */
static long charge_pages(const struct pin_target *target, long nr)
{
	long charged =
		t1x_account_charge(target->account, nr, 0, target->lock_cap);

	if (charged)
		return charged;

	pr_warn_ratelimited("%s[%d]: RLIMIT_MEMLOCK exceeded by a device\n",
			    current->comm, current->pid);
	return t1x_account_refuse(target->account, 1, target->call);
}

static void put_pages(const struct pin_target *target, long from, long nr)
{
	for (; from < nr; from++)
		t1x_pin_put_page(page_to_pfn(target->pages[from]),
				 target->prot);
}

/* The first page needs no hold: a PFNMAP, or a zero page. */
static int get_unheld(struct pin_target *target, unsigned long pfn)
{
	if (!pfn_valid(pfn)) /* no struct page */
		return t1x_call_fail_with(target->call, -EINVAL,
					  T1X_REASON_USER_MEMORY, target->vaddr,
					  T1X_FAULT_IO, 0);

	target->pages[0] = pfn_to_page(pfn);
	target->externals[0]->pfn = pfn;
	target->externals[0]->held = false;
	target->nr = 1;
	return 0;
}

/* Pin and charge pages, as many as are to be had at once, with no lock held. */
static int get_pages(struct pin_target *target)
{
	unsigned long pfn;
	long i, nr, charged;

	nr = t1x_pin_pages(target->account, target->vaddr, target->npages,
			   target->prot, target->pages, &pfn, target->call);
	if (nr <= 0)
		return nr ?: get_unheld(target, pfn);

	charged = target->charge ? charge_pages(target, nr) : nr;
	put_pages(target, max(charged, 0L), nr);
	if (charged < 0)
		return charged;

	for (i = 0; i < charged; i++) {
		target->externals[i]->pfn = page_to_pfn(target->pages[i]);
		target->externals[i]->held = true;
	}
	target->nr = charged;
	return 0;
}

static int get_pages_of_mm(struct pin_target *target)
{
	int ret;

	if (!t1x_account_get_mm(target->account))
		return t1x_call_fail_with(target->call, -ENODEV,
					  T1X_REASON_MAPPER_GONE,
					  target->account->task->tgid, 0, 0);

	ret = get_pages(target);
	t1x_account_put_mm(target->account);
	return ret;
}

/* Add pages that were pinned. Return: how many, if the world has changed meanwhile. */
static unsigned long add_pins(struct t1x_emulated *emulated,
			      const struct pin_target *target)
{
	struct t1x_dma_tree *tree = emulated->tree;
	unsigned long last, nr;
	struct t1x_dma *dma;

	/* Another mapping may have taken its place. */
	if (hlist_unhashed(&target->next) || !target->nr)
		return 0;

	dma = t1x_dma_find_usable(tree, target->iova, &last);
	if (!dma || dma->account != target->account ||
	    dma->externals_charged != target->charge)
		return 0;

	nr = min(target->nr, count_pages(target->iova, last));
	if (target->nr_added != tree->nr_externals_added)
		nr = count_before(first_pin(tree, target->iova, nr),
				  target->iova, nr);
	t1x_external_insert(tree, target->externals, nr);
	if (nr)
		t1x_dma_set_dirty(dma, target->iova >> PAGE_SHIFT, nr);
	return nr;
}

/* Let go of the pages of a target that were not added. */
static void drop_pages(const struct pin_target *target, unsigned long from)
{
	unsigned long i, nr_held = 0;

	for (i = from; i < target->nr; i++) {
		if (!target->externals[i]->held)
			continue;
		t1x_pin_put_page(target->externals[i]->pfn, target->prot);
		nr_held++;
	}
	if (nr_held && target->charge) {
		t1x_account_refund(target->account, nr_held);
		t1x_account_settle(target->account);
	}
}

/*
 * Pin what look_up() found, and add it to the mapping.
 * Return: how many pages; 0 if the world has changed meanwhile, so look again; or an
 * error.
 */
static long pin_target(struct t1x_emulated *emulated, struct pin_target *target)
{
	unsigned long i, nr;
	int ret;

	ret = t1x_external_alloc(target->iova, target->externals,
				 target->npages);
	if (ret)
		target->npages = 0;
	else
		ret = get_pages_of_mm(target);

	mutex_lock(emulated->tree->lock);
	nr = add_pins(emulated, target);
	hlist_del_init(&target->next);
	mutex_unlock(emulated->tree->lock);

	if (nr < target->nr)
		drop_pages(target, nr);
	for (i = nr; i < target->npages; i++)
		t1x_external_free(target->externals[i]);
	return ret ?: nr;
}

/* Pin the next pages. Return: how many, or an error. */
static long pin_some(struct t1x_emulated *emulated, unsigned long iova,
		     unsigned long npages, int prot, struct page **pages,
		     struct t1x_call *call)
{
	struct pin_target target __uninitialized;
	long ret;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;

		mutex_lock(emulated->tree->lock);
		ret = look_up(emulated, iova, npages, prot, pages, &target,
			      call);
		mutex_unlock(emulated->tree->lock);
		if (ret)
			break;

		ret = pin_target(emulated, &target);
		t1x_account_put(target.account);
	} while (!ret);

	cond_resched();
	return ret;
}

/* Pin all pages or none. */
static int pin_all(struct t1x_emulated *emulated, unsigned long iova,
		   unsigned long npages, int prot, struct page **pages,
		   struct t1x_call *call)
{
	unsigned long done;
	long n = 0;

	for (done = 0; done < npages; done += n) {
		n = pin_some(emulated, iova + (done << PAGE_SHIFT),
			     npages - done, prot, pages + done, call);
		if (n < 0)
			break;
	}
	if (n >= 0)
		return 0;

	t1x_emulated_unpin(emulated, iova, done);
	memset(pages, 0, npages * sizeof(*pages));
	return n;
}

/**
 * t1x_emulated_pin() - vfio_pin_pages(): hold pages for the driver of a device
 * @emulated: Emulated groups of the container
 * @iova: First byte, need not be page aligned
 * @npages: Number of pages, one for each PAGE_SIZE from @iova on
 * @prot: IOMMU_READ, IOMMU_WRITE: what the driver is going to do
 * @pages: Result, @npages entries
 * @call: The caller's call, or NULL
 *
 * Semantics: vfio_pin_pages() in drivers/vfio. Each pin is to be undone with the
 * same IOVA. A mapping that is being made or unmapped is not there.
 *
 * Context: No lock of the container held: page faults may wait for a user. May
 * sleep, killable.
 * Return: 0; -EINVAL if there is no mapping, or no struct page, or no device that
 * is told of unmaps; -EOVERFLOW (-EINVAL before 6.18) on a wrap; -EPERM if @prot
 * is more than the mapping allows; -EBUSY while addresses are invalid; -ENODEV if
 * the mapper's address space is gone; -ENOMEM, also for RLIMIT_MEMLOCK; -EINTR; or
 * what GUP says. On failure nothing is pinned.
 */
int t1x_emulated_pin(struct t1x_emulated *emulated, unsigned long iova,
		     unsigned long npages, int prot, struct page **pages,
		     struct t1x_call *call)
{
	int ret;

	if (npages > ULONG_MAX >> PAGE_SHIFT ||
	    iova + ((npages << PAGE_SHIFT) - 1) < iova)
		return t1x_call_fail(call, -T1X_EWRAP, T1X_REASON_WRAP);

	atomic_inc(&emulated->nr_pinning);
	ret = pin_all(emulated, iova, npages, prot, pages, call);
	atomic_dec(&emulated->nr_pinning);
	return ret;
}

/* Pins of one mapping that nobody finds any more, to be unpinned together. */
struct gone {
	struct t1x_external *first;
	unsigned long nr_held;
};

static void take_pin(struct t1x_dma_tree *tree, struct t1x_external *external,
		     struct gone *gone)
{
	t1x_external_remove(tree, external);
	external->next = gone->first;
	gone->first = external;
	gone->nr_held += external->held;
}

/*
 * Take the pins of a mapping that are let go for the last time, of the next @npages
 * pages from @iova on. Return: how many pages that are, at least one.
 */
static unsigned long take_pins(struct t1x_dma_tree *tree,
			       const struct t1x_dma *dma, unsigned long iova,
			       unsigned long npages, struct gone *gone)
{
	struct t1x_external *external;
	unsigned long n;

	npages =
		min3(npages, ((dma->last - iova) >> PAGE_SHIFT) + 1, PIN_BATCH);
	for (n = 0; n < npages; n++) {
		external = t1x_external_find(tree, iova + (n << PAGE_SHIFT));
		if (external && !--external->refs)
			take_pin(tree, external, gone);
	}

	return n;
}

/* Unpin and free what was taken, with no lock held. Inline: mostly that is one page. */
static inline void put_pins(const struct gone *gone, int prot)
{
	struct t1x_external *external, *next;

	for (external = gone->first; external; external = next) {
		next = external->next;
		if (external->held)
			t1x_pin_put_page(external->pfn, prot);
		t1x_external_free(external);
		if (next)
			cond_resched();
	}
}

/* Drop references to the next pages. Return: how many; 0 if there is no mapping. */
static unsigned long unpin_some(struct t1x_emulated *emulated,
				unsigned long iova, unsigned long npages)
{
	struct t1x_account *account = NULL;
	struct gone gone = {};
	struct t1x_dma *dma;
	int prot;

	/* In whatever state: this is how a DYING mapping is let go. */
	mutex_lock(emulated->tree->lock);
	dma = t1x_dma_find(emulated->tree, iova, iova);
	if (!dma) {
		mutex_unlock(emulated->tree->lock);
		return 0;
	}

	npages = take_pins(emulated->tree, dma, iova, npages, &gone);
	prot = dma->prot;
	if (gone.nr_held && dma->externals_charged) {
		account = dma->account;
		t1x_account_hold(account);
		t1x_account_refund(account, gone.nr_held);
	}
	if (gone.first && dma->state == T1X_DMA_DYING)
		t1x_dma_wake(emulated->tree);
	mutex_unlock(emulated->tree->lock);

	put_pins(&gone, prot);
	if (account) {
		t1x_account_settle(account);
		t1x_account_put(account);
	}
	return npages;
}

/**
 * t1x_emulated_unpin() - vfio_unpin_pages(): let go of pages
 * @emulated: Emulated groups of the container
 * @iova: First byte, as it was pinned
 * @npages: Number of pages
 *
 * Context: No lock of the container held but device_lock, in a callback. May
 * sleep. Cannot fail.
 */
void t1x_emulated_unpin(struct t1x_emulated *emulated, unsigned long iova,
			unsigned long npages)
{
	unsigned long n;

	for (; npages; npages -= n, iova += n << PAGE_SHIFT) {
		n = unpin_some(emulated, iova, npages);
		if (!n) {
			pr_warn_ratelimited("a driver unpins 0x%lx, %s\n", iova,
					    "which is not mapped");
			return;
		}
		if (n < npages)
			cond_resched();
	}
}

/**
 * t1x_emulated_disown() - A mapping goes, and with it what is pinned and copied of it
 * @emulated: Emulated groups of the container
 * @dma: One of its mappings, about to be removed
 *
 * A page that is waited for may come when another mapping is there.
 *
 * Context: The tree's mutex held. Does not sleep.
 */
void t1x_emulated_disown(struct t1x_emulated *emulated,
			 const struct t1x_dma *dma)
{
	struct pin_target *target;
	struct hlist_node *next;

	lockdep_assert_held(emulated->tree->lock);

	hlist_for_each_entry_safe(target, next, &emulated->targets, next) {
		if (target->iova >= dma->iova && target->iova <= dma->last)
			hlist_del_init(&target->next);
	}
	t1x_copy_disown(emulated->tree, dma);
}

/**
 * t1x_emulated_abandon() - Unpin what drivers have left of a mapping that must go
 * @emulated: Emulated groups of the container
 * @dma: Mapping of a container that loses its last group
 *
 * All devices are closed, so a driver has forgotten to unpin.
 *
 * Context: The tree's mutex held; it is dropped and taken again, so @dma may be
 * gone afterwards unless something else keeps it. May sleep.
 */
void t1x_emulated_abandon(struct t1x_emulated *emulated, struct t1x_dma *dma)
{
	struct t1x_dma_tree *tree = emulated->tree;
	struct t1x_account *account = dma->account;
	bool charged = dma->externals_charged;
	struct t1x_external *external;
	struct gone gone = {};
	int prot = dma->prot;

	lockdep_assert_held(tree->lock);

	while ((external = t1x_external_first(tree, dma->iova, dma->last))) {
		take_pin(tree, external, &gone);
		cond_resched();
	}
	if (!gone.first)
		return;

	pr_warn_once("a driver left pages pinned when it closed its device\n");
	t1x_account_hold(account);
	mutex_unlock(tree->lock);

	put_pins(&gone, prot);
	if (charged)
		t1x_account_refund(account, gone.nr_held);
	t1x_account_put(account);

	mutex_lock(tree->lock);
}
