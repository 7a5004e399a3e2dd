/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the emulated test devices of t1x_emu.ko do on request. Shared by the
 * module and by the programs that drive it. For tests only.
 *
 * The module makes as many devices as its parameter "devices" says (2), each in
 * an emulated IOMMU group of its own: t1x_emu.0, t1x_emu.1 and so on. The group
 * is where the link T1X_EMU_SYSFS "/t1x_emu.N/iommu_group" points. The name is
 * what VFIO_GROUP_GET_DEVICE_FD takes. Those whose bit is set in the parameter
 * "plain" have no dma_unmap callback.
 *
 * All ioctls are those of the device's file. Where an argument has a field
 * result, that is what the vfio function has returned; the ioctl itself fails
 * only where the request could not be carried out, and then result is not
 * written. A request comes from the calling thread, with FLAG_KTHREAD from a
 * kernel thread, which has no address space.
 */
#ifndef T1X_EMU_H
#define T1X_EMU_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define T1X_EMU_SYSFS "/sys/bus/t1x_emu/devices"
#define T1X_EMU_MAX_DEVICES 16
#define T1X_EMU_MAX_RW (16U << 20)
/* vfio core refuses to pin more than 512 pages; longer requests reach it too */
#define T1X_EMU_MAX_PAGES 4096

#define T1X_EMU_PROT_READ 1U
#define T1X_EMU_PROT_WRITE 2U

/* In flags of any request */
#define T1X_EMU_FLAG_KTHREAD 0x1U

/*
 * vfio_pin_pages(). Each page pinned is one hold of the device at iova + 4096 *
 * i, exactly: a second pin there is a second hold. Any iova will do.
 */
struct t1x_emu_pin {
	__u32 flags; /* FLAG_KTHREAD */
	__s32 npages; /* passed on as it is */
	__aligned_u64 iova;
	__u32 prot; /* passed on as it is */
	__s32 result; /* out: number of pages or -errno */
	/* In: array of u64, one for each page pinned, or 0 */
	__aligned_u64 pfns;
	/* Out: pages that a pin that failed has left in the caller's array */
	__u32 stale;
	__u32 reserved;
};

/*
 * vfio_unpin_pages() in one call. ENOENT where not every page is held, unless
 * it is UNPIN_RAW: then it is a driver's error that is wanted, holds go as far
 * as there are any. Type1 warns where there is no mapping.
 */
#define T1X_EMU_UNPIN_RAW 0x2U

struct t1x_emu_unpin {
	__u32 flags; /* FLAG_KTHREAD, UNPIN_RAW */
	__s32 npages;
	__aligned_u64 iova;
};

/* vfio_dma_rw() between iova and the caller's memory at data */
#define T1X_EMU_RW_WRITE 0x2U /* to iova */

struct t1x_emu_rw {
	__u32 flags; /* FLAG_KTHREAD, RW_WRITE */
	__s32 result; /* out: 0 or -errno */
	__aligned_u64 iova;
	__aligned_u64 len; /* at most MAX_RW */
	/* A read that fails has stored what came before the failure */
	__aligned_u64 data;
};

/*
 * What the dma_unmap callback does, once it has slept delay_ms (T1X_EMU_LATER
 * sleeps elsewhere). A hold is meant where its iova lies in the range.
 */
enum t1x_emu_mode {
	T1X_EMU_UNPIN_ALL, /* unpin the holds meant, as a driver must */
	T1X_EMU_REFUSE, /* do nothing */
	T1X_EMU_REPIN, /* unpin the holds meant, then pin them again */
	T1X_EMU_LATER, /* return; a kernel thread unpins after delay_ms */
};

/* The callback first tries to read one byte at the start of its range */
#define T1X_EMU_CONFIG_READ 0x2U
/* Closing the device leaves its holds pinned, and forgets them */
#define T1X_EMU_CONFIG_KEEP_AT_CLOSE 0x4U
/* All holds are meant, not only those in the range */
#define T1X_EMU_CONFIG_WHOLE 0x8U

struct t1x_emu_config {
	__u32 flags; /* CONFIG_* */
	__u32 mode;
	__u32 delay_ms;
	__u32 count; /* of callbacks that mode is for, then UNPIN_ALL; 0: all */
};

/* Each open of the device begins with zeros in config and stats */
struct t1x_emu_range {
	__aligned_u64 seq; /* counts the callbacks of all devices */
	__aligned_u64 iova;
	__aligned_u64 len;
};

#define T1X_EMU_LOG 1024

#define T1X_EMU_STATS_RESET 0x2U /* all but held and cycles to 0, after */

struct t1x_emu_stats {
	__u32 flags; /* STATS_RESET */
	__u32 nranges; /* in: room at ranges; out: how many were stored */
	/* In: where the newest callbacks go, at most LOG, oldest first, or 0 */
	__aligned_u64 ranges;
	/* Out */
	__aligned_u64 callbacks; /* begun */
	__aligned_u64 ended; /* and returned from */
	__aligned_u64 held; /* pages */
	__aligned_u64 repins; /* calls of T1X_EMU_REPIN that have pinned */
	__s32 repin_result; /* of the last one: 1 or -errno */
	__s32 read_result; /* of the last CONFIG_READ: 0 or -errno */
	/* Of the time stamp counter, in vfio's functions for PIN and UNPIN */
	__aligned_u64 cycles;
};

#define T1X_EMU_IOC_PIN _IOWR('e', 0xe0, struct t1x_emu_pin)
#define T1X_EMU_IOC_UNPIN _IOWR('e', 0xe1, struct t1x_emu_unpin)
#define T1X_EMU_IOC_RW _IOWR('e', 0xe2, struct t1x_emu_rw)
#define T1X_EMU_IOC_CONFIG _IOW('e', 0xe3, struct t1x_emu_config)
#define T1X_EMU_IOC_STATS _IOWR('e', 0xe4, struct t1x_emu_stats)

#endif
