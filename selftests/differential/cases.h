/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of cases/, built in: cases.awk writes the array. */
#ifndef T1X_CASES_H
#define T1X_CASES_H

struct kept {
	const char *name, *text;
};

extern const struct kept t1x_kept[]; /* ends with a name of NULL */

#endif
