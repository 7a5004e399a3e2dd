// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every kind of call against every other, and against itself, at the same time: two
 * to eight threads on one range or on ranges that overlap, again and again. What
 * they were answered, and what is left afterwards, must be what it would be in some
 * order, one call after the other. Nothing may hang, and nothing be lost.
 *
 *   T1X_RACES_ITER  races of each pair; half of them with overlapping ranges
 *   T1X_RACES_SEED  another one chooses other races
 */
#include "suite.h"

#include <stdlib.h>
#include <unistd.h>

#include "play.h"
#include "rig.h"

/* The suite has a limit of its own, and a race another one */
#define TIMEOUT 36000
#define OPEN_S 60
#define SOME 50
#define MANY 2000
/* Of so many races, in one at least calls are under way at the same time */
#define SURELY (MANY / 2)

FIXTURE(races)
{
	struct t1x_leak leak;
	const char *missing;
};

FIXTURE_VARIANT(races)
{
	bool overlapping;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(races, same) { .overlapping = false };
FIXTURE_VARIANT_ADD(races, overlapping) { .overlapping = true };
/* clang-format on */

static struct rig rig;

FIXTURE_SETUP(races)
{
	if (!t1x_is_type1x())
		SKIP(return, "in-tree type1 has not all of these calls");
	t1x_leak_begin(&self->leak);
	self->missing = t1x_rig_create(&rig);
	if (self->missing)
		SKIP(return, "%s", self->missing);
}

FIXTURE_TEARDOWN(races)
{
	t1x_rig_close(&rig);
	EXPECT_EQ(0, t1x_emu_settle());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

static unsigned long races(void)
{
	return setting("T1X_RACES_ITER", getenv("T1X_FULL") ? MANY : SOME);
}

static bool run_races(struct plan *plan, unsigned long n)
{
	unsigned long i;

	for (i = setting("T1X_RACES_SEED", 1); i; i--)
		t1x_random();
	for (i = 0; i < n; i++) {
		/* Calls are watched; what opens and closes is not */
		alarm(OPEN_S);
		snprintf(rig.what, sizeof(rig.what), "%s with %s, race %lu",
			 plan->a->name, plan->b->name, i);
		if (!t1x_rig_race(&rig, plan))
			return false;
	}
	alarm(0);
	return true;
}

static bool run_pair(const char *a, const char *b, bool overlapping)
{
	unsigned long n = (races() + 1) / 2, start = t1x_now_ms();
	struct plan plan = {
		.a = t1x_kind(a),
		.b = t1x_kind(b),
		.course.overlapping = overlapping,
	};
	bool right = run_races(&plan, n);

	printf("# %s with %s: %lu races in %lu ms, calls met in %lu, %lu killed\n",
	       a, b, n, t1x_now_ms() - start, rig.overlaps, rig.unknown);
	return right && (n < SURELY || rig.overlaps);
}

/* clang-format off */

#define PAIR(a, b) \
	TEST_F_TIMEOUT(races, a##_with_##b, TIMEOUT) \
	{ \
		EXPECT_TRUE(run_pair(#a, #b, variant->overlapping)); \
	}

/* A kind with itself or another one, and with all behind that */
#define WITH_SIGKILL(a) PAIR(a, sigkill)
#define WITH_CLOSE(a) PAIR(a, close) WITH_SIGKILL(a)
#define WITH_DMA_RW(a) PAIR(a, dma_rw) WITH_CLOSE(a)
#define WITH_PIN(a) PAIR(a, pin_unpin) WITH_DMA_RW(a)
#define WITH_ATTACH(a) PAIR(a, attach_detach) WITH_PIN(a)
#define WITH_PGSIZES(a) PAIR(a, pgsizes) WITH_ATTACH(a)
#define WITH_DIRTY_RANGE(a) PAIR(a, dirty_range) WITH_PGSIZES(a)
#define WITH_GET_BITMAP(a) PAIR(a, get_bitmap) WITH_DIRTY_RANGE(a)
#define WITH_START(a) PAIR(a, start_stop) WITH_GET_BITMAP(a)
#define WITH_INFO(a) PAIR(a, get_info) WITH_START(a)
#define WITH_UNMAP_ALL(a) PAIR(a, unmap_all) WITH_INFO(a)
#define WITH_UNMAP(a) PAIR(a, unmap) WITH_UNMAP_ALL(a)
#define WITH_MAP(a) PAIR(a, map) WITH_UNMAP(a)

/* clang-format on */

WITH_MAP(map)
WITH_UNMAP(unmap)
WITH_UNMAP_ALL(unmap_all)
WITH_INFO(get_info)
WITH_START(start_stop)
WITH_GET_BITMAP(get_bitmap)
WITH_DIRTY_RANGE(dirty_range)
WITH_PGSIZES(pgsizes)
WITH_ATTACH(attach_detach)
WITH_PIN(pin_unpin)
WITH_DMA_RW(dma_rw)
WITH_CLOSE(close)
WITH_SIGKILL(sigkill)

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
		t1x_state_step(s, &calls[i], false, NULL, &answer);
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
