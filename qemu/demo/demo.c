// SPDX-License-Identifier: GPL-2.0-only
/*
 * The demo's own VFIO user: opens a container, lets the edu device read and write mapped memory,
 * unmaps it and lets the device try again. Prints one "row LABEL|TEXT" for each thing shown and
 * exits non-zero at the first that is not so.
 *
 *	demo dma GROUP BDF MODULE	the DMA before and after UNMAP
 *	demo huge GROUP BDF MODULE	one MAP of hugetlb memory
 *	demo seen GROUP BDF MODULE	several mappings and a MAP that fails, told by vfio-type1x
 */
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

#include "../module_refcnt.h"

#define PAGE 4096UL
/* QEMU 7.2 stops at a transfer that fills edu's buffer of 4096 bytes to the end */
#define XFER 2048UL
#define SRC_IOVA 0x10000000UL
#define DST_IOVA 0x20000000UL
#define HUGE_IOVA 0x40000000UL
#define HUGE_SIZE (64UL << 20)

/* edu's registers and its own memory; a transfer takes it 100 ms */
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_CMD 0x98
#define EDU_CMD_RUN 1
#define EDU_CMD_TO_RAM 2
#define EDU_BUFFER 0x40000

static int container, device;
static volatile uint8_t *regs;

static void row(const char *label, const char *fmt, ...)
{
	va_list args;

	printf("row %s|", label);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

static void die(const char *fmt, ...)
{
	va_list args;

	printf("row FAILED|");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	exit(1);
}

/* vfio falls back silently to another backend: only the reference count tells which one serves. */
static void open_device(const char *group_nr, const char *bdf,
			const char *module)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_region_info bar = {
		.argsz = sizeof(bar),
		.index = VFIO_PCI_BAR0_REGION_INDEX,
	};
	struct vfio_region_info config = {
		.argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	int before = module_refcnt(module);
	char path[64];
	uint16_t cmd;
	int group;

	container = open("/dev/vfio/vfio", O_RDWR);
	if (container < 0)
		die("/dev/vfio/vfio: %s", strerror(errno));

	snprintf(path, sizeof(path), "/dev/vfio/%s", group_nr);
	group = open(path, O_RDWR);
	if (group < 0)
		die("%s: %s", path, strerror(errno));

	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status) ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		die("IOMMU group %s is not viable: a device of it has another driver",
		    group_nr);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
		die("VFIO_GROUP_SET_CONTAINER: %s", strerror(errno));
	if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		die("VFIO_SET_IOMMU: %s", strerror(errno));
	if (module_refcnt(module) <= before)
		die("the container is not served by %s", module);

	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0)
		die("%s: %s", bdf, strerror(errno));
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
	    ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config))
		die("regions of %s: %s", bdf, strerror(errno));

	regs = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		    bar.offset);
	if (regs == MAP_FAILED)
		die("BAR 0 of %s: %s", bdf, strerror(errno));

	if (pread(device, &cmd, sizeof(cmd), config.offset + PCI_COMMAND) !=
	    sizeof(cmd))
		die("config space of %s: %s", bdf, strerror(errno));
	cmd |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	if (pwrite(device, &cmd, sizeof(cmd), config.offset + PCI_COMMAND) !=
	    sizeof(cmd))
		die("config space of %s: %s", bdf, strerror(errno));
}

static void map(void *vaddr, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};

	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &arg))
		die("VFIO_IOMMU_MAP_DMA of 0x%lx: %s", iova, strerror(errno));
}

static void unmap(uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.iova = iova,
		.size = size,
	};

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg) || arg.size != size)
		die("VFIO_IOMMU_UNMAP_DMA of 0x%lx: %s", iova, strerror(errno));
}

static void edu_dma(uint64_t src, uint64_t dst, uint64_t cmd)
{
	int tries;

	*(volatile uint64_t *)(regs + EDU_DMA_SRC) = src;
	*(volatile uint64_t *)(regs + EDU_DMA_DST) = dst;
	*(volatile uint64_t *)(regs + EDU_DMA_COUNT) = XFER;
	*(volatile uint64_t *)(regs + EDU_DMA_CMD) = cmd | EDU_CMD_RUN;
	for (tries = 0; tries < 500; tries++) {
		if (!(*(volatile uint64_t *)(regs + EDU_DMA_CMD) & EDU_CMD_RUN))
			return;
		usleep(10000);
	}
	die("edu did not finish a transfer in 5 s");
}

