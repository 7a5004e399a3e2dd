/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who waits for a lock of the module under test: the kernel's own tracepoint
 * lock:contention_begin, which every lock that is found taken comes by, with the
 * stack that tells who wanted it. A lock is the module's if the module itself asked
 * for it, and if it is not the mmap_lock, which belongs to the address space: page
 * faults take it too, whoever pins.
 */
#ifndef T1X_WAITS_H
#define T1X_WAITS_H

#include <stdbool.h>

struct t1x_waits {
	/* For locks of the module; whoever spins, which lockdep hides, may sleep after all */
	unsigned int spun, slept;
	/* For the mmap_lock, by the module itself */
	unsigned int mmap_lock;
};

/* False where the kernel cannot tell: the test then skips */
bool t1x_waits_begin(void);
/* The calling thread is watched from now on, and no other */
void t1x_waits_watch(void);
/* Prints who has waited, and how often; the module must still be loaded */
struct t1x_waits t1x_waits_end(void);

#endif
