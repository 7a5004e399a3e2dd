/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The modules that can serve containers, and which one does.
 */
#ifndef T1X_MODULE_H
#define T1X_MODULE_H

#include <stdbool.h>

#include "text.h"

#define T1X_OURS "vfio_iommu_type1x"
#define T1X_INTREE "vfio_iommu_type1"

struct t1x_module {
	bool loaded; /* or built in */
	bool builtin;
	bool counted;
	u64 refs; /* if counted: one at least for each container */
};

bool t1x_module_loaded(const char *name);
/* The core of vfio, loaded or built in */
bool t1x_vfio_loaded(void);
void t1x_module_read(struct t1x_module *module, const char *name);

/* Is this parameter of ours set, one that is yes or no? */
bool t1x_module_set(const char *parameter);

/*
 * Who serves the containers that are opened from now on: T1X_OURS, T1X_INTREE or
 * NULL. vfio asks the backend first that was registered last.
 */
const char *t1x_module_serving(void);

#endif
