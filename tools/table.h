/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table on stdout whose columns are as wide as what is in them.
 */
#ifndef T1X_TABLE_H
#define T1X_TABLE_H

#include <stddef.h>

#include "format.h"

struct t1x_table {
	const char *const *heads; /* '>' before a name: numbers, to the right */
	size_t columns;
	char **cells; /* row by row */
	size_t n;
};

void t1x_table_init(struct t1x_table *table, const char *const *heads,
		    size_t columns);
/* The next cell, from the left; an empty one is shown as "-" */
T1X_FORMAT(2) void t1x_cell(struct t1x_table *table, const char *fmt, ...);
/* Print it, and free what it holds */
void t1x_table_print(struct t1x_table *table);

#endif
