// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory that is pinned a part at a time to be read and written, against an array
 * of bytes.
 */
#include <linux/highmem.h>
#include <linux/mm.h>

#include "fake_alloc.h"
#include "fake_user.h"

#undef kvcalloc
#define kvcalloc(n, size, gfp) real_kvzalloc((n) * (size), gfp)
#define pin_user_pages_fast fake_gup_pin
#define unpin_user_pages_dirty_lock fake_gup_unpin

#include "../user_bitmap.c"

#include <linux/prandom.h>

#define SEED 0x7431780013ULL

/* A bitmap that begins and ends amid a page, and what is beside it. */
#define START 1000UL
#define SIZE (FAKE_GUP_PAGES * PAGE_SIZE - START - 500)
#define ALL (FAKE_GUP_PAGES * PAGE_SIZE)

struct model {
	struct kunit *test;
	struct t1x_user_bitmap bitmap;
	u8 bytes[ALL]; /* what all of the memory should be */
	u8 buf[SIZE];
};

static struct model *new_model(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	m->test = test;
	KUNIT_ASSERT_EQ(test, 0,
			t1x_user_bitmap_open(&m->bitmap, FAKE_GUP_START + START,
					     SIZE));
	return m;
}

static void end_model(struct model *m)
{
	unsigned int i;

	t1x_user_bitmap_close(&m->bitmap);
	for (i = 0; i < FAKE_GUP_PAGES; i++)
		KUNIT_EXPECT_EQ(m->test, 0, fake_gup.pins[i]);
}

static int pin(struct model *m, unsigned long offset, unsigned long len)
{
	return t1x_user_bitmap_pin(&m->bitmap, offset, len);
}

static bool is_pinned(const struct model *m, unsigned long offset,
		      unsigned long len)
{
	return t1x_user_bitmap_is_pinned(&m->bitmap, offset, len);
}

static unsigned int page_at(unsigned long offset)
{
	return (START + offset) / PAGE_SIZE;
}

/* Each page of a part is pinned once, and no other one if @only. */
static void check_pins(struct model *m, unsigned long offset, unsigned long len,
		       bool only)
{
	unsigned int i;

	for (i = 0; i < FAKE_GUP_PAGES; i++) {
		bool in = i >= page_at(offset) &&
			  i <= page_at(offset + len - 1);

		if (in || only)
			KUNIT_EXPECT_EQ(m->test, in ? 1 : 0, fake_gup.pins[i]);
	}
}

static void check_pages(struct model *m)
{
	unsigned long i;

	for (i = 0; i < ALL; i += PAGE_SIZE) {
		const u8 *page = fake_gup_byte(FAKE_GUP_START + i);

		KUNIT_EXPECT_EQ(m->test, 0,
				memcmp(&m->bytes[i], page, PAGE_SIZE));
	}
}

/* Write a part that is pinned, and read it: it is what it should be, and the rest is. */
static void check_bytes(struct model *m, unsigned long offset,
			unsigned long len)
{
	static u8 pattern;
	unsigned long i;

	pattern++;
	for (i = 0; i < len; i++) {
		m->buf[i] = pattern + i;
		m->bytes[START + offset + i] = pattern + i;
	}
	t1x_user_bitmap_write(&m->bitmap, offset, m->buf, len);
	check_pages(m);

	memset(m->buf, 0, len);
	t1x_user_bitmap_read(&m->bitmap, offset, m->buf, len);
	KUNIT_EXPECT_EQ(m->test, 0,
			memcmp(m->buf, &m->bytes[START + offset], len));

	memset(&m->bytes[START + offset], ~pattern, len);
	t1x_user_bitmap_fill(&m->bitmap, offset, ~pattern, len);
	check_pages(m);
}

/* Every part that begins and ends a byte below, at or above an edge. */
static void every_part_at_every_edge(struct kunit *test)
{
	static const unsigned long edges[] = { 0, PAGE_SIZE - START,
					       2 * PAGE_SIZE - START, SIZE };
	const unsigned int nr = 3 * ARRAY_SIZE(edges);
	u8 *bytes = kunit_kzalloc(test, ALL, GFP_KERNEL);
	unsigned int i, j;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bytes);
	for (i = 0; i < nr; i++) {
		for (j = i; j < nr; j++) {
			unsigned long offset = edges[i / 3] + i % 3 - 1;
			unsigned long end = edges[j / 3] + j % 3 - 1;
			struct model *m;

			if (offset >= SIZE || end > SIZE || end <= offset)
				continue;
			m = new_model(test);
			memcpy(m->bytes, bytes, ALL);
			end -= offset;
			KUNIT_EXPECT_FALSE(test, is_pinned(m, offset, end));
			/* The same again asks for nothing. */
			pin(m, offset, end);
			KUNIT_EXPECT_EQ(test, 0, pin(m, offset, end));
			KUNIT_EXPECT_TRUE(test, is_pinned(m, offset, end));
			check_pins(m, offset, end, true);
			check_bytes(m, offset, end);
			memcpy(bytes, m->bytes, ALL);
			end_model(m);
			kunit_kfree(test, m);
		}
	}
}

