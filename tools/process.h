/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes: their names, what they may lock, and who holds files of vfio open.
 */
#ifndef T1X_PROCESS_H
#define T1X_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

#define T1X_UNLIMITED (~0ULL)

struct t1x_memlock {
	u64 soft; /* bytes, or T1X_UNLIMITED */
	u64 hard;
	u64 locked; /* bytes */
	bool exempt; /* has CAP_IPC_LOCK */
};

/* A process that holds a group open */
struct t1x_holder {
	u64 pid;
	char *comm;
	char *group; /* as in /dev/vfio: a number, or noiommu-N */
	bool container; /* has /dev/vfio/vfio open too */
	bool iommufd; /* has /dev/iommu open */
};

/* To be freed; "" for a process that is gone */
char *t1x_process_comm(u64 pid);

/* Of a process, by its folder in /proc ("self"); false where that is gone */
bool t1x_process_memlock(const char *process, struct t1x_memlock *memlock);

/*
 * All of them, by process and group. *hidden counts the processes that could not
 * be looked at.
 */
void t1x_holders_find(struct t1x_holder **holders, size_t *n, size_t *hidden);
void t1x_holders_free(struct t1x_holder *holders, size_t n);

#endif
