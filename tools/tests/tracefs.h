/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The linker's names for functions that tests/tracefs.c stands for (--wrap).
 */
#ifndef T1X_TRACEFS_H
#define T1X_TRACEFS_H

#include <sys/types.h>

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);
int __wrap_rmdir(const char *path);

#endif
