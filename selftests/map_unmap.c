// SPDX-License-Identifier: GPL-2.0-only
/* MAP_DMA and UNMAP_DMA: which ranges go, which stay, and what is reported. */
#include "iotable.h"
#include "suite.h"

#include <sys/ioctl.h>

#define NPAGES 64

FIXTURE(map_unmap)
{
	struct t1x c;
	struct t1x_leak leak;
	char *mem;
};

T1X_BOTH_TYPES(map_unmap);

FIXTURE_SETUP(map_unmap)
{
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(NPAGES));
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, NULL);
}

FIXTURE_TEARDOWN(map_unmap)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static u64 page_iova(int page)
{
	return T1X_BASE + PAGES(page);
}

static void map_pages(struct t1x *c, char *mem, int first, int n)
{
	t1x_map(c, mem + PAGES(first), page_iova(first), PAGES(n));
}

/* The order in which a pattern visits the pages */
typedef int (*order_fn)(int step);

static int forward(int step)
{
	return step;
}

static int backward(int step)
{
	return NPAGES - 1 - step;
}

static int checkerboard(int step)
{
	return step < NPAGES / 2 ? 2 * step : 2 * (step - NPAGES / 2) + 1;
}

static int checkerboard_back(int step)
{
	return NPAGES - 1 - checkerboard(step);
}

static void check_pattern(struct t1x *c, char *mem, order_fn map_order,
			  order_fn unmap_order)
{
	u64 size;
	int i, ret;

	for (i = 0; i < NPAGES; i++) {
		int page = map_order(i);

		map_pages(c, mem, page, 1);
		ret = __t1x_map(c, mem, page_iova(page), T1X_PAGE);
		t1x_require(ret == -EEXIST, "second MAP of page %d: %d", page,
			    ret);
	}

	for (i = 0; i < NPAGES; i++) {
		int page = unmap_order(i);

		t1x_unmap(c, page_iova(page), T1X_PAGE);
		size = 1;
		ret = __t1x_unmap(c, page_iova(page), T1X_PAGE, &size);
		t1x_require(!ret && !size,
			    "second UNMAP of page %d: %d, size 0x%lx", page,
			    ret, size);
	}
}

static const order_fn orders[] = {
	forward,
	backward,
	checkerboard,
	checkerboard_back,
};

static void check_all_unmap_orders(struct t1x *c, char *mem, order_fn map_order)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++)
		check_pattern(c, mem, map_order, orders[i]);
}

TEST_F(map_unmap, pages_mapped_forward_unmap_in_any_order)
{
	check_all_unmap_orders(&self->c, self->mem, forward);
}

TEST_F(map_unmap, pages_mapped_backward_unmap_in_any_order)
{
	check_all_unmap_orders(&self->c, self->mem, backward);
}

TEST_F(map_unmap, pages_mapped_as_a_checkerboard_unmap_in_any_order)
{
	check_all_unmap_orders(&self->c, self->mem, checkerboard);
}

TEST_F(map_unmap, pages_mapped_as_a_checkerboard_backward_unmap_in_any_order)
{
	check_all_unmap_orders(&self->c, self->mem, checkerboard_back);
}

TEST_F(map_unmap, every_overlap_with_a_mapping_is_refused)
{
	static const struct {
		int first, n;
	} overlaps[] = {
		{ 8, 4 },  { 7, 2 },  { 7, 8 }, { 9, 1 },
		{ 11, 1 }, { 11, 5 }, { 8, 1 }, { 4, 5 },
	};
	unsigned int i;

	map_pages(&self->c, self->mem, 8, 4);

	for (i = 0; i < ARRAY_SIZE(overlaps); i++)
		EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem,
					     page_iova(overlaps[i].first),
					     PAGES(overlaps[i].n)));

	map_pages(&self->c, self->mem, 7, 1);
	map_pages(&self->c, self->mem, 12, 1);
	EXPECT_EQ(PAGES(6), t1x_unmap_all(&self->c));
}

