// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings made with a granule: any of their parts can go, the rest stays as it
 * is. Each test runs over kinds of memory and granules, in v1 and in v2, and
 * with UNMAP_RANGE and UNMAP_DMA.
 */
#include "parts.h"
#include "ranges.h"
#include "suite.h"

#include <pthread.h>
#include <sys/mman.h>

#define K64 (16 * T1X_PAGE)

TEST(extension_is_there_on_type1x_alone)
{
	EXPECT_TRUE(t1x_extension_is_ours(VFIO_TYPE1X_GRANULE,
					  VFIO_IOMMU_TYPE1X_MAP_RANGE));
}

FIXTURE(granule)
{
	struct t1x_parts_rig rig;
};

T1X_PARTS_VARIANTS(granule);

/* clang-format off */

T1X_PARTS_VARIANT(granule, v1_4k_by_4k, VFIO_TYPE1_IOMMU, T1X_MEM_4K, T1X_PAGE, K64);
T1X_PARTS_VARIANT(granule, v2_4k_by_4k, VFIO_TYPE1v2_IOMMU, T1X_MEM_4K, T1X_PAGE, K64);
T1X_PARTS_VARIANT(granule, v2_4k_by_64k, VFIO_TYPE1v2_IOMMU, T1X_MEM_4K, K64, 16 * K64);
T1X_PARTS_VARIANT(granule, v1_memfd_by_64k, VFIO_TYPE1_IOMMU, T1X_MEM_SHMEM, K64, 8 * K64);
T1X_PARTS_VARIANT(granule, v1_thp_by_4k, VFIO_TYPE1_IOMMU, T1X_MEM_THP, T1X_PAGE, T1X_2M);
T1X_PARTS_VARIANT(granule, v2_thp_by_64k, VFIO_TYPE1v2_IOMMU, T1X_MEM_THP, K64, 2 * T1X_2M);
T1X_PARTS_VARIANT(granule, v2_thp_by_2m, VFIO_TYPE1v2_IOMMU, T1X_MEM_THP, T1X_2M, 8 * T1X_2M);
T1X_PARTS_VARIANT(granule, v2_2m_by_4k, VFIO_TYPE1v2_IOMMU, T1X_MEM_2M, T1X_PAGE, T1X_2M);
T1X_PARTS_VARIANT(granule, v1_2m_by_64k, VFIO_TYPE1_IOMMU, T1X_MEM_2M, K64, 2 * T1X_2M);
T1X_PARTS_VARIANT(granule, v2_2m_by_2m, VFIO_TYPE1v2_IOMMU, T1X_MEM_2M, T1X_2M, 8 * T1X_2M);
T1X_PARTS_VARIANT(granule, v2_memfd_2m_by_64k, VFIO_TYPE1v2_IOMMU, T1X_MEM_MEMFD_2M, K64, T1X_2M);

/* clang-format on */

FIXTURE_SETUP(granule)
{
	const char *skip = t1x_parts_begin(&self->rig, variant->type,
					   variant->kind, variant->granule,
					   variant->size);

	if (skip)
		SKIP(return, "%s", skip);
	/* DMA is tried where there is no part any more */
	self->rig.parts.nvme = &self->rig.nvme;
	self->rig.leak.allow_faults = true;
}

FIXTURE_TEARDOWN(granule)
{
	EXPECT_EQ(0, t1x_parts_end(&self->rig));
}

static const t1x_parts_cut cuts[] = {
	t1x_parts_unmap_range,
	t1x_parts_unmap_dma,
};

TEST_F(granule, whole_mapping_is_in_pages_no_larger_than_the_granule)
{
	t1x_parts_check(&self->rig.parts);
	t1x_parts_unmap_range(&self->rig.parts, 0, self->rig.parts.n);
	t1x_parts_check(&self->rig.parts);
}

