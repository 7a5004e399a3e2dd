// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: DIRTY_PAGES, and UNMAP_DMA with a bitmap. An emulated device
 * is the writer of which every page is known; beside a real one all pages count
 * as dirty.
 */
#include "device_emu.h"
#include "dirty.h"
#include "fault.h"
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NPAGES 256
#define SIZE PAGES(NPAGES)
#define TOP_BIT (~(~0UL >> 1))

FIXTURE(dirty)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	char *mem;
};

FIXTURE_SETUP(dirty)
{
	if (!t1x_emu_load(2, 0))
		SKIP(return, "no module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_emu_begin(&self->emu, &self->c, &self->leak);
}

FIXTURE_TEARDOWN(dirty)
{
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

/* One byte, as the device writes it */
static void write_page(struct t1x_emu *emu, u64 iova)
{
	char byte = 1;
	int ret = __t1x_emu_write(emu, iova, &byte, 1);

	t1x_require(!ret, "write to 0x%lx: %s", iova, strerror(-ret));
}

static bool get_bit(const u64 *bitmap, u64 page)
{
	return bitmap[page / 64] >> page % 64 & 1;
}

static void set_bits(u64 *bitmap, u64 page, u64 n)
{
	for (; n; n--, page++)
		bitmap[page / 64] |= 1UL << page % 64;
}

static bool equal(const u64 *want, const u64 *has, int words)
{
	int i;

	for (i = 0; i < words; i++) {
		if (want[i] == has[i])
			continue;
		printf("# word %d of the bitmap is %016lx, expected %016lx\n",
		       i, has[i], want[i]);
		return false;
	}
	return true;
}

/* A report of up to 64 pages in one word, all ones on failure */
static u64 dirty_word(struct t1x *c, u64 iova, int npages)
{
	u64 word = 0;
	int ret = __t1x_dirty_get(c, iova, PAGES(npages), &word);

	if (!ret)
		return word;
	printf("# GET_BITMAP at 0x%lx: %s\n", iova, strerror(-ret));
	return ~0UL;
}

static bool log_is_on(struct t1x *c)
{
	u64 word = 0;

	/* Nothing is mapped there */
	return !__t1x_dirty_get(c, 0, T1X_PAGE, &word);
}

TEST_F(dirty, request_of_other_than_one_flag_is_refused)
{
	const u32 all = T1X_DIRTY_START | T1X_DIRTY_STOP | T1X_DIRTY_GET;
	u32 flags;

	/* L10: 0 is no bit at all */
	for (flags = 0; flags <= 16; flags++) {
		if (flags && flags <= all && !(flags & (flags - 1)))
			continue;
		EXPECT_EQ(-EINVAL, __t1x_dirty(&self->c, flags));
		EXPECT_EQ(-EINVAL, __t1x_dirty(&self->c, flags << 28));
	}
	EXPECT_EQ(-EINVAL, __t1x_dirty(&self->c, T1X_DIRTY_START | 1U << 31));
	EXPECT_FALSE(log_is_on(&self->c));
}

TEST_F(dirty, request_that_is_short_is_refused)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.flags = T1X_DIRTY_START,
	};

	for (dirty.argsz = 0; dirty.argsz < sizeof(dirty); dirty.argsz++) {
		EXPECT_EQ(-1,
			  ioctl(self->c.fd, VFIO_IOMMU_DIRTY_PAGES, &dirty));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_FALSE(log_is_on(&self->c));
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_DIRTY_PAGES, 8));
	EXPECT_EQ(EFAULT, errno);

	/* A longer one is one of the future */
	dirty.argsz = 4096;
	EXPECT_EQ(0, ioctl(self->c.fd, VFIO_IOMMU_DIRTY_PAGES, &dirty));
	EXPECT_TRUE(log_is_on(&self->c));
}

TEST_F(dirty, get_that_is_short_is_refused)
{
	u64 word = 0;
	struct t1x_dirty_get get = t1x_dirty_get_of(0, T1X_PAGE, &word);
	u32 len = get.head.argsz;

	t1x_dirty_start(&self->c);
	for (get.head.argsz = 0; get.head.argsz < len; get.head.argsz++)
		EXPECT_EQ(-EINVAL, __t1x_dirty_get_raw(&self->c, &get));
	EXPECT_EQ(0, __t1x_dirty_get_raw(&self->c, &get));
}

TEST_F(dirty, get_reads_its_arguments_to_their_end)
{
	char *mem = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u64 word = 0;
	struct t1x_dirty_get get = t1x_dirty_get_of(0, T1X_PAGE, &word);
	char *at = mem + T1X_PAGE - sizeof(get);

	t1x_dirty_start(&self->c);
	ASSERT_EQ(0, mprotect(mem + T1X_PAGE, T1X_PAGE, PROT_NONE));
	memcpy(at, &get, sizeof(get));
	EXPECT_EQ(0, ioctl(self->c.fd, VFIO_IOMMU_DIRTY_PAGES, at));
	memmove(at + 8, at, sizeof(get) - 8);
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_DIRTY_PAGES, at + 8));
	EXPECT_EQ(EFAULT, errno);
	munmap(mem, PAGES(2));
}

/* What is wrong with a bitmap of 128 pages at T1X_BASE */
struct bad_bitmap {
	u64 pgsize;
	u64 size;
};

static const struct bad_bitmap bad_bitmaps[] = {
	{ 0, 16 }, /* L10 */
	{ 1, 16 },
	{ 2048, 32 },
	{ 8192, 16 },
	{ T1X_2M, 16 },
	{ TOP_BIT, 16 },
	{ T1X_PAGE | 8192, 16 },
	{ T1X_PAGE | 1, 1UL << 20 },
	{ T1X_PAGE, 0 },
	{ T1X_PAGE, 1 },
	{ T1X_PAGE, 15 },
	{ T1X_PAGE, (1UL << 28) + 1 },
	{ T1X_PAGE, 1UL << 32 },
	{ T1X_PAGE, ~0UL },
};

#define NBAD (int)(sizeof(bad_bitmaps) / sizeof(*bad_bitmaps))

