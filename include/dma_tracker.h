/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracker of user mappings: one struct t1x_dma per MAP_DMA call, ordered by
 * IOVA, never overlapping and never coalesced.
 *
 * Units are bytes where a name is an address, pages of PAGE_SIZE where it counts
 * or is called "page" or "index"; "last" is inclusive. An index is relative to
 * the start of its mapping.
 *
 * The tracker knows no user memory and no IOMMU. Beside the range it keeps, for
 * those who do, what was found out while the mapping was filled: where physical
 * memory jumps and how each part was pinned. Both are written by the filler
 * alone and are constant while the mapping is in the IOMMU as a whole.
 */
#ifndef T1X_DMA_TRACKER_H
#define T1X_DMA_TRACKER_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "dirty_bitmap.h"
#include "iova_space.h"
#include "pgsize.h"

struct mutex;
struct t1x_account;
struct t1x_call;

/**
 * enum t1x_dma_state - Life of a mapping
 * @T1X_DMA_FILLING: Its MAP is pinning and mapping; only the filler ends this
 * @T1X_DMA_LIVE: Mapped as a whole
 * @T1X_DMA_BUSY: LIVE to the drivers of emulated devices; one call pins it for the
 *		  first IOMMU of the container, or charges it to another process
 * @T1X_DMA_DYING: Being unmapped; LIVE again if the unmap fails, else gone
 *
 * A call that overlaps a mapping which is not LIVE waits and looks again.
 */
enum t1x_dma_state {
	T1X_DMA_FILLING,
	T1X_DMA_LIVE,
	T1X_DMA_BUSY,
	T1X_DMA_DYING,
};

/*
 * How a part of a mapping is held. T1X_PIN_NONE: not at all (a PFNMAP, or the
 * zero page where GUP gives it out). Otherwise the order of the piece that one
 * pin holds: T1X_PIN_PAGE is a pin for each page, n > 0 is one pin for each
 * physically aligned piece of 2^n pages (a hugetlb folio).
 */
#define T1X_PIN_PAGE 0
#define T1X_PIN_NONE 63

/* From page @index of the mapping on, pages are held as @kind says. */
struct t1x_dma_pin {
	u64 index : 58;
	u64 kind : 6;
};

/* Where in a mapping that changes, by index. */
struct t1x_dma_pins {
	unsigned int nr;
	unsigned int max;
	struct t1x_dma_pin pin[];
};

/* The segments whose records fit into a mapping. */
#define T1X_DMA_FEW_ORDER 2
#define T1X_DMA_FEW_SEGS BIT(T1X_DMA_FEW_ORDER)

/* Where the segments are beside a mapping that is not held in one way. */
struct t1x_dma_records {
	struct t1x_dma_pins *pins;
	t1x_contig segs[];
};

/* Marks are pages of user memory, which ends below 2^57 bytes. */
#define T1X_DMA_MARK_BITS 46
static_assert(T1X_DMA_MARK_BITS + PAGE_SHIFT > 57);

/*
 * There may be as many as the user likes, and most are small: what is rare is kept
 * elsewhere, and what is short shares words. Bits that share a word are written under
 * the same lock, but for those that never change: anyone may read these. No bit field
 * is to be shifted before it is copied to a variable: it would lose what does not fit.
 */
struct t1x_dma {
	/*
	 * Immutable after t1x_dma_insert(), but that a split, by the owner of DYING
	 * with the domains' rwsem for read and the mutex, takes off the upper end.
	 */
	unsigned long iova;
	unsigned long last;

	/* Changed under the mutex of the tree, while LIVE or by the owner of BUSY. */
	unsigned long vaddr;
	struct t1x_account *account; /* a counted reference */

	struct t1x_dma *next_dying; /* of the call that owns it, DYING */

	/* Protected by the mutex of the tree. */
	struct rb_node node;
	unsigned long *dirty_bits; /* of t1x_dma_dirty(); NULL: not tracked */

	/*
	 * Written by the filler with the domains' rwsem for read, read-only afterwards
	 * until t1x_dma_reset().
	 */
	union {
		t1x_contig few_segs[T1X_DMA_FEW_SEGS];
		struct { /* if it has_first_pfn */
			t1x_contig only_seg; /* that is few_segs[0] */
			u16 first_pfn_high; /* frame of the first page */
			u32 first_pfn_low;
		};
		t1x_contig *segs; /* if it has_segs: they are beside it */
	};

