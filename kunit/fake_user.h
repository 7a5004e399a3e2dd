/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User memory for those who copy it, and for those who pin it to write a bitmap. Each
 * is asked for by macros that a suite defines before it includes a production file.
 */
#ifndef T1X_FAKE_USER_H
#define T1X_FAKE_USER_H

#include <kunit/test.h>
#include <linux/types.h>

struct page;

/* What copies reach. Tests run in a thread of the kernel, which has no mm of its own. */
struct fake_copy {
	u8 *bytes; /* from FAKE_VADDR on; NULL: all do well, and nothing is copied */
	unsigned long hidden; /* this page of them faults */
	bool mm_gone;
	unsigned int mms; /* that are held */
	void (*on_copy)(void); /* called by the next one, with no lock held */
};

extern struct fake_copy fake_copy;

bool fake_copy_get_mm(void);
void fake_copy_put_mm(void);
unsigned long fake_copy_bytes(const void __user *at, void *buf,
			      unsigned long len, bool write);

/* What is pinned: memory of so many pages. */
#define FAKE_GUP_PAGES 3
#define FAKE_GUP_START 0x20000000UL

struct fake_gup {
	struct kunit *test;
	struct page *pages[FAKE_GUP_PAGES];
	int pins[FAKE_GUP_PAGES];
	int hidden; /* this page faults; -1 is none */
	bool scribbles; /* GUP leaves what it likes above what it has pinned */
	void (*on_pin)(void); /* called by the next one, with no lock held */
};

extern struct fake_gup fake_gup;

int fake_gup_init(struct kunit *test);
void fake_gup_exit(void);
int fake_gup_pin(unsigned long start, int nr, unsigned int flags,
		 struct page **pages);
void fake_gup_unpin(struct page **pages, unsigned long npages, bool dirty);
u8 *fake_gup_byte(unsigned long addr);

#endif /* T1X_FAKE_USER_H */
