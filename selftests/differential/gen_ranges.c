// SPDX-License-Identifier: GPL-2.0-only
/* Sequences with what type1x adds to the type1 ioctls, beside these. */
#include <linux/vfio.h>
#include <linux/vfio_type1x.h>

#include "gen.h"

#define PAGES(n) (T1X_PAGE * (n))
#define BASE 0x40000000UL
#define WINDOW PAGES(64) /* of a bitmap's word */

static u64 any_granule(struct gen *g)
{
	return PICK(g, T1X_PAGE, T1X_PAGE, T1X_PAGE, PAGES(2), PAGES(2),
		    PAGES(4), PAGES(16), PAGES(64));
}

/* What a sequence has from its start on */
void t1x_begin_ranges(struct gen *g)
{
	if (once_in(g, 4))
		g->seq->granule = PICK(g, T1X_PAGE, PAGES(2), PAGES(4),
				       PAGES(16), T1X_2M);
	/* Cuts need entries */
	if (once_in(g, 4))
		g->seq->entries = PICK(g, 1, 2, 3, 4, 6);
}

void t1x_gen_pgsizes(struct gen *g)
{
	u64 sizes = T1X_PAGE | PICK(g, 0, 0, T1X_2M, T1X_1G, T1X_2M | T1X_1G,
				    PAGES(2), PAGES(16), 0xfffff000);

	if (once_in(g, g->nmaps ? 2 : 4)) {
		EMIT(g, who(g), OP_PGSIZES, t1x_argsz(g, 24),
		     VFIO_TYPE1X_PGSIZES_GET, once_in(g, 8) ? ~0UL : 0);
		return;
	}
	if (once_in(g, 8))
		sizes = PICK(g, 0, T1X_2M, T1X_1G, 0x800, T1X_PAGE | 1,
			     -T1X_PAGE, ~0UL);
	EMIT(g, who(g), OP_PGSIZES, t1x_argsz(g, 24),
	     once_in(g, 30) ? PICK(g, 0, 3, 4, 6, 0x80000001) :
			      (u64)VFIO_TYPE1X_PGSIZES_SET,
	     sizes);
}

/* Where sizes larger than a page can be chosen, and matter */
static void map_huge(struct gen *g, u64 *vaddr, struct gen_map *map)
{
	map->granule =
		PICK(g, 0, T1X_PAGE, PAGES(2), PAGES(16), T1X_2M / 2, T1X_2M);
	map->size = PICK(g, T1X_2M, 2 * T1X_2M, 2 * T1X_2M);
	map->iova = 0x60000000 + below(g, 4) * T1X_2M;
	*vaddr = t1x_region[R_H].base +
		 (map->size == T1X_2M ? below(g, 2) * T1X_2M : 0);
	/* Sometimes it does not lie as the memory does */
	if (once_in(g, 4) && map->granule <= PAGES(16)) {
		map->size -= T1X_2M / 2;
		map->iova += PAGES(16);
	}
}

/* Nothing is pinned: as large as can be, and up to the last byte */
static void map_vast(struct gen *g, u64 *vaddr, struct gen_map *map)
{
	map->granule = PICK(g, 0, T1X_PAGE, T1X_2M, T1X_1G);
	map->size = PICK(g, T1X_1G, 2 * T1X_1G, 1UL << 36, 1UL << 39, 1UL << 47,
			 1UL << 63);
	map->iova = PICK(g, 0, -map->size, 1UL << 40, 1UL << 63);
	/* In the first GiBs are the program and its heap, which could be written */
	*vaddr =
		PICK(g, 4 * T1X_1G, t1x_region[R_N].base, t1x_region[R_A].base);
}

static void map_some(struct gen *g, u64 *vaddr, struct gen_map *map)
{
	u64 unit = any_granule(g);

	map->granule = once_in(g, 4) ? 0 : unit;
	map->size = (1 + below(g, once_in(g, 3) ? 12 : 5)) * unit;
	if (map->size > PAGES(64))
		map->size = PAGES(64);
	map->iova = t1x_any_iova(g) & -unit;
	if (t1x_overlaps(g, map->iova, map->size) && !once_in(g, 6))
		map->iova = (BASE + below(g, 24) * PAGES(37)) & -unit;
	if (g->top && once_in(g, 2))
		map->iova = -map->size;
	*vaddr = t1x_any_vaddr(g, map->size);
}

