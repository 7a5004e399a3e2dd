/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the kernel spends its instructions: the kernel's own cpu-clock event,
 * which needs no hardware counter, so that it works in any guest. Parts that run
 * with interrupts off show where these are let in again.
 */
#ifndef BENCH_PROFILE_H
#define BENCH_PROFILE_H

#include <stdbool.h>

#include "util.h"

/* False where the kernel has no such event */
bool profile_open(void);
void profile_close(void);

void profile_start(void);
/* What was sampled since the start goes to a tally */
void profile_stop(int tally);

/*
 * Prints the functions with the most samples, each line led by prefix: percent
 * in the function itself, percent with all that it calls, its name. Forgets.
 */
void profile_print(int tally, const char *prefix);

#endif
