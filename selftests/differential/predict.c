// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "predict.h"
#include "record.h"

void t1x_predict_result(int ret)
{
	t1x_say_result(0, ret);
}

static void attach(struct model *m, const struct op *op)
{
	if (!m->world->present[op->arg[0]])
		t1x_say("absent");
	else
		t1x_predict_result(t1x_model_attach(m, op->arg[0]));
}

static void detach(struct model *m, const struct op *op)
{
	if (!m->world->present[op->arg[0]])
		t1x_say("absent");
	else
		t1x_predict_result(t1x_model_detach(m, op->arg[0]));
}

static void set(struct model *m, const struct op *op)
{
	t1x_predict_result(t1x_model_set(m, op->arg[0]));
}

static void die(struct model *m, const struct op *op)
{
	t1x_model_die(m);
}

static void (*const predictions[OP_KINDS])(struct model *m,
					   const struct op *op) = {
	[OP_ATTACH] = attach,
	[OP_DETACH] = detach,
	[OP_SET] = set,
	[OP_OPEN] = t1x_predict_open,
	[OP_CLOSE] = t1x_predict_close,
	[OP_MAP] = t1x_predict_map,
	[OP_UNMAP] = t1x_predict_unmap,
	[OP_UNMAPD] = t1x_predict_unmap,
	[OP_DIRTY] = t1x_predict_dirty,
	[OP_GET] = t1x_predict_dirty,
	[OP_INFO] = t1x_predict_info,
	[OP_EXT] = t1x_predict_ext,
	[OP_DIE] = die,
	[OP_TABLE] = t1x_predict_table,
	[OP_PIN] = t1x_predict_pin,
	[OP_UNPIN] = t1x_predict_unpin,
	[OP_RW] = t1x_predict_rw,
	[OP_MAPR] = t1x_predict_map,
	[OP_UNMAPR] = t1x_predict_unmap_range,
	[OP_DIRTYR] = t1x_predict_dirty_range,
	[OP_PGSIZES] = t1x_predict_pgsizes,
};

static void step(struct model *m, const struct op *op)
{
	m->ncallbacks = 0;
	if (op->who == 'B' && op->kind != OP_DIE && !m->b)
		m->b = ++m->last_b;

	t1x_say_nothing();
	if (predictions[op->kind])
		predictions[op->kind](m, op);
	else
		t1x_say("unknown to the model");
	t1x_predict_callbacks(m);
	if (t1x_op_changes_state(op->kind))
		t1x_say_state(t1x_model_locked(m, 0),
			      m->b ? (long)t1x_model_locked(m, m->b) : -1,
			      m->served ? t1x_model_avail(m) : -1);
}

char *t1x_predict(const struct seq *seq, const struct world *world,
		  enum model_fault fault)
{
	struct model *m = calloc(1, sizeof(*m));
	char *record;
	size_t len;
	FILE *out;
	int i;

	t1x_require(m, "no memory");
	m->world = world;
	m->seq = seq;
	m->fault = fault;
	out = open_memstream(&record, &len);
	for (i = 0; i < seq->n; i++) {
		step(m, &seq->op[i]);
		fprintf(out, "%s\n", t1x_said());
	}
	fprintf(out, "end: A 0 pins 0\n");
	fclose(out);
	free(m);
	return record;
}
