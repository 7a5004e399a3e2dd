// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory. See include/pin.h for what a walk promises.
 */
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/log2.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/userfaultfd_k.h>

#include "account.h"
#include "call.h"
#include "pin.h"

#include "compat.h"

/* One page of pointers: what in-tree type1 asks of GUP at a time, 2 MiB. */
#define MAX_PAGES (PAGE_SIZE / sizeof(struct page *))
#define MAX_RUNS (MAX_PAGES / 2)

/* Of pages that are in an array. */
#define NO_PFN ULONG_MAX

/*
 * take() adds two runs at most, one on each side of a 1 GiB boundary: no part is longer
 * than that.
 */
#define SPARE_RUNS 2

/*
 * Have @want pages charged, and more if there is room; pin->advance tells whether
 * the limit allowed it. Return: 0 or -EINTR.
 */
static int charge_ahead(struct t1x_pin *pin, unsigned long want)
{
	unsigned long ahead = min(pin->left, T1X_PIN_ADVANCE);
	long charged;

	if (pin->advance >= want)
		return 0;

	charged = t1x_account_charge(pin->account,
				     max(want, ahead) - pin->advance,
				     pin->orphans, pin->lock_cap);
	if (charged < 0)
		return charged;

	pin->advance += charged;
	return 0;
}

static int refuse_charge(struct t1x_pin *pin)
{
	struct task_struct *task = pin->account->task;

	pr_warn_ratelimited("%s[%d]: RLIMIT_MEMLOCK (%lu) exceeded\n",
			    current->comm, current->pid,
			    task_rlimit(task, RLIMIT_MEMLOCK));
	return t1x_account_refuse(pin->account, pin->orphans + pin->left,
				  pin->call);
}

/* What is wrong with the memory that could not be pinned, as far as one can see? */
static enum t1x_fault why_not(const struct t1x_pin *pin)
{
	struct mm_struct *mm = pin->account->mm;
	enum t1x_fault why = T1X_FAULT_OTHER;
	struct vm_area_struct *vma;

	if (!mmap_read_trylock(mm))
		return why;

	vma = vma_lookup(mm, untagged_addr_remote(mm, pin->vaddr));
	if (!vma)
		why = T1X_FAULT_NO_VMA;
	else if (pin->prot & IOMMU_WRITE && !(vma->vm_flags & VM_WRITE))
		why = T1X_FAULT_READ_ONLY;
	else if (!(vma->vm_flags & VM_READ))
		why = T1X_FAULT_UNREADABLE;
	else if (vma->vm_flags & (VM_IO | VM_PFNMAP))
		why = T1X_FAULT_IO;
	mmap_read_unlock(mm);
	return why;
}

static int refuse_memory(const struct t1x_pin *pin, int ret)
{
	if (ret == -EINTR || ret == -ENOMEM || !pin->call)
		return ret;

	return t1x_call_fail_with(pin->call, ret, T1X_REASON_USER_MEMORY,
				  pin->vaddr, why_not(pin), 0);
}

/* Put the pins of pages that follow each other and are held in one way. */
static noinline void unpin_run(unsigned long pfn, unsigned long npages, u8 kind,
			       bool dirty)
{
	unsigned long end = pfn + npages;

	cond_resched();
	if (kind == T1X_PIN_NONE)
		return;

	if (kind == T1X_PIN_PAGE) {
		unpin_user_page_range_dirty_lock(pfn_to_page(pfn), npages,
						 dirty);
		return;
	}

	/* One pin for each piece, however little of it belongs to the part. */
	while (pfn < end) {
		t1x_compat_unpin_page(pfn_to_page(pfn), dirty);
		pfn = (pfn | (BIT(kind) - 1)) + 1;
	}
}

/* The same; there are many of one page. */
static inline void unpin(unsigned long pfn, unsigned long npages, u8 kind,
			 bool dirty)
{
	if (npages == 1 && kind == T1X_PIN_PAGE)
		t1x_compat_unpin_page(pfn_to_page(pfn), dirty);
	else
		unpin_run(pfn, npages, kind, dirty);
}

