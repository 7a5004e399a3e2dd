// SPDX-License-Identifier: GPL-2.0-only
/*
 * DIRTY_RANGE, and UNMAP_RANGE with a bitmap: any window, over several mappings
 * and holes, and through the middle of mappings. An emulated device is the
 * writer of which every page is known.
 */
#include "device_emu.h"
#include "dirty.h"
#include "ranges.h"
#include "suite.h"

#include <sys/mman.h>

#define NPAGES 1024
#define SIZE PAGES(NPAGES)
#define WORDS (NPAGES / 64 + 2)
#define PEEK VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR
#define DIRTY VFIO_IOMMU_TYPE1X_DIRTY_RANGE
#define UNMAP VFIO_IOMMU_TYPE1X_UNMAP_RANGE
#define HIGHEST_PAGE (~0UL - T1X_PAGE + 1)

TEST(extension_is_there_on_type1x_alone)
{
	EXPECT_TRUE(t1x_extension_is_ours(VFIO_TYPE1X_RANGES, DIRTY));
}

FIXTURE(dirty_range)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	/* What the container should know of each page from T1X_BASE on */
	bool mapped[NPAGES], dirty[NPAGES];
	char *mem;
};

FIXTURE_SETUP(dirty_range)
{
	if (!t1x_is_type1x() || !t1x_emu_load(1, 0))
		SKIP(return, "needs type1x and the module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_emu_begin(&self->emu, &self->c, &self->leak);
}

FIXTURE_TEARDOWN(dirty_range)
{
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

static u64 page_iova(int page)
{
	return T1X_BASE + PAGES(page);
}

static u64 page_last(int page)
{
	return page_iova(page + 1) - 1;
}

/* Every mapping can be cut */
static void map(struct _test_data_dirty_range *self, int page, int n)
{
	t1x_map_granule(&self->c, self->mem + PAGES(page), page_iova(page),
			PAGES(n), 0);
	memset(self->mapped + page, true, n);
	memset(self->dirty + page, false, n);
}

static void write_page(struct _test_data_dirty_range *self, int page)
{
	char byte = 1;
	int ret = __t1x_emu_write(&self->emu, page_iova(page), &byte, 1);

	t1x_require(!ret, "write to page %d: %s", page, strerror(-ret));
	self->dirty[page] = true;
}

static void set_dirty(struct _test_data_dirty_range *self, int first, int last)
{
	memset(self->dirty + first, true, last - first + 1);
}

/* Unmapped by a call that reports nothing */
static void set_gone(struct _test_data_dirty_range *self, int first, int n)
{
	memset(self->mapped + first, false, n);
}

static int random_below(int n)
{
	return t1x_random() % n;
}

/* Mappings of all lengths, some that touch and some that do not */
static void map_at_random(struct _test_data_dirty_range *self)
{
	int page = random_below(70), n;

	for (;;) {
		n = 1 + random_below(random_below(3) ? 30 : 200);
		if (page + n > NPAGES)
			return;
		map(self, page, n);
		page += n + (random_below(2) ? 0 : random_below(100));
	}
}

static void write_at_random(struct _test_data_dirty_range *self, int n)
{
	int page;

	while (n--) {
		page = random_below(NPAGES);
		if (self->mapped[page])
			write_page(self, page);
	}
}

/* The bitmap of pages first to last: bit 0 is a multiple of 64 pages */
static void want_words(struct _test_data_dirty_range *self, int first, int last,
		       u64 *words)
{
	u64 bit0 = t1x_window(page_iova(first)) / T1X_PAGE, bit;
	int i;

	memset(words, 0, WORDS * 8);
	for (i = first; i <= last; i++) {
		bit = page_iova(i) / T1X_PAGE - bit0;
		if (self->mapped[i] && self->dirty[i])
			words[bit / 64] |= 1UL << bit % 64;
	}
}

/* Whatever the bitmap holds before, each word of the window is written */
static bool words_are(const u64 *want, const u64 *has, int first, int last)
{
	u64 n = t1x_window_words(page_iova(first), page_last(last)), i;

	for (i = 0; i < WORDS; i++) {
		if (has[i] == (i < n ? want[i] : 0xa5a5a5a5a5a5a5a5))
			continue;
		printf("# pages %d to %d: word %lu is %016lx, expected %016lx\n",
		       first, last, i, has[i], want[i]);
		return false;
	}
	return true;
}

static bool reports(struct _test_data_dirty_range *self, int first, int last,
		    u32 flags)
{
	u64 want[WORDS], has[WORDS];
	int ret;

	want_words(self, first, last, want);
	memset(has, 0xa5, sizeof(has));
	ret = __t1x_dirty_range(&self->c, page_iova(first), page_last(last),
				flags, has);
	t1x_require(!ret, "DIRTY_RANGE of pages %d to %d: %s", first, last,
		    strerror(-ret));
	if (!(flags & PEEK))
		memset(self->dirty + first, false, last - first + 1);
	return words_are(want, has, first, last);
}

static bool unmap_reports(struct _test_data_dirty_range *self, int first,
			  int last)
{
	u64 want[WORDS], has[WORDS], npages = 0, gone = 0;
	int i, ret;

	want_words(self, first, last, want);
	memset(has, 0xa5, sizeof(has));
	for (i = first; i <= last; i++)
		gone += self->mapped[i];
	ret = __t1x_unmap_range_dirty(&self->c, page_iova(first),
				      page_last(last), has, &npages);
	t1x_require(!ret && npages == gone,
		    "UNMAP_RANGE of pages %d to %d: %d, %lu pages, not %lu",
		    first, last, ret, npages, gone);
	memset(self->mapped + first, false, last - first + 1);
	return words_are(want, has, first, last);
}

TEST_F(dirty_range, every_window_around_word_boundaries_is_right)
{
	int first, last;

	map(self, 3, 40);
	map(self, 43, 100);
	map(self, 150, 60);
	t1x_dirty_start(&self->c);
	for (first = 3; first < 200; first += 7)
		if (self->mapped[first])
			write_page(self, first);
	for (first = 0; first < 135; first += first % 64 < 60 ? 13 : 1)
		for (last = first; last < 215; last += last % 64 < 60 ? 11 : 1)
			ASSERT_TRUE(reports(self, first, last, PEEK));
}

TEST_F(dirty_range, random_windows_over_random_mappings_are_right)
{
	int round, step, first, last;

	t1x_dirty_start(&self->c);
	for (round = 0; round < 8; round++) {
		map_at_random(self);
		for (step = 0; step < 30; step++) {
			write_at_random(self, 40);
			first = random_below(NPAGES);
			last = first + random_below(NPAGES - first);
			ASSERT_TRUE(reports(self, first, last,
					    random_below(2) ? PEEK : 0));
		}
		ASSERT_TRUE(reports(self, 0, NPAGES - 1, PEEK));
		ASSERT_TRUE(reports(self, 0, NPAGES - 1, 0));
		ASSERT_TRUE(reports(self, 0, NPAGES - 1, 0));
		ASSERT_TRUE(unmap_reports(self, 0, NPAGES - 1));
	}
}

TEST_F(dirty_range, random_unmaps_report_what_goes_and_keep_the_rest)
{
	int round, step, first, last;

	t1x_dirty_start(&self->c);
	for (round = 0; round < 8; round++) {
		map_at_random(self);
		for (step = 0; step < 12; step++) {
			write_at_random(self, 60);
			first = random_below(NPAGES);
			last = first + random_below(NPAGES - first);
			if (last - first > 100 && random_below(4))
				last = first + random_below(100);
			ASSERT_TRUE(unmap_reports(self, first, last));
			/* Of the cut mappings too */
			ASSERT_TRUE(reports(self, 0, NPAGES - 1, PEEK));
		}
		ASSERT_TRUE(unmap_reports(self, 0, NPAGES - 1));
	}
}

TEST_F(dirty_range, plain_unmaps_keep_the_bits_of_the_rest)
{
	map(self, 5, 300);
	t1x_dirty_start(&self->c);
	write_at_random(self, 400);
	t1x_unmap_range(&self->c, page_iova(100), page_last(100), T1X_PAGE);
	set_gone(self, 100, 1);
	EXPECT_TRUE(reports(self, 0, 400, PEEK));
	t1x_unmap(&self->c, page_iova(130), PAGES(64));
	set_gone(self, 130, 64);
	EXPECT_TRUE(reports(self, 0, 400, PEEK));
	t1x_unmap(&self->c, page_iova(5), PAGES(3));
	set_gone(self, 5, 3);
	EXPECT_TRUE(reports(self, 0, 400, PEEK));
	/* Each piece is tracked on, and what comes into a hole begins clean */
	map(self, 130, 64);
	write_at_random(self, 100);
	EXPECT_TRUE(reports(self, 0, 400, 0));
	EXPECT_TRUE(reports(self, 0, 400, 0));
}

TEST_F(dirty_range, equal_to_get_bitmap_where_both_can_be_asked)
{
	u64 range[WORDS], get[WORDS] = { 0 };
	int round;

	t1x_dirty_start(&self->c);
	for (round = 0; round < 10; round++) {
		map_at_random(self);
		write_at_random(self, 300);
		memset(range, 0xff, sizeof(range));
		memset(get, 0, sizeof(get));
		ASSERT_EQ(0,
			  __t1x_dirty_range(&self->c, T1X_BASE,
					    T1X_BASE + SIZE - 1, PEEK, range));
		ASSERT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, SIZE, get));
		ASSERT_EQ(0, memcmp(get, range, SIZE / T1X_PAGE / 8));
		/* The one has cleared what the other reports */
		memset(self->dirty, false, sizeof(self->dirty));
		ASSERT_TRUE(reports(self, 0, NPAGES - 1, 0));
		write_at_random(self, 300);
		ASSERT_TRUE(reports(self, 0, NPAGES - 1, 0));
		ASSERT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, SIZE, get));
		ASSERT_TRUE(unmap_reports(self, 0, NPAGES - 1));
	}
}

