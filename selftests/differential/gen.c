// SPDX-License-Identifier: GPL-2.0-only
#include <linux/vfio.h>

#include "gen.h"

#define V1 VFIO_TYPE1_IOMMU

/* Can that memory be pinned as it was at the start? */
static bool is_memory(u64 vaddr, u64 size, u64 flags)
{
	static const enum region good[] = { R_A, R_U, R_M, R_H, R_R, R_F };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const struct region_info *r = &t1x_region[good[i]];

		if (vaddr - r->base < r->size)
			return size <= r->size - (vaddr - r->base) &&
			       (i < 4 || !(flags & VFIO_DMA_MAP_FLAG_WRITE));
	}
	return false;
}

void t1x_note_map(struct gen *g, u64 vaddr, const struct gen_map *map,
		  u64 flags)
{
	int room = MAX_MAPS;

	if (g->seq->model && g->seq->entries)
		room = g->seq->entries;
	if (!map->size || (map->iova | map->size | vaddr) % T1X_PAGE ||
	    t1x_overlaps(g, map->iova, map->size) || g->nmaps >= room ||
	    !g->served || (g->real && !is_memory(vaddr, map->size, flags)))
		return;
	g->map[g->nmaps++] = *map;
}

/* The part of a mapping that begins there and is not unmapped */
static void note_part(struct gen *g, const struct gen_map *map, u64 iova,
		      u64 end)
{
	struct gen_map part = *map;

	if (iova == end || g->nmaps == MAX_MAPS)
		return;
	part.iova = iova;
	part.size = end - iova;
	g->map[g->nmaps++] = part;
}

static bool may_be_cut(const struct gen_map *map, u64 first, u64 last)
{
	u64 unit = map->granule;

	return unit && (first <= map->iova || !(first % unit)) &&
	       (last >= map->iova + (map->size - 1) || !((last + 1) % unit));
}

void t1x_note_unmap(struct gen *g, u64 first, u64 last)
{
	int i;

	for (i = 0; i < g->nmaps;) {
		struct gen_map map = g->map[i];
		u64 map_last = map.iova + (map.size - 1);
		bool head = first > map.iova;
		bool tail = last < map_last;

		if (map_last < first || map.iova > last ||
		    ((head || tail) && !may_be_cut(&map, first, last))) {
			i++;
			continue;
		}
		g->map[i] = g->map[--g->nmaps];
		if (head)
			note_part(g, &map, map.iova, first);
		if (tail)
			note_part(g, &map, last + 1, map_last + 1);
	}
}

/* Large ones need memory, or a container that pins nothing */
static void gen_map_large(struct gen *g)
{
	u64 iova, size, vaddr;

	if (g->real || once_in(g, 2)) {
		size = PICK(g, T1X_2M, 2 * T1X_2M, T1X_2M / 2, T1X_PAGE);
		vaddr = t1x_region[R_H].base + PICK(g, 0, T1X_2M, T1X_PAGE);
		iova = 0x60000000 + below(g, 4) * T1X_2M +
		       PICK(g, 0, 0, 0, T1X_PAGE);
	} else {
		size = PICK(g, T1X_1G, 1UL << 34, (1UL << 36) - T1X_PAGE);
		vaddr = t1x_region[R_N].base;
		iova = PICK(g, 1UL << 33, 1UL << 40, 1UL << 50);
	}
	EMIT(g, who(g), OP_MAP, t1x_argsz(g, 32), 3, vaddr, iova, size);
	t1x_note_map(g, vaddr, &(struct gen_map){ iova, size, g->seq->granule },
		     3);
}

