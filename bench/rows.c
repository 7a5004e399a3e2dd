// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "buffer.h"
#include "device.h"
#include "device_emu.h"
#include "dirty.h"
#include "rows.h"

/* Above 4 GiB: no reserved window of x86 is near */
#define IOVA 0x100000000UL
#define MIB 0x100000UL
#define NPAGES(bytes) ((bytes) / T1X_PAGE)

/* For what is too short to be counted once */
#define CALLS 256UL
#define REPORTS 16UL

#define MANY_SMALL 32768UL
#define MANY_HUGE 8192UL
#define MANY_REPORTED 10000UL
#define PINNED 512UL
#define BAR_SIZE (64 * MIB)

#define SECOND_DOMAIN "t1x_second_domain"
#define ARM "/sys/module/" SECOND_DOMAIN "/parameters/arm"

static const char *no_buffer(const struct row *row, enum backend backend)
{
	return buffer_get(row->kind) ? NULL : "the guest has no such memory";
}

static char *memory_of(const struct row *row, u64 *size)
{
	*size = buffer_size(row->kind);
	if (row->offset)
		*size -= T1X_2M;
	return (char *)buffer_get(row->kind) + row->offset;
}

static void map_and_unmap(struct target *target, struct meter *meter,
			  const char *mem, u64 size)
{
	meter_begin(meter);
	target_map(target, mem, IOVA, size);
	meter_end(meter, 0);

	meter_begin(meter);
	target_unmap(target, IOVA, size);
	meter_end(meter, 1);
}

static void run_memory(const struct row *row, struct target *target,
		       struct meter *meter)
{
	u64 size;
	char *mem = memory_of(row, &size);

	map_and_unmap(target, meter, mem, size);
}

u64 row_runs(const struct row *row)
{
	char *mem;
	u64 size;

	if (row->run != run_memory)
		return 0;
	mem = memory_of(row, &size);
	return buffer_runs(mem, size);
}

/*
 * A BAR is mapped by the file of its device, which must be in the container;
 * into an IOAS, which takes no address of one, as a dma-buf.
 */

static struct t1x_device device;
static void *bar;
static int bar_fd;

static int large_bar(void)
{
	int n = 0;

	while (n < 5 && t1x_device_bar_size(&device, n) < BAR_SIZE)
		n++;
	return n;
}

static int open_bar_fd(struct target *target)
{
	const char *bdf = t1x_testdev(0);

	target_open(target, IOMMUFD, bdf);
	t1x_device_adopt(&device, target->ioas.device.fd, bdf);
	return ioas_bar(&target->ioas, large_bar(), BAR_SIZE);
}

static const char *no_bar(const struct row *row, enum backend backend)
{
	struct target target;
	int fd;

	if (!t1x_testdev(0))
		return "the guest has no such device";
	if (backend != IOMMUFD)
		return NULL;

	fd = open_bar_fd(&target);
	if (fd >= 0)
		close(fd);
	target_close(&target);
	return fd < 0 ? "this kernel makes no dma-buf of a BAR" : NULL;
}

static void begin_bar(const struct row *row, struct target *target)
{
	const char *bdf = t1x_testdev(0);

	if (target->backend == IOMMUFD) {
		bar_fd = open_bar_fd(target);
		return;
	}
	target_open(target, target->backend, bdf);
	t1x_device_open(&device, &target->c, bdf);
	bar = t1x_device_bar_map(&device, large_bar(), BAR_SIZE,
				 PROT_READ | PROT_WRITE);
}

static void end_bar(const struct row *row, struct target *target)
{
	if (target->backend == IOMMUFD) {
		close(bar_fd);
	} else {
		munmap(bar, BAR_SIZE);
		t1x_device_close(&device);
	}
	target_close(target);
}

static void run_bar(const struct row *row, struct target *target,
		    struct meter *meter)
{
	if (target->backend != IOMMUFD) {
		map_and_unmap(target, meter, bar, BAR_SIZE);
		return;
	}

	meter_begin(meter);
	ioas_map_file(&target->ioas, bar_fd, IOVA, BAR_SIZE);
	meter_end(meter, 0);

	meter_begin(meter);
	target_unmap(target, IOVA, BAR_SIZE);
	meter_end(meter, 1);
}

/* Many calls, or many mappings */

static void run_one(const struct row *row, struct target *target,
		    struct meter *meter)
{
	char *mem = buffer_get(row->kind);
	u64 i;

	for (i = 0; i < CALLS; i++)
		map_and_unmap(target, meter, mem + i * T1X_PAGE, T1X_PAGE);
}

