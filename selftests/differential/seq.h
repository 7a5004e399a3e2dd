/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sequences of container operations as numbers and as text, one operation a
 * line, and the places in memory that they name.
 */
#ifndef T1X_SEQ_H
#define T1X_SEQ_H

#include <stdbool.h>
#include <stdio.h>

#include "util.h"

#define OP_ARGS 8

enum op_kind {
	OP_ATTACH,
	OP_DETACH,
	OP_SET,
	OP_OPEN,
	OP_CLOSE,
	OP_MAP,
	OP_UNMAP,
	OP_UNMAPD, /* with a bitmap behind it */
	OP_DIRTY,
	OP_GET,
	OP_INFO,
	OP_EXT,
	OP_RAW,
	OP_DROP,
	OP_PROT,
	OP_DIE,
	OP_TABLE,
	OP_PIN,
	OP_UNPIN,
	OP_RW,
	/* Of type1x alone */
	OP_MAPR,
	OP_UNMAPR,
	OP_DIRTYR,
	OP_PGSIZES,
	OP_KINDS,
};

/* Positions of the arguments, where another file wants them */
enum { MAP_ARGSZ, MAP_FLAGS, MAP_VADDR, MAP_IOVA, MAP_SIZE };
enum { MAPR_LAST = MAP_SIZE, MAPR_GRANULE };

enum {
	UNMAP_ARGSZ,
	UNMAP_FLAGS,
	UNMAP_IOVA,
	UNMAP_SIZE,
	RANGE_LAST = UNMAP_SIZE, /* of UNMAPR and DIRTYR */
	BITMAP_PGSIZE,
	BITMAP_SIZE,
	BITMAP_DATA,
	BITMAP_FILL
};

/* Of RAW: which ioctl */
enum raw_cmd { RAW_INFO, RAW_MAP, RAW_UNMAP, RAW_DIRTY, RAW_UNKNOWN, RAW_CMDS };

enum group { G_EDU0, G_EDU1, G_NVME0, G_EMU0, G_EMU1, G_COUNT };

static inline bool is_emu(enum group g)
{
	return g == G_EMU0 || g == G_EMU1;
}

struct op {
	char who; /* 'A' or 'B' */
	unsigned char kind;
	u64 arg[OP_ARGS];
};

struct seq {
	bool model; /* answered by the model, not by in-tree */
	u64 granule; /* parameter of type1x, 0: none */
	u32 limit; /* RLIMIT_MEMLOCK in pages without CAP_IPC_LOCK, 0: none */
	u32 entries; /* dma_entry_limit, 0: as it is */
	int n;
	struct op *op;
};

/* Memory of each process: the same places, contents of its own */
enum region {
	R_A, /* anonymous, touched */
	R_U, /* anonymous, untouched */
	R_R, /* anonymous, read-only, untouched */
	R_M, /* memfd, shared by both */
	R_F, /* the same file, read-only */
	R_H, /* 2 MiB hugetlb pages */
	R_P, /* anonymous, each fourth page PROT_NONE */
	R_RO, /* for results: one read-only page */
	R_BUF, /* for results, and nothing behind it */
	R_ARG, /* for arguments: one page, and nothing behind it */
	R_N, /* nothing at all */
	R_COUNT
};

struct region_info {
	const char *name;
	u64 base, size;
	u64 span; /* addresses that are named after it */
};

extern const struct region_info t1x_region[R_COUNT];
extern const char *const t1x_group_name[G_COUNT];

const char *t1x_op_name(enum op_kind kind);
/* Drivers may be told of what it unmaps */
bool t1x_op_unmaps(enum op_kind kind);
/* What is charged, or mapped, may change */
bool t1x_op_changes_state(enum op_kind kind);
void t1x_print_addr(FILE *out, u64 addr);
void t1x_print_op(FILE *out, const struct op *op);
/* What holds for the whole sequence, each line with a prefix */
void t1x_print_settings(FILE *out, const struct seq *seq, const char *prefix);
void t1x_print_seq(FILE *out, const struct seq *seq);
/* False where a line is not one of ours: it is printed */
bool t1x_parse_seq(struct seq *seq, const char *text);
void t1x_add_op(struct seq *seq, const struct op *op);
void t1x_free_seq(struct seq *seq);

/* Makes the sequence of a seed: about n operations on a container of that type */
struct gen_options {
	int type;
	int n;
	bool emu; /* there are emulated devices */
	bool ubsan; /* in-tree must not be given a page size of 0 */
	bool model; /* with what type1x alone can do */
	const char *without; /* kinds of operations to leave out */
};

void t1x_generate(struct seq *seq, u64 seed, const struct gen_options *opt);

#endif
