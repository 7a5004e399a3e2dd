/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call that failed: a line of a file "errors", of a container or of all, or a
 * trace event.
 */
#ifndef T1X_FAILURE_H
#define T1X_FAILURE_H

#include <stdbool.h>

#include "text.h"

#define T1X_VALUES_MAX 12

struct t1x_value {
	const char *name;
	const char *value;
};

struct t1x_values {
	struct t1x_value item[T1X_VALUES_MAX];
	int n;
};

struct t1x_failure {
	unsigned long id; /* of the container */
	u64 us; /* since boot; of the last time */
	const char *call;
	long error; /* negative */
	bool ranged;
	u64 first;
	u64 last;
	const char *reason;
	struct t1x_values values;
	u64 pid; /* who called */
	const char *comm;
	unsigned int times;
};

/* Cut "name=value" and append it; false where it is none, or there is no room */
bool t1x_value_add(struct t1x_values *values, char *word);
/* NULL where there is none of that name */
const char *t1x_value_find(const struct t1x_values *values, const char *name);

/*
 * The next failure of the text of a file; the strings point into it. id is the
 * container whose file it is; 0: it is that of all, whose lines begin with a number.
 */
bool t1x_failure_next(char **text, unsigned long id,
		      struct t1x_failure *failure);

/* The same container, call, process, range, reason and values, at whatever time? */
bool t1x_failure_same(const struct t1x_failure *a, const struct t1x_failure *b);

/* "values": {...}, and what of a failure it and trace events have */
void t1x_values_json(const struct t1x_values *values);
void t1x_failure_json(const struct t1x_failure *failure);

#endif
