/* SPDX-License-Identifier: GPL-2.0-only */
/* Which differences between two records are meant to be. */
#ifndef T1X_COMPARE_H
#define T1X_COMPARE_H

#include "seq.h"

/*
 * The first operation whose results must be equal and are not, or -1. What is
 * expected is in-tree's record, or that of the model: from it, none may differ.
 */
int t1x_compare(const struct seq *seq, const char *expected, const char *ours);
/* One line for each row of abi-diff.rst that excused a difference so far */
void t1x_print_known(void);
/* How often each kind of operation had each answer of in-tree, since the last time */
void t1x_count_answers(const struct seq *seq, const char *record);
void t1x_print_answers(void);

#endif
