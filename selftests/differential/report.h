/* SPDX-License-Identifier: GPL-2.0-only */
/* The bitmaps of dirty pages that the model expects, bit by bit. */
#ifndef T1X_REPORT_H
#define T1X_REPORT_H

#include "model.h"

/* As it is before the operation */
void t1x_report_fill(struct model *m, const struct op *op);

/*
 * Of GET_BITMAP and UNMAP_DMA: bit 0 is iova, and the words of each part are
 * written. What shares a word with a part stays below it and is 0 above.
 */
bool t1x_report_fits(const struct op *op, u64 iova,
		     const struct model_span *part);
void t1x_report_part(struct model *m, const struct op *op, u64 iova,
		     const struct model_span *part);

/* Bytes that the window of a range needs: it begins at a multiple of 64 pages */
u64 t1x_report_window(const struct op *op);
/* False, and nothing is written, where not all of it can be */
bool t1x_report_range(struct model *m, const struct op *op);

#endif