static void *memory(size_t size, int flags)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | flags, -1,
			 0);

	if (mem == MAP_FAILED)
		die("%zu bytes of memory: %s", size, strerror(errno));
	return mem;
}

static void show_dma(const char *bdf, const char *module)
{
	uint8_t *src = memory(PAGE, 0), *dst = memory(PAGE, 0),
		*poison = memory(PAGE, 0);
	unsigned int i;

	row("backend",
	    "%s serves the container (references: %d; vfio_iommu_type1: %s)",
	    module, module_refcnt(module),
	    access("/sys/module/vfio_iommu_type1", F_OK) ? "not loaded" :
							   "loaded");

	for (i = 0; i < PAGE; i++)
		src[i] = i * 7 + 3;
	memset(poison, 0x5a, PAGE);
	memcpy(dst, poison, PAGE);

	map(src, SRC_IOVA, PAGE);
	map(dst, DST_IOVA, PAGE);
	edu_dma(SRC_IOVA, EDU_BUFFER, 0);
	edu_dma(EDU_BUFFER, DST_IOVA, EDU_CMD_TO_RAM);
	if (memcmp(src, dst, XFER) || memcmp(dst + XFER, poison, PAGE - XFER))
		die("edu's copy of 0x%lx at 0x%lx differs", SRC_IOVA, DST_IOVA);
	row("DMA", "%s read IOVA 0x%lx, wrote IOVA 0x%lx: all %lu bytes landed",
	    bdf, SRC_IOVA, DST_IOVA, XFER);

	unmap(DST_IOVA, PAGE);
	memcpy(dst, poison, PAGE);
	edu_dma(EDU_BUFFER, DST_IOVA, EDU_CMD_TO_RAM);
	if (memcmp(dst, poison, PAGE))
		die("edu wrote to 0x%lx after UNMAP", DST_IOVA);
	row("after UNMAP",
	    "the same DMA to IOVA 0x%lx changed nothing in the page", DST_IOVA);
}

static long vmstat(const char *name)
{
	char key[64];
	long value;
	FILE *file;

	/* Otherwise the counts of the last second are still with their CPUs. */
	if (system("echo 1 >/proc/sys/vm/stat_refresh"))
		return -1;
	file = fopen("/proc/vmstat", "r");
	while (file && fscanf(file, "%63s %ld", key, &value) == 2) {
		if (!strcmp(key, name)) {
			fclose(file);
			return value;
		}
	}
	if (file)
		fclose(file);
	return -1;
}

static void show_huge(void)
{
	void *mem = memory(HUGE_SIZE, MAP_HUGETLB);
	long before, after;

	before = vmstat("nr_iommu_pages");
	map(mem, HUGE_IOVA, HUGE_SIZE);
	after = vmstat("nr_iommu_pages");
	printf("tables %ld\n", before < 0 ? -1 : after - before);
	unmap(HUGE_IOVA, HUGE_SIZE);
}

static void show_command(const char *command)
{
	printf("text %s\ntext # %s\n", "", command);
	fflush(stdout);
	if (system(command))
		die("%s failed", command);
}

/* As a client has it: much in huge pages, some beside them, and a mistake */
static void show_seen(void)
{
	struct vfio_iommu_type1_dma_map overlap = {
		.argsz = sizeof(overlap),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.iova = HUGE_IOVA + PAGE,
		.size = PAGE,
	};
	char *huge = memory(HUGE_SIZE + (2 << 20), MAP_HUGETLB);
	char *small = memory(1 << 20, 0);

	map(small, 0, 0xa0000);
	map(small, 0x100000, PAGE);
	map(huge, HUGE_IOVA, HUGE_SIZE);
	map(huge + HUGE_SIZE, 2 * HUGE_IOVA + PAGE, 2 << 20);
	overlap.vaddr = (uintptr_t)small;
	if (!ioctl(container, VFIO_IOMMU_MAP_DMA, &overlap))
		die("a MAP over another one succeeded");

	show_command("vfio-type1x status");
	show_command("vfio-type1x maps");
	show_command("vfio-type1x huge");
	show_command("vfio-type1x explain");
}

int main(int argc, char **argv)
{
	if (argc != 5)
		die("usage: demo dma|huge|seen GROUP BDF MODULE");

	open_device(argv[2], argv[3], argv[4]);
	if (!strcmp(argv[1], "dma"))
		show_dma(argv[3], argv[4]);
	else if (!strcmp(argv[1], "huge"))
		show_huge();
	else
		show_seen();
	return 0;
}
