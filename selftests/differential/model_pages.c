// SPDX-License-Identifier: GPL-2.0-only
/* What the model knows of pages: they are told by their IOVAs, whatever is mapped. */
#include "model.h"

u64 t1x_model_pinned(struct model *m, u64 first, u64 last)
{
	u64 n = 0;
	int i;

	for (i = 0; i < m->npins; i++)
		n += m->pin[i].iova >= first && m->pin[i].iova <= last;
	return n;
}

void t1x_model_forget_dirty(struct model *m, u64 first, u64 last)
{
	int i;

	for (i = m->ndirty - 1; i >= 0; i--) {
		struct model_span *span = &m->dirty[i], old = *span;

		if (old.last < first || old.first > last)
			continue;
		*span = m->dirty[--m->ndirty];
		t1x_require(m->ndirty < MODEL_SPANS - 2, "too many spans");
		if (old.first < first)
			m->dirty[m->ndirty++] =
				(struct model_span){ old.first, first - 1 };
		if (old.last > last)
			m->dirty[m->ndirty++] =
				(struct model_span){ last + 1, old.last };
	}
}

void t1x_model_set_dirty(struct model *m, u64 first, u64 last)
{
	if (!m->tracking)
		return;
	t1x_model_forget_dirty(m, first & -T1X_PAGE, last | (T1X_PAGE - 1));
	t1x_require(m->ndirty < MODEL_SPANS, "too many spans");
	m->dirty[m->ndirty++] =
		(struct model_span){ first & -T1X_PAGE, last | (T1X_PAGE - 1) };
}

/* But what drivers hold: they may write to it at any time */
void t1x_model_set_clean(struct model *m, u64 first, u64 last)
{
	int i;

	t1x_model_forget_dirty(m, first, last);
	for (i = 0; i < m->npins; i++)
		if (m->pin[i].iova >= first && m->pin[i].iova <= last)
			t1x_model_set_dirty(m, m->pin[i].iova, m->pin[i].iova);
}

/* A device behind an IOMMU tells nobody what it writes to */
bool t1x_model_is_dirty(struct model *m, u64 iova)
{
	int i;

	if (t1x_model_has_iommu(m))
		return t1x_model_find(m, iova);
	for (i = 0; i < m->ndirty; i++)
		if (m->dirty[i].first <= iova && iova <= m->dirty[i].last)
			return true;
	return false;
}

struct model_pin *t1x_model_pin_at(struct model *m, u64 iova)
{
	int i;

	for (i = 0; i < m->npins; i++)
		if (m->pin[i].iova == iova)
			return &m->pin[i];
	return NULL;
}

void t1x_model_unpin(struct model *m, enum group g, u64 first, u64 last,
		     int times)
{
	int i;

	for (i = m->npins - 1; i >= 0; i--) {
		struct model_pin *pin = &m->pin[i];

		if (pin->iova < first || pin->iova > last)
			continue;
		if (times < pin->count[g - G_EMU0])
			pin->count[g - G_EMU0] -= times;
		else
			pin->count[g - G_EMU0] = 0;
		if (!pin->count[0] && !pin->count[1])
			*pin = m->pin[--m->npins];
	}
}