/**
 * t1x_pin_release() - Unpin a part of a mapping
 * @dma: Mapping
 * @index: First page of the part in the mapping
 * @extents: Where its pages are
 * @nr: How many extents
 *
 * Each extent begins and ends where the mapping does or where physical memory
 * jumps. How it is held is read from the mapping, never guessed from the pages.
 *
 * Context: The part is in no IOMMU any more, flushes included. May sleep.
 * Return: How many of the pages were charged.
 */
unsigned long t1x_pin_release(const struct t1x_dma *dma, unsigned long index,
			      const struct t1x_extent *extents, unsigned int nr)
{
	const struct t1x_extent *extent, *end = extents + nr;
	unsigned long npages, pfn, left, charged = 0;
	bool dirty = dma->prot & IOMMU_WRITE;
	unsigned long next = 0; /* page up to which kind is known */
	u8 kind = T1X_PIN_NONE;

	/* Of one page, as there are many. */
	if (nr == 1 && extents->npages == 1 && !dma->has_pins &&
	    dma->pin_kind == T1X_PIN_PAGE) {
		t1x_compat_unpin_page(pfn_to_page(extents->pfn), dirty);
		return 1;
	}

	for (extent = extents; extent < end; extent++) {
		pfn = extent->pfn;
		for (left = extent->npages; left; left -= npages) {
			if (index >= next) {
				next = ULONG_MAX;
				kind = t1x_dma_pin_kind(dma, index, &next);
			}
			npages = min(left, next - index);
			unpin(pfn, npages, kind, dirty);
			if (kind != T1X_PIN_NONE)
				charged += npages;
			pfn += npages;
			index += npages;
		}
	}

	return charged;
}

/**
 * t1x_pin_whole() - Round a part of a run down so that it cuts no piece
 * @dma: Mapping
 * @index: First page of the run in the mapping
 * @pfn: Its frame
 * @npages: Length of the part, from @index on
 *
 * Return: Pages from @index on that t1x_pin_release() may be told of, while the
 * rest of the run stays held.
 */
unsigned long t1x_pin_whole(const struct t1x_dma *dma, unsigned long index,
			    unsigned long pfn, unsigned long npages)
{
	unsigned long end = ULONG_MAX;
	u8 kind;

	if (!npages)
		return 0;

	kind = t1x_dma_pin_kind(dma, index + npages - 1, &end);
	if (kind == T1X_PIN_NONE)
		return npages;

	return npages - min(npages, (pfn + npages) & (BIT(kind) - 1));
}

/* A walk that has not begun, over memory of an account. */
static void init_pin(struct t1x_pin *pin, struct t1x_account *account, int prot,
		     struct t1x_call *call)
{
	memset_after(pin, 0, few_runs);
	pin->call = call;
	pin->account = account;
	pin->prot = prot;
	pin->pages = pin->few_pages;
	pin->max_pages = T1X_PIN_FEW;
	pin->runs = pin->few_runs;
	pin->max_runs = T1X_PIN_FEW;
}

/**
 * t1x_pin_begin() - Start a walk at the first page of a mapping
 * @pin: Walk; t1x_pin_end() ends it
 * @dma: FILLING or BUSY mapping; t1x_pin_batch() needs its address space in use
 * @opts: What it must know beside; its credit is used, or refunded
 *
 * Works with little room if no more is to be had, so it cannot fail.
 *
 * Context: May sleep.
 */
void t1x_pin_begin(struct t1x_pin *pin, struct t1x_dma *dma,
		   const struct t1x_pin_opts *opts)
{
	init_pin(pin, dma->account, dma->prot, opts->call);
	pin->orphans = opts->orphans;
	pin->lock_cap = opts->lock_cap;
	pin->advance = opts->credit;
	pin->single = opts->single;
	pin->granule = t1x_dma_granule(dma) >> PAGE_SHIFT;
	pin->vaddr = dma->vaddr;
	pin->left = t1x_dma_npages(dma);
	pin->page = dma->iova >> PAGE_SHIFT;

	if (pin->left <= T1X_PIN_FEW - SPARE_RUNS)
		return;

	pin->pages = kmalloc_array(MAX_PAGES, sizeof(*pin->pages),
				   GFP_KERNEL | __GFP_NOWARN);
	pin->runs = kmalloc_array(MAX_RUNS, sizeof(*pin->runs),
				  GFP_KERNEL | __GFP_NOWARN);
	if (pin->pages)
		pin->max_pages = MAX_PAGES;
	else
		pin->pages = pin->few_pages;
	if (pin->runs)
		pin->max_runs = MAX_RUNS;
	else
		pin->runs = pin->few_runs;
}

