// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "history.h"

#define DEAD_ENDS 0x4000 /* a power of two */

/* Having placed these events, in this state, there was no way on */
struct dead_end {
	u64 search, placed, state;
};

/* Sets of events are bits, one for each */
struct search {
	const struct history *h;
	u64 may, must; /* be placed */
	u64 before[MAX_EVENTS]; /* what had ended when this one began */
	u64 after[MAX_EVENTS]; /* what began when this one had ended */
	u64 early; /* those that may have found their file before it was closed */
	int depth; /* of the state in which all are */
	struct state state[MAX_EVENTS + 1];
	u64 id;
	struct dead_end dead_end[DEAD_ENDS];
};

u64 t1x_tick(struct history *h)
{
	return __atomic_add_fetch(&h->clock, 1, __ATOMIC_SEQ_CST);
}

struct event *t1x_history_add(struct history *h, const struct call *call)
{
	struct event *event = &h->event[h->n];

	t1x_require(h->n < MAX_EVENTS, "too many events");
	h->n++;
	memset(event, 0, sizeof(*event));
	event->call = *call;
	return event;
}

static u64 bit_of(int event)
{
	return 1UL << event;
}

/* What an order must respect. What nobody has seen need not have come at all */
static void relate(struct search *q, int i, int j)
{
	const struct event *event = &q->h->event[i];
	const struct event *other = &q->h->event[j];

	if (!other->begin)
		return;
	if (!other->unknown && other->end < event->begin) {
		q->before[i] |= bit_of(j);
		if (t1x_state_closes(&other->call, &event->call))
			q->early &= ~bit_of(i);
	}
	if (other->begin > event->end)
		q->after[i] |= bit_of(j);
}

static void begin_search(struct search *q, const struct history *h)
{
	int i, j;

	q->h = h;
	q->id++;
	q->may = 0;
	q->must = 0;
	q->early = ~0UL;
	for (i = 0; i < h->n; i++) {
		if (!h->event[i].begin)
			continue;
		q->may |= bit_of(i);
		if (!h->event[i].unknown)
			q->must |= bit_of(i);
		q->before[i] = 0;
		q->after[i] = 0;
		for (j = 0; j < h->n; j++)
			relate(q, i, j);
	}
}

static struct dead_end *dead_end_of(struct search *q, u64 placed, u64 state)
{
	u64 hash = (placed ^ state) * 0x9e3779b97f4a7c15;

	return &q->dead_end[hash >> 40 & (DEAD_ENDS - 1)];
}

static bool is_dead_end(struct search *q, u64 placed, u64 state)
{
	const struct dead_end *end = dead_end_of(q, placed, state);

	return end->search == q->id && end->placed == placed &&
	       end->state == state;
}

/* In place of what was remembered there */
static void remember(struct search *q, u64 placed, u64 state)
{
	*dead_end_of(q, placed, state) =
		(struct dead_end){ q->id, placed, state };
}

static bool place(struct search *q, int depth, u64 placed)
{
	struct state *now = &q->state[depth], *next = now + 1;
	u64 left = q->may & ~placed, hash;
	struct answer wanted;

	if ((placed & q->must) == q->must) {
		q->depth = depth;
		return true;
	}
	hash = t1x_state_hash(now);
	if (is_dead_end(q, placed, hash))
		return false;
	for (; left; left &= left - 1) {
		int i = __builtin_ctzl(left);
		const struct event *event = &q->h->event[i];

		if (q->before[i] & ~placed || q->after[i] & placed)
			continue;
		t1x_state_copy(next, now);
		if (t1x_state_step(next, &event->call, q->early & bit_of(i),
				   event->unknown ? NULL : &event->answer,
				   &wanted) &&
		    place(q, depth + 1, placed | bit_of(i)))
			return true;
	}
	remember(q, placed, hash);
	return false;
}

/* Large, but little of it is touched; and no child needs a copy */
static struct search *new_search(void)
{
	struct search *q = mmap(NULL, sizeof(*q), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	t1x_require(q != MAP_FAILED, "no memory for a search: %s",
		    strerror(errno));
	madvise(q, sizeof(*q), MADV_DONTFORK);
	return q;
}

bool t1x_history_explain(const struct history *h, struct state *s)
{
	static struct search *q;

	if (!q)
		q = new_search();
	begin_search(q, h);
	t1x_state_copy(&q->state[0], s);
	if (!place(q, 0, 0))
		return false;
	t1x_state_copy(s, &q->state[q->depth]);
	return true;
}

static bool overlap(const struct event *a, const struct event *b)
{
	return a->thread != b->thread && a->begin < b->end && b->begin < a->end;
}

bool t1x_history_overlaps(const struct history *h)
{
	int i, j;

	for (i = 0; i < h->n; i++)
		for (j = 0; j < i && h->event[i].thread != NOBODY; j++)
			if (h->event[j].thread != NOBODY &&
			    overlap(&h->event[i], &h->event[j]))
				return true;
	return false;
}

int t1x_history_unknown(const struct history *h)
{
	int i, n = 0;

	for (i = 0; i < h->n; i++)
		n += h->event[i].unknown;
	return n;
}

/* In the order of their ends, as far as they have one */
static int compare_ends(const void *a, const void *b)
{
	const struct event *const *x = a, *const *y = b;

	return (*x)->end < (*y)->end ? -1 : 1;
}

void t1x_history_print(const struct history *h, const struct state *s)
{
	const struct event *event[MAX_EVENTS];
	static struct state now;
	struct answer wanted;
	int i;

	for (i = 0; i < h->n; i++)
		event[i] = &h->event[i];
	qsort(event, h->n, sizeof(*event), compare_ends);

	printf("# began-ended, thread, call: answer; and the model's, were this the order\n");
	t1x_state_copy(&now, s);
	for (i = 0; i < h->n; i++) {
		const struct event *e = event[i];
		bool right;

		printf("# %3lu-%-3lu %d ", e->begin, e->end, e->thread);
		t1x_call_print(&e->call,
			       e->unknown || !e->begin ? NULL : &e->answer);
		if (!e->begin)
			continue;
		right = t1x_state_step(&now, &e->call, false,
				       e->unknown ? NULL : &e->answer, &wanted);
		if (right)
			continue;
		printf("#   model:  ");
		t1x_call_print(&e->call, &wanted);
	}
	fflush(stdout);
}