void t1x_gen_map(struct gen *g)
{
	u64 iova = t1x_any_iova(g), size = t1x_any_size(g);
	u64 flags = PICK(g, 3, 3, 3, 3, 1, 2);
	u64 vaddr;

	if (once_in(g, 8)) {
		gen_map_large(g);
		return;
	}
	/* Mostly where nothing is yet */
	if (t1x_overlaps(g, iova, size) && !once_in(g, 4))
		iova = 0x40000000 +
		       below(g, 16) * (g->aligned ? 64 : 61) * T1X_PAGE;
	/* In-tree's undo of a replay would step through all of it */
	if (size > 2 * T1X_2M && g->emu && g->real)
		size = T1X_2M;
	if (once_in(g, 60))
		flags = PICK(g, 0, 4, 5, 7, 8, 0x80000003, 0x100);
	vaddr = t1x_any_vaddr(g, size);
	if (flags == VFIO_DMA_MAP_FLAG_READ && !g->readers)
		flags |= VFIO_DMA_MAP_FLAG_WRITE;
	EMIT(g, who(g), OP_MAP, t1x_argsz(g, 32), flags, vaddr, iova, size);
	if (flags && flags <= 3)
		t1x_note_map(g, vaddr,
			     &(struct gen_map){ iova, size, g->seq->granule },
			     flags);
}

void t1x_gen_unmap(struct gen *g)
{
	u64 iova, size, flags = 0;

	t1x_any_range(g, &iova, &size);
	if (once_in(g, 12)) {
		flags = VFIO_DMA_UNMAP_FLAG_ALL;
		if (!once_in(g, 4)) {
			iova = 0;
			size = 0;
		}
	} else if (once_in(g, 40)) {
		/* A bitmap without a page size */
		flags = PICK(g, 3, 8, 0x80000000, g->opt->ubsan ? 9 : 1, 7);
	}
	EMIT(g, who(g), OP_UNMAP, t1x_argsz(g, 24), flags, iova, size);
	if (flags == VFIO_DMA_UNMAP_FLAG_ALL)
		t1x_note_unmap(g, 0, ~0UL);
	else if (flags <= 1)
		t1x_note_unmap(g, iova, iova + (size - 1));
}

bool t1x_no_reports(struct gen *g)
{
	return (!g->dirty || g->opt->type == V1) && !once_in(g, 6);
}

void t1x_gen_get(struct gen *g)
{
	u64 iova, size, bytes;

	if (t1x_no_reports(g))
		return;
	t1x_any_range(g, &iova, &size);
	if (once_in(g, 3)) {
		/* The window of a migration: all there is, from its start */
		iova = 0x40000000;
		size = 0x400000;
	}
	bytes = t1x_bitmap_bytes(g, size);
	EMIT(g, who(g), OP_GET, t1x_argsz(g, 48),
	     once_in(g, 30) ? PICK(g, 5, 6, 7, 8, 12) : 4UL, iova, size,
	     t1x_bitmap_pgsize(g), bytes, t1x_result_at(g, bytes),
	     once_in(g, 12) ? 0xa5 : 0);
}

void t1x_gen_unmapd(struct gen *g)
{
	u64 iova, size, bytes, flags = 1;

	if (t1x_no_reports(g))
		return;
	t1x_any_range(g, &iova, &size);
	bytes = t1x_bitmap_bytes(g, size);
	if (once_in(g, 20))
		flags = PICK(g, 0, 3, 5, 9);
	EMIT(g, who(g), OP_UNMAPD, t1x_argsz(g, 48), flags, iova, size,
	     t1x_bitmap_pgsize(g), bytes, t1x_result_at(g, bytes),
	     once_in(g, 12) ? 0xa5 : 0);
	if (flags <= 1 && (g->dirty || !flags))
		t1x_note_unmap(g, iova, iova + (size - 1));
}

void t1x_gen_dirty(struct gen *g)
{
	u64 flags = g->dirty ? 2 : 1;

	if (g->dirty && !once_in(g, 4))
		return;
	if (g->opt->type == V1 && !once_in(g, 4))
		return;
	if (once_in(g, 8))
		flags = 3 - flags;
	if (once_in(g, 12))
		flags = PICK(g, 0, 3, 4, 7, 8, 0x80000001);
	EMIT(g, who(g), OP_DIRTY, t1x_argsz(g, 8), flags);
	if (flags == 1 || flags == 2)
		g->dirty = flags == 1;
}

