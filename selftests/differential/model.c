// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/vfio.h>
#include <stddef.h>
#include <string.h>

#include "model.h"

#define MAX_TRACKED 0x80000000UL /* pages of a mapping */
#define DEFAULT_ENTRIES 65535
#define EVERYWHERE 0, ~0UL

static u64 pages_of(const struct model_map *map)
{
	return (map->last - map->iova) / T1X_PAGE + 1;
}

static bool is_alive(struct model *m, int process)
{
	return !process || process == m->b;
}

void t1x_model_copy(struct model *to, const struct model *from)
{
	memcpy(to, from, offsetof(struct model, map));
	memcpy(to->map, from->map, from->nmaps * sizeof(*from->map));
	to->ndirty = from->ndirty;
	memcpy(to->dirty, from->dirty, from->ndirty * sizeof(*from->dirty));
	to->npins = from->npins;
	memcpy(to->pin, from->pin, from->npins * sizeof(*from->pin));
	to->memory.nwrites = from->memory.nwrites;
	memcpy(to->memory.write, from->memory.write,
	       from->memory.nwrites * sizeof(*from->memory.write));
}

/* Groups */

bool t1x_model_has_iommu(struct model *m)
{
	return m->attached[G_EDU0] || m->attached[G_EDU1] ||
	       m->attached[G_NVME0];
}

bool t1x_model_has_emulated(struct model *m)
{
	return m->attached[G_EMU0] || m->attached[G_EMU1];
}

u64 t1x_model_supported(struct model *m)
{
	u64 sizes = -T1X_PAGE;
	int g;

	for (g = 0; g < G_COUNT; g++)
		if (m->attached[g] && !is_emu(g))
			sizes &= m->world->pgsizes[g];
	return sizes;
}

u64 t1x_model_pgsizes(struct model *m)
{
	return m->subset ? m->subset : t1x_model_supported(m);
}

/* Can devices of the group reach all of it? */
static bool reaches(struct model *m, enum group g, u64 first, u64 last)
{
	const struct t1x_range *range = m->world->range[g];
	int i;

	for (i = 0; i < m->world->nranges[g]; i++)
		if (range[i].start <= first && last <= range[i].last)
			return true;
	return is_emu(g);
}

static int narrow(struct t1x_range *to, int max, const struct t1x_range *a,
		  int na, const struct t1x_range *b, int nb)
{
	int i, j, n = 0;

	for (i = 0; i < na; i++)
		for (j = 0; j < nb; j++) {
			u64 start = a[i].start > b[j].start ? a[i].start :
							      b[j].start;
			u64 last = a[i].last < b[j].last ? a[i].last :
							   b[j].last;

			if (start <= last && n < max)
				to[n++] = (struct t1x_range){ start, last };
		}
	return n;
}

int t1x_model_ranges(struct model *m, struct t1x_range *ranges, int max)
{
	struct t1x_range all[MAX_RANGES] = { { EVERYWHERE } };
	int g, n = 1;

	if (!m->had_iommu && !t1x_model_has_iommu(m))
		return 0;
	for (g = 0; g < G_COUNT; g++) {
		if (!m->attached[g] || is_emu(g))
			continue;
		n = narrow(ranges, max, all, n, m->world->range[g],
			   m->world->nranges[g]);
		memcpy(all, ranges, n * sizeof(*all));
	}
	memcpy(ranges, all, n * sizeof(*all));
	return n;
}

/* Mappings */

static struct model_map *first_in(struct model *m, u64 first, u64 last)
{
	int i;

	for (i = 0; i < m->nmaps; i++)
		if (m->map[i].last >= first)
			return m->map[i].iova <= last ? &m->map[i] : NULL;
	return NULL;
}

struct model_map *t1x_model_find(struct model *m, u64 iova)
{
	return first_in(m, iova, iova);
}

static void insert(struct model *m, const struct model_map *map)
{
	int at = 0;

	t1x_require(m->nmaps < MODEL_MAPS, "too many mappings");
	while (at < m->nmaps && m->map[at].iova < map->iova)
		at++;
	memmove(&m->map[at + 1], &m->map[at], (m->nmaps++ - at) * sizeof(*map));
	m->map[at] = *map;
}

