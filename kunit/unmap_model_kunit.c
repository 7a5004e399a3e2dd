// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap in a space of twelve pages, every range of it, against an array of pages. After
 * each call all that is known of the mappings that stay is compared: their ranges and
 * addresses, how they are pinned, where memory jumps, what is dirty, what IOMMUs show.
 */
#include <linux/iommu.h>
#include <linux/prandom.h>
#include <linux/sched.h>

#include "dirty_bitmap.h"
#include "dirty_log.h"
#include "dma_tracker.h"

#include "fake_container.h"

#define SEED 0x7431780011ULL
#define PAGES(n) ((unsigned long)(n) << PAGE_SHIFT)

#define NR 12
/* Page 8 begins a segment of the contiguity record, and a word of the bitmaps. */
#define FIRST (2 * T1X_SEG_PAGES - 8)
/* Page 12 would be beyond the 64-bit space. */
#define FIRST_OF_LAST ((ULONG_MAX >> PAGE_SHIFT) - (NR - 1))
#define DIRTY 0xa5d /* these pages are */

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_describe);

/* All ways to be pinned, some without a jump before them. */
static const struct fake_mem mixed[] = {
	{ 2, FAKE_PFN + 0x10, T1X_PIN_PAGE }, /* page 0 */
	{ 2, FAKE_PFN + 0x22, T1X_PIN_NONE }, /* 2 */
	{ 4, FAKE_PFN + 0x104, 2 }, /* 4, one piece */
	{ 1, FAKE_PFN + 0x108, T1X_PIN_PAGE }, /* 8, no jump */
	{ 3, FAKE_PFN + 0x20d, 2 }, /* 9, a part of a piece */
};

/* One run of two pieces that are aligned otherwise than the granules. */
static const struct fake_mem shifted[] = {
	{ 12, FAKE_PFN + 0x303, 3 },
};

struct row {
	u8 first;
	u8 npages;
	bool cut; /* has the granule */
};

struct layout {
	unsigned int max_granule; /* pages; its rows are multiples of that */
	unsigned int nr;
	struct row rows[3];
};

static const struct layout layouts[] = {
	{ 4, 1, { { 0, 12, true } } },
	{ 4, 2, { { 0, 4, true }, { 4, 8, true } } },
	{ 4, 2, { { 0, 4, true }, { 8, 4, true } } },
	{ 4, 3, { { 0, 4, true }, { 4, 4, false }, { 8, 4, true } } },
	{ 4, 3, { { 0, 3, false }, { 4, 4, true }, { 8, 2, false } } },
	{ 2, 2, { { 2, 6, true }, { 8, 2, true } } },
};

struct model {
	struct kunit *test;
	struct fake_container *c;
	unsigned long first; /* number of the first page */
	const struct layout *layout;
	unsigned int granule; /* pages; 0: nothing can be cut */
	s8 owner[NR]; /* row of the layout, or -1 */
	bool changed; /* since all of the layout was mapped */
	unsigned int nr_parts;
};

/* A part of what was mapped: pages [first, end), all of one owner. */
struct part {
	unsigned int first;
	unsigned int end;
	const struct row *row;
};

static unsigned long at(const struct model *m, unsigned int page)
{
	return PAGES(m->first + page);
}

/* The first part that ends above @from. */
static bool next_part(const struct model *m, unsigned int from,
		      struct part *part)
{
	unsigned int first = from, end;

	while (first < NR && m->owner[first] < 0)
		first++;
	if (first == NR)
		return false;

	for (end = first; end < NR && m->owner[end] == m->owner[first]; end++)
		;
	*part = (struct part){ first, end, &m->layout->rows[m->owner[first]] };
	return true;
}

static unsigned long granule_of(const struct model *m, const struct row *row)
{
	return row->cut ? PAGES(m->granule) : 0;
}

/* ---- What is there ---- */

/* What is held and paid for. */
struct held {
	unsigned long npins;
	unsigned long charged; /* pages */
};