static void map_many(const struct row *row, struct target *target,
		     struct meter *meter, u64 each)
{
	char *mem = buffer_get(row->kind);
	u64 size = buffer_size(row->kind);
	u64 i;

	meter_begin(meter);
	for (i = 0; i < row->units; i++)
		target_map(target, mem + i * each % size, IOVA + i * each,
			   each);
	meter_end(meter, 0);
}

static void run_many_small(const struct row *row, struct target *target,
			   struct meter *meter)
{
	map_many(row, target, meter, T1X_PAGE);

	meter_begin(meter);
	target_unmap(target, IOVA, MANY_SMALL * T1X_PAGE);
	meter_end(meter, 1);
}

static void begin_nothing(const struct row *row, struct target *target)
{
}

static void run_many_huge(const struct row *row, struct target *target,
			  struct meter *meter)
{
	target_open(target, target->backend, NULL);
	map_many(row, target, meter, T1X_2M);

	meter_begin(meter);
	target_drop(target);
	meter_end(meter, 1);
	target_close(target);
}

/* A second group that must have a domain of its own */

static struct ioas_device second;

static const char *no_second_group(const struct row *row, enum backend backend)
{
	if (!t1x_module_path(SECOND_DOMAIN) || !t1x_edu(1))
		return "the guest has no " SECOND_DOMAIN " or no second device";
	return no_buffer(row, backend);
}

/* Would it put a second group into the domain of the first, unless that fails? */
static bool shares_domain(enum backend backend)
{
	return backend != IOMMUFD && backend != LIMIT;
}

static void load_second_domain(void)
{
	int ret = t1x_insmod(t1x_module_path(SECOND_DOMAIN));

	t1x_require(!ret, "insmod " SECOND_DOMAIN ": %s", strerror(-ret));
}

static void begin_replay(const struct row *row, struct target *target)
{
	char *mem = buffer_get(row->kind);
	u64 size = buffer_size(row->kind);
	u64 at;

	if (shares_domain(target->backend))
		load_second_domain();
	target_open(target, target->backend, t1x_edu(0));
	for (at = 0; at < T1X_1G; at += size)
		target_map(target, mem, IOVA + at, size);
	if (target->backend == IOMMUFD)
		ioas_bind(&target->ioas, &second, t1x_edu(1));
}

static void end_replay(const struct row *row, struct target *target)
{
	if (target->backend == IOMMUFD)
		ioas_unbind(&second);
	target_close(target);
	if (shares_domain(target->backend))
		t1x_rmmod(SECOND_DOMAIN);
}

static void replay_group(struct target *target, struct meter *meter)
{
	int group = t1x_group_open(t1x_edu(1));
	bool shares = shares_domain(target->backend);
	unsigned long armed = shares;

	t1x_require(group >= 0, "opening the second group: %s",
		    strerror(-group));
	if (shares)
		t1x_write_ulong(ARM, 1);
	meter_begin(meter);
	t1x_require(!ioctl(group, VFIO_GROUP_SET_CONTAINER, &target->c.fd),
		    "attaching the second group: %s", strerror(errno));
	meter_end(meter, 0);
	if (shares)
		t1x_read_ulong(ARM, &armed);
	t1x_require(!armed, "the second group has shared the first domain");
	close(group);
}

static void run_replay(const struct row *row, struct target *target,
		       struct meter *meter)
{
	if (target->backend != IOMMUFD) {
		replay_group(target, meter);
		return;
	}

	meter_begin(meter);
	ioas_attach_alone(&target->ioas, &second);
	meter_end(meter, 0);
	ioas_detach_alone(&target->ioas, &second);
}

/* Reports of what is dirty */

static u64 *bitmap;

/* Of iommufd it is the IOMMU that must know what was written */
static const char *no_report(const struct row *row, enum backend backend)
{
	struct target target;
	int ret;

	if (backend != IOMMUFD)
		return no_buffer(row, backend);

	target_open(&target, backend, NULL);
	ret = ioas_dirty_start(&target.ioas);
	target_close(&target);
	return ret ? "this IOMMU does not tell what was written" :
		     no_buffer(row, backend);
}

static void report_once(struct target *target, u64 iova, u64 size)
{
	int ret;

	if (target->backend == IOMMUFD) {
		ioas_dirty_get(&target->ioas, iova, size, bitmap);
		return;
	}
	ret = __t1x_dirty_get(&target->c, iova, size, bitmap);
	t1x_require(!ret && bitmap[0] == ~0UL, "GET_BITMAP: %s, 0x%lx",
		    strerror(-ret), bitmap[0]);
}

