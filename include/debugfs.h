/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /sys/kernel/debug/vfio_type1x: what each container maps, how it fares, and why its
 * last calls failed. Documentation/debugfs.rst has the formats, which programs read.
 *
 * A reader is served without a lock: each line is made under the locks that it needs,
 * into memory of the kernel. An open file holds its container, and so the module.
 */
#ifndef T1X_DEBUGFS_H
#define T1X_DEBUGFS_H

struct t1x_container;

void t1x_debugfs_create(void);
void t1x_debugfs_destroy(void);
void t1x_debugfs_add(struct t1x_container *container);
void t1x_debugfs_remove(struct t1x_container *container);

#endif /* T1X_DEBUGFS_H */
