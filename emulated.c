// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated groups. See include/emulated.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "account.h"
#include "call.h"
#include "copy.h"
#include "dma_tracker.h"
#include "emulated.h"
#include "external.h"
#include "pin.h"

#include "compat.h"

/* Pages of a mapping that are let go without a break for others. */
#define UNPIN_BATCH 64UL

/* How often a driver is asked to let go, and how long each time. */
#define QUIESCE_TRIES 10
#define QUIESCE_WAIT (HZ / 10)

static DEFINE_RATELIMIT_STATE(refusals, 60 * HZ, 10);

struct emulated_group {
	struct iommu_group *iommu_group;
	struct list_head next;
};

/**
 * t1x_emulated_init() - A container without emulated groups
 * @emulated: To initialise
 * @tree: Mappings of the container
 */
void t1x_emulated_init(struct t1x_emulated *emulated, struct t1x_dma_tree *tree)
{
	emulated->tree = tree;
	INIT_LIST_HEAD(&emulated->groups);
	atomic_set(&emulated->nr_pinning, 0);
	INIT_HLIST_HEAD(&emulated->targets);
	INIT_LIST_HEAD(&emulated->devices);
	mutex_init(&emulated->device_lock);
}

/**
 * t1x_emulated_destroy() - Undo t1x_emulated_init()
 * @emulated: Without a group
 */
void t1x_emulated_destroy(struct t1x_emulated *emulated)
{
	WARN_ON_ONCE(!list_empty(&emulated->groups));
	WARN_ON_ONCE(!RB_EMPTY_ROOT(&emulated->tree->externals));
	mutex_destroy(&emulated->device_lock);
}

static struct emulated_group *find_group(struct t1x_emulated *emulated,
					 struct iommu_group *iommu_group)
{
	struct emulated_group *group;

	lockdep_assert_held(emulated->tree->lock);

	list_for_each_entry(group, &emulated->groups, next) {
		if (group->iommu_group == iommu_group)
			return group;
	}

	return NULL;
}

/**
 * t1x_emulated_add_group() - Attach an emulated group
 * @emulated: Emulated groups of the container
 * @iommu_group: Group that is not attached
 *
 * Context: The tree's mutex held. May sleep.
 * Return: 0 or -ENOMEM.
 */
int t1x_emulated_add_group(struct t1x_emulated *emulated,
			   struct iommu_group *iommu_group)
{
	struct emulated_group *group;

	lockdep_assert_held(emulated->tree->lock);

	group = kzalloc_obj(*group, GFP_KERNEL_ACCOUNT);
	if (!group)
		return -ENOMEM;

	group->iommu_group = iommu_group;
	list_add(&group->next, &emulated->groups);
	return 0;
}

/**
 * t1x_emulated_remove_group() - Detach an emulated group
 * @emulated: Emulated groups of the container
 * @iommu_group: Any group
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: true if it was one of @emulated.
 */
bool t1x_emulated_remove_group(struct t1x_emulated *emulated,
			       struct iommu_group *iommu_group)
{
	struct emulated_group *group = find_group(emulated, iommu_group);

	if (!group)
		return false;

	list_del(&group->next);
	kfree(group);
	return true;
}

/**
 * t1x_emulated_has_group() - Is a group one of the emulated ones?
 * @emulated: Emulated groups of the container
 * @iommu_group: Any group
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: true if it is.
 */
bool t1x_emulated_has_group(struct t1x_emulated *emulated,
			    struct iommu_group *iommu_group)
{
	return find_group(emulated, iommu_group);
}

/**
 * t1x_emulated_for_each_group() - Visit the emulated groups
 * @emulated: Emulated groups of the container
 * @fn: Called with each group and @data
 * @data: For @fn
 *
 * Context: domains.rwsem or the tree's mutex held.
 */
void t1x_emulated_for_each_group(struct t1x_emulated *emulated,
				 void (*fn)(struct iommu_group *group,
					    void *data),
				 void *data)
{
	struct emulated_group *group;

	list_for_each_entry(group, &emulated->groups, next)
		fn(group->iommu_group, data);
}