static void forget(struct model *m, struct model_map *map)
{
	memmove(map, map + 1, (&m->map[--m->nmaps] - map) * sizeof(*map));
}

int t1x_model_avail(struct model *m)
{
	int limit = m->seq->entries ? m->seq->entries : DEFAULT_ENTRIES;
	int i, n = m->nmaps;

	/* Parts that go on where another one ends are its entry */
	for (i = 1; m->fault == FAULT_CUT_FREE && i < m->nmaps; i++)
		n -= m->map[i].granule &&
		     m->map[i].offset == m->map[i - 1].offset;
	return limit - n;
}

u64 t1x_model_granule_of(struct model *m, u64 first, u64 last)
{
	u64 granule = m->seq->granule;

	while (granule && m->fault != FAULT_PARAMETER &&
	       (first | (last + 1)) % granule)
		granule /= 2;
	return granule;
}

/* Charges. With an IOMMU the whole of it, and pins for nothing; without, only pins */
static u64 charged(struct model *m, const struct model_map *map)
{
	return map->backed ? pages_of(map) :
			     t1x_model_pinned(m, map->iova, map->last);
}

u64 t1x_model_locked(struct model *m, int process)
{
	u64 n = 0;
	int i;

	for (i = 0; i < m->nmaps; i++)
		if (m->map[i].owner == process)
			n += charged(m, &m->map[i]);
	return n;
}

/* What is pinned for the dead, unless it is on its way to another process */
static u64 orphans(struct model *m)
{
	u64 n = 0;
	int i;

	for (i = 0; i < m->nmaps; i++)
		if (!is_alive(m, m->map[i].owner) && !m->map[i].vaddr_gone)
			n += charged(m, &m->map[i]);
	return n;
}

static u64 room(struct model *m, int process, u64 used)
{
	used += t1x_model_locked(m, process);
	if (!m->seq->limit)
		return ~0UL / 2;
	return m->seq->limit > used ? m->seq->limit - used : 0;
}

/* Page by page, as memory is pinned: the first one that fails tells why */
static int back(struct model *m, struct model_map *map)
{
	/* What drivers hold of it is paid for */
	u64 pages = charged(m, map) + room(m, map->owner, orphans(m));
	u64 i;

	if (!is_alive(m, map->owner))
		return -ESRCH;
	for (i = 0; i < pages_of(map); i++) {
		u64 vaddr = map->iova + i * T1X_PAGE + map->offset;

		if (!t1x_model_can_access(vaddr, map->write))
			return -EFAULT;
		if (i >= pages)
			return -ENOMEM;
	}
	map->backed = true;
	map->backed_owner = map->owner;
	map->backed_offset = map->offset;
	return 0;
}

/* MAP */

int t1x_model_map(struct model *m, const struct model_map *asked)
{
	struct model_map map = *asked;
	int g, ret = 0;

	if (first_in(m, map.iova, map.last))
		return -EEXIST;
	if (t1x_model_avail(m) <= 0)
		return -ENOSPC;
	for (g = 0; g < G_COUNT; g++)
		if (m->attached[g] && !reaches(m, g, map.iova, map.last))
			return -EINVAL;
	if (t1x_model_has_iommu(m))
		ret = back(m, &map);
	if (!ret && m->tracking && pages_of(&map) > MAX_TRACKED)
		ret = -EINVAL;
	if (!ret)
		insert(m, &map);
	return ret;
}

/* VFIO_DMA_MAP_FLAG_VADDR */
int t1x_model_restore(struct model *m, const struct model_map *asked)
{
	struct model_map *map = first_in(m, asked->iova, asked->last);

	if (!map)
		return -ENOENT;
	if (!map->vaddr_gone || map->iova != asked->iova ||
	    map->last != asked->last)
		return -EINVAL;
	if (map->owner != asked->owner &&
	    charged(m, map) > room(m, asked->owner, orphans(m)))
		return -ENOMEM;
	map->vaddr_gone = false;
	map->owner = asked->owner;
	map->offset = asked->offset;
	return 0;
}

