// SPDX-License-Identifier: GPL-2.0-only
#include "gen.h"

#define KERNEL_ADDRESS 0xffff888000000000

struct gen_map *t1x_any_map(struct gen *g)
{
	return g->nmaps ? &g->map[below(g, g->nmaps)] : NULL;
}

static u64 edge_iova(struct gen *g)
{
	u64 iova = PICK(g, 0, T1X_PAGE, 0x40000000, 0xfedff000, 0xfee00000,
			0xfeeff000, 0xfef00000, 1UL << 32,
			(1UL << 39) - T1X_PAGE, 1UL << 39,
			(1UL << 47) - T1X_PAGE, 1UL << 47,
			(1UL << 48) - T1X_PAGE, 1UL << 48, 1UL << 63,
			0xfd00000000);

	if (g->top && once_in(g, 2))
		iova = LAST_PAGE - below(g, 4) * T1X_PAGE;
	return iova;
}

u64 t1x_any_iova(struct gen *g)
{
	struct gen_map *map = t1x_any_map(g);
	u64 iova;

	if (map && once_in(g, 2))
		iova = map->iova + (once_in(g, 2) ? map->size : 0) +
		       (below(g, 3) - 1) * T1X_PAGE;
	else if (once_in(g, 8))
		iova = edge_iova(g);
	else
		iova = 0x40000000 + below(g, 64) * T1X_PAGE;
	if (g->aligned)
		iova &= -64 * T1X_PAGE;
	if (once_in(g, 60))
		iova += PICK(g, 1, 0x800, 0xfff);
	return iova;
}

u64 t1x_any_size(struct gen *g)
{
	if (once_in(g, 50))
		return PICK(g, 0, 1, 0x800, 0xfff, 0x1001);
	if (once_in(g, 40))
		return PICK(g, T1X_2M, 2 * T1X_2M, T1X_1G, 1UL << 39, 1UL << 47,
			    1UL << 63, -T1X_PAGE, ~0UL);
	return (1 + below(g, once_in(g, 3) ? 40 : 6)) * T1X_PAGE;
}

u64 t1x_any_vaddr(struct gen *g, u64 size)
{
	enum region r = PICK(g, R_A, R_A, R_A, R_A, R_U, R_U, R_R, R_M, R_M,
			     R_M, R_F, R_P);
	const struct region_info *info = &t1x_region[r];
	u64 npages = info->size / T1X_PAGE;

	if (once_in(g, 40))
		return PICK(g, 0, 1UL << 47, KERNEL_ADDRESS, -T1X_PAGE,
			    2 * (1UL << 44));
	if (size <= info->size && !once_in(g, 12))
		npages -= size / T1X_PAGE - 1;
	return info->base + below(g, npages) * T1X_PAGE +
	       (once_in(g, 60) ? 0x10 : 0);
}

u64 t1x_argsz(struct gen *g, u64 min)
{
	if (!once_in(g, 40))
		return min;
	return PICK(g, 0, 4, 8, 16, 23, 24, 31, 32, 47, 48, 56, 4096,
		    0xffffffff);
}

bool t1x_overlaps(struct gen *g, u64 iova, u64 size)
{
	int i;

	for (i = 0; i < g->nmaps; i++)
		if (iova <= g->map[i].iova + (g->map[i].size - 1) &&
		    g->map[i].iova <= iova + (size - 1))
			return true;
	return false;
}

void t1x_any_range(struct gen *g, u64 *iova, u64 *size)
{
	struct gen_map *map = t1x_any_map(g), *other = t1x_any_map(g);

	if (!map || once_in(g, 8)) {
		*iova = t1x_any_iova(g);
		*size = t1x_any_size(g);
		if (g->top && once_in(g, 2))
			*size = -*iova;
		return;
	}
	*iova = map->iova;
	*size = map->size;
	if (once_in(g, 3) && other->iova >= map->iova)
		*size = other->iova + other->size - map->iova;
	if (once_in(g, 8))
		*iova += (below(g, 3) - 1) * T1X_PAGE;
	if (once_in(g, 8))
		*size += (below(g, 3) - 1) * T1X_PAGE;
}

u64 t1x_result_at(struct gen *g, u64 bytes)
{
	const struct region_info *buf = &t1x_region[R_BUF];

	/* Whether 1 << 47 can be a user's depends on the kernel */
	if (once_in(g, 25))
		return PICK(g, 0, (1UL << 44) + 7 * (1UL << 36),
			    g->opt->model ? KERNEL_ADDRESS : 1UL << 47,
			    2 * (1UL << 44), -8UL);
	/* So that the last word is not there, or just is */
	if (once_in(g, 12) && bytes <= buf->size)
		return buf->base + buf->size - bytes + PICK(g, 0, 0, 8, 16);
	return buf->base + PICK(g, 0, 0, 0, 8, 4, 1);
}

u64 t1x_bitmap_pgsize(struct gen *g)
{
	u64 pgsize = PICK(g, 0, 1, 2, 0x800, 0x1001, 0x2000, T1X_2M, 1UL << 63);

	if (!once_in(g, 20) || (!pgsize && g->opt->ubsan))
		return T1X_PAGE;
	return pgsize;
}

u64 t1x_bitmap_bytes(struct gen *g, u64 size)
{
	u64 bytes = (size / T1X_PAGE + 63) / 64 * 8;

	if (once_in(g, 15))
		return PICK(g, 0, 1, 7, 8, 0x10000, 1UL << 28, (1UL << 28) + 8,
			    ~0UL);
	return bytes + (once_in(g, 8) ? 8 : 0);
}