TEST_F(dirty_range, unmap_dma_with_a_bitmap_cuts_too)
{
	u64 word = 0, want = 0, unmapped = 0;
	int i;

	map(self, 0, 256);
	t1x_dirty_start(&self->c);
	write_at_random(self, 300);
	for (i = 0; i < 50; i++)
		want |= (u64)self->dirty[70 + i] << i;
	ASSERT_EQ(0, __t1x_dirty_unmap(&self->c, page_iova(70), PAGES(50),
				       &word, &unmapped));
	/* Bit 0 is where it begins */
	EXPECT_EQ(want, word);
	EXPECT_EQ(PAGES(50), unmapped);
	set_gone(self, 70, 50);
	EXPECT_TRUE(reports(self, 0, 255, 0));
}

TEST_F(dirty_range, mapping_without_a_granule_is_reported_in_part_too)
{
	u64 word = 0;

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	memset(self->mapped, true, NPAGES);
	t1x_dirty_start(&self->c);
	write_at_random(self, 500);
	EXPECT_TRUE(reports(self, 70, 90, 0));
	EXPECT_TRUE(reports(self, 0, 200, PEEK));
	/* But not unmapped in part */
	EXPECT_EQ(-EINVAL, __t1x_unmap_range_dirty(&self->c, T1X_BASE,
						   page_last(3), &word, NULL));
	EXPECT_EQ(0, word);
	EXPECT_TRUE(unmap_reports(self, 0, NPAGES - 1));
}