TEST_F(dirty, bitmap_that_is_wrong_is_refused)
{
	u64 words[64] = { 0 };
	struct t1x_dirty_get get;
	struct t1x_dirty_unmap unmap;
	int i;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(128));
	t1x_dirty_start(&self->c);
	write_page(&self->emu, T1X_BASE);
	for (i = 0; i < NBAD; i++) {
		get = t1x_dirty_get_of(T1X_BASE, PAGES(128), words);
		get.range.bitmap.pgsize = bad_bitmaps[i].pgsize;
		get.range.bitmap.size = bad_bitmaps[i].size;
		EXPECT_EQ(-EINVAL, __t1x_dirty_get_raw(&self->c, &get))
		{
			TH_LOG("bitmap %d", i);
		}
		unmap = t1x_dirty_unmap_of(T1X_BASE, PAGES(128), words);
		unmap.bitmap = get.range.bitmap;
		EXPECT_EQ(-EINVAL, __t1x_dirty_unmap_raw(&self->c, &unmap))
		{
			TH_LOG("bitmap %d", i);
		}
	}
	EXPECT_EQ(0, words[0]);
	EXPECT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, PAGES(128), words));
	EXPECT_EQ(1, words[0]);
}

TEST_F(dirty, L10_page_size_0_is_refused_whatever_the_length)
{
	u64 words[2] = { 0 };
	struct t1x_dirty_get get = t1x_dirty_get_of(0, PAGES(128), words);
	u64 size;

	t1x_dirty_start(&self->c);
	get.range.bitmap.pgsize = 0;
	for (size = 1; size; size <<= 1) {
		get.range.size = size;
		EXPECT_EQ(-EINVAL, __t1x_dirty_get_raw(&self->c, &get));
	}
}

TEST_F(dirty, bitmap_that_is_longer_than_needed_is_touched_where_needed)
{
	/* Not on the stack, above which there may be less than 1 << 28 bytes of user space */
	static u64 words[8];
	struct t1x_dirty_get get = t1x_dirty_get_of(T1X_BASE, PAGES(65), words);

	memset(words, 0xff, sizeof(words));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(65));
	t1x_dirty_start(&self->c);
	write_page(&self->emu, T1X_BASE + PAGES(64));

	/* Not a multiple of 8: all that is said is that there is room */
	get.range.bitmap.size = 17;
	ASSERT_EQ(0, __t1x_dirty_get_raw(&self->c, &get));
	EXPECT_EQ(0, words[0]);
	EXPECT_EQ(1, words[1]);
	EXPECT_EQ(~0UL, words[2]);

	/* The longest there is; only its beginning is there */
	get.range.bitmap.size = 1UL << 28;
	ASSERT_EQ(0, __t1x_dirty_get_raw(&self->c, &get));
	EXPECT_EQ(0, words[1]);
	EXPECT_EQ(~0UL, words[2]);
}

TEST_F(dirty, range_that_is_wrong_is_refused)
{
	u64 words[64];
	const struct {
		u64 iova, size;
		int ret;
	} bad[] = {
		{ T1X_BASE, 0, -EINVAL },
		{ T1X_BASE + 1, T1X_PAGE, -EINVAL },
		{ T1X_BASE + 2048, PAGES(64), -EINVAL },
		{ T1X_BASE, T1X_PAGE + 1, -EINVAL },
		{ T1X_BASE, PAGES(64) - 1, -EINVAL },
		{ T1X_BASE, 4095, -EINVAL },
		/* Over the end of the 64-bit space */
		{ ~0UL - 4095, PAGES(2), -t1x_wrap_errno() },
		{ ~0UL - PAGES(8) + 1, PAGES(9), -t1x_wrap_errno() },
		/* In the middle of a mapping */
		{ T1X_BASE + T1X_PAGE, PAGES(63), -EINVAL },
		{ T1X_BASE, PAGES(63), -EINVAL },
		{ T1X_BASE + PAGES(8), PAGES(8), -EINVAL },
		{ T1X_BASE + PAGES(63), PAGES(65), -EINVAL },
		{ T1X_BASE, PAGES(64 + 32), -EINVAL },
		{ T1X_BASE - PAGES(8), PAGES(9), -EINVAL },
		{ T1X_BASE + PAGES(127), PAGES(9), -EINVAL },
	};
	unsigned int i;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_map(&self->c, self->mem + PAGES(64), T1X_BASE + PAGES(64),
		PAGES(64));
	t1x_dirty_start(&self->c);
	write_page(&self->emu, T1X_BASE);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct t1x_dirty_get get =
			t1x_dirty_get_of(bad[i].iova, bad[i].size, words);
		struct t1x_dirty_unmap unmap =
			t1x_dirty_unmap_of(bad[i].iova, bad[i].size, words);

		get.range.bitmap.size = sizeof(words);
		unmap.bitmap.size = sizeof(words);
		EXPECT_EQ(bad[i].ret, __t1x_dirty_get_raw(&self->c, &get))
		{
			TH_LOG("range %u", i);
		}
		EXPECT_EQ(bad[i].ret, __t1x_dirty_unmap_raw(&self->c, &unmap))
		{
			TH_LOG("range %u", i);
		}
	}
	EXPECT_EQ(1, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(PAGES(128), t1x_unmap_all(&self->c));
}

TEST_F(dirty, bitmap_in_kernel_space_is_refused)
{
	struct t1x_dirty_get get =
		t1x_dirty_get_of(T1X_BASE, T1X_PAGE, (void *)(TOP_BIT | 8));
	struct t1x_dirty_unmap unmap =
		t1x_dirty_unmap_of(T1X_BASE, T1X_PAGE, (void *)(TOP_BIT | 8));

	t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	t1x_dirty_start(&self->c);
	EXPECT_EQ(-EINVAL, __t1x_dirty_get_raw(&self->c, &get));
	EXPECT_EQ(-EINVAL, __t1x_dirty_unmap_raw(&self->c, &unmap));
	EXPECT_EQ(-EFAULT, __t1x_dirty_get(&self->c, T1X_BASE, T1X_PAGE, NULL));
	EXPECT_EQ(-EFAULT,
		  __t1x_dirty_unmap(&self->c, T1X_BASE, T1X_PAGE, NULL, NULL));
	EXPECT_EQ(T1X_PAGE, t1x_unmap_all(&self->c));
}

