// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend.h"
#include "target.h"

static const char *const names[NR_BACKENDS] = {
	[TYPE1] = "type1",	 [TYPE1X] = "type1x",
	[IOMMUFD] = "iommufd",	 [LIMIT] = "limit",
	[UNTRACED] = "untraced", [UNJOURNALED] = "unjournaled",
};

const char *backend_name(enum backend backend)
{
	return names[backend];
}

bool backend_lacks(enum backend backend)
{
	return backend == UNTRACED || backend == UNJOURNALED;
}

static const char *module_of(enum backend backend)
{
	switch (backend) {
	case TYPE1:
		return T1X_MODULE_INTREE;
	case LIMIT:
		return T1X_MODULE_LIMIT;
	default:
		return T1X_MODULE_OURS;
	}
}

/* The name of its file in /modules */
static const char *file_of(enum backend backend)
{
	static char name[64];

	if (!backend_lacks(backend))
		return module_of(backend);
	snprintf(name, sizeof(name), "%s/" T1X_MODULE_OURS, names[backend]);
	return name;
}

const char *backend_missing(enum backend backend)
{
	if (backend == IOMMUFD)
		return access("/dev/iommu", F_OK) ?
			       "this kernel is built without iommufd" :
			       NULL;
	return t1x_module_path(file_of(backend)) ? NULL : "no such module";
}

/*
 * Linux 7.3 finds no interrupt remapping in QEMU's AMD-Vi: a device goes to nobody who
 * does not allow that. What is counted raises no interrupt.
 */
static void allow_interrupts(enum backend backend)
{
	if (backend == IOMMUFD)
		t1x_write_text(
			"/sys/module/iommufd/parameters/allow_unsafe_interrupts",
			"1");
	else if (backend != LIMIT)
		t1x_param_set("allow_unsafe_interrupts", 1);
}

void backend_load(enum backend backend)
{
	if (backend != IOMMUFD) {
		setenv("BACKEND",
		       names[backend_lacks(backend) ? TYPE1X : backend], 1);
		t1x_require(t1x_module_insert(file_of(backend)),
			    "no file of %s in /modules", file_of(backend));
	}
	allow_interrupts(backend);
}

void backend_unload(enum backend backend)
{
	if (backend != IOMMUFD)
		t1x_module_remove(module_of(backend));
}

void target_open(struct target *target, enum backend backend, const char *bdf)
{
	memset(target, 0, sizeof(*target));
	target->backend = backend;
	if (!bdf)
		bdf = t1x_any_device();
	if (backend == IOMMUFD)
		ioas_open(&target->ioas, bdf);
	else
		t1x_open(&target->c, VFIO_TYPE1v2_IOMMU, bdf);
}

void target_close(struct target *target)
{
	if (target->backend == IOMMUFD)
		ioas_close(&target->ioas);
	else
		t1x_close(&target->c);
}

void target_map(struct target *target, const void *vaddr, u64 iova, u64 size)
{
	if (target->backend == IOMMUFD)
		ioas_map(&target->ioas, vaddr, iova, size);
	else
		t1x_map(&target->c, vaddr, iova, size);
}

void target_unmap(struct target *target, u64 iova, u64 size)
{
	if (target->backend == IOMMUFD)
		ioas_unmap(&target->ioas, iova, size);
	else
		t1x_unmap(&target->c, iova, size);
}

void target_drop(struct target *target)
{
	if (target->backend == IOMMUFD) {
		ioas_drop(&target->ioas);
		return;
	}
	t1x_require(!ioctl(target->c.group[0].fd, VFIO_GROUP_UNSET_CONTAINER),
		    "UNSET_CONTAINER: %s", strerror(errno));
}
