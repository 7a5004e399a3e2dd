// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of requests, those of type1 and those that type1x adds, and the capability chain
 * of GET_INFO.
 */
#include "../uapi.c"

#include <linux/prandom.h>

#include "fake_alloc.h"

#define SEED 0x7431780002ULL
#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

#define MAP_ARGSZ offsetofend(struct vfio_iommu_type1_dma_map, size)
#define UNMAP_ARGSZ offsetofend(struct vfio_iommu_type1_dma_unmap, size)

/*
 * vfio core's chain, so that the tests need no vfio: one buffer that grows by the
 * size of each capability, which the one before it points at.
 */
struct vfio_info_cap_header *vfio_info_cap_add(struct vfio_info_cap *caps,
					       size_t size, u16 id, u16 version)
{
	struct vfio_info_cap_header *header, *last;
	void *buf;

	size = ALIGN(size, sizeof(u64));
	buf = krealloc(caps->buf, caps->size + size, GFP_KERNEL);
	if (!buf) {
		kfree(caps->buf);
		*caps = (struct vfio_info_cap){};
		return ERR_PTR(-ENOMEM);
	}

	caps->buf = buf;
	header = buf + caps->size;
	memset(header, 0xff, size);
	header->id = id;
	header->version = version;
	header->next = 0;
	if (caps->size) {
		for (last = buf; last->next; last = buf + last->next)
			;
		last->next = caps->size;
	}
	caps->size += size;
	return header;
}

int vfio_info_add_capability(struct vfio_info_cap *caps,
			     struct vfio_info_cap_header *cap, size_t size)
{
	struct vfio_info_cap_header *header;

	header = vfio_info_cap_add(caps, size, cap->id, cap->version);
	if (IS_ERR(header))
		return PTR_ERR(header);

	memcpy(header + 1, cap + 1, size - sizeof(*header));
	return 0;
}

/* ---- MAP_DMA ---- */

struct map_row {
	const char *name;
	u32 argsz;
	u32 flags;
	u64 vaddr;
	u64 iova;
	u64 size;
	unsigned long pgsize;
	int ret;
};

#define MAP_ROW(_name, _argsz, _flags, _vaddr, _iova, _size, _pgsize, _ret) \
	{                                                                   \
		_name, _argsz, _flags, _vaddr, _iova, _size, _pgsize, _ret  \
	}

#define TOP (-(u64)SZ_4K) /* the last page */

/* Where two things are wrong, the row says which of them counts. */
static const struct map_row map_rows[] = {
	MAP_ROW("one page", MAP_ARGSZ, RW, SZ_4K, SZ_8K, SZ_4K, SZ_4K, 0),
	MAP_ROW("long argsz", U32_MAX, RW, SZ_4K, SZ_8K, SZ_4K, SZ_4K, 0),
	MAP_ROW("read only", MAP_ARGSZ, VFIO_DMA_MAP_FLAG_READ, 0, 0, SZ_4K,
		SZ_4K, 0),
	MAP_ROW("write only", MAP_ARGSZ, VFIO_DMA_MAP_FLAG_WRITE, 0, 0, SZ_4K,
		SZ_4K, 0),
	MAP_ROW("the last page", MAP_ARGSZ, RW, 0, TOP, SZ_4K, SZ_4K, 0),
	MAP_ROW("the last address", MAP_ARGSZ, RW, TOP, 0, SZ_4K, SZ_4K, 0),
	MAP_ROW("all but a page", MAP_ARGSZ, RW, 0, SZ_4K, TOP, SZ_4K, 0),
	MAP_ROW("short argsz", MAP_ARGSZ - 1, RW, 0, 0, SZ_4K, SZ_4K, -EINVAL),
	MAP_ROW("no argsz", 0, RW, 0, 0, SZ_4K, SZ_4K, -EINVAL),
	MAP_ROW("unknown flag", MAP_ARGSZ, RW | BIT(31), 0, 0, SZ_4K, SZ_4K,
		-EINVAL),
	MAP_ROW("set vaddr", MAP_ARGSZ, VFIO_DMA_MAP_FLAG_VADDR, 0, 0, SZ_4K,
		SZ_4K, 0),
	MAP_ROW("set vaddr and permission", MAP_ARGSZ,
		VFIO_DMA_MAP_FLAG_VADDR | VFIO_DMA_MAP_FLAG_READ, 0, 0, SZ_4K,
		SZ_4K, -EINVAL),
	MAP_ROW("no permission", MAP_ARGSZ, 0, 0, 0, SZ_4K, SZ_4K, -EINVAL),
	MAP_ROW("empty", MAP_ARGSZ, RW, 0, 0, 0, SZ_4K, -EINVAL),
	MAP_ROW("misaligned iova", MAP_ARGSZ, RW, 0, 1, SZ_4K, SZ_4K, -EINVAL),
	MAP_ROW("misaligned vaddr", MAP_ARGSZ, RW, SZ_2K, 0, SZ_4K, SZ_4K,
		-EINVAL),
	MAP_ROW("misaligned size", MAP_ARGSZ, RW, 0, 0, SZ_4K + 1, SZ_4K,
		-EINVAL),
	MAP_ROW("smaller than the page", MAP_ARGSZ, RW, 0, 0, SZ_4K, SZ_64K,
		-EINVAL),
	MAP_ROW("iova wraps", MAP_ARGSZ, RW, 0, TOP, SZ_8K, SZ_4K, -T1X_EWRAP),
	MAP_ROW("vaddr wraps", MAP_ARGSZ, RW, TOP, 0, SZ_8K, SZ_4K, -T1X_EWRAP),
	MAP_ROW("iova wraps to itself", MAP_ARGSZ, RW, 0, SZ_4K, U64_MAX, SZ_4K,
		-T1X_EWRAP),
	MAP_ROW("wrap before permission", MAP_ARGSZ, 0, 0, TOP, SZ_8K, SZ_4K,
		-T1X_EWRAP),
	MAP_ROW("wrap before alignment", MAP_ARGSZ, RW, 1, TOP, SZ_8K + 1,
		SZ_4K, -T1X_EWRAP),
	MAP_ROW("empty before wrap", MAP_ARGSZ, 0, TOP, TOP + 1, 0, SZ_4K,
		-EINVAL),
	MAP_ROW("flag before wrap", MAP_ARGSZ, BIT(31), 0, TOP, SZ_8K, SZ_4K,
		-EINVAL),
	MAP_ROW("argsz before wrap", 0, RW, 0, TOP, SZ_8K, SZ_4K, -EINVAL),
};