TEST_F(map_unmap, one_unmap_removes_many_mappings_and_skips_holes)
{
	u64 size;
	int i;

	for (i = 0; i < NPAGES; i += 2)
		map_pages(&self->c, self->mem, i, 1);

	ASSERT_EQ(0, __t1x_unmap(&self->c, T1X_BASE - PAGES(4),
				 PAGES(NPAGES + 8), &size));
	EXPECT_EQ(PAGES(NPAGES / 2), size);

	for (i = 0; i < NPAGES; i++)
		map_pages(&self->c, self->mem, i, 1);
	EXPECT_EQ(PAGES(NPAGES), t1x_unmap_all(&self->c));
}

TEST_F(map_unmap, neighbours_in_both_spaces_stay_separate_mappings)
{
	u64 size;

	map_pages(&self->c, self->mem, 0, 1);
	map_pages(&self->c, self->mem, 1, 1);
	map_pages(&self->c, self->mem, 2, 1);

	t1x_unmap(&self->c, page_iova(1), T1X_PAGE);
	EXPECT_EQ(-EEXIST,
		  __t1x_map(&self->c, self->mem, page_iova(0), T1X_PAGE));
	EXPECT_EQ(-EEXIST,
		  __t1x_map(&self->c, self->mem, page_iova(2), T1X_PAGE));
	ASSERT_EQ(0, __t1x_unmap(&self->c, page_iova(0), PAGES(3), &size));
	EXPECT_EQ(PAGES(2), size);
}

TEST_F(map_unmap, unmap_of_the_head_takes_all_in_v1_and_fails_in_v2)
{
	u64 size = 0;
	int ret;

	map_pages(&self->c, self->mem, 0, NPAGES);
	ret = __t1x_unmap(&self->c, page_iova(0), T1X_PAGE, &size);

	if (variant->type == VFIO_TYPE1_IOMMU) {
		EXPECT_EQ(0, ret);
		EXPECT_EQ(PAGES(NPAGES), size);
		map_pages(&self->c, self->mem, 0, NPAGES);
	} else {
		EXPECT_EQ(-EINVAL, ret);
	}
	t1x_unmap(&self->c, page_iova(0), PAGES(NPAGES));
}

TEST_F(map_unmap, unmap_inside_a_mapping_takes_nothing_in_v1_and_fails_in_v2)
{
	bool v1 = variant->type == VFIO_TYPE1_IOMMU;
	u64 size;
	int page;

	map_pages(&self->c, self->mem, 0, NPAGES);
	for (page = NPAGES - 1; page > 0; page--) {
		size = 0;
		ASSERT_EQ(v1 ? 0 : -EINVAL,
			  __t1x_unmap(&self->c, page_iova(page), T1X_PAGE,
				      &size));
		ASSERT_EQ(0, size);
	}
	EXPECT_EQ(NPAGES, t1x_locked());
	t1x_unmap(&self->c, page_iova(0), PAGES(NPAGES));
}

/* Three mappings and the smallest model that tells what an UNMAP does to them */
struct model_dma {
	int first, last;
	bool present;
};

static int model_unmap(struct model_dma *dmas, int n, bool v1, int first,
		       int last, u64 *size)
{
	int i;

	*size = 0;
	for (i = 0; i < n; i++) {
		bool head_cut = first > dmas[i].first && first <= dmas[i].last;
		bool tail_cut = last >= dmas[i].first && last < dmas[i].last;

		if (!dmas[i].present)
			continue;
		if (!v1 && (head_cut || tail_cut))
			return -EINVAL;
		/* v1: what begins before the range ends the call quietly */
		if (v1 && head_cut)
			return 0;
	}

	for (i = 0; i < n; i++) {
		if (!dmas[i].present || dmas[i].first < first ||
		    dmas[i].first > last)
			continue;
		dmas[i].present = false;
		*size += PAGES(dmas[i].last - dmas[i].first + 1);
	}
	return 0;
}

