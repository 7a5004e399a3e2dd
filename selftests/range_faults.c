// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_RANGE, UNMAP_RANGE, DIRTY_RANGE and PGSIZES where something fails: each
 * allocation and each copy of a call in turn, to the last. A call that fails has
 * changed nothing. Debug kernels only.
 */
#include "device_emu.h"
#include "dirty.h"
#include "fault.h"
#include "iotable.h"
#include "ranges.h"
#include "suite.h"

#include <stdlib.h>

#define NPAGES 96
#define SIZE PAGES(NPAGES)
/* More than any call has */
#define MOST 2000

FIXTURE(range_faults)
{
	struct t1x c;
	struct t1x_leak leak;
	const char *bdf;
	u64 supported;
	u32 avail;
	long pins;
	u64 iova; /* of the mapping that is made */
	int refused;
	char *mem;
};

T1X_BOTH_TYPES(range_faults);

FIXTURE_SETUP(range_faults)
{
	if (!t1x_is_type1x() || !t1x_fault_available())
		SKIP(return, "needs type1x and fault injection");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	self->bdf = t1x_any_device();
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, self->bdf);
	self->supported = t1x_pgsizes_supported(&self->c);
	self->avail = t1x_dma_avail(&self->c);
	self->pins = t1x_pins();
	self->iova = T1X_BASE;
}

FIXTURE_TEARDOWN(range_faults)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static void require_ret(int nth, bool failed, int ret)
{
	bool expected = ret == -ENOMEM || ret == -EFAULT;

	t1x_require(!ret || (failed && expected), "failure %d: %s", nth,
		    strerror(-ret));
	t1x_require(nth < MOST, "more than %d failures", MOST);
}

/* How much a call allocates is not the same each time, but nearly so */
#define QUIET 4

/*
 * Makes the call with its first failure, its second and so on, until it has
 * fewer. What it changed if it succeeded all the same, check() takes back; after
 * a failure, where ret is not 0, it looks whether all is as it was.
 */
#define FAIL_EACH(self, call, check)                                   \
	do {                                                           \
		int nth, ret, quiet = 0;                               \
		bool failed;                                           \
		(self)->refused = 0;                                   \
		for (nth = 1; quiet < QUIET; nth++) {                  \
			t1x_fault_begin(nth);                          \
			ret = call(self);                              \
			failed = t1x_fault_end();                      \
			quiet = failed ? 0 : quiet + 1;                \
			require_ret(nth, failed, ret);                 \
			(self)->refused += !!ret;                      \
			check(self, ret);                              \
		}                                                      \
		printf("# %s: %d of %d failures were errors\n", #call, \
		       (self)->refused, nth - QUIET - 1);              \
	} while (0)

/*
 * Expects so many errors. What one call allocates, another one finds ready: a failure
 * may pass over what it was to hit, and then the calls are made again.
 */
#define REFUSE_EACH(self, call, check, least)                       \
	do {                                                        \
		int round = 0;                                      \
		do {                                                \
			FAIL_EACH(self, call, check);               \
		} while ((self)->refused < (least) && ++round < 5); \
		EXPECT_LE(least, (self)->refused);                  \
	} while (0)

static u64 page_iova(int page)
{
	return T1X_BASE + PAGES(page);
}

/* These pages in so many mappings are all that is charged, pinned and mapped */
static void require_pages(struct _test_data_range_faults *self, long n,
			  u32 mappings)
{
	long locked = t1x_locked(), pins = t1x_pins() - self->pins;
	u32 used = self->avail - t1x_dma_avail(&self->c);

	t1x_require(locked == n && pins == n && used == mappings,
		    "VmLck %ld pages, %ld pins, %u entries; not %ld, %u",
		    locked, pins, used, n, mappings);
}

static void require_table(struct _test_data_range_faults *self, bool all)
{
	static const bool parts[2][2] = { { false, false }, { true, true } };

	if (!t1x_iotable_available(self->bdf))
		return;
	t1x_require(!t1x_iotable_compare_parts(self->bdf, self->mem, self->iova,
					       SIZE / 2, 2, parts[all]),
		    "the IOMMU's table has changed");
}

/* Each time where the IOMMU has no page table yet, so that it must have one */
static u64 fresh_last(struct _test_data_range_faults *self)
{
	self->iova += T1X_1G;
	return self->iova + SIZE - 1;
}

static int map_plain(struct _test_data_range_faults *self)
{
	u64 last = fresh_last(self);

	return __t1x_map_range(&self->c, self->mem, self->iova, last);
}

static int map_granule(struct _test_data_range_faults *self)
{
	u64 last = fresh_last(self);

	return __t1x_map_granule(&self->c, self->mem, self->iova, last, 0);
}

