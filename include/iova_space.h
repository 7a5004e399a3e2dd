/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOVA space that a container may map: the intersection of the apertures of
 * its domains, minus the reserved regions of its groups, as a sorted array of
 * disjoint ranges. Units are bytes; "last" is inclusive.
 *
 * A space without ranges is unrestricted: that of a container which has no
 * IOMMU domain. A space is built aside and swapped in, so that a failing attach
 * changes nothing. The owner of a space serialises all calls on it.
 */
#ifndef T1X_IOVA_SPACE_H
#define T1X_IOVA_SPACE_H

#include <linux/types.h>

struct t1x_iova_range {
	unsigned long iova;
	unsigned long last;
};

struct t1x_iova_space {
	struct t1x_iova_range *ranges;
	unsigned int nr;
	unsigned int max;
};

void t1x_iova_init(struct t1x_iova_space *space);
void t1x_iova_destroy(struct t1x_iova_space *space);
int t1x_iova_add(struct t1x_iova_space *space, unsigned long iova,
		 unsigned long last);
void t1x_iova_clip(struct t1x_iova_space *space, unsigned long iova,
		   unsigned long last);
int t1x_iova_exclude(struct t1x_iova_space *space, unsigned long iova,
		     unsigned long last);
bool t1x_iova_contains(const struct t1x_iova_space *space, unsigned long iova,
		       unsigned long last);
struct t1x_iova_range t1x_iova_gap(const struct t1x_iova_space *space,
				   unsigned long iova);
void t1x_iova_swap(struct t1x_iova_space *a, struct t1x_iova_space *b);

#endif /* T1X_IOVA_SPACE_H */