static void report(struct target *target, struct meter *meter, u64 iova,
		   u64 size)
{
	int i;

	for (i = 0; i < (int)REPORTS; i++) {
		meter_begin(meter);
		report_once(target, iova, size);
		meter_end(meter, 0);
	}
}

static void begin_report(struct target *target, u64 size)
{
	bitmap = malloc(t1x_dirty_len(size));
	t1x_require(bitmap, "no memory for a bitmap");
	memset(bitmap, 0, t1x_dirty_len(size));
	if (target->backend == IOMMUFD)
		ioas_dirty_start(&target->ioas);
	else
		t1x_dirty_start(&target->c);
}

static void end_report(const struct row *row, struct target *target)
{
	if (target->backend != IOMMUFD)
		t1x_dirty_stop(&target->c);
	free(bitmap);
	target_close(target);
}

static u64 reported_iova(u64 n)
{
	return IOVA + n * T1X_2M;
}

static void begin_report_one(const struct row *row, struct target *target)
{
	char *page = buffer_get(SCATTERED);
	u64 i;

	target_open(target, target->backend, NULL);
	/* The bare copy to the user needs no mapping */
	for (i = 0; i < MANY_REPORTED && target->backend != LIMIT; i++) {
		if (i == MANY_REPORTED / 2)
			target_map(target, buffer_get(row->kind),
				   reported_iova(i), T1X_2M);
		else
			target_map(target, page, reported_iova(i), T1X_PAGE);
	}
	begin_report(target, T1X_2M);
}

static void run_report_one(const struct row *row, struct target *target,
			   struct meter *meter)
{
	report(target, meter, reported_iova(MANY_REPORTED / 2), T1X_2M);
}

static void begin_report_large(const struct row *row, struct target *target)
{
	char *mem = buffer_get(row->kind);

	target_open(target, target->backend, NULL);
	if (row->offset)
		target_map(target, mem, IOVA, row->offset);
	target_map(target, mem + row->offset, IOVA + row->offset,
		   T1X_1G - row->offset);
	begin_report(target, T1X_1G);
}

static void run_report_large(const struct row *row, struct target *target,
			     struct meter *meter)
{
	report(target, meter, IOVA, T1X_1G);
}

/* What a driver without an IOMMU pins */

static struct t1x_emu emu;

static const char *no_emu(const struct row *row, enum backend backend)
{
	return t1x_module_path("t1x_emu") ? no_buffer(row, backend) :
					    "the guest has no t1x_emu";
}

static void begin_pin(const struct row *row, struct target *target)
{
	t1x_emu_load(1, 0);
	target_open(target, target->backend, t1x_emu(0));
	if (target->backend == IOMMUFD)
		emu = (struct t1x_emu){ target->ioas.device.fd, t1x_emu(0) };
	else
		t1x_emu_open(&emu, &target->c, t1x_emu(0));
	target_map(target, buffer_get(row->kind), IOVA, PINNED * T1X_PAGE);
}

static void end_pin(const struct row *row, struct target *target)
{
	if (target->backend != IOMMUFD)
		t1x_emu_close(&emu);
	target_close(target);
	t1x_emu_settle();
}

static u64 cycles(void)
{
	struct t1x_emu_stats stats;

	t1x_emu_stats(&emu, &stats);
	return stats.cycles;
}

/* The test driver's own books cost more than the backend: they are left out */
static void pin_and_unpin(struct meter *meter, int at_once)
{
	u64 began = cycles();
	int i;

	meter_begin(meter);
	for (i = 0; i < (int)PINNED; i += at_once)
		t1x_emu_pin(&emu, IOVA + i * T1X_PAGE, at_once);
	meter_end(meter, 0);
	meter->spent[0] = cycles() - began;

	began = cycles();
	meter_begin(meter);
	for (i = 0; i < (int)PINNED; i += at_once)
		t1x_emu_unpin(&emu, IOVA + i * T1X_PAGE, at_once);
	meter_end(meter, 1);
	meter->spent[1] = cycles() - began;
}

static void run_pin_each(const struct row *row, struct target *target,
			 struct meter *meter)
{
	pin_and_unpin(meter, 1);
}

static void run_pin_all(const struct row *row, struct target *target,
			struct meter *meter)
{
	pin_and_unpin(meter, PINNED);
}

/* clang-format off */

#define MEMORY(id_, label_, kind_, offset_, size_) { \
	.id = id_, .label = label_, .unit = "page", \
	.phases = { "map", "unmap" }, .units = NPAGES(size_), \
	.kind = kind_, .offset = offset_, \
	.missing = no_buffer, .run = run_memory, \
}