/**
 * t1x_emulated_is_used() - Has the container any emulated group?
 * @emulated: Emulated groups of the container
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: true if it has.
 */
bool t1x_emulated_is_used(struct t1x_emulated *emulated)
{
	lockdep_assert_held(emulated->tree->lock);

	return !list_empty(&emulated->groups);
}

/**
 * t1x_emulated_add_device() - A device was opened: tell its driver what goes
 * @emulated: Emulated groups of the container
 * @device: Device; only a driver with dma_unmap is told, and may pin
 *
 * Context: Called by vfio core. No lock of the container held. May sleep.
 */
void t1x_emulated_add_device(struct t1x_emulated *emulated,
			     struct vfio_device *device)
{
	if (!device->ops->dma_unmap)
		return;

	mutex_lock(&emulated->device_lock);
	mutex_lock(emulated->tree->lock);
	list_add(&device->iommu_entry, &emulated->devices);
	mutex_unlock(emulated->tree->lock);
	mutex_unlock(&emulated->device_lock);
}

/**
 * t1x_emulated_remove_device() - A device was closed
 * @emulated: Emulated groups of the container
 * @device: Device that was added
 *
 * Context: Called by vfio core. No lock of the container held. Waits for callbacks
 * of drivers that are under way.
 */
void t1x_emulated_remove_device(struct t1x_emulated *emulated,
				struct vfio_device *device)
{
	if (!device->ops->dma_unmap)
		return;

	mutex_lock(&emulated->device_lock);
	mutex_lock(emulated->tree->lock);
	list_del(&device->iommu_entry);
	mutex_unlock(emulated->tree->lock);
	mutex_unlock(&emulated->device_lock);
}

/* What it takes to pin a page of a mapping once the mutex is dropped. */
struct pin_target {
	/* In t1x_emulated.targets, or by itself: then the mapping has gone. */
	struct hlist_node next;
	unsigned long iova;
	struct t1x_call *call; /* the caller's, or NULL */
	struct t1x_account *account; /* a counted reference */
	unsigned long vaddr;
	int prot;
	bool lock_cap;
	bool charge;
};

/*
 * Take a reference to what is pinned, or find out what to pin.
 * Return: 1 if @page is set, 0 if @target is, or as t1x_emulated_pin().
 */
static int look_up(struct t1x_emulated *emulated, unsigned long iova, int prot,
		   struct page **page, struct pin_target *target,
		   struct t1x_call *call)
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

	external = t1x_external_find(emulated->tree, iova);
	if (external) {
		external->refs++;
		*page = pfn_to_page(external->pfn);
		return 1;
	}

	t1x_account_hold(dma->account);
	*target = (struct pin_target){
		.iova = iova,
		.call = call,
		.account = dma->account,
		.vaddr = dma->vaddr + (iova - dma->iova),
		.prot = dma->prot,
		.lock_cap = dma->lock_cap,
		.charge = dma->externals_charged,
	};
	hlist_add_head(&target->next, &emulated->targets);
	return 0;
}

static int charge_page(const struct pin_target *target)
{
	long charged =
		t1x_account_charge(target->account, 1, 0, target->lock_cap);

	if (charged < 0)
		return charged;
	if (charged)
		return 0;

	pr_warn_ratelimited("%s[%d]: RLIMIT_MEMLOCK exceeded by a device\n",
			    current->comm, current->pid);
	return t1x_account_refuse(target->account, 1, target->call);
}

static void put_page_of(const struct pin_target *target,
			const struct t1x_external *external)
{
	if (!external->held)
		return;

	t1x_pin_put_page(external->pfn, target->prot);
	if (target->charge) {
		t1x_account_refund(target->account, 1);
		t1x_account_settle(target->account);
	}
}

/* Pin and charge a page, with no lock held. */
static int get_page_of(const struct pin_target *target,
		       struct t1x_external *external)
{
	int ret;

