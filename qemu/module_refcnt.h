/* SPDX-License-Identifier: GPL-2.0-only */
/* The reference count of a loaded module, -1 where it is not loaded. */
#ifndef T1X_MODULE_REFCNT_H
#define T1X_MODULE_REFCNT_H

#include <stdio.h>

static int module_refcnt(const char *module)
{
	char path[128];
	int refs = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &refs) != 1)
		refs = -1;
	fclose(file);
	return refs;
}

#endif
