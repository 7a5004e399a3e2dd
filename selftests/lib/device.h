/* SPDX-License-Identifier: GPL-2.0-only */
/* A PCI device behind vfio-pci: its file, its BARs, bus mastering. */
#ifndef T1X_DEVICE_H
#define T1X_DEVICE_H

#include <stddef.h>

#include "container.h"

struct t1x_device {
	int fd;
	char bdf[16];
};

/* The device's group must be in the container */
void t1x_device_open(struct t1x_device *dev, struct t1x *c, const char *bdf);
/* A device whose file was opened in another way, and is still the caller's */
void t1x_device_adopt(struct t1x_device *dev, int fd, const char *bdf);
void t1x_device_close(struct t1x_device *dev);
/* Do its BARs answer? They do from the open on. Without it they cannot be faulted in */
void t1x_device_decode(struct t1x_device *dev, bool on);

u64 t1x_device_bar_size(struct t1x_device *dev, int bar);
/* Where the host has placed the BAR */
u64 t1x_device_bar_phys(struct t1x_device *dev, int bar);
/* Length 0 is the whole BAR; fails the test where it cannot be mapped */
void *t1x_device_bar_map(struct t1x_device *dev, int bar, size_t len, int prot);
/* As above onto a fixed address, over what is there */
void *t1x_device_bar_map_at(struct t1x_device *dev, int bar, size_t len,
			    int prot, void *at);

#endif