TEST_F(dirty_range, pinned_pages_are_dirty_at_each_report)
{
	map(self, 0, 64);
	t1x_emu_pin(&self->emu, page_iova(10), 2);
	t1x_emu_pin(&self->emu, page_iova(40), 1);
	t1x_dirty_start(&self->c);
	set_dirty(self, 10, 11);
	set_dirty(self, 40, 40);
	EXPECT_TRUE(reports(self, 0, 63, PEEK));
	EXPECT_TRUE(reports(self, 11, 20, 0));
	set_dirty(self, 11, 11);
	EXPECT_TRUE(reports(self, 0, 63, 0));
	set_dirty(self, 10, 11);
	set_dirty(self, 40, 40);
	/* Once more for what was written until the unpin */
	t1x_emu_unpin(&self->emu, page_iova(10), 2);
	EXPECT_TRUE(reports(self, 0, 63, 0));
	set_dirty(self, 40, 40);
	EXPECT_TRUE(reports(self, 0, 63, 0));

	/* The pin in the part that stays is still there, and tracked */
	set_dirty(self, 40, 40);
	EXPECT_TRUE(unmap_reports(self, 5, 30));
	set_dirty(self, 40, 40);
	EXPECT_TRUE(reports(self, 0, 63, 0));
	t1x_emu_unpin(&self->emu, page_iova(40), 1);
}

TEST_F(dirty_range, unmap_reports_what_the_callback_has_unpinned)
{
	map(self, 0, 64);
	t1x_dirty_start(&self->c);
	t1x_emu_pin(&self->emu, page_iova(8), 4);
	set_dirty(self, 8, 9);
	EXPECT_TRUE(unmap_reports(self, 4, 9));
	EXPECT_EQ(2, t1x_emu_held(&self->emu));
	set_dirty(self, 10, 11);
	EXPECT_TRUE(reports(self, 0, 63, 0));
}