static void check_map(struct _test_data_range_faults *self, int ret)
{
	if (!ret) {
		require_pages(self, NPAGES, 1);
		require_table(self, true);
		t1x_unmap_range(&self->c, self->iova, self->iova + SIZE - 1,
				SIZE);
	}
	require_pages(self, 0, 0);
	require_table(self, false);
}

TEST_F(range_faults, map_range)
{
	/* Above what the machine reserves */
	self->iova = 1UL << 40;
	REFUSE_EACH(self, map_plain, check_map, 3);
	REFUSE_EACH(self, map_granule, check_map, 3);
}

/* Three of 32 pages; the outer ones can be cut */
static void map_three(struct _test_data_range_faults *self)
{
	t1x_map_granule(&self->c, self->mem, page_iova(0), PAGES(32), 0);
	t1x_map(&self->c, self->mem + PAGES(32), page_iova(32), PAGES(32));
	t1x_map_granule(&self->c, self->mem + PAGES(64), page_iova(64),
			PAGES(32), 0);
}

static int unmap_over_all(struct _test_data_range_faults *self)
{
	return __t1x_unmap_range(&self->c, page_iova(16), page_iova(80) - 1,
				 NULL);
}

static int unmap_dma_over_all(struct _test_data_range_faults *self)
{
	return __t1x_unmap(&self->c, page_iova(16), PAGES(64), NULL);
}

static void check_unmap_over_all(struct _test_data_range_faults *self, int ret)
{
	if (!ret) {
		require_pages(self, 32, 2);
		t1x_require(t1x_unmap_all(&self->c) == PAGES(32), "too much");
		map_three(self);
	}
	require_pages(self, NPAGES, 3);
	require_table(self, true);
}

/* Where UNMAP_DMA cannot tell the size, all is gone: as in-tree has it */
static int without_size(struct _test_data_range_faults *self, int ret,
			long rest)
{
	return ret == -EFAULT && t1x_locked() == rest ? 0 : ret;
}

static void check_unmap_dma_over_all(struct _test_data_range_faults *self,
				     int ret)
{
	check_unmap_over_all(self, without_size(self, ret, 32));
}

TEST_F(range_faults, unmap_that_cuts_two_mappings)
{
	map_three(self);
	REFUSE_EACH(self, unmap_over_all, check_unmap_over_all, 2);
	REFUSE_EACH(self, unmap_dma_over_all, check_unmap_dma_over_all, 2);
}

static void map_one(struct _test_data_range_faults *self)
{
	t1x_map_granule(&self->c, self->mem, T1X_BASE, SIZE, 0);
}

static int unmap_middle(struct _test_data_range_faults *self)
{
	return __t1x_unmap_range(&self->c, page_iova(40), page_iova(42) - 1,
				 NULL);
}

static int unmap_dma_middle(struct _test_data_range_faults *self)
{
	return __t1x_unmap(&self->c, page_iova(40), PAGES(2), NULL);
}

static void check_unmap_middle(struct _test_data_range_faults *self, int ret)
{
	if (!ret) {
		require_pages(self, NPAGES - 2, 2);
		t1x_require(t1x_unmap_all(&self->c) == SIZE - PAGES(2),
			    "too much");
		map_one(self);
	}
	require_pages(self, NPAGES, 1);
	require_table(self, true);
}

static void check_unmap_dma_middle(struct _test_data_range_faults *self,
				   int ret)
{
	check_unmap_middle(self, without_size(self, ret, NPAGES - 2));
}

TEST_F(range_faults, unmap_out_of_the_middle)
{
	map_one(self);
	/* The second mapping that is needed, at least */
	REFUSE_EACH(self, unmap_middle, check_unmap_middle, 2);
	REFUSE_EACH(self, unmap_dma_middle, check_unmap_dma_middle, 2);
}

static int set_page_size(struct _test_data_range_faults *self)
{
	return __t1x_pgsizes_set(&self->c, T1X_PAGE);
}

static void check_pgsizes(struct _test_data_range_faults *self, int ret)
{
	u64 want = ret ? self->supported : T1X_PAGE;

	t1x_require(t1x_pgsizes(&self->c) == want, "page sizes 0x%lx",
		    t1x_pgsizes(&self->c));
	t1x_require(!__t1x_pgsizes_set(&self->c, self->supported), "SET");
}

static int get_pgsizes(struct _test_data_range_faults *self)
{
	u64 pgsizes;

	return __t1x_pgsizes_get(&self->c, &pgsizes, &pgsizes);
}

static void check_nothing(struct _test_data_range_faults *self, int ret)
{
	t1x_require(t1x_pgsizes(&self->c) == self->supported,
		    "page sizes 0x%lx", t1x_pgsizes(&self->c));
}

TEST_F(range_faults, page_sizes)
{
	/* The copies of its argument */
	REFUSE_EACH(self, set_page_size, check_pgsizes, 2);
	REFUSE_EACH(self, get_pgsizes, check_nothing, 2);
}

