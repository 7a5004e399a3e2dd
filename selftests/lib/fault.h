/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's fault injection: the nth thing of this thread that can fail does,
 * be it an allocation of an object or of pages, or a copy from or to the user.
 */
#ifndef T1X_FAULT_H
#define T1X_FAULT_H

#include <stdbool.h>

/* False where this kernel has none: the test then skips */
bool t1x_fault_available(void);

/* From here on the nth fails, counted from 1 */
void t1x_fault_begin(int n);
/* False if there were fewer than n until here, so that nothing has failed */
bool t1x_fault_end(void);

#endif
