// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports of dirty pages into user memory that is not there, or only half, and what
 * happens while the mutex is dropped for it.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>

#include "dirty_bitmap.h"
#include "fake_container.h"
#include "fake_user.h"
#include "group.h"
#include "unmap.h"

/* The user's bitmap begins in the middle of its first page. */
#define USER_ADDR (FAKE_GUP_START + 1000)

static struct {
	struct kunit *test;
	struct fake_container *c;
	unsigned int allocs;
	unsigned int fail_alloc_at; /* this bitmap is refused; 0 is never */
	void (*on_unlock)(void); /* called once, with no lock held */
} user;

static void hooked_unlock(struct mutex *lock)
{
	void (*on_unlock)(void) = user.on_unlock;

	user.on_unlock = NULL;
	mutex_unlock(lock);
	if (on_unlock)
		on_unlock();
}

static int hooked_alloc(struct t1x_dirty *dirty, unsigned long first,
			unsigned long npages)
{
	if (++user.allocs != user.fail_alloc_at)
		return t1x_dirty_alloc(dirty, first, npages);

	dirty->bits = NULL;
	return -ENOMEM;
}

#define mutex_unlock hooked_unlock
#define t1x_dirty_alloc hooked_alloc

#include "../dirty_log.c"

#undef mutex_unlock

#define FIRST 0x100000UL
/* Their bitmap has three pages. */
#define NPAGES (2 * PAGE_SIZE * 8)

static const struct fake_mem memory[] = {
	{ 4 * NPAGES, FAKE_PFN, T1X_PIN_PAGE },
};

static int dirty_log_init(struct kunit *test)
{
	memset(&user, 0, sizeof(user));
	user.test = test;
	return fake_gup_init(test) ?: fake_container_init(test);
}

static void dirty_log_exit(struct kunit *test)
{
	fake_gup_exit();
	fake_container_exit(test);
}

static unsigned long iova_at(unsigned long page)
{
	return FIRST + (page << PAGE_SHIFT);
}

/* Its pages are dirty when somebody says so. */
static struct fake_container *new_container(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);

	fake_mem_set(memory, ARRAY_SIZE(memory));
	fake_attach(c, 0, fake_domain_new(FAKE_PGSIZES_VTD));
	mutex_lock(&c->map.lock);
	t1x_domains_set_seen(&c->map.domains, fake_group_of(&c->groups[0]));
	mutex_unlock(&c->map.lock);
	user.c = c;
	return c;
}

static void map(struct fake_container *c, unsigned long page, unsigned long n)
{
	KUNIT_ASSERT_EQ(c->test, 0, fake_map(c, iova_at(page), n, page));
}

static void mark(struct fake_container *c, unsigned long page)
{
	struct t1x_dma *dma;

	mutex_lock(&c->map.lock);
	dma = t1x_dma_find(&c->map.tree, iova_at(page), iova_at(page));
	t1x_dma_set_dirty(dma, iova_at(page) >> PAGE_SHIFT, 1);
	mutex_unlock(&c->map.lock);
}

static bool is_dirty(struct fake_container *c, unsigned long page)
{
	struct t1x_dirty dirty;
	struct t1x_dma *dma;
	u64 word = 0;

	mutex_lock(&c->map.lock);
	dma = t1x_dma_find(&c->map.tree, iova_at(page), iova_at(page));
	dirty = t1x_dma_dirty(dma);
	if (dirty.bits)
		t1x_dirty_words(&dirty, iova_at(page) >> PAGE_SHIFT, &word, 1);
	mutex_unlock(&c->map.lock);
	return word & 1;
}

static int get(struct fake_container *c, unsigned long npages)
{
	const struct t1x_uapi_dirty args = {
		.iova = FIRST,
		.last = iova_at(npages) - 1,
		.bitmap.pgsize = PAGE_SIZE,
		.bitmap.size = DIV_ROUND_UP(npages, 64) * 8,
		.bitmap.addr = USER_ADDR,
	};
	int ret = t1x_dirty_log_get(&c->map.log, &args);
	unsigned int i;

	for (i = 0; i < FAKE_GUP_PAGES; i++)
		KUNIT_EXPECT_EQ(c->test, 0, fake_gup.pins[i]);
	return ret;
}