static const char *check_pins(const struct model *m, const struct part *part,
			      const struct t1x_dma *dma, struct held *held)
{
	unsigned long granule = granule_of(m, part->row), end;
	unsigned int page;

	for (page = part->first; page < part->end; page++) {
		unsigned long pfn = fake_mem_pfn(page), index;
		u8 kind = fake_mem_kind(page, at(m, page), granule);

		index = page - part->first;
		end = index + 1;
		if (t1x_dma_pin_kind(dma, index, &end) != kind)
			return "pinned otherwise";
		if (kind == T1X_PIN_NONE)
			continue;
		held->charged++;
		/* One for a piece, however little of it there is. */
		if (page == part->first || !(pfn & (BIT(kind) - 1)) ||
		    fake_mem_pfn(page - 1) != pfn - 1)
			held->npins++;
	}
	return NULL;
}

static const char *check_jumps(const struct part *part,
			       const struct t1x_dma *dma)
{
	unsigned int n = part->end - part->first, index = 0, next, page;

	while (index < n) {
		next = t1x_dma_jump_next(dma, index, n);
		if (next <= index || next > n)
			return "next jump nowhere";
		for (page = part->first + index + 1; page < part->first + next;
		     page++) {
			if (fake_mem_pfn(page) != fake_mem_pfn(page - 1) + 1)
				return "jump forgotten";
		}
		index = next;
	}
	return NULL;
}

static const char *check_part(const struct model *m, const struct part *part,
			      const struct t1x_dma *dma, struct held *held)
{
	u64 want = (DIRTY >> part->first) & (BIT(part->end - part->first) - 1);
	struct t1x_dirty dirty = t1x_dma_dirty(dma);
	u64 word;

	if (dma->iova != at(m, part->first) ||
	    dma->last != at(m, part->end) - 1)
		return "other range";
	if (dma->state != T1X_DMA_LIVE || dma->stuck || dma->doomed)
		return "not live";
	if (dma->vaddr != FAKE_VADDR + PAGES(part->first) ||
	    dma->prot != (IOMMU_READ | IOMMU_WRITE) ||
	    t1x_dma_granule(dma) != granule_of(m, part->row))
		return "other address, prot or granule";
	if (dma->mapped != part->end - part->first || dma->unmapped)
		return "not as a whole in the IOMMU";
	t1x_dirty_words(&dirty, m->first + part->first, &word, 1);
	if (word != want)
		return "other dirty pages";

	return check_jumps(part, dma) ?: check_pins(m, part, dma, held);
}

static const char *check_tables(const struct model *m, unsigned long npages)
{
	struct fake_domain *domain;

	list_for_each_entry(domain, &fake.domains, next) {
		if (domain->npages != npages)
			return "more or less mapped";
	}
	return NULL;
}

/* Compare everything. Return: what is wrong, or NULL. */
static const char *compare(struct model *m)
{
	unsigned long npages = 0, page = 0;
	struct held held = {};
	const char *wrong = NULL;
	struct t1x_dma *dma;
	struct part part;

	m->nr_parts = 0;
	mutex_lock(&m->c->map.lock);
	dma = t1x_dma_first(&m->c->map.tree);
	for (; !wrong && next_part(m, page, &part); page = part.end) {
		wrong = dma ? check_part(m, &part, dma, &held) : "one less";
		fake_check_mapped(m->c, at(m, part.first),
				  part.end - part.first, part.first);
		npages += part.end - part.first;
		m->nr_parts++;
		if (dma)
			dma = t1x_dma_next(&m->c->map.tree, dma);
	}
	mutex_unlock(&m->c->map.lock);

	if (!wrong && dma)
		wrong = "one more";
	if (!wrong && held.npins != fake_pin.npins)
		wrong = "other pins";
	if (!wrong && (long)held.charged != fake_pin.charged)
		wrong = "other charge";
	if (!wrong && m->c->map.dma_avail != FAKE_ENTRY_LIMIT - m->nr_parts)
		wrong = "other dma_avail";
	return wrong ?: check_tables(m, npages);
}

static void check(struct model *m, const char *what)
{
	const char *wrong = compare(m);

	if (wrong)
		fake_complain("layout %ld, granule %u, %s: %s",
			      m->layout - layouts, m->granule, what, wrong);
}

/* ---- What an unmap does ---- */

