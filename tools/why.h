/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why memory is in smaller IOMMU pages than there could be, in words.
 */
#ifndef T1X_WHY_H
#define T1X_WHY_H

struct t1x_why {
	const char *name; /* as in a container's file "maps" */
	const char *text;
	const char *todo;
};

/* Never NULL: one that is not known says so */
const struct t1x_why *t1x_why_find(const char *name);

#endif