static struct t1x_run *last_run(struct t1x_pin *pin)
{
	return pin->nr_runs ? &pin->runs[pin->nr_runs - 1] : NULL;
}

/* May a run that ends at the current page be continued? */
static bool may_grow(const struct t1x_pin *pin, const struct t1x_run *run)
{
	if (pin->single)
		return false;

	/* A piece is never cut; runs of pieces end with the one that is enough. */
	if (run->kind != T1X_PIN_NONE && run->kind != T1X_PIN_PAGE)
		return run->npages < T1X_PIN_RUN_PAGES;

	return pin->page & (T1X_PIN_RUN_PAGES - 1);
}

/* How much of a part of @npages can one run take at the current page? */
static unsigned long run_room(const struct t1x_pin *pin, unsigned long npages,
			      u8 kind)
{
	if (kind != T1X_PIN_NONE && kind != T1X_PIN_PAGE)
		return npages;

	return min(npages,
		   T1X_PIN_RUN_PAGES - (pin->page & (T1X_PIN_RUN_PAGES - 1)));
}

/* Move @npages at @pfn, held as @kind and charged, into the runs. */
static void take(struct t1x_pin *pin, unsigned long pfn, unsigned long npages,
		 u8 kind)
{
	while (npages) {
		unsigned long n = run_room(pin, npages, kind);
		struct t1x_run *run = last_run(pin);

		if (run && run->kind == kind && run->pfn + run->npages == pfn &&
		    may_grow(pin, run)) {
			run->npages += n;
		} else {
			run = &pin->runs[pin->nr_runs++];
			run->pfn = pfn;
			run->npages = n;
			run->kind = kind;
		}

		pfn += n;
		npages -= n;
		pin->vaddr += n << PAGE_SHIFT;
		pin->left -= n;
		pin->page += n;
	}
}

static unsigned int fault_flags(const struct t1x_pin *pin)
{
	return FAULT_FLAG_REMOTE |
	       (pin->prot & IOMMU_WRITE ? FAULT_FLAG_WRITE : 0);
}

static unsigned int gup_flags(int prot)
{
	return FOLL_LONGTERM | (prot & IOMMU_WRITE ? FOLL_WRITE : 0);
}

/* Does GUP need help to pin private memory that the device only reads? */
static bool must_unshare(int prot)
{
	return !T1X_GUP_UNSHARES && !(prot & IOMMU_WRITE);
}

/*
 * The page behind a private mapping may be one that the mapper leaves at its first
 * write: the zero page, one shared after a fork, one of the file. The device would
 * go on reading that. So have it copied now, as a write would, but only where the
 * mapper may read.
 */
static unsigned int gup_flags_for(const struct t1x_pin *pin,
				  struct vm_area_struct *vma)
{
	unsigned int flags = gup_flags(pin->prot);

	if (!must_unshare(pin->prot) || !(vma->vm_flags & VM_READ) ||
	    !vma_is_cow_mapping(vma))
		return flags;
	/* GUP cannot force the first, and must not meet the second. */
	if (is_vm_hugetlb_page(vma) && !(vma->vm_flags & VM_WRITE))
		return flags;
	if (userfaultfd_wp(vma))
		return flags;

	return flags | FOLL_WRITE | FOLL_FORCE;
}

/*
 * Look up one leaf of a PFNMAP, faulting it in once.
 * Return: Pages that it maps from vaddr on, -EAGAIN if the VMA must be looked up
 * again, or the error of the fault. -EFAULT also where the device may not have
 * what the mapper has: no write permission, or memory that the kernel manages.
 */
