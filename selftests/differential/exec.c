// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process A opens the container and the groups and works down the sequence;
 * what is B's is sent to B, its child, which has memory of its own at the same
 * addresses. All run one after the other: nothing depends on timing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "container.h"
#include "exec.h"
#include "iotable.h"
#include "leak.h"
#include "memory.h"

#include "../t1x_emu/t1x_emu.h"

#define RESULT_MAX 65536
#define RECORD_MAX (8 << 20)
#define SECONDS 60 /* for one sequence */
#define SECOND_DOMAIN "/sys/module/t1x_second_domain/parameters/arm"
#define DEFAULT_ENTRIES 65535
#define MAX_HELD 4096

struct held {
	enum group group;
	u64 iova;
};

static struct {
	const char *module;
	int container;
	bool served;
	int group[G_COUNT], device[G_COUNT];
	const char *bdf[G_COUNT];
	int memfd, sock;
	pid_t b;
	bool unpin_first; /* see unpin_all */
	/*
	 * In-tree frees a domain with all that is mapped in it, if another one
	 * is left. From then on 7.3's iommu.debug_pagealloc, which the debug
	 * lanes use, takes these pages for mapped, and warns when one is freed.
	 */
	bool one_domain;
	int nheld;
	struct held held[MAX_HELD];
} run;

static char result[RESULT_MAX];
static size_t result_len;

__attribute((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	size_t room = sizeof(result) - result_len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(result + result_len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		result_len += (size_t)n < room ? (size_t)n : room - 1;
}

/* What a system call returned; errno is still its own */
static void say_ret(long ret)
{
	if (ret < 0)
		say("%s", strerrorname_np(errno) ?: "unknown errno");
	else
		say("%ld", ret);
}

/* The same for a request to an emulated device, which has a result of its own */
static void say_result(int ret, int result)
{
	if (ret || result >= 0) {
		say_ret(ret ? ret : result);
		return;
	}
	errno = -result;
	say_ret(-1);
}

static u64 hash(const void *mem, size_t len)
{
	const unsigned char *at = mem;
	u64 sum = 0xcbf29ce484222325;

	while (len--)
		sum = (sum ^ *at++) * 0x100000001b3;
	return sum;
}

static int open_emu(int n)
{
	char link[128], target[256], path[64];
	ssize_t len;

	snprintf(link, sizeof(link), T1X_EMU_SYSFS "/t1x_emu.%d/iommu_group",
		 n);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(target, '/') + 1);
	len = open(path, O_RDWR | O_CLOEXEC);
	return len < 0 ? -errno : len;
}

static int open_group(enum group g)
{
	if (is_emu(g))
		return open_emu(g - G_EMU0);
	return run.bdf[g] ? t1x_group_open(run.bdf[g]) : -ENODEV;
}

static void open_all(void)
{
	int g;

	run.bdf[G_EDU0] = t1x_edu(0);
	run.bdf[G_EDU1] = t1x_edu(1);
	run.bdf[G_NVME0] = t1x_nvme(0);
	for (g = 0; g < G_COUNT; g++) {
		u64 end = t1x_now_ms() + 5000;

		/* The last user may be on its way out */
		while ((run.group[g] = open_group(g)) == -EBUSY &&
		       t1x_now_ms() < end)
			t1x_sleep_ms(5);
		run.device[g] = -1;
	}
	run.container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	t1x_require(run.container >= 0, "open /dev/vfio/vfio: %s",
		    strerror(errno));
}

static bool has_group(enum group g)
{
	if (g < G_COUNT && run.group[g] >= 0)
		return true;
	say("absent");
	return false;
}

static void do_attach(const struct op *op)
{
	if (!has_group(op->arg[0]))
		return;

	/* Refuse once to share a domain, so that there is a second one */
	if (op->arg[1] && !run.one_domain)
		t1x_write_ulong(SECOND_DOMAIN, 1);
	say_ret(ioctl(run.group[op->arg[0]], VFIO_GROUP_SET_CONTAINER,
		      &run.container));
	if (op->arg[1])
		t1x_write_ulong(SECOND_DOMAIN, 0);
}

static void do_detach(const struct op *op)
{
	if (has_group(op->arg[0]))
		say_ret(ioctl(run.group[op->arg[0]],
			      VFIO_GROUP_UNSET_CONTAINER));
}

static void do_set(const struct op *op)
{
	int ret = ioctl(run.container, VFIO_SET_IOMMU, op->arg[0]);

	say_ret(ret);
	if (!ret)
		t1x_require(t1x_refcnt(run.module) > 0,
			    "not %s serves the container", run.module);
}

static void do_open(const struct op *op)
{
	enum group g = op->arg[0];
	char name[32];

	if (!has_group(g))
		return;
	if (run.device[g] >= 0) {
		say("open");
		return;
	}

	snprintf(name, sizeof(name), "t1x_emu.%d", g - G_EMU0);
	run.device[g] = ioctl(run.group[g], VFIO_GROUP_GET_DEVICE_FD,
			      is_emu(g) ? name : run.bdf[g]);
	if (run.device[g] < 0)
		say_ret(-1);
	else
		say("0");
}

static void forget_holds(enum group g, u64 iova, u64 npages)
{
	int i;

	for (i = 0; i < run.nheld;) {
		struct held *h = &run.held[i];

		if (h->group == g && (h->iova - iova) / T1X_PAGE < npages &&
		    !((h->iova - iova) % T1X_PAGE))
			*h = run.held[--run.nheld];
		else
			i++;
	}
}

static bool has_device(enum group g)
{
	if (g < G_COUNT && run.device[g] >= 0)
		return true;
	say("closed");
	return false;
}

static void do_close(const struct op *op)
{
	enum group g = op->arg[0];
	int i;

	if (!has_device(g))
		return;
	say_ret(close(run.device[g]));
	run.device[g] = -1;
	for (i = 0; i < run.nheld;) {
		if (run.held[i].group == g)
			run.held[i] = run.held[--run.nheld];
		else
			i++;
	}
}

static void do_map(const struct op *op)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = op->arg[MAP_ARGSZ],
		.flags = op->arg[MAP_FLAGS],
		.vaddr = op->arg[MAP_VADDR],
		.iova = op->arg[MAP_IOVA],
		.size = op->arg[MAP_SIZE],
	};
	u64 before = hash(&map, sizeof(map));

	say_ret(ioctl(run.container, VFIO_IOMMU_MAP_DMA, &map));
	if (hash(&map, sizeof(map)) != before)
		say(" argument written to");
}

