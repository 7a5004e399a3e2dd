// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "../differential/record.h"
#include "state.h"

#define ALL_TIMES (~0U / 2)

static const enum group edu_group[EDUS] = { G_EDU0, G_EDU1 };

void t1x_state_init(struct state *s, const struct world *world,
		    const struct seq *seq)
{
	int file;

	memset(s, 0, sizeof(*s));
	s->m.world = world;
	s->m.seq = seq;
	s->m.attached[G_EMU0] = true;
	s->m.open[G_EMU0] = true;
	s->m.served = true;
	s->m.v2 = true;
	for (file = 0; file < FILES; file++)
		s->nfds[file] = 1;
}

void t1x_state_copy(struct state *to, const struct state *from)
{
	t1x_model_copy(&to->m, &from->m);
	memcpy(&to->nfds, &from->nfds,
	       sizeof(*from) - offsetof(struct state, nfds));
}

static u64 iova_of(const struct call *call)
{
	return WINDOW_IOVA + call->page * T1X_PAGE;
}

static u64 last_of(const struct call *call)
{
	return iova_of(call) + call->npages * T1X_PAGE - 1;
}

/* All children are one process: they are born with a call and die together */
static int owner_of(struct state *s, const struct call *call)
{
	if (call->child && !s->m.b)
		s->m.b = ++s->m.last_b;
	return call->child ? s->m.b : 0;
}

static u64 bit_of(int page)
{
	return 1UL << page;
}

static u64 page_iova(int page)
{
	return WINDOW_IOVA + page * T1X_PAGE;
}

static bool is_noted_dirty(const struct model *m, u64 iova)
{
	int i;

	for (i = 0; i < m->ndirty; i++)
		if (m->dirty[i].first <= iova && iova <= m->dirty[i].last)
			return true;
	return false;
}

/* All that is known of a page, as a number: the model's lists may be in any order */
static u64 page_hash(struct state *s, int page)
{
	u64 iova = page_iova(page);
	const struct model_map *map = t1x_model_find(&s->m, iova);
	const struct model_pin *pin = t1x_model_pin_at(&s->m, iova);
	const u64 known[] = {
		map ? map->iova : 0,
		map ? map->last : 0,
		map ? map->granule : 0,
		map ? map->owner << 1 | map->backed : 0,
		is_noted_dirty(&s->m, iova),
		pin ? pin->count[0] : 0,
	};

	return t1x_hash(known, sizeof(known));
}

u64 t1x_state_hash(struct state *s)
{
	u64 part[WINDOW_PAGES + 2];
	int page;

	for (page = 0; page < WINDOW_PAGES; page++)
		part[page] = page_hash(s, page);
	part[page++] = t1x_hash(&s->m, offsetof(struct model, nmaps));
	part[page++] =
		t1x_hash(&s->nfds, sizeof(*s) - offsetof(struct state, nfds));
	return t1x_hash(part, sizeof(part));
}

/* The pages of a call that are dirty */
static u64 dirty_of(struct state *s, const struct call *call)
{
	u64 bits = 0;
	int page;

	for (page = call->page; page < call->page + call->npages; page++)
		if (t1x_model_is_dirty(&s->m, page_iova(page)))
			bits |= bit_of(page);
	return bits;
}

/* Those that are mapped */
static u64 mapped_of(struct state *s)
{
	u64 bits = 0;
	int page;

	for (page = 0; page < WINDOW_PAGES; page++)
		if (t1x_model_find(&s->m, page_iova(page)))
			bits |= bit_of(page);
	return bits;
}

static void map(struct state *s, const struct call *call, struct answer *a)
{
	const struct model_map map = {
		.iova = iova_of(call),
		.last = last_of(call),
		.granule = call->granule,
		.read = true,
		.write = true,
		.owner = owner_of(s, call),
		.offset = t1x_region[R_A].base - WINDOW_IOVA,
	};

	a->ret = t1x_model_map(&s->m, &map);
}

/* Drivers let go of parts, which then go too */
static u64 remove_parts(struct state *s, const struct model_parts *parts)
{
	u64 bytes = 0;
	int i;

	for (i = 0; i < parts->n; i++) {
		const struct model_span *part = &parts->part[i];

		t1x_model_unpin(&s->m, G_EMU0, part->first, part->last,
				ALL_TIMES);
		bytes += part->last - part->first + 1;
	}
	t1x_model_remove(&s->m, parts);
	return bytes;
}

static void unmap(struct state *s, const struct call *call, struct answer *a)
{
	static struct model_parts parts;

	if (call->bitmap && !s->m.tracking)
		a->ret = -EINVAL;
	else
		a->ret = t1x_model_plan(&s->m, iova_of(call), last_of(call),
					call->range ? BY_RANGE : BY_V2, &parts);
	if (a->ret)
		return;
	if (call->bitmap)
		a->bits = dirty_of(s, call);
	a->n = remove_parts(s, &parts);
}

