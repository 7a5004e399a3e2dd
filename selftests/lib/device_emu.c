// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend.h"
#include "device_emu.h"

#define MODULE "t1x_emu"
#define PARAM(x) "/sys/module/" MODULE "/parameters/" x
#define SETTLE_TIMEOUT_MS 5000

static bool is_param(const char *path, unsigned long wanted)
{
	unsigned long value;

	return !t1x_read_ulong(path, &value) && value == wanted;
}

int t1x_emu_settle(void)
{
	u64 end = t1x_now_ms() + SETTLE_TIMEOUT_MS;

	while (t1x_refcnt(MODULE) > 0) {
		if (t1x_now_ms() >= end)
			return -EBUSY;
		t1x_sleep_ms(20);
	}
	return 0;
}

bool t1x_emu_load(unsigned int devices, unsigned int plain)
{
	const char *path = t1x_module_path(MODULE);
	char args[64];
	int ret;

	if (!path)
		return false;

	/* To load a module takes longer than most tests */
	if (!t1x_refcnt(MODULE) && is_param(PARAM("devices"), devices) &&
	    is_param(PARAM("plain"), plain))
		return true;

	/* Of other parameters, or a test that has failed holds it */
	t1x_emu_settle();
	t1x_rmmod(MODULE);
	snprintf(args, sizeof(args), "devices=%u plain=%u", devices, plain);
	ret = t1x_insmod_args(path, args);
	t1x_require(!ret, "insmod %s %s: %s", path, args, strerror(-ret));
	return true;
}

const char *t1x_emu(int n)
{
	static const char *const names[] = { "t1x_emu.0", "t1x_emu.1",
					     "t1x_emu.2", "t1x_emu.3" };

	t1x_require(n < (int)(sizeof(names) / sizeof(*names)), "device %d", n);
	return names[n];
}

void t1x_emu_open(struct t1x_emu *emu, struct t1x *c, const char *name)
{
	int i;

	for (i = 0; i < c->ngroups; i++)
		if (!strcmp(c->group[i].bdf, name))
			break;
	t1x_require(i < c->ngroups, "%s is not in the container", name);

	emu->name = name;
	emu->fd = ioctl(c->group[i].fd, VFIO_GROUP_GET_DEVICE_FD, name);
	t1x_require(emu->fd >= 0, "%s: GET_DEVICE_FD: %s", name,
		    strerror(errno));
}

void t1x_emu_close(struct t1x_emu *emu)
{
	if (emu->fd > 0)
		close(emu->fd);
	emu->fd = -1;
}

void t1x_emu_begin(struct t1x_emu *emu, struct t1x *c, struct t1x_leak *leak)
{
	t1x_leak_begin(leak);
	t1x_open(c, VFIO_TYPE1v2_IOMMU, t1x_emu(0));
	t1x_emu_open(emu, c, t1x_emu(0));
}

int t1x_emu_end(struct t1x_emu *emu, struct t1x *c, struct t1x_leak *leak)
{
	int ret;

	t1x_emu_close(emu);
	t1x_close(c);
	ret = t1x_emu_settle();
	if (ret)
		printf("# " MODULE " is in use\n");
	return t1x_leak_end(leak) + (ret != 0);
}

int __t1x_emu_pin_flags(struct t1x_emu *emu, u64 iova, int npages, u32 prot,
			u32 flags, u64 *pfns)
{
	struct t1x_emu_pin pin = {
		.flags = flags,
		.npages = npages,
		.iova = iova,
		.prot = prot,
		.pfns = (unsigned long)pfns,
	};

	t1x_require(!ioctl(emu->fd, T1X_EMU_IOC_PIN, &pin), "%s: PIN: %s",
		    emu->name, strerror(errno));
	t1x_require(!pin.stale, "%s: a pin failed and left %u pages", emu->name,
		    pin.stale);
	return pin.result;
}

int __t1x_emu_pin(struct t1x_emu *emu, u64 iova, int npages)
{
	return __t1x_emu_pin_flags(emu, iova, npages, T1X_EMU_PROT_RW, 0, NULL);
}