/*
 * In-tree's callback chain is an ABBA that lockdep reports at the first
 * mediated device that unpins in it, and then lockdep is off. On kernels with
 * lockdep nothing is therefore pinned when UNMAP comes.
 */
static void unpin_all(void)
{
	int i;

	for (i = 0; run.unpin_first && i < run.nheld; i++) {
		struct t1x_emu_unpin unpin = {
			.iova = run.held[i].iova,
			.npages = 1,
		};

		ioctl(run.device[run.held[i].group], T1X_EMU_IOC_UNPIN, &unpin);
	}
	if (run.unpin_first)
		run.nheld = 0;
}

/* Which ranges the emulated devices were told of */
static void say_callbacks(void)
{
	static struct t1x_emu_range range[T1X_EMU_LOG];
	u32 i;
	int g;

	for (g = G_EMU0; g <= G_EMU1; g++) {
		struct t1x_emu_stats stats = {
			.flags = T1X_EMU_STATS_RESET,
			.nranges = T1X_EMU_LOG,
			.ranges = (u64)range,
		};

		if (run.device[g] < 0 ||
		    ioctl(run.device[g], T1X_EMU_IOC_STATS, &stats))
			continue;
		for (i = 0; i < stats.nranges; i++)
			say(" %s:0x%lx+0x%lx", t1x_group_name[g],
			    (u64)range[i].iova, (u64)range[i].len);
	}
}

/* Runs of equal bytes of a result, and whether anything else was written */
static void say_bitmap(const struct op *op)
{
	const struct region_info *buf = &t1x_region[R_BUF];
	const unsigned char *mem = (void *)buf->base;
	u64 first = op->arg[BITMAP_DATA] - buf->base;
	u64 end, i, n, stray = 0;

	if (first >= buf->size)
		return;
	end = op->arg[BITMAP_SIZE] < buf->size - first ?
		      first + op->arg[BITMAP_SIZE] :
		      buf->size;
	say(" bits");
	for (i = first; i < end; i += n) {
		for (n = 1; i + n < end && mem[i + n] == mem[i]; n++)
			;
		say(n > 1 ? " %02x*%lu" : " %02x", mem[i], n);
	}
	for (i = 0; i < buf->size; i++)
		if ((i < first || i >= end) &&
		    mem[i] != (unsigned char)op->arg[BITMAP_FILL])
			stray++;
	if (stray)
		say(" stray %lu", stray);
}

