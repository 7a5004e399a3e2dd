/* SPDX-License-Identifier: GPL-2.0-only */
/* What memory.c puts in place, as the model knows it: who may access what is in it. */
#ifndef T1X_MODEL_MEMORY_H
#define T1X_MODEL_MEMORY_H

#include "seq.h"

#define MAX_WRITES 1024

struct model_memory {
	int nwrites;
	struct model_write {
		u64 vaddr, len;
		unsigned char value;
	} write[MAX_WRITES]; /* to A's memory, the last one on top */
};

bool t1x_model_can_access(u64 vaddr, bool write);
/* The name under which a page of a process is found, *who is 0 if it is not */
void t1x_model_name(char *who, u64 *vaddr, bool dead);
unsigned char t1x_model_read(const struct model_memory *memory, u64 vaddr);
void t1x_model_write(struct model_memory *memory, u64 vaddr, u64 len,
		     unsigned char value);

#endif
