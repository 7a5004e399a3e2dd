/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The emulated devices of t1x_emu.ko: a device without an IOMMU that pins and
 * copies what is mapped, as mediated devices do. Their names go where those of
 * PCI devices go.
 *
 * __t1x_emu_*() return what vfio has returned to the device.
 */
#ifndef T1X_DEVICE_EMU_H
#define T1X_DEVICE_EMU_H

#include "../t1x_emu/t1x_emu.h"
#include "container.h"
#include "leak.h"

#define T1X_EMU_PROT_RW (T1X_EMU_PROT_READ | T1X_EMU_PROT_WRITE)

struct t1x_emu {
	int fd;
	const char *name;
};

/* False where the guest has no such module. Bit n of plain: see t1x_emu.h */
bool t1x_emu_load(unsigned int devices, unsigned int plain);
/* Waits a moment for what was just closed. 0, or -EBUSY if somebody holds a device */
int t1x_emu_settle(void);
/* The nth device */
const char *t1x_emu(int n);

/* The device's group must be in the container */
void t1x_emu_open(struct t1x_emu *emu, struct t1x *c, const char *name);
void t1x_emu_close(struct t1x_emu *emu);

/* A container of type v2 for the first device: what most fixtures begin with */
void t1x_emu_begin(struct t1x_emu *emu, struct t1x *c, struct t1x_leak *leak);
/* Closes both, waits for the devices to be free; what of it failed or is left, as a number */
int t1x_emu_end(struct t1x_emu *emu, struct t1x *c, struct t1x_leak *leak);

/* The number of pages or -errno */
int __t1x_emu_pin_flags(struct t1x_emu *emu, u64 iova, int npages, u32 prot,
			u32 flags, u64 *pfns);
int __t1x_emu_pin(struct t1x_emu *emu, u64 iova, int npages);
void t1x_emu_pin_at(const char *file, int line, struct t1x_emu *emu, u64 iova,
		    int npages);
#define t1x_emu_pin(...) t1x_emu_pin_at(__FILE__, __LINE__, __VA_ARGS__)

int __t1x_emu_unpin_flags(struct t1x_emu *emu, u64 iova, int npages, u32 flags);
void t1x_emu_unpin(struct t1x_emu *emu, u64 iova, int npages);

int __t1x_emu_rw(struct t1x_emu *emu, u64 iova, void *data, u64 len, u32 flags);
int __t1x_emu_read(struct t1x_emu *emu, u64 iova, void *data, u64 len);
int __t1x_emu_write(struct t1x_emu *emu, u64 iova, const void *data, u64 len);

void t1x_emu_config(struct t1x_emu *emu, enum t1x_emu_mode mode, u32 delay_ms,
		    u32 flags);
/* mode for count callbacks, then a driver as it should be */
void t1x_emu_config_count(struct t1x_emu *emu, enum t1x_emu_mode mode,
			  u32 count);

void t1x_emu_stats(struct t1x_emu *emu, struct t1x_emu_stats *stats);
/* The newest callbacks, oldest first; returns how many there are */
int t1x_emu_ranges(struct t1x_emu *emu, struct t1x_emu_range *ranges, int max);
int t1x_emu_callbacks(struct t1x_emu *emu);
u64 t1x_emu_held(struct t1x_emu *emu);
/* Waits until a callback has begun that has not ended */
bool t1x_emu_wait_callback(struct t1x_emu *emu, unsigned int ms);

#endif
