/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the kernels that the module t1x_emu is built for. */
#ifndef T1X_EMU_COMPAT_H
#define T1X_EMU_COMPAT_H

#include <linux/version.h>
#include <linux/vfio.h>

/* 6.2: iommufd's callbacks, and vfio core frees the device after release */
#if KERNEL_VERSION(6, 2, 0) > LINUX_VERSION_CODE
#define T1X_EMU_IOMMUFD_OPS

static inline void t1x_emu_free(struct vfio_device *vdev)
{
	vfio_free_device(vdev);
}
#else
/* 6.6: detach_ioas; nothing between 6.2 and that is supported */
#define T1X_EMU_IOMMUFD_OPS                               \
	.bind_iommufd = vfio_iommufd_emulated_bind,       \
	.unbind_iommufd = vfio_iommufd_emulated_unbind,   \
	.attach_ioas = vfio_iommufd_emulated_attach_ioas, \
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,

static inline void t1x_emu_free(struct vfio_device *vdev)
{
}
#endif

#endif
