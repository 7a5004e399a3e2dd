// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every kind of call against every other, and against itself, at the same time: two
 * to eight threads on one range or on ranges that overlap, again and again. What
 * they were answered, and what is left afterwards, must be what it would be in some
 * order, one call after the other. Nothing may hang, and nothing be lost.
 */
#include "suite.h"

#include "play.h"

/*
 * Without a kernel: what a container answers whose calls take effect at one moment
 * each is explained, and some of what others answer is not.
 */

#define PLAYS 20
#define TRIES 200 /* for a play that no order explains */

static struct crew crew; /* without threads */

/* A container as a race may find it */
static void begin_play(struct plan *plan, struct state *s)
{
	struct call calls[MAX_PREPARE];
	static struct world world;
	static struct seq seq;
	struct answer answer;
	int i, n;

	t1x_world_invent(&world);
	t1x_state_init(s, &world, &seq);
	s->generous = plan->a->restarts || plan->b->restarts;
	n = t1x_plan_prepare(plan, &s->m, calls);
	for (i = 0; i < n; i++)
		t1x_state_step(s, &calls[i], NULL, &answer);
	t1x_plan_begin(plan, &crew);
	for (i = 0; i < FILES; i++)
		s->nfds[i] = plan->closers ?: 1;
}

/* One play of a pair: is it explained? It should be, unless the container is torn */
static bool play(const struct kind *a, const struct kind *b, bool overlapping,
		 bool torn)
{
	static struct state before, now;
	struct plan plan = {
		.a = a,
		.b = b,
		.course.overlapping = overlapping,
	};

	begin_play(&plan, &before);
	t1x_state_copy(&now, &before);
	t1x_play(&plan, &crew, &now, torn);
	t1x_state_copy(&now, &before);
	if (t1x_history_explain(&crew.history, &now))
		return true;
	if (!torn)
		t1x_history_print(&crew.history, &before);
	return false;
}

static bool plays_well(const struct kind *a, const struct kind *b)
{
	int i;

	for (i = 0; i < PLAYS; i++)
		if (!play(a, b, i % 2, false))
			return false;
	return true;
}

static bool is_found_torn(const struct kind *a, const struct kind *b)
{
	int i;

	for (i = 0; i < TRIES; i++)
		if (!play(a, b, i % 2, true))
			return true;
	return false;
}

TEST(what_is_right_in_some_order_is_explained)
{
	const struct kind *a, *b, *end = t1x_kinds + t1x_nkinds;

	for (a = t1x_kinds; a < end; a++) {
		for (b = a; b < end; b++) {
			EXPECT_TRUE(plays_well(a, b))
			{
				TH_LOG("%s with %s", a->name, b->name);
			}
		}
	}
}

/* Kinds that see of each other when they take effect */
TEST(what_is_right_in_no_order_is_found)
{
	static const char *const pairs[][2] = {
		{ "map", "map" },
		{ "map", "unmap" },
		{ "map", "unmap_all" },
		{ "map", "pgsizes" },
		{ "map", "sigkill" },
		{ "unmap", "unmap" },
		{ "unmap", "pin_unpin" },
		{ "unmap_all", "get_info" },
		{ "get_info", "attach_detach" },
		{ "get_bitmap", "get_bitmap" },
		{ "get_bitmap", "dma_rw" },
		{ "dirty_range", "dma_rw" },
		{ "attach_detach", "attach_detach" },
		{ "attach_detach", "dma_rw" },
		{ "sigkill", "sigkill" },
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const char *a = pairs[i][0], *b = pairs[i][1];

		EXPECT_TRUE(is_found_torn(t1x_kind(a), t1x_kind(b)))
		{
			TH_LOG("%s with %s", a, b);
		}
	}
}

TEST_HARNESS_MAIN