/* UNMAP */

static bool may_cut(struct model *m, const struct model_map *map, u64 at)
{
	if (m->fault == FAULT_CUT_ANYWHERE && map->granule)
		return true;
	return map->granule ? !(at % map->granule) :
			      m->fault == FAULT_CUT_PLAIN;
}

int t1x_model_plan(struct model *m, u64 first, u64 last, enum model_rules rules,
		   struct model_parts *parts)
{
	bool whole = rules == BY_VADDR_V1 || rules == BY_VADDR_V2;
	bool lenient = rules == BY_V1 || rules == BY_VADDR_V1;
	struct model_map *map;

	if (m->fault == FAULT_V1_CUTS && rules == BY_V1)
		lenient = false;
	parts->n = 0;
	for (map = first_in(m, first, last);
	     map && map < m->map + m->nmaps && map->iova <= last; map++) {
		bool cuts = map->granule && !whole;
		bool head = first > map->iova;
		bool tail = last < map->last;
		u64 end = tail ? last : map->last;

		if (!cuts && lenient) {
			/* It ends at what began before it, and takes the rest whole */
			if (head)
				return 0;
			tail = false;
			end = map->last;
		}
		if ((head && (whole || !may_cut(m, map, first))) ||
		    (tail && (whole || !may_cut(m, map, last + 1)))) {
			if (m->fault == FAULT_CUT_LATE && parts->n)
				return 0;
			return -EINVAL;
		}
		if (head && tail && t1x_model_avail(m) <= 0)
			return -ENOSPC;
		parts->part[parts->n++] =
			(struct model_span){ head ? first : map->iova, end };
	}
	return 0;
}

/* A mapping ends before the byte, and what was its rest begins with it */
static void cut(struct model *m, u64 at)
{
	struct model_map *map = t1x_model_find(m, at), right;

	if (!map || map->iova == at)
		return;
	right = *map;
	right.iova = at;
	if (m->fault == FAULT_CUT_OFF)
		right.offset = right.offset - (at - map->iova);
	map->last = at - 1;
	insert(m, &right);
}

void t1x_model_remove(struct model *m, const struct model_parts *parts)
{
	int i;

	for (i = 0; i < parts->n; i++) {
		struct model_span part = parts->part[i];
		struct model_map *map = t1x_model_find(m, part.first);

		if (m->fault == FAULT_CUT_CLEAN)
			t1x_model_forget_dirty(m, map->iova, map->last);
		if (m->fault == FAULT_CHARGE && map->last > part.last)
			map->backed = false;
		cut(m, part.first);
		if (part.last != ~0UL)
			cut(m, part.last + 1);
		forget(m, t1x_model_find(m, part.first));
		t1x_model_forget_dirty(m, part.first, part.last);
	}
}

/* VFIO_DMA_UNMAP_FLAG_VADDR */
int t1x_model_invalidate(struct model *m, const struct model_parts *parts)
{
	int i;

	for (i = 0; i < parts->n; i++)
		if (t1x_model_find(m, parts->part[i].first)->vaddr_gone)
			return -EINVAL;
	for (i = 0; i < parts->n; i++)
		t1x_model_find(m, parts->part[i].first)->vaddr_gone = true;
	return 0;
}

int t1x_model_start(struct model *m)
{
	int i;

	for (i = 0; i < m->nmaps && !m->tracking; i++)
		if (pages_of(&m->map[i]) > MAX_TRACKED)
			return -EINVAL;
	if (m->tracking)
		return 0;
	m->tracking = true;
	t1x_model_set_clean(m, EVERYWHERE);
	return 0;
}

/* Page sizes */