static void fill_buf(const struct op *op)
{
	memset((void *)t1x_region[R_BUF].base, op->arg[BITMAP_FILL],
	       t1x_region[R_BUF].size);
}

static void do_unmap(const struct op *op)
{
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap = {
			.argsz = op->arg[UNMAP_ARGSZ],
			.flags = op->arg[UNMAP_FLAGS],
			.iova = op->arg[UNMAP_IOVA],
			.size = op->arg[UNMAP_SIZE],
		},
		.bitmap = {
			.pgsize = op->arg[BITMAP_PGSIZE],
			.size = op->arg[BITMAP_SIZE],
			.data = (void *)op->arg[BITMAP_DATA],
		},
	};
	u64 before;
	int ret;

	if (op->kind == OP_UNMAPD)
		fill_buf(op);
	before = hash(&arg, 16) ^ hash(&arg.bitmap, sizeof(arg.bitmap));
	ret = ioctl(run.container, VFIO_IOMMU_UNMAP_DMA, &arg);
	say_ret(ret);
	say(" size 0x%lx", (u64)arg.unmap.size);
	if ((hash(&arg, 16) ^ hash(&arg.bitmap, sizeof(arg.bitmap))) != before)
		say(" argument written to");
	if (op->kind == OP_UNMAPD)
		say_bitmap(op);
}

static void do_dirty(const struct op *op)
{
	struct vfio_iommu_type1_dirty_bitmap arg = {
		.argsz = op->arg[0],
		.flags = op->arg[1],
	};

	say_ret(ioctl(run.container, VFIO_IOMMU_DIRTY_PAGES, &arg));
}

static void do_get(const struct op *op)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.dirty = {
			.argsz = op->arg[UNMAP_ARGSZ],
			.flags = op->arg[UNMAP_FLAGS],
		},
		.get = {
			.iova = op->arg[UNMAP_IOVA],
			.size = op->arg[UNMAP_SIZE],
			.bitmap = {
				.pgsize = op->arg[BITMAP_PGSIZE],
				.size = op->arg[BITMAP_SIZE],
				.data = (void *)op->arg[BITMAP_DATA],
			},
		},
	};

	fill_buf(op);
	say_ret(ioctl(run.container, VFIO_IOMMU_DIRTY_PAGES, &arg));
	say_bitmap(op);
}

static void say_caps(const void *info, u32 offset)
{
	int n;

	for (n = 0; offset && offset < 4000 && n < 8; n++) {
		const struct vfio_info_cap_header *cap = info + offset;
		const struct vfio_iommu_type1_info_cap_iova_range *iovas;
		const struct vfio_iommu_type1_info_cap_migration *mig;
		u32 i;

		say(" cap %u v%u at %u", cap->id, cap->version, offset);
		iovas = (const void *)cap;
		mig = (const void *)cap;
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION)
			say(" flags 0x%x pgsizes 0x%lx max 0x%lx", mig->flags,
			    (u64)mig->pgsize_bitmap,
			    (u64)mig->max_dirty_bitmap_size);
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			for (i = 0; i < iovas->nr_iovas && i < 8; i++)
				say(" 0x%lx-0x%lx",
				    (u64)iovas->iova_ranges[i].start,
				    (u64)iovas->iova_ranges[i].end);
		offset = cap->next;
	}
}

static void do_info(const struct op *op)
{
	u64 buf[4096 / 8];
	struct vfio_iommu_type1_info *info = (void *)buf;
	int ret;

	memset(buf, 0xee, sizeof(buf));
	info->argsz = op->arg[0];
	ret = ioctl(run.container, VFIO_IOMMU_GET_INFO, info);
	say_ret(ret);
	say(" argsz %u", info->argsz);
	if (!ret) {
		say(" flags 0x%x pgsizes 0x%lx", info->flags,
		    (u64)info->iova_pgsizes);
		if (op->arg[0] >= sizeof(*info)) {
			say(" caps at %u", info->cap_offset);
			say_caps(buf, info->cap_offset);
		}
	}
	/* The whole buffer, holes included */
	say(" bytes %016lx", hash(buf, sizeof(buf)));
}

static void do_ext(const struct op *op)
{
	say_ret(ioctl(run.container, VFIO_CHECK_EXTENSION, op->arg[0]));
}