static void map_requests_by_row(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map_rows); i++) {
		const struct map_row *row = &map_rows[i];
		const struct vfio_iommu_type1_dma_map req = {
			.argsz = row->argsz,
			.flags = row->flags,
			.vaddr = row->vaddr,
			.iova = row->iova,
			.size = row->size,
		};
		struct t1x_uapi_map args = {};

		KUNIT_EXPECT_EQ_MSG(test, row->ret,
				    t1x_uapi_check_map(&req, row->pgsize,
						       &args),
				    "%s", row->name);
		if (row->ret)
			continue;

		KUNIT_EXPECT_EQ_MSG(test, row->iova, (u64)args.iova, "%s",
				    row->name);
		KUNIT_EXPECT_EQ_MSG(test, row->vaddr, (u64)args.vaddr, "%s",
				    row->name);
		KUNIT_EXPECT_EQ_MSG(test, row->iova + row->size - 1,
				    (u64)args.last, "%s", row->name);
		KUNIT_EXPECT_EQ_MSG(test,
				    !!(row->flags & VFIO_DMA_MAP_FLAG_READ),
				    !!(args.prot & IOMMU_READ), "%s",
				    row->name);
		KUNIT_EXPECT_EQ_MSG(test,
				    !!(row->flags & VFIO_DMA_MAP_FLAG_WRITE),
				    !!(args.prot & IOMMU_WRITE), "%s",
				    row->name);
		KUNIT_EXPECT_EQ_MSG(test, 0,
				    args.prot & ~(IOMMU_READ | IOMMU_WRITE),
				    "%s", row->name);
	}
}

/* ---- UNMAP_DMA ---- */

struct unmap_row {
	const char *name;
	u32 argsz;
	u32 flags;
	u64 iova;
	u64 size;
	unsigned long pgsize;
	int ret;
};

#define UNMAP_ROW(_name, _argsz, _flags, _iova, _size, _pgsize, _ret) \
	{                                                             \
		_name, _argsz, _flags, _iova, _size, _pgsize, _ret    \
	}

#define ALL VFIO_DMA_UNMAP_FLAG_ALL

