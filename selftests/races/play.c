// SPDX-License-Identifier: GPL-2.0-only
#include "play.h"

/* How far an event has come */
enum progress { AHEAD, BEGUN, ANSWERED, DONE, ENDED };

struct play {
	struct history *h;
	struct state *s;
	bool torn;
	enum progress progress[MAX_EVENTS];
};

static void answer(struct play *p, struct event *event, struct state *s)
{
	t1x_state_step(s, &event->call, false, NULL, &event->answer);
}

/* One moment of an event. False if there is none now. */
static bool move(struct play *p, int i)
{
	static struct state copy;
	struct event *event = &p->h->event[i];
	struct answer dropped;

	switch (p->progress[i]) {
	case AHEAD:
		event->begin = t1x_tick(p->h);
		break;
	case BEGUN:
		if (!t1x_state_can_come(p->s, &event->call))
			return false;
		t1x_state_copy(&copy, p->s);
		answer(p, event, p->torn ? &copy : p->s);
		break;
	case ANSWERED:
		if (p->torn)
			t1x_state_step(p->s, &event->call, false, NULL,
				       &dropped);
		break;
	case DONE:
		event->end = t1x_tick(p->h);
		break;
	case ENDED:
		return false;
	}
	p->progress[i]++;
	return true;
}

/* What a thread has to do next; releases are nobody's, and may come in any order */
static bool is_next(struct play *p, int i)
{
	int j;

	if (p->progress[i] == ENDED)
		return false;
	for (j = 0; j < i && p->h->event[i].thread != NOBODY; j++)
		if (p->h->event[j].thread == p->h->event[i].thread &&
		    p->progress[j] != ENDED)
			return false;
	return true;
}

static bool all_ended(struct play *p, bool children)
{
	int i;

	for (i = 0; i < p->h->n; i++)
		if (p->progress[i] != ENDED &&
		    (children || !p->h->event[i].call.child))
			return false;
	return true;
}

/* Some time, then the children are killed */
static void play_all(struct play *p)
{
	int left = t1x_below(64), i;

	while (!all_ended(p, false) || (left && !all_ended(p, true))) {
		i = t1x_below(p->h->n);
		if (!is_next(p, i) || (!left && p->h->event[i].call.child))
			continue;
		move(p, i);
		if (left)
			left--;
	}
}

static void bury(struct play *p)
{
	u64 end = t1x_tick(p->h);
	int i;

	for (i = 0; i < p->h->n; i++) {
		struct event *event = &p->h->event[i];

		if (!event->begin || event->end)
			continue;
		event->unknown = true;
		event->end = end;
	}
}

void t1x_play(const struct plan *plan, struct crew *crew, struct state *s,
	      bool torn)
{
	struct play play = { .h = &crew->history, .s = s, .torn = torn };
	struct history *h = play.h;
	int i;

	play_all(&play);
	bury(&play);
	for (i = t1x_plan_end(plan, crew); i < h->n; i++) {
		h->event[i].begin = t1x_tick(h);
		answer(&play, &h->event[i], s);
		h->event[i].end = t1x_tick(h);
	}
}