static u8 *user_byte(size_t offset)
{
	return fake_gup_byte(USER_ADDR + offset);
}

static bool was_reported(unsigned long page)
{
	return *user_byte(page / 8) >> page % 8 & 1;
}

/* No byte is other than it was. */
static bool is_untouched(void)
{
	size_t i;

	for (i = 0; i < NPAGES / 8; i++) {
		if (*user_byte(i))
			return false;
	}
	return true;
}

static void start(struct fake_container *c)
{
	KUNIT_ASSERT_EQ(c->test, 0, t1x_dirty_log_start(&c->map.log));
}

static void end(struct fake_container *c)
{
	fake_unmap_all(c);
	fake_check_empty(c);
	fake_container_end(c);
}

static void a_report_that_faults_changes_nothing(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	map(c, 3, 40000);
	map(c, 40003, NPAGES - 40003);
	start(c);
	mark(c, 3);
	mark(c, 40002);
	mark(c, 40003);
	mark(c, NPAGES - 1);
	for (fake_gup.hidden = 0; fake_gup.hidden < FAKE_GUP_PAGES;
	     fake_gup.hidden++) {
		KUNIT_EXPECT_EQ(test, -EFAULT, get(c, NPAGES));
		KUNIT_EXPECT_TRUE(test, is_untouched());
	}
	fake_gup.hidden = -1;
	KUNIT_EXPECT_EQ(test, 0, get(c, NPAGES));
	KUNIT_EXPECT_TRUE(test, was_reported(3));
	KUNIT_EXPECT_FALSE(test, was_reported(4));
	KUNIT_EXPECT_TRUE(test, was_reported(40002));
	KUNIT_EXPECT_TRUE(test, was_reported(40003));
	KUNIT_EXPECT_TRUE(test, was_reported(NPAGES - 1));
	KUNIT_EXPECT_FALSE(test, is_dirty(c, 40003));
	end(c);
}

/* On 6.1 and later, GUP's fast walk may have stored pages that it gave back. */
static void what_gup_leaves_behind_is_not_pinned(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	map(c, 0, NPAGES);
	start(c);
	mark(c, NPAGES - 1);
	fake_gup.scribbles = true;
	for (fake_gup.hidden = 0; fake_gup.hidden < FAKE_GUP_PAGES;
	     fake_gup.hidden++)
		KUNIT_EXPECT_EQ(test, -EFAULT, get(c, NPAGES));
	fake_gup.hidden = -1;
	KUNIT_EXPECT_EQ(test, 0, get(c, NPAGES));
	KUNIT_EXPECT_TRUE(test, was_reported(NPAGES - 1));
	end(c);
}

static void stop_log(void)
{
	KUNIT_EXPECT_EQ(user.test, 0, t1x_dirty_log_stop(&user.c->map.log));
}

static void a_log_that_stops_during_a_report(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	map(c, 0, NPAGES);
	start(c);
	mark(c, 1);
	fake_gup.on_pin = stop_log;
	KUNIT_EXPECT_EQ(test, -EINVAL, get(c, NPAGES));
	KUNIT_EXPECT_TRUE(test, is_untouched());
	end(c);
}

static void map_another(void)
{
	map(user.c, 40000, NPAGES - 40000);
	mark(user.c, NPAGES - 1);
}

static void a_mapping_that_comes_during_a_report_is_in_it(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	map(c, 0, 64);
	start(c);
	fake_gup.on_pin = map_another;
	KUNIT_EXPECT_EQ(test, 0, get(c, NPAGES));
	KUNIT_EXPECT_TRUE(test, was_reported(NPAGES - 1));
	end(c);
}

static void map_a_longer_one(void)
{
	KUNIT_EXPECT_EQ(user.test, 0,
			fake_unmap(user.c, iova_at(64), 64, NULL));
	map(user.c, 64, 128);
}