/* Wrong by as little as can be */
static void spoil_map(struct gen *g, u64 *arg)
{
	switch (below(g, 8)) {
	case 0:
		arg[MAP_FLAGS] =
			PICK(g, 0, 4, 0x100, 0x103 | 8, 0x203, 0x80000003, 3);
		break;
	case 1:
		arg[MAPR_GRANULE] = PICK(g, 1, 0x800, 0xfff, PAGES(3),
					 1UL << 63, ~0UL, PAGES(128));
		break;
	case 2:
		arg[MAP_IOVA] += PICK(g, 1, 0x800, T1X_PAGE, -T1X_PAGE);
		break;
	case 3:
		arg[MAPR_LAST] += PICK(g, 1, -1UL, T1X_PAGE, -T1X_PAGE);
		break;
	case 4:
		arg[MAP_VADDR] += PICK(g, 1, 0x800);
		break;
	case 5:
		arg[MAPR_LAST] = PICK(g, ~0UL, arg[MAP_IOVA] - 1, 0, 0xfff);
		break;
	case 6:
		arg[MAP_VADDR] = PICK(g, -T1X_PAGE, 1UL << 63);
		break;
	case 7:
		arg[MAP_ARGSZ] = PICK(g, 0, 8, 32, 39, 41, 64);
		break;
	}
}

static void gen_map_range(struct gen *g)
{
	struct gen_map map = {};
	u64 arg[OP_ARGS], vaddr;
	u64 flags = PICK(g, 3, 3, 3, 3, 1, 2);

	if (once_in(g, 8))
		map_huge(g, &vaddr, &map);
	else if (!g->real && once_in(g, 6))
		map_vast(g, &vaddr, &map);
	else
		map_some(g, &vaddr, &map);
	/* An attach would look for the memory of all of it */
	if (g->emu && g->real && map.size > 2 * T1X_2M)
		map.size = T1X_2M;

	arg[MAP_ARGSZ] = t1x_argsz(g, 40);
	arg[MAP_FLAGS] = flags;
	arg[MAP_VADDR] = vaddr;
	arg[MAP_IOVA] = map.iova;
	arg[MAPR_LAST] = map.iova + (map.size - 1);
	arg[MAPR_GRANULE] = map.granule;
	if (map.granule)
		arg[MAP_FLAGS] |= VFIO_TYPE1X_MAP_FLAG_GRANULE;
	if (map.granule == T1X_PAGE && once_in(g, 4))
		arg[MAPR_GRANULE] = 0;
	if (once_in(g, 14))
		spoil_map(g, arg);
	else
		t1x_note_map(g, vaddr, &map, flags);
	emit(g, who(g), OP_MAPR, arg, MAPR_GRANULE + 1);
}

/* A multiple of the granule in a mapping, or at its end; now and then beside it */
static u64 any_cut(struct gen *g, const struct gen_map *map)
{
	u64 unit = map->granule ? map->granule : T1X_PAGE;
	u64 cut = map->iova + below(g, map->size / unit + 1) * unit;

	if (!map->granule && !once_in(g, 4))
		cut = map->iova + (once_in(g, 2) ? map->size : 0);
	if (once_in(g, 12))
		cut += PICK(g, T1X_PAGE, -T1X_PAGE);
	if (once_in(g, 60))
		cut += PICK(g, 1, -1UL, 0x800);
	return cut;
}

