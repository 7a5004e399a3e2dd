/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The backing of a mapping: its pages on their way into the IOMMU and out of it.
 * In: pinned, then mapped in all domains. Out: unmapped in all domains, flushed,
 * and only then unpinned.
 *
 * Units are pages of PAGE_SIZE.
 */
#ifndef T1X_BACKING_H
#define T1X_BACKING_H

#include <linux/types.h>

struct t1x_census;
struct t1x_dma;
struct t1x_domains;
struct t1x_pin_opts;

int t1x_backing_fill(struct t1x_domains *domains, struct t1x_dma *dma,
		     const struct t1x_pin_opts *opts);
void t1x_backing_clear(struct t1x_domains *domains, struct t1x_dma *dma,
		       bool chain);
void t1x_backing_clear_locked(struct t1x_domains *domains, struct t1x_dma *dma);
bool t1x_backing_find_pfn(struct t1x_domains *domains,
			  const struct t1x_dma *dma, unsigned long index,
			  unsigned long *pfn);
unsigned long t1x_backing_run_end(struct t1x_domains *domains,
				  const struct t1x_dma *dma,
				  unsigned long index, unsigned long end,
				  unsigned long *pfn);

unsigned long t1x_backing_count(struct t1x_domains *domains,
				const struct t1x_dma *dma, unsigned long index,
				unsigned int nr, struct t1x_census *census);

#endif /* T1X_BACKING_H */
