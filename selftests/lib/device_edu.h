/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's edu device: copies between its own buffer and any bus address, about
 * ten times a second. Its buffer can be reached by DMA only.
 */
#ifndef T1X_DEVICE_EDU_H
#define T1X_DEVICE_EDU_H

#include "device.h"

/* Some QEMU versions abort on a transfer that fills the whole buffer */
#define T1X_EDU_MAX 2048

/* What the first register reads: a way to see that a BAR was reached by DMA */
#define T1X_EDU_ID 0x010000edU

struct t1x_edu {
	struct t1x_device dev;
	char *regs;
};

void t1x_edu_open(struct t1x_edu *edu, struct t1x *c, const char *bdf);
void t1x_edu_close(struct t1x_edu *edu);

/* Device reads memory: [iova, iova + len) to its buffer */
void t1x_edu_load(struct t1x_edu *edu, u64 iova, size_t len);
/* Device writes memory: its buffer to [iova, iova + len) */
void t1x_edu_store(struct t1x_edu *edu, u64 iova, size_t len);
/* Both: memory at from is copied to memory at to, by the device */
void t1x_edu_copy(struct t1x_edu *edu, u64 from, u64 to, size_t len);

#endif