static void any_span(struct gen *g, u64 *first, u64 *last)
{
	const struct gen_map *map = t1x_any_map(g), *other = t1x_any_map(g);
	u64 a, b;

	if (once_in(g, 30)) {
		*first = PICK(g, 0, 0, 0, BASE, 1UL << 63);
		*last = once_in(g, 6) ? BASE + PAGES(64) - 1 : ~0UL;
		return;
	}
	if (!map || once_in(g, 12)) {
		*first = t1x_any_iova(g);
		*last = *first + (t1x_any_size(g) - 1);
		return;
	}
	if (once_in(g, 4)) {
		*first = map->iova;
		*last = map->iova + (map->size - 1);
		return;
	}
	/* Mostly inside one */
	if (!once_in(g, 3))
		other = map;
	a = any_cut(g, map);
	b = any_cut(g, other);
	if (a == b)
		b += map->granule ? map->granule : T1X_PAGE;
	*first = a < b ? a : b;
	*last = (a < b ? b : a) - 1;
}

/* UNMAP_DMA that cuts */
static void gen_cut(struct gen *g)
{
	u64 first, last;

	any_span(g, &first, &last);
	EMIT(g, who(g), OP_UNMAP, t1x_argsz(g, 24), 0, first, last - first + 1);
	t1x_note_unmap(g, first, last);
}

static u64 window_bytes(u64 first, u64 last)
{
	return (last / WINDOW - first / WINDOW + 1) * 8;
}

static u64 any_bytes(struct gen *g, u64 first, u64 last)
{
	u64 bytes = window_bytes(first, last);

	if (once_in(g, 20))
		return PICK(g, 0, 1, bytes - 1, bytes - 8, 1UL << 28,
			    (1UL << 28) + 8, ~0UL);
	return bytes + (once_in(g, 8) ? PICK(g, 1, 8) : 0);
}

static void add_window(struct gen *g, u64 *arg)
{
	arg[BITMAP_PGSIZE] = t1x_bitmap_pgsize(g);
	arg[BITMAP_SIZE] = any_bytes(g, arg[UNMAP_IOVA], arg[RANGE_LAST]);
	arg[BITMAP_DATA] = t1x_result_at(g, arg[BITMAP_SIZE]);
	arg[BITMAP_FILL] = once_in(g, 3) ? 0xa5 : 0;
}

static void gen_unmap_range(struct gen *g)
{
	u64 arg[OP_ARGS] = {};
	bool bitmap = !t1x_no_reports(g) && once_in(g, 2);

	any_span(g, &arg[UNMAP_IOVA], &arg[RANGE_LAST]);
	arg[UNMAP_ARGSZ] = t1x_argsz(g, 56);
	arg[UNMAP_FLAGS] = bitmap;
	if (bitmap || once_in(g, 60))
		add_window(g, arg);
	if (once_in(g, 60))
		arg[UNMAP_FLAGS] = PICK(g, 2, 3, 0x100, 0x80000000);
	emit(g, who(g), OP_UNMAPR, arg, OP_ARGS);
	if (!bitmap || (g->dirty && arg[BITMAP_DATA] != -8UL))
		t1x_note_unmap(g, arg[UNMAP_IOVA], arg[RANGE_LAST]);
}

static void gen_dirty_range(struct gen *g)
{
	u64 arg[OP_ARGS] = {};

	if (t1x_no_reports(g))
		return;
	any_span(g, &arg[UNMAP_IOVA], &arg[RANGE_LAST]);
	if (once_in(g, 3)) {
		/* Any pages, whatever is mapped */
		arg[UNMAP_IOVA] = BASE + below(g, 1024) * T1X_PAGE;
		arg[RANGE_LAST] =
			arg[UNMAP_IOVA] + (1 + below(g, 600)) * T1X_PAGE - 1;
	}
	arg[UNMAP_ARGSZ] = t1x_argsz(g, 48);
	arg[UNMAP_FLAGS] = once_in(g, 3);
	if (once_in(g, 40))
		arg[UNMAP_FLAGS] = PICK(g, 2, 3, 4, 0x80000000);
	add_window(g, arg);
	emit(g, who(g), OP_DIRTYR, arg, OP_ARGS);
}

/*
 * What a device has touched, in windows that are no mappings: some only look, some
 * cannot be written
 */