static void a_range_that_is_cut_meanwhile_is_refused(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	map(c, 0, 64);
	map(c, 64, 64);
	start(c);
	mark(c, 0);
	fake_gup.on_pin = map_a_longer_one;
	KUNIT_EXPECT_EQ(test, -EINVAL, get(c, 128));
	KUNIT_EXPECT_TRUE(test, is_untouched());
	KUNIT_EXPECT_TRUE(test, is_dirty(c, 0));
	end(c);
}

static void unmap_first(void)
{
	KUNIT_EXPECT_EQ(user.test, 0, fake_unmap(user.c, FIRST, 64, NULL));
}

/* KASAN sees it if what went is looked at. */
static void a_mapping_that_goes_while_the_log_starts(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	map(c, 0, 64);
	map(c, 64, 64);
	user.on_unlock = unmap_first;
	start(c);
	KUNIT_EXPECT_PTR_EQ(test, NULL, user.on_unlock);
	mark(c, 65);
	KUNIT_EXPECT_EQ(test, 0, get(c, 128));
	KUNIT_EXPECT_TRUE(test, was_reported(65));
	end(c);
}

static void replace_first(void)
{
	unmap_first();
	map(user.c, 0, 32);
}

static void a_mapping_that_is_replaced_while_the_log_starts(struct kunit *test)
{
	struct fake_container *c = new_container(test);

	map(c, 0, 64);
	user.on_unlock = replace_first;
	start(c);
	mark(c, 31);
	KUNIT_EXPECT_EQ(test, 0, get(c, 64));
	KUNIT_EXPECT_TRUE(test, was_reported(31));
	end(c);
}

static void a_log_without_memory_does_not_start(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	unsigned int nth, i;

	for (i = 0; i < 5; i++)
		map(c, 10 * i, 10);
	for (nth = 1; nth <= 5; nth++) {
		user.allocs = 0;
		user.fail_alloc_at = nth;
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				t1x_dirty_log_start(&c->map.log));
		KUNIT_EXPECT_EQ(test, T1X_DIRTY_LOG_OFF, c->map.log.state);
		for (i = 0; i < 5; i++) {
			struct t1x_dma *dma;

			mutex_lock(&c->map.lock);
			dma = t1x_dma_find(&c->map.tree, iova_at(10 * i),
					   ULONG_MAX);
			KUNIT_EXPECT_PTR_EQ(test, NULL, dma->dirty_bits);
			mutex_unlock(&c->map.lock);
		}
	}
	user.fail_alloc_at = 0;
	start(c);
	end(c);
}

static void look_at_dirty(struct fake_domain *domain, void *data)
{
	struct fake_container *c = user.c;
	struct t1x_dirty dirty;
	struct t1x_dma *dma;
	bool all;
	u64 word;

	mutex_lock(&c->map.lock);
	dma = t1x_dma_find(&c->map.tree, FIRST, FIRST);
	dirty = t1x_dma_dirty(dma);
	t1x_dirty_words(&dirty, FIRST >> PAGE_SHIFT, &word, 1);
	all = is_all_dirty(&c->map.log, dma) || !~word;
	mutex_unlock(&c->map.lock);
	KUNIT_EXPECT_TRUE(c->test, all);
	++*(unsigned int *)data;
}

/* An UNMAP with a bitmap would report it in vain. */
static void what_a_group_wrote_is_never_clean(struct kunit *test)
{
	struct fake_container *c = fake_container_new(test);
	struct fake_domain *domain = fake_domain_new(FAKE_PGSIZES_VTD);
	struct iommu_group *emulated = fake_group_of(&c->groups[1]);
	unsigned int looks = 0;
	int ret;

	user.c = c;
	fake_mem_set(memory, ARRAY_SIZE(memory));
	fake_attach(c, 0, domain);
	ret = t1x_group_attach_emulated(&c->map, emulated, NULL);
	KUNIT_ASSERT_EQ(test, 0, ret);
	map(c, 0, 64);
	start(c);
	domain->on_unmap = look_at_dirty;
	domain->data = &looks;
	fake_detach(c, 0);
	KUNIT_EXPECT_LT(test, 0U, looks);
	KUNIT_EXPECT_EQ(test, 0, get(c, 64));
	KUNIT_EXPECT_TRUE(test, was_reported(0));
	KUNIT_EXPECT_TRUE(test, was_reported(63));
	KUNIT_EXPECT_EQ(test, 0, get(c, 64));
	KUNIT_EXPECT_FALSE(test, was_reported(0));
	fake_unmap_all(c);
	fake_container_end(c);
}

