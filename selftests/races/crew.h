/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads, and children that are killed, which make the calls of a history all at
 * once. Whoever does not come back is told of, with the place in the kernel where
 * it is, and fails the test.
 */
#ifndef T1X_RACES_CREW_H
#define T1X_RACES_CREW_H

#include <sys/types.h>

#include "history.h"

#define MAX_MEMBERS 8
#define MAX_CHILDREN 2

struct crew;

struct member {
	struct crew *crew;
	int child; /* the number of its child, 0: of this process */
	int delay; /* turns of a loop, once it is at the line */
	int tid;
};

/* Shared with the children. Words that somebody sleeps on are u32. */
struct crew {
	struct target *target;
	const char *what; /* the race, for the message */
	int n; /* of members in this race */
	int first; /* event that is to be made */
	struct member member[MAX_MEMBERS];
	struct history history;

	struct member *own[MAX_MEMBERS]; /* those without a child */
	u32 nown;
	u32 places; /* of own members: whose thread has yet to take them */
	u32 back; /* own members that have made their calls */
	u32 born; /* threads of children */
	u32 go; /* for them */
	u32 at_line; /* members of either kind */

	pid_t pid[MAX_CHILDREN + 1]; /* by number, 0: none */
	u64 deadline; /* ms, 0: nobody has anything to do */
};

struct crew *t1x_crew_create(struct target *target);
/*
 * Has each member make its calls: of the events from the first on, those with its
 * number. Children are killed meanwhile. Returns when all have come back.
 */
void t1x_crew_run(struct crew *crew, int first);
/* The caller makes all of them itself, as the first member */
void t1x_crew_run_alone(struct crew *crew, int first);

#endif