static void unmap_all(struct state *s, const struct call *call,
		      struct answer *a)
{
	static struct model_parts parts;

	a->ret = t1x_model_plan(&s->m, 0, ~0UL, BY_V2, &parts);
	if (!a->ret)
		a->n = remove_parts(s, &parts);
}

static void info(struct state *s, const struct call *call, struct answer *a)
{
	a->n = t1x_model_avail(&s->m);
	a->pgsizes = t1x_model_pgsizes(&s->m);
	a->nranges = t1x_model_ranges(&s->m, a->range, MAX_RANGES);
}

static void start(struct state *s, const struct call *call, struct answer *a)
{
	a->ret = t1x_model_start(&s->m);
}

static void stop(struct state *s, const struct call *call, struct answer *a)
{
	s->m.tracking = false;
}

static void get_bitmap(struct state *s, const struct call *call,
		       struct answer *a)
{
	static struct model_parts parts;
	int i;

	if (!s->m.tracking)
		a->ret = -EINVAL;
	else
		a->ret = t1x_model_plan(&s->m, iova_of(call), last_of(call),
					BY_VADDR_V2, &parts);
	if (a->ret)
		return;
	a->bits = dirty_of(s, call);
	for (i = 0; i < parts.n; i++)
		t1x_model_set_clean(&s->m, parts.part[i].first,
				    parts.part[i].last);
}

static void dirty_range(struct state *s, const struct call *call,
			struct answer *a)
{
	if (!s->m.tracking) {
		a->ret = -EINVAL;
		return;
	}
	a->bits = dirty_of(s, call);
	if (!call->look)
		t1x_model_set_clean(&s->m, iova_of(call), last_of(call));
}

static void pgsizes(struct state *s, const struct call *call, struct answer *a)
{
	a->supported = t1x_model_supported(&s->m);
	if (call->pgsizes)
		a->ret = t1x_model_choose(&s->m, call->pgsizes);
	else
		a->pgsizes = t1x_model_pgsizes(&s->m);
}

static void attach(struct state *s, const struct call *call, struct answer *a)
{
	a->ret = t1x_model_attach(&s->m, edu_group[call->edu]);
}

static int detach_group(struct state *s, enum group g)
{
	bool served = s->m.served;
	int ret = t1x_model_detach(&s->m, g);

	s->emptied |= served && !s->m.served;
	return ret;
}

static void detach(struct state *s, const struct call *call, struct answer *a)
{
	a->ret = detach_group(s, edu_group[call->edu]);
}

static void pin(struct state *s, const struct call *call, struct answer *a)
{
	a->ret = t1x_model_pin(&s->m, G_EMU0, iova_of(call), T1X_EMU_PROT_RW);
}

static void unpin(struct state *s, const struct call *call, struct answer *a)
{
	if (!t1x_model_pin_at(&s->m, iova_of(call)))
		a->ret = -ENOENT;
	t1x_model_unpin(&s->m, G_EMU0, iova_of(call), iova_of(call), 1);
}

/*
 * Who answers an unpin is the driver, from its own list, which it changes before it
 * tells the container, and after the container has unmapped. So the answer is taken
 * as it is: what the driver has left is compared in the end.
 */
static void unpin_as_seen(struct state *s, const struct call *call,
			  const struct answer *seen, struct answer *a)
{
	if (!seen->ret)
		unpin(s, call, a);
	a->ret = seen->ret ? -ENOENT : 0;
}

static void rw(struct state *s, const struct call *call, struct answer *a)
{
	struct model_map *map = t1x_model_find(&s->m, iova_of(call));

	if (!map)
		a->ret = -EINVAL;
	else if (call->kind == CALL_WRITE)
		t1x_model_set_dirty(&s->m, iova_of(call), iova_of(call));
}

/* A child has descriptors of its own: its threads close nothing that others use */
static void close_file(struct state *s, const struct call *call,
		       struct answer *a)
{
	if (call->child) {
		a->ret = s->closed_in_child[call->file] ? -EBADF : 0;
		s->closed_in_child[call->file] = true;
		return;
	}
	s->nfds[call->file]--;
	if (!call->set)
		s->closed[call->file] = true;
}

static void held(struct state *s, const struct call *call, struct answer *a)
{
	int i;

	for (i = 0; i < s->m.npins; i++)
		a->n += s->m.pin[i].count[0];
}

static void locked(struct state *s, const struct call *call, struct answer *a)
{
	a->n = t1x_model_locked(&s->m, 0);
}

static void pins(struct state *s, const struct call *call, struct answer *a)
{
	int i;

	a->n = s->m.npins;
	for (i = 0; i < s->m.nmaps; i++)
		if (s->m.map[i].backed)
			a->n += (s->m.map[i].last - s->m.map[i].iova) /
					T1X_PAGE +
				1;
}

