/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio core's side of a container backend. The kernel keeps these declarations
 * in drivers/vfio/vfio.h, which no headers package carries, so they are written
 * down again here. Nothing at run time notices a mistake in them: vfio core would
 * call through the wrong member. The layout guard (scripts/abi-guard.sh) therefore
 * compares them with the target kernel in each build; see
 * Documentation/layout-guard.rst before changing anything here.
 *
 * The order and the types of the members and of the arguments are the interface.
 * The names of arguments are ours and free.
 */
#ifndef T1X_VFIO_DRIVER_OPS_H
#define T1X_VFIO_DRIVER_OPS_H

#include <linux/types.h>

#include "compat.h"

struct iommu_domain;
struct iommu_group;
struct module;
struct page;
struct vfio_device;

/* What backs the group that vfio core attaches. */
enum vfio_group_type {
	VFIO_IOMMU, /* a device behind an IOMMU */
	VFIO_EMULATED_IOMMU, /* a mediated device: it pins, we map nothing */
	VFIO_NO_IOMMU, /* served by vfio core itself, never by a backend */
};

#if T1X_HAVE_OPS_NOTIFY
enum vfio_iommu_notify_type {
	VFIO_IOMMU_CONTAINER_CLOSE = 0, /* the container's file was closed */
};
#endif

/* @data is what open() returned. Unset optional members are not called. */
struct vfio_iommu_driver_ops {
	char *name;
	struct module *owner;
	void *(*open)(unsigned long type);
	void (*release)(void *data);
	long (*ioctl)(void *data, unsigned int cmd, unsigned long arg);
	int (*attach_group)(void *data, struct iommu_group *group,
			    enum vfio_group_type type);
	void (*detach_group)(void *data, struct iommu_group *group);
	int (*pin_pages)(void *data, struct iommu_group *group, dma_addr_t iova,
			 int npage, int prot, struct page **pages);
	void (*unpin_pages)(void *data, dma_addr_t iova, int npage);
	void (*register_device)(void *data, struct vfio_device *vdev);
	void (*unregister_device)(void *data, struct vfio_device *vdev);
	int (*dma_rw)(void *data, dma_addr_t iova, void *buf, size_t len,
		      bool write);
	struct iommu_domain *(*group_iommu_domain)(void *data,
						   struct iommu_group *group);
#if T1X_HAVE_OPS_NOTIFY
	void (*notify)(void *data, enum vfio_iommu_notify_type event);
#endif
};

int vfio_register_iommu_driver(const struct vfio_iommu_driver_ops *ops);
void vfio_unregister_iommu_driver(const struct vfio_iommu_driver_ops *ops);

#endif /* T1X_VFIO_DRIVER_OPS_H */