int t1x_model_choose(struct model *m, u64 pgsizes)
{
	u64 supported = t1x_model_supported(m);
	u64 smallest = supported & -supported;

	if (m->nmaps && m->fault != FAULT_SUBSET_LATE)
		return -EBUSY;
	if (pgsizes & ~supported)
		return -EINVAL;
	if (!(pgsizes & smallest) && m->fault != FAULT_SUBSET_ANY)
		return -EINVAL;
	m->subset = pgsizes;
	return 0;
}

/* Attach and detach */

static void unback_all(struct model *m)
{
	int i;

	for (i = 0; i < m->nmaps; i++)
		m->map[i].backed = false;
}

/* Nothing is left of a container without a group */
static void forget_all(struct model *m)
{
	m->served = false;
	m->had_iommu = false;
	m->subset = 0;
	m->tracking = false;
	m->nmaps = 0;
	m->ndirty = 0;
	m->npins = 0;
}

static int admit(struct model *m, enum group g)
{
	int i;

	for (i = 0; i < m->nmaps; i++)
		if (m->map[i].vaddr_gone)
			return -EBUSY;
	if (is_emu(g))
		return 0;
	if (m->subset & ~m->world->pgsizes[g])
		return -EINVAL;
	for (i = 0; i < m->nmaps; i++)
		if (!reaches(m, g, m->map[i].iova, m->map[i].last))
			return -EINVAL;
	return 0;
}

int t1x_model_attach(struct model *m, enum group g)
{
	int i, ret = 0;

	if (m->attached[g])
		return -EINVAL;
	if (m->served)
		ret = admit(m, g);
	if (!ret && m->served && !is_emu(g) && !t1x_model_has_iommu(m)) {
		for (i = 0; i < m->nmaps && !ret; i++)
			ret = back(m, &m->map[i]);
		if (ret)
			unback_all(m);
	}
	m->attached[g] = !ret;
	return ret;
}

int t1x_model_detach(struct model *m, enum group g)
{
	int i;

	if (!m->attached[g])
		return -EINVAL;
	if (m->open[g])
		return -EBUSY;
	/* What it wrote unseen is reported once more */
	for (i = 0; i < m->nmaps && !is_emu(g); i++)
		t1x_model_set_dirty(m, m->map[i].iova, m->map[i].last);
	m->attached[g] = false;
	if (!t1x_model_has_iommu(m) && !t1x_model_has_emulated(m)) {
		forget_all(m);
	} else if (!is_emu(g) && !t1x_model_has_iommu(m)) {
		unback_all(m);
		m->had_iommu |= m->served;
		if (m->fault == FAULT_SUBSET_GONE)
			m->subset = 0;
	}
	return 0;
}

int t1x_model_set(struct model *m, u64 type)
{
	if (m->served ||
	    (!t1x_model_has_iommu(m) && !t1x_model_has_emulated(m)))
		return -EINVAL;
	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU)
		return -ENODEV;
	m->served = true;
	m->v2 = type == VFIO_TYPE1v2_IOMMU;
	return 0;
}

void t1x_model_die(struct model *m)
{
	m->b = 0;
}

int t1x_model_pin(struct model *m, enum group g, u64 iova, int prot)
{
	struct model_pin *pin = t1x_model_pin_at(m, iova);
	struct model_map *map = t1x_model_find(m, iova);
	int i;

	for (i = 0; i < m->nmaps; i++)
		if (m->map[i].vaddr_gone)
			return -EBUSY;
	if (!map)
		return -EINVAL;
	if (prot & ~(map->read | map->write << 1))
		return -EPERM;
	if (pin) {
		pin->count[g - G_EMU0]++;
		return 0;
	}
	if (!is_alive(m, map->owner))
		return -ENODEV;
	if (!t1x_model_can_access(iova + map->offset, map->write))
		return -EFAULT;
	if (!map->backed && !room(m, map->owner, 0))
		return -ENOMEM;

	t1x_require(m->npins < MODEL_PINS, "too many pins");
	pin = &m->pin[m->npins++];
	*pin = (struct model_pin){ iova };
	pin->count[g - G_EMU0] = 1;
	t1x_model_set_dirty(m, iova, iova);
	return 0;
}