	/*
	 * The part that is in the IOMMU, in pages: [unmapped, mapped). Only the
	 * owner of a FILLING, BUSY or DYING mapping moves these, holding the
	 * domains' rwsem for read, or whoever holds it for write.
	 */
	u64 mapped : T1X_DMA_MARK_BITS;

	/* The filler's, as the union is. */
	u64 pin_kind : 6; /* how pages are held from the first one on */
	u64 seg_order : 6; /* log2 of the segments there is room for, if it has so many */
	u64 has_segs : 1;
	u64 has_pins : 1; /* these segs are those of struct t1x_dma_records */
	u64 has_first_pfn : 1;
	u64 has_pfn_0 : 1; /* the IOMMU's 0 may be an address */
	u64 single : 1; /* it went into the IOMMU page by page */
	u64 kept : 1; /* a domain kept the run above mapped, which keeps its pins */

	u64 unmapped : T1X_DMA_MARK_BITS;
	u64 prot : 2; /* IOMMU_READ | IOMMU_WRITE; immutable after t1x_dma_insert() */

	/* Protected by the mutex of the tree; a struct, to be no part of the word above. */
	struct {
		u16 state : 2; /* enum t1x_dma_state */
		u16 lock_cap : 1; /* its process has CAP_IPC_LOCK */
		u16 doomed : 1; /* the last group went while a call had it */
		u16 restart : 1; /* FILLING, and the first domain came or the last went */
		u16 undone : 1; /* FILLING, and its MAP has failed */
		u16 stuck : 1; /* the IOMMU kept a part: never freed */
		u16 vaddr_invalid : 1; /* VFIO_DMA_UNMAP_FLAG_VADDR */
		u16 uncounted : 1; /* a part whose entry the rest of the mapping keeps */
		u16 externals_charged : 1; /* its external pins are in account->charged */

		/* log2 of its bytes, or 0; immutable after t1x_dma_insert(). */
		u16 granule_order : 6;
	};
};

/* In-tree type1 takes a slab of 96 bytes for a mapping: no more than that. */
static_assert(sizeof(struct t1x_dma) <= 96);

/*
 * What goes of a DYING mapping that does not go whole. It is on the stack of the call
 * that removes it, which cuts two mappings at most: one at each end of its range.
 */
struct t1x_dma_cut {
	struct list_head next; /* in t1x_dma_tree.cuts, protected by its mutex */

	/* Immutable while it is there. */
	const struct t1x_dma *dma;
	struct t1x_iova_range going;
};

struct t1x_dma_tree {
	struct mutex *lock; /* immutable; the owner's mutex */

	/* Protected by *lock. */
	struct rb_root root;
	unsigned int nr_filling;
	unsigned int nr_vaddr_invalid;
	struct list_head cuts; /* of struct t1x_dma_cut */

	/* What drivers of emulated devices hold and copy, also under *lock. */
	struct rb_root externals; /* of struct t1x_external, by IOVA */
	unsigned long nr_externals_held; /* of these, pages that are pinned */
	unsigned long nr_externals_added; /* ever */
	struct list_head copies; /* of struct t1x_copy, those under way */

	/* Woken whenever a mapping changes its state, goes or is let go. */
	wait_queue_head_t changed;
};

int t1x_dma_cache_create(void);
void t1x_dma_cache_destroy(void);

struct t1x_dma *t1x_dma_alloc(unsigned long iova, unsigned long last);
struct t1x_dma *t1x_dma_alloc_part(const struct t1x_dma *dma,
				   unsigned long iova, unsigned long last);
void t1x_dma_free(struct t1x_dma *dma);

void t1x_dma_tree_init(struct t1x_dma_tree *tree, struct mutex *lock);
struct t1x_dma *t1x_dma_find(struct t1x_dma_tree *tree, unsigned long iova,
			     unsigned long last);
struct t1x_dma *t1x_dma_first(struct t1x_dma_tree *tree);
struct t1x_dma *t1x_dma_next(struct t1x_dma_tree *tree, struct t1x_dma *dma);
struct t1x_dma *t1x_dma_find_usable(struct t1x_dma_tree *tree,
				    unsigned long iova, unsigned long *last);
bool t1x_dma_cuts(struct t1x_dma_tree *tree, unsigned long iova,
		  unsigned long last);
int t1x_dma_refuse_cut(const struct t1x_dma *dma, struct t1x_call *call);
struct t1x_iova_range t1x_dma_going(struct t1x_dma_tree *tree,
				    const struct t1x_dma *dma);
