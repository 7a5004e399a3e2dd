/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What to say of a failure that depends on more than its values: on the limits of
 * a process, on the IOVA windows of a container.
 */
#ifndef T1X_ADVICE_H
#define T1X_ADVICE_H

#include <stdio.h>

#include "container.h"
#include "failure.h"

typedef void t1x_advice(FILE *out, const struct t1x_failure *failure,
			const struct t1x_container *container);

/* What the gap is that cannot be mapped, and what can be */
t1x_advice t1x_advice_gap;
t1x_advice t1x_advice_windows;

/* What the limit is now, and how it is raised */
t1x_advice t1x_advice_limit_now;
t1x_advice t1x_advice_limit;

/* Where a mapping can be cut */
t1x_advice t1x_advice_granule;

#endif