static void check_grid_point(struct t1x *c, char *mem, bool v1, int first,
			     int last)
{
	struct model_dma dmas[] = {
		{ 2, 4, true },
		{ 6, 6, true },
		{ 7, 12, true },
	};
	u64 want_size, size = 0;
	int want, ret;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dmas); i++)
		map_pages(c, mem, dmas[i].first,
			  dmas[i].last - dmas[i].first + 1);

	want = model_unmap(dmas, ARRAY_SIZE(dmas), v1, first, last, &want_size);
	ret = __t1x_unmap(c, page_iova(first), PAGES(last - first + 1), &size);
	t1x_require(ret == want && size == want_size,
		    "UNMAP of pages %d to %d: %d, size 0x%lx, not %d, 0x%lx",
		    first, last, ret, size, want, want_size);

	for (i = 0; i < ARRAY_SIZE(dmas); i++) {
		u64 iova = page_iova(dmas[i].first);
		u64 len = PAGES(dmas[i].last - dmas[i].first + 1);

		if (dmas[i].present)
			t1x_unmap(c, iova, len);
		else
			t1x_map(c, mem, iova, len);
		if (!dmas[i].present)
			t1x_unmap(c, iova, len);
	}
}

TEST_F(map_unmap, unmap_agrees_with_the_model_at_every_boundary)
{
	static const int edges[] = { 2, 4, 6, 7, 12 };
	bool v1 = variant->type == VFIO_TYPE1_IOMMU;
	unsigned int i, j;
	int di, dj;

	for (i = 0; i < ARRAY_SIZE(edges); i++)
		for (j = i; j < ARRAY_SIZE(edges); j++)
			for (di = -1; di <= 1; di++)
				for (dj = -1; dj <= 1; dj++)
					if (edges[i] + di <= edges[j] + dj)
						check_grid_point(&self->c,
								 self->mem, v1,
								 edges[i] + di,
								 edges[j] + dj);
}

TEST_F(map_unmap, unmap_all_reports_the_whole_size)
{
	EXPECT_EQ(0, t1x_unmap_all(&self->c));

	map_pages(&self->c, self->mem, 0, 3);
	map_pages(&self->c, self->mem, 10, 5);
	t1x_map(&self->c, self->mem, 0, T1X_PAGE);

	EXPECT_EQ(PAGES(9), t1x_unmap_all(&self->c));
	EXPECT_EQ(0, t1x_unmap_all(&self->c));
}

TEST_F(map_unmap, unmap_all_with_a_range_is_refused)
{
	map_pages(&self->c, self->mem, 0, 1);
	EXPECT_EQ(-EINVAL, __t1x_unmap_flags(&self->c, 0, T1X_PAGE,
					     VFIO_DMA_UNMAP_FLAG_ALL, NULL));
	EXPECT_EQ(-EINVAL, __t1x_unmap_flags(&self->c, T1X_BASE, 0,
					     VFIO_DMA_UNMAP_FLAG_ALL, NULL));
	t1x_unmap(&self->c, page_iova(0), T1X_PAGE);
}

TEST_F(map_unmap, two_halves_of_the_space_remove_all)
{
	u64 low = 0, high = 1, half = 1ULL << 63;

	map_pages(&self->c, self->mem, 0, 1);
	map_pages(&self->c, self->mem, 2, 4);

	ASSERT_EQ(0, __t1x_unmap(&self->c, 0, half, &low));
	ASSERT_EQ(0, __t1x_unmap(&self->c, half, half, &high));
	EXPECT_EQ(PAGES(5), low);
	EXPECT_EQ(0, high);
}

TEST_F(map_unmap, unmap_that_ends_with_the_64_bit_space_removes_all)
{
	u64 size = 0;

	map_pages(&self->c, self->mem, 0, 2);
	map_pages(&self->c, self->mem, 3, 1);

	ASSERT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, -T1X_BASE, &size));
	EXPECT_EQ(PAGES(3), size);
	EXPECT_EQ(0, t1x_unmap_all(&self->c));
}

