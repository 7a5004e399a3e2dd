/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's trace events, through a tracing instance of this process alone, so
 * that nobody else's tracing is touched.
 */
#ifndef T1X_TRACE_H
#define T1X_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"
#include "text.h"

struct t1x_trace {
	char *dir; /* the instance */
	int pipe;
	char *buffer; /* what was read, from at on */
	size_t at;
	size_t len;
};

struct t1x_event {
	const char *time; /* seconds, as the trace has it */
	const char *comm; /* "<...>" if nobody knows it */
	u64 pid;
	const char *name;
	struct t1x_values values;
	const char *rest; /* what is no name=value */
	char known[17]; /* room for comm */
};

/*
 * Begin to trace all events, or those of failures, of a container, or of all if id
 * is 0. T1X_OK, or T1X_FAILED and told. Instances that were left by processes which were
 * killed are removed.
 */
int t1x_trace_open(struct t1x_trace *trace, bool errors, unsigned long id);
/* Remove the instance. T1X_OK, or T1X_FAILED and told */
int t1x_trace_close(struct t1x_trace *trace);

/*
 * The next line, valid until the next call; waits for it. NULL at the end, or when
 * the descriptor stop can be read.
 */
char *t1x_trace_line(struct t1x_trace *trace, int stop);

/* Take a line apart; false where it is no event */
bool t1x_event_parse(char *line, struct t1x_event *event);
/* An "error" event as what it tells of; false for others */
bool t1x_event_failure(const struct t1x_event *event,
		       struct t1x_failure *failure);

#endif