static const struct unmap_row unmap_rows[] = {
	UNMAP_ROW("one page", UNMAP_ARGSZ, 0, SZ_4K, SZ_4K, SZ_4K, 0),
	UNMAP_ROW("the last page", UNMAP_ARGSZ, 0, TOP, SZ_4K, SZ_4K, 0),
	UNMAP_ROW("all but a page", UNMAP_ARGSZ, 0, 0, TOP, SZ_4K, 0),
	UNMAP_ROW("everything", UNMAP_ARGSZ, ALL, 0, 0, SZ_4K, 0),
	UNMAP_ROW("everything, large pages", UNMAP_ARGSZ, ALL, 0, 0, SZ_2M, 0),
	UNMAP_ROW("short argsz", UNMAP_ARGSZ - 1, 0, 0, SZ_4K, SZ_4K, -EINVAL),
	UNMAP_ROW("unknown flag", UNMAP_ARGSZ, BIT(31), 0, SZ_4K, SZ_4K,
		  -EINVAL),
	UNMAP_ROW("empty", UNMAP_ARGSZ, 0, 0, 0, SZ_4K, -EINVAL),
	UNMAP_ROW("misaligned iova", UNMAP_ARGSZ, 0, SZ_2K, SZ_4K, SZ_4K,
		  -EINVAL),
	UNMAP_ROW("misaligned size", UNMAP_ARGSZ, 0, 0, SZ_4K + 1, SZ_4K,
		  -EINVAL),
	UNMAP_ROW("smaller than the page", UNMAP_ARGSZ, 0, 0, SZ_4K, SZ_2M,
		  -EINVAL),
	UNMAP_ROW("everything and an iova", UNMAP_ARGSZ, ALL, SZ_4K, 0, SZ_4K,
		  -EINVAL),
	UNMAP_ROW("everything and a size", UNMAP_ARGSZ, ALL, 0, SZ_4K, SZ_4K,
		  -EINVAL),
	UNMAP_ROW("wrap", UNMAP_ARGSZ, 0, TOP, SZ_8K, SZ_4K, -T1X_EWRAP),
	UNMAP_ROW("wrap of the largest size", UNMAP_ARGSZ, 0, SZ_8K, TOP, SZ_4K,
		  -T1X_EWRAP),
	UNMAP_ROW("iova before wrap", UNMAP_ARGSZ, 0, TOP + 1, SZ_8K, SZ_4K,
		  -EINVAL),
	UNMAP_ROW("size before wrap", UNMAP_ARGSZ, 0, TOP, SZ_8K + 1, SZ_4K,
		  -EINVAL),
	UNMAP_ROW("argsz before wrap", 0, 0, TOP, SZ_8K, SZ_4K, -EINVAL),
};

/* Both checks of a request without a bitmap, as the ioctl makes them. */
static int check_unmap(const struct vfio_iommu_type1_dma_unmap *req,
		       unsigned long pgsize, struct t1x_uapi_unmap *args)
{
	return t1x_uapi_check_unmap_flags(req, NULL) ?:
		       t1x_uapi_check_unmap(req, pgsize, args);
}

static void unmap_requests_by_row(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unmap_rows); i++) {
		const struct unmap_row *row = &unmap_rows[i];
		const struct vfio_iommu_type1_dma_unmap req = {
			.argsz = row->argsz,
			.flags = row->flags,
			.iova = row->iova,
			.size = row->size,
		};
		struct t1x_uapi_unmap args = {};
		bool all = row->flags & ALL;

		KUNIT_EXPECT_EQ_MSG(test, row->ret,
				    check_unmap(&req, row->pgsize, &args), "%s",
				    row->name);
		if (row->ret)
			continue;

		KUNIT_EXPECT_EQ_MSG(test, row->iova, (u64)args.iova, "%s",
				    row->name);
		KUNIT_EXPECT_EQ_MSG(test,
				    all ? U64_MAX : row->iova + row->size - 1,
				    (u64)args.last, "%s", row->name);
	}
}

/* What a range must be, said without a sum. */
static int model_range(u64 start, u64 size, unsigned long pgsize)
{
	if (!size)
		return -EINVAL;
	if (size - 1 > U64_MAX - start)
		return -T1X_EWRAP;
	return start % pgsize || size % pgsize ? -EINVAL : 0;
}

/* -1, 0 and +1 page, and byte, at each edge of the space and of a page. */
static void grid_of_edges(struct kunit *test)
{
	static const u64 edges[] = { 0, SZ_2M, BIT_ULL(39), BIT_ULL(63), TOP };
	static const s64 steps[] = { -SZ_4K, -1, 0, 1, SZ_4K };
	unsigned int i, j, k, l;

	for (i = 0; i < ARRAY_SIZE(edges) * ARRAY_SIZE(steps); i++) {
		for (j = 0; j < ARRAY_SIZE(edges) * ARRAY_SIZE(steps); j++) {
			struct vfio_iommu_type1_dma_map req = {
				.argsz = MAP_ARGSZ,
				.flags = RW,
			};
			struct t1x_uapi_map args = {};

			k = i % ARRAY_SIZE(steps);
			l = j % ARRAY_SIZE(steps);
			req.iova = edges[i / ARRAY_SIZE(steps)] + steps[k];
			req.size = edges[j / ARRAY_SIZE(steps)] + steps[l];
			KUNIT_EXPECT_EQ(test,
					model_range(req.iova, req.size, SZ_4K),
					t1x_uapi_check_map(&req, SZ_4K, &args));

			swap(req.iova, req.vaddr);
			KUNIT_EXPECT_EQ(test,
					model_range(req.vaddr, req.size, SZ_4K),
					t1x_uapi_check_map(&req, SZ_4K, &args));
		}
	}
}

