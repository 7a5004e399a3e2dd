// SPDX-License-Identifier: GPL-2.0-only
/*
 * migrate PCI-ADDRESS: the loop that copies the memory of a guest while its device writes to it.
 *
 * The guest's memory is mapped in several pieces with a hole between them, whose ends are at no
 * particular page. Dirty pages are asked for by windows of the guest's address space, not by
 * mapping: DIRTY_RANGE takes any range. Bit 0 of a report is a multiple of 64 pages, so that
 * reports are merged into the one bitmap of the migration by words, whatever they begin with.
 *
 * Beside a device without a driver that knows what it writes, as QEMU's edu is one, all that is
 * mapped counts as dirty each time; a driver of a mediated device reports the pages that it has
 * written or pinned. The loop is the same.
 */
#include "device.h"

#define IOVA 0x40000000UL
#define PAGES 4096UL /* of the guest: 16 MiB */
#define WORDS (PAGES / 64)
#define WINDOW 600UL /* pages of one DIRTY_RANGE; up to 2^31 are possible */
#define ROUNDS 3

static struct device dev;
static uint64_t page;
static char *ram, *copy; /* the guest's memory, and where it goes to */
static uint64_t dirty[WORDS]; /* of the migration: a bit for each page */

/* The guest's memory as it is mapped: first page and number of pages */
static const struct {
	unsigned long first, n;
} pieces[] = { { 3, 997 }, { 1000, 24 }, { 1541, 2555 } };

static void map_pieces(void)
{
	struct vfio_type1x_map_range map = {
		.argsz = sizeof(map),
		.flags = VFIO_TYPE1X_MAP_FLAG_READ |
			 VFIO_TYPE1X_MAP_FLAG_WRITE |
			 VFIO_TYPE1X_MAP_FLAG_GRANULE,
	};
	unsigned int i;

	for (i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		map.vaddr = (uintptr_t)ram + pieces[i].first * page;
		map.iova = IOVA + pieces[i].first * page;
		map.last = map.iova + pieces[i].n * page - 1;
		call(dev.container, VFIO_IOMMU_TYPE1X_MAP_RANGE, &map,
		     "VFIO_IOMMU_TYPE1X_MAP_RANGE");
	}
}

/* Tracking itself is switched by the ioctl of type1 */
static void track(uint32_t flag)
{
	struct vfio_iommu_type1_dirty_bitmap arg = { .argsz = sizeof(arg),
						     .flags = flag };

	call(dev.container, VFIO_IOMMU_DIRTY_PAGES, &arg,
	     "VFIO_IOMMU_DIRTY_PAGES");
}

/* A report's words for pages from first on, into the migration's bitmap; returns its bits */
static unsigned long merge(const uint64_t *report, unsigned long first,
			   unsigned long n)
{
	unsigned long word = first / 64, last = (first + n - 1) / 64, bits = 0;

	for (; word <= last; word++, report++) {
		bits += __builtin_popcountll(*report);
		dirty[word] |= *report;
	}
	return bits;
}

/* Asks for n pages from first on, and marks them clean */
static unsigned long get_dirty(unsigned long first, unsigned long n,
			       uint32_t flags)
{
	uint64_t report[WORDS];
	struct vfio_type1x_dirty_range get = {
		.argsz = sizeof(get),
		.flags = flags,
		.iova = IOVA + first * page,
		.last = IOVA + (first + n) * page - 1,
		.bitmap_pgsize = page,
		.bitmap_size = sizeof(report),
		.bitmap_data = (uintptr_t)report,
	};

	call(dev.container, VFIO_IOMMU_TYPE1X_DIRTY_RANGE, &get,
	     "VFIO_IOMMU_TYPE1X_DIRTY_RANGE");
	return merge(report, first, n);
}

/* The whole of the guest, window by window; they cut mappings and have holes */
static unsigned long get_all_dirty(uint32_t flags)
{
	unsigned long first, n, bits = 0;

	for (first = 0; first < PAGES; first += n) {
		n = PAGES - first < WINDOW ? PAGES - first : WINDOW;
		bits += get_dirty(first, n, flags);
	}
	return bits;
}

/*
 * The guest takes n pages from the device. What the device had written there must still go to
 * the copy, and nothing may be lost between the report and the unmap: one call does both.
 */
static void unmap_with_report(unsigned long first, unsigned long n)
{
	uint64_t report[WORDS];
	struct vfio_type1x_unmap_range unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_TYPE1X_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.iova = IOVA + first * page,
		.last = IOVA + (first + n) * page - 1,
		.bitmap_pgsize = page,
		.bitmap_size = sizeof(report),
		.bitmap_data = (uintptr_t)report,
	};

	call(dev.container, VFIO_IOMMU_TYPE1X_UNMAP_RANGE, &unmap,
	     "VFIO_IOMMU_TYPE1X_UNMAP_RANGE");
	printf("unmapped %llu pages, %lu of them dirty\n",
	       (unsigned long long)unmap.unmapped_pages,
	       merge(report, first, n));
}

/* "Sends" what is dirty and clears it; returns the number of pages */
static unsigned long send_dirty(void)
{
	unsigned long i, sent = 0;

	for (i = 0; i < PAGES; i++) {
		if (!(dirty[i / 64] >> i % 64 & 1))
			continue;
		memcpy(copy + i * page, ram + i * page, page);
		sent++;
	}
	memset(dirty, 0, sizeof(dirty));
	return sent;
}

/* The guest works: its device copies 512 bytes from one page to another */
static void device_works(int round)
{
	unsigned long from = pieces[0].first + round, to = pieces[2].first;

	memset(ram + from * page, round, 512);
	/* What the CPUs write, KVM_GET_DIRTY_LOG tells */
	dirty[from / 64] |= 1UL << from % 64;
	edu_copy(&dev, IOVA + from * page, IOVA + (to + round) * page, 512);
}

int main(int argc, char **argv)
{
	unsigned long i;
	int round;

	if (argc != 2)
		stop(2, "usage: migrate PCI-ADDRESS (of an edu device)");
	open_container(&dev, argv[1]);
	if (ioctl(dev.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1X_RANGES) != 1)
		stop(2, "this container has no DIRTY_RANGE");
	open_edu(&dev, argv[1]);
	page = page_size(&dev);
	ram = memory(PAGES * page);
	copy = memory(PAGES * page);
	map_pieces();

	for (i = 0; i < PAGES; i++)
		memset(ram + i * page, i, page);

	/* All goes once; from now on what the device writes is reported */
	memset(dirty, 0xff, sizeof(dirty));
	track(VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
	printf("%lu pages to begin with\n",
	       get_all_dirty(VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR));
	for (round = 1; round <= ROUNDS; round++) {
		device_works(round);
		get_all_dirty(0);
		printf("round %d: %lu pages sent\n", round, send_dirty());
	}

	/* From a hole to the amid of two mappings; the granule allows the cut */
	device_works(round);
	unmap_with_report(1300, 300);

	/* Here the device is stopped. What it wrote last is sent, and that is all. */
	get_all_dirty(0);
	printf("stopped: %lu pages sent\n", send_dirty());
	track(VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);

	if (memcmp(ram, copy, PAGES * page))
		stop(1, "the copy differs from the guest's memory");
	printf("migrate: the copy is the same\n");
	return 0;
}