/* Its neighbours may be pinned, and are let go; KASAN or an unpin would see others. */
static void a_page_that_faults_is_not_pinned(struct kunit *test)
{
	unsigned int scribbles;

	for (scribbles = 0; scribbles < 2; scribbles++) {
		fake_gup.scribbles = scribbles;
		for (fake_gup.hidden = 0; fake_gup.hidden < FAKE_GUP_PAGES;
		     fake_gup.hidden++) {
			struct model *m = new_model(test);

			KUNIT_EXPECT_EQ(test, -EFAULT, pin(m, 0, SIZE));
			KUNIT_EXPECT_FALSE(test, is_pinned(m, 0, SIZE));
			KUNIT_EXPECT_EQ(test, 0,
					fake_gup.pins[fake_gup.hidden]);
			end_model(m);
		}
	}
}

/* What is between two parts that are pinned. */
static void only_what_is_missing_is_pinned(struct kunit *test)
{
	struct model *m = new_model(test);

	KUNIT_EXPECT_EQ(test, 0, pin(m, 0, 1));
	check_pins(m, 0, 1, true);
	KUNIT_EXPECT_EQ(test, 0, pin(m, SIZE - 1, 1));
	check_pins(m, SIZE - 1, 1, false);
	KUNIT_EXPECT_EQ(test, 0, fake_gup.pins[1]);
	KUNIT_EXPECT_EQ(test, 0, pin(m, 0, SIZE));
	check_pins(m, 0, SIZE, true);
	check_bytes(m, 0, SIZE);
	end_model(m);
}

static void a_bitmap_without_memory_is_none(struct kunit *test)
{
	struct t1x_user_bitmap bitmap;

	fake_alloc.fail_at = fake_alloc.calls + 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			t1x_user_bitmap_open(&bitmap, FAKE_GUP_START, 1));
}

static void random_parts_against_the_bytes(struct kunit *test)
{
	struct model *m = new_model(test);
	struct rnd_state rnd;
	unsigned int n;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (n = 0; n < 300; n++) {
		unsigned long offset = prandom_u32_state(&rnd) % SIZE;
		unsigned long len =
			1 + prandom_u32_state(&rnd) % (SIZE - offset);

		fake_gup.hidden = prandom_u32_state(&rnd) % 40;
		if (pin(m, offset, len)) {
			KUNIT_EXPECT_FALSE(test, is_pinned(m, offset, len));
			KUNIT_EXPECT_GT(test, FAKE_GUP_PAGES, fake_gup.hidden);
		} else {
			check_pins(m, offset, len, false);
			check_bytes(m, offset, len);
		}
		if (n % 10)
			continue;
		t1x_user_bitmap_close(&m->bitmap);
		t1x_user_bitmap_open(&m->bitmap, FAKE_GUP_START + START, SIZE);
	}
	end_model(m);
}

static struct kunit_case user_bitmap_cases[] = {
	KUNIT_CASE(every_part_at_every_edge),
	KUNIT_CASE(a_page_that_faults_is_not_pinned),
	KUNIT_CASE(only_what_is_missing_is_pinned),
	KUNIT_CASE(a_bitmap_without_memory_is_none),
	KUNIT_CASE(random_parts_against_the_bytes),
	{}
};

static int user_bitmap_init(struct kunit *test)
{
	fake_init(test);
	return fake_gup_init(test);
}

static void user_bitmap_exit(struct kunit *test)
{
	fake_gup_exit();
	fake_exit(test);
}

static struct kunit_suite user_bitmap_suite = {
	.name = "t1x_user_bitmap",
	.init = user_bitmap_init,
	.exit = user_bitmap_exit,
	.test_cases = user_bitmap_cases,
};

kunit_test_suite(user_bitmap_suite);