/* ---- DIRTY_RANGE, and the window of UNMAP_RANGE ---- */

/* The bitmap of the window of pages [first, end); FIRST is a multiple of 64 pages. */
static struct t1x_uapi_bitmap window_of(unsigned long first, unsigned long end)
{
	return (struct t1x_uapi_bitmap){
		.pgsize = PAGE_SIZE,
		.size = ((end - 1) / 64 - first / 64 + 1) * 8,
		.addr = USER_ADDR,
	};
}

static int get_range(struct fake_container *c, unsigned long first,
		     unsigned long end, bool no_clear)
{
	const struct t1x_uapi_dirty args = {
		.iova = iova_at(first),
		.last = iova_at(end) - 1,
		.no_clear = no_clear,
		.bitmap = window_of(first, end),
	};
	int ret = t1x_dirty_log_get_range(&c->map.log, &args);
	unsigned int i;

	for (i = 0; i < FAKE_GUP_PAGES; i++)
		KUNIT_EXPECT_EQ(c->test, 0, fake_gup.pins[i]);
	return ret;
}

static int unmap_window(struct fake_container *c, unsigned long first,
			unsigned long end)
{
	const struct t1x_uapi_unmap args = {
		.iova = iova_at(first),
		.last = iova_at(end) - 1,
		.report = true,
		.window = true,
		.bitmap = window_of(first, end),
	};
	u64 npages;

	return t1x_unmap_dma(&c->map, &args, &npages);
}

static void fill_user(u8 byte)
{
	unsigned int i;

	for (i = 0; i < FAKE_GUP_PAGES; i++)
		memset(page_address(fake_gup.pages[i]), byte, PAGE_SIZE);
}

/* Two mappings that can be cut, a hole above each; these pages of them are dirty. */
static const u16 marks[] = { 3,	  63,  64,  127, 128, 200,
			     255, 320, 321, 383, 400, 447 };

static struct fake_container *new_marked(struct kunit *test)
{
	struct fake_container *c = new_container(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0,
			fake_map_granule(c, iova_at(0), 256, 0, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0,
			fake_map_granule(c, iova_at(320), 128, 320, PAGE_SIZE));
	start(c);
	for (i = 0; i < ARRAY_SIZE(marks); i++)
		mark(c, marks[i]);
	return c;
}

static bool is_marked(unsigned long page)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		if (marks[i] == page)
			return true;
	}
	return false;
}

/* The window tells of [first, end), of nothing else, and ends where it should. */
static void check_window(struct kunit *test, unsigned long first,
			 unsigned long end)
{
	unsigned long base = round_down(first, 64), page;

	for (page = base; page < round_up(end, 64); page++) {
		bool want = page >= first && page < end && is_marked(page);

		if (was_reported(page - base) != want)
			KUNIT_FAIL(test, "page %lu of %lu-%lu is %d", page,
				   first, end, !want);
	}
	KUNIT_EXPECT_EQ(test, 0xa5,
			(int)*user_byte((round_up(end, 64) - base) / 8));
}

/* At and about the edges of words and mappings, with a look first. */
static void a_range_of_any_pages(struct kunit *test)
{
	static const u16 edges[] = { 0,	  1,   3,   4,	 63,  64,  65,	128,
				     255, 256, 300, 320, 384, 447, 448, 500 };
	struct fake_container *c = new_marked(test);
	unsigned int i, k, n;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		for (k = i + 1; k < ARRAY_SIZE(edges); k++) {
			unsigned long first = edges[i], end = edges[k];

			for (n = 0; n < 2; n++) {
				fill_user(0xa5);
				KUNIT_EXPECT_EQ(test, 0,
						get_range(c, first, end, !n));
				check_window(test, first, end);
			}

			/* Clean are these, and no others. */
			for (n = 0; n < ARRAY_SIZE(marks); n++) {
				bool in = marks[n] >= first && marks[n] < end;

				KUNIT_EXPECT_NE(test, in,
						is_dirty(c, marks[n]));
				mark(c, marks[n]);
			}
		}
	}
	end(c);
}

