/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What t1x_memory.ko does to memory on request. Shared by the module and by the
 * programs that drive it. For tests only.
 *
 * Mapping the device's file gives pages of the kernel's that have PG_reserved and
 * that GUP can pin all the same, as some drivers do with their buffers.
 */
#ifndef T1X_MEMORY_H
#define T1X_MEMORY_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define T1X_MEMORY_DEV "/dev/t1x_memory"
/* How many callers hold a lock now */
#define T1X_MEMORY_HELD "/sys/module/t1x_memory/parameters/held"
#define T1X_MEMORY_MAX_PAGES 64

/* Holds the mmap_lock of a process for writing, until SIGKILL or for so long */
struct t1x_memory_hold {
	__s32 pid;
	__u32 ms;
};

#define T1X_MEMORY_IOC_HOLD _IOW('e', 0xe8, struct t1x_memory_hold)

#endif
