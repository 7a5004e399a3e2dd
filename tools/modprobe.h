/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What modprobe is told in /etc/modprobe.d and the folders like it.
 */
#ifndef T1X_MODPROBE_H
#define T1X_MODPROBE_H

/* The file that has "alias FROM TO", to be freed, or NULL */
char *t1x_modprobe_alias(const char *from, const char *to);

#endif