struct verdict {
	int ret;
	unsigned long gone; /* a bit for each page */
	bool entry; /* needs one */
};

/* What of a part goes, as bits. Return: 1, 0 if the unmap ends here, or -EINVAL. */
static int model_cut(const struct model *m, const struct part *part,
		     unsigned int first, unsigned int end, bool lenient,
		     struct verdict *v)
{
	unsigned int lo = max(first, part->first), hi = min(end, part->end);
	bool is_cut = lo != part->first || hi != part->end;

	if (is_cut && part->row->cut && m->granule) {
		if (lo % m->granule || hi % m->granule)
			return -EINVAL;
		v->entry = lo != part->first && hi != part->end;
	} else if (is_cut) {
		if (!lenient)
			return -EINVAL;
		if (part->first < first)
			return 0;
		hi = part->end;
	}
	v->gone |= GENMASK(hi - 1, lo);
	return 1;
}

static struct verdict model_unmap(const struct model *m, unsigned int first,
				  unsigned int end, bool lenient)
{
	struct verdict v = { .ret = 1 };
	unsigned int page = 0;
	struct part part;

	for (; v.ret > 0 && next_part(m, page, &part); page = part.end) {
		if (part.end <= first)
			continue;
		if (part.first >= end)
			break;
		v.ret = model_cut(m, &part, first, end, lenient, &v);
	}

	v.ret = min(v.ret, 0);
	if (v.ret)
		v.gone = 0;
	return v;
}

static int unmap(struct model *m, unsigned int first, unsigned int end,
		 bool lenient, u64 *size)
{
	return lenient ? fake_unmap_v1(m->c, at(m, first), end - first, size) :
			 fake_unmap(m->c, at(m, first), end - first, size);
}

/* Unmap pages [first, end), on both sides. */
static void step(struct model *m, unsigned int first, unsigned int end,
		 bool lenient)
{
	struct verdict v = model_unmap(m, first, end, lenient);
	unsigned int avail = m->c->map.dma_avail, page;
	char what[40];
	u64 size;
	int ret;

	/* Without an entry nothing happens; with one, all of it. */
	if (!v.ret && v.entry) {
		m->c->map.dma_avail = 0;
		ret = unmap(m, first, end, lenient, &size);
		if (ret != -ENOSPC)
			fake_complain("%u-%u: %d without an entry", first, end,
				      ret);
		m->c->map.dma_avail = avail;
	}

	ret = unmap(m, first, end, lenient, &size);
	if (ret != v.ret || size != PAGES(hweight_long(v.gone)))
		fake_complain("layout %ld, granule %u: %u-%u is %d, 0x%llx",
			      m->layout - layouts, m->granule, first, end, ret,
			      size);
	for (page = 0; page < NR; page++) {
		if (v.gone & BIT(page))
			m->owner[page] = -1;
	}
	m->changed |= v.gone;

	snprintf(what, sizeof(what), "after %u-%u%s", first, end,
		 lenient ? " (v1)" : "");
	check(m, what);
	cond_resched();
}

/* ---- The world ---- */

/* What a group writes unseen would be dirty everywhere, once it goes. */
static void attach(struct model *m, unsigned int i)
{
	struct fake_domain *domain =
		fake_domain_new_kind(fake_kind_of(m->test));

	domain->coherent = i;
	fake_attach(m->c, i, domain);
	mutex_lock(&m->c->map.lock);
	t1x_domains_set_seen(&m->c->map.domains,
			     fake_group_of(&m->c->groups[i]));
	mutex_unlock(&m->c->map.lock);
}

static struct model *new_model(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	m->test = test;
	m->first = FIRST;
	m->c = fake_container_new(test);
	attach(m, 0);
	fake_mem_set(mixed, ARRAY_SIZE(mixed));
	KUNIT_ASSERT_EQ(test, 0, t1x_dirty_log_start(&m->c->map.log));
	return m;
}

static void end_model(struct model *m)
{
	fake_unmap_all(m->c);
	fake_check_empty(m->c);
	fake_container_end(m->c);
}

