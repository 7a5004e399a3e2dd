/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What "check" finds out, one by one.
 */
#ifndef T1X_CHECK_H
#define T1X_CHECK_H

#include <stddef.h>

#include "format.h"

enum t1x_result {
	T1X_READY,
	T1X_WARNING, /* it works, but not as well as it could */
	T1X_MISSING, /* it does not work */
};

struct t1x_finding {
	enum t1x_result result;
	char *what; /* is looked at */
	char *text;
	char *todo; /* or NULL */
};

struct t1x_findings {
	struct t1x_finding *item;
	size_t n;
};

/* Add one; printf's arguments are those of the text. */
T1X_FORMAT(5)
void t1x_found(struct t1x_findings *findings, enum t1x_result result,
	       const char *what, const char *todo, const char *fmt, ...);

/* IOMMU, interrupts and groups */
void t1x_check_iommu(struct t1x_findings *findings);
/* vfio, the modules and their parameters */
void t1x_check_modules(struct t1x_findings *findings);
/* Limits and huge pages */
void t1x_check_memory(struct t1x_findings *findings);

#endif