TEST_F(dirty_range, real_group_makes_all_that_is_mapped_dirty)
{
	int i;

	map(self, 5, 20);
	map(self, 70, 100);
	t1x_dirty_start(&self->c);
	t1x_add_group(&self->c, t1x_any_device());
	for (i = 0; i < 3; i++) {
		set_dirty(self, 0, NPAGES - 1);
		EXPECT_TRUE(reports(self, 8, 100, i == 1 ? PEEK : 0));
	}
	set_dirty(self, 0, NPAGES - 1);
	EXPECT_TRUE(unmap_reports(self, 80, 99));
	/* Once more for what it wrote before it went */
	t1x_del_group(&self->c, t1x_any_device());
	set_dirty(self, 0, NPAGES - 1);
	EXPECT_TRUE(reports(self, 0, 90, 0));
	EXPECT_TRUE(reports(self, 0, 200, 0));
	EXPECT_TRUE(reports(self, 0, 200, 0));
}

TEST_F(dirty_range, top_of_the_64_bit_space_is_a_window_too)
{
	u64 words[2] = { ~0UL, ~0UL };
	char byte = 1;

	ASSERT_EQ(0, __t1x_map_granule(&self->c, self->mem,
				       HIGHEST_PAGE - PAGES(9), ~0UL, 0));
	t1x_dirty_start(&self->c);
	EXPECT_EQ(0, __t1x_emu_write(&self->emu, ~0UL, &byte, 1));
	EXPECT_EQ(0, __t1x_emu_write(&self->emu, ~0UL - PAGES(9), &byte, 1));
	EXPECT_EQ(0,
		  __t1x_dirty_range(&self->c, HIGHEST_PAGE, ~0UL, PEEK, words));
	EXPECT_EQ(1UL << 63, words[0]);
	EXPECT_EQ(~0UL, words[1]);
	EXPECT_EQ(0, __t1x_dirty_range(&self->c, HIGHEST_PAGE - PAGES(80), ~0UL,
				       0, words));
	EXPECT_EQ(0, words[0]);
	EXPECT_EQ(1UL << 63 | 1UL << 54, words[1]);
	EXPECT_EQ(0, __t1x_emu_write(&self->emu, ~0UL, &byte, 1));
	EXPECT_EQ(0, __t1x_unmap_range_dirty(&self->c, HIGHEST_PAGE, ~0UL,
					     words, NULL));
	EXPECT_EQ(1UL << 63, words[0]);
}

TEST_F(dirty_range, window_has_at_most_2_to_the_31_bits)
{
	u64 most = PAGES(1UL << 31), len = 1UL << 28;
	struct vfio_type1x_unmap_range unmap;
	struct vfio_type1x_dirty_range dirty;
	u64 *bitmap = mmap(NULL, len, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)bitmap);
	t1x_dirty_start(&self->c);
	dirty = t1x_dirty_range_of(0, most + T1X_PAGE - 1, bitmap);
	dirty.bitmap_size = len;
	EXPECT_EQ(-EINVAL, __t1x_call(&self->c, DIRTY, &dirty));
	dirty.iova = PAGES(63);
	EXPECT_EQ(-EINVAL, __t1x_call(&self->c, DIRTY, &dirty));
	dirty.last = ~0UL;
	EXPECT_EQ(-EINVAL, __t1x_call(&self->c, DIRTY, &dirty));
	unmap = t1x_unmap_range_dirty_of(PAGES(63), most + T1X_PAGE - 1,
					 bitmap);
	unmap.bitmap_size = len;
	EXPECT_EQ(-EINVAL, __t1x_call(&self->c, UNMAP, &unmap));

	/* The page before is one too many for none */
	if (getenv("T1X_DEBUG_LANE"))
		return;
	bitmap[0] = ~0UL;
	bitmap[(1 << 25) - 1] = ~0UL;
	EXPECT_EQ(0,
		  __t1x_dirty_range(&self->c, PAGES(63), most - 1, 0, bitmap));
	EXPECT_EQ(0, bitmap[0]);
	EXPECT_EQ(0, bitmap[(1 << 25) - 1]);
	munmap(bitmap, len);
}

