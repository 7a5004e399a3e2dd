/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies: the drivers of emulated devices read and write the memory of mappings as
 * the device would. A copy holds no lock, because it may wait for a user; the container
 * knows of it instead, and what is copied waits for that before it goes.
 *
 * The mutex of the tree protects the list.
 */
#ifndef T1X_COPY_H
#define T1X_COPY_H

#include <linux/list.h>
#include <linux/types.h>

struct t1x_account;
struct t1x_dma;
struct t1x_dma_tree;

/* A part of a mapping that is being copied; private to its thread but for next. */
struct t1x_copy {
	/* In t1x_dma_tree.copies, or by itself: then the mapping has gone. */
	struct list_head next;
	struct t1x_account *account; /* a counted reference */
	unsigned long iova;
	unsigned long last;
	unsigned long vaddr;
};

int t1x_copy_rw(struct t1x_dma_tree *tree, unsigned long iova, void *buf,
		size_t len, bool write);

/* For what goes: the mutex held. */
bool t1x_copy_any(struct t1x_dma_tree *tree, unsigned long iova,
		  unsigned long last);
void t1x_copy_disown(struct t1x_dma_tree *tree, const struct t1x_dma *dma);

#endif /* T1X_COPY_H */
