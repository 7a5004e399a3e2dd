/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the program says: failures in one line, paragraphs that fit the terminal.
 */
#ifndef T1X_SAY_H
#define T1X_SAY_H

#include "format.h"

/* A line on stderr: what failed, on what, and what to do. Returns T1X_FAILED. */
T1X_FORMAT(1) int t1x_fail(const char *fmt, ...);

/* What an errno means; where root would not meet it, says so */
const char *t1x_strerror(int error);

/* Columns of the terminal, or of COLUMNS; 80 where neither says */
int t1x_width(void);

/* A paragraph beside a label, which begins at that column */
void t1x_wrap(int indent, const char *label, const char *text);

#endif
