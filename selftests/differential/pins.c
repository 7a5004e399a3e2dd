// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "memory.h"
#include "record.h"
#include "run.h"

#include "../t1x_emu/t1x_emu.h"

#define MAX_HELD 4096

struct held {
	enum group group;
	u64 iova;
};

static struct held held[MAX_HELD];
static int nheld;

/* One of those at an address: a page that was pinned twice is held until it is let go twice */
static void forget_one(enum group g, u64 iova)
{
	int i;

	for (i = 0; i < nheld; i++) {
		if (held[i].group == g && held[i].iova == iova) {
			held[i] = held[--nheld];
			return;
		}
	}
}

void t1x_forget_pins(enum group g)
{
	int i;

	for (i = 0; i < nheld;) {
		if (held[i].group == g)
			held[i] = held[--nheld];
		else
			i++;
	}
}

/*
 * In-tree's callback chain is an ABBA that lockdep reports at the first
 * mediated device that unpins in it, and then lockdep is off. On kernels with
 * lockdep nothing is therefore pinned when UNMAP comes.
 */
void t1x_unpin_all(void)
{
	int i;

	for (i = 0; run.unpin_first && i < nheld; i++) {
		struct t1x_emu_unpin unpin = {
			.iova = held[i].iova,
			.npages = 1,
		};

		ioctl(run.device[held[i].group], T1X_EMU_IOC_UNPIN, &unpin);
	}
	if (run.unpin_first)
		nheld = 0;
}

/* Which ranges the emulated devices were told of */
void t1x_say_callbacks(void)
{
	static struct t1x_emu_range range[T1X_EMU_LOG];
	u32 i;
	int g;

	for (g = G_EMU0; g <= G_EMU1; g++) {
		struct t1x_emu_stats stats = {
			.flags = T1X_EMU_STATS_RESET,
			.nranges = T1X_EMU_LOG,
			.ranges = (u64)range,
		};

		if (run.device[g] < 0 ||
		    ioctl(run.device[g], T1X_EMU_IOC_STATS, &stats))
			continue;
		for (i = 0; i < stats.nranges; i++)
			t1x_say_callback(g, range[i].iova, range[i].len);
	}
}

/*
 * In-tree takes a page that ends in a mapping for one of the mapping. If it begins
 * before it, the dirty bit is set 512 MiB above the bitmap, in whatever is there; and
 * nobody is told to unpin the page, for which UNMAP has a BUG_ON.
 */
static bool reaches_in_from_below(const struct op *op)
{
	u64 iova = op->arg[1], i;
	char byte;

	if (run.model || !(iova % T1X_PAGE))
		return false;
	for (i = 0; i < op->arg[2]; i++) {
		struct t1x_emu_rw rw = {
			.iova = iova + i * T1X_PAGE,
			.len = 1,
			.data = (u64)&byte,
		};

		if (i == T1X_EMU_MAX_PAGES ||
		    ioctl(run.device[op->arg[0]], T1X_EMU_IOC_RW, &rw) ||
		    rw.result == -EINVAL)
			return true;
	}
	return false;
}

void t1x_do_pin(const struct op *op)
{
	static u64 pfns[T1X_EMU_MAX_PAGES];
	struct t1x_emu_pin pin = {
		.iova = op->arg[1],
		.npages = op->arg[2],
		.prot = op->arg[3],
		.pfns = (u64)pfns,
	};
	struct t1x_places places;
	int ret, i;
	u64 vaddr;
	char who;

	if (!t1x_has_device(op->arg[0]))
		return;
	if (reaches_in_from_below(op)) {
		t1x_say("not done");
		return;
	}
	ret = ioctl(run.device[op->arg[0]], T1X_EMU_IOC_PIN, &pin);
	t1x_say_result(ret, pin.result);
	if (pin.stale)
		t1x_say(" stale %u", pin.stale);
	if (ret || pin.result <= 0)
		return;
	t1x_places_read(&places, run.b);
	for (i = 0; i < pin.result; i++) {
		t1x_places_name(&places, pfns[i] * T1X_PAGE, &who, &vaddr);
		t1x_say_place(who, vaddr);
		if (run.unpin_first && nheld < MAX_HELD)
			held[nheld++] =
				(struct held){ op->arg[0],
					       op->arg[1] + i * T1X_PAGE };
	}
	t1x_places_free(&places);
}

void t1x_do_unpin(const struct op *op)
{
	struct t1x_emu_unpin unpin = {
		.iova = op->arg[1],
		.npages = op->arg[2],
	};
	int ret;
	u64 i;

	if (!t1x_has_device(op->arg[0]))
		return;
	ret = ioctl(run.device[op->arg[0]], T1X_EMU_IOC_UNPIN, &unpin);
	t1x_say_ret(ret);
	for (i = 0; !ret && i < op->arg[2]; i++)
		forget_one(op->arg[0], op->arg[1] + i * T1X_PAGE);
}

void t1x_do_rw(const struct op *op)
{
	static unsigned char data[65536];
	struct t1x_emu_rw rw = {
		.flags = op->arg[3] ? T1X_EMU_RW_WRITE : 0,
		.iova = op->arg[1],
		.len = op->arg[2],
		.data = (u64)data,
	};
	int ret;

	if (!t1x_has_device(op->arg[0]) || op->arg[2] > sizeof(data))
		return;
	memset(data, 0x5a ^ op->arg[1] >> 12, sizeof(data));
	ret = ioctl(run.device[op->arg[0]], T1X_EMU_IOC_RW, &rw);
	t1x_say_result(ret, rw.result);
	t1x_say_bytes(data, sizeof(data));
}
