// SPDX-License-Identifier: GPL-2.0-only
/* What the model says of devices: what their drivers pin and copy, and reach. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "predict.h"
#include "record.h"

#define MAX_PINS 512 /* of a call */
#define MAX_DATA 65536 /* of a copy */
#define ALL_TIMES (~0U / 2)

void t1x_predict_callbacks(struct model *m)
{
	int g, i;

	for (g = G_EMU0; g <= G_EMU1; g++)
		for (i = 0; i < m->ncallbacks && m->open[g]; i++)
			t1x_say_callback(g, m->callback[i].first,
					 m->callback[i].last -
						 m->callback[i].first + 1);
}

void t1x_predict_open(struct model *m, const struct op *op)
{
	enum group g = op->arg[0];

	if (!m->world->present[g]) {
		t1x_say("absent");
	} else if (m->open[g]) {
		t1x_say("open");
	} else {
		m->open[g] = m->attached[g] && m->served;
		t1x_predict_result(m->open[g] ? 0 : -EINVAL);
	}
}

static bool has_device(struct model *m, enum group g)
{
	if (!m->open[g])
		t1x_say("closed");
	return m->open[g];
}

void t1x_predict_close(struct model *m, const struct op *op)
{
	enum group g = op->arg[0];

	if (!has_device(m, g))
		return;
	m->open[g] = false;
	if (is_emu(g))
		t1x_model_unpin(m, g, 0, ~0UL, ALL_TIMES);
	t1x_predict_result(0);
}

static void say_page(struct model *m, const struct model_map *map, int owner,
		     u64 vaddr)
{
	bool dead = owner && owner != m->b;
	char who = owner ? 'B' : 'A';

	vaddr &= -T1X_PAGE;
	t1x_model_name(&who, &vaddr, dead);
	t1x_say_place(who, vaddr);
}

/* All of them, or none */
static int pin_pages(struct model *m, const struct op *op)
{
	enum group g = op->arg[0];
	u64 iova = op->arg[1];
	s64 i, n = (int)op->arg[2];
	int ret = 0;

	if (!is_emu(g))
		return -ENOTTY;
	if (!n)
		return -EINVAL;
	/* Which vfio core takes for an unsigned number */
	if (n < 0 || n > MAX_PINS)
		return -E2BIG;
	if (!m->v2)
		return -EACCES;
	if (iova + n * T1X_PAGE - 1 < iova)
		return -t1x_wrap_errno();
	for (i = 0; i < n && !ret; i++)
		ret = t1x_model_pin(m, g, iova + i * T1X_PAGE, op->arg[3]);
	if (!ret)
		return n;
	for (i -= 2; i >= 0; i--)
		t1x_model_unpin(m, g, iova + i * T1X_PAGE, iova + i * T1X_PAGE,
				1);
	return ret;
}

void t1x_predict_pin(struct model *m, const struct op *op)
{
	int i, ret;

	if (!has_device(m, op->arg[0]))
		return;
	ret = pin_pages(m, op);
	t1x_predict_result(ret);
	for (i = 0; i < ret; i++) {
		u64 iova = op->arg[1] + i * T1X_PAGE;
		struct model_map *map = t1x_model_find(m, iova);

		say_page(m, map, map->owner, iova + map->offset);
	}
}

void t1x_predict_unpin(struct model *m, const struct op *op)
{
	enum group g = op->arg[0];
	u64 i;

	if (!has_device(m, g))
		return;
	if (!is_emu(g)) {
		t1x_predict_result(-ENOTTY);
		return;
	}
	for (i = 0; i < op->arg[2]; i++) {
		struct model_pin *pin =
			t1x_model_pin_at(m, op->arg[1] + i * T1X_PAGE);

		if (pin && pin->count[g - G_EMU0])
			continue;
		t1x_predict_result(-ENOENT);
		return;
	}
	for (i = 0; i < op->arg[2]; i++)
		t1x_model_unpin(m, g, op->arg[1] + i * T1X_PAGE,
				op->arg[1] + i * T1X_PAGE, 1);
	t1x_predict_result(0);
}