static u64 random_number(struct rnd_state *rnd)
{
	u64 number = (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);

	number >>= prandom_u32_state(rnd) % 64;
	if (prandom_u32_state(rnd) & 1)
		number = -number;
	if (prandom_u32_state(rnd) & 3)
		number &= ~(u64)(SZ_4K - 1);
	return number;
}

/* In-tree's order for an UNMAP: iova, size, then the wrap. */
static int model_unmap(u64 iova, u64 size, unsigned long pgsize)
{
	if (iova % pgsize || size % pgsize)
		return -EINVAL;
	return model_range(iova, size, pgsize);
}

static void random_requests_against_the_model(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int i;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (i = 0; i < 20000; i++) {
		struct vfio_iommu_type1_dma_unmap req = {
			.argsz = UNMAP_ARGSZ,
			.iova = random_number(&rnd),
			.size = random_number(&rnd),
		};
		unsigned long pgsize = BIT(12 + prandom_u32_state(&rnd) % 10);
		struct t1x_uapi_unmap args = {};
		int ret = t1x_uapi_check_unmap(&req, pgsize, &args);

		KUNIT_EXPECT_EQ(test, model_unmap(req.iova, req.size, pgsize),
				ret);
		if (!ret)
			KUNIT_EXPECT_EQ(test, req.size - 1,
					(u64)(args.last - args.iova));
	}
}

/* ---- MAP_RANGE ---- */

#define CUT (RW | VFIO_TYPE1X_MAP_FLAG_GRANULE)

struct map_range_row {
	const char *name;
	struct vfio_type1x_map_range req;
	int ret;
	u64 granule; /* of the result */
};

#define MAP_RANGE(_flags, _vaddr, _iova, _last, _granule)                    \
	{                                                                    \
		sizeof(struct vfio_type1x_map_range), _flags, _vaddr, _iova, \
			_last, _granule                                      \
	}

/* With pages of 8 KiB. Where two things are wrong, the row says which counts. */
static const struct map_range_row map_range_rows[] = {
	{ "one page", MAP_RANGE(RW, 0, 0, SZ_8K - 1, 0) },
	{ "the last page", MAP_RANGE(RW, 0, -(u64)SZ_8K, U64_MAX, 0) },
	{ "everything", MAP_RANGE(RW, 0, 0, U64_MAX, 0) },
	{ "the last address", MAP_RANGE(RW, -(u64)SZ_8K, 0, SZ_8K - 1, 0) },
	{ "read only",
	  MAP_RANGE(VFIO_TYPE1X_MAP_FLAG_READ, 0, 0, SZ_8K - 1, 0) },
	{ "write only",
	  MAP_RANGE(VFIO_TYPE1X_MAP_FLAG_WRITE, 0, 0, SZ_8K - 1, 0) },
	{ "a granule of 0", MAP_RANGE(CUT, 0, 0, SZ_1M - 1, 0), 0, SZ_8K },
	{ "a granule of a page", MAP_RANGE(CUT, 0, 0, SZ_1M - 1, SZ_8K), 0,
	  SZ_8K },
	{ "a granule as long as the range",
	  MAP_RANGE(CUT, SZ_8K, SZ_1M, SZ_2M - 1, SZ_1M), 0, SZ_1M },
	{ "the largest granule", MAP_RANGE(CUT, 0, 0, U64_MAX, BIT_ULL(63)), 0,
	  BIT_ULL(63) },
	{ "no permission", MAP_RANGE(0, 0, 0, SZ_8K - 1, 0), -EINVAL },
	{ "a granule alone",
	  MAP_RANGE(VFIO_TYPE1X_MAP_FLAG_GRANULE, 0, 0, SZ_8K - 1, 0),
	  -EINVAL },
	{ "unknown flag", MAP_RANGE(RW | BIT(2), 0, 0, SZ_8K - 1, 0), -EINVAL },
	{ "unknown high flag", MAP_RANGE(RW | BIT(31), 0, 0, SZ_8K - 1, 0),
	  -EINVAL },
	{ "a granule without its flag", MAP_RANGE(RW, 0, 0, SZ_8K - 1, SZ_8K),
	  -EINVAL },
	{ "last before iova", MAP_RANGE(RW, 0, SZ_8K, SZ_8K - 1, 0), -EINVAL },
	{ "vaddr wraps", MAP_RANGE(RW, -(u64)SZ_8K, 0, SZ_16K - 1, 0),
	  -T1X_EWRAP },
	{ "vaddr wraps by a byte", MAP_RANGE(RW, 1, 0, U64_MAX, 0),
	  -T1X_EWRAP },
	{ "wrap before alignment", MAP_RANGE(RW, -(u64)SZ_4K, 1, SZ_16K, 0),
	  -T1X_EWRAP },
	{ "wrap before granule", MAP_RANGE(CUT, -(u64)SZ_8K, 0, SZ_16K - 1, 3),
	  -T1X_EWRAP },
	{ "last before iova before wrap", MAP_RANGE(RW, U64_MAX, SZ_8K, 0, 0),
	  -EINVAL },
	{ "misaligned iova", MAP_RANGE(RW, 0, SZ_4K, SZ_16K - 1, 0), -EINVAL },
	{ "misaligned end", MAP_RANGE(RW, 0, 0, SZ_4K - 1, 0), -EINVAL },
	{ "last is not the last byte", MAP_RANGE(RW, 0, 0, SZ_8K, 0), -EINVAL },
	{ "misaligned vaddr", MAP_RANGE(RW, SZ_4K, 0, SZ_8K - 1, 0), -EINVAL },
	{ "a granule below the page", MAP_RANGE(CUT, 0, 0, SZ_8K - 1, SZ_4K),
	  -EINVAL },
	{ "a granule that is no power of two",
	  MAP_RANGE(CUT, 0, 0, 3 * SZ_8K - 1, 3 * SZ_8K), -EINVAL },
	{ "a range that begins inside a granule",
	  MAP_RANGE(CUT, 0, SZ_8K, SZ_32K - 1, SZ_16K), -EINVAL },
	{ "a range that ends inside a granule",
	  MAP_RANGE(CUT, 0, 0, 3 * SZ_8K - 1, SZ_16K), -EINVAL },
};