TEST_F(map_unmap, unmap_one_page_short_of_the_64_bit_space_removes_all)
{
	u64 size = 0;

	/* What a client falls back to when the range above is refused */
	map_pages(&self->c, self->mem, 0, 2);
	ASSERT_EQ(0,
		  __t1x_unmap(&self->c, T1X_BASE, -T1X_BASE - T1X_PAGE, &size));
	EXPECT_EQ(PAGES(2), size);
}

TEST_F(map_unmap, failed_unmap_leaves_its_argument_alone)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = T1X_BASE,
		.size = T1X_PAGE + 1,
	};
	struct vfio_iommu_type1_dma_unmap before = unmap;

	map_pages(&self->c, self->mem, 0, 4);
	EXPECT_EQ(-1, ioctl(self->c.fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, memcmp(&before, &unmap, sizeof(unmap)));
	t1x_unmap(&self->c, page_iova(0), PAGES(4));
}

TEST_F(map_unmap, unmap_of_empty_space_succeeds_with_size_zero)
{
	u64 size = 1;

	ASSERT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, PAGES(16), &size));
	EXPECT_EQ(0, size);
}

TEST_F(map_unmap, close_with_mappings_gives_all_back)
{
	int i;

	for (i = 0; i < NPAGES; i += 3)
		map_pages(&self->c, self->mem, i, 2);
	/* The teardown closes and counts */
}

static bool model_overlaps(const struct model_dma *dmas, int n, int first,
			   int last)
{
	int i;

	for (i = 0; i < n; i++)
		if (dmas[i].present && dmas[i].first <= last &&
		    first <= dmas[i].last)
			return true;
	return false;
}

static struct model_dma *model_free_slot(struct model_dma *dmas)
{
	while (dmas->present)
		dmas++;
	return dmas;
}

TEST_F(map_unmap, random_calls_agree_with_the_model)
{
	bool v1 = variant->type == VFIO_TYPE1_IOMMU;
	struct model_dma dmas[NPAGES + 1] = { 0 };
	int step, ret, want;

	for (step = 0; step < 1000; step++) {
		int first = t1x_random() % (NPAGES - 8);
		int last = first + t1x_random() % 8;
		u64 want_size = 0, size = 0;

		if (t1x_random() % 2) {
			bool busy = model_overlaps(dmas, NPAGES, first, last);

			ASSERT_EQ(busy ? -EEXIST : 0,
				  __t1x_map(&self->c, self->mem,
					    page_iova(first),
					    PAGES(last - first + 1)));
			if (!busy)
				*model_free_slot(dmas) =
					(struct model_dma){ first, last, true };
			continue;
		}

		want = model_unmap(dmas, NPAGES, v1, first, last, &want_size);
		ret = __t1x_unmap(&self->c, page_iova(first),
				  PAGES(last - first + 1), &size);
		ASSERT_EQ(want, ret);
		ASSERT_EQ(want_size, size);
	}
	t1x_unmap_all(&self->c);
}

FIXTURE(map_memory)
{
	struct t1x c;
	struct t1x_leak leak;
	const char *bdf;
	char *mem;
};

T1X_BOTH_TYPES_OF_MEMORY(map_memory);

#define MEMORY_SIZE (2 * T1X_2M)

FIXTURE_SETUP(map_memory)
{
	self->mem = t1x_mem_alloc(variant->kind, MEMORY_SIZE);
	if (!self->mem)
		SKIP(return, "no %s memory", t1x_mem_name(variant->kind));
	self->bdf = t1x_any_device();
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, self->bdf);
}

FIXTURE_TEARDOWN(map_memory)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* Checks the hardware's table where the kernel shows it */
static void expect_translated(const char *bdf, char *mem, u64 iova, u64 size)
{
	int bad;

	if (!t1x_iotable_available(bdf))
		return;
	bad = t1x_iotable_compare(bdf, mem, iova, size, true, true);
	t1x_require(!bad, "%d pages are not translated to their memory", bad);
}

static void expect_empty(const char *bdf, u64 iova, u64 size)
{
	int n;

	if (!t1x_iotable_available(bdf))
		return;
	n = t1x_iotable_count(bdf, iova, size);
	t1x_require(!n, "%d entries are left in the IOMMU's table", n);
}