static void do_raw(const struct op *op)
{
	static const struct vfio_iommu_type1_info info = { .argsz = 24 };
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = t1x_region[R_A].base,
		.iova = 0x50000000,
		.size = T1X_PAGE,
	};
	static const struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = 0x50000000,
		.size = T1X_PAGE,
	};
	static const struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP,
	};
	const struct {
		unsigned long cmd;
		const void *arg;
		size_t len;
	} cmds[RAW_CMDS] = {
		[RAW_INFO] = { VFIO_IOMMU_GET_INFO, &info, sizeof(info) },
		[RAW_MAP] = { VFIO_IOMMU_MAP_DMA, &map, sizeof(map) },
		[RAW_UNMAP] = { VFIO_IOMMU_UNMAP_DMA, &unmap, sizeof(unmap) },
		[RAW_DIRTY] = { VFIO_IOMMU_DIRTY_PAGES, &dirty, sizeof(dirty) },
		[RAW_UNKNOWN] = { _IO(VFIO_TYPE, VFIO_BASE + 99), &info, 0 },
	};
	const struct region_info *r = &t1x_region[R_ARG];
	u64 at = op->arg[1] - r->base;
	size_t room;

	if (op->arg[0] >= RAW_CMDS)
		return;
	room = at < r->size ? r->size - at : 0;
	if (room > cmds[op->arg[0]].len)
		room = cmds[op->arg[0]].len;
	if (room)
		memcpy((void *)op->arg[1], cmds[op->arg[0]].arg, room);
	say_ret(ioctl(run.container, cmds[op->arg[0]].cmd, op->arg[1]));
	if (room)
		say(" bytes %016lx", hash((void *)op->arg[1], room));
}

static void do_drop(const struct op *op)
{
	say_ret(madvise((void *)op->arg[0], op->arg[1], MADV_DONTNEED));
}

static void do_prot(const struct op *op)
{
	/* PROT_READ and PROT_WRITE are 1 and 2 */
	say_ret(mprotect((void *)op->arg[0], op->arg[1], op->arg[2]));
}

static void say_place(const struct t1x_place *place, u64 phys)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	if (!place) {
		say(" ?");
		return;
	}
	out = open_memstream(&text, &len);
	t1x_print_addr(out, place->vaddr + (phys - place->phys));
	fclose(out);
	say(" %c:%s", place->who, text);
	free(text);
}

/* Does the next leaf go on where the last one, of the same sort, has ended? */
static bool goes_on(const struct t1x_leaf *a, const struct t1x_place *pa,
		    const struct t1x_leaf *b, const struct t1x_place *pb)
{
	if (b->iova != a->iova + a->size || a->size != b->size ||
	    a->read != b->read || a->write != b->write || !pa != !pb)
		return false;
	return !pa || (pa->who == pb->who &&
		       pb->vaddr + (b->phys - pb->phys) ==
			       pa->vaddr + (a->phys - pa->phys) + a->size);
}

/* What the device would reach: in terms of the processes' memory */
static void do_table(const struct op *op)
{
	const struct t1x_place *place, *last = NULL;
	struct t1x_places places;
	struct t1x_iotable table;
	u64 start = 0;
	int i;

	if (op->arg[0] >= G_COUNT || !run.bdf[op->arg[0]] ||
	    !t1x_iotable_read(&table, run.bdf[op->arg[0]])) {
		say("none");
		return;
	}

	t1x_places_read(&places, run.b);
	say("%d leaves", table.n);
	for (i = 0; i < table.n; i++, last = place) {
		struct t1x_leaf *leaf = &table.leaf[i];

		place = t1x_places_find(&places, leaf->phys);
		if (i && goes_on(leaf - 1, last, leaf, place))
			continue;
		if (i)
			say("-0x%lx", leaf[-1].iova + leaf[-1].size - start);
		start = leaf->iova;
		say("; 0x%lx %s%s%s", leaf->iova, leaf->read ? "r" : "",
		    leaf->write ? "w" : "",
		    leaf->size > T1X_PAGE ? " huge" : "");
		say_place(place, leaf->phys);
	}
	if (i)
		say("-0x%lx",
		    table.leaf[i - 1].iova + table.leaf[i - 1].size - start);
	t1x_places_free(&places);
	t1x_iotable_free(&table);
}

