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

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "dirty_bitmap.h"
#include "iova_space.h"
#include "pgsize.h"

struct mutex;
struct t1x_account;

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

#define T1X_DMA_FEW_SEGS 4
#define T1X_NO_PFN ULONG_MAX

/*
 * The records of a mapping that do not fit into it: it has more segments than a few, or
 * is not held in one way.
 */
struct t1x_dma_records {
	t1x_contig *segs;
	unsigned long max_segs;
	struct t1x_dma_pin *pins; /* where the kind changes, by index */
	unsigned int nr_pins;
	unsigned int max_pins;

	/* Where they are as long as they fit: with these it is 64 bytes. */
	t1x_contig few_segs[T1X_DMA_FEW_SEGS];
	struct t1x_dma_pin few_pins[3];
};

struct t1x_dma {
	/*
	 * Immutable after t1x_dma_insert(), but that a split, by the owner of DYING
	 * with the domains' rwsem for read and the mutex, takes off the upper end.
	 */
	unsigned long iova;
	unsigned long last;
	int prot; /* IOMMU_READ | IOMMU_WRITE */
	unsigned long granule; /* in bytes; 0: can only be unmapped as a whole */
	u64 serial; /* of its MAP; the parts of a mapping share it */

	/* Changed under the mutex of the tree, while LIVE or by the owner of BUSY. */
	unsigned long vaddr;
	bool lock_cap; /* mapped with CAP_IPC_LOCK */
	struct t1x_account *account; /* a counted reference */

	/* Protected by the mutex of the tree. */
	struct rb_node node;
	enum t1x_dma_state state;
	bool doomed; /* the last group went while a call had it */
	bool restart; /* FILLING, and the first domain came or the last one went */
	bool undone; /* FILLING, and its MAP has failed */
	bool stuck; /* the IOMMU kept a part: never freed */
	bool vaddr_invalid; /* VFIO_DMA_UNMAP_FLAG_VADDR */
	struct t1x_dma *next_dying; /* of those that one call removes */
	bool uncounted; /* a part whose entry the rest of the mapping keeps */
	bool externals_charged; /* its external pins are in account->charged */
	unsigned long *dirty_bits; /* of t1x_dma_dirty(); NULL: not tracked */

	/*
	 * The part that is in the IOMMU, in pages: [unmapped, mapped). Only the
	 * owner of a FILLING, BUSY or DYING mapping moves these, holding the
	 * domains' rwsem for read, or whoever holds it for write.
	 */
	unsigned long mapped;
	unsigned long unmapped;

	/* The filler's: a domain kept the run above mapped, which keeps its pins. */
	bool kept;
	bool single; /* and it went into the IOMMU page by page */

	/* Written by the filler, read-only afterwards until t1x_dma_reset(). */
	unsigned long first_pfn; /* frame of the first page, or T1X_NO_PFN */
	bool has_pfn_0; /* the IOMMU's 0 may be an address */
	u8 pin_kind; /* how pages are held from the first one on */
	bool has_records;
	union {
		t1x_contig few_segs[T1X_DMA_FEW_SEGS];
		struct t1x_dma_records *records; /* if it has them */
	};
};

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
	u64 last_serial;
	struct list_head cuts; /* of struct t1x_dma_cut */

	/* What drivers of emulated devices hold and copy, also under *lock. */
	struct rb_root externals; /* of struct t1x_external, by IOVA */
	unsigned long nr_externals_held; /* of these, pages that are pinned */
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

int t1x_dma_reserve(struct t1x_dma *dma, unsigned long end);
void t1x_dma_jump_add(struct t1x_dma *dma, unsigned long index);
unsigned long t1x_dma_jump_next(const struct t1x_dma *dma, unsigned long index,
				unsigned long end);
int t1x_dma_pin_add(struct t1x_dma *dma, unsigned long index, u8 kind);
u8 t1x_dma_pin_kind(const struct t1x_dma *dma, unsigned long index,
		    unsigned long *end);
unsigned long t1x_dma_nr_pinned(const struct t1x_dma *dma);
void t1x_dma_reset(struct t1x_dma *dma);
void t1x_dma_untrack(struct t1x_dma *dma);

/* Is what a call would do to a mapping certain? */
static inline bool t1x_dma_is_settled(const struct t1x_dma *dma)
{
	return dma->state == T1X_DMA_LIVE || dma->stuck;
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