static void map_range_requests_by_row(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map_range_rows); i++) {
		const struct map_range_row *row = &map_range_rows[i];
		struct vfio_type1x_map_range req = row->req;
		struct t1x_uapi_map args = { .vaddr_only = true };

		KUNIT_EXPECT_EQ_MSG(test, row->ret,
				    t1x_uapi_check_map_range(&req, SZ_8K,
							     &args),
				    "%s", row->name);
		if (row->ret)
			continue;

		KUNIT_EXPECT_EQ_MSG(test, req.iova, (u64)args.iova, "%s",
				    row->name);
		KUNIT_EXPECT_EQ_MSG(test, req.last, (u64)args.last, "%s",
				    row->name);
		KUNIT_EXPECT_EQ_MSG(test, req.vaddr, (u64)args.vaddr, "%s",
				    row->name);
		KUNIT_EXPECT_EQ_MSG(test, row->granule, (u64)args.granule, "%s",
				    row->name);
		KUNIT_EXPECT_EQ_MSG(test, prot_of(req.flags), args.prot, "%s",
				    row->name);
		KUNIT_EXPECT_FALSE_MSG(test, args.vaddr_only, "%s", row->name);

		/* A longer struct is one of the future; a shorter one is wrong. */
		req.argsz = U32_MAX;
		KUNIT_EXPECT_EQ(test, 0,
				t1x_uapi_check_map_range(&req, SZ_8K, &args));
		req.argsz = sizeof(req) - 1;
		KUNIT_EXPECT_EQ(test, -EINVAL,
				t1x_uapi_check_map_range(&req, SZ_8K, &args));
	}
}

/* The parameter's granule, cut down so that no MAP_DMA fails for it. */
static void a_default_granule_fits_every_range(struct kunit *test)
{
	static const struct {
		u64 iova;
		u64 last;
		unsigned long granule;
		unsigned long pgsize;
		unsigned long want;
	} rows[] = {
		{ 0, SZ_2M - 1, SZ_2M, SZ_4K, SZ_2M },
		{ 0, SZ_2M - 1, SZ_4K, SZ_4K, SZ_4K },
		{ 0, SZ_2M - 1, SZ_1G, SZ_4K, SZ_2M },
		{ SZ_4K, SZ_2M - 1, SZ_2M, SZ_4K, SZ_4K },
		{ 0, SZ_2M + SZ_64K - 1, SZ_2M, SZ_4K, SZ_64K },
		{ SZ_1M, 3 * SZ_1M - 1, SZ_2M, SZ_4K, SZ_1M },
		{ 0, U64_MAX, SZ_2M, SZ_4K, SZ_2M },
		{ -(u64)SZ_8K, U64_MAX, SZ_2M, SZ_4K, SZ_8K },
		/* Smaller than a page of the IOMMU: that is it, then. */
		{ 0, SZ_2M - 1, SZ_4K, SZ_64K, SZ_64K },
		{ SZ_64K, SZ_128K - 1, SZ_2M, SZ_64K, SZ_64K },
	};
	struct t1x_uapi_map args = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		args = (struct t1x_uapi_map){
			.iova = rows[i].iova,
			.last = rows[i].last,
		};
		t1x_uapi_default_granule(&args, rows[i].granule,
					 rows[i].pgsize);
		KUNIT_EXPECT_EQ_MSG(test, rows[i].want, args.granule, "row %u",
				    i);
	}
}