void t1x_gen_vaddr_gone(struct gen *g)
{
	struct gen_map *map = t1x_any_map(g);
	u64 iova, size, flags = VFIO_DMA_UNMAP_FLAG_VADDR;
	int i;

	if (g->emu && !once_in(g, 4))
		return;
	t1x_any_range(g, &iova, &size);
	if (once_in(g, 4)) {
		flags |= VFIO_DMA_UNMAP_FLAG_ALL;
		iova = 0;
		size = 0;
		for (i = 0; i < g->nmaps; i++)
			g->map[i].vaddr_gone = true;
	} else if (map) {
		map->vaddr_gone = true;
		if (!once_in(g, 4)) {
			iova = map->iova;
			size = map->size;
		}
	}
	EMIT(g, who(g), OP_UNMAP, t1x_argsz(g, 24), flags, iova, size);
}

void t1x_gen_vaddr_new(struct gen *g)
{
	struct gen_map *map = t1x_any_map(g);
	u64 iova, size;
	int i;

	t1x_any_range(g, &iova, &size);
	for (i = 0; i < g->nmaps && !once_in(g, 6); i++) {
		map = &g->map[i];
		if (!map->vaddr_gone)
			continue;
		iova = map->iova;
		size = map->size;
		map->vaddr_gone = false;
		break;
	}
	EMIT(g, who(g), OP_MAP, t1x_argsz(g, 32),
	     once_in(g, 15) ? 7 : VFIO_DMA_MAP_FLAG_VADDR,
	     t1x_any_vaddr(g, size), iova, size);
}

static bool usable(struct gen *g, enum group group)
{
	return is_emu(group) ? g->emu : g->real;
}

static enum group any_group(struct gen *g)
{
	enum group group;

	do {
		group = below(g, G_COUNT);
	} while (!usable(g, group));
	return group;
}

static int nattached(struct gen *g)
{
	int i, n = 0;

	for (i = 0; i < G_COUNT; i++)
		n += g->attached[i];
	return n;
}

void t1x_gen_attach(struct gen *g)
{
	enum group group = any_group(g);

	if (g->attached[group] && g->served && !once_in(g, 8))
		return;
	EMIT(g, once_in(g, 4) ? 'B' : 'A', OP_ATTACH, group,
	     !is_emu(group) && once_in(g, 3));
	g->attached[group] = true;
	/* The first in a container needs the type as well */
	if (!g->served && !once_in(g, 8)) {
		EMIT(g, 'A', OP_SET, g->opt->type);
		g->served = true;
	}
}

static void gen_close(struct gen *g, enum group group)
{
	EMIT(g, 'A', OP_CLOSE, group);
	g->open[group] = false;
}

void t1x_gen_detach(struct gen *g)
{
	enum group group = any_group(g);

	/* Rarely the last one, with which all goes */
	if (nattached(g) < 2 && !once_in(g, 6))
		return;
	if (!g->attached[group] && !once_in(g, 8))
		return;
	if (g->open[group] && !once_in(g, 4))
		gen_close(g, group);
	EMIT(g, once_in(g, 4) ? 'B' : 'A', OP_DETACH, group);
	if (g->open[group] || !g->attached[group])
		return;
	g->attached[group] = false;
	if (!nattached(g)) {
		g->served = false;
		g->dirty = false;
		g->nmaps = 0;
	}
}

static void gen_set(struct gen *g)
{
	EMIT(g, who(g), OP_SET,
	     once_in(g, 3) ? below(g, 12) : (u64)g->opt->type);
}

void t1x_gen_open(struct gen *g)
{
	enum group group = any_group(g);

	if (g->open[group]) {
		if (once_in(g, 4))
			gen_close(g, group);
		return;
	}
	/* That of a real device resets it, which takes long */
	if ((!g->attached[group] || !is_emu(group)) && !once_in(g, 8))
		return;
	EMIT(g, 'A', OP_OPEN, group);
	g->open[group] = g->served && g->attached[group];
}

void t1x_gen_info(struct gen *g)
{
	EMIT(g, who(g), OP_INFO,
	     once_in(g, 2) ?
		     4096 :
		     PICK(g, 0, 4, 15, 16, 17, 19, 20, 23, 24, 25, 55, 56, 64,
			  80, 88, 96, 104, 112, 128, 136, 0xffffffff));
}

static void gen_ext(struct gen *g)
{
	EMIT(g, who(g), OP_EXT,
	     once_in(g, 4) ? PICK(g, ~0UL, 1UL << 32, 0x80000000, 100) :
			     below(g, 14));
}

