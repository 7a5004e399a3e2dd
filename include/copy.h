/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies: the drivers of emulated devices read and write the memory of mappings as
 * the device would. A copy holds no lock, because it may wait for a user; the mapping
 * knows of it instead, and waits for it before it goes.
 *
 * The mutex of the tree protects the lists.
 */
#ifndef T1X_COPY_H
#define T1X_COPY_H

#include <linux/list.h>
#include <linux/types.h>

struct t1x_account;
struct t1x_dma;
struct t1x_dma_tree;

/* A part of a mapping that is being copied; private to its thread but for next, dma. */
struct t1x_copy {
	struct list_head
		next; /* in t1x_dma.copies; in no list if that has gone */
	struct t1x_dma *dma;
	struct t1x_account *account; /* a counted reference */
	unsigned long iova;
	unsigned long last;
	unsigned long vaddr;
};

int t1x_copy_rw(struct t1x_dma_tree *tree, unsigned long iova, void *buf,
		size_t len, bool write);

/* For unmap: the mutex held. */
bool t1x_copy_any(const struct t1x_dma *dma, unsigned long iova,
		  unsigned long last);
void t1x_copy_split(struct t1x_dma *dma, struct t1x_dma *part);

#endif /* T1X_COPY_H */
