/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads, and children that are killed, which make the calls of a history all at
 * once. Whoever does not come back is told of, with the place in the kernel where
 * it is, and fails the test.
 */
#ifndef T1X_RACES_CREW_H
#define T1X_RACES_CREW_H

#include <pthread.h>
#include <semaphore.h>

#include "history.h"

#define MAX_MEMBERS 8
#define MAX_CHILDREN 2

struct crew;

struct member {
	struct crew *crew;
	int child; /* the number of its child, 0: a thread of this process */
	int delay; /* turns of a loop, once all are ready */
	int tid;
	sem_t start, done;
};

/* Shared with the children */
struct crew {
	struct target *target;
	const char *what; /* the race, for the message */
	int n; /* of members in this race */
	int ready; /* of them */
	int first; /* event that is to be made */
	bool go;
	struct member member[MAX_MEMBERS];
	struct history history;
};

struct crew *t1x_crew_create(struct target *target);
/*
 * Has each member make its calls: of the events from the first on, those with its
 * number. Children are killed meanwhile. Returns when all have come back.
 */
void t1x_crew_run(struct crew *crew, int first);
/* The same, but one member alone makes all of them */
void t1x_crew_run_alone(struct crew *crew, int first);

#endif