TEST_F(dirty, report_without_a_log_is_refused)
{
	u64 word = 5;

	t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	EXPECT_EQ(-EINVAL,
		  __t1x_dirty_get(&self->c, T1X_BASE, T1X_PAGE, &word));
	EXPECT_EQ(-EINVAL,
		  __t1x_dirty_unmap(&self->c, T1X_BASE, T1X_PAGE, &word, NULL));
	EXPECT_EQ(0, __t1x_dirty(&self->c, T1X_DIRTY_STOP));
	t1x_dirty_start(&self->c);
	t1x_dirty_stop(&self->c);
	EXPECT_EQ(-EINVAL,
		  __t1x_dirty_get(&self->c, T1X_BASE, T1X_PAGE, &word));
	EXPECT_EQ(-EINVAL,
		  __t1x_dirty_unmap(&self->c, T1X_BASE, T1X_PAGE, &word, NULL));
	EXPECT_EQ(5, word);
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
}

TEST_F(dirty, unmap_with_a_bitmap_takes_no_other_flag_and_no_short_argument)
{
	u64 words[2];
	struct t1x_dirty_unmap unmap =
		t1x_dirty_unmap_of(T1X_BASE, T1X_PAGE, words);
	u32 argsz;

	t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	t1x_dirty_start(&self->c);
	for (argsz = 0; argsz < sizeof(unmap); argsz++) {
		unmap.head.argsz = argsz;
		EXPECT_EQ(-EINVAL, __t1x_dirty_unmap_raw(&self->c, &unmap));
	}
	unmap.head.argsz = sizeof(unmap);
	unmap.head.flags |= VFIO_DMA_UNMAP_FLAG_VADDR;
	EXPECT_EQ(-EINVAL, __t1x_dirty_unmap_raw(&self->c, &unmap));
	unmap.head.iova = 0;
	unmap.head.size = 0;
	unmap.head.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP |
			   VFIO_DMA_UNMAP_FLAG_ALL;
	EXPECT_EQ(-EINVAL, __t1x_dirty_unmap_raw(&self->c, &unmap));
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
}

TEST_F(dirty, start_and_stop_are_idempotent)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_dirty_stop(&self->c);
	t1x_dirty_start(&self->c);
	write_page(&self->emu, T1X_BASE + PAGES(3));
	/* Nothing begins anew */
	t1x_dirty_start(&self->c);
	EXPECT_EQ(1 << 3, dirty_word(&self->c, T1X_BASE, 64));
	t1x_dirty_stop(&self->c);
	t1x_dirty_stop(&self->c);
	EXPECT_FALSE(log_is_on(&self->c));
}

TEST_F(dirty, log_begins_clean)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	write_page(&self->emu, T1X_BASE);
	t1x_dirty_start(&self->c);
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
	write_page(&self->emu, T1X_BASE);
	t1x_dirty_stop(&self->c);
	write_page(&self->emu, T1X_BASE + PAGES(1));
	t1x_dirty_start(&self->c);
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(dirty, report_makes_clean)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_dirty_start(&self->c);
	write_page(&self->emu, T1X_BASE);
	write_page(&self->emu, T1X_BASE + PAGES(63));
	EXPECT_EQ(TOP_BIT | 1, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
	write_page(&self->emu, T1X_BASE + PAGES(63));
	EXPECT_EQ(TOP_BIT, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(dirty, reads_make_nothing_dirty)
{
	char buf[4];

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_dirty_start(&self->c);
	EXPECT_EQ(0, __t1x_emu_read(&self->emu, T1X_BASE, buf, sizeof(buf)));
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(dirty, mapping_made_while_the_log_is_on_is_tracked)
{
	t1x_dirty_start(&self->c);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
	write_page(&self->emu, T1X_BASE + PAGES(9));
	t1x_unmap(&self->c, T1X_BASE, PAGES(64));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
	write_page(&self->emu, T1X_BASE + PAGES(5));
	EXPECT_EQ(1 << 5, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(dirty, report_of_holes_touches_nothing)
{
	u64 *words = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u64 whole = PAGES(2) * 8 * T1X_PAGE, unmapped = 1;

	/* One mapping, whose word is the last of the first page */
	t1x_map(&self->c, self->mem, T1X_BASE + (T1X_PAGE * 8 - 64) * T1X_PAGE,
		PAGES(2));
	t1x_dirty_start(&self->c);
	memset(words, 0xa5, T1X_PAGE);
	ASSERT_EQ(0, mprotect(words + 512, T1X_PAGE, PROT_NONE));
	EXPECT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, whole, words));
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5, words[510]);
	EXPECT_EQ(0, words[511]);
	EXPECT_EQ(0, __t1x_dirty_get(&self->c, 0, PAGES(64), NULL));
	EXPECT_EQ(0,
		  __t1x_dirty_unmap(&self->c, 0, PAGES(64), NULL, &unmapped));
	EXPECT_EQ(0, unmapped);
	munmap(words, PAGES(2));
}

TEST_F(dirty, bitmap_may_lie_at_any_byte)
{
	char *buf = self->mem + PAGES(200);
	u64 words[4], want[4] = { 0 };
	int at;

	/* And its words on both sides of a page's end */
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(3));
	t1x_map(&self->c, self->mem, T1X_BASE + PAGES(3), PAGES(197));
	set_bits(want, 2, 2);
	set_bits(want, 63, 1);
	set_bits(want, 199, 1);
	for (at = T1X_PAGE - 40; at < (int)T1X_PAGE + 8; at++) {
		t1x_dirty_start(&self->c);
		write_page(&self->emu, T1X_BASE + PAGES(2));
		write_page(&self->emu, T1X_BASE + PAGES(3));
		write_page(&self->emu, T1X_BASE + PAGES(63));
		write_page(&self->emu, T1X_BASE + PAGES(199));
		memset(buf, 0xee, PAGES(2));
		memset(buf + at, 0, sizeof(words));
		ASSERT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, PAGES(200),
					     buf + at));
		memcpy(words, buf + at, sizeof(words));
		ASSERT_TRUE(equal(want, words, 4));
		ASSERT_EQ((char)0xee, buf[at - 1]);
		ASSERT_EQ((char)0xee, buf[at + sizeof(words)]);
		t1x_dirty_stop(&self->c);
	}
}

