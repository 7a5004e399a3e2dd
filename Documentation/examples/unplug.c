// SPDX-License-Identifier: GPL-2.0-only
/*
 * unplug PCI-ADDRESS: memory of a guest that comes and goes block by block, as that of virtio-mem
 * does, while devices use the rest.
 *
 * Without a granule there are two ways, both poor. One MAP_DMA for each block costs an entry of
 * dma_entry_limit a block. One for all of the memory cannot be cut: type v2 refuses it, v1 removes
 * all of the mapping or nothing. Here one mapping covers the memory, and blocks are cut out of it.
 * The device is QEMU's edu, which shows by DMA what is mapped and what is not.
 */
#include <stdbool.h>

#include "device.h"

#define IOVA 0x40000000UL
#define BLOCK (2UL << 20)
#define BLOCKS 32UL
#define LEN 512 /* of a transfer */
#define PATTERN 0x40 /* and the number of the block: what is written to it */

static struct device dev;
static uint64_t page;
static char *ram;
static bool plugged[BLOCKS];

static void map_blocks(unsigned long first, unsigned long n)
{
	struct vfio_type1x_map_range map = {
		.argsz = sizeof(map),
		.flags = VFIO_TYPE1X_MAP_FLAG_READ |
			 VFIO_TYPE1X_MAP_FLAG_WRITE |
			 VFIO_TYPE1X_MAP_FLAG_GRANULE,
		.vaddr = (uintptr_t)ram + first * BLOCK,
		.iova = IOVA + first * BLOCK,
		.last = IOVA + (first + n) * BLOCK - 1,
		.granule = BLOCK,
	};

	call(dev.container, VFIO_IOMMU_TYPE1X_MAP_RANGE, &map,
	     "VFIO_IOMMU_TYPE1X_MAP_RANGE");
	memset(plugged + first, true, n);
}

/* Pages that were unmapped, -1 with errno where the range cannot be cut out */
static int64_t unmap(uint64_t iova, uint64_t last)
{
	struct vfio_type1x_unmap_range unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.last = last,
	};

	if (ioctl(dev.container, VFIO_IOMMU_TYPE1X_UNMAP_RANGE, &unmap))
		return -1;
	return unmap.unmapped_pages;
}

/* The device copies a block's first bytes to its second page: is value there then? */
static bool copy_leaves(unsigned long block, char value)
{
	char *mem = ram + block * BLOCK;
	uint64_t iova = IOVA + block * BLOCK;
	int i;

	memset(mem, PATTERN + block, LEN);
	memset(mem + page, 0, LEN);
	edu_copy(&dev, iova, iova + page, LEN);
	for (i = 0; i < LEN; i++)
		if (mem[page + i] != value)
			return false;
	return true;
}

static void unplug_blocks(unsigned long first, unsigned long n)
{
	uint64_t iova = IOVA + first * BLOCK;
	int64_t pages = unmap(iova, iova + n * BLOCK - 1);

	if (pages < 0)
		stop(1, "VFIO_IOMMU_TYPE1X_UNMAP_RANGE: %s", strerror(errno));
	if ((uint64_t)pages != n * BLOCK / page)
		stop(1, "%lu blocks at 0x%lx were %ld pages", n, iova, pages);
	if (!copy_leaves(first, 0))
		stop(1, "DMA reaches block %lu, which is not mapped", first);
	/* No device holds it any more, so that it really returns to the system */
	if (madvise(ram + first * BLOCK, n * BLOCK, MADV_DONTNEED))
		stop(1, "MADV_DONTNEED: %s", strerror(errno));
	memset(plugged + first, false, n);
}

/* How many mappings are left of dma_entry_limit; a capability of GET_INFO */
static unsigned int entries_left(void)
{
	struct vfio_iommu_type1_info_dma_avail *avail;
	struct vfio_info_cap_header *cap;
	uint64_t buf[512];
	struct vfio_iommu_type1_info *info = (void *)buf;
	uint32_t at;

	memset(buf, 0, sizeof(buf));
	info->argsz = sizeof(buf);
	call(dev.container, VFIO_IOMMU_GET_INFO, info, "VFIO_IOMMU_GET_INFO");
	for (at = info->cap_offset; at; at = cap->next) {
		cap = (void *)((char *)buf + at);
		avail = (void *)cap;
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			return avail->avail;
	}
	stop(1, "VFIO_IOMMU_GET_INFO does not tell the entries that are left");
}

/* What is mapped, and that the device still reaches a block of it */
static void show(const char *what, unsigned long block)
{
	char map[BLOCKS + 1];
	unsigned long i;

	for (i = 0; i < BLOCKS; i++)
		map[i] = plugged[i] ? '#' : '.';
	map[BLOCKS] = '\0';
	printf("%-28s %s  %u entries left\n", what, map, entries_left());
	if (!copy_leaves(block, PATTERN + block))
		stop(1, "DMA to block %lu, which is mapped, fails", block);
}

int main(int argc, char **argv)
{
	unsigned long i, n = 0;
	int64_t pages;

	if (argc != 2)
		stop(2, "usage: unplug PCI-ADDRESS (of an edu device)");
	open_container(&dev, argv[1]);
	if (ioctl(dev.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1X_GRANULE) !=
	    1)
		stop(2, "this container has no mappings with a granule");
	open_edu(&dev, argv[1]);
	page = page_size(&dev);
	ram = memory(BLOCKS * BLOCK);

	map_blocks(0, BLOCKS);
	show("64 MiB, one mapping", 7);

	/* At an end the mapping becomes shorter; a hole makes two of it */
	unplug_blocks(0, 1);
	show("the first block unplugged", 1);
	unplug_blocks(BLOCKS - 1, 1);
	show("the last", BLOCKS - 2);
	unplug_blocks(15, 1);
	show("one in the middle", 16);
	unplug_blocks(4, 6);
	show("six at once", 10);

	/* The half of a block cannot be cut out. Nothing changes. */
	if (unmap(IOVA + 20 * BLOCK, IOVA + 20 * BLOCK + BLOCK / 2 - 1) != -1 ||
	    errno != EINVAL)
		stop(1, "half a block was not refused with EINVAL");
	show("half a block is refused", 20);

	/* A block that comes back is a mapping of its own; the others stay */
	map_blocks(15, 1);
	show("the middle one is back", 15);

	/* Everything that is left, wherever it is */
	for (i = 0; i < BLOCKS; i++)
		n += plugged[i];
	pages = unmap(0, ~0UL);
	if (pages < 0)
		stop(1, "unmapping everything: %s", strerror(errno));
	if ((uint64_t)pages != n * BLOCK / page)
		stop(1, "%lu blocks were left, but %ld pages", n, pages);
	printf("unplug: %lu blocks were left, all as the device saw them\n", n);
	return 0;
}