/* ---- UNMAP_RANGE and DIRTY_RANGE ---- */

#define REPORT VFIO_TYPE1X_UNMAP_FLAG_GET_DIRTY_BITMAP

struct range_row {
	const char *name;
	u32 flags;
	u64 iova;
	u64 last;
	u64 pgsize;
	u64 size;
	int ret;
};

#define RANGE_ROW(_name, _flags, _iova, _last, _pgsize, _size, _ret) \
	{                                                            \
		_name, _flags, _iova, _last, _pgsize, _size, _ret    \
	}

/* For both with a bitmap: windows of pages of 4 KiB. */
static const struct range_row window_rows[] = {
	RANGE_ROW("one page", 0, 0, SZ_4K - 1, SZ_4K, 8, 0),
	RANGE_ROW("64 pages", 0, 0, SZ_256K - 1, SZ_4K, 8, 0),
	RANGE_ROW("65 pages", 0, 0, SZ_256K + SZ_4K - 1, SZ_4K, 16, 0),
	RANGE_ROW("two pages of two words", 0, SZ_256K - SZ_4K,
		  SZ_256K + SZ_4K - 1, SZ_4K, 16, 0),
	RANGE_ROW("the last page", 0, TOP, U64_MAX, SZ_4K, 8, 0),
	RANGE_ROW("a longer bitmap", 0, 0, SZ_4K - 1, SZ_4K, SZ_4K, 0),
	RANGE_ROW("the longest bitmap", 0, 0, SZ_4K - 1, SZ_4K,
		  T1X_DIRTY_MAX_SIZE, 0),
	RANGE_ROW("the longest window", 0, 0, (1ULL << 43) - 1, SZ_4K,
		  T1X_DIRTY_MAX_SIZE, 0),
	RANGE_ROW("a bitmap that is too long", 0, 0, SZ_4K - 1, SZ_4K,
		  T1X_DIRTY_MAX_SIZE + 1, -EINVAL),
	RANGE_ROW("a window that is too long", 0, 0, 1ULL << 43 | (SZ_4K - 1),
		  SZ_4K, T1X_DIRTY_MAX_SIZE + 8, -EINVAL),
	RANGE_ROW("everything", 0, 0, U64_MAX, SZ_4K, T1X_DIRTY_MAX_SIZE,
		  -EINVAL),
	RANGE_ROW("no bitmap", 0, 0, SZ_4K - 1, SZ_4K, 0, -EINVAL),
	RANGE_ROW("half a word", 0, 0, SZ_4K - 1, SZ_4K, 7, -EINVAL),
	RANGE_ROW("one word of two", 0, SZ_256K - SZ_4K, SZ_256K + SZ_4K - 1,
		  SZ_4K, 15, -EINVAL),
	RANGE_ROW("no page size", 0, 0, SZ_4K - 1, 0, 8, -EINVAL),
	RANGE_ROW("another page size", 0, 0, SZ_4K - 1, SZ_2M, 8, -EINVAL),
	RANGE_ROW("two page sizes", 0, 0, SZ_4K - 1, SZ_4K | SZ_2M, 8, -EINVAL),
	RANGE_ROW("last before iova", 0, SZ_4K, SZ_4K - 1, SZ_4K, 8, -EINVAL),
	RANGE_ROW("misaligned iova", 0, 1, SZ_4K - 1, SZ_4K, 8, -EINVAL),
	RANGE_ROW("misaligned end", 0, 0, SZ_4K, SZ_4K, 8, -EINVAL),
	RANGE_ROW("unknown flag", BIT(1), 0, SZ_4K - 1, SZ_4K, 8, -EINVAL),
};

static struct vfio_type1x_unmap_range
unmap_range_of(const struct range_row *row)
{
	return (struct vfio_type1x_unmap_range){
		.argsz = sizeof(struct vfio_type1x_unmap_range),
		.flags = row->flags,
		.iova = row->iova,
		.last = row->last,
		.bitmap_pgsize = row->pgsize,
		.bitmap_size = row->size,
		.bitmap_data = SZ_1G,
	};
}

