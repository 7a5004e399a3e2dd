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
#define vfio_iommu_driver_ops		our_ops
#define vfio_group_type			our_group_type
#define vfio_iommu_notify_type		our_notify_type
#define vfio_register_iommu_driver	our_register
#define vfio_unregister_iommu_driver	our_unregister
#define VFIO_IOMMU			OUR_IOMMU
#define VFIO_EMULATED_IOMMU		OUR_EMULATED_IOMMU
#define VFIO_NO_IOMMU			OUR_NO_IOMMU
#define VFIO_IOMMU_CONTAINER_CLOSE	OUR_CONTAINER_CLOSE
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

#define TYPE_IS(expr, type) \
	_Static_assert(__builtin_types_compatible_p(typeof(expr), type), \
		       "the type of " #expr " differs")
#define SAME_PLACE(member) \
	_Static_assert(offsetof(struct our_ops, member) == \
		       offsetof(struct vfio_iommu_driver_ops, member), \
		       "the offset of " #member " differs")
#define SAME(member) \
	SAME_PLACE(member); \
	TYPE_IS(((struct our_ops *)NULL)->member, \
		typeof(((struct vfio_iommu_driver_ops *)NULL)->member))
/* An enum of ours is never compatible with theirs: each is held against @type. */
#define SAME_BUT_ENUM(member, type, ours, theirs) \
	SAME_PLACE(member); \
	TYPE_IS(((struct our_ops *)NULL)->member, type(ours)); \
	TYPE_IS(((struct vfio_iommu_driver_ops *)NULL)->member, type(theirs))
#define ATTACH_TYPE(arg)	int (*)(void *, struct iommu_group *, arg)
#define NOTIFY_TYPE(arg)	void (*)(void *, arg)

SAME(name);
SAME(owner);
SAME(open);
SAME(release);
SAME(ioctl);
SAME_BUT_ENUM(attach_group, ATTACH_TYPE, enum our_group_type, enum vfio_group_type);
SAME(detach_group);
SAME(pin_pages);
SAME(unpin_pages);
SAME(register_device);
SAME(unregister_device);
SAME(dma_rw);
SAME(group_iommu_domain);
#if T1X_HAVE_OPS_NOTIFY
SAME_BUT_ENUM(notify, NOTIFY_TYPE, enum our_notify_type, enum vfio_iommu_notify_type);
_Static_assert((int)OUR_CONTAINER_CLOSE == (int)VFIO_IOMMU_CONTAINER_CLOSE,
	       "VFIO_IOMMU_CONTAINER_CLOSE differs");
#endif
_Static_assert(sizeof(struct our_ops) == sizeof(struct vfio_iommu_driver_ops),
	       "the number of members differs");
_Static_assert((int)OUR_IOMMU == (int)VFIO_IOMMU, "VFIO_IOMMU differs");
_Static_assert((int)OUR_EMULATED_IOMMU == (int)VFIO_EMULATED_IOMMU,
	       "VFIO_EMULATED_IOMMU differs");
_Static_assert((int)OUR_NO_IOMMU == (int)VFIO_NO_IOMMU, "VFIO_NO_IOMMU differs");
TYPE_IS(vfio_register_iommu_driver, int (const struct vfio_iommu_driver_ops *));
TYPE_IS(our_register, int (const struct our_ops *));
TYPE_IS(vfio_unregister_iommu_driver, void (const struct vfio_iommu_driver_ops *));
TYPE_IS(our_unregister, void (const struct our_ops *));

#endif /* T1X_KERNEL_VFIO_H */
