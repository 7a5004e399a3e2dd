// SPDX-License-Identifier: GPL-2.0-only
/*
 * list: the containers, one a line.
 */
#include <stdio.h>

#include "command.h"
#include "container.h"
#include "file.h"
#include "json.h"
#include "mapping.h"
#include "stats.h"
#include "table.h"

static const char *const heads[] = { ">ID",	"TYPE",	     ">PID",
				     "COMMAND", ">MAPPINGS", ">MAPPED",
				     ">LOCKED", ">GROUPS",   ">DEVICES" };

#define COLUMNS (sizeof(heads) / sizeof(*heads))

static void print_row(struct t1x_table *table, const struct t1x_container *c,
		      const struct t1x_stats *stats)
{
	t1x_cell(table, "%lu", c->id);
	t1x_cell(table, "%s", c->type);
	t1x_cell(table, "%llu", c->owner);
	t1x_cell(table, "%s", c->comm);
	t1x_cell(table, "%llu", stats->mappings);
	t1x_cell(table, "%s", t1x_size(stats->pages * T1X_PAGE));
	t1x_cell(table, "%s", t1x_size(t1x_stats_locked(stats) * T1X_PAGE));
	t1x_cell(table, "%zu", c->nr_groups);
	t1x_cell(table, "%zu", c->nr_devices);
}

static void print_json(const struct t1x_container *c,
		       const struct t1x_stats *stats)
{
	size_t i;

	t1x_json_object(NULL);
	t1x_json_number("id", c->id);
	t1x_json_string("type", c->type);
	t1x_json_process("owner", c->owner, c->comm);
	t1x_json_number("mappings", stats->mappings);
	t1x_json_number("mapped", stats->pages * T1X_PAGE);
	t1x_json_number("locked", t1x_stats_locked(stats) * T1X_PAGE);
	t1x_json_array("groups");
	for (i = 0; i < c->nr_groups; i++)
		t1x_json_number(NULL, c->groups[i].number);
	t1x_json_end();
	t1x_json_array("devices");
	for (i = 0; i < c->nr_devices; i++)
		t1x_json_string(NULL, c->devices[i].name);
	t1x_json_end();
	t1x_json_end();
}

static void print_one(struct t1x_table *table, bool json,
		      const struct t1x_container *c)
{
	char *text = t1x_file_read(T1X_DEBUGFS "/%lu/stats", c->id);
	struct t1x_stats stats;

	if (!text) /* closed meanwhile */
		return;
	t1x_stats_parse(&stats, text);
	if (json)
		print_json(c, &stats);
	else
		print_row(table, c, &stats);
	t1x_stats_free(&stats);
}

int t1x_list(int argc, char **argv)
{
	struct t1x_container *containers;
	struct t1x_table table;
	struct t1x_args args;
	size_t i, n;

	if (t1x_args_parse(argc, argv, T1X_NO_ID, &args))
		return T1X_FAILED;
	if (!t1x_containers_read(&containers, &n))
		return T1X_FAILED;

	t1x_table_init(&table, heads, COLUMNS);
	if (args.json)
		t1x_json_array(NULL);
	for (i = 0; i < n; i++)
		print_one(&table, args.json, &containers[i]);
	if (args.json)
		t1x_json_end();
	else
		t1x_table_print(&table);
	t1x_containers_free(containers, n);
	return T1X_OK;
}