static long follow_pfnmap(struct t1x_pin *pin, struct vm_area_struct *vma,
			  unsigned long vaddr, unsigned long *pfn)
{
	bool write = pin->prot & IOMMU_WRITE;
	bool writable, unlocked = false;
	unsigned long mask;
	int ret;

	ret = t1x_compat_follow_pfnmap(vma, vaddr, pfn, &mask, &writable);
	if (ret) {
		ret = fixup_user_fault(vma->vm_mm, vaddr, fault_flags(pin),
				       &unlocked);
		if (unlocked)
			return -EAGAIN;
		if (ret)
			return ret;

		ret = t1x_compat_follow_pfnmap(vma, vaddr, pfn, &mask,
					       &writable);
		if (ret)
			return ret;
	}

	if (write && !writable)
		return -EFAULT;
	if (pfn_valid(*pfn) && !PageReserved(pfn_to_page(*pfn)))
		return -EFAULT;

	if (pin->single)
		return 1;

	return min(pin->left, (~mask - (vaddr & ~mask) + 1) >> PAGE_SHIFT);
}

/*
 * Look how far the memory of a PFNMAP goes on behind the @npages at @pfn, as far as
 * that needs no fault. Return: Pages from vaddr on, @npages or more, no more than
 * take() has room for.
 */
static long extend_pfnmap(struct t1x_pin *pin, struct vm_area_struct *vma,
			  unsigned long vaddr, unsigned long pfn, long npages)
{
	long want = min3(pin->left, (vma->vm_end - vaddr) >> PAGE_SHIFT,
			 (unsigned long)T1X_PIN_RUN_PAGES);
	bool write = pin->prot & IOMMU_WRITE;
	unsigned long next, mask;
	unsigned int leaves;
	bool writable;

	for (leaves = 1; leaves < MAX_PAGES && npages < want && !pin->single;
	     leaves++) {
		unsigned long at = vaddr + (npages << PAGE_SHIFT);

		if (t1x_compat_follow_pfnmap(vma, at, &next, &mask, &writable))
			break;
		/* Another run, or a leaf that needs a closer look. */
		if (next != pfn + npages || (write && !writable) ||
		    pfn_valid(next))
			break;
		npages += (~mask - (at & ~mask) + 1) >> PAGE_SHIFT;
	}

	return min3((unsigned long)npages, pin->left,
		    (unsigned long)T1X_PIN_RUN_PAGES);
}

/*
 * Fault in a page that somebody outside may have to fetch, such as a FUSE
 * server. GUP as type1 must call it waits for that uninterruptibly; this fault
 * ends on a fatal signal and drops the mmap_lock while it waits. A userfaultfd
 * range is left to GUP, which refuses it without waiting, as in-tree does.
 * Return: 0; -EAGAIN if the VMA must be looked up again; or an error.
 */
static int fault_in_file(struct t1x_pin *pin, struct vm_area_struct *vma,
			 unsigned long vaddr)
{
	bool unlocked = false;
	int ret;

	ret = fixup_user_fault(vma->vm_mm, vaddr, fault_flags(pin), &unlocked);
	return !ret && unlocked ? -EAGAIN : ret;
}

/*
 * Can a page of the VMA be missing until somebody outside provides it? Where a
 * userfaultfd only protects a file, it does not wait: it tracks (WP_ASYNC).
 */
static bool is_fetched(struct vm_area_struct *vma)
{
	return vma->vm_file && !is_vm_hugetlb_page(vma) &&
	       file_inode(vma->vm_file)->i_sb->s_magic != TMPFS_MAGIC &&
	       !userfaultfd_missing(vma) && !userfaultfd_minor(vma);
}

/*
 * Pin what the fast path did not get, or find the leaf of a PFNMAP.
 * Return: Pages pinned, in pin->pages if *pfn is left alone, else at *pfn and
 * not pinned; or an error.
 */
static long pin_slow(struct t1x_pin *pin, unsigned long want,
		     unsigned long *pfn)
{
	struct mm_struct *mm = pin->account->mm;
	unsigned int flags = gup_flags(pin->prot);
	struct vm_area_struct *vma;
	unsigned long vaddr;
	long ret;

	if (mmap_read_lock_killable(mm))
		return -EINTR;

	do {
		vaddr = untagged_addr_remote(mm, pin->vaddr);
		vma = vma_lookup(mm, vaddr);
		ret = 0;
		if (!vma)
			break;

		/* GUP must not walk on into memory that is treated otherwise. */
		want = min(want, (vma->vm_end - vaddr) >> PAGE_SHIFT);
		if (vma->vm_flags & VM_PFNMAP) {
			ret = follow_pfnmap(pin, vma, vaddr, pfn);
			if (ret > 0)
				ret = extend_pfnmap(pin, vma, vaddr, *pfn, ret);
		} else if (is_fetched(vma)) {
			ret = fault_in_file(pin, vma, vaddr);
			want = 1;
		}
		/* A fault that failed may have let the VMA go. */
		if (!ret)
			flags = gup_flags_for(pin, vma);
	} while (ret == -EAGAIN);

	if (!ret) {
		ret = t1x_compat_pin_remote(mm, pin->vaddr, want, flags,
					    pin->pages);
		if (!ret)
			ret = -EFAULT;
	}

	mmap_read_unlock(mm);
	return ret;
}

