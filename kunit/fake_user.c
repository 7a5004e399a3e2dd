// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory. See fake_user.h.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "fake_domain.h"
#include "fake_pin.h"
#include "fake_user.h"

struct fake_copy fake_copy;
struct fake_gup fake_gup;

bool fake_copy_get_mm(void)
{
	fake_copy.mms += !fake_copy.mm_gone;
	return !fake_copy.mm_gone;
}

void fake_copy_put_mm(void)
{
	fake_copy.mms--;
}

/**
 * fake_copy_bytes() - Copy to or from user memory
 * @at: Address of the user
 * @buf: Memory of the kernel
 * @len: Bytes
 * @write: To the user
 *
 * Return: Bytes that were not copied.
 */
unsigned long fake_copy_bytes(const void __user *at, void *buf,
			      unsigned long len, bool write)
{
	unsigned long first = (unsigned long)at - FAKE_VADDR;
	unsigned long hole = fake_copy.hidden * PAGE_SIZE, n = len;
	void (*on_copy)(void) = fake_copy.on_copy;

	fake_copy.on_copy = NULL;
	if (on_copy)
		on_copy();
	if (!fake_copy.bytes)
		return 0;

	if (first < hole + PAGE_SIZE && first + len > hole)
		n = first < hole ? hole - first : 0;
	if (write)
		memcpy(fake_copy.bytes + first, buf, n);
	else
		memcpy(buf, fake_copy.bytes + first, n);
	return len - n;
}

/**
 * fake_gup_init() - Begin a test with memory that is all zero
 * @test: Test
 *
 * Return: 0 or -ENOMEM.
 */
int fake_gup_init(struct kunit *test)
{
	unsigned int i;

	fake_gup = (struct fake_gup){ .test = test, .hidden = -1 };
	for (i = 0; i < FAKE_GUP_PAGES; i++) {
		fake_gup.pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!fake_gup.pages[i])
			return -ENOMEM;
	}
	return 0;
}

void fake_gup_exit(void)
{
	unsigned int i;

	for (i = 0; i < FAKE_GUP_PAGES; i++) {
		KUNIT_EXPECT_EQ(fake_gup.test, 0, fake_gup.pins[i]);
		if (fake_gup.pages[i])
			__free_page(fake_gup.pages[i]);
	}
}

/**
 * fake_gup_pin() - Pin user memory to write it
 * @start: Address of its first page
 * @nr: Pages
 * @flags: As those of pin_user_pages_fast()
 * @pages: Result
 *
 * Return: Pages that are pinned, or -EFAULT.
 */
int fake_gup_pin(unsigned long start, int nr, unsigned int flags,
		 struct page **pages)
{
	unsigned long first = (start - FAKE_GUP_START) >> PAGE_SHIFT;
	void (*on_pin)(void) = fake_gup.on_pin;
	int i, n;

	fake_gup.on_pin = NULL;
	if (on_pin)
		on_pin();

	KUNIT_EXPECT_TRUE(fake_gup.test, flags & FOLL_WRITE);
	for (i = 0; i < nr && first + i != fake_gup.hidden; i++) {
		if (first + i >= FAKE_GUP_PAGES)
			break;
		pages[i] = fake_gup.pages[first + i];
		fake_gup.pins[first + i]++;
	}
	for (n = i; n < nr && fake_gup.scribbles; n++)
		pages[n] = (struct page *)fake_gup.test;

	return i ?: -EFAULT;
}

void fake_gup_unpin(struct page **pages, unsigned long npages, bool dirty)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(fake_gup.test, 1UL, npages);
	KUNIT_EXPECT_TRUE(fake_gup.test, dirty);
	for (i = 0; i < FAKE_GUP_PAGES; i++) {
		if (fake_gup.pages[i] == *pages) {
			fake_gup.pins[i]--;
			return;
		}
	}
	KUNIT_FAIL(fake_gup.test, "unpins what is not pinned: %p", *pages);
}

/* Where the kernel has a byte of that memory. */
u8 *fake_gup_byte(unsigned long addr)
{
	addr -= FAKE_GUP_START;
	return (u8 *)page_address(fake_gup.pages[addr >> PAGE_SHIFT]) +
	       offset_in_page(addr);
}
