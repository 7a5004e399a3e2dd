/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that were made at the same time, what they were answered, and whether they
 * could have been answered so one after the other, each at a moment between its
 * begin and its end.
 */
#ifndef T1X_RACES_HISTORY_H
#define T1X_RACES_HISTORY_H

#include "state.h"

#define MAX_EVENTS 48
#define NOBODY (-1)

struct event {
	struct call call;
	struct answer answer;
	u64 begin, end; /* ticks, 0 where it has not come to that */
	/*
	 * Its caller was killed: it has had any effect or none, until end, and
	 * nobody has seen the answer.
	 */
	bool unknown;
	int thread; /* or NOBODY */
};

/* Threads and children write to it, each to events of its own */
struct history {
	u64 clock; /* see t1x_tick() */
	int n;
	struct event event[MAX_EVENTS];
};

/* A moment: no two are the same, and a later one is more */
u64 t1x_tick(struct history *h);
/* At the end, with nobody's answer yet */
struct event *t1x_history_add(struct history *h, const struct call *call);

/* True if there is an order; s then is what comes of it */
bool t1x_history_explain(const struct history *h, struct state *s);
/* Were calls of two threads under way at the same time? */
bool t1x_history_overlaps(const struct history *h);
/* How many calls were broken off */
int t1x_history_unknown(const struct history *h);
/* As it was seen, and what one order would have answered */
void t1x_history_print(const struct history *h, const struct state *s);

#endif
