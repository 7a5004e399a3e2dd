/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO_UPDATE_VADDR: a mapping stays while its memory moves to other addresses, or
 * to another process that takes over its pages and its charge.
 */
#ifndef T1X_VADDR_H
#define T1X_VADDR_H

#include <linux/types.h>

struct t1x_accounts;
struct t1x_dma;
struct t1x_dma_tree;
struct t1x_uapi_map;
struct t1x_uapi_unmap;

int t1x_vaddr_invalidate(struct t1x_dma_tree *tree,
			 const struct t1x_uapi_unmap *args, u64 *npages);
int t1x_vaddr_restore(struct t1x_dma_tree *tree, struct t1x_accounts *accounts,
		      const struct t1x_uapi_map *args, struct t1x_dma **doomed);

#endif /* T1X_VADDR_H */
