/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User memory: from a virtual address range to runs of page frames that stay
 * where they are.
 *
 * A run is physically contiguous and is held in one way. A struct t1x_pin walks
 * the memory of one mapping and hands out its runs, a batch at a time. It takes
 * no lock of the container: a page fault that a user serves (FUSE, userfaultfd)
 * may stop it for ever, and only a fatal signal must end that.
 *
 * A walk charges the account of its mapping ahead of what it pins and gives the
 * rest back at its end, so several walks of one mm cannot exceed RLIMIT_MEMLOCK
 * together.
 *
 * Units are pages of PAGE_SIZE, except addresses.
 */
#ifndef T1X_PIN_H
#define T1X_PIN_H

#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "dma_tracker.h"

struct page;
struct t1x_account;
struct t1x_call;

/* The longest advance in pages, 64 MiB. */
#define T1X_PIN_ADVANCE (SZ_64M >> PAGE_SHIFT)
/* A run ends where its IOVA is a multiple of this many pages, 1 GiB. */
#define T1X_PIN_RUN_PAGES (SZ_1G >> PAGE_SHIFT)

/* Physically contiguous memory that is held in one way. */
struct t1x_run {
	unsigned long pfn;
	u32 npages;
	u8 kind; /* T1X_PIN_* */
};

/* Contiguous memory that goes. */
struct t1x_extent {
	unsigned long pfn;
	unsigned long npages;
};

/* What a walk must know beside the mapping. */
struct t1x_pin_opts {
	struct t1x_call *call; /* the caller's, or NULL */
	unsigned long orphans; /* pages charged to dead mms, see P4 */
	unsigned long credit; /* pages of the mapping that are charged already */
	bool lock_cap; /* no limit: CAP_IPC_LOCK */
	bool single; /* one page a run: disable_hugepages */
};

#define T1X_PIN_FEW 8

/* One walk over the memory of a mapping; private to its thread. */
struct t1x_pin {
	/* Room for few; what was not put there means nothing, and is not cleared. */
	struct page *few_pages[T1X_PIN_FEW];
	struct t1x_run few_runs[T1X_PIN_FEW];

	struct t1x_call *call; /* to say why it fails, or NULL */
	struct t1x_account *account;
	int prot;
	unsigned long orphans; /* as in the options, and so ... */
	bool lock_cap;
	bool single;
	unsigned long granule; /* pages; no pin holds more than one; or 0 */

	/* The next page to pin. */
	unsigned long vaddr;
	unsigned long left;
	unsigned long page; /* page number of its IOVA */

	unsigned long advance; /* charged and not used yet */
	bool started; /* something was pinned */
	bool stride; /* the last page held a piece of a hugetlb folio */
	bool pfnmap; /* the last page was of a PFNMAP */

	/* Pages that are pinned and in no run yet. */
	struct page **pages;
	unsigned int max_pages;
	unsigned int nr_pages;
	unsigned int pos;

	/* Runs; the last one may still grow. */
	struct t1x_run *runs;
	unsigned int max_runs;
	unsigned int nr_runs;
	unsigned int handed;
};

void t1x_pin_begin(struct t1x_pin *pin, struct t1x_dma *dma,
		   const struct t1x_pin_opts *opts);
int t1x_pin_batch(struct t1x_pin *pin);
void t1x_pin_accept(struct t1x_pin *pin, unsigned int nr);
void t1x_pin_end(struct t1x_pin *pin);

unsigned long t1x_pin_whole(const struct t1x_dma *dma, unsigned long index,
			    unsigned long pfn, unsigned long npages);
unsigned long t1x_pin_release(const struct t1x_dma *dma, unsigned long index,
			      const struct t1x_extent *extents,
			      unsigned int nr);

/* For external pins, charged by the caller. */
long t1x_pin_pages(struct t1x_account *account, unsigned long vaddr,
		   unsigned long npages, int prot, struct page **pages,
		   unsigned long *pfn, struct t1x_call *call);
void t1x_pin_put_page(unsigned long pfn, int prot);

#endif /* T1X_PIN_H */