/* Pin what is there without a fault, and as it is. Return: as pin_user_pages_fast(). */
static long pin_present(const struct t1x_account *account, unsigned long vaddr,
			unsigned long npages, int prot, struct page **pages)
{
	if (account->mm != current->mm || must_unshare(prot))
		return 0;

	return pin_user_pages_fast(vaddr, npages,
				   gup_flags(prot) | FOLL_NOFAULT, pages);
}

static long pin_fast(struct t1x_pin *pin, unsigned long want)
{
	/* It would look for what is not there, page table by page table. */
	if (pin->pfnmap)
		return 0;

	return pin_present(pin->account, pin->vaddr, want, pin->prot,
			   pin->pages);
}

/*
 * The order of the piece of a hugetlb folio that one pin holds: all of it, unless a
 * part of it may be unmapped by itself. A granule of the IOVA space that is not one
 * of physical memory, too, has a pin for each page.
 */
static u8 piece_order(const struct t1x_pin *pin, struct page *page)
{
	unsigned int order = folio_order(page_folio(page));

	if (!pin->granule)
		return order;
	if ((page_to_pfn(page) ^ pin->page) & (pin->granule - 1))
		return T1X_PIN_PAGE;

	return min_t(unsigned int, order, ilog2(pin->granule));
}

/*
 * A hugetlb folio is always mapped whole, so one pin holds it and proves where
 * the rest of it is. Give back what more GUP took, and take the folio up to the end
 * of the piece.
 */
static int take_hugetlb(struct t1x_pin *pin, u8 order)
{
	unsigned long pfn = page_to_pfn(pin->pages[0]);
	unsigned long npages;
	int ret;

	if (pin->nr_pages > 1)
		unpin_user_pages(pin->pages + 1, pin->nr_pages - 1);
	pin->nr_pages = 1;

	npages = min(pin->left, BIT(order) - (pfn & (BIT(order) - 1)));
	ret = charge_ahead(pin, npages);
	if (ret)
		return ret;
	if (pin->advance < npages)
		return refuse_charge(pin);

	pin->advance -= npages;
	take(pin, pfn, npages, order);
	pin->pos = pin->nr_pages;
	return 0;
}

/*
 * How many pages to ask for. Of hugetlb pages one is enough, but what they are is known
 * when one is there: a mapping that may have them begins with one. Later calls end
 * where page tables do.
 */
static unsigned long how_many(const struct t1x_pin *pin)
{
	unsigned long max = pin->max_pages;

	if (pin->stride || (!pin->started && pin->left >= MAX_PAGES))
		return 1;
	if (max == MAX_PAGES)
		max -= (pin->vaddr >> PAGE_SHIFT) % MAX_PAGES;

	return min(pin->left, max);
}

/* Get pages or a piece at vaddr; whatever it pins is in the walk afterwards. */
static int refill(struct t1x_pin *pin)
{
	unsigned long pfn = NO_PFN;
	unsigned long want;
	long n;
	int ret;
	u8 order;

	cond_resched();
	if (fatal_signal_pending(current))
		return -EINTR;

	want = how_many(pin);
	ret = charge_ahead(pin, want);
	if (ret)
		return ret;
	/* With no room left, one page tells whether it needs any. */
	want = clamp(want, 1UL, max(1UL, pin->advance));

	n = pin_fast(pin, want);
	if (n <= 0)
		n = pin_slow(pin, want, &pfn);
	if (n < 0)
		return refuse_memory(pin, n);

	pin->started = true;
	pin->pfnmap = pfn != NO_PFN;
	if (pin->pfnmap) {
		take(pin, pfn, n, T1X_PIN_NONE);
		return 0;
	}

	pin->pos = 0;
	pin->nr_pages = n;
	order = PageHuge(pin->pages[0]) && !pin->single ?
			piece_order(pin, pin->pages[0]) :
			T1X_PIN_PAGE;
	pin->stride = order != T1X_PIN_PAGE;
	return pin->stride ? take_hugetlb(pin, order) : 0;
}

