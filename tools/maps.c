// SPDX-License-Identifier: GPL-2.0-only
/*
 * maps: the mappings of a container.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "container.h"
#include "json.h"
#include "mapping.h"
#include "table.h"

static const char *const heads[] = {
	">IOVA",    ">LAST", ">SIZE",	    ">VADDR",	      "PROT",
	">GRANULE", "STATE", "IOMMU PAGES", "WHY NOT LARGER", ">PID",
};

#define COLUMNS (sizeof(heads) / sizeof(*heads))

/* "1M in 4K, 1022M in 2M" */
static void leaves_words(const struct t1x_mapping *m, char *out, size_t len)
{
	size_t at = 0;
	int i;

	*out = '\0';
	for (i = 0; i < m->nr_leaves && at < len; i++)
		at += snprintf(out + at, len - at, "%s%s in %s", i ? ", " : "",
			       t1x_size(m->leaves[i].bytes),
			       t1x_size(m->leaves[i].size));
}

static void print_row(struct t1x_table *table, const struct t1x_mapping *m)
{
	char leaves[256];

	leaves_words(m, leaves, sizeof(leaves));
	t1x_cell(table, "0x%llx", m->iova);
	t1x_cell(table, "0x%llx", m->last);
	t1x_cell(table, "%s", t1x_size(m->pages * T1X_PAGE));
	t1x_cell(table, "%s", m->vaddr);
	t1x_cell(table, "%s", m->prot);
	t1x_cell(table, "%s", m->granule ? t1x_size(m->granule) : "");
	t1x_cell(table, "%s", m->state);
	t1x_cell(table, "%s", leaves);
	t1x_cell(table, "%s", m->why);
	t1x_cell(table, "%llu", m->pid);
}

static void print_json(const struct t1x_mapping *m)
{
	int i;

	t1x_json_object(NULL);
	t1x_json_hex("iova", m->iova);
	t1x_json_hex("last", m->last);
	t1x_json_number("size", m->pages * T1X_PAGE);
	t1x_json_string("vaddr", m->vaddr);
	t1x_json_string("prot", m->prot);
	t1x_json_number("granule", m->granule);
	t1x_json_string("state", m->state);
	t1x_json_array("leaves");
	for (i = 0; i < m->nr_leaves; i++) {
		t1x_json_object(NULL);
		t1x_json_number("size", m->leaves[i].size);
		t1x_json_number("bytes", m->leaves[i].bytes);
		t1x_json_end();
	}
	t1x_json_end();
	t1x_json_string("why", strcmp(m->why, "-") ? m->why : NULL);
	t1x_json_number("pid", m->pid);
	t1x_json_end();
}

int t1x_maps(int argc, char **argv)
{
	struct t1x_mapping mapping;
	struct t1x_table table;
	struct t1x_args args;
	char *text, *at;

	if (t1x_args_parse(argc, argv, T1X_ONE, &args))
		return T1X_FAILED;
	text = t1x_container_file(args.id, "maps");
	if (!text)
		return T1X_FAILED;

	at = text;
	t1x_table_init(&table, heads, COLUMNS);
	if (args.json)
		t1x_json_array(NULL);
	while (t1x_mapping_next(&at, &mapping)) {
		if (args.json)
			print_json(&mapping);
		else
			print_row(&table, &mapping);
	}
	if (args.json)
		t1x_json_end();
	else
		t1x_table_print(&table);
	free(text);
	return T1X_OK;
}