/* A write at an offset in a page marks the pages that it meets, no others */
static bool marks(struct _test_data_dirty *self, int page, int offset, int len)
{
	static const char buf[8194];
	int last = page + (offset + len - 1) / 4096;
	u64 want = (2UL << last) - (1UL << page), has;
	int ret;

	ret = __t1x_emu_write(&self->emu, T1X_BASE + PAGES(page) + offset, buf,
			      len);
	has = dirty_word(&self->c, T1X_BASE, 64);
	if (!ret && has == want)
		return true;
	printf("# page %d, offset %d, %d bytes: %d, marks %lx\n", page, offset,
	       len, ret, has);
	return false;
}

TEST_F(dirty, M24_write_marks_exactly_the_pages_that_it_meets)
{
	static const int edges[] = { 0, 1, 2, 2047, 4094, 4095 };
	static const int lens[] = { 1,	  2,	3,    4094, 4095, 4096,
				    4097, 4098, 8191, 8192, 8193, 8194 };
	unsigned int i, j;
	int page, failed = 0;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	/* A write that goes on in the next mapping */
	t1x_map(&self->c, self->mem, T1X_BASE + PAGES(4), PAGES(60));
	t1x_dirty_start(&self->c);
	for (page = 0; page < 5; page++)
		for (i = 0; i < 6; i++)
			for (j = 0; j < 12; j++)
				failed += !marks(self, page, edges[i], lens[j]);
	EXPECT_EQ(0, failed);
}

TEST_F(dirty, write_that_ends_in_a_hole_marks_what_it_has_written)
{
	char buf[8192] = { 0 };

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	t1x_dirty_start(&self->c);
	EXPECT_NE(0,
		  __t1x_emu_write(&self->emu, T1X_BASE + PAGES(3), buf, 8192));
	EXPECT_EQ(1 << 3, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(dirty, write_of_a_kernel_thread_is_marked)
{
	char byte = 1;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_dirty_start(&self->c);
	EXPECT_EQ(0, __t1x_emu_rw(&self->emu, T1X_BASE + PAGES(7), &byte, 1,
				  T1X_EMU_FLAG_KTHREAD | T1X_EMU_RW_WRITE));
	EXPECT_EQ(1 << 7, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(dirty, pinned_pages_are_dirty_until_they_are_unpinned)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(1), 2);
	t1x_dirty_start(&self->c);
	EXPECT_EQ(3 << 1, dirty_word(&self->c, T1X_BASE, 64));
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(62), 2);
	EXPECT_EQ(3UL << 62 | 3 << 1, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(3UL << 62 | 3 << 1, dirty_word(&self->c, T1X_BASE, 64));

	/* What was written until then is reported once more */
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(1), 2);
	EXPECT_EQ(3UL << 62 | 3 << 1, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(3UL << 62, dirty_word(&self->c, T1X_BASE, 64));

	/* Two holds of one page */
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(63), 1);
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(62), 2);
	EXPECT_EQ(3UL << 62, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(TOP_BIT, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(TOP_BIT, dirty_word(&self->c, T1X_BASE, 64));
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(63), 1);
}

TEST_F(dirty, pin_and_unpin_between_two_reports_is_reported)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_dirty_start(&self->c);
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(4) + 8, 1);
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(4) + 8, 1);
	EXPECT_EQ(1 << 4, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(dirty, unmap_reports_what_the_callback_has_unpinned)
{
	u64 word = 0, unmapped = 0;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(10), 4);
	t1x_dirty_start(&self->c);
	write_page(&self->emu, T1X_BASE);
	ASSERT_EQ(0, __t1x_dirty_unmap(&self->c, T1X_BASE, PAGES(64), &word,
				       &unmapped));
	EXPECT_EQ(PAGES(64), unmapped);
	EXPECT_EQ(15 << 10 | 1, word);
	EXPECT_EQ(0, t1x_emu_held(&self->emu));
}

/*
 * Random mappings that share words and leave holes, and what a report of them
 * is: the words of each mapping, in order; its first word keeps what lies below.
 */
#define MODEL_PAGES 1024
#define MODEL_WORDS (MODEL_PAGES / 64)
#define MODEL_SPANS 64

struct model {
	u64 iova; /* where the report begins */
	int nspans;
	struct {
		int page, n;
	} spans[MODEL_SPANS];
	u64 dirty[MODEL_WORDS];
	u64 size; /* of all mappings */
};

static int below(int n)
{
	return t1x_random() % n;
}

static void model_map(struct model *m, struct t1x *c, char *mem, u64 iova)
{
	int page = 0;

	memset(m, 0, sizeof(*m));
	m->iova = iova;
	while (m->nspans < MODEL_SPANS) {
		/* Often without a gap, and many in one word */
		page += below(2) ? 0 : below(4) ? below(8) : below(150);
		int n = 1 + (below(3) ? below(20) : below(200));

		if (page + n > MODEL_PAGES)
			break;
		m->spans[m->nspans].page = page;
		m->spans[m->nspans++].n = n;
		t1x_map(c, mem, iova + PAGES(page), PAGES(n));
		m->size += PAGES(n);
		page += n;
	}
}

static void model_write(struct model *m, struct t1x_emu *emu)
{
	int i, k;

	for (i = 0; i < m->nspans; i++) {
		int page = m->spans[i].page, n = m->spans[i].n;

		for (k = 0; k < 3; k++) {
			/* The first, the last, or any; or not at all */
			int at = k == 0 ? 0 : k == 1 ? n - 1 : below(n);

			if (below(2))
				continue;
			write_page(emu, m->iova + PAGES(page + at));
			set_bits(m->dirty, page + at, 1);
		}
	}
}

static void model_report(const struct model *m, u64 *words)
{
	int i, k;

	for (i = 0; i < m->nspans; i++) {
		int page = m->spans[i].page, n = m->spans[i].n;
		u64 keep = words[page / 64] & ((1UL << page % 64) - 1);

		for (k = page / 64; k <= (page + n - 1) / 64; k++)
			words[k] = 0;
		words[page / 64] = keep;
		for (k = page; k < page + n; k++)
			if (get_bit(m->dirty, k))
				set_bits(words, k, 1);
	}
}

