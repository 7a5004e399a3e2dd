/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of /sys, /proc, /dev, /etc, /lib and /boot. All paths begin with '/' and
 * are looked up below the folder that t1x_root_set() names, so that a folder can
 * stand for a machine.
 */
#ifndef T1X_FILE_H
#define T1X_FILE_H

#include <stdbool.h>

#include "format.h"
#include "text.h"

void t1x_root_set(const char *dir);

/* The path below the root, to be freed */
T1X_FORMAT(1) char *t1x_path(const char *fmt, ...);

T1X_FORMAT(1) bool t1x_file_exists(const char *fmt, ...);
/* All of a file, cleaned, to be freed; NULL and errno */
T1X_FORMAT(1) char *t1x_file_read(const char *fmt, ...);
/* Its first line, to be freed; NULL and errno */
T1X_FORMAT(1) char *t1x_file_line(const char *fmt, ...);
T1X_FORMAT(2) bool t1x_file_number(u64 *value, const char *fmt, ...);
/* 0 or -errno */
T1X_FORMAT(2) int t1x_file_write(const char *text, const char *fmt, ...);
/* What a symbolic link says, cleaned, to be freed; NULL and errno */
T1X_FORMAT(1) char *t1x_file_link(const char *fmt, ...);

/* The names in a folder, numbers in their order, then NULL; NULL and errno */
T1X_FORMAT(1) char **t1x_dir_list(const char *fmt, ...);
void t1x_dir_free(char **names);

/* Is a file system of this type mounted anywhere? */
bool t1x_mounted(const char *type);

#endif