	if (!t1x_account_get_mm(target->account))
		return t1x_call_fail_with(target->call, -ENODEV,
					  T1X_REASON_MAPPER_GONE,
					  target->account->task->tgid, 0, 0);

	ret = t1x_pin_page(target->account, target->vaddr, target->prot,
			   &external->pfn, target->call);
	if (ret < 0)
		goto out_put;

	external->held = ret;
	ret = 0;
	if (external->held && target->charge)
		ret = charge_page(target);
	else if (!external->held && !pfn_valid(external->pfn))
		ret = t1x_call_fail_with(target->call,
					 -EINVAL, /* no struct page */
					 T1X_REASON_USER_MEMORY, target->vaddr,
					 T1X_FAULT_IO, 0);
	if (ret && external->held)
		t1x_pin_put_page(external->pfn, target->prot);

out_put:
	t1x_account_put_mm(target->account);
	return ret;
}

/* Add a page that was pinned. Return: false if the world has changed meanwhile. */
static bool add_pin(struct t1x_emulated *emulated,
		    const struct pin_target *target,
		    struct t1x_external *external)
{
	struct t1x_dma *dma;
	unsigned long last;

	/* Another mapping may have taken its place. */
	if (hlist_unhashed(&target->next))
		return false;

	dma = t1x_dma_find_usable(emulated->tree, target->iova, &last);
	if (!dma || dma->account != target->account ||
	    dma->externals_charged != target->charge ||
	    t1x_external_find(emulated->tree, target->iova))
		return false;

	t1x_external_insert(emulated->tree, external);
	t1x_dma_set_dirty(dma, target->iova >> PAGE_SHIFT, 1);
	return true;
}

/*
 * Pin what look_up() found, and add it to the mapping.
 * Return: 1 if @page is set; 0 if the world has changed meanwhile, so look again;
 * or an error.
 */
static int pin_target(struct t1x_emulated *emulated, struct pin_target *target,
		      struct page **page)
{
	struct t1x_external *external = t1x_external_alloc(target->iova);
	int ret = external ? get_page_of(target, external) : -ENOMEM;
	bool added;

	mutex_lock(emulated->tree->lock);
	added = !ret && add_pin(emulated, target, external);
	if (added)
		*page = pfn_to_page(external->pfn);
	hlist_del_init(&target->next);
	mutex_unlock(emulated->tree->lock);
	if (added)
		return 1;

	if (!ret)
		put_page_of(target, external);
	t1x_external_free(external);
	return ret;
}

static int pin_one(struct t1x_emulated *emulated, unsigned long iova, int prot,
		   struct page **page, struct t1x_call *call)
{
	struct pin_target target;
	int ret;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;

		mutex_lock(emulated->tree->lock);
		ret = look_up(emulated, iova, prot, page, &target, call);
		mutex_unlock(emulated->tree->lock);
		if (ret)
			break;

		ret = pin_target(emulated, &target, page);
		t1x_account_put(target.account);
	} while (!ret);

	cond_resched();
	return min(ret, 0);
}

/* Pin all pages or none. */
static int pin_all(struct t1x_emulated *emulated, unsigned long iova,
		   unsigned long npages, int prot, struct page **pages,
		   struct t1x_call *call)
{
	unsigned long i;
	int ret = 0;

	for (i = 0; i < npages; i++) {
		ret = pin_one(emulated, iova + (i << PAGE_SHIFT), prot,
			      &pages[i], call);
		if (ret)
			break;
	}
	if (!ret)
		return 0;

	t1x_emulated_unpin(emulated, iova, i);
	memset(pages, 0, (i + 1) * sizeof(*pages));
	return ret;
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

	npages = min3(npages, ((dma->last - iova) >> PAGE_SHIFT) + 1,
		      UNPIN_BATCH);
	for (n = 0; n < npages; n++) {
		external = t1x_external_find(tree, iova + (n << PAGE_SHIFT));
		if (external && !--external->refs)
			take_pin(tree, external, gone);
	}

