/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of the processes A and B, and which page lies where. */
#ifndef T1X_MEMORY_H
#define T1X_MEMORY_H

#include <sys/types.h>

#include "seq.h"

/* Puts all regions in place; memfd is shared by both processes */
void t1x_memory_setup(char who, int memfd);
int t1x_memory_memfd(void);

struct t1x_place {
	u64 phys, size;
	char who;
	u64 vaddr;
};

struct t1x_places {
	int n;
	struct t1x_place *place;
};

/* All pages of A (pid 0: this process) and, where b is not 0, of process b */
void t1x_places_read(struct t1x_places *places, pid_t b);
void t1x_places_free(struct t1x_places *places);
/* Whose page lies at phys, the first of several; *who is 0 where none does */
void t1x_places_name(const struct t1x_places *places, u64 phys, char *who,
		     u64 *vaddr);

#endif