static void map_row(struct model *m, unsigned int i)
{
	const struct row *row = &m->layout->rows[i];
	struct t1x_dma *dma;
	unsigned int page;

	KUNIT_ASSERT_EQ(m->test, 0,
			fake_map_granule(m->c, at(m, row->first), row->npages,
					 row->first, granule_of(m, row)));
	mutex_lock(&m->c->map.lock);
	dma = t1x_dma_find(&m->c->map.tree, at(m, row->first),
			   at(m, row->first));
	for (page = row->first; page < row->first + row->npages; page++) {
		m->owner[page] = i;
		if (DIRTY & BIT(page))
			t1x_dma_set_dirty(dma, m->first + page, 1);
	}
	mutex_unlock(&m->c->map.lock);
}

/* What is mapped from now on begins at another page. */
static void move_to(struct model *m, unsigned long first)
{
	fake_unmap_all(m->c);
	m->layout = NULL;
	m->first = first;
}

/* Begin anew, with all of a layout. */
static void map_layout(struct model *m, const struct layout *layout,
		       unsigned int granule)
{
	unsigned int i;

	/* What has failed changed nothing, as was seen. */
	if (m->layout == layout && m->granule == granule && !m->changed)
		return;

	fake_unmap_all(m->c);
	m->layout = layout;
	m->changed = false;
	m->granule = granule;
	memset(m->owner, -1, sizeof(m->owner));
	for (i = 0; i < layout->nr; i++)
		map_row(m, i);
}

/* ---- Cases ---- */

static void every_range_of(struct model *m, const struct layout *layout,
			   unsigned int granule)
{
	bool v1_differs = !granule || !layout->rows[0].cut ||
			  (layout->nr > 1 && !layout->rows[1].cut);
	unsigned int first, end;

	for (first = 0; first < NR; first++) {
		for (end = first + 1; end <= NR; end++) {
			map_layout(m, layout, granule);
			step(m, first, end, !v1_differs && first & 1);
			if (!v1_differs)
				continue;
			map_layout(m, layout, granule);
			step(m, first, end, true);
		}
	}
}

static void every_range_of_every_layout(struct kunit *test)
{
	struct model *m = new_model(test);
	unsigned int granule, i;

	for (granule = 0; granule <= 4; granule += granule ?: 1) {
		for (i = 0; i < ARRAY_SIZE(layouts); i++) {
			if (granule <= layouts[i].max_granule)
				every_range_of(m, &layouts[i], granule);
		}
	}
	end_model(m);
}

/* Each layout once more, each granule in some of them: the last page is like another. */
static void every_range_at_the_end_of_the_space(struct kunit *test)
{
	struct model *m = new_model(test);
	unsigned int i;

	move_to(m, FIRST_OF_LAST);
	for (i = 0; i < ARRAY_SIZE(layouts); i++)
		every_range_of(m, &layouts[i],
			       min(1U << i % 3, layouts[i].max_granule));
	every_range_of(m, &layouts[1], 0);
	end_model(m);
}

/* A pin for each page, because the pieces are not aligned as the granules are. */
static void every_range_of_shifted_pieces(struct kunit *test)
{
	struct model *m = new_model(test);
	unsigned int granule;

	fake_mem_set(shifted, ARRAY_SIZE(shifted));
	m->changed = true;
	for (granule = 0; granule <= 4; granule += granule ?: 1) {
		every_range_of(m, &layouts[0], granule);
		every_range_of(m, &layouts[1], granule);
	}
	end_model(m);
}

/* A range by its number, in units of @unit pages. Return: false after the last one. */
static bool range_of(unsigned int nr, unsigned int unit, unsigned int *first,
		     unsigned int *end)
{
	for (*first = 0; *first < NR; *first += unit) {
		unsigned int left = (NR - *first) / unit;

		if (nr < left) {
			*end = *first + (nr + 1) * unit;
			return true;
		}
		nr -= left;
	}
	return false;
}

static void every_two_cuts(struct kunit *test)
{
	struct model *m = new_model(test);
	unsigned int first, end, a, b;

	for (a = 0; range_of(a, 2, &first, &end); a++) {
		for (b = 0; range_of(b, 2, &first, &end); b++) {
			map_layout(m, &layouts[(a + b) & 1], 2);
			range_of(a, 2, &first, &end);
			step(m, first, end, false);
			range_of(b, 2, &first, &end);
			step(m, first, end, false);
		}
	}
	end_model(m);
}

