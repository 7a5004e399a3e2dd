// SPDX-License-Identifier: GPL-2.0-only
/*
 * What scripts/abi-guard.sh feeds to the compiler; never linked into anything.
 *
 * With T1X_KERNEL_VFIO_H, the path of the kernel's drivers/vfio/vfio.h: compiles if,
 * and only if, our declaration equals the kernel's, member by member.
 * Without: exports vfio_register_iommu_driver() over our declaration, for genksyms
 * and for pahole. genksyms hashes a struct by what is visible of it, so exactly the
 * headers of the kernel's drivers/vfio/container.c are included, and compat.h may not
 * complete a type that they leave incomplete.
 */
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/fs.h>
#include <linux/capability.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/vfio.h>
#include <uapi/linux/vfio.h>

#ifndef T1X_KERNEL_VFIO_H

#include "abi-guard-group.h"

int vfio_register_iommu_driver(const struct vfio_iommu_driver_ops *ops)
{
	return ops->name ? 0 : -EINVAL;
}
EXPORT_SYMBOL_GPL(vfio_register_iommu_driver);

#else /* T1X_KERNEL_VFIO_H */

/* Both declarations are visible at once: ours gets other names. */
#define vfio_iommu_driver_ops our_ops
#define vfio_group_type our_group_type
#define vfio_iommu_notify_type our_notify_type
#define vfio_register_iommu_driver our_register
#define vfio_unregister_iommu_driver our_unregister
#define VFIO_IOMMU OUR_IOMMU
#define VFIO_EMULATED_IOMMU OUR_EMULATED_IOMMU
#define VFIO_NO_IOMMU OUR_NO_IOMMU
#define VFIO_IOMMU_CONTAINER_CLOSE OUR_CONTAINER_CLOSE
#include "vfio_driver_ops.h"
#undef vfio_iommu_driver_ops
#undef vfio_group_type
#undef vfio_iommu_notify_type
#undef vfio_register_iommu_driver
#undef vfio_unregister_iommu_driver
#undef VFIO_IOMMU
#undef VFIO_EMULATED_IOMMU
#undef VFIO_NO_IOMMU
#undef VFIO_IOMMU_CONTAINER_CLOSE
#include T1X_KERNEL_VFIO_H

#define IS(type, other) __builtin_types_compatible_p(type, other)
#define OUR(member) typeof_member(struct our_ops, member)
#define THEIR(member) typeof_member(struct vfio_iommu_driver_ops, member)
#define SAME_PLACE(member)                   \
	(offsetof(struct our_ops, member) == \
	 offsetof(struct vfio_iommu_driver_ops, member))
#define SAME(member)                                                        \
	static_assert(SAME_PLACE(member) && IS(OUR(member), THEIR(member)), \
		      "the type or the place of " #member " differs")
/* An enum of ours is never compatible with theirs: each is held against @type. */
#define SAME_BUT_ENUM(member, type, ours, theirs)                          \
	static_assert(SAME_PLACE(member) && IS(OUR(member), type(ours)) && \
			      IS(THEIR(member), type(theirs)),             \
		      "the type or the place of " #member " differs")
#define ATTACH(arg) int (*)(void *, struct iommu_group *, arg)
#define NOTIFY(arg) void (*)(void *, arg)

SAME(name);
SAME(owner);
SAME(open);
SAME(release);
SAME(ioctl);
SAME_BUT_ENUM(attach_group, ATTACH, enum our_group_type, enum vfio_group_type);
SAME(detach_group);
SAME(pin_pages);
SAME(unpin_pages);
SAME(register_device);
SAME(unregister_device);
SAME(dma_rw);
SAME(group_iommu_domain);
#if T1X_HAVE_OPS_NOTIFY
SAME_BUT_ENUM(notify, NOTIFY, enum our_notify_type,
	      enum vfio_iommu_notify_type);
static_assert((int)OUR_CONTAINER_CLOSE == (int)VFIO_IOMMU_CONTAINER_CLOSE);
#endif
static_assert(sizeof(struct our_ops) == sizeof(struct vfio_iommu_driver_ops),
	      "the number of members differs");
static_assert((int)OUR_IOMMU == (int)VFIO_IOMMU);
static_assert((int)OUR_EMULATED_IOMMU == (int)VFIO_EMULATED_IOMMU);
static_assert((int)OUR_NO_IOMMU == (int)VFIO_NO_IOMMU);
static_assert(IS(typeof(our_register), int(const struct our_ops *)));
static_assert(IS(typeof(our_unregister), void(const struct our_ops *)));
static_assert(IS(typeof(vfio_register_iommu_driver),
		 int(const struct vfio_iommu_driver_ops *)));
static_assert(IS(typeof(vfio_unregister_iommu_driver),
		 void(const struct vfio_iommu_driver_ops *)));

#endif /* T1X_KERNEL_VFIO_H */
