/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a container of type1x must do, told as simply as can be: a list of
 * mappings, and sets of what is dirty and what is pinned that know of IOVAs
 * alone, so that nothing but the list changes where a mapping is cut. What is
 * charged is not kept but counted anew each time.
 *
 * Semantics: include/uapi/linux/vfio_type1x.h, and linux/vfio.h for the rest.
 */
#ifndef T1X_MODEL_H
#define T1X_MODEL_H

#include "model_memory.h"
#include "world.h"

#define MODEL_MAPS 1024
#define MODEL_SPANS 4096
#define MODEL_PINS 4096
#define REPORT_BUF 65536

/* Errors to make on purpose: the generator must be able to find each of them */
enum model_fault {
	FAULT_NONE,
	FAULT_CUT_ANYWHERE, /* a cut need not be at a multiple of the granule */
	FAULT_CUT_PLAIN, /* nor the mapping have one */
	FAULT_CUT_LATE, /* what comes before a bad cut is unmapped */
	FAULT_CUT_OFF, /* the part behind a cut has the memory of the part before */
	FAULT_CUT_FREE, /* two parts are one entry */
	FAULT_CUT_CLEAN, /* a cut makes what is left clean */
	FAULT_CUT_PINS, /* a cut tells drivers of the whole mapping */
	FAULT_V1_CUTS, /* v1 cuts what has no granule */
	FAULT_HOLES, /* a range must be mapped from end to end */
	FAULT_LAST_PAGE, /* the last page of the 64-bit space is not unmapped */
	FAULT_WINDOW_SHIFT, /* a window begins at its IOVA */
	FAULT_WINDOW_WORDS, /* the words of holes are not written */
	FAULT_NO_CLEAR, /* a look clears */
	FAULT_REPORT_SOME, /* a report clears the whole mapping that it cuts */
	FAULT_FAULT_CLEARS, /* a report that cannot be written clears */
	FAULT_SUBSET_GONE, /* a subset ends with the last IOMMU */
	FAULT_SUBSET_ANY, /* it need not hold the smallest size */
	FAULT_SUBSET_LATE, /* it can change while something is mapped */
	FAULT_GRANULE_0, /* a granule of 0 is none */
	FAULT_PARAMETER, /* the parameter wins over alignment */
	FAULT_CHARGE, /* a cut refunds the whole mapping */
	FAULTS
};

struct model_map {
	u64 iova, last;
	u64 granule; /* 0: not to be cut */
	bool read, write;
	int owner; /* the process that pays: 0 is A, n the nth B */
	u64 offset; /* of the owner's addresses to the IOVAs */
	bool vaddr_gone;
	/* What is in the IOMMU: the owner may have changed since */
	bool backed;
	int backed_owner;
	u64 backed_offset;
};

struct model_span {
	u64 first, last;
};

struct model_pin {
	u64 iova;
	int count[2]; /* of emu0 and of emu1 */
};

/* What an unmap takes: parts of mappings, in their order */
struct model_parts {
	int n;
	struct model_span part[MODEL_MAPS];
};

/* BY_VADDR_V2: what may cut nothing at all */
enum model_rules { BY_V1, BY_V2, BY_RANGE, BY_VADDR_V1, BY_VADDR_V2 };

struct model {
	const struct world *world;
	const struct seq *seq;
	enum model_fault fault;
	bool served, v2;
	bool attached[G_COUNT], open[G_COUNT];
	bool had_iommu;
	u64 subset; /* of page sizes, 0: none is chosen */
	bool tracking;
	int b, last_b; /* which process is B, 0: none; and the last that was */
	int nmaps;
	struct model_map map[MODEL_MAPS]; /* in the order of their IOVAs */
	int ndirty;
	struct model_span dirty[MODEL_SPANS];
	int npins;
	struct model_pin pin[MODEL_PINS];
	struct model_memory memory;
	/* Of the operation under way */
	unsigned char buf[REPORT_BUF]; /* R_BUF: see report.h */
	int ncallbacks;
	struct model_span callback[MODEL_MAPS];
};

/* All but what belongs to the operation under way; of arrays what is used */
void t1x_model_copy(struct model *to, const struct model *from);

u64 t1x_model_granule_of(struct model *m, u64 first, u64 last);
bool t1x_model_has_iommu(struct model *m);
bool t1x_model_has_emulated(struct model *m);
u64 t1x_model_supported(struct model *m);
u64 t1x_model_pgsizes(struct model *m);
/* The IOVA ranges of GET_INFO; 0 where it has none */
int t1x_model_ranges(struct model *m, struct t1x_range *ranges, int max);
int t1x_model_avail(struct model *m);
/* Pages that a process is charged for */
u64 t1x_model_locked(struct model *m, int process);

/* These return 0 or -errno, and change nothing if they fail */
int t1x_model_attach(struct model *m, enum group g);
int t1x_model_detach(struct model *m, enum group g);
int t1x_model_set(struct model *m, u64 type);
int t1x_model_map(struct model *m, const struct model_map *map);
int t1x_model_restore(struct model *m, const struct model_map *map);
int t1x_model_plan(struct model *m, u64 first, u64 last, enum model_rules rules,
		   struct model_parts *parts);
int t1x_model_invalidate(struct model *m, const struct model_parts *parts);
int t1x_model_choose(struct model *m, u64 pgsizes);
int t1x_model_start(struct model *m);
int t1x_model_pin(struct model *m, enum group g, u64 iova, int prot);

void t1x_model_remove(struct model *m, const struct model_parts *parts);
struct model_map *t1x_model_find(struct model *m, u64 iova);
void t1x_model_die(struct model *m);

/* model_pages.c */
struct model_pin *t1x_model_pin_at(struct model *m, u64 iova);
/* How many are pinned */
u64 t1x_model_pinned(struct model *m, u64 first, u64 last);
void t1x_model_unpin(struct model *m, enum group g, u64 first, u64 last,
		     int times);
bool t1x_model_is_dirty(struct model *m, u64 iova);
void t1x_model_set_dirty(struct model *m, u64 first, u64 last);
/* But what drivers hold: they may write to it at any time */
void t1x_model_set_clean(struct model *m, u64 first, u64 last);
/* Nobody asks for it any more */
void t1x_model_forget_dirty(struct model *m, u64 first, u64 last);

#endif