/* The ends, the middle, what is left beside the middle over its hole, all */
static void cut_everywhere(struct t1x_parts *parts, t1x_parts_cut cut)
{
	cut(parts, 0, 1);
	t1x_parts_check(parts);
	cut(parts, parts->n - 1, 1);
	t1x_parts_check(parts);
	cut(parts, parts->n / 2, 1);
	t1x_parts_check(parts);
	cut(parts, parts->n / 2 - 1, 3);
	t1x_parts_check(parts);
	cut(parts, 0, parts->n);
	t1x_parts_check(parts);
}

TEST_F(granule, left_right_and_middle_go_and_the_rest_stays)
{
	struct t1x_parts *parts = &self->rig.parts;

	cut_everywhere(parts, t1x_parts_unmap_range);
	t1x_parts_restore(parts, 0, parts->n);
	cut_everywhere(parts, t1x_parts_unmap_dma);
}

TEST_F(granule, every_second_part_goes_and_comes_back)
{
	struct t1x_parts *parts = &self->rig.parts;
	int i;

	for (i = 0; i < parts->n; i += 2)
		cuts[i / 2 % 2](parts, i, 1);
	t1x_parts_check(parts);
	for (i = 0; i < parts->n; i += 2)
		t1x_parts_restore(parts, i, 1);
	t1x_parts_check(parts);
	/* Many mappings by now */
	t1x_parts_unmap_range(parts, 1, parts->n - 2);
	t1x_parts_check(parts);
}

TEST_F(granule, random_parts_go_and_come_back)
{
	struct t1x_parts *parts = &self->rig.parts;
	int step, first, n;

	for (step = 1; step <= 120; step++) {
		first = t1x_random() % parts->n;
		n = 1 + t1x_random() % (parts->n - first);
		if (n > 3 && t1x_random() % 4)
			n = 3;
		if (!parts->there[first])
			t1x_parts_restore(parts, first, 1);
		else
			cuts[t1x_random() % 2](parts, first, n);
		if (!(step % 24))
			t1x_parts_check(parts);
	}
}

TEST_F(granule, cut_within_the_granule_is_refused_and_changes_nothing)
{
	struct t1x_parts *parts = &self->rig.parts;
	u64 g = parts->granule, size = parts->n * g;
	const u64 bad[][2] = {
		{ 0, T1X_PAGE },
		{ 0, g - T1X_PAGE },
		{ 0, g + T1X_PAGE },
		{ T1X_PAGE, g - T1X_PAGE },
		{ g - T1X_PAGE, T1X_PAGE },
		{ T1X_PAGE, size - T1X_PAGE },
		{ g, size - g - T1X_PAGE },
		{ g / 2, g },
	};
	u32 avail = t1x_dma_avail(&self->rig.c);
	unsigned int i;
	u64 iova;

	if (g == T1X_PAGE)
		SKIP(return, "there is nothing within a page");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		iova = parts->iova + bad[i][0];
		EXPECT_EQ(-EINVAL,
			  __t1x_unmap_range(&self->rig.c, iova,
					    iova + bad[i][1] - 1, NULL));
		EXPECT_EQ(-EINVAL,
			  __t1x_unmap(&self->rig.c, iova, bad[i][1], NULL));
	}
	EXPECT_EQ(avail, t1x_dma_avail(&self->rig.c));
	t1x_parts_check(parts);
}

TEST_F(granule, part_that_has_gone_can_hold_other_memory)
{
	struct t1x_parts *parts = &self->rig.parts;
	char *other = t1x_mem_alloc(T1X_MEM_4K, K64);
	int mid = parts->n / 2;
	u64 iova = t1x_parts_iova(parts, mid);

	t1x_parts_unmap_range(parts, mid, 1);
	t1x_map(&self->rig.c, other, iova, T1X_PAGE);
	EXPECT_TRUE(t1x_nvme_reaches(&self->rig.nvme, other, iova));
	EXPECT_EQ(-EEXIST, __t1x_map_granule(&self->rig.c, other, iova,
					     iova + parts->granule - 1, 0));
	/* It has no granule, and its neighbours have kept theirs */
	t1x_unmap(&self->rig.c, iova, T1X_PAGE);
	t1x_parts_unmap_range(parts, mid - 1, 3);
	t1x_parts_check(parts);
	munmap(other, K64);
}