TEST_F(dirty_range, bitmap_may_be_longer_than_the_window)
{
	/* Not on the stack, above which there may be less than 1 << 28 bytes of user space */
	static u64 words[4] = { 5, 5, 5, 5 };
	struct vfio_type1x_dirty_range dirty =
		t1x_dirty_range_of(T1X_BASE, page_last(63), words);

	map(self, 0, 64);
	t1x_dirty_start(&self->c);
	write_page(self, 7);
	dirty.bitmap_size = 1UL << 28;
	EXPECT_EQ(0, __t1x_call(&self->c, DIRTY, &dirty));
	EXPECT_EQ(1 << 7, words[0]);
	EXPECT_EQ(5, words[1]);
	dirty.bitmap_size = 9;
	EXPECT_EQ(0, __t1x_call(&self->c, DIRTY, &dirty));
	EXPECT_EQ(0, words[0]);
	EXPECT_EQ(5, words[1]);
}

/* What is wrong with a call for pages 1 to 127 of T1X_BASE */
static const struct {
	u64 iova, last, pgsize, size;
} bad[] = {
	{ 1, 128 * 4096 - 1, 4096, 16 },
	{ 2048, 128 * 4096 - 1, 4096, 16 },
	{ 4096, 128 * 4096, 4096, 16 },
	{ 4096, 128 * 4096 - 2, 4096, 16 },
	{ 4096, 4095, 4096, 16 },
	{ 8192, 4095, 4096, 16 },
	{ 4096, 128 * 4096 - 1, 0, 16 },
	{ 4096, 128 * 4096 - 1, 1, 16 },
	{ 4096, 128 * 4096 - 1, 2048, 16 },
	{ 4096, 128 * 4096 - 1, 8192, 16 },
	{ 4096, 128 * 4096 - 1, 4096 | 8192, 16 },
	{ 4096, 128 * 4096 - 1, 4096, 0 },
	{ 4096, 128 * 4096 - 1, 4096, 8 },
	{ 4096, 128 * 4096 - 1, 4096, 15 },
	{ 4096, 128 * 4096 - 1, 4096, (1UL << 28) + 1 },
	{ 4096, 128 * 4096 - 1, 4096, ~0UL },
};

TEST_F(dirty_range, arguments_are_checked_one_by_one)
{
	u64 words[4] = { 5, 5, 5, 5 };
	struct vfio_type1x_dirty_range dirty;
	struct vfio_type1x_unmap_range unmap;
	unsigned int i;

	map(self, 1, 127);
	t1x_dirty_start(&self->c);
	write_page(self, 9);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		dirty = t1x_dirty_range_of(T1X_BASE + bad[i].iova,
					   T1X_BASE + bad[i].last, words);
		dirty.bitmap_pgsize = bad[i].pgsize;
		dirty.bitmap_size = bad[i].size;
		EXPECT_EQ(-EINVAL, __t1x_call(&self->c, DIRTY, &dirty))
		TH_LOG("row %u", i);
		unmap = t1x_unmap_range_dirty_of(dirty.iova, dirty.last, words);
		unmap.bitmap_pgsize = bad[i].pgsize;
		unmap.bitmap_size = bad[i].size;
		EXPECT_EQ(-EINVAL, __t1x_call(&self->c, UNMAP, &unmap))
		TH_LOG("row %u", i);
	}
	dirty = t1x_dirty_range_of(page_iova(1), page_last(127), words);
	for (i = 1; i < 32; i++) {
		dirty.flags = 1U << i;
		EXPECT_EQ(-EINVAL, __t1x_call(&self->c, DIRTY, &dirty));
	}
	dirty.flags = 0;
	for (dirty.argsz = 0; dirty.argsz < sizeof(dirty); dirty.argsz++)
		EXPECT_EQ(-EINVAL, __t1x_call(&self->c, DIRTY, &dirty));
	EXPECT_EQ(5, words[0]);
	EXPECT_EQ(5, words[1]);
	EXPECT_TRUE(reports(self, 1, 127, 0));
}

static int get(struct _test_data_dirty_range *self, int first, int last,
	       void *bitmap)
{
	return __t1x_dirty_range(&self->c, page_iova(first), page_last(last), 0,
				 bitmap);
}

static int unmap(struct _test_data_dirty_range *self, int first, int last,
		 void *bitmap)
{
	return __t1x_unmap_range_dirty(&self->c, page_iova(first),
				       page_last(last), bitmap, NULL);
}

