/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What modprobe is told in /etc/modprobe.d and the folders like it.
 */
#ifndef T1X_MODPROBE_H
#define T1X_MODPROBE_H

#include <stdbool.h>

/* To modprobe '-' and '_' are one letter. */
bool t1x_modprobe_same(const char *a, const char *b);

/* Calls fn for each line of each file that counts; fn may cut the line up. */
typedef void t1x_modprobe_fn(void *arg, const char *file, char *line);
void t1x_modprobe_each(t1x_modprobe_fn *fn, void *arg);

/* The file that has "alias FROM TO", to be freed, or NULL */
char *t1x_modprobe_alias(const char *from, const char *to);

#endif