void t1x_gen_touched(struct gen *g)
{
	int i;

	if (!g->dirty || g->opt->type == VFIO_TYPE1_IOMMU || !g->touched.size)
		return;
	for (i = 0; i < 3; i++) {
		u64 first = g->touched_at +
			    (3 - below(g, once_in(g, 2) ? 70 : 5)) * T1X_PAGE;
		u64 last = first + below(g, once_in(g, 2) ? 140 : 4) * T1X_PAGE;
		u64 arg[OP_ARGS] = { 48, once_in(g, 3), first & -T1X_PAGE,
				     last | (T1X_PAGE - 1) };

		arg[BITMAP_PGSIZE] = T1X_PAGE;
		arg[BITMAP_SIZE] = window_bytes(first, last);
		arg[BITMAP_DATA] =
			t1x_region[once_in(g, 5) ? R_RO : R_BUF].base;
		arg[BITMAP_FILL] = once_in(g, 3) ? 0xa5 : 0;
		emit(g, who(g), OP_DIRTYR, arg, OP_ARGS);
	}
}

/* A device writes, all of it to one mapping, and then there is something to report */
static void gen_write(struct gen *g)
{
	const struct gen_map *map = t1x_any_map(g);
	u64 at, len = PICK(g, 8, T1X_PAGE, 0x2001, 0x3fff);

	if (!map)
		return;
	at = below(g, map->size / T1X_PAGE) % 512 * T1X_PAGE;
	if (len > map->size - at)
		len = map->size - at;
	g->touched = *map;
	g->touched_at = map->iova + at;
	EMIT(g, 'A', OP_RW, t1x_emu_group(g), g->touched_at, len, 1);
	if (!once_in(g, 3))
		t1x_gen_touched(g);
}

/* A choice of page sizes lasts, even without an IOMMU */
static void gen_detach(struct gen *g)
{
	t1x_gen_detach(g);
	if (once_in(g, 2))
		EMIT(g, who(g), OP_PGSIZES, 24, VFIO_TYPE1X_PGSIZES_GET, 0);
}

static void gen_ext(struct gen *g)
{
	EMIT(g, who(g), OP_EXT,
	     PICK(g, VFIO_TYPE1X, VFIO_TYPE1X_RANGES, VFIO_TYPE1X_GRANULE,
		  VFIO_TYPE1X_PGSIZES, VFIO_TYPE1X_PGSIZES + 1, VFIO_TYPE1X - 1,
		  VFIO_UPDATE_VADDR, VFIO_UNMAP_ALL));
}

const struct choice t1x_range_choices[] = {
	{ "map", gen_map_range, 44 },	    { "map", t1x_gen_map, 8 },
	{ "unmap", gen_unmap_range, 17 },   { "unmap", gen_cut, 11 },
	{ "unmap", t1x_gen_unmap, 3 },	    { "dirty", t1x_gen_dirty, 6 },
	{ "dirty", gen_dirty_range, 12 },   { "dirty", t1x_gen_get, 5 },
	{ "dirty", t1x_gen_unmapd, 4 },	    { "pgsizes", t1x_gen_pgsizes, 5 },
	{ "vaddr", t1x_gen_vaddr_gone, 3 }, { "vaddr", t1x_gen_vaddr_new, 4 },
	{ "attach", t1x_gen_attach, 5 },    { "detach", gen_detach, 4 },
	{ "info", t1x_gen_info, 3 },	    { "ext", gen_ext, 2 },
	{ "open", t1x_gen_open, 1 },	    { "die", t1x_gen_die, 1 },
	{ "table", t1x_gen_table, 6 },	    { "emu", t1x_gen_open, 4, true },
	{ "emu", t1x_gen_pin, 14, true },   { "emu", t1x_gen_unpin, 6, true },
	{ "emu", t1x_gen_rw, 10, true },    { "emu", t1x_gen_touched, 4, true },
	{ "emu", gen_write, 14, true },
};

const size_t t1x_nrange_choices =
	sizeof(t1x_range_choices) / sizeof(*t1x_range_choices);