TEST_F(dirty_range, report_without_a_log_is_refused)
{
	u64 word = 5;

	map(self, 0, 64);
	EXPECT_EQ(-EINVAL, get(self, 0, 63, &word));
	EXPECT_EQ(-EINVAL, unmap(self, 0, 63, &word));
	t1x_dirty_start(&self->c);
	t1x_dirty_stop(&self->c);
	EXPECT_EQ(-EINVAL, get(self, 0, 63, &word));
	EXPECT_EQ(-EINVAL, unmap(self, 0, 63, &word));
	EXPECT_EQ(5, word);
	t1x_unmap_range(&self->c, T1X_BASE, page_last(63), PAGES(64));
}

TEST_F(dirty_range, address_that_cannot_be_the_users_is_a_fault)
{
	void *wild[] = { NULL, (void *)(1UL << 63), (void *)-8UL };
	unsigned int i;

	map(self, 0, 64);
	t1x_dirty_start(&self->c);
	write_page(self, 3);
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		EXPECT_EQ(-EFAULT, get(self, 0, 63, wild[i]));
		EXPECT_EQ(-EFAULT, unmap(self, 0, 63, wild[i]));
		EXPECT_EQ(-EFAULT, __t1x_call(&self->c, DIRTY, wild[i]));
	}
	EXPECT_TRUE(unmap_reports(self, 0, 63));
}

/* The end of what can be written, a page of it */
static char *fence(void)
{
	char *mem = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = mem + T1X_PAGE;

	t1x_require(mem != MAP_FAILED && !mprotect(end, T1X_PAGE, PROT_READ),
		    "no memory");
	return end;
}

TEST_F(dirty_range, fault_at_any_byte_changes_nothing)
{
	char before[4 * 8], *end = fence();
	u32 avail;
	int at;

	/* A window of four words over two mappings, both of which are cut */
	map(self, 3, 100);
	map(self, 110, 120);
	t1x_dirty_start(&self->c);
	avail = t1x_dma_avail(&self->c);
	write_at_random(self, 600);
	memset(before, 0x77, sizeof(before));
	for (at = 0; at < (int)sizeof(before); at++) {
		memcpy(end - at, before, at);
		EXPECT_EQ(-EFAULT, get(self, 10, 220, end - at));
		EXPECT_EQ(-EFAULT, unmap(self, 10, 220, end - at));
		EXPECT_EQ(0, memcmp(end - at, before, at));
		ASSERT_TRUE(reports(self, 0, 300, PEEK));
		ASSERT_EQ(avail, t1x_dma_avail(&self->c));
	}
	ASSERT_TRUE(unmap_reports(self, 10, 220));
	ASSERT_TRUE(reports(self, 0, 300, 0));
	/* The left of one mapping and the right of the other */
	EXPECT_EQ(avail, t1x_dma_avail(&self->c));
	EXPECT_EQ(PAGES(16), t1x_unmap_all(&self->c));
}

TEST_F(dirty_range, fault_in_the_middle_of_a_mapping_leaves_one_mapping)
{
	u32 avail = t1x_dma_avail(&self->c);

	map(self, 0, 256);
	t1x_dirty_start(&self->c);
	write_at_random(self, 300);
	t1x_emu_pin(&self->emu, page_iova(100), 1);
	t1x_emu_pin(&self->emu, page_iova(200), 1);
	EXPECT_EQ(-EFAULT, unmap(self, 64, 150, fence() - 8));
	EXPECT_EQ(avail - 1, t1x_dma_avail(&self->c));
	/* What the device was told of it has unpinned, and nothing else */
	EXPECT_EQ(1, t1x_emu_held(&self->emu));
	t1x_emu_unpin(&self->emu, page_iova(200), 1);
	set_dirty(self, 100, 100);
	set_dirty(self, 200, 200);
	EXPECT_TRUE(reports(self, 0, 255, PEEK));
	EXPECT_TRUE(unmap_reports(self, 64, 150));
	EXPECT_EQ(avail - 2, t1x_dma_avail(&self->c));
	EXPECT_TRUE(reports(self, 0, 255, 0));
}

TEST_F(dirty_range, v1_has_no_reports)
{
	struct vfio_type1x_dirty_range dirty;
	struct t1x c;
	u64 word = 5;

	t1x_open(&c, VFIO_TYPE1_IOMMU, t1x_any_device());
	dirty = t1x_dirty_range_of(T1X_BASE, page_last(3), &word);
	EXPECT_EQ(-EACCES, __t1x_call(&c, DIRTY, &dirty));
	dirty.flags = PEEK;
	EXPECT_EQ(-EACCES, __t1x_call(&c, DIRTY, &dirty));
	EXPECT_EQ(5, word);
	t1x_close(&c);
}

TEST_HARNESS_MAIN
