// SPDX-License-Identifier: GPL-2.0-only
/*
 * huge: how much of a container is in IOMMU pages of which size, and why not in
 * larger ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "container.h"
#include "json.h"
#include "mapping.h"
#include "memory.h"
#include "say.h"
#include "why.h"

#define ORDERS 64 /* of page sizes */
#define COMMON 0x40201000ULL /* 4K, 2M, 1G */
#define BAR_MAX 60
#define BAR_MARGIN 26 /* what a line has beside its bar */

/* All that is so for one reason */
struct cause {
	char *why;
	u64 bytes;
	u64 mappings;
	u64 most; /* bytes of the mapping that has most of it, */
	u64 first; /* and its range */
	u64 last;
};

struct sums {
	u64 mappings;
	u64 bytes; /* mapped */
	u64 in_iommu;
	u64 sizes; /* bitmap of those that are there or could be */
	u64 by_order[ORDERS];
	struct cause *causes;
	size_t nr_causes;
};

static u64 largest(u64 sizes)
{
	return sizes ? 1ULL << (63 - __builtin_clzll(sizes)) : 0;
}

static struct cause *cause_of(struct sums *sums, const char *why)
{
	size_t i;

	for (i = 0; i < sums->nr_causes; i++)
		if (!strcmp(sums->causes[i].why, why))
			return &sums->causes[i];
	sums->causes =
		t1x_grow(sums->causes, sums->nr_causes, sizeof(struct cause));
	sums->causes[i].why = t1x_copy(why);
	sums->nr_causes++;
	return &sums->causes[i];
}

static void add_cause(struct sums *sums, const struct t1x_mapping *m)
{
	u64 bytes = t1x_mapping_below(m, largest(sums->sizes));
	struct cause *cause;

	if (!bytes)
		return;
	cause = cause_of(sums, m->why);
	cause->bytes += bytes;
	cause->mappings++;
	if (bytes > cause->most) {
		cause->most = bytes;
		cause->first = m->iova;
		cause->last = m->last;
	}
}

static void add_mapping(struct sums *sums, const struct t1x_mapping *m)
{
	int i;

	sums->mappings++;
	sums->bytes += m->pages * T1X_PAGE;
	sums->in_iommu += t1x_mapping_in_iommu(m);
	for (i = 0; i < m->nr_leaves; i++) {
		u64 size = m->leaves[i].size;

		sums->by_order[__builtin_ctzll(size)] += m->leaves[i].bytes;
		sums->sizes |= size;
	}
	if (strcmp(m->why, "-"))
		add_cause(sums, m);
}

static int most_first(const void *a, const void *b)
{
	const struct cause *one = a, *other = b;

	return one->bytes < other->bytes ? 1 :
	       one->bytes > other->bytes ? -1 :
					   0;
}

static void add_up(struct sums *sums, const struct t1x_container *c, char *maps)
{
	struct t1x_mapping mapping;

	*sums = (struct sums){ .sizes = c->pgsizes | c->subset };
	while (t1x_mapping_next(&maps, &mapping))
		add_mapping(sums, &mapping);
	if (sums->nr_causes)
		qsort(sums->causes, sums->nr_causes, sizeof(struct cause),
		      most_first);
}

static void sums_free(struct sums *sums)
{
	while (sums->nr_causes)
		free(sums->causes[--sums->nr_causes].why);
	free(sums->causes);
}

/* Something is never shown as nothing, and not all of it never as all. */
static int bar_length(u64 part, u64 whole, int width)
{
	int len = (double)part * width / whole + 0.5;

	if (part && !len)
		return 1;
	return part < whole && len == width ? width - 1 : len;
}

static void print_bar(u64 size, u64 bytes, u64 whole)
{
	int width = t1x_width() - BAR_MARGIN;
	int i, len;

	if (width > BAR_MAX)
		width = BAR_MAX;
	len = bar_length(bytes, whole, width);
	printf("  %5s  ", t1x_size(size));
	for (i = 0; i < width; i++)
		putchar(i < len ? '#' : '.');
	printf("  %7s  %5.1f%%\n", t1x_size(bytes), 100.0 * bytes / whole);
}