/* What the user has in the bitmap before */
static void fill(u64 *words, bool random)
{
	int i;

	for (i = 0; i < MODEL_WORDS; i++)
		words[i] = random ? t1x_random() : 0;
}

static bool model_get(struct t1x *c, struct model *m, bool random)
{
	u64 want[MODEL_WORDS], has[MODEL_WORDS];
	int ret;

	fill(want, random);
	memcpy(has, want, sizeof(has));
	model_report(m, want);
	ret = __t1x_dirty_get(c, m->iova, PAGES(MODEL_PAGES), has);
	memset(m->dirty, 0, sizeof(m->dirty));
	return !ret && equal(want, has, MODEL_WORDS);
}

static bool model_unmap(struct t1x *c, struct model *m, bool random)
{
	u64 want[MODEL_WORDS], has[MODEL_WORDS], unmapped = 0;
	int ret;

	fill(want, random);
	memcpy(has, want, sizeof(has));
	model_report(m, want);
	ret = __t1x_dirty_unmap(c, m->iova, PAGES(MODEL_PAGES), has, &unmapped);
	return !ret && unmapped == m->size && equal(want, has, MODEL_WORDS);
}

TEST_F(dirty, report_over_mappings_at_every_alignment)
{
	struct model m;
	int align;

	for (align = 0; align < 64; align++) {
		model_map(&m, &self->c, self->mem, T1X_BASE + PAGES(align));
		t1x_dirty_start(&self->c);
		model_write(&m, &self->emu);
		ASSERT_TRUE(model_get(&self->c, &m, false));
		t1x_dirty_stop(&self->c);
		ASSERT_EQ(m.size, t1x_unmap_all(&self->c));
	}
}

TEST_F(dirty, unmap_report_over_mappings_at_every_alignment)
{
	struct model m;
	int align;

	t1x_dirty_start(&self->c);
	for (align = 0; align < 64; align++) {
		model_map(&m, &self->c, self->mem, T1X_BASE + PAGES(align));
		model_write(&m, &self->emu);
		ASSERT_TRUE(model_unmap(&self->c, &m, false));
		ASSERT_EQ(0, t1x_unmap_all(&self->c));
	}
}

TEST_F(dirty, L05_report_keeps_the_users_bits_below_a_mapping_and_no_others)
{
	struct model m;
	int align;

	t1x_dirty_start(&self->c);
	for (align = 0; align < 64; align++) {
		model_map(&m, &self->c, self->mem, T1X_BASE + PAGES(align));
		model_write(&m, &self->emu);
		ASSERT_TRUE(model_get(&self->c, &m, true));
		model_write(&m, &self->emu);
		ASSERT_TRUE(model_unmap(&self->c, &m, true));
	}
}

TEST_F(dirty, L05_report_after_report_shows_nothing_stale)
{
	struct model m;
	int round, align;

	t1x_dirty_start(&self->c);
	for (align = 1; align < 64; align += 6) {
		model_map(&m, &self->c, self->mem, T1X_BASE + PAGES(align));
		for (round = 0; round < 6; round++) {
			model_write(&m, &self->emu);
			ASSERT_TRUE(model_get(&self->c, &m, false));
			/* All that is left is nothing */
			ASSERT_TRUE(model_get(&self->c, &m, false));
		}
		ASSERT_EQ(m.size, t1x_unmap_all(&self->c));
	}
}

/*
 * Mappings whose bitmap has five pages, each of which may be missing: some lie
 * on one page of it, some on two, and some words are of two mappings.
 */
#define LARGE_PAGES (4 * T1X_PAGE * 8)
#define LARGE_SIZE PAGES(LARGE_PAGES)
#define LARGE_LEN (LARGE_PAGES / 8)

struct large {
	u64 *want;
	char *area; /* the bitmap begins somewhere in its first page */
	char *bitmap;
	char *before;
};

static const int large_spans[][2] = {
	{ 5, 1 }, { 6, 60 }, { 100, 40000 }, { 40101, 30000 }, { 80000, 51072 },
};

#define NLARGE (int)(sizeof(large_spans) / sizeof(*large_spans))
#define LARGE_MAPPED PAGES(1 + 60 + 40000 + 30000 + 51072)

static char *large_mem(void)
{
	char *mem = mmap(NULL, LARGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	t1x_require(mem != MAP_FAILED, "no address space");
	madvise(mem, LARGE_SIZE, MADV_NOHUGEPAGE);
	return mem;
}

static void large_begin(struct large *l, struct t1x *c, struct t1x_emu *emu,
			char *mem)
{
	int i, k;

	l->want = calloc(1, LARGE_LEN);
	l->before = malloc(LARGE_LEN);
	l->area = mmap(NULL, PAGES(5), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	l->bitmap = l->area + 1000;
	for (i = 0; i < NLARGE; i++) {
		u64 page = large_spans[i][0], n = large_spans[i][1];

		t1x_map(c, mem + PAGES(page), T1X_BASE + PAGES(page), PAGES(n));
		for (k = 0; k < 8; k++) {
			u64 at = k == 0 ? 0 : k == 1 ? n - 1 : n * k / 8;

			write_page(emu, T1X_BASE + PAGES(page + at));
			set_bits(l->want, page + at, 1);
		}
	}
}

static void large_end(struct large *l, char *mem)
{
	munmap(mem, LARGE_SIZE);
	munmap(l->area, PAGES(5));
	free(l->want);
	free(l->before);
}

/* Takes page from the bitmap; bit 0 of how: only from writers */
static void hide(struct large *l, int page, int how)
{
	int ret = mprotect(l->area + PAGES(page), T1X_PAGE,
			   how & 1 ? PROT_READ : PROT_NONE);

	t1x_require(!ret, "mprotect: %s", strerror(errno));
}

static void unhide(struct large *l)
{
	t1x_require(!mprotect(l->area, PAGES(5), PROT_READ | PROT_WRITE),
		    "mprotect: %s", strerror(errno));
}

/* Something else than what a report writes */
static void spoil(struct large *l)
{
	memset(l->bitmap, 0, LARGE_LEN);
	memcpy(l->before, l->bitmap, LARGE_LEN);
}

TEST_F(dirty, L05_get_that_faults_loses_and_invents_nothing)
{
	char *mem = large_mem();
	struct large l;
	int i;

	t1x_dirty_start(&self->c);
	large_begin(&l, &self->c, &self->emu, mem);
	for (i = 0; i < 10; i++) {
		spoil(&l);
		hide(&l, i / 2, i);
		EXPECT_EQ(-EFAULT, __t1x_dirty_get(&self->c, T1X_BASE,
						   LARGE_SIZE, l.bitmap))
		{
			TH_LOG("page %d", i / 2);
		}
		unhide(&l);
		EXPECT_EQ(0, memcmp(l.before, l.bitmap, LARGE_LEN));
	}
	ASSERT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, LARGE_SIZE, l.bitmap));
	EXPECT_EQ(0, memcmp(l.want, l.bitmap, LARGE_LEN));

	memset(l.want, 0, LARGE_LEN);
	memset(l.bitmap, 0, LARGE_LEN);
	ASSERT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, LARGE_SIZE, l.bitmap));
	EXPECT_EQ(0, memcmp(l.want, l.bitmap, LARGE_LEN));
	large_end(&l, mem);
}

