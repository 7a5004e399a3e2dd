// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"

#define PCI_COMMAND 4
#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_MASTER 0x4

static void region_info(struct t1x_device *dev, unsigned int index,
			struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	t1x_require(!ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, info),
		    "%s: region %u: %s", dev->bdf, index, strerror(errno));
}

static void set_command(struct t1x_device *dev, u16 clear, u16 set)
{
	struct vfio_region_info config;
	u16 command;
	off_t at;

	region_info(dev, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	at = config.offset + PCI_COMMAND;
	t1x_require(pread(dev->fd, &command, 2, at) == 2,
		    "%s: reading the command register: %s", dev->bdf,
		    strerror(errno));
	command = (command & ~clear) | set;
	t1x_require(pwrite(dev->fd, &command, 2, at) == 2,
		    "%s: writing the command register: %s", dev->bdf,
		    strerror(errno));
}

void t1x_device_decode(struct t1x_device *dev, bool on)
{
	set_command(dev, PCI_COMMAND_MEMORY, on ? PCI_COMMAND_MEMORY : 0);
}

void t1x_device_adopt(struct t1x_device *dev, int fd, const char *bdf)
{
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	dev->fd = fd;
	set_command(dev, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void t1x_device_open(struct t1x_device *dev, struct t1x *c, const char *bdf)
{
	int i, fd;

	for (i = 0; i < c->ngroups; i++)
		if (!strcmp(c->group[i].bdf, bdf))
			break;
	t1x_require(i < c->ngroups, "%s is not in the container", bdf);

	fd = ioctl(c->group[i].fd, VFIO_GROUP_GET_DEVICE_FD, bdf);
	t1x_require(fd >= 0, "%s: GET_DEVICE_FD: %s: bind it to vfio-pci", bdf,
		    strerror(errno));
	t1x_device_adopt(dev, fd, bdf);
}

void t1x_device_close(struct t1x_device *dev)
{
	if (dev->fd > 0)
		close(dev->fd);
	dev->fd = -1;
}

u64 t1x_device_bar_size(struct t1x_device *dev, int bar)
{
	struct vfio_region_info info;

	region_info(dev, VFIO_PCI_BAR0_REGION_INDEX + bar, &info);
	return info.flags & VFIO_REGION_INFO_FLAG_MMAP ? info.size : 0;
}

u64 t1x_device_bar_phys(struct t1x_device *dev, int bar)
{
	u64 start;
	char path[128], text[1024];
	char *line = text;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource",
		 dev->bdf);
	t1x_require(!t1x_read_text(path, text, sizeof(text)), "no %s", path);
	while (bar-- && line)
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
	start = line ? strtoull(line, NULL, 16) : 0;
	t1x_require(start, "%s: no such BAR", dev->bdf);
	return start;
}

void *t1x_device_bar_map_at(struct t1x_device *dev, int bar, size_t len,
			    int prot, void *at)
{
	struct vfio_region_info info;
	void *mem;

	region_info(dev, VFIO_PCI_BAR0_REGION_INDEX + bar, &info);
	mem = mmap(at, len ? len : info.size, prot,
		   MAP_SHARED | (at ? MAP_FIXED : 0), dev->fd, info.offset);
	t1x_require(mem != MAP_FAILED, "%s: mapping BAR %d: %s", dev->bdf, bar,
		    strerror(errno));
	return mem;
}

void *t1x_device_bar_map(struct t1x_device *dev, int bar, size_t len, int prot)
{
	return t1x_device_bar_map_at(dev, bar, len, prot, NULL);
}
