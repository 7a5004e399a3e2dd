/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sequence that is running in this process, and what carries out its
 * operations: each function says, as record.h has it, what it was answered.
 */
#ifndef T1X_RUN_H
#define T1X_RUN_H

#include <sys/types.h>

#include "seq.h"

struct run {
	const char *module;
	int container;
	int group[G_COUNT], device[G_COUNT];
	const char *bdf[G_COUNT];
	int memfd, sock;
	pid_t b;
	bool model; /* see struct seq */
	bool unpin_first; /* see t1x_unpin_all() */
	/*
	 * In-tree frees a domain with all that is mapped in it, if another one
	 * is left. From then on 7.3's iommu.debug_pagealloc, which the debug
	 * lanes use, takes these pages for mapped, and warns when one is freed.
	 */
	bool one_domain;
};

extern struct run run;

/* groups.c */
void t1x_open_groups(void);
void t1x_close_groups(void);
void t1x_do_attach(const struct op *op);
void t1x_do_detach(const struct op *op);
void t1x_do_set(const struct op *op);
void t1x_do_open(const struct op *op);
void t1x_do_close(const struct op *op);
bool t1x_has_device(enum group g);

/* requests.c: to the container */
void t1x_do_map(const struct op *op);
void t1x_do_unmap(const struct op *op);
void t1x_do_dirty(const struct op *op);
void t1x_do_get(const struct op *op);
void t1x_do_info(const struct op *op);
void t1x_do_ext(const struct op *op);
void t1x_do_raw(const struct op *op);
void t1x_do_map_range(const struct op *op);
void t1x_do_unmap_range(const struct op *op);
void t1x_do_dirty_range(const struct op *op);
void t1x_do_pgsizes(const struct op *op);

/* pins.c: of emulated devices */
void t1x_do_pin(const struct op *op);
void t1x_do_unpin(const struct op *op);
void t1x_do_rw(const struct op *op);
void t1x_unpin_all(void);
void t1x_forget_pins(enum group g);
void t1x_say_callbacks(void);

/* table.c */
void t1x_do_table(const struct op *op);

#endif
