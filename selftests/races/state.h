/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a container must be like after some calls, one after the other: the model
 * of the differential test, and the files that keep the container alive.
 */
#ifndef T1X_RACES_STATE_H
#define T1X_RACES_STATE_H

#include "../differential/model.h"
#include "call.h"

struct state {
	struct model m;
	int nfds[FILES]; /* descriptors that are left */
	bool closed[FILES]; /* the first of these, which calls use */
	bool closed_in_child[FILES]; /* the child's own */
	bool released[FILES];
	bool emptied; /* the last group has gone, and the backend goes */
	/*
	 * START is no single moment for what is written meanwhile: more than
	 * must be may be reported, never less.
	 */
	bool generous;
};

/* A container of type v2 with an emulated group whose device is open */
void t1x_state_init(struct state *s, const struct world *world,
		    const struct seq *seq);
void t1x_state_copy(struct state *to, const struct state *from);
/* The same for states that nothing can tell apart */
u64 t1x_state_hash(struct state *s);

/* A file goes after the last descriptor of it, a group after its device */
bool t1x_state_can_come(const struct state *s, const struct call *call);
/* Does the one close the descriptor that the other one is made on? */
bool t1x_state_closes(const struct call *close, const struct call *user);
/*
 * The next call. False if it cannot come now, or not be answered as seen; NULL is
 * any answer. wanted is what it should have been answered. What has found its file
 * early, before somebody closed the descriptor, goes on as if that was open.
 */
bool t1x_state_step(struct state *s, const struct call *call, bool early,
		    const struct answer *seen, struct answer *wanted);

#endif
