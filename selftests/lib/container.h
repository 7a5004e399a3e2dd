/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VFIO container with the groups of one or more test devices.
 *
 * __t1x_*() return -errno and are for tests that expect a failure; the same
 * name without underscores fails the test and prints what was seen. Opening
 * also fails the test if the container is served by another module than the
 * one under test: vfio falls back to the next driver without a word.
 */
#ifndef T1X_CONTAINER_H
#define T1X_CONTAINER_H

#include <linux/vfio.h>

#include "util.h"

#define T1X_MAX_GROUPS 4
#define T1X_RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define T1X_BASE 0x40000000UL /* below every reserved window of x86 */

struct t1x_group {
	int fd;
	char bdf[16];
};

struct t1x {
	int fd;
	int type;
	int ngroups;
	struct t1x_group group[T1X_MAX_GROUPS];
};

struct t1x_range {
	u64 start, last;
};

/* The nth device of a kind that the guest offers, NULL where it has fewer */
const char *t1x_edu(int n);
const char *t1x_nvme(int n);
const char *t1x_testdev(int n);
/* Any device: for tests that only need a group */
const char *t1x_any_device(void);

/* Of a PCI address, or of an emulated device's name */
int t1x_group_number(const char *bdf);
int t1x_group_open(const char *bdf);

int __t1x_open(struct t1x *c, int type, const char *bdf);
void t1x_open(struct t1x *c, int type, const char *bdf);
void t1x_close(struct t1x *c);

int __t1x_add_group(struct t1x *c, const char *bdf);
void t1x_add_group(struct t1x *c, const char *bdf);
int __t1x_del_group(struct t1x *c, const char *bdf);
void t1x_del_group(struct t1x *c, const char *bdf);
/* SET_IOMMU on a container that has its groups; checks who serves it */
int __t1x_set_iommu(struct t1x *c);

int __t1x_map_flags(struct t1x *c, const void *vaddr, u64 iova, u64 size,
		    u32 flags);
int __t1x_map(struct t1x *c, const void *vaddr, u64 iova, u64 size);
int __t1x_unmap_flags(struct t1x *c, u64 iova, u64 size, u32 flags,
		      u64 *unmapped);
int __t1x_unmap(struct t1x *c, u64 iova, u64 size, u64 *unmapped);
void t1x_map_at(const char *file, int line, struct t1x *c, const void *vaddr,
		u64 iova, u64 size);
void t1x_unmap_at(const char *file, int line, struct t1x *c, u64 iova,
		  u64 size);

#define t1x_map(...) t1x_map_at(__FILE__, __LINE__, __VA_ARGS__)
/* Expects that exactly [iova, iova + size) goes */
#define t1x_unmap(...) t1x_unmap_at(__FILE__, __LINE__, __VA_ARGS__)

/* Everything goes; returns the size that the kernel reports */
u64 t1x_unmap_all(struct t1x *c);

/* GET_INFO with its capabilities into a buffer of len bytes; 0 or -errno */
int __t1x_get_info(struct t1x *c, void *buf, u32 len);
/* A capability in such a buffer, NULL if absent */
const void *t1x_cap_find(const void *buf, u16 id);
u32 t1x_dma_avail(struct t1x *c);
int t1x_ranges(struct t1x *c, struct t1x_range *ranges, int max);

#endif