/*
 * Another domain comes before the first cut, between the two or after them, then one of
 * the two goes: what was replayed is cut where the other was, to the last granule.
 */
static void two_cuts_and_a_replay(struct model *m, unsigned int a,
				  unsigned int b, unsigned int when)
{
	unsigned int first, end;

	if (when == 0)
		attach(m, 1);
	range_of(a, 2, &first, &end);
	step(m, first, end, false);
	if (when == 1)
		attach(m, 1);
	range_of(b, 2, &first, &end);
	step(m, first, end, false);
	if (when == 2)
		attach(m, 1);

	check(m, "with another domain");
	fake_detach(m->c, a & 1);
	for (first = 0; first < NR; first += m->granule)
		step(m, first, first + m->granule, false);
	if (!m->c->domains[0])
		attach(m, 0);
	fake_detach(m->c, 1);
}

static void every_two_cuts_and_a_replay(struct kunit *test)
{
	struct model *m = new_model(test);
	unsigned int first, end, a, b;

	for (a = 0; range_of(a, 2, &first, &end); a++) {
		for (b = a % 2; range_of(b, 2, &first, &end); b += 2) {
			map_layout(m, &layouts[(a / 2 + b / 2) % 3],
				   1 + a / 2 % 2);
			two_cuts_and_a_replay(m, a, b, (a + b / 2) % 3);
		}
	}
	end_model(m);
}

static void every_three_cuts(struct kunit *test)
{
	struct model *m = new_model(test);
	unsigned int i, k, nr, first, end;

	for (i = 0; i < 6 * 6 * 6; i++) {
		map_layout(m, &layouts[i % 3], 4);
		for (k = 0, nr = i; k < 3; k++, nr /= 6) {
			range_of(nr % 6, 4, &first, &end);
			step(m, first, end, i & 1);
		}
	}
	end_model(m);
}

/* Cuts, holes that are filled with what was there, and domains that come and go. */
static void random_calls(struct kunit *test)
{
	struct model *m = new_model(test);
	unsigned int round, i, k, first, end;
	struct rnd_state rnd;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	for (round = 0; round < 60; round++) {
		move_to(m, round & 1 ? FIRST_OF_LAST : FIRST);
		i = prandom_u32_state(&rnd) % (ARRAY_SIZE(layouts) - 1);
		map_layout(m, &layouts[i], 1 << prandom_u32_state(&rnd) % 3);
		for (k = 0; k < 8; k++) {
			first = prandom_u32_state(&rnd) % NR;
			end = first + 1 +
			      prandom_u32_state(&rnd) % (NR - first);
			if (k % 4 == 1)
				first = round_down(first, m->granule);
			step(m, first, end, prandom_u32_state(&rnd) & 1);
			if (prandom_u32_state(&rnd) % 8)
				continue;
			if (m->c->domains[1])
				fake_detach(m->c, 1);
			else
				attach(m, 1);
			check(m, "after an attach or detach");
		}
	}
	end_model(m);
}

static struct kunit_case unmap_model_cases[] = {
	KUNIT_CASE_PARAM(every_range_of_every_layout, kind_gen_params),
	KUNIT_CASE_PARAM(every_range_at_the_end_of_the_space, kind_gen_params),
	KUNIT_CASE_PARAM(every_range_of_shifted_pieces, kind_gen_params),
	KUNIT_CASE_PARAM(every_two_cuts, kind_gen_params),
	KUNIT_CASE_PARAM(every_two_cuts_and_a_replay, kind_gen_params),
	KUNIT_CASE(every_three_cuts),
	KUNIT_CASE_PARAM(random_calls, kind_gen_params),
	{}
};

static struct kunit_suite unmap_model_suite = {
	.name = "t1x_unmap_model",
	.init = fake_container_init,
	.exit = fake_container_exit,
	.test_cases = unmap_model_cases,
};

kunit_test_suite(unmap_model_suite);
