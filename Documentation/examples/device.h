/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both examples need beside the ioctls that they show: a container with one
 * device, and QEMU's edu device (-device edu,dma_mask=0xffffffffffffffff), which
 * copies up to 4 KiB between its own buffer and any IOVA, in 100 ms.
 *
 * Exit codes: 1 something failed or is not as it should be, 2 cannot be run here.
 */
#ifndef EXAMPLES_DEVICE_H
#define EXAMPLES_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/vfio_type1x.h>

struct device {
	int container, group, fd;
	volatile uint64_t *regs; /* BAR 0, by words of 64 bits */
};

__attribute((noreturn, format(printf, 2, 3))) static void
stop(int code, const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(code);
}

/* An ioctl that must succeed */
static void call(int fd, unsigned long nr, void *arg, const char *what)
{
	if (ioctl(fd, nr, arg) < 0)
		stop(1, "%s: %s", what, strerror(errno));
}

static int open_group(const char *bdf)
{
	char link[128], target[256], path[300];
	ssize_t len;
	int fd;

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%.64s/iommu_group",
		 bdf);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		stop(2, "%s: no such device, or no IOMMU", bdf);
	target[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(target, '/'));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		stop(2, "%s: %s: is %s bound to vfio-pci?", path,
		     strerror(errno), bdf);
	return fd;
}

/* vfio takes the next backend without a word if one fails: ask who serves */
static void open_container(struct device *dev, const char *bdf)
{
	dev->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (dev->container < 0)
		stop(2, "/dev/vfio/vfio: %s", strerror(errno));
	dev->group = open_group(bdf);
	call(dev->group, VFIO_GROUP_SET_CONTAINER, &dev->container,
	     "VFIO_GROUP_SET_CONTAINER");
	if (ioctl(dev->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		stop(1, "VFIO_SET_IOMMU: %s", strerror(errno));
	if (ioctl(dev->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1X) != 1)
		stop(2, "the container is not served by vfio_iommu_type1x");
}

static uint64_t region(struct device *dev, unsigned int index)
{
	struct vfio_region_info info = { .argsz = sizeof(info),
					 .index = index };

	call(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &info,
	     "VFIO_DEVICE_GET_REGION_INFO");
	return info.offset;
}

#define EDU_ID 0x11e81234 /* as the first word of config space has it */
#define EDU_BAR_SIZE 0x100000

static void open_edu(struct device *dev, const char *bdf)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	uint32_t id = 0;
	uint64_t at;

	dev->fd = ioctl(dev->group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (dev->fd < 0)
		stop(1, "VFIO_GROUP_GET_DEVICE_FD: %s", strerror(errno));
	at = region(dev, VFIO_PCI_CONFIG_REGION_INDEX);
	if (pread(dev->fd, &id, sizeof(id), at) != sizeof(id) || id != EDU_ID)
		stop(2, "%s is not an edu device", bdf);
	if (pwrite(dev->fd, &command, sizeof(command), at + PCI_COMMAND) !=
	    sizeof(command))
		stop(1, "%s: no bus mastering: %s", bdf, strerror(errno));
	dev->regs = mmap(NULL, EDU_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 dev->fd, region(dev, VFIO_PCI_BAR0_REGION_INDEX));
	if (dev->regs == MAP_FAILED)
		stop(1, "%s: BAR 0: %s", bdf, strerror(errno));
}

/* Registers of edu by their index in device.regs, its buffer, its commands */
enum { EDU_SRC = 0x80 / 8, EDU_DST, EDU_COUNT, EDU_CMD };
#define EDU_BUFFER 0x40000
#define EDU_RUN 1
#define EDU_TO_MEMORY 2

static void edu_transfer(struct device *dev, uint64_t src, uint64_t dst,
			 uint64_t len, uint64_t cmd)
{
	int tries;

	dev->regs[EDU_SRC] = src;
	dev->regs[EDU_DST] = dst;
	dev->regs[EDU_COUNT] = len;
	dev->regs[EDU_CMD] = cmd | EDU_RUN;
	for (tries = 0; dev->regs[EDU_CMD] & EDU_RUN; tries++) {
		if (tries == 1000)
			stop(1, "edu did not finish a transfer in 10 s");
		usleep(10000);
	}
}

/* The device reads memory at one IOVA and writes it to another */
static void edu_copy(struct device *dev, uint64_t from, uint64_t to,
		     uint64_t len)
{
	edu_transfer(dev, from, EDU_BUFFER, len, 0);
	edu_transfer(dev, EDU_BUFFER, to, len, EDU_TO_MEMORY);
}

static void *memory(uint64_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		stop(1, "%lu bytes of memory: %s", size, strerror(errno));
	return mem;
}

/* The smallest IOMMU page size, in which all of the ioctls count */
static uint64_t page_size(struct device *dev)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	call(dev->container, VFIO_IOMMU_GET_INFO, &info, "VFIO_IOMMU_GET_INFO");
	return info.iova_pgsizes & -info.iova_pgsizes;
}

#endif
