/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Histories without a kernel: the model plays the container, and chance the
 * scheduler.
 */
#ifndef T1X_RACES_PLAY_H
#define T1X_RACES_PLAY_H

#include "plan.h"

/*
 * Plays the race of a crew that has no threads. A container that is torn answers
 * at one moment of a call, and does what it says at another.
 */
void t1x_play(const struct plan *plan, struct crew *crew, struct state *s,
	      bool torn);

#endif
