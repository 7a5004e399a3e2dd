// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "plan.h"

#define ENOUGH 8 /* parts, where there are fewer members */
#define PINS_ONE_IN 4 /* races: this takes long */

static bool one_in(int n)
{
	return !t1x_below(n);
}

bool t1x_plan_closes(const struct plan *plan)
{
	return plan->a->closes || plan->b->closes;
}

bool t1x_plan_kills(const struct plan *plan)
{
	return plan->a->kills || plan->b->kills;
}

/*
 * If an UNMAP fails after all, what drivers have let go of for it stays let go of:
 * no order explains that. It does where it is killed, and with a bitmap where
 * tracking ends.
 */
static bool may_pin(const struct plan *plan)
{
	const struct kind *a = plan->a, *b = plan->b;

	return !((a->unmaps || b->unmaps) &&
		 (a->restarts || b->restarts || a->kills || b->kills));
}

static struct call *add(struct call *calls, int *n, enum call_kind kind,
			int page, int npages)
{
	struct call *call = &calls[(*n)++];

	*call = (struct call){ .kind = kind, .page = page, .npages = npages };
	return call;
}

/* What is asked for may be one mapping or two */
static void map_some(const struct course *course, struct call *calls, int *n)
{
	bool whole = course->overlapping && one_in(2);

	add(calls, n, CALL_MAP, 0, whole ? 8 : 4)->granule = course->granule;
	if (course->overlapping && !whole)
		add(calls, n, CALL_MAP, 4, 4)->granule = course->granule;
}

int t1x_plan_prepare(struct plan *plan, const struct model *m,
		     struct call *calls)
{
	const struct kind *a = plan->a, *b = plan->b;
	struct course *course = &plan->course;
	bool log = a->wants_log || b->wants_log;
	bool mappings = a->wants_mappings || b->wants_mappings;
	int n = 0;

	course->granule = one_in(2) ? T1X_PAGE : 0;
	/* With an IOMMU all is dirty */
	if (m->attached[G_EDU0] && one_in(log ? 2 : 4))
		add(calls, &n, CALL_DETACH, 0, 0);
	else if (!m->attached[G_EDU0] && one_in(log ? 8 : 4))
		add(calls, &n, CALL_ATTACH, 0, 0);
	if (!one_in(log ? 8 : 2))
		add(calls, &n, CALL_START, 0, 0);

	if (one_in(mappings && !a->wants_none && !b->wants_none ? 8 : 2))
		return n;
	map_some(course, calls, &n);
	if (one_in(2))
		add(calls, &n, CALL_WRITE, t1x_below(2), 1);
	if (one_in(4) && may_pin(plan))
		add(calls, &n, CALL_PIN, t1x_below(2), 1);
	return n;
}

static void add_calls(struct crew *crew, const struct part *part, int thread,
		      int set)
{
	int i;

	for (i = 0; i < part->n; i++) {
		struct event *event =
			t1x_history_add(&crew->history, &part->call[i]);

		event->thread = thread;
		event->call.set = set;
		event->call.child = crew->member[thread].child;
	}
}

/* Of a kind that kills: a child does what the other kind does */
static void add_part(struct plan *plan, struct crew *crew, int thread, int nth)
{
	const struct kind *kind = thread % 2 ? plan->b : plan->a;
	const struct kind *other = thread % 2 ? plan->a : plan->b;
	struct member *member = &crew->member[thread];
	struct part part = {};
	int set = 0;

	member->child = kind->kills;
	if (kind->kills && other->kills) {
		member->child = 1 + thread % MAX_CHILDREN;
		t1x_part_of_child(&part, &plan->course, thread, nth);
	} else {
		if (kind->kills)
			kind = other;
		kind->fill(&part, &plan->course, thread, nth);
		if (kind->closes && !member->child)
			set = plan->closers++;
	}
	add_calls(crew, &part, thread, set);
}

/* Files go when the last call on them ends, and that may be later than the close */
static void add_releases(struct history *h)
{
	static const enum file files[] = { FILE_DEVICE, FILE_GROUP };
	int i;

	for (i = 0; i < 2; i++) {
		struct call call = { .kind = CALL_RELEASE, .file = files[i] };

		t1x_history_add(h, &call)->thread = NOBODY;
	}
}

void t1x_plan_begin(struct plan *plan, struct crew *crew)
{
	int thread, nth, times;

	crew->n = 2 + t1x_below(t1x_below(2) ? MAX_MEMBERS - 1 : 2);
	crew->history.n = 0;
	crew->history.clock = 0;
	plan->closers = 0;
	times = t1x_plan_closes(plan) ? 1 : ENOUGH / crew->n;
	for (nth = 0; nth < times; nth++)
		for (thread = 0; thread < crew->n; thread++)
			add_part(plan, crew, thread, nth);
	if (t1x_plan_closes(plan))
		add_releases(&crew->history);
}

static void ask(struct history *h, enum call_kind kind)
{
	const struct call call = { .kind = kind };

	t1x_history_add(h, &call);
}

/*
 * What of the container outlives a race must be known for the next one. Which groups
 * it has, and which page sizes were chosen, may not show in what it answers, if a call
 * was broken off.
 */
static void ask_container(const struct plan *plan, struct history *h)
{
	static const struct call leave = { .kind = CALL_DETACH, .edu = 1 };
	static const struct call look = {
		.kind = CALL_DIRTY_RANGE,
		.npages = WINDOW_PAGES,
	};
	static const struct call choose = {
		.kind = CALL_PGSIZES,
		.pgsizes = T1X_PAGE,
	};

	bool kills = t1x_plan_kills(plan);

	if (kills && plan->a->attaches)
		t1x_history_add(h, &leave);
	ask(h, CALL_INFO);
	ask(h, CALL_HELD);
	t1x_history_add(h, &look);
	ask(h, CALL_UNMAP_ALL);
	if (kills && plan->a->chooses)
		t1x_history_add(h, &choose);
}

int t1x_plan_end(const struct plan *plan, struct crew *crew)
{
	bool closes = t1x_plan_closes(plan);
	struct history *h = &crew->history;
	int first = h->n;

	if (t1x_plan_kills(plan))
		ask(h, CALL_DEATH);
	ask(h, CALL_LOCKED);
	if (closes || one_in(PINS_ONE_IN))
		ask(h, CALL_PINS);
	if (!closes)
		ask_container(plan, h);
	return first;
}
