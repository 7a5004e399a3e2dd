/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a sequence on the backend that is loaded, and records what it answered. */
#ifndef T1X_EXEC_H
#define T1X_EXEC_H

#include "seq.h"

/*
 * The record has one line for each operation and one for the end, in the order
 * of the sequence. What depends on chance (file descriptors, physical
 * addresses) is not in it. To be freed by the caller.
 *
 * handicap is taken off the sequence's dma_entry_limit: a backend that answers
 * wrongly on purpose, for the test of this tool.
 */
char *t1x_exec(const struct seq *seq, const char *module, u32 handicap);

#endif
