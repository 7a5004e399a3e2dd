// SPDX-License-Identifier: GPL-2.0-only
/*
 * show: all about a container but its mappings.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "container.h"
#include "json.h"
#include "mapping.h"
#include "process.h"
#include "say.h"
#include "stats.h"

#define LABEL "%-12s "
#define BAR_MAX 40

/* A label before the first line of its kind alone */
static void label(const char *text, size_t i)
{
	printf(LABEL, i ? "" : text);
}

static void print_devices(const struct t1x_container *c, u64 group)
{
	const char *separator = ": ";
	size_t i;

	for (i = 0; i < c->nr_devices; i++) {
		if (c->devices[i].group != group)
			continue;
		printf("%s%s", separator, c->devices[i].name);
		separator = ", ";
	}
}

static void print_groups(const struct t1x_container *c)
{
	size_t i;

	for (i = 0; i < c->nr_groups; i++) {
		const struct t1x_group *group = &c->groups[i];

		label("groups", i);
		printf("%llu", group->number);
		print_devices(c, group->number);
		if (group->emulated)
			printf(" (emulated, no IOMMU)\n");
		else
			printf(" (domain %llu)\n", group->domain);
	}
}

static void print_domains(const struct t1x_container *c)
{
	size_t i;

	for (i = 0; i < c->nr_domains; i++) {
		label("domains", i);
		printf("%llu: pages of %s, %scoherent\n", c->domains[i].number,
		       t1x_sizes(c->domains[i].pgsizes),
		       c->domains[i].coherent ? "" : "not ");
	}
}

static void print_info(const struct t1x_container *c)
{
	size_t i;

	printf(LABEL "%lu, %s, served by vfio_iommu_type1x\n", "container",
	       c->id, c->type);
	printf(LABEL "%llu %s\n", "opened by", c->owner, c->comm);
	print_groups(c);
	print_domains(c);
	printf(LABEL "%s\n", "IOMMU pages", t1x_sizes(c->pgsizes));
	if (c->subset)
		printf(LABEL "%s alone (VFIO_IOMMU_TYPE1X_PGSIZES)\n", "",
		       t1x_sizes(c->subset));
	for (i = 0; i < c->nr_windows; i++) {
		label("IOVAs", i);
		printf("0x%llx-0x%llx\n", c->windows[i].first,
		       c->windows[i].last);
	}
}

static void print_payers(const struct t1x_stats *stats)
{
	size_t i;

	for (i = 0; i < stats->nr_payers; i++) {
		const struct t1x_payer *payer = &stats->payers[i];
		char *comm = t1x_process_comm(payer->pid);

		label("locked", i);
		printf("%s for %llu%s%s, limit %s\n",
		       t1x_size(payer->pages * T1X_PAGE), payer->pid,
		       *comm ? " " : "", comm,
		       payer->limit == T1X_UNLIMITED ?
			       "off" :
			       t1x_size(payer->limit * T1X_PAGE));
		free(comm);
	}
}

static void print_stats(const struct t1x_stats *stats)
{
	size_t i;

	printf(LABEL "%llu, %llu more are possible\n", "mappings",
	       stats->mappings, stats->left);
	printf(LABEL "%s\n", "mapped", t1x_size(stats->pages * T1X_PAGE));
	if (stats->external)
		printf(LABEL "%s are held by drivers of emulated devices\n", "",
		       t1x_size(stats->external * T1X_PAGE));
	print_payers(stats);
	printf(LABEL "%s\n", "dirty log", stats->dirty_log);
	if (stats->stuck)
		printf(LABEL
		       "%s that an IOMMU driver did not let go: see dmesg\n",
		       "stuck", t1x_plural(stats->stuck, "mapping"));
	for (i = 0; i < stats->nr_calls; i++) {
		label("calls", i);
		printf("%s: %llu, %llu failed\n", stats->calls[i].call,
		       stats->calls[i].done, stats->calls[i].failed);
	}
}

static void print_histogram(const char *name, const struct t1x_histogram *h)
{
	u64 most = 1;
	size_t i;

	for (i = 0; i < h->n; i++)
		most = h->buckets[i].calls > most ? h->buckets[i].calls : most;
	for (i = 0; i < h->n; i++) {
		const struct t1x_bucket *b = &h->buckets[i];
		int len = (double)b->calls * BAR_MAX / most;

		label(name, i);
		printf("%6s - %6s %8llu  ", t1x_ns(b->ns), t1x_ns(2 * b->ns),
		       b->calls);
		do
			putchar('#');
		while (--len > 0);
		putchar('\n');
	}
}