static void do_pin(const struct op *op)
{
	static u64 pfns[T1X_EMU_MAX_PAGES];
	struct t1x_emu_pin pin = {
		.iova = op->arg[1],
		.npages = op->arg[2],
		.prot = op->arg[3],
		.pfns = (u64)pfns,
	};
	struct t1x_places places;
	int ret, i;

	if (!has_device(op->arg[0]))
		return;
	ret = ioctl(run.device[op->arg[0]], T1X_EMU_IOC_PIN, &pin);
	say_result(ret, pin.result);
	if (pin.stale)
		say(" stale %u", pin.stale);
	if (ret || pin.result <= 0)
		return;
	t1x_places_read(&places, run.b);
	for (i = 0; i < pin.result; i++) {
		say_place(t1x_places_find(&places, pfns[i] * T1X_PAGE),
			  pfns[i] * T1X_PAGE);
		if (run.unpin_first && run.nheld < MAX_HELD)
			run.held[run.nheld++] =
				(struct held){ op->arg[0],
					       op->arg[1] + i * T1X_PAGE };
	}
	t1x_places_free(&places);
}

static void do_unpin(const struct op *op)
{
	struct t1x_emu_unpin unpin = {
		.iova = op->arg[1],
		.npages = op->arg[2],
	};
	int ret;

	if (!has_device(op->arg[0]))
		return;
	ret = ioctl(run.device[op->arg[0]], T1X_EMU_IOC_UNPIN, &unpin);
	say_ret(ret);
	if (!ret)
		forget_holds(op->arg[0], op->arg[1], op->arg[2]);
}

static void do_rw(const struct op *op)
{
	static unsigned char data[65536];
	struct t1x_emu_rw rw = {
		.flags = op->arg[3] ? T1X_EMU_RW_WRITE : 0,
		.iova = op->arg[1],
		.len = op->arg[2],
		.data = (u64)data,
	};
	int ret;

	if (!has_device(op->arg[0]) || op->arg[2] > sizeof(data))
		return;
	memset(data, 0x5a ^ op->arg[1] >> 12, sizeof(data));
	ret = ioctl(run.device[op->arg[0]], T1X_EMU_IOC_RW, &rw);
	say_result(ret, rw.result);
	say(" bytes %016lx", hash(data, sizeof(data)));
}

static void (*const actions[OP_KINDS])(const struct op *op) = {
	[OP_ATTACH] = do_attach, [OP_DETACH] = do_detach, [OP_SET] = do_set,
	[OP_OPEN] = do_open,	 [OP_CLOSE] = do_close,	  [OP_MAP] = do_map,
	[OP_UNMAP] = do_unmap,	 [OP_UNMAPD] = do_unmap,  [OP_DIRTY] = do_dirty,
	[OP_GET] = do_get,	 [OP_INFO] = do_info,	  [OP_EXT] = do_ext,
	[OP_RAW] = do_raw,	 [OP_DROP] = do_drop,	  [OP_PROT] = do_prot,
	[OP_TABLE] = do_table,	 [OP_PIN] = do_pin,	  [OP_UNPIN] = do_unpin,
	[OP_RW] = do_rw,
};

static void do_op(const struct op *op)
{
	result_len = 0;
	result[0] = '\0';
	actions[op->kind](op);
}

/* B: one operation in, its result out, until A goes or says so */
__attribute((noreturn)) static void serve(int sock)
{
	struct op op;

	t1x_memory_setup('B', run.memfd);
	send(sock, "", 1, 0);
	while (recv(sock, &op, sizeof(op), 0) == sizeof(op)) {
		do_op(&op);
		if (send(sock, result, result_len + 1, 0) < 0)
			break;
	}
	_exit(0);
}

static void start_b(void)
{
	int pair[2];
	char ready;

	t1x_require(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair),
		    "socketpair: %s", strerror(errno));
	run.b = t1x_fork();
	if (!run.b) {
		close(pair[0]);
		serve(pair[1]);
	}
	close(pair[1]);
	run.sock = pair[0];
	t1x_require(recv(run.sock, &ready, 1, 0) == 1, "B did not start");
}

static void stop_b(void)
{
	if (!run.b)
		return;
	close(run.sock);
	waitpid(run.b, NULL, 0);
	run.b = 0;
}

static void ask_b(const struct op *op)
{
	ssize_t n;

	if (!run.b)
		start_b();
	t1x_require(send(run.sock, op, sizeof(*op), 0) == sizeof(*op),
		    "B is gone");
	n = recv(run.sock, result, sizeof(result) - 1, 0);
	t1x_require(n > 0, "B has died");
	result_len = n - 1;
}