static void print_cause(const struct cause *cause)
{
	const struct t1x_why *why = t1x_why_find(cause->why);

	printf("\n%s: %s in %s, most of it in 0x%llx-0x%llx\n", why->name,
	       t1x_size(cause->bytes), t1x_plural(cause->mappings, "mapping"),
	       cause->first, cause->last);
	t1x_wrap(2, "why", why->text);
	t1x_wrap(2, "do", why->todo);
}

/* Those that are in use, and of the others the common ones: AMD-Vi has fifty. */
static u64 sizes_shown(const struct sums *sums)
{
	u64 sizes, shown = sums->sizes & COMMON;

	for (sizes = sums->sizes; sizes; sizes &= sizes - 1)
		if (sums->by_order[__builtin_ctzll(sizes)])
			shown |= sizes & -sizes;
	return shown;
}

static void print(const struct t1x_container *c, const struct sums *sums)
{
	u64 sizes;
	size_t i;

	printf("container %lu: %s in %s\n", c->id, t1x_size(sums->bytes),
	       t1x_plural(sums->mappings, "mapping"));
	if (!sums->in_iommu) {
		printf("Nothing is in an IOMMU: %s.\n",
		       sums->mappings ?
			       "the groups are emulated, and their drivers pin what they need" :
			       "nothing is mapped");
		return;
	}
	if (sums->in_iommu < sums->bytes)
		printf("All but %s of it is in the IOMMU.\n",
		       t1x_size(sums->bytes - sums->in_iommu));
	printf("\n");
	for (sizes = sizes_shown(sums); sizes; sizes &= sizes - 1)
		print_bar(sizes & -sizes,
			  sums->by_order[__builtin_ctzll(sizes)],
			  sums->in_iommu);
	if (!sums->nr_causes)
		printf("\nAll of it is in the largest pages that there are.\n");
	for (i = 0; i < sums->nr_causes; i++)
		print_cause(&sums->causes[i]);
}

static void print_json(const struct t1x_container *c, const struct sums *sums)
{
	u64 sizes;
	size_t i;

	t1x_json_object(NULL);
	t1x_json_number("id", c->id);
	t1x_json_number("mappings", sums->mappings);
	t1x_json_number("mapped", sums->bytes);
	t1x_json_number("in_iommu", sums->in_iommu);
	t1x_json_array("leaves");
	for (sizes = sizes_shown(sums); sizes; sizes &= sizes - 1) {
		t1x_json_object(NULL);
		t1x_json_number("size", sizes & -sizes);
		t1x_json_number("bytes",
				sums->by_order[__builtin_ctzll(sizes)]);
		t1x_json_end();
	}
	t1x_json_end();
	t1x_json_array("why");
	for (i = 0; i < sums->nr_causes; i++) {
		t1x_json_object(NULL);
		t1x_json_string("why", sums->causes[i].why);
		t1x_json_number("bytes", sums->causes[i].bytes);
		t1x_json_number("mappings", sums->causes[i].mappings);
		t1x_json_end();
	}
	t1x_json_end();
	t1x_json_end();
}

int t1x_huge(int argc, char **argv)
{
	struct t1x_container container;
	struct t1x_args args;
	struct sums sums;
	char *maps;

	if (t1x_args_parse(argc, argv, T1X_ONE, &args))
		return T1X_FAILED;
	if (!t1x_container_read(&container, args.id))
		return T1X_FAILED;
	maps = t1x_container_file(args.id, "maps");
	if (maps) {
		add_up(&sums, &container, maps);
		if (args.json)
			print_json(&container, &sums);
		else
			print(&container, &sums);
		sums_free(&sums);
	}
	free(maps);
	t1x_container_free(&container);
	return maps ? T1X_OK : T1X_FAILED;
}
