/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which module must serve the containers of this run, and module loading.
 * BACKEND=type1 is the kernel's own driver (the specification), type1x is ours.
 */
#ifndef T1X_BACKEND_H
#define T1X_BACKEND_H

#include <stdbool.h>

#define T1X_MODULE_INTREE "vfio_iommu_type1"
#define T1X_MODULE_OURS "vfio_iommu_type1x"
#define T1X_MODULE_LIMIT "t1x_limit" /* BACKEND=limit: the benchmark's alone */

bool t1x_is_type1x(void);
/* Leave out what hangs or stops in-tree type1? Not with T1X_DANGEROUS=1 */
bool t1x_spares_type1(void);
/* In-tree type1 under lockdep, or as slow as all is there: some of it is not to be judged */
bool t1x_is_type1_on_debug(void);
/* Name of the module under test, as in /sys/module */
const char *t1x_module(void);

/* Reference count of a loaded module, -1 where it is not loaded */
long t1x_refcnt(const char *module);

/* 0 or -errno. Both return at once, whatever the module's use count. */
int t1x_insmod(const char *path);
int t1x_insmod_args(const char *path, const char *args);
int t1x_rmmod(const char *module);

/* Where /modules has the module's file, NULL where the guest lacks it */
const char *t1x_module_path(const char *module);

/* Loads a module unless it is there; false where the guest lacks its file */
bool t1x_module_insert(const char *module);
/* The last reference of a closed container may take a moment; fails if it stays */
void t1x_module_remove(const char *module);

/* Parameters of the module under test */
int t1x_param_get(const char *name, unsigned long *value);
int t1x_param_set(const char *name, unsigned long value);

#endif
