// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend.h"
#include "target.h"

static const char *const names[] = { "type1", "type1x", "iommufd", "limit" };

const char *backend_name(enum backend backend)
{
	return names[backend];
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

const char *backend_missing(enum backend backend)
{
	if (backend == IOMMUFD)
		return access("/dev/iommu", F_OK) ?
			       "this kernel is built without iommufd" :
			       NULL;
	return t1x_module_path(module_of(backend)) ? NULL : "no such module";
}

void backend_load(enum backend backend)
{
	if (backend == IOMMUFD)
		return;

	setenv("BACKEND", names[backend], 1);
	t1x_require(t1x_module_insert(module_of(backend)),
		    "no file of %s in /modules", module_of(backend));
}

void backend_unload(enum backend backend)
{
	if (backend != IOMMUFD)
		t1x_module_remove(module_of(backend));
}

/* The device's own file, by its number in /dev/vfio/devices */
static int open_device(const char *bdf)
{
	char path[300];
	struct dirent *entry;
	DIR *dir;
	int fd = -1;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	t1x_require(dir, "%s: vfio gives it no file of its own", bdf);
	while (fd < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
			 entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	t1x_require(fd >= 0, "%s: %s: %s", bdf, path, strerror(errno));
	return fd;
}

static void open_ioas(struct target *target, const char *bdf)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
	};
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	target->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	t1x_require(target->iommufd >= 0, "/dev/iommu: %s", strerror(errno));
	target->device = open_device(bdf);
	bind.iommufd = target->iommufd;
	t1x_require(!ioctl(target->device, VFIO_DEVICE_BIND_IOMMUFD, &bind),
		    "%s: BIND_IOMMUFD: %s", bdf, strerror(errno));
	t1x_require(!ioctl(target->iommufd, IOMMU_IOAS_ALLOC, &alloc),
		    "IOAS_ALLOC: %s", strerror(errno));
	target->ioas = alloc.out_ioas_id;
	attach.pt_id = target->ioas;
	t1x_require(!ioctl(target->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			   &attach),
		    "%s: ATTACH_IOMMUFD_PT: %s", bdf, strerror(errno));
}

void target_open(struct target *target, enum backend backend, const char *bdf)
{
	memset(target, 0, sizeof(*target));
	target->backend = backend;
	if (!bdf)
		bdf = t1x_any_device();
	if (backend == IOMMUFD)
		open_ioas(target, bdf);
	else
		t1x_open(&target->c, VFIO_TYPE1v2_IOMMU, bdf);
}

void target_close(struct target *target)
{
	if (target->backend != IOMMUFD) {
		t1x_close(&target->c);
		return;
	}
	close(target->device);
	close(target->iommufd);
}

static void map_ioas(struct target *target, const void *vaddr, u64 iova,
		     u64 size)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = target->ioas,
		.user_va = (unsigned long)vaddr,
		.iova = iova,
		.length = size,
	};

	t1x_require(!ioctl(target->iommufd, IOMMU_IOAS_MAP, &map),
		    "IOAS_MAP of 0x%lx bytes at 0x%lx: %s", size, iova,
		    strerror(errno));
}

void target_map(struct target *target, const void *vaddr, u64 iova, u64 size)
{
	if (target->backend == IOMMUFD)
		map_ioas(target, vaddr, iova, size);
	else
		t1x_map(&target->c, vaddr, iova, size);
}

static void unmap_ioas(struct target *target, u64 iova, u64 size)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = target->ioas,
		.iova = iova,
		.length = size,
	};

	t1x_require(!ioctl(target->iommufd, IOMMU_IOAS_UNMAP, &unmap),
		    "IOAS_UNMAP of 0x%lx bytes at 0x%lx: %s", size, iova,
		    strerror(errno));
	t1x_require(unmap.length == size,
		    "IOAS_UNMAP of 0x%lx bytes at 0x%lx removed 0x%llx", size,
		    iova, unmap.length);
}

void target_unmap(struct target *target, u64 iova, u64 size)
{
	if (target->backend == IOMMUFD)
		unmap_ioas(target, iova, size);
	else
		t1x_unmap(&target->c, iova, size);
}

static void drop_ioas(struct target *target)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};
	struct iommu_destroy destroy = {
		.size = sizeof(destroy),
		.id = target->ioas,
	};

	t1x_require(!ioctl(target->device, VFIO_DEVICE_DETACH_IOMMUFD_PT,
			   &detach),
		    "DETACH_IOMMUFD_PT: %s", strerror(errno));
	t1x_require(!ioctl(target->iommufd, IOMMU_DESTROY, &destroy),
		    "IOMMU_DESTROY: %s", strerror(errno));
}

void target_drop(struct target *target)
{
	if (target->backend == IOMMUFD) {
		drop_ioas(target);
		return;
	}
	t1x_require(!ioctl(target->c.group[0].fd, VFIO_GROUP_UNSET_CONTAINER),
		    "UNSET_CONTAINER: %s", strerror(errno));
}
