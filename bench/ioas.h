/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd by its own interface: an IOAS, with devices that are bound to it by
 * their own files. What fails ends the program, but where an errno is returned.
 */
#ifndef BENCH_IOAS_H
#define BENCH_IOAS_H

#include <stdbool.h>

#include "util.h"

struct ioas_device {
	int fd;
	u32 id;
	u32 pt; /* page tables of its own, 0: those of the IOAS */
};

struct ioas {
	int fd;
	u32 id;
	struct ioas_device device;
};

/* name: a PCI device, or an emulated one */
void ioas_open(struct ioas *ioas, const char *name);
void ioas_close(struct ioas *ioas);

void ioas_map(struct ioas *ioas, const void *vaddr, u64 iova, u64 size);
/* What a file shows from its start on: the way in for a BAR */
void ioas_map_file(struct ioas *ioas, int fd, u64 iova, u64 size);
void ioas_unmap(struct ioas *ioas, u64 iova, u64 size);
/* Takes the device out, and with the IOAS all that is mapped */
void ioas_drop(struct ioas *ioas);

/* Another device, for page tables of its own that get all that is mapped */
void ioas_bind(struct ioas *ioas, struct ioas_device *device, const char *name);
void ioas_attach_alone(struct ioas *ioas, struct ioas_device *device);
void ioas_detach_alone(struct ioas *ioas, struct ioas_device *device);
void ioas_unbind(struct ioas_device *device);

/* A dma-buf of the first bytes of the device's BAR, or -errno */
int ioas_bar(struct ioas *ioas, int bar, u64 size);

/* 0, or -EOPNOTSUPP where the IOMMU does not tell what was written */
int ioas_dirty_start(struct ioas *ioas);
void ioas_dirty_get(struct ioas *ioas, u64 iova, u64 size, u64 *bitmap);

#endif
