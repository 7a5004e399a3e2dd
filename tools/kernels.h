/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernels that are installed, and which type1 backends each has.
 */
#ifndef T1X_KERNELS_H
#define T1X_KERNELS_H

enum t1x_kernel {
	T1X_KERNEL_NONE, /* neither: without VFIO, or what a kernel has left behind */
	T1X_KERNEL_INTREE, /* in-tree's alone, as a module */
	T1X_KERNEL_BUILTIN, /* in-tree's alone, built in */
	T1X_KERNEL_OURS, /* ours, and in-tree's as a module */
	T1X_KERNEL_OURS_BUILTIN, /* ours, and in-tree's built in */
};

enum t1x_kernel t1x_kernel_read(const char *release);

/* Their releases, then NULL, for t1x_dir_free(); NULL where there are none */
char **t1x_kernels(void);

/* The one that runs, to be freed */
char *t1x_kernel_running(void);

#endif