/* Copy byte by byte; returns how many went */
static u64 copy(struct model *m, u64 vaddr, unsigned char *data, u64 len,
		bool write)
{
	u64 i;

	for (i = 0; i < len; i++) {
		if (!t1x_model_can_access(vaddr + i, write))
			break;
		if (!write)
			data[i] = t1x_model_read(&m->memory, vaddr + i);
	}
	if (write && i)
		t1x_model_write(&m->memory, vaddr, i, *data);
	return i;
}

/* One mapping after the other; what came before a failure stays */
static int rw(struct model *m, u64 iova, unsigned char *data, u64 len,
	      bool write)
{
	struct model_map *map;
	u64 n, done;
	int i;

	if (!len)
		return -EINVAL;
	for (; len; iova += n, data += n, len -= n) {
		for (i = 0; i < m->nmaps; i++)
			if (m->map[i].vaddr_gone)
				return -EBUSY;
		map = t1x_model_find(m, iova);
		if (!map)
			return -EINVAL;
		/* A write too needs a mapping that can be read */
		if (!map->read || (write && !map->write))
			return -EPERM;
		n = len - 1 < map->last - iova ? len : map->last - iova + 1;
		if (map->owner && map->owner != m->b)
			return -EPERM;
		/* The caller is A, and copies as A */
		if (map->owner)
			return -EFAULT;
		done = copy(m, iova + map->offset, data, n, write);
		if (write && done)
			t1x_model_set_dirty(m, iova, iova + done - 1);
		if (done == n)
			continue;
		/* The kernel leaves no bytes of its own behind */
		if (!write)
			memset(data + done, 0, n - done);
		return -EFAULT;
	}
	return 0;
}

void t1x_predict_rw(struct model *m, const struct op *op)
{
	static unsigned char data[MAX_DATA];
	int ret = -ENOTTY;

	if (!has_device(m, op->arg[0]) || op->arg[2] > sizeof(data))
		return;
	memset(data, 0x5a ^ op->arg[1] >> 12, sizeof(data));
	if (is_emu(op->arg[0]))
		ret = rw(m, op->arg[1], data, op->arg[2], op->arg[3]);
	t1x_predict_result(ret);
	t1x_say_bytes(data, sizeof(data));
}

static void say_reaches(struct model *m)
{
	struct t1x_reach *reach;
	u64 iova, n = 0;
	int i;

	for (i = 0; i < m->nmaps; i++)
		n += (m->map[i].last - m->map[i].iova) / T1X_PAGE + 1;
	reach = calloc(n + 1, sizeof(*reach));
	t1x_require(reach, "no memory");
	n = 0;
	for (i = 0; i < m->nmaps; i++) {
		const struct model_map *map = &m->map[i];
		int owner = map->backed_owner;

		for (iova = map->iova; iova - 1 != map->last;
		     iova += T1X_PAGE) {
			struct t1x_reach *at = &reach[n++];

			*at = (struct t1x_reach){
				.iova = iova,
				.size = T1X_PAGE,
				.read = map->read || m->world->reads_anyway,
				.write = map->write,
				.who = owner ? 'B' : 'A',
				.vaddr = iova + map->backed_offset,
			};
			t1x_model_name(&at->who, &at->vaddr,
				       owner && owner != m->b);
		}
	}
	t1x_say_reaches(reach, n);
	free(reach);
}

/* Behind the bar: the page sizes of each mapping */
void t1x_predict_table(struct model *m, const struct op *op)
{
	enum group g = op->arg[0];
	int i;

	if (is_emu(g) || !m->attached[g] || !m->served ||
	    !m->world->has_table[g]) {
		t1x_say("none");
		return;
	}
	say_reaches(m);
	t1x_say(" |");
	for (i = 0; i < m->nmaps; i++) {
		const struct model_map *map = &m->map[i];
		u64 sizes = t1x_model_pgsizes(m);

		if (map->granule)
			sizes &= 2 * map->granule - 1;
		t1x_say(" 0x%lx@0x%lx-0x%lx", sizes, map->iova, map->last);
	}
}
