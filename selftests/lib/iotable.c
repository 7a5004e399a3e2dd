// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "iotable.h"
#include "mem.h"
#include "util.h"

#define DEBUGFS		"/sys/kernel/debug/iommu/intel"
#define PTE_READ	0x1ULL
#define PTE_WRITE	0x2ULL
#define PTE_ADDRESS	0x000ffffffffff000ULL

/* 6.1 has one file for all devices, later kernels one for each */
static FILE *open_table(const char *bdf, bool *shared)
{
	char path[128];
	FILE *file;

	*shared = false;
	snprintf(path, sizeof(path), DEBUGFS "/%s/domain_translation_struct",
		 bdf);
	file = fopen(path, "re");
	if (file)
		return file;

	*shared = true;
	return fopen(DEBUGFS "/domain_translation_struct", "re");
}

bool t1x_iotable_available(const char *bdf)
{
	bool shared;
	FILE *file = open_table(bdf, &shared);

	if (file)
		fclose(file);
	return file;
}

/* "iova_pfn | entry entry entry ...": the last entry is the leaf */
static bool parse_leaf(const char *line, struct t1x_leaf *leaf)
{
	unsigned long long entry = 0;
	const char *at;
	char *end;
	int n = 0;

	if (strncmp(line, "0x", 2) || !strchr(line, '|'))
		return false;

	leaf->iova = strtoull(line, NULL, 16) * T1X_PAGE;
	at = strchr(line, '|') + 1;
	for (;;) {
		unsigned long long value = strtoull(at, &end, 16);

		if (end == at)
			break;
		entry = value;
		at = end;
		n++;
	}

	/* Level 5 down to 3, 2 or 1 */
	leaf->size = n == 3 ? T1X_1G : n == 4 ? T1X_2M : T1X_PAGE;
	leaf->phys = entry & PTE_ADDRESS & ~(leaf->size - 1);
	leaf->read = entry & PTE_READ;
	leaf->write = entry & PTE_WRITE;
	return n >= 3;
}

bool t1x_iotable_read(struct t1x_iotable *table, const char *bdf)
{
	bool shared, ours;
	char line[512];
	FILE *file = open_table(bdf, &shared);

	table->n = 0;
	table->leaf = NULL;
	if (!file)
		return false;

	ours = !shared;
	while (fgets(line, sizeof(line), file)) {
		struct t1x_leaf leaf;

		if (shared && strstr(line, "Device"))
			ours = strstr(line, bdf);
		if (!ours || !parse_leaf(line, &leaf))
			continue;
		if (!(table->n % 1024))
			table->leaf = realloc(table->leaf,
					      (table->n + 1024) *
					      sizeof(leaf));
		table->leaf[table->n++] = leaf;
	}
	fclose(file);
	return true;
}

void t1x_iotable_free(struct t1x_iotable *table)
{
	free(table->leaf);
	table->leaf = NULL;
	table->n = 0;
}

const struct t1x_leaf *t1x_iotable_find(const struct t1x_iotable *table,
					uint64_t iova)
{
	int i;

	for (i = 0; i < table->n; i++)
		if (iova >= table->leaf[i].iova &&
		    iova - table->leaf[i].iova < table->leaf[i].size)
			return &table->leaf[i];
	return NULL;
}

/* Where the page at an offset should be: behind vaddr, or at phys */
static uint64_t expected(const volatile char *vaddr, uint64_t phys, uint64_t at)
{
	return vaddr ? t1x_phys(vaddr + at) : phys + at;
}

static int compare(const char *bdf, const volatile char *vaddr, uint64_t phys,
		   uint64_t iova, uint64_t size, bool read, bool write)
{
	struct t1x_iotable table;
	uint64_t at;
	int bad = 0;

	t1x_require(t1x_iotable_read(&table, bdf), "%s has no table", bdf);
	for (at = 0; at < size; at += T1X_PAGE) {
		const struct t1x_leaf *leaf = t1x_iotable_find(&table,
							       iova + at);
		uint64_t want = expected(vaddr, phys, at);
		uint64_t seen = ~0ULL;

		if (leaf)
			seen = leaf->phys + (iova + at - leaf->iova);
		if (leaf && seen == want && leaf->read == read &&
		    leaf->write == write)
			continue;
		if (bad++)
			continue;
		printf("# %s: iova 0x%lx is at 0x%lx %s%s, memory is at 0x%lx\n",
		       bdf, iova + at, seen, leaf && leaf->read ? "r" : "-",
		       leaf && leaf->write ? "w" : "-", want);
	}
	t1x_iotable_free(&table);
	return bad;
}

int t1x_iotable_compare(const char *bdf, const volatile void *vaddr,
			uint64_t iova, uint64_t size, bool read, bool write)
{
	return compare(bdf, vaddr, 0, iova, size, read, write);
}

int t1x_iotable_compare_phys(const char *bdf, uint64_t phys, uint64_t iova,
			     uint64_t size, bool read, bool write)
{
	return compare(bdf, NULL, phys, iova, size, read, write);
}

int t1x_iotable_count(const char *bdf, uint64_t iova, uint64_t size)
{
	struct t1x_iotable table;
	int i, n = 0;

	t1x_require(t1x_iotable_read(&table, bdf), "%s has no table", bdf);
	for (i = 0; i < table.n; i++)
		if (table.leaf[i].iova < iova + size &&
		    iova < table.leaf[i].iova + table.leaf[i].size)
			n++;
	t1x_iotable_free(&table);
	return n;
}