static void gen_raw(struct gen *g)
{
	const struct region_info *r = &t1x_region[R_ARG];

	EMIT(g, who(g), OP_RAW, below(g, RAW_CMDS),
	     once_in(g, 3) ? PICK(g, 0, 1UL << 47, -8UL, -1UL) :
			     r->base + r->size - 8 * below(g, 8));
}

static void gen_drop(struct gen *g)
{
	u64 size = (1 + below(g, 8)) * T1X_PAGE;
	const struct region_info *r = &t1x_region[PICK(g, R_A, R_U)];

	EMIT(g, who(g), OP_DROP, r->base + below(g, 56) * T1X_PAGE, size);
}

static void gen_prot(struct gen *g)
{
	u64 size = (1 + below(g, 8)) * T1X_PAGE;

	EMIT(g, who(g), OP_PROT, t1x_region[R_A].base + below(g, 56) * T1X_PAGE,
	     size, PICK(g, 0, 1, 3, 3));
}

void t1x_gen_die(struct gen *g)
{
	/* Orphans count in type1x alone: only where there is no limit */
	if (!g->seq->limit || g->seq->model)
		EMIT(g, 'A', OP_DIE, 0);
}

void t1x_gen_table(struct gen *g)
{
	if (g->real)
		EMIT(g, 'A', OP_TABLE, below(g, 3));
}

/* Attached and open, or on its way there */
enum group t1x_emu_group(struct gen *g)
{
	enum group group = G_EMU0 + below(g, 2);

	if (!g->open[G_EMU0] && !g->open[G_EMU1] && g->served &&
	    !once_in(g, 8)) {
		if (!g->attached[group])
			EMIT(g, 'A', OP_ATTACH, group, 0);
		EMIT(g, 'A', OP_OPEN, group);
		g->attached[group] = true;
		g->open[group] = true;
	}
	return g->open[group] ? group : G_EMU0 + G_EMU1 - group;
}

static u64 emu_iova(struct gen *g)
{
	struct gen_map *map = t1x_any_map(g);
	u64 iova;

	if (!map || once_in(g, 10))
		return t1x_any_iova(g);
	g->touched = *map;
	iova = map->iova + below(g, map->size / T1X_PAGE) % 512 * T1X_PAGE;
	if (once_in(g, 12))
		iova = map->iova + map->size - T1X_PAGE;
	g->touched_at = iova;
	return iova;
}

/* A whole mapping twice: what was written since, and then nothing */
static void gen_reports(struct gen *g)
{
	const struct gen_map *map = &g->touched;
	u64 bytes = (map->size / T1X_PAGE + 63) / 64 * 8;
	int i;

	if (!g->dirty || g->opt->type == V1 || !map->size || once_in(g, 3))
		return;
	if (g->opt->model && once_in(g, 2)) {
		t1x_gen_touched(g);
		return;
	}
	for (i = 0; i < 2; i++)
		EMIT(g, who(g), OP_GET, 48, 4, map->iova, map->size, T1X_PAGE,
		     bytes, t1x_region[R_BUF].base, 0);
}

void t1x_gen_pin(struct gen *g)
{
	u64 npages;

	g->pinned = emu_iova(g);
	if (g->odd_pins && once_in(g, 4))
		g->pinned += PICK(g, 1, 0x800, 0xfff);
	g->pinned_by = t1x_emu_group(g);
	/* Mostly in one mapping, where that is what is being looked at */
	if (g->opt->model && !once_in(g, 4))
		npages = 1 + below(g, 2);
	else
		npages = once_in(g, 15) ? PICK(g, 0, 513, -1UL) :
					  1 + below(g, 5);
	EMIT(g, 'A', OP_PIN, g->pinned_by, g->pinned, npages,
	     PICK(g, 1, 1, 3, 3, 2, 0));
	gen_reports(g);
}

void t1x_gen_unpin(struct gen *g)
{
	if (g->opt->model && !once_in(g, 4)) {
		EMIT(g, 'A', OP_UNPIN, g->pinned_by, g->pinned, 1);
		return;
	}
	EMIT(g, 'A', OP_UNPIN, t1x_emu_group(g),
	     once_in(g, 2) ? g->pinned : emu_iova(g), 1 + below(g, 3));
}