static void json_groups(const struct t1x_container *c)
{
	size_t i, n;

	t1x_json_array("groups");
	for (i = 0; i < c->nr_groups; i++) {
		t1x_json_object(NULL);
		t1x_json_number("group", c->groups[i].number);
		t1x_json_bool("emulated", c->groups[i].emulated);
		if (!c->groups[i].emulated)
			t1x_json_number("domain", c->groups[i].domain);
		t1x_json_array("devices");
		for (n = 0; n < c->nr_devices; n++)
			if (c->devices[n].group == c->groups[i].number)
				t1x_json_string(NULL, c->devices[n].name);
		t1x_json_end();
		t1x_json_end();
	}
	t1x_json_end();
}

static void json_info(const struct t1x_container *c)
{
	size_t i;

	t1x_json_number("id", c->id);
	t1x_json_string("type", c->type);
	t1x_json_process("owner", c->owner, c->comm);
	json_groups(c);
	t1x_json_array("domains");
	for (i = 0; i < c->nr_domains; i++) {
		t1x_json_object(NULL);
		t1x_json_number("domain", c->domains[i].number);
		t1x_json_sizes("pgsizes", c->domains[i].pgsizes);
		t1x_json_bool("coherent", c->domains[i].coherent);
		t1x_json_end();
	}
	t1x_json_end();
	t1x_json_sizes("pgsizes", c->pgsizes);
	if (c->subset)
		t1x_json_sizes("subset", c->subset);
	t1x_json_array("iova");
	for (i = 0; i < c->nr_windows; i++) {
		t1x_json_object(NULL);
		t1x_json_hex("first", c->windows[i].first);
		t1x_json_hex("last", c->windows[i].last);
		t1x_json_end();
	}
	t1x_json_end();
}

static void json_payers(const struct t1x_stats *stats)
{
	size_t i;

	t1x_json_array("locked");
	for (i = 0; i < stats->nr_payers; i++) {
		const struct t1x_payer *payer = &stats->payers[i];

		t1x_json_object(NULL);
		t1x_json_number("pid", payer->pid);
		t1x_json_number("bytes", payer->pages * T1X_PAGE);
		if (payer->limit == T1X_UNLIMITED)
			t1x_json_string("limit", NULL);
		else
			t1x_json_number("limit", payer->limit * T1X_PAGE);
		t1x_json_end();
	}
	t1x_json_end();
}

static void json_histogram(const char *key, const struct t1x_histogram *h)
{
	size_t i;

	t1x_json_array(key);
	for (i = 0; i < h->n; i++) {
		t1x_json_object(NULL);
		t1x_json_number("ns", h->buckets[i].ns);
		t1x_json_number("calls", h->buckets[i].calls);
		t1x_json_end();
	}
	t1x_json_end();
}

static void json_stats(const struct t1x_stats *stats)
{
	size_t i;

	t1x_json_number("mappings", stats->mappings);
	t1x_json_number("mappings_left", stats->left);
	t1x_json_number("mapped", stats->pages * T1X_PAGE);
	t1x_json_number("external", stats->external * T1X_PAGE);
	json_payers(stats);
	t1x_json_string("dirty_log", stats->dirty_log);
	t1x_json_number("stuck", stats->stuck);
	t1x_json_array("calls");
	for (i = 0; i < stats->nr_calls; i++) {
		t1x_json_object(NULL);
		t1x_json_string("call", stats->calls[i].call);
		t1x_json_number("done", stats->calls[i].done);
		t1x_json_number("failed", stats->calls[i].failed);
		t1x_json_end();
	}
	t1x_json_end();
	json_histogram("map_ns", &stats->map);
	json_histogram("unmap_ns", &stats->unmap);
}

static void print(const struct t1x_container *c, const struct t1x_stats *stats,
		  bool json)
{
	if (json) {
		t1x_json_object(NULL);
		json_info(c);
		json_stats(stats);
		t1x_json_end();
		return;
	}
	print_info(c);
	print_stats(stats);
	print_histogram("MAP took", &stats->map);
	print_histogram("UNMAP took", &stats->unmap);
}

int t1x_show(int argc, char **argv)
{
	struct t1x_container container;
	struct t1x_stats stats;
	struct t1x_args args;
	char *text;

	if (t1x_args_parse(argc, argv, T1X_ONE, &args))
		return T1X_FAILED;
	if (!t1x_container_read(&container, args.id))
		return T1X_FAILED;
	text = t1x_container_file(args.id, "stats");
	t1x_stats_parse(&stats, text);
	if (text)
		print(&container, &stats, args.json);
	t1x_stats_free(&stats);
	t1x_container_free(&container);
	return text ? T1X_OK : T1X_FAILED;
}
