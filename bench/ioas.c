// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../selftests/t1x_emu/t1x_emu.h"
#include "ioas.h"

#define PCI_SYSFS "/sys/bus/pci/devices"
#define MAP_FLAGS                                              \
	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | \
	 IOMMU_IOAS_MAP_WRITEABLE)

/* The device's own file, by its number in /dev/vfio/devices */
static int open_device(const char *name)
{
	const char *bus = strncmp(name, "t1x_emu.", 8) ? PCI_SYSFS :
							 T1X_EMU_SYSFS;
	char path[300];
	struct dirent *entry;
	DIR *dir;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/%s/vfio-dev", bus, name);
	dir = opendir(path);
	t1x_require(dir, "%s: vfio gives it no file of its own", name);
	while (fd < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
			 entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	t1x_require(fd >= 0, "%s: %s: %s", name, path, strerror(errno));
	return fd;
}

static void attach(const struct ioas_device *device, u32 pt)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt,
	};

	t1x_require(!ioctl(device->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach),
		    "ATTACH_IOMMUFD_PT: %s", strerror(errno));
}

static void detach(const struct ioas_device *device)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	t1x_require(!ioctl(device->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach),
		    "DETACH_IOMMUFD_PT: %s", strerror(errno));
}

static void destroy(const struct ioas *ioas, u32 id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	t1x_require(!ioctl(ioas->fd, IOMMU_DESTROY, &destroy),
		    "IOMMU_DESTROY: %s", strerror(errno));
}

/* Page tables for one device, with all that is mapped; 0 or -errno */
static int alloc_pt(const struct ioas *ioas, struct ioas_device *device,
		    u32 flags)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = flags,
		.dev_id = device->id,
		.pt_id = ioas->id,
	};

	if (ioctl(ioas->fd, IOMMU_HWPT_ALLOC, &alloc))
		return -errno;
	device->pt = alloc.out_hwpt_id;
	return 0;
}

void ioas_bind(struct ioas *ioas, struct ioas_device *device, const char *name)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = ioas->fd,
	};

	device->fd = open_device(name);
	device->pt = 0;
	t1x_require(!ioctl(device->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind),
		    "%s: BIND_IOMMUFD: %s", name, strerror(errno));
	device->id = bind.out_devid;
}

void ioas_unbind(struct ioas_device *device)
{
	close(device->fd);
}

void ioas_attach_alone(struct ioas *ioas, struct ioas_device *device)
{
	int ret = alloc_pt(ioas, device, 0);

	t1x_require(!ret, "HWPT_ALLOC: %s", strerror(-ret));
	attach(device, device->pt);
}

void ioas_detach_alone(struct ioas *ioas, struct ioas_device *device)
{
	detach(device);
	destroy(ioas, device->pt);
	device->pt = 0;
}

void ioas_open(struct ioas *ioas, const char *name)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	ioas->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	t1x_require(ioas->fd >= 0, "/dev/iommu: %s", strerror(errno));
	ioas_bind(ioas, &ioas->device, name);
	t1x_require(!ioctl(ioas->fd, IOMMU_IOAS_ALLOC, &alloc),
		    "IOAS_ALLOC: %s", strerror(errno));
	ioas->id = alloc.out_ioas_id;
	attach(&ioas->device, ioas->id);
}

void ioas_close(struct ioas *ioas)
{
	ioas_unbind(&ioas->device);
	close(ioas->fd);
}

void ioas_map(struct ioas *ioas, const void *vaddr, u64 iova, u64 size)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = ioas->id,
		.user_va = (unsigned long)vaddr,
		.iova = iova,
		.length = size,
	};

	t1x_require(!ioctl(ioas->fd, IOMMU_IOAS_MAP, &map),
		    "IOAS_MAP of 0x%lx bytes at 0x%lx: %s", size, iova,
		    strerror(errno));
}

void ioas_map_file(struct ioas *ioas, int fd, u64 iova, u64 size)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = ioas->id,
		.fd = fd,
		.length = size,
		.iova = iova,
	};

	t1x_require(!ioctl(ioas->fd, IOMMU_IOAS_MAP_FILE, &map),
		    "IOAS_MAP_FILE of 0x%lx bytes at 0x%lx: %s", size, iova,
		    strerror(errno));
}

void ioas_unmap(struct ioas *ioas, u64 iova, u64 size)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = ioas->id,
		.iova = iova,
		.length = size,
	};

	t1x_require(!ioctl(ioas->fd, IOMMU_IOAS_UNMAP, &unmap),
		    "IOAS_UNMAP of 0x%lx bytes at 0x%lx: %s", size, iova,
		    strerror(errno));
	t1x_require(unmap.length == size,
		    "IOAS_UNMAP of 0x%lx bytes at 0x%lx removed 0x%llx", size,
		    iova, unmap.length);
}

void ioas_drop(struct ioas *ioas)
{
	detach(&ioas->device);
	destroy(ioas, ioas->id);
}

int ioas_bar(struct ioas *ioas, int bar, u64 size)
{
	size_t len = sizeof(struct vfio_device_feature) +
		     sizeof(struct vfio_device_feature_dma_buf) +
		     sizeof(struct vfio_region_dma_range);
	struct vfio_device_feature *feature = calloc(1, len);
	struct vfio_device_feature_dma_buf *buf;
	int fd;

	t1x_require(feature, "no memory to ask for a BAR");
	buf = (struct vfio_device_feature_dma_buf *)feature->data;
	feature->argsz = len;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	buf->region_index = VFIO_PCI_BAR0_REGION_INDEX + bar;
	buf->open_flags = O_RDWR | O_CLOEXEC;
	buf->nr_ranges = 1;
	buf->dma_ranges[0].length = size;
	fd = ioctl(ioas->device.fd, VFIO_DEVICE_FEATURE, feature);
	if (fd < 0)
		fd = -errno;
	free(feature);
	return fd;
}

int ioas_dirty_start(struct ioas *ioas)
{
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};
	int ret =
		alloc_pt(ioas, &ioas->device, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);

	if (ret)
		return ret;
	attach(&ioas->device, ioas->device.pt);
	set.hwpt_id = ioas->device.pt;
	t1x_require(!ioctl(ioas->fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set),
		    "SET_DIRTY_TRACKING: %s", strerror(errno));
	return 0;
}

void ioas_dirty_get(struct ioas *ioas, u64 iova, u64 size, u64 *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = ioas->device.pt,
		.iova = iova,
		.length = size,
		.page_size = T1X_PAGE,
		.data = (unsigned long)bitmap,
	};

	t1x_require(!ioctl(ioas->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get),
		    "GET_DIRTY_BITMAP: %s", strerror(errno));
}