int t1x_dma_insert(struct t1x_dma_tree *tree, struct t1x_dma *dma);
void t1x_dma_remove(struct t1x_dma_tree *tree, struct t1x_dma *dma);
void t1x_dma_split(struct t1x_dma_tree *tree, struct t1x_dma *dma,
		   struct t1x_dma *part);
void t1x_dma_set_state(struct t1x_dma_tree *tree, struct t1x_dma *dma,
		       enum t1x_dma_state state);
void t1x_dma_set_vaddr_invalid(struct t1x_dma_tree *tree, struct t1x_dma *dma,
			       bool invalid);
void t1x_dma_wake(struct t1x_dma_tree *tree);
int t1x_dma_wait(struct t1x_dma_tree *tree, long timeout);
struct t1x_dma *t1x_dma_find_unsettled(struct t1x_dma_tree *tree,
				       unsigned long iova, unsigned long last);
struct t1x_dma *t1x_dma_find_after(struct t1x_dma_tree *tree,
				   unsigned long last);
struct t1x_dma *t1x_dma_find_dying(struct t1x_dma_tree *tree);

void t1x_dma_untrack(struct t1x_dma *dma);

/* The records of one mapping, in dma_record.c. */
int t1x_dma_reserve(struct t1x_dma *dma, unsigned long end);
int t1x_dma_reserve_part(const struct t1x_dma *dma, struct t1x_dma *part);
void t1x_dma_set_first_pfn(struct t1x_dma *dma, unsigned long pfn);
bool t1x_dma_first_pfn(const struct t1x_dma *dma, unsigned long *pfn);
void t1x_dma_jump_add(struct t1x_dma *dma, unsigned long index);
unsigned long t1x_dma_dense_end(const struct t1x_dma *dma, unsigned long index,
				unsigned long end);
unsigned long t1x_dma_jump_next(const struct t1x_dma *dma, unsigned long index,
				unsigned long end);
int t1x_dma_pin_add(struct t1x_dma *dma, unsigned long index, u8 kind);
u8 t1x_dma_pin_kind(const struct t1x_dma *dma, unsigned long index,
		    unsigned long *end);
unsigned long t1x_dma_nr_pinned(const struct t1x_dma *dma);
void t1x_dma_split_records(struct t1x_dma *dma, struct t1x_dma *part,
			   unsigned long at);
void t1x_dma_reset(struct t1x_dma *dma);
void t1x_dma_free_records(struct t1x_dma *dma);

/* Is what a call would do to a mapping certain? */
static inline bool t1x_dma_is_settled(const struct t1x_dma *dma)
{
	return dma->state == T1X_DMA_LIVE || dma->stuck;
}

/* What a mapping can be cut at multiples of, in bytes; 0: it cannot be cut. */
static inline unsigned long t1x_dma_granule(const struct t1x_dma *dma)
{
	return dma->granule_order ? BIT(dma->granule_order) : 0;
}

static inline void t1x_dma_set_granule(struct t1x_dma *dma,
				       unsigned long granule)
{
	dma->granule_order = granule ? ilog2(granule) : 0;
}

/* Are pages of a mapping in the IOMMU, and so pinned? */
static inline bool t1x_dma_in_iommu(const struct t1x_dma *dma)
{
	return dma->mapped != dma->unmapped;
}

static inline struct t1x_iova_range t1x_dma_range(const struct t1x_dma *dma)
{
	return (struct t1x_iova_range){ .iova = dma->iova, .last = dma->last };
}

/* The length of a mapping; a size in bytes would overflow for the whole space. */
static inline unsigned long t1x_dma_npages(const struct t1x_dma *dma)
{
	return ((dma->last - dma->iova) >> PAGE_SHIFT) + 1;
}

static inline unsigned long t1x_dma_iova_at(const struct t1x_dma *dma,
					    unsigned long index)
{
	return dma->iova + (index << PAGE_SHIFT);
}

/* The dirty pages of a mapping, while that lasts and is not split. */
static inline struct t1x_dirty t1x_dma_dirty(const struct t1x_dma *dma)
{
	return (struct t1x_dirty){
		.bits = dma->dirty_bits,
		.first = dma->iova >> PAGE_SHIFT,
		.npages = t1x_dma_npages(dma),
	};
}

/* Mark pages, told by their numbers in the IOVA space, if the mapping is tracked. */
static inline void t1x_dma_set_dirty(const struct t1x_dma *dma,
				     unsigned long page, unsigned long npages)
{
	struct t1x_dirty dirty = t1x_dma_dirty(dma);

	t1x_dirty_set(&dirty, page, npages);
}

#endif /* T1X_DMA_TRACKER_H */