TEST_F(dirty, L05_unmap_that_faults_leaves_all_mappings_and_bits)
{
	u32 avail = t1x_dma_avail(&self->c);
	char *mem = large_mem();
	u64 unmapped = 0;
	struct large l;
	int i;

	t1x_dirty_start(&self->c);
	large_begin(&l, &self->c, &self->emu, mem);
	/* A pin goes with the attempt; what it may have written does not */
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(6), 1);
	for (i = 0; i < 10; i++) {
		spoil(&l);
		hide(&l, i / 2, i);
		EXPECT_EQ(-EFAULT,
			  __t1x_dirty_unmap(&self->c, T1X_BASE, LARGE_SIZE,
					    l.bitmap, NULL))
		{
			TH_LOG("page %d", i / 2);
		}
		unhide(&l);
		EXPECT_EQ(0, memcmp(l.before, l.bitmap, LARGE_LEN));
		EXPECT_EQ(avail - NLARGE, t1x_dma_avail(&self->c));
	}
	/* They can be used, pinned and written again */
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(5), 1);
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(5), 1);
	write_page(&self->emu, T1X_BASE + PAGES(7));
	set_bits(l.want, 7, 1);
	ASSERT_EQ(0, __t1x_dirty_unmap(&self->c, T1X_BASE, LARGE_SIZE, l.bitmap,
				       &unmapped));
	EXPECT_EQ(LARGE_MAPPED, unmapped);
	EXPECT_EQ(0, memcmp(l.want, l.bitmap, LARGE_LEN));
	EXPECT_EQ(avail, t1x_dma_avail(&self->c));
	large_end(&l, mem);
}

TEST_F(dirty, bitmap_that_nobody_has_touched_is_faulted_in)
{
	char *mem = large_mem();
	struct large l;

	t1x_dirty_start(&self->c);
	large_begin(&l, &self->c, &self->emu, mem);
	ASSERT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, LARGE_SIZE, l.bitmap));
	EXPECT_EQ(0, memcmp(l.want, l.bitmap, LARGE_LEN));
	large_end(&l, mem);
}

static long vmalloc_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	t1x_require(f, "no /proc/meminfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmallocUsed: %ld", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

/* Bitmaps of 32 MiB come and go; threads and other modules take little */
static bool vmalloc_is(long before, long mib)
{
	long has = vmalloc_kb() - before, slack = 8192;

	if (has >= (mib << 10) - slack && has <= (mib << 10) + slack)
		return true;
	printf("# VmallocUsed grew by %ld kB, expected %ld MiB\n", has, mib);
	return false;
}

TEST_F(dirty, bitmaps_are_freed_with_the_log_the_mapping_and_the_container)
{
	long before = vmalloc_kb();

	t1x_map(&self->c, self->mem, 1UL << 40, 1UL << 40);
	EXPECT_TRUE(vmalloc_is(before, 0));
	t1x_dirty_start(&self->c);
	t1x_map(&self->c, self->mem, 1UL << 41, 1UL << 40);
	EXPECT_TRUE(vmalloc_is(before, 64));
	t1x_dirty_stop(&self->c);
	EXPECT_TRUE(vmalloc_is(before, 0));
	t1x_dirty_start(&self->c);
	EXPECT_TRUE(vmalloc_is(before, 64));
	t1x_unmap(&self->c, 1UL << 41, 1UL << 40);
	EXPECT_TRUE(vmalloc_is(before, 32));
	t1x_emu_close(&self->emu);
	t1x_close(&self->c);
	EXPECT_TRUE(vmalloc_is(before, 0));
}

TEST_F(dirty, mapping_of_2_to_the_31_pages_cannot_be_tracked)
{
	const u64 most = PAGES((1UL << 31) - 1);
	long before = vmalloc_kb();
	u32 avail = t1x_dma_avail(&self->c);

	t1x_map(&self->c, self->mem, 1UL << 44, 1UL << 43);
	t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE);
	EXPECT_EQ(-EINVAL, __t1x_dirty(&self->c, T1X_DIRTY_START));
	EXPECT_FALSE(log_is_on(&self->c));
	EXPECT_TRUE(vmalloc_is(before, 0));
	t1x_unmap(&self->c, 1UL << 44, 1UL << 43);

	t1x_dirty_start(&self->c);
	EXPECT_EQ(-EINVAL,
		  __t1x_map(&self->c, self->mem, 1UL << 44, 1UL << 43));
	EXPECT_EQ(avail - 1, t1x_dma_avail(&self->c));
	t1x_map(&self->c, self->mem, (1UL << 44) + PAGES(63), most);
	EXPECT_TRUE(vmalloc_is(before, 256));
	write_page(&self->emu, (1UL << 44) + PAGES(63));
	t1x_unmap_all(&self->c);
	EXPECT_TRUE(vmalloc_is(before, 0));
}

#define CGROUP "/sys/fs/cgroup/t1x_dirty"

static bool cgroup_begin(u64 max)
{
	char text[32];

	t1x_write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		return false;
	snprintf(text, sizeof(text), "%lu", max);
	return !t1x_write_text(CGROUP "/memory.max", text);
}

