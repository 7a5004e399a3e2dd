/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * External pins: the pages of one mapping that drivers of emulated devices hold.
 * They are found by the exact IOVA that was pinned, which need not be page aligned,
 * and counted: the drivers of several devices may hold the same page.
 *
 * The mutex of the mapping's tree protects all of it.
 */
#ifndef T1X_EXTERNAL_H
#define T1X_EXTERNAL_H

#include <linux/rbtree.h>
#include <linux/types.h>

struct t1x_dma;

struct t1x_external {
	union {
		struct rb_node node; /* in t1x_dma.externals */
		struct t1x_external *next; /* of those taken out together */
	};
	unsigned long iova;
	unsigned long pfn;
	unsigned int refs;
	bool held; /* the page is pinned; otherwise it needs no pin */
};

int t1x_external_cache_create(void);
void t1x_external_cache_destroy(void);

struct t1x_external *t1x_external_alloc(unsigned long iova);
void t1x_external_free(struct t1x_external *external);

struct t1x_external *t1x_external_find(const struct t1x_dma *dma,
				       unsigned long iova);
void t1x_external_insert(struct t1x_dma *dma, struct t1x_external *external);
void t1x_external_remove(struct t1x_dma *dma, struct t1x_external *external);
bool t1x_external_any(const struct t1x_dma *dma, unsigned long iova,
		      unsigned long last);
void t1x_external_split(struct t1x_dma *dma, struct t1x_dma *part);
void t1x_external_mark_dirty(struct t1x_dma *dma);

#endif /* T1X_EXTERNAL_H */