static void a_range_is_refused(struct kunit *test)
{
	struct fake_container *c = new_marked(test);
	struct t1x_uapi_dirty args = {
		.iova = iova_at(1),
		.last = iova_at(70) - 1,
		.bitmap = window_of(1, 70),
	};

	for (fake_gup.hidden = 0; fake_gup.hidden < FAKE_GUP_PAGES;
	     fake_gup.hidden++) {
		KUNIT_EXPECT_EQ(test, -EFAULT, get_range(c, 0, NPAGES, false));
		KUNIT_EXPECT_TRUE(test, is_untouched());
	}
	fake_gup.hidden = -1;
	KUNIT_EXPECT_TRUE(test, is_dirty(c, 3));

	args.bitmap.pgsize = SZ_2M;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			t1x_dirty_log_get_range(&c->map.log, &args));
	args.bitmap.pgsize = PAGE_SIZE;
	args.iova++;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			t1x_dirty_log_get_range(&c->map.log, &args));

	fake_gup.on_pin = stop_log;
	KUNIT_EXPECT_EQ(test, -EINVAL, get_range(c, 0, 128, false));
	KUNIT_EXPECT_EQ(test, -EINVAL, get_range(c, 0, 128, false));
	KUNIT_EXPECT_TRUE(test, is_untouched());
	end(c);
}

static void map_in_the_hole(void)
{
	map(user.c, 256, 64);
	mark(user.c, 300);
}

static void a_mapping_that_comes_is_in_the_window(struct kunit *test)
{
	struct fake_container *c = new_marked(test);

	fake_gup.on_pin = map_in_the_hole;
	KUNIT_EXPECT_EQ(test, 0, get_range(c, 290, 310, true));
	KUNIT_EXPECT_TRUE(test, was_reported(300 - 256));
	KUNIT_EXPECT_TRUE(test, is_dirty(c, 300));
	end(c);
}

/* A part goes with its report; without it all is as before. */
static void a_part_is_reported_as_it_goes(struct kunit *test)
{
	static const u16 cuts[][2] = { { 0, 64 },    { 3, 4 },	  { 60, 130 },
				       { 200, 256 }, { 1, 255 },  { 10, 400 },
				       { 64, 128 },  { 256, 320 } };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		unsigned long first = cuts[i][0], end_page = cuts[i][1];
		struct fake_container *c = new_marked(test);
		unsigned int avail = c->map.dma_avail;

		fill_user(0xa5);
		fake_gup.hidden = 0;
		KUNIT_EXPECT_EQ(test, -EFAULT,
				unmap_window(c, first, end_page));
		fake_gup.hidden = -1;
		KUNIT_EXPECT_EQ(test, avail, c->map.dma_avail);
		fake_check_mapped(c, FIRST, 256, 0);
		fake_check_mapped(c, iova_at(320), 128, 320);
		KUNIT_EXPECT_EQ(test, 0xa5, (int)*user_byte(0));

		KUNIT_EXPECT_EQ(test, 0, unmap_window(c, first, end_page));
		check_window(test, first, end_page);
		for (n = 0; n < ARRAY_SIZE(marks); n++) {
			if (marks[n] < first || marks[n] >= end_page)
				KUNIT_EXPECT_TRUE(test, is_dirty(c, marks[n]));
		}

		/* What is left tells of itself alone. */
		fill_user(0);
		KUNIT_EXPECT_EQ(test, 0, get_range(c, 0, 512, false));
		for (n = 0; n < ARRAY_SIZE(marks); n++) {
			bool left = marks[n] < first || marks[n] >= end_page;

			KUNIT_EXPECT_EQ(test, left, was_reported(marks[n]));
		}
		end(c);
	}
}

