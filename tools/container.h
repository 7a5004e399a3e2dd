/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The containers that vfio_iommu_type1x serves, as its debugfs tells of them.
 * Keys that are not known here are passed over: later modules may say more.
 */
#ifndef T1X_CONTAINER_H
#define T1X_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

#define T1X_DEBUGFS "/sys/kernel/debug/vfio_type1x"

struct t1x_window { /* IOVAs that can be mapped */
	u64 first;
	u64 last;
};

struct t1x_domain {
	u64 number;
	u64 pgsizes;
	bool coherent;
};

struct t1x_group {
	u64 number;
	bool emulated;
	u64 domain; /* unless it is emulated */
};

struct t1x_device {
	const char *name;
	u64 group;
};

struct t1x_container {
	unsigned long id;
	const char *type;
	u64 owner;
	const char *comm;
	u64 pgsizes;
	u64 subset; /* 0: no choice was made */

	struct t1x_window *windows;
	size_t nr_windows;
	struct t1x_domain *domains;
	size_t nr_domains;
	struct t1x_group *groups;
	size_t nr_groups;
	struct t1x_device *devices;
	size_t nr_devices;

	char *text; /* that the strings are in */
};

/*
 * The ids of all containers, smallest first; *n is how many. False and told where
 * the folder cannot be read.
 */
bool t1x_container_ids(unsigned long **ids, size_t *n);

/* A file of a container, or one of all, to be freed; NULL and told */
char *t1x_container_file(unsigned long id, const char *name);
char *t1x_containers_file(const char *name);

/* Tell that there is no such container */
void t1x_container_none(unsigned long id);

/* False where it cannot be read; it then has an id and nothing else */
bool t1x_container_find(struct t1x_container *container, unsigned long id);
/* The same, and told */
bool t1x_container_read(struct t1x_container *container, unsigned long id);
void t1x_container_free(struct t1x_container *container);

/* The containers that can be read, without those that were closed meanwhile */
bool t1x_containers_read(struct t1x_container **containers, size_t *n);
void t1x_containers_free(struct t1x_container *containers, size_t n);

#endif
