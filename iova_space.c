// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOVA space that a container may map. See include/iova_space.h.
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "iova_space.h"

/**
 * t1x_iova_init() - Make an unrestricted space
 * @space: Space to initialise
 */
void t1x_iova_init(struct t1x_iova_space *space)
{
	*space = (struct t1x_iova_space){};
}

/**
 * t1x_iova_destroy() - Free the ranges of a space
 * @space: Space; unrestricted afterwards
 *
 * Context: May sleep.
 */
void t1x_iova_destroy(struct t1x_iova_space *space)
{
	kfree(space->ranges);
	t1x_iova_init(space);
}

static int reserve(struct t1x_iova_space *space, unsigned int nr)
{
	struct t1x_iova_range *ranges;
	unsigned int max;

	if (nr <= space->max)
		return 0;

	max = max(4u, 2 * nr);
	ranges = krealloc(space->ranges, array_size(max, sizeof(*ranges)),
			  GFP_KERNEL_ACCOUNT);
	if (!ranges)
		return -ENOMEM;

	space->ranges = ranges;
	space->max = max;
	return 0;
}

static void remove_at(struct t1x_iova_space *space, unsigned int i)
{
	space->nr--;
	memmove(&space->ranges[i], &space->ranges[i + 1],
		(space->nr - i) * sizeof(*space->ranges));
}

/**
 * t1x_iova_add() - Append a range above all others
 * @space: Space
 * @iova: First byte, above every byte of @space
 * @last: Last byte, inclusive
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM. On failure nothing changed.
 */
int t1x_iova_add(struct t1x_iova_space *space, unsigned long iova,
		 unsigned long last)
{
	int ret = reserve(space, space->nr + 1);

	if (ret)
		return ret;

	space->ranges[space->nr].iova = iova;
	space->ranges[space->nr].last = last;
	space->nr++;
	return 0;
}

/**
 * t1x_iova_clip() - Keep only what lies inside an aperture
 * @space: Space that has ranges
 * @iova: First byte of the aperture
 * @last: Last byte of the aperture, inclusive
 *
 * The space has no range left if it is disjoint from the aperture. The caller
 * must refuse it then, because a space without ranges allows everything.
 */
void t1x_iova_clip(struct t1x_iova_space *space, unsigned long iova,
		   unsigned long last)
{
	unsigned int i = 0;

	while (i < space->nr) {
		struct t1x_iova_range *range = &space->ranges[i];

		if (range->last < iova || range->iova > last) {
			remove_at(space, i);
			continue;
		}
		range->iova = max(range->iova, iova);
		range->last = min(range->last, last);
		i++;
	}
}

/**
 * t1x_iova_exclude() - Take a reserved region out
 * @space: Space that has ranges
 * @iova: First byte of the region
 * @last: Last byte of the region, inclusive
 *
 * As with t1x_iova_clip(), the caller must refuse a space that has no range left.
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM. On failure nothing changed.
 */
int t1x_iova_exclude(struct t1x_iova_space *space, unsigned long iova,
		     unsigned long last)
{
	unsigned int i = 0;
	int ret;

	/* A region splits at most one range, which needs one more entry. */
	ret = reserve(space, space->nr + 1);
	if (ret)
		return ret;

	while (i < space->nr) {
		struct t1x_iova_range *range = &space->ranges[i];
		bool keep_below = range->iova < iova;
		bool keep_above = range->last > last;

		if (range->last < iova || range->iova > last) {
			i++;
		} else if (keep_below && keep_above) {
			memmove(range + 1, range,
				(space->nr - i) * sizeof(*range));
			space->nr++;
			range[0].last = iova - 1;
			range[1].iova = last + 1;
			break;
		} else if (keep_below) {
			range->last = iova - 1;
			i++;
		} else if (keep_above) {
			range->iova = last + 1;
			i++;
		} else {
			remove_at(space, i);
		}
	}

	return 0;
}

/**
 * t1x_iova_contains() - May a range be mapped?
 * @space: Space
 * @iova: First byte of the range
 * @last: Last byte of the range, inclusive
 *
 * Return: true if one range of @space covers it all, or if @space is
 * unrestricted.
 */
bool t1x_iova_contains(const struct t1x_iova_space *space, unsigned long iova,
		       unsigned long last)
{
	unsigned int i;

	for (i = 0; i < space->nr; i++) {
		if (space->ranges[i].iova <= iova &&
		    last <= space->ranges[i].last)
			return true;
	}

	return !space->nr;
}

/**
 * t1x_iova_gap() - What may not be mapped
 * @space: Space that has ranges
 * @iova: Where to begin to look
 *
 * Return: The first gap that ends at or above @iova. If there is none, the last byte
 * there is.
 */
struct t1x_iova_range t1x_iova_gap(const struct t1x_iova_space *space,
				   unsigned long iova)
{
	struct t1x_iova_range gap = { .iova = 0, .last = ULONG_MAX };
	unsigned int i;

	for (i = 0; i < space->nr; i++) {
		const struct t1x_iova_range *range = &space->ranges[i];

		if (range->iova > gap.iova && range->iova > iova) {
			gap.last = range->iova - 1;
			return gap;
		}
		gap.iova = range->last;
		if (gap.iova != ULONG_MAX)
			gap.iova++;
	}

	return gap;
}

/**
 * t1x_iova_swap() - Exchange two spaces
 * @a: One space
 * @b: Another space
 *
 * Cannot fail: the last step of an attach or detach that has succeeded.
 */
void t1x_iova_swap(struct t1x_iova_space *a, struct t1x_iova_space *b)
{
	swap(*a, *b);
}