static void windows_of_unmap_range_by_row(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(window_rows); i++) {
		const struct range_row *row = &window_rows[i];
		struct vfio_type1x_unmap_range req = unmap_range_of(row);
		struct t1x_uapi_unmap args = { .lenient = true };
		int ret;

		req.flags |= REPORT;
		ret = t1x_uapi_check_unmap_range(&req, SZ_4K, &args);
		KUNIT_EXPECT_EQ_MSG(test, row->ret, ret, "%s", row->name);
		if (row->ret)
			continue;

		KUNIT_EXPECT_EQ(test, row->iova, (u64)args.iova);
		KUNIT_EXPECT_EQ(test, row->last, (u64)args.last);
		KUNIT_EXPECT_TRUE(test, args.report && args.window);
		KUNIT_EXPECT_FALSE(test, args.lenient || args.vaddr_only);
		KUNIT_EXPECT_EQ(test, row->size, args.bitmap.size);
		KUNIT_EXPECT_EQ(test, (unsigned long)SZ_1G, args.bitmap.addr);
		req.argsz--;
		KUNIT_EXPECT_EQ(test, -EINVAL,
				t1x_uapi_check_unmap_range(&req, SZ_4K, &args));
	}
}

static void windows_of_dirty_range_by_row(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(window_rows); i++) {
		const struct range_row *row = &window_rows[i];
		struct vfio_type1x_dirty_range req = {
			.argsz = sizeof(req),
			.bitmap_data = SZ_1G,
			.bitmap_size = row->size,
			.bitmap_pgsize = row->pgsize,
			.iova = row->iova,
			.last = row->last,
			.flags = row->flags,
		};
		struct t1x_uapi_dirty args = {};
		int ret = t1x_uapi_check_dirty_range(&req, SZ_4K, &args);

		KUNIT_EXPECT_EQ_MSG(test, row->ret, ret, "%s", row->name);
		if (row->ret)
			continue;

		KUNIT_EXPECT_EQ(test, row->iova, (u64)args.iova);
		KUNIT_EXPECT_EQ(test, row->last, (u64)args.last);
		KUNIT_EXPECT_EQ(test, row->size, args.bitmap.size);
		KUNIT_EXPECT_EQ(test, (unsigned long)SZ_1G, args.bitmap.addr);
		KUNIT_EXPECT_FALSE(test, args.no_clear);
		req.flags = VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR;
		ret = t1x_uapi_check_dirty_range(&req, SZ_4K, &args);
		KUNIT_EXPECT_EQ(test, 0, ret);
		KUNIT_EXPECT_TRUE(test, args.no_clear);
		req.argsz--;
		KUNIT_EXPECT_EQ(test, -EINVAL,
				t1x_uapi_check_dirty_range(&req, SZ_4K, &args));
	}
}

/* Without a bitmap its fields are 0, and no window is too long. */
static void unmap_range_requests_by_row(struct kunit *test)
{
	static const struct range_row rows[] = {
		RANGE_ROW("everything", 0, 0, U64_MAX, 0, 0, 0),
		RANGE_ROW("one page", 0, SZ_4K, SZ_8K - 1, 0, 0, 0),
		RANGE_ROW("a page size", 0, 0, SZ_4K - 1, SZ_4K, 0, -EINVAL),
		RANGE_ROW("a size", 0, 0, SZ_4K - 1, 0, 8, -EINVAL),
		RANGE_ROW("misaligned", 0, 0, SZ_4K, 0, 0, -EINVAL),
		RANGE_ROW("unknown flag", BIT(1), 0, SZ_4K - 1, 0, 0, -EINVAL),
	};
	struct vfio_type1x_unmap_range req;
	struct t1x_uapi_unmap args = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		req = unmap_range_of(&rows[i]);
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    t1x_uapi_check_unmap_range(&req, SZ_4K,
							       &args),
				    "%s, with an address", rows[i].name);
		req.bitmap_data = 0;
		KUNIT_EXPECT_EQ_MSG(test, rows[i].ret,
				    t1x_uapi_check_unmap_range(&req, SZ_4K,
							       &args),
				    "%s", rows[i].name);
		if (rows[i].ret)
			continue;

		KUNIT_EXPECT_EQ(test, rows[i].iova, (u64)args.iova);
		KUNIT_EXPECT_EQ(test, rows[i].last, (u64)args.last);
		KUNIT_EXPECT_FALSE(test, args.report || args.window);
	}
}

/* ---- PGSIZES ---- */

