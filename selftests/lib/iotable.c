// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "iotable.h"
#include "mem.h"
#include "util.h"

#define DEBUGFS "/sys/kernel/debug/iommu/intel"
#define PTE_READ 0x1ULL
#define PTE_WRITE 0x2ULL
#define PTE_ADDRESS 0x000ffffffffff000ULL

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

/* An IOVA page number, a bar, and the entry of each level down to the leaf */
static bool parse_leaf(const char *line, struct t1x_leaf *leaf)
{
	u64 entry = 0;
	const char *at;
	char *end;
	int n = 0;

	if (strncmp(line, "0x", 2) || !strchr(line, '|'))
		return false;

	leaf->iova = strtoull(line, NULL, 16) * T1X_PAGE;
	at = strchr(line, '|') + 1;
	for (;;) {
		u64 value = strtoull(at, &end, 16);

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
					      (table->n + 1024) * sizeof(leaf));
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

/* A page that is not to be translated; the same as that of a page not present */
#define NOWHERE ~0UL

static bool leaf_is(const struct t1x_leaf *leaf, u64 iova, u64 phys, bool read,
		    bool write)
{
	if (phys == NOWHERE)
		return !leaf;
	return leaf && leaf->phys + (iova - leaf->iova) == phys &&
	       leaf->read == read && leaf->write == write;
}

/* The table is in the order of its addresses, and so is the walk: no search */
static int compare(const char *bdf, const u64 *phys, u64 iova, size_t npages,
		   bool read, bool write)
{
	const struct t1x_leaf *leaf = NULL;
	struct t1x_iotable table;
	int at = 0, bad = 0;
	size_t i;

	t1x_require(t1x_iotable_read(&table, bdf), "%s has no table", bdf);
	for (i = 0; i < npages; i++, iova += T1X_PAGE) {
		while (at < table.n &&
		       table.leaf[at].iova + (table.leaf[at].size - 1) < iova)
			at++;
		leaf = NULL;
		if (at < table.n && table.leaf[at].iova <= iova)
			leaf = &table.leaf[at];
		if (leaf_is(leaf, iova, phys[i], read, write) || bad++)
			continue;
		printf("# %s: iova 0x%lx is at 0x%lx %s%s, memory is at 0x%lx\n",
		       bdf, iova,
		       leaf ? leaf->phys + (iova - leaf->iova) : ~0UL,
		       leaf && leaf->read ? "r" : "-",
		       leaf && leaf->write ? "w" : "-", phys[i]);
	}
	t1x_iotable_free(&table);
	return bad;
}

int t1x_iotable_compare(const char *bdf, const void *vaddr, u64 iova, u64 size,
			bool read, bool write)
{
	size_t n = size / T1X_PAGE;
	u64 *phys = malloc(n * sizeof(*phys));
	int bad;

	t1x_phys_range(vaddr, n, phys);
	bad = compare(bdf, phys, iova, n, read, write);
	free(phys);
	return bad;
}

int t1x_iotable_compare_phys(const char *bdf, u64 phys, u64 iova, u64 size,
			     bool read, bool write)
{
	size_t i, n = size / T1X_PAGE;
	u64 *each = malloc(n * sizeof(*each));
	int bad;

	for (i = 0; i < n; i++)
		each[i] = phys + i * T1X_PAGE;
	bad = compare(bdf, each, iova, n, read, write);
	free(each);
	return bad;
}

int t1x_iotable_compare_parts(const char *bdf, const void *vaddr, u64 iova,
			      u64 part, int nparts, const bool *there)
{
	size_t each = part / T1X_PAGE;
	u64 *phys = malloc(nparts * each * sizeof(*phys));
	int i, bad;
	size_t k;

	t1x_phys_range(vaddr, nparts * each, phys);
	for (i = 0; i < nparts; i++)
		for (k = 0; !there[i] && k < each; k++)
			phys[i * each + k] = NOWHERE;
	bad = compare(bdf, phys, iova, nparts * each, true, true);
	free(phys);
	return bad;
}

static bool touches(const struct t1x_leaf *leaf, u64 iova, u64 size)
{
	return leaf->iova < iova + size && iova < leaf->iova + leaf->size;
}

u64 t1x_iotable_sizes(const char *bdf, u64 iova, u64 size)
{
	struct t1x_iotable table;
	u64 sizes = 0;
	int i;

	t1x_require(t1x_iotable_read(&table, bdf), "%s has no table", bdf);
	for (i = 0; i < table.n; i++)
		if (touches(&table.leaf[i], iova, size))
			sizes |= table.leaf[i].size;
	t1x_iotable_free(&table);
	return sizes;
}

int t1x_iotable_count(const char *bdf, u64 iova, u64 size)
{
	struct t1x_iotable table;
	int i, n = 0;

	t1x_require(t1x_iotable_read(&table, bdf), "%s has no table", bdf);
	for (i = 0; i < table.n; i++)
		n += touches(&table.leaf[i], iova, size);
	t1x_iotable_free(&table);
	return n;
}