	return n;
}

/* Unpin and free what was taken, with no lock held. */
static void put_pins(const struct gone *gone, int prot)
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

/* Does a driver still hold a page of what goes? */
static bool is_held(struct t1x_emulated *emulated,
		    const struct t1x_iova_range *going)
{
	return t1x_external_first(emulated->tree, going->iova, going->last);
}

/* No number is the length of the whole space, so that goes in two halves. */
static void notify_device(struct vfio_device *device,
			  const struct t1x_iova_range *going)
{
	const u64 half = BIT_ULL(63);
	u64 size = going->last - going->iova + 1;

	device->ops->dma_unmap(device, going->iova, size ?: half);
	if (!size)
		device->ops->dma_unmap(device, half, half);
}

/* Tell all drivers what goes of a mapping. */
static int notify(struct t1x_emulated *emulated,
		  const struct t1x_iova_range *going)
{
	struct vfio_device *device;

	if (mutex_lock_killable(&emulated->device_lock))
		return -EINTR;

	list_for_each_entry(device, &emulated->devices, iommu_entry)
		notify_device(device, going);
	mutex_unlock(&emulated->device_lock);
	return 0;
}

static int wait_for_copies(struct t1x_emulated *emulated,
			   const struct t1x_iova_range *going)
{
	struct t1x_dma_tree *tree = emulated->tree;
	int ret = 0;

	while (t1x_copy_any(tree, going->iova, going->last) && !ret)
		ret = t1x_dma_wait(tree, MAX_SCHEDULE_TIMEOUT);
	return ret;
}

/* Wait for a driver, for so long and no longer: any mapping's change wakes us. */
static int wait_for_unpin(struct t1x_emulated *emulated,
			  const struct t1x_iova_range *going)
{
	unsigned long until = jiffies + QUIESCE_WAIT;
	long left = QUIESCE_WAIT;
	int ret = 0;

	while (!ret && left > 0 && is_held(emulated, going)) {
		ret = t1x_dma_wait(emulated->tree, left);
		left = until - jiffies;
	}
	return ret;
}

/**
 * t1x_emulated_quiesce() - Have the drivers let go of what goes of a mapping
 * @emulated: Emulated groups of the container
 * @dma: DYING mapping that the caller owns, so that nobody can pin that anew
 * @call: The caller's call, or NULL
 *
 * A driver must unpin in its callback. One that does so late is waited for, one
 * that refuses makes the unmap fail.
 *
 * Context: No lock of the container held. Sleeps, killable.
 * Return: 0 if nothing is pinned or being copied; -EBUSY if a driver does not let
 * go; -EINTR on a fatal signal.
 */
int t1x_emulated_quiesce(struct t1x_emulated *emulated, struct t1x_dma *dma,
			 struct t1x_call *call)
{
	struct mutex *lock = emulated->tree->lock;
	struct t1x_iova_range going;
	unsigned int tries = 0;
	int ret;

	mutex_lock(lock);
	going = t1x_dma_going(emulated->tree, dma);
	ret = wait_for_copies(emulated, &going);
	while (!ret && is_held(emulated, &going)) {
		mutex_unlock(lock);
		ret = notify(emulated, &going);
		mutex_lock(lock);
		if (ret || !is_held(emulated, &going))
			break;

		/* A driver cannot let go of what it has not been given yet. */
		tries += !atomic_read(&emulated->nr_pinning);
		ret = tries < QUIESCE_TRIES ? wait_for_unpin(emulated, &going) :
					      -EBUSY;
	}
	mutex_unlock(lock);

	if (ret != -EBUSY)
		return ret;

	/* A user can repeat this, once a second. */
	if (__ratelimit(&refusals))
		pr_warn("iova 0x%lx-0x%lx: %s\n", going.iova, going.last,
			"a driver does not unpin it, so it stays mapped");
	return t1x_call_fail_with(call, ret, T1X_REASON_HELD, going.iova,
				  going.last, 0);
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