TEST_F(map_memory, one_mapping_of_all_goes_as_a_whole)
{
	t1x_map(&self->c, self->mem, T1X_BASE, MEMORY_SIZE);
	EXPECT_EQ(MEMORY_SIZE / T1X_PAGE, t1x_locked());
	expect_translated(self->bdf, self->mem, T1X_BASE, MEMORY_SIZE);

	t1x_unmap(&self->c, T1X_BASE, MEMORY_SIZE);
	EXPECT_EQ(0, t1x_locked());
	expect_empty(self->bdf, T1X_BASE, MEMORY_SIZE);
}

TEST_F(map_memory, unaligned_iova_still_translates_every_page)
{
	u64 iova = T1X_BASE + PAGES(3);

	t1x_map(&self->c, self->mem, iova, MEMORY_SIZE);
	expect_translated(self->bdf, self->mem, iova, MEMORY_SIZE);
	t1x_unmap(&self->c, iova, MEMORY_SIZE);
	expect_empty(self->bdf, iova, MEMORY_SIZE);
}

TEST_F(map_memory, small_mappings_of_huge_pages_go_one_by_one)
{
	u64 at;

	for (at = 0; at < MEMORY_SIZE; at += PAGES(16))
		t1x_map(&self->c, self->mem + at, T1X_BASE + at, PAGES(16));
	expect_translated(self->bdf, self->mem, T1X_BASE, MEMORY_SIZE);

	/* Every second one: what is left must not have moved */
	for (at = 0; at < MEMORY_SIZE; at += PAGES(32))
		t1x_unmap(&self->c, T1X_BASE + at, PAGES(16));
	expect_translated(self->bdf, self->mem + PAGES(16),
			  T1X_BASE + PAGES(16), PAGES(16));
	expect_empty(self->bdf, T1X_BASE, PAGES(16));
	EXPECT_EQ(MEMORY_SIZE / 2, t1x_unmap_all(&self->c));
	expect_empty(self->bdf, T1X_BASE, MEMORY_SIZE);
}

TEST_F(map_memory, huge_mapping_resists_small_unmaps)
{
	bool v1 = variant->type == VFIO_TYPE1_IOMMU;
	u64 at, size = 0;

	t1x_map(&self->c, self->mem, T1X_BASE, MEMORY_SIZE);
	for (at = MEMORY_SIZE - PAGES(8); at; at -= PAGES(8))
		ASSERT_EQ(v1 ? 0 : -EINVAL, __t1x_unmap(&self->c, T1X_BASE + at,
							PAGES(8), &size));
	EXPECT_EQ(0, size);
	EXPECT_EQ(MEMORY_SIZE / T1X_PAGE, t1x_locked());
	expect_translated(self->bdf, self->mem, T1X_BASE, MEMORY_SIZE);

	if (v1) {
		ASSERT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, T1X_PAGE, &size));
		EXPECT_EQ(MEMORY_SIZE, size);
	} else {
		t1x_unmap(&self->c, T1X_BASE, MEMORY_SIZE);
	}
	expect_empty(self->bdf, T1X_BASE, MEMORY_SIZE);
}

TEST_F(map_memory, one_superset_unmap_removes_mappings_of_all_sizes)
{
	u64 size;

	t1x_map(&self->c, self->mem, T1X_BASE, T1X_2M);
	t1x_map(&self->c, self->mem + T1X_2M, T1X_BASE + 4 * T1X_2M, T1X_PAGE);
	t1x_map(&self->c, self->mem + T1X_2M, T1X_BASE + 5 * T1X_2M,
		T1X_2M - T1X_PAGE);

	ASSERT_EQ(0,
		  __t1x_unmap(&self->c, T1X_BASE - T1X_2M, 16 * T1X_2M, &size));
	EXPECT_EQ(2 * T1X_2M, size);
	expect_empty(self->bdf, T1X_BASE - T1X_2M, 16 * T1X_2M);
}

TEST_HARNESS_MAIN