/* A device file holds its group */
static void release(struct state *s, const struct call *call, struct answer *a)
{
	s->released[call->file] = true;
	if (call->file == FILE_DEVICE) {
		s->m.open[G_EMU0] = false;
		t1x_model_unpin(&s->m, G_EMU0, 0, ~0UL, ALL_TIMES);
	} else if (call->file == FILE_GROUP) {
		detach_group(s, G_EMU0);
	}
}

static void death(struct state *s, const struct call *call, struct answer *a)
{
	t1x_model_die(&s->m);
}

static void (*const steps[CALL_KINDS])(struct state *s, const struct call *call,
				       struct answer *a) = {
	[CALL_MAP] = map,
	[CALL_UNMAP] = unmap,
	[CALL_UNMAP_ALL] = unmap_all,
	[CALL_INFO] = info,
	[CALL_START] = start,
	[CALL_STOP] = stop,
	[CALL_GET_BITMAP] = get_bitmap,
	[CALL_DIRTY_RANGE] = dirty_range,
	[CALL_PGSIZES] = pgsizes,
	[CALL_ATTACH] = attach,
	[CALL_DETACH] = detach,
	[CALL_PIN] = pin,
	[CALL_UNPIN] = unpin,
	[CALL_READ] = rw,
	[CALL_WRITE] = rw,
	[CALL_CLOSE] = close_file,
	[CALL_HELD] = held,
	[CALL_LOCKED] = locked,
	[CALL_PINS] = pins,
	[CALL_RELEASE] = release,
	[CALL_DEATH] = death,
};

/* Which descriptor a call is made on, FILES if it is none of ours */
static enum file file_of(const struct call *call)
{
	switch (call->kind) {
	case CALL_MAP ... CALL_PGSIZES:
	case CALL_ATTACH:
		return FILE_CONTAINER;
	case CALL_PIN ... CALL_WRITE:
	case CALL_HELD:
		return FILE_DEVICE;
	default:
		return FILES;
	}
}

static bool is_closed(const struct state *s, const struct call *call)
{
	enum file file = file_of(call);

	if (file == FILES)
		return false;
	return call->child ? s->closed_in_child[file] : s->closed[file];
}

bool t1x_state_closes(const struct call *close, const struct call *user)
{
	return close->kind == CALL_CLOSE && close->file == file_of(user) &&
	       close->child == user->child && !close->set;
}

static bool is_served(const struct call *call)
{
	return call->kind <= CALL_PGSIZES;
}

bool t1x_state_can_come(const struct state *s, const struct call *call)
{
	if (call->kind != CALL_RELEASE)
		return true;
	return !s->nfds[call->file] && !s->released[call->file] &&
	       (call->file != FILE_GROUP || s->released[FILE_DEVICE]);
}

/* More pages may be dirty than must be, if they are of these */
static bool is_answered(const struct answer *seen, const struct answer *wanted,
			u64 mapped)
{
	u64 may = wanted->bits | (seen->ret ? 0 : mapped);

	return seen->ret == wanted->ret && seen->n == wanted->n &&
	       seen->pgsizes == wanted->pgsizes &&
	       seen->supported == wanted->supported &&
	       seen->nranges == wanted->nranges &&
	       !memcmp(seen->range, wanted->range, sizeof(seen->range)) &&
	       !(wanted->bits & ~seen->bits) && !(seen->bits & ~may);
}

/*
 * With the last group all mappings go, and a moment later the backend. A MAP is
 * refused from then on, but may still come upon one that is about to go.
 */
static bool is_of_nothing(const struct call *call, const struct answer *seen)
{
	if (seen->ret)
		return seen->ret == -EINVAL ||
		       (call->kind == CALL_MAP && seen->ret == -EEXIST);
	return call->kind != CALL_MAP &&
	       (call->kind == CALL_INFO || !seen->n) && !seen->bits;
}

bool t1x_state_step(struct state *s, const struct call *call, bool early,
		    const struct answer *seen, struct answer *wanted)
{
	u64 mapped;

	memset(wanted, 0, sizeof(*wanted));
	if (!t1x_state_can_come(s, call))
		return false;

	mapped = s->generous ? mapped_of(s) : 0;
	if (is_closed(s, call) && (!early || (seen && seen->ret == -EBADF))) {
		wanted->ret = -EBADF;
	} else if (is_served(call) && !s->m.served) {
		wanted->ret = -EINVAL;
		if (seen && s->emptied)
			return is_of_nothing(call, seen);
	} else if (seen && call->kind == CALL_UNPIN) {
		unpin_as_seen(s, call, seen, wanted);
	} else {
		steps[call->kind](s, call, wanted);
	}
	return !seen || is_answered(seen, wanted, mapped);
}