void t1x_emu_pin_at(const char *file, int line, struct t1x_emu *emu, u64 iova,
		    int npages)
{
	int ret = __t1x_emu_pin(emu, iova, npages);

	if (ret < 0)
		t1x_fail(file, line, "%s: pinning %d pages at 0x%lx: %s",
			 emu->name, npages, iova, strerror(-ret));
	if (ret != npages)
		t1x_fail(file, line, "%s: pinning %d pages at 0x%lx did %d",
			 emu->name, npages, iova, ret);
}

int __t1x_emu_unpin_flags(struct t1x_emu *emu, u64 iova, int npages, u32 flags)
{
	struct t1x_emu_unpin unpin = {
		.flags = flags,
		.npages = npages,
		.iova = iova,
	};

	return ioctl(emu->fd, T1X_EMU_IOC_UNPIN, &unpin) ? -errno : 0;
}

void t1x_emu_unpin(struct t1x_emu *emu, u64 iova, int npages)
{
	int ret = __t1x_emu_unpin_flags(emu, iova, npages, 0);

	t1x_require(!ret, "%s: unpinning %d pages at 0x%lx: %s", emu->name,
		    npages, iova, strerror(-ret));
}

int __t1x_emu_rw(struct t1x_emu *emu, u64 iova, void *data, u64 len, u32 flags)
{
	struct t1x_emu_rw rw = {
		.flags = flags,
		.iova = iova,
		.len = len,
		.data = (unsigned long)data,
	};

	t1x_require(!ioctl(emu->fd, T1X_EMU_IOC_RW, &rw), "%s: RW: %s",
		    emu->name, strerror(errno));
	return rw.result;
}

int __t1x_emu_read(struct t1x_emu *emu, u64 iova, void *data, u64 len)
{
	return __t1x_emu_rw(emu, iova, data, len, 0);
}

int __t1x_emu_write(struct t1x_emu *emu, u64 iova, const void *data, u64 len)
{
	return __t1x_emu_rw(emu, iova, (void *)data, len, T1X_EMU_RW_WRITE);
}

static void config(struct t1x_emu *emu, struct t1x_emu_config *config)
{
	t1x_require(!ioctl(emu->fd, T1X_EMU_IOC_CONFIG, config),
		    "%s: CONFIG: %s", emu->name, strerror(errno));
}

void t1x_emu_config(struct t1x_emu *emu, enum t1x_emu_mode mode, u32 delay_ms,
		    u32 flags)
{
	struct t1x_emu_config c = {
		.flags = flags,
		.mode = mode,
		.delay_ms = delay_ms,
	};

	config(emu, &c);
}

void t1x_emu_config_count(struct t1x_emu *emu, enum t1x_emu_mode mode,
			  u32 count)
{
	struct t1x_emu_config c = { .mode = mode, .count = count };

	config(emu, &c);
}

static void get_stats(struct t1x_emu *emu, struct t1x_emu_stats *stats)
{
	t1x_require(!ioctl(emu->fd, T1X_EMU_IOC_STATS, stats), "%s: STATS: %s",
		    emu->name, strerror(errno));
}

void t1x_emu_stats(struct t1x_emu *emu, struct t1x_emu_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	get_stats(emu, stats);
}

int t1x_emu_ranges(struct t1x_emu *emu, struct t1x_emu_range *ranges, int max)
{
	struct t1x_emu_stats stats = {
		.nranges = max,
		.ranges = (unsigned long)ranges,
	};

	get_stats(emu, &stats);
	return stats.callbacks;
}

int t1x_emu_callbacks(struct t1x_emu *emu)
{
	struct t1x_emu_stats stats;

	t1x_emu_stats(emu, &stats);
	return stats.callbacks;
}

u64 t1x_emu_held(struct t1x_emu *emu)
{
	struct t1x_emu_stats stats;

	t1x_emu_stats(emu, &stats);
	return stats.held;
}

bool t1x_emu_wait_callback(struct t1x_emu *emu, unsigned int ms)
{
	u64 end = t1x_now_ms() + ms;
	struct t1x_emu_stats stats;

	do {
		t1x_emu_stats(emu, &stats);
		if (stats.callbacks > stats.ended)
			return true;
		t1x_sleep_ms(2);
	} while (t1x_now_ms() < end);
	return false;
}
