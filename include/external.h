/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * External pins: the pages of mappings that drivers of emulated devices hold. They are
 * found by the exact IOVA that was pinned, which need not be page aligned, and counted:
 * the drivers of several devices may hold the same page.
 *
 * All pins of a container are in one tree. Which mapping one belongs to follows from
 * its IOVA, so a mapping that no driver uses has nothing to keep, and one that is split
 * nothing to share out.
 */
#ifndef T1X_EXTERNAL_H
#define T1X_EXTERNAL_H

#include <linux/rbtree.h>
#include <linux/types.h>

struct t1x_dma;
struct t1x_dma_tree;

struct t1x_external {
	union {
		struct rb_node node; /* in t1x_dma_tree.externals */
		struct t1x_external *next; /* of those taken out together */
	};
	unsigned long iova;
	unsigned long pfn;
	unsigned int refs;
	bool held; /* the page is pinned; otherwise it needs no pin */
};

int t1x_external_cache_create(void);
void t1x_external_cache_destroy(void);

int t1x_external_alloc(unsigned long iova, struct t1x_external **externals,
		       unsigned int nr);
void t1x_external_free(struct t1x_external *external);

/* The mutex of the tree held. */
struct t1x_external *t1x_external_find(struct t1x_dma_tree *tree,
				       unsigned long iova);
struct t1x_external *t1x_external_first(struct t1x_dma_tree *tree,
					unsigned long iova, unsigned long last);
void t1x_external_insert(struct t1x_dma_tree *tree,
			 struct t1x_external *const *externals,
			 unsigned int nr);
void t1x_external_remove(struct t1x_dma_tree *tree,
			 struct t1x_external *external);
unsigned long t1x_external_nr_held(struct t1x_dma_tree *tree,
				   const struct t1x_dma *dma);
void t1x_external_mark_dirty(struct t1x_dma_tree *tree,
			     const struct t1x_dma *dma);

#endif /* T1X_EXTERNAL_H */
