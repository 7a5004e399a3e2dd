// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend.h"
#include "container.h"
#include "record.h"
#include "run.h"

#include "../t1x_emu/t1x_emu.h"

#define SECOND_DOMAIN "/sys/module/t1x_second_domain/parameters/arm"

static void emu_name(char *name, size_t len, enum group g)
{
	snprintf(name, len, "t1x_emu.%d", g - G_EMU0);
}

static int open_group(enum group g)
{
	char name[32];

	if (!is_emu(g))
		return run.bdf[g] ? t1x_group_open(run.bdf[g]) : -ENODEV;
	if (access(T1X_EMU_SYSFS, F_OK))
		return -ENODEV;
	emu_name(name, sizeof(name), g);
	return t1x_group_open(name);
}

void t1x_open_groups(void)
{
	int g;

	run.bdf[G_EDU0] = t1x_edu(0);
	run.bdf[G_EDU1] = t1x_edu(1);
	run.bdf[G_NVME0] = t1x_nvme(0);
	for (g = 0; g < G_COUNT; g++) {
		u64 end = t1x_now_ms() + 5000;

		/* The last user may be on its way out */
		while ((run.group[g] = open_group(g)) == -EBUSY &&
		       t1x_now_ms() < end)
			t1x_sleep_ms(5);
		run.device[g] = -1;
	}
	run.container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	t1x_require(run.container >= 0, "open /dev/vfio/vfio: %s",
		    strerror(errno));
}

static bool has_group(enum group g)
{
	if (g < G_COUNT && run.group[g] >= 0)
		return true;
	t1x_say("absent");
	return false;
}

void t1x_do_attach(const struct op *op)
{
	if (!has_group(op->arg[0]))
		return;

	/* Refuse once to share a domain, so that there is a second one */
	if (op->arg[1] && !run.one_domain)
		t1x_write_ulong(SECOND_DOMAIN, 1);
	t1x_say_ret(ioctl(run.group[op->arg[0]], VFIO_GROUP_SET_CONTAINER,
			  &run.container));
	if (op->arg[1])
		t1x_write_ulong(SECOND_DOMAIN, 0);
}

void t1x_do_detach(const struct op *op)
{
	if (has_group(op->arg[0]))
		t1x_say_ret(ioctl(run.group[op->arg[0]],
				  VFIO_GROUP_UNSET_CONTAINER));
}

void t1x_do_set(const struct op *op)
{
	int ret = ioctl(run.container, VFIO_SET_IOMMU, op->arg[0]);

	t1x_say_ret(ret);
	if (!ret)
		t1x_require(t1x_refcnt(run.module) > 0,
			    "not %s serves the container", run.module);
}

void t1x_do_open(const struct op *op)
{
	enum group g = op->arg[0];
	char name[32];

	if (!has_group(g))
		return;
	if (run.device[g] >= 0) {
		t1x_say("open");
		return;
	}

	emu_name(name, sizeof(name), g);
	run.device[g] = ioctl(run.group[g], VFIO_GROUP_GET_DEVICE_FD,
			      is_emu(g) ? name : run.bdf[g]);
	if (run.device[g] < 0)
		t1x_say_ret(-1);
	else
		t1x_say("0");
}

bool t1x_has_device(enum group g)
{
	if (g < G_COUNT && run.device[g] >= 0)
		return true;
	t1x_say("closed");
	return false;
}

void t1x_do_close(const struct op *op)
{
	enum group g = op->arg[0];

	if (!t1x_has_device(g))
		return;
	t1x_say_ret(close(run.device[g]));
	run.device[g] = -1;
	t1x_forget_pins(g);
}

void t1x_close_groups(void)
{
	int g;

	for (g = 0; g < G_COUNT; g++)
		if (run.device[g] >= 0)
			close(run.device[g]);
	for (g = 0; g < G_COUNT; g++)
		if (run.group[g] >= 0)
			close(run.group[g]);
	close(run.container);
}