/* Locked memory of both, and how many mappings are left to make */
static void say_state(void)
{
	u64 buf[512];
	const struct vfio_iommu_type1_info_dma_avail *cap;
	struct t1x c = { .fd = run.container };

	say(" | A %ld", t1x_locked());
	if (run.b)
		say(" B %ld", t1x_locked_of(run.b));
	if (!__t1x_get_info(&c, buf, sizeof(buf))) {
		cap = t1x_cap_find(buf, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
		if (cap)
			say(" avail %u", cap->avail);
	}
}

static bool changes_state(const struct op *op)
{
	switch (op->kind) {
	case OP_ATTACH:
	case OP_DETACH:
	case OP_SET:
	case OP_CLOSE:
	case OP_MAP:
	case OP_UNMAP:
	case OP_UNMAPD:
	case OP_RAW:
	case OP_DIE:
	case OP_PIN:
	case OP_UNPIN:
		return true;
	}
	return false;
}

static void step(const struct op *op)
{
	bool unmap = op->kind == OP_UNMAP || op->kind == OP_UNMAPD;

	if (unmap)
		unpin_all();
	if (op->kind == OP_DIE) {
		result_len = 0;
		result[0] = '\0';
		stop_b();
	} else if (op->who == 'B') {
		ask_b(op);
	} else {
		do_op(op);
	}
	if (unmap || op->kind == OP_DETACH)
		say_callbacks();
	if (changes_state(op))
		say_state();
}

/* Should the kernel panic, the console ends with what it did last */
static void show_step(const struct op *op)
{
	t1x_print_op(stdout, op);
	printf("\n");
	fflush(stdout);
}

/* A; its record goes to out as it comes, so that a crash shows where it was */
static void run_seq(const struct seq *seq, const char *module, u32 handicap,
		    int out)
{
	char path[128];
	long pins = t1x_pins();
	u32 entries = seq->entries ? seq->entries : DEFAULT_ENTRIES;
	int i, g;

	memset(&run, 0, sizeof(run));
	run.module = module;
	run.unpin_first = getenv("T1X_DEBUG_LANE");
	run.one_domain = run.unpin_first && t1x_kernel_at_least(6, 18);
	run.memfd = t1x_memory_memfd();
	snprintf(path, sizeof(path),
		 "/sys/module/%s/parameters/dma_entry_limit", module);
	t1x_write_ulong(path, entries > handicap ? entries - handicap : 0);
	if (seq->limit) {
		t1x_drop_ipc_lock();
		t1x_set_memlock(seq->limit * T1X_PAGE);
	}
	open_all();
	t1x_memory_setup('A', run.memfd);

	for (i = 0; i < seq->n; i++) {
		if (getenv("T1X_DIFF_SEQ") || getenv("T1X_DEBUG_LANE"))
			show_step(&seq->op[i]);
		step(&seq->op[i]);
		dprintf(out, "%s\n", result);
	}

	stop_b();
	for (g = 0; g < G_COUNT; g++)
		if (run.device[g] >= 0)
			close(run.device[g]);
	for (g = 0; g < G_COUNT; g++)
		if (run.group[g] >= 0)
			close(run.group[g]);
	close(run.container);
	t1x_write_ulong(path, DEFAULT_ENTRIES);
	dprintf(out, "end: A %ld pins %ld\n", t1x_locked(), t1x_pins() - pins);
}

char *t1x_exec(const struct seq *seq, const char *module, u32 handicap)
{
	int out = t1x_memory_memfd();
	int status, ret;
	char *record;
	ssize_t len;
	pid_t pid;

	ftruncate(out, 0);
	pid = t1x_fork();
	if (!pid) {
		run_seq(seq, module, handicap, out);
		_exit(0);
	}
	ret = t1x_wait(pid, SECONDS * 1000, &status);
	if (ret) {
		kill(pid, SIGKILL);
		t1x_wait(pid, 5000, NULL);
		dprintf(out, "hangs\n");
	} else if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		dprintf(out, "died of status 0x%x\n", status);
	}

	record = calloc(1, RECORD_MAX);
	t1x_require(record, "no memory");
	len = pread(out, record, RECORD_MAX - 1, 0);
	close(out);
	record = realloc(record, len < 0 ? 1 : len + 1);
	return record;
}

const char *t1x_record_line(const char *record, int n, char *buf, size_t len)
{
	while (n-- && *record) {
		record += strcspn(record, "\n");
		record += *record == '\n';
	}
	snprintf(buf, len, "%.*s", (int)strcspn(record, "\n"), record);
	return buf;
}