/* UNMAP_DMA: bit 0 is the first page of the range, which cuts a mapping anywhere. */
static void a_bitmap_of_a_part_begins_with_it(struct kunit *test)
{
	static const u16 cuts[][2] = { { 0, 64 },   { 3, 68 },	  { 63, 65 },
				       { 60, 256 }, { 320, 448 }, { 321, 400 } };
	unsigned int i;
	u64 npages;

	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		unsigned long first = cuts[i][0], n = cuts[i][1] - first, page;
		struct fake_container *c = new_marked(test);
		const struct t1x_uapi_unmap args = {
			.iova = iova_at(first),
			.last = iova_at(first + n) - 1,
			.report = true,
			.bitmap = window_of(0, n),
		};

		fill_user(0);
		KUNIT_EXPECT_EQ(test, 0,
				t1x_unmap_dma(&c->map, &args, &npages));
		KUNIT_EXPECT_EQ(test, (u64)n, npages);
		for (page = 0; page < round_up(n, 64); page++)
			KUNIT_EXPECT_EQ(test,
					page < n && is_marked(first + page),
					was_reported(page));
		end(c);
	}
}

static void unmap_middle(void)
{
	KUNIT_EXPECT_EQ(user.test, 0,
			fake_unmap(user.c, iova_at(64), 64, NULL));
}

/* Cut while a report or the START of the log has dropped the mutex. */
static void a_mapping_that_is_cut_meanwhile(struct kunit *test)
{
	struct fake_container *c = new_marked(test);

	fake_gup.on_pin = unmap_middle;
	KUNIT_EXPECT_EQ(test, 0, get_range(c, 0, 256, false));
	KUNIT_EXPECT_TRUE(test, was_reported(63));
	KUNIT_EXPECT_FALSE(test, was_reported(64));
	KUNIT_EXPECT_FALSE(test, was_reported(127));
	KUNIT_EXPECT_TRUE(test, was_reported(128));

	KUNIT_EXPECT_EQ(test, 0, t1x_dirty_log_stop(&c->map.log));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, iova_at(0), 64, NULL));
	KUNIT_EXPECT_EQ(test, 0, fake_unmap(c, iova_at(128), 128, NULL));
	KUNIT_EXPECT_EQ(test, 0, fake_map_granule(c, FIRST, 256, 0, PAGE_SIZE));
	user.on_unlock = unmap_middle;
	start(c);
	KUNIT_EXPECT_PTR_EQ(test, NULL, user.on_unlock);
	mark(c, 0);
	mark(c, 255);
	KUNIT_EXPECT_TRUE(test, is_dirty(c, 0));
	KUNIT_EXPECT_TRUE(test, is_dirty(c, 255));
	KUNIT_EXPECT_FALSE(test, is_dirty(c, 63));
	end(c);
}

static struct kunit_case dirty_log_cases[] = {
	KUNIT_CASE(a_report_that_faults_changes_nothing),
	KUNIT_CASE(what_gup_leaves_behind_is_not_pinned),
	KUNIT_CASE(a_log_that_stops_during_a_report),
	KUNIT_CASE(a_mapping_that_comes_during_a_report_is_in_it),
	KUNIT_CASE(a_range_that_is_cut_meanwhile_is_refused),
	KUNIT_CASE(a_mapping_that_goes_while_the_log_starts),
	KUNIT_CASE(a_mapping_that_is_replaced_while_the_log_starts),
	KUNIT_CASE(a_log_without_memory_does_not_start),
	KUNIT_CASE(what_a_group_wrote_is_never_clean),
	KUNIT_CASE(a_range_of_any_pages),
	KUNIT_CASE(a_range_is_refused),
	KUNIT_CASE(a_mapping_that_comes_is_in_the_window),
	KUNIT_CASE(a_part_is_reported_as_it_goes),
	KUNIT_CASE(a_bitmap_of_a_part_begins_with_it),
	KUNIT_CASE(a_mapping_that_is_cut_meanwhile),
	{}
};

static struct kunit_suite dirty_log_suite = {
	.name = "t1x_dirty_log",
	.init = dirty_log_init,
	.exit = dirty_log_exit,
	.test_cases = dirty_log_cases,
};

kunit_test_suite(dirty_log_suite);