static bool is_unheld_zero(unsigned long pfn)
{
	return T1X_GUP_PINS_ZERO && is_zero_pfn(pfn);
}

/* Do the next four pages go on where the one at @page would? */
static bool are_next_four(struct page **pages, struct page *page)
{
	return pages[0] == page && pages[1] == page + 1 &&
	       pages[2] == page + 2 && pages[3] == page + 3;
}

/* How many of the pages are contiguous, up to a zero page that nobody holds? */
static unsigned int count_contiguous(struct page **pages, unsigned int max)
{
	struct page *first = pages[0];
	unsigned long zero;
	unsigned int n;

	/* Without a table of all pages, page by page: take() puts them together. */
	if (IS_ENABLED(CONFIG_SPARSEMEM) &&
	    !IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		max = 1;

	/* Of huge pages these loops are most of what a walk does. */
	for (n = 1; n + 4 <= max; n += 4) {
		if (!are_next_four(pages + n, first + n))
			break;
	}
	while (n < max && pages[n] == first + n)
		n++;

	/* One page is the zero page, wherever it is mapped. */
	zero = T1X_GUP_PINS_ZERO ?
		       page_to_pfn(ZERO_PAGE(0)) - page_to_pfn(first) :
		       n;
	return min_t(unsigned long, n, zero);
}

/* Move the leading contiguous pages into the runs. */
static int take_pages(struct t1x_pin *pin)
{
	struct page **pages = pin->pages + pin->pos;
	unsigned long pfn = page_to_pfn(pages[0]);
	unsigned int n, max = pin->single ? 1 : pin->nr_pages - pin->pos;

	if (is_unheld_zero(pfn)) {
		unpin_user_page(pages[0]);
		pin->pos++;
		take(pin, pfn, 1, T1X_PIN_NONE);
		return 0;
	}

	if (!pin->advance)
		return refuse_charge(pin);

	n = count_contiguous(pages, max);
	pin->advance -= n;
	pin->pos += n;
	take(pin, pfn, n, T1X_PIN_PAGE);
	return 0;
}

/* Runs that are complete: all of them, or all but one that may still grow. */
static unsigned int complete_runs(struct t1x_pin *pin)
{
	if (!pin->nr_runs)
		return 0;
	if (!pin->left || !may_grow(pin, last_run(pin)))
		return pin->nr_runs;

	return pin->nr_runs - 1;
}

static bool batch_is_full(const struct t1x_pin *pin, unsigned long start_left)
{
	return pin->nr_runs + SPARE_RUNS > pin->max_runs ||
	       start_left - pin->left >= T1X_PIN_ADVANCE;
}

/**
 * t1x_pin_batch() - Pin the next runs
 * @pin: Walk; the runs of the batch before were accepted
 *
 * Context: No lock of the container held: page faults may wait for a user.
 * Killable. May sleep.
 * Return: The number of runs at pin->runs; 0 at the end of the memory.
 * -ENOMEM if RLIMIT_MEMLOCK is exceeded or memory is short, -EFAULT if there is
 * no memory, or not the permission the mapping asks for, -EINTR on a fatal
 * signal, or what else GUP says of the memory. t1x_pin_end() cleans up.
 */
int t1x_pin_batch(struct t1x_pin *pin)
{
	unsigned long start_left = pin->left;
	int ret;

	while (pin->left) {
		if (batch_is_full(pin, start_left) && complete_runs(pin))
			break;

		if (pin->pos < pin->nr_pages)
			ret = take_pages(pin);
		else
			ret = refill(pin);
		if (ret)
			return ret;
	}

	pin->handed = complete_runs(pin);
	return pin->handed;
}

/**
 * t1x_pin_accept() - The first runs of a batch belong to the mapping now
 * @pin: Walk
 * @nr: How many, at most what t1x_pin_batch() returned
 *
 * Context: Does not sleep.
 */
void t1x_pin_accept(struct t1x_pin *pin, unsigned int nr)
{
	pin->nr_runs -= nr;
	if (pin->nr_runs)
		memmove(pin->runs, pin->runs + nr,
			pin->nr_runs * sizeof(*pin->runs));
}

/**
 * t1x_pin_end() - End a walk: unpin what was not accepted, refund the rest
 * @pin: Walk
 *
 * Context: No lock of the container held. May sleep. Cannot fail.
 */
void t1x_pin_end(struct t1x_pin *pin)
{
	struct t1x_account *account = pin->account;
	unsigned long refund = pin->advance;
	unsigned int i;

	for (i = 0; i < pin->nr_runs; i++) {
		const struct t1x_run *run = &pin->runs[i];

		unpin(run->pfn, run->npages, run->kind, false);
		if (run->kind != T1X_PIN_NONE)
			refund += run->npages;
	}
	if (pin->pos < pin->nr_pages)
		unpin_user_pages(pin->pages + pin->pos,
				 pin->nr_pages - pin->pos);

	if (pin->pages != pin->few_pages)
		kfree(pin->pages);
	if (pin->runs != pin->few_runs)
		kfree(pin->runs);

	if (refund) {
		t1x_account_refund(account, refund);
		t1x_account_settle(account);
	}
}

/* Drop the pages behind the first that nobody holds. Return: how many are left. */
static long cut_unheld(struct page **pages, long nr)
{
	long n = 0;

	while (n < nr && !is_unheld_zero(page_to_pfn(pages[n])))
		n++;
	if (n < nr)
		unpin_user_pages(pages + n, nr - n);
	return n;
}

/* What pin_present() did not get, by a walk. Return: as pin_slow(). */
static noinline long pin_absent(struct t1x_account *account,
				unsigned long vaddr, unsigned long npages,
				int prot, struct page **pages,
				unsigned long *pfn, struct t1x_call *call)
{
	struct t1x_pin pin __uninitialized;
	long ret;

	init_pin(&pin, account, prot, call);
	pin.vaddr = vaddr;
	pin.left = npages;
	pin.pages = pages;
	/* Of a PFNMAP the first page is told, and no more looked up. */
	pin.single = true;

	ret = pin_slow(&pin, npages, pfn);
	return ret < 0 ? refuse_memory(&pin, ret) : ret;
}

/**
 * t1x_pin_pages() - Pin pages for the driver of an emulated device
 * @account: Account whose address space to pin from; it is in use
 * @vaddr: Address in the first page
 * @npages: How many follow each other
 * @prot: What the mapping allows the device
 * @pages: Set to the pages, from the first one on
 * @pfn: Set to the frame of the first one, if that needs no hold
 * @call: The caller's call, or NULL
 *
 * Does not charge anybody.
 *
 * Context: No lock of the container held: a page fault may wait for a user.
 * Killable. May sleep.
 * Return: How many are held, at least one, and t1x_pin_put_page() is due for each; 0 if
 * the first one needs no hold (a PFNMAP, or the zero page where GUP gives it out); or
 * as t1x_pin_batch().
 */
long t1x_pin_pages(struct t1x_account *account, unsigned long vaddr,
		   unsigned long npages, int prot, struct page **pages,
		   unsigned long *pfn, struct t1x_call *call)
{
	struct page *first;
	long ret;

	*pfn = NO_PFN;
	vaddr &= PAGE_MASK;
	ret = pin_present(account, vaddr, npages, prot, pages);
	if (ret <= 0)
		ret = pin_absent(account, vaddr, npages, prot, pages, pfn,
				 call);
	if (ret < 0)
		return ret;
	if (*pfn != NO_PFN)
		return 0;

	first = pages[0];
	ret = cut_unheld(pages, ret);
	if (!ret)
		*pfn = page_to_pfn(first);
	return ret;
}

/**
 * t1x_pin_put_page() - Unpin a page that t1x_pin_pages() held
 * @pfn: Its frame
 * @prot: What the mapping allows the device, which decides whether it is dirty
 *
 * Context: No lock of the container held: may wait for the lock of the page.
 */
void t1x_pin_put_page(unsigned long pfn, int prot)
{
	t1x_compat_unpin_page(pfn_to_page(pfn), prot & IOMMU_WRITE);
}