static int start_in_cgroup(void *data)
{
	struct t1x *c = data;

	if (t1x_write_text(CGROUP "/cgroup.procs", "0"))
		return 10;
	return -__t1x_dirty(c, T1X_DIRTY_START);
}

TEST_F(dirty, L06_start_beyond_the_memory_cgroup_fails_whole)
{
	long before = vmalloc_kb();
	int status, i;
	pid_t pid;

	if (!cgroup_begin(16UL << 20))
		SKIP(return, "no memory cgroup");
	/* Bitmaps of 32 MiB in all */
	for (i = 0; i < 16; i++)
		t1x_map(&self->c, self->mem, (u64)(i + 1) << 40, 1UL << 36);

	pid = t1x_fork();
	if (!pid)
		_exit(start_in_cgroup(&self->c));
	ASSERT_EQ(0, t1x_wait(pid, 60000, &status));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ENOMEM, WEXITSTATUS(status));
	EXPECT_FALSE(log_is_on(&self->c));
	EXPECT_TRUE(vmalloc_is(before, 0));

	ASSERT_EQ(0, t1x_write_text(CGROUP "/memory.max", "max"));
	EXPECT_EQ(0, t1x_in_child(start_in_cgroup, &self->c));
	EXPECT_TRUE(log_is_on(&self->c));
	EXPECT_TRUE(vmalloc_is(before, 32));
	t1x_dirty_stop(&self->c);
	EXPECT_EQ(0, rmdir(CGROUP));
}

/* Some of what fails is not ours, and no error: so all are tried, to the last */
#define MAX_NTH 80

TEST_F(dirty, M39_start_that_is_out_of_memory_fails_whole)
{
	int i, nth, ret, refused = 0;
	u64 words[2];

	if (!t1x_fault_available())
		SKIP(return, "no fault injection");
	for (i = 0; i < 12; i++)
		t1x_map(&self->c, self->mem, T1X_BASE + i * PAGES(100),
			PAGES(100));
	for (nth = 1; nth < MAX_NTH; nth++) {
		t1x_fault_begin(nth);
		ret = __t1x_dirty(&self->c, T1X_DIRTY_START);
		t1x_fault_end();
		ASSERT_EQ(!ret, log_is_on(&self->c));
		t1x_dirty_stop(&self->c);
		/* The request could not be read */
		if (ret == -EFAULT)
			continue;
		if (ret)
			ASSERT_EQ(-ENOMEM, ret);
		refused += !!ret;
	}
	/* One for each bitmap, but for some that the allocator had at hand */
	EXPECT_LE(6, refused);
	t1x_dirty_start(&self->c);
	write_page(&self->emu, T1X_BASE + PAGES(1199));
	EXPECT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE + PAGES(1100),
				     PAGES(100), words));
	EXPECT_EQ(0, words[0]);
	EXPECT_EQ(1UL << 35, words[1]);
}

/*
 * A MAP may need a new slab, which takes one more allocation that may fail unseen,
 * and then the count means another one: no two in a row do.
 */
#define TRIES 3

TEST_F(dirty, M32_map_that_is_out_of_memory_changes_nothing)
{
	u32 avail = t1x_dma_avail(&self->c);
	int i, ret, refused = 0;

	if (!t1x_fault_available())
		SKIP(return, "no fault injection");
	t1x_dirty_start(&self->c);
	for (i = TRIES; i < TRIES * MAX_NTH; i++) {
		t1x_fault_begin(i / TRIES);
		ret = __t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
		t1x_fault_end();
		if (!ret)
			t1x_unmap(&self->c, T1X_BASE, SIZE);
		ASSERT_EQ(avail, t1x_dma_avail(&self->c));
		if (!ret || ret == -EFAULT)
			continue;
		ASSERT_EQ(-ENOMEM, ret);
		refused++;
	}
	/* The mapping and its bitmap at least, each all times but one */
	EXPECT_LE(2 * (TRIES - 1), refused);
}

TEST_F(dirty, log_of_a_container_without_groups_is_gone)
{
	t1x_dirty_start(&self->c);
	t1x_emu_close(&self->emu);
	t1x_del_group(&self->c, t1x_emu(0));
	EXPECT_EQ(-EINVAL, __t1x_dirty(&self->c, T1X_DIRTY_START));
	t1x_add_group(&self->c, t1x_emu(0));
	ASSERT_EQ(0, __t1x_set_iommu(&self->c));
	EXPECT_FALSE(log_is_on(&self->c));
}

/* One thread maps, unmaps and writes, the other starts, stops and asks */
struct churn {
	struct t1x *c;
	struct t1x_emu *emu;
	char *mem;
	int rounds;
	int strange;
};

static void *churn(void *data)
{
	struct churn *churn = data;
	u64 words[4];
	int i, k, ret;

	for (i = 0; i < churn->rounds; i++) {
		for (k = 0; k < 4; k++)
			ret = __t1x_map(churn->c, churn->mem,
					T1X_BASE + k * PAGES(50), PAGES(50));
		write_page(churn->emu, T1X_BASE + PAGES(i % 200));
		if (i % 3)
			ret = __t1x_unmap(churn->c, T1X_BASE, PAGES(200), NULL);
		else
			ret = __t1x_dirty_unmap(churn->c, T1X_BASE, PAGES(200),
						words, NULL);
		/* The log may be off; and then they are still there */
		if (ret && ret != -EINVAL)
			churn->strange = ret;
		if (ret)
			__t1x_unmap(churn->c, T1X_BASE, PAGES(200), NULL);
	}
	return NULL;
}

TEST_F(dirty, log_starts_and_stops_while_mappings_come_and_go)
{
	struct churn data = { &self->c, &self->emu, self->mem, 500, 0 };
	pthread_t thread;
	u64 words[4];
	int i, ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &data));
	for (i = 0; i < 500; i++) {
		t1x_dirty_start(&self->c);
		ret = __t1x_dirty_get(&self->c, T1X_BASE, PAGES(200), words);
		EXPECT_EQ(0, ret);
		t1x_dirty_stop(&self->c);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, data.strange);
}

FIXTURE(v1_dirty)
{
	struct t1x c;
	struct t1x_leak leak;
	char *mem;
};

FIXTURE_SETUP(v1_dirty)
{
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, VFIO_TYPE1_IOMMU, NULL);
}

