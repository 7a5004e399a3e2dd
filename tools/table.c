// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "table.h"

#define CELL_MAX 512

void t1x_table_init(struct t1x_table *table, const char *const *heads,
		    size_t columns)
{
	*table = (struct t1x_table){ .heads = heads, .columns = columns };
}

void t1x_cell(struct t1x_table *table, const char *fmt, ...)
{
	char text[CELL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	table->cells = t1x_grow(table->cells, table->n, sizeof(*table->cells));
	table->cells[table->n++] = t1x_copy(*text ? text : "-");
}

/* Characters, not bytes: of UTF-8 those that begin one. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static int column_width(const struct t1x_table *table, size_t column)
{
	const char *head = table->heads[column];
	int width = width_of(head) - (*head == '>');
	size_t i;

	for (i = column; i < table->n; i += table->columns) {
		int cell = width_of(table->cells[i]);

		width = cell > width ? cell : width;
	}
	return width;
}

static void print_cell(const struct t1x_table *table, size_t column,
		       const char *text, int width)
{
	int pad = width - width_of(text);

	if (*table->heads[column] == '>')
		printf("%*s%s", pad, "", text);
	else if (column + 1 < table->columns)
		printf("%s%*s", text, pad, "");
	else
		printf("%s", text);
	printf("%s", column + 1 < table->columns ? "  " : "\n");
}

void t1x_table_print(struct t1x_table *table)
{
	int *widths = NULL;
	size_t i;

	for (i = 0; i < table->columns; i++) {
		widths = t1x_grow(widths, i, sizeof(*widths));
		widths[i] = column_width(table, i);
	}
	for (i = 0; i < table->columns; i++)
		print_cell(table, i,
			   table->heads[i] + (*table->heads[i] == '>'),
			   widths[i]);
	for (i = 0; i < table->n; i++) {
		print_cell(table, i % table->columns, table->cells[i],
			   widths[i % table->columns]);
		free(table->cells[i]);
	}
	free(table->cells);
	free(widths);
}