const struct row rows[] = {
	MEMORY("4k-scattered", "64 MiB of 4 KiB pages, scattered",
	       SCATTERED, 0, 64 * MIB),
	MEMORY("4k-sequential", "64 MiB of 4 KiB pages, in sequence",
	       SEQUENTIAL, 0, 64 * MIB),
	MEMORY("thp", "256 MiB of THP", THP, 0, 256 * MIB),
	MEMORY("thp-misaligned", "254 MiB of THP, misaligned by 4 KiB",
	       THP, T1X_PAGE, 254 * MIB),
	MEMORY("hugetlb-2m", "256 MiB of 2 MiB hugetlb",
	       HUGE_2M, 0, 256 * MIB),
	MEMORY("hugetlb-2m-memfd", "256 MiB of 2 MiB hugetlb, memfd",
	       MEMFD_2M, 0, 256 * MIB),
	MEMORY("hugetlb-1g", "1 GiB of 1 GiB hugetlb",
	       HUGE_1G, 0, T1X_1G),
	MEMORY("memfd", "64 MiB of 4 KiB pages, memfd",
	       SHMEM, 0, 64 * MIB),
	MEMORY("mixed", "64 MiB, 2 MiB THP and 4 KiB in turn",
	       MIXED, 0, 64 * MIB),
	{
		.id = "bar", .label = "64 MiB of a BAR", .unit = "page",
		.phases = { "map", "unmap" }, .units = NPAGES(BAR_SIZE),
		.missing = no_bar,
		.begin = begin_bar, .run = run_bar, .end = end_bar,
	},
	{
		.id = "one-4k", .label = "one 4 KiB page", .unit = "call",
		.phases = { "map", "unmap" }, .units = CALLS,
		.short_call = true, .kind = SCATTERED, .run = run_one,
	},
	{
		.id = "many-4k", .label = "32,768 of 4 KiB, one UNMAP of all",
		.unit = "mapping", .phases = { "map", "unmap" },
		.units = MANY_SMALL,
		.kind = SCATTERED, .run = run_many_small,
	},
	{
		.id = "many-2m", .label = "8,192 of 2 MiB hugetlb, dropped",
		.unit = "mapping", .phases = { "map", "drop" },
		.units = MANY_HUGE,
		.kind = HUGE_2M,
		.begin = begin_nothing, .run = run_many_huge,
		.end = begin_nothing,
	},
	{
		.id = "replay", .label = "second domain, 1 GiB of 2 MiB hugetlb",
		.unit = "call", .phases = { "attach" }, .units = 1,
		.kind = HUGE_2M, .missing = no_second_group,
		.begin = begin_replay, .run = run_replay, .end = end_replay,
	},
	{
		.id = "bitmap-one", .label = "GET_BITMAP of 2 MiB, one in 10,000",
		.unit = "call", .phases = { "get" }, .units = REPORTS,
		.kind = HUGE_2M, .missing = no_report,
		.begin = begin_report_one,
		.run = run_report_one, .end = end_report,
	},
	{
		.id = "bitmap-1g", .label = "GET_BITMAP of 1 GiB",
		.unit = "call", .phases = { "get" }, .units = REPORTS,
		.kind = HUGE_1G, .missing = no_report,
		.begin = begin_report_large,
		.run = run_report_large, .end = end_report,
	},
	{
		.id = "bitmap-1g-shifted",
		.label = "GET_BITMAP of 4 KiB + (1 GiB - 4 KiB)",
		.unit = "call", .phases = { "get" }, .units = REPORTS,
		.kind = HUGE_1G, .offset = T1X_PAGE,
		.missing = no_report, .begin = begin_report_large,
		.run = run_report_large, .end = end_report,
	},
	{
		.id = "pin-each", .label = "pin_pages of 512, one by one",
		.unit = "page", .phases = { "pin", "unpin" },
		.units = PINNED, .short_call = true,
		.kind = SCATTERED, .missing = no_emu,
		.begin = begin_pin, .run = run_pin_each, .end = end_pin,
	},
	{
		.id = "pin-all", .label = "pin_pages of 512 at once",
		.unit = "page", .phases = { "pin", "unpin" },
		.units = PINNED, .kind = SCATTERED, .missing = no_emu,
		.begin = begin_pin, .run = run_pin_all, .end = end_pin,
	},
};

/* clang-format on */

const int nr_rows = sizeof(rows) / sizeof(*rows);
