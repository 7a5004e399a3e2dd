/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second IOMMU domain in a container: t1x_second_domain.ko makes a group
 * refuse to join the first one.
 */
#ifndef T1X_SECOND_DOMAIN_H
#define T1X_SECOND_DOMAIN_H

#include "container.h"

/* Before any group is attached; false where the guest has no such module */
bool t1x_second_domain_load(void);
/* 0 or -errno; also where it was not loaded by this test */
int t1x_second_domain_unload(void);

/* Adds the group of bdf in a domain of its own */
void t1x_add_in_second_domain(struct t1x *c, const char *bdf);
/* How many attaches fail from now on, whatever the domain */
void t1x_refuse_attaches(unsigned long n);

#endif