static void pgsizes_requests_by_row(struct kunit *test)
{
	static const struct {
		u32 argsz;
		u32 flags;
		u64 pgsizes;
		int ret;
	} rows[] = {
		{ 24, VFIO_TYPE1X_PGSIZES_GET, 0, 0 },
		{ 24, VFIO_TYPE1X_PGSIZES_GET, 1, 0 },
		{ U32_MAX, VFIO_TYPE1X_PGSIZES_SET, 1, 0 },
		{ 24, VFIO_TYPE1X_PGSIZES_SET, 0, -EINVAL },
		{ 23, VFIO_TYPE1X_PGSIZES_GET, 0, -EINVAL },
		{ 23, VFIO_TYPE1X_PGSIZES_SET, 1, -EINVAL },
		{ 24, 0, 1, -EINVAL },
		{ 24, VFIO_TYPE1X_PGSIZES_GET | VFIO_TYPE1X_PGSIZES_SET, 1,
		  -EINVAL },
		{ 24, VFIO_TYPE1X_PGSIZES_SET | BIT(2), 1, -EINVAL },
		{ 24, BIT(31), 1, -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct vfio_type1x_pgsizes req = {
			.argsz = rows[i].argsz,
			.flags = rows[i].flags,
			.pgsizes = rows[i].pgsizes,
		};

		KUNIT_EXPECT_EQ_MSG(test, rows[i].ret,
				    t1x_uapi_check_pgsizes(&req, NULL),
				    "row %u", i);
	}
}

/* ---- Capabilities ---- */

static void capabilities_chain(struct kunit *test)
{
	struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct vfio_iommu_type1_info_dma_avail *avail;
	struct vfio_iova_range *ranges;
	struct vfio_info_cap caps = {};

	ranges = t1x_uapi_add_iova_cap(&caps, 2);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ranges);
	ranges[1].end = U64_MAX;
	KUNIT_EXPECT_EQ(test, 0, t1x_uapi_add_avail_cap(&caps, 65535));
	KUNIT_ASSERT_EQ(test, 48 + 16, (int)caps.size);

	cap = (void *)caps.buf;
	KUNIT_EXPECT_EQ(test, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
			(int)cap->header.id);
	KUNIT_EXPECT_EQ(test, 1, (int)cap->header.version);
	KUNIT_EXPECT_EQ(test, 48, (int)cap->header.next);
	KUNIT_EXPECT_EQ(test, 2, (int)cap->nr_iovas);
	KUNIT_EXPECT_EQ(test, 0, (int)cap->reserved);
	KUNIT_EXPECT_EQ(test, U64_MAX, (u64)cap->iova_ranges[1].end);

	avail = (void *)caps.buf + 48;
	KUNIT_EXPECT_EQ(test, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
			(int)avail->header.id);
	KUNIT_EXPECT_EQ(test, 1, (int)avail->header.version);
	KUNIT_EXPECT_EQ(test, 0, (int)avail->header.next);
	KUNIT_EXPECT_EQ(test, 65535, (int)avail->avail);
	kfree(caps.buf);
}

/* The one that fails takes those before it along, as vfio core does. */
static void capabilities_without_memory(struct kunit *test)
{
	struct vfio_info_cap caps = {};

	fake_alloc.fail_at = fake_alloc.calls + 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			(int)PTR_ERR(t1x_uapi_add_iova_cap(&caps, 1)));
	KUNIT_EXPECT_EQ(test, 0, (int)caps.size);

	fake_alloc.fail_at = fake_alloc.calls + 2;
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, t1x_uapi_add_iova_cap(&caps, 1));
	KUNIT_EXPECT_EQ(test, 1L, fake_alloc.live);
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_uapi_add_avail_cap(&caps, 1));
	KUNIT_EXPECT_EQ(test, 0, (int)caps.size);
}

static struct kunit_case uapi_cases[] = {
	KUNIT_CASE(map_requests_by_row),
	KUNIT_CASE(unmap_requests_by_row),
	KUNIT_CASE(grid_of_edges),
	KUNIT_CASE(random_requests_against_the_model),
	KUNIT_CASE(map_range_requests_by_row),
	KUNIT_CASE(a_default_granule_fits_every_range),
	KUNIT_CASE(windows_of_unmap_range_by_row),
	KUNIT_CASE(windows_of_dirty_range_by_row),
	KUNIT_CASE(unmap_range_requests_by_row),
	KUNIT_CASE(pgsizes_requests_by_row),
	KUNIT_CASE(capabilities_chain),
	KUNIT_CASE(capabilities_without_memory),
	{}
};

static struct kunit_suite uapi_suite = {
	.name = "t1x_uapi",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = uapi_cases,
};

kunit_test_suite(uapi_suite);