FIXTURE_TEARDOWN(v1_dirty)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

TEST_F(v1_dirty, v1_has_no_log)
{
	u64 word = 0;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	EXPECT_EQ(-EACCES, __t1x_dirty(&self->c, T1X_DIRTY_START));
	EXPECT_EQ(-EACCES, __t1x_dirty(&self->c, T1X_DIRTY_STOP));
	EXPECT_EQ(-EACCES, __t1x_dirty(&self->c, 0));
	EXPECT_EQ(-EACCES,
		  __t1x_dirty_get(&self->c, T1X_BASE, PAGES(64), &word));
	/* Before anything is read */
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_DIRTY_PAGES, 8));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-EINVAL, __t1x_dirty_unmap(&self->c, T1X_BASE, PAGES(64),
					     &word, NULL));
	t1x_unmap(&self->c, T1X_BASE, PAGES(64));
}

FIXTURE(scope)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	const char *real;
	char *mem;
};

/* The emulated device first; the real one comes when the test wants it */
FIXTURE_SETUP(scope)
{
	self->real = t1x_any_device();
	if (!self->real || !t1x_emu_load(2, 0))
		SKIP(return, "needs a device and the module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_emu_begin(&self->emu, &self->c, &self->leak);
}

FIXTURE_TEARDOWN(scope)
{
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

TEST_F(scope, real_group_alone_makes_all_dirty)
{
	static const int spans[][2] = { { 3, 1 }, { 4, 70 }, { 80, 100 } };
	u64 want[4] = { 0 }, has[4] = { 0 }, unmapped = 0;
	struct t1x c;
	int i;

	t1x_open(&c, VFIO_TYPE1v2_IOMMU, self->real);
	for (i = 0; i < 3; i++) {
		int page = spans[i][0], n = spans[i][1];

		t1x_map(&c, self->mem + PAGES(page), T1X_BASE + PAGES(page),
			PAGES(n));
		set_bits(want, page, n);
	}
	t1x_dirty_start(&c);
	ASSERT_EQ(0, __t1x_dirty_get(&c, T1X_BASE, PAGES(180), has));
	EXPECT_TRUE(equal(want, has, 3));
	t1x_dirty_stop(&c);
	t1x_dirty_start(&c);
	memset(has, 0, sizeof(has));
	ASSERT_EQ(0,
		  __t1x_dirty_unmap(&c, T1X_BASE, PAGES(180), has, &unmapped));
	EXPECT_EQ(PAGES(171), unmapped);
	EXPECT_TRUE(equal(want, has, 3));

	/* What is mapped later is no different */
	t1x_map(&c, self->mem, T1X_BASE, PAGES(64));
	EXPECT_EQ(~0UL, dirty_word(&c, T1X_BASE, 64));
	EXPECT_EQ(~0UL, dirty_word(&c, T1X_BASE, 64));
	t1x_close(&c);
}

TEST_F(scope, real_group_makes_all_dirty_while_it_is_there)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_dirty_start(&self->c);
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(8), 1);
	EXPECT_EQ(1 << 8, dirty_word(&self->c, T1X_BASE, 64));

	t1x_add_group(&self->c, self->real);
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));

	/* M27: once more, for what it wrote before it went */
	t1x_del_group(&self->c, self->real);
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(1 << 8, dirty_word(&self->c, T1X_BASE, 64));

	t1x_add_group(&self->c, self->real);
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(8), 1);
	t1x_del_group(&self->c, self->real);
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(scope, M27_group_that_goes_leaves_all_dirty_without_a_report_before)
{
	u64 words[4] = { 0 }, want[4] = { ~0UL, ~0UL, ~0UL, ~0UL };

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	t1x_add_group(&self->c, self->real);
	t1x_dirty_start(&self->c);
	t1x_del_group(&self->c, self->real);
	/* What comes now it has not seen */
	t1x_map(&self->c, self->mem, 2 * T1X_BASE, PAGES(64));
	EXPECT_EQ(0, dirty_word(&self->c, 2 * T1X_BASE, 64));
	ASSERT_EQ(0, __t1x_dirty_unmap(&self->c, T1X_BASE, SIZE, words, NULL));
	EXPECT_TRUE(equal(want, words, 4));
}

TEST_F(scope, group_that_goes_before_the_log_leaves_nothing)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_add_group(&self->c, self->real);
	t1x_del_group(&self->c, self->real);
	t1x_dirty_start(&self->c);
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(scope, emulated_group_beside_a_real_one_comes_and_goes)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_add_group(&self->c, self->real);
	t1x_dirty_start(&self->c);
	t1x_emu_close(&self->emu);
	t1x_del_group(&self->c, t1x_emu(0));
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	t1x_add_group(&self->c, t1x_emu(1));
	t1x_emu_open(&self->emu, &self->c, t1x_emu(1));
	t1x_emu_pin(&self->emu, T1X_BASE, 1);
	/* Its pins tell of what it writes, not of what the other one does */
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	t1x_del_group(&self->c, self->real);
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(1, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(scope, one_of_two_real_groups_is_enough)
{
	const char *other = t1x_nvme(0);

	if (!other || !strcmp(other, self->real))
		other = t1x_edu(1);
	if (!other)
		SKIP(return, "one device only");
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
	t1x_add_group(&self->c, self->real);
	t1x_add_group(&self->c, other);
	t1x_dirty_start(&self->c);
	t1x_del_group(&self->c, self->real);
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	t1x_del_group(&self->c, other);
	EXPECT_EQ(~0UL, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(0, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_F(scope, L05_get_that_faults_beside_a_real_group_leaves_pins_and_writes)
{
	t1x_map(&self->c, self->mem, T1X_BASE + T1X_PAGE, PAGES(63));
	t1x_dirty_start(&self->c);
	write_page(&self->emu, T1X_BASE + PAGES(5));
	t1x_add_group(&self->c, self->real);
	EXPECT_EQ(-EFAULT,
		  __t1x_dirty_get(&self->c, T1X_BASE, PAGES(64), NULL));
	EXPECT_EQ(~1UL, dirty_word(&self->c, T1X_BASE, 64));
	EXPECT_EQ(~1UL, dirty_word(&self->c, T1X_BASE, 64));
}

TEST_HARNESS_MAIN
