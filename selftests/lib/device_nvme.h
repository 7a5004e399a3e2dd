/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The smallest NVMe driver that moves data: an admin queue for Identify (the
 * device writes 4 KiB) and one I/O queue for reads and writes of 4 KiB. Polled.
 * Thousands of transfers a second, where edu does ten.
 */
#ifndef T1X_DEVICE_NVME_H
#define T1X_DEVICE_NVME_H

#include "device.h"

/* The driver's queues take this many pages of IOVA space */
#define T1X_NVME_PAGES 4

/* How many transfers t1x_nvme_start_*() may have under way */
#define T1X_NVME_DEPTH 8

struct t1x_nvme_queue {
	u32 tail, head, phase;
	u16 next_id;
	int id;
	u32 *sq, *cq;
};

struct t1x_nvme {
	struct t1x_device dev;
	struct t1x *c;
	char *regs;
	size_t regs_len;
	unsigned int stride;
	unsigned int block; /* bytes */
	u64 iova; /* of the queues */
	char *mem;
	struct t1x_nvme_queue admin, io;
};

/* Queues are mapped at [iova, iova + T1X_NVME_PAGES pages) */
void t1x_nvme_open(struct t1x_nvme *nvme, struct t1x *c, const char *bdf,
		   u64 iova);
void t1x_nvme_close(struct t1x_nvme *nvme);

/*
 * 0, the device's status field, or -ETIMEDOUT: a transfer that the IOMMU blocks
 * may end in any of these. Judge by the bytes.
 */
int t1x_nvme_identify(struct t1x_nvme *nvme, u64 iova);
/* 4 KiB at 4 KiB * slot of the disk */
int t1x_nvme_read(struct t1x_nvme *nvme, unsigned int slot, u64 iova);
int t1x_nvme_write(struct t1x_nvme *nvme, unsigned int slot, u64 iova);

/*
 * Several at once: start them, then wait as often. They end in any order; the
 * result of each is as above, -ETIMEDOUT where none ends. The thread that does
 * this may be another than the one that uses t1x_nvme_identify().
 */
void t1x_nvme_start_read(struct t1x_nvme *nvme, unsigned int slot, u64 iova);
void t1x_nvme_start_write(struct t1x_nvme *nvme, unsigned int slot, u64 iova);
int t1x_nvme_wait(struct t1x_nvme *nvme);

/*
 * True if a write of the device to the page at iova arrives in the page at
 * vaddr, which it overwrites. It fails the test if but some of it arrives.
 */
bool t1x_nvme_reaches(struct t1x_nvme *nvme, char *vaddr, u64 iova);

#endif