void t1x_gen_rw(struct gen *g)
{
	EMIT(g, 'A', OP_RW, t1x_emu_group(g),
	     emu_iova(g) + (once_in(g, 4) ? PICK(g, 1, 0x800, 0xfff) : 0),
	     PICK(g, 0, 1, 2, 8, 0xfff, 0x1000, 0x1001, 0x2000, 0x3fff),
	     below(g, 2));
	gen_reports(g);
}

/* How often, by the groups of the sequence */
static const struct choice choices[] = {
	{ "map", t1x_gen_map, 36 },	   { "unmap", t1x_gen_unmap, 22 },
	{ "info", t1x_gen_info, 4 },	   { "ext", gen_ext, 3 },
	{ "dirty", t1x_gen_dirty, 5 },	   { "dirty", t1x_gen_get, 9 },
	{ "dirty", t1x_gen_unmapd, 6 },	   { "vaddr", t1x_gen_vaddr_gone, 4 },
	{ "vaddr", t1x_gen_vaddr_new, 5 }, { "attach", t1x_gen_attach, 5 },
	{ "detach", t1x_gen_detach, 4 },   { "set", gen_set, 1 },
	{ "open", t1x_gen_open, 2 },	   { "raw", gen_raw, 3 },
	{ "drop", gen_drop, 2 },	   { "prot", gen_prot, 1 },
	{ "die", t1x_gen_die, 1 },	   { "table", t1x_gen_table, 4 },
	{ "emu", t1x_gen_open, 4, true },  { "emu", t1x_gen_pin, 14, true },
	{ "emu", t1x_gen_unpin, 6, true }, { "emu", t1x_gen_rw, 10, true },
};

#define NCHOICES (sizeof(choices) / sizeof(*choices))

static bool left_out(struct gen *g, const char *name)
{
	return g->opt->without && strstr(g->opt->without, name);
}

static void gen_one(struct gen *g)
{
	const struct choice *of = g->opt->model ? t1x_range_choices : choices;
	size_t i, n = g->opt->model ? t1x_nrange_choices : NCHOICES;
	u64 sum = 0, at;

	for (i = 0; i < n; i++)
		sum += of[i].weight;
	do {
		at = below(g, sum);
		for (i = 0; at >= of[i].weight; i++)
			at -= of[i].weight;
	} while ((of[i].emu && !g->emu) || left_out(g, of[i].name));
	of[i].gen(g);
}

void t1x_generate(struct seq *seq, u64 seed, const struct gen_options *opt)
{
	struct gen g = {
		.random = seed * 1000003 + opt->type,
		.opt = opt,
		.seq = seq,
		.real = true,
		.pinned_by = G_EMU0,
	};

	memset(seq, 0, sizeof(*seq));
	seq->model = opt->model;
	draw(&g);
	if (opt->emu && !left_out(&g, "emu")) {
		g.emu = opt->model ? !once_in(&g, 3) : once_in(&g, 2);
		g.real = !g.emu || once_in(&g, 2);
	}
	if (once_in(&g, 5))
		seq->limit = PICK(&g, 1, 8, 40, 100, 600);
	if (once_in(&g, 6))
		seq->entries = PICK(&g, 1, 3, 8);
	g.top = once_in(&g, 10);
	g.odd_pins = once_in(&g, 8);
	g.aligned = once_in(&g, 3);
	/* Before 6.2 in-tree and ours differ from such a MAP on: see compare.c */
	g.readers = opt->model || t1x_kernel_at_least(6, 2) || seed % 8 == 0;
	if (opt->model)
		t1x_begin_ranges(&g);
	t1x_gen_attach(&g);
	if (opt->model && once_in(&g, 3) && !left_out(&g, "pgsizes"))
		t1x_gen_pgsizes(&g);
	if (once_in(&g, 2) && opt->type != V1 && !left_out(&g, "dirty"))
		t1x_gen_dirty(&g);
	while (seq->n < opt->n) {
		/* A container without a driver answers EINVAL to all */
		if (!g.served && !once_in(&g, 8))
			t1x_gen_attach(&g);
		else
			gen_one(&g);
	}
}