/* With a log of what an emulated device writes and pins */
FIXTURE(dirty_faults)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	u32 avail;
	u64 words[4];
	int refused;
	char *mem;
};

FIXTURE_SETUP(dirty_faults)
{
	if (!t1x_is_type1x() || !t1x_fault_available() || !t1x_emu_load(1, 0))
		SKIP(return, "needs type1x, fault injection and t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_emu_begin(&self->emu, &self->c, &self->leak);
	self->avail = t1x_dma_avail(&self->c);
	t1x_dirty_start(&self->c);
}

FIXTURE_TEARDOWN(dirty_faults)
{
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

/* Pages that are written, in the first and the second word of the bitmap */
#define WORD0 0x0000010080000008UL
#define WORD1 0x40000002UL

static void begin_log(struct _test_data_dirty_faults *self)
{
	static const int written[] = { 3, 31, 40, 65, 94 };
	char byte = 1;
	int i;

	t1x_map_granule(&self->c, self->mem, T1X_BASE, SIZE, 0);
	for (i = 0; i < 5; i++)
		t1x_require(!__t1x_emu_write(&self->emu, page_iova(written[i]),
					     &byte, 1),
			    "page %d", written[i]);
}

static void require_bits(struct _test_data_dirty_faults *self, u64 word0,
			 u64 word1)
{
	u64 words[2] = { 1, 1 };
	int ret;

	ret = __t1x_dirty_range(&self->c, T1X_BASE, T1X_BASE + SIZE - 1,
				VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR, words);
	t1x_require(!ret && words[0] == word0 && words[1] == word1,
		    "DIRTY_RANGE: %d, %016lx %016lx", ret, words[0], words[1]);
}

/* What the call has reported */
static void require_words(struct _test_data_dirty_faults *self, u64 word0,
			  u64 word1)
{
	t1x_require(self->words[0] == word0 && self->words[1] == word1,
		    "%016lx %016lx", self->words[0], self->words[1]);
}

static int get_all(struct _test_data_dirty_faults *self)
{
	memset(self->words, 0x55, sizeof(self->words));
	return __t1x_dirty_range(&self->c, T1X_BASE, T1X_BASE + SIZE - 1, 0,
				 self->words);
}

static int peek_all(struct _test_data_dirty_faults *self)
{
	return __t1x_dirty_range(&self->c, T1X_BASE, T1X_BASE + SIZE - 1,
				 VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR, self->words);
}

static void check_get(struct _test_data_dirty_faults *self, int ret)
{
	if (!ret) {
		require_words(self, WORD0, WORD1);
		require_bits(self, 0, 0);
		t1x_unmap_range(&self->c, T1X_BASE, T1X_BASE + SIZE - 1, SIZE);
		begin_log(self);
	}
	require_bits(self, WORD0, WORD1);
}

static void check_peek(struct _test_data_dirty_faults *self, int ret)
{
	if (!ret)
		require_words(self, WORD0, WORD1);
	require_bits(self, WORD0, WORD1);
}

TEST_F(dirty_faults, dirty_range)
{
	begin_log(self);
	REFUSE_EACH(self, get_all, check_get, 2);
	REFUSE_EACH(self, peek_all, check_peek, 2);
}

/* Out of the middle, where the device has a pin */
static int unmap_pinned(struct _test_data_dirty_faults *self)
{
	memset(self->words, 0, sizeof(self->words));
	return __t1x_unmap_range_dirty(&self->c, page_iova(30),
				       page_iova(70) - 1, self->words, NULL);
}

static void pin_both(struct _test_data_dirty_faults *self)
{
	t1x_emu_pin(&self->emu, page_iova(40), 1);
	t1x_emu_pin(&self->emu, page_iova(94), 1);
}

static void check_unmap_pinned(struct _test_data_dirty_faults *self, int ret)
{
	u64 held = t1x_emu_held(&self->emu);

	/* A device that was asked has let go, though the call has failed */
	t1x_require(held == 1 || (ret && held == 2), "%lu pages are held",
		    held);
	if (ret) {
		t1x_require(t1x_dma_avail(&self->c) == self->avail - 1,
			    "the mapping is cut");
		require_bits(self, WORD0, WORD1);
	} else {
		require_words(self, WORD0 & ~8UL, 2);
		require_bits(self, 8, WORD1 & ~2UL);
		t1x_unmap_range(&self->c, 0, T1X_EVERYTHING, SIZE - PAGES(40));
		begin_log(self);
		pin_both(self);
		return;
	}
	if (held == 1)
		t1x_emu_pin(&self->emu, page_iova(40), 1);
}

TEST_F(dirty_faults, unmap_range_with_a_bitmap)
{
	begin_log(self);
	pin_both(self);
	REFUSE_EACH(self, unmap_pinned, check_unmap_pinned, 3);
	EXPECT_EQ(SIZE, t1x_unmap_all(&self->c));
}

TEST_HARNESS_MAIN
