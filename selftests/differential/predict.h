/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a sequence on the model, and records what type1x must answer. */
#ifndef T1X_PREDICT_H
#define T1X_PREDICT_H

#include "model.h"

/* The record is as that of t1x_exec(); to be freed by the caller */
char *t1x_predict(const struct seq *seq, const struct world *world,
		  enum model_fault fault);

/* 0 or more, or -errno */
void t1x_predict_result(int ret);

/* predict_requests.c */
void t1x_predict_map(struct model *m, const struct op *op);
void t1x_predict_unmap(struct model *m, const struct op *op);
void t1x_predict_unmap_range(struct model *m, const struct op *op);
void t1x_predict_dirty(struct model *m, const struct op *op);
void t1x_predict_dirty_range(struct model *m, const struct op *op);
void t1x_predict_pgsizes(struct model *m, const struct op *op);
void t1x_predict_ext(struct model *m, const struct op *op);
void t1x_predict_info(struct model *m, const struct op *op);

/* predict_devices.c */
void t1x_predict_open(struct model *m, const struct op *op);
void t1x_predict_close(struct model *m, const struct op *op);
void t1x_predict_pin(struct model *m, const struct op *op);
void t1x_predict_unpin(struct model *m, const struct op *op);
void t1x_predict_rw(struct model *m, const struct op *op);
void t1x_predict_table(struct model *m, const struct op *op);
void t1x_predict_callbacks(struct model *m);

#endif
