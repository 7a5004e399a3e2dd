/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User memory that is a table: fake_pin.c stands in for pin.c and account.c. It
 * hands out what the table says, counts pins, and complains when a page loses its
 * pin while a fake domain or its IOTLB still reaches it.
 */
#ifndef T1X_FAKE_PIN_H
#define T1X_FAKE_PIN_H

#include <kunit/test.h>
#include <linux/types.h>

#include "pin.h"

/* The address of the first page of the table. */
#define FAKE_VADDR 0x10000000UL

/* Physically contiguous memory that is held in one way. */
struct fake_mem {
	unsigned long npages;
	unsigned long pfn;
	u8 kind; /* T1X_PIN_* */
};

struct fake_pin {
	const struct fake_mem *mem;
	unsigned int nr_mem;

	/* How runs are cut beyond what the table says. */
	unsigned long max_run; /* pages; 0 is no limit */
	unsigned int max_batch; /* runs, at most T1X_PIN_FEW */

	/* Faults. */
	unsigned int fail_batch_at; /* this t1x_pin_batch fails; 0 is never */
	int fail_with;
	bool no_account; /* t1x_account_get fails */
	bool mm_gone; /* t1x_account_get_mm fails */

	/* Called first thing in each t1x_pin_batch, when it is set. */
	void (*on_batch)(struct t1x_pin *pin, void *data);
	void *data;

	/* Called once, by the next t1x_pin_page, after it has found its page. */
	void (*on_page)(void);

	/* What happened. */
	unsigned int batches;
	unsigned long npins; /* held now */
	long charged; /* pages, now */
	unsigned int accounts; /* now */
	atomic_t mms; /* kept from going, now */
	unsigned long orphans; /* what the last walk was told */
	bool single; /* so was this */
};

extern struct fake_pin fake_pin;

/* What fake_mem_use_mixed() is in all. */
#define FAKE_MIXED_PAGES 2048

void fake_pin_init(struct kunit *test);
void fake_pin_exit(struct kunit *test);
void fake_pin_forget_stuck(void);
void fake_mem_use_mixed(void);
void fake_mem_use_whole(void);
unsigned long fake_mem_pfn(unsigned long page);
unsigned long fake_mem_run(unsigned long page);
u8 fake_mem_kind(unsigned long page, unsigned long iova, unsigned long granule);
unsigned long fake_mem_npages(void);

static inline void fake_mem_set(const struct fake_mem *mem, unsigned int nr)
{
	fake_pin.mem = mem;
	fake_pin.nr_mem = nr;
}

#endif /* T1X_FAKE_PIN_H */
