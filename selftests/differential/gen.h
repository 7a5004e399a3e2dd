/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generator of sequences, inside. It keeps a rough idea of what a sequence
 * has done so far, so that most operations have something to work on and the
 * numbers lie at the edges of what is there; it never needs to be right.
 */
#ifndef T1X_GEN_H
#define T1X_GEN_H

#include <string.h>

#include "seq.h"

#define MAX_MAPS 64
#define LAST_PAGE (-T1X_PAGE)

struct gen_map {
	u64 iova, size;
	u64 granule; /* 0: not to be cut */
	bool vaddr_gone;
};

struct gen {
	u64 random;
	const struct gen_options *opt;
	struct seq *seq;
	bool real, emu; /* kinds of groups in this sequence */
	bool served, dirty;
	bool attached[G_COUNT], open[G_COUNT];
	int nmaps;
	struct gen_map map[MAX_MAPS];
	u64 pinned;
	enum group pinned_by;
	struct gen_map touched; /* by a device, last */
	u64 touched_at; /* and where in it */
	bool top; /* this sequence goes to the end of the 64-bit space */
	bool odd_pins; /* and this one pins amid pages */
	bool aligned; /* mappings begin where words of a bitmap do */
	bool readers; /* private memory may be mapped for reading only */
};

static inline u64 draw(struct gen *g)
{
	u64 z = g->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static inline u64 below(struct gen *g, u64 n)
{
	return draw(g) % n;
}

/* True once in n times */
static inline bool once_in(struct gen *g, u64 n)
{
	return !below(g, n);
}

static inline u64 pick(struct gen *g, const u64 *of, size_t n)
{
	return of[below(g, n)];
}

#define LIST(...) ((const u64[]){ __VA_ARGS__ })
#define PICK(g, ...) \
	pick(g, LIST(__VA_ARGS__), sizeof(LIST(__VA_ARGS__)) / sizeof(u64))

static inline char who(struct gen *g)
{
	/* What is B's, a driver cannot copy for A */
	return once_in(g, g->opt->model && g->emu ? 6 : 3) ? 'B' : 'A';
}

static inline void emit(struct gen *g, char who, enum op_kind kind,
			const u64 *arg, int n)
{
	struct op op = { .who = who, .kind = kind };

	memcpy(op.arg, arg, n * sizeof(*arg));
	t1x_add_op(g->seq, &op);
}

/* Its arguments are worked out once: what stands in sizeof is not */
#define EMIT(g, who, kind, ...)               \
	emit(g, who, kind, LIST(__VA_ARGS__), \
	     sizeof(LIST(__VA_ARGS__)) / sizeof(u64))

/* What a sequence does, and how often */
struct choice {
	const char *name;
	void (*gen)(struct gen *g);
	unsigned char weight;
	bool emu; /* only with emulated devices */
};

/* gen_ranges.c: what type1x alone can do, and has a model for */
extern const struct choice t1x_range_choices[];
extern const size_t t1x_nrange_choices;
void t1x_begin_ranges(struct gen *g);
void t1x_gen_pgsizes(struct gen *g);
void t1x_gen_touched(struct gen *g);

/* gen.c */
void t1x_note_map(struct gen *g, u64 vaddr, const struct gen_map *map,
		  u64 flags);
void t1x_note_unmap(struct gen *g, u64 first, u64 last);
/* Reports are asked for where they can be had, mostly */
bool t1x_no_reports(struct gen *g);
enum group t1x_emu_group(struct gen *g);
void t1x_gen_map(struct gen *g);
void t1x_gen_unmap(struct gen *g);
void t1x_gen_info(struct gen *g);
void t1x_gen_dirty(struct gen *g);
void t1x_gen_get(struct gen *g);
void t1x_gen_unmapd(struct gen *g);
void t1x_gen_vaddr_gone(struct gen *g);
void t1x_gen_vaddr_new(struct gen *g);
void t1x_gen_attach(struct gen *g);
void t1x_gen_detach(struct gen *g);
void t1x_gen_open(struct gen *g);
void t1x_gen_die(struct gen *g);
void t1x_gen_table(struct gen *g);
void t1x_gen_pin(struct gen *g);
void t1x_gen_unpin(struct gen *g);
void t1x_gen_rw(struct gen *g);

/* values.c: mostly at the edges of what is mapped */
struct gen_map *t1x_any_map(struct gen *g);
u64 t1x_any_iova(struct gen *g);
u64 t1x_any_size(struct gen *g);
u64 t1x_any_vaddr(struct gen *g, u64 size);
u64 t1x_argsz(struct gen *g, u64 min);
bool t1x_overlaps(struct gen *g, u64 iova, u64 size);
/* A range: a mapping, a part of one, several, or anything */
void t1x_any_range(struct gen *g, u64 *iova, u64 *size);
u64 t1x_result_at(struct gen *g, u64 bytes);
u64 t1x_bitmap_pgsize(struct gen *g);
u64 t1x_bitmap_bytes(struct gen *g, u64 size);

#endif
