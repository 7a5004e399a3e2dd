// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leak.h"
#include "rig.h"

#define MAX_TIDY 3 /* calls */

/* Calls that nobody disturbs: each has but one answer */
static void call_alone(struct rig *rig, const struct call *calls, int n)
{
	struct history *h = &rig->crew->history;
	struct answer wanted;
	int i;

	if (!n)
		return;
	h->n = 0;
	for (i = 0; i < n; i++)
		t1x_history_add(h, &calls[i]);
	t1x_crew_run_alone(rig->crew, 0);
	for (i = 0; i < n; i++) {
		const struct event *event = &h->event[i];

		if (t1x_state_step(&rig->state, &event->call, false,
				   &event->answer, &wanted))
			continue;
		printf("# seen:  ");
		t1x_call_print(&event->call, &event->answer);
		printf("# model: ");
		t1x_call_print(&event->call, &wanted);
		t1x_require(false, "%s: a call alone is answered wrongly",
			    rig->what);
	}
}

static void open_target(struct rig *rig)
{
	struct target *target = &rig->target;
	int i;

	t1x_open(&target->c, VFIO_TYPE1v2_IOMMU, t1x_emu(0));
	t1x_emu_open(&target->emu, &target->c, t1x_emu(0));
	for (i = 0; i < EDUS; i++) {
		target->edu[i] = t1x_group_open(t1x_edu(i));
		t1x_require(target->edu[i] >= 0, "the group of %s: %s",
			    t1x_edu(i), strerror(-target->edu[i]));
	}
	t1x_state_init(&rig->state, &rig->world, &rig->seq);
}

static void close_files(struct target *target)
{
	int i;

	for (i = 0; i < EDUS; i++)
		close(target->edu[i]);
	t1x_emu_close(&target->emu);
	t1x_close(&target->c);
}

/* What an IOMMU is like: attached alone, it decides. All here are alike. */
static void learn(struct rig *rig)
{
	const struct call attach = { .kind = CALL_ATTACH };
	const struct call info = { .kind = CALL_INFO };
	const struct call both[] = { info, { .kind = CALL_DETACH } };
	struct world *world = &rig->world;
	struct answer answer, none;
	int g;

	t1x_call_do(&rig->target, &attach, &answer);
	t1x_require(!answer.ret, "attach of %s: %s", t1x_edu(0),
		    strerror(-answer.ret));
	t1x_call_do(&rig->target, &info, &answer);
	for (g = G_EDU0; g <= G_EDU1; g++) {
		world->pgsizes[g] = answer.pgsizes;
		world->nranges[g] = answer.nranges;
		memcpy(world->range[g], answer.range, sizeof(answer.range));
	}
	t1x_state_step(&rig->state, &attach, false, NULL, &none);
	call_alone(rig, both, 2);
}

const char *t1x_rig_create(struct rig *rig)
{
	if (!t1x_edu(EDUS - 1) || !t1x_emu_load(2, 0))
		return "needs two edu devices and the module t1x_emu";
	if (!t1x_target_memory())
		return "needs memory at a fixed address";

	snprintf(rig->what, sizeof(rig->what), "set-up");
	rig->target.locked = t1x_locked();
	rig->target.pins = t1x_pins();
	rig->crew = t1x_crew_create(&rig->target);
	rig->crew->what = rig->what;
	open_target(rig);
	learn(rig);
	return NULL;
}

void t1x_rig_close(struct rig *rig)
{
	close_files(&rig->target);
}

/* What a race has left, where the next one would not expect it */
static int tidy(struct rig *rig, struct call *calls)
{
	const struct model *m = &rig->state.m;
	u64 sizes = rig->world.pgsizes[G_EDU0];
	int n = 0;

	if (m->tracking)
		calls[n++] = (struct call){ .kind = CALL_STOP };
	if (m->subset && m->subset != sizes)
		calls[n++] =
			(struct call){ .kind = CALL_PGSIZES, .pgsizes = sizes };
	if (m->attached[G_EDU1])
		calls[n++] = (struct call){ .kind = CALL_DETACH, .edu = 1 };
	return n;
}

static void prepare(struct rig *rig, struct plan *plan)
{
	struct call calls[MAX_TIDY + MAX_PREPARE];
	int n = tidy(rig, calls);

	n += t1x_plan_prepare(plan, &rig->state.m, calls + n);
	call_alone(rig, calls, n);
}

/* Each that closes has descriptors of its own, the first one those of the calls */
static void open_spares(struct rig *rig, int closers)
{
	struct target *target = &rig->target;
	int set, file;

	for (file = 0; file < FILES; file++) {
		rig->state.nfds[file] = closers;
		for (set = 1; set < closers; set++)
			target->spare[set][file] =
				fcntl(t1x_target_fd(target, file, 0),
				      F_DUPFD_CLOEXEC, 0);
	}
}

/* The calls of the race, and those that ask what has come of it */
static void run(struct rig *rig, struct plan *plan)
{
	struct history *h = &rig->crew->history;
	int i;

	t1x_plan_begin(plan, rig->crew);
	if (t1x_plan_closes(plan))
		open_spares(rig, plan->closers);
	for (i = 0; i < h->n; i++)
		if (h->event[i].call.kind == CALL_RELEASE)
			h->event[i].begin = t1x_tick(h);
	t1x_crew_run(rig->crew, 0);
	for (i = 0; i < h->n; i++)
		if (h->event[i].call.kind == CALL_RELEASE)
			h->event[i].end = t1x_tick(h);

	rig->overlaps += t1x_history_overlaps(h);
	rig->unknown += t1x_history_unknown(h);
	t1x_crew_run_alone(rig->crew, t1x_plan_end(plan, rig->crew));
}

/* All but the groups with an IOMMU is closed */
static void reopen(struct rig *rig)
{
	rig->target.emu.fd = -1;
	rig->target.c.ngroups = 0;
	rig->target.c.fd = -1;
	close_files(&rig->target);
	open_target(rig);
}

bool t1x_rig_race(struct rig *rig, struct plan *plan)
{
	static struct state before;

	rig->state.generous = plan->a->restarts || plan->b->restarts;
	prepare(rig, plan);
	run(rig, plan);
	t1x_state_copy(&before, &rig->state);
	if (!t1x_history_explain(&rig->crew->history, &rig->state)) {
		printf("# %s: no order explains this\n", rig->what);
		t1x_history_print(&rig->crew->history, &before);
		return false;
	}
	if (t1x_plan_closes(plan))
		reopen(rig);
	return true;
}
