/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio core's private struct vfio_group. We never use it, but the CRC of
 * vfio_register_iommu_driver covers it: genksyms follows the pointers from the
 * driver ops to struct vfio_device and on to its group. It has to be in a header,
 * because genksyms takes a struct that the source file itself defines for opaque.
 *
 * A wrong member here can only make the guard refuse a kernel, never accept one.
 */
#ifndef T1X_ABI_GUARD_GROUP_H
#define T1X_ABI_GUARD_GROUP_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/vfio.h>

#include "vfio_driver_ops.h"

struct vfio_group {
	struct device dev;
	struct cdev cdev;
	refcount_t drivers;
	unsigned int container_users;
	struct iommu_group *iommu_group;
	struct vfio_container *container;
	struct list_head device_list;
	struct mutex device_lock; /* vfio core's */
	struct list_head vfio_next;
	struct list_head container_next;
	enum vfio_group_type type;
	struct mutex group_lock; /* vfio core's */
	struct kvm *kvm;
	struct file *opened_file;
#if T1X_HAVE_NESTING /* 6.13, like the end of nesting */
	struct blocking_notifier_head notifier;
#endif
#if !T1X_HAVE_OPS_NOTIFY /* 6.3, like the end of notify */
	struct iommufd_ctx *iommufd;
	spinlock_t kvm_ref_lock; /* vfio core's */
	unsigned int cdev_device_open_cnt;
#endif
};

#endif /* T1X_ABI_GUARD_GROUP_H */