TEST_F(granule, dma_avail_counts_the_pieces)
{
	struct t1x_parts *parts = &self->rig.parts;
	u32 avail = t1x_dma_avail(&self->rig.c);

	/* Off the ends none is needed, out of the middle one */
	t1x_parts_unmap_range(parts, 0, 1);
	EXPECT_EQ(avail, t1x_dma_avail(&self->rig.c));
	t1x_parts_unmap_dma(parts, parts->n - 1, 1);
	EXPECT_EQ(avail, t1x_dma_avail(&self->rig.c));
	t1x_parts_unmap_range(parts, parts->n / 2, 1);
	EXPECT_EQ(avail - 1, t1x_dma_avail(&self->rig.c));
	EXPECT_EQ((parts->n - 3) * parts->granule + PAGES(T1X_NVME_PAGES),
		  t1x_unmap_all(&self->rig.c));
	EXPECT_EQ(avail + 2, t1x_dma_avail(&self->rig.c));
}

#define NTHREADS 4

struct cutter {
	pthread_t thread;
	struct t1x_parts *parts;
	int first, n;
};

/* One part after the other, from both ends to the middle */
static void *cut_all(void *arg)
{
	struct cutter *cutter = arg;
	int i, at;

	for (i = 0; i < cutter->n; i++) {
		at = i % 2 ? cutter->n - 1 - i / 2 : i / 2;
		cuts[i % 2](cutter->parts, cutter->first + at, 1);
	}
	return NULL;
}

TEST_F(granule, threads_cut_one_mapping_at_once)
{
	struct t1x_parts *parts = &self->rig.parts;
	struct cutter cutters[NTHREADS];
	u32 avail = t1x_dma_avail(&self->rig.c);
	int i, n = parts->n / NTHREADS;

	for (i = 0; i < NTHREADS; i++) {
		cutters[i] = (struct cutter){ 0, parts, i * n, n - i % 2 };
		ASSERT_EQ(0, pthread_create(&cutters[i].thread, NULL, cut_all,
					    &cutters[i]));
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_join(cutters[i].thread, NULL);
	/* Two parts are left, the second and the fourth thread's last */
	t1x_parts_check(parts);
	EXPECT_EQ(avail - 1, t1x_dma_avail(&self->rig.c));
	EXPECT_EQ(2 * parts->granule + PAGES(T1X_NVME_PAGES),
		  t1x_unmap_all(&self->rig.c));
}

TEST_F(granule, container_that_closes_takes_the_pieces_with_it)
{
	struct t1x_parts *parts = &self->rig.parts;
	int i;

	for (i = 1; i < parts->n; i += 3)
		cuts[i % 2](parts, i, 1);
	/* The teardown closes and counts */
}

/* A page that takes long to get, once for each type */
FIXTURE(gigabyte)
{
	struct t1x_parts_rig rig;
};

T1X_BOTH_TYPES(gigabyte);

FIXTURE_SETUP(gigabyte)
{
	const char *skip = t1x_parts_begin(&self->rig, variant->type,
					   T1X_MEM_1G, 0, T1X_1G);

	if (skip)
		SKIP(return, "%s", skip);
	self->rig.parts.nvme = &self->rig.nvme;
	self->rig.leak.allow_faults = true;
}

FIXTURE_TEARDOWN(gigabyte)
{
	EXPECT_EQ(0, t1x_parts_end(&self->rig));
}

TEST_F(gigabyte, page_goes_in_parts_of_any_size)
{
	static const struct {
		u64 granule, size;
	} rows[] = {
		{ T1X_PAGE, 2 * T1X_2M },
		{ K64, 8 * T1X_2M },
		{ T1X_2M, T1X_1G },
		{ T1X_1G / 4, T1X_1G },
	};
	struct t1x_parts *parts = &self->rig.parts;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		t1x_parts_free(parts);
		t1x_parts_map(parts, self->rig.mem, T1X_BASE, rows[i].granule,
			      rows[i].size / rows[i].granule);
		cut_everywhere(parts, cuts[i % 2]);
	}
}

TEST_HARNESS_MAIN
