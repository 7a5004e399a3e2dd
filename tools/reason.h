/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a call failed and what can be done, in words.
 */
#ifndef T1X_REASON_H
#define T1X_REASON_H

#include "container.h"
#include "failure.h"

/* The name of a call, as programs have it: "map" is "MAP" */
const char *t1x_reason_call(const char *call);

/*
 * Sentences, to be freed. The container, of which windows and groups are asked,
 * may be all zero; then they say less.
 */
char *t1x_reason_what(const struct t1x_failure *failure,
		      const struct t1x_container *container);
char *t1x_reason_todo(const struct t1x_failure *failure,
		      const struct t1x_container *container);

#endif
