// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "part.h"

#define RANGE_PAGES 4
#define K64 (16 * T1X_PAGE)

int t1x_below(int n)
{
	return t1x_random() % n;
}

static bool one_in(int n)
{
	return !t1x_below(n);
}

static struct call *add(struct part *part, enum call_kind kind)
{
	struct call *call = &part->call[part->n++];

	memset(call, 0, sizeof(*call));
	call->kind = kind;
	return call;
}

/* Of four pages; three ranges of these overlap, each with the next one */
static struct call *add_range(struct part *part, enum call_kind kind,
			      const struct course *course, int thread, int nth)
{
	struct call *call = add(part, kind);

	call->page = course->overlapping ? (thread + nth) % 3 * 2 : 0;
	call->npages = RANGE_PAGES;
	return call;
}

/* One of two pages of such a range */
static struct call *add_page(struct part *part, enum call_kind kind,
			     const struct course *course, int thread, int nth)
{
	struct call *call = add_range(part, kind, course, thread, nth);

	call->page += t1x_below(2);
	call->npages = 1;
	return call;
}

static void map(struct part *part, const struct course *course, int thread,
		int nth)
{
	add_range(part, CALL_MAP, course, thread, nth)->granule =
		course->granule;
}

static void unmap(struct part *part, const struct course *course, int thread,
		  int nth)
{
	struct call *call = add_range(part, CALL_UNMAP, course, thread, nth);

	call->range = one_in(2);
	call->bitmap = one_in(3);
}

static void unmap_all(struct part *part, const struct course *course,
		      int thread, int nth)
{
	add(part, CALL_UNMAP_ALL);
}

static void get_info(struct part *part, const struct course *course, int thread,
		     int nth)
{
	add(part, CALL_INFO);
}

static void start_stop(struct part *part, const struct course *course,
		       int thread, int nth)
{
	bool start = one_in(2);

	add(part, start ? CALL_START : CALL_STOP);
	add(part, start ? CALL_STOP : CALL_START);
}

static void get_bitmap(struct part *part, const struct course *course,
		       int thread, int nth)
{
	add_range(part, CALL_GET_BITMAP, course, thread, nth);
}

/* May cut a mapping on either side */
static void dirty_range(struct part *part, const struct course *course,
			int thread, int nth)
{
	struct call *call =
		add_range(part, CALL_DIRTY_RANGE, course, thread, nth);
	int head = t1x_below(2);

	call->page += head;
	call->npages -= head + t1x_below(2);
	call->look = one_in(3);
}

static void pgsizes(struct part *part, const struct course *course, int thread,
		    int nth)
{
	const u64 sizes[] = {
		0,
		T1X_PAGE,
		T1X_PAGE | T1X_2M,
		T1X_PAGE | K64, /* of no IOMMU */
		T1X_PAGE | T1X_2M | T1X_1G,
	};

	add(part, CALL_PGSIZES)->pgsizes =
		sizes[t1x_below(sizeof(sizes) / sizeof(*sizes))];
}

static void attach_detach(struct part *part, const struct course *course,
			  int thread, int nth)
{
	int edu = course->overlapping ? t1x_below(EDUS) : 0;
	bool attach = one_in(2);

	add(part, attach ? CALL_ATTACH : CALL_DETACH)->edu = edu;
	add(part, attach ? CALL_DETACH : CALL_ATTACH)->edu = edu;
}

static void pin_unpin(struct part *part, const struct course *course,
		      int thread, int nth)
{
	int page = add_page(part, CALL_PIN, course, thread, nth)->page;

	add_page(part, CALL_UNPIN, course, thread, nth)->page = page;
}

static void dma_rw(struct part *part, const struct course *course, int thread,
		   int nth)
{
	add_page(part, one_in(3) ? CALL_READ : CALL_WRITE, course, thread, nth);
}

/* In any order. Which descriptors they are is for the caller to say. */
static void close_all(struct part *part, const struct course *course,
		      int thread, int nth)
{
	int i, first = t1x_below(FILES), step = 1 + t1x_below(FILES - 1);

	for (i = 0; i < FILES; i++)
		add(part, CALL_CLOSE)->file = (first + i * step) % FILES;
}

void t1x_part_of_child(struct part *part, const struct course *course,
		       int thread, int nth)
{
	(one_in(2) ? map : unmap)(part, course, thread, nth);
}

const struct kind t1x_kinds[] = {
	{ "map", map },
	{ "unmap", unmap, .wants_mappings = true, .unmaps = true },
	{ "unmap_all", unmap_all, .wants_mappings = true, .unmaps = true },
	{ "get_info", get_info },
	{ "start_stop", start_stop, .restarts = true },
	{ "get_bitmap", get_bitmap, .wants_mappings = true, .wants_log = true },
	{ "dirty_range", dirty_range, .wants_mappings = true,
	  .wants_log = true },
	{ "pgsizes", pgsizes, .wants_none = true, .chooses = true },
	{ "attach_detach", attach_detach, .wants_mappings = true,
	  .attaches = true },
	{ "pin_unpin", pin_unpin, .wants_mappings = true },
	{ "dma_rw", dma_rw, .wants_mappings = true },
	{ "close", close_all, .closes = true },
	{ "sigkill", NULL, .kills = true, .unmaps = true },
};

const int t1x_nkinds = sizeof(t1x_kinds) / sizeof(*t1x_kinds);

const struct kind *t1x_kind(const char *name)
{
	int i;

	for (i = 0; i < t1x_nkinds; i++)
		if (!strcmp(t1x_kinds[i].name, name))
			return &t1x_kinds[i];
	t1x_require(false, "no kind is named %s", name);
	return NULL;
}
