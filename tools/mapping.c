// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "mapping.h"

static bool is_size(u64 size)
{
	return size && !(size & (size - 1));
}

/* 4096:1048576,2097152:1071644672, or - */
static void parse_leaves(struct t1x_mapping *mapping, char *text)
{
	char *item;

	while (mapping->nr_leaves < T1X_LEAVES_MAX &&
	       (item = strsep(&text, ","))) {
		struct t1x_leaf *leaf = &mapping->leaves[mapping->nr_leaves];
		const char *size = strsep(&item, ":");

		if (t1x_number(size, &leaf->size) && is_size(leaf->size) &&
		    t1x_number(item, &leaf->bytes))
			mapping->nr_leaves++;
	}
}

static bool parse(char *line, struct t1x_mapping *mapping)
{
	char *leaves;

	*mapping = (struct t1x_mapping){};
	if (!t1x_range(t1x_word(&line), &mapping->iova, &mapping->last) ||
	    mapping->last < mapping->iova)
		return false;
	mapping->vaddr = t1x_word(&line);
	mapping->prot = t1x_word(&line);
	t1x_next_number(&line, &mapping->granule);
	mapping->state = t1x_word(&line);
	t1x_next_number(&line, &mapping->pages);
	leaves = t1x_word(&line);
	mapping->why = t1x_word(&line);
	if (!mapping->why || !t1x_next_number(&line, &mapping->pid))
		return false;
	parse_leaves(mapping, leaves);
	return true;
}

bool t1x_mapping_next(char **text, struct t1x_mapping *mapping)
{
	char *line;

	while ((line = t1x_line(text)))
		if (parse(line, mapping))
			return true;
	return false;
}

u64 t1x_mapping_in_iommu(const struct t1x_mapping *mapping)
{
	return t1x_mapping_below(mapping, ~0ULL);
}

u64 t1x_mapping_below(const struct t1x_mapping *mapping, u64 size)
{
	u64 bytes = 0;
	int i;

	for (i = 0; i < mapping->nr_leaves; i++)
		if (mapping->leaves[i].size < size)
			bytes += mapping->leaves[i].bytes;
	return bytes;
}
