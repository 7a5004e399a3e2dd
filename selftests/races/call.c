// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "call.h"
#include "dirty.h"
#include "leak.h"
#include "ranges.h"

#define INFO_MAX 4096
#define STRAY 0x8000000000000000UL /* a bit beyond the range of the call */
#define RW_LEN 16

static u64 iova_of(const struct call *call)
{
	return WINDOW_IOVA + call->page * T1X_PAGE;
}

static u64 size_of(const struct call *call)
{
	return call->npages * T1X_PAGE;
}

static u64 last_of(const struct call *call)
{
	return iova_of(call) + size_of(call) - 1;
}

static char *memory(void)
{
	return (char *)t1x_region[R_A].base;
}

bool t1x_target_memory(void)
{
	size_t size = WINDOW_PAGES * T1X_PAGE;
	char *at = mmap(memory(), size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (at == MAP_FAILED)
		return false;
	madvise(at, size, MADV_NOHUGEPAGE);
	memset(at, 1, size);
	return true;
}

static void do_map(struct target *target, const struct call *call,
		   struct answer *answer)
{
	char *vaddr = memory() + call->page * T1X_PAGE;

	answer->ret = call->granule ?
			      __t1x_map_granule(&target->c, vaddr,
						iova_of(call), last_of(call),
						call->granule) :
			      __t1x_map(&target->c, vaddr, iova_of(call),
					size_of(call));
}

/* A bitmap whose bit 0 is the range's begin, as pages of the window */
static u64 shifted(const struct call *call, u64 word)
{
	return word << call->page | (word >> call->npages ? STRAY : 0);
}

static void unmap_range(struct target *target, const struct call *call,
			struct answer *answer)
{
	u64 npages = 0;

	answer->ret = call->bitmap ?
			      __t1x_unmap_range_dirty(&target->c, iova_of(call),
						      last_of(call),
						      &answer->bits, &npages) :
			      __t1x_unmap_range(&target->c, iova_of(call),
						last_of(call), &npages);
	answer->n = npages * T1X_PAGE;
}

static void do_unmap(struct target *target, const struct call *call,
		     struct answer *answer)
{
	u64 word = 0;

	if (call->range) {
		unmap_range(target, call, answer);
		return;
	}
	answer->ret = call->bitmap ?
			      __t1x_dirty_unmap(&target->c, iova_of(call),
						size_of(call), &word,
						&answer->n) :
			      __t1x_unmap(&target->c, iova_of(call),
					  size_of(call), &answer->n);
	answer->bits = shifted(call, word);
}

static void do_unmap_all(struct target *target, const struct call *call,
			 struct answer *answer)
{
	answer->ret = __t1x_unmap_flags(&target->c, 0, 0,
					VFIO_DMA_UNMAP_FLAG_ALL, &answer->n);
}

static void do_info(struct target *target, const struct call *call,
		    struct answer *answer)
{
	const struct vfio_iommu_type1_info_cap_iova_range *iovas;
	const struct vfio_iommu_type1_info_dma_avail *avail;
	const struct vfio_iommu_type1_info *info;
	u64 buf[INFO_MAX / 8];
	int i;

	answer->ret = __t1x_get_info(&target->c, buf, INFO_MAX);
	if (answer->ret)
		return;
	info = (const void *)buf;
	avail = t1x_cap_find(buf, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	iovas = t1x_cap_find(buf, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	answer->pgsizes = info->iova_pgsizes;
	answer->n = avail ? avail->avail : 0;
	answer->nranges = iovas ? iovas->nr_iovas : 0;
	for (i = 0; i < answer->nranges && i < MAX_RANGES; i++)
		answer->range[i] =
			(struct t1x_range){ iovas->iova_ranges[i].start,
					    iovas->iova_ranges[i].end };
}

static void do_start(struct target *target, const struct call *call,
		     struct answer *answer)
{
	answer->ret = __t1x_dirty(&target->c, T1X_DIRTY_START);
}

static void do_stop(struct target *target, const struct call *call,
		    struct answer *answer)
{
	answer->ret = __t1x_dirty(&target->c, T1X_DIRTY_STOP);
}

static void do_get_bitmap(struct target *target, const struct call *call,
			  struct answer *answer)
{
	u64 word = 0;

	answer->ret = __t1x_dirty_get(&target->c, iova_of(call), size_of(call),
				      &word);
	answer->bits = shifted(call, word);
}

static void do_dirty_range(struct target *target, const struct call *call,
			   struct answer *answer)
{
	u32 flags = call->look ? VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR : 0;

	answer->ret = __t1x_dirty_range(&target->c, iova_of(call),
					last_of(call), flags, &answer->bits);
}

static void do_pgsizes(struct target *target, const struct call *call,
		       struct answer *answer)
{
	struct vfio_type1x_pgsizes arg = {
		.argsz = sizeof(arg),
		.flags = call->pgsizes ? VFIO_TYPE1X_PGSIZES_SET :
					 VFIO_TYPE1X_PGSIZES_GET,
		.pgsizes = call->pgsizes,
	};

	answer->ret = __t1x_call(&target->c, VFIO_IOMMU_TYPE1X_PGSIZES, &arg);
	answer->pgsizes = call->pgsizes ? 0 : arg.pgsizes;
	answer->supported = arg.supported;
}

static void do_attach(struct target *target, const struct call *call,
		      struct answer *answer)
{
	if (ioctl(target->edu[call->edu], VFIO_GROUP_SET_CONTAINER,
		  &target->c.fd))
		answer->ret = -errno;
}

static void do_detach(struct target *target, const struct call *call,
		      struct answer *answer)
{
	if (ioctl(target->edu[call->edu], VFIO_GROUP_UNSET_CONTAINER))
		answer->ret = -errno;
}

static void do_pin(struct target *target, const struct call *call,
		   struct answer *answer)
{
	struct t1x_emu_pin pin = {
		.npages = 1,
		.iova = iova_of(call),
		.prot = T1X_EMU_PROT_RW,
	};

	if (ioctl(target->emu.fd, T1X_EMU_IOC_PIN, &pin))
		answer->ret = -errno;
	else if (pin.result < 0)
		answer->ret = pin.result;
	answer->n = pin.stale;
}

static void do_unpin(struct target *target, const struct call *call,
		     struct answer *answer)
{
	struct t1x_emu_unpin unpin = {
		.npages = 1,
		.iova = iova_of(call),
	};

	if (ioctl(target->emu.fd, T1X_EMU_IOC_UNPIN, &unpin))
		answer->ret = -errno;
}

/* A child is no mapper, so the device copies for it from a thread of the kernel */
static void do_rw(struct target *target, const struct call *call,
		  struct answer *answer)
{
	char data[RW_LEN] = {};
	struct t1x_emu_rw rw = {
		.flags = (call->kind == CALL_WRITE ? T1X_EMU_RW_WRITE : 0) |
			 (call->child ? T1X_EMU_FLAG_KTHREAD : 0),
		.iova = iova_of(call),
		.len = sizeof(data),
		.data = (u64)data,
	};

	answer->ret = ioctl(target->emu.fd, T1X_EMU_IOC_RW, &rw) ? -errno :
								   rw.result;
}

int t1x_target_fd(const struct target *target, enum file file, int set)
{
	const int first[FILES] = {
		[FILE_CONTAINER] = target->c.fd,
		[FILE_GROUP] = target->c.group[0].fd,
		[FILE_DEVICE] = target->emu.fd,
	};

	return set ? target->spare[set][file] : first[file];
}

static void do_close(struct target *target, const struct call *call,
		     struct answer *answer)
{
	if (close(t1x_target_fd(target, call->file, call->set)))
		answer->ret = -errno;
}

static void do_held(struct target *target, const struct call *call,
		    struct answer *answer)
{
	answer->n = t1x_emu_held(&target->emu);
}

static void do_locked(struct target *target, const struct call *call,
		      struct answer *answer)
{
	answer->n = t1x_locked() - target->locked;
}

static void do_pins(struct target *target, const struct call *call,
		    struct answer *answer)
{
	answer->n = t1x_pins() - target->pins;
}

static void do_nothing(struct target *target, const struct call *call,
		       struct answer *answer)
{
}

static const struct {
	const char *name;
	void (*act)(struct target *target, const struct call *call,
		    struct answer *answer);
} calls[CALL_KINDS] = {
	[CALL_MAP] = { "MAP", do_map },
	[CALL_UNMAP] = { "UNMAP", do_unmap },
	[CALL_UNMAP_ALL] = { "UNMAP_ALL", do_unmap_all },
	[CALL_INFO] = { "GET_INFO", do_info },
	[CALL_START] = { "START", do_start },
	[CALL_STOP] = { "STOP", do_stop },
	[CALL_GET_BITMAP] = { "GET_BITMAP", do_get_bitmap },
	[CALL_DIRTY_RANGE] = { "DIRTY_RANGE", do_dirty_range },
	[CALL_PGSIZES] = { "PGSIZES", do_pgsizes },
	[CALL_ATTACH] = { "attach", do_attach },
	[CALL_DETACH] = { "detach", do_detach },
	[CALL_PIN] = { "pin", do_pin },
	[CALL_UNPIN] = { "unpin", do_unpin },
	[CALL_READ] = { "read", do_rw },
	[CALL_WRITE] = { "write", do_rw },
	[CALL_CLOSE] = { "close", do_close },
	[CALL_HELD] = { "held by the driver", do_held },
	[CALL_LOCKED] = { "VmLck", do_locked },
	[CALL_PINS] = { "pins", do_pins },
	[CALL_RELEASE] = { "release", do_nothing },
	[CALL_DEATH] = { "death", do_nothing },
};

void t1x_call_do(struct target *target, const struct call *call,
		 struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	calls[call->kind].act(target, call, answer);
}

const char *t1x_call_name(enum call_kind kind)
{
	return calls[kind].name;
}

static void print_arguments(const struct call *call)
{
	static const char *const files[] = { "container", "group", "device" };

	if (call->npages)
		printf(" %d-%d", call->page, call->page + call->npages - 1);
	if (call->granule)
		printf(" granule 0x%lx", call->granule);
	if (call->kind == CALL_PGSIZES && call->pgsizes)
		printf(" set 0x%lx", call->pgsizes);
	if (call->kind == CALL_ATTACH || call->kind == CALL_DETACH)
		printf(" edu%d", call->edu);
	if (call->kind == CALL_CLOSE || call->kind == CALL_RELEASE)
		printf(" %s", files[call->file]);
	if (call->kind == CALL_CLOSE)
		printf(" %d", call->set);
	printf("%s%s%s%s", call->range ? " RANGE" : "",
	       call->bitmap ? " with a bitmap" : "",
	       call->look ? " NO_CLEAR" : "", call->child ? " (child)" : "");
}

static void print_answer(const struct answer *answer)
{
	int i;

	printf(": %s", answer->ret < 0 ? strerrorname_np(-answer->ret) : "ok");
	if (answer->n)
		printf(" 0x%lx", answer->n);
	if (answer->bits)
		printf(" dirty %02lx", answer->bits);
	if (answer->pgsizes)
		printf(" pgsizes 0x%lx", answer->pgsizes);
	if (answer->supported)
		printf(" of 0x%lx", answer->supported);
	for (i = 0; i < answer->nranges && i < MAX_RANGES; i++)
		printf(" 0x%lx-0x%lx", answer->range[i].start,
		       answer->range[i].last);
}

void t1x_call_print(const struct call *call, const struct answer *answer)
{
	printf("%s", t1x_call_name(call->kind));
	print_arguments(call);
	if (answer)
		print_answer(answer);
	printf("\n");
}
